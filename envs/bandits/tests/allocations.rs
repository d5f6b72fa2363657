//! Stepping, with new tasks on the way, allocates nothing, and nor do
//! Bayes-optimal policies.

use allocation_counter::measure;
use bandits::{AdversarialBandit, AdversarialSettings, BernoulliBandit, DependentBandit};
use bandits::{GaussianBandit, InformativeArm, RestlessBandit, Variant};
use rl_core::{
    ActionSpace, ActionsMut, Domain, EnvFactory, Rollout, SpecError, StreamKey, TaskDistribution,
    Tasks,
};

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);
const LANES: usize = 6;
const STEPS: usize = 100;

/// Allocations of many steps of all lanes, after the first steps.
fn while_stepping(env: &dyn EnvFactory, mut act: impl FnMut(&mut Rollout)) -> u64 {
    let mut rollout = Rollout::new(env.make(LANES), STEPS);
    rollout.begin(&KEY, 0);
    let mut step_to = |end| {
        while rollout.t() < end {
            act(&mut rollout);
            rollout.step();
        }
    };
    step_to(2);
    let made = measure(|| step_to(STEPS));
    assert!(rollout.trajectory().trial_ends().contains(&true));
    made.count_total
}

fn assert_no_allocation<D: TaskDistribution>(made: Result<D, SpecError>) {
    let env = Tasks::new(made.unwrap()).unwrap();
    let count = while_stepping(&env, |rollout| {
        let t = rollout.t();
        if let ActionsMut::Discrete(row) = rollout.acting().2.action {
            row.fill(t as u32 % 2);
        }
    });
    assert_eq!(count, 0, "{}", env.spec().name);
    let Ok(policy) = env.bayes_optimal_policy() else {
        return;
    };
    let mut acting = policy.make(env.spec(), LANES).unwrap();
    let ActionSpace::Discrete { size } = env.spec().action else {
        panic!("a Bayes-optimal policy of continuous actions");
    };
    let mut advantages = vec![0.0; LANES * size];
    let count = while_stepping(&env, |rollout| {
        rollout.act(acting.as_mut());
        assert!(acting.advantages(&mut advantages));
    });
    assert_eq!(count, 0, "{}'s policy", env.spec().name);
}

#[test]
fn steps_allocate_nothing() {
    assert_no_allocation(BernoulliBandit::new(3, 10));
    assert_no_allocation(DependentBandit::new(Variant::Uniform, 10));
    assert_no_allocation(GaussianBandit::new(3, 10, 1.0));
    assert_no_allocation(InformativeArm::new(4, 10));
    assert_no_allocation(RestlessBandit::new(10, 0.1, 0.2));
    assert_no_allocation(AdversarialBandit::new(AdversarialSettings {
        arms: 3,
        pulls: 10,
        segments: 4,
        gap: 0.5,
    }));
}
