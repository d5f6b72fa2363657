//! What the agent is told at a step.

use nets::Arms;
use rl_core::{
    ActionSpace, Actions, EnvFactory, EnvSpec, LastSeen, Noise, ObservationSpace, Outcome, Row,
    StatisticsFactory, Telling, TimeLeft,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What an agent can be told at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// How much is left of the trial and of the episode ([`TimeLeft`]).
    TimeLeft,
    /// What the environment makes of the trial's rows
    /// ([`EnvFactory::statistics`]).
    Statistics,
    /// Where an episode begins, what the one before was cut off with, which the observation no
    /// longer shows ([`LastSeen`]).
    Arrival,
    /// A number that is drawn with every episode, which agents that draw once an episode
    /// make their draws of ([`Noise`]).
    Noise,
}

impl Input {
    /// What an agent needs that remembers the rest.
    pub const USUAL: [Self; 4] = [Self::Observation, Self::Action, Self::Reward, Self::Outcome];
}

/// Numbers of [`Input::TimeLeft`].
const TIME_LEFT: usize = 2;

/// The environment as an agent with these inputs is told of it.
///
/// # Errors
/// If it keeps no statistics and they are asked for: what there is instead.
pub fn telling(env: Arc<dyn EnvFactory>, inputs: &[Input]) -> Result<Arc<dyn EnvFactory>, String> {
    let mut known = Vec::new();
    for input in inputs {
        if known.contains(input) {
            return Err(format!("{input:?} is listed twice; list each input once"));
        }
        known.push(*input);
    }
    let mut parts: Vec<Arc<dyn StatisticsFactory>> = Vec::new();
    if inputs.contains(&Input::TimeLeft) {
        parts.push(Arc::new(TimeLeft::new(env.spec())));
    }
    if inputs.contains(&Input::Statistics) {
        let missing = || {
            let name = &env.spec().name;
            format!(
                "\"statistics\": environment '{name}' makes none of its trials as it is set; allowed: \
                 \"observation\", \"action\", \"reward\", \"outcome\", \"time-left\" and \"arrival\""
            )
        };
        parts.push(env.statistics().ok_or_else(missing)?);
    }
    if inputs.contains(&Input::Arrival) {
        parts.push(Arc::new(LastSeen::new(env.spec())));
    }
    if inputs.contains(&Input::Noise) {
        parts.push(Arc::new(Noise));
    }
    Ok(match parts.is_empty() {
        true => env,
        false => Arc::new(Telling::new(env, parts)),
    })
}

/// The layout of an input vector: observation, what else the environment tells
/// (time left, statistics, arrival, noise), previous action, previous reward, and a flag that is 1
/// where an episode begins.
///
/// Symbols and discrete actions are one-hot. At a trial's start the previous
/// action and reward are 0, since they were another life's; at a later
/// episode's start they are what ended the episode before.
#[derive(Clone, Debug)]
pub struct Inputs {
    observation: ObservationSpace,
    action: ActionSpace,
    inputs: Vec<Input>,
    /// Numbers that rows tell beside what is observed.
    told: usize,
    /// The longest trials that the agent's trunk can remember, where there is such.
    pub(crate) most_steps: Option<usize>,
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
    /// The layout for an environment that is [`telling`] of these inputs. Of the usual
    /// ones, those that are not among them are 0, and a symbol is always the first
    /// then.
    pub fn new(env: &dyn EnvFactory, inputs: &[Input]) -> Self {
        let spec = env.spec();
        Self {
            observation: spec.observation.clone(),
            action: spec.action.clone(),
            inputs: inputs.to_vec(),
            told: env.told(),
            most_steps: None,
        }
    }

