//! The numbers of a finite MDP, and what has to hold of them.

/// How far a row of probabilities may be from a sum of 1.
const TOLERANCE: f64 = 1e-9;
/// The largest number of states or actions: above it an `f32` cannot hold
/// every index.
const MOST: usize = 1 << 24;

/// What a reward scatters around its mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Noise {
    /// Nothing: every reward is its mean.
    #[default]
    None,
    /// A normal distribution.
    Gaussian {
        /// Its standard deviation.
        standard_deviation: f64,
    },
    /// The reward is 1 with the mean as its probability, else 0.
    Bernoulli,
}

/// The numbers of one finite MDP, in `f64` for exact planning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// How many states there are.
    pub states: usize,
    /// How many actions there are.
    pub actions: usize,
    /// P(s' | s, a). Rows of terminal states mean nothing.
    /// `[states][actions][states]`
    pub transition: Vec<f64>,
    /// E\[r | s, a\], but for what `transition_reward` adds. `[states][actions]`
    pub mean_reward: Vec<f64>,
    /// What the transition from s to s' by a adds to the mean reward; empty for
    /// nothing. `[states][actions][states]`
    pub transition_reward: Vec<f64>,
    /// What rewards scatter around their mean.
    pub noise: Noise,
    /// The probability that an episode starts in a state. `[states]`
    pub start: Vec<f64>,
    /// Whether an episode ends on entering a state. `[states]`
    pub terminal: Vec<bool>,
}

impl Model {
    /// A model of these sizes, as [`Self::clear`] leaves it.
    pub fn new(states: usize, actions: usize) -> Self {
        let mut model = Self::default();
        model.clear(states, actions);
        model
    }

    /// Makes it a model of these sizes without transitions, rewards, noise or
    /// terminal states, that starts in state 0; reuses memory.
    pub fn clear(&mut self, states: usize, actions: usize) {
        fn zeros(numbers: &mut Vec<f64>, length: usize) {
            numbers.clear();
            numbers.resize(length, 0.0);
        }
        (self.states, self.actions) = (states, actions);
        zeros(&mut self.transition, states * actions * states);
        zeros(&mut self.mean_reward, states * actions);
        self.transition_reward.clear();
        self.noise = Noise::None;
        zeros(&mut self.start, states);
        if let Some(first) = self.start.first_mut() {
            *first = 1.0;
        }
        self.terminal.clear();
        self.terminal.resize(states, false);
    }

    /// The place of a state and action's row in `[states][actions][states]`.
    fn span(&self, state: usize, action: usize) -> std::ops::Range<usize> {
        let row = state * self.actions + action;
        row * self.states..(row + 1) * self.states
    }

    /// P(· | s, a). `[states]`
    pub fn row(&self, state: usize, action: usize) -> &[f64] {
        &self.transition[self.span(state, action)]
    }

    /// P(· | s, a), to be written. `[states]`
    pub fn row_mut(&mut self, state: usize, action: usize) -> &mut [f64] {
        let span = self.span(state, action);
        &mut self.transition[span]
    }

    /// What transitions from a state by an action add to its mean reward,
    /// `None` where nothing is added. `[states]`
    pub(crate) fn transition_rewards(&self, state: usize, action: usize) -> Option<&[f64]> {
        self.transition_reward.get(self.span(state, action))
    }

    /// E\[r | s, a\], what the transitions add included.
    pub fn expected_reward(&self, state: usize, action: usize) -> f64 {
        let mean = self.mean_reward[state * self.actions + action];
        let Some(added) = self.transition_rewards(state, action) else {
            return mean;
        };
        let row = self.row(state, action).iter();
        mean + row.zip(added).map(|(p, r)| p * r).sum::<f64>()
    }

    /// The fewest steps in which each state can be reached from the start,
    /// `None` where it cannot. `[states]`
    pub fn distances(&self) -> Vec<Option<usize>> {
        let mut distances = vec![None; self.states];
        let starts = self.start.iter().enumerate();
        let mut open: Vec<usize> = starts.filter(|(_, p)| **p > 0.0).map(|(s, _)| s).collect();
        let mut steps = 0;
        while !open.is_empty() {
            for &state in &open {
                distances[state] = Some(steps);
            }
            let mut reached = vec![false; self.states];
            for &state in open.iter().filter(|state| !self.terminal[**state]) {
                for action in 0..self.actions {
                    let row = self.row(state, action).iter().zip(&mut reached);
                    row.for_each(|(p, reached)| *reached |= *p > 0.0);
                }
            }
            let new = |state: &usize| reached[*state] && distances[*state].is_none();
            open = (0..self.states).filter(new).collect();
            steps += 1;
        }
        distances
    }

