//! What the commands do when all is well.

use crate::lab::{Lab, assert_identical};
use record::{Document, Reader};
use std::fs;

#[test]
fn train_eval_report_and_resume() {
    let lab = Lab::new();
    let trained = lab.done(&["train", "tiny.toml", "--json", "--seed", "3"]);
    let last = trained.last();
    for key in [
        "seconds",
        "env_steps",
        "env_steps_per_second",
        "mean_return",
        "standard_error",
        "bayes_optimal",
        "random",
        "gap_closed",
    ] {
        assert!(last[key].is_f64() || last[key].is_u64(), "{key} in {last}");
    }
    assert_eq!(last["env_steps"], 12 * 64 * 5);
    assert_eq!(last["seed"], 3);
    assert_eq!(
        trained.events(),
        "evaluation evaluation evaluation evaluation learner learner learner learner difference run"
    );
    let run = lab.path("runs/tiny/seed-3");
    for file in [
        "config.toml",
        "environment.json",
        "report.html",
        "figures/regret.svg",
        "figures/deviation.svg",
    ] {
        assert!(run.join(file).exists(), "{file}");
    }
    let rows = |file: &str| fs::read_to_string(run.join(file)).unwrap().lines().count();
    assert_eq!((rows("metrics.jsonl"), rows("timing.jsonl")), (12, 12));
    assert_eq!(rows("eval.jsonl"), 4); // After 0, 5, 10 and 12 updates.

    let evaluated = lab.done(&["eval", "runs/tiny/seed-3", "--json"]).last();
    assert_eq!(evaluated["mean_return"], last["mean_return"]);
    assert_eq!(
        (&evaluated["learner"], &evaluated["tasks"]),
        (&"rl2".into(), &100.into())
    );
    let said = lab.done(&["eval", "runs/tiny/seed-3"]);
    assert!(said.stderr.contains("rl2: 100/100 tasks"), "{said:?}");
    let found: serde_json::Value = Reader::open(&run)
        .unwrap()
        .document(Document::Deviations)
        .unwrap()
        .unwrap();
    assert_eq!(found, evaluated["deviations"]);
    assert_eq!(found["whole"], last["deviation"]);
    assert_eq!(found["steps"].as_array().unwrap().len(), 5);
    assert!(found["whole"]["cost"]["mean"].as_f64() > Some(0.0));
    let title = "beside the Bayes-optimal policy, on 100 fresh tasks, sampled actions";
    let table = said.stdout.contains(title) && said.stdout.contains("gap closed, by what actions");
    assert!(table, "{}", said.stdout);
    assert_eq!(evaluated["event"], "evaluation");
    let more = lab
        .done(&["eval", "runs/tiny/seed-3", "--tasks", "500", "--json"])
        .last();
    assert_eq!(more["tasks"], 500);
    assert!(more["standard_error"].as_f64() < evaluated["standard_error"].as_f64());

    let resumed = lab.done(&["resume", "runs/tiny/seed-3", "--json"]).last();
    assert_eq!(resumed["mean_return"], last["mean_return"]);
    let report = lab.done(&["report", "runs/tiny/seed-3", "--out", "elsewhere"]);
    assert!(report.stdout.contains("elsewhere/report.html"));
    let written = lab.done(&["report", "runs/tiny/seed-3", "--json"]);
    assert_eq!(written.events(), "report");
    assert!(lab.path("elsewhere/report.html").exists());
}

#[test]
fn a_resolved_configuration_gives_the_same_run() {
    let lab = Lab::new();
    let overrides = [
        "rl2.updates=3",
        "rl2.trunk={kind=\"lstm\",hidden=5,input_gain=4.0,memory=9.0}",
        "environment.arms=3",
    ];
    lab.done(&[&["train", "tiny.toml", "--seed", "5"], &overrides[..]].concat());
    let run = lab.path("runs/tiny/seed-5");
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    for line in [
        "seed = 5",
        "arms = 3",
        "kind = \"lstm\"",
        "hidden = 5",
        "updates = 3",
        "c = 0.2",
    ] {
        assert!(config.contains(line), "no {line} in {config}");
    }
    let file = run.join("config.toml");
    lab.done(&["train", file.to_str().unwrap(), "--runs", "again"]);
    assert_identical(&run, &lab.path("again/config/seed-5"));
}

