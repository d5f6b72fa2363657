//! One small network applied to many numbers side by side: what a coordinate-wise
//! learned optimizer is made of, in `f32` for speed or `f64` for tests ([`Real`]).
//!
//! Activations are `[rows][lanes]`, a lane for each coordinate and a multiple of
//! [`PAD`] of them, so that a vector holds lanes and every weight is shared by all. A
//! lane's results do not depend on the others or on where it is; sums over lanes run in
//! a fixed order that is the same on every vector width.

use crate::mlp::{Real, Vector, Work};
use crate::simd::Isa;

/// Lanes come in multiples of this.
pub const PAD: usize = 16;

/// So many lanes, padded.
pub const fn padded(lanes: usize) -> usize {
    lanes.div_ceil(PAD) * PAD
}

/// A weight matrix within a row-major buffer.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a, F> {
    /// From its first element on.
    pub data: &'a [F],
    /// Its rows, outputs of the forward direction.
    pub outputs: usize,
    /// Its columns.
    pub inputs: usize,
    /// Numbers from one row to the next.
    pub stride: usize,
}

impl<F> Weights<'_, F> {
    fn check(&self) {
        let last = (self.outputs - 1) * self.stride + self.inputs;
        assert!(self.outputs > 0 && self.data.len() >= last && self.stride >= self.inputs);
    }
}

/// `out[j] = bias[j] + Σₖ W[j][k] x[k]` in every lane; without a bias the sum is added
/// to `out`. The rows `x` come one after the other from two places, of which the second
/// may be empty.
///
/// # Panics
/// If a slice has the wrong length.
pub fn affine<F: Real>(
    isa: Isa,
    weights: Weights<'_, F>,
    bias: Option<&[F]>,
    x: [&[F]; 2],
    out: &mut [F],
) {
    weights.check();
    let lanes = out.len() / weights.outputs;
    assert!(lanes.is_multiple_of(PAD) && out.len() == weights.outputs * lanes);
    assert!(x.iter().all(|x| x.len().is_multiple_of(lanes)));
    assert_eq!(x[0].len() + x[1].len(), weights.inputs * lanes);
    assert!(bias.is_none_or(|bias| bias.len() == weights.outputs));
    let of = Products {
        weights: weights.data,
        stride: weights.stride,
        rows: weights.outputs,
        bias,
        x,
        out,
    };
    F::dispatch(isa, Straight(of));
}

/// `dx[k] += Σⱼ W[j][k] dz[j]` in every lane.
///
/// # Panics
/// If a slice has the wrong length.
pub fn affine_inputs<F: Real>(isa: Isa, weights: Weights<'_, F>, dz: &[F], dx: &mut [F]) {
    weights.check();
    let lanes = dz.len() / weights.outputs;
    assert!(lanes.is_multiple_of(PAD) && dz.len() == weights.outputs * lanes);
    assert_eq!(dx.len(), weights.inputs * lanes);
    let of = Products {
        weights: weights.data,
        stride: weights.stride,
        rows: weights.inputs,
        bias: None,
        x: [dz, &[]],
        out: dx,
    };
    F::dispatch(isa, Transposed(of));
}

/// Matrix times lanes: `out[i] (+)= Σₖ w[i][k] x[k]`.
struct Products<'a, F> {
    weights: &'a [F],
    stride: usize,
    /// Of `out`.
    rows: usize,
    bias: Option<&'a [F]>,
    x: [&'a [F]; 2],
    out: &'a mut [F],
}

/// With weights that are stored by rows of `out`.
struct Straight<'a, F>(Products<'a, F>);

/// With weights that are stored by rows of `x`.
struct Transposed<'a, F>(Products<'a, F>);

impl<F: Real> Work<F> for Straight<'_, F> {
    #[inline(always)]
    fn run<X: Vector<Real = F>>(self, x: X) {
        self.0.all::<X, false>(x);
    }
}

impl<F: Real> Work<F> for Transposed<'_, F> {
    #[inline(always)]
    fn run<X: Vector<Real = F>>(self, x: X) {
        self.0.all::<X, true>(x);
    }
}

