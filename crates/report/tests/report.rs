//! What a report says of finished runs.

#[path = "support/page.rs"]
mod page;
mod support;

use std::fs;
use std::path::Path;

use page::{change, report, reported};
use report::Written;
use serde_json::{Value, json};
use support::{Synthetic, long};

/// Makes the comparison of seed 0 and 1 end with these returns of the agent.
fn set_returns(folder: &Path, returns: &[f64]) {
    for (seed, mean_return) in returns.iter().enumerate() {
        change(
            &folder.join(format!("quick/seed-{seed}/comparison.json")),
            |comparison| {
                comparison["learners"][0]["mean_return"] = json!(mean_return);
                comparison["learners"][0]["standard_error"] = json!(0.02);
            },
        );
    }
}

#[test]
fn several_seeds_give_a_mean_with_its_interval() {
    let (folder, ..) = reported(&Synthetic::default(), 3);
    // Shares of 5 to 6.66: 0.9, 0.95 and 1. Student's t with two degrees of
    // freedom: 4.302653 * 0.05 / sqrt(3) = 0.1242.
    set_returns(folder.path(), &[6.494, 6.577, 6.66]);
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    let headline = "RL² closed 95.0\u{202f}% [82.6,\u{a0}107.4] of the gap between random and \
                    Bayes-optimal, all of it within its error, on 10,000 fresh tasks (3 seeds).";
    assert_eq!(written.headlines, [headline]);
    assert!(page.contains(headline));
    assert!(page.contains("RL² on Bernoulli bandit"));
    assert!(
        page.contains("6.577 [6.371,\u{a0}6.783]"),
        "the mean return"
    );
    assert!(page.contains("Seed 2") && page.contains("6.660\u{a0}±\u{a0}0.020"));
    assert!(page.contains("95\u{a0}% interval (Student’s t over seeds)"));
    assert!(page.contains("Thompson sampling") && page.contains("ε-greedy (0.1)"));
    assert!(written.notes.is_empty());
}

