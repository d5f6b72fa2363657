//! Value iteration over a finite horizon, over all states and actions side by
//! side: rows of `[actions][states]` make every loop one that vectorizes. It
//! gives what [`rl_core::tabular::Planner`] gives, without a model of its own.

use crate::tabular::belief::Guess;
use crate::tabular::sizes::Sizes;

/// Solves one guess after the other in the same memory. With v_H = 0,
///
/// ```text
/// q_t(s, a) = r(s, a) + Σ_s' p(s' | s, a) v_{t+1}(s')
/// v_t(s)    = max over a of q_t(s, a)
/// ```
///
/// where the end of an episode has value 0.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    sizes: Sizes,
    value: Vec<f64>, // [states]
}

impl Values {
    /// Room to solve MDPs of a size.
    pub(crate) fn new(sizes: Sizes) -> Self {
        Self {
            sizes,
            value: vec![0.0; sizes.states],
        }
    }

    /// Fills q from the last step back, `[horizon][actions][states]`: `backup`
    /// makes q_t of v_{t+1}.
    pub(crate) fn sweep(&mut self, q: &mut [f64], mut backup: impl FnMut(&[f64], &mut [f64])) {
        self.value.fill(0.0);
        for q in q.chunks_exact_mut(self.sizes.pairs()).rev() {
            backup(&self.value, q);
            highest(q, &mut self.value);
        }
    }

    /// Solves a guess: fills q, `[horizon][actions][states]`.
    pub(crate) fn solve(&mut self, guess: &Guess, q: &mut [f64]) {
        self.sweep(q, |later, q| expect(guess, later, q));
    }
}

/// q(s, a) = r(s, a) + Σ_s' p(s' | s, a) v(s').
pub(crate) fn expect(guess: &Guess, later: &[f64], q: &mut [f64]) {
    let pairs = q.len();
    q.copy_from_slice(&guess.reward);
    // Two next states at a time halve the traffic of `q`.
    let (twos, rest) = later.as_chunks::<2>();
    let mut rows = guess.transition.chunks_exact(2 * pairs);
    for ([first, second], row) in twos.iter().zip(&mut rows) {
        let (left, right) = row.split_at(pairs);
        for ((q, left), right) in q.iter_mut().zip(left).zip(right) {
            *q += first * left + second * right;
        }
    }
    if let [last] = rest {
        let row = &guess.transition[(later.len() - 1) * pairs..][..pairs];
        for (q, p) in q.iter_mut().zip(row) {
            *q += last * p;
        }
    }
}

/// v(s) = max_a q(s, a).
fn highest(q: &[f64], value: &mut [f64]) {
    value.fill(f64::NEG_INFINITY);
    for row in q.chunks_exact(value.len()) {
        for (value, q) in value.iter_mut().zip(row) {
            *value = if *q > *value { *q } else { *value };
        }
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
