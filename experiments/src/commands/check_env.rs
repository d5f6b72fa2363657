//! `check-env`: whether an environment keeps the rules.

use crate::cli::CheckEnvArgs;
use crate::console::{Console, Event};
use crate::progress::Waiting;
use lab::conformance::{check, footprint};
use lab::failure::Failure;
use lab::registry::{Built, Registry};
use lab::room::Room;
use serde_json::json;

pub(crate) fn run(registry: &Registry, args: &CheckEnvArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let built = Built::from_words(registry, &args.environment, &args.settings)?;
    let needed = footprint(built.factory.as_ref());
    Room::now().check(&format!("check-env {}", args.environment), &needed)?;
    let _checking = Waiting::on(format!("check-env {}", args.environment));
    let checks = check(built.factory.as_ref());
    for check in &checks {
        let (mark, fault) = match &check.fault {
            None => (console.good("ok    "), String::new()),
            Some(fault) => (console.bad("FAILED"), format!(": {fault}")),
        };
        console.say(format!("{mark}  {}{fault}", check.rule))?;
        console.emit(
            Event::Check,
            &json!({
                "rule": check.rule,
                "ok": check.fault.is_none(),
                "fault": check.fault,
            }),
        )?;
    }
    let broken = checks.iter().filter(|check| check.fault.is_some()).count();
    match broken {
        0 => Ok(()),
        _ => Err(Failure::config(format!(
            "environment '{}' breaks {broken} of {} rules",
            args.environment,
            checks.len()
        ))),
    }
}
