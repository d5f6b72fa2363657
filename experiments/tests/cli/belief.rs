//! Beliefs from the command line.

use crate::lab::Lab;
use serde_json::Value;
use std::fs;

/// A training of a preset that is over in a moment.
fn short<'a>(preset: &'a str, name: &'a str) -> Vec<&'a str> {
    vec![
        "train",
        preset,
        "belief.updates=2",
        "belief.lanes=32",
        "belief.tile=8",
        "belief.outer.minibatches=2",
        "belief.trunk.hidden=8",
        "evaluation.tasks=32",
        "evaluation.interval_tasks=16",
        "evaluation.learners=[]",
        "--name",
        name,
    ]
}

/// A run says how far its beliefs are from the exact posterior, before any step by no more
/// than what an untrained belief is from even odds; its agent can be measured again.
#[test]
fn beliefs_are_compared_with_the_exact_posterior() {
    let lab = Lab::new();
    // A decoder that has hardly begun.
    let few = ["belief.belief.steps=2", "belief.belief.prefixes=2"];
    for (preset, name, more) in [
        ("belief/gridnavi", "decoded", &few[..]),
        ("belief/gridnavi-supervised", "told", &[]),
        ("belief/gridnavi-sampled", "drawn", &[]),
    ] {
        lab.done(&[&short(preset, name), more].concat());
        let run = lab.path(&format!("runs/{name}/seed-0"));
        let text = fs::read_to_string(run.join("beliefs.json")).unwrap();
        let beliefs: Value = serde_json::from_str(&text).unwrap();
        let steps = beliefs["steps"].as_array().unwrap();
        assert_eq!((steps.len(), &beliefs["distinct_tasks"]), (60, &21.into()));
        let number = |step: usize, what: &str| steps[step][what]["mean"].as_f64().unwrap();
        assert!((number(0, "entropy") - 21_f64.ln()).abs() < 1e-6);
        assert!(number(0, "divergence") < 0.5, "{}", number(0, "divergence"));
        assert!((0..60).all(|step| number(step, "divergence") >= 0.0));
        // What held draws earn lies between never and always being at the goal.
        let held = beliefs["held"].as_f64();
        assert_eq!(held.is_some(), name == "drawn", "{name}");
        assert!(
            held.is_none_or(|held| (-6.0..44.3).contains(&held)),
            "{held:?}"
        );
        assert!(run.join("figures/beliefs.svg").exists());
        let again = format!("runs/{name}/seed-0");
        lab.done(&["eval", &again, "--tasks", "20"]);
    }
}

#[test]
fn settings_that_no_belief_has_are_refused_by_name() {
    let lab = Lab::new();
    let refused = |more: &[&str], parts: &[&str]| {
        let args = [&short("belief/gridnavi", "refused"), more].concat();
        lab.refused(&args, 78, parts);
    };
    refused(
        &["belief.belief.latent=0"],
        &["belief.belief.latent = 0", "1 to"],
    );
    refused(
        &["belief.sample=episode"],
        &["belief.sample = episode", "\"noise\""],
    );
    refused(
        &["belief.belief.decodes=nothing"],
        &["belief.detached = true", "belief.decodes"],
    );
    refused(
        &["belief.belief.priors=fixed"],
        &["belief.belief.priors", "prior"],
    );
    refused(
        &[
            "environment={name=\"maze\"}",
            "belief.belief={kind=\"supervised\",target=\"task\",coefficient=1.0}",
        ],
        &["belief.belief.target = task", "can be counted"],
    );
}
