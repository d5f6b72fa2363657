//! Initial values of parameters, drawn from our own streams.
//!
//! Weights are stored as libtorch stores them: `[outputs, inputs]`, so that a
//! shape's fan-in is its last size.

use rl_core::Stream;
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Distribution as _, StandardNormal};

/// How a parameter's initial values are drawn.
///
/// The matrix rules take two-dimensional shapes. `blocks` is into how many
/// equal groups of rows the matrix is cut, each drawn as a matrix of its own:
/// the number of gates for a recurrent layer, 1 otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Init {
    /// All zero.
    Zeros,
    /// All the same.
    Constant(f64),
    /// Biases of gates in equal groups, `signs` times ln u, where each unit's u
    /// is drawn from U(1, memory − 1) once for all its gates: a gate that keeps
    /// with sign 1 then forgets within 2 to `memory` steps, as inputs of none
    /// say (chrono initialization, Tallec and Ollivier 2018, section 2).
    Chrono {
        /// 1 for gates that keep, −1 for gates that write, 0 for others.
        signs: Vec<f64>,
        /// The longest time in which a unit forgets, in steps; at 2 all biases
        /// are 0.
        memory: f64,
    },
    /// In equal groups, one value each.
    Groups {
        /// Of the groups.
        values: Vec<f64>,
    },
    /// N(0, deviation²).
    Normal {
        /// The standard deviation.
        deviation: f64,
    },
    /// Logarithms of the rates at which units of a linear recurrence forget, each unit's
    /// within its own 2 to `memory` steps, as in [`Init::Chrono`]: with u drawn from
    /// U(1, memory − 1), what is remembered shrinks by u / (u + 1) at every step.
    Decay {
        /// The longest time in which a unit forgets, in steps.
        memory: f64,
    },
    /// U(0, most), radians.
    Angle {
        /// The largest.
        most: f64,
    },
    /// U(low, high).
    Uniform {
        /// The smallest.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// U(−1/√fan_in, 1/√fan_in), PyTorch's rule for weights and biases.
    UniformFanIn {
        /// Inputs of the layer that the parameter belongs to.
        fan_in: usize,
    },
    /// U(−b, b) with b = gain · √(6 / (fan_in + fan_out)): Glorot and Bengio
    /// 2010, equation 16.
    XavierUniform {
        /// Factor for the layer's activation.
        gain: f64,
        /// Groups of rows drawn apart.
        blocks: usize,
    },
    /// N(0, 2 / fan_in): He et al. 2015, equation 10.
    HeNormal,
    /// Orthonormal rows or columns, whichever are fewer, times the gain: Saxe
    /// et al. 2014. Uniform over such matrices.
    Orthogonal {
        /// Factor for the layer's activation.
        gain: f64,
        /// Groups of rows drawn apart.
        blocks: usize,
    },
}

impl Init {
    /// Refuses a shape that the rule makes no sense for.
    pub(crate) fn check(&self, name: &str, shape: &[usize]) {
        let numel: usize = shape.iter().product();
        assert!(
            numel > 0,
            "parameter '{name}' has the empty shape {shape:?}"
        );
        match self {
            Self::Zeros
            | Self::Constant(_)
            | Self::Normal { .. }
            | Self::Decay { .. }
            | Self::Uniform { .. }
            | Self::Angle { .. } => {}
            Self::Groups { values } => assert!(
                !values.is_empty() && numel.is_multiple_of(values.len()),
                "'{name}': {numel} numbers in {} groups",
                values.len()
            ),
            Self::UniformFanIn { fan_in } => assert!(*fan_in > 0, "'{name}': fan_in is 0"),
            Self::Chrono { signs, .. } => assert!(
                !signs.is_empty() && numel.is_multiple_of(signs.len()),
                "'{name}': {numel} numbers in {} groups",
                signs.len()
            ),
            Self::HeNormal => assert!(shape.len() == 2, "'{name}' of shape {shape:?} is no matrix"),
            Self::XavierUniform { blocks, .. } | Self::Orthogonal { blocks, .. } => assert!(
                shape.len() == 2 && *blocks > 0 && shape[0].is_multiple_of(*blocks),
                "'{name}' of shape {shape:?} is no matrix of {blocks} groups of rows"
            ),
        }
    }

