//! Samples and advantages against a hand-made trajectory.

use super::*;
use crate::value::{ValueModel, ValueWork};
use kernels::mlp::{Activation, Head, Mlp};
use rl_core::{EnvSpec, ObservationSpace, Trial};

fn spec() -> EnvSpec {
    EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Vector { size: 1 },
        action: ActionSpace::Discrete { size: 2 },
        horizon: 2,
        trial: Trial::Episodes(2),
    }
}

/// Two lanes of two episodes of up to 2 steps: lane 0 takes all of them, lane 1
/// terminates each episode at its first step and begins another trial.
fn trajectory() -> Trajectory {
    trajectory_of(1.0)
}

/// Likewise with all rewards multiplied by a number.
fn trajectory_of(unit: f32) -> Trajectory {
    use Outcome::{Continue, Terminated, Truncated};
    let mut trajectory = Trajectory::new(&spec(), 2, 4);
    trajectory.begin().copy_from_slice(&[0.5, 0.25]);
    let rows = [
        ([1.0, 10.0], [Continue, Terminated], [false, false]),
        ([2.0, 20.0], [Truncated, Terminated], [false, true]),
        ([3.0, 30.0], [Continue, Continue], [false, false]),
        ([4.0, 40.0], [Truncated, Truncated], [true, false]),
    ];
    for (t, (reward, outcome, start)) in rows.into_iter().enumerate() {
        let (_, out) = trajectory.acting(t);
        out.log_prob.copy_from_slice(&[-0.1 * (t + 1) as f32, -1.0]);
        let actions = out.action.discrete().unwrap();
        actions.copy_from_slice(&[t as u32 % 2, 1]);
        let (_, rows) = trajectory.stepping(t);
        let seen = (t + 1) as f32;
        rows.observation.copy_from_slice(&[seen, -seen]);
        rows.final_observation.copy_from_slice(&[7.0, 7.0]);
        rows.reward.copy_from_slice(&reward.map(|r| unit * r));
        rows.outcome.copy_from_slice(&outcome);
        rows.start.copy_from_slice(&start);
        trajectory.stepped(t);
    }
    trajectory
}

fn credits() -> Credits {
    Credits {
        gae: Gae {
            gamma: 0.5,
            lambda: 0.5,
        },
        bootstrap: false,
        normalize: false,
    }
}

fn filled(credits: &Credits, values: Values<'_>) -> (Rollout, Samples<f32>) {
    let mut rollout = Rollout::default();
    let mut samples = Samples::empty(&spec().action);
    let encoding = Encoding::new(&spec());
    rollout.fill(&trajectory(), (&encoding, credits), values, &mut samples);
    (rollout, samples)
}

#[test]
fn samples_are_the_first_trials_in_order() {
    let (rollout, samples) = filled(&credits(), Values::Zero);
    assert_eq!(samples.observations, [0.5, 1.0, 2.0, 3.0, 0.25, -1.0]);
    assert_eq!(samples.actions, ActionRows::Index(vec![0, 1, 0, 1, 1, 1]));
    assert_eq!(samples.log_probs, [-0.1, -0.2, -0.3, -0.4, -1.0, -1.0]);
    assert_eq!(samples.episodes, [0..2, 2..4, 4..5, 5..6]);
    assert_eq!(rollout.steps, [0, 1, 0, 1, 0, 0], "time begins anew");
    assert_eq!(rollout.mean_return, (10.0 + 30.0) / 2.0);
    // Episodes earn 1 + ½ 2, 3 + ½ 4, 10 and 20, over six samples.
    assert!((rollout.earned - 37.0 / 6.0).abs() < 1e-12);
}

#[test]
fn credit_ends_with_the_episode() {
    let (rollout, samples) = filled(&credits(), Values::Zero);
    // δ of the step plus ¼ of what follows in the episode.
    assert_eq!(samples.advantages, [1.5, 2.0, 4.0, 4.0, 10.0, 20.0]);
    assert_eq!(rollout.targets, samples.advantages, "values are 0");
    assert_eq!(rollout.deviation, 1.0);
}

