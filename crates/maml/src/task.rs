//! One task of an update on a worker: rollouts, samples, adaptation.

use crate::adaptation::Rule;
use crate::config::{Baseline, MamlConfig};
use crate::credit::{Credits, Rollout, Values};
use crate::encoding::Encoding;
use crate::fault::fault;
use crate::learner::Learner;
use crate::linear::LinearBaseline;
use crate::meta::{Meta, MetaShape};
use crate::policy::Policies;
use crate::samples::Samples;
use crate::trainer::sum;
use crate::value::{ValueModel, ValueView, ValueWork};
use agent::{ActMode, LearnError};
use kernels::mlp::Mlp;
use rl_core::{EnvFactory, Pack, StreamKey};
use rollout::{Culprit, Pool, RolloutError, Tile};
use std::sync::Arc;

/// What all tasks share and no update changes.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) shape: MetaShape,
    pub(crate) rule: Rule,
    pub(crate) encoding: Encoding,
    pub(crate) credits: Credits,
    pub(crate) network: Arc<Mlp>,
    pub(crate) baseline: Baseline,
}

impl Common {
    pub(crate) fn new(env: &dyn EnvFactory, config: &MamlConfig) -> Result<Self, LearnError> {
        let encoding = Encoding::new(env.spec());
        let (least, min_std) = (env.spec().action.least_std(), config.policy.min_std);
        if min_std < least {
            let allowed = format!(
                "at least {least} in this environment, since an f32 holds narrower actions as \
                 steps, not as numbers"
            );
            return Err(fault("policy.min_std", min_std, allowed));
        }
        let shape = MetaShape::new(encoding.size(), encoding.action(), config)?;
        let network = shape.network().clone();
        Ok(Self {
            rule: Rule {
                floor: (network.log_std(), config.policy.min_std.ln()),
                network: network.clone(),
                order: config.order,
                surrogate: config.inner.surrogate,
                gated: shape.gated(),
            },
            credits: Credits::new(config),
            network: Arc::new(network),
            baseline: config.baseline.clone(),
            shape,
            encoding,
        })
    }
}

/// One task.
pub(crate) struct Task {
    tile: Tile,
    pub(crate) learner: Learner<f32>,
    pub(crate) rollouts: Vec<Rollout>, // [steps + 1]
    linear: Option<LinearBaseline>,
    value_work: ValueWork,
    /// Sum over the inner steps of the gradients' norms.
    pub(crate) inner_gradient_norm: f64,
    /// Means over the parameters of the forget and the input gate, where steps are
    /// gated. `[steps]`
    pub(crate) gates: Vec<[f64; 2]>,
}

impl Task {
    /// Room for the task `index` of a batch, and `steps` inner steps.
    pub(crate) fn new(
        env: &dyn EnvFactory,
        common: &Common,
        (index, trajectories): (usize, usize),
        steps: usize,
    ) -> Self {
        let spec = env.spec();
        let first = (index * trajectories) as u64;
        let samples = || Samples::empty(&spec.action);
        let samples = std::iter::repeat_with(samples).take(steps + 1).collect();
        let linear = match common.baseline {
            Baseline::Linear { ridge } => {
                let encoding = &common.encoding;
                let squares = !encoding.is_symbol();
                let make = match common.credits.bootstrap {
                    true => LinearBaseline::timeless,
                    false => LinearBaseline::new,
                };
                Some(make(encoding.size(), squares, ridge))
            }
            Baseline::None | Baseline::Value { .. } => None,
        };
        Self {
            tile: Tile::new(env, trajectories, first, spec.trial_steps()),
            learner: Learner::new(&common.network, samples),
            rollouts: vec![Rollout::default(); steps + 1],
            linear,
            value_work: ValueWork::default(),
            inner_gradient_norm: 0.0,
            gates: Vec::new(),
        }
    }

