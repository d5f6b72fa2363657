//! Code that may panic.

use rl_core::{AuthorPanic, drop_quietly, panic_text};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What something gave, or what its panic said.
pub(crate) type Caught<R> = Result<R, String>;

/// Runs `work`; a panic comes back as what it said.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> Caught<R> {
    thrown(work).map_err(|payload| {
        let message = panic_text(payload.as_ref());
        drop_quietly(payload);
        message
    })
}

/// Runs a batch of environments; a panic comes back as the method that panicked
/// and what it said.
pub(crate) fn caught_in_environment<R>(work: impl FnOnce() -> R) -> Result<R, (String, String)> {
    thrown(work).map_err(|payload| match payload.downcast::<AuthorPanic>() {
        Ok(panic) => (format!("`{}`", panic.method), panic.message),
        Err(payload) => {
            let message = panic_text(payload.as_ref());
            drop_quietly(payload);
            ("its batch".to_owned(), message)
        }
    })
}

fn thrown<R>(work: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(work))
}
