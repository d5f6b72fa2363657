//! NEON: 8 floats a vector, in two registers.
//!
//! Half of them would do, but would make every kernel read and scale its rows twice as
//! often: with pairs, blocks of rows and columns are those of AVX2, and fill the 32
//! registers.

use super::{Kernel, Simd};
use std::arch::aarch64::*;
use std::arch::asm;

/// Exists only where the processor has the instructions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Neon(());

impl Neon {
    pub(super) fn detect() -> Option<Self> {
        let found = !cfg!(miri) && std::arch::is_aarch64_feature_detected!("neon");
        found.then_some(Neon(()))
    }

    #[inline]
    pub(super) fn dispatch<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon")]
        fn with_features<K: Kernel>(kernel: K, s: Neon) -> K::Output {
            kernel.run(s)
        }
        // SAFETY: `self` exists only where the processor has the instructions.
        unsafe { with_features(kernel, self) }
    }
}

/// The pair of what `f` makes of each half.
#[inline(always)]
fn both(f: impl Fn(usize) -> float32x4_t) -> [float32x4_t; 2] {
    [f(0), f(1)]
}

impl Simd for Neon {
    type V = [float32x4_t; 2];
    const LANES: usize = 8;
    const REGISTERS: usize = 16;
    const FUSED: bool = true;

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::V {
        // SAFETY: `self` proves the instructions, the caller the pointer.
        unsafe { [vld1q_f32(p), vld1q_f32(p.add(4))] }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::V) {
        // SAFETY: `self` proves the instructions, the caller the pointer.
        unsafe {
            vst1q_f32(p, v[0]);
            vst1q_f32(p.add(4), v[1]);
        }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: the instruction is part of every processor of this kind, changes
        // nothing, and no address makes it fail.
        unsafe {
            asm!("prfm pldl1keep, [{p}]", p = in(reg) p, options(nostack, preserves_flags, readonly));
        }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|_| unsafe { vdupq_n_f32(x) })
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|i| unsafe { vaddq_f32(a[i], b[i]) })
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|i| unsafe { vsubq_f32(a[i], b[i]) })
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|i| unsafe { vmulq_f32(a[i], b[i]) })
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|i| unsafe { vdivq_f32(a[i], b[i]) })
    }
    // The instructions that are called minimum and maximum give NaN where either is, and
    // the smaller of two zeros.
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        self.select_lt(a, b, a, b)
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        self.select_lt(b, a, a, b)
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|i| unsafe { vfmaq_f32(c[i], a[i], b[i]) })
    }
    #[inline(always)]
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|i| unsafe { vfmsq_f32(c[i], a[i], b[i]) })
    }
    #[inline(always)]
    fn select_lt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|i| unsafe { vbslq_f32(vcltq_f32(a[i], b[i]), x[i], y[i]) })
    }
    #[inline(always)]
    fn exponent(self, t: Self::V) -> Self::V {
        // SAFETY: `self` exists only where the processor has the instructions.
        both(|i| unsafe { vreinterpretq_f32_s32(vshlq_n_s32::<23>(vreinterpretq_s32_f32(t[i]))) })
    }
    #[inline(always)]
    fn decompose(self, x: Self::V) -> (Self::V, Self::V) {
        let exponent = |i: usize| {
            // SAFETY: `self` exists only where the processor has the instructions.
            unsafe {
                let from = vdupq_n_s32(super::SQRT_HALF_BITS);
                vshrq_n_s32::<23>(vsubq_s32(vreinterpretq_s32_f32(x[i]), from))
            }
        };
        let mantissa = both(|i| {
            // SAFETY: as above.
            unsafe {
                let raised = vshlq_n_s32::<23>(exponent(i));
                vreinterpretq_f32_s32(vsubq_s32(vreinterpretq_s32_f32(x[i]), raised))
            }
        });
        // SAFETY: as above.
        (mantissa, both(|i| unsafe { vcvtq_f32_s32(exponent(i)) }))
    }
}
