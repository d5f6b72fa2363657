//! Ways to the gradient of an unroll, on problems whose gradient is known: what each is
//! off by on average, how noisy it is, and what it takes.
//!
//! A [`Problem`] is a state that goes on from step to step by parameters θ, and pays a loss
//! after each; what is to be differentiated is the mean loss over all its steps,
//! L(θ) = 1/T Σₜ ℓₜ. Everything here is in f64 and dense, for states and parameters of a
//! handful of numbers.

mod descent;
mod influence;
mod problem;
mod regression;

pub use descent::{Trace, descend};
pub use influence::InfluenceBalancing;
pub use problem::{Linear, Problem, gradient, loss, truncated};
pub use regression::ToyRegression;

use rl_core::rand::RngExt as _;
use rl_core::rand_distr::StandardNormal;
use rl_core::{Domain, Moments, Purpose, Stream, StreamKey};

/// A way to a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// Backpropagation through windows of so many steps, what was before a window being
    /// constant.
    Truncated(usize),
    /// Backpropagation through the whole unroll.
    Full,
    /// Real-time recurrent learning: sensitivities carried forward.
    Rtrl,
    /// Evolution strategies on windows of so many steps.
    Es(usize),
    /// Persistent evolution strategies on windows of so many steps.
    Pes(usize),
}

/// Antithetic pairs of an estimate, and the deviation of each perturbation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Perturbation {
    /// Pairs.
    pub pairs: usize,
    /// Standard deviation.
    pub deviation: f64,
}

impl Estimator {
    /// What it is called, without its window.
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncated(_) => "truncated",
            Self::Full => "full unroll",
            Self::Rtrl => "RTRL",
            Self::Es(_) => "ES",
            Self::Pes(_) => "PES",
        }
    }

    /// Steps of a window, of an unroll of so many.
    pub fn window(self, horizon: usize) -> usize {
        match self {
            Self::Truncated(window) | Self::Es(window) | Self::Pes(window) => window,
            Self::Full => horizon,
            // Every step is a window.
            Self::Rtrl => 1,
        }
    }

    /// Whether estimates differ from one to the next.
    pub fn is_random(self) -> bool {
        matches!(self, Self::Es(_) | Self::Pes(_))
    }

    /// Steps of the problem that an estimate takes, a step back or one of sensitivities for
    /// each parameter counting as one.
    pub fn steps(self, problem: &dyn Problem, pairs: usize) -> usize {
        let horizon = problem.horizon();
        horizon
            * match self {
                Self::Truncated(_) | Self::Full => 2,
                Self::Rtrl => 1 + problem.start().1.len(),
                // Both members of a pair, and the state that windows begin with.
                Self::Es(_) => 2 * pairs + 1,
                Self::Pes(_) => 2 * pairs,
            }
    }

    /// Numbers that are held at once.
    pub fn numbers(self, problem: &dyn Problem, pairs: usize) -> usize {
        let (state, parameters) = problem.start();
        let (state, parameters) = (state.len(), parameters.len());
        match self {
            Self::Truncated(_) | Self::Full => (self.window(problem.horizon()) + 1) * state,
            Self::Rtrl => state * (1 + parameters),
            Self::Es(_) => 3 * state + parameters,
            Self::Pes(_) => pairs * (2 * state + parameters),
        }
    }

    /// One estimate of ∇L(θ).
    pub fn estimate(
        self,
        problem: &dyn Problem,
        theta: &[f64],
        (perturbation, noise): (Perturbation, &mut Stream),
    ) -> Vec<f64> {
        match self {
            Self::Truncated(window) => truncated(problem, theta, window),
            Self::Full => truncated(problem, theta, problem.horizon()),
            Self::Rtrl => gradient(problem, theta),
            Self::Es(window) => evolved(problem, theta, window, (perturbation, noise)),
            Self::Pes(window) => persistent(problem, theta, window, (perturbation, noise)),
        }
    }
}

/// A draw for every parameter.
fn draw(deviation: f64, size: usize, noise: &mut Stream) -> Vec<f64> {
    let mut normal = || -> f64 { noise.sample(StandardNormal) };
    (0..size).map(|_| deviation * normal()).collect()
}

fn moved(theta: &[f64], epsilon: &[f64], sign: f64) -> Vec<f64> {
    let both = theta.iter().zip(epsilon);
    both.map(|(theta, epsilon)| theta + sign * epsilon)
        .collect()
}

/// Goes on for some steps; the sum of their losses.
fn go_on(
    problem: &dyn Problem,
    theta: &[f64],
    state: &mut [f64],
    steps: std::ops::Range<usize>,
) -> f64 {
    steps.map(|t| problem.step(t, theta, state)).sum()
}

fn windows(horizon: usize, window: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let firsts = (0..horizon).step_by(window);
    firsts.map(move |first| first..(first + window).min(horizon))
}

