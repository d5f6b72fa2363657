//! Sweeps: planned, run in pieces, told apart.

#[cfg(unix)]
use crate::durability::limited;
use crate::lab::{Lab, Outcome, assert_identical};
use record::RunDir;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

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
    // What the jobs leave to do is the end of every script, and said beside it.
    for (engine, taker) in [
        ("slurm", "sbatch"),
        ("hq", "bash"),
        ("k8s", "kubectl apply"),
    ] {
        let engine = format!("--engine={engine}");
        let done = lab.done(&["sweep", "script", "grid.jsonl", &engine]);
        let last = done.stdout.lines().last().unwrap();
        let command = last.strip_prefix("#     ").unwrap();
        assert!(
            command.ends_with("grid.jsonl") && command.contains(" sweep run /"),
            "{last}"
        );
        let said = &done.stderr;
        assert!(
            said.contains(&format!("The script is for {taker}")),
            "{said}"
        );
        assert!(
            said.contains("the best one with the seeds [5, 6]"),
            "{said}"
        );
        assert!(said.contains(command), "{said}");
    }
    let k8s = script("k8s");
    assert!(k8s.contains("completions: 8\n") && k8s.contains("values: [2, 78]"));
}

/// What a machine that is busy may take for a few short runs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Four settings, then two, then one.
const HALVED: &str = "preset = \"tiny.toml\"\n\
                      words = [\"rl2.updates=9\", \"evaluation.interval=3\", \"evaluation.tasks=40\"]\n\
                      seeds = [101, 102]\nconfirm = [5, 6]\n\
                      halving = { rungs = [2, 5], factor = 2, tasks = 200 }\n\n[settings]\n\
                      \"rl2.trunk.hidden\" = [2, 3]\n\
                      \"rl2.learning_rate.from\" = { from = 1e-3, to = 1e-1, points = 2, scale = \"log\" }\n";

fn halved() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("grid.toml"), HALVED).unwrap();
    let done = lab.done(&["sweep", "plan", "grid.toml"]);
    let expected = "4 settings, 8 runs (4, 2, 1 to go on, rung by rung)";
    assert!(done.stdout.contains(expected), "{done:?}");
    lab
}

/// The files of a sweep's scores and what it made of them, by their places.
fn scores(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for setting in fs::read_dir(folder).unwrap() {
        let setting = setting.unwrap().path();
        let name = setting.file_name().unwrap().to_str().unwrap().to_owned();
        if setting.is_file() {
            found.insert(name, fs::read(&setting).unwrap());
            continue;
        }
        for file in fs::read_dir(&setting).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                let place = format!("{name}/{}", file.file_name().unwrap().to_str().unwrap());
                found.insert(place, fs::read(&file).unwrap());
            }
        }
    }
    found
}

/// The runs that are scored at the first rung. Files may come and go meanwhile, and are not
/// read.
fn runs_of(folder: &Path) -> Vec<String> {
    let names = |folder: &Path| -> Vec<String> {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files
            .filter_map(|file| file.file_name().into_string().ok())
            .collect()
    };
    let mut runs = Vec::new();
    for setting in names(folder) {
        let files = names(&folder.join(&setting)).into_iter();
        let runs_here = files.filter_map(|file| {
            let run = file.strip_suffix(".rung-0.json")?;
            Some(format!("{setting}/{run}"))
        });
        runs.extend(runs_here);
    }
    runs
}

/// What the lines of an event say, without where it lies.
fn said(rows: &[Value], event: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = rows.to_vec();
    rows.retain(|row| row["event"] == event);
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("runs");
    }
    rows
}

