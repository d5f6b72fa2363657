//! Which runs are found, and reports on unfinished, odd and damaged ones.

#[path = "support/page.rs"]
mod page;
mod support;

use std::fs;

use page::{change, report, reported};
use report::{ReportError, load, write};
use serde_json::Value;
use support::{Synthetic, long};

#[test]
fn unfinished_runs_are_reported_with_what_there_is() {
    let unfinished = Synthetic {
        compared: false,
        ..Synthetic::default()
    };
    let (_folder, written, page) = reported(&unfinished, 2);
    assert_eq!(written.figures.len(), 4, "learning curve and training");
    assert!(written.notes[0].starts_with("Not compared with other learners yet"));
    assert!(page.contains("seed 0 and seed 1") && page.contains("its last evaluation gave"));

    let unevaluated = Synthetic {
        evaluated: false,
        ..unfinished
    };
    let (_folder, written, page) = reported(&unevaluated, 1);
    assert_eq!(written.figures.len(), 2, "training only");
    assert_eq!(written.notes, ["Not evaluated yet: seed 0."]);
    assert!(page.contains("has not been evaluated yet"));

    let untrained = Synthetic {
        updates: 0,
        ..unevaluated
    };
    let (_folder, written, page) = reported(&untrained, 1);
    assert!(written.figures.is_empty());
    assert!(page.contains("trained for 0 environment steps"));
}

#[test]
fn a_seed_that_still_trains_joins_its_neighbours() {
    let (folder, ..) = reported(&Synthetic::default(), 2);
    let unfinished = Synthetic {
        compared: false,
        updates: 100,
        ..Synthetic::default()
    };
    unfinished.write(&folder.path().join("quick"), 2);
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    assert_eq!(written.headlines.len(), 1);
    assert!(written.headlines[0].ends_with("(2 seeds)."));
    assert!(written.notes[0].ends_with(": seed 2."));
    assert!(page.contains("The mean is drawn where every seed has been evaluated."));
}

#[test]
fn numbers_that_are_not_finite_leave_gaps() {
    let (folder, ..) = reported(&Synthetic::default(), 2);
    let run = folder.path().join("quick/seed-0");
    change(&run.join("comparison.json"), |comparison| {
        for learner in comparison["learners"].as_array_mut().unwrap() {
            learner["regret"][3] = Value::Null;
        }
        comparison["learners"][2]["mean_return"] = Value::Null;
    });
    let evaluations = fs::read_to_string(run.join("eval.jsonl")).unwrap();
    let first = evaluations.lines().next().unwrap();
    let mut row: Value = serde_json::from_str(first).unwrap();
    row["mean_return"] = Value::Null;
    fs::write(
        run.join("eval.jsonl"),
        evaluations.replacen(first, &row.to_string(), 1),
    )
    .unwrap();
    let (written, _) = report(&[folder.path().join("quick")], folder.path());
    assert_eq!(written.figures.len(), 6);
}

#[test]
fn several_settings_have_a_section_and_figures_each() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..2 {
        Synthetic::default().write(&folder.path().join("runs/short"), seed);
        Synthetic::default().write(&folder.path().join("runs/short-again"), seed);
        long().write(&folder.path().join("runs/long"), seed);
    }
    let (written, page) = report(&[folder.path().join("runs")], &folder.path().join("out"));
    assert_eq!(written.headlines.len(), 3);
    assert!(page.contains("Report on 3 settings") && page.contains("id=\"setting-3\""));
    let mut names: Vec<_> = written
        .figures
        .iter()
        .map(|path| path.file_name().unwrap())
        .collect();
    assert_eq!(names.len(), 18);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 18, "no figure overwrites another");
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    assert_eq!(markdown.matches("## RL² on Bernoulli bandit").count(), 3);
}

#[test]
fn seeds_come_in_order_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let group = folder.path().join("quick");
    let small = Synthetic {
        updates: 25,
        ..Synthetic::default()
    };
    for seed in [10, 2, 30, 1] {
        small.write(&group, seed);
    }
    let runs = load(&[group.clone(), group.join("seed-2")], &mut |_| ()).unwrap();
    let names: Vec<_> = runs
        .iter()
        .map(|run| run.path().file_name().unwrap())
        .collect();
    assert_eq!(names, ["seed-1", "seed-2", "seed-10", "seed-30"]);

    // A copy of a seed is no second measurement.
    let copy = group.join("seed-2-copy");
    fs::create_dir(&copy).unwrap();
    for file in [
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "eval.jsonl",
        "comparison.json",
    ] {
        fs::copy(group.join("seed-2").join(file), copy.join(file)).unwrap();
    }
    let (written, _) = report(&[group], folder.path());
    assert!(written.headlines[0].ends_with("(4 seeds)."));
    assert!(
        written.notes[0].contains("its seed is here already: seed-2"),
        "{}",
        written.notes[0]
    );
}

#[test]
fn errors_name_what_is_wrong_and_where() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_path_buf(), folder.path().join("missing")] {
        let error = load(std::slice::from_ref(&path), &mut |_| ()).unwrap_err();
        assert!(matches!(error, ReportError::NoRuns { .. }), "{error}");
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
    }
    assert!(matches!(
        write(&[], folder.path(), &mut |_| ()),
        Err(ReportError::Empty)
    ));

    let run = Synthetic {
        updates: 25,
        ..Synthetic::default()
    }
    .write(folder.path(), 0);
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let third = metrics.lines().nth(2).unwrap();
    fs::write(
        run.join("metrics.jsonl"),
        metrics.replacen(third, "{\"update\":3}", 1),
    )
    .unwrap();
    let error = load(std::slice::from_ref(&run), &mut |_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("metrics.jsonl, line 3: missing field `env_steps`"),
        "{error}"
    );
    fs::write(run.join("metrics.jsonl"), metrics).unwrap();

    change(&run.join("comparison.json"), |comparison| {
        comparison["learners"][1]["regret"]
            .as_array_mut()
            .unwrap()
            .pop();
    });
    let error = load(std::slice::from_ref(&run), &mut |_| ()).unwrap_err();
    assert!(matches!(error, ReportError::Inconsistent { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("comparison.json") && text.contains("bayes-optimal has 9 numbers"),
        "{text}"
    );

    fs::write(run.join("comparison.json"), "{\"algorithm\"").unwrap();
    let error = load(&[run], &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("comparison.json is damaged"), "{error}");
}
