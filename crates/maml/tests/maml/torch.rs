//! The analytic core against libtorch's double backward, in f64.

use crate::fixed::{Fixed, INPUTS, continuous, discrete, relative_error, small};
use maml::{ActionRows, MetaObjective, Objective, Samples, Surrogate, Terms};
use nets::tch::{Kind, Tensor};
use rl_core::ActionSpace;
use std::f64::consts::TAU;

/// The policy of a flat leaf: one hidden layer of 4, tanh.
struct Twin {
    outputs: i64,
    gaussian: bool,
}

impl Twin {
    fn new(action: &ActionSpace) -> Self {
        match action {
            ActionSpace::Discrete { size } => Self {
                outputs: *size as i64,
                gaussian: false,
            },
            ActionSpace::Box { low, .. } => Self {
                outputs: low.len() as i64,
                gaussian: true,
            },
        }
    }

    /// Outputs and logarithms of standard deviations.
    fn forward(&self, flat: &Tensor, samples: &Samples<f64>) -> (Tensor, Tensor) {
        let (i, h, o) = (INPUTS as i64, 4, self.outputs);
        let cut =
            |start: i64, shape: &[i64]| flat.narrow(0, start, shape.iter().product()).view_(shape);
        let x = Tensor::from_slice(&samples.observations).view_([-1, i]);
        let hidden = (x.matmul(&cut(0, &[i, h])) + cut(i * h, &[h])).tanh();
        let second = i * h + h;
        let out = hidden.matmul(&cut(second, &[h, o])) + cut(second + h * o, &[o]);
        let deviations = match self.gaussian {
            true => cut(second + h * o + o, &[o]),
            false => Tensor::zeros([0], (Kind::Double, nets::tch::Device::Cpu)),
        };
        (out, deviations)
    }

    fn log_probs(&self, flat: &Tensor, samples: &Samples<f64>) -> Tensor {
        let (out, log_std) = self.forward(flat, samples);
        match &samples.actions {
            ActionRows::Index(rows) => {
                let rows: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
                let index = Tensor::from_slice(&rows).unsqueeze(-1);
                out.log_softmax(-1, Kind::Double)
                    .gather(1, &index, false)
                    .squeeze_dim(-1)
            }
            ActionRows::Vector(rows) => {
                let actions = Tensor::from_slice(rows).view_([-1, self.outputs]);
                let z = (actions - out) / log_std.exp();
                let each: Tensor = -0.5 * &z * &z - log_std - 0.5 * TAU.ln();
                each.sum_dim_intlist(-1, false, Kind::Double)
            }
        }
    }

    /// Weights of the log-probabilities in the inner gradient, differentiable.
    /// `[samples]`
    fn weights(&self, flat: &Tensor, samples: &Samples<f64>, surrogate: Surrogate) -> Tensor {
        let moved = self.log_probs(flat, samples) - Tensor::from_slice(&samples.log_probs);
        let advantages = Tensor::from_slice(&samples.advantages);
        let count = samples.len() as f64;
        match surrogate {
            Surrogate::LogProb => -advantages / count,
            Surrogate::Ratio => -advantages * moved.exp() / count,
            Surrogate::Dice => {
                // [samples][samples], literally: step t is credited with each
                // residual that follows it in its episode.
                let rows = samples.episodes.iter().flat_map(|episode| {
                    let (from, size) = (episode.start as i64, episode.len() as i64);
                    let ratios = moved.narrow(0, from, size).cumsum(0, Kind::Double).exp();
                    let residual = |t: usize| match t + 1 < episode.end {
                        true => samples.advantages[t] - samples.decay * samples.advantages[t + 1],
                        false => samples.advantages[t],
                    };
                    episode.clone().map(move |t| {
                        let credit = |later: usize| match later < t {
                            true => 0.0,
                            false => samples.decay.powi((later - t) as i32) * residual(later),
                        };
                        let row: Vec<f64> = episode.clone().map(credit).collect();
                        Tensor::from_slice(&row).dot(&ratios)
                    })
                });
                -Tensor::stack(&rows.collect::<Vec<_>>(), 0) / count
            }
        }
    }

