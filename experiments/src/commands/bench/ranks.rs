//! `bench ranks`: what ranks that share the iterations of RL² tell each other, how long it
//! takes, and what a model of it says of more of them on a network.

use super::timing::{ROUNDS, WARM_UP, brief, counted, median, round};
use super::trunk::spelled_out;
use crate::cli::BenchArgs;
use crate::console::{Console, Event, Table, percent};
use crate::progress::Waiting;
use crate::ranks;
use agent::{ActorCritic, NativeBackend, Training, read};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::launch;
use lab::presets::{BENCHMARK, Source};
use lab::ranks::Lead;
use lab::registry::Registry;
use lab::session::Session;
use rl_core::Trajectory;
use rl2::Rl2Config;
use rollout::{RankError, Ranks};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes of the messages that are passed with nothing between them, and how often.
const MESSAGES: [(usize, usize); 5] = [
    (0, 40),
    (1 << 10, 40),
    (1 << 14, 20),
    (1 << 18, 8),
    (1 << 22, 2),
];

pub(super) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let clocked = Arc::new(Clocked::new(ranks::all()));
    let all: Arc<dyn Ranks> = Arc::<Clocked>::clone(&clocked);
    let session = ranks::among(registry, &console, (&args.work, all), &args.device)?;
    let source = Source::find(BENCHMARK.as_ref())?;
    let words = spelled_out(&args.words)?;
    let config = RunConfig::resolve(registry, &source.place, &source.text, &words)?;
    let plan = Plan::new(&config)?;
    let measuring = Waiting::on("bench ranks");
    let link = Link::measure(&session)?;
    let measured = Measured::of(&session, &config, &clocked)?;
    drop(measuring);
    console.say(measured.text(&session, &plan, link.as_ref()))?;
    let alone = measured.alone(&plan, session.pool.ranks().size());
    predictions(&console, &plan, alone)?;
    let row = measured.row(&session, (&config, &plan), link.as_ref());
    console.emit(Event::Benchmark, &row)
}

/// Ranks on whose exchanges a clock runs.
struct Clocked {
    ranks: Arc<dyn Ranks>,
    nanoseconds: AtomicU64,
    exchanges: AtomicU64,
    sent: AtomicU64,
}

/// What a rank told the others, and how long that took, their delay included.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    seconds: f64,
    exchanges: f64,
    /// Bytes that were sent.
    sent: f64,
}

impl Clocked {
    fn new(ranks: Arc<dyn Ranks>) -> Self {
        Self {
            ranks,
            nanoseconds: AtomicU64::new(0),
            exchanges: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        }
    }

    /// What was told since it was asked last.
    fn take(&self) -> Told {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed) as f64;
        Told {
            seconds: take(&self.nanoseconds) * 1e-9,
            exchanges: take(&self.exchanges),
            sent: take(&self.sent),
        }
    }

    fn timed<R>(&self, sent: usize, tell: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let told = tell();
        let spent = start.elapsed().as_nanos() as u64;
        self.nanoseconds.fetch_add(spent, Ordering::Relaxed);
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add(sent as u64, Ordering::Relaxed);
        told
    }
}

impl Ranks for Clocked {
    fn rank(&self) -> usize {
        self.ranks.rank()
    }

    fn size(&self) -> usize {
        self.ranks.size()
    }

    fn longest(&self) -> usize {
        self.ranks.longest()
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        let others = messages
            .iter()
            .enumerate()
            .filter(|(to, _)| *to != self.rank());
        let sent = others.map(|(_, message)| message.len()).sum();
        self.timed(sent, || self.ranks.exchange(messages))
    }

    fn gather(&self, message: &[u8]) -> Result<Vec<Vec<u8>>, RankError> {
        let sent = message.len() * (self.size() - 1);
        self.timed(sent, || self.ranks.gather(message))
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        let sent = message.len() * (self.size() - 1);
        self.timed(sent, || self.ranks.broadcast(message))
    }

    fn hear(&self, within: Duration) -> Result<Option<Vec<u8>>, RankError> {
        self.timed(0, || self.ranks.hear(within))
    }
}

/// What an iteration is made of, as far as ranks share it.
struct Plan {
    /// Tiles that trials are lived in, and of a minibatch.
    tiles: usize,
    part: usize,
    /// Steps of the optimizer.
    steps: usize,
    /// Bytes of all trajectories, and of a gradient.
    trajectories: f64,
    gradient: f64,
    /// Share of the arithmetic that is living trials.
    living: f64,
}

