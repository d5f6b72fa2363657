//! A rollout of a policy allocates nothing per step.

use crate::common::{arms, config, points, trainer, trpo};
use agent::ActMode;
use allocation_counter::measure;
use rl_core::{Domain, StreamKey};
use rollout::Tile;

#[test]
fn a_rollout_allocates_nothing_per_step() {
    for env in [points(), arms()] {
        let trainer = trainer(&env, config(trpo()), 1);
        let policies = trainer.policy(ActMode::Sample);
        let count = |steps| {
            let mut tile = Tile::new(env.as_ref(), 16, 0, steps);
            let mut key = StreamKey::new(0, Domain::Training, 0);
            // The first rollout may grow buffers; later ones must not.
            tile.collect(policies.as_ref(), &key).unwrap();
            key.round = 1;
            // Of this thread alone: workers allocate when they begin to wait.
            measure(|| tile.collect(policies.as_ref(), &key).unwrap()).count_total
        };
        // A rollout makes its policy anew; its steps add nothing to that.
        let once = count(6);
        assert!(once < 100, "{once} allocations");
        assert_eq!(count(600), once);
    }
}
