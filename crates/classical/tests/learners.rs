//! Each learner against choices worked out by hand and against statistics with
//! a fixed seed and a stated tolerance.

use bandits::BernoulliBandit;
use classical::{learner, learners};
use rl_core::{
    ActRow, ActionSpace, Actions, ActionsMut, Domain, EnvFactory, EnvSpec, Moments,
    ObservationSpace, Outcome, Policy, PolicyFactory, Purpose, Row, Stream, StreamKey, Tasks,
    Trajectory,
};
use std::collections::BTreeMap;

const KEY: StreamKey = StreamKey::new(3, Domain::HeldOut, 0);

fn make(name: &str, params: &[(&str, f64)]) -> Box<dyn PolicyFactory> {
    let params: BTreeMap<_, _> = params
        .iter()
        .map(|(key, value)| ((*key).into(), *value))
        .collect();
    learner(name, &params).unwrap()
}

fn spec(action: ActionSpace) -> EnvSpec {
    EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Vector { size: 0 },
        action,
        horizon: 100,
        episodes: 1,
    }
}

fn streams(first_lane: u64, lanes: usize) -> Vec<Stream> {
    let stream = |lane| KEY.lane(Purpose::Action, first_lane + lane);
    (0..lanes as u64).map(stream).collect()
}

/// What a learner chooses in every one of `lanes` lanes at the start of a
/// trial and after each pull of `history`, (arm, reward). `[row][lanes]`
fn choices(
    factory: &dyn PolicyFactory,
    arms: usize,
    lanes: usize,
    history: &[(u32, f32)],
) -> Vec<Vec<u32>> {
    let mut policy = factory
        .make(&spec(ActionSpace::Discrete { size: arms }), lanes)
        .unwrap();
    let mut streams = streams(0, lanes);
    let first = std::iter::once((0, 0.0));
    let rows = first.chain(history.iter().copied()).enumerate();
    rows.map(|(t, (arm, reward))| choose(policy.as_mut(), &mut streams, t == 0, arm, reward))
        .collect()
}

fn choose(
    policy: &mut dyn Policy,
    streams: &mut [Stream],
    start: bool,
    arm: u32,
    reward: f32,
) -> Vec<u32> {
    let lanes = streams.len();
    let row = Row {
        lanes,
        observation: &[],
        start: &vec![start; lanes],
        previous_action: Actions::Discrete(&vec![arm; lanes]),
        previous_reward: &vec![reward; lanes],
        previous_outcome: &vec![Outcome::Continue; lanes],
    };
    let mut actions = vec![u32::MAX; lanes];
    let out = ActRow {
        action: ActionsMut::Discrete(&mut actions),
        log_prob: &mut vec![0.0; lanes],
        value: &mut vec![0.0; lanes],
    };
    policy.act(&row, streams, out);
    actions
}

/// In one lane.
fn chosen(factory: &dyn PolicyFactory, arms: usize, history: &[(u32, f32)]) -> Vec<u32> {
    choices(factory, arms, 1, history).concat()
}

/// How often the last of [`choices`] is `arm`, as a share of 40,000 lanes;
/// 0.0075 is 3 standard errors or more of such a share.
fn share(factory: &dyn PolicyFactory, arms: usize, history: &[(u32, f32)], arm: u32) -> f64 {
    let rows = choices(factory, arms, 40_000, history);
    let last = rows.last().unwrap();
    last.iter().filter(|chosen| **chosen == arm).count() as f64 / last.len() as f64
}

fn assert_share(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 0.0075, "{found}, not {wanted}");
}

#[test]
fn greedy_by_hand() {
    // Estimates of arm 0: 1/2, 2/3, 2/4, 2/5; of arm 1: 1/2, 1/3; of arm 2:
    // 1/2, 2/3.
    let history = [(0, 1.0), (0, 0.0), (0, 0.0), (1, 0.0), (2, 1.0)];
    let wanted = [0, 0, 0, 1, 2, 2];
    assert_eq!(chosen(make("greedy", &[]).as_ref(), 3, &history), wanted);
    let never_random = make("epsilon-greedy", &[("epsilon", 0.0)]);
    assert_eq!(chosen(never_random.as_ref(), 3, &history), wanted);
    let unbounded = make("ucb1", &[("c", 0.0)]);
    assert_eq!(chosen(unbounded.as_ref(), 3, &history), wanted);
}

