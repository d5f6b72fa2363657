//! What most of these tasks have in common: a script of what is shown and asked, which
//! nothing that is done can change.

use crate::perfect_memory::PerfectMemory;
use crate::tape::Tape;
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, Episode, Exact, ExactValues, MEMORYLESS_OPTIMUM,
    ObservationSpace, Picture, PolicyFactory, SpecError, Step, Stream, TaskDistribution, Trial,
};
use std::fmt::Debug;

/// What an episode shows, drawn anew for each, and what it asks. At the steps that
/// [ask](Self::asks), one action is the right answer.
///
/// What is shown is a list of codes, one for each step, that observations are made of and
/// can be made into again: all that there is to remember.
pub trait Script: Copy + Debug + Default + Send + Sync + 'static {
    /// The registered name.
    const NAME: &'static str;

    /// What an agent sees.
    fn observation(&self) -> ObservationSpace;

    /// How many answers there are, each of them an action.
    fn answers(&self) -> usize;

    /// Steps of an episode.
    fn steps(&self) -> usize;

    /// Whether a step asks.
    fn asks(&self, step: usize) -> bool;

    /// Draws what an episode shows into a row of zeros. `[steps]`
    fn deal(&self, shown: &mut [u64], rng: &mut Stream);

    /// Writes what a step shows: a symbol, whose index the code is, unless a script says
    /// otherwise.
    fn show(&self, _step: usize, code: u64, observation: &mut [f32]) {
        observation[0] = code as f32;
    }

    /// The code that [`Self::show`] wrote.
    fn read(&self, observation: &[f32]) -> u64 {
        observation[0] as u64
    }

    /// The right answer in a step that asks, given all that was shown up to it. Where it
    /// is no action, all actions are wrong.
    fn recall(&self, shown: &[u64]) -> u32;

    /// How probable it is that the right answer is one of the actions.
    fn answerable(&self, _step: usize) -> f64 {
        1.0
    }

    /// How many right answers an agent gives per episode, in expectation, that always
    /// answers by the present observation, as well as that is possible. Since answers
    /// change nothing, the best one is the most probable one given what is seen, over all
    /// steps that show it.
    fn memoryless(&self) -> f64;
}

/// Tasks that follow a [`Script`]: all of them alike, for each episode draws what it shows.
/// Every question is worth the same, so that answers bring 1 in all where every one is
/// right, and −1 where none is. An episode ends with its last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recall<S> {
    script: S,
    episodes: usize,
}

impl<S: Script> Recall<S> {
    /// Trials of so many [`EPISODES`](crate::EPISODES).
    ///
    /// # Errors
    /// If they are none, or too many steps.
    pub(crate) fn new(script: S, episodes: usize) -> Result<Self, SpecError> {
        crate::EPISODES.check(S::NAME, episodes)?;
        let tasks = Self { script, episodes };
        tasks.spec().validate()?;
        Ok(tasks)
    }

    /// What a right answer brings, and a wrong one costs.
    fn prize(&self) -> f64 {
        let asked = (0..self.script.steps()).filter(|step| self.script.asks(*step));
        1.0 / asked.count() as f64
    }

    /// The expected rewards of an episode in which answers that can be right are so with
    /// probability `right`.
    fn rewards(&self, right: f64) -> impl Iterator<Item = f64> {
        let (script, prize) = (self.script, self.prize());
        (0..script.steps()).map(move |step| match script.asks(step) {
            true => prize * (2.0 * right * script.answerable(step) - 1.0),
            false => 0.0,
        })
    }

    fn optimum(&self) -> f64 {
        self.episodes as f64 * self.rewards(1.0).sum::<f64>()
    }
}

/// The one task of a [`Recall`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Recital<S> {
    script: S,
    prize: f32,
}

/// What an episode shows, and how far it is.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    codes: Vec<u64>, // [steps]
    step: usize,
}

impl Shown {
    /// All that was shown so far, and is now.
    fn so_far(&self) -> &[u64] {
        &self.codes[..=self.step.min(self.codes.len() - 1)]
    }
}

