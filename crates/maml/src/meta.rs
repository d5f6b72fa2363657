//! What is learned across tasks: initial parameters, and maybe inner rates and gates.

use crate::adaptation::GatedSteps;
use crate::config::{
    Adapt, GateInputs, Gated, Inner, InnerRule, LearnedRates, MamlConfig, Uniform, rate_of,
};
use crate::fault::unbuildable;
use agent::LearnError;
use kernels::gates::Gates;
use kernels::mlp::{Activation, Head, Mlp, Real};
use nets::{Blueprint, Init, Layout};
use rl_core::{ActionSpace, Domain, Purpose, StreamKey};
use std::sync::Arc;

/// The meta-parameters of a training as the inner loop reads them, or a
/// direction among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta<R> {
    /// Initial parameters of the policy. `[parameters]`
    pub theta: Vec<R>,
    /// Rate of each inner step and parameter. `[steps][parameters]`
    pub rates: Vec<Vec<R>>,
    /// Parameters of the LSTM that gates the steps; none where nothing does.
    pub gates: Vec<R>,
}

/// The policy's network, and where the meta-parameters are in the flat vector
/// that is learned: the network's parameters as [`Mlp::layout`] orders them,
/// then the learned rates step by step, `rate.<step>` or `rate.<step>.<name>`, then
/// the LSTM that gates the steps.
#[derive(Clone, Debug)]
pub struct MetaShape {
    network: Mlp,
    layout: Arc<Layout>,
    blueprint: Arc<Blueprint>,
    inner: Inner,
    mask: Vec<bool>, // [parameters], what adapts
}

pub(crate) fn activation(of: nets::Activation) -> Activation {
    match of {
        nets::Activation::Tanh => Activation::Tanh,
        nets::Activation::Relu => Activation::Relu,
    }
}

/// Declares a network's parameters: weights by Glorot and Bengio 2010,
/// equation 16, biases 0, standard deviations as given.
pub(crate) fn declare(blueprint: &mut Blueprint, network: &Mlp, std: f64) {
    for (name, shape, range) in network.layout() {
        let init = match (range == network.log_std(), shape.len()) {
            (true, _) => Init::Constant(std.ln()),
            (false, 2) => Init::XavierUniform {
                gain: 1.0,
                blocks: 1,
            },
            (false, _) => Init::Zeros,
        };
        blueprint.declare(name, &shape, init);
    }
}

/// The policy's network, of `inputs` inputs on a space of actions.
///
/// # Errors
/// If its sizes make no sense.
pub(crate) fn network(
    inputs: usize,
    action: &ActionSpace,
    config: &MamlConfig,
) -> Result<Mlp, LearnError> {
    let (outputs, head) = match action {
        ActionSpace::Discrete { size } => (*size, Head::Categorical),
        ActionSpace::Box { low, .. } => (low.len(), Head::Gaussian),
    };
    let kind = activation(config.policy.activation);
    Mlp::new(inputs, &config.policy.hidden, outputs, kind, head).map_err(unbuildable)
}

impl MetaShape {
    /// The shape for a policy of `inputs` inputs on a space of actions.
    ///
    /// # Errors
    /// If the network's sizes make no sense.
    pub fn new(
        inputs: usize,
        action: &ActionSpace,
        config: &MamlConfig,
    ) -> Result<Self, LearnError> {
        let network = network(inputs, action, config)?;
        let mut blueprint = Blueprint::new();
        declare(&mut blueprint, &network, config.policy.std);
        for step in 0..config.inner.steps {
            let rate = rate_of(&config.inner.rates, step);
            match config.inner.learned {
                LearnedRates::None => {}
                LearnedRates::PerStep => {
                    blueprint.declare(format!("rate.{step}"), &[1], Init::Constant(rate));
                }
                LearnedRates::PerParameter => {
                    for (name, shape, _) in network.layout() {
                        let name = format!("rate.{step}.{name}");
                        blueprint.declare(name, &shape, Init::Constant(rate));
                    }
                }
            }
        }
        if let InnerRule::Gated(gated) = config.inner.rule {
            declare_gates(&mut blueprint, &gated);
        }
        Ok(Self {
            mask: mask(&network, config.inner.adapt),
            layout: blueprint.layout(),
            blueprint: Arc::new(blueprint),
            inner: config.inner.clone(),
            network,
        })
    }

    /// The policy's network.
    pub fn network(&self) -> &Mlp {
        &self.network
    }

