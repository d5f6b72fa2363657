//! What is refused, in words that name the key and what is allowed.

use crate::doors::{
    Dark, config, decoding, doors, drawing, place, predicting, supervised, variational,
};
use agent::Input;
use belief::{
    Belief, BeliefConfig, Decodes, Queries, Reads, Repeats, Rewards, Sampling, Target, Trainer,
    Transitions, Variational,
};
use nets::{Recurrent, SequenceConfig};
use rl_core::Tasks;

fn why(config: BeliefConfig) -> String {
    Trainer::new(doors().as_ref(), config, 0, place(1))
        .err()
        .expect("refused")
        .to_string()
}

fn of(variational: Variational) -> BeliefConfig {
    config(Belief::Variational(Box::new(variational)))
}

#[test]
fn settings_that_are_no_agent_are_refused() {
    let nothing = Variational {
        decodes: Decodes::Nothing,
        ..variational()
    };
    let attached = BeliefConfig {
        detached: false,
        ..decoding()
    };
    let deaf = BeliefConfig {
        sample: Sampling::Episode,
        ..drawing(supervised(Target::Task))
    };
    let deaf = BeliefConfig {
        inputs: Input::USUAL.to_vec(),
        ..deaf
    };
    let told = |input| {
        let mut config = drawing(supervised(Target::Task));
        config.inputs.push(input);
        config
    };
    let noisy = BeliefConfig {
        sample: Sampling::None,
        ..drawing(supervised(Target::Task))
    };
    let remembers = BeliefConfig {
        reads: Reads::Memory,
        ..drawing(supervised(Target::Task))
    };
    let point = drawing(Belief::Variational(Box::new(Variational {
        deterministic: true,
        ..variational()
    })));
    let reads = |belief| BeliefConfig {
        belief,
        ..predicting(Queries::NextObservation)
    };
    let wide = BeliefConfig {
        hidden: Vec::new(),
        ..decoding()
    };
    let scans = BeliefConfig {
        trunk: SequenceConfig::Mlp {
            hidden: vec![8],
            activation: nets::Activation::Tanh,
        },
        ..decoding()
    };
    for (config, words) in [
        (of(nothing), ["belief.detached = true", "belief.decodes"]),
        (attached, ["belief.detached = false", "own optimizer"]),
        (deaf, ["belief.sample = episode", "\"noise\""]),
        (
            told(Input::TimeLeft),
            ["belief.inputs = time-left", "sample = \"episode\""],
        ),
        (
            told(Input::Statistics),
            ["belief.inputs = statistics", "sample = \"episode\""],
        ),
        (
            told(Input::Arrival),
            ["belief.inputs = arrival", "sample = \"episode\""],
        ),
        (noisy, ["belief.inputs = noise", "sample = \"episode\""]),
        (remembers, ["belief.sample = episode", "reads = \"belief\""]),
        (point, ["belief.sample = episode", "deterministic"]),
        (
            drawing(supervised(Target::Description)),
            ["belief.sample = episode", "\"description\""],
        ),
        (
            reads(Belief::Variational(Box::new(variational()))),
            ["belief.reads = predictions", "belief.multi_head = true"],
        ),
        (
            reads(supervised(Target::Task)),
            ["belief.reads = predictions", "\"memory\" or \"belief\""],
        ),
        (
            of(Variational {
                multi_head: true,
                queries: vec![Queries::Observation, Queries::Action],
                ..variational()
            }),
            ["belief.belief.multi_head = true", "picks a head"],
        ),
        (
            of(Variational {
                rewards: Rewards::Exclusive { above: 0.0 },
                repeats: Repeats::Once,
                ..variational()
            }),
            [
                "belief.belief.rewards.kind = exclusive",
                "multi_head = true",
            ],
        ),
        (
            of(Variational {
                rewards: Rewards::Exclusive { above: 0.0 },
                multi_head: true,
                ..variational()
            }),
            [
                "belief.belief.rewards.kind = exclusive",
                "repeats = \"once\"",
            ],
        ),
        (
            of(Variational {
                averaging: 1.0,
                ..variational()
            }),
            ["belief.belief.averaging = 1", "not including, 1"],
        ),
        (wide, ["belief.hidden = []", "at least one layer"]),
        (scans, ["belief.trunk", "\"gru\" or \"lstm\""]),
        (
            of(Variational {
                latent: 0,
                ..variational()
            }),
            ["belief.belief.latent = 0", "1 to"],
        ),
        (
            of(Variational {
                queries: Vec::new(),
                ..variational()
            }),
            ["belief.belief.queries = []", "next-observation"],
        ),
        (
            of(Variational {
                transitions: Transitions::Gaussian { scale: 1.0 },
                ..variational()
            }),
            ["belief.belief.transitions.kind = gaussian", "a symbol"],
        ),
    ] {
        let why = why(config);
        for word in words {
            assert!(why.contains(word), "no '{word}' in: {why}");
        }
    }
}

