//! What must hold of a training, on every backend.

mod common;

use common::{config, constant, pool, switches, trainer};
use nets::tch::Device;
use rl_core::{Domain, PolicyFactory};
use rl2::{
    ActMode, ActorCritic, Backend, BackendKind, Gradient, Input, Minibatch, Objective, Outer,
    Rl2Config, Rl2Error, Samples, Surrogate, TorchBackend, Trainer, Way,
};
use rollout::{Evaluation, Held, Pool, evaluate};
use std::sync::Arc;

const RANDOM: f64 = 3.0;
const OPTIMUM: f64 = 5.5;

fn held_out(trainer: &Trainer, mode: ActMode) -> Evaluation {
    let held = Held {
        tasks: 500,
        seed: 0,
        domain: Domain::HeldOut,
    };
    evaluate(&pool(2), &switches(), &trainer.policy(mode), held).unwrap()
}

/// Trains to the end and returns the mean return on held-out tasks.
fn learn(mut trainer: Trainer, updates: u64) -> f64 {
    for _ in 0..updates {
        trainer.update().unwrap();
    }
    held_out(&trainer, ActMode::Sample).returns.mean()
}

#[test]
fn ppo_learns_to_learn_and_fails_to_with_the_gradient_flipped() {
    for backend in BACKENDS {
        let updates = config(backend).updates;
        let learned = learn(trainer(config(backend), 0, 2), updates);
        assert!(learned > 0.9 * OPTIMUM, "{backend:?}: {learned}");
        assert!(learned < OPTIMUM + 0.1, "better than possible: {learned}");
        let flipped = learn(flipped(config(backend)), updates);
        assert!(flipped < RANDOM + 0.5, "{backend:?}, flipped: {flipped}");
    }
}

#[test]
fn a2c_learns_to_learn() {
    for backend in BACKENDS {
        let a2c = Rl2Config {
            outer: Outer::A2c,
            updates: 200,
            ..config(backend)
        };
        let learned = learn(trainer(a2c, 0, 2), 200);
        assert!(learned > 0.85 * OPTIMUM, "{backend:?}: {learned}");
    }
}

#[test]
fn greedy_actions_are_the_likeliest() {
    let mut trainer = trainer(config(BackendKind::Torch), 1, 2);
    for _ in 0..10 {
        trainer.update().unwrap();
    }
    let sampled = held_out(&trainer, ActMode::Sample).returns.mean();
    let greedy = held_out(&trainer, ActMode::Greedy).returns.mean();
    assert!(greedy > sampled, "greedy {greedy}, sampled {sampled}");
}

#[test]
fn without_its_reward_an_agent_stays_at_chance() {
    for backend in BACKENDS {
        let blind = Rl2Config {
            withhold: vec![Input::Reward],
            ..config(backend)
        };
        let learned = learn(trainer(blind, 0, 2), 40);
        assert!((learned - RANDOM).abs() < 0.4, "{backend:?}: {learned}");
    }
}

#[test]
fn lived_again_the_log_probabilities_are_the_rollouts() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 2, 2);
        // Some updates first, so that the policy is far from uniform.
        for _ in 0..8 {
            trainer.update().unwrap();
        }
        trainer.collect().unwrap();
        let samples = trainer.samples();
        for (tile, collected) in samples.batch.tiles().iter().enumerate() {
            let values = trainer.parameters();
            let again = trainer.backend().log_probs(values, samples, tile).unwrap();
            let first = collected.trajectory().log_probs();
            assert_eq!(again.len(), first.len());
            for (again, first) in again.iter().zip(first) {
                assert!((again - first).abs() < 1e-5, "{again} and {first}");
            }
        }
    }
}

#[test]
fn the_first_minibatch_is_on_policy() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 2, 2);
        trainer.collect().unwrap();
        trainer.advantages();
        let gradient = gradient_of(&trainer, trainer.parameters());
        assert!(gradient.approx_kl.abs() < 1e-10, "{}", gradient.approx_kl);
        assert_eq!(gradient.clip_fraction, 0.0);
        // The mean of normalized advantages at ratio 1 is 0.
        assert!(gradient.policy_loss.abs() < 1e-5);
    }
}

