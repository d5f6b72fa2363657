//! The belief that is told in GridNavi, beside Bayes' rule.

use crate::common::KEY;
use navigation::GridNavi;
use rl_core::{Actions, EnvFactory, Random, Rollout, Tasks, Telling};
use std::sync::Arc;

/// The cell of a 5 × 5 grid that an action leads to: 0 stays, 1 goes up, 2 right, 3 down,
/// 4 left, and the border stops.
fn moved(cell: usize, action: u32) -> usize {
    let (x, y) = (cell % 5, cell / 5);
    match action {
        1 if y < 4 => cell + 5,
        2 if x < 4 => cell + 1,
        3 if y > 0 => cell - 5,
        4 if x > 0 => cell - 1,
        _ => cell,
    }
}

/// Goals that would have paid as the trial did, all alike: every goal is tried on
/// everything that was done.
#[test]
fn the_belief_is_that_of_bayes_rule() {
    const LANES: usize = 20;
    let env = Arc::new(Tasks::new(GridNavi::new(5, 15, 4).unwrap()).unwrap());
    let statistics = env.statistics().unwrap();
    let env = Telling::new(env, vec![statistics]);
    let steps = 2 * env.spec().trial_steps();
    let mut rollout = Rollout::new(env.make(LANES), steps);
    rollout.begin(&KEY, 0);
    rollout.play(&mut Random::policy(env.spec()));
    let trajectory = rollout.into_trajectory();
    let cells = env.told();
    assert_eq!(cells, 25);
    let (mut found, mut partly) = (0, 0);
    for lane in 0..LANES {
        let mut possible = vec![true; cells];
        let mut at = 0;
        for t in 0..steps {
            let row = trajectory.row(t);
            if row.start[lane] {
                let goal = |cell: usize| cell % 5 > 1 || cell / 5 > 1;
                possible = (0..cells).map(goal).collect();
            } else if let Actions::Discrete(actions) = row.previous_action {
                let after = moved(at, actions[lane]);
                let paid = row.previous_reward[lane] > 0.0;
                let cells = possible.iter_mut().enumerate();
                cells.for_each(|(cell, possible)| *possible &= paid == (cell == after));
            }
            at = row.observation[lane] as usize;
            let count = possible.iter().filter(|possible| **possible).count();
            let told = &row.told[lane * cells..(lane + 1) * cells];
            for (told, possible) in told.iter().zip(&possible) {
                let wanted = if *possible { 1.0 / count as f32 } else { 0.0 };
                assert!((told - wanted).abs() < 1e-6, "{told}, {wanted}");
            }
            found += usize::from(count == 1);
            partly += usize::from((2..21).contains(&count));
        }
    }
    assert!(found > 0 && partly > 0, "{found} and {partly} rows");
}
