//! Run directories in; figures, tables and one self-contained HTML page out.
//!
//! This crate reads files, never live objects; pictures of tasks are data to it.
//! It must not know of environments, algorithms or networks, it never prints, and it looks at
//! neither the clock nor the environment variables: the same files in give the
//! same bytes out.
//!
//! ```no_run
//! # fn main() -> Result<(), report::ReportError> {
//! let runs = report::load(&["runs/quickstart".into()], &mut |_| ())?;
//! let written = report::write(&runs, "runs/quickstart".as_ref(), &mut |_| ())?;
//! # let _ = written.html; Ok(())
//! # }
//! ```
//!
//! # What is shown
//! For each setting (algorithm, environment and its settings) with its seeds:
//! the learning curve, the cumulative regret over a trial beside that of other
//! learners, training metrics, and a ranked table. Shares are of the gap between
//! random and the exact Bayes-optimal return, or the known-task optimum where
//! that is not known. Over several seeds, intervals are Student's t intervals of
//! the mean over seeds, or those over their tasks where these are wider; for a
//! single seed they are of its evaluation over tasks, and everything that shows
//! them says so. Runs whose configurations differ are never averaged.

mod canvas;
mod curve;
mod dark;
mod differences;
mod figures;
mod font;
mod gap;
mod layout;
mod markup;
mod measure;
mod methods;
mod metrics;
mod numbers;
mod page;
mod picture;
mod read;
mod references;
mod render;
mod scores;
mod section;
mod setting;
mod standing;
mod statistics;
mod stats;
mod table;
mod tensorboard;
mod text;
mod transfer;
mod words;

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use record::{RecordError, write_atomically};

use crate::figures::Figure;
use crate::page::{Drawn, Section};
use crate::standing::Standings;
use crate::statistics::Told;
use crate::table::{CSV_HEADER, Table};

pub use figures::{ArrivalCurves, ArrivalLine, draw_arrivals};
pub use figures::{Scaling, ScalingAxis, ScalingChart, ScalingLine, draw_scaling};
pub use figures::{SweepFigure, SweepKey, draw_sweep};
pub use gap::Gap;
pub use markup::{csv_file, html_page, markdown_cell};
pub use methods::{Compared, Method, MethodScores, Pair, ScoreOf, compare};
pub use picture::{DrawnPicture, draw_picture};
pub use read::{Run, load};
pub use scores::{Aggregate, Interval, Scores};
pub use stats::Estimate;
pub use tensorboard::{Events, tensorboard};
pub use text::fixed;
pub use transfer::{Arrival, Arrivals, Reduction, median};
pub use words::share_decimals;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, ReportError>;

/// Pixels of a PNG per pixel of its figure.
const PNG_SCALE: u32 = 2;

/// What went wrong with a report, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no run at or below a path.
    #[error(
        "no run found in {}; give a run directory (one with config.toml in it) or a folder of them",
        path.display()
    )]
    NoRuns {
        /// Where runs were looked for.
        path: PathBuf,
    },
    /// [`write()`] was given no runs.
    #[error("there are no runs to report on; give at least one run directory")]
    Empty,
    /// Methods that cannot be set against each other.
    #[error("cannot compare: {why}")]
    NotComparable {
        /// What does not fit, and what would.
        why: String,
    },
    /// A run directory is damaged, or cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A file contradicts itself.
    #[error("{} contradicts itself: {why}; delete it and run the evaluation again", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The operating system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A figure cannot be drawn or encoded.
    #[error("cannot draw a figure: {0}")]
    Draw(String),
}

/// What the page of a report is called.
pub const PAGE: &str = "report.html";

/// The files of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The runs that it is of, each of them once.
    pub runs: Vec<PathBuf>,
    /// Which of them are seeds of one setting.
    pub settings: Vec<Seeds>,
    /// The page, [`PAGE`].
    pub html: PathBuf,
    /// `figures/NAME.svg` and `figures/NAME.png`, in the order of the page.
    pub figures: Vec<PathBuf>,
    /// `table.md` and `table.csv`.
    pub tables: Vec<PathBuf>,
    /// One sentence per setting with its numbers.
    pub headlines: Vec<String>,
    /// What is missing or was left out.
    pub notes: Vec<String>,
}

/// Hears what is being done, before it is: "reading runs/quickstart/seed-0".
pub type Watch<'a> = &'a mut dyn FnMut(&str);

