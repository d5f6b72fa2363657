//! What a belief's mean is decoded into, where the policy reads that.

use crate::autoencoder;
use crate::config::{BeliefConfig, Reads};
use crate::elbo::Part;
use crate::past::Shape;
use agent::LearnError;
use kernels::mlp::Cache;
use kernels::{Entry, Flops, TrunkBytes};
use nets::{Activation, Blueprint, Init};
use rl_core::EnvFactory;

/// A decoder of rewards among the network's own parameters, which the belief's optimizer
/// moves.
#[derive(Clone, Debug)]
pub(crate) struct Predictor {
    part: Part,
    latent: usize,
    params: Vec<f32>,
}

/// Buffers of a thread, reused from call to call.
pub(crate) struct PredictorWork {
    latents: Vec<f32>, // [rows][latent]
    cache: Cache<f32>,
}

impl Predictor {
    /// That of settings for an environment, without parameters; `None` where the policy
    /// reads something else.
    ///
    /// # Errors
    /// If a setting does not fit the environment.
    pub(crate) fn new(
        env: &dyn EnvFactory,
        config: &BeliefConfig,
    ) -> Result<Option<Self>, LearnError> {
        let (Reads::Predictions, Some(of)) = (config.reads, config.belief.decoding()) else {
            return Ok(None);
        };
        let parts = autoencoder::parts(of, &Shape::new(env.spec(), env.told()))?;
        Ok(parts.into_iter().next().map(|part| Self {
            part,
            latent: of.latent,
            params: Vec::new(),
        }))
    }

    /// Declares its parameters: of each layer `trunk.0.decoder.weight` `[inputs][outputs]`,
    /// `trunk.0.decoder.bias` and so on.
    pub(crate) fn declare(&self, blueprint: &mut Blueprint) {
        for entry in self.entries(0) {
            let [inputs, outputs] = entry.shape;
            match entry.name {
                WEIGHT => {
                    let gain = Activation::Relu.gain();
                    let init = Init::Orthogonal { gain, blocks: 1 };
                    blueprint.declare(entry.full_name(), &[inputs, outputs], init);
                }
                _ => {
                    blueprint.declare(entry.full_name(), &[inputs], Init::Zeros);
                }
            }
        }
    }

    /// Its parameters in the order in which they lie from an offset on.
    pub(crate) fn entries(&self, offset: usize) -> Vec<Entry> {
        let layout = self.part.network.layout();
        let entries = layout.into_iter().enumerate();
        let entry = |(index, (_, shape, range)): (usize, (String, Vec<usize>, _))| {
            let range: std::ops::Range<usize> = range;
            let (name, shape) = match shape[..] {
                [inputs, outputs] => (WEIGHT, [inputs, outputs]),
                _ => (BIAS, [shape[0], 1]),
            };
            Entry {
                name,
                block: Some(index / 2),
                shape,
                offset: offset + range.start,
            }
        };
        entries.map(entry).collect()
    }

    /// How many parameters there are.
    pub(crate) fn parameters(&self) -> usize {
        self.part.network.parameters()
    }

    /// Numbers that are read of a belief.
    pub(crate) fn outputs(&self) -> usize {
        self.part.network.outputs()
    }

    /// Takes flat parameters.
    pub(crate) fn pack(&mut self, params: &[f32]) {
        self.params.clear();
        self.params.extend_from_slice(params);
    }

    /// Empty buffers of a thread.
    pub(crate) fn work(&self) -> PredictorWork {
        PredictorWork {
            latents: Vec::new(),
            cache: Cache::new(),
        }
    }

    /// Decodes the means of beliefs, `[rows][numbers]`, for [`Self::expect`].
    pub(crate) fn decode(&self, work: &mut PredictorWork, beliefs: &[f32], numbers: usize) {
        work.latents.clear();
        let rows = beliefs.chunks_exact(numbers);
        let count = rows.len();
        rows.for_each(|belief| work.latents.extend_from_slice(&belief[..self.latent]));
        let network = &self.part.network;
        network.forward(&self.params, &work.latents, count, &mut work.cache);
    }

    /// Writes what a row of the last [`Self::decode`] is decoded into, `[outputs]`.
    pub(crate) fn expect(&self, work: &PredictorWork, row: usize, expected: &mut [f32]) {
        let first = row * self.outputs();
        let outputs = &work.cache.outputs()[first..first + self.outputs()];
        self.part.expect(outputs, expected);
    }

    /// What it takes for so many rows, acting or learning.
    pub(crate) fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        let network = &self.part.network;
        let of = |rows: usize| 4.0 * (rows * self.latent) as f64 + network.cache_bytes(rows);
        TrunkBytes {
            packed: 4.0 * self.parameters() as f64,
            acting: of(lanes),
            learning: of(lanes * steps),
        }
    }

    /// Operations of a row: no gradient goes through it.
    pub(crate) fn flops(&self) -> Flops {
        let forward = 2 * self.parameters() as u64;
        Flops {
            forward,
            training: forward,
        }
    }
}

const WEIGHT: &str = "decoder.weight";
const BIAS: &str = "decoder.bias";
