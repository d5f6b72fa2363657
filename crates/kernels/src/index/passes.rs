//! The passes over the slots of some rows.

use super::{Index, IndexWork, MADE, MADE_ROOM, READ, ROOM, Sums};
use crate::dense::{add_rows, layer, tanh, turn};
use crate::gemm::{PANEL, Rows, outer};
use crate::input::{Inputs, Observations};
use crate::math::ln_v;
use crate::simd::{Kernel, Simd};
use std::ops::Range;

impl IndexWork {
    /// The mean, its width and the deviation of a slot.
    pub(super) fn statistics(&self, slot: usize) -> [f32; 3] {
        let x = &self.x[slot * ROOM..];
        [x[0], x[1], x[2]]
    }
}

impl Sums {
    /// Makes room for the gradients of layers of so many units, zeros.
    pub(super) fn clear(&mut self, padded: usize) {
        for (buffer, len) in [
            (&mut self.first, ROOM * padded),
            (&mut self.second, padded * padded),
            (&mut self.second_bias, padded),
            (&mut self.last, MADE_ROOM * padded),
        ] {
            buffer.grow(len);
            buffer.fill(0.0);
        }
        self.last_bias = [0.0; MADE];
    }
}

impl Index {
    /// Some rows forward, as far as what the network makes of their slots.
    pub(super) fn forward_chunk(
        &self,
        work: &mut IndexWork,
        inputs: &Inputs<'_>,
        rows: Range<usize>,
    ) {
        let slots = self.slots(rows.len());
        self.read(work, inputs, rows.clone());
        for buffer in &mut work.layers {
            buffer.grow(slots * self.padded());
        }
        work.made.grow(slots * PANEL);
        work.pooled.grow(rows.len() * self.padded());
        self.isa.dispatch(Forward {
            of: self,
            work,
            rows: rows.len(),
        });
    }

    /// Writes what the network reads.
    fn read(&self, work: &mut IndexWork, inputs: &Inputs<'_>, rows: Range<usize>) {
        let Observations::Dense(observed) = inputs.observations else {
            unreachable!("checked before");
        };
        let shape = self.shape;
        let (arms, slots) = (shape.arms, self.slots(rows.len()));
        work.x.grow(slots * ROOM);
        work.logs.grow(slots.next_multiple_of(PANEL));
        work.times.grow(rows.len().next_multiple_of(PANEL));
        work.shares.grow(rows.len());
        let IndexWork {
            logs,
            times,
            shares,
            ..
        } = work;
        let observed = observed[rows.start * shape.observation..].chunks_exact(shape.observation);
        for (row, observed) in observed.take(rows.len()).enumerate() {
            shares[row] = observed[shape.time];
            times[row] = (shares[row] * shape.steps as f32).max(1.0);
            let told = observed[shape.statistics..].chunks_exact(2);
            for (slot, told) in (row * arms..(row + 1) * arms).zip(told) {
                let (mean, spread) = (told[0], told[1]);
                let width = (1.0 - mean * mean).max(0.0).sqrt();
                let x = &mut work.x[slot * ROOM..(slot + 1) * ROOM];
                x[..3].copy_from_slice(&[mean, width, spread]);
                x[READ..].copy_from_slice(&[1.0, 0.0, 0.0]);
                logs[slot] = spread;
            }
        }
        let used = rows.len() * arms;
        self.isa
            .dispatch(Logarithms(&mut logs[..used.next_multiple_of(PANEL)]));
        let whole = rows.len().next_multiple_of(PANEL);
        self.isa.dispatch(Logarithms(&mut times[..whole]));
        for (slot, (x, log)) in work.x.chunks_exact_mut(ROOM).zip(&logs[..used]).enumerate() {
            x[3] = 1.0 + log;
            x[4] = 0.5 * times[slot / arms] - 1.0;
        }
        work.x[used * ROOM..].fill(0.0);
    }

    /// Adds the gradient of rows that have gone forward to the sums, given that of
    /// their features.
    pub(super) fn backward_chunk(&self, work: &mut IndexWork, features: &[f32]) {
        let (arms, hidden, padded) = (self.shape.arms, self.shape.hidden, self.padded());
        let rows = features.len() / self.features_of_row();
        let slots = self.slots(rows);
        work.d_made.grow(slots * MADE_ROOM);
        work.d_made.fill(0.0);
        for buffer in &mut work.d_layers {
            buffer.grow(slots * padded);
        }
        let share = 1.0 / arms as f32;
        for (row, given) in features.chunks_exact(self.features_of_row()).enumerate() {
            for (slot, d) in (row * arms..).zip(&given[..arms]) {
                let [_, width, spread] = work.statistics(slot);
                let d_made = [d * spread, d * spread * width];
                work.d_made[slot * MADE_ROOM..][..MADE].copy_from_slice(&d_made);
                work.sums.last_bias[0] += d_made[0];
                work.sums.last_bias[1] += d_made[1];
            }
            let pooled = &mut work.pooled[row * padded..][..hidden];
            let given = &given[arms..arms + hidden];
            pooled
                .iter_mut()
                .zip(given)
                .for_each(|(to, d)| *to = d * share);
        }
        self.isa.dispatch(Backward {
            of: self,
            work,
            rows,
        });
    }

