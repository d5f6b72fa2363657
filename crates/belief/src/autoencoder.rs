//! A belief that learns from what it decodes into: its decoder, its buffer of trials and
//! its optimizer.

use crate::config::{Queries, Rewards, Transitions, Variational};
use crate::elbo::{Asked, Decoder, Lived, Losses, Part, Predicts, Query};
use crate::encoder::{Encoder, EncoderWork};
use crate::past::{Past, Questions, Recalled, Shape, Undo};
use agent::{ActorCritic, InputRows, Inputs, LearnError, Learner};
use kernels::mlp::{Activation, Cache, Head, Mlp};
use nets::{Blueprint, Init, Layout, Optimizer, clip_gradient};
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{
    Domain, EnvFactory, KnownTasks, ObservationSpace, Purpose, Stream, StreamKey, Trajectory, Tree,
};
use std::sync::{Arc, Mutex};

/// What learns beside the policy.
pub(crate) struct Autoencoder {
    config: Variational,
    inputs: Inputs,
    shape: Shape,
    /// Without parameters.
    encoder: Encoder,
    decoder: Decoder,
    /// How many of the learner's parameters it moves: the encoder's, and those of a decoder of
    /// rewards that the policy reads.
    joined: usize,
    /// The decoder's other parameters.
    values: Vec<f32>,
    /// What the optimizer moves, as the layout, where agents act by an average of it; `None`
    /// before the first step.
    moving: Option<Vec<f32>>,
    /// Of those that it moves of the learner's, then of the decoder.
    layout: Arc<Layout>,
    optimizer: Optimizer,
    past: Past,
    tile: usize,
    spare: Mutex<Vec<Scratch>>,
}

/// Buffers of one job, reused by later ones.
struct Scratch {
    encoder: EncoderWork,
    cache: Cache<f32>,
    recalled: Recalled,
}

/// What [`Autoencoder::learn`] and what comes before it change.
pub(crate) struct Before {
    values: Vec<f32>,
    moving: Option<Vec<f32>>,
    optimizer: Optimizer,
    past: Undo,
}

/// Means over an update's steps.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Learned {
    pub(crate) losses: Losses,
    /// Before clipping.
    pub(crate) norm: f64,
}

/// Latents that a belief's prediction is a mean over.
const DRAWS: usize = 8;

/// The decoder's networks for an environment: of rewards, and of transitions if they are
/// decoded.
///
/// # Errors
/// If a size is out of range, or what is observed is not of the kind that is predicted.
pub(crate) fn parts(config: &Variational, shape: &Shape) -> Result<Vec<Part>, LearnError> {
    let part = |query: usize, (heads, outputs): (usize, usize), predicts: Predicts| {
        let inputs = match heads {
            1 => config.latent + query,
            _ => config.latent,
        };
        let network = Mlp::new(
            inputs,
            &config.decoder,
            heads * outputs,
            Activation::Relu,
            Head::None,
        );
        let network = network.map_err(|error| {
            let units = format!("{:?}", config.decoder);
            LearnError::config("belief.belief.decoder", units, error.to_string())
        })?;
        Ok::<_, LearnError>(Part {
            network,
            predicts,
            heads,
        })
    };
    let predicts = match config.rewards {
        Rewards::Bernoulli { .. } => Predicts::Bernoulli,
        Rewards::Exclusive { .. } => Predicts::Exclusive,
        Rewards::Gaussian { .. } => Predicts::Gaussian,
    };
    let query = shape.query(&config.queries);
    let heads = match (config.multi_head, &config.queries[..]) {
        (false, _) => 1,
        (true, [of]) if shape.is_symbol(*of) => query + 1,
        (true, _) => {
            let allowed =
                "false: what is asked by is no symbol here, so that no head could be picked";
            return Err(LearnError::config(
                "belief.belief.multi_head",
                true,
                allowed,
            ));
        }
    };
    let mut parts = vec![part(query, (heads, 1), predicts)?];
    let next = shape.query(&[Queries::NextObservation]);
    let refused =
        |kind, allowed| LearnError::config("belief.belief.transitions.kind", kind, allowed);
    let predicts = match (config.transitions, shape.symbols()) {
        (Transitions::None, _) => return Ok(parts),
        (Transitions::Categorical | Transitions::Gaussian { .. }, _) if next == 0 => {
            let kind = match config.transitions {
                Transitions::Categorical => "categorical",
                _ => "gaussian",
            };
            return Err(refused(kind, "\"none\": nothing is observed here"));
        }
        (Transitions::Categorical, true) => Predicts::Categorical,
        (Transitions::Gaussian { .. }, false) => Predicts::Gaussian,
        (Transitions::Gaussian { .. }, true) => {
            let allowed = "\"categorical\" or \"none\": what is observed here is a symbol";
            return Err(refused("gaussian", allowed));
        }
        (Transitions::Categorical, false) => {
            let allowed = "\"gaussian\" or \"none\": what is observed here are numbers";
            return Err(refused("categorical", allowed));
        }
    };
    parts.push(part(shape.query(&DECIDES), (1, next), predicts)?);
    Ok(parts)
}

