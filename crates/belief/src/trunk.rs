//! The network that acts: the encoder, and layers that read the observation with the
//! memory, the belief, a draw from it or what it is decoded into.

use crate::config::{BeliefConfig, Reads, Sampling};
use crate::encoder::{self, Encoder, EncoderWork, Kind, softmax};
use crate::predictor::{Predictor, PredictorWork};
use agent::{ActorCritic, LearnError, NativeBackend, NetworkConfig};
use kernels::mlp::{Activation, Cache, Head, Mlp};
use kernels::{Entry, Flops, Inputs, Observation, Observations, Trials, Trunk, TrunkBytes};
use nets::{Blueprint, Init, NetsError, TrunkFootprint};
use rl_core::rand::SeedableRng as _;
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{EnvFactory, Stream};
use std::sync::Arc;

/// What the layers read beside the observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Memory,
    Belief,
    Draw,
    /// What a belief's mean is decoded into, so many numbers.
    Predictions(usize),
}

/// The network's widths, as they are declared.
#[derive(Debug)]
struct Declared {
    inputs: usize,
    features: usize,
    hidden: usize,
    read: usize,
}

impl nets::Trunk for Declared {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn features(&self) -> usize {
        self.features
    }

    /// Nothing computes it with libtorch: an estimate for whoever asks.
    fn footprint(&self, steps: usize) -> TrunkFootprint {
        let numbers = (20 * self.hidden + 4 * (self.read + self.features)) as f64;
        TrunkFootprint {
            learning: numbers * steps as f64,
            acting: numbers,
        }
    }
}

/// Declares the network of settings for an environment: `trunk.*` of the encoder,
/// `trunk.belief.weight` `[hidden][numbers]` and `trunk.belief.bias`, and of each layer of
/// the policy's `trunk.0.weight` `[inputs][outputs]`, `trunk.0.bias` and so on; between them
/// those of a decoder that the policy reads.
///
/// # Errors
/// If the settings make no sense, or not there.
pub(crate) fn model(
    env: &dyn EnvFactory,
    config: &BeliefConfig,
    (kind, predictor): (Kind, Option<&Predictor>),
) -> Result<ActorCritic, LearnError> {
    let NetworkConfig { inputs, .. } = config.learner().network;
    let seen = agent::Inputs::new(env, inputs).seen_size();
    ActorCritic::with_trunk(env, config.learner().network, |blueprint, size| {
        declare(blueprint, config, (size, seen), (kind, predictor))
    })
}

fn declare(
    blueprint: &mut Blueprint,
    config: &BeliefConfig,
    (inputs, seen): (usize, usize),
    (kind, predictor): (Kind, Option<&Predictor>),
) -> Result<Arc<dyn nets::Trunk>, NetsError> {
    let hidden = encoder::declare(blueprint, &config.trunk, (inputs, kind))?;
    if let Some(predictor) = predictor {
        predictor.declare(blueprint);
    }
    let read = seen + shown_size(shown(config, predictor), hidden, kind);
    let mut width = read;
    for (l, &units) in config.hidden.iter().enumerate() {
        let gain = nets::Activation::Relu.gain();
        let init = Init::Orthogonal { gain, blocks: 1 };
        blueprint.declare(format!("trunk.{l}.weight"), &[width, units], init);
        blueprint.declare(format!("trunk.{l}.bias"), &[units], Init::Zeros);
        width = units;
    }
    Ok(Arc::new(Declared {
        inputs,
        features: width,
        hidden,
        read,
    }))
}

fn shown(config: &BeliefConfig, predictor: Option<&Predictor>) -> Shown {
    match (config.sample, config.reads, predictor) {
        (Sampling::Episode, ..) => Shown::Draw,
        (Sampling::None, _, Some(predictor)) => Shown::Predictions(predictor.outputs()),
        (Sampling::None, Reads::Memory, None) => Shown::Memory,
        (Sampling::None, Reads::Belief | Reads::Predictions, None) => Shown::Belief,
    }
}

fn shown_size(shown: Shown, hidden: usize, kind: Kind) -> usize {
    match shown {
        Shown::Memory => hidden,
        Shown::Belief => kind.numbers(),
        Shown::Draw => kind.drawn(),
        Shown::Predictions(count) => count,
    }
}

/// The network natively. Features are the last layer's units.
#[derive(Clone)]
pub(crate) struct Believing {
    pub(crate) encoder: Encoder,
    /// What the policy reads by, where it reads that.
    predictor: Option<Predictor>,
    layers: Mlp,
    /// Of the layers.
    params: Vec<f32>,
    shown: Shown,
    /// What is observed, as the kernels are given it.
    observation: Observation,
    /// Where noise is told in it.
    noise: Option<usize>,
    detached: bool,
}

