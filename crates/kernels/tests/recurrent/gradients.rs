//! Outputs and gradients against a plain `f64` implementation and its finite
//! differences, and a step against a sequence.

use crate::common::*;
use kernels::*;

const PPO: LossSpec = LossSpec {
    objective: Objective::Clipped { clip: 0.2 },
    value_coef: 0.5,
    entropy_coef: 0.01,
};
const A2C: LossSpec = LossSpec {
    objective: Objective::PolicyGradient,
    value_coef: 0.25,
    entropy_coef: 0.05,
};

/// Every hidden size and lane count that is and is not a multiple of a vector,
/// every kind of observation, with resets in mid-sequence and samples of weight
/// 0.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes = [
        (1, 1, 2, 1),
        (3, 5, 2, 2),
        (32, 16, 7, 9),
        (3, 33, 7, 9),
        (1, 33, 2, 9),
        (9, 48, 20, 2),
        (130, 17, 3, 3),
    ];
    for cell in [Cell::Gru, Cell::Lstm] {
        for (i, &(lanes, hidden, actions, steps)) in sizes.iter().enumerate() {
            for observation in [
                Observation::None,
                Observation::Dense(4),
                Observation::Dense(21),
                Observation::OneHot(6),
            ] {
                let shape = Shape {
                    cell,
                    observation,
                    hidden,
                    actions,
                };
                cases.push(Case::new(shape, lanes, steps, 1 + i as u64));
            }
        }
    }
    cases
}

struct Run {
    network: Network<Recurrent>,
    work: NetworkWork<Workspace>,
    policy: Categorical,
    logits: Vec<f32>,
    values: Vec<f32>,
}

fn forward(case: &Case, isa: Isa) -> Run {
    let mut network = network(case.shape, isa);
    network.pack(&case.params);
    let rows = case.lanes * case.steps;
    let mut run = Run {
        work: network.work(),
        policy: Categorical::new(case.shape.actions, isa),
        network,
        logits: vec![f32::NAN; rows * case.shape.actions],
        values: vec![f32::NAN; rows],
    };
    forward_again(case, &mut run);
    run
}

fn forward_again(case: &Case, run: &mut Run) {
    let outputs = Outputs {
        policy: &mut run.logits,
        values: &mut run.values,
    };
    run.network.forward(&mut run.work, case.trials(), outputs);
}

fn assert_close(what: &str, actual: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3, |m: f64, x| m.max(x.abs()));
    for (i, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(a) - e).abs() <= tolerance * scale,
            "{what}[{i}]: {a} instead of {e} (scale {scale})"
        );
    }
}

#[test]
fn outputs_match_the_reference() {
    for isa in Isa::available() {
        for case in cases() {
            let what = format!("{isa:?} {:?} x {}", case.shape, case.lanes);
            let run = forward(&case, isa);
            let expected = forward_f64(&case, &wide(&case.params));
            assert_close(&what, &run.logits, &expected.logits, 3e-6);
            assert_close(&what, &run.values, &expected.values, 3e-6);
        }
    }
}

/// The gradient of the whole loss by central differences of the reference in
/// random directions, and for some single parameters of every tensor.
#[test]
fn gradients_match_finite_differences() {
    for isa in Isa::available() {
        for case in cases() {
            for spec in [PPO, A2C] {
                check_gradient(&case, isa, &spec);
            }
        }
    }
}

fn gradient(case: &Case, isa: Isa, spec: &LossSpec) -> (Vec<f32>, LossSums) {
    train(case, &mut forward(case, isa), spec)
}

/// Outputs, losses and gradients of all quick cases, one after the other.
pub(crate) fn everything(isa: Isa) -> Vec<f32> {
    let quick = |case: &Case| is_quick(case.params.len(), case.lanes * case.steps);
    let mut all = Vec::new();
    for case in cases().into_iter().filter(quick) {
        for spec in [PPO, A2C] {
            let mut run = forward(&case, isa);
            all.extend(run.logits.iter().chain(&run.values));
            let (gradient, sums) = train(&case, &mut run, &spec);
            all.extend(gradient);
            all.push(sums.total(&spec) as f32);
        }
    }
    all
}

/// Loss and backward after a forward pass.
fn train(case: &Case, run: &mut Run, spec: &LossSpec) -> (Vec<f32>, LossSums) {
    let mut d_logits = vec![f32::NAN; run.logits.len()];
    let mut d_values = vec![f32::NAN; run.values.len()];
    let gradients = LossGradients {
        policy: &mut d_logits,
        values: &mut d_values,
    };
    let outputs = (&run.logits[..], &run.values[..]);
    let sums = run.policy.loss(spec, &case.samples(), outputs, gradients);
    let mut gradient = vec![1.0; case.params.len()];
    let outputs = OutputGradients {
        policy: &d_logits,
        values: &d_values,
    };
    run.network
        .backward(&mut run.work, case.trials(), outputs, &mut gradient);
    // It adds to what is there.
    for g in &mut gradient {
        *g -= 1.0;
    }
    (gradient, sums)
}

fn total_f64(case: &Case, spec: &LossSpec, params: &[f64]) -> (f64, LossSums) {
    let outputs = forward_f64(case, params);
    let sums = loss_f64(
        spec,
        &case.samples(),
        case.shape.actions,
        &outputs.logits,
        &outputs.values,
    );
    (sums.total(spec), sums)
}

