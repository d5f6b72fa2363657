//! Which tasks a training meets.

use crate::common::{Numbers, config, pool, trainer};
use agent::ActMode;
use multi_task::Sharing;
use rl_core::Domain;
use rollout::{Held, evaluate};
use std::collections::HashSet;

#[test]
fn no_training_task_is_drawn_twice_or_as_in_an_evaluation() {
    let numbers = Numbers::default();
    let mut trainer = trainer(&numbers, config(Sharing::Input {}));
    // All tasks were met, to know them.
    numbers.take();
    for _ in 0..3 {
        trainer.update().unwrap();
    }
    let drawn = numbers.take();
    let trained: HashSet<u64> = drawn.iter().copied().collect();
    assert!(trained.len() >= 3 * 64, "one for each lane and update");
    assert_eq!(trained.len(), drawn.len(), "one was drawn twice");
    let policy = trainer.policy(ActMode::Sample);
    for domain in [Domain::HeldOut, Domain::Tuning] {
        let held = Held {
            tasks: 64,
            seed: 0,
            domain,
        };
        evaluate(&pool(2), &numbers.env(), &policy, held).unwrap();
        let met: HashSet<u64> = numbers.take().into_iter().collect();
        assert!(met.len() >= 64);
        assert!(trained.is_disjoint(&met), "{domain:?}");
    }
}
