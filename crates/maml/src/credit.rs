//! From what happened to what is learned from it.

use crate::config::MamlConfig;
use crate::encoding::Encoding;
use crate::linear::{CutOff, LinearBaseline};
use crate::samples::{ActionRows, Samples};
use crate::value::ValueView;
use rl_core::{
    ActionSpace, Actions, AdvantageMoments, Credit, Gae, GaeInput, Link, Outcome, RewardSpread,
    Standardization, Trajectory, gae,
};
use std::ops::RangeInclusive;

/// How rollouts become samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Credits {
    /// Discount and trace decay. Credit ends with the episode.
    pub(crate) gae: Gae,
    /// Whether a truncated episode is bootstrapped from the value of its final
    /// observation.
    pub(crate) bootstrap: bool,
    /// Whether advantages get mean 0 and standard deviation 1.
    pub(crate) normalize: bool,
}

impl Credits {
    /// As configured.
    pub(crate) fn new(config: &MamlConfig) -> Self {
        Self {
            gae: config.gae,
            bootstrap: config.bootstrap,
            normalize: config.normalize_advantages,
        }
    }
}

/// What returns are compared with.
pub(crate) enum Values<'a> {
    /// Nothing.
    Zero,
    /// A baseline that is fitted to the rollout itself.
    Linear(&'a mut LinearBaseline),
    /// A network.
    Network(ValueView<'a>),
}

/// What belongs to the samples of one task's rollout. Its memory is used again
/// for the rollouts that follow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rollout {
    /// Step of its episode. `[samples]`
    pub(crate) steps: Vec<usize>,
    /// What the value of each sample is moved to: its advantage, not
    /// normalized, and its value. `[samples]`
    pub(crate) targets: Vec<f32>,
    /// Mean return of the trials.
    pub(crate) mean_return: f64,
    /// Discounted returns of all episodes over the number of samples: what a
    /// step earns, in the units of the policy loss.
    pub(crate) earned: f64,
    /// Standard deviation of the advantages before they were normalized, 0
    /// where they told nothing; 1 where they are not normalized.
    pub(crate) deviation: f64,
    /// Where each sample is in the trajectory. `[samples]`
    places: Vec<usize>,
    links: Vec<Link>,      // [steps][lanes]
    values: Vec<f32>,      // [steps][lanes]
    bootstrap: Vec<f32>,   // [steps][lanes]
    advantages: Vec<f32>,  // [steps][lanes]
    final_input: Vec<f32>, // [inputs]
    last: Vec<f32>,        // [episodes that were cut off][inputs]
    zeros: Vec<f32>,       // [lanes]
    spread: RewardSpread,
}

impl Samples<f32> {
    /// Room for samples of a space of actions.
    pub fn empty(action: &ActionSpace) -> Self {
        Self {
            observations: Vec::new(),
            actions: match action {
                ActionSpace::Discrete { .. } => ActionRows::Index(Vec::new()),
                ActionSpace::Box { .. } => ActionRows::Vector(Vec::new()),
            },
            log_probs: Vec::new(),
            advantages: Vec::new(),
            loss: 0.0,
            decay: 1.0,
            episodes: Vec::new(),
        }
    }
}

