//! What products with one Hessian along many directions have in common.

use super::backward::Reverse;
use super::cache::{Scratch, blocks, rows_from, stride};
use super::epilogue::Store;
use super::forward::product;
use super::head::{Acts, Term};
use super::product::{Matrix, Outer, PANEL, ROWS, padded};
use super::real::{Vector, Work};
use super::score::{WeightTangent, Weights};
use super::{Activation, Cache, Layer, Mlp, Real};
use crate::buffer::Buffer;
use crate::simd::Isa;
use std::fmt;
use std::ops::Range;

/// The part of a score's Hessian that no direction changes, by
/// [`Mlp::prepare_score`]. Where there are few inputs, and many products, it
/// saves half of the work of each.
///
/// With `x` an observation with a 1 at its end, the tangent of the first hidden
/// layer along `V` is `Rh = f' (x V0)`, `V0` having the biases as its last row. It
/// is linear in the few numbers `x`, and so is what it does to the gradient of
/// the next weight,
///
/// ```text
/// sum of Rh^T d = sum over i of V0[i] M[i],   M[i] = sum of x[i] f'^T d
/// ```
///
/// for `d` the gradient with respect to the second layer's sums, and what `V1`
/// does to the gradient of the first weight: row `i` of that is the row sums of
/// `M[i]` times `V1`, element by element. Likewise `d W1^T` times `f''` stays as
/// it is. Networks without a hidden layer have nothing to prepare.
#[derive(Clone, Default)]
pub struct Prepared<R> {
    samples: usize,
    parameters: usize,
    /// `(d W1^T) f'' / f'`, `[samples][padded(units)]`.
    bend: Buffer<R>,
    /// M, `[inputs + 1][padded(units)][padded(outputs of the second layer)]`.
    mixed: Buffer<R>,
}

impl<R: Real> Prepared<R> {
    /// Nothing yet.
    pub fn new() -> Prepared<R> {
        Prepared::default()
    }

    /// A block's rows of `bend`.
    pub(crate) fn bend(&self, stride: usize, block: &Range<usize>) -> &[R] {
        &self.bend[block.start * stride..block.end.next_multiple_of(ROWS) * stride]
    }

    /// Panics unless this was prepared with `cache`, and says whether there is
    /// anything in it.
    pub(crate) fn check(&self, mlp: &Mlp, cache: &Cache<R>) -> bool {
        assert!(
            self.samples == cache.samples && self.parameters == mlp.parameters(),
            "the preparation is not one of this cache: call prepare_score after forward"
        );
        mlp.layers.len() > 1
    }

    fn begin(&mut self, mlp: &Mlp, samples: usize) {
        self.samples = samples;
        self.parameters = mlp.parameters();
        if mlp.layers.len() > 1 {
            self.bend
                .grow(samples.next_multiple_of(ROWS) * stride(mlp, 1));
            let size = (mlp.inputs() + 1) * matrix_len(&mlp.layers[1]);
            self.mixed.grow(size);
            self.mixed[..size].fill(R::ZERO);
        }
    }

    /// Adds to `out` what M does along a direction.
    pub(crate) fn add(&self, mlp: &Mlp, isa: Isa, direction: &[R], out: &mut [R]) {
        let work = Mixed {
            layers: [&mlp.layers[0], &mlp.layers[1]],
            mixed: &self.mixed,
            direction,
            out,
        };
        R::dispatch(isa, work);
    }
}

fn matrix_len(layer: &Layer) -> usize {
    padded(layer.inputs) * padded(layer.outputs)
}

impl Mlp {
    /// Prepares `prepared` for products with the Hessian whose scores have these
    /// actions and weights, `[samples]`, as [`Mlp::score_product`] and
    /// [`Mlp::score_tangent`] take them. It is valid until the cache's next
    /// forward pass. Costs about `inputs + 3` products of the second layer with
    /// all samples, of which every later call saves three.
    pub fn prepare_score<R: Real>(
        &self,
        cache: &mut Cache<R>,
        actions: Acts<'_, R>,
        weight: &[R],
        prepared: &mut Prepared<R>,
    ) {
        prepared.begin(self, cache.samples);
        let given = (actions, weight, WeightTangent::Of(Weights::Fixed));
        self.with_score(cache, given, |reverse, score| {
            if self.layers.len() > 1 {
                reverse.prepare(score, prepared);
            }
        });
    }
}

