//! The inner loop of one task, and the way of gradients through it.

mod gated;

use crate::config::{Order, Surrogate};
use crate::meta::Meta;
use crate::samples::Samples;
use crate::surrogate::{Side, dice_tangents};
use gated::{Step, Told};
use kernels::gates::{Gates, GatesWork, Memory, Moved};
use kernels::mlp::{Cache, Mlp, Prepared, Real, Tangent};
use std::ops::Range;

/// How adaptations of a network go.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The policy's network.
    pub network: Mlp,
    /// How far gradients flow through adaptations.
    pub order: Order,
    /// What the inner loss is made of.
    pub surrogate: Surrogate,
    /// Parameters that a step must not leave below a value: the logarithms of
    /// standard deviations.
    pub floor: (Range<usize>, f64),
    /// How steps are gated, where they are.
    pub gated: Option<GatedSteps>,
}

/// How an LSTM gates the steps: see [`InnerRule`](crate::InnerRule).
#[derive(Clone, Debug)]
pub struct GatedSteps {
    /// The LSTM.
    pub gates: Gates,
    /// Which parameters adapt, and so have gates.
    pub coordinates: Vec<usize>,
    /// Whether gradients flow through what the LSTM is told of inner gradients.
    pub differentiated: bool,
}

impl Rule {
    /// Whether anything can be prepared for products with the steps' Jacobians.
    pub(crate) fn prepares(&self) -> bool {
        self.order == Order::Second && self.surrogate.moves().is_some()
    }
}

/// Between which meta-parameters and adapted ones directions and gradients go.
#[derive(Debug)]
pub struct Way<'a, R> {
    /// How the adaptation went.
    pub rule: &'a Rule,
    /// Where it began, and its rates.
    pub meta: &'a Meta<R>,
    /// The samples of each step. `[steps]`, or more, which are not read
    pub samples: &'a [Samples<R>],
}

/// A policy on its way: parameters, and what they make of their samples.
#[derive(Debug)]
pub struct Level<R> {
    /// θₖ. `[parameters]`
    pub params: Vec<R>,
    /// The network's activations on the samples.
    pub cache: Cache<R>,
    /// ln π of what was done. `[samples]`
    pub log_probs: Vec<R>,
    /// Weights of the scores in the loss's gradient. `[samples]`
    pub weights: Vec<R>,
    /// The inner gradient at θₖ. `[parameters]`
    pub gradient: Vec<R>,
    /// Of the inner gradient's derivative at θₖ, and whether it was prepared.
    prepared: (Prepared<R>, bool),
    /// Parameters that the step before left at the floor, and which therefore
    /// do not depend on anything.
    floored: Vec<usize>,
    /// What the steps before left the LSTM that gates them, and their gates.
    memory: Memory<R>,
}

impl<R: Real> Level<R> {
    fn new(network: &Mlp) -> Self {
        let zeros = vec![R::ZERO; network.parameters()];
        Self {
            params: zeros.clone(),
            cache: Cache::new(),
            log_probs: Vec::new(),
            weights: Vec::new(),
            gradient: zeros,
            prepared: (Prepared::new(), false),
            floored: Vec::new(),
            memory: Memory::default(),
        }
    }

    /// The forget and the input gate of the step that led here, of every parameter
    /// that adapts; none where nothing is gated.
    pub fn gates(&self, rule: &Rule) -> impl Iterator<Item = [R; 2]> {
        let adapting = rule
            .gated
            .as_ref()
            .map_or(0, |gated| gated.coordinates.len());
        self.memory.gates().take(adapting)
    }

    /// Makes the weights those of a mean over the samples.
    pub fn weigh_evenly(&mut self) {
        let samples = self.log_probs.len();
        self.weights.clear();
        let weight = R::from_f64(1.0 / samples as f64);
        self.weights.resize(samples, weight);
    }

    /// Runs the network on samples.
    pub fn look(&mut self, network: &Mlp, samples: &Samples<R>) {
        let inputs = &samples.observations;
        self.prepared.1 = false;
        network.forward(&self.params, inputs, samples.len(), &mut self.cache);
        self.log_probs.clear();
        self.log_probs.resize(samples.len(), R::ZERO);
        let log_probs = &mut self.log_probs;
        network.log_probs(&self.cache, samples.acts(), log_probs);
    }
}

/// An adaptation: θ₀, …, θ_K with θₖ₊₁ = θₖ − αₖ ∘ ∇Lₖ(θₖ), each with what it
/// makes of its own samples, which every product below reads again.
///
/// The Jacobian of a step is Jₖ = I − diag(αₖ) Hₖ with Hₖ, the derivative of the
/// inner gradient, which is never formed: products with it are one pass forward
/// and one backward through the activations of θₖ (Pearlmutter 1994).
///
/// Gated, θₖ₊₁ = fₖ ∘ θₖ − αₖ ∘ nₖ ∘ ∇Lₖ(θₖ) with the gates of an LSTM that is told
/// θₖ and ∇Lₖ and remembers: derivatives go through its memory from step to step
/// beside those of the parameters, and what it is told adds to what is multiplied
/// with Hₖ, so that there is still one product per step.
#[derive(Debug)]
pub struct Adaptation<R> {
    levels: Vec<Level<R>>,
    steps: usize,
    work: Work<R>,
}

