//! Finite Markov decision processes, each environment in one file beside its
//! exact solution, and the base from which to make others: a [`Model`] holds
//! the numbers of one MDP, an [`Mdp`] acts them out, and a [`Planner`] solves
//! them exactly. This crate must not know of any learner, network, thread or
//! file.
//!
//! # An environment of one's own
//!
//! A task distribution fills a model in place; everything else is here. Two
//! doors, one of which hides a prize that differs from task to task:
//!
//! ```
//! use mdps::{Mdp, Planner};
//! use rl_core::rand::RngExt as _;
//! use rl_core::{ActionSpace, EnvSpec, ObservationSpace, Stream, TaskDistribution, Trial};
//!
//! #[derive(Clone)]
//! struct Doors;
//!
//! impl TaskDistribution for Doors {
//!     type Task = Mdp;
//!
//!     fn spec(&self) -> EnvSpec {
//!         EnvSpec {
//!             name: "doors".into(),
//!             observation: ObservationSpace::Discrete { size: 2 },
//!             action: ActionSpace::Discrete { size: 2 },
//!             horizon: 5,
//!             trial: Trial::Episodes(4),
//!         }
//!     }
//!
//!     fn sample(&self, task: &mut Mdp, rng: &mut Stream) {
//!         let prize = rng.random_range(0..2);
//!         task.rebuild(|model| {
//!             model.clear(2, 2); // A hall, from which every episode starts, and the street.
//!             for door in 0..2 {
//!                 model.row_mut(0, door).copy_from_slice(&[0.2, 0.8]); // It may stick.
//!             }
//!             model.mean_reward[prize] = 1.0; // [states][actions]
//!             model.terminal[1] = true;
//!         });
//!     }
//!
//!     fn known_task_optimum(&self, task: &Mdp) -> Option<f64> {
//!         let spec = self.spec();
//!         let episode = Planner::default().optimum(task.model(), spec.horizon);
//!         Some(spec.most_episodes() as f64 * episode)
//!     }
//! }
//!
//! let doors = rl_core::Tasks::new(Doors)?;
//! # Ok::<(), rl_core::SpecError>(())
//! ```

mod belief;
mod chain;
mod chain_oracle;
mod dirichlet_mdp;
mod estimate;
mod graph;
mod picture;
mod quadrature;
mod river_swim;
mod statistics;
mod stay_picture;
mod stay_probability;
mod tabular;
mod two_step;
mod two_step_oracle;
mod two_step_switching;

use rl_core::{EnvironmentEntry, Setting};

pub use chain::{Chain, ChainSettings};
pub use dirichlet_mdp::{DirichletMdp, DirichletMdpSettings};
pub use river_swim::RiverSwim;
pub use rl_core::tabular::{Behaviour, Model, ModelError, Noise, Plan, Planner};
pub use stay_probability::{Stay, StayProbability};
pub use tabular::Mdp;
pub use two_step::{Round, TwoStep, TwoStepTask};

/// All of them, by name.
pub fn all() -> Vec<EnvironmentEntry> {
    vec![
        DirichletMdp::entry(),
        RiverSwim::entry(),
        Chain::entry(),
        TwoStep::entry(),
    ]
}

const fn horizon(default: usize) -> Setting {
    Setting::count("horizon", default, 1..=1_000_000, "steps of an episode")
}

/// A trial has at most as many steps as [`rl_core::EnvSpec::validate`] allows.
const fn episodes(default: usize) -> Setting {
    Setting::count("episodes", default, 1..=1_000_000, "episodes of a trial")
}
