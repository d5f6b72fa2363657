//! Bernoulli bandits and their Bayes-optimal policy, through the interfaces
//! that everything else uses.

use bandits::BernoulliBandit;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionsMut, Domain, EnvFactory, Moments, Outcome, PolicyFactory, Purpose, Stream, StreamKey,
    TaskDistribution, Tasks, Trajectory, VecEnv,
};

const KEY: StreamKey = StreamKey::new(1, Domain::HeldOut, 0);

fn tasks(arms: usize, pulls: usize) -> Tasks<BernoulliBandit> {
    Tasks::new(BernoulliBandit::new(arms, pulls).unwrap()).unwrap()
}

/// One trial in each lane; what is done is up to `act`.
fn trial(
    env: &mut dyn VecEnv,
    mut act: impl FnMut(usize, &mut Trajectory, &mut [Stream]),
) -> Trajectory {
    let (lanes, steps) = (env.lanes(), env.spec().trial_steps());
    let mut trajectory = Trajectory::new(env.spec(), lanes, steps);
    let stream = |lane| KEY.lane(Purpose::Action, lane);
    let mut streams: Vec<_> = (0..lanes as u64).map(stream).collect();
    env.begin(&KEY, 0, trajectory.begin());
    for t in 0..steps {
        act(t, &mut trajectory, &mut streams);
        let (actions, rows) = trajectory.stepping(t);
        env.step(actions, rows);
        trajectory.stepped(t);
    }
    trajectory
}

/// The trajectory of a policy, and the return of each of its lanes.
fn run(env: &mut dyn VecEnv, policy: &dyn PolicyFactory) -> (Trajectory, Vec<f64>) {
    let lanes = env.lanes();
    let mut policy = policy.make(env.spec(), lanes).unwrap();
    let trajectory = trial(env, |t, trajectory, streams| {
        let (row, out) = trajectory.acting(t);
        policy.act(&row, streams, out);
    });
    let mut returns = vec![0.0; lanes];
    for row in trajectory.rewards().chunks_exact(lanes) {
        for (sum, reward) in returns.iter_mut().zip(row) {
            *sum += f64::from(*reward);
        }
    }
    (trajectory, returns)
}

fn pull_always(env: &mut dyn VecEnv, arm: u32) -> Trajectory {
    trial(env, |t, trajectory, _| {
        let (_, out) = trajectory.acting(t);
        if let ActionsMut::Discrete(actions) = out.action {
            actions.fill(arm);
        }
    })
}

#[test]
fn a_trial_is_one_episode_of_all_pulls() {
    let mut env = tasks(3, 4).make(2);
    assert_eq!(env.spec().name, "bernoulli-bandit");
    assert_eq!(env.spec().observation.width(), 0);
    assert_eq!(env.spec().action.width(), 1);
    let trajectory = pull_always(env.as_mut(), 2);
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
    let mut env = tasks.make(4000);
    let mut sums = [Moments::default(); 2];
    let mut products = Moments::default();
    let trials = [0, 1].map(|arm| pull_always(env.as_mut(), arm));
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
    let mut env = tasks(2, 20).make(3);
    let trajectory = pull_always(env.as_mut(), 1);
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
    for (lane, arms) in arms.iter().enumerate() {
        env.begin(&KEY, 0, &mut []);
        let best = f64::from(arms[0].max(arms[1]));
        assert_eq!(env.known_task_optimum(lane), Some(20.0 * best));
    }
}

#[test]
fn sizes_out_of_range_are_refused() {
    let error = BernoulliBandit::new(0, 10).unwrap_err().to_string();
    for part in ["bernoulli-bandit", "arms is 0", "1 to 65536"] {
        assert!(error.contains(part), "{error}");
    }
    let error = BernoulliBandit::new(5, usize::MAX).unwrap_err().to_string();
    assert!(error.contains("pulls is 18446744073709551615"), "{error}");
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

    let values = BernoulliBandit::new(5, 100).unwrap().exact_values();
    assert_eq!(values.random.get(), Some(50.0));
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
        let tasks = tasks(arms, pulls);
        let wanted = tasks.exact_values().bayes_optimal.get().unwrap();
        let policy = tasks.bayes_optimal_policy().unwrap();
        assert_eq!(policy.name(), "bayes-optimal");
        let (_, returns) = run(tasks.make(lanes).as_mut(), policy.as_ref());
        let returns: Moments = returns.into_iter().collect();
        let error = (returns.mean() - wanted).abs() / returns.standard_error();
        assert!(
            error < 3.0,
            "{arms} arms, {pulls} pulls: {error} standard errors"
        );
    }
}

/// Where the choice is known by hand: with two pulls it stays after a success
/// and tries another arm after a failure; with one pull or one arm there is
/// nothing to choose.
#[test]
fn the_optimal_policy_by_hand() {
    let tasks = tasks(3, 2);
    let mut env = tasks.make(50);
    let policy = tasks.bayes_optimal_policy().unwrap();
    let (trajectory, _) = run(env.as_mut(), policy.as_ref());
    let rl_core::Actions::Discrete(actions) = trajectory.actions() else {
        panic!("a bandit's actions are discrete");
    };
    for lane in 0..50 {
        assert_eq!(actions[lane], 0);
        let stays = trajectory.rewards()[lane] == 1.0;
        assert_eq!(actions[50 + lane], if stays { 0 } else { 1 });
    }
    for (arms, pulls) in [(1, 1000), (65_536, 1)] {
        let tasks = self::tasks(arms, pulls);
        let policy = tasks.bayes_optimal_policy().unwrap();
        let (trajectory, _) = run(tasks.make(1).as_mut(), policy.as_ref());
        let rl_core::Actions::Discrete(actions) = trajectory.actions() else {
            panic!("a bandit's actions are discrete");
        };
        assert!(actions.iter().all(|action| *action == 0));
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
        };
        let out = rl_core::ActRow {
            action: ActionsMut::Discrete(&mut action),
            log_prob: &mut log_prob,
            value: &mut value,
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
