//! Fully connected layers: outputs and gradients against plain `f64` code, that rows are
//! treated apart, and that nothing is carried over.

use crate::common::{Rng, is_quick, wide};
use allocation_counter::measure;
use kernels::mlp::Activation;
use kernels::*;

fn network(shape: &LayersShape, isa: Isa) -> Network<Layers> {
    let policy = Policy::Categorical(shape.actions.max(2));
    Network::new(Layers::with_isa(shape.clone(), isa).unwrap(), policy).unwrap()
}

/// Rows, parameters, and gradients of the outputs.
struct Case {
    shape: LayersShape,
    lanes: usize,
    rows: usize,
    params: Vec<f32>,
    dense: Vec<f32>,
    states: Vec<u32>,
    prev_action: Vec<u32>,
    prev_reward: Vec<f32>,
    boundary: Vec<f32>,
    reset: Vec<bool>,
    d_logits: Vec<f32>,
    d_values: Vec<f32>,
}

impl Case {
    fn new(shape: LayersShape, lanes: usize, steps: usize, seed: u64) -> Case {
        let mut rng = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let rows = lanes * steps;
        let network = network(&shape, Isa::best());
        let width = shape.observation.width();
        let (dense, states) = match shape.observation {
            Observation::None => (Vec::new(), Vec::new()),
            Observation::Dense(_) => (rng.vec(rows * width, 1.0), Vec::new()),
            Observation::OneHot(_) => {
                let states = (0..rows).map(|_| rng.below(width) as u32);
                (Vec::new(), states.collect())
            }
        };
        let mut action = || match rng.below(shape.actions + 1) {
            0 => NO_ACTION,
            a => a as u32 - 1,
        };
        let prev_action = (0..rows).map(|_| action()).collect();
        let scale = 1.5 / (shape.hidden[0] as f32).sqrt();
        Case {
            params: rng.vec(network.parameters(), scale),
            d_logits: rng.vec(rows * shape.actions.max(2), 1.0),
            d_values: rng.vec(rows, 1.0),
            prev_reward: rng.vec(rows, 1.0),
            boundary: (0..rows).map(|_| rng.below(2) as f32).collect(),
            reset: (0..rows).map(|_| rng.below(3) == 0).collect(),
            prev_action,
            shape,
            lanes,
            rows,
            dense,
            states,
        }
    }

    fn inputs(&self, from: usize, to: usize) -> Inputs<'_> {
        Inputs {
            observations: match self.shape.observation {
                Observation::None => Observations::None,
                Observation::Dense(width) => {
                    Observations::Dense(&self.dense[from * width..to * width])
                }
                Observation::OneHot(_) => Observations::OneHot(&self.states[from..to]),
            },
            prev_action: &self.prev_action[from..to],
            prev_reward: &self.prev_reward[from..to],
            boundary: &self.boundary[from..to],
            reset: &self.reset[from..to],
        }
    }

    fn trials(&self) -> Trials<'_> {
        Trials {
            lanes: self.lanes,
            inputs: self.inputs(0, self.rows),
        }
    }
}

fn cases() -> Vec<Case> {
    let case = |(observation, actions, hidden, activation), lanes, steps| {
        let shape = LayersShape {
            observation,
            actions,
            hidden,
            activation,
        };
        Case::new(shape, lanes, steps, 5)
    };
    use Activation::{Relu, Tanh};
    vec![
        case((Observation::None, 3, vec![1], Tanh), 3, 2),
        case((Observation::Dense(7), 0, vec![17, 5], Tanh), 5, 4),
        case((Observation::OneHot(9), 4, vec![16, 33, 8], Relu), 2, 7),
        // More rows than are worked on together.
        case((Observation::Dense(4), 2, vec![20, 12], Relu), 19, 15),
        case((Observation::Dense(11), 5, vec![48, 32], Tanh), 16, 9),
    ]
}

/// A tile's outputs and its gradient.
struct Results {
    logits: Vec<f32>,
    values: Vec<f32>,
    gradient: Vec<f32>,
}

