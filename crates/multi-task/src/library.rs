//! The policy of one task, wherever it acts.

use crate::networks::{Networks, Role};
use agent::ActMode;
use kernels::mlp::Cache;
use rl_core::{ActRow, ActionSpace, EnvSpec, ObservationSpace, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;

/// The policy of one task: it acts as if it were in that, where tasks are hidden.
pub(crate) struct Expert {
    pub(crate) networks: Arc<Networks>,
    /// Of its network.
    pub(crate) params: Arc<Vec<f32>>,
    /// What the network sees behind the observation; nothing if it is not told the task.
    pub(crate) shown: Vec<f32>,
    /// Numbers of an observation where tasks are hidden.
    pub(crate) own: usize,
    pub(crate) actions: usize,
    pub(crate) task: usize,
}

impl PolicyFactory for Expert {
    fn name(&self) -> String {
        format!("the trained policy of task {}", self.task)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let (ObservationSpace::Discrete { size } | ObservationSpace::Vector { size }) =
            spec.observation;
        let actions = ActionSpace::Discrete { size: self.actions };
        if size != self.own || spec.action != actions {
            return Err(format!(
                "it sees {} numbers and chooses from {} actions, and here are {:?} and {:?}",
                self.own, self.actions, spec.observation, spec.action
            ));
        }
        Ok(Box::new(ExpertPolicy {
            networks: Arc::clone(&self.networks),
            params: Arc::clone(&self.params),
            shown: self.shown.clone(),
            own: self.own,
            rows: vec![0.0; lanes * (self.own + self.shown.len())],
            cache: Cache::new(),
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        let row = 4.0 * (self.own + self.shown.len()) as f64;
        lanes as f64 * row + self.networks.mlp(Role::Policy).cache_bytes(lanes)
    }
}

struct ExpertPolicy {
    networks: Arc<Networks>,
    params: Arc<Vec<f32>>,
    shown: Vec<f32>,
    own: usize,
    rows: Vec<f32>, // [lanes][own + shown]
    cache: Cache<f32>,
}

impl ExpertPolicy {
    /// Runs the network on a row.
    fn look(&mut self, row: &Row<'_>) {
        let width = row.observation.len() / row.lanes;
        let inputs = self.own + self.shown.len();
        for (lane, input) in self.rows.chunks_exact_mut(inputs).enumerate() {
            let (own, shown) = input.split_at_mut(self.own);
            shown.copy_from_slice(&self.shown);
            let seen = &row.observation[lane * width..(lane + 1) * width];
            // A symbol is one number, where the network learned from as many as there are.
            match seen {
                [symbol] if self.own != 1 => {
                    own.fill(0.0);
                    own[*symbol as usize] = 1.0;
                }
                seen => own.copy_from_slice(seen),
            }
        }
        let network = self.networks.mlp(Role::Policy);
        network.forward(&self.params, &self.rows, row.lanes, &mut self.cache);
    }
}

impl Policy for ExpertPolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.look(row);
        let size = self.networks.mlp(Role::Policy).outputs();
        let Some(actions) = out.action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        out.value.fill(0.0);
        for (lane, (action, stream)) in actions.iter_mut().zip(streams).enumerate() {
            let own = lane * size..(lane + 1) * size;
            let probabilities = &self.cache.probabilities()[own.clone()];
            *action = ActMode::Sample.choose(probabilities, stream);
            out.log_prob[lane] = self.cache.log_probabilities()[own][*action as usize];
        }
    }

    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let ActRow {
            action,
            log_prob,
            value,
            label,
        } = out;
        let acted = ActRow {
            action,
            log_prob,
            value,
            label: &mut [],
        };
        self.act(row, streams, acted);
        label.copy_from_slice(self.cache.probabilities());
    }
}
