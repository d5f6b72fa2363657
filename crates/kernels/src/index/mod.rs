//! An index for every arm of a bandit, by one small network that all arms share: it
//! reads what is told of an arm and the time left, and remembers nothing.
//!
//! Of an arm whose posterior mean is m and whose relative deviation is s, with T steps
//! left,
//!
//! ```text
//! w      = sqrt(max(1 - m^2, 0))
//! x      = [m, w, s, 1 + ln s, ln(T) / 2 - 1]
//! h      = tanh(W1 tanh(W0 x + b0) + b1)
//! [a, b] = W2 h + b2
//! index  = m + s (a + b w)
//! ```
//!
//! An arm of a row is a *slot*. Some rows at a time, whose slots stay in cache, go
//! forward, and again before they go backward, so that nothing is saved.

mod passes;

use crate::buffer::Buffer;
use crate::dense::{add_turned, panels, panels_t};
use crate::gemm::{LANE_BLOCK, PANEL};
use crate::heads::add;
use crate::input::{Inputs, Observation, ShapeError, Trials, check_rows};
use crate::simd::Isa;
use crate::trunk::{Entry, Flops, Trunk, TrunkBytes};
use std::ops::Range;

/// What a trunk of indices reads, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexShape {
    /// Numbers of an observation, which must be [`Observation::Dense`].
    pub observation: usize,
    /// Its column of the share of the trial that is left, 1 to 0.
    pub time: usize,
    /// Its column of the first arm's mean and deviation, which the others' follow.
    pub statistics: usize,
    /// How many arms.
    pub arms: usize,
    /// Steps of a trial.
    pub steps: usize,
    /// Units of each of two layers.
    pub hidden: usize,
}

/// Numbers that the network reads of a slot, and their room with a 1 for the bias.
const READ: usize = 5;
const ROOM: usize = 8;
/// Numbers that it makes of a slot, and their room.
const MADE: usize = 2;
const MADE_ROOM: usize = 4;
/// Features beside the indices and the mean of the second layer.
const BESIDE: usize = 2;
/// Slots that are worked on together, at least those of a row.
const SLOTS: usize = 256;

/// A trunk whose first features are the indices of the arms; then, for a value, the
/// mean of the second layer over the arms, the share of the time that is left, and that
/// times the largest mean. Pack once per update.
#[derive(Clone)]
pub struct Index {
    shape: IndexShape,
    isa: Isa,
    /// Weights and biases of the layers.
    entries: [Entry; 6],
    /// `[unit panel][inputs][16]` and `[units]` of the layers, forward.
    weights: [Buffer; 3],
    biases: [Buffer; 3],
    /// `[input panel][units][16]` of the second and the last, backward.
    weights_t: [Buffer; 2],
}

/// Buffers of one thread for [`Index`].
#[derive(Default)]
pub struct IndexWork {
    /// Rows of the last forward pass that none went backward from.
    rows: usize,
    shares: Buffer,        // [rows], of the time
    times: Buffer,         // [rows], logarithms of the steps left
    logs: Buffer,          // [slots], of the deviations
    x: Buffer,             // [slots][ROOM]
    layers: [Buffer; 2],   // [slots][padded hidden]
    made: Buffer,          // [slots][16]
    pooled: Buffer,        // [rows][padded hidden]: means, or their gradients per arm
    d_made: Buffer,        // [slots][MADE_ROOM]
    d_layers: [Buffer; 2], // [slots][padded hidden]
    sums: Sums,
}

/// Gradients of a tile.
#[derive(Default)]
struct Sums {
    first: Buffer,       // [ROOM][padded hidden], the bias in row READ
    second: Buffer,      // [padded hidden][padded hidden], inputs first
    second_bias: Buffer, // [padded hidden]
    last: Buffer,        // [MADE_ROOM][padded hidden]
    last_bias: [f32; MADE],
}

impl Index {
    /// A trunk of a shape, without parameters, for the fastest instruction set of this
    /// processor.
    ///
    /// # Errors
    /// [`ShapeError`] where a size is out of range.
    pub fn new(shape: IndexShape) -> Result<Index, ShapeError> {
        Index::with_isa(shape, Isa::best())
    }

