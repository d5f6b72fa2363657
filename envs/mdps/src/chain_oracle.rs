//! The exact solution of the chain.
//!
//! Every step gives one piece of evidence: it agrees with "action 0 is the one
//! to advance" if action 0 advanced or action 1 returned. Its probability q is
//! 1 − slip if that is so and slip if not, whichever action is taken. After t
//! steps the number k of those that agreed is a sufficient statistic, and
//! ρ(k, t) the probability that the next one agrees (see [`crate::belief`]).
//! With s⁺ the state after an advance from s, r⁺(s) its reward, and 0 and 2
//! those of a return,
//!
//! ```text
//! V_T = 0
//! V_t(s, k) = max of  ρ [r⁺(s) + V_{t+1}(s⁺, k+1)] + σ [2 + V_{t+1}(0, k)]     action 0
//!                     ρ [2 + V_{t+1}(0, k+1)] + σ [r⁺(s) + V_{t+1}(s⁺, k)]     action 1
//! ```
//!
//! where a state after the last step of an episode is replaced by state 0.

use crate::belief::Predictive;
use crate::chain::{END, RETURN};
use rl_core::{ActRow, Actions, EnvSpec, Policy, PolicyFactory, Row, Stream, into_advantages};
use std::sync::Arc;

/// The most memory and time that a solution may take.
const MOST_BYTES: f64 = 1e9;
const MOST_SECONDS: f64 = 30.0;
/// What actions are worth is not kept of more states: 256 MB of it.
const MOST_LEADS: f64 = 64e6;

/// What is wanted of a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Value,
    Policy,
    /// The policy, and how much better the one action is than the other.
    Advantages,
    Rewards,
}

/// Chains to solve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem {
    pub(crate) states: usize,
    /// The lowest and the highest slip probability.
    pub(crate) slip: (f64, f64),
    pub(crate) horizon: usize,
    pub(crate) episodes: usize,
}

impl Problem {
    fn steps(&self) -> usize {
        self.horizon * self.episodes
    }

    /// How many states can have been reached before step `t`, from state 0 on.
    fn reached(&self, t: usize) -> usize {
        self.states.min(t % self.horizon + 1)
    }

    /// The state that an advance with step `t` leads to, and its reward.
    fn advance(&self, state: usize, t: usize) -> (usize, f64) {
        let last = state + 1 == self.states;
        let next = match ((t + 1) % self.horizon, last) {
            (0, _) => 0,
            (_, true) => state,
            (_, false) => state + 1,
        };
        (next, if last { END } else { 0.0 })
    }

    /// Numbers of the best actions, a byte each.
    fn size(&self) -> f64 {
        let (steps, states) = (self.steps() as f64, self.states.min(self.horizon) as f64);
        steps * steps / 2.0 * states
    }

    /// Bytes that it takes to find what is wanted.
    fn bytes_of(&self, wanted: Wanted) -> f64 {
        let (steps, states) = (self.steps() as f64, self.states.min(self.horizon) as f64);
        16.0 * steps * states
            + match wanted {
                Wanted::Value => 0.0,
                Wanted::Policy => self.size(),
                Wanted::Advantages => 5.0 * self.size(),
                Wanted::Rewards => self.size() + 8.0 * steps * steps,
            }
    }

    /// Bytes of all that is attempted of it.
    pub(crate) fn bytes(&self) -> f64 {
        let wanted = [
            Wanted::Value,
            Wanted::Policy,
            Wanted::Advantages,
            Wanted::Rewards,
        ];
        let attempted = wanted.iter().filter(|it| self.affordable(**it).is_ok());
        attempted.fold(0.0, |most, it| self.bytes_of(*it).max(most))
    }

    /// Refuses what takes too much memory or time.
    ///
    /// # Errors
    /// How much it would take, as a clause.
    fn affordable(&self, wanted: Wanted) -> Result<(), String> {
        let (size, bytes) = (self.size(), self.bytes_of(wanted));
        let steps = self.steps() as f64;
        // As measured; the integrals of the last layer take most of it where
        // states are few.
        let seconds = 2e-9 * size + 2e-8 * steps * steps;
        let kept = wanted != Wanted::Advantages || size <= MOST_LEADS;
        if bytes <= MOST_BYTES && seconds <= MOST_SECONDS && kept {
            return Ok(());
        }
        Err(format!(
            "the dynamic program over the belief needs about {:.1} GB of memory and {seconds:.0} \
             seconds on one core; it is attempted up to 1 GB and 30 seconds: take fewer steps per \
             trial or fewer states",
            bytes / 1e9
        ))
    }
}

