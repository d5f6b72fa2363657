//! A trunk that no list knows, natively and on libtorch: the trainer, the heads, the
//! losses and the backends are the same.

use crate::common::{BACKENDS, config, pool, switches};
use crate::gradients::check_gradient;
use crate::learning::{OPTIMUM, RANDOM, learn};
#[cfg(feature = "torch")]
use crate::twins::Both;
use agent::{ActorCritic, Backend, BackendKind, NativeBackend};
use kernels::{Entry, Flops, Inputs, Observation, Trials, TrunkBytes};
use nets::{Blueprint, Init, TrunkFootprint};
use rl2::{Rl2Config, Trainer};
use std::sync::Arc;

/// A leaky average of every input, m ← a m + (1 − a) x, whose decays a are learned;
/// its features are m.
#[derive(Debug)]
struct Leaky {
    inputs: usize,
    #[cfg(feature = "torch")]
    decay: nets::Slot,
}

impl Leaky {
    fn declare(blueprint: &mut Blueprint, name: &str, inputs: usize) -> Arc<dyn nets::Trunk> {
        let _decay = blueprint.declare(name, &[inputs], Init::Constant(0.8));
        Arc::new(Self {
            inputs,
            #[cfg(feature = "torch")]
            decay: _decay,
        })
    }
}

impl nets::Trunk for Leaky {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn features(&self) -> usize {
        self.inputs
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        TrunkFootprint {
            learning: (4 * steps * self.inputs) as f64,
            acting: (4 * self.inputs) as f64,
        }
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn nets::SequenceModel> {
        Some(self)
    }
}

#[cfg(feature = "torch")]
mod on_libtorch {
    use super::Leaky;
    use nets::tch::{Device, Kind, Tensor};
    use nets::{Memory, Params, SequenceModel};

    impl SequenceModel for Leaky {
        fn memory(&self, lanes: usize, _: usize, options: (Kind, Device)) -> Memory {
            let m = Tensor::zeros([lanes as i64, self.inputs as i64], options);
            Memory::new(options.1, [("m", m)])
        }

        fn step(&self, params: &Params, x: &Tensor, memory: &mut Memory) -> Tensor {
            memory["m"] = x + &params[self.decay] * (&memory["m"] - x);
            memory["m"].shallow_clone()
        }
    }
}

/// The same natively.
#[derive(Clone)]
struct NativeLeaky {
    observation: Observation,
    inputs: usize,
    decay: Vec<f32>,
}

impl NativeLeaky {
    /// Replaces m by the next, given the inputs of a row; returns m − x.
    fn next(&self, inputs: &Inputs<'_>, row: usize, m: &mut [f32]) -> Vec<f32> {
        let mut x = vec![0.0; self.inputs];
        inputs.write(row, self.observation, &mut x);
        let apart: Vec<f32> = m.iter().zip(&x).map(|(m, x)| m - x).collect();
        for (i, m) in m.iter_mut().enumerate() {
            *m = x[i] + self.decay[i] * apart[i];
        }
        apart
    }
}

impl kernels::Trunk for NativeLeaky {
    type Work = Vec<f32>; // [steps][lanes][inputs], m − x
    type Memory = Vec<f32>; // [lanes][inputs]

    fn entries(&self) -> Vec<Entry> {
        let shape = [self.inputs, 1];
        let (name, offset) = ("trunk.decay", 0);
        vec![Entry {
            name,
            block: None,
            shape,
            offset,
        }]
    }

    fn features(&self) -> usize {
        self.inputs
    }

    fn memory(&self, lanes: usize, _: usize) -> Vec<f32> {
        vec![0.0; lanes * self.inputs]
    }

    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        TrunkBytes {
            packed: 4.0 * self.inputs as f64,
            acting: 4.0 * (lanes * self.inputs) as f64,
            learning: 4.0 * (lanes * steps * self.inputs) as f64,
        }
    }

    fn flops(&self) -> Flops {
        Flops {
            forward: 0,
            training: 0,
        }
    }

    fn work(&self) -> Vec<f32> {
        Vec::new()
    }

    fn pack(&mut self, params: &[f32]) {
        self.decay = params.to_vec();
    }

    fn step(&self, _: &mut Vec<f32>, of: &Inputs<'_>, memory: &mut Vec<f32>, features: &mut [f32]) {
        for (lane, m) in memory.chunks_exact_mut(self.inputs).enumerate() {
            if of.reset[lane] {
                m.fill(0.0);
            }
            self.next(of, lane, m);
        }
        features.copy_from_slice(memory);
    }

    fn forward(&self, apart: &mut Vec<f32>, of: Trials<'_>, features: &mut [f32]) {
        apart.clear();
        let mut memory = vec![0.0; of.lanes * self.inputs];
        for (row, features) in features.chunks_exact_mut(self.inputs).enumerate() {
            let m = &mut memory[row % of.lanes * self.inputs..][..self.inputs];
            if of.inputs.reset[row] {
                m.fill(0.0);
            }
            apart.extend(self.next(&of.inputs, row, m));
            features.copy_from_slice(m);
        }
    }

