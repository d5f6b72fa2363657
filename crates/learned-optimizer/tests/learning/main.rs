//! Trainings on small quadratics of our own: bits, checkpoints, and that they learn.

mod allocations;
mod finite;
mod flat;
mod functions;
mod memory;
mod streams;

use functions::Functions;
use learned_optimizer::{Config, Counted, LearnedRate, RuleConfig, Start, Trainer, TrainingConfig};
use nets::{OptimizerConfig, Schedule, Shape};
use rl_core::{Domain, EnvFactory, Tasks};
use rollout::{Held, Pool, evaluate};
use std::sync::Arc;

fn env(steps: usize) -> Arc<dyn EnvFactory> {
    made(&Functions {
        steps,
        ..Functions::default()
    })
}

fn made(functions: &Functions) -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(functions.clone()).unwrap())
}

fn pool(workers: usize) -> Arc<Pool> {
    Arc::new(Pool::new(workers, || ()).unwrap())
}

fn schedule(rate: f64) -> Schedule {
    Schedule {
        from: rate,
        to: rate,
        shape: Shape::Linear,
    }
}

fn gradient(truncation: usize, exact: bool) -> TrainingConfig {
    let order = if exact { "exact" } else { "first" };
    let text = format!("kind = \"gradient\"\ntruncation = {truncation}\norder = \"{order}\"");
    toml::from_str(&text).unwrap()
}

fn perturbed(kind: &str, truncation: usize) -> TrainingConfig {
    let text =
        format!("kind = \"{kind}\"\ntruncation = {truncation}\ndeviation = 0.02\npairs = 32");
    toml::from_str(&text).unwrap()
}

const LSTM: RuleConfig = RuleConfig::Lstm {
    hidden: 8,
    layers: 2,
    preprocess: 5.0,
    scale: 0.1,
};
const GATED: RuleConfig = RuleConfig::Gated {
    hidden: 8,
    preprocess: 5.0,
    forget: 4.0,
    input: -3.0,
    rate: 1.0,
    learned: LearnedRate::None,
};

fn plain(learned: LearnedRate) -> RuleConfig {
    RuleConfig::Plain {
        rate: 0.02,
        learned,
    }
}

fn config(rule: RuleConfig, start: Start, training: TrainingConfig) -> Config {
    Config {
        updates: 60,
        problems: 64,
        steps: 12,
        start,
        loss: Counted::Every,
        rule,
        training,
        max_gradient_norm: 1.0,
        learning_rate: schedule(0.01),
        optimizer: OptimizerConfig::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        },
    }
}

/// Every way to train, with rules that it is for.
fn trainings() -> Vec<Config> {
    vec![
        config(LSTM, Start::Given, gradient(4, false)),
        config(GATED, Start::Learned, gradient(12, true)),
        config(plain(LearnedRate::None), Start::Learned, gradient(12, true)),
        config(
            plain(LearnedRate::PerParameter),
            Start::Learned,
            gradient(12, true),
        ),
        config(plain(LearnedRate::One), Start::Given, perturbed("es", 12)),
        config(plain(LearnedRate::One), Start::Given, perturbed("pes", 3)),
        config(LSTM, Start::Given, perturbed("pes", 4)),
        config(
            plain(LearnedRate::None),
            Start::Learned,
            TrainingConfig::Reptile,
        ),
    ]
}

fn trained(config: &Config, workers: usize, updates: usize) -> Trainer {
    let env = env(config.steps);
    let mut trainer = Trainer::new(env.as_ref(), config.clone(), 3, pool(workers)).unwrap();
    for _ in 0..updates {
        trainer.update().unwrap();
    }
    trainer
}

#[test]
fn workers_and_interruptions_change_no_bit() {
    for config in trainings() {
        let whole = trained(&config, 1, 4);
        assert_eq!(
            whole.values(),
            trained(&config, 3, 4).values(),
            "{config:?}"
        );
        let half = trained(&config, 2, 2).checkpoint().unwrap();
        let mut resumed = trained(&config, 1, 0);
        resumed.restore(&half).unwrap();
        assert_eq!(resumed.checkpoint().unwrap(), half);
        let rows: Vec<_> = (0..2).map(|_| resumed.update().unwrap()).collect();
        assert_eq!(whole.values(), resumed.values(), "{config:?}");
        assert_eq!(rows[1].update, 4);
        assert_eq!(resumed.env_steps(), whole.env_steps());
        assert_eq!(resumed.checkpoint().unwrap(), whole.checkpoint().unwrap());
    }
}

/// The mean loss of a rule as a policy, after its last step.
fn loss(trainer: &Trainer, steps: usize) -> f64 {
    let held = Held {
        tasks: 256,
        seed: 9,
        domain: Domain::HeldOut,
    };
    let policy = trainer.policy();
    -evaluate(&pool(1), &env(steps), &policy, held)
        .unwrap()
        .returns
        .mean()
}

