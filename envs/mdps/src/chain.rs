//! The chain: a small reward at hand, a large one at the end.

use crate::chain_oracle::{self, BayesOptimal, Problem};
use crate::estimate;
use crate::quadrature::gauss_legendre;
use crate::statistics::PlannedStatistics;
use crate::tabular::Mdp;
use rl_core::StatisticsFactory;
use rl_core::rand::RngExt as _;
use rl_core::tabular::Model;
use rl_core::tabular::Planner;
use rl_core::{
    ActionSpace, EnvSpec, Exact, ExactValues, ObservationSpace, Setting, SpecError, Trial,
};
use rl_core::{EnvironmentEntry, PolicyFactory, Stream, TaskDistribution};
use std::sync::Arc;

/// A chain of states in which one action advances by a state and the other
/// returns to the first one; with the slip probability an action does what the
/// other one should. For every task the slip probability is drawn from
/// U\[`slip_low`, `slip_high`\], and whether action 0 or action 1 advances by
/// the toss of a coin, so that there is something to learn. The original has 5
/// states, a slip probability of 0.2 and known actions. Every episode starts
/// in state 0, and no state is terminal.
///
/// # Observations
/// The index of the state, `0..states`.
///
/// # Actions
/// 0 and 1: one is to advance, the other to return.
///
/// # Reward
/// For what happened, slipped or not: 2 for a return, 10 for an advance in the
/// last state (which stays there), 0 for any other advance.
///
/// # Reference
/// Dearden, Friedman and Russell 1998, "Bayesian Q-Learning", the chain
/// problem; Strens 2000, "A Bayesian Framework for Reinforcement Learning".
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    settings: ChainSettings,
}

/// The sizes of [`Chain`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChainSettings {
    /// States.
    pub states: usize,
    /// The lowest slip probability.
    pub slip_low: f64,
    /// The highest, at least `slip_low`.
    pub slip_high: f64,
    /// Steps per episode.
    pub horizon: usize,
    /// Episodes per trial.
    pub episodes: usize,
}

const NAME: &str = "chain";
/// The reward of a return.
pub(crate) const RETURN: f64 = 2.0;
/// The reward of an advance in the last state.
pub(crate) const END: f64 = 10.0;
/// Intervals of slip probabilities that the known-task optimum is integrated
/// over, and nodes of each.
const INTERVALS: usize = 64;
const NODES: usize = 16;

impl Chain {
    /// States of the chain.
    pub const STATES: Setting = Setting::count("states", 5, 2..=100, "states");
    /// The lowest slip probability; above its range the other action would be the
    /// one to advance.
    pub const SLIP_LOW: Setting = Setting::number(
        "slip_low",
        0.0,
        0.0..=0.5,
        "lowest probability that an action is swapped",
    );
    /// The highest slip probability, at least the lowest.
    pub const SLIP_HIGH: Setting = Setting::number(
        "slip_high",
        0.4,
        0.0..=0.5,
        "highest one, at least slip_low",
    );
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(100);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(1);

    /// Chains of these sizes.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(settings: ChainSettings) -> Result<Self, SpecError> {
        let (low, high) = (settings.slip_low, settings.slip_high);
        Self::STATES.check(NAME, settings.states)?;
        Self::SLIP_LOW.check(NAME, low)?;
        Self::SLIP_HIGH.check(NAME, high)?;
        if high < low {
            let allowed = format!("at least slip_low = {low}");
            return Err(SpecError::new(NAME, "slip_high", high, &allowed));
        }
        Self::HORIZON.check(NAME, settings.horizon)?;
        Self::EPISODES.check(NAME, settings.episodes)?;
        let distribution = Self { settings };
        distribution.spec().validate()?;
        Ok(distribution)
    }

    /// These chains by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "the chain of Dearden et al. 1998, with random slips and labels";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            Ok(Self::new(ChainSettings {
                states: set.count("states")?,
                slip_low: set.number("slip_low")?,
                slip_high: set.number("slip_high")?,
                horizon: set.count("horizon")?,
                episodes: set.count("episodes")?,
            })?)
        })
        .setting(Self::STATES)
        .setting(Self::SLIP_LOW)
        .setting(Self::SLIP_HIGH)
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
    }

    fn work(&self) -> f64 {
        estimate::work(self.settings.states, 2, self.settings.horizon)
    }

    fn problem(&self) -> Problem {
        Problem {
            states: self.settings.states,
            slip: (self.settings.slip_low, self.settings.slip_high),
            horizon: self.settings.horizon,
            episodes: self.settings.episodes,
        }
    }

    /// The known-task optimum of an episode, averaged over slip probabilities.
    /// (Which action is the one to advance does not matter to it.) It is
    /// smooth but for kinks where another policy becomes the best.
    fn mean_optimum(&self) -> f64 {
        let ChainSettings {
            states,
            slip_low: low,
            slip_high: high,
            horizon,
            ..
        } = self.settings;
        let (mut model, mut planner) = (Model::default(), Planner::default());
        let nodes = gauss_legendre(NODES);
        let mut sum = 0.0;
        for interval in 0..INTERVALS {
            for node in &nodes {
                let share = (interval as f64 + node.at) / INTERVALS as f64;
                fill(&mut model, states, low + (high - low) * share, 0);
                sum += node.weight * planner.optimum(&model, horizon);
            }
        }
        sum / INTERVALS as f64
    }

    /// The value of an episode of random actions, which is the same in all
    /// tasks: whatever the slip, an effect is an advance half of the time.
    fn random(&self) -> f64 {
        let mut model = Model::default();
        fill(&mut model, self.settings.states, 0.0, 0);
        Planner::default().random(&model, self.settings.horizon)
    }
}

