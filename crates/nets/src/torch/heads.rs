//! Distributions over actions in libtorch.

use std::f64::consts::PI;

use tch::{Kind, Tensor};

use super::params::Params;
use crate::heads::{PolicyHead, PolicyLayer};

/// One of finitely many actions, with a probability each, for every row.
#[derive(Debug)]
pub struct Categorical {
    log_probabilities: Tensor, // [.., actions]
}

impl Categorical {
    /// From unnormalized finite log-probabilities `[.., actions]`.
    pub fn new(logits: &Tensor) -> Self {
        Self {
            log_probabilities: logits.log_softmax(-1, None),
        }
    }

    /// log p(a) of every action a, `[.., actions]`.
    pub fn log_probabilities(&self) -> &Tensor {
        &self.log_probabilities
    }

    /// p(a) of every action a, `[.., actions]`.
    pub fn probabilities(&self) -> Tensor {
        self.log_probabilities.exp()
    }

    /// log p of the given actions: indices `[..]` of any kind of number.
    ///
    /// # Panics
    /// If the shapes differ or an index is not below the number of actions.
    pub fn log_prob(&self, actions: &Tensor) -> Tensor {
        expect_rows("actions", actions, &self.log_probabilities);
        let index = actions.to_kind(Kind::Int64).unsqueeze(-1);
        self.log_probabilities
            .gather(-1, &index, false)
            .squeeze_dim(-1)
    }

    /// −Σ p ln p, `[..]`, in nats.
    pub fn entropy(&self) -> Tensor {
        -(self.probabilities() * &self.log_probabilities).sum_dim_intlist(-1, false, None)
    }

    /// KL(self ‖ other) = Σ p ln(p / q), `[..]`, in nats.
    pub fn kl(&self, other: &Self) -> Tensor {
        let ratio = &self.log_probabilities - &other.log_probabilities;
        (self.probabilities() * ratio).sum_dim_intlist(-1, false, None)
    }

    /// The likeliest action, `[..]`; the first of equals.
    pub fn greedy(&self) -> Tensor {
        self.log_probabilities.argmax(-1, false)
    }

    /// The action at which the cumulative probability first exceeds the given
    /// uniform number in [0, 1), `[..]` → `[..]`; where rounding leaves the whole
    /// sum below it, the last one of positive probability. An action of
    /// probability 0 is never drawn.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn sample(&self, uniforms: &Tensor) -> Tensor {
        expect_rows("uniforms", uniforms, &self.log_probabilities);
        let probabilities = self.probabilities();
        let actions = *probabilities.size().last().expect("a row of actions");
        let index = Tensor::arange(actions, (Kind::Int64, probabilities.device()));
        let possible = probabilities.gt(0.0);
        let exceeds = probabilities
            .cumsum(-1, None)
            .gt_tensor(&uniforms.unsqueeze(-1));
        // A cumulative sum that is computed in parallel may fall by rounding, so
        // that it can first exceed the number at an action of probability 0.
        let first = index
            .where_scalarother(&exceeds.logical_and(&possible), actions)
            .amin([-1].as_slice(), false);
        let last = index
            .where_scalarother(&possible, 0)
            .amax([-1].as_slice(), false);
        first.minimum(&last)
    }
}

/// A normal distribution over vectors for every row, with independent
/// coordinates and the same standard deviations in all rows.
#[derive(Debug)]
pub struct DiagonalGaussian {
    mean: Tensor,    // [.., size]
    log_std: Tensor, // [.., size]
}

