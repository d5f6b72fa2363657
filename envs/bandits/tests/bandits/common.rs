//! What the tests of all bandits share.

use rl_core::{
    Actions, ActionsMut, Domain, EnvFactory, Moments, PolicyFactory, Purpose, Rollout, Stream,
    StreamKey, TaskDistribution, Trajectory,
};

pub(crate) const KEY: StreamKey = StreamKey::new(1, Domain::HeldOut, 0);

/// The first trial in each lane of a batch.
fn begun(env: &dyn EnvFactory, lanes: usize) -> Rollout {
    let mut rollout = Rollout::new(env.make(lanes), env.spec().trial_steps());
    rollout.begin(&KEY, 0);
    rollout
}

/// The trial of a policy in each of `lanes` lanes.
pub(crate) fn run(env: &dyn EnvFactory, policy: &dyn PolicyFactory, lanes: usize) -> Trajectory {
    let mut policy = policy.make(env.spec(), lanes).unwrap();
    let mut rollout = begun(env, lanes);
    rollout.play(policy.as_mut());
    rollout.into_trajectory()
}

/// A rule of thumb: chooses by the pull's number, the arm and reward before
/// (`None` at first), and the lane's stream.
pub(crate) fn by_rule(
    env: &dyn EnvFactory,
    lanes: usize,
    rule: impl Fn(usize, Option<(u32, f32)>, &mut Stream) -> u32,
) -> Trajectory {
    let mut rollout = begun(env, lanes);
    while !rollout.is_full() {
        let t = rollout.t();
        let (row, streams, out) = rollout.acting();
        let (Actions::Discrete(previous), ActionsMut::Discrete(actions)) =
            (row.previous_action, out.action)
        else {
            panic!("a bandit's actions are discrete");
        };
        for (lane, rng) in streams.iter_mut().enumerate() {
            let before = (t > 0).then(|| (previous[lane], row.previous_reward[lane]));
            actions[lane] = rule(t, before, rng);
        }
        rollout.step();
    }
    rollout.into_trajectory()
}

/// The return of each lane.
pub(crate) fn returns(trajectory: &Trajectory) -> Vec<f64> {
    let lanes = trajectory.lanes();
    let mut returns = vec![0.0; lanes];
    for row in trajectory.rewards().chunks_exact(lanes) {
        for (sum, reward) in returns.iter_mut().zip(row) {
            *sum += f64::from(*reward);
        }
    }
    returns
}

pub(crate) fn mean(trajectory: &Trajectory) -> Moments {
    returns(trajectory).into_iter().collect()
}

/// How many standard errors a mean is above a value.
pub(crate) fn standard_errors(moments: &Moments, value: f64) -> f64 {
    (moments.mean() - value) / moments.standard_error()
}

pub(crate) fn actions(trajectory: &Trajectory) -> &[u32] {
    match trajectory.actions() {
        Actions::Discrete(actions) => actions,
        Actions::Box { .. } => panic!("a bandit's actions are discrete"),
    }
}

/// The task of each lane of a trial.
pub(crate) fn tasks_of<D: TaskDistribution>(distribution: &D, lanes: usize) -> Vec<D::Task> {
    let sample = |lane| {
        let mut task = D::Task::default();
        distribution.sample(&mut task, &mut KEY.lane(Purpose::Task, lane));
        task
    };
    (0..lanes as u64).map(sample).collect()
}

/// What the description of a task says.
pub(crate) fn description<D: TaskDistribution>(distribution: &D, task: &D::Task) -> Vec<f32> {
    let mut description = vec![f32::NAN; distribution.description_size()];
    distribution.describe(task, &mut description);
    description
}

/// That a Bayes-optimal policy earns the value it is said to have, pull by
/// pull where that is known, and nothing above what a known task allows.
pub(crate) fn assert_earns_its_value(env: &dyn EnvFactory, lanes: usize) {
    let values = env.exact_values();
    let policy = env.bayes_optimal_policy().unwrap();
    assert_eq!(policy.name(), "bayes-optimal");
    let trajectory = run(env, policy.as_ref(), lanes);
    let found = mean(&trajectory);
    let best = &values.bayes_optimal;
    let (value, standard_error) = best.get().zip(best.standard_error()).expect("a value");
    // Where nothing is random, only rounding remains.
    let bound = 3.0 * found.standard_error().hypot(standard_error) + 1e-6;
    let error = found.mean() - value;
    assert!(
        error.abs() < bound,
        "{:?}: {error}, above {bound}",
        env.spec()
    );
    assert!(value <= values.known_task_optimum.get().unwrap() + 3.0 * standard_error);
    assert!(value >= values.random.get().unwrap() - 3.0 * standard_error);
    let Some(rewards) = values.bayes_optimal_rewards else {
        return;
    };
    assert_eq!(rewards.len(), env.spec().trial_steps());
    let sum: f64 = rewards.iter().sum();
    assert!((sum - value).abs() < 1e-9, "{sum}, not {value}");
    let rows = trajectory.rewards().chunks_exact(lanes);
    for (pull, (row, wanted)) in rows.zip(rewards).enumerate() {
        let row: Moments = row.iter().map(|reward| f64::from(*reward)).collect();
        // Four standard errors, as there are many pulls.
        let bound = 4.0 * row.standard_error() + 1e-6;
        assert!(
            (row.mean() - wanted).abs() < bound,
            "pull {pull}: {}, {wanted}",
            row.mean()
        );
    }
}
