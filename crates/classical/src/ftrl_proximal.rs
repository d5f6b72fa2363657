//! FTRL-Proximal, an online learner of linear models.

use rl_core::{Bounds, SettingError};

/// What a prediction is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Half the square of what a number was missed by; the prediction is w·x.
    Squared,
    /// The negative log-likelihood of an outcome, 0 or 1 (or in between: of a
    /// share of ones); the prediction is its probability 1 / (1 + exp(−w·x)).
    Logistic,
}

/// How [`FtrlProximal`] learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FtrlSettings {
    /// What it minimizes.
    pub loss: Loss,
    /// α, what learning rates are multiplied by.
    pub alpha: f64,
    /// β, what keeps the first learning rates down.
    pub beta: f64,
    /// λ₁, the weight of Σ |w|: weights that earn no more than it are exactly
    /// 0.
    pub l1: f64,
    /// λ₂, the weight of ½ Σ w².
    pub l2: f64,
}

/// What [`FtrlProximal`] cannot learn from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FtrlError {
    /// A setting is out of range.
    #[error("FTRL-Proximal: {0}")]
    Setting(#[from] SettingError),
    /// An example has too few or too many features.
    #[error("FTRL-Proximal: an example has {given} features; it must have {wanted}")]
    Features {
        /// How many it has.
        given: usize,
        /// How many it must have.
        wanted: usize,
    },
    /// A feature or the target is not finite, or the target of
    /// [`Loss::Logistic`] not within 0 and 1.
    #[error("FTRL-Proximal: {what} is {value}; allowed: {allowed}")]
    Number {
        /// Which: a feature by its index, or the target.
        what: String,
        /// What it is.
        value: f64,
        /// What it may be, in words.
        allowed: &'static str,
    },
}

/// Follow the regularized leader with a proximal regularizer and a learning
/// rate for each feature (McMahan et al. 2013, "Ad click prediction: a view
/// from the trenches", algorithm 1).
///
/// Before each example the weights minimize
///
/// ```text
/// g·w + ½ Σ over the past of σ |w − w(then)|² + λ₁ |w|₁ + ½ λ₂ |w|²
/// ```
///
/// where g sums the gradients so far and the σ of each feature add up to
/// (β + √n) / α, n being the sum of its squared gradients. Features that are 0
/// cost nothing and change nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct FtrlProximal {
    settings: FtrlSettings,
    pulls: Vec<f64>,   // [features]: z, what moves a weight
    squares: Vec<f64>, // [features]: n
    weights: Vec<f64>, // [features]
}

impl FtrlProximal {
    /// All weights 0.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn new(features: usize, settings: FtrlSettings) -> Result<Self, FtrlError> {
        Bounds::POSITIVE.check("alpha", settings.alpha)?;
        Bounds::NOT_NEGATIVE.check("beta", settings.beta)?;
        Bounds::NOT_NEGATIVE.check("l1", settings.l1)?;
        Bounds::NOT_NEGATIVE.check("l2", settings.l2)?;
        Ok(Self {
            settings,
            pulls: vec![0.0; features],
            squares: vec![0.0; features],
            weights: vec![0.0; features],
        })
    }

    /// The weights as they are now. `[features]`
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// What is expected of an example. `[features]`
    ///
    /// # Errors
    /// If the number of features is another, or one is not finite.
    pub fn predict(&self, features: &[f64]) -> Result<f64, FtrlError> {
        self.check(features)?;
        let score = features.iter().zip(&self.weights);
        let score: f64 = score.map(|(feature, weight)| feature * weight).sum();
        Ok(match self.settings.loss {
            Loss::Squared => score,
            Loss::Logistic => 1.0 / (1.0 + (-score).exp()),
        })
    }

    /// Learns from one example and gives what was expected of it. `[features]`
    ///
    /// # Errors
    /// As [`Self::predict`], or if the target is not finite or, with
    /// [`Loss::Logistic`], not within 0 and 1; then nothing is learned.
    pub fn observe(&mut self, features: &[f64], target: f64) -> Result<f64, FtrlError> {
        let (fits, allowed) = match self.settings.loss {
            Loss::Squared => (target.is_finite(), "finite numbers"),
            Loss::Logistic => ((0.0..=1.0).contains(&target), "0 to 1"),
        };
        if !fits {
            return Err(FtrlError::Number {
                what: "the target".into(),
                value: target,
                allowed,
            });
        }
        let expected = self.predict(features)?;
        for (index, feature) in features.iter().enumerate() {
            // Both losses have the gradient (expected − target) x.
            let gradient = (expected - target) * feature;
            if gradient != 0.0 {
                self.update(index, gradient);
            }
        }
        Ok(expected)
    }

    fn update(&mut self, index: usize, gradient: f64) {
        let FtrlSettings {
            alpha,
            beta,
            l1,
            l2,
            ..
        } = self.settings;
        let before = self.squares[index].sqrt();
        self.squares[index] += gradient * gradient;
        let after = self.squares[index].sqrt();
        let sigma = (after - before) / alpha;
        self.pulls[index] += gradient - sigma * self.weights[index];
        let pull = self.pulls[index];
        self.weights[index] = if pull.abs() <= l1 {
            0.0
        } else {
            (pull.signum() * l1 - pull) / ((beta + after) / alpha + l2)
        };
    }

    fn check(&self, features: &[f64]) -> Result<(), FtrlError> {
        if features.len() != self.weights.len() {
            return Err(FtrlError::Features {
                given: features.len(),
                wanted: self.weights.len(),
            });
        }
        match features.iter().position(|feature| !feature.is_finite()) {
            None => Ok(()),
            Some(index) => Err(FtrlError::Number {
                what: format!("feature {index}"),
                value: features[index],
                allowed: "finite numbers",
            }),
        }
    }
}

#[cfg(test)]
#[path = "ftrl_proximal_tests.rs"]
mod tests;