impl Rollout {
    /// Reads what happened in the first trial of each lane; what follows in the
    /// lane is left out.
    pub(crate) fn fill(
        &mut self,
        trajectory: &Trajectory,
        (encoding, credits): (&Encoding, &Credits),
        mut values: Values<'_>,
        samples: &mut Samples<f32>,
    ) {
        self.gather(trajectory, encoding, samples);
        let discounted = self.discounted(trajectory, f64::from(credits.gae.gamma), samples);
        if let Values::Linear(baseline) = &mut values {
            self.fit(
                trajectory,
                (encoding, credits),
                baseline,
                (samples, &discounted),
            );
        }
        self.estimate(&mut values, (encoding.size(), &samples.observations));
        self.link(trajectory, credits.bootstrap);
        if credits.bootstrap {
            self.bootstrap(trajectory, encoding, &mut values);
        }
        let lanes = trajectory.lanes();
        self.advantages.resize(self.values.len(), 0.0);
        let returns = GaeInput {
            lanes,
            rewards: trajectory.rewards(),
            values: &self.values,
            // A rollout holds whole trials, so that no credit leaves it.
            next_values: &self.zeros,
            links: &self.links,
            bootstrap: &self.bootstrap,
        };
        gae(credits.gae, returns, &mut self.advantages);
        samples.loss = -self.earned as f32;
        samples.decay = f64::from(credits.gae.gamma * credits.gae.lambda);
        let worth = self.places.iter().map(|place| self.advantages[*place]);
        samples.advantages.clear();
        samples.advantages.extend(worth);
        let both = samples.advantages.iter().zip(&self.places);
        let target = both.map(|(advantage, place)| advantage + self.values[*place]);
        self.targets.clear();
        self.targets.extend(target);
        // A fit to the rewards at hand tells no more than they do.
        let tail = match values {
            Values::Network(_) => credits.gae.gamma,
            Values::Zero | Values::Linear(_) => 0.0,
        };
        self.deviation = 1.0;
        // One sample is compared with nothing, unless values are fitted to it.
        let alone = samples.len() == 1 && !matches!(values, Values::Linear(_));
        if credits.normalize || !alone {
            self.compare(trajectory, samples, tail);
            self.standardize(trajectory, samples, credits.normalize);
        }
    }

    /// Fits the baseline to the rollout.
    fn fit(
        &mut self,
        trajectory: &Trajectory,
        (encoding, credits): (&Encoding, &Credits),
        baseline: &mut LinearBaseline,
        (samples, discounted): (&Samples<f32>, &[f64]),
    ) {
        baseline.begin();
        let inputs = samples.observations.chunks_exact(encoding.size());
        for ((observation, step), target) in inputs.zip(&self.steps).zip(discounted) {
            baseline.add(observation, *step, *target);
        }
        let gamma = credits.gae.gamma;
        if credits.bootstrap && self.cut_off(trajectory, encoding, baseline, (samples, gamma)) {
            baseline.fit_cut_off(CutOff {
                last: &self.last,
                range: self.possible(trajectory, f64::from(gamma)),
            });
        } else {
            baseline.fit();
        }
    }

    /// Compares the rewards of all episodes. What bootstraps an episode is, `tail`
    /// times, part of its last one.
    fn compare(&mut self, trajectory: &Trajectory, samples: &Samples<f32>, tail: f32) {
        self.spread.clear();
        for episode in &samples.episodes {
            let places = self.places[episode.clone()].iter();
            // What bootstraps is 0 but where an episode is cut off.
            let told = |place: &usize| trajectory.rewards()[*place] + tail * self.bootstrap[*place];
            self.spread.push(places.map(told));
        }
    }

    /// Makes advantages 0 that rounding and the errors of values alone tell apart,
    /// which TRPO would follow as far as all others; brings others to mean 0
    /// and deviation 1 where they are to be normalized.
    fn standardize(
        &mut self,
        trajectory: &Trajectory,
        samples: &mut Samples<f32>,
        normalize: bool,
    ) {
        let size = |number: &f32| f64::from(number.abs());
        let numbers = [trajectory.rewards(), &self.values, &self.bootstrap];
        let seen = self
            .places
            .iter()
            .flat_map(|place| numbers.map(|row| size(&row[*place])));
        let own = samples.advantages.iter().map(size);
        let largest = seen.chain(own).fold(0.0, f64::max);
        let advantages = || samples.advantages.iter().map(|a| f64::from(*a));
        let count = samples.len() as f64;
        let mean = advantages().sum::<f64>() / count;
        let variance = advantages().map(|a| (a - mean).powi(2)).sum::<f64>() / count;
        let moments = AdvantageMoments {
            count,
            mean,
            deviation: variance.sqrt(),
            largest,
        };
        let told = Standardization::new(&moments, &self.spread);
        let silent = told.scale == 0.0;
        match (silent, normalize) {
            (true, _) => samples.advantages.fill(0.0),
            (false, false) => return,
            (false, true) => {
                for advantage in &mut samples.advantages {
                    *advantage = ((f64::from(*advantage) - told.shift) * told.scale) as f32;
                }
            }
        }
        if normalize {
            self.deviation = if silent { 0.0 } else { moments.deviation };
        }
    }