#[test]
fn normalized_advantages_have_no_mean_and_unit_deviation() {
    let normalize = Credits {
        normalize: true,
        ..credits()
    };
    let (rollout, samples) = filled(&normalize, Values::Zero);
    // Of 1.5, 2, 4, 4, 10, 20 the mean is 41.5 / 6, the deviation 6.5479…
    let deviation = (538.25_f64 / 6.0 - (41.5_f64 / 6.0).powi(2)).sqrt();
    assert!((rollout.deviation - deviation).abs() < 1e-6);
    for (a, raw) in samples
        .advantages
        .iter()
        .zip([1.5, 2.0, 4.0, 4.0, 10.0, 20.0])
    {
        assert!((f64::from(*a) - (raw - 41.5 / 6.0) / deviation).abs() < 1e-6);
    }
    assert_eq!(rollout.targets, [1.5, 2.0, 4.0, 4.0, 10.0, 20.0], "are not");
}

#[test]
fn a_network_values_observation_and_time_and_stands_for_what_was_cut_off() {
    // V(o, t) = 2 o + 3 t / 2 + 1.
    let model = ValueModel {
        network: Mlp::new(2, &[], 1, Activation::Tanh, Head::None).unwrap(),
        params: vec![2.0, 3.0, 1.0],
        horizon: 2.0,
    };
    let advantages = |bootstrap| {
        let mut work = ValueWork::default();
        let credits = Credits {
            bootstrap,
            ..credits()
        };
        let view = ValueView {
            model: &model,
            work: &mut work,
        };
        filled(&credits, Values::Network(view))
    };
    // V is 2, 4.5, 5, 8.5 in lane 0 and 1.5, −1 in lane 1; of the final
    // observation 7 at time 2 it is 18.
    let (_, cut) = advantages(false);
    let last = [2.0 - 4.5, 4.0 - 8.5];
    assert_eq!(cut.advantages[1], last[0]);
    assert_eq!(cut.advantages[0], 1.0 + 2.25 - 2.0 + 0.25 * last[0]);
    assert_eq!(cut.advantages[3], last[1]);
    assert_eq!(cut.advantages[4..], [8.5, 21.0], "terminated");
    let (rollout, whole) = advantages(true);
    assert_eq!(whole.advantages[1], last[0] + 9.0);
    assert_eq!(whole.advantages[3], last[1] + 9.0);
    assert_eq!(whole.advantages[4..], [8.5, 21.0], "terminated");
    assert_eq!(rollout.targets[1], 2.0 + 9.0);
}

#[test]
fn the_linear_baseline_is_fitted_to_the_rollout() {
    let mut baseline = LinearBaseline::new(1, true, 1e-12);
    let (_, samples) = filled(&credits(), Values::Linear(&mut baseline));
    // Six samples, six features: the fit leaves next to nothing.
    let mut expected = [2.0, 2.0, 5.0, 4.0, 10.0, 20.0];
    let values: Vec<f64> = (samples.observations.iter().zip([0, 1, 0, 1, 0, 0]))
        .map(|(o, step)| baseline.value(&[*o], step))
        .collect();
    let squares = |values: &[f64], expected: &[f64]| -> f64 {
        values
            .iter()
            .zip(expected)
            .map(|(v, e)| (v - e).powi(2))
            .sum()
    };
    let fitted = squares(&values, &expected);
    assert!(fitted < 100.0, "{values:?}");
    // Least squares: shifting any target changes the fit towards it.
    expected[5] += 1.0;
    assert!(squares(&values, &expected) > fitted);
}

#[test]
fn small_advantages_are_normalized_like_large_ones() {
    let normalized = |scale: f32| {
        let trajectory = trajectory_of(scale);
        let credits = Credits {
            normalize: true,
            ..credits()
        };
        let encoding = Encoding::new(&spec());
        let (mut rollout, mut samples) = (Rollout::default(), Samples::empty(&spec().action));
        rollout.fill(
            &trajectory,
            (&encoding, &credits),
            Values::Zero,
            &mut samples,
        );
        samples.advantages
    };
    let large = normalized(1.0);
    for scale in [1e-8, 1e-12, 1e-30, 1e12] {
        for (a, b) in normalized(scale).iter().zip(&large) {
            assert!((a - b).abs() < 1e-5, "{scale}: {a} and {b}");
        }
    }
}

