//! What the tests of all environments share.

use rl_core::{
    ActionsMut, Domain, EnvFactory, Moments, PolicyFactory, Rollout, Settings, StreamKey,
    Trajectory, Value,
};
use std::sync::Arc;

pub(crate) const KEY: StreamKey = StreamKey::new(1, Domain::HeldOut, 0);

/// An environment of a name with some settings.
pub(crate) fn made(name: &str, set: &[(&str, Value)]) -> Result<Arc<dyn EnvFactory>, String> {
    let all = memory::all();
    let entry = all.iter().find(|entry| entry.name() == name).unwrap();
    let set = set
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    entry.make(&Settings::new(entry.settings(), set)?)
}

/// The same with whole numbers.
pub(crate) fn env(name: &str, set: &[(&str, usize)]) -> Arc<dyn EnvFactory> {
    let set: Vec<(&str, Value)> = set
        .iter()
        .map(|(key, value)| (*key, (*value).into()))
        .collect();
    made(name, &set).unwrap()
}

/// The first trial of each lane.
pub(crate) fn begun(env: &dyn EnvFactory, lanes: usize) -> Rollout {
    let mut rollout = Rollout::new(env.make(lanes), env.spec().trial_steps());
    rollout.begin(&KEY, 0);
    rollout
}

/// The trial of a policy in each lane.
pub(crate) fn run(env: &dyn EnvFactory, policy: &dyn PolicyFactory, lanes: usize) -> Trajectory {
    let mut policy = policy.make(env.spec(), lanes).unwrap();
    let mut rollout = begun(env, lanes);
    rollout.play(policy.as_mut());
    rollout.into_trajectory()
}

/// The trial of who acts by the step and what is seen in it.
pub(crate) fn by_rule(
    env: &dyn EnvFactory,
    lanes: usize,
    mut rule: impl FnMut(usize, &[f32]) -> u32,
) -> Trajectory {
    let width = env.spec().observation.width();
    let mut rollout = begun(env, lanes);
    while !rollout.is_full() {
        let t = rollout.t();
        let (row, _, out) = rollout.acting();
        let ActionsMut::Discrete(actions) = out.action else {
            panic!("actions are discrete");
        };
        for (action, seen) in actions.iter_mut().zip(row.observation.chunks_exact(width)) {
            *action = rule(t, seen);
        }
        rollout.step();
    }
    rollout.into_trajectory()
}

/// What a lane saw, step by step.
pub(crate) fn seen(trajectory: &Trajectory, lane: usize) -> Vec<&[f32]> {
    let (lanes, width) = (trajectory.lanes(), trajectory.observation_width());
    let rows = trajectory.observations().chunks_exact(lanes * width);
    let own = rows.map(|row| &row[lane * width..(lane + 1) * width]);
    own.take(trajectory.steps()).collect()
}

/// What a lane gained, step by step.
pub(crate) fn gained(trajectory: &Trajectory, lane: usize) -> Vec<f32> {
    let rewards = trajectory.rewards().iter().skip(lane);
    rewards.step_by(trajectory.lanes()).copied().collect()
}

/// The return of each lane.
pub(crate) fn returns(trajectory: &Trajectory) -> Vec<f64> {
    let lane = |lane| {
        gained(trajectory, lane)
            .into_iter()
            .map(f64::from)
            .sum::<f64>()
    };
    (0..trajectory.lanes()).map(lane).collect()
}

/// Their mean.
pub(crate) fn mean_return(trajectory: &Trajectory) -> Moments {
    returns(trajectory).into_iter().collect()
}

/// A mean is what was expected of it, within three standard errors and the rounding of
/// single precision.
pub(crate) fn assert_near(what: &str, found: &Moments, wanted: f64) {
    let (mean, error) = (found.mean(), found.standard_error());
    let allowed = 3.0 * error + 1e-5 * wanted.abs().max(1.0);
    assert!(
        (mean - wanted).abs() <= allowed,
        "{what}: {mean} ± {error}, not {wanted}"
    );
}
