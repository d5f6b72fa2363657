//! Fits whose solutions are known.

use super::*;
use rl_core::{ActionSpace, EnvSpec, ObservationSpace, Trial};

#[test]
fn it_finds_the_function_that_made_the_returns() {
    // V = 2 − 3 o + 0.5 o² + 4 t/100 − (t/100)³
    let made = |o: f64, t: f64| 2.0 - 3.0 * o + 0.5 * o * o + 4.0 * t - t * t * t;
    let mut baseline = LinearBaseline::new(1, true, 1e-9);
    for step in 0..100 {
        let observation = ((step * 37 % 11) as f32 - 5.0) / 4.0;
        let target = made(f64::from(observation), step as f64 / 100.0);
        baseline.add(&[observation], step, target);
    }
    baseline.fit();
    let expected = [-3.0, 0.5, 4.0, 0.0, -1.0, 2.0];
    for (w, e) in baseline.weights().iter().zip(expected) {
        assert!((w - e).abs() < 1e-4, "{:?}", baseline.weights());
    }
    assert!((baseline.value(&[0.7], 30) - made(f64::from(0.7_f32), 0.3)).abs() < 1e-5);
}

#[test]
fn literal_values() {
    // One sample at o = 1, t = 0, return 8: features (1, 1, 0, 0, 0, 1), and
    // the smallest weights that explain it under the ridge r are 8 / (3 + r)
    // on each of the three.
    let mut baseline = LinearBaseline::new(1, true, 1.0);
    baseline.add(&[1.0], 0, 8.0);
    baseline.fit();
    for (w, e) in baseline
        .weights()
        .iter()
        .zip([2.0, 2.0, 0.0, 0.0, 0.0, 2.0])
    {
        assert!((w - e).abs() < 1e-12, "{:?}", baseline.weights());
    }
    assert!((baseline.value(&[2.0], 100) - 14.0).abs() < 1e-12);
    baseline.begin();
    baseline.fit();
    assert_eq!(baseline.weights(), [0.0; 6], "nothing seen");
}

#[test]
fn a_singular_fit_gets_a_larger_ridge() {
    // Of symbols the constant is the sum, and huge returns lose the ridge in
    // rounding.
    let mut baseline = LinearBaseline::new(2, false, 1e-300);
    for _ in 0..1000 {
        baseline.add(&[1e6, 0.0], 50, 3e9);
        baseline.add(&[0.0, 1e6], 50, 3e9);
    }
    baseline.fit();
    assert!(baseline.weights().iter().all(|w| w.is_finite()));
    let value = baseline.value(&[1e6, 0.0], 50);
    assert!(value == 0.0 || (value - 3e9).abs() < 1e6, "{value}");
}

#[test]
fn what_was_cut_off_is_worth_what_the_baseline_says() {
    // States 0 and 1 in turn, reward 1 in state 0: V(0) = 1 / (1 − γ²), and
    // V(1) = γ V(0). Episodes of 3 and 4 steps from either state.
    let gamma: f64 = 0.9;
    let mut baseline = LinearBaseline::timeless(1, true, 1e-9);
    for (start, steps) in [(0, 3), (1, 3), (0, 4), (1, 4)] {
        let state = |t: usize| ((start + t) % 2) as f32;
        let mut later = 0.0;
        for t in (0..steps).rev() {
            later = f64::from(1.0 - state(t)) + gamma * later;
            baseline.add(&[state(t)], t, later);
        }
        let seen: Vec<f32> = (0..steps).map(state).collect();
        baseline.cut_off(&seen, &[state(steps)], gamma);
    }
    baseline.fit_cut_off(CutOff {
        last: &[0.0, 1.0],
        range: 0.0..=1.0 / (1.0 - gamma),
    });
    let first = 1.0 / (1.0 - gamma * gamma);
    assert!((baseline.value(&[0.0], 2) - first).abs() < 1e-6);
    assert!((baseline.value(&[1.0], 0) - gamma * first).abs() < 1e-6);
}

/// What is counted before a training is what it then holds.
#[test]
fn bytes_are_those_that_are_allocated() {
    let spaces = [
        ObservationSpace::Vector { size: 5 },
        ObservationSpace::Discrete { size: 7 },
    ];
    for observation in spaces {
        let encoding = Encoding::new(&EnvSpec {
            name: "seen".into(),
            observation,
            action: ActionSpace::Discrete { size: 2 },
            horizon: 2,
            trial: Trial::Episodes(1),
        });
        let (inputs, squares) = (encoding.size(), !encoding.is_symbol());
        let timed = LinearBaseline::new(inputs, squares, 1e-5);
        let mut timeless = LinearBaseline::timeless(inputs, squares, 1e-5);
        let seen: Vec<f32> = (0..2 * inputs).map(|index| index as f32).collect();
        for (step, row) in seen.chunks_exact(inputs).enumerate() {
            timeless.add(row, step, 1.0);
        }
        timeless.cut_off(&seen, &seen[inputs..], 0.9);
        timeless.fit_cut_off(CutOff {
            last: &seen[inputs..],
            range: 0.0..=10.0,
        });
        assert_eq!(allocated(&timed), LinearBaseline::bytes(&encoding, true));
        assert_eq!(
            allocated(&timeless),
            LinearBaseline::bytes(&encoding, false)
        );
    }
}

