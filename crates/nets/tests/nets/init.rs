//! Initial values.

use nets::{Activation, Blueprint, Init};
use rl_core::Stream;
use rl_core::rand::SeedableRng as _;

#[test]
fn the_numbers_are_pinned() {
    // A change of these values breaks every published seed.
    let mut blueprint = Blueprint::new();
    blueprint.declare(
        "a",
        &[2, 2],
        Init::Orthogonal {
            gain: 1.0,
            blocks: 1,
        },
    );
    blueprint.declare(
        "b",
        &[1, 2],
        Init::XavierUniform {
            gain: 1.0,
            blocks: 1,
        },
    );
    blueprint.declare("c", &[1, 2], Init::HeNormal);
    blueprint.declare("d", &[2], Init::UniformFanIn { fan_in: 4 });
    assert_eq!(blueprint.init(&mut Stream::seed_from_u64(0)), PINNED);
    assert_ne!(blueprint.init(&mut Stream::seed_from_u64(1)), PINNED);
}

const PINNED: [f32; 10] = [
    -0.37982392,
    -0.9250588,
    0.9250588,
    -0.37982392,
    -0.013378266,
    -1.3560463,
    1.1858761,
    1.2539918,
    -0.20511432,
    -0.4257662,
];

#[test]
#[should_panic(expected = "'a' is declared twice")]
fn names_are_unique() {
    let mut blueprint = Blueprint::new();
    blueprint.declare("a", &[2], Init::Zeros);
    blueprint.declare("a", &[2], Init::Zeros);
}

#[test]
#[should_panic(expected = "'a' of shape [4] is no matrix of 2 groups")]
fn rules_for_matrices_refuse_vectors() {
    Blueprint::new().declare(
        "a",
        &[4],
        Init::Orthogonal {
            gain: 1.0,
            blocks: 2,
        },
    );
}

#[test]
fn gains_are_pytorchs() {
    assert_eq!(Activation::Tanh.gain(), 5.0 / 3.0);
    assert_eq!(Activation::Relu.gain(), 2.0_f64.sqrt());
}
