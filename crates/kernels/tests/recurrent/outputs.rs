//! Sampling and losses: literal values, frequencies, and numbers that are not
//! finite.

use crate::common::{Case, Rng};
use kernels::*;

fn sampled(policy: &mut Categorical, logits: &[f32], uniforms: &[f32]) -> (Vec<u32>, Vec<f32>) {
    let (mut actions, mut log_probs) = (vec![99; uniforms.len()], vec![0.0; uniforms.len()]);
    let choices = Choices {
        actions: &mut actions,
        log_probs: &mut log_probs,
    };
    policy.sample(logits, uniforms, choices);
    (actions, log_probs)
}

fn best(policy: &mut Categorical, logits: &[f32], rows: usize) -> (Vec<u32>, Vec<f32>) {
    let (mut actions, mut log_probs) = (vec![99; rows], vec![0.0; rows]);
    let choices = Choices {
        actions: &mut actions,
        log_probs: &mut log_probs,
    };
    policy.greedy(logits, choices);
    (actions, log_probs)
}

#[test]
fn sampling_inverts_the_distribution_function() {
    // Probabilities 1/8, 1/2, 1/4, 1/8.
    let logits = [1f32, 4.0, 2.0, 1.0].map(|x| x.ln() + 3.0);
    let expected = [
        (0.0, 0),
        (0.12, 0),
        (0.13, 1),
        (0.62, 1),
        (0.63, 2),
        (0.87, 2),
        (0.88, 3),
    ];
    let last = 1.0 - f32::EPSILON / 2.0;
    for isa in Isa::available() {
        let mut policy = Categorical::new(4, isa);
        for (u, action) in expected.into_iter().chain([(last, 3)]) {
            let (actions, log_probs) = sampled(&mut policy, &logits, &[u]);
            assert_eq!(actions, [action], "at {u}");
            let p = [0.125f32, 0.5, 0.25, 0.125][action as usize];
            assert!((log_probs[0] - p.ln()).abs() < 3e-7);
        }
    }
}

#[test]
fn sampled_frequencies_match_probabilities() {
    for isa in Isa::available() {
        for actions in [1, 2, 7, 10, 33] {
            let mut rng = Rng(actions as u64 + 40);
            let row = rng.vec(actions, 2.0);
            let n = 200_000;
            let logits: Vec<f32> = (0..n).flat_map(|_| row.clone()).collect();
            let uniforms: Vec<f32> = (0..n).map(|_| rng.unit()).collect();
            let (drawn, log_probs) =
                sampled(&mut Categorical::new(actions, isa), &logits, &uniforms);
            let total: f64 = row.iter().map(|&l| f64::from(l).exp()).sum();
            for (a, &logit) in row.iter().enumerate() {
                let p = f64::from(logit).exp() / total;
                let count = drawn.iter().filter(|&&d| d == a as u32).count() as f64;
                let deviation = (n as f64 * p * (1.0 - p)).sqrt();
                assert!(
                    (count - n as f64 * p).abs() <= 5.0 * deviation + 1e-6,
                    "{actions}: {a}"
                );
            }
            for (d, l) in drawn.iter().zip(log_probs) {
                let expected = f64::from(row[*d as usize]) - total.ln();
                assert!((f64::from(l) - expected).abs() < 1e-6);
            }
        }
    }
}

/// However close the uniform is to a border, even on it because it was rounded up
/// to 1, an action of probability 0 is not drawn.
#[test]
fn impossible_actions_are_never_drawn() {
    let zero = f32::NEG_INFINITY;
    let uniforms = [
        0.0,
        f32::EPSILON,
        0.5,
        1.0 - f32::EPSILON,
        1.0 - f32::EPSILON / 2.0,
        1.0,
    ];
    let mut rng = Rng(3);
    for isa in Isa::available() {
        let mut policy = Categorical::new(5, isa);
        for _ in 0..2000 {
            let x = rng.vec(2, 3.0);
            for u in uniforms {
                let (actions, log_probs) =
                    sampled(&mut policy, &[zero, x[0], zero, x[1], zero], &[u]);
                assert!(matches!(actions[0], 1 | 3), "{actions:?} at {u}");
                assert!(log_probs[0].is_finite());
            }
        }
    }
}

#[test]
fn greedy_takes_the_first_of_the_best() {
    for isa in Isa::available() {
        let mut policy = Categorical::new(3, isa);
        let logits = [0.0, 1.0, 1.0, 5.0, 1.0, 1.0, -3.0, -2.0, -1.0];
        let (actions, log_probs) = best(&mut policy, &logits, 3);
        assert_eq!(actions, [1, 0, 2]);
        let sum = (-2f64).exp() + (-1f64).exp() + 1.0;
        assert!((f64::from(log_probs[2]) + sum.ln()).abs() < 1e-6);
    }
}