    /// Where they tell of a bandit's arms, for an environment that is [`telling`] of
    /// them: they do with the time that is left and the statistics of arms.
    pub fn arms(&self, env: &dyn EnvFactory) -> Option<Arms> {
        let told = self.shows(Input::TimeLeft) && self.shows(Input::Statistics);
        let told = told && !self.is_continuous();
        let count = env.statistics().and_then(|statistics| statistics.arms());
        let count = count.filter(|count| told && *count == self.action_size())?;
        let time = self.observation_size();
        Some(Arms {
            count,
            time,
            statistics: time + TIME_LEFT,
            steps: env.spec().trial_steps(),
        })
    }

    /// Where [`Input::Noise`] is among the observation and what is told beside it, if it is
    /// told.
    pub fn noise(&self) -> Option<usize> {
        self.shows(Input::Noise).then(|| self.seen_size() - 1)
    }

    /// Numbers that rows tell beside what is observed.
    pub(crate) fn told_size(&self) -> usize {
        self.told
    }

    /// What the environment shows.
    pub fn observation_space(&self) -> &ObservationSpace {
        &self.observation
    }

    /// What the agent does.
    pub fn action_space(&self) -> &ActionSpace {
        &self.action
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
        self.observation_size() + self.told + self.action_size() + 2
    }

    /// Whether this is the layout for an environment.
    ///
    /// # Errors
    /// What differs.
    pub fn fits(&self, spec: &EnvSpec) -> Result<(), String> {
        expect_trained_on(&self.observation, &self.action, spec)?;
        match self.most_steps {
            Some(most) if spec.trial_steps() > most => Err(format!(
                "it has positions for the {most} steps of a trial that it was trained on, and trials \
                 have {} here",
                spec.trial_steps()
            )),
            _ => Ok(()),
        }
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
        self.inputs.contains(&input)
    }

    /// Numbers for the observation and what is told beside it.
    pub fn seen_size(&self) -> usize {
        self.observation_size() + self.told
    }

    /// Writes the observation of a lane and what is told beside it into zeros,
    /// `[seen_size]`.
    pub(crate) fn write_seen(&self, row: &Row<'_>, lane: usize, seen: &mut [f32]) {
        assert_eq!(row.told.len(), row.lanes * self.told, "what rows tell");
        let (seen, told) = seen.split_at_mut(self.observation_size());
        told.copy_from_slice(&row.told[lane * self.told..(lane + 1) * self.told]);
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
    }

    /// Writes one row of inputs, `[lanes][size]`.
    pub fn write(&self, row: &Row<'_>, inputs: &mut [f32]) {
        let size = self.size();
        assert_eq!(inputs.len(), row.lanes * size);
        inputs.fill(0.0);
        for (lane, input) in inputs.chunks_exact_mut(size).enumerate() {
            let (seen, rest) = input.split_at_mut(self.seen_size());
            self.write_seen(row, lane, seen);
            let (done, rest) = rest.split_at_mut(self.action_size());
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
        let layout = |inputs: &[Input]| Inputs {
            observation: spec.observation.clone(),
            action: spec.action.clone(),
            inputs: inputs.to_vec(),
            told: 0,
            most_steps: None,
        };
        let row = Row {
            lanes: 3,
            observation: &[1.0, 0.0, 1.0],
            start: &[true, false, false],
            previous_action: Actions::Discrete(&[2, 1, 2]),
            previous_reward: &[9.0, 0.5, -1.0],
            previous_outcome: &[Outcome::Continue, Outcome::Continue, Outcome::Truncated],
            told: &[],
            final_observation: None,
        };
        let mut inputs = vec![f32::NAN; 21];
        layout(&Input::USUAL).write(&row, &mut inputs);
        assert_eq!(inputs[..7], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(inputs[7..14], [1.0, 0.0, 0.0, 1.0, 0.0, 0.5, 0.0]);
        assert_eq!(inputs[14..], [0.0, 1.0, 0.0, 0.0, 1.0, -1.0, 1.0]);

        layout(&[]).write(&row, &mut inputs);
        assert_eq!(inputs[..7], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(inputs[..14], inputs[7..], "every lane alike");
    }
}
