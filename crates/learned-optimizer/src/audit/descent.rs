//! Parameters that follow an estimator while an unroll goes on.

use super::problem::{Problem, Sensitivities, backward};
use super::{Estimator, Pairs, Perturbation, draw, go_on, moved};
use rl_core::{Domain, Purpose, StreamKey};

/// Where parameters were, window by window.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// After each window, the first before any. `[windows + 1][parameters]`
    pub theta: Vec<Vec<f64>>,
}

/// Steps down an estimator's gradient after every window, while the unroll goes on: one
/// long unroll, that is begun anew after its horizon. A window's gradient is of the mean
/// loss over its steps.
pub fn descend(
    problem: &dyn Problem,
    (estimator, perturbation): (Estimator, Perturbation),
    (windows, rate): (usize, f64),
    seed: u64,
) -> Trace {
    let (horizon, window) = (problem.horizon(), estimator.window(problem.horizon()));
    let (mut state, mut theta) = problem.start();
    let mut carried = Sensitivities::new(state.len(), theta.len());
    let mut pairs = Pairs::new(problem, perturbation.pairs);
    let mut noise = StreamKey::new(seed, Domain::Tuning, 1).lane(Purpose::Action, 0);
    let mut trace = vec![theta.clone()];
    let mut t = 0;
    for _ in 0..windows {
        if t >= horizon {
            t = 0;
            state = problem.start().0;
            carried = Sensitivities::new(state.len(), theta.len());
            pairs = Pairs::new(problem, perturbation.pairs);
        }
        let steps = t..(t + window).min(horizon);
        t = steps.end;
        let length = steps.len() as f64;
        let said = match estimator {
            Estimator::Truncated(_) | Estimator::Full => {
                backward(problem, &theta, &mut state, steps)
            }
            Estimator::Rtrl => {
                let mut sum = vec![0.0; theta.len()];
                for t in steps {
                    let linear = problem.linear(t, &theta, &state);
                    problem.step(t, &theta, &mut state);
                    let said = carried.step(&linear);
                    sum.iter_mut().zip(said).for_each(|(sum, g)| *sum += g);
                }
                sum
            }
            Estimator::Es(_) => {
                let Perturbation { pairs, deviation } = perturbation;
                let scale = 1.0 / (2.0 * deviation * deviation * pairs as f64);
                let mut sum = vec![0.0; theta.len()];
                for _ in 0..pairs {
                    let epsilon = draw(deviation, theta.len(), &mut noise);
                    let [plus, minus] = [1.0, -1.0].map(|sign| {
                        let theta = moved(&theta, &epsilon, sign);
                        go_on(problem, &theta, &mut state.clone(), steps.clone())
                    });
                    for (sum, epsilon) in sum.iter_mut().zip(&epsilon) {
                        *sum += scale * (plus - minus) * epsilon;
                    }
                }
                go_on(problem, &theta, &mut state, steps);
                sum
            }
            Estimator::Pes(_) => {
                let with = (perturbation.deviation, &mut noise);
                pairs.window(problem, &theta, steps, with)
            }
        };
        for (theta, g) in theta.iter_mut().zip(said) {
            *theta -= rate * g / length;
        }
        trace.push(theta.clone());
    }
    Trace { theta: trace }
}
