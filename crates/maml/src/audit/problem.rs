//! A problem so small that all its episodes can be written down.

use crate::samples::{ActionRows, Samples};
use kernels::mlp::{Acts, Cache, Mlp, Tangent};
use rl_core::Stream;
use rl_core::rand::RngExt as _;

/// States, each shown to the policy as a one-hot row; episodes begin in the
/// first.
pub(super) const STATES: usize = 2;
/// Actions.
pub(super) const ACTIONS: usize = 2;
/// Pairs of a state and an action, `state × ACTIONS + action`.
pub(super) const PAIRS: usize = STATES * ACTIONS;

/// What returns are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditBaseline {
    /// Nothing.
    None,
    /// The discounted value of the policy that acts, at each step and state:
    /// what a perfect baseline says. To the estimators it is a constant.
    Exact,
}

/// How advantages are estimated: A[t] = δ[t] + γλ A[t+1] with the residual
/// δ[t] = r[t] + γ V[t+1] − V[t].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Credit {
    /// γ
    pub(super) gamma: f64,
    /// λ
    pub(super) lambda: f64,
    /// V
    pub(super) baseline: AuditBaseline,
}

impl Credit {
    /// γλ
    pub(super) fn decay(self) -> f64 {
        self.gamma * self.lambda
    }

    /// What later rewards are discounted by, per step, in the expectation of an
    /// advantage given state and action. Where V is exact that is γ whatever λ:
    /// later residuals are 0 on average.
    pub(super) fn discount(self) -> f64 {
        match self.baseline {
            AuditBaseline::None => self.decay(),
            AuditBaseline::Exact => self.gamma,
        }
    }
}

/// What can happen in a task from its beginning to its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Episode {
    /// State and action of each step, as a pair. `[horizon]`
    pub(super) pairs: Vec<usize>,
    /// Probability of its transitions if its actions are taken.
    pub(super) chance: f64,
}

/// A task as the list of all its episodes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    /// Steps of every episode.
    pub(super) horizon: usize,
    /// Reward of each pair.
    rewards: [f64; PAIRS],
    /// Probability of the second state after each pair.
    second: [f64; PAIRS],
    /// All that can happen. `[(STATES × ACTIONS)^horizon / STATES]`
    pub(super) episodes: Vec<Episode>,
}

impl Task {
    /// Draws a task: the reward of each pair from −1 to 1, the probability of
    /// the second state after it from 0.05 to 0.95.
    pub(super) fn draw(horizon: usize, stream: &mut Stream) -> Self {
        let rewards: [f64; PAIRS] = std::array::from_fn(|_| stream.random_range(-1.0..1.0));
        let second: [f64; PAIRS] = std::array::from_fn(|_| stream.random_range(0.05..0.95));
        let mut episodes = Vec::new();
        // A digit per step: the state, which is the first one at first, and the
        // action.
        for code in 0..PAIRS.pow(horizon as u32) / STATES {
            let digit = |t: u32| code / PAIRS.pow(t) % PAIRS;
            // The last digit comes first: its state is the one divided out.
            let pairs: Vec<usize> = (0..horizon as u32).rev().map(digit).collect();
            let moves = pairs.windows(2).map(|pair| match pair[1] / ACTIONS {
                0 => 1.0 - second[pair[0]],
                _ => second[pair[0]],
            });
            let chance = moves.product();
            episodes.push(Episode { pairs, chance });
        }
        Self {
            horizon,
            rewards,
            second,
            episodes,
        }
    }

    /// Probability of each episode under a policy. `[episodes]`
    pub(super) fn probabilities(&self, log_probs: &[f64; PAIRS]) -> Vec<f64> {
        let of = |episode: &Episode| {
            let sum: f64 = episode.pairs.iter().map(|pair| log_probs[*pair]).sum();
            episode.chance * sum.exp()
        };
        self.episodes.iter().map(of).collect()
    }

    /// Sum of an episode's rewards from each step on, discounted. `[horizon]`
    pub(super) fn returns(&self, episode: usize, discount: f64) -> Vec<f64> {
        let pairs = &self.episodes[episode].pairs;
        let mut returns: Vec<f64> = pairs.iter().map(|pair| self.rewards[*pair]).collect();
        for t in (1..self.horizon).rev() {
            returns[t - 1] += discount * returns[t];
        }
        returns
    }

    /// Discounted return of an episode per step.
    pub(super) fn earned(&self, episode: usize, gamma: f64) -> f64 {
        self.returns(episode, gamma)[0] / self.horizon as f64
    }

