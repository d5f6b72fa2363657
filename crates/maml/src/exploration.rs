//! E-MAML: what samples before the adaptation are paid for what they led to.

/// What each task earned beyond the mean of the others, which no sample of the
/// task itself can move: paying its scores this leaves their expectation as it is.
///
/// The noise of E-MAML's term grows with the square root of the number of
/// trials, for all their scores are paid the same. A baseline that takes off what
/// the task's other trials earned before the adaptation is unbiased too, and was
/// found to be noisier in the exact audit: gains differ between tasks more than
/// returns do. What is within the rounding of these sums is 0.
pub(crate) fn beyond_others(earned: &[f64]) -> Vec<f64> {
    let all: f64 = earned.iter().sum();
    let size: f64 = earned.iter().map(|own| own.abs()).sum();
    let others = (earned.len() - 1) as f64;
    let beyond = |own: &f64| match own - (all - own) / others {
        beyond if beyond.abs() <= 4.0 * f64::EPSILON * size => 0.0,
        beyond => beyond,
    };
    earned.iter().map(beyond).collect()
}

/// What brings earnings to the units of the policy loss where advantages are
/// normalized: one number for all tasks, the reciprocal of the root of the mean
/// over the tasks of the advantages' variances before that, `deviations` squared.
///
/// A number for each task would be without bounds in a task that earned the same
/// with whatever it did. Where that is so in all tasks, whose deviations are then
/// 0, the policy loss is 0, there are no units to bring anything to, and the
/// number is 0.
pub(crate) fn common_scale(deviations: &[f64]) -> f64 {
    let variance: f64 = deviations.iter().map(|deviation| deviation.powi(2)).sum();
    match variance > 0.0 {
        true => 1.0 / (variance / deviations.len() as f64).sqrt(),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{beyond_others, common_scale};

    #[test]
    fn tasks_without_deviation_do_not_decide_the_scale() {
        assert_eq!(common_scale(&[0.0, 3.0, 4.0, 0.0]), 0.4);
        assert_eq!(common_scale(&[2.0; 3]), 0.5);
        assert_eq!(common_scale(&[0.0; 2]), 0.0);
    }

    #[test]
    fn equal_earnings_are_paid_nothing() {
        for earned in [0.1, 0.3, -7.7, 1e-9] {
            assert_eq!(beyond_others(&[earned; 7]), [0.0; 7]);
        }
    }

    #[test]
    fn tasks_are_paid_what_they_earned_beyond_the_others() {
        let paid = beyond_others(&[1.0, 2.0, 6.0]);
        assert_eq!(paid, [1.0 - 4.0, 2.0 - 3.5, 6.0 - 1.5]);
    }
}
