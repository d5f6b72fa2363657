//! Two-armed Bernoulli bandits whose arms' probabilities add up to 1.

use crate::board::Board;
use crate::dependent_oracle::{self, Majority};
use crate::dependent_tasks::TwoPoints;
use crate::policy::Optimal;
use crate::statistics::{ArmStatistics, best_arms};
use rl_core::rand::RngExt as _;
use rl_core::{ActionSpace, Discrete, EnvSpec, Environment, Episode, Exact, ExactValues, Trial};
use rl_core::{
    EnvironmentEntry, ObservationSpace, Picture, PolicyFactory, Setting, SpecError, Step, Stream,
    TaskDistribution,
};
use rl_core::{KnownTasks, StatisticsFactory};
use std::sync::Arc;

/// Two arms, the first of which pays 1 with a probability p that is drawn for
/// every task, and the second with 1 − p: either arm tells of both. A trial is
/// one episode of `pulls` pulls.
///
/// # Observations
/// None (a vector of size 0): what there is to know is the previous action and
/// its reward.
///
/// # Actions
/// The index of the arm to pull, 0 or 1.
///
/// # Reward
/// 1 with the arm's probability, else 0.
///
/// # Reference
/// Wang et al. 2016, "Learning to Reinforcement Learn", section 3.1.1, with
/// 100 pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependentBandit {
    variant: Variant,
    pulls: usize,
}

/// Where the probability of the first arm is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// U\[0, 1\].
    Uniform,
    /// 0.1 or 0.9, equally often.
    Easy,
    /// 0.25 or 0.75, equally often.
    Medium,
    /// 0.4 or 0.6, equally often.
    Hard,
}

impl Variant {
    /// The probability of the better arm, where it is always the same.
    pub(crate) fn better(self) -> Option<f64> {
        match self {
            Self::Uniform => None,
            Self::Easy => Some(0.9),
            Self::Medium => Some(0.75),
            Self::Hard => Some(0.6),
        }
    }
}

const NAME: &str = "dependent-bandit";

impl DependentBandit {
    /// Pulls of a trial.
    pub const PULLS: Setting = crate::pulls(100);
    const VARIANT: Setting = Setting::choice(
        "variant",
        &["uniform", "easy", "medium", "hard"],
        "the better arm's probability: from U[0.5, 1], 0.9, 0.75 or 0.6",
    );

    /// Bandits of a variant and so many [`PULLS`](Self::PULLS).
    ///
    /// # Errors
    /// If the number of pulls is out of range.
    pub fn new(variant: Variant, pulls: usize) -> Result<Self, SpecError> {
        Self::PULLS.check(NAME, pulls)?;
        Ok(Self { variant, pulls })
    }

    /// These bandits by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "two arms whose probabilities to pay add up to 1 (Wang et al. 2016)";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let variant = match set.choice("variant")? {
                "easy" => Variant::Easy,
                "medium" => Variant::Medium,
                "hard" => Variant::Hard,
                _ => Variant::Uniform,
            };
            Ok(Self::new(variant, set.count("pulls")?)?)
        })
        .setting(Self::VARIANT)
        .setting(Self::PULLS)
    }
}

/// One task: the probability of the first arm.
#[derive(Clone, Debug, Default)]
pub struct DependentArms {
    first: f64,
}

impl DependentArms {
    /// The probability that an arm pays.
    #[inline]
    fn chance(&self, arm: u32) -> f64 {
        if arm == 0 {
            self.first
        } else {
            1.0 - self.first
        }
    }

    fn best(&self) -> f64 {
        self.first.max(1.0 - self.first)
    }
}

impl Environment for DependentArms {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _state: &mut (), _rng: &mut Stream) {}

    #[inline]
    fn step(&self, _state: &mut (), action: &u32, rng: &mut Stream) -> Step {
        let pays = rng.random::<f64>() < self.chance(*action);
        Step::proceed(f32::from(u8::from(pays)))
    }

    fn observe(&self, _state: &(), _observation: &mut [f32]) {}

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let bars = [0, 1].map(|arm| self.chance(arm) as f32).to_vec();
        let meaning = "the probability that the arm pays";
        Some(Board::of_constant_arms(NAME, meaning, bars, episode).draw(episode))
    }
}

impl TaskDistribution for DependentBandit {
    type Task = DependentArms;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: self.pulls,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut DependentArms, rng: &mut Stream) {
        let u: f64 = rng.random();
        task.first = match self.variant.better() {
            None => u,
            Some(better) if u < 0.5 => better,
            Some(better) => 1.0 - better,
        };
    }

    fn tasks(&self) -> Option<u64> {
        self.variant.better().map(|_| 2)
    }

    fn select(&self, task: &mut DependentArms, number: u64) {
        if let Some(better) = self.variant.better() {
            task.first = if number == 0 { better } else { 1.0 - better };
        }
    }

    fn description_size(&self) -> usize {
        2
    }

    /// The arms' probabilities.
    fn describe(&self, task: &DependentArms, description: &mut [f32]) {
        for (arm, number) in (0..).zip(description) {
            *number = task.chance(arm) as f32;
        }
    }

    fn known_task_action(
        &self,
        task: &DependentArms,
        _at: (&(), usize),
        probabilities: &mut [f32],
    ) -> bool {
        best_arms(&[task.first as f32, 1.0 - task.first as f32], probabilities)
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        Some(Arc::new(ArmStatistics {
            coins: false,
            ..ArmStatistics::of_coins(2)
        }))
    }

    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String> {
        let pulls = self.pulls;
        match self.variant.better() {
            Some(better) => Ok(Arc::new(TwoPoints { better, pulls })),
            None => Err("its tasks are infinitely many: set variant=easy, medium or hard".into()),
        }
    }

    fn known_task_optimum(&self, task: &DependentArms) -> Option<f64> {
        Some(self.pulls as f64 * task.best())
    }

    /// Random: half of the pulls pay. Known task: the better arm pays 3/4 on
    /// average under U\[0, 1\]. Bayes-optimal: in closed form, see
    /// [`Self::bayes_optimal_policy`].
    fn exact_values(&self) -> ExactValues {
        let pulls = self.pulls as f64;
        let rewards = dependent_oracle::rewards(self.variant, self.pulls);
        ExactValues {
            bayes_optimal: Exact::value(rewards.iter().sum()),
            known_task_optimum: Exact::value(pulls * self.variant.better().unwrap_or(0.75)),
            random: Exact::value(pulls / 2.0),
            bayes_optimal_rewards: Some(rewards),
        }
    }

    /// Pulls the arm that more pulls have spoken for, the first one if both
    /// are equal. That is optimal: what a pull tells does not depend on the
    /// arm, so there is nothing to explore for.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Ok(Box::new(Optimal {
            spec: self.spec(),
            rule: Majority {
                variant: self.variant,
            },
        }))
    }
}