#[test]
fn halving_gives_the_same_in_pieces_killed_and_at_once() {
    let lab = halved();
    let whole = lab.done(&["sweep", "run", "grid.jsonl", "--runs=whole", "--json"]);
    let rows = whole.rows();
    let of = |event: &str| said(&rows, event).len();
    assert_eq!((of("rung"), of("setting"), of("winner")), (3, 4, 1));
    let rungs: Vec<u64> = said(&rows, "setting")
        .iter()
        .map(|row| row["rung"].as_u64().unwrap())
        .collect();
    assert_eq!(rungs, [2, 1, 0, 0]);
    let winner = &said(&rows, "winner")[0];
    assert_eq!(winner["values"], said(&rows, "setting")[0]["values"]);
    let table = fs::read_to_string(lab.path("whole/sweep.csv")).unwrap();
    assert!(
        table
            .starts_with("setting,values,seed,mean_return,standard_error,env_steps,rung,updates\n")
    );
    assert!(lab.path("whole/sweep.png").exists());

    // Jobs of a cluster, the last one first, and what comes too early.
    let early = ["sweep", "run", "grid.jsonl", "--rung=1", "--index=0"];
    for index in (0..8).rev() {
        lab.refused(&early, 75, &["rung 0 is not over"]);
        let index = format!("--index={index}");
        lab.done(&["sweep", "run", "grid.jsonl", "--rung=0", &index]);
    }
    lab.done(&early);
    lab.done(&early);
    lab.done(&["sweep", "run", "grid.jsonl", "--rung=1", "--jobs=2"]);
    let pieces = lab
        .done(&["sweep", "run", "grid.jsonl", "--json", "--jobs=1"])
        .rows();

    // Killed in the middle of a rung, and begun again by the same command.
    let killed = [
        "sweep",
        "run",
        "grid.jsonl",
        "--runs=killed",
        "--jobs=1",
        "--json",
    ];
    let mut parent = lab.start(&killed);
    let (folder, begun) = (lab.path("killed"), Instant::now());
    while !folder.exists() || runs_of(&folder).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "nothing is scored");
        sleep(Duration::from_millis(2));
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(!folder.join("winner").exists(), "killed too late");
    let mut again = lab.run(&killed);
    // Whoever trains for the one that was killed saves itself first.
    while again.code == Some(75) && begun.elapsed() < PATIENCE {
        again = lab.run(&killed);
    }
    assert_eq!(again.code, Some(0), "{again:?}");

    for (folder, rows) in [("grid", pieces), ("killed", again.rows())] {
        for event in ["rung", "setting", "winner"] {
            assert_eq!(said(&rows, event), said(&whole.rows(), event), "{folder}");
        }
        let theirs = lab.path(folder);
        assert_eq!(scores(&theirs), scores(&lab.path("whole")), "{folder}");
        for run in runs_of(&theirs) {
            let (own, other) = (theirs.join(&run), lab.path("whole").join(&run));
            // Who was left behind has no comparison, and the rows as far as it came.
            if other.join("comparison.json").exists() {
                assert_identical(&own, &other);
                continue;
            }
            assert!(!own.join("comparison.json").exists(), "{run:?}");
            for file in ["metrics.jsonl", "eval.jsonl"] {
                let [own, other] = [&own, &other].map(|run| fs::read(run.join(file)).unwrap());
                assert!(own == other, "{run:?}: {file}");
            }
        }
    }
    // One that reached the end is the run that it would have been without rungs.
    let best = said(&rows, "setting")[0].clone();
    let mut train = vec!["train".to_owned(), "tiny.toml".to_owned()];
    train.extend(["--seed=101", "--name=alone", "rl2.updates=9"].map(str::to_owned));
    train.extend(["evaluation.interval=3", "evaluation.tasks=40"].map(str::to_owned));
    for (key, value) in best["values"].as_object().unwrap() {
        train.push(format!("{key}={}", value.as_str().unwrap()));
    }
    let train: Vec<&str> = train.iter().map(String::as_str).collect();
    lab.done(&train);
    let place = format!("whole/{:04}/seed-101", best["setting"].as_u64().unwrap());
    assert_identical(&lab.path("runs/alone/seed-101"), &lab.path(&place));
}

/// The runs of a rung go on with their sweep alone: to resume one would take it beyond the
/// rung.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_a_rung_and_the_same_command_goes_on() {
    let lab = halved();
    let rung = ["sweep", "run", "grid.jsonl", "--rung=0"];
    for (how, go_on) in [
        ("--index=3", "sweep run grid.jsonl --rung 0 --index 3"),
        ("--jobs=2", "sweep run grid.jsonl --jobs 2"),
    ] {
        let full = limited(&lab, 2, &[&rung[..], &[how]].concat());
        let said = String::from_utf8_lossy(&full.stderr).into_owned();
        assert_eq!(full.status.code(), Some(75), "{said}");
        assert!(said.contains("cannot ") && said.contains(go_on), "{said}");
        assert!(!said.contains(" resume "), "{said}");
    }
    lab.done(&[&rung[..], &["--index=3"]].concat());
}

