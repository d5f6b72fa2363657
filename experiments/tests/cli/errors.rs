//! What the commands say when something is not well.

use crate::lab::{Lab, Outcome, TINY};
use std::fs;

#[test]
fn bad_command_lines_say_what_was_meant() {
    let lab = Lab::new();
    let refused = |args: &[&str], parts: &[&str]| lab.refused(args, 2, parts);
    refused(
        &["train", "quikstart"],
        &["no preset 'quikstart'", "did you mean 'quickstart'?"],
    );
    refused(
        &["train", "rl2/bernouli-bandit-5x10"],
        &["'rl2/bernoulli-bandit-5x10'?"],
    );
    refused(&["train", "missing.toml"], &["cannot read missing.toml"]);
    refused(
        &["train", "tiny.toml", "updates"],
        &["'updates'", "key=value"],
    );
    refused(&["trian", "tiny.toml"], &["'train'"]);
    refused(
        &["train", "tiny.toml", "--workers", "0"],
        &["--workers", "a whole number, 1 to 1024"],
    );
    refused(&["train", "tiny.toml", "--workers", "many"], &["--workers"]);
    refused(&["train", "tiny.toml", "--seed", "-1"], &["--seed"]);
    refused(
        &["train", "tiny.toml", "--seed", "1", "--seeds", "2"],
        &["--seeds"],
    );
    refused(&["train", "tiny.toml", "--device", "tpu"], &["tpu", "cpu"]);
    refused(
        &["baseline", "bernouli-bandit", "greedy"],
        &["did you mean 'bernoulli-bandit'?"],
    );
    refused(
        &["baseline", "bernoulli-bandit", "tomson"],
        &["did you mean 'thompson'?"],
    );
    refused(
        &["baseline", "bernoulli-bandit", "greedy", "amrs=2"],
        &["environment.arms"],
    );
    refused(
        &["baseline", "bernoulli-bandit", "greedy", "--tasks", "0"],
        &["--tasks"],
    );
    refused(
        &["oracle", "cartpole"],
        &["no environment 'cartpole'", "bernoulli-bandit"],
    );
    refused(&["resume", "nowhere"], &["nowhere is not a run directory"]);
    refused(&["eval", "."], &["is not a run directory", "config.toml"]);
    refused(&["report", "nowhere"], &["nowhere"]);
    assert!(
        !lab.path("runs").exists(),
        "nothing may be made by a refused command"
    );
}

#[test]
fn bad_configurations_name_key_value_and_range() {
    let lab = Lab::new();
    let refused = |text: &str, parts: &[&str]| {
        lab.refused(
            &["train", "tiny.toml", text],
            78,
            &[&[text, " on the command line: "], parts].concat(),
        );
    };
    refused(
        "rl2.lans=8",
        &["rl2.lans: no such key", "did you mean 'rl2.lanes'?"],
    );
    refused(
        "lanes=8",
        &["lanes: no such key", "did you mean 'rl2.lanes'?"],
    );
    refused(
        "rl2.lanes=many",
        &["rl2.lanes = \"many\"", "a whole number"],
    );
    refused("rl2.lanes=0", &["rl2.lanes = 0", "1 to"]);
    refused("rl2.tile=7", &["rl2.tile = 7", "rl2.lanes = 64"]);
    refused(
        "rl2.trunk.hidden=big",
        &["rl2.trunk.hidden = \"big\"", "a whole number"],
    );
    refused(
        "rl2.trunk={kind=\"gpu\"}",
        &["rl2.trunk.kind = \"gpu\"", "'gru'"],
    );
    refused("rl2.outer.clip=1.5", &["rl2.outer.clip = 1.5", "below 1"]);
    refused("rl2.gae.lambda=nan", &["rl2.gae.lambda", "0 to 1"]);
    assert!(
        !lab.path("runs").exists(),
        "nothing may be made by a refused command"
    );
}

#[test]
fn bad_settings_around_the_algorithm_do_as_well() {
    let lab = Lab::new();
    let refused = |text: &str, parts: &[&str]| {
        lab.refused(
            &["train", "tiny.toml", text],
            78,
            &[&[text, " on the command line: "], parts].concat(),
        );
    };
    refused(
        "environment.arms=0",
        &["environment.arms = 0", "1 to 65536"],
    );
    refused(
        "environment.name=bernouli-bandit",
        &["environment.name", "'bernoulli-bandit'"],
    );
    refused(
        "evaluation.actions=gredy",
        &["evaluation.actions = \"gredy\"", "'greedy'"],
    );
    refused(
        "evaluation.interval=0",
        &["evaluation.interval = 0", "at least 1"],
    );
    refused(
        "evaluation.learners=[{name=\"usb1\"}]",
        &["learners.0.name", "'ucb1'"],
    );
    refused(
        "evaluation.learners=[{name=\"ucb1\",c=-1}]",
        &["learners.0.c = -1", "0 to"],
    );
    refused("algorithm=rl3", &["algorithm", "did you mean 'rl2'?"]);
    assert!(
        !lab.path("runs").exists(),
        "nothing may be made by a refused command"
    );
}

