//! The book's command lines, one after the other as a reader types them, with a training of a
//! second in the place of each: what one line makes is there for the next.

#[path = "../../src/book_lines.rs"]
mod lines;

use crate::lab::{Lab, Outcome};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A command line that takes no longer than it must; `None` for tables, whose cells have tests
/// of their own.
fn shortened(words: &[String]) -> Option<Vec<&str>> {
    let mut short: Vec<&str> = words.iter().map(String::as_str).collect();
    for at in 1..short.len() {
        match (short[at - 1], short[at]) {
            ("train", "quickstart") => short[at] = "tiny.toml",
            ("--seeds", _) => short[at] = "3",
            ("--tasks", _) => short[at] = "100",
            _ => {}
        }
    }
    match short[0] {
        "table" => return None,
        "quickstart" => short = vec!["train", "tiny.toml", "--name", "quickstart"],
        "baseline" => short.extend(["--tasks", "100"]),
        _ => {}
    }
    if short[0] == "train" {
        short.push("rl2.updates=2");
    }
    Some(short)
}

/// The page's second block, about the agent that its commands have exported: called as the
/// file has it, and run where Python has NumPy, of which a test of the package leaves one.
fn an_exported_agent_is_used_as_it_is_shown(lab: &Lab, page: &str) {
    let block = page.split("```python\n").nth(2).unwrap();
    let block = block.split("```").next().unwrap();
    let folder = lab.path("runs/five/seed-0/numpy");
    let agent = fs::read_to_string(folder.join("agent.py")).unwrap();
    let (_, call) = block.rsplit_once("= step(").unwrap();
    let called = format!("def step({}:\n", call.trim_end());
    assert!(agent.contains(&called), "{called}{agent}");
    assert!(block.contains("initial_state(batch=") && agent.contains("def initial_state(batch):"));
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-requirements");
    let python = |program: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", program]).current_dir(&folder);
        Outcome::of(command.env("PYTHONPATH", &packages))
    };
    if python("import numpy").code != Some(0) {
        return;
    }
    let before = "import numpy as np\n\
                  previous_action = np.zeros((1, 2), np.float32)\n\
                  previous_reward, episode_begins = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)\n";
    let after = "\nassert logits.shape == (1, 2) and value.shape == (1,) and state.any()\n";
    let done = python(&format!("{before}{block}{after}"));
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn what_the_book_says_can_be_done_in_its_order() {
    let lab = Lab::new();
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src");
    let page = |name: &str| fs::read_to_string(book.join(name)).unwrap();
    // The sweep's file of the page about clusters, with few settings and seeds.
    let clusters = page("clusters.md");
    let (_, sweep) = clusters.split_once("```toml\n").unwrap();
    let mut sweep = sweep.split("```").next().unwrap().to_owned();
    for (long, short) in [
        ("\"quickstart\"", "\"tiny.toml\""),
        ("rl2.updates=100", "rl2.updates=2"),
        ("points = 3", "points = 2"),
        ("confirm = [0, 1, 2]", "confirm = [0]"),
    ] {
        assert!(sweep.contains(long), "{sweep}");
        sweep = sweep.replace(long, short);
    }
    fs::write(lab.path("rates.toml"), sweep).unwrap();
    let summary = page("SUMMARY.md");
    let names = summary.lines().filter_map(|line| line.split_once("]("));
    let mut count = 0;
    for (_, name) in names {
        for words in lines::commands(&page(name.trim_end_matches(')'))) {
            if let Some(short) = shortened(&words) {
                lab.done(&short);
                count += 1;
            }
        }
    }
    assert!(count > 25, "{count}");
    an_exported_agent_is_used_as_it_is_shown(&lab, &page("python.md"));
    for made in [
        "runs/five/report.html",
        "report/report.html",
        "gru-lstm/compare.html",
        "runs/five/seed-0/onnx/agent.onnx",
        "events/five/seed-2",
        "rates/sweep.csv",
        "my-coins/Cargo.toml",
    ] {
        assert!(lab.path(made).exists(), "{made}");
    }
}