    /// Σ wᵢ ∇ℓᵢ, differentiable: the weights and the log-probabilities come
    /// from copies of the parameters, and the gradient is that of the latter.
    fn inner_gradient(
        &self,
        flat: &Tensor,
        samples: &Samples<f64>,
        surrogate: Surrogate,
    ) -> Tensor {
        let copy = flat * 1.0;
        let weights = self.weights(flat, samples, surrogate);
        let total = weights.dot(&self.log_probs(&copy, samples));
        Tensor::run_backward(&[total], &[&copy], true, true).remove(0)
    }

    /// θ_K, differentiable.
    fn adapted(&self, flat: &Tensor, fixed: &Fixed, surrogate: Surrogate, rates: &[f64]) -> Tensor {
        let mut params = flat.shallow_clone();
        for (step, rate) in rates.iter().enumerate() {
            let samples = &fixed.learner.samples[step];
            let gradient = self.inner_gradient(&params, samples, surrogate);
            params = &params - *rate * gradient;
        }
        params
    }

    /// KL(before ‖ after), its mean over samples.
    fn divergence(&self, before: &Tensor, after: &Tensor, samples: &Samples<f64>) -> Tensor {
        let (old, old_std) = self.forward(before, samples);
        let (new, new_std) = self.forward(after, samples);
        let each = match self.gaussian {
            true => {
                let gap = &old - &new;
                let spread = (&old_std * 2.0).exp() + &gap * &gap;
                &new_std - &old_std + spread / ((&new_std * 2.0).exp() * 2.0) - 0.5
            }
            false => {
                let old = old.log_softmax(-1, Kind::Double);
                let new = new.log_softmax(-1, Kind::Double);
                old.exp() * (old - new)
            }
        };
        each.sum(Kind::Double) / samples.len() as f64
    }
}

fn gradient(of: &Tensor, flat: &Tensor, again: bool) -> Tensor {
    Tensor::run_backward(&[of], &[flat], again, again).remove(0)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.detach().contiguous()).unwrap()
}

#[test]
fn gradients_and_products_are_those_of_double_backward() {
    nets::single_threaded();
    let rates = [0.1, 0.08];
    for action in [discrete(), continuous()] {
        for surrogate in [Surrogate::LogProb, Surrogate::Ratio, Surrogate::Dice] {
            let mut config = small();
            config.inner.steps = 2;
            config.inner.surrogate = surrogate;
            let mut fixed = Fixed::new(&config, &action);
            let start = fixed.start.clone();
            let twin = Twin::new(&action);
            let flat = Tensor::from_slice(&start).set_requires_grad(true);

            let post = &fixed.learner.samples[2];
            let adapted = twin.adapted(&flat, &fixed, surrogate, &rates);
            let moved = twin.log_probs(&adapted, post) - Tensor::from_slice(&post.log_probs);
            let advantages = Tensor::from_slice(&post.advantages);
            let loss = -(advantages * moved.exp()).mean(Kind::Double);
            let theirs = values(&gradient(&loss, &flat, false));
            let anchor = twin.adapted(&flat, &fixed, surrogate, &rates).detach();
            let adapted = twin.adapted(&flat, &fixed, surrogate, &rates);
            let divergence = twin.divergence(&anchor, &adapted, post);
            let slope = gradient(&divergence, &flat, true);
            let direction: Vec<f64> = (0..start.len()).map(|i| (1.3 * i as f64).sin()).collect();
            let along = slope.dot(&Tensor::from_slice(&direction));
            let bent = values(&gradient(&along, &flat, false));

            let terms = Terms {
                objective: Objective::Ratio,
                penalty: 0.0,
                exploration: 0.0,
                of: MetaObjective::LastStep,
            };
            let ours = fixed.gradient(&start, &terms);
            let error = relative_error(&ours, &theirs);
            assert!(
                error < 1e-10,
                "gradient, {action:?}, {surrogate:?}: {error}"
            );
            let error = relative_error(&fixed.curvature(&direction), &bent);
            assert!(error < 1e-9, "product, {action:?}, {surrogate:?}: {error}");
        }
    }
}
