//! A network to be fitted to data: what sinusoids and glyphs are made of.

use crate::descent::Function;
use crate::float::Float;
use crate::network::{Loss, Network, Rows, Scratch};
use std::ops::Range;

/// A network, the data that it is fitted to, other data that count, and where it begins.
#[derive(Clone, Debug, Default)]
pub struct Fit<F> {
    /// The network.
    pub network: Network,
    /// What is shown. `[rows][inputs]`, `[rows][outputs]`
    pub shown: (Vec<F>, Vec<F>),
    /// What counts, likewise.
    pub counted: (Vec<F>, Vec<F>),
    /// Rows that each gradient is of, in turn; all of them, if 0.
    pub batch: usize,
    /// Whether a place is worth the share of rows that it gets right, and not minus the
    /// loss.
    pub accuracy: bool,
    /// Where it begins. `[parameters]`
    pub start: Vec<F>,
}

/// How far from 0 a parameter of a network may be.
pub(crate) const LIMIT: f32 = 100.0;

impl<F: Float> Fit<F> {
    fn rows<'a>(&self, data: &'a (Vec<F>, Vec<F>), range: Range<usize>) -> Rows<'a, F> {
        let sizes = &self.network.sizes;
        let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
        Rows {
            inputs: &data.0[range.start * inputs..range.end * inputs],
            targets: &data.1[range.start * outputs..range.end * outputs],
        }
    }

    fn all<'a>(&self, data: &'a (Vec<F>, Vec<F>)) -> Rows<'a, F> {
        self.rows(data, 0..data.0.len() / self.network.sizes[0])
    }

    /// The rows that a step's gradient is of.
    fn batch(&self, step: usize) -> Rows<'_, F> {
        let all = self.shown.0.len() / self.network.sizes[0];
        if self.batch == 0 || self.batch >= all {
            return self.all(&self.shown);
        }
        // Whole batches alone; what is left of the rows is never shown.
        let batches = all / self.batch;
        let first = step % batches * self.batch;
        self.rows(&self.shown, first..first + self.batch)
    }
}

impl<F: Float> Function<F> for Fit<F> {
    type Scratch = Scratch<F>;

    fn start(&self) -> &[F] {
        &self.start
    }

    fn limit(&self) -> F {
        F::of(LIMIT.into())
    }

    fn shown(&self, room: &mut Scratch<F>, (step, at): (usize, &[F]), gradient: &mut [F]) -> F {
        gradient.fill(F::ZERO);
        let rows = self.batch(step);
        self.network.loss(at, rows, room, Some(gradient))
    }

    fn curvature(
        &self,
        room: &mut Scratch<F>,
        (step, at): (usize, &[F]),
        along: &[F],
        product: &mut [F],
    ) {
        let rows = self.batch(step);
        self.network.curvature(at, rows, room, (along, product));
    }

    fn counted(&self, room: &mut Scratch<F>, at: &[F], mut gradient: Option<&mut [F]>) -> F {
        if let Some(gradient) = &mut gradient {
            gradient.fill(F::ZERO);
        }
        let rows = self.all(&self.counted);
        self.network.loss(at, rows, room, gradient)
    }

    fn worth(&self, room: &mut Scratch<F>, at: &[F]) -> F {
        match self.accuracy {
            true => F::of(self.network.accuracy(at, self.all(&self.counted), room)),
            false => -self.counted(room, at, None),
        }
    }
}

/// The cross-entropy's or the square loss's network of some sizes.
pub(crate) fn network(
    inputs: usize,
    hidden: (usize, usize),
    outputs: usize,
    loss: Loss,
) -> Network {
    let (layers, units) = hidden;
    let sizes = [inputs]
        .into_iter()
        .chain(std::iter::repeat_n(units, layers))
        .chain([outputs]);
    Network {
        sizes: sizes.collect(),
        activation: Default::default(),
        loss,
    }
}
