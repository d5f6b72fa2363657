//! What can be reached in a finite MDP, exactly.

use super::model::{Model, ModelError};

impl Model {
    /// Which states can be reached within `steps` steps from the start, those
    /// of the start included; `usize::MAX` asks which can be reached at all.
    /// What follows on a terminal state is not reached. `[states]`
    pub fn reachable(&self, steps: usize) -> Vec<bool> {
        let distances = self.distances().into_iter();
        distances
            .map(|distance| distance.is_some_and(|distance| distance <= steps))
            .collect()
    }

    /// The highest probability, over all ways to act, of being in one of
    /// `targets` (`[states]`) at the start or after any of the first `steps`
    /// steps of an episode. With u_0(s) = 1 in targets and 0 elsewhere,
    ///
    /// ```text
    /// u_{h+1}(s) = 1                                        in targets,
    ///              0                                        in other terminal states,
    ///              max over a of Σ_s' P(s' | s, a) u_h(s')  elsewhere
    /// ```
    ///
    /// and it is Σ_s start(s) u_steps(s) (Puterman 1994, section 7.2: the value
    /// of a model that pays 1 for the first visit). The model must be valid:
    /// see [`Self::validate`].
    ///
    /// # Errors
    /// If there is not one target flag per state.
    ///
    /// # Panics
    /// If the model's lengths do not agree with its sizes.
    pub fn reach_probability(&self, targets: &[bool], steps: usize) -> Result<f64, ModelError> {
        if targets.len() != self.states {
            return Err(ModelError {
                place: "targets".into(),
                value: format!("{} flags, not {}", targets.len(), self.states),
                allowed: "one flag per state",
            });
        }
        let mut later: Vec<f64> = targets.iter().map(|t| f64::from(u8::from(*t))).collect();
        let mut value = later.clone();
        let open = |state: &usize| !targets[*state] && !self.terminal[*state];
        for _ in 0..steps {
            for state in (0..self.states).filter(open) {
                let reach = |action| -> f64 {
                    let row = self.row(state, action).iter().zip(&later);
                    row.map(|(p, u)| p * u).sum()
                };
                value[state] = (0..self.actions).map(reach).fold(0.0, f64::max);
            }
            if value == later {
                break; // More steps lead nowhere new.
            }
            later.copy_from_slice(&value);
        }
        Ok(self.start.iter().zip(&later).map(|(p, u)| p * u).sum())
    }
}

#[cfg(test)]
#[path = "reachability_tests.rs"]
mod tests;
