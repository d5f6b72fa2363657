use super::*;
use rl_core::rand::RngExt as _;
use rl_core::{ActionSpace, Discrete, EnvSpec, Environment, Step, TaskDistribution, Tasks, Trial};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is wrong with the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Flaw {
    #[default]
    None,
    NanReward,
    Unwritten,
    OutOfSpace,
    GlobalCounter,
    GlobalTasks,
    Leak,
    LeakyTask,
    Huge,
    Panic,
}

#[derive(Clone)]
struct Toys(Flaw);

#[derive(Default)]
struct Toy {
    flaw: Flaw,
    goal: u32,
    /// How often the task was drawn into.
    drawn: u32,
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Environment for Toy {
    /// Steps since the reset, and steps in all.
    type State = [u32; 2];
    type Action = Discrete;

    fn reset(&self, state: &mut [u32; 2], _rng: &mut Stream) {
        state[0] = 0;
        if self.flaw != Flaw::Leak {
            state[1] = 0;
        }
    }

    fn step(&self, [state, all]: &mut [u32; 2], action: &u32, rng: &mut Stream) -> Step {
        *state += 1;
        *all += 1;
        let noise: f32 = rng.random();
        let reward = match self.flaw {
            Flaw::NanReward if *state == 2 => f32::NAN,
            Flaw::Panic => panic!("toys break"),
            Flaw::Leak => *all as f32,
            Flaw::LeakyTask => self.drawn as f32,
            Flaw::Huge => 3e38,
            Flaw::GlobalCounter => COUNTER.fetch_add(1, Ordering::Relaxed) as f32,
            _ => noise + f32::from(u8::from(*action == self.goal)),
        };
        match noise < 0.3 {
            true => Step::terminal(reward),
            false => Step::proceed(reward),
        }
    }

    fn observe(&self, [state, _]: &[u32; 2], observation: &mut [f32]) {
        if self.flaw != Flaw::Unwritten || *state != 1 {
            observation[0] = *state as f32;
        }
        if self.flaw == Flaw::OutOfSpace {
            observation[0] += 1.0;
        }
    }
}

impl TaskDistribution for Toys {
    type Task = Toy;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "toy".into(),
            observation: ObservationSpace::Discrete { size: 5 },
            action: ActionSpace::Discrete { size: 3 },
            horizon: 4,
            trial: Trial::Episodes(3),
        }
    }

    fn sample(&self, task: &mut Toy, rng: &mut Stream) {
        task.flaw = self.0;
        task.drawn += 1;
        task.goal = match self.0 {
            Flaw::GlobalTasks => COUNTER.fetch_add(1, Ordering::Relaxed) as u32,
            _ => rng.random_range(0..3),
        };
    }

    fn known_task_optimum(&self, task: &Toy) -> Option<f64> {
        Some(f64::from(task.goal))
    }
}

fn broken(flaw: Flaw) -> Vec<&'static str> {
    let checks = check(&Tasks::new(Toys(flaw)).unwrap());
    assert_eq!(checks.len(), 10);
    let broken = checks.iter().filter(|check| check.fault.is_some());
    broken.map(|check| check.rule).collect()
}

#[test]
fn a_good_environment_passes() {
    assert_eq!(broken(Flaw::None), Vec::<&str>::new());
}

#[test]
fn each_flaw_is_found() {
    let found = |flaw, rule: &str| {
        let broken = broken(flaw);
        assert!(
            broken.iter().any(|found| found.contains(rule)),
            "{flaw:?}: {broken:?}"
        );
    };
    found(Flaw::NanReward, "rewards are finite");
    found(Flaw::Unwritten, "written completely");
    found(Flaw::OutOfSpace, "within their space");
    found(Flaw::GlobalCounter, "one seed");
    found(Flaw::Leak, "a reset leaves nothing");
    found(Flaw::LeakyTask, "a reset leaves nothing");
    found(Flaw::Huge, "returns not too large");
    found(Flaw::GlobalTasks, "tasks do not depend");
}

#[test]
fn a_panic_is_told_once_with_its_method() {
    let checks = check(&Tasks::new(Toys(Flaw::Panic)).unwrap());
    let faults: Vec<_> = checks.iter().filter_map(|c| c.fault.as_deref()).collect();
    assert_eq!(
        faults[0],
        "environment 'toy' panicked in `step`: toys break"
    );
    assert_eq!(faults[1..], ["the same panic"; 7]);
}

#[test]
fn the_shipped_environments_pass() {
    for entry in crate::registry::Registry::standard().environments() {
        let built = crate::registry::Built::new(entry, &toml::Table::new());
        let env = built.unwrap().factory;
        for check in check(env.as_ref()) {
            assert_eq!(check.fault, None, "{}: {}", entry.name(), check.rule);
        }
    }
}