/// What transitions depend on.
const DECIDES: [Queries; 2] = [Queries::Observation, Queries::Action];

/// The parameters of the first so many that are another's to draw, and of the parts of the
/// decoder that are not among them.
fn blueprint(model: &ActorCritic, (joined, encoder): (usize, usize), parts: &[Part]) -> Blueprint {
    let mut blueprint = Blueprint::new();
    let own = model.layout().entries().iter();
    for entry in own.take_while(|entry| entry.offset < joined) {
        blueprint.declare(&entry.name, &entry.shape, Init::Zeros);
    }
    let read = usize::from(joined > encoder);
    let named = parts.iter().zip(["decoder", "decoder.transitions"]);
    for (part, of) in named.skip(read) {
        for (name, shape, _) in part.network.layout() {
            let init = match shape.len() {
                2 => Init::Orthogonal {
                    gain: nets::Activation::Relu.gain(),
                    blocks: 1,
                },
                _ => Init::Zeros,
            };
            blueprint.declare(format!("{of}.{name}"), &shape, init);
        }
    }
    blueprint
}

impl Autoencoder {
    /// One at its start.
    ///
    /// # Errors
    /// If a setting does not fit the environment.
    pub(crate) fn new(
        env: &dyn EnvFactory,
        (config, tile): (&Variational, usize),
        (model, encoder, joined): (&ActorCritic, Encoder, usize),
        seed: u64,
    ) -> Result<Self, LearnError> {
        let shape = Shape::new(env.spec(), env.told());
        let parts = parts(config, &shape)?;
        let blueprint = blueprint(model, (joined, encoder.parameters()), &parts);
        let key = StreamKey::new(seed, Domain::Training, 0);
        let drawn = blueprint.init(&mut key.lane(Purpose::Init, 1));
        let layout = blueprint.layout();
        Ok(Self {
            config: config.clone(),
            inputs: model.inputs.clone(),
            decoder: Decoder {
                parts,
                latent: config.latent,
                deterministic: config.deterministic,
                decodes: config.decodes,
                repeats: config.repeats,
                prior: config.prior,
                coefficient: config.divergence_coefficient,
            },
            joined,
            values: drawn[joined..].to_vec(),
            moving: None,
            optimizer: Optimizer::new(config.optimizer, Arc::clone(&layout))?,
            past: Past::new(shape.clone(), config.buffer, config.kept),
            encoder,
            shape,
            layout,
            tile,
            spare: Mutex::default(),
        })
    }

