//! Indices of arms: outputs and gradients against plain `f64` code, and that arms and
//! rows are treated alike and apart.

use crate::common::{Rng, is_quick, wide};
use allocation_counter::measure;
use kernels::*;

/// Numbers before what is told: an observation that is not read.
const BEFORE: usize = 1;

fn shape(arms: usize, hidden: usize) -> IndexShape {
    IndexShape {
        observation: BEFORE + 2 + 2 * arms,
        time: BEFORE,
        statistics: BEFORE + 2,
        arms,
        steps: 300,
        hidden,
    }
}

fn network(shape: IndexShape, isa: Isa) -> Network<Index> {
    let trunk = Index::with_isa(shape, isa).unwrap();
    Network::new(trunk, Policy::Categorical(shape.arms)).unwrap()
}

/// Rows of a bandit, parameters, and gradients of the outputs.
struct Case {
    shape: IndexShape,
    lanes: usize,
    rows: usize,
    params: Vec<f32>,
    observed: Vec<f32>,
    zeros: Vec<f32>,
    none: Vec<u32>,
    reset: Vec<bool>,
    d_logits: Vec<f32>,
    d_values: Vec<f32>,
}

impl Case {
    fn new(shape: IndexShape, lanes: usize, steps: usize, seed: u64) -> Case {
        let mut rng = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let rows = lanes * steps;
        let parameters = network(shape, Isa::best()).parameters();
        let mut observed = Vec::new();
        for _ in 0..rows {
            observed.extend(rng.vec(BEFORE, 9.0));
            observed.extend([rng.unit(), rng.unit()]);
            for _ in 0..shape.arms {
                let pulls = rng.below(40);
                let won = rng.below(pulls + 1) as f32;
                let count = 2.0 + pulls as f32;
                observed.extend([(2.0 * won - pulls as f32) / count, (2.0 / count).sqrt()]);
            }
        }
        // The last row's time is up: no more than a step is left.
        observed[(rows - 1) * shape.observation + BEFORE] = 0.0;
        Case {
            params: rng.vec(parameters, 0.8),
            d_logits: rng.vec(rows * shape.arms, 1.0),
            d_values: rng.vec(rows, 1.0),
            zeros: vec![0.0; rows],
            none: vec![NO_ACTION; rows],
            reset: vec![false; rows],
            shape,
            lanes,
            rows,
            observed,
        }
    }

