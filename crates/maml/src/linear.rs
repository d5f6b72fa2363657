//! A baseline by least squares on functions of observation and time.

/// V(o, t) = w · (o, o², t/100, (t/100)², (t/100)³, 1), fitted to returns by
/// ridge regression in f64 (Duan et al. 2016, arXiv 1604.06778, section 5.1).
/// Of symbols, whose squares are themselves, only o is used.
#[derive(Clone, Debug)]
pub struct LinearBaseline {
    inputs: usize,
    squares: bool,
    ridge: f64,
    weights: Vec<f64>, // [features]
    feature: Vec<f64>, // [features], scratch
    normal: Vec<f64>,  // [features][features], XᵀX, of which the lower half
    right: Vec<f64>,   // [features], Xᵀy
    factor: Vec<f64>,  // [features][features], scratch
}

/// How often the ridge grows tenfold before the baseline is left at 0.
const ATTEMPTS: usize = 16;

impl LinearBaseline {
    /// A baseline that is 0 before it is fitted. `squares` says whether o² is
    /// among the features.
    pub fn new(inputs: usize, squares: bool, ridge: f64) -> Self {
        let features = inputs * (1 + usize::from(squares)) + 4;
        Self {
            inputs,
            squares,
            ridge,
            weights: vec![0.0; features],
            feature: vec![0.0; features],
            normal: vec![0.0; features * features],
            right: vec![0.0; features],
            factor: vec![0.0; features * features],
        }
    }

    /// The weights, in the order of the features.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Forgets all samples.
    pub fn begin(&mut self) {
        self.normal.fill(0.0);
        self.right.fill(0.0);
    }

    /// Adds a sample: encoded observation `[inputs]`, step of its episode, and
    /// the return from there.
    pub fn add(&mut self, observation: &[f32], step: usize, target: f64) {
        self.write(observation, step);
        let features = self.feature.len();
        for (row, &x) in self.feature.iter().enumerate() {
            let normal = &mut self.normal[row * features..=row * features + row];
            for (sum, &y) in normal.iter_mut().zip(&self.feature) {
                *sum += x * y;
            }
            self.right[row] += x * target;
        }
    }

    /// Fits the weights to the samples added since [`Self::begin`].
    pub fn fit(&mut self) {
        let mut ridge = self.ridge;
        for _ in 0..ATTEMPTS {
            if self.solve(ridge) {
                return;
            }
            ridge *= 10.0;
        }
        self.weights.fill(0.0);
    }

    /// The expected return of an encoded observation at a step of its episode.
    pub fn value(&mut self, observation: &[f32], step: usize) -> f64 {
        self.write(observation, step);
        let both = self.weights.iter().zip(&self.feature);
        both.map(|(w, x)| w * x).sum()
    }

    fn write(&mut self, observation: &[f32], step: usize) {
        let (seen, rest) = self.feature.split_at_mut(self.inputs);
        for (feature, &o) in seen.iter_mut().zip(observation) {
            *feature = f64::from(o);
        }
        let time = match self.squares {
            true => {
                let (squares, time) = rest.split_at_mut(self.inputs);
                for (square, &o) in squares.iter_mut().zip(&*seen) {
                    *square = o * o;
                }
                time
            }
            false => rest,
        };
        let t = step as f64 / 100.0;
        time.copy_from_slice(&[t, t * t, t * t * t, 1.0]);
    }

    /// Solves (XᵀX + ridge) w = Xᵀy by Cholesky's method; whether the matrix
    /// was positive and the solution finite.
    fn solve(&mut self, ridge: f64) -> bool {
        let n = self.feature.len();
        for row in 0..n {
            for column in 0..=row {
                let (a, b) = (row * n, column * n);
                let mut sum = self.normal[a + column];
                if row == column {
                    sum += ridge;
                }
                for k in 0..column {
                    sum -= self.factor[a + k] * self.factor[b + k];
                }
                if row != column {
                    self.factor[a + column] = sum / self.factor[b + column];
                } else if sum > 1e-14 * self.normal[a + row] && sum.is_finite() {
                    self.factor[a + row] = sum.sqrt();
                } else {
                    return false;
                }
            }
        }
        for row in 0..n {
            let mut sum = self.right[row];
            for k in 0..row {
                sum -= self.factor[row * n + k] * self.weights[k];
            }
            self.weights[row] = sum / self.factor[row * n + row];
        }
        for row in (0..n).rev() {
            let mut sum = self.weights[row];
            for k in row + 1..n {
                sum -= self.factor[k * n + row] * self.weights[k];
            }
            self.weights[row] = sum / self.factor[row * n + row];
        }
        self.weights.iter().all(|w| w.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_the_function_that_made_the_returns() {
        // V = 2 − 3 o + 0.5 o² + 4 t/100 − (t/100)³
        let made = |o: f64, t: f64| 2.0 - 3.0 * o + 0.5 * o * o + 4.0 * t - t * t * t;
        let mut baseline = LinearBaseline::new(1, true, 1e-9);
        for step in 0..100 {
            let observation = ((step * 37 % 11) as f32 - 5.0) / 4.0;
            let target = made(f64::from(observation), step as f64 / 100.0);
            baseline.add(&[observation], step, target);
        }
        baseline.fit();
        let expected = [-3.0, 0.5, 4.0, 0.0, -1.0, 2.0];
        for (w, e) in baseline.weights().iter().zip(expected) {
            assert!((w - e).abs() < 1e-4, "{:?}", baseline.weights());
        }
        assert!((baseline.value(&[0.7], 30) - made(f64::from(0.7_f32), 0.3)).abs() < 1e-5);
    }

    #[test]
    fn literal_values() {
        // One sample at o = 1, t = 0, return 8: features (1, 1, 0, 0, 0, 1), and
        // the smallest weights that explain it under the ridge r are 8 / (3 + r)
        // on each of the three.
        let mut baseline = LinearBaseline::new(1, true, 1.0);
        baseline.add(&[1.0], 0, 8.0);
        baseline.fit();
        for (w, e) in baseline
            .weights()
            .iter()
            .zip([2.0, 2.0, 0.0, 0.0, 0.0, 2.0])
        {
            assert!((w - e).abs() < 1e-12, "{:?}", baseline.weights());
        }
        assert!((baseline.value(&[2.0], 100) - 14.0).abs() < 1e-12);
        baseline.begin();
        baseline.fit();
        assert_eq!(baseline.weights(), [0.0; 6], "nothing seen");
    }

    #[test]
    fn a_singular_fit_gets_a_larger_ridge() {
        // Of symbols the constant is the sum, and huge returns lose the ridge in
        // rounding.
        let mut baseline = LinearBaseline::new(2, false, 1e-300);
        for _ in 0..1000 {
            baseline.add(&[1e6, 0.0], 50, 3e9);
            baseline.add(&[0.0, 1e6], 50, 3e9);
        }
        baseline.fit();
        assert!(baseline.weights().iter().all(|w| w.is_finite()));
        let value = baseline.value(&[1e6, 0.0], 50);
        assert!(value == 0.0 || (value - 3e9).abs() < 1e6, "{value}");
    }
}
