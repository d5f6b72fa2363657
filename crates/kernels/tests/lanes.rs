//! One small network in many lanes: against sums by hand, f32 against f64, and the same
//! bits on every vector width.

use kernels::Isa;
use kernels::lanes::{
    LstmStep, PAD, Recording, Weights, affine, affine_inputs, affine_weights, lstm, lstm_backward,
    preprocess, preprocess_backward, sigmoids,
};
use kernels::mlp::Real;

const LANES: usize = 3 * PAD;
// Rows and columns for every block that products are made of.
const INPUTS: usize = 16;
const HIDDEN: usize = 5;

fn numbers<F: Real>(count: usize, from: usize) -> Vec<F> {
    let wave = |i: usize| 0.8 * (0.37 * ((i + from) * (i + from) % 101) as f64).sin();
    (0..count).map(|i| F::from_f64(wave(i))).collect()
}

/// Everything that the module computes, one after the other.
fn all<F: Real>(isa: Isa) -> Vec<F> {
    let rows = 4 * HIDDEN;
    let (data, bias) = (numbers::<F>(rows * (INPUTS + 2), 1), numbers::<F>(rows, 2));
    let weights = Weights {
        data: &data,
        outputs: rows,
        inputs: INPUTS,
        stride: INPUTS + 2,
    };
    let x = numbers::<F>(INPUTS * LANES, 3);
    let mut gates = vec![F::ZERO; rows * LANES];
    let halves = x.split_at(3 * LANES).into();
    affine(isa, weights, Some(&bias), [&x, &[]], &mut gates);
    affine(isa, weights, None, halves, &mut gates);
    let mut found = gates.clone();
    let before = numbers::<F>(HIDDEN * LANES, 4);
    let (mut cells, mut hidden) = (before.clone(), vec![F::ZERO; HIDDEN * LANES]);
    lstm(isa, &mut gates, &mut cells, &mut hidden);
    let step = LstmStep {
        gates: &gates,
        before: &before,
        after: &cells,
    };
    let dh = numbers::<F>(HIDDEN * LANES, 5);
    let mut dc = numbers::<F>(HIDDEN * LANES, 6);
    let mut dz = vec![F::ZERO; rows * LANES];
    lstm_backward(isa, step, &dh, &mut dc, &mut dz);
    let mut dx = numbers::<F>(INPUTS * LANES, 7);
    affine_inputs(isa, weights, &dz, &mut dx);
    let (mut dw, mut db) = (vec![F::ZERO; data.len()], vec![F::ZERO; rows]);
    let both = (
        Recording { data: &dz, rows },
        Recording {
            data: &x,
            rows: INPUTS,
        },
    );
    affine_weights(isa, LANES, both, (&mut dw, INPUTS + 2), Some(&mut db));
    let (mut few, three) = (vec![F::ZERO; 3 * INPUTS], &dz[..3 * LANES]);
    let both = (
        Recording {
            data: three,
            rows: 3,
        },
        both.1,
    );
    affine_weights(isa, LANES, both, (&mut few, INPUTS), None);
    let mut features = vec![F::ZERO; 2 * LANES];
    // Some of them below e^−p.
    let mut small = numbers::<F>(LANES, 8);
    small[..PAD]
        .iter_mut()
        .for_each(|x| *x = F::from_f64(1e-3) * *x);
    preprocess(isa, F::from_f64(4.0), &small, &mut features);
    let mut dsmall = vec![F::ZERO; LANES];
    let dfeatures = numbers::<F>(2 * LANES, 9);
    preprocess_backward(F::from_f64(4.0), &small, &dfeatures, &mut dsmall);
    let mut opened = numbers::<F>(LANES, 10);
    sigmoids(isa, &mut opened);
    for part in [
        cells, hidden, gates, dz, dc, dx, dw, db, few, features, dsmall, opened,
    ] {
        found.extend(part);
    }
    found
}

#[test]
fn single_precision_is_double_precision_up_to_rounding() {
    let [single, double] = [
        all::<f32>(Isa::best())
            .into_iter()
            .map(f64::from)
            .collect::<Vec<_>>(),
        all::<f64>(Isa::best()),
    ];
    for (index, (a, b)) in single.iter().zip(&double).enumerate() {
        assert!(
            (a - b).abs() < 3e-5 * b.abs().max(1.0),
            "{index}: {a} and not {b}"
        );
    }
}

