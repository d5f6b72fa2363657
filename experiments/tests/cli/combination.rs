//! Policies that are combined: `table combination`, and rules and ensembles by name.

use crate::lab::Lab;
use serde_json::Value;
use std::fs;

/// Two agents that learned next to nothing, in the table's small grid.
fn agents(lab: &Lab, environment: &str) {
    let environment = format!("environment={environment}");
    let train = ["train", "tiny.toml", &environment, "rl2.updates=1"];
    let more = ["evaluation.learners=[]", "--seeds", "2", "--name", "agents"];
    lab.done(&[&train[..], &more].concat());
}

const GRID: &str = "{name=\"gridnavi\",size=4,horizon=8,episodes=3}";

#[test]
fn simulations_agree_with_exact_values_and_workers_change_nothing() {
    let lab = Lab::new();
    agents(&lab, GRID);
    let table = |out: &str, workers: &str| {
        let args = ["table", "combination", "--quick", "--json", "--out", out];
        let more = ["--workers", workers, "majority=runs/agents"];
        lab.done(&[&args[..], &more].concat())
    };
    let rows = table("one", "1").rows();
    table("two", "2");
    for file in ["table.csv", "table.md"] {
        let read = |folder: &str| fs::read(lab.path(folder).join(file)).unwrap();
        assert_eq!(read("one"), read("two"), "{file}");
    }
    let rows: Vec<&Value> = rows.iter().map(|row| &row["row"]).collect();
    let mut compared = 0;
    for row in &rows {
        let exact = row["exact"]["value"].as_f64();
        let simulated = &row["simulated"];
        if let (Some(exact), Some(mean)) = (exact, simulated["mean"].as_f64()) {
            let error = simulated["standard_error"].as_f64().unwrap();
            assert!((mean - exact).abs() < 3.0 * error + 1e-6, "{row}");
            compared += 1;
        }
    }
    // Random, four rules and Bayes-optimal, in four environments.
    assert_eq!(compared, 24);
    let of = |policy: &str| {
        let own = |row: &&&Value| {
            let named = row["policy"].as_str().unwrap().starts_with(policy);
            named && row["environment"].as_str().unwrap().starts_with("gridnavi")
        };
        let row = rows.iter().find(own).unwrap_or_else(|| panic!("{policy}"));
        let exact = row["exact"]["value"].as_f64();
        exact.or_else(|| row["simulated"]["mean"].as_f64()).unwrap()
    };
    let order = [
        "random",
        "exp4",
        "expert-held",
        "expert-sampling",
        "expert-mixture",
        "qmdp",
        "bayes-optimal",
        "knowing the task",
    ];
    let values = order.map(of);
    assert!(values.is_sorted(), "{values:?}");
    assert!(of("majority of 2") < of("qmdp"));
}

#[test]
fn agents_that_do_not_fit_the_table_are_refused() {
    let lab = Lab::new();
    let refused = |word: &[&str], code: i32, parts: &[&str]| {
        let args = ["table", "combination", "--quick"];
        lab.refused(&[&args[..], word].concat(), code, parts);
    };
    refused(&["--only", "a:b"], 2, &["--only a:b", "leave out --only"]);
    refused(&["majorty=x"], 2, &["did you mean 'majority'?"]);
    refused(&["majority=3"], 2, &["majority = 3; allowed: the folder"]);
    refused(
        &["majority=runs/none"],
        2,
        &["majority=runs/none: ", "none"],
    );
    agents(&lab, "{name=\"bernoulli-bandit\",arms=2,pulls=5}");
    let parts = ["'bernoulli-bandit' with", "the table has gridnavi size=4"];
    refused(&["majority=runs/agents"], 78, &parts);
}

