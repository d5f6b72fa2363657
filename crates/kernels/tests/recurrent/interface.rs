//! Layouts, messages for wrong arguments, and the library product.

use crate::common::network;
use kernels::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

const SHAPE: Shape = Shape {
    cell: Cell::Gru,
    observation: Observation::OneHot(3),
    hidden: 5,
    actions: 2,
};

#[test]
fn layouts_have_pytorchs_shapes_and_no_gaps() {
    let network = network(SHAPE, Isa::best());
    let mut offset = 0;
    let mut found = Vec::new();
    for entry in network.entries() {
        assert_eq!(entry.offset, offset);
        offset += entry.count();
        found.push((entry.name, entry.shape));
    }
    assert_eq!(offset, network.parameters());
    let expected = [
        ("trunk.weight_ih", [15, 7]),
        ("trunk.weight_hh", [15, 5]),
        ("trunk.bias_ih", [15, 1]),
        ("trunk.bias_hh", [15, 1]),
        ("policy.weight", [2, 5]),
        ("policy.bias", [2, 1]),
        ("value.weight", [1, 5]),
        ("value.bias", [1, 1]),
    ];
    assert_eq!(found, expected);
    let lstm = Shape {
        cell: Cell::Lstm,
        ..SHAPE
    };
    assert_eq!(Layout::new(&lstm).weight_hh.shape, [20, 5]);
}

#[test]
fn operations_are_counted() {
    // 15 x 5 recurrent and 3 x 5 heads, two operations each.
    let flops = |shape| network(shape, Isa::best()).flops();
    let forward = 2 * (75 + 15);
    let training = 3 * forward;
    assert_eq!(flops(SHAPE), Flops { forward, training });
    let dense = Shape {
        observation: Observation::Dense(4),
        ..SHAPE
    };
    let forward = 2 * (75 + 60 + 15);
    let training = 6 * (75 + 15) + 4 * 60;
    assert_eq!(flops(dense), Flops { forward, training });
}

#[test]
fn shapes_out_of_range_are_refused() {
    let hidden = |hidden| Shape { hidden, ..SHAPE };
    let network =
        |shape: Shape| Network::new(Recurrent::new(shape)?, Policy::Categorical(shape.actions));
    let message = |shape: Shape| network(shape).err().map(|e: ShapeError| e.to_string());
    assert_eq!(
        message(hidden(0)).as_deref(),
        Some("network shape: hidden is 0, must be 1 to 65536")
    );
    assert!(message(hidden(MAX_DIM + 1)).is_some());
    assert!(
        message(Shape {
            actions: 0,
            ..SHAPE
        })
        .is_some()
    );
    let nothing = Shape {
        observation: Observation::Dense(0),
        ..SHAPE
    };
    assert!(message(nothing).unwrap().contains("Observation::None"));
    assert_eq!(message(SHAPE), None);
}

/// Inputs of two lanes, to be spoiled.
struct Rows {
    states: Vec<u32>,
    prev_action: Vec<u32>,
    prev_reward: Vec<f32>,
    memory: Vec<f32>,
    logits: Vec<f32>,
}

fn step(rows: &mut Rows) {
    let mut network = network(SHAPE, Isa::best());
    network.pack(&vec![0.0; network.parameters()]);
    let inputs = Inputs {
        observations: Observations::OneHot(&rows.states),
        prev_action: &rows.prev_action,
        prev_reward: &rows.prev_reward,
        boundary: &[0.0; 2],
        reset: &[true; 2],
    };
    let outputs = Outputs {
        policy: &mut rows.logits,
        values: &mut [0.0; 2],
    };
    network.step(&mut network.work(), &inputs, &mut rows.memory, outputs);
}

#[test]
fn wrong_arguments_panic_with_what_is_wrong() {
    let refused = |spoil: fn(&mut Rows)| {
        let mut rows = Rows {
            states: vec![0, 2],
            prev_action: vec![1, NO_ACTION],
            prev_reward: vec![0.0; 2],
            memory: vec![0.0; 2 * SHAPE.memory_width()],
            logits: vec![0.0; 4],
        };
        spoil(&mut rows);
        let result = catch_unwind(AssertUnwindSafe(|| step(&mut rows)));
        result
            .err()
            .map(|e| *e.downcast::<String>().expect("a message"))
    };
    assert_eq!(refused(|_| ()), None);
    let expect = |spoil, part: &str| {
        let message = refused(spoil).expect("refused");
        assert!(message.contains(part), "{message}");
    };
    expect(
        |r| r.prev_action[1] = 2,
        "previous action 2 of row 1 must be below 2",
    );
    expect(
        |r| r.states[0] = 3,
        "observed state 3 of row 0 must be below 3",
    );
    expect(|r| r.prev_reward.push(0.0), "prev_reward");
    expect(|r| r.memory.truncate(16), "memory must be [lanes][16]");
    expect(|r| r.logits.truncate(3), "outputs must be [rows][2]");
}

#[test]
fn workspaces_of_another_network_are_refused() {
    let mut one = network(SHAPE, Isa::best());
    one.pack(&vec![0.0; one.parameters()]);
    let other = network(Shape { hidden: 6, ..SHAPE }, Isa::best());
    let refused = |network: &Network<Recurrent>, work: &mut NetworkWork<Workspace>| {
        let inputs = Inputs {
            observations: Observations::OneHot(&[0]),
            prev_action: &[0],
            prev_reward: &[0.0],
            boundary: &[0.0],
            reset: &[false],
        };
        let outputs = Outputs {
            policy: &mut [0.0; 2],
            values: &mut [0.0],
        };
        let memory = &mut vec![0.0; SHAPE.memory_width()];
        let step = AssertUnwindSafe(|| network.step(work, &inputs, memory, outputs));
        let error = catch_unwind(step).err()?;
        Some(error.downcast_ref::<&str>().expect("a message").to_string())
    };
    let message = refused(&one, &mut other.work()).unwrap();
    assert!(message.contains("another network"), "{message}");
    let empty = network(SHAPE, Isa::best());
    let message = refused(&empty, &mut empty.work()).unwrap();
    assert!(message.contains("without parameters"), "{message}");
    assert_eq!(refused(&one, &mut one.work()), None);
}

#[test]
fn the_library_product_is_a_product() {
    let n = 20;
    let mut sgemm = Sgemm::new(n);
    assert_eq!(sgemm.run(3), 3 * 2 * 20 * 20 * 20);
    for i in 0..n {
        for j in 0..n {
            let expected: usize = (0..n).map(|k| ((i * n + k) % 7) * ((k * n + j) % 7)).sum();
            assert!((sgemm.product()[i * n + j] - 0.125 * expected as f32).abs() < 1e-3);
        }
    }
}
