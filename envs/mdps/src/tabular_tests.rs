use super::*;
use rl_core::{Domain, Moments, Purpose, StreamKey};

fn stream(lane: u64) -> Stream {
    let key = StreamKey::new(11, Domain::Tuning, 0);
    key.lane(Purpose::Dynamics, lane)
}

/// One action that leads from state 0 to any state, all of which lead back.
fn fan(row: &[f64]) -> Mdp {
    let mut model = Model::new(row.len(), 1);
    for state in 1..row.len() {
        model.row_mut(state, 0)[0] = 1.0;
    }
    model.row_mut(0, 0).copy_from_slice(row);
    Mdp::new(model).unwrap()
}

fn frequencies(row: &[f64], draws: usize) -> Vec<f64> {
    let task = fan(row);
    let mut rng = stream(row.len() as u64);
    let mut counts = vec![0_u32; row.len()];
    for _ in 0..draws {
        let mut state = 0;
        task.step(&mut state, &0, &mut rng);
        counts[state] += 1;
    }
    let share = |count| f64::from(count) / draws as f64;
    counts.into_iter().map(share).collect()
}

/// Frequencies within 4 standard errors of their probabilities, in rows that
/// are searched either way.
#[test]
fn next_states_come_with_their_probabilities() {
    let long: Vec<f64> = (1..=100).map(|weight| f64::from(weight) / 5050.0).collect();
    for row in [&[0.5, 0.0, 0.3, 0.2][..], &[1.0], &long] {
        let draws = 200_000;
        for (state, (found, p)) in frequencies(row, draws).iter().zip(row).enumerate() {
            let error = (p * (1.0 - p) / draws as f64).sqrt();
            assert!(
                (found - p).abs() <= 4.0 * error,
                "{state}: {found}, not {p}"
            );
        }
    }
}

/// What cannot be is never drawn, whatever rounding does to the sum, even by
/// the largest and the smallest uniform number.
#[test]
fn impossible_states_are_never_reached() {
    let shy = 1.0 - 5e-10;
    for size in [3, SHORT + 1] {
        for (only, p) in [(1, shy), (1, 0.3), (0, 1e-300), (2, 1.0), (0, 0.0)] {
            let (mut row, mut cumulative) = (vec![0.0; size], vec![0.0; size]);
            row[only] = p;
            accumulate(&row, &mut cumulative);
            for u in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
                assert_eq!(search(&cumulative, u), only, "{p} at {u}");
            }
        }
        let (mut row, mut cumulative) = (vec![0.0; size], vec![0.0; size]);
        (row[0], row[2]) = (0.5, 0.5);
        accumulate(&row, &mut cumulative);
        let below = 0.5 - f64::EPSILON / 4.0;
        assert_eq!([below, 0.5].map(|u| search(&cumulative, u)), [0, 2]);
    }
    for size in [SHORT, SHORT + 1] {
        let mut row = vec![0.0; size];
        (row[3], row[10]) = (0.5, 0.5);
        let found = frequencies(&row, 10_000);
        let sum = found[3] + found[10];
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}

#[test]
fn episodes_start_and_end_where_they_should() {
    let mut model = Model::new(3, 1);
    model.row_mut(0, 0)[1] = 1.0;
    model.row_mut(1, 0)[2] = 1.0;
    model.terminal[2] = true;
    let task = Mdp::new(model.clone()).unwrap();
    let mut rng = stream(0);
    let before = rng.clone();
    let mut state = 2;
    task.reset(&mut state, &mut rng);
    assert_eq!((state, &rng), (0, &before), "nothing to draw");
    assert!(!task.step(&mut state, &0, &mut rng).terminated);
    assert!(task.step(&mut state, &0, &mut rng).terminated);
    assert_eq!(state, 2);

    model.start = vec![0.25, 0.75, 0.0];
    let task = Mdp::new(model).unwrap();
    let starts = (0..40_000).map(|_| {
        task.reset(&mut state, &mut rng);
        state as f64
    });
    let starts: Moments = starts.collect();
    assert!((starts.mean() - 0.75).abs() < 4.0 * starts.standard_error());
    let mut observation = [9.0];
    task.observe(&2, &mut observation);
    assert_eq!(observation, [2.0]);
}

fn rewards(noise: Noise, mean: f64) -> Moments {
    let mut model = Model::new(1, 1);
    model.transition[0] = 1.0;
    model.mean_reward[0] = mean - 0.25;
    model.transition_reward = vec![0.25];
    model.noise = noise;
    let task = Mdp::new(model).unwrap();
    let mut rng = stream(1);
    let reward = |_| f64::from(task.step(&mut 0, &0, &mut rng).reward);
    (0..40_000).map(reward).collect()
}

#[test]
fn rewards_have_their_mean_and_noise() {
    let none = rewards(Noise::None, 1.5);
    assert_eq!((none.mean(), none.standard_deviation()), (1.5, 0.0));
    let gaussian = rewards(
        Noise::Gaussian {
            standard_deviation: 2.0,
        },
        1.5,
    );
    assert!((gaussian.mean() - 1.5).abs() < 4.0 * gaussian.standard_error());
    assert!((gaussian.standard_deviation() - 2.0).abs() < 0.03);
    let bernoulli = rewards(Noise::Bernoulli, 0.3);
    assert!((bernoulli.mean() - 0.3).abs() < 4.0 * bernoulli.standard_error());
    assert!((bernoulli.standard_deviation() - f64::sqrt(0.21)).abs() < 0.005);
}

#[test]
fn a_task_is_rebuilt_in_place() {
    let mut task = fan(&[0.5, 0.5]);
    task.rebuild(|model| {
        model.clear(4, 1);
        (0..4).for_each(|state| model.row_mut(state, 0)[3] = 1.0);
    });
    assert_eq!(task.model().validate(), Ok(()));
    let mut state = 0;
    task.step(&mut state, &0, &mut stream(2));
    assert_eq!(state, 3);
    assert!(Mdp::new(Model::new(2, 2)).is_err());
}