impl<F: Real> Products<'_, F> {
    #[inline(always)]
    fn all<X: Vector<Real = F>, const TRANSPOSED: bool>(mut self, x: X) {
        let lanes = self.out.len() / self.rows;
        let mut lane = 0;
        while lane < lanes {
            let two = lane + 2 * X::LANES <= lanes;
            let mut row = 0;
            while row < self.rows {
                let at = (row, lane, lanes);
                row += match (two, self.rows - row) {
                    (true, 10..) if X::REGISTERS >= 32 => self.block::<X, 10, 2, TRANSPOSED>(x, at),
                    (true, 4..) => self.block::<X, 4, 2, TRANSPOSED>(x, at),
                    (false, 4..) => self.block::<X, 4, 1, TRANSPOSED>(x, at),
                    (true, _) => self.block::<X, 1, 2, TRANSPOSED>(x, at),
                    (false, _) => self.block::<X, 1, 1, TRANSPOSED>(x, at),
                };
            }
            lane += if two { 2 } else { 1 } * X::LANES;
        }
    }

    /// `R` rows of `N` vectors of lanes; returns `R`.
    #[inline(always)]
    fn block<X: Vector<Real = F>, const R: usize, const N: usize, const TRANSPOSED: bool>(
        &mut self,
        x: X,
        (row, lane, lanes): (usize, usize, usize),
    ) -> usize {
        let mut sums = [[x.splat(F::ZERO); N]; R];
        for r in 0..R {
            for n in 0..N {
                let at = (row + r) * lanes + lane + n * X::LANES;
                sums[r][n] = match self.bias {
                    Some(bias) => x.splat(bias[row + r]),
                    None => x.read(&self.out[at..]),
                };
            }
        }
        let mut first = 0;
        for part in self.x {
            let count = part.len() / lanes;
            let straight: [&[F]; R] = std::array::from_fn(|r| match TRANSPOSED {
                true => &self.weights[..0],
                false => &self.weights[(row + r) * self.stride + first..][..count],
            });
            for k in 0..count {
                let mut vectors = [x.splat(F::ZERO); N];
                for n in 0..N {
                    vectors[n] = x.read(&part[k * lanes + lane + n * X::LANES..]);
                }
                let transposed = match TRANSPOSED {
                    true => &self.weights[(first + k) * self.stride + row..][..R],
                    false => &self.weights[..0],
                };
                for r in 0..R {
                    let weight = match TRANSPOSED {
                        true => transposed[r],
                        false => straight[r][k],
                    };
                    let weight = x.splat(weight);
                    for n in 0..N {
                        sums[r][n] = x.fma(weight, vectors[n], sums[r][n]);
                    }
                }
            }
            first += count;
        }
        for r in 0..R {
            for n in 0..N {
                let at = (row + r) * lanes + lane + n * X::LANES;
                x.write(&mut self.out[at..], sums[r][n]);
            }
        }
        R
    }
}

/// Two recordings of rows, of as many steps and lanes; see [`affine_weights`].
#[derive(Clone, Copy, Debug)]
pub struct Recording<'a, F> {
    /// `[steps][rows][lanes]`
    pub data: &'a [F],
    /// Rows of a step.
    pub rows: usize,
}

/// `dW[j][k] += Σ dz[t][j] x[t][k]` over steps and lanes, and `db[j] += Σ dz[t][j]`:
/// the gradient of [`affine`] over a whole recording. Row `j` of `dW` begins `stride`
/// numbers after the one before. Padding lanes of `dz` must be 0.
///
/// # Panics
/// If a slice has the wrong length.
pub fn affine_weights<F: Real>(
    isa: Isa,
    lanes: usize,
    (dz, x): (Recording<'_, F>, Recording<'_, F>),
    (weights, stride): (&mut [F], usize),
    bias: Option<&mut [F]>,
) {
    assert!(lanes.is_multiple_of(PAD) && lanes > 0);
    let steps = dz.data.len() / (dz.rows * lanes);
    assert_eq!(dz.data.len(), steps * dz.rows * lanes);
    assert_eq!(x.data.len(), steps * x.rows * lanes);
    assert!(weights.len() >= (dz.rows - 1) * stride + x.rows);
    if let Some(bias) = bias {
        assert_eq!(bias.len(), dz.rows);
        F::dispatch(isa, Sums { lanes, dz, bias });
    }
    F::dispatch(
        isa,
        Outer {
            lanes,
            dz,
            x,
            weights,
            stride,
        },
    );
}

