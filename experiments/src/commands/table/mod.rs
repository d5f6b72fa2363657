//! `table`: a published table with every column and its error bars.

use crate::cli::TableArgs;
use crate::tables::{
    baseline_variance, combination, contest, maml_audit, memory, transfer, unroll_audit,
};
use lab::failure::Failure;
use lab::registry::Registry;
use rl_core::suggestion;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use toml::{Table, Value};

/// A table that can be asked for by name.
pub(crate) struct TableEntry {
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) summary: &'static str,
    /// Its data file.
    data: &'static str,
    run: fn(&Registry, &TableArgs, Source) -> Result<(), Failure>,
}

/// A table's name and data file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) data: &'static str,
}

impl Source {
    /// What the data file says.
    ///
    /// # Errors
    /// Names the table, the key at fault, its value and what is allowed.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, Failure> {
        let table = self.data.parse::<Table>();
        let table = table.map_err(|error| self.wrong(error.to_string()))?;
        let data = agent::read("table", &Value::Table(table));
        data.map_err(|message| self.wrong(message))
    }

    /// What is wrong with the data file.
    pub(crate) fn wrong(self, message: impl Display) -> Failure {
        Failure::internal(format!("table {}: {message}", self.name))
    }
}

impl TableEntry {
    /// Its name and data file.
    #[cfg(test)]
    pub(crate) fn source(&self) -> Source {
        Source {
            name: self.name,
            data: self.data,
        }
    }

    /// Learners by settings.
    const fn contest(name: &'static str, summary: &'static str, data: &'static str) -> Self {
        Self {
            name,
            summary,
            data,
            run: contest::run,
        }
    }
}

/// All tables.
pub(crate) const TABLES: &[TableEntry] = &[
    TableEntry::contest(
        "duan-bandits",
        "Bernoulli bandits of Duan et al. 2016, table 1: total reward of each learner",
        include_str!("../../tables/duan-bandits.toml"),
    ),
    TableEntry::contest(
        "duan-mdps",
        "random tabular MDPs of Duan et al. 2016, table 2: total reward of each learner",
        include_str!("../../tables/duan-mdps.toml"),
    ),
    TableEntry::contest(
        "wang-bandits",
        "two-armed bandits of Wang et al. 2016: regret of each learner beside the exact one",
        include_str!("../../tables/wang-bandits.toml"),
    ),
    TableEntry {
        name: "maml-audit",
        summary: "estimators of MAML's meta-gradient against the exact one: bias and noise",
        data: "",
        run: maml_audit::run,
    },
    TableEntry {
        name: "unroll-audit",
        summary: "ways to the gradient of an unroll against the exact one: bias, noise, cost",
        data: "",
        run: unroll_audit::run,
    },
    TableEntry {
        name: "baseline-variance",
        summary: "REINFORCE's gradient on bandits under each baseline: its variance",
        data: "",
        run: baseline_variance::run,
    },
    TableEntry {
        name: "combination",
        summary: "a library of policies as one, by each rule: simulated beside its exact value",
        data: "",
        run: combination::run,
    },
    TableEntry {
        name: "memory",
        summary: "RL² with every memory on every task that tells them apart, trained here",
        data: include_str!("../../tables/memory/memory.toml"),
        run: memory::run,
    },
    TableEntry {
        name: "transfer",
        summary: "how long a new task takes, by how an agent begins, trained here",
        data: include_str!("../../tables/transfer/transfer.toml"),
        run: transfer::run,
    },
];

pub(crate) fn run(registry: &Registry, args: &TableArgs) -> Result<(), Failure> {
    let found = TABLES.iter().find(|entry| entry.name == args.name);
    let entry = found.ok_or_else(|| {
        let names = TABLES.iter().map(|entry| entry.name);
        let name = &args.name;
        Failure::usage(format!("no table '{name}'; {}", suggestion(name, names)))
    })?;
    let TableEntry { name, data, .. } = *entry;
    (entry.run)(registry, args, Source { name, data })
}

/// The data files of all tables of learners.
#[cfg(test)]
pub(crate) fn sources() -> Vec<Source> {
    let trained = ["memory", "transfer"];
    let of_learners = TABLES.iter().filter(|entry| !trained.contains(&entry.name));
    let sources = of_learners.map(|entry| Source {
        name: entry.name,
        data: entry.data,
    });
    sources.filter(|source| !source.data.is_empty()).collect()
}
