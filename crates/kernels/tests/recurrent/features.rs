//! Features and their gradient, for heads and losses of anyone's own.

use crate::common::*;
use kernels::*;

fn shapes() -> Vec<Case> {
    let mut cases = Vec::new();
    for cell in [Cell::Gru, Cell::Lstm] {
        for (lanes, hidden, steps) in [(1, 1, 2), (3, 17, 9), (32, 33, 5), (9, 48, 20)] {
            for observation in [Observation::Dense(4), Observation::OneHot(6)] {
                let shape = Shape {
                    cell,
                    observation,
                    hidden,
                    actions: 3,
                };
                cases.push(Case::new(shape, lanes, steps, 5));
            }
        }
    }
    cases
}

/// A trunk that has gone forward, and its features.
fn forward(case: &Case, isa: Isa) -> (Recurrent, Workspace, Vec<f32>) {
    let mut trunk = Recurrent::with_isa(case.shape, isa).unwrap();
    trunk.pack(&case.params[..trunk_len(case)]);
    let mut work = trunk.work();
    let mut features = vec![f32::NAN; case.lanes * case.steps * case.shape.hidden];
    trunk.forward(&mut work, case.trials(), &mut features);
    (trunk, work, features)
}

fn trunk_len(case: &Case) -> usize {
    Layout::new(&case.shape).len()
}

fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3, |m: f32, x| m.max(x.abs()));
    for (i, (a, e)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - e).abs() <= tolerance * scale,
            "{what}[{i}]: {a} instead of {e}"
        );
    }
}

/// The same as through the library's own heads: an outsider's heads, written plainly,
/// give their outputs and the gradient.
#[test]
fn a_trunk_gives_features_and_takes_their_gradient() {
    for isa in Isa::available() {
        for case in shapes() {
            let what = format!("{isa:?} {:?} x {}", case.shape, case.lanes);
            let (hidden, actions) = (case.shape.hidden, case.shape.actions);
            let rows = case.lanes * case.steps;
            let mut network = network(case.shape, isa);
            network.pack(&case.params);
            let mut work = network.work();
            let (mut logits, mut values) = (vec![0.0; rows * actions], vec![0.0; rows]);
            let outputs = Outputs {
                policy: &mut logits,
                values: &mut values,
            };
            network.forward(&mut work, case.trials(), outputs);
            let (trunk, mut own, features) = forward(&case, isa);
            let [weight, bias] = [network.entries()[4], network.entries()[5]];
            let [weight, bias] = [weight, bias].map(|entry| &case.params[entry.range()]);
            let plain: Vec<f32> = features
                .chunks_exact(hidden)
                .flat_map(|h| {
                    let logit = move |a: usize| {
                        let row = weight[a * hidden..(a + 1) * hidden].iter().zip(h);
                        bias[a] + row.map(|(w, h)| w * h).sum::<f32>()
                    };
                    (0..actions).map(logit)
                })
                .collect();
            close(&format!("{what} logits"), &plain, &logits, 3e-6);

            let mut rng = Rng(11);
            let d_logits = rng.vec(rows * actions, 1.0);
            let d_values = vec![0.0; rows];
            let outputs = OutputGradients {
                policy: &d_logits,
                values: &d_values,
            };
            let mut expected = vec![0.0; case.params.len()];
            network.backward(&mut work, case.trials(), outputs, &mut expected);
            let d_features: Vec<f32> = d_logits
                .chunks_exact(actions)
                .flat_map(|d| {
                    let unit = move |u: usize| -> f32 {
                        (0..actions).map(|a| d[a] * weight[a * hidden + u]).sum()
                    };
                    (0..hidden).map(unit)
                })
                .collect();
            // It adds to what is there.
            let mut gradient = vec![1.0; trunk_len(&case)];
            trunk.backward(&mut own, case.trials(), &d_features, &mut gradient);
            gradient.iter_mut().for_each(|g| *g -= 1.0);
            let expected = &expected[..gradient.len()];
            close(&format!("{what} gradient"), &gradient, expected, 3e-5);
        }
    }
}

#[test]
fn features_of_a_step_are_those_of_the_sequence() {
    for case in shapes() {
        let (trunk, _, features) = forward(&case, Isa::best());
        let mut work = trunk.work();
        let mut memory = case.memory();
        let size = case.lanes * case.shape.hidden;
        let mut step = vec![f32::NAN; size];
        for (t, expected) in features.chunks_exact(size).enumerate() {
            trunk.step(&mut work, &case.inputs_of(t, t + 1), &mut memory, &mut step);
            assert_eq!(step, expected, "{:?} at {t}", case.shape);
        }
    }
}

