//! What happened: time-major rows, allocated once.

use crate::env::Outcome;
use crate::pack::Pack;
use crate::policy::{ActRow, Row};
use crate::spec::{ActionSpace, EnvSpec};
use crate::vec_env::{Actions, ActionsMut, StepRows};
use std::ops::Range;

/// What happened in a tile of lanes over a number of steps.
///
/// All rows are time-major. Row `t` of `observation` and `start`, and row `t`
/// of what came *before* it (`action`, `reward`, `outcome` have one row more
/// than there are steps, and row 0 means nothing), are what a policy sees at
/// step `t`; what step `t` did and gave is row `t + 1`. The previous action,
/// reward and outcome that meta-learners need are thus rows of the trajectory,
/// and no environment needs a wrapper.
#[derive(Clone, Debug)]
pub struct Trajectory {
    lanes: usize,
    room: usize,
    steps: usize,
    width: usize,
    action_width: Option<usize>,
    observation: Vec<f32>,       // [room + 1][lanes][width]
    start: Vec<bool>,            // [room + 1][lanes]
    discrete_action: Vec<u32>,   // [room + 1][lanes]
    box_action: Vec<f32>,        // [room + 1][lanes][action_width]
    reward: Vec<f32>,            // [room + 1][lanes]
    outcome: Vec<Outcome>,       // [room + 1][lanes]
    log_prob: Vec<f32>,          // [room][lanes]
    value: Vec<f32>,             // [room][lanes]
    told: Vec<f32>,              // [room + 1][lanes][told]
    label: Vec<f32>,             // [room][lanes][actions], or empty
    last_observation: Vec<f32>,  // [lanes][width], scratch
    final_observation: Vec<f32>, // [truncations][lanes][width]
    truncations: Vec<usize>,     // [lanes]
    length: Vec<usize>,          // [lanes]
}

impl Trajectory {
    /// Room for `steps` steps of `lanes` lanes.
    pub fn new(spec: &EnvSpec, lanes: usize, steps: usize) -> Self {
        let width = spec.observation.width();
        let rows = steps + 1;
        let (discrete, action_width) = match &spec.action {
            ActionSpace::Discrete { .. } => (rows * lanes, None),
            ActionSpace::Box { low, .. } => (0, Some(low.len())),
        };
        Self {
            lanes,
            room: steps,
            steps,
            width,
            action_width,
            observation: vec![0.0; rows * lanes * width],
            start: vec![false; rows * lanes],
            discrete_action: vec![0; discrete],
            box_action: vec![0.0; rows * lanes * action_width.unwrap_or(0)],
            reward: vec![0.0; rows * lanes],
            outcome: vec![Outcome::Continue; rows * lanes],
            log_prob: vec![0.0; steps * lanes],
            value: vec![0.0; steps * lanes],
            told: Vec::new(),
            label: Vec::new(),
            last_observation: vec![0.0; lanes * width],
            // A truncated episode took a whole horizon, which bounds their number; the
            // first one may have begun before row 0.
            final_observation: vec![0.0; steps.div_ceil(spec.horizon) * lanes * width],
            truncations: vec![0; lanes],
            length: vec![0; lanes],
        }
    }

    /// The same, with room for a teacher's labels. Actions must be discrete.
    #[must_use]
    pub fn with_labels(mut self, spec: &EnvSpec) -> Self {
        let ActionSpace::Discrete { size } = spec.action else {
            panic!("labels are of discrete actions");
        };
        self.label = vec![0.0; self.room * self.lanes * size];
        self
    }

    /// The same, with room for so many numbers of each lane beside what is observed.
    #[must_use]
    pub(crate) fn telling(mut self, told: usize) -> Self {
        self.told = vec![0.0; (self.room + 1) * self.lanes * told];
        self
    }

    /// Bytes that [`Self::with_labels`] takes beside those of [`Self::new`].
    pub fn label_bytes(spec: &EnvSpec, lanes: usize, steps: usize) -> f64 {
        match spec.action {
            ActionSpace::Discrete { size } => 4.0 * (lanes * steps) as f64 * size as f64,
            ActionSpace::Box { .. } => 0.0,
        }
    }

