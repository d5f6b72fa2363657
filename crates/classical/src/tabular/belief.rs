//! What a tabular learner knows of one MDP.

use crate::tabular::sizes::Sizes;
use rl_core::Stream;
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Distribution as _, Exp1, Gamma, StandardNormal};

/// Up to this count a Gamma number is drawn as a sum of exponential ones, which
/// is faster.
const FEW: f64 = 4.0;

/// What is believed of an MDP before anything was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prior {
    /// Expectation of every mean reward.
    pub(crate) mean: f64,
    /// How many observations it counts for: one over the variance of every
    /// mean reward, and the parameter of every next state in the Dirichlet
    /// distributions; at least [`Prior::LEAST`].
    pub(crate) weight: f64,
}

impl Prior {
    /// The least weight. With less, draws would be too small for numbers.
    pub(crate) const LEAST: f64 = 0.01;
}

/// The posterior of one MDP: independent Dirichlet distributions of the
/// transitions, and normal ones of the mean rewards, where rewards have the
/// known variance 1 (Osband, Russo and Van Roy 2013). These are the posteriors
/// of [`crate::posterior`], laid out so that those of all pairs are worked on
/// side by side. A terminated episode leads to an end, which has no weight in
/// the prior: it is believed possible only where it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Belief {
    sizes: Sizes,
    prior: Prior,
    counts: Vec<f64>,  // [states + 1][actions][states]: next state, or the end
    weights: Vec<f64>, // [actions][states], sums of `counts` over next states
    visits: Vec<f64>,  // [actions][states]
    gains: Vec<f64>,   // [actions][states], sums of rewards
    steps: u64,
}

/// One MDP that a learner plans in.
#[derive(Clone, Debug)]
pub(crate) struct Guess {
    /// Mean rewards. `[actions][states]`
    pub(crate) reward: Vec<f64>,
    /// Transition probabilities to each state, then to the end.
    /// `[states + 1][actions][states]`
    pub(crate) transition: Vec<f64>,
    sums: Vec<f64>, // [actions][states]
}

impl Belief {
    /// The prior.
    pub(crate) fn new(sizes: Sizes, prior: Prior) -> Self {
        let mut belief = Self {
            sizes,
            prior,
            counts: vec![0.0; sizes.transitions()],
            weights: vec![0.0; sizes.pairs()],
            visits: vec![0.0; sizes.pairs()],
            gains: vec![0.0; sizes.pairs()],
            steps: 0,
        };
        belief.clear();
        belief
    }

    /// Makes it the prior again.
    pub(crate) fn clear(&mut self) {
        let (states, end) = self
            .counts
            .split_at_mut(self.sizes.states * self.sizes.pairs());
        states.fill(self.prior.weight);
        end.fill(0.0);
        self.weights
            .fill(self.prior.weight * self.sizes.states as f64);
        self.visits.fill(0.0);
        self.gains.fill(0.0);
        self.steps = 0;
    }

    /// Learns from the reward of a pair; one that is not finite teaches
    /// nothing.
    pub(crate) fn see_reward(&mut self, pair: usize, reward: f64) {
        self.steps += 1;
        if reward.is_finite() {
            self.visits[pair] += 1.0;
            self.gains[pair] += reward;
        }
    }

    /// Learns where a pair led; the end is `states`.
    pub(crate) fn see_transition(&mut self, pair: usize, next: usize) {
        self.counts[next * self.sizes.pairs() + pair] += 1.0;
        self.weights[pair] += 1.0;
    }

    /// The sizes of the MDP.
    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// How many rewards each pair gave. `[actions][states]`
    pub(crate) fn visits(&self) -> &[f64] {
        &self.visits
    }

    /// Steps seen since the trial began.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    fn mean_rewards(&self, rewards: &mut [f64]) {
        let Prior { mean, weight } = self.prior;
        let seen = self.visits.iter().zip(&self.gains);
        for (reward, (visits, gain)) in rewards.iter_mut().zip(seen) {
            *reward = (weight * mean + gain) / (weight + visits);
        }
    }

    /// Writes the posterior mean of everything.
    pub(crate) fn mean(&self, guess: &mut Guess) {
        self.mean_rewards(&mut guess.reward);
        guess.transition.copy_from_slice(&self.counts);
        guess.sums.copy_from_slice(&self.weights);
        guess.normalize();
    }

    /// Draws an MDP from the posterior.
    pub(crate) fn sample(&self, guess: &mut Guess, rng: &mut Stream) {
        self.mean_rewards(&mut guess.reward);
        for (reward, visits) in guess.reward.iter_mut().zip(&self.visits) {
            let normal: f64 = rng.sample(StandardNormal);
            *reward += normal / (self.prior.weight + visits).sqrt();
        }
        for (draw, count) in guess.transition.iter_mut().zip(&self.counts) {
            *draw = gamma(*count, rng);
        }
        guess.sums.fill(0.0);
        for row in guess.transition.chunks_exact(self.sizes.pairs()) {
            for (sum, draw) in guess.sums.iter_mut().zip(row) {
                *sum += draw;
            }
        }
        guess.normalize();
    }
}

impl Guess {
    /// Room for one MDP.
    pub(crate) fn new(sizes: Sizes) -> Self {
        Self {
            reward: vec![0.0; sizes.pairs()],
            transition: vec![0.0; sizes.transitions()],
            sums: vec![0.0; sizes.pairs()],
        }
    }

    /// Divides every distribution by its sum.
    fn normalize(&mut self) {
        for sum in &mut self.sums {
            // An exponential number can round to 0, and it may be the only one.
            *sum = 1.0 / sum.max(f64::MIN_POSITIVE);
        }
        for row in self.transition.chunks_exact_mut(self.sums.len()) {
            for (p, scale) in row.iter_mut().zip(&self.sums) {
                *p *= scale;
            }
        }
    }
}

/// A draw from Gamma(count, 1), 0 for 0: a Dirichlet draw is a row of them,
/// divided by their sum. A count below 1 can give a draw too small for a
/// number, and all of a row may be such: the least number stands for it.
#[inline]
fn gamma(count: f64, rng: &mut Stream) -> f64 {
    if count > FEW || count.fract() != 0.0 {
        let gamma = Gamma::new(count, 1.0).expect("both are positive");
        return gamma.sample(rng).max(f64::MIN_POSITIVE);
    }
    let mut sum = 0.0;
    let mut left = count;
    while left > 0.0 {
        sum += rng.sample::<f64, _>(Exp1);
        left -= 1.0;
    }
    sum
}

#[cfg(test)]
#[path = "belief_tests.rs"]
mod tests;
