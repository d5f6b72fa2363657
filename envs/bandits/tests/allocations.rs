//! Stepping, with new tasks on the way, allocates nothing, and nor do
//! Bayes-optimal policies.

use bandits::{AdversarialBandit, AdversarialSettings, BernoulliBandit, DependentBandit};
use bandits::{GaussianBandit, InformativeArm, RestlessBandit, Variant};
use rl_core::{
    ActionsMut, Domain, EnvFactory, Purpose, SpecError, Stream, StreamKey, TaskDistribution, Tasks,
    Trajectory,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

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

const KEY: StreamKey = StreamKey::new(1, Domain::Training, 0);
const LANES: usize = 6;
const STEPS: usize = 100;

/// Allocations of many steps of all lanes, after the first steps.
fn while_stepping(
    env: &dyn EnvFactory,
    mut act: impl FnMut(&mut Trajectory, usize, &mut [Stream]),
) -> usize {
    let mut batch = env.make(LANES);
    let mut trajectory = Trajectory::new(env.spec(), LANES, STEPS);
    let stream = |lane| KEY.lane(Purpose::Action, lane);
    let mut streams: Vec<_> = (0..LANES as u64).map(stream).collect();
    batch.begin(&KEY, 0, trajectory.begin());
    let mut before = 0;
    for t in 0..STEPS {
        if t == 2 {
            before = ALLOCATIONS.get();
        }
        act(&mut trajectory, t, &mut streams);
        let (actions, rows) = trajectory.stepping(t);
        batch.step(actions, rows);
        trajectory.stepped(t);
    }
    let count = ALLOCATIONS.get() - before;
    assert!(trajectory.trial_ends().contains(&true));
    count
}

fn assert_no_allocation<D: TaskDistribution>(made: Result<D, SpecError>) {
    let env = Tasks::new(made.unwrap()).unwrap();
    let count = while_stepping(&env, |trajectory, t, _| {
        if let ActionsMut::Discrete(row) = trajectory.acting(t).1.action {
            row.fill(t as u32 % 2);
        }
    });
    assert_eq!(count, 0, "{}", env.spec().name);
    let Ok(policy) = env.bayes_optimal_policy() else {
        return;
    };
    let mut acting = policy.make(env.spec(), LANES).unwrap();
    let count = while_stepping(&env, |trajectory, t, streams| {
        let (row, out) = trajectory.acting(t);
        acting.act(&row, streams, out);
    });
    assert_eq!(count, 0, "{}'s policy", env.spec().name);
}

#[test]
fn steps_allocate_nothing() {
    assert_eq!(
        {
            let before = ALLOCATIONS.get();
            drop(std::hint::black_box(vec![1_u8]));
            ALLOCATIONS.get() - before
        },
        1,
        "the counter counts"
    );
    assert_no_allocation(BernoulliBandit::new(3, 10));
    assert_no_allocation(DependentBandit::new(Variant::Uniform, 10));
    assert_no_allocation(GaussianBandit::new(3, 10, 1.0));
    assert_no_allocation(InformativeArm::new(4, 10));
    assert_no_allocation(RestlessBandit::new(10, 0.1, 0.2));
    assert_no_allocation(AdversarialBandit::new(AdversarialSettings {
        arms: 3,
        pulls: 10,
        segments: 4,
        gap: 0.5,
    }));
}