/// Memory of the products.
#[derive(Debug)]
struct Work<R> {
    tangent: Tangent<R>,
    gates: GatesWork<R>,
    moved: Moved<R>, // of the LSTM's memory
    told: Told<R>,
    scaled: Vec<R>,            // [parameters]
    product: Vec<R>,           // [parameters]
    log_prob_tangents: Vec<R>, // [samples]
    weight_tangents: Vec<R>,   // [samples]
}

impl<R: Real> Adaptation<R> {
    /// Of no steps yet.
    pub fn new(network: &Mlp) -> Self {
        let zeros = vec![R::ZERO; network.parameters()];
        Self {
            levels: vec![Level::new(network)],
            steps: 0,
            work: Work {
                tangent: Tangent::new(),
                gates: GatesWork::new(),
                moved: Moved::default(),
                told: Told::default(),
                scaled: zeros.clone(),
                product: zeros,
                log_prob_tangents: Vec::new(),
                weight_tangents: Vec::new(),
            },
        }
    }

    /// Steps taken.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The policies so far, θ₀ first. `[steps + 1]`
    pub fn levels(&self) -> &[Level<R>] {
        &self.levels[..=self.steps]
    }

    /// The policy as it is now.
    pub fn last(&mut self) -> &mut Level<R> {
        &mut self.levels[self.steps]
    }

    /// The activations of θₖ.
    pub fn cache(&mut self, step: usize) -> &mut Cache<R> {
        &mut self.levels[step].cache
    }

    /// Starts over at θ₀.
    pub fn begin(&mut self, rule: &Rule, theta: &[R]) {
        self.steps = 0;
        self.levels[0].params.copy_from_slice(theta);
        if let Some(GatedSteps {
            gates, coordinates, ..
        }) = &rule.gated
        {
            gates.begin(coordinates.len(), &mut self.levels[0].memory);
        }
    }

    /// Takes the next step on samples.
    pub fn step(&mut self, rule: &Rule, meta: &Meta<R>, samples: &Samples<R>) {
        if self.levels.len() == self.steps + 1 {
            self.levels.push(Level::new(&rule.network));
        }
        let (before, after) = self.levels.split_at_mut(self.steps + 1);
        let (level, next) = (&mut before[self.steps], &mut after[0]);
        level.look(&rule.network, samples);
        let Level {
            params,
            cache,
            log_probs,
            weights,
            gradient,
            ..
        } = level;
        rule.surrogate.weigh(samples, log_probs, weights);
        gradient.fill(R::ZERO);
        let acts = samples.acts();
        rule.network.score(cache, acts, weights, gradient);
        let rates = &meta.rates[self.steps];
        let moves = params.iter().zip(rates).zip(&*gradient);
        for (next, ((param, rate), g)) in next.params.iter_mut().zip(moves) {
            *next = *param - *rate * *g;
        }
        if let Some(gated) = &rule.gated {
            self.work
                .gate(gated, (meta, rates), samples.loss, (level, next));
        }
        next.floored.clear();
        let (range, least) = &rule.floor;
        let least = R::from_f64(*least);
        for index in range.clone() {
            if next.params[index] < least {
                next.params[index] = least;
                next.floored.push(index);
            }
        }
        self.steps += 1;
    }

    /// Prepares for many products with the Jacobians of the steps as taken on
    /// `samples`, `[steps]` or more. One that is not prepared for costs up to twice
    /// as much. Without effect on the products of `dice`, which nothing can be
    /// prepared for, and those of first order, which there are none of.
    pub fn prepare(&mut self, rule: &Rule, samples: &[Samples<R>]) {
        if !rule.prepares() {
            return;
        }
        for (level, samples) in self.levels[..self.steps].iter_mut().zip(samples) {
            let (prepared, ready) = &mut level.prepared;
            let (acts, weights) = (samples.acts(), &level.weights);
            rule.network
                .prepare_score(&mut level.cache, acts, weights, prepared);
            *ready = true;
        }
    }

    /// Turns a direction of θ₀ and the rates, in `direction`, into the one in
    /// which θ_K moves.
    pub fn push(&mut self, way: &Way<'_, R>, direction: &mut Meta<R>) {
        let Way {
            rule,
            meta,
            samples,
        } = way;
        self.work.begin_moved(rule);
        for step in 0..self.steps {
            self.work.product.fill(R::ZERO);
            if rule.order == Order::Second {
                let level = &mut self.levels[step];
                let factor = Factor {
                    direction: &direction.theta,
                    side: Side::Left,
                };
                self.work.curvature(rule, level, &samples[step], factor);
            }
            let levels = (&self.levels[step], &self.levels[step + 1]);
            match &rule.gated {
                None => {
                    let bent = meta.rates[step].iter().zip(&self.work.product);
                    let turned = levels.0.gradient.iter().zip(&direction.rates[step]);
                    let theta = direction.theta.iter_mut();
                    for (v, ((rate, h), (g, r))) in theta.zip(bent.zip(turned)) {
                        *v -= *rate * *h + *g * *r;
                    }
                }
                Some(_) => {
                    let at = Step {
                        way,
                        index: step,
                        levels,
                    };
                    self.work.push_gates(at, direction);
                }
            }
            let theta = &mut direction.theta;
            for index in &self.levels[step + 1].floored {
                theta[*index] = R::ZERO;
            }
        }
    }

