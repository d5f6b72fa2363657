//! A rollout of the native backend allocates nothing per step.

use crate::common::{config, switches, trainer_in};
use crate::continuous::targets;
use agent::Training as _;
use agent::{ActMode, BackendKind};
use allocation_counter::measure;
use rl_core::{Domain, EnvFactory, StreamKey};
use rollout::Tile;
use std::sync::Arc;

#[test]
fn a_rollout_allocates_nothing_per_step() {
    for env in [switches(), targets(15.0, 3.0)] {
        check(&env);
    }
}

fn check(env: &Arc<dyn EnvFactory>) {
    let trainer = trainer_in(env, config(BackendKind::Native), 0, 1);
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
    let few = count(6);
    assert!(few < 100, "{few} allocations");
    assert_eq!(count(600), few);
}
