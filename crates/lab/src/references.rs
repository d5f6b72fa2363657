//! Reference values of an environment, and how much of the way from random to
//! Bayes-optimal a return is.

use report::{Estimate, Gap};
use rl_core::{EnvFactory, Exact};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Reference values of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct References {
    /// Of the best agent that does not know its task.
    pub bayes_optimal: Exact,
    /// Of the best agent that knows its task.
    pub known_task_optimum: Exact,
    /// Of an agent that acts uniformly at random.
    pub random: Exact,
    /// Expected reward of the best agent that does not know its task, at each
    /// step of a trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bayes_optimal_rewards: Option<Vec<f64>>,
}

impl References {
    /// Asks the environment, which may take time.
    pub fn of(env: &dyn EnvFactory) -> Self {
        let values = env.exact_values();
        Self {
            bayes_optimal: values.bayes_optimal,
            known_task_optimum: values.known_task_optimum,
            random: values.random,
            bayes_optimal_rewards: values.bayes_optimal_rewards,
        }
    }

    /// None of them, and why.
    pub fn unknown(why: &str) -> Self {
        let unknown = || Exact::unknown(why);
        Self {
            bayes_optimal: unknown(),
            known_task_optimum: unknown(),
            random: unknown(),
            bayes_optimal_rewards: None,
        }
    }

    /// The values by their names in files.
    pub fn named(&self) -> [(&'static str, &Exact); 3] {
        [
            ("bayes_optimal", &self.bayes_optimal),
            ("known_task_optimum", &self.known_task_optimum),
            ("random", &self.random),
        ]
    }

    /// The values as keys of a line of JSON: null where there is none, else
    /// with the standard error and whether the value is exact.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, value) in self.named() {
            fields.insert(name.to_owned(), json!(value.get()));
            if let Some(error) = value.standard_error() {
                let exact = matches!(value, Exact::Known { .. });
                fields.insert(format!("{name}_standard_error"), json!(error));
                fields.insert(format!("{name}_exact"), json!(exact));
            }
        }
        fields
    }

    /// How much of the way from random to Bayes-optimal a mean return is: 0 for
    /// random, 1 for Bayes-optimal; `None` where one of the two is not known.
    pub fn gap_closed(&self, mean_return: Estimate) -> Option<Estimate> {
        let ends = Estimate::of(&self.random).zip(Estimate::of(&self.bayes_optimal));
        let gap = ends.and_then(|(random, best)| Gap::new(random, best))?;
        Some(gap.share(mean_return))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(optimal: f64, random: f64) -> References {
        References {
            bayes_optimal: Exact::value(optimal),
            known_task_optimum: Exact::unknown("it is not"),
            random: Exact::value(random),
            bayes_optimal_rewards: None,
        }
    }

    #[test]
    fn the_gap_runs_from_random_to_bayes_optimal() {
        let exact = references(7.0, 5.0);
        // Three tasks: Student's t with two degrees of freedom.
        let closed = |mean| exact.gap_closed(Estimate::sampled(mean, 0.1, 3)).unwrap();
        assert_eq!((closed(5.0).mean, closed(7.0).mean), (0.0, 1.0));
        let half = closed(6.0);
        assert_eq!(half.mean, 0.5);
        assert!((half.half_width - 4.302_652_730 * 0.05).abs() < 1e-8);
    }

    #[test]
    fn without_both_ends_there_is_no_gap() {
        let six = Estimate::exact(6.0);
        let mut exact = references(7.0, 5.0);
        exact.random = Exact::unknown("it is not");
        assert_eq!(exact.gap_closed(six), None);
        assert_eq!(references(5.0, 5.0).gap_closed(six), None);
    }

    #[test]
    fn an_estimate_is_told_from_an_exact_value() {
        let mut values = references(7.0, 5.0);
        values.random = Exact::estimated(&[4.0, 6.0].into_iter().collect());
        let fields = values.fields();
        assert_eq!(fields["bayes_optimal_exact"], true);
        assert_eq!(fields["random_exact"], false);
        assert_eq!(fields["random_standard_error"], 1.0);
        assert_eq!(fields["known_task_optimum"], Value::Null);
    }
}