fn check_gradient(case: &Case, isa: Isa, spec: &LossSpec) {
    let (gradient, sums) = gradient(case, isa, spec);
    let params = wide(&case.params);
    let what = format!("{isa:?} {:?} x {} {spec:?}", case.shape, case.lanes);
    let (expected_total, expected) = total_f64(case, spec, &params);
    let pairs = [
        (sums.weight, expected.weight),
        (sums.policy, expected.policy),
        (sums.value, expected.value),
        (sums.entropy, expected.entropy),
        (sums.approx_kl, expected.approx_kl),
        (sums.clipped, expected.clipped),
        (sums.total(spec), expected_total),
    ];
    for (i, (a, e)) in pairs.into_iter().enumerate() {
        assert!(
            (a - e).abs() < 3e-6 * (1.0 + e.abs()),
            "{what} sum {i}: {a} instead of {e}"
        );
    }
    let scale = gradient.iter().fold(0.0, |m: f32, g| m.max(g.abs()));
    let step = 1e-5;
    let difference = |index: usize| {
        let mut moved = params.clone();
        moved[index] += step;
        let up = total_f64(case, spec, &moved).0;
        moved[index] -= 2.0 * step;
        (up - total_f64(case, spec, &moved).0) / (2.0 * step)
    };
    let mut rng = Rng(77);
    for entry in network(case.shape, isa).entries() {
        for _ in 0..entry.count().min(6) {
            let index = entry.offset + rng.below(entry.count());
            let expected = difference(index);
            let actual = f64::from(gradient[index]);
            // Central differences see the corners of the clipped objective.
            let tolerance = 2e-5 * f64::from(scale).max(1e-2);
            assert!(
                (actual - expected).abs() <= tolerance,
                "{what} {}[{}]: {actual} instead of {expected}",
                entry.name,
                index - entry.offset
            );
        }
    }
}

#[test]
fn steps_are_bitwise_equal_to_a_sequence() {
    for isa in Isa::available() {
        for case in cases() {
            let run = forward(&case, isa);
            let mut work = run.network.work();
            let mut memory = case.memory();
            let actions = case.shape.actions;
            let mut logits = vec![0.0; case.lanes * actions];
            let mut values = vec![0.0; case.lanes];
            for t in 0..case.steps {
                let outputs = Outputs {
                    policy: &mut logits,
                    values: &mut values,
                };
                let inputs = case.inputs_of(t, t + 1);
                run.network.step(&mut work, &inputs, &mut memory, outputs);
                let rows = t * case.lanes..(t + 1) * case.lanes;
                assert_eq!(values, run.values[rows.clone()]);
                assert_eq!(logits, run.logits[rows.start * actions..rows.end * actions]);
            }
        }
    }
}

/// A lane's outputs are the same whatever tile it is in.
#[test]
fn lanes_are_independent() {
    let shape = Shape {
        cell: Cell::Gru,
        observation: Observation::Dense(4),
        hidden: 33,
        actions: 7,
    };
    let case = Case::new(shape, 20, 1, 5);
    let run = forward(&case, Isa::best());
    let mut work = run.network.work();
    let width = shape.memory_width();
    for lane in 0..case.lanes {
        let mut memory = case.memory()[lane * width..(lane + 1) * width].to_vec();
        let (mut logits, mut values) = ([0.0; 7], [0.0]);
        let inputs = Inputs {
            observations: Observations::Dense(&case.dense[lane * 4..(lane + 1) * 4]),
            prev_action: &case.prev_action[lane..=lane],
            prev_reward: &case.prev_reward[lane..=lane],
            boundary: &case.boundary[lane..=lane],
            reset: &case.reset[lane..=lane],
        };
        let outputs = Outputs {
            policy: &mut logits,
            values: &mut values,
        };
        run.network.step(&mut work, &inputs, &mut memory, outputs);
        assert_eq!(logits, run.logits[lane * 7..(lane + 1) * 7]);
        assert_eq!(values[0], run.values[lane]);
    }
}

/// What a workspace held before does not matter, not even NaN in lanes that are
/// padding now.
#[test]
fn workspaces_carry_nothing_over() {
    for cell in [Cell::Gru, Cell::Lstm] {
        for observation in [Observation::Dense(4), Observation::OneHot(6)] {
            let shape = Shape {
                cell,
                observation,
                hidden: 17,
                actions: 7,
            };
            let mut poisoned = Case::new(shape, 16, 9, 2);
            poisoned.dense.fill(f32::NAN);
            poisoned.prev_reward.fill(f32::NAN);
            let mut run = forward(&poisoned, Isa::best());
            train(&poisoned, &mut run, &PPO);
            let case = Case::new(shape, 3, 9, 4);
            let mut fresh = forward(&case, Isa::best());
            let expected = train(&case, &mut fresh, &PPO);
            fresh.work = run.work;
            forward_again(&case, &mut fresh);
            assert!(train(&case, &mut fresh, &PPO) == expected, "{shape:?}");
        }
    }
}

/// The instruction sets with fused multiply-add give the same bits; the portable
/// one is close.
#[test]
fn instruction_sets_agree() {
    for case in cases() {
        let results: Vec<_> = Isa::available()
            .map(|isa| (isa, gradient(&case, isa, &PPO)))
            .collect();
        let (best, (expected, sums)) = &results[0];
        for (isa, (actual, other)) in &results[1..] {
            if isa.is_fused() {
                assert!(actual == expected, "{isa:?} and {best:?}: {:?}", case.shape);
                assert_eq!(other, sums);
            } else {
                assert_close("gradient", actual, &wide(expected), 1e-4);
            }
        }
    }
}