    /// Tells the baseline which episodes the time limit cut off; whether any was.
    fn cut_off(
        &mut self,
        trajectory: &Trajectory,
        encoding: &Encoding,
        baseline: &mut LinearBaseline,
        (samples, gamma): (&Samples<f32>, f32),
    ) -> bool {
        let (lanes, size) = (trajectory.lanes(), encoding.size());
        self.final_input.resize(size, 0.0);
        self.last.clear();
        let (mut lane, mut index) = (usize::MAX, 0);
        for episode in &samples.episodes {
            let place = self.places[episode.end - 1];
            if place % lanes != lane {
                (lane, index) = (place % lanes, 0);
            }
            if trajectory.outcomes()[place] == Outcome::Truncated {
                let last = trajectory.final_observation(lane, index);
                encoding.write(last, &mut self.final_input);
                index += 1;
                let seen = &samples.observations[episode.start * size..episode.end * size];
                baseline.cut_off(seen, &self.final_input, f64::from(gamma));
                self.last.extend_from_slice(&self.final_input);
            }
        }
        !self.last.is_empty()
    }

    /// What values can be, of rewards like those of the rollout: each of them
    /// forever or, where episodes end by themselves, once.
    fn possible(&self, trajectory: &Trajectory, gamma: f64) -> RangeInclusive<f64> {
        let rewards = self.places.iter();
        let rewards = rewards.map(|place| f64::from(trajectory.rewards()[*place]));
        let ends = |place: &usize| trajectory.outcomes()[*place] == Outcome::Terminated;
        let ends = self.places.iter().any(ends);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for reward in rewards {
            let forever = reward / (1.0 - gamma);
            let once = if ends { reward } else { forever };
            least = least.min(forever).min(once);
            most = most.max(forever).max(once);
        }
        least..=most
    }

    /// Copies the samples, trial after trial.
    fn gather(&mut self, trajectory: &Trajectory, encoding: &Encoding, samples: &mut Samples<f32>) {
        let (lanes, width) = (trajectory.lanes(), trajectory.observation_width());
        samples.observations.clear();
        samples.log_probs.clear();
        samples.episodes.clear();
        self.steps.clear();
        self.places.clear();
        for lane in 0..lanes {
            let mut begin = self.places.len();
            for t in 0..trajectory.lengths()[lane] {
                let place = t * lanes + lane;
                self.steps.push(self.places.len() - begin);
                self.places.push(place);
                if trajectory.outcomes()[place] != Outcome::Continue {
                    samples.episodes.push(begin..self.places.len());
                    begin = self.places.len();
                }
            }
        }
        let size = encoding.size();
        samples.observations.resize(self.places.len() * size, 0.0);
        let inputs = samples.observations.chunks_exact_mut(size);
        for (place, inputs) in self.places.iter().zip(inputs) {
            let shown = &trajectory.observations()[place * width..(place + 1) * width];
            encoding.write(shown, inputs);
        }
        let log_probs = self.places.iter().map(|p| trajectory.log_probs()[*p]);
        samples.log_probs.extend(log_probs);
        match (&mut samples.actions, trajectory.actions()) {
            (ActionRows::Index(rows), Actions::Discrete(done)) => {
                rows.clear();
                rows.extend(self.places.iter().map(|place| done[*place]));
            }
            (ActionRows::Vector(rows), Actions::Box { width, row }) => {
                rows.clear();
                let done = |place: &usize| &row[place * width..(place + 1) * width];
                rows.extend(self.places.iter().flat_map(done));
                let actions = rows.chunks_exact_mut(width);
                actions.for_each(|action| encoding.action().to_unit(action));
            }
            _ => panic!("actions of the kind that the encoding was made for"),
        }
    }

