//! Learners that draw what they do.

use crate::common::{assert_share, make, share, spec, streams};
use rl_core::{ActRow, ActionSpace, Actions, ActionsMut, Moments, Outcome, Row};

#[test]
fn random_is_uniform_over_actions() {
    for arm in 0..4 {
        assert_share(
            share(make("random", &[]).as_ref(), 4, &[(2, 1.0)], arm),
            0.25,
        );
    }
}

#[test]
fn random_is_uniform_over_a_box() {
    let lanes = 10_000;
    let space = ActionSpace::Box {
        low: vec![-1.0, 2.0],
        high: vec![1.0, 6.0],
    };
    let mut policy = make("random", &[]).make(&spec(space), lanes).unwrap();
    let mut actions = vec![f32::NAN; 2 * lanes];
    let row = Row {
        lanes,
        observation: &[],
        start: &vec![true; lanes],
        previous_action: Actions::Box {
            width: 2,
            row: &vec![0.0; 2 * lanes],
        },
        previous_reward: &vec![0.0; lanes],
        previous_outcome: &vec![Outcome::Continue; lanes],
        told: &[],
        final_observation: None,
    };
    let out = ActRow {
        action: ActionsMut::Box {
            width: 2,
            row: &mut actions,
        },
        log_prob: &mut vec![0.0; lanes],
        value: &mut vec![0.0; lanes],
        label: &mut [],
    };
    policy.act(&row, &mut streams(lanes), out);
    for (coordinate, low, high) in [(0, -1.0, 1.0), (1, 2.0, 6.0)] {
        let numbers = actions.iter().skip(coordinate).step_by(2);
        let numbers: Vec<f64> = numbers.map(|number| f64::from(*number)).collect();
        assert!(numbers.iter().all(|number| (low..=high).contains(number)));
        let moments: Moments = numbers.into_iter().collect();
        let (mean, deviation) = ((low + high) / 2.0, (high - low) / f64::sqrt(12.0));
        assert!((moments.mean() - mean).abs() < 3.0 * moments.standard_error());
        assert!((moments.standard_deviation() / deviation - 1.0).abs() < 0.02);
    }
}

#[test]
fn epsilon_greedy_explores_with_probability_epsilon() {
    let explorer = make("epsilon-greedy", &[("epsilon", 0.3)]);
    for (arm, wanted) in [(0, 0.1), (1, 0.8), (2, 0.1)] {
        assert_share(share(explorer.as_ref(), 3, &[(1, 1.0)], arm), wanted);
    }
}

#[test]
fn thompson_samples_the_posterior() {
    let thompson = make("thompson", &[]);
    // P(Beta(2, 1) > Beta(1, 2)) = 5/6; P(Beta(2, 1) > U) = 2/3.
    let both = [(0, 1.0), (1, 0.0)];
    assert_share(share(thompson.as_ref(), 2, &both, 0), 5.0 / 6.0);
    assert_share(share(thompson.as_ref(), 2, &[], 1), 1.0 / 2.0);
    // A reward of 1/4 is a success one time in four; beyond [0, 1] counts the
    // nearer end, and what is no number counts as a failure.
    for (reward, wanted) in [
        (1.0, 2.0 / 3.0),
        (0.25, 5.0 / 12.0),
        (7.0, 2.0 / 3.0),
        (-3.0, 1.0 / 3.0),
        (f32::NAN, 1.0 / 3.0),
    ] {
        assert_share(share(thompson.as_ref(), 2, &[(0, reward)], 0), wanted);
    }
}

/// After one success the first arm's density is 2x, so the densest of k draws
/// is that of its highest draw, with the expectation 2k / (2k + 1): how often
/// it beats the other arm's, which is uniform.
#[test]
fn the_densest_draw_is_kept() {
    for (samples, wanted) in [(1.0, 2.0 / 3.0), (5.0, 10.0 / 11.0), (20.0, 40.0 / 41.0)] {
        let learner = make("ots", &[("samples", samples)]);
        assert_share(share(learner.as_ref(), 2, &[(0, 1.0)], 0), wanted);
    }
}

/// After one success max(x, 2/3) with the density 2x meets max(u, 1/2): the
/// other arm wins with 4/9 · 1/3 + ∫ (1 − x) 2x dx from 2/3 to 1 = 19/81.
#[test]
fn optimism_counts_draws_below_the_mean_as_the_mean() {
    let learner = make("optimistic-thompson", &[]);
    assert_share(share(learner.as_ref(), 2, &[(0, 1.0)], 0), 62.0 / 81.0);
}

/// After a reward of 1 N(1/2, 1/2) against N(0, 1) wins with Φ(0.4082); with
/// half the noise N(4/5, 1/5) wins with Φ(0.7303).
#[test]
fn gaussian_thompson_samples_the_posterior() {
    for (noise, wanted) in [(1.0, 0.6585), (0.5, 0.7674)] {
        let learner = make("thompson-gaussian", &[("noise", noise)]);
        assert_share(share(learner.as_ref(), 2, &[(0, 1.0)], 0), wanted);
    }
}

/// After a reward of 1 the first mean is 1/2 + √(5/12) times Student's t of 3
/// degrees of freedom, the second t of 2 degrees: it wins with 0.6279, by
/// numerical integration.
#[test]
fn normal_gamma_thompson_samples_the_posterior() {
    let learner = make("thompson-normal-gamma", &[]);
    assert_share(share(learner.as_ref(), 2, &[(0, 1.0)], 0), 0.6279);
}
