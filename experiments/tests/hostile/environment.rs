//! An environment with a flaw of choice.

use experiments::{EnvironmentEntry, Registry};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, Episode, ExactValues, ObservationSpace, Picture,
    PolicyFactory, Step, Stream, TaskDistribution, Trial,
};
use std::thread::sleep;
use std::time::Duration;

const FLAWS: [&str; 20] = [
    "none",
    "build",
    "sample",
    "reset",
    "step",
    "observe",
    "known_task_optimum",
    "exact_values",
    "bayes_optimal_policy",
    "learners",
    "draw",
    "wide",
    "no-number",
    "sleep",
    "slow-oracle",
    "slow-policy",
    "late",
    "late-observation",
    "late-reward",
    "hurry",
];

/// How many steps there are, on average, until what comes late.
const LATE: u32 = 2000;

/// What every panic says: it would clear the terminal.
pub(crate) const SAID: &str = "oh no\x1b[2J";

pub(crate) fn registry() -> Registry {
    let entry = EnvironmentEntry::new("hostile", "breaks", |settings| {
        let flaw = settings.choice("flaw")?;
        let flaw = FLAWS.iter().copied().find(|known| *known == flaw);
        let hostile = Hostile(flaw.unwrap_or_default());
        hostile.may_panic("build");
        Ok(hostile)
    })
    .choice("flaw", &FLAWS, "what is wrong");
    Registry::standard()
        .with_environment(entry)
        .with_algorithm(crate::algorithm::FAULTY)
}

#[derive(Clone, Copy, Default)]
struct Hostile(&'static str);

impl Hostile {
    fn may_panic(self, method: &str) {
        assert!(self.0 != method, "{SAID}");
    }
}

impl Environment for Hostile {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, state: &mut u32, _: &mut Stream) {
        self.may_panic("reset");
        *state = 0;
    }

    fn step(&self, state: &mut u32, action: &u32, rng: &mut Stream) -> Step {
        self.may_panic("step");
        if self.0 == "sleep" {
            sleep(Duration::from_secs(3600));
        }
        *state = state.saturating_add(1);
        let drawn: u32 = rng.random();
        let unlucky = drawn.is_multiple_of(LATE);
        match self.0 {
            "late" if unlucky => panic!("unlucky number {drawn}"),
            "late-reward" if unlucky => return Step::proceed(f32::INFINITY),
            // What it is not told by a number, as an angle of no vector.
            "late-observation" if unlucky => *state = u32::MAX,
            "hurry" => sleep(Duration::from_micros(u64::from(drawn % 64))),
            _ => {}
        }
        Step::proceed(*action as f32)
    }

    fn observe(&self, state: &u32, observation: &mut [f32]) {
        self.may_panic("observe");
        let none = self.0 == "no-number" || *state == u32::MAX;
        observation[0] = if none { f32::NAN } else { *state as f32 };
    }

    fn draw(&self, _: Option<&Episode>) -> Option<Picture> {
        self.may_panic("draw");
        None
    }
}

impl TaskDistribution for Hostile {
    type Task = Hostile;

    fn spec(&self) -> EnvSpec {
        let size = if self.0 == "wide" { 100_000_000 } else { 1 };
        EnvSpec {
            name: "hostile".into(),
            observation: ObservationSpace::Vector { size },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 5,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Hostile, _: &mut Stream) {
        self.may_panic("sample");
        *task = *self;
    }

    fn known_task_optimum(&self, _: &Hostile) -> Option<f64> {
        self.may_panic("known_task_optimum");
        Some(5.0)
    }

    fn exact_values(&self) -> ExactValues {
        self.may_panic("exact_values");
        if self.0 == "slow-oracle" {
            sleep(Duration::from_secs(3600));
        }
        ExactValues::default()
    }

    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        self.may_panic("bayes_optimal_policy");
        if self.0 == "slow-policy" {
            eprintln!("solving");
            sleep(Duration::from_secs(3600));
        }
        Err("there is none".into())
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        self.may_panic("learners");
        Vec::new()
    }
}
