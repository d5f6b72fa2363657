//! Feed-forward networks with policy heads, differentiated once and twice
//! analytically: what gradient-based meta-reinforcement learning needs of a
//! policy, in `f32` for speed or `f64` for audits ([`Real`]).
//!
//! Layer `l` computes `z = h W + b` and all but the last `h' = act(z)`. The
//! outputs are logits, means or plain numbers, as the [`Head`] says. A call
//! handles a batch of samples:
//!
//! - [`Mlp::forward`] fills a [`Cache`] with activations and a copy of the
//!   parameters, so that everything that follows differentiates at the same
//!   point and takes no parameters.
//! - First order: [`Mlp::score`], [`Mlp::entropy_gradient`],
//!   [`Mlp::kl_gradient`], and [`Mlp::backward`] for any other loss. Each adds a
//!   gradient `[parameters]`.
//! - [`Mlp::tangent`] fills a [`Tangent`] with the derivative of all activations
//!   along a direction `v` in parameter space.
//! - Second order: [`Mlp::score_tangent`], [`Mlp::entropy_gradient_tangent`],
//!   [`Mlp::kl_gradient_tangent`], and [`Mlp::backward_tangent`] for any other
//!   loss, add the derivative of the gradient of the same name along `v`, a
//!   product of the exact Hessian with `v` (Pearlmutter 1994, "Fast exact
//!   multiplication by the Hessian"). [`Mlp::score_product`] does the same without
//!   a tangent in between, and [`Mlp::prepare_score`] prepares it for many
//!   directions. [`Mlp::fisher_vector`] adds a product with the Fisher information
//!   matrix.
//!
//! All sums over samples take a weight per sample and divide by nothing: pass
//! `advantage / n`, or `1 / n`, or 0 to leave a sample out.
//!
//! ```
//! use kernels::mlp::{Activation, Acts, Cache, Head, Mlp, Tangent};
//!
//! let policy = Mlp::new(2, &[8, 8], 3, Activation::Tanh, Head::Categorical)?;
//! let params: Vec<f64> = (0..policy.parameters()).map(|i| (i as f64).sin() * 0.3).collect();
//! let observations = [0.5, -1.0, 2.0, 0.0]; // [2][2]
//! let actions = Acts::Index(&[2, 0]);
//! let advantages = [1.0, -0.5];
//!
//! let mut cache = Cache::new();
//! policy.forward(&params, &observations, 2, &mut cache);
//! let mut gradient = vec![0.0; params.len()];
//! policy.score(&mut cache, actions, &advantages, &mut gradient);
//!
//! // The Hessian of the same objective along its own gradient.
//! let mut tangent = Tangent::new();
//! policy.tangent(&gradient, &cache, &mut tangent);
//! let mut product = vec![0.0; params.len()];
//! policy.score_tangent(&mut cache, &tangent, actions, &advantages, None, &mut product);
//!
//! // A small step changes the gradient by nearly that.
//! let moved: Vec<f64> = params.iter().zip(&gradient).map(|(p, g)| p + 1e-6 * g).collect();
//! policy.forward(&moved, &observations, 2, &mut cache);
//! let mut after = vec![0.0; params.len()];
//! policy.score(&mut cache, actions, &advantages, &mut after);
//! for i in 0..params.len() {
//!     assert!((after[i] - gradient[i] - 1e-6 * product[i]).abs() < 1e-9);
//! }
//! # Ok::<(), kernels::mlp::MlpError>(())
//! ```
//!
//! # Reproducibility
//! As in the rest of the crate: a sample's outputs do not depend on its
//! neighbours, sums run in a fixed order, and in `f32` AVX-512, AVX2 and NEON
//! give the same bits.
//!
//! # Panics
//! Every function panics where a slice has the wrong length, an action does not
//! exist or has the wrong kind, or a cache or tangent belongs to another network
//! or batch. Numbers are never checked or clamped: NaN spreads into the sums.

mod backward;
mod cache;
mod divergence;
mod epilogue;
mod forward;
mod head;
mod pack;
mod policy;
mod prepared;
mod product;
mod real;
mod score;
mod softmax;

pub use cache::{Cache, Tangent};
pub use head::{Acts, Old};
pub use prepared::Prepared;
pub use real::Real;
pub use score::Weights;

pub(crate) use epilogue::{Activate, Derive, Epilogue, Store};
pub(crate) use product::{ColumnSums, Factor, Matrix, Outer, PANEL, Product, ROWS, padded};
pub(crate) use real::{Single, Vector, Work};

use crate::input::MAX_DIM;
use std::fmt;
use std::ops::Range;

/// Activation of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Hyperbolic tangent.
    Tanh,
    /// `max(0, z)`; its derivative at 0 is 0, its second derivative 0.
    Relu,
}

/// What the outputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Head {
    /// Plain numbers, as of a value network. No probabilities: only
    /// [`Mlp::backward`] and [`Mlp::backward_tangent`] apply.
    None,
    /// Logits of a categorical distribution over actions.
    Categorical,
    /// Means of a Gaussian with a diagonal covariance that does not depend on
    /// the observation: the logarithms of its standard deviations are the last
    /// `outputs` parameters.
    Gaussian,
}

