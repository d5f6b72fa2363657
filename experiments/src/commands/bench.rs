//! `bench`: speed, as JSON lines or a table.

use crate::algorithm::rl2_config;
use crate::cli::{BenchArgs, What};
use crate::config::RunConfig;
use crate::conformance::random_actions;
use crate::console::{Console, short};
use crate::failure::Failure;
use crate::overrides::Override;
use crate::presets::{BENCHMARK, Source};
use crate::registry::{Built, Registry};
use crate::session::Session;
use rl_core::{
    ActionSpace, Actions, Domain, EnvFactory, Outcome, Purpose, StepRows, Stream, StreamKey,
};
use rl2::Trainer;
use rollout::Pool;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

pub(crate) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let session = Session::new(registry, console, args.work.workers(), &args.device)?;
    match args.what {
        What::Envs => envs(&session, &args.words),
        What::Rl2 => rl2(&session, &args.words),
    }
}

/// Lanes of each measurement.
const LANES: [usize; 3] = [64, 1024, 4096];
/// Lanes that a worker steps together, so that both of two workers have
/// something to do at the smallest size.
const TILE: usize = 32;
/// Rows of actions drawn beforehand, used over and over.
const ROWS: usize = 64;
/// Measured time, at least.
const SECONDS: f64 = 0.5;

fn envs(session: &Session<'_>, words: &[String]) -> Result<(), Failure> {
    let (settings, names): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| word.contains('='));
    let settings: Vec<String> = settings.into_iter().cloned().collect();
    let all = session.registry.environments().iter();
    let names: Vec<String> = match (names.is_empty(), settings.first()) {
        (true, Some(setting)) => {
            return Err(Failure::usage(format!(
                "{setting}: of which environment? Name it: bench envs bernoulli-bandit {setting}"
            )));
        }
        (true, None) => all.map(|entry| entry.name().to_owned()).collect(),
        (false, _) => names.into_iter().cloned().collect(),
    };
    for name in names {
        let built = Built::from_words(session.registry, &name, &settings)?;
        for lanes in LANES {
            let rate = stepping_rate(&session.pool, &built.factory, lanes)?;
            let workers = session.pool.workers();
            session.console.say(format!(
                "{name}: {lanes} lanes, {workers} workers: {} steps/s",
                short(rate)
            ))?;
            session.console.emit(&json!({
                "bench": "envs",
                "environment": name,
                "settings": built.settings.table(),
                "lanes": lanes,
                "workers": workers,
                "env_steps_per_second": rate,
            }))?;
        }
    }
    Ok(())
}

/// Steps of all lanes per second, tile by tile on the workers.
fn stepping_rate(pool: &Pool, env: &Arc<dyn EnvFactory>, lanes: usize) -> Result<f64, Failure> {
    let mut steps = ROWS;
    loop {
        let tiles: Vec<Stepper> = (0..lanes)
            .step_by(TILE)
            .map(|first| Stepper::new(env.as_ref(), first, TILE.min(lanes - first)))
            .collect();
        // What is made once is not measured, nor is the first touch of memory.
        let warm = |mut tile: Stepper| {
            tile.step(1);
            tile
        };
        let tiles = pool
            .map(tiles, move |_, tile| warm(tile))
            .map_err(Failure::internal)?;
        let start = Instant::now();
        pool.map(tiles, move |_, mut tile| tile.step(steps))
            .map_err(Failure::internal)?;
        let seconds = start.elapsed().as_secs_f64();
        if seconds >= SECONDS {
            return Ok((lanes * steps) as f64 / seconds);
        }
        steps = (steps as f64 * (1.3 * SECONDS / seconds).clamp(2.0, 1000.0)) as usize;
    }
}

/// A tile of lanes with the rows it writes, and actions drawn beforehand.
struct Stepper {
    batch: Box<dyn rl_core::VecEnv>,
    actions: Vec<(Vec<u32>, Vec<f32>)>, // [ROWS]
    action_width: Option<usize>,
    observation: Vec<f32>,
    last: Vec<f32>,
    reward: Vec<f32>,
    outcome: Vec<Outcome>,
    start: Vec<bool>,
}

