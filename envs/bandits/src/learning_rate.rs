//! How fast an agent learns in restless bandits, by how fast they drift.

use rl_core::{Actions, Analysis, Bar, Bars, Moments, Trials};

/// Trials of a kind are fitted in so many groups.
const GROUPS: usize = 10;
/// The fewest trials of a group.
const LEAST: usize = 5;
/// Rates that are tried, and how many times closer those around the best of them are.
const RATES: u32 = 50;
const CLOSER: i32 = 10;
/// Newton steps for the steepness of choices, and the most it may be.
const NEWTON_STEPS: usize = 20;
const STEEPEST: f64 = 200.0;
/// By how much a rule must explain choices better than chance does, in nats; a χ² of
/// two parameters exceeds twice that once in 400 times.
const TELLING: f64 = 6.0;

/// The analysis of Wang et al. 2016, section 3.1.3: whether the learning rate follows
/// the volatility, `low` or `high`.
pub(crate) fn analysis(low: f64, high: f64) -> Analysis {
    Analysis::new("learning-rate", move |trials| {
        let kinds: &[&str] = if low < high {
            &["slow", "fast"]
        } else {
            &["all"]
        };
        let Actions::Discrete(actions) = trials.trajectory.actions() else {
            return None;
        };
        let mut members: Vec<Vec<Vec<Pull>>> = vec![Vec::new(); kinds.len()];
        for lane in 0..trials.trajectory.lanes() {
            let fast = low < high && is_fast(trials.description(lane), low, high);
            members[usize::from(fast)].push(pulls(trials, actions, lane));
        }
        if members.iter().any(|trials| trials.len() < GROUPS * LEAST) {
            return None;
        }
        let bars = kinds.iter().zip(&members).map(|(kind, trials)| Bar {
            value: rate(trials),
            ..Bar::of(*kind, &Moments::default())
        });
        let bars = Bars {
            groups: vec![("drift of the arms".to_owned(), bars.collect())],
            top: None,
        };
        let caption = format!(
            "The rate α with which the delta rule v ← v + α (o − v) explains choices best, o \
             being which arm a pull spoke for, and choices a logistic function of v. Means over \
             {GROUPS} groups of trials, ± 1 standard error; none where the rule explains choices \
             no better than chance."
        );
        Some(bars.picture("Learning rate by volatility", caption))
    })
}

/// A pull: whether the first arm was pulled, and whether the pull spoke for it.
type Pull = (bool, bool);

fn pulls(trials: &Trials<'_>, actions: &[u32], lane: usize) -> Vec<Pull> {
    let (lanes, rewards) = (trials.trajectory.lanes(), trials.trajectory.rewards());
    let steps = 0..trials.trajectory.lengths()[lane];
    let pull = |t| {
        let first = actions[t * lanes + lane] == 0;
        (first, first == (rewards[t * lanes + lane] > 0.5))
    };
    steps.map(pull).collect()
}

/// Whether a path is more likely to have moved with the high standard deviation than
/// with the low one.
fn is_fast(path: &[f32], low: f64, high: f64) -> bool {
    let steps = path.windows(2).map(|pair| f64::from(pair[1] - pair[0]));
    let log_likelihood = |deviation: f64| -> f64 {
        let deviation = deviation.max(1e-6);
        let of = |step: f64| -0.5 * (step / deviation).powi(2) - deviation.ln();
        steps.clone().map(of).sum()
    };
    log_likelihood(high) > log_likelihood(low)
}

/// The mean rate over groups of trials, with its standard error, where most groups have
/// one.
fn rate(trials: &[Vec<Pull>]) -> Option<(f64, Option<f64>)> {
    let groups = trials.chunks_exact(trials.len() / GROUPS);
    let rates: Moments = groups.take(GROUPS).filter_map(fitted).collect();
    let most = rates.count() as usize > GROUPS / 2;
    most.then(|| (rates.mean(), Some(rates.standard_error())))
}

/// The most likely rate, if it is one that tells.
fn fitted(trials: &[Vec<Pull>]) -> Option<f64> {
    let mut steepness = 1.0;
    let mut likeliest = |rates: &mut dyn Iterator<Item = f64>| {
        let mut best = (f64::NEG_INFINITY, f64::NAN);
        for rate in rates {
            let margins = margins(trials, rate);
            steepness = steepest(&margins, steepness);
            let chosen = margins
                .iter()
                .map(|margin| -(-steepness * margin).exp().ln_1p());
            let likelihood: f64 = chosen.sum();
            if likelihood > best.0 {
                best = (likelihood, rate);
            }
        }
        best
    };
    let apart = 1.0 / f64::from(RATES);
    let (_, near) = likeliest(&mut (1..=RATES).map(|rate| f64::from(rate) * apart));
    let closer =
        (1 - CLOSER..CLOSER).map(|step| near + f64::from(step) * apart / f64::from(CLOSER));
    let (likelihood, rate) = likeliest(&mut closer.filter(|rate| *rate <= 1.0));
    let choices: usize = trials.iter().map(Vec::len).sum();
    let chance = -(choices as f64) * std::f64::consts::LN_2;
    (likelihood > chance + TELLING).then_some(rate)
}

/// How far the rule's value speaks for the arm that was chosen, at every choice.
fn margins(trials: &[Vec<Pull>], rate: f64) -> Vec<f64> {
    let mut margins = Vec::new();
    for trial in trials {
        let mut value = 0.5;
        for (first, speaks_for_first) in trial {
            let margin = value - 0.5;
            margins.push(if *first { margin } else { -margin });
            value += rate * (f64::from(u8::from(*speaks_for_first)) - value);
        }
    }
    margins
}

/// The steepness of choices that is most likely, from a guess on: of the best concave
/// likelihood.
fn steepest(margins: &[f64], guess: f64) -> f64 {
    let mut steepness: f64 = guess;
    for _ in 0..NEWTON_STEPS {
        let (mut slope, mut curvature) = (0.0, 1e-12);
        for margin in margins {
            let missed = 1.0 / (1.0 + (steepness * margin).exp());
            slope += margin * missed;
            curvature += margin * margin * missed * (1.0 - missed);
        }
        let moved = (steepness + slope / curvature).clamp(0.0, 2.0 * steepness + 1.0);
        let moved = moved.min(STEEPEST);
        let near = (moved - steepness).abs() < 1e-3 * steepness;
        steepness = moved;
        if near {
            break;
        }
    }
    steepness
}
