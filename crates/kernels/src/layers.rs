//! Fully connected layers as a trunk, which remembers nothing: every step is seen for
//! itself.
//!
//! Some rows at a time, whose units stay in cache, go forward, and again before they go
//! backward, so that nothing is saved.

use crate::buffer::Buffer;
use crate::dense::{add_rows, add_turned, layer, panels, panels_t, tanh, turn};
use crate::gemm::{LANE_BLOCK, PANEL, Rows, outer};
use crate::heads::add;
use crate::input::{Inputs, Observation, ShapeError, Trials, check_rows};
use crate::mlp::Activation;
use crate::simd::{Isa, Kernel, Simd};
use crate::trunk::{Entry, Flops, Trunk, TrunkBytes};
use std::ops::Range;

/// What a trunk of fully connected layers reads, and how large it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayersShape {
    /// What is observed.
    pub observation: Observation,
    /// How many actions there are to have taken before, one-hot; 0 where they are continuous.
    pub actions: usize,
    /// Units of every layer.
    pub hidden: Vec<usize>,
    /// What follows every layer.
    pub activation: Activation,
}

/// Rows that are worked on together.
const CHUNK: usize = 128;

/// Layers `h' = act(W h + b)` from the inputs on; the features are the last one's units.
/// Pack once per update.
#[derive(Clone)]
pub struct Layers {
    shape: LayersShape,
    isa: Isa,
    /// Weight and bias of each layer.
    entries: Vec<[Entry; 2]>,
    /// `[unit panel][inputs][16]` and `[padded units]` of each layer, forward.
    weights: Vec<Buffer>,
    biases: Vec<Buffer>,
    /// `[input panel][units][16]` of each layer but the first, backward.
    weights_t: Vec<Buffer>,
}

/// Buffers of one thread for [`Layers`].
#[derive(Default)]
pub struct LayersWork {
    /// Rows of the last forward pass that none went backward from.
    rows: usize,
    x: Buffer,      // [chunk][room]
    y: Vec<Buffer>, // of each layer, [chunk][padded units]
    d: Vec<Buffer>, // likewise, gradients
    /// Gradients of a tile: of each layer `[inputs, padded][padded units]`.
    weight_sums: Vec<Buffer>,
    bias_sums: Vec<Buffer>,
}

fn padded(units: usize) -> usize {
    units.next_multiple_of(PANEL)
}

impl Layers {
    /// A trunk of a shape, without parameters, for the fastest instruction set of this
    /// processor.
    ///
    /// # Errors
    /// [`ShapeError`] where a size is out of range or there is no layer.
    pub fn new(shape: LayersShape) -> Result<Layers, ShapeError> {
        Layers::with_isa(shape, Isa::best())
    }

    /// Like [`Layers::new`] for a given instruction set.
    ///
    /// # Errors
    /// [`ShapeError`] where a size is out of range or there is no layer.
    pub fn with_isa(shape: LayersShape, isa: Isa) -> Result<Layers, ShapeError> {
        ShapeError::check("layers", shape.hidden.len())?;
        for units in &shape.hidden {
            ShapeError::check("hidden", *units)?;
        }
        let width = shape.observation.width() + shape.actions + 2;
        ShapeError::check("inputs", width)?;
        let (mut offset, mut inputs) = (0, width);
        let mut entry = |block, name, shape: [usize; 2]| {
            let entry = Entry {
                name,
                block: Some(block),
                shape,
                offset,
            };
            offset += entry.count();
            entry
        };
        let of_layer = |(l, units): (usize, &usize)| {
            let before = std::mem::replace(&mut inputs, *units);
            [
                entry(l, "weight", [*units, before]),
                entry(l, "bias", [*units, 1]),
            ]
        };
        let entries: Vec<_> = shape.hidden.iter().enumerate().map(of_layer).collect();
        let none = || vec![Buffer::default(); entries.len()];
        Ok(Layers {
            isa,
            weights: none(),
            biases: none(),
            weights_t: none(),
            entries,
            shape,
        })
    }

    /// Numbers that enter a layer.
    fn inputs(&self, l: usize) -> usize {
        self.entries[l][0].shape[1]
    }

    /// Floats of a row of them, which sums of gradients have as many rows as.
    fn room(&self, l: usize) -> usize {
        match l {
            0 => self.inputs(0).next_multiple_of(4),
            _ => padded(self.inputs(l)),
        }
    }

    fn units(&self, l: usize) -> usize {
        self.shape.hidden[l]
    }

    fn layers(&self) -> Range<usize> {
        0..self.entries.len()
    }

