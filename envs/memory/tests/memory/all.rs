//! What holds of every environment.

use crate::common::{assert_near, begun, by_rule, env, made, mean_return, returns, run};
use rl_core::{
    ActionSpace, Actions, ActionsMut, EnvFactory, MEMORYLESS_OPTIMUM, Moments, Random, Rollout,
    Value,
};
use std::sync::Arc;

/// Each of them, in sizes that are quickly lived.
fn environments() -> Vec<Arc<dyn EnvFactory>> {
    let active = [
        ("form", Value::from("active")),
        ("length", 3.into()),
        ("episodes", 2.into()),
    ];
    let ranks = [("decks", 4.into()), ("counted", Value::from("ranks"))];
    vec![
        env("memory-chain", &[("length", 1)]),
        env(
            "memory-chain",
            &[("length", 6), ("bits", 3), ("episodes", 3)],
        ),
        env("t-maze", &[("length", 4)]),
        made("t-maze", &active).unwrap(),
        env("repeat-first", &[("decks", 2)]),
        env("repeat-previous", &[]),
        env(
            "repeat-previous",
            &[("decks", 2), ("k", 32), ("episodes", 2)],
        ),
        env("count-recall", &[("episodes", 2)]),
        made("count-recall", &ranks).unwrap(),
        env("autoencode", &[]),
        env("copy", &[("length", 4), ("symbols", 3), ("episodes", 2)]),
        env(
            "associative-recall",
            &[("pairs", 3), ("keys", 4), ("values", 3)],
        ),
        env(
            "recurring-bandit",
            &[("contexts", 3), ("meetings", 3), ("pulls", 6), ("arms", 4)],
        ),
        env(
            "glyph-recall",
            &[("classes", 3), ("presentations", 4), ("side", 5)],
        ),
    ]
}

/// How far a step's mean reward is from what was expected of it, at most, in standard
/// errors.
fn farthest_step(rewards: &[f32], wanted: &[f64], lanes: usize) -> f64 {
    let steps = rewards.chunks_exact(lanes).zip(wanted);
    let off = steps.map(|(rewards, wanted)| {
        let found: Moments = rewards.iter().map(|reward| f64::from(*reward)).collect();
        let rounding = 1e-5;
        ((found.mean() - wanted).abs() - rounding).max(0.0) / found.standard_error().max(1e-9)
    });
    off.fold(0.0, f64::max)
}

#[test]
fn the_optimal_policy_earns_the_optimal_value_and_chance_the_random_one() {
    for env in environments() {
        let (name, exact) = (format!("{:?}", env.spec()), env.exact_values());
        let random = mean_return(&run(env.as_ref(), &Random, 4_000));
        assert_near(&name, &random, exact.random.get().unwrap());
        let best = exact.bayes_optimal.get().unwrap();
        let rewards = exact.bayes_optimal_rewards.unwrap();
        assert_eq!(rewards.len(), env.spec().trial_steps(), "{name}");
        assert!((rewards.iter().sum::<f64>() - best).abs() < 1e-9, "{name}");
        let Ok(policy) = env.bayes_optimal_policy() else {
            assert!(name.contains("glyph-recall"), "{name}");
            continue;
        };
        let trajectory = run(env.as_ref(), policy.as_ref(), 4_000);
        assert_near(&name, &mean_return(&trajectory), best);
        // The largest of up to 400 deviations.
        let off = farthest_step(trajectory.rewards(), &rewards, 4_000);
        assert!(off < 4.5, "{name}: a step is {off} standard errors off");
        let refused = policy
            .make(crate::common::env("copy", &[]).spec(), 1)
            .err()
            .unwrap();
        assert!(refused.contains("cannot act"), "{refused}");
    }
}

/// A second trial begins without what the first one showed.
#[test]
fn the_optimal_policy_forgets_what_is_over() {
    for env in environments() {
        let Ok(policy) = env.bayes_optimal_policy() else {
            continue;
        };
        let steps = env.spec().trial_steps();
        let mut acting = policy.make(env.spec(), 1_000).unwrap();
        let mut rollout = Rollout::new(env.make(1_000), 2 * steps);
        rollout.begin(&crate::common::KEY, 0);
        rollout.play(acting.as_mut());
        let trajectory = rollout.into_trajectory();
        let returns = mean_return(&trajectory);
        let best = env.exact_values().bayes_optimal.get().unwrap();
        assert_near(&env.spec().name, &returns, 2.0 * best);
    }
}

