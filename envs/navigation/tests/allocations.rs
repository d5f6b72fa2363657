//! Stepping, with new episodes and new tasks on the way, allocates nothing.

use allocation_counter::measure;
use navigation::{DarkKeyDoor, EmptyGrid, GridNavi, Maze, PointCorners, PointNavigation};
use rl_core::{
    Actions, ActionsMut, Domain, EnvFactory, PolicyFactory, Revealed, Rollout, SpecError,
    StreamKey, TaskDistribution, Tasks, Telling,
};
use std::sync::Arc;

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);
const LANES: usize = 6;
const STEPS: usize = 200;

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
    let discrete = matches!(rollout.trajectory().actions(), Actions::Discrete(_));
    assert_eq!(discrete, env.spec().is_discrete());
    made.count_total
}

fn assert_no_allocation<D: TaskDistribution>(made: Result<D, SpecError>) {
    let env = Tasks::new(made.unwrap()).unwrap();
    let count = while_stepping(&env, |rollout| {
        let t = rollout.t();
        match rollout.acting().2.action {
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
        let count = while_stepping(&env, |rollout| rollout.act(acting.as_mut()));
        assert_eq!(count, 0, "{}", policy.name());
    }
}

#[test]
fn worths_of_actions_allocate_nothing() {
    worths_allocate_nothing_in(GridNavi::new(4, 7, 3).unwrap(), 5);
    worths_allocate_nothing_in(EmptyGrid::new(5, 9, 3).unwrap(), 6);
}

fn worths_allocate_nothing_in<D: TaskDistribution>(distribution: D, actions: usize) {
    let env = Tasks::new(distribution).unwrap();
    let optimal: Arc<dyn PolicyFactory> = Arc::from(env.bayes_optimal_policy().unwrap());
    let optimal = optimal.with_advantages().unwrap_or(optimal);
    let mut acting = optimal.make(env.spec(), LANES).unwrap();
    let mut advantages = vec![0.0; LANES * actions];
    let count = while_stepping(&env, |rollout| {
        rollout.act(acting.as_mut());
        assert!(acting.advantages(&mut advantages));
    });
    assert_eq!(count, 0);
}

#[test]
fn beliefs_allocate_nothing() {
    for (env, rooms) in [
        (
            Tasks::new(DarkKeyDoor::new(4, 8, 3).unwrap())
                .map(Arc::new)
                .unwrap() as Arc<dyn EnvFactory>,
            33,
        ),
        (
            Tasks::new(GridNavi::new(4, 7, 3).unwrap())
                .map(Arc::new)
                .unwrap(),
            16,
        ),
    ] {
        let statistics = env.statistics().unwrap();
        let env = Telling::new(env, vec![statistics]);
        assert_eq!(env.told(), rooms);
        let count = while_stepping(&env, |rollout| {
            let t = rollout.t();
            rollout
                .acting()
                .2
                .action
                .discrete()
                .unwrap()
                .fill(t as u32 % 3);
        });
        assert_eq!(count, 0, "{}", env.spec().name);
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
