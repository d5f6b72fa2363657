//! Sweeps: many settings of one training, all of them written down before the first is
//! run, so that any number of processes on any number of machines can do them.

use crate::config::RunConfig;
use crate::failure::Failure;
use crate::folders::path_of;
use crate::launch;
use crate::presets::Source;
use crate::registry::Registry;
use crate::session::Session;
use record::schema::Comparison;
use record::{Document, Existing, Reader, RecordError, RunDir};
use rl_core::rand::RngExt as _;
use rl_core::{Domain, Purpose, StreamKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Runs of a plan at most: a grid grows faster than one thinks.
const MOST_RUNS: usize = 100_000;
/// Bytes of a plan's file at most.
const MOST_BYTES: u64 = 1 << 30;

/// A sweep's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    /// The preset or file that all runs are trained by.
    preset: String,
    /// What is set otherwise in all of them.
    #[serde(default)]
    words: Vec<String>,
    /// Seeds of every setting.
    seeds: Vec<u64>,
    /// Seeds that the best setting is trained with afterwards, on other tasks.
    #[serde(default)]
    confirm: Vec<u64>,
    /// Draws instead of every combination.
    draws: Option<Draws>,
    /// Values by dotted key.
    settings: Table,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draws {
    count: usize,
    seed: u64,
}

/// What a key is set to.
#[derive(Clone, Debug, PartialEq)]
enum Axis {
    List(Vec<Value>),
    Range {
        ends: [f64; 2],
        points: Option<usize>,
        logarithmic: bool,
        whole: bool,
    },
}

/// The beginning of a plan's file: what holds for all of its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// What they are trained by.
    pub preset: String,
    /// Keys that settings differ in, and whether their values are spread by their
    /// logarithms.
    pub keys: BTreeMap<String, bool>,
    /// Runs of the plan.
    pub runs: usize,
    /// Seeds that the best setting is confirmed with.
    pub confirm: Vec<u64>,
}

/// A run of a plan: a line of its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its number in the plan.
    pub index: usize,
    /// The number of its setting.
    pub setting: usize,
    /// What that sets, by dotted key.
    pub values: BTreeMap<String, String>,
    /// Its seed.
    pub seed: u64,
    /// BLAKE3 of the configuration.
    pub blake3: String,
    /// The whole configuration, as the run's folder has it.
    pub config: String,
}

/// All runs of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What holds for all of them.
    pub head: Head,
    /// The runs in their order.
    pub lines: Vec<Line>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing of it is there.
    Missing,
    /// It was begun.
    Begun,
    /// It was compared with others, which is what comes last.
    Finished,
}

impl Plan {
    /// The plan of a sweep's file.
    ///
    /// # Errors
    /// Names the key, its value and what is allowed.
    pub fn of(registry: &Registry, place: &str, text: &str) -> Result<Self, Failure> {
        let refuse = |why: String| Failure::config(format!("{place}: {why}"));
        let spec: Spec = toml::from_str(text).map_err(|error| refuse(error.to_string()))?;
        for (name, seeds, least) in [("seeds", &spec.seeds, 1), ("confirm", &spec.confirm, 0)] {
            let mut distinct = seeds.clone();
            distinct.sort_unstable();
            distinct.dedup();
            if seeds.len() < least || distinct.len() < seeds.len() {
                let allowed = "allowed: different seeds, as in seeds = [101, 102, 103]";
                return Err(refuse(format!("{name} = {seeds:?}; {allowed}")));
            }
        }
        if let Some(seed) = spec.confirm.iter().find(|seed| spec.seeds.contains(seed)) {
            return Err(refuse(format!(
                "confirm = {:?}: {seed} is among the seeds that the setting is chosen by; a result \
                 that was chosen is no result, so take others",
                spec.confirm
            )));
        }
        let named = spec.words.iter().filter_map(|word| word.split('=').next());
        let mut named = named
            .map(str::trim)
            .chain(spec.settings.keys().map(String::as_str));
        if named.any(|key| key == "seed") {
            return Err(refuse(
                "seed: seeds = [...] sets it; take it out of words and settings".to_owned(),
            ));
        }
        let axes = spec.settings.iter();
        let axes = axes.map(|(key, value)| Ok((key.clone(), Axis::read(key, value)?)));
        let axes: Vec<(String, Axis)> = axes.collect::<Result<_, String>>().map_err(refuse)?;
        if axes.is_empty() {
            return Err(refuse(
                "settings: allowed: one key or more, as in \"rl2.lanes\" = [256, 512]".to_owned(),
            ));
        }
        let settings = match &spec.draws {
            Some(draws) => drawn(&axes, draws),
            None => combined(&axes),
        };
        let settings = settings.map_err(refuse)?;
        let runs = settings.len() * spec.seeds.len();
        if runs > MOST_RUNS {
            let allowed = format!(
                "allowed: at most {MOST_RUNS}; draw some (draws = {{ count = 64, seed = 0 }})"
            );
            return Err(refuse(format!("{runs} runs; {allowed}")));
        }
        let source = Source::find(OsStr::new(&spec.preset))?;
        let mut lines = Vec::new();
        for (setting, values) in settings.into_iter().enumerate() {
            let words = values.iter().map(|(key, value)| format!("{key}={value}"));
            let words: Vec<String> = spec.words.iter().cloned().chain(words).collect();
            for &seed in &spec.seeds {
                let config = RunConfig::resolve(registry, &source.place, &source.text, &words)?;
                let config = config.with_seed(seed).to_text()?;
                lines.push(Line {
                    index: lines.len(),
                    setting,
                    values: values.clone(),
                    seed,
                    blake3: hash(&config),
                    config,
                });
            }
        }
        let spread = |(key, axis): &(String, Axis)| (key.clone(), axis.is_logarithmic());
        Ok(Self {
            head: Head {
                preset: spec.preset,
                keys: axes.iter().map(spread).collect(),
                runs: lines.len(),
                confirm: spec.confirm,
            },
            lines,
        })
    }