    /// Like [`Index::new`] for a given instruction set.
    ///
    /// # Errors
    /// [`ShapeError`] where a size is out of range.
    ///
    /// # Panics
    /// If the observation is too short for what is read of it.
    pub fn with_isa(shape: IndexShape, isa: Isa) -> Result<Index, ShapeError> {
        ShapeError::check("actions", shape.arms)?;
        ShapeError::check("hidden", shape.hidden)?;
        assert!(
            shape.time < shape.observation
                && shape.statistics + 2 * shape.arms <= shape.observation,
            "{shape:?} reads beyond the observation"
        );
        Ok(Index {
            shape,
            isa,
            entries: entries(shape.hidden),
            weights: Default::default(),
            biases: Default::default(),
            weights_t: Default::default(),
        })
    }

    fn padded(&self) -> usize {
        self.shape.hidden.next_multiple_of(PANEL)
    }

    /// Rows that are worked on together.
    fn chunk_rows(&self) -> usize {
        (SLOTS / self.shape.arms).max(1)
    }

    /// Room for the slots of so many rows.
    fn slots(&self, rows: usize) -> usize {
        (rows * self.shape.arms).next_multiple_of(LANE_BLOCK)
    }

    /// Floats of the buffers of a pass.
    fn floats(&self, rows: usize, backward: bool) -> usize {
        let (slots, padded) = (self.slots(rows), self.padded());
        let logs = rows + rows.next_multiple_of(PANEL) + slots.next_multiple_of(PANEL);
        let forward = logs + slots * (ROOM + 2 * padded + PANEL) + rows * padded;
        let more = slots * (MADE_ROOM + 2 * padded) + padded * (ROOM + padded + 1 + MADE_ROOM);
        forward + if backward { more } else { 0 }
    }

    /// The features of all rows.
    fn pass(&self, work: &mut IndexWork, inputs: &Inputs<'_>, features: &mut [f32]) {
        let rows = inputs.rows();
        self.check(inputs, features.len());
        assert!(!self.weights[0].is_empty(), "a trunk without parameters");
        for from in (0..rows).step_by(self.chunk_rows()) {
            let chunk = from..(from + self.chunk_rows()).min(rows);
            let own = &mut features[chunk.start * self.features()..chunk.end * self.features()];
            self.forward_chunk(work, inputs, chunk);
            self.write_features(work, own);
        }
    }

    fn check(&self, inputs: &Inputs<'_>, features: usize) {
        let rows = inputs.rows();
        check_rows(Observation::Dense(self.shape.observation), inputs, rows);
        let width = self.features();
        assert_eq!(features, rows * width, "features must be [rows][{width}]");
    }

    /// The indices and pooled features of a chunk that has gone forward.
    fn write_features(&self, work: &IndexWork, features: &mut [f32]) {
        let (arms, hidden) = (self.shape.arms, self.shape.hidden);
        for (row, to) in features.chunks_exact_mut(self.features()).enumerate() {
            let mut best = f32::NEG_INFINITY;
            let slots = (row * arms..).zip(&mut to[..arms]);
            for (slot, index) in slots {
                let [mean, width, spread] = work.statistics(slot);
                let made = &work.made[slot * PANEL..slot * PANEL + MADE];
                *index = mean + spread * (made[0] + made[1] * width);
                best = best.max(mean);
            }
            let pooled = &work.pooled[row * self.padded()..][..hidden];
            to[arms..arms + hidden].copy_from_slice(pooled);
            let share = work.shares[row];
            to[arms + hidden..].copy_from_slice(&[share, share * best]);
        }
    }

    fn add_gradient(&self, sums: &Sums, gradient: &mut [f32]) {
        let (hidden, padded) = (self.shape.hidden, self.padded());
        let [first, first_bias, second, second_bias, last, last_bias] =
            self.entries.map(|entry| entry.range());
        add_turned(&mut gradient[first], READ, (&sums.first, padded));
        add(&mut gradient[first_bias], &sums.first[READ * padded..]);
        add_turned(&mut gradient[second], hidden, (&sums.second, padded));
        add(&mut gradient[second_bias], &sums.second_bias);
        let rows = gradient[last].chunks_exact_mut(hidden);
        rows.zip(sums.last.chunks_exact(padded))
            .for_each(|(row, sums)| add(row, sums));
        add(&mut gradient[last_bias], &sums.last_bias);
    }
}

