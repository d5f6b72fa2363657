//! What the settings of a sweep come to.

use crate::console::{Console, Event, Table, fixed};
use crate::tables::files::write_all;
use lab::failure::Failure;
use lab::runner::{self, Finished};
use lab::sweep::{Ladder, Line, Plan, State, state};
use report::{Estimate, SweepFigure, SweepKey, csv_file, draw_sweep, markdown_cell};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Settings shown on the terminal.
const SHOWN: usize = 20;
/// Of `sweep.csv`, before those that rungs add.
const COLUMNS: [&str; 6] = [
    "setting",
    "values",
    "seed",
    "mean_return",
    "standard_error",
    "env_steps",
];

/// What the agent of a run earns on its fresh tasks.
pub(super) fn estimate(run: &Finished) -> Estimate {
    let trained = run.comparison.trained();
    let tasks = run.comparison.tasks as u64;
    let earned = trained.map_or((f64::NAN, f64::NAN), |it| {
        (it.mean_return, it.standard_error)
    });
    Estimate::sampled(earned.0, earned.1, tasks)
}

/// What one run comes to.
struct Earned<'a> {
    line: &'a Line,
    estimate: Estimate,
    env_steps: u64,
}

/// A setting all of whose runs are as far as they go.
struct Setting<'a> {
    /// Of each run. `[seeds]`
    runs: Vec<Earned<'a>>,
    mean: Estimate,
    /// The last rung that it reached, with the updates done there, and why it came no
    /// further if it failed.
    reached: Option<Reached>,
}

struct Reached {
    rung: usize,
    updates: u64,
    failure: Option<String>,
}

/// All settings, the best one first.
pub(super) struct Standings<'a> {
    plan: &'a Plan,
    settings: Vec<Setting<'a>>,
}

