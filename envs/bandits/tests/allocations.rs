//! Stepping, with new tasks on the way, allocates nothing, and nor do
//! Bayes-optimal policies.

use allocation_counter::measure;
use bandits::{AdversarialBandit, AdversarialSettings, BernoulliBandit, DependentBandit};
use bandits::{GaussianBandit, InformativeArm, RestlessBandit, Variant};
use rl_core::{
    ActionsMut, Domain, EnvFactory, Purpose, SpecError, Stream, StreamKey, TaskDistribution, Tasks,
    Trajectory,
};

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);
const LANES: usize = 6;
const STEPS: usize = 100;

/// Allocations of many steps of all lanes, after the first steps.
fn while_stepping(
    env: &dyn EnvFactory,
    mut act: impl FnMut(&mut Trajectory, usize, &mut [Stream]),
) -> u64 {
    let mut batch = env.make(LANES);
    let mut trajectory = Trajectory::new(env.spec(), LANES, STEPS);
    let stream = |lane| KEY.lane(Purpose::Action, lane);
    let mut streams: Vec<_> = (0..LANES as u64).map(stream).collect();
    batch.begin(&KEY, 0, trajectory.begin());
    let mut step = |t| {
        act(&mut trajectory, t, &mut streams);
        let (actions, rows) = trajectory.stepping(t);
        batch.step(actions, rows);
        trajectory.stepped(t);
    };
    (0..2).for_each(&mut step);
    let made = measure(|| (2..STEPS).for_each(step));
    assert!(trajectory.trial_ends().contains(&true));
    made.count_total
}

fn assert_no_allocation<D: TaskDistribution>(made: Result<D, SpecError>) {
    let env = Tasks::new(made.unwrap()).unwrap();
    let count = while_stepping(&env, |trajectory, t, _| {
        if let ActionsMut::Discrete(row) = trajectory.acting(t).1.action {
            row.fill(t as u32 % 2);
        }
    });
    assert_eq!(count, 0, "{}", env.spec().name);
    let Ok(policy) = env.bayes_optimal_policy() else {
        return;
    };
    let mut acting = policy.make(env.spec(), LANES).unwrap();
    let count = while_stepping(&env, |trajectory, t, streams| {
        let (row, out) = trajectory.acting(t);
        acting.act(&row, streams, out);
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
