//! A point on a plane that is to go to one of four corners, with a sparse
//! reward.

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

/// Four corners: a point begins every episode somewhere in U\[−0.2, 0.2\]² and
/// is to go to one of (±2, ±2), drawn uniformly for every task. Episodes never
/// end before the horizon.
///
/// # Observations
/// The point's two coordinates. The goal is not seen.
///
/// # Actions
/// What is added to each coordinate, within \[−0.2, 0.2\].
///
/// # Reward
/// Progress: by how much the move brought the point nearer to its goal
/// (negative if farther), in Euclidean distance. It is paid only where the
/// move ends (wherever it began) at |x| + |y| ≥ 0.5 with no corner nearer than
/// the goal, that is in the goal's own quadrant or on its edge. Everywhere
/// else the reward is 0.
///
/// Going away is therefore free of charge as long as the move ends outside the
/// rewarded region. The most can be earned by going in and out of that region:
/// 15.2 to 15.6 in 100 steps, where going straight to the goal earns 2.62 on
/// average, and no more than 2.8.
///
/// # Reference
/// Rothfuss et al. 2019, "ProMP: Proximal Meta-Policy Search": the point
/// environment with corners of the authors' code, `sparse` with radius 0.5;
/// horizon 100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointCorners {
    horizon: usize,
    episodes: usize,
}

const NAME: &str = "point-corners";
/// Both coordinates of the corners, without their signs.
const CORNER: f32 = 2.0;
/// Farthest move along one coordinate, and farthest coordinate of a start.
const REACH: f32 = 0.2;
/// Nearer to (0, 0) than this, by the sum of both coordinates, nothing is paid.
const RADIUS: f32 = 0.5;
/// A coordinate on the diagonal that is outside the rewarded region and from
/// which a full move leads into it, whatever the rounding.
const OUTSIDE: f32 = 0.051;
/// Farthest coordinate that is in the picture.
const DRAWN: f32 = 2.5;

impl PointCorners {
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(100);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(1);

    /// Trials of so many [`EPISODES`](Self::EPISODES) of so many
    /// [`HORIZON`](Self::HORIZON) steps.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(horizon: usize, episodes: usize) -> Result<Self, SpecError> {
        Self::HORIZON.check(NAME, horizon)?;
        Self::EPISODES.check(NAME, episodes)?;
        Ok(Self { horizon, episodes })
    }

    /// These corners by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "move a point to the rewarded corner, sparse (Rothfuss et al. 2019)";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (horizon, episodes) = (set.count("horizon")?, set.count("episodes")?);
            Ok(Self::new(horizon, episodes)?)
        })
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
    }

    /// Bounds on what an agent that knows its goal can earn in an episode,
    /// from any start.
    ///
    /// A move changes the distance from the goal by at most k = 0.2 √2. Of T
    /// moves let n end outside the rewarded region. What the others earn is at
    /// most k (T − n); it is also the distance at the start, 11 k at most, less
    /// that at the end, plus what the n moves went away, k n at most: the
    /// smaller of the two is the upper bound. From a point of the diagonal
    /// between 0.05 and 0.25 it is attained, by going back and forth along the
    /// diagonal and at last to the goal. Such a point, at most 9.75 k from the
    /// goal, is reached within 2 moves without loss, whence the lower bound.
    fn bounds(&self) -> [f64; 2] {
        let step = f64::from(REACH) * f64::sqrt(2.0);
        let most = |steps: usize, distance: f64| {
            let even = ((steps as f64 - distance) / 2.0).max(0.0);
            let earned = |n: f64| (steps as f64 - n).min(distance + n);
            step * earned(even.floor()).max(earned(even.ceil()))
        };
        [
            most(self.horizon.saturating_sub(2), 9.75),
            most(self.horizon, 11.0),
        ]
    }
}

/// One task: the signs of the goal's coordinates.
#[derive(Clone, Debug, Default)]
pub struct CornerGoal {
    goal: [f32; 2],
}

impl CornerGoal {
    fn distance(&self, at: [f32; 2]) -> f32 {
        (self.goal[0] - at[0]).hypot(self.goal[1] - at[1])
    }

    /// Whether a move that ends here is paid.
    fn pays(&self, [x, y]: [f32; 2]) -> bool {
        x.abs() + y.abs() >= RADIUS && x * self.goal[0] >= 0.0 && y * self.goal[1] >= 0.0
    }
}

