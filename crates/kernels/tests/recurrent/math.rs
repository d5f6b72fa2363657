//! The error bounds that `kernels::math` states.

use kernels::{Isa, math};

/// Floats from all over the range: every exponent, both signs, and finer where
/// the functions bend.
fn arguments() -> Vec<f32> {
    let mut xs: Vec<f32> = (0..=u32::MAX / 4099)
        .map(|i| f32::from_bits(i * 4099))
        .filter(|x| x.is_finite())
        .collect();
    xs.extend((-600_000..=600_000).map(|i| i as f32 * 2e-4));
    xs
}

/// All functions of some of the arguments, one after the other.
pub(crate) fn everything(isa: Isa) -> Vec<f32> {
    let xs: Vec<f32> = arguments().into_iter().step_by(4000).collect();
    let functions = [
        math::exp,
        math::ln,
        math::sigmoid,
        math::tanh,
        math::exp_excess,
    ];
    let all = functions.map(|f: fn(Isa, &mut [f32])| {
        let mut ys = xs.clone();
        f(isa, &mut ys);
        ys
    });
    all.concat()
}

/// Largest error of `actual(x)` against `expected(x)`, and where.
fn largest(xs: &[f32], apply: impl Fn(&mut [f32]), error: impl Fn(f64, f64) -> f64) -> (f64, f32) {
    let mut ys = xs.to_vec();
    apply(&mut ys);
    let mut worst = (0.0, 0.0);
    for (&x, &y) in xs.iter().zip(&ys) {
        let e = error(f64::from(x), f64::from(y));
        assert!(!e.is_nan(), "f({x}) = {y}");
        if e > worst.0 {
            worst = (e, x);
        }
    }
    worst
}

fn assert_at_most(what: &str, isa: Isa, (error, x): (f64, f32), bound: f64) {
    assert!(
        error <= bound,
        "{what} on {isa:?}: error {error:e} at {x}, stated {bound:e}"
    );
}

#[test]
fn exp_stays_within_its_bound() {
    for isa in Isa::available() {
        let xs: Vec<f32> = arguments()
            .into_iter()
            .filter(|x| (-86.59..=88.7228).contains(x))
            .collect();
        let relative = |x: f64, y: f64| (y / x.exp() - 1.0).abs();
        let worst = largest(&xs, |ys| math::exp(isa, ys), relative);
        assert_at_most("exp", isa, worst, 4e-7);
        let near: Vec<f32> = xs.into_iter().filter(|x| x.abs() <= 20.0).collect();
        let worst = largest(&near, |ys| math::exp(isa, ys), relative);
        assert_at_most("exp near 0", isa, worst, 2e-7);
    }
}

#[test]
fn exp_excess_stays_within_its_bound_and_is_never_negative() {
    // The difference itself cancels in f64 too.
    let exact = |x: f64| match x.abs() < 0.01 {
        true => x * x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0)))),
        false => x.exp() - 1.0 - x,
    };
    for isa in Isa::available() {
        let mut ys = arguments();
        math::exp_excess(isa, &mut ys);
        assert!(ys.iter().all(|y| *y >= 0.0), "{isa:?}");
        let xs: Vec<f32> = arguments()
            .into_iter()
            .filter(|x| x.abs() >= 1e-15 && (-1e30..=88.7228).contains(x))
            .collect();
        let relative = |x: f64, y: f64| (y / exact(x) - 1.0).abs();
        let worst = largest(&xs, |ys| math::exp_excess(isa, ys), relative);
        assert_at_most("exp_excess", isa, worst, 4e-6);
    }
}

#[test]
fn ln_stays_within_its_bound() {
    for isa in Isa::available() {
        let xs: Vec<f32> = arguments()
            .into_iter()
            .filter(|&x| x >= f32::MIN_POSITIVE)
            .collect();
        let error = |x: f64, y: f64| (y - x.ln()).abs() / x.ln().abs().max(1.0);
        let worst = largest(&xs, |ys| math::ln(isa, ys), error);
        assert_at_most("ln", isa, worst, 2e-7);
    }
}

#[test]
fn sigmoid_stays_within_its_bound() {
    for isa in Isa::available() {
        let error = |x: f64, y: f64| (y - 1.0 / (1.0 + (-x).exp())).abs();
        let worst = largest(&arguments(), |ys| math::sigmoid(isa, ys), error);
        assert_at_most("sigmoid", isa, worst, 1.5e-7);
    }
}

#[test]
fn tanh_stays_within_its_bounds() {
    for isa in Isa::available() {
        let worst = largest(
            &arguments(),
            |ys| math::tanh(isa, ys),
            |x, y| (y - x.tanh()).abs(),
        );
        assert_at_most("tanh, absolute", isa, worst, 2e-7);
        let xs: Vec<f32> = arguments()
            .into_iter()
            .filter(|x| x.abs() >= 1e-30)
            .collect();
        let relative = |x: f64, y: f64| (y / x.tanh() - 1.0).abs();
        let worst = largest(&xs, |ys| math::tanh(isa, ys), relative);
        assert_at_most("tanh, relative", isa, worst, 4e-7);
    }
}

#[test]
fn limits_and_nan() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for isa in Isa::available() {
        let run = |f: fn(Isa, &mut [f32]), x: f32| {
            let mut xs = [x];
            f(isa, &mut xs);
            xs[0]
        };
        assert_eq!(run(math::exp, -inf), 0.0);
        assert_eq!(run(math::exp, -1e30), 0.0);
        assert_eq!(run(math::exp, -86.7), 0.0);
        assert_eq!(run(math::exp, 0.0), 1.0);
        assert_eq!(run(math::exp, 88.73), inf);
        assert_eq!(run(math::exp, inf), inf);
        assert_eq!(run(math::sigmoid, inf), 1.0);
        assert_eq!(run(math::sigmoid, 1e30), 1.0);
        assert!(run(math::sigmoid, -inf) < 1e-37);
        assert_eq!(run(math::sigmoid, 0.0), 0.5);
        assert_eq!(run(math::tanh, inf), 1.0);
        assert_eq!(run(math::tanh, -1e30), -1.0);
        assert_eq!(run(math::tanh, 0.0), 0.0);
        assert_eq!(run(math::ln, 1.0), 0.0);
        assert!(run(math::ln, inf).is_nan());
        for f in [math::exp, math::ln, math::sigmoid, math::tanh] {
            assert!(run(f, nan).is_nan());
        }
    }
}

/// Every length is handled, and neighbours do not matter.
#[test]
fn lengths_that_are_not_whole_vectors() {
    for isa in Isa::available() {
        for len in 0..40 {
            let xs: Vec<f32> = (0..len).map(|i| (i as f32 - 20.0) * 0.3).collect();
            let mut all = xs.clone();
            math::tanh(isa, &mut all);
            for (x, y) in xs.iter().zip(all) {
                let mut one = [*x];
                math::tanh(isa, &mut one);
                assert_eq!(one[0], y);
            }
        }
    }
}

#[test]
fn instruction_sets_with_fused_arithmetic_agree_to_the_bit() {
    let fused: Vec<Isa> = Isa::available().filter(|i| i.is_fused()).collect();
    let xs = arguments();
    for f in [math::exp, math::ln, math::sigmoid, math::tanh] {
        let results = fused.iter().map(|&isa| {
            let mut ys = xs.clone();
            f(isa, &mut ys);
            ys.iter().map(|y| y.to_bits()).collect::<Vec<_>>()
        });
        let mut results: Vec<_> = results.collect();
        results.dedup();
        assert!(results.len() <= 1);
    }
}
