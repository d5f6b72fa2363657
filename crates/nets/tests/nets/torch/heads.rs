//! Distributions over actions.

use nets::tch::{Kind, Tensor};
use nets::{Blueprint, Categorical, DiagonalGaussian, Distribution, PolicyHead, PolicyHeadConfig};
use rl_core::ActionSpace;
use rl_core::rand::RngExt as _;

use super::common::{assert_close, assert_values, drawn, gradcheck, normal, stream, vector};

/// Two rows: (1/2, 1/4, 1/4) and uniform.
fn categorical() -> Categorical {
    let ln2 = 2.0_f64.ln();
    Categorical::new(&Tensor::from_slice2(&[
        [ln2 + 3.0, 3.0, 3.0],
        [0.0, 0.0, 0.0],
    ]))
}

#[test]
fn categorical_values() {
    let distribution = categorical();
    let third = 1.0 / 3.0;
    assert_values(
        &distribution.probabilities(),
        &[0.5, 0.25, 0.25, third, third, third],
    );
    assert_values(
        &distribution.log_prob(&Tensor::from_slice(&[0.0_f32, 2.0])),
        &[-(2.0_f64.ln()), -(3.0_f64.ln())],
    );
    assert_values(&distribution.entropy(), &[1.5 * 2.0_f64.ln(), 3.0_f64.ln()]);
    let other = Categorical::new(&Tensor::zeros(
        [2, 3],
        (Kind::Double, nets::tch::Device::Cpu),
    ));
    let kl = 0.5 * 1.5_f64.ln() + 0.5 * 0.75_f64.ln();
    assert_values(&distribution.kl(&other), &[kl, 0.0]);
    let reverse = (third / 0.5_f64).ln() * third + 2.0 * third * (third / 0.25).ln();
    assert_values(&other.kl(&distribution), &[reverse, 0.0]);
    assert_values(&distribution.greedy(), &[0.0, 0.0]);
}

#[test]
fn large_logits_stay_finite() {
    let distribution = Categorical::new(&Tensor::from_slice2(&[[1000.0_f32, 0.0]]));
    assert_values(&distribution.entropy(), &[0.0]);
    assert_values(
        &distribution.log_prob(&Tensor::from_slice(&[1_i64])),
        &[-1000.0],
    );
}

#[test]
fn actions_are_sampled_by_their_probability() {
    let probabilities = [0.1, 0.0, 0.6, 0.3];
    let logits = probabilities.map(|p: f64| p.max(1e-30).ln());
    let count = 20_000;
    let rows = Tensor::from_slice(&logits).expand([count, 4], false);
    let mut stream = stream(0);
    let uniforms: Vec<f64> = (0..count).map(|_| stream.random()).collect();
    let actions = Categorical::new(&rows).sample(&Tensor::from_slice(&uniforms));
    assert_eq!(actions.kind(), Kind::Int64);
    let actions: Vec<i64> = Vec::try_from(actions).unwrap();
    for (action, p) in probabilities.iter().enumerate() {
        let drawn = actions.iter().filter(|a| **a == action as i64).count() as f64;
        let error = (p * (1.0 - p) / count as f64).sqrt();
        assert!(
            (drawn / count as f64 - p).abs() <= 4.0 * error,
            "{action}: {drawn}"
        );
    }
}

#[test]
fn sampling_inverts_the_cumulative_distribution() {
    let distribution = |row: [f32; 3]| Categorical::new(&Tensor::from_slice2(&[row; 5]));
    let uniforms = Tensor::from_slice(&[0.0_f32, 0.49, 0.51, 0.74, 0.999_999_94]);
    let halves = [2.0_f32.ln(), 0.0, 0.0];
    assert_values(
        &distribution(halves).sample(&uniforms),
        &[0.0, 0.0, 1.0, 1.0, 2.0],
    );
    // Where rounding leaves the whole sum below the uniform number.
    let one = Tensor::from_slice(&[1.0_f32; 5]);
    assert_values(&distribution(halves).sample(&one), &[2.0; 5]);
    // The last of positive probability, never one that cannot be.
    for never in [-200.0, f32::NEG_INFINITY] {
        let row = distribution([0.0, 0.0, never]);
        assert_values(&row.sample(&one), &[1.0; 5]);
    }
    let never_first = [-200.0, 0.0, 0.0];
    assert_values(
        &distribution(never_first).sample(&uniforms),
        &[1.0, 1.0, 2.0, 2.0, 2.0],
    );
}

#[test]
fn categorical_gradients() {
    let mut stream = stream(2);
    let logits = [normal(&[4, 3], &mut stream), normal(&[4, 3], &mut stream)];
    let row = normal(&[4], &mut stream);
    let actions = Tensor::from_slice(&[0_i64, 2, 1, 2]);
    let one = &logits[..1];
    gradcheck(one, |at| {
        (Categorical::new(&at[0]).log_prob(&actions) * &row).sum(None)
    });
    gradcheck(one, |at| {
        (Categorical::new(&at[0]).entropy() * &row).sum(None)
    });
    gradcheck(&logits, |at| {
        (Categorical::new(&at[0]).kl(&Categorical::new(&at[1])) * &row).sum(None)
    });
}

fn gaussian() -> DiagonalGaussian {
    let mean = Tensor::from_slice2(&[[0.0, 1.0], [2.0, -1.0]]);
    DiagonalGaussian::new(&mean, &Tensor::from_slice(&[0.0, 2.0_f64.ln()]))
}

