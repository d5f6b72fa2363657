//! Stepping, with new episodes and new tasks on the way, allocates nothing,
//! and nor do Bayes-optimal policies.

use allocation_counter::measure;
use mdps::{Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, RiverSwim, TwoStep};
use rl_core::{
    ActionsMut, Domain, EnvFactory, Purpose, SpecError, Stream, StreamKey, TaskDistribution, Tasks,
    Trajectory,
};

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);
const LANES: usize = 6;
const STEPS: usize = 100;

/// Allocations of many steps of all lanes, after the first tasks are drawn.
fn while_stepping(
    env: &dyn EnvFactory,
    mut act: impl FnMut(&mut Trajectory, usize, &mut [Stream]),
) -> u64 {
    let mut batch = env.make(LANES);
    let mut trajectory = Trajectory::new(env.spec(), LANES, STEPS);
    let stream = |lane| KEY.lane(Purpose::Action, lane);
    let mut streams: Vec<_> = (0..LANES as u64).map(stream).collect();
    batch.begin(&KEY, 0, trajectory.begin());
    let made = measure(|| {
        for t in 0..STEPS {
            act(&mut trajectory, t, &mut streams);
            let (actions, rows) = trajectory.stepping(t);
            batch.step(actions, rows);
            trajectory.stepped(t);
        }
    });
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
