//! Exact planning in finite MDPs over a finite horizon.

use super::model::{Model, ModelError};
use crate::policy::into_advantages;

/// Solves models by dynamic programming from the last step back, and keeps its
/// memory for the next one. With v_H = 0, and v_t(s) = 0 in terminal states,
///
/// ```text
/// q_t(s, a) = E[r | s, a] + Σ_s' P(s' | s, a) v_{t+1}(s')
/// v_t(s)    = max over a of q_t(s, a)             (value iteration)
/// v_t(s)    = Σ_a π_t(a | s) q_t(s, a)            (policy evaluation)
/// ```
///
/// and the value of an episode is Σ_s start(s) v_0(s) (Puterman 1994, chapter
/// 4). Models must be valid: see [`Model::validate`].
#[derive(Clone, Debug, Default)]
pub struct Planner {
    reward: Vec<f64>,  // [states][actions], expected
    value: Vec<f64>,   // [states]
    later: Vec<f64>,   // [states], one step later
    best: Vec<u32>,    // [horizon][states]
    options: Vec<f64>, // [actions], of one state
}

/// An optimal policy.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Expected return of an episode.
    pub value: f64,
    /// v_0. `[states]`
    pub state_values: &'a [f64],
    /// The best action at each step in each state, the lowest of equally good
    /// ones; 0 in terminal states. `[horizon][states]`
    pub actions: &'a [u32],
}

/// What acts in a policy evaluation.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour<'a> {
    /// π(a | s), the same at every step. `[states][actions]`
    Stationary(&'a [f64]),
    /// An action for each step and state, as in [`Plan`]. `[horizon][states]`
    Actions(&'a [u32]),
}

impl Planner {
    /// The highest expected return of an episode of `horizon` steps.
    ///
    /// # Panics
    /// If the model's lengths do not agree with its sizes.
    pub fn optimum(&mut self, model: &Model, horizon: usize) -> f64 {
        self.sweep(model, horizon, |_, _, values| best(values).1)
    }

    /// The policy that attains it. Takes `4 * horizon * states` bytes.
    ///
    /// # Panics
    /// If the model's lengths do not agree with its sizes.
    pub fn plan(&mut self, model: &Model, horizon: usize) -> Plan<'_> {
        let mut actions = std::mem::take(&mut self.best);
        actions.clear();
        actions.resize(horizon * model.states, 0);
        let value = self.sweep(model, horizon, |step, state, values| {
            let (action, value) = best(values);
            actions[step * model.states + state] = action;
            value
        });
        self.best = actions;
        Plan {
            value,
            state_values: &self.value,
            actions: &self.best,
        }
    }

    /// Marks all actions of the highest value, those that differ from it by rounding
    /// included; none in terminal states. `[horizon][states][actions]`
    ///
    /// # Panics
    /// If the model's lengths do not agree with its sizes.
    pub fn best_actions(&mut self, model: &Model, horizon: usize) -> Vec<bool> {
        let (states, actions) = (model.states, model.actions);
        let mut best = vec![false; horizon * states * actions];
        let mut advantages = vec![0.0; actions];
        self.sweep(model, horizon, |step, state, values| {
            advantages.copy_from_slice(values);
            into_advantages(&mut advantages);
            let first = (step * states + state) * actions;
            for (best, advantage) in best[first..].iter_mut().zip(&advantages) {
                *best = *advantage == 0.0;
            }
            self::best(values).1
        });
        best
    }

    /// The expected return of an episode of `horizon` steps of random actions,
    /// each with equal probability.
    ///
    /// # Panics
    /// If the model's lengths do not agree with its sizes.
    pub fn random(&mut self, model: &Model, horizon: usize) -> f64 {
        let actions = model.actions as f64;
        self.sweep(model, horizon, |_, _, values| {
            values.iter().sum::<f64>() / actions
        })
    }

    /// The expected return of an episode of `horizon` steps under a policy.
    ///
    /// # Errors
    /// If the policy has the wrong length, a row that is no distribution, or
    /// an action that there is not.
    ///
    /// # Panics
    /// If the model's lengths do not agree with its sizes.
    pub fn evaluate(
        &mut self,
        model: &Model,
        horizon: usize,
        behaviour: Behaviour<'_>,
    ) -> Result<f64, ModelError> {
        behaviour.validate(model, horizon)?;
        let (states, actions) = (model.states, model.actions);
        Ok(match behaviour {
            Behaviour::Stationary(policy) => self.sweep(model, horizon, |_, state, values| {
                dot(&policy[state * actions..(state + 1) * actions], values)
            }),
            Behaviour::Actions(plan) => self.sweep(model, horizon, |step, state, values| {
                values[plan[step * states + state] as usize]
            }),
        })
    }

    /// Fills `self.value` from the last step back; `choose` makes the value of
    /// a step and state of those of its actions.
    fn sweep(
        &mut self,
        model: &Model,
        horizon: usize,
        mut choose: impl FnMut(usize, usize, &[f64]) -> f64,
    ) -> f64 {
        let (states, actions) = (model.states, model.actions);
        let pairs = (0..states * actions).map(|pair| (pair / actions, pair % actions));
        self.reward.clear();
        self.reward
            .extend(pairs.map(|(state, action)| model.expected_reward(state, action)));
        for values in [&mut self.value, &mut self.later] {
            values.clear();
            values.resize(states, 0.0);
        }
        self.options.resize(actions, 0.0);
        for step in (0..horizon).rev() {
            std::mem::swap(&mut self.value, &mut self.later);
            for state in (0..states).filter(|state| !model.terminal[*state]) {
                for (action, value) in self.options.iter_mut().enumerate() {
                    let later = dot(model.row(state, action), &self.later);
                    *value = self.reward[state * actions + action] + later;
                }
                self.value[state] = choose(step, state, &self.options);
            }
        }
        dot(&model.start, &self.value)
    }
}

