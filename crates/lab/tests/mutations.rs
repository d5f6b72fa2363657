//! Texts and files that people, editors and disks have changed: whatever they have
//! become, they are read or refused, and nothing panics, takes long or much memory.
//!
//! Here are a few of each kind, the same at every call. More of them, under another
//! seed, or for so many seconds of each kind:
//!
//! ```sh
//! MUTATIONS=100000 MUTATION_SEED=7 cargo test --release -p lab --test mutations -- --nocapture
//! MUTATION_SECONDS=3600 MUTATION_SEED=8 cargo test --release -p lab --test mutations -- --nocapture
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it is told by a variable how many there are to be, times them and says so"
)]

mod checks;

use checks::{
    Forgery, MARKUP, Reported, Run, check_tries, folder, is_followed, is_found, is_planned,
    peak_megabytes, plan_of,
};
use lab::overrides::Override;
use lab::presets::PRESETS;
use lab::registry::Registry;
use lab::session::Session;
use lab::sweep::Plan;
use rl_core::rand::RngExt as _;
use rl_core::{Domain, Purpose, Stream, StreamKey};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What is put in the place of something else: what parsers stumble over.
const TOKENS: [&str; 40] = [
    "0",
    "1",
    "-1",
    "0.5",
    "-0.0",
    "1e308",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "1_000",
    "0x10",
    "true",
    "\"\"",
    "\"text\"",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "[[",
    "=",
    ",",
    ".",
    "#",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "\u{1f980}",
    "[1, 2]",
    "{ a = 1 }",
    "null",
];

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable);
    text.map_or(default, |text| text.parse().expect("a whole number"))
}

/// Changes a text in one to four places.
fn changed(text: &str, rng: &mut Stream) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.random_range(1..=4) {
        change(&mut bytes, rng);
    }
    // What is no text is refused before anything looks into it, and tried with files.
    String::from_utf8_lossy(&bytes).into_owned()
}

fn change(bytes: &mut Vec<u8>, rng: &mut Stream) {
    let start = rng.random_range(0..=bytes.len());
    let end = bytes.len().min(start + rng.random_range(0..24));
    match rng.random_range(0..7) {
        0 if start < bytes.len() => bytes[start] ^= 1 << rng.random_range(0..8),
        1 => drop(bytes.drain(start..end)),
        2 => {
            let again = bytes[start..end].to_vec();
            bytes.splice(start..start, again);
        }
        3 => bytes.truncate(start),
        4 => {
            let deep = ["[", "{\"a\":", "a.", "("][rng.random_range(0..4)];
            bytes.splice(
                start..start,
                deep.repeat(rng.random_range(1..2000)).into_bytes(),
            );
        }
        5 => replace_number(bytes, start, rng),
        _ => {
            let token = TOKENS[rng.random_range(0..TOKENS.len())];
            bytes.splice(start..end, token.bytes());
        }
    }
}

/// Puts a token in the place of the next number.
fn replace_number(bytes: &mut Vec<u8>, start: usize, rng: &mut Stream) {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b".-e_".contains(byte);
    let Some(first) = bytes[start..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let first = start + first;
    let length = bytes[first..].iter().position(|byte| !is_part(byte));
    let end = length.map_or(bytes.len(), |length| first + length);
    let token = TOKENS[rng.random_range(0..TOKENS.len())];
    bytes.splice(first..end, token.bytes());
}

/// Tries so many mutants of something, or as many as are asked for, or for as long; a try
/// that panics, or takes too long, is shown.
fn attack<T: Debug>(
    what: &str,
    few: u64,
    mut mutant: impl FnMut(&mut Stream) -> T,
    mut read: impl FnMut(&T) -> bool,
) {
    let key = StreamKey::new(number("MUTATION_SEED", 0), Domain::Tuning, 0);
    let lane = what.bytes().map(u64::from).sum();
    let mut rng = key.lane(Purpose::Init, lane);
    let (few, long) = match std::env::var_os("MUTATION_SECONDS") {
        None => (number("MUTATIONS", few), Duration::ZERO),
        Some(_) => (1, Duration::from_secs(number("MUTATION_SECONDS", 0))),
    };
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    let (mut tries, mut taken) = (0, 0);
    while tries < few || begun.elapsed() < long {
        let number = tries;
        tries += 1;
        let mutant = mutant(&mut rng);
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&mutant)));
        let took = start.elapsed();
        slowest = slowest.max(took);
        match outcome {
            Ok(read) => taken += u64::from(read),
            Err(_) => panic!("{what}, mutant {number} panics: {mutant:?}"),
        }
        // Longer than a second only where others keep the machine busy.
        assert!(
            took < Duration::from_secs(20),
            "{what}, mutant {number}: {took:?}: {mutant:?}"
        );
    }
    println!(
        "{what:<20} {tries:>9} mutants in {:>7.1} s, {taken:>9} read, {:>9} refused, slowest \
         {slowest:.1?}, {} MB",
        begun.elapsed().as_secs_f64(),
        tries - taken,
        peak_megabytes()
    );
    check_tries(what, tries, taken);
}

