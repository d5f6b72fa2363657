//! From gradients with respect to outputs to gradients with respect to
//! parameters, and the derivative of that along a direction.

use super::cache::{BLOCK, Cache, Scratch, Tangent, blocks, rows_from, stride};
use super::epilogue::{Bend, Derive, DeriveTwice, Store};
use super::forward::product;
use super::head::{Moved, Term};
use super::pack::{pack_first_transposed, pack_transposed};
use super::prepared::Prepared;
use super::product::{ColumnSums, Factor, Fetch, Matrix, Outer, ROWS, padded};
use super::{Layer, Mlp, Real};
use crate::buffer::Buffer;
use crate::simd::Isa;
use std::ops::Range;

/// Layers of at most so many outputs, but the first, sum the gradient of their
/// weight transposed, `[outputs][inputs]`: outputs are then padded to a multiple
/// of 4 only.
const NARROW: usize = 12;

/// A pass from the last layer to the first, block by block.
///
/// With `d` the gradient with respect to a layer's sums `z = h W + b`: the
/// weight's gradient is the sum of `h^T d`, the bias's of `d`, and `d W^T` times
/// the activation's derivative goes on to the layer before. With `R` for
/// "derivative along `V`", of the same: `Rh^T d + h^T Rd`, `Rd`, and
/// `Rd W^T + d V^T` through the activation's second derivative.
pub(crate) struct Reverse<'a, R> {
    pub(crate) mlp: &'a Mlp,
    pub(crate) cache: &'a Cache<R>,
    pub(crate) scratch: &'a mut Scratch<R>,
}

/// The tangent of a block, and what is known beforehand of the derivatives of
/// gradients.
#[derive(Clone, Copy)]
struct Twice<'a, R> {
    tangent: &'a Tangent<R>,
    prepared: Option<&'a Prepared<R>>,
}

