//! Layers of weights, packed, with what stands before them multiplied in.

use crate::buffer::Buffer;
use crate::gemm::PANEL;
use crate::mlp::{ColumnSums, Epilogue, Factor, Matrix, Outer, Product, Single, Work as _};
use crate::simd::Simd;
use crate::trunk::Entry;

/// Gain and bias of a normalization.
#[derive(Clone, Copy)]
pub(super) struct Norm {
    pub(super) gain: Entry,
    pub(super) bias: Entry,
}

/// `y = s (W (g x + b) + c)`: weights `[outputs][inputs]` and a bias, behind the gain
/// and bias of a normalization, and with a factor for every output, where there are
/// such. All of it is one product with packed weights.
#[derive(Clone)]
pub(super) struct Linear {
    pub(super) weight: Entry,
    pub(super) bias: Entry,
    norm: Option<Norm>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `[output panel][inputs][16]`
    forward: Buffer,
    /// `[input panel][outputs][16]`
    backward: Buffer,
    /// `[outputs]`
    start: Buffer,
    /// As they were given: the weights, the bias, the gain and the bias of the
    /// normalization.
    given: [Vec<f32>; 4],
    /// `[outputs]`, or empty where all are 1.
    factors: Vec<f32>,
}

/// Sums of a layer's gradients over a tile.
#[derive(Default)]
pub(super) struct LinearSums {
    /// `[outputs][inputs]`
    weight: Buffer,
    /// `[outputs]`
    bias: Buffer,
}

impl Linear {
    pub(super) fn new(weight: Entry, bias: Entry, norm: Option<Norm>) -> Linear {
        let [outputs, inputs] = weight.shape;
        Linear {
            weight,
            bias,
            norm,
            inputs,
            outputs,
            forward: Buffer::default(),
            backward: Buffer::default(),
            start: Buffer::default(),
            given: Default::default(),
            factors: Vec::new(),
        }
    }

    /// Numbers of the packed parameters.
    pub(super) fn packed(&self) -> usize {
        let normed = if self.norm.is_some() {
            2 * self.inputs
        } else {
            0
        };
        3 * self.inputs * self.outputs + 2 * self.outputs + normed
    }

    /// Numbers of the sums of its gradients.
    pub(super) fn sums(&self) -> usize {
        (self.inputs + 1) * self.outputs
    }

    /// Multiply-adds of a row.
    pub(super) fn products(&self) -> u64 {
        (self.inputs * self.outputs) as u64
    }

    /// Packs flat parameters, with factors of the outputs where there are any.
    pub(super) fn pack(&mut self, params: &[f32], factors: &[f32]) {
        let keep = |kept: &mut Vec<f32>, range: std::ops::Range<usize>| {
            kept.clear();
            kept.extend_from_slice(&params[range]);
        };
        let [weight, bias, gain, shift] = &mut self.given;
        keep(weight, self.weight.range());
        keep(bias, self.bias.range());
        if let Some(norm) = self.norm {
            keep(gain, norm.gain.range());
            keep(shift, norm.bias.range());
        }
        self.factors.clear();
        self.factors.extend_from_slice(factors);
        let (inputs, outputs) = (self.inputs, self.outputs);
        self.forward.grow(inputs * outputs);
        self.backward.grow(inputs * outputs);
        self.start.grow(outputs);
        for (output, row) in self.given[0].chunks_exact(inputs).enumerate() {
            let factor = self.factors.get(output).copied().unwrap_or(1.0);
            let mut start = self.given[1][output];
            for (k, &w) in row.iter().enumerate() {
                start += self.given[3].get(k).map_or(0.0, |shift| shift * w);
                let w = factor * self.given[2].get(k).map_or(w, |gain| gain * w);
                self.forward[(output / PANEL * inputs + k) * PANEL + output % PANEL] = w;
                self.backward[(k / PANEL * outputs + output) * PANEL + k % PANEL] = w;
            }
            self.start[output] = factor * start;
        }
    }

    /// The outputs of `rows` rows of `a`, as `epilogue` takes them.
    #[inline(always)]
    pub(super) fn forward<S: Simd>(
        &self,
        s: S,
        (a, rows): (&[f32], usize),
        epilogue: impl Epilogue<f32>,
    ) {
        let product = Product {
            rows,
            columns: self.outputs,
            terms: [Factor {
                a: Matrix::new(a, self.inputs),
                b: &self.forward,
                depth: self.inputs,
            }],
            start: &self.start[..],
            epilogue,
        };
        product.run(Single(s));
    }

    /// The gradient of the inputs of `rows` rows, given that of the outputs.
    #[inline(always)]
    pub(super) fn back<S: Simd>(
        &self,
        s: S,
        (d, rows): (&[f32], usize),
        epilogue: impl Epilogue<f32>,
    ) {
        let product = Product {
            rows,
            columns: self.inputs,
            terms: [Factor {
                a: Matrix::new(d, self.outputs),
                b: &self.backward,
                depth: self.outputs,
            }],
            start: &[],
            epilogue,
        };
        product.run(Single(s));
    }

    /// Adds the gradients of `rows` rows to the sums, given inputs and the gradient of
    /// the outputs.
    #[inline(always)]
    pub(super) fn sum<S: Simd>(
        &self,
        s: S,
        rows: usize,
        (x, d): (&[f32], &[f32]),
        sums: &mut LinearSums,
    ) {
        let d = Matrix::new(d, self.outputs);
        let outer = Outer {
            size: [self.outputs, rows, self.inputs],
            terms: [(d, Matrix::new(x, self.inputs))],
            out: &mut sums.weight,
        };
        outer.run(Single(s));
        let bias = ColumnSums {
            rows,
            a: d,
            out: &mut sums.bias,
        };
        bias.run(Single(s));
    }

    /// Makes room for the sums, zeros.
    pub(super) fn clear(&self, sums: &mut LinearSums) {
        for (buffer, len) in [
            (&mut sums.weight, self.inputs * self.outputs),
            (&mut sums.bias, self.outputs),
        ] {
            buffer.grow(len);
            buffer.fill(0.0);
        }
    }

    /// Adds the sums to the flat gradient, and gives those of the factors to
    /// `factor`.
    pub(super) fn add_gradient(
        &self,
        sums: &LinearSums,
        gradient: &mut [f32],
        mut factor: impl FnMut(usize, f32),
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let [weights, biases, gains, shifts] = &self.given;
        for output in 0..outputs {
            let scale = self.factors.get(output).copied().unwrap_or(1.0);
            let to_bias = scale * sums.bias[output];
            let row = &weights[output * inputs..][..inputs];
            let of_row = &sums.weight[output * inputs..][..inputs];
            let mut unscaled = biases[output] * sums.bias[output];
            for (k, (&w, &sum)) in row.iter().zip(of_row).enumerate() {
                let (gain, shift) = match self.norm {
                    Some(_) => (gains[k], shifts[k]),
                    None => (1.0, 0.0),
                };
                let of_weight = gain * sum + shift * sums.bias[output];
                unscaled += w * of_weight;
                gradient[self.weight.offset + output * inputs + k] += scale * of_weight;
                if let Some(norm) = self.norm {
                    gradient[norm.gain.offset + k] += scale * w * sum;
                    gradient[norm.bias.offset + k] += w * to_bias;
                }
            }
            gradient[self.bias.offset + output] += to_bias;
            factor(output, unscaled);
        }
    }
}
