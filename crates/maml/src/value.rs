//! A value network, trained across tasks, as a baseline.

use crate::config::Baseline;
use crate::fault::unbuildable;
use crate::meta::{activation, declare};
use agent::LearnError;
use kernels::mlp::{Cache, Head, Mlp};
use nets::{Blueprint, NetsError, Optimizer, clip_gradient};
use rl_core::{Domain, Purpose, StreamKey, Tree};
use std::sync::Arc;

/// The network as it is at an update: V(o, t / horizon).
#[derive(Clone, Debug)]
pub(crate) struct ValueModel {
    pub(crate) network: Mlp,
    pub(crate) params: Vec<f32>,
    pub(crate) horizon: f32,
}

/// Memory of one task's evaluations.
#[derive(Debug, Default)]
pub(crate) struct ValueWork {
    inputs: Vec<f32>, // [samples][inputs + 1]
    cache: Cache<f32>,
    errors: Vec<f32>, // [samples]
}

/// A model and a task's memory.
pub(crate) struct ValueView<'a> {
    pub(crate) model: &'a ValueModel,
    pub(crate) work: &'a mut ValueWork,
}

impl ValueView<'_> {
    /// The values of encoded observations, `[samples][inputs]`, at steps of
    /// their episodes. `[samples]`
    pub(crate) fn values(&mut self, observations: &[f32], steps: &[usize]) -> &[f32] {
        let model = self.model;
        let size = model.network.inputs() - 1;
        let ValueWork { inputs, cache, .. } = &mut *self.work;
        inputs.clear();
        for (observation, step) in observations.chunks_exact(size).zip(steps) {
            inputs.extend_from_slice(observation);
            inputs.push(*step as f32 / model.horizon);
        }
        let network = &model.network;
        network.forward(&model.params, inputs, steps.len(), cache);
        cache.outputs()
    }

    /// Adds the gradient of `share` × Σ ½ (V − target)² and returns that loss.
    pub(crate) fn gradient(
        &mut self,
        (observations, steps): (&[f32], &[usize]),
        targets: &[f32],
        share: f32,
        gradient: &mut [f32],
    ) -> f64 {
        self.values(observations, steps);
        let ValueWork { cache, errors, .. } = &mut *self.work;
        errors.clear();
        let both = cache.outputs().iter().zip(targets);
        errors.extend(both.map(|(value, target)| share * (value - target)));
        self.model.network.backward(cache, errors, gradient);
        let square = |error: &f32| f64::from(*error).powi(2);
        0.5 * errors.iter().map(square).sum::<f64>() / f64::from(share)
    }
}

/// The network and what trains it.
#[derive(Clone)]
pub(crate) struct ValueLearner {
    pub(crate) model: ValueModel,
    pub(crate) epochs: usize,
    optimizer: Optimizer,
    learning_rate: f64,
    max_gradient_norm: f64,
    layout: Arc<nets::Layout>,
}

impl ValueLearner {
    /// As configured; none for other baselines.
    pub(crate) fn new(
        inputs: usize,
        horizon: usize,
        baseline: &Baseline,
        seed: u64,
    ) -> Result<Option<Self>, LearnError> {
        let Baseline::Value {
            hidden,
            activation: kind,
            optimizer,
            learning_rate,
            max_gradient_norm,
            epochs,
        } = baseline
        else {
            return Ok(None);
        };
        let network =
            Mlp::new(inputs + 1, hidden, 1, activation(*kind), Head::None).map_err(unbuildable)?;
        let mut blueprint = Blueprint::new();
        declare(&mut blueprint, &network, 1.0);
        let key = StreamKey::new(seed, Domain::Training, 0);
        let params = blueprint.init(&mut key.lane(Purpose::Init, 1));
        let layout = blueprint.layout();
        Ok(Some(Self {
            optimizer: Optimizer::new(*optimizer, Arc::clone(&layout))?,
            model: ValueModel {
                network,
                params,
                horizon: horizon as f32,
            },
            epochs: *epochs,
            learning_rate: *learning_rate,
            max_gradient_norm: *max_gradient_norm,
            layout,
        }))
    }

    /// One clipped step of the optimizer.
    pub(crate) fn descend(&mut self, gradient: &mut [f32]) -> Result<(), NetsError> {
        clip_gradient(&self.layout, gradient, self.max_gradient_norm)?;
        let params = &mut self.model.params;
        self.optimizer
            .update(params, gradient, self.learning_rate)?;
        Ok(())
    }

    /// Parameters and optimizer.
    pub(crate) fn checkpoint(&self) -> Result<Tree, LearnError> {
        Ok(Tree::default()
            .with_branch("params", self.layout.split(&self.model.params)?)
            .with_branch("optimizer", self.optimizer.state()))
    }

    /// Goes back to a checkpoint.
    pub(crate) fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        checkpoint.expect_only(&["params", "optimizer"])?;
        let params = self.layout.join(&checkpoint.branch("params"))?;
        self.optimizer.restore(&checkpoint.branch("optimizer"))?;
        self.model.params = params;
        Ok(())
    }
}
