//! One agent that learns: its network, parameters and optimizer, and the trials
//! that it learns from.

use crate::algorithm::ToldArms;
use crate::backend::{
    ActMode, Backend, BackendKind, Gradient, Lesson, Losses, Minibatch, Objective,
};
use crate::error::LearnError;
use crate::execution::Execution;
use crate::model::{ActorCritic, NetworkConfig};
use crate::native::{self, NativeBackend};
use crate::passes::{LANES, Minibatches, Passes, expect_parts, tiles};
use crate::portable::Portable;
use crate::samples::{Samples, Targets};
use crate::stopwatch::{Phase, Stopwatch};
use crate::taught::Taught;
use crate::torch;
use nets::{Device, MAX_GRADIENT_NORM, Optimizer, OptimizerConfig, SequenceConfig, clip_gradient};
use rl_core::{
    ActionSpace, Domain, EnvFactory, PolicyFactory, Purpose, SettingError, StreamKey, Trajectory,
    Tree,
};
use rollout::{Batch, BatchSize, Pool};
use std::sync::Arc;

/// What a learner is made of, beside its environment and seed.
#[derive(Clone, Copy, Debug)]
pub struct LearnerConfig<'a> {
    /// The network.
    pub network: NetworkConfig<'a>,
    /// What computes.
    pub backend: BackendKind,
    /// What makes steps of gradients.
    pub optimizer: OptimizerConfig,
    /// Lanes, each of which lives one trial per update.
    pub lanes: usize,
    /// Lanes of a tile, the unit of parallel work and of minibatches.
    pub tile: usize,
    /// Parts that the lanes are split into, each a step of the optimizer.
    pub minibatches: usize,
    /// Largest norm of the whole gradient; a longer one is scaled down.
    pub max_gradient_norm: f64,
}

impl LearnerConfig<'_> {
    /// The network for an environment, and what computes it on a device.
    ///
    /// # Errors
    /// If a setting does not fit the environment, or nothing that was built in
    /// computes the network there.
    pub fn build(
        &self,
        env: &dyn EnvFactory,
        device: Device,
    ) -> Result<(Arc<ActorCritic>, Box<dyn Backend>), LearnError> {
        let model = Arc::new(ActorCritic::new(env, self.network)?);
        let backend: Box<dyn Backend> = match self.backend {
            BackendKind::Native if device != Device::Cpu => {
                let key = format!("{}.backend", self.network.of);
                let allowed = "torch, since native kernels run on the CPU alone";
                return Err(LearnError::config(key, "native", allowed));
            }
            BackendKind::Native => Box::new(NativeBackend::new(&model, self.network)?),
            BackendKind::Torch => torch::backend(&model, device)?,
        };
        Ok((model, backend))
    }
}

impl LearnerConfig<'_> {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the key below the algorithm's name, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        let of = self.network.of;
        self.check().map_err(|fault| fault.below(of))?;
        let tiles = tiles(of, self.lanes, self.tile)?;
        if self.minibatches == 0 || !tiles.is_multiple_of(self.minibatches) {
            let count = self.minibatches;
            let allowed = format!("a multiple of {of}.tile times the {count} minibatches");
            return Err(LearnError::config(
                format!("{of}.lanes"),
                self.lanes,
                allowed,
            ));
        }
        Ok(())
    }

    /// Checks every setting, where the parts that the lanes are split into are set by
    /// a key of the algorithm's.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn validate_with(&self, key: &str) -> Result<(), LearnError> {
        let whole = Self {
            minibatches: 1,
            ..*self
        };
        whole.validate()?;
        let lanes = (self.lanes, self.tile);
        expect_parts(self.network.of, lanes, (key, self.minibatches))
    }

    /// Checks each setting for itself.
    fn check(&self) -> Result<(), SettingError> {
        LANES.check("lanes", self.lanes)?;
        LANES.check("tile", self.tile)?;
        MAX_GRADIENT_NORM.check("max_gradient_norm", self.max_gradient_norm)?;
        let (trunk, policy) = (self.network.trunk, self.network.policy);
        trunk.validate().map_err(|fault| fault.below("trunk"))?;
        policy.validate().map_err(|fault| fault.below("policy"))?;
        let optimizer = self.optimizer.validate();
        optimizer.map_err(|fault| fault.below("optimizer"))
    }
}

