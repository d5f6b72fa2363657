//! Trials of the past, to learn from again.

use crate::config::Queries;
use crate::elbo::Asked;
use agent::{InputRows, Inputs, LearnError};
use rl_core::{
    ActionSpace, Actions, Array, Data, EnvSpec, ObservationSpace, Outcome, Row, Trajectory, Tree,
};

/// What trials consist of.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    steps: usize,
    /// Numbers of an observation row, of an action, and of what is told beside.
    observed: usize,
    acted: usize,
    told: usize,
    observation: ObservationSpace,
    action: ActionSpace,
}

impl Shape {
    pub(crate) fn new(spec: &EnvSpec, told: usize) -> Self {
        Self {
            steps: spec.trial_steps(),
            observed: spec.observation.width(),
            acted: spec.action.width(),
            told,
            observation: spec.observation.clone(),
            action: spec.action.clone(),
        }
    }

    /// Numbers of a step: what was observed before it and, before a reset, after it; what
    /// was told, done and paid, how the episode went on, and whether the last observation
    /// is known.
    fn step(&self) -> usize {
        2 * self.observed + self.told + self.acted + 3
    }

    /// Numbers of a trial: its steps, and how many they are.
    pub(crate) fn trial(&self) -> usize {
        self.steps * self.step() + 1
    }

    /// Numbers of a query.
    pub(crate) fn query(&self, of: &[Queries]) -> usize {
        let size = |query: &Queries| match query {
            Queries::Observation | Queries::NextObservation => match self.observation {
                ObservationSpace::Vector { size } | ObservationSpace::Discrete { size } => size,
            },
            Queries::Action => match &self.action {
                ActionSpace::Discrete { size } => *size,
                ActionSpace::Box { low, .. } => low.len(),
            },
        };
        of.iter().map(size).sum()
    }

    /// Whether a query is one symbol of several.
    pub(crate) fn is_symbol(&self, of: Queries) -> bool {
        match of {
            Queries::Observation | Queries::NextObservation => self.symbols(),
            Queries::Action => matches!(self.action, ActionSpace::Discrete { .. }),
        }
    }

    /// Refuses what no trial is written down as, before anything is looked up by it.
    fn expect_lived(&self, trial: &[f32]) -> Result<(), String> {
        let among = |what: &str, number: f32, count: usize| {
            // Numbers below it that are whole; NaN is none.
            match (0..count).contains(&(number as usize)) && number as usize as f32 == number {
                true => Ok(()),
                false => Err(format!("{what} is {number}; allowed: 0 to {}", count - 1)),
            }
        };
        let (steps, length) = (&trial[..trial.len() - 1], trial[trial.len() - 1]);
        among("its length", length, self.steps + 1)?;
        if length == 0.0 {
            return Err(format!("its length is 0; allowed: 1 to {}", self.steps));
        }
        if let Some(number) = steps.iter().find(|number| !number.is_finite()) {
            return Err(format!("it has {number}; allowed: finite numbers"));
        }
        for step in steps.chunks_exact(self.step()).take(length as usize) {
            if let ObservationSpace::Discrete { size } = self.observation {
                among("an observation", step[0], size)?;
                among("an observation", step[self.observed], size)?;
            }
            let acted = &step[2 * self.observed + self.told..];
            if let ActionSpace::Discrete { size } = self.action {
                among("an action", acted[0], size)?;
            }
            among("an outcome", acted[self.acted + 1], 3)?;
        }
        Ok(())
    }

    /// Whether what is observed is a symbol.
    pub(crate) fn symbols(&self) -> bool {
        matches!(self.observation, ObservationSpace::Discrete { .. })
    }

    /// Whether what was observed after a step is known, as it is but where an episode
    /// terminated.
    fn is_next_known(&self, step: &[f32]) -> bool {
        step[self.step() - 1] != 0.0
    }

    /// Writes an observation row as numbers, a symbol one-hot, into zeros.
    pub(crate) fn write_observation(&self, row: &[f32], to: &mut [f32]) {
        match self.observation {
            ObservationSpace::Vector { .. } => to.copy_from_slice(row),
            ObservationSpace::Discrete { .. } => to[row[0] as usize] = 1.0,
        }
    }
}

