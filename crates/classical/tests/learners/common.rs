//! What the tests share: choices after given histories, and trials.

use bandits::BernoulliBandit;
use classical::{Family, LearnerInfo, learner, learners};
use rl_core::{
    ActRow, ActionSpace, Actions, ActionsMut, Domain, EnvFactory, EnvSpec, Moments,
    ObservationSpace, Outcome, Policy, PolicyFactory, Purpose, Rollout, Row, Stream, StreamKey,
    TaskDistribution, Tasks, Trial,
};
use std::collections::BTreeMap;

pub(crate) const KEY: StreamKey = StreamKey::new(3, Domain::HeldOut, 0);

pub(crate) fn make(name: &str, params: &[(&str, f64)]) -> Box<dyn PolicyFactory> {
    let params: BTreeMap<_, _> = params
        .iter()
        .map(|(key, value)| ((*key).into(), *value))
        .collect();
    learner(name, &params).unwrap()
}

/// All that can act in a bandit.
pub(crate) fn bandit_learners() -> impl Iterator<Item = &'static LearnerInfo> {
    let all = learners().iter();
    all.filter(|info| matches!(info.family, Family::Any | Family::Bandit))
}

pub(crate) fn spec(action: ActionSpace) -> EnvSpec {
    EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Vector { size: 0 },
        action,
        horizon: 100,
        trial: Trial::Episodes(1),
    }
}

pub(crate) fn streams(lanes: usize) -> Vec<Stream> {
    let stream = |lane| KEY.lane(Purpose::Action, lane);
    (0..lanes as u64).map(stream).collect()
}

/// What a learner chooses in every one of `lanes` lanes at the start of a
/// trial and after each pull of `history`, (arm, reward). `[row][lanes]`
pub(crate) fn choices(
    factory: &dyn PolicyFactory,
    arms: usize,
    lanes: usize,
    history: &[(u32, f32)],
) -> Vec<Vec<u32>> {
    let mut policy = factory
        .make(&spec(ActionSpace::Discrete { size: arms }), lanes)
        .unwrap();
    let mut streams = streams(lanes);
    let first = std::iter::once((0, 0.0));
    let rows = first.chain(history.iter().copied()).enumerate();
    rows.map(|(t, (arm, reward))| choose(policy.as_mut(), &mut streams, t == 0, arm, reward))
        .collect()
}

pub(crate) fn choose(
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
        told: &[],
        final_observation: None,
    };
    let mut actions = vec![u32::MAX; lanes];
    let out = ActRow {
        action: ActionsMut::Discrete(&mut actions),
        log_prob: &mut vec![0.0; lanes],
        value: &mut vec![0.0; lanes],
        label: &mut [],
    };
    policy.act(&row, streams, out);
    actions
}

/// In one lane.
pub(crate) fn chosen(factory: &dyn PolicyFactory, arms: usize, history: &[(u32, f32)]) -> Vec<u32> {
    choices(factory, arms, 1, history).concat()
}

/// How often the last of [`choices`] is `arm`, as a share of 40,000 lanes;
/// 0.0075 is 3 standard errors or more of such a share.
pub(crate) fn share(
    factory: &dyn PolicyFactory,
    arms: usize,
    history: &[(u32, f32)],
    arm: u32,
) -> f64 {
    let rows = choices(factory, arms, 40_000, history);
    let last = rows.last().unwrap();
    last.iter().filter(|chosen| **chosen == arm).count() as f64 / last.len() as f64
}

pub(crate) fn assert_share(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 0.0075, "{found}, not {wanted}");
}

/// One trial in each of `lanes` tasks from `first_lane` on: all actions,
/// `[steps][lanes]`, and the lanes' returns.
pub(crate) fn trial<D: TaskDistribution>(
    tasks: &Tasks<D>,
    factory: &dyn PolicyFactory,
    first_lane: u64,
    lanes: usize,
) -> (Vec<u32>, Vec<f64>) {
    let mut policy = factory.make(tasks.spec(), lanes).unwrap();
    let mut rollout = Rollout::new(tasks.make(lanes), tasks.spec().trial_steps());
    rollout.begin(&KEY, first_lane);
    rollout.play(policy.as_mut());
    let trajectory = rollout.trajectory();
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

pub(crate) fn bandit(arms: usize, pulls: usize) -> Tasks<BernoulliBandit> {
    Tasks::new(BernoulliBandit::new(arms, pulls).unwrap()).unwrap()
}

pub(crate) fn mean_return<D: TaskDistribution>(
    tasks: &Tasks<D>,
    factory: &dyn PolicyFactory,
    lanes: usize,
) -> Moments {
    trial(tasks, factory, 0, lanes).1.into_iter().collect()
}
