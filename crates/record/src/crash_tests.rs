//! Power cuts and failing calls: after each of them whoever opens the run finds it
//! as it was before the step in which that happened, or as it is after it.
//!
//! The calls of a run are logged. A [`Model`] of a disk then knows, after any of
//! them, what was flushed and what was not, and so what a power cut may leave: names
//! and bytes that were not flushed are there, or are not, or only in part. POSIX
//! promises no more than that; the file systems in use promise more.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rl_core::{Array, Tree};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::disk::{Disk, System, with_disk};
use crate::{Checkpoint, Document, Existing, Reader, RecordError, Result, RunDir, Stream};

/// A call that changed the disk, or made a change last.
#[derive(Clone, Debug)]
enum Call {
    MakeFolder(PathBuf),
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Cut(PathBuf, u64),
    Sync(PathBuf),
    SyncFolder(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// Which call fails, why, and whether all later ones do as well.
#[derive(Clone, Copy, Debug)]
struct Fault {
    at: usize,
    why: ErrorKind,
    for_ever: bool,
}

/// Does all calls but those that wait for the disk, which is what takes long, and
/// logs them.
#[derive(Default)]
struct Recorder {
    log: RefCell<Vec<(usize, Call)>>,
    /// The step that calls belong to.
    step: Cell<usize>,
    calls: Cell<usize>,
    fault: Option<Fault>,
}

impl Recorder {
    fn failing(fault: Fault) -> Self {
        let fault = Some(fault);
        Self {
            fault,
            ..Self::default()
        }
    }

    fn fails(&self) -> io::Result<()> {
        let call = self.calls.replace(self.calls.get() + 1);
        match self.fault {
            Some(Fault { at, why, for_ever }) if call == at || (for_ever && call > at) => {
                Err(why.into())
            }
            _ => Ok(()),
        }
    }

    fn logged<T>(&self, done: T, call: Call) -> io::Result<T> {
        self.log.borrow_mut().push((self.step.get(), call));
        Ok(done)
    }
}

impl Disk for Recorder {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.fails()?;
        System.make_folder(path)?;
        self.logged((), Call::MakeFolder(path.into()))
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> io::Result<File> {
        let before = path.exists();
        self.fails()?;
        let file = System.open(path, options)?;
        match before {
            true => Ok(file),
            false => self.logged(file, Call::Create(path.into())),
        }
    }

    fn write(&self, file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.fails() {
            // As on a disk that becomes full: a part of it is written.
            System.write(file, path, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        System.write(file, path, bytes)?;
        self.logged((), Call::Write(path.into(), bytes.into()))
    }

    fn cut(&self, file: &File, path: &Path, length: u64) -> io::Result<()> {
        self.fails()?;
        System.cut(file, path, length)?;
        self.logged((), Call::Cut(path.into(), length))
    }

    fn sync(&self, _: &File, path: &Path) -> io::Result<()> {
        self.fails()?;
        self.logged((), Call::Sync(path.into()))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.fails()?;
        self.logged((), Call::SyncFolder(path.into()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fails()?;
        System.rename(from, to)?;
        self.logged((), Call::Rename(from.into(), to.into()))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.fails()?;
        System.remove_file(path)?;
        self.logged((), Call::Remove(path.into()))
    }

    /// In its single steps, between any two of which a process may be killed.
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            match path.is_dir() {
                true => self.remove_folder(&path)?,
                false => self.remove_file(&path)?,
            }
        }
        self.fails()?;
        fs::remove_dir(path)?;
        self.logged((), Call::Remove(path.into()))
    }
}

/// What a name in a folder leads to.
#[derive(Clone, Copy, Debug)]
enum Node {
    File(usize),
    Folder(usize),
}

type Names = BTreeMap<String, Node>;

/// What happened to a file's bytes since they were flushed.
#[derive(Clone, Debug)]
enum Edit {
    Write(Vec<u8>),
    Cut(u64),
}

/// Bytes on the disk, and what has not been flushed.
#[derive(Clone, Debug, Default)]
struct Bytes {
    durable: Vec<u8>,
    pending: Vec<Edit>,
}

/// What a power cut does to bytes that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Data {
    Kept,
    Dropped,
    /// Of what was written last there is the first half.
    Torn,
    /// The file is as long as it was, but what was written last reads as zeros.
    Zeros,
}

impl Bytes {
    fn after(&self, data: Data) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if data == Data::Dropped {
            return bytes;
        }
        let last = self.pending.len().saturating_sub(1);
        for (index, edit) in self.pending.iter().enumerate() {
            match (edit, data) {
                (Edit::Cut(length), _) => bytes.truncate(*length as usize),
                (Edit::Write(more), Data::Torn) if index == last => {
                    bytes.extend(&more[..more.len() / 2]);
                }
                (Edit::Write(more), Data::Zeros) if index == last => {
                    bytes.resize(bytes.len() + more.len(), 0);
                }
                (Edit::Write(more), _) => bytes.extend(more),
            }
        }
        bytes
    }
}

/// A change of the names in a folder: each name with what it leads to from then on.
#[derive(Clone, Debug)]
struct Renaming {
    folder: usize,
    names: Vec<(String, Option<Node>)>,
}

/// A disk below a folder. Folder 0 is that.
struct Model {
    root: PathBuf,
    files: Vec<Bytes>,
    /// As it is while the power is on.
    now: Vec<Names>,
    /// As it is on the disk.
    durable: Vec<Names>,
    /// What is not on the disk, oldest first.
    pending: Vec<Renaming>,
}

impl Model {
    fn new(root: &Path) -> Self {
        Self {
            root: root.into(),
            files: Vec::new(),
            now: vec![Names::new()],
            durable: vec![Names::new()],
            pending: Vec::new(),
        }
    }

    fn node(&self, path: &Path) -> Node {
        let parts = path.strip_prefix(&self.root).expect("below the root");
        parts.iter().fold(Node::Folder(0), |node, part| match node {
            Node::Folder(folder) => self.now[folder][&part.to_string_lossy().into_owned()],
            Node::File(_) => panic!("{path:?} leads through a file"),
        })
    }

    fn folder(&self, path: &Path) -> usize {
        match self.node(path) {
            Node::Folder(folder) => folder,
            Node::File(_) => panic!("{path:?} is a file"),
        }
    }

    fn file(&mut self, path: &Path) -> &mut Bytes {
        match self.node(path) {
            Node::File(file) => &mut self.files[file],
            Node::Folder(_) => panic!("{path:?} is a folder"),
        }
    }

    fn change(&mut self, path: &Path, nodes: &[(&Path, Option<Node>)]) {
        let folder = self.folder(path.parent().expect("below the root"));
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let names = nodes.iter().map(|(path, node)| (name(path), *node));
        let renaming = Renaming {
            folder,
            names: names.collect(),
        };
        apply(&mut self.now, &renaming);
        self.pending.push(renaming);
    }

    fn does(&mut self, call: &Call) {
        match call {
            Call::MakeFolder(path) => {
                let folder = Node::Folder(self.now.len());
                self.now.push(Names::new());
                self.durable.push(Names::new());
                self.change(path, &[(path, Some(folder))]);
            }
            Call::Create(path) => {
                let file = Node::File(self.files.len());
                self.files.push(Bytes::default());
                self.change(path, &[(path, Some(file))]);
            }
            Call::Write(path, bytes) => {
                let edit = Edit::Write(bytes.clone());
                self.file(path).pending.push(edit);
            }
            Call::Cut(path, length) => self.file(path).pending.push(Edit::Cut(*length)),
            Call::Sync(path) => {
                let file = self.file(path);
                file.durable = file.after(Data::Kept);
                file.pending.clear();
            }
            Call::SyncFolder(path) => {
                let folder = self.folder(path);
                let pending = std::mem::take(&mut self.pending);
                let (done, left): (Vec<_>, _) =
                    pending.into_iter().partition(|one| one.folder == folder);
                done.iter().for_each(|one| apply(&mut self.durable, one));
                self.pending = left;
            }
            Call::Rename(from, to) => {
                let node = self.node(from);
                self.change(from, &[(from, None), (to, Some(node))]);
            }
            Call::Remove(path) => self.change(path, &[(path, None)]),
        }
    }

    /// The files and folders (`None`) after a power cut that leaves those changes
    /// of names.
    fn after(&self, kept: impl Fn(usize) -> bool, data: Data) -> Files {
        let mut folders = self.durable.clone();
        for (index, renaming) in self.pending.iter().enumerate() {
            if kept(index) {
                apply(&mut folders, renaming);
            }
        }
        let mut files = Files::new();
        self.collect(&folders, (Path::new(""), 0), data, &mut files);
        files
    }

    fn collect(&self, all: &[Names], (at, folder): (&Path, usize), data: Data, into: &mut Files) {
        for (name, node) in &all[folder] {
            let path = at.join(name);
            match node {
                Node::File(file) => {
                    into.insert(path, Some(self.files[*file].after(data)));
                }
                Node::Folder(folder) => {
                    into.insert(path.clone(), None);
                    self.collect(all, (&path, *folder), data, into);
                }
            }
        }
    }
}

fn apply(folders: &mut [Names], renaming: &Renaming) {
    let names = &mut folders[renaming.folder];
    for (name, node) in &renaming.names {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}

type Files = BTreeMap<PathBuf, Option<Vec<u8>>>;

fn put(files: &Files, root: &Path) {
    for (path, bytes) in files {
        match bytes {
            Some(bytes) => fs::write(root.join(path), bytes).unwrap(),
            None => fs::create_dir(root.join(path)).unwrap(),
        }
    }
}

/// A folder for files that come and go, in memory where that is possible.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// What a run holds for whoever goes on with it.
#[derive(Clone, Debug, PartialEq)]
enum State {
    /// No run, in a place where one can begin.
    None,
    Run(Box<Held>),
}

#[derive(Clone, Debug, PartialEq)]
struct Held {
    config: String,
    checkpoints: BTreeMap<u64, Checkpoint>,
    /// Of each stream, as far as the newest checkpoint counts.
    rows: Vec<Vec<Value>>,
    documents: Vec<Option<Value>>,
}

const KEEP: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn is_scheduled(update: u64) -> bool {
    update.is_multiple_of(2)
}

/// Goes on with what is there, as `resume` does.
fn recovered(path: &Path) -> Result<State> {
    if !RunDir::is_begun(path) {
        drop(RunDir::create(path, "another", Existing::Refuse)?);
        return Ok(State::None);
    }
    let run = RunDir::open(path)?;
    let latest = run.latest_checkpoint()?;
    if let Some(damage) = latest.damaged.into_iter().next() {
        return Err(damage);
    }
    run.rewind(&run.latest_checkpoint()?)?;
    if latest.newest.is_some() {
        run.prune_checkpoints(KEEP, is_scheduled)?;
    }
    let mut checkpoints = BTreeMap::new();
    for update in run.checkpoints()? {
        checkpoints.insert(update, run.load_checkpoint(update)?);
    }
    let rows = Stream::ALL.iter().map(|stream| run.rows(*stream));
    let documents = Document::ALL.iter().map(|one| run.document(*one));
    Ok(State::Run(Box::new(Held {
        config: run.config()?,
        checkpoints,
        rows: rows.collect::<Result<_>>()?,
        documents: documents.collect::<Result<_>>()?,
    })))
}

/// What whoever only looks at a run finds in it: the newest checkpoint.
fn looked_at(path: &Path) -> Result<Option<u64>> {
    let reader = match Reader::open(path) {
        Err(RecordError::NotARun { .. }) => return Ok(None),
        reader => reader?,
    };
    // A row that was cut short may be refused, with its line, but nothing panics.
    let _ = reader.verify();
    let _ = reader.rows::<Value>(Stream::Metrics);
    Ok(reader.latest_checkpoint()?.newest.map(|(update, _)| update))
}

/// One thing that a training does with its run.
enum Step {
    Begin(&'static str),
    Describe(Document),
    Append(Stream, u64),
    Save(u64),
    Prune,
}

/// A run from its beginning to its end, and another one in its place.
fn script() -> Vec<Step> {
    use Step::{Append, Begin, Describe, Prune, Save};
    use Stream::{Eval, Metrics, Timing};
    let mut steps = vec![Begin("seed = 1\n"), Describe(Document::Environment)];
    steps.extend([Save(0), Prune, Append(Eval, 0), Save(0), Prune]);
    for update in 1..=7 {
        steps.extend([Append(Metrics, update), Append(Timing, update)]);
        if is_scheduled(update) || update == 7 {
            steps.extend([Save(update), Prune]);
        }
        if update == 4 {
            // Once more, for it to count the row of the evaluation.
            steps.extend([Append(Eval, update), Save(update), Prune]);
        }
    }
    steps.extend([Describe(Document::Comparison), Describe(Document::Pictures)]);
    steps.extend([Begin("seed = 2\n"), Save(0), Append(Metrics, 1), Save(1)]);
    steps
}

fn checkpoint(update: u64) -> Checkpoint {
    let mut tree = Tree::default().with_count("update", update);
    tree.insert("params/w", Array::floats(vec![2], vec![update as f32, 0.5]));
    let state = json!({ "update": update });
    Checkpoint { tree, state }
}

/// Does one step, on a run that an earlier one began.
fn take(step: &Step, path: &Path, run: &mut Option<RunDir>) -> Result<()> {
    let open = |run: &Option<RunDir>| run.is_some();
    match step {
        Step::Begin(config) => {
            *run = None;
            *run = Some(RunDir::create(path, config, Existing::Overwrite)?);
            return Ok(());
        }
        // As after a failure: the run is opened anew.
        _ if !open(run) => {
            let opened = RunDir::open(path)?;
            opened.rewind(&opened.latest_checkpoint()?)?;
            *run = Some(opened);
        }
        _ => {}
    }
    let run = run.as_ref().expect("it was just opened");
    match step {
        Step::Begin(_) => Ok(()),
        Step::Describe(document) => run.write_document(*document, &json!({ "mean": 0.1 + 0.2 })),
        Step::Append(stream, update) => {
            run.append(*stream, &json!({ "update": update, "x": "y".repeat(40) }))
        }
        Step::Save(update) => run.save_checkpoint(*update, &checkpoint(*update)),
        Step::Prune => run.prune_checkpoints(KEEP, is_scheduled),
    }
}

/// The calls of the whole script, with the step of each; and how many there were with
/// those that change nothing, but may fail.
fn log(root: &Path) -> (Vec<(usize, Call)>, usize) {
    let recorder = Rc::new(Recorder::default());
    let path = root.join("runs/one");
    with_disk(recorder.clone(), || {
        let mut run = None;
        for (index, step) in script().iter().enumerate() {
            recorder.step.set(index);
            take(step, &path, &mut run).unwrap();
        }
    });
    (recorder.log.take(), recorder.calls.get())
}

/// What is known of a state of the disk: what there is to go on with, and to see.
type Known = (
    std::result::Result<State, String>,
    std::result::Result<Option<u64>, String>,
);

/// Power cuts after every call of a log, and what became of the run.
#[derive(Default)]
struct Cuts {
    tried: usize,
    /// By the hash of all files.
    known: HashMap<u64, Known>,
    wrong: Vec<String>,
}

impl Cuts {
    fn known(&mut self, files: &Files) -> Known {
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        let known = self.known.entry(hasher.finish()).or_insert_with(|| {
            let folder = folder();
            put(files, folder.path());
            let path = folder.path().join("runs/one");
            let seen = looked_at(&path).map_err(|error| error.to_string());
            let state = with_disk(Rc::new(Recorder::default()), || recovered(&path));
            (state.map_err(|error| error.to_string()), seen)
        });
        known.clone()
    }

    /// A state of the disk where only these two states of the run may be found.
    fn cut(&mut self, files: &Files, allowed: [&State; 2], place: impl Fn() -> String) {
        self.tried += 1;
        let (state, seen) = self.known(files);
        if !state.as_ref().is_ok_and(|state| allowed.contains(&state)) {
            let found = match state {
                Ok(_) => "another state".to_owned(),
                Err(error) => error,
            };
            self.wrong.push(format!("{}: {found}", place()));
        }
        let newest = |state: &State| match state {
            State::None => None,
            State::Run(held) => held.checkpoints.keys().last().copied(),
        };
        // While a run is replaced by another one there is nothing to see.
        let fine = |seen: &Option<u64>| {
            seen.is_none() || allowed.iter().any(|state| newest(state) == *seen)
        };
        if !seen.as_ref().is_ok_and(fine) {
            self.wrong.push(format!("{}: seen {seen:?}", place()));
        }
    }

    /// After every call, with every choice of what is lost, until so many are wrong.
    fn all(root: &Path, calls: &[(usize, Call)], (states, enough): (&[State], usize)) -> Self {
        let (mut cuts, mut model) = (Self::default(), Model::new(root));
        let before = |step: usize| match step {
            0 => &State::None,
            step => &states[step - 1],
        };
        for (number, (step, call)) in calls.iter().enumerate() {
            model.does(call);
            if cuts.wrong.len() >= enough {
                break;
            }
            let allowed = [before(*step), &states[*step]];
            let pending = model.pending.len();
            for data in [Data::Kept, Data::Dropped, Data::Torn, Data::Zeros] {
                let place =
                    |names: String| format!("call {number} {call:?}, {names}, data {data:?}");
                for kept in 0..=pending {
                    let files = model.after(|index| index < kept, data);
                    let said = || place(format!("the first {kept} of {pending} names"));
                    cuts.cut(&files, allowed, said);
                }
                for lost in 0..pending {
                    let files = model.after(|index| index != lost, data);
                    let said = || place(format!("all names but {:?}", model.pending[lost]));
                    cuts.cut(&files, allowed, said);
                }
            }
        }
        cuts
    }
}

/// What the run holds after each step, if nothing happens.
fn states(root: &Path, calls: &[(usize, Call)]) -> Vec<State> {
    let (mut model, mut cuts) = (Model::new(root), Cuts::default());
    let mut states = Vec::new();
    for (number, (step, call)) in calls.iter().enumerate() {
        model.does(call);
        let next = calls.get(number + 1).map(|(step, _)| *step);
        if next != Some(*step) {
            let (state, _) = cuts.known(&model.after(|_| true, Data::Kept));
            // A step that calls nothing leaves the state of the one before.
            states.resize(*step, states.last().cloned().unwrap_or(State::None));
            states.push(state.unwrap());
        }
    }
    states
}

fn newest(state: &State) -> Option<u64> {
    match state {
        State::None => None,
        State::Run(held) => held.checkpoints.keys().last().copied(),
    }
}

#[test]
fn a_power_cut_after_any_call_leaves_the_old_state_or_the_new() {
    let folder = folder();
    let (calls, _) = log(folder.path());
    let states = states(folder.path(), &calls);
    assert_eq!(states.len(), script().len());
    // The states are those that the script makes, so that there is something to lose.
    let reached: Vec<Option<u64>> = states.iter().map(newest).collect();
    let mut distinct = reached.clone();
    distinct.dedup();
    let passed = [None, Some(0), Some(2), Some(4), Some(6), Some(7)];
    let again = [None, Some(0), Some(1)];
    assert_eq!(distinct, [&passed[..], &again].concat());

    let cuts = Cuts::all(folder.path(), &calls, (&states, usize::MAX));
    assert!(calls.len() > 150, "{} calls", calls.len());
    println!(
        "{} calls, {} power cuts, {} different disks, {} wrong states",
        calls.len(),
        cuts.tried,
        cuts.known.len(),
        cuts.wrong.len()
    );
    let first: Vec<&String> = cuts.wrong.iter().take(5).collect();
    assert!(first.is_empty(), "{} wrong: {first:#?}", cuts.wrong.len());
}

/// Or the test above would find nothing wrong with a program that never waits.
#[test]
fn a_power_cut_finds_calls_that_are_missing() {
    let folder = folder();
    let (calls, _) = log(folder.path());
    let states = states(folder.path(), &calls);
    let without = |gone: fn(&Call) -> bool| {
        let left = calls.iter().filter(|(_, call)| !gone(call)).cloned();
        let left: Vec<_> = left.collect();
        assert!(left.len() < calls.len());
        Cuts::all(folder.path(), &left, (&states, 1)).wrong.len()
    };
    assert!(without(|call| matches!(call, Call::Sync(path) if path.ends_with("state.json"))) > 0);
    assert!(
        without(|call| matches!(call, Call::Sync(path) if path.ends_with("metrics.jsonl"))) > 0
    );
    assert!(without(|call| matches!(call, Call::SyncFolder(path) if path.ends_with("one"))) > 0);
    assert!(
        without(|call| matches!(call, Call::SyncFolder(path) if path.ends_with("checkpoints"))) > 0
    );
}

/// Does the script with a fault in it; the step that failed, if one did, and what it
/// said.
struct Failed {
    /// Holds the folder of the run.
    folder: TempDir,
    run: Option<RunDir>,
    at: Option<(usize, RecordError)>,
}

impl Failed {
    fn with(fault: Fault) -> Self {
        let folder = folder();
        let disk = Rc::new(Recorder::failing(fault));
        let mut failed = Self {
            folder,
            run: None,
            at: None,
        };
        let path = failed.path();
        for (index, step) in script().iter().enumerate() {
            let taken = with_disk(disk.clone(), || take(step, &path, &mut failed.run));
            if let Err(error) = taken {
                failed.at = Some((index, error));
                break;
            }
        }
        failed
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("runs/one")
    }

    /// Whether what there is, once the disk works again, is one of these states.
    fn holds(mut self, states: &[&State]) -> std::result::Result<(), String> {
        self.run = None;
        let state = with_disk(Rc::new(Recorder::default()), || recovered(&self.path()));
        match state {
            Ok(state) if states.contains(&&state) => Ok(()),
            Ok(_) => Err("another state".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Takes the step that failed once more, and all that follow, in the same process.
    fn goes_on(&mut self, from: usize) -> Result<()> {
        let path = self.path();
        with_disk(Rc::new(Recorder::default()), || {
            let mut left = script().into_iter().skip(from);
            left.try_for_each(|step| take(&step, &path, &mut self.run))
        })
    }
}

/// Whether a step failed of a fault.
fn with_fault(fault: Fault, states: &[State]) -> std::result::Result<bool, String> {
    let mut failed = Failed::with(fault);
    let end = &states[states.len() - 1];
    let Some((index, error)) = failed.at.take() else {
        // It was in what is tried again, or not needed.
        return failed.holds(&[end]).map(|()| false);
    };
    let said = error.to_string();
    let folder = failed.folder.path().display().to_string();
    let named = said.contains(&folder) && said.contains(&io::Error::from(fault.why).to_string());
    if !named || !matches!(error, RecordError::Io { .. }) {
        return Err(format!("it says {said:?}"));
    }
    let old = match index {
        0 => &State::None,
        index => &states[index - 1],
    };
    failed.holds(&[old, &states[index]])?;
    if !fault.for_ever {
        let mut again = Failed::with(fault);
        again.goes_on(index).map_err(|error| error.to_string())?;
        again.holds(&[end])?;
    }
    Ok(true)
}

#[test]
fn a_call_that_fails_leaves_the_old_state_or_the_new_and_is_named() {
    let folder = folder();
    let (calls, all) = log(folder.path());
    let states = states(folder.path(), &calls);
    let (mut tried, mut failed, mut wrong) = (0, 0, Vec::new());
    for (why, for_ever) in [
        (ErrorKind::StorageFull, false),
        (ErrorKind::PermissionDenied, true),
    ] {
        for at in 0..all {
            let fault = Fault { at, why, for_ever };
            tried += 1;
            match with_fault(fault, &states) {
                Ok(true) => failed += 1,
                Ok(false) => {}
                Err(said) => wrong.push(format!("{fault:?}: {said}")),
            }
        }
    }
    println!(
        "{tried} failing calls, {failed} said so, {} wrong",
        wrong.len()
    );
    assert!(failed > calls.len(), "{failed} of {}", calls.len());
    let first: Vec<&String> = wrong.iter().take(5).collect();
    assert!(first.is_empty(), "{} wrong: {first:#?}", wrong.len());
}

/// All changes go through [`Disk`], or the tests above would not see them.
#[test]
fn nothing_else_changes_a_disk() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let words = [
        "fs::write",
        "fs::rename",
        "fs::remove",
        "fs::create",
        "fs::copy",
        "hard_link",
        "File::create",
        ".write_all(",
        ".set_len(",
        ".sync_all(",
        ".sync_data(",
        "set_permissions",
    ];
    for entry in fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("disk.rs") || path.ends_with("crash_tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for word in words {
            assert!(
                !text.contains(word),
                "{path:?}: {word} belongs into disk.rs"
            );
        }
    }
}
