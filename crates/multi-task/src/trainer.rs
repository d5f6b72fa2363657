//! One training: collect, advantages, improve.

use crate::config::{MultiTaskConfig, NAME, Sharing};
use crate::library::Expert;
use crate::metrics::Metrics;
use crate::networks::{Networks, Role};
use crate::objective::{Group, Losses, Objective};
use crate::policy::Policies;
use crate::tasks::TaskSet;
use agent::{ActMode, LearnError, Minibatch, Minibatches, Samples, Targets, TaskPolicy};
use nets::{Optimizer, clip_gradient};
use rl_core::{
    ActionSpace, Actions, Domain, EnvFactory, EnvSpec, PolicyFactory, Purpose, StreamKey, Tree,
};
use rollout::{Batch, BatchSize, Pool, Tile};
use std::sync::Arc;

/// A training of one agent under one seed.
pub struct Trainer {
    config: MultiTaskConfig,
    seed: u64,
    spec: EnvSpec,
    pool: Arc<Pool>,
    tasks: Arc<TaskSet>,
    networks: Arc<Networks>,
    /// Numbers of an observation that the networks see.
    inputs: usize,
    values: Arc<Vec<f32>>,
    optimizer: Optimizer,
    samples: Samples,
    update: u64,
    env_steps: u64,
}

impl Trainer {
    /// A training at its start.
    ///
    /// # Errors
    /// If a setting is out of range, the environment's tasks are not told apart by what it
    /// shows, or its actions are continuous.
    pub fn new(
        env: &dyn EnvFactory,
        config: MultiTaskConfig,
        seed: u64,
        pool: Arc<Pool>,
    ) -> Result<Self, LearnError> {
        config.validate()?;
        let spec = env.spec().clone();
        let ActionSpace::Discrete { size: actions } = spec.action else {
            let allowed = format!("one of discrete actions, which {NAME} chooses from");
            return Err(LearnError::config("environment", spec.name, allowed));
        };
        let tasks = Arc::new(TaskSet::find(env)?);
        let inputs = match config.sharing {
            Sharing::Input {} => spec.observation.width(),
            _ => tasks.own(),
        };
        let networks = Arc::new(Networks::new(&config, (inputs, actions), tasks.count())?);
        let size = BatchSize {
            lanes: config.lanes,
            tile: config.tile,
            steps: spec.trial_steps(),
        };
        let batch = Batch::new(env, size)?;
        let targets = vec![Targets::default(); batch.tiles().len()];
        Ok(Self {
            optimizer: Optimizer::new(config.optimizer, Arc::clone(networks.layout()))?,
            values: Arc::new(networks.init(seed)),
            samples: Samples { batch, targets },
            config,
            seed,
            spec,
            pool,
            tasks,
            networks,
            inputs,
            update: 0,
            env_steps: 0,
        })
    }

    /// The settings.
    pub fn config(&self) -> &MultiTaskConfig {
        &self.config
    }

    /// Updates done.
    pub fn updates_done(&self) -> u64 {
        self.update
    }

    /// Environment steps done.
    pub fn env_steps(&self) -> u64 {
        self.env_steps
    }

    /// The agent as it is now.
    pub fn policy(&self, mode: ActMode) -> Arc<dyn PolicyFactory> {
        let made_of = (&self.networks, &self.tasks);
        let at = (&self.values[..], &self.spec);
        Arc::new(Policies::new(made_of, at, (self.inputs, mode)))
    }

    /// The policies of the tasks.
    pub fn library(&self) -> Vec<TaskPolicy> {
        let told = matches!(self.config.sharing, Sharing::Input {});
        let expert = |task| {
            let description = self.tasks.description(task);
            let params = self.networks.assemble(&self.values, Role::Policy, task);
            let policy = Arc::new(Expert {
                networks: Arc::clone(&self.networks),
                params: Arc::new(params),
                shown: if told {
                    description.clone()
                } else {
                    Vec::new()
                },
                own: self.tasks.own(),
                actions: self.networks.mlp(Role::Policy).outputs(),
                task,
            });
            TaskPolicy {
                description,
                policy,
            }
        };
        (0..self.tasks.count()).map(expert).collect()
    }

    fn key(&self) -> StreamKey {
        StreamKey::new(self.seed, Domain::Training, self.update)
    }

