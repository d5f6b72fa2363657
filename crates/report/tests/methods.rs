//! Methods against each other.

mod support;

use std::fs;
use std::path::Path;

use report::{Compared, Interval, Method, ScoreOf};
use serde_json::{Value, json};
use support::{Synthetic, long};

/// Changes a document of a run.
fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let config = fs::read_to_string(path.with_file_name("config.toml")).unwrap();
    let mut value: Value = record::read_sealed(path, &config).unwrap().unwrap();
    change(&mut value);
    record::write_sealed(path, &value, &config).unwrap();
}

fn method(folder: &Path, name: &str) -> Method {
    let runs = report::load(&[folder.join(name)], &mut |_| ()).unwrap();
    Method {
        name: name.to_owned(),
        runs,
    }
}

fn compared(folder: &Path, names: &[&str], score: ScoreOf) -> Result<Compared, String> {
    let methods: Vec<Method> = names.iter().map(|name| method(folder, name)).collect();
    report::compare(&methods, score, &folder.join("out")).map_err(|error| error.to_string())
}

/// Seeds of a bandit of ten pulls, and of a hundred ones, in a folder each.
fn write(folder: &Path, name: &str, closed: f64, [short, longer]: [u64; 2]) {
    for (environment, of, seeds) in [
        ("short", Synthetic::default(), short),
        ("long", long(), longer),
    ] {
        for seed in 0..seeds {
            let of = Synthetic {
                closed,
                ..of.clone()
            };
            of.write(&folder.join(name).join(environment), seed);
        }
    }
}

#[test]
fn methods_are_set_against_each_other_over_environments() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good", 0.95, [3, 3]);
    write(folder.path(), "bad", 0.7, [4, 4]);
    let found = compared(folder.path(), &["good", "bad"], ScoreOf::Gap).unwrap();
    let [good, bad] = &found.methods[..] else {
        panic!("{found:?}");
    };
    // The second environment's best is one that knows the task: .785 of .8333 on from .5.
    let to_known = |closed: f64| closed * (0.785 - 0.5) / (0.8333 - 0.5);
    for (of, closed) in [(good, 0.95), (bad, 0.7)] {
        let expected = (closed + to_known(closed)) / 2.0;
        let numbers: Vec<Interval> = of.aggregates.iter().map(|(_, of)| *of).collect();
        let [iqm, median, mean, gap] = numbers[..] else {
            panic!("{of:?}");
        };
        for found in [iqm, median, mean] {
            assert!(
                (found.value - expected).abs() < 0.03,
                "{found:?}, {expected}"
            );
            assert!(found.ends[0] < found.value && found.value < found.ends[1]);
        }
        assert!((gap.value - (1.0 - expected)).abs() < 0.03);
    }
    let [pair] = &found.pairs[..] else {
        panic!("{found:?}");
    };
    let above = pair.above;
    assert_eq!((&*pair.method, &*pair.other), ("good", "bad"));
    assert_eq!(above.value, 1.0);
    assert!(above.ends[0] > 0.9 && found.sentences()[0].ends_with(": better"));
    assert!(
        found
            .caption
            .contains("3 to 4 seeds in Bernoulli bandit (arms 5, pulls 10")
    );
    for name in ["aggregates", "profile", "efficiency"] {
        let svg = fs::read_to_string(folder.path().join(format!("out/{name}.svg"))).unwrap();
        assert!(svg.contains("good") && svg.contains("bad"), "{name}");
        assert!(folder.path().join(format!("out/{name}.png")).exists());
    }
    let csv = fs::read_to_string(folder.path().join("out/compare.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 2 * 4 + 1);
    // The same files in, the same bytes out.
    let before = fs::read(folder.path().join("out/profile.png")).unwrap();
    compared(folder.path(), &["good", "bad"], ScoreOf::Gap).unwrap();
    assert_eq!(
        before,
        fs::read(folder.path().join("out/profile.png")).unwrap()
    );
}

#[test]
fn returns_are_compared_where_there_is_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    for (name, closed) in [("a", 0.9), ("b", 0.9)] {
        for seed in 0..3 {
            let run = Synthetic {
                closed,
                ..Synthetic::default()
            };
            let run = run.write(&folder.path().join(name), seed);
            change(&run.join("comparison.json"), |comparison| {
                comparison["exact"]["random"] = json!({ "why": "nobody asked" });
                let learners = comparison["learners"].as_array_mut().unwrap();
                learners.retain(|learner| learner["name"] != "random");
            });
        }
    }
    let error = compared(folder.path(), &["a", "b"], ScoreOf::Gap).unwrap_err();
    assert!(error.contains("has no gap that is known") && error.contains("--score return"));
    let found = compared(folder.path(), &["a", "b"], ScoreOf::Return).unwrap();
    // 5 + .9 · 1.66, the same for both.
    assert!((found.methods[0].aggregates[2].1.value - 6.494).abs() < 0.02);
    // Nothing falls short of 1 there.
    assert_eq!(
        found.columns(),
        ["method", "interquartile mean", "median", "mean"]
    );
    assert!(found.rows().iter().all(|row| row.len() == 4));
    for name in [
        "compare.md",
        "compare.csv",
        "compare.html",
        "aggregates.svg",
    ] {
        let written = fs::read_to_string(folder.path().join("out").join(name)).unwrap();
        assert!(written.contains("interquartile mean"), "{name}");
        assert!(!written.contains("optimality"), "{name}");
    }
    let above = found.pairs[0].above;
    assert!(above.ends[0] < 0.5 && above.ends[1] > 0.5, "{above:?}");
    assert!(found.sentences()[0].ends_with(": not told apart"));
}

