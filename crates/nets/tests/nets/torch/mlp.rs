//! Fully connected layers.

use nets::tch::{Kind, Tensor};
use nets::{Activation, Blueprint, Init, Linear, Mlp, MlpConfig, Params};

use super::common::{assert_values, drawn, gradcheck, normal, stream};

fn mlp(activation: Activation, hidden: &[usize]) -> (Mlp, Blueprint) {
    let mut blueprint = Blueprint::new();
    let config = MlpConfig {
        input: 2,
        hidden,
        activation,
        init: Init::HeNormal,
    };
    (Mlp::declare(&mut blueprint, "", &config), blueprint)
}

#[test]
fn layers_are_applied_in_order() {
    // First layer ((1, 2), (−1, 0)) + (0.5, 0), second (2, −1) + (−1).
    let flat = [1.0, 2.0, -1.0, 0.0, 0.5, 0.0, 2.0, -1.0, -1.0];
    let input = Tensor::from_slice2(&[[1.0_f32, -1.0], [1.0, 1.0]]);
    let output = |activation| {
        let (mlp, blueprint) = mlp(activation, &[2, 1]);
        let params = Params::from_flat(blueprint.layout(), &flat).unwrap();
        mlp.forward(&params, &input)
    };
    let tanh = |x: f64| x.tanh();
    let hidden = |first: f64| tanh(2.0 * tanh(first) - tanh(-1.0) - 1.0);
    assert_values(&output(Activation::Tanh), &[hidden(-0.5), hidden(3.5)]);
    assert_values(&output(Activation::Relu), &[0.0, 6.0]);
}

#[test]
fn gradients_equal_finite_differences() {
    for activation in [Activation::Tanh, Activation::Relu] {
        let (mlp, blueprint) = mlp(activation, &[8, 4]);
        let layout = blueprint.layout();
        let mut stream = stream(1);
        let params = drawn(&blueprint, &mut stream).to_kind(Kind::Double);
        let input = normal(&[5, 3, 2], &mut stream);
        gradcheck(params.tensors(), |at| {
            let tensors = at.iter().map(Tensor::shallow_clone).collect();
            let params = Params::from_tensors(layout.clone(), tensors).unwrap();
            (mlp.forward(&params, &input) - 1.0).square().sum(None)
        });
    }
}

#[test]
#[should_panic(expected = "width of a linear layer's input")]
fn inputs_of_another_width_are_refused() {
    let mut blueprint = Blueprint::new();
    let layer = Linear::declare(&mut blueprint, "", [2, 3], Init::HeNormal);
    let params = drawn(&blueprint, &mut stream(0));
    let _ = layer.forward(&params, &Tensor::from_slice(&[1.0_f32, 2.0, 3.0]));
}
