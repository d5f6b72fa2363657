//! Bandits that one meets again.

use crate::deck::{Cards, MOST_KINDS};
use crate::recurring_oracle::{self, Recollection, Worths};
use crate::recurring_regret;
use crate::tape::Tape;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Analysis, Discrete, EnvSpec, Environment, EnvironmentEntry, Episode, Exact,
    ExactValues, MEMORYLESS_OPTIMUM, ObservationSpace, Picture, PolicyFactory, Setting, SpecError,
    Step, Stream, TaskDistribution, Trial,
};

/// Bandits that are met several times in a trial, each with a cue by which it is known
/// again. There are `contexts` of them, and in each of them one arm is good, drawn
/// uniformly. Each is met `meetings` times for `pulls` pulls; in which order is drawn
/// uniformly, so that a bandit may follow itself. The cues, patterns of bits that all
/// differ, are drawn anew for every trial: they tell nothing of where the good arm is, and
/// who meets a bandit again knows that from the meetings before. A trial is one episode.
///
/// # Observations
/// The cue of the present bandit, `bits` numbers that are 1 or −1; then 1 at the first pull
/// of a meeting, else 0.
///
/// # Actions
/// The index of the arm to pull.
///
/// # Reward
/// 1 with probability `reward` from the good arm and 1 − `reward` from the others, else 0.
///
/// # Reference
/// Ritter et al. 2018, "Been There, Done That: Meta-Learning with Episodic Recall", section
/// 4.1: good arms pay with probability 0.9, 10 contexts of 10 pulls are met 10 times each.
/// With 5 arms ten pulls mostly tell which one is good, so that the best agent loses 4 % as
/// much in a second meeting as in a first one; with 10 arms it is 19 %.
/// There every arm is the good one of at least one context, by which one bandit would tell
/// a little of the others; here they have nothing to do with each other.
#[derive(Clone, Debug, PartialEq)]
pub struct RecurringBandit {
    pub(crate) size: RecurringSettings,
}

/// The numbers of a [`RecurringBandit`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RecurringSettings {
    /// [`RecurringBandit::CONTEXTS`].
    pub contexts: usize,
    /// [`RecurringBandit::MEETINGS`].
    pub meetings: usize,
    /// [`RecurringBandit::PULLS`].
    pub pulls: usize,
    /// [`RecurringBandit::ARMS`].
    pub arms: usize,
    /// [`RecurringBandit::BITS`].
    pub bits: usize,
    /// [`RecurringBandit::REWARD`].
    pub reward: f64,
}

impl RecurringSettings {
    /// Steps of a trial.
    fn steps(&self) -> usize {
        self.contexts * self.meetings * self.pulls
    }

    /// Pulls of one bandit.
    pub(crate) fn pulls_of_one(&self) -> usize {
        self.meetings * self.pulls
    }
}

const NAME: &str = "recurring-bandit";

impl RecurringBandit {
    /// Bandits of a trial.
    pub const CONTEXTS: Setting =
        Setting::count("contexts", 10, 1..=MOST_KINDS, "bandits of a trial");
    /// Times that each is met.
    pub const MEETINGS: Setting =
        Setting::count("meetings", 10, 1..=50, "times that each bandit is met");
    /// Pulls of a meeting.
    pub const PULLS: Setting = Setting::count("pulls", 10, 1..=100, "pulls of a meeting");
    /// Arms to choose from.
    pub const ARMS: Setting = Setting::count("arms", 5, 2..=100, "arms to choose from");
    /// Bits of a cue.
    pub const BITS: Setting = Setting::count(
        "bits",
        10,
        1..=32,
        "bits of a cue; at least so many that every bandit has one of its own",
    );
    /// Probability that the good arm pays.
    pub const REWARD: Setting = Setting::number(
        "reward",
        0.9,
        0.5..=1.0,
        "probability that the good arm pays; the others pay with the rest",
    );