/// Buffers of a thread, reused from call to call.
pub(crate) struct Work {
    pub(crate) encoder: EncoderWork,
    predictor: Option<PredictorWork>,
    layers: Cache<f32>,
    read: Vec<f32>,    // [rows][read]: the observation, then what is shown
    d_units: Vec<f32>, // [rows][features]
    d_read: Vec<f32>,  // [rows][read]
    d_shown: Vec<f32>, // [rows][shown]
}

/// What lanes remember.
pub(crate) struct Memory {
    recurrent: Vec<f32>, // [lanes][memory width]
    drawn: Vec<f32>,     // [lanes][drawn], held throughout the episode
}

impl Believing {
    /// The network that [`model`] declared.
    ///
    /// # Errors
    /// If a size is out of range.
    pub(crate) fn new(
        model: &ActorCritic,
        config: &BeliefConfig,
        (kind, predictor): (Kind, Option<Predictor>),
    ) -> Result<Self, LearnError> {
        let encoder = Encoder::new(model, config, kind)?;
        let shown = shown(config, predictor.as_ref());
        let observation = NativeBackend::observation(model);
        let read = model.inputs.seen_size() + shown_size(shown, encoder.hidden(), kind);
        let (last, before) = config.hidden.split_last().expect("at least one layer");
        let layers = Mlp::new(read, before, *last, Activation::Relu, Head::None);
        let units = format!("{:?}", config.hidden);
        let refused = |why: kernels::mlp::MlpError| {
            LearnError::config("belief.hidden", units, why.to_string())
        };
        Ok(Self {
            encoder,
            predictor,
            layers: layers.map_err(refused)?,
            params: Vec::new(),
            shown,
            observation,
            noise: model.inputs.noise(),
            detached: config.detached,
        })
    }

    /// How many parameters are the belief's to move: those of the encoder, and of a decoder
    /// that the policy reads.
    pub(crate) fn believing(&self) -> usize {
        let predictor = self.predictor.as_ref();
        self.encoder.parameters() + predictor.map_or(0, Predictor::parameters)
    }

    /// Numbers of what is shown beside the observation.
    fn shown_size(&self) -> usize {
        shown_size(self.shown, self.encoder.hidden(), self.encoder.kind)
    }

    /// Numbers of the observation.
    fn seen(&self) -> usize {
        self.layers.inputs() - self.shown_size()
    }

    /// Writes what the layers read of rows that the encoder has read; draws go on from
    /// `drawn`, `[lanes][drawn]`.
    fn read(&self, work: &mut Work, inputs: &Inputs<'_>, (lanes, drawn): (usize, &mut [f32])) {
        let (width, seen, numbers) = (
            self.layers.inputs(),
            self.seen(),
            self.encoder.kind.numbers(),
        );
        work.read.clear();
        work.read.resize(inputs.rows() * width, 0.0);
        let beliefs = work.encoder.belief.outputs();
        let hidden = self.encoder.hidden();
        if let (Some(predictor), Some(own)) = (&self.predictor, &mut work.predictor) {
            predictor.decode(own, beliefs, numbers);
        }
        for (row, read) in work.read.chunks_exact_mut(width).enumerate() {
            let (observed, shown) = read.split_at_mut(seen);
            let noise = self.observe(inputs, row, observed);
            let belief = &beliefs[row * numbers..(row + 1) * numbers];
            match (self.shown, self.encoder.kind) {
                (Shown::Memory, _) => {
                    let memory = &work.encoder.hidden[row * hidden..(row + 1) * hidden];
                    shown.copy_from_slice(memory);
                }
                (Shown::Belief, Kind::Task(_)) => softmax(belief, shown),
                (Shown::Belief, _) => shown.copy_from_slice(belief),
                (Shown::Predictions(_), _) => {
                    if let (Some(predictor), Some(own)) = (&self.predictor, &work.predictor) {
                        predictor.expect(own, row, shown);
                    }
                }
                (Shown::Draw, kind) => {
                    let size = shown.len();
                    let held = &mut drawn[row % lanes * size..][..size];
                    if inputs.reset[row] || inputs.boundary[row] != 0.0 {
                        draw(kind, belief, noise, held);
                    }
                    shown.copy_from_slice(held);
                }
            }
        }
    }

    /// Writes a row's observation without its noise, which is returned.
    fn observe(&self, inputs: &Inputs<'_>, row: usize, observed: &mut [f32]) -> f32 {
        match (self.observation, inputs.observations) {
            (Observation::OneHot(_), Observations::OneHot(symbols)) => {
                observed[symbols[row] as usize] = 1.0;
            }
            (Observation::Dense(size), Observations::Dense(values)) => {
                // A continuous previous action stands behind what is observed.
                let values = &values[row * size..(row + 1) * size];
                observed.copy_from_slice(&values[..observed.len()]);
            }
            _ => {}
        }
        self.noise
            .map_or(0.0, |column| std::mem::take(&mut observed[column]))
    }

