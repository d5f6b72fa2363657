//! GridNavi: a goal somewhere on a grid.

use crate::behaviour::return_by_goal;
use crate::drawing::{Sketch, middle};
use crate::grid::{Cell, MOVES, average_over_moves};
use crate::gridnavi_belief::GoalBelief;
use crate::gridnavi_oracle::{Solution, Trial};
use crate::gridnavi_policies::{BayesOptimal, ExhaustiveSearch, PosteriorSampling};
use crate::gridnavi_tasks::KnownGoals;
use crate::known_goal::{Move, Planner, Seen, known_goal, symbol};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Analysis, Discrete, EnvSpec, Environment, EnvironmentEntry, Exact, ExactValues,
    KnownTasks, MEMORYLESS_OPTIMUM, ObservationSpace,
};
use rl_core::{
    Cost, Episode, Ink, Known, Picture, PolicyFactory, Setting, SpecError, StatisticsFactory, Step,
    Stream, TaskDistribution,
};
use std::sync::{Arc, OnceLock};

/// GridNavi: the goal is one cell of a grid, drawn uniformly for every task
/// from all but the four cells at the start. An episode begins in the lower
/// left corner and goes on when the goal is reached.
///
/// # Observations
/// The agent's cell, `y * size + x`, as one of `size * size` symbols (VariBAD
/// gives the same cell as two numbers). Neither the goal nor the time is seen.
///
/// # Actions
/// 0 to stay, 1 to go up, 2 right, 3 down, 4 left. A move against the border
/// goes nowhere.
///
/// # Reward
/// 1 for every step that ends on the goal, −0.1 for every other.
///
/// # Reference
/// Zintgraf et al. 2020, "VariBAD: A Very Good Method for Bayes-Adaptive Deep
/// RL via Meta-Learning", section 5.1: size 5, horizon 15, 4 episodes.
#[derive(Clone, Debug)]
pub struct GridNavi {
    trial: Trial,
    /// The exact solution, once it was asked for.
    solution: Arc<OnceLock<Result<Solution, String>>>,
}

pub(crate) const NAME: &str = "gridnavi";

/// Time per cell and step of a random walk, in seconds, as measured on one
/// core of a server of 2023.
const TIME_PER_CELL: f64 = 1e-8;

impl GridNavi {
    /// Cells along a side.
    pub const SIZE: Setting = Setting::count("size", 5, 3..=1000, "cells along a side");
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(15);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(4);