#[test]
fn every_training_makes_the_loss_of_fresh_functions_small() {
    for config in trainings() {
        let before = loss(&trained(&config, 1, 0), 12);
        let after = loss(&trained(&config, 1, 60), 12);
        assert!(after < 0.7 * before, "{config:?}: from {before} to {after}");
    }
}

/// As a policy a rule does what it does where it is trained.
#[test]
fn a_policy_goes_where_the_unroll_goes() {
    // Persistent evolution strategies try perturbed rules alone.
    let perturbed = |config: &Config| matches!(config.training, TrainingConfig::Pes(_));
    for mut config in trainings().into_iter().filter(|config| !perturbed(config)) {
        config.learning_rate = schedule(0.0);
        let mut trainer = trained(&config, 1, 0);
        // Functions of the training, whose rule a rate of 0 leaves alone.
        let unrolled = -trainer.update().unwrap().mean_return;
        let held = Held {
            tasks: 64,
            seed: 3,
            domain: Domain::Training,
        };
        let policy = trainer.policy();
        let played = evaluate(&pool(1), &env(12), &policy, held).unwrap();
        let off = (played.returns.mean() + unrolled).abs();
        assert!(
            off < 1e-5 * unrolled,
            "{config:?}: off by {off} of {unrolled}"
        );
    }
}

/// With one window there is nothing that could persist.
#[test]
fn strategies_are_the_same_on_whole_unrolls() {
    let [es, pes] = ["es", "pes"].map(|kind| {
        let config = config(LSTM, Start::Given, perturbed(kind, 12));
        trained(&config, 1, 3).values().to_vec()
    });
    assert_eq!(es, pes);
}

#[test]
fn settings_that_cannot_be_followed_are_refused() {
    let refused = |change: fn(&mut Config), parts: &[&str]| {
        let mut config = config(LSTM, Start::Given, gradient(4, false));
        change(&mut config);
        let error = config.validate().unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{error}");
        }
    };
    refused(
        |config| config.training = gradient(5, false),
        &[
            "learned-optimizer.training.truncation = 5",
            "a divisor of learned-optimizer.steps = 12",
        ],
    );
    refused(
        |config| config.training = gradient(0, false),
        &["learned-optimizer.training.truncation = 0"],
    );
    refused(
        |config| config.training = perturbed("pes", 4).among(48),
        &[
            "learned-optimizer.training.pairs = 48",
            "a divisor of learned-optimizer.problems = 64",
        ],
    );
    refused(
        |config| config.training = TrainingConfig::Reptile,
        &[
            "learned-optimizer.training.kind = reptile",
            "start = \"learned\"",
        ],
    );
    refused(
        |config| config.rule = plain(LearnedRate::None),
        &["learned-optimizer.rule.learned = none", "nothing to learn"],
    );
    refused(
        |config| {
            config.rule = RuleConfig::Lstm {
                hidden: 0,
                layers: 1,
                preprocess: 0.0,
                scale: 1.0,
            }
        },
        &["learned-optimizer.rule.hidden = 0", "1 to 1024"],
    );
    refused(
        |config| {
            config.rule = RuleConfig::Lstm {
                hidden: 4,
                layers: 1,
                preprocess: 1e-50,
                scale: 1.0,
            }
        },
        &["learned-optimizer.rule.preprocess", "0, or 0.1 to 50"],
    );
}

/// The last loss moves no start that a window before has forgotten.
#[test]
fn starts_that_would_never_move_are_refused() {
    let with = |loss, training| {
        let config = config(plain(LearnedRate::None), Start::Learned, training);
        Config { loss, ..config }.validate()
    };
    for training in [gradient(4, true), perturbed("es", 4)] {
        let error = with(Counted::Last, training).unwrap_err().to_string();
        for part in [
            "learned-optimizer.training.truncation = 4",
            "12 (= learned-optimizer.steps)",
            "loss = \"every\"",
        ] {
            assert!(error.contains(part), "{error}");
        }
        with(Counted::Every, training).unwrap();
    }
    with(Counted::Last, gradient(12, true)).unwrap();
    with(Counted::Last, perturbed("es", 12)).unwrap();
    with(Counted::Last, perturbed("pes", 4)).unwrap();
}

/// A training with another number of pairs.
trait Among {
    fn among(self, pairs: usize) -> Self;
}

impl Among for TrainingConfig {
    fn among(self, pairs: usize) -> Self {
        match self {
            Self::Pes(perturbed) => {
                Self::Pes(learned_optimizer::Perturbation { pairs, ..perturbed })
            }
            other => other,
        }
    }
}
