//! What the tests of all environments share.

use rl_core::{Domain, EnvFactory, Moments, PolicyFactory, Rollout, StreamKey, Trajectory, VecEnv};

pub(crate) const KEY: StreamKey = StreamKey::new(1, Domain::HeldOut, 0);

/// One trial in each lane, under a key; what is done is up to `act`.
pub(crate) fn trial(
    env: Box<dyn VecEnv>,
    key: &StreamKey,
    mut act: impl FnMut(&mut Rollout),
) -> Trajectory {
    let steps = env.spec().trial_steps();
    let mut rollout = Rollout::new(env, steps);
    rollout.begin(key, 0);
    while !rollout.is_full() {
        act(&mut rollout);
        rollout.step();
    }
    rollout.into_trajectory()
}

/// The trial of a policy.
pub(crate) fn run(env: &dyn EnvFactory, policy: &dyn PolicyFactory, lanes: usize) -> Trajectory {
    run_trials(env, policy, lanes, 1)
}

/// A number of trials of a policy, all of which have the same length.
pub(crate) fn run_trials(
    env: &dyn EnvFactory,
    policy: &dyn PolicyFactory,
    lanes: usize,
    count: usize,
) -> Trajectory {
    let mut policy = policy.make(env.spec(), lanes).unwrap();
    let mut rollout = Rollout::new(env.make(lanes), count * env.spec().trial_steps());
    rollout.begin(&KEY, 0);
    rollout.play(policy.as_mut());
    rollout.into_trajectory()
}

/// The return of every lane's last trial.
pub(crate) fn returns(trajectory: &Trajectory) -> Moments {
    let lanes = trajectory.lanes();
    let last = trajectory.steps() - trajectory.lengths()[0];
    let rewards = &trajectory.rewards()[last * lanes..];
    let lane = |lane: usize| {
        let own = rewards.iter().skip(lane).step_by(lanes);
        own.map(|reward| f64::from(*reward)).sum::<f64>()
    };
    (0..lanes).map(lane).collect()
}

/// How far a step's mean reward in the first trials is from what was expected
/// of it, at most, in standard errors of 1 in each step.
pub(crate) fn farthest_step(trajectory: &Trajectory, wanted: &[f64]) -> f64 {
    let steps = trajectory.rewards().chunks_exact(trajectory.lanes());
    let off = steps.zip(wanted).map(|(rewards, wanted)| {
        let found: Moments = rewards.iter().map(|reward| f64::from(*reward)).collect();
        (found.mean() - wanted).abs() / found.standard_error().max(1e-9)
    });
    off.fold(0.0, f64::max)
}

/// How many standard errors a mean is above a value.
pub(crate) fn standard_errors(moments: &Moments, value: f64) -> f64 {
    (moments.mean() - value) / moments.standard_error()
}

/// Acts by a rule of what a lane did, gained and sees; `None` for what it did
/// at the start of a trial.
pub(crate) struct Rule<F>(pub(crate) F);

/// What a rule sees of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) observation: f32,
    pub(crate) action: Option<u32>,
    pub(crate) reward: f32,
    /// A uniform number.
    pub(crate) chance: f64,
}

impl<F: Fn(Seen) -> u32 + Clone + Send + Sync + 'static> PolicyFactory for Rule<F> {
    fn name(&self) -> String {
        "rule".into()
    }

    fn make(
        &self,
        _spec: &rl_core::EnvSpec,
        _lanes: usize,
    ) -> Result<Box<dyn rl_core::Policy>, String> {
        Ok(Box::new(Rule(self.0.clone())))
    }
}

impl<F: Fn(Seen) -> u32 + Send> rl_core::Policy for Rule<F> {
    fn act(
        &mut self,
        row: &rl_core::Row<'_>,
        streams: &mut [rl_core::Stream],
        out: rl_core::ActRow<'_>,
    ) {
        use rl_core::rand::RngExt as _;
        let rl_core::Actions::Discrete(previous) = row.previous_action else {
            panic!("discrete actions");
        };
        for (lane, action) in out.action.discrete().unwrap().iter_mut().enumerate() {
            *action = (self.0)(Seen {
                observation: row.observation[lane],
                action: (!row.start[lane]).then_some(previous[lane]),
                reward: row.previous_reward[lane],
                chance: streams[lane].random(),
            });
        }
    }
}