/// The sum of whole blocks of [`PAD`], in a fixed order.
fn sum_of<F: Real>(row: &[F]) -> F {
    let mut sums = [F::ZERO; PAD];
    for block in row.chunks_exact(PAD) {
        for (sum, x) in sums.iter_mut().zip(block) {
            *sum += *x;
        }
    }
    sums.into_iter().sum()
}

/// Adds the sum of every row over steps and lanes.
struct Sums<'a, F> {
    lanes: usize,
    dz: Recording<'a, F>,
    bias: &'a mut [F],
}

impl<F: Real> Work<F> for Sums<'_, F> {
    #[inline(always)]
    fn run<X: Vector<Real = F>>(self, v: X) {
        let rows = self.dz.rows;
        for (row, bias) in self.bias.iter_mut().enumerate() {
            // As many vectors as PAD lanes take, so that sums are the same for any width.
            let mut sums = [v.splat(F::ZERO); 2];
            for step in self.dz.data.chunks_exact(rows * self.lanes) {
                let own = &step[row * self.lanes..(row + 1) * self.lanes];
                for block in own.chunks_exact(PAD) {
                    for part in 0..PAD / X::LANES {
                        sums[part] = v.add(sums[part], v.read(&block[part * X::LANES..]));
                    }
                }
            }
            let mut all = [F::ZERO; PAD];
            for part in 0..PAD / X::LANES {
                v.write(&mut all[part * X::LANES..], sums[part]);
            }
            *bias += sum_of(&all);
        }
    }
}

struct Outer<'a, F> {
    lanes: usize,
    dz: Recording<'a, F>,
    x: Recording<'a, F>,
    weights: &'a mut [F],
    stride: usize,
}

impl<F: Real> Work<F> for Outer<'_, F> {
    #[inline(always)]
    fn run<X: Vector<Real = F>>(mut self, x: X) {
        let mut j = 0;
        while j < self.dz.rows {
            let rows = match self.dz.rows - j {
                4.. if X::REGISTERS >= 32 => 4,
                2.. => 2,
                _ => 1,
            };
            let mut k = 0;
            while k < self.x.rows {
                k += match (rows, self.x.rows - k) {
                    (4, 5..) => self.block::<X, 4, 5>(x, j, k),
                    (4, 2..) => self.block::<X, 4, 2>(x, j, k),
                    (4, _) => self.block::<X, 4, 1>(x, j, k),
                    (2, 4..) => self.block::<X, 2, 4>(x, j, k),
                    (2, _) => self.block::<X, 2, 1>(x, j, k),
                    (_, _) => self.block::<X, 1, 1>(x, j, k),
                };
            }
            j += rows;
        }
    }
}

impl<F: Real> Outer<'_, F> {
    /// The gradients of `J` rows and `K` columns; returns `K`.
    #[inline(always)]
    fn block<X: Vector<Real = F>, const J: usize, const K: usize>(
        &mut self,
        v: X,
        j: usize,
        k: usize,
    ) -> usize {
        // As many vectors as PAD lanes take, so that sums are the same for any width.
        let mut sums = [[[v.splat(F::ZERO); 2]; K]; J];
        let (lanes, rows) = (self.lanes, [self.dz.rows, self.x.rows]);
        let steps = self.dz.data.len() / (rows[0] * lanes);
        for t in 0..steps {
            let dz: [&[F]; J] =
                std::array::from_fn(|r| &self.dz.data[(t * rows[0] + j + r) * lanes..][..lanes]);
            let x: [&[F]; K] =
                std::array::from_fn(|c| &self.x.data[(t * rows[1] + k + c) * lanes..][..lanes]);
            for lane in (0..lanes).step_by(PAD) {
                for part in 0..PAD / X::LANES {
                    let at = lane + part * X::LANES;
                    let mut columns = [v.splat(F::ZERO); K];
                    for c in 0..K {
                        columns[c] = v.read(&x[c][at..]);
                    }
                    for r in 0..J {
                        let row = v.read(&dz[r][at..]);
                        for c in 0..K {
                            sums[r][c][part] = v.fma(row, columns[c], sums[r][c][part]);
                        }
                    }
                }
            }
        }
        for r in 0..J {
            for c in 0..K {
                let mut all = [F::ZERO; PAD];
                for part in 0..PAD / X::LANES {
                    v.write(&mut all[part * X::LANES..], sums[r][c][part]);
                }
                self.weights[(j + r) * self.stride + k + c] += sum_of(&all);
            }
        }
        K
    }
}

