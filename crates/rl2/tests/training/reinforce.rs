//! REINFORCE under each baseline: the same gradient in expectation, with less noise
//! the more is subtracted that the action had no part in.

use crate::common::{BACKENDS, config, seen_as, trainer, trainer_in};
use crate::learning::{OPTIMUM, learn};
use agent::{BackendKind, Baseline, Objective, Surrogate};
use rl_core::{Gae, ObservationSpace};
use rl2::{Outer, Rl2Config, Trainer};

const ALL: [Baseline; 3] = [Baseline::None, Baseline::Constant, Baseline::Value];
const GAMMA: f32 = 0.9;

fn reinforce(baseline: Baseline, backend: BackendKind) -> Rl2Config {
    Rl2Config {
        outer: Outer::Reinforce { baseline },
        normalize_advantages: false,
        value_coefficient: match baseline {
            Baseline::Value => 0.5,
            _ => 0.0,
        },
        gae: Gae {
            gamma: GAMMA,
            lambda: 1.0,
        },
        ..config(backend)
    }
}

/// The returns that followed every step of a tile's lanes, of its own arithmetic, and
/// whether the step was lived. `[lanes][steps]`
fn returns(trainer: &Trainer, tile: usize) -> Vec<Vec<f64>> {
    let trajectory = trainer.learner().samples().batch.tiles()[tile].trajectory();
    let (lanes, scale) = (trajectory.lanes(), trainer.config().reward_scale);
    let of_lane = |lane: usize| {
        let mut after = 0.0;
        let steps = (0..trajectory.lengths()[lane]).rev();
        let mut returns: Vec<f64> = steps
            .map(|t| {
                let reward = f64::from(trajectory.rewards()[t * lanes + lane]) * scale;
                after = reward + f64::from(GAMMA) * after;
                after
            })
            .collect();
        returns.reverse();
        returns
    };
    (0..lanes).map(of_lane).collect()
}

#[test]
fn advantages_are_returns_less_the_baseline() {
    let env = seen_as(ObservationSpace::Discrete { size: 4 }, true);
    for baseline in ALL {
        let mut trainer = trainer_in(&env, reinforce(baseline, BackendKind::Native), 4, 2);
        trainer.collect().unwrap();
        trainer.advantages();
        let samples = trainer.learner().samples();
        let all: Vec<Vec<Vec<f64>>> = (0..4).map(|tile| returns(&trainer, tile)).collect();
        let lengths: Vec<usize> = all.iter().flatten().map(Vec::len).collect();
        assert!(lengths.iter().any(|n| *n < 6), "some trials end early");
        for (tile, own) in all.iter().enumerate() {
            let trajectory = samples.batch.tiles()[tile].trajectory();
            for (lane, row) in own.iter().enumerate() {
                let place = |t: usize| t * trajectory.lanes() + lane;
                let others = || {
                    all.iter().enumerate().flat_map(|(other, lanes)| {
                        let lanes = lanes.iter().enumerate();
                        let not_own = lanes.filter(move |(at, _)| (other, *at) != (tile, lane));
                        not_own.flat_map(|(_, row)| row)
                    })
                };
                let constant = others().sum::<f64>() / others().count() as f64;
                for (t, value) in row.iter().enumerate() {
                    let less = match baseline {
                        Baseline::None => 0.0,
                        Baseline::Constant => constant,
                        Baseline::Value => f64::from(trajectory.values()[place(t)]),
                    };
                    let found = f64::from(samples.targets[tile].advantages[place(t)]);
                    let error = (found - (value - less)).abs();
                    assert!(error < 1e-5, "{baseline:?}: {found} and {}", value - less);
                }
            }
        }
    }
}

