//! One task: its samples, the adaptation to it and what both say of the
//! meta-parameters.

use crate::adaptation::{Adaptation, Rule, Way};
use crate::config::MetaObjective;
use crate::meta::Meta;
use crate::samples::Samples;
use crate::surrogate::{Loss, Objective};
use kernels::mlp::{Mlp, Old, Real};
use rl_core::Pack;
use std::ops::Range;

/// What a task's loss is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// On the samples of adapted policies.
    pub objective: Objective,
    /// Weight of the mean over the steps of KL(πₖ′ ‖ πₖ) on the step's own
    /// samples, where πₖ′ is the policy that they came from.
    pub penalty: f64,
    /// E-MAML: what each score before the adaptation is paid. The term is
    /// −`exploration` × Σₖ Σᵢ ln πₖ(aᵢ | sᵢ).
    pub exploration: f64,
    /// Of which policies the objective is.
    pub of: MetaObjective,
}

impl Terms {
    /// Policies before the last one that the objective is of too.
    fn earlier(&self, steps: usize) -> Range<usize> {
        match self.of {
            MetaObjective::LastStep => steps..steps,
            MetaObjective::EveryStep => 1.min(steps)..steps,
        }
    }

    /// How much each policy counts that the objective is of.
    fn share(&self, steps: usize) -> f64 {
        1.0 / (self.earlier(steps).len() + 1) as f64
    }
}

/// The value of a task's loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TaskLoss {
    /// On the samples of adapted policies.
    pub objective: Loss,
    /// All terms.
    pub total: f64,
    /// Mean over the steps of KL(πₖ′ ‖ πₖ), nats; 0 without steps.
    pub inner_kl: f64,
    /// KL(π_K′ ‖ π_K) on the samples of the adapted policy, nats.
    pub outer_kl: f64,
    /// Mean entropy of the adapted policy on its samples, nats.
    pub entropy: f64,
}

impl Pack for TaskLoss {
    fn pack(&self, bytes: &mut Vec<u8>) {
        let Loss {
            policy,
            approx_kl,
            clip_fraction,
        } = self.objective;
        [policy, approx_kl, clip_fraction].pack(bytes);
        [self.total, self.inner_kl, self.outer_kl, self.entropy].pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let [policy, approx_kl, clip_fraction] = <[f64; 3]>::unpack(bytes)?;
        let [total, inner_kl, outer_kl, entropy] = <[f64; 4]>::unpack(bytes)?;
        Some(Self {
            objective: Loss {
                policy,
                approx_kl,
                clip_fraction,
            },
            total,
            inner_kl,
            outer_kl,
            entropy,
        })
    }
}

impl TaskLoss {
    /// Adds `share` × another. Add parts in a fixed order.
    pub(crate) fn add(&mut self, part: &Self, share: f64) {
        self.objective.add(&part.objective, share);
        self.total += share * part.total;
        self.inner_kl += share * part.inner_kl;
        self.outer_kl += share * part.outer_kl;
        self.entropy += share * part.entropy;
    }
}

/// The distributions that a policy had on its samples.
#[derive(Clone, Debug)]
struct Anchor<R> {
    outputs: Vec<R>, // [samples][outputs]
    log_std: Vec<R>,
}

impl<R> Anchor<R> {
    fn old(&self) -> Old<'_, R> {
        Old {
            outputs: &self.outputs,
            log_std: &self.log_std,
        }
    }
}

/// One task. Its functions are the whole numerical core of MAML, for `f32` and,
/// to check it, `f64`.
#[derive(Debug)]
pub struct Learner<R> {
    /// Those of θₖ for every step k, and those of the adapted policy.
    /// `[steps + 1]`
    pub samples: Vec<Samples<R>>,
    adaptation: Adaptation<R>,
    anchors: Vec<Anchor<R>>, // [steps + 1]
    terms: Vec<Vec<R>>,      // [steps][parameters]
    constant: Vec<R>,        // [samples], scratch
    objective: Vec<R>,       // [samples], weights of the scores in an objective
}

