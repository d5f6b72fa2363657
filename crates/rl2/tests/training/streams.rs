//! Which tasks a training meets.

use crate::common::{BACKENDS, config, pool, trainer_in};
use agent::ActMode;
use agent::Training as _;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, Domain, EnvFactory, EnvSpec, Environment, ObservationSpace, Step,
    Stream, TaskDistribution, Tasks, Trial,
};
use rollout::{Held, evaluate};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// Tasks that are a number of 64 bits each, and note down that they were drawn.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<u64>>>);

impl Noted {
    /// What was drawn since the last call.
    fn take(&self) -> Vec<u64> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[derive(Default)]
struct Number(u64);

impl Environment for Number {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _: &mut (), _: &mut Stream) {}

    fn step(&self, _: &mut (), action: &u32, _: &mut Stream) -> Step {
        Step::proceed(f32::from(u8::from(u64::from(*action) == self.0 % 2)))
    }

    fn observe(&self, _: &(), _: &mut [f32]) {}
}

impl TaskDistribution for Noted {
    type Task = Number;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "noted".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 2,
            trial: Trial::Episodes(2),
        }
    }

    fn sample(&self, task: &mut Number, rng: &mut Stream) {
        task.0 = rng.random();
        self.0.lock().unwrap().push(task.0);
    }
}

#[test]
fn no_training_task_is_met_twice_or_in_an_evaluation() {
    for backend in BACKENDS {
        let noted = Noted::default();
        let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(noted.clone()).unwrap());
        let mut trainer = trainer_in(&env, config(backend), 0, 2);
        noted.take();
        for _ in 0..3 {
            trainer.update().unwrap();
        }
        let drawn = noted.take();
        let trained: HashSet<u64> = drawn.iter().copied().collect();
        assert!(trained.len() >= 3 * 64, "a task for each lane and update");
        assert_eq!(trained.len(), drawn.len(), "a task was met twice");
        let policy = trainer.policy(ActMode::Sample);
        for domain in [Domain::HeldOut, Domain::Tuning] {
            let held = Held {
                tasks: 64,
                seed: 0,
                domain,
            };
            evaluate(&pool(2), &env, &policy, held).unwrap();
            let met: HashSet<u64> = noted.take().into_iter().collect();
            assert!(met.len() >= 64);
            assert!(trained.is_disjoint(&met), "{backend:?}: {domain:?}");
        }
    }
}