/// Advantages of who remembers: nothing is lost by what the policy does, and who does
/// otherwise loses what they say.
#[test]
fn advantages_add_up_to_what_is_lost() {
    for env in environments() {
        let (name, lanes) = (env.spec().name.clone(), 300);
        let ActionSpace::Discrete { size } = env.spec().action else {
            panic!("{name}: actions are discrete");
        };
        let Ok(policy) = env.bayes_optimal_policy() else {
            continue;
        };
        let mut policy = policy.make(env.spec(), lanes).unwrap();
        let mut rollout = begun(env.as_ref(), lanes);
        let (mut row, mut lost) = (vec![0.0; lanes * size], vec![0.0; lanes]);
        while !rollout.is_full() {
            rollout.act(policy.as_mut());
            assert!(policy.advantages(&mut row), "{name}");
            let t = rollout.t();
            let (_, _, out) = rollout.acting();
            let ActionsMut::Discrete(actions) = out.action else {
                panic!("{name}: actions are discrete");
            };
            for (lane, action) in actions.iter_mut().enumerate() {
                let own = &row[lane * size..(lane + 1) * size];
                assert_eq!(own[*action as usize], 0.0, "{name}: {own:?}");
                *action = ((t * 7 + lane) % size) as u32;
                lost[lane] += own[*action as usize];
            }
            rollout.step();
        }
        let best = env.exact_values().bayes_optimal.get().unwrap();
        let found = returns(rollout.trajectory());
        let without = found.iter().zip(&lost).map(|(earned, lost)| earned - lost);
        // What is drawn plays a part where the sign is read, or no answer is right.
        let without: Moments = without.collect();
        assert!(
            (without.mean() - best).abs() < 5.0 * without.standard_error() + 1e-4,
            "{name}: {without:?} of {best}"
        );
    }
}

/// Whoever knows the task does what earns its optimum.
#[test]
fn the_labels_of_who_knows_the_task_earn_its_optimum() {
    for env in environments() {
        let (steps, lanes) = (env.spec().trial_steps(), 1_000);
        let mut rollout = Rollout::new(env.make(lanes), steps).with_known_task_labels();
        rollout.begin(&crate::common::KEY, 0);
        let optima: Moments = (0..lanes)
            .map(|lane| rollout.env().known_task_optimum(lane).unwrap())
            .collect();
        while !rollout.is_full() {
            let t = rollout.t();
            let labels = rollout.trajectory().labels();
            let size = labels.len() / (steps * lanes);
            let of_step = labels[t * lanes * size..(t + 1) * lanes * size].chunks_exact(size);
            let best = of_step.map(|label| {
                let sum: f32 = label.iter().sum();
                assert!((sum - 1.0).abs() < 1e-5, "{sum}");
                (0..size)
                    .rev()
                    .max_by(|a, b| label[*a].total_cmp(&label[*b]))
                    .unwrap() as u32
            });
            let best: Vec<u32> = best.collect();
            if let ActionsMut::Discrete(actions) = rollout.acting().2.action {
                actions.copy_from_slice(&best);
            }
            rollout.step();
        }
        let name = &env.spec().name;
        assert_near(name, &mean_return(rollout.trajectory()), optima.mean());
        let known = env.exact_values().known_task_optimum.get().unwrap();
        assert!((optima.mean() - known).abs() < 1e-9, "{name}");
    }
}

/// Policies that see no more than the present observation, as good as there are, earn the
/// memoryless optimum.
#[test]
fn the_memoryless_optimum_is_earned_without_memory() {
    type Rule = fn(&[f32]) -> u32;
    let symbol: Rule = |seen| seen[0] as u32 % 4;
    type Set = &'static [(&'static str, usize)];
    let rules: [(&str, Set, Rule); 9] = [
        ("memory-chain", &[("length", 1), ("bits", 3)], |seen| {
            u32::from(seen[2 + seen[1] as usize] > 0.0)
        }),
        ("memory-chain", &[("length", 4), ("bits", 2)], |_| 1),
        ("t-maze", &[("length", 5)], |seen| seen[0] as u32),
        ("repeat-first", &[("decks", 1)], symbol),
        ("repeat-previous", &[("k", 4)], |seen| {
            (seen[0] as u32 + 1) % 4
        }),
        ("autoencode", &[("decks", 1)], symbol),
        ("count-recall", &[("decks", 1)], |_| 7),
        ("copy", &[("length", 4)], |_| 3),
        ("associative-recall", &[("pairs", 3)], |_| 3),
    ];
    for (name, set, rule) in rules {
        let env = env(name, set);
        let found = mean_return(&by_rule(env.as_ref(), 4_000, |_, seen| rule(seen)));
        let (key, optimum) = env.further_values().swap_remove(0);
        assert_eq!(key, MEMORYLESS_OPTIMUM);
        assert_near(name, &found, optimum.get().unwrap());
    }
    // The label after the one that was told.
    let glyphs = env("glyph-recall", &[("side", 5)]);
    let next = |seen: &[f32]| {
        let told = seen[25..].iter().position(|number| *number > 0.5);
        told.map_or(0, |label| (label as u32 + 1) % 5)
    };
    let found = mean_return(&by_rule(glyphs.as_ref(), 4_000, |_, seen| next(seen)));
    assert_near("glyph-recall", &found, 10.2);
    let (_, optimum) = glyphs.further_values().swap_remove(0);
    assert!((optimum.get().unwrap() - 10.2).abs() < 1e-12);
}

