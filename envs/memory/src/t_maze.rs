//! The T-maze: a sign at one end of a corridor, a choice at the other.

use crate::t_maze_oracle::{self, Guided, Known};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, Exact, ExactValues, MEMORYLESS_OPTIMUM,
};
use rl_core::{
    EnvironmentEntry, Episode, Ink, ObservationSpace, Picture, PolicyFactory, Setting, Shape,
    SpecError, Step, Stream, TaskDistribution, Trial,
};

/// A corridor that ends in a junction, from which one can go up or down. A sign at the
/// other end says which of the two is right, once: it is seen where the agent is at the
/// sign for the first time. In the passive form an episode begins there; in the active one
/// a step away from it, so that the agent has to go and look. `length` steps lead from
/// where it begins to the junction, and there is one step more to go up or down, and two
/// for the way to the sign and back: whoever loses a step comes too late. Which way is
/// right is drawn by the toss of a coin for every episode.
///
/// # Observations
/// Whether the agent is at the junction or beyond, 0 or 1. There, as the second number, 1
/// if it is above the junction, −1 if below; at the sign, what that says; else 0. Where in
/// the corridor it is, and the time, are not seen.
///
/// # Actions
/// 0 right, 1 up, 2 left, 3 down. A move against a wall goes nowhere.
///
/// # Reward
/// With the last step 1 if the agent is where the sign said. With every other one
/// −1 / `length` if the agent is behind an agent that lost no step.
///
/// # Reference
/// Ni et al. 2023, "When Do Transformers Shine in RL? Decoupling Memory from Credit
/// Assignment", and its code, after Bakker 2001: lengths 50 to 1,500 passive, 20 to 500
/// active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TMaze {
    pub(crate) corridor: Corridor,
    episodes: usize,
}

pub(crate) const NAME: &str = "t-maze";

/// Where the agent begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// At the sign.
    #[default]
    Passive,
    /// A step away from it.
    Active,
}

/// What does not change from task to task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Corridor {
    /// Steps from where the agent begins to the junction.
    pub(crate) length: u32,
    /// Steps from where it begins to the sign.
    pub(crate) start: u32,
}

impl Corridor {
    /// Where the junction is, counted from the sign.
    pub(crate) fn junction(&self) -> u32 {
        self.start + self.length
    }

    /// Steps of an episode.
    pub(crate) fn steps(&self) -> u32 {
        self.length + 2 * self.start + 1
    }

    /// Where a move leads.
    pub(crate) fn go(&self, (x, y): (u32, i8), action: u32) -> (u32, i8) {
        match action {
            0 if y == 0 => ((x + 1).min(self.junction()), y),
            2 if y == 0 => (x.saturating_sub(1), y),
            1 if x == self.junction() => (x, (y + 1).min(1)),
            3 if x == self.junction() => (x, (y - 1).max(-1)),
            _ => (x, y),
        }
    }

    /// What an agent loses that is at `x` after so many steps, but for the last one.
    pub(crate) fn penalty(&self, x: u32, step: u32) -> f64 {
        let behind = step > self.start + x && step < self.steps();
        f64::from(u8::from(behind)) / f64::from(self.length)
    }
}

impl TMaze {
    /// Where the agent begins.
    pub const FORM: Setting = Setting::choice(
        "form",
        &["passive", "active"],
        "whether an episode begins at the sign, or a step away from it",
    );
    /// Steps from where an episode begins to the junction.
    pub const LENGTH: Setting = Setting::count(
        "length",
        10,
        1..=10_000,
        "steps from where an episode begins to the junction; 50 to 1500 in Ni et al.",
    );

    /// Mazes of a form with corridors of this [`LENGTH`](Self::LENGTH), and trials of so
    /// many [`EPISODES`](crate::EPISODES).
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(form: Form, length: usize, episodes: usize) -> Result<Self, SpecError> {
        Self::LENGTH.check(NAME, length)?;
        crate::EPISODES.check(NAME, episodes)?;
        let corridor = Corridor {
            length: length as u32,
            start: u32::from(form == Form::Active),
        };
        let mazes = Self { corridor, episodes };
        mazes.spec().validate()?;
        Ok(mazes)
    }

    /// These mazes by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "a sign, a corridor, and a choice by the sign (Ni et al. 2023)";
        EnvironmentEntry::new(NAME, summary, |set| {
            let form = match set.choice("form")? {
                "active" => Form::Active,
                _ => Form::Passive,
            };
            Ok(Self::new(
                form,
                set.count("length")?,
                set.count("episodes")?,
            )?)
        })
        .setting(Self::FORM)
        .setting(Self::LENGTH)
        .setting(crate::EPISODES)
    }
}

/// The one task: the maze.
#[derive(Clone, Copy, Debug, Default)]
pub struct Maze {
    corridor: Corridor,
}

/// Where an agent is in a [`Maze`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Counted from the sign, and from the corridor upwards.
    at: (u32, i8),
    /// Steps so far.
    step: u32,
    /// What the sign says: 1 up, −1 down.
    sign: i8,
    /// Whether it was read before, or is now.
    read: bool,
    reads: bool,
}

impl Place {
    /// At the beginning of an episode.
    pub(crate) fn begin(corridor: &Corridor, sign: i8) -> Self {
        let mut place = Self {
            at: (corridor.start, 0),
            sign,
            ..Self::default()
        };
        place.look();
        place
    }

    fn look(&mut self) {
        self.reads = self.at.0 == 0 && !self.read;
        self.read |= self.reads;
    }
}

impl Environment for Maze {
    type State = Place;
    type Action = Discrete;