/// Names every field, so that none is forgotten.
fn allocated(baseline: &LinearBaseline) -> f64 {
    let LinearBaseline {
        inputs: _,
        squares: _,
        timed: _,
        ridge: _,
        range: _,
        weights,
        feature,
        normal,
        right,
        factor,
        tails,
        carried,
    } = baseline;
    let numbers = [weights, feature, normal, right, factor, tails, carried];
    8.0 * numbers.map(Vec::capacity).iter().sum::<usize>() as f64
}

/// A walk without end on −10 to 10 with steps of −0.3 to 0.3, paid −√|o|.
fn walk(rng: &mut u64, at: f64) -> (f64, f64) {
    *rng = rng.wrapping_mul(6364136223846793005).wrapping_add(1);
    let uniform = (*rng >> 33) as f64 / f64::from(1_u32 << 31);
    let next = (at + 0.6 * (uniform - 0.5)).clamp(-10.0, 10.0);
    (next, -next.abs().sqrt())
}

/// What a start at 0 earns, from walks until γ has left a thousandth.
fn truth(gamma: f64) -> f64 {
    let (mut rng, walks) = (7, 200);
    let steps = (1e-3_f64.ln() / gamma.ln()) as i32;
    let mut total = 0.0;
    for _ in 0..walks {
        let mut at = 0.0;
        for step in 0..steps {
            let (next, reward) = walk(&mut rng, at);
            total += gamma.powi(step) * reward;
            at = next;
        }
    }
    total / f64::from(walks)
}

/// Episodes of 100 steps show little of what a value at γ close to 1 is made of.
#[test]
fn what_was_cut_off_is_never_worth_the_impossible() {
    for gamma in [0.99, 0.995, 0.999] {
        let truth = truth(gamma);
        for seed in 0..20 {
            let mut rng = seed;
            let mut baseline = LinearBaseline::timeless(1, true, 1e-5);
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            let mut last = Vec::new();
            for _ in 0..20 {
                let (mut seen, mut returns, mut at) = (Vec::new(), Vec::new(), 0.0);
                for _ in 0..100 {
                    seen.push(at as f32);
                    let (next, reward) = walk(&mut rng, at);
                    (least, most) = (least.min(reward), most.max(reward));
                    returns.push(reward);
                    at = next;
                }
                for step in (0..99).rev() {
                    returns[step] += gamma * returns[step + 1];
                }
                for (step, target) in returns.iter().enumerate() {
                    baseline.add(&seen[step..=step], step, *target);
                }
                baseline.cut_off(&seen, &[at as f32], gamma);
                last.push(at as f32);
            }
            let range = least / (1.0 - gamma)..=most / (1.0 - gamma);
            baseline.fit_cut_off(CutOff {
                last: &last,
                range: range.clone(),
            });
            for observation in &last {
                let value = baseline.predict(&[*observation], 100);
                assert!(range.contains(&value), "γ {gamma}, {seed}: {value}");
            }
            let first = baseline.value(&[0.0], 0);
            if gamma < 0.999 {
                let off = (first / truth - 1.0).abs();
                assert!(off < 0.5, "seed {seed}: {first} instead of {truth}");
            }
        }
    }
}

/// Sums of rows that are nearly all 0, as they are with every product in them.
#[test]
fn what_is_left_out_leaves_every_bit() {
    let rows: [[f32; 3]; 4] = [
        [0.0, -2.5, 1.0],
        [-0.0, 0.1, 0.0],
        [0.0, 0.0, -1.0],
        [3.0, -0.0, 0.0],
    ];
    let mut baseline = LinearBaseline::new(3, true, 1e-5);
    let n = baseline.weights.len();
    let (mut normal, mut right) = (vec![0.0_f64; n * n], vec![0.0_f64; n]);
    for (step, (row, target)) in rows.iter().zip([1.5, -0.0, -7.25, 0.3]).enumerate() {
        baseline.add(row, step, target);
        let x = baseline.feature.clone();
        for a in 0..n {
            for b in 0..=a {
                normal[a * n + b] += x[a] * x[b];
            }
            right[a] += x[a] * target;
        }
    }
    let bits = |sums: &[f64]| sums.iter().map(|s| s.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&baseline.normal), bits(&normal));
    assert_eq!(bits(&baseline.right), bits(&right));
}
