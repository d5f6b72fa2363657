//! Vectorized `exp`, `sigmoid` and `tanh` with tested error bounds.
//!
//! | function | largest error against `f64` | where |
//! |---|---|---|
//! | [`exp`] | 2e-7 relative | 0 below `e^-86.6`, infinity above the largest float |
//! | [`sigmoid`] | 1.5e-7 absolute | everywhere |
//! | [`tanh`] | 2e-7 absolute and 4e-7 relative | everywhere; relative from 1e-30 |
//!
//! Infinities saturate to the limits and NaN gives NaN. The results of AVX-512
//! and AVX2 are the same to the bit.

use crate::simd::{Isa, Kernel, Simd};

/// `1.5 * 2^23 + 127`: adding it to a small number rounds that to an integer
/// `n` and leaves `n + 127`, the exponent's bits of `2^n`, in the low bits.
const ROUND: f32 = 12_582_912.0 + 127.0;

/// Natural logarithm of 2 in two parts; the first has few enough bits that its
/// product with an exponent is exact.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;

/// Where [`exp`] falls to 0: `e^-86.6` is 2.5e-38, twice the smallest normal
/// number.
const EXP_LOW: f32 = -86.6;

/// Where [`exp`] rises to infinity.
const EXP_HIGH: f32 = 88.722_83;

/// `e^r - 1` with `x = n ln 2 + r` and `|r| <= ln 2 / 2`, and before it a number
/// whose low bits hold `n + 127`, for [`Simd::exponent`].
///
/// The polynomial interpolates `(e^r - 1 - r) / r^2` at the Chebyshev nodes of
/// the range; its error is 8e-9 of `e^r`.
#[inline(always)]
fn reduced<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    let round = s.splat(ROUND);
    let t = s.fma(x, s.splat(std::f32::consts::LOG2_E), round);
    let n = s.sub(t, round);
    let r = s.fnma(n, s.splat(LN2_HI), x);
    let r = s.fnma(n, s.splat(LN2_LO), r);
    let mut q = s.splat(1.392_621_3e-3);
    q = s.fma(q, r, s.splat(8.363_203e-3));
    q = s.fma(q, r, s.splat(4.166_655_4e-2));
    q = s.fma(q, r, s.splat(1.666_657_7e-1));
    q = s.fma(q, r, s.splat(0.5));
    (t, s.fma(s.mul(q, r), r, r))
}

/// `e^x` over the whole range.
#[inline(always)]
pub(crate) fn exp_v<S: Simd>(s: S, x: S::V) -> S::V {
    let (low, high) = (s.splat(EXP_LOW), s.splat(EXP_HIGH));
    let (t, p) = reduced(s, s.min(high, s.max(low, x)));
    // The largest 2^n has no representation, half of it has.
    let half = s.exponent(s.sub(t, s.splat(1.0)));
    let y = s.mul(s.fma(half, p, half), s.splat(2.0));
    let y = s.select_lt(high, x, s.splat(f32::INFINITY), y);
    s.select_lt(x, low, s.splat(0.0), y)
}

/// `e^x` for `x <= 0`, as in a softmax; 0 below the normal range.
#[inline(always)]
pub(crate) fn exp_nonpositive_v<S: Simd>(s: S, x: S::V) -> S::V {
    let low = s.splat(EXP_LOW);
    let (t, p) = reduced(s, s.max(low, x));
    let scale = s.exponent(t);
    s.select_lt(x, low, s.splat(0.0), s.fma(scale, p, scale))
}

/// Natural logarithm of a positive normal number; NaN and infinity give NaN.
///
/// `ln m = 2 artanh(t)`, `t = (m - 1) / (m + 1)`, by its power series; `|t|` is
/// at most 0.1716, so five terms leave an error of 1e-9.
#[inline(always)]
pub(crate) fn ln_v<S: Simd>(s: S, x: S::V) -> S::V {
    let (m, e) = s.decompose(x);
    let one = s.splat(1.0);
    let t = s.div(s.sub(m, one), s.add(m, one));
    let u = s.mul(t, t);
    let mut p = s.splat(2.0 / 9.0);
    p = s.fma(p, u, s.splat(2.0 / 7.0));
    p = s.fma(p, u, s.splat(2.0 / 5.0));
    p = s.fma(p, u, s.splat(2.0 / 3.0));
    p = s.fma(s.mul(p, u), t, s.mul(t, s.splat(2.0)));
    let low = s.fma(e, s.splat(LN2_LO), p);
    // x - x is 0 except where x is not finite.
    s.add(s.fma(e, s.splat(LN2_HI), low), s.sub(x, x))
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid_v<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    let negated = s.sub(s.splat(0.0), x);
    let clamped = s.min(s.splat(87.0), s.max(s.splat(-87.0), negated));
    let (t, p) = reduced(s, clamped);
    let scale = s.exponent(t);
    s.div(one, s.add(one, s.fma(scale, p, scale)))
}

/// `(e^2x - 1) / (e^2x + 1)`, with `e^2x - 1` computed without cancellation.
#[inline(always)]
pub(crate) fn tanh_v<S: Simd>(s: S, x: S::V) -> S::V {
    // The result rounds to 1 well before 10.
    let clamped = s.min(s.splat(10.0), s.max(s.splat(-10.0), x));
    let (t, p) = reduced(s, s.add(clamped, clamped));
    let scale = s.exponent(t);
    let m = s.fma(scale, p, s.sub(scale, s.splat(1.0)));
    s.div(m, s.add(m, s.splat(2.0)))
}

/// Applies `f` to whole vectors of `xs`, and to its rest in a padded vector.
#[inline(always)]
fn apply<S: Simd>(s: S, xs: &mut [f32], f: impl Fn(S, S::V) -> S::V) {
    let mut chunks = xs.chunks_exact_mut(S::LANES);
    for chunk in &mut chunks {
        // SAFETY: the chunk has LANES floats.
        unsafe { s.store(chunk.as_mut_ptr(), f(s, s.load(chunk.as_ptr()))) }
    }
    let rest = chunks.into_remainder();
    if !rest.is_empty() {
        let mut padded = [0.0; 16];
        padded[..rest.len()].copy_from_slice(rest);
        // SAFETY: a vector has at most 16 floats.
        unsafe { s.store(padded.as_mut_ptr(), f(s, s.load(padded.as_ptr()))) }
        rest.copy_from_slice(&padded[..rest.len()]);
    }
}

macro_rules! elementwise {
    ($(#[$doc:meta])* $name:ident, $vector:ident) => {
        $(#[$doc])*
        pub fn $name(isa: Isa, xs: &mut [f32]) {
            struct Apply<'a>(&'a mut [f32]);
            impl Kernel for Apply<'_> {
                type Output = ();
                #[inline(always)]
                fn run<S: Simd>(self, s: S) {
                    apply(s, self.0, |s, x| $vector(s, x));
                }
            }
            isa.dispatch(Apply(xs));
        }
    };
}

elementwise! {
    /// Replaces every element by `e^x`.
    exp, exp_v
}
elementwise! {
    /// Replaces every element by `1 / (1 + e^-x)`.
    sigmoid, sigmoid_v
}
elementwise! {
    /// Replaces every element by `tanh(x)`.
    tanh, tanh_v
}
elementwise! {
    /// Replaces every element by its natural logarithm. Elements must be
    /// positive and normal; NaN and infinity give NaN. Error 2e-7, absolute
    /// near 1 and relative elsewhere.
    ln, ln_v
}
