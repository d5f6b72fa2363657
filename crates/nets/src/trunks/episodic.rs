//! A recurrent network with a store of what it knew before.

use super::names::Names;
use crate::blueprint::Blueprint;
use crate::error::NetsError;
use crate::init::Init;
use crate::layout::Slot;
use crate::mlp::Linear;
use crate::sequence::{SIZE, Trunk, TrunkFootprint, TrunkInput};
use rl_core::{Bounds, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The sizes of an [`Episodic`], and by what it knows contexts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EpisodicConfig {
    /// Hidden units.
    pub hidden: usize,
    /// Contexts that the store holds; the oldest makes room for a new one.
    pub slots: usize,
    /// The observation's first numbers that are a context's cue.
    pub cue: usize,
    /// The number of the observation, from 0 on, that is 1 where a context begins, in
    /// place of the beginning of an episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<usize>,
    /// Whether what is stored comes back. Without, nothing is left of a context after it.
    pub recall: bool,
    /// Gain of the Xavier-uniform input weights, as in [`Recurrent`](crate::Recurrent).
    pub input_gain: f64,
    /// Each unit begins with a memory of its own length, 2 to this many steps, as in
    /// [`Recurrent`](crate::Recurrent).
    pub memory: f64,
}

const INPUT_GAIN: Bounds<f64> = Bounds::closed(1e-3, 1e3);
/// Steps.
const MEMORY: Bounds<f64> = Bounds::closed(2.0, 1e9);

impl EpisodicConfig {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        SIZE.check("hidden", self.hidden)?;
        SIZE.check("slots", self.slots)?;
        SIZE.check("cue", self.cue)?;
        INPUT_GAIN.check("input_gain", self.input_gain)?;
        MEMORY.check("memory", self.memory)
    }
}

/// An LSTM with episodic recall (Ritter et al. 2018): when a context ends, its cue and the
/// cell are stored; where a cue comes again, the cell of the nearest one stored comes in
/// through a gate of its own.
///
/// ```text
/// i, f, o, r = σ(W x + U h + b), g = tanh(…)
/// c' = f ∘ c + i ∘ g + r ∘ tanh(m)
/// h' = o ∘ tanh(c')
/// ```
///
/// m is the stored cell whose cue has the largest cosine with this one, 0 before any is
/// stored; of a context that is met again, the latest cell alone is kept. A context begins with h and c of 0, and no gradient flows into what is stored.
#[derive(Clone, Debug)]
pub struct Episodic {
    /// Width of the input.
    pub input: usize,
    /// From the input to the gates i, f, g, o, and r where there is recall.
    pub read_in: Linear,
    /// From the state to the same, `[gates hidden, hidden]`.
    pub recurrent: Slot,
    /// The number of the input that is 1 where a context begins.
    pub mark: usize,
    size: EpisodicConfig,
}

impl Episodic {
    /// Declares the parameters, their names behind the prefix.
    ///
    /// # Errors
    /// If the observation has not so many numbers.
    pub fn declare(
        blueprint: &mut Blueprint,
        prefix: &str,
        told: TrunkInput,
        of: EpisodicConfig,
    ) -> Result<Self, NetsError> {
        let observed = told.observation;
        let beyond = |key, value, most: usize| {
            let allowed = format!("at most {most}, of an observation of {observed} numbers");
            Err(SettingError::refused(key, value, allowed).into())
        };
        if of.cue > observed {
            return beyond("cue", of.cue, observed);
        }
        let mark = match of.mark {
            // Inputs end with the flag of a beginning.
            None if told.episodes => told.size - 1,
            None => {
                let allowed = "the number of the observation that is 1 where a context begins, \
                               since inputs tell of no episodes' beginnings here";
                return Err(SettingError::refused("mark", "none", allowed).into());
            }
            Some(mark) if mark < observed => mark,
            Some(mark) => return beyond("mark", mark, observed.saturating_sub(1)),
        };
        let hidden = of.hidden;
        let gates = if of.recall { 5 } else { 4 };
        let init = Init::XavierUniform {
            gain: of.input_gain,
            blocks: gates,
        };
        let mut signs = vec![-1.0, 1.0, 0.0, 0.0, 0.0];
        signs.truncate(gates);
        let bias = Init::Chrono {
            signs,
            memory: of.memory,
        };
        let sizes = [told.size, gates * hidden];
        let read_in =
            Linear::declare_biased(blueprint, &format!("{prefix}input."), sizes, (init, bias));
        let mut names = Names {
            blueprint,
            prefix: prefix.to_owned(),
        };
        let orthogonal = Init::Orthogonal {
            gain: 1.0,
            blocks: gates,
        };
        Ok(Self {
            input: told.size,
            read_in,
            recurrent: names.slot("recurrent", &[gates * hidden, hidden], orthogonal),
            mark,
            size: of,
        })
    }
}

impl Trunk for Episodic {
    fn inputs(&self) -> usize {
        self.input
    }

