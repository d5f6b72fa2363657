//! Regression of sinusoids from a few points by a small network.

use crate::behaviour;
use crate::descent::{Descent, Differentiated, spec};
use crate::fit::{Fit, LIMIT, network};
use crate::network::{Loss, Network};
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::StandardNormal;
use rl_core::{
    Analysis, EnvSpec, EnvironmentEntry, Exact, ExactValues, Objective, Setting, SpecError, Stream,
    TaskDistribution,
};

/// A sinusoid y = A sin(x − φ) with A from U\[0.1, 5\] and φ from U\[0, π\] is to be fitted by
/// a network of rectifiers, whose parameters begin at random (weights N(0, 2 / inputs),
/// biases 0). Gradients are of the mean square error at a few points with x from U\[−5, 5\];
/// what counts is that at others.
///
/// # Observations
/// The error at the points that are shown, its gradient, and the parameters:
/// [`rl_core::Sight`].
///
/// # Actions
/// The parameters to go to, each within ±100.
///
/// # Reward
/// By how much the error at the other points fell; in the first row minus that error where
/// the agent begins. An error above 10⁶ counts as that.
///
/// # Reference
/// Finn et al. 2017, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
/// section 5.1: 5 or 10 points, two hidden layers of 40 units.
#[derive(Clone, Debug, PartialEq)]
pub struct Sinusoids {
    size: SinusoidsSettings,
    network: Network,
}

/// The numbers of [`Sinusoids`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinusoidsSettings {
    /// [`Sinusoids::SHOTS`].
    pub shots: usize,
    /// [`Sinusoids::QUERIES`].
    pub queries: usize,
    /// [`Sinusoids::HIDDEN`].
    pub hidden: usize,
    /// [`Sinusoids::LAYERS`].
    pub layers: usize,
    /// [`Sinusoids::STEPS`].
    pub steps: usize,
}

const NAME: &str = "sinusoids";

impl Sinusoids {
    /// Points that are shown.
    pub const SHOTS: Setting =
        Setting::count("shots", 10, 1..=10_000, "points that gradients are of");
    /// Points that count.
    pub const QUERIES: Setting =
        Setting::count("queries", 50, 1..=10_000, "other points, that count");
    /// Units of a hidden layer.
    pub const HIDDEN: Setting = Setting::count("hidden", 40, 1..=256, "units of a hidden layer");
    /// Hidden layers.
    pub const LAYERS: Setting = Setting::count("layers", 2, 1..=3, "hidden layers");
    /// Gradients of a trial.
    pub const STEPS: Setting = Setting::count(
        "steps",
        10,
        1..=100_000,
        "gradients that an agent sees before the end",
    );

    /// Sinusoids of this size.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(size: SinusoidsSettings) -> Result<Self, SpecError> {
        Self::SHOTS.check(NAME, size.shots)?;
        Self::QUERIES.check(NAME, size.queries)?;
        Self::HIDDEN.check(NAME, size.hidden)?;
        Self::LAYERS.check(NAME, size.layers)?;
        Self::STEPS.check(NAME, size.steps)?;
        let network = network(1, (size.layers, size.hidden), 1, Loss::Square);
        Ok(Self { size, network })
    }

    /// These sinusoids by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "sinusoids to be fitted from a few points (Finn et al. 2017)";
        EnvironmentEntry::new(NAME, summary, |set| {
            Ok(Self::new(SinusoidsSettings {
                shots: set.count("shots")?,
                queries: set.count("queries")?,
                hidden: set.count("hidden")?,
                layers: set.count("layers")?,
                steps: set.count("steps")?,
            })?)
        })
        .setting(Self::SHOTS)
        .setting(Self::QUERIES)
        .setting(Self::HIDDEN)
        .setting(Self::LAYERS)
        .setting(Self::STEPS)
    }
}

impl TaskDistribution for Sinusoids {
    type Task = Descent<Fit<f32>>;

    fn spec(&self) -> EnvSpec {
        spec(NAME, self.network.parameters(), LIMIT, self.size.steps)
    }

    fn sample(&self, task: &mut Self::Task, rng: &mut Stream) {
        let fit = &mut task.0;
        fit.network.clone_from(&self.network);
        let amplitude = rng.random_range(0.1_f32..=5.0);
        let phase = rng.random_range(0.0..=std::f32::consts::PI);
        let mut points = |(xs, ys): &mut (Vec<f32>, Vec<f32>), count: usize| {
            xs.clear();
            xs.extend((0..count).map(|_| rng.random_range(-5.0_f32..=5.0)));
            ys.clear();
            ys.extend(xs.iter().map(|x| amplitude * (x - phase).sin()));
        };
        points(&mut fit.shown, self.size.shots);
        points(&mut fit.counted, self.size.queries);
        let normal = || rng.sample(StandardNormal);
        self.network.init(normal, &mut fit.start);
    }

    fn task_bytes(&self) -> f64 {
        let rows = self.size.shots + self.size.queries;
        let units = 6 * (1 + self.size.hidden * (self.size.layers + 1));
        4.0 * (rows * (2 + units) + 4 * self.network.parameters()) as f64
    }

    fn exact_values(&self) -> ExactValues {
        ExactValues {
            bayes_optimal: Exact::unknown("sinusoids are continuous"),
            known_task_optimum: Exact::unknown("how well the network can fit is not known"),
            random: Exact::unknown("the mean error of parameters at random has no closed form"),
            ..ExactValues::default()
        }
    }

    fn objective(&self, task: &Self::Task) -> Option<Box<dyn Objective>> {
        Some(Box::new(Differentiated::<_, f32>::new(task.0.clone())))
    }

    fn analyses(&self) -> Vec<Analysis> {
        behaviour::analyses(self.network.parameters())
    }
}
