//! One tile: a rollout whose environment and policy are caught and checked.

use crate::caught::{caught, caught_in_environment};
use crate::check;
use crate::error::{RolloutError, Site};
use crate::pool::called_off;
use crate::watch::Watched;
use rl_core::{
    ActRow, EnvFactory, EnvSpec, Pack, Policy, PolicyFactory, Rollout, Row, Stream, StreamKey,
    Trajectory,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A fixed group of lanes and what happened in them.
pub struct Tile {
    rollout: Rollout,
    watched: Arc<Watched>,
    optimum: Vec<Option<f64>>,
    /// Whether tasks are described, and their descriptions. `[lanes][description_size]`
    describes: bool,
    descriptions: Vec<f32>,
    first_lane: u64,
}

impl Tile {
    /// Room for `steps` steps of lanes `first_lane..first_lane + lanes`.
    pub fn new(env: &dyn EnvFactory, lanes: usize, first_lane: u64, steps: usize) -> Self {
        let batch = env.make(lanes);
        Self {
            watched: Watched::new(batch.as_ref(), first_lane),
            rollout: Rollout::new(batch, steps),
            optimum: Vec::with_capacity(lanes),
            describes: false,
            descriptions: Vec::new(),
            first_lane,
        }
    }

    /// The same, with room for a teacher's labels. Actions must be discrete.
    #[must_use]
    pub fn with_labels(self) -> Self {
        let rollout = self.rollout.with_labels();
        Self { rollout, ..self }
    }

    /// The same, where labels are what an agent does that knows the task.
    #[must_use]
    pub fn with_known_task_labels(self) -> Self {
        let rollout = self.rollout.with_known_task_labels();
        Self { rollout, ..self }
    }

    /// The same, with [`Self::descriptions`].
    #[must_use]
    pub fn with_descriptions(self) -> Self {
        let describes = true;
        Self { describes, ..self }
    }

    /// What happened.
    pub fn trajectory(&self) -> &Trajectory {
        self.rollout.trajectory()
    }

    /// Index of the tile's first lane in the whole batch.
    pub fn first_lane(&self) -> u64 {
        self.first_lane
    }

    /// Expected return of an agent that knows the task, for the trial that
    /// began at row 0 of each lane. `[lanes]`
    pub fn known_task_optimum(&self) -> &[Option<f64>] {
        &self.optimum
    }

    /// Descriptions of the tasks ([`VecEnv::description`](rl_core::VecEnv::description)) of
    /// the trials that began at row 0; empty unless they were asked for.
    /// `[lanes][description_size]`
    pub fn descriptions(&self) -> &[f32] {
        &self.descriptions
    }

    /// Runs a policy through one fresh trial in each lane. Where trials can end
    /// early, lanes that are done go on in their next trials until the last one is;
    /// nothing is lived beyond that.
    ///
    /// # Errors
    /// If the policy cannot act here, the environment or the policy panics, or
    /// either gives what is not allowed; [`RolloutError::CalledOff`] if the pool
    /// that this thread works for is.
    pub fn collect(
        &mut self,
        policies: &dyn PolicyFactory,
        key: &StreamKey,
    ) -> Result<(), RolloutError> {
        let mut policy = make(policies, self.spec(), self.trajectory().lanes())?;
        self.live((policy.as_mut(), &policies.name()), key)
    }

    /// As [`Self::collect`], by a policy of this tile's lanes that begins its trials.
    pub(crate) fn live(
        &mut self,
        (policy, name): (&mut dyn Policy, &str),
        key: &StreamKey,
    ) -> Result<(), RolloutError> {
        let called_off = called_off();
        self.begin(key)?;
        while !self.is_over() {
            if called_off.load(Ordering::Relaxed) {
                return Err(RolloutError::CalledOff);
            }
            self.act(policy, name)?;
            self.step(name)?;
        }
        self.finish(name)
    }

    /// What [`Self::collect`] came to, for another process to [`Self::unpack`].
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.trajectory().pack(&mut bytes);
        self.optimum.pack(&mut bytes);
        self.descriptions.pack(&mut bytes);
        bytes
    }

    /// Takes over what it came to elsewhere; `None` if that was in another tile.
    pub(crate) fn unpack(&mut self, mut bytes: &[u8]) -> Option<()> {
        self.rollout.trajectory_mut().unpack(&mut bytes)?;
        self.optimum = Vec::unpack(&mut bytes)?;
        self.descriptions = Vec::unpack(&mut bytes)?;
        bytes.is_empty().then_some(())
    }

    /// Whether there is nothing more to live.
    pub(crate) fn is_over(&self) -> bool {
        self.rollout.is_full() || self.trajectory().trials_are_over()
    }

    /// Leaves off what belongs to no trial, and checks the rest.
    pub(crate) fn finish(&mut self, policy: &str) -> Result<(), RolloutError> {
        self.rollout.trajectory_mut().cut();
        self.check(policy)
    }

    /// Lets a policy of this tile's lanes act on the present row.
    fn act(&mut self, policy: &mut dyn Policy, name: &str) -> Result<(), RolloutError> {
        let Err(message) = caught(|| self.rollout.act(policy)) else {
            return Ok(());
        };
        self.check(name)?;
        let last = self.first_lane + self.trajectory().lanes() as u64 - 1;
        Err(self.policy_panicked(name, last, message))
    }

    /// A policy panicked in the lanes from this tile's first to the `last` one.
    pub(crate) fn policy_panicked(&self, name: &str, last: u64, message: String) -> RolloutError {
        RolloutError::Policy {
            policy: name.to_owned(),
            first_lane: self.first_lane,
            last_lane: last,
            step: self.rollout.t(),
            key: Box::new(*self.rollout.key()),
            message,
        }
    }

    /// Starts fresh trials.
    pub(crate) fn begin(&mut self, key: &StreamKey) -> Result<(), RolloutError> {
        let first = self.first_lane;
        self.guarded(|rollout| rollout.begin(key, first))?;
        self.optimum.clear();
        for lane in 0..self.trajectory().lanes() {
            let optimum = self.guarded(|rollout| rollout.env().known_task_optimum(lane))?;
            self.optimum.push(optimum);
        }
        self.descriptions.clear();
        for lane in 0..if self.describes {
            self.trajectory().lanes()
        } else {
            0
        } {
            let description = self.guarded(|rollout| rollout.env().description(lane))?;
            self.descriptions.extend(description);
        }
        check::symbols(self, self.rollout.t())
    }

    /// Steps the environment on the actions of the present row.
    pub(crate) fn step(&mut self, policy: &str) -> Result<(), RolloutError> {
        check::actions(self, policy, self.rollout.t())?;
        self.guarded(Rollout::step)?;
        check::symbols(self, self.rollout.t())
    }

    /// Looks once more at all that was lived, as every step of it did and its end.
    pub(crate) fn check_again(&self, policy: &str) -> Result<(), RolloutError> {
        let steps = self.rollout.t().min(self.trajectory().steps());
        for t in 0..steps {
            check::symbols(self, t)?;
            check::actions(self, policy, t)?;
        }
        check::symbols(self, steps)?;
        self.check(policy)
    }

    /// Runs the environment; its panic is an error with its place.
    fn guarded<R>(&mut self, work: impl FnOnce(&mut Rollout) -> R) -> Result<R, RolloutError> {
        let Self {
            rollout, watched, ..
        } = self;
        let done = caught_in_environment(|| watched.run(|| work(rollout)));
        done.map_err(|(method, message)| RolloutError::Environment {
            env: self.spec().name.clone(),
            method,
            site: Box::new(Site {
                place: self.rollout.env().place(),
                key: *self.rollout.key(),
            }),
            message,
        })
    }

    /// Checks what was written so far: all of it after the last step, and where a
    /// policy fails, what it may have been given that no policy can act on.
    pub(crate) fn check(&self, policy: &str) -> Result<(), RolloutError> {
        check::finite(self, policy)
    }

    pub(crate) fn spec(&self) -> &EnvSpec {
        self.rollout.env().spec()
    }

    pub(crate) fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    pub(crate) fn acting(&mut self) -> (Row<'_>, &mut [Stream], ActRow<'_>) {
        self.rollout.acting()
    }
}

/// A policy for so many lanes.
pub(crate) fn make(
    policies: &dyn PolicyFactory,
    spec: &EnvSpec,
    lanes: usize,
) -> Result<Box<dyn Policy>, RolloutError> {
    caught(|| policies.make(spec, lanes))
        .unwrap_or_else(|message| Err(format!("making it panicked: {message}")))
        .map_err(|why| RolloutError::Unfit {
            policy: policies.name(),
            env: spec.name.clone(),
            why,
        })
}