#[test]
fn the_gradient_is_that_of_the_objective() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 3, 2);
        trainer.update().unwrap();
        trainer.collect().unwrap();
        trainer.advantages();
        let objective = objective();
        let at = |values: Vec<f32>| {
            let g = gradient_of(&trainer, &Arc::new(values));
            g.policy_loss + objective.value_coefficient * g.value_loss
                - objective.entropy_coefficient * g.entropy
        };
        let values = trainer.parameters();
        let gradient = gradient_of(&trainer, values).values;
        // Along the gradient itself and along a direction that mixes all signs.
        let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        let along: Vec<f32> = gradient.iter().map(|g| g / norm).collect();
        let mixed = (0..gradient.len()).map(|i| ((i * 7919 % 13) as f32 - 6.0) * 0.01);
        for direction in [along, mixed.collect()] {
            let moved = |h: f32| {
                let both = values.iter().zip(&direction);
                at(both.map(|(v, d)| v + h * d).collect())
            };
            let step = 0.01;
            let numeric = (moved(step) - moved(-step)) / f64::from(2.0 * step);
            let both = gradient.iter().zip(&direction);
            let exact: f64 = both.map(|(g, d)| f64::from(g * d)).sum();
            let error = (numeric - exact).abs() / exact.abs().max(1e-3);
            assert!(error < 0.02, "{backend:?}: {numeric} and {exact}");
        }
    }
}

#[test]
fn any_number_of_workers_gives_the_same_bits() {
    for backend in BACKENDS {
        let run = |workers| {
            let mut trainer = trainer(config(backend), 4, workers);
            let metrics: Vec<_> = (0..4).map(|_| trainer.update().unwrap()).collect();
            let bits: Vec<u32> = trainer.parameters().iter().map(|v| v.to_bits()).collect();
            (metrics, bits)
        };
        let one = run(1);
        for workers in [2, 3, 8] {
            assert_eq!(one, run(workers), "{backend:?}, {workers} workers");
        }
    }
}

#[test]
fn a_restored_training_goes_on_with_the_same_bits() {
    for backend in BACKENDS {
        let mut whole = trainer(config(backend), 5, 2);
        (0..3).for_each(|_| drop(whole.update().unwrap()));
        let mut resumed = trainer(config(backend), 5, 2);
        resumed.restore(&whole.snapshot().unwrap()).unwrap();
        for _ in 0..2 {
            assert_eq!(whole.update().unwrap(), resumed.update().unwrap());
        }
        assert_eq!(whole.snapshot().unwrap(), resumed.snapshot().unwrap());
    }
}

#[test]
fn another_networks_snapshot_is_refused() {
    let wide = Rl2Config {
        trunk: nets::SequenceConfig::Gru { hidden: 17 },
        ..config(BackendKind::Torch)
    };
    let other = trainer(wide, 0, 1).snapshot().unwrap();
    let mut trainer = trainer(config(BackendKind::Torch), 0, 1);
    let before = trainer.snapshot().unwrap();
    let error = trainer.restore(&other).unwrap_err().to_string();
    assert!(error.contains("trunk.weight_ih"), "{error}");
    assert_eq!(trainer.snapshot().unwrap(), before);
}

