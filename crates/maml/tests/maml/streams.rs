//! Which tasks a training meets.

use crate::common::{config, evaluation, trainer, trpo};
use maml::Adapted;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, Domain, EnvFactory, EnvSpec, Environment, ObservationSpace, Step,
    Stream, TaskDistribution, Tasks, Trial,
};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// Tasks that are a number of 64 bits each, and note down that they were drawn.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<HashSet<u64>>>);

impl Noted {
    /// What was drawn since the last call.
    fn take(&self) -> HashSet<u64> {
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
            horizon: 4,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Number, rng: &mut Stream) {
        task.0 = rng.random();
        self.0.lock().unwrap().insert(task.0);
    }
}

#[test]
fn no_training_task_is_met_in_another_update_or_in_an_evaluation() {
    let noted = Noted::default();
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(noted.clone()).unwrap());
    let mut trainer = trainer(&env, config(trpo()), 2);
    noted.take();
    let mut trained = HashSet::new();
    for _ in 0..3 {
        trainer.update().unwrap();
        let met = noted.take();
        assert!(met.len() >= 10, "a task for each of the meta-batch");
        assert!(trained.is_disjoint(&met), "a task was met twice");
        trained.extend(met);
    }
    for domain in [Domain::HeldOut, Domain::Tuning] {
        let mut held = evaluation(30, 0.1);
        held.held.seed = 0; // That of the training.
        held.held.domain = domain;
        let held: Adapted = held;
        trainer.adapt_and_evaluate(&env, &held).unwrap();
        let met = noted.take();
        assert!(met.len() >= 30);
        assert!(trained.is_disjoint(&met), "{domain:?}");
    }
}