#[test]
fn nan_among_logits_shows_in_the_log_probability() {
    for isa in Isa::available() {
        let mut policy = Categorical::new(3, isa);
        for bad in [f32::NAN, f32::INFINITY] {
            for place in 0..3 {
                let mut logits = [0.0; 6];
                logits[place] = bad;
                for (actions, log_probs) in [
                    sampled(&mut policy, &logits, &[0.9, 0.9]),
                    best(&mut policy, &logits, 2),
                ] {
                    assert_eq!(actions[0], 0);
                    assert!(log_probs[0].is_nan());
                    assert!((log_probs[1] + 3f32.ln()).abs() < 1e-6);
                }
            }
        }
    }
}

const CLIPPED: LossSpec = LossSpec {
    objective: Objective::Clipped { clip: 0.2 },
    value_coef: 0.5,
    entropy_coef: 0.0,
};

struct Sample {
    action: u32,
    old_log_prob: f32,
    advantage: f32,
    target: f32,
    weight: f32,
}

/// Sums and gradients of a single sample with the given logits and value 1.
fn single(isa: Isa, spec: &LossSpec, logits: &[f32], sample: Sample) -> (LossSums, Vec<f32>, f32) {
    let mut policy = Categorical::new(logits.len(), isa);
    let (mut d_logits, mut d_values) = (vec![9.0; logits.len()], [9.0]);
    let samples = Samples {
        actions: &[sample.action],
        old_log_probs: &[sample.old_log_prob],
        advantages: &[sample.advantage],
        returns: &[sample.target],
        weights: &[sample.weight],
    };
    let gradients = LossGradients {
        policy: &mut d_logits,
        values: &mut d_values,
    };
    let sums = policy.loss(spec, &samples, (logits, &[1.0]), gradients);
    (sums, d_logits, d_values[0])
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 2e-6 * (1.0 + b.abs())
}

#[test]
fn clipped_loss_of_one_sample() {
    // Two actions of probability 1/2, so the old probability sets the ratio.
    let case = |ratio: f32, advantage: f32| Sample {
        action: 0,
        old_log_prob: (0.5 / ratio).ln(),
        advantage,
        target: 3.0,
        weight: 2.0,
    };
    // (ratio, advantage) -> (objective, derivative by log-probability, clipped)
    let table = [
        ((1.1, 2.0), (2.2, 2.2, 0.0)),
        ((1.5, 2.0), (2.4, 0.0, 1.0)),
        ((0.5, 2.0), (1.0, 1.0, 1.0)),
        ((1.5, -2.0), (-3.0, -3.0, 1.0)),
        ((0.5, -2.0), (-1.6, 0.0, 1.0)),
        ((0.9, -2.0), (-1.8, -1.8, 0.0)),
    ];
    for isa in Isa::available() {
        for ((ratio, advantage), (objective, slope, clipped)) in table {
            let (sums, d_logits, d_value) =
                single(isa, &CLIPPED, &[0.7, 0.7], case(ratio, advantage));
            assert!(
                close(sums.policy, -2.0 * objective),
                "{ratio} {advantage}: {sums:?}"
            );
            assert!(close(f64::from(d_logits[0]), -2.0 * slope * 0.5));
            assert!(close(f64::from(d_logits[1]), 2.0 * slope * 0.5));
            assert!(close(sums.clipped, 2.0 * clipped));
            assert!(close(sums.value, 2.0 * 0.5 * 4.0));
            assert!(close(f64::from(d_value), 2.0 * 0.5 * -2.0));
            assert!(close(sums.entropy, 2.0 * 2f64.ln()));
            let log_ratio = f64::from(ratio).ln();
            assert!(close(
                sums.approx_kl,
                2.0 * (log_ratio.exp() - 1.0 - log_ratio)
            ));
            assert_eq!(sums.weight, 2.0);
        }
    }
}

/// Steps of learning are so small that `ratio - 1 - ln ratio` would be rounding alone: of
/// 1e-5 the divergence is 5e-11, and a ratio near 1 is known to 6e-8.
#[test]
fn a_small_divergence_keeps_its_digits() {
    let plain = LossSpec {
        objective: Objective::PolicyGradient,
        ..CLIPPED
    };
    for isa in Isa::available() {
        for away in [1e-7_f32, 1e-5, 1e-4, 1e-3, 0.01] {
            for (log_ratio, spec) in [(away, &CLIPPED), (-away, &CLIPPED), (away, &plain)] {
                // The only action has log-probability 0, so that the ratio's is exact.
                let sample = Sample {
                    action: 0,
                    old_log_prob: -log_ratio,
                    advantage: 1.0,
                    target: 1.0,
                    weight: 2.0,
                };
                let (sums, ..) = single(isa, spec, &[0.7], sample);
                let x = f64::from(log_ratio);
                // The first terms of the series: the next is below 1e-9 of them.
                let wanted =
                    2.0 * x * x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0)));
                let off = (sums.approx_kl / wanted - 1.0).abs();
                assert!(
                    off < 1e-5,
                    "{isa:?}, {log_ratio}: {} is {wanted}",
                    sums.approx_kl
                );
            }
        }
    }
}

