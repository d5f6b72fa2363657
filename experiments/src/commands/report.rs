//! `report`: figures, tables and one HTML page about runs.

use crate::cli::ReportArgs;
use crate::console::{Console, Event};
use crate::reporting;
use lab::failure::Failure;
use lab::folders::{common_folder, runs_in};
use report::Written;
use serde_json::json;

pub(crate) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let mut paths = Vec::new();
    for folder in &args.runs {
        paths.extend(runs_in(folder)?);
    }
    let out = match &args.out {
        Some(out) => out.clone(),
        None => common_folder(&paths),
    };
    let Written { runs, html, .. } = reporting::write(&paths, &out)?;
    let reported = match runs.len() {
        1 => "1 run".to_owned(),
        count => format!("{count} runs"),
    };
    console.say(format!("report of {reported}: {}", html.display()))?;
    let runs: Vec<_> = runs.iter().map(|run| run.to_string_lossy()).collect();
    let report = html.to_string_lossy();
    console.emit(Event::Report, &json!({ "runs": runs, "report": report }))
}
