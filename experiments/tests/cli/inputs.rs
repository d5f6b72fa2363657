//! What people type: numbers, keys, paths, and things that contradict each other.

use crate::lab::{Lab, Outcome, TINY};
use rl_core::rand::RngExt as _;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;

/// In the presets clip is 0.2 as well, and stands before epochs.
#[test]
fn errors_name_the_key_at_fault_and_who_set_it() {
    let lab = Lab::new();
    let refused = |args: &[&str], message: &str| {
        let args = [&["train"], args].concat();
        lab.refused(&args, 78, &[&format!("error: {message}")]);
    };
    refused(
        &["quickstart", "rl2.outer.epochs=0.2"],
        "rl2.outer.epochs=0.2 on the command line: rl2.outer.epochs = 0.2; allowed: a whole",
    );
    // What was typed does not fit what stands in the file.
    refused(
        &["tiny.toml", "rl2.lanes=60"],
        "tiny.toml with rl2.lanes=60 on the command line: rl2.tile = 8; allowed: a divisor of",
    );
    refused(
        &["tiny.toml", "checkpoint=[1,2,3,\"nonsense\",{x=1}]"],
        "checkpoint=[1,2,3,\"nonsense\",{x=1}] on the command line: checkpoint = [1, 2, 3, ",
    );
    refused(
        &["tiny.toml", "rl2.outer=[\"ppo\",0.2,2,2]"],
        "rl2.outer=[\"ppo\",0.2,2,2] on the command line: rl2.outer = [\"ppo\", 0.2, 2, 2]; \
         allowed: a table",
    );
    fs::write(
        lab.path("bad.toml"),
        TINY.replace("epochs = 2", "epochs = 0.2"),
    )
    .unwrap();
    refused(
        &["bad.toml"],
        "bad.toml: rl2.outer.epochs = 0.2; allowed: a whole number",
    );
}

#[test]
fn what_is_set_twice_is_refused() {
    let lab = Lab::new();
    let refused = |args: &[&str], parts: &[&str]| lab.refused(args, 2, parts);
    let seed = ["train", "tiny.toml", "seed=5", "--seed", "3"];
    refused(&seed, &["seed=5", "--seed 3", "set it once"]);
    let seeds = ["train", "tiny.toml", "--seeds", "2", "seed=5"];
    refused(&seeds, &["seed=5", "--seeds 2", "set it once"]);
    let arms = ["oracle", "bernoulli-bandit", "arms=2", "environment.arms=3"];
    refused(&arms, &["environment.arms is set twice"]);
    assert!(!lab.path("runs").exists());
}

#[test]
fn numbers_are_taken_as_people_type_them() {
    let lab = Lab::new();
    let options = [
        "--tasks",
        "1_0e1",
        "--seed",
        "1e1",
        "--workers",
        "1.",
        "--json",
    ];
    let settings = ["arms=1e1", "epsilon=.5", "pulls=1_0"];
    let learner = ["baseline", "bernoulli-bandit", "epsilon-greedy"];
    let row = lab
        .done(&[&learner[..], &settings, &options].concat())
        .last();
    assert_eq!((&row["tasks"], &row["seed"]), (&100.into(), &10.into()));
    assert_eq!(row["settings"]["arms"], 10);
    assert_eq!(row["settings"]["pulls"], 10);
    assert_eq!(row["learner"], "epsilon-greedy(0.5)");
    lab.done(&[
        "train",
        "tiny.toml",
        "rl2.learning_rate.from=.002",
        "rl2.gae.gamma=1.",
        "rl2.updates=.1e1",
        "evaluation.interval=1_0",
        "--seeds",
        "1e0",
    ]);
    let config = fs::read_to_string(lab.path("runs/tiny/seed-0/config.toml")).unwrap();
    for line in [
        "from = 0.002",
        "gamma = 1.0",
        "updates = 1\n",
        "interval = 10\n",
    ] {
        assert!(config.contains(line), "{line} is not in {config}");
    }
    for (option, value) in [("--tasks", "1.5"), ("--tasks", "-2"), ("--workers", "1e4")] {
        let args = ["baseline", "bernoulli-bandit", "greedy", option, value];
        lab.refused(&args, 2, &[option, value, "allowed: a whole number"]);
    }
}

/// A run that is not the quickstart's own is not replaced.
#[test]
fn the_quickstart_keeps_the_runs_of_others() {
    let lab = Lab::new();
    fs::rename(lab.path("tiny.toml"), lab.path("quickstart.toml")).unwrap();
    lab.done(&["train", "./quickstart.toml", "rl2.updates=1"]);
    let metrics = lab.path("runs/quickstart/seed-0/metrics.jsonl");
    let before = fs::read(&metrics).unwrap();
    let said = ["runs/quickstart/seed-0 holds a run", "resume", "--runs"];
    lab.refused(&["quickstart"], 2, &said);
    lab.refused(&[], 2, &said);
    assert_eq!(fs::read(&metrics).unwrap(), before);
}