    /// One update.
    ///
    /// # Errors
    /// If the environment fails, or a loss, a gradient or a parameter is not finite;
    /// everything is then as before the update.
    pub fn update(&mut self) -> Result<Metrics, LearnError> {
        let policy = self.policy(ActMode::Sample);
        let key = self.key();
        self.samples.batch.collect(&self.pool, &policy, key)?;
        let (decay, scale) = (self.config.gae, self.config.reward_scale as f32);
        let Samples { batch, targets } = &mut self.samples;
        for (tile, targets) in batch.tiles().iter().zip(targets) {
            targets.fill(tile.trajectory(), decay, scale);
        }
        let updates = self.config.updates;
        let [learning_rate, entropy_coefficient] =
            [self.config.learning_rate, self.config.entropy_coefficient]
                .map(|schedule| schedule.at(self.update, updates));
        let objective = Objective {
            clip: self.config.outer.clip,
            value_coefficient: self.config.value_coefficient,
            entropy_coefficient,
            pull: self.config.pull(),
        };
        let before = (Arc::clone(&self.values), self.optimizer.clone());
        let improved = self.improve(objective, learning_rate).inspect_err(|_| {
            (self.values, self.optimizer) = before;
        })?;
        let (losses, gradient_norm, gradient_cosine) = improved;
        let (mean_return, steps) = self.samples.summary();
        self.update += 1;
        self.env_steps += steps;
        Ok(Metrics {
            update: self.update,
            env_steps: self.env_steps,
            mean_return,
            task_returns: self.task_returns(),
            policy_loss: losses.policy,
            value_loss: losses.value,
            entropy: losses.entropy,
            approx_kl: losses.approx_kl,
            clip_fraction: losses.clip_fraction,
            divergence: self.networks.is_distilled().then_some(losses.divergence),
            gradient_norm,
            gradient_cosine,
            learning_rate,
            entropy_coefficient,
        })
    }

    /// The steps of an update; means of the losses and the gradients' norms, and the cosine.
    fn improve(
        &mut self,
        objective: Objective,
        learning_rate: f64,
    ) -> Result<(Losses, f64, Option<f64>), LearnError> {
        let cosine = match self.update.is_multiple_of(self.config.cosine_interval) {
            true => self.cosine(&objective)?,
            false => None,
        };
        let (tiles, parts) = (self.samples.targets.len(), self.config.outer.minibatches);
        let stream = self.key().lane(Purpose::Shuffle, 0);
        let mut minibatches = Minibatches::new(tiles, parts, stream);
        let (mut sum, mut norms, mut steps) = (Losses::default(), 0.0, 0.0);
        for _ in 0..self.config.outer.epochs {
            for tiles in minibatches.pass() {
                self.pool.go_on()?;
                let (losses, mut gradient) = self.gradient(tiles, &objective)?;
                expect_finite(self.update + 1, &losses)?;
                norms += self.step(&mut gradient, learning_rate)?;
                sum.add(&losses);
                steps += 1.0;
            }
        }
        Ok((sum.over(steps), norms / steps, cosine))
    }

    /// One clipped step; the gradient's norm before.
    fn step(&mut self, gradient: &mut [f32], learning_rate: f64) -> Result<f64, LearnError> {
        let update = self.update + 1;
        let lower = format!("{NAME}.learning_rate or {NAME}.max_gradient_norm");
        let failed = |source| LearnError::step(update, None, source, &lower);
        let most = self.config.max_gradient_norm;
        let norm = clip_gradient(self.networks.layout(), gradient, most).map_err(failed)?;
        let values = Arc::make_mut(&mut self.values);
        let stepped = self.optimizer.update(values, gradient, learning_rate);
        stepped.map_err(failed)?;
        Ok(norm)
    }

    fn minibatch(&self, tiles: &[usize]) -> Minibatch {
        let normalized = self.config.normalize_advantages;
        self.samples.minibatch(tiles, normalized)
    }

    /// The gradient over some tiles, folded in their order.
    fn gradient(
        &self,
        tiles: &[usize],
        objective: &Objective,
    ) -> Result<(Losses, Vec<f32>), LearnError> {
        let minibatch = self.minibatch(tiles);
        let parts = self.pool.map(tiles, |_, tile| {
            let mut gradient = vec![0.0; self.values.len()];
            let mut losses = Losses::default();
            for group in self.groups(*tile, &minibatch) {
                let to = (&group, &mut gradient[..]);
                losses.add(&objective.gradient(&self.networks, &self.values, to));
            }
            (losses, gradient)
        })?;
        let mut whole = vec![0.0; self.values.len()];
        let mut losses = Losses::default();
        for (part, gradient) in parts {
            losses.add(&part);
            whole
                .iter_mut()
                .zip(gradient)
                .for_each(|(sum, g)| *sum += g);
        }
        Ok((losses, whole))
    }

    /// The task of a lane of a tile.
    fn task_of(&self, tile: &Tile, lane: usize) -> Option<usize> {
        let first = tile.trajectory().row(0);
        let width = first.observation.len() / first.lanes;
        self.tasks
            .of(&first.observation[lane * width..(lane + 1) * width])
    }

