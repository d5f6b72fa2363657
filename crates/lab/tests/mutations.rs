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

use lab::config::RunConfig;
use lab::failure::Exit;
use lab::folders::{path_of, runs_in};
use lab::host::peak_memory_bytes;
use lab::invocation::quoted;
use lab::launch;
use lab::overrides::Override;
use lab::presets::{PRESETS, Preset};
use lab::registry::Registry;
use lab::runner;
use lab::session::Session;
use lab::sweep::Plan;
use record::schema::{EvalRow, MetricsRow, TimingRow};
use record::{Checkpoint, Document, Existing, Reader, RecordError, RunDir};
use rl_core::rand::RngExt as _;
use rl_core::{Array, Domain, Purpose, Stream, StreamKey, Tree};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

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

/// A folder in memory where that is possible.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
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
    let memory = peak_memory_bytes().unwrap_or(0) >> 20;
    println!(
        "{what:<20} {tries:>9} mutants in {:>7.1} s, {taken:>9} read, {:>9} refused, slowest \
         {slowest:.1?}, {memory} MB",
        begun.elapsed().as_secs_f64(),
        tries - taken
    );
    assert!(memory < 512, "{what}: {memory} MB");
    // Or it is no text that is changed, but noise.
    assert!(
        taken > 0 && taken < tries,
        "{what}: {taken} of {tries} are read"
    );
}

/// Whether a configuration is followed until a training would take memory; what is refused
/// must be so as one.
fn is_followed(session: &Session<'_>, text: &str, overrides: &[String]) -> bool {
    let resolve = |text: &str, words: &[String]| {
        RunConfig::resolve(session.registry, "mutant.toml", text, words)
    };
    let followed = resolve(text, overrides).and_then(|config| {
        // What is read can be written, and is then the same.
        let written = config.to_text().expect("a table");
        let again = resolve(&written, &[]).and_then(|config| config.to_text());
        assert_eq!(again, Ok(written));
        launch::check_settings(session, &config)?;
        launch::check_room(session, &config)
    });
    match followed {
        Ok(()) => true,
        Err(failure) => {
            assert!(
                matches!(failure.exit, Exit::Config | Exit::Usage),
                "{failure}"
            );
            assert!(!failure.message.is_empty());
            false
        }
    }
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
    let plan = |text: &String| match Plan::of(&registry, "sweep.toml", text) {
        Ok(plan) => !plan.lines.is_empty(),
        Err(failure) => {
            assert!(
                matches!(failure.exit, Exit::Config | Exit::Usage),
                "{failure}"
            );
            false
        }
    };
    attack("sweep", 60, mutant, plan);

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
        fs::write(&path, bytes).unwrap();
        match Plan::read(&path) {
            // A change is found, wherever it is, or it says the same, as a space does between
            // two words of the first line.
            Ok(plan) => {
                assert_eq!(plan, plans[*which]);
                true
            }
            Err(failure) => {
                assert!(
                    matches!(failure.exit, Exit::Config | Exit::Usage),
                    "{failure}"
                );
                false
            }
        }
    };
    attack("plan", 500, mutant, read);
}

/// A run with two checkpoints and rows of all kinds.
fn run(path: &Path) {
    let run = RunDir::create(path, "seed = 0\n", Existing::Refuse).unwrap();
    let mut tree = Tree::default()
        .with_count("update", 1)
        .with_number("penalty", 0.5);
    let floats = Array::floats(vec![2, 3], vec![0.5, -1.5, 0.0, 1e-40, f32::MAX, 3.0]);
    tree.insert("params/w", floats);
    for update in 1..=2 {
        let metrics = json!({ "update": update, "env_steps": 10 * update, "loss": 0.1, "x": null });
        run.append(record::Stream::Metrics, &metrics).unwrap();
        let timing = json!({ "update": update, "seconds": 1.5 });
        run.append(record::Stream::Timing, &timing).unwrap();
        let eval = json!({
            "update": update, "env_steps": 10, "tasks": 5, "actions": "greedy",
            "mean_return": 0.5, "standard_error": null, "adaptation": [1.0, null],
        });
        run.append(record::Stream::Eval, &eval).unwrap();
        let (tree, state) = (tree.clone(), json!({ "config": "seed = 0\n" }));
        run.save_checkpoint(update, &Checkpoint { tree, state })
            .unwrap();
    }
    run.write_document(Document::Environment, &json!({ "seed": 0 }))
        .unwrap();
}

