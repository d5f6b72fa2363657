//! Sweeps: many settings of one training, all of them written down before the first is
//! run, so that any number of processes on any number of machines can do them.

mod axis;
mod halving;

pub use halving::{
    Errand, Halving, Ladder, Rung, Score, Standing, check_rungs, climb, complete, score,
};

use crate::config::RunConfig;
use crate::failure::Failure;
use crate::folders::path_of;
use crate::keys;
use crate::launch;
use crate::overrides::Override;
use crate::presets::Source;
use crate::registry::Registry;
use crate::session::Session;
use axis::Axis;
use halving::{busy, open_or_busy};
use record::schema::Comparison;
use record::{Claim, Document, Existing, Reader, RecordError, RunDir};
use rl_core::rand::RngExt as _;
use rl_core::{Domain, Purpose, StreamKey, suggestion};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use toml::Table;

/// Runs of a plan at most: a grid grows faster than one thinks.
const MOST_RUNS: usize = 100_000;
/// Bytes of a plan's file at most.
const MOST_BYTES: u64 = 1 << 30;
/// Digits of a configuration's hash that a folder is named after.
const HASH_DIGITS: usize = 16;

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
    /// Settings that fall behind are not trained to their end.
    halving: Option<Halving>,
    /// Values by dotted key.
    settings: Table,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draws {
    count: usize,
    seed: u64,
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
    /// Settings that fall behind are not trained to their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halving: Option<Halving>,
}

/// The first line of a plan's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    head: Head,
    /// BLAKE3 of the head and all lines that follow.
    blake3: String,
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

/// A sweep's file, as far as it is understood without its preset.
pub struct Sweep {
    place: String,
    spec: Spec,
    axes: Vec<(String, Axis)>,
}

/// A setting that somebody asks about: a run for each seed.
pub struct Attempt {
    /// The folder of its runs, named after all that is set.
    pub name: PathBuf,
    /// What it sets, by dotted key.
    pub values: Values,
    /// With each of the seeds.
    pub configs: Vec<RunConfig>,
}

impl Sweep {
    /// Reads a sweep's file.
    ///
    /// # Errors
    /// Names the key, its value and what is allowed.
    pub fn read(place: &str, text: &str) -> Result<Self, Failure> {
        let refuse = |why: String| Failure::config(format!("{place}: {why}"));
        let spec: Spec = toml::from_str(text).map_err(|error| refuse(error.to_string()))?;
        spec.check().map_err(refuse)?;
        let axes = spec.settings.iter();
        let axes = axes.map(|(key, value)| Ok((key.clone(), Axis::read(key, value)?)));
        let axes: Vec<(String, Axis)> = axes.collect::<Result<_, String>>().map_err(refuse)?;
        if axes.is_empty() {
            return Err(refuse(
                "settings: allowed: one key or more, as in \"rl2.lanes\" = [256, 512]".to_owned(),
            ));
        }
        let place = place.to_owned();
        Ok(Self { place, spec, axes })
    }

    fn refuse(&self, why: impl Display) -> Failure {
        Failure::config(format!("{}: {why}", self.place))
    }

    /// The plan of all of its runs.
    ///
    /// # Errors
    /// Names the key, its value and what is allowed.
    pub fn plan(&self, registry: &Registry) -> Result<Plan, Failure> {
        self.check_kinds(registry)?;
        let spec = &self.spec;
        let settings = match &spec.draws {
            Some(draws) => drawn(&self.axes, draws),
            None => combined(&self.axes),
        };
        let settings = settings.map_err(|why| self.refuse(why))?;
        let runs = settings.len() * spec.seeds.len();
        if runs > MOST_RUNS {
            let allowed = format!(
                "allowed: at most {MOST_RUNS}; draw some (draws = {{ count = 64, seed = 0 }})"
            );
            return Err(self.refuse(format!("{runs} runs; {allowed}")));
        }
        let (mut lines, mut planned) = (Vec::new(), BTreeSet::new());
        for values in settings {
            let setting = planned.len();
            for config in self.configs(registry, &values, &spec.seeds)? {
                let text = config.to_text()?;
                let blake3 = hash(&text);
                // What is drawn again is not trained again.
                if planned.len() == setting && !planned.insert(blake3.clone()) {
                    if spec.draws.is_some() {
                        break;
                    }
                    let said = said(&values);
                    return Err(self.refuse(format!(
                        "{said}: planned twice; allowed: values of a key that differ"
                    )));
                }
                lines.push(Line {
                    index: lines.len(),
                    setting,
                    values: values.clone(),
                    seed: config.seed,
                    blake3,
                    config: text,
                });
            }
        }
        let spread = |(key, axis): &(String, Axis)| (key.clone(), axis.is_logarithmic());
        Ok(Plan {
            head: Head {
                preset: spec.preset.clone(),
                keys: self.axes.iter().map(spread).collect(),
                runs: lines.len(),
                confirm: spec.confirm.clone(),
                halving: spec.halving.clone(),
            },
            lines,
        })
    }

