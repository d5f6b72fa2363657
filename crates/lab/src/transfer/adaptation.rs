//! Learning by an agent's own gradient steps.

use super::{Arrival, Course, NewTask, Rules, Target};
use crate::failure::Failure;
use agent::{ActMode, Fresh, Training};
use rl_core::{Domain, EnvFactory};
use rollout::{Held, Pool};
use std::sync::Arc;

/// Adapts to a task step by step, and measures every policy on the way in trials of its
/// own. A step takes `trajectories` trials by the policy before it, of as many steps as that
/// policy's measured trials have on the mean; the trials that show the target count as those
/// of one more step.
///
/// # Errors
/// If the adaptation or the environment fails, or the work is called off.
pub fn by_adaptation(
    pool: &Pool,
    (agent, env): (&dyn Training, &Arc<dyn EnvFactory>),
    (task, trajectories, actions): (&NewTask, usize, ActMode),
    (rules, target): (&Rules, &Target),
) -> Result<Arrival, Failure> {
    let number = task.number() as usize;
    let held = Held {
        tasks: number + 1,
        seed: task.seed(),
        domain: Domain::HeldOut,
    };
    let fresh = Fresh { env, held, actions };
    let policies = agent.policies(&fresh, number)?;
    let mut lived = 0.0;
    let mut earned = None;
    for (step, policy) in policies.iter().enumerate() {
        let course = |round| {
            let batch = task.live(pool, policy, (rules.trials, round))?;
            Ok::<_, Failure>(Course::of(&batch, rules.unit))
        };
        let round = 1 + 2 * step as u64;
        let first = course(round)?;
        lived += trajectories as f64 * first.trial_steps();
        let mut now = first.mean();
        if lived > rules.budget as f64 {
            // Where not even a first step is within it, what was earned without one.
            earned.get_or_insert(now);
            break;
        }
        if target.is_reached_by(now) {
            now = course(round + 1)?.mean();
            if target.is_reached_by(now) {
                return Ok(Arrival {
                    steps: Some(lived),
                    lived,
                    earned: now,
                });
            }
        }
        earned = Some(now);
    }
    Ok(Arrival {
        steps: None,
        lived: lived.min(rules.budget as f64),
        earned: earned.unwrap_or_default(),
    })
}