/// By its own key, and not by the decoder's sizes.
#[test]
fn transitions_of_what_is_not_observed_are_refused() {
    let env = Tasks::new(Dark).unwrap();
    for (transitions, kind) in [
        (Transitions::Gaussian { scale: 1.0 }, "gaussian"),
        (Transitions::Categorical, "categorical"),
    ] {
        let config = of(Variational {
            transitions,
            queries: vec![Queries::Action],
            ..variational()
        });
        let made = Trainer::new(&env, config, 0, place(1));
        let why = made.err().unwrap().to_string();
        let said = format!(
            "belief.belief.transitions.kind = {kind}; allowed: \"none\": nothing is observed here"
        );
        assert_eq!(why, said);
    }
}

/// No head could be picked by what is no symbol.
#[test]
fn heads_without_symbols_are_refused() {
    let config = of(Variational {
        multi_head: true,
        ..variational()
    });
    let made = Trainer::new(&Tasks::new(Dark).unwrap(), config, 0, place(1));
    let why = made.err().unwrap().to_string();
    assert!(why.contains("belief.belief.multi_head = true"), "{why}");
    assert!(why.contains("no symbol"), "{why}");
}

/// Arms without a description.
#[test]
fn tasks_that_nobody_describes_are_refused() {
    struct Silent;
    impl rl_core::TaskDistribution for Silent {
        type Task = crate::doors::Pays;
        fn spec(&self) -> rl_core::EnvSpec {
            crate::doors::Doors.spec()
        }
        fn sample(&self, task: &mut Self::Task, rng: &mut rl_core::Stream) {
            crate::doors::Doors.sample(task, rng);
        }
    }
    let env = Tasks::new(Silent).unwrap();
    for (target, word) in [
        (Target::Task, "can be counted"),
        (Target::Description, "\"variational\""),
    ] {
        let made = Trainer::new(&env, config(supervised(target)), 0, place(1));
        let why = made.err().unwrap().to_string();
        assert!(
            why.contains("belief.belief.target") && why.contains(word),
            "{why}"
        );
    }
}

#[test]
fn another_networks_checkpoint_is_refused_and_changes_nothing() {
    let mut own = crate::doors::trainer(&decoding(), 0, 1);
    let wide = BeliefConfig {
        trunk: SequenceConfig::Gru(Recurrent::plain(17)),
        ..decoding()
    };
    let other = crate::doors::trainer(&wide, 0, 1).checkpoint().unwrap();
    let before = own.checkpoint().unwrap();
    let why = own.restore(&other).unwrap_err().to_string();
    assert!(why.contains("trunk.weight_ih"), "{why}");
    assert_eq!(own.checkpoint().unwrap(), before);
    let mut headless = rl_core::Tree::default();
    for (name, array) in before
        .iter()
        .filter(|(name, _)| !name.starts_with("belief/"))
    {
        headless.insert(name, array.clone());
    }
    let why = own.begin_from(&headless).unwrap_err().to_string();
    assert!(why.contains("decoder") && why.contains("missing"), "{why}");
    assert_eq!(own.checkpoint().unwrap(), before);
    let bare = crate::doors::trainer(&config(supervised(Target::Task)), 0, 1);
    let why = own.restore(&bare.checkpoint().unwrap()).unwrap_err();
    assert!(why.to_string().contains("missing"), "{why}");
    assert_eq!(own.checkpoint().unwrap(), before);
}
