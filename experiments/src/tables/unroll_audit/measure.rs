//! The numbers of the audit.

use crate::progress::Stages;
use lab::failure::Failure;
use lab::observer::Progress as _;
use lab::session::Session;
use learned_optimizer::audit::{
    Estimator, InfluenceBalancing, Perturbation, Problem, ToyRegression, descend, estimates,
    gradient,
};
use serde::Serialize;

/// What is measured.
pub(super) struct Plan {
    /// Steps of an unroll.
    pub(super) horizon: usize,
    /// Windows, up to the whole unroll.
    pub(super) windows: Vec<usize>,
    /// Antithetic pairs of an estimate.
    pub(super) pairs: usize,
    /// Estimates of what is random.
    pub(super) estimates: usize,
    /// Of a descent on influence balancing: steps of parameters, and pairs.
    pub(super) descent: usize,
    pub(super) descent_pairs: usize,
    pub(super) seed: u64,
}

/// Learning rate of the descent, in Vicol et al. 2021.
pub(super) const RATE: f64 = 1e-4;
/// Deviations of perturbations, in the same.
const INFLUENCE_DEVIATION: f64 = 0.1;
const REGRESSION_DEVIATION: f64 = 0.3;

impl Plan {
    pub(super) fn new(quick: bool, seed: u64) -> Self {
        let (pairs, estimates) = if quick { (10, 200) } else { (30, 500) };
        // Noise of persistent perturbations grows with an unroll: with 20 pairs θ is lost.
        let (descent, descent_pairs) = if quick { (3_000, 200) } else { (3_000, 500) };
        Self {
            horizon: 100,
            windows: vec![1, 10, 100],
            pairs,
            estimates,
            descent,
            descent_pairs,
            seed,
        }
    }

    /// Each way with each window.
    fn estimators(&self) -> Vec<Estimator> {
        let of = |make: fn(usize) -> Estimator| self.windows.iter().map(move |k| make(*k));
        let shorter = of(Estimator::Truncated).filter(|e| e.window(0) < self.horizon);
        let exact = [Estimator::Full, Estimator::Rtrl];
        shorter
            .chain(exact)
            .chain(of(Estimator::Es))
            .chain(of(Estimator::Pes))
            .collect()
    }
}

/// One way to a gradient, on one problem.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) problem: &'static str,
    pub(super) estimator: &'static str,
    /// Steps of a window.
    pub(super) window: usize,
    /// ‖E ĝ − ∇L‖ / ‖∇L‖, its standard error, and whether there is no noise in it.
    pub(super) bias: f64,
    pub(super) bias_standard_error: f64,
    pub(super) bias_exact: bool,
    /// Cosine of the angle between E ĝ and ∇L.
    pub(super) cosine: f64,
    /// √(tr Var ĝ) / ‖∇L‖
    pub(super) standard_deviation: f64,
    /// Estimates that it was computed from.
    pub(super) estimates: usize,
    /// Steps of the problem that an estimate takes, and numbers that it holds at once.
    pub(super) steps: usize,
    pub(super) numbers: usize,
}

/// Where θ of influence balancing comes to by one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Course {
    pub(super) estimator: &'static str,
    pub(super) window: usize,
    /// Steps of θ, and θ after them.
    pub(super) theta: Vec<(usize, f64)>,
    /// The mean loss of an unroll of the settled state: ½ (6 θ + 1)².
    pub(super) loss: f64,
}

/// Works out everything; the workers share the cells.
///
/// # Errors
/// If a worker fails.
pub(super) fn all(
    session: &Session<'_>,
    (name, plan): (&str, &Plan),
) -> Result<(Vec<Row>, Vec<Course>), Failure> {
    let horizon = plan.horizon;
    let (influence, regression) = (InfluenceBalancing { horizon }, ToyRegression { horizon });
    let problems: [(&dyn Problem, f64); 2] = [
        (&influence, INFLUENCE_DEVIATION),
        (&regression, REGRESSION_DEVIATION),
    ];
    let stages = Stages::new(name, problems.len() + 1);
    let mut rows = Vec::new();
    for (number, (problem, deviation)) in problems.into_iter().enumerate() {
        stages.begins(number, problem.name());
        let cells = plan.estimators();
        let done = session
            .pool
            .map(&cells, |_, estimator| {
                row(plan, (problem, deviation), *estimator)
            })
            .map_err(Failure::internal)?;
        rows.extend(done);
    }
    stages.begins(problems.len(), "descents");
    // The descent is one long unroll, of which the whole one is a window.
    let windowed = |estimator: Estimator| match estimator {
        Estimator::Full => Estimator::Truncated(horizon),
        estimator => estimator,
    };
    let mut cells: Vec<Estimator> = plan.estimators().into_iter().map(windowed).collect();
    // Of what is random, short windows: long ones take all of the work, and tell as much.
    cells.retain(|estimator| !estimator.is_random() || estimator.window(horizon) < horizon);
    let courses = session
        .pool
        .map(&cells, |_, estimator| course(plan, *estimator));
    Ok((rows, courses.map_err(Failure::internal)?))
}

fn row(plan: &Plan, (problem, deviation): (&dyn Problem, f64), estimator: Estimator) -> Row {
    let theta = problem.start().1;
    let truth = gradient(problem, &theta);
    let pairs = plan.pairs;
    let perturbation = Perturbation { pairs, deviation };
    let effort = (plan.estimates, plan.seed);
    let found = estimates(problem, &theta, (estimator, perturbation), effort);
    let length = norm(&truth);
    let off: Vec<f64> = found.mean.iter().zip(&truth).map(|(a, b)| a - b).collect();
    let noise = norm(&found.standard_error);
    let dot: f64 = found.mean.iter().zip(&truth).map(|(a, b)| a * b).sum();
    Row {
        problem: problem.name(),
        estimator: estimator.name(),
        window: estimator.window(plan.horizon),
        // What the noise of the mean adds to the squared distance is taken out of it.
        bias: (norm(&off).powi(2) - noise * noise).max(0.0).sqrt() / length,
        bias_standard_error: noise / length,
        bias_exact: !estimator.is_random(),
        cosine: dot / (norm(&found.mean) * length),
        standard_deviation: found.standard_deviation / length,
        estimates: if estimator.is_random() {
            plan.estimates
        } else {
            1
        },
        steps: estimator.steps(problem, pairs),
        numbers: estimator.numbers(problem, pairs),
    }
}

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Steps of θ after which it is kept.
const KEPT: [usize; 8] = [1, 3, 10, 30, 100, 300, 1_000, 3_000];

fn course(plan: &Plan, estimator: Estimator) -> Course {
    // One long unroll, as published: θ moves while it goes on.
    let window = estimator.window(plan.horizon);
    let horizon = plan.descent * window;
    let problem = InfluenceBalancing { horizon };
    let perturbation = Perturbation {
        pairs: plan.descent_pairs,
        deviation: INFLUENCE_DEVIATION,
    };
    let by = (estimator, perturbation);
    let trace = descend(&problem, by, (plan.descent, RATE), plan.seed);
    let kept = KEPT.iter().filter(|step| **step <= plan.descent);
    let theta: Vec<(usize, f64)> = kept.map(|step| (*step, trace.theta[*step][0])).collect();
    let last = trace.theta[plan.descent][0];
    Course {
        estimator: estimator.name(),
        window,
        theta,
        loss: 0.5 * (6.0 * last + 1.0).powi(2),
    }
}
