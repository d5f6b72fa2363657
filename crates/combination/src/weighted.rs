//! Several policies, one of which is followed in each trial.

use crate::combined::actions;
use classical::simplex::draw;
use rl_core::{ActRow, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;

/// A mixture of policies: with every trial it follows one of them, drawn by their weights;
/// the others look on. As a teacher it says the weighted mean of what all of them say.
pub struct Weighted {
    policies: Vec<Arc<dyn PolicyFactory>>,
    /// With the sum 1. `[policies]`
    weights: Vec<f64>,
}

impl Weighted {
    /// Policies with their weights, which are brought to the sum 1.
    ///
    /// # Panics
    /// If there are not as many of both, a weight is negative or none is positive.
    pub fn new(policies: Vec<(Arc<dyn PolicyFactory>, f64)>) -> Self {
        let (policies, mut weights): (Vec<_>, Vec<f64>) = policies.into_iter().unzip();
        let sum: f64 = weights.iter().sum();
        assert!(
            sum > 0.0 && weights.iter().all(|weight| *weight >= 0.0),
            "weights {weights:?}"
        );
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Self { policies, weights }
    }
}

impl PolicyFactory for Weighted {
    fn name(&self) -> String {
        let pairs = self.weights.iter().zip(&self.policies);
        let parts: Vec<String> = pairs
            .map(|(weight, policy)| format!("{weight} {}", policy.name()))
            .collect();
        format!("mixture({})", parts.join(" + "))
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let actions = actions(spec)?;
        let make = |policy: &Arc<dyn PolicyFactory>| {
            let unfit = |why| format!("{}: {why}", policy.name());
            policy.make(spec, lanes).map_err(unfit)
        };
        Ok(Box::new(WeightedPolicy {
            policies: self.policies.iter().map(make).collect::<Result<_, _>>()?,
            weights: self.weights.clone(),
            followed: vec![0; lanes],
            chosen: vec![0; lanes],
            label: vec![0.0; lanes * actions],
            unread: vec![0.0; 2 * lanes],
        }))
    }

    fn watches(&self) -> Result<(), String> {
        let watches = |policy: &Arc<dyn PolicyFactory>| {
            let unfit = |why| format!("{}: {why}", policy.name());
            policy.watches().map_err(unfit)
        };
        self.policies.iter().try_for_each(watches)
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        let policies = self.policies.iter().map(|policy| policy.bytes(spec, lanes));
        let own = 20.0 + 4.0 * actions(spec).unwrap_or(0) as f64;
        policies.sum::<f64>() + own * lanes as f64
    }
}

struct WeightedPolicy {
    policies: Vec<Box<dyn Policy>>,
    weights: Vec<f64>,    // [policies]
    followed: Vec<usize>, // [lanes], which policy acts in the trial
    chosen: Vec<u32>,     // [lanes], what one of them would do
    label: Vec<f32>,      // [lanes][actions], what it says
    unread: Vec<f32>,     // [2][lanes], what nobody needs of it
}

impl WeightedPolicy {
    /// Acts by the policy that each lane follows; the label, where there is room for it, is
    /// the mean of all.
    fn act_and_label(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let (ActionsMut::Discrete(actions), label) = (out.action, out.label) else {
            return; // `make` has refused continuous actions.
        };
        let lanes = self.followed.iter_mut().zip(row.start).zip(&mut *streams);
        for ((followed, start), stream) in lanes {
            if *start {
                *followed = draw(&self.weights, stream);
            }
        }
        label.fill(0.0);
        let said = &mut self.label[..label.len()];
        for (index, policy) in self.policies.iter_mut().enumerate() {
            let (log_prob, value) = self.unread.split_at_mut(row.lanes);
            let out = ActRow {
                action: ActionsMut::Discrete(&mut self.chosen),
                log_prob,
                value,
                label: said,
            };
            match label.is_empty() {
                true => policy.act(row, streams, out),
                false => policy.advise(row, streams, out),
            }
            let weight = self.weights[index] as f32;
            for (label, said) in label.iter_mut().zip(&*said) {
                *label += weight * said;
            }
            let chosen = actions.iter_mut().zip(&self.chosen).zip(&self.followed);
            for ((action, chosen), followed) in chosen {
                if *followed == index {
                    *action = *chosen;
                }
            }
        }
    }
}

impl Policy for WeightedPolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let label = &mut [];
        self.act_and_label(row, streams, ActRow { label, ..out });
    }

    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.act_and_label(row, streams, out);
    }
}
