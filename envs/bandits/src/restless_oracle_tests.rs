use super::*;
use rl_core::rand::RngExt as _;

/// The expected probability of the first arm after every update of a history.
fn follow(filter: &Filter, history: &[bool]) -> Vec<f64> {
    let mut belief = Belief::default();
    let expected = history.iter().map(|for_first| {
        filter.update(&mut belief, *for_first);
        filter.first(&belief)
    });
    expected.collect()
}

fn history(seed: u64, pulls: usize) -> Vec<bool> {
    let mut rng = StreamKey::new(seed, Domain::Tuning, 1).lane(Purpose::Task, 0);
    let chance: f64 = rng.random();
    (0..pulls).map(|_| rng.random::<f64>() < chance).collect()
}

/// E p₀ p₁ of a step of volatility σ, by the cosine series of p, which is
/// ½ − 4/π² Σ cos(jπp)/j² over odd j.
fn product(volatility: f64) -> f64 {
    let odd = (0..500).map(|half| f64::from(2 * half + 1));
    let term = |j: f64| {
        let decay = (-(j * PI * volatility).powi(2) / 2.0).exp();
        8.0 * decay / (PI * j).powi(4)
    };
    0.25 + odd.map(term).sum::<f64>()
}

#[test]
fn one_pull_tells_what_the_series_says() {
    for volatilities in [[0.0, 0.0], [0.02, 0.1], [0.0, 1.0], [0.3, 0.5]] {
        let filter = Filter::new(volatilities);
        let mean = volatilities.map(product).iter().sum::<f64>() / 2.0;
        for (for_first, wanted) in [(true, 2.0 * mean), (false, 1.0 - 2.0 * mean)] {
            let found = follow(&filter, &[for_first])[0];
            assert!(
                (found - wanted).abs() < 1e-4,
                "{volatilities:?}: {found}, {wanted}"
            );
        }
        let bandit = RestlessBandit::new(2, volatilities[0], volatilities[1]).unwrap();
        let lost = lost(&bandit, &filter, 2, 10_000);
        let error = (1.5 - lost.mean() - (0.5 + 2.0 * mean)) / lost.standard_error();
        assert!(
            error.abs() < 3.0,
            "{volatilities:?}: {error} standard errors"
        );
    }
}

/// Without any drift, Laplace's rule of succession.
#[test]
fn arms_at_rest_are_learned_as_any() {
    let filter = Filter::new([0.0, 0.0]);
    for seed in 0..10 {
        let history = history(seed, 100);
        let mut successes = 0.0;
        for (index, found) in follow(&filter, &history).into_iter().enumerate() {
            successes += f64::from(u8::from(history[index]));
            let wanted = (successes + 1.0) / (index as f64 + 3.0);
            assert!((found - wanted).abs() < 1e-3, "{index}: {found}, {wanted}");
        }
    }
}

#[test]
fn the_grid_is_fine_enough() {
    for volatilities in [[0.0, 0.1], [0.02, 0.1], [0.005, 0.3]] {
        let coarse = Filter::new(volatilities);
        let fine = Filter::on_grid(volatilities, 2 * POINTS);
        for seed in 0..5 {
            let history = history(seed, 100);
            let pairs = follow(&coarse, &history);
            for (one, other) in pairs.into_iter().zip(follow(&fine, &history)) {
                assert!(
                    (one - other).abs() < 1e-3,
                    "{volatilities:?}: {one}, {other}"
                );
            }
        }
        let bandit = RestlessBandit::new(100, volatilities[0], volatilities[1]).unwrap();
        let [coarse, fine] = [coarse, fine].map(|filter| lost(&bandit, &filter, 100, 100).mean());
        assert!((coarse / fine - 1.0).abs() < 1e-2, "{coarse}, {fine}");
    }
}

/// The volatility itself is inferred: the same last rewards weigh more after a
/// history that switched often.
#[test]
fn volatility_is_learned() {
    let filter = Filter::new([0.01, 0.2]);
    let steady = vec![true; 60];
    let mut switching: Vec<bool> = (0..60).map(|pull| pull / 10 % 2 == 0).collect();
    switching[50..].fill(true);
    let high = |history: &[bool]| {
        let mut belief = Belief::default();
        history
            .iter()
            .for_each(|one| filter.update(&mut belief, *one));
        belief.weights[POINTS..].iter().sum::<f64>()
    };
    assert!(high(&steady) < 0.5 && high(&switching) > 0.9);
}
