//! GridNavi and the policies that know its rules, through the interfaces that
//! everything else uses.

use crate::common::{KEY, alone, always, assert_agrees, discrete, mean, returns, run};
use navigation::{ExhaustiveSearch, GridNavi, PosteriorSampling};
use proptest::prelude::*;
use rl_core::{
    ActRow, ActionsMut, EnvFactory, Moments, ObservationSpace, Outcome, Policy, PolicyFactory, Row,
    TaskDistribution, Tasks,
};
use std::sync::OnceLock;

fn tasks(size: usize, horizon: usize, episodes: usize) -> Tasks<GridNavi> {
    Tasks::new(GridNavi::new(size, horizon, episodes).unwrap()).unwrap()
}

/// The published size, which is solved once for all tests.
fn published() -> &'static (GridNavi, Tasks<GridNavi>) {
    static PUBLISHED: OnceLock<(GridNavi, Tasks<GridNavi>)> = OnceLock::new();
    PUBLISHED.get_or_init(|| {
        let grid = GridNavi::new(5, 15, 4).unwrap();
        (grid.clone(), Tasks::new(grid).unwrap())
    })
}

/// Acts uniformly at random.
struct Random;

impl PolicyFactory for Random {
    fn name(&self) -> String {
        "random".into()
    }

    fn make(&self, _: &rl_core::EnvSpec, _: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Self))
    }
}

impl Policy for Random {
    fn act(&mut self, _: &Row<'_>, streams: &mut [rl_core::Stream], out: ActRow<'_>) {
        use rl_core::rand::RngExt as _;
        if let ActionsMut::Discrete(actions) = out.action {
            for (action, rng) in actions.iter_mut().zip(streams) {
                *action = rng.random_range(0..5);
            }
        }
    }
}

#[test]
fn a_trial_is_four_episodes_of_fifteen_steps() {
    let tasks = tasks(5, 15, 4);
    let spec = tasks.spec();
    assert_eq!(spec.name, "gridnavi");
    assert_eq!(spec.observation, ObservationSpace::Discrete { size: 25 });
    assert_eq!((spec.action.width(), spec.trial_steps()), (1, 60));
    let trajectory = always(tasks.make(3), |_| 0).into_trajectory();
    for (index, outcome) in trajectory.outcomes().iter().enumerate() {
        let ends = (index / 3 + 1) % 15 == 0;
        assert_eq!(*outcome == Outcome::Truncated, ends);
    }
    assert_eq!(trajectory.lengths(), [60; 3]);
    // No goal is at the start.
    assert!(trajectory.rewards().iter().all(|reward| *reward == -0.1));
}

/// Two up and one to the right: the symbols are row by row from the bottom,
/// borders stop the agent, and every episode starts over.
#[test]
fn observations_by_hand() {
    let played = always(tasks(3, 4, 2).make(1), |t| [1, 1, 1, 2][t % 4]);
    let trajectory = played.trajectory();
    let wanted = [0.0, 3.0, 6.0, 6.0, 0.0, 3.0, 6.0, 6.0];
    assert_eq!(trajectory.observations()[..8], wanted);
    assert_eq!(trajectory.final_observation(0, 0), [7.0]);
}

/// The goal is everywhere but in the four cells at the start equally often,
/// and pays at every step.
#[test]
fn goals_are_where_they_may_be() {
    let tasks = tasks(5, 24, 1);
    // Row by row through the whole grid.
    let sweep = |t: usize| match (t % 5, t / 5 % 2) {
        (4, _) => 1,
        (_, 0) => 2,
        _ => 4,
    };
    let lanes = 21_000;
    let trajectory = always(tasks.make(lanes), sweep).into_trajectory();
    let mut found = [0; 25];
    for lane in 0..lanes {
        let rewards = trajectory.rewards().iter().skip(lane).step_by(lanes);
        let hits: Vec<usize> = rewards
            .enumerate()
            .filter(|(_, reward)| **reward == 1.0)
            .map(|(step, _)| step)
            .collect();
        assert_eq!(hits.len(), 1);
        let (row, along) = ((hits[0] + 1) / 5, (hits[0] + 1) % 5);
        found[row * 5 + if row % 2 == 0 { along } else { 4 - along }] += 1;
    }
    for (cell, count) in found.into_iter().enumerate() {
        match cell {
            0 | 1 | 5 | 6 => assert_eq!(count, 0),
            // 1,000 are expected, with a standard deviation of 31.
            _ => assert!((860..1140).contains(&count), "{count} at {cell}"),
        }
    }
}

