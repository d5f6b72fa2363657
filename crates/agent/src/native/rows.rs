//! The agent's inputs as the kernels take them.

use crate::input::{Input, Inputs};
use kernels::{NO_ACTION, Observations};
use rl_core::{Actions, Outcome, Row};

/// Rows of [`Inputs`] in the kernels' structured form.
#[derive(Default)]
pub struct InputRows {
    dense: Vec<f32>,
    symbols: Vec<u32>,
    is_symbol: bool,
    previous_action: Vec<u32>,
    previous_reward: Vec<f32>,
    boundary: Vec<f32>,
    start: Vec<bool>,
    whole: Vec<f32>, // [lanes][inputs], of one row
}

impl InputRows {
    /// Bytes of a row of one lane, with the room in which rows are added one by one.
    pub fn bytes(inputs: &Inputs) -> f64 {
        let observation = match (inputs.is_continuous(), inputs.is_symbol()) {
            (true, _) => inputs.seen_size() + inputs.action_size(),
            (false, true) if inputs.told_size() == 0 => 1,
            (false, _) => inputs.seen_size(),
        };
        // With the previous action, its reward and the boundary; and the start.
        2.0 * (4.0 * (observation + 3) as f64 + 1.0)
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.dense.clear();
        self.symbols.clear();
        self.previous_action.clear();
        self.previous_reward.clear();
        self.boundary.clear();
        self.start.clear();
    }

    /// Adds a row.
    pub fn push(&mut self, inputs: &Inputs, row: &Row<'_>) {
        match row.previous_action {
            Actions::Discrete(actions) => self.push_discrete(inputs, row, actions),
            Actions::Box { .. } => self.push_whole(inputs, row),
        }
        self.start.extend_from_slice(row.start);
    }

    /// With continuous actions: the previous one is numbers beside the observation's.
    fn push_whole(&mut self, inputs: &Inputs, row: &Row<'_>) {
        let size = inputs.size();
        self.whole.resize(row.lanes * size, 0.0);
        inputs.write(row, &mut self.whole);
        for input in self.whole.chunks_exact(size) {
            let (seen, last) = input.split_at(size - 2);
            self.dense.extend_from_slice(seen);
            self.previous_action.push(NO_ACTION);
            self.previous_reward.push(last[0]);
            self.boundary.push(last[1]);
        }
    }

    fn push_discrete(&mut self, inputs: &Inputs, row: &Row<'_>, actions: &[u32]) {
        self.is_symbol = inputs.is_symbol() && inputs.told_size() == 0;
        let shown = if inputs.shows(Input::Observation) {
            1.0
        } else {
            0.0
        };
        let observation = row.observation.iter().map(|o| o * shown);
        match self.is_symbol {
            true => self.symbols.extend(observation.map(|o| o as u32)),
            false if inputs.told_size() == 0 => self.dense.extend(observation),
            false => {
                let (size, first) = (inputs.seen_size(), self.dense.len());
                self.dense.resize(first + row.lanes * size, 0.0);
                let lanes = self.dense[first..].chunks_exact_mut(size);
                lanes
                    .enumerate()
                    .for_each(|(lane, seen)| inputs.write_seen(row, lane, seen));
            }
        }
        let action_shown = inputs.shows(Input::Action);
        let acted = row.start.iter().zip(actions);
        self.previous_action
            .extend(acted.map(|(start, action)| match action_shown && !start {
                true => *action,
                false => NO_ACTION,
            }));
        let reward_shown = inputs.shows(Input::Reward);
        let paid = row.start.iter().zip(row.previous_reward);
        self.previous_reward
            .extend(paid.map(|(start, reward)| match reward_shown && !start {
                true => *reward,
                false => 0.0,
            }));
        let outcome_shown = inputs.shows(Input::Outcome);
        let ended = row.start.iter().zip(row.previous_outcome);
        self.boundary.extend(ended.map(|(start, outcome)| {
            let begins = *start || *outcome != Outcome::Continue;
            f32::from(u8::from(outcome_shown && begins))
        }));
    }

    /// All rows.
    pub fn inputs(&self) -> kernels::Inputs<'_> {
        kernels::Inputs {
            observations: match (self.is_symbol, self.dense.is_empty()) {
                (true, _) => Observations::OneHot(&self.symbols),
                (false, true) => Observations::None,
                (false, false) => Observations::Dense(&self.dense),
            },
            prev_action: &self.previous_action,
            prev_reward: &self.previous_reward,
            boundary: &self.boundary,
            reset: &self.start,
        }
    }

    /// All rows, as trials of so many lanes.
    pub fn trials(&self, lanes: usize) -> kernels::Trials<'_> {
        let inputs = self.inputs();
        kernels::Trials { lanes, inputs }
    }
}