/// The gradient of the policy's loss over a fresh batch of a seed, at the parameters
/// of another training.
fn gradient(of: &Trainer, baseline: Baseline, seed: u64) -> Vec<f64> {
    let mut trainer = trainer(reinforce(baseline, BackendKind::Native), seed, 1);
    let checkpoint = of.learner().checkpoint().unwrap();
    trainer.learner_mut().restore(&checkpoint).unwrap();
    trainer.collect().unwrap();
    trainer.advantages();
    let learner = trainer.learner();
    let whole = trainer.minibatch(&[0, 1, 2, 3]);
    let objective = Objective {
        surrogate: Surrogate::Plain,
        value_coefficient: 0.0,
        entropy_coefficient: 0.0,
        teacher_coefficient: 0.0,
    };
    let gradient = learner.gradient(learner.parameters(), &whole, objective);
    gradient
        .unwrap()
        .values
        .into_iter()
        .map(f64::from)
        .collect()
}

#[test]
fn baselines_take_noise_away_and_leave_the_expectation() {
    // Long enough for the value head to know something, and the policy not yet all.
    let mut trained = trainer(reinforce(Baseline::Value, BackendKind::Native), 1000, 2);
    for _ in 0..30 {
        trained.update().unwrap();
    }
    let draws = 200;
    let moments = |baseline| {
        let all: Vec<Vec<f64>> = (0..draws)
            .map(|s| gradient(&trained, baseline, s))
            .collect();
        let n = all.len() as f64;
        let mean = |i: usize| all.iter().map(|g| g[i]).sum::<f64>() / n;
        let mean: Vec<f64> = (0..all[0].len()).map(mean).collect();
        let variance =
            |i: usize| all.iter().map(|g| (g[i] - mean[i]).powi(2)).sum::<f64>() / (n - 1.0);
        let variance: Vec<f64> = (0..mean.len()).map(variance).collect();
        (mean, variance)
    };
    let [none, constant, value] = ALL.map(moments);
    // How far the means are apart, in standard errors, over all parameters that move:
    // about 1 where they estimate the same.
    let apart = |one: &(Vec<f64>, Vec<f64>), other: &(Vec<f64>, Vec<f64>)| {
        let mut squares = Vec::new();
        for i in 0..one.0.len() {
            let variance = (one.1[i] + other.1[i]) / draws as f64;
            if variance > 1e-18 {
                squares.push((one.0[i] - other.0[i]).powi(2) / variance);
            }
        }
        (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
    };
    for (name, other) in [("none", &none), ("constant", &constant)] {
        let apart = apart(&value, other);
        assert!(apart < 1.5, "value and {name}: {apart}");
    }
    let total = |of: &(Vec<f64>, Vec<f64>)| of.1.iter().sum::<f64>();
    let [none, constant, value] = [&none, &constant, &value].map(total);
    assert!(1.2 * value < constant, "value {value}, constant {constant}");
    assert!(1.2 * constant < none, "constant {constant}, none {none}");
}

#[test]
fn reinforce_learns_to_learn() {
    for backend in BACKENDS {
        let config = Rl2Config {
            updates: 250,
            ..reinforce(Baseline::Value, backend)
        };
        let learned = learn(trainer(config, 0, 2), 250);
        assert!(learned > 0.8 * OPTIMUM, "{backend:?}: {learned}");
        assert!(learned < OPTIMUM + 0.1, "better than possible: {learned}");
    }
}

/// What is set and would not be followed is refused.
#[test]
fn what_reinforce_does_not_follow_is_refused() {
    let none = reinforce(Baseline::None, BackendKind::Native);
    assert!(none.validate().is_ok());
    let lambda = Rl2Config {
        gae: Gae {
            gamma: 0.9,
            lambda: 0.9,
        },
        normalize_advantages: true,
        ..none.clone()
    };
    let said = lambda.validate().unwrap_err().to_string();
    for part in [
        "rl2.outer",
        "rl2.gae.lambda=1",
        "rl2.normalize_advantages=false",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let value = Rl2Config {
        value_coefficient: 0.5,
        ..none
    };
    let said = value.validate().unwrap_err().to_string();
    assert!(said.contains("rl2.value_coefficient=0"), "{said}");
}
