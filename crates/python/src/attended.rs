//! Work on a thread of its own, of which Python hears and which it may interrupt.

use crate::convert::{Interrupted, python, raised};
use lab::failure::{Exit, Failure};
use lab::panics;
use lab::stop::Stop;
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;
use rl_core::shown;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Time between two looks whether Python was interrupted.
const TICK: Duration = Duration::from_millis(50);

/// What comes from the thread that works.
enum Said {
    /// It can be stopped so.
    Stop(Stop),
    /// How far it is.
    Event(Value),
}

/// How the work speaks to Python. Nobody may be left to hear it.
#[derive(Clone)]
pub(crate) struct Voice(Sender<Said>);

impl Voice {
    /// Python may stop the work so.
    pub(crate) fn may_stop(&self, stop: &Stop) {
        let _ = self.0.send(Said::Stop(stop.clone()));
    }

    /// How far the work is.
    pub(crate) fn say(&self, event: Value) {
        let _ = self.0.send(Said::Event(event));
    }
}

/// Does some work on a thread of its own, while this one, Python's, hears how it goes and
/// whether it was interrupted. The work is over when this returns, unless it cannot be
/// called off and has nothing to save, or was interrupted twice. With somebody to hear
/// it the work is a training, which is saved and says how it goes on.
pub(crate) fn attended<T: Send + 'static>(
    py: Python<'_>,
    hear: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Voice) -> Result<T, Failure> + Send + 'static,
) -> PyResult<T> {
    let (sender, receiver) = channel();
    let working = thread::Builder::new().name("metarl".to_owned());
    let working = working.spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(|| work(&Voice(sender))));
        done.unwrap_or_else(|panic| Err(panics::failure(panic)))
    })?;
    // It waits without Python's lock, where only what threads may share can be used.
    let mut attending = Attending {
        hear,
        inbox: Mutex::new(receiver),
        stop: None,
        trouble: None,
    };
    let over = attending.until_the_end(py);
    let Attending { stop, trouble, .. } = attending;
    if !over {
        let gone = || PyRuntimeError::new_err("the work was left alone");
        return Err(trouble.unwrap_or_else(gone));
    }
    let gone = |_| Failure::internal("the work ended without a word");
    let done = working.join().map_err(gone).and_then(|done| done);
    let asked = stop.is_some_and(|stop| stop.asked());
    // A full disk ends a training that can be resumed too, and nobody asked for that.
    let error_of = |failure: Failure| match failure.exit {
        Exit::Stopped if asked => Interrupted::new_err(shown(&failure.message)),
        _ => raised(failure),
    };
    match (trouble, done) {
        (None, done) => done.map_err(error_of),
        (Some(error), Err(failure)) if is_interrupt(py, &error) && hear.is_some() => {
            Err(error_of(failure))
        }
        (Some(error), _) => Err(error),
    }
}

fn is_interrupt(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyKeyboardInterrupt>(py)
}

struct Attending<'a, 'py> {
    hear: Option<&'a Bound<'py, PyAny>>,
    inbox: Mutex<Receiver<Said>>,
    stop: Option<Stop>,
    /// What Python raised.
    trouble: Option<PyErr>,
}

impl Attending<'_, '_> {
    /// Hears the work to its end; whether it is over, or was left alone.
    fn until_the_end(&mut self, py: Python<'_>) -> bool {
        loop {
            let inbox = &self.inbox;
            let next = py.detach(|| match inbox.lock() {
                Ok(inbox) => inbox.recv_timeout(TICK),
                Err(_) => Err(RecvTimeoutError::Disconnected),
            });
            let heard = match next {
                // Nobody speaks any more.
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Ok(Said::Stop(with)) => {
                    self.stop = Some(with);
                    Ok(())
                }
                Ok(Said::Event(event)) => self.pass_on(py, &event),
            };
            if let Err(error) = heard.and_then(|()| py.check_signals()) {
                // A second one while it is being saved is not waited for.
                if self.trouble.replace(error).is_some() {
                    return false;
                }
            }
            if let (Some(_), Some(stop)) = (&self.trouble, &self.stop) {
                stop.flag().store(true, Ordering::SeqCst);
                if stop.nothing_to_save() {
                    return false;
                }
            }
        }
    }

    /// Tells Python's half of an event; it answers `False` to have the work stopped.
    fn pass_on(&self, py: Python<'_>, event: &Value) -> PyResult<()> {
        let (Some(hear), None) = (self.hear, &self.trouble) else {
            return Ok(());
        };
        let answer = hear.call1((python(py, event)?,))?;
        if let (Ok(false), Some(stop)) = (answer.extract::<bool>(), &self.stop) {
            stop.flag().store(true, Ordering::SeqCst);
        }
        Ok(())
    }
}
