//! Settings of the audit, as the command line has them.

use lab::failure::Failure;
use lab::overrides::Override;
use lab::settings::{checked, from_toml};
use maml::audit::{AuditBaseline, AuditConfig};
use rl_core::{Bounds, Setting, SettingError};
use toml::{Table, Value};

/// Discounts that are shown unless others are asked for.
const DISCOUNTS: [f64; 2] = [1.0, 0.9];

fn keys(horizon: usize) -> [Setting; 3] {
    [
        Setting::count(
            "horizon",
            horizon,
            1..=5,
            "steps of an episode; each takes four times the work of the one before",
        ),
        Setting::number("lambda", 1.0, 0.0..=1.0, "trace decay of advantages"),
        Setting::choice(
            "baseline",
            &["none", "exact"],
            "what returns are compared with: nothing, or the policy's own value",
        ),
    ]
}

/// A problem, and the discounts at which to look at it.
pub(super) fn read(
    words: &[String],
    horizon: usize,
    seed: u64,
) -> Result<(AuditConfig, Vec<f64>), Failure> {
    let mut discounts = DISCOUNTS.to_vec();
    let mut table = Table::new();
    for set in Override::parse_all(words).map_err(Failure::usage)? {
        match set.key.as_str() {
            "gamma" => discounts = read_discounts(&set.value)?,
            _ => drop(table.insert(set.key, set.value)),
        }
    }
    let settings = checked("audit", &keys(horizon), &table).map_err(Failure::usage)?;
    let read = || -> Result<AuditConfig, String> {
        Ok(AuditConfig {
            horizon: settings.count("horizon")?,
            tasks: 4,
            points: 3,
            deviation: 0.5,
            hidden: Vec::new(),
            rate: 4.0,
            gamma: discounts[0],
            lambda: settings.number("lambda")?,
            baseline: match settings.choice("baseline")? {
                "exact" => AuditBaseline::Exact,
                _ => AuditBaseline::None,
            },
            seed,
        })
    };
    Ok((read().map_err(Failure::internal)?, discounts))
}

/// One number, or a list of some, each once.
fn read_discounts(value: &Value) -> Result<Vec<f64>, Failure> {
    let list = match value {
        Value::Array(list) => list.clone(),
        value => vec![value.clone()],
    };
    let mut discounts: Vec<f64> = Vec::new();
    for one in &list {
        match from_toml(one).number() {
            Some(number) if Bounds::UNIT.contains(number) && !discounts.contains(&number) => {
                discounts.push(number);
            }
            _ => discounts.clear(),
        }
        if discounts.is_empty() {
            break;
        }
    }
    match discounts.is_empty() {
        false => Ok(discounts),
        true => {
            let unit = Bounds::UNIT;
            let allowed =
                format!("a number, {unit}, or a list of different ones, as in gamma=[1,0.5]");
            let fault = SettingError::refused("audit.gamma", value, allowed);
            Err(Failure::usage(fault))
        }
    }
}