    /// The tasks of a tile's lanes.
    fn tasks_of(&self, tile: usize) -> Vec<usize> {
        let tile = &self.samples.batch.tiles()[tile];
        let lanes = 0..tile.trajectory().lanes();
        // All tasks were met before the training began.
        let task = |lane| self.task_of(tile, lane).unwrap_or_default();
        lanes.map(task).collect()
    }

    /// The samples of a tile, task by task in the order in which they are met.
    fn groups(&self, tile: usize, minibatch: &Minibatch) -> Vec<Group<f32>> {
        let met = self.tasks_of(tile);
        let mut tasks: Vec<usize> = Vec::new();
        for task in &met {
            if !tasks.contains(task) {
                tasks.push(*task);
            }
        }
        let group = |task: &usize| self.group(tile, (*task, &met), minibatch);
        tasks.iter().map(group).collect()
    }

    /// The samples of a tile that are of one task, where the lanes are of those that are
    /// `met`.
    fn group(
        &self,
        tile: usize,
        (task, met): (usize, &[usize]),
        minibatch: &Minibatch,
    ) -> Group<f32> {
        let targets = &self.samples.targets[tile];
        let trajectory = self.samples.batch.tiles()[tile].trajectory();
        let lanes = trajectory.lanes();
        let mut group = Group {
            task,
            ..Group::default()
        };
        for lane in (0..lanes).filter(|lane| met[*lane] == task) {
            for t in 0..trajectory.lengths()[lane] {
                let (row, at) = (trajectory.row(t), t * lanes + lane);
                let width = row.observation.len() / lanes;
                let first = lane * width;
                let seen = &row.observation[first..first + self.inputs];
                group.inputs.extend_from_slice(seen);
                if let Actions::Discrete(actions) = trajectory.row(t + 1).previous_action {
                    group.actions.push(actions[lane]);
                }
                group.log_probs.push(trajectory.log_probs()[at]);
                let advantage = targets.advantages[at];
                group
                    .advantages
                    .push((advantage - minibatch.shift) * minibatch.scale);
                group.returns.push(targets.returns[at]);
                group.weights.push(minibatch.weight);
            }
        }
        group
    }

    /// Mean over pairs of tasks of the cosine between their gradients of what they share;
    /// `None` where that is nothing: what is one task's own has no gradient of another.
    fn cosine(&self, objective: &Objective) -> Result<Option<f64>, LearnError> {
        let tiles: Vec<usize> = (0..self.samples.targets.len()).collect();
        let minibatch = self.minibatch(&tiles);
        let met: Vec<Vec<usize>> = tiles.iter().map(|tile| self.tasks_of(*tile)).collect();
        let all: Vec<usize> = (0..self.tasks.count()).collect();
        let gradients = self.pool.map(&all, |_, task| {
            let mut gradient = vec![0.0; self.values.len()];
            for (tile, met) in met.iter().enumerate().filter(|(_, met)| met.contains(task)) {
                let group = self.group(tile, (*task, met), &minibatch);
                let to = (&group, &mut gradient[..]);
                objective.gradient(&self.networks, &self.values, to);
            }
            self.networks.common(&gradient)
        })?;
        Ok(mean_cosine(&gradients))
    }

    /// Mean return of the trials in each task.
    fn task_returns(&self) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0.0); self.tasks.count()];
        for tile in self.samples.batch.tiles() {
            let trajectory = tile.trajectory();
            let lanes = trajectory.lanes();
            for (lane, &length) in trajectory.lengths().iter().enumerate() {
                let Some(task) = self.task_of(tile, lane) else {
                    continue;
                };
                let rewards = trajectory.rewards()[lane..].iter().step_by(lanes);
                sums[task].0 += rewards.take(length).map(|r| f64::from(*r)).sum::<f64>();
                sums[task].1 += 1.0;
            }
        }
        let mean = |(sum, count): (f64, f64)| (count > 0.0).then(|| sum / count);
        sums.into_iter().map(mean).collect()
    }

    /// All that a later process needs to go on with identical results.
    ///
    /// # Errors
    /// If a number in it is not finite.
    pub fn checkpoint(&self) -> Result<Tree, LearnError> {
        let tree = Tree::default()
            .with_branch(PARAMS, self.networks.layout().split(&self.values)?)
            .with_branch(OPTIMIZER, self.optimizer.state())
            .with_count(UPDATE, self.update)
            .with_count(ENV_STEPS, self.env_steps);
        tree.expect_storable()?;
        Ok(tree)
    }

    /// Begins with the parameters in a checkpoint of the same networks.
    ///
    /// # Errors
    /// If a parameter is missing, unknown or of another shape; nothing is changed then.
    pub fn begin_from(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        let layout = self.networks.layout();
        self.values = Arc::new(layout.join(&checkpoint.branch(PARAMS))?);
        Ok(())
    }

    /// Goes back to a checkpoint of the same networks.
    ///
    /// # Errors
    /// If an array is missing, unknown or of another shape; nothing is changed then.
    pub fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        checkpoint.expect_only(&[PARAMS, OPTIMIZER, UPDATE, ENV_STEPS])?;
        let (update, env_steps) = (checkpoint.count(UPDATE)?, checkpoint.count(ENV_STEPS)?);
        let values = self.networks.layout().join(&checkpoint.branch(PARAMS))?;
        self.optimizer.restore(&checkpoint.branch(OPTIMIZER))?;
        self.values = Arc::new(values);
        (self.update, self.env_steps) = (update, env_steps);
        Ok(())
    }
}

