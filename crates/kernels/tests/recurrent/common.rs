//! A plain `f64` implementation of the network and its losses, and random cases.
#![allow(clippy::too_many_arguments)]

use kernels::*;

/// A small generator of random numbers (xorshift64*), so that the tests need no
/// other crate.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }
    pub(crate) fn symmetric(&mut self, scale: f32) -> f32 {
        (2.0 * self.unit() - 1.0) * scale
    }
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }
    pub(crate) fn vec(&mut self, n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|_| self.symmetric(scale)).collect()
    }
}

/// Inputs, targets and parameters of one tile.
pub(crate) struct Case {
    pub(crate) shape: Shape,
    pub(crate) lanes: usize,
    pub(crate) steps: usize,
    pub(crate) params: Vec<f32>,
    pub(crate) dense: Vec<f32>,
    pub(crate) states: Vec<u32>,
    pub(crate) prev_action: Vec<u32>,
    pub(crate) prev_reward: Vec<f32>,
    pub(crate) boundary: Vec<f32>,
    pub(crate) reset: Vec<bool>,
    pub(crate) actions: Vec<u32>,
    pub(crate) old_log_probs: Vec<f32>,
    pub(crate) advantages: Vec<f32>,
    pub(crate) returns: Vec<f32>,
    pub(crate) weights: Vec<f32>,
}

impl Case {
    pub(crate) fn new(shape: Shape, lanes: usize, steps: usize, seed: u64) -> Case {
        let mut rng = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let rows = lanes * steps;
        let network = network(shape, Isa::best());
        let scale = 1.2 / (shape.hidden as f32).sqrt();
        let params = rng.vec(network.parameters(), scale);
        let width = shape.observation.width();
        Case {
            shape,
            lanes,
            steps,
            params,
            dense: match shape.observation {
                Observation::Dense(_) => rng.vec(rows * width, 1.0),
                _ => Vec::new(),
            },
            states: match shape.observation {
                Observation::OneHot(_) => (0..rows).map(|_| rng.below(width) as u32).collect(),
                _ => Vec::new(),
            },
            prev_action: (0..rows)
                .map(|_| match rng.below(shape.actions + 1) {
                    0 => NO_ACTION,
                    a => a as u32 - 1,
                })
                .collect(),
            prev_reward: rng.vec(rows, 1.0),
            boundary: (0..rows)
                .map(|_| (rng.below(4) == 0) as u32 as f32)
                .collect(),
            reset: (0..rows).map(|_| rng.below(5) == 0).collect(),
            actions: (0..rows).map(|_| rng.below(shape.actions) as u32).collect(),
            old_log_probs: (0..rows)
                .map(|_| -(shape.actions as f32).ln() + rng.symmetric(0.6))
                .collect(),
            advantages: rng.vec(rows, 1.5),
            returns: rng.vec(rows, 2.0),
            weights: (0..rows)
                .map(|_| {
                    if rng.below(4) == 0 {
                        0.0
                    } else {
                        1.0 / rows as f32
                    }
                })
                .collect(),
        }
    }

    pub(crate) fn inputs(&self) -> Inputs<'_> {
        self.inputs_of(0, self.steps)
    }

    /// Inputs of the steps `from..to`.
    pub(crate) fn inputs_of(&self, from: usize, to: usize) -> Inputs<'_> {
        let rows = from * self.lanes..to * self.lanes;
        Inputs {
            observations: match self.shape.observation {
                Observation::None => Observations::None,
                Observation::Dense(w) => {
                    Observations::Dense(&self.dense[rows.start * w..rows.end * w])
                }
                Observation::OneHot(_) => Observations::OneHot(&self.states[rows.clone()]),
            },
            prev_action: &self.prev_action[rows.clone()],
            prev_reward: &self.prev_reward[rows.clone()],
            boundary: &self.boundary[rows.clone()],
            reset: &self.reset[rows],
        }
    }

    pub(crate) fn samples(&self) -> Samples<'_, u32> {
        Samples {
            actions: &self.actions,
            old_log_probs: &self.old_log_probs,
            advantages: &self.advantages,
            returns: &self.returns,
            weights: &self.weights,
        }
    }

    pub(crate) fn trials(&self) -> Trials<'_> {
        Trials {
            lanes: self.lanes,
            inputs: self.inputs(),
        }
    }

    /// A memory of nothing.
    pub(crate) fn memory(&self) -> Vec<f32> {
        vec![0.0; self.lanes * self.shape.memory_width()]
    }
}

/// The network of a shape, as many policy outputs as actions, without parameters.
pub(crate) fn network(shape: Shape, isa: Isa) -> Network<Recurrent> {
    let trunk = Recurrent::with_isa(shape, isa).unwrap();
    Network::new(trunk, Policy::Categorical(shape.actions)).unwrap()
}

