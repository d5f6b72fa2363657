//! Gittins indices of Bernoulli arms by calibration against a known arm.
//!
//! The index of an arm is the λ for which it is worth no more and no less than
//! a known arm that always pays λ. For one λ after the other, lowest first,
//! backward induction over the arm's states gives the advantage of pulling it
//! at least once more and then going over to the known arm at the best moment,
//! never to return:
//!
//! ```text
//! D(n, s)  =  w (μ − λ) + γ (μ A(n+1, s+1) + (1 − μ) A(n+1, s)),   A = max(0, D)
//! ```
//!
//! after s successes in n pulls, where μ = (s + 1) / (n + 2). The advantage
//! falls in λ; where it passes 0 is the index (Gittins, Glazebrook and Weber
//! 2011, "Multi-armed Bandit Allocation Indices", section 8.4).

use std::f64::consts::FRAC_PI_2;

/// Backward induction for one known arm after the other, and the indices that
/// it found.
pub(crate) struct Calibration {
    /// γ
    discount: f64,
    /// w, what one reward is worth.
    weight: f64,
    /// The states calibrated are those of fewer pulls than this.
    layers: usize,
    /// s + 1 as a number. `[layers]`
    ranks: Vec<f64>,
    /// D at the λ before. `[n][s]`
    advantage: Vec<f64>,
    /// How many states of a layer have their index: those of fewest
    /// successes, since indices grow with them. `[layers]`
    found: Vec<usize>,
    /// The indices. `[n][s]`
    indices: Vec<f32>,
}

/// How many states there are of fewer than `layers` pulls; also where the
/// states of exactly that many begin.
pub(crate) const fn states(layers: usize) -> usize {
    layers * (layers + 1) / 2
}

impl Calibration {
    /// Nothing found yet.
    pub(crate) fn new(discount: f64, weight: f64, layers: usize) -> Self {
        Self {
            discount,
            weight,
            layers,
            ranks: (1..=layers).map(|rank| rank as f64).collect(),
            advantage: vec![0.0; states(layers)],
            found: vec![0; layers],
            indices: vec![0.0; states(layers)],
        }
    }

    /// The indices, interpolated on a grid of `steps` steps of λ from 0 to 1,
    /// λ = sin²(u π / 2) with u in equal steps: finest near both ends, where
    /// the advantage bends most. `last` writes A after `layers` pulls, given λ.
    /// `[layers + 1]`
    pub(crate) fn run(mut self, steps: usize, last: impl Fn(f64, &mut [f64])) -> Vec<f32> {
        let mut values = vec![0.0; self.layers + 1];
        let mut before = 0.0;
        for number in 0..=steps {
            let known = (number as f64 / steps as f64 * FRAC_PI_2).sin().powi(2);
            last(known, &mut values);
            self.sweep(before, known, &mut values);
            before = known;
        }
        self.indices
    }

    /// Backward induction for one λ, given the one before.
    fn sweep(&mut self, before: f64, known: f64, values: &mut [f64]) {
        // The first state of the layer after this one that is worth anything:
        // below it and its neighbour no state of this layer is.
        let mut worth = positive_from(values, 0);
        for n in (0..self.layers).rev() {
            let from = self.found[n].min(worth.saturating_sub(1)).min(n);
            let ranks = &self.ranks[from..=n];
            let layer = Layer {
                per_rank: 1.0 / (n + 2) as f64,
                known,
                discount: self.discount,
                weight: self.weight,
            };
            layer.induct(ranks, &mut values[from..=n + 1]);
            self.record(n, before, known, values);
            values[from..=n].iter_mut().for_each(|d| *d = d.max(0.0));
            worth = positive_from(&values[..=n], worth.saturating_sub(1));
        }
    }

    /// Finds the indices of a layer that lie between the λ before and the one
    /// that gave `advantage`, by interpolation. `[n + 1]` and more
    fn record(&mut self, n: usize, before: f64, known: f64, advantage: &[f64]) {
        let row = states(n)..states(n + 1);
        let previous = &mut self.advantage[row.clone()];
        let indices = &mut self.indices[row];
        let mut found = self.found[n];
        while found <= n && advantage[found] <= 0.0 {
            let share = previous[found] / (previous[found] - advantage[found]);
            indices[found] = (before + (known - before) * share) as f32;
            found += 1;
        }
        previous[found..].copy_from_slice(&advantage[found..=n]);
        self.found[n] = found;
    }
}

/// The first index from `start` on whose value is positive, or their number.
fn positive_from(values: &[f64], start: usize) -> usize {
    let rest = values.iter().skip(start);
    start + rest.take_while(|value| **value <= 0.0).count()
}

/// What the states of a layer have in common.
#[derive(Clone, Copy)]
pub(crate) struct Layer {
    /// 1 / (n + 2)
    pub(crate) per_rank: f64,
    /// λ
    pub(crate) known: f64,
    /// γ
    pub(crate) discount: f64,
    /// w
    pub(crate) weight: f64,
}

impl Layer {
    /// Turns A of a layer into D of the layer before, for a row of states;
    /// `values` has one more, which stays. `[states]`, `[states + 1]`
    pub(crate) fn induct(self, ranks: &[f64], values: &mut [f64]) {
        for (index, rank) in ranks.iter().enumerate() {
            let mean = rank * self.per_rank;
            let (failed, succeeded) = (values[index], values[index + 1]);
            let later = failed + mean * (succeeded - failed);
            values[index] = self.weight * (mean - self.known) + self.discount * later;
        }
    }
}
