//! Gaussian bandits with independent arms.

use crate::board::Board;
use crate::gaussian_oracle::expected_maximum;
use crate::statistics::{ArmStatistics, best_arms};
use rl_core::StatisticsFactory;
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::StandardNormal;
use rl_core::{ActionSpace, Discrete, EnvSpec, Environment, Episode, Exact, ExactValues, Trial};
use rl_core::{
    EnvironmentEntry, ObservationSpace, Picture, Setting, SpecError, Step, Stream, TaskDistribution,
};
use std::sync::Arc;

/// Gaussian bandits: each arm pays a normally distributed reward around a mean
/// of its own, drawn from N(0, 1) for every task. A trial is one episode of
/// `pulls` pulls.
///
/// # Observations
/// None (a vector of size 0): what there is to know is the previous action and
/// its reward.
///
/// # Actions
/// The index of the arm to pull, `0..arms`.
///
/// # Reward
/// N(mean of the arm, `noise`²).
///
/// # Reference
/// Sutton and Barto 2018, "Reinforcement Learning: An Introduction", section
/// 2.3, the 10-armed testbed: 10 arms, noise 1, 1,000 pulls.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianBandit {
    arms: usize,
    pulls: usize,
    noise: f32,
    means: Means,
}

/// What the means of arms are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// N(0, 1).
    Normal,
    /// U[0, 1], as in Lee et al. 2023.
    Uniform,
}

const NAME: &str = "gaussian-bandit";

impl GaussianBandit {
    /// Arms to choose from.
    pub const ARMS: Setting = crate::arms(10, 1);
    /// Pulls of a trial.
    pub const PULLS: Setting = crate::pulls(100);
    /// Standard deviation of the rewards of an arm.
    pub const NOISE: Setting = Setting::number(
        "noise",
        1.0,
        0.0..=1000.0,
        "standard deviation of the rewards of an arm",
    );

    /// Bandits of so many [`ARMS`](Self::ARMS), [`PULLS`](Self::PULLS) and such
    /// [`NOISE`](Self::NOISE).
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(arms: usize, pulls: usize, noise: f64) -> Result<Self, SpecError> {
        Self::ARMS.check(NAME, arms)?;
        Self::PULLS.check(NAME, pulls)?;
        Self::NOISE.check(NAME, noise)?;
        Ok(Self {
            arms,
            pulls,
            noise: noise as f32,
            means: Means::Normal,
        })
    }

    /// The same bandits with means from another distribution.
    #[must_use]
    pub fn with_means(self, means: Means) -> Self {
        Self { means, ..self }
    }

    /// These bandits by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "arms that pay normally distributed rewards around a random mean";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (arms, pulls) = (set.count("arms")?, set.count("pulls")?);
            let means = match set.choice("means")? {
                "uniform" => Means::Uniform,
                _ => Means::Normal,
            };
            Ok(Self::new(arms, pulls, set.number("noise")?)?.with_means(means))
        })
        .setting(Self::ARMS)
        .setting(Self::PULLS)
        .setting(Self::NOISE)
        .choice(
            "means",
            &["normal", "uniform"],
            "what the arms' means are drawn from: N(0, 1) or U[0, 1]",
        )
    }
}

/// One task: the mean of each arm, and the noise of all.
#[derive(Clone, Debug, Default)]
pub struct GaussianArms {
    means: Vec<f32>,
    noise: f32,
}

impl Environment for GaussianArms {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _state: &mut (), _rng: &mut Stream) {}

    #[inline]
    fn step(&self, _state: &mut (), action: &u32, rng: &mut Stream) -> Step {
        let noise: f32 = rng.sample(StandardNormal);
        Step::proceed(self.means[*action as usize] + self.noise * noise)
    }

    fn observe(&self, _state: &(), _observation: &mut [f32]) {}

    /// Means and rewards beyond ±3, and ±3 with the noise, are drawn as these.
    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let bars = self.means.iter().map(|mean| (mean + 3.0) / 6.0).collect();
        let meaning = "the arm's mean, from −3 to 3";
        let widest = 3.0 * self.noise.hypot(1.0);
        let board = Board {
            rewards: [-widest, widest],
            ..Board::of_constant_arms(NAME, meaning, bars, episode)
        };
        Some(board.draw(episode))
    }
}

impl TaskDistribution for GaussianBandit {
    type Task = GaussianArms;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: self.arms },
            horizon: self.pulls,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut GaussianArms, rng: &mut Stream) {
        task.noise = self.noise;
        task.means.resize(self.arms, 0.0);
        match self.means {
            Means::Normal => task.means.fill_with(|| rng.sample(StandardNormal)),
            Means::Uniform => task.means.fill_with(|| rng.random()),
        }
    }

    fn task_bytes(&self) -> f64 {
        4.0 * self.arms as f64
    }

    fn description_size(&self) -> usize {
        self.arms
    }

    /// The arms' means.
    fn describe(&self, task: &GaussianArms, description: &mut [f32]) {
        description.copy_from_slice(&task.means);
    }

    fn known_task_action(
        &self,
        task: &GaussianArms,
        _at: (&(), usize),
        probabilities: &mut [f32],
    ) -> bool {
        best_arms(&task.means, probabilities)
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        // The prior's mean and deviation; a uniform one has those of U[0, 1].
        let (low, high, precision) = match self.means {
            Means::Normal => (-1.0, 1.0, 1.0),
            Means::Uniform => (0.0, 1.0, 12.0),
        };
        Some(Arc::new(ArmStatistics {
            arms: self.arms,
            low,
            high,
            weight: precision * self.noise * self.noise,
            coins: false,
        }))
    }

    fn known_task_optimum(&self, task: &GaussianArms) -> Option<f64> {
        let best = task.means.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Some(self.pulls as f64 * f64::from(best))
    }

    /// Random: the mean of all means. Known task: the expected largest of as many
    /// normal or uniform numbers as there are arms, of the former by numerical
    /// integration. Bayes-optimal: the mean where there is nothing to choose, with one
    /// arm or one pull.
    fn exact_values(&self) -> ExactValues {
        let arms = self.arms as f64;
        let (mean, largest) = match self.means {
            Means::Normal => (0.0, expected_maximum(self.arms)),
            Means::Uniform => (0.5, arms / (arms + 1.0)),
        };
        let nothing_to_choose = self.arms == 1 || self.pulls == 1;
        ExactValues {
            bayes_optimal: match nothing_to_choose {
                true => Exact::value(self.pulls as f64 * mean),
                false => Exact::unknown(
                    "what is known of an arm is its number of pulls and the mean of its rewards, \
                     a real number: with several arms and pulls, dynamic programming over these \
                     is only possible on a grid, which is not exact",
                ),
            },
            known_task_optimum: Exact::value(self.pulls as f64 * largest),
            random: Exact::value(self.pulls as f64 * mean),
            ..ExactValues::default()
        }
    }
}
