//! The libtorch that the build fetched loads, computes, and is the pinned one.

use tch::{Kind, Tensor};

#[test]
fn libtorch_computes_and_differentiates() {
    let x = Tensor::from_slice(&[1.0_f32, 2.0, 3.0]).set_requires_grad(true);
    let y = x.square().sum(Kind::Float);
    y.backward();
    assert_eq!(y.double_value(&[]), 14.0);
    assert_eq!(Vec::<f32>::try_from(x.grad()).unwrap(), [2.0, 4.0, 6.0]);
}
