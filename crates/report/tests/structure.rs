//! What is in the page of a report besides its words: data, statistics, what differs.

#[path = "support/page.rs"]
mod page;
mod support;

use std::fs;

use page::{change, report, reported, tags, without_scripts};
use report::{Method, ScoreOf, compare, load};
use serde_json::{Value, json};
use support::{Synthetic, long};

/// The CSV file of a figure, out of its link in a page.
fn csv_of(page: &str, file: &str) -> String {
    let link = format!("download=\"{file}\" href=\"data:text/csv;charset=utf-8,");
    let (_, after) = page
        .split_once(&link)
        .unwrap_or_else(|| panic!("no {file}"));
    let encoded = after.split('"').next().unwrap().as_bytes();
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < encoded.len() {
        let (byte, next) = match encoded[at] {
            b'%' => {
                let hex = std::str::from_utf8(&encoded[at + 1..at + 3]).unwrap();
                (u8::from_str_radix(hex, 16).unwrap(), at + 3)
            }
            other => (other, at + 1),
        };
        bytes.push(byte);
        at = next;
    }
    String::from_utf8(bytes).unwrap()
}

/// The rows of a CSV file, its header first.
fn rows(csv: &str) -> Vec<Vec<String>> {
    let lines = csv.lines();
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_figures_data_are_in_its_link() {
    let (folder, _, page) = reported(&Synthetic::default(), 3);
    let csv = csv_of(&page, "learning-curve.csv");
    let rows = rows(&csv);
    let at = |name: &str| {
        rows[0]
            .iter()
            .position(|own| own == name)
            .unwrap_or_else(|| panic!("{name}: {csv}"))
    };
    assert_eq!(rows[0][0], "Environment steps");
    // The mean of the first evaluations, which are after the first update.
    let first = |seed: u64| {
        let path = folder.path().join(format!("quick/seed-{seed}/eval.jsonl"));
        let text = fs::read_to_string(path).unwrap();
        let row: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        row["mean_return"].as_f64().unwrap()
    };
    let returns = [0, 1, 2].map(first);
    let row = rows.iter().find(|row| row[0] == "40960").unwrap();
    let number = |name: &str| row[at(name)].parse::<f64>().unwrap();
    for (seed, own) in returns.iter().enumerate() {
        let told = number(&format!("RL² run {}", seed + 1));
        assert!((told - own).abs() < 1e-8 * own, "{told} for {own}");
    }
    let mean = returns.iter().sum::<f64>() / 3.0;
    assert!((number("RL²") - mean).abs() < 1e-8 * mean);
    assert!(number("RL² (low)") < mean && mean < number("RL² (high)"));
    // As many numbers in the table, where seeds are means.
    assert!(page.contains("<th scope=\"col\">RL²</th>") && page.contains(">40,960</th>"));
    assert!(page.contains("The 3 curves of single seeds are in the CSV file."));
}

#[test]
fn what_the_script_reads_is_where_it_says() {
    let (_folder, _, page) = reported(&long(), 2);
    let csv = csv_of(&page, "regret.csv");
    let header = rows(&csv).remove(0);
    let (before, _) = page.split_once("figures/regret").unwrap();
    let (_, script) = before
        .rsplit_once("<script type=\"application/json\">")
        .unwrap();
    let (data, _) = script.split_once("</script>").unwrap();
    let layout: Value = serde_json::from_str(data).unwrap();
    assert_eq!(layout["x"], "Steps into a trial");
    let series = layout["plots"][0]["series"].as_array().unwrap();
    assert!(series.len() > 4, "{series:?}");
    let mut columns = 1;
    for own in series {
        assert_eq!(own["column"], columns);
        assert_eq!(own["name"], header[columns].as_str());
        let ends = own["ends"] == true;
        columns += if ends { 3 } else { 1 };
        if ends {
            assert!(header[columns - 1].ends_with(" (high)"), "{header:?}");
        }
        // And what it hides is drawn under that name.
        let part = format!("data-series=\"{}\"", own["name"].as_str().unwrap());
        assert!(page.contains(&part), "{part}");
    }
    assert_eq!(columns, header.len());
}

#[test]
fn a_name_ends_no_script_and_no_cell() {
    let (folder, ..) = reported(&Synthetic::default(), 1);
    let path = folder.path().join("quick/seed-0/comparison.json");
    change(&path, |comparison| {
        comparison["learners"][3]["name"] = json!("a</script>\n<u>\",=1\u{202e}");
    });
    let (_, page) = report(&[folder.path().join("quick")], folder.path());
    assert!(!page.contains("<u>") && !without_scripts(&page).contains("</script"));
    let csv = csv_of(&page, "regret.csv");
    assert_eq!(
        csv.lines().count(),
        12,
        "a header and a row for each step: {csv}"
    );
}

#[test]
fn statistics_stand_beside_three_seeds_or_more() {
    let (_folder, _, page) = reported(&Synthetic::default(), 2);
    assert!(!page.contains("Statistics over seeds"));
    let (_folder, written, page) = reported(&Synthetic::default(), 3);
    for words in [
        "Statistics over seeds: Bernoulli bandit",
        "interquartile mean",
        "optimality gap",
        "stratified bootstrap",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let drawn = |name: &str| {
        written
            .figures
            .iter()
            .any(|path| path.ends_with(format!("figures/{name}.svg")))
    };
    assert!(drawn("profile") && drawn("efficiency") && !drawn("aggregates"));
    assert!(!page.contains("Table: pairs of methods"), "there is none");
}

#[test]
fn settings_are_set_beside_each_other_and_what_differs_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, closed, seeds) in [("good", 0.95, 4), ("bad", 0.2, 4), ("few", 0.5, 2)] {
        let synthetic = Synthetic {
            closed,
            ..Synthetic::default()
        };
        for seed in 0..seeds {
            synthetic.write(&folder.path().join(name), seed);
        }
    }
    let paths = ["good", "bad", "few"].map(|name| folder.path().join(name));
    let (written, page) = report(&paths, folder.path());
    let (_, statistics) = page.split_once("Table: pairs of methods").unwrap();
    let pair = "<th class=\"name\" scope=\"row\">good</th><td class=\"name\">bad</td><td>1.00 [1.00, 1.00]</td><td>better</td>";
    assert!(statistics.contains(pair), "{statistics}");
    assert!(page.contains("Left out: cannot compare: few has 2 seeds"));
    assert!(
        written
            .figures
            .iter()
            .any(|path| path.ends_with("figures/aggregates.svg"))
    );
    // Their configurations are the same.
    assert!(!page.contains("what configurations have unlike"));

    let config = folder.path().join("bad");
    for seed in 0..4 {
        let path = config.join(format!("seed-{seed}/config.toml"));
        let text = fs::read_to_string(&path).unwrap();
        let comparison = path.with_file_name("comparison.json");
        let value: Option<Value> = record::read_sealed(&comparison, &text).unwrap();
        let edited = text.replace("clip = 0.2", "clip = 0.3");
        record::write_sealed(&comparison, &value.unwrap(), &edited).unwrap();
        fs::write(path, edited).unwrap();
    }
    let (_, page) = report(&paths[..2], folder.path());
    let row = "<th class=\"name\" scope=\"row\">ppo.clip</th><td>0.2</td><td>0.3</td></tr></tbody>";
    assert!(page.contains(row), "the only one: {page}");
}