    /// Draws the values, row by row.
    pub(crate) fn draw(&self, shape: &[usize], stream: &mut Stream) -> Vec<f32> {
        let numel: usize = shape.iter().product();
        match self {
            Self::Zeros => vec![0.0; numel],
            Self::Constant(value) => vec![*value as f32; numel],
            Self::Chrono { signs, memory } => {
                let span = memory - 2.0;
                let draw = |_| match span > 0.0 {
                    true => (1.0 + span * stream.random::<f64>()).ln(),
                    false => 0.0,
                };
                let logs: Vec<f64> = (0..numel / signs.len()).map(draw).collect();
                let gate = |sign| logs.iter().map(move |log| (sign * log) as f32);
                signs.iter().flat_map(gate).collect()
            }
            Self::Groups { values } => {
                let group = |value: &f64| vec![*value as f32; numel / values.len()];
                values.iter().flat_map(group).collect()
            }
            Self::Normal { deviation } => {
                let normals = normal(numel, stream);
                normals.iter().map(|x| (deviation * x) as f32).collect()
            }
            Self::Decay { memory } => {
                let draw = |_| {
                    let u = 1.0 + (memory - 2.0) * stream.random::<f64>();
                    // ln(u / (u + 1)) without loss where u is large.
                    (1.0 / u).ln_1p().ln() as f32
                };
                (0..numel).map(draw).collect()
            }
            Self::Angle { most } => {
                let draw = |_| (most * stream.random::<f64>()) as f32;
                (0..numel).map(draw).collect()
            }
            Self::Uniform { low, high } => {
                let draw = |_| (low + (high - low) * stream.random::<f64>()) as f32;
                (0..numel).map(draw).collect()
            }
            Self::UniformFanIn { fan_in } => uniform(numel, 1.0 / (*fan_in as f64).sqrt(), stream),
            Self::XavierUniform { gain, blocks } => {
                let fans = shape[0] / blocks + shape[1];
                uniform(numel, gain * (6.0 / fans as f64).sqrt(), stream)
            }
            Self::HeNormal => {
                let deviation = (2.0 / shape[1] as f64).sqrt();
                normal(numel, stream)
                    .iter()
                    .map(|x| (deviation * x) as f32)
                    .collect()
            }
            Self::Orthogonal { gain, blocks } => {
                let rows = shape[0] / blocks;
                let block = |_| orthogonal(rows, shape[1], stream);
                let all = (0..*blocks).flat_map(block);
                all.map(|x| (gain * x) as f32).collect()
            }
        }
    }
}

fn uniform(count: usize, bound: f64, stream: &mut Stream) -> Vec<f32> {
    let draw = |_| (bound * (2.0 * stream.random::<f64>() - 1.0)) as f32;
    (0..count).map(draw).collect()
}

fn normal(count: usize, stream: &mut Stream) -> Vec<f64> {
    (0..count).map(|_| StandardNormal.sample(stream)).collect()
}

/// A `rows` × `columns` matrix whose shorter side is orthonormal: the Q of a
/// Gaussian matrix, by Gram-Schmidt. R's diagonal is positive by construction,
/// which makes Q uniform (Mezzadri 2007).
fn orthogonal(rows: usize, columns: usize, stream: &mut Stream) -> Vec<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut vector = normal(length, stream);
        // The second pass removes what rounding left behind in the first.
        for _ in 0..2 {
            for other in &vectors {
                let along = dot(&vector, other);
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(x, o)| *x -= along * o);
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        vectors.push(vector);
    }
    let element = |index: usize| {
        let (row, column) = (index / columns, index % columns);
        if rows <= columns {
            vectors[row][column]
        } else {
            vectors[column][row]
        }
    };
    (0..rows * columns).map(element).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
