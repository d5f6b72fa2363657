//! A small LSTM, the same one for all coordinates, that says for every parameter of a
//! learner how much of it a gradient step keeps and how much of its gradient the step
//! takes (Ravi and Larochelle 2017, section 3), differentiated once in both directions,
//! in `f32` for speed or `f64` for audits.
//!
//! Of a coordinate with parameter θ and gradient g, and of the loss L that all
//! coordinates share, step t computes
//!
//! ```text
//! x[t] = (pre(g), pre(L))       pre(x) = (ln max(|x|, e^-p) / p, clamp(e^p x, -1, 1))
//! a    = x[t] Wx + h[t-1] Wh + b                        in groups i, f, g, o
//! c[t] = sigmoid(f) c[t-1] + sigmoid(i) tanh(g),        h[t] = sigmoid(o) tanh(c[t])
//! k[t] = h[t] Vk + uk θ + rk k[t-1] + bk                of the forget gate
//! n[t] = h[t] Vn + un θ + rn n[t-1] + bn                of the input gate
//! ```
//!
//! with h, c, k and n 0 before the first step. The gates are sigmoid(k) and sigmoid(n);
//! what recurs are their logits, as in the authors' code. `pre` is that of Andrychowicz et
//! al. 2016, appendix A, written without its cases. What the gates do to parameters is
//! the caller's business.
//!
//! Blocks of coordinates go through all products together, as samples do in
//! [`mlp`](crate::mlp); the way back computes a step's activations again, so that only
//! h, c and the logits are kept of it. Sums run in a fixed order, and in `f32` AVX-512,
//! AVX2 and NEON give the same bits.
//!
//! # Panics
//! Every function panics where a slice has the wrong length.

mod cell;
mod packed;
mod work;

use crate::mlp::{ColumnSums, Factor, Matrix, Outer, PANEL, Product, ROWS, Real, Store, padded};
use crate::simd::Isa;
use cell::{Cell, CellBack, CellTangent, Preprocess, Sigmoids};
use std::ops::Range;

pub use work::{GatesWork, Memory, Moved};

/// Coordinates that go through all products together.
const BLOCK: usize = 64;
/// What the LSTM is told of a coordinate, and what its logits are told beside h: θ and
/// the logits before. Both padded to this.
const INPUTS: usize = 4;
/// Gates of an LSTM.
const GROUPS: usize = 4;

/// Sizes of the LSTM, and how its inputs are preprocessed; see the [module](self).
#[derive(Clone, Debug, PartialEq)]
pub struct Gates {
    hidden: usize,
    range: f64,
}

/// Name, shape and place of a parameter.
pub type Place = (&'static str, Vec<usize>, Range<usize>);

/// What a step is made of.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a, R> {
    /// The LSTM's own parameters. `[parameters]`
    pub own: &'a [R],
    /// g. `[coordinates]`
    pub gradient: &'a [R],
    /// θ. `[coordinates]`
    pub params: &'a [R],
    /// L.
    pub loss: R,
}

/// Where gradients are added.
#[derive(Debug)]
pub struct Sums<'a, R> {
    /// Of the LSTM's own parameters. `[parameters]`
    pub own: &'a mut [R],
    /// Of θ. `[coordinates]`
    pub params: &'a mut [R],
    /// Of g, through the LSTM's inputs; none to take these for constants.
    /// `[coordinates]`
    pub gradient: Option<&'a mut [R]>,
}

/// A direction in which what a step is told moves.
#[derive(Clone, Copy, Debug)]
pub struct Direction<'a, R> {
    /// Of the LSTM's own parameters. `[parameters]`
    pub own: &'a [R],
    /// Of θ. `[coordinates]`
    pub params: &'a [R],
    /// Of g, through the LSTM's inputs; none where these are constants.
    /// `[coordinates]`
    pub gradient: Option<&'a [R]>,
}