/// The name of the teacher that knows each task, which is no policy: it reads the task.
pub const KNOWN_TASK: &str = "known-task";

/// A gradient beside an objective's, of the first parameters, at a learner's own and over
/// a minibatch of its samples.
pub type Beside<'a> = dyn FnMut(&Learner, &Minibatch) -> Result<Vec<f32>, LearnError> + Send + 'a;

/// Where a learner works.
#[derive(Clone)]
pub struct Place {
    /// Who does the work. Its workers must have been started with
    /// [`nets::single_threaded`].
    pub pool: Arc<Pool>,
    /// Where tensors are.
    pub device: Device,
}

/// An agent that learns under one seed.
pub struct Learner {
    seed: u64,
    pool: Arc<Pool>,
    model: Arc<ActorCritic>,
    backend: Box<dyn Backend>,
    values: Arc<Vec<f32>>,
    optimizer: Optimizer,
    max_gradient_norm: f64,
    samples: Samples,
    teacher: Option<Arc<dyn PolicyFactory>>,
    update: u64,
    env_steps: u64,
    stopwatch: Stopwatch,
}

impl Learner {
    /// A learner at its start.
    ///
    /// # Errors
    /// If a setting does not fit the environment. What it takes of memory says
    /// [`footprint`](crate::footprint) beforehand.
    pub fn new(
        env: &dyn EnvFactory,
        config: LearnerConfig<'_>,
        seed: u64,
        place: Place,
    ) -> Result<Self, LearnError> {
        let parts = config.build(env, place.device)?;
        Self::with_backend(env, config, seed, place.pool, parts)
    }

