//! What a key of a sweep may be set to.

use crate::overrides::Override;
use serde_json::json;
use toml::Value;

/// What a key is set to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Axis {
    List(Vec<Value>),
    Range {
        ends: [f64; 2],
        points: Option<usize>,
        logarithmic: bool,
        whole: bool,
    },
}

impl Axis {
    pub(super) fn read(key: &str, value: &Value) -> Result<Self, String> {
        let allowed = "allowed: a list, as in [256, 512], or a range, as in \
                       { from = 1e-4, to = 1e-2, points = 5, scale = \"log\" }, by keys in \
                       quotation marks";
        let refuse = |why: &str| Err(format!("settings.\"{key}\" = {value}: {why}{allowed}"));
        match value {
            Value::Array(values) if !values.is_empty() => Ok(Self::List(values.clone())),
            Value::Table(table) => {
                let known = ["from", "to", "points", "scale"];
                if let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) {
                    return refuse(&format!("{unknown} is unknown; "));
                }
                let number = |name: &str| match table.get(name) {
                    Some(Value::Integer(number)) => Some((*number as f64, true)),
                    Some(Value::Float(number)) if number.is_finite() => Some((*number, false)),
                    _ => None,
                };
                let (Some((low, low_whole)), Some((high, high_whole))) =
                    (number("from"), number("to"))
                else {
                    return refuse("from and to are numbers; ");
                };
                let logarithmic = match table.get("scale").map(Value::as_str) {
                    None | Some(Some("linear")) => false,
                    Some(Some("log")) => true,
                    _ => return refuse("scale is \"linear\" or \"log\"; "),
                };
                if low >= high || (logarithmic && low <= 0.0) {
                    return refuse("from is less than to, and with scale = \"log\" above 0; ");
                }
                let points = match table.get("points") {
                    None => None,
                    Some(Value::Integer(points @ 2..=1000)) => Some(*points as usize),
                    Some(_) => return refuse("points is from 2 to 1000; "),
                };
                Ok(Self::Range {
                    ends: [low, high],
                    points,
                    logarithmic,
                    whole: low_whole && high_whole,
                })
            }
            _ => refuse(""),
        }
    }

    pub(super) fn is_logarithmic(&self) -> bool {
        matches!(
            self,
            Self::Range {
                logarithmic: true,
                ..
            }
        )
    }

    /// The ends of a range of whole numbers.
    pub(super) fn whole_ends(&self) -> Option<[f64; 2]> {
        match self {
            Self::Range {
                ends, whole: true, ..
            } => Some(*ends),
            _ => None,
        }
    }

    /// What lies a share of the way along it; ends are as they were said.
    fn at(&self, share: f64) -> String {
        match self {
            Self::List(values) => {
                let place = (share * values.len() as f64) as usize;
                values[place.min(values.len() - 1)].to_string()
            }
            Self::Range {
                ends: [low, high],
                points,
                logarithmic,
                whole,
            } => {
                // A tenth of what lies between two points, and a thousandth of the range.
                let parts = points.map_or(0, |points| 10 * points).max(1000) as f64;
                let value = match (share, logarithmic) {
                    (0.0, _) => *low,
                    (1.0, _) => *high,
                    (_, true) => {
                        let value = low * (high / low).powf(share);
                        rounded(value, value * (high / low).ln() / parts)
                    }
                    (_, false) => rounded(low + share * (high - low), (high - low) / parts),
                };
                let value = value.clamp(*low, *high);
                match whole {
                    true => format!("{}", value.round()),
                    false => format!("{value:?}"),
                }
            }
        }
    }

    /// One of its values by chance; whole numbers are equally likely, or their logarithms'
    /// shares are.
    pub(super) fn drawn(&self, share: f64) -> String {
        match self {
            Self::Range {
                ends: [low, high],
                logarithmic,
                whole: true,
                ..
            } => {
                let ends = [low - 0.5, high + 0.5];
                let value = match logarithmic {
                    true => ends[0] * (ends[1] / ends[0]).powf(share),
                    false => ends[0] + share * (ends[1] - ends[0]),
                };
                format!("{}", value.round().clamp(*low, *high))
            }
            other => other.at(share),
        }
    }

    /// All of its values.
    pub(super) fn values(&self, key: &str) -> Result<Vec<String>, String> {
        match self {
            Self::List(values) => Ok(values.iter().map(Value::to_string).collect()),
            Self::Range {
                ends: [low, high],
                points,
                whole,
                ..
            } => {
                let points = points.ok_or_else(|| {
                    format!("settings.\"{key}\": points is needed where values are not drawn")
                })?;
                let mut values: Vec<String> = (0..points)
                    .map(|point| self.at(point as f64 / (points - 1) as f64))
                    .collect();
                values.dedup();
                // All whole numbers of a range may be fewer, as from 1 to 2.
                let all = *whole && values.len() as f64 == high - low + 1.0;
                match all || values.len() == points {
                    true => Ok(values),
                    false => {
                        let (first, last) = (&values[0], &values[values.len() - 1]);
                        let few = match whole {
                            true => format!(
                                "{points} points from {first} to {last}, rounded, are {} different \
                                 whole numbers",
                                values.len()
                            ),
                            false => format!(
                                "from {first} to {last} there are not {points} different numbers"
                            ),
                        };
                        let allowed = "allowed: fewer points, or ends further apart";
                        Err(format!("settings.\"{key}\": {few}; {allowed}"))
                    }
                }
            }
        }
    }

    /// A value that somebody else chose, as plans write it.
    ///
    /// # Errors
    /// If it is none of them, with what is allowed.
    pub(super) fn admit(&self, given: &Override) -> Result<String, String> {
        match self {
            Self::List(values) => {
                // Searches are told of arrays and tables as text, and say it again.
                let text = |value: &Value| given.value.as_str() == Some(&value.to_string());
                let same = |value: &&Value| given.instead_of(value) == **value || text(value);
                let found = values.iter().find(same).map(ToString::to_string);
                let all = || values.iter().map(ToString::to_string).collect::<Vec<_>>();
                found.ok_or_else(|| format!("one of {}", all().join(", ")))
            }
            Self::Range {
                ends: [low, high],
                whole,
                ..
            } => {
                let kind = if *whole { "a whole number" } else { "a number" };
                let number = match &given.value {
                    Value::Integer(number) => Some(*number as f64),
                    Value::Float(number) if !whole || number.fract() == 0.0 => Some(*number),
                    _ => None,
                };
                match number.filter(|number| (*low..=*high).contains(number)) {
                    Some(number) if *whole => Ok(format!("{number}")),
                    Some(number) => Ok(format!("{number:?}")),
                    None => Err(format!("{kind}, {low} to {high}")),
                }
            }
        }
    }

    /// What a search is told of it, in the words of Optuna's `distribution_to_json`. Of a
    /// list, words and numbers are as they are, and tables are text.
    pub(super) fn distribution(&self) -> serde_json::Value {
        match self {
            Self::List(values) => {
                let choices: Vec<serde_json::Value> = values.iter().map(choice).collect();
                json!({ "name": "CategoricalDistribution", "attributes": { "choices": choices } })
            }
            Self::Range {
                ends: [low, high],
                logarithmic: log,
                whole: true,
                ..
            } => {
                let [low, high] = [*low as i64, *high as i64];
                let attributes = json!({ "low": low, "high": high, "log": log, "step": 1 });
                json!({ "name": "IntDistribution", "attributes": attributes })
            }
            Self::Range {
                ends: [low, high],
                logarithmic: log,
                ..
            } => {
                let attributes = json!({ "low": low, "high": high, "log": log, "step": null });
                json!({ "name": "FloatDistribution", "attributes": attributes })
            }
        }
    }
}

fn choice(value: &Value) -> serde_json::Value {
    match value {
        Value::String(word) => json!(word),
        Value::Integer(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Boolean(truth) => json!(truth),
        other => json!(other.to_string()),
    }
}

/// A number with four digits that count, which are as good a setting and can be read, or as
/// many more as tell it from those that lie so far from it.
fn rounded(value: f64, apart: f64) -> f64 {
    let digits = (value.abs().log10().floor() - apart.log10()).ceil();
    // As many as a number has, whatever they tell apart.
    let digits = digits.clamp(3.0, 16.0) as usize;
    format!("{value:.digits$e}").parse().unwrap_or(value)
}
