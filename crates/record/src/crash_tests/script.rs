//! What a training does with its run, and what whoever opens that finds.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::rc::Rc;

use rl_core::{Array, Tree};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::recorder::{Call, Recorder};
use crate::disk::with_disk;
use crate::{Checkpoint, Document, Existing, Reader, RecordError, Result, RunDir, Stream};

/// A folder for files that come and go, in memory where that is possible.
pub(super) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// What a run holds for whoever goes on with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// No run, in a place where one can begin.
    None,
    Run(Box<Held>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    config: String,
    pub(super) checkpoints: BTreeMap<u64, Checkpoint>,
    /// Of each stream, as far as the newest checkpoint counts.
    rows: Vec<Vec<Value>>,
    documents: Vec<Option<Value>>,
}

const KEEP: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn is_scheduled(update: u64) -> bool {
    update.is_multiple_of(2)
}

/// Goes on with what is there, as `resume` does.
pub(super) fn recovered(path: &Path) -> Result<State> {
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
pub(super) fn looked_at(path: &Path) -> Result<Option<u64>> {
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
pub(super) enum Step {
    Begin(&'static str),
    Describe(Document),
    Append(Stream, u64),
    Save(u64),
    Prune,
}

/// A run from its beginning to its end, and another one in its place.
pub(super) fn script() -> Vec<Step> {
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
pub(super) fn take(step: &Step, path: &Path, run: &mut Option<RunDir>) -> Result<()> {
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
pub(super) fn log(root: &Path) -> (Vec<(usize, Call)>, usize) {
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
