//! The parallel rollout engine: worker threads that run policies over tiles
//! of lanes and fill trajectories.
//!
//! A *tile* is a fixed, contiguous group of lanes, the unit of parallel work.
//! Its size never depends on the number of workers, results are collected by
//! index, and every lane draws from its own streams: any number of workers
//! gives the same bits. So does any number of [`Ranks`], processes of which each has a
//! pool of its own ([`Pool::share`]). This crate must not know of networks, files, clocks,
//! what carries messages between processes, or any particular environment or algorithm.

mod batch;
mod caught;
mod check;
mod deviation;
mod error;
mod evaluate;
mod lockstep;
mod pool;
mod ranks;
mod share;
mod tile;
mod watch;

pub use batch::{Batch, BatchSize};
pub use deviation::{Deviation, Deviations, Mean, PARTS, deviation_footprint, deviations};
pub use error::{Culprit, RolloutError, Site};
pub use evaluate::{
    Evaluation, Held, PAIRED_TASKS, evaluate, evaluate_watched, evaluation_footprint,
};
pub use pool::{MAX_WORKERS, Pool, WorkError, WorkPanic};
pub use ranks::{Alone, RankError, RankThread, Ranks};
pub use share::{Summed, Told};
pub use tile::Tile;
pub use watch::{Silence, Watched, Watcher};
