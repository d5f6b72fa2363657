//! The exact solution of Bernoulli bandits with independent arms.
//!
//! Under the uniform prior an arm that paid s times in m pulls pays next with
//! probability (s+1)/(m+2), and the counts of all arms are a sufficient
//! statistic. The value of a state x with t pulls to come is
//!
//! ```text
//! V₀(x) = 0
//! V_t(x) = max over arms a of  p_a (1 + V_{t−1}(x + success of a))
//!                              + (1 − p_a) V_{t−1}(x + failure of a)
//! ```
//!
//! solved from the last pull back, over multisets of counts, see
//! [`crate::bernoulli_states`].

use crate::bernoulli_rewards::rewards;
use crate::bernoulli_size::{Size, Wanted};
use crate::bernoulli_states::{Layer, Ranks, Shape};
use crate::bernoulli_steps::{Pull, State, chance};

/// Arms that matter: those beyond the number of pulls are never tried.
pub(crate) fn useful_arms(arms: usize, pulls: usize) -> usize {
    arms.min(pulls)
}

/// The Bayes-optimal expected return and, where there is memory to remember
/// the best arm of every state, the expected reward of every pull. `[pulls]`
///
/// # Errors
/// Why it cannot be computed, as a clause.
pub(crate) fn value(arms: usize, pulls: usize) -> Result<(f64, Option<Vec<f64>>), String> {
    let arms = useful_arms(arms, pulls);
    if arms == 1 {
        return Ok((pulls as f64 / 2.0, Some(vec![0.5; pulls])));
    }
    let size = Size::of(arms, pulls);
    size.affordable(Wanted::Value)?;
    if size.affordable(Wanted::Policy).is_err() {
        return Ok((solve(arms, pulls, |_, _| ()), None));
    }
    let mut layers = Vec::with_capacity(pulls);
    let value = solve(arms, pulls, |solved, _| layers.push(solved));
    layers.reverse();
    Ok((value, Some(rewards(arms, pulls, &layers))))
}

/// Bytes that [`value`] and the policy take, 0 where neither is attempted.
pub(crate) fn bytes(arms: usize, pulls: usize) -> f64 {
    let size = Size::of(useful_arms(arms, pulls), pulls);
    let attempted = |wanted| size.affordable(wanted).map(|()| size.bytes(wanted));
    attempted(Wanted::Advantages)
        .or_else(|_| attempted(Wanted::Policy))
        .or_else(|_| attempted(Wanted::Value))
        .unwrap_or(0.0)
}

/// One layer with the best arm of every state: its place among the tried arms,
/// by falling pulls and rising successes, or their number for an untried one.
/// (A byte suffices: more than 255 arms that matter are far out of reach.)
pub(crate) struct Solved {
    pub(crate) layer: Layer,
    pub(crate) best: Vec<u8>, // [states]
}

/// Solves all layers, hands each one over with the values of its states, the last
/// pull's first, and returns the value of the first state.
pub(crate) fn solve(arms: usize, pulls: usize, mut each: impl FnMut(Solved, &[f64])) -> f64 {
    let ranks = Ranks::new(arms, pulls);
    let mut later = Layer::new(arms, pulls, &ranks);
    let mut later_values = Vec::new(); // Nothing is gained after the last pull.
    for done in (0..pulls).rev() {
        let layer = Layer::new(arms, done, &ranks);
        let mut values = vec![0.0; layer.states()];
        let mut best = vec![0; layer.states()];
        for shape in layer.shapes() {
            let own = shape.offset..shape.offset + shape.states;
            let sweep = Sweep {
                shape,
                pulls: Pull::all(shape, arms, &later),
                ranks: &ranks,
                later: &later_values,
            };
            sweep.run(&mut values[own.clone()], &mut best[own]);
        }
        let solved = Solved {
            layer: layer.clone(),
            best,
        };
        each(solved, &values);
        (later, later_values) = (layer, values);
    }
    later_values[0]
}

/// The solution of all states of one shape.
struct Sweep<'a> {
    shape: &'a Shape,
    pulls: Vec<Pull>,
    ranks: &'a Ranks,
    later: &'a [f64],
}

impl Sweep<'_> {
    fn run(&self, values: &mut [f64], best: &mut [u8]) {
        let mut state = State::first(&self.shape.groups);
        for (value, best) in values.iter_mut().zip(best) {
            (*value, *best) = self.best(&state);
            state.advance();
        }
    }

    /// The best value and arm of a state.
    #[inline]
    fn best(&self, state: &State<'_>) -> (f64, u8) {
        let (mut best, mut best_arm) = (f64::NEG_INFINITY, 0);
        for pull in &self.pulls {
            let base = pull.others(state);
            let joined = pull.joined(state);
            let mut consider = |base: usize, success: u32, pulls: u32, arm: usize| {
                let chance = chance(success, pulls);
                let after = |success| match self.later {
                    [] => 0.0,
                    later => later[pull.target(base, joined, success, self.ranks)],
                };
                let value = chance * (1.0 + after(success + 1)) + (1.0 - chance) * after(success);
                if value > best {
                    (best, best_arm) = (value, arm as u8);
                }
            };
            let Some(from) = pull.from else {
                consider(base, 0, 0, state.successes.len());
                continue;
            };
            let span = state.span(from);
            let own = &state.successes[span.clone()];
            for (index, &success) in own.iter().enumerate() {
                if index > 0 && own[index - 1] == success {
                    continue; // The arms are alike.
                }
                let left = self.ranks.rank_without(own, index) * pull.strides[from];
                let pulls = self.shape.groups[from].pulls;
                consider(base + left, success, pulls, span.start + index);
            }
        }
        (best, best_arm)
    }
}

#[cfg(test)]
#[path = "bernoulli_oracle_tests.rs"]
mod tests;
