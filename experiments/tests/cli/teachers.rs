//! Teachers, statistics and beginnings from the command line.

use crate::lab::Lab;
use record::Reader;
use serde_json::Value;
use std::fs;

/// A short training of the preset that clones an exact policy.
const CLONE: [&str; 9] = [
    "train",
    "imitation/bernoulli-bandit-5x10",
    "imitation.updates=2",
    "imitation.lanes=64",
    "imitation.tile=4",
    "imitation.trunk.hidden=6",
    "evaluation.tasks=64",
    "evaluation.interval_tasks=64",
    "evaluation.learners=[]",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&CLONE[..], more].concat()
}

/// A clone is begun from, also under another teacher, for a longer trial and by reward;
/// its own agent teaches another.
#[test]
fn what_was_learned_is_begun_from_and_taught() {
    let lab = Lab::new();
    let clone = "runs/clone/seed-0";
    lab.done(&with(&["--name", "clone"]));
    let longer = [
        "environment.pulls=20",
        "imitation.teacher={name=\"ucb1\"}",
        "--from",
        clone,
        "--name",
        "longer",
    ];
    lab.done(&with(&longer));
    let config = fs::read_to_string(lab.path("runs/longer/seed-0/config.toml")).unwrap();
    assert!(config.contains("from = \"runs/clone/seed-0\""), "{config}");
    // The teacher's settings are all there.
    assert!(config.contains("c = 0.2"), "{config}");
    let taught = format!("imitation.teacher={{name=\"run\",path=\"{clone}\"}}");
    lab.done(&with(&[&taught, "--name", "taught"]));
    // A student acts without its teacher.
    let moved = lab.path("runs/away");
    fs::rename(lab.path(clone), &moved).unwrap();
    lab.done(&["eval", "runs/taught/seed-0", "--tasks", "20"]);
    fs::rename(&moved, lab.path(clone)).unwrap();
    // The clone acts as before, whatever became of what it taught.
    let mean = |run: &str| -> Value {
        let outcome = lab.done(&["eval", run, "--tasks", "50", "--json"]);
        outcome.last()["mean_return"].clone()
    };
    let before = mean(clone);
    // By reward, on RL²'s own network of the same sizes.
    let by_reward = [
        "train",
        "tiny.toml",
        "rl2.trunk.input_gain=4",
        "rl2.updates=1",
        "environment={name=\"bernoulli-bandit\",arms=5,pulls=10}",
        "--from",
        clone,
        "--name",
        "rewarded",
    ];
    lab.done(&by_reward);
    assert_eq!(mean(clone), before);
    assert!(mean("runs/rewarded/seed-0").is_number());
}

/// Each seed begins from the run of its own seed, once: what it began from may go.
#[test]
fn seeds_begin_from_seeds() {
    let lab = Lab::new();
    lab.done(&with(&["--name", "clone", "--seeds", "2"]));
    let begun = ["--from", "runs/clone", "--name", "begun", "--seeds", "2"];
    lab.done(&with(&begun));
    for seed in ["seed-0", "seed-1"] {
        let clone = Reader::open(lab.path("runs/clone").join(seed)).unwrap();
        let begun = Reader::open(lab.path("runs/begun").join(seed)).unwrap();
        let (_, learned) = clone.latest_checkpoint().unwrap().newest.unwrap();
        let first = begun.load_checkpoint(0).unwrap();
        let [first, learned] = [first, learned].map(|of| format!("{:?}", of.tree.branch("params")));
        assert_eq!(first, learned);
    }
    fs::remove_dir_all(lab.path("runs/clone")).unwrap();
    lab.done(&["resume", "runs/begun"]);
    lab.done(&["eval", "runs/begun/seed-1", "--tasks", "20"]);
}

