//! A rollout of a policy allocates nothing per step.

use crate::doors::{
    Corridor, config, decoding, drawing, predicting, supervised, trainer_in, variational,
};
use agent::ActMode;
use allocation_counter::measure;
use belief::{Belief, BeliefConfig, Queries, Target};
use rl_core::{Domain, EnvFactory, StreamKey, Tasks};
use rollout::Tile;
use std::sync::Arc;

fn check(config: &BeliefConfig) {
    let env = |horizon| -> Arc<dyn EnvFactory> {
        let pays = None;
        Arc::new(Tasks::new(Corridor { horizon, pays }).unwrap())
    };
    let trainer = trainer_in(env(6), config, (0, 1));
    let policies = trainer.learner().policy(ActMode::Sample);
    let count = |horizon| {
        let env = agent::telling(env(horizon), &config.inputs).unwrap();
        let mut tile = Tile::new(env.as_ref(), 16, 0, horizon);
        let mut key = StreamKey::new(0, Domain::Training, 0);
        // The first rollout may grow buffers; later ones must not.
        tile.collect(policies.as_ref(), &key).unwrap();
        key.round = 1;
        // Of this thread alone: workers allocate when they begin to wait.
        let counted = measure(|| tile.collect(policies.as_ref(), &key).unwrap());
        assert_eq!(tile.trajectory().steps(), horizon);
        counted.count_total
    };
    // A rollout makes its policy anew; its steps add nothing to that.
    let few = count(6);
    assert!(few < 200, "{few} allocations");
    assert_eq!(count(600), few);
}

#[test]
fn a_rollout_allocates_nothing_per_step() {
    let decoded = || Belief::Variational(Box::new(variational()));
    for config in [
        config(supervised(Target::Task)),
        decoding(),
        predicting(Queries::Action),
        drawing(supervised(Target::Task)),
        drawing(decoded()),
    ] {
        check(&config);
    }
}
