//! What there is by name: what comes with metarl, and what Python added.

use crate::bridge::{Bridged, spec_of};
use crate::convert::refused;
use lab::registry::Registry;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rl_core::{EnvironmentEntry, shown};
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

/// Environments that Python added.
static ADDED: Mutex<Vec<Arc<Bridged>>> = Mutex::new(Vec::new());

fn added() -> MutexGuard<'static, Vec<Arc<Bridged>>> {
    ADDED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All that there is by name.
pub(crate) fn registry() -> Registry {
    let added = added();
    let entries = added.iter().map(|bridged| {
        let (name, summary) = (bridged.name(), "an environment of Python's");
        let bridged = Arc::clone(bridged);
        EnvironmentEntry::batched(name, summary, move |_| Ok(Arc::clone(&bridged).factory()))
    });
    entries.fold(Registry::standard(), Registry::with_environment)
}

/// From the first environment of Python's on, says on standard error which one does not come
/// back. It needs no lock of Python's, which that one may hold, so that no callback can be
/// told.
fn watch() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        lab::silence::watch(|word| {
            // Nobody may be left to read it.
            let _ = writeln!(io::stderr(), "metarl: {}", shown(word));
        });
    });
}

/// Adds an environment that is written in Python; one of the same name that Python
/// added before is replaced.
#[pyfunction]
fn add_environment(name: &str, make: Py<PyAny>, spaces: &Bound<'_, PyDict>) -> PyResult<()> {
    let standard = Registry::standard();
    if standard.environment(name).is_ok() {
        return Err(refused(format!(
            "environment '{name}' comes with metarl; choose another name"
        )));
    }
    let spec = spec_of(name, spaces)?;
    watch();
    let mut added = added();
    added.retain(|other| other.name() != name);
    added.push(Arc::new(Bridged::new(spec, make)));
    Ok(())
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(add_environment, module)?)
}