/// Teachers that are made of others, one within the other; their settings are completed.
#[test]
fn teachers_are_made_of_others() {
    let lab = Lab::new();
    lab.done(&with(&["--name", "clone"]));
    let inner = "{name=\"annealed-noise\",teacher={name=\"bayes-optimal\"}}";
    let run = "{name=\"run\",path=\"runs/clone/seed-0\"}";
    let teacher = format!(
        "imitation.teacher={{name=\"mixture\",teachers=[{{name=\"ucb1\"}},{inner},{run}]}}"
    );
    let handed = [
        "imitation.handover={from=1.0,to=0.0,over=1.0}",
        "--name",
        "mixed",
    ];
    lab.done(&[&with(&[&teacher])[..], &handed].concat());
    let mixed = fs::read_to_string(lab.path("runs/mixed/seed-0/config.toml")).unwrap();
    let teacher = &mixed.parse::<toml::Table>().unwrap()["imitation"]["teacher"];
    assert_eq!(teacher["weights"].as_array().unwrap().len(), 3);
    assert_eq!(teacher["teachers"][0]["c"].as_float(), Some(0.2));
    assert_eq!(
        teacher["teachers"][1]["teacher"]["name"].as_str(),
        Some("bayes-optimal")
    );
    lab.done(&["resume", "runs/mixed"]);
    lab.refused(
        &with(&[
            "--name",
            "clone",
            "--overwrite",
            &format!("imitation.teacher={{name=\"annealed-noise\",teacher={run}}}"),
        ]),
        2,
        &["which this run is made of"],
    );
    let mixture = |rest: &str| format!("imitation.teacher={{name=\"mixture\",{rest}}}");
    let two = "teachers=[{name=\"ucb1\"},{name=\"thompson\"}]";
    for (teacher, part) in [
        (
            mixture(""),
            "imitation.teacher.teachers is missing: a list of teachers",
        ),
        (
            mixture("teachers=[]"),
            "imitation.teacher.teachers = []; allowed: a list of teachers",
        ),
        (
            mixture("teachers=[3]"),
            "imitation.teacher.teachers.0 = 3; allowed: a teacher",
        ),
        (
            mixture(&format!("{two},weigths=[1]")),
            "imitation.teacher.weigths: no such key; did you mean 'weights'?",
        ),
        (
            mixture(&format!("{two},weights=[1]")),
            "imitation.teacher.weights = [1]; allowed: as many numbers as there are teachers, 2",
        ),
        (
            mixture(&format!("{two},weights=[1,-1]")),
            "imitation.teacher.weights = [1, -1]; allowed",
        ),
        (
            mixture(&format!("{two},weights=[0,0.0]")),
            "none below 0 and one above it",
        ),
        (
            mixture(&format!("{two},weights=[nan,1]")),
            "imitation.teacher.weights = [nan, 1]",
        ),
        (
            mixture(&format!("{two},weights=[1,\"a\"]")),
            "imitation.teacher.weights = [1, \"a\"]",
        ),
        (
            mixture("teachers=[{name=\"ucb1\"},{name=\"known-task\"}]"),
            "imitation.teacher.teachers.1.name = known-task; allowed: a teacher that acts",
        ),
        (
            mixture("teachers=[{name=\"ucb1\"},{name=\"beb\"}]"),
            "imitation.teacher.teachers.1: 'beb' cannot act",
        ),
        (
            mixture("teachers=[{name=\"exp3\"}]"),
            "imitation.teacher.teachers.0: it weighs a reward",
        ),
        (
            "imitation.teacher={name=\"annealed-noise\"}".to_owned(),
            "imitation.teacher.teacher is missing: a teacher",
        ),
        (
            "imitation.teacher={name=\"annealed-noise\",teacher={name=\"ucb2\"}}".to_owned(),
            "imitation.teacher.teacher.name: no learner 'ucb2'; did you mean 'ucb1'?",
        ),
        (
            "imitation.teacher={name=\"annealed-noise\",teacher={name=\"ucb1\"},epsilon=1}"
                .to_owned(),
            "imitation.teacher.epsilon: no such key",
        ),
    ] {
        lab.refused(&with(&[&teacher]), 78, &[part]);
    }
}

/// An agent that adapts by gradient steps would teach what it does before the first of
/// them, and one that still learns something else tomorrow.
#[test]
fn agents_that_are_nobody_yet_do_not_teach() {
    let lab = Lab::new();
    fs::write(lab.path("maml.toml"), crate::maml::TINY).unwrap();
    let train = [
        "train",
        "maml.toml",
        "maml.updates=1",
        "evaluation.learners=[]",
    ];
    lab.done(&[&train[..], &["--name", "adapting"]].concat());
    for teacher in [
        "{name=\"run\",path=\"runs/adapting/seed-0\"}",
        "{name=\"majority\",runs=\"runs/adapting\"}",
    ] {
        let teacher = format!("imitation.teacher={teacher}");
        let bandit = "environment={name=\"bernoulli-bandit\",arms=3,pulls=10}";
        let parts = [
            "imitation.teacher: ",
            "adapts to each task by gradient steps",
            "'maml'",
        ];
        lab.refused(&with(&[bandit, &teacher]), 78, &parts);
    }
    fs::remove_file(lab.path("runs/adapting/seed-0/comparison.json")).unwrap();
    let teacher = "imitation.teacher={name=\"majority\",runs=\"runs/adapting\"}";
    lab.refused(&with(&[teacher]), 78, &["is not finished", "resume"]);
}