/// Logits and values of the reference.
pub(crate) struct Reference {
    pub(crate) logits: Vec<f64>,
    pub(crate) values: Vec<f64>,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The network of the crate, written for reading, in `f64`.
pub(crate) fn forward_f64(case: &Case, params: &[f64]) -> Reference {
    let Case { shape, lanes, .. } = case;
    let layout = Layout::new(shape);
    let heads: Vec<Entry> = network(*shape, Isa::best()).entries().split_off(4);
    let (hidden, inputs) = (shape.hidden, shape.inputs());
    let width = shape.observation.width();
    let of = |entry: Entry| &params[entry.range()];
    let affine = |w: &[f64], b: &[f64], x: &[f64]| -> Vec<f64> {
        b.iter()
            .enumerate()
            .map(|(i, b)| {
                b + w[i * x.len()..(i + 1) * x.len()]
                    .iter()
                    .zip(x)
                    .map(|(w, x)| w * x)
                    .sum::<f64>()
            })
            .collect()
    };
    let per_lane = match shape.cell {
        Cell::Gru => hidden,
        Cell::Lstm => 2 * hidden,
    };
    let mut memory = vec![0.0; lanes * per_lane];
    let (mut logits, mut values) = (Vec::new(), Vec::new());
    for row in 0..lanes * case.steps {
        let lane = row % lanes;
        let state = &mut memory[lane * per_lane..(lane + 1) * per_lane];
        if case.reset[row] {
            state.fill(0.0);
        }
        let mut x = vec![0.0; inputs];
        match shape.observation {
            Observation::None => {}
            Observation::Dense(_) => {
                for k in 0..width {
                    x[k] = f64::from(case.dense[row * width + k]);
                }
            }
            Observation::OneHot(_) => x[case.states[row] as usize] = 1.0,
        }
        if case.prev_action[row] != NO_ACTION {
            x[width + case.prev_action[row] as usize] = 1.0;
        }
        x[inputs - 2] = f64::from(case.prev_reward[row]);
        x[inputs - 1] = f64::from(case.boundary[row]);
        let xs = affine(of(layout.weight_ih), of(layout.bias_ih), &x);
        let hs = affine(of(layout.weight_hh), of(layout.bias_hh), &state[..hidden]);
        for u in 0..hidden {
            let sum = |g: usize| xs[g * hidden + u] + hs[g * hidden + u];
            match shape.cell {
                Cell::Gru => {
                    let r = sigmoid(sum(0));
                    let z = sigmoid(sum(1));
                    let n = (xs[2 * hidden + u] + r * hs[2 * hidden + u]).tanh();
                    state[u] = (1.0 - z) * n + z * state[u];
                }
                Cell::Lstm => {
                    let c = sigmoid(sum(1)) * state[hidden + u] + sigmoid(sum(0)) * sum(2).tanh();
                    state[hidden + u] = c;
                    state[u] = sigmoid(sum(3)) * c.tanh();
                }
            }
        }
        let h = &state[..hidden];
        logits.extend(affine(of(heads[0]), of(heads[1]), h));
        values.extend(affine(of(heads[2]), of(heads[3]), h));
    }
    Reference { logits, values }
}

/// The losses of the crate in `f64`.
pub(crate) fn loss_f64(
    spec: &LossSpec,
    samples: &Samples<'_, u32>,
    actions: usize,
    logits: &[f64],
    values: &[f64],
) -> LossSums {
    let mut sums = LossSums::default();
    for (i, logits) in logits.chunks(actions).enumerate() {
        let w = f64::from(samples.weights[i]);
        if w == 0.0 {
            continue;
        }
        let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = max + logits.iter().map(|l| (l - max).exp()).sum::<f64>().ln();
        let log_prob = logits[samples.actions[i] as usize] - log_sum;
        let log_ratio = log_prob - f64::from(samples.old_log_probs[i]);
        let ratio = log_ratio.exp();
        let advantage = f64::from(samples.advantages[i]);
        sums.policy += w * match spec.objective {
            Objective::PolicyGradient => -log_prob * advantage,
            Objective::Clipped { clip } => {
                let clip = f64::from(clip);
                if (ratio - 1.0).abs() > clip {
                    sums.clipped += w;
                }
                -(ratio * advantage).min(ratio.clamp(1.0 - clip, 1.0 + clip) * advantage)
            }
        };
        sums.weight += w;
        sums.value += w * 0.5 * (values[i] - f64::from(samples.returns[i])).powi(2);
        sums.entropy += w * logits
            .iter()
            .map(|l| l - log_sum)
            .map(|l| -l.exp() * l)
            .sum::<f64>();
        sums.approx_kl += w * (ratio - 1.0 - log_ratio);
    }
    sums
}

/// One number of all of their bits (FNV-1a). Processors sign NaN as they like.
pub(crate) fn digest(numbers: impl IntoIterator<Item = f32>) -> u64 {
    let bits = |x: f32| if x.is_nan() { f32::NAN } else { x }.to_bits();
    let bytes = numbers.into_iter().flat_map(|x| bits(x).to_le_bytes());
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// Whether so many products can be waited for where each takes long: under Miri, or when
/// another processor is emulated.
pub(crate) fn is_quick(parameters: usize, rows: usize) -> bool {
    parameters * rows < 120_000
}

pub(crate) fn wide(xs: &[f32]) -> Vec<f64> {
    xs.iter().map(|&x| f64::from(x)).collect()
}
