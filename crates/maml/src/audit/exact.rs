//! Exact values by enumeration. Nothing here uses what trains: only the
//! policy's probabilities, their scores and the scores' derivatives.

use super::data_sets::DataSets;
use super::problem::{Episode, Look, PAIRS, Task};
use kernels::mlp::Mlp;

/// Exact values of one task for policies of a network. Returns are rewards per
/// step, as losses are means over samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact<'a> {
    pub(super) network: &'a Mlp,
    pub(super) task: &'a Task,
    /// Inner step size.
    pub(super) rate: f64,
}

impl Exact<'_> {
    /// R(θ) = Σ_τ P_θ(τ) R(τ).
    pub(super) fn value(&self, theta: &[f64]) -> f64 {
        let look = Look::at(self.network, theta);
        let chances = self.task.probabilities(&look.log_probs);
        let parts = chances.iter().enumerate();
        parts.map(|(e, p)| p * self.task.earned(e)).sum()
    }

    /// ∇R(θ) = Σ_τ P_θ(τ) R(τ) Σₜ ∇ℓₜ. `[parameters]`
    pub(super) fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        let mut look = Look::at(self.network, theta);
        let weights = self.weights(&look.log_probs);
        look.score(&weights)
    }

    /// What all episodes together weigh each pair with: Σ_τ P(τ) R(τ) × how
    /// often the pair occurs in τ.
    fn weights(&self, log_probs: &[f64; PAIRS]) -> [f64; PAIRS] {
        let mut weights = [0.0; PAIRS];
        for (e, p) in self.task.probabilities(log_probs).iter().enumerate() {
            for pair in &self.task.episodes[e].pairs {
                weights[*pair] += p * self.task.earned(e);
            }
        }
        weights
    }

    /// ∇²R(θ) v = Σ_τ P_θ(τ) R(τ) (S (S · v) + Σₜ ∇²ℓₜ v) with the episode's
    /// score S = Σₜ ∇ℓₜ. `[parameters]`
    pub(super) fn curvature(&self, theta: &[f64], direction: &[f64]) -> Vec<f64> {
        let mut look = Look::at(self.network, theta);
        let weights = self.weights(&look.log_probs);
        let mut product = look.bend(&weights, direction);
        let chances = self.task.probabilities(&look.log_probs);
        for (e, score) in self.scores(&mut look).iter().enumerate() {
            let along = chances[e] * self.task.earned(e) * dot(score, direction);
            add(&mut product, along, score);
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

    /// How much each step of an episode counts in the policy gradient, by pair:
    /// the rewards from the step on, per step of the horizon.
    fn worth(&self, episode: usize) -> [f64; PAIRS] {
        let mut weights = [0.0; PAIRS];
        let episode = &self.task.episodes[episode];
        for (pair, worth) in episode.pairs.iter().zip(&episode.worth) {
            weights[*pair] += worth / self.task.horizon as f64;
        }
        weights
    }

    /// Policy gradient of every single episode. `[episodes][parameters]`
    pub(super) fn inner(&self, look: &mut Look<'_>) -> Vec<Vec<f64>> {
        let of = |e| look.score(&self.worth(e));
        (0..self.task.episodes.len()).map(of).collect()
    }

    /// θ + α ∇R(θ).
    pub(super) fn adapted(&self, theta: &[f64]) -> Vec<f64> {
        let mut adapted = theta.to_vec();
        add(&mut adapted, self.rate, &self.gradient(theta));
        adapted
    }

    /// ∇θ R(θ + α ∇R(θ)) = (I + α ∇²R(θ)) ∇R(θ′). `[parameters]`
    pub(super) fn limit_gradient(&self, theta: &[f64]) -> Vec<f64> {
        let mut gradient = self.gradient(&self.adapted(theta));
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
    /// over data sets of `count` episodes. `[parameters]`
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
