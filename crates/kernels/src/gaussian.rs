//! Normal distributions over vectors, with independent coordinates and the same
//! standard deviations in all rows, and their losses, a vector of rows at a time.

use crate::buffer::Buffer;
use crate::categorical::to_columns;
use crate::loss::{Block, LossGradients, LossSpec, LossSums, MAX_LANES, Samples, losses, store};
use crate::math;
use crate::simd::{Isa, Kernel, Simd};
use std::f64::consts::PI;
use std::ops::Range;

/// A policy over vectors, given by their means and the logarithms of the standard
/// deviations, with the scratch of one thread.
pub struct Gaussian {
    width: usize,
    isa: Isa,
    /// `[width]`: standard deviations.
    std: Vec<f32>,
    /// `[width]`: one over them.
    inverse: Vec<f32>,
    /// `[width][lanes of a vector]` twice: actions and means, then what the loss
    /// makes of them.
    columns: Buffer,
    /// `[width]`: sums of a loss's gradient over the rows.
    sums: Vec<f64>,
}

impl Gaussian {
    /// For vectors of a width.
    pub fn new(width: usize, isa: Isa) -> Gaussian {
        Gaussian {
            width,
            isa,
            std: vec![0.0; width],
            inverse: vec![0.0; width],
            columns: Buffer::zeroed(2 * MAX_LANES * width),
            sums: vec![0.0; width],
        }
    }

    /// Bytes that it holds.
    pub fn bytes(width: usize) -> f64 {
        (width * (2 * 4 + 8 + 2 * 4 * MAX_LANES)) as f64
    }

    /// Writes `mean + std * normal` in place of standard normal numbers, all
    /// `[rows][width]`.
    ///
    /// # Panics
    /// Where lengths do not match.
    pub fn sample(&mut self, (means, log_std): (&[f32], &[f32]), normals: &mut [f32]) {
        self.set(log_std);
        assert_eq!(normals.len(), means.len(), "means must be [rows][width]");
        let rows = normals.chunks_exact_mut(self.width);
        for (row, means) in rows.zip(means.chunks_exact(self.width)) {
            for ((x, mean), std) in row.iter_mut().zip(means).zip(&self.std) {
                *x = mean + std * *x;
            }
        }
    }

    /// Log-densities of actions, `[rows][width]`:
    /// `-1/2 sum ((a - mean)^2 / std^2 + 2 ln std + ln 2 pi)`.
    ///
    /// # Panics
    /// Where lengths do not match.
    pub fn log_probs(
        &mut self,
        (means, log_std): (&[f32], &[f32]),
        actions: &[f32],
        log_probs: &mut [f32],
    ) {
        self.set(log_std);
        self.check(means, actions, log_probs.len());
        self.isa.dispatch(LogProbs {
            density: Density::new(self.width, &self.inverse, log_std),
            means,
            actions,
            log_probs,
            columns: &mut self.columns,
        });
    }

    /// The loss of `means` (`[rows][width]`), `log_std` (`[width]`) and `values`
    /// (`[rows]`), and its gradient: that of means and values overwrites
    /// `gradients`, that of `log_std` is added to `log_std_gradient`. A sample of
    /// weight 0 adds nothing, whatever its other numbers are as long as its outputs
    /// are finite.
    ///
    /// # Panics
    /// Where lengths do not match.
    pub fn loss(
        &mut self,
        spec: &LossSpec,
        samples: &Samples<'_, f32>,
        outputs: GaussianOutputs<'_>,
        (gradients, log_std_gradient): (LossGradients<'_>, &mut [f32]),
    ) -> LossSums {
        let rows = outputs.values.len();
        samples.check(rows);
        self.set(outputs.log_std);
        self.check(outputs.means, samples.actions, rows);
        assert_eq!(
            gradients.policy.len(),
            outputs.means.len(),
            "gradients of means"
        );
        assert_eq!(gradients.values.len(), rows, "gradients of values");
        assert_eq!(log_std_gradient.len(), self.width, "gradients of log_std");
        self.sums.fill(0.0);
        let sums = self.isa.dispatch(Loss {
            density: Density::new(self.width, &self.inverse, outputs.log_std),
            spec: *spec,
            samples: *samples,
            outputs,
            gradients,
            columns: &mut self.columns,
            log_std_sums: &mut self.sums,
        });
        for (to, sum) in log_std_gradient.iter_mut().zip(&self.sums) {
            *to += *sum as f32;
        }
        sums
    }

    /// Takes the standard deviations.
    fn set(&mut self, log_std: &[f32]) {
        assert_eq!(log_std.len(), self.width, "log_std must be [width]");
        self.std.copy_from_slice(log_std);
        math::exp(self.isa, &mut self.std);
        for (inverse, log_std) in self.inverse.iter_mut().zip(log_std) {
            *inverse = -log_std;
        }
        math::exp(self.isa, &mut self.inverse);
    }

    fn check(&self, means: &[f32], actions: &[f32], rows: usize) {
        let width = self.width;
        assert_eq!(means.len(), rows * width, "means must be [rows][{width}]");
        assert_eq!(
            actions.len(),
            rows * width,
            "actions must be [rows][{width}]"
        );
    }
}

/// What a [`Gaussian`]'s loss is taken of.
#[derive(Clone, Copy, Debug)]
pub struct GaussianOutputs<'a> {
    /// `[rows][width]`.
    pub means: &'a [f32],
    /// `[width]`.
    pub log_std: &'a [f32],
    /// `[rows]`.
    pub values: &'a [f32],
}

