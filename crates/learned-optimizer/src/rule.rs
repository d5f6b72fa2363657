//! Rules by which a gradient becomes a step, with parameters that are learned.

use crate::config::{LearnedRate, RuleConfig};
use kernels::mlp::Real;
use nets::{Blueprint, Init};
use std::ops::Range;

/// One layer of LSTM cells.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// What it reads beside its own output.
    pub(crate) inputs: usize,
    /// `[4 × hidden][inputs + hidden]`
    pub(crate) weight: Range<usize>,
    /// `[4 × hidden]`
    pub(crate) bias: Range<usize>,
}

/// What becomes of the last layer's output h.
#[derive(Clone, Debug)]
pub(crate) enum Head {
    /// θ′ = θ + scale (w·h + b): Andrychowicz et al. 2016.
    Added {
        weight: Range<usize>, // [hidden]
        bias: Range<usize>,   // [1]
        scale: f64,
    },
    /// θ′ = σ(f) θ − σ(i) α g with the logits f = w·\[h; θ; f before\] + b, and i likewise:
    /// Ravi and Larochelle 2017, where α is 1.
    Gated {
        weight: Range<usize>, // [2][hidden + 2]
        bias: Range<usize>,   // [2]
        rate: Rate,
    },
    /// θ′ = θ − α g: plain steps.
    Plain { rate: Rate },
}

impl Head {
    /// What gradients are multiplied by; that of LSTMs is in their weights.
    pub(crate) fn rate(&self) -> Option<&Rate> {
        match self {
            Self::Added { .. } => None,
            Self::Gated { rate, .. } | Self::Plain { rate } => Some(rate),
        }
    }
}

/// A rate α, that is given or learned.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    /// What it is, or begins with.
    pub(crate) given: f64,
    pub(crate) learned: Option<Range<usize>>, // [1] or [parameters]
}

impl Rate {
    /// That of a lane, whose coordinate is one of `size`.
    pub(crate) fn of<F: Real>(&self, params: &[F], (lane, size): (usize, usize)) -> F {
        match &self.learned {
            None => F::from_f64(self.given),
            Some(range) => params[range.start + Self::place(range, (lane, size))],
        }
    }

    /// Adds −`slope` of a lane to the gradient of what is learned.
    pub(crate) fn add<F: Real>(&self, gradient: &mut [F], (lane, size): (usize, usize), slope: F) {
        if let Some(range) = &self.learned {
            gradient[range.start + Self::place(range, (lane, size))] += -slope;
        }
    }

    fn place(range: &Range<usize>, (lane, size): (usize, usize)) -> usize {
        match range.len() {
            1 => 0,
            _ => lane % size,
        }
    }
}

/// A rule that treats coordinates alike and apart, as a function of its parameters.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Units of a layer.
    pub(crate) hidden: usize,
    /// None for plain steps.
    pub(crate) layers: Vec<Layer>,
    pub(crate) head: Head,
    /// The scale of the preprocessing; 0 for none.
    pub(crate) preprocess: f64,
    /// Whether the loss is read beside the gradient.
    pub(crate) reads_loss: bool,
    parameters: usize,
}

/// Declares parameters, and says where they are.
struct Declared<'a> {
    blueprint: &'a mut Blueprint,
    at: usize,
}

impl Declared<'_> {
    fn declare(&mut self, name: &str, shape: &[usize], init: Init) -> Range<usize> {
        self.blueprint.declare(name.to_owned(), shape, init);
        let start = self.at;
        self.at += shape.iter().product::<usize>();
        start..self.at
    }

    fn rate(&mut self, given: f64, learned: LearnedRate, parameters: usize) -> Rate {
        let count = match learned {
            LearnedRate::None => None,
            LearnedRate::One => Some(1),
            LearnedRate::PerParameter => Some(parameters),
        };
        let learned = count.map(|count| self.declare("rate", &[count], Init::Constant(given)));
        Rate { given, learned }
    }
}

/// U(−0.01, 0.01), what all weights of Ravi and Larochelle begin with.
const SMALL: Init = Init::UniformFanIn { fan_in: 10_000 };

impl Rule {
    /// A rule for functions of so many parameters, whose own parameters are declared.
    pub fn new(config: &RuleConfig, parameters: usize, blueprint: &mut Blueprint) -> Self {
        let mut declared = Declared { blueprint, at: 0 };
        let (mut hidden, mut layers, mut preprocess, mut reads_loss) = (0, 0, 0.0, false);
        match *config {
            RuleConfig::Lstm {
                hidden: h,
                layers: l,
                preprocess: p,
                ..
            } => (hidden, layers, preprocess) = (h, l, p),
            RuleConfig::Gated {
                hidden: h,
                preprocess: p,
                ..
            } => (hidden, layers, preprocess, reads_loss) = (h, 1, p, true),
            RuleConfig::Plain { .. } => {}
        }
        let features = match (preprocess > 0.0, reads_loss) {
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => 4,
        };
        let layers = (0..layers).map(|layer| {
            let inputs = if layer == 0 { features } else { hidden };
            let weights = match config {
                RuleConfig::Gated { .. } => SMALL,
                _ => Init::XavierUniform {
                    gain: 1.0,
                    blocks: 4,
                },
            };
            let shape = [4 * hidden, inputs + hidden];
            Layer {
                inputs,
                weight: declared.declare(&format!("layer{layer}.weight"), &shape, weights),
                bias: declared.declare(
                    &format!("layer{layer}.bias"),
                    &shape[..1],
                    Init::Constant(0.0),
                ),
            }
        });
        let layers = layers.collect();
        let head = match *config {
            RuleConfig::Lstm { scale, .. } => Head::Added {
                weight: declared.declare("head.weight", &[hidden], SMALL),
                bias: declared.declare("head.bias", &[1], Init::Constant(0.0)),
                scale,
            },
            RuleConfig::Gated {
                forget,
                input,
                rate,
                learned,
                ..
            } => Head::Gated {
                weight: declared.declare("gates.weight", &[2, hidden + 2], SMALL),
                bias: declared.declare(
                    "gates.bias",
                    &[2],
                    Init::Groups {
                        values: vec![forget, input],
                    },
                ),
                rate: declared.rate(rate, learned, parameters),
            },
            RuleConfig::Plain { rate, learned } => Head::Plain {
                rate: declared.rate(rate, learned, parameters),
            },
        };
        let parameters = declared.at;
        Self {
            hidden,
            layers,
            head,
            preprocess,
            reads_loss,
            parameters,
        }
    }

    /// How many parameters the rule itself has.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// What a coordinate shows to the first layer.
    pub(crate) fn features(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    /// Whether it acts on any number of parameters.
    pub(crate) fn any_size(&self) -> bool {
        let rate = self.head.rate();
        let learned = rate.and_then(|rate| rate.learned.as_ref());
        learned.is_none_or(|range| range.len() == 1)
    }
}
