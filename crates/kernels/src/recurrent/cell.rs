//! The cells that there are. A new one is a file with its [`CellKernels`] and a
//! variant of [`Cell`].

use super::gru::Gru;
use super::lstm::Lstm;
use super::step::CellStep;
use crate::simd::Simd;

/// Recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// Gated recurrent unit (Cho et al. 2014) with the reset gate applied after
    /// the recurrent product. Gate order `r, z, n`:
    /// `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`, `h' = (1 - z) n + z h`.
    Gru,
    /// Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget
    /// gate and no peepholes. Gate order `i, f, g, o`: `c' = f c + i g`,
    /// `h' = o tanh(c')`.
    Lstm,
}

impl Cell {
    /// Number of gates: the parameters of the cell have `gates * hidden` rows.
    pub fn gates(self) -> usize {
        self.facts().gates
    }

    /// What is known of the cell beside its kernels.
    pub(super) fn facts(self) -> Facts {
        struct Facts_;
        impl ForCell for Facts_ {
            type Output = Facts;
            fn run<C: CellKernels>(self) -> Facts {
                C::FACTS
            }
        }
        self.with(Facts_)
    }

    /// Runs work that is compiled once per cell.
    #[inline(always)]
    pub(super) fn with<W: ForCell>(self, work: W) -> W::Output {
        match self {
            Cell::Gru => work.run::<Gru>(),
            Cell::Lstm => work.run::<Lstm>(),
        }
    }
}

/// Work that is compiled once per cell.
pub(super) trait ForCell {
    type Output;
    fn run<C: CellKernels>(self) -> Self::Output;
}

/// What is known of a cell beside its kernels.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    pub(super) gates: usize,
    /// Which PyTorch gate lies in each recurrent slot of a saved row; the input
    /// part of a row is its last `gates` of four slots.
    pub(super) slots: &'static [usize],
    /// Rows of state: the hidden one, and perhaps a cell state.
    pub(super) memories: usize,
    /// The gate whose recurrent bias stays inside of the recurrent part.
    pub(super) inner_bias: Option<usize>,
}

/// A cell, one step of all lanes at a time.
pub(super) trait CellKernels {
    const FACTS: Facts;

    /// A step forward; `SAVE` where the gates are saved for backward.
    fn forward<S: Simd, const SAVE: bool>(s: S, step: &CellStep<'_>);

    /// Gradient of the state after the step so far, from what was carried.
    fn start<S: Simd>(s: S, carry: S::V) -> S::V;

    /// The gates of one vector of units, and what to carry on.
    ///
    /// # Safety
    /// The pointers must be valid for a vector, `gates` in four slots.
    unsafe fn point<S: Simd>(s: S, dh: S::V, carry: S::V, at: &At) -> S::V;
}

/// Where the vectors of one lane's units lie.
pub(super) struct At {
    pub(super) gates: *mut f32,
    pub(super) padded: usize,
    pub(super) state_before: *const f32,
    pub(super) cell_before: *const f32,
    pub(super) cell_after: *const f32,
}
