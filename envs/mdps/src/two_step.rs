//! The two-step task: is a reward credited to the action or to the state?

use crate::graph::{self, Arrow, SIDE};
use crate::stay_picture;
use crate::two_step_oracle::{self, BayesOptimal};
use crate::two_step_switching::{self, Chances, Filter};
use rl_core::rand::{RngExt as _, SeedableRng as _};
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, Exact, ExactValues, ObservationSpace, Trial,
};
use rl_core::{
    Analysis, EnvironmentEntry, Episode, Ink, Picture, PolicyFactory, Setting, SpecError, Step,
    Stream, TaskDistribution,
};

/// The two-step task. A round has two steps and is an episode of its own (but
/// see [`Self::switching`]). In
/// the first stage the agent chooses between two actions; action 0 leads to
/// the second-stage state 1 with probability `common` (0.8 in the reference)
/// and to state 2 otherwise, action 1 the other way round. In the second stage
/// either action has the same effect: it collects the reward of the state,
/// which is paid with probability `reward` (0.9) in the better state and
/// 1 − `reward` in the other. Which state is the better one is drawn by the
/// toss of a coin for every task, and stays so for the `rounds` rounds of the
/// trial, unless it is made to switch.
///
/// What the task shows is in [`StayProbability`](crate::StayProbability): an
/// agent that credits the second-stage state stays with its first choice after
/// a reward that followed a common transition, and leaves it after one that
/// followed a rare transition; an agent that credits the action stays after
/// any reward.
///
/// # Observations
/// 0 in the first stage, 1 or 2 in the second.
///
/// # Actions
/// 0 and 1.
///
/// # Reward
/// 0 in the first stage; 1 or 0 in the second.
///
/// # Reference
/// Daw et al. 2011, "Model-Based Influences on Humans' Choices and Striatal
/// Prediction Errors"; simplified, as here, by Wang et al. 2016, "Learning to
/// Reinforcement Learn", section 3.2. Reimplementations let the better state
/// switch within a trial, with probability 0.025 before a round; here it does so
/// only where that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoStep {
    rounds: usize,
    common: f64,
    reward: f64,
    switch: f64,
}

const NAME: &str = "two-step";

impl TwoStep {
    /// Rounds of a trial, two steps each.
    pub const ROUNDS: Setting = Setting::count(
        "rounds",
        100,
        1..=10_000,
        "rounds of a trial, two steps each",
    );
    /// Probability of the common transition.
    pub const COMMON: Setting = Setting::number(
        "common",
        0.8,
        0.5..=1.0,
        "probability of the common transition",
    );
    /// Probability that the better state pays.
    pub const REWARD: Setting = Setting::number(
        "reward",
        0.9,
        0.5..=1.0,
        "probability that the better state pays",
    );
    /// Probability that the better state switches before a round.
    pub const SWITCH: Setting = Setting::number(
        "switch",
        0.0,
        0.0..=1.0,
        "probability that the better state switches before a round; 0.025 in reimplementations",
    );

    /// Trials of so many [`ROUNDS`](Self::ROUNDS), with common transitions of
    /// probability [`COMMON`](Self::COMMON), and rewards in the better state of
    /// probability [`REWARD`](Self::REWARD).
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(rounds: usize, common: f64, reward: f64) -> Result<Self, SpecError> {
        Self::ROUNDS.check(NAME, rounds)?;
        Self::COMMON.check(NAME, common)?;
        Self::REWARD.check(NAME, reward)?;
        Ok(Self {
            rounds,
            common,
            reward,
            switch: 0.0,
        })
    }

    /// Lets the better state become the other one before every round but the
    /// first with probability [`SWITCH`](Self::SWITCH), at rounds that belong to
    /// the task. What changes within a trial has to outlast a round: with switches
    /// a trial is one episode of twice as many steps as there are rounds.
    ///
    /// # Errors
    /// If the probability is out of range.
    pub fn switching(self, switch: f64) -> Result<Self, SpecError> {
        Self::SWITCH.check(NAME, switch)?;
        Ok(Self { switch, ..self })
    }

