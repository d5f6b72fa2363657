//! What the settings of a sweep come to.

use crate::console::{Console, Event, Table, fixed};
use crate::tables::files::write_all;
use lab::failure::Failure;
use lab::runner::Finished;
use lab::sweep::{Ladder, Line, Plan};
use report::{Estimate, SweepFigure, SweepKey, csv_file, draw_sweep, markdown_cell};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Settings shown on the terminal.
const SHOWN: usize = 20;
/// Of `sweep.csv`.
const COLUMNS: [&str; 8] = [
    "setting",
    "values",
    "seed",
    "mean_return",
    "standard_error",
    "env_steps",
    "rung",
    "updates",
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
    reached: Reached,
}

/// The last rung that a setting reached, with the updates done there, and why it came no
/// further if it failed.
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
                    reached: Reached {
                        rung: rung.index,
                        updates: updates.unwrap_or_default(),
                        failure,
                    },
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
        let mut table = Table::new(&["setting", "mean return", "± s.e.", "seeds", "updates"]);
        for setting in self.settings.iter().take(SHOWN) {
            table.row(vec![
                setting.runs[0].line.said(),
                fixed(setting.mean.mean, 4),
                fixed(setting.mean.standard_error, 4),
                setting.runs.len().to_string(),
                setting.reached.said(),
            ]);
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
            let row = json!({
                "setting": setting.runs[0].line.setting,
                "values": setting.runs[0].line.values,
                "seeds": setting.runs.len(),
                "mean_return": setting.mean.mean,
                "standard_error": setting.mean.standard_error,
                "rung": setting.reached.rung,
                "updates": setting.reached.updates,
                "failure": setting.reached.failure,
            });
            console.emit(Event::Setting, &row)?;
        }
        Ok(())
    }

    /// Where scores are from.
    fn measured(&self) -> &'static str {
        match self.settings.iter().any(|setting| setting.reached.rung > 0) {
            true => "on tuning tasks at the last rung that each reached",
            false => "on tuning tasks",
        }
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
        let row = |(run, reached): (&Earned<'_>, &Reached)| {
            [
                run.line.setting.to_string(),
                run.line.said(),
                run.line.seed.to_string(),
                run.estimate.mean.to_string(),
                run.estimate.standard_error.to_string(),
                run.env_steps.to_string(),
                reached.rung.to_string(),
                reached.updates.to_string(),
            ]
        };
        csv_file(COLUMNS, runs.map(row))
    }

    fn markdown(&self) -> String {
        let mut text = format!("{}\n\n|", self.caption());
        for key in self.keys() {
            text += &format!(" {} |", markdown_cell(key));
        }
        let columns = self.plan.head.keys.len();
        text += &format!(
            " mean return | updates |\n|{}--:|--:|\n",
            "---|".repeat(columns)
        );
        for setting in &self.settings {
            text += "|";
            for key in self.keys() {
                text += &format!(" {} |", markdown_cell(&setting.runs[0].line.values[key]));
            }
            let [mean, error] =
                [setting.mean.mean, setting.mean.standard_error].map(|it| fixed(it, 4));
            let updates = markdown_cell(&setting.reached.said());
            text += &format!(" {mean} ± {error} | {updates} |\n");
        }
        text
    }

    fn caption(&self) -> String {
        let seeds = self
            .settings
            .first()
            .map_or(0, |setting| setting.runs.len());
        format!(
            "{}: {} of {} settings, {seeds} seeds each, {}; ± is one standard error over \
             seeds, never less than over their tasks. The best of many is best by luck too: what it \
             is worth is what it earns on other seeds.",
            self.plan.head.preset,
            self.settings.len(),
            self.plan.settings().len(),
            self.measured()
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
            subtitle: format!(
                "Mean return {}, with 95 % intervals; blue: the best setting.",
                self.measured()
            ),
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
