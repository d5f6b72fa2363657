//! The seeds that one command trains, in `seeds.json` of the folder around their
//! runs: written before the first of them is begun, so that a command that is
//! killed at any time is resumed with all of its seeds.

use crate::config::RunConfig;
use crate::failure::Failure;
use crate::folders::{path_of, runs_in};
use crate::invocation::resume_command;
use crate::launch;
use crate::session::Session;
use record::{Claim, Existing, RecordError, RunDir};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FILE: &str = "seeds.json";

/// The contents of `seeds.json`.
#[derive(Serialize, Deserialize)]
pub struct Group {
    seeds: Vec<u64>,
    /// What the runs were begun on.
    pub device: String,
    /// Their configuration, but for the seed.
    config: String,
    /// While runs may still have to be replaced: what the configuration of each
    /// was known by when that was decided. No other one is deleted.
    replaces: BTreeMap<u64, String>,
}

impl Group {
    /// Begins the runs of several seeds, or none of them: nothing changes before
    /// all of their folders are locked.
    ///
    /// # Errors
    /// If one of the folders is not free for a run, or cannot be written.
    pub fn begin(
        session: &Session<'_>,
        folder: &Path,
        configs: &[RunConfig],
        existing: Existing,
    ) -> Result<Vec<PathBuf>, Failure> {
        // What is called so and is not ours stays as it is.
        Self::read(folder)?;
        let claims = claims(folder, configs, existing)?;
        let mut replaces = BTreeMap::new();
        for (config, claim) in &claims {
            if let Some(hash) = claim.config_hash()? {
                replaces.insert(config.seed, hash);
            }
        }
        let mut group = Self {
            seeds: configs.iter().map(|config| config.seed).collect(),
            device: session.device_name.clone(),
            config: configs[0].to_text()?,
            replaces,
        };
        group.write(folder)?;
        for (config, claim) in claims {
            let begun = launch::begin(session, claim, config);
            begun.map_err(|failure| launch::resumable(folder, failure))?;
        }
        group.settle(folder)?;
        let seeds = configs.iter().map(|config| config.seed);
        Ok(seeds.map(|seed| path_of(folder, seed)).collect())
    }

    /// The group of a folder, if there is one.
    ///
    /// # Errors
    /// If its file is damaged.
    pub fn read(folder: &Path) -> Result<Option<Self>, Failure> {
        Ok(record::read_sealed(&folder.join(FILE), "")?)
    }

    /// Whether a folder has a group.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Begins those of the runs that are missing, and returns the paths of all
    /// runs of the folder, in the order of their seeds.
    ///
    /// # Errors
    /// If a folder cannot be used.
    pub fn complete(
        mut self,
        session: &Session<'_>,
        folder: &Path,
    ) -> Result<Vec<PathBuf>, Failure> {
        let place = folder.join(FILE).display().to_string();
        for &seed in &self.seeds {
            let resolved = RunConfig::resolve(session.registry, &place, &self.config, &[]);
            let config = resolved?.with_seed(seed);
            let path = path_of(folder, seed);
            // Finishes what a kill cut short.
            let existing = match RunDir::open(&path) {
                Ok(run) if run.config()? == config.to_text()? => continue,
                Ok(run) => match self.replaces.get(&seed) {
                    Some(hash) if *hash == run.config_hash()? => Existing::Overwrite,
                    _ if self.replaces.is_empty() => continue,
                    _ => return Err(other(&path, &place)),
                },
                Err(RecordError::NotARun { .. }) => Existing::Refuse,
                Err(error) => return Err(error.into()),
            };
            launch::begin(session, launch::claim(&path, existing)?, &config)?;
        }
        self.settle(folder)?;
        runs_in(folder)
    }

    /// Writes that all runs have been begun.
    fn settle(&mut self, folder: &Path) -> Result<(), Failure> {
        if !self.replaces.is_empty() {
            self.replaces.clear();
            self.write(folder)?;
        }
        Ok(())
    }

    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let written = record::write_sealed(&folder.join(FILE), self, "");
        written.map_err(|error| launch::resumable(folder, error.into()))
    }
}

/// Locks the folders of several runs to be, or none of them.
fn claims<'a>(
    folder: &Path,
    configs: &'a [RunConfig],
    existing: Existing,
) -> Result<Vec<(&'a RunConfig, Claim)>, Failure> {
    let mut order: Vec<_> = configs
        .iter()
        .map(|config| (config, path_of(folder, config.seed)))
        .collect();
    // What is there first: it may be another's, and then no folder is made.
    order.sort_by_key(|(_, path)| fs::symlink_metadata(path).is_err());
    let claims = order
        .into_iter()
        .map(|(config, path)| Ok((config, launch::claim(&path, existing)?)));
    claims.collect()
}

/// Refuses to replace a run that was begun after the replacement was decided.
fn other(path: &Path, group: &str) -> Failure {
    let (place, resume) = (path.display(), resume_command(path));
    Failure::config(format!(
        "{place} holds a run of another configuration than {group}, begun after it, and is left \
         as it is; go on with that run alone: {resume}, or move it away, and its seed is begun anew"
    ))
}