#[test]
fn bad_files_name_file_and_line() {
    let lab = Lab::new();
    let refused = |from: &str, to: &str, parts: &[&str]| {
        assert!(TINY.contains(from), "{from}");
        fs::write(lab.path("bad.toml"), TINY.replace(from, to)).unwrap();
        lab.refused(&["train", "bad.toml"], 78, &[&["bad.toml"], parts].concat());
    };
    refused("arms = 2", "arms = = 2", &["line 6"]);
    refused(
        "arms = 2",
        "amrs = 2",
        &["environment.amrs: no such key", "'arms'"],
    );
    refused(
        "keep = 2",
        "keeep = 2",
        &["checkpoint.keeep: no such key", "'keep'"],
    );
    refused("keep = 2\n", "", &["checkpoint.keep is missing"]);
    refused(
        "[checkpoint]",
        "[checkpiont]",
        &["checkpiont", "'checkpoint'"],
    );
    refused("updates = 12\n", "", &["rl2.updates is missing"]);
    refused(
        "updates = 12",
        "updates = true",
        &["rl2.updates = true", "a whole number"],
    );
    refused("[rl2]", "[rl3]", &["rl3", "'rl2'"]);
    refused(
        "name = \"bernoulli-bandit\"\n",
        "",
        &["environment.name is missing"],
    );
    refused("algorithm = \"rl2\"\n", "", &["algorithm is missing"]);
}

#[test]
fn folders_that_cannot_be_used_are_named() {
    let lab = Lab::new();
    fs::write(lab.path("file"), "in the way").unwrap();
    lab.refused(
        &["train", "tiny.toml", "--runs", "file"],
        2,
        &["cannot create file: ", "another --runs"],
    );
    fs::create_dir_all(lab.path("full/tiny/seed-0")).unwrap();
    fs::write(lab.path("full/tiny/seed-0/thesis.tex"), "precious").unwrap();
    let args = ["train", "tiny.toml", "--runs", "full", "--overwrite"];
    lab.refused(&args, 2, &["thesis.tex", "--runs"]);
    assert!(lab.path("full/tiny/seed-0/thesis.tex").exists());
    // Not even root can make folders here.
    let place = "/proc/nowhere";
    lab.refused(&["train", "tiny.toml", "--runs", place], 2, &[place]);
    lab.refused(
        &["doctor", "--runs", place],
        78,
        &["1 of these must be put right"],
    );
}

#[test]
fn a_key_that_is_set_twice_is_refused() {
    let lab = Lab::new();
    let twice = ["train", "tiny.toml", "rl2.updates=2", "rl2.updates=3"];
    lab.refused(&twice, 2, &["rl2.updates is set twice"]);
    let twice = [
        "baseline",
        "bernoulli-bandit",
        "ucb1",
        "c=0.3",
        "ucb1.c=0.4",
    ];
    lab.refused(&twice, 2, &["ucb1.c is set twice"]);
}

#[test]
fn a_run_whose_configuration_was_edited_is_not_resumed() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=4"]);
    let run = lab.path("runs/tiny/seed-0");
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config.contains("updates = 4"));
    let edited = config.replace("updates = 4", "updates = 8");
    fs::write(run.join("config.toml"), edited).unwrap();
    let resume = ["resume", "runs/tiny/seed-0"];
    let said = ["config.toml", "'updates = 4'", "'updates = 8'", "--runs"];
    lab.refused(&resume, 78, &said);
    fs::write(run.join("config.toml"), config).unwrap();
    lab.done(&resume);
}