    /// Bytes that [`Self::new`] takes.
    pub fn bytes(spec: &EnvSpec, lanes: usize, steps: usize) -> f64 {
        let width = spec.observation.width() as f64;
        let (lanes, rows) = (lanes as f64, steps as f64 + 1.0);
        let action = spec.action.width() as f64;
        // Observation, action and reward, and outcome and start, of one byte each.
        let row = 4.0 * (width + action + 1.0) + 2.0;
        // Log-probability and value.
        let step = 8.0;
        // The last observation and those of truncations, and two counts.
        let lane = 4.0 * width * (1.0 + steps.div_ceil(spec.horizon) as f64) + 16.0;
        lanes * (rows * row + steps as f64 * step + lane)
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// How many steps there is room for.
    pub fn room(&self) -> usize {
        self.room
    }

    /// How many steps there are: as many as there is room for, unless it was
    /// [`Self::cut`].
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Whether the trial under way at row 0 has ended in every lane.
    pub fn trials_are_over(&self) -> bool {
        self.length.iter().all(|length| *length < self.room)
    }

    /// Leaves off what follows the last step of any trial that was under way at row 0.
    pub fn cut(&mut self) {
        self.steps = self.length.iter().copied().max().unwrap_or(0);
        for lane in 0..self.lanes {
            let own = self.outcomes()[lane..].iter().step_by(self.lanes);
            let truncated = own.filter(|outcome| **outcome == Outcome::Truncated);
            self.truncations[lane] = truncated.count();
        }
    }

    /// Numbers per lane in an observation row.
    pub fn observation_width(&self) -> usize {
        self.width
    }

    /// Starts over: every lane begins a trial at row 0, whose observations the
    /// caller writes into the returned row, `[lanes][width]`.
    pub fn begin(&mut self) -> &mut [f32] {
        self.start[..self.lanes].fill(true);
        self.reward[..self.lanes].fill(0.0);
        self.outcome[..self.lanes].fill(Outcome::Continue);
        self.truncations.fill(0);
        self.steps = self.room;
        self.length.fill(self.room);
        &mut self.observation[..self.lanes * self.width]
    }

    /// Has what is told beside row `t` written.
    pub(crate) fn tell(&mut self, t: usize, tell: impl FnOnce(&Row<'_>, &mut [f32])) {
        let own = self.told_in(t);
        let mut told = std::mem::take(&mut self.told);
        let row = Row {
            final_observation: Some(&self.last_observation),
            ..self.row(t)
        };
        tell(&row, &mut told[own]);
        self.told = told;
    }

    /// The labels of step `t`, to be written. `[lanes][actions]`
    pub(crate) fn label_mut(&mut self, t: usize) -> &mut [f32] {
        let row = self.label.len() / self.room;
        &mut self.label[t * row..(t + 1) * row]
    }

    /// Where what is told beside row `t` is.
    fn told_in(&self, t: usize) -> Range<usize> {
        let row = self.told.len() / (self.room + 1);
        t * row..(t + 1) * row
    }

    /// Makes the last row the first one, to go on from there: the rows before it
    /// are forgotten, and no policy sees a difference.
    pub fn go_on(&mut self) {
        let last = self.room * self.lanes..(self.room + 1) * self.lanes;
        let width = self.width;
        self.observation
            .copy_within(last.start * width..last.end * width, 0);
        match self.action_width {
            None => self.discrete_action.copy_within(last.clone(), 0),
            Some(width) => self
                .box_action
                .copy_within(last.start * width..last.end * width, 0),
        }
        self.start.copy_within(last.clone(), 0);
        self.reward.copy_within(last.clone(), 0);
        self.outcome.copy_within(last, 0);
        let told = self.told_in(self.room);
        self.told.copy_within(told, 0);
        self.truncations.fill(0);
        self.steps = self.room;
        self.length.fill(self.room);
    }

    /// What a policy sees, or saw, at step `t`.
    pub fn row(&self, t: usize) -> Row<'_> {
        let row = t * self.lanes..(t + 1) * self.lanes;
        let previous_action = match self.action_width {
            None => Actions::Discrete(&self.discrete_action[row.clone()]),
            Some(width) => Actions::Box {
                width,
                row: &self.box_action[row.start * width..row.end * width],
            },
        };
        Row {
            lanes: self.lanes,
            observation: &self.observation[row.start * self.width..row.end * self.width],
            start: &self.start[row.clone()],
            previous_action,
            previous_reward: &self.reward[row.clone()],
            previous_outcome: &self.outcome[row],
            told: &self.told[self.told_in(t)],
            final_observation: None,
        }
    }

    /// What a policy sees at step `t`, and where it writes what it does.
    pub fn acting(&mut self, t: usize) -> (Row<'_>, ActRow<'_>) {
        assert!(t < self.room, "step {t} of {}", self.room);
        let (lanes, next) = (self.lanes, (t + 1) * self.lanes);
        let labels = self.label.len() / (self.room * lanes);
        let told = self.told_in(t);
        let row = t * lanes..next;
        let (previous_action, action) = match self.action_width {
            None => {
                let (before, after) = self.discrete_action.split_at_mut(next);
                (
                    Actions::Discrete(&before[t * lanes..]),
                    ActionsMut::Discrete(&mut after[..lanes]),
                )
            }
            Some(width) => {
                let (before, after) = self.box_action.split_at_mut(next * width);
                let row = &before[t * lanes * width..];
                let after = &mut after[..lanes * width];
                (
                    Actions::Box { width, row },
                    ActionsMut::Box { width, row: after },
                )
            }
        };
        (
            Row {
                lanes,
                observation: &self.observation[row.start * self.width..row.end * self.width],
                start: &self.start[row.clone()],
                previous_action,
                previous_reward: &self.reward[row.clone()],
                previous_outcome: &self.outcome[row.clone()],
                told: &self.told[told],
                final_observation: Some(&self.last_observation),
            },
            ActRow {
                action,
                log_prob: &mut self.log_prob[row.clone()],
                value: &mut self.value[row.clone()],
                label: &mut self.label[row.start * labels..row.end * labels],
            },
        )
    }

    /// The actions of step `t`, and where the environment writes what they
    /// gave. Call [`Self::stepped`] afterwards.
    pub fn stepping(&mut self, t: usize) -> (Actions<'_>, StepRows<'_>) {
        assert!(t < self.room, "step {t} of {}", self.room);
        let row = (t + 1) * self.lanes..(t + 2) * self.lanes;
        let actions = match self.action_width {
            None => Actions::Discrete(&self.discrete_action[row.clone()]),
            Some(width) => Actions::Box {
                width,
                row: &self.box_action[row.start * width..row.end * width],
            },
        };
        let rows = StepRows {
            observation: &mut self.observation[row.start * self.width..row.end * self.width],
            reward: &mut self.reward[row.clone()],
            outcome: &mut self.outcome[row.clone()],
            start: &mut self.start[row],
            final_observation: &mut self.last_observation,
        };
        (actions, rows)
    }

    /// Notes which trials ended at step `t`, and keeps the final observations
    /// of the episodes that it truncated.
    pub fn stepped(&mut self, t: usize) {
        let row = (t + 1) * self.lanes..(t + 2) * self.lanes;
        for lane in 0..self.lanes {
            if self.outcome[row.start + lane] != Outcome::Truncated {
                continue;
            }
            let slot = self.truncations[lane] * self.lanes + lane;
            let to = slot * self.width..(slot + 1) * self.width;
            let from = lane * self.width..(lane + 1) * self.width;
            self.final_observation[to].copy_from_slice(&self.last_observation[from]);
            self.truncations[lane] += 1;
        }
        for (start, length) in self.start[row].iter().zip(&mut self.length) {
            if *start && *length == self.room {
                *length = t + 1;
            }
        }
    }

    /// Steps of the trial under way at row 0, for each lane; what follows in the
    /// lane belongs to its next trial. `[lanes]`
    pub fn lengths(&self) -> &[usize] {
        &self.length
    }

    /// How many episodes of a lane were truncated.
    pub fn truncations(&self, lane: usize) -> usize {
        self.truncations[lane]
    }

    /// The final observation of the `index`-th truncated episode of a lane,
    /// `[width]`.
    pub fn final_observation(&self, lane: usize, index: usize) -> &[f32] {
        assert!(index < self.truncations[lane], "truncation {index}");
        let slot = index * self.lanes + lane;
        &self.final_observation[slot * self.width..(slot + 1) * self.width]
    }

    /// All observation rows. `[steps + 1][lanes][width]`
    pub fn observations(&self) -> &[f32] {
        &self.observation[..(self.steps + 1) * self.lanes * self.width]
    }

    /// Whether a trial begins at a row. `[steps + 1][lanes]`
    pub fn starts(&self) -> &[bool] {
        &self.start[..(self.steps + 1) * self.lanes]
    }

    /// What was done before each row; step `t` did row `t + 1`.
    /// `[steps + 1][lanes]`, times the width for continuous actions.
    pub fn previous_actions(&self) -> Actions<'_> {
        match self.action_width {
            None => Actions::Discrete(&self.discrete_action[..(self.steps + 1) * self.lanes]),
            Some(width) => Actions::Box {
                width,
                row: &self.box_action[..(self.steps + 1) * self.lanes * width],
            },
        }
    }