    /// Bandits of this size.
    ///
    /// # Errors
    /// If a number is out of range, or there are fewer cues than bandits.
    pub fn new(size: RecurringSettings) -> Result<Self, SpecError> {
        Self::CONTEXTS.check(NAME, size.contexts)?;
        Self::MEETINGS.check(NAME, size.meetings)?;
        Self::PULLS.check(NAME, size.pulls)?;
        Self::ARMS.check(NAME, size.arms)?;
        Self::BITS.check(NAME, size.bits)?;
        Self::REWARD.check(NAME, size.reward)?;
        if size.contexts > 1 << size.bits {
            let (cues, contexts) = (1_u64 << size.bits, size.contexts);
            let allowed = format!("so many that their {cues} patterns are contexts = {contexts}");
            return Err(SpecError::new(NAME, "bits", size.bits, &allowed));
        }
        Ok(Self { size })
    }

    /// These bandits by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "bandits with cues, met again within a trial (Ritter et al. 2018)";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            Ok(Self::new(RecurringSettings {
                contexts: set.count("contexts")?,
                meetings: set.count("meetings")?,
                pulls: set.count("pulls")?,
                arms: set.count("arms")?,
                bits: set.count("bits")?,
                reward: set.number("reward")?,
            })?)
        })
        .setting(Self::CONTEXTS)
        .setting(Self::MEETINGS)
        .setting(Self::PULLS)
        .setting(Self::ARMS)
        .setting(Self::BITS)
        .setting(Self::REWARD)
    }
}

/// One task: the bandits of a trial and when they are met.
#[derive(Clone, Debug, Default)]
pub struct RecurringArms {
    size: RecurringSettings,
    bandits: Vec<Bandit>, // [contexts]
    order: Vec<u32>,      // [contexts × meetings]
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Bandit {
    cue: u64,
    good: u32,
}

impl RecurringArms {
    /// The bandit of a step, and whether it is met there.
    fn at(&self, step: usize) -> (&Bandit, bool) {
        let step = step.min(self.size.steps() - 1);
        let context = self.order[step / self.size.pulls];
        let meets = step.is_multiple_of(self.size.pulls);
        (&self.bandits[context as usize], meets)
    }
}

impl Environment for RecurringArms {
    /// Pulls so far.
    type State = usize;
    type Action = Discrete;

    fn reset(&self, state: &mut usize, _rng: &mut Stream) {
        *state = 0;
    }

    #[inline]
    fn step(&self, state: &mut usize, action: &u32, rng: &mut Stream) -> Step {
        let (bandit, _) = self.at(*state);
        *state += 1;
        let chance = match *action == bandit.good {
            true => self.size.reward,
            false => 1.0 - self.size.reward,
        };
        Step::proceed(f32::from(u8::from(rng.random::<f64>() < chance)))
    }

    #[inline]
    fn observe(&self, state: &usize, observation: &mut [f32]) {
        let (bandit, meets) = self.at(*state);
        let (cue, first) = observation.split_at_mut(self.size.bits);
        for (bit, number) in cue.iter_mut().enumerate() {
            *number = if bandit.cue >> bit & 1 == 1 {
                1.0
            } else {
                -1.0
            };
        }
        first[0] = f32::from(u8::from(meets));
    }

    /// The pull, and the good arm there.
    fn position(&self, state: &usize) -> [f32; 2] {
        Tape::position(*state, Some(self.at(*state).0.good))
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let tape = Tape {
            title: NAME,
            rows: self.size.arms,
            columns: self.size.steps(),
            meaning: "arms",
        };
        Some(tape.draw(episode))
    }
}

impl TaskDistribution for RecurringBandit {
    type Task = RecurringArms;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector {
                size: self.size.bits + 1,
            },
            action: ActionSpace::Discrete {
                size: self.size.arms,
            },
            horizon: self.size.steps(),
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut RecurringArms, rng: &mut Stream) {
        let size = self.size;
        task.size = size;
        task.bandits.clear();
        while task.bandits.len() < size.contexts {
            let cue = rng.random_range(0..1_u64 << size.bits);
            // Cues differ: one that is taken is drawn again.
            if task.bandits.iter().all(|other| other.cue != cue) {
                let good = rng.random_range(0..size.arms as u32);
                task.bandits.push(Bandit { cue, good });
            }
        }
        let meetings = Cards {
            kinds: size.contexts,
            copies: size.meetings,
        };
        task.order.clear();
        task.order
            .extend(meetings.shuffled(rng).map(|context| context as u32));
    }

