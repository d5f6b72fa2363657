//! What rules earn, exactly.

use crate::combined::actions;
use crate::mixture::add;
use crate::qmdp::choose;
use crate::rule::ByPosterior;
use crate::sampling::certain;
use rl_core::{EnvFactory, EnvSpec, Information, KnownTasks, Trial};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The expected reward of every step of a trial under a rule that combines the
/// environment's [`experts`](crate::experts): their sum is the expected return.
/// `[trial_steps]`
///
/// All that a trial can come to is followed step by step, with how probable it is. What
/// chance decides, of the rule as of the task, divides the probability instead of being
/// drawn. Trials that come to the same are counted together, so that it does not take
/// one walk for each task: until something tells tasks apart, all of them are the same
/// trial.
///
/// # Errors
/// If the environment does not know its tasks, or a trial may come to too much: why, as
/// a clause.
pub fn exact_rewards(rule: ByPosterior, env: &dyn EnvFactory) -> Result<Vec<f64>, String> {
    exact_rewards_of(rule, env.known_tasks()?.as_ref(), env.spec())
}

/// The same by policies of tasks that are others than the environment's own:
/// [`KnownTasks::act`] and [`KnownTasks::action_values`] are what is combined.
///
/// # Errors
/// If a trial is not worked out, or may come to too much: why, as a clause.
pub fn exact_rewards_of(
    rule: ByPosterior,
    tasks: &dyn KnownTasks,
    spec: &EnvSpec,
) -> Result<Vec<f64>, String> {
    let Trial::Episodes(_) = spec.trial else {
        return Err("trials of a budget of steps are not worked out".into());
    };
    let actions = actions(spec)?;
    let mut walk = Walk {
        rule,
        tasks,
        horizon: spec.horizon as u32,
        posterior: vec![0.0; tasks.count()],
        advice: vec![0.0; tasks.states() * tasks.count() * actions],
        probabilities: vec![0.0; actions],
    };
    let mut layer = Layer::new(tasks.states());
    let begin = tasks.begin();
    layer.add((begin.evidence, 0), begin.state, 1.0);
    let mut rewards = Vec::with_capacity(spec.trial_steps());
    for step in 0..spec.trial_steps() as u32 {
        let (reward, next) = walk.step(step, &layer)?;
        rewards.push(reward);
        layer = next;
    }
    Ok(rewards)
}

/// What a trial has told, as [`Information::evidence`], and which expert acts, where
/// one does.
type Belief = (u64, u32);

/// All that trials have come to after as many steps, with how probable each is. Beliefs
/// are in the order of first sight, so that sums are always added in the same one.
struct Layer {
    states: usize,
    numbers: HashMap<Belief, u32, BuildHasherDefault<Mixed>>,
    beliefs: Vec<Belief>,
    probabilities: Vec<f64>, // [beliefs][states]
}

/// The most numbers of a layer: 512 MB.
const MOST: usize = 1 << 26;

impl Layer {
    fn new(states: usize) -> Self {
        Self {
            states,
            numbers: HashMap::default(),
            beliefs: Vec::new(),
            probabilities: Vec::new(),
        }
    }

    fn add(&mut self, belief: Belief, state: u32, probability: f64) {
        let new = self.beliefs.len() as u32;
        let number = *self.numbers.entry(belief).or_insert(new);
        if number == new {
            self.beliefs.push(belief);
            let states = self.probabilities.len() + self.states;
            self.probabilities.resize(states, 0.0);
        }
        self.probabilities[number as usize * self.states + state as usize] += probability;
    }
}

struct Walk<'a> {
    rule: ByPosterior,
    tasks: &'a dyn KnownTasks,
    horizon: u32,
    posterior: Vec<f64>, // [tasks]
    /// Of the step: what experts do, or for QMDP what actions are worth.
    advice: Vec<f64>, // [states][tasks][actions]
    probabilities: Vec<f64>, // [actions]
}