fn expect_finite(update: u64, losses: &Losses) -> Result<(), LearnError> {
    let named = [
        ("the policy loss", losses.policy),
        ("the value loss", losses.value),
        ("the entropy", losses.entropy),
        ("the approximate divergence", losses.approx_kl),
        ("the divergence from the shared policy", losses.divergence),
    ];
    let scale = format!("{NAME}.reward_scale or the environment's own");
    LearnError::expect_finite(update, &named, &scale, &format!("{NAME}.learning_rate"))
}

/// Mean over pairs of vectors that are not 0 of the cosine between them.
fn mean_cosine(vectors: &[Vec<f32>]) -> Option<f64> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let both = a.iter().zip(b);
        both.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let norms: Vec<f64> = vectors.iter().map(|v| dot(v, v).sqrt()).collect();
    let (mut sum, mut pairs) = (0.0, 0.0);
    for (i, a) in vectors.iter().enumerate() {
        for (j, b) in vectors.iter().enumerate().skip(i + 1) {
            let product = norms[i] * norms[j];
            if product > 0.0 {
                sum += dot(a, b) / product;
                pairs += 1.0;
            }
        }
    }
    (pairs > 0.0).then(|| sum / pairs)
}

/// Parts of a checkpoint.
const PARAMS: &str = "params";
const OPTIMIZER: &str = "optimizer";
const UPDATE: &str = "update";
const ENV_STEPS: &str = "env_steps";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::tests::config;

    /// What tasks have for themselves makes them neither more nor less alike.
    #[test]
    fn cosines_are_of_what_tasks_share() {
        let cosine = |sharing| {
            let networks = Networks::new(&config(sharing), (3, 4), 2).unwrap();
            let layout = networks.layout().numel();
            let ones = vec![1.0; layout];
            let gradient = |task| {
                let mut gradient = ones.clone();
                for role in [Role::Policy, Role::Value] {
                    let own = vec![task as f32 + 1.0; networks.mlp(role).parameters()];
                    networks.pull(&ones, (role, task), (&own, &mut gradient));
                }
                networks.common(&gradient)
            };
            mean_cosine(&[gradient(0), gradient(1)])
        };
        for sharing in [Sharing::Input {}, Sharing::Heads {}] {
            let found = cosine(sharing).unwrap();
            assert!((found - 1.0).abs() < 1e-12, "{sharing:?}: {found}");
        }
        assert_eq!(cosine(Sharing::Separate {}), None);
    }

    /// Of an action that became e^800 times as likely, the clipped loss is finite.
    #[test]
    fn a_divergence_that_overflows_is_named() {
        let networks = Networks::new(&config(Sharing::Blind {}), (3, 4), 2).unwrap();
        let values = networks.init(0);
        let group = Group {
            inputs: vec![0.0; 3],
            actions: vec![0],
            log_probs: vec![-800.0],
            advantages: vec![1.0],
            returns: vec![0.0],
            weights: vec![1.0],
            ..Group::default()
        };
        let objective = Objective {
            clip: 0.2,
            value_coefficient: 0.5,
            entropy_coefficient: 0.0,
            pull: 0.0,
        };
        let mut gradient = vec![0.0; values.len()];
        let losses = objective.gradient(&networks, &values, (&group, &mut gradient));
        assert_eq!(losses.policy, -1.2);
        let error = expect_finite(3, &losses).unwrap_err().to_string();
        let said = "update 3: the approximate divergence is inf";
        assert!(error.starts_with(said), "{error}");
    }

    #[test]
    fn cosines_are_of_pairs_that_have_one() {
        let found = mean_cosine(&[vec![1.0, 0.0], vec![0.0, 2.0], vec![3.0, 3.0]]);
        let wanted = 2.0 * 0.5_f64.sqrt() / 3.0;
        assert!((found.unwrap() - wanted).abs() < 1e-12);
        assert_eq!(mean_cosine(&[vec![1.0], vec![0.0]]), None);
        assert_eq!(mean_cosine(&[vec![1.0], vec![-2.0], vec![0.0]]), Some(-1.0));
    }
}
