//! What a report shows of the trained agent at work.

#[path = "support/page.rs"]
mod page;
mod support;

use std::fs;
use std::path::Path;

use page::{change, report, reported};
use report::{ReportError, load};
use serde_json::json;
use support::{Synthetic, long};

fn adapts() -> Synthetic {
    Synthetic {
        drawn: vec![vec![Some(0), Some(3)]; 4],
        ..Synthetic::default()
    }
}

fn svg(folder: &Path, name: &str) -> String {
    let path = folder.join("figures").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts of a figure, in their order.
fn texts(svg: &str) -> Vec<&str> {
    let texts = svg.lines().filter_map(|line| line.strip_suffix("</text>"));
    texts
        .filter_map(|text| Some(text.split_once('>')?.1))
        .collect()
}

/// The numbers after a heading, in the order of the figure.
fn panels(svg: &str, heading: &str) -> Vec<String> {
    let numbers = texts(svg)
        .into_iter()
        .filter_map(|text| text.strip_prefix(heading));
    numbers.map(str::to_string).collect()
}

#[test]
fn before_and_after_lie_side_by_side_for_each_task() {
    let (folder, written, page) = reported(&adapts(), 2);
    let figure = svg(folder.path(), "before-and-after.svg");
    assert_eq!(panels(&figure, "Before adaptation: "), ["−1.50"; 4]);
    assert_eq!(panels(&figure, "After 3 gradient steps: "), ["−2.50"; 4]);
    for task in 1..=4 {
        assert!(texts(&figure).contains(&&*format!("Task {task}")), "{task}");
    }
    assert!(figure.contains("RL² before and after 3 gradient steps on 4 tasks"));
    assert!(figure.contains("Bernoulli bandit · arms 5, pulls 10 · seed 0"));
    assert!(page.contains(figure.split_once("\n").unwrap().1.trim_end()));
    assert!(page.contains(
        "Sampled actions. Each picture shows the first episodes of 2 trials, and the number above \
         it what they earned on average. Green: the goal. <span"
    ));
    let last = written.figures.last().unwrap();
    assert!(last.ends_with("figures/before-and-after.png"), "{last:?}");
    assert!(fs::read(last).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn an_agent_that_does_not_adapt_is_shown_in_its_episodes() {
    let synthetic = Synthetic {
        drawn: vec![vec![None, None]],
        ..Synthetic::default()
    };
    let (folder, _, page) = reported(&synthetic, 1);
    let figure = svg(folder.path(), "episodes.svg");
    assert!(figure.contains("RL² in the first and the last episode of a trial"));
    assert_eq!(panels(&figure, "Episode 1: "), ["−1.50"]);
    assert_eq!(panels(&figure, "Episode 4: "), ["−2.50"]);
    assert!(page.contains("Number above a picture: what the episode earned. Green: the goal."));
    assert!(!folder.path().join("figures/before-and-after.svg").exists());
}

/// The first seed may have been trained before there were pictures.
#[test]
fn the_first_seed_that_has_pictures_is_shown() {
    let (folder, ..) = reported(&adapts(), 3);
    fs::remove_file(folder.path().join("quick/seed-0/pictures.json")).unwrap();
    report(&[folder.path().join("quick")], folder.path());
    let figure = svg(folder.path(), "before-and-after.svg");
    assert!(figure.contains("pulls 10 · seed 1"), "{figure}");
}

#[test]
fn each_setting_has_its_own() {
    let (folder, ..) = reported(&adapts(), 1);
    let drawn = vec![vec![None]];
    let other = Synthetic { drawn, ..long() };
    other.write(&folder.path().join("long"), 0);
    let paths = ["quick", "long"].map(|name| folder.path().join(name));
    report(&paths, folder.path());
    let of = |pulls: &str| format!("rl2-on-bernoulli-bandit-arms-5-pulls-{pulls}");
    svg(folder.path(), &format!("{}-before-and-after.svg", of("10")));
    let figure = svg(folder.path(), &format!("{}-episodes.svg", of("100")));
    assert!(texts(&figure).contains(&"RL² in an episode"));
}

#[test]
fn captions_that_differ_say_of_what_they_are() {
    let (folder, ..) = reported(&adapts(), 1);
    let path = folder.path().join("quick/seed-0/pictures.json");
    change(&path, |pictures| {
        pictures["tasks"][1]["scenes"][1]["picture"]["caption"] = json!("Red: <unsafe>.");
    });
    let (_, page) = report(&[folder.path().join("quick")], folder.path());
    assert!(page.contains("Task 1, before adaptation: Green: the goal."));
    assert!(page.contains("Task 2, after 3 gradient steps: Red: &lt;unsafe&gt;."));
}

#[test]
fn damaged_pictures_are_named() {
    let (folder, ..) = reported(&adapts(), 1);
    let path = folder.path().join("quick/seed-0/pictures.json");
    fs::write(&path, "{").unwrap();
    let error = load(&[folder.path().join("quick")], &mut |_| ()).unwrap_err();
    assert!(matches!(error, ReportError::Record(_)), "{error}");
    assert!(error.to_string().contains("pictures.json"), "{error}");
}

/// What an agent does over many trials is a figure of its own, whose file is in the
/// report's folder whatever its name says.
#[test]
fn behaviour_is_a_figure_of_its_own() {
    let (folder, ..) = reported(&adapts(), 1);
    let path = folder.path().join("quick/seed-0/pictures.json");
    change(&path, |pictures| {
        let picture = &pictures["tasks"][0]["scenes"][0]["picture"];
        let picture = |title: &str| {
            let mut picture = picture.clone();
            picture["title"] = json!(title);
            picture
        };
        pictures["analyses"] = json!([
            { "name": "stay-probability", "picture": picture("Same choice again") },
            { "name": "../../else.where", "picture": picture("Elsewhere") },
        ]);
    });
    let (_, page) = report(&[folder.path().join("quick")], folder.path());
    let figure = svg(folder.path(), "behaviour-stay-probability.svg");
    assert!(
        texts(&figure).contains(&"RL²: Same choice again"),
        "{figure}"
    );
    assert!(page.contains("Sampled actions. Green: the goal. <span"));
    assert!(
        texts(&svg(folder.path(), "behaviour-------else-where.svg")).contains(&"RL²: Elsewhere")
    );
}