    /// Names, shapes and places of the meta-parameters.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Initial meta-parameters of a seed, flat.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let key = StreamKey::new(seed, Domain::Training, 0);
        self.blueprint.init(&mut key.lane(Purpose::Init, 0))
    }

    /// The meta-parameters of a flat vector: learned rates from the vector,
    /// others as configured, 0 for what does not adapt.
    pub fn read<F: Real, R: Real>(&self, flat: &[F]) -> Meta<R> {
        let steps = 0..self.inner.steps;
        let rates = match self.inner.learned {
            LearnedRates::None => self.fixed_rates(&self.inner.rates, self.inner.steps),
            _ => steps.map(|step| self.learned(flat, step)).collect(),
        };
        Meta {
            theta: self.theta(flat),
            rates,
            gates: self.gate_parameters(flat),
        }
    }

    /// The same for an adaptation of another length: learned rates, of which
    /// the last one stays, those that gates were learned with, or the given ones.
    pub fn read_with<F: Real, R: Real>(&self, flat: &[F], rates: &[f64], steps: usize) -> Meta<R> {
        let last = self.inner.steps.saturating_sub(1);
        let step = |step: usize| self.learned(flat, step.min(last));
        let rates = match (self.inner.steps, self.inner.learned, self.inner.rule) {
            (0, _, _) | (_, LearnedRates::None, InnerRule::Gradient) => {
                self.fixed_rates(rates, steps)
            }
            (_, LearnedRates::None, InnerRule::Gated(_)) => {
                self.fixed_rates(&self.inner.rates, steps)
            }
            _ => (0..steps).map(step).collect(),
        };
        Meta {
            theta: self.theta(flat),
            rates,
            gates: self.gate_parameters(flat),
        }
    }

    /// Whether the length of steps is learned.
    pub(crate) fn learns_steps(&self) -> bool {
        let plain = self.inner.rule == InnerRule::Gradient;
        self.inner.steps > 0 && (self.inner.learned != LearnedRates::None || !plain)
    }

    /// How steps are gated, where they are.
    pub fn gated(&self) -> Option<GatedSteps> {
        let InnerRule::Gated(gated) = self.inner.rule else {
            return None;
        };
        let adapting = self.mask.iter().enumerate().filter(|(_, adapts)| **adapts);
        Some(GatedSteps {
            gates: gates(&gated),
            coordinates: adapting.map(|(index, _)| index).collect(),
            differentiated: gated.inputs == GateInputs::Differentiated,
        })
    }

    /// A direction among the meta-parameters: rates that are not learned do
    /// not move.
    pub fn read_direction<F: Real, R: Real>(&self, flat: &[F]) -> Meta<R> {
        let step = |step| match self.inner.learned {
            LearnedRates::None => vec![R::ZERO; self.mask.len()],
            _ => self.learned(flat, step),
        };
        Meta {
            theta: self.theta(flat),
            rates: (0..self.inner.steps).map(step).collect(),
            gates: self.gate_parameters(flat),
        }
    }

    /// The flat gradient of one with respect to every parameter and rate.
    pub fn write<R: Real>(&self, gradient: &Meta<R>) -> Vec<R> {
        let mut flat = gradient.theta.clone();
        for rates in &gradient.rates {
            let adapting = rates.iter().zip(&self.mask);
            let kept = adapting.map(|(g, adapts)| if *adapts { *g } else { R::ZERO });
            match self.inner.learned {
                LearnedRates::None => {}
                LearnedRates::PerStep => {
                    flat.push(R::from_f64(kept.map(Real::to_f64).sum()));
                }
                LearnedRates::PerParameter => flat.extend(kept),
            }
        }
        flat.extend_from_slice(&gradient.gates);
        flat
    }

    /// The LSTM's parameters, the last of a flat vector.
    fn gate_parameters<F: Real, R: Real>(&self, flat: &[F]) -> Vec<R> {
        let InnerRule::Gated(gated) = self.inner.rule else {
            return Vec::new();
        };
        let own = &flat[flat.len() - gates(&gated).parameters()..];
        own.iter().map(|x| R::from_f64(x.to_f64())).collect()
    }

    fn theta<F: Real, R: Real>(&self, flat: &[F]) -> Vec<R> {
        let theta = &flat[..self.mask.len()];
        theta.iter().map(|x| R::from_f64(x.to_f64())).collect()
    }

    fn fixed_rates<R: Real>(&self, rates: &[f64], steps: usize) -> Vec<Vec<R>> {
        let step = |step| {
            let rate = R::from_f64(rate_of(rates, step));
            let of = |adapts: &bool| if *adapts { rate } else { R::ZERO };
            self.mask.iter().map(of).collect()
        };
        (0..steps).map(step).collect()
    }

    /// The learned rates of a step, 0 for what does not adapt.
    fn learned<F: Real, R: Real>(&self, flat: &[F], step: usize) -> Vec<R> {
        let parameters = self.mask.len();
        let rate = |index: usize| match self.inner.learned {
            LearnedRates::PerParameter => flat[parameters * (step + 1) + index],
            _ => flat[parameters + step],
        };
        let of = |index: usize| match self.mask[index] {
            true => R::from_f64(rate(index).to_f64()),
            false => R::ZERO,
        };
        (0..parameters).map(of).collect()
    }
}

/// The LSTM that settings describe.
pub(crate) fn gates(gated: &Gated) -> Gates {
    Gates::new(gated.hidden, gated.range)
}

/// Declares the LSTM's parameters: the gates' biases as given, all others as the
/// weights.
fn declare_gates(blueprint: &mut Blueprint, gated: &Gated) {
    for (name, shape, _) in gates(gated).layout() {
        let Uniform { low, high } = match name {
            "gates.forget" => gated.forget_bias,
            "gates.input" => gated.input_bias,
            _ => Uniform {
                low: -gated.weights,
                high: gated.weights,
            },
        };
        blueprint.declare(name, &shape, Init::Uniform { low, high });
    }
}

/// Which parameters adapt.
pub(crate) fn mask(network: &Mlp, adapt: Adapt) -> Vec<bool> {
    let mut mask = vec![adapt == Adapt::All; network.parameters()];
    if adapt == Adapt::HeadAndStd {
        mask[network.log_std()].fill(true);
    }
    // The last layer is its weight and its bias, before the deviations.
    let end = network.log_std().start;
    let entries = network.layout().into_iter();
    let before = entries.filter(|(_, _, range)| range.start < end);
    for (_, _, range) in before.collect::<Vec<_>>().iter().rev().take(2) {
        mask[range.clone()].fill(true);
    }
    mask
}
