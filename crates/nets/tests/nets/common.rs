//! Helpers of the tests.

use nets::single_threaded;
use rl_core::{Domain, Purpose, Stream, StreamKey};

pub(crate) fn stream(lane: u64) -> Stream {
    single_threaded();
    let key = StreamKey::new(1, Domain::Training, 0);
    key.lane(Purpose::Init, lane)
}
