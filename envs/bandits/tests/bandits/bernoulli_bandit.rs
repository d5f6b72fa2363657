//! Bernoulli bandits.

use crate::common::{KEY, actions, assert_earns_its_value, by_rule, mean, run, standard_errors};
use bandits::BernoulliBandit;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionsMut, EnvFactory, Moments, Outcome, Purpose, TaskDistribution, Tasks, Trajectory,
};

fn tasks(arms: usize, pulls: usize) -> Tasks<BernoulliBandit> {
    Tasks::new(BernoulliBandit::new(arms, pulls).unwrap()).unwrap()
}

fn pull_always(env: &dyn EnvFactory, lanes: usize, arm: u32) -> Trajectory {
    by_rule(env, lanes, |_, _, _| arm)
}

#[test]
fn a_trial_is_one_episode_of_all_pulls() {
    let env = tasks(3, 4);
    assert_eq!(env.spec().name, "bernoulli-bandit");
    assert_eq!(env.spec().observation.width(), 0);
    assert_eq!(env.spec().action.width(), 1);
    let trajectory = pull_always(&env, 2, 2);
    assert_eq!(trajectory.lengths(), [4, 4]);
    let (before, last) = trajectory.outcomes().split_at(3 * 2);
    assert!(before.iter().all(|outcome| *outcome == Outcome::Continue));
    assert_eq!(last, [Outcome::Truncated; 2]);
}

/// An arm pays with its own mean: with two arms, the better one pays 2/3 on
/// average and the worse one 1/3, but an arm of a fixed index 1/2.
#[test]
fn arms_pay_with_their_means() {
    let tasks = tasks(2, 50);
    let mut sums = [Moments::default(); 2];
    let mut products = Moments::default();
    let trials = [0, 1].map(|arm| pull_always(&tasks, 4000, arm));
    for lane in 0..4000 {
        let rate = |arm: usize| {
            let rewards = trials[arm].rewards().iter().skip(lane).step_by(4000);
            f64::from(rewards.sum::<f32>()) / 50.0
        };
        sums[0].push(rate(0));
        sums[1].push(rate(1));
        products.push(rate(0).max(rate(1)));
    }
    for moments in sums {
        // A mean of 1/2, and the variance of U[0, 1] with that of 50 pulls.
        assert!((moments.mean() - 0.5).abs() < 4.0 * moments.standard_error());
        let variance = 1.0 / 12.0 + 1.0 / 6.0 / 50.0;
        assert!((moments.standard_deviation() - f64::sqrt(variance)).abs() < 0.01);
    }
    // The best of two arms pays 2/3; the better of two rates a little more.
    let best = products.mean();
    assert!(best > 2.0 / 3.0 && best < 2.0 / 3.0 + 0.02, "{best}");
}

#[test]
fn rewards_are_0_or_1_and_follow_the_dynamics_stream() {
    let tasks = tasks(2, 20);
    let trajectory = pull_always(&tasks, 3, 1);
    let arms: Vec<Vec<f32>> = (0..3)
        .map(|lane| {
            let mut stream = KEY.lane(Purpose::Task, lane);
            (0..2).map(|_| stream.random()).collect()
        })
        .collect();
    let mut streams: Vec<_> = (0..3)
        .map(|lane| KEY.lane(Purpose::Dynamics, lane))
        .collect();
    for (index, reward) in trajectory.rewards().iter().enumerate() {
        let lane = index % 3;
        let pays = streams[lane].random::<f32>() < arms[lane][1];
        assert_eq!(*reward, f32::from(u8::from(pays)));
    }
    let mut env = tasks.make(3);
    env.begin(&KEY, 0, &mut []);
    for (lane, arms) in arms.iter().enumerate() {
        let best = f64::from(arms[0].max(arms[1]));
        assert_eq!(env.known_task_optimum(lane), Some(20.0 * best));
    }
}

