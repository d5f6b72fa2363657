//! Bandits with an arm that tells where the best one is.

use crate::board::Board;
use crate::informative_oracle::{Plan, Searcher};
use crate::policy::Optimal;
use crate::statistics::ArmStatistics;
use rl_core::StatisticsFactory;
use rl_core::rand::RngExt as _;
use rl_core::{ActionSpace, Discrete, EnvSpec, Environment, Episode, Exact, ExactValues, Trial};
use rl_core::{
    EnvironmentEntry, ObservationSpace, Picture, PolicyFactory, Setting, SpecError, Step, Stream,
    TaskDistribution,
};
use std::sync::Arc;

/// Bandits whose last arm pays little and tells which of the others, the
/// target, pays most. The target is drawn uniformly for every task; nothing
/// else is random. A trial is one episode of `pulls` pulls.
///
/// # Observations
/// None (a vector of size 0): what there is to know is the previous action and
/// its reward.
///
/// # Actions
/// The index of the arm to pull, `0..arms`; the last one is informative.
///
/// # Reward
/// 5 from the target, 1 from the other arms, and from the last arm a tenth of
/// the target's number, counted from 1.
///
/// # Reference
/// Wang et al. 2016, "Learning to Reinforcement Learn", section 3.1.2: 11
/// arms, 5 pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformativeArm {
    arms: usize,
    pulls: usize,
}

const NAME: &str = "informative-arm";

/// What the target pays.
pub(crate) const TARGET: f64 = 5.0;
/// What the arms pay that are neither the target nor informative.
pub(crate) const OTHER: f64 = 1.0;

/// What the informative arm pays if the target has an index, from 0.
pub(crate) fn hint(target: u32) -> f64 {
    f64::from(target + 1) / 10.0
}

impl InformativeArm {
    /// Arms to choose from; no more than the informative one can tell apart
    /// without paying more than the target.
    pub const ARMS: Setting =
        Setting::count("arms", 11, 2..=51, "arms, the informative one included");
    /// Pulls of a trial.
    pub const PULLS: Setting = crate::pulls(5);

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
        let summary = "one arm pays 5, the last tells which, the others pay 1 (Wang et al. 2016)";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            Ok(Self::new(set.count("arms")?, set.count("pulls")?)?)
        })
        .setting(Self::ARMS)
        .setting(Self::PULLS)
    }

    fn plan(&self) -> Plan {
        Plan::best(self.arms as u32 - 1, self.pulls)
    }
}

/// One task: where the target is.
#[derive(Clone, Debug, Default)]
pub struct HiddenTarget {
    /// Index of the informative arm.
    last: u32,
    target: u32,
}

impl HiddenTarget {
    /// What an arm pays.
    #[inline]
    fn pay(&self, arm: u32) -> f64 {
        if arm == self.target {
            TARGET
        } else if arm == self.last {
            hint(self.target)
        } else {
            OTHER
        }
    }
}

impl Environment for HiddenTarget {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _state: &mut (), _rng: &mut Stream) {}

    #[inline]
    fn step(&self, _state: &mut (), action: &u32, _rng: &mut Stream) -> Step {
        Step::proceed(self.pay(*action) as f32)
    }

    fn observe(&self, _state: &(), _observation: &mut [f32]) {}

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let share = |arm| (self.pay(arm) / TARGET) as f32;
        let bars = (0..=self.last).map(share).collect();
        let board = Board {
            rewards: [0.0, TARGET as f32],
            ..Board::of_constant_arms(NAME, "what the arm pays, up to 5", bars, episode)
        };
        Some(board.draw(episode))
    }
}

impl TaskDistribution for InformativeArm {
    type Task = HiddenTarget;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: self.arms },
            horizon: self.pulls,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut HiddenTarget, rng: &mut Stream) {
        let last = self.arms as u32 - 1;
        self.select(task, u64::from(rng.random_range(0..last)));
    }

    fn tasks(&self) -> Option<u64> {
        Some(self.arms as u64 - 1)
    }

    fn select(&self, task: &mut HiddenTarget, number: u64) {
        task.last = self.arms as u32 - 1;
        task.target = number as u32;
    }

    fn description_size(&self) -> usize {
        self.arms
    }

    /// What each arm pays.
    fn describe(&self, task: &HiddenTarget, description: &mut [f32]) {
        for (arm, number) in (0..).zip(description) {
            *number = task.pay(arm) as f32;
        }
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        Some(Arc::new(ArmStatistics {
            arms: self.arms,
            low: 0.0,
            high: TARGET as f32,
            weight: 1.0,
            coins: false,
        }))
    }

    fn known_task_optimum(&self, _task: &HiddenTarget) -> Option<f64> {
        Some(self.pulls as f64 * TARGET)
    }

    /// Random: the mean of what all arms pay, with the target in the middle.
    /// Known task: the target, always. Bayes-optimal: see
    /// [`Self::bayes_optimal_policy`].
    fn exact_values(&self) -> ExactValues {
        let (arms, pulls) = (self.arms as f64, self.pulls as f64);
        let rewards = self.plan().rewards(self.pulls);
        let sum = TARGET + (arms - 2.0) * OTHER + arms / 20.0;
        ExactValues {
            bayes_optimal: Exact::value(rewards.iter().sum()),
            known_task_optimum: Exact::value(pulls * TARGET),
            random: Exact::value(pulls * sum / arms),
            bayes_optimal_rewards: Some(rewards),
        }
    }

    /// Asks the informative arm at once where that is worth its price, as it is
    /// at the published size; else tries the others from the first on. Stays
    /// with the target as soon as it is known.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Ok(Box::new(Optimal {
            spec: self.spec(),
            rule: Searcher {
                plan: self.plan(),
                pulls: self.pulls as u32,
            },
        }))
    }
}
