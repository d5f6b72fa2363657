//! Normal distributions over vectors: literal values, and losses and their gradients
//! against plain `f64` code.

use crate::common::*;
use kernels::*;
use std::f64::consts::PI;

const PPO: LossSpec = LossSpec {
    objective: Objective::Clipped { clip: 0.2 },
    value_coef: 0.5,
    entropy_coef: 0.01,
};
const A2C: LossSpec = LossSpec {
    objective: Objective::PolicyGradient,
    value_coef: 0.25,
    entropy_coef: 0.05,
};

/// Outputs and samples of some rows.
struct Rows {
    width: usize,
    means: Vec<f32>,
    log_std: Vec<f32>,
    values: Vec<f32>,
    actions: Vec<f32>,
    old_log_probs: Vec<f32>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
    weights: Vec<f32>,
}

impl Rows {
    fn new(rows: usize, width: usize) -> Rows {
        let mut rng = Rng(7 + 31 * rows as u64 + width as u64);
        let mut of = Rows {
            width,
            means: rng.vec(rows * width, 1.0),
            log_std: rng.vec(width, 1.0),
            values: rng.vec(rows, 1.0),
            actions: rng.vec(rows * width, 1.5),
            old_log_probs: vec![0.0; rows],
            advantages: rng.vec(rows, 1.5),
            returns: rng.vec(rows, 2.0),
            weights: (0..rows)
                .map(|_| if rng.below(4) == 0 { 0.0 } else { 0.1 })
                .collect(),
        };
        // Near those of the policy, so that some ratios are clipped and some not.
        for row in 0..rows {
            of.old_log_probs[row] =
                of.log_prob(&wide(&of.means), &wide(&of.log_std), row) as f32 + rng.symmetric(0.5);
        }
        of
    }

    fn samples(&self) -> Samples<'_, f32> {
        Samples {
            actions: &self.actions,
            old_log_probs: &self.old_log_probs,
            advantages: &self.advantages,
            returns: &self.returns,
            weights: &self.weights,
        }
    }

    fn log_prob(&self, means: &[f64], log_std: &[f64], row: usize) -> f64 {
        let at = |k: usize| row * self.width + k;
        let term = |k: usize| {
            let z = (f64::from(self.actions[at(k)]) - means[at(k)]) / log_std[k].exp();
            -0.5 * (z * z + 2.0 * log_std[k] + (2.0 * PI).ln())
        };
        (0..self.width).map(term).sum()
    }

    /// The losses in `f64`.
    fn sums(&self, spec: &LossSpec, means: &[f64], log_std: &[f64], values: &[f64]) -> LossSums {
        let mut sums = LossSums::default();
        let entropy: f64 = log_std
            .iter()
            .map(|l| l + 0.5 * (1.0 + (2.0 * PI).ln()))
            .sum();
        for (row, value) in values.iter().enumerate() {
            let w = f64::from(self.weights[row]);
            let log_prob = self.log_prob(means, log_std, row);
            let log_ratio = log_prob - f64::from(self.old_log_probs[row]);
            let (ratio, advantage) = (log_ratio.exp(), f64::from(self.advantages[row]));
            sums.policy += w * match spec.objective {
                Objective::PolicyGradient => -log_prob * advantage,
                Objective::Clipped { clip } => {
                    let clip = f64::from(clip);
                    if (ratio - 1.0).abs() > clip {
                        sums.clipped += w;
                    }
                    -(ratio * advantage).min(ratio.clamp(1.0 - clip, 1.0 + clip) * advantage)
                }
            };
            sums.weight += w;
            sums.value += w * 0.5 * (value - f64::from(self.returns[row])).powi(2);
            sums.entropy += w * entropy;
            sums.approx_kl += w * (ratio - 1.0 - log_ratio);
        }
        sums
    }

    /// The losses, and the gradients with respect to means, deviations and values.
    fn gradients(&self, isa: Isa, spec: &LossSpec) -> (LossSums, [Vec<f32>; 3]) {
        let mut policy = Gaussian::new(self.width, isa);
        let mut means = vec![f32::NAN; self.means.len()];
        let mut values = vec![f32::NAN; self.values.len()];
        // It adds to what is there.
        let mut log_std = vec![1.0; self.width];
        let outputs = GaussianOutputs {
            means: &self.means,
            log_std: &self.log_std,
            values: &self.values,
        };
        let gradients = LossGradients {
            policy: &mut means,
            values: &mut values,
        };
        let sums = policy.loss(spec, &self.samples(), outputs, (gradients, &mut log_std));
        log_std.iter_mut().for_each(|g| *g -= 1.0);
        (sums, [means, log_std, values])
    }
}

