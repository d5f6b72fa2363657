//! A policy that learns within a trial because ever less noise disturbs it.

use crate::combined::actions;
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;

/// Takes, with probability ε, a uniformly random action in place of a policy's, where ε
/// falls in a straight line from 1 in a trial's first step to 0 in the last that it may
/// have (1 where there is but one). As a teacher it says just that distribution.
///
/// Histories of a policy that is disturbed ever less look like those of one that learns,
/// which is what algorithm distillation needs (Zisman et al. 2023, "Emergence of
/// In-Context Reinforcement Learning from Noise Distillation": AD^ε).
pub struct AnnealedNoise {
    policy: Arc<dyn PolicyFactory>,
}

impl AnnealedNoise {
    /// Disturbs a policy.
    pub fn new(policy: Arc<dyn PolicyFactory>) -> Self {
        Self { policy }
    }
}

impl PolicyFactory for AnnealedNoise {
    fn name(&self) -> String {
        format!("annealed-noise({})", self.policy.name())
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Disturbed {
            actions: actions(spec)?,
            last: spec.trial_steps() - 1,
            policy: self.policy.make(spec, lanes)?,
            lived: vec![0; lanes],
        }))
    }

    fn watches(&self) -> Result<(), String> {
        self.policy.watches()
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        self.policy.bytes(spec, lanes) + 8.0 * lanes as f64
    }
}

struct Disturbed {
    actions: usize,
    /// The number of a trial's last step, from 0.
    last: usize,
    policy: Box<dyn Policy>,
    lived: Vec<usize>, // [lanes], steps of the trial
}

impl Disturbed {
    /// Goes on by a row.
    fn live(&mut self, row: &Row<'_>) {
        for (lived, start) in self.lived.iter_mut().zip(row.start) {
            *lived = if *start { 0 } else { *lived + 1 };
        }
    }

    /// ε in a lane.
    fn noise(&self, lane: usize) -> f64 {
        let way = self.last.max(1) as f64;
        1.0 - (self.lived[lane] as f64 / way).min(1.0)
    }

    /// Puts random actions in the place of those that were chosen.
    fn disturb(&self, actions: &mut [u32], streams: &mut [Stream]) {
        for (lane, (action, stream)) in actions.iter_mut().zip(streams).enumerate() {
            if stream.random::<f64>() < self.noise(lane) {
                *action = stream.random_range(0..self.actions as u32);
            }
        }
    }
}

impl Policy for Disturbed {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let ActionsMut::Discrete(actions) = out.action else {
            return; // `make` has refused continuous actions.
        };
        self.live(row);
        let action = ActionsMut::Discrete(&mut *actions);
        self.policy.act(row, streams, ActRow { action, ..out });
        self.disturb(actions, streams);
    }

    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let ActionsMut::Discrete(actions) = out.action else {
            return; // `make` has refused continuous actions.
        };
        self.live(row);
        let label = out.label;
        let undisturbed = ActRow {
            action: ActionsMut::Discrete(&mut *actions),
            label: &mut *label,
            ..out
        };
        self.policy.advise(row, streams, undisturbed);
        for (lane, label) in label.chunks_exact_mut(self.actions).enumerate() {
            let noise = self.noise(lane);
            let each = noise / self.actions as f64;
            for label in label {
                *label = (each + (1.0 - noise) * f64::from(*label)) as f32;
            }
        }
        self.disturb(actions, streams);
    }
}