/// The runs of one configuration but for the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// One per seed.
    pub runs: Vec<PathBuf>,
    /// What they were set to where others of the same algorithm and environment
    /// differ: "rl2.updates = 40"; empty where none does.
    pub differs: String,
}

/// Writes the report of some runs into a folder, which is made where it is
/// missing. Runs that have not been evaluated are reported with what there is.
/// Every file appears as a whole; of several reports that are written into one
/// folder at once, the last one stays.
///
/// # Errors
/// [`ReportError::Empty`] if there are no runs, and if the folder is not
/// writable.
pub fn write(runs: &[Run], out: &Path, watch: Watch<'_>) -> Result<Written> {
    let settings = setting::group(runs);
    if settings.is_empty() {
        return Err(ReportError::Empty);
    }
    let figures = out.join("figures");
    fs::create_dir_all(&figures).map_err(|source| ReportError::Io {
        path: figures.clone(),
        source,
    })?;
    let names = file_names(&settings);
    let reported = settings.iter().flat_map(|setting| &setting.runs);
    let mut written = Written {
        runs: reported.map(|run| run.path.clone()).collect(),
        settings: settings.iter().map(|s| s.seeds_among(&settings)).collect(),
        html: out.join(PAGE),
        figures: Vec::new(),
        tables: vec![out.join("table.md"), out.join("table.csv")],
        headlines: Vec::new(),
        notes: Vec::new(),
    };
    let mut overview = Vec::new();
    if let Some(figure) = figures::adaptation(&settings)? {
        let stem = figure.name.to_string();
        overview.push(draw(figure, stem, &figures, &mut written)?);
    }
    let mut sections = Vec::new();
    let (mut markdown, mut csv) = (Vec::new(), Vec::new());
    for (setting, name) in settings.iter().zip(names) {
        watch(&format!("drawing {}", setting.title()));
        let standings = Standings::of(setting);
        let table = standings.as_ref().map(Table::of);
        let mut drawn = Vec::new();
        for figure in figures::all(setting, standings.as_ref())? {
            let stem = format!("{name}{}", figure.name);
            drawn.push(draw(figure, stem, &figures, &mut written)?);
        }
        if let (Some(table), Some(standings)) = (&table, &standings) {
            markdown.push(table.markdown(setting, standings));
            csv.extend(table.csv(setting));
        }
        written
            .headlines
            .push(words::headline(setting, standings.as_ref()));
        written.notes.extend(setting.notes.iter().cloned());
        sections.push(Section {
            setting,
            standings,
            table,
            figures: drawn,
        });
    }
    let mut told = Vec::new();
    watch("drawing statistics over seeds");
    for mut statistics in statistics::of(&settings)? {
        let mut drawn = Vec::new();
        for figure in std::mem::take(&mut statistics.figures) {
            let stem = format!("{}{}", statistics.stem, figure.name);
            drawn.push(draw(figure, stem, &figures, &mut written)?);
        }
        told.push(Told {
            statistics,
            figures: drawn,
        });
    }
    write_atomically(&written.tables[0], markdown.join("\n").as_bytes())?;
    write_atomically(&written.tables[1], &csv_file(CSV_HEADER, csv))?;
    write_atomically(
        &written.html,
        page::html(&sections, &overview, &told).as_bytes(),
    )?;
    Ok(written)
}

/// Writes a figure's files; `stem` is what they are called.
fn draw(figure: Figure, stem: String, folder: &Path, written: &mut Written) -> Result<Drawn> {
    let svg = figure.canvas.svg();
    let png = figure.canvas.png(PNG_SCALE)?;
    for (ending, bytes) in [("svg", svg.as_bytes()), ("png", png.as_slice())] {
        let path = folder.join(format!("{stem}.{ending}"));
        write_atomically(&path, bytes)?;
        written.figures.push(path);
    }
    Ok(Drawn { figure, stem })
}

/// What the file names of each setting's figures begin with: nothing for a
/// single setting, else its name, numbered where two are called the same.
fn file_names(settings: &[setting::Setting<'_>]) -> Vec<String> {
    if settings.len() == 1 {
        return vec![String::new()];
    }
    let mut names: Vec<String> = Vec::new();
    for setting in settings {
        let name = format!("{}-", setting.slug());
        let same = settings
            .iter()
            .filter(|other| other.slug() == setting.slug())
            .count();
        names.push(match same {
            1 => name,
            _ => format!("{}-{name}", names.len() + 1),
        });
    }
    names
}