    /// A learner at its start, on a network and a backend of the caller's.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_backend(
        env: &dyn EnvFactory,
        config: LearnerConfig<'_>,
        seed: u64,
        pool: Arc<Pool>,
        (model, backend): (Arc<ActorCritic>, Box<dyn Backend>),
    ) -> Result<Self, LearnError> {
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
            samples: Samples { batch, targets },
            teacher: None,
            max_gradient_norm: config.max_gradient_norm,
            seed,
            pool,
            model,
            backend,
            update: 0,
            env_steps: 0,
            stopwatch: Stopwatch::default(),
        })
    }

    /// The same learner with a teacher, who labels every row that it lives. Actions
    /// must be discrete.
    #[must_use]
    pub fn with_teacher(mut self, teacher: Arc<dyn PolicyFactory>) -> Self {
        self.samples.batch = self.samples.batch.with_labels();
        self.teacher = Some(teacher);
        self
    }

    /// The same learner, whose rows are labelled with what an agent does that knows the
    /// task (Lee et al. 2023: what predicts that, given the trial so far, samples
    /// actions as posterior sampling does).
    ///
    /// # Errors
    /// If the environment does not know it.
    pub fn with_known_task(mut self, env: &dyn EnvFactory) -> Result<Self, LearnError> {
        let spec = env.spec();
        let known = |size: usize| {
            let mut batch = env.make(1);
            let mut first = vec![0.0; spec.observation.width()];
            batch.begin(&self.key(), 0, &mut first);
            batch.known_task_actions(&mut vec![0.0; size])
        };
        match spec.action {
            ActionSpace::Discrete { size } if known(size) => {
                self.samples.batch = self.samples.batch.with_known_task_labels();
                Ok(self)
            }
            _ => {
                let key = format!("{}.teacher.name", self.model.of);
                let allowed = format!(
                    "\"{KNOWN_TASK}\" in environments that say what is best in each of their \
                     tasks; '{}' does not, or not at this size",
                    spec.name
                );
                Err(LearnError::config(key, KNOWN_TASK, allowed))
            }
        }
    }

    /// The same learner, whose tiles describe the tasks that they live in.
    #[must_use]
    pub fn with_descriptions(mut self) -> Self {
        self.samples.batch = self.samples.batch.with_descriptions();
        self
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

    /// What the streams of the update in progress are derived from.
    pub fn key(&self) -> StreamKey {
        StreamKey::new(self.seed, Domain::Training, self.update)
    }

    /// The agent as it is now, to act anywhere.
    pub fn policy(&self, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.backend.policy(&self.values, mode)
    }

    /// The index by which the agent prefers arms, see [`Training::indices`].
    ///
    /// [`Training::indices`]: crate::Training::indices
    pub fn indices(&self, told: ToldArms<'_>) -> Option<Vec<f32>> {
        native::indices(&self.model, &self.values, told)
    }

    /// The agent as other programs compute it, see [`Training::portable`]; `trunk` are the
    /// settings of its trunk.
    ///
    /// # Errors
    /// If there is no such form of the trunk: which have one.
    ///
    /// [`Training::portable`]: crate::Training::portable
    pub fn portable(&self, trunk: &SequenceConfig) -> Result<Portable, LearnError> {
        Portable::new(&self.model, trunk, &self.values)
    }

    /// Lives one fresh trial in each lane.
    ///
    /// # Errors
    /// If the environment fails.
    pub fn collect(&mut self) -> Result<(), LearnError> {
        self.collect_beside(0.0)
    }

    /// Lives one fresh trial in each lane; in a share of them, 0 to 1, the teacher acts
    /// and the learner looks on.
    ///
    /// # Errors
    /// If the environment fails.
    pub fn collect_beside(&mut self, share: f64) -> Result<(), LearnError> {
        let execution = self.backend.execution();
        let student = self.policy(ActMode::Sample);
        let policy = match &self.teacher {
            None => student,
            Some(teacher) => Arc::new(Taught {
                student,
                teacher: Arc::clone(teacher),
                share,
            }),
        };
        let policy = self.stopwatch.watched(policy, execution);
        let (pool, key, batch) = (&self.pool, self.key(), &mut self.samples.batch);
        self.stopwatch.rollout(execution, || match execution {
            Execution::Tiles => batch.collect_shared(pool, &policy, key),
            Execution::Lockstep => batch.collect_in_lockstep(pool, &policy, key),
        })?;
        Ok(())
    }

    /// Computes what the collected trials teach, tile by tile.
    pub fn teach(&mut self, mut fill: impl FnMut(&Trajectory, &mut Targets)) {
        let Samples { batch, targets } = &mut self.samples;
        self.stopwatch.time(Phase::Advantages, || {
            for (tile, targets) in batch.tiles().iter().zip(targets) {
                fill(tile.trajectory(), targets);
            }
        });
    }

    /// The samples of some tiles, see [`Samples::minibatch`].
    pub fn minibatch(&self, tiles: &[usize], normalized: bool) -> Minibatch {
        self.samples.minibatch(tiles, normalized)
    }

    /// The gradient of an objective over some tiles of the samples, at any
    /// parameters.
    ///
    /// # Errors
    /// If the computation fails.
    pub fn gradient(
        &self,
        values: &[f32],
        minibatch: &Minibatch,
        objective: Objective,
    ) -> Result<Gradient, LearnError> {
        let lesson = Lesson {
            values,
            samples: &self.samples,
            minibatch,
            objective,
            stopwatch: &self.stopwatch,
        };
        self.backend.gradient(&self.pool, lesson)
    }

    /// Takes the steps of an update. If one fails, everything is as before it;
    /// else the update counts, and the mean return of its trials is returned too.
    ///
    /// # Errors
    /// Of the steps.
    pub fn improve<T: Send>(
        &mut self,
        steps: impl FnOnce(&mut Self) -> Result<T, LearnError> + Send,
    ) -> Result<(T, f64), LearnError> {
        let (values, optimizer) = (Arc::clone(&self.values), self.optimizer.clone());
        let pool = Arc::clone(&self.pool);
        let done = match self.backend.execution() {
            // Minibatches may be too short to wake a worker for each.
            Execution::Tiles => pool.install(|| steps(self)),
            // A device's libraries hold memory for every thread that calls them.
            Execution::Lockstep => steps(self),
        };
        let done = done.inspect_err(|_| {
            self.values = values;
            self.optimizer = optimizer;
        })?;
        let (mean_return, env_steps) = self.samples.summary();
        self.update += 1;
        self.env_steps += env_steps;
        Ok((done, mean_return))
    }

    /// All passes over all minibatches, in an order that each pass draws: a step down
    /// the objective for each. Returns the means of the losses and of the gradients'
    /// norms.
    ///
    /// # Errors
    /// Of [`Self::descend`].
    pub fn passes(
        &mut self,
        passes: Passes,
        objective: Objective,
        learning_rate: f64,
    ) -> Result<(Losses, f64), LearnError> {
        let nothing = &mut |_: &Self, _: &Minibatch| Ok(Vec::new());
        self.passes_beside(passes, (objective, learning_rate), nothing)
    }

    /// The same, where each step also goes down what `beside` gives the gradient of: of
    /// the first parameters, as many as it likes, over the same minibatch.
    ///
    /// # Errors
    /// Of [`Self::descend`], and of `beside`.
    pub fn passes_beside(
        &mut self,
        passes: Passes,
        (objective, learning_rate): (Objective, f64),
        beside: &mut Beside<'_>,
    ) -> Result<(Losses, f64), LearnError> {
        let stream = self.key().lane(Purpose::Shuffle, 0);
        let tiles = self.samples.targets.len();
        let mut minibatches = Minibatches::new(tiles, passes.minibatches, stream);
        let (mut sum, mut norms, mut steps) = (Losses::default(), 0.0, 0.0);
        for _ in 0..passes.epochs {
            for tiles in minibatches.pass() {
                let normalized = passes.normalize_advantages;
                let minibatch = self.preparing(|| self.minibatch(tiles, normalized));
                let goal = (objective, learning_rate);
                let (losses, norm) = self.descend_beside(&minibatch, goal, beside)?;
                sum.add(&losses);
                norms += norm;
                steps += 1.0;
            }
        }
        Ok((sum.over(steps), norms / steps))
    }

    /// One clipped step down an objective over a minibatch; returns the losses
    /// and the gradient's norm before clipping.
    ///
    /// # Errors
    /// If a loss, a gradient or a parameter is not finite, or the work was called
    /// off.
    pub fn descend(
        &mut self,
        minibatch: &Minibatch,
        objective: Objective,
        learning_rate: f64,
    ) -> Result<(Losses, f64), LearnError> {
        let nothing = &mut |_: &Self, _: &Minibatch| Ok(Vec::new());
        self.descend_beside(minibatch, (objective, learning_rate), nothing)
    }

    fn descend_beside(
        &mut self,
        minibatch: &Minibatch,
        (objective, learning_rate): (Objective, f64),
        beside: &mut Beside<'_>,
    ) -> Result<(Losses, f64), LearnError> {
        // Where ranks share the gradient they agree there on whether to go on: one that
        // left by itself would leave the others waiting.
        if self.pool.ranks().size() == 1 {
            self.pool.go_on()?;
        }
        let mut gradient = self.gradient(&self.values, minibatch, objective)?;
        let losses = gradient.losses;
        self.expect_finite(&losses)?;
        let more = beside(self, minibatch)?;
        gradient
            .values
            .iter_mut()
            .zip(&more)
            .for_each(|(g, more)| *g += more);
        let stopwatch = self.stopwatch.clone();
        let norm = stopwatch.time(Phase::Optimizer, || self.step(gradient, learning_rate))?;
        Ok((losses, norm))
    }

    /// Has the parameters changed by a step of the algorithm's own. Within
    /// [`Self::improve`], what fails there is undone.
    ///
    /// # Errors
    /// Of the change.
    pub fn amend<T>(
        &mut self,
        change: impl FnOnce(&mut [f32]) -> Result<T, LearnError>,
    ) -> Result<T, LearnError> {
        let values: &mut Vec<f32> = Arc::make_mut(&mut self.values);
        change(values)
    }

    /// Refuses to share the work among ranks where what computes does not.
    ///
    /// # Errors
    /// Names the backend.
    pub fn expect_shared(&self) -> Result<(), LearnError> {
        match self.backend.shares() {
            true => Ok(()),
            false => {
                let key = format!("{}.backend", self.model.of);
                let allowed = "native, whose gradients several ranks share";
                Err(LearnError::config(key, "torch", allowed))
            }
        }
    }

    /// Who does the work.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Work that counts as [`Phase::Advantages`].
    fn preparing<R>(&self, work: impl FnOnce() -> R) -> R {
        self.stopwatch.time(Phase::Advantages, work)
    }

    /// Looks once more at all that the last update lived, as that did while it lived it:
    /// for whoever measures what that takes.
    ///
    /// # Errors
    /// If anything in it is not allowed.
    pub fn check_again(&mut self) -> Result<(), LearnError> {
        let name = self.policy(ActMode::Sample).name();
        Ok(self.samples.batch.check_again(&self.pool, &name)?)
    }

    /// Does what a step of the optimizer does beside stepping, so that one that leaves the
    /// finite numbers changes nothing ([`Optimizer::guard`]), on the parameters as they
    /// are: for whoever measures what that takes.
    ///
    /// # Errors
    /// If a parameter is not finite.
    pub fn guard_step(&mut self) -> Result<(), LearnError> {
        let gradient = self.values.to_vec();
        let values = Arc::make_mut(&mut self.values);
        Ok(self.optimizer.guard(values, &gradient)?)
    }

    /// Refuses losses that say nothing any more.
    fn expect_finite(&self, losses: &Losses) -> Result<(), LearnError> {
        let of = self.model.of;
        let named = [
            ("the policy loss", losses.policy),
            ("the value loss", losses.value),
            ("the entropy", losses.entropy),
            (
                "the divergence from the policy that acted",
                losses.approx_kl,
            ),
            ("the divergence from the teacher", losses.divergence),
        ];
        let lower = format!("{of}.learning_rate");
        LearnError::expect_finite(self.update + 1, &named, "the environment's scale", &lower)
    }

    fn step(&mut self, mut gradient: Gradient, learning_rate: f64) -> Result<f64, LearnError> {
        let (of, update) = (self.model.of, self.update + 1);
        let lower = format!("{of}.learning_rate or {of}.max_gradient_norm");
        let failed = |source| LearnError::step(update, None, source, &lower);
        let (layout, most) = (self.model.layout(), self.max_gradient_norm);
        let norm = clip_gradient(layout, &mut gradient.values, most).map_err(failed)?;
        let values = Arc::make_mut(&mut self.values);
        self.optimizer
            .update(values, &gradient.values, learning_rate)
            .map_err(failed)?;
        self.model.hold(values);
        Ok(norm)
    }

    /// All that a later process needs to go on with identical results: `params`,
    /// `optimizer`, and the counts `update` and `env_steps`. Random streams are
    /// derived from the seed and the update, so that there is no generator state.
    ///
    /// # Errors
    /// If a number in it is not finite: nothing could go on from there.
    pub fn checkpoint(&self) -> Result<Tree, LearnError> {
        let tree = Tree::default()
            .with_branch(PARAMS, self.model.layout().split(&self.values)?)
            .with_branch(OPTIMIZER, self.optimizer.state())
            .with_count(UPDATE, self.update)
            .with_count(ENV_STEPS, self.env_steps);
        tree.expect_storable()?;
        Ok(tree)
    }

    /// Begins with the parameters in a checkpoint of a network of the same layout, of
    /// whatever algorithm that stands on this floor; the optimizer knows nothing of them.
    ///
    /// # Errors
    /// If a parameter is missing, unknown or of another shape; nothing is changed then.
    pub fn begin_from(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.values = Arc::new(self.model.layout().join(&checkpoint.branch(PARAMS))?);
        Ok(())
    }

    /// Goes back to a checkpoint of the same network.
    ///
    /// # Errors
    /// If an array is missing, unknown or of another shape; nothing is changed
    /// then.
    pub fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        checkpoint.expect_only(&[PARAMS, OPTIMIZER, UPDATE, ENV_STEPS])?;
        let (update, env_steps) = (checkpoint.count(UPDATE)?, checkpoint.count(ENV_STEPS)?);
        let values = self.model.layout().join(&checkpoint.branch(PARAMS))?;
        self.optimizer.restore(&checkpoint.branch(OPTIMIZER))?;
        self.values = Arc::new(values);
        self.update = update;
        self.env_steps = env_steps;
        Ok(())
    }
}

/// Parts of a checkpoint.
const PARAMS: &str = "params";
const OPTIMIZER: &str = "optimizer";
const UPDATE: &str = "update";
const ENV_STEPS: &str = "env_steps";
