//! `replay`: what failed in a training, once more, with nothing changed.

use crate::cli::ReplayArgs;
use crate::console::{Console, Event};
use lab::failure::Failure;
use lab::registry::Registry;
use lab::replay::{Replayed, replay};
use lab::session::{Session, device_of};
use serde_json::json;

pub(crate) fn run(registry: &Registry, args: &ReplayArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let device = match &args.device {
        Some(device) => device.clone(),
        None => device_of(&args.run)?,
    };
    let session = Session::new(registry, &console, args.work.workers(), &device)?;
    let replayed = replay(&session, &args.run, args.update)?;
    let Replayed {
        from,
        update,
        compared,
        failure,
    } = replayed;
    console.emit(
        Event::Replay,
        &json!({
            "from": from,
            "update": update,
            "compared": compared,
            "failure": failure.as_ref().map(|failure| &failure.message),
        }),
    )?;
    match failure {
        Some(failure) => Err(failure.within(format!(
            "after update {update}, from the checkpoint of update {from}"
        ))),
        None => console.say(format!(
            "update {update}, from the checkpoint of update {from}: nothing failed; rows that are \
             the run's to the bit: {compared}"
        )),
    }
}
