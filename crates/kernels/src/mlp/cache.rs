//! What a forward pass and its tangent leave behind.

use super::head::Moved;
use super::product::{Matrix, ROWS, padded};
use super::{Activation, Head, Mlp, Real};
use crate::buffer::Buffer;
use crate::simd::Isa;
use std::fmt;
use std::ops::Range;

/// Samples that pass through all layers together, so that what a layer leaves
/// is still in cache when the next one reads it.
pub(crate) const BLOCK: usize = 64;

/// Blocks of samples, all but the last of them full.
pub(crate) fn blocks(samples: usize) -> impl Iterator<Item = Range<usize>> {
    (0..samples)
        .step_by(BLOCK)
        .map(move |first| first..(first + BLOCK).min(samples))
}

/// Floats per row of the units that enter layer `l`.
pub(crate) fn stride(mlp: &Mlp, l: usize) -> usize {
    let width = mlp.layers[l].inputs;
    match l {
        0 => width.next_multiple_of(4),
        _ => padded(width),
    }
}

/// Units entering a layer, some samples of them, from the first of `block` on.
pub(crate) fn rows_from<'a, R>(
    level: &'a Buffer<R>,
    stride: usize,
    block: &Range<usize>,
) -> Matrix<'a, R> {
    Matrix {
        data: &level[block.start * stride..block.end.next_multiple_of(ROWS) * stride],
        stride,
    }
}

/// Activations of a batch of samples and the parameters they were made with.
///
/// Buffers grow to the largest batch seen and are never released; a thread with
/// its own cache allocates nothing after that. It takes about `samples` times
/// the sum of all layer widths, each rounded up to 16 units.
#[derive(Clone)]
pub struct Cache<R> {
    pub(crate) isa: Isa,
    /// The network of the last forward pass.
    pub(crate) made_by: Option<Made>,
    pub(crate) samples: usize,
    pub(crate) params: Vec<R>,
    /// What enters each layer: `[layers][samples][stride]`, rows padded to a
    /// multiple of `ROWS`.
    pub(crate) levels: Vec<Buffer<R>>,
    pub(crate) outputs: Vec<R>,       // [samples][outputs]
    pub(crate) probabilities: Vec<R>, // [samples][outputs], categorical only
    pub(crate) log_probabilities: Vec<R>,
    pub(crate) inverse_std: Vec<R>, // [outputs], Gaussian only
    pub(crate) scratch: Scratch<R>,
}

/// What distinguishes networks that a cache could be confused about.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    widths: Vec<usize>,
    activation: Activation,
    head: Head,
}

/// Buffers whose content no call leaves to the next.
#[derive(Clone, Default)]
pub(crate) struct Scratch<R> {
    /// Weights in panels of either direction.
    pub(crate) weights: Buffer<R>,
    /// The tangent's direction in panels of inputs.
    pub(crate) direction: Buffer<R>,
    pub(crate) biases: Buffer<R>,
    /// Gradients of weights, padded as `[stride(inputs)][padded(outputs)]`.
    pub(crate) weight_sums: Buffer<R>,
    pub(crate) bias_sums: Buffer<R>,
    pub(crate) log_std_sums: Vec<f64>,
    /// Gradients of a block's units `[BLOCK][widest]`, of two layers in turn.
    pub(crate) delta: [Buffer<R>; 2],
    pub(crate) delta_tangent: [Buffer<R>; 2],
    /// Of one block at a time.
    pub(crate) tangent: Tangent<R>,
    /// A vector of samples' logits, transposed.
    pub(crate) columns: Buffer<R>,
    /// An old policy's probabilities and their logarithms, `[samples][outputs]`.
    pub(crate) old: [Vec<R>; 2],
}

impl<R: Real> Cache<R> {
    /// An empty cache that uses the fastest instructions of this processor.
    pub fn new() -> Cache<R> {
        Cache::with_isa(Isa::best())
    }

