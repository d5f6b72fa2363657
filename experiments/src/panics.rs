//! Panics, each of which becomes one error that says who panicked, and where.

use crate::failure::Failure;
use crate::output::remark;
use rl_core::{AuthorPanic, panic_text};
use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::env;
use std::panic::{Location, set_hook};

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Lets panics say nothing of their own: what they said comes with the error
/// that they become. Who looks for a cause sets `RUST_BACKTRACE=1`.
pub(crate) fn keep_quiet() {
    let wanted = env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    set_hook(Box::new(move |info| {
        let place = info.location().map(Location::to_string);
        if wanted {
            let place = place.as_deref().unwrap_or("a place unknown");
            remark(format!(
                "panicked at {place}\n{}",
                Backtrace::force_capture()
            ));
        }
        PLACE.set(place);
    }));
}

/// The failure that a panic of this thread is.
pub(crate) fn failure(panic: Box<dyn Any + Send>) -> Failure {
    let place = PLACE
        .take()
        .map_or(String::new(), |place| format!(" (at {place})"));
    let said = panic_text(panic.as_ref());
    match panic.is::<AuthorPanic>() {
        true => Failure::internal(format!("{said}{place}")),
        false => Failure::internal(format!("internal error: {said}{place}")),
    }
}
