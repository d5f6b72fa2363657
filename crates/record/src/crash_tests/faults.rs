//! Calls that fail.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::rc::Rc;

use tempfile::TempDir;

use super::cuts::states;
use super::recorder::{Fault, Recorder};
use super::script::{State, folder, log, recovered, script, take};
use crate::disk::with_disk;
use crate::{RecordError, Result, RunDir};

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