/// Trials that were lived last, up to a number: of each update the first so many.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    shape: Shape,
    room: usize,
    /// Trials that one [`Self::push`] adds at most.
    most: usize,
    /// Where the next trial goes.
    next: usize,
    trials: Vec<f32>, // [trials][shape.trial()]
}

/// What [`Past::push`] changed.
pub(crate) struct Undo {
    next: usize,
    length: usize,
    /// Places and what was there.
    overwritten: Vec<(usize, Vec<f32>)>,
}

impl Past {
    pub(crate) fn new(shape: Shape, room: usize, most: usize) -> Self {
        Self {
            shape,
            room,
            most,
            next: 0,
            trials: Vec::new(),
        }
    }

    /// How many trials there are.
    pub(crate) fn len(&self) -> usize {
        self.trials.len() / self.shape.trial()
    }

    /// Steps of a trial.
    pub(crate) fn length(&self, trial: usize) -> usize {
        let size = self.shape.trial();
        self.trials[(trial + 1) * size - 1] as usize
    }

    /// Bytes of so many.
    pub(crate) fn bytes(shape: &Shape, room: usize) -> f64 {
        4.0 * room as f64 * shape.trial() as f64
    }

    /// Adds the trials of the first lanes, in place of the oldest ones where there is no
    /// room. Which lanes makes no difference, since their tasks are drawn alike.
    pub(crate) fn push<'a>(&mut self, lived: impl Iterator<Item = &'a Trajectory>) -> Undo {
        let mut undo = Undo {
            next: self.next,
            length: self.trials.len(),
            overwritten: Vec::new(),
        };
        let size = self.shape.trial();
        // Room for all of them at once: to grow would take as much again on the way.
        let more = (self.room * size).saturating_sub(self.trials.len());
        self.trials.reserve_exact(more);
        let mut left = self.most;
        for trajectory in lived {
            for lane in 0..trajectory.lanes().min(left) {
                let at = self.next * size;
                match self.trials.get(at..at + size) {
                    Some(before) if at < undo.length => {
                        undo.overwritten.push((at, before.to_vec()));
                    }
                    Some(_) => {}
                    None => self.trials.resize(at + size, 0.0),
                }
                let trial = &mut self.trials[at..at + size];
                trial.fill(0.0);
                keep(&self.shape, trajectory, lane, trial);
                self.next = (self.next + 1) % self.room;
            }
            left -= trajectory.lanes().min(left);
        }
        undo
    }

    /// Takes the trials back that were added last.
    pub(crate) fn undo(&mut self, undo: Undo) {
        // Where a place was written twice, what was there first is put back last.
        for (at, before) in undo.overwritten.into_iter().rev() {
            self.trials[at..at + before.len()].copy_from_slice(&before);
        }
        self.trials.truncate(undo.length);
        self.next = undo.next;
    }

    /// Some of the trials, side by side.
    pub(crate) fn recall(&self, which: &[usize], inputs: &Inputs, recalled: &mut Recalled) {
        let size = self.shape.trial();
        let trials: Vec<&[f32]> = which
            .iter()
            .map(|trial| &self.trials[trial * size..(trial + 1) * size])
            .collect();
        recalled.fill(&self.shape, &trials, inputs);
    }

    /// All that a later process needs.
    pub(crate) fn state(&self) -> Tree {
        let mut tree = Tree::default().with_count(NEXT, self.next as u64);
        let shape = vec![self.len(), self.shape.trial()];
        tree.insert(TRIALS, Array::floats(shape, self.trials.clone()));
        tree
    }

    /// Goes back to that.
    pub(crate) fn restored(&self, mut tree: Tree) -> Result<Self, LearnError> {
        tree.expect_only(&[NEXT, TRIALS])?;
        let next = tree.count(NEXT)? as usize;
        let count = match tree.get(TRIALS).map(|array| &array.data) {
            Some(Data::F32(data)) => data.len() / self.shape.trial(),
            _ => 0,
        };
        tree.floats(TRIALS, &[count, self.shape.trial()])?;
        // They are taken, not copied: they may be most of what there is.
        let trials = match tree.get_mut(TRIALS).map(|array| &mut array.data) {
            Some(Data::F32(data)) => std::mem::take(data),
            _ => Vec::new(),
        };
        let fits = match count < self.room {
            true => next == count,
            false => count == self.room && next < self.room,
        };
        let refused = |what: String| {
            let help = "use the file written with this configuration";
            LearnError::Settings(format!("{what}; {help}"))
        };
        if !fits {
            return Err(refused(format!(
                "the buffer holds {count} trials, the next one is number {next}, and there is room \
                 for {}",
                self.room
            )));
        }
        for (number, trial) in trials.chunks_exact(self.shape.trial()).enumerate() {
            self.shape
                .expect_lived(trial)
                .map_err(|why| refused(format!("trial {number} of the buffer: {why}")))?;
        }
        Ok(Self {
            shape: self.shape.clone(),
            room: self.room,
            most: self.most,
            next,
            trials,
        })
    }
}