fn cases() -> impl Iterator<Item = Rows> {
    [(1, 1), (7, 2), (16, 1), (33, 3), (130, 2)]
        .into_iter()
        .map(|(rows, width)| Rows::new(rows, width))
}

/// Losses and gradients of all cases, one after the other.
pub(crate) fn everything(isa: Isa) -> Vec<f32> {
    let both = |of: Rows| [PPO, A2C].map(|spec| (of.gradients(isa, &spec), spec));
    let all = cases().flat_map(both).flat_map(|((sums, found), spec)| {
        let mut numbers = found.concat();
        numbers.push(sums.total(&spec) as f32);
        numbers
    });
    all.collect()
}

#[test]
fn losses_and_gradients_match_the_reference() {
    for isa in Isa::available() {
        for of in cases() {
            for spec in [PPO, A2C] {
                check(&of, isa, &spec);
            }
        }
    }
}

fn check(of: &Rows, isa: Isa, spec: &LossSpec) {
    let what = format!("{isa:?} {} x {} {spec:?}", of.values.len(), of.width);
    let (sums, found) = of.gradients(isa, spec);
    let at = [wide(&of.means), wide(&of.log_std), wide(&of.values)];
    let expected = of.sums(spec, &at[0], &at[1], &at[2]);
    let pairs = [
        (sums.weight, expected.weight),
        (sums.policy, expected.policy),
        (sums.value, expected.value),
        (sums.entropy, expected.entropy),
        (sums.approx_kl, expected.approx_kl),
        (sums.clipped, expected.clipped),
    ];
    for (i, (a, e)) in pairs.into_iter().enumerate() {
        let close = (a - e).abs() < 1e-5 * (1.0 + e.abs());
        assert!(close, "{what} sum {i}: {a} instead of {e}");
    }
    let step = 1e-6;
    for (input, gradient) in found.iter().enumerate() {
        for (element, &g) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut at = at.clone();
                at[input][element] += by;
                of.sums(spec, &at[0], &at[1], &at[2]).total(spec)
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * step);
            let apart = (f64::from(g) - expected).abs();
            let close = apart < 2e-4 * expected.abs().max(0.1);
            assert!(
                close,
                "{what} {input}[{element}]: {g} instead of {expected}"
            );
        }
    }
}

#[test]
fn densities_and_draws_have_literal_values() {
    for isa in Isa::available() {
        let mut policy = Gaussian::new(2, isa);
        let (means, log_std) = ([1.0, -2.0, 0.0, 0.0], [2f32.ln(), 0.5f32.ln()]);
        let mut actions = [1.0, -1.0, 0.0, 2.0];
        policy.sample((&means, &log_std), &mut actions);
        for (action, expected) in actions.iter().zip([3.0, -2.5, 0.0, 1.0]) {
            assert!((action - expected).abs() < 1e-6, "{actions:?}");
        }
        let mut log_probs = [f32::NAN; 2];
        policy.log_probs((&means, &log_std), &actions, &mut log_probs);
        // ln 2 and ln 1/2 cancel; z is as drawn.
        for (found, squares) in log_probs.iter().zip([2.0, 4.0]) {
            let expected = -0.5 * (squares + 2.0 * (2.0 * PI).ln());
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found}");
        }
    }
}

#[test]
fn instruction_sets_with_fused_products_give_the_same_bits() {
    for of in cases() {
        let mut sets = Isa::available();
        let first = of.gradients(sets.next().unwrap(), &PPO);
        for isa in sets.filter(|isa| isa.is_fused()) {
            assert_eq!(of.gradients(isa, &PPO), first, "{isa:?}");
        }
    }
}

#[test]
fn samples_of_weight_zero_may_hold_anything() {
    for isa in Isa::available() {
        let mut of = Rows::new(7, 2);
        of.weights.fill(0.0);
        of.weights[3] = 1.0;
        let expected = of.gradients(isa, &PPO);
        for row in [0, 6] {
            of.old_log_probs[row] = f32::NAN;
            of.advantages[row] = f32::INFINITY;
            of.returns[row] = f32::NAN;
            of.actions[2 * row] = f32::NAN;
        }
        assert_eq!(of.gradients(isa, &PPO), expected);
        assert!(expected.1[0][..6].iter().all(|g| *g == 0.0));
        of.advantages[3] = f32::NAN;
        let (sums, [means, log_std, _]) = of.gradients(isa, &PPO);
        assert!(sums.policy.is_nan() && means[6].is_nan() && log_std[0].is_nan());
    }
}
