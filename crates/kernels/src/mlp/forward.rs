//! From observations to outputs, and the derivative of that along a direction.

use super::cache::{BLOCK, Cache, Tangent, blocks, grow_levels, rows_from, stride};
use super::epilogue::{Activate, Derive, Epilogue, Store};
use super::pack::{pack, pack_biases};
use super::product::{Factor, Product, ROWS, padded};
use super::softmax::Softmax;
use super::{Head, Mlp, Real};
use crate::buffer::Buffer;
use crate::simd::Isa;
use std::ops::Range;

impl Mlp {
    /// Outputs for `samples` observations `[samples][inputs]`, left in the
    /// cache with all that their derivatives need. The network's parameters are
    /// `params`, `[parameters]` as in [`Mlp::layout`].
    ///
    /// # Panics
    /// Where a length does not match.
    pub fn forward<R: Real>(&self, params: &[R], obs: &[R], samples: usize, cache: &mut Cache<R>) {
        self.check_len("params", params, self.parameters());
        self.check_len("obs", obs, samples * self.inputs());
        cache.begin(self, params, samples);
        let isa = cache.isa;
        let scratch = &mut cache.scratch;
        pack(self, params, &mut scratch.weights);
        pack_biases(self, params, &mut scratch.biases);
        let tile = &mut scratch.delta[0];
        tile.grow(BLOCK * padded(self.outputs()));
        copy_observations(&mut cache.levels[0], obs, self.inputs(), samples);
        for block in blocks(samples) {
            for (l, layer) in self.layers.iter().enumerate() {
                let (below, above) = cache.levels.split_at_mut(l + 1);
                let term = Factor {
                    a: rows_from(&below[l], stride(self, l), &block),
                    b: layer.panels(&scratch.weights),
                    depth: layer.inputs,
                };
                let start = layer.biases(&scratch.biases);
                let to = padded(layer.outputs);
                if l + 1 < self.layers.len() {
                    let store = store(&mut above[0], to, &block);
                    let activation = self.activation;
                    let epilogue = Activate { activation, store };
                    product(isa, &block, to, [term], start, epilogue);
                } else {
                    let store = Store {
                        out: tile,
                        stride: to,
                    };
                    product(isa, &block, to, [term], start, store);
                }
            }
            copy_outputs(tile, &mut cache.outputs, self.outputs(), &block);
        }
        if self.head == Head::Categorical {
            let softmax = Softmax {
                actions: self.outputs(),
                logits: &cache.outputs,
                probabilities: &mut cache.probabilities,
                logarithms: &mut cache.log_probabilities,
            };
            softmax.run(isa, &mut scratch.columns);
        }
    }

    /// Derivatives of everything in the cache along `direction`,
    /// `[parameters]`: with `R` for "derivative of",
    /// `Rz = Rh W + h V + v` and `Rh' = act'(z) Rz`, `V` and `v` the direction's
    /// weights and biases.
    ///
    /// # Panics
    /// Where a length does not match, or the cache holds no forward pass of this
    /// network.
    pub fn tangent<R: Real>(&self, direction: &[R], cache: &Cache<R>, tangent: &mut Tangent<R>) {
        cache.check(self);
        tangent.begin(self, cache, direction, cache.samples);
        tangent.first = 0;
        for block in blocks(cache.samples) {
            tangent.layers(self, cache, &block);
        }
        tangent.samples = cache.samples;
    }

    /// Panics with the name of what has the wrong length.
    pub(crate) fn check_len<T>(&self, what: &str, slice: &[T], expected: usize) {
        assert!(
            slice.len() == expected,
            "{what} has {} elements: must be {expected}",
            slice.len()
        );
    }
}

impl<R: Real> Tangent<R> {
    /// Prepares for a direction, and for so many samples at a time.
    pub(crate) fn begin(&mut self, mlp: &Mlp, cache: &Cache<R>, direction: &[R], samples: usize) {
        mlp.check_len("direction", direction, mlp.parameters());
        grow_levels(&mut self.levels, mlp, samples, 1);
        self.outputs.resize(samples * mlp.outputs(), R::ZERO);
        pack(mlp, &cache.params, &mut self.weights);
        pack(mlp, direction, &mut self.panels);
        pack_biases(mlp, direction, &mut self.biases);
        self.tile.grow(BLOCK * padded(mlp.outputs()));
        self.direction.clear();
        self.direction.extend_from_slice(direction);
    }