#[test]
fn ucb1_by_hand() {
    // After one success of arm 0, √(2 ln 2) = 1.1774: with c = 1
    // 2/3 + 1.1774/√3 = 1.3464 against 1/2 + 1.1774/√2 = 1.3326. After two,
    // √(2 ln 3) = 1.4823: 3/4 + 1.4823/2 = 1.4912 against 1.5481. After a
    // failure of arm 1, √(2 ln 4) = 1.6651: 1.5826 against 1.2947.
    let history = [(0, 1.0), (0, 1.0), (1, 0.0)];
    assert_eq!(
        chosen(make("ucb1", &[("c", 1.0)]).as_ref(), 2, &history),
        [0, 0, 1, 0]
    );
    // With c = 0.2 arm 0 stays ahead: 0.8982 against 0.7096 after two.
    assert_eq!(
        chosen(make("ucb1", &[("c", 0.2)]).as_ref(), 2, &history),
        [0, 0, 0, 0]
    );
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
    };
    let out = ActRow {
        action: ActionsMut::Box {
            width: 2,
            row: &mut actions,
        },
        log_prob: &mut vec![0.0; lanes],
        value: &mut vec![0.0; lanes],
    };
    policy.act(&row, &mut streams(0, lanes), out);
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

/// One trial in each of `lanes` bandits from `first_lane` on: all actions,
/// `[steps][lanes]`, and the lanes' returns.
fn trial(
    tasks: &Tasks<BernoulliBandit>,
    factory: &dyn PolicyFactory,
    first_lane: u64,
    lanes: usize,
) -> (Vec<u32>, Vec<f64>) {
    let mut env = tasks.make(lanes);
    let steps = env.spec().trial_steps();
    let mut policy = factory.make(env.spec(), lanes).unwrap();
    let mut streams = streams(first_lane, lanes);
    let mut trajectory = Trajectory::new(env.spec(), lanes, steps);
    env.begin(&KEY, first_lane, trajectory.begin());
    for t in 0..steps {
        let (row, out) = trajectory.acting(t);
        policy.act(&row, &mut streams, out);
        let (actions, rows) = trajectory.stepping(t);
        env.step(actions, rows);
        trajectory.stepped(t);
    }
    let mut returns = vec![0.0; lanes];
    for row in trajectory.rewards().chunks_exact(lanes) {
        for (sum, reward) in returns.iter_mut().zip(row) {
            *sum += f64::from(*reward);
        }
    }
    let Actions::Discrete(actions) = trajectory.actions() else {
        panic!("a bandit's actions are discrete");
    };
    (actions.to_vec(), returns)
}

fn bandit(arms: usize, pulls: usize) -> Tasks<BernoulliBandit> {
    Tasks::new(BernoulliBandit::new(arms, pulls).unwrap()).unwrap()
}

#[test]
fn choices_do_not_depend_on_how_lanes_are_grouped() {
    let tasks = bandit(4, 30);
    for info in learners() {
        let factory = make(info.name, &[]);
        let (whole, returns) = trial(&tasks, factory.as_ref(), 10, 8);
        let (left, left_returns) = trial(&tasks, factory.as_ref(), 10, 4);
        let (right, right_returns) = trial(&tasks, factory.as_ref(), 14, 4);
        let halves = left.chunks(4).zip(right.chunks(4));
        let halves: Vec<_> = halves.flat_map(|(left, right)| [left, right]).collect();
        assert_eq!(whole, halves.concat(), "{}", info.name);
        assert_eq!(
            returns,
            [left_returns, right_returns].concat(),
            "{}",
            info.name
        );
    }
}

