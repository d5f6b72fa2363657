//! Stacks of blocks: outputs and gradients against plain `f64` code, steps against whole
//! trials, trials that begin inside of a tile, and that lanes and times are apart.

use crate::common::{Rng, is_quick, wide};
use allocation_counter::measure;
use kernels::*;
use std::collections::HashMap;

const ACTIONS: usize = 3;

fn shape(mixer: Mixer) -> BlocksShape {
    BlocksShape {
        observation: Observation::None,
        actions: ACTIONS,
        hidden: 16,
        layers: 2,
        units: 32,
        gated: false,
        mixer,
        join: Join::Sum,
    }
}

fn network(shape: BlocksShape, isa: Isa) -> Network<Blocks> {
    let trunk = Blocks::with_isa(shape, isa).unwrap();
    Network::new(trunk, Policy::Categorical(ACTIONS)).unwrap()
}

/// Trials of a tile, parameters, and gradients of the outputs.
struct Case {
    shape: BlocksShape,
    lanes: usize,
    steps: usize,
    params: Vec<f32>,
    dense: Vec<f32>,
    states: Vec<u32>,
    actions: Vec<u32>,
    rewards: Vec<f32>,
    boundary: Vec<f32>,
    reset: Vec<bool>,
    d_logits: Vec<f32>,
    d_values: Vec<f32>,
}

impl Case {
    fn new(shape: BlocksShape, (lanes, steps): (usize, usize), seed: u64) -> Case {
        let mut rng = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let rows = lanes * steps;
        let network = network(shape, Isa::best());
        let mut params = rng.vec(network.parameters(), 0.35);
        for entry in network.entries() {
            let own = &mut params[entry.range()];
            match entry.name {
                "norm1.gain" | "norm2.gain" | "trunk.norm.gain" => {
                    own.iter_mut().for_each(|gain| *gain += 1.0);
                }
                "decay" => own.iter_mut().for_each(|decay| *decay -= 1.0),
                "angle" => own.iter_mut().for_each(|angle| *angle *= 4.0),
                _ => {}
            }
        }
        let width = shape.observation.width();
        // Lanes begin new trials at times of their own, several of one step among them.
        // In long tiles they hardly do.
        let apart = if steps > 60 { 1000 } else { 7 };
        let reset = |row: usize, rng: &mut Rng| row < lanes || rng.below(apart) == 0;
        Case {
            params,
            dense: rng.vec(rows * width, 1.0),
            states: (0..rows).map(|_| rng.below(width.max(1)) as u32).collect(),
            actions: (0..rows)
                .map(|_| match rng.below(ACTIONS + 1) {
                    ACTIONS => NO_ACTION,
                    action => action as u32,
                })
                .collect(),
            rewards: rng.vec(rows, 1.0),
            boundary: (0..rows).map(|_| rng.below(2) as f32).collect(),
            reset: (0..rows).map(|row| reset(row, &mut rng)).collect(),
            d_logits: rng.vec(rows * ACTIONS, 1.0),
            d_values: rng.vec(rows, 1.0),
            shape,
            lanes,
            steps,
        }
    }

    fn rows(&self) -> usize {
        self.lanes * self.steps
    }

    fn inputs(&self, from: usize, to: usize) -> Inputs<'_> {
        let width = self.shape.observation.width();
        Inputs {
            observations: match self.shape.observation {
                Observation::None => Observations::None,
                Observation::Dense(_) => Observations::Dense(&self.dense[from * width..to * width]),
                Observation::OneHot(_) => Observations::OneHot(&self.states[from..to]),
            },
            prev_action: &self.actions[from..to],
            prev_reward: &self.rewards[from..to],
            boundary: &self.boundary[from..to],
            reset: &self.reset[from..to],
        }
    }

    fn trials(&self) -> Trials<'_> {
        Trials {
            lanes: self.lanes,
            inputs: self.inputs(0, self.rows()),
        }
    }

    /// Whether a place of the trial adds to the input.
    fn has_places(&self) -> bool {
        let learned = Positions::Learned;
        matches!(self.shape.mixer, Mixer::Attention { positions, .. } if positions == learned)
    }
}