#[test]
fn exact_values() {
    let (grid, of_grid) = published();
    let values = of_grid.exact_values();
    let known = values.known_task_optimum.get().unwrap();
    assert!((known - 310.0 / 7.0).abs() < 1e-12, "{known}");
    let best = values.bayes_optimal.get().unwrap();
    assert!((best - 521.0 / 14.0).abs() < 1e-12, "{best}");
    let episodes = grid.bayes_optimal_episodes().unwrap();
    assert!((episodes.iter().sum::<f64>() - best).abs() < 1e-9);
    let rewards = values.bayes_optimal_rewards.unwrap();
    assert_eq!(rewards.len(), 60);
    assert!((rewards.iter().sum::<f64>() - best).abs() < 1e-9);
    // No goal is one move away; two steps find one of 21.
    assert!((rewards[0] + 0.1).abs() < 1e-12);
    assert!((rewards[1] - (1.1 / 21.0 - 0.1)).abs() < 1e-12);
    assert!((episodes[0] - 4.0).abs() < 1e-12);
    // One step: of five moves none ends on a goal.
    let values = tasks(5, 1, 3).exact_values();
    assert!((values.random.get().unwrap() + 0.3).abs() < 1e-12);
    assert!((values.bayes_optimal.get().unwrap() + 0.3).abs() < 1e-12);
    // Two steps: both to the right or both upwards end on one of 21 goals.
    let values = tasks(5, 2, 1).exact_values();
    let wanted = 2.0 / 25.0 / 21.0 * 1.1 - 0.2;
    assert!((values.random.get().unwrap() - wanted).abs() < 1e-12);
}

/// What the policy earns is what the dynamic program says, in every episode.
#[test]
fn the_optimal_policy_earns_the_optimal_value() {
    let grid = |size, horizon, episodes| GridNavi::new(size, horizon, episodes).unwrap();
    let grids = [
        published().0.clone(),
        grid(4, 6, 3),
        grid(3, 4, 3),
        grid(6, 5, 2),
    ];
    for grid in grids {
        let tasks = Tasks::new(grid.clone()).unwrap();
        let policy = tasks.bayes_optimal_policy().unwrap();
        assert_eq!(policy.name(), "bayes-optimal");
        let trajectory = run(&tasks, policy.as_ref(), 20_000);
        let wanted = grid.bayes_optimal_episodes().unwrap();
        let what = format!("{grid:?}");
        for (episode, wanted) in wanted.iter().enumerate() {
            assert_agrees(&mean(&trajectory, Some(episode)), *wanted, &what);
        }
        assert_agrees(&mean(&trajectory, None), wanted.iter().sum(), &what);
        let steps = tasks.exact_values().bayes_optimal_rewards.unwrap();
        for (row, wanted) in trajectory.rewards().chunks(20_000).zip(steps) {
            let found: Moments = row.iter().map(|reward| f64::from(*reward)).collect();
            // The largest of up to 60 deviations.
            let error = (found.mean() - wanted).abs();
            assert!(
                error <= 4.0 * found.standard_error() + 1e-6,
                "{what}: {error}"
            );
        }
    }
}

#[test]
fn the_random_value_is_what_random_moves_earn() {
    for tasks in [&published().1, &tasks(3, 7, 1)] {
        let trajectory = run(tasks, &Random, 20_000);
        let wanted = tasks.exact_values().random.get().unwrap();
        assert_agrees(&mean(&trajectory, None), wanted, "random");
    }
}

/// The known-task optimum of each lane is what walking straight to its goal
/// earns; the goal is read off what an agent finds that looks everywhere.
#[test]
fn the_known_task_optimum_is_the_shortest_path() {
    let tasks = tasks(5, 15, 4);
    let mut env = tasks.make(300);
    let trajectory = run(&tasks, &ExhaustiveSearch, 300);
    env.begin(&KEY, 0, &mut [0.0; 300]);
    // By the last episode the search has found every goal and walks straight.
    let last = returns(&trajectory, Some(3));
    for (lane, episode) in last.into_iter().enumerate() {
        let optimum = env.known_task_optimum(lane).unwrap();
        assert!((optimum - 4.0 * episode).abs() < 1e-4, "lane {lane}");
    }
}

/// About (0.50, 2.28, 3.83, 5.19) per episode; the tolerance is for the choice
/// between equally short paths, which is left open there, and for sampling.
#[test]
fn posterior_sampling_earns_what_is_published() {
    let trajectory = run(&tasks(5, 15, 4), &PosteriorSampling, 100_000);
    for (episode, wanted) in [0.50, 2.28, 3.83, 5.19].into_iter().enumerate() {
        let found = mean(&trajectory, Some(episode));
        let error = (found.mean() - wanted).abs();
        assert!(error < 0.07, "episode {episode}: {}", found.mean());
    }
}

