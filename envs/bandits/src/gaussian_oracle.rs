//! The largest of several standard normal numbers.

use std::f64::consts::PI;

/// Steps of the integral per unit, and how far it goes to both sides: beyond,
/// the density is below 1e-30 for any number of arms in use.
const PER_UNIT: i32 = 64;
const REACH: i32 = 13;

/// E max(Z₁, …, Z_k) = ∫ x k φ(x) Φ(x)^(k−1) dx for k = `count` standard
/// normal numbers. The integral is a trapezoidal sum, which converges faster
/// than any power of the step for smooth functions that vanish at both ends.
/// It runs from the right, where 1 − Φ(x) is small and has to be accurate, and
/// sums that up along the way, by the Gauss–Legendre rule of three nodes.
pub(crate) fn expected_maximum(count: usize) -> f64 {
    let (k, step) = (count as f64, 1.0 / f64::from(PER_UNIT));
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
    let far = 0.6_f64.sqrt() / 2.0;
    let nodes = [(0.5 - far, 5.0), (0.5, 8.0), (0.5 + far, 5.0)];
    let (mut above, mut sum) = (0.0_f64, 0.0);
    for place in (-REACH * PER_UNIT..=REACH * PER_UNIT).rev() {
        let x = f64::from(place) * step;
        let all_below = (1.0 - above).max(0.0).powf(k - 1.0);
        sum += x * k * density(x) * all_below;
        let parts = nodes.map(|(node, weight)| weight * density(x - node * step));
        above += parts.iter().sum::<f64>() / 18.0 * step;
    }
    sum * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms() {
        // David and Nagaraja 2003, "Order Statistics", section 3.2.
        let root = PI.sqrt();
        let third = (1.0_f64 / 3.0).asin() / PI;
        let wanted = [
            (1, 0.0),
            (2, 1.0 / root),
            (3, 1.5 / root),
            (4, 3.0 / root * (0.5 + third)),
            (5, 5.0 / root * (0.25 + 1.5 * third)),
        ];
        for (count, wanted) in wanted {
            let found = expected_maximum(count);
            assert!((found - wanted).abs() < 1e-13, "{count}: {found}, {wanted}");
        }
    }

    /// Against ∫₀^∞ 1 − Φ(x)^k − Φ(−x)^k dx, integrated with thirty digits.
    #[test]
    fn many_numbers() {
        for (count, wanted) in [
            (10, 1.538752730835173),
            (100, 2.507593636441684),
            (65_536, 4.291129315896456),
        ] {
            let found = expected_maximum(count);
            assert!((found - wanted).abs() < 1e-11, "{count}: {found}, {wanted}");
        }
    }
}