    /// Checks that the numbers are those of an MDP.
    ///
    /// # Errors
    /// Names the first place where they are not, what is there, and what is
    /// allowed.
    pub fn validate(&self) -> Result<(), ModelError> {
        self.validate_sizes()?;
        for state in (0..self.states).filter(|state| !self.terminal[*state]) {
            for action in 0..self.actions {
                let place = || format!("transition of state {state}, action {action}");
                distribution(self.row(state, action), place)?;
                self.validate_rewards(state, action)?;
            }
        }
        distribution(&self.start, || "start".into())?;
        let starts = self.start.iter().zip(&self.terminal);
        if let Some(state) = { starts }.position(|(p, terminal)| *p > 0.0 && *terminal) {
            let probability = self.start[state].to_string();
            let allowed = "0, for the state is terminal; start elsewhere";
            return error(format!("start, state {state}"), probability, allowed);
        }
        match self.noise {
            Noise::Gaussian { standard_deviation }
                if !(0.0..=f64::from(f32::MAX)).contains(&standard_deviation) =>
            {
                let place = "noise.standard_deviation".into();
                error(place, standard_deviation.to_string(), "0 or more, finite")
            }
            _ => Ok(()),
        }
    }

    fn validate_sizes(&self) -> Result<(), ModelError> {
        for (place, size) in [("states", self.states), ("actions", self.actions)] {
            if !(1..=MOST).contains(&size) {
                return error(place.into(), size.to_string(), "1 to 16777216");
            }
        }
        let pairs = self.states * self.actions;
        let Some(triples) = pairs.checked_mul(self.states) else {
            let size = format!("{} × {0} × {}", self.states, self.actions);
            let allowed = "a product below 2^64; take fewer states or actions";
            return error("states × states × actions".into(), size, allowed);
        };
        let added = match self.transition_reward.len() {
            0 => 0,
            _ => triples,
        };
        let states = "one number per state";
        let cube = "states × actions × states numbers";
        for (place, length, wanted, allowed) in [
            ("transition", self.transition.len(), triples, cube),
            (
                "mean_reward",
                self.mean_reward.len(),
                pairs,
                "states × actions numbers",
            ),
            (
                "transition_reward",
                self.transition_reward.len(),
                added,
                "none, or states × actions × states numbers",
            ),
            ("start", self.start.len(), self.states, states),
            ("terminal", self.terminal.len(), self.states, states),
        ] {
            if length != wanted {
                let value = format!("{length} numbers, not {wanted}");
                return error(place.into(), value, allowed);
            }
        }
        Ok(())
    }

    fn validate_rewards(&self, state: usize, action: usize) -> Result<(), ModelError> {
        let mean = self.mean_reward[state * self.actions + action];
        let added = self.transition_rewards(state, action).unwrap_or(&[0.0]);
        for reward in added.iter().map(|added| mean + added) {
            let (allowed, text) = match self.noise {
                Noise::Bernoulli => (
                    (0.0..=1.0).contains(&reward),
                    "0 to 1, for it is a probability",
                ),
                _ => ((reward as f32).is_finite(), "a finite 32-bit number"),
            };
            if !allowed {
                let place = format!("mean reward of state {state}, action {action}");
                return error(place, reward.to_string(), text);
            }
        }
        Ok(())
    }
}

fn distribution(row: &[f64], place: impl Fn() -> String) -> Result<(), ModelError> {
    if let Some(next) = row.iter().position(|p| !(0.0..=1.0).contains(p)) {
        let place = format!("{}, next state {next}", place());
        return error(place, row[next].to_string(), "a probability, 0 to 1");
    }
    let sum: f64 = row.iter().sum();
    if (sum - 1.0).abs() > TOLERANCE {
        let allowed = "a sum of 1 within 1e-9; divide the row by its sum";
        return error(place(), format!("a row with the sum {sum}"), allowed);
    }
    Ok(())
}

fn error(place: String, value: String, allowed: &'static str) -> Result<(), ModelError> {
    Err(ModelError {
        place,
        value,
        allowed,
    })
}

/// Numbers that are not those of an MDP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} is {value}; allowed: {allowed}")]
pub struct ModelError {
    /// The number at fault, with its state and action.
    pub place: String,
    /// What is there.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