    /// Floats of the buffers of a pass over so many rows.
    fn floats(&self, rows: usize, backward: bool) -> usize {
        let rows = rows.min(CHUNK).next_multiple_of(LANE_BLOCK);
        let units: usize = self.layers().map(|l| padded(self.units(l))).sum();
        let sums = self
            .layers()
            .map(|l| (self.room(l) + 1) * padded(self.units(l)));
        let more = rows * units + sums.sum::<usize>();
        rows * (self.room(0) + units) + if backward { more } else { 0 }
    }

    fn check(&self, inputs: &Inputs<'_>, features: usize) {
        let rows = inputs.rows();
        check_rows(self.shape.observation, inputs, rows);
        let width = self.features();
        assert_eq!(features, rows * width, "features must be [rows][{width}]");
        assert!(!self.weights[0].is_empty(), "a trunk without parameters");
    }

    /// Some rows forward.
    fn forward_chunk(&self, work: &mut LayersWork, inputs: &Inputs<'_>, chunk: Range<usize>) {
        let rows = chunk.len().next_multiple_of(LANE_BLOCK);
        let room = self.room(0);
        work.x.grow(rows * room);
        // Rows that fill a block up, and what fills a row up, are zeros.
        work.x.fill(0.0);
        for (to, row) in work.x.chunks_exact_mut(room).zip(chunk) {
            inputs.write(row, self.shape.observation, &mut to[..self.inputs(0)]);
        }
        work.y.resize_with(self.entries.len(), Buffer::default);
        for l in self.layers() {
            work.y[l].grow(rows * padded(self.units(l)));
        }
        self.isa.dispatch(Forward {
            of: self,
            work,
            rows,
        });
    }

    /// The features of all rows.
    fn pass(&self, work: &mut LayersWork, inputs: &Inputs<'_>, features: &mut [f32]) {
        self.check(inputs, features.len());
        let (rows, width) = (inputs.rows(), self.features());
        for from in (0..rows).step_by(CHUNK) {
            let chunk = from..(from + CHUNK).min(rows);
            self.forward_chunk(work, inputs, chunk.clone());
            let last = &work.y[self.entries.len() - 1];
            let to = features[chunk.start * width..chunk.end * width].chunks_exact_mut(width);
            for (to, row) in to.zip(last.chunks_exact(padded(width))) {
                to.copy_from_slice(&row[..width]);
            }
        }
    }

    /// Adds the gradient of rows that have gone forward to the sums, given that of their
    /// features.
    fn backward_chunk(&self, work: &mut LayersWork, features: &[f32]) {
        let width = self.features();
        let rows = (features.len() / width).next_multiple_of(LANE_BLOCK);
        work.d.resize_with(self.entries.len(), Buffer::default);
        for l in self.layers() {
            work.d[l].grow(rows * padded(self.units(l)));
        }
        let last = &mut work.d[self.entries.len() - 1];
        last.fill(0.0);
        for (to, d) in last
            .chunks_exact_mut(padded(width))
            .zip(features.chunks_exact(width))
        {
            to[..width].copy_from_slice(d);
        }
        self.isa.dispatch(Backward {
            of: self,
            work,
            rows,
        });
    }

    fn clear(&self, work: &mut LayersWork) {
        let sums = [&mut work.weight_sums, &mut work.bias_sums];
        for (buffers, biases) in sums.into_iter().zip([false, true]) {
            buffers.resize_with(self.entries.len(), Buffer::default);
            for l in self.layers() {
                let height = if biases { 1 } else { self.room(l) };
                buffers[l].grow(height * padded(self.units(l)));
                buffers[l].fill(0.0);
            }
        }
    }
}

impl Trunk for Layers {
    type Work = LayersWork;
    type Memory = ();

    fn entries(&self) -> Vec<Entry> {
        self.entries.as_flattened().to_vec()
    }

    fn features(&self) -> usize {
        self.units(self.entries.len() - 1)
    }