#[test]
fn samples_of_weight_zero_may_hold_anything() {
    for isa in Isa::available() {
        for spec in [
            CLIPPED,
            LossSpec {
                objective: Objective::PolicyGradient,
                ..CLIPPED
            },
        ] {
            let sample = Sample {
                action: 1,
                old_log_prob: f32::NAN,
                advantage: f32::INFINITY,
                target: f32::NAN,
                weight: 0.0,
            };
            let (sums, d_logits, d_value) = single(isa, &spec, &[0.1, 0.2, 0.3], sample);
            assert_eq!(sums, LossSums::default());
            assert!(d_logits.iter().all(|&d| d == 0.0) && d_value == 0.0);
        }
    }
}

#[test]
fn numbers_that_are_not_finite_show_in_sums_and_gradients() {
    for isa in Isa::available() {
        let sample = |advantage, target| Sample {
            action: 1,
            old_log_prob: -1.0,
            advantage,
            target,
            weight: 1.0,
        };
        let (sums, d_logits, _) = single(isa, &CLIPPED, &[0.1, 0.2], sample(f32::NAN, 0.0));
        assert!(sums.policy.is_nan() && d_logits.iter().all(|d| d.is_nan()));
        let (sums, _, d_value) = single(isa, &CLIPPED, &[0.1, 0.2], sample(1.0, f32::NAN));
        assert!(sums.value.is_nan() && d_value.is_nan());
        let (sums, d_logits, _) = single(isa, &CLIPPED, &[f32::NAN, 0.2], sample(1.0, 0.0));
        assert!(sums.entropy.is_nan() && d_logits.iter().all(|d| d.is_nan()));
    }
}

/// An action whose logit is minus infinity has no probability, no entropy and no
/// gradient.
#[test]
fn impossible_actions_in_the_loss() {
    let spec = LossSpec {
        entropy_coef: 0.3,
        ..CLIPPED
    };
    for isa in Isa::available() {
        let sample = || Sample {
            action: 0,
            old_log_prob: -0.9,
            advantage: 1.0,
            target: 0.0,
            weight: 1.0,
        };
        let masked = [0.4, f32::NEG_INFINITY, -0.3];
        let (sums, d_logits, _) = single(isa, &spec, &masked, sample());
        let (expected, d_expected, _) = single(isa, &spec, &[0.4, -0.3], sample());
        assert!(close(sums.total(&spec), expected.total(&spec)));
        assert_eq!(d_logits[1], 0.0);
        assert!(close(f64::from(d_logits[0]), f64::from(d_expected[0])));
        assert!(close(f64::from(d_logits[2]), f64::from(d_expected[1])));
    }
}

#[test]
fn sums_of_parts_are_the_sum_of_the_whole() {
    let shape = Shape {
        cell: Cell::Gru,
        observation: Observation::None,
        hidden: 4,
        actions: 7,
    };
    let case = Case::new(shape, 5, 7, 3);
    let mut rng = Rng(9);
    let (logits, values) = (rng.vec(35 * 7, 2.0), rng.vec(35, 1.0));
    let mut policy = Categorical::new(7, Isa::best());
    let mut part = |rows: std::ops::Range<usize>| {
        let samples = case.samples();
        let samples = Samples {
            actions: &samples.actions[rows.clone()],
            old_log_probs: &samples.old_log_probs[rows.clone()],
            advantages: &samples.advantages[rows.clone()],
            returns: &samples.returns[rows.clone()],
            weights: &samples.weights[rows.clone()],
        };
        let mut d_logits = vec![0.0; rows.len() * 7];
        let mut d_values = vec![0.0; rows.len()];
        let gradients = LossGradients {
            policy: &mut d_logits,
            values: &mut d_values,
        };
        let outputs = (&logits[rows.start * 7..rows.end * 7], &values[rows]);
        (
            policy.loss(&CLIPPED, &samples, outputs, gradients),
            d_logits,
        )
    };
    let (whole, gradient) = part(0..35);
    let (mut sums, mut parts) = part(0..3);
    for rows in [3..20, 20..35] {
        let (more, d) = part(rows);
        sums += more;
        parts.extend(d);
    }
    assert_eq!(gradient, parts);
    for (a, b) in [(whole.policy, sums.policy), (whole.value, sums.value)] {
        assert!((a - b).abs() < 1e-12);
    }
}