const NEXT: &str = "next";
const TRIALS: &str = "trials";

/// Writes down a lane's trial.
fn keep(shape: &Shape, trajectory: &Trajectory, lane: usize, trial: &mut [f32]) {
    let (lanes, observed) = (trajectory.lanes(), shape.observed);
    let length = trajectory.lengths()[lane];
    let mut truncated = 0;
    for (t, step) in trial
        .chunks_exact_mut(shape.step())
        .take(length)
        .enumerate()
    {
        let row = trajectory.row(t);
        let outcome = trajectory.outcomes()[t * lanes + lane];
        let (before, rest) = step.split_at_mut(observed);
        let (after, rest) = rest.split_at_mut(observed);
        let (told, rest) = rest.split_at_mut(shape.told);
        let (acted, rest) = rest.split_at_mut(shape.acted);
        before.copy_from_slice(&row.observation[lane * observed..(lane + 1) * observed]);
        told.copy_from_slice(&row.told[lane * shape.told..(lane + 1) * shape.told]);
        let known = match outcome {
            Outcome::Continue => {
                let next = trajectory.row(t + 1).observation;
                after.copy_from_slice(&next[lane * observed..(lane + 1) * observed]);
                true
            }
            Outcome::Truncated => {
                after.copy_from_slice(trajectory.final_observation(lane, truncated));
                truncated += 1;
                true
            }
            Outcome::Terminated => false,
        };
        match trajectory.actions() {
            Actions::Discrete(actions) => acted[0] = actions[t * lanes + lane] as f32,
            Actions::Box { width, row } => {
                let at = (t * lanes + lane) * width;
                acted.copy_from_slice(&row[at..at + width]);
            }
        }
        rest[0] = trajectory.rewards()[t * lanes + lane];
        rest[1] = f32::from(outcome as u8);
        rest[2] = f32::from(u8::from(known));
    }
    trial[shape.trial() - 1] = length as f32;
}

/// Trials of the past side by side, as the encoder reads them and the decoder is asked.
#[derive(Default)]
pub(crate) struct Recalled {
    pub(crate) rows: InputRows,
    pub(crate) lengths: Vec<usize>,
    steps: Vec<f32>, // [trials][shape.trial()]
}

impl Recalled {
    fn fill(&mut self, shape: &Shape, trials: &[&[f32]], inputs: &Inputs) {
        let lanes = trials.len();
        let length = |trial: &&[f32]| trial[shape.trial() - 1] as usize;
        self.lengths = trials.iter().map(length).collect();
        self.steps.clear();
        trials
            .iter()
            .for_each(|trial| self.steps.extend_from_slice(trial));
        self.rows.clear();
        let (observed, told, acted) = (shape.observed, shape.told, shape.acted);
        let step = |lane: usize, t: usize| &trials[lane][t * shape.step()..][..shape.step()];
        for t in 0..self.lengths.iter().copied().max().unwrap_or(0) {
            let (mut seen, mut beside) = (Vec::new(), Vec::new());
            let (mut symbols, mut numbers) = (Vec::new(), Vec::new());
            let (mut paid, mut ended) = (Vec::new(), Vec::new());
            for lane in 0..lanes {
                let now = step(lane, t);
                seen.extend_from_slice(&now[..observed]);
                beside.extend_from_slice(&now[2 * observed..2 * observed + told]);
                let last = &step(lane, t.saturating_sub(1))[2 * observed + told..];
                symbols.push(last[0] as u32);
                numbers.extend_from_slice(&last[..acted]);
                paid.push(last[acted]);
                ended.push(outcome(last[acted + 1]));
            }
            let row = Row {
                lanes,
                observation: &seen,
                start: &vec![t == 0; lanes],
                previous_action: match shape.action {
                    ActionSpace::Discrete { .. } => Actions::Discrete(&symbols),
                    ActionSpace::Box { .. } => Actions::Box {
                        width: acted,
                        row: &numbers,
                    },
                },
                previous_reward: &paid,
                previous_outcome: &ended,
                told: &beside,
                final_observation: None,
            };
            self.rows.push(inputs, &row);
        }
    }

