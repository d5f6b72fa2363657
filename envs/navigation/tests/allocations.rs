//! Stepping, with new episodes and new tasks on the way, allocates nothing.

use allocation_counter::measure;
use navigation::{DarkKeyDoor, EmptyGrid, GridNavi, Maze, PointCorners, PointNavigation};
use rl_core::{
    Actions, ActionsMut, Domain, EnvFactory, Purpose, Revealed, SpecError, Stream, StreamKey,
    TaskDistribution, Tasks, Trajectory,
};

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);
const LANES: usize = 6;
const STEPS: usize = 200;

/// Allocations of many steps of all lanes, after the first tasks are drawn.
fn while_stepping(
    env: &dyn EnvFactory,
    mut act: impl FnMut(&mut Trajectory, usize, &mut [Stream]),
) -> u64 {
    let mut batch = env.make(LANES);
    let mut trajectory = Trajectory::new(env.spec(), LANES, STEPS);
    let mut streams: Vec<_> = (0..LANES as u64)
        .map(|lane| KEY.lane(Purpose::Action, lane))
        .collect();
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
    assert!(matches!(trajectory.actions(), Actions::Discrete(_)) == env.spec().is_discrete());
    made.count_total
}

fn assert_no_allocation<D: TaskDistribution>(made: Result<D, SpecError>) {
    let env = Tasks::new(made.unwrap()).unwrap();
    let count = while_stepping(&env, |trajectory, t, _| {
        match trajectory.acting(t).1.action {
            ActionsMut::Discrete(row) => row.fill(t as u32 % 3),
            ActionsMut::Box { row, .. } => row.fill(0.1 - (t % 3) as f32),
        }
    });
    assert_eq!(count, 0, "{}", env.spec().name);
}

#[test]
fn steps_allocate_nothing() {
    assert_no_allocation(GridNavi::new(5, 15, 4));
    assert_no_allocation(DarkKeyDoor::new(4, 8, 3));
    assert_no_allocation(Maze::new(9, 12, 2));
    assert_no_allocation(EmptyGrid::new(5, 20, 1));
    assert_no_allocation(PointNavigation::new(10, 2));
    assert_no_allocation(PointCorners::new(10, 2));
}

/// The learners that an environment brings along and its exact solution,
/// wherever they can act.
fn policies_allocate_nothing_in<D: TaskDistribution>(distribution: D) {
    let env = Tasks::new(distribution).unwrap();
    let mut policies = env.learners();
    policies.extend(env.bayes_optimal_policy());
    for policy in policies {
        let Ok(mut acting) = policy.make(env.spec(), LANES) else {
            continue;
        };
        let count = while_stepping(&env, |trajectory, t, streams| {
            let (row, out) = trajectory.acting(t);
            acting.act(&row, streams, out);
        });
        assert_eq!(count, 0, "{}", policy.name());
    }
}

#[test]
fn policies_allocate_nothing() {
    policies_allocate_nothing_in(GridNavi::new(4, 7, 3).unwrap());
    policies_allocate_nothing_in(EmptyGrid::new(5, 20, 2).unwrap());
    let dark = DarkKeyDoor::new(4, 8, 3).unwrap();
    policies_allocate_nothing_in(dark.clone());
    policies_allocate_nothing_in(dark.clone().with_key_and_time());
    policies_allocate_nothing_in(Revealed::new(dark).unwrap());
    policies_allocate_nothing_in(Revealed::new(GridNavi::new(4, 7, 3).unwrap()).unwrap());
    policies_allocate_nothing_in(Revealed::new(Maze::new(9, 12, 2).unwrap()).unwrap());
    policies_allocate_nothing_in(Revealed::new(PointNavigation::new(10, 2).unwrap()).unwrap());
    policies_allocate_nothing_in(Revealed::new(PointCorners::new(10, 2).unwrap()).unwrap());
}