    /// These tasks by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "the two-step task of Daw et al. 2011, as in Wang et al. 2016";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (common, reward) = (set.number("common")?, set.number("reward")?);
            let fixed = Self::new(set.count("rounds")?, common, reward)?;
            Ok(fixed.switching(set.number("switch")?)?)
        })
        .setting(Self::ROUNDS)
        .setting(Self::COMMON)
        .setting(Self::REWARD)
        .setting(Self::SWITCH)
    }

    fn switches(&self) -> bool {
        self.switch > 0.0
    }

    fn chances(&self) -> Chances {
        Chances {
            common: self.common,
            reward: self.reward,
            switch: self.switch,
        }
    }

    fn known(&self) -> f64 {
        self.rounds as f64 * two_step_oracle::good_choice(self.common, self.reward)
    }
}

/// One task: which second-stage state is the better one, and when it switches.
#[derive(Clone, Debug, Default)]
pub struct TwoStepTask {
    common: f64,
    reward: f64,
    better: u8,
    switch: f64,
    /// Of the switches, which are not stored but made anew by who follows them.
    seed: u64,
}

/// Where an agent is in a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// What is observed.
    pub stage: u8,
    /// The better state now.
    better: u8,
    /// Rounds of the episode that have ended.
    ended: u32,
}

impl TwoStepTask {
    /// The better second-stage state in the first round, 1 or 2.
    pub fn better(&self) -> u8 {
        self.better
    }

    /// The better state of the round after `ended` others, given that before.
    fn next(&self, better: u8, ended: u32) -> u8 {
        let seed = self.seed.wrapping_add(u64::from(ended));
        let switches = Stream::seed_from_u64(seed).random::<f64>() < self.switch;
        if switches { 3 - better } else { better }
    }

    /// The better state of every round.
    fn path(&self) -> impl Iterator<Item = u8> {
        let next = |(better, ended): &(u8, u32)| Some((self.next(*better, ended + 1), ended + 1));
        std::iter::successors(Some((self.better, 0)), next).map(|(better, _)| better)
    }
}

impl Environment for TwoStepTask {
    type State = Round;
    type Action = Discrete;

    #[inline]
    fn reset(&self, state: &mut Round, _rng: &mut Stream) {
        *state = Round {
            stage: 0,
            better: self.better,
            ended: 0,
        };
    }

    #[inline]
    fn step(&self, state: &mut Round, action: &u32, rng: &mut Stream) -> Step {
        let u: f64 = rng.random();
        if state.stage == 0 {
            let common = u < self.common;
            state.stage = if common == (*action == 0) { 1 } else { 2 };
            return Step::proceed(0.0);
        }
        let chance = match state.stage == state.better {
            true => self.reward,
            false => 1.0 - self.reward,
        };
        let reward = f32::from(u8::from(u < chance));
        if self.switch == 0.0 {
            return Step::terminal(reward);
        }
        let ended = state.ended + 1;
        *state = Round {
            stage: 0,
            better: self.next(state.better, ended),
            ended,
        };
        Step::proceed(reward)
    }

    #[inline]
    fn observe(&self, state: &Round, observation: &mut [f32]) {
        observation[0] = f32::from(state.stage);
    }

    fn position(&self, state: &Round) -> [f32; 2] {
        graph::node(usize::from(state.stage), 3)
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let mut shapes = Vec::new();
        let chances = [self.common, 1.0 - self.common];
        // An episode with switches is many rounds, whose ways would lie over
        // one another.
        let one = episode.filter(|_| self.switch == 0.0);
        let first = one.and_then(|episode| episode.moments.first());
        for (action, to) in [(0, 1), (0, 2), (1, 2), (1, 1)] {
            let common = action + 1 == to;
            let went = first.is_some_and(|moment| {
                moment.action == [action as f32] && moment.position == graph::node(to, 3)
            });
            let ink = match (went, common) {
                (true, _) => Ink::Agent,
                (false, true) => Ink::Wall,
                (false, false) => Ink::Faint,
            };
            let chance = 100.0 * chances[usize::from(!common)];
            let words = format!("{action}: {chance:.0} %");
            let (from, track) = (0, usize::from(!common));
            let arrow = Arrow {
                from,
                to,
                track,
                ink,
                words,
            };
            graph::arrow(&mut shapes, 3, arrow);
        }
        for state in 0..3 {
            let ink = match state == usize::from(self.better) {
                true => Ink::Goal,
                false => Ink::Start,
            };
            graph::state(&mut shapes, (state, 3), ink);
        }
        let mut picture = Picture {
            title: NAME.into(),
            width: SIDE,
            height: SIDE,
            shapes,
            caption: format!(
                "An arrow is a transition by an action, with its probability. Green: the better \
                 state, which pays with {:.0} %; the other one pays with {:.0} %.",
                100.0 * self.reward,
                100.0 * (1.0 - self.reward)
            ),
        };
        if self.switch > 0.0 {
            let switch = 100.0 * self.switch;
            picture.caption +=
                &format!(" They are so in the first round, and switch with {switch:.1} %.");
        }
        if let Some(episode) = one {
            picture.title += &format!(", round {}", episode.number + 1);
            let paid = episode.total_reward();
            picture.caption += &format!(" Blue: where the agent went, which paid {paid:.0}.");
        }
        Some(picture)
    }
}