impl Environment for CornerGoal {
    type State = [f32; 2];
    type Action = Continuous;

    fn reset(&self, state: &mut [f32; 2], rng: &mut Stream) {
        *state = [0; 2].map(|_| rng.random_range(-REACH..REACH));
    }

    #[inline]
    fn step(&self, state: &mut [f32; 2], action: &[f32], _rng: &mut Stream) -> Step {
        let before = *state;
        *state = [before[0] + action[0], before[1] + action[1]];
        Step::proceed(match self.pays(*state) {
            true => self.distance(before) - self.distance(*state),
            false => 0.0,
        })
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
        let ends = [
            [RADIUS, 0.0],
            [0.0, RADIUS],
            [-RADIUS, 0.0],
            [0.0, -RADIUS],
            [RADIUS, 0.0],
        ];
        let unpaid = ends.map(|end| self.position(&end));
        sketch.line(unpaid.to_vec(), Ink::Start);
        for (x, y) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let corner = [x * CORNER, y * CORNER];
            let ink = if corner == self.goal {
                Ink::Goal
            } else {
                Ink::Start
            };
            sketch.disc(self.position(&corner), 0.12, ink);
        }
        let caption = "Green: the goal, one of four corners, which the agent does not see. Moves \
                       are paid where they end in its quadrant, outside the grey diamond.";
        Some(sketch.finish(NAME, caption, episode))
    }
}

/// Goes to the diagonal towards the goal, on it in and out of the rewarded
/// region, and to the goal at last: the way that earns at least the lower one
/// of [`PointCorners::bounds`].
#[derive(Clone)]
struct InAndOut {
    horizon: usize,
}

impl InAndOut {
    /// The move at `at` with `left` steps left, where the goal is in the first
    /// quadrant.
    fn from(at: [f32; 2], left: usize) -> [f32; 2] {
        let [x, y] = at;
        if (x - y).abs() > 1e-4 || x < OUTSIDE - 1e-3 {
            let to = OUTSIDE.clamp(x.max(y) - REACH, x.min(y) + REACH);
            return [to - x, to - y];
        }
        // Once more out and in earns one full move for two of those left.
        let straight = (CORNER - x) / REACH;
        match x < RADIUS / 2.0 || straight + 1.0 >= left as f32 {
            true => [CORNER - x, CORNER - y],
            false => [-REACH; 2],
        }
    }
}

impl Planner for InAndOut {
    fn act(&mut self, seen: &Seen<'_>) -> Move {
        let sign = |axis: usize| seen.task[axis].signum();
        let mirrored = [0, 1].map(|axis| sign(axis) * seen.own[axis]);
        let by = Self::from(mirrored, self.horizon - seen.step);
        Move::By([sign(0) * by[0], sign(1) * by[1]])
    }
}

impl TaskDistribution for PointCorners {
    type Task = CornerGoal;

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

    fn sample(&self, task: &mut CornerGoal, rng: &mut Stream) {
        let [x, y] = [0; 2].map(|_| u64::from(rng.random::<bool>()));
        self.select(task, x + 2 * y);
    }

    fn tasks(&self) -> Option<u64> {
        Some(4)
    }

    fn select(&self, task: &mut CornerGoal, number: u64) {
        task.goal = [number % 2, number / 2].map(|sign| match sign {
            0 => -CORNER,
            _ => CORNER,
        });
    }

    /// The goal's two coordinates.
    fn description_size(&self) -> usize {
        2
    }

    fn describe(&self, task: &CornerGoal, description: &mut [f32]) {
        description.copy_from_slice(&task.goal);
    }

    /// Known task: see the reward; only bounds are known. Random: an estimate
    /// from sampled tasks.
    fn exact_values(&self) -> ExactValues {
        let [least, most] = self.bounds().map(|bound| self.episodes as f64 * bound);
        ExactValues {
            bayes_optimal: Exact::unknown("goals are few, but positions are continuous"),
            known_task_optimum: Exact::unknown(format!(
                "the best an agent can do is to go in and out of the rewarded region, which earns \
                 between {least:.2} and {most:.2}, depending on where an episode begins"
            )),
            random: estimate::random(self),
            ..ExactValues::default()
        }
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        let horizon = self.horizon;
        vec![known_goal(self, InAndOut { horizon })]
    }
}

#[cfg(test)]
#[path = "point_corners_tests.rs"]
mod tests;