#[test]
fn several_seeds_share_a_report() {
    let lab = Lab::new();
    let args = [
        "train",
        "tiny.toml",
        "rl2.updates=2",
        "--seeds",
        "2",
        "--json",
    ];
    let last = lab.done(&args).last();
    assert_eq!(last["seeds"], 2);
    assert_eq!(last["event"], "seeds");
    assert!(lab.path("runs/tiny/seed-1/comparison.json").exists());
    assert!(lab.path("runs/tiny/report.html").exists());
    lab.refused(
        &["train", "tiny.toml", "--seeds", "3"],
        2,
        &["runs/tiny/seed-0", "resume"],
    );
    assert!(!lab.path("runs/tiny/seed-2").exists());
    // An interrupted sweep goes on by its folder.
    fs::remove_file(lab.path("runs/tiny/seed-1/comparison.json")).unwrap();
    assert_eq!(
        lab.done(&["resume", "runs/tiny", "--json"]).last()["seeds"],
        2
    );
    assert!(lab.path("runs/tiny/seed-1/comparison.json").exists());
}

#[test]
fn existing_runs_are_kept_unless_told_otherwise() {
    let lab = Lab::new();
    let train = ["train", "tiny.toml", "rl2.updates=2"];
    lab.done(&train);
    let hints = ["runs/tiny/seed-0", "resume", "--overwrite", "--runs"];
    lab.refused(&train, 2, &hints);
    lab.done(&[&train[..], &["--overwrite"]].concat());
}

#[test]
fn baselines_and_oracles() {
    let lab = Lab::new();
    let words = [
        "ucb1",
        "random",
        "bayes-optimal",
        "arms=3",
        "pulls=6",
        "ucb1.c=0.3",
    ];
    let flags = ["--tasks", "3000", "--json"];
    let args = [&["baseline", "bernoulli-bandit"], &words[..], &flags].concat();
    let played = lab.done(&args);
    let rows = played.rows();
    let events = "learner learner learner difference difference";
    assert_eq!(played.events(), events);
    for learner in ["ucb1(0.3)", "random", "bayes-optimal"] {
        let line = format!("{learner}: 3000/3000 tasks");
        assert!(played.stderr.contains(&line), "{line}: {}", played.stderr);
    }
    let number = |row: usize, key: &str| rows[row][key].as_f64().unwrap();
    // In pairs the error is smaller, and the mean that of the means.
    let best = if number(0, "mean_return") > number(2, "mean_return") {
        0
    } else {
        2
    };
    assert_eq!(rows[3]["learner"], rows[best]["learner"]);
    assert_eq!(
        (&rows[4]["learner"], &rows[4]["over"]),
        (&rows[best]["learner"], &"random".into())
    );
    let apart = number(best, "mean_return") - number(1, "mean_return");
    assert!((number(4, "mean") - apart).abs() < 1e-9);
    let unpaired = number(0, "standard_error").hypot(number(2, "standard_error"));
    assert!(number(3, "standard_error") < 0.9 * unpaired, "{rows:?}");
    for (row, learner) in rows.iter().zip(["ucb1(0.3)", "random", "bayes-optimal"]) {
        assert_eq!(row["learner"], learner);
        assert_eq!(row["tasks"], 3000);
        assert!(row["mean_return"].is_f64() && row["standard_error"].is_f64());
    }
    let random = rows[1]["mean_return"].as_f64().unwrap();
    assert!(
        (random - 3.0).abs() < 0.2,
        "half of the pulls pay: {random}"
    );
    let args = ["oracle", "bernoulli-bandit", "arms=3", "pulls=6", "--json"];
    let exact = lab.done(&args).last();
    assert_eq!(exact["event"], "oracle");
    assert_eq!(exact["random"], 3.0);
    assert_eq!(exact["known_task_optimum"], 4.5);
    let best = exact["bayes_optimal"].as_f64().unwrap();
    assert!((best - rows[2]["mean_return"].as_f64().unwrap()).abs() < 0.2);
    let args = [
        "oracle",
        "bernoulli-bandit",
        "arms=10",
        "pulls=100",
        "--json",
    ];
    let unknown = lab.done(&args).last();
    assert!(unknown["bayes_optimal"].is_null());
    assert!(
        unknown["why"]["bayes_optimal"]
            .as_str()
            .unwrap()
            .contains("memory")
    );
}