/// Blocks of coordinates, all but the last of them full.
fn blocks(coordinates: usize) -> impl Iterator<Item = Range<usize>> {
    let block = move |first: usize| first..(first + BLOCK).min(coordinates);
    (0..coordinates).step_by(BLOCK).map(block)
}

/// Rows of a block, padded.
fn rows(block: &Range<usize>) -> usize {
    block.len().next_multiple_of(ROWS)
}

/// Where the rows of a block are in a matrix of all coordinates.
fn places(block: &Range<usize>, width: usize) -> Range<usize> {
    block.start * width..(block.start + rows(block)) * width
}

impl Gates {
    /// An LSTM of `hidden` units, at least one, whose inputs are preprocessed with
    /// p = `range`, above 0.
    pub fn new(hidden: usize, range: f64) -> Self {
        assert!(hidden > 0 && range > 0.0, "{hidden} units, range {range}");
        Self { hidden, range }
    }

    /// Length of the LSTM's own parameters.
    pub fn parameters(&self) -> usize {
        self.layout().last().map_or(0, |place| place.2.end)
    }

    /// The LSTM's own parameters, in the order of the flat vector and without gaps:
    /// Wx, Wh and b, with units in groups i, f, g, o; V `[hidden][2]`, u and r `[2]`,
    /// of the forget gate and then the input gate; and the biases of both.
    pub fn layout(&self) -> Vec<Place> {
        let units = GROUPS * self.hidden;
        let shapes = [
            ("lstm.input", vec![INPUTS, units]),
            ("lstm.hidden", vec![self.hidden, units]),
            ("lstm.bias", vec![units]),
            ("gates.hidden", vec![self.hidden, 2]),
            ("gates.parameter", vec![2]),
            ("gates.before", vec![2]),
            ("gates.forget", vec![1]),
            ("gates.input", vec![1]),
        ];
        let mut at = 0;
        let place = |(name, shape): (_, Vec<usize>)| {
            let range = at..at + shape.iter().product::<usize>();
            at = range.end;
            (name, shape, range)
        };
        shapes.into_iter().map(place).collect()
    }

    /// Bytes that a memory of so many coordinates takes in `f32`; a [`Moved`] takes no
    /// more.
    pub fn memory_bytes(&self, coordinates: usize) -> f64 {
        let units = 2 * padded(self.hidden);
        4.0 * (coordinates + ROWS) as f64 * (units + 4) as f64
    }

    /// Bytes of a [`GatesWork`] in `f32`.
    pub fn work_bytes(&self) -> f64 {
        let width = padded(self.hidden);
        let units = GROUPS * width;
        let block = 2 * units + width + 2 * PANEL + 4 * INPUTS + 8;
        let weights = units * (INPUTS + PANEL + 1 + 2 * width) + 4 * PANEL * width;
        4.0 * (BLOCK * block + 3 * weights + self.parameters()) as f64
    }

    /// Makes a memory one of no step yet.
    pub fn begin<R: Real>(&self, coordinates: usize, memory: &mut Memory<R>) {
        let Memory {
            hidden,
            cell,
            logits,
            gates,
        } = memory;
        self.clear(coordinates, [hidden, cell]);
        for pairs in [logits, gates] {
            pairs.clear();
            pairs.resize((2 * coordinates).next_multiple_of(PANEL), R::ZERO);
        }
    }

    /// Makes derivatives 0.
    pub fn begin_moved<R: Real>(&self, coordinates: usize, moved: &mut Moved<R>) {
        let Moved {
            hidden,
            cell,
            logits,
        } = moved;
        self.clear(coordinates, [hidden, cell]);
        logits.clear();
        logits.resize(2 * coordinates, R::ZERO);
    }

    fn clear<R: Real>(&self, coordinates: usize, all: [&mut Vec<R>; 2]) {
        let size = coordinates.next_multiple_of(ROWS) * padded(self.hidden);
        for numbers in all {
            numbers.clear();
            numbers.resize(size, R::ZERO);
        }
    }

