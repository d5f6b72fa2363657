//! `compare`: methods against each other, over seeds and environments.

use crate::cli::CompareArgs;
use crate::console::{Console, Event, Table};
use crate::progress::Waiting;
use lab::failure::Failure;
use lab::folders::{common_folder, runs_in};
use report::{Interval, Method};
use serde_json::{Map, Value, json};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &CompareArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let mut methods: Vec<Named> = Vec::new();
    for word in &args.methods {
        let (name, folder) = named(word)?;
        let paths = runs_in(&folder)?;
        match methods.iter_mut().find(|method| method.name == name) {
            Some(method) if Path::new(word) == folder => {
                return Err(Failure::usage(format!(
                    "{}: another method is called {} too; give each a name, as in A={} B=…",
                    folder.display(),
                    method.name,
                    folder.display()
                )));
            }
            Some(method) => method.paths.extend(paths),
            None => methods.push(Named { name, paths }),
        }
    }
    if let [only] = &methods[..] {
        return Err(Failure::usage(format!(
            "only {} is given; name two methods or more, as in A=runs/a B=runs/b",
            only.name
        )));
    }
    let out = args.out.clone().unwrap_or_else(|| {
        let all: Vec<PathBuf> = methods
            .iter()
            .flat_map(|method| method.paths.clone())
            .collect();
        common_folder(&all)
    });
    let comparing = Waiting::on("comparing");
    let mut loaded = Vec::new();
    for Named { name, paths } in methods {
        let runs = report::load(&paths, &mut |what| comparing.begin(what))?;
        loaded.push(Method { name, runs });
    }
    let compared = report::compare(&loaded, args.score.into(), &out)?;
    drop(comparing);
    let mut table = Table::new(&compared.columns());
    compared.rows().into_iter().for_each(|row| table.row(row));
    for line in table.lines(&console) {
        console.say(line)?;
    }
    for sentence in compared.sentences() {
        console.say(sentence)?;
    }
    console.say(&compared.caption)?;
    for path in &compared.files {
        console.say(path.display().to_string())?;
    }
    for method in &compared.methods {
        let mut row: Map<String, Value> = (method.aggregates.iter())
            .map(|(aggregate, of)| (aggregate.name().replace(' ', "_"), shown(of)))
            .collect();
        row.insert("method".to_owned(), json!(method.name));
        row.insert("env_steps".to_owned(), json!(method.env_steps));
        console.emit(Event::Method, &Value::Object(row))?;
    }
    for pair in &compared.pairs {
        let row = json!({
            "method": pair.method,
            "other": pair.other,
            "probability_above": shown(&pair.above),
            "runs_enough": pair.enough,
        });
        console.emit(Event::Pair, &row)?;
    }
    Ok(())
}

struct Named {
    name: String,
    paths: Vec<PathBuf>,
}

/// A method's name and a folder of its runs: `NAME=FOLDER`, or a folder that gives its name.
fn named(word: &OsStr) -> Result<(String, PathBuf), Failure> {
    let wrong = |what: &str| {
        let word = word.to_string_lossy();
        Failure::usage(format!(
            "{word:?}: {what}; allowed: a folder of runs, or NAME=FOLDER"
        ))
    };
    // A folder may have an equals sign in its own name.
    let folder = PathBuf::from(word);
    let bytes = word.as_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=');
    if let Some(at) = equals.filter(|_| !folder.exists()) {
        let [name, folder] = [&bytes[..at], &bytes[at + 1..]].map(<[u8]>::trim_ascii);
        return match (name.is_empty(), folder.is_empty()) {
            (true, _) => Err(wrong("no name before the equals sign")),
            (_, true) => Err(wrong("no folder after the equals sign")),
            (false, false) => Ok((
                String::from_utf8_lossy(name).into_owned(),
                PathBuf::from(OsStr::from_bytes(folder)),
            )),
        };
    }
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| wrong("a folder without a name"))?;
    Ok((name, folder))
}

fn shown(of: &Interval) -> Value {
    json!({ "value": of.value, "low": of.ends[0], "high": of.ends[1] })
}
