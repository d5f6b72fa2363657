//! A rollout of the native backend allocates nothing per step.

use crate::common::{config, switches, trainer};
use rl_core::{Domain, StreamKey};
use rl2::{ActMode, BackendKind};
use rollout::Tile;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Of this thread alone: workers allocate when they begin to wait.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_rollout_allocates_nothing_per_step() {
    let trainer = trainer(config(BackendKind::Native), 0, 1);
    let policies = trainer.policy(ActMode::Sample);
    let env = switches();
    let count = |steps| {
        let mut tile = Tile::new(env.as_ref(), 16, 0, steps);
        let mut key = StreamKey::new(0, Domain::Training, 0);
        // The first rollout may grow buffers; later ones must not.
        tile.collect(policies.as_ref(), &key).unwrap();
        let before = ALLOCATIONS.get();
        key.round = 1;
        tile.collect(policies.as_ref(), &key).unwrap();
        ALLOCATIONS.get() - before
    };
    // A rollout makes its policy anew; its steps add nothing to that.
    let few = count(6);
    assert!(few < 100, "{few} allocations");
    assert_eq!(count(600), few);
}