    fn inputs(&self, from: usize, to: usize) -> Inputs<'_> {
        let width = self.shape.observation;
        Inputs {
            observations: Observations::Dense(&self.observed[from * width..to * width]),
            prev_action: &self.none[from..to],
            prev_reward: &self.zeros[from..to],
            boundary: &self.zeros[from..to],
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
    let sizes = [
        (1, 1, 3, 2),
        (3, 5, 2, 7),
        (50, 16, 4, 3),
        (7, 33, 5, 11),
        (270, 4, 2, 2),
    ];
    let case = |(arms, hidden, lanes, steps)| Case::new(shape(arms, hidden), lanes, steps, 3);
    sizes.into_iter().map(case).collect()
}

/// A tile's outputs and its gradient.
struct Results {
    logits: Vec<f32>,
    values: Vec<f32>,
    gradient: Vec<f32>,
}

fn train(case: &Case, network: &Network<Index>, work: &mut NetworkWork<IndexWork>) -> Results {
    let mut results = Results {
        logits: vec![f32::NAN; case.rows * case.shape.arms],
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
    let mut network = network(case.shape, isa);
    network.pack(&case.params);
    train(case, &network, &mut network.work())
}

/// Outputs and gradients of all quick cases, one after the other.
pub(crate) fn everything(isa: Isa) -> Vec<f32> {
    let cases = cases().into_iter();
    let quick = cases.filter(|case| is_quick(case.params.len(), case.rows * case.shape.arms));
    let all = quick.flat_map(|case| {
        let found = run(&case, isa);
        [found.logits, found.values, found.gradient].concat()
    });
    all.collect()
}

/// The network of the crate, written for reading, in `f64`: logits, then values.
fn reference(case: &Case, params: &[f64]) -> Vec<f64> {
    let IndexShape { arms, hidden, .. } = case.shape;
    let entries = network(case.shape, Isa::best()).entries();
    let of = |name: &str| {
        let entry = entries.iter().find(|entry| entry.name == name).unwrap();
        &params[entry.range()]
    };
    let layer = |name: &str, x: &[f64]| -> Vec<f64> {
        let weights = of(&format!("{name}.weight"));
        let rows = weights
            .chunks_exact(x.len())
            .zip(of(&format!("{name}.bias")));
        let dot = |(w, b): (&[f64], &f64)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        rows.map(dot).collect()
    };
    let tanh = |xs: Vec<f64>| -> Vec<f64> { xs.into_iter().map(f64::tanh).collect() };
    let (mut logits, mut values) = (Vec::new(), Vec::new());
    for row in wide(&case.observed).chunks_exact(case.shape.observation) {
        let share = row[BEFORE];
        let left = (share * case.shape.steps as f64).max(1.0);
        let mut pooled = vec![0.0; hidden];
        let mut best = f64::NEG_INFINITY;
        for arm in row[BEFORE + 2..].chunks_exact(2) {
            let (mean, spread) = (arm[0], arm[1]);
            let width = (1.0 - mean * mean).max(0.0).sqrt();
            let x = [
                mean,
                width,
                spread,
                1.0 + spread.ln(),
                0.5 * left.ln() - 1.0,
            ];
            let h = tanh(layer("trunk.1", &tanh(layer("trunk.0", &x))));
            let made = layer("trunk.2", &h);
            let index = mean + spread * (made[0] + made[1] * width);
            logits.push(of("policy.log_scale")[0].exp() * index);
            pooled
                .iter_mut()
                .zip(&h)
                .for_each(|(sum, h)| *sum += h / arms as f64);
            best = best.max(mean);
        }
        pooled.extend([share, share * best]);
        values.push(layer("value", &pooled)[0]);
    }
    logits.extend(values);
    logits
}

#[test]
fn indices_and_their_gradient_are_those_of_the_reference() {
    for case in cases() {
        let (params, logits) = (wide(&case.params), case.d_logits.len());
        let given = [wide(&case.d_logits), wide(&case.d_values)].concat();
        let along = |params: &[f64]| -> f64 {
            let outputs = reference(&case, params);
            outputs.iter().zip(&given).map(|(x, d)| x * d).sum()
        };
        let expected = reference(&case, &params);
        let entries = network(case.shape, Isa::best()).entries();
        for isa in Isa::available() {
            let what = format!("{isa:?} {:?}", case.shape);
            let results = run(&case, isa);
            let found = results.logits.iter().chain(&results.values);
            for (at, (found, expected)) in found.zip(&expected).enumerate() {
                let error = (f64::from(*found) - expected).abs();
                assert!(
                    error < 1e-5,
                    "{what}: output {at} of {logits}: {found}, {expected}"
                );
            }
            let scale = results
                .gradient
                .iter()
                .fold(1.0, |m: f32, g| m.max(g.abs()));
            let mut rng = Rng(77);
            for entry in &entries {
                for _ in 0..entry.count().min(4) {
                    let at = entry.offset + rng.below(entry.count());
                    let step = 1e-5;
                    let moved = |by: f64| {
                        let mut moved = params.clone();
                        moved[at] += by;
                        along(&moved)
                    };
                    let slope = (moved(step) - moved(-step)) / (2.0 * step);
                    let found = f64::from(results.gradient[at]);
                    assert!(
                        (found - slope).abs() < 1e-5 * f64::from(scale),
                        "{what}: {}: {found}, {slope}",
                        entry.name
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
        let mut network = network(case.shape, Isa::best());
        network.pack(&case.params);
        let mut work = network.work();
        for size in [case.lanes, 1] {
            for from in (0..case.rows).step_by(size) {
                let rows = from..from + size;
                let (mut logits, mut values) = (vec![0.0; size * case.shape.arms], vec![0.0; size]);
                let outputs = Outputs {
                    policy: &mut logits,
                    values: &mut values,
                };
                let inputs = case.inputs(rows.start, rows.end);
                network.step(&mut work, &inputs, &mut (), outputs);
                assert_eq!(values, whole.values[rows.clone()]);
                let of = rows.start * case.shape.arms..rows.end * case.shape.arms;
                assert_eq!(logits, whole.logits[of]);
            }
        }
    }
}

#[test]
fn arms_in_another_order_have_their_own_logits_in_that_order() {
    for mut case in cases() {
        let (arms, before) = (case.shape.arms, run(&case, Isa::best()));
        for row in case.observed.chunks_exact_mut(case.shape.observation) {
            row[BEFORE + 2..].rotate_left(2 * (arms / 3));
        }
        for row in case.d_logits.chunks_exact_mut(arms) {
            row.rotate_left(arms / 3);
        }
        let after = run(&case, Isa::best());
        let mut expected = before.logits;
        for row in expected.chunks_exact_mut(arms) {
            row.rotate_left(arms / 3);
        }
        assert_eq!(after.logits, expected, "{:?}", case.shape);
        let all = |results: &Results| [&results.values[..], &results.gradient].concat();
        let (found, expected) = (all(&after), [before.values, before.gradient].concat());
        let scale = expected.iter().fold(1.0, |m: f32, x| m.max(x.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-5 * scale,
                "{found}, {expected}"
            );
        }
    }
}

#[test]
fn parameters_are_few_and_the_same_for_any_number_of_arms() {
    let of = |arms| network(shape(arms, 16), Isa::best());
    let entries = of(2).entries();
    assert_eq!(of(2).parameters(), 422);
    for arms in [3, 50, 1000] {
        assert_eq!(of(arms).entries(), entries);
    }
    // 16 x (5 + 16 + 2) products of an arm, and 18 of the value.
    assert_eq!(of(50).flops().forward, 50 * 2 * 368 + 2 * 18);
    assert_eq!(of(50).flops().training, 50 * 2 * (3 * 368 + 288) + 6 * 18);
}

#[test]
fn instruction_sets_give_the_same_indices() {
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

/// What work held before does not matter, not even NaN in slots that are padding now;
/// and what it holds is what was counted, from its first tile on.
#[test]
fn work_carries_nothing_over_and_holds_what_is_counted() {
    for (arms, hidden) in [(3, 17), (50, 16)] {
        let shape = shape(arms, hidden);
        let mut poisoned = Case::new(shape, 8, 12, 2);
        poisoned.observed.fill(f32::NAN);
        let mut network = network(shape, Isa::best());
        let counted = network.bytes(poisoned.lanes, 12);
        let held = measure(|| network.pack(&poisoned.params)).bytes_current as f64;
        let beside = 11.0 * 256.0; // at most: what is least allocated for a buffer
        let most = counted.packed + beside;
        assert!((counted.packed..most).contains(&held), "{held}");
        let mut work = network.work();
        let mut warm = None;
        let held = measure(|| warm = Some(train(&poisoned, &network, &mut work)));
        let results = 4 * (96 * (arms + 1) + network.parameters());
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
}
