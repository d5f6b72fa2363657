//! `oracle`: an environment's exact values.

use crate::cli::OracleArgs;
use crate::console::{Console, Event, Table, fixed};
use lab::failure::Failure;
use lab::oracles::Oracles;
use lab::references::{fields, insert, named};
use lab::registry::{Built, Registry};
use lab::room::Room;
use lab::stop::Stop;
use rl_core::{EnvSpec, Exact, ExactValues, Trial};
use serde_json::{Map, Value, json};

pub(crate) fn run(registry: &Registry, args: &OracleArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let built = Built::from_words(registry, &args.environment, &args.settings)?;
    let spec = built.factory.spec();
    let oracles = Oracles::new(&console, Room::now(), Stop::default());
    oracles.check(&built)?;
    let exact = oracles.references(&built);
    let mut table = Table::new(&["expected return of a trial", "value", "± s.e."]);
    let mut object = fields(&exact);
    let mut why = Map::new();
    for (name, reference) in named(&exact) {
        table.row(cells(name, reference));
        if let Some(reason) = reference.why() {
            why.insert(name.to_owned(), json!(reason));
        }
    }
    table.print(&console)?;
    let further = built.factory.further_values();
    if !further.is_empty() {
        let mut table = Table::new(&["beside it", "value", "± s.e."]);
        for (name, value) in &further {
            table.row(cells(name, value));
            insert(&mut object, name, value);
        }
        table.print(&console)?;
    }
    for (name, reason) in &why {
        console.say(format!("{name}: {}", reason.as_str().unwrap_or_default()))?;
    }
    let course = Course::of(spec, &exact);
    course.print(&console)?;
    course.insert(&mut object);
    object.insert("environment".to_owned(), json!(args.environment));
    object.insert("settings".to_owned(), json!(built.settings));
    if !why.is_empty() {
        object.insert("why".to_owned(), Value::Object(why));
    }
    console.emit(Event::Oracle, &Value::Object(object))
}

/// A row: a name, its value and how far that may be off.
fn cells(name: &str, value: &Exact) -> Vec<String> {
    let (value, error) = match value {
        Exact::Known { value } => (fixed(*value, 6), "exact".to_owned()),
        Exact::Estimated {
            value,
            standard_error,
            ..
        } => (fixed(*value, 6), fixed(*standard_error, 6)),
        Exact::Unknown { .. } => ("–".to_owned(), "–".to_owned()),
    };
    vec![name.to_owned(), value, error]
}

/// How the Bayes-optimal agent fares in the course of a trial.
struct Course {
    /// What it falls short of an agent that knows its task, in the whole trial,
    /// and the standard error.
    regret: Option<(f64, f64)>,
    /// Its return in each episode, if there are several.
    episodes: Option<Vec<f64>>,
    /// Its regret so far, after each step; the optimum spread evenly.
    cumulative_regret: Option<Vec<f64>>,
}

impl Course {
    fn of(spec: &EnvSpec, exact: &ExactValues) -> Self {
        let optimum = exact.known_task_optimum.get();
        let pair = |value: &Exact| value.get().zip(value.standard_error());
        let regret = pair(&exact.known_task_optimum).zip(pair(&exact.bayes_optimal));
        let rewards = exact.bayes_optimal_rewards.as_ref();
        let several = rewards.filter(|_| matches!(spec.trial, Trial::Episodes(2..)));
        let sums = |rewards: &Vec<f64>| {
            let episodes = rewards.chunks(spec.horizon);
            episodes.map(|episode| episode.iter().sum()).collect()
        };
        let so_far = |(optimum, rewards): (f64, &Vec<f64>)| {
            let share = optimum / rewards.len() as f64;
            let short = rewards.iter().scan(0.0, |regret, reward| {
                *regret += share - reward;
                Some(*regret)
            });
            short.collect()
        };
        Self {
            regret: regret.map(|(optimum, value)| (optimum.0 - value.0, optimum.1.hypot(value.1))),
            episodes: several.map(sums),
            cumulative_regret: optimum.zip(rewards).map(so_far),
        }
    }

    fn print(&self, console: &Console) -> Result<(), Failure> {
        if let Some((regret, error)) = self.regret {
            let error = match error {
                0.0 => String::new(),
                error => format!(" ± {}", fixed(error, 6)),
            };
            let regret = fixed(regret, 6);
            console.say(format!("Bayes-optimal regret of a trial: {regret}{error}"))?;
        }
        if let Some(episodes) = &self.episodes {
            let values: Vec<_> = episodes.iter().map(|value| fixed(*value, 4)).collect();
            let values = values.join(", ");
            console.say(format!("Bayes-optimal return by episode: {values}"))?;
        }
        Ok(())
    }

    fn insert(self, object: &mut Map<String, Value>) {
        let parts = [
            ("bayes_optimal_regret", json!(self.regret.map(|r| r.0))),
            (
                "bayes_optimal_regret_standard_error",
                json!(self.regret.map(|r| r.1)),
            ),
            ("bayes_optimal_episodes", json!(self.episodes)),
            (
                "bayes_optimal_cumulative_regret",
                json!(self.cumulative_regret),
            ),
        ];
        let known = parts.into_iter().filter(|(_, value)| !value.is_null());
        object.extend(known.map(|(name, value)| (name.to_owned(), value)));
    }
}