#[test]
fn figures_and_tables_are_files_too() {
    let (folder, written, page) = reported(&Synthetic::default(), 2);
    let names: Vec<String> = written
        .figures
        .iter()
        .map(|path| {
            path.strip_prefix(folder.path())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    let expected = ["learning-curve", "regret", "training"]
        .map(|name| [format!("figures/{name}.svg"), format!("figures/{name}.png")]);
    assert_eq!(names, expected.concat());
    for path in &written.figures {
        let bytes = fs::read(path).unwrap();
        match path.extension().unwrap().to_str() {
            Some("svg") => {
                let svg = String::from_utf8(bytes).unwrap();
                assert!(svg.starts_with("<svg width=\"720\"") && svg.contains("xmlns"));
                let (_, drawn) = svg.split_once('\n').unwrap();
                assert!(
                    page.contains(drawn.trim_end()),
                    "the page shows the same figure"
                );
            }
            _ => assert!(bytes.starts_with(b"\x89PNG"), "{}", path.display()),
        }
    }
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    assert!(markdown.contains("| 1 | **RL²** | "), "{markdown}");
    assert!(markdown.contains("|  | Bayes-optimal (exact) | 6.660 | 1.673 | 100.0\u{202f}% |"));
}

#[test]
fn csv_has_all_digits_and_equal_columns() {
    let (_folder, written, _) = reported(&Synthetic::default(), 2);
    let csv = fs::read_to_string(&written.tables[1]).unwrap();
    let columns = csv.lines().next().unwrap().split(',').count();
    for line in csv.lines().skip(1) {
        // The setting's name has commas, so it is in quotation marks.
        let rest = line
            .strip_prefix("\"RL² on Bernoulli bandit (arms 5, pulls 10)\",")
            .unwrap();
        assert_eq!(rest.split(',').count() + 1, columns, "{line}");
    }
    let exact = csv
        .lines()
        .find(|line| line.contains("Bayes-optimal (exact)"))
        .unwrap();
    assert!(
        exact.contains(",reference,,6.66,0,6.66,6.66,1.673"),
        "{exact}"
    );
    assert_eq!(
        csv.lines()
            .filter(|line| line.contains(",trained,"))
            .count(),
        3
    );
}

#[test]
fn one_seed_says_that_its_interval_is_over_tasks() {
    let (_folder, written, page) = reported(&Synthetic::default(), 1);
    assert!(written.headlines[0].ends_with("(1 seed; the interval is over tasks)."));
    assert!(page.contains("95\u{a0}% interval of its evaluation over tasks, not over seeds"));
    assert!(!page.contains("Seed by seed"));
}

#[test]
fn without_bayes_optimal_the_share_is_named_for_the_known_task() {
    let (_folder, written, page) = reported(&long(), 2);
    assert!(written.headlines[0].contains("gap between random and the known-task optimum"));
    assert!(page.contains("No Bayes-optimal value: its table needs 3 TB of memory."));
    assert!(page.contains("Share of the gap closed, random to the known-task optimum"));
}

#[test]
fn without_any_reference_there_are_returns_only() {
    let (folder, ..) = reported(&Synthetic::default(), 1);
    change(
        &folder.path().join("quick/seed-0/comparison.json"),
        |comparison| {
            let none = json!({ "why": "this environment gives no exact value" });
            comparison["exact"] = json!({
                "bayes_optimal": none, "known_task_optimum": none, "random": none,
            });
            comparison["optimum"] = Value::Null;
            let learners = comparison["learners"].as_array_mut().unwrap();
            learners.retain(|learner| learner["name"] != "bayes-optimal");
            for learner in learners {
                learner["regret"] = Value::Null;
                learner["regret_se"] = Value::Null;
            }
        },
    );
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    assert!(
        written.headlines[0].contains("reached a return of 6."),
        "{}",
        written.headlines[0]
    );
    assert!(!page.contains("Share of the gap") && !page.contains(">Regret</th>"));
    assert_eq!(written.figures.len(), 4);
}

#[test]
fn an_agent_that_is_worse_than_random_is_not_praised() {
    let (folder, ..) = reported(&Synthetic::default(), 2);
    set_returns(folder.path(), &[4.9, 4.8]);
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    assert!(
        written.headlines[0].starts_with("RL² closed −9.0\u{202f}% ["),
        "{}",
        written.headlines[0]
    );
    assert!(page.contains("RL² does no better than random"));
    assert!(!page.contains("RL² closes"));
}

#[test]
fn the_exact_regret_does_not_come_from_the_sampled_optimum() {
    let (folder, ..) = reported(&Synthetic::default(), 1);
    let path = folder.path().join("quick/seed-0/comparison.json");
    change(&path, |comparison| comparison["optimum"][9] = json!(8.5));
    let (written, _) = report(&[folder.path().join("quick")], folder.path());
    let table = || fs::read_to_string(&written.tables[0]).unwrap();
    assert!(table().contains("|  | Bayes-optimal (exact) | 6.660 | 1.673 |"));
    assert!(table().contains("|  | Known-task optimum (exact) | 8.333 | 0.000 |"));

    change(&path, |comparison| {
        comparison["exact"]["known_task_optimum"]["standard_error"] = json!(0.01);
    });
    report(&[folder.path().join("quick")], folder.path());
    assert!(table().contains("|  | Bayes-optimal (exact) | 6.660 | – |"));
}

#[test]
fn the_learning_curve_ends_with_the_comparison() {
    let (folder, ..) = reported(&Synthetic::default(), 2);
    set_returns(folder.path(), &[6.511, 6.513]);
    let (_, page) = report(&[folder.path().join("quick")], folder.path());
    let (_, curve) = page.split_once("figures/learning-curve").unwrap();
    let (_, figure) = page[..page.len() - curve.len()].split_once("<svg").unwrap();
    // Shares of 6.512 and of the ends of its interval, that of the tasks:
    // 1.96 * 0.02 / sqrt(2) = 0.0277 away, where the seeds are 0.0127 apart.
    let title =
        "closes 91.1\u{202f}% [89.4,\u{a0}92.8] of the gap between random and Bayes-optimal\"";
    assert!(figure.contains(title), "the title and nothing after it");
    assert!(figure.contains(">6.512</text>"), "the label");
    assert!(figure.contains(
        "Point at the end with its 95\u{a0}% interval over 2 seeds: the comparison after training, \
         on 10,000 fresh tasks"
    ));
    assert!(!figure.contains("sampling error"));

    set_returns(folder.path(), &[6.60, 6.75]);
    let (_, page) = report(&[folder.path().join("quick")], folder.path());
    assert!(page.contains("Shares above 100\u{202f}% are sampling error"));
    assert!(!page.contains("gap between random and Bayes-optimal,\""));
}

#[test]
fn learners_are_ranked_only_beyond_their_error() {
    let (folder, ..) = reported(&Synthetic::default(), 1);
    let path = folder.path().join("quick/seed-0/comparison.json");
    let page_with = |regret: f64| {
        change(&path, |comparison| {
            // The errors are 0.019 each: 1.96 combined ones are 0.0526.
            comparison["learners"][0]["regret"][9] = json!(regret);
            comparison["learners"][3]["regret"][9] = json!(1.8);
        });
        report(&[folder.path().join("quick")], folder.path()).1
    };
    let ranked = "RL² loses 1.74 to an agent that knows its task; Greedy loses 1.80";
    assert!(page_with(1.74).contains(ranked));
    let level = "RL² and Greedy are level within their errors: they lose 1.76 and 1.80 to an agent";
    assert!(page_with(1.76).contains(level));
}

#[test]
fn text_from_files_is_escaped() {
    let (_folder, _, page) = reported(&Synthetic::default(), 1);
    assert!(page.contains("Example CPU &lt;8 cores&gt; &amp; more"));
    assert!(page.contains("name = &quot;bernoulli-bandit&quot;"));
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let (folder, first, _) = reported(&Synthetic::default(), 3);
    let other = tempfile::tempdir().unwrap();
    let (second, _) = report(&[folder.path().join("quick")], other.path());
    let files = |written: &Written| -> Vec<Vec<u8>> {
        let paths = [&written.html]
            .into_iter()
            .chain(&written.figures)
            .chain(&written.tables);
        paths.map(|path| fs::read(path).unwrap()).collect()
    };
    assert!(files(&first) == files(&second));
}

#[test]
fn every_gradient_step_has_its_number() {
    let adapting = Synthetic {
        adapted: Some(vec![0.0; 2]),
        ..Synthetic::default()
    };
    let (folder, ..) = reported(&adapting, 3);
    for seed in 0..3 {
        let path = folder
            .path()
            .join(format!("quick/seed-{seed}/comparison.json"));
        change(&path, |comparison| {
            comparison["adaptation"]["mean_return"] = json!([-40.0 - f64::from(seed), -3.0]);
        });
    }
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    // Student's t with two degrees of freedom: 4.302653 / sqrt(3) = 2.484. Seeds
    // that agree are as sure as their 40 tasks: 2.022691 * 0.4 / sqrt(3) = 0.467.
    for row in [
        "| Gradient steps | Mean return |\n",
        "| before any | −41.000 [−43.484,\u{a0}−38.516] |\n",
        "| after 1 | −3.000 [−3.467,\u{a0}−2.533] |\n",
    ] {
        assert!(markdown.contains(row), "{row} in {markdown}");
    }
    assert!(page.contains("Gradient steps</h2>") && page.contains("−41.000 [−43.484"));
    let csv = fs::read_to_string(&written.tables[1]).unwrap();
    assert!(csv.contains("before any,adaptation,,-41,,-43.484"), "{csv}");
    assert_eq!(csv.matches(",adaptation,").count(), 2);

    let (_plain, written, page) = reported(&Synthetic::default(), 2);
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    assert!(!markdown.contains("Gradient steps") && !page.contains("Gradient steps"));
}

#[test]
fn tasks_that_were_never_met_are_told_apart() {
    let (folder, _, page) = reported(&Synthetic::default(), 2);
    assert!(!page.contains("kept back"));
    for seed in 0..2 {
        let path = folder
            .path()
            .join(format!("quick/seed-{seed}/comparison.json"));
        change(&path, |comparison| {
            let part = |distinct: u64, mean: f64| {
                json!({
                    "distinct": distinct, "tasks": 1000, "mean_return": mean,
                    "standard_error": 0.01,
                })
            };
            let mean = 7.0 + f64::from(seed);
            comparison["learners"][0]["split"] =
                json!({ "trained": part(16, mean), "unseen": part(5, 4.0) });
        });
    }
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    // Student's t with one degree of freedom: 7.5 ± 12.706 / 2.
    for row in [
        "| Tasks | Mean return |\n",
        "| RL² on 16 tasks to train on | 7.5",
        "[1.1",
        "| RL² on 5 tasks kept back | 4.0",
    ] {
        assert!(markdown.contains(row), "{row} in {markdown}");
    }
    assert!(page.contains("RL² on 5 tasks kept back"));
    let csv = fs::read_to_string(&written.tables[1]).unwrap();
    assert_eq!(csv.matches(",tasks-never-met,,4,").count(), 1, "{csv}");
    assert_eq!(csv.matches(",tasks-trained-on,,7.5,").count(), 1, "{csv}");
}

#[test]
fn what_is_reported_on_is_listed_once() {
    let (folder, ..) = reported(&Synthetic::default(), 2);
    let seed = folder.path().join("quick/seed-1");
    let (written, _) = report(&[seed.clone(), folder.path().join("quick")], folder.path());
    assert_eq!(written.runs.len(), 2);
    assert_eq!(written.runs.iter().filter(|run| **run == seed).count(), 1);
}

#[test]
fn settings_of_one_algorithm_and_environment_go_by_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c/a"] {
        for seed in 0..2 {
            Synthetic::default().write(&folder.path().join(name), seed);
        }
    }
    let paths =
        |names: &[&str]| -> Vec<_> { names.iter().map(|n| folder.path().join(n)).collect() };
    let title = "RL² on Bernoulli bandit";
    let (written, page) = report(&paths(&["a", "b"]), folder.path());
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    let csv = fs::read_to_string(&written.tables[1]).unwrap();
    for name in ["a", "b"] {
        assert!(
            page.contains(&format!("{title}: {name}<")),
            "the page: {name}"
        );
        assert!(
            markdown.contains(&format!("## {title}: {name}\n")),
            "{markdown}"
        );
        assert!(csv.contains(&format!("{title}: {name} (arms 5")), "{csv}");
    }
    // Folders of the same name go by as much of their paths as differs.
    let (written, _) = report(&paths(&["a", "c/a"]), folder.path());
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    assert!(
        markdown.contains(&format!("## {title}: c/a\n")),
        "{markdown}"
    );
    // Nothing is added where there is nothing to tell apart.
    let (written, _) = report(&paths(&["b"]), folder.path());
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    assert!(markdown.contains(&format!("## {title}\n")), "{markdown}");
}

