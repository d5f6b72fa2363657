//! Where neither rewards nor a teacher tell anything, nothing moves the policy.

use crate::{BACKENDS, Search, config, constant, place};
use agent::BackendKind;
use imitation::{Handover, ImitationConfig, Outer, Trainer};
use nets::Device;
use rl_core::{
    ActionSpace, Data, Discrete, EnvSpec, Environment, ObservationSpace, PolicyFactory, Step,
    Stream, TaskDistribution, Tasks, Trial,
};
use std::sync::Arc;

/// Pays the same whatever is done.
pub(crate) struct Same {
    pub(crate) reward: f32,
    pub(crate) horizon: usize,
}

#[derive(Default)]
pub(crate) struct Paying(f32);

impl Environment for Paying {
    type State = ();
    type Action = Discrete;

    fn reset(&self, (): &mut (), _: &mut Stream) {}

    fn step(&self, (): &mut (), _: &u32, _: &mut Stream) -> Step {
        Step::proceed(self.0)
    }

    fn observe(&self, (): &(), _: &mut [f32]) {}
}

impl TaskDistribution for Same {
    type Task = Paying;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "same".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: crate::ARMS },
            horizon: self.horizon,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Paying, _: &mut Stream) {
        task.0 = self.reward;
    }
}

/// The policy head after a training by reward beside a teacher, and before it.
fn heads(backend: BackendKind, reward: f32, (normalize, taught): (bool, f64)) -> [Vec<Data>; 2] {
    // The teacher has an arm left to try until then, where none pays.
    let horizon = crate::ARMS;
    let env = Tasks::new(Same { reward, horizon }).unwrap();
    let plain = ImitationConfig {
        handover: Handover {
            from: 0.0,
            to: 0.0,
            over: 0.0,
        },
        teacher_coefficient: constant(taught),
        normalize_advantages: normalize,
        outer: Outer::Ppo {
            clip: 0.2,
            epochs: 2,
            minibatches: 2,
        },
        ..config(backend)
    };
    let teacher: Arc<dyn PolicyFactory> = Arc::new(Search);
    let made_of = (plain, Some(teacher));
    let mut trainer = Trainer::new(&env, made_of, 0, place(2, Device::Cpu)).unwrap();
    let head = |trainer: &Trainer| {
        let params = trainer.learner().checkpoint().unwrap().branch("params");
        let policy = params
            .iter()
            .filter(|(name, _)| name.starts_with("policy."));
        policy
            .map(|(_, array)| array.data.clone())
            .collect::<Vec<_>>()
    };
    let before = head(&trainer);
    for _ in 0..10 {
        trainer.update().unwrap();
    }
    [before, head(&trainer)]
}

#[test]
fn equal_rewards_do_not_move_the_policy() {
    for backend in BACKENDS {
        for reward in [0.0, 1.0, -0.1, 1e-20] {
            let [before, after] = heads(backend, reward, (true, 0.0));
            assert_eq!(before, after, "{backend:?}, reward {reward}");
        }
        // Errors of the value function, not made larger, are those of any actor-critic; and
        // the teacher moves the student whatever is paid.
        for moves in [(false, 0.0), (true, 1.0)] {
            let [before, after] = heads(backend, 1.0, moves);
            assert_ne!(before, after, "{backend:?}, {moves:?}");
        }
    }
}
