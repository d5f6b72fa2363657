//! Estimators of meta-gradients against exact ones, on a problem so small that
//! all its data can be enumerated: 2 states, 2 actions, a few steps, a few
//! tasks, a tabular softmax policy.
//!
//! With G(θ) the expected policy gradient in a task, and means over tasks:
//!
//! * A step along the exact inner gradient leads to θ′ = θ + α G(θ), and what
//!   MAML is after is ∇J = (I + α ∂G/∂θ)ᵀ G(θ′). `dice` estimates ∂G/∂θ without
//!   bias, `ratio` leaves out what links a step's score to the policy's other
//!   choices, `log-prob` all by which sampling depends on the policy (Foerster
//!   et al. 2018; Rothfuss et al. 2019), first order everything.
//! * Where nothing is discounted, G is the gradient of the mean reward per step
//!   R, and ∇J that of J(θ) = E R(θ + α ∇R(θ)). Elsewhere G, in which all steps
//!   count alike, is the gradient of no function (Nota and Thomas 2020), and
//!   ∂G/∂θ is not symmetric.
//! * The objective with a sampled inner step of n episodes, J_n(θ) =
//!   E_{D ~ P_θ} R(θ′(θ, D)), has the gradient Σ_D P_θ(D) (∇ log P_θ(D) R(θ′) +
//!   (∂θ′/∂θ)ᵀ ∇R(θ′)), where ∂θ′/∂θ at fixed data is that of `log-prob`: what
//!   E-MAML estimates, without bias for every n (Stadie et al. 2018), where
//!   nothing is discounted. Elsewhere it pays the discounted return, in whose
//!   gradient step t counts γ^t times, beside policy gradients in which it
//!   counts once.
//!
//! J_n tends to J as n grows, and the bias of `dice` for ∇J falls with 1 / n:
//! the gradient after the adaptation is not linear in the inner gradient.
//!
//! Advantages are those of any γ and λ, without a baseline or with the exact
//! value of the policy that acts. That value moves with the policy, and the
//! estimators take it for a constant, as they do with every baseline: at λ = 1
//! it has no part in G, and `dice` stays exact; below, its part is missed. The
//! estimates come from [`Learner`](crate::Learner) itself, in f64; the exact
//! values do not.

mod data_sets;
mod estimator;
mod exact;
mod measure;
mod problem;

pub use estimator::Estimator;
pub use measure::{Effort, Expectation, Spread};
pub use problem::AuditBaseline;

use crate::fault::unbuildable;
use agent::LearnError;
use exact::{Exact, add};
use kernels::mlp::{Activation, Head, Mlp};
use problem::{ACTIONS, Credit, STATES, Task};
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{Bounds, Domain, Purpose, SettingError, StreamKey};

/// A problem with policies at which estimators are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditConfig {
    /// Steps of an episode. There are 2 · 4^(horizon − 1) episodes.
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
    /// γ of advantages and returns.
    pub gamma: f64,
    /// λ of advantages.
    pub lambda: f64,
    /// What advantages are compared with.
    pub baseline: AuditBaseline,
    /// Of tasks, policies and data.
    pub seed: u64,
}

/// A problem with exact answers.
#[derive(Clone, Debug)]
pub struct Audit {
    network: Mlp,
    rate: f64,
    seed: u64,
    credit: Credit,
    tasks: Vec<Task>,
    points: Vec<Vec<f64>>, // [points][parameters]
}

impl Audit {
    /// Draws tasks and policies.
    ///
    /// # Errors
    /// If a number is out of range, or no network has these sizes.
    pub fn new(config: &AuditConfig) -> Result<Self, LearnError> {
        check(config).map_err(|fault| fault.below("maml"))?;
        let (hidden, kind) = (&config.hidden, Activation::Tanh);
        let network =
            Mlp::new(STATES, hidden, ACTIONS, kind, Head::Categorical).map_err(unbuildable)?;
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
            credit: Credit {
                gamma: config.gamma,
                lambda: config.lambda,
                baseline: config.baseline,
            },
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

    /// Whether J and J_n exist: nothing is discounted, nor compared with a
    /// baseline.
    pub fn plain(&self) -> bool {
        self.credit.decay() == 1.0 && self.credit.baseline == AuditBaseline::None
    }

    /// J(θ) = E R(θ + α ∇R(θ)), where it exists.
    pub fn value(&self, theta: &[f64]) -> f64 {
        self.mean(|exact| exact.value(&exact.adapted(theta)))
    }

    /// ∇J(θ) = E (I + α ∂G/∂θ)ᵀ G(θ′). `[parameters]`
    pub fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        self.mean_of(theta.len(), |exact| exact.limit_gradient(theta))
    }

    /// J_n(θ) = E R(θ′(θ, D)) over data sets D of n episodes, at least 1. Takes
    /// all of them, so n must be small. Where it exists.
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
            credit: self.credit,
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

fn check(config: &AuditConfig) -> Result<(), SettingError> {
    Bounds::closed(1, 8).check("audit.horizon", config.horizon)?;
    Bounds::closed(2, 1000).check("audit.tasks", config.tasks)?;
    Bounds::closed(1, 1000).check("audit.points", config.points)?;
    Bounds::POSITIVE.check("audit.rate", config.rate)?;
    Bounds::POSITIVE.check("audit.deviation", config.deviation)?;
    Bounds::UNIT.check("audit.gamma", config.gamma)?;
    Bounds::UNIT.check("audit.lambda", config.lambda)
}

#[cfg(test)]
mod tests;
