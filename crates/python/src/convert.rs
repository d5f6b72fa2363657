//! Between Python's values and ours.

use lab::failure::{Exit, Failure};
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple};
use rl_core::shown;
use serde::Serialize;
use toml::{Table, Value};

pyo3::create_exception!(
    metarl,
    Interrupted,
    PyKeyboardInterrupt,
    "A training was interrupted; it is saved, and the message says how it goes on."
);

/// A failure as an exception, by whose fault it is. What somebody asked to stop is
/// [`Interrupted`], which who attends the work knows. A terminal that shows it obeys none of it.
pub(crate) fn raised(failure: Failure) -> PyErr {
    let message = shown(&failure.message);
    match failure.exit {
        Exit::Usage | Exit::Config => PyValueError::new_err(message),
        Exit::FullDisk => PyOSError::new_err(message),
        Exit::Internal | Exit::Stopped | Exit::Done => PyRuntimeError::new_err(message),
    }
}

/// What was asked for and is not there, or not allowed.
pub(crate) fn refused(message: impl ToString) -> PyErr {
    PyValueError::new_err(shown(&message.to_string()))
}

/// Keyword arguments as settings.
pub(crate) fn table(settings: &Bound<'_, PyDict>) -> PyResult<Table> {
    let pairs = settings.iter();
    let pairs = pairs.map(|(key, set)| {
        let key: String = key.extract()?;
        let set = value(&key, &set)?;
        Ok((key, set))
    });
    pairs.collect()
}

/// One value, as a file of settings has it.
pub(crate) fn value(key: &str, set: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(flag) = set.cast::<PyBool>() {
        return Ok(Value::Boolean(flag.is_true()));
    }
    if let Ok(word) = set.cast::<PyString>() {
        return Ok(Value::String(word.to_str()?.to_owned()));
    }
    if let Ok(table) = set.cast::<PyDict>() {
        return Ok(Value::Table(self::table(table)?));
    }
    if set.is_instance_of::<PyList>() || set.is_instance_of::<PyTuple>() {
        let items = set.try_iter()?.map(|item| value(key, &item?));
        return Ok(Value::Array(items.collect::<PyResult<_>>()?));
    }
    // Of NumPy's too.
    if let Ok(number) = set.extract::<i64>() {
        return Ok(Value::Integer(number));
    }
    if let Ok(number) = set.extract::<f64>() {
        return Ok(Value::Float(number));
    }
    let kind = set.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "{key}: a {kind}; a setting is a number, a word, or a list or dict of settings"
    )))
}

/// `{"rl2.lanes": 512}` as what the command line would be given.
pub(crate) fn overrides(set: &Bound<'_, PyDict>) -> PyResult<Vec<String>> {
    let pairs = table(set)?.into_iter();
    Ok(pairs.map(|(key, set)| format!("{key}={set}")).collect())
}

/// Something as Python's own values: dicts, lists, numbers, text.
pub(crate) fn python<'py>(py: Python<'py>, from: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text =
        serde_json::to_string(from).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}