    /// The packed weights and biases of a layer, forward.
    fn layer(&self, layer: usize) -> (&[f32], Option<&[f32]>) {
        (&self.weights[layer], Some(&self.biases[layer]))
    }

    fn features_of_row(&self) -> usize {
        crate::trunk::Trunk::features(self)
    }
}

/// Of whole vectors.
struct Logarithms<'a>(&'a mut [f32]);

impl Kernel for Logarithms<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        assert!(self.0.len().is_multiple_of(S::LANES));
        for chunk in self.0.chunks_exact_mut(S::LANES) {
            let p = chunk.as_mut_ptr();
            // SAFETY: the chunk has LANES floats.
            unsafe { s.store(p, ln_v(s, s.load(p))) }
        }
    }
}

struct Forward<'a> {
    of: &'a Index,
    work: &'a mut IndexWork,
    rows: usize,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { of, work, rows } = self;
        let (hidden, padded, slots) = (of.shape.hidden, of.padded(), of.slots(rows));
        let [first, second] = &mut work.layers;
        let x = Rows::new(&work.x, ROOM);
        layer(s, (x, [slots, READ]), of.layer(0), first);
        tanh(s, &mut first[..slots * padded]);
        let rows_of_first = Rows::new(first, padded);
        layer(s, (rows_of_first, [slots, hidden]), of.layer(1), second);
        tanh(s, &mut second[..slots * padded]);
        let rows_of_second = Rows::new(second, padded);
        layer(
            s,
            (rows_of_second, [slots, hidden]),
            of.layer(2),
            &mut work.made,
        );
        let arms = of.shape.arms;
        let share = s.splat(1.0 / arms as f32);
        for (row, pooled) in work.pooled.chunks_exact_mut(padded).take(rows).enumerate() {
            let own = &second[row * arms * padded..(row + 1) * arms * padded];
            for column in (0..padded).step_by(S::LANES) {
                let mut sum = s.splat(0.0);
                for unit in own.chunks_exact(padded) {
                    // SAFETY: a vector from the column on lies inside of a row.
                    sum = s.add(sum, unsafe { s.load(unit.as_ptr().add(column)) });
                }
                // SAFETY: as above.
                unsafe { s.store(pooled.as_mut_ptr().add(column), s.mul(sum, share)) };
            }
        }
    }
}

struct Backward<'a> {
    of: &'a Index,
    work: &'a mut IndexWork,
    rows: usize,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { of, work, rows } = self;
        let (hidden, padded, slots) = (of.shape.hidden, of.padded(), of.slots(rows));
        let [first, second] = &work.layers;
        let [d_first, d_second] = &mut work.d_layers;
        let d_made = Rows::new(&work.d_made, MADE_ROOM);
        let sums = &mut work.sums;

        let weights = (&of.weights_t[1][..], None);
        layer(s, (d_made, [slots, MADE]), weights, d_second);
        let size = of.shape.arms * padded;
        for row in 0..rows {
            let own = row * size..(row + 1) * size;
            let pooled = &work.pooled[row * padded..(row + 1) * padded];
            turn(s, &mut d_second[own.clone()], &second[own], Some(pooled));
        }
        let [y_first, y_second] = [Rows::new(first, padded), Rows::new(second, padded)];
        let d = Rows::new(d_second, padded);
        outer(
            s,
            [MADE_ROOM, slots, padded],
            d_made,
            y_second,
            &mut sums.last,
        );
        outer(s, [padded, slots, padded], y_first, d, &mut sums.second);
        add_rows(
            s,
            &d_second[..slots * padded],
            &mut sums.second_bias[..padded],
        );

        layer(s, (d, [slots, hidden]), (&of.weights_t[0], None), d_first);
        let used = slots * padded;
        turn(s, &mut d_first[..used], &first[..used], None);
        let x = Rows::new(&work.x, ROOM);
        let d = Rows::new(d_first, padded);
        outer(s, [ROOM, slots, padded], x, d, &mut sums.first);
    }
}
