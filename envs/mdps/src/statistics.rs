//! What a trial in a finite MDP comes to: how often each action was tried in each
//! state, and how good it is by what was seen.

use rl_core::{Actions, Outcome, Row, Statistics, StatisticsFactory};

/// Of each action in the present state three numbers: how much less it is worth than the
/// best one in the posterior mean of the MDP; the same where every reward has a bonus of
/// 1 / (1 + n) (Kolter and Ng 2009), n being how often the action was tried in the state;
/// and 1 / √(1 + n). Then the value of the state by the posterior mean, per step that is
/// left. Both are planned when an episode begins.
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
        3 * self.actions + 1
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
        size_of::<Lane>() as f64 + 4.0 * pairs * (self.states + 2 + 2 * self.horizon) as f64
    }
}

/// What is known of one lane's task, and what follows from it.
#[derive(Clone)]
struct Lane {
    next: Vec<f32>,   // [states][actions][states], counts with the prior's
    visits: Vec<f32>, // [states][actions]
    gains: Vec<f32>,  // [states][actions], sums with the prior's
    plan: Vec<f32>,   // [horizon][states][actions], values in the posterior mean
    hope: Vec<f32>,   // the same with bonuses
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
            hope: vec![0.0; of.horizon * pairs],
            state: 0,
            step: 0,
        }
    }

    fn forget(&mut self, of: &PlannedStatistics) {
        self.next.fill(1.0);
        self.visits.fill(0.0);
        self.gains.fill(of.prior_mean);
    }

    fn plan(&mut self, of: &PlannedStatistics, value: &mut [f32]) {
        let mut plan = std::mem::take(&mut self.plan);
        self.solve(of, 0.0, (&mut plan, value));
        self.plan = plan;
        let mut hope = std::mem::take(&mut self.hope);
        self.solve(of, 1.0, (&mut hope, value));
        self.hope = hope;
    }

    /// Value iteration from the last step back; the end of an episode has value 0.
    fn solve(&self, of: &PlannedStatistics, bonus: f32, (plan, value): (&mut [f32], &mut [f32])) {
        let (states, actions) = (of.states, of.actions);
        value.fill(0.0);
        for q in plan.chunks_exact_mut(states * actions).rev() {
            for (pair, q) in q.iter_mut().enumerate() {
                let next = &self.next[pair * states..(pair + 1) * states];
                let later: f32 = next.iter().zip(&*value).map(|(n, v)| n * v).sum();
                // What was seen to end the episode is among the visits alone.
                let seen = (states as f32 + self.visits[pair]).recip();
                *q = (self.gains[pair] + bonus) / (1.0 + self.visits[pair]) + later * seen;
            }
            for (value, q) in value.iter_mut().zip(q.chunks_exact(actions)) {
                *value = best(q);
            }
        }
    }

    /// The values of the actions in the present state, by one of the plans.
    fn values<'a>(&self, of: &PlannedStatistics, plan: &'a [f32]) -> &'a [f32] {
        let first = (self.step * of.states + self.state) * of.actions;
        &plan[first..first + of.actions]
    }
}

fn best(values: &[f32]) -> f32 {
    values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
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
        let told = told.chunks_exact_mut(3 * actions + 1);
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
            let plans = [&lane.plan, &lane.hope].map(|plan| lane.values(&of, plan));
            let highest = plans.map(best);
            let visits = &lane.visits[lane.state * actions..(lane.state + 1) * actions];
            let (each, value) = told.split_at_mut(3 * actions);
            for (action, told) in each.chunks_exact_mut(3).enumerate() {
                told[0] = plans[0][action] - highest[0];
                told[1] = plans[1][action] - highest[1];
                told[2] = (1.0 + visits[action]).sqrt().recip();
            }
            value[0] = highest[0] / (of.horizon - lane.step) as f32;
        }
    }
}
