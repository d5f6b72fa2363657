//! Learning within a trial.

use super::{Arrival, Course, NewTask, Rules, Target};
use crate::failure::Failure;
use rl_core::PolicyFactory;
use rollout::Pool;
use std::sync::Arc;

/// Rounds of the trials that the course is of, and of those that confirm it.
const COURSE: u64 = 1 << 32;
const CONFIRMATION: u64 = COURSE + 1;

/// Lives one trial in a task: copies of the policy tell what it earns in each unit. Who has
/// not reached the target when the trial is over does not: its memory begins anew then.
///
/// # Errors
/// If the environment or the policy fails, or the work is called off.
pub fn by_memory(
    pool: &Pool,
    policy: &Arc<dyn PolicyFactory>,
    task: &NewTask,
    (rules, target): (&Rules, &Target),
) -> Result<Arrival, Failure> {
    let course = |round| {
        let lived = task.live(pool, policy, (rules.trials, round))?;
        Ok::<_, Failure>(Course::of(&lived, rules.unit))
    };
    let (first, second) = (course(COURSE)?, course(CONFIRMATION)?);
    let both = first.earned.iter().zip(&second.earned);
    let reached = both.map(|(first, second)| (first.mean(), second.mean()));
    let mut earned = 0.0;
    for (unit, (first_mean, second_mean)) in reached.enumerate() {
        let steps = first.steps[unit].mean();
        if steps > rules.budget as f64 {
            break;
        }
        earned = second_mean;
        if target.is_reached_by(first_mean) && target.is_reached_by(second_mean) {
            return Ok(Arrival {
                steps: Some(steps),
                lived: steps,
                earned,
            });
        }
    }
    Ok(Arrival {
        steps: None,
        lived: first.trial_steps().min(rules.budget as f64),
        earned,
    })
}