    /// Grids of this [`SIZE`](Self::SIZE), and trials of so many
    /// [`EPISODES`](Self::EPISODES) of [`HORIZON`](Self::HORIZON) steps.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(size: usize, horizon: usize, episodes: usize) -> Result<Self, SpecError> {
        Self::SIZE.check(NAME, size)?;
        Self::HORIZON.check(NAME, horizon)?;
        Self::EPISODES.check(NAME, episodes)?;
        let trial = Trial {
            size: size as u32,
            horizon: horizon as u32,
            episodes: episodes as u32,
        };
        Ok(Self {
            trial,
            solution: Arc::default(),
        })
    }

    /// These grids by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "find the hidden goal of a grid (VariBAD)";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (horizon, episodes) = (set.count("horizon")?, set.count("episodes")?);
            Ok(Self::new(set.count("size")?, horizon, episodes)?)
        })
        .setting(Self::SIZE)
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
    }

    /// The Bayes-optimal expected return of each episode. Where several ways
    /// to act are optimal, they may divide the trial's return between its
    /// episodes differently; this is the way of
    /// [`TaskDistribution::bayes_optimal_policy`]. `[episodes]`
    ///
    /// # Errors
    /// Why it cannot be computed, as a clause.
    pub fn bayes_optimal_episodes(&self) -> Result<Vec<f64>, String> {
        let rewards = &self.solution()?.rewards;
        let episodes = rewards.chunks(self.trial.horizon as usize);
        Ok(episodes.map(|episode| episode.iter().sum()).collect())
    }

    fn solution(&self) -> Result<&Solution, String> {
        let solution = self.solution.get_or_init(|| self.trial.solve());
        solution.as_ref().map_err(String::clone)
    }

    fn cells(&self) -> impl Iterator<Item = Cell> {
        let size = self.trial.size;
        (0..size * size).map(move |index| Cell::of(index, size))
    }

    /// The goal is anywhere equally often, so that a step pays as often as it
    /// ends in a cell that may be the goal, divided by their number.
    fn random(&self) -> Result<f64, String> {
        let Trial { size, horizon, .. } = self.trial;
        let cells = f64::from(size) * f64::from(size);
        let cost = Cost {
            bytes: 16.0 * cells,
            seconds: cells * f64::from(horizon) * TIME_PER_CELL,
            known: Known::About,
        };
        cost.affordable(
            "the random walk",
            "take a smaller size or a shorter horizon",
        )?;
        let mut chances = vec![0.0; cells as usize];
        let mut before = chances.clone();
        chances[0] = 1.0;
        let mut on_goals = 0.0;
        for _ in 0..horizon {
            std::mem::swap(&mut chances, &mut before);
            average_over_moves(&before, &mut chances, size);
            let goals = self
                .cells()
                .zip(&chances)
                .filter(|(cell, _)| is_goal(*cell));
            on_goals += goals.map(|(_, chance)| chance).sum::<f64>();
        }
        let episode = 1.1 * on_goals / self.trial.goals() as f64 - 0.1 * f64::from(horizon);
        Ok(f64::from(self.trial.episodes) * episode)
    }
}

/// Whether a cell may be the goal.
pub(crate) fn is_goal(cell: Cell) -> bool {
    cell.x > 1 || cell.y > 1
}

/// The cell of a goal's number.
pub(crate) fn goal(number: u32, size: u32) -> Cell {
    // The four cells at the start are skipped: two in each of two rows.
    let index = number + 2;
    Cell::of(index + if index < size { 0 } else { 2 }, size)
}

/// One task: where the goal is.
#[derive(Clone, Debug, Default)]
pub struct HiddenGoal {
    goal: Cell,
    size: u32,
}

impl Environment for HiddenGoal {
    type State = Cell;
    type Action = Discrete;

    fn reset(&self, state: &mut Cell, _rng: &mut Stream) {
        *state = Cell::default();
    }

    #[inline]
    fn step(&self, state: &mut Cell, action: &u32, _rng: &mut Stream) -> Step {
        *state = state.moved(*action, self.size);
        Step::proceed(if *state == self.goal { 1.0 } else { -0.1 })
    }

    #[inline]
    fn observe(&self, state: &Cell, observation: &mut [f32]) {
        observation[0] = state.index(self.size) as f32;
    }

    fn position(&self, state: &Cell) -> [f32; 2] {
        middle(*state)
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let mut sketch = Sketch::grid(self.size);
        sketch.cells(Cell::default(), 1, Ink::Start);
        sketch.cells(self.goal, 1, Ink::Goal);
        let caption = "Green: the goal, which the agent does not see. Grey: the start.";
        Some(sketch.finish(NAME, caption, episode))
    }
}

/// Takes a shortest path to the goal, and stays there.
#[derive(Clone)]
struct Straight {
    size: u32,
}

impl Planner for Straight {
    fn act(&mut self, seen: &Seen<'_>) -> Move {
        let at = Cell::of(symbol(seen.own), self.size);
        Move::Index(at.move_to(Cell::of_shares(seen.task, self.size)))
    }
}

impl TaskDistribution for GridNavi {
    type Task = HiddenGoal;

