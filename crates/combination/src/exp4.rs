//! Exponential weights over policies.

use crate::combined::{Combining, Size, Turn};
use crate::mixture::add;
use classical::simplex::{Regularizer, minimize};
use rl_core::Actions;

/// Exp4 (Auer et al. 2002) without mixing, as in Bubeck and Cesa-Bianchi 2012, theorem
/// 4.2: acts as the mean of the policies, each weighted by the exponential of minus
/// η(t) times its estimated losses, with η(t) = √(ln K / (t A)) for K policies and A
/// actions before step t of the trial, from 1. A loss is one minus a reward, which is
/// taken as if within \[0, 1\]; that of the action taken is divided by its probability
/// and shared by the policies as each would have taken it.
pub(crate) struct Exp4 {
    /// What η is multiplied by; 1 is the published rate.
    rate: f64,
    size: Size,
    steps: Vec<u32>,   // [lanes], of the trial so far
    losses: Vec<f64>,  // [lanes][policies]
    taken: Vec<f64>,   // [lanes][actions], with what probability at the last step
    advised: Vec<f32>, // [lanes][policies][actions], likewise by each policy
    weights: Vec<f64>, // [policies]
}

impl Exp4 {
    pub(crate) fn new(rate: f64, size: Size) -> Self {
        let Size {
            lanes,
            policies,
            actions,
        } = size;
        Self {
            rate,
            size,
            steps: vec![0; lanes],
            losses: vec![0.0; lanes * policies],
            taken: vec![0.0; lanes * actions],
            advised: vec![0.0; lanes * policies * actions],
            weights: vec![0.0; policies],
        }
    }

    /// Takes in what the lane's last step gave.
    fn learn(&mut self, turn: &Turn<'_>) {
        let (lane, row) = (turn.lane, turn.row);
        let Size {
            policies, actions, ..
        } = self.size;
        let losses = &mut self.losses[lane * policies..(lane + 1) * policies];
        if row.start[lane] {
            losses.fill(0.0);
            self.steps[lane] = 0;
        } else if let Actions::Discrete(previous) = row.previous_action {
            let action = previous[lane] as usize;
            let loss = 1.0 - f64::from(row.previous_reward[lane].clamp(0.0, 1.0));
            let taken = self.taken[lane * actions + action];
            let advised = &self.advised[lane * policies * actions..];
            // What no policy would have done tells nothing of any.
            if taken > 0.0 {
                for (loss_of, advised) in losses.iter_mut().zip(advised.chunks_exact(actions)) {
                    *loss_of += loss * f64::from(advised[action]) / taken;
                }
            }
        }
        self.steps[lane] += 1;
    }
}

impl Combining for Exp4 {
    fn probabilities(&mut self, turn: Turn<'_>, probabilities: &mut [f64]) {
        self.learn(&turn);
        let (
            lane,
            Size {
                policies, actions, ..
            },
        ) = (turn.lane, self.size);
        let (k, t) = (policies as f64, f64::from(self.steps[lane]));
        let rate = self.rate * (k.ln() / (t * actions as f64)).sqrt();
        let losses = &self.losses[lane * policies..(lane + 1) * policies];
        let losses = losses.iter().copied();
        minimize(
            Regularizer::NegativeEntropy,
            rate,
            losses,
            &mut self.weights,
        );
        probabilities.fill(0.0);
        let own = lane * policies * actions..(lane + 1) * policies * actions;
        let kept = self.advised[own].chunks_exact_mut(actions);
        for ((weight, advice), kept) in self.weights.iter().zip(turn.advice()).zip(kept) {
            add(
                *weight,
                advice.iter().map(|one| f64::from(*one)),
                probabilities,
            );
            kept.copy_from_slice(advice);
        }
        self.taken[lane * actions..(lane + 1) * actions].copy_from_slice(probabilities);
    }
}
