//! Random least-squares problems, whose minimum is known.

use crate::behaviour;
use crate::descent::{Descent, Differentiated, Function, spec};
use crate::float::Float;
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::StandardNormal;
use rl_core::{
    Analysis, EnvSpec, EnvironmentEntry, Exact, ExactValues, Objective, Setting, SpecError, Stream,
    TaskDistribution,
};

/// Random quadratic functions f(θ) = ‖W θ − y‖², W and y drawn anew in every task, with
/// numbers that are N(0, 1) or U\[0, 1\]. θ begins at N(0, 0.01²).
///
/// # Observations
/// f(θ), its gradient and θ: [`rl_core::Sight`].
///
/// # Actions
/// The parameters to go to, each within ±10,000.
///
/// # Reward
/// By how much f fell; in the first row minus f where the agent begins. A value above 10⁶
/// counts as that. The best that is known, minus the minimum, is over all θ: where W is so
/// nearly singular that its place is beyond ±10,000, no agent can quite reach it.
///
/// # Reference
/// Andrychowicz et al. 2016, "Learning to learn by gradient descent by gradient descent",
/// section 3.1: 10 parameters, 10 rows, 100 steps, normal entries; the authors' code draws
/// uniform ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadratics {
    parameters: usize,
    rows: usize,
    uniform: bool,
    steps: usize,
}

const NAME: &str = "quadratics";
const LIMIT: f32 = 1e4;
/// Standard deviation of where parameters begin.
const START: f64 = 0.01;

impl Quadratics {
    /// Numbers of θ.
    pub const PARAMETERS: Setting = Setting::count("parameters", 10, 1..=1_000, "parameters");
    /// Rows of W.
    pub const ROWS: Setting = Setting::count(
        "rows",
        10,
        1..=1_000,
        "rows of W; as many as parameters or fewer, and the minimum over all θ is 0",
    );
    /// What W and y are drawn from.
    pub const ENTRIES: Setting =
        Setting::choice("entries", &["normal", "uniform"], "what W and y are of");
    /// Gradients of a trial.
    pub const STEPS: Setting = Setting::count(
        "steps",
        100,
        1..=1_000_000,
        "gradients that an agent sees before the end",
    );

    /// Functions of so many parameters and rows, with uniform entries or normal ones, that
    /// are left after so many gradients.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(
        parameters: usize,
        rows: usize,
        uniform: bool,
        steps: usize,
    ) -> Result<Self, SpecError> {
        Self::PARAMETERS.check(NAME, parameters)?;
        Self::ROWS.check(NAME, rows)?;
        Self::STEPS.check(NAME, steps)?;
        Ok(Self {
            parameters,
            rows,
            uniform,
            steps,
        })
    }

    /// These functions by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "random least-squares problems to be minimized (Andrychowicz et al. 2016)";
        EnvironmentEntry::new(NAME, summary, |set| {
            let (parameters, rows) = (set.count("parameters")?, set.count("rows")?);
            let uniform = set.choice("entries")? == "uniform";
            Ok(Self::new(parameters, rows, uniform, set.count("steps")?)?)
        })
        .setting(Self::PARAMETERS)
        .setting(Self::ROWS)
        .setting(Self::ENTRIES)
        .setting(Self::STEPS)
    }
}

/// One function.
#[derive(Clone, Debug, Default)]
pub struct Quadratic<F> {
    matrix: Vec<F>, // [rows][parameters]
    target: Vec<F>, // [rows]
    start: Vec<F>,  // [parameters]
}

impl<F: Float> Quadratic<F> {
    /// ‖W θ − y‖² from a start, W row by row.
    ///
    /// # Panics
    /// If W is not of the rows of y and the columns of θ.
    pub fn new(matrix: Vec<F>, target: Vec<F>, start: Vec<F>) -> Self {
        assert_eq!(matrix.len(), target.len() * start.len());
        Self {
            matrix,
            target,
            start,
        }
    }

    /// The least value over all θ, however far from 0, and a place of it if it is the only
    /// one.
    pub fn minimum(&self) -> (f64, Option<Vec<f64>>) {
        let n = self.start.len();
        if self.target.len() < n {
            return (0.0, None);
        }
        let wide = |numbers: &[F]| numbers.iter().map(|x| x.wide()).collect::<Vec<f64>>();
        let (matrix, target) = (wide(&self.matrix), wide(&self.target));
        let place = least_squares(matrix.clone(), target.clone(), n);
        if self.target.len() == n {
            return (0.0, Some(place));
        }
        let off = matrix.chunks_exact(n).zip(&target).map(|(row, y)| {
            let off = dot(row, &place) - y;
            off * off
        });
        (off.sum(), Some(place))
    }

    /// W θ − y into the room.
    fn residual(&self, room: &mut Vec<F>, at: &[F]) -> F {
        room.clear();
        let rows = self.matrix.chunks_exact(at.len()).zip(&self.target);
        room.extend(rows.map(|(row, y)| dot(row, at) - *y));
        room.iter().map(|r| *r * *r).sum()
    }

