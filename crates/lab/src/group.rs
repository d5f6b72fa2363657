//! The seeds that one command trains, in `seeds.json` of the folder around their
//! runs: written before the first of them is begun, so that a command that is
//! killed at any time is resumed with all of its seeds.

use crate::config::RunConfig;
use crate::failure::Failure;
use crate::folders::{path_of, runs_in};
use crate::invocation::resume_command;
use crate::launch;
use crate::session::Session;
use record::schema::SeedGroup;
use record::{Claim, Existing, RecordError, RunDir};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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
    read(folder)?;
    let claims = claims(folder, configs, existing)?;
    let mut replaces = BTreeMap::new();
    for (config, claim) in &claims {
        if let Some(hash) = claim.config_hash()? {
            replaces.insert(config.seed, hash);
        }
    }
    let mut group = SeedGroup {
        seeds: configs.iter().map(|config| config.seed).collect(),
        device: session.device_name.clone(),
        config: configs[0].to_text()?,
        replaces,
    };
    write(&group, folder)?;
    for (config, claim) in claims {
        let begun = launch::begin(session, claim, config);
        begun.map_err(|failure| launch::resumable(folder, failure))?;
    }
    settle(&mut group, folder)?;
    let seeds = configs.iter().map(|config| config.seed);
    Ok(seeds.map(|seed| path_of(folder, seed)).collect())
}

/// The group of a folder, if there is one.
///
/// # Errors
/// If its file is damaged.
pub fn read(folder: &Path) -> Result<Option<SeedGroup>, Failure> {
    Ok(record::read_sealed(&folder.join(SeedGroup::FILE_NAME), "")?)
}

/// Begins those of the runs that are missing, and returns the paths of all
/// runs of the folder, in the order of their seeds.
///
/// # Errors
/// If a folder cannot be used.
pub fn complete(
    mut group: SeedGroup,
    session: &Session<'_>,
    folder: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let place = folder.join(SeedGroup::FILE_NAME).display().to_string();
    for &seed in &group.seeds {
        let resolved = RunConfig::resolve(session.registry, &place, &group.config, &[]);
        let config = resolved?.with_seed(seed);
        let path = path_of(folder, seed);
        // Finishes what a kill cut short.
        let existing = match RunDir::open(&path) {
            Ok(run) if run.config()? == config.to_text()? => continue,
            Ok(run) => match group.replaces.get(&seed) {
                Some(hash) if *hash == run.config_hash()? => Existing::Overwrite,
                _ if group.replaces.is_empty() => continue,
                _ => return Err(other(&path, &place)),
            },
            Err(RecordError::NotARun { .. }) => Existing::Refuse,
            Err(error) => return Err(error.into()),
        };
        launch::begin(session, launch::claim(&path, existing)?, &config)?;
    }
    settle(&mut group, folder)?;
    runs_in(folder)
}

/// Writes that all runs have been begun.
fn settle(group: &mut SeedGroup, folder: &Path) -> Result<(), Failure> {
    if !group.replaces.is_empty() {
        group.replaces.clear();
        write(group, folder)?;
    }
    Ok(())
}

fn write(group: &SeedGroup, folder: &Path) -> Result<(), Failure> {
    let written = record::write_sealed(&folder.join(SeedGroup::FILE_NAME), group, "");
    written.map_err(|error| launch::resumable(folder, error.into()))
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
