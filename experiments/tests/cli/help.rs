//! Help with keys, the schema of presets, and crates of one's own.

use crate::lab::Lab;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// All presets as JSON, and their names.
fn presets() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets");
    let mut presets = Vec::new();
    for folder in fs::read_dir(root).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let table: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
            let name = path.display().to_string();
            presets.push((name, serde_json::to_value(table).unwrap()));
        }
    }
    presets
}

/// As much of JSON Schema as ours has. The first fault, if there is any.
fn fault(schema: &Value, value: &Value, place: &str) -> Option<String> {
    let all = schema.as_object().unwrap_or_else(|| panic!("{schema}"));
    all.iter().find_map(|(key, of)| match key.as_str() {
        "type" => {
            let is = |kind: &Value| match kind.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_u64() || value.is_i64(),
                "number" => value.is_number(),
                "null" => value.is_null(),
                kind => panic!("a type {kind}"),
            };
            let fits = match of {
                Value::Array(kinds) => kinds.iter().any(is),
                kind => is(kind),
            };
            (!fits).then(|| format!("{place} = {value} is no {of}"))
        }
        "const" => (of != value).then(|| format!("{place} = {value} is not {of}")),
        "enum" => {
            let known = of.as_array().unwrap().contains(value);
            (!known).then(|| format!("{place} = {value} is none of {of}"))
        }
        "minimum" => value
            .as_f64()
            .is_some_and(|number| number < of.as_f64().unwrap())
            .then(|| format!("{place} = {value} is below {of}")),
        "maximum" => value
            .as_f64()
            .is_some_and(|number| number > of.as_f64().unwrap())
            .then(|| format!("{place} = {value} is above {of}")),
        "required" => {
            let mut keys = of
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key.as_str().unwrap());
            let missing = keys.find(|key| value.get(key).is_none());
            missing.map(|key| format!("{place}.{key} is missing"))
        }
        "properties" => of.as_object().unwrap().iter().find_map(|(key, of)| {
            let value = value.get(key)?;
            fault(of, value, &format!("{place}.{key}"))
        }),
        "additionalProperties" => {
            assert_eq!(of, &Value::Bool(false));
            let known = schema["properties"].as_object();
            let unknown = |key: &&String| known.is_none_or(|known| !known.contains_key(*key));
            let unknown = value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, _)| key)
                .find(unknown);
            unknown.map(|key| format!("{place}.{key} is unknown"))
        }
        "propertyNames" => {
            let mut keys = value.as_object().into_iter().flatten().map(|(key, _)| key);
            keys.find_map(|key| fault(of, &Value::String(key.clone()), place))
        }
        "items" => {
            let mut items = value.as_array().into_iter().flatten();
            items.find_map(|item| fault(of, item, place))
        }
        "oneOf" => {
            let variants = of.as_array().unwrap();
            let faults: Vec<Option<String>> =
                variants.iter().map(|of| fault(of, value, place)).collect();
            match faults.iter().filter(|fault| fault.is_none()).count() {
                1 => None,
                0 => Some(format!(
                    "{place}: {:?}",
                    faults.into_iter().flatten().last()
                )),
                several => Some(format!("{place} = {value} is {several} things at once")),
            }
        }
        "allOf" => of
            .as_array()
            .unwrap()
            .iter()
            .find_map(|of| fault(of, value, place)),
        "if" => match fault(of, value, place) {
            None => fault(&schema["then"], value, place),
            Some(_) => None,
        },
        "$schema" | "title" | "description" | "default" | "format" | "then" => None,
        key => panic!("{place} has {key}, which this test does not know"),
    })
}

#[test]
fn every_preset_is_valid_by_the_schema_and_unknown_keys_are_not() {
    let lab = Lab::new();
    let schema: Value = serde_json::from_str(&lab.done(&["schema"]).stdout).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    for (name, preset) in presets() {
        assert_eq!(fault(&schema, &preset, "preset"), None, "{name}");
        // A key that there is not, in every table of it.
        let mut tables = Vec::new();
        collect(&preset, String::new(), &mut tables);
        for table in tables {
            // What learners and teachers have is theirs to say.
            if table.contains("learners") || table.ends_with("teacher") {
                continue;
            }
            let mut other = preset.clone();
            let place = other.pointer_mut(&table).unwrap();
            place
                .as_object_mut()
                .unwrap()
                .insert("unheard-of".to_owned(), 1.into());
            assert!(fault(&schema, &other, "preset").is_some(), "{name}{table}");
        }
    }
    let (_, preset) = presets()
        .into_iter()
        .find(|(name, _)| name.ends_with("rl2/gridnavi.toml"))
        .unwrap();
    for (place, value) in [
        ("/rl2/lanes", Value::from("many")),
        ("/rl2/lanes", 0.5.into()),
        ("/rl2/trunk/kind", "gruu".into()),
        ("/rl2/inputs/0", "everything".into()),
        ("/algorithm", "maml".into()),
        ("/environment/size", 1.into()),
        ("/environment/name", "nowhere".into()),
        ("/evaluation/tasks", 0.into()),
    ] {
        let mut other = preset.clone();
        *other
            .pointer_mut(place)
            .unwrap_or_else(|| panic!("{place}")) = value;
        assert!(fault(&schema, &other, "preset").is_some(), "{place}");
    }
}

