//! Duan's distribution of random MDPs.

use crate::common::KEY;
use mdps::{DirichletMdp, DirichletMdpSettings, Mdp, Noise};
use rl_core::{Exact, Moments, Purpose, TaskDistribution, Tasks};

fn settings(states: usize, actions: usize) -> DirichletMdpSettings {
    DirichletMdpSettings {
        states,
        actions,
        horizon: 10,
        episodes: 1,
    }
}

/// Every probability is Beta(1, S − 1), every pair of a row has the covariance
/// of a flat Dirichlet, and every mean reward is N(1, 1).
#[test]
fn tasks_have_the_moments_of_their_distribution() {
    let distribution = DirichletMdp::new(settings(4, 2)).unwrap();
    let mut rng = KEY.lane(Purpose::Task, 0);
    let mut task = Mdp::default();
    let (mut first, mut last, mut product) = <(Moments, Moments, Moments)>::default();
    let (mut tail, mut reward) = <(Moments, Moments)>::default();
    for _ in 0..20_000 {
        distribution.sample(&mut task, &mut rng);
        let row = task.model().row(2, 1);
        first.push(row[0]);
        last.push(row[3]);
        product.push(row[0] * row[3]);
        tail.push(f64::from(u8::from(row[1] > 0.5)));
        reward.push(task.model().mean_reward[5]);
    }
    let close = |moments: &Moments, wanted: f64| {
        let error = (moments.mean() - wanted) / moments.standard_error();
        assert!(error.abs() < 3.0, "{error} standard errors from {wanted}");
    };
    close(&first, 0.25);
    close(&last, 0.25);
    // Var = (S − 1) / (S² (S + 1)); E[p q] = 1 / (S (S + 1)); P(p > x) = (1 − x)^(S − 1).
    assert!((first.standard_deviation() - f64::sqrt(3.0 / 80.0)).abs() < 0.003);
    close(&product, 1.0 / 20.0);
    close(&tail, 0.125);
    close(&reward, 1.0);
    assert!((reward.standard_deviation() - 1.0).abs() < 0.02);
    let model = task.model();
    assert_eq!(model.validate(), Ok(()));
    assert_eq!(model.start, [1.0, 0.0, 0.0, 0.0]);
    let unit = Noise::Gaussian {
        standard_deviation: 1.0,
    };
    assert_eq!(model.noise, unit);
    assert!(model.terminal.iter().all(|terminal| !terminal));
}

/// Per episode of 10 steps in 10 states with 5 actions, who knows the task
/// earns 21.83 ± 0.02 on average.
#[test]
fn the_known_task_optimum_is_the_published_one() {
    let values = DirichletMdp::new(settings(10, 5)).unwrap().exact_values();
    let Exact::Estimated {
        value,
        standard_error,
        ..
    } = values.known_task_optimum
    else {
        panic!("a small size has a value");
    };
    assert!(standard_error < 0.02, "{standard_error}");
    let error = standard_error.hypot(0.02);
    assert!(
        (value - 21.83).abs() < 3.0 * error,
        "{value} ± {standard_error}"
    );
    assert_eq!(values.random.get(), Some(10.0));
    assert!(values.bayes_optimal.get().is_none());
}

#[test]
fn one_state_is_a_bandit() {
    // The best of two N(1, 1) means is 1 + 1/√π on average.
    let values = DirichletMdp::new(settings(1, 2)).unwrap().exact_values();
    let Exact::Estimated {
        value,
        standard_error,
        ..
    } = values.known_task_optimum
    else {
        panic!("a small size has a value");
    };
    let wanted = 10.0 * (1.0 + 1.0 / std::f64::consts::PI.sqrt());
    assert!((value - wanted).abs() < 3.0 * standard_error, "{value}");
}

#[test]
fn sizes_out_of_range_are_refused() {
    let error = |change: &dyn Fn(&mut DirichletMdpSettings)| {
        let mut settings = settings(10, 5);
        change(&mut settings);
        DirichletMdp::new(settings).unwrap_err().to_string()
    };
    assert_eq!(
        error(&|s| s.states = 0),
        "environment 'dirichlet-mdp': states = 0; allowed: a whole number, 1 to 1000"
    );
    assert_eq!(
        error(&|s| (s.states, s.actions) = (500, 5)),
        "environment 'dirichlet-mdp': states² × actions = 500² × 5; allowed: at most 1000000 \
         transition probabilities"
    );
    assert!(error(&|s| s.actions = usize::MAX).contains("actions = 18446744073709551615"));
    assert!(error(&|s| s.horizon = 0).contains("horizon = 0"));
    assert!(error(&|s| s.episodes = 2_000_000).contains("episodes = 2000000"));
    let product = error(&|s| (s.horizon, s.episodes) = (1_000_000, 1_000_000));
    assert!(
        product.contains("at most 4294967295 steps per trial"),
        "{product}"
    );
}

/// What is too long to solve is said so, at once.
#[test]
fn sizes_out_of_reach_have_no_known_task_optimum() {
    let large = DirichletMdpSettings {
        horizon: 1_000_000,
        ..settings(10, 5)
    };
    let large = DirichletMdp::new(large).unwrap();
    let mut task = Mdp::default();
    large.sample(&mut task, &mut KEY.lane(Purpose::Task, 0));
    assert_eq!(large.known_task_optimum(&task), None);
    let Exact::Unknown { why } = large.exact_values().known_task_optimum else {
        panic!("out of reach");
    };
    assert!(why.contains("about 0.25 seconds for one task"), "{why}");
    assert!(Tasks::new(large).is_ok());
}
