//! A rule that acts allocates nothing per step.

use crate::functions::Functions;
use crate::{made, trained, trainings};
use allocation_counter::measure;
use rl_core::{Domain, StreamKey};
use rollout::Tile;

#[test]
fn a_rollout_allocates_nothing_per_step() {
    for config in trainings() {
        let policies = trained(&config, 1, 0).policy();
        let count = |steps| {
            let functions = Functions {
                steps,
                ..Functions::default()
            };
            let mut tile = Tile::new(made(&functions).as_ref(), 16, 0, steps + 1);
            let mut key = StreamKey::new(0, Domain::Training, 0);
            // The first rollout may grow buffers; later ones must not.
            tile.collect(policies.as_ref(), &key).unwrap();
            key.round = 1;
            // What functions note down begins anew.
            functions.take();
            // Of this thread alone: workers allocate when they begin to wait.
            let counted = measure(|| tile.collect(policies.as_ref(), &key).unwrap());
            assert_eq!(tile.trajectory().steps(), steps + 1);
            counted.count_total
        };
        // A rollout makes its policy anew, with a course of every lane; its steps add nothing
        // to that.
        let few = count(5);
        assert!(few < 300, "{config:?}: {few} allocations");
        assert_eq!(count(500), few, "{config:?}");
    }
}
