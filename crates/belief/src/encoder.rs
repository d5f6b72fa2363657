//! What remembers a trial, and says at every step what it makes of it.

use crate::config::{Belief, BeliefConfig, Target};
use agent::{ActorCritic, LearnError, NativeBackend};
use kernels::mlp::{Activation, Cache, Head, Mlp};
use kernels::{
    Cell, Entry, Inputs, Observation, Observations, Recurrent, Shape, Trials, Trunk as _,
    TrunkBytes, Workspace,
};
use nets::{Blueprint, Init, NetsError, SequenceConfig};

/// What the numbers of a belief are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Logits of so many tasks.
    Task(usize),
    /// A description of so many numbers.
    Description(usize),
    /// Means of so many numbers, then the logarithms of their variances.
    Gaussian(usize),
    /// A point of so many numbers.
    Point(usize),
}

impl Kind {
    /// The kind that settings ask for, of an environment with tasks of these
    /// descriptions, and of so many numbers each.
    pub(crate) fn new(belief: &Belief, tasks: usize, description: usize) -> Self {
        match belief {
            Belief::Supervised { target, .. } => match target {
                Target::Task => Self::Task(tasks),
                Target::Description => Self::Description(description),
            },
            Belief::Variational(of) => match of.deterministic {
                false => Self::Gaussian(of.latent),
                true => Self::Point(of.latent),
            },
        }
    }

    /// How many numbers a belief has.
    pub(crate) fn numbers(self) -> usize {
        match self {
            Self::Task(size) | Self::Description(size) | Self::Point(size) => size,
            Self::Gaussian(latent) => 2 * latent,
        }
    }

    /// How many a draw from it has.
    pub(crate) fn drawn(self) -> usize {
        match self {
            Self::Task(size) | Self::Description(size) | Self::Point(size) => size,
            Self::Gaussian(latent) => latent,
        }
    }
}

/// Gain of the belief's layer at first: near no belief.
const GAIN: f64 = 0.1;

/// Declares the encoder's parameters, which stand first.
///
/// # Errors
/// If its settings make no sense.
pub(crate) fn declare(
    blueprint: &mut Blueprint,
    trunk: &SequenceConfig,
    (inputs, kind): (usize, Kind),
) -> Result<usize, NetsError> {
    let hidden = trunk.build(blueprint, "trunk.", inputs)?.features();
    let numbers = kind.numbers();
    let gain = GAIN;
    let init = Init::Orthogonal { gain, blocks: 1 };
    blueprint.declare("trunk.belief.weight", &[hidden, numbers], init);
    blueprint.declare("trunk.belief.bias", &[numbers], Init::Zeros);
    Ok(hidden)
}

/// A gated recurrent layer, and a linear one on its memory that gives the belief.
#[derive(Clone)]
pub(crate) struct Encoder {
    pub(crate) recurrent: Recurrent,
    pub(crate) belief: Mlp,
    pub(crate) kind: Kind,
    /// Of the belief's layer.
    params: Vec<f32>,
    /// Where noise is told in an observation, which the encoder does not see.
    noise: Option<usize>,
}

/// Buffers of a thread, reused from call to call.
pub(crate) struct EncoderWork {
    pub(crate) recurrent: Workspace,
    pub(crate) belief: Cache<f32>,
    pub(crate) hidden: Vec<f32>, // [rows][hidden]
    d_hidden: Vec<f32>,          // [rows][hidden]
    seen: Vec<f32>,              // [rows][seen], without noise
}

impl Encoder {
    /// The encoder of a network that [`declare`] declared.
    ///
    /// # Errors
    /// If a size is out of range.
    pub(crate) fn new(
        model: &ActorCritic,
        config: &BeliefConfig,
        kind: Kind,
    ) -> Result<Self, LearnError> {
        let (cell, hidden) = match config.trunk {
            SequenceConfig::Gru(of) => (Cell::Gru, of.hidden),
            SequenceConfig::Lstm(of) => (Cell::Lstm, of.hidden),
            _ => return Err(LearnError::Bug("an encoder that is not gated".to_owned())),
        };
        let actions = match model.policy.log_std {
            Some(_) => 0,
            None => model.inputs.action_size(),
        };
        let shape = Shape {
            cell,
            observation: NativeBackend::observation(model),
            hidden,
            actions,
        };
        let size = |why: String| LearnError::config("belief.trunk.hidden", hidden, why);
        let recurrent = Recurrent::new(shape).map_err(|error| size(error.to_string()))?;
        let numbers = kind.numbers();
        let belief = Mlp::new(hidden, &[], numbers, Activation::Relu, Head::None);
        Ok(Self {
            recurrent,
            belief: belief.map_err(|error| size(error.to_string()))?,
            kind,
            params: Vec::new(),
            noise: model.inputs.noise(),
        })
    }