    /// V of each step and state under a policy; 0 without a baseline.
    /// `[horizon + 1][STATES]`
    fn values(&self, log_probs: &[f64; PAIRS], credit: Credit) -> Vec<[f64; STATES]> {
        let mut values = vec![[0.0; STATES]; self.horizon + 1];
        if credit.baseline == AuditBaseline::None {
            return values;
        }
        for t in (0..self.horizon).rev() {
            for (pair, log_prob) in log_probs.iter().enumerate() {
                let second = self.second[pair];
                let next = (1.0 - second) * values[t + 1][0] + second * values[t + 1][1];
                let worth = self.rewards[pair] + credit.gamma * next;
                values[t][pair / ACTIONS] += log_prob.exp() * worth;
            }
        }
        values
    }

    /// Advantages of every episode under a policy. `[episodes][horizon]`
    pub(super) fn advantages(&self, log_probs: &[f64; PAIRS], credit: Credit) -> Vec<Vec<f64>> {
        let values = self.values(log_probs, credit);
        let of = |episode: &Episode| {
            let mut advantages = vec![0.0; self.horizon];
            let mut later = 0.0;
            for t in (0..self.horizon).rev() {
                let pair = episode.pairs[t];
                let next = match episode.pairs.get(t + 1) {
                    Some(pair) => values[t + 1][pair / ACTIONS],
                    None => 0.0,
                };
                let target = self.rewards[pair] + credit.gamma * next;
                later = target - values[t][pair / ACTIONS] + credit.decay() * later;
                advantages[t] = later;
            }
            advantages
        };
        self.episodes.iter().map(of).collect()
    }

    /// Makes samples of episodes of a policy, each with what its advantages are
    /// multiplied by.
    pub(super) fn fill(
        &self,
        chosen: impl Iterator<Item = (usize, f64)>,
        log_probs: &[f64; PAIRS],
        credit: Credit,
        samples: &mut Samples<f64>,
    ) {
        *samples = empty();
        samples.decay = credit.decay();
        let ActionRows::Index(actions) = &mut samples.actions else {
            return;
        };
        let advantages = self.advantages(log_probs, credit);
        for (episode, factor) in chosen {
            let pairs = &self.episodes[episode].pairs;
            let begin = samples.log_probs.len();
            for (pair, advantage) in pairs.iter().zip(&advantages[episode]) {
                let state = pair / ACTIONS;
                let shown = (0..STATES).map(|s| f64::from(u8::from(s == state)));
                samples.observations.extend(shown);
                actions.push((pair % ACTIONS) as u32);
                samples.log_probs.push(log_probs[*pair]);
                samples.advantages.push(factor * advantage);
            }
            samples.episodes.push(begin..samples.log_probs.len());
        }
    }
}

/// No samples.
pub(super) fn empty() -> Samples<f64> {
    Samples {
        loss: 0.0,
        observations: Vec::new(),
        actions: ActionRows::Index(Vec::new()),
        log_probs: Vec::new(),
        advantages: Vec::new(),
        decay: 1.0,
        episodes: Vec::new(),
    }
}

/// What a policy does in each state, and how that depends on its parameters.
#[derive(Debug)]
pub(super) struct Look<'a> {
    network: &'a Mlp,
    cache: Cache<f64>,
    /// ln π of each pair.
    pub(super) log_probs: [f64; PAIRS],
}

/// The actions of all pairs.
const PAIR_ACTIONS: [u32; PAIRS] = [0, 1, 0, 1];

impl<'a> Look<'a> {
    /// Looks at a policy of these parameters.
    pub(super) fn at(network: &'a Mlp, params: &[f64]) -> Self {
        let mut cache = Cache::new();
        let shown: Vec<f64> = (0..PAIRS * STATES)
            .map(|i| f64::from(u8::from(i / STATES / ACTIONS == i % STATES)))
            .collect();
        network.forward(params, &shown, PAIRS, &mut cache);
        let mut log_probs = [0.0; PAIRS];
        network.log_probs(&cache, Acts::Index(&PAIR_ACTIONS), &mut log_probs);
        Self {
            network,
            cache,
            log_probs,
        }
    }

    /// Σ wᵢ ∇ℓᵢ over the pairs. `[parameters]`
    pub(super) fn score(&mut self, weights: &[f64; PAIRS]) -> Vec<f64> {
        let mut sum = vec![0.0; self.network.parameters()];
        let acts = Acts::Index(&PAIR_ACTIONS);
        self.network.score(&mut self.cache, acts, weights, &mut sum);
        sum
    }

    /// Σ wᵢ ∇²ℓᵢ v over the pairs. `[parameters]`
    pub(super) fn bend(&mut self, weights: &[f64; PAIRS], direction: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.network.parameters()];
        let mut tangent = Tangent::new();
        let (network, cache) = (self.network, &mut self.cache);
        network.tangent(direction, cache, &mut tangent);
        let acts = Acts::Index(&PAIR_ACTIONS);
        network.score_tangent(cache, &tangent, acts, weights, None, &mut sum);
        sum
    }
}