impl<R: Real> Reverse<'_, R> {
    /// Adds the gradient of `term` to `grad`.
    pub(crate) fn gradient(mut self, term: &impl Term<R>, grad: &mut [R]) {
        self.mlp.check_len("grad", grad, self.mlp.parameters());
        self.begin();
        for block in blocks(self.cache.samples) {
            self.fill(&block, |sample, d, log_std| {
                term.gradient(sample, d, log_std);
            });
            self.layers(None, &block);
        }
        self.add_to(grad);
    }

    /// Adds the gradient of `term` to `grad`, and writes that with respect to the
    /// observations, `[samples][inputs]`.
    pub(crate) fn gradient_to_inputs(
        mut self,
        term: &impl Term<R>,
        grad: &mut [R],
        inputs: &mut [R],
    ) {
        let mlp = self.mlp;
        mlp.check_len("grad", grad, mlp.parameters());
        mlp.check_len("d_inputs", inputs, self.cache.samples * mlp.inputs());
        self.begin();
        pack_first_transposed(mlp, &self.cache.params, &mut self.scratch.weights);
        let (first, width) = (&mlp.layers[0], padded(mlp.inputs()));
        for delta in &mut self.scratch.delta {
            delta.grow(BLOCK * width);
        }
        for block in blocks(self.cache.samples) {
            self.fill(&block, |sample, d, log_std| {
                term.gradient(sample, d, log_std);
            });
            self.layers(None, &block);
            let Scratch {
                weights,
                delta: [d, out],
                ..
            } = &mut *self.scratch;
            let back = first.back(&d[..], weights);
            let stride = width;
            let store = Store { out, stride };
            product(self.cache.isa, &block, width, [back], &[], store);
            let rows = inputs[block.start * mlp.inputs()..].chunks_exact_mut(mlp.inputs());
            for (to, from) in rows.zip(out.chunks_exact(width)).take(block.len()) {
                to.copy_from_slice(&from[..to.len()]);
            }
        }
        self.add_to(grad);
    }

    /// Adds the derivative of the gradient of `term` along `tangent` to `out`.
    pub(crate) fn curvature(mut self, term: &impl Term<R>, tangent: &Tangent<R>, out: &mut [R]) {
        tangent.check(self.mlp, self.cache);
        self.mlp.check_len("out", out, self.mlp.parameters());
        self.begin();
        pack_transposed(self.mlp, &tangent.direction, &mut self.scratch.direction);
        let prepared = None;
        for block in blocks(self.cache.samples) {
            self.fill_twice(term, tangent, &block);
            self.layers(Some(Twice { tangent, prepared }), &block);
        }
        self.add_to(out);
    }

    /// The same along `direction`, whose tangent is computed block by block, so
    /// that it stays in cache.
    pub(crate) fn product(
        mut self,
        term: &impl Term<R>,
        (direction, prepared): (&[R], Option<&Prepared<R>>),
        out: &mut [R],
    ) {
        self.mlp.check_len("out", out, self.mlp.parameters());
        self.begin();
        pack_transposed(self.mlp, direction, &mut self.scratch.direction);
        let mut tangent = std::mem::take(&mut self.scratch.tangent);
        tangent.begin(self.mlp, self.cache, direction, BLOCK);
        for block in blocks(self.cache.samples) {
            self.fetch(&block, prepared);
            tangent.fill(self.mlp, self.cache, &block);
            self.fill_twice(term, &tangent, &block);
            let tangent = &tangent;
            self.layers(Some(Twice { tangent, prepared }), &block);
        }
        self.scratch.tangent = tangent;
        self.add_to(out);
        if let Some(prepared) = prepared {
            prepared.add(self.mlp, self.cache.isa, direction, out);
        }
    }

    /// Adds to `out` the gradient of a loss whose gradient with respect to a
    /// sample's outputs is what `fill` makes of their tangent along `direction`.
    pub(crate) fn linear(
        mut self,
        fill: impl Fn(usize, Moved<'_, R>, &mut [R], &mut [f64]),
        direction: &[R],
        out: &mut [R],
    ) {
        let mlp = self.mlp;
        self.mlp.check_len("out", out, self.mlp.parameters());
        self.begin();
        let mut tangent = std::mem::take(&mut self.scratch.tangent);
        tangent.begin(mlp, self.cache, direction, BLOCK);
        for block in blocks(self.cache.samples) {
            self.fetch(&block, None);
            tangent.fill(mlp, self.cache, &block);
            self.fill(&block, |sample, d, log_std| {
                fill(sample, tangent.moved(mlp, sample), d, log_std);
            });
            self.layers(None, &block);
        }
        self.scratch.tangent = tangent;
        self.add_to(out);
    }

    /// Asks for what the block after this one reads: those who multiply many
    /// times, with the samples of many tasks, find all of it gone from the caches.
    fn fetch(&self, block: &Range<usize>, prepared: Option<&Prepared<R>>) {
        let next = block.end..(block.end + BLOCK).min(self.cache.samples);
        if next.is_empty() {
            return;
        }
        let bend = prepared.map(|prepared| prepared.bend(stride(self.mlp, 1), &next));
        let levels = self.cache.levels.iter().zip(0..self.mlp.layers.len());
        let level = |(level, l)| rows_from(level, stride(self.mlp, l), &next).data;
        for data in levels.map(level).chain(bend) {
            R::dispatch(self.cache.isa, Fetch(data));
        }
    }

    /// Clears the sums and packs the weights.
    pub(crate) fn begin(&mut self) {
        self.scratch.begin(self.mlp);
        pack_transposed(self.mlp, &self.cache.params, &mut self.scratch.weights);
    }

    /// Fills the gradients with respect to a block's outputs; their padding is
    /// zero.
    pub(crate) fn fill(
        &mut self,
        block: &Range<usize>,
        fill: impl Fn(usize, &mut [R], &mut [f64]),
    ) {
        let (count, width) = (self.mlp.outputs(), padded(self.mlp.outputs()));
        let d = &mut self.scratch.delta[0][..block.len().next_multiple_of(ROWS) * width];
        d.fill(R::ZERO);
        let log_std = &mut self.scratch.log_std_sums[..];
        for (d, sample) in d.chunks_exact_mut(width).zip(block.clone()) {
            fill(sample, &mut d[..count], log_std);
        }
    }

    /// Fills those of `term` and their derivatives.
    fn fill_twice(&mut self, term: &impl Term<R>, tangent: &Tangent<R>, block: &Range<usize>) {
        let (count, width) = (self.mlp.outputs(), padded(self.mlp.outputs()));
        let size = block.len().next_multiple_of(ROWS) * width;
        let Scratch {
            delta,
            delta_tangent,
            log_std_sums,
            ..
        } = &mut *self.scratch;
        let (d, d_tangent) = (&mut delta[0][..size], &mut delta_tangent[0][..size]);
        d.fill(R::ZERO);
        d_tangent.fill(R::ZERO);
        let rows = d.chunks_exact_mut(width).zip(block.clone());
        for ((d, sample), d_tangent) in rows.zip(d_tangent.chunks_exact_mut(width)) {
            let both = [&mut d[..count], &mut d_tangent[..count]];
            term.tangent(sample, tangent.moved(self.mlp, sample), both, log_std_sums);
        }
    }

    /// Takes a block's gradients, and maybe their derivatives, through all layers.
    fn layers(&mut self, twice: Option<Twice<'_, R>>, block: &Range<usize>) {
        let mlp = self.mlp;
        for (l, layer) in mlp.layers.iter().enumerate().rev() {
            self.accumulate((l, layer), twice, block);
            if l > 0 {
                match twice {
                    None => self.descend((l, layer), block),
                    Some(twice) => self.descend_twice((l, layer), twice, block),
                }
                self.swap();
            }
        }
    }

    /// The gradients of the layer before become those of the present one.
    pub(crate) fn swap(&mut self) {
        self.scratch.delta.swap(0, 1);
        self.scratch.delta_tangent.swap(0, 1);
    }

    /// Adds a block's products to the sums of layer `l`.
    fn accumulate(
        &mut self,
        (l, layer): (usize, &Layer),
        twice: Option<Twice<'_, R>>,
        block: &Range<usize>,
    ) {
        let units = rows_from(&self.cache.levels[l], stride(self.mlp, l), block);
        let width = padded(layer.outputs);
        let rows = block.len().next_multiple_of(ROWS);
        let Scratch {
            delta,
            delta_tangent,
            weight_sums,
            bias_sums,
            ..
        } = &mut *self.scratch;
        let (isa, d) = (self.cache.isa, Matrix::new(&delta[0], width));
        let transposed = transposed(l, layer);
        let columns = match transposed {
            true => layer.outputs.next_multiple_of(4),
            false => width,
        };
        let mut sums = Sums {
            transposed,
            size: [units.stride, rows, columns],
            out: &mut weight_sums[layer.matrix..],
        };
        let last = match twice {
            None => {
                sums.add(isa, [(units, d)]);
                d
            }
            Some(Twice { tangent, prepared }) => {
                let d_tangent = Matrix::new(&delta_tangent[0], width);
                // What the first hidden layer's tangent makes of `d` is prepared.
                if l == 0 || (l == 1 && prepared.is_some()) {
                    sums.add(isa, [(units, d_tangent)]);
                } else {
                    let moved = tangent.rows(self.mlp, l, block);
                    sums.add(isa, [(moved, d), (units, d_tangent)]);
                }
                d_tangent
            }
        };
        let out = &mut bias_sums[layer.row..];
        R::dispatch(isa, ColumnSums { rows, a: last, out });
    }

    /// Takes a block's gradients through layer `l` to the sums of the one before.
    pub(crate) fn descend(&mut self, (l, layer): (usize, &Layer), block: &Range<usize>) {
        let units = rows_from(&self.cache.levels[l], stride(self.mlp, l), block);
        let Scratch {
            weights,
            delta: [d, next],
            ..
        } = &mut *self.scratch;
        let back = layer.back(&d[..], weights);
        let epilogue = Derive {
            activation: self.mlp.activation,
            h: units.data,
            store: Store {
                out: next,
                stride: units.stride,
            },
        };
        product(self.cache.isa, block, units.stride, [back], &[], epilogue);
    }

    /// The same of gradients and their derivatives.
    fn descend_twice(
        &mut self,
        (l, layer): (usize, &Layer),
        Twice { tangent, prepared }: Twice<'_, R>,
        block: &Range<usize>,
    ) {
        let units = rows_from(&self.cache.levels[l], stride(self.mlp, l), block);
        let (activation, isa, to) = (self.mlp.activation, self.cache.isa, units.stride);
        let h_tangent = tangent.rows(self.mlp, l, block).data;
        let Scratch {
            weights,
            direction,
            delta: [d, next],
            delta_tangent: [d_tangent, next_tangent],
            ..
        } = &mut *self.scratch;
        let moved = layer.back(&d_tangent[..], weights);
        let store = Store {
            out: next_tangent,
            stride: to,
        };
        if let (1, Some(prepared)) = (l, prepared) {
            let epilogue = Bend {
                activation,
                h: units.data,
                h_tangent,
                bend: prepared.bend(to, block),
                store,
            };
            product(isa, block, to, [moved], &[], epilogue);
            return;
        }
        let back = layer.back(&d[..], weights);
        let through = Store {
            out: next,
            stride: to,
        };
        product(isa, block, to, [back], &[], through);
        let epilogue = DeriveTwice {
            activation,
            h: units.data,
            h_tangent,
            d: next,
            store,
        };
        let terms = [moved, layer.back(&d[..], direction)];
        product(isa, block, to, terms, &[], epilogue);
    }

    /// Adds the sums, without their padding, to the gradient.
    fn add_to(&self, grad: &mut [R]) {
        for (l, layer) in self.mlp.layers.iter().enumerate() {
            let rows = grad[layer.weight.clone()].chunks_exact_mut(layer.outputs);
            let sums = &self.scratch.weight_sums[layer.matrix..];
            if transposed(l, layer) {
                for (k, row) in rows.enumerate() {
                    let column = sums[k..].iter().step_by(stride(self.mlp, l));
                    row.iter_mut()
                        .zip(column)
                        .for_each(|(to, from)| *to += *from);
                }
            } else {
                for (row, sums) in rows.zip(sums.chunks_exact(padded(layer.outputs))) {
                    add(row, sums);
                }
            }
            let sums = &self.scratch.bias_sums[layer.row..];
            add(&mut grad[layer.bias.clone()], sums);
        }
        let log_std = &mut grad[self.mlp.log_std()];
        for (g, &sum) in log_std.iter_mut().zip(&self.scratch.log_std_sums) {
            *g += R::from_f64(sum);
        }
    }
}

