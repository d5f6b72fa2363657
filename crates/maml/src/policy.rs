//! The policy as something that acts.

use crate::encoding::Encoding;
use agent::ActMode;
use kernels::mlp::{Acts, Cache, Mlp};
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{ActRow, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;

/// Policies of one network and its parameters. They see nothing but the
/// observation and remember nothing.
pub(crate) struct Policies {
    pub(crate) encoding: Encoding,
    pub(crate) network: Arc<Mlp>,
    pub(crate) params: Arc<Vec<f32>>,
    pub(crate) mode: ActMode,
}

impl PolicyFactory for Policies {
    fn name(&self) -> String {
        "maml".to_owned()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.encoding.fits(spec)?;
        Ok(Box::new(MlpPolicy {
            inputs: vec![0.0; lanes * self.encoding.size()],
            encoding: self.encoding.clone(),
            network: Arc::clone(&self.network),
            params: Arc::clone(&self.params),
            mode: self.mode,
            cache: Cache::new(),
            stored: Vec::new(),
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        let inputs = 4.0 * lanes as f64 * self.encoding.size() as f64;
        inputs + self.network.cache_bytes(lanes)
    }
}

struct MlpPolicy {
    encoding: Encoding,
    network: Arc<Mlp>,
    params: Arc<Vec<f32>>,
    mode: ActMode,
    inputs: Vec<f32>, // [lanes][inputs]
    cache: Cache<f32>,
    stored: Vec<f32>, // [lanes][actions]
}

impl Policy for MlpPolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let (size, lanes) = (self.encoding.size(), row.lanes);
        let width = row.observation.len() / lanes;
        for (lane, inputs) in self.inputs.chunks_exact_mut(size).enumerate() {
            let shown = &row.observation[lane * width..(lane + 1) * width];
            self.encoding.write(shown, inputs);
        }
        let cache = &mut self.cache;
        self.network
            .forward(&self.params, &self.inputs, lanes, cache);
        out.value.fill(0.0);
        match out.action {
            ActionsMut::Discrete(actions) => {
                let chosen = actions.iter_mut().zip(out.log_prob).zip(streams);
                for (lane, ((action, log_prob), stream)) in chosen.enumerate() {
                    let probabilities = row_of(cache.probabilities(), lane, lanes);
                    *action = self.mode.choose(probabilities, stream);
                    let log_probs = row_of(cache.log_probabilities(), lane, lanes);
                    *log_prob = log_probs[*action as usize];
                }
            }
            ActionsMut::Box {
                width,
                row: actions,
            } => {
                let log_std = &self.params[self.network.log_std()];
                let rows = actions.chunks_exact_mut(width).zip(streams);
                let space = self.encoding.action();
                for (lane, (action, stream)) in rows.enumerate() {
                    action.copy_from_slice(row_of(cache.outputs(), lane, lanes));
                    disturb(self.mode, action, log_std, stream);
                    space.from_unit(action);
                }
                // Of the actions as they are stored, by the very function that
                // learning calls: what was drawn is not it, but for rounding.
                self.stored.clear();
                self.stored.extend_from_slice(actions);
                let stored = self.stored.chunks_exact_mut(width);
                stored.for_each(|action| space.to_unit(action));
                let acts = Acts::Vector(&self.stored);
                self.network.log_probs(cache, acts, out.log_prob);
            }
        }
    }
}

fn row_of(rows: &[f32], lane: usize, lanes: usize) -> &[f32] {
    let width = rows.len() / lanes;
    &rows[lane * width..(lane + 1) * width]
}

/// Adds noise to means, unless greedy.
fn disturb(mode: ActMode, action: &mut [f32], log_std: &[f32], stream: &mut Stream) {
    for (coordinate, log_std) in action.iter_mut().zip(log_std) {
        let noise: f32 = match mode {
            ActMode::Sample => StandardNormal.sample(stream),
            ActMode::Greedy => 0.0,
        };
        *coordinate += log_std.exp() * noise;
    }
}
