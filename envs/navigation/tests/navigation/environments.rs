//! What holds of all environments of the family, and of each through the
//! interfaces that everything else uses.

use crate::common::{KEY, always, assert_agrees, mean, run};
use navigation::{DarkKeyDoor, EmptyGrid, GridNavi, Maze, PointCorners, PointNavigation};
use proptest::prelude::*;
use rl_core::{ActionSpace, EnvFactory, Exact, ObservationSpace, Outcome, Random, SpecError};
use rl_core::{TaskDistribution, Tasks, Trajectory};
use std::sync::Arc;

fn factory<D: TaskDistribution>(made: Result<D, SpecError>) -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(made.unwrap()).unwrap())
}

/// Every environment, small.
fn all() -> Vec<Arc<dyn EnvFactory>> {
    vec![
        factory(GridNavi::new(4, 6, 2)),
        factory(DarkKeyDoor::new(3, 8, 3)),
        factory(Maze::new(7, 30, 2)),
        factory(EmptyGrid::new(4, 20, 2)),
        factory(PointNavigation::new(12, 2)),
        factory(PointCorners::new(12, 2)),
    ]
}

/// One trial of random actions in each of `lanes` lanes.
fn random(env: &dyn EnvFactory, lanes: usize) -> Trajectory {
    run(env, &Random, lanes)
}

#[test]
fn names_spaces_and_times() {
    let found: Vec<_> = all()
        .iter()
        .map(|env| {
            let spec = env.spec();
            let discrete = matches!(spec.observation, ObservationSpace::Discrete { .. });
            let actions = match &spec.action {
                ActionSpace::Discrete { size } => *size,
                ActionSpace::Box { low, .. } => low.len(),
            };
            let width = spec.observation.width();
            (
                spec.name.clone(),
                discrete,
                width,
                actions,
                spec.trial_steps(),
            )
        })
        .collect();
    let wanted = [
        ("gridnavi", true, 1, 5, 12),
        ("dark-key-door", true, 1, 5, 24),
        ("maze", false, 98, 3, 60),
        ("empty-grid", false, 98, 6, 40),
        ("point-navigation", false, 2, 2, 24),
        ("point-corners", false, 2, 2, 24),
    ];
    for (found, wanted) in found.iter().zip(wanted) {
        let found = (found.0.as_str(), found.1, found.2, found.3, found.4);
        assert_eq!(found, wanted);
    }
}

/// One seed gives one history, whatever the group of lanes; other lanes have
/// other ones (but for the empty grid, which has one task, and no chance).
#[test]
fn seeds_decide_and_groups_do_not_matter() {
    for env in all() {
        let (first, again) = (random(env.as_ref(), 6), random(env.as_ref(), 6));
        assert_eq!(first.observations(), again.observations());
        assert_eq!(first.previous_rewards(), again.previous_rewards());
        let three = random(env.as_ref(), 3);
        let width = first.observation_width();
        for t in 0..=first.steps() {
            let row = |trajectory: &Trajectory, lanes: usize| {
                trajectory.observations()[t * lanes * width..][..3 * width].to_vec()
            };
            assert_eq!(row(&first, 6), row(&three, 3), "{}", env.spec().name);
        }
    }
}

/// Nobody earns more than an agent that knows its task.
#[test]
fn no_return_exceeds_the_known_task_optimum() {
    for env in all() {
        let lanes = 2_000;
        let trajectory = random(env.as_ref(), lanes);
        let mut batch = env.make(lanes);
        batch.begin(
            &KEY,
            0,
            &mut vec![0.0; lanes * trajectory.observation_width()],
        );
        for (lane, earned) in crate::common::returns(&trajectory, None)
            .into_iter()
            .enumerate()
        {
            if let Some(optimum) = batch.known_task_optimum(lane) {
                assert!(earned <= optimum + 1e-4, "{}: {earned}", env.spec().name);
            }
        }
    }
}

/// Random agents earn the random value, which is known of every environment,
/// and less than one that knows its task.
#[test]
fn random_values_are_what_random_agents_earn() {
    for env in all() {
        let name = &env.spec().name;
        let values = env.exact_values();
        let random_value = values.random.get().zip(values.random.standard_error());
        let (value, standard_error) = random_value.expect(name);
        let found = mean(&random(env.as_ref(), 20_000), None);
        let error = found.standard_error().hypot(standard_error);
        assert!(
            (found.mean() - value).abs() < 3.0 * error,
            "{name}: {value}"
        );
        if let Some(optimum) = values.known_task_optimum.get() {
            assert!(value < optimum, "{name}: {value}");
        } else {
            assert_eq!(name, "point-corners");
        }
    }
}

/// The walk along two walls is one of 2 (size − 3) + 1 steps.
#[test]
fn the_empty_grid_is_crossed() {
    for (size, horizon) in [(8, 256), (5, 40)] {
        let env = factory(EmptyGrid::new(size, horizon, 3));
        let policy = env.bayes_optimal_policy().unwrap();
        let trajectory = run(env.as_ref(), policy.as_ref(), 4);
        let steps = 2 * (size - 3) + 1;
        assert_eq!(trajectory.lengths(), [3 * steps; 4]);
        let outcomes = trajectory.outcomes()[..12 * steps].iter().enumerate();
        for (index, outcome) in outcomes {
            let ends = (index / 4 + 1) % steps == 0;
            assert_eq!(*outcome == Outcome::Terminated, ends);
        }
        let values = env.exact_values();
        let wanted = values.bayes_optimal.get().unwrap();
        assert_eq!(values.known_task_optimum.get(), Some(wanted));
        assert_agrees(&mean(&trajectory, None), wanted, "empty-grid");
    }
    let policy = factory(EmptyGrid::new(5, 40, 3)).bayes_optimal_policy();
    let error = policy
        .unwrap()
        .make(factory(Maze::new(5, 40, 3)).spec(), 1)
        .err();
    assert!(error.unwrap().contains("ask the environment itself"));
}

