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
use record::fingerprint;
use rl2::{Rl2Config, Trainer};
use rollout::Pool;
use serde_json::{Value, json};
use std::hint::black_box;
use std::num::NonZeroU64;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Updates between hashes of the parameters, where the settings do not say.
const HASHED: u64 = 50;
/// Rows of the square matrices, and products of one measurement.
const SGEMM_SIZE: usize = 512;
const SGEMM_TIMES: usize = 24;

pub(super) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let session = Session::new(registry, &console, args.work.workers(), &args.device)?;
    let (config, mut bench) = prepared(&session, &args.words)?;
    let measuring = Waiting::on("bench rl2");
    let measured = bench.measure(&session)?;
    let guard = bench.guard()?;
    drop(measuring);
    console.say(format!("{}\n  {}", measured.text(&session), guard.text()))?;
    let mut row = measured.row(&config, &session);
    row["guard"] = guard.json();
    console.emit(Event::Benchmark, &row)
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
    /// Updates between hashes of the parameters.
    hashed: u64,
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

/// What it takes of an iteration to find wrong numbers before a parameter changes, and
/// another machine's afterwards: shares of the iteration beside which they were measured,
/// medians over `pairs` of both.
struct Guard {
    pairs: usize,
    /// The quarter, the half and three quarters of the pairs have less in all.
    share: [f64; 3],
    /// Looking at all observations, actions, log-probabilities, values and rewards.
    rows: f64,
    /// Looking at gradients, and at what every step of the optimizer leaves before it
    /// takes the place of what was before.
    steps: f64,
    /// The hash of the parameters, which is taken every so many updates.
    hash: f64,
    hashed: u64,
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
            hashed: config.checkpoint.hash.map_or(HASHED, NonZeroU64::get),
        })
    }

    pub(super) fn measure(&mut self, session: &Session<'_>) -> Result<Measured, Failure> {
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
            settings: self.settings.clone(),
            steps: self.steps,
            iterations,
            seconds,
            gflops: operations / seconds * 1e-9,
            sgemm_gflops: (session.device == Device::Cpu).then(|| median(products)),
        })
    }

    /// What guards an iteration, done once more after each of some iterations: its own
    /// clock, for between two whole iterations there is more chance than it takes.
    fn guard(&mut self) -> Result<Guard, Failure> {
        let outer = &self.settings.outer;
        let steps = outer.epochs() * outer.minibatches();
        let (mut shares, mut parts) = (Vec::new(), [const { Vec::new() }; 3]);
        for _ in 0..ROUNDS {
            round(|| {
                let whole = timed(|| Ok(self.trainer.update().map(drop)?))?;
                let learner = self.trainer.learner_mut();
                let rows = timed(|| Ok(learner.check_again()?))?;
                let stepped = timed(|| {
                    (0..steps).try_for_each(|_| learner.guard_step())?;
                    Ok(())
                })?;
                let hash = timed(|| {
                    black_box(fingerprint(&learner.checkpoint()?.branch("params")));
                    Ok(())
                })?;
                let spent = [rows, stepped, hash / self.hashed as f64];
                shares.push(spent.iter().sum::<f64>() / whole);
                let both = parts.iter_mut().zip(spent);
                both.for_each(|(shares, spent)| shares.push(spent / whole));
                Ok(())
            })?;
        }
        shares.sort_by(f64::total_cmp);
        let [rows, steps, hash] = parts.map(median);
        Ok(Guard {
            pairs: shares.len(),
            share: [1, 2, 3].map(|quarter| shares[quarter * (shares.len() - 1) / 4]),
            rows,
            steps,
            hash,
            hashed: self.hashed,
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

impl Guard {
    fn text(&self) -> String {
        let [low, middle, high] = self.share.map(|share| 100.0 * share);
        let [rows, steps, hash] = [self.rows, self.steps, self.hash].map(|share| 100.0 * share);
        format!(
            "of it {middle:.2} % guard its numbers (quartiles {low:.2} to {high:.2} %, median of {} \
             pairs): rows {rows:.2} %, gradients and steps {steps:.2} %, a hash every {} updates \
             {hash:.2} %",
            self.pairs, self.hashed,
        )
    }

    fn json(&self) -> Value {
        let [low, middle, high] = self.share;
        json!({
            "share": middle,
            "quartiles": [low, high],
            "pairs": self.pairs,
            "rows": self.rows,
            "steps": self.steps,
            "hash": self.hash,
            "updates_between_hashes": self.hashed,
        })
    }
}

/// Seconds of some work.
fn timed(work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
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
