//! A rollout beside a teacher allocates nothing per step.

use crate::equal_rewards::Same;
use crate::{BackendKind, Search, config, place};
use allocation_counter::measure;
use imitation::Trainer;
use nets::Device;
use rl_core::{PolicyFactory, Tasks};
use std::sync::Arc;

#[test]
fn a_rollout_allocates_nothing_per_step() {
    // Rewards tell the teacher at once.
    let reward = 1.0;
    let count = |horizon| {
        let env = Tasks::new(Same { reward, horizon }).unwrap();
        let teacher: Arc<dyn PolicyFactory> = Arc::new(Search);
        let made_of = (config(BackendKind::Native), Some(teacher));
        let mut trainer = Trainer::new(&env, made_of, 0, place(1, Device::Cpu)).unwrap();
        let pool = Arc::clone(trainer.learner().pool());
        let mut collect = || trainer.learner_mut().collect_beside(0.5).unwrap();
        // The first rollout may grow buffers; later ones must not.
        collect();
        // On the one worker, which counts its own allocations.
        pool.install(|| measure(collect)).count_total
    };
    // A rollout makes both policies anew, of each tile; its steps add nothing to that.
    let few = count(6);
    assert!(few < 1000, "{few} allocations");
    assert_eq!(count(600), few);
}
