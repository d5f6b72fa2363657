//! One tile: a batch of lanes, its trajectory and the lanes' action streams.

use crate::error::RolloutError;
use crate::pool::panic_message;
use rl_core::{EnvFactory, Policy, Purpose, Stream, StreamKey, Trajectory, VecEnv};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A fixed group of lanes and what happened in them.
pub struct Tile {
    env: Box<dyn VecEnv>,
    trajectory: Trajectory,
    streams: Vec<Stream>,
    optimum: Vec<Option<f64>>,
    first_lane: u64,
}

/// Whose code was running, for error reports.
#[derive(Clone, Copy)]
enum At {
    Policy(usize),
    Environment,
}

impl Tile {
    /// Room for `steps` steps of lanes `first_lane..first_lane + lanes`.
    pub fn new(env: &dyn EnvFactory, lanes: usize, first_lane: u64, steps: usize) -> Self {
        Self {
            env: env.make(lanes),
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
    /// If the environment or the policy panics, or the environment gives a
    /// number that is not finite.
    pub fn collect(
        &mut self,
        policy: &mut dyn Policy,
        name: &str,
        key: &StreamKey,
    ) -> Result<(), RolloutError> {
        let mut at = At::Environment;
        let run = catch_unwind(AssertUnwindSafe(|| {
            self.begin_unguarded(key);
            for t in 0..self.trajectory.steps() {
                at = At::Policy(t);
                let (row, out) = self.trajectory.acting(t);
                policy.act(&row, &mut self.streams, out);
                at = At::Environment;
                self.step_unguarded(t);
            }
        }));
        match (run, at) {
            (Ok(()), _) => self.check_finite(key),
            (Err(payload), At::Environment) => {
                Err(self.panicked(key, panic_message(payload.as_ref())))
            }
            (Err(payload), At::Policy(step)) => Err(RolloutError::Policy {
                policy: name.to_owned(),
                first_lane: self.first_lane,
                last_lane: self.first_lane + self.trajectory.lanes() as u64 - 1,
                step,
                key: *key,
                message: panic_message(payload.as_ref()),
            }),
        }
    }

    /// Starts fresh trials; for policies that act on many tiles at once.
    pub(crate) fn begin(&mut self, key: &StreamKey) -> Result<(), RolloutError> {
        catch_unwind(AssertUnwindSafe(|| self.begin_unguarded(key)))
            .map_err(|payload| self.panicked(key, panic_message(payload.as_ref())))
    }

    /// Steps the environment on the actions of row `t`; for policies that act
    /// on many tiles at once.
    pub(crate) fn step(&mut self, t: usize, key: &StreamKey) -> Result<(), RolloutError> {
        catch_unwind(AssertUnwindSafe(|| self.step_unguarded(t)))
            .map_err(|payload| self.panicked(key, panic_message(payload.as_ref())))
    }

    pub(crate) fn trajectory_mut(&mut self) -> &mut Trajectory {
        &mut self.trajectory
    }

    pub(crate) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    fn begin_unguarded(&mut self, key: &StreamKey) {
        let lanes = self.trajectory.lanes();
        self.streams.clear();
        let numbers = self.first_lane..self.first_lane + lanes as u64;
        self.streams
            .extend(numbers.map(|lane| key.lane(Purpose::Action, lane)));
        self.env
            .begin(key, self.first_lane, self.trajectory.begin());
        self.optimum.clear();
        self.optimum
            .extend((0..lanes).map(|lane| self.env.known_task_optimum(lane)));
    }

    fn step_unguarded(&mut self, t: usize) {
        let (actions, rows) = self.trajectory.stepping(t);
        self.env.step(actions, rows);
        self.trajectory.stepped(t);
    }

    fn panicked(&self, key: &StreamKey, message: String) -> RolloutError {
        RolloutError::Environment {
            env: self.env.spec().name.clone(),
            place: self.env.place(),
            key: *key,
            message,
        }
    }

    pub(crate) fn check_finite(&self, key: &StreamKey) -> Result<(), RolloutError> {
        let lanes = self.trajectory.lanes();
        let width = self.trajectory.observation_width();
        let found = |what, values: &[f32], index: usize, per_lane: usize| {
            Err(RolloutError::NotFinite {
                env: self.env.spec().name.clone(),
                what,
                value: values[index],
                lane: self.first_lane + (index / per_lane % lanes) as u64,
                step: index / per_lane / lanes,
                key: *key,
            })
        };
        let rewards = self.trajectory.rewards();
        if let Some(index) = rewards.iter().position(|r| !r.is_finite()) {
            return found("reward", rewards, index, 1);
        }
        let observations = self.trajectory.observations();
        if let Some(index) = observations.iter().position(|o| !o.is_finite()) {
            return found("an observation", observations, index, width);
        }
        Ok(())
    }
}
