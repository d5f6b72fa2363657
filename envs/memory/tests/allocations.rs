//! Stepping, with new episodes and new tasks on the way, allocates nothing, and nor do
//! policies.

use allocation_counter::measure;
use rl_core::{ActionSpace, ActionsMut, Domain, EnvFactory, PolicyFactory, Rollout, StreamKey};

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);
const LANES: usize = 6;

/// Allocations of three trials of all lanes, after the first tasks are drawn.
fn while_stepping(env: &dyn EnvFactory, mut act: impl FnMut(&mut Rollout)) -> u64 {
    let mut rollout = Rollout::new(env.make(LANES), 3 * env.spec().trial_steps());
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

#[test]
fn steps_allocate_nothing() {
    for entry in memory::all() {
        let settings = rl_core::Settings::new(entry.settings(), []).unwrap();
        let env = entry.make(&settings).unwrap();
        let ActionSpace::Discrete { size } = env.spec().action else {
            panic!("{}: actions are discrete", entry.name());
        };
        let count = while_stepping(env.as_ref(), |rollout| {
            let t = rollout.t();
            if let ActionsMut::Discrete(row) = rollout.acting().2.action {
                row.fill((t % size) as u32);
            }
        });
        assert_eq!(count, 0, "{}", entry.name());
        let policies: Vec<Box<dyn PolicyFactory>> = env.learners();
        for policy in policies.into_iter().chain(env.bayes_optimal_policy().ok()) {
            let mut acting = policy.make(env.spec(), LANES).unwrap();
            let mut advantages = vec![0.0; LANES * size];
            let count = while_stepping(env.as_ref(), |rollout| {
                rollout.act(acting.as_mut());
                acting.advantages(&mut advantages);
            });
            assert_eq!(count, 0, "{}: {}", entry.name(), policy.name());
        }
    }
}
