//! The rows of `metrics.jsonl`, as columns of numbers.

use std::collections::BTreeMap;

use record::schema::MetricsRow;
use serde_json::Value;

/// What all updates of a run say. A long training has millions of rows, which by name
/// would take ten times the memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    stamps: Vec<Stamp>,
    numbers: Columns,
    /// Of numbers that are in lists: `name.place`.
    listed: Columns,
}

/// Where a row belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) update: u64,
    pub(crate) env_steps: u64,
}

/// Numbers by name and row; NaN, which no row has, where there is none. What lies beyond
/// a column's end is none either.
#[derive(Clone, Debug, Default)]
struct Columns(BTreeMap<String, Vec<f64>>);

impl Columns {
    fn put(&mut self, name: &str, row: usize, value: &Value) {
        let Some(number) = value.as_f64() else {
            return;
        };
        let column = match self.0.get_mut(name) {
            Some(column) => column,
            None => self.0.entry(name.to_owned()).or_default(),
        };
        column.resize(row, f64::NAN);
        column.push(number);
    }

    fn get(&self, name: &str, row: usize) -> Option<f64> {
        let number = self.0.get(name)?.get(row).copied()?;
        (!number.is_nan()).then_some(number)
    }
}

impl Metrics {
    /// Adds the row that follows.
    pub(crate) fn push(&mut self, row: &MetricsRow) {
        let index = self.stamps.len();
        for (name, value) in &row.values {
            self.numbers.put(name, index, value);
            for (place, value) in value.as_array().into_iter().flatten().enumerate() {
                self.listed.put(&format!("{name}.{place}"), index, value);
            }
        }
        self.stamps.push(Stamp {
            update: row.update,
            env_steps: row.env_steps,
        });
    }

    /// Of all rows, oldest first.
    pub(crate) fn stamps(&self) -> &[Stamp] {
        &self.stamps
    }

    /// Of the last row.
    pub(crate) fn last(&self) -> Option<Stamp> {
        self.stamps.last().copied()
    }

    /// The numbers of that name, `name.place` for one of a list, of the rows that have it.
    pub(crate) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (Stamp, f64)> + 'a {
        let number = move |row| {
            let whole = self.numbers.get(name, row);
            whole.or_else(|| self.listed.get(name, row))
        };
        let rows = self.stamps.iter().enumerate();
        rows.filter_map(move |(row, stamp)| Some((*stamp, number(row)?)))
    }

    /// Names of numbers, those in lists left out.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.numbers.0.keys().map(String::as_str)
    }

    /// The numbers of a row, in the order of [`Self::names`].
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = Option<f64>> {
        self.numbers
            .0
            .keys()
            .map(move |name| self.numbers.get(name, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_what_the_rows_say_and_no_more() {
        let rows = [
            r#"{"update":1,"env_steps":10,"loss":0.5,"gates":[0.1,0.2],"hash":"00ff"}"#,
            r#"{"update":2,"env_steps":20,"loss":null,"late":3}"#,
            r#"{"update":3,"env_steps":30,"loss":1.5,"gates":[0.3,null],"late":4}"#,
        ];
        let mut metrics = Metrics::default();
        for row in rows {
            metrics.push(&serde_json::from_str(row).unwrap());
        }
        let of = |name: &str| -> Vec<(u64, f64)> {
            metrics.of(name).map(|(at, x)| (at.update, x)).collect()
        };
        assert_eq!(of("loss"), [(1, 0.5), (3, 1.5)]);
        assert_eq!(of("late"), [(2, 3.0), (3, 4.0)]);
        assert_eq!(of("gates.0"), [(1, 0.1), (3, 0.3)]);
        assert_eq!(of("gates.1"), [(1, 0.2)]);
        for none in ["hash", "gates", "gates.2", "nothing"] {
            assert_eq!(of(none), [], "{none}");
        }
        assert_eq!(metrics.names().collect::<Vec<_>>(), ["late", "loss"]);
        assert_eq!(metrics.row(1).collect::<Vec<_>>(), [Some(3.0), None]);
        let last = Stamp {
            update: 3,
            env_steps: 30,
        };
        assert_eq!((metrics.last(), metrics.stamps().len()), (Some(last), 3));
    }
}
