//! The quickstart: from nothing to a report in under two minutes.

use crate::cli::QuickstartArgs;
use crate::commands::train::Trainings;
use crate::console::Console;
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::invocation::resume_command;
use lab::launch;
use lab::presets::{QUICKSTART, Source};
use lab::registry::Registry;
use lab::session::Session;
use record::{Existing, Reader};
use std::path::Path;

pub(crate) fn run(registry: &Registry, args: &QuickstartArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let source = Source::find(QUICKSTART.as_ref())?;
    let config = RunConfig::resolve(registry, &source.place, &source.text, &[])?;
    let config = config.with_seed(args.seed);
    let seed = format!("seed-{}", args.seed);
    let path = args.runs.join("quickstart").join(seed);
    let existing = existing(&path, &config)?;
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let training = Trainings::at(&console, &session, 1);
    console.note(format!(
        "metarl: RL² learns {}, then plays against the others on {} new tasks ({} workers)",
        config.environment,
        config.evaluation.tasks,
        session.pool.workers()
    ));
    launch::create(&session, &path, &config, existing)?;
    training.one(&path)
}

/// What becomes of a run that is there already: one of the same settings, as an
/// earlier quickstart left it, would be made again and is replaced.
fn existing(path: &Path, config: &RunConfig) -> Result<Existing, Failure> {
    let Ok(run) = Reader::open(path) else {
        return Ok(Existing::Refuse);
    };
    match run.config()? == config.to_text()? {
        true => Ok(Existing::Overwrite),
        false => Err(Failure::usage(format!(
            "{} holds a run of other settings than the quickstart's; go on with it: {}, or keep \
             it and choose another folder: --runs",
            path.display(),
            resume_command(path)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::RunDir;

    #[test]
    fn its_own_earlier_run_alone_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quickstart/seed-0");
        let source = Source::find(QUICKSTART.as_ref()).unwrap();
        let config = |overrides: &[&str]| {
            let overrides: Vec<String> = overrides.iter().map(|one| (*one).to_owned()).collect();
            let registry = Registry::standard();
            RunConfig::resolve(&registry, &source.place, &source.text, &overrides).unwrap()
        };
        let own = config(&[]);
        assert_eq!(existing(&path, &own).unwrap(), Existing::Refuse);
        RunDir::create(&path, &own.to_text().unwrap(), Existing::Refuse).unwrap();
        assert_eq!(existing(&path, &own).unwrap(), Existing::Overwrite);
        let other = config(&["rl2.updates=3"]).to_text().unwrap();
        RunDir::create(&path, &other, Existing::Overwrite).unwrap();
        let refused = existing(&path, &own).unwrap_err();
        assert!(refused.message.contains("other settings"), "{refused}");
    }
}
