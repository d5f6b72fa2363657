//! Optimizers beside libtorch's own.

use nets::tch::nn::{self, OptimizerConfig as _};
use nets::tch::{Device, Kind, Tensor};
use nets::{Optimizer, OptimizerConfig};

use super::common::vector;
use crate::optim::{ADAM, RMS_PROP, SGD, gradients, layout, walk};

/// Walks libtorch's own optimizer along the same gradients.
fn reference(config: OptimizerConfig, gradients: &[Vec<f32>]) -> Vec<f64> {
    let store = nn::VarStore::new(Device::Cpu);
    let value = store.root().var("x", &[8], nn::Init::Const(1.0));
    let mut optimizer = match config {
        OptimizerConfig::Sgd { momentum } => nn::sgd(momentum, 0.0, 0.0, false).build(&store, 0.1),
        OptimizerConfig::RmsProp { decay, epsilon } => {
            nn::rms_prop(decay, epsilon, 0.0, 0.0, false).build(&store, 0.1)
        }
        OptimizerConfig::Adam {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } => nn::AdamW {
            beta1,
            beta2,
            wd: weight_decay,
            eps: epsilon,
            amsgrad: false,
        }
        .build(&store, 0.1),
    }
    .unwrap();
    for gradient in gradients {
        optimizer.backward_step(&(Tensor::from_slice(gradient) * &value).sum(Kind::Float));
    }
    vector(&value)
}

#[test]
fn steps_equal_libtorchs() {
    let decayed = OptimizerConfig::Adam {
        beta1: 0.8,
        beta2: 0.95,
        epsilon: 1e-3,
        weight_decay: 0.05,
    };
    let gradients = gradients(30);
    for config in [ADAM, decayed, SGD, RMS_PROP] {
        let mut values = [1.0_f32; 8];
        walk(
            &mut Optimizer::new(config, layout()).unwrap(),
            &mut values,
            &gradients,
        );
        for (value, expected) in values.iter().zip(reference(config, &gradients)) {
            assert!(
                (f64::from(*value) - expected).abs() < 1e-5,
                "{config:?}: {value}, {expected}"
            );
        }
    }
}