/// Every window's antithetic differences, from the state that θ itself leads to.
fn evolved(
    problem: &dyn Problem,
    theta: &[f64],
    window: usize,
    (perturbation, noise): (Perturbation, &mut Stream),
) -> Vec<f64> {
    let Perturbation { pairs, deviation } = perturbation;
    let horizon = problem.horizon();
    let scale = 1.0 / (2.0 * deviation * deviation * (pairs * horizon) as f64);
    let mut estimate = vec![0.0; theta.len()];
    let mut state = problem.start().0;
    for steps in windows(horizon, window) {
        for _ in 0..pairs {
            let epsilon = draw(deviation, theta.len(), noise);
            let [plus, minus] = [1.0, -1.0].map(|sign| {
                let theta = moved(theta, &epsilon, sign);
                go_on(problem, &theta, &mut state.clone(), steps.clone())
            });
            for (sum, epsilon) in estimate.iter_mut().zip(&epsilon) {
                *sum += scale * (plus - minus) * epsilon;
            }
        }
        go_on(problem, theta, &mut state, steps);
    }
    estimate
}

/// The pairs of persistent evolution strategies, in the middle of an unroll.
#[derive(Clone, Debug)]
struct Pairs {
    /// Of both members. `[pairs][2][state]`
    states: Vec<[Vec<f64>; 2]>,
    /// All perturbations so far. `[pairs][parameters]`
    perturbed: Vec<Vec<f64>>,
}

impl Pairs {
    fn new(problem: &dyn Problem, pairs: usize) -> Self {
        let (state, parameters) = problem.start();
        Self {
            states: vec![[state.clone(), state]; pairs],
            perturbed: vec![vec![0.0; parameters.len()]; pairs],
        }
    }

    /// Goes on for a window: the sum over its steps of what it says of the gradient.
    fn window(
        &mut self,
        problem: &dyn Problem,
        theta: &[f64],
        steps: std::ops::Range<usize>,
        (deviation, noise): (f64, &mut Stream),
    ) -> Vec<f64> {
        let mut sum = vec![0.0; theta.len()];
        let scale = 1.0 / (2.0 * deviation * deviation * self.states.len() as f64);
        for (states, perturbed) in self.states.iter_mut().zip(&mut self.perturbed) {
            let epsilon = draw(deviation, theta.len(), noise);
            let mut losses = [0.0; 2];
            for ((loss, state), sign) in losses.iter_mut().zip(states).zip([1.0, -1.0]) {
                let theta = moved(theta, &epsilon, sign);
                *loss = go_on(problem, &theta, state, steps.clone());
            }
            for ((sum, xi), epsilon) in sum.iter_mut().zip(perturbed).zip(&epsilon) {
                *xi += epsilon;
                *sum += scale * (losses[0] - losses[1]) * *xi;
            }
        }
        sum
    }
}

fn persistent(
    problem: &dyn Problem,
    theta: &[f64],
    window: usize,
    (perturbation, noise): (Perturbation, &mut Stream),
) -> Vec<f64> {
    let horizon = problem.horizon();
    let mut pairs = Pairs::new(problem, perturbation.pairs);
    let mut estimate = vec![0.0; theta.len()];
    for steps in windows(horizon, window) {
        let noise = (perturbation.deviation, &mut *noise);
        let said = pairs.window(problem, theta, steps, noise);
        for (sum, said) in estimate.iter_mut().zip(said) {
            *sum += said / horizon as f64;
        }
    }
    estimate
}

/// Many estimates: mean and spread of each coordinate.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimates {
    /// E ĝ. `[parameters]`
    pub mean: Vec<f64>,
    /// Of the mean; 0 where there is no noise. `[parameters]`
    pub standard_error: Vec<f64>,
    /// √(tr Var ĝ) of a single estimate.
    pub standard_deviation: f64,
}

/// So many estimates by one way, each from a stream of its own; one of what has no noise.
pub fn estimates(
    problem: &dyn Problem,
    theta: &[f64],
    (estimator, perturbation): (Estimator, Perturbation),
    (count, seed): (usize, u64),
) -> Estimates {
    let count = if estimator.is_random() { count } else { 1 };
    let mut moments = vec![Moments::default(); theta.len()];
    let key = StreamKey::new(seed, Domain::Tuning, 0);
    for number in 0..count as u64 {
        let mut noise = key.lane(Purpose::Action, number);
        let with = (perturbation, &mut noise);
        let estimate = estimator.estimate(problem, theta, with);
        for (moments, g) in moments.iter_mut().zip(estimate) {
            moments.push(g);
        }
    }
    let random = count > 1;
    let error = |m: &Moments| if random { m.standard_error() } else { 0.0 };
    let errors: Vec<f64> = moments.iter().map(error).collect();
    let variance: f64 = errors
        .iter()
        .map(|error| error * error * count as f64)
        .sum();
    Estimates {
        mean: moments.iter().map(Moments::mean).collect(),
        standard_error: errors,
        standard_deviation: variance.sqrt(),
    }
}

#[cfg(test)]
mod tests;
