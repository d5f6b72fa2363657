//! The two kinds of floats, and vectors of them.

use crate::math::{exp_nonpositive_v, ln_v, sigmoid_v, tanh_v};
use crate::simd::{Isa, Kernel, Simd};
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// `f32`, which the kernels are made for, or `f64`, for exact audits and tests:
/// the same code, several times slower, with the standard library's functions.
/// No other type implements it.
pub trait Real:
    private::Elem
    + Copy
    + Default
    + Debug
    + Display
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
    + Send
    + Sync
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
    #[inline(always)]
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    #[inline(always)]
    fn from_f64(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
}

mod private {
    use super::Work;
    use crate::simd::Isa;

    /// What only this crate can implement and call.
    pub trait Elem: Sized {
        /// Runs `work` with the instructions of `isa`.
        #[allow(private_bounds)]
        fn dispatch(isa: Isa, work: impl Work<Self>);
    }
}

/// Vectors of floats of one type on one instruction set. The methods are safe
/// because a value of an implementing type contains a [`Simd`].
pub(crate) trait Vector: Copy {
    /// The floats.
    type Real: Real;
    /// A vector of [`Vector::LANES`] floats.
    type V: Copy;
    /// Floats per vector, 8 or 16.
    const LANES: usize;
    /// Vectors that fit the registers.
    const REGISTERS: usize;

