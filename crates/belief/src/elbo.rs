//! The evidence lower bound of a belief that has to decode into rewards, and where tasks
//! differ in them into transitions.

use crate::config::{Decodes, Prior, Repeats};
use crate::encoder::softmax;
use crate::supervised::cross_entropy;
use kernels::mlp::{Cache, Mlp, Real};
use std::collections::HashMap;

/// How something is predicted by what a network gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicts {
    /// A logit: whether it is 1, or 0.
    Bernoulli,
    /// A logit for each symbol: which one it is.
    Categorical,
    /// A logit of each head: which one is answered 1, where all others are answered 0.
    Exclusive,
    /// Means, of a standard deviation of 1.
    Gaussian,
}

/// What decodes into one thing of a step.
#[derive(Clone, Debug)]
pub struct Part {
    /// From a latent and a query to what predicts it.
    pub network: Mlp,
    /// How.
    pub predicts: Predicts,
    /// How many answers the network predicts at once, from the latent alone: that to each
    /// one-hot query, then that to a query of zeros. 1 where it reads the query instead.
    pub heads: usize,
}

/// What decodes beliefs, and how they are judged.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// Rewards, then transitions if they are decoded; parameters are in the same order.
    pub parts: Vec<Part>,
    /// Numbers of the latent.
    pub latent: usize,
    /// Whether beliefs are points, of `latent` numbers; else they are Gaussians of twice
    /// as many, means and then the logarithms of variances.
    pub deterministic: bool,
    /// Which steps a belief has to decode into.
    pub decodes: Decodes,
    /// How often steps count that are asked and answered alike.
    pub repeats: Repeats,
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
    /// What the loss of what it is decoded into counts.
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

/// What a part of a decoder is asked, and the answers.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a, R> {
    /// What each step is asked by. `[steps][lanes][size]`
    pub queries: &'a [R],
    /// What is predicted: a number, a symbol's, or several. `[steps][lanes][width]`
    pub answers: &'a [R],
    /// Which steps have an answer; empty for all of them. `[steps][lanes]`
    pub known: &'a [bool],
}

/// Trials as a decoder sees them.
#[derive(Clone, Copy, Debug)]
pub struct Lived<'a, R> {
    /// Steps of each. `[lanes]`
    pub lengths: &'a [usize],
    /// For each part of the decoder.
    pub asked: &'a [Asked<'a, R>],
}

impl<R: Real> Asked<'_, R> {
    /// A row of a step: what is asked, and the answer.
    fn row(&self, at: usize, [size, width]: [usize; 2]) -> [&[R]; 2] {
        let query = &self.queries[at * size..(at + 1) * size];
        [query, &self.answers[at * width..(at + 1) * width]]
    }

    /// For each step of a lane, the first one that was asked and answered alike, if it has
    /// an answer: an agent that stays where it is need not be decoded each time.
    fn repeats(
        &self,
        (lane, lanes): (usize, usize),
        length: usize,
        sizes: [usize; 2],
    ) -> Vec<Option<usize>> {
        let of = |step: usize| self.row(step * lanes + lane, sizes);
        let known = |step: &usize| self.known.is_empty() || self.known[step * lanes + lane];
        let mut seen: HashMap<u64, usize> = HashMap::with_capacity(length);
        let mut firsts = vec![None; length];
        for step in (0..length).filter(known) {
            let mut key = digest(of(step));
            let first = loop {
                let first = *seen.entry(key).or_insert(step);
                if first == step || of(first) == of(step) {
                    break first;
                }
                // Another row has the key by chance.
                key = key.wrapping_add(1);
            };
            firsts[step] = Some(first);
        }
        firsts
    }
}