    #[inline]
    fn reset(&self, state: &mut Place, rng: &mut Stream) {
        *state = Place::begin(&self.corridor, if rng.random() { 1 } else { -1 });
    }

    #[inline]
    fn step(&self, state: &mut Place, action: &u32, _rng: &mut Stream) -> Step {
        state.at = self.corridor.go(state.at, *action);
        state.step += 1;
        state.look();
        match state.step == self.corridor.steps() {
            true => Step::terminal(f32::from(u8::from(state.at.1 == state.sign))),
            false => Step::proceed(-self.corridor.penalty(state.at.0, state.step) as f32),
        }
    }

    #[inline]
    fn observe(&self, state: &Place, observation: &mut [f32]) {
        let (x, y) = state.at;
        let there = x == self.corridor.junction();
        observation[0] = f32::from(u8::from(there));
        observation[1] = match (there, state.reads) {
            (true, _) => f32::from(y),
            (false, true) => f32::from(state.sign),
            (false, false) => 0.0,
        };
    }

    fn position(&self, state: &Place) -> [f32; 2] {
        let (x, y) = state.at;
        [self.cell() * (x as f32 + 0.5), f32::from(y) + 1.5]
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let (cell, junction) = (self.cell(), self.corridor.junction());
        let area = |x: u32, y: f32, wide: u32, ink| Shape::Area {
            corner: [cell * x as f32, y],
            size: [cell * wide as f32, 1.0],
            ink,
        };
        let mut shapes = vec![
            area(0, 1.0, junction + 1, Ink::Ground),
            area(junction, 0.0, 1, Ink::Ground),
            area(junction, 2.0, 1, Ink::Ground),
            area(0, 1.0, 1, Ink::Key),
        ];
        let mut caption =
            "The sign is in the cell at the left, the choice at the right.".to_owned();
        let mut title = NAME.to_owned();
        if let Some(episode) = episode {
            let way = episode.way();
            let end = way.last().map_or(1.5, |at| at[1]);
            let right = episode
                .moments
                .last()
                .is_some_and(|moment| moment.reward > 0.0);
            // Which arm is right is known where the agent went into one.
            if end != 1.5 {
                let up = (end > 1.5) == right;
                shapes.push(area(junction, if up { 2.0 } else { 0.0 }, 1, Ink::Goal));
                caption += " Green: where the sign said to go.";
            }
            shapes.push(Shape::Path {
                points: way,
                ink: Ink::Agent,
                arrow: true,
            });
            let paid = format!("{:.2}", episode.total_reward()).replace('-', "−");
            caption += &format!(" Blue: the way of the agent, which paid {paid}.");
            title += &format!(", episode {}", episode.number + 1);
        }
        Some(Picture {
            title,
            width: cell * (junction + 1) as f32,
            height: 3.0,
            shapes,
            caption,
        })
    }
}

impl Maze {
    /// How wide a cell is drawn: long corridors are drawn narrower than they are.
    fn cell(&self) -> f32 {
        (20.0 / (self.corridor.junction() + 1) as f32).min(1.0)
    }
}

impl TaskDistribution for TMaze {
    type Task = Maze;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 4 },
            horizon: self.corridor.steps() as usize,
            trial: Trial::Episodes(self.episodes),
        }
    }

    fn sample(&self, task: &mut Maze, _rng: &mut Stream) {
        task.corridor = self.corridor;
    }

    fn solution_bytes(&self) -> f64 {
        16.0 * f64::from(self.corridor.junction()) + 8.0 * self.spec().trial_steps() as f64
    }

    /// Whoever knows the way earns 1.
    fn known_task_optimum(&self, _task: &Maze) -> Option<f64> {
        Some(self.episodes as f64)
    }

    /// What leads to where the sign says without losing more than was lost: of the active
    /// form the way to the sign too, which there is the time for.
    fn known_task_action(
        &self,
        _task: &Maze,
        (state, _left): (&Place, usize),
        probabilities: &mut [f32],
    ) -> bool {
        let known = Known {
            at: state.at,
            step: state.step,
            sign: state.sign,
        };
        let mut values = [0.0; 4];
        known.advantages(&self.corridor, &mut values);
        let best = values.iter().filter(|value| **value == 0.0).count();
        for (probability, value) in probabilities.iter_mut().zip(values) {
            *probability = if value == 0.0 { 1.0 / best as f32 } else { 0.0 };
        }
        true
    }

    /// Bayes-optimal and known task: the sign can be read and the right way be taken
    /// without losing a step, which earns 1. Random: by counting.
    fn exact_values(&self) -> ExactValues {
        let episodes = self.episodes as f64;
        let mut episode = vec![0.0; self.spec().horizon];
        episode[self.spec().horizon - 1] = 1.0;
        ExactValues {
            bayes_optimal: Exact::value(episodes),
            known_task_optimum: Exact::value(episodes),
            random: Exact::value(episodes * t_maze_oracle::random(&self.corridor)),
            bayes_optimal_rewards: Some(episode.repeat(self.episodes)),
        }
    }

    /// One half. Who never reads the sign ends where it said half of the time at most. Who
    /// reads it without losing a step has to go right and then up or down without another
    /// one, and the junction looks the same whatever the sign said; who lost a step comes
    /// too late. Always right, and up at the junction, earns one half.
    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        let optimum = Exact::value(0.5 * self.episodes as f64);
        vec![(MEMORYLESS_OPTIMUM, optimum)]
    }

    /// Reads the sign, goes to the junction and then where the sign said.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Ok(Box::new(Guided {
            spec: self.spec(),
            corridor: self.corridor,
        }))
    }
}