impl Walk<'_> {
    /// The expected reward of a step, and what trials have come to after it.
    fn step(&mut self, step: u32, layer: &Layer) -> Result<(f64, Layer), String> {
        self.advise(step);
        let (mut reward, mut next) = (0.0, Layer::new(layer.states));
        let rows = layer.probabilities.chunks_exact(layer.states);
        for (&(evidence, expert), row) in layer.beliefs.iter().zip(rows) {
            self.tasks.posterior(evidence, &mut self.posterior);
            let certain = match self.rule {
                ByPosterior::Held => None,
                _ => certain(&self.posterior).map(|task| task as u32),
            };
            let by_draw = matches!(self.rule, ByPosterior::Sampling | ByPosterior::Held);
            let draws = by_draw && step.is_multiple_of(self.horizon);
            let places = (0..)
                .zip(row)
                .filter(|(_, probability)| **probability > 0.0);
            for (state, probability) in places {
                let known = Information {
                    step,
                    state,
                    evidence,
                };
                let experts = match (certain, draws) {
                    (None, true) => 0..self.posterior.len() as u32,
                    _ => certain.map_or(expert..expert + 1, |task| task..task + 1),
                };
                for expert in experts.clone() {
                    let drawn = match experts.len() {
                        1 => 1.0,
                        _ => self.posterior[expert as usize],
                    };
                    if drawn > 0.0 {
                        let weight = probability * drawn;
                        reward += self.act((known, expert), weight, &mut next);
                    }
                }
            }
            if next.probabilities.len() > MOST {
                let (beliefs, step) = (next.beliefs.len(), step + 1);
                return Err(format!(
                    "after step {step} a trial may have come to more than {beliefs} beliefs, \
                     which is too much memory"
                ));
            }
        }
        Ok((reward, next))
    }

    /// Asks for the advice of a step.
    fn advise(&mut self, step: u32) {
        let (tasks, actions) = (self.posterior.len(), self.probabilities.len());
        for (place, advice) in self.advice.chunks_exact_mut(actions).enumerate() {
            let known = Information {
                step,
                state: (place / tasks) as u32,
                evidence: 0,
            };
            match self.rule {
                ByPosterior::Sampling | ByPosterior::Held | ByPosterior::Mixture => {
                    self.tasks.act(known, place % tasks, advice);
                }
                ByPosterior::Qmdp => self.tasks.action_values(known, place % tasks, advice),
            }
        }
    }

    /// Follows all that the rule may do, and what that may lead to; returns the reward.
    fn act(&mut self, (known, expert): (Information, u32), weight: f64, next: &mut Layer) -> f64 {
        let (tasks, actions) = (self.posterior.len(), self.probabilities.len());
        let own = known.state as usize * tasks * actions;
        let mut advice = self.advice[own..own + tasks * actions].chunks_exact(actions);
        match self.rule {
            ByPosterior::Sampling | ByPosterior::Held => {
                let advice = advice.nth(expert as usize).unwrap_or_default();
                self.probabilities.copy_from_slice(advice);
            }
            ByPosterior::Mixture | ByPosterior::Qmdp => {
                self.probabilities.fill(0.0);
                let tasks = self.posterior.iter().zip(advice);
                for (weight, advice) in tasks.filter(|(weight, _)| **weight > 0.0) {
                    add(*weight, advice.iter().copied(), &mut self.probabilities);
                }
                if self.rule == ByPosterior::Qmdp {
                    choose(&mut self.probabilities);
                }
            }
        }
        let mut expected = 0.0;
        for (action, chosen) in (0..).zip(&self.probabilities).filter(|(_, p)| **p > 0.0) {
            self.tasks.rewards(known, action, &mut |paid, reward| {
                let weight = weight * chosen * paid;
                expected += weight * reward;
                let after = self.tasks.after(known, action, reward as f32);
                // With the next episode another one is drawn, whoever acted.
                let ends = after.step.is_multiple_of(self.horizon);
                let expert = if ends { 0 } else { expert };
                next.add((after.evidence, expert), after.state, weight);
            });
        }
        expected
    }
}

/// A hash of few numbers that is the same in every run.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        // By the golden ratio, as Knuth's multiplicative hash.
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