fn train(case: &Case, network: &Network<Layers>, work: &mut NetworkWork<LayersWork>) -> Results {
    let mut results = Results {
        logits: vec![f32::NAN; case.d_logits.len()],
        values: vec![f32::NAN; case.rows],
        gradient: vec![0.0; case.params.len()],
    };
    let outputs = Outputs {
        policy: &mut results.logits,
        values: &mut results.values,
    };
    network.forward(work, case.trials(), outputs);
    let gradients = OutputGradients {
        policy: &case.d_logits,
        values: &case.d_values,
    };
    network.backward(work, case.trials(), gradients, &mut results.gradient);
    results
}

fn run(case: &Case, isa: Isa) -> Results {
    let mut network = network(&case.shape, isa);
    network.pack(&case.params);
    train(case, &network, &mut network.work())
}

/// Outputs and gradients of all quick cases, one after the other.
pub(crate) fn everything(isa: Isa) -> Vec<f32> {
    let cases = cases().into_iter();
    let quick = cases.filter(|case| is_quick(case.params.len(), case.rows));
    let all = quick.flat_map(|case| {
        let found = run(&case, isa);
        [found.logits, found.values, found.gradient].concat()
    });
    all.collect()
}

/// The network of the crate, written for reading, in `f64`: logits, then values.
fn reference(case: &Case, params: &[f64]) -> Vec<f64> {
    let entries = network(&case.shape, Isa::best()).entries();
    let of = |name: &str| {
        let entry = entries.iter().find(|entry| entry.full_name() == name);
        &params[entry.unwrap().range()]
    };
    let layer = |name: &str, x: &[f64]| -> Vec<f64> {
        let weights = of(&format!("{name}.weight")).chunks_exact(x.len());
        let rows = weights.zip(of(&format!("{name}.bias")));
        let dot = |(w, b): (&[f64], &f64)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        rows.map(dot).collect()
    };
    let (mut logits, mut values) = (Vec::new(), Vec::new());
    for row in 0..case.rows {
        let mut x = vec![0.0; case.shape.observation.width() + case.shape.actions + 2];
        case.inputs(0, case.rows)
            .write(row, case.shape.observation, &mut x);
        let mut h = wide(&x);
        for l in 0..case.shape.hidden.len() {
            h = layer(&format!("trunk.{l}"), &h);
            h.iter_mut().for_each(|z| match case.shape.activation {
                Activation::Tanh => *z = z.tanh(),
                Activation::Relu => *z = z.max(0.0),
            });
        }
        logits.extend(layer("policy", &h));
        values.extend(layer("value", &h));
    }
    logits.extend(values);
    logits
}

#[test]
fn layers_and_their_gradient_are_those_of_the_reference() {
    for case in cases() {
        let params = wide(&case.params);
        let given = [wide(&case.d_logits), wide(&case.d_values)].concat();
        let along = |params: &[f64]| -> f64 {
            let outputs = reference(&case, params);
            outputs.iter().zip(&given).map(|(x, d)| x * d).sum()
        };
        let expected = reference(&case, &params);
        let entries = network(&case.shape, Isa::best()).entries();
        for isa in Isa::available() {
            let what = format!("{isa:?} {:?}", case.shape);
            let results = run(&case, isa);
            let found = results.logits.iter().chain(&results.values);
            for (at, (found, expected)) in found.zip(&expected).enumerate() {
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-5, "{what}: output {at}: {found}, {expected}");
            }
            let largest = |m: f32, g: &f32| m.max(g.abs());
            let scale = results.gradient.iter().fold(1.0, largest);
            let mut rng = Rng(77);
            for entry in &entries {
                for _ in 0..entry.count().min(6) {
                    let at = entry.offset + rng.below(entry.count());
                    // Short of the next kink of a rectifier.
                    let step = 1e-7;
                    let moved = |by: f64| {
                        let mut moved = params.clone();
                        moved[at] += by;
                        along(&moved)
                    };
                    let slope = (moved(step) - moved(-step)) / (2.0 * step);
                    let found = f64::from(results.gradient[at]);
                    assert!(
                        (found - slope).abs() < 2e-5 * f64::from(scale),
                        "{what}: {}: {found}, {slope}",
                        entry.full_name()
                    );
                }
            }
        }
    }
}