/// Rewards of 1 in an environment without end, of which each episode shows 100
/// steps: the value is 1 / (1 − γ) everywhere, so that no action is better.
#[test]
fn what_the_time_limit_cuts_off_is_part_of_the_linear_baseline() {
    let spec = EnvSpec {
        horizon: 100,
        trial: Trial::Episodes(1),
        ..spec()
    };
    let lanes = 3;
    let mut trajectory = Trajectory::new(&spec, lanes, 100);
    let seen = |t: usize, lane: usize| ((7 * t + 3 * lane) % 11) as f32 / 5.0 - 1.0;
    let row = |t: usize| -> Vec<f32> { (0..lanes).map(|lane| seen(t, lane)).collect() };
    trajectory.begin().copy_from_slice(&row(0));
    for t in 0..100 {
        let (_, out) = trajectory.acting(t);
        out.log_prob.fill(-1.0);
        out.action.discrete().unwrap().fill(0);
        let (_, rows) = trajectory.stepping(t);
        rows.observation.copy_from_slice(&row(t + 1));
        rows.final_observation.copy_from_slice(&row(t + 1));
        rows.reward.fill(1.0);
        let last = t == 99;
        let outcome = if last {
            Outcome::Truncated
        } else {
            Outcome::Continue
        };
        rows.outcome.fill(outcome);
        rows.start.fill(last);
        trajectory.stepped(t);
    }
    let credits = Credits {
        gae: Gae {
            gamma: 0.99,
            lambda: 0.9,
        },
        bootstrap: true,
        normalize: false,
    };
    let mut baseline = LinearBaseline::timeless(1, true, 1e-5);
    let (mut rollout, mut samples) = (Rollout::default(), Samples::empty(&spec.action));
    let (encoding, values) = (Encoding::new(&spec), Values::Linear(&mut baseline));
    rollout.fill(&trajectory, (&encoding, &credits), values, &mut samples);
    for target in &rollout.targets {
        assert!((target - 100.0).abs() < 1e-3, "{target}");
    }
    assert!((baseline.value(&[0.3], 100) - 100.0).abs() < 1e-3);
    assert_eq!(
        samples.advantages, [0.0; 300],
        "all that is left is rounding"
    );
}

/// Two episodes of one step, paid 1 each and cut off, after which is seen what is
/// given; by values V(o, t) = 2 o.
fn cut_off_at(last: [f32; 2], credits: &Credits) -> Vec<f32> {
    let spec = EnvSpec {
        horizon: 1,
        trial: Trial::Episodes(1),
        ..spec()
    };
    let mut trajectory = Trajectory::new(&spec, 2, 1);
    trajectory.begin().fill(0.5);
    let (_, out) = trajectory.acting(0);
    out.log_prob.fill(-1.0);
    out.action.discrete().unwrap().fill(0);
    let (_, rows) = trajectory.stepping(0);
    rows.observation.fill(0.5);
    rows.final_observation.copy_from_slice(&last);
    rows.reward.fill(1.0);
    rows.outcome.fill(Outcome::Truncated);
    rows.start.fill(true);
    trajectory.stepped(0);
    let model = ValueModel {
        network: Mlp::new(2, &[], 1, Activation::Tanh, Head::None).unwrap(),
        params: vec![2.0, 0.0, 0.0],
        horizon: 1.0,
    };
    let mut work = ValueWork::default();
    let values = Values::Network(ValueView {
        model: &model,
        work: &mut work,
    });
    let (mut rollout, mut samples) = (Rollout::default(), Samples::empty(&spec.action));
    let encoding = Encoding::new(&spec);
    rollout.fill(&trajectory, (&encoding, credits), values, &mut samples);
    samples.advantages
}

#[test]
fn what_a_network_says_of_the_cut_off_is_part_of_the_last_reward() {
    let bootstrapped = Credits {
        bootstrap: true,
        ..credits()
    };
    // 1 + ½ · 2 o − 2 · ½.
    assert_eq!(cut_off_at([3.0, 7.0], &bootstrapped), [3.0, 7.0]);
    assert_eq!(cut_off_at([3.0, 3.0], &bootstrapped), [0.0, 0.0]);
    assert_eq!(cut_off_at([3.0, 7.0], &credits()), [0.0, 0.0]);
    let normalized = Credits {
        normalize: true,
        ..bootstrapped
    };
    assert_eq!(cut_off_at([3.0, 7.0], &normalized), [-1.0, 1.0]);
}
