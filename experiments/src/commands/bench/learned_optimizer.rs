//! `bench learned-optimizer`: complete updates of a learned optimizer.

use super::timing::{ROUNDS, WARM_UP, brief, counted, median, round};
use crate::cli::BenchArgs;
use crate::console::{Console, Event};
use crate::progress::Waiting;
use ::learned_optimizer::Config;
use agent::{Training, read};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::host;
use lab::launch;
use lab::presets::Source;
use lab::registry::Registry;
use lab::session::Session;
use nets::Device;
use serde_json::json;

/// What is timed: functions, rule and windows of this preset.
const PRESET: &str = "learned-optimizer/quadratics";
const NAME: &str = "learned-optimizer";

pub(super) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let session = Session::new(registry, &console, args.work.workers(), &args.device)?;
    if session.device != Device::Cpu {
        return Err(Failure::usage(
            "--device: learned-optimizer runs on the CPU alone; leave the option out",
        ));
    }
    let source = Source::find(PRESET.as_ref())?;
    let config = RunConfig::resolve(registry, &source.place, &source.text, &args.words)?;
    // Once it is known that memory can hold it.
    let mut training = launch::start(&session, &config)?;
    let measuring = Waiting::on("bench learned-optimizer");
    let (iterations, seconds) = measure(training.as_mut())?;
    drop(measuring);
    let settings = read::<Config>(NAME, &config.settings).map_err(Failure::config)?;
    let steps = settings.problems * settings.steps;
    console.say(format!(
        "{} per update of {steps} steps of functions (median of {iterations}; {}, {})",
        brief(seconds),
        counted(settings.problems, "function"),
        counted(session.pool.workers(), "worker"),
    ))?;
    console.emit(
        Event::Benchmark,
        &json!({
            "bench": NAME,
            "environment": config.environment,
            "settings": config.built.settings,
            "learned-optimizer": settings,
            "device": session.device_name,
            "cpu": host::cpu(),
            "workers": session.pool.workers(),
            "iterations": iterations,
            "env_steps_per_iteration": steps,
            "env_steps_per_second": steps as f64 / seconds,
            "seconds_per_iteration": seconds,
            "peak_memory_bytes": host::peak_memory_bytes(),
        }),
    )
}

/// Updates that were timed, and the median of their seconds.
fn measure(training: &mut dyn Training) -> Result<(usize, f64), Failure> {
    for _ in 0..WARM_UP {
        training.update()?;
    }
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.extend(round(|| {
            training.update()?;
            Ok(())
        })?);
    }
    Ok((times.len(), median(times)))
}
