//! Stepping, with new tasks on the way, allocates nothing once each lane has lived a trial.

use allocation_counter::measure;
use optimization::{Glyphs, GlyphsSettings};
use rl_core::{ActionsMut, Domain, EnvFactory, Rollout, Settings, StreamKey, Tasks};

const LANES: usize = 3;

fn live(rollout: &mut Rollout) {
    while !rollout.is_full() {
        let t = rollout.t();
        if let ActionsMut::Box { row, .. } = rollout.acting().2.action {
            row.fill(0.1 - 0.1 * (t % 3) as f32);
        }
        rollout.step();
    }
}

/// Two trials of all lanes in tasks of their own, after others in which room was made.
fn assert_no_allocation(env: &dyn EnvFactory) {
    let mut rollout = Rollout::new(env.make(LANES), 2 * env.spec().trial_steps());
    let key = |round| StreamKey::new(1, Domain::Training, round);
    rollout.begin(&key(0), 0);
    live(&mut rollout);
    let made = measure(|| {
        rollout.begin(&key(1), 0);
        live(&mut rollout);
    });
    let ends = rollout.trajectory().trial_ends().iter();
    assert_eq!(ends.filter(|end| **end).count(), 2 * LANES);
    assert_eq!(made.count_total, 0, "{}", env.spec().name);
}

#[test]
fn steps_and_new_tasks_allocate_nothing() {
    for entry in optimization::all() {
        let settings = Settings::new(entry.settings(), []).unwrap();
        assert_no_allocation(entry.make(&settings).unwrap().as_ref());
    }
}

/// As many glyphs, pictures that are shown and strokes as there may be, batch by batch, paid by
/// the loss.
#[test]
fn the_largest_tasks_of_glyphs_allocate_nothing() {
    let glyphs = Glyphs::new(GlyphsSettings {
        ways: 20,
        shots: 500,
        queries: 7,
        side: 5,
        strokes: 16,
        turn: 1.0,
        shift: 2.0,
        hidden: 2,
        layers: 3,
        batch: 7,
        steps: 2,
        accuracy: false,
    });
    assert_no_allocation(&Tasks::new(glyphs.unwrap()).unwrap());
}
