//! `resume`: a stopped or killed run goes on to the identical result.

use crate::cli::ResumeArgs;
use crate::commands::train::{Trainings, side_by_side};
use crate::console::Console;
use crate::ranks;
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::folders::runs_in;
use lab::group;
use lab::launch::config_of;
use lab::registry::Registry;
use lab::session::{Session, device_of};
use record::Reader;
use std::collections::BTreeSet;
use std::path::PathBuf;

pub(crate) fn run(registry: &Registry, args: &ResumeArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let seeds = group::read(&args.run)?;
    let device = match (&args.device, &seeds) {
        (Some(device), _) => device.clone(),
        (None, Some(seeds)) => seeds.device.clone(),
        (None, None) => device_of(&runs_in(&args.run)?[0])?,
    };
    let mut session = ranks::session(registry, &console, &args.work, &device)?;
    let paths = match seeds {
        Some(seeds) => group::complete(seeds, &session, &args.run)?,
        None => runs_in(&args.run)?,
    };
    match &paths[..] {
        [path] => Trainings::at(&console, &session, 1).one(path),
        paths => {
            let configs = configs(&session, paths);
            let jobs = match side_by_side(&mut session, args.jobs, paths.len(), &configs) {
                Ok(jobs) => jobs,
                // So many at a time were asked for.
                Err(failure) if args.jobs.given.is_some_and(|jobs| jobs > 1) => {
                    return Err(failure);
                }
                // What a run fails of it says itself, and stops no other.
                Err(_) => 1,
            };
            Trainings::at(&console, &session, jobs).several(&args.run, paths)
        }
    }
}

/// The configurations of some runs, each once whatever its seed, as far as they can
/// be read.
fn configs(session: &Session<'_>, paths: &[PathBuf]) -> Vec<RunConfig> {
    let read = |path: &PathBuf| config_of(session, &Reader::open(path).ok()?).ok();
    let mut known = BTreeSet::new();
    let configs = paths
        .iter()
        .filter_map(read)
        .map(|config| config.with_seed(0));
    let new = |config: &RunConfig| config.to_text().is_ok_and(|text| known.insert(text));
    configs.filter(new).collect()
}