#[test]
fn what_a_rung_does_not_have_is_refused() {
    let lab = halved();
    let run = |words: &[&'static str]| [&["sweep", "run", "grid.jsonl"], words].concat();
    lab.refused(&run(&["--index=0"]), 2, &["say which by --rung, 0 to 2"]);
    lab.refused(&run(&["--rung=3"]), 2, &["--rung 3; allowed: 0 to 2"]);
    let beyond = run(&["--rung=1", "--index=4"]);
    lab.refused(&beyond, 2, &["--index 4; allowed at rung 1: 0 to 3"]);
    let k8s = ["sweep", "script", "grid.jsonl", "--engine=k8s"];
    lab.refused(&k8s, 2, &["has halving", "slurm or hq"]);
    let slurm = lab
        .done(&["sweep", "script", "grid.jsonl", "--engine=slurm"])
        .stdout;
    assert!(slurm.contains("for runs in 8 4 2; do"), "{slurm}");
    assert!(
        slurm.contains("\n#     ") && slurm.trim_end().ends_with("grid.jsonl"),
        "{slurm}"
    );
    let attempt = [
        "sweep",
        "try",
        "long.toml",
        "rl2.trunk.hidden=2",
        "rl2.learning_rate.from=0.01",
    ];
    fs::write(lab.path("long.toml"), HALVED.replace("[2, 5]", "[2, 9]")).unwrap();
    lab.refused(
        &["sweep", "plan", "long.toml"],
        78,
        &["long.toml: halving.rungs: 9; allowed: less than the 9 updates"],
    );
    lab.refused(
        &attempt,
        78,
        &["long.toml: halving.rungs: 9; allowed: less than the 9 updates of rl2.learning_rate"],
    );
    assert!(!lab.path("long").exists(), "nothing was begun");
    let lengths = HALVED.replace("\"rl2.trunk.hidden\" = [2, 3]", "\"rl2.updates\" = [9, 10]");
    let lengths = lengths.replace("\"rl2.updates=9\", ", "");
    fs::write(lab.path("lengths.toml"), lengths).unwrap();
    let unequal = "rl2.updates=10: a training of 10 updates beside others of 9";
    lab.refused(&["sweep", "plan", "lengths.toml"], 78, &[unequal]);
    fs::write(lab.path("plain.toml"), SPEC).unwrap();
    lab.done(&["sweep", "plan", "plain.toml"]);
    let plain = ["sweep", "run", "plain.jsonl", "--rung=0"];
    lab.refused(&plain, 2, &["--rung 0: plain.jsonl has no halving"]);
}

/// A learning rate beyond all reason ends its own setting and no other.
#[test]
fn a_setting_that_diverges_falls_behind() {
    let lab = Lab::new();
    let wild = HALVED
        .replace(
            "{ from = 1e-3, to = 1e-1, points = 2, scale = \"log\" }",
            "[1e30, 1e-3]",
        )
        .replace("\"rl2.trunk.hidden\" = [2, 3]\n", "")
        .replace("confirm = [5, 6]\n", "");
    fs::write(lab.path("wild.toml"), wild).unwrap();
    lab.done(&["sweep", "plan", "wild.toml"]);
    for _ in 0..2 {
        let rows = lab.done(&["sweep", "run", "wild.jsonl", "--json"]).rows();
        let first = &said(&rows, "rung")[0];
        assert_eq!(
            (&first["failed"], &first["goes_on"]),
            (&json!(1), &json!([1]))
        );
        let last = said(&rows, "setting").pop().unwrap();
        assert_eq!(last["mean_return"], Value::Null);
        assert!(last["failure"].as_str().unwrap().len() > 5, "{last}");
    }
    let row = lab.done(&[
        "sweep",
        "try",
        "wild.toml",
        "rl2.learning_rate.from=1e30",
        "--json",
    ]);
    assert_eq!(row.last()["mean_return"], Value::Null, "{row:?}");
}

/// Likewise where all are taken to their ends: there is a table, and the others' best one is
/// confirmed.
#[test]
fn a_setting_that_diverges_without_halving_falls_behind_too() {
    let lab = Lab::new();
    let range = "{ from = 1e-3, to = 1e-1, points = 2, scale = \"log\" }";
    let wild = SPEC.replace(range, "[1e30, 1e-3]");
    let wild = wild.replace("\"rl2.trunk.hidden\" = [2, 3]\n", "");
    fs::write(lab.path("wild.toml"), wild).unwrap();
    lab.done(&["sweep", "plan", "wild.toml"]);
    let job = lab.done(&["sweep", "run", "wild.jsonl", "--index=0"]);
    assert!(job.stdout.contains("run 0 comes to no number"), "{job:?}");
    for _ in 0..2 {
        let rows = lab.done(&["sweep", "run", "wild.jsonl", "--json"]).rows();
        let settings = said(&rows, "setting");
        assert_eq!(settings.len(), 2);
        assert_eq!(settings[1]["mean_return"], Value::Null);
        assert!(settings[1]["failure"].as_str().unwrap().len() > 5);
        let winner = &said(&rows, "winner")[0];
        assert_eq!(winner["values"], settings[0]["values"]);
        // It was chosen by tuning tasks, and not by those that its runs are reported on.
        let run = lab.path("wild/0001/seed-101");
        let report = fs::read_to_string(run.join("comparison.json")).unwrap();
        let score = fs::read_to_string(lab.path("wild/0001/seed-101.rung-0.json")).unwrap();
        let mean = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.contains("\"mean_return\""));
            lines.map(|line| line.trim().to_owned()).collect()
        };
        assert_eq!(mean(&score).len(), 1);
        assert!(!mean(&report).contains(&mean(&score)[0]), "{score}");
        // And is what a search is told of it.
        let words = [
            "sweep",
            "try",
            "wild.toml",
            "rl2.learning_rate.from=1e-3",
            "--json",
        ];
        let tried = lab.done(&words).last();
        assert_eq!(tried["mean_return"], settings[0]["mean_return"]);
    }
    assert!(lab.path("wild/sweep.png").exists());
}

