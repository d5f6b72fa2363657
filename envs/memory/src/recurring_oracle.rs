//! The exact solution of recurring bandits.

use crate::recurring_bandit::RecurringSettings;
use rl_core::{ActRow, Actions, EnvSpec, Policy, PolicyFactory, Row, Stream, into_advantages};
use std::sync::Arc;

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

/// Probabilities below this change no number of pulls that there may be.
const RARE: f64 = 1e-20;

/// What the arms of one bandit are worth after any of its pulls, whoever chose them.
///
/// Who pulls the arm of the highest score, of several the first, brings the arms down in
/// turn: each until it falls below those before it in order, or level with those after it.
/// Once the good arm is j below where it was, the others have come down by D(j) in all. An
/// arm that is not good comes down by one in the time T(1) in which a walk that falls with
/// probability `reward` does; the good one does so in the same time with ρ⁻¹ times the
/// probability, and else never. So the descents, D(j) + j of them, end at pull n with
/// probability ρ⁻ʲ P(T(D(j) + j) = n), and of the pulls that are left the good arm has
///
/// Σⱼ ρ⁻ʲ W(D(j) + j) − ρ⁻⁽ʲ⁺¹⁾ W(D(j) + j + 1), W(k) = E[(left − T(k))⁺].
pub(crate) struct Worths {
    arms: usize,
    pays: f64,
    /// ρ⁻ʲ. `[pulls of one + 1]`
    powers: Vec<f64>,
    /// W(k) with so many pulls left, from k = 0 to that number. `[left][k]`, packed
    left: Vec<f64>,
}

impl Worths {
    fn new(size: &RecurringSettings) -> Self {
        let (pulls, pays) = (size.pulls_of_one(), size.reward);
        let mut left = Vec::with_capacity(Self::packed(pulls + 1));
        left.push(0.0);
        for pulls in 1..=pulls {
            let before = left.len() - pulls;
            left.push(pulls as f64);
            for k in 1..=pulls {
                // It falls by one with `reward`, which ends it where k is 1.
                let lower = left[before + k - 1];
                let higher = if k + 1 < pulls {
                    left[before + k + 1]
                } else {
                    0.0
                };
                left.push(pays * lower + (1.0 - pays) * higher);
            }
        }
        let odds = (1.0 - pays) / pays;
        let powers = std::iter::successors(Some(1.0), |power| Some(power * odds));
        Self {
            arms: size.arms,
            pays,
            powers: powers.take(pulls + 2).collect(),
            left,
        }
    }

    /// Where W with so many pulls left begins.
    const fn packed(left: usize) -> usize {
        left * (left + 1) / 2
    }

    /// Bytes of the heap.
    pub(crate) fn bytes(size: &RecurringSettings) -> f64 {
        let pulls = size.pulls_of_one();
        8.0 * (Self::packed(pulls + 1) + pulls + 2) as f64
    }

    /// How probable it is that an arm is the good one, but for what all have in common.
    fn weight(&self, score: i32, highest: i32) -> f64 {
        self.powers[(highest - score) as usize]
    }

    /// The most that so many pulls can be expected to earn, from these scores on in
    /// falling order.
    fn value(&self, falling: &[i32], pulls: usize) -> f64 {
        let (mut good, mut sum) = (0.0, 0.0);
        for (arm, score) in falling.iter().enumerate() {
            let weight = self.weight(*score, falling[0]);
            good += weight * self.good_pulls(falling, arm, pulls);
            sum += weight;
        }
        pulls as f64 * (1.0 - self.pays) + (2.0 * self.pays - 1.0) * good / sum
    }

    /// How many of so many pulls an arm can be expected to have if it is the good one.
    fn good_pulls(&self, falling: &[i32], arm: usize, pulls: usize) -> f64 {
        let start = Self::packed(pulls);
        let left = &self.left[start..=start + pulls];
        let (before, after) = (&falling[..arm], &falling[arm + 1..]);
        let mut level = falling[arm];
        let below = |score: &i32| (score - level) as usize + 1;
        let mut descents: usize = before.iter().map(below).sum();
        // Of those after it, the ones that were above where it is now.
        let mut joined = 0;
        let (mut j, mut good) = (0, 0.0);
        // Further descents of a good arm are too rare to make a difference.
        while descents + j < pulls && self.powers[j] > RARE {
            let ends = |j: usize, more: usize| self.powers[j + more] * left[descents + j + more];
            good += ends(j, 0) - ends(j, 1);
            (level, j) = (level - 1, j + 1);
            joined += after[joined..].iter().take_while(|s| **s > level).count();
            descents += arm + joined;
        }
        good
    }

