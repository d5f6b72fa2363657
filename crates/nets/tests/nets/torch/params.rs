//! Parameters, their layout and their gradients.

use std::sync::Arc;

use nets::tch::{Device, Kind, Tensor};
use nets::{Blueprint, Init, Linear, NetsError, Params};
use rl_core::Array;

use super::common::{assert_values, drawn, stream};
use crate::layout::{flat, layout};

fn params() -> Params {
    Params::from_flat(layout(), &flat()).unwrap()
}

#[test]
fn values_survive_every_form() {
    let params = params();
    assert_eq!(params.flatten(), flat());
    assert_eq!(params.get("trunk.weight").unwrap().size(), [2, 3]);
    assert_eq!(
        params.get("trunk.weight").unwrap().double_value(&[1, 0]),
        4.0
    );
    let arrays = layout().split(&flat()).unwrap();
    let bias = Array::floats(vec![2], vec![7.0, 8.0]);
    assert_eq!(arrays.get("trunk.bias"), Some(&bias));
    assert_eq!(layout().join(&arrays).unwrap(), flat());
    let double = params.to_kind(Kind::Double);
    assert_eq!((double.kind(), double.flatten()), (Kind::Double, flat()));
    assert_eq!(params.to_device(Device::Cpu).unwrap().flatten(), flat());
    assert_eq!(
        Params::from_flat(Arc::default(), &[]).unwrap().flatten(),
        [0.0; 0]
    );
}

#[test]
fn lengths_and_shapes_are_checked() {
    let error = Params::from_flat(layout(), &[0.0; 8])
        .unwrap_err()
        .to_string();
    assert!(error.contains("has length 8, but 9"), "{error}");
    let mut kept = params();
    assert!(kept.assign(&[0.0; 10]).is_err());
    assert_eq!(kept.flatten(), flat());
    let short = vec![Tensor::from_slice(&[1.0_f32])];
    assert!(matches!(
        Params::from_tensors(layout(), short),
        Err(NetsError::WrongLength {
            found: 1,
            expected: 3,
            ..
        })
    ));
    let mut tensors: Vec<Tensor> = params()
        .tensors()
        .iter()
        .map(Tensor::shallow_clone)
        .collect();
    tensors[2] = Tensor::from_slice(&[1.0_f32, 2.0]);
    let error = Params::from_tensors(layout(), tensors).unwrap_err();
    assert!(
        matches!(&error, NetsError::WrongShape { name, .. } if name == "log_std"),
        "{error}"
    );
}

#[test]
fn leaves_share_nothing_and_survive_assignment() {
    let original = params();
    let mut leaves = original.leaves();
    leaves.assign(&[2.0; 9]).unwrap();
    assert_eq!(original.flatten(), flat());
    assert!(
        leaves
            .tensors()
            .iter()
            .all(|leaf| leaf.requires_grad() && leaf.is_leaf())
    );
    let squares = |params: &Params| params.get("trunk.bias").unwrap().square().sum(Kind::Float);
    let gradient = leaves.gradient(&squares(&leaves)).unwrap();
    assert_eq!(gradient, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 4.0, 0.0]);
    // Nothing is left over from the gradient before.
    leaves.assign(&[1.0; 9]).unwrap();
    assert_eq!(
        leaves.gradient(&squares(&leaves)).unwrap()[6..],
        [2.0, 2.0, 0.0]
    );
}

#[test]
fn gradients_that_cannot_be_taken_are_errors() {
    let params = params();
    let loss = params.tensors()[1].sum(Kind::Float);
    assert!(matches!(
        params.gradient(&loss),
        Err(NetsError::Libtorch { .. })
    ));
    let leaves = params.leaves();
    let error = leaves
        .gradient(&leaves.tensors()[1].square())
        .unwrap_err()
        .to_string();
    assert!(error.contains("the loss has length 2, but 1"), "{error}");
}

#[test]
fn adapted_parameters_take_the_place_of_the_originals() {
    // One inner step on L(w) = ½ Σ (w x + b − y)², then the outer gradient
    // through it: for L = ½ a w² and w' = (1 − αa) w it is (1 − αa) a w'.
    let mut blueprint = Blueprint::new();
    let layer = Linear::declare(&mut blueprint, "", [1, 1], Init::Constant(3.0));
    let params = drawn(&blueprint, &mut stream(0)).leaves();
    let x = Tensor::from_slice2(&[[2.0_f32]]);
    let loss = |params: &Params| layer.forward(params, &x).square().sum(Kind::Float) * 0.5;
    let gradient = params.differentiable_gradient(&loss(&params)).unwrap();
    let step = |(old, gradient): (&Tensor, &Tensor)| old - gradient * 0.1;
    let moved = params
        .tensors()
        .iter()
        .zip(gradient.tensors())
        .map(step)
        .collect();
    let adapted = Params::from_tensors(params.layout().clone(), moved).unwrap();
    // w = 3, b = 0: output 6, gradient (12, 6), adapted (1.8, −0.6), output 3.
    assert_values(&layer.forward(&adapted, &x), &[3.0]);
    let outer = params.gradient(&loss(&adapted)).unwrap();
    // J = I − 0.1 [[4, 2], [2, 1]], J (2, 1) = (1, 0.5), times the output 3.
    assert!(
        (outer[0] - 3.0).abs() < 1e-5 && (outer[1] - 1.5).abs() < 1e-5,
        "{outer:?}"
    );
}
