//! What a belief loses by the task, which a training knows.

use crate::autoencoder::{Learned, PART};
use crate::elbo::Losses;
use crate::encoder::{Encoder, EncoderWork};
use agent::{ActorCritic, InputRows, Inputs, LearnError, Learner, Minibatch, Minibatches, Passes};
use kernels::mlp::Real;
use nets::{Blueprint, Init, Layout, Optimizer, OptimizerConfig, clip_gradient};
use rl_core::{Purpose, Tree};
use std::sync::{Arc, Mutex};

/// What the beliefs of some lanes have to predict at every step.
#[derive(Clone, Copy, Debug)]
pub enum Labels<'a, R> {
    /// The tasks' numbers. `[lanes]`
    Tasks(&'a [usize]),
    /// The tasks' descriptions. `[lanes][size]`
    Descriptions(&'a [R]),
}

/// Σ w (−ln softmax(belief)\[task\]), or Σ w ½ ‖belief − description‖², over rows,
/// `[steps][lanes]`; `weights` are of rows, `beliefs` and the gradient `d`, which is
/// overwritten, `[rows][numbers]` (Humplik et al. 2019, section 3.2). Rows of weight 0
/// count for nothing, whatever they hold.
///
/// # Panics
/// Where lengths do not match.
pub fn loss<R: Real>(
    labels: Labels<'_, R>,
    (weights, lanes): (&[R], usize),
    beliefs: &[R],
    d: &mut [R],
) -> f64 {
    assert_eq!(beliefs.len(), d.len(), "beliefs and their gradient");
    let numbers = beliefs.len() / weights.len();
    d.fill(R::ZERO);
    let mut sum = 0.0;
    let rows = beliefs
        .chunks_exact(numbers)
        .zip(d.chunks_exact_mut(numbers));
    for (row, (belief, d)) in rows.enumerate() {
        let (lane, weight) = (row % lanes, weights[row]);
        if weight == R::ZERO {
            continue;
        }
        sum += weight.to_f64()
            * match labels {
                Labels::Tasks(tasks) => cross_entropy(belief, tasks[lane], d),
                Labels::Descriptions(all) => squares(belief, &all[lane * numbers..], d),
            };
        d.iter_mut().for_each(|d| *d *= weight);
    }
    sum
}

/// −ln softmax(logits)\[task\], whose gradient is softmax(logits) less the task's own 1.
pub(crate) fn cross_entropy<R: Real>(logits: &[R], task: usize, d: &mut [R]) -> f64 {
    let numbers = logits.iter().map(|logit| logit.to_f64());
    let largest = numbers.clone().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = numbers.clone().map(|x| (x - largest).exp()).sum();
    for (d, x) in d.iter_mut().zip(numbers) {
        *d = R::from_f64((x - largest).exp() / sum);
    }
    d[task] -= R::ONE;
    sum.ln() - (logits[task].to_f64() - largest)
}

fn squares<R: Real>(belief: &[R], description: &[R], d: &mut [R]) -> f64 {
    let mut sum = 0.0;
    for ((d, x), y) in d.iter_mut().zip(belief).zip(description) {
        *d = *x - *y;
        sum += 0.5 * d.to_f64() * d.to_f64();
    }
    sum
}

/// What teaches a belief the task.
pub(crate) struct Supervisor {
    encoder: Encoder,
    /// Descriptions of all tasks by number; none where these are predicted themselves.
    tasks: Vec<Vec<f32>>,
    coefficient: f64,
    /// Its own steps; none where it goes along with the policy's.
    steps: Option<Steps>,
    spare: Mutex<Vec<Scratch>>,
}

/// Steps of the encoder alone, after those of the policy. Where the policy reads a draw
/// from the belief, a belief that moved between its minibatches would have it read other
/// draws than it acted by, and the ratios of probabilities would be of other inputs.
#[derive(Clone)]
struct Steps {
    layout: Arc<Layout>,
    optimizer: Optimizer,
}

/// What moves an encoder by itself.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) learning_rate: f64,
    /// A longer gradient is scaled down.
    pub(crate) max_gradient_norm: f64,
}

/// Buffers of one job, reused by later ones.
struct Scratch {
    rows: InputRows,
    work: EncoderWork,
}

impl Supervisor {
    pub(crate) fn new(encoder: Encoder, tasks: Vec<Vec<f32>>, coefficient: f64) -> Self {
        Self {
            encoder,
            tasks,
            coefficient,
            steps: None,
            spare: Mutex::default(),
        }
    }

