//! An arm that tells where the best one is.

use crate::common::{
    actions, assert_earns_its_value, by_rule, description, mean, run, standard_errors, tasks_of,
};
use bandits::InformativeArm;
use rl_core::rand::RngExt as _;
use rl_core::{EnvFactory as _, TaskDistribution, Tasks};

fn tasks(arms: usize, pulls: usize) -> Tasks<InformativeArm> {
    Tasks::new(InformativeArm::new(arms, pulls).unwrap()).unwrap()
}

#[test]
fn the_last_arm_tells_the_target() {
    let distribution = InformativeArm::new(11, 11).unwrap();
    let trajectory = by_rule(&tasks(11, 11), 300, |t, _, _| t as u32);
    let mut seen = [0; 10];
    for (lane, task) in tasks_of(&distribution, 300).iter().enumerate() {
        let pays: Vec<f32> = trajectory
            .rewards()
            .iter()
            .skip(lane)
            .step_by(300)
            .copied()
            .collect();
        assert_eq!(pays, description(&distribution, task));
        let target = pays[..10].iter().position(|reward| *reward == 5.0).unwrap();
        seen[target] += 1;
        assert_eq!(
            pays[..10].iter().filter(|reward| **reward == 1.0).count(),
            9
        );
        assert_eq!(pays[10], (target + 1) as f32 / 10.0);
        assert_eq!(distribution.known_task_optimum(task), Some(55.0));
    }
    // 30 each, with a standard deviation of 5.2.
    assert!(
        seen.iter().all(|count| (10..=50).contains(count)),
        "{seen:?}"
    );
}

#[test]
fn exact_values() {
    let tasks = tasks(11, 5);
    let values = tasks.exact_values();
    let best = values.bayes_optimal.get().unwrap();
    assert!((best - 20.55).abs() < 1e-12);
    assert_eq!(values.known_task_optimum.get(), Some(25.0));
    let random = values.random.get().unwrap();
    assert!((random - 5.0 * 14.55 / 11.0).abs() < 1e-12);
    let sampled = by_rule(&tasks, 20_000, |_, _, rng| rng.random_range(0..11));
    assert!(standard_errors(&mean(&sampled), random).abs() < 3.0);
}

#[test]
fn the_optimal_policy_earns_the_optimal_value_and_guessing_less() {
    for (arms, pulls) in [(11, 5), (11, 1), (11, 2), (4, 3), (3, 4), (2, 2), (51, 9)] {
        assert_earns_its_value(&tasks(arms, pulls), 20_000);
    }
    let tasks = tasks(11, 5);
    let guess = by_rule(&tasks, 20_000, |t, before, _| match before {
        Some((arm, 5.0)) => arm,
        _ => t as u32,
    });
    assert!(standard_errors(&mean(&guess), 20.55) < -10.0);
    let policy = tasks.bayes_optimal_policy().unwrap();
    let trajectory = run(&tasks, policy.as_ref(), 30);
    assert!(actions(&trajectory)[..30].iter().all(|arm| *arm == 10));
    assert!(
        trajectory.rewards()[30..]
            .iter()
            .all(|reward| *reward == 5.0)
    );
}