    fn memory(&self, _lanes: usize, _at_most: usize) {}

    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        let packed = |l: usize| {
            let back = if l > 0 { self.units(l) } else { 0 };
            padded(self.units(l)) * (self.inputs(l) + 1) + padded(self.inputs(l)) * back
        };
        let bytes = |floats: usize| 4.0 * floats as f64;
        TrunkBytes {
            packed: bytes(self.layers().map(packed).sum()),
            acting: bytes(self.floats(lanes, false)),
            learning: bytes(self.floats(lanes * steps, true)),
        }
    }

    /// Backward goes forward once more.
    fn flops(&self) -> Flops {
        let products = |l: usize| self.units(l) * self.inputs(l);
        let all: usize = self.layers().map(products).sum();
        let through = all - products(0);
        Flops {
            forward: 2 * all as u64,
            training: 2 * (3 * all + through) as u64,
        }
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    fn work(&self) -> LayersWork {
        LayersWork::default()
    }

    fn pack(&mut self, params: &[f32]) {
        let count = self
            .entries
            .as_flattened()
            .iter()
            .map(Entry::count)
            .sum::<usize>();
        assert_eq!(params.len(), count, "parameters of the trunk");
        for (l, [weight, bias]) in self.entries.iter().enumerate() {
            let inputs = weight.shape[1];
            let weight = &params[weight.range()];
            panels(weight, inputs, &mut self.weights[l]);
            if l > 0 {
                panels_t(weight, inputs, &mut self.weights_t[l]);
            }
            let bias = &params[bias.range()];
            self.biases[l].grow(padded(bias.len()));
            self.biases[l][..bias.len()].copy_from_slice(bias);
        }
    }

    fn step(&self, work: &mut LayersWork, inputs: &Inputs<'_>, (): &mut (), features: &mut [f32]) {
        work.rows = 0;
        self.pass(work, inputs, features);
    }

    fn forward(&self, work: &mut LayersWork, trials: Trials<'_>, features: &mut [f32]) {
        self.pass(work, &trials.inputs, features);
        work.rows = trials.inputs.rows();
    }

    fn backward(
        &self,
        work: &mut LayersWork,
        trials: Trials<'_>,
        features: &[f32],
        gradient: &mut [f32],
    ) {
        let (rows, width) = (trials.inputs.rows(), self.features());
        self.check(&trials.inputs, features.len());
        assert_eq!(work.rows, rows, "backward without a forward pass");
        work.rows = 0;
        self.clear(work);
        for from in (0..rows).step_by(CHUNK) {
            let chunk = from..(from + CHUNK).min(rows);
            let own = &features[chunk.start * width..chunk.end * width];
            self.forward_chunk(work, &trials.inputs, chunk);
            self.backward_chunk(work, own);
        }
        for (l, [weight, bias]) in self.entries.iter().enumerate() {
            let sums = (&work.weight_sums[l][..], padded(self.units(l)));
            add_turned(&mut gradient[weight.range()], weight.shape[1], sums);
            add(&mut gradient[bias.range()], &work.bias_sums[l]);
        }
    }
}

struct Forward<'a> {
    of: &'a Layers,
    work: &'a mut LayersWork,
    /// Whole blocks.
    rows: usize,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { of, work, rows } = self;
        for l in of.layers() {
            let (before, after) = work.y.split_at_mut(l);
            let from = match l {
                0 => Rows::new(&work.x, of.room(0)),
                _ => Rows::new(&before[l - 1], of.room(l)),
            };
            let packed = (&of.weights[l][..], Some(&of.biases[l][..]));
            layer(s, (from, [rows, of.inputs(l)]), packed, &mut after[0]);
            let own = &mut after[0][..rows * padded(of.units(l))];
            match of.shape.activation {
                Activation::Tanh => tanh(s, own),
                Activation::Relu => {
                    for vector in own.chunks_exact_mut(S::LANES) {
                        let p = vector.as_mut_ptr();
                        // The zero first, so that NaN comes through.
                        // SAFETY: the chunk is a vector.
                        unsafe { s.store(p, s.max(s.splat(0.0), s.load(p))) }
                    }
                }
            }
        }
    }
}

struct Backward<'a> {
    of: &'a Layers,
    work: &'a mut LayersWork,
    rows: usize,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { of, work, rows } = self;
        for l in of.layers().rev() {
            let width = padded(of.units(l));
            let (below, own) = work.d.split_at_mut(l);
            let d = &mut own[0][..rows * width];
            let y = &work.y[l][..rows * width];
            match of.shape.activation {
                Activation::Tanh => turn(s, d, y, None),
                Activation::Relu => {
                    for (d, y) in d.chunks_exact_mut(S::LANES).zip(y.chunks_exact(S::LANES)) {
                        let (p, zero) = (d.as_mut_ptr(), s.splat(0.0));
                        // SAFETY: both chunks are vectors.
                        unsafe {
                            s.store(p, s.select_lt(zero, s.load(y.as_ptr()), s.load(p), zero))
                        }
                    }
                }
            }
            let from = match l {
                0 => Rows::new(&work.x, of.room(0)),
                _ => Rows::new(&work.y[l - 1], of.room(l)),
            };
            let of_rows = Rows::new(d, width);
            let size = [of.room(l), rows, width];
            outer(s, size, from, of_rows, &mut work.weight_sums[l]);
            add_rows(s, d, &mut work.bias_sums[l][..width]);
            if l > 0 {
                let packed = (&of.weights_t[l][..], None);
                let of_rows = Rows::new(d, width);
                layer(s, (of_rows, [rows, of.units(l)]), packed, &mut below[l - 1]);
            }
        }
    }
}