    /// The same with an optimizer of its own, for [`Self::learn`].
    ///
    /// # Errors
    /// If the optimizer's settings make no sense.
    pub(crate) fn with_steps(
        self,
        model: &ActorCritic,
        optimizer: OptimizerConfig,
    ) -> Result<Self, LearnError> {
        let mut blueprint = Blueprint::new();
        let own = model.layout().entries().iter();
        for entry in own.take_while(|entry| entry.offset < self.encoder.parameters()) {
            blueprint.declare(&entry.name, &entry.shape, Init::Zeros);
        }
        let layout = blueprint.layout();
        let optimizer = Optimizer::new(optimizer, Arc::clone(&layout))?;
        let steps = Some(Steps { layout, optimizer });
        Ok(Self { steps, ..self })
    }

    /// Whether it takes steps of its own.
    pub(crate) fn steps_alone(&self) -> bool {
        self.steps.is_some()
    }

    /// Its optimizer, to go back to.
    pub(crate) fn optimizer(&self) -> Option<Optimizer> {
        self.steps.as_ref().map(|steps| steps.optimizer.clone())
    }

    /// Goes back to that.
    pub(crate) fn go_to(&mut self, optimizer: Option<Optimizer>) {
        if let (Some(steps), Some(optimizer)) = (&mut self.steps, optimizer) {
            steps.optimizer = optimizer;
        }
    }

    /// All that a later process needs, if that is anything.
    pub(crate) fn state(&self) -> Option<Tree> {
        let steps = self.steps.as_ref()?;
        Some(Tree::default().with_branch(OPTIMIZER, steps.optimizer.state()))
    }

    /// The optimizer of a saved state.
    ///
    /// # Errors
    /// If that does not fit.
    pub(crate) fn restored(&self, tree: &Tree) -> Result<Option<Optimizer>, LearnError> {
        tree.expect_only(&[OPTIMIZER])?;
        let mut optimizer = self.optimizer();
        if let Some(optimizer) = &mut optimizer {
            optimizer.restore(&tree.branch(OPTIMIZER))?;
        }
        Ok(optimizer)
    }

    /// Its own steps of an update, over minibatches as the policy's are: moves the encoder,
    /// among the learner's parameters. Does nothing without an optimizer of its own.
    ///
    /// # Errors
    /// As [`Self::gradient`], and if a parameter is not finite.
    pub(crate) fn learn(
        &mut self,
        learner: &mut Learner,
        passes: Passes,
        step: Step,
    ) -> Result<Learned, LearnError> {
        let Some(mut own) = self.steps.take() else {
            return Ok(Learned::default());
        };
        let learned = self.descend(learner, passes, (step, &mut own));
        self.steps = Some(own);
        learned
    }

    fn descend(
        &self,
        learner: &mut Learner,
        passes: Passes,
        (step, own): (Step, &mut Steps),
    ) -> Result<Learned, LearnError> {
        let stream = learner.key().lane(Purpose::Shuffle, 1);
        let tiles = learner.samples().targets.len();
        let mut minibatches = Minibatches::new(tiles, passes.minibatches, stream);
        let (mut sum, mut norms, mut count) = (0.0, 0.0, 0.0);
        for _ in 0..passes.epochs {
            for tiles in minibatches.pass() {
                learner.pool().go_on()?;
                let minibatch = learner.minibatch(tiles, false);
                let (mut gradient, loss) = self.gradient(learner, &minibatch)?;
                let update = learner.updates_done() + 1;
                let failed = |source| LearnError::step(update, Some(PART), source, LOWER);
                let most = step.max_gradient_norm;
                norms += clip_gradient(&own.layout, &mut gradient, most).map_err(failed)?;
                let split = self.encoder.parameters();
                learner.amend(|all| {
                    let rate = step.learning_rate;
                    let stepped = own.optimizer.update(&mut all[..split], &gradient, rate);
                    stepped.map_err(failed)
                })?;
                (sum, count) = (sum + loss, count + 1.0);
            }
        }
        Ok(Learned {
            losses: Losses {
                reconstruction: sum / count,
                divergence: 0.0,
            },
            norm: norms / count,
        })
    }

