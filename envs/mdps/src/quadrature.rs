//! Numerical integration.

use std::f64::consts::PI;

/// A node in \[0, 1\] and its weight; the weights' sum is 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) at: f64,
    pub(crate) weight: f64,
}

/// The Gauss–Legendre rule of `count` nodes on \[0, 1\], exact for polynomials
/// of degree below `2 * count`. Nodes are roots of the Legendre polynomial,
/// found by Newton's method from their asymptotic places.
pub(crate) fn gauss_legendre(count: usize) -> Vec<Node> {
    let node = |index: usize| {
        let mut x = (PI * (index as f64 + 0.75) / (count as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..6 {
            let (value, derivative) = legendre(count, x);
            slope = derivative;
            x -= value / derivative;
        }
        Node {
            at: (1.0 + x) / 2.0,
            weight: 1.0 / ((1.0 - x * x) * slope * slope),
        }
    };
    (0..count).map(node).collect()
}

/// The Legendre polynomial of a degree, and its derivative.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for k in 0..degree {
        let k = k as f64;
        let next = ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0);
        (before, value) = (value, next);
    }
    let derivative = degree as f64 * (x * value - before) / (x * x - 1.0);
    (value, derivative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_below_twice_the_nodes_are_exact() {
        for count in [1, 2, 3, 8, 50] {
            let nodes = gauss_legendre(count);
            for degree in 0..2 * count {
                let terms = nodes.iter().map(|n| n.weight * n.at.powi(degree as i32));
                let integral: f64 = terms.sum();
                let wanted = 1.0 / (degree as f64 + 1.0);
                assert!((integral - wanted).abs() < 1e-14, "{count}: x^{degree}");
            }
        }
        // The first degree that is not: x² with one node is 1/4, not 1/3.
        assert_eq!(gauss_legendre(1)[0].at, 0.5);
        let many = gauss_legendre(3000);
        let sum: f64 = many.iter().map(|n| n.weight * (-n.at).exp()).sum();
        assert!((sum - (1.0 - (-1.0_f64).exp())).abs() < 1e-13);
    }
}
