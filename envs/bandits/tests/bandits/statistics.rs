//! What is told of a trial's arms.

use crate::common::KEY;
use bandits::{BernoulliBandit, GaussianBandit};
use rl_core::{Actions, EnvFactory, Random, Rollout, Tasks, Telling};
use std::sync::Arc;

/// Of every row: the posterior's mean and deviation of each arm, by the pulls and
/// rewards before it. `mean` and `deviation` are given pulls and their sum.
fn check(
    env: Arc<dyn EnvFactory>,
    mean: impl Fn(f64, f64) -> f64,
    deviation: impl Fn(f64, f64) -> f64,
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
    let arms = told.told() / 2;
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
            let told = &row.told[lane * 2 * arms..(lane + 1) * 2 * arms];
            for (told, (pulls, sum)) in told.chunks_exact(2).zip(&seen) {
                let wanted = [mean(*pulls, *sum), deviation(*pulls, *sum)];
                for (told, wanted) in told.iter().zip(wanted) {
                    assert!((f64::from(*told) - wanted).abs() < 1e-5, "{told}, {wanted}");
                }
            }
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
    );
}
