//! The comparison as a table: rows, Markdown and CSV.

use record::schema::LearnerKind;

use crate::canvas::Color;
use crate::figures::{AGENT, line};
use crate::markup::markdown_cell;
use crate::measure::Measure;
use crate::setting::Setting;
use crate::standing::{SeedResult, Standing, Standings};
use crate::text::{capitalized, count, decimals, display_name, fixed, percent, percent_to};
use crate::words;

/// A row of the comparison.
pub(crate) struct Row {
    /// 1 for the best learner that does not know more than its task's rewards.
    pub(crate) rank: Option<usize>,
    pub(crate) name: String,
    /// "trained", "classical", "oracle", "reference", "adaptation", or of which
    /// part of the tasks: "tasks-trained-on" or "tasks-never-met".
    pub(crate) kind: &'static str,
    pub(crate) mean_return: Measure,
    pub(crate) regret: Option<Measure>,
    pub(crate) share: Option<Measure>,
    pub(crate) color: Option<Color>,
}

/// The comparison of one setting.
pub(crate) struct Table {
    /// Best first.
    pub(crate) rows: Vec<Row>,
    /// The trained agent, seed by seed; empty for a single seed.
    pub(crate) seeds: Vec<Row>,
    /// The trained agent after 0, 1, 2, … gradient steps; empty unless it adapts by
    /// them.
    pub(crate) steps: Vec<Row>,
    /// Every learner on the tasks that were trained on and on those that never
    /// were; empty if all were.
    pub(crate) parts: Vec<Row>,
    /// Decimals of returns and of regrets.
    places: (usize, usize),
    /// The name of the last column, where shares are known.
    pub(crate) share_heading: Option<String>,
}

impl Table {
    pub(crate) fn of(standings: &Standings) -> Self {
        let mut rows: Vec<Row> = standings
            .learners
            .iter()
            .map(|learner| learner_row(learner, standings))
            .collect();
        rows.extend(reference_rows(standings));
        // A reference stands above a learner that reaches just the same.
        rows.sort_by(|a, b| {
            let key = |row: &Row| match row.mean_return.mean() {
                mean if mean.is_nan() => f64::NEG_INFINITY,
                mean => mean,
            };
            key(b)
                .total_cmp(&key(a))
                .then(a.rank.is_some().cmp(&b.rank.is_some()))
        });
        let mut rank = 0;
        for row in rows.iter_mut().filter(|row| row.rank.is_some()) {
            rank += 1;
            row.rank = Some(rank);
        }
        let seeds = match standings.seeds.len() {
            0 | 1 => Vec::new(),
            _ => standings.seeds.iter().map(seed_row).collect(),
        };
        let errors = |pick: fn(&Row) -> Option<Measure>| {
            decimals(rows.iter().filter_map(pick).map(Measure::uncertainty)).min(4)
        };
        Self {
            places: (
                errors(|row| Some(row.mean_return)),
                errors(|row| row.regret),
            ),
            share_heading: standings.gap.map(|gap| words::share_heading(gap.to)),
            steps: standings
                .adaptation
                .iter()
                .enumerate()
                .map(step_row)
                .collect(),
            parts: part_rows(standings),
            rows,
            seeds,
        }
    }

    /// The mean return with its error or interval.
    pub(crate) fn mean_return(&self, row: &Row) -> String {
        words::measure(row.mean_return, self.places.0)
    }

    /// Likewise the regret of a trial; a dash if it is not known.
    pub(crate) fn regret(&self, row: &Row) -> String {
        row.regret.map_or("–".to_string(), |regret| {
            words::measure(regret, self.places.1)
        })
    }

    /// Likewise the share of the gap.
    pub(crate) fn share(&self, row: &Row) -> String {
        match row.share {
            None => "–".to_string(),
            Some(share @ Measure::Seeds(_)) => words::share(share),
            Some(Measure::Exact(share)) => percent(share),
            Some(Measure::Sampled(share)) => {
                let places = words::share_decimals(&share);
                let error = fixed(100.0 * share.standard_error, places);
                format!("{}\u{a0}±\u{a0}{error}", percent_to(share.mean, places))
            }
        }
    }