    /// The file of the plan: its head, then a line of JSON for each run.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub fn to_text(&self) -> Result<String, Failure> {
        let head = serde_json::to_string(&self.head);
        let lines = self.lines.iter().map(serde_json::to_string);
        let all: Result<Vec<String>, _> = [head].into_iter().chain(lines).collect();
        let all = all.map_err(Failure::internal)?;
        Ok(all.iter().map(|line| format!("{line}\n")).collect())
    }

    /// The plan that a file holds.
    ///
    /// # Errors
    /// Names the file, its line and what is wrong there.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let place = path.display();
        let unreadable = |error: std::io::Error| {
            Failure::file(
                format!("cannot read {place}: {error}; `sweep plan SPEC` makes a plan"),
                &error,
            )
        };
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if bytes > MOST_BYTES {
            return Err(Failure::config(format!(
                "{place} has {bytes} bytes; allowed: a plan of at most {MOST_BYTES}"
            )));
        }
        let text = record::read_long_text(path).map_err(unreadable)?;
        Self::parse(&text).map_err(|why| {
            Failure::config(format!(
                "{place}: {why}; make it anew with `sweep plan SPEC`"
            ))
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut rows = text.lines().enumerate();
        let (_, first) = rows.next().ok_or("is empty")?;
        let head: Head = serde_json::from_str(first).map_err(|error| format!("line 1: {error}"))?;
        let mut lines: Vec<Line> = Vec::new();
        for (number, row) in rows {
            let number = number + 1;
            let line: Line =
                serde_json::from_str(row).map_err(|error| format!("line {number}: {error}"))?;
            if line.index != lines.len() || line.blake3 != hash(&line.config) {
                return Err(format!("line {number} was changed since it was written"));
            }
            if !line.values.keys().eq(head.keys.keys()) {
                return Err(format!("line {number} sets other keys than line 1 says"));
            }
            lines.push(line);
        }
        match lines.len() == head.runs {
            true => Ok(Self { head, lines }),
            false => Err(format!("has {} of its {} runs", lines.len(), head.runs)),
        }
    }

    /// The runs of each setting, in their order.
    pub fn settings(&self) -> Vec<Vec<&Line>> {
        let mut settings: Vec<Vec<&Line>> = Vec::new();
        for line in &self.lines {
            match settings.get_mut(line.setting) {
                Some(runs) => runs.push(line),
                None => settings.push(vec![line]),
            }
        }
        settings
    }
}

impl Line {
    /// Where its run lies below the folder of the sweep: `0007/seed-101`.
    pub fn place(&self) -> PathBuf {
        path_of(Path::new(&format!("{:04}", self.setting)), self.seed)
    }

    /// What its setting sets: "rl2.lanes=256 rl2.trunk.hidden=32".
    pub fn said(&self) -> String {
        let pairs = self
            .values
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        pairs.collect::<Vec<_>>().join(" ")
    }

    /// The same training with another seed.
    ///
    /// # Errors
    /// If the configuration cannot be read.
    pub fn config(&self, registry: &Registry, seed: u64) -> Result<RunConfig, Failure> {
        let place = format!("run {} of the plan", self.index);
        Ok(RunConfig::resolve(registry, &place, &self.config, &[])?.with_seed(seed))
    }
}

