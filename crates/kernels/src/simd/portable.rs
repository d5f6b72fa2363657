//! Plain Rust: the fallback, left to the compiler's auto-vectorization.

use super::Simd;

/// No instructions beyond those the program was compiled for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Portable;

const LANES: usize = 8;

#[inline(always)]
fn map(f: impl Fn(usize) -> f32) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for (i, x) in out.iter_mut().enumerate() {
        *x = f(i);
    }
    out
}

/// Fused where that is one instruction; a call into the C library for every
/// multiply-add would be far slower than rounding twice.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if Portable::FUSED {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

impl Simd for Portable {
    type V = [f32; LANES];
    const LANES: usize = LANES;
    const REGISTERS: usize = if cfg!(target_arch = "aarch64") { 16 } else { 8 };
    const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::V {
        // SAFETY: valid for LANES reads by the caller's contract; an array of
        // floats has the alignment of a float.
        unsafe { p.cast::<Self::V>().read() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::V) {
        // SAFETY: valid for LANES writes by the caller's contract.
        unsafe { p.cast::<Self::V>().write(v) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; LANES]
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        map(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        map(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        map(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        map(|i| a[i] / b[i])
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        map(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        map(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        map(|i| multiply_add(a[i], b[i], c[i]))
    }
    #[inline(always)]
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        map(|i| multiply_add(-a[i], b[i], c[i]))
    }
    #[inline(always)]
    fn select_lt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        map(|i| if a[i] < b[i] { x[i] } else { y[i] })
    }
    #[inline(always)]
    fn exponent(self, t: Self::V) -> Self::V {
        map(|i| f32::from_bits(t[i].to_bits() << 23))
    }
    #[inline(always)]
    fn decompose(self, x: Self::V) -> (Self::V, Self::V) {
        let exponent = |i: usize| (x[i].to_bits() as i32 - super::SQRT_HALF_BITS) >> 23;
        (
            map(|i| f32::from_bits((x[i].to_bits() as i32 - (exponent(i) << 23)) as u32)),
            map(|i| exponent(i) as f32),
        )
    }
}
