use super::*;
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::StandardNormal;
use rl_core::{Domain, Purpose, Stream, StreamKey};

const PLAIN: FtrlSettings = FtrlSettings {
    loss: Loss::Squared,
    alpha: 0.5,
    beta: 1.0,
    l1: 0.0,
    l2: 0.0,
};

fn stream() -> Stream {
    StreamKey::new(9, Domain::HeldOut, 0).lane(Purpose::Dynamics, 0)
}

fn assert_weights(model: &FtrlProximal, wanted: &[f64]) {
    for (found, wanted) in model.weights().iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
    }
}

#[test]
fn two_squared_steps_by_hand() {
    let mut model = FtrlProximal::new(2, PLAIN).unwrap();
    // The gradient is −3 · (1, 0): z = −3, n = 9, w = 3 / ((1 + 3) / ½).
    assert_eq!(model.observe(&[1.0, 0.0], 3.0), Ok(0.0));
    assert_weights(&model, &[0.375, 0.0]);
    // It expects ¾, so the gradient is −4 · (2, 1): √n = √73 and 4,
    // σ = (√73 − 3) / ½ on the first; z = −11 − σ · 0.375 and −4.
    assert_eq!(model.observe(&[2.0, 1.0], 4.75), Ok(0.75));
    let root = f64::sqrt(73.0);
    let first = (11.0 + 0.75 * (root - 3.0)) / (2.0 * (1.0 + root));
    assert_weights(&model, &[first, 4.0 / 10.0]);
}

#[test]
fn two_logistic_steps_by_hand() {
    let settings = FtrlSettings {
        loss: Loss::Logistic,
        alpha: 1.0,
        beta: 0.0,
        l1: 0.25,
        l2: 0.5,
    };
    let mut model = FtrlProximal::new(1, settings).unwrap();
    // It expects ½ of a 1: z = −½, n = ¼, w = (½ − ¼) / (½ + ½).
    assert_eq!(model.observe(&[1.0], 1.0), Ok(0.5));
    assert_weights(&model, &[0.25]);
    // Then p of a 0: z = −½ + p − (√(¼ + p²) − ½) / 4, within λ₁ of 0.
    let p = 1.0 / (1.0 + f64::exp(-0.25));
    assert_eq!(model.observe(&[1.0], 0.0), Ok(p));
    assert!((p - 0.5 - (f64::hypot(0.5, p) - 0.5) / 4.0).abs() < 0.25);
    assert_eq!(model.weights(), [0.0]);
}

/// Without penalties, weights are those of gradient descent with the rate
/// α / √n of each feature.
#[test]
fn without_penalties_it_is_adaptive_gradient_descent() {
    let settings = FtrlSettings { beta: 0.0, ..PLAIN };
    let mut model = FtrlProximal::new(3, settings).unwrap();
    let (mut weights, mut squares, mut rng) = ([0.0; 3], [0.0_f64; 3], stream());
    for _ in 0..50 {
        let x: [f64; 3] = std::array::from_fn(|_| rng.sample(StandardNormal));
        let target = x[0] - 2.0 * x[1] + 0.5;
        let expected = x[0] * weights[0] + x[1] * weights[1] + x[2] * weights[2];
        model.observe(&x, target).unwrap();
        for i in 0..3 {
            let gradient: f64 = (expected - target) * x[i];
            squares[i] += gradient * gradient;
            weights[i] -= 0.5 / squares[i].sqrt() * gradient;
        }
        assert_weights(&model, &weights);
    }
}

/// An example of 12 features, of which the last is 1 and the first three tell
/// of the outcome, with its probability.
fn example(rng: &mut Stream) -> ([f64; 12], f64, f64) {
    let mut x: [f64; 12] = std::array::from_fn(|_| rng.sample(StandardNormal));
    x[11] = 1.0;
    let score = 1.5 * x[0] - 1.0 * x[1] + 0.8 * x[2] - 0.5;
    let probability = 1.0 / (1.0 + f64::exp(-score));
    let outcome = f64::from(u8::from(rng.random::<f64>() < probability));
    (x, outcome, probability)
}

fn log_loss(probability: f64, outcome: f64) -> f64 {
    -(outcome * probability.ln() + (1.0 - outcome) * (1.0 - probability).ln())
}

/// On 20,000 examples the average loss is above that of the weights by which
/// the outcomes were drawn by no more than 0.01 in the first half and 0.002 in
/// the second.
#[test]
fn the_loss_approaches_that_of_the_true_weights() {
    let settings = FtrlSettings {
        loss: Loss::Logistic,
        alpha: 0.1,
        ..PLAIN
    };
    let mut model = FtrlProximal::new(12, settings).unwrap();
    let (mut rng, mut excess) = (stream(), [0.0; 2]);
    for number in 0..20_000 {
        let (x, outcome, probability) = example(&mut rng);
        let expected = model.observe(&x, outcome).unwrap();
        excess[number / 10_000] += log_loss(expected, outcome) - log_loss(probability, outcome);
    }
    let [first, second] = excess.map(|sum| sum / 10_000.0);
    assert!(first < 0.01 && second < 0.002, "{first}, {second}");
    for (weight, wanted) in model.weights().iter().zip([1.5, -1.0, 0.8]) {
        assert!((weight - wanted).abs() < 0.1, "{weight}, not {wanted}");
    }
}

/// What tells nothing gets a weight of exactly 0, the rest does not; without
/// λ₁ no weight is 0.
#[test]
fn an_l1_penalty_leaves_out_what_tells_nothing() {
    let zeros = |l1: f64| {
        let settings = FtrlSettings {
            loss: Loss::Logistic,
            l1,
            ..PLAIN
        };
        let mut model = FtrlProximal::new(12, settings).unwrap();
        let mut rng = stream();
        for _ in 0..5000 {
            let (x, outcome, _) = example(&mut rng);
            model.observe(&x, outcome).unwrap();
        }
        let weights = model.weights().iter().enumerate();
        let zeros = weights.filter(|(_, weight)| **weight == 0.0);
        zeros.map(|(index, _)| index).collect::<Vec<_>>()
    };
    assert_eq!(zeros(150.0), [3, 4, 5, 6, 7, 8, 9, 10]);
    assert!(zeros(0.0).is_empty());
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let message = |settings| FtrlProximal::new(1, settings).unwrap_err().to_string();
    assert_eq!(
        message(FtrlSettings {
            alpha: 0.0,
            ..PLAIN
        }),
        "FTRL-Proximal: alpha = 0; allowed: a finite number above 0"
    );
    assert_eq!(
        message(FtrlSettings { l1: -1.0, ..PLAIN }),
        "FTRL-Proximal: l1 = -1; allowed: a finite number, at least 0"
    );
    assert!(
        message(FtrlSettings {
            beta: f64::NAN,
            ..PLAIN
        })
        .contains("beta = NaN")
    );
    let settings = FtrlSettings {
        loss: Loss::Logistic,
        ..PLAIN
    };
    let mut model = FtrlProximal::new(2, settings).unwrap();
    let mut message = |x: &[f64], target| model.observe(x, target).unwrap_err().to_string();
    assert_eq!(
        message(&[1.0], 1.0),
        "FTRL-Proximal: an example has 1 features; it must have 2"
    );
    assert_eq!(
        message(&[1.0, f64::INFINITY], 1.0),
        "FTRL-Proximal: feature 1 is inf; allowed: finite numbers"
    );
    assert_eq!(
        message(&[1.0, 0.0], 2.0),
        "FTRL-Proximal: the target is 2; allowed: 0 to 1"
    );
    assert_eq!(model.weights(), [0.0, 0.0]);
}
