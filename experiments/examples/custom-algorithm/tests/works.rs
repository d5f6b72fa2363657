//! The whole command line works with an algorithm from outside, and it learns.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const PRESET: &str = "custom-algorithm.toml";
const BRIEF: [&str; 4] = [
    "reinforce.updates=300",
    "reinforce.lanes=128",
    "evaluation.tasks=2000",
    "checkpoint.interval=100",
];

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_custom-algorithm"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    command
}

fn done(args: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{args:?}: {stderr}");
    String::from_utf8(stdout).unwrap()
}

fn refused(args: &[&str], code: i32) -> String {
    let output = command(args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    stderr
}

/// Waits for the third update of a run, and stops it.
fn stop(child: &mut Child, run: &Path) {
    let rows = || fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    while rows().lines().count() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(2));
    }
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(75), "stopped and saved");
}

#[test]
fn it_learns_and_a_stopped_run_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let train = |runs: &str, workers: &str| {
        let flags = ["--runs", runs, "--workers", workers, "--json"];
        command(&[&["train", PRESET][..], &BRIEF, &flags].concat())
    };
    let whole = train(&at("whole"), "1").output().unwrap();
    assert!(whole.status.success());
    let last = String::from_utf8(whole.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    let learned = last["mean_return"].as_f64().unwrap();
    // Random play gives 5 of 10; the standard error of 2000 tasks is 0.05.
    assert!(learned > 5.5, "{learned}");
    assert!(learned < last["bayes_optimal"].as_f64().unwrap() + 0.2);

    let run = folder.path().join("stopped/custom-algorithm/seed-0");
    let mut training = train(&at("stopped"), "2");
    let mut child = training.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    stop(child.as_mut().unwrap(), &run);
    done(&["resume", run.to_str().unwrap()]);
    for file in ["metrics.jsonl", "eval.jsonl", "comparison.json"] {
        let other = folder.path().join("whole/custom-algorithm/seed-0");
        let [ours, theirs] = [&run, &other].map(|run| fs::read(run.join(file)).unwrap());
        assert!(ours == theirs, "{file}");
    }
    let evaluated = done(&["eval", run.to_str().unwrap(), "--json"]);
    let evaluated: serde_json::Value = serde_json::from_str(&evaluated).unwrap();
    assert_eq!(evaluated["mean_return"].as_f64(), Some(learned));
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("REINFORCE") && page.contains("Gradient norm"));
    let out = at("report");
    done(&["report", run.to_str().unwrap(), "--out", &out]);
    assert!(Path::new(&out).join("report.html").exists());
}

#[test]
fn it_is_listed_and_its_settings_are_checked() {
    assert!(done(&["list", "algorithms"]).contains("reinforce"));
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().to_str().unwrap();
    let set = |setting| refused(&["train", PRESET, setting, "--runs", runs], 78);
    let range = set("reinforce.gamma=1.5");
    assert!(
        range.contains("reinforce.gamma = 1.5; allowed: 0 to 1"),
        "{range}"
    );
    let key = set("reinforce.gama=1");
    assert!(key.contains("did you mean 'reinforce.gamma'?"), "{key}");
    let tile = set("reinforce.tile=100");
    assert!(
        tile.contains("reinforce.tile = 100; allowed: a divisor of reinforce.lanes = 512"),
        "{tile}"
    );
    let none = set("reinforce.tile=0");
    assert!(
        none.contains("reinforce.tile = 0; allowed: 1 to "),
        "{none}"
    );
    let norm = set("reinforce.max_gradient_norm=-1");
    assert!(norm.contains("norm = -1; allowed: above 0"), "{norm}");
    let refusal = refused(&["train", PRESET, "algorithm=reinforse"], 78);
    assert!(refusal.contains("did you mean 'reinforce'?"), "{refusal}");
}
