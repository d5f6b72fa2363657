//! What follows the products: elementwise work on rows of a block.

use crate::mlp::{Real, Vector, Work};

/// `ln max(|x|, e^-p) / p` and `clamp(e^p x, -1, 1)`.
pub(super) struct Preprocess<'a, R> {
    pub(super) range: f64,
    pub(super) from: &'a [R],
    pub(super) logs: &'a mut [R],
    pub(super) shares: &'a mut [R],
}

impl<R: Real> Work<R> for Preprocess<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, v: X) {
        let limit = v.splat(R::from_f64((-self.range).exp()));
        let steep = v.splat(R::from_f64(self.range.exp()));
        let inverse = v.splat(R::from_f64(1.0 / self.range));
        let zero = v.splat(R::ZERO);
        let from = self.from.chunks_exact(X::LANES);
        let logs = self.logs.chunks_exact_mut(X::LANES);
        let shares = self.shares.chunks_exact_mut(X::LANES);
        for (from, (log, share)) in from.zip(logs.zip(shares)) {
            let g = v.read(from);
            // The limits first, so that NaN comes through.
            let size = v.max(v.sub(zero, g), g);
            v.write(log, v.mul(v.ln(v.max(limit, size)), inverse));
            let scaled = v.mul(steep, g);
            let above = v.max(v.splat(-R::ONE), scaled);
            let below = v.max(v.splat(-R::ONE), v.sub(zero, above));
            v.write(share, v.sub(zero, below));
        }
    }
}

/// Sigmoids, of a multiple of 16 numbers.
pub(super) struct Sigmoids<'a, R> {
    pub(super) from: &'a [R],
    pub(super) to: &'a mut [R],
}

impl<R: Real> Work<R> for Sigmoids<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, v: X) {
        let from = self.from.chunks_exact(X::LANES);
        for (from, to) in from.zip(self.to.chunks_exact_mut(X::LANES)) {
            let [y] = v.sigmoid([v.read(from)]);
            v.write(to, y);
        }
    }
}

/// The gates i, f, g and o of a vector of units, from what enters them.
#[inline(always)]
fn activate<R: Real, X: Vector<Real = R>>(v: X, units: &[R], width: usize) -> [X::V; 4] {
    let read = |group: usize| v.read(&units[group * width..]);
    let [i, f, o] = v.sigmoid([read(0), read(1), read(3)]);
    let [g] = v.tanh([read(2)]);
    [i, f, g, o]
}

/// c and h of rows, from what enters their units.
pub(super) struct Cell<'a, R> {
    pub(super) width: usize,
    pub(super) units: &'a [R],      // [rows][4][width]
    pub(super) before: &'a [R],     // [rows][width], c before
    pub(super) cell: &'a mut [R],   // [rows][width]
    pub(super) hidden: &'a mut [R], // [rows][width]
}

impl<R: Real> Work<R> for Cell<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, v: X) {
        let rows = self.units.chunks_exact(4 * self.width).enumerate();
        for (row, units) in rows {
            for unit in (0..self.width).step_by(X::LANES) {
                let at = row * self.width + unit;
                let [i, f, g, o] = activate(v, &units[unit..], self.width);
                let c = v.fma(f, v.read(&self.before[at..]), v.mul(i, g));
                let [squashed] = v.tanh([c]);
                v.write(&mut self.cell[at..], c);
                v.write(&mut self.hidden[at..], v.mul(o, squashed));
            }
        }
    }
}

/// From derivatives of c and h to those of what entered the units, which take its
/// place, and of c before.
pub(super) struct CellBack<'a, R> {
    pub(super) width: usize,
    pub(super) units: &'a mut [R],        // [rows][4][width]
    pub(super) direct: &'a [R],           // [rows][width], of h, of the logits
    pub(super) cells: (&'a [R], &'a [R]), // [rows][width], c before and c
    pub(super) hidden: &'a [R],           // [rows][width], of h
    pub(super) cell: &'a mut [R],         // [rows][width], of c, then of c before
}

impl<R: Real> Work<R> for CellBack<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, v: X) {
        let one = v.splat(R::ONE);
        let rows = self.units.chunks_exact_mut(4 * self.width).enumerate();
        for (row, units) in rows {
            for unit in (0..self.width).step_by(X::LANES) {
                let at = row * self.width + unit;
                let [i, f, g, o] = activate(v, &units[unit..], self.width);
                let [squashed] = v.tanh([v.read(&self.cells.1[at..])]);
                let before = v.read(&self.cells.0[at..]);
                let h = v.add(v.read(&self.direct[at..]), v.read(&self.hidden[at..]));
                let slope = v.fnma(squashed, squashed, one);
                let c = v.fma(v.mul(h, o), slope, v.read(&self.cell[at..]));
                let through = |y, d| v.mul(v.mul(y, v.sub(one, y)), d);
                let entered = [
                    through(i, v.mul(c, g)),
                    through(f, v.mul(c, before)),
                    v.mul(v.fnma(g, g, one), v.mul(c, i)),
                    through(o, v.mul(h, squashed)),
                ];
                for (group, d) in entered.into_iter().enumerate() {
                    v.write(&mut units[group * self.width + unit..], d);
                }
                v.write(&mut self.cell[at..], v.mul(c, f));
            }
        }
    }
}

/// From derivatives of what enters the units and of c before, along a direction, to
/// those of c and h.
pub(super) struct CellTangent<'a, R> {
    pub(super) width: usize,
    pub(super) units: &'a [R],            // [rows][4][width]
    pub(super) moved: &'a [R],            // [rows][4][width]
    pub(super) cells: (&'a [R], &'a [R]), // [rows][width], c before and c
    pub(super) cell: &'a mut [R],         // [rows][width], of c before, then of c
    pub(super) hidden: &'a mut [R],       // [rows][width], of h
}

impl<R: Real> Work<R> for CellTangent<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, v: X) {
        let one = v.splat(R::ONE);
        let moved = self.moved.chunks_exact(4 * self.width);
        let rows = self.units.chunks_exact(4 * self.width).zip(moved);
        for (row, (units, moved)) in rows.enumerate() {
            for unit in (0..self.width).step_by(X::LANES) {
                let at = row * self.width + unit;
                let [i, f, g, o] = activate(v, &units[unit..], self.width);
                let [squashed] = v.tanh([v.read(&self.cells.1[at..])]);
                let before = v.read(&self.cells.0[at..]);
                let enters = |group: usize| v.read(&moved[group * self.width + unit..]);
                let through = |y, d| v.mul(v.mul(y, v.sub(one, y)), d);
                let di = through(i, enters(0));
                let df = through(f, enters(1));
                let dg = v.mul(v.fnma(g, g, one), enters(2));
                let dk = through(o, enters(3));
                let kept = v.fma(df, before, v.mul(f, v.read(&self.cell[at..])));
                let c = v.add(kept, v.fma(di, g, v.mul(i, dg)));
                let slope = v.mul(o, v.fnma(squashed, squashed, one));
                v.write(&mut self.cell[at..], c);
                v.write(&mut self.hidden[at..], v.fma(dk, squashed, v.mul(slope, c)));
            }
        }
    }
}