/// All mixers, both feed-forward layers, both joins, all kinds of observations, and
/// sizes on both sides of what is worked on together.
fn cases() -> Vec<Case> {
    let of = |heads, steps, positions| Mixer::Attention {
        heads,
        steps,
        positions,
    };
    let attention = |heads, steps| of(heads, steps, Positions::Learned);
    let rotary = |heads, steps| of(heads, steps, Positions::Rotary);
    let base = shape(Mixer::MinGru);
    let with = |mixer, gated, join, observation| BlocksShape {
        mixer,
        gated,
        join,
        observation,
        ..base
    };
    let two_heads = BlocksShape {
        hidden: 32,
        layers: 1,
        ..with(attention(2, 40), false, Join::Sum, Observation::None)
    };
    let wide = |hidden, heads, steps| BlocksShape {
        hidden,
        layers: 1,
        units: 16,
        ..with(attention(heads, steps), false, Join::Sum, Observation::None)
    };
    let cases = [
        (base, (3, 7)),
        (
            with(Mixer::MinGru, true, Join::Gru, Observation::Dense(5)),
            (8, 5),
        ),
        (
            with(Mixer::Lru, false, Join::Sum, Observation::OneHot(4)),
            (5, 9),
        ),
        (
            with(Mixer::Lru, true, Join::Gru, Observation::None),
            (2, 40),
        ),
        (
            with(attention(1, 9), false, Join::Sum, Observation::OneHot(4)),
            (3, 9),
        ),
        (
            with(attention(1, 40), true, Join::Gru, Observation::Dense(3)),
            (2, 40),
        ),
        (two_heads, (33, 11)),
        (
            with(rotary(1, 9), false, Join::Gru, Observation::OneHot(4)),
            (3, 9),
        ),
        (
            BlocksShape {
                mixer: rotary(2, 40),
                ..two_heads
            },
            (9, 40),
        ),
        (
            with(
                Mixer::FastWeight { heads: 1 },
                false,
                Join::Sum,
                Observation::Dense(3),
            ),
            (3, 21),
        ),
        (
            BlocksShape {
                mixer: Mixer::FastWeight { heads: 2 },
                gated: true,
                join: Join::Gru,
                ..two_heads
            },
            (17, 40),
        ),
        (
            with(
                of(1, 9, Positions::None),
                false,
                Join::Sum,
                Observation::None,
            ),
            (3, 9),
        ),
        // Heads wider than a vector, and more places than four of them.
        (wide(64, 2, 80), (1, 80)),
        (wide(64, 4, 70), (3, 70)),
        (wide(256, 1, 6), (1, 6)),
    ];
    let case = |(shape, size)| Case::new(shape, size, 5);
    cases.into_iter().map(case).collect()
}

/// Rows `[q k v]` of a trial's steps, the first two parts turned by rotary positions.
fn turned(made: &[Vec<f64>], hidden: usize, width: usize) -> Vec<Vec<f64>> {
    let turn = |(step, row): (usize, &Vec<f64>)| {
        let mut row = row.clone();
        for unit in (0..2 * hidden).filter(|unit| unit % width < width / 2) {
            let power = -2.0 * (unit % width) as f64 / width as f64;
            let (sin, cos) = (step as f64 * 1e4f64.powf(power)).sin_cos();
            let (a, b) = (row[unit], row[unit + width / 2]);
            row[unit] = a * cos - b * sin;
            row[unit + width / 2] = a * sin + b * cos;
        }
        row
    };
    made.iter().enumerate().map(turn).collect()
}

/// A tile's outputs and its gradient.
struct Results {
    logits: Vec<f32>,
    values: Vec<f32>,
    gradient: Vec<f32>,
}

fn train(case: &Case, network: &Network<Blocks>, work: &mut NetworkWork<BlocksWork>) -> Results {
    let mut results = Results {
        logits: vec![f32::NAN; case.rows() * ACTIONS],
        values: vec![f32::NAN; case.rows()],
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
    let quick = cases.filter(|case| is_quick(case.params.len(), case.rows()));
    let all = quick.flat_map(|case| {
        let found = run(&case, isa);
        [found.logits, found.values, found.gradient].concat()
    });
    all.collect()
}

/// The network, written for reading, in `f64`.
struct Reference<'a> {
    case: &'a Case,
    entries: HashMap<String, Entry>,
    params: &'a [f64],
}

