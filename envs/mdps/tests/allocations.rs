//! Stepping, with new episodes and new tasks on the way, allocates nothing,
//! and nor do Bayes-optimal policies.

use allocation_counter::measure;
use mdps::{Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, RiverSwim, TwoStep};
use rl_core::{
    ActionSpace, ActionsMut, Domain, EnvFactory, Rollout, SpecError, StreamKey, TaskDistribution,
    Tasks,
};

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);
const LANES: usize = 6;
const STEPS: usize = 100;

/// Allocations of many steps of all lanes, after the first tasks are drawn.
fn while_stepping(env: &dyn EnvFactory, mut act: impl FnMut(&mut Rollout)) -> u64 {
    let mut rollout = Rollout::new(env.make(LANES), STEPS);
    rollout.begin(&KEY, 0);
    let made = measure(|| {
        while !rollout.is_full() {
            act(&mut rollout);
            rollout.step();
        }
    });
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
    assert_no_allocation(RiverSwim::new(4, 5, 2));
    assert_no_allocation(TwoStep::new(5, 0.8, 0.9));
    assert_no_allocation(TwoStep::new(5, 0.8, 0.9).and_then(|task| task.switching(0.3)));
    assert_no_allocation(DirichletMdp::new(DirichletMdpSettings {
        states: 4,
        actions: 3,
        horizon: 5,
        episodes: 2,
    }));
    assert_no_allocation(Chain::new(ChainSettings {
        states: 4,
        slip_low: 0.1,
        slip_high: 0.3,
        horizon: 5,
        episodes: 2,
    }));
}