    /// Discounted returns to the end of each episode, `[samples]`; notes the
    /// means of the whole rollout.
    fn discounted(
        &mut self,
        trajectory: &Trajectory,
        gamma: f64,
        samples: &Samples<f32>,
    ) -> Vec<f64> {
        let reward = |place: &usize| f64::from(trajectory.rewards()[*place]);
        let mut returns: Vec<f64> = self.places.iter().map(reward).collect();
        self.mean_return = returns.iter().sum::<f64>() / trajectory.lanes() as f64;
        let mut total = 0.0;
        for episode in &samples.episodes {
            let mut later = 0.0;
            for now in returns[episode.clone()].iter_mut().rev() {
                later = *now + gamma * later;
                *now = later;
            }
            total += later;
        }
        self.earned = total / returns.len() as f64;
        returns
    }

    /// Writes the value of each sample, 0 elsewhere.
    fn estimate(&mut self, values: &mut Values<'_>, (size, inputs): (usize, &[f32])) {
        self.values.clear();
        let room = self.places.iter().max().map_or(0, |last| last + 1);
        self.values.resize(room, 0.0);
        match values {
            Values::Zero => {}
            Values::Linear(baseline) => {
                let rows = inputs.chunks_exact(size).zip(&self.steps);
                for ((observation, step), place) in rows.zip(&self.places) {
                    self.values[*place] = baseline.value(observation, *step) as f32;
                }
            }
            Values::Network(network) => {
                let estimates = network.values(inputs, &self.steps);
                for (place, value) in self.places.iter().zip(estimates) {
                    self.values[*place] = *value;
                }
            }
        }
    }

    fn link(&mut self, trajectory: &Trajectory, bootstrap: bool) {
        let (lanes, size) = (trajectory.lanes(), trajectory.rewards().len());
        self.values.resize(size, 0.0);
        self.bootstrap.clear();
        self.bootstrap.resize(size, 0.0);
        self.zeros.resize(lanes, 0.0);
        let ends = trajectory.outcomes().iter().zip(trajectory.trial_ends());
        let link = |(outcome, end): (&Outcome, &bool)| match (outcome, bootstrap) {
            (Outcome::Truncated, false) => Link::End,
            _ => Link::of(Credit::Episode, *outcome, *end),
        };
        self.links.clear();
        self.links.extend(ends.map(link));
    }

    /// Writes the value of the final observation of each truncated episode.
    fn bootstrap(&mut self, trajectory: &Trajectory, encoding: &Encoding, values: &mut Values<'_>) {
        let lanes = trajectory.lanes();
        self.final_input.resize(encoding.size(), 0.0);
        for lane in 0..lanes {
            let (mut index, mut step) = (0, 0);
            for t in 0..trajectory.lengths()[lane] {
                let place = t * lanes + lane;
                step += 1;
                if trajectory.outcomes()[place] == Outcome::Truncated {
                    let last = trajectory.final_observation(lane, index);
                    encoding.write(last, &mut self.final_input);
                    index += 1;
                    self.bootstrap[place] = match values {
                        Values::Zero => 0.0,
                        Values::Linear(baseline) => baseline.value(&self.final_input, step) as f32,
                        Values::Network(network) => network.values(&self.final_input, &[step])[0],
                    };
                }
                if trajectory.outcomes()[place] != Outcome::Continue {
                    step = 0;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "credit_tests.rs"]
mod tests;
