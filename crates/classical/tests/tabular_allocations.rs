//! A tabular learner allocates when it is made, and never after.

use classical::{Family, learner, learners};
use mdps::{DirichletMdp, DirichletMdpSettings};
use rl_core::{Domain, EnvFactory, Purpose, StreamKey, Tasks, Trajectory};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting each thread's calls.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is
// a constant-initialized thread-local without a destructor, which allocates
// nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's obligations are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8]))), 1);
}

/// Over two trials of several episodes, the first step included.
#[test]
fn steps_and_plans_allocate_nothing() {
    let settings = DirichletMdpSettings {
        states: 4,
        actions: 3,
        horizon: 5,
        episodes: 3,
    };
    let tasks = Tasks::new(DirichletMdp::new(settings).unwrap()).unwrap();
    let key = StreamKey::new(1, Domain::HeldOut, 0);
    for info in learners() {
        if info.family != Family::Tabular {
            continue;
        }
        let (lanes, steps) = (3, 2 * tasks.spec().trial_steps());
        let factory = learner(info.name, &BTreeMap::new()).unwrap();
        let mut policy = factory.make(tasks.spec(), lanes).unwrap();
        let mut env = tasks.make(lanes);
        let stream = |lane| key.lane(Purpose::Action, lane);
        let mut streams: Vec<_> = (0..lanes as u64).map(stream).collect();
        let mut trajectory = Trajectory::new(tasks.spec(), lanes, steps);
        env.begin(&key, 0, trajectory.begin());
        let mut count = 0;
        for t in 0..steps {
            let (row, out) = trajectory.acting(t);
            count += allocations(|| policy.act(&row, &mut streams, out));
            let (actions, rows) = trajectory.stepping(t);
            env.step(actions, rows);
            trajectory.stepped(t);
        }
        assert_eq!(count, 0, "{}", info.name);
    }
}