    /// What all steps are asked by for their rewards, and these.
    pub(crate) fn asked(&self, shape: &Shape, of: &[Queries]) -> Questions {
        self.questions((shape, of), 1, |step, answer| {
            answer[0] = step[2 * shape.observed + shape.told + shape.acted];
            true
        })
    }

    /// What all steps are asked by for what is observed next, and that: a symbol's number,
    /// or numbers.
    pub(crate) fn transitions(&self, shape: &Shape, of: &[Queries]) -> Questions {
        self.questions((shape, of), shape.observed, |step, answer| {
            answer.copy_from_slice(&step[shape.observed..2 * shape.observed]);
            shape.is_next_known(step)
        })
    }

    fn questions(
        &self,
        (shape, of): (&Shape, &[Queries]),
        width: usize,
        mut answer: impl FnMut(&[f32], &mut [f32]) -> bool,
    ) -> Questions {
        let (lanes, size) = (self.lengths.len(), shape.query(of));
        let rows = lanes * self.lengths.iter().copied().max().unwrap_or(0);
        let mut all = Questions {
            queries: vec![0.0; rows * size],
            answers: vec![0.0; rows * width],
            known: vec![false; rows],
        };
        let trials = self.steps.chunks_exact(shape.trial());
        for (lane, (trial, &length)) in trials.zip(&self.lengths).enumerate() {
            for (t, step) in trial.chunks_exact(shape.step()).take(length).enumerate() {
                let at = t * lanes + lane;
                let query = &mut all.queries[at * size..(at + 1) * size];
                ask(shape, of, step, query);
                all.known[at] = answer(step, &mut all.answers[at * width..(at + 1) * width]);
            }
        }
        all
    }
}

/// What some trials are asked by, and the answers; see [`Asked`].
pub(crate) struct Questions {
    queries: Vec<f32>,
    pub(crate) answers: Vec<f32>,
    known: Vec<bool>,
}

impl Questions {
    pub(crate) fn asked(&self) -> Asked<'_, f32> {
        Asked {
            queries: &self.queries,
            answers: &self.answers,
            known: &self.known,
        }
    }
}

/// Writes what a step is asked by into zeros.
fn ask(shape: &Shape, of: &[Queries], step: &[f32], query: &mut [f32]) {
    let (observed, acting) = (shape.observed, 2 * shape.observed + shape.told);
    let mut rest = query;
    for one in of {
        let (own, others) = rest.split_at_mut(shape.query(&[*one]));
        let known = shape.is_next_known(step);
        match one {
            Queries::Observation => shape.write_observation(&step[..observed], own),
            Queries::NextObservation if known => {
                shape.write_observation(&step[observed..2 * observed], own);
            }
            Queries::NextObservation => {}
            Queries::Action => match shape.action {
                ActionSpace::Discrete { .. } => own[step[acting] as usize] = 1.0,
                ActionSpace::Box { .. } => {
                    own.copy_from_slice(&step[acting..acting + shape.acted]);
                    shape.action.to_unit(own);
                    // What was done, not what was asked for: as the encoder reads it.
                    own.iter_mut().for_each(|a| *a = a.clamp(-1.0, 1.0));
                }
            },
        }
        rest = others;
    }
}

/// The outcome of a number.
fn outcome(number: f32) -> Outcome {
    match number as u8 {
        0 => Outcome::Continue,
        1 => Outcome::Terminated,
        _ => Outcome::Truncated,
    }
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;
