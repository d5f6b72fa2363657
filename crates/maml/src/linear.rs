//! A baseline by least squares on functions of observation and time.

use crate::encoding::Encoding;

/// V(o, t) = w · (o, o², t/100, (t/100)², (t/100)³, 1), fitted to returns by
/// ridge regression in f64 (Duan et al. 2016, arXiv 1604.06778, section 5.1).
/// Of symbols, whose squares are themselves, only o is used.
///
/// Where the time limit is not the end, V stands for what it cut off, too. The
/// return of such a sample is that of its episode and, discounted by γ for each
/// step to the end, V of the final observation: least squares on targets that V
/// itself is part of, whose fixed point is solved for (least-squares temporal
/// differences; Boyan 1999). Then V knows no time: nothing ends with it, and what
/// a fit in time says of times beyond all samples is no estimate.
#[derive(Clone, Debug)]
pub struct LinearBaseline {
    inputs: usize,
    squares: bool,
    timed: bool,
    ridge: f64,
    weights: Vec<f64>, // [features]
    feature: Vec<f64>, // [features], scratch
    normal: Vec<f64>,  // [features][features], XᵀX, of which the lower half
    right: Vec<f64>,   // [features], Xᵀy
    factor: Vec<f64>,  // [features][features], scratch
    /// Σ (Σₜ γ^(T − t) xₜ) x_Tᵀ over the episodes of T steps that were cut off.
    /// `[features][features]`, empty where there are none.
    tails: Vec<f64>,
    carried: Vec<f64>, // [features], scratch
}

fn features(inputs: usize, squares: bool) -> usize {
    inputs * (1 + usize::from(squares)) + 4
}

/// How often the ridge grows tenfold before the baseline is left at 0.
const ATTEMPTS: usize = 16;

impl LinearBaseline {
    /// A baseline that is 0 before it is fitted. `squares` says whether o² is
    /// among the features.
    pub fn new(inputs: usize, squares: bool, ridge: f64) -> Self {
        Self::of(inputs, (squares, true), ridge)
    }

    /// Likewise one without functions of time, for episodes that are cut off.
    pub fn timeless(inputs: usize, squares: bool, ridge: f64) -> Self {
        Self::of(inputs, (squares, false), ridge)
    }

    fn of(inputs: usize, (squares, timed): (bool, bool), ridge: f64) -> Self {
        let features = features(inputs, squares) - if timed { 0 } else { 3 };
        Self {
            inputs,
            squares,
            timed,
            ridge,
            weights: vec![0.0; features],
            feature: vec![0.0; features],
            normal: vec![0.0; features * features],
            right: vec![0.0; features],
            factor: vec![0.0; features * features],
            tails: Vec::new(),
            carried: Vec::new(),
        }
    }

    /// Bytes of a baseline on so encoded observations.
    pub(crate) fn bytes(encoding: &Encoding) -> f64 {
        let features = features(encoding.size(), !encoding.is_symbol()) as f64;
        8.0 * features * (2.0 * features + 3.0)
    }

    /// The weights, in the order of the features.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Forgets all samples.
    pub fn begin(&mut self) {
        self.normal.fill(0.0);
        self.right.fill(0.0);
        self.tails.clear();
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

    /// Says that an episode was cut off, all of whose samples were added:
    /// encoded observations `[steps][inputs]`, and the final one `[inputs]`.
    pub fn cut_off(&mut self, observations: &[f32], last: &[f32], gamma: f64) {
        let features = self.feature.len();
        self.tails.resize(features * features, 0.0);
        self.carried.clear();
        self.carried.resize(features, 0.0);
        let steps = observations.len() / self.inputs;
        for (step, observation) in observations.chunks_exact(self.inputs).enumerate() {
            self.write(observation, step);
            for (sum, x) in self.carried.iter_mut().zip(&self.feature) {
                *sum = gamma * (*sum + x);
            }
        }
        self.write(last, steps);
        for (row, carried) in self.tails.chunks_exact_mut(features).zip(&self.carried) {
            for (sum, x) in row.iter_mut().zip(&self.feature) {
                *sum += carried * x;
            }
        }
    }

    /// Fits the weights to the samples added since [`Self::begin`].
    pub fn fit(&mut self) {
        let mut ridge = self.ridge;
        for _ in 0..ATTEMPTS {
            let solved = match self.tails.is_empty() {
                true => self.solve(ridge),
                false => self.solve_with_tails(ridge),
            };
            if solved {
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
        match self.timed {
            true => time.copy_from_slice(&[t, t * t, t * t * t, 1.0]),
            false => time.fill(1.0),
        }
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

impl LinearBaseline {
    /// Solves (XᵀX − `tails` + ridge) w = Xᵀy by Gaussian elimination with
    /// partial pivoting; whether the matrix was regular and the solution finite.
    fn solve_with_tails(&mut self, ridge: f64) -> bool {
        let n = self.feature.len();
        for row in 0..n {
            for column in 0..n {
                let lower = (row.max(column), row.min(column));
                let mut sum = self.normal[lower.0 * n + lower.1] - self.tails[row * n + column];
                if row == column {
                    sum += ridge;
                }
                self.factor[row * n + column] = sum;
            }
        }
        self.weights.copy_from_slice(&self.right);
        for column in 0..n {
            let size = |row: &usize| self.factor[row * n + column].abs();
            let largest = (column..n).max_by(|a, b| size(a).total_cmp(&size(b)));
            let pivot = largest.unwrap_or(column);
            let least = 1e-14 * self.normal[column * n + column];
            // A NaN is refused here too.
            if !(size(&pivot) > least && size(&pivot).is_finite()) {
                return false;
            }
            for k in 0..n {
                self.factor.swap(column * n + k, pivot * n + k);
            }
            self.weights.swap(column, pivot);
            for row in column + 1..n {
                let share = self.factor[row * n + column] / self.factor[column * n + column];
                for k in column..n {
                    self.factor[row * n + k] -= share * self.factor[column * n + k];
                }
                self.weights[row] -= share * self.weights[column];
            }
        }
        for row in (0..n).rev() {
            let known: f64 = (row + 1..n)
                .map(|k| self.factor[row * n + k] * self.weights[k])
                .sum();
            self.weights[row] = (self.weights[row] - known) / self.factor[row * n + row];
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

    #[test]
    fn what_was_cut_off_is_worth_what_the_baseline_says() {
        // States 0 and 1 in turn, reward 1 in state 0: V(0) = 1 / (1 − γ²), and
        // V(1) = γ V(0). Episodes of 3 and 4 steps from either state.
        let gamma: f64 = 0.9;
        let mut baseline = LinearBaseline::timeless(1, true, 1e-9);
        for (start, steps) in [(0, 3), (1, 3), (0, 4), (1, 4)] {
            let state = |t: usize| ((start + t) % 2) as f32;
            let mut later = 0.0;
            for t in (0..steps).rev() {
                later = f64::from(1.0 - state(t)) + gamma * later;
                baseline.add(&[state(t)], t, later);
            }
            let seen: Vec<f32> = (0..steps).map(state).collect();
            baseline.cut_off(&seen, &[state(steps)], gamma);
        }
        baseline.fit();
        let first = 1.0 / (1.0 - gamma * gamma);
        assert!((baseline.value(&[0.0], 2) - first).abs() < 1e-6);
        assert!((baseline.value(&[1.0], 0) - gamma * first).abs() < 1e-6);
    }
}