    /// Keeps trials to learn from; gives what undoes that and the learning after it.
    pub(crate) fn remember<'a>(&mut self, lived: impl Iterator<Item = &'a Trajectory>) -> Before {
        Before {
            values: self.values.clone(),
            moving: self.moving.clone(),
            optimizer: self.optimizer.clone(),
            past: self.past.push(lived),
        }
    }

    /// Goes back to what was there before.
    pub(crate) fn undo(&mut self, before: Before) {
        self.values = before.values;
        self.moving = before.moving;
        self.optimizer = before.optimizer;
        self.past.undo(before.past);
    }

    /// The steps of an update: moves the encoder, among the learner's parameters, and the
    /// decoder; where agents act by an average, that follows them.
    ///
    /// # Errors
    /// If a loss, a gradient or a parameter is not finite, or the work was called off.
    pub(crate) fn learn(
        &mut self,
        learner: &mut Learner,
        learning_rate: f64,
    ) -> Result<Learned, LearnError> {
        let mut learned = Learned::default();
        let steps = self.config.steps as u64;
        let share = 1.0 / steps as f64;
        let mut moving = match self.moving.take() {
            Some(moving) => moving,
            None => self.joined(learner.parameters()),
        };
        for step in 0..steps {
            learner.pool().go_on()?;
            let (mut gradient, losses) = self.gradient(learner, &moving, step)?;
            let update = learner.updates_done() + 1;
            expect_finite(&losses, update)?;
            let most = self.config.max_gradient_norm;
            let failed = |source| LearnError::step(update, Some(PART), source, LOWER);
            let norm = clip_gradient(&self.layout, &mut gradient, most).map_err(failed)?;
            let stepped = self.optimizer.update(&mut moving, &gradient, learning_rate);
            stepped.map_err(failed)?;
            let taken = learner.updates_done() as f64 * steps as f64 + step as f64;
            let kept = self.kept(taken);
            let (split, values) = (self.joined, &mut self.values);
            learner.amend(|all| {
                let followers = all[..split].iter_mut().chain(values.iter_mut());
                for (follower, moved) in followers.zip(&moving) {
                    *follower = match kept {
                        0.0 => *moved,
                        _ => kept * *follower + (1.0 - kept) * moved,
                    };
                }
                Ok(())
            })?;
            learned.losses.reconstruction += share * losses.reconstruction;
            learned.losses.divergence += share * losses.divergence;
            learned.norm += share * norm;
        }
        if self.config.averaging > 0.0 {
            self.moving = Some(moving);
        }
        Ok(learned)
    }

    /// What stays of the average at a step: less at first, so that it forgets its beginning.
    fn kept(&self, before: f64) -> f32 {
        let taken = before + 1.0;
        self.config.averaging.min(taken / (taken + 10.0)) as f32
    }

    /// All parameters that it moves, given the learner's.
    fn joined(&self, values: &[f32]) -> Vec<f32> {
        [&values[..self.joined], &self.values].concat()
    }

    /// The gradient of a step over trials of the past by parameters as the layout, and its
    /// losses.
    fn gradient(
        &self,
        learner: &Learner,
        moving: &[f32],
        step: u64,
    ) -> Result<(Vec<f32>, Losses), LearnError> {
        let key = learner.key();
        let lane = |part: u64| step << 32 | part;
        let mut draws = key.lane(Purpose::Replay, lane(0));
        let count = self.past.len();
        let draw = |_| draws.random_range(0..count);
        let trials: Vec<usize> = (0..self.config.batch).map(draw).collect();
        let chunks: Vec<&[usize]> = trials.chunks(self.tile).collect();
        let mut encoder = self.encoder.clone();
        let (own, decoder) = moving.split_at(encoder.parameters());
        encoder.pack(own);
        let lengths = trials.iter().map(|trial| self.past.length(*trial));
        let beliefs: usize = lengths.sum();
        let parts = learner.pool().map(&chunks, |index, chunk| {
            let mut stream = key.lane(Purpose::Replay, lane(1 + index as u64));
            self.of_trials((&encoder, decoder), (chunk, &mut stream), beliefs)
        })?;
        let mut gradient = vec![0.0; self.layout.numel()];
        let mut losses = Losses::default();
        for (own, own_losses) in &parts {
            gradient.iter_mut().zip(own).for_each(|(g, own)| *g += own);
            losses.add(own_losses);
        }
        Ok((gradient, losses))
    }

    /// How many beliefs of a trial of so many steps are decoded.
    fn decoded(&self, length: usize) -> usize {
        match self.config.prefixes {
            0 => length,
            most => most.min(length),
        }
    }

    fn of_trials(
        &self,
        (encoder, decoder): (&Encoder, &[f32]),
        (trials, stream): (&[usize], &mut Stream),
        all_beliefs: usize,
    ) -> (Vec<f32>, Losses) {
        let mut scratch = self.take(encoder);
        let Scratch {
            encoder: work,
            cache,
            recalled,
        } = &mut scratch;
        self.past.recall(trials, &self.inputs, recalled);
        encoder.forward(work, recalled.rows.trials(trials.len()));
        let mut rewards = recalled.asked(&self.shape, &self.config.queries);
        let target = |reward: &mut f32| *reward = target(self.config.rewards, *reward);
        rewards.answers.iter_mut().for_each(target);
        let mut all = vec![rewards];
        if self.decoder.parts.len() > 1 {
            let mut next = recalled.transitions(&self.shape, &DECIDES);
            if let Transitions::Gaussian { scale } = self.config.transitions {
                next.answers.iter_mut().for_each(|x| *x *= scale as f32);
            }
            all.push(next);
        }
        let asked: Vec<Asked<'_, f32>> = all.iter().map(Questions::asked).collect();
        let decoded = self.draw((&recalled.lengths, all_beliefs), stream);
        let lived = Lived {
            lengths: &recalled.lengths,
            asked: &asked,
        };
        let beliefs = work.belief.outputs();
        let mut d_beliefs = vec![0.0; beliefs.len()];
        let mut gradient = vec![0.0; self.layout.numel()];
        let (own, of_decoder) = gradient.split_at_mut(encoder.parameters());
        let losses = self.decoder.bound(
            (lived, &decoded),
            (beliefs, decoder),
            1.0 / all_beliefs as f64,
            (cache, &mut d_beliefs, of_decoder),
        );
        let trials = recalled.rows.trials(trials.len());
        encoder.backward(work, trials, (&d_beliefs, &[]), own);
        self.spare.lock().expect("no holder panics").push(scratch);
        (gradient, losses)
    }

    /// The beliefs that are decoded, and what their latents are drawn by. Each stands for
    /// those of its trial, so that steps of longer trials count as much as others among
    /// `all` beliefs.
    fn draw(&self, (lengths, all): (&[usize], usize), stream: &mut Stream) -> Vec<Query<f32>> {
        let mut decoded = Vec::new();
        for (lane, &length) in lengths.iter().enumerate() {
            let count = self.decoded(length);
            let weight = Query::<f32>::share((length, count), all);
            for nth in 0..count {
                let step = match count == length {
                    true => nth,
                    false => stream.random_range(0..length),
                };
                let noise = self.noise(stream);
                decoded.push(Query {
                    lane,
                    step,
                    weight,
                    noise,
                });
            }
        }
        decoded
    }

    fn noise(&self, stream: &mut Stream) -> Vec<f32> {
        let count = match self.config.deterministic {
            true => 0,
            false => self.config.latent,
        };
        (0..count).map(|_| StandardNormal.sample(stream)).collect()
    }

    fn take(&self, encoder: &Encoder) -> Scratch {
        let spare = self.spare.lock().expect("no holder panics").pop();
        spare.unwrap_or_else(|| Scratch {
            encoder: encoder.work(),
            cache: Cache::new(),
            recalled: Recalled::default(),
        })
    }

    /// Bytes that it takes with so many workers, and of its trials of the past.
    pub(crate) fn bytes(
        (config, tile, inputs): (&Variational, usize, &Inputs),
        (encoder, shape, parts): (&Encoder, &Shape, &[Part]),
        (workers, steps): (usize, usize),
    ) -> [f64; 2] {
        let chunks = config.batch.div_ceil(tile);
        let prefixes = match config.prefixes {
            0 => steps,
            most => most.min(steps),
        };
        let tile = tile.min(config.batch);
        let answers = tile * prefixes * steps;
        // What a network reads and its gradient, and that of what it gives; the answers, where
        // what predicts them stands and their weights. The cache is one for all.
        let decoding = |part: &Part| {
            let network = &part.network;
            let rows = match part.heads {
                1 => answers,
                _ => tile * prefixes,
            };
            let read = rows * (2 * network.inputs() + network.outputs());
            let answered = answers * (part.width() + 4);
            4.0 * (read + answered) as f64 + network.cache_bytes(rows) + network.gradient_bytes()
        };
        let decoding = parts.iter().map(decoding).fold(0.0, f64::max);
        let asked = |part: &Part| part.asked_by(config.latent) + part.width();
        let asked: usize = parts.iter().map(asked).sum();
        // In a list that grows, and so are the rows that the encoder reads.
        let recalled = 4.0 * (tile * (2 * shape.trial() + steps * asked)) as f64
            + (tile * steps) as f64 * InputRows::bytes(inputs);
        let decoders: usize = parts.iter().map(|p| p.network.parameters()).sum();
        let parameters = 4.0 * (encoder.parameters() + decoders) as f64;
        let encoding = encoder.bytes(tile, steps);
        let job = decoding + recalled + encoding.learning;
        // Gradients of all chunks; values, what moves where they follow it, two moments, and each
        // as it was before.
        let work = job * workers.min(chunks) as f64
            + encoding.packed
            + parameters * (chunks + 1 + 14) as f64;
        // Whoever goes on from a checkpoint has that, what is read of it, and the buffer that
        // this becomes; beside a buffer there is a checkpoint, or what an update overwrites.
        let past = Past::bytes(shape, config.buffer);
        [work, 3.0 * past]
    }

    /// How probable each task is to the beliefs of some trials: the probability that its
    /// own symbol pays, a mean over latents, beside those of the others.
    /// `[steps][lanes][tasks]`
    pub(crate) fn task_beliefs(
        &self,
        values: &[f32],
        (lived, tasks): (&Trajectory, &dyn KnownTasks),
    ) -> Option<Vec<f32>> {
        let symbols: Option<Vec<u32>> = (0..tasks.count()).map(|k| tasks.pays_at(k)).collect();
        let symbols = symbols?;
        let known = !matches!(self.config.rewards, Rewards::Gaussian { .. });
        if self.config.queries != [Queries::NextObservation] || !known {
            return None;
        }
        let ObservationSpace::Discrete { size } = *self.inputs.observation_space() else {
            return None;
        };
        let mut encoder = self.encoder.clone();
        encoder.pack(&values[..encoder.parameters()]);
        let mut rows = InputRows::default();
        (0..lived.steps()).for_each(|t| rows.push(&self.inputs, &lived.row(t)));
        let mut work = encoder.work();
        encoder.forward(&mut work, rows.trials(lived.lanes()));
        let mut cache = Cache::new();
        let mut stream = StreamKey::new(0, Domain::HeldOut, 0).lane(Purpose::Replay, 0);
        let draws = if self.config.deterministic { 1 } else { DRAWS };
        let noises: Vec<Vec<f32>> = (0..draws).map(|_| self.noise(&mut stream)).collect();
        let mut all = Vec::new();
        let part = &self.decoder.parts[0];
        let (network, latent) = (&part.network, self.config.latent);
        let joined = self.joined(values);
        let decoder = &joined[self.encoder.parameters()..];
        // Rows of a latent, and where a symbol's logit is among what they give.
        let (rows, queried) = match part.heads {
            1 => (symbols.len(), size),
            _ => (1, 0),
        };
        let logit = |(index, symbol): (usize, &u32)| match part.heads {
            1 => index,
            _ => *symbol as usize,
        };
        let logits: Vec<usize> = symbols.iter().enumerate().map(logit).collect();
        for belief in work.belief.outputs().chunks_exact(self.decoder.numbers()) {
            let mut inputs = vec![0.0; noises.len() * rows * (latent + queried)];
            for (row, own) in inputs.chunks_exact_mut(latent + queried).enumerate() {
                let (z, query) = own.split_at_mut(latent);
                self.decoder.latent(belief, &noises[row / rows], z);
                if part.heads == 1 {
                    query[symbols[row % rows] as usize] = 1.0;
                }
            }
            let count = noises.len() * rows;
            network.forward(&decoder[..network.parameters()], &inputs, count, &mut cache);
            let mut pays = vec![0.0; symbols.len()];
            let mut expected = vec![0.0; rows * network.outputs()];
            for draw in cache.outputs().chunks_exact(rows * network.outputs()) {
                part.expect(draw, &mut expected);
                let each = pays.iter_mut().zip(&logits);
                each.for_each(|(p, at)| *p += f64::from(expected[*at]));
            }
            let sum: f64 = pays.iter().sum();
            // Where none seems possible they are alike.
            let even = 1.0 / pays.len() as f64;
            let share = |p: &f64| if sum > 0.0 { p / sum } else { even };
            all.extend(pays.iter().map(|p| share(p) as f32));
        }
        Some(all)
    }

    /// All that a later process needs beside the learner's parameters.
    ///
    /// # Errors
    /// If the parameters are not the layout's, which is a bug.
    pub(crate) fn state(&self, values: &[f32]) -> Result<Tree, LearnError> {
        let joined = [&vec![0.0; self.joined][..], &self.values].concat();
        let mut own = Tree::default();
        for (name, array) in self.layout.split(&joined)?.iter() {
            if name.starts_with("decoder.") {
                own.insert(name, array.clone());
            }
        }
        let tree = Tree::default()
            .with_branch(PARAMS, own)
            .with_branch(OPTIMIZER, self.optimizer.state())
            .with_branch(PAST, self.past.state());
        if self.config.averaging == 0.0 {
            return Ok(tree);
        }
        let first = || self.joined(values);
        let moving = self.moving.clone().unwrap_or_else(first);
        Ok(tree.with_branch(MOVING, self.layout.split(&moving)?))
    }

    /// What a saved state makes of it.
    ///
    /// # Errors
    /// If that does not fit.
    pub(crate) fn restored(&self, tree: &Tree) -> Result<Restored, LearnError> {
        let moving = match self.config.averaging > 0.0 {
            true => {
                tree.expect_only(&[PARAMS, OPTIMIZER, PAST, MOVING])?;
                Some(self.layout.join(&tree.branch(MOVING))?)
            }
            false => {
                tree.expect_only(&[PARAMS, OPTIMIZER, PAST])?;
                None
            }
        };
        let values = self.decoder(tree)?;
        let mut optimizer = self.optimizer.clone();
        optimizer.restore(&tree.branch(OPTIMIZER))?;
        Ok(Restored {
            values,
            moving,
            optimizer,
            past: self.past.restored(tree.branch(PAST))?,
        })
    }

    /// The decoder's parameters in a saved state.
    ///
    /// # Errors
    /// If one is missing, unknown or of another shape.
    pub(crate) fn decoder(&self, tree: &Tree) -> Result<Vec<f32>, LearnError> {
        let own = tree.branch(PARAMS);
        let mut values = Vec::new();
        let mut names = Vec::new();
        for entry in self.layout.entries() {
            if entry.name.starts_with("decoder.") {
                values.extend_from_slice(own.floats(&entry.name, &entry.shape)?);
                names.push(entry.name.as_str());
            }
        }
        own.expect_only(&names)?;
        Ok(values)
    }

    /// Begins with a decoder's parameters.
    pub(crate) fn begin_with(&mut self, decoder: Vec<f32>) {
        self.values = decoder;
        self.moving = None;
    }

    /// Goes there.
    pub(crate) fn go_to(&mut self, restored: Restored) {
        self.values = restored.values;
        self.moving = restored.moving;
        self.optimizer = restored.optimizer;
        self.past = restored.past;
    }
}

