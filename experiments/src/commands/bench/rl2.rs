//! `bench rl2`: complete PPO iterations, and where their time goes.

use super::tile::tile;
use super::timing::{ROUNDS, Split, WARM_UP, brief, counted, digits, median, round};
use super::trunk::spelled_out;
use crate::cli::BenchArgs;
use crate::console::{Console, Event, short};
use crate::progress::Waiting;
use agent::{ActorCritic, NativeBackend, Phase, Place, Stopwatch, read};
use kernels::{Flops, Sgemm};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::host;
use lab::presets::{BENCHMARK, Source};
use lab::registry::Registry;
use lab::session::Session;
use nets::Device;
use rl2::{Rl2Config, Trainer};
use rollout::Pool;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Rows of the square matrices, and products of one measurement.
const SGEMM_SIZE: usize = 512;
const SGEMM_TIMES: usize = 24;

pub(super) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let session = Session::new(registry, &console, args.work.workers(), &args.device)?;
    let (config, bench) = prepared(&session, &args.words)?;
    let measuring = Waiting::on("bench rl2");
    let measured = bench.measure(&session)?;
    drop(measuring);
    console.say(measured.text(&session))?;
    console.emit(Event::Benchmark, &measured.row(&config, &session))
}

/// The preset `rl2/benchmark` with the changes that words say.
pub(super) fn prepared(
    session: &Session<'_>,
    words: &[String],
) -> Result<(RunConfig, Bench), Failure> {
    let source = Source::find(BENCHMARK.as_ref())?;
    let words = spelled_out(words)?;
    let config = RunConfig::resolve(session.registry, &source.place, &source.text, &words)?;
    let mut settings = config.settings.clone();
    let mut given = config.origin.overrides.iter();
    if !given.any(|one| one.key == "rl2.tile") {
        settings = with_tile(settings)?;
    }
    let settings = read("rl2", &settings).map_err(Failure::config)?;
    let bench = Bench::new(session, &config, settings)?;
    Ok((config, bench))
}

/// The settings with tiles chosen for their lanes and minibatches.
fn with_tile(mut settings: toml::Value) -> Result<toml::Value, Failure> {
    let count = |value: Option<&toml::Value>| {
        let count = value.and_then(toml::Value::as_integer);
        count.and_then(|count| usize::try_from(count).ok())
    };
    let lanes = count(settings.get("lanes"));
    let minibatches = settings
        .get("outer")
        .and_then(|outer| count(outer.get("minibatches")));
    // Whatever is not a count is refused where the settings are read.
    if let (Some(lanes), Some(minibatches), Some(table)) =
        (lanes, minibatches, settings.as_table_mut())
    {
        let tile = tile(lanes, minibatches).map_err(Failure::config)?;
        table.insert("tile".to_owned(), toml::Value::Integer(tile as i64));
    }
    Ok(settings)
}

/// What is measured.
pub(super) struct Bench {
    trainer: Trainer,
    settings: Rl2Config,
    flops: Flops,
    /// Environment steps of an iteration.
    steps: usize,
}

/// What was measured.
pub(super) struct Measured {
    settings: Rl2Config,
    steps: usize,
    iterations: usize,
    seconds: f64,
    /// Seconds of an iteration by name, which add up to `seconds`.
    split: Split,
    gflops: f64,
    /// Of matrix products on as many threads; `None` where they are not what
    /// the iteration is made of.
    sgemm_gflops: Option<f64>,
}

impl Bench {
    fn new(
        session: &Session<'_>,
        config: &RunConfig,
        settings: Rl2Config,
    ) -> Result<Self, Failure> {
        let env = config.built.factory.as_ref();
        let network = settings.learner().network;
        let model = ActorCritic::new(env, network).map_err(Failure::config)?;
        // Operations are counted natively, whatever computes them.
        let flops = NativeBackend::new(&model, network).map_err(|_| {
            Failure::config("rl2.trunk.kind: bench rl2 counts the operations of trunks with kernels: gru, lstm, min-gru, lru, transformer, index")
        })?;
        let flops = flops.flops();
        let steps = settings.lanes * env.spec().trial_steps();
        let pool = Arc::clone(&session.pool);
        let place = Place {
            pool,
            device: session.device,
        };
        settings.validate()?;
        let needed = agent::footprint(env, &settings.learner(), &place);
        let needed = needed.map_err(Failure::config)?;
        session.room.check("bench rl2", &needed)?;
        let trainer =
            Trainer::new(env, settings.clone(), config.seed, place).map_err(Failure::config)?;
        Ok(Self {
            trainer,
            settings,
            flops,
            steps,
        })
    }

