//! What an agent learns, on every backend.

use crate::common::{BACKENDS, config, pool, switches, trainer};
use crate::sabotage::{Sabotage, sabotaged};
use agent::Training as _;
use agent::{ActMode, Input};
use rl_core::Domain;
use rl2::{Outer, Rl2Config, Trainer};
use rollout::{Evaluation, Held, evaluate};

pub(crate) const RANDOM: f64 = 3.0;

pub(crate) const OPTIMUM: f64 = 5.5;

fn held_out(trainer: &Trainer, mode: ActMode) -> Evaluation {
    let held = Held {
        tasks: 500,
        seed: 0,
        domain: Domain::HeldOut,
    };
    evaluate(&pool(2), &switches(), &trainer.policy(mode), held).unwrap()
}

/// Trains to the end and returns the mean return on fresh tasks.
pub(crate) fn learn(mut trainer: Trainer, updates: u64) -> f64 {
    for _ in 0..updates {
        trainer.update().unwrap();
    }
    held_out(&trainer, ActMode::Sample).returns.mean()
}

#[test]
fn ppo_learns_to_learn_and_fails_to_with_the_gradient_flipped() {
    for backend in BACKENDS {
        let updates = config(backend).updates;
        let learned = learn(trainer(config(backend), 0, 2), updates);
        assert!(learned > 0.9 * OPTIMUM, "{backend:?}: {learned}");
        assert!(learned < OPTIMUM + 0.1, "better than possible: {learned}");
        let flipped = learn(sabotaged(config(backend), Sabotage::Flip), updates);
        assert!(flipped < RANDOM + 0.5, "{backend:?}, flipped: {flipped}");
    }
}

#[test]
fn a2c_learns_to_learn() {
    for backend in BACKENDS {
        let a2c = Rl2Config {
            outer: Outer::A2c,
            updates: 200,
            ..config(backend)
        };
        let learned = learn(trainer(a2c.clone(), 0, 2), 200);
        assert!(learned > 0.85 * OPTIMUM, "{backend:?}: {learned}");
        let flipped = learn(sabotaged(a2c, Sabotage::Flip), 200);
        assert!(flipped < RANDOM + 0.5, "{backend:?}, flipped: {flipped}");
    }
}

#[test]
fn greedy_actions_are_the_likeliest() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 1, 2);
        for _ in 0..10 {
            trainer.update().unwrap();
        }
        let sampled = held_out(&trainer, ActMode::Sample).returns.mean();
        let greedy = held_out(&trainer, ActMode::Greedy).returns.mean();
        assert!(
            greedy > sampled,
            "{backend:?}: greedy {greedy}, sampled {sampled}"
        );
    }
}

#[test]
fn without_its_reward_an_agent_stays_at_chance() {
    for backend in BACKENDS {
        let blind = Rl2Config {
            inputs: vec![Input::Observation, Input::Action, Input::Outcome],
            ..config(backend)
        };
        let learned = learn(trainer(blind, 0, 2), 40);
        assert!((learned - RANDOM).abs() < 0.4, "{backend:?}: {learned}");
    }
}
