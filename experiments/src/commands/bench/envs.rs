//! `bench envs`: stepping environments with actions drawn beforehand,
//! observations written at every step, fresh tasks at every trial's end.

use super::timing::counted;
use crate::cli::BenchArgs;
use crate::console::{Console, Event, short};
use crate::progress::Waiting;
use lab::failure::Failure;
use lab::registry::{Built, Registry};
use lab::session::Session;
use rl_core::{
    Actions, Domain, EnvFactory, Footprint, Outcome, Random, Rollout, StepRows, StreamKey,
};
use rollout::{Batch, Pool};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// Lanes of each measurement.
const LANES: [usize; 3] = [64, 1024, 4096];
/// Lanes that a worker steps together, so that both of two workers have
/// something to do at the smallest size.
const TILE: usize = 32;
/// Rows of actions drawn beforehand, used over and over.
const ROWS: usize = 64;
/// Measured time, at least.
const SECONDS: f64 = 0.5;

/// What an environment is measured with unless settings are given: the sizes
/// that the peers' figures are of.
const SETTINGS: [(&str, &[&str]); 1] = [("bernoulli-bandit", &["arms=2", "pulls=100"])];

pub(super) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let session = Session::new(registry, &console, args.work.workers(), &args.device)?;
    let (settings, names): (Vec<&String>, Vec<&String>) =
        args.words.iter().partition(|word| word.contains('='));
    let settings: Vec<String> = settings.into_iter().cloned().collect();
    let all = registry.environments().iter();
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
        let built = Built::from_words(registry, &name, &with_defaults(&name, &settings))?;
        for lanes in LANES {
            let env = built.factory.as_ref();
            let needed = Batch::footprint(env, lanes, 1).and(drawn(env, lanes));
            session.room.check(&format!("bench envs {name}"), &needed)?;
            let _measuring = Waiting::on(format!("bench envs {name}, {lanes} lanes"));
            let rate = stepping_rate(&session.pool, &built.factory, lanes)?;
            let workers = session.pool.workers();
            console.say(format!(
                "{name}: {lanes} lanes, {}: {} steps/s",
                counted(workers, "worker"),
                short(rate)
            ))?;
            console.emit(
                Event::Benchmark,
                &json!({
                    "bench": "envs",
                    "environment": name,
                    "settings": built.settings,
                    "lanes": lanes,
                    "workers": workers,
                    "env_steps_per_second": rate,
                }),
            )?;
        }
    }
    Ok(())
}

/// The settings given, and of the usual ones those that were not.
fn with_defaults(name: &str, given: &[String]) -> Vec<String> {
    let key = |word: &str| {
        let key = word.split('=').next().unwrap_or_default().trim();
        key.strip_prefix("environment.").unwrap_or(key).to_owned()
    };
    let mut all = given.to_vec();
    let usual = SETTINGS.iter().filter(|(of, _)| *of == name);
    for setting in usual.flat_map(|(_, settings)| *settings) {
        if given.iter().all(|word| key(word) != key(setting)) {
            all.push((*setting).to_owned());
        }
    }
    all
}

/// What actions drawn beforehand take of memory.
fn drawn(env: &dyn EnvFactory, lanes: usize) -> Footprint {
    let width = env.spec().action.width() as f64;
    let bytes = 4.0 * (ROWS * lanes) as f64 * width;
    Footprint::new().with("actions drawn beforehand", bytes, "the action's size")
}

/// Steps of all lanes per second, tile by tile on the workers.
fn stepping_rate(pool: &Pool, env: &Arc<dyn EnvFactory>, lanes: usize) -> Result<f64, Failure> {
    let mut steps = ROWS;
    loop {
        let mut tiles: Vec<Stepper> = (0..lanes)
            .step_by(TILE)
            .map(|first| Stepper::new(env.as_ref(), first, TILE.min(lanes - first)))
            .collect();
        // What is made once is not measured, nor is the first touch of memory.
        pool.map(&mut tiles, |_, tile| tile.step(1))
            .map_err(Failure::internal)?;
        let start = Instant::now();
        pool.map(&mut tiles, |_, tile| tile.step(steps))
            .map_err(Failure::internal)?;
        let seconds = start.elapsed().as_secs_f64();
        if seconds >= SECONDS {
            return Ok((lanes * steps) as f64 / seconds);
        }
        steps = (steps as f64 * (1.3 * SECONDS / seconds).clamp(2.0, 1000.0)) as usize;
    }
}

/// What a random policy does in a rollout, as indices or as numbers. `[ROWS]`
fn random_actions(
    env: &dyn EnvFactory,
    lanes: usize,
    (key, first_lane): (&StreamKey, u64),
) -> Vec<(Vec<u32>, Vec<f32>)> {
    let mut policy = Random::policy(env.spec());
    let mut rollout = Rollout::new(env.make(lanes), 1);
    rollout.begin(key, first_lane);
    let act = |_| {
        if rollout.is_full() {
            rollout.go_on();
        }
        rollout.play(&mut policy);
        match rollout.row().previous_action {
            Actions::Discrete(row) => (row.to_vec(), Vec::new()),
            Actions::Box { row, .. } => (Vec::new(), row.to_vec()),
        }
    };
    (0..ROWS).map(act).collect()
}

/// A tile of lanes with the rows it writes, and actions drawn beforehand. What is
/// timed is the environment alone: nobody acts, no row is kept.
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
        let mut observation = vec![0.0; lanes * env.spec().observation.width()];
        let mut batch = env.make(lanes);
        batch.begin(&key, first as u64, &mut observation);
        Self {
            batch,
            actions: random_actions(env, lanes, (&key, first as u64)),
            action_width: (!env.spec().is_discrete()).then(|| env.spec().action.width()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_comes_before_what_is_usual() {
        let words = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
            with_defaults("bernoulli-bandit", &given)
        };
        assert_eq!(words(&[]), ["arms=2", "pulls=100"]);
        assert_eq!(words(&["pulls=7"]), ["pulls=7", "arms=2"]);
        assert_eq!(
            words(&["environment.arms = 3"]),
            ["environment.arms = 3", "pulls=100"]
        );
        assert!(with_defaults("gridnavi", &[]).is_empty());
    }
}
