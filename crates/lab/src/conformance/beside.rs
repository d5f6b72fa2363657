//! What an environment offers beside its episodes: learners, exact solutions,
//! drawings.

use crate::scenes;
use rl_core::{EnvFactory, Footprint};

/// The most bytes of exact solutions that are computed for a check.
const SOLUTIONS: f64 = (1 << 24) as f64;
/// The longest episode that is drawn.
const DRAWN: usize = 2_000;

/// Asks for everything once; larger solutions would take long.
pub(super) fn can_be_had(env: &dyn EnvFactory) -> Result<(), String> {
    drop(env.learners());
    drop(env.analyses());
    if is_small(env) {
        drop(env.exact_values());
        drop(env.further_values());
        // That there is none is allowed.
        drop(env.bayes_optimal_policy());
    }
    let random = classical::learner("random", &std::iter::empty().collect());
    let random = random.map_err(|error| error.to_string())?;
    let is_drawn = |number| number == 0 && env.spec().horizon <= DRAWN;
    scenes::of_trial(env, random.as_ref(), 1, is_drawn).map(drop)
}

fn is_small(env: &dyn EnvFactory) -> bool {
    env.solution_bytes() <= SOLUTIONS
}

/// What that takes of memory.
pub(super) fn footprint(env: &dyn EnvFactory) -> Footprint {
    let solutions = if is_small(env) {
        env.solution_bytes()
    } else {
        0.0
    };
    Footprint::new().with("exact solutions", solutions, "the environment's size")
}
