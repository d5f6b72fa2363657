//! The one way to live in tasks: a policy acts on a row, its environment writes
//! the next.

use crate::policy::{ActRow, Policy, Row};
use crate::streams::{Domain, Purpose, Stream, StreamKey};
use crate::trajectory::Trajectory;
use crate::vec_env::VecEnv;

/// A batch of lanes, what happens in them, and the streams that are acted by.
///
/// ```text
/// begin   draws a task into each lane, and writes row 0
/// act     row t            ─ policy ──────→ the actions of step t
/// step    those actions    ─ environment ─→ row t + 1, which is now the present one
/// ```
///
/// No step allocates. Whoever wants more steps than there are rows calls
/// [`Self::go_on`] where [`Self::is_full`] says so.
pub struct Rollout {
    env: Box<dyn VecEnv>,
    trajectory: Trajectory,
    streams: Vec<Stream>, // [lanes]
    key: StreamKey,
    t: usize,
    /// Whether labels are of who knows the task.
    known_task: bool,
}

impl Rollout {
    /// Room for `steps` steps of a batch; call [`Self::begin`] first.
    pub fn new(env: Box<dyn VecEnv>, steps: usize) -> Self {
        Self {
            trajectory: Trajectory::new(env.spec(), env.lanes(), steps).telling(env.told()),
            streams: Vec::with_capacity(env.lanes()),
            env,
            key: StreamKey::new(0, Domain::Training, 0),
            t: 0,
            known_task: false,
        }
    }

    /// The same, with room for a teacher's labels. Actions must be discrete.
    #[must_use]
    pub fn with_labels(mut self) -> Self {
        self.trajectory = self.trajectory.with_labels(self.env.spec());
        self
    }

    /// The same, where labels are what an agent does that knows the task
    /// ([`VecEnv::known_task_actions`]).
    #[must_use]
    pub fn with_known_task_labels(self) -> Self {
        Self {
            known_task: true,
            ..self.with_labels()
        }
    }

    /// Starts over: fresh trials in lanes `first_lane..` of the whole batch.
    pub fn begin(&mut self, key: &StreamKey, first_lane: u64) {
        (self.key, self.t) = (*key, 0);
        let lanes = first_lane..first_lane + self.env.lanes() as u64;
        self.streams.clear();
        self.streams
            .extend(lanes.map(|lane| key.lane(Purpose::Action, lane)));
        self.env.begin(key, first_lane, self.trajectory.begin());
        self.tell();
    }

    /// Writes what the environment tells beside the present row.
    fn tell(&mut self) {
        let env = &mut self.env;
        let tell = |row: &Row<'_>, told: &mut [f32]| env.tell(row, told);
        self.trajectory.tell(self.t, tell);
        self.label();
    }

    /// Labels the step to come, if that is not a teacher's to do.
    fn label(&mut self) {
        if self.known_task && !self.is_full() {
            let label = self.trajectory.label_mut(self.t);
            let known = self.env.known_task_actions(label);
            assert!(known, "the best actions are not known");
        }
    }

    /// Lets a policy of these lanes act on the present row.
    ///
    /// # Panics
    /// If the rollout is full, and if the policy does.
    pub fn act(&mut self, policy: &mut dyn Policy) {
        let (row, streams, out) = self.acting();
        policy.act(&row, streams, out);
    }

    /// The present row, the lanes' streams and where the actions go, for who acts
    /// without a policy.
    ///
    /// # Panics
    /// If the rollout is full.
    pub fn acting(&mut self) -> (Row<'_>, &mut [Stream], ActRow<'_>) {
        let (row, mut out) = self.trajectory.acting(self.t);
        if self.known_task {
            // The label is there already.
            out.label = &mut [];
        }
        (row, &mut self.streams, out)
    }

    /// Steps the environment on the actions of the present row.
    ///
    /// # Panics
    /// If the rollout is full, and if the environment does; nothing goes on
    /// before [`Self::begin`] then.
    pub fn step(&mut self) {
        let (actions, rows) = self.trajectory.stepping(self.t);
        self.env.step(actions, rows);
        self.trajectory.stepped(self.t);
        self.t += 1;
        self.tell();
    }

    /// Acts and steps until the rollout is full.
    pub fn play(&mut self, policy: &mut dyn Policy) {
        while !self.is_full() {
            self.act(policy);
            self.step();
        }
    }

    /// Makes the last row the first one, to go on from there; the rows before it
    /// are forgotten.
    ///
    /// # Panics
    /// Unless the rollout is full.
    pub fn go_on(&mut self) {
        assert!(self.is_full(), "row {} of {}", self.t, self.steps());
        self.trajectory.go_on();
        self.t = 0;
        self.label();
    }

    /// Whether there is no room for another step.
    pub fn is_full(&self) -> bool {
        self.t == self.steps()
    }

    /// The index of the present row: how many steps were done.
    pub fn t(&self) -> usize {
        self.t
    }

    /// What is seen now, with what the last step did and gave.
    pub fn row(&self) -> Row<'_> {
        self.trajectory.row(self.t)
    }

    /// How many steps there is room for.
    pub fn steps(&self) -> usize {
        self.trajectory.room()
    }

    /// The batch.
    pub fn env(&self) -> &dyn VecEnv {
        self.env.as_ref()
    }

    /// What happened so far.
    pub fn trajectory(&self) -> &Trajectory {
        &self.trajectory
    }

    /// The same, to write something beside what happens.
    pub fn trajectory_mut(&mut self) -> &mut Trajectory {
        &mut self.trajectory
    }

    /// What happened.
    pub fn into_trajectory(self) -> Trajectory {
        self.trajectory
    }

    /// The streams that the lanes are acted by. `[lanes]`
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// What all streams since [`Self::begin`] are derived from.
    pub fn key(&self) -> &StreamKey {
        &self.key
    }
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
