//! What there is to say of every key of a configuration: what it means, what is allowed,
//! and what presets set it to.
//!
//! Meanings and kinds are those of the [schema](crate::schema), which are the comments on the
//! fields that settings are read into. What is allowed is asked of whoever checks them: it is
//! what an error would say, so that it cannot be out of date.

use crate::config::RunConfig;
use crate::failure::Failure;
use crate::launch::check_settings;
use crate::presets::{PRESETS, Preset};
use crate::registry::Registry;
use crate::session::Session;
use rl_core::nearest;
use serde_json::Value;
use std::collections::BTreeMap;
use toml::Table;

/// A key that there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its dotted name.
    pub path: String,
    /// What it means.
    pub meaning: String,
    /// What it is: a whole number, a table, one of some words.
    pub form: String,
    /// Ends that the schema says.
    pub range: Option<String>,
    /// Of words, each with what it means.
    pub choices: Vec<(String, String)>,
    /// What else has to be set for it to be there: one of these, each of them some keys with
    /// their values. Empty if nothing has to.
    pub with: Vec<Vec<(String, String)>>,
    /// What it is unless set, where that is said.
    pub default: Option<String>,
    /// Whether others are below it.
    pub table: bool,
}

/// All keys, those of a table in alphabetical order, one entry for each meaning.
pub fn keys(registry: &Registry) -> Vec<Key> {
    let mut keys = Vec::new();
    let schema = crate::schema::schema(registry);
    walk(&schema, "", &[], &mut keys);
    merged(keys)
}

/// What stands at a key with what has to be set for it.
type With = [(String, String)];

/// Adds what is below a node.
fn walk(node: &Value, path: &str, with: &With, keys: &mut Vec<Key>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    for (key, value) in object(&node["properties"]) {
        if value.get("const").is_none() {
            let path = below(key);
            keys.push(entry(&path, value, with));
            walk(value, &path, with, keys);
        }
    }
    // Variants, told apart by the one key that is a constant of each.
    let variants = list(&node["oneOf"]);
    let tag = variants.first().and_then(tag_of);
    let Some(tag) = tag else {
        return;
    };
    let path_of_tag = below(&tag);
    let choice = |variant: &Value| {
        let name = variant["properties"][&tag]["const"].as_str()?;
        Some((name.to_owned(), text(variant)))
    };
    let choices: Vec<(String, String)> = variants.iter().filter_map(choice).collect();
    let meaning = match tag.as_str() {
        "name" => "Which one.",
        _ => "Which kind.",
    };
    keys.push(Key {
        path: path_of_tag.clone(),
        meaning: meaning.to_owned(),
        form: words(choices.iter().map(|(word, _)| word.as_str())),
        range: None,
        choices,
        with: alternatives(with),
        default: None,
        table: false,
    });
    for variant in variants {
        let Some((name, _)) = choice(variant) else {
            continue;
        };
        let with = [with, &[(path_of_tag.clone(), name)]].concat();
        walk(variant, path, &with, keys);
    }
}

fn alternatives(with: &With) -> Vec<Vec<(String, String)>> {
    match with {
        [] => Vec::new(),
        with => vec![with.to_vec()],
    }
}

/// The key by which a variant is told.
fn tag_of(variant: &Value) -> Option<String> {
    let mut properties = object(&variant["properties"]);
    let tag = properties.find(|(_, value)| value.get("const").is_some());
    tag.map(|(key, _)| key.clone())
}

