//! The heads on top of a trunk: linear layers from its features to the policy's
//! outputs and the value.

mod plain;

use crate::buffer::Buffer;
use crate::gemm::{CHUNK_ROWS, LANE_BLOCK, PANEL, Rows, outer, project};
use crate::input::ShapeError;
use crate::math;
use crate::simd::{Isa, Kernel, Simd};
use crate::trunk::{Entry, Flops, TrunkBytes};
use std::ops::Range;

/// Outputs of the heads, one row per lane and step.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// `[rows][outputs]`: what the policy is made of.
    pub policy: &'a mut [f32],
    /// `[rows]`.
    pub values: &'a mut [f32],
}

/// Gradients of a loss with respect to [`Outputs`].
#[derive(Clone, Copy, Debug)]
pub struct OutputGradients<'a> {
    /// `[rows][outputs]`.
    pub policy: &'a [f32],
    /// `[rows]`.
    pub values: &'a [f32],
}

/// The gradient of features, as rows of all lanes of a step: themselves, or still
/// to be multiplied out.
#[derive(Clone, Copy)]
pub(crate) enum FeatureGradient<'a> {
    /// `[lanes][features padded to 16]`.
    Rows(Rows<'a>),
    /// The products of rows of `depth` numbers, the gradients of what the features
    /// went into, with weights `[feature panel][depth][16]`.
    Product {
        rows: Rows<'a>,
        depth: usize,
        panels: &'a [f32],
    },
}

/// What a policy's outputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Logits of so many actions, see [`Categorical`](crate::Categorical).
    Categorical(usize),
    /// Means of vectors of this width, see [`Gaussian`](crate::Gaussian). Their
    /// standard deviations are parameters that no feature moves.
    Gaussian(usize),
}

impl Policy {
    /// Numbers of a row.
    pub fn outputs(self) -> usize {
        match self {
            Policy::Categorical(outputs) | Policy::Gaussian(outputs) => outputs,
        }
    }
}

/// The heads and their parameters, packed for the kernels.
#[derive(Clone)]
pub struct Heads {
    policy: Policy,
    outputs: usize,
    /// How many of the policy's outputs the first features are, but for a factor; the
    /// layers read the features after them.
    given: usize,
    features: usize,
    isa: Isa,
    /// That factor.
    scale: f32,
    layout: HeadsLayout,
    /// `[width]`: as they are, for a Gaussian.
    log_std: Vec<f32>,
    /// `[column panel][F][16]`; the columns are the policy's outputs, then the
    /// value.
    weights: Buffer,
    /// `[column panel][16]`.
    bias: Buffer,
    /// `[feature panel][columns][16]`.
    weights_t: Buffer,
}

/// Where each parameter of [`Heads`] lies in their flat slice.
#[derive(Clone, Copy)]
struct HeadsLayout {
    policy: PolicyLayout,
    log_std: Option<Entry>,
    value_weight: Entry,
    value_bias: Entry,
}

/// The policy's part of it.
#[derive(Clone, Copy)]
enum PolicyLayout {
    Linear { weight: Entry, bias: Entry },
    Scale { log_scale: Entry },
}

/// Buffers of one thread for [`Heads`], which grow to the largest tile seen.
#[derive(Default)]
pub struct HeadsWork {
    /// `[lanes][columns padded to 16]`.
    outputs: Buffer,
    /// `[chunk rows][columns padded to 4]`: gradients of the outputs.
    gradients: Buffer,
    /// `[columns padded to 4][features padded to 16]`: sums over the tile.
    weight_sums: Buffer,
    /// `[columns padded to 4]`.
    bias_sums: Buffer,
    /// `[rows][given + features]` as they are, and `[rows][features]` padded to whole
    /// blocks: of trunks that give plain rows.
    plain: Vec<f32>,
    features: Buffer,
    /// The gradient of the given outputs' factor, times that: a sum over the tile.
    scale_sum: f64,
    /// `[chunk rows][features padded to 16]`: their gradients.
    feature_gradients: Buffer,
}

