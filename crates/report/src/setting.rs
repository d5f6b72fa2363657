//! Which runs belong together: the seeds of one setting.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use record::schema::Comparison;

use crate::Seeds;
use crate::read::{Run, file_name};
use crate::text::{count, display_name, listed, plain, slug};

/// The runs of one setting: one configuration but for the seed.
#[derive(Clone, Debug)]
pub(crate) struct Setting<'a> {
    /// One per seed.
    pub(crate) runs: Vec<&'a Run>,
    /// The folder that holds the first of them, by name.
    pub(crate) folder: String,
    /// What the reader should know before the numbers.
    pub(crate) notes: Vec<String>,
    /// Folders of runs that were left out, because another has their seed.
    pub(crate) repeated: Vec<String>,
    /// What tells it from others of the same algorithm and environment, if there
    /// are any: as much of the path of its folder as differs from theirs.
    pub(crate) name: Option<String>,
}

/// Sorts runs into settings, in the order in which they come.
pub(crate) fn group(runs: &[Run]) -> Vec<Setting<'_>> {
    sorted(runs, |one, other| parent(one) == parent(other))
}

/// The same, where seeds of a setting may lie in several folders.
pub(crate) fn group_anywhere(runs: &[Run]) -> Vec<Setting<'_>> {
    sorted(runs, |_, _| true)
}

fn sorted(runs: &[Run], near: impl Fn(&Run, &Run) -> bool) -> Vec<Setting<'_>> {
    let mut settings: Vec<Setting<'_>> = Vec::new();
    for run in runs {
        let own = |setting: &&mut Setting<'_>| setting.holds(run, &near);
        match settings.iter_mut().find(own) {
            Some(setting) => setting.runs.push(run),
            None => {
                let folder = file_name(&parent(run));
                settings.push(Setting {
                    runs: vec![run],
                    folder,
                    notes: Vec::new(),
                    repeated: Vec::new(),
                    name: None,
                });
            }
        }
    }
    settings.iter_mut().for_each(Setting::take_note);
    let told = |setting: &Setting<'_>| (setting.name_among(&settings), setting.note_of(&settings));
    let told: Vec<_> = settings.iter().map(told).collect();
    for (setting, (name, note)) in settings.iter_mut().zip(told) {
        setting.name = name;
        setting.notes.extend(note);
    }
    settings
}

fn whole(run: &Run) -> PathBuf {
    std::fs::canonicalize(&run.path).unwrap_or_else(|_| run.path.clone())
}

fn parent(run: &Run) -> PathBuf {
    let path = whole(run);
    path.parent().map(PathBuf::from).unwrap_or(path)
}

/// The last `count` parts of a path.
fn end_of(path: &Path, count: usize) -> PathBuf {
    let parts: Vec<_> = path.iter().collect();
    parts[parts.len().saturating_sub(count)..].iter().collect()
}

/// What makes two comparisons comparable.
fn identity(comparison: &Comparison) -> String {
    format!(
        "{} {} {}",
        comparison.algorithm,
        comparison.environment,
        serde_json::Value::Object(comparison.settings.clone())
    )
}

/// What a run was set to where not all of some runs agree: "rl2.updates = 40".
fn own_settings(run: &Run, among: &[&Run]) -> String {
    let keys: BTreeSet<&String> = among.iter().flat_map(|run| run.settings.keys()).collect();
    let differs = |key: &&&String| {
        let value = |run: &Run| run.settings.get(**key).cloned();
        among.iter().any(|other| value(other) != value(run))
    };
    let pair = |key: &String| match run.settings.get(key) {
        Some(value) => format!("{key} = {value}"),
        None => format!("no {key}"),
    };
    let pairs: Vec<String> = keys.iter().filter(differs).map(|key| pair(key)).collect();
    pairs.join(", ")
}