    fn features(&self) -> usize {
        self.size.hidden
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        let EpisodicConfig {
            hidden, slots, cue, ..
        } = self.size;
        // What whole trainings peaked at: of the store, where it is addressed is kept, not what
        // it holds.
        let store = slots * (hidden + cue);
        TrunkFootprint {
            learning: ((26 * hidden + 4 * slots + 2 * cue) * steps + 4 * store) as f64,
            acting: (14 * hidden + 4 * store) as f64,
        }
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        Some(self)
    }
}

#[cfg(feature = "torch")]
mod computed {
    use super::Episodic;
    use crate::torch::{Memory, Params, SequenceModel, check_step};
    use crate::trunks::attention::put;
    use crate::trunks::names::controlled;
    use tch::{Device, Kind, Tensor};

    impl Episodic {
        /// Stores what is known of the contexts that end, and begins others.
        fn turn_page(&self, begins: &Tensor, memory: &mut Memory) {
            let ends = begins.logical_and(&memory["lived"].ne(0)).unsqueeze(-1);
            let slots = self.size.slots as i64;
            // What is known of a context is known once: the latest.
            let same = memory["cues"]
                .eq_tensor(&memory["cue"].unsqueeze(1))
                .all_dim(-1, false);
            let known = same.logical_and(&self.filled(memory));
            let again = known.any_dim(-1, false);
            let next = memory["count"].remainder(slots);
            let place = known.to_kind(Kind::Int64).argmax(-1, false);
            let place = place.where_self(&again, &next);
            let wide = ends.unsqueeze(-1);
            for (store, part) in [("cues", "cue"), ("cells", "c")] {
                let stored = put(&memory[store], &place, &memory[part].detach());
                memory[store] = stored.where_self(&wide, &memory[store]);
            }
            let new = ends.squeeze_dim(-1).logical_and(&again.logical_not());
            memory["count"] = &memory["count"] + new.to_kind(Kind::Int64);
            for part in ["h", "c"] {
                memory[part] = memory[part].masked_fill(&begins.unsqueeze(-1), 0.0);
            }
        }

        /// Which places of the store hold something, `[lanes, slots]`.
        fn filled(&self, memory: &Memory) -> Tensor {
            let count = memory["count"].unsqueeze(-1);
            let all = Tensor::arange(self.size.slots as i64, (Kind::Int64, count.device()));
            all.unsqueeze(0).lt_tensor(&count)
        }

        /// The stored cell of the nearest cue, `[lanes, hidden]`.
        fn recall(&self, cue: &Tensor, memory: &Memory) -> Tensor {
            let cues = &memory["cues"];
            let norms = cues.square().sum_dim_intlist(-1, false, None).sqrt();
            let along = cues.matmul(&cue.unsqueeze(-1)).squeeze_dim(-1);
            let count = memory["count"].unsqueeze(-1);
            let empty = self.filled(memory).logical_not();
            let near = (along / norms.clamp_min(1e-12)).masked_fill(&empty, f64::NEG_INFINITY);
            let best = near.argmax(-1, true).unsqueeze(-1);
            let hidden = self.size.hidden as i64;
            let cell = memory["cells"].gather(1, &best.expand([-1, 1, hidden], false), false);
            cell.squeeze_dim(1).masked_fill(&count.eq(0), 0.0)
        }
    }

    impl SequenceModel for Episodic {
        fn memory(&self, lanes: usize, _at_most: usize, options: (Kind, Device)) -> Memory {
            let [lanes, hidden, slots, cue] =
                [lanes, self.size.hidden, self.size.slots, self.size.cue].map(|n| n as i64);
            let zeros = |shape: &[i64]| Tensor::zeros(shape, options);
            let whole = || Tensor::zeros([lanes], (Kind::Int64, options.1));
            let parts = [
                ("h", zeros(&[lanes, hidden])),
                ("c", zeros(&[lanes, hidden])),
                ("cue", zeros(&[lanes, cue])),
                ("cues", zeros(&[lanes, slots, cue])),
                ("cells", zeros(&[lanes, slots, hidden])),
                // Contexts stored, and whether the trial has had a step.
                ("count", whole()),
                ("lived", whole()),
            ];
            Memory::new(options.1, parts)
        }

        fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
            check_step(self, input);
            let begins = input.select(-1, self.mark as i64).gt(0.5);
            self.turn_page(&begins, memory);
            memory["lived"] = memory["lived"].ones_like();
            memory["cue"] = input.narrow(-1, 0, self.size.cue as i64).detach();
            let gates = self.read_in.forward(params, input);
            let gates = gates.addmm(&memory["h"], &params[self.recurrent].tr());
            let hidden = self.size.hidden as i64;
            let recalled = self.size.recall.then(|| {
                let gate = gates.narrow(-1, 4 * hidden, hidden).sigmoid();
                gate * self.recall(&memory["cue"], memory).tanh()
            });
            let gates = gates.narrow(-1, 0, 4 * hidden);
            let (h, c) = controlled(&gates, &memory["c"], recalled);
            memory["h"] = h.shallow_clone();
            memory["c"] = c;
            h
        }
    }
}
