//! Where rewards tell nothing, nothing moves the policies.

use crate::common::{Numbers, SHARINGS, config, trainer};
use multi_task::{MultiTaskConfig, Sharing};
use rl_core::{Array, Data};

/// The policies after a training on equal rewards, and before it.
fn policies(sharing: Sharing, reward: f32, normalize: bool) -> [Vec<(String, Data)>; 2] {
    let numbers = Numbers {
        pays: Some(reward),
        ..Numbers::default()
    };
    let plain = MultiTaskConfig {
        normalize_advantages: normalize,
        ..config(sharing)
    };
    let mut trainer = trainer(&numbers, plain);
    let of = |trainer: &multi_task::Trainer| {
        let params = trainer.checkpoint().unwrap().branch("params");
        let acts = |name: &str| name.starts_with("policy.") || name.starts_with("shared.");
        let all = params.iter().filter(|(name, _)| acts(name));
        let data = |(name, array): (&str, &Array)| (name.to_owned(), array.data.clone());
        all.map(data).collect::<Vec<_>>()
    };
    let before = of(&trainer);
    assert!(!before.is_empty());
    for _ in 0..10 {
        trainer.update().unwrap();
    }
    [before, of(&trainer)]
}

#[test]
fn equal_rewards_do_not_move_the_policies() {
    for sharing in SHARINGS {
        for reward in [0.0, 1.0, -0.1, 1e-20] {
            let [before, after] = policies(sharing, reward, true);
            assert_eq!(before, after, "{sharing:?}, reward {reward}");
        }
        // Errors of the value function, not made larger, are those of any actor-critic.
        let [before, after] = policies(sharing, 1.0, false);
        assert_ne!(before, after, "{sharing:?}");
    }
}