#[test]
fn a_search_asks_what_a_setting_comes_to() {
    let lab = halved();
    let space: Value =
        serde_json::from_str(&lab.done(&["sweep", "space", "grid.toml"]).stdout).unwrap();
    assert_eq!(space["rl2.trunk.hidden"]["name"], "CategoricalDistribution");
    assert_eq!(space["rl2.learning_rate.from"]["attributes"]["log"], true);
    let attempt = |more: &[&str]| {
        let words = ["sweep", "try", "grid.toml", "rl2.trunk.hidden=3"];
        let rate = ["rl2.learning_rate.from=0.001", "--json"];
        lab.done(&[&words[..], &rate, more].concat()).last()
    };
    let first = attempt(&["--rung=0"]);
    assert_eq!((&first["rung"], &first["updates"]), (&json!(0), &json!(2)));
    let last = attempt(&[]);
    assert_eq!((&last["rung"], &last["updates"]), (&json!(2), &json!(9)));
    // What was asked before is answered as it was.
    assert_eq!(attempt(&["--rung=0", "--jobs=1"]), first);
    assert_eq!(attempt(&["--rung=2"]), last);
    // It is what the plan would make of it.
    let plan = fs::read_to_string(lab.path("grid.jsonl")).unwrap();
    let lines = plan
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap());
    let same = |line: &Value| line["values"] == first["values"] && line["seed"] == 101;
    let line = lines.into_iter().find(same).unwrap();
    let index = format!("--index={}", line["index"]);
    lab.done(&["sweep", "run", "grid.jsonl", "--rung=0", &index]);
    let score = |run: &str| {
        let place = lab.path(run).join("seed-101.rung-0.json");
        fs::read(place).unwrap()
    };
    let planned = format!("grid/{:04}", line["setting"].as_u64().unwrap());
    assert_eq!(score(first["runs"].as_str().unwrap()), score(&planned));
    let confirmed = attempt(&["--confirm"]);
    assert_eq!(confirmed["event"], "winner");
    assert_eq!(confirmed["seeds"], json!([5, 6]));
    let refused = |words: &[&str], what: &str| {
        let words = [&["sweep", "try", "grid.toml"], words].concat();
        lab.refused(&words, 2, &[what]);
    };
    refused(&["rl2.trunk.hidden=3"], "rl2.learning_rate.from is not set");
    let rate = "rl2.learning_rate.from=0.001";
    refused(&[rate, "rl2.trunk.hidden=4"], "allowed: one of 2, 3");
    refused(
        &[rate, "rl2.trunk.hidden=3", "--rung=3"],
        "--rung 3; allowed: 0 to 2",
    );
}