    /// Lives one trial in each lane by the policy as adapted so far, and makes
    /// samples of it.
    pub(crate) fn collect(
        &mut self,
        common: &Common,
        value: Option<&ValueModel>,
        key: &StreamKey,
    ) -> Result<(), RolloutError> {
        self.live(common, ActMode::Sample, key)?;
        let step = self.learner.adaptation().steps();
        let values = match (&mut self.linear, value) {
            (Some(linear), _) => Values::Linear(linear),
            (None, Some(model)) => Values::Network(ValueView {
                model,
                work: &mut self.value_work,
            }),
            (None, None) => Values::Zero,
        };
        self.rollouts[step].fill(
            self.tile.trajectory(),
            (&common.encoding, &common.credits),
            values,
            &mut self.learner.samples[step],
        );
        Ok(())
    }

    /// Mean return of one trial in each lane by the policy as adapted so far; no
    /// samples are made of it.
    pub(crate) fn mean_return(
        &mut self,
        common: &Common,
        mode: ActMode,
        key: &StreamKey,
    ) -> Result<f64, RolloutError> {
        self.live(common, mode, key)?;
        let trajectory = self.tile.trajectory();
        let lanes = trajectory.lanes();
        let earned = |(lane, length): (usize, &usize)| -> f64 {
            let rewards = trajectory.rewards().iter().skip(lane).step_by(lanes);
            rewards.take(*length).map(|r| f64::from(*r)).sum()
        };
        let lengths = trajectory.lengths().iter().enumerate();
        Ok(lengths.map(earned).sum::<f64>() / lanes as f64)
    }

    fn live(
        &mut self,
        common: &Common,
        mode: ActMode,
        key: &StreamKey,
    ) -> Result<(), RolloutError> {
        let policies = Policies {
            encoding: common.encoding.clone(),
            network: Arc::clone(&common.network),
            params: Arc::new(self.learner.params().to_vec()),
            mode,
        };
        self.tile.collect(&policies, key)
    }

    /// Takes an inner step. `Err` is the index and the value of a parameter that
    /// it left infinite or NaN.
    pub(crate) fn step(&mut self, common: &Common, meta: &Meta<f32>) -> Result<(), (usize, f32)> {
        let step = self.learner.adaptation().steps();
        self.learner.step(&common.rule, meta);
        let gradient = &self.learner.adaptation().levels()[step].gradient;
        let squares: f64 = gradient.iter().map(|g| f64::from(*g).powi(2)).sum();
        if step == 0 {
            self.inner_gradient_norm = 0.0;
            self.gates.clear();
        }
        self.inner_gradient_norm += squares.sqrt();
        let next = &self.learner.adaptation().levels()[step + 1];
        self.gates.extend(mean(next.gates(&common.rule)));
        let params = self.learner.params();
        match params.iter().position(|p| !p.is_finite()) {
            None => Ok(()),
            Some(index) => Err((index, params[index])),
        }
    }

    /// Adds the gradient of `share` × Σ ½ (V − target)² over all samples, and
    /// returns that loss.
    pub(crate) fn value_gradient(
        &mut self,
        model: &ValueModel,
        share: f32,
        gradient: &mut [f32],
    ) -> f64 {
        let mut view = ValueView {
            model,
            work: &mut self.value_work,
        };
        let mut loss = 0.0;
        for (rollout, samples) in self.rollouts.iter().zip(&self.learner.samples) {
            let inputs = (&samples.observations[..], &rollout.steps[..]);
            loss += view.gradient(inputs, &rollout.targets, share, gradient);
        }
        loss
    }

    /// Samples of all rollouts.
    pub(crate) fn samples(&self) -> usize {
        self.learner.samples.iter().map(Samples::len).sum()
    }

    /// What the task's part of an update came to.
    pub(crate) fn account(&self) -> Account {
        Account {
            returns: self
                .rollouts
                .iter()
                .map(|rollout| rollout.mean_return)
                .collect(),
            inner_gradient_norm: self.inner_gradient_norm,
            gates: self.gates.clone(),
            samples: self.samples(),
        }
    }
}

/// What a task's part of an update came to.
pub(crate) struct Account {
    /// Mean return after each number of inner steps. `[steps + 1]`
    pub(crate) returns: Vec<f64>,
    /// See [`Task`].
    pub(crate) inner_gradient_norm: f64,
    /// See [`Task`]. `[steps]`
    pub(crate) gates: Vec<[f64; 2]>,
    pub(crate) samples: usize,
}