    /// What shares above 100 % in these rows mean.
    pub(crate) fn beyond_note(&self, standings: &Standings) -> Option<String> {
        let rows = self.rows.iter().chain(&self.seeds);
        words::beyond_note(rows.filter_map(|row| row.share), standings.gap?.to)
    }

    /// The table of one setting in Markdown, under a heading.
    pub(crate) fn markdown(&self, setting: &Setting<'_>, standings: &Standings) -> String {
        let mut text = format!("## {}\n\n", markdown_cell(&setting.title()));
        let settings = [
            setting.settings(),
            words::headline(setting, Some(standings)),
        ];
        for line in settings.iter().filter(|line| !line.is_empty()) {
            text.push_str(&format!("{}\n\n", markdown_cell(line)));
        }
        self.push_rows(&mut text, "Learner", &self.rows);
        let mut notes = vec![words::interval_note(standings.seeds.len()).to_string()];
        notes.extend(self.beyond_note(standings));
        notes.extend(words::repeated_note(standings));
        text.push_str(&format!("\n{}\n", notes.join(" ")));
        if !self.steps.is_empty() {
            text.push_str("\n| Gradient steps | Mean return |\n|:--|--:|\n");
            for row in &self.steps {
                let line = format!(
                    "| {} | {} |\n",
                    markdown_cell(&row.name),
                    self.mean_return(row)
                );
                text.push_str(&line);
            }
        }
        if !self.parts.is_empty() {
            text.push_str("\n| Tasks | Mean return |\n|:--|--:|\n");
            for row in &self.parts {
                let line = format!(
                    "| {} | {} |\n",
                    markdown_cell(&row.name),
                    self.mean_return(row)
                );
                text.push_str(&line);
            }
        }
        if !self.seeds.is_empty() {
            text.push('\n');
            self.push_rows(&mut text, "Seed", &self.seeds);
        }
        text
    }

    fn push_rows(&self, text: &mut String, first: &str, rows: &[Row]) {
        let share = self.share_heading.as_deref();
        text.push_str(&format!("| | {first} | Mean return | Regret |"));
        let heading = |share| format!(" {} |", markdown_cell(share));
        text.push_str(&share.map_or(String::new(), heading));
        text.push_str("\n|--:|:--|--:|--:|");
        text.push_str(share.map_or("\n", |_| "--:|\n"));
        for row in rows {
            let rank = row.rank.map_or(String::new(), |rank| rank.to_string());
            let name = match row.kind {
                "trained" if row.rank.is_some() => format!("**{}**", markdown_cell(&row.name)),
                _ => markdown_cell(&row.name),
            };
            let (mean_return, regret) = (self.mean_return(row), self.regret(row));
            text.push_str(&format!("| {rank} | {name} | {mean_return} | {regret} |"));
            text.push_str(&share.map_or(String::new(), |_| format!(" {} |", self.share(row))));
            text.push('\n');
        }
    }

    /// Rows of CSV with all digits; see [`CSV_HEADER`].
    pub(crate) fn csv(&self, setting: &Setting<'_>) -> impl Iterator<Item = CsvRow> {
        let label = match setting.settings().is_empty() {
            true => setting.title(),
            false => format!("{} ({})", setting.title(), setting.settings()),
        };
        let apart = self.steps.iter().chain(&self.parts).chain(&self.seeds);
        let rows = self.rows.iter().chain(apart);
        rows.map(move |row| {
            let rank = row.rank.map_or(String::new(), |rank| rank.to_string());
            let [mean, error, low, high] = csv_cells(Some(row.mean_return));
            let [regret, regret_error, regret_low, regret_high] = csv_cells(row.regret);
            let [share, share_error, share_low, share_high] = csv_cells(row.share);
            [
                label.clone(),
                row.name.clone(),
                row.kind.to_string(),
                rank,
                mean,
                error,
                low,
                high,
                regret,
                regret_error,
                regret_low,
                regret_high,
                share,
                share_error,
                share_low,
                share_high,
            ]
        })
    }
}

/// A row of the CSV file.
pub(crate) type CsvRow = [String; CSV_HEADER.len()];

