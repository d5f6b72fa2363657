//! What is reported of an update.

use serde::Serialize;

/// The parts of an update, in their order; the first two take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Trials are lived, and advantages computed.
    Rollout,
    /// An inner step is taken.
    Inner,
    /// The meta-gradient is computed, and for all but TRPO its step taken.
    Outer,
    /// TRPO's direction is computed.
    ConjugateGradient,
    /// Its length is found.
    LineSearch,
    /// The value network is trained.
    Value,
}

/// What one update did. Nothing in it depends on the clock or the workers.
/// Means are over tasks, and for PPO over epochs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Updates done.
    pub update: u64,
    /// Environment steps done.
    pub env_steps: u64,
    /// Mean return of the trials after the adaptation.
    pub mean_return: f64,
    /// Mean return of the trials before it.
    pub mean_return_before: f64,
    /// Mean return of the trials after each number of inner steps.
    pub returns: Vec<f64>,
    /// Of gated steps: mean of the forget gates of each inner step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forget_gates: Option<Vec<f64>>,
    /// Of gated steps: mean of the input gates of each inner step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_gates: Option<Vec<f64>>,
    /// Loss of the adapted policies, without penalties.
    pub policy_loss: f64,
    /// Loss of the value network before its training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_loss: Option<f64>,
    /// Of the adapted policies, nats; estimated from their samples.
    pub entropy: f64,
    /// Estimated divergence of the adapted policies from those that the samples
    /// came from, nats; of TRPO the exact one after the update.
    pub approx_kl: f64,
    /// Of PPO: share of samples whose ratio is outside the clip range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_fraction: Option<f64>,
    /// Of PPO with a penalty: mean divergence of the policies before the
    /// adaptation, nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner_kl: Option<f64>,
    /// Of PPO with a penalty: its weight in this update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kl_penalty: Option<f64>,
    /// Of the meta-gradient, before clipping.
    pub gradient_norm: f64,
    /// Of the inner gradients, mean over steps too; 0 without steps.
    pub inner_gradient_norm: f64,
    /// Step size of this update; 0 for TRPO, which has none.
    pub learning_rate: f64,
    /// Of TRPO: whether the line search found a step. If not, parameters stayed
    /// as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// Of TRPO: steps of the line search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_search_steps: Option<usize>,
    /// Of TRPO: products that conjugate gradient took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cg_iterations: Option<usize>,
    /// Of TRPO: ‖g − A x‖ / ‖g‖ of conjugate gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cg_residual: Option<f64>,
    /// Of TRPO: by how much the loss fell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub improvement: Option<f64>,
}

/// What the inner loop reports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    /// Mean return after each number of steps.
    pub(crate) returns: Vec<f64>,
    /// Mean norm of the inner gradients.
    pub(crate) gradient_norm: f64,
    /// Mean forget and input gate of each step, where steps are gated.
    pub(crate) gates: Vec<[f64; 2]>,
}

/// What the outer loop reports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Improvement {
    pub(crate) policy_loss: f64,
    pub(crate) value_loss: Option<f64>,
    pub(crate) entropy: f64,
    pub(crate) approx_kl: f64,
    pub(crate) clip_fraction: Option<f64>,
    pub(crate) inner_kl: Option<f64>,
    pub(crate) kl_penalty: Option<f64>,
    pub(crate) gradient_norm: f64,
    pub(crate) learning_rate: f64,
    pub(crate) search: Option<Search>,
}

impl Improvement {
    /// The first of its numbers that is infinite or not a number, or the weight of
    /// the KL penalty after it, since an adaptive one can be doubled for ever.
    pub(crate) fn not_finite(&self, penalty: f64) -> Option<(&'static str, f64)> {
        let residual = self.search.map(|search| search.residual);
        let named = [
            ("the policy loss", Some(self.policy_loss)),
            ("the value loss", self.value_loss),
            ("the entropy", Some(self.entropy)),
            ("the divergence", Some(self.approx_kl)),
            ("the inner divergence", self.inner_kl),
            ("the residual of conjugate gradient", residual),
            ("the weight of the KL penalty", Some(penalty)),
        ];
        let bad = |(_, value): &(_, f64)| !value.is_finite();
        let known = named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        known.into_iter().find(bad)
    }
}

/// What TRPO's line search found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) accepted: bool,
    pub(crate) steps: usize,
    pub(crate) iterations: usize,
    pub(crate) residual: f64,
    pub(crate) improvement: f64,
    pub(crate) divergence: f64,
}

impl Metrics {
    pub(crate) fn new(
        update: u64,
        env_steps: u64,
        course: Course,
        improvement: &Improvement,
    ) -> Self {
        let search = improvement.search;
        let returns = course.returns;
        let gates = |which: usize| {
            let means: Vec<f64> = course.gates.iter().map(|gates| gates[which]).collect();
            (!means.is_empty()).then_some(means)
        };
        Self {
            forget_gates: gates(0),
            input_gates: gates(1),
            update,
            env_steps,
            mean_return: returns.last().copied().unwrap_or_default(),
            mean_return_before: returns.first().copied().unwrap_or_default(),
            returns,
            policy_loss: improvement.policy_loss,
            value_loss: improvement.value_loss,
            entropy: improvement.entropy,
            approx_kl: improvement.approx_kl,
            clip_fraction: improvement.clip_fraction,
            inner_kl: improvement.inner_kl,
            kl_penalty: improvement.kl_penalty,
            gradient_norm: improvement.gradient_norm,
            inner_gradient_norm: course.gradient_norm,
            learning_rate: improvement.learning_rate,
            accepted: search.map(|search| search.accepted),
            line_search_steps: search.map(|search| search.steps),
            cg_iterations: search.map(|search| search.iterations),
            cg_residual: search.map(|search| search.residual),
            improvement: search.map(|search| search.improvement),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_that_is_not_finite_is_named() {
        let good = Improvement::default();
        assert_eq!(good.not_finite(1.0), None);
        let name = |improvement: Improvement, penalty| {
            improvement.not_finite(penalty).map(|(name, _)| name)
        };
        let bad = Improvement {
            value_loss: Some(f64::INFINITY),
            approx_kl: f64::NAN,
            ..good.clone()
        };
        assert_eq!(name(bad, 1.0), Some("the value loss"));
        let doubled = "the weight of the KL penalty";
        assert_eq!(name(good, 2.0 * f64::MAX), Some(doubled));
    }
}
