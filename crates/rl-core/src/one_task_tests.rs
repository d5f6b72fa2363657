use super::*;
use crate::env::{Discrete, Environment, Outcome, Step, TaskDistribution};
use crate::spec::{ActionSpace, ObservationSpace, Trial};
use crate::streams::Stream;
use crate::{Tasks, rand::RngExt as _};

/// A task is a number that every step shows, beside one that is drawn at it.
struct Numbers;

#[derive(Default)]
struct Number(f32);

impl Environment for Number {
    type State = f32;
    type Action = Discrete;

    fn reset(&self, drawn: &mut f32, rng: &mut Stream) {
        *drawn = rng.random();
    }

    fn step(&self, drawn: &mut f32, _: &u32, rng: &mut Stream) -> Step {
        *drawn = rng.random();
        Step::proceed(self.0)
    }

    fn observe(&self, drawn: &f32, observation: &mut [f32]) {
        observation.copy_from_slice(&[self.0, *drawn]);
    }
}

impl TaskDistribution for Numbers {
    type Task = Number;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "numbers".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 1 },
            horizon: 3,
            trial: Trial::Episodes(2),
        }
    }

    fn sample(&self, task: &mut Number, rng: &mut Stream) {
        task.0 = rng.random();
    }

    fn known_task_optimum(&self, task: &Number) -> Option<f64> {
        Some(6.0 * f64::from(task.0))
    }
}

fn begun(env: &dyn EnvFactory, key: StreamKey, (first, lanes): (u64, usize)) -> Vec<[f32; 2]> {
    let mut observation = vec![0.0; 2 * lanes];
    env.make(lanes).begin(&key, first, &mut observation);
    observation.chunks(2).map(|row| [row[0], row[1]]).collect()
}

#[test]
fn every_lane_is_in_the_task_of_the_number_whatever_the_key() {
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Numbers).unwrap());
    let held = StreamKey::new(7, Domain::HeldOut, 0);
    let fresh = begun(env.as_ref(), held, (0, 8));
    for number in [0, 5] {
        let one = OneTask::new(Arc::clone(&env), (7, Domain::HeldOut), number);
        let wanted = fresh[number as usize][0];
        let mut drawn = Vec::new();
        for key in [
            StreamKey::new(0, Domain::Training, 0),
            StreamKey::new(0, Domain::Training, 1),
            StreamKey::new(0, Domain::HeldOut, 0),
        ] {
            for first in [0, 64] {
                let rows = begun(&one, key, (first, 4));
                assert!(rows.iter().all(|row| row[0] == wanted), "{rows:?}");
                drawn.extend(rows.iter().map(|row| row[1].to_bits()));
            }
        }
        let all = drawn.len();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(
            drawn.len(),
            all,
            "every lane under every key lives on its own"
        );
        let mut lanes = one.make(2);
        lanes.begin(&held, 0, &mut [0.0; 4]);
        assert_eq!(lanes.known_task_optimum(1), Some(6.0 * f64::from(wanted)));
    }
}

#[test]
fn a_trial_is_lived_as_in_the_environment_itself() {
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Numbers).unwrap());
    let one = OneTask::new(env, (7, Domain::HeldOut), 3);
    let mut lanes = one.make(1);
    let (mut observation, mut last) = ([0.0; 2], [0.0; 2]);
    lanes.begin(&StreamKey::new(1, Domain::Training, 4), 0, &mut observation);
    let task = observation[0];
    let mut ends = Vec::new();
    for _ in 0..5 {
        let (mut reward, mut outcome, mut start) = ([0.0], [Outcome::Continue], [false]);
        let rows = StepRows {
            observation: &mut observation,
            reward: &mut reward,
            outcome: &mut outcome,
            start: &mut start,
            final_observation: &mut last,
        };
        lanes.step(Actions::Discrete(&[0]), rows);
        assert_eq!((reward[0], observation[0], start[0]), (task, task, false));
        ends.push(outcome[0]);
    }
    assert_eq!(ends[2], Outcome::Truncated);
    assert_eq!(one.tasks(), Some(1));
    assert_eq!(one.exact_values().random.get(), None);
}