fn entry(path: &str, value: &Value, with: &With) -> Key {
    let variants = list(&value["oneOf"]);
    let choice = |variant: &Value| Some((variant["const"].as_str()?.to_owned(), text(variant)));
    let mut choices: Vec<(String, String)> = variants.iter().filter_map(choice).collect();
    let plain = list(&value["enum"]).iter().filter_map(Value::as_str);
    choices.extend(plain.map(|word| (word.to_owned(), String::new())));
    let items = list(&value["items"]["oneOf"]).iter().filter_map(choice);
    let items: Vec<(String, String)> = items.collect();
    let tables = variants
        .iter()
        .any(|variant| variant.get("properties").is_some());
    let table = tables || value.get("properties").is_some();
    let form = match kind(value) {
        _ if table => "a table".to_owned(),
        _ if !choices.is_empty() => words(choices.iter().map(|(word, _)| word.as_str())),
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") if !items.is_empty() => {
            let words: Vec<&str> = items.iter().map(|(word, _)| word.as_str()).collect();
            format!("a list of any of {}", words.join(", "))
        }
        Some("array") => match kind(&value["items"]) {
            Some("integer") => "a list of whole numbers".to_owned(),
            Some("number") => "a list of numbers".to_owned(),
            _ => "a list of tables".to_owned(),
        },
        Some("object") => "a table".to_owned(),
        _ => "text in quotes".to_owned(),
    };
    choices.extend(items);
    Key {
        path: path.to_owned(),
        meaning: text(value),
        form,
        range: range(value),
        choices,
        with: alternatives(with),
        default: value
            .get("default")
            .filter(|default| !default.is_null())
            .map(Value::to_string),
        table,
    }
}

/// The type that the schema says. What may be left out may be null too there, which no file
/// can say.
fn kind(value: &Value) -> Option<&str> {
    let kinds = match &value["type"] {
        Value::Array(kinds) => kinds,
        kind => std::slice::from_ref(kind),
    };
    let mut kinds = kinds.iter().filter_map(Value::as_str);
    kinds.find(|kind| *kind != "null")
}

fn range(value: &Value) -> Option<String> {
    match (value.get("minimum"), value.get("maximum")) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}")),
        (Some(low), None) => Some(format!("at least {low}")),
        (None, Some(high)) => Some(format!("at most {high}")),
        (None, None) => None,
    }
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> String {
    format!("one of {}", all.collect::<Vec<_>>().join(", "))
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What a comment says, as running text: links to code are the names alone.
fn text(value: &Value) -> String {
    let comment = value["description"].as_str().unwrap_or_default();
    let paragraphs = comment
        .split("\n\n")
        .map(|paragraph| match paragraph.starts_with("```") {
            true => paragraph.to_owned(),
            false => paragraph.split_whitespace().collect::<Vec<_>>().join(" "),
        });
    let text = paragraphs.collect::<Vec<_>>().join("\n\n");
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some((before, link)) = rest.split_once("[`") {
        shown.push_str(before);
        let Some((name, after)) = link.split_once("`]") else {
            shown.push_str("[`");
            rest = link;
            continue;
        };
        shown.push_str(name);
        rest = match after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'))
        {
            Some((_, after)) => after,
            None => after,
        };
    }
    shown + rest
}

/// One entry for all that is the same but for what it stands with.
fn merged(keys: Vec<Key>) -> Vec<Key> {
    let mut merged: Vec<Key> = Vec::new();
    for key in keys {
        let same = |other: &&mut Key| {
            let kinds = (&other.path, &other.meaning, &other.form);
            let ends = (&other.range, &other.default);
            kinds == (&key.path, &key.meaning, &key.form) && ends == (&key.range, &key.default)
        };
        match merged.iter_mut().find(same) {
            Some(other) => other.with.extend(key.with),
            None => merged.push(key),
        }
    }
    merged
}

/// What one preset sets a key to.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// The preset.
    pub preset: &'static str,
    /// The value, as TOML.
    pub value: String,
    /// What the file says beside it: its unit or its source.
    pub comment: Option<String>,
}

/// All that presets set a key to, of those in which it stands with what it has to.
pub fn set_in_presets(key: &Key) -> Vec<Set> {
    let set = |preset: &'static Preset| {
        let table: Table = preset.text.parse().ok()?;
        let value = at(&table, &key.path)?;
        stands(&table, key).then(|| Set {
            preset: preset.name,
            value: value.to_string(),
            comment: comment(preset.text, &key.path),
        })
    };
    PRESETS.iter().filter_map(set).collect()
}