impl Pack for Account {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.returns.pack(bytes);
        self.inner_gradient_norm.pack(bytes);
        self.gates.pack(bytes);
        self.samples.pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            returns: Vec::unpack(bytes)?,
            inner_gradient_norm: f64::unpack(bytes)?,
            gates: Vec::unpack(bytes)?,
            samples: usize::unpack(bytes)?,
        })
    }
}

/// Means of both gates; none of none.
fn mean(gates: impl Iterator<Item = [f32; 2]>) -> Option<[f64; 2]> {
    let (mut sums, mut count) = ([0.0; 2], 0.0);
    for gates in gates {
        count += 1.0;
        for (sum, gate) in sums.iter_mut().zip(gates) {
            *sum += f64::from(gate);
        }
    }
    (count > 0.0).then(|| sums.map(|sum| sum / count))
}

/// The tasks of an update, and who works on them.
pub(crate) struct MetaBatch {
    pub(crate) pool: Arc<Pool>,
    pub(crate) tasks: Vec<Task>,
}

impl MetaBatch {
    /// Works on every task, on the workers, and each rank on its own tasks; the results
    /// in the tasks' order. Of a task whose work failed nothing is left: every update
    /// writes all of it anew.
    pub(crate) fn each<T: Pack + Send>(
        &mut self,
        work: impl Fn(usize, &mut Task) -> T + Sync,
    ) -> Result<Vec<T>, LearnError> {
        self.each_that_can(|index, task| Ok(work(index, task)))
    }

    /// As [`Self::each`], of work that may fail.
    pub(crate) fn each_that_can<T: Pack + Send>(
        &mut self,
        work: impl Fn(usize, &mut Task) -> Result<T, LearnError> + Sync,
    ) -> Result<Vec<T>, LearnError> {
        self.pool.share(&mut self.tasks, work)
    }

    /// As [`Self::each`], of work whose results are vectors, and `share` × their sum, in
    /// f64 and in the tasks' order.
    pub(crate) fn sum<T: Pack + Send>(
        &mut self,
        share: f64,
        work: impl Fn(usize, &mut Task) -> (T, Vec<f32>) + Sync,
    ) -> Result<(Vec<T>, Vec<f64>), LearnError> {
        let work = |index, task: &mut Task| Ok::<_, LearnError>(work(index, task));
        let fold = |parts: &[&[f32]]| sum(parts.iter().copied(), share);
        let summed = self.pool.share_sum(&mut self.tasks, work, fold)?;
        Ok((summed.said, summed.sum))
    }
}

/// Where an adaptation failed.
pub(crate) struct Site {
    /// The update, counted from 1; none in an evaluation.
    pub(crate) update: Option<u64>,
    /// Which task of it.
    pub(crate) task: usize,
    /// Inner steps taken before.
    pub(crate) step: usize,
}

/// The error of an inner step that left the finite numbers.
pub(crate) fn diverged(common: &Common, site: &Site, (index, value): (usize, f32)) -> LearnError {
    let name = &common.shape.layout().owner(index).name;
    failed(common, site, format!("parameter '{name}' is {value}"))
}

/// The error of a rollout. That an adapted policy gives what is not allowed is
/// the fault of the adaptation.
pub(crate) fn not_lived(common: &Common, site: &Site, error: RolloutError) -> LearnError {
    match (error, site.step.checked_sub(1)) {
        (
            RolloutError::NotAllowed {
                culprit: culprit @ Culprit::Policy(_),
                what,
                site: place,
                ..
            },
            Some(step),
        ) => {
            let what = format!("{culprit} gave {what} in {place}");
            failed(common, &Site { step, ..*site }, what)
        }
        (error, _) => error.into(),
    }
}

fn failed(common: &Common, site: &Site, what: String) -> LearnError {
    LearnError::Adaptation {
        update: site.update,
        task: site.task,
        step: site.step + 1,
        what,
        lower: match (site.update, common.shape.learns_steps()) {
            (Some(_), false) => "maml.inner.rates",
            (Some(_), true) => {
                "maml.inner.rates, with which learned rates begin and gated steps go, or \
                                maml.learning_rate"
            }
            (None, false) => "maml.evaluation.rates",
            (None, true) => {
                "maml.evaluation.steps, or a training with a lower \
                             maml.inner.rates or maml.learning_rate (its steps are learned),"
            }
        },
    }
}
