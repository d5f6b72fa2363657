//! What the tests of all environments need.

use rl_core::{
    Actions, ActionsMut, Domain, EnvFactory, Moments, Outcome, PolicyFactory, Rollout, StreamKey,
    Trajectory, VecEnv,
};

pub(crate) const KEY: StreamKey = StreamKey::new(1, Domain::HeldOut, 0);

/// The first trial in each lane; what is done is up to `act`.
pub(crate) fn trial(env: Box<dyn VecEnv>, mut act: impl FnMut(&mut Rollout)) -> Rollout {
    let steps = env.spec().trial_steps();
    let mut rollout = Rollout::new(env, steps);
    rollout.begin(&KEY, 0);
    while !rollout.is_full() {
        act(&mut rollout);
        rollout.step();
    }
    rollout
}

/// The same discrete actions in all lanes, one for each step of the trial.
pub(crate) fn always(env: Box<dyn VecEnv>, action: impl Fn(usize) -> u32) -> Rollout {
    trial(env, |rollout| {
        let t = rollout.t();
        if let ActionsMut::Discrete(actions) = rollout.acting().2.action {
            actions.fill(action(t));
        }
    })
}

/// One trial of a policy in each of `lanes` tasks.
pub(crate) fn run(env: &dyn EnvFactory, policy: &dyn PolicyFactory, lanes: usize) -> Trajectory {
    let mut policy = policy.make(env.spec(), lanes).unwrap();
    trial(env.make(lanes), |rollout| rollout.act(policy.as_mut())).into_trajectory()
}

/// What a policy does in the trial of one lane, after one of another task.
pub(crate) fn alone(env: &dyn EnvFactory, policy: &dyn PolicyFactory, lane: u64) -> Trajectory {
    let mut policy = policy.make(env.spec(), 1).unwrap();
    let mut rollout = Rollout::new(env.make(1), env.spec().trial_steps());
    for lane in [100 + lane, lane] {
        rollout.begin(&KEY, lane);
        rollout.play(policy.as_mut());
    }
    rollout.into_trajectory()
}

/// Returns of the first trial of each lane, of one episode or of all.
pub(crate) fn returns(trajectory: &Trajectory, episode: Option<usize>) -> Vec<f64> {
    let lanes = trajectory.lanes();
    let of_lane = |lane: usize| {
        let (mut at, mut sum) = (0, 0.0);
        for t in 0..trajectory.lengths()[lane] {
            if episode.is_none_or(|wanted| wanted == at) {
                sum += f64::from(trajectory.rewards()[t * lanes + lane]);
            }
            at += usize::from(trajectory.outcomes()[t * lanes + lane] != Outcome::Continue);
        }
        sum
    };
    (0..lanes).map(of_lane).collect()
}

pub(crate) fn mean(trajectory: &Trajectory, episode: Option<usize>) -> Moments {
    returns(trajectory, episode).into_iter().collect()
}

/// Whether a simulated mean is within three standard errors of a value; a
/// mean without spread has to be the value.
pub(crate) fn assert_agrees(found: &Moments, wanted: f64, what: &str) {
    let error = (found.mean() - wanted).abs();
    let allowed = 3.0 * found.standard_error() + 1e-4;
    assert!(
        error <= allowed,
        "{what}: {} ± {}, not {wanted}",
        found.mean(),
        found.standard_error()
    );
}

pub(crate) fn discrete(trajectory: &Trajectory) -> &[u32] {
    match trajectory.actions() {
        Actions::Discrete(actions) => actions,
        Actions::Box { .. } => panic!("discrete actions"),
    }
}
