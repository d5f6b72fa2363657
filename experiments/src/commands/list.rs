//! `list`: what there is.

use crate::cli::{Kind, ListArgs};
use crate::commands::table::{TABLES, TableEntry};
use crate::console::{Console, Event};
use clap::ValueEnum as _;
use lab::failure::Failure;
use lab::learners;
use lab::presets::{BENCHMARK, MAML_BENCHMARK, PRESETS, QUICKSTART};
use lab::registry::Registry;
use rl_core::Setting;
use serde_json::{Value, json};
use toml::Table;

/// One thing that there is.
struct Item {
    name: String,
    summary: String,
    /// Name, default, what is allowed, meaning.
    keys: Vec<[String; 4]>,
    /// Of an environment, the presets that train in it.
    presets: Option<Vec<&'static str>>,
}

pub(crate) fn run(registry: &Registry, args: &ListArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    for kind in Kind::value_variants() {
        if args.kind.is_none_or(|wanted| wanted == *kind) {
            show(&console, *kind, items(registry, *kind), args.kind.is_none())?;
        }
    }
    Ok(())
}

fn items(registry: &Registry, kind: Kind) -> Vec<Item> {
    match kind {
        Kind::Envs => registry.environments().iter().map(environment).collect(),
        Kind::Algorithms => {
            let item = |entry: &agent::Algorithm| plain(entry.name, entry.summary);
            registry.algorithms().iter().map(item).collect()
        }
        Kind::Presets => {
            let item = |preset: &crate::Preset| match preset.name {
                QUICKSTART => {
                    let summary = format!("{} (also called quickstart)", preset.summary());
                    plain(preset.name, &summary)
                }
                name => plain(name, &preset.summary()),
            };
            PRESETS.iter().map(item).collect()
        }
        Kind::Learners => {
            let item = |about: learners::About| Item {
                name: about.name.to_string(),
                summary: about.summary.to_string(),
                keys: about.keys.iter().map(row).collect(),
                presets: None,
            };
            let own = learners::of_environments(registry);
            learners::all().into_iter().chain(own).map(item).collect()
        }
        Kind::Tables => {
            let item = |table: &TableEntry| plain(table.name, table.summary);
            TABLES.iter().map(item).collect()
        }
    }
}

fn plain(name: &str, summary: &str) -> Item {
    Item {
        name: name.to_owned(),
        summary: summary.to_owned(),
        keys: Vec::new(),
        presets: None,
    }
}

fn environment(entry: &crate::EnvironmentEntry) -> Item {
    Item {
        name: entry.name().to_owned(),
        summary: entry.summary().to_owned(),
        keys: entry.settings().iter().map(row).collect(),
        presets: Some(presets_of(entry.name())),
    }
}

/// The presets that train in an environment, but for those that measure speed.
fn presets_of(environment: &str) -> Vec<&'static str> {
    let trains = |preset: &&crate::Preset| {
        let table: Option<Table> = preset.text.parse().ok();
        let name = table
            .as_ref()
            .and_then(|table| table.get("environment")?.get("name"));
        name.and_then(toml::Value::as_str) == Some(environment)
    };
    let measures = |name: &&str| ![BENCHMARK, MAML_BENCHMARK].contains(name);
    let presets = PRESETS.iter().filter(trains).map(|preset| preset.name);
    presets.filter(measures).collect()
}

/// How a training in an environment begins, in a sentence.
fn beginning(environment: &str, presets: &[&str]) -> String {
    match presets {
        [] => format!(
            "No preset trains in it yet; one for another begins with: train quickstart \
             environment.name={environment} 'evaluation.learners=[{{name=\"random\"}}]'"
        ),
        [one] => format!("It is what `train {one}` trains in."),
        several => format!("It is what these presets train in: {}.", several.join(", ")),
    }
}

fn row(setting: &Setting) -> [String; 4] {
    [
        setting.name.to_owned(),
        setting.default().to_string(),
        setting.allowed(),
        setting.meaning.to_owned(),
    ]
}

fn show(console: &Console, kind: Kind, items: Vec<Item>, heading: bool) -> Result<(), Failure> {
    let (title, word) = match kind {
        Kind::Envs => ("Environments", "environment"),
        Kind::Algorithms => ("Algorithms", "algorithm"),
        Kind::Presets => ("Presets", "preset"),
        Kind::Learners => ("Learners", "learner"),
        Kind::Tables => ("Tables", "table"),
    };
    if heading {
        console.say(console.bold(title))?;
    }
    let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    for item in &items {
        console.say(format!("  {:<width$}  {}", item.name, item.summary))?;
        if let Some(presets) = &item.presets {
            console.say(format!("      {}", beginning(&item.name, presets)))?;
        }
        for [name, default, allowed, meaning] in &item.keys {
            let text = format!("      {name} = {default}: {meaning} ({allowed})");
            console.say(console.dim(&text))?;
        }
        let keys = item.keys.iter().map(|[name, default, allowed, meaning]| {
            json!({"name": name, "default": default, "allowed": allowed, "meaning": meaning})
        });
        let mut line = json!({
            "kind": word,
            "name": item.name,
            "summary": item.summary,
            "keys": keys.collect::<Vec<Value>>(),
        });
        if let Some(presets) = &item.presets {
            line["presets"] = json!(presets);
        }
        console.emit(Event::Item, &line)?;
    }
    match heading {
        true => console.say(""),
        false => Ok(()),
    }
}