    fn backward(&self, apart: &mut Vec<f32>, of: Trials<'_>, given: &[f32], gradient: &mut [f32]) {
        let mut later = vec![0.0; of.lanes * self.inputs];
        for row in (0..of.inputs.rows()).rev() {
            for i in 0..self.inputs {
                let later = &mut later[row % of.lanes * self.inputs + i];
                let dm = given[row * self.inputs + i] + *later;
                gradient[i] += dm * apart[row * self.inputs + i];
                *later = match of.inputs.reset[row] {
                    true => 0.0,
                    false => self.decay[i] * dm,
                };
            }
        }
    }
}

fn leaky(backend: BackendKind) -> Rl2Config {
    Rl2Config {
        updates: 120,
        learning_rate: crate::common::constant(0.03),
        ..config(backend)
    }
}

/// The network on this trunk.
fn model(config: &Rl2Config) -> Arc<ActorCritic> {
    let network = config.learner().network;
    let model = ActorCritic::with_trunk(switches().as_ref(), network, |blueprint, inputs| {
        Ok(Leaky::declare(blueprint, "trunk.decay", inputs))
    });
    Arc::new(model.unwrap())
}

fn native(model: &ActorCritic) -> NativeBackend {
    let trunk = NativeLeaky {
        observation: NativeBackend::observation(model),
        inputs: model.trunk.inputs(),
        decay: Vec::new(),
    };
    NativeBackend::with_trunk(model, trunk).unwrap()
}

#[cfg(feature = "torch")]
fn torch(model: &Arc<ActorCritic>) -> agent::TorchBackend {
    agent::TorchBackend::new(Arc::clone(model), nets::Device::Cpu).unwrap()
}

fn trainer(config: Rl2Config) -> Trainer {
    let model = model(&config);
    let backend: Box<dyn Backend> = match config.backend {
        BackendKind::Native => Box::new(native(&model)),
        #[cfg(feature = "torch")]
        BackendKind::Torch => Box::new(torch(&model)),
        #[cfg(not(feature = "torch"))]
        BackendKind::Torch => unreachable!("not among `BACKENDS`"),
    };
    let parts = (model, backend);
    Trainer::with_backend(switches().as_ref(), config, 0, pool(2), parts).unwrap()
}

#[test]
fn a_trunk_of_ones_own_learns() {
    for backend in BACKENDS {
        let config = leaky(backend);
        let updates = config.updates;
        let learned = learn(trainer(config), updates);
        assert!(
            learned > RANDOM + 0.75 * (OPTIMUM - RANDOM),
            "{backend:?}: {learned}"
        );
    }
}

#[test]
fn the_gradient_through_a_trunk_of_ones_own_is_that_of_the_objective() {
    for backend in BACKENDS {
        check_gradient(&mut trainer(leaky(backend)), &format!("{backend:?}"));
    }
}

#[cfg(feature = "torch")]
#[test]
fn both_backends_compute_the_same_on_a_trunk_of_ones_own() {
    let config = leaky(BackendKind::Native);
    let model = model(&config);
    let both: Box<dyn Backend> = Box::new(Both(native(&model), torch(&model)));
    let parts = (model, both);
    let env = switches();
    let mut trainer = Trainer::with_backend(env.as_ref(), config, 6, pool(2), parts).unwrap();
    for _ in 0..3 {
        trainer.update().unwrap();
    }
}

#[cfg(feature = "torch")]
#[test]
fn acting_on_a_trunk_of_ones_own_is_living_its_trials_again() {
    for backend in BACKENDS {
        let mut trainer = trainer(leaky(backend));
        for _ in 0..8 {
            trainer.update().unwrap();
        }
        trainer.collect().unwrap();
        crate::memory::check_lived_again(&trainer);
    }
}

/// A trunk that is not the one declared.
#[test]
fn a_trunk_that_does_not_fit_is_refused() {
    let model = model(&leaky(BackendKind::Native));
    let with = |inputs| {
        let trunk = NativeLeaky {
            observation: NativeBackend::observation(&model),
            inputs,
            decay: Vec::new(),
        };
        let refused = NativeBackend::with_trunk(&model, trunk);
        refused.err().map(|error| error.to_string())
    };
    assert_eq!(with(model.trunk.inputs()), None);
    let error = with(3).unwrap();
    assert!(
        error.contains("gives 3 features, declared are 8"),
        "{error}"
    );
    let other = agent::ActorCritic::with_trunk(
        switches().as_ref(),
        leaky(BackendKind::Native).learner().network,
        |blueprint, inputs| Ok(Leaky::declare(blueprint, "trunk.slope", inputs)),
    );
    let trunk = NativeLeaky {
        observation: NativeBackend::observation(&model),
        inputs: model.trunk.inputs(),
        decay: Vec::new(),
    };
    let refused = NativeBackend::with_trunk(&other.unwrap(), trunk);
    let error = refused.err().unwrap().to_string();
    assert!(
        error.contains("trunk.decay") && error.contains("trunk.slope"),
        "{error}"
    );
}