impl HeadsWork {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let buffers = [
            &self.outputs,
            &self.gradients,
            &self.weight_sums,
            &self.bias_sums,
            &self.features,
            &self.feature_gradients,
        ];
        let floats = buffers.iter().map(|buffer| buffer.len()).sum::<usize>();
        (floats + self.plain.len()) * size_of::<f32>()
    }
}

impl Heads {
    /// Heads for a policy on top of so many features, without parameters.
    ///
    /// # Errors
    /// If a size is out of range.
    pub fn new(policy: Policy, features: usize, isa: Isa) -> Result<Heads, ShapeError> {
        Heads::laid_out(policy, (0, features), isa)
    }

    /// Heads on top of so many features, of which the first are an index of an action
    /// each: logits are these times one number, a parameter.
    ///
    /// # Errors
    /// If a size is out of range.
    pub fn of_indices(indices: usize, features: usize, isa: Isa) -> Result<Heads, ShapeError> {
        let read = features.saturating_sub(indices);
        Heads::laid_out(Policy::Categorical(indices), (indices, read), isa)
    }

    fn laid_out(
        policy: Policy,
        (given, features): (usize, usize),
        isa: Isa,
    ) -> Result<Heads, ShapeError> {
        let outputs = policy.outputs();
        ShapeError::check("actions", outputs)?;
        ShapeError::check("features", features)?;
        let mut offset = 0;
        let mut entry = |name, shape: [usize; 2]| {
            let entry = Entry {
                name,
                block: None,
                shape,
                offset,
            };
            offset += entry.count();
            entry
        };
        Ok(Heads {
            policy,
            outputs,
            given,
            features,
            isa,
            scale: 1.0,
            layout: HeadsLayout {
                policy: match given {
                    0 => PolicyLayout::Linear {
                        weight: entry("policy.weight", [outputs, features]),
                        bias: entry("policy.bias", [outputs, 1]),
                    },
                    _ => PolicyLayout::Scale {
                        log_scale: entry("policy.log_scale", [1, 1]),
                    },
                },
                log_std: match policy {
                    Policy::Categorical(_) => None,
                    Policy::Gaussian(_) => Some(entry("policy.log_std", [outputs, 1])),
                },
                value_weight: entry("value.weight", [1, features]),
                value_bias: entry("value.bias", [1, 1]),
            },
            log_std: Vec::new(),
            weights: Buffer::default(),
            bias: Buffer::default(),
            weights_t: Buffer::default(),
        })
    }

    /// What the policy's outputs are.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Numbers of a row of the policy's outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Logarithms of a Gaussian's standard deviations; empty for other policies.
    pub fn log_std(&self) -> &[f32] {
        &self.log_std
    }