/// One step of LSTM cells (Hochreiter and Schmidhuber 1997; gates in the order input,
/// forget, candidate, output), in place: from pre-activations to gates
/// `[4 × hidden][lanes]`, from the cells before to the cells after, and the output
/// `hidden = o tanh(c)`, `[hidden][lanes]`.
///
/// # Panics
/// If a slice has the wrong length.
pub fn lstm<F: Real>(isa: Isa, gates: &mut [F], cells: &mut [F], hidden: &mut [F]) {
    assert!(cells.len().is_multiple_of(PAD) && hidden.len() == cells.len());
    assert_eq!(gates.len(), 4 * cells.len());
    F::dispatch(
        isa,
        Forward {
            gates,
            cells,
            hidden,
        },
    );
}

#[inline(always)]
fn sigmoid<X: Vector<Real: Real>>(v: X, x: X::V) -> X::V {
    let half = v.splat(X::Real::from_f64(0.5));
    let [y] = v.tanh([v.mul(x, half)]);
    v.fma(y, half, half)
}

struct Forward<'a, F> {
    gates: &'a mut [F],
    cells: &'a mut [F],
    hidden: &'a mut [F],
}

impl<F: Real> Work<F> for Forward<'_, F> {
    #[inline(always)]
    fn run<X: Vector<Real = F>>(self, v: X) {
        let size = self.cells.len();
        let (i, rest) = self.gates.split_at_mut(size);
        let (f, rest) = rest.split_at_mut(size);
        let (g, o) = rest.split_at_mut(size);
        for at in (0..size).step_by(X::LANES) {
            let half = v.splat(F::from_f64(0.5));
            let halved = |gate: &[F]| v.mul(v.read(&gate[at..]), half);
            let squashed = v.tanh([halved(i), halved(f), v.read(&g[at..]), halved(o)]);
            let [gi, gf, gg, go] = squashed;
            let [gi, gf, go] = [gi, gf, go].map(|y| v.fma(y, half, half));
            let cell = v.fma(gf, v.read(&self.cells[at..]), v.mul(gi, gg));
            let [squashed] = v.tanh([cell]);
            v.write(&mut i[at..], gi);
            v.write(&mut f[at..], gf);
            v.write(&mut g[at..], gg);
            v.write(&mut o[at..], go);
            v.write(&mut self.cells[at..], cell);
            v.write(&mut self.hidden[at..], v.mul(go, squashed));
        }
    }
}

/// What [`lstm_backward`] reads of a step: its gates, and the cells before and after.
#[derive(Clone, Copy, Debug)]
pub struct LstmStep<'a, F> {
    /// `[4 × hidden][lanes]`
    pub gates: &'a [F],
    /// `[hidden][lanes]`
    pub before: &'a [F],
    /// `[hidden][lanes]`
    pub after: &'a [F],
}

/// The gradient of [`lstm`]: from that of the output and of the cells after, to that of
/// the pre-activations, `dz`, and of the cells before, which takes the place of that of
/// the cells after.
///
/// # Panics
/// If a slice has the wrong length.
pub fn lstm_backward<F: Real>(
    isa: Isa,
    step: LstmStep<'_, F>,
    dh: &[F],
    dc: &mut [F],
    dz: &mut [F],
) {
    let size = dc.len();
    assert!(size.is_multiple_of(PAD) && dh.len() == size);
    assert!(step.before.len() == size && step.after.len() == size);
    assert!(step.gates.len() == 4 * size && dz.len() == 4 * size);
    F::dispatch(isa, Backward { step, dh, dc, dz });
}

struct Backward<'a, F> {
    step: LstmStep<'a, F>,
    dh: &'a [F],
    dc: &'a mut [F],
    dz: &'a mut [F],
}