impl Reference<'_> {
    fn of(&self, name: &str) -> &[f64] {
        &self.params[self.entries[name].range()]
    }

    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let weights = self.of(&format!("{name}.weight"));
        let rows = weights
            .chunks_exact(x.len())
            .zip(self.of(&format!("{name}.bias")));
        let dot = |(w, b): (&[f64], &f64)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        rows.map(dot).collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let given = self.of(&format!("{name}.gain")).iter();
        let given = given.zip(self.of(&format!("{name}.bias")));
        let of = |(x, (gain, bias)): (&f64, (&f64, &f64))| {
            gain * (x - mean) / (variance + 1e-5).sqrt() + bias
        };
        x.iter().zip(given).map(of).collect()
    }

    fn join(&self, name: &str, x: &[f64], branch: &[f64]) -> Vec<f64> {
        if self.case.shape.join == Join::Sum {
            return x.iter().zip(branch).map(|(x, y)| x + y).collect();
        }
        let hidden = x.len();
        let y: Vec<f64> = branch.iter().map(|y| y.max(0.0)).collect();
        let gates = self.linear(&format!("{name}.gates"), &[&y, x].concat());
        let gates: Vec<f64> = gates.into_iter().map(sigmoid).collect();
        let kept: Vec<f64> = gates.iter().zip(x).map(|(r, x)| r * x).collect();
        let c = self.linear(&format!("{name}.candidate"), &[y, kept].concat());
        let mixed = |i: usize| {
            let z = gates[hidden + i];
            (1.0 - z) * x[i] + z * c[i].tanh()
        };
        (0..hidden).map(mixed).collect()
    }

    fn input(&self, row: usize) -> Vec<f64> {
        let case = self.case;
        let mut x = vec![0.0; case.shape.inputs()];
        let width = case.shape.observation.width();
        match case.shape.observation {
            Observation::None => {}
            Observation::Dense(_) => {
                x[..width].copy_from_slice(&wide(&case.dense[row * width..(row + 1) * width]));
            }
            Observation::OneHot(_) => x[case.states[row] as usize] = 1.0,
        }
        if case.actions[row] != NO_ACTION {
            x[width + case.actions[row] as usize] = 1.0;
        }
        x[width + ACTIONS] = f64::from(case.rewards[row]);
        x[width + ACTIONS + 1] = f64::from(case.boundary[row]);
        x
    }

    /// What the mixer gives at the last of the rows that its first layer made of a
    /// trial so far.
    fn mixed(&self, block: usize, made: &[Vec<f64>]) -> Vec<f64> {
        let hidden = self.case.shape.hidden;
        match self.case.shape.mixer {
            Mixer::MinGru => {
                let mut h = vec![0.0; hidden];
                for made in made {
                    for i in 0..hidden {
                        let z = sigmoid(made[i]);
                        h[i] = (1.0 - z) * h[i] + z * made[hidden + i];
                    }
                }
                h
            }
            Mixer::Lru => {
                let mut s = vec![0.0; 2 * hidden];
                let [decay, angle] =
                    ["decay", "angle"].map(|part| self.of(&format!("trunk.{block}.{part}")));
                for made in made {
                    for i in 0..hidden {
                        let radius = (-decay[i].exp()).exp();
                        let (sin, cos) = angle[i].sin_cos();
                        let factor = (1.0 - radius * radius).sqrt();
                        let (re, im) = (s[i], s[hidden + i]);
                        s[i] = radius * (cos * re - sin * im) + factor * made[i];
                        s[hidden + i] = radius * (cos * im + sin * re) + factor * made[hidden + i];
                    }
                }
                self.linear(&format!("trunk.{block}.out"), &s)
            }
            Mixer::FastWeight { heads } => {
                let width = hidden / heads;
                let mut read = vec![0.0; hidden];
                for head in 0..heads {
                    let mut matrix = vec![0.0; width * width];
                    for row in made {
                        let of = |part: usize| &row[part * hidden + head * width..][..width];
                        let short = |x: &[f64]| -> Vec<f64> {
                            let length = x.iter().map(|x| x * x).sum::<f64>() + 1e-6;
                            x.iter().map(|x| x / length.sqrt()).collect()
                        };
                        let (b, q, k, v) = (of(0), short(of(1)), short(of(2)), of(3));
                        for i in 0..width {
                            let own = &mut matrix[i * width..][..width];
                            let known: f64 = own.iter().zip(&k).map(|(s, k)| s * k).sum();
                            let u = sigmoid(b[i]) * (v[i] - known);
                            own.iter_mut().zip(&k).for_each(|(s, k)| *s += u * k);
                            let y: f64 = own.iter().zip(&q).map(|(s, q)| s * q).sum();
                            read[head * width + i] = y;
                        }
                    }
                }
                self.linear(&format!("trunk.{block}.out"), &read)
            }
            Mixer::Attention {
                heads, positions, ..
            } => {
                let width = hidden / heads;
                let made = &match positions {
                    Positions::Learned | Positions::None => made.to_vec(),
                    Positions::Rotary => turned(made, hidden, width),
                };
                let query = made.last().unwrap();
                let mut read = vec![0.0; hidden];
                for head in 0..heads {
                    let of = |row: &[f64], part: usize| -> Vec<f64> {
                        row[part * hidden + head * width..][..width].to_vec()
                    };
                    let q = of(query, 0);
                    let score = |row: &Vec<f64>| {
                        let dot: f64 = of(row, 1).iter().zip(&q).map(|(k, q)| k * q).sum();
                        (dot / (width as f64).sqrt()).exp()
                    };
                    let scores: Vec<f64> = made.iter().map(score).collect();
                    let sum: f64 = scores.iter().sum();
                    for (row, score) in made.iter().zip(&scores) {
                        for (i, v) in of(row, 2).into_iter().enumerate() {
                            read[head * width + i] += score / sum * v;
                        }
                    }
                }
                self.linear(&format!("trunk.{block}.out"), &read)
            }
        }
    }

    fn fed(&self, block: usize, u: &[f64]) -> Vec<f64> {
        let BlocksShape { units, gated, .. } = self.case.shape;
        let risen = self.linear(&format!("trunk.{block}.up"), u);
        let a: Vec<f64> = match gated {
            false => risen.into_iter().map(|x| x.max(0.0)).collect(),
            true => (0..units)
                .map(|i| sigmoid(risen[i]) * risen[units + i])
                .collect(),
        };
        self.linear(&format!("trunk.{block}.down"), &a)
    }

    /// Logits of all rows, then values.
    fn outputs(&self) -> Vec<f64> {
        let case = self.case;
        let (mut logits, mut values) = (vec![Vec::new(); case.rows()], vec![0.0; case.rows()]);
        for lane in 0..case.lanes {
            // The trial so far, as each block's mixer makes it.
            let mut seen: Vec<Vec<Vec<f64>>> = vec![Vec::new(); case.shape.layers];
            for row in (lane..case.rows()).step_by(case.lanes) {
                if case.reset[row] {
                    seen.iter_mut().for_each(Vec::clear);
                }
                let mut y = self.linear("trunk.input", &self.input(row));
                if case.has_places() {
                    let place = &self.of("trunk.positions")[seen[0].len() * y.len()..];
                    y.iter_mut().zip(place).for_each(|(y, p)| *y += p);
                }
                for (block, seen) in seen.iter_mut().enumerate() {
                    let u = self.norm(&format!("trunk.{block}.norm1"), &y);
                    seen.push(self.linear(&format!("trunk.{block}.mix"), &u));
                    let mixed = self.mixed(block, seen);
                    y = self.join(&format!("trunk.{block}.join1"), &y, &mixed);
                    let u = self.norm(&format!("trunk.{block}.norm2"), &y);
                    let fed = self.fed(block, &u);
                    y = self.join(&format!("trunk.{block}.join2"), &y, &fed);
                }
                let features = self.norm("trunk.norm", &y);
                logits[row] = self.linear("policy", &features);
                values[row] = self.linear("value", &features)[0];
            }
        }
        let mut outputs = logits.concat();
        outputs.extend(values);
        outputs
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn reference(case: &Case, params: &[f64]) -> Vec<f64> {
    let entries = network(case.shape, Isa::best()).entries().into_iter();
    let entries = entries.map(|entry| (entry.full_name(), entry)).collect();
    let reference = Reference {
        case,
        entries,
        params,
    };
    reference.outputs()
}

#[test]
fn blocks_and_their_gradient_are_those_of_the_reference() {
    for case in cases() {
        let params = wide(&case.params);
        let given = [wide(&case.d_logits), wide(&case.d_values)].concat();
        let along = |params: &[f64]| -> f64 {
            let outputs = reference(&case, params);
            outputs.iter().zip(&given).map(|(x, d)| x * d).sum()
        };
        let expected = reference(&case, &params);
        let all: Vec<(Isa, Results)> = Isa::available().map(|isa| (isa, run(&case, isa))).collect();
        for (isa, results) in &all {
            let found = results.logits.iter().chain(&results.values);
            for (at, (found, expected)) in found.zip(&expected).enumerate() {
                let error = (f64::from(*found) - expected).abs();
                let what = format!("{isa:?} {:?}: output {at}: {found}, {expected}", case.shape);
                assert!(error < 2e-5, "{what}");
            }
        }
        let scale = |results: &Results| {
            results
                .gradient
                .iter()
                .fold(1.0, |m: f32, g| m.max(g.abs()))
        };
        let mut rng = Rng(77);
        for entry in network(case.shape, Isa::best()).entries() {
            for _ in 0..entry.count().min(2) {
                let at = entry.offset + rng.below(entry.count());
                let step = 1e-5;
                let moved = |by: f64| {
                    let mut moved = params.clone();
                    moved[at] += by;
                    along(&moved)
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * step);
                for (isa, results) in &all {
                    let found = f64::from(results.gradient[at]);
                    let name = entry.full_name();
                    assert!(
                        (found - slope).abs() < 2e-5 * f64::from(scale(results)),
                        "{isa:?} {:?}: {name}: {found}, {slope}",
                        case.shape
                    );
                }
            }
        }
    }
}

#[test]
fn steps_give_the_outputs_of_the_whole_trials_to_the_bit() {
    for case in cases() {
        let whole = run(&case, Isa::best());
        let mut network = network(case.shape, Isa::best());
        network.pack(&case.params);
        let (lanes, mut work) = (case.lanes, network.work());
        let mut memory = network.trunk().memory(lanes, case.steps);
        for step in 0..case.steps {
            let rows = step * lanes..(step + 1) * lanes;
            let (mut logits, mut values) = (vec![0.0; lanes * ACTIONS], vec![0.0; lanes]);
            let outputs = Outputs {
                policy: &mut logits,
                values: &mut values,
            };
            let inputs = case.inputs(rows.start, rows.end);
            network.step(&mut work, &inputs, &mut memory, outputs);
            let what = format!("step {step} of {:?}", case.shape);
            assert_eq!(values, whole.values[rows.clone()], "{what}");
            let of = rows.start * ACTIONS..rows.end * ACTIONS;
            assert_eq!(logits, whole.logits[of], "{what}");
        }
    }
}

/// A lane alone, from a trial that begins inside of the tile on, gives the same to the
/// bit; and another input changes neither other lanes nor what was before.
#[test]
fn lanes_trials_and_times_are_apart() {
    for mut case in cases() {
        let whole = run(&case, Isa::best());
        let (lane, lanes) = (case.lanes - 1, case.lanes);
        let rows: Vec<usize> = (lane..case.rows()).step_by(lanes).collect();
        let from = rows.iter().rposition(|row| case.reset[*row]).unwrap();
        let width = case.shape.observation.width();
        let own = &rows[from..];
        let mut alone = Case::new(case.shape, (1, own.len()), 1);
        alone.params.clone_from(&case.params);
        alone.dense = own
            .iter()
            .flat_map(|row| case.dense[row * width..(row + 1) * width].to_vec())
            .collect();
        alone.states = own.iter().map(|row| case.states[*row]).collect();
        alone.actions = own.iter().map(|row| case.actions[*row]).collect();
        alone.rewards = own.iter().map(|row| case.rewards[*row]).collect();
        alone.boundary = own.iter().map(|row| case.boundary[*row]).collect();
        alone.reset = own.iter().map(|row| case.reset[*row]).collect();
        let expected: Vec<f32> = own.iter().map(|row| whole.values[*row]).collect();
        assert_eq!(
            run(&alone, Isa::best()).values,
            expected,
            "{:?}",
            case.shape
        );

        let changed = rows[rows.len() / 2];
        case.rewards[changed] += 1.0;
        let after = run(&case, Isa::best());
        for row in 0..case.rows() {
            let same = after.values[row] == whole.values[row];
            let later = row % lanes == lane && row >= changed;
            assert!(same || later, "row {row} of {:?}", case.shape);
            assert!(row != changed || !same, "{:?} reads nothing", case.shape);
        }
    }
}

#[test]
fn instruction_sets_give_the_same_blocks() {
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

/// What work held before does not matter, not even NaN in rows that are padding now;
/// and what it holds is what was counted, from its first tile on.
#[test]
fn blocks_carry_nothing_over_and_hold_what_is_counted() {
    for small in cases() {
        let shape = small.shape;
        let steps = match shape.mixer {
            Mixer::Attention { steps, .. } => steps,
            Mixer::MinGru | Mixer::Lru | Mixer::FastWeight { .. } => 50,
        };
        let mut poisoned = Case::new(shape, (64, steps), 2);
        poisoned.reset = (0..poisoned.rows()).map(|row| row < 64).collect();
        poisoned.rewards.fill(f32::NAN);
        let mut network = network(shape, Isa::best());
        let counted = network.bytes(64, steps);
        let held = measure(|| network.pack(&poisoned.params)).bytes_current as f64;
        let beside = 200.0 * 64.0; // at most: what is least allocated for a buffer
        let what = format!("{shape:?}: {held} of {}", counted.packed);
        assert!(
            (0.97 * counted.packed..counted.packed + beside).contains(&held),
            "{what}"
        );
        let (mut work, mut warm) = (network.work(), None);
        let held = measure(|| warm = Some(train(&poisoned, &network, &mut work)));
        let results = 4 * (poisoned.rows() * (ACTIONS + 1) + network.parameters());
        let held = held.bytes_current as f64 - results as f64;
        let what = format!("{shape:?}: {held} of {}", counted.learning);
        assert!(
            (0.95 * counted.learning..1.05 * counted.learning + beside).contains(&held),
            "{what}"
        );
        let mut memory = None;
        let acting = measure(|| {
            memory = Some((network.work(), network.trunk().memory(64, steps)));
            let (work, memory) = memory.as_mut().unwrap();
            let (mut logits, mut values) = ([0.0; 64 * ACTIONS], [0.0; 64]);
            let outputs = Outputs {
                policy: &mut logits,
                values: &mut values,
            };
            network.step(work, &poisoned.inputs(0, 64), memory, outputs);
        });
        let held = acting.bytes_current as f64;
        let what = format!("{shape:?}: acting {held} of {}", counted.acting);
        assert!(
            (0.95 * counted.acting..1.05 * counted.acting + beside).contains(&held),
            "{what}"
        );
        // Trials of other lengths need other room.
        let mut again = Case::new(shape, (small.lanes, small.steps), 5);
        again.rewards.fill(f32::NAN);
        warm = Some(train(&again, &network, &mut work));
        drop(warm.take());
        network.pack(&small.params);
        let used = measure(|| warm = Some(train(&small, &network, &mut work)));
        assert_eq!(used.count_total, 3, "the results alone");
        let (found, expected) = (warm.unwrap(), run(&small, Isa::best()));
        assert_eq!(found.logits, expected.logits);
        assert_eq!(found.values, expected.values);
        assert_eq!(found.gradient, expected.gradient);
    }
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    let base = shape(Mixer::MinGru);
    let heads = |heads| BlocksShape {
        mixer: Mixer::Attention {
            heads,
            steps: 5,
            positions: Positions::Learned,
        },
        ..base
    };
    let error = |shape| Blocks::new(shape).err().map(|error| error.to_string());
    for (shape, expected) in [
        (
            BlocksShape { hidden: 20, ..base },
            "hidden is 20, must be a multiple of 16",
        ),
        (
            BlocksShape { units: 8, ..base },
            "units is 8, must be a multiple of 16",
        ),
        (
            BlocksShape { layers: 0, ..base },
            "layers is 0, must be 1 to 64",
        ),
        (heads(0), "heads is 0, must be 1 to 64"),
        (heads(2), "hidden is 16, must be a multiple of 32"),
    ] {
        assert_eq!(error(shape), Some(format!("network shape: {expected}")));
    }
}

/// A unit that forgets within a billion steps, and one that does at once.
#[test]
fn recurrences_of_any_length_have_finite_gradients() {
    for decay in [-20.7, -13.8, 4.0, 6.0] {
        let mut case = Case::new(shape(Mixer::Lru), (3, 6), 5);
        let network = network(case.shape, Isa::best());
        for entry in network
            .entries()
            .iter()
            .filter(|entry| entry.name == "decay")
        {
            case.params[entry.range()].fill(decay);
        }
        let results = run(&case, Isa::best());
        let all = [results.logits, results.values, results.gradient].concat();
        let odd = all.iter().position(|x| !x.is_finite());
        assert_eq!(odd, None, "decay {decay}");
    }
}