    fn spec(&self) -> EnvSpec {
        let size = self.trial.size as usize;
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Discrete { size: size * size },
            action: ActionSpace::Discrete { size: MOVES },
            horizon: self.trial.horizon as usize,
            trial: rl_core::Trial::Episodes(self.trial.episodes as usize),
        }
    }

    fn sample(&self, task: &mut HiddenGoal, rng: &mut Stream) {
        let goals = self.trial.goals() as u32;
        self.select(task, u64::from(rng.random_range(0..goals)));
    }

    fn tasks(&self) -> Option<u64> {
        Some(self.trial.goals())
    }

    fn select(&self, task: &mut HiddenGoal, number: u64) {
        let size = self.trial.size;
        task.size = size;
        task.goal = goal(number as u32, size);
    }

    fn solution_bytes(&self) -> f64 {
        self.trial.solution_bytes()
    }

    /// The goal's two coordinates, each divided by the farthest one.
    fn description_size(&self) -> usize {
        2
    }

    fn describe(&self, task: &HiddenGoal, description: &mut [f32]) {
        description.copy_from_slice(&task.goal.shares(task.size));
    }

    /// A shortest way to the goal, the moves that begin one alike; then staying.
    fn known_task_action(
        &self,
        task: &HiddenGoal,
        (at, _): (&Cell, usize),
        probabilities: &mut [f32],
    ) -> bool {
        at.shortest_ways(task.goal, probabilities);
        true
    }

    /// The exact belief of where the goal is.
    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        let size = self.trial.size;
        Some(Arc::new(GoalBelief { size }))
    }

    /// A shortest path in every episode, then staying.
    fn known_task_optimum(&self, task: &HiddenGoal) -> Option<f64> {
        let tenths = self.trial.known_tenths(task.goal.x + task.goal.y);
        Some(f64::from(self.trial.episodes) * tenths as f64 / 10.0)
    }

    /// Bayes-optimal: see [`Self::bayes_optimal_policy`]. Known task: the mean
    /// over all goals. Random: the chances of being in each cell after each
    /// step, one step from the other.
    fn exact_values(&self) -> ExactValues {
        let exact = |value: Result<f64, String>| match value {
            Ok(value) => Exact::value(value),
            Err(why) => Exact::unknown(why),
        };
        let goals = self.cells().filter(|cell| is_goal(*cell));
        let tenths: i64 = goals.map(|g| self.trial.known_tenths(g.x + g.y)).sum();
        let known = tenths as f64 / (10.0 * self.trial.goals() as f64);
        ExactValues {
            bayes_optimal: exact(self.solution().map(|solution| solution.value)),
            known_task_optimum: Exact::value(f64::from(self.trial.episodes) * known),
            random: exact(self.random()),
            bayes_optimal_rewards: self
                .solution()
                .ok()
                .map(|solution| solution.rewards.clone()),
        }
    }

    /// The memoryless optimum: cells tell nothing of the goal, so that a step pays by its cell
    /// alone, and from the second one on each can end in a cell that may be the goal.
    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        let Trial {
            horizon, episodes, ..
        } = self.trial;
        let on_goals = f64::from(horizon - 1) / self.trial.goals() as f64;
        let episode = 1.1 * on_goals - 0.1 * f64::from(horizon);
        let trial = f64::from(episodes) * episode;
        vec![(MEMORYLESS_OPTIMUM, Exact::value(trial))]
    }

    /// Follows the path of the highest expected return until it has found the
    /// goal, by dynamic programming over the goals that are still possible,
    /// the position and the time; from then on takes shortest paths. Where somebody else has
    /// led it off the path it goes back to that, which is then not the best.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        let path = &self.solution()?.path;
        Ok(Box::new(BayesOptimal::new(self.trial, path, self.spec())))
    }

    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String> {
        Ok(Arc::new(KnownGoals::new(self.trial)?))
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        let size = self.trial.size;
        vec![
            Box::new(PosteriorSampling),
            Box::new(ExhaustiveSearch),
            known_goal(self, Straight { size }),
        ]
    }

    fn analyses(&self) -> Vec<Analysis> {
        return_by_goal(self.trial.size).into_iter().collect()
    }
}
