//! Where rewards tell nothing, nothing moves the policy.

use crate::doors::{Corridor, config, constant, decoding, drawing, supervised, trainer_in};
use belief::{BeliefConfig, Target, Trainer};
use rl_core::{Data, Tasks};
use std::sync::Arc;

/// The policy head after a training on equal rewards, and before it.
fn heads(config: &BeliefConfig, reward: f32, normalize: bool) -> [Vec<Data>; 2] {
    let corridor = Corridor {
        horizon: 5,
        pays: Some(reward),
    };
    let plain = BeliefConfig {
        entropy_coefficient: constant(0.0),
        normalize_advantages: normalize,
        ..config.clone()
    };
    let env = Arc::new(Tasks::new(corridor).unwrap());
    let mut trainer = trainer_in(env, &plain, (0, 2));
    let head = |trainer: &Trainer| {
        let params = trainer.checkpoint().unwrap().branch("params");
        let policy = params
            .iter()
            .filter(|(name, _)| name.starts_with("policy."));
        policy
            .map(|(_, array)| array.data.clone())
            .collect::<Vec<_>>()
    };
    let before = head(&trainer);
    assert!(!before.is_empty());
    for _ in 0..10 {
        trainer.update().unwrap();
    }
    [before, head(&trainer)]
}

#[test]
fn equal_rewards_do_not_move_the_policy() {
    for config in [
        config(supervised(Target::Task)),
        decoding(),
        drawing(supervised(Target::Task)),
    ] {
        for reward in [0.0, 1.0, -0.1, 1e-20] {
            let [before, after] = heads(&config, reward, true);
            assert_eq!(before, after, "{config:?}, reward {reward}");
        }
        // Errors of the value function, not made larger, are those of any actor-critic.
        let [before, after] = heads(&config, 1.0, false);
        assert_ne!(before, after, "{config:?}");
    }
}
