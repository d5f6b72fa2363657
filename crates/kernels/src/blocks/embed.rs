//! The layer that reads the inputs: rows of weights are looked up where inputs are
//! one-hot.

use super::shape::BlocksShape;
use crate::buffer::Buffer;
use crate::gemm::{PANEL, Rows, outer};
use crate::heads::add;
use crate::input::{Inputs, NO_ACTION, Observation, Observations};
use crate::mlp::{Factor, Matrix, Product, Single, Store, Work as _};
use crate::simd::Simd;
use crate::trunk::Entry;

/// `y = W x + b`, and what stands at the step's place in its trial where places are
/// learned.
#[derive(Clone)]
pub(super) struct Embed {
    pub(super) weight: Entry,
    pub(super) bias: Entry,
    pub(super) positions: Option<Entry>,
    observation: Observation,
    actions: usize,
    units: usize,
    /// `[1 + actions][units]`: the bias, plus in row `1 + a` the weights of action `a`.
    table: Buffer,
    /// `[units]` each: of the reward and of the flag.
    reward: Buffer,
    boundary: Buffer,
    /// One-hot: `[O][units]`. Dense: `[unit panel][O][16]`.
    observations: Buffer,
    /// `[steps][units]`
    places: Buffer,
}

/// What selects and scales the weights of a row.
#[derive(Clone, Copy, Default)]
pub(super) struct Read {
    /// 0 for none, else 1 + action.
    pub(super) action: usize,
    /// Number of the state that is observed.
    pub(super) state: usize,
    pub(super) reward: f32,
    pub(super) boundary: f32,
    /// Steps since the trial began.
    pub(super) step: usize,
}

/// Sums of gradients over a tile, as the packed weights lie; a dense observation's
/// are `[O padded to 4][units]`.
#[derive(Default)]
pub(super) struct EmbedSums {
    table: Buffer,
    reward: Buffer,
    boundary: Buffer,
    observations: Buffer,
    places: Buffer,
}

impl Embed {
    pub(super) fn new(shape: &BlocksShape, entries: [Entry; 2], positions: Option<Entry>) -> Embed {
        let [weight, bias] = entries;
        Embed {
            weight,
            bias,
            positions,
            observation: shape.observation,
            actions: shape.actions,
            units: shape.hidden,
            table: Buffer::default(),
            reward: Buffer::default(),
            boundary: Buffer::default(),
            observations: Buffer::default(),
            places: Buffer::default(),
        }
    }

    /// Numbers of the packed parameters, and of the sums of their gradients.
    pub(super) fn packed(&self) -> usize {
        let rows = 3 + self.actions + self.observed();
        self.units * (rows + self.positions.map_or(0, |entry| entry.shape[0]))
    }

    /// Width of a row of numbers observed, padded.
    pub(super) fn observed(&self) -> usize {
        self.observation.width().next_multiple_of(4)
    }

    /// Multiply-adds of a row.
    pub(super) fn products(&self) -> u64 {
        match self.observation {
            Observation::Dense(width) => (width * self.units) as u64,
            Observation::None | Observation::OneHot(_) => 0,
        }
    }

    pub(super) fn pack(&mut self, params: &[f32]) {
        let (units, width, inputs) = (self.units, self.observation.width(), self.weight.shape[1]);
        self.table.grow((1 + self.actions) * units);
        self.reward.grow(units);
        self.boundary.grow(units);
        self.observations.grow(width * units);
        let weight = &params[self.weight.range()];
        let bias = &params[self.bias.range()];
        for (unit, (row, bias)) in weight.chunks_exact(inputs).zip(bias).enumerate() {
            for (k, &w) in row[..width].iter().enumerate() {
                let to = match self.observation {
                    Observation::Dense(_) => (unit / PANEL * width + k) * PANEL + unit % PANEL,
                    Observation::None | Observation::OneHot(_) => k * units + unit,
                };
                self.observations[to] = w;
            }
            self.table[unit] = *bias;
            for (action, w) in row[width..width + self.actions].iter().enumerate() {
                self.table[(1 + action) * units + unit] = bias + w;
            }
            self.reward[unit] = row[inputs - 2];
            self.boundary[unit] = row[inputs - 1];
        }
        if let Some(positions) = self.positions {
            self.places.grow(positions.count());
            self.places[..positions.count()].copy_from_slice(&params[positions.range()]);
        }
    }