    /// A step of the LSTM from one memory to the next.
    pub fn step<R: Real>(
        &self,
        work: &mut GatesWork<R>,
        seen: Seen<'_, R>,
        (before, after): (&Memory<R>, &mut Memory<R>),
    ) {
        let count = self.check(seen, before);
        work.begin(self, seen.own);
        self.begin(count, after);
        let width = padded(self.hidden);
        for block in blocks(count) {
            self.tell(work, seen, before, &block);
            self.units(work, before, &block);
            let at = places(&block, width);
            let cell = Cell {
                width,
                units: &work.units[..rows(&block) * GROUPS * width],
                before: &before.cell[at.clone()],
                cell: &mut after.cell[at.clone()],
                hidden: &mut after.hidden[at.clone()],
            };
            R::dispatch(work.isa, cell);
            let terms = [
                self.hidden_factor(&after.hidden[at], &work.weights.heads),
                factor(&work.beside, INPUTS, &work.weights.beside, INPUTS),
            ];
            let start = &work.weights.head_bias;
            product(work.isa, &block, (PANEL, terms), start, &mut work.logits);
            let logits = work.logits.chunks_exact(PANEL);
            let to = after.logits[2 * block.start..2 * block.end].chunks_exact_mut(2);
            to.zip(logits)
                .for_each(|(to, from)| to.copy_from_slice(&from[..2]));
        }
        let sigmoids = Sigmoids {
            from: &after.logits,
            to: &mut after.gates,
        };
        R::dispatch(work.isa, sigmoids);
    }

    /// From derivatives with respect to what a step left behind, in `moved`, with those
    /// of the caller's own use of its logits among them, to derivatives with respect to
    /// what it began with; adds those of its parameters and of what it was told to
    /// `sums`.
    pub fn backward<R: Real>(
        &self,
        work: &mut GatesWork<R>,
        seen: Seen<'_, R>,
        (before, after): (&Memory<R>, &Memory<R>),
        moved: &mut Moved<R>,
        mut sums: Sums<'_, R>,
    ) {
        let count = self.check(seen, before);
        work.begin(self, seen.own);
        let width = padded(self.hidden);
        self.begin_sums(work);
        for block in blocks(count) {
            self.tell(work, seen, before, &block);
            self.units(work, before, &block);
            let at = places(&block, width);
            let pairs = 2 * block.start..2 * block.end;
            work.logits[..BLOCK * PANEL].fill(R::ZERO);
            let rows_of = work.logits.chunks_exact_mut(PANEL);
            let from = moved.logits[pairs.clone()].chunks_exact(2);
            rows_of
                .zip(from)
                .for_each(|(to, from)| to[..2].copy_from_slice(from));
            let term = factor(&work.logits, PANEL, &work.weights.heads_back, 2);
            product(work.isa, &block, (width, [term]), &[], &mut work.hidden);
            let back = CellBack {
                width,
                units: &mut work.units[..rows(&block) * GROUPS * width],
                direct: &work.hidden,
                cells: (&before.cell[at.clone()], &after.cell[at.clone()]),
                hidden: &moved.hidden[at.clone()],
                cell: &mut moved.cell[at.clone()],
            };
            R::dispatch(work.isa, back);
            self.add_block(work, (before, after), &block);
            let term = factor(
                &work.units,
                GROUPS * width,
                &work.weights.hidden_back,
                GROUPS * width,
            );
            product(
                work.isa,
                &block,
                (width, [term]),
                &[],
                &mut moved.hidden[at],
            );
            let logits = &mut moved.logits[pairs];
            pass_beside(seen.own, logits, &mut sums.params[block.clone()]);
            if let Some(gradient) = &mut sums.gradient {
                let depth = GROUPS * width;
                let term = factor(&work.units, depth, &work.weights.input_back, depth);
                product(work.isa, &block, (PANEL, [term]), &[], &mut work.inputs);
                let parts = work.inputs.chunks_exact(PANEL).zip(&work.slopes);
                for (sum, (d, slope)) in gradient[block.clone()].iter_mut().zip(parts) {
                    *sum += d[0] * slope[0] + d[1] * slope[1];
                }
            }
        }
        self.add_sums(work, sums.own);
    }

