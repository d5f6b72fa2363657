//! What is differentiated, and its exact gradients.

/// A step's derivatives. Matrices are row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Of the state after, with respect to the state before. `[states][states]`
    pub state: Vec<f64>,
    /// Of the state after, with respect to θ. `[states][parameters]`
    pub theta: Vec<f64>,
    /// Of the loss, with respect to the state after. `[states]`
    pub loss: Vec<f64>,
}

/// A state that goes on by parameters, and pays a loss after each step.
pub trait Problem: Sync {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Steps of an unroll.
    fn horizon(&self) -> usize;

    /// The state to begin with, and the parameters at which gradients are looked at.
    fn start(&self) -> (Vec<f64>, Vec<f64>);

    /// Goes on by one step, in place; the loss afterwards.
    fn step(&self, t: usize, theta: &[f64], state: &mut [f64]) -> f64;

    /// The derivatives of the step from a state.
    fn linear(&self, t: usize, theta: &[f64], state: &[f64]) -> Linear;
}

/// The mean loss of an unroll.
pub fn loss(problem: &dyn Problem, theta: &[f64]) -> f64 {
    let mut state = problem.start().0;
    let losses = (0..problem.horizon()).map(|t| problem.step(t, theta, &mut state));
    losses.sum::<f64>() / problem.horizon() as f64
}

/// Sensitivities G = ∂state/∂θ, carried forward. `[states][parameters]`
#[derive(Clone, Debug)]
pub(super) struct Sensitivities(pub(super) Vec<f64>);

impl Sensitivities {
    pub(super) fn new(states: usize, parameters: usize) -> Self {
        Self(vec![0.0; states * parameters])
    }

    /// G ← J G + ∂step/∂θ; returns what a loss's gradient makes of it. `[parameters]`
    pub(super) fn step(&mut self, linear: &Linear) -> Vec<f64> {
        let n = linear.loss.len();
        let p = self.0.len() / n;
        let mut next = linear.theta.clone();
        for i in 0..n {
            for k in 0..n {
                let j = linear.state[i * n + k];
                for q in 0..p {
                    next[i * p + q] += j * self.0[k * p + q];
                }
            }
        }
        self.0 = next;
        let column = |q| (0..n).map(|i| linear.loss[i] * self.0[i * p + q]).sum();
        (0..p).map(column).collect()
    }
}

/// ∇L(θ), by sensitivities carried forward: real-time recurrent learning with θ held.
pub fn gradient(problem: &dyn Problem, theta: &[f64]) -> Vec<f64> {
    let mut state = problem.start().0;
    let mut carried = Sensitivities::new(state.len(), theta.len());
    let mut sum = vec![0.0; theta.len()];
    for t in 0..problem.horizon() {
        let linear = problem.linear(t, theta, &state);
        problem.step(t, theta, &mut state);
        for (sum, g) in sum.iter_mut().zip(carried.step(&linear)) {
            *sum += g / problem.horizon() as f64;
        }
    }
    sum
}

/// The sum of windows' gradients by backpropagation, what was before a window being
/// constant; ∇L(θ) where the window is the whole unroll.
pub fn truncated(problem: &dyn Problem, theta: &[f64], window: usize) -> Vec<f64> {
    let mut state = problem.start().0;
    let mut sum = vec![0.0; theta.len()];
    for steps in super::windows(problem.horizon(), window) {
        for (sum, g) in sum
            .iter_mut()
            .zip(backward(problem, theta, &mut state, steps))
        {
            *sum += g / problem.horizon() as f64;
        }
    }
    sum
}

/// The gradient of the sum of a window's losses, by backpropagation; goes on to its end.
pub(super) fn backward(
    problem: &dyn Problem,
    theta: &[f64],
    state: &mut [f64],
    steps: std::ops::Range<usize>,
) -> Vec<f64> {
    let mut tape = Vec::with_capacity(steps.len());
    for t in steps {
        tape.push(problem.linear(t, theta, state));
        problem.step(t, theta, state);
    }
    let (n, p) = (state.len(), theta.len());
    let (mut back, mut sum) = (vec![0.0; n], vec![0.0; p]);
    for linear in tape.iter().rev() {
        back.iter_mut().zip(&linear.loss).for_each(|(b, l)| *b += l);
        let mut before = vec![0.0; n];
        for i in 0..n {
            for q in 0..p {
                sum[q] += back[i] * linear.theta[i * p + q];
            }
            for k in 0..n {
                before[k] += back[i] * linear.state[i * n + k];
            }
        }
        back = before;
    }
    sum
}