    /// The reward before each row; step `t` gave row `t + 1`.
    /// `[steps + 1][lanes]`
    pub fn previous_rewards(&self) -> &[f32] {
        &self.reward[..(self.steps + 1) * self.lanes]
    }

    /// The outcome before each row; step `t` gave row `t + 1`.
    /// `[steps + 1][lanes]`
    pub fn previous_outcomes(&self) -> &[Outcome] {
        &self.outcome[..(self.steps + 1) * self.lanes]
    }

    /// What each step did. `[steps][lanes]`, times the width for continuous
    /// actions.
    pub fn actions(&self) -> Actions<'_> {
        match self.previous_actions() {
            Actions::Discrete(rows) => Actions::Discrete(&rows[self.lanes..]),
            Actions::Box { width, row } => Actions::Box {
                width,
                row: &row[self.lanes * width..],
            },
        }
    }

    /// What each step gave. `[steps][lanes]`
    pub fn rewards(&self) -> &[f32] {
        &self.previous_rewards()[self.lanes..]
    }

    /// How each step left its episode. `[steps][lanes]`
    pub fn outcomes(&self) -> &[Outcome] {
        &self.previous_outcomes()[self.lanes..]
    }

    /// Whether each step ended its trial. `[steps][lanes]`
    pub fn trial_ends(&self) -> &[bool] {
        &self.starts()[self.lanes..]
    }

    /// The behaviour policy's log-probability of each action. `[steps][lanes]`
    pub fn log_probs(&self) -> &[f32] {
        &self.log_prob[..self.steps * self.lanes]
    }

    /// The teacher's labels: how probable each action was to it. Empty if there is no
    /// room for them. `[steps][lanes][actions]`
    pub fn labels(&self) -> &[f32] {
        &self.label[..self.label.len() / self.room * self.steps]
    }

    /// The behaviour policy's value estimates. `[steps][lanes]`
    pub fn values(&self) -> &[f32] {
        &self.value[..self.steps * self.lanes]
    }

    /// Appends what happened, once all of it has, for another process to
    /// [`Self::unpack`].
    pub fn pack(&self, bytes: &mut Vec<u8>) {
        self.steps.pack(bytes);
        usize::pack_all(&self.length, bytes);
        usize::pack_all(&self.truncations, bytes);
        let [rows, steps] = [self.steps + 1, self.steps].map(|rows| rows * self.lanes);
        let actions = rows * self.action_width.unwrap_or(0);
        f32::pack_all(self.observations(), bytes);
        bool::pack_all(self.starts(), bytes);
        u32::pack_all(
            &self.discrete_action[..rows.min(self.discrete_action.len())],
            bytes,
        );
        f32::pack_all(&self.box_action[..actions], bytes);
        f32::pack_all(&self.reward[..rows], bytes);
        Outcome::pack_all(&self.outcome[..rows], bytes);
        f32::pack_all(&self.log_prob[..steps], bytes);
        f32::pack_all(&self.value[..steps], bytes);
        f32::pack_all(&self.told[..self.told_in(self.steps).end], bytes);
        f32::pack_all(self.labels(), bytes);
        f32::pack_all(&self.final_observation[..self.finals()], bytes);
    }

    /// Takes over what happened elsewhere, in as many lanes of the same environment;
    /// `None`, and anything in here, if it is not that.
    pub fn unpack(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let steps = usize::unpack(bytes)?;
        if steps > self.room {
            return None;
        }
        self.steps = steps;
        let lanes = self.lanes;
        self.length = usize::unpack_all(lanes, bytes)?;
        self.truncations = usize::unpack_all(lanes, bytes)?;
        let [rows, steps] = [steps + 1, steps].map(|rows| rows * lanes);
        let (discrete, told) = (self.discrete_action.len(), self.told_in(self.steps).end);
        let (labels, finals) = (self.labels().len(), self.finals());
        if finals > self.final_observation.len() {
            return None;
        }
        let actions = rows * self.action_width.unwrap_or(0);
        unpack_row(&mut self.observation[..rows * self.width], bytes)?;
        unpack_row(&mut self.start[..rows], bytes)?;
        unpack_row(&mut self.discrete_action[..rows.min(discrete)], bytes)?;
        unpack_row(&mut self.box_action[..actions], bytes)?;
        unpack_row(&mut self.reward[..rows], bytes)?;
        unpack_row(&mut self.outcome[..rows], bytes)?;
        unpack_row(&mut self.log_prob[..steps], bytes)?;
        unpack_row(&mut self.value[..steps], bytes)?;
        unpack_row(&mut self.told[..told], bytes)?;
        unpack_row(&mut self.label[..labels], bytes)?;
        unpack_row(&mut self.final_observation[..finals], bytes)
    }

    /// How many numbers of final observations there are.
    fn finals(&self) -> usize {
        let most = self.truncations.iter().max().copied().unwrap_or(0);
        most.saturating_mul(self.lanes * self.width)
    }
}