fn a_preset(rng: &mut Stream) -> &'static str {
    PRESETS[rng.random_range(0..PRESETS.len())].text
}

#[test]
fn configurations_are_followed_or_refused() {
    let registry = Registry::standard();
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let mutant = |rng: &mut Stream| changed(a_preset(rng), rng);
    attack("configuration", 150, mutant, |text| {
        is_followed(&session, text, &[])
    });
}

/// A value of a random kind, or one of the same kind and another size.
fn another(value: &toml::Value, rng: &mut Stream) -> toml::Value {
    let times = [0.0, 1e-30, 1e-3, 0.5, 2.0, 10.0, 1e3, 1e6, 1e12, -1.0][rng.random_range(0..10)];
    match value {
        toml::Value::Integer(number) if rng.random_range(0..4) > 0 => {
            toml::Value::Integer((*number as f64 * times) as i64)
        }
        toml::Value::Float(number) if rng.random_range(0..4) > 0 => {
            toml::Value::Float(number * times)
        }
        other => {
            let token = TOKENS[rng.random_range(0..TOKENS.len())];
            let read = format!("a = {token}").parse::<toml::Table>();
            let value = read.ok().and_then(|mut table| table.remove("a"));
            value.unwrap_or_else(|| other.clone())
        }
    }
}

/// Changes one value in so many.
fn vary(table: &mut toml::Table, one_in: u32, rng: &mut Stream) {
    for (_, value) in table.iter_mut() {
        match value {
            toml::Value::Table(inner) => vary(inner, one_in, rng),
            value if rng.random_range(0..one_in) == 0 => *value = another(value, rng),
            _ => {}
        }
    }
}

/// Tables of several presets, and values that none of them has.
#[test]
fn whole_configurations_are_followed_or_refused() {
    let registry = Registry::standard();
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let table = |rng: &mut Stream| a_preset(rng).parse::<toml::Table>().expect("a preset");
    let mutant = |rng: &mut Stream| {
        let mut whole = table(rng);
        for part in ["environment", "evaluation", "checkpoint"] {
            if let (0, Some(other)) = (rng.random_range(0..3), table(rng).remove(part)) {
                whole.insert(part.to_owned(), other);
            }
        }
        vary(&mut whole, [4, 16, 64, 256][rng.random_range(0..4)], rng);
        toml::to_string(&whole).expect("a table")
    };
    attack("whole configuration", 150, mutant, |text| {
        is_followed(&session, text, &[])
    });
}

/// The dotted names of all settings of a table.
fn keys(prefix: &str, table: &toml::Table, found: &mut Vec<String>) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        if let toml::Value::Table(inner) = value {
            keys(&format!("{name}."), inner, found);
        }
        found.push(name);
    }
}

#[test]
fn overrides_are_followed_or_refused() {
    let registry = Registry::standard();
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let mutant = |rng: &mut Stream| {
        let text = a_preset(rng);
        let mut names = Vec::new();
        let table: toml::Table = text.parse().expect("a preset");
        keys("", &table, &mut names);
        let one = |rng: &mut Stream| {
            let key = &names[rng.random_range(0..names.len())];
            if rng.random_range(0..2) == 0 {
                let inner = |value: &toml::Value, part: &str| value.get(part).cloned();
                let mut parts = key.split('.');
                let first = parts.next().and_then(|part| table.get(part)).cloned();
                let value = parts.fold(first, |value, part| inner(&value?, part));
                return format!("{key}={}", another(&value.expect("its own"), rng));
            }
            let word = format!("{key}={}", TOKENS[rng.random_range(0..TOKENS.len())]);
            if rng.random_range(0..3) == 0 {
                changed(&word, rng)
            } else {
                word
            }
        };
        let words: Vec<String> = (0..rng.random_range(1..4)).map(|_| one(rng)).collect();
        (text, words)
    };
    attack("overrides", 200, mutant, |(text, words)| {
        is_followed(&session, text, words)
    });
    let mutant = |rng: &mut Stream| changed("rl2.trunk={kind=\"gru\",hidden=64}", rng);
    attack("words", 2000, mutant, |word| Override::parse(word).is_ok());
}

const SPEC: &str = r#"
preset = "rl2/bernoulli-bandit-5x10"
words = ["rl2.updates=3"]
seeds = [101, 102]
confirm = [0, 1, 2]

[settings]
"rl2.learning_rate.from" = { from = 1e-4, to = 1e-2, points = 3, scale = "log" }
"rl2.trunk.hidden" = [8, 16]
"#;

