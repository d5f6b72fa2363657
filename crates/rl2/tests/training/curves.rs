//! The backends learn alike.

use crate::common::{config, constant, trainer};
use agent::BackendKind;
use rl2::Rl2Config;

const SEEDS: u64 = 8;
const UPDATES: usize = 24;
const PARTS: usize = 4;

/// Mean returns over quarters of a training, for several seeds.
fn curves(config: &Rl2Config, first_seed: u64) -> Vec<[f64; PARTS]> {
    let curve = |seed| {
        let mut trainer = trainer(config.clone(), seed, 2);
        let mut parts = [0.0; PARTS];
        for update in 0..UPDATES {
            let part = update * PARTS / UPDATES;
            parts[part] += trainer.update().unwrap().mean_return * PARTS as f64 / UPDATES as f64;
        }
        parts
    };
    (first_seed..first_seed + SEEDS).map(curve).collect()
}

/// How many standard errors lie between two sets of curves, where they are
/// furthest apart.
fn distance(a: &[[f64; PARTS]], b: &[[f64; PARTS]]) -> f64 {
    let moments = |curves: &[[f64; PARTS]], part: usize| {
        let n = curves.len() as f64;
        let mean = curves.iter().map(|c| c[part]).sum::<f64>() / n;
        let squares = curves.iter().map(|c| (c[part] - mean).powi(2)).sum::<f64>();
        (mean, squares / (n - 1.0) / n)
    };
    let apart = (0..PARTS).map(|part| {
        let ((a, error_a), (b, error_b)) = (moments(a, part), moments(b, part));
        (a - b).abs() / (error_a + error_b).sqrt()
    });
    apart.fold(0.0, f64::max)
}

#[test]
fn both_backends_learn_along_the_same_curve() {
    // Seeds of their own, so that nothing but the law of the curves agrees.
    let native = curves(&config(BackendKind::Native), 0);
    let torch = curves(&config(BackendKind::Torch), 100);
    let apart = distance(&native, &torch);
    assert!(
        apart < 3.5,
        "{apart} standard errors: {native:?}, {torch:?}"
    );
    let gain = native[0][PARTS - 1] - native[0][0];
    assert!(gain > 1.0, "there is a curve to compare: {native:?}");
    // The same comparison finds a step size that is off by half.
    let slow = Rl2Config {
        learning_rate: constant(0.005),
        ..config(BackendKind::Torch)
    };
    let apart = distance(&native, &curves(&slow, 200));
    assert!(apart > 5.0, "{apart} standard errors between step sizes");
}