/// Where no end of the gap is known of both, nothing is compared, and the page says why.
#[test]
fn what_has_no_gap_in_common_is_left_out_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (name, unknown) in [("one", "known_task_optimum"), ("other", "bayes_optimal")] {
        for seed in 0..3 {
            let run = Synthetic::default().write(&folder.path().join(name), seed);
            change(&run.join("comparison.json"), |comparison| {
                comparison["exact"][unknown] = json!({ "why": "nobody asked" });
            });
        }
    }
    let paths = ["one", "other"].map(|name| folder.path().join(name));
    let (_, page) = report(&paths, folder.path());
    assert!(page.contains("Statistics over seeds: Bernoulli bandit"));
    let why = "has no gap that is known for all of these";
    let (_, left_out) = page.split_once("Left out: cannot compare: ").unwrap();
    assert!(
        left_out.split("</p>").next().unwrap().contains(why),
        "{page}"
    );
    assert!(!page.contains("Table: aggregates over seeds"));
}

/// Where no setting can be compared although there are seeds enough, the page says why.
#[test]
fn a_setting_that_is_refused_alone_is_left_out_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let quick = folder.path().join("quick");
    for seed in 0..3 {
        Synthetic::default().write(&quick, seed);
    }
    let again = Synthetic::default().write(&folder.path().join("other"), 0);
    fs::rename(again, quick.join("again")).unwrap();
    let (_, page) = report(&[quick], folder.path());
    assert!(page.contains("Statistics over seeds: Bernoulli bandit"));
    let (_, left_out) = page.split_once("Left out: cannot compare: ").unwrap();
    assert!(left_out.starts_with("RL² has a seed twice in "), "{page}");
    assert!(!page.contains("Table: aggregates over seeds"));
}