/// Writes the chain of a slip probability in which `advances` is the action to
/// advance.
fn fill(model: &mut Model, states: usize, slip: f64, advances: usize) {
    model.clear(states, 2);
    model.transition_reward.resize(states * 2 * states, 0.0);
    for state in 0..states {
        for action in 0..2 {
            let advance = if action == advances { 1.0 - slip } else { slip };
            let row = (state * 2 + action) * states;
            let next = (state + 1).min(states - 1);
            model.transition[row] = 1.0 - advance;
            model.transition_reward[row] = RETURN;
            model.transition[row + next] = advance;
            model.transition_reward[row + next] = if next == state { END } else { 0.0 };
        }
    }
}

impl TaskDistribution for Chain {
    type Task = Mdp;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Discrete {
                size: self.settings.states,
            },
            action: ActionSpace::Discrete { size: 2 },
            horizon: self.settings.horizon,
            trial: Trial::Episodes(self.settings.episodes),
        }
    }

    fn sample(&self, task: &mut Mdp, rng: &mut Stream) {
        let (low, high) = (self.settings.slip_low, self.settings.slip_high);
        let slip = low + (high - low) * rng.random::<f64>();
        let advances = usize::from(rng.random::<bool>());
        task.rebuild(|model| fill(model, self.settings.states, slip, advances));
    }

    /// Two where the slip probability is known: which action advances.
    fn tasks(&self) -> Option<u64> {
        (self.settings.slip_low == self.settings.slip_high).then_some(2)
    }

    fn select(&self, task: &mut Mdp, number: u64) {
        let ChainSettings {
            states, slip_low, ..
        } = self.settings;
        task.rebuild(|model| fill(model, states, slip_low, number as usize));
    }

    fn task_bytes(&self) -> f64 {
        1.5 * Mdp::bytes(self.settings.states, 2)
    }

    fn solution_bytes(&self) -> f64 {
        self.problem().bytes()
    }

    /// The probability that action 0 advances, which is the slip probability or
    /// one minus it and so tells everything.
    fn description_size(&self) -> usize {
        1
    }

    fn describe(&self, task: &Mdp, description: &mut [f32]) {
        description[0] = task.model().row(0, 0)[1] as f32;
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        Some(Arc::new(PlannedStatistics {
            states: self.settings.states,
            actions: 2,
            horizon: self.settings.horizon,
            prior_mean: 0.0,
        }))
    }

    /// By value iteration, where [`Self::known_task_optimum`] is known.
    fn known_task_action(
        &self,
        task: &Mdp,
        (state, left): (&usize, usize),
        probabilities: &mut [f32],
    ) -> bool {
        let affordable = estimate::affordable(self.work(), estimate::PER_TASK).is_ok();
        if affordable {
            task.known_task_action(self.settings.horizon, (*state, left), probabilities);
        }
        affordable
    }

    fn known_task_bytes(&self) -> f64 {
        Mdp::plan_bytes(self.settings.states, 2, self.settings.horizon)
    }

    /// The number of episodes times the value of one by value iteration;
    /// `None` where `states² × (horizon + 10)` exceeds 2·10⁷.
    fn known_task_optimum(&self, task: &Mdp) -> Option<f64> {
        estimate::affordable(self.work(), estimate::PER_TASK).ok()?;
        let episode = Planner::default().optimum(task.model(), self.settings.horizon);
        Some(self.settings.episodes as f64 * episode)
    }

    /// Bayes-optimal: see [`Self::bayes_optimal_policy`]. Known task: value
    /// iteration, integrated over slip probabilities to about seven digits.
    /// Random: the value of the uniform policy in any task.
    fn exact_values(&self) -> ExactValues {
        let episodes = self.settings.episodes as f64;
        let exact = |value: Result<f64, String>| match value {
            Ok(value) => Exact::value(value),
            Err(why) => Exact::unknown(why),
        };
        let optimum = estimate::affordable(self.work(), (INTERVALS * NODES) as f64);
        let random = estimate::affordable(self.work(), 1.0);
        ExactValues {
            bayes_optimal: exact(chain_oracle::value(self.problem())),
            known_task_optimum: exact(optimum.map(|()| episodes * self.mean_optimum())),
            random: exact(random.map(|()| episodes * self.random())),
            bayes_optimal_rewards: chain_oracle::rewards(self.problem()).ok(),
        }
    }

    /// Takes the action of the highest Bayes-adaptive value, by dynamic
    /// programming over step, state and evidence. Every effect shows whether
    /// action 0 or action 1 advanced, whichever was taken, so that the number
    /// of steps that spoke for action 0 is a sufficient statistic. Of equally
    /// good actions it takes 0.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        let policy = BayesOptimal::new(self.problem(), self.spec())?;
        Ok(Box::new(policy))
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
