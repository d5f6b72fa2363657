//! Collecting in lockstep: two halves, of which one acts while the other steps.

use rl_core::{
    ActRow, ActionSpace, Discrete, Domain, EnvFactory, EnvSpec, Environment, ObservationSpace,
    Policy, PolicyFactory, Row, Step, Stream, StreamKey, TaskDistribution, Tasks, Trial,
};
use rollout::{Batch, BatchSize, Pool};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);

/// Says when it steps.
#[derive(Clone)]
struct Stepping(Sender<()>);

#[derive(Default)]
struct Task(Option<Sender<()>>);

impl Environment for Task {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, state: &mut u32, _: &mut Stream) {
        *state = 0;
    }

    fn step(&self, state: &mut u32, action: &u32, _: &mut Stream) -> Step {
        if let Some(steps) = &self.0 {
            // Nobody listens after the first step.
            let _ = steps.send(());
        }
        *state += action;
        Step::proceed(*state as f32)
    }

    fn observe(&self, state: &u32, observation: &mut [f32]) {
        observation[0] = *state as f32;
    }
}

impl TaskDistribution for Stepping {
    type Task = Task;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "stepping".into(),
            observation: ObservationSpace::Vector { size: 1 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 4,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Task, _: &mut Stream) {
        task.0 = Some(self.0.clone());
    }
}

/// The second policy that is made acts only once an environment has stepped.
struct Patient {
    made: AtomicUsize,
    lanes: Mutex<Vec<usize>>,
    steps: Mutex<Option<Receiver<()>>>,
}

struct Actor(Option<Receiver<()>>);

impl PolicyFactory for Patient {
    fn name(&self) -> String {
        "patient".into()
    }

    fn make(&self, _: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.lanes.lock().unwrap().push(lanes);
        let second = self.made.fetch_add(1, Ordering::Relaxed) == 1;
        let steps = if second {
            self.steps.lock().unwrap().take()
        } else {
            None
        };
        Ok(Box::new(Actor(steps)))
    }
}

impl Policy for Actor {
    fn act(&mut self, row: &Row<'_>, _: &mut [Stream], out: ActRow<'_>) {
        if let Some(steps) = self.0.take() {
            let stepped = steps.recv_timeout(Duration::from_secs(20));
            stepped.expect("the first half steps while the second is acted on");
        }
        let actions = out.action.discrete().unwrap();
        for (lane, action) in actions.iter_mut().enumerate() {
            *action = u32::from(row.observation[lane] < 2.0);
        }
    }
}

fn patient(steps: Option<Receiver<()>>) -> Arc<Patient> {
    Arc::new(Patient {
        made: AtomicUsize::new(0),
        lanes: Mutex::default(),
        steps: Mutex::new(steps),
    })
}

/// Collects `lanes` lanes in tiles of 4; the lanes of each policy that was made.
fn collect(lanes: usize, wait: bool) -> Vec<usize> {
    let (says, hears) = channel();
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Stepping(says)).unwrap());
    let policy = patient(wait.then_some(hears));
    let size = BatchSize {
        lanes,
        tile: 4,
        steps: 4,
    };
    let mut batch = Batch::new(env.as_ref(), size).unwrap();
    let pool = Pool::new(2, || ()).unwrap();
    let factory: Arc<dyn PolicyFactory> = Arc::clone(&policy) as _;
    batch.collect_in_lockstep(&pool, &factory, KEY).unwrap();
    let first: Vec<u64> = batch.tiles().iter().map(|tile| tile.first_lane()).collect();
    let expected: Vec<u64> = (0..lanes as u64).step_by(4).collect();
    assert_eq!(first, expected, "tiles are in order again");
    for tile in batch.tiles() {
        let lanes = tile.trajectory().lanes();
        assert_eq!(tile.trajectory().rewards()[lanes * 3..], vec![2.0; lanes]);
    }
    let made = policy.lanes.lock().unwrap();
    made.clone()
}

#[test]
fn one_half_is_acted_on_while_the_other_steps() {
    assert_eq!(collect(16, true), [8, 8]);
}

#[test]
fn halves_are_whole_tiles() {
    assert_eq!(collect(11, false), [8, 3]);
    assert_eq!(collect(20, false), [12, 8]);
    assert_eq!(collect(3, false), [3], "one tile is no two halves");
}