/// What densities are computed by.
#[derive(Clone, Copy)]
struct Density<'a> {
    width: usize,
    inverse: &'a [f32],
    /// `-sum (ln std + 1/2 ln 2 pi)`.
    constant: f32,
}

impl<'a> Density<'a> {
    fn new(width: usize, inverse: &'a [f32], log_std: &[f32]) -> Density<'a> {
        let term = |log_std: &f32| f64::from(*log_std) + 0.5 * (2.0 * PI).ln();
        Density {
            width,
            inverse,
            constant: -log_std.iter().map(term).sum::<f64>() as f32,
        }
    }

    /// The entropy of every row: `sum (ln std + 1/2 ln 2 pi e)`.
    fn entropy(&self) -> f32 {
        0.5 * self.width as f32 - self.constant
    }

    /// Log-densities of a vector of rows; leaves `z = (a - mean) / std` in the first
    /// half of the columns, `[width][vector]`.
    #[inline(always)]
    fn log_prob<S: Simd>(
        &self,
        s: S,
        (means, actions): (&[f32], &[f32]),
        columns: &mut [f32],
    ) -> S::V {
        let size = self.width * S::LANES;
        let (z, mean) = columns.split_at_mut(size);
        to_columns::<S>(actions, self.width, z);
        to_columns::<S>(means, self.width, mean);
        let mut squares = s.splat(0.0);
        for (k, &inverse) in self.inverse.iter().enumerate() {
            assert!(z.len() >= (k + 1) * S::LANES && mean.len() >= (k + 1) * S::LANES);
            // SAFETY: both halves have a vector at `k`, by the assertion.
            unsafe {
                let at = z.as_mut_ptr().add(k * S::LANES);
                let apart = s.sub(s.load(at), s.load(mean.as_ptr().add(k * S::LANES)));
                let standard = s.mul(apart, s.splat(inverse));
                squares = s.fma(standard, standard, squares);
                s.store(at, standard);
            }
        }
        s.fma(s.splat(-0.5), squares, s.splat(self.constant))
    }
}

struct LogProbs<'a> {
    density: Density<'a>,
    means: &'a [f32],
    actions: &'a [f32],
    log_probs: &'a mut [f32],
    columns: &'a mut [f32],
}

impl Kernel for LogProbs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let width = self.density.width;
        for first in (0..self.log_probs.len()).step_by(S::LANES) {
            let last = (first + S::LANES).min(self.log_probs.len());
            let part = first * width..last * width;
            let rows = (&self.means[part.clone()], &self.actions[part]);
            let log_prob = store(s, self.density.log_prob(s, rows, self.columns));
            self.log_probs[first..last].copy_from_slice(&log_prob[..last - first]);
        }
    }
}

struct Loss<'a> {
    density: Density<'a>,
    spec: LossSpec,
    samples: Samples<'a, f32>,
    outputs: GaussianOutputs<'a>,
    gradients: LossGradients<'a>,
    columns: &'a mut [f32],
    log_std_sums: &'a mut [f64],
}

impl Kernel for Loss<'_> {
    type Output = LossSums;

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) -> LossSums {
        let mut sums = LossSums::default();
        let rows = self.outputs.values.len();
        for first in (0..rows).step_by(S::LANES) {
            let last = (first + S::LANES).min(rows);
            self.block(s, first..last, &mut sums);
        }
        sums
    }
}

impl Loss<'_> {
    /// A block of at most a vector of samples.
    #[inline(always)]
    fn block<S: Simd>(&mut self, s: S, block: Range<usize>, sums: &mut LossSums) {
        let (density, samples) = (self.density, self.samples);
        let part = block.start * density.width..block.end * density.width;
        let rows = (&self.outputs.means[part.clone()], &samples.actions[part]);
        let of = Block {
            log_prob: density.log_prob(s, rows, self.columns),
            entropy: s.splat(density.entropy()),
        };
        let values = (block.clone(), self.outputs.values);
        let slopes = losses(s, (&self.spec, &samples), values, of, sums);
        let value = store(s, slopes.value);
        self.gradients.values[block.clone()].copy_from_slice(&value[..block.len()]);
        let (slope, bonus) = (store(s, slopes.log_prob), store(s, slopes.bonus));
        for (i, row) in block.enumerate() {
            let policy = &mut self.gradients.policy[row * density.width..][..density.width];
            let weightless = samples.weights[row] == 0.0;
            for (k, gradient) in policy.iter_mut().enumerate() {
                if weightless {
                    *gradient = 0.0;
                    continue;
                }
                let z = self.columns[k * S::LANES + i];
                *gradient = slope[i] * z * density.inverse[k];
                self.log_std_sums[k] += f64::from(slope[i] * (z * z - 1.0) - bonus[i]);
            }
        }
    }
}
