//! Tasks that are kept from a training.

use crate::lab::Lab;
use serde_json::Value;
use std::fs;

/// One pull of two arms: who is trained on one task alone pulls its better arm,
/// which pays 0.9 there and 0.1 in the other task.
const ONE_OF_TWO: [&str; 10] = [
    "train",
    "tiny.toml",
    "environment.name=dependent-bandit",
    "environment.variant=easy",
    "environment.pulls=1",
    "evaluation.split.unseen=1",
    "evaluation.tasks=2000",
    "rl2.updates=80",
    "rl2.learning_rate.from=0.05",
    "rl2.entropy_coefficient.from=0",
];

fn returns(row: &Value) -> [f64; 2] {
    ["trained", "unseen"].map(|part| {
        assert_eq!(row["split"][part]["distinct"], 1);
        assert_eq!(row["split"][part]["tasks"], row["tasks"]);
        row["split"][part]["mean_return"].as_f64().unwrap()
    })
}

#[test]
fn an_agent_never_trains_on_tasks_that_are_kept_from_it() {
    let lab = Lab::new();
    let trained = lab.done(&[&ONE_OF_TWO[..], &["--json"]].concat());
    let run = lab.path("runs/tiny/seed-0");
    let comparison = fs::read_to_string(run.join("comparison.json")).unwrap();
    let comparison: Value = serde_json::from_str(&comparison).unwrap();
    let agent = &comparison["learners"][0];
    assert_eq!(agent["kind"], "trained");
    for row in [
        &trained.last(),
        &lab.done(&["eval", "runs/tiny/seed-0", "--json"]).last(),
    ] {
        assert_eq!(row["split"], agent["split"]);
        let [seen, unseen] = returns(row);
        // Six standard errors are 0.04.
        assert!((seen - 0.9).abs() < 0.05, "{row}");
        assert!((unseen - 0.1).abs() < 0.05, "{row}");
        // Of all tasks, as they are drawn, half are of each.
        assert!(
            (row["mean_return"].as_f64().unwrap() - 0.5).abs() < 0.06,
            "{row}"
        );
    }
    let evaluations = fs::read_to_string(run.join("eval.jsonl")).unwrap();
    let rows: Vec<Value> = evaluations
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [seen, unseen] = returns(rows.last().unwrap());
    assert!(seen > 0.75 && unseen < 0.25);
    // The other learners are measured on both parts, too.
    let random = &comparison["learners"][1];
    assert_eq!(random["name"], "random");
    let error = random["split"]["unseen"]["mean_return"].as_f64().unwrap() - 0.5;
    assert!(error.abs() < 0.07, "{random}");
    let said = lab.done(&["resume", "runs/tiny/seed-0"]).stdout;
    assert!(
        said.contains("tasks to train on: 1, kept back: 1"),
        "{said}"
    );
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("on 1 task kept back"));
}

#[test]
fn which_tasks_are_kept_does_not_depend_on_the_seed_of_the_run() {
    let lab = Lab::new();
    let brief = "rl2.updates=20";
    let args = [&ONE_OF_TWO[..7], &ONE_OF_TWO[8..], &[brief, "--json"]].concat();
    let sides = |seed: &str, split: &str| {
        let more = ["--seed", seed, split, "--runs", split];
        let [seen, unseen] = returns(&lab.done(&[&args[..], &more].concat()).last());
        let config = fs::read_to_string(lab.path(&format!("{split}/tiny/seed-{seed}/config.toml")));
        assert!(config.unwrap().contains("unseen = 1"));
        seen > unseen
    };
    for seed in ["1", "2"] {
        assert!(sides(seed, "evaluation.split.seed=4"));
    }
}

/// Tasks that are kept back reach an agent by no parameters and by no teacher that learned in
/// them: with a split, an agent is made of runs alone that keep back as much of the same tasks.
#[test]
fn no_agent_is_made_of_one_that_met_what_is_kept_back() {
    let lab = Lab::new();
    let brief = [
        "rl2.updates=1",
        "evaluation.tasks=20",
        "evaluation.interval_tasks=20",
    ];
    let train = |name: &str, more: &[&str]| {
        lab.done(&[&ONE_OF_TWO[..5], &brief, more, &["--name", name]].concat());
    };
    let refused = |more: &[&str], parts: &[&str]| {
        let args = [&ONE_OF_TWO[..5], &brief, more, &["--name", "refused"]].concat();
        lab.refused(&args, 78, parts);
    };
    let split = "evaluation.split.unseen=1";
    let (all, kept) = ("runs/all/seed-0", "runs/kept/seed-0");
    train("all", &[]);
    train("kept", &[split]);
    let said = ["evaluation.split: ", "keeps at least these"];
    refused(
        &[split, "--from", all],
        &["from = runs/all", said[0], said[1]],
    );
    refused(&[split, "evaluation.split.seed=1", "--from", kept], &said);
    let longer = [
        "environment.pulls=2",
        split,
        "--from",
        kept,
        "--name",
        "refused",
    ];
    lab.refused(&[&ONE_OF_TWO[..4], &brief, &longer].concat(), 78, &said);
    train("again", &[split, "--from", kept]);
    train("whole", &["--from", kept]);
    let clone = |teacher: &str| {
        let teacher = format!("imitation.teacher={teacher}");
        let bandit = "environment={name=\"dependent-bandit\",variant=\"easy\",pulls=1}";
        lab.run(&[
            "train",
            "imitation/bernoulli-bandit-5x10",
            bandit,
            split,
            &teacher,
            "imitation.updates=1",
            "imitation.lanes=64",
            "imitation.tile=4",
            "imitation.trunk.hidden=6",
            "evaluation.tasks=20",
            "evaluation.interval_tasks=20",
            "evaluation.learners=[]",
            "--name",
            "clone",
        ])
    };
    let run = |path: &str| format!("{{name=\"run\",path=\"{path}\"}}");
    for teacher in [
        run(all),
        "{name=\"majority\",runs=\"runs/all\"}".to_owned(),
        format!("{{name=\"mixture\",teachers=[{},{}]}}", run(kept), run(all)),
    ] {
        let outcome = clone(&teacher);
        assert_eq!(outcome.code, Some(78), "{teacher}: {outcome:?}");
        let place = outcome
            .stderr
            .contains("imitation.teacher: runs/all/seed-0: ");
        assert!(place && outcome.stderr.contains(said[0]), "{outcome:?}");
    }
    assert!(!lab.path("runs/refused").exists() && !lab.path("runs/clone").exists());
    assert_eq!(clone(&run(kept)).code, Some(0));
}

#[test]
fn splits_that_leave_nothing_are_refused() {
    let lab = Lab::new();
    let refused = |words: &[&str], parts: &[&str]| {
        lab.refused(&[&["train", "tiny.toml"], words].concat(), 78, parts);
    };
    refused(
        &["evaluation.split.unseen=1"],
        &["evaluation.split.unseen = 1", "'bernoulli-bandit' cannot"],
    );
    let name = "environment.name=gridnavi";
    refused(
        &[name, "evaluation.split.unseen=21"],
        &["evaluation.split.unseen = 21", "1 to 20 of the 21 tasks"],
    );
    refused(
        &["environment.name=empty-grid", "evaluation.split.unseen=1"],
        &["there is 1 task"],
    );
    refused(
        &[name, "evaluation.split={unseen=1,sed=2}"],
        &["evaluation.split.sed: no such key", "'seed'"],
    );
    refused(
        &[name, "evaluation.split=5"],
        &["evaluation.split = 5", "a table"],
    );
    assert!(!lab.path("runs").exists());
}
