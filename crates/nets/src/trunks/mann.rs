//! A controller with an external memory.

use super::names::Names;
use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;
use crate::mlp::Linear;
use crate::sequence::{SIZE, Trunk, TrunkFootprint};
use rl_core::{Bounds, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The sizes of a [`Mann`], and how it addresses its memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MannConfig {
    /// Units of the controller.
    pub hidden: usize,
    /// Rows of the memory.
    pub slots: usize,
    /// Width of a row.
    pub width: usize,
    /// How many heads read, and as many write.
    pub heads: usize,
    /// Which share of a row's usage stays from step to step.
    pub decay: f64,
    /// Whether the controller says how sharply a head addresses (Graves et al. 2014,
    /// equation 5).
    pub sharpness: bool,
    /// Whether it may go on reading where it read last (Graves et al. 2014,
    /// equation 7).
    pub interpolation: bool,
    /// Gain of the Xavier-uniform input weights, as in [`Recurrent`](crate::Recurrent).
    pub input_gain: f64,
}

const HEADS: Bounds<usize> = Bounds::closed(1, 64);
const INPUT_GAIN: Bounds<f64> = Bounds::closed(1e-3, 1e3);

impl MannConfig {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        SIZE.check("hidden", self.hidden)?;
        SIZE.check("slots", self.slots)?;
        SIZE.check("width", self.width)?;
        HEADS.check("heads", self.heads)?;
        Bounds::BELOW_ONE.check("decay", self.decay)?;
        INPUT_GAIN.check("input_gain", self.input_gain)?;
        match self.heads <= self.slots {
            true => Ok(()),
            false => {
                let allowed = format!("at most slots, {}", self.slots);
                Err(SettingError::refused("heads", self.heads, allowed))
            }
        }
    }
}

/// A memory-augmented network (Santoro et al. 2016): an LSTM that is fed what it read
/// last, beside a memory M of rows that is written where it was used least.
///
/// ```text
/// h   = LSTM([x, r])
/// k   = tanh(K h), a = tanh(A h)              for every head
/// w_w = σ(g) w_r + (1 − σ(g)) onehot(least used)
/// M   = M without the least used rows + Σ w_w aᵀ
/// w_r = softmax(cosine(k, M))
/// r   = M w_r
/// u   = decay u + Σ w_r + Σ w_w
/// features = [h, r]
/// ```
///
/// Head i has the i-th least used row, the first of those that were used alike. With
/// `sharpness` the cosine is multiplied by 1 + softplus(β), with `interpolation` w_r is
/// σ(γ) of that and 1 − σ(γ) of the last one, β and γ being of the controller. No gradient
/// flows through what is used least. At first M is 1e-6 everywhere, and w_r and u are all
/// in the first row.
#[derive(Clone, Debug)]
pub struct Mann {
    /// Width of the input.
    pub input: usize,
    /// Of input and reading to the gates i, f, g, o of the controller.
    pub read_in: Linear,
    /// From the controller's state to the same, `[4 hidden, hidden]`.
    pub recurrent: Slot,
    /// From the controller's state to keys, then to what is written, `[2 heads width]`.
    pub keys: Linear,
    /// From it to g, and β and γ where there are such, of every head.
    pub gates: Linear,
    size: MannConfig,
}

impl Mann {
    /// Declares the parameters, their names behind the prefix.
    pub fn declare(blueprint: &mut Blueprint, prefix: &str, input: usize, of: MannConfig) -> Self {
        let (hidden, read) = (of.hidden, of.heads * of.width);
        let init = Init::XavierUniform {
            gain: of.input_gain,
            blocks: 4,
        };
        let name = format!("{prefix}controller.");
        let sizes = [input + read, 4 * hidden];
        let read_in = Linear::declare(blueprint, &name, sizes, init);
        let mut names = Names {
            blueprint,
            prefix: prefix.to_owned(),
        };
        let orthogonal = Init::Orthogonal {
            gain: 1.0,
            blocks: 4,
        };
        let gates = 1 + usize::from(of.sharpness) + usize::from(of.interpolation);
        Self {
            input,
            read_in,
            recurrent: names.slot("recurrent", &[4 * hidden, hidden], orthogonal),
            keys: names.linear("keys", [hidden, 2 * read], (1.0, 2)),
            gates: names.linear("gates", [hidden, gates * of.heads], (1.0, gates)),
            size: of,
        }
    }
}

impl Trunk for Mann {
    fn inputs(&self) -> usize {
        self.input
    }

    fn features(&self) -> usize {
        self.size.hidden + self.size.heads * self.size.width
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        let MannConfig {
            hidden,
            slots,
            width,
            heads,
            ..
        } = self.size;
        // What whole trainings peaked at, within a tenth: the memory is kept several times at
        // every step.
        let (memory, weights) = (slots * width, slots * heads);
        TrunkFootprint {
            learning: ((15 * hidden + 17 * memory / 4 + 5 * weights) * steps) as f64,
            acting: (12 * hidden + 5 * memory + 12 * weights) as f64,
        }
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        Some(self)
    }
}

