//! `oracle`: an environment's exact values.

use crate::cli::OracleArgs;
use crate::console::{Console, Event, Table};
use crate::failure::Failure;
use crate::references::{Reference, References};
use crate::registry::{Built, Registry};
use rl_core::EnvSpec;
use serde_json::{Map, Value, json};

pub(crate) fn run(registry: &Registry, args: &OracleArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let built = Built::from_words(registry, &args.environment, &args.settings)?;
    let spec = built.factory.spec();
    let exact = References::of(built.factory.as_ref());
    let rows = [
        ("bayes_optimal", &exact.bayes_optimal),
        ("known_task_optimum", &exact.known_task_optimum),
        ("random", &exact.random),
    ];
    let mut table = Table::new(&["expected return of a trial", "value", "± s.e."]);
    let mut object = Map::new();
    let mut why = Map::new();
    for (name, reference) in rows {
        object.insert(name.to_owned(), json!(reference.value()));
        match reference {
            Reference::Known {
                value,
                standard_error,
            } => {
                let error = format!("{standard_error:.6}");
                object.insert(format!("{name}_standard_error"), json!(standard_error));
                table.row(vec![name.into(), format!("{value:.6}"), error]);
            }
            Reference::Unknown { why: reason } => {
                table.row(vec![name.into(), "–".into(), "–".into()]);
                why.insert(name.to_owned(), json!(reason));
            }
        }
    }
    table.print(&console)?;
    for (name, reason) in &why {
        console.say(format!("{name}: {}", reason.as_str().unwrap_or_default()))?;
    }
    let course = Course::of(spec, &exact);
    course.print(&console)?;
    course.insert(&mut object);
    object.insert("environment".to_owned(), json!(args.environment));
    object.insert("settings".to_owned(), json!(built.settings.table()));
    if !why.is_empty() {
        object.insert("why".to_owned(), Value::Object(why));
    }
    console.emit(Event::Oracle, &Value::Object(object))
}

/// How the Bayes-optimal agent fares in the course of a trial.
struct Course {
    /// What it falls short of an agent that knows its task, in the whole trial.
    regret: Option<f64>,
    /// Its return in each episode, if there are several.
    episodes: Option<Vec<f64>>,
    /// Its regret so far, after each step; the optimum spread evenly.
    cumulative_regret: Option<Vec<f64>>,
}

impl Course {
    fn of(spec: &EnvSpec, exact: &References) -> Self {
        let optimum = exact.known_task_optimum.value();
        let regret = optimum.zip(exact.bayes_optimal.value());
        let rewards = exact.bayes_optimal_rewards.as_ref();
        let several = rewards.filter(|_| spec.episodes > 1);
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
            regret: regret.map(|(optimum, value)| optimum - value),
            episodes: several.map(sums),
            cumulative_regret: optimum.zip(rewards).map(so_far),
        }
    }

    fn print(&self, console: &Console) -> Result<(), Failure> {
        if let Some(regret) = self.regret {
            console.say(format!("Bayes-optimal regret of a trial: {regret:.6}"))?;
        }
        if let Some(episodes) = &self.episodes {
            let values: Vec<_> = episodes.iter().map(|value| format!("{value:.4}")).collect();
            let values = values.join(", ");
            console.say(format!("Bayes-optimal return by episode: {values}"))?;
        }
        Ok(())
    }

    fn insert(self, object: &mut Map<String, Value>) {
        let parts = [
            ("bayes_optimal_regret", json!(self.regret)),
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