/// Those that fuse give the same bits.
#[test]
fn vector_widths_change_no_bit() {
    let fused = Isa::available().filter(|isa| isa.is_fused());
    let mut all = fused.map(|isa| all::<f32>(isa).into_iter().map(f32::to_bits).collect());
    let first: Option<Vec<u32>> = all.next();
    for other in all {
        assert_eq!(first.as_ref(), Some(&other));
    }
}

#[test]
fn products_are_those_by_hand() {
    let (data, x) = (numbers::<f64>(3 * 4, 1), numbers::<f64>(4 * PAD, 2));
    let weights = Weights {
        data: &data,
        outputs: 3,
        inputs: 4,
        stride: 4,
    };
    let mut out = vec![0.0; 3 * PAD];
    affine(
        Isa::best(),
        weights,
        Some(&[1.0, 2.0, 3.0]),
        [&x, &[]],
        &mut out,
    );
    for j in 0..3 {
        for lane in 0..PAD {
            let sum: f64 = (0..4).map(|k| data[j * 4 + k] * x[k * PAD + lane]).sum();
            let wanted = (j + 1) as f64 + sum;
            assert!((out[j * PAD + lane] - wanted).abs() < 1e-14);
        }
    }
}

/// The gradient of one step of cells, and of what the inputs are made into, by finite
/// differences.
#[test]
fn gradients_are_those_of_finite_differences() {
    let isa = Isa::best();
    let (z, before) = (numbers::<f64>(4 * PAD, 1), numbers::<f64>(PAD, 2));
    let (dh, dc) = (numbers::<f64>(PAD, 3), numbers::<f64>(PAD, 4));
    // Σ dh h + dc c, whose gradient is asked for.
    let run = |z: &[f64], before: &[f64]| {
        let (mut gates, mut cells) = (z.to_vec(), before.to_vec());
        let mut hidden = vec![0.0; PAD];
        lstm(isa, &mut gates, &mut cells, &mut hidden);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        (dot(&dh, &hidden) + dot(&dc, &cells), gates, cells)
    };
    let (_, gates, after) = run(&z, &before);
    let (mut dbefore, mut dz) = (dc.clone(), vec![0.0; 4 * PAD]);
    let step = LstmStep {
        gates: &gates,
        before: &before,
        after: &after,
    };
    lstm_backward(isa, step, &dh, &mut dbefore, &mut dz);
    let h = 1e-6;
    for index in 0..5 * PAD {
        let by = |step: f64| {
            let (mut z, mut before) = (z.clone(), before.clone());
            match index < 4 * PAD {
                true => z[index] += step,
                false => before[index - 4 * PAD] += step,
            }
            run(&z, &before).0
        };
        let found = (by(h) - by(-h)) / (2.0 * h);
        let exact = dz.iter().chain(&dbefore).nth(index).unwrap();
        assert!(
            (found - exact).abs() < 1e-8,
            "{index}: {found} and not {exact}"
        );
    }
    let xs = numbers::<f64>(PAD, 5);
    let weights = numbers::<f64>(2 * PAD, 6);
    let made = |xs: &[f64]| {
        let mut out = vec![0.0; 2 * PAD];
        preprocess(isa, 3.0, xs, &mut out);
        out.iter().zip(&weights).map(|(a, b)| a * b).sum::<f64>()
    };
    let mut exact = vec![0.0; PAD];
    preprocess_backward(3.0, &xs, &weights, &mut exact);
    for lane in 0..PAD {
        let by = |step: f64| {
            let mut xs = xs.clone();
            xs[lane] += step;
            made(&xs)
        };
        let found = (by(h) - by(-h)) / (2.0 * h);
        assert!(
            (found - exact[lane]).abs() < 1e-7,
            "{lane}: {found} and not {}",
            exact[lane]
        );
    }
}

#[test]
fn what_is_no_number_is_not_made_one() {
    for isa in Isa::available() {
        let mut xs = numbers::<f32>(PAD, 7);
        xs[3] = f32::NAN;
        let mut out = vec![0.0; 2 * PAD];
        preprocess(isa, 3.0, &xs, &mut out);
        for (lane, x) in xs.iter().enumerate() {
            let made = [out[lane], out[PAD + lane]];
            assert!(
                made.iter().all(|y| y.is_nan() == x.is_nan()),
                "{x}: {made:?}"
            );
        }
    }
}
