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

use crate::bernoulli_size::{Size, Wanted};
use crate::bernoulli_states::{Group, Layer, Ranks, Shape, advance};
use std::cmp::Reverse;

/// Arms that matter: those beyond the number of pulls are never tried.
pub(crate) fn useful_arms(arms: usize, pulls: usize) -> usize {
    arms.min(pulls)
}

/// The Bayes-optimal expected return.
///
/// # Errors
/// Why it cannot be computed, as a clause.
pub(crate) fn value(arms: usize, pulls: usize) -> Result<f64, String> {
    let arms = useful_arms(arms, pulls);
    if arms == 1 {
        return Ok(pulls as f64 / 2.0);
    }
    Size::of(arms, pulls).affordable(Wanted::Value)?;
    Ok(solve(arms, pulls, |_| ()))
}

/// One layer with the best arm of every state: its place among the tried arms,
/// by falling pulls and rising successes, or their number for an untried one.
/// (A byte suffices: more than 255 arms that matter are far out of reach.)
pub(crate) struct Solved {
    pub(crate) layer: Layer,
    pub(crate) best: Vec<u8>, // [states]
}

/// Solves all layers, hands each one over, the last pull's first, and returns
/// the value of the first state.
pub(crate) fn solve(arms: usize, pulls: usize, mut each: impl FnMut(Solved)) -> f64 {
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
        each(Solved {
            layer: layer.clone(),
            best,
        });
        (later, later_values) = (layer, values);
    }
    later_values[0]
}

/// Where the states of one shape lead if an arm of one group is pulled.
struct Pull {
    /// The group, `None` for an untried arm.
    from: Option<usize>,
    /// The group that the arm joins, if there is one already.
    joins: Option<usize>,
    /// Number of the later shape's first state.
    offset: usize,
    /// What the groups' numbers count for there: 0 for a group that is gone.
    strides: Vec<usize>,
    /// What the number of the group that the arm joins counts for there.
    joined_stride: usize,
}

impl Pull {
    fn all(shape: &Shape, arms: usize, later: &Layer) -> Vec<Self> {
        let tried: u32 = shape.groups.iter().map(|group| group.arms).sum();
        let untried = ((tried as usize) < arms).then_some(None);
        let groups = (0..shape.groups.len()).map(Some);
        let pulls = groups.chain(untried);
        pulls.map(|from| Self::of(shape, from, later)).collect()
    }

    fn of(shape: &Shape, from: Option<usize>, later: &Layer) -> Self {
        let pulled = from.map_or(0, |index| shape.groups[index].pulls) + 1;
        let joins = shape.groups.iter().position(|group| group.pulls == pulled);
        let mut groups = shape.groups.clone();
        if let Some(index) = from {
            groups[index].arms -= 1;
        }
        match joins {
            Some(index) => groups[index].arms += 1,
            None => groups.push(Group {
                pulls: pulled,
                arms: 1,
            }),
        }
        groups.retain(|group| group.arms > 0);
        groups.sort_unstable_by_key(|group| Reverse(group.pulls));
        let target = later.find(&groups);
        let stride = |pulls| {
            let index = target.groups.iter().position(|group| group.pulls == pulls);
            index.map_or(0, |index| target.strides[index])
        };
        Self {
            from,
            joins,
            offset: target.offset,
            strides: shape
                .groups
                .iter()
                .map(|group| stride(group.pulls))
                .collect(),
            joined_stride: stride(pulled),
        }
    }
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
        let groups = &self.shape.groups;
        let mut ends = Vec::with_capacity(groups.len());
        let mut tried = 0;
        for group in groups {
            tried += group.arms as usize;
            ends.push(tried);
        }
        let start = |index: usize| if index == 0 { 0 } else { ends[index - 1] };
        let mut successes = vec![0; tried];
        let mut ranks = vec![0; groups.len()];
        for (value, best) in values.iter_mut().zip(best) {
            (*value, *best) = self.best(&successes, &ranks, &ends);
            for index in (0..groups.len()).rev() {
                let own = &mut successes[start(index)..ends[index]];
                if advance(own, groups[index].pulls) {
                    ranks[index] += 1;
                    break;
                }
                ranks[index] = 0;
            }
        }
    }

    /// The best value and arm of a state, given by its success counts, sorted
    /// within each group, and by the groups' numbers.
    #[inline]
    fn best(&self, successes: &[u32], ranks: &[usize], ends: &[usize]) -> (f64, u8) {
        let span = |index: usize| {
            let start = if index == 0 { 0 } else { ends[index - 1] };
            start..ends[index]
        };
        let (mut best, mut best_arm) = (f64::NEG_INFINITY, 0);
        for pull in &self.pulls {
            let mut base = pull.offset;
            for (index, (rank, stride)) in ranks.iter().zip(&pull.strides).enumerate() {
                if Some(index) != pull.from && Some(index) != pull.joins {
                    base += rank * stride;
                }
            }
            let joined = pull.joins.map_or(&[][..], |index| &successes[span(index)]);
            let mut consider = |base: usize, success: u32, pulls: u32, arm: usize| {
                let chance = f64::from(success + 1) / f64::from(pulls + 2);
                let after = |success| match self.later {
                    [] => 0.0,
                    later => {
                        let joined = self.ranks.rank_with(joined, success);
                        later[base + joined * pull.joined_stride]
                    }
                };
                let value = chance * (1.0 + after(success + 1)) + (1.0 - chance) * after(success);
                if value > best {
                    (best, best_arm) = (value, arm as u8);
                }
            };
            let Some(from) = pull.from else {
                consider(base, 0, 0, successes.len());
                continue;
            };
            let own = &successes[span(from)];
            for (index, &success) in own.iter().enumerate() {
                if index > 0 && own[index - 1] == success {
                    continue; // The arms are alike.
                }
                let left = self.ranks.rank_without(own, index) * pull.strides[from];
                let arm = span(from).start + index;
                consider(base + left, success, self.shape.groups[from].pulls, arm);
            }
        }
        (best, best_arm)
    }
}

#[cfg(test)]
#[path = "bernoulli_oracle_tests.rs"]
mod tests;
