//! The exact solution of the two-step task whose better state switches.
//!
//! A round speaks for one of the states as it does without switches (see the
//! oracle of those), with probability r for the better one, whatever was
//! chosen. With p the probability that state 1 is the better one, it becomes
//!
//! ```text
//! after a round that spoke for state 1:   q = p r / (p r + (1 − p)(1 − r))
//! after one that spoke for state 2:       q = p (1 − r) / (p (1 − r) + (1 − p) r)
//! before the next round, with s the probability of a switch:   q (1 − s) + (1 − q) s
//! ```
//!
//! Rounds in another order lead to other beliefs, so that n rounds lead to 2ⁿ
//! of them: the value is added up over all of them where they are few.

use crate::two_step_oracle::{evaluate, good_choice};
use rl_core::{ActRow, EnvSpec, Policy, PolicyFactory, Row, Stream};

/// The most rounds whose beliefs are added up: about a million, in
/// milliseconds.
const MOST_ROUNDS: usize = 20;

/// The probabilities of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chances {
    pub(crate) common: f64,
    pub(crate) reward: f64,
    pub(crate) switch: f64,
}

impl Chances {
    /// The belief in state 1 for the round after one that spoke for it, or for
    /// the other one.
    fn after(self, belief: f64, spoke_for_it: bool) -> f64 {
        let Self { reward, switch, .. } = self;
        let likely = if spoke_for_it { reward } else { 1.0 - reward };
        let (it, other) = (belief * likely, (1.0 - belief) * (1.0 - likely));
        // What cannot happen tells nothing.
        let belief = if it + other > 0.0 {
            it / (it + other)
        } else {
            belief
        };
        belief * (1.0 - switch) + (1.0 - belief) * switch
    }

    /// Adds what the rounds from `round` on are expected to pay if they are
    /// reached with a probability and a belief.
    fn add(self, round: usize, (reached, belief): (f64, f64), rewards: &mut [f64]) {
        let Some(reward) = rewards.get_mut(2 * round + 1) else {
            return;
        };
        let (good, sure) = (
            good_choice(self.common, self.reward),
            belief.max(1.0 - belief),
        );
        *reward += reached * (sure * good + (1.0 - sure) * (1.0 - good));
        let speaks = belief * self.reward + (1.0 - belief) * (1.0 - self.reward);
        for (chance, for_it) in [(speaks, true), (1.0 - speaks, false)] {
            let next = (reached * chance, self.after(belief, for_it));
            self.add(round + 1, next, rewards);
        }
    }
}

/// The expected reward of each step of the best agent; first stages pay
/// nothing. `[2 rounds]`
///
/// # Errors
/// If there are too many rounds, as a clause.
pub(crate) fn rewards(rounds: usize, chances: Chances) -> Result<Vec<f64>, String> {
    if rounds > MOST_ROUNDS {
        return Err(format!(
            "with switches {rounds} rounds lead to 2^{rounds} beliefs, and those of up to \
             {MOST_ROUNDS} rounds are added up; the policy is exact all the same: play \
             bayes-optimal"
        ));
    }
    let mut rewards = vec![0.0; 2 * rounds];
    chances.add(0, (1.0, 0.5), &mut rewards);
    Ok(rewards)
}

/// Makes policies that follow the belief, for one environment.
pub(crate) struct Filter {
    spec: EnvSpec,
    chances: Chances,
}

impl Filter {
    pub(crate) fn new(spec: EnvSpec, chances: Chances) -> Self {
        Self { spec, chances }
    }
}

impl PolicyFactory for Filter {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        Ok(Box::new(Filters {
            chances: self.chances,
            lanes: vec![(0.5, 0); lanes],
        }))
    }
}

/// Follows each lane's belief in state 1, beside the last observation.
struct Filters {
    chances: Chances,
    lanes: Vec<(f64, u8)>,
}

impl Policy for Filters {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let Some(actions) = out.action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        for (index, (belief, before)) in self.lanes.iter_mut().enumerate() {
            if row.start[index] {
                *belief = 0.5;
            } else if *before != 0 {
                let paid = row.previous_reward[index] > 0.5;
                *belief = self.chances.after(*belief, paid == (*before == 1));
            }
            *before = row.observation[index] as u8;
            actions[index] = u32::from(*belief < 0.5);
        }
    }

    /// In the second stage both actions are one.
    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        let good = good_choice(self.chances.common, self.chances.reward);
        for ((belief, before), pair) in self.lanes.iter().zip(advantages.chunks_exact_mut(2)) {
            match before {
                0 => evaluate(*belief, good, pair),
                _ => pair.fill(0.0),
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::two_step_oracle;

    fn chances(switch: f64) -> Chances {
        Chances {
            common: 0.8,
            reward: 0.9,
            switch,
        }
    }

    #[test]
    fn without_switches_it_is_the_other_solution() {
        let found = rewards(12, chances(0.0)).unwrap();
        for (found, wanted) in found.iter().zip(two_step_oracle::rewards(12, 0.8, 0.9)) {
            assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
        }
    }

    #[test]
    fn values_by_hand() {
        let value = |switch| rewards(2, chances(switch)).unwrap().iter().sum::<f64>();
        // After a round the belief is 0.9, after a switch of probability 1/4
        // 0.9 · 3/4 + 0.1 · 1/4 = 0.7. Good choices pay 0.74, others 0.26.
        assert!((value(0.25) - (0.5 + 0.7 * 0.74 + 0.3 * 0.26)).abs() < 1e-12);
        // What is forgotten before every round is worth nothing.
        assert!((value(0.5) - 1.0).abs() < 1e-12);
        // A certain switch is as good as none.
        assert!((value(1.0) - value(0.0)).abs() < 1e-12);
    }

    #[test]
    fn too_many_rounds_are_refused() {
        let why = rewards(21, chances(0.025)).unwrap_err();
        assert!(why.contains("2^21"), "{why}");
    }
}
