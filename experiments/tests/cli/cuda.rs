//! A training on the GPU, where there is one.

use crate::lab::Lab;
use serde_json::Value;
use std::fs;

/// The first row of metrics of a run.
fn first_row(lab: &Lab, runs: &str) -> Value {
    let file = lab.path(runs).join("tiny/seed-0/metrics.jsonl");
    let text = fs::read_to_string(file).unwrap();
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

#[test]
fn the_gpu_learns_what_the_cpu_learns_or_is_refused_with_the_reason() {
    let lab = Lab::new();
    let train = |device: &str| {
        let torch = ["rl2.backend=torch", "rl2.updates=4", "--device", device];
        lab.run(&[&["train", "tiny.toml", "--runs", device], &torch[..]].concat())
    };
    let findings = lab.done(&["doctor", "--json"]).rows();
    let finding = findings.iter().find(|row| row["topic"] == "CUDA").unwrap();
    let finding = finding["text"].as_str().unwrap();
    let cuda = train("cuda");
    if let Some(reason) = finding.strip_prefix("not available: ") {
        assert_eq!(cuda.code, Some(2), "{cuda:?}");
        assert!(cuda.stderr.contains(reason), "{cuda:?}");
        return;
    }
    assert_eq!(cuda.code, Some(0), "{cuda:?}");
    assert_eq!(train("cpu").code, Some(0));
    // The streams are the same, so that only rounding can tell them apart: a
    // few of 320 actions at the most.
    let [gpu, cpu] = ["cuda", "cpu"].map(|runs| first_row(&lab, runs));
    let tolerances = [
        ("mean_return", 0.05),
        ("entropy", 1e-3),
        ("value_loss", 0.02),
        ("gradient_norm", 0.02),
    ];
    for (name, tolerance) in tolerances {
        let [gpu, cpu] = [&gpu, &cpu].map(|row| row[name].as_f64().unwrap());
        let error = (gpu - cpu).abs();
        assert!(
            error < tolerance,
            "{name}: {gpu} on the GPU, {cpu} on the CPU"
        );
    }
    let run = lab.path("cuda/tiny/seed-0").display().to_string();
    lab.done(&["eval", &run, "--tasks", "50", "--device", "cuda"]);
}