impl<S: Script> Recital<S> {
    /// The right answer to what is asked now.
    fn answer(&self, state: &Shown) -> Option<u32> {
        let asks = state.step < state.codes.len() && self.script.asks(state.step);
        asks.then(|| self.script.recall(state.so_far()))
    }
}

impl<S: Script> Environment for Recital<S> {
    type State = Shown;
    type Action = Discrete;

    #[inline]
    fn reset(&self, state: &mut Shown, rng: &mut Stream) {
        state.step = 0;
        state.codes.clear();
        state.codes.resize(self.script.steps(), 0);
        self.script.deal(&mut state.codes, rng);
    }

    #[inline]
    fn step(&self, state: &mut Shown, action: &u32, _rng: &mut Stream) -> Step {
        let reward = match self.answer(state) {
            Some(right) if right == *action => self.prize,
            Some(_) => -self.prize,
            None => 0.0,
        };
        state.step += 1;
        match state.step == state.codes.len() {
            true => Step::terminal(reward),
            false => Step::proceed(reward),
        }
    }

    #[inline]
    fn observe(&self, state: &Shown, observation: &mut [f32]) {
        let step = state.so_far().len() - 1;
        self.script.show(step, state.codes[step], observation);
    }

    /// The step, and the right answer where one is asked for.
    fn position(&self, state: &Shown) -> [f32; 2] {
        Tape::position(state.step, self.answer(state))
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let tape = Tape {
            title: S::NAME,
            rows: self.script.answers(),
            columns: self.script.steps(),
            meaning: "answers",
        };
        Some(tape.draw(episode))
    }
}

impl<S: Script> TaskDistribution for Recall<S> {
    type Task = Recital<S>;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: S::NAME.into(),
            observation: self.script.observation(),
            action: ActionSpace::Discrete {
                size: self.script.answers(),
            },
            horizon: self.script.steps(),
            trial: Trial::Episodes(self.episodes),
        }
    }

    fn sample(&self, task: &mut Recital<S>, _rng: &mut Stream) {
        (task.script, task.prize) = (self.script, self.prize() as f32);
    }

    fn task_bytes(&self) -> f64 {
        8.0 * self.script.steps() as f64
    }

    fn solution_bytes(&self) -> f64 {
        8.0 * self.spec().trial_steps() as f64
    }

    /// Of all tasks, in expectation over what is shown.
    fn known_task_optimum(&self, _task: &Recital<S>) -> Option<f64> {
        Some(self.optimum())
    }

    /// The right answer; where none is asked for, or none is right, any.
    fn known_task_action(
        &self,
        task: &Recital<S>,
        (state, _left): (&Shown, usize),
        probabilities: &mut [f32],
    ) -> bool {
        let answer = task.answer(state).map(|answer| answer as usize);
        match answer.filter(|answer| *answer < probabilities.len()) {
            Some(answer) => {
                probabilities.fill(0.0);
                probabilities[answer] = 1.0;
            }
            None => probabilities.fill(1.0 / probabilities.len() as f32),
        }
        true
    }

    /// Bayes-optimal and known task: all that is asked for was shown before, so that who
    /// forgets nothing answers right wherever that is possible. Random: as often right as
    /// there are answers.
    fn exact_values(&self) -> ExactValues {
        let random: f64 = self.rewards(1.0 / self.script.answers() as f64).sum();
        let episode: Vec<f64> = self.rewards(1.0).collect();
        ExactValues {
            bayes_optimal: Exact::value(self.optimum()),
            known_task_optimum: Exact::value(self.optimum()),
            random: Exact::value(self.episodes as f64 * random),
            bayes_optimal_rewards: Some(episode.repeat(self.episodes)),
        }
    }

    /// See [`Script::memoryless`].
    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        let episode = 2.0 * self.script.memoryless() * self.prize() - 1.0;
        let trial = self.episodes as f64 * episode;
        vec![(MEMORYLESS_OPTIMUM, Exact::value(trial))]
    }

    /// Remembers all that an episode has shown.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Ok(Box::new(PerfectMemory {
            spec: self.spec(),
            script: self.script,
            prize: self.prize(),
        }))
    }
}
