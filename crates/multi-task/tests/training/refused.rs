//! Environments whose tasks are not told apart.

use crate::common::{Number, Numbers, config, pool};
use multi_task::{Sharing, Trainer};
use rl_core::rand::RngExt as _;
use rl_core::{EnvSpec, Stream, TaskDistribution, Tasks};

/// Two tasks of every number.
struct Twins(Numbers);

impl TaskDistribution for Twins {
    type Task = Number;

    fn spec(&self) -> EnvSpec {
        self.0.spec()
    }

    fn sample(&self, task: &mut Number, rng: &mut Stream) {
        self.select(task, rng.random_range(0..2 * self.0.tasks));
    }

    fn tasks(&self) -> Option<u64> {
        Some(2 * self.0.tasks)
    }

    fn select(&self, task: &mut Number, number: u64) {
        self.0.select(task, number / 2);
    }

    fn description_size(&self) -> usize {
        self.0.description_size()
    }

    fn describe(&self, task: &Number, description: &mut [f32]) {
        self.0.describe(task, description);
    }
}

#[test]
fn tasks_that_are_described_alike_are_refused() {
    let env = Tasks::new(Twins(Numbers::default())).unwrap();
    let made = Trainer::new(&env, config(Sharing::Input {}), 0, pool(1));
    let why = made.err().unwrap().to_string();
    let said = "environment = numbers with 6 tasks of 3 descriptions; allowed: one whose tasks";
    assert!(why.starts_with(said), "{why}");
}
