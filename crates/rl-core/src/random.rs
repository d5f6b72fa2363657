//! Acting at random: what every learner is compared with, and what tries out
//! environments.

use crate::policy::{ActRow, Policy, PolicyFactory, Row};
use crate::spec::{ActionSpace, EnvSpec};
use crate::streams::Stream;
use crate::vec_env::ActionsMut;
use rand::RngExt as _;

/// Acts uniformly at random, in every action space.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random;

/// What [`Random`] makes.
#[derive(Clone, Debug)]
pub struct RandomPolicy {
    space: ActionSpace,
}

impl Random {
    /// A policy for any number of lanes.
    pub fn policy(spec: &EnvSpec) -> RandomPolicy {
        let space = spec.action.clone();
        RandomPolicy { space }
    }
}

impl PolicyFactory for Random {
    fn name(&self) -> String {
        "random".into()
    }

    fn make(&self, spec: &EnvSpec, _lanes: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Self::policy(spec)))
    }
}

impl Policy for RandomPolicy {
    fn act(&mut self, _row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        match (&self.space, out.action) {
            (ActionSpace::Discrete { size }, ActionsMut::Discrete(actions)) => {
                for (action, rng) in actions.iter_mut().zip(streams) {
                    *action = rng.random_range(0..*size as u32);
                }
            }
            (ActionSpace::Box { low, high }, ActionsMut::Box { width, row }) => {
                for (action, rng) in row.chunks_exact_mut(width).zip(streams) {
                    for ((number, low), high) in action.iter_mut().zip(low).zip(high) {
                        // A sum of weighted ends cannot overflow, their
                        // difference could.
                        let share = rng.random::<f32>();
                        *number = low * (1.0 - share) + high * share;
                    }
                }
            }
            _ => panic!("actions of the other kind than the environment's"),
        }
    }

    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let size = out.label.len() / row.lanes;
        out.label.fill(1.0 / size as f32);
        let label = &mut [];
        self.act(row, streams, ActRow { label, ..out });
    }
}
