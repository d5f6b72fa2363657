//! RiverSwim: a small reward downstream, a large one against the current.

use crate::estimate;
use crate::statistics::PlannedStatistics;
use crate::tabular::Mdp;
use rl_core::StatisticsFactory;
use rl_core::rand::RngExt as _;
use rl_core::tabular::Model;
use rl_core::tabular::Planner;
use rl_core::{
    ActionSpace, EnvSpec, Exact, ExactValues, ObservationSpace, Setting, SpecError, Trial,
};
use rl_core::{EnvironmentEntry, Stream, TaskDistribution};
use std::sync::Arc;

/// A row of states along a river. To drift goes one state downstream, always.
/// To swim goes one state upstream with probability u, one downstream with
/// probability d, and else nowhere; in the most downstream state it does not
/// go further down, and in the most upstream state it stays with probability
/// u and goes down otherwise.
///
/// For every task, independently and uniformly,
///
/// | what | from | original |
/// |---|---|---|
/// | u | 0.15 to 0.45 | 0.3 |
/// | d | 0.05 to 0.15 | 0.1 |
/// | reward of drifting in the most downstream state | 0 to 0.001 | 5 / 10,000 |
/// | reward of swimming in the most upstream state | 0.5 to 1.5 | 10,000 / 10,000 |
/// | the action to swim | 0 or 1 | known |
///
/// so that the original, whose rewards are divided by 10,000 here, is the mean
/// of what is drawn. It has 6 states, of which the second and the third
/// most downstream ones are those that an episode may start in, with equal
/// probability; so it is here. No state is terminal.
///
/// # Observations
/// The index of the state, `0..states`, from the most downstream one.
///
/// # Actions
/// 0 and 1: one is to drift, the other to swim.
///
/// # Reward
/// The task's, see above, wherever the action leads; else 0.
///
/// # Reference
/// Strehl and Littman 2008, "An Analysis of Model-Based Interval Estimation
/// for Markov Decision Processes", figure of RiverSwim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiverSwim {
    states: usize,
    horizon: usize,
    episodes: usize,
}

const NAME: &str = "riverswim";

/// What differs from task to task.
#[derive(Clone, Copy, Debug, PartialEq)]
struct River {
    up: f64,
    down: f64,
    small: f64,
    large: f64,
    swim: usize,
}

impl RiverSwim {
    /// Places along the river.
    pub const STATES: Setting = Setting::count("states", 6, 3..=100, "places along the river");
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(20);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(10);

    /// Rivers of so many [`STATES`](Self::STATES), swum for
    /// [`HORIZON`](Self::HORIZON) steps per episode and
    /// [`EPISODES`](Self::EPISODES) episodes per trial.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(states: usize, horizon: usize, episodes: usize) -> Result<Self, SpecError> {
        Self::STATES.check(NAME, states)?;
        Self::HORIZON.check(NAME, horizon)?;
        Self::EPISODES.check(NAME, episodes)?;
        let distribution = Self {
            states,
            horizon,
            episodes,
        };
        distribution.spec().validate()?;
        Ok(distribution)
    }

    /// These rivers by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "a chain swum against a random current, with random rewards at both ends";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (horizon, episodes) = (set.count("horizon")?, set.count("episodes")?);
            Ok(Self::new(set.count("states")?, horizon, episodes)?)
        })
        .setting(Self::STATES)
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
    }

    fn work(&self) -> f64 {
        estimate::work(self.states, 2, self.horizon)
    }
}

impl River {
    fn draw(rng: &mut Stream) -> Self {
        let mut uniform = |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
        Self {
            up: uniform(0.15, 0.45),
            down: uniform(0.05, 0.15),
            small: uniform(0.0, 0.001),
            large: uniform(0.5, 1.5),
            swim: usize::from(rng.random::<bool>()),
        }
    }

