//! `resume`: a stopped or killed run goes on to the identical result.

use crate::cli::ResumeArgs;
use crate::commands::train::{Trainings, side_by_side};
use crate::console::Console;
use lab::failure::Failure;
use lab::folders::runs_in;
use lab::group;
use lab::launch::config_of;
use lab::registry::Registry;
use lab::session::{Session, device_of};
use record::Reader;

pub(crate) fn run(registry: &Registry, args: &ResumeArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let seeds = group::read(&args.run)?;
    let device = match (&args.device, &seeds) {
        (Some(device), _) => device.clone(),
        (None, Some(seeds)) => seeds.device.clone(),
        (None, None) => device_of(&runs_in(&args.run)?[0])?,
    };
    let mut session = Session::new(registry, &console, args.work.workers(), &device)?;
    let paths = match seeds {
        Some(seeds) => group::complete(seeds, &session, &args.run)?,
        None => runs_in(&args.run)?,
    };
    let config = config_of(&session, &Reader::open(&paths[0])?)?;
    let jobs = side_by_side(&mut session, args.jobs, paths.len(), &config)?;
    let training = Trainings::at(&console, &session, jobs);
    match &paths[..] {
        [path] => training.one(path),
        paths => training.several(&args.run, paths),
    }
}
