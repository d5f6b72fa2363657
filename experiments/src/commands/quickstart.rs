//! The quickstart: from nothing to a report in under two minutes.

use crate::cli::QuickstartArgs;
use crate::commands::train;
use crate::config::RunConfig;
use crate::console::Console;
use crate::failure::Failure;
use crate::launch;
use crate::presets::{QUICKSTART, Source};
use crate::registry::Registry;
use crate::session::Session;
use record::Existing;

pub(crate) fn run(registry: &Registry, args: &QuickstartArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let source = Source::find(QUICKSTART)?;
    let config = RunConfig::resolve(registry, &source.place, &source.text, &[])?;
    let config = config.with_seed(args.seed);
    let session = Session::new(registry, console, args.work.workers(), "cpu")?.stoppable();
    console.note(format!(
        "metarl: RL² learns {}, then plays against the others on {} new tasks ({} workers)",
        config.environment,
        config.evaluation.tasks,
        session.pool.workers()
    ));
    // A folder of its own, so that a second quickstart may replace the first.
    let path = args
        .runs
        .join("quickstart")
        .join(format!("seed-{}", args.seed));
    launch::create(&session, &path, &config, Existing::Overwrite)?;
    train::one(&session, &path)
}
