//! What is known of dependent arms that are one of two tasks.

use rl_core::{Information, KnownTasks};

/// Two tasks: the first arm pays with `better`, or the second one does, and the other
/// with 1 − `better`. [`Information::evidence`] is the lead of the first arm: the pulls
/// that spoke for it less those for the second, as an `i64`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TwoPoints {
    pub(crate) better: f64,
    pub(crate) pulls: usize,
}

/// The lead of the first arm, given a pull and what it paid.
pub(crate) fn led(lead: i64, arm: u32, reward: f32) -> i64 {
    let for_first = (arm == 0) == (reward > 0.5);
    lead + if for_first { 1 } else { -1 }
}

impl TwoPoints {
    fn chance(self, task: usize, arm: usize) -> f64 {
        match task == arm {
            true => self.better,
            false => 1.0 - self.better,
        }
    }

    /// How probable each task is.
    fn probabilities(self, evidence: u64) -> [f64; 2] {
        let odds = self.better / (1.0 - self.better);
        let lead = evidence as i64 as f64;
        // Either by itself, so that the smaller one keeps its digits.
        [-lead, lead].map(|against| 1.0 / (1.0 + odds.powf(against)))
    }
}

impl KnownTasks for TwoPoints {
    fn count(&self) -> usize {
        2
    }

    fn states(&self) -> usize {
        1
    }

    fn begin(&self) -> Information {
        Information::default()
    }

    fn after(&self, before: Information, action: u32, reward: f32) -> Information {
        Information {
            step: before.step + 1,
            evidence: led(before.evidence as i64, action, reward) as u64,
            ..before
        }
    }

    fn posterior(&self, evidence: u64, probabilities: &mut [f64]) {
        probabilities.copy_from_slice(&self.probabilities(evidence));
    }

    fn rewards(&self, known: Information, action: u32, each: &mut dyn FnMut(f64, f64)) {
        let tasks = self.probabilities(known.evidence).into_iter().enumerate();
        let pays: f64 = tasks
            .map(|(task, probability)| probability * self.chance(task, action as usize))
            .sum();
        each(pays, 1.0);
        each(1.0 - pays, 0.0);
    }

    /// The better arm.
    fn act(&self, _known: Information, task: usize, probabilities: &mut [f64]) {
        probabilities.fill(0.0);
        probabilities[task] = 1.0;
    }

    fn action_values(&self, known: Information, task: usize, values: &mut [f64]) {
        let later = (self.pulls - 1) as f64 - f64::from(known.step);
        for (arm, value) in values.iter_mut().enumerate() {
            *value = self.chance(task, arm) + later * self.better;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By Bayes' rule on the sequence itself, whichever arms were pulled.
    #[test]
    fn the_posterior_is_bayes_rule() {
        let tasks = TwoPoints {
            better: 0.75,
            pulls: 6,
        };
        let mut likelihood = [0.5, 0.5];
        let mut known = tasks.begin();
        for (arm, reward) in [(0, 1.0), (1, 1.0), (1, 0.0), (0, 1.0), (1, 0.0)] {
            let mut predicted = [0.0, 0.0];
            tasks.rewards(known, arm, &mut |probability, reward| {
                predicted[reward as usize] = probability;
            });
            let before: f64 = likelihood.iter().sum();
            for (task, likelihood) in likelihood.iter_mut().enumerate() {
                let pays = if arm as usize == task { 0.75 } else { 0.25 };
                *likelihood *= if reward > 0.5 { pays } else { 1.0 - pays };
            }
            let sum: f64 = likelihood.iter().sum();
            assert!((predicted[reward as usize] - sum / before).abs() < 1e-12);
            known = tasks.after(known, arm, reward);
            let mut posterior = [0.0, 0.0];
            tasks.posterior(known.evidence, &mut posterior);
            for (found, likelihood) in posterior.iter().zip(likelihood) {
                assert!((found - likelihood / sum).abs() < 1e-12, "{posterior:?}");
            }
        }
        assert_eq!((known.step, known.evidence), (5, 3));
        let mut values = [0.0; 2];
        tasks.action_values(known, 0, &mut values);
        assert_eq!(values, [0.75, 0.25]);
    }
}
