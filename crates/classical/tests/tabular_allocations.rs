//! A tabular learner allocates when it is made, and never after.

use allocation_counter::measure;
use classical::{Family, learner, learners};
use mdps::{DirichletMdp, DirichletMdpSettings};
use rl_core::{Domain, EnvFactory, Purpose, StreamKey, Tasks, Trajectory};
use std::collections::BTreeMap;

/// Over two trials of several episodes, the first step included.
#[test]
fn steps_and_plans_allocate_nothing() {
    let settings = DirichletMdpSettings {
        states: 4,
        actions: 3,
        horizon: 5,
        episodes: 3,
    };
    let tasks = Tasks::new(DirichletMdp::new(settings).unwrap()).unwrap();
    let key = StreamKey::new(1, Domain::HeldOut, 0);
    for info in learners() {
        if info.family != Family::Tabular {
            continue;
        }
        let (lanes, steps) = (3, 2 * tasks.spec().trial_steps());
        let factory = learner(info.name, &BTreeMap::new()).unwrap();
        let mut policy = factory.make(tasks.spec(), lanes).unwrap();
        let mut env = tasks.make(lanes);
        let stream = |lane| key.lane(Purpose::Action, lane);
        let mut streams: Vec<_> = (0..lanes as u64).map(stream).collect();
        let mut trajectory = Trajectory::new(tasks.spec(), lanes, steps);
        env.begin(&key, 0, trajectory.begin());
        let mut count = 0;
        for t in 0..steps {
            let (row, out) = trajectory.acting(t);
            count += measure(|| policy.act(&row, &mut streams, out)).count_total;
            let (actions, rows) = trajectory.stepping(t);
            env.step(actions, rows);
            trajectory.stepped(t);
        }
        assert_eq!(count, 0, "{}", info.name);
    }
}