/// What is known beside the usual values is said too.
#[test]
fn an_oracle_says_what_is_earned_without_memory() {
    let lab = Lab::new();
    let exact = lab
        .done(&["oracle", "t-maze", "length=20", "--json"])
        .last();
    assert_eq!(exact["bayes_optimal"], 1.0);
    assert_eq!(exact["memoryless_optimum"], 0.5);
    assert_eq!(exact["memoryless_optimum_exact"], true);
    let said = lab.done(&["oracle", "recurring-bandit", "pulls=5"]).stdout;
    for name in ["memoryless_optimum", "bayes_optimal_second_meeting"] {
        let line = said.lines().find(|line| line.starts_with(name));
        assert!(line.is_some_and(|line| line.ends_with("exact")), "{said}");
    }
}

#[test]
fn listings_checks_and_the_doctor() {
    let lab = Lab::new();
    let everything = lab.done(&["list"]).stdout;
    for name in [
        "bernoulli-bandit",
        "rl2/bernoulli-bandit-5x10",
        "thompson",
        "rl2",
        "arms = 5",
        "duan-mdps",
    ] {
        assert!(everything.contains(name), "no {name} in {everything}");
    }
    let rows = lab.done(&["list", "envs", "--json"]).rows();
    assert_eq!(rows[0]["name"], "bernoulli-bandit");
    let keys = rows[0]["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["name"] == "arms"), "{keys:?}");
    // How a training begins in each: by its presets, or from another's.
    let presets = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        row["presets"].clone()
    };
    let all = serde_json::json!([
        "belief/gridnavi",
        "belief/gridnavi-sampled",
        "belief/gridnavi-supervised",
        "maml/gridnavi",
        "maml/gridnavi-gated",
        "multi-task/gridnavi",
        "rl2/gridnavi",
        "rl2/gridnavi-large"
    ]);
    assert_eq!(presets("gridnavi"), all);
    assert_eq!(presets("maze"), serde_json::json!(["rl2/maze"]));
    let begin = "train quickstart environment.name=maze 'evaluation.learners=[{name=\"random\"}]'";
    let words = begin.split(' ').map(|word| word.trim_matches('\''));
    let more = [
        "environment.size=5",
        "rl2.updates=1",
        "rl2.lanes=32",
        "rl2.tile=1",
    ];
    let fewer = ["evaluation.tasks=4", "evaluation.interval_tasks=4"];
    lab.done(&words.chain(more).chain(fewer).collect::<Vec<&str>>());
    assert!(lab.done(&["list", "presets", "--json"]).rows().len() > 2);
    let tables = lab.done(&["list", "tables", "--json"]);
    assert_eq!(
        tables.events(),
        "item item item item item item item item item"
    );
    for row in tables.rows() {
        assert_eq!(row["kind"], "table");
        let (name, summary) = (
            row["name"].as_str().unwrap(),
            row["summary"].as_str().unwrap(),
        );
        let said = |line: &str| line.trim_start().starts_with(name) && line.ends_with(summary);
        assert!(everything.lines().any(said) && summary.len() > 40, "{name}");
    }
    for row in lab
        .done(&["check-env", "bernoulli-bandit", "arms=3", "--json"])
        .rows()
    {
        assert_eq!(
            (&row["event"], &row["ok"]),
            (&"check".into(), &true.into()),
            "{row}"
        );
    }
    let rows = lab.done(&["doctor", "--json"]).rows();
    let libtorch = rows.iter().find(|row| row["topic"] == "libtorch").unwrap();
    let version = if cfg!(feature = "torch") {
        "2.11.0"
    } else {
        "none: built without it"
    };
    assert!(
        libtorch["text"].as_str().unwrap().starts_with(version),
        "{libtorch}"
    );
    assert!(
        lab.done(&["--version"])
            .stdout
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert!(lab.done(&["train", "--help"]).stdout.contains("Examples:"));
}

#[test]
fn benchmarks_report_rates() {
    let lab = Lab::new();
    let words = ["bench", "envs", "bernoulli-bandit", "--json"];
    let rows = lab.done(&words).rows();
    let lanes: Vec<u64> = rows
        .iter()
        .map(|row| row["lanes"].as_u64().unwrap())
        .collect();
    assert_eq!(lanes, [64, 1024, 4096]);
    for row in rows {
        assert_eq!(row["event"], "benchmark");
        assert_eq!(row["settings"]["arms"], 2, "as the peers have it");
        assert_eq!(row["settings"]["pulls"], 100);
        assert!(row["env_steps_per_second"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_benchmark_of_rl2_says_where_the_time_goes() {
    let lab = Lab::new();
    let other = if cfg!(feature = "torch") {
        "torch"
    } else {
        "native"
    };
    for (cell, backend) in [("gru", "native"), ("lstm", other)] {
        let (cell, backend) = (
            format!("rl2.trunk.kind={cell}"),
            format!("rl2.backend={backend}"),
        );
        let row = lab
            .done(&[
                "bench",
                "rl2",
                "--json",
                &cell,
                &backend,
                "environment.arms=3",
                "environment.pulls=3",
                "rl2.trunk.hidden=4",
                "rl2.lanes=20",
                "rl2.outer.epochs=2",
                "rl2.outer.minibatches=2",
                "--workers=2",
            ])
            .last();
        assert_eq!(row["env_steps_per_iteration"], 20 * 3);
        assert_eq!(row["workers"], 2);
        assert!(row["iterations"].as_u64().unwrap() >= 5);
        let number = |key: &str| row[key].as_f64().unwrap();
        let seconds = number("seconds_per_iteration");
        let parts = [
            "environment",
            "inference",
            "advantages",
            "forward",
            "backward",
            "optimizer",
            "idle",
        ];
        let part = |name: &str| row["split"][name].as_f64().unwrap();
        assert!(parts[..6].iter().all(|name| part(name) > 0.0), "{row}");
        let sum: f64 = parts.iter().map(|name| part(name)).sum();
        assert!((sum / seconds - 1.0).abs() < 1e-9);
        assert!((60.0 / seconds / number("env_steps_per_second") - 1.0).abs() < 1e-9);
        let fraction = number("gflops") / number("sgemm_gflops");
        assert!((number("fraction_of_sgemm") / fraction - 1.0).abs() < 1e-9);
        let guard = |key: &str| row["guard"][key].as_f64().unwrap();
        assert_eq!(row["guard"]["updates_between_hashes"], 50);
        assert!(guard("pairs") >= 5.0, "{row}");
        assert!(
            ["rows", "steps", "hash"]
                .iter()
                .all(|part| guard(part) > 0.0),
            "{row}"
        );
        let [low, high] = [0, 1].map(|end| row["guard"]["quartiles"][end].as_f64().unwrap());
        assert!(low <= guard("share") && guard("share") <= high, "{row}");
        // Operations of a step: two for each weight of the gates and heads, once
        // acting and three times for each of two epochs.
        let gates = if cell == "rl2.trunk.kind=gru" {
            3.0
        } else {
            4.0
        };
        let operations = 7.0 * 60.0 * 2.0 * (gates * 16.0 + 4.0 * 4.0);
        assert!((number("gflops") / (operations / seconds * 1e-9) - 1.0).abs() < 1e-9);
    }
}

#[test]
fn a_benchmark_of_memories_draws_what_a_step_costs() {
    let lab = Lab::new();
    let words = [
        "cells=min-gru",
        "lengths=50,100",
        "hidden=16",
        "rl2.outer.epochs=1",
    ];
    let bench = [&["bench", "memories"][..], &words, &["--out=costs"]].concat();
    let done = lab.done(&bench);
    assert!(done.stdout.contains("steps of a trial"), "{done:?}");
    let lines = std::fs::read_to_string(lab.path("costs/table.csv")).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[1].starts_with("min-gru,50,") && lines[2].starts_with("min-gru,100,"));
    assert!(lab.path("costs/figure.png").exists());
    let refused = |words: &[&str], expected| lab.refused(words, 2, &[expected]);
    refused(
        &["bench", "memories", "cells=gro"],
        "cell=gro; allowed: gru, lstm",
    );
    refused(
        &["bench", "rl2", "--out=costs"],
        "--out: allowed with `bench memories` alone",
    );
}

#[test]
fn runs_can_be_given_a_name() {
    let lab = Lab::new();
    let train = ["train", "tiny.toml", "rl2.updates=1", "--name"];
    lab.done(&[&train[..], &["short-one"]].concat());
    assert!(lab.path("runs/short-one/seed-0/comparison.json").exists());
    for name in ["", "../out", "a/b", ".hidden"] {
        lab.refused(&[&train[..], &[name]].concat(), 2, &["--name"]);
    }
}

#[test]
fn a_benchmark_of_maml_says_where_the_time_goes() {
    let lab = Lab::new();
    let sizes = [
        "maml.tasks=2",
        "maml.trajectories=3",
        "maml.policy.hidden=[4, 4]",
        "environment.horizon=5",
    ];
    let measure = |words: &[&str]| {
        let all = ["bench", "maml", "--json", "--workers=2"].iter();
        let all: Vec<&str> = all.chain(&sizes).chain(words).copied().collect();
        lab.done(&all).last()
    };
    let trust = ["conjugate_gradient", "line_search"];
    for (words, outer) in [
        (["maml.order=second", "maml.outer.max_kl=0.02"], "trpo"),
        (["maml.order=first", "maml.outer={kind=\"vpg\"}"], "vpg"),
    ] {
        let row = measure(&words);
        let seconds = row["seconds_per_iteration"].as_f64().unwrap();
        let split = row["split"].as_object().unwrap();
        let sum: f64 = split.values().map(|part| part.as_f64().unwrap()).sum();
        assert!((sum / seconds - 1.0).abs() < 1e-9);
        let part = |name: &str| split[name].as_f64().unwrap();
        for name in ["rollout", "inner", "outer"] {
            assert!(part(name) > 0.0, "{row}");
        }
        assert!(
            trust
                .iter()
                .all(|name| (part(name) > 0.0) == (outer == "trpo"))
        );
        assert_eq!(part("value"), 0.0, "its baseline has no network");
        // Two rollouts of three trials of five steps in two tasks, unless a trial
        // ends before.
        let steps = row["env_steps_per_iteration"].as_f64().unwrap();
        assert!(steps > 50.0 && steps <= 60.0, "{row}");
        let rate = row["env_steps_per_second"].as_f64().unwrap();
        assert!((steps / seconds / rate - 1.0).abs() < 1e-9);
        assert!(row["iterations"].as_u64().unwrap() >= 5);
        assert!(row["peak_memory_bytes"].as_u64().unwrap() > 1 << 20);
        assert_eq!(row["workers"], 2);
        let settings = &row["maml"];
        assert_eq!(
            settings["order"],
            words[0].trim_start_matches("maml.order=")
        );
        assert_eq!(settings["outer"]["kind"], outer);
        assert_eq!(settings["policy"]["hidden"], serde_json::json!([4, 4]));
    }
}

#[test]
fn a_benchmark_refuses_what_a_training_refuses() {
    let lab = Lab::new();
    let cases = [
        (
            "hidden=64",
            "hidden: no such key; did you mean 'rl2.trunk.hidden'?",
        ),
        (
            "rl2.outer.minibatches=3",
            "rl2.outer.minibatches = 3; allowed: a divisor of rl2.lanes = 1024",
        ),
        (
            "environment.arms=65535",
            "the input size = 65537; allowed: 1 to 65536",
        ),
        (
            "rl2.trunk.hidden=65536",
            "copies of the network and its optimizer (grows with rl2.trunk)",
        ),
    ];
    for (word, message) in cases {
        lab.refused(&["bench", "rl2", word], 78, &[message]);
    }
    let words = ["train", "tiny.toml", "rl2.trunk.hidden=65536"];
    lab.refused(
        &words,
        78,
        &["tiny.toml needs", "of memory: ", "rl2.trunk", "has left"],
    );
}

#[test]
fn one_task_claims_no_certainty() {
    let lab = Lab::new();
    let one = ["baseline", "bernoulli-bandit", "greedy", "--tasks", "1"];
    lab.refused(&one, 2, &["--tasks", "one task has no standard error"]);

    // A run of one task has no interval, and can be read again.
    let args = ["train", "tiny.toml", "rl2.updates=1", "evaluation.tasks=1"];
    let trained = lab
        .done(&[&args[..], &["evaluation.interval_tasks=1"]].concat())
        .stdout;
    assert!(
        trained.contains("(no interval from a single task)"),
        "{trained}"
    );
    let eval = lab.done(&["eval", "runs/tiny/seed-0"]).stdout;
    assert!(
        eval.contains("(no interval from a single task)") && eval.contains(" ± –"),
        "{eval}"
    );
    // Two tasks: Student's t of one degree of freedom, 12.7 standard errors.
    let two = lab
        .done(&["eval", "runs/tiny/seed-0", "--tasks", "2", "--json"])
        .last();
    let of = |key: &str| two[key].as_f64().unwrap();
    // From random, 2.5, to Bayes-optimal.
    let best = lab
        .done(&["oracle", "bernoulli-bandit", "arms=2", "pulls=5", "--json"])
        .last();
    let gap = best["bayes_optimal"].as_f64().unwrap() - 2.5;
    let half = 12.706_204_736 * of("standard_error") / gap;
    let end = two["gap_closed_interval"][1].as_f64().unwrap();
    assert!((end - of("gap_closed") - half).abs() < 1e-6, "{two}");
}

#[test]
fn an_estimate_is_not_called_exact() {
    let lab = Lab::new();
    let sizes = ["states=1", "actions=1", "horizon=1", "episodes=1"];
    let args = [&["dirichlet-mdp"], &sizes[..]].concat();
    let said = lab
        .done(
            &[
                &["baseline"],
                &args[..1],
                &["random", "--tasks", "10"],
                &args[1..],
            ]
            .concat(),
        )
        .stdout;
    assert!(said.contains("exact value, random: 1.0000"), "{said}");
    let line = said
        .lines()
        .find(|line| line.contains("knowing the task"))
        .unwrap();
    assert!(
        line.starts_with("estimate, ") && line.contains(" ± 0.00"),
        "{line}"
    );
    let json = lab
        .done(&[&["oracle"], &args[..], &["--json"]].concat())
        .last();
    assert_eq!(json["known_task_optimum_exact"], false);
    assert_eq!(json["random_exact"], true);
    let said = lab.done(&[&["oracle"], &args[..]].concat()).stdout;
    let cells = |name: &str| {
        let line = said.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().next_back().unwrap().to_owned()
    };
    assert_eq!(cells("random"), "exact");
    assert_ne!(cells("known_task_optimum"), "exact");
}

#[test]
fn seeds_of_other_configurations_are_summed_up_apart() {
    let lab = Lab::new();
    for args in [
        ["--seed", "0", "rl2.updates=1"],
        ["--seed", "1", "rl2.updates=2"],
    ] {
        lab.done(&[&["train", "tiny.toml"], &args[..]].concat());
    }
    let rows = lab.done(&["resume", "runs/tiny", "--json"]).rows();
    let seeds: Vec<_> = rows.iter().filter(|row| row["event"] == "seeds").collect();
    let runs: Vec<_> = rows.iter().filter(|row| row["event"] == "run").collect();
    assert_eq!(seeds.len(), 2);
    for (index, updates) in [1, 2].into_iter().enumerate() {
        assert_eq!(seeds[index]["seeds"], 1);
        assert_eq!(seeds[index]["differs"], format!("rl2.updates = {updates}"));
        assert_eq!(seeds[index]["mean_return"], runs[index]["mean_return"]);
    }
    let said = lab.done(&["resume", "runs/tiny"]).stdout;
    assert!(
        said.contains("rl2.updates = 2, over 1 seed: mean return"),
        "{said}"
    );
}

#[test]
fn what_is_shown_trains_the_same_and_shells_complete() {
    let lab = Lab::new();
    let shown = lab.done(&["show", "tiny.toml", "rl2.updates=1"]).stdout;
    std::fs::write(lab.path("shown.toml"), &shown).unwrap();
    lab.done(&["train", "shown.toml", "--name=shown"]);
    lab.done(&["train", "tiny.toml", "rl2.updates=1", "--name=said"]);
    let config = lab.path("runs/said/seed-0/config.toml");
    assert_eq!(std::fs::read_to_string(config).unwrap(), shown);
    assert_identical(
        &lab.path("runs/shown/seed-0"),
        &lab.path("runs/said/seed-0"),
    );
    lab.refused(&["show", "tiny.toml", "rl2.update=1"], 78, &["rl2.update"]);
    let bash = lab.done(&["completions", "bash"]).stdout;
    assert!(bash.contains("complete -F") && bash.contains("check-env"));
}

#[test]
fn methods_are_compared_and_runs_exported() {
    let lab = Lab::new();
    for (name, hidden) in [("narrow", "2"), ("wide", "3")] {
        let hidden = format!("rl2.trunk.hidden={hidden}");
        lab.done(&["train", "tiny.toml", &hidden, "--seeds=3", "--name", name]);
    }
    let done = lab.done(&["compare", "a=runs/narrow", "runs/wide", "--out=beside"]);
    assert!(done.stdout.contains("interquartile mean"), "{done:?}");
    assert!(
        done.stdout.contains("a run of a is above one of wide"),
        "{done:?}"
    );
    assert!(lab.path("beside/aggregates.png").exists());
    let json = lab.done(&[
        "compare",
        "a=runs/narrow",
        "runs/wide",
        "--out=beside",
        "--json",
    ]);
    let rows = json.rows();
    let events: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["event"].as_str())
        .collect();
    assert_eq!(events, ["method", "method", "pair"]);
    assert_eq!(rows[0]["method"], "a");
    let seed = "runs/narrow/seed-0";
    lab.refused(&["compare", seed], 2, &["only seed-0 is given"]);
    lab.refused(
        &["compare", "=runs/narrow", "runs/wide"],
        2,
        &["no name before"],
    );
    lab.refused(&["compare", seed, "runs/wide"], 2, &["seed-0 has 1 seed"]);
    lab.refused(&["compare", "nothing", "runs/wide"], 2, &["nothing"]);
    let done = lab.done(&["export", "runs/narrow", "--to=tensorboard", "--out=events"]);
    assert_eq!(done.stdout.lines().count(), 3);
    let file = lab.path("events/narrow/seed-2/events.out.tfevents.0.metarl");
    let events = std::fs::read(file).unwrap();
    for tag in [
        "charts/episodic_return",
        "losses/entropy",
        "eval/mean_return",
    ] {
        assert!(
            events
                .windows(tag.len())
                .any(|window| window == tag.as_bytes()),
            "{tag}"
        );
    }
    lab.refused(
        &["export", seed, seed, "--to=tensorboard"],
        2,
        &["would both be written to"],
    );
}

/// GridNavi needs a table to say what actions are worth: a training makes none for a few tasks,
/// and who asks has it.
#[test]
fn a_table_of_what_actions_are_worth_is_for_many_tasks_or_who_asks() {
    let lab = Lab::new();
    let small = [
        "train",
        "rl2/gridnavi",
        "environment.size=3",
        "environment.horizon=4",
        "environment.episodes=2",
        "rl2.updates=2",
        "rl2.lanes=32",
        "rl2.outer.minibatches=2",
        "evaluation.interval_tasks=8",
        "--json",
    ];
    for (name, tasks) in [("few", 999), ("many", 1000)] {
        let tasks = format!("evaluation.tasks={tasks}");
        let more = ["--name", name, tasks.as_str()];
        let last = lab.done(&[&small[..], &more].concat()).last();
        let lost = last["deviation"]["cost"]["mean"].as_f64();
        assert_eq!(lost > Some(0.0), name == "many", "{last}");
    }
    let run = fs::read_dir(lab.path("runs/few")).unwrap().next().unwrap();
    let run = run.unwrap().path();
    let eval = ["eval", run.to_str().unwrap(), "--json", "--tasks=8"];
    let found = lab.done(&eval).last();
    assert!(found["deviations"].is_object(), "{found}");
}
