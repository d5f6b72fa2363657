//! What all bandit learners share: what each arm gave, lane by lane.

use rl_core::{ActRow, ActionSpace, Actions, ActionsMut, EnvSpec, Policy, Row, Stream};

/// What the arms of one lane gave since its trial began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arms<'a> {
    /// How often each was pulled. `[arms]`
    pub(crate) pulls: &'a [f64],
    /// Sum of what each gave. `[arms]`
    pub(crate) gains: &'a [f64],
}

impl Arms<'_> {
    /// Writes the posterior means under the uniform prior. `[arms]`
    pub(crate) fn means(&self, means: &mut [f64]) {
        let arms = self.pulls.iter().zip(self.gains);
        for (mean, (pulls, gain)) in means.iter_mut().zip(arms) {
            *mean = (1.0 + gain) / (2.0 + pulls);
        }
    }
}

/// How a learner chooses an arm.
pub(crate) trait Rule: Clone + Send + 'static {
    /// What counts as an arm's gain, given its reward.
    fn gain(&self, reward: f32, _rng: &mut Stream) -> f64 {
        f64::from(reward)
    }

    /// The arm to pull next. `scores` is room to work in, `[arms]`.
    fn choose(&self, arms: Arms<'_>, scores: &mut [f64], rng: &mut Stream) -> usize;
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

/// A rule at work in a number of lanes.
struct BanditPolicy<R> {
    rule: R,
    arms: usize,
    pulls: Vec<f64>,  // [lanes][arms]
    gains: Vec<f64>,  // [lanes][arms]
    scores: Vec<f64>, // [arms]
}

/// A policy that acts by a rule.
///
/// # Errors
/// If the environment has no finite set of actions.
pub(crate) fn make<R: Rule>(
    rule: &R,
    name: &str,
    spec: &EnvSpec,
    lanes: usize,
) -> Result<Box<dyn Policy>, String> {
    let ActionSpace::Discrete { size: arms } = spec.action else {
        return Err(format!(
            "{name} chooses among finitely many actions, but actions of {} are vectors of {} real \
             numbers; 'random' can act there",
            spec.name,
            spec.action.width(),
        ));
    };
    Ok(Box::new(BanditPolicy {
        rule: rule.clone(),
        arms,
        pulls: vec![0.0; lanes * arms],
        gains: vec![0.0; lanes * arms],
        scores: vec![0.0; arms],
    }))
}

impl<R: Rule> Policy for BanditPolicy<R> {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let (Actions::Discrete(previous), ActionsMut::Discrete(actions)) =
            (row.previous_action, out.action)
        else {
            panic!("continuous actions given to a bandit learner");
        };
        for (lane, action) in actions.iter_mut().enumerate() {
            let own = lane * self.arms..(lane + 1) * self.arms;
            let pulls = &mut self.pulls[own.clone()];
            let gains = &mut self.gains[own];
            let rng = &mut streams[lane];
            if row.start[lane] {
                pulls.fill(0.0);
                gains.fill(0.0);
            } else {
                let arm = previous[lane] as usize;
                pulls[arm] += 1.0;
                gains[arm] += self.rule.gain(row.previous_reward[lane], rng);
            }
            let arms = Arms { pulls, gains };
            *action = self.rule.choose(arms, &mut self.scores, rng) as u32;
        }
    }
}