impl TaskDistribution for TwoStep {
    type Task = TwoStepTask;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Discrete { size: 3 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: if self.switches() { 2 * self.rounds } else { 2 },
            trial: Trial::Episodes(if self.switches() { 1 } else { self.rounds }),
        }
    }

    fn sample(&self, task: &mut TwoStepTask, rng: &mut Stream) {
        self.select(task, u64::from(rng.random::<bool>()));
        if self.switches() {
            (task.switch, task.seed) = (self.switch, rng.random());
        }
    }

    fn tasks(&self) -> Option<u64> {
        (!self.switches()).then_some(2)
    }

    fn select(&self, task: &mut TwoStepTask, number: u64) {
        *task = TwoStepTask {
            common: self.common,
            reward: self.reward,
            better: 1 + number as u8,
            ..TwoStepTask::default()
        };
    }

    /// 1 where state 2 is the better one, else 0: once, or round by round if it
    /// switches.
    fn description_size(&self) -> usize {
        if self.switches() { self.rounds } else { 1 }
    }

    fn describe(&self, task: &TwoStepTask, description: &mut [f32]) {
        for (number, better) in description.iter_mut().zip(task.path()) {
            *number = f32::from(better - 1);
        }
    }

    /// What commonly leads to the better state of the round; either in the second stage.
    fn known_task_action(
        &self,
        _task: &TwoStepTask,
        (round, _): (&Round, usize),
        probabilities: &mut [f32],
    ) -> bool {
        // With even chances nothing is to be chosen.
        let open = round.stage == 0 && self.common > 0.5 && self.reward > 0.5;
        let better = usize::from(round.better) - 1;
        for (action, probability) in probabilities.iter_mut().enumerate() {
            *probability = match open {
                true => f32::from(u8::from(action == better)),
                false => 0.5,
            };
        }
        true
    }

    /// The same in all tasks: always the action that commonly leads to the
    /// better state.
    fn known_task_optimum(&self, _task: &TwoStepTask) -> Option<f64> {
        Some(self.known())
    }

    /// Random: both second-stage states half of the time, so that half of the
    /// rounds pay. Known task: see [`Self::known_task_optimum`]. Bayes-optimal:
    /// by dynamic programming, see [`Self::bayes_optimal_policy`]; with switches
    /// over all that few rounds can show.
    fn exact_values(&self) -> ExactValues {
        let rewards = match self.switches() {
            true => two_step_switching::rewards(self.rounds, self.chances()),
            false => Ok(two_step_oracle::rewards(
                self.rounds,
                self.common,
                self.reward,
            )),
        };
        ExactValues {
            bayes_optimal: match &rewards {
                Ok(_) if !self.switches() => Exact::value(two_step_oracle::value(
                    self.rounds,
                    self.common,
                    self.reward,
                )),
                Ok(rewards) => Exact::value(rewards.iter().sum()),
                Err(why) => Exact::unknown(why),
            },
            known_task_optimum: Exact::value(self.known()),
            random: Exact::value(self.rounds as f64 / 2.0),
            bayes_optimal_rewards: rewards.ok(),
        }
    }

    /// Takes the action that commonly leads to the state that is more probably
    /// the better one, action 0 if both are equally so. That is optimal: what
    /// a round tells of the better state does not depend on the action taken,
    /// so there is nothing to explore for.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Ok(match self.switches() {
            true => Box::new(Filter::new(self.spec(), self.chances())),
            false => Box::new(BayesOptimal {
                spec: self.spec(),
                common: self.common,
                reward: self.reward,
            }),
        })
    }

    fn analyses(&self) -> Vec<Analysis> {
        vec![stay_picture::analysis()]
    }
}