    /// Refuses ranges of whole numbers for keys whose numbers need not be whole: of those
    /// between the ends, nobody would have thought that they are left out.
    fn check_kinds(&self, registry: &Registry) -> Result<(), Failure> {
        let whole = |(key, axis): &(String, Axis)| Some((key.clone(), axis.whole_ends()?));
        for (key, [low, high]) in self.axes.iter().filter_map(whole) {
            // Keys that there are not are refused where they are set.
            let is_number = match keys::find(registry, &key) {
                Ok(found) => found.iter().all(|key| key.form == "a number"),
                // What learners and teachers have is theirs to say.
                Err(_) => self.has_number_at(registry, &key),
            };
            if is_number {
                return Err(self.refuse(format!(
                    "settings.\"{key}\": {low} to {high} are whole numbers, and this key is a number; \
                     allowed: ends with a decimal point, as in from = {low:?}, to = {high:?}"
                )));
            }
        }
        Ok(())
    }

    /// Whether a number that need not be whole stands at a key before anything is set. What
    /// cannot be read is refused with the settings.
    fn has_number_at(&self, registry: &Registry, key: &str) -> bool {
        let configs = self.configs(registry, &Values::new(), &[0]);
        let mut configs = configs.unwrap_or_default().into_iter();
        configs.any(|config| value_at(&config.table, key).is_some_and(toml::Value::is_float))
    }

    /// A setting's configuration with each of some seeds.
    fn configs(
        &self,
        registry: &Registry,
        values: &Values,
        seeds: &[u64],
    ) -> Result<Vec<RunConfig>, Failure> {
        let spec = &self.spec;
        let words = values.iter().map(|(key, value)| format!("{key}={value}"));
        let words: Vec<String> = spec.words.iter().cloned().chain(words).collect();
        let configs = Source::find(OsStr::new(&spec.preset)).and_then(|source| {
            let source = (&source.place[..], &source.text[..]);
            let config = |seed: &u64| {
                RunConfig::resolve_with(registry, source, &words, "in this sweep")
                    .map(|config| config.with_seed(*seed))
            };
            seeds.iter().map(config).collect()
        });
        configs.map_err(|failure: Failure| failure.within(&self.place))
    }

    /// The setting that some `key=value` make, one of each key of the sweep.
    ///
    /// # Errors
    /// Names the key that is missing, is none of the sweep's, or has a value that is none
    /// of its own.
    pub fn attempt(&self, registry: &Registry, words: &[String]) -> Result<Attempt, Failure> {
        self.attempt_with(registry, words, &self.spec.seeds)
    }

    /// The same with the seeds that a setting is confirmed by, once it was chosen.
    ///
    /// # Errors
    /// As [`Self::attempt`], and if the sweep has no such seeds.
    pub fn confirmation(&self, registry: &Registry, words: &[String]) -> Result<Attempt, Failure> {
        match &self.spec.confirm[..] {
            [] => Err(self.refuse(
                "confirm is missing: seeds that no setting was chosen by, as in confirm = [0, 1, 2]",
            )),
            seeds => self.attempt_with(registry, words, seeds),
        }
    }

    fn attempt_with(
        &self,
        registry: &Registry,
        words: &[String],
        seeds: &[u64],
    ) -> Result<Attempt, Failure> {
        self.check_kinds(registry)?;
        let given = Override::parse_all(words).map_err(Failure::usage)?;
        let axis = |key: &str| self.axes.iter().find(|(name, _)| name == key);
        if let Some(other) = given.iter().find(|one| axis(&one.key).is_none()) {
            let keys = self.axes.iter().map(|(key, _)| key.as_str());
            let help = suggestion(&other.key, keys);
            return Err(Failure::usage(format!(
                "{other}: no key of {}; {help}",
                self.place
            )));
        }
        let mut values = Values::new();
        for (key, axis) in &self.axes {
            let one = given.iter().find(|one| one.key == *key);
            let one = one.ok_or_else(|| {
                Failure::usage(format!(
                    "{key} is not set; give every key of {}",
                    self.place
                ))
            })?;
            let value = axis.admit(one);
            let value =
                value.map_err(|allowed| Failure::usage(format!("{one}; allowed: {allowed}")))?;
            values.insert(key.clone(), value);
        }
        let configs = self.configs(registry, &values, seeds)?;
        // Whatever is set otherwise is another setting, and lies elsewhere.
        let mut whole = String::new();
        for config in self.configs(registry, &values, &[0])? {
            whole = hash(&config.to_text()?);
        }
        whole.truncate(HASH_DIGITS);
        Ok(Attempt {
            name: PathBuf::from(format!("try-{whole}")),
            values,
            configs,
        })
    }

