//! The exact solution of the two-step task.
//!
//! Every round speaks for one of the second-stage states: for the one it was
//! in if it paid, else for the other one. If a state is the better one, a
//! round speaks for it with probability r (`reward`), wherever the round went
//! and whatever was chosen; if not, with probability 1 − r. The difference n
//! between the rounds that spoke for state 1 and for state 2 is therefore a
//! sufficient statistic, and the probability that state 1 is the better one is
//!
//! ```text
//! p(n) = rⁿ / (rⁿ + (1 − r)ⁿ)
//! ```
//!
//! With g = c r + (1 − c)(1 − r) what a round pays on average if its choice is
//! the one that leads to the better state with probability c (`common`), and
//! ρ = p r + (1 − p)(1 − r) the probability that the next round speaks for
//! state 1, the value of t rounds to come is
//!
//! ```text
//! V₀(n) = 0
//! V_t(n) = max(p, 1 − p) g + min(p, 1 − p) (1 − g) + ρ V_{t−1}(n+1) + (1 − ρ) V_{t−1}(n−1)
//! ```
//!
//! where the maximum over actions is in the first two terms alone, because the
//! others do not depend on the action.

use rl_core::{ActRow, EnvSpec, Policy, PolicyFactory, Row, Stream, into_advantages};

/// The probability that state 1 is the better one.
fn belief(difference: i64, reward: f64) -> f64 {
    let odds = (1.0 - reward) / reward;
    1.0 / (1.0 + odds.powf(difference as f64))
}

/// What a round pays on average if its choice commonly leads to the better
/// state.
pub(crate) fn good_choice(common: f64, reward: f64) -> f64 {
    common * reward + (1.0 - common) * (1.0 - reward)
}

/// What each action of a round is worth if state 1 is the better one with a
/// probability, but for what comes later, which is the same for both.
pub(crate) fn evaluate(belief: f64, good: f64, values: &mut [f64]) {
    let first = belief * good + (1.0 - belief) * (1.0 - good);
    values.copy_from_slice(&[first, 1.0 - first]);
    into_advantages(values);
}

/// What the next round pays on average, and ρ, for each difference there can
/// be. `[2 rounds + 1]`
fn terms(rounds: usize, common: f64, reward: f64) -> Vec<(f64, f64)> {
    let good = good_choice(common, reward);
    let differences = -(rounds as i64)..=rounds as i64;
    let terms = differences.map(|n| {
        let p = belief(n, reward);
        let now = p.max(1.0 - p) * good + p.min(1.0 - p) * (1.0 - good);
        (now, p * reward + (1.0 - p) * (1.0 - reward))
    });
    terms.collect()
}

/// The expected reward of each step of the best agent, by the chances of each
/// difference from the first round on; first stages pay nothing. `[2 rounds]`
pub(crate) fn rewards(rounds: usize, common: f64, reward: f64) -> Vec<f64> {
    let terms = terms(rounds, common, reward);
    let mut chances = vec![0.0; terms.len()];
    chances[rounds] = 1.0;
    let mut rewards = Vec::with_capacity(2 * rounds);
    for done in 0..rounds {
        let reached = (rounds - done..=rounds + done).step_by(2);
        let paid = reached.clone().map(|n| chances[n] * terms[n].0);
        rewards.extend([0.0, paid.sum()]);
        // The entries in between are of other rounds, and 0 by now.
        for n in reached {
            let chance = std::mem::take(&mut chances[n]);
            chances[n + 1] += chance * terms[n].1;
            chances[n - 1] += chance * (1.0 - terms[n].1);
        }
    }
    rewards
}

/// The Bayes-optimal expected return.
pub(crate) fn value(rounds: usize, common: f64, reward: f64) -> f64 {
    let terms = terms(rounds, common, reward);
    let mut values = vec![0.0; terms.len()];
    for done in (0..rounds).rev() {
        // After `done` rounds the difference is -done, -done + 2, ..., done,
        // where index `rounds` stands for 0. Indices in between still hold the
        // values of a round later.
        for n in (rounds - done..=rounds + done).step_by(2) {
            let (now, up) = terms[n];
            values[n] = now + up * values[n + 1] + (1.0 - up) * values[n - 1];
        }
    }
    values[rounds]
}

/// Makes Bayes-optimal policies for one environment.
pub(crate) struct BayesOptimal {
    pub(crate) spec: EnvSpec,
    /// The probability that an action leads to its state.
    pub(crate) common: f64,
    /// That of the better state's reward.
    pub(crate) reward: f64,
}

impl PolicyFactory for BayesOptimal {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        Ok(Box::new(Counts {
            reward: self.reward,
            good: good_choice(self.common, self.reward),
            lanes: vec![Lane::default(); lanes],
        }))
    }
}

/// What a lane has seen.
#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// Rounds that spoke for state 1, less those that spoke for state 2.
    difference: i64,
    /// The last observation.
    before: u8,
}

/// Counts each lane's evidence and goes for the more probable state.
struct Counts {
    reward: f64,
    /// What a round pays on average if its choice is the good one.
    good: f64,
    lanes: Vec<Lane>,
}

impl Policy for Counts {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let Some(actions) = out.action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if row.start[index] {
                *lane = Lane::default();
            }
            let paid = row.previous_reward[index] > 0.5;
            lane.difference += match (lane.before, paid) {
                (0, _) => 0,
                (1, true) | (2, false) => 1,
                _ => -1,
            };
            lane.before = row.observation[index] as u8;
            actions[index] = u32::from(lane.difference < 0);
        }
    }

    /// In the second stage both actions are one.
    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        for (lane, pair) in self.lanes.iter().zip(advantages.chunks_exact_mut(2)) {
            match lane.before {
                0 => evaluate(belief(lane.difference, self.reward), self.good, pair),
                _ => pair.fill(0.0),
            }
        }
        true
    }
}

#[cfg(test)]
#[path = "two_step_oracle_tests.rs"]
mod tests;
