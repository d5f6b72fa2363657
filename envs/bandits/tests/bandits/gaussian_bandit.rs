//! Gaussian bandits.

use crate::common::{by_rule, description, mean, standard_errors, tasks_of};
use bandits::GaussianBandit;
use rl_core::rand::RngExt as _;
use rl_core::{EnvFactory as _, Exact, Moments, TaskDistribution, Tasks};

#[test]
fn means_are_standard_normal_and_rewards_lie_around_them() {
    let distribution = GaussianBandit::new(3, 30, 0.5).unwrap();
    let tasks = tasks_of(&distribution, 2000);
    let trajectory = by_rule(
        &Tasks::new(distribution.clone()).unwrap(),
        2000,
        |_, _, _| 1,
    );
    let (mut means, mut noise) = (Moments::default(), Moments::default());
    for (lane, task) in tasks.iter().enumerate() {
        let own = description(&distribution, task);
        means.extend(own.iter().map(|mean| f64::from(*mean)));
        for reward in trajectory.rewards().iter().skip(lane).step_by(2000) {
            noise.push(f64::from(reward - own[1]));
        }
        let best = own.iter().copied().fold(f32::MIN, f32::max);
        let optimum = distribution.known_task_optimum(task);
        assert_eq!(optimum, Some(30.0 * f64::from(best)));
    }
    assert!(standard_errors(&means, 0.0).abs() < 3.0);
    assert!((means.standard_deviation() - 1.0).abs() < 0.03);
    assert!(standard_errors(&noise, 0.0).abs() < 3.0);
    assert!((noise.standard_deviation() - 0.5).abs() < 0.01);
}

#[test]
fn exact_values() {
    let distribution = GaussianBandit::new(10, 100, 1.0).unwrap();
    let values = distribution.exact_values();
    let known = values.known_task_optimum.get().unwrap();
    assert!((known - 153.875_273_083_517_3).abs() < 1e-9);
    let sampled: Moments = tasks_of(&distribution, 10_000)
        .iter()
        .filter_map(|task| distribution.known_task_optimum(task))
        .collect();
    assert!(standard_errors(&sampled, known).abs() < 3.0);
    let tasks = Tasks::new(distribution).unwrap();
    let random = by_rule(&tasks, 5000, |_, _, rng| rng.random_range(0..10));
    assert!(standard_errors(&mean(&random), values.random.get().unwrap()).abs() < 3.0);
    let Exact::Unknown { why } = values.bayes_optimal else {
        panic!("the posterior of real numbers is out of reach");
    };
    assert!(why.contains("dynamic programming"), "{why}");
    assert!(tasks.bayes_optimal_policy().is_err());
    for (arms, pulls) in [(1, 100), (10, 1)] {
        let values = GaussianBandit::new(arms, pulls, 1.0)
            .unwrap()
            .exact_values();
        assert_eq!(values.bayes_optimal.get(), Some(0.0));
    }
}
