//! The index that a trained agent gives the arms of a bandit, beside the exact Gittins
//! index: the contents of `indices.json`.

use crate::failure::Failure;
use agent::{ToldArms, Training};
use classical::finite_gittins_indices;
use record::schema::{ArmIndices, Indices, IndicesAt};
use record::{Document, RunDir};
use rl_core::{EnvFactory, StatisticsFactory};
use rollout::{Pool, RolloutError};

/// The pulls that may be left, as shares of a trial.
const LEFT: [f64; 3] = [0.8, 0.4, 0.1];
/// How often arms were pulled, where there was time for it.
const PULLS: [usize; 4] = [1, 5, 20, 100];
/// Of longer trials as many pulls at the end, so that the exact indices take a second.
const MOST_STEPS: usize = 1000;

/// Writes what a run says of its agent's index, if it has one and the run does not say it
/// of as many steps of training.
///
/// # Errors
/// If the file cannot be read or written, or a worker fails.
pub fn complete(
    run: &RunDir,
    pool: &Pool,
    (env, agent): (&dyn EnvFactory, &dyn Training),
) -> Result<(), Failure> {
    let known: Option<Indices> = run.document(Document::Indices)?;
    if known.is_some_and(|known| known.env_steps == agent.env_steps()) {
        return Ok(());
    }
    if let Some(indices) = measure(pool, (env, agent))? {
        run.write_document(Document::Indices, &indices)?;
    }
    Ok(())
}

/// The agent's index of arms beside the exact one; `None` where it gives them none, or
/// they are not what the Gittins index is known of.
///
/// # Errors
/// If a worker fails.
pub fn measure(
    pool: &Pool,
    (env, agent): (&dyn EnvFactory, &dyn Training),
) -> Result<Option<Indices>, Failure> {
    let Some(statistics) = env.statistics() else {
        return Ok(None);
    };
    let steps = env.spec().trial_steps();
    if learned(statistics.as_ref(), agent, (0, 1)).is_none() {
        return Ok(None); // Before the exact ones are computed.
    }
    let pairs = shown(steps);
    let exact = pool.map(&pairs, |_, &(left, pulls)| {
        finite_gittins_indices(pulls, left)
    });
    let exact = exact.map_err(RolloutError::from)?;
    let arms = pairs.iter().zip(exact).map(|(&(left, pulls), exact)| {
        let chance = |successes| (successes + 1) as f64 / (pulls + 2) as f64;
        let arms = ArmIndices {
            pulls,
            mean: (0..=pulls).map(chance).collect(),
            learned: learned(statistics.as_ref(), agent, (pulls, left))?,
            exact: exact.into_iter().map(f64::from).collect(),
        };
        Some((left, arms))
    });
    let arms: Option<Vec<(usize, ArmIndices)>> = arms.collect();
    let Some(arms) = arms else {
        return Ok(None);
    };
    Ok(Some(Indices {
        env_steps: agent.env_steps(),
        steps_per_trial: steps,
        times: arms.chunk_by(|one, next| one.0 == next.0).map(at).collect(),
    }))
}

/// The pulls left that are shown, each with the numbers of pulls of an arm that there was
/// time for before.
fn shown(steps: usize) -> Vec<(usize, usize)> {
    let span = steps.min(MOST_STEPS) as f64;
    let mut lefts = LEFT.map(|share| (share * span).ceil() as usize).to_vec();
    lefts.dedup();
    let pairs = lefts
        .iter()
        .flat_map(|left| PULLS.map(|pulls| (*left, pulls)));
    pairs
        .filter(|(left, pulls)| left + pulls <= steps)
        .collect()
}

/// The indices of one time, the learned ones shifted.
fn at(arms: &[(usize, ArmIndices)]) -> IndicesAt {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let gaps = arms
        .iter()
        .map(|(_, arm)| mean(&arm.exact) - mean(&arm.learned));
    let shift = mean(&gaps.collect::<Vec<f64>>());
    let shifted = arms.iter().map(|(_, arm)| ArmIndices {
        learned: arm.learned.iter().map(|index| index + shift).collect(),
        ..arm.clone()
    });
    IndicesAt {
        left: arms[0].0,
        shift,
        arms: shifted.collect(),
    }
}

/// The agent's index after so many pulls with so many left, by the number of successes, in
/// units of the mean reward.
fn learned(
    statistics: &dyn StatisticsFactory,
    agent: &dyn Training,
    (pulls, left): (usize, usize),
) -> Option<Vec<f64>> {
    let told = (0..=pulls).map(|successes| statistics.coin(pulls, successes));
    let told: Vec<[f32; 2]> = told.collect::<Option<_>>()?;
    let indices = agent.indices(ToldArms { left, arms: &told })?;
    // Means are told from −1 to 1.
    let unit = |index: f32| 0.5 * (1.0 + f64::from(index));
    Some(indices.into_iter().map(unit).collect())
}

#[cfg(test)]
#[path = "indices_tests.rs"]
mod tests;
