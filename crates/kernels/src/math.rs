//! Vectorized `exp`, `sigmoid` and `tanh` with tested error bounds.
//!
//! | function | largest error against `f64` | where |
//! |---|---|---|
//! | [`exp`] | 4e-7 relative, 2e-7 up to \|x\| = 20 | 0 below `e^-86.6`, infinity above the largest float |
//! | [`exp_excess`] | 4e-6 relative | from \|x\| = 1e-15 to where `exp` is infinite |
//! | [`ln`] | 2e-7, absolute up to \|ln x\| = 1, relative beyond | positive normal numbers |
//! | [`sigmoid`] | 1.5e-7 absolute | everywhere |
//! | [`tanh`] | 2e-7 absolute and 4e-7 relative | everywhere; relative from 1e-30 |
//!
//! Infinities saturate to the limits and NaN gives NaN. The results of AVX-512,
//! AVX2 and NEON are the same to the bit.

use crate::simd::{Isa, Kernel, Simd};

/// `1.5 * 2^23 + 127`: adding it to a small number rounds that to an integer
/// `n` and leaves `n + 127`, the exponent's bits of `2^n`, in the low bits.
const ROUND: f32 = 12_582_912.0 + 127.0;

/// Natural logarithm of 2 in two parts; the first has few enough bits that its
/// product with an exponent is exact.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;

/// Interpolates `(e^r - 1 - r) / r^2` at the Chebyshev nodes of
/// `|r| <= ln 2 / 2`, lowest power first; leaves an error of 8e-9 of `e^r`.
const EXP: [f32; 5] = [
    0.5,
    1.666_657_7e-1,
    4.166_655_4e-2,
    8.363_203e-3,
    1.392_621_3e-3,
];

/// Where [`exp`] falls to 0: `e^-86.6` is 2.5e-38, twice the smallest normal
/// number.
const EXP_LOW: f32 = -86.6;

/// Where [`exp`] rises to infinity.
const EXP_HIGH: f32 = 88.722_83;

/// `e^r - 1` with `x = n ln 2 + r` and `|r| <= ln 2 / 2`, and before it a number
/// whose low bits hold `n + 127`, for [`Simd::exponent`].
#[inline(always)]
fn reduced<S: Simd, const N: usize>(s: S, x: [S::V; N]) -> ([S::V; N], [S::V; N]) {
    let round = s.splat(ROUND);
    let (mut t, mut r, mut q) = (x, x, x);
    for i in 0..N {
        t[i] = s.fma(x[i], s.splat(std::f32::consts::LOG2_E), round);
    }
    for i in 0..N {
        let n = s.sub(t[i], round);
        // A fused product with ln 2 is exact before it is subtracted.
        r[i] = if S::FUSED {
            s.fnma(n, s.splat(std::f32::consts::LN_2), x[i])
        } else {
            s.fnma(n, s.splat(LN2_LO), s.fnma(n, s.splat(LN2_HI), x[i]))
        };
    }
    for i in 0..N {
        q[i] = s.fma(s.splat(EXP[4]), r[i], s.splat(EXP[3]));
    }
    for coefficient in [EXP[2], EXP[1], EXP[0]] {
        for i in 0..N {
            q[i] = s.fma(q[i], r[i], s.splat(coefficient));
        }
    }
    for i in 0..N {
        q[i] = s.fma(s.mul(q[i], r[i]), r[i], r[i]);
    }
    (t, q)
}

/// `e^x` over the whole range.
#[inline(always)]
pub(crate) fn exp_v<S: Simd>(s: S, x: S::V) -> S::V {
    let (low, high) = (s.splat(EXP_LOW), s.splat(EXP_HIGH));
    let ([t], [p]) = reduced(s, [s.min(high, s.max(low, x))]);
    // The largest 2^n has no representation, half of it has.
    let half = s.exponent(s.sub(t, s.splat(1.0)));
    let y = s.mul(s.fma(half, p, half), s.splat(2.0));
    let y = s.select_lt(high, x, s.splat(f32::INFINITY), y);
    s.select_lt(x, low, s.splat(0.0), y)
}

