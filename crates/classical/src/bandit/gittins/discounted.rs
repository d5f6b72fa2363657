//! Gittins indices where rewards are discounted for ever.

use crate::bandit::gittins::calibration::{Calibration, Layer, states};

/// The indices of all states of fewer than some number of pulls.
#[derive(Debug)]
pub(crate) struct DiscountedTable {
    pulls: usize,
    indices: Vec<f32>, // [n][s]
}

/// On how many known arms the indices are interpolated.
const STEPS: usize = 1000;

/// The most pulls for which a table is made.
const MOST_PULLS: usize = 2000;

/// The most pulls looked ahead beyond a trial.
const MOST_AHEAD: usize = 5000;

/// How small the weight of what comes beyond the pulls looked ahead must be,
/// unless they are [`MOST_AHEAD`].
const NEGLIGIBLE: f64 = 1e-7;

/// By how much the value of a state outside the window may be wrong, in units
/// of one reward each time for ever.
const WINDOW_ERROR: f64 = 1e-12;

impl DiscountedTable {
    /// The indices for trials of a number of pulls.
    ///
    /// Beyond a number of pulls nothing more is learned: there an arm is worth
    /// its mean or the known arm, whichever is better. That is too little by at
    /// most σ / 2 (σ ≤ 1 / 2√(N + 3) being the deviation of its mean after N
    /// pulls), which is weighted by γ^(N − n), and an index falls by at most
    /// 1 / (1 − γ) of that: by less than 1e-6 up to γ = 0.99, where N looks
    /// far enough ahead for [`NEGLIGIBLE`]; a test compares with a bound from
    /// above where it cannot. Interpolation errs by less than 1e-5.
    ///
    /// # Errors
    /// If there are too many pulls.
    pub(crate) fn new(discount: f64, pulls: usize) -> Result<Self, String> {
        if pulls > MOST_PULLS {
            return Err(format!(
                "its table for {pulls} pulls would take {:.0} MB and {:.0} s; allowed: up to \
                 {MOST_PULLS} pulls",
                states(pulls) as f64 * 12e-6,
                states(pulls) as f64 * STEPS as f64 * 1e-9,
            ));
        }
        let indices = indices(discount, pulls, STEPS, |mean, known, _| {
            (mean - known).max(0.0)
        });
        Ok(Self { pulls, indices })
    }

    /// The index after some pulls and successes among them.
    pub(crate) fn index(&self, pulls: usize, successes: usize) -> f32 {
        let pulls = pulls.min(self.pulls - 1);
        self.indices[states(pulls) + successes.min(pulls)]
    }
}

/// Indices interpolated on `steps` known arms, given the advantage over a known
/// one where nothing more is looked at: of the mean, the known arm and the
/// number of pulls.
pub(super) fn indices(
    discount: f64,
    pulls: usize,
    steps: usize,
    last: impl Fn(f64, f64, usize) -> f64,
) -> Vec<f32> {
    let weight = 1.0 - discount;
    let ahead = (NEGLIGIBLE.ln() / discount.ln()).ceil() as usize;
    let horizon = pulls + ahead.min(MOST_AHEAD);
    let ranks: Vec<f64> = (1..=horizon + 2).map(|rank| rank as f64).collect();
    let beyond = |known: f64, values: &mut [f64]| {
        let mut room = vec![0.0; horizon + 2];
        let window = Window { known };
        let mut after = window.states(horizon);
        for s in after.clone() {
            room[s] = last(ranks[s] / (horizon + 2) as f64, known, horizon);
        }
        for n in (pulls..horizon).rev() {
            let own = window.states(n);
            window.fill_beside(&after, n + 1, own.start..own.end + 1, &mut room);
            let layer = Layer {
                per_rank: 1.0 / (n + 2) as f64,
                known,
                discount,
                weight,
            };
            layer.induct(&ranks[own.clone()], &mut room[own.start..own.end + 1]);
            room[own.clone()].iter_mut().for_each(|d| *d = d.max(0.0));
            after = own;
        }
        window.fill_beside(&after, pulls, 0..pulls + 1, &mut room);
        values.copy_from_slice(&room[..=pulls]);
    };
    Calibration::new(discount, weight, pulls).run(steps, beyond)
}

/// The states in which it is open whether an arm or the known one is better.
///
/// After n pulls the mean of an arm is sub-Gaussian about its expectation with
/// the variance 1 / 4(n + 3) (Marchal and Arbel 2017), so that where the two
/// are more than δ = √(ln(1/ε) / 2(n + 3)) apart learning gains less than ε:
/// the arm is worth the better of the two.
struct Window {
    known: f64,
}

impl Window {
    /// Which states of a layer, by successes.
    fn states(&self, n: usize) -> std::ops::Range<usize> {
        let width = (-WINDOW_ERROR.ln() / (2.0 * (n + 3) as f64)).sqrt();
        let rank = |mean: f64| mean * (n + 2) as f64 - 1.0;
        let first = rank(self.known - width).ceil().max(0.0) as usize;
        let end = rank(self.known + width).floor().max(-1.0) + 1.0;
        let end = (end as usize).min(n + 1);
        first.min(end)..end
    }

    /// Writes A of those states of `wanted` that lie beside the window `own`
    /// of layer n.
    fn fill_beside(
        &self,
        own: &std::ops::Range<usize>,
        n: usize,
        wanted: std::ops::Range<usize>,
        values: &mut [f64],
    ) {
        for s in wanted.start..wanted.end.min(own.start) {
            values[s] = 0.0;
        }
        for s in wanted.start.max(own.end)..wanted.end {
            values[s] = ((s + 1) as f64 / (n + 2) as f64 - self.known).max(0.0);
        }
    }
}
