use crate::bandit::arms::{self, Rule, Turn, within_unit};
use crate::bandit::simplex::{Regularizer, draw, minimize};
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};
use std::f64::consts::E;

/// Follow the regularized leader, for adversarial bandits: before pull t, counted
/// from 1, it draws the arm from the probabilities that minimize the estimated
/// losses so far plus a regularizer weighted by 1 / η(t). A loss is one minus a
/// reward, which is taken as if within \[0, 1\].
///
/// The loss of the arm that was pulled is divided by its probability and those
/// of the others count as 0, so that each is right on average. For k arms:
///
/// | regularizer | η(t) | expected regret after T pulls, at most |
/// |---|---|---|
/// | negative entropy | √(ln k / (t k)) | 2 √(T k ln k) (Bubeck and Cesa-Bianchi 2012, theorem 3.1) |
/// | Tsallis 1/2 | 2 / √t | 4 √(k T) + 1 (Zimmert and Seldin 2021, theorem 1) |
/// | Tsallis 1/2, reduced variance | 4 / √t | 2 √(k T) + 10 k ln T + 16 (same) |
/// | log barrier | √(k ln(t + e) / t) | 2 √(k T ln(T + e)) + 1 |
///
/// The last follows from the usual analysis (Lattimore and Szepesvári 2020,
/// chapter 28): against an arm mixed with 1 / T of the uniform distribution the
/// barrier costs k ln T / η(T), and the estimates cost η(t) / 2 at each pull.
#[derive(Clone, Debug)]
pub(crate) struct Ftrl {
    /// What it is called.
    pub(crate) name: String,
    /// What is added to the losses.
    pub(crate) regularizer: Regularizer,
    /// What is taken for a loss.
    pub(crate) estimator: Estimator,
    /// What η is multiplied by; 1 is the published rate.
    pub(crate) rate: f64,
}

/// How the losses of all arms are estimated from that of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Estimator {
    /// Divided by the arm's probability.
    ImportanceWeighted,
    /// The same for what the loss is above 1/2, wherever the arm's probability
    /// is at least η² (Zimmert and Seldin 2021, section 3.2).
    ReducedVariance,
}

/// What is remembered of an arm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    /// The sum of its estimated losses.
    loss: f64,
    /// With what probability it was pulled last.
    probability: f64,
    /// What is taken off its loss before that is divided, and put back.
    baseline: f64,
}

impl Ftrl {
    /// η before pull `turn`, from 1, of one of `arms`.
    fn learning_rate(&self, arms: usize, turn: usize) -> f64 {
        let (k, t) = (arms as f64, turn as f64);
        let published = match (self.regularizer, self.estimator) {
            (Regularizer::NegativeEntropy, _) => (k.ln() / (t * k)).sqrt(),
            (Regularizer::Tsallis, Estimator::ImportanceWeighted) => 2.0 / t.sqrt(),
            (Regularizer::Tsallis, Estimator::ReducedVariance) => 4.0 / t.sqrt(),
            (Regularizer::LogBarrier, _) => (k * (t + E).ln() / t).sqrt(),
        };
        self.rate * published
    }
}

impl Rule for Ftrl {
    type Arm = Estimate;

    fn arm(&self) -> Estimate {
        Estimate {
            loss: 0.0,
            probability: 0.0,
            baseline: 0.0,
        }
    }

    fn observe(&self, arms: &mut [Estimate], pulled: usize, reward: f64, _rng: &mut Stream) {
        let loss = 1.0 - within_unit(reward);
        for (index, arm) in arms.iter_mut().enumerate() {
            arm.loss += arm.baseline;
            if index == pulled {
                arm.loss += (loss - arm.baseline) / arm.probability;
            }
        }
    }

    fn choose(&self, arms: &mut [Estimate], turn: Turn<'_>) -> usize {
        let rate = self.learning_rate(arms.len(), turn.number);
        let losses = arms.iter().map(|arm| arm.loss);
        minimize(self.regularizer, rate, losses, turn.scores);
        for (arm, probability) in arms.iter_mut().zip(turn.scores.iter()) {
            let reduces = self.estimator == Estimator::ReducedVariance;
            arm.probability = *probability;
            arm.baseline = match reduces && *probability >= rate * rate {
                true => 0.5,
                false => 0.0,
            };
        }
        draw(turn.scores, turn.rng)
    }
}

impl PolicyFactory for Ftrl {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn watches(&self) -> Result<(), String> {
        Err("it weighs a reward by the probability that it gave the action itself".to_owned())
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(self.clone(), &self.name, spec, lanes)
    }
}
