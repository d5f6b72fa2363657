//! What trust region policy optimization needs of linear algebra.

/// A solution of conjugate gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// x. `[parameters]`
    pub x: Vec<f64>,
    /// A x, from the same products. `[parameters]`
    pub product: Vec<f64>,
    /// ‖b − A x‖ / ‖b‖.
    pub residual: f64,
    /// Products taken.
    pub iterations: usize,
}

/// Solves A x = b for a symmetric positive A that is known by its products, by
/// at most `iterations` steps of conjugate gradient from x = 0 (Hestenes and
/// Stiefel 1952). Stops early where the residual is 1e-10 of b, or where a
/// direction has no positive curvature.
///
/// # Errors
/// Of the products.
pub fn conjugate_gradient<E>(
    b: &[f64],
    iterations: usize,
    mut product: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Solution, E> {
    let mut x = vec![0.0; b.len()];
    let mut residual = b.to_vec();
    let mut direction = b.to_vec();
    let whole = dot(b, b);
    let mut square = whole;
    let mut taken = 0;
    while taken < iterations && square > 1e-20 * whole {
        let bent = product(&direction)?;
        taken += 1;
        let curvature = dot(&direction, &bent);
        // A NaN stops here too.
        if !(curvature > 0.0 && curvature.is_finite()) {
            break;
        }
        let length = square / curvature;
        add(&mut x, length, &direction);
        add(&mut residual, -length, &bent);
        let next = dot(&residual, &residual);
        let keep = next / square;
        for (d, r) in direction.iter_mut().zip(&residual) {
            *d = r + keep * *d;
        }
        square = next;
    }
    let product = b.iter().zip(&residual).map(|(b, r)| b - r).collect();
    let residual = match whole > 0.0 {
        true => (square / whole).sqrt(),
        false => 0.0,
    };
    Ok(Solution {
        x,
        product,
        residual,
        iterations: taken,
    })
}

/// Σ aᵢ bᵢ.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// a ← a + length × b.
pub(crate) fn add(a: &mut [f64], length: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += length * b);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(matrix: [[f64; 3]; 3], b: [f64; 3], iterations: usize) -> Solution {
        let product = |v: &[f64]| Ok::<_, ()>(matrix.iter().map(|row| dot(row, v)).collect());
        conjugate_gradient(&b, iterations, product).unwrap()
    }

    const MATRIX: [[f64; 3]; 3] = [[4.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 2.0]];

    #[test]
    fn as_many_steps_as_parameters_solve_it() {
        let b = [5.0, 3.0, 1.0]; // MATRIX × (1, 1, 1)
        let solution = solve(MATRIX, b, 3);
        assert!(solution.x.iter().all(|x| (x - 1.0).abs() < 1e-12));
        for (p, b) in solution.product.iter().zip(b) {
            assert!((p - b).abs() < 1e-12);
        }
        assert!(solution.residual < 1e-12);
        let early = solve(MATRIX, b, 1);
        assert!(early.residual > 1e-3 && early.iterations == 1);
        let bent: Vec<f64> = MATRIX.iter().map(|row| dot(row, &early.x)).collect();
        for (p, b) in early.product.iter().zip(bent) {
            assert!((p - b).abs() < 1e-12, "A x comes for free");
        }
    }

    #[test]
    fn nothing_and_no_curvature_end_it() {
        assert_eq!(solve(MATRIX, [0.0; 3], 5).x, [0.0; 3]);
        let flat = solve([[0.0; 3]; 3], [1.0, 0.0, 0.0], 5);
        assert_eq!((flat.x, flat.iterations), (vec![0.0; 3], 1));
    }
}
