//! `resume`: a stopped or killed run goes on to the identical result.

use crate::cli::ResumeArgs;
use crate::commands::train;
use crate::console::Console;
use crate::failure::Failure;
use crate::registry::Registry;
use crate::reporting::runs_in;
use crate::session::{Session, device_of};

pub(crate) fn run(registry: &Registry, args: &ResumeArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let paths = runs_in(&args.run)?;
    let device = match &args.device {
        Some(device) => device.clone(),
        None => device_of(&paths[0])?,
    };
    let session = Session::new(registry, console, args.work.workers(), &device)?.stoppable();
    match &paths[..] {
        [path] => train::one(&session, path),
        paths => train::several(&session, &args.run, paths),
    }
}