impl Plan {
    fn new(config: &RunConfig) -> Result<Self, Failure> {
        let settings: Rl2Config = read("rl2", &config.settings).map_err(Failure::config)?;
        let env = config.built.factory.as_ref();
        let network = settings.learner().network;
        let model = ActorCritic::new(env, network).map_err(Failure::config)?;
        let native = NativeBackend::new(&model, network).map_err(Failure::config)?;
        let flops = native.flops();
        let learning = flops.training as f64 * settings.outer.epochs() as f64;
        let (tiles, minibatches) = (
            settings.lanes.div_ceil(settings.tile),
            settings.outer.minibatches(),
        );
        Ok(Self {
            tiles,
            part: tiles / minibatches,
            steps: settings.outer.epochs() * minibatches,
            trajectories: Trajectory::bytes(env.spec(), settings.lanes, env.spec().trial_steps()),
            gradient: 4.0 * model.layout().numel() as f64,
            living: flops.forward as f64 / (flops.forward as f64 + learning),
        })
    }

    /// Bytes that a rank of so many sends in an iteration: its trajectories to all others;
    /// at each step of the optimizer to each of them its part of its tiles' gradients, and
    /// then its part of their sum.
    fn sent(&self, ranks: usize) -> f64 {
        let (ranks, others) = (ranks as f64, ranks as f64 - 1.0);
        let own = self.part as f64 / ranks;
        let step = others / ranks * self.gradient * (own + 1.0);
        others / ranks * self.trajectories + self.steps as f64 * step
    }

    /// Exchanges of an iteration: the word to do it, the trajectories, and two a step.
    fn exchanges(&self) -> f64 {
        2.0 + 2.0 * self.steps as f64
    }

    /// The part of the arithmetic that the busiest of so many ranks does.
    fn busiest(&self, ranks: usize) -> f64 {
        let busiest = |tiles: usize| tiles.div_ceil(ranks) as f64 / tiles as f64;
        self.living * busiest(self.tiles) + (1.0 - self.living) * busiest(self.part)
    }
}

/// A network: what an exchange takes of `ranks` is `start + others × (each + bytes /
/// bandwidth)`, with as many bytes to each of the others.
#[derive(Clone, Copy, Debug)]
struct Network {
    name: &'static str,
    /// Seconds until the first message is there.
    start: f64,
    /// Seconds that every further message takes of its sender and receiver.
    each: f64,
    /// Bytes per second.
    bandwidth: f64,
}

/// Networks as data sheets have them, a tenth taken off for what frames a message: assumed,
/// not measured.
const NETWORKS: [Network; 2] = [
    Network {
        name: "10 GbE, TCP (assumed)",
        start: 30e-6,
        each: 5e-6,
        bandwidth: 0.9 * 10e9 / 8.0,
    },
    Network {
        name: "100 GbE, RDMA (assumed)",
        start: 3e-6,
        each: 0.5e-6,
        bandwidth: 0.9 * 100e9 / 8.0,
    },
];

impl Network {
    /// Seconds of an iteration that exchanges take on so many ranks.
    fn seconds(&self, plan: &Plan, ranks: usize) -> f64 {
        if ranks == 1 {
            return 0.0;
        }
        let exchange = self.start + (ranks - 1) as f64 * self.each;
        plan.exchanges() * exchange + plan.sent(ranks) / self.bandwidth
    }
}

/// What passing messages takes with nothing between them.
struct Link {
    ranks: usize,
    /// Bytes to each of the others, and seconds.
    passed: Vec<(usize, f64)>,
}

impl Link {
    /// `None` where there are no other ranks.
    fn measure(session: &Session<'_>) -> Result<Option<Self>, Failure> {
        let (lead, ranks) = (Lead::of(session), session.pool.ranks().size());
        if ranks == 1 {
            return Ok(None);
        }
        let mut rounds = vec![Vec::new(); MESSAGES.len()];
        // In turns, for a machine that is shared changes its pace.
        for _ in 0..ROUNDS {
            for ((bytes, times), seconds) in MESSAGES.iter().zip(&mut rounds) {
                let start = Instant::now();
                lead.pass(*bytes, *times)?;
                seconds.push(start.elapsed().as_secs_f64() / *times as f64);
            }
        }
        let passed = MESSAGES.iter().zip(rounds);
        let passed = passed.map(|((bytes, _), seconds)| (*bytes, median(seconds)));
        Ok(Some(Self {
            ranks,
            passed: passed.collect(),
        }))
    }

