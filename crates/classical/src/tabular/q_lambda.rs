use crate::tabular::agent::{best, seen};
use crate::tabular::sizes::Sizes;
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, Actions, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Stream};

/// Watkins's Q(λ) (Watkins 1989; Sutton and Barto 1998, section 7.6): a table
/// of action values without discount, which starts at 0, follows every step by
///
/// ```text
/// δ = r + max over a' of Q(s', a') − Q(s, a)
/// Q(·, ·) += α δ e(·, ·)
/// ```
///
/// where e is 1 for the present pair and fades by λ with every step after
/// (replacing traces, Singh and Sutton 1996); an action that is not greedy, and
/// an episode's end, wipe all traces. Beyond an episode's end, truncated or
/// not, there is no value. It acts greedily, choosing among equals at random, but
/// for a random action with probability ε.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QLambda {
    /// α, the step size.
    pub(crate) alpha: f64,
    /// λ.
    pub(crate) lambda: f64,
    /// ε.
    pub(crate) epsilon: f64,
}

/// One lane's memory.
struct Lane {
    q: Vec<f64>,     // [states][actions]
    trace: Vec<f64>, // [states][actions]
    state: usize,
}

struct QLambdaPolicy {
    learner: QLambda,
    sizes: Sizes,
    lanes: Vec<Lane>,
}

impl QLambda {
    /// Learns from one step: the action it took, its reward, and the value of
    /// where it led. A reward that is not finite teaches nothing.
    fn learn(&self, lane: &mut Lane, (actions, action): (usize, usize), reward: f64, value: f64) {
        if !reward.is_finite() {
            return;
        }
        let values = lane.state * actions..(lane.state + 1) * actions;
        let pair = values.start + action;
        if lane.q[pair] < highest(&lane.q[values]) {
            lane.trace.fill(0.0);
        }
        lane.trace[pair] = 1.0;
        let step = self.alpha * (reward + value - lane.q[pair]);
        for (q, trace) in lane.q.iter_mut().zip(&mut lane.trace) {
            *q += step * *trace;
            *trace *= self.lambda;
        }
    }
}

/// The highest value.
fn highest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

impl Policy for QLambdaPolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let (Actions::Discrete(previous), ActionsMut::Discrete(chosen)) =
            (row.previous_action, out.action)
        else {
            panic!("continuous actions given to a tabular learner");
        };
        let Sizes {
            states, actions, ..
        } = self.sizes;
        for (index, (action, rng)) in chosen.iter_mut().zip(streams).enumerate() {
            let lane = &mut self.lanes[index];
            let state = row.observation[index] as usize;
            let values = state * actions..(state + 1) * actions;
            match seen(row, previous, index, states) {
                None => {
                    lane.q.fill(0.0);
                    lane.trace.fill(0.0);
                }
                Some(seen) => {
                    let value = match seen.ended {
                        true => 0.0,
                        false => highest(&lane.q[values.clone()]),
                    };
                    self.learner
                        .learn(lane, (actions, seen.action), seen.reward, value);
                    if seen.ended {
                        lane.trace.fill(0.0);
                    }
                }
            }
            lane.state = state;
            *action = match rng.random::<f64>() < self.learner.epsilon {
                true => rng.random_range(0..actions as u32),
                false => best(lane.q[values].iter(), rng),
            };
        }
    }
}

impl PolicyFactory for QLambda {
    fn name(&self) -> String {
        format!(
            "q-lambda({}, {}, {})",
            self.alpha, self.lambda, self.epsilon
        )
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let sizes = Sizes::of(&self.name(), spec)?;
        let lane = || Lane {
            q: vec![0.0; sizes.pairs()],
            trace: vec![0.0; sizes.pairs()],
            state: 0,
        };
        Ok(Box::new(QLambdaPolicy {
            learner: *self,
            sizes,
            lanes: std::iter::repeat_with(lane).take(lanes).collect(),
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        let sizes = Sizes::of("", spec);
        sizes.map_or(0.0, |sizes| 16.0 * lanes as f64 * sizes.table())
    }
}

#[cfg(test)]
#[path = "q_lambda_tests.rs"]
mod tests;
