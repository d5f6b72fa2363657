//! Reference values of an environment, and how much of the way from random to
//! Bayes-optimal a return is.

use report::{Estimate, Gap};
use rl_core::{Exact, ExactValues};
use serde_json::{Map, Value, json};

/// The values by their names in files.
pub fn named(exact: &ExactValues) -> [(&'static str, &Exact); 3] {
    [
        ("bayes_optimal", &exact.bayes_optimal),
        ("known_task_optimum", &exact.known_task_optimum),
        ("random", &exact.random),
    ]
}

/// The values as keys of a line of JSON: null where there is none, else with the
/// standard error and whether the value is exact.
pub fn fields(exact: &ExactValues) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in named(exact) {
        insert(&mut fields, name, value);
    }
    fields
}

/// Adds one value to a line of JSON.
pub fn insert(fields: &mut Map<String, Value>, name: &str, value: &Exact) {
    fields.insert(name.to_owned(), json!(value.get()));
    if let Some(error) = value.standard_error() {
        let exact = matches!(value, Exact::Known { .. });
        fields.insert(format!("{name}_standard_error"), json!(error));
        fields.insert(format!("{name}_exact"), json!(exact));
    }
}

/// How much of the way from random to Bayes-optimal a mean return is: 0 for
/// random, 1 for Bayes-optimal; `None` where one of the two is not known.
pub fn gap_closed(exact: &ExactValues, mean_return: Estimate) -> Option<Estimate> {
    let ends = Estimate::of(&exact.random).zip(Estimate::of(&exact.bayes_optimal));
    let gap = ends.and_then(|(random, best)| Gap::new(random, best))?;
    Some(gap.share(mean_return))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(optimal: f64, random: f64) -> ExactValues {
        ExactValues {
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
        let closed = |mean| gap_closed(&exact, Estimate::sampled(mean, 0.1, 3)).unwrap();
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
        assert_eq!(gap_closed(&exact, six), None);
        assert_eq!(gap_closed(&references(5.0, 5.0), six), None);
    }

    #[test]
    fn an_estimate_is_told_from_an_exact_value() {
        let mut values = references(7.0, 5.0);
        values.random = Exact::estimated(&[4.0, 6.0].into_iter().collect());
        let fields = fields(&values);
        assert_eq!(fields["bayes_optimal_exact"], true);
        assert_eq!(fields["random_exact"], false);
        assert_eq!(fields["random_standard_error"], 1.0);
        assert_eq!(fields["known_task_optimum"], Value::Null);
    }
}
