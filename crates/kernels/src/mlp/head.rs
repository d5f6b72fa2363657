//! Distributions over actions: gradients with respect to the outputs, and their
//! derivatives along a tangent, sample by sample.

use super::{Cache, Head, Mlp, Real};

/// Actions taken, one per sample.
#[derive(Clone, Copy, Debug)]
pub enum Acts<'a, R> {
    /// Indices below `outputs`, `[samples]`; for [`Head::Categorical`].
    Index(&'a [u32]),
    /// Vectors, `[samples][outputs]`; for [`Head::Gaussian`].
    Vector(&'a [R]),
}

/// The distributions of an old policy in the same samples, for a KL divergence
/// from them.
#[derive(Clone, Copy, Debug)]
pub struct Old<'a, R> {
    /// Its outputs, `[samples][outputs]`.
    pub outputs: &'a [R],
    /// Its logarithms of standard deviations, `[outputs]`; empty unless the head
    /// is Gaussian.
    pub log_std: &'a [R],
}

/// A function of each sample's outputs and of `log_std` that is summed over
/// samples.
pub(crate) trait Term<R: Real> {
    /// Writes the gradient with respect to the sample's outputs and adds that
    /// with respect to `log_std`.
    fn gradient(&self, sample: usize, d: &mut [R], log_std: &mut [f64]);

    /// Writes the gradient with respect to the sample's outputs and its
    /// derivative along `moved`, and adds the derivative of the gradient with
    /// respect to `log_std`.
    fn tangent(&self, sample: usize, moved: Moved<'_, R>, d: [&mut [R]; 2], log_std: &mut [f64]);
}

/// Derivatives of a sample's outputs and of `log_std` along a direction.
#[derive(Clone, Copy)]
pub(crate) struct Moved<'a, R> {
    pub(crate) outputs: &'a [R],
    pub(crate) log_std: &'a [R],
}

/// Softmax policies of a batch, `[samples][width]`.
#[derive(Clone, Copy)]
pub(crate) struct Categorical<'a, R> {
    pub(crate) p: &'a [R],
    pub(crate) log_p: &'a [R],
    pub(crate) width: usize,
}

impl<'a, R: Real> Categorical<'a, R> {
    /// A sample's probabilities and their logarithms.
    #[inline(always)]
    pub(crate) fn row(&self, sample: usize) -> (&'a [R], &'a [R]) {
        let row = sample * self.width..(sample + 1) * self.width;
        (&self.p[row.clone()], &self.log_p[row])
    }
}

/// Gaussian policies of a batch, `mean` `[samples][outputs]`, the rest
/// `[outputs]`.
#[derive(Clone, Copy)]
pub(crate) struct Gaussian<'a, R> {
    pub(crate) mean: &'a [R],
    pub(crate) inverse_std: &'a [R],
    pub(crate) log_std: &'a [R],
}

impl<'a, R: Real> Gaussian<'a, R> {
    pub(crate) fn width(&self) -> usize {
        self.inverse_std.len()
    }

    /// A sample's means.
    #[inline(always)]
    pub(crate) fn row(&self, sample: usize) -> &'a [R] {
        &self.mean[sample * self.width()..][..self.width()]
    }
}

/// The distributions in a cache.
#[derive(Clone, Copy)]
pub(crate) enum Policies<'a, R> {
    Categorical(Categorical<'a, R>),
    Gaussian(Gaussian<'a, R>),
}

impl<'a, R: Real> Policies<'a, R> {
    /// Panics where the cache is not one of `mlp` or the head has no
    /// distribution.
    pub(crate) fn new(mlp: &Mlp, cache: &'a Cache<R>) -> Self {
        cache.check(mlp);
        match mlp.head() {
            Head::Categorical => Policies::Categorical(Categorical {
                p: &cache.probabilities,
                log_p: &cache.log_probabilities,
                width: mlp.outputs(),
            }),
            Head::Gaussian => Policies::Gaussian(Gaussian {
                mean: &cache.outputs,
                inverse_std: &cache.inverse_std,
                log_std: &cache.params[mlp.log_std()],
            }),
            Head::None => panic!("a network without a head has no distribution over actions"),
        }
    }
}

/// `sum over j of a[j] b[j]`.
#[inline(always)]
pub(crate) fn dot<R: Real>(a: &[R], b: &[R]) -> R {
    let mut sum = R::ZERO;
    for (&a, &b) in a.iter().zip(b) {
        sum += a * b;
    }
    sum
}