/// Both parts of what is minimized.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// −Σ ln p(answer | latent, query) over a trial's steps, as they count, and what is
    /// decoded of each, nats, a mean over beliefs.
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
    /// Σₜ wₜ Σᵢ −ln p(answerᵢ | zₜ, queryᵢ)  +  coefficient · Σₜ w KL(qₜ ‖ qₜ₋₁),
    /// zₜ = μₜ + exp(½ ln σₜ²) εₜ,  q₋₁ = N(0, I)
    /// ```
    ///
    /// (of answers that count more than once, or repeat where they count once, see
    /// [`Repeats`]) of the beliefs that are decoded, by their own weights, and of all, each by `weight`.
    /// `beliefs`, `[steps][lanes][numbers]`, are those before each step: that after the last
    /// one, which nobody acts by, is neither decoded nor kept near anything.
    /// Writes the beliefs' gradient, and adds the networks'.
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
        assert_eq!(self.parts.len(), lived.asked.len(), "parts and questions");
        d_beliefs.fill(R::ZERO);
        let mut reconstruction = 0.0;
        let mut at = 0;
        for (part, asked) in self.parts.iter().zip(lived.asked) {
            let own = at..at + part.network.parameters();
            at = own.end;
            let rows = self.rows((part, asked), (lived.lengths, decoded), beliefs);
            if !rows.weights.is_empty() {
                let count = rows.inputs.len() / part.network.inputs();
                let params = &params[own.clone()];
                part.network.forward(params, &rows.inputs, count, cache);
                reconstruction += self.reconstruct(
                    (part, &rows),
                    cache,
                    (decoded, lived.lengths.len()),
                    beliefs,
                    (d_beliefs, &mut d_params[own]),
                );
            }
        }
        let divergence = match self.deterministic {
            true => 0.0,
            false => self.diverge(lived.lengths, beliefs, weight, d_beliefs),
        };
        Losses {
            reconstruction,
            divergence,
        }
    }

    /// Of a decoded belief, the steps that it has to decode into.
    fn asked<R>(&self, lengths: &[usize], of: &Query<R>) -> usize {
        match self.decodes {
            Decodes::All => lengths[of.lane],
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

    fn rows<R: Real>(
        &self,
        (part, asked): (&Part, &Asked<'_, R>),
        (lengths, decoded): (&[usize], &[Query<R>]),
        beliefs: &[R],
    ) -> Rows<R> {
        let lanes = lengths.len();
        let known = asked.known.len();
        assert!(known == 0 || known * part.width() == asked.answers.len());
        let sizes = [part.asked_by(self.latent), part.width()];
        let trials = lengths.iter().enumerate();
        let repeats = trials.map(|(lane, length)| asked.repeats((lane, lanes), *length, sizes));
        let repeats: Vec<Vec<Option<usize>>> = repeats.collect();
        // Steps that are the first of those that are alike.
        let firsts = |of: &Query<R>| {
            let steps = &repeats[of.lane][..self.asked(lengths, of)];
            let own = steps.iter().enumerate();
            own.filter(|(step, first)| **first == Some(*step)).count()
        };
        let count: usize = decoded.iter().map(firsts).sum();
        let reads_queries = part.heads == 1;
        let read = if reads_queries { count } else { decoded.len() };
        let mut rows = Rows {
            inputs: Vec::with_capacity(read * part.network.inputs()),
            counts: Vec::with_capacity(decoded.len()),
            asked: Vec::with_capacity(decoded.len()),
            answers: Vec::with_capacity(count * part.width()),
            outputs: Vec::with_capacity(count),
            weights: Vec::with_capacity(count),
        };
        let mut z = vec![R::ZERO; self.latent];
        for one in decoded {
            let at = one.step * lanes + one.lane;
            let belief = &beliefs[at * self.numbers()..(at + 1) * self.numbers()];
            self.latent(belief, &one.noise, &mut z);
            let steps = &repeats[one.lane][..self.asked(lengths, one)];
            let mut times = vec![0_u32; steps.len()];
            steps.iter().flatten().for_each(|first| times[*first] += 1);
            let (before, asked_before) = (rows.inputs.len(), rows.weights.len());
            if !reads_queries {
                rows.inputs.extend_from_slice(&z);
            }
            for (step, times) in times
                .into_iter()
                .enumerate()
                .filter(|(_, times)| *times > 0)
            {
                let [query, answer] = asked.row(step * lanes + one.lane, sizes);
                if reads_queries {
                    rows.inputs.extend_from_slice(&z);
                    rows.inputs.extend_from_slice(query);
                }
                let row = rows.inputs.len() / part.network.inputs() - 1;
                let first = row * part.network.outputs() + part.head(query) * part.predicted_by();
                rows.outputs.push(first);
                rows.answers.extend_from_slice(answer);
                let times = match self.repeats {
                    Repeats::All => f64::from(times),
                    Repeats::Once => 1.0,
                };
                rows.weights.push(times * one.weight);
            }
            let read = rows.inputs.len() - before;
            rows.counts.push(read / part.network.inputs());
            rows.asked.push(rows.weights.len() - asked_before);
        }
        rows
    }

    fn reconstruct<R: Real>(
        &self,
        (part, rows): (&Part, &Rows<R>),
        cache: &mut Cache<R>,
        (decoded, lanes): (&[Query<R>], usize),
        beliefs: &[R],
        (d_beliefs, d_params): (&mut [R], &mut [R]),
    ) -> f64 {
        let mut d_out = vec![R::ZERO; cache.outputs().len()];
        let sum = match part.predicts {
            Predicts::Exclusive => exclude((part, rows), decoded, cache.outputs(), &mut d_out),
            _ => answer((part, rows), cache.outputs(), &mut d_out),
        };
        let mut d_inputs = vec![R::ZERO; rows.inputs.len()];
        part.network
            .backward_to_inputs(cache, &d_out, d_params, &mut d_inputs);
        let numbers = self.numbers();
        let mut d_rows = d_inputs.chunks_exact(part.network.inputs());
        for (one, count) in decoded.iter().zip(&rows.counts) {
            let mut d_z = vec![R::ZERO; self.latent];
            for d in d_rows.by_ref().take(*count) {
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
}

impl Part {
    /// Numbers of an answer.
    pub(crate) fn width(&self) -> usize {
        match self.predicts {
            Predicts::Bernoulli | Predicts::Categorical | Predicts::Exclusive => 1,
            Predicts::Gaussian => self.predicted_by(),
        }
    }

    /// Outputs of the network that predict one answer.
    fn predicted_by(&self) -> usize {
        self.network.outputs() / self.heads
    }

    /// Numbers of a query.
    pub(crate) fn asked_by(&self, latent: usize) -> usize {
        match self.heads {
            1 => self.network.inputs() - latent,
            heads => heads - 1,
        }
    }

    /// Which of the heads predicts the answer to a query.
    fn head<R: Real>(&self, query: &[R]) -> usize {
        match self.heads {
            1 => 0,
            heads => {
                let picked = query.iter().position(|x| *x != R::ZERO);
                picked.unwrap_or(heads - 1)
            }
        }
    }

    /// What is expected of a row's answers: the probabilities of a 1, or the means.
    pub(crate) fn expect(&self, outputs: &[f32], expected: &mut [f32]) {
        match self.predicts {
            Predicts::Exclusive => softmax(outputs, expected),
            Predicts::Bernoulli => {
                let pairs = expected.iter_mut().zip(outputs);
                pairs.for_each(|(p, logit)| *p = probability(f64::from(*logit)) as f32);
            }
            Predicts::Categorical | Predicts::Gaussian => expected.copy_from_slice(outputs),
        }
    }

    /// −ln p of an answer under what predicts it; writes `weight` times its derivative.
    fn surprise<R: Real>(&self, x: &[R], y: &[R], weight: f64, d: &mut [R]) -> f64 {
        match self.predicts {
            // ln(1 + eˣ) − y x, without overflow.
            Predicts::Bernoulli => {
                let (x, y) = (x[0].to_f64(), y[0].to_f64());
                d[0] = R::from_f64(weight * (probability(x) - y));
                x.max(0.0) + (-x.abs()).exp().ln_1p() - y * x
            }
            Predicts::Categorical => {
                let loss = cross_entropy(x, y[0].to_f64() as usize, d);
                d.iter_mut().for_each(|d| *d *= R::from_f64(weight));
                loss
            }
            Predicts::Exclusive => unreachable!("all answers of a belief are judged together"),
            Predicts::Gaussian => {
                let mut loss = 0.0;
                for ((x, y), d) in x.iter().zip(y).zip(d) {
                    let gap = x.to_f64() - y.to_f64();
                    loss += 0.5 * gap * gap;
                    *d = R::from_f64(weight * gap);
                }
                loss
            }
        }
    }
}

/// What the network reads and has to predict, belief by belief.
struct Rows<R> {
    inputs: Vec<R>,      // [rows][latent + query], or [rows][latent]
    counts: Vec<usize>,  // [decoded], rows of each
    asked: Vec<usize>,   // [decoded], answers of each
    answers: Vec<R>,     // [answers][width]
    outputs: Vec<usize>, // [answers], the first of what predicts it, among all rows' outputs
    weights: Vec<f64>,   // [answers]
}

/// What answers lose that are judged one by one; adds the gradient of what predicts them.
fn answer<R: Real>((part, rows): (&Part, &Rows<R>), outputs: &[R], d_out: &mut [R]) -> f64 {
    let mut sum = 0.0;
    let mut own = vec![R::ZERO; part.predicted_by()];
    let answers = rows.answers.chunks_exact(part.width());
    for ((&first, y), weight) in rows.outputs.iter().zip(answers).zip(&rows.weights) {
        let range = first..first + own.len();
        sum += weight * part.surprise(&outputs[range.clone()], y, *weight, &mut own);
        // A head may be asked twice, and answered otherwise.
        let d = d_out[range].iter_mut();
        d.zip(&own).for_each(|(d, own)| *d += *own);
    }
    sum
}

/// What all answers of a belief lose together where one head is answered 1,
///
/// ```text
/// −ln Σ p over those that it may be,  p = softmax(x):
/// ```
///
/// that one, or, where none of those that were asked is, all others. Writes the gradient,
/// p less what p is among these alone. Of answers that no head has together nothing is
/// learned.
fn exclude<R: Real>(
    (part, rows): (&Part, &Rows<R>),
    decoded: &[Query<R>],
    outputs: &[R],
    d_out: &mut [R],
) -> f64 {
    let heads = part.heads;
    let (mut sum, mut at) = (0.0, 0);
    let each = outputs
        .chunks_exact(heads)
        .zip(d_out.chunks_exact_mut(heads));
    let asked = decoded.iter().zip(&rows.asked);
    for (row, ((one, count), (x, d))) in asked.zip(each).enumerate() {
        let own = at..at + count;
        at = own.end;
        let (mut zero, mut ones) = (vec![false; heads], vec![false; heads]);
        for (first, y) in rows.outputs[own.clone()].iter().zip(&rows.answers[own]) {
            match y.to_f64() > 0.5 {
                true => ones[first - row * heads] = true,
                false => zero[first - row * heads] = true,
            }
        }
        let paid = ones.contains(&true);
        let possible = |head: usize| if paid { ones[head] } else { !zero[head] };
        if !(0..heads).any(possible) {
            continue;
        }
        let (log_all, p) = normalized(x, |_| true);
        let (log_own, among) = normalized(x, possible);
        sum += one.weight * (log_all - log_own);
        let own = p.iter().zip(among);
        for (d, (p, among)) in d.iter_mut().zip(own) {
            *d = R::from_f64(one.weight * (p - among));
        }
    }
    sum
}

/// ln Σ eˣ over some of the logits, of which there is one, and the share of each in that sum.
fn normalized<R: Real>(x: &[R], some: impl Fn(usize) -> bool) -> (f64, Vec<f64>) {
    let own = x.iter().enumerate().filter(|(index, _)| some(*index));
    let largest = own
        .map(|(_, x)| x.to_f64())
        .fold(f64::NEG_INFINITY, f64::max);
    let share = |(index, x): (usize, &R)| match some(index) {
        true => (x.to_f64() - largest).exp(),
        false => 0.0,
    };
    let mut shares: Vec<f64> = x.iter().enumerate().map(share).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    (largest + sum.ln(), shares)
}

/// The same number for rows that are alike, and hardly ever for others.
fn digest<R: Real>(row: [&[R]; 2]) -> u64 {
    // −0 is alike 0.
    let bits = |x: &R| (x.to_f64() + 0.0).to_bits();
    let numbers = row.into_iter().flatten().map(bits);
    numbers.fold(0, |sum: u64, bits| {
        (sum.rotate_left(5) ^ bits).wrapping_mul(MIXES)
    })
}

/// An odd number whose bits look random: 2⁶⁴ / golden ratio.
const MIXES: u64 = 0x9e37_79b9_7f4a_7c15;

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

#[cfg(test)]
#[path = "elbo_tests.rs"]
mod tests;
