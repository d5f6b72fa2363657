//! Environments, and policies at work in them.

use bandits::{DependentBandit, Variant};
use combination::{Combined, Rule};
use navigation::GridNavi;
use rl_core::{Domain, EnvFactory, Moments, PolicyFactory, TaskDistribution, Tasks};
use rollout::{Evaluation, Held, Pool, evaluate};
use std::sync::Arc;

pub(crate) fn made(distribution: impl TaskDistribution) -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(distribution).unwrap())
}

pub(crate) fn grid(size: usize, horizon: usize, episodes: usize) -> Arc<dyn EnvFactory> {
    made(GridNavi::new(size, horizon, episodes).unwrap())
}

pub(crate) fn bandit(variant: Variant, pulls: usize) -> Arc<dyn EnvFactory> {
    made(DependentBandit::new(variant, pulls).unwrap())
}

/// The experts of an environment as one.
pub(crate) fn combined(rule: Rule, env: &Arc<dyn EnvFactory>) -> Arc<dyn PolicyFactory> {
    Arc::new(Combined::of_experts(rule, env.as_ref()).unwrap())
}

pub(crate) fn play(
    env: &Arc<dyn EnvFactory>,
    policy: &Arc<dyn PolicyFactory>,
    tasks: usize,
) -> Evaluation {
    let pool = Pool::new(1, || {}).unwrap();
    let held = Held {
        tasks,
        seed: 3,
        domain: Domain::HeldOut,
    };
    evaluate(&pool, env, policy, held).unwrap()
}

/// What was simulated is within three standard errors of what was worked out.
pub(crate) fn assert_agrees(returns: &Moments, exact: f64, place: &str) {
    let (mean, error) = (returns.mean(), returns.standard_error());
    let place = format!("{place}: {mean} ± {error}, not {exact}");
    assert!((mean - exact).abs() < 3.0 * error + 1e-6, "{place}");
}
