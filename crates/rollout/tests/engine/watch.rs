//! Who watches sees the call that does not come back.

use crate::common::KEY;
use rl_core::{
    ActionSpace, Discrete, EnvFactory, EnvSpec, Environment, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks, Trial,
};
use rollout::{Silence, Tile, Watcher};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// Whose fourth lane says that it is reset, and waits.
struct Sleepers(Mutex<Sender<()>>, Arc<Mutex<Receiver<()>>>);

/// What wakes it, and what it says before.
type Bell = (Sender<()>, Arc<Mutex<Receiver<()>>>);

#[derive(Default)]
struct Sleeper(Option<Bell>);

impl Environment for Sleeper {
    type State = u64;
    type Action = Discrete;

    fn reset(&self, _: &mut u64, _: &mut Stream) {
        if let Some((asleep, wake)) = &self.0 {
            asleep.send(()).unwrap();
            wake.lock().unwrap().recv().unwrap();
        }
    }

    fn step(&self, _: &mut u64, _: &u32, _: &mut Stream) -> Step {
        Step::proceed(0.0)
    }

    fn observe(&self, _: &u64, observation: &mut [f32]) {
        observation.fill(0.0);
    }
}

impl TaskDistribution for Sleepers {
    type Task = Sleeper;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "sleeper".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 3,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Sleeper, rng: &mut Stream) {
        let fourth = KEY.lane(rl_core::Purpose::Task, 23);
        if *rng == fourth {
            let asleep = self.0.lock().unwrap().clone();
            task.0 = Some((asleep, Arc::clone(&self.1)));
        }
    }
}

#[test]
fn a_call_that_does_not_come_back_is_seen_until_it_does() {
    let (asleep, sleeping) = channel();
    let (wake, waking) = channel();
    let waking = Arc::new(Mutex::new(waking));
    let env = Tasks::new(Sleepers(Mutex::new(asleep), waking)).unwrap();
    let thread = std::thread::spawn(move || {
        let mut tile = Tile::new(&env as &dyn EnvFactory, 5, 20, 3);
        tile.collect(crate::common::sums().as_ref(), &KEY).is_ok()
    });
    sleeping.recv().unwrap();
    let mut watcher = Watcher::default();
    let mut look = || {
        let seen = watcher.look().into_iter();
        seen.filter(|silence| silence.env == "sleeper").collect()
    };
    assert_eq!(look(), [], "a first look has nothing to compare with");
    for looks in 1..4 {
        let expected = Silence {
            env: "sleeper".into(),
            method: "reset",
            lanes: 23..=23,
            looks,
        };
        assert_eq!(look(), [expected]);
    }
    wake.send(()).unwrap();
    // The episode's end resets the lane once more.
    sleeping.recv().unwrap();
    let again: Vec<Silence> = look();
    assert_eq!(again, [], "another call than before");
    wake.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(look(), []);
}
