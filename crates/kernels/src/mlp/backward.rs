//! From gradients with respect to outputs to gradients with respect to
//! parameters, and the derivative of that along a direction.

use super::cache::{Cache, Scratch, Tangent, blocks, rows_from, stride};
use super::forward::product;
use super::head::{Moved, Term};
use super::pack::pack_transposed;
use super::product::{ColumnSums, Derive, DeriveTwice, Factor, Matrix, Outer, ROWS, Store, padded};
use super::{Layer, Mlp, Real};
use std::ops::Range;

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
    /// Present for the derivative of the gradient, absent for the gradient.
    pub(crate) tangent: Option<&'a Tangent<R>>,
}

impl<'a, R: Real> Reverse<'a, R> {
    /// Adds the gradient of `term` to `grad`.
    pub(crate) fn gradient(self, term: &impl Term<R>, grad: &mut [R]) {
        self.run(
            |sample, [d, _], log_std| term.gradient(sample, d, log_std),
            grad,
        );
    }

    /// Adds the derivative of the gradient of `term` along `tangent` to `out`.
    pub(crate) fn curvature(mut self, term: &impl Term<R>, tangent: &'a Tangent<R>, out: &mut [R]) {
        let mlp = self.mlp;
        tangent.check(mlp, self.cache);
        self.tangent = Some(tangent);
        self.run(
            |sample, d, log_std| term.tangent(sample, tangent.moved(mlp, sample), d, log_std),
            out,
        );
    }

    /// Adds the sum over all samples to `grad`, `[parameters]`. Per sample, `fill`
    /// writes the gradient with respect to the outputs and, where there is a
    /// tangent, its derivative (else the second slice is empty), and adds to the
    /// gradient with respect to `log_std`.
    pub(crate) fn run(mut self, fill: impl Fn(usize, [&mut [R]; 2], &mut [f64]), grad: &mut [R]) {
        let (mlp, cache) = (self.mlp, self.cache);
        mlp.check_len("grad", grad, mlp.parameters());
        self.scratch.begin(mlp);
        pack_transposed(mlp, &cache.params, &mut self.scratch.weights);
        if let Some(tangent) = self.tangent {
            pack_transposed(mlp, &tangent.direction, &mut self.scratch.direction);
        }
        for block in blocks(cache.samples) {
            self.outputs(&fill, &block);
            for (l, layer) in mlp.layers.iter().enumerate().rev() {
                self.accumulate(l, layer, &block);
                if l > 0 {
                    self.descend(l, layer, &block);
                    self.scratch.delta.swap(0, 1);
                    self.scratch.delta_tangent.swap(0, 1);
                }
            }
        }
        self.add_to(grad);
    }

    /// Fills the gradients with respect to a block's outputs; their padding is
    /// zero.
    fn outputs(&mut self, fill: &impl Fn(usize, [&mut [R]; 2], &mut [f64]), block: &Range<usize>) {
        let (count, width) = (self.mlp.outputs(), padded(self.mlp.outputs()));
        let size = block.len().next_multiple_of(ROWS) * width;
        let d = &mut self.scratch.delta[0][..size];
        d.fill(R::ZERO);
        let log_std = &mut self.scratch.log_std_sums[..];
        let rows = d.chunks_exact_mut(width).zip(block.clone());
        if self.tangent.is_none() {
            for (d, sample) in rows {
                fill(sample, [&mut d[..count], &mut []], log_std);
            }
            return;
        }
        let d_tangent = &mut self.scratch.delta_tangent[0][..size];
        d_tangent.fill(R::ZERO);
        for ((d, sample), d_tangent) in rows.zip(d_tangent.chunks_exact_mut(width)) {
            fill(sample, [&mut d[..count], &mut d_tangent[..count]], log_std);
        }
    }

    /// Adds a block's products to the sums of layer `l`.
    fn accumulate(&mut self, l: usize, layer: &Layer, block: &Range<usize>) {
        let units = rows_from(&self.cache.levels[l], stride(self.mlp, l), block);
        let width = padded(layer.outputs);
        let rows = block.len().next_multiple_of(ROWS);
        let matrix = |data| Matrix {
            data,
            stride: width,
        };
        let Scratch {
            delta,
            delta_tangent,
            weight_sums,
            bias_sums,
            ..
        } = &mut *self.scratch;
        let d = matrix(&delta[0][..]);
        let size = [units.stride, rows, width];
        let out = &mut weight_sums[layer.matrix..];
        let isa = self.cache.isa;
        let last = match self.tangent {
            None => {
                let terms = [(units, d)];
                R::dispatch(isa, Outer { size, terms, out });
                d
            }
            Some(tangent) => {
                let d_tangent = matrix(&delta_tangent[0][..]);
                if l > 0 {
                    let moved = rows_from(&tangent.levels[l], units.stride, block);
                    let terms = [(moved, d), (units, d_tangent)];
                    R::dispatch(isa, Outer { size, terms, out });
                } else {
                    let terms = [(units, d_tangent)];
                    R::dispatch(isa, Outer { size, terms, out });
                }
                d_tangent
            }
        };
        let out = &mut bias_sums[layer.row..];
        R::dispatch(isa, ColumnSums { rows, a: last, out });
    }

    /// Takes a block's gradients through layer `l` to the sums of the one before.
    fn descend(&mut self, l: usize, layer: &Layer, block: &Range<usize>) {
        let units = rows_from(&self.cache.levels[l], stride(self.mlp, l), block);
        let (activation, isa, to) = (self.mlp.activation, self.cache.isa, units.stride);
        let Scratch {
            weights,
            direction,
            delta: [d, next],
            delta_tangent: [d_tangent, next_tangent],
            ..
        } = &mut *self.scratch;
        let factor = |a, packed| Factor {
            a: Matrix {
                data: a,
                stride: padded(layer.outputs),
            },
            b: layer.transposed(packed),
            depth: layer.outputs,
        };
        let back = factor(&d[..], weights);
        let store = Store {
            out: next,
            stride: to,
        };
        let Some(tangent) = self.tangent else {
            let h = units.data;
            let epilogue = Derive {
                activation,
                h,
                store,
            };
            product(isa, block, to, [back], &[], epilogue);
            return;
        };
        product(isa, block, to, [back], &[], store);
        let epilogue = DeriveTwice {
            activation,
            h: units.data,
            h_tangent: rows_from(&tangent.levels[l], to, block).data,
            d: next,
            store: Store {
                out: next_tangent,
                stride: to,
            },
        };
        let terms = [factor(&d_tangent[..], weights), factor(&d[..], direction)];
        product(isa, block, to, terms, &[], epilogue);
    }

    /// Adds the sums, without their padding, to the gradient.
    fn add_to(&self, grad: &mut [R]) {
        for layer in &self.mlp.layers {
            let rows = grad[layer.weight.clone()].chunks_exact_mut(layer.outputs);
            let sums = &self.scratch.weight_sums[layer.matrix..];
            for (row, sums) in rows.zip(sums.chunks_exact(padded(layer.outputs))) {
                add(row, sums);
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

fn add<R: Real>(to: &mut [R], from: &[R]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

impl<R: Real> Tangent<R> {
    /// A sample's part.
    #[inline(always)]
    pub(crate) fn moved(&self, mlp: &Mlp, sample: usize) -> Moved<'_, R> {
        Moved {
            outputs: &self.outputs[sample * mlp.outputs()..][..mlp.outputs()],
            log_std: &self.direction[mlp.log_std()],
        }
    }
}
