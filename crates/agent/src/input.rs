//! What the agent is told at a step.

use rl_core::{ActionSpace, Actions, EnvSpec, ObservationSpace, Outcome, Row};
use serde::{Deserialize, Serialize};

/// What a step of the agent's input can tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// What the environment shows.
    Observation,
    /// What the agent did last.
    Action,
    /// What that gave.
    Reward,
    /// Whether an episode begins.
    Outcome,
}

/// The layout of an input vector: observation, previous action, previous
/// reward, and a flag that is 1 where an episode begins.
///
/// Symbols and discrete actions are one-hot. At a trial's start the previous
/// action and reward are 0, since they were another life's; at a later
/// episode's start they are what ended the episode before.
#[derive(Clone, Debug)]
pub struct Inputs {
    observation: ObservationSpace,
    action: ActionSpace,
    withhold: Vec<Input>,
}

/// Refuses an environment of other spaces than an agent was trained on.
///
/// # Errors
/// What differs.
pub fn expect_trained_on(
    observation: &ObservationSpace,
    action: &ActionSpace,
    spec: &EnvSpec,
) -> Result<(), String> {
    if *observation != spec.observation {
        let other = &spec.observation;
        return Err(format!(
            "it was trained on observations {observation:?}, not {other:?}"
        ));
    }
    match *action == spec.action {
        true => Ok(()),
        false => Err(format!(
            "it was trained on actions {action:?}, not {:?}",
            spec.action
        )),
    }
}

impl Inputs {
    /// The layout for an environment. Inputs that are withheld are 0, and a
    /// withheld symbol is always the first.
    pub fn new(spec: &EnvSpec, withhold: &[Input]) -> Self {
        Self {
            observation: spec.observation.clone(),
            action: spec.action.clone(),
            withhold: withhold.to_vec(),
        }
    }

    /// What the environment shows.
    pub(crate) fn observation_space(&self) -> &ObservationSpace {
        &self.observation
    }

    /// Numbers for the observation.
    pub fn observation_size(&self) -> usize {
        match self.observation {
            ObservationSpace::Vector { size } | ObservationSpace::Discrete { size } => size,
        }
    }

    /// Numbers for the previous action.
    pub fn action_size(&self) -> usize {
        match &self.action {
            ActionSpace::Discrete { size } => *size,
            ActionSpace::Box { low, .. } => low.len(),
        }
    }

    /// Numbers in all.
    pub fn size(&self) -> usize {
        self.observation_size() + self.action_size() + 2
    }

    /// Whether this is the layout for an environment.
    ///
    /// # Errors
    /// What differs.
    pub fn fits(&self, spec: &EnvSpec) -> Result<(), String> {
        expect_trained_on(&self.observation, &self.action, spec)
    }

    /// Turns continuous actions, `[..][width]`, from the box's units into ones
    /// in which the box is [−1, 1]. Discrete ones are not touched.
    pub fn to_unit(&self, actions: &mut [f32]) {
        let rows = actions.chunks_exact_mut(self.action.width());
        rows.for_each(|action| self.action.to_unit(action));
    }

    /// The reverse of [`Self::to_unit`], up to rounding.
    pub fn from_unit(&self, actions: &mut [f32]) {
        let rows = actions.chunks_exact_mut(self.action.width());
        rows.for_each(|action| self.action.from_unit(action));
    }

    /// Whether actions are vectors of numbers.
    pub(crate) fn is_continuous(&self) -> bool {
        matches!(self.action, ActionSpace::Box { .. })
    }

    /// Whether observations are symbols.
    pub fn is_symbol(&self) -> bool {
        matches!(self.observation, ObservationSpace::Discrete { .. })
    }

    /// Whether the agent is told this.
    pub fn shows(&self, input: Input) -> bool {
        !self.withhold.contains(&input)
    }

    /// Writes one row of inputs, `[lanes][size]`.
    pub fn write(&self, row: &Row<'_>, inputs: &mut [f32]) {
        let size = self.size();
        assert_eq!(inputs.len(), row.lanes * size);
        inputs.fill(0.0);
        let (observation, action) = (self.observation_size(), self.action_size());
        for (lane, input) in inputs.chunks_exact_mut(size).enumerate() {
            let (seen, rest) = input.split_at_mut(observation);
            let (done, rest) = rest.split_at_mut(action);
            match (&self.observation, self.shows(Input::Observation)) {
                (ObservationSpace::Vector { size }, true) => {
                    seen.copy_from_slice(&row.observation[lane * size..(lane + 1) * size]);
                }
                (ObservationSpace::Vector { .. }, false) => {}
                (ObservationSpace::Discrete { .. }, true) => {
                    seen[row.observation[lane] as usize] = 1.0;
                }
                (ObservationSpace::Discrete { .. }, false) => seen[0] = 1.0,
            }
            let start = row.start[lane];
            if self.shows(Input::Action) && !start {
                match row.previous_action {
                    Actions::Discrete(actions) => done[actions[lane] as usize] = 1.0,
                    Actions::Box { width, row } => {
                        done.copy_from_slice(&row[lane * width..(lane + 1) * width]);
                        self.to_unit(done);
                        // What was done, not what was asked for.
                        done.iter_mut().for_each(|a| *a = a.clamp(-1.0, 1.0));
                    }
                }
            }
            if self.shows(Input::Reward) && !start {
                rest[0] = row.previous_reward[lane];
            }
            let begins = start || row.previous_outcome[lane] != Outcome::Continue;
            if self.shows(Input::Outcome) && begins {
                rest[1] = 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::Trial;

    #[test]
    fn inputs_are_what_the_layout_says() {
        let spec = EnvSpec {
            name: "toy".into(),
            observation: ObservationSpace::Discrete { size: 2 },
            action: ActionSpace::Discrete { size: 3 },
            horizon: 2,
            trial: Trial::Episodes(2),
        };
        let row = Row {
            lanes: 3,
            observation: &[1.0, 0.0, 1.0],
            start: &[true, false, false],
            previous_action: Actions::Discrete(&[2, 1, 2]),
            previous_reward: &[9.0, 0.5, -1.0],
            previous_outcome: &[Outcome::Continue, Outcome::Continue, Outcome::Truncated],
            final_observation: None,
        };
        let mut inputs = vec![f32::NAN; 21];
        Inputs::new(&spec, &[]).write(&row, &mut inputs);
        assert_eq!(inputs[..7], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(inputs[7..14], [1.0, 0.0, 0.0, 1.0, 0.0, 0.5, 0.0]);
        assert_eq!(inputs[14..], [0.0, 1.0, 0.0, 0.0, 1.0, -1.0, 1.0]);

        let all = [
            Input::Observation,
            Input::Action,
            Input::Reward,
            Input::Outcome,
        ];
        Inputs::new(&spec, &all).write(&row, &mut inputs);
        assert_eq!(inputs[..7], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(inputs[..14], inputs[7..], "every lane alike");
    }
}