impl<'a> Standings<'a> {
    /// Reads the finished runs of a sweep.
    ///
    /// # Errors
    /// If the files of one cannot be read.
    pub(super) fn read(plan: &'a Plan, folder: &Path) -> Result<Self, Failure> {
        let mut settings = Vec::new();
        for lines in plan.settings() {
            let mut runs = Vec::new();
            for line in &lines {
                let path = folder.join(line.place());
                if state(&path, &line.config)? == State::Finished {
                    let run = runner::finished(&path)?;
                    runs.push(Earned {
                        line,
                        estimate: estimate(&run),
                        env_steps: run.comparison.env_steps,
                    });
                }
            }
            let found: Vec<Estimate> = runs.iter().map(|run| run.estimate).collect();
            if let Some(mean) = Estimate::over_seeds(&found).filter(|_| runs.len() == lines.len()) {
                settings.push(Setting {
                    runs,
                    mean,
                    reached: None,
                });
            }
        }
        let rank = |setting: &Setting<'_>| match setting.mean.mean {
            mean if mean.is_nan() => f64::NEG_INFINITY,
            mean => mean,
        };
        settings.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
        Ok(Self { plan, settings })
    }

    /// Reads what settings came to at the last rung that each reached: those of the last
    /// one first.
    ///
    /// # Errors
    /// If a rung is not over, or its files cannot be read.
    pub(super) fn of_rungs(plan: &'a Plan, ladder: &Ladder<'a>) -> Result<Self, Failure> {
        let mut settings: Vec<Setting<'a>> = Vec::new();
        for rung in ladder.rungs().iter().rev() {
            let lines = ladder.lines(rung.index)?;
            for standing in ladder.standings(rung.index)? {
                let further = settings
                    .iter()
                    .any(|one| one.runs[0].line.setting == standing.setting);
                if further {
                    continue;
                }
                let failure = standing.failure().map(str::to_owned);
                let updates = standing.scores.iter().map(|score| score.update).max();
                let lines = lines.iter().copied();
                let lines = lines.filter(|line| line.setting == standing.setting);
                let runs = lines.zip(&standing.scores).map(|(line, score)| Earned {
                    line,
                    estimate: score.estimate(),
                    env_steps: score.env_steps,
                });
                settings.push(Setting {
                    runs: runs.collect(),
                    mean: standing.mean,
                    reached: Some(Reached {
                        rung: rung.index,
                        updates: updates.unwrap_or_default(),
                        failure,
                    }),
                });
            }
        }
        Ok(Self { plan, settings })
    }

    /// A run of the best setting.
    pub(super) fn best(&self) -> Option<&'a Line> {
        let best = self.settings.first()?;
        best.runs.first().map(|run| run.line)
    }

    /// Shows the best settings on the terminal, and all of them as JSON.
    pub(super) fn print(&self, console: &Console) -> Result<(), Failure> {
        let mut head = vec!["setting", "mean return", "± s.e.", "seeds"];
        head.extend(self.has_rungs().then_some("updates"));
        let mut table = Table::new(&head);
        for setting in self.settings.iter().take(SHOWN) {
            let mut row = vec![
                setting.runs[0].line.said(),
                fixed(setting.mean.mean, 4),
                fixed(setting.mean.standard_error, 4),
                setting.runs.len().to_string(),
            ];
            row.extend(setting.reached.as_ref().map(Reached::said));
            table.row(row);
        }
        for line in table.lines(console) {
            console.say(line)?;
        }
        if let Some(more) = self
            .settings
            .len()
            .checked_sub(SHOWN)
            .filter(|more| *more > 0)
        {
            console.say(format!("and {more} more"))?;
        }
        for setting in &self.settings {
            let mut row = json!({
                "setting": setting.runs[0].line.setting,
                "values": setting.runs[0].line.values,
                "seeds": setting.runs.len(),
                "mean_return": setting.mean.mean,
                "standard_error": setting.mean.standard_error,
            });
            if let Some(reached) = &setting.reached {
                row["rung"] = json!(reached.rung);
                row["updates"] = json!(reached.updates);
                row["failure"] = json!(reached.failure);
            }
            console.emit(Event::Setting, &row)?;
        }
        Ok(())
    }

    /// Whether settings were told apart on the way.
    fn has_rungs(&self) -> bool {
        self.plan.head.halving.is_some()
    }

    /// Writes `sweep.csv`, `sweep.md`, `sweep.svg` and `sweep.png`.
    ///
    /// # Errors
    /// If the folder is not writable.
    pub(super) fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
        let figure = draw_sweep(&self.figure()).map_err(Failure::internal)?;
        write_all(
            folder,
            [
                ("sweep.csv", self.csv()),
                ("sweep.md", self.markdown().into_bytes()),
                ("sweep.svg", figure.svg.into_bytes()),
                ("sweep.png", figure.png),
            ],
        )
    }

    fn keys(&self) -> impl Iterator<Item = &'a String> + Clone {
        self.plan.head.keys.keys()
    }

    /// One line for every run.
    fn csv(&self) -> Vec<u8> {
        let settings = self.settings.iter();
        let runs = settings.flat_map(|it| it.runs.iter().map(move |run| (run, &it.reached)));
        let plain = |run: &Earned<'_>| {
            [
                run.line.setting.to_string(),
                run.line.said(),
                run.line.seed.to_string(),
                run.estimate.mean.to_string(),
                run.estimate.standard_error.to_string(),
                run.env_steps.to_string(),
            ]
        };
        let [setting, values, seed, mean, error, steps] = COLUMNS;
        match self.has_rungs() {
            false => csv_file(COLUMNS, runs.map(|(run, _)| plain(run))),
            true => {
                let columns = [setting, values, seed, mean, error, steps, "rung", "updates"];
                let rows = runs.map(|(run, reached)| {
                    let [setting, values, seed, mean, error, steps] = plain(run);
                    let reached = reached.as_ref().map(|it| (it.rung, it.updates));
                    let (rung, updates) = reached.unwrap_or_default();
                    let [rung, updates] = [rung.to_string(), updates.to_string()];
                    [setting, values, seed, mean, error, steps, rung, updates]
                });
                csv_file(columns, rows)
            }
        }
    }

    fn markdown(&self) -> String {
        let mut text = format!("{}\n\n|", self.caption());
        for key in self.keys() {
            text += &format!(" {} |", markdown_cell(key));
        }
        let columns = self.plan.head.keys.len();
        let (updates, rule) = match self.has_rungs() {
            true => (" updates |", "--:|"),
            false => ("", ""),
        };
        text += &format!(
            " mean return |{updates}\n|{}--:|{rule}\n",
            "---|".repeat(columns)
        );
        for setting in &self.settings {
            text += "|";
            for key in self.keys() {
                text += &format!(" {} |", markdown_cell(&setting.runs[0].line.values[key]));
            }
            let [mean, error] =
                [setting.mean.mean, setting.mean.standard_error].map(|it| fixed(it, 4));
            text += &format!(" {mean} ± {error} |");
            if let Some(reached) = &setting.reached {
                text += &format!(" {} |", markdown_cell(&reached.said()));
            }
            text += "\n";
        }
        text
    }

    fn caption(&self) -> String {
        let seeds = self
            .settings
            .first()
            .map_or(0, |setting| setting.runs.len());
        let measured = match self.has_rungs() {
            true => "on tuning tasks at the last rung that each reached",
            false => "on fresh tasks",
        };
        format!(
            "{}: {} of {} settings, {seeds} seeds each, {measured}; ± is one standard error over \
             seeds, never less than over their tasks. The best of many is best by luck too: what it \
             is worth is what it earns on other seeds.",
            self.plan.head.preset,
            self.settings.len(),
            self.plan.settings().len()
        )
    }

    fn figure(&self) -> SweepFigure {
        // One that diverged comes to no number.
        let drawn = self.settings.iter().filter(|it| it.mean.mean.is_finite());
        let drawn: Vec<&Setting<'_>> = drawn.collect();
        let keys = self
            .plan
            .head
            .keys
            .iter()
            .map(|(name, logarithmic)| SweepKey {
                name: name.clone(),
                values: (drawn.iter())
                    .map(|setting| setting.runs[0].line.values[name].clone())
                    .collect(),
                logarithmic: *logarithmic,
            });
        SweepFigure {
            title: format!("What settings of {} come to", self.plan.head.preset),
            subtitle: match self.has_rungs() {
                true => {
                    "Mean return on tuning tasks at the last rung that each reached, with 95 % \
                     intervals; blue: the best setting."
                }
                false => "Mean return on fresh tasks with 95 % intervals; blue: the best setting.",
            }
            .to_owned(),
            value: "Mean return".to_owned(),
            keys: keys.collect(),
            settings: drawn.iter().map(|setting| setting.mean).collect(),
            best: (!drawn.is_empty()).then_some(0),
        }
    }
}

impl Reached {
    /// "75", or why there are no more.
    fn said(&self) -> String {
        match self.failure {
            Some(_) => format!("{} (diverged)", self.updates),
            None => self.updates.to_string(),
        }
    }
}