#[test]
fn a_comparison_has_a_page_too() {
    let folder = tempfile::tempdir().unwrap();
    let method = |(name, closed): (&str, f64)| {
        let synthetic = Synthetic {
            closed,
            ..Synthetic::default()
        };
        for seed in 0..4 {
            synthetic.write(&folder.path().join(name), seed);
        }
        Method {
            name: name.to_owned(),
            runs: load(&[folder.path().join(name)], &mut |_| ()).unwrap(),
        }
    };
    let methods = [("good", 0.95), ("bad", 0.2)].map(method);
    let out = folder.path().join("out");
    let compared = compare(&methods, ScoreOf::Gap, &out).unwrap();
    let path = out.join("compare.html");
    assert!(compared.files.contains(&path));
    let page = fs::read_to_string(path).unwrap();
    page::check_page(&page);
    assert!(page.contains("<h1>good, bad compared</h1>") && page.contains("<td>better</td>"));
    let profile = rows(&csv_of(&page, "profile.csv"));
    assert_eq!(profile.len(), 1 + 41);
    assert_eq!(profile[0][1..4], ["good", "good (low)", "good (high)"]);
    assert_eq!(tags(&page, "figure").len(), 3);
}

/// An episode is played by its ways or its columns; a picture of anything else stands still.
#[test]
fn episodes_can_be_played() {
    let drawn = Synthetic {
        drawn: vec![vec![None, None]],
        ..Synthetic::default()
    };
    let (folder, _, page) = reported(&drawn, 1);
    let scenes = |page: &str| -> Value {
        let (before, _) = page.split_once("figures/episodes").unwrap();
        let (_, figure) = before.rsplit_once("<figure>").unwrap();
        let Some((_, script)) = figure.split_once("<script type=\"application/json\">") else {
            return Value::Null;
        };
        serde_json::from_str(script.split_once("</script>").unwrap().0).unwrap()
    };
    let layout = scenes(&page);
    assert_eq!(
        (&layout["steps"], layout["ways"].as_array().unwrap().len()),
        (&json!(1), 2)
    );
    assert!(page.contains("<g data-ways=\"\">"));
    let path = folder.path().join("quick/seed-0/pictures.json");
    let area = |x: f32, width: f32, ink: Value| json!({ "area": { "corner": [x, 0.0], "size": [width, 1.0], "ink": ink } });
    let with = |shapes: Vec<Value>| {
        change(&path, |pictures| {
            for scene in pictures["tasks"][0]["scenes"].as_array_mut().unwrap() {
                scene["picture"]["shapes"] = json!(shapes);
            }
        });
        report(&[folder.path().join("quick")], folder.path()).1
    };
    let ground = || area(0.0, 2.0, json!("ground"));
    let cell = |x: f32| area(x, 0.5, json!({ "scale": 0.5 }));
    // A column without a cell is a step that is not drawn.
    let page = with(vec![ground(), cell(0.0), cell(0.5), cell(1.5)]);
    assert_eq!(scenes(&page)["steps"], 4);
    for step in [0, 1, 3] {
        assert!(
            page.contains(&format!("<g data-step=\"{step}\">")),
            "{step}"
        );
    }
    // Rows of a table begin anew, and its cells may lie apart: no order of time.
    let page = with(vec![ground(), cell(0.0), cell(0.5), cell(0.0), cell(0.5)]);
    assert_eq!(scenes(&page), Value::Null);
    let page = with(vec![ground(), cell(0.0), cell(0.55), cell(1.1)]);
    assert_eq!(scenes(&page), Value::Null);
}
