//! What follows a product, applied while its sums are in registers.

use super::Activation;
use super::real::{Real, Vector};

/// What becomes of a row's sums at `column`, `N` vectors of them.
pub(crate) trait Epilogue<R: Real> {
    fn finish<X: Vector<Real = R>, const N: usize>(
        &mut self,
        x: X,
        at: (usize, usize),
        z: [X::V; N],
    );
}

/// Writes the sums to rows of `stride` floats.
pub(crate) struct Store<'a, R> {
    pub(crate) out: &'a mut [R],
    pub(crate) stride: usize,
}

impl<R: Real> Epilogue<R> for Store<'_, R> {
    #[inline(always)]
    fn finish<X: Vector<Real = R>, const N: usize>(
        &mut self,
        x: X,
        (row, column): (usize, usize),
        z: [X::V; N],
    ) {
        let out = &mut self.out[row * self.stride + column..][..N * X::LANES];
        for v in 0..N {
            x.write(&mut out[v * X::LANES..], z[v]);
        }
    }
}

/// Writes the activations of the sums.
pub(crate) struct Activate<'a, R> {
    pub(crate) activation: Activation,
    pub(crate) store: Store<'a, R>,
}

impl<R: Real> Epilogue<R> for Activate<'_, R> {
    #[inline(always)]
    fn finish<X: Vector<Real = R>, const N: usize>(
        &mut self,
        x: X,
        at: (usize, usize),
        mut z: [X::V; N],
    ) {
        match self.activation {
            Activation::Tanh => z = x.tanh(z),
            Activation::Relu => {
                for v in 0..N {
                    // The zero first, so that NaN comes through.
                    z[v] = x.max(x.splat(R::ZERO), z[v]);
                }
            }
        }
        self.store.finish(x, at, z);
    }
}

/// Writes the sums times the activation's derivative, which is read off the
/// activated units `h`: `1 - h^2`, or 1 where `h > 0`.
pub(crate) struct Derive<'a, R> {
    pub(crate) activation: Activation,
    pub(crate) h: &'a [R],
    pub(crate) store: Store<'a, R>,
}

impl<R: Real> Epilogue<R> for Derive<'_, R> {
    #[inline(always)]
    fn finish<X: Vector<Real = R>, const N: usize>(
        &mut self,
        x: X,
        (row, column): (usize, usize),
        mut z: [X::V; N],
    ) {
        let h = &self.h[row * self.store.stride + column..][..N * X::LANES];
        for v in 0..N {
            let h = x.read(&h[v * X::LANES..]);
            z[v] = match self.activation {
                Activation::Tanh => x.mul(z[v], x.fnma(h, h, x.splat(R::ONE))),
                Activation::Relu => x.where_positive(h, z[v]),
            };
        }
        self.store.finish(x, (row, column), z);
    }
}

/// Takes a gradient with respect to units `h` and its tangent through the
/// activation. The sums are the tangent; `d` holds the gradient and is
/// overwritten. With `f'' = -2 h f'` for tanh and `Rh = f' Rz`,
/// `R(d f') = Rd f' + d f'' Rz = Rd f' - 2 d h Rh`.
pub(crate) struct DeriveTwice<'a, R> {
    pub(crate) activation: Activation,
    pub(crate) h: &'a [R],
    pub(crate) h_tangent: &'a [R],
    pub(crate) d: &'a mut [R],
    pub(crate) store: Store<'a, R>,
}

impl<R: Real> Epilogue<R> for DeriveTwice<'_, R> {
    #[inline(always)]
    fn finish<X: Vector<Real = R>, const N: usize>(
        &mut self,
        x: X,
        (row, column): (usize, usize),
        mut z: [X::V; N],
    ) {
        let at = row * self.store.stride + column;
        let h = &self.h[at..][..N * X::LANES];
        let h_tangent = &self.h_tangent[at..][..N * X::LANES];
        let d = &mut self.d[at..][..N * X::LANES];
        for v in 0..N {
            let lane = v * X::LANES;
            let h = x.read(&h[lane..]);
            let gradient = x.read(&d[lane..]);
            let (first, second) = match self.activation {
                Activation::Tanh => {
                    let slope = x.fnma(h, h, x.splat(R::ONE));
                    let bend = x.mul(x.mul(gradient, h), x.read(&h_tangent[lane..]));
                    let bend = x.add(bend, bend);
                    (x.mul(gradient, slope), x.sub(x.mul(z[v], slope), bend))
                }
                Activation::Relu => (x.where_positive(h, gradient), x.where_positive(h, z[v])),
            };
            x.write(&mut d[lane..], first);
            z[v] = second;
        }
        self.store.finish(x, (row, column), z);
    }
}

/// As [`DeriveTwice`] for the tangent alone, where it is known what the second
/// derivative makes of the gradient: the sums times the activation's derivative,
/// plus `bend` times `h_tangent`.
pub(crate) struct Bend<'a, R> {
    pub(crate) activation: Activation,
    pub(crate) h: &'a [R],
    pub(crate) h_tangent: &'a [R],
    pub(crate) bend: &'a [R],
    pub(crate) store: Store<'a, R>,
}

impl<R: Real> Epilogue<R> for Bend<'_, R> {
    #[inline(always)]
    fn finish<X: Vector<Real = R>, const N: usize>(
        &mut self,
        x: X,
        (row, column): (usize, usize),
        mut z: [X::V; N],
    ) {
        let at = row * self.store.stride + column;
        let h = &self.h[at..][..N * X::LANES];
        let h_tangent = &self.h_tangent[at..][..N * X::LANES];
        let bend = &self.bend[at..][..N * X::LANES];
        for v in 0..N {
            let lane = v * X::LANES;
            let h = x.read(&h[lane..]);
            z[v] = match self.activation {
                Activation::Tanh => {
                    let slope = x.fnma(h, h, x.splat(R::ONE));
                    let bent = x.mul(x.read(&bend[lane..]), x.read(&h_tangent[lane..]));
                    x.fma(z[v], slope, bent)
                }
                Activation::Relu => x.where_positive(h, z[v]),
            };
        }
        self.store.finish(x, (row, column), z);
    }
}