#[cfg(feature = "torch")]
mod computed {
    use super::{Mann, MannConfig};
    use crate::torch::{Memory, Params, SequenceModel, check_step};
    use crate::trunks::names::controlled;
    use tch::{Device, Kind, Tensor};

    /// What a memory's rows hold at first: nothing, but with a direction.
    const NOTHING: f64 = 1e-6;

    /// Cosines of keys `[lanes, heads, width]` and rows `[lanes, slots, width]`.
    fn cosines(keys: &Tensor, rows: &Tensor) -> Tensor {
        let norm = |x: &Tensor| {
            let squares = x.square().sum_dim_intlist(-1, true, None);
            (squares + NOTHING * NOTHING).sqrt()
        };
        let keys = keys / norm(keys);
        keys.matmul(&(rows / norm(rows)).transpose(-2, -1))
    }

    impl Mann {
        /// The rows that were used least, one for every head: `[lanes, heads, slots]`.
        fn least_used(&self, usage: &Tensor) -> Tensor {
            let order = usage.detach().argsort_stable(true, -1, false);
            let least = order.narrow(-1, 0, self.size.heads as i64);
            least.one_hot(self.size.slots as i64).to_kind(usage.kind())
        }

        /// Where heads read, given their gates and what they read last.
        fn address(&self, params: &Params, h: &Tensor, memory: &Memory) -> [Tensor; 3] {
            let MannConfig {
                heads,
                sharpness,
                interpolation,
                ..
            } = self.size;
            let gates = self
                .gates
                .forward(params, h)
                .unflatten(-1, [-1, heads as i64]);
            let gate = |at: usize| gates.select(1, at as i64).unsqueeze(-1);
            let last = &memory["weights"];
            let least = self.least_used(&memory["usage"]);
            let write = least.lerp_tensor(last, &gate(0).sigmoid());
            let made = self.keys.forward(params, h).tanh();
            let made = made.unflatten(-1, [2, heads as i64, -1]);
            let erased = least.sum_dim_intlist(1, false, None).unsqueeze(-1);
            let rows = &memory["rows"] * (1.0 - erased);
            let rows = rows + write.transpose(1, 2).matmul(&made.select(1, 1));
            let mut scores = cosines(&made.select(1, 0), &rows);
            if sharpness {
                scores *= gate(1).softplus() + 1.0;
            }
            let mut read = scores.softmax(-1, None);
            if interpolation {
                let own = gate(1 + usize::from(sharpness)).sigmoid();
                read = last.lerp_tensor(&read, &own);
            }
            [rows, write, read]
        }
    }

    impl SequenceModel for Mann {
        fn memory(&self, lanes: usize, _at_most: usize, options: (Kind, Device)) -> Memory {
            let [lanes, hidden, slots, width, heads] = [
                lanes,
                self.size.hidden,
                self.size.slots,
                self.size.width,
                self.size.heads,
            ]
            .map(|size| size as i64);
            let zeros = |shape: &[i64]| Tensor::zeros(shape, options);
            let first = |shape: &[i64]| {
                let row = zeros(shape);
                let _ = row.select(-1, 0).fill_(1.0);
                row
            };
            let rows = Tensor::full([lanes, slots, width], NOTHING, options);
            let parts = [
                ("h", zeros(&[lanes, hidden])),
                ("c", zeros(&[lanes, hidden])),
                ("read", zeros(&[lanes, heads * width])),
                ("rows", rows),
                ("weights", first(&[lanes, heads, slots])),
                ("usage", first(&[lanes, slots])),
            ];
            Memory::new(options.1, parts)
        }

        fn forget(&self, memory: &mut Memory, starts: &Tensor) {
            let like = &memory["h"];
            let fresh = self.memory(1, 0, (like.kind(), like.device()));
            memory.begin(starts, &fresh);
        }

        fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
            check_step(self, input);
            let given = Tensor::cat(&[input, &memory["read"]], -1);
            let gates = self.read_in.forward(params, &given);
            let gates = gates.addmm(&memory["h"], &params[self.recurrent].tr());
            let (h, c) = controlled(&gates, &memory["c"], None);
            let [rows, write, read] = self.address(params, &h, memory);
            let result = read.matmul(&rows).flatten(1, 2);
            let used = (&read + &write).sum_dim_intlist(1, false, None);
            memory["usage"] = &memory["usage"] * self.size.decay + used.detach();
            memory["h"] = h.shallow_clone();
            memory["c"] = c;
            memory["read"] = result.shallow_clone();
            memory["rows"] = rows;
            memory["weights"] = read;
            Tensor::cat(&[h, result], -1)
        }
    }
}