#[test]
fn a_step_gives_the_outputs_of_the_sequence_and_lanes_are_apart() {
    for case in cases() {
        let whole = run(&case, Isa::best());
        let mut network = network(&case.shape, Isa::best());
        network.pack(&case.params);
        let mut work = network.work();
        let actions = case.d_logits.len() / case.rows;
        for size in [case.lanes, 1] {
            for from in (0..case.rows).step_by(size) {
                let rows = from..from + size;
                let (mut logits, mut values) = (vec![0.0; size * actions], vec![0.0; size]);
                let outputs = Outputs {
                    policy: &mut logits,
                    values: &mut values,
                };
                let inputs = case.inputs(rows.start, rows.end);
                network.step(&mut work, &inputs, &mut (), outputs);
                assert_eq!(values, whole.values[rows.clone()]);
                assert_eq!(
                    logits,
                    whole.logits[rows.start * actions..rows.end * actions]
                );
            }
        }
    }
}

#[test]
fn instruction_sets_give_the_same_layers() {
    for case in cases() {
        let all = |isa| {
            let Results {
                logits,
                values,
                gradient,
            } = run(&case, isa);
            [logits, values, gradient].concat()
        };
        let expected = all(Isa::best());
        for isa in Isa::available().filter(|isa| isa.is_fused()) {
            assert_eq!(all(isa), expected, "{isa:?}: {:?}", case.shape);
        }
    }
}

#[test]
fn operations_are_counted_as_there_are_products() {
    let shape = LayersShape {
        observation: Observation::Dense(10),
        actions: 4,
        hidden: vec![30, 20],
        activation: Activation::Tanh,
    };
    let flops = Layers::new(shape.clone()).unwrap().flops();
    assert_eq!(flops.forward, 2 * (16 * 30 + 30 * 20));
    // Forward twice, the weights' gradients, and through the second layer.
    assert_eq!(flops.training, 2 * (3 * (16 * 30 + 30 * 20) + 30 * 20));
    for hidden in [vec![], vec![0], vec![8, MAX_DIM + 1]] {
        let shape = LayersShape {
            hidden,
            ..shape.clone()
        };
        assert!(Layers::new(shape).is_err());
    }
}

/// What work held before does not matter, not even NaN in rows that are padding now;
/// and what it holds is what was counted, from its first tile on.
#[test]
fn work_carries_nothing_over_and_holds_what_is_counted() {
    let shape = LayersShape {
        observation: Observation::Dense(9),
        actions: 3,
        hidden: vec![40, 24],
        activation: Activation::Tanh,
    };
    let mut poisoned = Case::new(shape.clone(), 8, 20, 2);
    poisoned.dense.fill(f32::NAN);
    let mut network = network(&shape, Isa::best());
    let counted = network.bytes(poisoned.lanes, 20);
    let beside = 16.0 * 256.0; // at most: what is least allocated for a buffer
    let held = measure(|| network.pack(&poisoned.params)).bytes_current as f64;
    assert!(
        (counted.packed..counted.packed + beside).contains(&held),
        "{held} of {}",
        counted.packed
    );
    let mut work = network.work();
    let mut warm = None;
    let held = measure(|| warm = Some(train(&poisoned, &network, &mut work)));
    let results = 4 * (160 * 4 + network.parameters());
    let held = held.bytes_current as f64 - results as f64;
    assert!(
        (0.97 * counted.learning..counted.learning + beside).contains(&held),
        "{held} of {}",
        counted.learning
    );
    let case = Case::new(shape, 3, 3, 4);
    network.pack(&case.params);
    let used = measure(|| warm = Some(train(&case, &network, &mut work)));
    assert_eq!(used.count_total, 3, "the results alone");
    let (found, expected) = (warm.unwrap(), run(&case, Isa::best()));
    assert_eq!(found.logits, expected.logits);
    assert_eq!(found.values, expected.values);
    assert_eq!(found.gradient, expected.gradient);
}
