//! The exact solution of recurring bandits.

use crate::recurring_bandit::RecurringSettings;
use rl_core::{ActRow, Actions, EnvSpec, Policy, PolicyFactory, Row, Stream};

/// The expected rewards of the Bayes-optimal agent, pull by pull of one bandit.
///
/// A reward multiplies the odds of its arm by ρ = `reward` / (1 − `reward`), and none
/// divides them by it, so that an arm's probability goes as ρ to the power of its score:
/// rewards less failures. Who always pulls an arm of the highest score leaves it where it
/// falls below those not yet tried: some arms are one below, the others level, and the
/// one that is pulled a lead above them. Once all are one below they are level again. So
/// all that matters is how many are below, and the lead.
pub(crate) fn rewards_of_one(size: &RecurringSettings) -> Vec<f64> {
    let (arms, pulls, pays) = (size.arms, size.pulls_of_one(), size.reward);
    let odds = (1.0 - pays) / pays;
    let mut powers = vec![1.0; pulls + 2];
    for lead in 1..powers.len() {
        powers[lead] = powers[lead - 1] * odds;
    }
    let leads = pulls + 1;
    let mut chances = vec![0.0; arms * leads]; // [arms below][leads]
    chances[0] = 1.0;
    let mut rewards = Vec::with_capacity(pulls);
    for pull in 0..pulls {
        let mut next = vec![0.0; arms * leads];
        let mut expected = 0.0;
        for below in 0..arms {
            for lead in 0..=pull {
                let chance = chances[below * leads + lead];
                let level = (arms - below - 1) as f64;
                let others = level * powers[lead] + below as f64 * powers[lead + 1];
                let good = 1.0 / (1.0 + others);
                let pay = good * pays + (1.0 - good) * (1.0 - pays);
                expected += chance * pay;
                next[below * leads + lead + 1] += chance * pay;
                let failed = match lead {
                    0 => (below + 1) % arms * leads,
                    _ => below * leads + lead - 1,
                };
                next[failed] += chance * (1.0 - pay);
            }
        }
        chances = next;
        rewards.push(expected);
    }
    rewards
}

/// The same step by step of a trial, over the orders of its meetings. `[steps]`
pub(crate) fn rewards(size: &RecurringSettings) -> Vec<f64> {
    let of_one = rewards_of_one(size);
    let others = size.contexts * size.meetings - 1;
    // How probable it is that the bandit that is met was met so often before.
    let mut before = vec![0.0; size.meetings];
    before[0] = 1.0;
    let mut rewards = Vec::new();
    for place in 0..=others {
        rewards.extend((0..size.pulls).map(|pull| {
            let of_meeting = before.iter().enumerate();
            let of_meeting = of_meeting.map(|(met, p)| p * of_one[met * size.pulls + pull]);
            of_meeting.sum::<f64>()
        }));
        for met in (0..size.meetings).rev() {
            let again = |met: usize| (size.meetings - 1 - met) as f64 / (others - place) as f64;
            if place < others {
                before[met] *= 1.0 - again(met);
                before[met] += match met {
                    0 => 0.0,
                    _ => before[met - 1] * again(met - 1),
                };
            }
        }
    }
    rewards
}

/// Makes policies that remember the scores of all bandits of a trial.
pub(crate) struct Recollection {
    pub(crate) spec: EnvSpec,
    pub(crate) size: RecurringSettings,
}

impl PolicyFactory for Recollection {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        let (contexts, bits) = (self.size.contexts, self.size.bits);
        let memory = || Memory {
            cues: Vec::with_capacity(contexts),
            scores: Vec::with_capacity(contexts * self.size.arms),
            present: 0,
        };
        Ok(Box::new(Recollecting {
            arms: self.size.arms,
            bits,
            memories: std::iter::repeat_with(memory).take(lanes).collect(),
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        let memory = size_of::<Memory>() + self.size.contexts * (8 + 4 * self.size.arms);
        (lanes * memory) as f64
    }
}

/// What is remembered of a trial.
struct Memory {
    cues: Vec<u64>,   // [bandits met]
    scores: Vec<i32>, // [bandits met][arms]
    present: usize,
}

impl Memory {
    /// The scores of the bandit of a cue, which may be new.
    fn meet(&mut self, cue: u64, arms: usize) {
        let known = self.cues.iter().position(|other| *other == cue);
        self.present = known.unwrap_or_else(|| {
            self.cues.push(cue);
            self.scores.resize(self.cues.len() * arms, 0);
            self.cues.len() - 1
        });
    }
}

/// One of them at work.
struct Recollecting {
    arms: usize,
    bits: usize,
    memories: Vec<Memory>, // [lanes]
}

impl Policy for Recollecting {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let (Actions::Discrete(previous), Some(actions)) =
            (row.previous_action, out.action.discrete())
        else {
            return; // `make` has refused continuous actions.
        };
        let (arms, width) = (self.arms, self.bits + 1);
        for (lane, memory) in self.memories.iter_mut().enumerate() {
            if row.start[lane] {
                memory.cues.clear();
                memory.scores.clear();
            } else {
                let pulled = memory.present * arms + previous[lane] as usize;
                let paid = row.previous_reward[lane] > 0.5;
                memory.scores[pulled] += if paid { 1 } else { -1 };
            }
            let seen = row.observation[lane * width..].iter().take(self.bits);
            let cue = seen.enumerate().fold(0, |cue, (bit, number)| {
                cue | u64::from(*number > 0.0) << bit
            });
            memory.meet(cue, arms);
            let scores = &memory.scores[memory.present * arms..(memory.present + 1) * arms];
            let best = (0..arms).rev().max_by_key(|arm| scores[*arm]);
            actions[lane] = best.unwrap_or(0) as u32;
        }
    }
}

#[cfg(test)]
#[path = "recurring_oracle_tests.rs"]
mod tests;
