//! What a belief loses by the task, which a training knows.

use crate::encoder::{Encoder, EncoderWork};
use agent::{InputRows, LearnError, Learner, Minibatch};
use kernels::mlp::Real;
use std::sync::Mutex;

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
fn cross_entropy<R: Real>(logits: &[R], task: usize, d: &mut [R]) -> f64 {
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
    spare: Mutex<Vec<Scratch>>,
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
            spare: Mutex::default(),
        }
    }

    /// Bytes that it takes in so many tiles at once of so many lanes.
    pub(crate) fn bytes(encoder: &Encoder, tiles: usize, (lanes, steps): (usize, usize)) -> f64 {
        let bytes = encoder.bytes(lanes, steps);
        let rows = 4.0 * (lanes * steps * (encoder.kind.numbers() + 1)) as f64;
        tiles as f64 * (bytes.learning + rows) + bytes.packed
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
        let scale = weight * self.coefficient as f32;
        let mask = samples.targets[index].mask.iter();
        let weights: Vec<f32> = mask.map(|mask| mask * scale).collect();
        let tasks = self.numbers(tile.descriptions(), lanes)?;
        let labels = match self.tasks.is_empty() {
            true => Labels::Descriptions(tile.descriptions()),
            false => Labels::Tasks(&tasks),
        };
        let beliefs = scratch.work.belief.outputs();
        let mut d = vec![0.0; beliefs.len()];
        let sum = loss(labels, (&weights, lanes), beliefs, &mut d);
        let mut gradient = vec![0.0; encoder.parameters()];
        let trials = scratch.rows.trials(lanes);
        encoder.backward(&mut scratch.work, trials, (&d, &[]), &mut gradient);
        self.spare.lock().expect("no holder panics").push(scratch);
        let unscaled = match self.coefficient > 0.0 {
            true => sum / self.coefficient,
            false => 0.0,
        };
        Ok((gradient, unscaled))
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
