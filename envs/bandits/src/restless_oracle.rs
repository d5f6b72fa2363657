//! The Bayes-optimal agent of restless bandits.
//!
//! A pull speaks for the arm if it paid and for the other arm if it did not.
//! It speaks for the first arm with that arm's probability p, whichever arm is
//! pulled, so that nothing is gained by exploring: the arm of the higher
//! expected probability is optimal. That expectation is over the belief
//! b(p, σ), which starts as the prior, is multiplied by p or 1 − p when a pull
//! speaks for the first or the second arm, and spreads when p moves. Reflected
//! normal steps turn cos(jπp) into exp(−(jπσ)²/2) cos(jπp), which spreads a
//! belief given at the midpoints of a grid without any error but that of the
//! grid itself.
//!
//! There are as many beliefs as histories, so the value is a mean over sampled
//! trials: what an agent earns that knows the path, which is 3/4 of all pulls on
//! average, less the mean of what is lost to it, which varies least. A pull of
//! the worse arm loses |p − (1 − p)|.

use crate::policy::Rule;
use crate::restless_bandit::RestlessBandit;
use rl_core::{Domain, Environment as _, Exact, Moments, Purpose, StreamKey, TaskDistribution};
use std::f64::consts::PI;
use std::sync::Arc;

/// Points of the grid for p. With twice as many the expectation of p changes by
/// less than 1e-3 after any history of 100 pulls that was tried, and what is
/// lost to an agent that knows the path by less than one per cent.
const POINTS: usize = 64;

/// Pulls that are simulated for a value, about a second on one core.
const STEPS: usize = 200_000;
/// The fewest trials that a mean is taken over, and the most.
const FEWEST: usize = 100;
const MOST: usize = 10_000;

/// What is needed to follow beliefs.
#[derive(Clone)]
pub(crate) struct Filter {
    points: usize,
    /// How a belief spreads, for both volatilities. `[2][points][points]`
    spread: Arc<[f64]>,
}

/// Probabilities of the points of both volatilities; empty for the prior.
/// `[2][points]`
#[derive(Clone, Debug, Default)]
pub(crate) struct Belief {
    weights: Vec<f64>,
    scratch: Vec<f64>,
}

impl Filter {
    pub(crate) fn new(volatilities: [f64; 2]) -> Self {
        Self::on_grid(volatilities, POINTS)
    }

    fn on_grid(volatilities: [f64; 2], points: usize) -> Self {
        let mut spread = Vec::with_capacity(2 * points * points);
        for volatility in volatilities {
            for from in 0..points {
                for to in 0..points {
                    spread.push(chance(volatility, points, from, to));
                }
            }
        }
        Self {
            points,
            spread: spread.into(),
        }
    }

    /// The place of a point.
    fn place(&self, point: usize) -> f64 {
        (point as f64 + 0.5) / self.points as f64
    }

    /// The expected probability of the first arm.
    fn first(&self, belief: &Belief) -> f64 {
        let weights = belief.weights.iter().enumerate();
        let terms = weights.map(|(index, weight)| weight * self.place(index % self.points));
        match belief.weights.is_empty() {
            true => 0.5,
            false => terms.sum(),
        }
    }

    /// Takes in which arm a pull spoke for, and that time has passed since.
    fn update(&self, belief: &mut Belief, for_first: bool) {
        let n = self.points;
        if belief.weights.is_empty() {
            belief.weights.resize(2 * n, 0.5 / n as f64);
            belief.scratch.resize(n, 0.0);
        }
        let mut total = 0.0;
        for (index, weight) in belief.weights.iter_mut().enumerate() {
            let p = self.place(index % n);
            *weight *= if for_first { p } else { 1.0 - p };
            total += *weight;
        }
        let halves = belief.weights.chunks_exact_mut(n);
        for (weights, spread) in halves.zip(self.spread.chunks_exact(n * n)) {
            belief.scratch.fill(0.0);
            for (weight, row) in weights.iter().zip(spread.chunks_exact(n)) {
                for (to, share) in belief.scratch.iter_mut().zip(row) {
                    *to += weight / total * share;
                }
            }
            weights.copy_from_slice(&belief.scratch);
        }
    }
}

/// How much of a point's probability goes to another one: 1/n of the density
/// of the reflected normal step, by its cosine series.
fn chance(volatility: f64, points: usize, from: usize, to: usize) -> f64 {
    let n = points as f64;
    let place = |point: usize| PI * (point as f64 + 0.5) / n;
    let term = |j: usize| {
        let j = j as f64;
        let decay = (-(j * PI * volatility).powi(2) / 2.0).exp();
        2.0 * decay * (j * place(from)).cos() * (j * place(to)).cos()
    };
    (1.0 + (1..points).map(term).sum::<f64>()) / n
}

impl Rule for Filter {
    type Memory = Belief;

    fn forget(&self, belief: &mut Belief) {
        belief.weights.clear(); // Its room is kept.
    }

    fn learn(&self, belief: &mut Belief, arm: u32, reward: f32) {
        self.update(belief, (arm == 0) == (reward > 0.5));
    }

    fn choose(&self, belief: &Belief) -> u32 {
        u32::from(self.first(belief) < 0.5)
    }

    /// What is learned does not depend on the arm: its next reward alone does.
    fn evaluate(&self, belief: &Belief, values: &mut [f64]) {
        let first = self.first(belief);
        values.copy_from_slice(&[first, 1.0 - first]);
    }
}

/// The Bayes-optimal expected return, from sampled trials.
pub(crate) fn value(bandit: &RestlessBandit, filter: &Filter, pulls: usize) -> Exact {
    let trials = (STEPS / pulls).min(MOST);
    if trials < FEWEST {
        return Exact::unknown(format!(
            "it is estimated from at least {FEWEST} simulated trials, of up to {} pulls each: take \
             fewer pulls",
            STEPS / FEWEST
        ));
    }
    let lost = lost(bandit, filter, pulls, trials);
    Exact::Estimated {
        value: 0.75 * pulls as f64 - lost.mean(),
        standard_error: lost.standard_error(),
        samples: lost.count(),
    }
}

/// What is lost in sampled trials to an agent that knows the path.
fn lost(bandit: &RestlessBandit, filter: &Filter, pulls: usize, trials: usize) -> Moments {
    let key = StreamKey::new(0, Domain::Tuning, 0);
    let (mut task, mut state) = Default::default();
    let mut belief = Belief::default();
    let trial = |trial: u64| {
        bandit.sample(&mut task, &mut key.lane(Purpose::Task, trial));
        let mut rng = key.lane(Purpose::Dynamics, trial);
        task.reset(&mut state, &mut rng);
        filter.forget(&mut belief);
        let mut lost = 0.0;
        for _ in 0..pulls {
            let arm = filter.choose(&belief);
            let [own, other] = match arm {
                0 => [state.at, 1.0 - state.at],
                _ => [1.0 - state.at, state.at],
            };
            lost += (other - own).max(0.0);
            let reward = task.step(&mut state, &arm, &mut rng).reward;
            filter.learn(&mut belief, arm, reward);
        }
        lost
    };
    (0..trials as u64).map(trial).collect()
}

#[cfg(test)]
#[path = "restless_oracle_tests.rs"]
mod tests;
