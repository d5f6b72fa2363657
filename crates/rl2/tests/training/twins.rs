//! The libtorch backend does what the native one does, and more.

use crate::common::{config, pool, seen_as, trainer, trainer_in};
use crate::continuous::targets;
use agent::Training as _;
use agent::{
    ActMode, ActorCritic, Backend, BackendKind, Execution, Gradient, Input, LearnError, Lesson,
    NativeBackend, Samples, TorchBackend, telling,
};
use nets::Device;
use rl_core::{Actions, ObservationSpace, PolicyFactory};
use rl2::{Outer, Rl2Config, Trainer};
use rollout::Pool;
use std::sync::Arc;

/// Everything that an agent can see, and everything it can be denied.
fn all_inputs() -> Vec<(ObservationSpace, Vec<Input>)> {
    let spaces = [
        ObservationSpace::Vector { size: 0 },
        ObservationSpace::Vector { size: 3 },
        ObservationSpace::Discrete { size: 4 },
    ];
    let without = |withheld: Input| {
        let usual = Input::USUAL.into_iter();
        usual.filter(|input| *input != withheld).collect()
    };
    let told = [&Input::USUAL[..], &[Input::TimeLeft]].concat();
    let mut cases = Vec::new();
    for space in spaces {
        cases.push((space.clone(), Input::USUAL.to_vec()));
        cases.push((space.clone(), told.clone()));
        cases.extend(Input::USUAL.map(|input| (space.clone(), without(input))));
    }
    cases
}

#[test]
fn both_backends_read_every_input_alike() {
    for (sees, inputs) in all_inputs() {
        let env = telling(seen_as(sees.clone(), true), &inputs).unwrap();
        let with = |backend| Rl2Config {
            inputs: inputs.clone(),
            ..config(backend)
        };
        let mut native = trainer_in(&env, with(BackendKind::Native), 8, 2);
        native.update().unwrap();
        native.collect().unwrap();
        let torch = trainer_in(&env, with(BackendKind::Torch), 8, 1);
        let (values, samples) = (native.learner().parameters(), native.learner().samples());
        let [a, b] = [&native, &torch].map(|of| {
            of.learner()
                .backend()
                .log_probs(values, samples, 0)
                .unwrap()
        });
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-5, "{sees:?}, told {inputs:?}");
        }
    }
}

/// Acts natively, and computes every gradient twice.
pub(crate) struct Both(pub(crate) NativeBackend, pub(crate) TorchBackend);

impl Backend for Both {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.0.policy(values, mode)
    }

    fn execution(&self) -> Execution {
        self.0.execution()
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, LearnError> {
        self.0.log_probs(values, samples, tile)
    }

    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError> {
        let a = self.0.gradient(pool, lesson)?;
        let b = self.1.gradient(pool, lesson)?;
        let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let both = a.values.iter().zip(&b.values);
        let difference: Vec<f32> = both.map(|(a, b)| a - b).collect();
        let error = norm(&difference) / norm(&b.values);
        assert!(error < 1e-4, "relative error {error}");
        assert!((a.losses.policy - b.losses.policy).abs() < 1e-5);
        assert!((a.losses.value - b.losses.value).abs() < 1e-5);
        assert!((a.losses.entropy - b.losses.entropy).abs() < 1e-5);
        assert!((a.losses.approx_kl - b.losses.approx_kl).abs() < 1e-5);
        assert!((a.losses.clip_fraction - b.losses.clip_fraction).abs() < 0.01);
        Ok(a)
    }
}

#[test]
fn both_backends_compute_the_same_gradients() {
    for hidden in [5, 16, 33] {
        for trunk in [
            nets::SequenceConfig::Gru(nets::Recurrent::plain(hidden)),
            nets::SequenceConfig::Lstm(nets::Recurrent::plain(hidden)),
        ] {
            let config = Rl2Config {
                trunk,
                ..config(BackendKind::Native)
            };
            let mut cases = all_inputs();
            cases.truncate(if hidden == 5 { usize::MAX } else { 1 });
            for (sees, inputs) in cases {
                let env = telling(seen_as(sees, true), &inputs).unwrap();
                let config = Rl2Config {
                    inputs,
                    ..config.clone()
                };
                let network = config.learner().network;
                let model = Arc::new(ActorCritic::new(env.as_ref(), network).unwrap());
                let native = NativeBackend::new(&model, network).unwrap();
                let torch = TorchBackend::new(Arc::clone(&model), Device::Cpu).unwrap();
                let parts: (_, Box<dyn Backend>) = (model, Box::new(Both(native, torch)));
                let mut trainer =
                    Trainer::with_backend(env.as_ref(), config, 6, pool(2), parts).unwrap();
                trainer.update().unwrap();
            }
        }
    }
}

