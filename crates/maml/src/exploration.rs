//! E-MAML: what samples before the adaptation are paid for what they led to.

/// What each task earned beyond the mean of the others, which no sample of the
/// task itself can move: paying its scores this leaves their expectation as it is.
///
/// The noise of E-MAML's term grows with the square root of the number of
/// trials, for all their scores are paid the same. A baseline that takes off what
/// the task's other trials earned before the adaptation is unbiased too, and was
/// found to be noisier in the exact audit: gains differ between tasks more than
/// returns do.
pub(crate) fn beyond_others(earned: &[f64]) -> Vec<f64> {
    let all: f64 = earned.iter().sum();
    let others = (earned.len() - 1) as f64;
    let beyond = |own: &f64| own - (all - own) / others;
    earned.iter().map(beyond).collect()
}

#[cfg(test)]
mod tests {
    use super::beyond_others;

    #[test]
    fn tasks_are_paid_what_they_earned_beyond_the_others() {
        let paid = beyond_others(&[1.0, 2.0, 6.0]);
        assert_eq!(paid, [1.0 - 4.0, 2.0 - 3.5, 6.0 - 1.5]);
    }
}
