//! One training: collect, advantages, improve the policy, improve the belief.

use crate::autoencoder::{self, Autoencoder, Learned};
use crate::config::{Belief, BeliefConfig, NAME, Sampling, Target};
use crate::encoder::{Kind, softmax};
use crate::past;
use crate::predictor::Predictor;
use crate::supervised::{Step, Supervisor};
use crate::trunk::{self, Believing};
use agent::{
    ActorCritic, InputRows, LearnError, Learner, Minibatch, NativeBackend, Objective, Place,
    Surrogate,
};
use kernels::Trunk as _;
use nets::Device;
use rl_core::{EnvFactory, Footprint, KnownTasks, MOST_DESCRIBED, Outcome, Trajectory, Tree};
use serde::Serialize;
use std::sync::Arc;

/// What one update did. Nothing in it depends on the clock or the workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Updates done.
    pub update: u64,
    /// Environment steps done.
    pub env_steps: u64,
    /// Mean return of the trials of this update, actions sampled.
    pub mean_return: f64,
    /// What the belief loses, a mean over the update's steps: by the task, nats or half
    /// the squared error; or by what it decodes into, the sum of the nats of a trial's
    /// rewards, and of its transitions where they are decoded.
    pub belief_loss: f64,
    /// Nats from a Gaussian belief to its prior, a mean over the update's steps.
    pub belief_divergence: f64,
    /// Of the belief's own optimizer, before clipping; 0 where it has none.
    pub belief_gradient_norm: f64,
    /// Mean over the update's minibatches.
    pub policy_loss: f64,
    /// Mean over the update's minibatches.
    pub value_loss: f64,
    /// Nats, mean over the update's minibatches.
    pub entropy: f64,
    /// Nats, mean over the update's minibatches.
    pub approx_kl: f64,
    /// Mean over the update's minibatches.
    pub clip_fraction: f64,
    /// Before clipping, mean over the update's minibatches.
    pub gradient_norm: f64,
    /// Step size of this update.
    pub learning_rate: f64,
    /// Entropy bonus of this update.
    pub entropy_coefficient: f64,
}

/// A training of one agent under one seed.
pub struct Trainer {
    config: BeliefConfig,
    learner: Learner,
    /// Without parameters.
    network: Believing,
    teaches: Teaches,
}

/// What the belief learns from.
enum Teaches {
    /// Nothing but the policy's gradient.
    Nothing,
    Task(Box<Supervisor>),
    Rewards(Box<Autoencoder>),
}

/// What there is to know before a training is made.
struct Plan {
    /// Descriptions of all tasks, where their numbers are predicted.
    tasks: Vec<Vec<f32>>,
    model: Arc<ActorCritic>,
    network: Believing,
}

impl Plan {
    fn new(
        env: &dyn EnvFactory,
        config: &BeliefConfig,
        device: Device,
    ) -> Result<Self, LearnError> {
        config.validate()?;
        if device != Device::Cpu {
            let allowed = "the CPU: beliefs are computed natively; leave --device out";
            return Err(LearnError::config("device", "cuda", allowed));
        }
        let (tasks, description) = told(env, config)?;
        let kind = Kind::new(&config.belief, tasks.len(), description);
        let predictor = Predictor::new(env, config)?;
        let model = Arc::new(trunk::model(env, config, (kind, predictor.as_ref()))?);
        let network = Believing::new(&model, config, (kind, predictor))?;
        Ok(Self {
            tasks,
            model,
            network,
        })
    }
}

/// What a training is told of tasks: the descriptions of all of them, or of how many
/// numbers one is.
fn told(env: &dyn EnvFactory, config: &BeliefConfig) -> Result<(Vec<Vec<f32>>, usize), LearnError> {
    let Belief::Supervised { target, .. } = config.belief else {
        return Ok((Vec::new(), 0));
    };
    let (name, key) = (&env.spec().name, format!("{NAME}.belief.target"));
    match target {
        Target::Task => {
            let tasks = env.descriptions();
            let mut sorted: Vec<Vec<u32>> = tasks
                .iter()
                .map(|task| task.iter().map(|x| x.to_bits()).collect())
                .collect();
            sorted.sort_unstable();
            sorted.dedup();
            if tasks.is_empty() || sorted.len() < tasks.len() {
                let allowed = format!(
                    "\"description\" in '{name}': \"task\" is for up to {MOST_DESCRIBED} tasks that \
                     can be counted and have a description each, no two of them alike"
                );
                return Err(LearnError::config(key, "task", allowed));
            }
            Ok((tasks, 0))
        }
        Target::Description => {
            let mut lane = env.make(1);
            let mut first = vec![0.0; env.spec().observation.width()];
            let key_of = rl_core::StreamKey::new(0, rl_core::Domain::Training, 0);
            lane.begin(&key_of, 0, &mut first);
            match lane.description(0).len() {
                0 => {
                    let allowed = format!(
                        "an environment whose tasks have a description; '{name}' has none, so set \
                         {NAME}.belief.kind = \"variational\""
                    );
                    Err(LearnError::config(key, "description", allowed))
                }
                size => Ok((Vec::new(), size)),
            }
        }
    }
}