/// Turning on the spot never ends an episode early, and nothing is earned.
#[test]
fn mazes_time_out() {
    let env = factory(Maze::new(9, 10, 2));
    let trajectory = always(env.make(5), |_| 1).into_trajectory();
    assert_eq!(trajectory.lengths(), [20; 5]);
    assert!(trajectory.rewards().iter().all(|reward| *reward == 0.0));
    assert_eq!(trajectory.truncations(0), 2);
}

#[test]
fn what_cannot_be_known_says_why() {
    for env in all() {
        let values = env.exact_values();
        let name = &env.spec().name;
        let solved = ["gridnavi", "empty-grid"].contains(&name.as_str());
        assert_eq!(values.bayes_optimal.get().is_some(), solved, "{name}");
        assert_eq!(env.bayes_optimal_policy().is_ok(), solved, "{name}");
        if let Exact::Unknown { why } = values.bayes_optimal {
            assert!(why.len() > 20, "{name}: {why}");
        }
    }
}

#[test]
fn sizes_out_of_range_are_refused() {
    let refusals: Vec<(SpecError, [&str; 3])> = vec![
        (
            DarkKeyDoor::new(1, 50, 10).unwrap_err(),
            ["dark-key-door", "size = 1", "2 to 1000"],
        ),
        (
            DarkKeyDoor::new(9, 0, 10).unwrap_err(),
            ["dark-key-door", "horizon = 0", "1 to 1000000"],
        ),
        (
            DarkKeyDoor::new(9, 50, 0).unwrap_err(),
            ["dark-key-door", "episodes = 0", "1 to 4000"],
        ),
        (
            Maze::new(8, 50, 2).unwrap_err(),
            ["maze", "size = 8", "5 to 255, odd"],
        ),
        (
            Maze::new(257, 50, 2).unwrap_err(),
            ["maze", "size = 257", "5 to 255"],
        ),
        (
            Maze::new(9, 0, 2).unwrap_err(),
            ["maze", "horizon = 0", "1 to 1000000"],
        ),
        (
            EmptyGrid::new(3, 256, 1).unwrap_err(),
            ["empty-grid", "size = 3", "4 to 32"],
        ),
        (
            EmptyGrid::new(33, 256, 1).unwrap_err(),
            ["empty-grid", "size = 33", "4 to 32"],
        ),
        (
            EmptyGrid::new(8, 256, 4_001).unwrap_err(),
            ["empty-grid", "episodes = 4001", "1 to 4000"],
        ),
        (
            PointNavigation::new(0, 1).unwrap_err(),
            ["point-navigation", "horizon = 0", "1 to 1000000"],
        ),
        (
            PointCorners::new(100, 0).unwrap_err(),
            ["point-corners", "episodes = 0", "1 to 4000"],
        ),
    ];
    for (error, parts) in refusals {
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

/// Numbers of all orders of magnitude.
fn number() -> impl Strategy<Value = usize> {
    prop_oneof![0..40_usize, 0..3_000_000_usize, any::<usize>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any numbers give an environment that can be begun and stepped, or an
    /// error.
    #[test]
    fn any_sizes_give_environments_or_errors(
        size in number(),
        horizon in number(),
        episodes in number(),
        seed in any::<u64>(),
    ) {
        fn made<D: TaskDistribution>(made: Result<D, SpecError>) -> Option<Box<dyn EnvFactory>> {
            let distribution = match made {
                Ok(distribution) => distribution,
                Err(error) => {
                    let text = error.to_string();
                    let said = ["environment '", " = ", "; allowed: "];
                    assert!(said.iter().all(|part| text.contains(part)), "{text}");
                    return None;
                }
            };
            Some(Box::new(Tasks::new(distribution).expect("a valid specification")))
        }
        let envs = [
            made(GridNavi::new(size, horizon, episodes)),
            made(DarkKeyDoor::new(size, horizon, episodes)),
            made(Maze::new(size, horizon, episodes)),
            made(EmptyGrid::new(size, horizon, episodes)),
            made(PointNavigation::new(horizon, episodes)),
            made(PointCorners::new(horizon, episodes)),
        ];
        for env in envs.into_iter().flatten() {
            let mut batch = env.make(1);
            let width = env.spec().observation.width();
            let mut row = vec![f32::NAN; width];
            batch.begin(&rl_core::StreamKey { seed, ..KEY }, 0, &mut row);
            prop_assert!(row.iter().all(|number| number.is_finite()));
            prop_assert!(batch.known_task_optimum(0).is_none_or(f64::is_finite));
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Small ones have exact values that are in order.
    #[test]
    fn values_are_in_order(size in 2..8_usize, horizon in 1..12_usize, episodes in 1..3_usize) {
        let values = DarkKeyDoor::new(size, horizon, episodes).unwrap().exact_values();
        let [random, known] = [values.random, values.known_task_optimum].map(|v| v.get().unwrap());
        prop_assert!(0.0 < random && random < known + 0.01 && known <= 2.0 * episodes as f64);
        let Ok(grid) = EmptyGrid::new(size, horizon, episodes) else { return Ok(()) };
        let values = grid.exact_values();
        let [random, known] = [values.random, values.known_task_optimum].map(|v| v.get().unwrap());
        prop_assert!(0.0 <= random && random <= known && known < episodes as f64);
    }
}
