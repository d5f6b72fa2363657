//! The network: a trunk that remembers, a policy head and a value head.

use crate::error::LearnError;
use crate::input::{Input, Inputs};
use nets::{
    Arms, Blueprint, Init, Layout, Linear, NetsError, PolicyHead, PolicyHeadConfig, SequenceConfig,
    Trunk, TrunkInput,
};
use rl_core::{ActionSpace, Bounds, Domain, EnvFactory, Purpose, SettingError, StreamKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// The least standard deviation of continuous actions, in half-widths of their
/// box, whatever the box. When trials are lived again, the products of the network
/// are of another shape and round the mean by about 1e-7 otherwise, which moves a
/// log-probability by that over the deviation: by 1e-5 at this one.
const LEAST_STD: f64 = 0.01;

/// Whether trials are of more than one episode.
fn several_episodes(env: &dyn EnvFactory) -> bool {
    env.spec().trial_steps() > env.spec().horizon
}

/// How a policy begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyStart {
    /// Gain of the orthogonal weights of its head, or what the trunk's indices of the
    /// actions are multiplied by; near 0 it begins nearly uniform, so that early
    /// samples try everything.
    pub gain: f64,
    /// Standard deviation of continuous actions, in half-widths of their box, at
    /// least 0.01: it is kept above that in learning too, since a log-probability
    /// of narrower actions is not exact to 1e-5. Of no effect on discrete ones.
    pub std: f64,
}

impl PolicyStart {
    /// Checks both.
    ///
    /// # Errors
    /// Names the first one out of range.
    pub fn validate(&self) -> Result<(), SettingError> {
        Bounds::SCALE.check("gain", self.gain)?;
        Bounds::SCALE.check("std", self.std)
    }
}

/// What an [`ActorCritic`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct NetworkConfig<'a> {
    /// The name of the algorithm that it is of, which is also where its settings
    /// are.
    pub of: &'static str,
    /// What it is told.
    pub inputs: &'a [Input],
    /// What remembers.
    pub trunk: &'a SequenceConfig,
    /// How the policy begins.
    pub policy: PolicyStart,
}

/// A recurrent actor-critic: its parts, and where the parameters of each are. A
/// continuous action space is always [−1, 1] to it, whatever the box.
///
/// Parameters are `trunk.*`, `policy.weight`, `policy.bias` (and
/// `policy.log_std` for continuous actions; `policy.log_scale` alone where the trunk
/// gives an index of every action), `value.weight`, `value.bias`.
#[derive(Debug)]
pub struct ActorCritic {
    /// The name of the algorithm that it is of.
    pub of: &'static str,
    /// What the trunk is told.
    pub inputs: Inputs,
    /// Where that tells of a bandit's arms, if it does.
    pub arms: Option<Arms>,
    /// Steps of a trial.
    pub steps: usize,
    /// What remembers.
    pub trunk: Arc<dyn Trunk>,
    /// What chooses actions by the trunk's features. Continuous actions are in
    /// [`Inputs::to_unit`]'s coordinates.
    pub policy: PolicyHead,
    /// What tells the expected return by the trunk's features.
    pub value: Linear,
    layout: Arc<Layout>,
    blueprint: Blueprint,
    least_log_std: f32,
}

impl ActorCritic {
    /// Declares the network for an environment.
    ///
    /// # Errors
    /// If the trunk's settings make no sense, or not there.
    pub fn new(env: &dyn EnvFactory, config: NetworkConfig<'_>) -> Result<Self, LearnError> {
        let input = Inputs::new(env, config.inputs);
        if matches!(config.trunk, SequenceConfig::Index(_)) && input.arms(env).is_none() {
            let allowed = format!(
                "\"gru\", \"lstm\" or \"mlp\"; an index is of the arms of a bandit that makes \
                 statistics of them, with \"time-left\" and \"statistics\" among {}.inputs, and \
                 this is '{}' with {:?}",
                config.of,
                env.spec().name,
                config.inputs
            );
            let key = format!("{}.trunk.kind", config.of);
            return Err(LearnError::config(key, "\"index\"", allowed));
        }
        Self::with_trunk(env, config, |blueprint, size| {
            let told = TrunkInput {
                size,
                observation: match input.shows(Input::Observation) {
                    true => input.observation_size(),
                    false => 0,
                },
                episodes: input.shows(Input::Outcome) && several_episodes(env),
                steps: env.spec().trial_steps(),
                arms: input.arms(env),
            };
            config.trunk.build(blueprint, "trunk.", told)
        })
    }

    /// Declares the network for an environment on a trunk of the caller's, in place
    /// of the settings': `declare` is told the width of its inputs, and names its
    /// parameters `trunk.*`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_trunk(
        env: &dyn EnvFactory,
        config: NetworkConfig<'_>,
        declare: impl FnOnce(&mut Blueprint, usize) -> Result<Arc<dyn Trunk>, NetsError>,
    ) -> Result<Self, LearnError> {
        let (spec, mut inputs) = (env.spec(), Inputs::new(env, config.inputs));
        let arms = inputs.arms(env);
        let mut blueprint = Blueprint::new();
        let trunk = declare(&mut blueprint, inputs.size())?;
        inputs.most_steps = trunk.most_steps();
        let (features, indices) = (trunk.features(), trunk.indices());
        let least_std = spec.action.least_std().max(LEAST_STD);
        let is_box = matches!(spec.action, ActionSpace::Box { .. });
        if is_box && config.policy.std < least_std {
            let allowed = format!(
                "at least {least_std} half-widths of the action's box, since log-probabilities \
                 of narrower actions are lost to rounding"
            );
            let key = format!("{}.policy.std", config.of);
            return Err(LearnError::config(key, config.policy.std, allowed));
        }
        let head = PolicyHeadConfig {
            features,
            indices,
            space: &spec.action,
            gain: config.policy.gain,
            std: config.policy.std,
        };
        let policy = PolicyHead::declare(&mut blueprint, "policy.", head)?;
        let init = Init::Orthogonal {
            gain: 1.0,
            blocks: 1,
        };
        let value = Linear::declare(&mut blueprint, "value.", [features - indices, 1], init);
        Ok(Self {
            of: config.of,
            inputs,
            arms,
            steps: spec.trial_steps(),
            trunk,
            policy,
            value,
            layout: blueprint.layout(),
            blueprint,
            least_log_std: least_std.ln() as f32,
        })
    }

    /// Names, shapes and places of the parameters.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Initial parameters of a seed, flat.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let key = StreamKey::new(seed, Domain::Training, 0);
        self.blueprint.init(&mut key.lane(Purpose::Init, 0))
    }

    /// Keeps standard deviations of continuous actions above the least that can be
    /// learned with.
    pub(crate) fn hold(&self, values: &mut [f32]) {
        for value in &mut values[self.log_std()] {
            *value = value.max(self.least_log_std);
        }
    }

    /// Where the logarithms of the standard deviations are; empty for discrete
    /// actions.
    fn log_std(&self) -> Range<usize> {
        let mut entries = self.layout.entries().iter();
        let entry = entries.find(|entry| entry.name == "policy.log_std");
        entry.map_or(0..0, |entry| entry.range())
    }
}