/// The columns of the CSV file. Errors are standard errors over tasks, lows and
/// highs the ends of 95 % intervals: over seeds for a trained agent of several
/// seeds, over tasks for all others.
pub(crate) const CSV_HEADER: [&str; 16] = [
    "setting",
    "learner",
    "kind",
    "rank",
    "mean_return",
    "mean_return_error",
    "mean_return_low",
    "mean_return_high",
    "regret",
    "regret_error",
    "regret_low",
    "regret_high",
    "share",
    "share_error",
    "share_low",
    "share_high",
];

fn csv_cells(measure: Option<Measure>) -> [String; 4] {
    let number = |value: f64| match value.is_finite() {
        true => value.to_string(),
        false => String::new(),
    };
    match measure {
        None => std::array::from_fn(|_| String::new()),
        Some(measure) => {
            let [low, high] = measure.estimate().interval().unwrap_or([f64::NAN; 2]);
            let error = match measure {
                Measure::Seeds(_) => String::new(),
                _ => number(measure.uncertainty()),
            };
            [number(measure.mean()), error, number(low), number(high)]
        }
    }
}

fn learner_row(learner: &Standing, standings: &Standings) -> Row {
    Row {
        rank: (learner.kind != LearnerKind::Oracle).then_some(0),
        name: match learner.kind {
            LearnerKind::Oracle => format!("{} (played)", display_name(&learner.name)),
            _ => display_name(&learner.name),
        },
        kind: match learner.kind {
            LearnerKind::Trained => "trained",
            LearnerKind::Classical => "classical",
            LearnerKind::Oracle => "oracle",
        },
        mean_return: learner.mean_return,
        regret: learner.final_regret(),
        share: learner.share,
        color: Some(line(learner, standings).color()),
    }
}

/// The values that the environment's own oracle gives.
fn reference_rows(standings: &Standings) -> impl Iterator<Item = Row> {
    let known = &standings.references;
    let rows = [
        ("Bayes-optimal", known.bayes_optimal),
        ("Known-task optimum", known.known_task),
    ];
    let measured = standings.learners.iter().any(|l| !l.regret.is_empty());
    rows.into_iter().filter_map(move |(name, value)| {
        let value = value?;
        Some(Row {
            rank: None,
            name: match value {
                Measure::Exact(_) => format!("{name} (exact)"),
                _ => name.to_string(),
            },
            kind: "reference",
            mean_return: value,
            regret: match name {
                _ if !measured => None,
                // By definition: regret is counted from it.
                "Known-task optimum" => Some(Measure::Exact(0.0)),
                _ => known.bayes_regret().map(Measure::Exact),
            },
            // Beyond Bayes-optimal no agent can get: that is no share of the gap.
            share: standings.share_of(value).filter(|_| {
                name == "Bayes-optimal" || standings.references.bayes_optimal.is_none()
            }),
            color: None,
        })
    })
}

fn step_row((steps, mean_return): (usize, &Measure)) -> Row {
    Row {
        rank: None,
        name: match steps {
            0 => "before any".to_string(),
            steps => format!("after {steps}"),
        },
        kind: "adaptation",
        mean_return: *mean_return,
        regret: None,
        share: None,
        color: Some(AGENT),
    }
}

/// Two rows of each learner: on the tasks that were trained on, and on those
/// that never were.
fn part_rows(standings: &Standings) -> Vec<Row> {
    let Some([trained, unseen]) = standings.parts else {
        return Vec::new();
    };
    let rows = standings.learners.iter().filter_map(|learner| {
        let row = |kind, words: String, mean_return| Row {
            rank: None,
            name: format!("{} on {words}", display_name(&learner.name)),
            kind,
            mean_return,
            regret: None,
            share: None,
            color: Some(line(learner, standings).color()),
        };
        let [seen, fresh] = learner.parts?;
        let on_trained = format!("{} to train on", count(trained as usize, "task"));
        let on_unseen = format!("{} kept back", count(unseen as usize, "task"));
        Some([
            row("tasks-trained-on", on_trained, seen),
            row("tasks-never-met", on_unseen, fresh),
        ])
    });
    rows.flatten().collect()
}

fn seed_row(seed: &SeedResult) -> Row {
    Row {
        rank: None,
        name: capitalized(&format!("seed {}", seed.seed)),
        kind: "trained",
        mean_return: seed.mean_return,
        regret: seed.regret,
        share: seed.share,
        color: Some(AGENT),
    }
}
