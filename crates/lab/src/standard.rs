//! What comes with metarl: one line for an algorithm, and one entry for an
//! environment.

use crate::environments;
use crate::registry::Registry;

impl Registry {
    /// Everything that comes with metarl.
    pub fn standard() -> Self {
        let algorithms = vec![
            rl2::ALGORITHM,  // a recurrent agent, whose memory learns
            maml::ALGORITHM, // an agent that learns by gradients
        ];
        Self::of(environments::standard(), algorithms)
    }
}
