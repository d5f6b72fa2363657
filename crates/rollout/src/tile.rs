//! One tile: a batch of lanes, its trajectory and the lanes' action streams.

use crate::caught::{caught, caught_in_environment};
use crate::check;
use crate::error::{RolloutError, Site};
use crate::pool::called_off;
use crate::watch::Watched;
use rl_core::{
    EnvFactory, EnvSpec, Place, Policy, PolicyFactory, Purpose, Stream, StreamKey, Trajectory,
    VecEnv,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A fixed group of lanes and what happened in them.
pub struct Tile {
    env: Box<dyn VecEnv>,
    watched: Arc<Watched>,
    trajectory: Trajectory,
    streams: Vec<Stream>,
    optimum: Vec<Option<f64>>,
    first_lane: u64,
}

impl Tile {
    /// Room for `steps` steps of lanes `first_lane..first_lane + lanes`.
    pub fn new(env: &dyn EnvFactory, lanes: usize, first_lane: u64, steps: usize) -> Self {
        let batch = env.make(lanes);
        Self {
            watched: Watched::new(batch.as_ref(), first_lane),
            env: batch,
            trajectory: Trajectory::new(env.spec(), lanes, steps),
            streams: Vec::with_capacity(lanes),
            optimum: Vec::with_capacity(lanes),
            first_lane,
        }
    }

    /// What happened.
    pub fn trajectory(&self) -> &Trajectory {
        &self.trajectory
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

    /// Runs a policy from fresh trials to the end of the trajectory.
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
        let name = policies.name();
        let mut policy = make(policies, self.env.spec(), self.trajectory.lanes())?;
        let called_off = called_off();
        self.begin(key)?;
        for t in 0..self.trajectory.steps() {
            if called_off.load(Ordering::Relaxed) {
                return Err(RolloutError::CalledOff);
            }
            self.act(policy.as_mut(), &name, t, key)?;
            self.step(&name, t, key)?;
        }
        self.check_all(&name, key)
    }

    /// Lets a policy of this tile's lanes act on row `t`.
    fn act(
        &mut self,
        policy: &mut dyn Policy,
        name: &str,
        t: usize,
        key: &StreamKey,
    ) -> Result<(), RolloutError> {
        let (row, out) = self.trajectory.acting(t);
        let streams = &mut self.streams;
        let Err(message) = caught(|| policy.act(&row, streams, out)) else {
            return Ok(());
        };
        self.check_before(name, t, key)?;
        Err(RolloutError::Policy {
            policy: name.to_owned(),
            first_lane: self.first_lane,
            last_lane: self.first_lane + self.trajectory.lanes() as u64 - 1,
            step: t,
            key: Box::new(*key),
            message,
        })
    }

    /// Starts fresh trials.
    pub(crate) fn begin(&mut self, key: &StreamKey) -> Result<(), RolloutError> {
        let lanes = self.trajectory.lanes();
        self.streams.clear();
        let numbers = self.first_lane..self.first_lane + lanes as u64;
        self.streams
            .extend(numbers.map(|lane| key.lane(Purpose::Action, lane)));
        let (env, first) = (&mut self.env, self.first_lane);
        let observation = self.trajectory.begin();
        let begin = || env.begin(key, first, observation);
        caught_in_environment(|| self.watched.run(begin))
            .map_err(|panic| panicked(self.env.as_ref(), self.env.place(), key, panic))?;
        self.optimum.clear();
        for lane in 0..lanes {
            let optimum = || self.watched.run(|| self.env.known_task_optimum(lane));
            let optimum = caught_in_environment(optimum)
                .map_err(|panic| panicked(self.env.as_ref(), self.env.place(), key, panic))?;
            self.optimum.push(optimum);
        }
        check::symbols(self, 0, key)
    }

    /// Steps the environment on the actions of row `t`.
    pub(crate) fn step(
        &mut self,
        policy: &str,
        t: usize,
        key: &StreamKey,
    ) -> Result<(), RolloutError> {
        check::actions(self, policy, t, key)?;
        let (actions, rows) = self.trajectory.stepping(t);
        let env = &mut self.env;
        let step = || env.step(actions, rows);
        caught_in_environment(|| self.watched.run(step))
            .map_err(|panic| panicked(self.env.as_ref(), self.env.place(), key, panic))?;
        self.trajectory.stepped(t);
        check::symbols(self, t + 1, key)
    }

    /// Checks what the whole rollout wrote.
    pub(crate) fn check_all(&self, policy: &str, key: &StreamKey) -> Result<(), RolloutError> {
        check::finite(self, policy, self.trajectory.steps(), key)
    }

    /// Checks what was written before row `t` is acted on: a policy that fails
    /// there may have been given what no policy can act on.
    pub(crate) fn check_before(
        &self,
        policy: &str,
        t: usize,
        key: &StreamKey,
    ) -> Result<(), RolloutError> {
        check::finite(self, policy, t, key)
    }

    pub(crate) fn spec(&self) -> &EnvSpec {
        self.env.spec()
    }

    pub(crate) fn trajectory_mut(&mut self) -> &mut Trajectory {
        &mut self.trajectory
    }

    pub(crate) fn streams(&self) -> &[Stream] {
        &self.streams
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

fn panicked(
    env: &dyn VecEnv,
    place: Place,
    key: &StreamKey,
    (method, message): (String, String),
) -> RolloutError {
    RolloutError::Environment {
        env: env.spec().name.clone(),
        method,
        site: Box::new(Site { place, key: *key }),
        message,
    }
}
