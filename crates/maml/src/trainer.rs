//! One training: collect and adapt, then improve.

use crate::config::{KlPenalty, MamlConfig, Outer};
use crate::memory::expect_quick_fits;
use crate::meta::{Meta, MetaShape};
use crate::metrics::{Course, Improvement, Metrics, Phase};
use crate::policy::Policies;
use crate::task::{Account, Common, MetaBatch, Site, Task, diverged, not_lived};
use crate::value::ValueLearner;
use agent::{ActMode, LearnError};
use nets::{NetsError, Optimizer, Schedule};
use rl_core::{Domain, EnvFactory, PolicyFactory, StreamKey, Tree};
use rollout::Pool;
use std::sync::Arc;

/// What an update changes. It works on a copy, which takes the place of the
/// original when all has gone well.
#[derive(Clone)]
pub(crate) struct Learned {
    pub(crate) values: Arc<Vec<f32>>,
    pub(crate) optimizer: Optimizer,
    pub(crate) penalty: f64,
    pub(crate) value: Option<ValueLearner>,
}

/// A training of one agent under one seed.
pub struct Trainer {
    pub(crate) config: MamlConfig,
    seed: u64,
    pub(crate) common: Common,
    pub(crate) learned: Learned,
    pub(crate) batch: MetaBatch,
    pub(crate) update: u64,
    env_steps: u64,
}

impl Trainer {
    /// A training at its start.
    ///
    /// # Errors
    /// If a setting is out of range or does not fit the environment. What it
    /// takes of memory says [`footprint`](crate::footprint) beforehand.
    pub fn new(
        env: &dyn EnvFactory,
        config: MamlConfig,
        seed: u64,
        pool: Arc<Pool>,
    ) -> Result<Self, LearnError> {
        config.validate()?;
        let common = Common::new(env, &config)?;
        expect_quick_fits(&common.encoding, &config, pool.workers())?;
        let task = |index| {
            let place = (index, config.trajectories);
            Task::new(env, &common, place, config.inner.steps)
        };
        let tasks = (0..config.tasks).map(task).collect();
        let horizon = env.spec().horizon;
        let inputs = common.encoding.size();
        let value = ValueLearner::new(inputs, horizon, &config.baseline, seed)?;
        let layout = Arc::clone(common.shape.layout());
        let learned = Learned {
            values: Arc::new(common.shape.init(seed)),
            optimizer: Optimizer::new(config.optimizer, layout)?,
            penalty: match config.outer {
                Outer::Ppo { penalty, .. } => match penalty {
                    KlPenalty::None => 0.0,
                    KlPenalty::Fixed { coefficient } | KlPenalty::Adaptive { coefficient, .. } => {
                        coefficient
                    }
                },
                Outer::Vpg | Outer::Trpo(_) | Outer::Reptile => 0.0,
            },
            value,
        };
        Ok(Self {
            common,
            config,
            seed,
            learned,
            batch: MetaBatch { pool, tasks },
            update: 0,
            env_steps: 0,
        })
    }

    /// Updates done.
    pub fn updates_done(&self) -> u64 {
        self.update
    }

    /// Environment steps done.
    pub fn env_steps(&self) -> u64 {
        self.env_steps
    }

    /// The settings.
    pub fn config(&self) -> &MamlConfig {
        &self.config
    }

    /// The policy's network, and names, shapes and places of the
    /// meta-parameters.
    pub fn shape(&self) -> &MetaShape {
        &self.common.shape
    }

    /// The meta-parameters, in the layout of [`Self::shape`].
    pub fn parameters(&self) -> &Arc<Vec<f32>> {
        &self.learned.values
    }

    /// The policy as it is before any adaptation, to act anywhere.
    pub fn policy(&self, mode: ActMode) -> Arc<dyn PolicyFactory> {
        let params = self.common.network.parameters();
        self.policy_of(self.learned.values[..params].to_vec(), mode)
    }

    pub(crate) fn policy_of(&self, params: Vec<f32>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        Arc::new(Policies {
            encoding: self.common.encoding.clone(),
            network: Arc::clone(&self.common.network),
            params: Arc::new(params),
            mode,
        })
    }