#[test]
fn settings_in_one_folder_go_by_their_runs() {
    let folder = tempfile::tempdir().unwrap();
    Synthetic::default().write(folder.path(), 0);
    long().write(folder.path(), 1);
    let runs = [folder.path().join("seed-0"), folder.path().join("seed-1")];
    let (written, _) = report(&runs, folder.path());
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    for name in ["seed-0", "seed-1"] {
        let title = format!("## RL² on Bernoulli bandit: {name}\n");
        assert!(markdown.contains(&title), "{markdown}");
    }
}

#[test]
fn seeds_that_agree_are_no_surer_than_their_tasks() {
    let (folder, ..) = reported(&Synthetic::default(), 2);
    set_returns(folder.path(), &[6.577, 6.577]);
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    // 1.96 * 0.02 / sqrt(2) = 0.0277, of a gap of 1.66.
    assert!(page.contains("6.577 [6.549,\u{a0}6.605]"));
    let headline = &written.headlines[0];
    assert!(
        headline.starts_with("RL² closed 95.0\u{202f}% [93.3,\u{a0}96.7]"),
        "{headline}"
    );
}

#[test]
fn one_task_claims_no_certainty() {
    let (folder, ..) = reported(&Synthetic::default(), 1);
    let path = folder.path().join("quick/seed-0/comparison.json");
    change(&path, |comparison| {
        comparison["tasks"] = json!(1);
        for learner in comparison["learners"].as_array_mut().unwrap() {
            learner["standard_error"] = Value::Null;
        }
    });
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    assert!(written.headlines[0].contains("\u{202f}% [–] of the gap"));
    assert!(!page.contains("all of it") && !page.contains("± 0.0"));
    let csv = fs::read_to_string(&written.tables[1]).unwrap();
    let own = csv.lines().find(|line| line.contains(",trained,")).unwrap();
    let empty: Vec<usize> = [5, 6, 7].to_vec();
    // The quoted setting has one comma.
    let fields: Vec<&str> = own.split(',').skip(1).collect();
    assert!(empty.iter().all(|at| fields[*at].is_empty()), "{own}");
}