#[test]
fn damaged_checkpoints_are_not_passed_over_in_silence() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=8"]);
    let eval = ["eval", "runs/tiny/seed-0"];
    let checkpoints = lab.path("runs/tiny/seed-0/checkpoints");
    let params = |update| checkpoints.join(format!("{update:08}/arrays.safetensors"));
    fs::write(params(8), b"damaged").unwrap();
    let outcome = lab.done(&eval);
    assert!(outcome.stderr.contains("passing over"), "{outcome:?}");
    assert!(outcome.stdout.contains("after update 4"), "{outcome:?}");
    // What a finished run came to is written beside it, and an agent before that is another.
    let again = [
        "of update 4",
        "arrays.safetensors",
        "resume runs/tiny/seed-0",
    ];
    let run = "runs/tiny/seed-0";
    for command in [
        &["export", run, "--to", "onnx"][..],
        &["train", "tiny.toml", "--name", "next", "--from", run],
    ] {
        lab.refused(command, 78, &again);
    }
    assert!(!lab.path("runs/next").exists());
    assert!(!lab.path("runs/tiny/seed-0/onnx").exists());
    // Where it is not finished, what is passed over is said, once.
    fs::remove_file(lab.path("runs/tiny/seed-0/comparison.json")).unwrap();
    for command in [
        &["export", run, "--to", "onnx"][..],
        &[
            "train",
            "tiny.toml",
            "--name",
            "next",
            "--from",
            run,
            "rl2.updates=1",
        ],
    ] {
        let said = lab.done(command).stderr;
        assert_eq!(
            said.matches("passing over a checkpoint").count(),
            1,
            "{said}"
        );
    }
    fs::remove_file(params(4)).unwrap();
    lab.refused(&eval, 78, &["no intact checkpoint", "arrays.safetensors"]);
}

/// What is not as a training left it is a bad configuration, and no matter of
/// the command line.
#[test]
fn damaged_and_unreadable_files_are_bad_configurations() {
    let lab = Lab::new();
    // No file is a slip of the command line; a file that is no text is not.
    lab.refused(&["train", "missing.toml"], 2, &["missing.toml"]);
    fs::write(lab.path("bytes.toml"), [0xff, 0xfe, 0x00]).unwrap();
    fs::create_dir(lab.path("folder.toml")).unwrap();
    for file in ["bytes.toml", "folder.toml"] {
        lab.refused(&["train", file], 78, &["cannot read", file]);
    }
    lab.done(&["train", "tiny.toml", "rl2.updates=2"]);
    let run = lab.path("runs/tiny/seed-0");
    let text = |file: &str| fs::read(run.join(file)).unwrap();
    for (file, damaged, commands) in [
        ("comparison.json", "{", &["report", "resume", "eval"][..]),
        ("eval.jsonl", "{\n", &["report", "resume"]),
        ("metrics.jsonl", "", &["report"]),
        ("timing.jsonl", "[]\n", &["report"]),
        ("environment.json", "", &["report", "resume", "eval"]),
        ("config.toml", "= 1", &["resume", "eval"]),
    ] {
        let whole = text(file);
        fs::write(run.join(file), damaged).unwrap();
        for command in commands {
            lab.refused(&[command, "runs/tiny/seed-0"], 78, &[file]);
        }
        fs::write(run.join(file), whole).unwrap();
    }
    // A folder in a file's place cannot be read.
    let metrics = text("metrics.jsonl");
    fs::remove_file(run.join("metrics.jsonl")).unwrap();
    fs::create_dir(run.join("metrics.jsonl")).unwrap();
    let report = ["report", "runs/tiny/seed-0"];
    lab.refused(&report, 78, &["cannot read", "metrics.jsonl"]);
    fs::remove_dir(run.join("metrics.jsonl")).unwrap();
    fs::write(run.join("metrics.jsonl"), metrics).unwrap();
    let comparison = String::from_utf8(text("comparison.json")).unwrap();
    let changed = comparison.replace("\"steps_per_trial\": 5", "\"steps_per_trial\": 4");
    assert_ne!(changed, comparison);
    fs::write(run.join("comparison.json"), changed).unwrap();
    lab.refused(&report, 78, &["comparison.json", "its seal does not match"]);
}

/// A process that took itself for the only one would do the work of all.
#[test]
fn a_launcher_that_says_what_it_cannot_is_not_taken_for_none() {
    let lab = Lab::new();
    let launched = |args: &[&str]| {
        let mut command = lab.command(args);
        command.env("OMPI_COMM_WORLD_RANK", "first");
        Outcome::of(command.env("OMPI_COMM_WORLD_SIZE", "2"))
    };
    let refused = launched(&["train", "tiny.toml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let why = "the variable OMPI_COMM_WORLD_RANK is \"first\"; allowed: whole numbers, 0 to 1";
    assert!(refused.stderr.contains(why), "{refused:?}");
    assert!(!lab.path("runs").exists());
    // What each process does for itself it does whatever started it.
    assert_eq!(launched(&["show", "tiny.toml"]).code, Some(0));
}