/// In the same tasks, the optimal policy is ahead of every other, exhaustive
/// search of posterior sampling, and that of random moves.
#[test]
fn no_policy_exceeds_the_optimal_one() {
    let tasks = &published().1;
    let optimal = tasks.bayes_optimal_policy().unwrap();
    let of = |policy| returns(&run(tasks, policy, 60_000), None);
    let mut ahead = of(optimal.as_ref());
    let others: [&dyn PolicyFactory; 3] = [&ExhaustiveSearch, &PosteriorSampling, &Random];
    for policy in others {
        let behind = of(policy);
        let lead: Moments = ahead.iter().zip(&behind).map(|(a, b)| a - b).collect();
        let name = policy.name();
        assert!(
            lead.mean() > 3.0 * lead.standard_error(),
            "{name}: {lead:?}"
        );
        ahead = behind;
    }
}

/// On 3 by 3 cells: the nearest cells that may be the goal, of equally near
/// ones the lowest row first, then the nearest from there.
#[test]
fn exhaustive_search_by_hand() {
    let tasks = tasks(3, 6, 1);
    let trajectory = run(&tasks, &ExhaustiveSearch, 200);
    // Right twice along the bottom, up the right side, left along the top.
    let path = [2, 2, 1, 1, 4, 4];
    for lane in 0..200 {
        let mut found = false;
        for (step, action) in path.into_iter().enumerate() {
            let wanted = if found { 0 } else { action };
            assert_eq!(discrete(&trajectory)[step * 200 + lane], wanted);
            found |= trajectory.rewards()[step * 200 + lane] == 1.0;
        }
        assert!(found);
    }
}

/// Everything a lane knew is gone when its trial starts, and other lanes do
/// not matter.
#[test]
fn policies_forget_and_keep_lanes_apart() {
    let tasks = tasks(4, 5, 2);
    let optimal = tasks.bayes_optimal_policy().unwrap();
    for policy in [
        &PosteriorSampling as &dyn PolicyFactory,
        &ExhaustiveSearch,
        optimal.as_ref(),
    ] {
        let whole = run(&tasks, policy, 6);
        for lane in 0..6 {
            let alone = alone(&tasks, policy, lane as u64);
            let together = discrete(&whole).iter().skip(lane).step_by(6);
            assert!(discrete(&alone).iter().eq(together), "{}", policy.name());
        }
    }
}

#[test]
fn policies_refuse_other_environments() {
    let grid = tasks(5, 4, 2);
    let mut other = grid.spec().clone();
    other.name = "maze".into();
    let optimal = grid.bayes_optimal_policy().unwrap();
    for policy in [
        &PosteriorSampling as &dyn PolicyFactory,
        &ExhaustiveSearch,
        optimal.as_ref(),
    ] {
        let error = policy.make(&other, 1).err().unwrap();
        assert!(
            error.contains("'maze'") && error.contains("'gridnavi'"),
            "{error}"
        );
    }
    let error = optimal.make(tasks(5, 4, 3).spec(), 1).err().unwrap();
    assert!(error.contains("cannot act"), "{error}");
}

#[test]
fn sizes_out_of_range_are_refused() {
    let refusal = |size, horizon, episodes| {
        let error = GridNavi::new(size, horizon, episodes).unwrap_err();
        error.to_string()
    };
    for (error, parts) in [
        (refusal(2, 15, 4), ["size = 2", "3 to 1000"]),
        (refusal(5, 0, 4), ["horizon = 0", "1 to 1000000"]),
        (refusal(5, 15, 4_001), ["episodes = 4001", "1 to 4000"]),
        (
            refusal(usize::MAX, 15, 4),
            ["size = 18446744073709551615", "3 to 1000"],
        ),
    ] {
        assert!(error.contains("'gridnavi'"), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    assert!(tasks(1_000, 1_000_000, 4_000).make(1).lanes() == 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any sizes give a value or an error, and every value is below the
    /// known-task optimum and above the random one.
    #[test]
    fn any_sizes_give_values_or_errors(
        size in prop_oneof![0..6_usize, any::<usize>()],
        horizon in prop_oneof![0..9_usize, 0..2_000_000_usize, any::<usize>()],
        episodes in prop_oneof![0..3_usize, any::<usize>()],
    ) {
        let Ok(grid) = GridNavi::new(size, horizon, episodes) else { return Ok(()) };
        let spec = grid.spec();
        prop_assert!(spec.validate().is_ok());
        if size > 5 || horizon > 20 || episodes > 3 {
            return Ok(());
        }
        let values = grid.exact_values();
        let [random, best, known] =
            [values.random, values.bayes_optimal, values.known_task_optimum].map(|v| v.get());
        let (random, known) = (random.unwrap(), known.unwrap());
        if let Some(best) = best {
            prop_assert!(random <= best + 1e-9 && best <= known + 1e-9);
        }
    }
}
