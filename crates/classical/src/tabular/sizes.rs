//! How large a tabular learner's tables are, and where there can be none.

use rl_core::{ActionSpace, EnvSpec, ObservationSpace};

/// The sizes of an MDP that is known by its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// How many states there are; the end of an episode is none of them.
    pub(crate) states: usize,
    /// How many actions there are.
    pub(crate) actions: usize,
    /// Steps per episode.
    pub(crate) horizon: usize,
}

impl Sizes {
    /// The sizes of an environment.
    ///
    /// # Errors
    /// If its observations do not tell one of finitely many states, or its
    /// actions are not finitely many.
    pub(crate) fn of(name: &str, spec: &EnvSpec) -> Result<Self, String> {
        let ActionSpace::Discrete { size: actions } = spec.action else {
            return Err(format!(
                "{name} chooses among finitely many actions, but actions of {} are vectors of {} \
                 real numbers; 'random' can act there",
                spec.name,
                spec.action.width(),
            ));
        };
        let ObservationSpace::Discrete { size: states } = spec.observation else {
            return Err(format!(
                "{name} plans over finitely many states, but observations of {} are vectors of {} \
                 real numbers; bandit learners such as 'thompson', which look at no observation, \
                 and 'random' can act there",
                spec.name,
                spec.observation.width(),
            ));
        };
        Ok(Self {
            states,
            actions,
            horizon: spec.horizon,
        })
    }

    /// How many pairs of action and state there are.
    pub(crate) fn pairs(&self) -> usize {
        self.states * self.actions
    }

    /// The place of a pair in rows of pairs: states are neighbours, so that
    /// the best action of all states is found side by side.
    pub(crate) fn pair(&self, state: usize, action: usize) -> usize {
        action * self.states + state
    }

    /// Numbers in a table of the transitions from every pair to every state
    /// and to the end.
    pub(crate) fn transitions(&self) -> usize {
        (self.states + 1) * self.pairs()
    }

    /// Numbers in a table of pairs, which may be more than can be counted.
    pub(crate) fn table(&self) -> f64 {
        self.states as f64 * self.actions as f64
    }
}

#[cfg(test)]
#[path = "sizes_tests.rs"]
mod tests;