impl<R: Real> Learner<R> {
    /// One that has seen nothing.
    pub fn new(network: &Mlp, samples: Vec<Samples<R>>) -> Self {
        let anchor = || Anchor {
            outputs: Vec::new(),
            log_std: Vec::new(),
        };
        Self {
            adaptation: Adaptation::new(network),
            anchors: samples.iter().map(|_| anchor()).collect(),
            terms: Vec::new(),
            constant: Vec::new(),
            objective: Vec::new(),
            samples,
        }
    }

    /// The adaptation.
    pub fn adaptation(&self) -> &Adaptation<R> {
        &self.adaptation
    }

    /// Parameters of the policy as adapted so far.
    pub fn params(&self) -> &[R] {
        let levels = self.adaptation.levels();
        &levels[levels.len() - 1].params
    }

    /// Forgets all adaptation.
    pub fn begin(&mut self, rule: &Rule, theta: &[R]) {
        self.adaptation.begin(rule, theta);
    }

    /// Takes the next inner step on its samples.
    pub fn step(&mut self, rule: &Rule, meta: &Meta<R>) {
        let step = self.adaptation.steps();
        self.adaptation.step(rule, meta, &self.samples[step]);
    }

    /// Runs the adapted policy on its samples, and remembers all policies so
    /// far as those that the samples came from.
    pub fn anchor(&mut self, rule: &Rule) {
        let steps = self.adaptation.steps();
        let samples = &self.samples[steps];
        self.adaptation.last().look(&rule.network, samples);
        for (anchor, level) in self.anchors.iter_mut().zip(self.adaptation.levels()) {
            anchor.outputs.clear();
            anchor.outputs.extend_from_slice(level.cache.outputs());
            anchor.log_std.clear();
            let log_std = &level.params[rule.network.log_std()];
            anchor.log_std.extend_from_slice(log_std);
        }
    }

    /// Adapts anew from other meta-parameters, on the same samples.
    pub fn adapt(&mut self, rule: &Rule, meta: &Meta<R>) {
        self.adaptation.begin(rule, &meta.theta);
        for step in 0..meta.rates.len() {
            self.adaptation.step(rule, meta, &self.samples[step]);
        }
        let samples = &self.samples[meta.rates.len()];
        self.adaptation.last().look(&rule.network, samples);
    }

    /// The loss of the policies as they are, after [`Self::anchor`] or
    /// [`Self::adapt`].
    pub fn loss(&mut self, rule: &Rule, terms: &Terms) -> TaskLoss {
        let steps = self.adaptation.steps();
        let last = self.adaptation.last();
        let (samples, weights) = (&self.samples[steps], &mut last.weights);
        let mut objective = terms.objective.weigh(samples, &last.log_probs, weights);
        let share = terms.share(steps);
        if share != 1.0 {
            let all = std::mem::take(&mut objective);
            objective.add(&all, share);
            let share = R::from_f64(share);
            weights
                .iter_mut()
                .for_each(|weight| *weight = share * *weight);
        }
        for step in terms.earlier(steps) {
            let (samples, level) = (&self.samples[step], &self.adaptation.levels()[step]);
            let weights = &mut self.objective;
            let part = terms.objective.weigh(samples, &level.log_probs, weights);
            objective.add(&part, share);
        }
        let mut loss = TaskLoss {
            objective,
            total: objective.policy,
            outer_kl: self.divergence(rule, steps),
            entropy: self.entropy(rule),
            ..TaskLoss::default()
        };
        for step in 0..steps {
            let log_probs = &self.adaptation.levels()[step].log_probs;
            let sum: f64 = log_probs.iter().map(|l| l.to_f64()).sum();
            loss.total -= terms.exploration * sum;
            loss.inner_kl += self.divergence(rule, step) / steps as f64;
        }
        loss.total += terms.penalty * loss.inner_kl;
        loss
    }