    /// An empty cache for a certain instruction set, to compare them.
    pub fn with_isa(isa: Isa) -> Cache<R> {
        Cache {
            isa,
            made_by: None,
            samples: 0,
            params: Vec::new(),
            levels: Vec::new(),
            outputs: Vec::new(),
            probabilities: Vec::new(),
            log_probabilities: Vec::new(),
            inverse_std: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Samples of the last forward pass.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Its parameters, `[parameters]`.
    pub fn params(&self) -> &[R] {
        &self.params
    }

    /// Its outputs, `[samples][outputs]`.
    pub fn outputs(&self) -> &[R] {
        &self.outputs
    }

    /// Its probabilities of actions, `[samples][outputs]`; empty unless the head
    /// is categorical.
    pub fn probabilities(&self) -> &[R] {
        &self.probabilities
    }

    /// Their logarithms, `[samples][outputs]`; empty unless the head is
    /// categorical.
    pub fn log_probabilities(&self) -> &[R] {
        &self.log_probabilities
    }

    /// Prepares for a forward pass of `mlp`.
    pub(crate) fn begin(&mut self, mlp: &Mlp, params: &[R], samples: usize) {
        if !self.is_of(mlp) {
            self.made_by = Some(Made {
                widths: mlp.widths().collect(),
                activation: mlp.activation,
                head: mlp.head,
            });
        }
        self.samples = samples;
        self.params.clear();
        self.params.extend_from_slice(params);
        grow_levels(&mut self.levels, mlp, samples, 0);
        let numbers = samples * mlp.outputs();
        self.outputs.resize(numbers, R::ZERO);
        let probabilities = match mlp.head {
            Head::Categorical => numbers,
            Head::None | Head::Gaussian => 0,
        };
        self.probabilities.resize(probabilities, R::ZERO);
        self.log_probabilities.resize(probabilities, R::ZERO);
        let log_std = params[mlp.log_std()].iter();
        let inverse = log_std.map(|s| R::from_f64((-s.to_f64()).exp()));
        self.inverse_std.clear();
        self.inverse_std.extend(inverse);
    }

    fn is_of(&self, mlp: &Mlp) -> bool {
        self.made_by.as_ref().is_some_and(|made| {
            made.activation == mlp.activation
                && made.head == mlp.head
                && mlp.widths().eq(made.widths.iter().copied())
        })
    }

    /// Panics unless the last forward pass was one of `mlp`.
    pub(crate) fn check(&self, mlp: &Mlp) {
        assert!(
            self.is_of(mlp),
            "the cache holds no forward pass of this network: call forward first"
        );
    }
}

impl Mlp {
    /// Bytes that a [`Cache`] of single precision takes for so many samples, with
    /// what a forward pass keeps of the network itself.
    pub fn cache_bytes(&self, samples: usize) -> f64 {
        let samples = samples as f64;
        let rows = samples + ROWS as f64;
        let levels: usize = (0..self.layers.len()).map(|l| stride(self, l)).sum();
        let outputs = match self.head {
            // With probabilities and their logarithms.
            Head::Categorical => 3 * self.outputs(),
            Head::None | Head::Gaussian => self.outputs(),
        };
        let network = self.parameters() + self.packed_len() + 2 * self.rows_len();
        let block = BLOCK * padded(self.outputs());
        4.0 * (rows * levels as f64 + samples * outputs as f64 + (network + block) as f64)
    }

    /// Bytes that gradients add to a [`Cache`].
    pub fn gradient_bytes(&self) -> f64 {
        let sums = self.packed_len() + self.rows_len();
        4.0 * (sums + BLOCK * 4 * self.widest()) as f64
    }

    /// Bytes that products with Hessians add to that.
    pub fn product_bytes(&self) -> f64 {
        let levels: usize = (1..self.layers.len()).map(|l| stride(self, l)).sum();
        // A direction, and a tangent's weights, its panels and itself.
        let network = 3 * self.packed_len() + self.parameters() + self.rows_len();
        let blocks = BLOCK * (levels + 2 * padded(self.outputs()));
        4.0 * (network + blocks) as f64
    }

    /// Bytes of a [`Tangent`] of so many samples.
    pub fn tangent_bytes(&self, samples: usize) -> f64 {
        let levels: usize = (1..self.layers.len()).map(|l| stride(self, l)).sum();
        let network = 2 * self.packed_len() + self.parameters() + self.rows_len();
        4.0 * (samples as f64 * (levels + self.outputs()) as f64 + network as f64)
    }

    /// Bytes of a [`Prepared`](super::Prepared) of so many samples.
    pub fn prepared_bytes(&self, samples: usize) -> f64 {
        let Some(second) = self.layers.get(1) else {
            return 0.0;
        };
        let mixed = (self.inputs() + 1) as f64 * padded(second.inputs) as f64;
        let rows = samples as f64 + ROWS as f64;
        4.0 * (rows * stride(self, 1) as f64 + mixed * padded(second.outputs) as f64)
    }
}

impl<R: Real> Default for Cache<R> {
    fn default() -> Self {
        Cache::new()
    }
}

impl<R> fmt::Debug for Cache<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("isa", &self.isa)
            .field("made_by", &self.made_by)
            .field("samples", &self.samples)
            .finish_non_exhaustive()
    }
}

