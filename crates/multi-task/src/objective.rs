//! What is minimized, and its gradient.

use crate::networks::{Networks, Role};
use kernels::mlp::{Cache, Real};

/// What is minimized: PPO's clipped loss + `value_coefficient` × ½ (V − return)² −
/// `entropy_coefficient` × entropy + `pull` × KL(task's policy ‖ shared policy), each a mean
/// over the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// ε of the clipped surrogate.
    pub clip: f64,
    /// Weight of the value loss.
    pub value_coefficient: f64,
    /// Weight of the entropy bonus.
    pub entropy_coefficient: f64,
    /// Weight of the divergence; of no effect without a shared policy.
    pub pull: f64,
}

/// Samples of one task.
#[derive(Clone, Debug, Default)]
pub struct Group<R> {
    /// Of which task.
    pub task: usize,
    /// What the networks see. `[samples][inputs]`
    pub inputs: Vec<R>,
    /// What was done. `[samples]`
    pub actions: Vec<u32>,
    /// Log-probability of that by the policy that acted. `[samples]`
    pub log_probs: Vec<R>,
    /// Advantages, as they are used. `[samples]`
    pub advantages: Vec<R>,
    /// Returns that values are moved to. `[samples]`
    pub returns: Vec<R>,
    /// Weight of each sample: one over the number of all samples. `[samples]`
    pub weights: Vec<R>,
}

/// Parts of the objective and diagnostics, means over a minibatch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// The clipped policy loss.
    pub policy: f64,
    /// The value loss.
    pub value: f64,
    /// Mean entropy, nats.
    pub entropy: f64,
    /// Mean of (ratio − 1) − ln ratio, nats.
    pub approx_kl: f64,
    /// Share of samples whose ratio is outside the clip range.
    pub clip_fraction: f64,
    /// Mean KL(task's policy ‖ shared policy), nats; 0 without a shared one.
    pub divergence: f64,
}

impl Losses {
    /// Adds those of a part. Add parts in a fixed order.
    pub fn add(&mut self, part: &Self) {
        self.policy += part.policy;
        self.value += part.value;
        self.entropy += part.entropy;
        self.approx_kl += part.approx_kl;
        self.clip_fraction += part.clip_fraction;
        self.divergence += part.divergence;
    }

    /// The same, divided by a number.
    #[must_use]
    pub fn over(self, parts: f64) -> Self {
        Self {
            policy: self.policy / parts,
            value: self.value / parts,
            entropy: self.entropy / parts,
            approx_kl: self.approx_kl / parts,
            clip_fraction: self.clip_fraction / parts,
            divergence: self.divergence / parts,
        }
    }
}

impl Objective {
    /// Adds the gradient over a group of samples at some parameters, and returns the
    /// group's part of the losses.
    pub fn gradient<R: Real>(
        &self,
        networks: &Networks,
        values: &[R],
        (group, gradient): (&Group<R>, &mut [R]),
    ) -> Losses {
        let samples = group.actions.len();
        let mut losses = Losses::default();
        let mut of_policy = Pass::new(networks, values, (Role::Policy, group));
        let mut of_shared = networks
            .is_distilled()
            .then(|| Pass::new(networks, values, (Role::Shared, group)));
        let actions = networks.mlp(Role::Policy).outputs();
        let mut d_policy = vec![R::ZERO; samples * actions];
        let mut d_shared = vec![
            R::ZERO;
            if of_shared.is_some() {
                samples * actions
            } else {
                0
            }
        ];
        for sample in 0..samples {
            let own = sample * actions..(sample + 1) * actions;
            let row = PolicyRow {
                log_probs: &of_policy.cache.log_probabilities()[own.clone()],
                shared: of_shared
                    .as_ref()
                    .map(|pass| &pass.cache.log_probabilities()[own.clone()]),
            };
            let d_shared = match d_shared.is_empty() {
                true => &mut [][..],
                false => &mut d_shared[own.clone()],
            };
            let d_rows = (&mut d_policy[own], d_shared);
            self.of_policy((group, sample), row, d_rows, &mut losses);
        }
        of_policy.pull(networks, values, (&d_policy, gradient));
        if let Some(pass) = &mut of_shared {
            pass.pull(networks, values, (&d_shared, gradient));
        }
        let mut of_value = Pass::new(networks, values, (Role::Value, group));
        let mut d_value = Vec::with_capacity(samples);
        let outputs = of_value.cache.outputs().iter();
        for ((value, target), weight) in outputs.zip(&group.returns).zip(&group.weights) {
            let error = *value - *target;
            d_value.push(R::from_f64(self.value_coefficient) * *weight * error);
            losses.value += 0.5 * weight.to_f64() * error.to_f64().powi(2);
        }
        of_value.pull(networks, values, (&d_value, gradient));
        losses
    }