#[test]
fn sizes_out_of_range_are_refused() {
    let error = BernoulliBandit::new(0, 10).unwrap_err().to_string();
    for part in ["bernoulli-bandit", "arms = 0", "1 to 65536"] {
        assert!(error.contains(part), "{error}");
    }
    let error = BernoulliBandit::new(5, usize::MAX).unwrap_err().to_string();
    assert!(error.contains("pulls = 18446744073709551615"), "{error}");
    assert!(BernoulliBandit::new(65_536, 1_000_000).is_ok());
    assert!(BernoulliBandit::new(65_537, 1).is_err());
}

#[test]
fn exact_values() {
    let values = tasks(5, 10).exact_values();
    assert_eq!(values.random.get(), Some(5.0));
    let optimum = values.known_task_optimum.get().unwrap();
    assert!((optimum - 50.0 / 6.0).abs() < 1e-12);
    let best = values.bayes_optimal.get().unwrap();
    assert!((best - 6.6600).abs() < 5e-5);
    let rewards = values.bayes_optimal_rewards.unwrap();
    assert!((rewards.iter().sum::<f64>() - best).abs() < 1e-9);

    let values = BernoulliBandit::new(5, 100).unwrap().exact_values();
    assert_eq!(values.random.get(), Some(50.0));
    assert_eq!(values.bayes_optimal_rewards, None);
    let rl_core::Exact::Unknown { why } = values.bayes_optimal else {
        panic!("100 pulls of 5 arms are out of reach");
    };
    assert!(
        why.contains("GB of memory") && why.contains("hours"),
        "{why}"
    );
    let refusal = tasks(5, 100).bayes_optimal_policy().err();
    assert!(refusal.unwrap().contains("of memory"));
}

/// What the policy earns is what the dynamic program says, in bandits where
/// arms run out before pulls and the other way round.
#[test]
fn the_optimal_policy_earns_the_optimal_value() {
    for (arms, pulls, lanes) in [(5, 10, 40_000), (2, 30, 20_000), (12, 6, 20_000)] {
        assert_earns_its_value(&tasks(arms, pulls), lanes);
    }
}

#[test]
fn rules_of_thumb_earn_less() {
    let tasks = tasks(3, 20);
    let best = tasks.exact_values().bayes_optimal.get().unwrap();
    let win_stay = by_rule(&tasks, 20_000, |_, before, _| match before {
        Some((arm, reward)) if reward < 0.5 => (arm + 1) % 3,
        Some((arm, _)) => arm,
        None => 0,
    });
    let random = by_rule(&tasks, 20_000, |_, _, rng| rng.random_range(0..3));
    for rule in [win_stay, random] {
        let error = standard_errors(&mean(&rule), best);
        assert!(error < -10.0, "{error} standard errors");
    }
}

/// Where the choice is known by hand: with two pulls it stays after a success
/// and tries another arm after a failure; with one pull or one arm there is
/// nothing to choose.
#[test]
fn the_optimal_policy_by_hand() {
    let tasks = tasks(3, 2);
    let policy = tasks.bayes_optimal_policy().unwrap();
    let trajectory = run(&tasks, policy.as_ref(), 50);
    let actions = actions(&trajectory);
    for lane in 0..50 {
        assert_eq!(actions[lane], 0);
        let stays = trajectory.rewards()[lane] == 1.0;
        assert_eq!(actions[50 + lane], if stays { 0 } else { 1 });
    }
    for (arms, pulls) in [(1, 1000), (65_536, 1)] {
        let tasks = self::tasks(arms, pulls);
        let policy = tasks.bayes_optimal_policy().unwrap();
        let trajectory = run(&tasks, policy.as_ref(), 1);
        assert!(self::actions(&trajectory).iter().all(|action| *action == 0));
    }
}