/// Takes over as many values as there is room for.
fn unpack_row<T: Pack + Copy>(row: &mut [T], bytes: &mut &[u8]) -> Option<()> {
    row.copy_from_slice(&T::unpack_all(row.len(), bytes)?);
    Some(())
}

/// Equal where the same happened, whatever there is room for.
impl PartialEq for Trajectory {
    fn eq(&self, other: &Self) -> bool {
        let sizes = |it: &Self| (it.lanes, it.steps, it.width, it.action_width);
        let finals = |it: &Self, lane: usize| {
            let all = 0..it.truncations(lane);
            let all = all.map(|index| it.final_observation(lane, index).to_vec());
            all.collect::<Vec<_>>()
        };
        sizes(self) == sizes(other)
            && self.observations() == other.observations()
            && self.starts() == other.starts()
            && self.previous_actions() == other.previous_actions()
            && self.previous_rewards() == other.previous_rewards()
            && self.previous_outcomes() == other.previous_outcomes()
            && self.log_probs() == other.log_probs()
            && self.values() == other.values()
            && self.labels() == other.labels()
            && self.told[..self.told_in(self.steps).end]
                == other.told[..other.told_in(other.steps).end]
            && self.length == other.length
            && (0..self.lanes).all(|lane| finals(self, lane) == finals(other, lane))
    }
}

#[cfg(test)]
#[path = "trajectory_tests.rs"]
mod tests;
