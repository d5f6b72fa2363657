//! What acts: networks, hand-made learners and oracles alike.

use crate::env::Outcome;
use crate::spec::{ActionSpace, EnvSpec};
use crate::streams::Stream;
use crate::vec_env::{Actions, ActionsMut};
use std::sync::Arc;

/// What a policy sees before it acts: row `t` of a trajectory.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// How many lanes there are.
    pub lanes: usize,
    /// `[lanes][width]`
    pub observation: &'a [f32],
    /// Whether a trial begins here: all memory of the lane must go, and the
    /// previous action, reward and outcome mean nothing. `[lanes]`
    pub start: &'a [bool],
    /// What the policy asked for at the step before; a continuous action was
    /// clipped to its box. `[lanes]`
    pub previous_action: Actions<'a>,
    /// What it gave. `[lanes]`
    pub previous_reward: &'a [f32],
    /// How it left the episode. `[lanes]`
    pub previous_outcome: &'a [Outcome],
    /// Statistics of the trial, where the environment tells them
    /// ([`Telling`](crate::Telling)). `[lanes][told]`
    pub told: &'a [f32],
    /// Where that was [`Outcome::Truncated`]: the episode's last observation,
    /// which `observation`, of the next episode, no longer shows; elsewhere it
    /// means nothing. `None` in rows of the past. `[lanes][width]`
    pub final_observation: Option<&'a [f32]>,
}

/// What a policy writes.
#[derive(Debug)]
pub struct ActRow<'a> {
    /// What to do. `[lanes]`
    pub action: ActionsMut<'a>,
    /// Log-probability of the action, for policies that are learned from
    /// samples; others leave it. `[lanes]`
    pub log_prob: &'a mut [f32],
    /// Estimated return from here, likewise. `[lanes]`
    pub value: &'a mut [f32],
    /// The label of each step: how probable each action is to a teacher. Written by
    /// [`Policy::advise`], and by policies that learn from a teacher; empty where
    /// nobody asks. `[lanes][actions]`
    pub label: &'a mut [f32],
}

/// Acts in a fixed number of lanes, remembering what it needs of each.
///
/// A policy must treat lanes alike and apart: what it does in one lane depends
/// on nothing but that lane's past and stream, so that results cannot depend
/// on how lanes are grouped.
pub trait Policy: Send {
    /// Acts on one row. `streams` holds each lane's stream for choosing
    /// actions, `[lanes]`.
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>);

    /// Acts on one row, and says with what probability it takes each action, in
    /// [`ActRow::label`]: what a student learns to do on rows that it lived itself.
    /// The rows may hold other actions than those that this policy took.
    ///
    /// Unless a policy says otherwise, all probability is on the action that it takes:
    /// a draw of its distribution.
    ///
    /// # Panics
    /// If actions are continuous.
    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let ActRow {
            action: ActionsMut::Discrete(actions),
            log_prob,
            value,
            label,
        } = out
        else {
            panic!("labels are of discrete actions");
        };
        let acted = ActRow {
            action: ActionsMut::Discrete(&mut *actions),
            log_prob,
            value,
            label: &mut [],
        };
        self.act(row, streams, acted);
        let size = label.len() / row.lanes;
        label.fill(0.0);
        for (label, action) in label.chunks_exact_mut(size).zip(actions) {
            label[*action as usize] = 1.0;
        }
    }

    /// Says how much less each action is worth than the best one in the row that this
    /// policy acted on last: the advantage A*(h, a) = Q*(h, a) − V*(h) after the
    /// history h for the best agent that does not know its task. It is 0 for the best
    /// actions, all those of equal value, and negative for the others
    /// ([`into_advantages`]). `[lanes][actions]`
    ///
    /// Returns whether this policy knows; unless it says otherwise, it does not. One that
    /// does knows it after any history, whoever lived it; what it does itself is the best
    /// where it did all that went before.
    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        let _ = advantages;
        false
    }
}

/// Values that differ by less than this part of the largest one are equal, and owe the
/// difference to rounding.
const EQUAL: f64 = 1e-9;

/// Makes advantages of what each action is worth, up to a number that all have in
/// common: 0 for the best ones, see [`Policy::advantages`].
pub fn into_advantages(values: &mut [f64]) {
    let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let largest = values.iter().fold(0.0, |most, value| value.abs().max(most));
    for value in values {
        let advantage = *value - best;
        *value = if advantage >= -EQUAL * largest {
            0.0
        } else {
            advantage
        };
    }
}

/// Makes policies that act alike, one for each group of lanes.
pub trait PolicyFactory: Send + Sync {
    /// What the policy is called in tables: `thompson`, `epsilon-greedy(0.1)`.
    fn name(&self) -> String;

    /// A policy for `lanes` lanes of an environment.
    ///
    /// # Errors
    /// If it cannot act in such an environment: why, and in which it can.
    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String>;

    /// Refuses to label rows that somebody else lived ([`Policy::advise`]).
    ///
    /// # Errors
    /// Why it learns from nothing but its own actions.
    fn watches(&self) -> Result<(), String> {
        Ok(())
    }

    /// Bytes of the heap that such a policy takes at its peak: counted before
    /// anything runs, so that what would not fit into memory is refused in words.
    /// Unless a policy says otherwise, 64 for each action in each lane, which is
    /// enough for those that remember something of every action.
    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        let actions = match &spec.action {
            ActionSpace::Discrete { size } => *size,
            ActionSpace::Box { low, .. } => low.len(),
        };
        64.0 * lanes as f64 * actions as f64
    }

    /// The same policies, with a table by which they say what actions are worth
    /// ([`Policy::advantages`]): made now, which may take seconds, and gone with them.
    /// `None` where no table is missing.
    fn with_advantages(&self) -> Option<Arc<dyn PolicyFactory>> {
        None
    }

    /// Bytes that [`Self::with_advantages`] takes at its peak, once for all its policies.
    fn advantages_bytes(&self) -> f64 {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_by_rounding_are_equal() {
        let mut values = [3.0, 1.0 - 2.0, 0.1 + 0.2 + 2.7, 2.999];
        into_advantages(&mut values);
        assert_eq!([values[0], values[1], values[2]], [0.0, -4.0, 0.0]);
        assert!((values[3] + 0.001).abs() < 1e-12, "{values:?}");
        let mut nothing = [0.0; 2];
        into_advantages(&mut nothing);
        assert_eq!(nothing, [0.0; 2]);
    }
}
