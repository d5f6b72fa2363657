//! `resume`: a stopped or killed run goes on to the identical result.

use crate::cli::ResumeArgs;
use crate::commands::train;
use crate::console::Console;
use crate::failure::Failure;
use crate::group::Group;
use crate::registry::Registry;
use crate::reporting::runs_in;
use crate::session::{Session, device_of};

pub(crate) fn run(registry: &Registry, args: &ResumeArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let group = Group::read(&args.run)?;
    let device = match (&args.device, &group) {
        (Some(device), _) => device.clone(),
        (None, Some(group)) => group.device.clone(),
        (None, None) => device_of(&runs_in(&args.run)?[0])?,
    };
    let session = Session::new(registry, console, args.work.workers(), &device)?.stoppable();
    let paths = match group {
        Some(group) => group.complete(&session, &args.run)?,
        None => runs_in(&args.run)?,
    };
    match &paths[..] {
        [path] => train::one(&session, path),
        paths => train::several(&session, &args.run, paths),
    }
}