/// Paths are bytes; `caf\xe9` is one in Latin 1.
#[test]
fn paths_need_not_be_text() {
    let lab = Lab::new();
    let latin = |name: &[u8]| OsStr::from_bytes(name).to_owned();
    let (runs, file) = (latin(b"caf\xe9"), latin(b"caf\xe9.toml"));
    fs::rename(lab.path("tiny.toml"), lab.path("").join(&file)).unwrap();
    let run = latin(b"caf\xe9/caf\xe9/seed-0");
    let text = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let with = |words: &[&str], path: &OsStr, more: &[&str]| {
        let path = [path.to_owned()];
        Outcome::of(&mut lab.command(&[&text(words)[..], &path, &text(more)].concat()))
    };
    let train = [OsString::from("train"), file, "--runs".into(), runs.clone()];
    let more = text(&["rl2.updates=2", "--seeds", "2", "--json"]);
    let trained = Outcome::of(&mut lab.command(&[&train[..], &more].concat()));
    assert_eq!(trained.code, Some(0), "{trained:?}");
    // What a configuration must say has to be text, and is not said wrong.
    let from = with(&["train", "quickstart", "--from"], &run, &[]);
    assert_eq!(from.code, Some(2), "{from:?}");
    for part in ["--from caf", "no text (UTF-8)", "rename the folder"] {
        assert!(from.stderr.contains(part), "{from:?}");
    }
    let report = trained.last()["report"].as_str().unwrap().to_owned();
    assert_eq!(report, "caf\u{fffd}/caf\u{fffd}/report.html");
    for (words, path, more) in [
        (&["report"][..], &run, &["--json"][..]),
        (&["report"], &run, &["--out", "page", "--json"]),
        (&["resume"], &run, &["--json"]),
        (&["eval"], &run, &["--json"]),
        (&["render"], &run, &["--json"]),
        (&["render", "gridnavi", "--json", "--out"], &runs, &[]),
        (&["doctor", "--json", "--runs"], &runs, &[]),
        (
            &[
                "table",
                "wang-bandits",
                "--quick",
                "--only",
                "easy:random",
                "--json",
                "--runs",
            ],
            &runs,
            &[],
        ),
    ] {
        let outcome = with(words, path, more);
        assert_eq!(outcome.code, Some(0), "{words:?}: {outcome:?}");
        assert!(!outcome.rows().is_empty(), "{words:?}");
    }
    // A method's name is in front of its path.
    let compared = with(&["compare"], &latin(b"a=caf\xe9/caf\xe9"), &[]);
    assert_eq!(compared.code, Some(2), "{compared:?}");
    assert!(compared.stderr.contains("only a is given"), "{compared:?}");
    // The command that a message tells to run is one that a shell takes back.
    let mut again = lab.command(&train);
    again.arg0(OsStr::from_bytes(b"m\xe9"));
    let refused = Outcome::of(&mut again);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let command = "$'m\\xe9' resume $'caf\\xe9/caf\\xe9'";
    assert!(refused.stderr.contains(command), "{refused:?}");
}

/// Text of any kind on a page, in a cell of Markdown and in a field of CSV.
#[test]
fn no_text_of_a_page_is_taken_for_markup() {
    const PIECES: [&str; 24] = [
        "<",
        ">",
        "&",
        "\"",
        "'",
        "=",
        "/",
        "\\",
        "|",
        "`",
        "-->",
        "<!--",
        "]]>",
        "&lt;",
        "&#60;",
        "<script>",
        "</title>",
        "javascript:",
        "\0",
        "\x1b[2J",
        "\u{202e}",
        "\n",
        "x",
        "\u{1f980}",
    ];
    let key = rl_core::StreamKey::new(0, rl_core::Domain::Tuning, 0);
    let mut rng = key.lane(rl_core::Purpose::Init, 0);
    let page = |text: &str| {
        let body = maud::html! { p title=(text) { (text) } };
        report::html_page(text, &body)
    };
    let count = |page: &str, what: char| page.matches(what).count();
    let bare = page("");
    for _ in 0..1_000 {
        let length = rng.random_range(0..20);
        let pieces = (0..length).map(|_| PIECES[rng.random_range(0..PIECES.len())]);
        let text: String = pieces.collect();
        let page = page(&text);
        // No tag, no attribute and nothing that is obeyed is added.
        for mark in ['<', '>', '"'] {
            assert_eq!(count(&page, mark), count(&bare, mark), "{mark}: {text:?}");
        }
        let hidden = |c: char| rl_core::is_hidden(c);
        assert!(!page.contains(hidden), "{text:?}");
        let cell = report::markdown_cell(&text);
        assert!(!cell.contains(['<', '\n', '\0', '\x1b']), "{text:?}");
        // In a table of CSV it is one field of one row.
        let file = report::csv_file(["a", "b"], [[text.clone(), "end".to_owned()]]);
        let file = String::from_utf8(file).unwrap();
        let row = file.strip_prefix("a,b\n").unwrap();
        let field = row.strip_suffix(",end\n").unwrap();
        let whole = match field
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
        {
            Some(inner) => {
                assert!(!inner.replace("\"\"", "").contains('"'), "{field:?}");
                inner.replace("\"\"", "\"")
            }
            None => {
                assert!(!field.contains([',', '"', '\n']), "{field:?}");
                field.to_owned()
            }
        };
        assert!(
            whole == text || whole == format!("'{text}"),
            "{field:?} of {text:?}"
        );
    }
}
