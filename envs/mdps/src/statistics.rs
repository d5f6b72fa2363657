//! What a trial in a finite MDP comes to: how often each action was tried in each
//! state, and how good it is by what was seen.

use rl_core::{Actions, Outcome, Row, Statistics, StatisticsFactory};

/// Of each action in the present state two numbers: how much less it is worth than the
/// best one, in the posterior mean of the MDP, planned when the episode began; and
/// 1 / √(1 + n), n being how often it was tried there. Then the value of the state
/// per step that is left.
///
/// The posterior is of flat Dirichlet priors of the next states and of mean rewards
/// N(`prior_mean`, 1) with noise of variance 1; a terminated episode has value 0.
///
/// # Source
/// Bhatia et al. 2025 (RL³) tell a recurrent agent the values of the maximum-likelihood
/// MDP and the counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedStatistics {
    pub(crate) states: usize,
    pub(crate) actions: usize,
    pub(crate) horizon: usize,
    pub(crate) prior_mean: f32,
}

impl StatisticsFactory for PlannedStatistics {
    fn size(&self) -> usize {
        2 * self.actions + 1
    }

    fn make(&self, lanes: usize) -> Box<dyn Statistics> {
        let lane = Lane::new(self);
        Box::new(Planned {
            of: *self,
            value: vec![0.0; self.states],
            lanes: vec![lane; lanes],
        })
    }

    fn lane_bytes(&self) -> f64 {
        let pairs = (self.states * self.actions) as f64;
        size_of::<Lane>() as f64 + 4.0 * pairs * (self.states + 2 + self.horizon) as f64
    }
}

/// What is known of one lane's task, and what follows from it.
#[derive(Clone)]
struct Lane {
    next: Vec<f32>,   // [states][actions][states], counts with the prior's
    visits: Vec<f32>, // [states][actions]
    gains: Vec<f32>,  // [states][actions], sums with the prior's
    plan: Vec<f32>,   // [horizon][states][actions], values
    state: usize,
    step: usize,
}

impl Lane {
    fn new(of: &PlannedStatistics) -> Self {
        let pairs = of.states * of.actions;
        Self {
            next: vec![0.0; pairs * of.states],
            visits: vec![0.0; pairs],
            gains: vec![0.0; pairs],
            plan: vec![0.0; of.horizon * pairs],
            state: 0,
            step: 0,
        }
    }

    fn forget(&mut self, of: &PlannedStatistics) {
        self.next.fill(1.0);
        self.visits.fill(0.0);
        self.gains.fill(of.prior_mean);
    }

    /// Value iteration from the last step back; the end of an episode has value 0.
    fn plan(&mut self, of: &PlannedStatistics, value: &mut [f32]) {
        let (states, actions) = (of.states, of.actions);
        value.fill(0.0);
        for q in self.plan.chunks_exact_mut(states * actions).rev() {
            for (pair, q) in q.iter_mut().enumerate() {
                let next = &self.next[pair * states..(pair + 1) * states];
                let later: f32 = next.iter().zip(&*value).map(|(n, v)| n * v).sum();
                // What was seen to end the episode is among the visits alone.
                let seen = (states as f32 + self.visits[pair]).recip();
                *q = self.gains[pair] / (1.0 + self.visits[pair]) + later * seen;
            }
            for (value, q) in value.iter_mut().zip(q.chunks_exact(actions)) {
                *value = q.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            }
        }
    }
}

struct Planned {
    of: PlannedStatistics,
    value: Vec<f32>, // [states], room to plan
    lanes: Vec<Lane>,
}

impl Statistics for Planned {
    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        let of = self.of;
        let (states, actions) = (of.states, of.actions);
        let Actions::Discrete(previous) = row.previous_action else {
            return; // Of finitely many actions, as the environment has them.
        };
        let told = told.chunks_exact_mut(2 * actions + 1);
        for ((index, lane), told) in self.lanes.iter_mut().enumerate().zip(told) {
            let outcome = row.previous_outcome[index];
            let begins = row.start[index] || outcome != Outcome::Continue;
            if row.start[index] {
                lane.forget(&of);
            } else {
                let pair = lane.state * actions + previous[index] as usize;
                lane.visits[pair] += 1.0;
                lane.gains[pair] += row.previous_reward[index];
                let next = match outcome {
                    Outcome::Continue => Some(row.observation[index]),
                    Outcome::Terminated => None,
                    Outcome::Truncated => row.final_observation.map(|last| last[index]),
                };
                if let Some(next) = next {
                    lane.next[pair * states + next as usize] += 1.0;
                }
            }
            lane.state = row.observation[index] as usize;
            lane.step = match begins {
                true => 0,
                false => lane.step + 1,
            };
            if begins {
                lane.plan(&of, &mut self.value);
            }
            let first = (lane.step * states + lane.state) * actions;
            let values = &lane.plan[first..first + actions];
            let best = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let visits = &lane.visits[lane.state * actions..(lane.state + 1) * actions];
            let (pairs, value) = told.split_at_mut(2 * actions);
            for ((told, q), visits) in pairs.chunks_exact_mut(2).zip(values).zip(visits) {
                told[0] = q - best;
                told[1] = (1.0 + visits).sqrt().recip();
            }
            value[0] = best / (of.horizon - lane.step) as f32;
        }
    }
}