    /// `to += 2 Wᵀ r`
    fn spread(&self, room: &[F], to: &mut [F]) {
        for (row, r) in self.matrix.chunks_exact(to.len()).zip(room) {
            for (to, w) in to.iter_mut().zip(row) {
                *to += F::of(2.0) * *w * *r;
            }
        }
    }
}

fn dot<F: Float>(a: &[F], b: &[F]) -> F {
    a.iter().zip(b).map(|(a, b)| *a * *b).sum()
}

/// The solution of a least-squares problem with at least as many rows as columns, by
/// Householder reflections.
fn least_squares(mut a: Vec<f64>, mut y: Vec<f64>, n: usize) -> Vec<f64> {
    let rows = y.len();
    for k in 0..n {
        let norm = (k..rows)
            .map(|i| a[i * n + k] * a[i * n + k])
            .sum::<f64>()
            .sqrt();
        let alpha = if a[k * n + k] > 0.0 { -norm } else { norm };
        let mut v: Vec<f64> = (k..rows).map(|i| a[i * n + k]).collect();
        v[0] -= alpha;
        let square = dot(&v, &v);
        if square == 0.0 {
            continue;
        }
        for column in k..n {
            let along: f64 = (k..rows).map(|i| v[i - k] * a[i * n + column]).sum();
            for i in k..rows {
                a[i * n + column] -= 2.0 * along / square * v[i - k];
            }
        }
        let along: f64 = (k..rows).map(|i| v[i - k] * y[i]).sum();
        for i in k..rows {
            y[i] -= 2.0 * along / square * v[i - k];
        }
    }
    let mut x = vec![0.0; n];
    for k in (0..n).rev() {
        let rest: f64 = (k + 1..n).map(|j| a[k * n + j] * x[j]).sum();
        let pivot = a[k * n + k];
        x[k] = if pivot == 0.0 {
            0.0
        } else {
            (y[k] - rest) / pivot
        };
    }
    x
}

impl<F: Float> Function<F> for Quadratic<F> {
    /// W θ − y.
    type Scratch = Vec<F>;

    fn start(&self) -> &[F] {
        &self.start
    }

    fn limit(&self) -> F {
        F::of(LIMIT.into())
    }

    fn shown(&self, room: &mut Vec<F>, (_, at): (usize, &[F]), gradient: &mut [F]) -> F {
        self.counted(room, at, Some(gradient))
    }

    fn curvature(&self, room: &mut Vec<F>, _: (usize, &[F]), along: &[F], product: &mut [F]) {
        room.clear();
        let rows = self.matrix.chunks_exact(along.len());
        room.extend(rows.map(|row| dot(row, along)));
        self.spread(room, product);
    }

    fn counted(&self, room: &mut Vec<F>, at: &[F], gradient: Option<&mut [F]>) -> F {
        let value = self.residual(room, at);
        if let Some(gradient) = gradient {
            gradient.fill(F::ZERO);
            self.spread(room, gradient);
        }
        value
    }
}

impl TaskDistribution for Quadratics {
    type Task = Descent<Quadratic<f32>>;

    fn spec(&self) -> EnvSpec {
        spec(NAME, self.parameters, LIMIT, self.steps)
    }

    fn sample(&self, task: &mut Self::Task, rng: &mut Stream) {
        let Quadratic {
            matrix,
            target,
            start,
        } = &mut task.0;
        let mut entry = || -> f32 {
            match self.uniform {
                true => rng.random(),
                false => rng.sample(StandardNormal),
            }
        };
        matrix.clear();
        matrix.extend((0..self.rows * self.parameters).map(|_| entry()));
        target.clear();
        target.extend((0..self.rows).map(|_| entry()));
        start.clear();
        start.extend((0..self.parameters).map(|_| {
            let normal: f32 = rng.sample(StandardNormal);
            START as f32 * normal
        }));
    }

    fn task_bytes(&self) -> f64 {
        let task = self.rows * (self.parameters + 2) + 4 * self.parameters;
        4.0 * task as f64
    }

    /// Who knows the function begins where it is least; it is no more than a bound where
    /// that is beyond the limit.
    fn known_task_optimum(&self, task: &Self::Task) -> Option<f64> {
        Some(-task.0.minimum().0)
    }

    fn exact_values(&self) -> ExactValues {
        ExactValues {
            bayes_optimal: Exact::unknown("functions are continuous"),
            known_task_optimum: match self.rows <= self.parameters {
                true => Exact::value(0.0),
                false => Exact::unknown("the mean of the minima has no closed form here"),
            },
            random: Exact::unknown("the mean loss of parameters at random has no closed form"),
            ..ExactValues::default()
        }
    }

    fn objective(&self, task: &Self::Task) -> Option<Box<dyn Objective>> {
        Some(Box::new(Differentiated::<_, f32>::new(task.0.clone())))
    }

    fn analyses(&self) -> Vec<Analysis> {
        behaviour::analyses(self.parameters)
    }
}