/// The memory of a lane goes when its next trial starts, and other lanes do
/// not matter.
#[test]
fn the_optimal_policy_forgets_at_a_trial_start_and_keeps_lanes_apart() {
    let tasks = tasks(3, 5);
    let factory = tasks.bayes_optimal_policy().unwrap();
    let spec = tasks.spec();
    let mut streams = vec![KEY.lane(Purpose::Action, 0); 2];
    let mut policy = factory.make(spec, 2).unwrap();
    // Lane 1 begins a new trial at every row; lane 0 has two successes, begins
    // again and fails with every arm.
    let rows = [
        (true, 0, 0.0, 0),
        (false, 0, 1.0, 0),
        (false, 0, 1.0, 0),
        (true, 0, 1.0, 0),
        (false, 0, 0.0, 1),
        (false, 1, 0.0, 2),
        (false, 2, 0.0, 0),
    ];
    for (t, (start, arm, reward, wanted)) in rows.into_iter().enumerate() {
        let (mut action, mut log_prob, mut value) = ([9, 9], [0.0; 2], [0.0; 2]);
        let row = rl_core::Row {
            lanes: 2,
            observation: &[],
            start: &[start, true],
            previous_action: rl_core::Actions::Discrete(&[arm, 0]),
            previous_reward: &[reward, 0.0],
            previous_outcome: &[Outcome::Continue; 2],
            told: &[],
            final_observation: None,
        };
        let out = rl_core::ActRow {
            action: ActionsMut::Discrete(&mut action),
            log_prob: &mut log_prob,
            value: &mut value,
            label: &mut [],
        };
        policy.act(&row, &mut streams, out);
        assert_eq!(action, [wanted, 0], "row {t}");
    }
}

#[test]
fn the_optimal_policy_refuses_other_environments() {
    let policy = tasks(5, 10).bayes_optimal_policy().unwrap();
    let error = policy.make(tasks(5, 11).spec(), 1).err().unwrap();
    assert!(
        error.contains("11") && error.contains("cannot act"),
        "{error}"
    );
    assert!(policy.make(tasks(4, 10).spec(), 1).is_err());
}

/// What arms with these successes and failures are worth: the definition, over ordered
/// arms and without remembering anything.
fn worth(arms: &mut [[u32; 2]], pulls: usize) -> Vec<f64> {
    let mut values = Vec::new();
    for arm in 0..arms.len() {
        let before = arms[arm];
        let chance = f64::from(before[0] + 1) / f64::from(before[0] + before[1] + 2);
        let mut after = |outcome: usize| {
            arms[arm][outcome] += 1;
            let values = if pulls > 1 {
                worth(arms, pulls - 1)
            } else {
                vec![0.0]
            };
            arms[arm] = before;
            values.into_iter().fold(f64::NEG_INFINITY, f64::max)
        };
        values.push(chance * (1.0 + after(0)) + (1.0 - chance) * after(1));
    }
    values
}

/// After whatever an agent at random did, where arms run out before pulls and the other
/// way round.
#[test]
fn the_optimal_policy_knows_what_arms_are_worth() {
    const LANES: usize = 20;
    for (arms, pulls) in [(2, 6), (3, 4), (5, 3), (1, 3), (4, 1)] {
        let tasks = tasks(arms, pulls);
        let trajectory = by_rule(&tasks, LANES, |_, _, rng| rng.random_range(0..arms as u32));
        let factory = tasks.bayes_optimal_policy().unwrap();
        let mut policy = factory.make(tasks.spec(), LANES).unwrap();
        let mut streams: Vec<_> = (0..LANES as u64)
            .map(|lane| KEY.lane(Purpose::Action, lane))
            .collect();
        let mut counts = vec![vec![[0; 2]; arms]; LANES];
        for t in 0..pulls {
            let (mut action, mut scratch) = ([0; LANES], [0.0; 2 * LANES]);
            let (log_prob, value) = scratch.split_at_mut(LANES);
            let out = rl_core::ActRow {
                action: ActionsMut::Discrete(&mut action),
                log_prob,
                value,
                label: &mut [],
            };
            policy.act(&trajectory.row(t), &mut streams, out);
            let mut found = vec![f64::NAN; LANES * arms];
            assert!(policy.advantages(&mut found));
            for (lane, counts) in counts.iter_mut().enumerate() {
                let values = worth(counts, pulls - t);
                let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for (found, value) in found[lane * arms..].iter().zip(values) {
                    assert!((found - (value - best)).abs() < 1e-12, "{counts:?}");
                    assert!((*found == 0.0) == (best - value < 1e-9), "{counts:?}");
                }
                let arm = actions(&trajectory)[t * LANES + lane] as usize;
                let failed = trajectory.rewards()[t * LANES + lane] < 0.5;
                counts[arm][usize::from(failed)] += 1;
            }
        }
    }
}