#[test]
fn both_backends_compute_the_same_gradients_of_continuous_actions() {
    let env = targets(15.0, 3.0);
    for outer in [config(BackendKind::Native).outer, Outer::A2c] {
        let told = [&Input::USUAL[..], &[Input::TimeLeft]].concat();
        let seen = [Input::Action, Input::Reward, Input::Outcome].to_vec();
        let done = [Input::Observation, Input::Reward, Input::Outcome].to_vec();
        for inputs in [Input::USUAL.to_vec(), told, seen, done] {
            let env = telling(Arc::clone(&env), &inputs).unwrap();
            let config = Rl2Config {
                outer,
                inputs,
                ..config(BackendKind::Native)
            };
            let network = config.learner().network;
            let model = Arc::new(ActorCritic::new(env.as_ref(), network).unwrap());
            let native = NativeBackend::new(&model, network).unwrap();
            let torch = TorchBackend::new(Arc::clone(&model), Device::Cpu).unwrap();
            let parts: (_, Box<dyn Backend>) = (model, Box::new(Both(native, torch)));
            let mut trainer =
                Trainer::with_backend(env.as_ref(), config, 6, pool(2), parts).unwrap();
            trainer.update().unwrap();
            trainer.update().unwrap();
        }
    }
}

#[test]
fn both_backends_act_alike_with_continuous_actions() {
    let env = targets(15.0, 3.0);
    let mut native = trainer_in(&env, config(BackendKind::Native), 8, 2);
    for _ in 0..3 {
        native.update().unwrap();
    }
    let mut torch = trainer_in(&env, config(BackendKind::Torch), 8, 1);
    torch.restore(&native.checkpoint().unwrap()).unwrap();
    native.collect().unwrap();
    torch.collect().unwrap();
    let tiles = [&native, &torch].map(|of| of.learner().samples().batch.tiles());
    for (a, b) in tiles[0].iter().zip(tiles[1]) {
        let (a, b) = (a.trajectory(), b.trajectory());
        let actions = [a, b].map(|of| match of.actions() {
            Actions::Box { row, .. } => row,
            Actions::Discrete(_) => panic!("continuous actions"),
        });
        for (what, a, b) in [
            ("actions", actions[0], actions[1]),
            ("log-probabilities", a.log_probs(), b.log_probs()),
            ("values", a.values(), b.values()),
        ] {
            let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs());
            let most = apart.fold(0.0, f32::max);
            assert!(most < 2e-5, "{what}: {most} apart");
        }
    }
}

#[test]
fn gradients_of_several_shards_add_up() {
    let wide = |tile| Rl2Config {
        lanes: 512,
        tile,
        outer: Outer::A2c,
        ..config(BackendKind::Torch)
    };
    let run = |tile, workers| {
        let mut trainer = trainer(wide(tile), 10, workers);
        trainer.update().unwrap();
        trainer.learner().parameters().to_vec()
    };
    let reference = run(64, 1);
    for workers in [2, 3, 8] {
        assert_eq!(reference, run(64, workers), "{workers} workers");
    }
    let whole = run(512, 1);
    let close = reference
        .iter()
        .zip(&whole)
        .all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(close, "four shards and one give the same step");
}

#[test]
fn every_trunk_runs_on_libtorch() {
    let mlp = nets::SequenceConfig::Mlp {
        hidden: vec![8, 8],
        activation: nets::Activation::Tanh,
    };
    for trunk in [nets::SequenceConfig::Lstm(nets::Recurrent::plain(8)), mlp] {
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
