//! `baseline`: learners without networks on fresh tasks.

use crate::cli::BaselineArgs;
use crate::console::{Console, Event, Table as Columns};
use crate::progress::Met;
use crate::results::{COLUMNS, Title, print_difference, references, row};
use lab::comparison::{difference, estimate, held_out, result_of, settings_of};
use lab::failure::Failure;
use lab::learners::{About, LearnerSpec, Player, find, fitting};
use lab::observer::Progress as _;
use lab::oracles::solutions;
use lab::overrides::Override;
use lab::references::gap_closed;
use lab::registry::{Built, Registry, value_of};
use lab::session::Session;
use record::schema::Difference;
use rl_core::{EnvironmentEntry, SettingError};
use rollout::{Evaluation, evaluate_watched, evaluation_footprint};
use serde_json::json;
use std::ops::ControlFlow;
use toml::Table;

pub(crate) fn run(registry: &Registry, args: &BaselineArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let entry = registry
        .environment(&args.environment)
        .map_err(Failure::usage)?;
    let request = Request::read(entry, &args.words)?;
    let built = Built::new(entry, &request.settings).map_err(Failure::config)?;
    let env = &built.factory;
    let specs = request.learners.iter();
    let specs = specs
        .map(|(about, params)| LearnerSpec::new_in(&about.name, &about.name, params, env.as_ref()));
    let specs: Vec<LearnerSpec> = specs
        .collect::<Result<_, String>>()
        .map_err(Failure::config)?;
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let made = specs.iter().map(|spec| spec.make(&built, &session.oracles));
    let policies: Vec<_> = made.collect::<Result<_, String>>().map_err(|why| {
        let fitting = fitting(&built, &session.oracles, |_| true).join(", ");
        Failure::config(format!("{why}; those that can: {fitting}"))
    })?;
    for Player { policy, .. } in &policies {
        let work = (args.tasks, session.pool.workers());
        let needed = evaluation_footprint(env.as_ref(), policy.as_ref(), work);
        let needed = needed.and(solutions(&built));
        session.room.check(&policy.name(), &needed)?;
    }
    let exact = session.oracles.references(&built);
    console.say(Title {
        environment: entry.name(),
        settings: &settings_of(&built)?,
        seed: args.seed,
        tasks: (args.tasks, env.tasks()),
    })?;
    console.say("")?;
    let mut table = Columns::new(&COLUMNS);
    let mut played = Vec::new();
    for Player { kind, policy } in policies {
        let met = Met::new(&policy.name(), args.tasks);
        let watch = move |more| {
            met.met(more);
            ControlFlow::Continue(())
        };
        let held = held_out(args.tasks, args.seed);
        let evaluation = evaluate_watched(&session.pool, env, &policy, (held, watch))?;
        let result = result_of(policy.name(), kind, &evaluation);
        let gap = gap_closed(&exact, estimate(&result, args.tasks));
        let regret = result.regret.as_ref().and_then(|row| row.last().copied());
        table.row(row(&result, args.tasks, &exact));
        console.emit(
            Event::Learner,
            &json!({
                "learner": result.name,
                "kind": kind,
                "environment": entry.name(),
                "settings": built.settings,
                "seed": args.seed,
                "tasks": args.tasks,
                "mean_return": result.mean_return,
                "standard_error": result.standard_error,
                "regret": regret,
                "gap_closed": gap.map(|gap| gap.mean),
            }),
        )?;
        played.push((result.name, evaluation));
    }
    table.print(&console)?;
    console.say("")?;
    for one in differences(&played) {
        print_difference(&console, &one)?;
    }
    for line in references(&exact) {
        console.say(console.dim(&line))?;
    }
    Ok(())
}

/// The best learner against each of the others.
fn differences(played: &[(String, Evaluation)]) -> Vec<Difference> {
    let mean = |(_, evaluation): &&(String, Evaluation)| evaluation.returns.mean();
    let Some(best) = played.iter().max_by(|a, b| mean(a).total_cmp(&mean(b))) else {
        return Vec::new();
    };
    let others = played.iter().filter(|other| other.0 != best.0);
    let against = |other: &(String, Evaluation)| {
        let returns = [&best.1.trial_returns, &other.1.trial_returns];
        difference((&best.0, returns[0]), (&other.0, returns[1]))
    };
    others.map(against).collect()
}

/// Learners with their parameters, and the environment's settings.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) settings: Table,
    pub(crate) learners: Vec<(About, Table)>,
}

