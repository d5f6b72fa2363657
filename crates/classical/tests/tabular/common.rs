use classical::{Family, LearnerInfo, learner, learners};
use rl_core::{
    ActionSpace, Domain, EnvSpec, ObservationSpace, PolicyFactory, Purpose, Stream, StreamKey,
    Trial,
};

pub(crate) const KEY: StreamKey = StreamKey::new(5, Domain::HeldOut, 0);

/// The learner of a name.
pub(crate) fn make(name: &str, params: &[(&str, f64)]) -> Box<dyn PolicyFactory> {
    let params = params.iter().map(|(key, value)| ((*key).into(), *value));
    learner(name, &params.collect()).unwrap()
}

/// All that need observations to tell a state.
pub(crate) fn tabular_learners() -> impl Iterator<Item = &'static LearnerInfo> {
    learners()
        .iter()
        .filter(|info| info.family == Family::Tabular)
}

/// A toy environment.
pub(crate) fn spec(states: usize, actions: usize, horizon: usize) -> EnvSpec {
    EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Discrete { size: states },
        action: ActionSpace::Discrete { size: actions },
        horizon,
        trial: Trial::Episodes(100),
    }
}

/// The streams of lanes for their actions.
pub(crate) fn streams(lanes: usize) -> Vec<Stream> {
    let stream = |lane| KEY.lane(Purpose::Action, lane);
    (0..lanes as u64).map(stream).collect()
}