    /// The rungs that a setting is taken over, the last of which is the end of its
    /// training; without halving there is no other.
    pub fn rungs(&self, config: &RunConfig) -> Vec<Rung> {
        match &self.spec.halving {
            Some(halving) => halving.all(),
            None => Halving::to_the_end(config).all(),
        }
    }

    /// Refuses rungs that lie beyond the training of a setting.
    ///
    /// # Errors
    /// Names the rung and the setting.
    pub fn check_rungs(&self, session: &Session<'_>, attempt: &Attempt) -> Result<(), Failure> {
        let (Some(halving), Some(config)) = (&self.spec.halving, attempt.configs.first()) else {
            return Ok(());
        };
        let updates = halving.updates_beyond(session, config, &said(&attempt.values));
        updates
            .map(drop)
            .map_err(|failure| failure.within(&self.place))
    }

    /// How many rungs a setting is taken over.
    pub fn rung_count(&self) -> usize {
        let halving = self.spec.halving.as_ref();
        1 + halving.map_or(0, |halving| halving.rungs.len())
    }

    /// What a search is told of each key, in the words of Optuna: what its
    /// `json_to_distribution` takes, by dotted key.
    pub fn space(&self) -> serde_json::Value {
        let axes = self.axes.iter();
        axes.map(|(key, axis)| (key.clone(), axis.distribution()))
            .collect()
    }
}

impl Spec {
    /// Refuses seeds and rungs that make no sense.
    fn check(&self) -> Result<(), String> {
        for (name, seeds, least) in [("seeds", &self.seeds, 1), ("confirm", &self.confirm, 0)] {
            let mut distinct = seeds.clone();
            distinct.sort_unstable();
            distinct.dedup();
            if seeds.len() < least || distinct.len() < seeds.len() {
                let allowed = "allowed: different seeds, as in seeds = [101, 102, 103]";
                return Err(format!("{name} = {seeds:?}; {allowed}"));
            }
        }
        check_confirm(&self.confirm, &self.seeds)?;
        let named = self.words.iter().filter_map(|word| word.split('=').next());
        let mut named = named
            .map(str::trim)
            .chain(self.settings.keys().map(String::as_str));
        if named.any(|key| key == "seed") {
            return Err(
                "seed: seeds = [...] sets it; take it out of words and settings".to_owned(),
            );
        }
        // The best of settings that are measured in unlike ways is no best one.
        let alike = |key: &&String| {
            let parts: Vec<&str> = key.split('.').map(str::trim).collect();
            // The step sizes by which an agent adapts when it is measured are its own.
            let own = parts.ends_with(&["evaluation", "rates"]);
            parts[0] == "environment" || (parts.contains(&"evaluation") && !own)
        };
        if let Some(key) = self.settings.keys().find(alike) {
            return Err(format!(
                "settings.\"{key}\": all settings are compared in one environment and in one way; \
                 allowed: what changes the training. Set it for all in words, as in words = \
                 [\"{key}=...\"], and write a sweep for each value"
            ));
        }
        self.halving.as_ref().map_or(Ok(()), Halving::check)
    }
}

impl Plan {
    /// The plan of a sweep's file.
    ///
    /// # Errors
    /// Names the key, its value and what is allowed.
    pub fn of(registry: &Registry, place: &str, text: &str) -> Result<Self, Failure> {
        Sweep::read(place, text)?.plan(registry)
    }