#[test]
fn what_cannot_teach_tell_or_begin_is_refused_with_what_can() {
    let lab = Lab::new();
    let unfit = [
        (
            "imitation.teacher={name=\"beb\"}",
            &[
                "imitation.teacher: 'beb' cannot act in 'bernoulli-bandit'",
                "those that can: ",
                "gittins",
            ][..],
        ),
        (
            "imitation.teacher={name=\"gitins\"}",
            &["imitation.teacher.name: no learner 'gitins'; did you mean 'gittins'?"],
        ),
        (
            "imitation.teacher={name=\"ucb1\",k=2}",
            &["imitation.teacher.k: no such key; did you mean 'c'?"],
        ),
        (
            "imitation.inputs=[\"reward\",\"reward\"]",
            &["imitation.inputs: Reward is listed twice"],
        ),
        (
            "imitation.teacher=3",
            &["imitation.teacher = 3; allowed: a table"],
        ),
        (
            "imitation.teacher={name=\"run\"}",
            &["imitation.teacher.path is missing: the folder of a trained run"],
        ),
        (
            "imitation.teacher={name=\"run\",path=\"runs/none\"}",
            &["imitation.teacher: ", "runs/none"],
        ),
        (
            "imitation.inputs=[\"belief\"]",
            &["imitation.inputs.0 = \"belief\"", "statistics"],
        ),
    ];
    for (set, parts) in unfit {
        lab.refused(&with(&[set]), 78, parts);
    }
    let blind = lab.run(&with(&["imitation.teacher={name=\"exp3\"}"]));
    let (why, fitting) = blind.stderr.split_once("those that can: ").unwrap();
    let part = "it weighs a reward by the probability that it gave the action itself";
    assert!(blind.code == Some(78) && why.contains(part), "{blind:?}");
    // Neither those of MDPs nor those that look at nobody.
    for (name, fits) in [
        ("gittins", true),
        ("exp3", false),
        ("beb", false),
        ("exp4", false),
    ] {
        let listed = fitting
            .split([',', ';', '\n'])
            .any(|one| one.trim() == name);
        assert_eq!(listed, fits, "{name}: {fitting}");
    }
    let maze = [
        "environment={name=\"maze\"}",
        "imitation.inputs=[\"observation\",\"statistics\"]",
    ];
    let parts = [
        "imitation.inputs: \"statistics\": environment 'maze' makes none",
        "\"time-left\"",
    ];
    lab.refused(&with(&maze), 78, &parts);
    let points = [
        "environment={name=\"point-navigation\"}",
        "imitation.teacher={name=\"random\"}",
    ];
    lab.refused(
        &with(&points),
        78,
        &["actions are finitely many", "'point-navigation'"],
    );
    lab.done(&with(&["--name", "clone"]));
    let wider = [
        "imitation.trunk.input_gain=1",
        "imitation.trunk.kind=lstm",
        "--from",
        "runs/clone/seed-0",
    ];
    let parts = [
        "from = runs/clone/seed-0",
        "trunk.weight_ih",
        "must be of one trunk",
    ];
    lab.refused(&with(&wider), 78, &parts);
    let told = "imitation.inputs=[\"reward\",\"time-left\"]";
    let teacher = "imitation.teacher={name=\"run\",path=\"runs/clone/seed-0\"}";
    let parts = ["is told [] beside what is observed", "[TimeLeft]"];
    lab.refused(&with(&[told, teacher]), 78, &parts);
    let parts = [
        "from = runs/clone/seed-0",
        "it is told [] beside what is observed",
    ];
    lab.refused(&with(&[told, "--from", "runs/clone/seed-0"]), 78, &parts);
    let itself = [
        "--name",
        "clone",
        "--from",
        "runs/clone/seed-0",
        "--overwrite",
    ];
    lab.refused(
        &with(&itself),
        2,
        &["would replace", "which this run is made of"],
    );
    lab.refused(&with(&["--from", "runs/none"]), 2, &["runs/none"]);
    let maml = [
        "train",
        "maml/bernoulli-bandit-5x100",
        "--from",
        "runs/clone/seed-0",
    ];
    lab.refused(&maml, 78, &["begins from nothing else", "without --from"]);
    assert!(!lab.path("runs/imitation-bernoulli-bandit-5x10").exists());
}
