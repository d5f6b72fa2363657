//! The network: a trunk that remembers, a policy head and a value head.

use crate::config::Rl2Config;
use crate::error::Rl2Error;
use crate::input::Inputs;
use nets::{Blueprint, Distribution, Init, Layout, Linear, Params, PolicyHead, PolicyHeadConfig};
use nets::{SequenceModel, tch::Tensor};
use rl_core::{Domain, EnvSpec, Purpose, StreamKey};
use std::sync::Arc;

/// A recurrent actor-critic as pure functions of given parameters. A continuous
/// action space is always [−1, 1] to it, whatever the box.
///
/// Parameters are `trunk.*`, `policy.weight`, `policy.bias` (and
/// `policy.log_std` for continuous actions), `value.weight`, `value.bias`.
#[derive(Debug)]
pub struct ActorCritic {
    /// What the trunk is told.
    pub inputs: Inputs,
    /// What remembers.
    pub trunk: Box<dyn SequenceModel>,
    layout: Arc<Layout>,
    blueprint: Blueprint,
    policy: PolicyHead,
    value: Linear,
}

impl ActorCritic {
    /// Declares the network for an environment.
    ///
    /// # Errors
    /// If the trunk's settings make no sense.
    pub fn new(spec: &EnvSpec, config: &Rl2Config) -> Result<Self, Rl2Error> {
        let inputs = Inputs::new(spec, &config.withhold);
        let mut blueprint = Blueprint::new();
        let trunk = config
            .trunk
            .build(&mut blueprint, "trunk.", inputs.size())?;
        let features = trunk.output_size();
        let head = PolicyHeadConfig {
            features,
            space: &spec.action,
            gain: config.policy.gain,
            std: config.policy.std,
        };
        let policy = PolicyHead::declare(&mut blueprint, "policy.", head)?;
        let init = Init::Orthogonal {
            gain: 1.0,
            blocks: 1,
        };
        let value = Linear::declare(&mut blueprint, "value.", [features, 1], init);
        Ok(Self {
            inputs,
            trunk,
            layout: blueprint.layout(),
            blueprint,
            policy,
            value,
        })
    }

    /// Names, shapes and places of the parameters.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Initial parameters of a seed, flat.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let key = StreamKey::new(seed, Domain::Training, 0);
        self.blueprint
            .init(&mut key.lane(Purpose::Init, 0))
            .flatten()
    }

    /// What the policy does at some features, `[.., features]`. Continuous
    /// actions are in [`Inputs::to_unit`]'s coordinates.
    pub fn distribution(&self, params: &Params, features: &Tensor) -> Distribution {
        self.policy.distribution(params, features)
    }

    /// The expected return at some features, `[.., features]` to `[..]`.
    pub fn value(&self, params: &Params, features: &Tensor) -> Tensor {
        self.value.forward(params, features).squeeze_dim(-1)
    }
}
