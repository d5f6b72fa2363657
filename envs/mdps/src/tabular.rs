//! A finite MDP that can be acted in.

use crate::picture;
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::StandardNormal;
use rl_core::tabular::{Model, ModelError, Noise, Planner};
use rl_core::{Discrete, Environment, Episode, Picture, Step, Stream};
use std::sync::OnceLock;

/// Up to this many states a row is searched from end to end, which has no
/// branches to mispredict; longer ones by bisection.
const SHORT: usize = 64;

/// One task given by tables: a [`Model`] with what it takes to sample from it
/// fast. A step costs one uniform number and one search of a row, and one
/// normal or uniform number more where rewards are noisy.
///
/// # Observations
/// The index of the state.
///
/// # Actions
/// The index of the action.
///
/// # Reward
/// The model's mean reward of state, action and next state, with its noise.
///
/// # Reference
/// Puterman 1994, "Markov Decision Processes", chapter 2; next states are
/// sampled by inversion of the cumulative distribution.
#[derive(Clone, Debug, Default)]
pub struct Mdp {
    model: Model,
    cumulative: Vec<f64>, // [states][actions][states]
    start: Vec<f64>,      // [states], cumulative
    /// The state in which every episode starts, if there is just one.
    only_start: Option<usize>,
    /// Once they are asked for, the best actions of an episode.
    best: OnceLock<Vec<bool>>, // [horizon][states][actions]
}

impl Mdp {
    /// The task of a model.
    ///
    /// # Errors
    /// See [`Model::validate`].
    pub fn new(model: Model) -> Result<Self, ModelError> {
        model.validate()?;
        let mut task = Self {
            model,
            ..Self::default()
        };
        task.prepare();
        Ok(task)
    }

    /// Changes the task in place, reusing its memory: what
    /// [`TaskDistribution::sample`](rl_core::TaskDistribution::sample) calls.
    /// Checks that row lengths agree; that the numbers are sound is up to the
    /// caller, who can test it with [`Model::validate`].
    ///
    /// # Panics
    /// If the model's lengths do not agree with its sizes, or it has no states.
    pub fn rebuild(&mut self, change: impl FnOnce(&mut Model)) {
        change(&mut self.model);
        self.prepare();
    }

    /// Bytes of a task of these sizes; a task whose rewards depend on the next
    /// state has a third table.
    pub(crate) fn bytes(states: usize, actions: usize) -> f64 {
        let (states, actions) = (states as f64, actions as f64);
        8.0 * states * (2.0 * states * actions + actions + 2.0) + states
    }

    /// The numbers of the task.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Writes, for [`TaskDistribution::known_task_action`], the best actions in a state
    /// with so many of an episode's `horizon` steps left, alike; `horizon` must always be
    /// the same. The first call plans the episode. `[actions]`
    ///
    /// [`TaskDistribution::known_task_action`]: rl_core::TaskDistribution::known_task_action
    ///
    /// # Panics
    /// If there is no such state or step, or there are not as many probabilities as
    /// actions.
    pub fn known_task_action(
        &self,
        horizon: usize,
        (state, left): (usize, usize),
        probabilities: &mut [f32],
    ) {
        let Model {
            states, actions, ..
        } = self.model;
        assert_eq!(probabilities.len(), actions, "probabilities");
        let plan = || Planner::default().best_actions(&self.model, horizon);
        let best = self.best.get_or_init(plan);
        let first = ((horizon - left) * states + state) * actions;
        share(&best[first..first + actions], probabilities);
    }

    /// Bytes of what [`Self::known_task_action`] keeps.
    pub(crate) fn plan_bytes(states: usize, actions: usize, horizon: usize) -> f64 {
        states as f64 * actions as f64 * horizon as f64
    }

    fn prepare(&mut self) {
        self.best.take();
        let Model {
            states,
            actions,
            transition,
            start,
            ..
        } = &self.model;
        assert_eq!(transition.len(), states * actions * states, "transition");
        assert_eq!(self.model.mean_reward.len(), states * actions, "rewards");
        assert_eq!(start.len(), *states, "start");
        assert_eq!(self.model.terminal.len(), *states, "terminal");
        self.cumulative.resize(transition.len(), 0.0);
        let rows = transition.chunks_exact(*states);
        for (row, cumulative) in rows.zip(self.cumulative.chunks_exact_mut(*states)) {
            accumulate(row, cumulative);
        }
        self.start.resize(*states, 0.0);
        accumulate(start, &mut self.start);
        let mut starts = start.iter().enumerate().filter(|(_, p)| **p > 0.0);
        self.only_start = match (starts.next(), starts.next()) {
            (Some((only, _)), None) => Some(only),
            _ => None,
        };
    }
}

/// Spreads probability over the actions that are marked.
pub(crate) fn share(marked: &[bool], probabilities: &mut [f32]) {
    let count = marked.iter().filter(|marked| **marked).count().max(1);
    for (probability, marked) in probabilities.iter_mut().zip(marked) {
        *probability = f32::from(u8::from(*marked)) / count as f32;
    }
}

/// Writes Σ_{j ≤ i} p_j, and ∞ from the last state that is possible at all, so
/// that rounding can neither lead past it nor leave a gap.
#[inline]
fn accumulate(row: &[f64], cumulative: &mut [f64]) {
    let mut sum = 0.0;
    for (p, cumulative) in row.iter().zip(&mut *cumulative) {
        sum += p;
        *cumulative = sum;
    }
    let last = row.iter().rposition(|p| *p > 0.0).unwrap_or(0);
    cumulative[last..].fill(f64::INFINITY);
}

/// The state whose share of the cumulative row holds `u`, from \[0, 1).
#[inline]
fn search(cumulative: &[f64], u: f64) -> usize {
    if cumulative.len() <= SHORT {
        let passed = cumulative.iter().map(|c| u32::from(*c <= u));
        return passed.sum::<u32>() as usize;
    }
    cumulative.partition_point(|c| *c <= u)
}

impl Environment for Mdp {
    type State = usize;
    type Action = Discrete;

    #[inline]
    fn reset(&self, state: &mut usize, rng: &mut Stream) {
        *state = match self.only_start {
            Some(only) => only,
            None => search(&self.start, rng.random()),
        };
    }

    #[inline]
    fn step(&self, state: &mut usize, action: &u32, rng: &mut Stream) -> Step {
        let model = &self.model;
        let row = *state * model.actions + *action as usize;
        let span = row * model.states..(row + 1) * model.states;
        let next = search(&self.cumulative[span.clone()], rng.random());
        let mut mean = model.mean_reward[row];
        if let Some(added) = model.transition_reward.get(span.start + next) {
            mean += added;
        }
        let reward = match model.noise {
            Noise::None => mean,
            Noise::Gaussian { standard_deviation } => {
                mean + standard_deviation * rng.sample::<f64, _>(StandardNormal)
            }
            Noise::Bernoulli => f64::from(u8::from(rng.random::<f64>() < mean)),
        };
        *state = next;
        Step {
            reward: reward as f32,
            terminated: model.terminal[next],
        }
    }

    #[inline]
    fn observe(&self, state: &usize, observation: &mut [f32]) {
        observation[0] = *state as f32;
    }

    fn position(&self, state: &usize) -> [f32; 2] {
        picture::place(&self.model, *state)
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        Some(picture::draw(&self.model, episode))
    }
}

#[cfg(test)]
#[path = "tabular_tests.rs"]
mod tests;
