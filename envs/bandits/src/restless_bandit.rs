//! Two-armed bandits whose probabilities drift, fast or slowly.

use crate::board::{Board, MOST_PULLS};
use crate::drift::{Drift, Walk};
use crate::learning_rate;
use crate::policy::Optimal;
use crate::restless_oracle::{self, Filter};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Analysis, Discrete, EnvSpec, Environment, Episode, Exact, ExactValues, Trial,
};
use rl_core::{
    EnvironmentEntry, ObservationSpace, Picture, PolicyFactory, Setting, SpecError, Step, Stream,
    TaskDistribution,
};

/// Two arms whose probabilities change from pull to pull. The first arm pays 1
/// with a probability p, the second with 1 − p. At first p is drawn from
/// U\[0, 1\]; after every pull it moves by a number from N(0, σ²), and is
/// reflected at 0 and 1. The volatility σ is `low` or `high` with equal
/// probability, for a whole trial, and hidden. The path of p belongs to the
/// task: it does not depend on what is pulled. A trial is one episode of
/// `pulls` pulls.
///
/// # Observations
/// None (a vector of size 0): what there is to know is the previous action and
/// its reward.
///
/// # Actions
/// The index of the arm to pull, 0 or 1.
///
/// # Reward
/// 1 with the arm's present probability, else 0.
///
/// # Reference
/// Wang et al. 2016, "Learning to Reinforcement Learn", section 3.1.3: two
/// arms that drift slowly in some episodes and fast in others. The sizes of
/// the steps, and what happens at 0 and 1, are choices of this library.
#[derive(Clone, Debug, PartialEq)]
pub struct RestlessBandit {
    pulls: usize,
    low: f64,
    high: f64,
}

const NAME: &str = "restless-bandit";

impl RestlessBandit {
    /// Pulls of a trial.
    pub const PULLS: Setting = crate::pulls(100);
    /// Standard deviation of a step of the probability in slow trials.
    pub const LOW: Setting = Setting::number(
        "low",
        0.02,
        0.0..=1.0,
        "standard deviation of a step of the probability in slow trials, at most high",
    );
    /// Standard deviation of a step of the probability in fast trials.
    pub const HIGH: Setting = Setting::number(
        "high",
        0.1,
        0.0..=1.0,
        "standard deviation of a step of the probability in fast trials",
    );

    /// Bandits of so many [`PULLS`](Self::PULLS), with steps of standard deviation
    /// [`LOW`](Self::LOW) or [`HIGH`](Self::HIGH), in this order.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(pulls: usize, low: f64, high: f64) -> Result<Self, SpecError> {
        Self::PULLS.check(NAME, pulls)?;
        Self::LOW.check(NAME, low)?;
        Self::HIGH.check(NAME, high)?;
        if low > high {
            let allowed = format!("at most high = {high}");
            return Err(SpecError::new(NAME, "low", low, &allowed));
        }
        Ok(Self { pulls, low, high })
    }

    /// These bandits by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "two arms whose probabilities drift, slowly or fast (Wang et al. 2016)";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (low, high) = (set.number("low")?, set.number("high")?);
            Ok(Self::new(set.count("pulls")?, low, high)?)
        })
        .setting(Self::PULLS)
        .setting(Self::LOW)
        .setting(Self::HIGH)
    }

    fn filter(&self) -> Filter {
        Filter::new([self.low, self.high])
    }
}

/// One task: the path of the first arm's probability.
#[derive(Clone, Debug, Default)]
pub struct DriftingArms {
    walk: Walk,
    pulls: u32,
}

impl DriftingArms {
    /// The probability of the first arm at every pull of a trial.
    fn path(&self) -> impl Iterator<Item = f64> {
        self.walk.path().take(self.pulls as usize)
    }
}

impl Environment for DriftingArms {
    type State = Drift;
    type Action = Discrete;

    fn reset(&self, state: &mut Drift, _rng: &mut Stream) {
        *state = self.walk.begin();
    }

    #[inline]
    fn step(&self, state: &mut Drift, action: &u32, rng: &mut Stream) -> Step {
        let chance = match action {
            0 => state.at,
            _ => 1.0 - state.at,
        };
        let pays = rng.random::<f64>() < chance;
        self.walk.advance(state);
        Step::proceed(f32::from(u8::from(pays)))
    }

    fn observe(&self, _state: &Drift, _observation: &mut [f32]) {}

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let mean = self.path().sum::<f64>() / f64::from(self.pulls.max(1));
        let best = |first| u32::from(first < 0.5);
        let board = Board {
            title: NAME,
            bars: vec![mean as f32, 1.0 - mean as f32],
            meaning: "the arm's probability to pay, on average over the trial",
            best: self.path().take(MOST_PULLS).map(best).collect(),
            rewards: [0.0, 1.0],
        };
        Some(board.draw(episode))
    }
}

impl TaskDistribution for RestlessBandit {
    type Task = DriftingArms;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: self.pulls,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut DriftingArms, rng: &mut Stream) {
        *task = DriftingArms {
            walk: Walk {
                start: rng.random(),
                volatility: if rng.random() { self.high } else { self.low },
                seed: rng.random(),
            },
            pulls: self.pulls as u32,
        };
    }

    fn description_size(&self) -> usize {
        self.pulls
    }

    /// The first arm's probability at every pull.
    fn describe(&self, task: &DriftingArms, description: &mut [f32]) {
        for (number, first) in description.iter_mut().zip(task.path()) {
            *number = first as f32;
        }
    }

    /// Of an agent that knows the path.
    fn known_task_optimum(&self, task: &DriftingArms) -> Option<f64> {
        Some(task.path().map(|first| first.max(1.0 - first)).sum())
    }

    /// Random: half of the pulls pay. Known task: reflected steps keep a
    /// uniform number uniform, so that the better arm pays 3/4 on average at
    /// every pull. Bayes-optimal: over sampled trials, see
    /// [`Self::bayes_optimal_policy`].
    fn exact_values(&self) -> ExactValues {
        let pulls = self.pulls as f64;
        ExactValues {
            bayes_optimal: restless_oracle::value(self, &self.filter(), self.pulls),
            known_task_optimum: Exact::value(0.75 * pulls),
            random: Exact::value(pulls / 2.0),
            ..ExactValues::default()
        }
    }

    /// Pulls the arm that is more probably the better one, given all rewards
    /// so far. That is optimal: what a pull tells does not depend on the arm,
    /// so there is nothing to explore for. The belief over p and σ is kept on
    /// a grid that is fine enough not to matter.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Ok(Box::new(Optimal {
            spec: self.spec(),
            rule: self.filter(),
        }))
    }

    fn analyses(&self) -> Vec<Analysis> {
        vec![learning_rate::analysis(self.low, self.high)]
    }
}
