//! Bandits that are met again: their cues, and what remembering them saves.

use crate::common::{KEY, assert_near, by_rule, env, run, seen};
use memory::{RecurringArms, RecurringBandit, RecurringSettings};
use rl_core::{
    Moments, PolicyFactory, Purpose, Random, TaskDistribution as _, Tasks, Trajectory, Trials,
};
use std::collections::BTreeMap;

const SIZE: RecurringSettings = RecurringSettings {
    contexts: 4,
    meetings: 3,
    pulls: 5,
    arms: 3,
    bits: 3,
    reward: 0.9,
};

fn bandit() -> RecurringBandit {
    RecurringBandit::new(SIZE).unwrap()
}

/// What describes the tasks of the first lanes.
fn descriptions(bandit: &RecurringBandit, lanes: u64) -> Vec<f32> {
    let mut task = RecurringArms::default();
    let described = (0..lanes).flat_map(|lane| {
        bandit.sample(&mut task, &mut KEY.lane(Purpose::Task, lane));
        let mut description = vec![0.0; bandit.description_size()];
        bandit.describe(&task, &mut description);
        description
    });
    described.collect()
}

fn regret(policy: &dyn PolicyFactory, lanes: usize) -> Vec<Moments> {
    let bandit = bandit();
    let tasks = Tasks::new(bandit.clone()).unwrap();
    let trajectory = run(&tasks, policy, lanes);
    let descriptions = descriptions(&bandit, lanes as u64);
    let trials = Trials {
        trajectory: &trajectory,
        descriptions: &descriptions,
    };
    bandit.regret_by_meeting(&trials).unwrap()
}

/// Each bandit has a cue of its own, is met as often as it should be, and pays as the
/// description says.
#[test]
fn cues_stay_with_their_bandits() {
    let bandit = bandit();
    let tasks = Tasks::new(bandit.clone()).unwrap();
    let trajectory: Trajectory = by_rule(&tasks, 300, |_, _| 1);
    let descriptions = descriptions(&bandit, 300);
    let (mut good, mut other, mut follows) = (Moments::default(), Moments::default(), 0);
    for lane in 0..300 {
        let rows = seen(&trajectory, lane);
        let mut cues: BTreeMap<u32, Vec<f32>> = BTreeMap::new();
        let mut met: BTreeMap<u32, u32> = BTreeMap::new();
        let mut before = None;
        for (t, row) in rows.iter().enumerate() {
            assert_eq!(row[3], f32::from(u8::from(t % 5 == 0)));
            assert!(row[..3].iter().all(|bit| bit.abs() == 1.0));
            let at = lane * 24 + t / 5 * 2;
            let (context, arm) = (descriptions[at] as u32, descriptions[at + 1]);
            let cue = cues.entry(context).or_insert_with(|| row[..3].to_vec());
            assert_eq!(cue[..], row[..3]);
            if t % 5 == 0 {
                *met.entry(context).or_default() += 1;
                follows += u32::from(before == Some(context));
                before = Some(context);
            }
            let paid = f64::from(trajectory.rewards()[t * 300 + lane]);
            if arm == 1.0 {
                good.push(paid)
            } else {
                other.push(paid)
            }
        }
        assert!(met.len() == 4 && met.values().all(|times| *times == 3));
        let different: std::collections::BTreeSet<String> =
            cues.values().map(|cue| format!("{cue:?}")).collect();
        assert_eq!(different.len(), 4);
    }
    assert_near("the good arm", &good, 0.9);
    assert_near("the others", &other, 0.1);
    // Of eleven others that may follow two are of the same bandit.
    let share = f64::from(follows) / (300.0 * 11.0);
    assert!((share - 2.0 / 11.0).abs() < 0.03, "{share}");
}

/// Meeting by meeting, the optimal policy loses what the exact values say, and who does not
/// remember loses as much every time.
#[test]
fn the_regret_of_each_meeting_is_exact() {
    let bandit = bandit();
    let exact = bandit.bayes_optimal_meetings();
    let found = regret(bandit.bayes_optimal_policy().unwrap().as_ref(), 4_000);
    assert_eq!(found.len(), 3);
    for (found, value) in found.iter().zip(&exact) {
        assert_near("meeting", found, 4.5 - value);
    }
    assert!(exact[1] > exact[0] + 0.5, "{exact:?}");
    let further = bandit.further_values();
    let names: Vec<&str> = further.iter().map(|(name, _)| *name).collect();
    let wanted = [
        "memoryless_optimum",
        "bayes_optimal_first_meeting",
        "bayes_optimal_second_meeting",
    ];
    assert_eq!(names, wanted);
    assert_eq!(further[2].1.get(), Some(exact[1]));
    for found in regret(&Random, 2_000) {
        assert_near("random", &found, 5.0 * 0.8 * 2.0 / 3.0);
    }
}

#[test]
fn the_analysis_says_what_the_second_meeting_saves() {
    let bandit = bandit();
    let tasks = Tasks::new(bandit.clone()).unwrap();
    let trajectory = run(&tasks, bandit.bayes_optimal_policy().unwrap().as_ref(), 500);
    let descriptions = descriptions(&bandit, 500);
    let analyses = bandit.analyses();
    assert_eq!(analyses[0].name(), "regret-by-meeting");
    let draw = |descriptions: &[f32]| {
        analyses[0].draw(&Trials {
            trajectory: &trajectory,
            descriptions,
        })
    };
    let picture = draw(&descriptions).unwrap();
    let exact = bandit.bayes_optimal_meetings();
    let share = 100.0 * (4.5 - exact[1]) / (4.5 - exact[0]);
    let wanted = format!(
        "Bayes-optimal {:.3}, second {:.3}, which is {share:.1} % of it.",
        4.5 - exact[0],
        4.5 - exact[1]
    );
    assert!(picture.caption.contains(&wanted), "{}", picture.caption);
    assert!(draw(&[]).is_none());
}

/// What the best agent loses when it meets a bandit again, as a share of what it loses at
/// first.
#[test]
fn the_second_meeting_costs_little() {
    for (arms, wanted) in [(3, 0.00847), (5, 0.04278), (10, 0.18684)] {
        let env = env("recurring-bandit", &[("arms", arms)]);
        assert_eq!(env.spec().horizon, 1_000);
        let further = env.further_values();
        let [first, second] = [1, 2].map(|index| 9.0 - further[index].1.get().unwrap());
        assert!(
            (second / first - wanted).abs() < 1e-4,
            "{arms} arms: {first}, {second}"
        );
    }
}