    /// The gradient of the policies' parts with respect to their outputs in one sample.
    fn of_policy<R: Real>(
        &self,
        (group, sample): (&Group<R>, usize),
        row: PolicyRow<'_, R>,
        (d_policy, d_shared): (&mut [R], &mut [R]),
        losses: &mut Losses,
    ) {
        let weight = group.weights[sample].to_f64();
        let (done, advantage) = (
            group.actions[sample] as usize,
            group.advantages[sample].to_f64(),
        );
        let log_probs: Vec<f64> = row.log_probs.iter().map(|log| log.to_f64()).collect();
        let difference = log_probs[done] - group.log_probs[sample].to_f64();
        let ratio = difference.exp();
        let clipped = ratio.clamp(1.0 - self.clip, 1.0 + self.clip);
        let (free, held) = (ratio * advantage, clipped * advantage);
        losses.policy -= weight * free.min(held);
        losses.approx_kl += weight * (difference.exp_m1() - difference);
        losses.clip_fraction += weight * f64::from(u8::from(ratio != clipped));
        // Where the clipped one is less, it does not depend on the policy.
        let of_log_prob = match free <= held {
            true => -weight * free,
            false => 0.0,
        };
        let entropy: f64 = log_probs.iter().map(|log| -log.exp() * log).sum();
        losses.entropy += weight * entropy;
        let bonus = self.entropy_coefficient * weight;
        for (action, (d, log)) in d_policy.iter_mut().zip(&log_probs).enumerate() {
            let chosen = f64::from(u8::from(action == done));
            let probability = log.exp();
            let of_entropy = probability * (log + entropy);
            *d = R::from_f64(of_log_prob * (chosen - probability) + bonus * of_entropy);
        }
        let Some(shared) = row.shared else {
            return;
        };
        let apart = |(log, shared): (&f64, &R)| log.exp() * (log - shared.to_f64());
        let divergence: f64 = log_probs.iter().zip(shared).map(apart).sum();
        losses.divergence += weight * divergence;
        let pull = self.pull * weight;
        for (action, (log, shared)) in log_probs.iter().zip(shared).enumerate() {
            let (probability, shared) = (log.exp(), shared.to_f64());
            d_policy[action] += R::from_f64(pull * probability * (log - shared - divergence));
            d_shared[action] = R::from_f64(pull * (shared.exp() - probability));
        }
    }
}

/// What the policies say of one sample.
struct PolicyRow<'a, R> {
    log_probs: &'a [R],
    shared: Option<&'a [R]>,
}

/// A network of a task on a group's samples.
struct Pass<R> {
    role: Role,
    task: usize,
    cache: Cache<R>,
}

impl<R: Real> Pass<R> {
    fn new(networks: &Networks, values: &[R], (role, group): (Role, &Group<R>)) -> Self {
        let own = networks.assemble(values, role, group.task);
        let mut cache = Cache::new();
        let samples = group.actions.len();
        networks
            .mlp(role)
            .forward(&own, &group.inputs, samples, &mut cache);
        Self {
            role,
            task: group.task,
            cache,
        }
    }

    fn pull(&mut self, networks: &Networks, values: &[R], (d_outputs, gradient): (&[R], &mut [R])) {
        let mlp = networks.mlp(self.role);
        let mut own = vec![R::ZERO; mlp.parameters()];
        mlp.backward(&mut self.cache, d_outputs, &mut own);
        networks.pull(values, (self.role, self.task), (&own, gradient));
    }
}

#[cfg(test)]
#[path = "objective_tests.rs"]
pub(crate) mod tests;