    /// From the derivative of what a step began with along a direction, in `moved`, to
    /// that of what it left behind, of its logits too.
    pub fn tangent<R: Real>(
        &self,
        work: &mut GatesWork<R>,
        seen: Seen<'_, R>,
        (before, after): (&Memory<R>, &Memory<R>),
        moved: &mut Moved<R>,
        direction: Direction<'_, R>,
    ) {
        let count = self.check(seen, before);
        work.begin(self, seen.own);
        work.direction.fill(self, direction.own);
        let (width, isa) = (padded(self.hidden), work.isa);
        for block in blocks(count) {
            self.tell(work, seen, before, &block);
            self.units(work, before, &block);
            self.tell_tangent(work, direction, moved, &block);
            let at = places(&block, width);
            let terms = [
                factor(&work.told, INPUTS, &work.direction.input, INPUTS),
                factor(&work.told_tangent, INPUTS, &work.weights.input, INPUTS),
                self.hidden_factor(&before.hidden[at.clone()], &work.direction.hidden),
                self.hidden_factor(&moved.hidden[at.clone()], &work.weights.hidden),
            ];
            let (size, start) = (GROUPS * width, &work.direction.bias);
            product(isa, &block, (size, terms), start, &mut work.units_tangent);
            let tangent = CellTangent {
                width,
                units: &work.units[..rows(&block) * GROUPS * width],
                moved: &work.units_tangent,
                cells: (&before.cell[at.clone()], &after.cell[at.clone()]),
                cell: &mut moved.cell[at.clone()],
                hidden: &mut moved.hidden[at.clone()],
            };
            R::dispatch(isa, tangent);
            let terms = [
                self.hidden_factor(&after.hidden[at.clone()], &work.direction.heads),
                self.hidden_factor(&moved.hidden[at], &work.weights.heads),
                factor(&work.beside, INPUTS, &work.direction.beside, INPUTS),
                factor(&work.beside_tangent, INPUTS, &work.weights.beside, INPUTS),
            ];
            let start = &work.direction.head_bias;
            product(isa, &block, (PANEL, terms), start, &mut work.logits);
            let logits = work.logits.chunks_exact(PANEL);
            let to = moved.logits[2 * block.start..2 * block.end].chunks_exact_mut(2);
            to.zip(logits)
                .for_each(|(to, from)| to.copy_from_slice(&from[..2]));
        }
    }

    fn check<R: Real>(&self, seen: Seen<'_, R>, before: &Memory<R>) -> usize {
        let count = seen.gradient.len();
        assert_eq!(seen.params.len(), count, "parameters and gradients");
        let size = count.next_multiple_of(ROWS) * padded(self.hidden);
        assert_eq!(before.hidden.len(), size, "a memory of other coordinates");
        count
    }

    fn hidden_factor<'a, R: Real>(&self, rows: &'a [R], weights: &'a [R]) -> Factor<'a, R> {
        factor(rows, padded(self.hidden), weights, self.hidden)
    }

