//! Optimizers.

use std::sync::Arc;

use nets::{
    Blueprint, Init, Layout, NetsError, Optimizer, OptimizerConfig, clip_gradient, gradient_norm,
};
use rl_core::rand_distr::{Distribution as _, StandardNormal};

use crate::common::stream;

pub(crate) const ADAM: OptimizerConfig = OptimizerConfig::Adam {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.0,
};
pub(crate) const SGD: OptimizerConfig = OptimizerConfig::Sgd { momentum: 0.9 };
pub(crate) const RMS_PROP: OptimizerConfig = OptimizerConfig::RmsProp {
    decay: 0.99,
    epsilon: 1e-5,
};

pub(crate) fn layout() -> Arc<Layout> {
    let mut blueprint = Blueprint::new();
    blueprint.declare("weight", &[2, 3], Init::Zeros);
    blueprint.declare("bias", &[2], Init::Zeros);
    blueprint.layout()
}

pub(crate) fn gradients(count: usize) -> Vec<Vec<f32>> {
    let mut stream = stream(7);
    let mut draw = |_| -> f32 { StandardNormal.sample(&mut stream) };
    (0..count)
        .map(|_| (0..8).map(&mut draw).collect())
        .collect()
}

pub(crate) fn walk(optimizer: &mut Optimizer, values: &mut [f32], gradients: &[Vec<f32>]) {
    for gradient in gradients {
        optimizer.update(values, gradient, 0.1).unwrap();
    }
}

#[track_caller]
fn assert_steps(config: OptimizerConfig, expected: [f64; 3]) {
    let mut blueprint = Blueprint::new();
    blueprint.declare("x", &[1], Init::Zeros);
    let mut optimizer = Optimizer::new(config, blueprint.layout()).unwrap();
    let mut value = [1.0_f32];
    for (gradient, expected) in [0.5, -1.0, 0.25].into_iter().zip(expected) {
        optimizer.update(&mut value, &[gradient], 0.1).unwrap();
        assert!(
            (f64::from(value[0]) - expected).abs() < 1e-6,
            "{} not {expected}",
            value[0]
        );
    }
}

#[test]
fn literal_values() {
    // Computed by hand from the formulas, for gradients 0.5, −1, 0.25.
    assert_steps(SGD, [0.95, 1.005, 1.0295]);
    assert_steps(ADAM, ADAM_VALUES);
    assert_steps(RMS_PROP, RMS_PROP_VALUES);
    let config = OptimizerConfig::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.1,
    };
    assert_steps(config, ADAMW_VALUES);
}

const ADAM_VALUES: [f64; 3] = [0.900000002, 0.936610354, 0.950279420];
const ADAMW_VALUES: [f64; 3] = [0.890000002, 0.917710354, 0.922202317];
const RMS_PROP_VALUES: [f64; 3] = [0.000199960, 0.895442769, 0.675988508];

#[test]
fn a_restored_optimizer_goes_on_with_the_same_bits() {
    let gradients = gradients(20);
    for config in [ADAM, SGD, RMS_PROP] {
        let mut whole = Optimizer::new(config, layout()).unwrap();
        let mut values = [1.0_f32; 8];
        walk(&mut whole, &mut values, &gradients[..10]);
        let mut restored = Optimizer::new(config, layout()).unwrap();
        restored.restore(&whole.state()).unwrap();
        assert_eq!(restored.steps(), 10);
        let mut resumed = values;
        walk(&mut whole, &mut values, &gradients[10..]);
        walk(&mut restored, &mut resumed, &gradients[10..]);
        assert_eq!(
            values.map(f32::to_bits),
            resumed.map(f32::to_bits),
            "{config:?}"
        );
        assert_eq!(whole.state(), restored.state());
        let mut fresh = [1.0_f32; 8];
        walk(
            &mut Optimizer::new(config, layout()).unwrap(),
            &mut fresh,
            &gradients[10..],
        );
        assert_ne!(fresh, values);
    }
}

#[test]
fn the_saved_state_is_named_and_shaped() {
    let optimizer = Optimizer::new(ADAM, layout()).unwrap();
    let state = optimizer.state();
    let names: Vec<&str> = state.iter().map(|(name, _)| name).collect();
    let expected = [
        "first_moment/bias",
        "first_moment/weight",
        "second_moment/bias",
        "second_moment/weight",
        "steps",
    ];
    assert_eq!(names, expected);
    assert_eq!(state.get("first_moment/weight").unwrap().shape, [2, 3]);
}

#[test]
fn long_counts_of_steps_are_exact() {
    let mut optimizer = Optimizer::new(SGD, layout()).unwrap();
    let state = optimizer.state().with_count("steps", (1 << 60) + 1);
    optimizer.restore(&state).unwrap();
    assert_eq!(optimizer.steps(), (1 << 60) + 1);
    assert_eq!(optimizer.state(), state);
}

#[test]
fn another_optimizers_state_is_refused() {
    let adam = Optimizer::new(ADAM, layout()).unwrap().state();
    let mut sgd = Optimizer::new(SGD, layout()).unwrap();
    let error = sgd.restore(&adam).unwrap_err().to_string();
    assert!(error.contains("'first_moment/bias'"), "{error}");
    let state = sgd.state().with_number("steps", f64::NAN);
    let error = sgd.restore(&state).unwrap_err().to_string();
    assert!(error.contains("'steps' is 64-bit floats"), "{error}");
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut optimizer = Optimizer::new(ADAM, layout()).unwrap();
        let mut values = [1.0; 8];
        optimizer.update(&mut values, &[0.5; 8], 0.1).unwrap();
        let (before, state) = (values, optimizer.state());
        assert_ne!(before, [1.0; 8]);
        let mut gradient = [0.5; 8];
        gradient[7] = bad;
        let error = optimizer.update(&mut values, &gradient, 0.1).unwrap_err();
        let NetsError::NonFiniteGradient { name, index, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((name.as_str(), *index), ("bias", 1));
        assert!(error.to_string().contains("'bias'"), "{error}");
        assert_eq!((values, optimizer.state()), (before, state));
        assert!(clip_gradient(&layout(), &mut gradient, 1.0).is_err());
        assert_eq!(gradient[0], 0.5);
    }
}