impl Setting<'_> {
    /// Whether a run is another seed of this setting. One that is still training
    /// has no comparison, and its configuration has to do.
    fn holds(&self, run: &Run, near: impl Fn(&Run, &Run) -> bool) -> bool {
        let alike = |other: &&Run| {
            let compared = other.comparison.as_ref().zip(run.comparison.as_ref());
            near(other, run)
                && other.settings == run.settings
                && compared.is_none_or(|(one, other)| identity(one) == identity(other))
        };
        self.runs.iter().all(alike)
    }

    /// The comparisons of the runs that are done.
    pub(crate) fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        self.runs.iter().filter_map(|run| run.comparison.as_ref())
    }

    /// How the trained agent is called: "RL²", or "The agent" where no run says.
    pub(crate) fn agent(&self) -> String {
        match self.comparisons().next() {
            Some(comparison) => display_name(&comparison.algorithm),
            None => "The agent".to_string(),
        }
    }

    /// A heading: "RL² on Bernoulli bandit", with its own name behind it where
    /// there are several of these.
    pub(crate) fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{}: {name}", self.subject()),
            None => self.subject(),
        }
    }

    /// What its agents are called beside those of other settings of the environment.
    pub(crate) fn method(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.agent())
    }

    /// What tells this setting from those that are of the same subject.
    fn name_among(&self, all: &[Self]) -> Option<String> {
        let runs = self.alike(all);
        let own = self.runs.first().filter(|_| runs.len() > 1)?;
        let folders = |count: usize, path: fn(&Run) -> PathBuf| {
            let own = end_of(&path(own), count);
            let same = runs.iter().filter(|run| end_of(&path(run), count) == own);
            (same.count() == 1).then(|| own.display().to_string())
        };
        // Settings in one folder go by what they were set to, or else by the
        // name of their first run.
        let depth = whole(own).iter().count();
        let names = (1..=depth).find_map(|count| folders(count, parent));
        names
            .or_else(|| Some(own_settings(own, &runs)).filter(|own| !own.is_empty()))
            .or_else(|| (1..=depth).find_map(|count| folders(count, whole)))
    }

    /// Its runs, and what they were set to where others of the same subject
    /// differ.
    pub(crate) fn seeds_among(&self, all: &[Self]) -> Seeds {
        let first = self.runs.first();
        Seeds {
            runs: self.runs.iter().map(|run| run.path.clone()).collect(),
            differs: first.map_or(String::new(), |own| own_settings(own, &self.alike(all))),
        }
    }

    fn note_of(&self, all: &[Self]) -> Option<String> {
        let Seeds { differs, .. } = self.seeds_among(all);
        (!differs.is_empty())
            .then(|| format!("Apart from the others, whose configuration is not: {differs}."))
    }

    /// The first run of each setting of the same subject, its own among them.
    fn alike<'a>(&self, all: &'a [Self]) -> Vec<&'a Run> {
        let alike = all.iter().filter(|other| other.subject() == self.subject());
        alike
            .filter_map(|other| other.runs.first().copied())
            .collect()
    }

    fn subject(&self) -> String {
        match self.comparisons().next() {
            Some(comparison) => {
                format!(
                    "{} on {}",
                    self.agent(),
                    display_name(&comparison.environment)
                )
            }
            None => format!("{} in {}", self.agent(), self.folder),
        }
    }

    /// What the environment was set to: "arms 5, pulls 10".
    pub(crate) fn settings(&self) -> String {
        let pairs: Vec<String> = match self.comparisons().next() {
            Some(comparison) => comparison
                .settings
                .iter()
                .map(|(key, value)| format!("{} {}", key.replace('_', " "), plain(value)))
                .collect(),
            None => Vec::new(),
        };
        pairs.join(", ")
    }

    /// "5 seeds".
    pub(crate) fn seeds(&self) -> String {
        count(self.runs.len(), "seed")
    }

    /// The line under a figure's title.
    pub(crate) fn subtitle(&self) -> String {
        self.subtitle_of(self.seeds())
    }

    /// The same under a figure of one run.
    pub(crate) fn subtitle_of_run(&self, run: &Run) -> String {
        self.subtitle_of(Self::run_name(run))
    }

    fn subtitle_of(&self, runs: String) -> String {
        let environment = self
            .comparisons()
            .next()
            .map(|comparison| display_name(&comparison.environment));
        let parts = [environment, Some(self.settings()), Some(runs)];
        let parts: Vec<String> = parts
            .into_iter()
            .flatten()
            .filter(|s| !s.is_empty())
            .collect();
        parts.join(" · ")
    }

    /// A name for files and anchors.
    pub(crate) fn slug(&self) -> String {
        slug(&format!(
            "{} {}",
            self.subject().replace('²', "2"),
            self.settings()
        ))
    }

    /// How a run is called beside its neighbours: "seed 3", or its folder.
    pub(crate) fn run_name(run: &Run) -> String {
        match run.seed() {
            Some(seed) => format!("seed {seed}"),
            None => file_name(&run.path),
        }
    }

    /// Drops repeated seeds, and notes what is missing.
    fn take_note(&mut self) {
        let mut seeds = Vec::new();
        let repeated = &mut self.repeated;
        self.runs.retain(|run| match run.seed() {
            Some(seed) if seeds.contains(&seed) => {
                repeated.push(run.path.display().to_string());
                false
            }
            Some(seed) => {
                seeds.push(seed);
                true
            }
            None => true,
        });
        if !self.repeated.is_empty() {
            let names = self.repeated.iter().map(|path| file_name(Path::new(path)));
            self.notes.push(format!(
                "Left out, because its seed is here already: {}. The same seed twice is not two \
                 independent measurements.",
                listed(&names.collect::<Vec<_>>())
            ));
        }
        let named = |pick: &dyn Fn(&Run) -> bool| -> Vec<String> {
            let runs = self.runs.iter().filter(|run| pick(run));
            runs.map(|run| Self::run_name(run)).collect()
        };
        let unevaluated = named(&|run| run.evaluations.is_empty() && run.comparison.is_none());
        let unfinished = named(&|run| !run.evaluations.is_empty() && run.comparison.is_none());
        if !unevaluated.is_empty() {
            self.notes
                .push(format!("Not evaluated yet: {}.", listed(&unevaluated)));
        }
        if !unfinished.is_empty() {
            self.notes.push(format!(
                "Not compared with other learners yet, which happens when training ends: {}.",
                listed(&unfinished)
            ));
        }
    }
}
