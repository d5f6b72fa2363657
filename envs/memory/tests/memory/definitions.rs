//! What is shown and paid, step by step, written down once more from the definitions.

use crate::common::{by_rule, env, gained, made, seen};
use rl_core::{Outcome, Value};

/// Whatever is done, every lane's step.
fn cycle(size: u32) -> impl FnMut(usize, &[f32]) -> u32 {
    let mut number = 0;
    move |t, _| {
        number += 1;
        (t as u32 * 5 + number * 3) % size
    }
}

/// The actions of a lane.
fn done(trajectory: &rl_core::Trajectory, lane: usize) -> Vec<u32> {
    let rl_core::Actions::Discrete(actions) = trajectory.actions() else {
        panic!("actions are discrete");
    };
    actions
        .iter()
        .skip(lane)
        .step_by(trajectory.lanes())
        .copied()
        .collect()
}

/// A lane is paid `prize` for what is right, loses it for what is wrong, and gets nothing
/// where nothing is asked.
fn assert_paid(rewards: &[f32], done: &[u32], right: &[Option<u32>], prize: f32) {
    assert_eq!(rewards.len(), right.len());
    for (t, reward) in rewards.iter().enumerate() {
        let wanted = match right[t] {
            None => 0.0,
            Some(right) if right == done[t] => prize,
            Some(_) => -prize,
        };
        assert!(
            (reward - wanted).abs() < 1e-7,
            "step {t}: {reward}, not {wanted}"
        );
    }
}

fn symbols(seen: &[&[f32]]) -> Vec<u32> {
    seen.iter().map(|row| row[0] as u32).collect()
}

#[test]
fn memory_chains() {
    let env = env("memory-chain", &[("length", 4), ("bits", 3)]);
    let trajectory = by_rule(env.as_ref(), 200, cycle(2));
    let mut asked = [0; 3];
    for lane in 0..200 {
        let rows = seen(&trajectory, lane);
        for (t, row) in rows.iter().enumerate() {
            assert_eq!(row[0], 1.0 - t as f32 / 4.0);
            let hidden = if t == 0 { 1.0 } else { 0.0 };
            assert!(row[2..].iter().all(|bit| bit.abs() == hidden), "{row:?}");
            assert!(t == 3 || row[1] == 0.0, "{row:?}");
        }
        let query = rows[3][1] as usize;
        asked[query] += 1;
        let right = u32::from(rows[0][2 + query] > 0.0);
        assert_paid(
            &gained(&trajectory, lane),
            &done(&trajectory, lane),
            &[None, None, None, Some(right)],
            1.0,
        );
    }
    assert!(asked.iter().all(|count| *count > 30), "{asked:?}");
    assert!(
        trajectory.outcomes()[3 * 200..]
            .iter()
            .all(|outcome| *outcome == Outcome::Terminated)
    );
}

/// Each episode draws its bits anew.
#[test]
fn episodes_of_a_trial_differ() {
    let env = env(
        "memory-chain",
        &[("length", 2), ("bits", 20), ("episodes", 3)],
    );
    let trajectory = by_rule(env.as_ref(), 50, cycle(2));
    for lane in 0..50 {
        let rows = seen(&trajectory, lane);
        assert!(rows[0][2..] != rows[2][2..] && rows[2][2..] != rows[4][2..]);
    }
}

#[test]
fn cards_are_repeated() {
    let env_of = |k| env("repeat-previous", &[("k", k)]);
    for k in [1, 4, 51] {
        let trajectory = by_rule(env_of(k).as_ref(), 30, cycle(4));
        for lane in 0..30 {
            let suits = symbols(&seen(&trajectory, lane));
            assert_eq!(suits.len(), 51);
            for suit in 0..4 {
                // One card of the deck is not seen.
                let count = suits.iter().filter(|other| **other == suit).count();
                assert!(count == 13 || count == 12, "{count}");
            }
            let right: Vec<_> = (0..51)
                .map(|t| (t + 1 >= k).then(|| suits[t + 1 - k]))
                .collect();
            assert_eq!(right.iter().flatten().count(), 52 - k);
            let prize = 1.0 / (52 - k) as f32;
            assert_paid(
                &gained(&trajectory, lane),
                &done(&trajectory, lane),
                &right,
                prize,
            );
        }
    }
    let trajectory = by_rule(env("repeat-first", &[("decks", 2)]).as_ref(), 30, cycle(4));
    for lane in 0..30 {
        let suits = symbols(&seen(&trajectory, lane));
        let right = vec![Some(suits[0]); 103];
        assert_paid(
            &gained(&trajectory, lane),
            &done(&trajectory, lane),
            &right,
            1.0 / 103.0,
        );
    }
}

#[test]
fn cards_are_counted() {
    for (counted, kinds, decks) in [("colors", 2, 1), ("suits", 4, 2), ("ranks", 13, 4)] {
        let set = [("decks", decks.into()), ("counted", Value::from(counted))];
        let (env, cards) = (made("count-recall", &set).unwrap(), 52 * decks);
        let trajectory = by_rule(env.as_ref(), 20, cycle((cards / kinds) as u32));
        for lane in 0..20 {
            let mut counts = vec![0; kinds];
            let right = seen(&trajectory, lane).into_iter().map(|row| {
                let one = |row: &[f32]| {
                    assert_eq!(row.iter().sum::<f32>(), 1.0);
                    row.iter().position(|number| *number == 1.0).unwrap()
                };
                let (dealt, asked) = row.split_at(kinds);
                counts[one(dealt)] += 1;
                Some(counts[one(asked)])
            });
            let right: Vec<_> = right.collect();
            let prize = 1.0 / (cards - 1) as f32;
            assert_paid(
                &gained(&trajectory, lane),
                &done(&trajectory, lane),
                &right,
                prize,
            );
        }
    }
}

