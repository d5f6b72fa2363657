//! Exact values by enumeration. Nothing here uses what trains: only the
//! policy's probabilities, their scores and the scores' derivatives.

use super::data_sets::DataSets;
use super::problem::{Credit, Episode, Look, PAIRS, Task};
use kernels::mlp::Mlp;

/// Exact values of one task for policies of a network. Returns are rewards per
/// step, as losses are means over samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact<'a> {
    pub(super) network: &'a Mlp,
    pub(super) task: &'a Task,
    /// Inner step size.
    pub(super) rate: f64,
    /// How advantages are estimated.
    pub(super) credit: Credit,
}

impl Exact<'_> {
    /// R(θ) = Σ_τ P_θ(τ) R(τ), the discounted return.
    pub(super) fn value(&self, theta: &[f64]) -> f64 {
        let look = Look::at(self.network, theta);
        let chances = self.task.probabilities(&look.log_probs);
        let parts = chances.iter().enumerate();
        parts.map(|(e, p)| p * self.earned(e)).sum()
    }

    fn earned(&self, episode: usize) -> f64 {
        self.task.earned(episode, self.credit.gamma)
    }

    /// ∇R(θ) = Σ_τ P_θ(τ) R(τ) Σₜ ∇ℓₜ. `[parameters]`
    pub(super) fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        let mut look = Look::at(self.network, theta);
        let mut weights = [0.0; PAIRS];
        for (e, p) in self.chances(&look).iter().enumerate() {
            for pair in &self.task.episodes[e].pairs {
                weights[*pair] += p * self.earned(e);
            }
        }
        look.score(&weights)
    }

    fn chances(&self, look: &Look<'_>) -> Vec<f64> {
        self.task.probabilities(&look.log_probs)
    }

    /// How much each step of an episode counts in the policy gradient, by pair:
    /// the rewards from the step on, discounted as advantages discount them on
    /// average, per step of the horizon.
    fn worth(&self, episode: usize) -> [f64; PAIRS] {
        let returns = self.task.returns(episode, self.credit.discount());
        self.by_pair(&self.task.episodes[episode], &returns)
    }

    /// Sums of the numbers of an episode's steps, by pair, per step of the
    /// horizon.
    fn by_pair(&self, episode: &Episode, numbers: &[f64]) -> [f64; PAIRS] {
        let mut weights = [0.0; PAIRS];
        for (pair, number) in episode.pairs.iter().zip(numbers) {
            weights[*pair] += number / self.task.horizon as f64;
        }
        weights
    }

    /// [`Self::worth`] on average over all episodes.
    fn mean_worth(&self, look: &Look<'_>) -> [f64; PAIRS] {
        let mut weights = [0.0; PAIRS];
        for (e, p) in self.chances(look).iter().enumerate() {
            add(&mut weights, *p, &self.worth(e));
        }
        weights
    }

    /// G(θ) = Σ_τ P_θ(τ) Σₜ Wₜ ∇ℓₜ with the discounted rewards W from a step on:
    /// the policy gradient, in which all steps count alike. That is ∇R(θ) where
    /// nothing is discounted. `[parameters]`
    pub(super) fn policy_gradient(&self, theta: &[f64]) -> Vec<f64> {
        let mut look = Look::at(self.network, theta);
        let weights = self.mean_worth(&look);
        look.score(&weights)
    }

    /// (∂G/∂θ)ᵀ v = Σ_τ P_θ(τ) (S (Σₜ Wₜ ∇ℓₜ · v) + Σₜ Wₜ ∇²ℓₜ v) with the
    /// episode's score S = Σₜ ∇ℓₜ. `[parameters]`
    pub(super) fn curvature(&self, theta: &[f64], direction: &[f64]) -> Vec<f64> {
        let mut look = Look::at(self.network, theta);
        let weights = self.mean_worth(&look);
        let mut product = look.bend(&weights, direction);
        let chances = self.chances(&look);
        for (e, score) in self.scores(&mut look).iter().enumerate() {
            let single = look.score(&self.worth(e));
            add(&mut product, chances[e] * dot(&single, direction), score);
        }
        product
    }

    /// S of every episode. `[episodes][parameters]`
    pub(super) fn scores(&self, look: &mut Look<'_>) -> Vec<Vec<f64>> {
        let of = |episode: &Episode| {
            let mut weights = [0.0; PAIRS];
            episode.pairs.iter().for_each(|pair| weights[*pair] += 1.0);
            look.score(&weights)
        };
        self.task.episodes.iter().map(of).collect()
    }

    /// What the learner's policy gradient is for every single episode.
    /// `[episodes][parameters]`
    pub(super) fn inner(&self, look: &mut Look<'_>) -> Vec<Vec<f64>> {
        let advantages = self.task.advantages(&look.log_probs, self.credit);
        let both = self.task.episodes.iter().zip(advantages);
        both.map(|(episode, advantages)| look.score(&self.by_pair(episode, &advantages)))
            .collect()
    }

    /// θ + α G(θ).
    pub(super) fn adapted(&self, theta: &[f64]) -> Vec<f64> {
        let mut adapted = theta.to_vec();
        add(&mut adapted, self.rate, &self.policy_gradient(theta));
        adapted
    }

    /// (I + α ∂G/∂θ)ᵀ G(θ′) at θ′ = θ + α G(θ). `[parameters]`
    pub(super) fn limit_gradient(&self, theta: &[f64]) -> Vec<f64> {
        let mut gradient = self.policy_gradient(&self.adapted(theta));
        let product = self.curvature(theta, &gradient);
        add(&mut gradient, self.rate, &product);
        gradient
    }

    /// E R(θ′(θ, D)) over data sets D of `count` episodes.
    pub(super) fn sampled(&self, theta: &[f64], count: usize) -> f64 {
        let mut look = Look::at(self.network, theta);
        let chances = self.task.probabilities(&look.log_probs);
        let inner = self.inner(&mut look);
        let sets = DataSets::new(&chances, count);
        sets.map(|(chance, set)| chance * self.value(&self.moved(theta, &inner, &set)))
            .sum()
    }

    /// θ′(θ, D) for a data set, as indices of episodes.
    fn moved(&self, theta: &[f64], inner: &[Vec<f64>], set: &[usize]) -> Vec<f64> {
        let mut moved = theta.to_vec();
        for episode in set {
            add(&mut moved, self.rate / set.len() as f64, &inner[*episode]);
        }
        moved
    }

    /// ∇θ E R(θ′(θ, D)) = Σ_D P_θ(D) (∇ log P_θ(D) R(θ′) + (∂θ′/∂θ)ᵀ ∇R(θ′))
    /// over data sets of `count` episodes, without baseline or discount.
    /// `[parameters]`
    pub(super) fn sampled_gradient(&self, theta: &[f64], count: usize) -> Vec<f64> {
        let mut look = Look::at(self.network, theta);
        let chances = self.task.probabilities(&look.log_probs);
        let (inner, scores) = (self.inner(&mut look), self.scores(&mut look));
        let mut total = vec![0.0; theta.len()];
        for (chance, set) in DataSets::new(&chances, count) {
            let moved = self.moved(theta, &inner, &set);
            let value = self.value(&moved);
            let after = self.gradient(&moved);
            let mut weights = [0.0; PAIRS];
            for episode in &set {
                add(&mut total, chance * value, &scores[*episode]);
                for (sum, w) in weights.iter_mut().zip(self.worth(*episode)) {
                    *sum += self.rate * w / count as f64;
                }
            }
            add(&mut total, chance, &after);
            add(&mut total, chance, &look.bend(&weights, &after));
        }
        total
    }
}

/// a += share × b
pub(super) fn add(a: &mut [f64], share: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += share * b);
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