/// A learner that has lived through a trial acts in the next one like a new
/// learner with the same streams.
#[test]
fn everything_is_forgotten_when_a_trial_begins() {
    let space = spec(ActionSpace::Discrete { size: 3 });
    for info in learners() {
        let factory = make(info.name, &[]);
        let mut used = factory.make(&space, 5).unwrap();
        let mut used_streams = streams(0, 5);
        choose(used.as_mut(), &mut used_streams, true, 0, 0.0);
        for _ in 0..20 {
            choose(used.as_mut(), &mut used_streams, false, 2, 1.0);
        }
        let mut new = factory.make(&space, 5).unwrap();
        let mut new_streams = used_streams.clone();
        for (start, arm, reward) in [(true, 1, 1.0), (false, 0, 0.0), (false, 1, 0.0)] {
            let wanted = choose(new.as_mut(), &mut new_streams, start, arm, reward);
            let found = choose(used.as_mut(), &mut used_streams, start, arm, reward);
            assert_eq!(found, wanted, "{}", info.name);
        }
    }
}

#[test]
fn continuous_actions_are_refused_by_all_but_random() {
    let space = spec(ActionSpace::Box {
        low: vec![0.0; 2],
        high: vec![1.0; 2],
    });
    for info in learners() {
        match make(info.name, &[]).make(&space, 1) {
            Ok(_) => assert_eq!(info.name, "random"),
            Err(why) => {
                assert!(why.starts_with(info.name), "{why}");
                assert!(why.contains("toy are vectors of 2 real numbers"), "{why}");
            }
        }
    }
}

fn mean_return(
    tasks: &Tasks<BernoulliBandit>,
    factory: &dyn PolicyFactory,
    lanes: usize,
) -> Moments {
    trial(tasks, factory, 0, lanes).1.into_iter().collect()
}

/// Duan et al. 2016, table 1, whose means are over 1,000 bandits and rounded
/// to 0.1: within 3 standard errors of the difference and the rounding. The
/// last number of a cell is the standard deviation of one trial.
#[test]
fn published_returns() {
    let (ucb, epsilon) = (&[("c", 0.2)][..], &[("epsilon", 0.1)][..]);
    let cells = [
        (5, 10, "random", &[][..], 5.0, 1.6),
        (5, 10, "greedy", &[], 6.6, 2.0),
        (5, 10, "ucb1", ucb, 6.7, 2.0),
        (5, 10, "thompson", &[], 5.7, 2.0),
        (5, 100, "greedy", &[], 74.8, 16.0),
        (5, 100, "epsilon-greedy", epsilon, 75.4, 16.0),
        (5, 100, "ucb1", ucb, 78.0, 16.0),
        (5, 100, "thompson", &[], 74.7, 16.0),
        (50, 100, "greedy", &[], 78.0, 13.0),
        (50, 100, "epsilon-greedy", epsilon, 78.3, 10.0),
        (50, 100, "thompson", &[], 64.5, 5.7),
    ];
    for (arms, pulls, name, params, published, deviation) in cells {
        let found = mean_return(&bandit(arms, pulls), make(name, params).as_ref(), 4000);
        let published_error: f64 = deviation / f64::sqrt(1000.0);
        let error = published_error.hypot(found.standard_error());
        assert!(
            (found.mean() - published).abs() < 3.0 * error + 0.05,
            "{name} with {arms} arms and {pulls} pulls: {}, not {published}",
            found.mean(),
        );
    }
}

/// Nothing earns more than what is optimal, up to 3 standard errors, and
/// random earns half of the pulls.
#[test]
fn no_learner_exceeds_the_optimum() {
    let tasks = bandit(5, 10);
    let values = tasks.exact_values();
    let optimum = values.bayes_optimal.get().unwrap();
    for info in learners() {
        let found = mean_return(&tasks, make(info.name, &[]).as_ref(), 40_000);
        let excess = (found.mean() - optimum) / found.standard_error();
        assert!(excess < 3.0, "{}: {excess} standard errors", info.name);
        if info.name == "random" {
            let random = values.random.get().unwrap();
            assert!((found.mean() - random).abs() < 3.0 * found.standard_error());
        } else {
            assert!(found.mean() > 5.7, "{}: {}", info.name, found.mean());
        }
    }
}