/// Whether a configuration is one in which the key has this meaning.
fn stands(table: &Table, key: &Key) -> bool {
    let set = |(path, value): &(String, String)| {
        at(table, path).and_then(toml::Value::as_str) == Some(value)
    };
    key.with.is_empty() || key.with.iter().any(|with| with.iter().all(set))
}

/// What stands at a dotted key.
fn at<'a>(table: &'a Table, path: &str) -> Option<&'a toml::Value> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let value = table.get(first)?;
    match rest {
        "" => Some(value),
        rest => at(value.as_table()?, rest),
    }
}

/// What stands behind the line in which a preset sets a key.
fn comment(text: &str, path: &str) -> Option<String> {
    let (section, key) = path.split_once('.').unwrap_or(("", path));
    let mut inside = String::new();
    for line in text.lines() {
        if let Some(header) = line.trim().strip_prefix('[') {
            inside = header.split(']').next().unwrap_or_default().to_owned();
            continue;
        }
        let Some((name, rest)) = line.split_once('=') else {
            continue;
        };
        let name = name.trim();
        let is_it = name == key || key.starts_with(&format!("{name}."));
        if inside == section && is_it && !name.is_empty() {
            let (_, comment) = rest.split_once(" # ")?;
            return Some(comment.trim().to_owned());
        }
    }
    None
}

/// What is allowed at one of all keys: what an error would say, and where nobody says
/// anything, what the schema does.
pub fn allowed(session: &Session<'_>, all: &[Key], key: &Key) -> String {
    // The schema has all that is declared of an environment's.
    let asks = !key.path.starts_with("environment.") && !key.table;
    let place = place_of(all, key).filter(|_| asks);
    let said = place.and_then(|place| asked(session, key, &place).ok().flatten());
    match said.or_else(|| key.range.clone()) {
        Some(said) if said.starts_with("a ") => said,
        Some(said) => format!("{}, {said}", key.form),
        None => key.form.clone(),
    }
}

/// A configuration that has the key: a preset, or one in which the variant that has it
/// stands in the place of another one.
fn place_of(all: &[Key], key: &Key) -> Option<Table> {
    let presets = || PRESETS.iter().filter_map(|preset| preset.text.parse().ok());
    let has = |table: &Table| at(table, &key.path).is_some() && stands(table, key);
    if let Some(table) = presets().find(has) {
        return Some(table);
    }
    key.with.iter().find_map(|with| {
        let ((tag, value), before) = with.split_last()?;
        let (parent, kind) = tag.rsplit_once('.')?;
        let before = |table: &Table| {
            let mut before = before.iter();
            before.all(|(path, value)| at(table, path).and_then(toml::Value::as_str) == Some(value))
        };
        let has = |table: &Table| at(table, parent).is_some() && before(table);
        let mut table = presets().find(has)?;
        let mut variant = Table::from_iter([(kind.to_owned(), toml::Value::String(value.clone()))]);
        let belongs = |other: &&Key| level_of(&other.path) == parent && other.with.contains(with);
        for other in all.iter().filter(belongs).filter(|other| !other.table) {
            let name = other.path.rsplit('.').next().unwrap_or_default();
            variant.insert(name.to_owned(), usual(other));
        }
        put(&mut table, parent, toml::Value::Table(variant))?;
        Some(table)
    })
}

/// A value that a key may well have.
fn usual(key: &Key) -> toml::Value {
    use toml::Value::{Array, Boolean, Float, Integer, String};
    match key.form.as_str() {
        "a whole number" => Integer(16),
        "a number" => Float(4.0),
        "true or false" => Boolean(false),
        "a list of whole numbers" => Array(vec![Integer(16)]),
        "a list of numbers" => Array(vec![Float(0.5)]),
        _ => {
            let first = key.choices.first();
            String(first.map_or_else(Default::default, |(word, _)| word.clone()))
        }
    }
}

