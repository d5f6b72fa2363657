//! Which runs belong together: the seeds of one setting.

use std::path::{Path, PathBuf};

use crate::read::{Comparison, Run, file_name};
use crate::text::{count, display_name, listed, plain, slug};

/// The runs of one setting: algorithm, environment and its settings, trained
/// under one folder, so with one configuration but for the seed.
pub(crate) struct Setting<'a> {
    /// One per seed.
    pub(crate) runs: Vec<&'a Run>,
    /// The folder that holds them, by name.
    pub(crate) folder: String,
    /// What the reader should know before the numbers.
    pub(crate) notes: Vec<String>,
    /// What tells it from others of the same algorithm and environment, if there
    /// are any: as much of the path of its folder as differs from theirs.
    pub(crate) name: Option<String>,
}

/// Sorts runs into settings, in the order in which they come.
pub(crate) fn group(runs: &[Run]) -> Vec<Setting<'_>> {
    let mut keys: Vec<(PathBuf, Option<String>)> = Vec::new();
    let mut settings: Vec<Setting<'_>> = Vec::new();
    for run in runs {
        let key = (parent(run), run.comparison.as_ref().map(identity));
        // A run that is still training has no comparison; it is another seed of
        // its neighbours.
        let same = |(folder, what): &(PathBuf, Option<String>)| {
            *folder == key.0 && (*what == key.1 || what.is_none() || key.1.is_none())
        };
        match keys.iter().position(same) {
            Some(index) => {
                keys[index].1 = keys[index].1.take().or(key.1);
                settings[index].runs.push(run);
            }
            None => {
                let folder = file_name(&key.0);
                keys.push(key);
                settings.push(Setting {
                    runs: vec![run],
                    folder,
                    notes: Vec::new(),
                    name: None,
                });
            }
        }
    }
    settings.iter_mut().for_each(Setting::take_note);
    let names: Vec<Option<String>> = settings.iter().map(|s| s.name_among(&settings)).collect();
    for (setting, name) in settings.iter_mut().zip(names) {
        setting.name = name;
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

impl Setting<'_> {
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

    /// What tells this setting from those that are of the same subject.
    fn name_among(&self, all: &[Self]) -> Option<String> {
        let alike = all.iter().filter(|other| other.subject() == self.subject());
        let runs: Vec<&Run> = alike
            .filter_map(|other| other.runs.first().copied())
            .collect();
        let own = self.runs.first().filter(|_| runs.len() > 1)?;
        let folders = |count: usize, path: fn(&Run) -> PathBuf| {
            let own = end_of(&path(own), count);
            let same = runs.iter().filter(|run| end_of(&path(run), count) == own);
            (same.count() == 1).then(|| own.display().to_string())
        };
        // Settings in one folder go by the name of their first run.
        let depth = whole(own).iter().count();
        let names = (1..=depth).find_map(|count| folders(count, parent));
        names.or_else(|| (1..=depth).find_map(|count| folders(count, whole)))
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
        let mut repeated = Vec::new();
        self.runs.retain(|run| match run.seed() {
            Some(seed) if seeds.contains(&seed) => {
                repeated.push(file_name(&run.path));
                false
            }
            Some(seed) => {
                seeds.push(seed);
                true
            }
            None => true,
        });
        if !repeated.is_empty() {
            self.notes.push(format!(
                "Left out, because its seed is here already: {}. The same seed twice is not two \
                 independent measurements.",
                listed(&repeated)
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
