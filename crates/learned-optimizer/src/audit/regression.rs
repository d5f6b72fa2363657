//! A schedule of learning rates for a function of two variables, whose short view misleads.

use super::problem::{Linear, Problem};

/// Gradient descent on f(x) = √(x₀² + 5) − √5 + sin²(x₁) e^(−5 x₀²) + ¼ |x₁ − 100| from
/// (1, 1), by rates that go from e^θ₀ to e^θ₁ in a straight line of their logarithms. A
/// small rate pays at once, since it settles in a hollow; a large one gets along x₁, which
/// pays in the end.
///
/// # Reference
/// Vicol et al. 2021, "Unbiased Gradient Estimation in Unrolled Computation Graphs with
/// Persistent Evolution Strategies", section 5.2: 100 steps, windows of 10, θ at (−4, −4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToyRegression {
    /// Steps of an unroll.
    pub horizon: usize,
}

impl ToyRegression {
    /// ln of a step's rate, as weights of θ₀ and θ₁.
    fn weights(&self, t: usize) -> [f64; 2] {
        let share = t as f64 / self.horizon as f64;
        [1.0 - share, share]
    }

    fn rate(&self, t: usize, theta: &[f64]) -> f64 {
        let [first, last] = self.weights(t);
        (first * theta[0] + last * theta[1]).exp()
    }

    fn value(x: &[f64]) -> f64 {
        let hollow = x[1].sin().powi(2) * (-5.0 * x[0] * x[0]).exp();
        (x[0] * x[0] + 5.0).sqrt() - 5.0_f64.sqrt() + hollow + 0.25 * (x[1] - 100.0).abs()
    }

    fn gradient(x: &[f64]) -> [f64; 2] {
        let fade = (-5.0 * x[0] * x[0]).exp();
        let square = x[1].sin().powi(2);
        [
            x[0] / (x[0] * x[0] + 5.0).sqrt() - 10.0 * x[0] * square * fade,
            (2.0 * x[1]).sin() * fade + 0.25 * (x[1] - 100.0).signum(),
        ]
    }

    fn hessian(x: &[f64]) -> [[f64; 2]; 2] {
        let fade = (-5.0 * x[0] * x[0]).exp();
        let square = x[1].sin().powi(2);
        let mixed = -10.0 * x[0] * (2.0 * x[1]).sin() * fade;
        let root = 5.0 / (x[0] * x[0] + 5.0).powf(1.5);
        [
            [root + square * fade * (100.0 * x[0] * x[0] - 10.0), mixed],
            [mixed, 2.0 * (2.0 * x[1]).cos() * fade],
        ]
    }
}

impl Problem for ToyRegression {
    fn name(&self) -> &'static str {
        "two-dimensional regression"
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn start(&self) -> (Vec<f64>, Vec<f64>) {
        (vec![1.0, 1.0], vec![-4.0, -4.0])
    }

    fn step(&self, t: usize, theta: &[f64], state: &mut [f64]) -> f64 {
        let (rate, gradient) = (self.rate(t, theta), Self::gradient(state));
        state
            .iter_mut()
            .zip(gradient)
            .for_each(|(x, g)| *x -= rate * g);
        Self::value(state)
    }

    fn linear(&self, t: usize, theta: &[f64], state: &[f64]) -> Linear {
        let (rate, weights) = (self.rate(t, theta), self.weights(t));
        let (gradient, hessian) = (Self::gradient(state), Self::hessian(state));
        let mut after = state.to_vec();
        self.step(t, theta, &mut after);
        let jacobian = |i: usize, k: usize| f64::from(u8::from(i == k)) - rate * hessian[i][k];
        let moved = |i: usize, q: usize| -rate * weights[q] * gradient[i];
        Linear {
            state: vec![
                jacobian(0, 0),
                jacobian(0, 1),
                jacobian(1, 0),
                jacobian(1, 1),
            ],
            theta: vec![moved(0, 0), moved(0, 1), moved(1, 0), moved(1, 1)],
            loss: Self::gradient(&after).to_vec(),
        }
    }
}