/// Values that no setting of a kind is likely to have.
fn unlikely(form: &str) -> Vec<toml::Value> {
    use toml::Value::{Array, Float, Integer};
    match form {
        "a whole number" => vec![Integer(i64::MAX), Integer(0)],
        "a number" => vec![Float(f64::NAN)],
        "a list of whole numbers" => vec![
            Array(vec![]),
            Array(vec![Integer(0)]),
            Array(vec![Integer(i64::MAX)]),
        ],
        "a list of numbers" => vec![Array(vec![]), Array(vec![Float(f64::NAN)])],
        _ => Vec::new(),
    }
}

/// What is said of values that no setting has, in a configuration that has the key.
fn asked(session: &Session<'_>, key: &Key, place: &Table) -> Result<Option<String>, Failure> {
    let resolved = |table: &Table| {
        let text = toml::to_string(table).map_err(Failure::internal)?;
        RunConfig::resolve(session.registry, "help", &text, &[])
    };
    let mut config = resolved(place)?;
    let mut said: Vec<String> = Vec::new();
    for value in unlikely(&key.form) {
        let mut table = config.table.clone();
        if put(&mut table, &key.path, value).is_none() {
            return Ok(None);
        }
        let message = match key.path.starts_with(&format!("{}.", config.algorithm)) {
            true => {
                config.settings = table[&config.algorithm].clone();
                check_settings(session, &config).err()
            }
            false => resolved(&table).err(),
        };
        let message = message.map(|failure| failure.message);
        said.extend(message.and_then(|message| said_of(&message, &key.path)));
    }
    said.dedup();
    Ok(match said.is_empty() {
        true => None,
        false => Some(said.join("; ")),
    })
}

/// What a message says is allowed, if it is about this key.
fn said_of(message: &str, path: &str) -> Option<String> {
    let (_, about) = message.split_once(path)?;
    let (value, allowed) = about.split_once("; allowed: ")?;
    let each = match value.strip_prefix('.') {
        Some(item) if item.starts_with(|c: char| c.is_ascii_digit()) => "each ",
        Some(_) => return None,
        None => "",
    };
    Some(format!("{each}{allowed}"))
}

fn put(table: &mut Table, path: &str, value: toml::Value) -> Option<()> {
    match path.split_once('.') {
        None => *table.get_mut(path)? = value,
        Some((first, rest)) => put(table.get_mut(first)?.as_table_mut()?, rest, value)?,
    }
    Some(())
}

/// The keys of a name, or the nearest names.
///
/// # Errors
/// The message for a name that there is not.
pub fn find(registry: &Registry, path: &str) -> Result<Vec<Key>, Failure> {
    let all = keys(registry);
    let found: Vec<Key> = all.iter().filter(|key| key.path == path).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names: BTreeMap<&str, ()> = all.iter().map(|key| (key.path.as_str(), ())).collect();
    let level = path.rsplit_once('.').map_or("", |(level, _)| level);
    let help = match nearest(path, names.keys().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => {
            let beside = names.keys().filter(|name| level_of(name) == level);
            let beside: Vec<&str> = beside.copied().collect();
            match beside.is_empty() {
                true => {
                    "`help` alone shows commands, `help rl2` the keys of an algorithm".to_owned()
                }
                false => format!("there are {}", beside.join(", ")),
            }
        }
    };
    Err(Failure::usage(format!("no key '{path}'; {help}")))
}

