//! The table as files: table.csv, table.md, tasks.csv, and a figure for each family.

use super::measure::Cell;
use super::plan::Plan;
use crate::tables::files::write_all;
use lab::failure::Failure;
use report::{
    Arrival, ArrivalCurves, ArrivalLine, Reduction, csv_file, draw_arrivals, fixed, markdown_cell,
    median,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

pub(super) const HEADINGS: [&str; 7] = [
    "tasks",
    "way to begin",
    "reached",
    "median steps",
    "reduction [95 %]",
    "steps before",
    "N*",
];

/// A way to begin in the tasks of a family.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) family: String,
    pub(super) way: String,
    #[serde(skip)]
    titles: [String; 2],
    pub(super) scratch: bool,
    pub(super) tasks: usize,
    pub(super) reached: usize,
    /// Steps in a new task; none where no more than half of them were learned.
    pub(super) median: Option<f64>,
    /// Steps that were lived, likewise the median, where there is none of the others.
    pub(super) beyond: Option<f64>,
    budget: u64,
    /// Environment steps that went before.
    pub(super) spent: u64,
    /// What it is compared with, and how.
    pub(super) against: Option<Against>,
    /// Why such tasks cannot be begun so; nothing was measured then.
    pub(super) impossible: Option<String>,
}

/// A way beside the one from scratch that is soonest in the same tasks.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Against {
    pub(super) scratch: String,
    /// One minus the ratio of the medians; none where no more than half of the tasks were
    /// learned.
    pub(super) reduction: Option<f64>,
    /// Its 95 % interval; no lower end likewise, and no upper one where it is not known how
    /// late from scratch is.
    pub(super) interval: [Option<f64>; 2],
    /// Whether the median from scratch is not known: what was lived stands for it.
    pub(super) at_least: bool,
    /// New tasks after which the steps before are saved.
    pub(super) break_even: Option<f64>,
}

/// What was measured, in sentences.
pub(super) fn caption(plan: &Plan) -> String {
    let quick = match plan.quick {
        true => {
            " A quick look, with hardly any training: without --quick the table is made in full."
        }
        false => "",
    };
    format!("{} {} tasks of each kind.{quick}", plan.caption, plan.tasks)
}

/// All rows whose tasks are done and, in families that have some, those that cannot be.
pub(super) fn rows(plan: &Plan, cells: &[Cell]) -> Vec<Row> {
    let row = |place: (usize, usize)| {
        let family = cells.iter().filter(|cell| cell.family == place.0);
        let family: Vec<&Cell> = family.collect();
        match plan.impossible(place) {
            Some(_) if family.is_empty() => None,
            Some(reason) => Some(Row {
                impossible: Some(reason.to_owned()),
                ..Row::new(plan, place)
            }),
            None => {
                let cell = family.iter().find(|cell| cell.way == place.1);
                cell.map(|cell| measured(plan, &family, cell))
            }
        }
    };
    plan.places().filter_map(row).collect()
}

impl Row {
    /// Of nothing measured.
    fn new(plan: &Plan, place: (usize, usize)) -> Self {
        let (family, way) = (&plan.families[place.0], &plan.ways[place.1]);
        Self {
            family: family.name.clone(),
            way: way.name.clone(),
            titles: [family.title.clone(), way.title.clone()],
            scratch: way.scratch,
            tasks: 0,
            reached: 0,
            median: None,
            beyond: None,
            budget: family.rules.budget,
            spent: 0,
            against: None,
            impossible: None,
        }
    }
}

/// The row of a cell beside the others of its family.
fn measured(plan: &Plan, family: &[&Cell], cell: &Cell) -> Row {
    let arrivals = cell.arrivals();
    let against = match plan.ways[cell.way].scratch {
        true => None,
        false => soonest(plan, family).and_then(|scratch| {
            let reduction = Reduction::new(&arrivals, &scratch.arrivals(), plan.seed)?;
            let known = |share: f64| Some(share).filter(|share| share.is_finite());
            Some(Against {
                scratch: plan.ways[scratch.way].name.clone(),
                reduction: known(reduction.share),
                interval: [known(reduction.low), reduction.high.and_then(known)],
                at_least: reduction.at_least,
                break_even: reduction.break_even(cell.spent as f64),
            })
        }),
    };
    let (median, beyond) = match median(&arrivals) {
        Arrival::After(steps) => (Some(steps), None),
        Arrival::NotIn(lived) => (None, Some(lived)),
    };
    Row {
        tasks: arrivals.len(),
        reached: arrivals.iter().filter_map(|at| at.steps()).count(),
        median,
        beyond,
        spent: cell.spent,
        against,
        ..Row::new(plan, (cell.family, cell.way))
    }
}

