//! What environments and policies may write, and errors that say who broke it.

use crate::error::{Culprit, RolloutError, Site};
use crate::tile::Tile;
use rl_core::{ActionSpace, Actions, ObservationSpace, Outcome, Place};

/// Discrete actions on row `t` must be below the space's size.
pub(crate) fn actions(tile: &Tile, policy: &str, t: usize) -> Result<(), RolloutError> {
    let ActionSpace::Discrete { size } = tile.spec().action else {
        return Ok(());
    };
    let Actions::Discrete(rows) = tile.trajectory().actions() else {
        return Ok(());
    };
    let lanes = tile.trajectory().lanes();
    let row = &rows[t * lanes..(t + 1) * lanes];
    let Some(lane) = row.iter().position(|action| *action as usize >= size) else {
        return Ok(());
    };
    Err(refuse(
        tile,
        Culprit::Policy(policy.to_owned()),
        (t, lane),
        (
            format!("action {}", row[lane]),
            format!("0 to {}", size - 1),
        ),
    ))
}

/// Symbols of row `t` must be whole numbers below the space's size.
pub(crate) fn symbols(tile: &Tile, t: usize) -> Result<(), RolloutError> {
    let ObservationSpace::Discrete { size } = tile.spec().observation else {
        return Ok(());
    };
    let lanes = tile.trajectory().lanes();
    let row = &tile.trajectory().observations()[t * lanes..(t + 1) * lanes];
    let is_symbol = |o: &f32| *o >= 0.0 && *o < size as f32 && o.fract() == 0.0;
    let Some(lane) = row.iter().position(|o| !is_symbol(o)) else {
        return Ok(());
    };
    let what = format!("observation {}", row[lane]);
    let allowed = format!("whole numbers, 0 to {}", size - 1);
    let culprit = Culprit::Environment(tile.spec().name.clone());
    Err(refuse(tile, culprit, (t, lane), (what, allowed)))
}

/// All numbers of a rollout's steps so far must be finite, with the observations
/// after them.
pub(crate) fn finite(tile: &Tile, policy: &str) -> Result<(), RolloutError> {
    let (steps, trajectory) = (tile.rollout().t(), tile.trajectory());
    let (lanes, width) = (trajectory.lanes(), trajectory.observation_width());
    let (no_actions, action_width): (&[f32], usize) = match trajectory.actions() {
        Actions::Discrete(_) => (&[], 1),
        Actions::Box { width, row } => (row, width),
    };
    // What was written first is the cause of the rest: the observations of row t,
    // what the policy made of them, and what step t gave, with the observations
    // of row t + 1.
    let env = || Culprit::Environment(tile.spec().name.clone());
    let agent = || Culprit::Policy(policy.to_owned());
    let all: [(&str, Culprit, &[f32], usize, usize); 5] = [
        ("observation", env(), trajectory.observations(), width, 0),
        ("action", agent(), no_actions, action_width, 1),
        ("log-probability", agent(), trajectory.log_probs(), 1, 1),
        ("value", agent(), trajectory.values(), 1, 1),
        ("reward", env(), trajectory.rewards(), 1, 2),
    ];
    let found = all
        .into_iter()
        .filter_map(|(what, culprit, rows, width, delay)| {
            let written = (steps + usize::from(delay == 0)) * lanes * width;
            let index = first_not_finite(&rows[..rows.len().min(written)])?;
            let (row, lane) = (index / width / lanes, index / width % lanes);
            Some((2 * row + delay, (row, lane), what, culprit, rows[index]))
        });
    if let Some((_, (row, lane), what, culprit, value)) = found.min_by_key(|f| f.0) {
        // An observation of row t was written by step t - 1.
        let t = row.saturating_sub(usize::from(what == "observation"));
        let wrong = (format!("{what} {value}"), "finite numbers".to_owned());
        return Err(refuse(tile, culprit, (t, lane), wrong));
    }
    for lane in 0..lanes {
        for index in 0..trajectory.truncations(lane) {
            let last = trajectory.final_observation(lane, index);
            if let Some(bad) = first_not_finite(last) {
                let what = format!("final observation {}", last[bad]);
                let wrong = (what, "finite numbers".to_owned());
                let t = (index + 1) * tile.spec().horizon - 1;
                return Err(refuse(tile, env(), (t, lane), wrong));
            }
        }
    }
    Ok(())
}

/// The first number that is infinite or NaN. Looks at whole chunks without a
/// branch, which is several times faster than looking at each number.
fn first_not_finite(numbers: &[f32]) -> Option<usize> {
    const EXPONENT: u32 = 0x7f80_0000;
    let is_bad = |x: &f32| x.to_bits() & EXPONENT == EXPONENT;
    let mut first = 0;
    for chunk in numbers.chunks(256) {
        let bad = chunk.iter().fold(0, |bad, x| bad | u32::from(is_bad(x)));
        if bad != 0 {
            return chunk.iter().position(is_bad).map(|index| first + index);
        }
        first += chunk.len();
    }
    None
}

/// An error about a lane at row `t`.
fn refuse(
    tile: &Tile,
    culprit: Culprit,
    (t, lane): (usize, usize),
    (what, allowed): (String, String),
) -> RolloutError {
    RolloutError::NotAllowed {
        culprit,
        what,
        allowed,
        site: Box::new(Site {
            place: place(tile, t, lane),
            key: *tile.rollout().key(),
        }),
    }
}

/// Where in its life a lane was at row `t`.
fn place(tile: &Tile, t: usize, lane: usize) -> Place {
    let trajectory = tile.trajectory();
    let lanes = trajectory.lanes();
    let mut place = Place {
        lane: tile.first_lane() + lane as u64,
        ..Place::default()
    };
    for earlier in 0..t {
        let index = earlier * lanes + lane;
        place.step += 1;
        if trajectory.outcomes()[index] != Outcome::Continue {
            place.step = 0;
            place.episode += 1;
        }
        if trajectory.trial_ends()[index] {
            place.episode = 0;
            place.trial += 1;
        }
    }
    place
}
