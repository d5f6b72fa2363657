//! A point on a plane that is to go to a goal, with a dense reward.

use crate::drawing::Sketch;
use crate::estimate;
use crate::known_goal::{Move, Planner, Seen, known_goal};
use rl_core::TaskDistribution;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Continuous, EnvSpec, Environment, EnvironmentEntry, Exact, ExactValues, Trial,
};
use rl_core::{
    Episode, Ink, ObservationSpace, Picture, PolicyFactory, Setting, SpecError, Step, Stream,
};

/// 2-D navigation: a point begins every episode at (0, 0) and is to go to a
/// goal, drawn for every task from U\[−0.5, 0.5\]².
///
/// # Observations
/// The point's two coordinates. The goal is not seen.
///
/// # Actions
/// What is added to each coordinate, within \[−0.1, 0.1\].
///
/// # Reward
/// Minus the Euclidean distance from the goal after the move. The episode ends
/// when both coordinates are less than 0.01 from the goal's.
///
/// # Reference
/// Finn et al. 2017, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep
/// Networks", section 5.3: horizon 100. The paper's text has the negative
/// squared distance for a reward; the authors' code, and this environment, the
/// distance itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointNavigation {
    horizon: usize,
    episodes: usize,
}

const NAME: &str = "point-navigation";
/// Farthest coordinate of a goal.
const FARTHEST: f32 = 0.5;
/// Farthest move along one coordinate.
const REACH: f32 = 0.1;
/// Farthest coordinate that is in the picture.
const DRAWN: f32 = 0.75;
/// The goal is reached when both coordinates are nearer than this.
const NEAR: f32 = 0.01;

impl PointNavigation {
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(100);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(1);

    /// Trials of so many [`EPISODES`](Self::EPISODES) of at most
    /// [`HORIZON`](Self::HORIZON) steps.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(horizon: usize, episodes: usize) -> Result<Self, SpecError> {
        Self::HORIZON.check(NAME, horizon)?;
        Self::EPISODES.check(NAME, episodes)?;
        Ok(Self { horizon, episodes })
    }

    /// These goals by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "move a point to a hidden goal in the plane (Finn et al. 2017)";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (horizon, episodes) = (set.count("horizon")?, set.count("episodes")?);
            Ok(Self::new(horizon, episodes)?)
        })
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
    }

    /// The expectation of [`Self::known_task_optimum`]. After t full steps each
    /// coordinate is off by 0 with chance t/5, and else by U\[0, m\] with
    /// m = 0.5 − 0.1 t. The mean distance of a point of U\[0, m\]² from its
    /// corner is m (√2 + asinh 1) / 3, that of a point of U\[0, m\] is m / 2.
    fn expected_optimum(&self) -> f64 {
        let (reach, farthest) = (f64::from(REACH), f64::from(FARTHEST));
        let in_a_square = (f64::sqrt(2.0) + f64::asinh(1.0)) / 3.0;
        let distance = |t: usize| {
            let most = (farthest - reach * t as f64).max(0.0);
            let off = most / farthest;
            most * (off * off * in_a_square + 2.0 * off * (1.0 - off) / 2.0)
        };
        let steps = self.horizon.min((farthest / reach).ceil() as usize);
        -(self.episodes as f64) * (1..=steps).map(distance).sum::<f64>()
    }
}

/// One task: where the goal is.
#[derive(Clone, Debug, Default)]
pub struct PointGoal {
    goal: [f32; 2],
}

impl Environment for PointGoal {
    type State = [f32; 2];
    type Action = Continuous;

    fn reset(&self, state: &mut [f32; 2], _rng: &mut Stream) {
        *state = [0.0; 2];
    }

    #[inline]
    fn step(&self, state: &mut [f32; 2], action: &[f32], _rng: &mut Stream) -> Step {
        let [x, y] = [0, 1].map(|axis| {
            state[axis] += action[axis];
            state[axis] - self.goal[axis]
        });
        Step {
            reward: -(x * x + y * y).sqrt(),
            terminated: x.abs() < NEAR && y.abs() < NEAR,
        }
    }

    #[inline]
    fn observe(&self, state: &[f32; 2], observation: &mut [f32]) {
        observation.copy_from_slice(state);
    }

    fn position(&self, state: &[f32; 2]) -> [f32; 2] {
        state.map(|x| x + DRAWN)
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let mut sketch = Sketch::plane(2.0 * DRAWN);
        let [low, high] = [DRAWN - FARTHEST, DRAWN + FARTHEST];
        let square = [
            [low, low],
            [high, low],
            [high, high],
            [low, high],
            [low, low],
        ];
        sketch.line(square.to_vec(), Ink::Start);
        sketch.disc(self.position(&self.goal), 0.03, Ink::Goal);
        let caption = "Green: the goal, which the agent does not see. Grey: where goals are drawn \
                       from, 1 by 1; the cross is where episodes begin.";
        Some(sketch.finish(NAME, caption, episode))
    }
}

/// Goes at full speed along both coordinates until each is right.
#[derive(Clone)]
struct Straight;

impl Planner for Straight {
    fn act(&mut self, seen: &Seen<'_>) -> Move {
        Move::By([0, 1].map(|axis| seen.task[axis] - seen.own[axis]))
    }
}

impl TaskDistribution for PointNavigation {
    type Task = PointGoal;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Box {
                low: vec![-REACH; 2],
                high: vec![REACH; 2],
            },
            horizon: self.horizon,
            trial: Trial::Episodes(self.episodes),
        }
    }

    fn sample(&self, task: &mut PointGoal, rng: &mut Stream) {
        task.goal = [0; 2].map(|_| rng.random_range(-FARTHEST..FARTHEST));
    }

    /// The goal's two coordinates.
    fn description_size(&self) -> usize {
        2
    }

    fn describe(&self, task: &PointGoal, description: &mut [f32]) {
        description.copy_from_slice(&task.goal);
    }

    /// After t steps no policy is nearer to the goal, in either coordinate,
    /// than max(0, |gᵢ| − 0.1 t). Going at full speed along both coordinates
    /// until each is right attains that at every step for both at once, and so
    /// the highest reward at every step, and the end as early as possible; the
    /// end itself makes no difference, since a full step later the distance
    /// would be 0.
    fn known_task_optimum(&self, task: &PointGoal) -> Option<f64> {
        let [x, y] = task.goal.map(|g| f64::from(g.abs()));
        let left = |off: f64, t: usize| (off - f64::from(REACH) * t as f64).max(0.0);
        let distances = (1..=self.horizon).map(|t| left(x, t).hypot(left(y, t)));
        let sum: f64 = distances.take_while(|distance| *distance > 0.0).sum();
        Some(-(self.episodes as f64) * sum)
    }

    /// Known task: in closed form. Random: an estimate from sampled tasks.
    fn exact_values(&self) -> ExactValues {
        ExactValues {
            bayes_optimal: Exact::unknown("goals and positions are continuous"),
            known_task_optimum: Exact::value(self.expected_optimum()),
            random: estimate::random(self),
            ..ExactValues::default()
        }
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        vec![known_goal(self, Straight)]
    }
}

#[cfg(test)]
#[path = "point_navigation_tests.rs"]
mod tests;