    /// The file of the plan: its head, then a line of JSON for each run.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub fn to_text(&self) -> Result<String, Failure> {
        let mut lines = String::new();
        for line in &self.lines {
            lines += &serde_json::to_string(line).map_err(Failure::internal)?;
            lines.push('\n');
        }
        let head = self.head.clone();
        let blake3 = seal(&head, &lines).map_err(Failure::internal)?;
        let first = serde_json::to_string(&First { head, blake3 });
        Ok(format!("{}\n{lines}", first.map_err(Failure::internal)?))
    }

    /// The same plan, where it has no halving with the only rung that there is then: the
    /// end of the training, scored on as many tasks as its configuration says.
    ///
    /// # Errors
    /// If a run's configuration cannot be read.
    pub fn in_rungs(mut self, registry: &Registry) -> Result<Self, Failure> {
        if let (None, Some(line)) = (&self.head.halving, self.lines.first()) {
            let config = line.config(registry, line.seed)?;
            self.head.halving = Some(Halving::to_the_end(&config));
        }
        Ok(self)
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
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        let (first, rows) = text.split_once('\n').unwrap_or((text, ""));
        let of_first = |why: String| format!("line 1: {why}");
        let First { head, blake3 } =
            serde_json::from_str(first).map_err(|error| of_first(error.to_string()))?;
        if let Some(halving) = &head.halving {
            halving.check().map_err(of_first)?;
        }
        let mut lines: Vec<Line> = Vec::new();
        let mut settings = 0;
        for (number, row) in rows.lines().enumerate() {
            let number = number + 2;
            let line: Line =
                serde_json::from_str(row).map_err(|error| format!("line {number}: {error}"))?;
            if line.index != lines.len() || line.blake3 != hash(&line.config) {
                return Err(format!("line {number} was changed since it was written"));
            }
            if !line.values.keys().eq(head.keys.keys()) {
                return Err(format!("line {number} sets other keys than line 1 says"));
            }
            // Settings are numbered in their order, and the runs of each follow one another.
            if line.setting != settings && Some(line.setting) != settings.checked_sub(1) {
                let (setting, next) = (line.setting, settings);
                return Err(format!(
                    "line {number} is of setting {setting}, where {next} is the next one"
                ));
            }
            settings = settings.max(line.setting + 1);
            check_confirm(&head.confirm, &[line.seed]).map_err(of_first)?;
            lines.push(line);
        }
        if lines.len() != head.runs {
            return Err(format!("has {} of its {} runs", lines.len(), head.runs));
        }
        match seal(&head, rows).is_ok_and(|seal| seal == blake3) {
            true => Ok(Self { head, lines }),
            false => Err("was changed since it was written".to_owned()),
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
        said(&self.values)
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

/// Where the runs of a plan, or of a sweep's file, lie unless it is said: in a folder of
/// its name without the ending, or of its name and `-runs`.
pub fn beside(file: &Path) -> PathBuf {
    match file.with_extension("") {
        folder if folder == file => {
            let mut name = folder.into_os_string();
            name.push("-runs");
            PathBuf::from(name)
        }
        folder => folder,
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
            drop(open_or_busy(path)?);
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
/// As [`state`], and if its folder cannot be made. [`Failure::stopped`] if another process is
/// at it.
pub fn begin(session: &Session<'_>, path: &Path, config: &RunConfig) -> Result<bool, Failure> {
    let text = config.to_text()?;
    let mut found = state(path, &text)?;
    if found == State::Missing
        && let Err(failure) = create(session, path, config)
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
    open_or_busy(path).map(|_| true)
}

/// Makes the folder of a run.
fn create(session: &Session<'_>, path: &Path, config: &RunConfig) -> Result<(), Failure> {
    let claim = Claim::take(path, Existing::Refuse).map_err(busy)?;
    launch::begin(session, claim, config)
}

/// What a setting sets: "rl2.lanes=256 rl2.trunk.hidden=32".
pub fn said(values: &Values) -> String {
    let pairs = values.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// What stands at a dotted key.
fn value_at<'a>(table: &'a Table, key: &str) -> Option<&'a toml::Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// Refuses seeds to confirm a setting by that it was chosen by.
fn check_confirm(confirm: &[u64], seeds: &[u64]) -> Result<(), String> {
    match confirm.iter().find(|seed| seeds.contains(seed)) {
        None => Ok(()),
        Some(seed) => Err(format!(
            "confirm = {confirm:?}: {seed} is among the seeds that the setting is chosen by; a \
             result that was chosen is no result, so take others"
        )),
    }
}

/// By which it is found that a plan's file was changed.
fn seal(head: &Head, lines: &str) -> Result<String, serde_json::Error> {
    Ok(hash(&format!("{}\n{lines}", serde_json::to_string(head)?)))
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_string()
}

/// What a setting sets, by dotted key, as TOML has it.
pub type Values = BTreeMap<String, String>;

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