impl<R: Real> Reverse<'_, R> {
    fn prepare(mut self, term: &impl Term<R>, prepared: &mut Prepared<R>) {
        let mlp = self.mlp;
        self.begin();
        for block in blocks(self.cache.samples) {
            self.fill(&block, |sample, d, log_std| {
                term.gradient(sample, d, log_std);
            });
            for (l, layer) in mlp.layers.iter().enumerate().skip(2).rev() {
                self.descend((l, layer), &block);
                self.swap();
            }
            self.mix(prepared, &block);
            self.bend(prepared, &block);
        }
    }

    /// Adds a block to M.
    fn mix(&mut self, prepared: &mut Prepared<R>, block: &Range<usize>) {
        let (mlp, isa) = (self.mlp, self.cache.isa);
        let (units, width) = (stride(mlp, 1), padded(mlp.layers[1].outputs));
        let rows = block.len().next_multiple_of(ROWS);
        let Scratch {
            delta: [d, _],
            delta_tangent: [slope, _],
            ..
        } = &mut *self.scratch;
        let mixed = prepared.mixed.chunks_exact_mut(units * width);
        for (input, out) in (0..=mlp.inputs()).zip(mixed) {
            let work = Slopes {
                activation: mlp.activation,
                inputs: rows_from(&self.cache.levels[0], stride(mlp, 0), block),
                input: (input < mlp.inputs()).then_some(input),
                h: rows_from(&self.cache.levels[1], units, block),
                out: slope,
            };
            R::dispatch(isa, work);
            let outer = Outer {
                size: [units, rows, width],
                terms: [(Matrix::new(slope, units), Matrix::new(d, width))],
                out,
            };
            R::dispatch(isa, outer);
        }
    }

    /// Writes a block of `bend`.
    fn bend(&mut self, prepared: &mut Prepared<R>, block: &Range<usize>) {
        let (mlp, units) = (self.mlp, stride(self.mlp, 1));
        if mlp.activation == Activation::Relu {
            return;
        }
        let back = mlp.layers[1].back(&self.scratch.delta[0][..], &self.scratch.weights);
        let rows = block.start * units..block.end.next_multiple_of(ROWS) * units;
        let store = Store {
            out: &mut prepared.bend[rows.clone()],
            stride: units,
        };
        product(self.cache.isa, block, units, [back], &[], store);
        let h = &self.cache.levels[1][rows.clone()];
        let two = R::from_f64(2.0);
        for (bend, h) in prepared.bend[rows].iter_mut().zip(h) {
            *bend = -(two * *h * *bend);
        }
    }
}

/// Writes `x[input] f'` of every row, `f'` where there is no input.
struct Slopes<'a, R> {
    activation: Activation,
    inputs: Matrix<'a, R>,
    input: Option<usize>,
    h: Matrix<'a, R>,
    out: &'a mut [R],
}

impl<R: Real> Work<R> for Slopes<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, x: X) {
        let width = self.h.stride;
        let rows = self.h.data.chunks_exact(width);
        for (row, (h, out)) in rows.zip(self.out.chunks_exact_mut(width)).enumerate() {
            let factor = match self.input {
                Some(input) => self.inputs.data[row * self.inputs.stride + input],
                None => R::ONE,
            };
            let factor = x.splat(factor);
            for (h, out) in h.chunks_exact(X::LANES).zip(out.chunks_exact_mut(X::LANES)) {
                let h = x.read(h);
                let slope = match self.activation {
                    Activation::Tanh => x.mul(factor, x.fnma(h, h, x.splat(R::ONE))),
                    Activation::Relu => x.where_positive(h, factor),
                };
                x.write(out, slope);
            }
        }
    }
}

/// Adds `sum over i of V0[i] M[i]` to the second weight's part of `out`, and row
/// sums of `M[i] V1` to the first one's.
struct Mixed<'a, R> {
    layers: [&'a Layer; 2],
    mixed: &'a [R],
    direction: &'a [R],
    out: &'a mut [R],
}

impl<R: Real> Work<R> for Mixed<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, _: X) {
        let [first, second] = self.layers;
        let (units, outputs) = (first.outputs, second.outputs);
        let width = padded(outputs);
        let mixed = self.mixed.chunks_exact(matrix_len(second));
        // The biases follow the weights as one more row.
        let both = first.weight.start..first.bias.end;
        let next = &self.direction[second.weight.clone()];
        for (i, mixed) in mixed.enumerate().take(first.inputs + 1) {
            let row = &self.direction[both.clone()][i * units..][..units];
            for (unit, (mixed, along)) in mixed.chunks_exact(width).zip(row).enumerate() {
                let to = second.weight.start + unit * outputs;
                let to = &mut self.out[to..to + outputs];
                for (to, m) in to.iter_mut().zip(mixed) {
                    *to += *along * *m;
                }
                let sum = dot(mixed, &next[unit * outputs..][..outputs]);
                self.out[both.start + i * units + unit] += sum;
            }
        }
    }
}

impl<R> fmt::Debug for Prepared<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("samples", &self.samples)
            .finish_non_exhaustive()
    }
}

/// A sum of products in as many parts as a panel has columns.
#[inline(always)]
fn dot<R: Real>(a: &[R], b: &[R]) -> R {
    let mut parts = [R::ZERO; PANEL];
    for (a, b) in a.chunks(PANEL).zip(b.chunks(PANEL)) {
        for (part, (a, b)) in parts.iter_mut().zip(a.iter().zip(b)) {
            *part += *a * *b;
        }
    }
    parts.into_iter().sum()
}
