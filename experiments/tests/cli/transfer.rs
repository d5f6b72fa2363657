//! How long a new task takes, by one command that can be gone on with.

use crate::lab::Lab;
use record::RunDir;
use serde_json::Value;
use std::fs;

const FILES: [&str; 4] = ["table.csv", "table.md", "tasks.csv", "bandits.svg"];
const LEDGER: &str = "out/quick/cells.jsonl";

fn only(cells: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    let mut args = vec!["transfer", "--quick", "--out", "out"];
    for cell in cells {
        args.extend(["--only", cell]);
    }
    args.extend(more);
    args
}

fn command(more: &[&'static str]) -> Vec<&'static str> {
    let cells = [
        "bandits:scratch-ppo",
        "bandits:rl2-tuned",
        "bandits:rl2",
        "bandits:by-hand",
    ];
    only(&cells, more)
}

fn files(lab: &Lab) -> [Vec<u8>; 4] {
    FILES.map(|name| fs::read(lab.path(&format!("out/quick/{name}"))).unwrap())
}

/// The same bits for any number of workers, and after whatever it was cut short by; what is
/// there is not worked out again.
#[test]
fn new_tasks_are_gone_on_with_to_the_same_bits() {
    let lab = Lab::new();
    let done = lab.done(&command(&["--workers", "1", "--json"]));
    let made = files(&lab);
    let rows = done.rows();
    let row = |way: &str| rows.iter().find(|row| row["row"]["way"] == way).unwrap();
    let by_hand = &row("by-hand")["row"];
    assert_eq!(by_hand["reached"], 3);
    assert_eq!(by_hand["against"]["scratch"], "scratch-ppo");
    assert!(by_hand["median"].as_f64().unwrap() <= 100.0, "{by_hand}");
    assert_eq!(row("rl2")["row"]["spent"], 3200);
    // Nothing is worked out again.
    let again = lab.done(&command(&["--workers", "3"]));
    assert!(again.stderr.contains("finished before"), "{}", again.stderr);
    assert!(!again.stderr.contains("update"), "{}", again.stderr);
    assert_eq!(files(&lab), made);
    // Cut short in the middle of a task, and the run that went before in its training.
    let cells = fs::read(lab.path(LEDGER)).unwrap();
    fs::write(lab.path(LEDGER), &cells[..2 * cells.len() / 3]).unwrap();
    let run = lab.path("out/quick/runs/bandits/rl2/seed-0");
    fs::remove_file(run.join("comparison.json")).unwrap();
    lab.done(&command(&["--workers", "3"]));
    assert_eq!(files(&lab), made);
    assert_eq!(fs::read(lab.path(LEDGER)).unwrap().len(), cells.len());
    // Nothing is forgotten where a run is another's, nor a number taken that was changed.
    let cells = fs::read(lab.path(LEDGER)).unwrap();
    let busy = RunDir::open(&run).unwrap();
    let overwrite = command(&["--workers", "2", "--overwrite"]);
    lab.refused(&overwrite, 2, &["is being written by"]);
    drop(busy);
    assert_eq!(fs::read(lab.path(LEDGER)).unwrap(), cells);
    let text = String::from_utf8(cells.clone()).unwrap();
    fs::write(
        lab.path(LEDGER),
        text.replacen("\"steps\":", "\"steps\":1", 1),
    )
    .unwrap();
    let changed = ["cells.jsonl, line 1", "changed after it was written"];
    lab.refused(&command(&[]), 78, &changed);
    fs::write(lab.path(LEDGER), &cells).unwrap();
    // What is made anew comes to the same.
    lab.done(&command(&["--workers", "2", "--overwrite"]));
    assert_eq!(files(&lab), made);
    // The table is one among others.
    lab.done(&[&["table"], &command(&[])[..]].concat());
    assert_eq!(files(&lab), made);
}

/// Who was trained before by other algorithms: beliefs, gradient steps, networks that are told
/// the task.
#[test]
fn all_kinds_of_beginners_come_to_the_same_bits() {
    const CELLS: [&str; 8] = [
        "bandits:scratch-plain",
        "bandits:belief",
        "bandits:multi-task",
        "dirichlet-mdp:reptile",
        "point-navigation:belief",
        "point-navigation:multi-task",
        "point-navigation:maml",
        "point-navigation:reptile",
    ];
    let lab = Lab::new();
    let done = lab.done(&only(&CELLS, &["--workers", "1", "--json"]));
    let made = files(&lab);
    let rows = done.rows();
    for cell in CELLS {
        let is = |row: &&Value| cell == format!("{}:{}", text(row, "family"), text(row, "way"));
        let row = rows.iter().map(|row| &row["row"]).find(is);
        let row = row.unwrap_or_else(|| panic!("no row of {cell}"));
        assert_eq!(row["tasks"], 3, "{row}");
        let spent = row["spent"].as_u64().unwrap();
        match cell {
            "bandits:scratch-plain" => assert_eq!(spent, 0),
            "bandits:belief" | "bandits:multi-task" => assert_eq!(spent, 32 * 100),
            _ => assert!(spent > 0, "{row}"),
        }
    }
    let table = String::from_utf8(made[1].clone()).unwrap();
    for said in [
        "Point navigation | clone of a teacher | impossible |",
        "Point navigation, clone of a teacher: impossible, since",
        "gridnavi:maml",
    ] {
        assert!(table.contains(said), "{said}: {table}");
    }
    // Cut short in the middle of its tasks, and of a training of each kind.
    let whole = fs::read(lab.path(LEDGER)).unwrap();
    fs::write(lab.path(LEDGER), &whole[..whole.len() / 3]).unwrap();
    for run in ["bandits/belief", "point-navigation/maml"] {
        let run = lab.path(&format!("out/quick/runs/{run}/seed-0"));
        fs::remove_file(run.join("comparison.json")).unwrap();
    }
    lab.done(&only(&CELLS, &["--workers", "2"]));
    assert_eq!(files(&lab), made);
    assert_eq!(fs::read(lab.path(LEDGER)).unwrap().len(), whole.len());
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    let lab = Lab::new();
    let refused = |args: &[&str], parts: &[&str]| lab.refused(args, 2, parts);
    let only = ["transfer", "--only", "gridnavi:rl3"];
    refused(&only, &["no column 'rl3'", "'rl2'"]);
    let only = ["transfer", "--only", "gridnawi:rl2"];
    refused(&only, &["no row 'gridnawi'", "'gridnavi'"]);
    let only = ["transfer", "--only", "point-navigation:clone"];
    refused(
        &only,
        &[
            "point-navigation:clone",
            "impossible, since a student",
            "leave it out",
        ],
    );
    let runs = ["table", "transfer", "--runs", "elsewhere"];
    refused(&runs, &["--runs elsewhere", "leave it out"]);
    let word = ["table", "transfer", "tasks=3"];
    refused(&word, &["tasks=3", "has no settings"]);
    assert!(!lab.path("tables").exists(), "nothing was made");
}
