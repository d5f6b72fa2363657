//! A key and a door in the dark.

use crate::behaviour::doors;
use crate::dark_key_door_belief::KeyAndDoor;
use crate::dark_key_door_policies::{Search, Searching};
use crate::drawing::{Sketch, middle};
use crate::estimate;
use crate::grid::{Cell, MOVES, average_over_moves};
use crate::known_goal::{Move, Planner, Seen, known_goal, symbol};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Analysis, Discrete, EnvSpec, Environment, EnvironmentEntry, Exact, ExactValues,
    ObservationSpace, Trial,
};
use rl_core::{
    Cost, Episode, Ink, Known, Picture, PolicyFactory, Setting, SpecError, StatisticsFactory, Step,
    Stream, TaskDistribution,
};
use std::sync::Arc;

/// Dark Key-To-Door: a dark room with a key and a door. For every task the
/// cell of the key, that of the door and that in which every episode begins
/// are drawn uniformly and apart from each other, so that they may coincide.
///
/// An episode ends at the door once the agent has the key, as in AMAGO's
/// environment, and after `horizon` steps otherwise. A trial is a number of
/// episodes, which makes 500 steps at most with 10 episodes of 50 steps; or, as in
/// AMAGO, a budget of steps that as many episodes as fit are lived in
/// ([`Self::with_steps`]), so that who finds the door sooner finds it more often.
/// There a new beginning takes a step of its own, whatever is done in it, if
/// [`Self::with_reset_steps`] says so.
///
/// # Observations
/// The agent's cell, `y * size + x`, as one of `size * size` symbols. Neither
/// key nor door is seen, nor whether the agent has the key, nor the time. With
/// [`Self::with_key_and_time`], as in AMAGO, four numbers: x and y divided by
/// `size`, whether the agent has the key, and the steps of the episode so far
/// divided by `horizon`.
///
/// # Actions
/// 0 to stay, 1 to go up, 2 right, 3 down, 4 left. A move against the wall
/// goes nowhere.
///
/// # Reward
/// 1 for the step that takes the key, 1 for the later step that ends at the
/// door; else 0.
///
/// # Reference
/// Grigsby et al. 2023, "AMAGO: Scalable In-Context Reinforcement Learning for
/// Adaptive Agents" (its environment's code), after Laskin et al. 2022,
/// "In-context Reinforcement Learning with Algorithm Distillation": size 9,
/// horizon 50, 500 steps. Its episodes last one step more, since its time limit
/// is compared before the step is counted; here the horizon is the number of
/// steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DarkKeyDoor {
    size: u32,
    horizon: u32,
    trial: Trial,
    /// Whether observations are those of AMAGO.
    shows_key_and_time: bool,
    /// Whether a step of its own follows the end of an episode, as in AMAGO.
    reset_steps: bool,
}

pub(crate) const NAME: &str = "dark-key-door";

/// Tasks from which the known-task optimum is estimated.
const SAMPLES: u64 = 1_000_000;

/// Time per two cells and step of the random agent's chances, in seconds, as
/// measured on one core of a server of 2023.
const TIME_PER_PAIR: f64 = 1e-8;

impl DarkKeyDoor {
    /// Cells along a side.
    pub const SIZE: Setting = Setting::count("size", 9, 2..=1000, "cells along a side");
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(50);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(10);

    /// Steps of a trial, if it is a budget of steps.
    pub const STEPS: Setting = Setting::count(
        "steps",
        0,
        0..=1_000_000,
        "steps of a trial, in which episodes begin anew until they are spent; 0 for a number of \
         episodes",
    );

