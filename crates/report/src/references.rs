//! What learners are measured against: the returns of the optimum and of chance,
//! and the gap between them, of which a learner closes a share.

use record::schema::Comparison;
use rl_core::{Exact, ExactValues};

use crate::gap;
use crate::measure::Measure;
use crate::read::mean_return;

/// Reference values over all seeds, `None` where not known.
#[derive(Clone, Debug, Default)]
pub(crate) struct References {
    pub(crate) bayes_optimal: Option<Measure>,
    pub(crate) known_task: Option<Measure>,
    pub(crate) random: Option<Measure>,
    /// Exact expected rewards of the Bayes-optimal agent; empty where not known.
    /// `[steps]`
    pub(crate) bayes_rewards: Vec<f64>,
    /// Why the Bayes-optimal value is not known.
    pub(crate) why_no_bayes: Option<String>,
}

impl References {
    pub(crate) fn of(comparisons: &[&Comparison]) -> Self {
        let known = |pick: fn(&ExactValues) -> &Exact| -> Option<Measure> {
            let values: Option<Vec<Measure>> = comparisons
                .iter()
                .map(|comparison| Measure::of_reference(pick(&comparison.exact)))
                .collect();
            Measure::pooled(&values?)
        };
        let measured = |name: &str| {
            let values: Option<Vec<Measure>> = comparisons
                .iter()
                .map(|comparison| mean_return(comparison, name).map(Measure::Sampled))
                .collect();
            Measure::pooled(&values?)
        };
        let why = comparisons
            .iter()
            .find_map(|comparison| comparison.exact.bayes_optimal.why());
        Self {
            bayes_optimal: known(|exact| &exact.bayes_optimal),
            known_task: known(|exact| &exact.known_task_optimum),
            random: known(|exact| &exact.random).or_else(|| measured("random")),
            bayes_rewards: comparisons
                .first()
                .and_then(|comparison| comparison.exact.bayes_optimal_rewards.clone())
                .unwrap_or_default(),
            why_no_bayes: why.map(str::to_string),
        }
    }

    /// The regret of the Bayes-optimal agent over a trial. Only two exact
    /// values give it: the optimum of the tasks met has an error that the
    /// exact Bayes-optimal value does not share.
    pub(crate) fn bayes_regret(&self) -> Option<f64> {
        match (self.known_task?, self.bayes_optimal?) {
            (Measure::Exact(known), Measure::Exact(bayes)) => Some(known - bayes),
            _ => None,
        }
    }

    /// The same after each step of a trial of so many steps, the optimum spread
    /// evenly over them as it is for the learners; empty where the reward of
    /// each step is not known.
    pub(crate) fn bayes_regret_curve(&self, steps: usize) -> Vec<f64> {
        let known = self.bayes_rewards.len() == steps;
        let Some(Measure::Exact(optimum)) = self.known_task.filter(|_| known) else {
            return Vec::new();
        };
        let mut earned = 0.0;
        let behind = |(step, reward): (usize, &f64)| {
            earned += reward;
            optimum * (step + 1) as f64 / steps as f64 - earned
        };
        self.bayes_rewards.iter().enumerate().map(behind).collect()
    }

    /// From random to the best reference that is known.
    pub(crate) fn gap(&self) -> Option<Gap> {
        let (best, to) = match self.bayes_optimal {
            Some(bayes) => (Some(bayes), Target::BayesOptimal),
            None => (self.known_task, Target::KnownTask),
        };
        let ends = gap::Gap::new(self.random?.estimate(), best?.estimate())?;
        Some(Gap { ends, to })
    }
}

/// Returns between which shares are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gap {
    pub(crate) ends: gap::Gap,
    pub(crate) to: Target,
}

/// What the far end of the gap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    BayesOptimal,
    KnownTask,
}

impl Target {
    /// "Bayes-optimal", for a sentence.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::BayesOptimal => "Bayes-optimal",
            Self::KnownTask => "the known-task optimum",
        }
    }
}

impl Gap {
    /// The share of a return.
    pub(crate) fn measure(&self, mean_return: Measure) -> Measure {
        let share = self.ends.share(mean_return.estimate());
        match mean_return {
            Measure::Exact(_) if share.standard_error == 0.0 => Measure::Exact(share.mean),
            Measure::Exact(_) | Measure::Sampled(_) => Measure::Sampled(share),
            Measure::Seeds(_) => Measure::Seeds(share),
        }
    }
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