/// `e^x - 1 - x`, never negative, given `y`, the `e^x` of [`exp_v`]: near 0 by the
/// polynomial that `exp` is made of, since the difference would cancel.
#[inline(always)]
pub(crate) fn exp_excess_v<S: Simd>(s: S, x: S::V, y: S::V) -> S::V {
    let limit = 0.5 * std::f32::consts::LN_2;
    let mut q = s.splat(EXP[4]);
    for coefficient in [EXP[3], EXP[2], EXP[1], EXP[0]] {
        q = s.fma(q, x, s.splat(coefficient));
    }
    let near = s.mul(s.mul(q, x), x);
    let far = s.sub(s.sub(y, s.splat(1.0)), x);
    let at_most = s.select_lt(s.splat(limit), x, far, near);
    s.select_lt(x, s.splat(-limit), far, at_most)
}

/// `e^x` for `x <= 0`, as in a softmax; 0 below the normal range.
#[inline(always)]
pub(crate) fn exp_nonpositive_v<S: Simd>(s: S, x: S::V) -> S::V {
    let low = s.splat(EXP_LOW);
    let ([t], [p]) = reduced(s, [s.max(low, x)]);
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

/// `1 / (1 + e^-x)` of `N` vectors, operation by operation: a vector's operations
/// form one long chain, and a processor finds more to do at once in `N` chains
/// side by side than one after the other.
#[inline(always)]
pub(crate) fn sigmoid_v<S: Simd, const N: usize>(s: S, x: [S::V; N]) -> [S::V; N] {
    let limit = 87.0;
    let mut y = x;
    for i in 0..N {
        let negated = s.sub(s.splat(0.0), x[i]);
        y[i] = s.min(s.splat(limit), s.max(s.splat(-limit), negated));
    }
    let (t, p) = reduced(s, y);
    for i in 0..N {
        let scale = s.exponent(t[i]);
        y[i] = s.add(s.splat(1.0), s.fma(scale, p[i], scale));
    }
    for i in 0..N {
        y[i] = s.div(s.splat(1.0), y[i]);
    }
    y
}

/// `(e^2x - 1) / (e^2x + 1)` of `N` vectors, with `e^2x - 1` computed without
/// cancellation; side by side as in [`sigmoid_v`].
#[inline(always)]
pub(crate) fn tanh_v<S: Simd, const N: usize>(s: S, x: [S::V; N]) -> [S::V; N] {
    // The result rounds to 1 well before 10.
    let limit = 10.0;
    let mut y = x;
    for i in 0..N {
        let clamped = s.min(s.splat(limit), s.max(s.splat(-limit), x[i]));
        y[i] = s.add(clamped, clamped);
    }
    let (t, p) = reduced(s, y);
    for i in 0..N {
        let scale = s.exponent(t[i]);
        y[i] = s.fma(scale, p[i], s.sub(scale, s.splat(1.0)));
    }
    for i in 0..N {
        y[i] = s.div(y[i], s.add(y[i], s.splat(2.0)));
    }
    y
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
    ($(#[$doc:meta])* $name:ident, $vector:expr) => {
        $(#[$doc])*
        pub fn $name(isa: Isa, xs: &mut [f32]) {
            struct Apply<'a>(&'a mut [f32]);
            impl Kernel for Apply<'_> {
                type Output = ();
                #[inline(always)]
                fn run<S: Simd>(self, s: S) {
                    apply(s, self.0, $vector);
                }
            }
            isa.dispatch(Apply(xs));
        }
    };
}

elementwise! {
    /// Replaces every element by `e^x`.
    exp, |s, x| exp_v(s, x)
}
elementwise! {
    /// Replaces every element by `e^x - 1 - x`, which is never negative.
    exp_excess, |s, x| exp_excess_v(s, x, exp_v(s, x))
}
elementwise! {
    /// Replaces every element by `1 / (1 + e^-x)`.
    sigmoid, |s, x| sigmoid_v(s, [x])[0]
}
elementwise! {
    /// Replaces every element by `tanh(x)`.
    tanh, |s, x| tanh_v(s, [x])[0]
}
elementwise! {
    /// Replaces every element by its natural logarithm. Elements must be
    /// positive and normal; NaN and infinity give NaN. Error 2e-7, absolute
    /// near 1 and relative elsewhere.
    ln, |s, x| ln_v(s, x)
}
