//! Agents in environments of other sizes than the one that they were trained in.

use crate::lab::Lab;
use serde_json::Value;

const INDEX: [&str; 3] = [
    "rl2.trunk={kind=\"index\",hidden=6}",
    "rl2.inputs=[\"time-left\",\"statistics\"]",
    "rl2.policy.gain=30",
];

fn returns(row: &Value) -> f64 {
    row["mean_return"].as_f64().unwrap()
}

/// The same parameters for any number of arms and pulls, whether they are evaluated or
/// trained on there.
#[test]
fn an_index_is_evaluated_where_there_are_other_arms() {
    let lab = Lab::new();
    lab.done(&[&["train", "tiny.toml", "--name", "two"], &INDEX[..]].concat());
    let run = "runs/two/seed-0";
    let own = lab.done(&["eval", run, "--json"]).last();
    let five = ["environment.arms=5", "environment.pulls=20"];
    let eval = [&["eval", run], &five[..]].concat();
    let other = lab.done(&[&eval[..], &["--json"]].concat()).last();
    assert_eq!(own["settings"]["arms"], 2);
    assert_eq!(other["settings"]["arms"], 5);
    assert_eq!(other["settings"]["pulls"], 20);
    // Chance gives 10; the exact values there are not those of the run.
    assert!(returns(&other) > 11.5, "{other}");
    assert!(other["gap_closed"].as_f64().unwrap() < 1.2, "{other}");
    let said = lab.done(&eval).stdout;
    let wanted = "environment.arms=5, environment.pulls=20, ";
    assert!(said.contains(wanted), "{said}");

    let args = ["train", "tiny.toml", "--name", "five", "--from", run];
    let begun = [&args, &INDEX[..], &five, &["--json"]].concat();
    let rows = lab.done(&begun).rows();
    let first = rows.iter().find(|row| row["event"] == "evaluation");
    assert!(returns(first.unwrap()) > 11.5, "{first:?}");
}

#[test]
fn other_agents_are_evaluated_where_their_network_fits() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml"]);
    let run = "runs/tiny/seed-0";
    let longer = lab.done(&["eval", run, "environment.pulls=9", "--json"]);
    assert_eq!(longer.last()["settings"]["pulls"], 9);
    let refused = |set: &str, code: i32, parts: &[&str]| {
        lab.refused(&["eval", run, set], code, parts);
    };
    let fits = "with as many inputs and actions";
    refused(
        "environment.arms=3",
        78,
        &["environment.arms=3: ", fits, "index"],
    );
    refused(
        "environment.arms=1000000",
        78,
        &["environment.arms", "allowed"],
    );
    refused("environment.arm=3", 78, &["environment.arms"]);
    refused("rl2.lanes=8", 2, &["rl2.lanes=8", "environment.key=value"]);
}

#[test]
fn an_index_is_refused_where_there_are_no_arms() {
    let lab = Lab::new();
    let train = [&["train", "tiny.toml"], &INDEX[..]].concat();
    let usual = "rl2.inputs=[\"observation\",\"action\",\"reward\",\"outcome\"]";
    let mut blind = train.clone();
    blind[3] = usual;
    let parts = [
        "rl2.trunk.kind = \"index\"",
        "allowed: \"gru\"",
        "rl2.inputs",
    ];
    lab.refused(&blind, 78, &[&parts[..], &["bernoulli-bandit"]].concat());
    let chain = [
        &train[..],
        &["environment.name=chain", "evaluation.learners=[]"],
    ]
    .concat();
    lab.refused(&chain, 78, &[&parts[..], &["chain"]].concat());
    let none = [&train[..], &["rl2.trunk.hidden=0"]].concat();
    lab.refused(&none, 78, &["rl2.trunk.hidden = 0", "allowed: 1 to 65536"]);
    assert!(!lab.path("runs").exists());
}