/// A layer's sizes and where things are.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// `[inputs][outputs]` in the parameters.
    pub(crate) weight: Range<usize>,
    /// `[outputs]` in the parameters.
    pub(crate) bias: Range<usize>,
    /// Where a matrix padded in both dimensions begins in packed buffers.
    pub(crate) matrix: usize,
    /// Where a padded row of outputs begins in packed buffers.
    pub(crate) row: usize,
}

/// A fully connected network's sizes; see the [module](self).
#[derive(Clone, Debug)]
pub struct Mlp {
    layers: Vec<Layer>,
    activation: Activation,
    head: Head,
}

impl Mlp {
    /// A network from `inputs` numbers, possibly none, through `hidden` layers,
    /// possibly none, to `outputs`.
    ///
    /// # Errors
    /// [`MlpError`] where a layer has no units, or anything has more than
    /// [`MAX_DIM`].
    pub fn new(
        inputs: usize,
        hidden: &[usize],
        outputs: usize,
        activation: Activation,
        head: Head,
    ) -> Result<Mlp, MlpError> {
        let check = |what: String, value: usize, least: usize| {
            let allowed = (least..=MAX_DIM).contains(&value);
            allowed
                .then_some(value)
                .ok_or(MlpError { what, value, least })
        };
        let mut layers: Vec<Layer> = Vec::with_capacity(hidden.len() + 1);
        let mut width = check("inputs".to_owned(), inputs, 0)?;
        let (mut at, mut matrix, mut row) = (0, 0, 0);
        for (l, &units) in hidden.iter().chain([&outputs]).enumerate() {
            let what = match l < hidden.len() {
                true => format!("units of hidden layer {l}"),
                false => "outputs".to_owned(),
            };
            let units = check(what, units, 1)?;
            let bias = at + width * units;
            layers.push(Layer {
                inputs: width,
                outputs: units,
                weight: at..bias,
                bias: bias..bias + units,
                matrix,
                row,
            });
            at = bias + units;
            matrix += padded(width) * padded(units);
            row += padded(units);
            width = units;
        }
        Ok(Mlp {
            layers,
            activation,
            head,
        })
    }

    /// Numbers per observation.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs
    }

    /// Outputs per sample.
    pub fn outputs(&self) -> usize {
        self.last().outputs
    }

    /// Activation of the hidden layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// What the outputs mean.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Length of the flat parameters.
    pub fn parameters(&self) -> usize {
        self.log_std().end
    }

    /// Where the logarithms of the standard deviations are in the parameters:
    /// `outputs` of them for [`Head::Gaussian`], else an empty range.
    pub fn log_std(&self) -> Range<usize> {
        let start = self.last().bias.end;
        match self.head {
            Head::Gaussian => start..start + self.outputs(),
            Head::None | Head::Categorical => start..start,
        }
    }

    /// Name, shape and place of every parameter, in the order of the flat
    /// parameters and without gaps: `layer0.weight` `[inputs][outputs]` row-major,
    /// `layer0.bias`, `layer1.weight`, ..., and for [`Head::Gaussian`] `log_std`.
    pub fn layout(&self) -> Vec<(String, Vec<usize>, Range<usize>)> {
        let mut entries = Vec::new();
        for (l, layer) in self.layers.iter().enumerate() {
            let shape = vec![layer.inputs, layer.outputs];
            entries.push((format!("layer{l}.weight"), shape, layer.weight.clone()));
            let shape = vec![layer.outputs];
            entries.push((format!("layer{l}.bias"), shape, layer.bias.clone()));
        }
        if self.head == Head::Gaussian {
            let shape = vec![self.outputs()];
            entries.push(("log_std".to_owned(), shape, self.log_std()));
        }
        entries
    }

    /// Numbers per observation, then outputs of every layer.
    fn widths(&self) -> impl Iterator<Item = usize> {
        [self.inputs()]
            .into_iter()
            .chain(self.layers.iter().map(|layer| layer.outputs))
    }

    fn last(&self) -> &Layer {
        &self.layers[self.layers.len() - 1]
    }

    /// Floats of all packed weights.
    fn packed_len(&self) -> usize {
        let last = self.last();
        last.matrix + padded(last.inputs) * padded(last.outputs)
    }

    /// Floats of all packed biases.
    fn rows_len(&self) -> usize {
        self.last().row + padded(self.outputs())
    }

    /// The widest row of a layer's outputs, padded.
    fn widest(&self) -> usize {
        let widths = self.layers.iter().map(|layer| padded(layer.outputs));
        widths.max().unwrap_or(0)
    }
}

/// A size that [`Mlp::new`] does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlpError {
    what: String,
    value: usize,
    least: usize,
}

impl fmt::Display for MlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MlpError { what, value, least } = self;
        write!(f, "{what} = {value}: must be {least} to {MAX_DIM}")
    }
}

impl std::error::Error for MlpError {}
