//! Continuous actions.

use crate::common::{config, pool, trainer_in};
use nets::tch::Device;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Continuous, EnvFactory, EnvSpec, Environment, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks,
};
use rl2::{BackendKind, Trainer};
use std::sync::Arc;

/// The agent's first number is the reward's distance from a hidden target, which
/// it must find in a box far from 0.
#[derive(Clone)]
struct Targets;

#[derive(Default)]
struct Target(f32);

impl Environment for Target {
    type State = ();
    type Action = Continuous;

    fn reset(&self, _: &mut (), _: &mut Stream) {}

    fn step(&self, _: &mut (), action: &[f32], _: &mut Stream) -> Step {
        Step::proceed(-(action[0] - self.0).abs())
    }

    fn observe(&self, _: &(), observation: &mut [f32]) {
        observation[0] = if self.0 > 15.0 { 1.0 } else { -1.0 };
    }
}

impl TaskDistribution for Targets {
    type Task = Target;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "target".into(),
            observation: ObservationSpace::Vector { size: 1 },
            action: ActionSpace::Box {
                low: vec![10.0],
                high: vec![20.0],
            },
            horizon: 2,
            episodes: 1,
        }
    }

    fn sample(&self, task: &mut Target, rng: &mut Stream) {
        task.0 = if rng.random() { 12.0 } else { 18.0 };
    }
}

#[test]
fn continuous_actions_are_learned_in_any_box() {
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Targets).unwrap());
    let refused = Trainer::new(
        env.as_ref(),
        config(BackendKind::Native),
        0,
        pool(1),
        Device::Cpu,
    );
    let error = refused.err().unwrap().to_string();
    assert!(error.contains("allowed: torch") && error.contains("continuous"));

    let mut trainer = trainer_in(&env, config(BackendKind::Torch), 0, 2);
    trainer.collect().unwrap();
    trainer.advantages();
    let again = trainer.backend();
    let again = again.log_probs(trainer.parameters(), trainer.samples(), 0);
    let first = trainer.samples().batch.tiles()[0].trajectory().log_probs();
    for (again, first) in again.unwrap().iter().zip(first) {
        assert!((again - first).abs() < 1e-4, "{again} and {first}");
    }
    let before = trainer.update().unwrap().mean_return;
    let last = (0..60)
        .map(|_| trainer.update().unwrap().mean_return)
        .last();
    assert!(last.unwrap() > 0.5 * before, "{before} and then {last:?}");
}
