//! Vectors of `f32` on the instruction set that the processor has.
//!
//! Every kernel is written once, generic over [`Simd`], and compiled once per
//! instruction set by [`Isa::dispatch`]. AVX-512, AVX2 and NEON give the same bits:
//! all fuse multiply and add, divide exactly, and no kernel's order of summation
//! depends on the vector width. The portable fallback fuses only where the program
//! was compiled for processors that can ([`Isa::is_fused`]).

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use std::fmt;

/// A vector instruction set. A value of an implementing type is a proof that
/// the processor has the instructions, so the methods are safe to call.
///
/// `min` and `max` return the second operand where either is NaN, so that
/// `min(limit, x)` clamps and propagates NaN.
pub(crate) trait Simd: Copy {
    /// A vector of [`Simd::LANES`] floats.
    type V: Copy;
    /// Floats per vector; divides 16.
    const LANES: usize;
    /// Vectors that fit the registers.
    const REGISTERS: usize;
    /// Whether `fma` and `fnma` round once.
    const FUSED: bool;

    /// # Safety
    /// `p` must be valid for reads of `LANES` floats.
    unsafe fn load(self, p: *const f32) -> Self::V;
    /// # Safety
    /// `p` must be valid for writes of `LANES` floats.
    unsafe fn store(self, p: *mut f32, v: Self::V);
    /// Asks for the cache line at `p`, if the processor can be asked.
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    fn splat(self, x: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`.
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a < b ? x : y`, false where either is NaN.
    fn select_lt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// `2^n`, where the low bits of `t`'s representation hold `n + 127`.
    fn exponent(self, t: Self::V) -> Self::V;
    /// `m` in `[sqrt(1/2), sqrt(2))` and integral `e` with `x = m 2^e`, for
    /// positive normal `x`.
    fn decompose(self, x: Self::V) -> (Self::V, Self::V);
}

/// Work that is compiled once per instruction set. `run` and all it calls must
/// be `#[inline(always)]`: the instructions are available only inside of the
/// function that [`Isa::dispatch`] inlines it into.
pub(crate) trait Kernel {
    type Output;
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
    Portable(portable::Portable),
}

/// An instruction set that this processor has, chosen at run time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Level);

impl Isa {
    /// The instruction sets that this processor has, fastest first.
    pub fn available() -> impl Iterator<Item = Isa> {
        #[cfg(target_arch = "x86_64")]
        let native = [
            avx512::Avx512::detect().map(Level::Avx512),
            avx2::Avx2::detect().map(Level::Avx2),
        ];
        #[cfg(target_arch = "aarch64")]
        let native = [neon::Neon::detect().map(Level::Neon)];
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let native: [Option<Level>; 0] = [];
        native
            .into_iter()
            .flatten()
            .chain([Level::Portable(portable::Portable)])
            .map(Isa)
    }

    /// The fastest instruction set that this processor has.
    pub fn best() -> Isa {
        Isa::available()
            .next()
            .unwrap_or(Isa(Level::Portable(portable::Portable)))
    }

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => "neon",
            Level::Portable(_) => "portable",
        }
    }

    /// Whether a product and the sum that follows it are rounded once. All sets of
    /// which that is true compute the same bits, on whatever processor.
    pub fn is_fused(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => avx512::Avx512::FUSED,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => avx2::Avx2::FUSED,
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => neon::Neon::FUSED,
            Level::Portable(_) => portable::Portable::FUSED,
        }
    }

    /// Runs `kernel` with the instructions of this set.
    #[inline]
    pub(crate) fn dispatch<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(s) => s.dispatch(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(s) => s.dispatch(kernel),
            #[cfg(target_arch = "aarch64")]
            Level::Neon(s) => s.dispatch(kernel),
            Level::Portable(s) => kernel.run(s),
        }
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Representation of `sqrt(1/2)`, where the mantissa's range begins in
/// [`Simd::decompose`].
const SQRT_HALF_BITS: i32 = std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32;