/// Pointers to all tables.
fn collect(value: &Value, place: String, tables: &mut Vec<String>) {
    if let Some(table) = value.as_object() {
        for (key, value) in table {
            collect(value, format!("{place}/{key}"), tables);
        }
        tables.push(place);
    }
}

#[test]
fn help_says_what_a_key_means_what_is_allowed_and_where_it_is_from() {
    let lab = Lab::new();
    let said = |words: &[&str]| lab.done(&[&["help"], words].concat()).stdout;
    let clip = said(&["rl2.outer.clip"]);
    for part in [
        "rl2.outer.clip: a number, above 0 and below 1",
        "ε, how far the importance ratio may move.",
        "with rl2.outer.kind = ppo",
        "0.2 in rl2/",
    ] {
        assert!(clip.contains(part), "{part}\n{clip}");
    }
    let trunk = said(&["rl2.trunk"]);
    for part in [
        "What remembers.",
        "rl2.trunk.kind",
        "rl2.trunk.hidden",
        "transformer",
    ] {
        assert!(trunk.contains(part), "{part}\n{trunk}");
    }
    let arms = said(&["environment.arms"]);
    assert!(
        arms.contains("environment.name = bernoulli-bandit"),
        "{arms}"
    );
    assert!(arms.contains("a whole number, 2 to "), "{arms}");
    assert!(said(&["checkpoint.hash"]).contains("checkpoint.hash: a whole number, at least 1"));
    assert!(said(&["rl2.value_coefficient"]).contains("# as in most PPO implementations"));
    assert!(said(&["gridnavi"]).contains("environment.size = "));
    assert!(said(&["ucb1"]).contains("ucb1.c = "));
    assert!(said(&["rl2"]).contains("rl2.reward_scale"));
    let row = lab
        .done(&["help", "maml.inner.steps", "--json"])
        .rows()
        .remove(0);
    assert_eq!(
        (&row["kind"], &row["name"]),
        (&"key".into(), &"maml.inner.steps".into())
    );
    // Commands are known as before.
    assert!(said(&["train"]).contains("experiments train quickstart"));
    assert!(said(&["sweep", "plan"]).contains("A sweep's file"));
    assert!(said(&[]).contains("Commands:"));
    lab.refused(
        &["help", "rl2.outer.clp"],
        2,
        &["did you mean 'rl2.outer.clip'?"],
    );
    lab.refused(
        &["help", "rl2.trunk.qqqqqqqq"],
        2,
        &["there are rl2.trunk.activation"],
    );
    lab.refused(&["help", "sweep", "wrongly"], 2, &["no command"]);
}

/// Names are compared: a file with one name has one text for the new name.
#[test]
fn a_crate_of_ones_own_is_the_example_under_another_name() {
    let lab = Lab::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let cases = [
        (
            "env",
            "my-cave",
            "custom-env",
            &[
                ("guess-the-number", "my-cave"),
                ("guess_the_number", "my_cave"),
                ("GuessTheNumber", "MyCave"),
            ][..],
        ),
        (
            "algorithm",
            "greed",
            "custom-algorithm",
            &[("reinforce", "greed"), ("Reinforce", "Greed")],
        ),
    ];
    for (kind, name, package, names) in cases {
        lab.done(&["new", kind, name]);
        let again = ["new", kind, name];
        lab.refused(&again, 2, &["is there already", "--out"]);
        let (old_module, new_module) = match kind {
            "env" => ("guess_the_number.rs", "my_cave.rs"),
            _ => ("reinforce.rs", "greed.rs"),
        };
        for (new, old) in [
            (format!("src/{new_module}"), format!("src/{old_module}")),
            ("src/main.rs".to_owned(), "src/main.rs".to_owned()),
            (format!("{name}.toml"), format!("{package}.toml")),
        ] {
            let new = fs::read_to_string(lab.path(name).join(new)).unwrap();
            let old = fs::read_to_string(examples.join(package).join(old)).unwrap();
            let mut renamed = old.replace(package, name);
            for (old, new) in names {
                renamed = renamed.replace(old, new);
            }
            renamed = match kind {
                "env" => renamed,
                _ => renamed
                    .replace("const REINFORCE", "const GREED")
                    .replace("REINFORCE.name", "GREED.name")
                    .replace("::REINFORCE", "::GREED"),
            };
            assert_eq!(new, renamed);
        }
        let manifest = fs::read_to_string(lab.path(name).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some(name));
        assert!(
            !manifest.to_string().contains("workspace = true"),
            "{manifest}"
        );
        let path = manifest["dependencies"]["experiments"]["path"]
            .as_str()
            .unwrap();
        assert!(Path::new(path).join("Cargo.toml").exists(), "{path}");
        assert!(lab.path(name).join("Cargo.lock").exists());
    }
    lab.refused(&["new", "algorithm", "rl2"], 2, &["of its own"]);
}
