//! A baseline by least squares on functions of observation and time.

use crate::encoding::Encoding;
use std::ops::RangeInclusive;

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
///
/// As γ comes close to 1, next to nothing but V itself is left in those targets,
/// and their fixed point is noise. So the ridge draws V to the one constant that
/// fits best, and grows until V is possible wherever it was asked: no value is
/// outside of what the rewards seen, forever, come to.
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
    /// `[features][features]`, empty in a baseline that knows time.
    tails: Vec<f64>,
    carried: Vec<f64>, // [features], scratch; empty likewise
    /// What V can be at all.
    range: RangeInclusive<f64>,
}

/// What is known of values before they are fitted, and where they are asked for.
#[derive(Clone, Debug)]
pub struct CutOff<'a> {
    /// Encoded final observations of the episodes that were cut off.
    /// `[episodes][inputs]`
    pub last: &'a [f32],
    /// What values can be: of rewards r in an environment without end,
    /// min r / (1 − γ) to max r / (1 − γ).
    pub range: RangeInclusive<f64>,
}

/// How large the parts of a baseline are.
struct Sizes {
    features: usize,
    /// Features of what is known of the episodes that were cut off.
    tails: usize,
}

impl Sizes {
    fn new(inputs: usize, (squares, timed): (bool, bool)) -> Self {
        let seen = inputs * (1 + usize::from(squares));
        match timed {
            true => Self {
                features: seen + 4,
                tails: 0,
            },
            false => Self {
                features: seen + 1,
                tails: seen + 1,
            },
        }
    }
}

const ANYTHING: RangeInclusive<f64> = f64::NEG_INFINITY..=f64::INFINITY;

/// How far beyond what they can be values may be, as a share of the larger end:
/// what rounding does to least squares.
const ROUNDING: f64 = 1e-6;

/// How often the ridge grows tenfold before the baseline is left constant.
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
        let Sizes { features, tails } = Sizes::new(inputs, (squares, timed));
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
            tails: vec![0.0; tails * tails],
            carried: vec![0.0; tails],
            range: ANYTHING,
        }
    }

    /// Seconds that a fit takes on one core, about: the multiply-adds of Cholesky's
    /// method, a sixth of the cube of the features, each of which waits for the one
    /// before, at a thousand million a second.
    pub(crate) fn seconds(encoding: &Encoding, timed: bool) -> f64 {
        let sizes = Sizes::new(encoding.size(), (!encoding.is_symbol(), timed));
        (sizes.features as f64).powi(3) / 6.0 / 1e9
    }

    /// Bytes of a baseline on so encoded observations; `timed` as in a baseline
    /// for episodes that end.
    pub(crate) fn bytes(encoding: &Encoding, timed: bool) -> f64 {
        let sizes = Sizes::new(encoding.size(), (!encoding.is_symbol(), timed));
        let (features, tails) = (sizes.features as f64, sizes.tails as f64);
        8.0 * (features * (2.0 * features + 3.0) + tails * (tails + 1.0))
    }

    /// The weights, in the order of the features.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Forgets all samples.
    pub fn begin(&mut self) {
        self.normal.fill(0.0);
        self.right.fill(0.0);
        self.tails.fill(0.0);
        self.range = ANYTHING;
    }

    /// Adds a sample: encoded observation `[inputs]`, step of its episode, and
    /// the return from there.
    pub fn add(&mut self, observation: &[f32], step: usize, target: f64) {
        self.write(observation, step);
        let features = self.feature.len();
        for (row, &x) in self.feature.iter().enumerate() {
            // Symbols are nearly all 0. No sum is -0, so that 0 leaves its bits.
            if x == 0.0 {
                continue;
            }
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
        self.carried.fill(0.0);
        let steps = observations.len() / self.inputs;
        for (step, observation) in observations.chunks_exact(self.inputs).enumerate() {
            self.write(observation, step);
            for (sum, x) in self.carried.iter_mut().zip(&self.feature) {
                *sum = gamma * (*sum + x);
            }
        }
        self.write(last, steps);
        for (row, carried) in self.tails.chunks_exact_mut(features).zip(&self.carried) {
            if *carried == 0.0 {
                continue;
            }
            for (sum, x) in row.iter_mut().zip(&self.feature) {
                *sum += carried * x;
            }
        }
    }

    /// Fits the weights to the samples added since [`Self::begin`], of which none
    /// was cut off.
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

    /// Likewise where [`Self::cut_off`] said that some were.
    pub fn fit_cut_off(&mut self, cut_off: CutOff<'_>) {
        let CutOff { last, range } = cut_off;
        let slack = ROUNDING * range.start().abs().max(range.end().abs());
        let allowed = range.start() - slack..=range.end() + slack;
        self.range = range;
        let mut ridge = self.ridge;
        for _ in 0..ATTEMPTS {
            let solved = self.solve_with_tails(ridge);
            let mut last = last.chunks_exact(self.inputs);
            if solved && last.all(|seen| allowed.contains(&self.predict(seen, 0))) {
                return;
            }
            ridge *= 10.0;
        }
        let constant = self.constant();
        self.weights.fill(0.0);
        if let Some(weight) = self.weights.last_mut() {
            *weight = constant;
        }
    }

    /// The best fit of a constant alone: the returns, over how much of what they
    /// stand for is in them; 0 of nothing.
    fn constant(&self) -> f64 {
        let both = self.right.last().zip(self.normal.last());
        let tail = self.tails.last().copied().unwrap_or_default();
        let constant = both.map_or(0.0, |(right, normal)| right / (normal - tail));
        if constant.is_finite() { constant } else { 0.0 }
    }

    /// The expected return of an encoded observation at a step of its episode.
    pub fn value(&mut self, observation: &[f32], step: usize) -> f64 {
        let (least, most) = (*self.range.start(), *self.range.end());
        self.predict(observation, step).max(least).min(most)
    }

    fn predict(&mut self, observation: &[f32], step: usize) -> f64 {
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
    /// Solves (XᵀX − `tails`) w = Xᵀy, with a ridge on how far w is from the
    /// constant, by Gaussian elimination with partial pivoting; whether the
    /// matrix was regular and the solution finite.
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
        let constant = self.constant();
        for (row, weight) in self.weights.iter_mut().enumerate() {
            let told = self.normal[(n - 1) * n + row] - self.tails[row * n + n - 1];
            *weight = self.right[row] - constant * told;
        }
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
        self.weights[n - 1] += constant;
        self.weights.iter().all(|w| w.is_finite())
    }
}

#[cfg(test)]
#[path = "linear_tests.rs"]
mod tests;