/// What no row has a number for, in sentences: ways that cannot be, and why; and those that
/// were not made.
pub(super) fn notes(plan: &Plan, rows: &[Row]) -> Vec<String> {
    let reason = |row: &Row| {
        let (reason, [family, way]) = (row.impossible.as_ref()?, &row.titles);
        Some(format!("{family}, {way}: impossible, since {reason}."))
    };
    let mut notes: Vec<String> = rows.iter().filter_map(reason).collect();
    let missing = |place: &(usize, usize)| {
        let (family, way) = (&plan.families[place.0].name, &plan.ways[place.1].name);
        let made = rows
            .iter()
            .any(|row| row.family == *family && row.way == *way);
        (plan.impossible(*place).is_none() && !made).then(|| format!("{family}:{way}"))
    };
    let missing: Vec<String> = plan.places().filter_map(|place| missing(&place)).collect();
    if !missing.is_empty() {
        notes.push(format!(
            "Not made yet, which --only FAMILY:WAY does: {}.",
            missing.join(", ")
        ));
    }
    notes
}

/// The way from scratch that has the least median in a family, so that no other is praised
/// for what a better beginning from nothing would have had too; where none is known, the one
/// that was lived for longest.
fn soonest<'a>(plan: &Plan, family: &[&'a Cell]) -> Option<&'a Cell> {
    let scratch = |cell: &&Cell| plan.ways[cell.way].scratch;
    let time = |cell: &Cell| match median(&cell.arrivals()) {
        Arrival::After(steps) => (steps, 0.0),
        Arrival::NotIn(lived) => (f64::INFINITY, -lived),
    };
    family.iter().copied().filter(scratch).min_by(|a, b| {
        let ((known, lived), (other, others)) = (time(a), time(b));
        known.total_cmp(&other).then(lived.total_cmp(&others))
    })
}

/// "97.3 %"; what is far below nothing is said to be so.
fn percent(share: f64) -> String {
    match share > -10.0 {
        true => format!("{} %", fixed(100.0 * share, 1)),
        false => "below −1000 %".to_owned(),
    }
}

/// "12.3 million", "45 thousand"
fn count(number: f64) -> String {
    match number {
        millions if millions >= 1e6 => format!("{:.1} million", millions / 1e6),
        thousands if thousands >= 1e4 => format!("{:.0} thousand", thousands / 1e3),
        few => format!("{few:.0}"),
    }
}

/// A row's text.
pub(super) fn cells(row: &Row) -> [String; 7] {
    let [family, way] = row.titles.clone();
    if row.impossible.is_some() {
        let [a, b, c, d] = ["–"; 4].map(str::to_owned);
        return [family, way, "impossible".to_owned(), a, b, c, d];
    }
    let against = row.against.as_ref();
    let reduction = against.map(|against| {
        let bound = if against.at_least { "≥ " } else { "" };
        // What an end cannot say: how far below nothing it is, where too few tasks were learned.
        let end = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
        let [low, high] = against.interval.map(end);
        match against.reduction {
            Some(share) => format!("{bound}{} [{low}, {high}]", percent(share)),
            None => "none".to_owned(),
        }
    });
    let break_even = against.map(|against| match against.break_even {
        Some(tasks) if row.spent > 0 => {
            let bound = if against.at_least { "≤ " } else { "" };
            format!("{bound}{}", count(tasks.ceil()))
        }
        Some(_) => "0".to_owned(),
        None => "never".to_owned(),
    });
    [
        family,
        way,
        format!("{} of {}", row.reached, row.tasks),
        match (row.median, row.beyond) {
            (Some(steps), _) => format!("{steps:.0}"),
            (None, lived) => format!("> {:.0}", lived.unwrap_or(0.0)),
        },
        reduction.unwrap_or_else(|| "–".to_owned()),
        count(row.spent as f64),
        break_even.unwrap_or_else(|| "–".to_owned()),
    ]
}

/// Writes all files into a folder.
///
/// # Errors
/// If the folder is not writable.
pub(super) fn write(
    plan: &Plan,
    (cells, rows): (&[Cell], &[Row]),
    folder: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let mut files = vec![
        ("table.csv".to_owned(), csv(rows)),
        ("table.md".to_owned(), markdown(plan, rows).into_bytes()),
        ("tasks.csv".to_owned(), tasks(plan, cells)),
    ];
    for (index, family) in plan.families.iter().enumerate() {
        let own = cells.iter().filter(|cell| cell.family == index);
        let lines: Vec<ArrivalLine> = own
            .map(|cell| ArrivalLine {
                name: plan.ways[cell.way].title.clone(),
                dashed: plan.ways[cell.way].scratch,
                arrivals: cell.arrivals().iter().map(|at| at.steps()).collect(),
            })
            .collect();
        if lines.is_empty() {
            continue;
        }
        let curves = ArrivalCurves {
            title: format!("{}: how long a new task takes", family.title),
            subtitle: format!(
                "Share of {} tasks in which {:.0} % of what knowing the task earns was \
                 reached. Dashed: from scratch. Numbers: medians.",
                plan.tasks,
                100.0 * plan.share
            ),
            budget: family.rules.budget as f64,
            lines,
        };
        let drawn = draw_arrivals(&curves).map_err(Failure::internal)?;
        files.push((format!("{}.svg", family.name), drawn.svg.into_bytes()));
        files.push((format!("{}.png", family.name), drawn.png));
    }
    write_all(folder, files)
}

