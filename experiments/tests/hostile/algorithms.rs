//! What an algorithm from outside does wrong is an error that names it, and
//! costs nothing that was learned before.

use crate::algorithm::SAID;
use crate::lab::Lab;

pub(crate) const TESTS: &[(&str, fn())] = &[
    (
        "an_algorithm_that_breaks_loses_nothing",
        an_algorithm_that_breaks_loses_nothing,
    ),
    (
        "an_algorithm_that_cannot_begin_leaves_nothing",
        an_algorithm_that_cannot_begin_leaves_nothing,
    ),
    (
        "an_adaptation_without_returns_is_no_result",
        an_adaptation_without_returns_is_no_result,
    ),
    (
        "a_checkpoint_that_cannot_be_restored_is_kept",
        a_checkpoint_that_cannot_be_restored_is_kept,
    ),
];

const FAULTY: &str = r#"algorithm = "faulty"

[environment]
name = "hostile"

[evaluation]
tasks = 20
interval = 2
interval_tasks = 10
actions = "sample"
learners = []

[checkpoint]
interval = 100
keep = 2

[faulty]
flaw = "none"
"#;

const RUN: &str = "runs/faulty/seed-0";

fn lab() -> Lab {
    let lab = Lab::new();
    std::fs::write(lab.path("faulty.toml"), FAULTY).unwrap();
    lab
}

fn rows(lab: &Lab, file: &str) -> usize {
    let text = std::fs::read_to_string(lab.path(RUN).join(file));
    text.unwrap_or_default().lines().count()
}

fn an_algorithm_that_breaks_loses_nothing() {
    let cases = [
        ("update", SAID),
        ("diverged", "it is all infinite"),
        ("stuck", "`updates_done` is 3 then; it must be 4"),
        (
            "row",
            "the row of update 3 is [3]; it must be a JSON object",
        ),
        ("lines", "it must be a JSON object in one line"),
        ("number", "'x' in the row of the update is no finite number"),
        ("checkpoint", SAID),
        ("policy", SAID),
        ("nan", "'params/w' is NaN at index 1"),
        ("shape", "shape [3], and not as many, of which there are 2"),
    ];
    for (flaw, said) in cases {
        let lab = lab();
        let set = format!("faulty.flaw={flaw}");
        let text = lab.refused(&["train", "faulty.toml", &set], 70);
        assert!(text.contains(said), "{flaw}: {text}");
        let is_named = text.contains("algorithm 'faulty'");
        assert!(is_named || said != SAID, "{flaw}: {text}");
        assert!(!text.contains("backtrace"), "{text}");
        // What was done before it is there, and is read back.
        assert!(rows(&lab, "metrics.jsonl") >= 2, "{flaw}");
        assert_eq!(rows(&lab, "eval.jsonl"), 2, "{flaw}");
        let evaluated = lab.command(&["eval", RUN]).output().unwrap();
        let report = String::from_utf8(evaluated.stdout).unwrap();
        let last = if flaw == "stuck" { "3" } else { "2" };
        let words = format!("faulty after update {last},");
        assert!(
            report.contains(&words) || flaw == "policy",
            "{flaw}: {report}"
        );
        // It comes to the same end again.
        let again = lab.refused(&["resume", RUN], 70);
        assert!(again.contains(said), "{flaw}: {again}");
    }
    let whole = lab();
    let trained = whole.command(&["train", "faulty.toml"]).output().unwrap();
    assert!(trained.status.success(), "a return of NaN is no failure");
    assert_eq!(rows(&whole, "metrics.jsonl"), 6);
}

fn an_algorithm_that_cannot_begin_leaves_nothing() {
    let cases = [
        ("footprint", SAID),
        ("start", SAID),
        ("ahead", "starts with `updates_done` of 7; it must be 0"),
    ];
    for (flaw, said) in cases {
        let lab = lab();
        let set = format!("faulty.flaw={flaw}");
        let text = lab.refused(&["train", "faulty.toml", &set], 70);
        assert!(text.contains("algorithm 'faulty'"), "{text}");
        assert!(text.contains(said), "{flaw}: {text}");
        assert!(!lab.path("runs").exists(), "{flaw}");
    }
}

fn an_adaptation_without_returns_is_no_result() {
    let lab = lab();
    let text = lab.refused(&["train", "faulty.toml", "faulty.flaw=silent"], 70);
    let words = "algorithm 'faulty' adapts and says nothing of its returns";
    assert!(text.contains(words), "{text}");
    assert!(!lab.path(RUN).join("comparison.json").exists());
}

fn a_checkpoint_that_cannot_be_restored_is_kept() {
    let cases = [
        ("restore", 70, SAID),
        ("unfit", 78, "'done' belongs to no part of this agent"),
        (
            "forgetful",
            70,
            "restored the checkpoint of update 6 and says that it did 0",
        ),
    ];
    for (flaw, code, said) in cases {
        let lab = lab();
        let set = format!("faulty.flaw={flaw}");
        let trained = lab.command(&["train", "faulty.toml", &set]).output();
        assert!(trained.unwrap().status.success(), "{flaw}");
        for command in ["eval", "resume"] {
            let text = lab.refused(&[command, RUN], code);
            assert!(text.contains(said), "{command}, {flaw}: {text}");
        }
        assert!(lab.path(RUN).join("checkpoints/00000006").exists());
    }
}
