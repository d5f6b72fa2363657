//! metarl for Python: the native half of the package `metarl`, whose other half are
//! the Python sources beside it.
//!
//! Environments step into NumPy's arrays, trained agents act on them, trainings run
//! on a thread of their own while Python hears how they go and may interrupt them,
//! and environments written in Python join the registry. What a call means, its
//! defaults and its words are Python's half; this one checks, computes and converts.
//!
//! The crate stands on `lab` as the command line does. It must not know any
//! particular algorithm or environment, and it prints nothing but which environment of
//! Python's does not come back.

mod agent;
mod attended;
mod bridge;
mod convert;
mod facts;
mod lanes;
#[allow(
    clippy::disallowed_methods,
    reason = "it says which environment does not come back"
)]
mod registry;
mod runs;
mod sweep;
mod training;

use pyo3::prelude::*;

/// The native half of the package `metarl`.
#[pymodule(gil_used = true)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // What panics here becomes an exception that says it.
    lab::panics::keep_quiet(None);
    // As JSON has it, of which Python makes the same text.
    lab::invocation::resume_as(|path| {
        let path = serde_json::Value::from(path.display().to_string());
        format!("metarl.resume({path})")
    });
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add(
        "Interrupted",
        module.py().get_type::<convert::Interrupted>(),
    )?;
    module.add_class::<lanes::Lanes>()?;
    module.add_class::<agent::Agent>()?;
    module.add_class::<agent::State>()?;
    facts::add_to(module)?;
    registry::add_to(module)?;
    runs::add_to(module)?;
    sweep::add_to(module)?;
    training::add_to(module)
}
