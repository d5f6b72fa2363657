//! What is subtracted from the returns that followed an action.

use crate::learner::Learner;
use crate::samples::Samples;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is subtracted from the return that followed an action, so that chance that
/// the action had no part in moves the parameters less. No choice biases the
/// gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// Nothing.
    None,
    /// The mean return that followed the actions of all other trials of the update,
    /// whatever their step. Those of its own trial are left out: they depend on the
    /// action.
    Constant,
    /// What the value head expected.
    Value,
}

impl Learner {
    /// Weighs every action by the whole return that followed it, less a baseline.
    /// The targets must have been filled with λ = 1.
    pub fn weigh_by_returns(&mut self, baseline: Baseline) {
        let constants = match baseline {
            // As it is: at λ = 1 the advantage is the return less the value.
            Baseline::Value => return,
            Baseline::None => Vec::new(),
            Baseline::Constant => of_others(self.samples()),
        };
        let mut constants = constants.iter();
        self.teach(|trajectory, targets| {
            targets.advantages.copy_from_slice(&targets.returns);
            let rows = targets.advantages.chunks_exact_mut(trajectory.lanes());
            if let Some(constants) = constants.next() {
                for row in rows {
                    row.iter_mut().zip(constants).for_each(|(x, c)| *x -= c);
                }
            }
        });
    }
}

/// For each lane the mean return that followed the actions of all other lanes; 0
/// where there is no other. `[tiles][lanes]`
fn of_others(samples: &Samples) -> Vec<Vec<f32>> {
    // Σ of returns and how many there are, of each lane.
    let sums = samples.batch.tiles().iter().zip(&samples.targets);
    let sums: Vec<Vec<(f64, f64)>> = sums
        .map(|(tile, targets)| {
            let lanes = tile.trajectory().lanes();
            let mut sums = vec![(0.0, 0.0); lanes];
            let rows = targets.returns.chunks_exact(lanes);
            for (returns, mask) in rows.zip(targets.mask.chunks_exact(lanes)) {
                for ((sum, x), lives) in sums.iter_mut().zip(returns).zip(mask) {
                    let lives = f64::from(*lives);
                    *sum = (sum.0 + f64::from(*x) * lives, sum.1 + lives);
                }
            }
            sums
        })
        .collect();
    let all = sums.iter().flatten();
    let all = all.fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
    let others = |one: &(f64, f64)| match all.1 - one.1 {
        0.0 => 0.0,
        count => ((all.0 - one.0) / count) as f32,
    };
    let of_tile = |lanes: &Vec<(f64, f64)>| lanes.iter().map(others).collect();
    sums.iter().map(of_tile).collect()
}
