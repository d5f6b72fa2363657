//! Who is shown its task earns the known-task optimum, and who is not cannot.

use crate::common::{KEY, mean, returns, run};
use navigation::{DarkKeyDoor, GridNavi, Maze, PointCorners, PointNavigation};
use proptest::prelude::*;
use rl_core::{EnvFactory, Exact, Purpose, Revealed, TaskDistribution, Tasks};

const LANES: usize = 300;

/// What `known-goal` earns in each lane, and what could be earned.
fn shown<D: TaskDistribution + Clone>(tasks: &D) -> (Vec<f64>, Vec<Option<f64>>) {
    let shown = Tasks::new(Revealed::new(tasks.clone()).unwrap()).unwrap();
    let learners = shown.learners();
    let planner = learners.iter().find(|policy| policy.name() == "known-goal");
    let trajectory = run(&shown, planner.unwrap().as_ref(), LANES);
    let mut env = shown.make(LANES);
    let width = shown.spec().observation.width();
    env.begin(&KEY, 0, &mut vec![0.0; LANES * width]);
    let optima = (0..LANES).map(|lane| env.known_task_optimum(lane));
    (returns(&trajectory, None), optima.collect())
}

/// To the rounding of single-precision rewards.
fn assert_optimal<D: TaskDistribution + Clone>(tasks: &D) {
    let (found, optima) = shown(tasks);
    let name = tasks.spec().name;
    let tolerance = 1e-6 * tasks.spec().trial_steps() as f64;
    for (lane, (found, optimum)) in found.into_iter().zip(optima).enumerate() {
        let optimum = optimum.unwrap();
        let error = (found - optimum).abs();
        assert!(
            error <= tolerance,
            "{name}, lane {lane}: {found}, not {optimum}"
        );
    }
}

#[test]
fn it_earns_the_known_task_optimum() {
    assert_optimal(&GridNavi::new(5, 15, 4).unwrap());
    assert_optimal(&GridNavi::new(7, 6, 2).unwrap());
    assert_optimal(&DarkKeyDoor::new(9, 50, 3).unwrap());
    // Too short for many ways, and with coincidences of all places.
    assert_optimal(&DarkKeyDoor::new(5, 6, 3).unwrap());
    assert_optimal(&DarkKeyDoor::new(5, 6, 3).unwrap().with_key_and_time());
    assert_optimal(&DarkKeyDoor::new(2, 4, 3).unwrap());
    assert_optimal(&Maze::new(9, 100, 2).unwrap());
    assert_optimal(&Maze::new(15, 30, 3).unwrap());
    assert_optimal(&PointNavigation::new(100, 2).unwrap());
    assert_optimal(&PointNavigation::new(3, 2).unwrap());
}

/// The mean over lanes is the mean over the distribution.
#[test]
fn it_earns_the_expected_optimum() {
    let grid = GridNavi::new(4, 6, 2).unwrap();
    let shown = Tasks::new(Revealed::new(grid).unwrap()).unwrap();
    let planner = shown.learners().pop().unwrap();
    let found = mean(&run(&shown, planner.as_ref(), 20_000), None);
    let values = shown.exact_values();
    let wanted = values.known_task_optimum.get().unwrap();
    crate::common::assert_agrees(&found, wanted, "known-goal");
    assert_eq!(values.bayes_optimal, Exact::value(wanted));
}

/// 53.75 to 55 diagonal moves can be earned in 100 steps: see the
/// environment's bounds.
#[test]
fn corners_are_within_their_bounds() {
    let (found, optima) = shown(&PointCorners::new(100, 1).unwrap());
    assert!(optima.iter().all(Option::is_none));
    let step = 0.2 * f64::sqrt(2.0);
    for found in found {
        assert!(
            (53.7 * step..=55.0 * step + 1e-4).contains(&found),
            "{found}"
        );
    }
}

#[test]
fn hidden_tasks_are_refused() {
    fn refusals<D: TaskDistribution + Clone>(tasks: D) {
        let shown = Tasks::new(Revealed::new(tasks.clone()).unwrap()).unwrap();
        let hidden = Tasks::new(tasks).unwrap();
        let planner = hidden.learners().pop().unwrap();
        let error = planner.make(hidden.spec(), 1).err().unwrap();
        assert!(error.contains("task=shown"), "{error}");
        assert!(planner.make(shown.spec(), 1).is_ok());
        let mut other = shown.spec().clone();
        other.horizon += 1;
        let error = planner.make(&other, 1).err().unwrap();
        assert!(error.contains("cannot act"), "{error}");
        // Who looks for the goal cannot act where it is seen.
        for seeker in hidden.learners() {
            match seeker.make(shown.spec(), 1) {
                Ok(_) => assert_eq!(seeker.name(), "known-goal"),
                Err(error) => assert!(error.contains("task=hidden"), "{error}"),
            }
        }
    }
    refusals(GridNavi::new(5, 15, 4).unwrap());
    refusals(DarkKeyDoor::new(5, 15, 4).unwrap());
    refusals(Maze::new(5, 15, 4).unwrap());
    refusals(PointNavigation::new(15, 4).unwrap());
    refusals(PointCorners::new(15, 4).unwrap());
}

/// The description is written completely, and tells tasks apart.
fn describes<D: TaskDistribution>(tasks: &D) -> Result<(), TestCaseError> {
    let mut task = D::Task::default();
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..20 {
        tasks.sample(&mut task, &mut KEY.lane(Purpose::Task, number));
        let mut description = vec![f32::NAN; tasks.description_size()];
        tasks.describe(&task, &mut description);
        prop_assert!(description.iter().all(|x| x.is_finite() && x.abs() <= 2.0));
        seen.insert(description.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    }
    prop_assert!(seen.len() > 1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn descriptions_are_complete(half in 2..20_usize, horizon in 1..200_usize) {
        let odd = 2 * half + 1;
        describes(&GridNavi::new(odd, horizon, 1).unwrap())?;
        describes(&DarkKeyDoor::new(half, horizon, 1).unwrap())?;
        describes(&Maze::new(odd, horizon, 1).unwrap())?;
        describes(&PointNavigation::new(horizon, 1).unwrap())?;
        describes(&PointCorners::new(horizon, 1).unwrap())?;
    }
}