impl<F: Real> Work<F> for Backward<'_, F> {
    #[inline(always)]
    fn run<X: Vector<Real = F>>(self, v: X) {
        let size = self.dc.len();
        let one = v.splat(F::ONE);
        // s (1 − s) d, the gradient through a sigmoid.
        let through = |s, d| v.mul(d, v.fnma(s, s, s));
        for at in (0..size).step_by(X::LANES) {
            let gate = |number: usize| v.read(&self.step.gates[number * size + at..]);
            let [i, f, g, o] = [gate(0), gate(1), gate(2), gate(3)];
            let [squashed] = v.tanh([v.read(&self.step.after[at..])]);
            let dh = v.read(&self.dh[at..]);
            let slope = v.fnma(squashed, squashed, one);
            let dc = v.fma(v.mul(dh, o), slope, v.read(&self.dc[at..]));
            let before = v.read(&self.step.before[at..]);
            let candidate = v.mul(v.mul(dc, i), v.fnma(g, g, one));
            v.write(&mut self.dz[at..], through(i, v.mul(dc, g)));
            v.write(&mut self.dz[size + at..], through(f, v.mul(dc, before)));
            v.write(&mut self.dz[2 * size + at..], candidate);
            v.write(
                &mut self.dz[3 * size + at..],
                through(o, v.mul(dh, squashed)),
            );
            v.write(&mut self.dc[at..], v.mul(dc, f));
        }
    }
}

/// Replaces every number by `1 / (1 + e^-x)`.
///
/// # Panics
/// If there is no whole number of blocks of [`PAD`].
pub fn sigmoids<F: Real>(isa: Isa, xs: &mut [F]) {
    struct All<'a, F>(&'a mut [F]);
    impl<F: Real> Work<F> for All<'_, F> {
        #[inline(always)]
        fn run<X: Vector<Real = F>>(self, v: X) {
            for block in self.0.chunks_exact_mut(X::LANES) {
                let y = sigmoid(v, v.read(block));
                v.write(block, y);
            }
        }
    }
    assert!(xs.len().is_multiple_of(PAD));
    F::dispatch(isa, All(xs));
}

/// The two inputs that Andrychowicz et al. 2016 (appendix A) make of a number `x` with
/// the scale `p`: (ln|x| / p, sign x) where |x| ≥ e^−p, else (−1, eᵖ x). NaN gives NaN, and
/// an infinity the logarithm NaN. `[2][lanes]`
///
/// # Panics
/// If a slice has the wrong length.
pub fn preprocess<F: Real>(isa: Isa, p: F, xs: &[F], out: &mut [F]) {
    struct All<'a, F>(F, &'a [F], &'a mut [F]);
    impl<F: Real> Work<F> for All<'_, F> {
        #[inline(always)]
        fn run<X: Vector<Real = F>>(self, v: X) {
            let Self(p, xs, out) = self;
            let (magnitudes, signs) = out.split_at_mut(xs.len());
            let (floor, scale) = edges(p);
            for at in (0..xs.len()).step_by(X::LANES) {
                let x = v.read(&xs[at..]);
                let (zero, least) = (v.splat(F::ZERO), v.splat(-F::ONE));
                // The limits first, so that NaN comes through.
                let size = v.max(v.sub(zero, x), x);
                // Smaller ones are as the smallest: ln e^−p / p = −1.
                let size = v.max(v.splat(floor), size);
                let log = v.div(v.ln(size), v.splat(p));
                v.write(&mut magnitudes[at..], v.max(least, log));
                // eᵖ x, cut off at ±1, is the sign of larger ones.
                let above = v.max(least, v.mul(x, v.splat(scale)));
                let below = v.max(least, v.sub(zero, above));
                v.write(&mut signs[at..], v.sub(zero, below));
            }
        }
    }
    assert!(xs.len().is_multiple_of(PAD) && out.len() == 2 * xs.len());
    F::dispatch(isa, All(p, xs, out));
}

/// e^−p and eᵖ.
fn edges<F: Real>(p: F) -> (F, F) {
    let scale = p.to_f64().exp();
    (F::from_f64(1.0 / scale), F::from_f64(scale))
}

/// `dx += ` the gradient of [`preprocess`].
///
/// # Panics
/// If a slice has the wrong length.
pub fn preprocess_backward<F: Real>(p: F, xs: &[F], dout: &[F], dx: &mut [F]) {
    assert!(dx.len() == xs.len() && dout.len() == 2 * xs.len());
    let (floor, scale) = edges(p);
    let (magnitudes, signs) = dout.split_at(xs.len());
    for lane in 0..xs.len() {
        let x = xs[lane];
        let size = if x < F::ZERO { -x } else { x };
        dx[lane] += match size >= floor {
            true => magnitudes[lane] / (p * x),
            false => signs[lane] * scale,
        };
    }
}
