//! A rollout of the policies allocates nothing per step.

use crate::common::{Numbers, SHARINGS, config, trainer};
use agent::ActMode;
use allocation_counter::measure;
use rl_core::{Domain, StreamKey};
use rollout::Tile;

#[test]
fn a_rollout_allocates_nothing_per_step() {
    for sharing in SHARINGS {
        let trainer = trainer(&Numbers::default(), config(sharing));
        let policies = trainer.policy(ActMode::Sample);
        let count = |horizon| {
            let numbers = Numbers {
                horizon,
                ..Numbers::default()
            };
            let mut tile = Tile::new(numbers.env().as_ref(), 16, 0, 2 * horizon);
            let mut key = StreamKey::new(0, Domain::Training, 0);
            // The first rollout may grow buffers; later ones must not.
            tile.collect(policies.as_ref(), &key).unwrap();
            key.round = 1;
            // What tasks note down begins anew.
            numbers.take();
            // Of this thread alone: workers allocate when they begin to wait.
            let counted = measure(|| tile.collect(policies.as_ref(), &key).unwrap());
            assert_eq!(tile.trajectory().steps(), 2 * horizon);
            counted.count_total
        };
        // A rollout makes its policy anew; its steps add nothing to that.
        let few = count(3);
        assert!(few < 200, "{sharing:?}: {few} allocations");
        assert_eq!(count(300), few, "{sharing:?}");
    }
}