fn text(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// One line for every way in every family, with all digits.
fn csv(rows: &[Row]) -> Vec<u8> {
    const HEADER: [&str; 15] = [
        "family",
        "way",
        "tasks",
        "reached",
        "median_steps",
        "median_beyond",
        "budget",
        "steps_before",
        "against",
        "reduction",
        "reduction_low",
        "reduction_high",
        "at_least",
        "break_even_tasks",
        "impossible",
    ];
    let line = |row: &Row| {
        let against = row.against.as_ref();
        let of = |pick: fn(&Against) -> Option<f64>| text(against.and_then(pick));
        [
            row.family.clone(),
            row.way.clone(),
            row.tasks.to_string(),
            row.reached.to_string(),
            text(row.median),
            text(row.beyond),
            row.budget.to_string(),
            row.spent.to_string(),
            against.map_or_else(String::new, |against| against.scratch.clone()),
            of(|against| against.reduction),
            of(|against| against.interval[0]),
            of(|against| against.interval[1]),
            against.map_or_else(String::new, |against| against.at_least.to_string()),
            of(|against| against.break_even),
            row.impossible.clone().unwrap_or_default(),
        ]
    };
    csv_file(HEADER, rows.iter().map(line))
}

/// One line for every task of every way, with all digits.
fn tasks(plan: &Plan, cells: &[Cell]) -> Vec<u8> {
    const HEADER: [&str; 9] = [
        "family", "way", "task", "known", "random", "target", "steps", "lived", "earned",
    ];
    let lines = cells.iter().flat_map(|cell| {
        let (family, way) = (&plan.families[cell.family], &plan.ways[cell.way]);
        let numbered = cell.tasks.iter().enumerate();
        numbered.map(|(task, learned)| {
            [
                family.name.clone(),
                way.name.clone(),
                task.to_string(),
                learned.target.known.to_string(),
                learned.target.random.to_string(),
                learned.target.value.to_string(),
                text(learned.arrival.steps),
                learned.arrival.lived.to_string(),
                learned.arrival.earned.to_string(),
            ]
        })
    });
    csv_file(HEADER, lines)
}

fn markdown(plan: &Plan, rows: &[Row]) -> String {
    let headings = HEADINGS.join(" | ");
    let caption = caption(plan);
    let mut text = format!("# {}\n\n{caption}\n\n| {headings} |\n", plan.title);
    text += "|---|---|--:|--:|--:|--:|--:|\n";
    for row in rows {
        let cells = cells(row).map(|cell| markdown_cell(&cell));
        text += &format!("| {} |\n", cells.join(" | "));
    }
    let notes = notes(plan, rows);
    if !notes.is_empty() {
        text += &format!("\n- {}\n", notes.join("\n- "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::measure::Learned;
    use super::*;
    use crate::commands::table::TABLES;
    use lab::registry::Registry;
    use lab::transfer::{Arrival, Target};

    fn plan() -> Plan {
        let entry = TABLES
            .iter()
            .find(|entry| entry.name == "transfer")
            .unwrap();
        Plan::read(&Registry::standard(), entry.source(), (false, 0)).unwrap()
    }

    fn cell(plan: &Plan, way: &str, spent: u64, steps: &[Option<f64>]) -> Cell {
        let learned = |steps: &Option<f64>| Learned {
            target: Target::new(1.0, 0.5, plan.share),
            arrival: Arrival {
                steps: *steps,
                lived: 700.0,
                earned: 1.0,
            },
        };
        Cell {
            family: 0,
            way: plan
                .ways
                .iter()
                .position(|other| other.name == way)
                .unwrap(),
            spent,
            budget: plan.families[0].rules.budget,
            tasks: steps.iter().map(learned).collect(),
        }
    }

    #[test]
    fn a_way_is_held_against_the_soonest_from_scratch() {
        let plan = plan();
        let scratch: Vec<&str> = plan
            .ways
            .iter()
            .filter(|way| way.scratch)
            .map(|way| way.name.as_str())
            .collect();
        let made = |cells: &[Cell]| rows(&plan, cells);
        let slow = cell(&plan, scratch[0], 0, &[Some(4000.0); 4]);
        let soon = cell(&plan, scratch[1], 0, &[Some(1000.0); 4]);
        let memory = || cell(&plan, "rl2", 1_800_000, &[Some(100.0); 4]);
        let found = made(&[slow, soon, memory()]);
        let against = found[2].against.as_ref().unwrap();
        assert_eq!(against.scratch, scratch[1]);
        assert_eq!(against.reduction, Some(0.9));
        assert_eq!(against.break_even, Some(2000.0));
        assert_eq!(cells(&found[2])[4], "90.0 % [90.0 %, 90.0 %]");
        assert!(found[0].against.is_none(), "nothing is held against itself");
        // Where nothing was learned from scratch, what was lived is all that is known.
        let found = made(&[cell(&plan, scratch[0], 0, &[None; 4]), memory()]);
        let against = found[1].against.as_ref().unwrap();
        assert!(against.at_least);
        assert_eq!(against.reduction, Some(1.0 - 100.0 / 700.0));
        assert_eq!(cells(&found[1])[4], "≥ 85.7 % [85.7 %, –]");
        assert_eq!(cells(&found[0])[3], "> 700");
        // Nobody is said to have lived beyond the budget.
        let mut late = cell(&plan, scratch[0], 0, &[None; 4]);
        late.tasks[0].arrival.lived = 1e9;
        late.tasks[1].arrival.lived = 1e9;
        late.tasks[2].arrival.lived = 1e9;
        let budget = late.budget;
        assert_eq!(cells(&made(&[late])[0])[3], format!("> {budget}"));
        // Where hardly more than half of the tasks were learned, a resample may have no median:
        // that is no number, and not a low one.
        let half: Vec<Option<f64>> = (0..40).map(|task| (task < 22).then_some(500.0)).collect();
        let soon = cell(&plan, scratch[0], 0, &[Some(400.0); 40]);
        let found = made(&[soon, cell(&plan, "rl2", 10, &half)]);
        assert_eq!(cells(&found[1])[4], "−25.0 % [–, −25.0 %]");
        let far = cell(&plan, "rl2", 10, &[Some(12_000.0); 4]);
        let found = made(&[cell(&plan, scratch[0], 0, &[Some(1000.0); 4]), far]);
        let far = "below −1000 % [below −1000 %, below −1000 %]";
        assert_eq!(cells(&found[1])[4], far);
        assert_eq!([-0.0002, -1.667].map(percent), ["0.0 %", "−166.7 %"]);
        // What is not reached reduces nothing.
        let soon = cell(&plan, scratch[1], 0, &[Some(1000.0); 4]);
        let found = made(&[soon, cell(&plan, "rl2", 10, &[Some(1.0), None, None, None])]);
        assert_eq!(cells(&found[1])[4], "none");
        assert_eq!(cells(&found[1])[6], "never");
        assert_eq!(cells(&found[1])[2], "1 of 4");
    }
    #[test]
    fn what_cannot_be_is_said_beside_what_was_made() {
        let plan = plan();
        assert!(
            rows(&plan, &[]).is_empty(),
            "of families that nothing was made of"
        );
        let mut names = plan.families.iter().map(|family| &*family.name);
        let family = names.position(|name| name == "point-navigation").unwrap();
        let made = Cell {
            family,
            ..cell(&plan, "rl2", 10, &[Some(12.0); 4])
        };
        let found = rows(&plan, &[made]);
        let ways: Vec<&str> = found.iter().map(|row| &*row.way).collect();
        assert_eq!(ways, ["rl2", "clone", "by-hand"]);
        assert_eq!(cells(&found[1])[2..], ["impossible", "–", "–", "–", "–"]);
        let notes = notes(&plan, &found);
        let [clone, by_hand, missing] = &notes[..] else {
            panic!("a note for each, and one of what is missing");
        };
        let begins = "Point navigation, clone of a teacher: impossible, since a student";
        assert!(clone.starts_with(begins), "{clone}");
        assert!(
            by_hand.contains("a learner by hand: impossible"),
            "{by_hand}"
        );
        for way in ["point-navigation:maml", "bandits:rl2,", "gridnavi:belief"] {
            assert!(missing.contains(way), "{way}: {missing}");
        }
        for way in ["point-navigation:rl2,", "point-navigation:clone"] {
            assert!(!missing.contains(way), "{way}: {missing}");
        }
        let markdown = markdown(&plan, &found);
        assert!(markdown.ends_with(&format!("\n\n- {clone}\n- {by_hand}\n- {missing}\n")));
    }
}