/// A trunk that knows nothing of heads: what it is told is what it gives, and it keeps
/// the gradient of that.
#[derive(Clone)]
struct Echo(Observation, usize);

impl Trunk for Echo {
    type Work = Vec<f32>;
    type Memory = ();

    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }

    fn features(&self) -> usize {
        self.1
    }

    fn memory(&self, _: usize, _: usize) {}

    fn bytes(&self, _: usize, _: usize) -> TrunkBytes {
        TrunkBytes {
            packed: 0.0,
            acting: 0.0,
            learning: 0.0,
        }
    }

    fn flops(&self) -> Flops {
        Flops {
            forward: 0,
            training: 0,
        }
    }

    fn work(&self) -> Vec<f32> {
        Vec::new()
    }

    fn pack(&mut self, params: &[f32]) {
        assert!(params.is_empty());
    }

    fn step(&self, _: &mut Vec<f32>, of: &Inputs<'_>, (): &mut (), features: &mut [f32]) {
        for (row, x) in features.chunks_exact_mut(self.1).enumerate() {
            of.write(row, self.0, x);
        }
    }

    fn forward(&self, kept: &mut Vec<f32>, trials: Trials<'_>, features: &mut [f32]) {
        self.step(kept, &trials.inputs, &mut (), features);
    }

    fn backward(&self, kept: &mut Vec<f32>, _: Trials<'_>, given: &[f32], _: &mut [f32]) {
        *kept = given.to_vec();
    }
}

/// Heads on rows that are not a multiple of anything, of every kind of input,
/// against sums written plainly.
#[test]
fn heads_stand_on_any_trunk() {
    for observation in [
        Observation::None,
        Observation::Dense(4),
        Observation::OneHot(6),
        Observation::Dense(21),
    ] {
        for (lanes, steps) in [(1, 1), (3, 5), (32, 9), (130, 3)] {
            let shape = Shape {
                cell: Cell::Gru,
                observation,
                hidden: 1,
                actions: 3,
            };
            let case = Case::new(shape, lanes, steps, 3);
            let width = shape.inputs();
            let mut network =
                Network::new(Echo(observation, width), Policy::Categorical(3)).unwrap();
            let mut rng = Rng(5);
            let params = rng.vec(network.parameters(), 0.7);
            network.pack(&params);
            let mut work = network.work();
            let rows = lanes * steps;
            let (mut policy, mut values) = (vec![0.0; rows * 3], vec![0.0; rows]);
            let outputs = Outputs {
                policy: &mut policy,
                values: &mut values,
            };
            network.forward(&mut work, case.trials(), outputs);
            let (d_policy, d_values) = (rng.vec(rows * 3, 1.0), rng.vec(rows, 1.0));
            let outputs = OutputGradients {
                policy: &d_policy,
                values: &d_values,
            };
            let mut gradient = vec![0.0; params.len()];
            network.backward(&mut work, case.trials(), outputs, &mut gradient);

            let mut x = vec![f32::NAN; rows * width];
            Echo(observation, width).forward(&mut Vec::new(), case.trials(), &mut x);
            let of = |o: usize, x: &[f32]| -> f32 {
                let (w, b) = match o {
                    3 => (3 * width + 3, params.len() - 1),
                    _ => (o * width, 3 * width + o),
                };
                params[b] + x.iter().zip(&params[w..]).map(|(x, w)| x * w).sum::<f32>()
            };
            let plain = |o| x.chunks_exact(width).map(move |x| of(o, x));
            let what = format!("{observation:?} {lanes} x {steps}");
            close(&what, &values, &plain(3).collect::<Vec<_>>(), 1e-5);
            let first: Vec<f32> = policy.iter().step_by(3).copied().collect();
            close(&what, &first, &plain(0).collect::<Vec<_>>(), 1e-5);
            let weights: Vec<f32> = (0..width)
                .map(|k| (0..rows).map(|r| d_values[r] * x[r * width + k]).sum())
                .collect();
            close(&what, &gradient[3 * width + 3..][..width], &weights, 2e-5);
            let given: Vec<f32> = (0..rows * width)
                .map(|i| {
                    let (row, k) = (i / width, i % width);
                    let policy = (0..3).map(|o| d_policy[row * 3 + o] * params[o * width + k]);
                    policy.sum::<f32>() + d_values[row] * params[3 * width + 3 + k]
                })
                .collect();
            close(&what, &work.trunk, &given, 1e-5);
            let bias: f32 = d_values.iter().sum();
            close(&what, &gradient[params.len() - 1..], &[bias], 2e-5);
        }
    }
}