/// What a key is below.
pub fn level_of(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(level, _)| level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Dotted names of everything in a table, but for what learners and teachers have.
    fn paths(table: &Table, prefix: &str, all: &mut Vec<String>) {
        for (key, value) in table {
            let path = format!("{prefix}{key}");
            let others = path.ends_with(".teacher");
            if let Some(table) = value.as_table().filter(|_| !others) {
                paths(table, &format!("{path}."), all);
            }
            all.push(path);
        }
    }

    #[test]
    fn every_key_of_every_preset_has_a_meaning_and_says_what_is_allowed() {
        let registry = Registry::standard();
        let session = Session::new(&registry, &(), 1, "cpu").unwrap();
        let all = keys(&registry);
        let (mut asked, mut silent) = (BTreeSet::new(), Vec::new());
        for preset in PRESETS.iter() {
            let table: Table = preset.text.parse().unwrap();
            let mut there = Vec::new();
            paths(&table, "", &mut there);
            for path in there {
                let mut found = all
                    .iter()
                    .filter(|key| key.path == path && stands(&table, key));
                let Some(key) = found.next() else {
                    panic!("{}: {path} is no key", preset.name);
                };
                assert!(!key.meaning.is_empty(), "{path} has no meaning");
                if asked.insert((path.clone(), key.with.clone())) {
                    let allowed = allowed(&session, &all, key);
                    let number = key.form.contains("number");
                    if number
                        && !allowed.contains(|c: char| c.is_ascii_digit())
                        && !allowed.contains("finite")
                    {
                        silent.push(format!("{path}: {allowed}"));
                    }
                }
            }
        }
        assert!(asked.len() > 150, "{}", asked.len());
        // Of a trunk that no preset has, too.
        let key = all.iter().find(|key| {
            key.path == "rl2.trunk.hidden" && stands_with(key, "rl2.trunk.kind", "min-gru")
        });
        let said = super::allowed(&session, &all, key.unwrap());
        assert_eq!(said, "a whole number, 1 to 65536");
        assert_eq!(silent, Vec::<String>::new());
    }

    /// Those that no preset sets too.
    #[test]
    fn every_key_has_a_meaning_and_is_what_it_is() {
        let all = keys(&Registry::standard());
        for key in &all {
            assert!(!key.meaning.is_empty(), "{} has no meaning", key.path);
            let text = key.form == "text in quotes";
            assert!(!text || key.range.is_none(), "{key:?}");
            assert!(
                key.range.is_none() || key.form.contains("number"),
                "{key:?}"
            );
            assert_ne!(key.default.as_deref(), Some("null"), "{key:?}");
        }
        let form = |path: &str| {
            let key = all.iter().find(|key| key.path == path);
            key.map(|key| key.form.clone())
        };
        let number = Some("a whole number".to_owned());
        assert_eq!(form("rl2.trunk.mark"), number);
        assert_eq!(form("checkpoint.hash"), number);
        let key = all.iter().find(|key| key.path == "rl2.trunk.around.layers");
        assert_eq!(key.unwrap().default.as_deref(), Some("1"));
    }

    fn stands_with(key: &Key, path: &str, value: &str) -> bool {
        let with = key.with.iter().flatten();
        with.into_iter()
            .any(|(other, word)| other == path && word == value)
    }

    #[test]
    fn comments_are_running_text_and_those_of_presets_are_found() {
        let said = serde_json::json!({
            "description": "One [`Link`], and\n[`another`](crate::other).\n\nMore `code`."
        });
        assert_eq!(text(&said), "One Link, and another.\n\nMore `code`.");
        let preset = "seed = 1\n[rl2]\nlanes = 8 # trials\nouter = { clip = 0.2 } # as usual\ntile = 4\n[x]\nlanes = 3 # others";
        let found = |path| super::comment(preset, path);
        assert_eq!(found("rl2.lanes").as_deref(), Some("trials"));
        assert_eq!(found("rl2.outer.clip").as_deref(), Some("as usual"));
        assert_eq!(found("rl2.tile"), None);
        assert_eq!(found("x.lanes").as_deref(), Some("others"));
    }

    #[test]
    fn unknown_keys_are_told_the_nearest() {
        let registry = Registry::standard();
        let message = |path| find(&registry, path).unwrap_err().message;
        assert!(message("rl2.outer.clp").contains("'rl2.outer.clip'"));
        assert!(message("clip_").contains("did you mean"));
        assert!(message("rl2.trunk.qqqqqqqq").contains("there are rl2.trunk.activation"));
        assert!(message("qqqqqqqqqqqqqqq").contains("there are algorithm, "));
        assert!(message("qqqqq.qqqqqqqqqq").contains("`help rl2`"));
    }
}
