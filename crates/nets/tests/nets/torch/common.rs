//! Helpers of the tests on tensors: random ones, and gradient checks.

use nets::tch::{Kind, Tensor};
use nets::{Blueprint, Params};
use rl_core::Stream;
use rl_core::rand_distr::{Distribution as _, StandardNormal};

pub(crate) use crate::common::stream;

/// Parameters as they begin.
pub(crate) fn drawn(blueprint: &Blueprint, stream: &mut Stream) -> Params {
    Params::from_flat(blueprint.layout(), &blueprint.init(stream)).unwrap()
}

/// Standard normal numbers in f64.
pub(crate) fn normal(shape: &[i64], stream: &mut Stream) -> Tensor {
    let count: i64 = shape.iter().product();
    let numbers: Vec<f64> = (0..count).map(|_| StandardNormal.sample(stream)).collect();
    Tensor::from_slice(&numbers).view(shape)
}

pub(crate) fn vector(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.detach().to_kind(Kind::Double).flatten(0, -1)).unwrap()
}

#[track_caller]
pub(crate) fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.size(), expected.size(), "shapes");
    let apart = (found - expected).abs().max().double_value(&[]);
    assert!(apart <= tolerance, "{apart} apart:\n{found}\n{expected}");
}

#[track_caller]
pub(crate) fn assert_values(found: &Tensor, expected: &[f64]) {
    let expected = Tensor::from_slice(expected).view(&found.size()[..]);
    assert_close(&found.to_kind(Kind::Double), &expected, 1e-6);
}

/// Compares the gradient of a scalar function with central differences in
/// f64, for every element of every input, or for some of one that has many.
#[track_caller]
pub(crate) fn gradcheck(inputs: &[Tensor], function: impl Fn(&[Tensor]) -> Tensor) {
    const STEP: f64 = 1e-5;
    let leaves = |values: &[Vec<f64>]| -> Vec<Tensor> {
        let leaf = |(input, values): (&Tensor, &Vec<f64>)| {
            Tensor::from_slice(values)
                .view(&input.size()[..])
                .set_requires_grad(true)
        };
        inputs.iter().zip(values).map(leaf).collect()
    };
    let mut values: Vec<Vec<f64>> = inputs.iter().map(vector).collect();
    let at = leaves(&values);
    let gradients = Tensor::run_backward(&[function(&at)], &at, false, false);
    for (index, gradient) in gradients.iter().enumerate() {
        assert!(gradient.defined(), "input {index} plays no part");
        let found = vector(gradient);
        assert!(
            found.iter().any(|g| *g != 0.0),
            "the gradient of input {index} is zero"
        );
        let apart = if found.len() > 100 {
            found.len() / 5
        } else {
            1
        };
        for element in (0..found.len()).step_by(apart) {
            let middle = values[index][element];
            let mut moved = |by: f64| {
                values[index][element] = middle + by;
                function(&leaves(&values)).double_value(&[])
            };
            let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            moved(0.0);
            let apart = (found[element] - expected).abs() / expected.abs().max(1.0);
            assert!(
                apart < 1e-7,
                "input {index}, element {element}: gradient {} but difference {expected}",
                found[element]
            );
        }
    }
}
