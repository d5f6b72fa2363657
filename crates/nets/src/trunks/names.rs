//! What parts of trunks are declared by.

use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;
use crate::mlp::Linear;

/// Gain and bias of a layer normalization.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// `[hidden]`
    pub gain: Slot,
    /// `[hidden]`
    pub bias: Slot,
}

/// Declares a part's parameters, their names behind its prefix.
pub(super) struct Names<'a> {
    pub(super) blueprint: &'a mut Blueprint,
    pub(super) prefix: String,
}

impl Names<'_> {
    pub(super) fn slot(&mut self, name: &str, shape: &[usize], init: Init) -> Slot {
        let name = format!("{}{name}", self.prefix);
        self.blueprint.declare(name, shape, init)
    }

    pub(super) fn norm(&mut self, name: &str, hidden: usize) -> Norm {
        Norm {
            gain: self.slot(&format!("{name}.gain"), &[hidden], Init::Constant(1.0)),
            bias: self.slot(&format!("{name}.bias"), &[hidden], Init::Zeros),
        }
    }

    /// Orthogonal weights in groups of rows.
    pub(super) fn linear(
        &mut self,
        name: &str,
        sizes: [usize; 2],
        (gain, blocks): (f64, usize),
    ) -> Linear {
        let name = format!("{}{name}.", self.prefix);
        Linear::declare(
            self.blueprint,
            &name,
            sizes,
            Init::Orthogonal { gain, blocks },
        )
    }

    pub(super) fn biased(
        &mut self,
        name: &str,
        sizes: [usize; 2],
        (blocks, bias): (usize, Init),
    ) -> Linear {
        let name = format!("{}{name}.", self.prefix);
        let init = Init::Orthogonal { gain: 1.0, blocks };
        Linear::declare_biased(self.blueprint, &name, sizes, (init, bias))
    }
}

#[cfg(feature = "torch")]
impl Norm {
    pub(super) fn forward(&self, params: &crate::Params, x: &tch::Tensor) -> tch::Tensor {
        let (gain, bias) = (&params[self.gain], &params[self.bias]);
        x.layer_norm(gain.size(), Some(gain), Some(bias), 1e-5, false)
    }
}

/// The state and the cell of an LSTM, given its gates i, f, g, o before their functions and
/// its cell, with what else comes into the cell.
#[cfg(feature = "torch")]
pub(super) fn controlled(
    gates: &tch::Tensor,
    c: &tch::Tensor,
    more: Option<tch::Tensor>,
) -> (tch::Tensor, tch::Tensor) {
    let gates = gates.chunk(4, 1);
    let mut c = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
    if let Some(more) = more {
        c += more;
    }
    (gates[3].sigmoid() * c.tanh(), c)
}
