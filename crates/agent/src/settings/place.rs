//! Where a value is at fault. serde keeps the way to it except below an enum
//! that is told apart by a key of its own, and takes a list for a table; what
//! it says of changed values tells the rest.

use super::{Fault, Node, What};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// The key by which enums are told apart.
const TAG: &str = "kind";

/// What stands at a path.
pub(super) fn at<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        table => table.get(key),
    })
}

/// What reading says where another value stands at a path.
fn fault_with<T: DeserializeOwned>(root: &Value, path: &[String], other: Value) -> Option<Fault> {
    let mut changed = root.clone();
    let place = path
        .iter()
        .try_fold(&mut changed, |value, key| match value {
            Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
            table => table.get_mut(key),
        });
    *place? = other;
    T::deserialize(Node(&changed)).err()
}

/// Completes the path of a fault down to the value that it is about.
pub(super) fn complete<T: DeserializeOwned>(fault: &mut Fault, root: &Value) {
    // serde's own path stays as it is while faults are compared.
    let mut path = fault.path.clone();
    while let Some(key) = culprit::<T>(fault, root, &path) {
        path.push(key);
    }
    fault.path = path;
}

/// The entry of the table or list at a path that brings the fault about: values
/// are read in turn, so the first that is there when the fault is.
fn culprit<T: DeserializeOwned>(fault: &Fault, root: &Value, path: &[String]) -> Option<String> {
    let same = |value| fault_with::<T>(root, path, value).as_ref() == Some(fault);
    match at(root, path)? {
        Value::Table(table) => {
            let lacks = |it: &str| matches!(fault.what, What::Missing { key } if it == key);
            let missing = matches!(fault.what, What::Missing { .. });
            let known = table.keys().any(|key| lacks(key));
            if (missing && !known) || (!missing && same(Value::Table(Table::new()))) {
                return None;
            }
            // What the other keys mean depends on the tag; a key that is missing
            // further down must not be missing here.
            let settled = |key: &str| key == TAG || lacks(key);
            let (first, others): (Vec<_>, Vec<_>) = table.iter().partition(|(key, _)| settled(key));
            let mut part = Table::new();
            let mut entries = first.into_iter().chain(others);
            let (key, _) = entries.find(|(key, value)| {
                part.insert((*key).clone(), (*value).clone());
                !(missing && settled(key)) && same(Value::Table(part.clone()))
            })?;
            let unknown = matches!(&fault.what, What::UnknownKey { key: it, .. } if it == key);
            (!unknown).then(|| key.clone())
        }
        Value::Array(items) => {
            let count = (0..=items.len()).find(|n| same(Value::Array(items[..*n].to_vec())))?;
            Some(count.checked_sub(1)?.to_string())
        }
        _ => None,
    }
}

/// The first list where a table belongs: serde takes its items for the values of
/// the keys in turn, and does not look at what is left over.
pub(super) fn list_for_table<T: DeserializeOwned>(root: &Value) -> Option<Fault> {
    let mut lists = Vec::new();
    collect(root, &mut Vec::new(), &mut lists);
    let path = lists.into_iter().find(|path| {
        // Settings that are typed later take everything here.
        let typed = fault_with::<T>(root, path, Value::Boolean(true)).is_some();
        let table = fault_with::<T>(root, path, Value::Table(Table::new()));
        let list = table.is_some_and(|fault| match fault.what {
            What::Unfit { expected, .. } => expected.starts_with("a list"),
            _ => false,
        });
        typed && !list
    })?;
    let what = What::Unfit {
        found: "a list".to_owned(),
        expected: super::TABLE.to_owned(),
    };
    Some(Fault { path, what })
}

fn collect(value: &Value, path: &mut Vec<String>, lists: &mut Vec<Vec<String>>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Table(table) => table
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(items) => {
            lists.push(path.clone());
            let items = items.iter().enumerate();
            items
                .map(|(index, value)| (index.to_string(), value))
                .collect()
        }
        _ => return,
    };
    for (key, value) in below {
        path.push(key);
        collect(value, path, lists);
        path.pop();
    }
}
