//! Probabilities of finitely many choices: those of the regularized leader, and draws.

use rl_core::Stream;
use rl_core::rand::RngExt as _;

/// What keeps probabilities apart from 0: the regularizer ψ of
///
/// ```text
/// w  =  argmin over the simplex of  η ⟨w, L⟩ + Σ ψ(wᵢ)
/// ```
///
/// The minimum is wᵢ = φ(y + η (Lᵢ − min L)), φ being the inverse of −ψ′ up to
/// a shift of its argument, and y the one number for which the probabilities
/// add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regularizer {
    /// ψ(w) = w ln w, which gives exponential weights (Exp3: Auer et al. 2002).
    NegativeEntropy,
    /// ψ(w) = −4 √w, Tsallis' entropy of order 1/2 (Audibert and Bubeck 2009;
    /// Zimmert and Seldin 2021).
    Tsallis,
    /// ψ(w) = −ln w (Foster et al. 2016).
    LogBarrier,
}

impl Regularizer {
    /// φ and its derivative.
    fn weight(self, x: f64) -> (f64, f64) {
        match self {
            Self::NegativeEntropy => {
                let weight = (-x).exp();
                (weight, -weight)
            }
            Self::Tsallis => (4.0 / (x * x), -8.0 / (x * x * x)),
            Self::LogBarrier => (1.0 / x, -1.0 / (x * x)),
        }
    }

    /// Where y must lie: at the low end the best arm alone has probability 1,
    /// at the high end even equal arms have no more than 1 together.
    fn bracket(self, arms: f64) -> (f64, f64) {
        match self {
            Self::NegativeEntropy => (0.0, arms.ln()),
            Self::Tsallis => (2.0, 2.0 * arms.sqrt()),
            Self::LogBarrier => (1.0, arms),
        }
    }
}

/// Writes the probabilities that minimize `rate` times the losses plus the
/// regularizer; `losses` gives the loss of each arm. `[arms]`
///
/// The sum of the weights is convex and falls in y, so Newton's method from
/// the low end of the bracket climbs to the root without overshooting; a step
/// that rounding carries out of the bracket is replaced by its middle.
pub fn minimize(
    regularizer: Regularizer,
    rate: f64,
    losses: impl Iterator<Item = f64> + Clone,
    probabilities: &mut [f64],
) {
    let least = losses.clone().fold(f64::INFINITY, f64::min);
    for (gap, loss) in probabilities.iter_mut().zip(losses) {
        *gap = rate * (loss - least);
    }
    let (mut low, mut high) = regularizer.bracket(probabilities.len() as f64);
    let mut y = low;
    for _ in 0..MAX_STEPS {
        let (mut sum, mut slope) = (0.0, 0.0);
        for gap in probabilities.iter() {
            let (weight, derivative) = regularizer.weight(y + gap);
            sum += weight;
            slope += derivative;
        }
        let excess = sum - 1.0;
        if excess.abs() <= TOLERANCE {
            break;
        }
        match excess > 0.0 {
            true => low = y,
            false => high = y,
        }
        let next = y - excess / slope;
        y = match (low..=high).contains(&next) {
            true => next,
            false => 0.5 * (low + high),
        };
    }
    let mut sum = 0.0;
    for gap in probabilities.iter_mut() {
        *gap = regularizer.weight(y + *gap).0;
        sum += *gap;
    }
    // What rounding left.
    probabilities.iter_mut().for_each(|weight| *weight /= sum);
}

/// An index, drawn with the given probabilities; never one of probability 0.
pub fn draw(probabilities: &[f64], rng: &mut Stream) -> usize {
    let mut left = rng.random::<f64>();
    let mut last = 0;
    for (index, probability) in probabilities.iter().enumerate() {
        if *probability > 0.0 {
            last = index;
            left -= probability;
            if left < 0.0 {
                break;
            }
        }
    }
    last
}

/// How far from 1 the probabilities may add up before they are scaled.
const TOLERANCE: f64 = 1e-13;

/// Enough for bisection alone.
const MAX_STEPS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use Regularizer::{LogBarrier, NegativeEntropy, Tsallis};

    fn minimum(regularizer: Regularizer, rate: f64, losses: &[f64]) -> Vec<f64> {
        let mut found = vec![0.0; losses.len()];
        minimize(regularizer, rate, losses.iter().copied(), &mut found);
        found
    }

    /// ψ′, which φ inverts.
    fn derivative(regularizer: Regularizer, weight: f64) -> f64 {
        match regularizer {
            NegativeEntropy => weight.ln() + 1.0,
            Tsallis => -2.0 / weight.sqrt(),
            LogBarrier => -1.0 / weight,
        }
    }

    /// On the simplex the gradient η L + ψ′(w) is the same number for all
    /// arms, relative to its size; the weights are positive and add up to 1.
    #[test]
    fn the_minimum_satisfies_its_conditions() {
        let spread: Vec<f64> = (0..50_i32).map(|i| f64::from(i * i)).collect();
        let cases = [
            vec![3.0],
            vec![0.0, 0.0, 0.0],
            vec![1.0, 2.0, -7.0, 1e-9],
            vec![1e5, 0.0, 2e6],
            spread,
        ];
        for regularizer in [NegativeEntropy, Tsallis, LogBarrier] {
            for losses in &cases {
                for rate in [1e-4, 0.03, 1.0] {
                    let weights = minimum(regularizer, rate, losses);
                    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                    let own: Vec<_> = losses.iter().zip(&weights).collect();
                    let of = |(loss, weight): &(&f64, &f64)| {
                        rate * **loss + derivative(regularizer, **weight)
                    };
                    // Exponential weights may be 0 in floating point.
                    let inner: Vec<_> = own.iter().filter(|(_, w)| **w > 1e-300).collect();
                    let scale = inner.iter().map(|pair| (rate * pair.0).abs());
                    let scale = scale.fold(1.0, f64::max);
                    for pair in &inner {
                        let gap = (of(pair) - of(inner[0])).abs() / scale;
                        assert!(gap < 1e-9, "{regularizer:?}, {losses:?}, {rate}: {gap}");
                    }
                }
            }
        }
    }

    #[test]
    fn two_arms_by_hand() {
        let near = |found: &[f64], wanted: [f64; 2]| {
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
            }
        };
        // Weights 1 and 1/2 before they are scaled.
        let losses = [0.0, std::f64::consts::LN_2];
        near(
            &minimum(NegativeEntropy, 1.0, &losses),
            [2.0 / 3.0, 1.0 / 3.0],
        );
        // 4/y² + 4/(y + d)² = 1 with y = 5/2 gives (y + d)² = 100/9.
        let losses = [1.0, 1.0 + 10.0 / 3.0 - 2.5];
        near(&minimum(Tsallis, 1.0, &losses), [0.64, 0.36]);
        // 1/y + 1/(y + d) = 1 with y = 3/2 and d = 3/2; half the rate, twice
        // the losses.
        near(
            &minimum(LogBarrier, 0.5, &[5.0, 8.0]),
            [2.0 / 3.0, 1.0 / 3.0],
        );
    }
}
