//! A learner allocates when it is made, and never after.

use allocation_counter::measure;
use bandits::{BernoulliBandit, GaussianBandit};
use classical::{Family, learner, learners};
use mdps::{DirichletMdp, DirichletMdpSettings};
use rl_core::{Domain, EnvFactory, Rollout, StreamKey, TaskDistribution, Tasks};
use std::collections::BTreeMap;

const LANES: usize = 3;

/// Allocations of a learner over two trials, the first step included; none
/// where it cannot act.
fn allocations(env: &dyn EnvFactory, name: &str) -> Option<u64> {
    let factory = learner(name, &BTreeMap::new()).unwrap();
    let mut policy = factory.make(env.spec(), LANES).ok()?;
    let mut rollout = Rollout::new(env.make(LANES), 2 * env.spec().trial_steps());
    rollout.begin(&StreamKey::new(1, Domain::HeldOut, 0), 0);
    let mut count = 0;
    while !rollout.is_full() {
        count += measure(|| rollout.act(policy.as_mut())).count_total;
        rollout.step();
    }
    Some(count)
}

/// All learners of these families, in the first of the environments that they
/// can act in.
fn assert_none(families: &[Family], environments: &[&dyn EnvFactory]) {
    let mut tested = 0;
    for info in learners() {
        if !families.contains(&info.family) {
            continue;
        }
        let counts = environments
            .iter()
            .filter_map(|env| allocations(*env, info.name));
        let counts: Vec<u64> = counts.collect();
        assert!(!counts.is_empty(), "{} acts nowhere", info.name);
        assert!(
            counts.iter().all(|count| *count == 0),
            "{}: {counts:?}",
            info.name
        );
        tested += 1;
    }
    assert!(tested > 3, "{tested} learners");
}

fn tasks<D: TaskDistribution>(distribution: D) -> Tasks<D> {
    Tasks::new(distribution).unwrap()
}

#[test]
fn tabular_learners_allocate_nothing_while_they_act_and_plan() {
    let settings = DirichletMdpSettings {
        states: 4,
        actions: 3,
        horizon: 5,
        episodes: 3,
    };
    let mdps = tasks(DirichletMdp::new(settings).unwrap());
    assert_none(&[Family::Tabular], &[&mdps]);
}

#[test]
fn bandit_learners_allocate_nothing_while_they_act() {
    let bernoulli = tasks(BernoulliBandit::new(3, 20).unwrap());
    let gaussian = tasks(GaussianBandit::new(3, 20, 1.0).unwrap());
    assert_none(&[Family::Any, Family::Bandit], &[&bernoulli, &gaussian]);
}
