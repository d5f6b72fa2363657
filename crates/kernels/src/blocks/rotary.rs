//! Queries and keys that turn from step to step, so that their products tell how far apart
//! they are.

use super::cache::Sizes;
use super::shape::BlocksShape;

/// Cosines and sines of the angles by which steps turn: of half a head's units, unit `i`
/// together with unit `i + width / 2`, by `step / 10000^(2 i / width)`.
#[derive(Default)]
pub(super) struct Rotary {
    /// `[step][2][width / 2]`
    turns: Vec<f32>,
}

impl Rotary {
    /// Floats for so many steps.
    pub(super) fn floats(shape: &BlocksShape, steps: usize) -> usize {
        match shape.turns() {
            true => steps * width(shape),
            false => 0,
        }
    }

    /// Makes room for so many steps.
    pub(super) fn grow(&mut self, shape: &BlocksShape, steps: usize) {
        if !shape.turns() {
            return;
        }
        let width = width(shape);
        self.turns
            .reserve_exact((steps * width).saturating_sub(self.turns.len()));
        for step in self.turns.len() / width..steps {
            let angle = |unit: usize| {
                let rate = 10_000f64.powf(-2.0 * unit as f64 / width as f64);
                (step as f64 * rate).sin_cos()
            };
            let angles = || (0..width / 2).map(angle);
            self.turns.extend(angles().map(|(_, cos)| cos as f32));
            self.turns.extend(angles().map(|(sin, _)| sin as f32));
        }
    }

    /// Turns queries and keys of rows `[q k v]` of some steps.
    #[inline(always)]
    pub(super) fn turn(&self, sizes: Sizes, steps: impl Iterator<Item = usize>, rows: &mut [f32]) {
        self.turn_by(sizes, steps, (rows, 1.0));
    }

    /// Turns their gradients back.
    #[inline(always)]
    pub(super) fn turn_back(
        &self,
        sizes: Sizes,
        steps: impl Iterator<Item = usize>,
        rows: &mut [f32],
    ) {
        self.turn_by(sizes, steps, (rows, -1.0));
    }

    #[inline(always)]
    fn turn_by(
        &self,
        sizes: Sizes,
        steps: impl Iterator<Item = usize>,
        (rows, sign): (&mut [f32], f32),
    ) {
        let (units, width) = (sizes.units(), sizes.width);
        for (row, step) in rows.chunks_exact_mut(3 * units).zip(steps) {
            let (cos, sin) = self.turns[step * width..][..width].split_at(width / 2);
            for head in row[..2 * units].chunks_exact_mut(width) {
                let (first, second) = head.split_at_mut(width / 2);
                let pairs = first.iter_mut().zip(second);
                for ((a, b), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
                    let sin = sign * sin;
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        }
    }
}

fn width(shape: &BlocksShape) -> usize {
    super::work::sizes(shape, 0).map_or(0, |sizes| sizes.width)
}
