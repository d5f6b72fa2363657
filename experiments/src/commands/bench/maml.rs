//! `bench maml`: complete meta-iterations, and where their time goes.

use super::timing::{ROUNDS, Split, WARM_UP, brief, counted, median, round};
use crate::cli::BenchArgs;
use crate::console::{Console, Event, short};
use crate::progress::Waiting;
use ::maml::{MamlConfig, Phase, Trainer};
use agent::read;
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::host;
use lab::presets::{MAML_BENCHMARK, Source};
use lab::registry::Registry;
use lab::session::Session;
use nets::Device;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// What the time of an iteration is divided into.
const PHASES: [(Phase, &str); 6] = [
    (Phase::Rollout, "rollout"),
    (Phase::Inner, "inner"),
    (Phase::Outer, "outer"),
    (Phase::ConjugateGradient, "conjugate_gradient"),
    (Phase::LineSearch, "line_search"),
    (Phase::Value, "value"),
];

pub(super) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let session = Session::new(registry, &console, args.work.workers(), &args.device)?;
    if session.device != Device::Cpu {
        return Err(Failure::usage(
            "--device: maml runs on the CPU alone; leave the option out",
        ));
    }
    let source = Source::find(MAML_BENCHMARK.as_ref())?;
    let config = RunConfig::resolve(registry, &source.place, &source.text, &args.words)?;
    let settings = read::<MamlConfig>("maml", &config.settings).map_err(Failure::config)?;
    let (env, pool) = (config.built.factory.as_ref(), Arc::clone(&session.pool));
    let needed = ::maml::footprint(env, &settings, pool.workers()).map_err(Failure::config)?;
    session.room.check("bench maml", &needed)?;
    let trainer = Trainer::new(env, settings, config.seed, pool).map_err(Failure::config)?;
    let measuring = Waiting::on("bench maml");
    let measured = measure(trainer)?;
    drop(measuring);
    console.say(measured.text(&session))?;
    console.emit(Event::Benchmark, &measured.row(&config, &session))
}

/// What was measured.
struct Measured {
    settings: MamlConfig,
    iterations: usize,
    /// Median of the iterations.
    seconds: f64,
    /// Environment steps of an iteration, mean: a trial may end early.
    steps: f64,
    /// Seconds of an iteration by name, which add up to `seconds`.
    split: Split,
}

fn measure(mut trainer: Trainer) -> Result<Measured, Failure> {
    for _ in 0..WARM_UP {
        trainer.update()?;
    }
    let (mut times, mut watch) = (Vec::new(), Watch::default());
    let steps_before = trainer.env_steps();
    for _ in 0..ROUNDS {
        times.extend(round(|| {
            watch.begin();
            trainer.update_observed(&mut |phase| watch.turn(phase))?;
            watch.end();
            Ok(())
        })?);
    }
    let (iterations, seconds) = (times.len(), median(times));
    Ok(Measured {
        steps: (trainer.env_steps() - steps_before) as f64 / iterations as f64,
        settings: trainer.config().clone(),
        iterations,
        seconds,
        split: watch.split(seconds),
    })
}

/// Adds up the time of each phase.
#[derive(Default)]
struct Watch {
    now: Option<(usize, Instant)>,
    spent: [f64; PHASES.len()],
}

impl Watch {
    /// An iteration begins; what is done before its first phase is the
    /// rollout's.
    fn begin(&mut self) {
        self.now = Some((0, Instant::now()));
    }

    fn turn(&mut self, to: Phase) {
        self.end();
        let place = PHASES.iter().position(|(phase, _)| *phase == to);
        self.now = place.map(|place| (place, Instant::now()));
    }

    fn end(&mut self) {
        if let Some((place, since)) = self.now.take() {
            self.spent[place] += since.elapsed().as_secs_f64();
        }
    }

    /// Where `seconds` of an iteration go.
    fn split(&self, seconds: f64) -> Split {
        let all: f64 = self.spent.iter().sum();
        let parts = PHASES.iter().zip(&self.spent);
        Split(
            parts
                .map(|((_, name), spent)| (*name, spent / all * seconds))
                .collect(),
        )
    }
}

impl Measured {
    fn rate(&self) -> f64 {
        self.steps / self.seconds
    }

    fn text(&self, session: &Session<'_>) -> String {
        format!(
            "{} per iteration of {:.0} steps, {} steps/s (median of {}; {}, {})\n  {}",
            brief(self.seconds),
            self.steps,
            short(self.rate()),
            self.iterations,
            counted(self.settings.tasks, "task"),
            counted(session.pool.workers(), "worker"),
            self.split.text(),
        )
    }

    fn row(&self, config: &RunConfig, session: &Session<'_>) -> Value {
        json!({
            "bench": "maml",
            "environment": config.environment,
            "settings": config.built.settings,
            "maml": self.settings,
            "device": session.device_name,
            "cpu": host::cpu(),
            "workers": session.pool.workers(),
            "iterations": self.iterations,
            "env_steps_per_iteration": self.steps,
            "env_steps_per_second": self.rate(),
            "seconds_per_iteration": self.seconds,
            "split": self.split.json(),
            "peak_memory_bytes": host::peak_memory_bytes(),
        })
    }
}
