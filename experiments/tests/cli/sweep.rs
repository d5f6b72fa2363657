//! Sweeps: planned, run in pieces, told apart.

use crate::lab::{Lab, assert_identical};
use std::fs;

const SPEC: &str = "preset = \"tiny.toml\"\nwords = [\"rl2.updates=2\"]\nseeds = [101, 102]\n\
                    confirm = [5, 6]\n\n[settings]\n\
                    \"rl2.trunk.hidden\" = [2, 3]\n\
                    \"rl2.learning_rate.from\" = { from = 1e-3, to = 1e-1, points = 2, scale = \"log\" }\n";

fn planned() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("grid.toml"), SPEC).unwrap();
    let done = lab.done(&["sweep", "plan", "grid.toml"]);
    assert!(done.stdout.contains("4 settings, 8 runs"), "{done:?}");
    lab
}

#[test]
fn a_sweep_gives_the_same_in_pieces_and_at_once() {
    let lab = planned();
    // A job of a cluster, twice, and then all that is left.
    lab.done(&["sweep", "run", "grid.jsonl", "--index=3"]);
    let again = lab.done(&["sweep", "run", "grid.jsonl", "--index=3"]);
    assert!(
        again
            .stdout
            .contains("run 3 is finished: grid/0001/seed-102"),
        "{again:?}"
    );
    let done = lab.done(&["sweep", "run", "grid.jsonl", "--json"]);
    let rows = done.rows();
    let of = |event: &str| rows.iter().filter(|row| row["event"] == event).count();
    assert_eq!((of("setting"), of("winner")), (4, 1));
    let best = rows.iter().find(|row| row["event"] == "setting").unwrap();
    let winner = rows.iter().find(|row| row["event"] == "winner").unwrap();
    assert_eq!(best["values"], winner["values"]);
    assert_eq!(winner["seeds"], serde_json::json!([5, 6]));
    let table = fs::read_to_string(lab.path("grid/sweep.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + 8);
    assert!(lab.path("grid/sweep.png").exists());
    let whole = lab.done(&["sweep", "run", "grid.jsonl", "--runs=whole", "--jobs=1"]);
    assert!(
        whole
            .stdout
            .contains("on seeds and tasks that it was not chosen by (2 seeds)")
    );
    for run in [
        "0000/seed-101",
        "0001/seed-102",
        "0003/seed-102",
        "winner/seed-6",
    ] {
        assert_identical(&lab.path("grid").join(run), &lab.path("whole").join(run));
    }
}

#[test]
fn what_does_not_belong_to_a_plan_is_refused() {
    let lab = planned();
    let refused = |words: &[&str], code, what| lab.refused(words, code, &[what]);
    refused(
        &["sweep", "run", "grid.jsonl", "--index=8"],
        2,
        "--index 8; allowed: 0 to 7",
    );
    refused(&["sweep", "run", "grid.toml"], 78, "line 1: ");
    refused(
        &["sweep", "run", "none.jsonl"],
        2,
        "`sweep plan SPEC` makes a plan",
    );
    fs::write(lab.path("bad.toml"), SPEC.replace("[2, 3]", "[2, 0]")).unwrap();
    refused(&["sweep", "plan", "bad.toml"], 78, "rl2.trunk.hidden");
    assert!(!lab.path("bad.jsonl").exists());
    // The same plan may be made again, and another one does not take its place.
    lab.done(&["sweep", "plan", "grid.toml"]);
    fs::write(lab.path("grid.toml"), SPEC.replace("[2, 3]", "[2, 4]")).unwrap();
    refused(
        &["sweep", "plan", "grid.toml"],
        2,
        "grid.jsonl holds another plan",
    );
    lab.done(&[
        "train",
        "tiny.toml",
        "--seed=101",
        "--runs=grid",
        "--name=0000",
    ]);
    refused(
        &["sweep", "run", "grid.jsonl"],
        78,
        "holds a run of another configuration",
    );
    assert!(!lab.path("grid/0001").exists(), "nothing was begun");
}

#[test]
fn clusters_are_told_every_run() {
    let lab = planned();
    let script = |engine: &str| {
        let engine = format!("--engine={engine}");
        lab.done(&["sweep", "script", "grid.jsonl", &engine]).stdout
    };
    let slurm = script("slurm");
    assert!(
        slurm.starts_with(
            "#!/usr/bin/env bash\n#SBATCH --job-name=sweep-grid\n#SBATCH --array=0-7\n"
        )
    );
    assert!(slurm.contains("grid.jsonl --workers 1 --index \"$SLURM_ARRAY_TASK_ID\" &"));
    assert!(script("hq").contains("--array 0-7"));
    let k8s = script("k8s");
    assert!(k8s.contains("completions: 8\n") && k8s.contains("values: [2, 78]"));
}