    /// Reads rows of inputs, and copies numbers observed into padded rows.
    pub(super) fn read(
        &self,
        (inputs, first, lanes): (&Inputs<'_>, usize, usize),
        (rows, observed): (&mut [Read], &mut [f32]),
    ) {
        rows.fill(Read::default());
        for (lane, read) in rows.iter_mut().enumerate().take(lanes) {
            let row = first + lane;
            let action = inputs.prev_action[row];
            if action != NO_ACTION {
                assert!((action as usize) < self.actions, "previous action {action}");
                read.action = 1 + action as usize;
            }
            read.reward = inputs.prev_reward[row];
            read.boundary = inputs.boundary[row];
            match inputs.observations {
                Observations::None => {}
                Observations::OneHot(states) => {
                    read.state = states[row] as usize;
                    let states = self.observation.width();
                    assert!(
                        read.state < states,
                        "observation {} of {states}",
                        read.state
                    );
                }
                Observations::Dense(values) => {
                    let (width, padded) = (self.observation.width(), self.observed());
                    observed[lane * padded..][..width]
                        .copy_from_slice(&values[row * width..][..width]);
                }
            }
        }
    }

    /// Writes the rows of `y`.
    #[inline(always)]
    pub(super) fn forward<S: Simd>(
        &self,
        s: S,
        (rows, observed): (&[Read], &[f32]),
        y: &mut [f32],
    ) {
        let units = self.units;
        assert!(y.len() >= rows.len() * units);
        let y = &mut y[..rows.len() * units];
        if let Observation::Dense(width) = self.observation {
            let product = Product {
                rows: rows.len(),
                columns: units,
                terms: [Factor {
                    a: Matrix::new(observed, self.observed()),
                    b: &self.observations,
                    depth: width,
                }],
                start: &[],
                epilogue: Store {
                    out: y,
                    stride: units,
                },
            };
            product.run(Single(s));
        }
        for (read, y) in rows.iter().zip(y.chunks_exact_mut(units)) {
            let own = &self.table[read.action * units..][..units];
            let place = match self.positions {
                None => None,
                Some(positions) => {
                    let steps = positions.shape[0];
                    assert!(read.step < steps, "a trial of more than {steps} steps");
                    Some(&self.places[read.step * units..][..units])
                }
            };
            for column in (0..units).step_by(S::LANES) {
                // SAFETY: all rows are `units` wide.
                unsafe {
                    let mut sum = s.load(own.as_ptr().add(column));
                    let reward = s.load(self.reward.as_ptr().add(column));
                    let boundary = s.load(self.boundary.as_ptr().add(column));
                    sum = s.fma(s.splat(read.reward), reward, sum);
                    sum = s.fma(s.splat(read.boundary), boundary, sum);
                    match self.observation {
                        Observation::None => {}
                        Observation::Dense(_) => sum = s.add(s.load(y.as_ptr().add(column)), sum),
                        Observation::OneHot(_) => {
                            let at = read.state * units + column;
                            sum = s.add(s.load(self.observations.as_ptr().add(at)), sum);
                        }
                    }
                    if let Some(place) = place {
                        sum = s.add(s.load(place.as_ptr().add(column)), sum);
                    }
                    s.store(y.as_mut_ptr().add(column), sum);
                }
            }
        }
    }

    pub(super) fn clear(&self, sums: &mut EmbedSums) {
        let units = self.units;
        for (buffer, rows) in [
            (&mut sums.table, 1 + self.actions),
            (&mut sums.reward, 1),
            (&mut sums.boundary, 1),
            (&mut sums.observations, self.observed()),
            (
                &mut sums.places,
                self.positions.map_or(0, |entry| entry.shape[0]),
            ),
        ] {
            buffer.grow(rows * units);
            buffer.fill(0.0);
        }
    }

    /// Adds the gradients of rows to the sums, given that of `y`.
    #[inline(always)]
    pub(super) fn sum<S: Simd>(
        &self,
        s: S,
        (rows, observed): (&[Read], &[f32]),
        d: &[f32],
        sums: &mut EmbedSums,
    ) {
        let units = self.units;
        for (read, d) in rows.iter().zip(d.chunks_exact(units)) {
            plus(s, &mut sums.table[read.action * units..], d, 1.0);
            plus(s, &mut sums.reward, d, read.reward);
            plus(s, &mut sums.boundary, d, read.boundary);
            if let Observation::OneHot(_) = self.observation {
                plus(s, &mut sums.observations[read.state * units..], d, 1.0);
            }
            if self.positions.is_some() {
                plus(s, &mut sums.places[read.step * units..], d, 1.0);
            }
        }
        if let Observation::Dense(_) = self.observation {
            let observed = Rows::new(observed, self.observed());
            let size = [self.observed(), rows.len(), units];
            outer(
                s,
                size,
                observed,
                Rows::new(d, units),
                &mut sums.observations,
            );
        }
    }

    pub(super) fn add_gradient(&self, sums: &EmbedSums, gradient: &mut [f32]) {
        let (units, width, inputs) = (self.units, self.observation.width(), self.weight.shape[1]);
        let weight = gradient[self.weight.range()].chunks_exact_mut(inputs);
        for (unit, row) in weight.enumerate() {
            for (k, to) in row[..width].iter_mut().enumerate() {
                *to += sums.observations[k * units + unit];
            }
            for (action, to) in row[width..width + self.actions].iter_mut().enumerate() {
                *to += sums.table[(1 + action) * units + unit];
            }
            row[inputs - 2] += sums.reward[unit];
            row[inputs - 1] += sums.boundary[unit];
        }
        for row in sums.table.chunks_exact(units) {
            add(&mut gradient[self.bias.range()], row);
        }
        if let Some(positions) = self.positions {
            add(&mut gradient[positions.range()], &sums.places);
        }
    }
}

/// `to += factor row`, whole vectors.
#[inline(always)]
fn plus<S: Simd>(s: S, to: &mut [f32], row: &[f32], factor: f32) {
    for (to, row) in to
        .chunks_exact_mut(S::LANES)
        .zip(row.chunks_exact(S::LANES))
    {
        // SAFETY: both are vectors.
        unsafe {
            let sum = s.fma(s.splat(factor), s.load(row.as_ptr()), s.load(to.as_ptr()));
            s.store(to.as_mut_ptr(), sum);
        }
    }
}
