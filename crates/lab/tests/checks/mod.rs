//! What holds of texts and files whatever they have become: they are read or refused, an
//! error says where it is, and nothing panics or takes much memory.

use lab::config::RunConfig;
use lab::failure::{Exit, Failure};
use lab::folders::{path_of, runs_in};
use lab::host::peak_memory_bytes;
use lab::invocation::quoted;
use lab::launch;
use lab::presets::Preset;
use lab::registry::Registry;
use lab::runner;
use lab::session::Session;
use lab::sweep::Plan;
use record::schema::{EvalRow, MetricsRow, TimingRow};
use record::{Checkpoint, Document, Existing, Reader, RecordError, RunDir, Stream};
use rl_core::{Array, Tree};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder in memory where that is possible, or where `TMPDIR` says.
#[allow(
    clippy::disallowed_methods,
    reason = "whoever stops a test midway says where its folders are"
)]
pub(crate) fn folder() -> TempDir {
    let told = std::env::var_os("TMPDIR").is_some();
    let memory = (!told).then(|| tempfile::tempdir_in("/dev/shm"));
    memory
        .and_then(Result::ok)
        .unwrap_or_else(|| tempfile::tempdir().unwrap())
}

/// The most memory that this process has taken.
pub(crate) fn peak_megabytes() -> u64 {
    peak_memory_bytes().unwrap_or(0) >> 20
}

/// What holds of many tries, of which so many were read.
pub(crate) fn check_tries(what: &str, tries: u64, taken: u64) {
    let memory = peak_megabytes();
    assert!(memory < 512, "{what}: {memory} MB");
    // Or it is no text that is changed, but noise.
    assert!(
        taken > 0 && taken < tries,
        "{what}: {taken} of {tries} are read"
    );
}

/// What is refused must be so as what was given, by one of its names.
fn check_refusal<'a>(failure: &Failure, names: impl IntoIterator<Item = &'a str>) {
    let given = matches!(failure.exit, Exit::Config | Exit::Usage);
    let mut names = names.into_iter();
    let named = names.any(|name| failure.message.contains(name));
    assert!(given && named, "{failure:?}");
}

/// Whether a configuration is followed until a training would take memory.
pub(crate) fn is_followed(session: &Session<'_>, text: &str, overrides: &[String]) -> bool {
    let place = "mutant.toml";
    let resolve =
        |text: &str, words: &[String]| RunConfig::resolve(session.registry, place, text, words);
    let followed = resolve(text, overrides).and_then(|config| {
        // What is read can be written, and is then the same.
        let written = config.to_text().expect("a table");
        let again = resolve(&written, &[]).and_then(|config| config.to_text());
        assert_eq!(again, Ok(written));
        launch::check_settings(session, &config)?;
        launch::check_room(session, &config)
    });
    if let Err(failure) = &followed {
        let keys = overrides.iter().filter_map(|word| word.split('=').next());
        check_refusal(failure, keys.map(str::trim).chain([place]));
    }
    followed.is_ok()
}

/// Whether the file of a sweep makes a plan.
pub(crate) fn is_planned(registry: &Registry, text: &str) -> bool {
    let place = "sweep.toml";
    let planned = Plan::of(registry, place, text);
    if let Err(failure) = &planned {
        check_refusal(failure, [place]);
    }
    planned.is_ok_and(|plan| !plan.lines.is_empty())
}