    /// Rooms of this [`SIZE`](Self::SIZE), and trials of so many
    /// [`EPISODES`](Self::EPISODES) of at most [`HORIZON`](Self::HORIZON) steps.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(size: usize, horizon: usize, episodes: usize) -> Result<Self, SpecError> {
        Self::SIZE.check(NAME, size)?;
        Self::HORIZON.check(NAME, horizon)?;
        Self::EPISODES.check(NAME, episodes)?;
        Ok(Self {
            size: size as u32,
            horizon: horizon as u32,
            trial: Trial::Episodes(episodes),
            shows_key_and_time: false,
            reset_steps: false,
        })
    }

    /// These rooms by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "find the key, then the door, seeing only where one is";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (horizon, episodes) = (set.count("horizon")?, set.count("episodes")?);
            let mut dark = Self::new(set.count("size")?, horizon, episodes)?;
            if let steps @ 1.. = set.count("steps")? {
                dark = dark.with_steps(steps)?;
            }
            if set.choice("observation")? == "cell-key-time" {
                dark = dark.with_key_and_time();
            }
            if set.choice("reset")? == "step" {
                dark = dark.with_reset_steps();
            }
            Ok(dark)
        })
        .setting(Self::SIZE)
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
        .setting(Self::STEPS)
        .choice(
            "observation",
            &["cell", "cell-key-time"],
            "where one is; or that, whether one has the key and the time, as in AMAGO",
        )
        .choice(
            "reset",
            &["free", "step"],
            "whether to begin an episode anew takes a step of its own, as in AMAGO",
        )
    }

    /// Trials of so many steps, whatever the number of episodes.
    ///
    /// # Errors
    /// If there are none, or more than [`STEPS`](Self::STEPS) may be.
    pub fn with_steps(self, steps: usize) -> Result<Self, SpecError> {
        Self::STEPS.check(NAME, steps)?;
        let timed = Self {
            trial: Trial::Steps(steps),
            ..self
        };
        timed.spec().validate()?;
        Ok(timed)
    }

    /// Shows whether the agent has the key, and the time, as AMAGO does.
    #[must_use]
    pub fn with_key_and_time(self) -> Self {
        Self {
            shows_key_and_time: true,
            ..self
        }
    }

    /// Lets one step more follow the end of an episode, in which nothing can be
    /// done, as AMAGO does: a step of the budget for every new beginning.
    #[must_use]
    pub fn with_reset_steps(self) -> Self {
        Self {
            reset_steps: true,
            ..self
        }
    }

    /// What [`Self::random`] takes.
    fn random_cost(&self) -> Cost {
        let cells = f64::from(self.size).powi(2);
        let steps = f64::from(self.horizon) + 1.0;
        Cost {
            bytes: 16.0 * cells * steps,
            seconds: cells.powi(2) * steps * TIME_PER_PAIR,
            known: Known::About,
        }
    }

    /// What random actions earn. Let h(c, k, t) be the chance to have been in
    /// cell k after one to t random moves from cell c. The start is anywhere
    /// equally often, so that the key is first taken with step t with chance
    /// g(k, t) − g(k, t − 1), g being the mean of h over c; and so is the
    /// door, which is then found in time with the mean of h(k, d, H − t) over
    /// d.
    fn random(&self, episodes: usize) -> Result<f64, String> {
        let advice = "take a smaller size or a shorter horizon";
        self.random_cost()
            .affordable("the random agent's return", advice)?;
        let (cells, horizon) = (self.size.pow(2) as usize, self.horizon as usize);
        let row = horizon + 1;
        let mut reached = vec![0.0; cells * row]; // g: [cells][0..=horizon]
        let mut found = vec![0.0; cells * row]; // means over d: [cells][0..=horizon]
        let mut chances = vec![0.0; cells];
        let mut next = chances.clone();
        for cell in 0..cells {
            chances.fill(0.0);
            for t in 1..=horizon {
                chances[cell] = 1.0;
                average_over_moves(&chances, &mut next, self.size);
                std::mem::swap(&mut chances, &mut next);
                reached[cell * row + t] = chances.iter().sum::<f64>() / cells as f64;
                for (from, chance) in chances.iter().enumerate() {
                    found[from * row + t] += chance / cells as f64;
                }
            }
        }
        let mut episode = 0.0;
        for (reached, found) in reached.chunks_exact(row).zip(found.chunks_exact(row)) {
            for t in 1..=horizon {
                let taken = reached[t] - reached[t - 1];
                episode += taken * (1.0 + found[horizon - t]) / cells as f64;
            }
        }
        Ok(episodes as f64 * episode)
    }
}

/// One task: where everything is.
#[derive(Clone, Debug, Default)]
pub struct DarkRoom {
    size: u32,
    start: Cell,
    key: Cell,
    door: Cell,
    /// The steps of an episode.
    horizon: u32,
    shows_key_and_time: bool,
    reset_steps: bool,
}