/// The Bayes-optimal expected return.
///
/// # Errors
/// Why it cannot be computed, as a clause.
pub(crate) fn value(problem: Problem) -> Result<f64, String> {
    problem.affordable(Wanted::Value)?;
    Ok(solve(problem, Wanted::Value, |_| ()))
}

/// The expected reward of each step of the best agent, by the chances of each
/// state and evidence from the first step on. `[steps]`
///
/// # Errors
/// Why it cannot be computed, as a clause.
pub(crate) fn rewards(problem: Problem) -> Result<Vec<f64>, String> {
    problem.affordable(Wanted::Rewards)?;
    let mut layers = Vec::with_capacity(problem.steps());
    solve(problem, Wanted::Rewards, |layer| {
        layers.push((layer.best.to_vec(), layer.predictive.clone()));
    });
    let width = problem.steps() + 1;
    let mut chances = vec![0.0; problem.states.min(problem.horizon) * width]; // [states][evidence]
    chances[0] = 1.0;
    let step = |(t, (best, predictive)): (usize, (Vec<u8>, Predictive))| {
        let mut next = vec![0.0; chances.len()];
        let mut reward = 0.0;
        for (place, action) in best.iter().enumerate() {
            let (state, k) = (place / (t + 1), place % (t + 1));
            let chance = chances[state * width + k];
            let (advanced, pays) = problem.advance(state, t);
            let agrees = chance * predictive.agrees[k];
            let differs = chance * predictive.differs[k];
            // Action 0 advances if the evidence agrees, action 1 if not.
            let places = match action {
                0 => [advanced * width + k + 1, k],
                _ => [k + 1, advanced * width + k],
            };
            next[places[0]] += agrees;
            next[places[1]] += differs;
            let advances = if *action == 0 { agrees } else { differs };
            reward += advances * pays + (chance - advances) * RETURN;
        }
        std::mem::swap(&mut chances, &mut next);
        reward
    };
    Ok(layers.into_iter().rev().enumerate().map(step).collect())
}

/// The solution of one step.
struct Layer<'a> {
    best: &'a [u8], // [reached states][evidence]
    /// By how much action 0 is better than action 1, where that is wanted; 0 where they
    /// are equal up to rounding. `[reached states][evidence]`
    leads: &'a [f32],
    /// What is to be expected of the next evidence.
    predictive: &'a Predictive,
}

/// Solves all steps from the last one back, hands over each, and returns the value.
fn solve(problem: Problem, wanted: Wanted, mut each: impl FnMut(Layer<'_>)) -> f64 {
    let steps = problem.steps();
    let (low, high) = problem.slip;
    let mut predictive = Predictive::new(low, high, steps - 1);
    let most = problem.states.min(problem.horizon);
    let width = steps + 1;
    let mut later = vec![0.0; most * width]; // [states][evidence]
    let mut now = later.clone();
    let (mut best, mut leads) = (Vec::new(), Vec::new());
    for t in (0..steps).rev() {
        let reached = problem.reached(t);
        best.clear();
        best.resize(reached * (t + 1), 0);
        leads.clear();
        for state in 0..reached {
            let (next, reward) = problem.advance(state, t);
            let backup = Backup {
                predictive: &predictive,
                advanced: &later[next * width..next * width + t + 2],
                returned: &later[..t + 2],
                reward,
            };
            let values = &mut now[state * width..state * width + t + 1];
            backup.run(values, &mut best[state * (t + 1)..(state + 1) * (t + 1)]);
            if wanted == Wanted::Advantages {
                leads.extend((0..=t).map(|k| backup.lead(k)));
            }
        }
        each(Layer {
            best: &best,
            leads: &leads,
            predictive: &predictive,
        });
        std::mem::swap(&mut now, &mut later);
        if t > 0 {
            predictive.earlier();
        }
    }
    later[0]
}

/// One step in one state, for all evidence.
struct Backup<'a> {
    predictive: &'a Predictive,
    advanced: &'a [f64], // [evidence + 1], values after an advance
    returned: &'a [f64], // [evidence + 1], values after a return
    /// Of an advance.
    reward: f64,
}