/// What a training takes at its peak, evaluations aside.
///
/// # Errors
/// If a setting is out of range or does not fit the environment.
pub(crate) fn footprint(
    env: &dyn EnvFactory,
    config: &BeliefConfig,
    place: &Place,
) -> Result<Footprint, LearnError> {
    let plan = Plan::new(env, config, place.device)?;
    let (workers, steps) = (place.pool.workers(), env.spec().trial_steps());
    let encoder = plan.network.encoder.clone();
    let (whole, features) = (
        plan.network.bytes(config.tile, steps),
        plan.network.features(),
    );
    let backend = NativeBackend::with_trunk(&plan.model, plan.network)?;
    let parts = (&*plan.model, &backend);
    let own = agent::native_footprint(env, &config.learner(), place, parts)?;
    let own = match (&config.belief, config.belief.decoding()) {
        (Belief::Supervised { .. }, _) => {
            let tiles = config.lanes / config.tile;
            let tiles = (workers.min(tiles), tiles / config.outer.minibatches);
            let of_what = (&encoder, &plan.model.inputs);
            let mut bytes = Supervisor::bytes(of_what, tiles, (config.tile, steps));
            if config.sample == Sampling::Episode {
                // Its optimizer's two moments, as before the update too.
                bytes += 16.0 * encoder.parameters() as f64;
            }
            let by = format!("{NAME}.tile, {NAME}.trunk and --workers");
            own.with("learning the task", bytes, by)
        }
        (_, Some(of)) => {
            let shape = past::Shape::new(env.spec(), env.told());
            let networks = autoencoder::parts(of, &shape)?;
            let parts = (&encoder, &shape, &networks[..]);
            let sizes = (workers, steps);
            let of_what = (of, config.tile, &plan.model.inputs);
            let [work, past] = Autoencoder::bytes(of_what, parts, sizes);
            let by = format!("{NAME}.belief.batch, {NAME}.belief.prefixes and {NAME}.tile");
            own.with("decoding beliefs", work, by).with(
                format!(
                    "{} trials of the past, with a checkpoint of them that is read",
                    of.buffer
                ),
                past,
                format!("{NAME}.belief.buffer and the environment's steps per trial"),
            )
        }
        (_, None) => own,
    };
    Ok(match config.sample {
        Sampling::None => own,
        Sampling::Episode => {
            // Tiles are lived again up to there, beside what is kept to learn from them.
            let row = 4.0 * features as f64 + InputRows::bytes(&plan.model.inputs);
            let tile = whole.learning + (config.tile * steps) as f64 * row;
            let tiles = workers.min(config.lanes / config.tile) as f64;
            own.with(
                format!("values of final observations of {} lanes", config.lanes),
                4.0 * (config.lanes * steps) as f64 + tiles * tile + whole.packed,
                format!("{NAME}.lanes, {NAME}.tile, {NAME}.trunk and --workers"),
            )
        }
    })
}

impl Trainer {
    /// A training at its start.
    ///
    /// # Errors
    /// If a setting is out of range or does not fit the environment.
    pub fn new(
        env: &dyn EnvFactory,
        config: BeliefConfig,
        seed: u64,
        place: Place,
    ) -> Result<Self, LearnError> {
        let plan = Plan::new(env, &config, place.device)?;
        let (model, network) = (plan.model, plan.network);
        let backend = NativeBackend::with_trunk(&model, network.clone())?;
        let encoder = network.encoder.clone();
        let teaches = match (&config.belief, config.belief.decoding()) {
            (Belief::Supervised { coefficient, .. }, _) => {
                let own = Supervisor::new(encoder, plan.tasks, *coefficient);
                let own = match config.sample {
                    Sampling::None => own,
                    Sampling::Episode => own.with_steps(&model, config.optimizer)?,
                };
                Teaches::Task(Box::new(own))
            }
            (_, Some(of)) => {
                let parts = (&*model, encoder, network.believing());
                let own = Autoencoder::new(env, (of, config.tile), parts, seed)?;
                Teaches::Rewards(Box::new(own))
            }
            (_, None) => Teaches::Nothing,
        };
        let parts = (model, Box::new(backend) as Box<dyn agent::Backend>);
        let learner = Learner::with_backend(env, config.learner(), seed, place.pool, parts)?;
        let learner = match teaches {
            Teaches::Task(_) => learner.with_descriptions(),
            Teaches::Nothing | Teaches::Rewards(_) => learner,
        };
        Ok(Self {
            config,
            learner,
            network,
            teaches,
        })
    }