    /// Bytes that it takes in so many tiles of so many lanes at once, with the gradients of as
    /// many as a minibatch has.
    pub(crate) fn bytes(
        (encoder, inputs): (&Encoder, &Inputs),
        (at_once, tiles): (usize, usize),
        (lanes, steps): (usize, usize),
    ) -> f64 {
        let bytes = encoder.bytes(lanes, steps);
        let row = 4.0 * (encoder.kind.numbers() + 1) as f64 + InputRows::bytes(inputs);
        let gradients = 4.0 * (tiles + 1) as f64 * encoder.parameters() as f64;
        let job = bytes.learning + (lanes * steps) as f64 * row;
        at_once as f64 * job + gradients + bytes.packed
    }

    /// The gradient of the belief's loss over a minibatch of what a learner lived, times
    /// its coefficient, at the learner's parameters; and the loss.
    ///
    /// # Errors
    /// If the loss is no number, a task is none of those that there are, or the work was
    /// called off.
    pub(crate) fn gradient(
        &self,
        learner: &Learner,
        minibatch: &Minibatch,
    ) -> Result<(Vec<f32>, f64), LearnError> {
        let mut encoder = self.encoder.clone();
        encoder.pack(&learner.parameters()[..encoder.parameters()]);
        let parts = learner.pool().map(&minibatch.tiles, |_, &tile| {
            self.of_tile(&encoder, learner, (tile, minibatch.weight))
        })?;
        let mut gradient = vec![0.0; encoder.parameters()];
        let mut loss = 0.0;
        for part in parts {
            let (own, own_loss) = part?;
            gradient.iter_mut().zip(&own).for_each(|(g, own)| *g += own);
            loss += own_loss;
        }
        match loss.is_finite() {
            true => Ok((gradient, loss)),
            false => Err(LearnError::Loss {
                update: learner.updates_done() + 1,
                what: "the belief's loss",
                value: loss,
                scale: "the environment's scale".to_owned(),
                lower: "belief.learning_rate".to_owned(),
            }),
        }
    }

    fn of_tile(
        &self,
        encoder: &Encoder,
        learner: &Learner,
        (index, weight): (usize, f32),
    ) -> Result<(Vec<f32>, f64), LearnError> {
        let samples = learner.samples();
        let tile = &samples.batch.tiles()[index];
        let trajectory = tile.trajectory();
        let lanes = trajectory.lanes();
        let spare = self.spare.lock().expect("no holder panics").pop();
        let mut scratch = spare.unwrap_or_else(|| Scratch {
            rows: InputRows::default(),
            work: encoder.work(),
        });
        scratch.rows.clear();
        for t in 0..trajectory.steps() {
            scratch
                .rows
                .push(&learner.model().inputs, &trajectory.row(t));
        }
        encoder.forward(&mut scratch.work, scratch.rows.trials(lanes));
        let mask = samples.targets[index].mask.iter();
        let weights: Vec<f32> = mask.map(|mask| mask * weight).collect();
        let tasks = self.numbers(tile.descriptions(), lanes)?;
        let labels = match self.tasks.is_empty() {
            true => Labels::Descriptions(tile.descriptions()),
            false => Labels::Tasks(&tasks),
        };
        let beliefs = scratch.work.belief.outputs();
        let mut d = vec![0.0; beliefs.len()];
        let sum = loss(labels, (&weights, lanes), beliefs, &mut d);
        // The loss is told even where nothing is learned from it.
        let coefficient = self.coefficient as f32;
        d.iter_mut().for_each(|d| *d *= coefficient);
        let mut gradient = vec![0.0; encoder.parameters()];
        let trials = scratch.rows.trials(lanes);
        encoder.backward(&mut scratch.work, trials, (&d, &[]), &mut gradient);
        self.spare.lock().expect("no holder panics").push(scratch);
        Ok((gradient, sum))
    }

    /// The numbers of described tasks. `[lanes]`
    fn numbers(&self, descriptions: &[f32], lanes: usize) -> Result<Vec<usize>, LearnError> {
        let Some(first) = self.tasks.first() else {
            return Ok(Vec::new());
        };
        let number = |lane: usize| {
            let own = &descriptions[lane * first.len()..(lane + 1) * first.len()];
            let found = self.tasks.iter().position(|task| task == own);
            found.ok_or_else(|| {
                LearnError::Settings(format!(
                    "a task is described by {own:?}, as none is that the environment counts; set \
                     belief.belief.target = \"description\""
                ))
            })
        };
        (0..lanes).map(number).collect()
    }
}

const OPTIMIZER: &str = "optimizer";

/// Settings that are worth lowering where a step of the optimizer fails.
const LOWER: &str = "belief.learning_rate or belief.max_gradient_norm";
