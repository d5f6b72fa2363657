//! What the tests of all environments share.

use rl_core::{Domain, EnvFactory, Moments, PolicyFactory, Purpose, StreamKey, Trajectory, VecEnv};

pub(crate) const KEY: StreamKey = StreamKey::new(1, Domain::HeldOut, 0);

/// One trial in each lane; what is done is up to `act`.
pub(crate) fn trial(env: &mut dyn VecEnv, act: impl FnMut(usize, &mut Trajectory)) -> Trajectory {
    trials(env, 1, act)
}

/// A number of trials in each lane, all of which have the same length.
fn trials(
    env: &mut dyn VecEnv,
    count: usize,
    mut act: impl FnMut(usize, &mut Trajectory),
) -> Trajectory {
    let (lanes, steps) = (env.lanes(), count * env.spec().trial_steps());
    let mut trajectory = Trajectory::new(env.spec(), lanes, steps);
    env.begin(&KEY, 0, trajectory.begin());
    for t in 0..steps {
        act(t, &mut trajectory);
        let (actions, rows) = trajectory.stepping(t);
        env.step(actions, rows);
        trajectory.stepped(t);
    }
    trajectory
}

/// The trial of a policy.
pub(crate) fn run(env: &dyn EnvFactory, policy: &dyn PolicyFactory, lanes: usize) -> Trajectory {
    run_trials(env, policy, lanes, 1)
}

/// A number of trials of a policy.
pub(crate) fn run_trials(
    env: &dyn EnvFactory,
    policy: &dyn PolicyFactory,
    lanes: usize,
    count: usize,
) -> Trajectory {
    let mut policy = policy.make(env.spec(), lanes).unwrap();
    let streams = (0..lanes as u64).map(|lane| KEY.lane(Purpose::Action, lane));
    let mut streams: Vec<_> = streams.collect();
    trials(env.make(lanes).as_mut(), count, |t, trajectory| {
        let (row, out) = trajectory.acting(t);
        policy.act(&row, &mut streams, out);
    })
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
