//! What is known of a probability after binary evidence.

use crate::quadrature::gauss_legendre;

/// The least slip probability that is told from 0; keeps logarithms finite.
const LEAST: f64 = 1e-200;

/// The posterior predictive of one layer: after n observations, k of which
/// agreed, the probability that the next one agrees.
///
/// Every observation agrees with probability q, where q is s or 1 − s with
/// equal prior probability, and s is uniform on an interval within \[0, 1/2\].
/// With the moments A(k, n) = E\[qᵏ (1 − q)ⁿ⁻ᵏ\], the next one agrees with
/// probability ρ(k, n) = A(k + 1, n + 1) / A(k, n) and differs with σ = 1 − ρ.
///
/// The last layer is integrated by a Gauss–Legendre rule that is exact for its
/// polynomials. Earlier ones follow from A(k, n) = A(k, n + 1) + A(k + 1, n + 1)
/// without cancellation:
///
/// ```text
/// ρ(k, n) : σ(k, n)  =  ρ(k, n + 1) : σ(k + 1, n + 1)
/// ```
#[derive(Clone, Debug)]
pub(crate) struct Predictive {
    /// ρ. `[n + 1]`
    pub(crate) agrees: Vec<f64>,
    /// σ. `[n + 1]`
    pub(crate) differs: Vec<f64>,
}

impl Predictive {
    /// The layer after `observed` observations.
    pub(crate) fn new(low: f64, high: f64, observed: usize) -> Self {
        // Degree observed + 1 in s, by a rule exact below twice its nodes.
        let nodes: Vec<_> = gauss_legendre(observed / 2 + 2)
            .into_iter()
            .map(|node| {
                let s = (low + (high - low) * node.at).max(LEAST);
                (s, s.ln(), (-s).ln_1p(), node.weight)
            })
            .collect();
        let n = observed as f64;
        let ratio = |k: usize| {
            let k = k as f64;
            let logs =
                |ln_s: f64, ln_t: f64| (k * ln_t + (n - k) * ln_s, k * ln_s + (n - k) * ln_t);
            let largest = nodes.iter().fold(f64::NEG_INFINITY, |most, node| {
                let (upper, lower) = logs(node.1, node.2);
                most.max(upper).max(lower)
            });
            let (mut agrees, mut differs) = (0.0, 0.0);
            for &(s, ln_s, ln_t, weight) in &nodes {
                let (upper, lower) = logs(ln_s, ln_t);
                let upper = weight * (upper - largest).exp(); // q = 1 − s
                let lower = weight * (lower - largest).exp(); // q = s
                agrees += upper * (1.0 - s) + lower * s;
                differs += upper * s + lower * (1.0 - s);
            }
            (agrees / (agrees + differs), differs / (agrees + differs))
        };
        let (agrees, differs) = (0..=observed).map(ratio).unzip();
        Self { agrees, differs }
    }

    /// Goes back by one observation, of which there has to be one.
    pub(crate) fn earlier(&mut self) {
        let observed = self.agrees.len() - 1;
        for k in 0..observed {
            let (agrees, differs) = (self.agrees[k], self.differs[k + 1]);
            self.agrees[k] = agrees / (agrees + differs);
            self.differs[k] = differs / (agrees + differs);
        }
        self.agrees.truncate(observed);
        self.differs.truncate(observed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: f64, wanted: f64, place: &str) {
        let error = (found - wanted).abs();
        assert!(
            error <= 1e-11 * wanted.abs(),
            "{place}: {found}, not {wanted}"
        );
    }

    /// With s ~ U[0, 1/2], q ~ U[0, 1]: Laplace's rule of succession.
    #[test]
    fn the_full_interval_gives_the_rule_of_succession() {
        for last in [1, 2, 7, 300] {
            let mut layer = Predictive::new(0.0, 0.5, last);
            for n in (0..=last).rev() {
                assert_eq!(layer.agrees.len(), n + 1);
                for k in 0..=n {
                    let wanted = (k + 1) as f64 / (n + 2) as f64;
                    assert_close(layer.agrees[k], wanted, &format!("ρ({k}, {n})"));
                    assert_close(layer.differs[k], 1.0 - wanted, &format!("σ({k}, {n})"));
                }
                if n > 0 {
                    layer.earlier();
                }
            }
        }
    }

    /// Known s: two hypotheses, and Bayes' rule by hand.
    #[test]
    fn a_known_slip_leaves_two_hypotheses() {
        let mut layer = Predictive::new(0.2, 0.2, 3);
        layer.earlier();
        let upper: f64 = 0.8 * 0.8 / (0.8 * 0.8 + 0.2 * 0.2);
        assert_close(layer.agrees[2], upper * 0.8 + (1.0 - upper) * 0.2, "2 of 2");
        assert_close(layer.agrees[1], 0.5, "1 of 2");
        layer.earlier();
        assert_close(layer.agrees[1], 0.68, "1 of 1");
        let mut certain = Predictive::new(0.0, 0.0, 3);
        certain.earlier();
        assert_close(certain.agrees[2], 1.0, "no slips");
        assert!(certain.agrees[0] < 1e-100 && certain.agrees[1].is_finite());
    }

    /// The recursion agrees with a fresh integration at every layer.
    #[test]
    fn layers_follow_from_later_ones() {
        let mut layer = Predictive::new(0.05, 0.3, 200);
        for n in (0..200).rev() {
            layer.earlier();
            let fresh = Predictive::new(0.05, 0.3, n);
            for k in 0..=n {
                assert_close(layer.agrees[k], fresh.agrees[k], &format!("ρ({k}, {n})"));
            }
        }
    }
}