impl Behaviour<'_> {
    fn validate(&self, model: &Model, horizon: usize) -> Result<(), ModelError> {
        let (states, actions) = (model.states, model.actions);
        let length = |length: usize, wanted: usize, allowed| {
            if length == wanted {
                return Ok(());
            }
            Err(ModelError {
                place: "the policy's length".into(),
                value: format!("{length}, not {wanted}"),
                allowed,
            })
        };
        match self {
            Self::Stationary(policy) => {
                length(policy.len(), states * actions, "states × actions")?;
                let rows = policy.chunks_exact(actions);
                let sound = |row: &[f64]| {
                    let sum: f64 = row.iter().sum();
                    row.iter().all(|p| (0.0..=1.0).contains(p)) && (sum - 1.0).abs() <= 1e-9
                };
                match { rows }.position(|row| !sound(row)) {
                    None => Ok(()),
                    Some(state) => Err(ModelError {
                        place: format!("the policy of state {state}"),
                        value: format!("{:?}", &policy[state * actions..(state + 1) * actions]),
                        allowed: "probabilities with the sum 1 within 1e-9",
                    }),
                }
            }
            Self::Actions(plan) => {
                length(plan.len(), horizon * states, "horizon × states")?;
                match plan.iter().position(|action| *action as usize >= actions) {
                    None => Ok(()),
                    Some(index) => Err(ModelError {
                        place: format!(
                            "the action at step {}, state {}",
                            index / states,
                            index % states
                        ),
                        value: plan[index].to_string(),
                        allowed: "an index below the number of actions",
                    }),
                }
            }
        }
    }
}

/// The best action, the lowest of equally good ones, and its value.
#[inline]
fn best(values: &[f64]) -> (u32, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (action, value) in values.iter().enumerate() {
        if *value > best.1 {
            best = (action as u32, *value);
        }
    }
    best
}

/// Σ a_i b_i in four partial sums, which processors work on side by side.
#[inline]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_fours, a_rest) = a.as_chunks::<4>();
    let (b_fours, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a_fours.iter().zip(b_fours) {
        for i in 0..4 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