    /// The counterpart of [`Self::fill`].
    fn of(model: &Model) -> Self {
        let top = model.states - 1;
        // To drift is certain to stay in the most downstream state.
        let swim = usize::from(model.row(0, 0)[0] == 1.0);
        Self {
            up: model.row(top, swim)[top],
            down: model.row(1, swim)[0],
            small: model.mean_reward[1 - swim],
            large: model.mean_reward[top * 2 + swim],
            swim,
        }
    }

    fn fill(&self, model: &mut Model, states: usize) {
        model.clear(states, 2);
        let (swim, drift) = (self.swim, 1 - self.swim);
        let top = states - 1;
        for state in 0..states {
            model.row_mut(state, drift)[state.saturating_sub(1)] = 1.0;
            let row = model.row_mut(state, swim);
            if state == 0 {
                (row[0], row[1]) = (1.0 - self.up, self.up);
            } else if state == top {
                (row[top], row[top - 1]) = (self.up, 1.0 - self.up);
            } else {
                row[state - 1] = self.down;
                row[state] = 1.0 - self.down - self.up;
                row[state + 1] = self.up;
            }
        }
        model.mean_reward[drift] = self.small;
        model.mean_reward[top * 2 + swim] = self.large;
        model.start.fill(0.0);
        (model.start[1], model.start[2]) = (0.5, 0.5);
    }
}

impl TaskDistribution for RiverSwim {
    type Task = Mdp;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Discrete { size: self.states },
            action: ActionSpace::Discrete { size: 2 },
            horizon: self.horizon,
            trial: Trial::Episodes(self.episodes),
        }
    }

    fn sample(&self, task: &mut Mdp, rng: &mut Stream) {
        let river = River::draw(rng);
        task.rebuild(|model| river.fill(model, self.states));
    }

    fn task_bytes(&self) -> f64 {
        Mdp::bytes(self.states, 2)
    }

    /// u, d, both rewards, and whether action 1 is the one to swim.
    fn description_size(&self) -> usize {
        5
    }

    fn describe(&self, task: &Mdp, description: &mut [f32]) {
        let river = River::of(task.model());
        let numbers = [river.up, river.down, river.small, river.large].map(|number| number as f32);
        description[..4].copy_from_slice(&numbers);
        description[4] = river.swim as f32;
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        Some(Arc::new(PlannedStatistics {
            states: self.states,
            actions: 2,
            horizon: self.horizon,
            prior_mean: 0.0,
        }))
    }

    /// By value iteration, where [`Self::known_task_optimum`] is known.
    fn known_task_action(
        &self,
        task: &Mdp,
        (state, left): (&usize, usize),
        probabilities: &mut [f32],
    ) -> bool {
        let affordable = estimate::affordable(self.work(), estimate::PER_TASK).is_ok();
        if affordable {
            task.known_task_action(self.horizon, (*state, left), probabilities);
        }
        affordable
    }

    fn known_task_bytes(&self) -> f64 {
        Mdp::plan_bytes(self.states, 2, self.horizon)
    }

    /// The number of episodes times the value of one by value iteration;
    /// `None` where `states² × (horizon + 10)` exceeds 2·10⁷.
    fn known_task_optimum(&self, task: &Mdp) -> Option<f64> {
        estimate::affordable(self.work(), estimate::PER_TASK).ok()?;
        let episode = Planner::default().optimum(task.model(), self.horizon);
        Some(self.episodes as f64 * episode)
    }

    /// Known task and random: Monte Carlo over tasks, each solved exactly.
    fn exact_values(&self) -> ExactValues {
        let episodes = self.episodes as f64;
        let (mut planner, mut random) = (Planner::default(), Planner::default());
        ExactValues {
            bayes_optimal: Exact::unknown(
                "the belief is about two probabilities and two rewards, all of them real numbers, \
                 and those that can be reached are not finitely many; compare with \
                 known_task_optimum, which bounds it from above",
            ),
            known_task_optimum: estimate::mean(self, self.work(), |task| {
                episodes * planner.optimum(task.model(), self.horizon)
            }),
            random: estimate::mean(self, self.work(), |task| {
                episodes * random.random(task.model(), self.horizon)
            }),
            ..ExactValues::default()
        }
    }
}