fn files_of(path: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_of(&path)),
            false if path.ends_with("lock") => {}
            false => files.push(path),
        }
    }
    files.sort();
    files
}

/// All that reads a run, without a change to it.
fn is_read(path: &Path) -> Result<bool, RecordError> {
    let reader = Reader::open(path)?;
    reader.config()?;
    let latest = reader.latest_checkpoint()?;
    let whole = latest.damaged.is_empty() && latest.newest.is_some_and(|(update, _)| update == 2);
    reader.verify()?;
    reader.load_checkpoint(1)?;
    reader.rows::<MetricsRow>(record::Stream::Metrics)?;
    reader.rows::<TimingRow>(record::Stream::Timing)?;
    reader.rows::<EvalRow>(record::Stream::Eval)?;
    reader.document::<Value>(Document::Environment)?;
    Ok(whole)
}

#[test]
fn files_of_a_run_are_read_or_refused() {
    let folder = folder();
    let path = folder.path().join("run");
    run(&path);
    let files = files_of(&path);
    let mutant = |rng: &mut Stream| {
        let file = files[rng.random_range(0..files.len())].clone();
        let mut bytes = fs::read(&file).unwrap();
        if rng.random_range(0..30) > 0 {
            change(&mut bytes, rng);
        }
        (file, bytes)
    };
    let read = |(file, bytes): &(PathBuf, Vec<u8>)| {
        let before = fs::read(file).unwrap();
        fs::write(file, bytes).unwrap();
        let read = is_read(&path);
        // What is not noticed has changed nothing; rows may have been added that a
        // training could have written.
        if let Ok(true) = read {
            let rows = file.extension().is_some_and(|end| end == "jsonl");
            assert!(
                *bytes == before || (rows && bytes.starts_with(&before)),
                "{file:?}"
            );
        }
        // Neither does going on with it panic; that may cut rows off.
        let copy = folder.path().join("copy");
        for file in &files {
            let to = copy.join(file.strip_prefix(&path).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(file, to).unwrap();
        }
        if let Ok(run) = RunDir::open(&copy) {
            let _ = run
                .latest_checkpoint()
                .and_then(|latest| run.rewind(&latest));
        }
        fs::remove_dir_all(&copy).unwrap();
        fs::write(file, before).unwrap();
        matches!(read, Ok(true))
    };
    attack("files of a run", 400, mutant, read);
}

#[test]
fn runs_of_any_name_are_found_again() {
    let folder = folder();
    let mutant = |rng: &mut Stream| {
        let mut name = b"rl2-bandit 5x10's".to_vec();
        change(&mut name, rng);
        // What no name can have, or is a folder that there is.
        name.retain(|byte| ![0, b'/'].contains(byte));
        match &name[..] {
            b"" | b"." | b".." => b"-".to_vec(),
            _ => name,
        }
    };
    let read = |name: &Vec<u8>| {
        let around = folder.path().join(OsStr::from_bytes(name));
        let path = path_of(&around, 3);
        // A name may be too long.
        let Ok(run) = RunDir::create(&path, "seed = 3\n", Existing::Refuse) else {
            return false;
        };
        drop(run);
        assert_eq!(runs_in(&around).unwrap(), std::slice::from_ref(&path));
        assert_eq!(Reader::open(&path).unwrap().config().unwrap(), "seed = 3\n");
        // As a message has it, for a shell.
        let echo = format!("printf %s {}", quoted(&path));
        let told = Command::new("bash").args(["-c", &echo]).output().unwrap();
        assert_eq!(told.stdout, path.as_os_str().as_bytes());
        fs::remove_dir_all(&around).unwrap();
        true
    };
    attack("run name", 100, mutant, read);
}

/// What would be markup, a formula or an end of something where it is not taken as text.
const MARKUP: &str = "<b id=x1>";

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
    let folder = folder();
    let path = path_of(folder.path(), 0);
    let registry = Registry::standard();
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let preset = Preset::find("rl2/bernoulli-bandit-5x10").unwrap();
    let words = [
        "rl2.updates=2",
        "rl2.lanes=64",
        "rl2.tile=8",
        "rl2.trunk.hidden=8",
        "evaluation.tasks=8",
        "evaluation.interval_tasks=8",
        "evaluation.learners=[{name=\"random\"}]",
    ];
    let words = words.map(str::to_owned);
    let config = RunConfig::resolve(&registry, preset.name, preset.text, &words).unwrap();
    launch::create(&session, &path, &config, Existing::Refuse).unwrap();
    runner::drive(&session, &path, &path).unwrap();
    let documents = [
        Document::Comparison,
        Document::Pictures,
        Document::Deviations,
        Document::Environment,
    ];
    let whole = documents.map(|document| {
        let value: Option<Value> = Reader::open(&path).unwrap().document(document).unwrap();
        value.unwrap()
    });
    let mutant = |rng: &mut Stream| {
        let which = rng.random_range(0..documents.len());
        let mut value = whole[which].clone();
        for _ in 0..rng.random_range(0..4) {
            replace_leaf(&mut value, rng);
        }
        (which, value)
    };
    let out = folder.path().join("page");
    let read = |(which, value): &(usize, Value)| {
        let run = RunDir::open(&path).unwrap();
        run.write_document(documents[*which], value).unwrap();
        let mut quiet = |_: &str| {};
        let written = report::load(std::slice::from_ref(&path), &mut quiet)
            .and_then(|runs| report::write(&runs, &out, &mut quiet));
        if written.is_ok() {
            for file in files_of(&out) {
                let end = file.extension().and_then(OsStr::to_str);
                if matches!(end, Some("html" | "svg" | "md")) {
                    let text = fs::read_to_string(&file).unwrap();
                    assert!(!text.contains(MARKUP), "{}", file.display());
                }
            }
            fs::remove_dir_all(&out).unwrap();
        }
        run.write_document(documents[*which], &whole[*which])
            .unwrap();
        written.is_ok()
    };
    attack("page text", 12, mutant, read);
}