/// Where the agent is in a [`DarkRoom`], whether it has the key, and since how
/// many steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeking {
    at: Cell,
    has_key: bool,
    steps: u32,
    /// Whether nothing is left but to begin anew.
    over: bool,
}

/// The cell that is shown beside the key and the time.
pub(crate) fn cell_shown(observation: &[f32], size: u32) -> Cell {
    let coordinate = |share: f32| (share * size as f32).round() as u32;
    Cell {
        x: coordinate(observation[0]),
        y: coordinate(observation[1]),
    }
}

impl Environment for DarkRoom {
    type State = Seeking;
    type Action = Discrete;

    fn reset(&self, state: &mut Seeking, _rng: &mut Stream) {
        *state = Seeking {
            at: self.start,
            has_key: false,
            steps: 0,
            over: false,
        };
    }

    #[inline]
    fn step(&self, state: &mut Seeking, action: &u32, _rng: &mut Stream) -> Step {
        if state.over {
            return Step::terminal(0.0);
        }
        state.at = state.at.moved(*action, self.size);
        state.steps += 1;
        state.over = self.reset_steps && state.steps == self.horizon;
        if state.has_key && state.at == self.door {
            state.over = self.reset_steps;
            return match self.reset_steps {
                true => Step::proceed(1.0),
                false => Step::terminal(1.0),
            };
        }
        let takes_key = !state.has_key && state.at == self.key;
        state.has_key |= takes_key;
        Step::proceed(f32::from(u8::from(takes_key)))
    }

    #[inline]
    fn observe(&self, state: &Seeking, observation: &mut [f32]) {
        if !self.shows_key_and_time {
            observation[0] = state.at.index(self.size) as f32;
            return;
        }
        let [x, y] = [state.at.x, state.at.y].map(|place| place as f32 / self.size as f32);
        let has_key = f32::from(u8::from(state.has_key));
        observation.copy_from_slice(&[x, y, has_key, state.steps as f32 / self.horizon as f32]);
    }

    fn position(&self, state: &Seeking) -> [f32; 2] {
        middle(state.at)
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let mut sketch = Sketch::grid(self.size);
        sketch.cells(self.start, 1, Ink::Start);
        sketch.cells(self.door, 1, Ink::Goal);
        sketch.disc(middle(self.key), 0.34, Ink::Key);
        let caption = "Orange circle: the key. Green: the door. Grey: the start. The agent sees \
                       none of them.";
        Some(sketch.finish(NAME, caption, episode))
    }
}

/// Takes a shortest path to the key, and from there to the door.
#[derive(Clone)]
struct KeyThenDoor {
    size: u32,
    shows_key_and_time: bool,
    has_key: bool,
}

impl Planner for KeyThenDoor {
    fn act(&mut self, seen: &Seen<'_>) -> Move {
        // Within an episode the first reward is the key's; after the door's there is at
        // most the step that begins anew.
        self.has_key = (self.has_key && seen.step > 0) || seen.reward > 0.0;
        let (key, door) = seen.task.split_at(2);
        let to = if self.has_key { door } else { key };
        let at = match self.shows_key_and_time {
            true => cell_shown(seen.own, self.size),
            false => Cell::of(symbol(seen.own), self.size),
        };
        Move::Index(at.move_to(Cell::of_shares(to, self.size)))
    }
}

impl TaskDistribution for DarkKeyDoor {
    type Task = DarkRoom;

    fn spec(&self) -> EnvSpec {
        let size = self.size as usize;
        EnvSpec {
            name: NAME.into(),
            observation: match self.shows_key_and_time {
                true => ObservationSpace::Vector { size: 4 },
                false => ObservationSpace::Discrete { size: size * size },
            },
            action: ActionSpace::Discrete { size: MOVES },
            horizon: self.horizon as usize + usize::from(self.reset_steps),
            trial: self.trial,
        }
    }

    fn sample(&self, task: &mut DarkRoom, rng: &mut Stream) {
        let cells = self.size.pow(2);
        let places = [0; 3].map(|_| u64::from(rng.random_range(0..cells)));
        let joined = |number, place| number * u64::from(cells) + place;
        self.select(task, places.into_iter().fold(0, joined));
    }

