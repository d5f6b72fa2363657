//! An adversary that switches the best arm.

use crate::common::{by_rule, description, mean, returns, standard_errors, tasks_of};
use bandits::{AdversarialBandit, AdversarialSettings};
use rl_core::rand::RngExt as _;
use rl_core::{EnvFactory as _, Environment as _, Exact, Moments, Purpose};
use rl_core::{TaskDistribution, Tasks};

const SETTINGS: AdversarialSettings = AdversarialSettings {
    arms: 4,
    pulls: 60,
    segments: 5,
    gap: 0.3,
};

fn tasks(settings: AdversarialSettings) -> Tasks<AdversarialBandit> {
    Tasks::new(AdversarialBandit::new(settings).unwrap()).unwrap()
}

/// Rewards are those of the task, whatever was pulled before; the best arm of
/// a segment, and no other, pays the gap more.
#[test]
fn rewards_are_fixed_before_the_trial() {
    let env = tasks(SETTINGS);
    let lanes = 50;
    let fixed: Vec<_> = (0..4)
        .map(|arm| by_rule(&env, lanes, |_, _, _| arm))
        .collect();
    let mixed = by_rule(&env, lanes, |_, _, rng| rng.random_range(0..4));
    let distribution = AdversarialBandit::new(SETTINGS).unwrap();
    for (lane, task) in tasks_of(&distribution, lanes).iter().enumerate() {
        let segments = description(&distribution, task);
        let mut fixed_returns = [0.0; 4];
        let mut known = 0.0;
        for pull in 0..60 {
            let index = pull * lanes + lane;
            let pays: Vec<f32> = fixed.iter().map(|arm| arm.rewards()[index]).collect();
            let share = (pull as f32 + 0.5) / 60.0;
            let segment = segments
                .chunks_exact(2)
                .find(|segment| share < segment[0])
                .unwrap();
            let best = segment[1] as usize;
            for arm in 0..4 {
                let gap = if arm == best { 0.0 } else { 0.3 };
                assert!((pays[best] - pays[arm] - gap).abs() < 1e-6);
                assert!((0.0..=1.0).contains(&pays[arm]));
                fixed_returns[arm] += f64::from(pays[arm]);
            }
            let arm = crate::common::actions(&mixed)[index] as usize;
            assert_eq!(mixed.rewards()[index], pays[arm]);
            known += f64::from(pays[best]);
        }
        let optimum = distribution.known_task_optimum(task).unwrap();
        assert!((optimum - known).abs() < 1e-4, "{optimum}, {known}");
        let best = fixed_returns.into_iter().fold(0.0, f64::max);
        assert!((task.best_fixed_arm() - best).abs() < 1e-4);
    }
}

/// Segments are not empty, their number is as set, the best arm changes at
/// every switch, and switches are everywhere equally often.
#[test]
fn segments_are_cut_uniformly() {
    let distribution = AdversarialBandit::new(SETTINGS).unwrap();
    let mut switches = [0; 60];
    let mut bests = [0; 4];
    for task in tasks_of(&distribution, 6000) {
        let segments = description(&distribution, &task);
        let ends: Vec<usize> = segments
            .iter()
            .step_by(2)
            .map(|end| (60.0 * end).round() as usize)
            .collect();
        assert!(ends.windows(2).all(|pair| pair[0] < pair[1]), "{ends:?}");
        assert!(ends[0] > 0 && ends[4] == 60 && ends.len() == 5);
        ends[..4].iter().for_each(|end| switches[*end] += 1);
        let best: Vec<usize> = segments
            .iter()
            .skip(1)
            .step_by(2)
            .map(|arm| *arm as usize)
            .collect();
        assert!(best.windows(2).all(|pair| pair[0] != pair[1]));
        best.iter().for_each(|arm| bests[*arm] += 1);
    }
    // 6000 · 4/59 switches at each of 59 places: 407, with a deviation of 19.5.
    let even = |count: &i32| (407 - 90..=407 + 90).contains(count);
    assert!(
        switches[0] == 0 && switches[1..].iter().all(even),
        "{switches:?}"
    );
    // 7500 each.
    assert!(
        bests.iter().all(|count| (7200..7800).contains(count)),
        "{bests:?}"
    );
}

#[test]
fn a_segment_for_every_pull_and_a_single_one() {
    for (pulls, segments) in [(1, 1), (7, 7), (7, 1)] {
        let settings = AdversarialSettings {
            pulls,
            segments,
            ..SETTINGS
        };
        let distribution = AdversarialBandit::new(settings).unwrap();
        for task in tasks_of(&distribution, 20) {
            let ends = description(&distribution, &task);
            assert_eq!(ends.len(), 2 * segments);
            assert_eq!(ends[2 * segments - 2], 1.0);
            let mut state = Default::default();
            let mut rng = crate::common::KEY.lane(Purpose::Dynamics, 0);
            task.reset(&mut state, &mut rng);
            for _ in 0..pulls {
                assert!(task.step(&mut state, &3, &mut rng).reward <= 1.0);
            }
            let known = distribution.known_task_optimum(&task).unwrap();
            let fixed = task.best_fixed_arm();
            assert_eq!(segments == 1, (known - fixed).abs() < 1e-9);
        }
    }
    let error = AdversarialBandit::new(AdversarialSettings {
        segments: 61,
        ..SETTINGS
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("segments = 61") && error.contains("no more than pulls"),
        "{error}"
    );
}

#[test]
fn exact_values() {
    let env = tasks(SETTINGS);
    let values = env.exact_values();
    let (known, random) = (values.known_task_optimum.get(), values.random.get());
    assert!((known.unwrap() - 60.0 * 0.65).abs() < 1e-9);
    assert!((random.unwrap() - 60.0 * 0.425).abs() < 1e-9);
    let acted = by_rule(&env, 5000, |_, _, rng| rng.random_range(0..4));
    assert!(standard_errors(&mean(&acted), random.unwrap()).abs() < 3.0);
    let distribution = AdversarialBandit::new(SETTINGS).unwrap();
    let optima = tasks_of(&distribution, 5000);
    let optima: Vec<f64> = optima
        .iter()
        .filter_map(|t| distribution.known_task_optimum(t))
        .collect();
    let pairs = returns(&acted).into_iter().zip(&optima);
    assert!({ pairs }.all(|(earned, optimum)| earned <= *optimum + 1e-4));
    let optima: Moments = optima.into_iter().collect();
    assert!(standard_errors(&optima, known.unwrap()).abs() < 3.0);
    assert!(matches!(values.bayes_optimal, Exact::Unknown { .. }));
}