impl<R: Real> Scratch<R> {
    /// Makes room for the gradients of a block of `mlp`, and clears the sums.
    pub(crate) fn begin(&mut self, mlp: &Mlp) {
        for buffer in self.delta.iter_mut().chain(&mut self.delta_tangent) {
            buffer.grow(BLOCK * mlp.widest());
        }
        self.weight_sums.grow(mlp.packed_len());
        self.weight_sums.fill(R::ZERO);
        self.bias_sums.grow(mlp.rows_len());
        self.bias_sums.fill(R::ZERO);
        self.log_std_sums.clear();
        self.log_std_sums.resize(mlp.log_std().len(), 0.0);
    }
}

/// Room for what enters each layer from `first` on.
pub(crate) fn grow_levels<R: Real>(
    levels: &mut Vec<Buffer<R>>,
    mlp: &Mlp,
    samples: usize,
    first: usize,
) {
    let rows = samples.next_multiple_of(ROWS);
    if levels.len() < mlp.layers.len() {
        levels.resize_with(mlp.layers.len(), Buffer::default);
    }
    let entered = levels.iter_mut().enumerate().take(mlp.layers.len());
    for (l, level) in entered.skip(first) {
        level.grow(rows * stride(mlp, l));
    }
}

/// Derivatives of everything in a [`Cache`] along a direction in parameter
/// space, and that direction. Valid until the cache's next forward pass. Grows
/// as a cache does.
#[derive(Clone, Default)]
pub struct Tangent<R> {
    pub(crate) samples: usize,
    /// The sample that the first rows are of.
    pub(crate) first: usize,
    pub(crate) direction: Vec<R>,
    /// As in the cache; the first is not used, observations have no tangent.
    pub(crate) levels: Vec<Buffer<R>>,
    pub(crate) outputs: Vec<R>, // [samples][outputs]
    /// Weights, direction and biases in panels, and a block of outputs.
    pub(crate) weights: Buffer<R>,
    pub(crate) panels: Buffer<R>,
    pub(crate) biases: Buffer<R>,
    pub(crate) tile: Buffer<R>,
}

impl<R: Real> Tangent<R> {
    /// An empty tangent.
    pub fn new() -> Tangent<R> {
        Tangent::default()
    }

    /// The direction, `[parameters]`.
    pub fn direction(&self) -> &[R] {
        &self.direction
    }

    /// Derivatives of the outputs, `[samples][outputs]`.
    pub fn outputs(&self) -> &[R] {
        &self.outputs
    }

    /// What enters layer `l`, of a block that is held.
    pub(crate) fn rows(&self, mlp: &Mlp, l: usize, block: &Range<usize>) -> Matrix<'_, R> {
        let held = block.start - self.first..block.end - self.first;
        rows_from(&self.levels[l], stride(mlp, l), &held)
    }

    /// A sample's part.
    #[inline(always)]
    pub(crate) fn moved(&self, mlp: &Mlp, sample: usize) -> Moved<'_, R> {
        Moved {
            outputs: &self.outputs[(sample - self.first) * mlp.outputs()..][..mlp.outputs()],
            log_std: &self.direction[mlp.log_std()],
        }
    }

    /// Panics unless this is a tangent of `cache`, which is one of `mlp`.
    pub(crate) fn check(&self, mlp: &Mlp, cache: &Cache<R>) {
        let numbers = self.direction.len() == mlp.parameters();
        assert!(
            numbers && self.samples == cache.samples,
            "the tangent is not one of this cache: call tangent after forward"
        );
    }
}

impl<R> fmt::Debug for Tangent<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tangent")
            .field("samples", &self.samples)
            .finish_non_exhaustive()
    }
}