    /// The loss, and its gradient with respect to the meta-parameters.
    pub fn gradient(&mut self, rule: &Rule, meta: &Meta<R>, terms: &Terms) -> (TaskLoss, Meta<R>) {
        let loss = self.loss(rule, terms);
        let steps = self.adaptation.steps();
        let mut theta = vec![R::ZERO; rule.network.parameters()];
        let acts = self.samples[steps].acts();
        let last = self.adaptation.last();
        let (cache, weights) = (&mut last.cache, &last.weights);
        rule.network.score(cache, acts, weights, &mut theta);
        self.direct_terms(rule, terms);
        let mut gradient = Meta {
            theta,
            rates: Vec::new(),
            gates: Vec::new(),
        };
        let samples = &self.samples;
        let way = Way {
            rule,
            meta,
            samples,
        };
        self.adaptation.pull(&way, &self.terms, &mut gradient);
        (loss, gradient)
    }

    /// Prepares for many of [`Self::curvature`].
    pub fn prepare(&mut self, rule: &Rule) {
        self.adaptation.prepare(rule, &self.samples);
    }

    /// The product of the Hessian of KL(π_K′ ‖ π_K), as a function of the
    /// meta-parameters where π_K = π_K′, with a direction: JᵀFJ v. The gradient
    /// of the divergence vanishes there, and with it the adaptation's second
    /// derivatives.
    pub fn curvature(&mut self, rule: &Rule, meta: &Meta<R>, mut direction: Meta<R>) -> Meta<R> {
        let samples = &self.samples;
        let way = Way {
            rule,
            meta,
            samples,
        };
        self.adaptation.push(&way, &mut direction);
        self.adaptation.fisher(rule, &mut direction.theta);
        self.adaptation.pull(&way, &[], &mut direction);
        direction
    }

    /// KL(π′ ‖ π) of a level, its mean over the samples.
    fn divergence(&mut self, rule: &Rule, level: usize) -> f64 {
        let samples = self.samples[level].len();
        self.constant.clear();
        let share = R::from_f64(1.0 / samples as f64);
        self.constant.resize(samples, share);
        let old = self.anchors[level].old();
        let cache = self.adaptation.cache(level);
        rule.network.kl(cache, old, &self.constant)
    }

    /// Mean entropy of the adapted policy.
    fn entropy(&mut self, rule: &Rule) -> f64 {
        let samples = self.samples[self.adaptation.steps()].len();
        self.constant.clear();
        self.constant.resize(samples, R::ZERO);
        let cache = &self.adaptation.last().cache;
        rule.network.entropy(cache, &mut self.constant);
        let sum: f64 = self.constant.iter().map(|entropy| entropy.to_f64()).sum();
        sum / samples as f64
    }

    /// Gradients of the terms that depend on the policies before the adapted
    /// one.
    fn direct_terms(&mut self, rule: &Rule, terms: &Terms) {
        let steps = self.adaptation.steps();
        let earlier = terms.earlier(steps);
        if terms.penalty == 0.0 && terms.exploration == 0.0 && earlier.is_empty() {
            self.terms.clear();
            return;
        }
        self.terms.resize_with(steps, Vec::new);
        for (step, term) in self.terms.iter_mut().enumerate() {
            term.clear();
            term.resize(rule.network.parameters(), R::ZERO);
            let samples = &self.samples[step];
            self.constant.clear();
            if terms.exploration != 0.0 {
                let cache = self.adaptation.cache(step);
                let weight = R::from_f64(-terms.exploration);
                self.constant.resize(samples.len(), weight);
                let (acts, weights) = (samples.acts(), &self.constant);
                rule.network.score(cache, acts, weights, term);
            }
            if earlier.contains(&step) {
                let (level, weights) = (&self.adaptation.levels()[step], &mut self.objective);
                terms.objective.weigh(samples, &level.log_probs, weights);
                let share = R::from_f64(terms.share(steps));
                weights
                    .iter_mut()
                    .for_each(|weight| *weight = share * *weight);
                let cache = self.adaptation.cache(step);
                rule.network
                    .score(cache, samples.acts(), &self.objective, term);
            }
            if terms.penalty != 0.0 {
                let cache = self.adaptation.cache(step);
                let share = terms.penalty / (steps * samples.len()) as f64;
                self.constant.clear();
                self.constant.resize(samples.len(), R::from_f64(share));
                let old = self.anchors[step].old();
                rule.network.kl_gradient(cache, old, &self.constant, term);
            }
        }
    }
}
