use crate::tabular::agent::{self, Room, Rule};
use crate::tabular::belief::{Belief, Guess, Prior};
use crate::tabular::sizes::Sizes;
use crate::tabular::values::expect;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// The probability with which the confidence sets may fail, before scaling.
const DELTA: f64 = 0.05;

/// UCRL2 (Jaksch, Ortner and Auer 2010) over a finite horizon: acts optimally
/// in the most favourable MDP whose mean rewards differ from the posterior
/// means by at most d_r, and whose transitions differ from them by at most
/// d_p in L1 norm, planned anew when an episode begins:
///
/// ```text
/// d_r(s, a) = scale √(7 ln(2 S A t / δ) / (2 max(1, n(s, a))))
/// d_p(s, a) = scale √(14 S ln(2 A t / δ) / max(1, n(s, a)))
/// ```
///
/// with t one more than the steps so far, n how often the action was tried in
/// the state, and δ = 0.05. Optimism may make any state likelier, but not the
/// end of an episode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ucrl2 {
    /// Weight of the confidence widths, at least 0; 1 as published.
    pub(crate) scale: f64,
    /// What it believes when a trial begins.
    pub(crate) prior: Prior,
}

/// Room for extended value iteration.
pub(crate) struct Widths {
    /// Half of d_p: the probability that may move. `[actions][states]`
    half: Vec<f64>,
    /// What is still to be taken from other states. `[actions][states]`
    moved: Vec<f64>,
    /// Next states by value, the lowest first; the end is one. `[states + 1]`
    order: Vec<usize>,
    /// Values of next states, that of the end included. `[states + 1]`
    later: Vec<f64>,
}

impl Ucrl2 {
    /// Writes the widest rewards into the guess, and half of d_p.
    fn widen(&self, belief: &Belief, guess: &mut Guess, half: &mut [f64]) {
        let sizes = belief.sizes();
        let [states, actions] = [sizes.states, sizes.actions].map(|size| size as f64);
        let t = belief.steps() as f64 + 1.0;
        let reward = self.scale * (3.5 * (2.0 * states * actions * t / DELTA).ln()).sqrt();
        let transition = self.scale * (14.0 * states * (2.0 * actions * t / DELTA).ln()).sqrt();
        let widths = guess.reward.iter_mut().zip(half).zip(belief.visits());
        for ((mean, half), visits) in widths {
            let share = 1.0 / visits.max(1.0).sqrt();
            *mean += reward * share;
            *half = 0.5 * transition * share;
        }
    }
}

/// The backup of extended value iteration (Jaksch et al. 2010, figure 2):
/// moves probability from the next states of lowest value to that of highest.
fn optimistic(guess: &Guess, widths: &mut Widths, later: &[f64], q: &mut [f64]) {
    let (pairs, states) = (q.len(), later.len());
    expect(guess, later, q);
    widths.later[..states].copy_from_slice(later);
    let values = &widths.later;
    let order = &mut widths.order;
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]).then(a.cmp(b)));
    let Some(best) = order.iter().rfind(|next| **next < states) else {
        return;
    };
    let highest = values[*best];
    let row = &guess.transition[best * pairs..][..pairs];
    let moves = widths.moved.iter_mut().zip(&widths.half).zip(row);
    for (((moved, half), p), q) in moves.zip(&mut *q) {
        *moved = half.min(1.0 - p);
        *q += *moved * highest;
    }
    for next in order.iter().filter(|next| *next != best) {
        let value = values[*next];
        let row = &guess.transition[next * pairs..][..pairs];
        for ((q, moved), p) in q.iter_mut().zip(&mut widths.moved).zip(row) {
            let taken = if *p < *moved { *p } else { *moved };
            *moved -= taken;
            *q -= taken * value;
        }
    }
}

impl Rule for Ucrl2 {
    type Extra = Widths;

    fn prior(&self) -> Prior {
        self.prior
    }

    fn extra(&self, sizes: Sizes) -> Widths {
        Widths {
            half: vec![0.0; sizes.pairs()],
            moved: vec![0.0; sizes.pairs()],
            order: (0..=sizes.states).collect(),
            later: vec![0.0; sizes.states + 1],
        }
    }

    fn plan(
        &self,
        belief: &Belief,
        (room, widths): (&mut Room, &mut Widths),
        _rng: &mut Stream,
        plan: &mut [f64],
    ) {
        belief.mean(&mut room.guess);
        self.widen(belief, &mut room.guess, &mut widths.half);
        let guess = &room.guess;
        room.values
            .sweep(plan, |later, q| optimistic(guess, widths, later, q));
    }
}

impl PolicyFactory for Ucrl2 {
    fn name(&self) -> String {
        let Prior { mean, weight } = self.prior;
        format!("ucrl2({}, {mean}, {weight})", self.scale)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        agent::make(self, &self.name(), spec, lanes)
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        agent::bytes(spec, lanes)
    }
}

#[cfg(test)]
#[path = "ucrl2_tests.rs"]
mod tests;