    /// The network that takes as long for no bytes and for the most.
    fn network(&self) -> Network {
        let (first, last) = (self.passed[0].1, self.passed[self.passed.len() - 1]);
        let sent = last.0 as f64 * (self.ranks - 1) as f64;
        Network {
            name: "this machine",
            start: 0.0,
            each: first / (self.ranks - 1) as f64,
            bandwidth: sent / (last.1 - first).max(1e-9),
        }
    }
}

/// What an iteration takes.
struct Measured {
    iterations: usize,
    seconds: f64,
    /// Of an iteration.
    told: Told,
}

impl Measured {
    fn of(session: &Session<'_>, config: &RunConfig, clocked: &Clocked) -> Result<Self, Failure> {
        let mut training = launch::start(session, config)?;
        let lead = Lead::of(session);
        lead.begin(config, &training.checkpoint()?)?;
        let update = |training: &mut dyn Training| -> Result<(), Failure> {
            lead.update()?;
            training.update()?;
            Ok(())
        };
        for _ in 0..WARM_UP {
            update(training.as_mut())?;
        }
        clocked.take();
        let (mut times, mut shares) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let own = round(|| {
                update(training.as_mut())?;
                shares.push(clocked.take());
                Ok(())
            });
            times.extend(own?);
        }
        let middle = |number: fn(&Told) -> f64| median(shares.iter().map(number).collect());
        Ok(Self {
            iterations: times.len(),
            seconds: median(times),
            told: Told {
                seconds: middle(|told| told.seconds),
                exchanges: middle(|told| told.exchanges),
                sent: middle(|told| told.sent),
            },
        })
    }

    /// Seconds of an iteration on one rank, by what this one computed.
    fn alone(&self, plan: &Plan, ranks: usize) -> f64 {
        (self.seconds - self.told.seconds) / plan.busiest(ranks)
    }

    fn text(&self, session: &Session<'_>, plan: &Plan, link: Option<&Link>) -> String {
        let size = session.pool.ranks().size();
        let mut text = format!(
            "{} per iteration (median of {}; {}, {} each)",
            brief(self.seconds),
            self.iterations,
            counted(size, "rank"),
            counted(session.pool.workers(), "worker"),
        );
        let Some(link) = link else {
            return text;
        };
        for (bytes, seconds) in &link.passed {
            text += &format!(
                "\n  {bytes} bytes to each of the others: {}",
                brief(*seconds)
            );
        }
        let predicted = link.network().seconds(plan, size);
        text += &format!(
            "\n  {:.0} exchanges of {:.2} MB in all (model: {:.0} and {:.2} MB) take {}, {} of the \
             iteration, waiting for other ranks included (model, without waiting: {})",
            self.told.exchanges,
            self.told.sent * 1e-6,
            plan.exchanges(),
            plan.sent(size) * 1e-6,
            brief(self.told.seconds),
            percent(self.told.seconds / self.seconds),
            brief(predicted),
        );
        text
    }

    fn row(
        &self,
        session: &Session<'_>,
        (config, plan): (&RunConfig, &Plan),
        link: Option<&Link>,
    ) -> Value {
        let size = session.pool.ranks().size();
        let passed = link.map(|link| {
            let row = |(bytes, seconds): &(usize, f64)| json!({"bytes": bytes, "seconds": seconds});
            link.passed.iter().map(row).collect::<Vec<_>>()
        });
        json!({
            "bench": "ranks",
            "environment": config.environment,
            "rl2": config.settings,
            "ranks": size,
            "workers": session.pool.workers(),
            "iterations": self.iterations,
            "seconds_per_iteration": self.seconds,
            "exchanges": self.told.exchanges,
            "bytes_sent": self.told.sent,
            "exchange_seconds": self.told.seconds,
            "passed": passed,
            "model_exchanges": plan.exchanges(),
            "model_bytes_sent": plan.sent(size),
            "model_exchange_seconds": link.map(|link| link.network().seconds(plan, size)),
        })
    }
}

/// What the model says of more ranks, each as fast as this one was.
fn predictions(console: &Console, plan: &Plan, alone: f64) -> Result<(), Failure> {
    let mut table = Table::new(&["network", "ranks", "exchanges", "share", "speed-up"]);
    for network in &NETWORKS {
        for ranks in [2, 4, 8, 16, 32, 64] {
            let exchanges = network.seconds(plan, ranks);
            let whole = alone * plan.busiest(ranks) + exchanges;
            table.row(vec![
                network.name.to_owned(),
                ranks.to_string(),
                brief(exchanges),
                percent(exchanges / whole),
                format!("{:.1}", alone / whole),
            ]);
        }
    }
    table.print(console)
}