impl Stepper {
    fn new(env: &dyn EnvFactory, first: usize, lanes: usize) -> Self {
        let key = StreamKey::new(0, Domain::Tuning, 0);
        let width = env.spec().observation.width();
        let mut streams: Vec<Stream> = (first..first + lanes)
            .map(|lane| key.lane(Purpose::Action, lane as u64))
            .collect();
        let mut observation = vec![0.0; lanes * width];
        let mut batch = env.make(lanes);
        batch.begin(&key, first as u64, &mut observation);
        Self {
            batch,
            actions: (0..ROWS)
                .map(|_| random_actions(env.spec(), &mut streams))
                .collect(),
            action_width: match &env.spec().action {
                ActionSpace::Discrete { .. } => None,
                ActionSpace::Box { low, .. } => Some(low.len()),
            },
            last: observation.clone(),
            observation,
            reward: vec![0.0; lanes],
            outcome: vec![Outcome::Continue; lanes],
            start: vec![false; lanes],
        }
    }

    fn step(&mut self, steps: usize) {
        for (indices, numbers) in self.actions.iter().cycle().take(steps) {
            let actions = match self.action_width {
                None => Actions::Discrete(indices),
                Some(width) => Actions::Box {
                    width,
                    row: numbers,
                },
            };
            let rows = StepRows {
                observation: &mut self.observation,
                reward: &mut self.reward,
                outcome: &mut self.outcome,
                start: &mut self.start,
                final_observation: &mut self.last,
            };
            self.batch.step(actions, rows);
        }
    }
}

/// Iterations before and while measuring.
const WARM_UP: usize = 1;
const MEASURED: usize = 5;

/// Whole PPO iterations: the median, and where the time goes.
fn rl2(session: &Session<'_>, words: &[String]) -> Result<(), Failure> {
    let source = Source::find(BENCHMARK)?;
    Override::parse_all(words).map_err(Failure::usage)?;
    let config = RunConfig::resolve(session.registry, &source.place, &source.text, words)?;
    let env = config.built.factory.as_ref();
    let settings = rl2_config(&config.settings)?;
    let steps = settings.lanes * env.spec().trial_steps();
    let pool = Arc::clone(&session.pool);
    let mut trainer = Trainer::new(env, settings, config.seed, pool, session.device)?;
    let mut times = Vec::new(); // [iterations][rollout, advantages, learning]
    for iteration in 0..WARM_UP + MEASURED {
        let start = Instant::now();
        trainer.collect()?;
        let rollout = start.elapsed().as_secs_f64();
        trainer.advantages();
        let advantages = start.elapsed().as_secs_f64() - rollout;
        trainer.improve()?;
        let whole = start.elapsed().as_secs_f64();
        if iteration >= WARM_UP {
            times.push((whole, [rollout, advantages, whole - advantages - rollout]));
        }
    }
    times.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (seconds, [rollout, advantages, learning]) = times[MEASURED / 2];
    let rate = steps as f64 / seconds;
    let workers = session.pool.workers();
    session.console.say(format!(
        "{} on {} ({steps} steps per iteration, {workers} workers, {}): {} steps/s, \
         {seconds:.3} s per iteration\n  rollout {rollout:.3} s, advantages {advantages:.3} s, \
         learning {learning:.3} s",
        config.algorithm,
        config.environment,
        session.device_name,
        short(rate),
    ))?;
    session.console.emit(&json!({
        "bench": "rl2",
        "environment": config.environment,
        "settings": config.built.settings.table(),
        "rl2": config.settings,
        "device": session.device_name,
        "workers": workers,
        "env_steps_per_iteration": steps,
        "env_steps_per_second": rate,
        "seconds_per_iteration": seconds,
        "rollout_seconds": rollout,
        "advantages_seconds": advantages,
        "learning_seconds": learning,
    }))
}
