use super::*;
use crate::t_maze::{Form, Maze, Place, TMaze};
use rl_core::rand::{RngExt as _, SeedableRng as _};
use rl_core::{Environment as _, TaskDistribution as _};

fn corridors() -> impl Iterator<Item = Corridor> {
    let corridor = |length| move |start| Corridor { length, start };
    (1..=4).flat_map(move |length| [0, 1].map(corridor(length)))
}

/// What an action earns, and the best ones after it, by trying all of them.
fn tried(corridor: &Corridor, known: Known, action: u32) -> f64 {
    let mut next = Known {
        at: corridor.go(known.at, action),
        step: known.step + 1,
        ..known
    };
    if next.step == corridor.steps() {
        let right = |sign| f64::from(u8::from(next.at.1 == sign));
        return match known.sign {
            0 => 0.5 * (right(1) + right(-1)),
            sign => right(sign),
        };
    }
    let best = |known| {
        (0..4)
            .map(|action| tried(corridor, known, action))
            .fold(-9.0, f64::max)
    };
    let reads = next.sign == 0 && next.at.0 == 0;
    let after = match reads {
        true => [1, -1].map(|sign| {
            next.sign = sign;
            0.5 * best(next)
        }),
        false => [best(next), 0.0],
    };
    after[0] + after[1] - corridor.penalty(next.at.0, next.step)
}

/// Everything an agent may do before, and then every action.
#[test]
fn actions_are_worth_what_trying_them_out_gives() {
    for corridor in corridors().filter(|corridor| corridor.steps() <= 6) {
        let mut open = vec![Known {
            at: (corridor.start, 0),
            step: 0,
            sign: i8::from(corridor.start == 0),
        }];
        while let Some(known) = open.pop() {
            for action in 0..4 {
                let (found, wanted) = (
                    known.action_value(&corridor, action),
                    tried(&corridor, known, action),
                );
                assert!(
                    (found - wanted).abs() < 1e-12,
                    "{corridor:?}, {known:?}, {action}: {found}, not {wanted}"
                );
                let mut next = Known {
                    at: corridor.go(known.at, action),
                    step: known.step + 1,
                    ..known
                };
                if next.sign == 0 && next.at.0 == 0 {
                    next.sign = -1;
                }
                if next.step < corridor.steps() {
                    open.push(next);
                }
            }
        }
    }
}

/// The expected return of an episode of a policy without memory: how probable each action
/// is by what is seen. `[6][4]`
fn memoryless(maze: &Maze, corridor: &Corridor, policy: &[[f64; 4]; 6]) -> f64 {
    let mut rng = rl_core::Stream::seed_from_u64(1);
    let mut total = 0.0;
    for sign in [-1, 1] {
        let mut places: Vec<(Place, f64)> = vec![(Place::begin(corridor, sign), 0.5)];
        for _ in 0..corridor.steps() {
            let mut next: Vec<(Place, f64)> = Vec::new();
            for (place, chance) in places {
                let mut seen = [0.0; 2];
                maze.observe(&place, &mut seen);
                let row = 3 * seen[0] as usize + (seen[1] + 1.0) as usize;
                for (action, share) in (0..).zip(policy[row]).filter(|(_, share)| *share > 0.0) {
                    let mut after = place;
                    let step = maze.step(&mut after, &action, &mut rng);
                    let chance = chance * share;
                    total += chance * f64::from(step.reward);
                    match next.iter_mut().find(|(place, _)| *place == after) {
                        Some((_, sum)) => *sum += chance,
                        None => next.push((after, chance)),
                    }
                }
            }
            places = next;
        }
    }
    total
}

#[test]
fn without_memory_no_policy_earns_more_than_half() {
    let mut rng = rl_core::Stream::seed_from_u64(2);
    for (form, length) in [
        (Form::Passive, 1),
        (Form::Passive, 2),
        (Form::Active, 1),
        (Form::Active, 2),
    ] {
        let mazes = TMaze::new(form, length, 1).unwrap();
        let (mut maze, corridor) = (Maze::default(), mazes.corridor);
        mazes.sample(&mut maze, &mut rng);
        let mut best = f64::NEG_INFINITY;
        for number in 0..4_usize.pow(6) {
            let policy = std::array::from_fn(|row| {
                let action = number / 4_usize.pow(row as u32) % 4;
                std::array::from_fn(|other| f64::from(u8::from(other == action)))
            });
            best = best.max(memoryless(&maze, &corridor, &policy));
        }
        assert!((best - 0.5).abs() < 1e-6, "{form:?}, {length}: {best}");
        // Mixtures of actions are no better.
        for _ in 0..300 {
            let policy = std::array::from_fn(|_| {
                let weights: [f64; 4] = std::array::from_fn(|_| rng.random::<f64>().powi(3));
                let sum: f64 = weights.iter().sum();
                weights.map(|weight| weight / sum)
            });
            let mixed = memoryless(&maze, &corridor, &policy);
            assert!(mixed < 0.5, "{form:?}, {length}: {mixed} by {policy:?}");
        }
        let random = memoryless(&maze, &corridor, &[[0.25; 4]; 6]);
        assert!((random - super::random(&corridor)).abs() < 1e-6, "{random}");
    }
}
