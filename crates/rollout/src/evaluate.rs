//! Evaluation on fresh tasks of any policy: network, hand-made learner or oracle.

use crate::batch::Batch;
use crate::error::RolloutError;
use crate::pool::Pool;
use crate::tile::Tile;
use rl_core::{Bounds, Domain, EnvFactory, Footprint, Moments, PolicyFactory, StreamKey};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which tasks to evaluate on. Task `i` of a seed is the same, with the same
/// randomness of its own, for every policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// How many tasks, one trial each.
    pub tasks: usize,
    /// Which tasks.
    pub seed: u64,
    /// [`Domain::HeldOut`] to report, [`Domain::Tuning`] to choose settings.
    pub domain: Domain,
}

/// Lanes that are evaluated together. It has no effect on the results, apart
/// from the order of additions, which is why it is a constant.
pub(crate) const TILE: usize = 64;

/// Tiles whose results are held at once, which bounds the memory they take.
pub(crate) const WAVE: usize = 64;

/// Tasks whose returns are kept one by one: as many as a comparison in pairs
/// needs, and no more, for an evaluation may be of any number of tasks.
pub const PAIRED_TASKS: usize = 1 << 20;

/// How a policy did, one trial in each task.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Return of the whole trial.
    pub returns: Moments,
    /// The same, task by task, of the first [`PAIRED_TASKS`] tasks: policies that
    /// met the same tasks can be compared in pairs. `[tasks]`
    pub trial_returns: Vec<f64>,
    /// Return of each episode of the trial. `[episodes]`
    pub episode_returns: Vec<Moments>,
    /// Reward so far, after each step of the trial. `[steps]`
    pub cumulative_reward: Vec<Moments>,
    /// What an agent that knows its task is expected to have beyond
    /// [`Self::cumulative_reward`] after each step, task by task, its optimum
    /// spread evenly over the trial; empty if the optimum is not known, or a
    /// trial ended early and the spread means nothing. `[steps]`
    pub regret: Vec<Moments>,
    /// Expected return of an agent that knows its task; no samples if unknown.
    pub known_task_optimum: Moments,
    /// Whether every trial took all its steps.
    whole_trials: bool,
}

impl Evaluation {
    fn empty(episodes: usize, steps: usize) -> Self {
        Self {
            returns: Moments::default(),
            trial_returns: Vec::new(),
            episode_returns: vec![Moments::default(); episodes],
            cumulative_reward: vec![Moments::default(); steps],
            regret: vec![Moments::default(); steps],
            known_task_optimum: Moments::default(),
            whole_trials: true,
        }
    }

    /// Adds the first trial of each lane of a tile.
    fn add(&mut self, tile: &Tile) {
        let trajectory = tile.trajectory();
        // Trials may all have ended before the most steps that one can have.
        let (lanes, steps) = (trajectory.lanes(), self.cumulative_reward.len());
        self.whole_trials &= trajectory.lengths().iter().all(|l| *l == steps);
        for lane in 0..lanes {
            let optimum = tile.known_task_optimum()[lane];
            let (mut total, mut episode, mut index) = (0.0_f64, 0.0_f64, 0);
            for t in 0..steps {
                if t < trajectory.lengths()[lane] {
                    let reward = f64::from(trajectory.rewards()[t * lanes + lane]);
                    total += reward;
                    episode += reward;
                    if trajectory.outcomes()[t * lanes + lane] != rl_core::Outcome::Continue {
                        self.episode_returns[index].push(episode);
                        (episode, index) = (0.0, index + 1);
                    }
                }
                self.cumulative_reward[t].push(total);
                if let Some(optimum) = optimum {
                    self.regret[t].push(optimum * (t + 1) as f64 / steps as f64 - total);
                }
            }
            self.returns.push(total);
            self.trial_returns.push(total);
            self.known_task_optimum.extend(optimum);
        }
    }

    fn merge(&mut self, other: &Self) {
        let all = |mine: &mut [Moments], others: &[Moments]| {
            mine.iter_mut().zip(others).for_each(|(m, o)| m.merge(o));
        };
        self.returns.merge(&other.returns);
        let room = PAIRED_TASKS.saturating_sub(self.trial_returns.len());
        let returns = other.trial_returns.iter().take(room);
        self.trial_returns.extend(returns);
        all(&mut self.episode_returns, &other.episode_returns);
        all(&mut self.cumulative_reward, &other.cumulative_reward);
        all(&mut self.regret, &other.regret);
        self.known_task_optimum.merge(&other.known_task_optimum);
        self.whole_trials &= other.whole_trials;
    }
}

