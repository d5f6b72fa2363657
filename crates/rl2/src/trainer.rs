//! One training: collect, advantages, improve.

use crate::backend::{
    ActMode, Backend, Execution, Gradient, Lesson, Losses, Minibatch, Objective, Surrogate,
};
use crate::config::{BackendKind, Outer, Rl2Config};
use crate::error::Rl2Error;
use crate::model::ActorCritic;
use crate::native::NativeBackend;
use crate::samples::{Samples, Targets};
use crate::stopwatch::{Phase, Stopwatch};
use crate::torch::TorchBackend;
use nets::tch::Device;
use nets::{NamedArray, Optimizer, clip_gradient, expect_finite};
use rl_core::rand::seq::SliceRandom as _;
use rl_core::{Domain, EnvFactory, PolicyFactory, Purpose, Standardization, StreamKey};
use rollout::{Batch, BatchSize, Pool};
use serde::Serialize;
use std::sync::Arc;

/// What one update did. Nothing in it depends on the clock or the workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Updates done.
    pub update: u64,
    /// Environment steps done.
    pub env_steps: u64,
    /// Mean return of the trials of this update, actions sampled.
    pub mean_return: f64,
    /// Mean over the update's minibatches.
    pub policy_loss: f64,
    /// Mean over the update's minibatches.
    pub value_loss: f64,
    /// Nats, mean over the update's minibatches.
    pub entropy: f64,
    /// Nats, mean over the update's minibatches.
    pub approx_kl: f64,
    /// Mean over the update's minibatches.
    pub clip_fraction: f64,
    /// Before clipping, mean over the update's minibatches.
    pub gradient_norm: f64,
    /// Step size of this update.
    pub learning_rate: f64,
    /// Entropy bonus of this update.
    pub entropy_coefficient: f64,
}

/// All that changes in a training. Random streams are derived from the seed
/// and the update, so that there is no generator state to save.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Updates done.
    pub update: u64,
    /// Environment steps done.
    pub env_steps: u64,
    /// Parameters of the network.
    pub params: Vec<NamedArray>,
    /// State of the optimizer.
    pub optimizer: Vec<NamedArray>,
}

/// A training of one agent under one seed.
pub struct Trainer {
    config: Rl2Config,
    seed: u64,
    pool: Arc<Pool>,
    model: Arc<ActorCritic>,
    backend: Box<dyn Backend>,
    values: Arc<Vec<f32>>,
    optimizer: Optimizer,
    samples: Arc<Samples>,
    update: u64,
    env_steps: u64,
    stopwatch: Stopwatch,
}

impl Trainer {
    /// A training at its start. The pool's workers must have been started with
    /// [`nets::single_threaded`].
    ///
    /// # Errors
    /// If a setting is out of range or does not fit the environment. What it
    /// takes of memory says [`footprint`](crate::footprint) beforehand.
    pub fn new(
        env: &dyn EnvFactory,
        config: Rl2Config,
        seed: u64,
        pool: Arc<Pool>,
        device: Device,
    ) -> Result<Self, Rl2Error> {
        config.validate()?;
        let model = Arc::new(ActorCritic::new(env.spec(), &config)?);
        let backend: Box<dyn Backend> = match config.backend {
            BackendKind::Native if device != Device::Cpu => {
                let allowed = "torch, since native kernels run on the CPU alone";
                return Err(Rl2Error::config("backend", "native", allowed));
            }
            BackendKind::Native => Box::new(NativeBackend::new(&model, env.spec(), &config)?),
            BackendKind::Torch => Box::new(TorchBackend::new(Arc::clone(&model), device)),
        };
        Self::with_backend(env, config, seed, pool, (model, backend))
    }

