//! `show`: a preset or file as a run would have it.

use crate::cli::ShowArgs;
use crate::console::{Console, Event};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::presets::Source;
use lab::registry::Registry;

pub(crate) fn run(registry: &Registry, args: &ShowArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let source = Source::find(&args.preset)?;
    let config = RunConfig::resolve(registry, &source.place, &source.text, &args.overrides)?;
    console.say(config.to_text()?.trim_end())?;
    console.emit(Event::Item, &config.table)
}