    /// # Safety
    /// `p` must be valid for reads of `LANES` floats.
    unsafe fn load(self, p: *const Self::Real) -> Self::V;
    /// # Safety
    /// `p` must be valid for writes of `LANES` floats.
    unsafe fn store(self, p: *mut Self::Real, v: Self::V);
    /// `x` in every lane.
    fn splat(self, x: Self::Real) -> Self::V;
    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// The larger, `b` where either is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`.
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a > 0 ? x : 0`.
    fn where_positive(self, a: Self::V, x: Self::V) -> Self::V;
    /// Hyperbolic tangents, side by side.
    fn tanh<const N: usize>(self, x: [Self::V; N]) -> [Self::V; N];
    /// `1 / (1 + e^-x)`, side by side; exactly 1 where `x` is large.
    fn sigmoid<const N: usize>(self, x: [Self::V; N]) -> [Self::V; N];
    /// `e^x` for `x <= 0`.
    fn exp_nonpositive(self, x: Self::V) -> Self::V;
    /// Natural logarithm of positive normal numbers.
    fn ln(self, x: Self::V) -> Self::V;
    /// Asks for numbers that will be read soon, if the processor can be asked.
    fn prefetch(self, from: &[Self::Real]);

    /// The vector at the start of `from`.
    #[inline(always)]
    fn read(self, from: &[Self::Real]) -> Self::V {
        assert!(from.len() >= Self::LANES);
        // SAFETY: there are LANES floats.
        unsafe { self.load(from.as_ptr()) }
    }
    /// Overwrites the vector at the start of `to`.
    #[inline(always)]
    fn write(self, to: &mut [Self::Real], v: Self::V) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: there are LANES floats.
        unsafe { self.store(to.as_mut_ptr(), v) }
    }
}

/// Vectors of `f32`: those of the instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Single<S>(pub(crate) S);

impl<S: Simd> Vector for Single<S> {
    type Real = f32;
    type V = S::V;
    const LANES: usize = S::LANES;
    const REGISTERS: usize = S::REGISTERS;

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> S::V {
        // SAFETY: the caller's contract is the same.
        unsafe { self.0.load(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: S::V) {
        // SAFETY: the caller's contract is the same.
        unsafe { self.0.store(p, v) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> S::V {
        self.0.splat(x)
    }
    #[inline(always)]
    fn add(self, a: S::V, b: S::V) -> S::V {
        self.0.add(a, b)
    }
    #[inline(always)]
    fn sub(self, a: S::V, b: S::V) -> S::V {
        self.0.sub(a, b)
    }
    #[inline(always)]
    fn mul(self, a: S::V, b: S::V) -> S::V {
        self.0.mul(a, b)
    }
    #[inline(always)]
    fn div(self, a: S::V, b: S::V) -> S::V {
        self.0.div(a, b)
    }
    #[inline(always)]
    fn max(self, a: S::V, b: S::V) -> S::V {
        self.0.max(a, b)
    }
    #[inline(always)]
    fn fma(self, a: S::V, b: S::V, c: S::V) -> S::V {
        self.0.fma(a, b, c)
    }
    #[inline(always)]
    fn fnma(self, a: S::V, b: S::V, c: S::V) -> S::V {
        self.0.fnma(a, b, c)
    }
    #[inline(always)]
    fn where_positive(self, a: S::V, x: S::V) -> S::V {
        let zero = self.0.splat(0.0);
        self.0.select_lt(zero, a, x, zero)
    }
    #[inline(always)]
    fn tanh<const N: usize>(self, x: [S::V; N]) -> [S::V; N] {
        tanh_v(self.0, x)
    }
    #[inline(always)]
    fn sigmoid<const N: usize>(self, x: [S::V; N]) -> [S::V; N] {
        sigmoid_v(self.0, x)
    }
    #[inline(always)]
    fn exp_nonpositive(self, x: S::V) -> S::V {
        exp_nonpositive_v(self.0, x)
    }
    #[inline(always)]
    fn ln(self, x: S::V) -> S::V {
        ln_v(self.0, x)
    }
    #[inline(always)]
    fn prefetch(self, from: &[f32]) {
        // A cache line is 16 floats.
        for line in from.chunks(16) {
            self.0.prefetch(line.as_ptr());
        }
    }
}

/// Vectors of `f64`: arrays, left to the compiler's auto-vectorization with the
/// instructions of the set.
#[derive(Clone, Copy)]
pub(crate) struct Double<S>(PhantomData<S>);

const DOUBLES: usize = 8;

#[inline(always)]
fn map(f: impl Fn(usize) -> f64) -> [f64; DOUBLES] {
    let mut out = [0.0; DOUBLES];
    for (i, x) in out.iter_mut().enumerate() {
        *x = f(i);
    }
    out
}

impl<S: Simd> Vector for Double<S> {
    type Real = f64;
    type V = [f64; DOUBLES];
    const LANES: usize = DOUBLES;
    // Small tiles: the compiler unrolls no larger ones, and keeps an array in
    // registers only where all loops over it are unrolled.
    const REGISTERS: usize = 8;

    #[inline(always)]
    unsafe fn load(self, p: *const f64) -> Self::V {
        // SAFETY: valid for LANES reads by the caller's contract; an array of
        // floats has the alignment of a float.
        unsafe { p.cast::<Self::V>().read() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f64, v: Self::V) {
        // SAFETY: valid for LANES writes by the caller's contract.
        unsafe { p.cast::<Self::V>().write(v) }
    }
    #[inline(always)]
    fn splat(self, x: f64) -> Self::V {
        [x; DOUBLES]
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
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        map(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Without the instruction a fused product is a slow library call.
        if S::FUSED {
            map(|i| a[i].mul_add(b[i], c[i]))
        } else {
            map(|i| a[i] * b[i] + c[i])
        }
    }
    #[inline(always)]
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        self.fma(map(|i| -a[i]), b, c)
    }
    #[inline(always)]
    fn where_positive(self, a: Self::V, x: Self::V) -> Self::V {
        map(|i| if a[i] > 0.0 { x[i] } else { 0.0 })
    }
    #[inline(always)]
    fn tanh<const N: usize>(self, x: [Self::V; N]) -> [Self::V; N] {
        x.map(|v| v.map(f64::tanh))
    }
    #[inline(always)]
    fn sigmoid<const N: usize>(self, x: [Self::V; N]) -> [Self::V; N] {
        x.map(|v| v.map(|x| 1.0 / (1.0 + (-x).exp())))
    }
    #[inline(always)]
    fn exp_nonpositive(self, x: Self::V) -> Self::V {
        x.map(f64::exp)
    }
    #[inline(always)]
    fn ln(self, x: Self::V) -> Self::V {
        x.map(f64::ln)
    }
    // Audits and tests can wait.
    #[inline(always)]
    fn prefetch(self, _: &[f64]) {}
}

/// Work on vectors of `R`, compiled once per instruction set; `run` and all it
/// calls must be `#[inline(always)]`, as in [`Kernel`].
pub(crate) trait Work<R> {
    fn run<X: Vector<Real = R>>(self, x: X);
}

macro_rules! elem {
    ($real:ty, |$s:ident| $make:expr) => {
        impl private::Elem for $real {
            #[allow(private_bounds)]
            fn dispatch(isa: Isa, work: impl Work<$real>) {
                struct Adapter<W>(W);
                impl<W: Work<$real>> Kernel for Adapter<W> {
                    type Output = ();
                    #[inline(always)]
                    fn run<S: Simd>(self, $s: S) {
                        self.0.run($make);
                    }
                }
                isa.dispatch(Adapter(work));
            }
        }
    };
}

elem!(f32, |s| Single(s));
elem!(f64, |_s| Double(PhantomData::<S>));
