//! What all bandit learners share: lanes of arms, and what is remembered of
//! each arm since the lane's trial began.

use rl_core::rand::RngExt as _;
use rl_core::{ActRow, ActionSpace, Actions, ActionsMut, EnvSpec, Policy, Row, Stream};

/// How often an arm was pulled, and the sum of what counts as its gains.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) pulls: f64,
    pub(crate) gain: f64,
}

impl Tally {
    /// Takes in one more gain.
    pub(crate) fn observe(&mut self, gain: f64) {
        self.pulls += 1.0;
        self.gain += gain;
    }

    /// The posterior mean under the uniform prior.
    pub(crate) fn mean(&self) -> f64 {
        (1.0 + self.gain) / (2.0 + self.pulls)
    }
}

/// The turn of one lane.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// Which pull of the trial comes next, from 1.
    pub(crate) number: usize,
    /// Room to work in. `[arms]`
    pub(crate) scores: &'a mut [f64],
    /// The lane's stream.
    pub(crate) rng: &'a mut Stream,
}

/// How a learner learns and chooses.
pub(crate) trait Rule: Clone + Send + 'static {
    /// What it remembers of an arm.
    type Arm: Copy + Send;

    /// What it knows of an arm when a trial begins.
    fn arm(&self) -> Self::Arm;

    /// Takes in what the arm pulled last gave. `arms` has all of them.
    fn observe(&self, arms: &mut [Self::Arm], pulled: usize, reward: f64, rng: &mut Stream);

    /// The arm to pull next.
    fn choose(&self, arms: &mut [Self::Arm], turn: Turn<'_>) -> usize;

    /// Whether it pulls an arm of the highest score whatever chance does, so that all
    /// arms of that score are as good as the one that it takes.
    fn follows_scores(&self) -> bool {
        false
    }
}

/// The index of the highest score, the lowest among equals.
pub(crate) fn best(scores: &[f64]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = index;
        }
    }
    best
}

/// The arm of the highest score, the first among equals; a score is what a
/// function gives for an arm.
pub(crate) fn best_by<A>(
    arms: &[A],
    scores: &mut [f64],
    mut score_of: impl FnMut(&A) -> f64,
) -> usize {
    for (score, arm) in scores.iter_mut().zip(arms) {
        *score = score_of(arm);
    }
    best(scores)
}

/// A reward as success or failure: one between 0 and 1 is a success with that
/// probability (Agrawal and Goyal 2012, algorithm 2), one outside counts as
/// the nearer of 0 and 1.
pub(crate) fn succeeds(reward: f64, rng: &mut Stream) -> bool {
    if reward > 0.0 && reward < 1.0 {
        f64::from(rng.random::<f32>()) < reward
    } else {
        reward >= 1.0
    }
}

/// The nearest number from 0 to 1; 0 for what is no number.
pub(crate) fn within_unit(reward: f64) -> f64 {
    if reward > 0.0 { reward.min(1.0) } else { 0.0 }
}

/// A rule at work in a number of lanes.
struct BanditPolicy<R: Rule> {
    rule: R,
    prior: Vec<R::Arm>, // [arms]
    arms: Vec<R::Arm>,  // [lanes][arms]
    turns: Vec<usize>,  // [lanes]
    scores: Vec<f64>,   // [arms]
}

/// A policy that acts by a rule.
///
/// # Errors
/// If the environment has no finite set of actions.
pub(crate) fn make<R: Rule>(
    rule: R,
    name: &str,
    spec: &EnvSpec,
    lanes: usize,
) -> Result<Box<dyn Policy>, String> {
    let arms = count(name, spec)?;
    let prior = vec![rule.arm(); arms];
    Ok(Box::new(BanditPolicy {
        arms: prior.repeat(lanes),
        prior,
        rule,
        turns: vec![0; lanes],
        scores: vec![0.0; arms],
    }))
}

/// How many arms an environment has.
///
/// # Errors
/// If it has no finite set of actions.
pub(crate) fn count(name: &str, spec: &EnvSpec) -> Result<usize, String> {
    let ActionSpace::Discrete { size } = spec.action else {
        return Err(format!(
            "{name} chooses among finitely many actions, but actions of {} are vectors of {} real \
             numbers; 'random' can act there",
            spec.name,
            spec.action.width(),
        ));
    };
    Ok(size)
}

impl<R: Rule> BanditPolicy<R> {
    /// Acts, and tells `acted` of each lane's scores and the arm it takes.
    fn act_and(
        &mut self,
        row: &Row<'_>,
        (streams, action): (&mut [Stream], ActionsMut<'_>),
        mut acted: impl FnMut(usize, &[f64], usize),
    ) {
        let (Actions::Discrete(previous), ActionsMut::Discrete(actions)) =
            (row.previous_action, action)
        else {
            panic!("continuous actions given to a bandit learner");
        };
        let lanes = self.arms.chunks_exact_mut(self.prior.len());
        for (lane, (action, arms)) in actions.iter_mut().zip(lanes).enumerate() {
            let rng = &mut streams[lane];
            if row.start[lane] {
                arms.copy_from_slice(&self.prior);
                self.turns[lane] = 0;
            } else {
                let reward = f64::from(row.previous_reward[lane]);
                let pulled = previous[lane] as usize;
                self.rule.observe(arms, pulled, reward, rng);
            }
            self.turns[lane] += 1;
            let turn = Turn {
                number: self.turns[lane],
                scores: &mut self.scores,
                rng,
            };
            let arm = self.rule.choose(arms, turn);
            *action = arm as u32;
            acted(lane, &self.scores, arm);
        }
    }
}

impl<R: Rule> Policy for BanditPolicy<R> {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.act_and(row, (streams, out.action), |_, _, _| {});
    }

    /// Arms of equal scores are as good as each other.
    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let (size, spreads) = (self.prior.len(), self.rule.follows_scores());
        let label = out.label;
        self.act_and(row, (streams, out.action), |lane, scores, arm| {
            let own = &mut label[lane * size..(lane + 1) * size];
            match spreads {
                true => spread(own, |other| scores[other] == scores[arm]),
                false => spread(own, |other| other == arm),
            }
        });
    }
}

/// Gives actions that are chosen alike the same probability.
pub(crate) fn spread(label: &mut [f32], mut chosen: impl FnMut(usize) -> bool) {
    let mut count = 0_u32;
    for (action, probability) in label.iter_mut().enumerate() {
        let chosen = chosen(action);
        *probability = f32::from(u8::from(chosen));
        count += u32::from(chosen);
    }
    let share = 1.0 / count.max(1) as f32;
    label.iter_mut().for_each(|p| *p *= share);
}
