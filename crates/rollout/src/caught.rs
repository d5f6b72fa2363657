//! Code that may panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What something gave, or what its panic said.
pub(crate) type Caught<R> = Result<R, String>;

/// Runs `work`; a panic comes back as what it said.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> Caught<R> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let message = panic_message(payload.as_ref());
        // What was thrown may panic in its destructor, and so may what that
        // throws, which is therefore never destroyed.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        dropped.unwrap_or_else(std::mem::forget);
        message
    })
}

/// What a panic said, as text.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}