#[test]
fn three_runs_on_either_side_are_too_few() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good", 0.95, [3, 0]);
    write(folder.path(), "bad", 0.7, [3, 0]);
    // Of the 20 orders of three and three, two are as far apart: 10 %.
    let verdict = |names: &[&str]| {
        let found = compared(folder.path(), names, ScoreOf::Gap).unwrap();
        found.sentences()[0].rsplit(": ").next().unwrap().to_owned()
    };
    assert_eq!(verdict(&["good", "bad"]), "too few runs to tell");
    // Of 35 of three and four 2, and of 70 of four and four.
    let more = |name: &str, closed, seed| {
        let one = Synthetic {
            closed,
            ..Synthetic::default()
        };
        one.write(&folder.path().join(name).join("more"), seed);
    };
    more("good", 0.95, 3);
    assert_eq!(verdict(&["bad", "good"]), "too few runs to tell");
    // One method's seeds may lie in several folders.
    more("bad", 0.7, 3);
    assert_eq!(verdict(&["bad", "good"]), "worse");
}

#[test]
fn shares_in_one_environment_are_of_one_gap() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "remembers", 0.9, [3, 0]);
    write(folder.path(), "adapts", 0.9, [3, 0]);
    // The Bayes-optimal value bounds nothing of an agent that trains on its task.
    for seed in 0..3 {
        let run = folder.path().join(format!("adapts/short/seed-{seed}"));
        change(&run.join("comparison.json"), |comparison| {
            comparison["exact"]["bayes_optimal"] = json!({ "why": "it adapts" });
        });
    }
    let shares = |names: &[&str]| {
        let found = compared(folder.path(), names, ScoreOf::Gap).unwrap();
        let mean = |of: &report::MethodScores| of.aggregates[2].1.value;
        (
            found.methods.iter().map(mean).collect::<Vec<f64>>(),
            found.caption,
        )
    };
    // 5 + .9 · 1.66 in trials of ten pulls; who knows the best arm gets 8.333.
    let to_known = 0.9 * 1.66 / (8.333 - 5.0);
    for names in [["remembers", "adapts"], ["adapts", "remembers"]] {
        let (found, caption) = shares(&names);
        for share in found {
            assert!((share - to_known).abs() < 0.02, "{share}, not {to_known}");
        }
        assert!(caption.contains("to the known-task optimum"), "{caption}");
    }
    let (found, caption) = shares(&["remembers", "remembers"]);
    assert!((found[0] - 0.9).abs() < 0.02);
    assert!(
        caption.contains("from random to Bayes-optimal"),
        "{caption}"
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "whole", 0.9, [3, 3]);
    write(folder.path(), "few", 0.9, [2, 3]);
    write(folder.path(), "uneven", 0.9, [3, 4]);
    write(folder.path(), "half", 0.9, [3, 0]);
    let unfinished = Synthetic {
        compared: false,
        ..Synthetic::default()
    };
    write(folder.path(), "training", 0.9, [3, 0]);
    unfinished.write(&folder.path().join("training/short"), 3);
    write(folder.path(), "twice", 0.9, [3, 0]);
    for seed in 0..3 {
        Synthetic::default().write(&folder.path().join("twice/again"), seed);
    }
    for (names, score, expected) in [
        (
            ["whole", "few"],
            ScoreOf::Gap,
            "few has 2 seeds in Bernoulli bandit",
        ),
        (
            ["whole", "uneven"],
            ScoreOf::Gap,
            "every environment needs as many",
        ),
        (
            ["whole", "half"],
            ScoreOf::Gap,
            "half has no runs in Bernoulli bandit (arms 5, pulls 100",
        ),
        (
            ["half", "whole"],
            ScoreOf::Gap,
            "half has no runs in Bernoulli bandit (arms 5, pulls 100",
        ),
        (
            ["half", "training"],
            ScoreOf::Gap,
            "seed-3 is not compared with other learners yet",
        ),
        (
            ["half", "twice"],
            ScoreOf::Gap,
            "twice has a seed twice in RL² on Bernoulli bandit: again in ",
        ),
        (["whole", "whole"], ScoreOf::Return, "are not of one kind"),
    ] {
        let error = compared(folder.path(), &names, score).unwrap_err();
        assert!(error.starts_with("cannot compare: "), "{error}");
        assert!(error.contains(expected), "{names:?}: {error}");
    }
    let diverged = folder.path().join("half/short/seed-1/comparison.json");
    change(&diverged, |comparison| {
        comparison["learners"][0]["mean_return"] = Value::Null;
    });
    let error = compared(folder.path(), &["half", "half"], ScoreOf::Gap).unwrap_err();
    assert!(error.contains("whose return is not finite"), "{error}");
    let single = folder.path().join("few/long/seed-1/comparison.json");
    change(&single, |comparison| comparison["tasks"] = json!(1));
    let error = compared(folder.path(), &["few", "few"], ScoreOf::Gap).unwrap_err();
    assert!(error.contains("seed-1 was compared on one task"), "{error}");
    assert!(!folder.path().join("out").exists(), "nothing is written");
}