#[test]
fn every_trunk_runs_on_libtorch() {
    let mlp = nets::SequenceConfig::Mlp {
        hidden: vec![8, 8],
        activation: nets::Activation::Tanh,
    };
    for trunk in [nets::SequenceConfig::Lstm { hidden: 8 }, mlp] {
        let mut trainer = trainer(
            Rl2Config {
                trunk,
                ..config(BackendKind::Torch)
            },
            0,
            2,
        );
        trainer.update().unwrap();
    }
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    let mut trainer = trainer(config(BackendKind::Torch), 0, 2);
    let mut snapshot = trainer.snapshot().unwrap();
    let bias = snapshot.params.iter_mut().find(|p| p.name == "value.bias");
    bias.unwrap().data[0] = f32::NAN;
    trainer.restore(&snapshot).unwrap();
    let before = trainer.parameters().clone();
    let error = trainer.update().unwrap_err();
    assert!(matches!(error, Rl2Error::Update { update: 1, .. }));
    assert!(error.to_string().contains("update 1"), "{error}");
    let same = trainer.parameters().iter().zip(before.iter());
    assert!(same.into_iter().all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn settings_out_of_range_are_named() {
    let base = config(BackendKind::Torch);
    let ppo = |clip, epochs, minibatches| Outer::Ppo {
        clip,
        epochs,
        minibatches,
    };
    let cases = [
        (
            Rl2Config {
                updates: 0,
                ..base.clone()
            },
            "rl2.updates = 0",
        ),
        (
            Rl2Config {
                lanes: 0,
                ..base.clone()
            },
            "rl2.lanes = 0",
        ),
        (
            Rl2Config {
                tile: 48,
                ..base.clone()
            },
            "rl2.tile = 48",
        ),
        (
            Rl2Config {
                outer: ppo(0.0, 1, 1),
                ..base.clone()
            },
            "rl2.outer.clip = 0",
        ),
        (
            Rl2Config {
                outer: ppo(0.2, 0, 1),
                ..base.clone()
            },
            "rl2.outer.epochs = 0",
        ),
        (
            Rl2Config {
                outer: ppo(0.2, 1, 3),
                ..base.clone()
            },
            "rl2.outer.minibatches = 3",
        ),
        (
            Rl2Config {
                value_coefficient: f64::NAN,
                ..base.clone()
            },
            "rl2.value_coefficient",
        ),
        (
            Rl2Config {
                max_gradient_norm: 0.0,
                ..base.clone()
            },
            "rl2.max_gradient_norm = 0",
        ),
        (
            Rl2Config {
                learning_rate: constant(-1.0),
                ..base.clone()
            },
            "rl2.learning_rate.from",
        ),
    ];
    for (config, expected) in cases {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains("allowed: "), "{error}");
    }
}

const BACKENDS: [BackendKind; 2] = [BackendKind::Native, BackendKind::Torch];

fn objective() -> Objective {
    Objective {
        surrogate: Surrogate::Clipped(0.2),
        value_coefficient: 0.5,
        entropy_coefficient: 0.01,
    }
}

fn gradient_of(trainer: &Trainer, values: &Arc<Vec<f32>>) -> Gradient {
    let minibatch = trainer.minibatch(&[0, 1, 2, 3]);
    trainer
        .backend()
        .gradient(&pool(2), values, trainer.samples(), &minibatch, objective())
        .unwrap()
}

/// Turns every gradient around.
struct Flipped(Box<dyn Backend>);

impl Backend for Flipped {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.0.policy(values, mode)
    }

    fn way(&self) -> Way {
        self.0.way()
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, Rl2Error> {
        self.0.log_probs(values, samples, tile)
    }

    fn gradient(
        &self,
        pool: &Pool,
        values: &Arc<Vec<f32>>,
        samples: &Arc<Samples>,
        minibatch: &Minibatch,
        objective: Objective,
    ) -> Result<Gradient, Rl2Error> {
        let mut gradient = self
            .0
            .gradient(pool, values, samples, minibatch, objective)?;
        gradient.values.iter_mut().for_each(|g| *g = -*g);
        Ok(gradient)
    }
}

fn flipped(config: Rl2Config) -> Trainer {
    let env = switches();
    let model = Arc::new(ActorCritic::new(env.spec(), &config).unwrap());
    let backend = Box::new(TorchBackend::new(Arc::clone(&model), Device::Cpu));
    let parts: (_, Box<dyn Backend>) = (model, Box::new(Flipped(backend)));
    Trainer::with_backend(env.as_ref(), config, 0, pool(2), parts).unwrap()
}
