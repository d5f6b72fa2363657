//! What the Bayes-optimal policy of Bernoulli bandits earns pull by pull.
//!
//! The dynamic program gives the best arm of every state. Here states get
//! their probabilities under that policy, from the first pull on: a state of
//! probability w whose best arm pays with probability p gives w p to the state
//! after a success, w (1 − p) to that after a failure, and w p to the expected
//! reward of its pull.

use crate::bernoulli_oracle::Solved;
use crate::bernoulli_states::Ranks;
use crate::bernoulli_steps::{Pull, State, chance};

/// The expected reward of every pull, given all layers from the first on.
/// `[pulls]`
pub(crate) fn rewards(arms: usize, pulls: usize, layers: &[Solved]) -> Vec<f64> {
    let ranks = Ranks::new(arms, pulls);
    let mut weights = vec![1.0]; // [states]
    let mut rewards = Vec::with_capacity(pulls);
    for (done, solved) in layers.iter().enumerate() {
        let later = layers.get(done + 1);
        let mut after = vec![0.0; later.map_or(0, |later| later.layer.states())];
        let mut reward = 0.0;
        for shape in solved.layer.shapes() {
            // The last pull leads nowhere.
            let steps = later.map(|later| Pull::all(shape, arms, &later.layer));
            let own = shape.offset..shape.offset + shape.states;
            let mut state = State::first(&shape.groups);
            for (weight, best) in weights[own.clone()].iter().zip(&solved.best[own]) {
                if *weight > 0.0 {
                    let arm = usize::from(*best);
                    let from = state.group_of(arm);
                    let counts =
                        from.map(|group| (state.successes[arm], shape.groups[group].pulls));
                    let (successes, pulled) = counts.unwrap_or((0, 0));
                    let chance = chance(successes, pulled);
                    reward += weight * chance;
                    if let Some(steps) = &steps {
                        let [failure, success] = targets(steps, &state, arm, successes, &ranks);
                        after[success] += weight * chance;
                        after[failure] += weight * (1.0 - chance);
                    }
                }
                state.advance();
            }
        }
        rewards.push(reward);
        weights = after;
    }
    rewards
}

/// The numbers of the states after a failure and after a success of an arm.
fn targets(
    steps: &[Pull],
    state: &State<'_>,
    arm: usize,
    successes: u32,
    ranks: &Ranks,
) -> [usize; 2] {
    let from = state.group_of(arm);
    // Groups come in order, and an untried arm last.
    let pull = &steps[from.unwrap_or(steps.len() - 1)];
    let left = from.map_or(0, |group| {
        let span = state.span(group);
        let own = &state.successes[span.clone()];
        ranks.rank_without(own, arm - span.start) * pull.strides[group]
    });
    let base = pull.others(state) + left;
    let joined = pull.joined(state);
    [0, 1].map(|more| pull.target(base, joined, successes + more, ranks))
}