#[test]
fn an_estimate_is_never_called_exact() {
    let (folder, ..) = reported(&Synthetic::default(), 2);
    for seed in 0..2 {
        let path = folder
            .path()
            .join(format!("quick/seed-{seed}/comparison.json"));
        // All samples were the same, and yet they are samples.
        change(&path, |comparison| {
            comparison["exact"]["known_task_optimum"]["samples"] = json!(100);
        });
    }
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    assert!(markdown.contains("| Known-task optimum | 8.333\u{a0}±\u{a0}0.000 |"));
    assert!(!page.contains("Known-task optimum (exact)"));
    assert!(page.contains("Bayes-optimal and random exactly"));
}

#[test]
fn runs_of_other_configurations_are_never_averaged() {
    let (folder, ..) = reported(&Synthetic::default(), 4);
    let edit = |seed: u64, from: &str, to: &str| {
        let path = folder.path().join(format!("quick/seed-{seed}/config.toml"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        let edited = text.replace(from, to);
        // As a run of that configuration would have sealed it.
        let comparison = path.with_file_name("comparison.json");
        let value: Option<Value> = record::read_sealed(&comparison, &text).unwrap();
        record::write_sealed(&comparison, &value.unwrap(), &edited).unwrap();
        fs::write(path, edited).unwrap();
    };
    edit(2, "clip = 0.2", "clip = 0.3");
    edit(3, "[ppo]", "[ppo]\nwithhold = [\"reward\"]");
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    let seeds: Vec<usize> = written.settings.iter().map(|s| s.runs.len()).collect();
    assert_eq!(seeds, [2, 1, 1]);
    let differs: Vec<&str> = written
        .settings
        .iter()
        .map(|s| s.differs.as_str())
        .collect();
    assert_eq!(
        differs,
        [
            "ppo.clip = 0.2, no ppo.withhold",
            "ppo.clip = 0.3, no ppo.withhold",
            "ppo.clip = 0.2, ppo.withhold = [\"reward\"]",
        ]
    );
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    for differs in differs {
        let title = format!("## RL² on Bernoulli bandit: {differs}\n");
        assert!(markdown.contains(&title), "{markdown}");
    }
    assert!(page.contains("Apart from the others, whose configuration is not: ppo.clip = 0.3"));
    assert!(written.headlines[0].ends_with("(2 seeds)."));
}

#[test]
fn few_tasks_are_counted() {
    let (folder, ..) = reported(&Synthetic::default(), 1);
    let path = folder.path().join("quick/seed-0/comparison.json");
    change(&path, |comparison| comparison["distinct_tasks"] = json!(21));
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    let tasks = "10,000 fresh tasks of 21 different ones";
    assert!(written.headlines[0].contains(tasks));
    assert!(page.contains("There are 21 different tasks in all, and training draws from the same"));
    assert!(page.contains("a trial on 2,000 fresh tasks of 21 different ones per evaluation"));
    assert!(!page.contains("kept back"));

    change(&path, |comparison| comparison["distinct_tasks"] = json!(1));
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    assert!(written.headlines[0].contains(" on 10,000 draws of a single task"));
    assert!(page.contains("There is a single task, which training draws as well."));
    assert!(!page.contains("fresh task") && !page.contains("different"));
    // Nobody has said how many there are before the comparison.
    fs::remove_file(&path).unwrap();
    let (_, page) = report(&[folder.path().join("quick")], folder.path());
    assert!(page.contains("a trial on 2,000 tasks per evaluation") && !page.contains("fresh task"));
}

/// Names come from whoever wrote the environment and the learner.
#[test]
fn names_stay_in_their_cells() {
    let (folder, ..) = reported(&Synthetic::default(), 1);
    let path = folder.path().join("quick/seed-0/comparison.json");
    change(&path, |comparison| {
        comparison["learners"][3]["name"] = json!("=HYPERLINK(1)|a\n| b");
        comparison["environment"] = json!("+bandit|\n# x");
    });
    let (written, _) = report(&[folder.path().join("quick")], folder.path());
    let markdown = fs::read_to_string(&written.tables[0]).unwrap();
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let rows = markdown.lines().filter(|line| line.starts_with('|'));
    assert!(
        rows.clone().count() > 5 && rows.clone().all(|row| bars(row) == 6),
        "{markdown}"
    );
    assert_eq!(markdown.matches("\n#").count(), 0, "{markdown}");
    let csv = fs::read_to_string(&written.tables[1]).unwrap();
    for formula in [",=", "\n=", "\"=", ",+", "\n+", "\"+", ",@"] {
        assert!(!csv.contains(formula), "{formula:?} in {csv}");
    }
}

#[test]
fn reports_of_one_run_may_be_written_at_once() {
    let (folder, ..) = reported(
        &Synthetic {
            updates: 25,
            ..Synthetic::default()
        },
        1,
    );
    let run = folder.path().join("quick/seed-0");
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let runs = report::load(std::slice::from_ref(&run), &mut |_| ()).unwrap();
                report::write(&runs, &run, &mut |_| ()).unwrap();
            });
        }
    });
    let names = fs::read_dir(&run)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert!(
        names
            .into_iter()
            .all(|name| !name.to_string_lossy().starts_with(".unfinished"))
    );
}

