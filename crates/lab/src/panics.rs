//! Panics, each of which becomes one error that says who panicked, and where.

use crate::failure::Failure;
use rl_core::{AuthorPanic, panic_text};
use std::any::Any;
use std::backtrace::Backtrace;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where the last panic was: one that becomes an error may have begun on another
/// thread.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

fn last_place() -> MutexGuard<'static, Option<String>> {
    PLACE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets panics say nothing of their own: what they said comes with the error
/// that they become. Whoever looks for a cause hears where they were called from.
pub fn keep_quiet(backtrace: Option<fn(&str)>) {
    set_hook(Box::new(move |info| {
        let place = info.location().map(Location::to_string);
        if let Some(hear) = backtrace {
            let place = place.as_deref().unwrap_or("a place unknown");
            hear(&format!(
                "panicked at {place}\n{}",
                Backtrace::force_capture()
            ));
        }
        *last_place() = place;
    }));
}

/// The failure that a panic is, the last of the process.
pub fn failure(panic: Box<dyn Any + Send>) -> Failure {
    let place = last_place()
        .take()
        .map_or(String::new(), |place| format!(" (at {place})"));
    let said = panic_text(panic.as_ref());
    match panic.is::<AuthorPanic>() {
        true => Failure::internal(format!("{said}{place}")),
        false => Failure::internal(format!("internal error: {said}{place}")),
    }
}

/// Runs work of an algorithm or an environment; a panic in it becomes a failure that
/// says what was being done.
///
/// # Errors
/// Of the work.
pub fn caught<R>(doing: &str, work: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|panic| Err(failure(panic).within(doing)))
}
