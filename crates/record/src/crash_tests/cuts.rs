//! Power cuts.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::rc::Rc;

use super::model::{Data, Files, Model, put};
use super::recorder::{Call, Recorder};
use super::script::{State, folder, log, looked_at, recovered, script};
use crate::disk::with_disk;

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
pub(super) fn states(root: &Path, calls: &[(usize, Call)]) -> Vec<State> {
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
