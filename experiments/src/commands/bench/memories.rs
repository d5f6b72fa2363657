//! `bench memories`: what a step costs with every memory, by how long a trial is.

use super::rl2::{Measured, prepared};
use super::timing::digits;
use crate::cli::BenchArgs;
use crate::console::{Console, Event, Table, short};
use crate::progress::Waiting;
use crate::tables::files::write_all;
use lab::failure::Failure;
use lab::registry::Registry;
use lab::session::Session;
use report::{
    Scaling, ScalingAxis, ScalingChart, ScalingLine, csv_file, draw_scaling, markdown_cell,
};
use std::path::Path;

/// What is measured where nothing is said.
const CELLS: &str = "gru,min-gru,lru,fast-weight,transformer";
const LENGTHS: &str = "50,100,200,400,700,1000";
/// Environment steps of an iteration, about: what `bench rl2` has.
const STEPS: usize = 102_400;
/// Lanes are a multiple of this: four minibatches of blocks of eight.
const PART: usize = 32;

pub(super) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let session = Session::new(registry, &console, args.work.workers(), &args.device)?;
    let plan = Plan::read(&args.words)?;
    // Whatever is refused is refused before anything is measured.
    for (cell, length) in plan.points() {
        prepared(&session, &plan.words(cell, length))?;
    }
    let mut costs = Vec::new();
    for (cell, length) in plan.points() {
        let measuring = Waiting::on(format!("bench memories: {cell}, {length} steps"));
        let (config, mut bench) = prepared(&session, &plan.words(cell, length))?;
        let measured = bench.measure(&session)?;
        drop(measuring);
        console.emit(Event::Benchmark, &measured.row(&config, &session))?;
        costs.push(Cost::of(&measured));
    }
    for line in plan.table(&costs).lines(&console) {
        console.say(line)?;
    }
    let Some(folder) = &args.out else {
        return Ok(());
    };
    for path in plan.write(&costs, folder)? {
        console.say(path.display().to_string())?;
    }
    Ok(())
}

/// What one step costs.
#[derive(Clone, Copy)]
struct Cost {
    nanoseconds: f64,
    /// Of the rate of matrix products beside it.
    fraction: Option<f64>,
}

impl Cost {
    fn of(measured: &Measured) -> Self {
        Self {
            nanoseconds: 1e9 / measured.rate(),
            fraction: measured.fraction(),
        }
    }
}

/// Memories, lengths of trials, and what else is said.
struct Plan {
    cells: Vec<String>,
    lengths: Vec<usize>,
    rest: Vec<String>,
}

impl Plan {
    fn read(words: &[String]) -> Result<Self, Failure> {
        let (mut cells, mut lengths) = (None, None);
        let mut rest = Vec::new();
        for word in words {
            let taken = match word.split_once('=') {
                Some(("cells", value)) => cells.replace(value),
                Some(("lengths", value)) => lengths.replace(value),
                Some((key @ ("cell" | "rl2.lanes" | "environment.pulls"), _)) => {
                    return Err(Failure::usage(format!(
                        "{key}: `bench memories` sets it; allowed: cells=A,B and lengths=M,N"
                    )));
                }
                _ => {
                    rest.push(word.clone());
                    None
                }
            };
            if taken.is_some() {
                return Err(Failure::usage(format!("{word}: said twice; say it once")));
            }
        }
        let length = |text: &str| match text.parse() {
            Ok(length @ 1..=STEPS) => Ok(length),
            _ => Err(Failure::usage(format!(
                "lengths: {text:?}; allowed: whole numbers from 1 to {STEPS}, as in lengths={LENGTHS}"
            ))),
        };
        let lengths = lengths.unwrap_or(LENGTHS).split(',').map(length);
        let cells = cells.unwrap_or(CELLS).split(',').map(str::to_owned);
        Ok(Self {
            cells: cells.collect(),
            lengths: lengths.collect::<Result<_, _>>()?,
            rest,
        })
    }

    /// Memory by memory, from short to long.
    fn points(&self) -> impl Iterator<Item = (&str, usize)> {
        let lengths = |cell| self.lengths.iter().map(move |length| (cell, *length));
        self.cells.iter().map(String::as_str).flat_map(lengths)
    }

    /// What is said to `bench rl2`: as many lanes as make about as many steps.
    fn words(&self, cell: &str, length: usize) -> Vec<String> {
        let lanes = (STEPS / length / PART).max(1) * PART;
        let mut words = self.rest.clone();
        words.extend([
            format!("cell={cell}"),
            format!("environment.pulls={length}"),
            format!("rl2.lanes={lanes}"),
        ]);
        words
    }

    /// Microseconds of a step, and the share of the matrix product's rate.
    fn cells(&self, costs: &[Cost], index: usize) -> Vec<String> {
        let own = costs.iter().skip(index).step_by(self.lengths.len());
        let text = |cost: &Cost| {
            let fraction = cost
                .fraction
                .map_or(String::new(), |share| format!(" ({share:.2})"));
            format!("{}{fraction}", digits(cost.nanoseconds * 1e-3))
        };
        own.map(text).collect()
    }

    fn headings(&self) -> Vec<&str> {
        let cells = self.cells.iter().map(String::as_str);
        ["steps of a trial"].into_iter().chain(cells).collect()
    }

