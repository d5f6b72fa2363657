//! The seeds that one command trains, in `seeds.json` of the folder around their
//! runs: written before the first of them is begun, so that a command that is
//! killed at any time is resumed with all of its seeds.

use crate::config::RunConfig;
use crate::failure::Failure;
use crate::launch;
use crate::reporting::{path_of, runs_in};
use crate::session::Session;
use record::{Existing, RecordError, RunDir};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE: &str = "seeds.json";

/// The contents of `seeds.json`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Group {
    seeds: Vec<u64>,
    /// What the runs were begun on.
    pub(crate) device: String,
    /// Their configuration, but for the seed.
    config: String,
    /// Whether runs of another configuration may still have to be replaced.
    replacing: bool,
}

impl Group {
    /// Begins the runs of several seeds, or none of them: nothing changes before
    /// all of their folders are locked.
    ///
    /// # Errors
    /// If one of the folders is not free for a run, or cannot be written.
    pub(crate) fn begin(
        session: &Session<'_>,
        folder: &Path,
        configs: &[RunConfig],
        existing: Existing,
    ) -> Result<Vec<PathBuf>, Failure> {
        // What is called so and is not ours stays as it is.
        Self::read(folder)?;
        let paths: Vec<_> = configs.iter().map(|it| path_of(folder, it.seed)).collect();
        let claims: Result<Vec<_>, Failure> = paths
            .iter()
            .map(|path| launch::claim(path, existing))
            .collect();
        let claims = claims?;
        let mut group = Self {
            seeds: configs.iter().map(|config| config.seed).collect(),
            device: session.device_name.clone(),
            config: configs[0].to_text()?,
            replacing: existing == Existing::Overwrite,
        };
        group.write(folder)?;
        for (claim, config) in claims.into_iter().zip(configs) {
            let begun = launch::begin(session, claim, config);
            begun.map_err(|failure| launch::resumable(folder, failure))?;
        }
        group.settle(folder)?;
        Ok(paths)
    }

    /// The group of a folder, if there is one.
    ///
    /// # Errors
    /// If its file is damaged.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, Failure> {
        Ok(record::read_sealed(&folder.join(FILE), "")?)
    }

    /// Whether a folder has a group.
    pub(crate) fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Begins those of the runs that are missing, and returns the paths of all
    /// runs of the folder, in the order of their seeds.
    ///
    /// # Errors
    /// If a folder cannot be used.
    pub(crate) fn complete(
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
            let begun = match RunDir::open(&path) {
                Ok(run) => Some(run.config()?),
                Err(RecordError::NotARun { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            let existing = match begun {
                None => Existing::Refuse,
                Some(text) if self.replacing && text != config.to_text()? => Existing::Overwrite,
                Some(_) => continue,
            };
            launch::begin(session, launch::claim(&path, existing)?, &config)?;
        }
        self.settle(folder)?;
        runs_in(folder)
    }

    /// Writes that all runs have been begun.
    fn settle(&mut self, folder: &Path) -> Result<(), Failure> {
        if self.replacing {
            self.replacing = false;
            self.write(folder)?;
        }
        Ok(())
    }

    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let written = record::write_sealed(&folder.join(FILE), self, "");
        written.map_err(|error| launch::resumable(folder, error.into()))
    }
}