/// Sizes of POPGym, and the values that follow from them.
#[test]
fn published_sizes_have_these_values() {
    let value = |env: &dyn EnvFactory| env.exact_values().bayes_optimal.get().unwrap();
    let memoryless = |env: &dyn EnvFactory| env.further_values()[0].1.get().unwrap();
    let counting = |decks: usize, counted: &str| {
        made(
            "count-recall",
            &[("decks", decks.into()), ("counted", counted.into())],
        )
        .unwrap()
    };
    for (env, steps, best, none) in [
        (
            env("repeat-previous", &[("decks", 2), ("k", 32)]),
            103,
            1.0,
            52.0 / 103.0 - 1.0,
        ),
        (
            env("repeat-previous", &[("decks", 3), ("k", 64)]),
            155,
            1.0,
            78.0 / 155.0 - 1.0,
        ),
        (
            env("repeat-first", &[("decks", 16)]),
            831,
            1.0,
            2.0 * (1.0 + 830.0 * 207.0 / 831.0) / 831.0 - 1.0,
        ),
        (env("autoencode", &[("decks", 3)]), 311, 1.0, -0.490_384_615),
        // All cards of a kind cannot be said: (n − m) / (m + 1) questions of an episode.
        (
            counting(1, "colors"),
            51,
            1.0 - 2.0 * (26.0 / 27.0) / 51.0,
            -0.923_021_060,
        ),
        (
            counting(2, "suits"),
            103,
            1.0 - 2.0 * (78.0 / 27.0) / 103.0,
            -0.924_487_594,
        ),
        (
            counting(4, "ranks"),
            207,
            1.0 - 2.0 * (192.0 / 17.0) / 207.0,
            -0.881_216_254,
        ),
    ] {
        let name = format!("{:?}", env.spec());
        assert_eq!(env.spec().horizon, steps, "{name}");
        assert!(
            (value(env.as_ref()) - best).abs() < 1e-12,
            "{name}: {}",
            value(env.as_ref())
        );
        let found = memoryless(env.as_ref());
        assert!((found - none).abs() < 1e-8, "{name}: {found}, not {none}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |name: &str, set: &[(&str, usize)], wanted: &str| {
        let set: Vec<(&str, Value)> = set
            .iter()
            .map(|(key, value)| (*key, (*value).into()))
            .collect();
        let error = made(name, &set).err().unwrap();
        assert!(error.contains(wanted), "{name}: {error}");
    };
    refused(
        "memory-chain",
        &[("bits", 41)],
        "bits = 41; allowed: a whole number, 1 to 40",
    );
    refused(
        "repeat-previous",
        &[("k", 52)],
        "k = 52; allowed: 1 to 51, less than the 52 cards",
    );
    refused(
        "associative-recall",
        &[("keys", 7)],
        "keys = 7; allowed: 8 to 256, at least as many",
    );
    refused(
        "recurring-bandit",
        &[("bits", 3)],
        "bits = 3; allowed: so many that their 8 patterns",
    );
    refused(
        "t-maze",
        &[("length", 10_000), ("episodes", 1_000_000)],
        "horizon × episodes",
    );
    refused(
        "glyph-recall",
        &[("classes", 1)],
        "classes = 1; allowed: a whole number, 2 to 32",
    );
    assert!(
        memory::CountRecall::new(1, "colours", 1)
            .unwrap_err()
            .to_string()
            .contains("one of colors")
    );
}

/// Each lane's actions are discrete, and none of the environments has a task that could be
/// split from the others.
#[test]
fn tasks_are_not_counted() {
    for env in environments() {
        assert_eq!(env.tasks(), None, "{}", env.spec().name);
        let trajectory = run(env.as_ref(), &Random, 2);
        assert!(matches!(trajectory.actions(), Actions::Discrete(_)));
        assert!(trajectory.trial_ends().iter().rev().take(2).all(|end| *end));
    }
}