    /// What each arm is worth with so many pulls of this bandit left, the present one
    /// included. `sorted` is room for the arms' scores.
    fn of(&self, scores: &[i32], pulls: usize, sorted: &mut Vec<i32>, values: &mut [f64]) {
        let highest = scores.iter().copied().max().unwrap_or(0);
        let sum: f64 = scores.iter().map(|s| self.weight(*s, highest)).sum();
        for arm in 0..self.arms {
            if let Some(other) = (0..arm).find(|other| scores[*other] == scores[arm]) {
                values[arm] = values[other];
                continue;
            }
            let good = self.weight(scores[arm], highest) / sum;
            let pay = good * self.pays + (1.0 - good) * (1.0 - self.pays);
            let mut after = |chance: f64, change: i32| {
                // What cannot happen has no posterior.
                if chance <= 0.0 || pulls <= 1 {
                    return 0.0;
                }
                sorted.clear();
                sorted.extend_from_slice(scores);
                sorted[arm] += change;
                sorted.sort_unstable_by(|a, b| b.cmp(a));
                chance * self.value(sorted, pulls - 1)
            };
            values[arm] = pay + after(pay, 1) + after(1.0 - pay, -1);
        }
    }
}

/// Makes policies that remember the scores of all bandits of a trial.
pub(crate) struct Recollection {
    spec: EnvSpec,
    size: RecurringSettings,
    worths: Arc<Worths>,
}

impl Recollection {
    pub(crate) fn new(spec: EnvSpec, size: RecurringSettings) -> Self {
        Self {
            spec,
            size,
            worths: Arc::new(Worths::new(&size)),
        }
    }
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
            pulls: Vec::with_capacity(contexts),
            present: 0,
        };
        Ok(Box::new(Recollecting {
            arms: self.size.arms,
            bits,
            pulls_of_one: self.size.pulls_of_one(),
            memories: std::iter::repeat_with(memory).take(lanes).collect(),
            worths: Arc::clone(&self.worths),
            sorted: Vec::with_capacity(self.size.arms),
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        let memory = size_of::<Memory>() + self.size.contexts * (16 + 4 * self.size.arms);
        (lanes * memory + 4 * self.size.arms) as f64
    }
}

/// What is remembered of a trial.
struct Memory {
    cues: Vec<u64>,    // [bandits met]
    scores: Vec<i32>,  // [bandits met][arms]
    pulls: Vec<usize>, // [bandits met]
    present: usize,
}

impl Memory {
    /// The scores of the bandit of a cue, which may be new.
    fn meet(&mut self, cue: u64, arms: usize) {
        let known = self.cues.iter().position(|other| *other == cue);
        self.present = known.unwrap_or_else(|| {
            self.cues.push(cue);
            self.scores.resize(self.cues.len() * arms, 0);
            self.pulls.push(0);
            self.cues.len() - 1
        });
    }
}

/// One of them at work.
struct Recollecting {
    arms: usize,
    bits: usize,
    pulls_of_one: usize,
    memories: Vec<Memory>, // [lanes]
    worths: Arc<Worths>,
    sorted: Vec<i32>, // room for one bandit's scores
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
                memory.pulls.clear();
            } else {
                let pulled = memory.present * arms + previous[lane] as usize;
                let paid = row.previous_reward[lane] > 0.5;
                memory.scores[pulled] += if paid { 1 } else { -1 };
                memory.pulls[memory.present] += 1;
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

    /// What is done with one bandit tells nothing of another, and how often each is pulled is
    /// settled: only the present one's pulls count.
    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        let lanes = self
            .memories
            .iter()
            .zip(advantages.chunks_exact_mut(self.arms));
        for (memory, values) in lanes {
            let scores = &memory.scores[memory.present * self.arms..][..self.arms];
            let pulls = self.pulls_of_one - memory.pulls[memory.present];
            self.worths.of(scores, pulls, &mut self.sorted, values);
            into_advantages(values);
        }
        true
    }
}

#[cfg(test)]
#[path = "recurring_oracle_tests.rs"]
mod tests;