/// Beside the Bayes-optimal policy: means over seeds, and what they are of.
#[test]
fn an_agent_is_shown_beside_the_best_policy() {
    let beside = |synthetic| Synthetic {
        beside: true,
        ..synthetic
    };
    let (folder, _, page) = reported(&beside(Synthetic::default()), 3);
    for seed in 0..3 {
        let path = format!("quick/seed-{seed}/deviations.json");
        change(&folder.path().join(path), |found| {
            found["whole"]["agreement"]["mean"] = json!(0.9 + 0.03 * f64::from(seed));
            found["whole"]["cost"] = json!({ "mean": 0.125, "standard_error": 0.003 });
        });
    }
    assert!(page.contains("one trial in each of 2,000 fresh tasks per seed; sampled actions."));
    assert!(page.contains("beside the exact Bayes-optimal policy"));
    assert!(page.contains("Bands: 95\u{a0}% intervals over 3 seeds (Student’s t)."));
    let (_, page) = report(&[folder.path().join("quick")], folder.path());
    let title = "RL² agrees with the Bayes-optimal policy in 93.0\u{202f}% of its steps and loses \
                 0.1250 a trial to it";
    assert!(page.contains(title), "{page}");
    let (_folder, _, page) = reported(&beside(long()), 1);
    assert!(page.contains("Averaged over 2 neighbouring steps."));
    assert!(
        !page.contains("the exact Bayes-optimal policy at"),
        "its value is not known"
    );
    let (_folder, written, _) = reported(&Synthetic::default(), 1);
    let drawn = |path: &std::path::PathBuf| path.ends_with("figures/deviation.svg");
    assert!(!written.figures.iter().any(drawn));
}

/// Beside the Gittins index: means over seeds, what was fitted, and nothing where runs
/// tell of other arms.
#[test]
fn an_index_is_shown_beside_the_exact_one() {
    let indexed = Synthetic {
        indexed: true,
        ..Synthetic::default()
    };
    let (folder, written, page) = reported(&indexed, 3);
    let drawn = |path: &std::path::PathBuf| path.ends_with("figures/indices.svg");
    assert!(written.figures.iter().any(drawn));
    for words in [
        "RL²’s index of an arm is 0.030 from the exact Gittins index on average",
        "with 8, 4 and 1 of 10 pulls left",
        "0.008, 0.004 and 0.001 was added to all learned indices of these times, means over seeds",
        "Bands: 95\u{a0}% intervals over 3 seeds",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    change(&folder.path().join("quick/seed-1/indices.json"), |found| {
        found["times"][0]["left"] = json!(7);
    });
    let (written, _) = report(&[folder.path().join("quick")], folder.path());
    assert!(!written.figures.iter().any(drawn));
}