/// A saved state that fits.
pub(crate) struct Restored {
    values: Vec<f32>,
    moving: Option<Vec<f32>>,
    optimizer: Optimizer,
    past: Past,
}

const PARAMS: &str = "params";
const OPTIMIZER: &str = "optimizer";
const PAST: &str = "past";
const MOVING: &str = "moving";

/// A reward as it is predicted.
fn target(rewards: Rewards, reward: f32) -> f32 {
    match rewards {
        Rewards::Bernoulli { above } | Rewards::Exclusive { above } => {
            f32::from(u8::from(f64::from(reward) > above))
        }
        Rewards::Gaussian { scale } => scale as f32 * reward,
    }
}

fn expect_finite(losses: &Losses, update: u64) -> Result<(), LearnError> {
    let named = [
        ("what the belief decodes into", losses.reconstruction),
        ("the belief's divergence from its prior", losses.divergence),
    ];
    let scale = "belief.belief.rewards.scale or belief.belief.transitions.scale";
    LearnError::expect_finite(update, &named, scale, "belief.belief.learning_rate")
}

/// What fails where the belief's own steps do.
pub(crate) const PART: &str = "the belief";
/// Settings that are worth lowering where a step of the optimizer fails.
const LOWER: &str = "belief.belief.learning_rate or belief.belief.max_gradient_norm";