#[test]
fn gaussian_values() {
    let half_ln_tau = 0.5 * (2.0 * std::f64::consts::PI).ln();
    let distribution = gaussian();
    let actions = Tensor::from_slice2(&[[0.0, 1.0], [3.0, 1.0]]);
    let at_mean = -2.0 * half_ln_tau - 2.0_f64.ln();
    assert_values(
        &distribution.log_prob(&actions),
        &[at_mean, at_mean - 0.5 - 0.5],
    );
    let entropy = 2.0 * (half_ln_tau + 0.5) + 2.0_f64.ln();
    assert_values(&distribution.entropy(), &[entropy, entropy]);
    let standard = DiagonalGaussian::new(
        &Tensor::zeros([2, 2], (Kind::Double, nets::tch::Device::Cpu)),
        &Tensor::from_slice(&[0.0, 0.0]),
    );
    let narrower = 0.5 * (4.0 - 1.0) - 2.0_f64.ln();
    assert_values(
        &distribution.kl(&standard),
        &[0.5 + narrower, 2.0 + 0.5 + narrower],
    );
    assert_values(&distribution.kl(&gaussian()), &[0.0, 0.0]);
    let noise = Tensor::from_slice2(&[[1.0, 1.0], [0.0, -2.0]]);
    assert_values(&distribution.sample(&noise), &[1.0, 3.0, 2.0, -5.0]);
    assert_values(&distribution.greedy(), &[0.0, 1.0, 2.0, -1.0]);
}

#[test]
fn the_gaussian_density_is_that_of_its_samples() {
    // E[−ln p(sample)] is the entropy.
    let mut stream = stream(3);
    let mean = normal(&[1, 2], &mut stream).expand([20_000, 2], false);
    let distribution = DiagonalGaussian::new(&mean, &Tensor::from_slice(&[-0.5, 0.3]));
    let samples = distribution.sample(&normal(&[20_000, 2], &mut stream));
    let found = -distribution.log_prob(&samples).mean(None).double_value(&[]);
    let expected = vector(&distribution.entropy())[0];
    assert!(
        (found - expected).abs() < 4.0 / 20_000.0_f64.sqrt(),
        "{found}, not {expected}"
    );
}

#[test]
fn gaussian_gradients() {
    let mut stream = stream(4);
    let mut draw = |shape: &[i64]| normal(shape, &mut stream);
    let inputs = [
        draw(&[4, 3]),
        draw(&[3]) * 0.3,
        draw(&[4, 3]),
        draw(&[3]) * 0.3,
    ];
    let (actions, row) = (draw(&[4, 3]), draw(&[4]));
    gradcheck(&inputs[..2], |at| {
        (DiagonalGaussian::new(&at[0], &at[1]).log_prob(&actions) * &row).sum(None)
    });
    gradcheck(&inputs[1..2], |at| {
        (DiagonalGaussian::new(&inputs[0], &at[0]).entropy() * &row).sum(None)
    });
    gradcheck(&inputs, |at| {
        let other = DiagonalGaussian::new(&at[2], &at[3]);
        (DiagonalGaussian::new(&at[0], &at[1]).kl(&other) * &row).sum(None)
    });
    gradcheck(&inputs[..2], |at| {
        DiagonalGaussian::new(&at[0], &at[1])
            .sample(&actions)
            .square()
            .sum(None)
    });
}

fn head(space: &ActionSpace) -> (PolicyHead, Blueprint) {
    let mut blueprint = Blueprint::new();
    let config = PolicyHeadConfig {
        features: 4,
        indices: 0,
        space,
        gain: 0.01,
        std: 0.5,
    };
    let head = PolicyHead::declare(&mut blueprint, "policy.", config).unwrap();
    (head, blueprint)
}

#[test]
fn a_head_gives_the_distribution_of_its_space() {
    let features = normal(&[6, 2, 4], &mut stream(5)).to_kind(Kind::Float);
    let (policy, blueprint) = head(&ActionSpace::Discrete { size: 3 });
    let params = drawn(&blueprint, &mut stream(6));
    let distribution = policy.distribution(&params, &features);
    let Distribution::Categorical(inner) = &distribution else {
        panic!("{distribution:?}")
    };
    assert_eq!(inner.probabilities().size(), [6, 2, 3]);
    assert!(
        distribution.entropy().min().double_value(&[]) > 0.999 * 3.0_f64.ln(),
        "a small gain"
    );
    let actions = Tensor::ones([6, 2], (Kind::Int64, features.device()));
    assert_close(
        &distribution.log_prob(&actions),
        &inner.log_prob(&actions),
        0.0,
    );

    let space = ActionSpace::Box {
        low: vec![-1.0; 2],
        high: vec![1.0; 2],
    };
    let (policy, blueprint) = head(&space);
    let params = drawn(&blueprint, &mut stream(6));
    assert_values(params.get("policy.log_std").unwrap(), &[0.5_f64.ln(); 2]);
    let distribution = policy.distribution(&params, &features);
    assert_eq!(distribution.greedy().size(), [6, 2, 2]);
    assert_eq!(distribution.entropy().size(), [6, 2]);
    assert_eq!(distribution.log_prob(&distribution.greedy()).size(), [6, 2]);
    assert_values(&distribution.kl(&distribution), &[0.0; 12]);
}

#[test]
#[should_panic(expected = "shape of the actions")]
fn actions_of_another_shape_are_refused() {
    let _ = categorical().log_prob(&Tensor::from_slice2(&[[0_i64], [1]]));
}
