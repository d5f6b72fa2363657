//! Initial values, by what their matrices are.

use nets::tch::{Device, Kind, Tensor};
use nets::{Blueprint, Init};

use super::common::{assert_close, stream};

fn draw(shape: &[usize], init: Init) -> Tensor {
    let mut blueprint = Blueprint::new();
    blueprint.declare("x", shape, init);
    let sizes: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
    let drawn = Tensor::from_slice(&blueprint.init(&mut stream(0)));
    drawn.view(&sizes[..]).to_kind(Kind::Double)
}

fn identity(size: i64) -> Tensor {
    Tensor::eye(size, (Kind::Double, Device::Cpu))
}

#[test]
fn orthogonal_matrices_are_orthogonal() {
    let gain = 2.0;
    let wide = draw(&[5, 9], Init::Orthogonal { gain, blocks: 1 });
    assert_close(&wide.mm(&wide.tr()), &(identity(5) * 4.0), 1e-5);
    let tall = draw(&[9, 5], Init::Orthogonal { gain, blocks: 1 });
    assert_close(&tall.tr().mm(&tall), &(identity(5) * 4.0), 1e-5);
    let large = draw(&[256, 256], Init::Orthogonal { gain, blocks: 1 });
    assert_close(&large.mm(&large.tr()), &(identity(256) * 4.0), 1e-5);
    let gates = draw(&[12, 4], Init::Orthogonal { gain, blocks: 3 });
    for gate in gates.chunk(3, 0) {
        assert_close(&gate.mm(&gate.tr()), &(identity(4) * 4.0), 1e-5);
    }
    let apart = gates.narrow(0, 0, 4) - gates.narrow(0, 4, 4);
    assert!(
        apart.abs().max().double_value(&[]) > 0.1,
        "every gate is drawn for itself"
    );
}

#[test]
fn orthogonal_matrices_prefer_no_direction() {
    // The mean of many signs: the sign correction keeps it near zero.
    let many = draw(
        &[4 * 1000, 4],
        Init::Orthogonal {
            gain: 1.0,
            blocks: 1000,
        },
    );
    let mean = many.view([1000, 16]).mean_dim(0, false, None);
    assert!(mean.abs().max().double_value(&[]) < 0.06, "{mean}"); // 4 standard errors of 0.5/√1000
}

#[test]
fn uniform_values_fill_their_range() {
    let rules = [
        (Init::UniformFanIn { fan_in: 100 }, 0.1),
        (
            Init::XavierUniform {
                gain: 1.0,
                blocks: 1,
            },
            (6.0_f64 / 250.0).sqrt(),
        ),
        (
            Init::XavierUniform {
                gain: 2.0,
                blocks: 3,
            },
            2.0 * (6.0_f64 / 150.0).sqrt(),
        ),
    ];
    for (rule, bound) in rules {
        let values = draw(&[150, 100], rule.clone());
        let [low, high] = [
            values.min().double_value(&[]),
            values.max().double_value(&[]),
        ];
        assert!(
            low >= -bound && low < -0.999 * bound,
            "{rule:?}: {low} of {bound}"
        );
        assert!(
            high <= bound && high > 0.999 * bound,
            "{rule:?}: {high} of {bound}"
        );
        let deviation = values.std(true).double_value(&[]);
        assert!(
            (deviation / (bound / 3.0_f64.sqrt()) - 1.0).abs() < 0.02,
            "{rule:?}: {deviation}"
        );
    }
}

#[test]
fn he_normal_values_have_their_deviation() {
    let values = draw(&[300, 50], Init::HeNormal);
    assert!((values.std(true).double_value(&[]) - 0.2).abs() < 0.004);
    assert!(values.mean(None).double_value(&[]).abs() < 0.006);
}

#[test]
fn constants_are_constant() {
    assert_eq!(draw(&[2], Init::Zeros), Tensor::from_slice(&[0.0, 0.0]));
    assert_eq!(
        draw(&[2], Init::Constant(0.5)),
        Tensor::from_slice(&[0.5, 0.5])
    );
}

#[test]
fn gates_begin_with_memories_of_all_lengths() {
    let signs = vec![-1.0, 1.0, 0.0];
    let draw = |memory| {
        let signs = signs.clone();
        draw(&[3 * 4000], Init::Chrono { signs, memory }).chunk(3, 0)
    };
    let [writes, keeps, others] = <[Tensor; 3]>::try_from(draw(30.0)).unwrap();
    assert_close(&writes, &-&keeps, 0.0);
    assert_close(&others, &others.zeros_like(), 0.0);
    // A gate σ(ln u) keeps for 1 / (1 − σ(ln u)) = 1 + u steps, U(2, 30).
    let lengths: Tensor = 1.0 / (1.0 - keeps.sigmoid());
    let [least, most] = [lengths.min(), lengths.max()].map(|x| x.double_value(&[]));
    assert!((2.0..2.1).contains(&least) && (29.9..30.0).contains(&most));
    let mean = lengths.mean(None).double_value(&[]);
    assert!((mean - 16.0).abs() < 4.0 * 28.0 / (12.0 * 4000.0_f64).sqrt());
    for gate in draw(2.0) {
        assert_close(&gate, &gate.zeros_like(), 0.0);
    }
}