impl Request {
    /// Sorts the words of the command line. A key without a name in front
    /// belongs to whoever has it, if that is clear.
    ///
    /// # Errors
    /// Names what is not known or not clear.
    pub(crate) fn read(entry: &EnvironmentEntry, words: &[String]) -> Result<Self, Failure> {
        let mut request = Self {
            settings: Table::new(),
            learners: Vec::new(),
        };
        for name in words.iter().filter(|word| !word.contains('=')) {
            let about = find(name, entry).map_err(Failure::usage)?;
            if request
                .learners
                .iter()
                .any(|(other, _)| other.name == about.name)
            {
                return Err(Failure::usage(format!("learner '{name}' is named twice")));
            }
            request.learners.push((about, Table::new()));
        }
        if request.learners.is_empty() {
            let message = "no learner is named; `list learners` shows what there is";
            return Err(Failure::usage(message));
        }
        for word in words.iter().filter(|word| word.contains('=')) {
            let one = Override::parse(word).map_err(Failure::usage)?;
            request.set(entry, one)?;
        }
        Ok(request)
    }

    /// Whose keys there are: `(owner, key)`.
    fn keys(&self, entry: &EnvironmentEntry) -> Vec<(String, String)> {
        let settings = entry
            .settings()
            .iter()
            .map(|setting| ("environment".to_owned(), setting.name.to_owned()));
        let params = self.learners.iter().flat_map(|(about, _)| {
            about
                .keys
                .iter()
                .map(|key| (about.name.to_string(), key.name.to_owned()))
        });
        settings.chain(params).collect()
    }

    fn set(&mut self, entry: &EnvironmentEntry, one: Override) -> Result<(), Failure> {
        let keys = self.keys(entry);
        let full = |(owner, key): &(String, String)| format!("{owner}.{key}");
        let meant: Vec<&(String, String)> = keys
            .iter()
            .filter(|pair| pair.1 == one.key || full(pair) == one.key)
            .collect();
        let (owner, key) = match &meant[..] {
            [(owner, key)] => (owner.as_str(), key.clone()),
            [] => {
                let names: Vec<String> = keys.iter().map(full).collect();
                let fault = SettingError::unknown(&one.key, names.iter().map(String::as_str));
                return Err(Failure::usage(fault));
            }
            several => {
                let names: Vec<String> = several.iter().map(|pair| full(pair)).collect();
                let (key, names) = (&one.key, names.join(" or "));
                return Err(Failure::usage(format!(
                    "{key} may mean {names}; write one of these"
                )));
            }
        };
        let learners = &mut self.learners;
        let learner = learners.iter_mut().find(|(about, _)| about.name == owner);
        let (table, value) = match learner {
            Some((about, params)) => (params, value_of(about.keys, &key, &one)),
            None => (&mut self.settings, value_of(entry.settings(), &key, &one)),
        };
        if table.contains_key(&key) {
            return Err(Failure::usage(format!(
                "{owner}.{key} is set twice; set it once"
            )));
        }
        table.insert(key, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Value;

    fn read(words: &[&str]) -> Result<Request, String> {
        let registry = Registry::standard();
        let entry = registry.environment("bernoulli-bandit").unwrap();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Request::read(entry, &words).map_err(|failure| failure.message)
    }

    #[test]
    fn keys_find_their_owner() {
        let request = read(&["ucb1", "greedy", "arms=3", "c=0.5", "environment.pulls=7"]).unwrap();
        assert_eq!(request.settings["arms"], Value::Integer(3));
        assert_eq!(request.settings["pulls"], Value::Integer(7));
        assert_eq!(request.learners[0].1["c"], Value::Float(0.5));
        assert!(request.learners[1].1.is_empty());
        assert_eq!(
            read(&["ucb1", "ucb1.c=1"]).unwrap().learners[0].1["c"],
            Value::Integer(1)
        );
    }

    #[test]
    fn what_is_unclear_is_refused() {
        let message = |words: &[&str]| read(words).unwrap_err();
        assert!(message(&["arms=3"]).contains("no learner is named"));
        assert!(message(&["usb1"]).contains("did you mean 'ucb1'?"));
        assert!(message(&["ucb1", "ucb1"]).contains("twice"));
        assert!(message(&["greedy", "c=0.5"]).contains("no such key"));
        assert!(message(&["ucb1", "amrs=5"]).contains("did you mean 'environment.arms'?"));
    }

    #[test]
    fn a_key_that_two_have_needs_a_name_in_front() {
        let entry = EnvironmentEntry::new("e", "", |_| {
            bandits::BernoulliBandit::new(2, 2).map_err(|error| error.to_string())
        })
        .number("c", 0.0, 0.0..=1.0, "");
        let read = |words: [&str; 2]| Request::read(&entry, &words.map(str::to_owned));
        let message = read(["ucb1", "c=1"]).unwrap_err().message;
        assert_eq!(
            message,
            "c may mean environment.c or ucb1.c; write one of these"
        );
        assert_eq!(read(["ucb1", "environment.c=1"]).unwrap().settings.len(), 1);
    }
}
