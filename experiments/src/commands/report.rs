//! `report`: figures, tables and one HTML page about runs.

use crate::cli::ReportArgs;
use crate::console::{Console, Event};
use crate::failure::Failure;
use crate::reporting;
use serde_json::json;

pub(crate) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let mut paths = Vec::new();
    for folder in &args.runs {
        paths.extend(reporting::runs_in(folder)?);
    }
    let out = match &args.out {
        Some(out) => out.clone(),
        None => reporting::common_folder(&paths),
    };
    let report = reporting::write(&paths, &out)?;
    console.say(format!(
        "report of {} runs: {}",
        paths.len(),
        report.display()
    ))?;
    console.emit(Event::Report, &json!({ "runs": paths, "report": report }))
}