    fn task_bytes(&self) -> f64 {
        let meetings = self.size.contexts * self.size.meetings;
        (self.size.contexts * size_of::<Bandit>() + 4 * meetings) as f64
    }

    fn solution_bytes(&self) -> f64 {
        let states = self.size.arms * (self.size.pulls_of_one() + 2);
        let of_steps = 8.0 * (2 * states + 2 * self.size.steps()) as f64;
        of_steps + Worths::bytes(&self.size)
    }

    /// Which bandit each meeting is with, and its good arm.
    fn description_size(&self) -> usize {
        2 * self.size.contexts * self.size.meetings
    }

    fn describe(&self, task: &RecurringArms, description: &mut [f32]) {
        for (context, numbers) in task.order.iter().zip(description.chunks_exact_mut(2)) {
            numbers[0] = *context as f32;
            numbers[1] = task.bandits[*context as usize].good as f32;
        }
    }

    /// The good arm, always.
    fn known_task_optimum(&self, _task: &RecurringArms) -> Option<f64> {
        Some(self.size.steps() as f64 * self.size.reward)
    }

    fn known_task_action(
        &self,
        task: &RecurringArms,
        (state, _left): (&usize, usize),
        probabilities: &mut [f32],
    ) -> bool {
        probabilities.fill(0.0);
        probabilities[task.at(*state).0.good as usize] = 1.0;
        true
    }

    /// Known task: see [`Self::known_task_optimum`]. Random: every arm alike.
    /// Bayes-optimal: see [`Self::bayes_optimal_policy`]; nothing that is done with one
    /// bandit tells of another, so that each is a bandit of its own with the pulls of all
    /// its meetings.
    fn exact_values(&self) -> ExactValues {
        let rewards = recurring_oracle::rewards(&self.size);
        let steps = self.size.steps() as f64;
        ExactValues {
            bayes_optimal: Exact::value(rewards.iter().sum()),
            known_task_optimum: Exact::value(steps * self.size.reward),
            random: Exact::value(steps * self.mean_reward()),
            bayes_optimal_rewards: Some(rewards),
        }
    }

    /// The memoryless optimum: a cue tells nothing of the good arm to who has not met it
    /// before, so that every arm is as good as any. And what the Bayes-optimal agent earns
    /// in its first and in its second meeting with a bandit.
    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        let memoryless = self.size.steps() as f64 * self.mean_reward();
        let meetings = self.bayes_optimal_meetings();
        let names = [
            "bayes_optimal_first_meeting",
            "bayes_optimal_second_meeting",
        ];
        let meetings = names.into_iter().zip(meetings);
        [(MEMORYLESS_OPTIMUM, memoryless)]
            .into_iter()
            .chain(meetings)
            .map(|(name, value)| (name, Exact::value(value)))
            .collect()
    }

    /// Pulls the arm that is most probably the good one, given all meetings with the
    /// present bandit. To explore for the sake of later pulls is of no use: with one good
    /// arm among others that are alike, the most probable arm is optimal for any number of
    /// pulls (Feldman 1962 for two arms, Rodman 1978 for more; the tests try all policies).
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Ok(Box::new(Recollection::new(self.spec(), self.size)))
    }

    fn analyses(&self) -> Vec<Analysis> {
        vec![recurring_regret::analysis(self)]
    }
}

impl RecurringBandit {
    /// Of all arms of a bandit.
    fn mean_reward(&self) -> f64 {
        let (arms, reward) = (self.size.arms as f64, self.size.reward);
        (reward + (arms - 1.0) * (1.0 - reward)) / arms
    }

    /// What the Bayes-optimal agent earns in its first, second, … meeting with a bandit.
    pub fn bayes_optimal_meetings(&self) -> Vec<f64> {
        let pulls = recurring_oracle::rewards_of_one(&self.size);
        let meetings = pulls.chunks(self.size.pulls);
        meetings.map(|meeting| meeting.iter().sum()).collect()
    }
}
