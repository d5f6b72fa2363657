//! Continuous actions.

use crate::common::{BACKENDS, config, pool, trainer_in};
use crate::gradients::check_gradient;
use agent::Training as _;
use agent::{BackendKind, Place};
use nets::Device;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Continuous, EnvFactory, EnvSpec, Environment, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks, Trial,
};
use rl2::{Outer, Rl2Config, Trainer};
use std::sync::Arc;

/// The agent's first number is the reward's distance from a hidden target, which
/// it must find in a box of half-width 5, so far to either side of its middle.
#[derive(Clone)]
struct Targets {
    middle: f32,
    side: f32,
}

#[derive(Default)]
struct Target {
    place: f32,
    is_high: bool,
}

impl Environment for Target {
    type State = ();
    type Action = Continuous;

    fn reset(&self, _: &mut (), _: &mut Stream) {}

    fn step(&self, _: &mut (), action: &[f32], _: &mut Stream) -> Step {
        Step::proceed(-(action[0] - self.place).abs())
    }

    fn observe(&self, _: &(), observation: &mut [f32]) {
        observation[0] = if self.is_high { 1.0 } else { -1.0 };
    }
}

impl TaskDistribution for Targets {
    type Task = Target;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "target".into(),
            observation: ObservationSpace::Vector { size: 1 },
            action: ActionSpace::Box {
                low: vec![self.middle - 5.0],
                high: vec![self.middle + 5.0],
            },
            horizon: 2,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Target, rng: &mut Stream) {
        task.is_high = rng.random();
        let side = if task.is_high { self.side } else { -self.side };
        task.place = self.middle + side;
    }
}

pub(crate) fn targets(middle: f32, side: f32) -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(Targets { middle, side }).unwrap())
}

#[test]
fn continuous_actions_are_learned_in_any_box() {
    let env = targets(15.0, 3.0);
    for backend in BACKENDS {
        let mut trainer = trainer_in(&env, config(backend), 0, 2);
        let before = trainer.update().unwrap().mean_return;
        let last = (0..60)
            .map(|_| trainer.update().unwrap().mean_return)
            .last();
        assert!(
            last.unwrap() > 0.5 * before,
            "{backend:?}: {before} and then {last:?}"
        );
    }
}

#[test]
fn the_gradient_of_continuous_actions_is_that_of_the_objective() {
    let env = targets(15.0, 3.0);
    for backend in BACKENDS {
        let mut trainer = trainer_in(&env, config(backend), 3, 2);
        check_gradient(&mut trainer, &format!("{backend:?}"));
    }
}

fn narrow(backend: BackendKind, std: f64) -> Rl2Config {
    let mut narrow = config(backend);
    narrow.policy.std = std;
    narrow
}

const LOG_STD: &str = "params/policy.log_std";

/// Sets the logarithm of the standard deviation.
fn set_log_std(trainer: &mut Trainer, log_std: f32) {
    let mut checkpoint = trainer.checkpoint().unwrap();
    checkpoint.floats_mut(LOG_STD).unwrap().fill(log_std);
    trainer.restore(&checkpoint).unwrap();
}

/// A log-probability is that of the action as the trajectory holds it, to 1e-5
/// at the least deviation that is allowed, even in a box where rounding the
/// action alone would move it by 3e-4.
#[test]
fn lived_again_the_log_probabilities_of_narrow_actions_are_the_rollouts() {
    for backend in BACKENDS {
        check_narrow(backend);
    }
}

fn check_narrow(backend: BackendKind) {
    let env = targets(1005.0, 3.0);
    let mut trainer = trainer_in(&env, config(backend), 0, 2);
    // Until means are far from 0.
    for _ in 0..30 {
        trainer.update().unwrap();
    }
    set_log_std(&mut trainer, 0.01_f32.ln());
    trainer.collect().unwrap();
    let (mut squares, mut count) = (0.0, 0);
    for (tile, collected) in trainer.learner().samples().batch.tiles().iter().enumerate() {
        let again = trainer.learner().backend();
        let again = again.log_probs(
            trainer.learner().parameters(),
            trainer.learner().samples(),
            tile,
        );
        let first = collected.trajectory().log_probs();
        for (again, first) in again.unwrap().iter().zip(first) {
            squares += f64::from(again - first).powi(2);
            count += 1;
        }
    }
    let error = (squares / f64::from(count)).sqrt();
    assert!(error < 1e-5, "{backend:?}: {error}");
}

#[test]
fn learning_does_not_make_actions_narrower_than_the_least() {
    // Every noise is a loss: the mean is right from the start.
    let env = targets(15.0, 0.0);
    for backend in BACKENDS {
        let mut trainer = trainer_in(&env, narrow(backend, 0.012), 0, 2);
        let least = 0.01_f64.ln() as f32;
        let mut reached = false;
        for _ in 0..40 {
            trainer.update().unwrap();
            let mut checkpoint = trainer.checkpoint().unwrap();
            let log_std = checkpoint.floats_mut(LOG_STD).unwrap()[0];
            assert!(log_std >= least, "{backend:?}: {log_std}");
            reached |= log_std == least;
        }
        assert!(reached, "{backend:?}: the least is put to the test");
    }
}

#[test]
fn the_first_pass_sees_no_divergence_however_narrow_the_actions() {
    let env = targets(15.0, 3.0);
    for backend in BACKENDS {
        let once = Rl2Config {
            outer: Outer::Ppo {
                clip: 0.2,
                epochs: 1,
                minibatches: 1,
            },
            ..narrow(backend, 0.01)
        };
        let kl = trainer_in(&env, once, 0, 2).update().unwrap().approx_kl;
        assert!((0.0..1e-10).contains(&kl), "{backend:?}: {kl}");
        let (device, pool) = (Device::Cpu, pool(1));
        let place = Place { pool, device };
        let refused = Trainer::new(env.as_ref(), narrow(backend, 1e-9), 0, place);
        let error = refused.err().unwrap().to_string();
        let start = "rl2.policy.std = 0.000000001; allowed: at least 0.01";
        assert!(error.starts_with(start), "{error}");
    }
}
