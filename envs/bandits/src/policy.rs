//! Exact policies that remember little of a trial.

use rl_core::{ActRow, Actions, EnvSpec, Policy, PolicyFactory, Row, Stream, into_advantages};

/// A rule that says which arm is best, given what a trial has shown.
pub(crate) trait Rule: Clone + Send + Sync + 'static {
    /// What is remembered of a trial; the default where there is nothing yet.
    type Memory: Default + Send;

    /// Makes a memory that of a new trial.
    fn forget(&self, memory: &mut Self::Memory) {
        *memory = Self::Memory::default();
    }

    /// Takes in what a pull gave.
    fn learn(&self, memory: &mut Self::Memory, arm: u32, reward: f32);

    /// The arm to pull.
    fn choose(&self, memory: &Self::Memory) -> u32;

    /// What each arm is worth, up to a number that all have in common.
    fn evaluate(&self, memory: &Self::Memory, values: &mut [f64]);
}

/// Makes policies that follow an optimal rule, for one environment.
pub(crate) struct Optimal<R> {
    pub(crate) spec: EnvSpec,
    pub(crate) rule: R,
}

impl<R: Rule> PolicyFactory for Optimal<R> {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        Ok(Box::new(Following {
            rule: self.rule.clone(),
            memories: std::iter::repeat_with(R::Memory::default)
                .take(lanes)
                .collect(),
        }))
    }
}

/// A rule at work.
struct Following<R: Rule> {
    rule: R,
    memories: Vec<R::Memory>, // [lanes]
}

impl<R: Rule> Policy for Following<R> {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let (Actions::Discrete(previous), Some(actions)) =
            (row.previous_action, out.action.discrete())
        else {
            return; // `make` has refused continuous actions.
        };
        for (lane, memory) in self.memories.iter_mut().enumerate() {
            if row.start[lane] {
                self.rule.forget(memory);
            } else {
                let reward = row.previous_reward[lane];
                self.rule.learn(memory, previous[lane], reward);
            }
            actions[lane] = self.rule.choose(memory);
        }
    }

    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        let arms = advantages.len() / self.memories.len();
        let lanes = advantages.chunks_exact_mut(arms);
        for (memory, values) in self.memories.iter().zip(lanes) {
            self.rule.evaluate(memory, values);
            into_advantages(values);
        }
        true
    }
}