    /// Rectifies the layers' outputs.
    fn rectify(&self, work: &Work, features: &mut [f32]) {
        for (feature, z) in features.iter_mut().zip(work.layers.outputs()) {
            *feature = if *z > 0.0 { *z } else { 0.0 };
        }
    }

    /// The features by each number that may be drawn and each of so many symbols that may
    /// be observed. `[drawn][symbols][features]`
    pub(crate) fn features_of_draws(&self, symbols: usize) -> Vec<f32> {
        let (width, seen) = (self.layers.inputs(), self.seen());
        let rows = self.shown_size() * symbols;
        let mut read = vec![0.0; rows * width];
        for (row, read) in read.chunks_exact_mut(width).enumerate() {
            read[row % symbols] = 1.0;
            read[seen + row / symbols] = 1.0;
        }
        let mut work = self.work();
        self.layers
            .forward(&self.params, &read, rows, &mut work.layers);
        let mut features = vec![0.0; rows * self.layers.outputs()];
        self.rectify(&work, &mut features);
        features
    }

    /// The features of the observations that episodes ended with: in place of what was
    /// observed where each of some rows of the last forward pass acted, with what is shown
    /// there. `observations` are `[rows][observation]`; gives `[rows][features]`.
    pub(crate) fn final_features(
        &self,
        work: &mut Work,
        rows: &[usize],
        observations: &[f32],
    ) -> Vec<f32> {
        let width = self.layers.inputs();
        let mut read = Vec::with_capacity(rows.len() * width);
        // Of no numbers where nothing is observed.
        let size = observations.len() / rows.len().max(1);
        for (number, row) in rows.iter().enumerate() {
            let first = read.len();
            read.extend_from_slice(&work.read[row * width..(row + 1) * width]);
            let observation = &observations[number * size..(number + 1) * size];
            read[first..first + size].copy_from_slice(observation);
        }
        self.layers
            .forward(&self.params, &read, rows.len(), &mut work.layers);
        let mut features = vec![0.0; rows.len() * self.layers.outputs()];
        self.rectify(work, &mut features);
        features
    }
}

/// Draws from a belief by a number, 0 to below 1.
fn draw(kind: Kind, belief: &[f32], noise: f32, drawn: &mut [f32]) {
    match kind {
        Kind::Task(count) => {
            softmax(belief, drawn);
            let mut below = 0.0;
            let found = drawn.iter().position(|p| {
                below += p;
                noise < below
            });
            drawn.fill(0.0);
            drawn[found.unwrap_or(count - 1)] = 1.0;
        }
        Kind::Gaussian(latent) => {
            // The number is a multiple of 2⁻²⁴, and as good as an index of streams.
            let mut stream = Stream::seed_from_u64((noise * 16_777_216.0) as u64);
            let (means, logs) = belief.split_at(latent);
            for ((z, mean), log) in drawn.iter_mut().zip(means).zip(logs) {
                let normal: f32 = StandardNormal.sample(&mut stream);
                *z = mean + (0.5 * log).exp() * normal;
            }
        }
        Kind::Description(_) | Kind::Point(_) => drawn.copy_from_slice(belief),
    }
}

impl Trunk for Believing {
    type Work = Work;
    type Memory = Memory;

    fn entries(&self) -> Vec<Entry> {
        let mut entries = self.encoder.entries();
        if let Some(predictor) = &self.predictor {
            entries.extend(predictor.entries(self.encoder.parameters()));
        }
        let (mut offset, before) = (self.believing(), entries.len());
        for (_, shape, range) in self.layers.layout() {
            let (name, shape) = match shape[..] {
                [inputs, outputs] => ("weight", [inputs, outputs]),
                _ => ("bias", [shape[0], 1]),
            };
            let block = entries.len() - before;
            entries.push(Entry {
                name,
                block: Some(block / 2),
                shape,
                offset,
            });
            offset += range.len();
        }
        entries
    }

    fn features(&self) -> usize {
        self.layers.outputs()
    }

