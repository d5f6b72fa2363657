//! A noisy walk with faults, and a policy that remembers.

use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionSpace, Discrete, Domain, EnvFactory, EnvSpec, Environment, ObservationSpace,
    Policy, PolicyFactory, Row, Step, Stream, StreamKey, TaskDistribution, Tasks, Trial,
};
use rollout::BatchSize;
use std::sync::Arc;

/// A noisy walk that ends early when it gets far, with a fault on demand.
#[derive(Clone)]
struct Walks {
    fault: Fault,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    Panic,
    Nan,
    /// In every observation.
    NanObservation,
    NeverEnds,
    PanicsInSample,
    PanicsInReset,
    PanicsInObserve,
}

#[derive(Default)]
struct Walk {
    drift: f32,
    fault: Fault,
}

impl Environment for Walk {
    type State = f32;
    type Action = Discrete;

    fn reset(&self, state: &mut f32, rng: &mut Stream) {
        assert!(self.fault != Fault::PanicsInReset, "no reset");
        *state = rng.random();
    }

    fn step(&self, state: &mut f32, action: &u32, rng: &mut Stream) -> Step {
        *state += *action as f32 - 0.5 + self.drift + rng.random::<f32>();
        if *state > 4.0 && self.fault == Fault::Panic {
            panic!("too far: {state}");
        }
        if *state > 4.0 && self.fault == Fault::Nan {
            return Step::proceed(f32::NAN);
        }
        if *state > 5.0 && self.fault != Fault::NeverEnds {
            Step::terminal(*state)
        } else {
            Step::proceed(*state)
        }
    }

    fn observe(&self, state: &f32, observation: &mut [f32]) {
        assert!(self.fault != Fault::PanicsInObserve, "no sight");
        observation.copy_from_slice(&[*state, self.drift]);
        if self.fault == Fault::NanObservation {
            observation[0] = f32::NAN;
        }
    }
}

impl TaskDistribution for Walks {
    type Task = Walk;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "walk".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 7,
            trial: Trial::Episodes(3),
        }
    }

    fn sample(&self, task: &mut Walk, rng: &mut Stream) {
        assert!(self.fault != Fault::PanicsInSample, "no task");
        task.drift = rng.random::<f32>() - 0.5;
        task.fault = self.fault;
    }

    fn known_task_optimum(&self, task: &Walk) -> Option<f64> {
        Some(f64::from(task.drift))
    }
}

/// Remembers the sum of rewards per lane, and acts on it by chance.
struct Sums(Vec<f32>);

impl Policy for Sums {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let actions = out.action.discrete().expect("a discrete environment");
        for lane in 0..row.lanes {
            if row.start[lane] {
                self.0[lane] = 0.0;
            } else {
                self.0[lane] += row.previous_reward[lane];
            }
            let chance = streams[lane].random::<f32>() + 0.01 * self.0[lane];
            actions[lane] = u32::from(chance > 0.5 + row.observation[lane * 2] * 0.1);
            out.value[lane] = self.0[lane];
            out.log_prob[lane] = chance;
        }
    }
}

struct MakeSums;

impl PolicyFactory for MakeSums {
    fn name(&self) -> String {
        "sums".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        if !spec.is_discrete() {
            return Err("it needs discrete actions".into());
        }
        Ok(Box::new(Sums(vec![0.0; lanes])))
    }
}

pub(crate) fn walks(fault: Fault) -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(Walks { fault }).unwrap())
}

pub(crate) fn sums() -> Arc<dyn PolicyFactory> {
    Arc::new(MakeSums)
}

pub(crate) const KEY: StreamKey = StreamKey::new(11, Domain::Training, 4);

pub(crate) const SIZE: BatchSize = BatchSize {
    lanes: 29,
    tile: 4,
    steps: 40,
};