impl Layer {
    /// `d W^T`, of a block's gradients and weights in panels of inputs.
    pub(crate) fn back<'a, R>(&self, d: &'a [R], packed: &'a Buffer<R>) -> Factor<'a, R> {
        Factor {
            a: Matrix::new(d, padded(self.outputs)),
            b: self.transposed(packed),
            depth: self.outputs,
        }
    }
}

/// Whether a layer's sums are transposed.
fn transposed(l: usize, layer: &Layer) -> bool {
    l > 0 && layer.outputs <= NARROW
}

/// Sums of a weight's gradient, `a^T b` or its transpose.
struct Sums<'a, R> {
    transposed: bool,
    /// `[inputs, rows, outputs]`, padded to what `out` has.
    size: [usize; 3],
    out: &'a mut [R],
}

impl<R: Real> Sums<'_, R> {
    fn add<const T: usize>(&mut self, isa: Isa, terms: [(Matrix<'_, R>, Matrix<'_, R>); T]) {
        let [inputs, rows, outputs] = self.size;
        let out = &mut *self.out;
        let work = match self.transposed {
            false => Outer {
                size: self.size,
                terms,
                out,
            },
            true => Outer {
                size: [outputs, rows, inputs],
                terms: terms.map(|(a, b)| (b, a)),
                out,
            },
        };
        R::dispatch(isa, work);
    }
}

fn add<R: Real>(to: &mut [R], from: &[R]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to += from;
    }
}