    fn tasks(&self) -> Option<u64> {
        Some(u64::from(self.size).pow(6))
    }

    fn select(&self, task: &mut DarkRoom, number: u64) {
        let cells = u64::from(self.size.pow(2));
        let place = |number: u64| Cell::of((number % cells) as u32, self.size);
        *task = DarkRoom {
            size: self.size,
            start: place(number / cells / cells),
            key: place(number / cells),
            door: place(number),
            horizon: self.horizon,
            shows_key_and_time: self.shows_key_and_time,
            reset_steps: self.reset_steps,
        };
    }

    fn solution_bytes(&self) -> f64 {
        let cost = self.random_cost();
        cost.affordable("", "").map_or(0.0, |()| cost.bytes)
    }

    /// The coordinates of the key, then those of the door, each divided by the
    /// farthest one.
    fn description_size(&self) -> usize {
        4
    }

    fn describe(&self, task: &DarkRoom, description: &mut [f32]) {
        let places = [task.key, task.door].map(|cell| cell.shares(task.size));
        description.copy_from_slice(places.as_flattened());
    }

    /// The exact belief of where key and door are, and whether the agent has the key.
    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        Some(Arc::new(KeyAndDoor {
            size: self.size,
            reset_steps: self.reset_steps,
            observation: self.spec().observation,
        }))
    }

    /// Shortest paths to the key and on to the door in every episode, as far
    /// as there is time. It takes a step to take a key that lies at the start,
    /// and one more to go through a door where the key was. No agent does better
    /// with a budget of steps: a reward is earned with every shortest path, and an
    /// episode cannot be left before its end.
    fn known_task_optimum(&self, task: &DarkRoom) -> Option<f64> {
        let to_key = task.start.distance(task.key).max(1);
        let to_door = task.key.distance(task.door).max(1);
        let both = to_key + to_door;
        // Rewards of an episode of so many steps.
        let earned = |steps: u32| u32::from(to_key <= steps) + u32::from(both <= steps);
        let total = match self.trial {
            Trial::Episodes(episodes) => episodes as f64 * f64::from(earned(self.horizon)),
            Trial::Steps(steps) => {
                let (steps, length) = (steps as u32, both.min(self.horizon));
                let whole = length + u32::from(self.reset_steps);
                let last = (steps % whole).min(length);
                f64::from(steps / whole) * f64::from(earned(length)) + f64::from(earned(last))
            }
        };
        Some(total)
    }

    /// Known task: twice the episodes where the farthest ways can be gone in
    /// time, else, and with a budget of steps, an estimate from sampled tasks. Random:
    /// from the chances to have been in each cell after each step; with a budget an
    /// estimate.
    fn exact_values(&self) -> ExactValues {
        let farthest = 4 * (self.size - 1);
        ExactValues {
            bayes_optimal: Exact::unknown(
                "the goals that are still possible are pairs of cells, 6,561 at the published \
                 size, which is out of the reach of dynamic programming",
            ),
            known_task_optimum: match self.trial {
                Trial::Episodes(episodes) if farthest <= self.horizon => {
                    Exact::value(2.0 * episodes as f64)
                }
                _ => estimate::known_task_optimum(self, SAMPLES),
            },
            random: match self.trial {
                Trial::Episodes(episodes) => match self.random(episodes) {
                    Ok(value) => Exact::value(value),
                    Err(why) => Exact::unknown(why),
                },
                Trial::Steps(_) => estimate::random(self),
            },
            ..ExactValues::default()
        }
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        let planner = KeyThenDoor {
            size: self.size,
            shows_key_and_time: self.shows_key_and_time,
            has_key: false,
        };
        let search = |search| {
            Box::new(Searching {
                search,
                spec: self.spec(),
                size: self.size,
                reset_steps: self.reset_steps,
            })
        };
        vec![
            search(Search::Sample),
            search(Search::Nearest),
            known_goal(self, planner),
        ]
    }

    fn analyses(&self) -> Vec<Analysis> {
        doors(self.trial).into_iter().collect()
    }
}

#[cfg(test)]
#[path = "dark_key_door_tests.rs"]
mod tests;