    /// Holds one block in place of what it held.
    pub(crate) fn fill(&mut self, mlp: &Mlp, cache: &Cache<R>, block: &Range<usize>) {
        self.first = block.start;
        self.layers(mlp, cache, block);
    }

    /// Takes a block through all layers.
    fn layers(&mut self, mlp: &Mlp, cache: &Cache<R>, block: &Range<usize>) {
        let Tangent {
            levels,
            outputs,
            weights,
            panels,
            biases,
            tile,
            ..
        } = self;
        let held = block.start - self.first..block.end - self.first;
        for (l, layer) in mlp.layers.iter().enumerate() {
            let (below, above) = levels.split_at_mut(l + 1);
            let width = stride(mlp, l);
            let factor = |a, packed| Factor {
                a,
                b: layer.panels(packed),
                depth: layer.inputs,
            };
            let moved = factor(rows_from(&cache.levels[l], width, block), panels);
            let carried = (l > 0).then(|| factor(rows_from(&below[l], width, &held), weights));
            let start = layer.biases(biases);
            let to = padded(layer.outputs);
            if l + 1 < mlp.layers.len() {
                let epilogue = Derive {
                    activation: mlp.activation,
                    h: rows_from(&cache.levels[l + 1], to, block).data,
                    store: store(&mut above[0], to, &held),
                };
                sum(cache.isa, block, to, (moved, carried), start, epilogue);
            } else {
                let store = Store {
                    out: tile,
                    stride: to,
                };
                sum(cache.isa, block, to, (moved, carried), start, store);
            }
        }
        copy_outputs(tile, outputs, mlp.outputs(), &held);
    }
}

/// One product's kernel on a block's rows.
pub(crate) fn product<R: Real, E: Epilogue<R>, const T: usize>(
    isa: Isa,
    block: &Range<usize>,
    columns: usize,
    terms: [Factor<'_, R>; T],
    start: &[R],
    epilogue: E,
) {
    let rows = block.len().next_multiple_of(ROWS);
    R::dispatch(
        isa,
        Product {
            rows,
            columns,
            terms,
            start,
            epilogue,
        },
    );
}

/// The same of one term or two.
fn sum<R: Real, E: Epilogue<R>>(
    isa: Isa,
    block: &Range<usize>,
    columns: usize,
    (moved, carried): (Factor<'_, R>, Option<Factor<'_, R>>),
    start: &[R],
    epilogue: E,
) {
    match carried {
        Some(carried) => product(isa, block, columns, [carried, moved], start, epilogue),
        None => product(isa, block, columns, [moved], start, epilogue),
    }
}

/// A block's rows of a level, to be overwritten.
fn store<'a, R>(level: &'a mut Buffer<R>, stride: usize, block: &Range<usize>) -> Store<'a, R> {
    let rows = block.start * stride..block.end.next_multiple_of(ROWS) * stride;
    Store {
        out: &mut level[rows],
        stride,
    }
}

/// Pads rows of observations, and their number, with zeros.
fn copy_observations<R: Real>(level: &mut Buffer<R>, obs: &[R], inputs: usize, samples: usize) {
    if inputs == 0 {
        return;
    }
    let stride = inputs.next_multiple_of(4);
    let level = &mut level[..samples.next_multiple_of(ROWS) * stride];
    let (rows, rest) = level.split_at_mut(samples * stride);
    for (row, obs) in rows.chunks_exact_mut(stride).zip(obs.chunks_exact(inputs)) {
        row[..inputs].copy_from_slice(obs);
        row[inputs..].fill(R::ZERO);
    }
    rest.fill(R::ZERO);
}

/// Takes a block's outputs out of their padding.
fn copy_outputs<R: Real>(tile: &[R], outputs: &mut [R], width: usize, block: &Range<usize>) {
    let to = outputs[block.start * width..block.end * width].chunks_exact_mut(width);
    for (to, from) in to.zip(tile.chunks_exact(padded(width))) {
        to.copy_from_slice(&from[..width]);
    }
}
