use super::*;
use rl_core::{Domain, Moments, Purpose, StreamKey};

fn stream() -> Stream {
    StreamKey::new(5, Domain::HeldOut, 0).lane(Purpose::Action, 0)
}

/// 40,000 draws have the posterior's mean within 3 standard errors, and a
/// fifth, a half and 19 of 20 of them (within 0.0075, 3 standard errors or
/// more) are below the quantiles of those shares.
fn assert_draws(posterior: &impl Posterior) {
    let mut rng = stream();
    let draws: Vec<f64> = (0..40_000).map(|_| posterior.sample(&mut rng)).collect();
    let moments: Moments = draws.iter().copied().collect();
    let error = moments.mean() - posterior.mean();
    assert!(error.abs() < 3.0 * moments.standard_error(), "{error}");
    for wanted in [0.2, 0.5, 0.95] {
        let quantile = posterior.quantile(wanted);
        let below = draws.iter().filter(|draw| **draw < quantile).count();
        let share = below as f64 / draws.len() as f64;
        assert!((share - wanted).abs() < 0.0075, "{share}, not {wanted}");
    }
}

fn assert_near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
}

#[test]
fn beta_by_hand() {
    let mut coin = BetaBernoulli::UNIFORM;
    for success in [true, true, false] {
        coin.observe(success);
    }
    assert_eq!(coin.parameters(), (3.0, 2.0));
    assert_near(coin.mean(), 0.6);
    assert_draws(&coin);
    // Beta(n, 1) has the quantiles p^(1/n).
    let sure = BetaBernoulli::new(4.0, 1.0).unwrap();
    for p in [1e-6, 0.3, 0.999_999] {
        assert_near(sure.quantile(p), f64::powf(p, 0.25));
    }
    assert_eq!((sure.quantile(0.0), sure.quantile(1.0)), (0.0, 1.0));
}

#[test]
fn normal_by_hand() {
    let mut mean = Normal::new(1.0, 1.0).unwrap();
    mean.observe(4.0, 2.0);
    // (1 · 1 + 2 · 4) / 3
    assert_near(mean.mean(), 3.0);
    assert_near(mean.precision(), 3.0);
    mean.observe(0.0, 3.0);
    assert_near(mean.mean(), 1.5);
    mean.observe(f64::NAN, 1.0);
    mean.observe(1.0, f64::INFINITY);
    assert_near(mean.precision(), 6.0);
    assert_draws(&mean);
    // The 97.5 % point of the standard normal distribution.
    let standard = Normal::new(0.0, 1.0).unwrap();
    assert_near(standard.quantile(0.975), 1.959_963_984_540_054);
    assert_near(standard.quantile(0.025), -1.959_963_984_540_054);
}

#[test]
fn normal_gamma_by_hand() {
    let mut mean = NormalGamma::new(0.0, 1.0, 1.0, 1.0).unwrap();
    mean.observe(2.0);
    // β grows by κ x² / 2(κ + 1) = 1.
    assert_eq!(mean.parameters(), (1.0, 2.0, 1.5, 2.0));
    mean.observe(1.0);
    assert_eq!(mean.parameters(), (1.0, 3.0, 2.0, 2.0));
    mean.observe(f64::INFINITY);
    assert_eq!(mean.parameters(), (1.0, 3.0, 2.0, 2.0));
    assert_draws(&mean);
    // With 4 degrees of freedom the 97.5 % point is 2.776445105197793, and the
    // scale of the mean is √(2 / 6).
    let point = 2.776_445_105_197_793;
    assert_near(mean.quantile(0.975), 1.0 + point / f64::sqrt(3.0));
    assert_near(mean.quantile(0.025), 1.0 - point / f64::sqrt(3.0));
}