impl DiagonalGaussian {
    /// From means `[.., size]` and the logarithms of the standard deviations
    /// `[size]`.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn new(mean: &Tensor, log_std: &Tensor) -> Self {
        assert_eq!(
            mean.size().last(),
            log_std.size().last(),
            "coordinates of mean and log_std"
        );
        Self {
            mean: mean.shallow_clone(),
            log_std: log_std.expand_as(mean),
        }
    }

    /// The means, `[.., size]`.
    pub fn mean(&self) -> &Tensor {
        &self.mean
    }

    /// The logarithms of the standard deviations, `[.., size]`.
    pub fn log_std(&self) -> &Tensor {
        &self.log_std
    }

    /// log density of actions `[.., size]`:
    /// −½ Σ ((a − μ)² / σ² + 2 ln σ + ln 2π).
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn log_prob(&self, actions: &Tensor) -> Tensor {
        assert_eq!(actions.size(), self.mean.size(), "shape of the actions");
        let standard = (actions - &self.mean) * (-&self.log_std).exp();
        let terms = standard.square() + &self.log_std * 2.0 + (2.0 * PI).ln();
        terms.sum_dim_intlist(-1, false, None) * -0.5
    }

    /// Σ (ln σ + ½ ln 2πe), `[..]`, in nats.
    pub fn entropy(&self) -> Tensor {
        (&self.log_std + 0.5 * (1.0 + (2.0 * PI).ln())).sum_dim_intlist(-1, false, None)
    }

    /// KL(self ‖ other) = Σ (ln σ₂ − ln σ₁ + (σ₁² + (μ₁ − μ₂)²) / 2σ₂² − ½),
    /// `[..]`, in nats.
    pub fn kl(&self, other: &Self) -> Tensor {
        let spread = (&self.log_std * 2.0).exp() + (&self.mean - &other.mean).square();
        let scaled = spread * (&other.log_std * -2.0).exp() * 0.5;
        let terms = &other.log_std - &self.log_std + scaled - 0.5;
        terms.sum_dim_intlist(-1, false, None)
    }

    /// The likeliest action, which is the mean, `[.., size]`.
    pub fn greedy(&self) -> Tensor {
        self.mean.shallow_clone()
    }

    /// μ + σ ε from standard normal numbers ε `[.., size]`.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn sample(&self, normals: &Tensor) -> Tensor {
        assert_eq!(
            normals.size(),
            self.mean.size(),
            "shape of the normal numbers"
        );
        self.mean.addcmul(&self.log_std.exp(), normals)
    }
}

/// Refuses values that are not one per row of a distribution.
fn expect_rows(what: &str, values: &Tensor, rows: &Tensor) {
    let size = rows.size();
    assert_eq!(values.size(), size[..size.len() - 1], "shape of the {what}");
}

/// A distribution over the actions of either kind of space.
#[derive(Debug)]
pub enum Distribution {
    /// For discrete actions.
    Categorical(Categorical),
    /// For a box of actions.
    Gaussian(DiagonalGaussian),
}

impl Distribution {
    /// Logarithm of the actions' probability or density, `[..]`.
    ///
    /// # Panics
    /// If the actions' shape is not the distribution's.
    pub fn log_prob(&self, actions: &Tensor) -> Tensor {
        match self {
            Self::Categorical(distribution) => distribution.log_prob(actions),
            Self::Gaussian(distribution) => distribution.log_prob(actions),
        }
    }

    /// The entropy, `[..]`, in nats.
    pub fn entropy(&self) -> Tensor {
        match self {
            Self::Categorical(distribution) => distribution.entropy(),
            Self::Gaussian(distribution) => distribution.entropy(),
        }
    }

    /// KL(self ‖ other), `[..]`, in nats.
    ///
    /// # Panics
    /// If the two are of different kinds.
    pub fn kl(&self, other: &Self) -> Tensor {
        match (self, other) {
            (Self::Categorical(this), Self::Categorical(other)) => this.kl(other),
            (Self::Gaussian(this), Self::Gaussian(other)) => this.kl(other),
            _ => panic!("KL divergence between distributions of different kinds"),
        }
    }

    /// The likeliest actions: indices `[..]` or vectors `[.., size]`.
    pub fn greedy(&self) -> Tensor {
        match self {
            Self::Categorical(distribution) => distribution.greedy(),
            Self::Gaussian(distribution) => distribution.greedy(),
        }
    }

    /// Actions from random numbers: uniform in [0, 1), `[..]`, for discrete
    /// actions, standard normal `[.., size]` for a box.
    ///
    /// # Panics
    /// If the shape of the numbers is another.
    pub fn sample(&self, noise: &Tensor) -> Tensor {
        match self {
            Self::Categorical(distribution) => distribution.sample(noise),
            Self::Gaussian(distribution) => distribution.sample(noise),
        }
    }
}

impl PolicyHead {
    /// The distributions for features `[.., features]`, or for indices
    /// `[.., actions]` where the head is a [`PolicyLayer::Scale`].
    ///
    /// # Panics
    /// If the last size is another.
    pub fn distribution(&self, params: &Params, features: &Tensor) -> Distribution {
        let output = match &self.layer {
            PolicyLayer::Linear(layer) => layer.forward(params, features),
            PolicyLayer::Scale(log_scale) => features * params[*log_scale].exp(),
        };
        match self.log_std {
            None => Distribution::Categorical(Categorical::new(&output)),
            Some(slot) => Distribution::Gaussian(DiagonalGaussian::new(&output, &params[slot])),
        }
    }
}