    fn memory(&self, lanes: usize, at_most: usize) -> Memory {
        Memory {
            recurrent: self.encoder.recurrent.memory(lanes, at_most),
            drawn: vec![0.0; lanes * self.encoder.kind.drawn()],
        }
    }

    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        let beside = |rows: usize| {
            let numbers = 3 * self.layers.inputs() + 2 * self.features();
            4.0 * (rows * numbers) as f64 + self.layers.cache_bytes(rows)
        };
        let layers = TrunkBytes {
            packed: 4.0 * self.layers.parameters() as f64,
            acting: beside(lanes) + 4.0 * (lanes * self.encoder.kind.drawn()) as f64,
            learning: beside(lanes * steps) + self.layers.gradient_bytes(),
        };
        let own = self.encoder.bytes(lanes, steps) + layers;
        match &self.predictor {
            Some(predictor) => own + predictor.bytes(lanes, steps),
            None => own,
        }
    }

    fn flops(&self) -> Flops {
        let layers = (self.encoder.belief.parameters() + self.layers.parameters()) as u64;
        let beside = Flops {
            forward: 2 * layers,
            training: 6 * layers,
        };
        let own = self.encoder.recurrent.flops() + beside;
        match &self.predictor {
            Some(predictor) => own + predictor.flops(),
            None => own,
        }
    }

    fn work(&self) -> Work {
        Work {
            encoder: self.encoder.work(),
            predictor: self.predictor.as_ref().map(Predictor::work),
            layers: Cache::new(),
            read: Vec::new(),
            d_units: Vec::new(),
            d_read: Vec::new(),
            d_shown: Vec::new(),
        }
    }

    fn pack(&mut self, params: &[f32]) {
        let (believing, layers) = params.split_at(self.believing());
        let (encoder, predictor) = believing.split_at(self.encoder.parameters());
        self.encoder.pack(encoder);
        if let Some(own) = &mut self.predictor {
            own.pack(predictor);
        }
        self.params.clear();
        self.params.extend_from_slice(layers);
    }

    fn step(
        &self,
        work: &mut Work,
        inputs: &Inputs<'_>,
        memory: &mut Memory,
        features: &mut [f32],
    ) {
        let rows = inputs.rows();
        self.encoder
            .step(&mut work.encoder, inputs, &mut memory.recurrent);
        self.read(work, inputs, (rows, &mut memory.drawn));
        self.layers
            .forward(&self.params, &work.read, rows, &mut work.layers);
        self.rectify(work, features);
    }

    fn forward(&self, work: &mut Work, trials: Trials<'_>, features: &mut [f32]) {
        let rows = trials.inputs.rows();
        self.encoder.forward(&mut work.encoder, trials);
        let mut drawn = vec![0.0; trials.lanes * self.encoder.kind.drawn()];
        self.read(work, &trials.inputs, (trials.lanes, &mut drawn));
        self.layers
            .forward(&self.params, &work.read, rows, &mut work.layers);
        self.rectify(work, features);
    }

    fn backward(
        &self,
        work: &mut Work,
        trials: Trials<'_>,
        features: &[f32],
        gradient: &mut [f32],
    ) {
        let (encoder, layers) = gradient.split_at_mut(self.believing());
        work.d_units.clear();
        let alive = features.iter().zip(work.layers.outputs());
        work.d_units
            .extend(alive.map(|(d, z)| if *z > 0.0 { *d } else { 0.0 }));
        if self.detached {
            self.layers
                .backward(&mut work.layers, &work.d_units, layers);
            return;
        }
        work.d_read.resize(work.read.len(), 0.0);
        self.layers
            .backward_to_inputs(&mut work.layers, &work.d_units, layers, &mut work.d_read);
        self.through_shown(work);
        let d_shown = std::mem::take(&mut work.d_shown);
        let given: (&[f32], &[f32]) = match self.shown {
            Shown::Memory => (&[], &d_shown),
            Shown::Belief | Shown::Draw => (&d_shown, &[]),
            // Only where it is detached.
            Shown::Predictions(_) => (&[], &[]),
        };
        self.encoder
            .backward(&mut work.encoder, trials, given, encoder);
        work.d_shown = d_shown;
    }
}

impl Believing {
    /// The gradient of the memory or the belief, from that of what was read.
    fn through_shown(&self, work: &mut Work) {
        let (width, seen) = (self.layers.inputs(), self.seen());
        work.d_shown.clear();
        let rows = work
            .d_read
            .chunks_exact(width)
            .zip(work.read.chunks_exact(width));
        for (d, read) in rows {
            let (d, shown) = (&d[seen..], &read[seen..]);
            match (self.shown, self.encoder.kind) {
                // Of probabilities p of logits: p (d − Σ p d).
                (Shown::Belief, Kind::Task(_)) => {
                    let mean: f32 = d.iter().zip(shown).map(|(d, p)| d * p).sum();
                    let logits = d.iter().zip(shown).map(|(d, p)| p * (d - mean));
                    work.d_shown.extend(logits);
                }
                _ => work.d_shown.extend_from_slice(d),
            }
        }
    }
}

#[cfg(test)]
#[path = "trunk_tests.rs"]
pub(crate) mod tests;