    /// The agent that learns.
    pub fn learner(&self) -> &Learner {
        &self.learner
    }

    /// The agent that learns, to be put somewhere else.
    pub fn learner_mut(&mut self) -> &mut Learner {
        &mut self.learner
    }

    /// The settings.
    pub fn config(&self) -> &BeliefConfig {
        &self.config
    }

    /// One update: trials, what they teach the policy, and steps down its loss and the
    /// belief's.
    ///
    /// # Errors
    /// If the environment fails, or a loss, a gradient or a parameter is not finite;
    /// everything is then as before the update.
    pub fn update(&mut self) -> Result<Metrics, LearnError> {
        self.learner.collect()?;
        self.advantages()?;
        let (update, updates) = (self.learner.updates_done(), self.config.updates);
        let scheduled = |schedule: nets::Schedule| schedule.at(update, updates);
        let [learning_rate, entropy_coefficient] =
            [self.config.learning_rate, self.config.entropy_coefficient].map(scheduled);
        let objective = Objective {
            surrogate: Surrogate::Clipped(self.config.outer.clip),
            value_coefficient: self.config.value_coefficient,
            entropy_coefficient,
            teacher_coefficient: 0.0,
        };
        let passes = self.config.passes();
        let goal = (objective, learning_rate);
        let Self {
            config,
            learner,
            teaches,
            ..
        } = self;
        let improved = match teaches {
            Teaches::Nothing => learner.improve(|learner| {
                let learned = learner.passes(passes, objective, learning_rate)?;
                Ok((learned, Learned::default()))
            }),
            Teaches::Task(supervisor) if supervisor.steps_alone() => {
                let before = supervisor.optimizer();
                let step = Step {
                    learning_rate,
                    max_gradient_norm: config.max_gradient_norm,
                };
                let own = &mut *supervisor;
                let improved = learner.improve(|learner| {
                    let learned = learner.passes(passes, objective, learning_rate)?;
                    Ok((learned, own.learn(learner, passes, step)?))
                });
                if improved.is_err() {
                    supervisor.go_to(before);
                }
                improved
            }
            Teaches::Task(supervisor) => learner.improve(|learner| {
                let (mut sum, mut steps) = (0.0, 0.0);
                let beside = &mut |learner: &Learner, minibatch: &Minibatch| {
                    let (gradient, loss) = supervisor.gradient(learner, minibatch)?;
                    (sum, steps) = (sum + loss, steps + 1.0);
                    Ok(gradient)
                };
                let learned = learner.passes_beside(passes, goal, beside)?;
                let mut own = Learned::default();
                own.losses.reconstruction = sum / steps;
                Ok((learned, own))
            }),
            Teaches::Rewards(autoencoder) => {
                let rate = config.belief.decoding().map(|of| of.learning_rate);
                let rate = rate.map_or(0.0, scheduled);
                let tiles = learner.samples().batch.tiles().iter();
                let before = autoencoder.remember(tiles.map(|tile| tile.trajectory()));
                let own = &mut *autoencoder;
                let improved = learner.improve(|learner| {
                    let learned = learner.passes(passes, objective, learning_rate)?;
                    Ok((learned, own.learn(learner, rate)?))
                });
                if improved.is_err() {
                    autoencoder.undo(before);
                }
                improved
            }
        };
        let improved = improved.map_err(|mut error| {
            if let LearnError::Loss { scale, .. } = &mut error
                && scale == "the environment's scale"
            {
                *scale = "belief.reward_scale or the environment's own".to_owned();
            }
            error
        });
        let (((losses, gradient_norm), own), mean_return) = improved?;
        Ok(Metrics {
            update: self.learner.updates_done(),
            env_steps: self.learner.env_steps(),
            mean_return,
            belief_loss: own.losses.reconstruction,
            belief_divergence: own.losses.divergence,
            belief_gradient_norm: own.norm,
            policy_loss: losses.policy,
            value_loss: losses.value,
            entropy: losses.entropy,
            approx_kl: losses.approx_kl,
            clip_fraction: losses.clip_fraction,
            gradient_norm,
            learning_rate,
            entropy_coefficient,
        })
    }

