//! `help`: what a key means, what is allowed and what presets set it to.

use crate::cli::{Cli, HelpArgs};
use crate::console::{Console, Event};
use clap::CommandFactory as _;
use lab::failure::Failure;
use lab::keys::{self, Key, Set};
use lab::learners;
use lab::registry::Registry;
use lab::session::Session;
use rl_core::Setting;
use serde_json::json;

pub(crate) fn run(registry: &Registry, args: &HelpArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    if let Some(text) = command(&args.words) {
        return console.say(text.trim_end());
    }
    let [word] = &args.words[..] else {
        let words = args.words.join(" ");
        return Err(Failure::usage(format!(
            "'{words}' is no command; a key is one word, as in `help rl2.outer.clip`"
        )));
    };
    if let Ok(entry) = registry.environment(word) {
        let about = (entry.name(), entry.summary());
        return named(&console, about, entry.settings(), "environment.");
    }
    let own = learners::of_environments(registry);
    let mut all = learners::all().into_iter().chain(own);
    if let Some(about) = all.find(|about| about.name == word.as_str()) {
        let prefix = format!("{word}.");
        return named(&console, (word, &about.summary), about.keys, &prefix);
    }
    let found = keys::find(registry, word)?;
    let session = Session::new(registry, &console, 1, "cpu")?;
    let all = keys::keys(registry);
    for (index, key) in found.iter().enumerate() {
        if index > 0 {
            console.say("")?;
        }
        show(&console, key, &keys::allowed(&session, &all, key))?;
    }
    below(&console, &all, word)
}

/// The help of a command, if the words are one; of no words, that of all.
fn command(words: &[String]) -> Option<String> {
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in words {
        found = found.find_subcommand_mut(word)?;
    }
    Some(found.render_long_help().to_string())
}

/// An environment or a learner, with its settings.
fn named(
    console: &Console,
    (name, summary): (&str, &str),
    settings: &[Setting],
    prefix: &str,
) -> Result<(), Failure> {
    console.say(format!("{}: {summary}", console.bold(name)))?;
    for setting in settings {
        let (key, default) = (setting.name, setting.default());
        let allowed = setting.allowed();
        console.say(format!(
            "  {prefix}{key} = {default}: {} ({allowed})",
            setting.meaning
        ))?;
        let row = json!({
            "kind": "setting",
            "of": name,
            "name": format!("{prefix}{key}"),
            "default": default.to_string(),
            "allowed": allowed,
            "meaning": setting.meaning,
        });
        console.emit(Event::Item, &row)?;
    }
    Ok(())
}

/// Everything about a key.
fn show(console: &Console, key: &Key, allowed: &str) -> Result<(), Failure> {
    console.say(format!("{}: {allowed}", console.bold(&key.path)))?;
    for line in key.meaning.lines() {
        console.say(format!("  {line}"))?;
    }
    if let Some(default) = &key.default {
        console.say(format!("  Unless it is set: {default}"))?;
    }
    if let Some(with) = with(key) {
        console.say(console.dim(&format!("  with {with}")))?;
    }
    for (word, meaning) in key
        .choices
        .iter()
        .filter(|(_, meaning)| !meaning.is_empty())
    {
        let meaning = meaning.replace("\n\n", " ");
        console.say(format!("  - {word}: {meaning}"))?;
    }
    let set = match key.table {
        true => Vec::new(),
        false => keys::set_in_presets(key),
    };
    for line in in_presets(&set) {
        console.say(format!("  {line}"))?;
    }
    let set: Vec<_> = set
        .iter()
        .map(|set| json!({ "preset": set.preset, "value": set.value, "comment": set.comment }))
        .collect();
    let row = json!({
        "kind": "key",
        "name": key.path,
        "allowed": allowed,
        "meaning": key.meaning,
        "with": key.with,
        "choices": key.choices,
        "default": key.default,
        "presets": set,
    });
    console.emit(Event::Item, &row)
}

/// What a key stands with: one key of several values, or any of several settings.
fn with(key: &Key) -> Option<String> {
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for with in &key.with {
        let (last, before) = with.split_last()?;
        let before: String = before
            .iter()
            .map(|(path, value)| format!("{path} = {value} and "))
            .collect();
        let path = before + &last.0;
        match all.iter_mut().find(|(other, _)| *other == path) {
            Some((_, values)) => values.push(&last.1),
            None => all.push((path, vec![&last.1])),
        }
    }
    let all: Vec<String> = all
        .iter()
        .map(|(path, values)| format!("{path} = {}", values.join(", ")))
        .collect();
    (!all.is_empty()).then(|| all.join("; or "))
}

/// Presets by what they set a key to, most of them first, with what the first one of each
/// says beside it.
fn in_presets(set: &[Set]) -> Vec<String> {
    let mut values: Vec<(&str, Vec<&Set>)> = Vec::new();
    for one in set {
        match values.iter_mut().find(|(value, _)| *value == one.value) {
            Some((_, presets)) => presets.push(one),
            None => values.push((&one.value, vec![one])),
        }
    }
    values.sort_by_key(|(_, presets)| std::cmp::Reverse(presets.len()));
    let line = |(value, presets): &(&str, Vec<&Set>)| {
        // A preset that says something of it before others.
        let speaks = presets.iter().find(|preset| preset.comment.is_some());
        let first = speaks.unwrap_or(&presets[0]);
        let more = match presets.len() {
            1 => String::new(),
            many => format!(" and {} more", many - 1),
        };
        let comment = first.comment.as_ref();
        let comment = comment.map_or_else(String::new, |comment| format!("  # {comment}"));
        format!("{value} in {}{more}{comment}", first.preset)
    };
    let most = 8;
    let mut lines: Vec<String> = values.iter().take(most).map(line).collect();
    if values.len() > most {
        lines.push(format!("and {} other values", values.len() - most));
    }
    lines
}

/// What a comment begins with, up to a full stop that ends a sentence: what follows it is
/// a capital, and it is not of "al.".
fn first_sentence(text: &str) -> &str {
    let ends = text.match_indices(". ").find(|(at, _)| {
        let capital = text[at + 2..].starts_with(char::is_uppercase);
        capital && !text[..*at].ends_with("al")
    });
    ends.map_or(text, |(at, _)| &text[..=at])
}

/// The keys right below one, each with the first sentence of what it means.
fn below(console: &Console, all: &[Key], path: &str) -> Result<(), Failure> {
    let keys = all.iter().filter(|key| keys::level_of(&key.path) == path);
    let keys: Vec<&Key> = keys.collect();
    if keys.is_empty() {
        return Ok(());
    }
    console.say("")?;
    let width = keys.iter().map(|key| key.path.len()).max().unwrap_or(0);
    for key in keys {
        let sentence = first_sentence(&key.meaning);
        let with = with(key).map_or_else(String::new, |with| format!(" (with {with})"));
        let rest = console.dim(&with);
        console.say(format!("  {:<width$}  {}{rest}", key.path, sentence))?;
        let row =
            json!({ "kind": "below", "name": key.path, "meaning": key.meaning, "with": key.with });
        console.emit(Event::Item, &row)?;
    }
    Ok(())
}
