//! What all model-based learners share: a belief and a plan for each lane.

use crate::bandit::spread;
use crate::tabular::belief::{Belief, Guess, Prior};
use crate::tabular::sizes::Sizes;
use crate::tabular::values::Values;
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, Actions, ActionsMut, EnvSpec, Outcome, Policy, Row, Stream};

/// Room to plan in, shared by the lanes of a policy.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// An MDP to plan in.
    pub(crate) guess: Guess,
    /// Room to solve it.
    pub(crate) values: Values,
}

/// How a learner plans an episode.
pub(crate) trait Rule: Clone + Send + 'static {
    /// What the rule needs to plan in beside a [`Room`].
    type Extra: Send;

    /// What it believes when a trial begins.
    fn prior(&self) -> Prior;

    /// Makes what else it needs.
    fn extra(&self, sizes: Sizes) -> Self::Extra;

    /// Plans an episode: writes how good each action is at each step in each
    /// state. `[horizon][actions][states]`
    fn plan(
        &self,
        belief: &Belief,
        room: (&mut Room, &mut Self::Extra),
        rng: &mut Stream,
        plan: &mut [f64],
    );

    /// The probability of a random action at every step.
    fn epsilon(&self) -> f64 {
        0.0
    }
}

/// One lane's memory.
struct Lane {
    belief: Belief,
    plan: Vec<f64>, // [horizon][actions][states]
    step: usize,
    state: usize,
}

impl Lane {
    /// The best action by the plan; of equally good ones, such as those that
    /// were never tried, one at random, anew at every step. Were it always the
    /// same, an episode that meets a state twice would learn less.
    fn greedy(&self, sizes: Sizes, rng: &mut Stream) -> u32 {
        best(self.values(sizes), rng)
    }

    /// The values of the actions in the present state, by the plan.
    fn values(&self, sizes: Sizes) -> impl Iterator<Item = &f64> {
        let row = &self.plan[self.step * sizes.pairs()..][..sizes.pairs()];
        row[self.state..].iter().step_by(sizes.states)
    }
}

/// The index of the highest value, one at random among equals; 0 if none is
/// a number.
pub(crate) fn best<'a>(values: impl Iterator<Item = &'a f64>, rng: &mut Stream) -> u32 {
    let (mut best, mut highest, mut equals) = (0, f64::NEG_INFINITY, 1_u32);
    for (index, value) in values.enumerate() {
        if *value > highest {
            (best, highest, equals) = (index as u32, *value, 1);
        } else if *value == highest {
            equals += 1;
            // Each of the equals so far is kept with the same probability.
            if rng.random_range(0..equals) == 0 {
                best = index as u32;
            }
        }
    }
    best
}

/// A rule at work in a number of lanes.
struct PlanningPolicy<R: Rule> {
    rule: R,
    sizes: Sizes,
    room: Room,
    extra: R::Extra,
    lanes: Vec<Lane>,
}

/// A policy that plans by a rule when an episode begins.
///
/// # Errors
/// If observations do not tell a state, or actions are not finitely many.
pub(crate) fn make<R: Rule>(
    rule: &R,
    name: &str,
    spec: &EnvSpec,
    lanes: usize,
) -> Result<Box<dyn Policy>, String> {
    let sizes = Sizes::of(name, spec)?;
    let lane = || Lane {
        belief: Belief::new(sizes, rule.prior()),
        plan: vec![0.0; sizes.horizon * sizes.pairs()],
        step: 0,
        state: 0,
    };
    Ok(Box::new(PlanningPolicy {
        rule: rule.clone(),
        sizes,
        room: Room {
            guess: Guess::new(sizes),
            values: Values::new(sizes),
        },
        extra: rule.extra(sizes),
        lanes: std::iter::repeat_with(lane).take(lanes).collect(),
    }))
}