#[test]
fn plans_are_read_or_refused() {
    let registry = Registry::standard();
    let mutant = |rng: &mut Stream| changed(SPEC, rng);
    attack("sweep", 60, mutant, |text| is_planned(&registry, text));

    let folder = folder();
    let path = folder.path().join("plan.jsonl");
    let halving = "halving = { rungs = [1, 2], factor = 3, tasks = 9 }\n\n[settings]";
    let specs = [SPEC.to_owned(), SPEC.replace("[settings]", halving)];
    let plans = specs.map(|spec| Plan::of(&registry, "sweep.toml", &spec).unwrap());
    let texts = plans.each_ref().map(|plan| plan.to_text().unwrap());
    let mutant = |rng: &mut Stream| {
        let which = rng.random_range(0..plans.len());
        let mut bytes = texts[which].clone().into_bytes();
        match rng.random_range(0..50) {
            0 => {}
            // Of its first line, which is but one of thirteen.
            1..=20 => {
                let lines = bytes.split_off(texts[which].find('\n').unwrap());
                change(&mut bytes, rng);
                bytes.extend(lines);
            }
            _ => change(&mut bytes, rng),
        }
        (which, bytes)
    };
    let read = |(which, bytes): &(usize, Vec<u8>)| {
        // A change is found, wherever it is, or it says the same, as a space does between
        // two words of the first line.
        let plan = plan_of(&path, bytes);
        plan.inspect(|plan| assert_eq!(*plan, plans[*which]))
            .is_some()
    };
    attack("plan", 500, mutant, read);
}

#[test]
fn files_of_a_run_are_read_or_refused() {
    let run = Run::new();
    let mutant = |rng: &mut Stream| {
        let file = run.files[rng.random_range(0..run.files.len())].clone();
        let mut bytes = fs::read(&file).unwrap();
        if rng.random_range(0..30) > 0 {
            change(&mut bytes, rng);
        }
        (file, bytes)
    };
    attack("files of a run", 400, mutant, |(file, bytes)| {
        run.is_read_with(file, bytes)
    });
}

#[test]
fn runs_of_any_name_are_found_again() {
    let folder = folder();
    let mutant = |rng: &mut Stream| {
        let mut name = b"rl2-bandit 5x10's".to_vec();
        change(&mut name, rng);
        name
    };
    attack("run name", 100, mutant, |name| {
        is_found(folder.path(), name)
    });
}

/// Puts something in the place of one value of a document: into a text, or instead of a number.
fn replace_leaf(value: &mut Value, rng: &mut Stream) {
    match value {
        Value::Object(inner) if !inner.is_empty() => {
            let which = rng.random_range(0..inner.len());
            replace_leaf(inner.values_mut().nth(which).unwrap(), rng);
        }
        Value::Array(inner) if !inner.is_empty() => {
            let which = rng.random_range(0..inner.len());
            replace_leaf(&mut inner[which], rng);
        }
        Value::String(text) => {
            let before = [
                "",
                "\"",
                "'>",
                "</script>",
                "</svg>",
                "]]>",
                "-->",
                "=",
                "|",
                "\n\n",
                "`",
            ];
            let before = before[rng.random_range(0..before.len())];
            *text = format!("{text}{before}{MARKUP}\u{202e}");
        }
        other => {
            let numbers = [
                json!(0),
                json!(-1),
                json!(1e300),
                json!(u64::MAX),
                json!(null),
            ];
            *other = numbers[rng.random_range(0..5)].clone();
        }
    }
}

#[test]
fn pages_show_any_text_as_text() {
    let reported = Reported::new();
    let mutant = |rng: &mut Stream| {
        let which = rng.random_range(0..reported.documents.len());
        let mut value = reported.documents[which].clone();
        for _ in 0..rng.random_range(0..4) {
            replace_leaf(&mut value, rng);
        }
        (which, value)
    };
    attack("page text", 12, mutant, |(which, value)| {
        reported.is_shown(*which, value)
    });
}

/// Arrays that were changed by somebody who knows how to make the checksums match.
#[test]
fn forged_checkpoints_are_read_or_refused() {
    let forgery = Forgery::new();
    let mutant = |rng: &mut Stream| {
        let mut bytes = forgery.arrays.clone();
        change(&mut bytes, rng);
        let mut forged = forgery.manifest(&bytes);
        if rng.random_range(0..3) == 0 {
            let mut text = forged.to_string().into_bytes();
            replace_number(&mut text, 0, rng);
            forged = serde_json::from_slice(&text).unwrap_or(forged);
        }
        (bytes, forged)
    };
    attack("forged checkpoints", 400, mutant, |(bytes, forged)| {
        forgery.is_read(bytes, forged)
    });
}