    /// Turns the gradient of a function of θ_K, in `gradient.theta`, into that
    /// of the same function of θ₀, the rates and the LSTM: from the last step back,
    /// g ← Jₖᵀ g = g − Hₖᵀ (αₖ ∘ g), and −∇Lₖ ∘ g for the rates.
    ///
    /// `terms`, `[steps][parameters]` or empty, are gradients of further terms
    /// that depend on θₖ directly.
    pub fn pull(&mut self, way: &Way<'_, R>, terms: &[Vec<R>], gradient: &mut Meta<R>) {
        let Way {
            rule,
            meta,
            samples,
        } = way;
        gradient.rates.resize_with(self.steps, Vec::new);
        gradient.gates.clear();
        gradient.gates.resize(meta.gates.len(), R::ZERO);
        self.work.begin_moved(rule);
        for step in (0..self.steps).rev() {
            for index in &self.levels[step + 1].floored {
                gradient.theta[*index] = R::ZERO;
            }
            let level = &self.levels[step];
            let (theta, rates) = (&gradient.theta, &mut gradient.rates[step]);
            let both = level.gradient.iter().zip(theta);
            rates.clear();
            rates.extend(both.map(|(inner, g)| -(*inner * *g)));
            let both = meta.rates[step].iter().zip(theta);
            for (scaled, (rate, g)) in self.work.scaled.iter_mut().zip(both) {
                *scaled = *rate * *g;
            }
            if rule.gated.is_some() {
                let at = Step {
                    way,
                    index: step,
                    levels: (level, &self.levels[step + 1]),
                };
                self.work.pull_gates(at, gradient);
            }
            let theta = &mut gradient.theta;
            if rule.order == Order::Second {
                let level = &mut self.levels[step];
                let scaled = std::mem::take(&mut self.work.scaled);
                let factor = Factor {
                    direction: &scaled,
                    side: Side::Right,
                };
                self.work.curvature(rule, level, &samples[step], factor);
                self.work.scaled = scaled;
                for (g, h) in theta.iter_mut().zip(&self.work.product) {
                    *g -= *h;
                }
            }
            if let Some(term) = terms.get(step) {
                theta.iter_mut().zip(term).for_each(|(g, t)| *g += *t);
            }
        }
    }

    /// Replaces a direction of θ_K, `[parameters]`, by its product with the
    /// Fisher matrix of θ_K: the mean over the samples that the last level
    /// looked at, which is the Hessian of KL(π_K ‖ π) at π = π_K.
    pub fn fisher(&mut self, rule: &Rule, direction: &mut [R]) {
        let level = &mut self.levels[self.steps];
        let work = &mut self.work;
        let network = &rule.network;
        work.product.fill(R::ZERO);
        level.weigh_evenly();
        let (cache, weights) = (&mut level.cache, &level.weights);
        network.fisher_vector(cache, direction, weights, &mut work.product);
        direction.copy_from_slice(&work.product);
    }
}

/// What the derivative of an inner gradient is multiplied by.
struct Factor<'a, R> {
    direction: &'a [R], // [parameters]
    side: Side,
}

impl<R: Real> Work<R> {
    /// Writes the product of the inner gradient's derivative at a level with a
    /// direction into `product`.
    fn curvature(
        &mut self,
        rule: &Rule,
        level: &mut Level<R>,
        samples: &Samples<R>,
        factor: Factor<'_, R>,
    ) {
        let Factor { direction, side } = factor;
        self.product.fill(R::ZERO);
        let Level {
            cache,
            weights,
            prepared,
            ..
        } = level;
        let (network, acts) = (&rule.network, samples.acts());
        if let Some(moves) = rule.surrogate.moves() {
            let prepared = prepared.1.then_some(&prepared.0);
            let given = (acts, &weights[..], moves);
            network.score_product(cache, direction, given, prepared, &mut self.product);
            return;
        }
        network.tangent(direction, cache, &mut self.tangent);
        self.log_prob_tangents.clear();
        self.log_prob_tangents.resize(samples.len(), R::ZERO);
        let (tangent, to) = (&self.tangent, &mut self.log_prob_tangents);
        network.tangent_log_probs(cache, tangent, acts, to);
        let (from, to) = (&self.log_prob_tangents, &mut self.weight_tangents);
        dice_tangents(samples, (weights, side), from, to);
        let moved = Some(&self.weight_tangents[..]);
        let (tangent, to) = (&self.tangent, &mut self.product);
        network.score_tangent(cache, tangent, acts, weights, moved, to);
    }
}

#[cfg(test)]
#[path = "adaptation_tests.rs"]
mod tests;
