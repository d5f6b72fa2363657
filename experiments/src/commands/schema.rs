//! `schema`: what editors check and complete presets by.

use crate::console::Console;
use lab::failure::Failure;
use lab::registry::Registry;

pub(crate) fn run(registry: &Registry) -> Result<(), Failure> {
    let schema = lab::schema::schema(registry);
    let text = serde_json::to_string_pretty(&schema).map_err(Failure::internal)?;
    Console::new(false).only_results().say(text)
}
