//! What everything in metarl shares: environments and task distributions,
//! batches of them, policies, trajectories, returns and random streams.
//!
//! This crate must not know of threads, networks, files or any particular
//! environment or algorithm. Data flows one way through it: a
//! [`TaskDistribution`] draws a task into each lane of a [`VecEnv`], a
//! [`Policy`] acts on row `t` of a [`Trajectory`], the environment writes row
//! `t + 1` (a [`Rollout`] is all three), and [`gae`] turns rewards and values into
//! advantages.

mod analysis;
mod author;
mod bars;
mod bounds;
mod cost;
mod entry;
mod env;
mod exact;
mod fault;
mod footprint;
mod gae;
pub mod glyph;
mod known_tasks;
mod lanes;
mod names;
mod objective;
mod one_task;
mod pack;
mod picture;
mod policy;
mod random;
mod revealed;
mod rollout;
mod setting;
mod spec;
mod split;
mod standardize;
mod statistics;
mod stats;
mod streams;
pub mod tabular;
mod telling;
mod text;
mod ticks;
mod trajectory;
mod tree;
mod units;
mod vec_env;

pub use analysis::{Analysis, Trials};
pub use author::{AtWork, AuthorPanic, Call, Working, drop_quietly, panic_text};
pub use bars::{Bar, Bars, MOST_BARS};
pub use bounds::Bounds;
pub use cost::{Cost, Known};
pub use entry::EnvironmentEntry;
pub use env::{ActionKind, Continuous, Discrete, Environment, Outcome, Step, TaskDistribution};
pub use exact::{Exact, ExactValues, MEMORYLESS_OPTIMUM};
pub use fault::{SettingError, SpecError};
pub use footprint::{Footprint, Need};
pub use gae::{Credit, Gae, GaeInput, Link, gae};
pub use known_tasks::{Information, KnownTasks};
pub use lanes::{Lanes, Tasks};
pub use names::{nearest, suggestion};
pub use objective::{Objective, Objectives, Sight};
pub use one_task::OneTask;
pub use pack::Pack;
pub use picture::{Episode, Ink, Moment, Picture, Shape};
pub use policy::{ActRow, Policy, PolicyFactory, Row, into_advantages};
pub use random::{Random, RandomPolicy};
pub use revealed::{Revealed, RevealedTask};
pub use rollout::Rollout;
pub use setting::{Kind, Setting, Settings, Value};
pub use spec::{ActionSpace, EnvSpec, ObservationSpace, Trial};
pub use split::{Part, Split, Subset};
pub use standardize::{AdvantageMoments, RewardSpread, Standardization};
pub use statistics::{LastSeen, Noise, Statistics, StatisticsFactory, TimeLeft};
pub use stats::Moments;
pub use streams::{Domain, Purpose, Stream, StreamKey};
pub use telling::Telling;
pub use text::{is_hidden, shown};
pub use ticks::ticks;
pub use trajectory::Trajectory;
pub use tree::{Array, Data, Tree, TreeError};
pub use units::Bytes;
pub use vec_env::{
    Actions, ActionsMut, EnvFactory, MOST_DESCRIBED, Place, Positions, StepRows, VecEnv,
};

pub use rand;
pub use rand_distr;