impl Backup<'_> {
    fn run(&self, values: &mut [f64], best: &mut [u8]) {
        let count = values.len();
        let (advanced, returned) = (&self.advanced[..count + 1], &self.returned[..count + 1]);
        let agrees = &self.predictive.agrees[..count];
        let differs = &self.predictive.differs[..count];
        let best = &mut best[..count];
        for k in 0..count {
            let first =
                agrees[k] * (self.reward + advanced[k + 1]) + differs[k] * (RETURN + returned[k]);
            let second =
                agrees[k] * (RETURN + returned[k + 1]) + differs[k] * (self.reward + advanced[k]);
            values[k] = first.max(second);
            best[k] = u8::from(second > first);
        }
    }

    /// By how much action 0 is better than action 1.
    fn lead(&self, k: usize) -> f32 {
        let (agrees, differs) = (self.predictive.agrees[k], self.predictive.differs[k]);
        let advance = [k, k + 1].map(|k| self.reward + self.advanced[k]);
        let back = [k, k + 1].map(|k| RETURN + self.returned[k]);
        let mut values = [
            agrees * advance[1] + differs * back[0],
            agrees * back[1] + differs * advance[0],
        ];
        into_advantages(&mut values);
        (values[0] - values[1]) as f32
    }
}

/// Makes Bayes-optimal policies for one environment.
pub(crate) struct BayesOptimal {
    spec: EnvSpec,
    tables: Arc<[Table]>, // [steps]
}

/// What is known of the actions of one step.
struct Table {
    best: Vec<u8>, // [reached states][evidence]
    /// See [`Layer::leads`]; empty if there are too many states to keep.
    leads: Vec<f32>,
}

impl BayesOptimal {
    /// Solves the chains that `spec` describes.
    ///
    /// # Errors
    /// Why they cannot be solved, as a clause.
    pub(crate) fn new(problem: Problem, spec: EnvSpec) -> Result<Self, String> {
        problem.affordable(Wanted::Policy)?;
        let wanted = match problem.affordable(Wanted::Advantages) {
            Ok(()) => Wanted::Advantages,
            Err(_) => Wanted::Policy,
        };
        let mut tables = Vec::with_capacity(problem.steps());
        solve(problem, wanted, |layer| {
            let (best, leads) = (layer.best.to_vec(), layer.leads.to_vec());
            tables.push(Table { best, leads });
        });
        tables.reverse();
        let tables = tables.into();
        Ok(Self { spec, tables })
    }
}

impl PolicyFactory for BayesOptimal {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        Ok(Box::new(Lookup {
            tables: Arc::clone(&self.tables),
            evidence: vec![Evidence::default(); lanes],
        }))
    }
}

/// What a lane has seen.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    steps: usize,
    agreed: usize,
    state: usize,
}

impl Evidence {
    /// Where it is in the table of its step.
    fn place(&self) -> usize {
        self.state * (self.steps + 1) + self.agreed
    }
}

/// Counts each lane's evidence and looks up what is best.
struct Lookup {
    tables: Arc<[Table]>,
    evidence: Vec<Evidence>, // [lanes]
}

impl Policy for Lookup {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let (Some(actions), Actions::Discrete(previous)) =
            (out.action.discrete(), row.previous_action)
        else {
            return; // `make` has refused continuous actions.
        };
        for (lane, evidence) in self.evidence.iter_mut().enumerate() {
            if row.start[lane] {
                *evidence = Evidence::default();
            } else {
                let returned = row.previous_reward[lane] == RETURN as f32;
                evidence.steps += 1;
                evidence.agreed += usize::from((previous[lane] == 1) == returned);
            }
            evidence.state = row.observation[lane] as usize;
            let table = self.tables.get(evidence.steps);
            let best = table.and_then(|table| table.best.get(evidence.place()));
            actions[lane] = best.map_or(0, |action| u32::from(*action));
        }
    }

    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        for (evidence, pair) in self.evidence.iter().zip(advantages.chunks_exact_mut(2)) {
            let table = self.tables.get(evidence.steps);
            let lead = table.and_then(|table| table.leads.get(evidence.place()));
            let Some(lead) = lead.map(|lead| f64::from(*lead)) else {
                return false;
            };
            pair.copy_from_slice(&[lead.min(0.0), (-lead).min(0.0)]);
        }
        true
    }
}

#[cfg(test)]
#[path = "chain_oracle_tests.rs"]
mod tests;