    pub(super) fn measure(mut self, session: &Session<'_>) -> Result<Measured, Failure> {
        for _ in 0..WARM_UP {
            self.trainer.update()?;
        }
        // A matrix product before each round: machines that are shared change their
        // pace, and the two are to be compared.
        let workers = session.pool.workers();
        let mut gemms: Vec<Sgemm> = (0..workers).map(|_| Sgemm::new(SGEMM_SIZE)).collect();
        let (mut times, mut products) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            products.push(sgemm(&session.pool, &mut gemms)?);
            times.extend(self.round()?);
        }
        let (iterations, seconds) = (times.len(), median(times));
        let learning = self.flops.training * self.settings.outer.epochs() as u64;
        let operations = (self.flops.forward + learning) as f64 * self.steps as f64;
        Ok(Measured {
            split: self.split(workers, seconds)?,
            settings: self.settings,
            steps: self.steps,
            iterations,
            seconds,
            gflops: operations / seconds * 1e-9,
            sgemm_gflops: (session.device == Device::Cpu).then(|| median(products)),
        })
    }

    /// Seconds of some iterations.
    fn round(&mut self) -> Result<Vec<f64>, Failure> {
        round(|| {
            self.trainer.update()?;
            Ok(())
        })
    }

    /// Where `seconds` of an iteration go, measured on iterations of their own,
    /// which reading the clock makes slower.
    fn split(&mut self, workers: usize, seconds: f64) -> Result<Split, Failure> {
        let stopwatch = Stopwatch::new(nanoseconds);
        self.trainer.watch(stopwatch.clone());
        let watched: f64 = self.round()?.iter().sum();
        let lockstep = self.trainer.learner().backend().execution() == agent::Execution::Lockstep;
        let spent = |phase: Phase| {
            let on_workers = match phase {
                Phase::Environment | Phase::Inference => !lockstep,
                Phase::Forward | Phase::Backward => true,
                // One worker's, while the others wait.
                Phase::Advantages | Phase::Optimizer => false,
            };
            let threads = if on_workers { workers } else { 1 };
            stopwatch.seconds(phase) / threads as f64 / watched * seconds
        };
        let mut split: Vec<_> = Phase::ALL.map(|phase| (phase.name(), spent(phase))).into();
        let busy: f64 = split.iter().map(|(_, seconds)| seconds).sum();
        split.push(("idle", seconds - busy));
        Ok(Split(split))
    }
}

impl Measured {
    /// Environment steps per second.
    pub(super) fn rate(&self) -> f64 {
        self.steps as f64 / self.seconds
    }

    /// The share of the rate of matrix products beside it.
    pub(super) fn fraction(&self) -> Option<f64> {
        self.sgemm_gflops.map(|sgemm| self.gflops / sgemm)
    }

    fn text(&self, session: &Session<'_>) -> String {
        let sgemm = self.sgemm_gflops.map_or(String::new(), |sgemm| {
            let share = self.gflops / sgemm;
            format!(", {share:.2} of the {sgemm:.0} of a matrix product")
        });
        format!(
            "{} steps/s, {} per iteration of {} steps (median of {}; {} in tiles of {}, \
             {}, {})\n  {} GFLOP/s{sgemm}\n  {}",
            short(self.rate()),
            brief(self.seconds),
            self.steps,
            self.iterations,
            counted(self.settings.lanes, "lane"),
            self.settings.tile,
            counted(session.pool.workers(), "worker"),
            session.device_name,
            digits(self.gflops),
            self.split.text(),
        )
    }

    pub(super) fn row(&self, config: &RunConfig, session: &Session<'_>) -> Value {
        json!({
            "bench": "rl2",
            "environment": config.environment,
            "settings": config.built.settings,
            "rl2": self.settings,
            "device": session.device_name,
            "cpu": host::cpu(),
            "workers": session.pool.workers(),
            "iterations": self.iterations,
            "env_steps_per_iteration": self.steps,
            "env_steps_per_second": self.rate(),
            "seconds_per_iteration": self.seconds,
            "split": self.split.json(),
            "gflops": self.gflops,
            "sgemm_gflops": self.sgemm_gflops,
            "fraction_of_sgemm": self.fraction(),
            "peak_memory_bytes": host::peak_memory_bytes(),
        })
    }
}

/// What this machine does in general matrix products, on all workers at once.
fn sgemm(pool: &Pool, gemms: &mut [Sgemm]) -> Result<f64, Failure> {
    let start = Instant::now();
    let done = pool.map(gemms, |_, gemm| gemm.run(SGEMM_TIMES));
    let seconds = start.elapsed().as_secs_f64();
    let operations = done.map_err(Failure::internal)?.iter().sum::<u64>();
    Ok(operations as f64 / seconds * 1e-9)
}

/// Nanoseconds since this was first asked.
fn nanoseconds() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}
