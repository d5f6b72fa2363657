//! Bernoulli bandits with independent arms.

use crate::bernoulli_oracle;
use crate::bernoulli_policy::BayesOptimal;
use crate::board::Board;
use crate::statistics::{ArmStatistics, best_arms};
use rl_core::StatisticsFactory;
use rl_core::rand::RngExt as _;
use rl_core::{ActionSpace, Discrete, EnvSpec, Environment, Episode, Exact, ExactValues, Trial};
use rl_core::{
    EnvironmentEntry, ObservationSpace, Picture, PolicyFactory, Setting, SpecError, Step, Stream,
    TaskDistribution,
};
use std::sync::Arc;

/// Bernoulli bandits: each arm pays 1 with a probability of its own, drawn
/// from U\[0, 1\] for every task. A trial is one episode of `pulls` pulls.
///
/// # Observations
/// None (a vector of size 0): what there is to know is the previous action and
/// its reward.
///
/// # Actions
/// The index of the arm to pull, `0..arms`.
///
/// # Reward
/// 1 with the arm's probability, else 0.
///
/// # Reference
/// Duan et al. 2016, "RL²: Fast Reinforcement Learning via Slow Reinforcement
/// Learning", section 3.1 and table 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BernoulliBandit {
    arms: usize,
    pulls: usize,
}

const NAME: &str = "bernoulli-bandit";

impl BernoulliBandit {
    /// Arms to choose from.
    pub const ARMS: Setting = crate::arms(5, 1);
    /// Pulls of a trial.
    pub const PULLS: Setting = crate::pulls(10);

    /// Bandits of so many [`ARMS`](Self::ARMS) and [`PULLS`](Self::PULLS).
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(arms: usize, pulls: usize) -> Result<Self, SpecError> {
        Self::ARMS.check(NAME, arms)?;
        Self::PULLS.check(NAME, pulls)?;
        Ok(Self { arms, pulls })
    }

    /// These bandits by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "arms that pay 1 with a probability of their own, drawn from U[0, 1]";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            Ok(Self::new(set.count("arms")?, set.count("pulls")?)?)
        })
        .setting(Self::ARMS)
        .setting(Self::PULLS)
    }
}

/// One task: the probability of each arm.
#[derive(Clone, Debug, Default)]
pub struct Arms {
    means: Vec<f32>,
}

impl Environment for Arms {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _state: &mut (), _rng: &mut Stream) {}

    #[inline]
    fn step(&self, _state: &mut (), action: &u32, rng: &mut Stream) -> Step {
        let pays = rng.random::<f32>() < self.means[*action as usize];
        Step::proceed(f32::from(u8::from(pays)))
    }

    fn observe(&self, _state: &(), _observation: &mut [f32]) {}

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let meaning = "the probability that the arm pays";
        Some(Board::of_constant_arms(NAME, meaning, self.means.clone(), episode).draw(episode))
    }
}

impl TaskDistribution for BernoulliBandit {
    type Task = Arms;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: self.arms },
            horizon: self.pulls,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Arms, rng: &mut Stream) {
        task.means.resize(self.arms, 0.0);
        task.means.fill_with(|| rng.random());
    }

    fn task_bytes(&self) -> f64 {
        4.0 * self.arms as f64
    }

    fn solution_bytes(&self) -> f64 {
        bernoulli_oracle::bytes(self.arms, self.pulls)
    }

    fn description_size(&self) -> usize {
        self.arms
    }

    /// The arms' probabilities.
    fn describe(&self, task: &Arms, description: &mut [f32]) {
        description.copy_from_slice(&task.means);
    }

    fn known_task_action(&self, task: &Arms, _at: (&(), usize), probabilities: &mut [f32]) -> bool {
        best_arms(&task.means, probabilities)
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        Some(Arc::new(ArmStatistics::of_coins(self.arms)))
    }

    fn known_task_optimum(&self, task: &Arms) -> Option<f64> {
        let best = task.means.iter().copied().fold(0.0, f32::max);
        Some(self.pulls as f64 * f64::from(best))
    }

    /// Random: half of the pulls pay. Known task: the largest of k uniform
    /// numbers is k/(k+1) on average. Bayes-optimal: see
    /// [`Self::bayes_optimal_policy`].
    fn exact_values(&self) -> ExactValues {
        let (arms, pulls) = (self.arms as f64, self.pulls as f64);
        let (best, rewards) = match bernoulli_oracle::value(self.arms, self.pulls) {
            Ok((value, rewards)) => (Exact::value(value), rewards),
            Err(why) => (Exact::unknown(why), None),
        };
        ExactValues {
            bayes_optimal: best,
            known_task_optimum: Exact::value(pulls * arms / (arms + 1.0)),
            random: Exact::value(pulls / 2.0),
            bayes_optimal_rewards: rewards,
        }
    }

    /// Pulls the arm of the highest Bayes-adaptive value, by dynamic
    /// programming over the arms' counts of successes and failures (which are
    /// a sufficient statistic under the uniform prior). Of arms with equal
    /// counts it pulls the lowest; of kinds of arms with equal value the one
    /// pulled most.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        let policy = BayesOptimal::new(self.arms, self.pulls, self.spec())?;
        Ok(Box::new(policy))
    }
}
