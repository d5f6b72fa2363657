//! What is told of a trial's arms.

use crate::common::KEY;
use bandits::{BernoulliBandit, GaussianBandit, Means};
use rl_core::{ActionSpace, Actions, EnvFactory, Outcome, Random, Rollout, Row, Tasks, Telling};
use std::sync::Arc;

/// Of every row: the posterior's mean and deviation of each arm, by the pulls and
/// rewards before it. `mean` and `deviation` are given pulls and their sum, `beside` what else is
/// told, and mean and deviation of each arm.
fn check(
    env: Arc<dyn EnvFactory>,
    mean: impl Fn(f64, f64) -> f64,
    deviation: impl Fn(f64, f64) -> f64,
    beside: impl Fn(&[f32], &[[f64; 2]]),
) {
    const LANES: usize = 3;
    let statistics = env.statistics().unwrap();
    let told = Telling::new(env, vec![statistics]);
    // Two trials one after the other: nothing is remembered of the first.
    let steps = 2 * told.spec().trial_steps();
    let mut rollout = Rollout::new(told.make(LANES), steps);
    rollout.begin(&KEY, 0);
    rollout.play(&mut Random::policy(told.spec()));
    let trajectory = rollout.into_trajectory();
    let ActionSpace::Discrete { size: arms } = told.spec().action else {
        panic!("arms are discrete")
    };
    for lane in 0..LANES {
        let mut seen = vec![(0.0, 0.0); arms];
        for t in 0..steps {
            let row = trajectory.row(t);
            match (row.start[lane], row.previous_action) {
                (true, _) => seen.fill((0.0, 0.0)),
                (false, Actions::Discrete(actions)) => {
                    let arm = &mut seen[actions[lane] as usize];
                    *arm = (arm.0 + 1.0, arm.1 + f64::from(row.previous_reward[lane]));
                }
                _ => panic!("arms are discrete"),
            }
            let (each, others) =
                row.told[lane * told.told()..(lane + 1) * told.told()].split_at(2 * arms);
            let wanted: Vec<_> = seen
                .iter()
                .map(|(n, sum)| [mean(*n, *sum), deviation(*n, *sum)])
                .collect();
            for (told, wanted) in each.iter().zip(wanted.as_flattened()) {
                assert!((f64::from(*told) - wanted).abs() < 1e-5, "{told}, {wanted}");
            }
            beside(others, &wanted);
        }
    }
}

/// Coins: the mean of Beta(1 + successes, 1 + failures), from −1 to 1.
#[test]
fn coins_are_told_by_their_posterior() {
    let env = Arc::new(Tasks::new(BernoulliBandit::new(4, 12).unwrap()).unwrap());
    check(
        env,
        |pulls, sum| 2.0 * (1.0 + sum) / (2.0 + pulls) - 1.0,
        |pulls, _| (2.0 / (2.0 + pulls)).sqrt(),
        |others, _| assert!(others.is_empty()),
    );
}

/// Gaussian arms: N(0, 1) means and noise of deviation σ have the posterior
/// N(Σ r / (σ² + n), σ² / (σ² + n)).
#[test]
fn gaussian_arms_are_told_by_their_posterior() {
    let env = Arc::new(Tasks::new(GaussianBandit::new(3, 12, 0.5).unwrap()).unwrap());
    check(
        env,
        |pulls, sum| sum / (0.25 + pulls),
        |pulls, _| (0.25 / (0.25 + pulls)).sqrt(),
        |others, arms| {
            let leads = (0..3).map(|arm| {
                let [mean, deviation] = arms[arm];
                let others = [arms[(arm + 1) % 3], arms[(arm + 2) % 3]];
                let [best, uncertain] = if others[0][0] >= others[1][0] {
                    others[0]
                } else {
                    others[1]
                };
                ((mean - best) / deviation.hypot(uncertain) / 4.0).clamp(-1.0, 1.0)
            });
            assert_eq!(others.len(), 3);
            for (told, wanted) in others.iter().zip(leads) {
                assert!((f64::from(*told) - wanted).abs() < 1e-4, "{told}, {wanted}");
            }
        },
    );
}

/// Of the lane's arms after one pull, by how much each leads.
fn leads_after(bandit: GaussianBandit, pulled: u32, reward: f32) -> Vec<f32> {
    let statistics = Tasks::new(bandit).unwrap().statistics().unwrap();
    let mut told = vec![0.0; statistics.size()];
    let mut lane = statistics.make(1);
    for (start, reward) in [(true, 0.0), (false, reward)] {
        let row = Row {
            lanes: 1,
            observation: &[],
            start: &[start],
            previous_action: Actions::Discrete(&[pulled]),
            previous_reward: &[reward],
            previous_outcome: &[Outcome::Continue],
            told: &[],
            final_observation: None,
        };
        lane.tell(&row, &mut told);
    }
    told.split_off(told.len() / 3 * 2)
}

/// Means of U[0, 1] have a deviation of 1/√12. What has no noise is certain after one pull, and
/// an arm alone leads.
#[test]
fn leads_are_in_deviations_of_their_prior() {
    let bandit = |arms, noise| {
        let bandit = GaussianBandit::new(arms, 12, noise).unwrap();
        bandit.with_means(Means::Uniform)
    };
    // The posterior of the pulled arm: 12 and 1 / 0.25 are precisions.
    let mean = (12.0 * 0.5 + 4.0 * 0.9) / 16.0;
    let lead = (mean - 0.5) / (1.0 / 16.0 + 1.0 / 12.0_f64).sqrt() / 4.0;
    for (told, wanted) in leads_after(bandit(2, 0.5), 1, 0.9)
        .iter()
        .zip([-lead, lead])
    {
        assert!((f64::from(*told) - wanted).abs() < 1e-6, "{told}, {wanted}");
    }
    let certain = (0.9 - 0.5) * 12_f32.sqrt() / 4.0;
    for (told, wanted) in leads_after(bandit(2, 0.0), 1, 0.9)
        .iter()
        .zip([-certain, certain])
    {
        assert!((told - wanted).abs() < 1e-6, "{told}, {wanted}");
    }
    assert_eq!(leads_after(bandit(1, 0.5), 0, 0.9), [1.0]);
    assert_eq!(leads_after(bandit(2, 0.1), 0, 90.0), [1.0, -1.0]);
}