/// The tiles of an evaluation, one trial in each task.
pub(crate) struct Tiles<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) env: &'a dyn EnvFactory,
    pub(crate) tasks: usize,
}

impl Tiles<'_> {
    /// Makes a part of a result of every tile on the workers, and hands the parts over
    /// in the order of the tasks until that is enough; `watch` is as in
    /// [`evaluate_watched`].
    pub(crate) fn each<P: Send>(
        &self,
        (part, watch): (
            impl Fn(Tile) -> Result<P, RolloutError> + Sync,
            impl Fn(usize) -> ControlFlow<()> + Sync,
        ),
        mut fold: impl FnMut(P) -> ControlFlow<()>,
    ) -> Result<(), RolloutError> {
        let called_off = AtomicBool::new(false);
        let steps = self.env.spec().trial_steps();
        let mut firsts = (0..self.tasks).step_by(TILE);
        loop {
            let wave: Vec<usize> = firsts.by_ref().take(WAVE).collect();
            if wave.is_empty() {
                return Ok(());
            }
            let parts = self.pool.map(wave, |_, first: usize| {
                if called_off.load(Ordering::Relaxed) {
                    return Err(RolloutError::CalledOff);
                }
                let lanes = TILE.min(self.tasks - first);
                let part = part(Tile::new(self.env, lanes, first as u64, steps))?;
                if watch(lanes).is_break() {
                    called_off.store(true, Ordering::Relaxed);
                }
                Ok(part)
            })?;
            for made in parts {
                if fold(made?).is_break() {
                    return Ok(());
                }
            }
        }
    }
}

/// What [`evaluate`] of so many tasks takes of memory on so many workers.
pub fn evaluation_footprint(
    env: &dyn EnvFactory,
    policy: &dyn PolicyFactory,
    (tasks, workers): (usize, usize),
) -> Footprint {
    let (spec, tiles) = (env.spec(), tasks.div_ceil(TILE));
    let (steps, lanes) = (spec.trial_steps(), TILE.min(tasks));
    let together = workers.min(tiles);
    // Of every step the reward so far and the regret; the whole is kept beside
    // the parts of a wave.
    let moments = (2 * steps + spec.most_episodes()) as f64 * size_of::<Moments>() as f64;
    let summaries = (WAVE.min(tiles) + 1) as f64 * (moments + 8.0 * lanes as f64);
    let returns = 8.0 * tasks.min(PAIRED_TASKS) as f64;
    Batch::footprint(env, together * lanes, steps)
        .with(
            format!("{} for {} lanes", policy.name(), together * lanes),
            together as f64 * policy.bytes(spec, lanes),
            "--workers and the environment's size",
        )
        .with(
            "summaries of an evaluation",
            summaries + returns,
            "the environment's steps per trial",
        )
}

/// Runs one trial of a policy in each task, in parallel over tasks. The result
/// does not depend on the number of workers.
///
/// # Errors
/// If there are no tasks, the policy cannot act in the environment, or one of
/// the two fails; see [`Tile::collect`].
pub fn evaluate(
    pool: &Pool,
    env: &Arc<dyn EnvFactory>,
    policy: &Arc<dyn PolicyFactory>,
    held: Held,
) -> Result<Evaluation, RolloutError> {
    evaluate_watched(pool, env, policy, (held, |_| ControlFlow::Continue(())))
}

/// As [`evaluate`]; `watch` is told, on the workers, how many more tasks are
/// done, whenever some are, and may call off the rest.
///
/// # Errors
/// As [`evaluate`], and [`RolloutError::CalledOff`].
pub fn evaluate_watched(
    pool: &Pool,
    env: &Arc<dyn EnvFactory>,
    policy: &Arc<dyn PolicyFactory>,
    (held, watch): (Held, impl Fn(usize) -> ControlFlow<()> + Sync),
) -> Result<Evaluation, RolloutError> {
    Bounds::at_least(1).check("tasks", held.tasks)?;
    let key = StreamKey::new(held.seed, held.domain, 0);
    let (steps, episodes) = (env.spec().trial_steps(), env.spec().most_episodes());
    let mut whole = Evaluation::empty(episodes, steps);
    let part = |mut tile: Tile| {
        tile.collect(policy.as_ref(), &key)?;
        let mut part = Evaluation::empty(episodes, steps);
        part.add(&tile);
        Ok(part)
    };
    let tiles = Tiles {
        pool,
        env: env.as_ref(),
        tasks: held.tasks,
    };
    tiles.each((part, watch), |part| {
        whole.merge(&part);
        ControlFlow::Continue(())
    })?;
    if whole.known_task_optimum.count() == 0 || !whole.whole_trials {
        whole.regret.clear();
    }
    Ok(whole)
}
