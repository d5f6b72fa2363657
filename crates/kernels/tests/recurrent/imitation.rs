//! The divergence from a teacher: its value, gradient and agreement.

use kernels::{Categorical, Isa, Labels};

const ACTIONS: usize = 5;
/// More than a vector of rows, and not a multiple of one.
const ROWS: usize = 37;

/// Numbers that look random, from -1 to 1.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Labels of every kind: one action, several alike, and all with some probability.
fn labels() -> Vec<f32> {
    let mut labels = numbers(ROWS * ACTIONS, 3);
    for (row, label) in labels.chunks_exact_mut(ACTIONS).enumerate() {
        match row % 3 {
            0 => label
                .iter_mut()
                .enumerate()
                .for_each(|(a, p)| *p = f32::from(a == row % ACTIONS)),
            1 => label
                .iter_mut()
                .enumerate()
                .for_each(|(a, p)| *p = if a < 2 { 0.5 } else { 0.0 }),
            _ => {
                label.iter_mut().for_each(|p| *p += 1.5);
                let sum: f32 = label.iter().sum();
                label.iter_mut().for_each(|p| *p /= sum);
            }
        }
    }
    labels
}

/// `sum_i w_i sum_a l_ia (ln l_ia - ln softmax(logits_i)_a)` in double precision.
fn divergence(labels: &[f32], weights: &[f32], logits: &[f64]) -> f64 {
    let rows = labels
        .chunks_exact(ACTIONS)
        .zip(logits.chunks_exact(ACTIONS));
    let of_row = |(label, logits): (&[f32], &[f64])| -> f64 {
        let sum: f64 = logits.iter().map(|x| x.exp()).sum();
        let both = label.iter().zip(logits).filter(|(l, _)| **l > 0.0);
        both.map(|(l, x)| f64::from(*l) * (f64::from(*l).ln() - (x - sum.ln())))
            .sum()
    };
    rows.zip(weights)
        .map(|(row, w)| f64::from(*w) * of_row(row))
        .sum()
}

#[test]
fn the_divergence_and_its_gradient_are_those_of_double_precision() {
    let labels = labels();
    let logits: Vec<f32> = numbers(ROWS * ACTIONS, 5).iter().map(|x| 3.0 * x).collect();
    let mut weights = numbers(ROWS, 7);
    weights.iter_mut().for_each(|w| *w = w.abs());
    weights[11] = 0.0;
    let given = vec![0.25; logits.len()];
    let lesson = Labels {
        labels: &labels,
        weights: &weights,
        coefficient: 0.5,
    };
    let mut both = Vec::new();
    for isa in Isa::available() {
        let mut gradient = given.clone();
        let found = Categorical::new(ACTIONS, isa).imitate(&lesson, &logits, &mut gradient);
        let exact: Vec<f64> = logits.iter().map(|x| f64::from(*x)).collect();
        let wanted = divergence(&labels, &weights, &exact);
        assert!(
            (found.divergence / wanted - 1.0).abs() < 1e-5,
            "{found:?}, {wanted}"
        );
        for at in 0..logits.len() {
            let moved = |by: f64| {
                let mut logits = exact.clone();
                logits[at] += by;
                divergence(&labels, &weights, &logits)
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let own = f64::from(gradient[at]) - 0.25;
            assert!((own - 0.5 * numeric).abs() < 1e-6, "{at}: {own}, {numeric}");
        }
        both.push((found, gradient));
    }
    assert!(
        both.windows(2).all(|pair| pair[0] == pair[1]),
        "bits of instruction sets"
    );
}

/// Two rows agree, one by the second of two alike; the third does not, and the fourth
/// has no weight.
#[test]
fn agreement_counts_likeliest_actions() {
    let labels = [1.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    let logits = [2.0, 1.0, 0.0, 0.0, 1.0, 0.5, 3.0, 1.0, 2.0, 0.0, 1.0, 0.0];
    let lesson = Labels {
        labels: &labels,
        weights: &[0.25, 0.5, 0.125, 0.0],
        coefficient: 1.0,
    };
    let found = Categorical::new(3, Isa::best()).imitate(&lesson, &logits, &mut [0.0; 12]);
    assert_eq!(found.agreement, 0.75);
}