/// How far a run of a configuration is.
///
/// # Errors
/// If the folder holds a run of another one, or its files cannot be read.
pub fn state(path: &Path, config: &str) -> Result<State, Failure> {
    if !RunDir::is_begun(path) {
        return Ok(State::Missing);
    }
    let run = match Reader::open(path) {
        // Its beginning was cut short: it is finished by whoever opens it to write.
        Err(RecordError::NotARun { .. }) => {
            drop(RunDir::open(path)?);
            Reader::open(path)?
        }
        run => run?,
    };
    if run.config()? != config {
        return Err(Failure::config(format!(
            "{} holds a run of another configuration than the plan's; move it away, or choose \
             another folder with --runs",
            path.display()
        )));
    }
    let comparison: Option<Comparison> = run.document(Document::Comparison)?;
    Ok(comparison.map_or(State::Begun, |_| State::Finished))
}

/// Begins a run of a configuration where nothing of it is there; whether there is
/// something left to do.
///
/// # Errors
/// As [`state`], and if its folder cannot be made.
pub fn begin(session: &Session<'_>, path: &Path, config: &RunConfig) -> Result<bool, Failure> {
    let text = config.to_text()?;
    let mut found = state(path, &text)?;
    if found == State::Missing
        && let Err(failure) = launch::create(session, path, config, Existing::Refuse)
    {
        // Another process may have begun it just now.
        found = state(path, &text)?;
        if found == State::Missing {
            return Err(failure);
        }
    }
    if found == State::Finished {
        return Ok(false);
    }
    match RunDir::open(path) {
        // Whoever does it now may be lost yet, so that this one is to come again.
        Err(error @ RecordError::Locked { .. }) => Err(Failure::stopped(format!(
            "{error}; it is done there, or else by the same command later"
        ))),
        opened => opened.map(|_| true).map_err(Failure::from),
    }
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_string()
}

impl Axis {
    fn read(key: &str, value: &Value) -> Result<Self, String> {
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

    fn is_logarithmic(&self) -> bool {
        matches!(
            self,
            Self::Range {
                logarithmic: true,
                ..
            }
        )
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
                logarithmic,
                whole,
                ..
            } => {
                let value = match (share, logarithmic) {
                    (0.0, _) => *low,
                    (1.0, _) => *high,
                    // Four digits are as good a setting, and can be read.
                    (_, true) => rounded(low * (high / low).powf(share)).clamp(*low, *high),
                    (_, false) => rounded(low + share * (high - low)).clamp(*low, *high),
                };
                match whole {
                    true => format!("{}", value.round()),
                    false => format!("{value:?}"),
                }
            }
        }
    }

    /// One of its values by chance; whole numbers are equally likely, or their logarithms'
    /// shares are.
    fn drawn(&self, share: f64) -> String {
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
    fn values(&self, key: &str) -> Result<Vec<String>, String> {
        match self {
            Self::List(values) => Ok(values.iter().map(Value::to_string).collect()),
            Self::Range { points, .. } => {
                let points = points.ok_or_else(|| {
                    format!("settings.\"{key}\": points is needed where values are not drawn")
                })?;
                let mut values: Vec<String> = (0..points)
                    .map(|point| self.at(point as f64 / (points - 1) as f64))
                    .collect();
                values.dedup();
                Ok(values)
            }
        }
    }
}

/// A number with four digits that count.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

type Values = BTreeMap<String, String>;

/// Every combination, the last key changing soonest.
fn combined(axes: &[(String, Axis)]) -> Result<Vec<Values>, String> {
    let mut all = vec![Values::new()];
    for (key, axis) in axes {
        let values = axis.values(key)?;
        if all.len().saturating_mul(values.len()) > MOST_RUNS {
            return Err(format!(
                "more than {MOST_RUNS} combinations; draw some (draws = {{ count = 64, seed = 0 }})"
            ));
        }
        let with = |before: &Values| {
            let one = |value: &String| {
                let mut with = before.clone();
                with.insert(key.clone(), value.clone());
                with
            };
            values.iter().map(one).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    Ok(all)
}

/// Settings by chance, each key by itself.
fn drawn(axes: &[(String, Axis)], draws: &Draws) -> Result<Vec<Values>, String> {
    if draws.count == 0 || draws.count > MOST_RUNS {
        return Err(format!(
            "draws.count = {}; allowed: 1 to {MOST_RUNS}",
            draws.count
        ));
    }
    let key = StreamKey::new(draws.seed, Domain::Tuning, 0);
    let draw = |index: u64| {
        let mut rng = key.lane(Purpose::Init, index);
        let values = axes
            .iter()
            .map(|(key, axis)| (key.clone(), axis.drawn(rng.random())));
        values.collect()
    };
    Ok((0..draws.count as u64).map(draw).collect())
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
