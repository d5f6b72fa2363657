//! Estimators of meta-gradients against exact ones, on a problem so small that
//! all its data can be enumerated: 2 states, 2 actions, a few steps, a few
//! tasks, a tabular softmax policy.
//!
//! With R(θ) the mean reward per step in a task, and means over tasks:
//!
//! * The objective with the exact inner gradient, J(θ) = E R(θ + α ∇R(θ)), is
//!   what MAML is after. Its gradient (I + α ∇²R) ∇R(θ′) needs the Hessian of
//!   the true return. `dice` estimates that Hessian without bias, `ratio`
//!   leaves out what links a step's score to the policy's later choices,
//!   `log-prob` all by which sampling depends on the policy (Foerster et al.
//!   2018; Rothfuss et al. 2019), first order everything.
//! * The objective with a sampled inner step of n episodes, J_n(θ) =
//!   E_{D ~ P_θ} R(θ′(θ, D)), has the gradient Σ_D P_θ(D) (∇ log P_θ(D) R(θ′) +
//!   (∂θ′/∂θ)ᵀ ∇R(θ′)), where ∂θ′/∂θ at fixed data is that of `log-prob`: what
//!   E-MAML estimates, without bias for every n (Stadie et al. 2018).
//!
//! J_n tends to J as n grows, and the bias of `dice` for J falls with 1 / n:
//! the gradient after the adaptation is not linear in the inner gradient.
//!
//! Advantages are the rewards from a step on, without baseline or discount, so
//! that the inner gradient is a fixed function of the data. The estimates come
//! from [`Learner`](crate::Learner) itself, in f64; the exact values do not.

mod data_sets;
mod estimator;
mod exact;
mod measure;
mod problem;

pub use estimator::Estimator;
pub use measure::{Effort, Expectation, Spread};

use crate::error::MamlError;
use exact::{Exact, add};
use kernels::mlp::{Activation, Head, Mlp};
use problem::{ACTIONS, STATES, Task};
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{Domain, Purpose, StreamKey};

/// A problem with policies at which estimators are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditConfig {
    /// Steps of an episode, 1 to 4.
    pub horizon: usize,
    /// Tasks, at least 2. Every estimate is a mean over all of them.
    pub tasks: usize,
    /// Policies, at least 1.
    pub points: usize,
    /// Standard deviation of their parameters, which are normal numbers.
    pub deviation: f64,
    /// Units of each hidden layer of the policy; none for a tabular one.
    pub hidden: Vec<usize>,
    /// Size α of the inner step, on rewards per step.
    pub rate: f64,
    /// Of tasks, policies and data.
    pub seed: u64,
}

/// A problem with exact answers.
#[derive(Clone, Debug)]
pub struct Audit {
    network: Mlp,
    rate: f64,
    seed: u64,
    tasks: Vec<Task>,
    points: Vec<Vec<f64>>, // [points][parameters]
}

impl Audit {
    /// Draws tasks and policies.
    ///
    /// # Errors
    /// If a number is out of range, or no network has these sizes.
    pub fn new(config: &AuditConfig) -> Result<Self, MamlError> {
        check(config)?;
        let (hidden, kind) = (&config.hidden, Activation::Tanh);
        let network = Mlp::new(STATES, hidden, ACTIONS, kind, Head::Categorical)
            .map_err(|source| MamlError::Network { source })?;
        let key = StreamKey::new(config.seed, Domain::HeldOut, 0);
        let task = |lane| Task::draw(config.horizon, &mut key.lane(Purpose::Task, lane));
        let point = |lane| {
            let mut stream = key.lane(Purpose::Init, lane);
            let mut number = || -> f64 { StandardNormal.sample(&mut stream) };
            let numbers = (0..network.parameters()).map(|_| config.deviation * number());
            numbers.collect()
        };
        Ok(Self {
            rate: config.rate,
            seed: config.seed,
            tasks: (0..config.tasks as u64).map(task).collect(),
            points: (0..config.points as u64).map(point).collect(),
            network,
        })
    }

    /// Parameters of each policy. `[points][parameters]`
    pub fn points(&self) -> &[Vec<f64>] {
        &self.points
    }

    /// How many different episodes a task has.
    pub fn episodes(&self) -> usize {
        self.tasks[0].episodes.len()
    }

    /// J(θ) = E R(θ + α ∇R(θ)).
    pub fn value(&self, theta: &[f64]) -> f64 {
        self.mean(|exact| exact.value(&exact.adapted(theta)))
    }

    /// ∇J(θ). `[parameters]`
    pub fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        self.mean_of(theta.len(), |exact| exact.limit_gradient(theta))
    }

    /// J_n(θ) = E R(θ′(θ, D)) over data sets D of n episodes, at least 1. Takes
    /// all of them, so n must be small.
    pub fn sampled_value(&self, theta: &[f64], count: usize) -> f64 {
        self.mean(|exact| exact.sampled(theta, count))
    }

    /// ∇J_n(θ). `[parameters]`
    pub fn sampled_gradient(&self, theta: &[f64], count: usize) -> Vec<f64> {
        self.mean_of(theta.len(), |exact| exact.sampled_gradient(theta, count))
    }

    /// How many data sets of so many episodes a task has, up to their order.
    pub fn data_sets(&self, count: usize) -> usize {
        data_sets::DataSets::number(self.episodes(), count)
    }

    /// The estimator's expectation at a point for infinitely many episodes,
    /// exact. `[parameters]`
    pub fn limit(&self, point: usize, estimator: Estimator) -> Vec<f64> {
        let theta = &self.points[point];
        self.mean_of(theta.len(), |exact| {
            estimator::Probe::new(exact, estimator, theta).limit()
        })
    }

    fn exact(&self) -> impl Iterator<Item = Exact<'_>> {
        self.tasks.iter().map(|task| Exact {
            network: &self.network,
            task,
            rate: self.rate,
        })
    }

    fn mean(&self, of: impl Fn(Exact<'_>) -> f64) -> f64 {
        self.exact().map(of).sum::<f64>() / self.tasks.len() as f64
    }

    fn mean_of(&self, size: usize, of: impl Fn(Exact<'_>) -> Vec<f64>) -> Vec<f64> {
        let mut mean = vec![0.0; size];
        for exact in self.exact() {
            add(&mut mean, 1.0 / self.tasks.len() as f64, &of(exact));
        }
        mean
    }
}

fn check(config: &AuditConfig) -> Result<(), MamlError> {
    let wrong = |key: &str, value: &dyn ToString, allowed: &str| {
        Err(MamlError::config(key, value.to_string(), allowed))
    };
    if !(1..=4).contains(&config.horizon) {
        return wrong("audit.horizon", &config.horizon, "1 to 4");
    }
    if !(2..=1000).contains(&config.tasks) {
        return wrong("audit.tasks", &config.tasks, "2 to 1000");
    }
    if !(1..=1000).contains(&config.points) {
        return wrong("audit.points", &config.points, "1 to 1000");
    }
    let numbers = [
        ("audit.rate", config.rate),
        ("audit.deviation", config.deviation),
    ];
    for (key, value) in numbers {
        if !(value.is_finite() && value > 0.0) {
            return wrong(key, &value, "a positive number");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