    /// One update.
    ///
    /// # Errors
    /// If the environment fails, or a loss, a gradient or a parameter is not
    /// finite; everything is then as before the update.
    pub fn update(&mut self) -> Result<Metrics, LearnError> {
        self.update_observed(&mut |_| ())
    }

    /// One update that says when it begins each of its parts.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub fn update_observed(
        &mut self,
        observe: &mut (dyn FnMut(Phase) + Send),
    ) -> Result<Metrics, LearnError> {
        let pool = Arc::clone(&self.batch.pool);
        pool.install(|| self.all_of_update(observe))
    }

    fn all_of_update(&mut self, observe: &mut dyn FnMut(Phase)) -> Result<Metrics, LearnError> {
        let meta = self.common.shape.read(&self.learned.values);
        self.collect_and_adapt(&meta, observe)?;
        let mut learned = self.learned.clone();
        let mut improvement = self.improve(&mut learned, &meta, observe)?;
        if learned.value.is_some() {
            observe(Phase::Value);
            improvement.value_loss = Some(self.train_values(&mut learned)?);
        }
        if let Some((what, value)) = improvement.not_finite(learned.penalty) {
            return Err(LearnError::Loss {
                update: self.update + 1,
                what,
                value,
                scale: "the environment's scale".to_owned(),
                lower: "maml.inner.rates or maml.learning_rate".to_owned(),
            });
        }
        let accounts = self.batch.each(|_, task| task.account())?;
        self.learned = learned;
        self.update += 1;
        let metrics = self.summary(&accounts, &improvement);
        self.env_steps = metrics.env_steps;
        Ok(metrics)
    }

    /// Rolls out and adapts in turn, in all tasks.
    fn collect_and_adapt(
        &mut self,
        meta: &Meta<f32>,
        observe: &mut dyn FnMut(Phase),
    ) -> Result<(), LearnError> {
        let (update, common) = (self.update, &self.common);
        let value = self.learned.value.as_ref().map(|value| &value.model);
        for step in 0..=self.config.inner.steps {
            observe(Phase::Rollout);
            let key = StreamKey {
                rollout: step as u64,
                lanes_per_task: self.config.trajectories as u64,
                ..StreamKey::new(self.seed, Domain::Training, update)
            };
            let site = |task| Site {
                update: Some(update + 1),
                task,
                step,
            };
            self.batch.each_that_can(|index, task| {
                if step == 0 {
                    task.learner.begin(&common.rule, &meta.theta);
                }
                let collected = task.collect(common, value, &key);
                collected.map_err(|error| not_lived(common, &site(index), error))
            })?;
            if step == self.config.inner.steps {
                break;
            }
            observe(Phase::Inner);
            self.batch.each_that_can(|index, task| {
                let stepped = task.step(common, meta);
                stepped.map_err(|bad| diverged(common, &site(index), bad))
            })?;
        }
        Ok(())
    }

    /// Moves the value network towards the targets of all samples; returns the
    /// loss before.
    fn train_values(&mut self, learned: &mut Learned) -> Result<f64, LearnError> {
        let samples: usize = self.batch.each(|_, task| task.samples())?.iter().sum();
        let share = 1.0 / samples as f32;
        let mut first = None;
        let Some(value) = &mut learned.value else {
            return Ok(0.0);
        };
        for _ in 0..value.epochs {
            let model = &value.model;
            let (losses, sum) = self.batch.sum(1.0, |_, task| {
                let mut gradient = vec![0.0; model.params.len()];
                let loss = task.value_gradient(model, share, &mut gradient);
                (loss, gradient)
            })?;
            let loss: f64 = losses.iter().sum();
            first.get_or_insert(loss);
            let mut gradient: Vec<f32> = sum.iter().map(|g| *g as f32).collect();
            let stepped = value.descend(&mut gradient);
            stepped.map_err(|source| {
                let (part, lower) = ("the value network", "maml.baseline.learning_rate");
                LearnError::step(self.update + 1, Some(part), source, lower)
            })?;
        }
        Ok(first.unwrap_or_default())
    }

    /// What the update did, over all tasks in their order.
    fn summary(&self, tasks: &[Account], improvement: &Improvement) -> Metrics {
        let steps = self.config.inner.steps;
        let mut course = Course {
            returns: vec![0.0; steps + 1],
            ..Course::default()
        };
        let mut env_steps = self.env_steps;
        for task in tasks {
            for (mean, earned) in course.returns.iter_mut().zip(&task.returns) {
                *mean += earned / tasks.len() as f64;
            }
            course.gradient_norm += task.inner_gradient_norm / (tasks.len() * steps.max(1)) as f64;
            course.gates.resize(task.gates.len(), [0.0; 2]);
            for (mean, gates) in course.gates.iter_mut().zip(&task.gates) {
                for (mean, gate) in mean.iter_mut().zip(gates) {
                    *mean += gate / tasks.len() as f64;
                }
            }
            env_steps += task.samples as u64;
        }
        Metrics::new(self.update, env_steps, course, improvement)
    }

    /// All that a later process needs to go on with identical results. Random
    /// streams are derived from the seed and the update, so that there is no
    /// generator state.
    ///
    /// # Errors
    /// If a number in it is not finite: nothing could go on from there.
    pub fn checkpoint(&self) -> Result<Tree, LearnError> {
        let learned = &self.learned;
        let mut tree = Tree::default()
            .with_branch(PARAMS, self.common.shape.layout().split(&learned.values)?)
            .with_branch(OPTIMIZER, learned.optimizer.state())
            .with_number(PENALTY, learned.penalty)
            .with_count(UPDATE, self.update)
            .with_count(ENV_STEPS, self.env_steps);
        if let Some(value) = &learned.value {
            tree = tree.with_branch(VALUE, value.checkpoint()?);
        }
        tree.expect_storable()?;
        Ok(tree)
    }

    /// Goes back to a checkpoint of the same network and baseline.
    ///
    /// # Errors
    /// If an array is missing, unknown or of another shape; nothing is changed
    /// then.
    pub fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        let mut parts = vec![PARAMS, OPTIMIZER, PENALTY, UPDATE, ENV_STEPS];
        let mut learned = self.learned.clone();
        let layout = self.common.shape.layout();
        learned.values = Arc::new(layout.join(&checkpoint.branch(PARAMS))?);
        learned.optimizer.restore(&checkpoint.branch(OPTIMIZER))?;
        learned.penalty = checkpoint.number(PENALTY)?;
        if let Some(value) = &mut learned.value {
            value.restore(&checkpoint.branch(VALUE))?;
            parts.push(VALUE);
        }
        checkpoint.expect_only(&parts)?;
        let (update, env_steps) = (checkpoint.count(UPDATE)?, checkpoint.count(ENV_STEPS)?);
        self.learned = learned;
        self.update = update;
        self.env_steps = env_steps;
        Ok(())
    }

    pub(crate) fn scheduled(&self, schedule: Schedule) -> f64 {
        schedule.at(self.update, self.config.updates)
    }

    pub(crate) fn failed(&self, source: NetsError) -> LearnError {
        let lower = "maml.inner.rates, maml.learning_rate or maml.max_gradient_norm";
        LearnError::step(self.update + 1, None, source, lower)
    }
}

/// Parts of a checkpoint: those of every training, and the weight of the KL
/// penalty and the value network where there are any.
const PARAMS: &str = "params";
const OPTIMIZER: &str = "optimizer";
const PENALTY: &str = "penalty";
const VALUE: &str = "value";
const UPDATE: &str = "update";
const ENV_STEPS: &str = "env_steps";

/// `share` × the sum of vectors, in f64 and in their order.
pub(crate) fn sum<'a>(parts: impl Iterator<Item = &'a [f32]>, share: f64) -> Vec<f64> {
    let mut sum: Vec<f64> = Vec::new();
    for part in parts {
        sum.resize(part.len(), 0.0);
        for (sum, x) in sum.iter_mut().zip(part) {
            *sum += f64::from(*x);
        }
    }
    sum.iter_mut().for_each(|sum| *sum *= share);
    sum
}

#[cfg(test)]
#[path = "transcript_tests.rs"]
mod tests;