    /// A training at its start, on a network and a backend of the caller's.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_backend(
        env: &dyn EnvFactory,
        config: Rl2Config,
        seed: u64,
        pool: Arc<Pool>,
        (model, backend): (Arc<ActorCritic>, Box<dyn Backend>),
    ) -> Result<Self, Rl2Error> {
        config.validate()?;
        let size = BatchSize {
            lanes: config.lanes,
            tile: config.tile,
            steps: env.spec().trial_steps(),
        };
        let batch = Batch::new(env, size)?;
        let targets = vec![Targets::default(); batch.tiles().len()];
        Ok(Self {
            optimizer: Optimizer::new(config.optimizer, Arc::clone(model.layout()))?,
            values: Arc::new(model.init(seed)),
            samples: Arc::new(Samples { batch, targets }),
            config,
            seed,
            pool,
            model,
            backend,
            update: 0,
            env_steps: 0,
            stopwatch: Stopwatch::default(),
        })
    }

    /// Tells the stopwatch from now on what updates spend their time on. The
    /// results are the same as without.
    pub fn watch(&mut self, stopwatch: Stopwatch) {
        self.stopwatch = stopwatch;
    }

    /// Updates done.
    pub fn updates_done(&self) -> u64 {
        self.update
    }

    /// Environment steps done.
    pub fn env_steps(&self) -> u64 {
        self.env_steps
    }

    /// The network.
    pub fn model(&self) -> &ActorCritic {
        &self.model
    }

    /// What computes.
    pub fn backend(&self) -> &dyn Backend {
        self.backend.as_ref()
    }

    /// The network's parameters, in its layout.
    pub fn parameters(&self) -> &Arc<Vec<f32>> {
        &self.values
    }

    /// The samples of the update in progress.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The gradient of an objective over some tiles of the samples, at any
    /// parameters.
    ///
    /// # Errors
    /// If the computation fails.
    pub fn gradient(
        &self,
        values: &Arc<Vec<f32>>,
        minibatch: &Minibatch,
        objective: Objective,
    ) -> Result<Gradient, Rl2Error> {
        let lesson = Lesson {
            values,
            samples: &self.samples,
            minibatch,
            objective,
            stopwatch: &self.stopwatch,
        };
        self.backend.gradient(&self.pool, lesson)
    }

    /// The agent as it is now, to act anywhere.
    pub fn policy(&self, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.backend.policy(&self.values, mode)
    }

    /// One update: [`Self::collect`], [`Self::advantages`], [`Self::improve`].
    ///
    /// # Errors
    /// Of any of the three.
    pub fn update(&mut self) -> Result<Metrics, Rl2Error> {
        self.collect()?;
        self.advantages();
        self.improve()
    }

    /// Lives one fresh trial in each lane.
    ///
    /// # Errors
    /// If the environment fails.
    pub fn collect(&mut self) -> Result<(), Rl2Error> {
        let execution = self.backend.execution();
        let policy = self.policy(ActMode::Sample);
        let policy = self.stopwatch.watched(policy, execution);
        let (pool, key) = (Arc::clone(&self.pool), self.key());
        let stopwatch = self.stopwatch.clone();
        let batch = &mut unshared(&mut self.samples).batch;
        stopwatch.rollout(execution, || match execution {
            Execution::Tiles => batch.collect(&pool, &policy, key),
            Execution::Lockstep => batch.collect_in_lockstep(&pool, &policy, key),
        })?;
        Ok(())
    }

    /// Computes what the collected trials teach.
    pub fn advantages(&mut self) {
        let Samples { batch, targets } = unshared(&mut self.samples);
        let (decay, scale) = (self.config.gae, self.config.reward_scale as f32);
        self.stopwatch.time(Phase::Advantages, || {
            for (tile, targets) in batch.tiles().iter().zip(targets) {
                targets.fill(tile.trajectory(), decay, scale);
            }
        });
    }

    /// Moves the parameters by what the collected trials teach.
    ///
    /// # Errors
    /// If a loss, a gradient or a parameter is not finite; everything is then as
    /// before the update.
    pub fn improve(&mut self) -> Result<Metrics, Rl2Error> {
        let before = (Arc::clone(&self.values), self.optimizer.state());
        let learning_rate = self.scheduled(self.config.learning_rate);
        let entropy_coefficient = self.scheduled(self.config.entropy_coefficient);
        let (losses, gradient_norm) = match self.passes(learning_rate, entropy_coefficient) {
            Ok(means) => means,
            Err(error) => {
                self.values = before.0;
                self.optimizer.restore(&before.1)?;
                return Err(error);
            }
        };
        let (mean_return, env_steps) = self.samples.summary();
        self.update += 1;
        self.env_steps += env_steps;
        Ok(Metrics {
            update: self.update,
            env_steps: self.env_steps,
            mean_return,
            policy_loss: losses.policy,
            value_loss: losses.value,
            entropy: losses.entropy,
            approx_kl: losses.approx_kl,
            clip_fraction: losses.clip_fraction,
            gradient_norm,
            learning_rate,
            entropy_coefficient,
        })
    }

    /// All epochs over all minibatches. Returns the means of the losses and of
    /// the gradients' norms.
    fn passes(&mut self, learning_rate: f64, entropy: f64) -> Result<(Losses, f64), Rl2Error> {
        let objective = Objective {
            surrogate: match self.config.outer {
                Outer::Ppo { clip, .. } => Surrogate::Clipped(clip),
                Outer::A2c => Surrogate::Plain,
            },
            value_coefficient: self.config.value_coefficient,
            entropy_coefficient: entropy,
        };
        let mut order: Vec<usize> = (0..self.samples.targets.len()).collect();
        let mut shuffle = self.key().lane(Purpose::Shuffle, 0);
        let part = order.len() / self.config.outer.minibatches();
        let (mut sum, mut norms, mut steps) = (Losses::default(), 0.0, 0.0);
        for _ in 0..self.config.outer.epochs() {
            order.shuffle(&mut shuffle);
            for tiles in order.chunks(part) {
                self.pool.go_on()?;
                let minibatch = self
                    .stopwatch
                    .time(Phase::Advantages, || self.minibatch(tiles));
                let gradient = self.gradient(&self.values, &minibatch, objective)?;
                self.expect_finite(&gradient.losses)?;
                sum.add(&gradient.losses);
                let stopwatch = self.stopwatch.clone();
                norms += stopwatch.time(Phase::Optimizer, || self.step(gradient, learning_rate))?;
                steps += 1.0;
            }
        }
        let means = Losses {
            policy: sum.policy / steps,
            value: sum.value / steps,
            entropy: sum.entropy / steps,
            approx_kl: sum.approx_kl / steps,
            clip_fraction: sum.clip_fraction / steps,
        };
        Ok((means, norms / steps))
    }

    /// Refuses losses that say nothing any more.
    fn expect_finite(&self, losses: &Losses) -> Result<(), Rl2Error> {
        let named = [
            ("the policy loss", losses.policy),
            ("the value loss", losses.value),
            ("the entropy", losses.entropy),
            (
                "the divergence from the policy that acted",
                losses.approx_kl,
            ),
        ];
        match named.into_iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((what, value)) => Err(Rl2Error::Loss {
                update: self.update + 1,
                what,
                value,
            }),
        }
    }

    /// One clipped step of the optimizer; returns the gradient's norm.
    fn step(&mut self, mut gradient: Gradient, learning_rate: f64) -> Result<f64, Rl2Error> {
        let update = self.update + 1;
        let failed = |source| Rl2Error::Update { update, source };
        let norm = clip_gradient(
            self.model.layout(),
            &mut gradient.values,
            self.config.max_gradient_norm,
        )
        .map_err(failed)?;
        let values = Arc::make_mut(&mut self.values);
        self.optimizer
            .update(values, &gradient.values, learning_rate)
            .map_err(failed)?;
        self.model.hold(values);
        Ok(norm)
    }

    /// The samples of some tiles, normalized as configured.
    pub fn minibatch(&self, tiles: &[usize]) -> Minibatch {
        let moments = self.samples.advantage_moments(tiles);
        let standard = match self.config.normalize_advantages {
            true => Standardization::new(&moments, &self.samples.reward_spread(tiles)),
            false => Standardization::NONE,
        };
        Minibatch {
            tiles: tiles.to_vec(),
            weight: (1.0 / moments.count) as f32,
            shift: standard.shift as f32,
            scale: standard.scale as f32,
        }
    }

    /// All that a later process needs to go on with identical results.
    ///
    /// # Errors
    /// If a number in it is not finite: nothing could go on from there.
    pub fn snapshot(&self) -> Result<Snapshot, Rl2Error> {
        let params = self.model.layout().split(&self.values)?;
        let optimizer = self.optimizer.state();
        expect_finite(&params)?;
        expect_finite(&optimizer)?;
        Ok(Snapshot {
            update: self.update,
            env_steps: self.env_steps,
            params,
            optimizer,
        })
    }

    /// Goes back to a snapshot of the same network.
    ///
    /// # Errors
    /// If an array is missing, unknown or of another shape; nothing is changed
    /// then.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Rl2Error> {
        let values = self.model.layout().join(&snapshot.params)?;
        self.optimizer.restore(&snapshot.optimizer)?;
        self.values = Arc::new(values);
        self.update = snapshot.update;
        self.env_steps = snapshot.env_steps;
        Ok(())
    }

    fn key(&self) -> StreamKey {
        StreamKey::new(self.seed, Domain::Training, self.update)
    }

    fn scheduled(&self, schedule: nets::Schedule) -> f64 {
        schedule.at(self.update, self.config.updates)
    }
}

/// The samples, which only jobs that have ended have shared.
fn unshared(samples: &mut Arc<Samples>) -> &mut Samples {
    Arc::get_mut(samples).expect("every job has ended and dropped its share")
}