#[test]
fn rules_and_ensembles_by_name() {
    let lab = Lab::new();
    let refused = |args: &[&str], parts: &[&str]| {
        lab.refused(&[&["baseline"], args].concat(), 78, parts);
    };
    // Who knows the goal cannot act where it is hidden.
    let parts = ["'qmdp' cannot act in 'maze'", "those that can: random, "];
    refused(&["maze", "qmdp"], &parts);
    let parts = ["infinitely many: set variant=easy", "thompson"];
    refused(&["dependent-bandit", "expert-mixture"], &parts);
    let parts = ["there is nothing to infer: set task=hidden", "known-goal"];
    refused(&["gridnavi", "expert-sampling", "task=shown"], &parts);
    refused(
        &["gridnavi", "exp4", "size=9"],
        &["here are 77: set size=8"],
    );
    refused(&["gridnavi", "exp4", "rate=0"], &["exp4.rate = 0; allowed"]);

    agents(&lab, "{name=\"bernoulli-bandit\",arms=2,pulls=5}");
    let clone = |teacher: &str| {
        let teacher = format!("imitation.teacher={teacher}");
        let sizes = "imitation.lanes=64 imitation.tile=4 imitation.trunk.hidden=6 \
                     environment.arms=2 environment.pulls=5 evaluation.tasks=64 \
                     evaluation.interval_tasks=64 evaluation.learners=[] imitation.updates=1";
        let train = ["train", "imitation/bernoulli-bandit-5x10", &teacher];
        let mut words: Vec<String> = train.map(str::to_owned).to_vec();
        words.extend(sizes.split_whitespace().map(str::to_owned));
        words
    };
    let args = clone("{name=\"majority\",runs=\"runs/agents\"}");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    lab.done(&[&args[..], &["--name", "clone"]].concat());
    let config = fs::read_to_string(lab.path("runs/clone/config.toml"));
    let config = config.or_else(|_| fs::read_to_string(lab.path("runs/clone/seed-0/config.toml")));
    assert!(config.unwrap().contains("runs = \"runs/agents\""));
    // Compared with, as a learner among others.
    let beside = |runs: &str| {
        format!("evaluation.learners=[{{name=\"random\"}},{{name=\"majority\",{runs}}}]")
    };
    let tiny = |learners: &str| {
        let environment = "environment={name=\"bernoulli-bandit\",arms=2,pulls=5}";
        let words = [
            "train",
            "tiny.toml",
            environment,
            "rl2.updates=1",
            learners,
            "--name",
        ];
        words.map(str::to_owned).to_vec()
    };
    let train = |learners: &str, name: &str| {
        let words = [tiny(learners), vec![name.to_owned()]].concat();
        lab.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let beside_agents = beside("runs=\"runs/agents\"");
    let outcome = train(&beside_agents, "beside");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("majority"), "{outcome:?}");
    let config = fs::read_to_string(lab.path("runs/beside/seed-0/config.toml")).unwrap();
    assert!(config.contains("runs = \"runs/agents\""), "{config}");
    for (runs, name, code, part) in [
        ("", "none", 78, "evaluation.learners.1.runs is missing"),
        (
            "runs=3",
            "none",
            78,
            "evaluation.learners.1.runs = 3; allowed",
        ),
        ("runs=\"runs/none\"", "none", 78, "evaluation.learners: "),
    ] {
        let outcome = train(&beside(runs), name);
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert!(outcome.stderr.contains(part), "{part}: {outcome:?}");
    }
    let cases = [
        ("{name=\"majority\"}", "imitation.teacher.runs is missing"),
        (
            "{name=\"majority\",path=\"x\"}",
            "imitation.teacher.path: no such key",
        ),
        ("{name=\"majority\",runs=\"runs/none\"}", "runs/none"),
        (
            "{name=\"exp4\"}",
            "imitation.teacher: 'exp4' cannot act in 'bernoulli-bandit'",
        ),
    ];
    for (teacher, part) in cases {
        let args = clone(teacher);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let outcome = lab.run(&args);
        assert!(outcome.stderr.contains(part), "{part}: {outcome:?}");
        assert!([2, 78].contains(&outcome.code.unwrap()), "{outcome:?}");
    }
}
