//! How noisy the policy gradient is under each baseline of REINFORCE.

use crate::config::{Outer, Rl2Config};
use crate::trainer::Trainer;
use agent::{Baseline, LearnError, Objective, Place, Surrogate};
use rl_core::{EnvFactory, Gae, Tree};

/// Variances of the policy gradient that one trial gives, all at the same parameters
/// and of the same trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientVariances {
    /// With nothing subtracted from the returns: tr Cov ĝ, ĝ being the gradient of
    /// log π times what followed, as a mean over the trial's steps.
    pub none: f64,
    /// Less the mean return that followed the actions of all other trials, whatever their
    /// step.
    pub constant: f64,
    /// Less the value head's estimate.
    pub value: f64,
}

impl GradientVariances {
    /// Measures them over fresh trials, as many as `trials`, of the agent in a checkpoint
    /// of [`Learner::checkpoint`](agent::Learner::checkpoint), with undiscounted returns.
    ///
    /// # Errors
    /// If the checkpoint is of another network, there are fewer than two trials, or
    /// the environment fails.
    pub fn measure(
        env: &dyn EnvFactory,
        (config, checkpoint): (&Rl2Config, &Tree),
        trials: usize,
        (seed, place): (u64, &Place),
    ) -> Result<Self, LearnError> {
        rl_core::Bounds::at_least(2).check("trials", trials)?;
        let of = |baseline| {
            let config = Rl2Config {
                lanes: trials,
                tile: 1,
                normalize_advantages: false,
                value_coefficient: 0.0,
                gae: Gae {
                    gamma: 1.0,
                    lambda: 1.0,
                },
                outer: Outer::Reinforce { baseline },
                ..config.clone()
            };
            let mut trainer = Trainer::new(env, config, seed, place.clone())?;
            trainer.learner_mut().restore(checkpoint)?;
            trainer.collect()?;
            trainer.advantages();
            variance(&trainer, trials)
        };
        Ok(Self {
            none: of(Baseline::None)?,
            constant: of(Baseline::Constant)?,
            value: of(Baseline::Value)?,
        })
    }
}

/// Of the gradients of the tiles of a batch: the sum of the unbiased variances of all
/// parameters.
fn variance(trainer: &Trainer, tiles: usize) -> Result<f64, LearnError> {
    let learner = trainer.learner();
    let objective = Objective {
        surrogate: Surrogate::Plain,
        value_coefficient: 0.0,
        entropy_coefficient: 0.0,
        teacher_coefficient: 0.0,
    };
    let mut sum = vec![0.0; learner.parameters().len()];
    let mut squares = 0.0;
    for tile in 0..tiles {
        let minibatch = trainer.minibatch(&[tile]);
        let gradient = learner.gradient(learner.parameters(), &minibatch, objective)?;
        for (sum, slope) in sum.iter_mut().zip(&gradient.values) {
            *sum += f64::from(*slope);
            squares += f64::from(*slope).powi(2);
        }
    }
    let count = tiles as f64;
    let of_mean: f64 = sum.iter().map(|sum| sum * sum).sum::<f64>() / count;
    Ok((squares - of_mean) / (count - 1.0))
}