    /// Computes what the collected trials teach the policy.
    fn advantages(&mut self) -> Result<(), LearnError> {
        let (decay, scale) = (self.config.gae, self.config.reward_scale as f32);
        if self.config.sample == Sampling::None {
            self.learner
                .teach(|trajectory, targets| targets.fill(trajectory, decay, scale));
            return Ok(());
        }
        let network = self.packed();
        let value = ["value.weight", "value.bias"].map(|name| self.parameter(name));
        let tiles = self.learner.samples().batch.tiles();
        let inputs = &self.learner.model().inputs;
        let finals = self.learner.pool().map(tiles, |_, tile| {
            final_values(&network, (inputs, value), tile.trajectory())
        })?;
        let mut finals = finals.into_iter();
        self.learner.teach(|trajectory, targets| {
            let own = finals.next().unwrap_or_default();
            targets.fill_episodes(trajectory, (decay, scale), &own);
        });
        Ok(())
    }

    /// The network with its parameters.
    fn packed(&self) -> Believing {
        let mut network = self.network.clone();
        let entries = network.entries();
        let split = entries.last().map_or(0, |entry| entry.range().end);
        network.pack(&self.learner.parameters()[..split]);
        network
    }

    /// A parameter, empty if there is none of that name.
    fn parameter(&self, name: &str) -> &[f32] {
        let layout = self.learner.model().layout();
        let range = layout.find(name).map(|slot| layout.range(slot));
        &self.learner.parameters()[range.unwrap_or(0..0)]
    }

    /// With what probability each action is taken, by the task that was drawn and is held
    /// and by the symbol that is observed; `None` where no task is drawn.
    /// `[tasks][states][actions]`
    pub fn held_actions(&self, tasks: &dyn KnownTasks) -> Option<Vec<f32>> {
        let inputs = &self.learner.model().inputs;
        let fits = self.config.sample == Sampling::Episode
            && self.network.encoder.kind == Kind::Task(tasks.count())
            && inputs.is_symbol()
            && inputs.shows(agent::Input::Observation)
            && inputs.observation_size() == tasks.states()
            // Nothing else is told but the noise, which draws are made by.
            && inputs.seen_size() == tasks.states() + 1;
        let bias = self.parameter("policy.bias");
        if !fits || bias.is_empty() {
            return None;
        }
        let network = self.packed();
        let features = network.features_of_draws(tasks.states());
        let weight = self.parameter("policy.weight");
        let mut probabilities = Vec::new();
        for row in features.chunks_exact(network.features()) {
            let weights = weight.chunks_exact(row.len());
            let dot = |(weight, bias): (&[f32], &f32)| {
                let products = weight.iter().zip(row).map(|(w, x)| w * x);
                products.sum::<f32>() + bias
            };
            let logits: Vec<f32> = weights.zip(bias).map(dot).collect();
            let first = probabilities.len();
            probabilities.resize(first + logits.len(), 0.0);
            softmax(&logits, &mut probabilities[first..]);
        }
        Some(probabilities)
    }

    /// How probable each task is to the agent before every step of some trials that it
    /// lived; `None` where it does not say. `[steps][lanes][tasks]`
    pub fn task_beliefs(&self, lived: &Trajectory, tasks: &dyn KnownTasks) -> Option<Vec<f32>> {
        let values = self.learner.parameters();
        match (&self.teaches, self.network.encoder.kind) {
            (Teaches::Rewards(own), _) => own.task_beliefs(values, (lived, tasks)),
            (Teaches::Task(_), Kind::Task(count)) if count == tasks.count() => {
                let mut encoder = self.network.encoder.clone();
                encoder.pack(&values[..encoder.parameters()]);
                let mut rows = InputRows::default();
                let inputs = &self.learner.model().inputs;
                (0..lived.steps()).for_each(|t| rows.push(inputs, &lived.row(t)));
                let mut work = encoder.work();
                encoder.forward(&mut work, rows.trials(lived.lanes()));
                let logits = work.belief.outputs();
                let mut probabilities = vec![0.0; logits.len()];
                let rows = logits.chunks_exact(count);
                rows.zip(probabilities.chunks_exact_mut(count))
                    .for_each(|(logits, probabilities)| softmax(logits, probabilities));
                Some(probabilities)
            }
            _ => None,
        }
    }