/// What one learns from does not depend on the order of observations, and
/// agrees with the closed form for all of them at once.
#[test]
fn normal_gamma_is_that_of_the_whole_sample() {
    let sample = [0.3, -1.2, 2.5, 0.9, 0.0, 3.1];
    let prior = NormalGamma::new(0.5, 2.0, 3.0, 1.5).unwrap();
    let mut forward = prior;
    sample.iter().for_each(|x| forward.observe(*x));
    let mut backward = prior;
    sample.iter().rev().for_each(|x| backward.observe(*x));
    let n = sample.len() as f64;
    let average = sample.iter().sum::<f64>() / n;
    let spread: f64 = sample.iter().map(|x| (x - average).powi(2)).sum();
    let rate = 1.5 + 0.5 * spread + 2.0 * n * (average - 0.5).powi(2) / (2.0 * (2.0 + n));
    for posterior in [forward, backward] {
        let (mean, kappa, alpha, beta) = posterior.parameters();
        assert_near(mean, (2.0 * 0.5 + n * average) / (2.0 + n));
        assert_near(kappa, 2.0 + n);
        assert_near(alpha, 3.0 + 0.5 * n);
        assert_near(beta, rate);
    }
}

#[test]
fn dirichlet_by_hand() {
    let mut outcomes = Dirichlet::flat(3, 1.0).unwrap();
    for outcome in [2, 2, 0, 7] {
        outcomes.observe(outcome);
    }
    assert_eq!(outcomes.counts(), [2.0, 1.0, 3.0]);
    let mut mean = [0.0; 3];
    outcomes.mean(&mut mean);
    assert_near(mean[0], 1.0 / 3.0);
    let (mut rng, mut draw) = (stream(), [0.0; 3]);
    let mut moments: [Moments; 3] = std::array::from_fn(|_| Moments::default());
    for _ in 0..40_000 {
        outcomes.sample(&mut rng, &mut draw);
        assert!((draw.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        moments.iter_mut().zip(draw).for_each(|(m, p)| m.push(p));
    }
    for (moments, (mean, count)) in moments.iter().zip(mean.iter().zip(outcomes.counts())) {
        assert!((moments.mean() - mean).abs() < 3.0 * moments.standard_error());
        let variance = count * (6.0 - count) / (36.0 * 7.0);
        assert!((moments.standard_deviation() / variance.sqrt() - 1.0).abs() < 0.02);
    }
}

/// Where the counts are tiny one outcome has nearly all probability; which
/// one goes by the counts: within 0.03, 3 standard errors of 2,500 draws.
#[test]
fn tiny_counts_draw_corners() {
    let mut outcomes = Dirichlet::flat(2, 1e-300).unwrap();
    let (mut rng, mut draw) = (stream(), [0.0; 2]);
    let mut first = 0.0;
    for _ in 0..2500 {
        outcomes.sample(&mut rng, &mut draw);
        assert_eq!(draw[0] + draw[1], 1.0);
        first += draw[0];
    }
    assert!((first / 2500.0 - 0.5_f64).abs() < 0.03, "{first}");
    outcomes.observe(1);
    outcomes.sample(&mut rng, &mut draw);
    assert_eq!(draw, [0.0, 1.0]);
}

#[test]
fn impossible_priors_are_refused() {
    let message = |found: Result<(), SettingError>| found.unwrap_err().to_string();
    assert_eq!(
        message(Normal::new(1.0, 0.0).map(drop)),
        "Normal.precision = 0; allowed: a finite number above 0"
    );
    assert_eq!(
        message(NormalGamma::new(f64::NAN, 1.0, 1.0, 1.0).map(drop)),
        "NormalGamma.mean = NaN; allowed: a finite number"
    );
    assert!(message(BetaBernoulli::new(1.0, f64::INFINITY).map(drop)).contains("b = inf"));
    assert!(message(Dirichlet::flat(0, 1.0).map(drop)).contains("outcomes = 0"));
    assert!(message(Dirichlet::flat(2, -1.0).map(drop)).contains("count = -1"));
}
