//! Round numbers for an axis.

/// Round values within a range, about `count` of them, and the decimals that
/// tell them apart.
pub fn ticks(low: f64, high: f64, count: usize) -> (Vec<f64>, usize) {
    let rough = (high - low) / count.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return (vec![low], 2);
    }
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|round| round * power)
        .min_by(|a, b| (a - rough).abs().total_cmp(&(b - rough).abs()))
        .unwrap_or(power);
    // Multiples of the step, so that zero is exactly zero.
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    ((first..=last).map(|k| k as f64 * step).collect(), decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_zero_is_zero() {
        assert_eq!(ticks(4.9, 6.7, 4), (vec![5.0, 5.5, 6.0, 6.5], 1));
        assert_eq!(ticks(-1.0, 1.0, 4).0, [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(
            ticks(0.0, 1000.0, 5),
            (vec![0.0, 200.0, 400.0, 600.0, 800.0, 1000.0], 0)
        );
        assert_eq!(ticks(3.0, 3.0, 5).0, [3.0]);
    }
}
