//! `oracle`: an environment's exact values.

use crate::cli::OracleArgs;
use crate::console::{Console, Table};
use crate::failure::Failure;
use crate::references::{Reference, References};
use crate::registry::{Built, Registry};
use serde_json::{Map, Value, json};

pub(crate) fn run(registry: &Registry, args: &OracleArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let built = Built::from_words(registry, &args.environment, &args.settings)?;
    let exact = References::of(built.factory.as_ref());
    let rows = [
        ("bayes_optimal", &exact.bayes_optimal),
        ("known_task_optimum", &exact.known_task_optimum),
        ("random", &exact.random),
    ];
    let mut table = Table::new(&["expected return of a trial", "value", "± s.e."]);
    let mut object = Map::new();
    let mut why = Map::new();
    for (name, reference) in rows {
        object.insert(name.to_owned(), json!(reference.value()));
        match reference {
            Reference::Known {
                value,
                standard_error,
            } => {
                table.row(vec![
                    name.into(),
                    format!("{value:.6}"),
                    format!("{standard_error:.6}"),
                ]);
            }
            Reference::Unknown { why: reason } => {
                table.row(vec![name.into(), "–".into(), "–".into()]);
                why.insert(name.to_owned(), json!(reason));
            }
        }
    }
    table.print(&console)?;
    for (name, reason) in &why {
        console.say(format!("{name}: {}", reason.as_str().unwrap_or_default()))?;
    }
    object.insert("environment".to_owned(), json!(args.environment));
    object.insert("settings".to_owned(), json!(built.settings.table()));
    if !why.is_empty() {
        object.insert("why".to_owned(), Value::Object(why));
    }
    console.emit(&Value::Object(object))
}
