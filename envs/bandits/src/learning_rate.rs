//! How fast an agent learns in restless bandits, by how fast they drift.

use rl_core::{Actions, Analysis, Bar, Bars, Moments, Trials};

/// The analysis of Wang et al. 2016, section 3.1.3: whether the learning rate follows
/// the volatility.
pub(crate) const ANALYSIS: Analysis = Analysis {
    name: "learning-rate",
    draw: |trials| {
        let rates = LearningRates::of(trials)?;
        let bars = [("slow", rates.slow), ("fast", rates.fast)];
        let bars = bars.map(|(name, rates)| Bar::of(name, &rates));
        let groups = vec![("drift of the arms".to_owned(), bars.to_vec())];
        Ok(Bars { groups, top: None }.picture(
            "Learning rate by volatility",
            format!(
                "The rate α with which the delta rule v ← v + α (o − v) explains choices best, o \
                 being which arm a pull spoke for, and choices a logistic function of v. Means \
                 over groups of {GROUP} trials, ± 1 standard error."
            ),
        ))
    },
};

/// Trials that one rate is fitted to.
const GROUP: usize = 50;
/// Rates that are tried.
const RATES: u32 = 100;
/// Newton steps for the steepness of choices, and the most it may be.
const NEWTON_STEPS: usize = 20;
const STEEPEST: f64 = 200.0;

/// Rates of groups of trials whose arms drift slowly, and fast.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LearningRates {
    pub(crate) slow: Moments,
    pub(crate) fast: Moments,
}

/// A pull: whether the first arm was pulled, and whether the pull spoke for it.
type Pull = (bool, bool);

impl LearningRates {
    /// # Errors
    /// If actions are not those of two arms, or tasks do not say how they drift.
    pub(crate) fn of(trials: &Trials<'_>) -> Result<Self, String> {
        let trajectory = trials.trajectory;
        let (lanes, rewards) = (trajectory.lanes(), trajectory.rewards());
        let Actions::Discrete(actions) = trajectory.actions() else {
            return Err("continuous actions; a restless bandit's are two arms".into());
        };
        let pulls = |lane: usize| -> Vec<Pull> {
            let steps = 0..trajectory.lengths()[lane];
            let pull = |t| {
                let first = actions[t * lanes + lane] == 0;
                (first, first == (rewards[t * lanes + lane] > 0.5))
            };
            steps.map(pull).collect()
        };
        let speeds: Vec<f64> = (0..lanes)
            .map(|lane| speed(trials.description(lane)))
            .collect();
        let least = speeds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = speeds.iter().copied().fold(0.0, f64::max);
        if speeds.iter().any(|speed| !speed.is_finite()) {
            return Err(
                "tasks of no description; a restless bandit's is the path of its first \
                        arm's probability"
                    .into(),
            );
        }
        let mut rates = Self::default();
        for (of, fast) in [(&mut rates.slow, false), (&mut rates.fast, true)] {
            let of_kind = (0..lanes).filter(|lane| (speeds[*lane] > (least + most) / 2.0) == fast);
            let kind: Vec<Vec<Pull>> = of_kind.map(pulls).collect();
            for group in kind.chunks_exact(GROUP) {
                of.push(fitted(group));
            }
        }
        Ok(rates)
    }
}

/// The root of the mean square of a path's steps.
fn speed(path: &[f32]) -> f64 {
    let steps = path
        .windows(2)
        .map(|pair| f64::from(pair[1] - pair[0]).powi(2));
    (steps.sum::<f64>() / (path.len() as f64 - 1.0)).sqrt()
}

/// The most likely rate.
fn fitted(trials: &[Vec<Pull>]) -> f64 {
    let rates = (1..=RATES).map(|rate| f64::from(rate) / f64::from(RATES));
    let likelihood = |rate: &f64| log_likelihood(trials, *rate);
    let likeliest = rates
        .map(|rate| (likelihood(&rate), rate))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    likeliest.map_or(f64::NAN, |(_, rate)| rate)
}

/// Of a rate, with the steepness of choices that suits it best.
fn log_likelihood(trials: &[Vec<Pull>], rate: f64) -> f64 {
    // How far v speaks for the arm that was chosen, at every choice.
    let mut margins = Vec::new();
    for trial in trials {
        let mut value = 0.5;
        for (first, speaks_for_first) in trial {
            let margin = value - 0.5;
            margins.push(if *first { margin } else { -margin });
            value += rate * (f64::from(u8::from(*speaks_for_first)) - value);
        }
    }
    let mut steepness = 1.0;
    for _ in 0..NEWTON_STEPS {
        let (mut slope, mut curvature) = (0.0, 1e-12);
        for margin in &margins {
            let missed = 1.0 / (1.0 + (steepness * margin).exp());
            slope += margin * missed;
            curvature += margin * margin * missed * (1.0 - missed);
        }
        steepness = (steepness + slope / curvature).clamp(0.0, STEEPEST.min(2.0 * steepness + 1.0));
    }
    let chosen = margins
        .iter()
        .map(|margin| -(-steepness * margin).exp().ln_1p());
    chosen.sum()
}