#[test]
fn cards_are_said_backwards() {
    let trajectory = by_rule(env("autoencode", &[]).as_ref(), 30, cycle(4));
    for lane in 0..30 {
        let shown = symbols(&seen(&trajectory, lane));
        assert_eq!(shown.len(), 103);
        assert!(shown[..51].iter().all(|symbol| (4..8).contains(symbol)));
        assert!(shown[51] < 4 && shown[52..].iter().all(|symbol| *symbol == 0));
        let suits: Vec<u32> = shown[..52].iter().map(|symbol| symbol % 4).collect();
        let watched = std::iter::repeat_n(None, 51);
        let right: Vec<_> = watched.chain(suits.into_iter().rev().map(Some)).collect();
        assert_paid(
            &gained(&trajectory, lane),
            &done(&trajectory, lane),
            &right,
            1.0 / 52.0,
        );
    }
}

#[test]
fn sequences_are_copied() {
    let env = env("copy", &[("length", 5), ("symbols", 3)]);
    let trajectory = by_rule(env.as_ref(), 40, cycle(3));
    for lane in 0..40 {
        let shown = symbols(&seen(&trajectory, lane));
        assert!(shown[..5].iter().all(|symbol| *symbol < 3));
        assert_eq!(shown[5..], [3; 5]);
        let right: Vec<_> = (0..10).map(|t| (t >= 5).then(|| shown[t - 5])).collect();
        assert_paid(
            &gained(&trajectory, lane),
            &done(&trajectory, lane),
            &right,
            0.2,
        );
    }
}

#[test]
fn keys_recall_their_values() {
    let env = env(
        "associative-recall",
        &[("pairs", 4), ("keys", 5), ("values", 3)],
    );
    let trajectory = by_rule(env.as_ref(), 60, cycle(3));
    let mut moved = 0;
    for lane in 0..60 {
        let rows = seen(&trajectory, lane);
        let hot = |row: &[f32]| row.iter().position(|number| *number == 1.0);
        let pairs: Vec<_> = rows
            .iter()
            .map(|row| (hot(&row[..5]).unwrap(), hot(&row[5..])))
            .collect();
        let mut right = vec![None; 4];
        for (key, none) in &pairs[4..] {
            assert_eq!(*none, None);
            // It is among the pairs, once.
            let mut with = pairs[..4].iter().filter(|(other, _)| other == key);
            right.push(
                with.next()
                    .and_then(|(_, value)| value.map(|value| value as u32)),
            );
            assert!(right.last().unwrap().is_some() && with.next().is_none());
        }
        moved += usize::from(pairs[0].0 != pairs[4].0);
        assert_paid(
            &gained(&trajectory, lane),
            &done(&trajectory, lane),
            &right,
            0.25,
        );
    }
    assert!(
        moved > 20,
        "the order of the questions is that of the pairs"
    );
}

/// Ways through the maze: what is seen and paid.
#[test]
fn ways_through_the_maze() {
    let way = |form: &str, actions: [u32; 6]| {
        let set = [("form", Value::from(form)), ("length", 3.into())];
        let env = made("t-maze", &set).unwrap();
        let trajectory = by_rule(env.as_ref(), 40, |t, _| actions[t]);
        let lanes = (0..40).map(|lane| {
            let rows: Vec<Vec<f32>> = seen(&trajectory, lane)
                .iter()
                .map(|row| row.to_vec())
                .collect();
            (rows, gained(&trajectory, lane))
        });
        (env.spec().horizon, lanes.collect::<Vec<_>>())
    };
    let third = -1.0 / 3.0;
    // Passive: to the junction and up.
    let (steps, lanes) = way("passive", [0, 0, 0, 1, 9, 9]);
    assert_eq!(steps, 4);
    let signs: Vec<f32> = lanes.iter().map(|(rows, _)| rows[0][1]).collect();
    assert!(signs.contains(&1.0) && signs.contains(&-1.0));
    for (rows, rewards) in lanes {
        assert_eq!(rows[1..], [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]);
        let right = if rows[0] == [0.0, 1.0] { 1.0 } else { 0.0 };
        assert_eq!(rewards, [0.0, 0.0, 0.0, right]);
    }
    // A lost step costs a third at every step that follows, but for the last one; the sign
    // does not speak again.
    for (rows, rewards) in way("passive", [2, 0, 0, 1, 9, 9]).1 {
        assert_eq!(rows[1..], [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]);
        assert_eq!(rewards, [third, third, third, 0.0]);
    }
    // Active: to the sign, to the junction and down.
    let (steps, lanes) = way("active", [2, 0, 0, 0, 0, 3]);
    assert_eq!(steps, 6);
    for (rows, rewards) in lanes {
        assert_eq!(rows[0], [0.0, 0.0]);
        assert_eq!(rows[1][1].abs(), 1.0);
        assert_eq!(rows[2..], [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]);
        let right = if rows[1] == [0.0, -1.0] { 1.0 } else { 0.0 };
        assert_eq!(rewards, [0.0, 0.0, 0.0, 0.0, 0.0, right]);
    }
    // At once to the junction, up, and staying there: the time is used up, no step is lost.
    for (rows, rewards) in way("active", [0, 0, 0, 1, 1, 0]).1 {
        assert_eq!(rows[3..], [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]);
        assert_eq!(rewards[..5], [0.0; 5]);
        assert!(rewards[5] == 0.0 || rewards[5] == 1.0);
    }
    // Back and forth: late from the third step on.
    for (_, rewards) in way("active", [2, 2, 2, 0, 0, 0]).1 {
        assert_eq!(rewards, [0.0, third, third, third, third, 0.0]);
    }
}
