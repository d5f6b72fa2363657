//! What a call works with, and what it leaves behind.

use super::packed::Packed;
use super::{BLOCK, GROUPS, Gates, INPUTS};
use crate::buffer::Buffer;
use crate::mlp::{PANEL, Real, padded};
use crate::simd::Isa;

/// What a step leaves behind for the next one, and its gates.
#[derive(Clone, Debug, Default)]
pub struct Memory<R> {
    pub(super) hidden: Vec<R>, // [rows][padded hidden]
    pub(super) cell: Vec<R>,   // [rows][padded hidden]
    pub(super) logits: Vec<R>, // [coordinates][2], padded to a panel
    pub(super) gates: Vec<R>,  // likewise
}

impl<R: Real> Memory<R> {
    /// The forget and the input gate of every coordinate. `[coordinates]`
    pub fn gates(&self) -> impl Iterator<Item = [R; 2]> {
        self.gates.chunks_exact(2).map(|gates| [gates[0], gates[1]])
    }
}

/// Derivatives with respect to what a step left behind, or the derivative of that along
/// a direction.
#[derive(Clone, Debug, Default)]
pub struct Moved<R> {
    pub(super) hidden: Vec<R>, // [rows][padded hidden]
    pub(super) cell: Vec<R>,   // [rows][padded hidden]
    /// Of the logits of the forget and the input gate. `[coordinates][2]`
    pub logits: Vec<R>,
}

/// Buffers of one thread, used again by every call.
#[derive(Clone)]
pub struct GatesWork<R> {
    pub(super) isa: Isa,
    pub(super) weights: Packed<R>,
    pub(super) direction: Packed<R>,
    pub(super) told: Buffer<R>,         // [BLOCK][INPUTS]
    pub(super) told_tangent: Buffer<R>, // likewise
    pub(super) beside: Buffer<R>,       // likewise: θ and the logits before
    pub(super) beside_tangent: Buffer<R>,
    pub(super) slopes: Vec<[R; 2]>, // [BLOCK], derivatives of pre(g)
    pub(super) units: Buffer<R>,    // [BLOCK][GROUPS][padded hidden]
    pub(super) units_tangent: Buffer<R>, // likewise
    pub(super) hidden: Buffer<R>,   // [BLOCK][padded hidden]
    pub(super) logits: Buffer<R>,   // [BLOCK][PANEL]
    pub(super) inputs: Buffer<R>,   // [BLOCK][PANEL]
    pub(super) sums: [Buffer<R>; 6], // as the parameters, padded
    pub(super) raw: [Buffer<R>; 3], // [BLOCK], what is preprocessed, and both results
}

impl<R: Real> GatesWork<R> {
    /// Of the fastest instructions that this processor has.
    pub fn new() -> Self {
        Self::with_isa(Isa::best())
    }

    /// For a certain instruction set, to compare them.
    pub fn with_isa(isa: Isa) -> Self {
        let buffer = Buffer::default;
        Self {
            isa,
            weights: Packed::default(),
            direction: Packed::default(),
            told: buffer(),
            told_tangent: buffer(),
            beside: buffer(),
            beside_tangent: buffer(),
            slopes: Vec::new(),
            units: buffer(),
            units_tangent: buffer(),
            hidden: buffer(),
            logits: buffer(),
            inputs: buffer(),
            sums: [(); 6].map(|()| buffer()),
            raw: [(); 3].map(|()| buffer()),
        }
    }

    /// Makes room, and packs the LSTM's parameters.
    pub(super) fn begin(&mut self, gates: &Gates, own: &[R]) {
        assert_eq!(own.len(), gates.parameters(), "the LSTM's parameters");
        let width = padded(gates.hidden);
        for rows in [
            &mut self.told,
            &mut self.told_tangent,
            &mut self.beside,
            &mut self.beside_tangent,
        ] {
            rows.grow(BLOCK * INPUTS);
        }
        self.slopes.resize(BLOCK, [R::ZERO; 2]);
        self.units.grow(BLOCK * GROUPS * width);
        self.units_tangent.grow(BLOCK * GROUPS * width);
        self.hidden.grow(BLOCK * width);
        self.logits.grow(BLOCK * PANEL);
        self.inputs.grow(BLOCK * PANEL);
        self.raw.iter_mut().for_each(|raw| raw.grow(BLOCK));
        self.weights.fill(gates, own);
    }
}

impl<R: Real> Default for GatesWork<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> std::fmt::Debug for GatesWork<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatesWork").field("isa", &self.isa).finish()
    }
}