    /// Its parameters in the order in which they lie in the flat slice.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.recurrent.entries();
        let offset = entries.last().map_or(0, |entry| entry.range().end);
        let shape = [self.hidden(), self.kind.numbers()];
        entries.push(Entry {
            name: "trunk.belief.weight",
            block: None,
            shape,
            offset,
        });
        entries.push(Entry {
            name: "trunk.belief.bias",
            block: None,
            shape: [shape[1], 1],
            offset: offset + shape[0] * shape[1],
        });
        entries
    }

    /// How many parameters there are.
    pub(crate) fn parameters(&self) -> usize {
        self.entries().last().map_or(0, |entry| entry.range().end)
    }

    /// Units of the memory.
    pub(crate) fn hidden(&self) -> usize {
        self.recurrent.features()
    }

    /// Takes flat parameters.
    pub(crate) fn pack(&mut self, params: &[f32]) {
        let (recurrent, belief) = params.split_at(params.len() - self.belief.parameters());
        self.recurrent.pack(recurrent);
        self.params.clear();
        self.params.extend_from_slice(belief);
    }

    /// Empty buffers of a thread.
    pub(crate) fn work(&self) -> EncoderWork {
        EncoderWork {
            recurrent: self.recurrent.work(),
            belief: Cache::new(),
            hidden: Vec::new(),
            d_hidden: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// What it takes for so many lanes through so many steps.
    pub(crate) fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        let beside = |rows: usize| {
            let numbers = 2 * self.hidden() + self.seen();
            4.0 * (rows * numbers) as f64 + self.belief.cache_bytes(rows)
        };
        let layer = TrunkBytes {
            packed: 4.0 * self.belief.parameters() as f64,
            acting: beside(lanes),
            learning: beside(lanes * steps) + self.belief.gradient_bytes(),
        };
        self.recurrent.bytes(lanes, steps) + layer
    }

    /// Numbers of an observation that is copied without its noise.
    fn seen(&self) -> usize {
        match (self.noise, self.recurrent.shape().observation) {
            (Some(_), Observation::Dense(size)) => size,
            _ => 0,
        }
    }

    /// One step of an actor, from the lanes' memory: what is left in `work` is the memory
    /// after it and the belief.
    pub(crate) fn step(&self, work: &mut EncoderWork, inputs: &Inputs<'_>, memory: &mut Vec<f32>) {
        let rows = inputs.rows();
        let mut seen = std::mem::take(&mut work.seen);
        work.hidden.resize(rows * self.hidden(), 0.0);
        let shown = self.without_noise(inputs, &mut seen);
        self.recurrent
            .step(&mut work.recurrent, &shown, memory, &mut work.hidden);
        work.seen = seen;
        self.believe(work, rows);
    }

    /// Whole trials, from nothing: what is left in `work` is the memory and the belief
    /// at every step, and what [`Self::backward`] needs.
    pub(crate) fn forward(&self, work: &mut EncoderWork, trials: Trials<'_>) {
        let rows = trials.inputs.rows();
        let mut seen = std::mem::take(&mut work.seen);
        work.hidden.resize(rows * self.hidden(), 0.0);
        let inputs = self.without_noise(&trials.inputs, &mut seen);
        let shown = Trials { inputs, ..trials };
        self.recurrent
            .forward(&mut work.recurrent, shown, &mut work.hidden);
        work.seen = seen;
        self.believe(work, rows);
    }

    fn believe(&self, work: &mut EncoderWork, rows: usize) {
        self.belief
            .forward(&self.params, &work.hidden, rows, &mut work.belief);
    }

    /// Adds the gradient of the parameters, given that of the beliefs and that of the
    /// memory, of which either may be empty. The trials must be those of the last
    /// [`Self::forward`].
    pub(crate) fn backward(
        &self,
        work: &mut EncoderWork,
        trials: Trials<'_>,
        (d_belief, d_memory): (&[f32], &[f32]),
        gradient: &mut [f32],
    ) {
        let split = self.parameters() - self.belief.parameters();
        let (recurrent, belief) = gradient[..self.parameters()].split_at_mut(split);
        work.d_hidden.clear();
        work.d_hidden.resize(work.hidden.len(), 0.0);
        if !d_belief.is_empty() {
            let (cache, d_hidden) = (&mut work.belief, &mut work.d_hidden);
            self.belief
                .backward_to_inputs(cache, d_belief, belief, d_hidden);
        }
        for (d, more) in work.d_hidden.iter_mut().zip(d_memory) {
            *d += more;
        }
        let mut seen = std::mem::take(&mut work.seen);
        let inputs = self.without_noise(&trials.inputs, &mut seen);
        let shown = Trials { inputs, ..trials };
        self.recurrent
            .backward(&mut work.recurrent, shown, &work.d_hidden, recurrent);
        work.seen = seen;
    }

    /// The inputs with a 0 in place of the noise.
    fn without_noise<'a>(&self, inputs: &Inputs<'a>, seen: &'a mut Vec<f32>) -> Inputs<'a> {
        let (Some(column), Observations::Dense(values)) = (self.noise, inputs.observations) else {
            return *inputs;
        };
        seen.clear();
        seen.extend_from_slice(values);
        let rows = seen.chunks_exact_mut(self.seen());
        rows.for_each(|row| row[column] = 0.0);
        Inputs {
            observations: Observations::Dense(seen),
            ..*inputs
        }
    }
}

/// A layer's logits as probabilities, row by row.
pub(crate) fn softmax(logits: &[f32], probabilities: &mut [f32]) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (p, logit) in probabilities.iter_mut().zip(logits) {
        *p = (logit - largest).exp();
        sum += *p;
    }
    probabilities.iter_mut().for_each(|p| *p /= sum);
}