/// Arrays that were changed by somebody who knows how to make the checksums match.
#[test]
fn forged_checkpoints_are_read_or_refused() {
    let folder = folder();
    let path = folder.path().join("run");
    run(&path);
    let checkpoint = path.join("checkpoints/00000002");
    let [arrays, state, timing] =
        ["arrays.safetensors", "state.json", "timing.json"].map(|file| checkpoint.join(file));
    let whole = fs::read(&arrays).unwrap();
    let manifest: Value = record::read_sealed(&state, "").unwrap().unwrap();
    let context = blake3::hash(&fs::read(&state).unwrap()).to_string();
    let counted: Value = record::read_sealed(&timing, &context).unwrap().unwrap();
    let mutant = |rng: &mut Stream| {
        let mut bytes = whole.clone();
        change(&mut bytes, rng);
        let mut forged = manifest.clone();
        forged["blake3"]["arrays.safetensors"] = blake3::hash(&bytes).to_string().into();
        forged["bytes"] = bytes.len().into();
        if rng.random_range(0..3) == 0 {
            let mut text = forged.to_string().into_bytes();
            replace_number(&mut text, 0, rng);
            forged = serde_json::from_slice(&text).unwrap_or(forged);
        }
        (bytes, forged)
    };
    let read = |(bytes, forged): &(Vec<u8>, Value)| {
        fs::write(&arrays, bytes).unwrap();
        if record::write_sealed(&state, forged, "").is_err() {
            return false;
        }
        let context = blake3::hash(&fs::read(&state).unwrap()).to_string();
        record::write_sealed(&timing, &counted, &context).unwrap();
        let reader = Reader::open(&path).unwrap();
        // The one before it is whole, so that there always is one.
        assert!(reader.latest_checkpoint().unwrap().newest.is_some());
        reader.load_checkpoint(2).is_ok()
    };
    attack("forged checkpoints", 400, mutant, read);
}
