//! Gittins indices where a known number of pulls is left.

use crate::bandit::gittins::calibration::{Calibration, states};

/// The indices of all states that trials up to some number of pulls can meet.
#[derive(Debug)]
pub(crate) struct FiniteTable {
    pulls: usize,
    /// By how many pulls the arm would have had at the end if every pull left
    /// were its own, from 1. `[pulls][n][s]`
    indices: Vec<f32>,
}

/// On how many known arms the indices are interpolated.
const STEPS: usize = 384;

/// The most pulls for which a table is made.
const MOST_PULLS: usize = 600;

/// How many states there are in tables of fewer than `ends` ends.
const fn offset(ends: usize) -> usize {
    ends * (ends + 1) * (ends + 2) / 6
}

impl FiniteTable {
    /// The indices for trials of a number of pulls. Interpolation errs by less
    /// than 1e-3, and by less than 1e-4 in most states.
    ///
    /// # Errors
    /// If there are too many pulls.
    pub(crate) fn new(pulls: usize) -> Result<Self, String> {
        if pulls > MOST_PULLS {
            let states = (pulls as f64).powi(3) / 6.0;
            return Err(format!(
                "its table for {pulls} pulls would take {:.0} MB and {:.0} s; allowed: up to \
                 {MOST_PULLS} pulls; 'gittins' takes more",
                states * 4e-6,
                states * STEPS as f64 * 1e-9,
            ));
        }
        let mut indices = Vec::with_capacity(offset(pulls));
        for end in 1..=pulls {
            indices.extend(finite_indices(end, STEPS));
        }
        Ok(Self { pulls, indices })
    }

    /// The index after some pulls and successes among them, with at least one
    /// more pull left.
    pub(crate) fn index(&self, pulls: usize, successes: usize, left: usize) -> f32 {
        let end = (pulls + left).min(self.pulls);
        let pulls = pulls.min(end - 1);
        self.indices[offset(end - 1) + states(pulls) + successes.min(pulls)]
    }
}

/// Where after `end` pulls all is over. `[n][s]`
pub(super) fn finite_indices(end: usize, steps: usize) -> Vec<f32> {
    Calibration::new(1.0, 1.0, end).run(steps, |_, values| values.fill(0.0))
}

/// The finite-horizon Gittins index of an arm after so many pulls, for each number of
/// successes among them under the uniform prior, with so many pulls left, at least 1.
/// Takes 4·10⁻¹⁰ s · (pulls + left)² and 6 bytes · (pulls + left)². `[pulls + 1]`
pub fn finite_gittins_indices(pulls: usize, left: usize) -> Vec<f32> {
    let all = finite_indices(pulls + left, STEPS);
    all[states(pulls)..states(pulls + 1)].to_vec()
}
