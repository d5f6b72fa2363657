//! The JSON Schema of a run's configuration, for editors: made of what registry entries,
//! algorithms and this crate declare of their settings.

use crate::config::{Evaluation, Saving};
use crate::registry::Registry;
use agent::schema_of;
use rl_core::{EnvironmentEntry, Kind, Setting};
use serde_json::{Map, Value, json};

/// The schema of a whole file, draft 2020-12.
pub fn schema(registry: &Registry) -> Value {
    let mut properties = Map::new();
    for (key, value) in common(registry) {
        properties.insert(key.to_owned(), value);
    }
    let names: Vec<&str> = registry.algorithms().iter().map(|it| it.name).collect();
    let beside = [
        "algorithm",
        "seed",
        "from",
        "environment",
        "evaluation",
        "checkpoint",
    ];
    let conditions = names.iter().map(|name| {
        let allowed: Vec<&str> = beside.iter().copied().chain([*name]).collect();
        json!({
            "if": { "properties": { "algorithm": { "const": name } }, "required": ["algorithm"] },
            "then": { "required": [name], "propertyNames": { "enum": allowed } },
        })
    });
    let conditions: Vec<Value> = conditions.collect();
    for algorithm in registry.algorithms() {
        let mut settings = (algorithm.settings)().to_value();
        if let Some(settings) = settings.as_object_mut() {
            settings.remove("title");
            let about = format!("Settings of {}.", algorithm.summary);
            settings.insert("description".to_owned(), about.into());
        }
        properties.insert(algorithm.name.to_owned(), settings);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A run of metarl",
        "type": "object",
        "properties": properties,
        "required": ["algorithm", "environment", "evaluation", "checkpoint"],
        "additionalProperties": false,
        "allOf": conditions,
    })
}

/// What every run has, key by key.
fn common(registry: &Registry) -> [(&'static str, Value); 6] {
    let algorithms = registry.algorithms().iter();
    let algorithms = algorithms.map(|it| json!({ "const": it.name, "description": it.summary }));
    let environments: Vec<Value> = registry.environments().iter().map(environment).collect();
    let titled = |mut section: Value, about: &str| {
        if let Some(section) = section.as_object_mut() {
            section.remove("title");
            section.insert("description".to_owned(), about.into());
        }
        section
    };
    let mut evaluation = schema_of::<Evaluation>().to_value();
    // A file need not say how tasks are split, nor all of it.
    evaluation["properties"]["split"]["required"] = json!([]);
    if let Some(required) = evaluation["required"].as_array_mut() {
        required.retain(|key| key != "split");
    }
    let checkpoint = schema_of::<Saving>().to_value();
    [
        (
            "algorithm",
            json!({
                "description": "What learns; its settings are in the table of its name.",
                "oneOf": algorithms.collect::<Vec<Value>>(),
            }),
        ),
        (
            "seed",
            json!({
                "description": "Seed of all randomness; 0 where none is given.",
                "type": "integer",
                "minimum": 0,
            }),
        ),
        (
            "from",
            json!({
                "description": "The folder of a run that this one begins with what was learned in.",
                "type": "string",
            }),
        ),
        (
            "environment",
            json!({
                "description": "What the agent lives in. Settings that are not given are as usual.",
                "type": "object",
                "oneOf": environments,
            }),
        ),
        (
            "evaluation",
            titled(evaluation, "How the agent is measured, on fresh tasks."),
        ),
        ("checkpoint", titled(checkpoint, "When the run is saved.")),
    ]
}

fn environment(entry: &EnvironmentEntry) -> Value {
    let name = json!({ "const": entry.name(), "description": "Which environment." });
    let mut properties = Map::from_iter([("name".to_owned(), name)]);
    for setting in entry.settings() {
        properties.insert(setting.name.to_owned(), of(setting));
    }
    json!({
        "description": entry.summary(),
        "type": "object",
        "properties": properties,
        "required": ["name"],
        "additionalProperties": false,
    })
}

fn of(setting: &Setting) -> Value {
    let mut schema = match setting.kind {
        Kind::Count { default, bounds } => {
            let (low, high) = bounds.ends();
            json!({ "type": "integer", "default": default, "minimum": low, "maximum": high })
        }
        Kind::Number { default, bounds } => {
            let (low, high) = bounds.ends();
            json!({ "type": "number", "default": default, "minimum": low, "maximum": high })
        }
        Kind::Choice(words) => json!({ "enum": words, "default": words.first() }),
    };
    schema["description"] = setting.meaning.into();
    if let Some(schema) = schema.as_object_mut() {
        // An end that there is not.
        schema.retain(|_, value| !value.is_null());
    }
    schema
}