    /// The same in a flat slice of the heads' parameters, or of their gradient.
    pub(crate) fn log_std_of<'a>(&self, flat: &'a mut [f32]) -> &'a mut [f32] {
        let range = self.layout.log_std.map_or(0..0, |entry| entry.range());
        &mut flat[range]
    }

    /// Its parameters in the order in which they lie in the flat slice.
    pub fn entries(&self) -> Vec<Entry> {
        let HeadsLayout {
            policy,
            log_std,
            value_weight,
            value_bias,
        } = self.layout;
        let policy = match policy {
            PolicyLayout::Linear { weight, bias } => vec![weight, bias],
            PolicyLayout::Scale { log_scale } => vec![log_scale],
        };
        let rest = log_std.into_iter().chain([value_weight, value_bias]);
        policy.into_iter().chain(rest).collect()
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.layout.value_bias.range().end
    }

    /// Operations of a row.
    pub fn flops(&self) -> Flops {
        let forward = 2 * (self.columns() * self.features) as u64;
        Flops {
            forward,
            training: 3 * forward,
        }
    }

    /// What they take for a tile of so many lanes.
    pub fn bytes(&self, lanes: usize) -> TrunkBytes {
        let [columns, features, padded] =
            [self.columns(), self.features, self.padded()].map(|size| size as f64);
        let wide = self.columns().next_multiple_of(PANEL) as f64;
        let narrow = self.columns().next_multiple_of(4) as f64;
        let rows = lanes.next_multiple_of(LANE_BLOCK);
        let acting = 4.0 * rows as f64 * wide;
        let chunk = (CHUNK_ROWS.div_ceil(rows) * rows) as f64;
        TrunkBytes {
            packed: 4.0 * ((features + 1.0) * wide + columns * padded),
            acting,
            learning: acting + 4.0 * narrow * (chunk + padded + 1.0),
        }
    }

    /// The policy's outputs that a layer makes.
    fn layered(&self) -> usize {
        self.outputs - self.given
    }

    /// What layers make: the policy's outputs, where they do, and the value.
    fn columns(&self) -> usize {
        self.layered() + 1
    }

    fn padded(&self) -> usize {
        self.features.next_multiple_of(PANEL)
    }

    /// Takes flat parameters.
    ///
    /// # Panics
    /// If there are more or fewer than the entries say.
    pub fn pack(&mut self, params: &[f32]) {
        let of = |entry: Entry| &params[entry.range()];
        assert_eq!(params.len(), self.parameters(), "parameters of the heads");
        let (features, columns) = (self.features, self.columns());
        let wide = columns.next_multiple_of(PANEL);
        self.weights.grow(features * wide);
        self.bias.grow(wide);
        self.weights_t.grow(columns * self.padded());
        let (weight, bias) = match self.layout.policy {
            PolicyLayout::Linear { weight, bias } => (of(weight), of(bias)),
            PolicyLayout::Scale { log_scale } => {
                let mut scale = [params[log_scale.offset]];
                math::exp(self.isa, &mut scale);
                self.scale = scale[0];
                (&[][..], &[][..])
            }
        };
        let rows = weight.chunks_exact(features);
        let rows = rows.chain([of(self.layout.value_weight)]);
        for (column, row) in rows.enumerate() {
            let forward = (column / PANEL) * features * PANEL + column % PANEL;
            for (k, &w) in row.iter().enumerate() {
                self.weights[forward + k * PANEL] = w;
            }
            for (panel, part) in row.chunks(PANEL).enumerate() {
                let to = (panel * columns + column) * PANEL;
                self.weights_t[to..to + part.len()].copy_from_slice(part);
            }
        }
        self.bias[..bias.len()].copy_from_slice(bias);
        self.bias[bias.len()] = params[self.layout.value_bias.offset];
        self.log_std.clear();
        self.log_std
            .extend(self.layout.log_std.iter().flat_map(|entry| of(*entry)));
    }

    /// The outputs of the first `lanes` rows of features, which go on to a whole
    /// block of lanes.
    pub(crate) fn forward(
        &self,
        work: &mut HeadsWork,
        (features, lanes): (Rows<'_>, usize),
        outputs: Outputs<'_>,
    ) {
        assert!(!self.weights.is_empty(), "heads without parameters");
        let lanes_padded = lanes.next_multiple_of(LANE_BLOCK);
        let wide = self.columns().next_multiple_of(PANEL);
        work.outputs.grow(lanes_padded * wide);
        self.isa.dispatch(Project {
            rows: features,
            size: [lanes_padded, self.features],
            weights: (&self.weights, Some(&self.bias)),
            out: &mut work.outputs,
        });
        let layered = self.layered();
        let rows = work.outputs.chunks_exact(wide).take(lanes);
        for (lane, (row, value)) in rows.zip(outputs.values).enumerate() {
            let policy = &mut outputs.policy[lane * layered..(lane + 1) * layered];
            policy.copy_from_slice(&row[..layered]);
            *value = row[layered];
        }
    }

    /// Makes room for the gradients of chunks of so many rows and zeroes the sums.
    pub(crate) fn prepare_backward(&self, work: &mut HeadsWork, chunk: usize) {
        let narrow = self.columns().next_multiple_of(4);
        for (buffer, len) in [
            (&mut work.gradients, chunk * narrow),
            (&mut work.weight_sums, narrow * self.padded()),
            (&mut work.bias_sums, narrow),
        ] {
            buffer.grow(len);
            buffer.fill(0.0);
        }
    }

    /// Copies gradients of some rows of outputs into the chunk from row `at` on, and
    /// adds them to the sums for the biases.
    pub(crate) fn load(
        &self,
        work: &mut HeadsWork,
        (outputs, rows): (OutputGradients<'_>, Range<usize>),
        at: usize,
    ) {
        let narrow = self.columns().next_multiple_of(4);
        let (to, layered) = (&mut work.gradients[at * narrow..], self.layered());
        for (to, row) in to.chunks_exact_mut(narrow).zip(rows) {
            let policy = &outputs.policy[row * layered..(row + 1) * layered];
            to[..layered].copy_from_slice(policy);
            to[layered] = outputs.values[row];
            add(&mut work.bias_sums, to);
        }
    }

    /// The gradient of the features of the chunk's rows from `at` on.
    pub(crate) fn feature_gradient<'a>(
        &'a self,
        work: &'a HeadsWork,
        at: usize,
    ) -> FeatureGradient<'a> {
        let narrow = self.columns().next_multiple_of(4);
        FeatureGradient::Product {
            rows: Rows::new(&work.gradients[at * narrow..], narrow),
            depth: self.columns(),
            panels: &self.weights_t,
        }
    }

    /// Adds the weights' gradient of the chunk's first `rows` rows, whose features
    /// are at hand, to the sums.
    pub(crate) fn sum_weights(&self, work: &mut HeadsWork, features: Rows<'_>, rows: usize) {
        let narrow = self.columns().next_multiple_of(4);
        self.isa.dispatch(Outer {
            size: [narrow, rows, self.padded()],
            a: Rows::new(&work.gradients, narrow),
            b: features,
            out: &mut work.weight_sums,
        });
    }

    /// Adds the sums of a backward pass to the flat gradient of the heads.
    pub(crate) fn add_gradient(&self, work: &HeadsWork, gradient: &mut [f32]) {
        let (layout, features, padded) = (self.layout, self.features, self.padded());
        match layout.policy {
            PolicyLayout::Linear { weight, bias } => {
                let rows = gradient[weight.range()].chunks_exact_mut(features);
                for (row, sums) in rows.zip(work.weight_sums.chunks_exact(padded)) {
                    add(row, sums);
                }
                add(&mut gradient[bias.range()], &work.bias_sums);
            }
            PolicyLayout::Scale { log_scale } => {
                gradient[log_scale.offset] += work.scale_sum as f32;
            }
        }
        let sums = &work.weight_sums[self.layered() * padded..];
        add(&mut gradient[layout.value_weight.range()], sums);
        gradient[layout.value_bias.offset] += work.bias_sums[self.layered()];
    }
}

/// `out = rows weights + bias`, see [`project`].
struct Project<'a> {
    rows: Rows<'a>,
    /// Rows and their width.
    size: [usize; 2],
    weights: (&'a [f32], Option<&'a [f32]>),
    out: &'a mut [f32],
}

impl Kernel for Project<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let [rows, depth] = self.size;
        assert!(self.rows.holds(rows, depth));
        let row = |row| self.rows.row(row);
        // SAFETY: there are so many rows of so many floats, by the assertion.
        unsafe { project(s, (rows, depth), row, self.weights, self.out) }
    }
}

/// `out += aᵀ b`, see [`outer`].
struct Outer<'a> {
    size: [usize; 3],
    a: Rows<'a>,
    b: Rows<'a>,
    out: &'a mut [f32],
}

impl Kernel for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        outer(s, self.size, self.a, self.b, self.out);
    }
}

pub(crate) fn add(to: &mut [f32], from: &[f32]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a += b;
    }
}