    fn table(&self, costs: &[Cost]) -> Table {
        let mut table = Table::new(&self.headings());
        for (index, length) in self.lengths.iter().enumerate() {
            let mut row = vec![length.to_string()];
            row.extend(self.cells(costs, index));
            table.row(row);
        }
        table
    }

    fn write(&self, costs: &[Cost], folder: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
        let figure = draw_scaling(&self.figure(costs)).map_err(Failure::internal)?;
        let points = self.points().zip(costs);
        let lines = points.map(|((cell, length), cost)| {
            [
                cell.to_owned(),
                length.to_string(),
                cost.nanoseconds.to_string(),
                cost.fraction
                    .map_or(String::new(), |share| share.to_string()),
            ]
        });
        let header = [
            "memory",
            "steps",
            "nanoseconds_per_step",
            "fraction_of_sgemm",
        ];
        write_all(
            folder,
            [
                ("table.csv", csv_file(header, lines)),
                ("table.md", self.markdown(costs).into_bytes()),
                ("figure.svg", figure.svg.into_bytes()),
                ("figure.png", figure.png),
            ],
        )
    }

    fn markdown(&self, costs: &[Cost]) -> String {
        let mut text = format!("# {TITLE}\n\n{}\n\n", self.caption());
        for heading in self.headings() {
            text += &format!("| {} ", markdown_cell(heading));
        }
        text += &format!("|\n{}|\n", "|--:".repeat(1 + self.cells.len()));
        for (index, length) in self.lengths.iter().enumerate() {
            text += &format!("| {length}");
            for cell in self.cells(costs, index) {
                text += &format!(" | {cell}");
            }
            text += " |\n";
        }
        text
    }

    fn caption(&self) -> String {
        let said = match self.rest.join(" ") {
            said if said.is_empty() => said,
            said => format!(" ({said})"),
        };
        let steps = short(STEPS as f64);
        format!(
            "Whole iterations of PPO on about {steps} steps{said}: microseconds of a step, in brackets the \
             share of the rate at which this machine multiplied matrices beside it."
        )
    }

    fn figure(&self, costs: &[Cost]) -> Scaling {
        let most = costs
            .iter()
            .map(|cost| cost.nanoseconds)
            .fold(0.0, f64::max);
        let lines = self.cells.iter().zip(costs.chunks(self.lengths.len()));
        let lines = lines.map(|(cell, costs)| ScalingLine {
            name: cell.clone(),
            points: (self.lengths.iter().zip(costs))
                .map(|(length, cost)| (*length as f64, cost.nanoseconds * 1e-3, 0.0))
                .collect(),
            limit: None,
        });
        Scaling {
            title: TITLE.to_owned(),
            subtitle: "Whole iterations of PPO: acting, learning in four epochs and the bandits."
                .to_owned(),
            samples: "Steps of a trial".to_owned(),
            charts: vec![ScalingChart {
                name: "Microseconds of a step".to_owned(),
                axis: ScalingAxis::Linear {
                    low: 0.0,
                    high: most * 1.05e-3,
                },
                lines: lines.collect(),
            }],
        }
    }
}

const TITLE: &str = "What a step costs, by the length of a trial";

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &str) -> Result<Plan, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Plan::read(&words).map_err(|failure| failure.to_string())
    }

    #[test]
    fn iterations_have_as_many_steps_however_long_trials_are() {
        let plan = plan("lengths=50,1000 hidden=16 cells=gru,lru").unwrap();
        let points: Vec<_> = plan.points().collect();
        assert_eq!(
            points,
            [("gru", 50), ("gru", 1000), ("lru", 50), ("lru", 1000)]
        );
        let words = plan.words("lru", 50);
        assert_eq!(
            words,
            [
                "hidden=16",
                "cell=lru",
                "environment.pulls=50",
                "rl2.lanes=2048"
            ]
        );
        assert!(plan.words("lru", 1000).contains(&"rl2.lanes=96".to_owned()));
        assert!(
            plan.words("lru", STEPS)
                .contains(&"rl2.lanes=32".to_owned())
        );
    }

    #[test]
    fn costs_stand_in_their_row_and_column() {
        let plan = plan("lengths=50,100 cells=gru,lru").unwrap();
        let costs = [1e3, 2e3, 3e3, 4e3].map(|nanoseconds| Cost {
            nanoseconds,
            fraction: Some(0.5),
        });
        assert_eq!(plan.cells(&costs, 1), ["2.00 (0.50)", "4.00 (0.50)"]);
        let points = plan.figure(&costs).charts.remove(0).lines.remove(1).points;
        assert_eq!(points, [(50.0, 3.0, 0.0), (100.0, 4.0, 0.0)]);
    }

    #[test]
    fn what_it_sets_itself_is_refused() {
        for (words, expected) in [
            (
                "cell=gru",
                "cell: `bench memories` sets it; allowed: cells=A,B",
            ),
            ("rl2.lanes=32", "rl2.lanes: `bench memories` sets it"),
            (
                "lengths=5,x",
                "lengths: \"x\"; allowed: whole numbers from 1 to",
            ),
            ("lengths=0", "lengths: \"0\""),
            ("cells=gru cells=lru", "cells=lru: said twice"),
        ] {
            let error = plan(words).err().unwrap();
            assert!(error.contains(expected), "{words}: {error}");
        }
    }
}