    /// All that a later process needs to go on with identical results: the learner's own,
    /// and on the branch `belief` what learns beside it: the decoder, its optimizer and the
    /// trials of the past, or the optimizer of an encoder that is moved by itself.
    ///
    /// # Errors
    /// If a number in it is not finite: nothing could go on from there.
    pub fn checkpoint(&self) -> Result<Tree, LearnError> {
        let tree = self.learner.checkpoint()?;
        let beside = match &self.teaches {
            Teaches::Rewards(own) => Some(own.state(self.learner.parameters())?),
            Teaches::Task(own) => own.state(),
            Teaches::Nothing => None,
        };
        let tree = match beside {
            Some(own) => tree.with_branch(BELIEF, own),
            None => tree,
        };
        tree.expect_storable()?;
        Ok(tree)
    }

    /// Goes back to a checkpoint.
    ///
    /// # Errors
    /// If it does not fit; nothing is changed then.
    pub fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        match &mut self.teaches {
            Teaches::Rewards(own) => {
                let restored = own.restored(&checkpoint.branch(BELIEF))?;
                self.learner.restore(&without_belief(checkpoint))?;
                own.go_to(restored);
            }
            Teaches::Task(own) if own.steps_alone() => {
                let restored = own.restored(&checkpoint.branch(BELIEF))?;
                self.learner.restore(&without_belief(checkpoint))?;
                own.go_to(restored);
            }
            Teaches::Nothing | Teaches::Task(_) => self.learner.restore(checkpoint)?,
        }
        Ok(())
    }

    /// Begins with the parameters in a checkpoint of the same networks: the learner's, and
    /// where the belief decodes, the decoder's. The optimizers know nothing of them, and no
    /// trials of the past come along.
    ///
    /// # Errors
    /// If a parameter is missing, unknown or of another shape; nothing is changed then.
    pub fn begin_from(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        let Teaches::Rewards(own) = &mut self.teaches else {
            return self.learner.begin_from(checkpoint);
        };
        let decoder = own.decoder(&checkpoint.branch(BELIEF))?;
        self.learner.begin_from(checkpoint)?;
        own.begin_with(decoder);
        Ok(())
    }
}

/// What is the learner's own in a checkpoint.
fn without_belief(checkpoint: &Tree) -> Tree {
    let mut others = Tree::default();
    let prefix = format!("{BELIEF}/");
    for (name, array) in checkpoint.iter() {
        if !name.starts_with(&prefix) {
            others.insert(name, array.clone());
        }
    }
    others
}

/// The branch of a checkpoint that is the belief's.
const BELIEF: &str = "belief";

/// The values of the observations that a tile's truncated episodes ended with, at their
/// last steps. `[steps][lanes]`
fn final_values(
    network: &Believing,
    (inputs, [weight, bias]): (&agent::Inputs, [&[f32]; 2]),
    lived: &Trajectory,
) -> Vec<f32> {
    let lanes = lived.lanes();
    let mut rows = InputRows::default();
    (0..lived.steps()).for_each(|t| rows.push(inputs, &lived.row(t)));
    let mut work = network.work();
    let mut features = vec![0.0; lived.steps() * lanes * network.features()];
    network.forward(&mut work, rows.trials(lanes), &mut features);
    let size = inputs.observation_size();
    let (mut cut, mut finals) = (Vec::new(), Vec::new());
    let mut before = vec![0; lanes];
    for (row, outcome) in lived.outcomes().iter().enumerate() {
        if *outcome == Outcome::Truncated {
            let lane = row % lanes;
            let seen = lived.final_observation(lane, before[lane]);
            before[lane] += 1;
            cut.push(row);
            let first = finals.len();
            finals.resize(first + size, 0.0);
            match (inputs.is_symbol(), inputs.shows(agent::Input::Observation)) {
                (true, true) => finals[first + seen[0] as usize] = 1.0,
                (true, false) => finals[first] = 1.0,
                (false, true) => finals[first..].copy_from_slice(seen),
                (false, false) => {}
            }
        }
    }
    let mut values = vec![0.0; lived.steps() * lanes];
    let features = network.final_features(&mut work, &cut, &finals);
    for (row, features) in cut.iter().zip(features.chunks_exact(network.features())) {
        let sum: f32 = features.iter().zip(weight).map(|(x, w)| x * w).sum();
        values[*row] = sum + bias[0];
    }
    values
}

#[cfg(test)]
#[path = "trainer_tests.rs"]
mod tests;