/// Where the parameters of layers of so many units lie.
fn entries(hidden: usize) -> [Entry; 6] {
    let mut offset = 0;
    let entries = [
        ("trunk.0.weight", [hidden, READ]),
        ("trunk.0.bias", [hidden, 1]),
        ("trunk.1.weight", [hidden, hidden]),
        ("trunk.1.bias", [hidden, 1]),
        ("trunk.2.weight", [MADE, hidden]),
        ("trunk.2.bias", [MADE, 1]),
    ];
    entries.map(|(name, shape)| {
        let entry = Entry {
            name,
            block: None,
            shape,
            offset,
        };
        offset += entry.count();
        entry
    })
}

impl Trunk for Index {
    type Work = IndexWork;
    type Memory = ();

    fn entries(&self) -> Vec<Entry> {
        self.entries.to_vec()
    }

    fn features(&self) -> usize {
        self.shape.arms + self.shape.hidden + BESIDE
    }

    fn indices(&self) -> usize {
        self.shape.arms
    }

    fn memory(&self, _lanes: usize, _at_most: usize) {}

    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        let (hidden, padded) = (self.shape.hidden, self.padded());
        let packed = padded * (READ + 2 * hidden + MADE + 2) + PANEL * (hidden + 1);
        let bytes =
            |rows: usize, backward| 4.0 * self.floats(rows.min(self.chunk_rows()), backward) as f64;
        TrunkBytes {
            packed: 4.0 * packed as f64,
            acting: bytes(lanes, false),
            learning: bytes(lanes * steps, true),
        }
    }

    /// Backward goes forward once more.
    fn flops(&self) -> Flops {
        let hidden = self.shape.hidden;
        let weights = hidden * (READ + hidden + MADE);
        let through = hidden * (hidden + MADE);
        let of_arms = |products: usize| 2 * (self.shape.arms * products) as u64;
        Flops {
            forward: of_arms(weights),
            training: of_arms(3 * weights + through),
        }
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    fn work(&self) -> IndexWork {
        IndexWork::default()
    }

    fn pack(&mut self, params: &[f32]) {
        let entries = self.entries;
        assert_eq!(
            params.len(),
            entries[5].range().end,
            "parameters of the trunk"
        );
        for layer in 0..3 {
            let [weight, bias] = [0, 1].map(|part| entries[2 * layer + part]);
            let inputs = weight.shape[1];
            let weight = &params[weight.range()];
            panels(weight, inputs, &mut self.weights[layer]);
            if layer > 0 {
                panels_t(weight, inputs, &mut self.weights_t[layer - 1]);
            }
            let bias = &params[bias.range()];
            self.biases[layer].grow(bias.len().next_multiple_of(PANEL));
            self.biases[layer][..bias.len()].copy_from_slice(bias);
        }
    }

    fn step(&self, work: &mut IndexWork, inputs: &Inputs<'_>, (): &mut (), features: &mut [f32]) {
        work.rows = 0;
        self.pass(work, inputs, features);
    }

    fn forward(&self, work: &mut IndexWork, trials: Trials<'_>, features: &mut [f32]) {
        self.pass(work, &trials.inputs, features);
        work.rows = trials.inputs.rows();
    }

    fn backward(
        &self,
        work: &mut IndexWork,
        trials: Trials<'_>,
        features: &[f32],
        gradient: &mut [f32],
    ) {
        let rows = trials.inputs.rows();
        self.check(&trials.inputs, features.len());
        assert_eq!(work.rows, rows, "backward without a forward pass");
        work.rows = 0;
        work.sums.clear(self.padded());
        for from in (0..rows).step_by(self.chunk_rows()) {
            let chunk: Range<usize> = from..(from + self.chunk_rows()).min(rows);
            let own = &features[chunk.start * self.features()..chunk.end * self.features()];
            self.forward_chunk(work, &trials.inputs, chunk);
            self.backward_chunk(work, own);
        }
        self.add_gradient(&work.sums, gradient);
    }
}
