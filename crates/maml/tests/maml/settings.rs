//! Settings: their checks, and their form in files.

use crate::common::{Points, adam, config, constant, gated, points, pool, promp, trpo};
use agent::ActMode;
use allocation_counter::measure;
use maml::{
    Adapted, Baseline, Exploration, Gated, InnerRule, KlPenalty, LearnedRates, MamlConfig,
    MetaObjective, Outer, Surrogate, Trainer, TrustRegion, footprint,
};
use nets::Activation;
use rl_core::{
    ActionSpace, Discrete, Domain, EnvFactory, EnvSpec, Environment, ObservationSpace, Step,
    Stream, TaskDistribution, Tasks, Trial,
};
use rollout::Held;
use std::sync::Arc;

#[test]
fn settings_out_of_range_are_named() {
    type Change = fn(&mut MamlConfig);
    let cases: [(&str, Change); 40] = [
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
        ("gae.gamma = 1; allowed: below 1", |c| {
            c.bootstrap = true;
            c.gae.gamma = 1.0;
        }),
        ("baseline.max_gradient_norm = 0", |c| {
            c.baseline = Baseline::Value {
                hidden: vec![16],
                activation: Activation::Relu,
                optimizer: adam(),
                learning_rate: 0.01,
                max_gradient_norm: 0.0,
                epochs: 1,
            };
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
        ("inner.learned = per-step", |c| {
            c.outer = Outer::Reptile;
            c.inner.learned = LearnedRates::PerStep;
        }),
        ("inner.learned = per-parameter", |c| {
            c.outer = Outer::Reptile;
            c.inner.learned = LearnedRates::PerParameter;
        }),
        ("inner.learned = per-parameter", |c| {
            c.inner.steps = 0;
            c.inner.learned = LearnedRates::PerParameter;
        }),
        ("inner.steps = 0", |c| {
            c.outer = Outer::Reptile;
            c.inner.steps = 0;
        }),
        ("exploration.kind = e-maml", |c| {
            c.outer = promp();
            c.exploration = Exploration::EMaml { coefficient: 1.0 };
        }),
        ("exploration.kind = e-maml", |c| {
            c.outer = Outer::Reptile;
            c.exploration = Exploration::EMaml { coefficient: 1.0 };
        }),
        ("exploration.kind = e-maml", |c| {
            c.inner.steps = 0;
            c.exploration = Exploration::EMaml { coefficient: 1.0 };
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
        ("inner.rule.kind = gated; allowed: gradient", |c| {
            c.outer = Outer::Reptile;
            c.inner.rule = gated();
        }),
        ("inner.rule.kind = gated; allowed: gradient", |c| {
            c.inner.steps = 0;
            c.inner.rule = gated();
        }),
        ("inner.rule.hidden = 0", |c| {
            c.inner.rule = with_gates(|g| g.hidden = 0);
        }),
        ("inner.rule.range = 100", |c| {
            c.inner.rule = with_gates(|g| g.range = 100.0);
        }),
        ("inner.rule.weights = -1", |c| {
            c.inner.rule = with_gates(|g| g.weights = -1.0);
        }),
        ("inner.rule.forget_bias.high = inf", |c| {
            c.inner.rule = with_gates(|g| g.forget_bias.high = f64::INFINITY);
        }),
        ("inner.rule.input_bias.high = -1; allowed: at least", |c| {
            c.inner.rule = with_gates(|g| g.input_bias.high = -1.0);
        }),
        ("objective = every-step; allowed: last-step", |c| {
            c.inner.steps = 0;
            c.objective = MetaObjective::EveryStep;
        }),
        ("objective = every-step; allowed: last-step", |c| {
            c.outer = trpo();
            c.objective = MetaObjective::EveryStep;
        }),
        ("objective = every-step; allowed: last-step", |c| {
            c.outer = Outer::Reptile;
            c.objective = MetaObjective::EveryStep;
        }),
        ("objective = every-step; allowed: last-step", |c| {
            c.exploration = Exploration::EMaml { coefficient: 1.0 };
            c.objective = MetaObjective::EveryStep;
        }),
    ];
    for (expected, change) in cases {
        let mut config = config(Outer::Vpg);
        change(&mut config);
        let error = config.validate().unwrap_err().to_string();
        assert!(error.starts_with(&format!("maml.{expected}")), "{error}");
        assert!(error.contains("allowed: "), "{error}");
    }
    // A policy that is trained on all tasks and adapts only when it is evaluated,
    // and the others that E-MAML goes with.
    let mut pretrained = config(Outer::Vpg);
    pretrained.inner.steps = 0;
    pretrained.validate().unwrap();
    for outer in [Outer::Vpg, trpo()] {
        let mut exploring = config(outer);
        exploring.exploration = Exploration::EMaml { coefficient: 1.0 };
        exploring.validate().unwrap();
    }
}

fn with_gates(change: fn(&mut Gated)) -> InnerRule {
    let mut rule = gated();
    if let InnerRule::Gated(gates) = &mut rule {
        change(gates);
    }
    rule
}

/// One step on which nothing depends, in a place of `0` places.
struct Places(usize);

#[derive(Default)]
struct Place;

impl Environment for Place {
    type State = ();
    type Action = Discrete;

    fn reset(&self, (): &mut (), _: &mut Stream) {}

    fn step(&self, (): &mut (), _: &u32, _: &mut Stream) -> Step {
        Step::proceed(0.0)
    }

    fn observe(&self, (): &(), observation: &mut [f32]) {
        observation[0] = 0.0;
    }
}

impl TaskDistribution for Places {
    type Task = Place;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "places".into(),
            observation: ObservationSpace::Discrete { size: self.0 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 1,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, _: &mut Place, _: &mut Stream) {}
}

/// Their time grows with the cube of the places: a fit takes 8004³ / 6
/// multiply-adds, at a thousand million a second.
#[test]
fn least_squares_that_nobody_would_wait_for_are_refused() {
    let mut config = config(Outer::Vpg);
    config.tasks = 20;
    let fits = config.inner.steps + 1;
    let start = |places, config: &MamlConfig| {
        let env = Tasks::new(Places(places)).unwrap();
        Trainer::new(&env, config.clone(), 0, pool(1)).map(drop)
    };
    let refusal = start(8000, &config).unwrap_err().to_string();
    let minutes = (20 * fits) as f64 * 8004.0_f64.powi(3) / 6.0 / 1e9 / 60.0;
    assert!(
        refusal.starts_with("maml.baseline.kind = linear; allowed: value or none")
            && refusal.contains(&format!("about {minutes:.0} minutes")),
        "{refusal}"
    );
    start(80, &config).unwrap();
    config.baseline = Baseline::None;
    config.policy.hidden = vec![2];
    start(8000, &config).unwrap();
}

/// Two updates and an evaluation, on the one worker, which counts its own
/// allocations.
fn measured(env: &Arc<dyn EnvFactory>, config: &MamlConfig) -> f64 {
    let pool = pool(1);
    let evaluation = Adapted {
        held: Held {
            tasks: 2,
            seed: 0,
            domain: Domain::HeldOut,
        },
        steps: config.evaluation.steps,
        rates: config.evaluation.rates.clone(),
        trajectories: config.evaluation.trajectories,
        actions: ActMode::Sample,
    };
    let work = || {
        let own = Arc::clone(&pool);
        let mut trainer = Trainer::new(env.as_ref(), config.clone(), 0, own).unwrap();
        trainer.update().unwrap();
        trainer.update().unwrap();
        trainer.checkpoint().unwrap();
        trainer.adapt_and_evaluate(env, &evaluation).unwrap();
    };
    pool.install(|| measure(work)).bytes_max as f64
}

#[test]
fn memory_is_counted_as_it_is_taken() {
    type Change = fn(&mut MamlConfig);
    let cases: [(&str, Change); 7] = [
        ("samples", |c| c.trajectories = 150),
        ("dice", |c| c.inner.surrogate = Surrogate::Dice),
        ("penalty", |c| c.outer = promp()),
        ("gates", |c| {
            c.trajectories = 2;
            c.policy.hidden = vec![100; 2];
            c.inner.steps = 3;
            c.inner.rule = with_gates(|g| g.hidden = 16);
        }),
        ("every step", |c| {
            c.outer = Outer::Vpg;
            c.inner.steps = 3;
            c.objective = MetaObjective::EveryStep;
        }),
        ("parameters", |c| {
            c.trajectories = 2;
            c.policy.hidden = vec![200; 2];
        }),
        ("value network", |c| {
            c.baseline = Baseline::Value {
                hidden: vec![64; 2],
                activation: Activation::Relu,
                optimizer: adam(),
                learning_rate: 0.01,
                max_gradient_norm: f64::INFINITY,
                epochs: 1,
            };
        }),
    ];
    let long = Points {
        horizon: 100,
        episodes: 1,
        ends: false,
    };
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(long).unwrap());
    for (name, change) in cases {
        let mut config = config(trpo());
        (config.tasks, config.trajectories) = (4, 50);
        config.evaluation.trajectories = 50;
        change(&mut config);
        let counted = footprint(env.as_ref(), &config, 1).unwrap();
        let (bytes, taken) = (counted.bytes(), measured(&env, &config));
        assert!(
            (taken..1.6 * taken).contains(&bytes),
            "{name}: {:.2} of {taken}: {counted}",
            bytes / taken
        );
    }
}

#[test]
fn what_a_training_takes_is_counted_before_it_is_made() {
    let counted = |change: fn(&mut MamlConfig)| {
        let mut config = config(trpo());
        (config.tasks, config.trajectories) = (2, 1);
        change(&mut config);
        footprint(points().as_ref(), &config, 1).unwrap()
    };
    // Of each task the parameters several times over.
    let wide = counted(|c| c.policy.hidden = vec![1 << 14; 2]);
    assert!(wide.bytes() > 20.0 * 4.0 * 2.0_f64.powi(28), "{wide}");
    let tasks = counted(|c| {
        c.policy.hidden = vec![512; 2];
        c.tasks = 5000;
    });
    assert!(
        tasks.bytes() > 5000.0 * 10.0 * 4.0 * 512.0 * 512.0,
        "{tasks}"
    );
    // A policy of a million parameters for each of 1001 steps of an adaptation.
    let evaluation = counted(|c| {
        c.policy.hidden = vec![1024; 2];
        c.evaluation.steps = 1000;
    });
    assert!(evaluation.bytes() > 1001.0 * 4.0 * 1024.0 * 1024.0);
    assert!(
        evaluation.to_string().contains("maml.evaluation.steps"),
        "{evaluation}"
    );
}

#[test]
fn settings_survive_a_file() {
    let value = Baseline::Value {
        hidden: vec![16],
        activation: Activation::Relu,
        optimizer: adam(),
        learning_rate: 0.01,
        max_gradient_norm: f64::INFINITY,
        epochs: 3,
    };
    for outer in [Outer::Vpg, promp(), trpo(), Outer::Reptile] {
        let mut config = config(outer);
        config.baseline = value.clone();
        config.exploration = Exploration::EMaml { coefficient: 0.5 };
        config.objective = MetaObjective::EveryStep;
        config.inner.rule = gated();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<MamlConfig>(&text).unwrap(), config);
    }
    let text = toml::to_string(&config(trpo())).unwrap();
    assert!(text.contains("[outer]\nkind = \"trpo\""), "{text}");
    // Files from before there were any go on meaning what they meant.
    assert!(
        !text.contains("rule") && !text.contains("objective"),
        "{text}"
    );
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