    /// Writes what the LSTM and its logits are told of a block.
    fn tell<R: Real>(
        &self,
        work: &mut GatesWork<R>,
        seen: Seen<'_, R>,
        before: &Memory<R>,
        block: &Range<usize>,
    ) {
        let loss = self.preprocess(work, &[seen.loss]);
        let loss = [loss[0][0], loss[1][0]];
        let gradient = &seen.gradient[block.clone()];
        self.preprocess(work, gradient);
        let [_, logs, shares] = &work.raw;
        for (row, to) in work.told.chunks_exact_mut(INPUTS).enumerate() {
            to.copy_from_slice(&[logs[row], shares[row], loss[0], loss[1]]);
        }
        let limit = R::from_f64((-self.range).exp());
        let (inverse, steep) = (1.0 / self.range, self.range.exp());
        for (slopes, g) in work.slopes.iter_mut().zip(gradient) {
            let size = if *g < R::ZERO { -*g } else { *g };
            *slopes = match size < limit {
                true => [R::ZERO, R::from_f64(steep)],
                false => [R::from_f64(inverse) / *g, R::ZERO],
            };
        }
        let rows = work.beside.chunks_exact_mut(INPUTS);
        let logits = before.logits[2 * block.start..].chunks_exact(2);
        let both = seen.params[block.clone()].iter().zip(logits);
        for (to, (theta, logits)) in rows.zip(both) {
            to.copy_from_slice(&[*theta, logits[0], logits[1], R::ZERO]);
        }
    }

    /// Both numbers that are told of each of some, at most [`BLOCK`] of them.
    fn preprocess<'a, R: Real>(&self, work: &'a mut GatesWork<R>, numbers: &[R]) -> [&'a [R]; 2] {
        let [raw, logs, shares] = &mut work.raw;
        raw[..numbers.len()].copy_from_slice(numbers);
        raw[numbers.len()..].fill(R::ZERO);
        let preprocess = Preprocess {
            range: self.range,
            from: raw,
            logs,
            shares,
        };
        R::dispatch(work.isa, preprocess);
        let [_, logs, shares] = &work.raw;
        [logs, shares]
    }

    /// Writes how what is told of a block moves.
    fn tell_tangent<R: Real>(
        &self,
        work: &mut GatesWork<R>,
        direction: Direction<'_, R>,
        moved: &Moved<R>,
        block: &Range<usize>,
    ) {
        work.told_tangent[..BLOCK * INPUTS].fill(R::ZERO);
        if let Some(gradient) = direction.gradient {
            let rows = work.told_tangent.chunks_exact_mut(INPUTS);
            let both = gradient[block.clone()].iter().zip(&work.slopes);
            for (to, (g, slopes)) in rows.zip(both) {
                (to[0], to[1]) = (*g * slopes[0], *g * slopes[1]);
            }
        }
        let rows = work.beside_tangent.chunks_exact_mut(INPUTS);
        let logits = moved.logits[2 * block.start..].chunks_exact(2);
        let both = direction.params[block.clone()].iter().zip(logits);
        for (to, (theta, logits)) in rows.zip(both) {
            to.copy_from_slice(&[*theta, logits[0], logits[1], R::ZERO]);
        }
    }

    /// Writes what enters a block's units.
    fn units<R: Real>(&self, work: &mut GatesWork<R>, before: &Memory<R>, block: &Range<usize>) {
        let width = padded(self.hidden);
        let terms = [
            factor(&work.told, INPUTS, &work.weights.input, INPUTS),
            self.hidden_factor(&before.hidden[places(block, width)], &work.weights.hidden),
        ];
        let (size, start) = (GROUPS * width, &work.weights.bias);
        product(work.isa, block, (size, terms), start, &mut work.units);
    }

    fn begin_sums<R: Real>(&self, work: &mut GatesWork<R>) {
        let (width, deep) = (padded(self.hidden), self.hidden.next_multiple_of(4));
        let units = GROUPS * width;
        let sizes = [
            INPUTS * units,
            deep * units,
            units,
            deep * PANEL,
            INPUTS * PANEL,
            PANEL,
        ];
        for (sums, size) in work.sums.iter_mut().zip(sizes) {
            sums.grow(size);
            sums.fill(R::ZERO);
        }
    }

    /// Adds the gradients of a block to the sums; derivatives of its units are in
    /// `units`, of its logits in `logits`.
    fn add_block<R: Real>(
        &self,
        work: &mut GatesWork<R>,
        (before, after): (&Memory<R>, &Memory<R>),
        block: &Range<usize>,
    ) {
        let (width, deep) = (padded(self.hidden), self.hidden.next_multiple_of(4));
        let (size, count, isa) = (GROUPS * width, block.len(), work.isa);
        let at = places(block, width);
        let units = Matrix::new(&work.units, size);
        let logits = Matrix::new(&work.logits, PANEL);
        let told = Matrix::new(&work.told, INPUTS);
        let beside = Matrix::new(&work.beside, INPUTS);
        let [input, hidden, bias, heads, beside_sums, head_bias] = &mut work.sums;
        let outer = |a, b, (m, n): (usize, usize), out| {
            let outer = Outer {
                size: [m, count, n],
                terms: [(a, b)],
                out,
            };
            R::dispatch(isa, outer);
        };
        outer(told, units, (INPUTS, size), input);
        let h = Matrix::new(&before.hidden[at.clone()], width);
        outer(h, units, (deep, size), hidden);
        let h = Matrix::new(&after.hidden[at], width);
        outer(h, logits, (deep, PANEL), heads);
        outer(beside, logits, (INPUTS, PANEL), beside_sums);
        let rows = count;
        for (a, out) in [(units, bias), (logits, head_bias)] {
            R::dispatch(isa, ColumnSums { rows, a, out });
        }
    }

    /// Adds the sums of all blocks to a gradient of the own parameters.
    fn add_sums<R: Real>(&self, work: &GatesWork<R>, own: &mut [R]) {
        let [input, hidden, bias, heads, beside, head_bias] = &work.sums;
        let (width, layout) = (padded(self.hidden), self.layout());
        for (index, from) in [(0, input), (1, hidden), (2, bias)] {
            let rows = own[layout[index].2.clone()].chunks_exact_mut(self.hidden);
            // A row of the matrix is four groups, padded each.
            for (to, from) in rows.zip(from.chunks_exact(width)) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
            }
        }
        let pairs = own[layout[3].2.clone()].chunks_exact_mut(2);
        for (to, from) in pairs.zip(heads.chunks_exact(PANEL)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
        }
        // The rows are θ, the forget gate's logit before and the input gate's.
        let at = layout[4].2.start;
        let rest = [
            beside[0],
            beside[1],
            beside[PANEL],
            beside[2 * PANEL + 1],
            head_bias[0],
            head_bias[1],
        ];
        own[at..]
            .iter_mut()
            .zip(rest)
            .for_each(|(to, from)| *to += from);
    }
}

