//! Observations as inputs of a network, and its outputs as actions.

use rl_core::{ActionSpace, EnvSpec, ObservationSpace};

/// How observations become inputs: vectors as they are, symbols one-hot, and
/// nothing at all as the one symbol that it is, a constant 1. Continuous actions
/// are counted in half-widths of their box from its middle, so that -1 and 1
/// are its ends: a network's first outputs are of that order.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    observation: ObservationSpace,
    action: ActionSpace,
}

impl Encoding {
    /// The encoding for an environment.
    pub fn new(spec: &EnvSpec) -> Self {
        Self {
            observation: spec.observation.clone(),
            action: spec.action.clone(),
        }
    }

    /// Inputs of a step.
    pub fn size(&self) -> usize {
        match self.observation {
            ObservationSpace::Vector { size } | ObservationSpace::Discrete { size } => size.max(1),
        }
    }

    /// Whether observations are symbols, one of which is all there is to see.
    pub fn is_symbol(&self) -> bool {
        !matches!(self.observation, ObservationSpace::Vector { size: 1.. })
    }

    /// The actions that the policy chooses from.
    pub fn action(&self) -> &ActionSpace {
        &self.action
    }

    /// Whether this is the encoding for an environment.
    ///
    /// # Errors
    /// What differs.
    pub fn fits(&self, spec: &EnvSpec) -> Result<(), String> {
        agent::expect_trained_on(&self.observation, &self.action, spec)
    }

    /// Encodes one observation into `[size]` inputs.
    pub fn write(&self, observation: &[f32], inputs: &mut [f32]) {
        match self.observation {
            ObservationSpace::Vector { size: 0 } => inputs.fill(1.0),
            ObservationSpace::Vector { .. } => inputs.copy_from_slice(observation),
            ObservationSpace::Discrete { .. } => {
                inputs.fill(0.0);
                inputs[observation[0] as usize] = 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::Trial;

    #[test]
    fn inputs_are_what_the_spaces_say() {
        let encoding = |observation| {
            Encoding::new(&EnvSpec {
                name: "toy".into(),
                observation,
                action: ActionSpace::Discrete { size: 2 },
                horizon: 1,
                trial: Trial::Episodes(1),
            })
        };
        let written = |observation, shown: &[f32]| {
            let encoding = encoding(observation);
            let mut inputs = vec![f32::NAN; encoding.size()];
            encoding.write(shown, &mut inputs);
            (inputs, encoding.is_symbol())
        };
        let vector = written(ObservationSpace::Vector { size: 2 }, &[3.0, 4.0]);
        assert_eq!(vector, (vec![3.0, 4.0], false));
        let symbol = written(ObservationSpace::Discrete { size: 3 }, &[1.0]);
        assert_eq!(symbol, (vec![0.0, 1.0, 0.0], true));
        let nothing = written(ObservationSpace::Vector { size: 0 }, &[]);
        assert_eq!(nothing, (vec![1.0], true));
    }
}