/// The plan of a file with these bytes.
pub(crate) fn plan_of(path: &Path, bytes: &[u8]) -> Option<Plan> {
    fs::write(path, bytes).unwrap();
    match Plan::read(path) {
        Ok(plan) => {
            // What is read can be written, and is then the same.
            fs::write(path, plan.to_text().unwrap()).unwrap();
            assert_eq!(Plan::read(path).as_ref(), Ok(&plan));
            Some(plan)
        }
        Err(failure) => {
            check_refusal(&failure, path.to_str());
            None
        }
    }
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

/// A run with two checkpoints and rows of all kinds.
pub(crate) struct Run {
    folder: TempDir,
    path: PathBuf,
    /// Its files, in their order.
    pub(crate) files: Vec<PathBuf>,
}

impl Run {
    pub(crate) fn new() -> Self {
        let folder = folder();
        let path = folder.path().join("run");
        let run = RunDir::create(&path, "seed = 0\n", Existing::Refuse).unwrap();
        let mut tree = Tree::default()
            .with_count("update", 1)
            .with_number("penalty", 0.5);
        let floats = Array::floats(vec![2, 3], vec![0.5, -1.5, 0.0, 1e-40, f32::MAX, 3.0]);
        tree.insert("params/w", floats);
        for update in 1..=2 {
            let metrics =
                json!({ "update": update, "env_steps": 10 * update, "loss": 0.1, "x": null });
            run.append(Stream::Metrics, &metrics).unwrap();
            let timing = json!({ "update": update, "seconds": 1.5 });
            run.append(Stream::Timing, &timing).unwrap();
            let eval = json!({
                "update": update, "env_steps": 10, "tasks": 5, "actions": "greedy",
                "mean_return": 0.5, "standard_error": null, "adaptation": [1.0, null],
            });
            run.append(Stream::Eval, &eval).unwrap();
            let (tree, state) = (tree.clone(), json!({ "config": "seed = 0\n" }));
            run.save_checkpoint(update, &Checkpoint { tree, state })
                .unwrap();
        }
        run.write_document(Document::Environment, &json!({ "seed": 0 }))
            .unwrap();
        drop(run);
        let files = files_of(&path);
        Self {
            folder,
            path,
            files,
        }
    }

    /// All that reads a run, without a change to it; one reads on where another refuses.
    fn read(&self) -> Result<bool, RecordError> {
        let reader = Reader::open(&self.path)?;
        let tried = [
            reader.config().map(drop),
            reader.verify(),
            reader.rows::<MetricsRow>(Stream::Metrics).map(drop),
            reader.rows::<TimingRow>(Stream::Timing).map(drop),
            reader.rows::<EvalRow>(Stream::Eval).map(drop),
            reader.document::<Value>(Document::Environment).map(drop),
            reader.load_checkpoint(1).map(drop),
        ];
        let latest = reader.latest_checkpoint()?;
        tried.into_iter().collect::<Result<(), _>>()?;
        Ok(latest.damaged.is_empty() && latest.newest.is_some_and(|(update, _)| update == 2))
    }

    /// Whether the run is read, and is whole, with other bytes in one of its files.
    pub(crate) fn is_read_with(&self, file: &Path, bytes: &[u8]) -> bool {
        let before = fs::read(file).unwrap();
        fs::write(file, bytes).unwrap();
        let read = self.read();
        // What is not noticed has changed nothing; rows may have been added that a
        // training could have written.
        match &read {
            Ok(true) => {
                let rows = file.extension().is_some_and(|end| end == "jsonl");
                assert!(
                    *bytes == before || (rows && bytes.starts_with(&before)),
                    "{file:?}"
                );
            }
            Ok(false) => {}
            Err(error) => self.check_refusal(error),
        }
        // Neither does going on with it panic; that may cut rows off.
        let copy = self.folder.path().join("copy");
        for file in &self.files {
            let to = copy.join(file.strip_prefix(&self.path).unwrap());
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
    }

    fn check_refusal(&self, error: &RecordError) {
        let (said, place) = (error.to_string(), self.path.display().to_string());
        assert!(said.contains(&place), "{said}");
    }
}

/// A run whose newest checkpoint is changed by somebody who knows how to make the
/// checksums match.
pub(crate) struct Forgery {
    run: Run,
    /// What `arrays.safetensors` holds, before it is changed.
    pub(crate) arrays: Vec<u8>,
    manifest: Value,
    timing: Value,
}

impl Forgery {
    const FOLDER: &str = "checkpoints/00000002";

    pub(crate) fn new() -> Self {
        let run = Run::new();
        let folder = run.path.join(Self::FOLDER);
        let state = folder.join("state.json");
        let context = blake3::hash(&fs::read(&state).unwrap()).to_string();
        Self {
            arrays: fs::read(folder.join("arrays.safetensors")).unwrap(),
            manifest: record::read_sealed(&state, "").unwrap().unwrap(),
            timing: record::read_sealed(&folder.join("timing.json"), &context)
                .unwrap()
                .unwrap(),
            run,
        }
    }

    /// What `state.json` says beside these arrays.
    pub(crate) fn manifest(&self, arrays: &[u8]) -> Value {
        let mut forged = self.manifest.clone();
        forged["blake3"]["arrays.safetensors"] = blake3::hash(arrays).to_string().into();
        forged["bytes"] = arrays.len().into();
        forged
    }

    /// Whether the checkpoint is read with these arrays and this `state.json`.
    pub(crate) fn is_read(&self, arrays: &[u8], manifest: &Value) -> bool {
        let folder = self.run.path.join(Self::FOLDER);
        let state = folder.join("state.json");
        fs::write(folder.join("arrays.safetensors"), arrays).unwrap();
        if record::write_sealed(&state, manifest, "").is_err() {
            return false;
        }
        let context = blake3::hash(&fs::read(&state).unwrap()).to_string();
        record::write_sealed(&folder.join("timing.json"), &self.timing, &context).unwrap();
        let reader = Reader::open(&self.run.path).unwrap();
        // The one before it is whole, so that there always is one.
        assert!(reader.latest_checkpoint().unwrap().newest.is_some());
        let read = reader.load_checkpoint(2);
        if let Err(error) = &read {
            self.run.check_refusal(error);
        }
        read.is_ok()
    }
}

/// Whether a run is made in a folder of this name, without what no name can have, and is
/// found there.
pub(crate) fn is_found(folder: &Path, name: &[u8]) -> bool {
    let mut name = name.to_vec();
    name.retain(|byte| ![0, b'/'].contains(byte));
    // These are folders that there are.
    if matches!(&name[..], b"" | b"." | b"..") {
        name = b"-".to_vec();
    }
    let around = folder.join(OsStr::from_bytes(&name));
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
}

/// What would be markup, a formula or an end of something where it is not taken as text.
pub(crate) const MARKUP: &str = "<b id=x1>";

const DOCUMENTS: [Document; 4] = [
    Document::Comparison,
    Document::Pictures,
    Document::Deviations,
    Document::Environment,
];

/// A run of which a page can be made.
pub(crate) struct Reported {
    folder: TempDir,
    path: PathBuf,
    /// What its documents say, before they are changed.
    pub(crate) documents: [Value; DOCUMENTS.len()],
}

impl Reported {
    pub(crate) fn new() -> Self {
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
        let reader = Reader::open(&path).unwrap();
        let documents = DOCUMENTS.map(|document| reader.document(document).unwrap().unwrap());
        Self {
            folder,
            path,
            documents,
        }
    }

    /// Whether there is a page, without [`MARKUP`], where one of the documents says this.
    pub(crate) fn is_shown(&self, which: usize, value: &Value) -> bool {
        let run = RunDir::open(&self.path).unwrap();
        run.write_document(DOCUMENTS[which], value).unwrap();
        let out = self.folder.path().join("page");
        let mut quiet = |_: &str| {};
        let written = report::load(std::slice::from_ref(&self.path), &mut quiet)
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
        run.write_document(DOCUMENTS[which], &self.documents[which])
            .unwrap();
        written.is_ok()
    }
}
