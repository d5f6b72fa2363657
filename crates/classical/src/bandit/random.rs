use rl_core::rand::RngExt as _;
use rl_core::{ActRow, ActionSpace, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Stream};

/// Acts uniformly at random, in every action space.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Random;

struct RandomPolicy {
    space: ActionSpace,
}

impl PolicyFactory for Random {
    fn name(&self) -> String {
        "random".into()
    }

    fn make(&self, spec: &EnvSpec, _lanes: usize) -> Result<Box<dyn Policy>, String> {
        let space = spec.action.clone();
        Ok(Box::new(RandomPolicy { space }))
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
}