/// As much of Optuna as a study needs, which is not installed here: it chooses what comes
/// first, then what comes last, and ends the second one at its first rung.
const OPTUNA: &str = r#"
import enum, json, types

def json_to_distribution(text):
    kind = json.loads(text)["attributes"]
    return kind.get("choices") or [kind["low"], kind["high"]]

class TrialState(enum.Enum):
    COMPLETE, FAIL, PRUNED = 1, 2, 3

class Trial:
    def __init__(self, number, space):
        self.number = number
        self.params = {key: values[-number] for key, values in space.items()}
    def report(self, value, step):
        print("report", self.number, step, value)
    def should_prune(self):
        return self.number == 1

class Study:
    number, best_params = 0, {"k": 1}
    def ask(self, space):
        self.number += 1
        return Trial(self.number - 1, space)
    def tell(self, trial, value, state):
        print("tell", trial.number, value, state.name)

distributions = types.SimpleNamespace(json_to_distribution=json_to_distribution)
trial = types.SimpleNamespace(TrialState=TrialState)
pruners = types.SimpleNamespace(MedianPruner=lambda **_: None)
def create_study(**_):
    return Study()
"#;

/// The example of a study, of two trials, begun by a shell's command.
fn study(lab: &Lab, begin: &str) -> Outcome {
    let program = env!("CARGO_BIN_EXE_experiments");
    let mut study = Command::new("bash");
    let study = study.args(["-c", &format!("{begin} python3 \"$0\" \"$@\""), "study.py"]);
    let study = study.args([program, "grid.toml", "2"]);
    Outcome::of(study.current_dir(lab.path("")))
}

/// What a study told Optuna, word by word.
fn told(study: &Outcome) -> Vec<Vec<&str>> {
    let lines = study.stdout.lines();
    lines
        .map(|line| line.split(' ').collect())
        .filter(|words: &Vec<&str>| ["report", "tell"].contains(&words[0]))
        .collect()
}

/// Another process at a setting is the end of its trial, and a full disk that of the study.
fn beside_others_and_on_a_full_disk(lab: &Lab) {
    let last = |setting: &PathBuf| setting.join("seed-101.rung-2.json").exists();
    let mut settings = fs::read_dir(lab.path("grid")).unwrap();
    let setting = settings.find_map(|found| Some(found.unwrap().path()).filter(last));
    let setting = setting.unwrap();
    // As if the other process were just scoring what it has trained.
    fs::remove_file(setting.join("seed-101.rung-2.json")).unwrap();
    let held = RunDir::open(setting.join("seed-101")).unwrap();
    let beside = study(lab, "exec");
    assert_eq!(beside.code, Some(0), "{beside:?}");
    let ended = told(&beside);
    let ended = [2, 4].map(|index: usize| ended[index][3]);
    assert_eq!(ended, ["FAIL", "PRUNED"], "{beside:?}");
    drop(held);
    fs::remove_dir_all(&setting).unwrap();
    let full = study(lab, "ulimit -f 2; exec");
    assert_eq!(full.code, Some(1), "{full:?}");
    assert!(told(&full).is_empty(), "{full:?}");
    for part in ["cannot ", "the study ends: ", " ended with 75; "] {
        assert!(full.stderr.contains(part), "{part}: {full:?}");
    }
    assert!(!full.stderr.contains(" resume "), "{full:?}");
}

#[test]
fn the_example_of_a_study_runs() {
    let lab = halved();
    fs::write(lab.path("optuna.py"), OPTUNA).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/python/examples");
    fs::copy(example.join("study.py"), lab.path("study.py")).unwrap();
    let done = study(&lab, "exec");
    assert_eq!(done.code, Some(0), "{done:?}");
    let told = told(&done);
    let kinds: Vec<&str> = told.iter().map(|words| words[0]).collect();
    assert_eq!(
        kinds,
        ["report", "report", "tell", "report", "tell"],
        "{told:?}"
    );
    assert_eq!([told[0][2], told[1][2], told[3][2]], ["2", "5", "2"]);
    assert!(told[2][2].parse::<f64>().unwrap() > 0.0 && told[2][3] == "COMPLETE");
    assert_eq!(told[4][2..], ["None", "PRUNED"]);
    beside_others_and_on_a_full_disk(&lab);
    // The sweep that lies beside it is one.
    let spec = example.join("rates.toml");
    lab.done(&["sweep", "space", spec.to_str().unwrap()]);
}