/// From derivatives of a block's logits to those of what they were told beside h.
fn pass_beside<R: Real>(own: &[R], logits: &mut [R], params: &mut [R]) {
    // Before both biases, the last of the LSTM's parameters.
    let [u, r] = [6, 4].map(|last| &own[own.len() - last..]);
    for (logits, theta) in logits.chunks_exact_mut(2).zip(params) {
        *theta += u[0] * logits[0] + u[1] * logits[1];
        (logits[0], logits[1]) = (r[0] * logits[0], r[1] * logits[1]);
    }
}

fn factor<'a, R: Real>(
    rows: &'a [R],
    stride: usize,
    weights: &'a [R],
    depth: usize,
) -> Factor<'a, R> {
    Factor {
        a: Matrix::new(rows, stride),
        b: weights,
        depth,
    }
}

/// Writes a block's products with weights, `[rows][columns]`.
fn product<R: Real, const T: usize>(
    isa: Isa,
    block: &Range<usize>,
    (columns, terms): (usize, [Factor<'_, R>; T]),
    start: &[R],
    out: &mut [R],
) {
    let product = Product {
        rows: rows(block),
        columns,
        terms,
        start,
        epilogue: Store {
            out,
            stride: columns,
        },
    };
    R::dispatch(isa, product);
}