#[test]
fn a_guard_refuses_what_a_step_would_and_steps_nowhere() {
    let (mut optimizer, mut values) = (Optimizer::new(ADAM, layout()).unwrap(), vec![1.0; 8]);
    walk(&mut optimizer, &mut values, &gradients(3));
    let before = values.clone();
    let mut gradient = gradients(1).remove(0);
    optimizer.guard(&mut values, &gradient).unwrap();
    assert_eq!((&values, optimizer.steps()), (&before, 3));
    values[7] = f32::INFINITY;
    let refused = optimizer.guard(&mut values, &gradient);
    assert!(matches!(refused, Err(NetsError::NonFiniteStep { .. })));
    gradient[3] = f32::NAN;
    let refused = optimizer.guard(&mut values, &gradient);
    assert!(matches!(refused, Err(NetsError::NonFiniteGradient { .. })));
}

#[test]
fn gradients_are_clipped_by_their_norm() {
    let layout = layout();
    let mut gradient = [3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -4.0];
    assert_eq!(gradient_norm(&layout, &gradient), Ok(5.0));
    assert_eq!(clip_gradient(&layout, &mut gradient, 6.0), Ok(5.0));
    assert_eq!(gradient[0], 3.0);
    assert_eq!(clip_gradient(&layout, &mut gradient, 2.5), Ok(5.0));
    assert_eq!(gradient, [1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -2.0]);
    let mut huge = [f32::MAX; 8];
    let norm = clip_gradient(&layout, &mut huge, 1.0).unwrap();
    assert!(
        norm.is_finite() && huge.iter().all(|g| *g > 0.0),
        "{norm} {huge:?}"
    );
    for bad in [0.0, -1.0, f64::NAN] {
        assert!(clip_gradient(&layout, &mut [0.0; 8], bad).is_err());
    }
}

#[test]
fn bad_settings_are_named() {
    let adam = |beta1, epsilon, weight_decay| OptimizerConfig::Adam {
        beta1,
        beta2: 0.999,
        epsilon,
        weight_decay,
    };
    let refused = [
        (adam(1.0, 1e-8, 0.0), "beta1 = 1"),
        (adam(0.9, 0.0, 0.0), "epsilon = 0"),
        (adam(0.9, 1e-60, 0.0), "1e-30 to 1e30"),
        (adam(0.9, 1e60, 0.0), "1e-30 to 1e30"),
        (adam(0.9, 1e-8, 1e300), "weight_decay = 1"),
        (adam(0.9, 1e-8, -0.5), "weight_decay = -0.5"),
        (
            OptimizerConfig::Sgd { momentum: f64::NAN },
            "momentum = NaN",
        ),
        (
            OptimizerConfig::RmsProp {
                decay: 2.0,
                epsilon: 1.0,
            },
            "decay = 2",
        ),
    ];
    for (config, words) in refused {
        let error = Optimizer::new(config, layout()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let mut optimizer = Optimizer::new(SGD, layout()).unwrap();
    for rate in [-0.1, f64::NAN, f64::INFINITY] {
        let error = optimizer
            .update(&mut [0.0; 8], &[0.0; 8], rate)
            .unwrap_err()
            .to_string();
        assert!(error.contains("learning_rate"), "{error}");
    }
    assert!(optimizer.update(&mut [0.0; 7], &[0.0; 8], 0.1).is_err());
    assert!(optimizer.update(&mut [0.0; 8], &[0.0; 9], 0.1).is_err());
    let text = r#"{"kind":"rms-prop","decay":0.99,"epsilon":1e-5}"#;
    assert_eq!(
        serde_json::from_str::<OptimizerConfig>(text).unwrap(),
        RMS_PROP
    );
}

/// Finite gradients, and steps that leave a parameter or the memory infinite.
#[test]
fn a_step_that_leaves_the_finite_numbers_is_refused_and_undone() {
    let cases = [
        (SGD, 3e38, 10.0, "would make 'bias' -inf at index 1"),
        (ADAM, 3e37, 10.0, "would make 'bias' -inf at index 1"),
        (
            ADAM,
            0.1,
            1e25,
            "would make second_moment of 'bias' inf at index 1",
        ),
        (
            RMS_PROP,
            0.1,
            1e25,
            "would make square_average of 'bias' inf at index 1",
        ),
    ];
    for (config, rate, slope, what) in cases {
        let mut optimizer = Optimizer::new(config, layout()).unwrap();
        let mut values = vec![-3.3e38_f32; 8];
        walk(&mut optimizer, &mut values, &[vec![0.0; 8]]);
        let (before, state) = (values.clone(), optimizer.state());
        let mut gradient = vec![0.0; 8];
        gradient[7] = slope;
        let error = optimizer.update(&mut values, &gradient, rate).unwrap_err();
        assert!(matches!(error, NetsError::NonFiniteStep { .. }), "{error}");
        assert!(error.to_string().contains(what), "{config:?}: {error}");
        assert_eq!(values, before);
        assert_eq!(optimizer.state(), state);
    }
}
