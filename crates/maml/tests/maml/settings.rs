//! Settings: their checks, and their form in files.

use crate::common::{config, constant, promp, trpo};
use maml::{
    Baseline, Exploration, KlPenalty, LearnedRates, MamlConfig, Outer, Surrogate, TrustRegion,
};
use nets::Activation;

#[test]
fn settings_out_of_range_are_named() {
    type Change = fn(&mut MamlConfig);
    let cases: [(&str, Change); 21] = [
        ("tasks = 0", |c| c.tasks = 0),
        ("trajectories = 0", |c| c.trajectories = 0),
        ("gae.gamma = 1.5", |c| c.gae.gamma = 1.5),
        ("max_gradient_norm = NaN", |c| {
            c.max_gradient_norm = f64::NAN
        }),
        ("learning_rate.from = -1", |c| {
            c.learning_rate = constant(-1.0)
        }),
        ("inner.steps = 101", |c| c.inner.steps = 101),
        ("inner.rates = []", |c| c.inner.rates = vec![]),
        ("inner.rates = -1", |c| c.inner.rates = vec![0.1, -1.0]),
        ("policy.hidden = 0", |c| c.policy.hidden = vec![0]),
        ("policy.std = 0", |c| c.policy.std = 0.0),
        ("policy.min_std = 2", |c| c.policy.min_std = 2.0),
        ("baseline.ridge = 0", |c| {
            c.baseline = Baseline::Linear { ridge: 0.0 }
        }),
        ("bootstrap = true", |c| {
            c.bootstrap = true;
            c.baseline = Baseline::None;
        }),
        ("outer.clip = 1", |c| {
            c.outer = Outer::Ppo {
                clip: 1.0,
                epochs: 1,
                penalty: KlPenalty::None,
            };
        }),
        ("outer.penalty.target = 0", |c| {
            c.outer = Outer::Ppo {
                clip: 0.2,
                epochs: 1,
                penalty: KlPenalty::Adaptive {
                    coefficient: 1.0,
                    target: 0.0,
                },
            };
        }),
        ("outer.shrink = 1", |c| {
            let Outer::Trpo(region) = trpo() else {
                return;
            };
            c.outer = Outer::Trpo(TrustRegion {
                shrink: 1.0,
                ..region
            });
        }),
        ("inner.learned = PerStep", |c| {
            c.outer = Outer::Reptile;
            c.inner.learned = LearnedRates::PerStep;
        }),
        ("tasks = 1", |c| {
            c.tasks = 1;
            c.exploration = Exploration::EMaml { coefficient: 1.0 };
        }),
        ("inner.surrogate = dice", |c| {
            c.inner.surrogate = Surrogate::Dice;
            c.exploration = Exploration::EMaml { coefficient: 1.0 };
        }),
        ("inner.surrogate = ratio", |c| {
            c.inner.surrogate = Surrogate::Ratio;
            c.exploration = Exploration::EMaml { coefficient: 1.0 };
        }),
        ("evaluation.trajectories = 0", |c| {
            c.evaluation.trajectories = 0
        }),
    ];
    for (expected, change) in cases {
        let mut config = config(Outer::Vpg);
        change(&mut config);
        let error = config.validate().unwrap_err().to_string();
        assert!(error.starts_with(&format!("maml.{expected}")), "{error}");
        assert!(error.contains("allowed: "), "{error}");
    }
    config(Outer::Vpg).validate().unwrap();
}

#[test]
fn settings_survive_a_file() {
    let value = Baseline::Value {
        hidden: vec![16],
        activation: Activation::Relu,
        learning_rate: 0.01,
        epochs: 3,
    };
    for outer in [Outer::Vpg, promp(), trpo(), Outer::Reptile] {
        let mut config = config(outer);
        config.baseline = value.clone();
        config.exploration = Exploration::EMaml { coefficient: 0.5 };
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<MamlConfig>(&text).unwrap(), config);
    }
    let text = toml::to_string(&config(trpo())).unwrap();
    assert!(text.contains("[outer]\nkind = \"trpo\""), "{text}");
    for (known, unknown) in [
        ("max_kl", "max_lk"),
        ("damping = ", "damping = 0.0\ndumping = "),
        ("surrogate = \"log-prob\"", "surrogate = \"log\""),
        (
            "trajectories = 10\norder",
            "horizon = 3\ntrajectories = 10\norder",
        ),
    ] {
        let wrong = text.replacen(known, unknown, 1);
        assert_ne!(wrong, text, "{known}");
        assert!(toml::from_str::<MamlConfig>(&wrong).is_err(), "{unknown}");
    }
}
