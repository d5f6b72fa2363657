//! Random finite MDPs.

use crate::estimate;
use crate::statistics::PlannedStatistics;
use crate::tabular::Mdp;
use rl_core::StatisticsFactory;
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Exp1, StandardNormal};
use rl_core::tabular::Noise;
use rl_core::tabular::Planner;
use rl_core::{
    ActionSpace, EnvSpec, Exact, ExactValues, ObservationSpace, Setting, SpecError, Trial,
};
use rl_core::{EnvironmentEntry, Stream, TaskDistribution};
use std::sync::Arc;

/// Random finite MDPs: every row of transition probabilities is drawn from a
/// flat Dirichlet(1, …, 1), every mean reward from N(1, 1). Every episode
/// starts in state 0, and no state is terminal.
///
/// # Observations
/// The index of the state, `0..states`.
///
/// # Actions
/// The index of the action, `0..actions`.
///
/// # Reward
/// The mean reward of state and action, plus noise from N(0, 1).
///
/// # Reference
/// Duan et al. 2016, "RL²: Fast Reinforcement Learning via Slow Reinforcement
/// Learning", section 3.2 and table 2, after Osband, Russo and Van Roy 2013, "(More)
/// Efficient Reinforcement Learning via Posterior Sampling".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirichletMdp {
    settings: DirichletMdpSettings,
}

/// The sizes of [`DirichletMdp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirichletMdpSettings {
    /// States; `states² × actions` is at most a million.
    pub states: usize,
    /// Actions.
    pub actions: usize,
    /// Steps per episode.
    pub horizon: usize,
    /// Episodes per trial.
    pub episodes: usize,
}

const NAME: &str = "dirichlet-mdp";
/// More would take over 16 MB per lane.
const MOST_PROBABILITIES: usize = 1_000_000;

impl DirichletMdp {
    /// States of an MDP.
    pub const STATES: Setting = Setting::count(
        "states",
        10,
        1..=1000,
        "states; states² × actions at most 1000000",
    );
    /// Actions in every state.
    pub const ACTIONS: Setting = Setting::count("actions", 5, 1..=1000, "actions");
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(10);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(10);

    /// MDPs of these sizes.
    ///
    /// # Errors
    /// If a number, or a product of some, is out of range.
    pub fn new(settings: DirichletMdpSettings) -> Result<Self, SpecError> {
        let DirichletMdpSettings {
            states,
            actions,
            horizon,
            episodes,
        } = settings;
        Self::STATES.check(NAME, states)?;
        Self::ACTIONS.check(NAME, actions)?;
        Self::HORIZON.check(NAME, horizon)?;
        Self::EPISODES.check(NAME, episodes)?;
        if states * states * actions > MOST_PROBABILITIES {
            let value = format!("{states}² × {actions}");
            let allowed = format!("at most {MOST_PROBABILITIES} transition probabilities");
            return Err(SpecError::new(NAME, "states² × actions", value, &allowed));
        }
        let distribution = Self { settings };
        distribution.spec().validate()?;
        Ok(distribution)
    }

    /// These MDPs by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "random tabular MDPs of Duan et al. 2016";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            Ok(Self::new(DirichletMdpSettings {
                states: set.count("states")?,
                actions: set.count("actions")?,
                horizon: set.count("horizon")?,
                episodes: set.count("episodes")?,
            })?)
        })
        .setting(Self::STATES)
        .setting(Self::ACTIONS)
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
    }

    fn work(&self) -> f64 {
        let settings = &self.settings;
        estimate::work(settings.states, settings.actions, settings.horizon)
    }

    fn optimum(&self, planner: &mut Planner, task: &Mdp) -> f64 {
        let episode = planner.optimum(task.model(), self.settings.horizon);
        self.settings.episodes as f64 * episode
    }
}

impl TaskDistribution for DirichletMdp {
    type Task = Mdp;

    fn spec(&self) -> EnvSpec {
        let settings = &self.settings;
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Discrete {
                size: settings.states,
            },
            action: ActionSpace::Discrete {
                size: settings.actions,
            },
            horizon: settings.horizon,
            trial: Trial::Episodes(settings.episodes),
        }
    }

    fn sample(&self, task: &mut Mdp, rng: &mut Stream) {
        let (states, actions) = (self.settings.states, self.settings.actions);
        task.rebuild(|model| {
            model.clear(states, actions);
            model.noise = Noise::Gaussian {
                standard_deviation: 1.0,
            };
            for row in model.transition.chunks_exact_mut(states) {
                flat_dirichlet(row, rng);
            }
            for mean in &mut model.mean_reward {
                *mean = 1.0 + rng.sample::<f64, _>(StandardNormal);
            }
        });
    }

    fn task_bytes(&self) -> f64 {
        Mdp::bytes(self.settings.states, self.settings.actions)
    }

    /// The mean rewards, then the transition probabilities:
    /// `[states][actions]`, `[states][actions][states]`.
    fn description_size(&self) -> usize {
        let (states, actions) = (self.settings.states, self.settings.actions);
        states * actions * (1 + states)
    }

    fn describe(&self, task: &Mdp, description: &mut [f32]) {
        let model = task.model();
        let numbers = model.mean_reward.iter().chain(&model.transition);
        for (place, number) in description.iter_mut().zip(numbers) {
            *place = *number as f32;
        }
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        Some(Arc::new(PlannedStatistics {
            states: self.settings.states,
            actions: self.settings.actions,
            horizon: self.settings.horizon,
            prior_mean: 1.0,
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
        Mdp::plan_bytes(
            self.settings.states,
            self.settings.actions,
            self.settings.horizon,
        )
    }

    /// The number of episodes times the value of one by value iteration;
    /// `None` where `states² × actions × (horizon + 10)` exceeds 4·10⁷.
    fn known_task_optimum(&self, task: &Mdp) -> Option<f64> {
        let affordable = estimate::affordable(self.work(), estimate::PER_TASK).is_ok();
        affordable.then(|| self.optimum(&mut Planner::default(), task))
    }

    /// Random: 1 per step, for which states are visited does not depend on the
    /// mean rewards, whose expectation is 1. Known task: Monte Carlo over
    /// tasks, each solved exactly.
    fn exact_values(&self) -> ExactValues {
        let mut planner = Planner::default();
        ExactValues {
            bayes_optimal: Exact::unknown(
                "the posterior is a Dirichlet distribution for every state and action and a \
                 normal one for every mean reward, and the beliefs that can be reached multiply \
                 with every step; compare with known_task_optimum, which bounds it from above",
            ),
            known_task_optimum: estimate::mean(self, self.work(), |task| {
                self.optimum(&mut planner, task)
            }),
            random: Exact::value(self.spec().trial_steps() as f64),
            ..ExactValues::default()
        }
    }
}

/// Fills a row with a draw from Dirichlet(1, …, 1): independent Gamma(1) numbers
/// (which are exponential), divided by their sum.
#[inline]
fn flat_dirichlet(row: &mut [f64], rng: &mut Stream) {
    let mut sum = 0.0;
    for p in row.iter_mut() {
        *p = rng.sample(Exp1);
        sum += *p;
    }
    // An exponential number can round to 0, and it may be the only one.
    let scale = 1.0 / sum.max(f64::MIN_POSITIVE);
    for p in row {
        *p *= scale;
    }
}
