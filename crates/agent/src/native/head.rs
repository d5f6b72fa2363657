//! What makes actions of a network's outputs, and has the losses.

use crate::backend::ActMode;
use crate::input::Inputs;
use kernels::{Categorical, Choices, Gaussian, Heads, Network, Policy, Trunk};
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{ActRow, ActionsMut, Stream};

/// A policy of either kind, with the scratch of one thread.
pub(super) enum Head {
    Categorical(Categorical),
    Gaussian(Gaussian),
}

impl Head {
    pub(super) fn new<T: Trunk>(network: &Network<T>) -> Self {
        let isa = network.trunk().isa();
        match network.heads().policy() {
            Policy::Categorical(actions) => Self::Categorical(Categorical::new(actions, isa)),
            Policy::Gaussian(width) => Self::Gaussian(Gaussian::new(width, isa)),
        }
    }

    /// Bytes that it holds.
    pub(super) fn bytes(policy: Policy) -> f64 {
        match policy {
            Policy::Categorical(actions) => Categorical::bytes(actions),
            Policy::Gaussian(width) => Gaussian::bytes(width),
        }
    }

    /// The probabilities of discrete actions, `[lanes][actions]`.
    ///
    /// # Panics
    /// If actions are continuous.
    pub(super) fn probabilities(&mut self, outputs: &[f32], probabilities: &mut [f32]) {
        match self {
            Self::Categorical(policy) => policy.probabilities(outputs, probabilities),
            Self::Gaussian(_) => panic!("labels are of discrete actions"),
        }
    }

    /// Acts by the outputs of a step, each lane by its own stream.
    pub(super) fn act(
        &mut self,
        (heads, outputs, inputs): (&Heads, &[f32], &Inputs),
        mode: ActMode,
        noise: &mut Noise<'_>,
        out: ActRow<'_>,
    ) {
        match (self, out.action) {
            (Self::Categorical(policy), ActionsMut::Discrete(actions)) => {
                let choices = Choices {
                    actions,
                    log_probs: out.log_prob,
                };
                match mode {
                    ActMode::Greedy => policy.greedy(outputs, choices),
                    ActMode::Sample => {
                        let draws = noise.numbers.iter_mut().zip(noise.streams.iter_mut());
                        draws.for_each(|(uniform, stream)| *uniform = stream.random());
                        policy.sample(outputs, noise.numbers, choices);
                    }
                }
            }
            (Self::Gaussian(policy), ActionsMut::Box { width, row }) => {
                let given = (outputs, heads.log_std());
                match mode {
                    ActMode::Greedy => row.copy_from_slice(outputs),
                    ActMode::Sample => {
                        let lanes = row.chunks_exact_mut(width).zip(noise.streams.iter_mut());
                        for (lane, stream) in lanes {
                            lane.fill_with(|| StandardNormal.sample(&mut *stream));
                        }
                        policy.sample(given, row);
                    }
                }
                inputs.from_unit(row);
                // What is learned from is the action as the trajectory holds it.
                noise.numbers.copy_from_slice(row);
                inputs.to_unit(noise.numbers);
                policy.log_probs(given, noise.numbers, out.log_prob);
            }
            _ => unreachable!("the environment's actions were checked when it was made"),
        }
    }
}

/// Where random numbers are from, and room for as many as there are.
pub(super) struct Noise<'a> {
    pub(super) streams: &'a mut [Stream],
    /// `[lanes]`, or `[lanes][width]`.
    pub(super) numbers: &'a mut [f32],
}
