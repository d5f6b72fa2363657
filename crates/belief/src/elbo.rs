//! The evidence lower bound of a belief that has to decode into rewards.

use crate::config::{Decodes, Prior, Rewards};
use kernels::mlp::{Cache, Mlp, Real};

/// What decodes beliefs, and how they are judged.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// From a latent and a query to what predicts the reward: a logit, or a mean.
    pub network: Mlp,
    /// Numbers of the latent.
    pub latent: usize,
    /// Whether beliefs are points, of `latent` numbers; else they are Gaussians of twice
    /// as many, means and then the logarithms of variances.
    pub deterministic: bool,
    /// How rewards are predicted.
    pub rewards: Rewards,
    /// Which rewards a belief has to decode into.
    pub decodes: Decodes,
    /// What beliefs are kept near.
    pub prior: Prior,
    /// Weight of the divergence from that.
    pub coefficient: f64,
}

/// A belief that is decoded: that of a lane before a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Query<R> {
    /// Whose.
    pub lane: usize,
    /// Before which step.
    pub step: usize,
    /// What the loss of its rewards counts.
    pub weight: f64,
    /// Standard normal numbers that the latent is drawn by; empty for points. `[latent]`
    pub noise: Vec<R>,
}

impl<R> Query<R> {
    /// What each of `decoded` beliefs of a trial of `length` steps counts among `all`
    /// beliefs: together as much as the steps of the trial do.
    pub fn share((length, decoded): (usize, usize), all: usize) -> f64 {
        length as f64 / (decoded as f64 * all as f64)
    }
}

/// Trials as a decoder sees them.
#[derive(Clone, Copy, Debug)]
pub struct Lived<'a, R> {
    /// Steps of each. `[lanes]`
    pub lengths: &'a [usize],
    /// What each step's reward is asked by. `[steps][lanes][size]`
    pub queries: &'a [R],
    /// The rewards, as they are predicted. `[steps][lanes]`
    pub rewards: &'a [R],
}

/// Both parts of what is minimized.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// −Σ ln p(reward | latent, query) over a trial's rewards, nats, a mean over beliefs.
    pub reconstruction: f64,
    /// The divergence from the prior, nats, a mean over beliefs.
    pub divergence: f64,
}

impl Losses {
    /// Adds those of a part. Add parts in a fixed order.
    pub fn add(&mut self, part: &Self) {
        self.reconstruction += part.reconstruction;
        self.divergence += part.divergence;
    }
}

impl Decoder {
    /// Numbers of a belief.
    pub(crate) fn numbers(&self) -> usize {
        match self.deterministic {
            true => self.latent,
            false => 2 * self.latent,
        }
    }

