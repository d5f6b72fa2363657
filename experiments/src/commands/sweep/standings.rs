//! What the settings of a sweep come to.

use crate::console::{Console, Event, Table, fixed};
use crate::tables::files::write_all;
use lab::failure::Failure;
use lab::runner::{self, Finished};
use lab::sweep::{Line, Plan, State, state};
use report::{Estimate, SweepFigure, SweepKey, csv_file, draw_sweep, markdown_cell};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Settings shown on the terminal.
const SHOWN: usize = 20;

/// What the agent of a run earns on its fresh tasks.
pub(super) fn estimate(run: &Finished) -> Estimate {
    let trained = run.comparison.trained();
    let tasks = run.comparison.tasks as u64;
    let earned = trained.map_or((f64::NAN, f64::NAN), |it| {
        (it.mean_return, it.standard_error)
    });
    Estimate::sampled(earned.0, earned.1, tasks)
}

/// A setting all of whose runs are finished.
struct Setting<'a> {
    /// Of each run. `[seeds]`
    runs: Vec<(&'a Line, Finished)>,
    mean: Estimate,
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
                    runs.push((*line, runner::finished(&path)?));
                }
            }
            let found: Vec<Estimate> = runs.iter().map(|(_, run)| estimate(run)).collect();
            if let Some(mean) = Estimate::over_seeds(&found).filter(|_| runs.len() == lines.len()) {
                settings.push(Setting { runs, mean });
            }
        }
        let rank = |setting: &Setting<'_>| match setting.mean.mean {
            mean if mean.is_nan() => f64::NEG_INFINITY,
            mean => mean,
        };
        settings.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
        Ok(Self { plan, settings })
    }

    /// A run of the best setting.
    pub(super) fn best(&self) -> Option<&'a Line> {
        let best = self.settings.first()?;
        best.runs.first().map(|(line, _)| *line)
    }

    /// Shows the best settings on the terminal, and all of them as JSON.
    pub(super) fn print(&self, console: &Console) -> Result<(), Failure> {
        let mut table = Table::new(&["setting", "mean return", "± s.e.", "seeds"]);
        for setting in self.settings.iter().take(SHOWN) {
            table.row(vec![
                setting.runs[0].0.said(),
                fixed(setting.mean.mean, 4),
                fixed(setting.mean.standard_error, 4),
                setting.runs.len().to_string(),
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
                "setting": setting.runs[0].0.setting,
                "values": setting.runs[0].0.values,
                "seeds": setting.runs.len(),
                "mean_return": setting.mean.mean,
                "standard_error": setting.mean.standard_error,
            });
            console.emit(Event::Setting, &row)?;
        }
        Ok(())
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
        let header = [
            "setting",
            "values",
            "seed",
            "mean_return",
            "standard_error",
            "env_steps",
        ];
        let runs = self.settings.iter().flat_map(|setting| &setting.runs);
        let lines = runs.map(|(line, run)| {
            let earned = estimate(run);
            [
                line.setting.to_string(),
                line.said(),
                line.seed.to_string(),
                earned.mean.to_string(),
                earned.standard_error.to_string(),
                run.comparison.env_steps.to_string(),
            ]
        });
        csv_file(header, lines)
    }

    fn markdown(&self) -> String {
        let mut text = format!("{}\n\n|", self.caption());
        for key in self.keys() {
            text += &format!(" {} |", markdown_cell(key));
        }
        let columns = self.plan.head.keys.len();
        text += &format!(" mean return |\n|{}--:|\n", "---|".repeat(columns));
        for setting in &self.settings {
            text += "|";
            for key in self.keys() {
                text += &format!(" {} |", markdown_cell(&setting.runs[0].0.values[key]));
            }
            let [mean, error] =
                [setting.mean.mean, setting.mean.standard_error].map(|it| fixed(it, 4));
            text += &format!(" {mean} ± {error} |\n");
        }
        text
    }

    fn caption(&self) -> String {
        let seeds = self
            .settings
            .first()
            .map_or(0, |setting| setting.runs.len());
        format!(
            "{}: {} of {} settings, {seeds} seeds each, on fresh tasks; ± is one standard error over \
             seeds, never less than over their tasks. The best of many is best by luck too: what it \
             is worth is what it earns on other seeds.",
            self.plan.head.preset,
            self.settings.len(),
            self.plan.settings().len()
        )
    }

    fn figure(&self) -> SweepFigure {
        let keys = self
            .plan
            .head
            .keys
            .iter()
            .map(|(name, logarithmic)| SweepKey {
                name: name.clone(),
                values: (self.settings.iter())
                    .map(|setting| setting.runs[0].0.values[name].clone())
                    .collect(),
                logarithmic: *logarithmic,
            });
        SweepFigure {
            title: format!("What settings of {} come to", self.plan.head.preset),
            subtitle: "Mean return on fresh tasks with 95 % intervals; blue: the best setting."
                .to_owned(),
            value: "Mean return".to_owned(),
            keys: keys.collect(),
            settings: self.settings.iter().map(|setting| setting.mean).collect(),
            best: (!self.settings.is_empty()).then_some(0),
        }
    }
}