/// Bytes of such a policy, 0 where there can be none.
pub(crate) fn bytes(spec: &EnvSpec, lanes: usize) -> f64 {
    let Ok(sizes) = Sizes::of("", spec) else {
        return 0.0;
    };
    let [states, horizon] = [sizes.states, sizes.horizon].map(|size| size as f64);
    // A model and what was seen of rewards, and a plan; one lane more, to plan in.
    8.0 * (lanes as f64 + 1.0) * sizes.table() * (states + 5.0 + horizon)
}

/// What one lane saw between two of its actions.
pub(crate) struct Seen {
    /// What it did.
    pub(crate) action: usize,
    /// What that gave.
    pub(crate) reward: f64,
    /// Whether the episode ended.
    pub(crate) ended: bool,
    /// Where it led: a state, or the end, which is numbered after the last
    /// state. `None` if that was not shown.
    pub(crate) next: Option<usize>,
}

/// What a lane saw since it last acted, `None` if its trial begins.
pub(crate) fn seen(row: &Row<'_>, previous: &[u32], lane: usize, states: usize) -> Option<Seen> {
    if row.start[lane] {
        return None;
    }
    let outcome = row.previous_outcome[lane];
    Some(Seen {
        action: previous[lane] as usize,
        reward: f64::from(row.previous_reward[lane]),
        ended: outcome != Outcome::Continue,
        next: match outcome {
            Outcome::Continue => Some(row.observation[lane] as usize),
            Outcome::Terminated => Some(states),
            Outcome::Truncated => row.final_observation.map(|last| last[lane] as usize),
        },
    })
}

impl<R: Rule> PlanningPolicy<R> {
    /// Acts, and tells `acting` of each lane before it takes a step of its plan.
    fn act_and(
        &mut self,
        row: &Row<'_>,
        (streams, action): (&mut [Stream], ActionsMut<'_>),
        mut acting: impl FnMut(usize, &Lane, f64),
    ) {
        let (Actions::Discrete(previous), ActionsMut::Discrete(actions)) =
            (row.previous_action, action)
        else {
            panic!("continuous actions given to a tabular learner");
        };
        let sizes = self.sizes;
        for (index, (action, rng)) in actions.iter_mut().zip(streams).enumerate() {
            let lane = &mut self.lanes[index];
            let begins = match seen(row, previous, index, sizes.states) {
                None => {
                    lane.belief.clear();
                    true
                }
                Some(seen) => {
                    let pair = sizes.pair(lane.state, seen.action);
                    lane.belief.see_reward(pair, seen.reward);
                    if let Some(next) = seen.next {
                        lane.belief.see_transition(pair, next);
                    }
                    seen.ended
                }
            };
            if begins {
                lane.step = 0;
                let room = (&mut self.room, &mut self.extra);
                self.rule.plan(&lane.belief, room, rng, &mut lane.plan);
            }
            lane.state = row.observation[index] as usize;
            let epsilon = self.rule.epsilon();
            acting(index, lane, epsilon);
            *action = if epsilon > 0.0 && rng.random::<f64>() < epsilon {
                rng.random_range(0..sizes.actions as u32)
            } else {
                lane.greedy(sizes, rng)
            };
            lane.step += 1;
        }
    }
}

impl<R: Rule> Policy for PlanningPolicy<R> {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.act_and(row, (streams, out.action), |_, _, _| {});
    }

    /// Actions of equal values are taken alike.
    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let (sizes, label) = (self.sizes, out.label);
        self.act_and(row, (streams, out.action), |index, lane, epsilon| {
            let own = &mut label[index * sizes.actions..(index + 1) * sizes.actions];
            let highest = lane
                .values(sizes)
                .copied()
                .fold(f64::NEG_INFINITY, f64::max);
            let mut values = lane.values(sizes);
            spread(own, |_| {
                values.next().is_some_and(|value| *value == highest)
            });
            let random = epsilon as f32 / sizes.actions as f32;
            own.iter_mut()
                .for_each(|p| *p = random + (1.0 - epsilon as f32) * *p);
        });
    }
}