    /// The part of the negative bound that some trials have (Zintgraf et al. 2020,
    /// equations 8 to 10)
    ///
    /// ```text
    /// Σₜ wₜ Σᵢ −ln p(rᵢ | zₜ, queryᵢ)  +  coefficient · Σₜ w KL(qₜ ‖ qₜ₋₁),
    /// zₜ = μₜ + exp(½ ln σₜ²) εₜ,  q₋₁ = N(0, I)
    /// ```
    ///
    /// of the beliefs that are decoded, by their own weights, and of all, each by `weight`.
    /// `beliefs`, `[steps][lanes][numbers]`, are those before each step.
    /// Writes the beliefs' gradient, and adds the network's.
    ///
    /// # Panics
    /// Where lengths do not match.
    pub fn bound<R: Real>(
        &self,
        (lived, decoded): (Lived<'_, R>, &[Query<R>]),
        (beliefs, params): (&[R], &[R]),
        weight: f64,
        (cache, d_beliefs, d_params): (&mut Cache<R>, &mut [R], &mut [R]),
    ) -> Losses {
        d_beliefs.fill(R::ZERO);
        let rows = self.rows(lived, decoded, beliefs);
        let reconstruction = match rows.rewards.is_empty() {
            true => 0.0,
            false => {
                self.network
                    .forward(params, &rows.inputs, rows.rewards.len(), cache);
                self.reconstruct(
                    &rows,
                    cache,
                    (decoded, lived),
                    beliefs,
                    (d_beliefs, d_params),
                )
            }
        };
        let divergence = match self.deterministic {
            true => 0.0,
            false => self.diverge(lived.lengths, beliefs, weight, d_beliefs),
        };
        Losses {
            reconstruction,
            divergence,
        }
    }

    /// Of a decoded belief, the steps whose rewards it has to give.
    fn asked<R>(&self, lived: Lived<'_, R>, of: &Query<R>) -> usize {
        match self.decodes {
            Decodes::All => lived.lengths[of.lane],
            Decodes::Past => of.step,
            Decodes::Nothing => 0,
        }
    }

    /// A decoded belief's latent.
    pub(crate) fn latent<R: Real>(&self, belief: &[R], noise: &[R], z: &mut [R]) {
        for (i, z) in z.iter_mut().enumerate() {
            *z = match self.deterministic {
                true => belief[i],
                false => belief[i] + half_exp(belief[self.latent + i]) * noise[i],
            };
        }
    }

    fn rows<R: Real>(&self, lived: Lived<'_, R>, decoded: &[Query<R>], beliefs: &[R]) -> Rows<R> {
        let lanes = lived.lengths.len();
        let size = self.network.inputs() - self.latent;
        let mut rows = Rows {
            inputs: Vec::new(),
            rewards: Vec::new(),
            weights: Vec::new(),
        };
        let mut z = vec![R::ZERO; self.latent];
        for one in decoded {
            let at = one.step * lanes + one.lane;
            let belief = &beliefs[at * self.numbers()..(at + 1) * self.numbers()];
            self.latent(belief, &one.noise, &mut z);
            for step in 0..self.asked(lived, one) {
                let at = step * lanes + one.lane;
                rows.inputs.extend_from_slice(&z);
                rows.inputs
                    .extend_from_slice(&lived.queries[at * size..(at + 1) * size]);
                rows.rewards.push(lived.rewards[at]);
                rows.weights.push(one.weight);
            }
        }
        rows
    }

    fn reconstruct<R: Real>(
        &self,
        rows: &Rows<R>,
        cache: &mut Cache<R>,
        (decoded, lived): (&[Query<R>], Lived<'_, R>),
        beliefs: &[R],
        (d_beliefs, d_params): (&mut [R], &mut [R]),
    ) -> f64 {
        let mut sum = 0.0;
        let predicted = cache.outputs().iter().zip(&rows.rewards);
        let slope = |((x, y), weight): ((&R, &R), &f64)| {
            let (loss, slope) = self.surprise(x.to_f64(), y.to_f64());
            sum += weight * loss;
            R::from_f64(weight * slope)
        };
        let d_out: Vec<R> = predicted.zip(&rows.weights).map(slope).collect();
        let mut d_inputs = vec![R::ZERO; rows.inputs.len()];
        self.network
            .backward_to_inputs(cache, &d_out, d_params, &mut d_inputs);
        let (lanes, numbers) = (lived.lengths.len(), self.numbers());
        let mut d_rows = d_inputs.chunks_exact(self.network.inputs());
        for one in decoded {
            let mut d_z = vec![R::ZERO; self.latent];
            for d in d_rows.by_ref().take(self.asked(lived, one)) {
                d_z.iter_mut().zip(d).for_each(|(sum, d)| *sum += *d);
            }
            let at = (one.step * lanes + one.lane) * numbers;
            for (i, d_z) in d_z.into_iter().enumerate() {
                d_beliefs[at + i] += d_z;
                if !self.deterministic {
                    let deviation = half_exp(beliefs[at + self.latent + i]);
                    let half = R::from_f64(0.5);
                    d_beliefs[at + self.latent + i] += half * deviation * one.noise[i] * d_z;
                }
            }
        }
        sum
    }

    /// −ln p of a reward under what predicts it, and its derivative.
    fn surprise(&self, x: f64, y: f64) -> (f64, f64) {
        match self.rewards {
            // ln(1 + eˣ) − y x, without overflow.
            Rewards::Bernoulli { .. } => {
                let loss = x.max(0.0) + (-x.abs()).exp().ln_1p() - y * x;
                (loss, probability(x) - y)
            }
            Rewards::Gaussian { .. } => (0.5 * (x - y) * (x - y), x - y),
        }
    }

    /// The weighted divergence of the beliefs of all steps; adds its gradient times the
    /// coefficient. It goes to the belief of the step before too.
    fn diverge<R: Real>(
        &self,
        lengths: &[usize],
        beliefs: &[R],
        weight: f64,
        d_beliefs: &mut [R],
    ) -> f64 {
        let (lanes, numbers) = (lengths.len(), self.numbers());
        let scale = weight * self.coefficient;
        let mut sum = 0.0;
        for (lane, &length) in lengths.iter().enumerate() {
            for step in 0..length {
                let at = (step * lanes + lane) * numbers;
                let before = match (self.prior, step) {
                    (Prior::Chained, 1..) => Some(at - lanes * numbers),
                    (Prior::Chained, 0) | (Prior::Fixed, _) => None,
                };
                for i in 0..self.latent {
                    let of =
                        |at: usize| [beliefs[at + i], beliefs[at + self.latent + i]].map(R::to_f64);
                    let (loss, d, d_before) = gaussian_kl(of(at), before.map_or([0.0; 2], of));
                    sum += weight * loss;
                    let mut add = |at: usize, d: [f64; 2]| {
                        d_beliefs[at + i] += R::from_f64(scale * d[0]);
                        d_beliefs[at + self.latent + i] += R::from_f64(scale * d[1]);
                    };
                    add(at, d);
                    if let Some(before) = before {
                        add(before, d_before);
                    }
                }
            }
        }
        sum
    }

    /// How a reward is predicted.
    pub(crate) fn target(&self, reward: f32) -> f32 {
        match self.rewards {
            Rewards::Bernoulli { above } => f32::from(u8::from(f64::from(reward) > above)),
            Rewards::Gaussian { scale } => scale as f32 * reward,
        }
    }
}

/// What the network reads and has to predict, belief by belief.
struct Rows<R> {
    inputs: Vec<R>,    // [rows][latent + query]
    rewards: Vec<R>,   // [rows]
    weights: Vec<f64>, // [rows]
}

/// exp(x / 2).
fn half_exp<R: Real>(x: R) -> R {
    R::from_f64((0.5 * x.to_f64()).exp())
}

/// 1 / (1 + e⁻ˣ).
pub(crate) fn probability(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    match x >= 0.0 {
        true => 1.0 / (1.0 + small),
        false => small / (1.0 + small),
    }
}

/// KL(q ‖ p) in nats of Gaussians of a mean and the logarithm of a variance, and its
/// gradients with respect to both.
fn gaussian_kl(q: [f64; 2], p: [f64; 2]) -> (f64, [f64; 2], [f64; 2]) {
    let ([mean, log], [prior_mean, prior_log]) = (q, p);
    let precision = (-prior_log).exp();
    let (ratio, gap) = ((log - prior_log).exp(), mean - prior_mean);
    let far = gap * gap * precision;
    let loss = 0.5 * (prior_log - log + ratio + far - 1.0);
    let d = [gap * precision, 0.5 * (ratio - 1.0)];
    let d_prior = [-gap * precision, 0.5 * (1.0 - ratio - far)];
    (loss, d, d_prior)
}
