//! The outer loop: from adapted tasks to new meta-parameters.

use crate::config::{Exploration, KlPenalty, Outer, TrustRegion};
use crate::exploration::{beyond_others, common_scale};
use crate::learner::{TaskLoss, Terms};
use crate::meta::Meta;
use crate::metrics::{Improvement, Phase, Search};
use crate::surrogate::Objective;
use crate::task::Task;
use crate::trainer::{Learned, Trainer};
use crate::trust::{Solution, add, conjugate_gradient, dot};
use agent::LearnError;
use nets::{clip_gradient, gradient_norm};
use std::sync::Arc;

/// What all tasks say of the meta-parameters.
struct Verdict {
    loss: TaskLoss,
    /// Mean gradient. `[meta-parameters]`
    gradient: Vec<f64>,
}

impl Trainer {
    /// Moves what is learned by what the tasks teach.
    pub(crate) fn improve(
        &mut self,
        learned: &mut Learned,
        meta: &Meta<f32>,
        observe: &mut dyn FnMut(Phase),
    ) -> Result<Improvement, LearnError> {
        observe(Phase::Outer);
        let rule = &self.common.rule;
        self.batch.each(|_, task| task.learner.anchor(rule))?;
        match self.config.outer {
            Outer::Vpg => self.policy_gradient(learned, meta),
            Outer::Ppo { clip, epochs, .. } => self.proximal(learned, meta, (clip, epochs)),
            Outer::Trpo(region) => {
                let terms = self.terms(Objective::Ratio, 0.0)?;
                let verdict = self.verdict(meta, &terms)?;
                self.trust_region(learned, (meta, verdict), region, observe)
            }
            Outer::Reptile => self.towards_adapted(learned),
        }
    }

    fn policy_gradient(
        &mut self,
        learned: &mut Learned,
        meta: &Meta<f32>,
    ) -> Result<Improvement, LearnError> {
        let terms = self.terms(Objective::Ratio, 0.0)?;
        let verdict = self.verdict(meta, &terms)?;
        let gradient_norm = self.descend(learned, &verdict.gradient)?;
        Ok(self.report(verdict.loss, gradient_norm))
    }

    fn proximal(
        &mut self,
        learned: &mut Learned,
        meta: &Meta<f32>,
        (clip, epochs): (f64, usize),
    ) -> Result<Improvement, LearnError> {
        let terms = self.terms(Objective::Clipped(clip), learned.penalty)?;
        let mut mean = TaskLoss::default();
        let (mut norm, mut entropy) = (0.0, 0.0);
        let mut anew = None;
        for epoch in 0..epochs {
            if epoch > 0 {
                anew = Some(self.adapt_anew(learned)?);
            }
            let verdict = self.verdict(anew.as_ref().unwrap_or(meta), &terms)?;
            if epoch == 0 {
                entropy = verdict.loss.entropy;
            }
            mean.add(&verdict.loss, 1.0 / epochs as f64);
            norm += self.descend(learned, &verdict.gradient)? / epochs as f64;
        }
        mean.entropy = entropy;
        let mut improvement = self.report(mean, norm);
        improvement.clip_fraction = Some(mean.objective.clip_fraction);
        if self.penalty() != KlPenalty::None {
            improvement.inner_kl = Some(mean.inner_kl);
            improvement.kl_penalty = Some(learned.penalty);
        }
        if let KlPenalty::Adaptive { target, .. } = self.penalty() {
            self.adapt_anew(learned)?;
            let reached = self.losses(&terms)?.inner_kl;
            improvement.inner_kl = Some(reached);
            if reached > 1.5 * target {
                learned.penalty *= 2.0;
            } else if reached < target / 1.5 {
                learned.penalty *= 0.5;
            }
        }
        Ok(improvement)
    }

    fn towards_adapted(&mut self, learned: &mut Learned) -> Result<Improvement, LearnError> {
        let terms = self.terms(Objective::Ratio, 0.0)?;
        let loss = self.losses(&terms)?;
        let share = 1.0 / self.config.tasks as f64;
        let params = |_, task: &mut Task| ((), task.learner.params().to_vec());
        let (_, mean) = self.batch.sum(share, params)?;
        let values = learned.values.iter().map(|value| f64::from(*value));
        let back: Vec<f64> = values
            .zip(&mean)
            .map(|(value, mean)| value - mean)
            .collect();
        let gradient_norm = self.descend(learned, &back)?;
        Ok(self.report(loss, gradient_norm))
    }

    fn trust_region(
        &mut self,
        learned: &mut Learned,
        (meta, verdict): (&Meta<f32>, Verdict),
        region: TrustRegion,
        observe: &mut dyn FnMut(Phase),
    ) -> Result<Improvement, LearnError> {
        let gradient_norm = self.finite(&verdict.gradient)?;
        observe(Phase::ConjugateGradient);
        self.prepare(region.iterations)?;
        let product = |direction: &[f64]| self.curvature(meta, direction, region.damping);
        let solution = conjugate_gradient(&verdict.gradient, region.iterations, product)?;
        observe(Phase::LineSearch);
        let search = self.search(learned, &verdict.loss, &solution, region)?;
        Ok(Improvement {
            approx_kl: search.divergence,
            learning_rate: 0.0,
            search: Some(search),
            ..self.report(verdict.loss, gradient_norm)
        })
    }

    /// Prepares for conjugate gradient where that pays.
    fn prepare(&mut self, iterations: usize) -> Result<(), LearnError> {
        if self.common.preparing_pays(iterations) {
            let rule = &self.common.rule;
            self.batch.each(|_, task| task.learner.prepare(rule))?;
        }
        Ok(())
    }

    /// Goes down the direction of a solution, at first to where its divergence
    /// would be the largest allowed if it were a quadratic form, and back by
    /// `shrink` while the loss does not fall or the divergence is too large.
    fn search(
        &mut self,
        learned: &mut Learned,
        before: &TaskLoss,
        solution: &Solution,
        region: TrustRegion,
    ) -> Result<Search, LearnError> {
        let mut search = Search {
            accepted: false,
            steps: 0,
            iterations: solution.iterations,
            residual: solution.residual,
            improvement: 0.0,
            divergence: 0.0,
        };
        let bent = dot(&solution.x, &solution.product);
        // Without curvature there is no direction to trust; NaN is none either.
        if bent.is_nan() || bent <= 0.0 {
            return Ok(search);
        }
        let terms = self.terms(Objective::Ratio, 0.0)?;
        let start = Arc::clone(&learned.values);
        let mut length = (2.0 * region.max_kl / bent).sqrt();
        while search.steps < region.backtracks {
            search.steps += 1;
            learned.values = Arc::new(self.moved(&start, -length, &solution.x));
            self.adapt_anew(learned)?;
            let loss = self.losses(&terms)?;
            // Whatever is not a number is refused too.
            if loss.total < before.total && loss.outer_kl <= region.max_kl {
                search.accepted = true;
                search.improvement = before.total - loss.total;
                search.divergence = loss.outer_kl;
                return Ok(search);
            }
            length *= region.shrink;
        }
        learned.values = start;
        Ok(search)
    }

    /// The product of the divergence's Hessian, damped, with a direction.
    fn curvature(
        &mut self,
        meta: &Meta<f32>,
        direction: &[f64],
        damping: f64,
    ) -> Result<Vec<f64>, LearnError> {
        let common = &self.common;
        let moved = common.shape.read_direction::<f64, f32>(direction);
        let share = 1.0 / self.config.tasks as f64;
        let (_, mut product) = self.batch.sum(share, |_, task| {
            let product = task.learner.curvature(&common.rule, meta, moved.clone());
            ((), common.shape.write(&product))
        })?;
        self.finite(&product)?;
        add(&mut product, damping, direction);
        Ok(product)
    }

    /// Mean loss and gradient over the tasks.
    fn verdict(&mut self, meta: &Meta<f32>, terms: &[Terms]) -> Result<Verdict, LearnError> {
        let common = &self.common;
        let share = 1.0 / self.config.tasks as f64;
        let (losses, gradient) = self.batch.sum(share, |index, task| {
            let (rule, terms) = (&common.rule, &terms[index]);
            let (loss, gradient) = task.learner.gradient(rule, meta, terms);
            (loss, common.shape.write(&gradient))
        })?;
        let mut loss = TaskLoss::default();
        losses.iter().for_each(|part| loss.add(part, share));
        Ok(Verdict { loss, gradient })
    }

    /// Mean loss over the tasks.
    fn losses(&mut self, terms: &[Terms]) -> Result<TaskLoss, LearnError> {
        let rule = &self.common.rule;
        let loss = |index: usize, task: &mut Task| task.learner.loss(rule, &terms[index]);
        let losses = self.batch.each(loss)?;
        let mut mean = TaskLoss::default();
        let share = 1.0 / self.config.tasks as f64;
        losses.iter().for_each(|loss| mean.add(loss, share));
        Ok(mean)
    }

    /// Adapts all tasks anew from the present meta-parameters.
    fn adapt_anew(&mut self, learned: &Learned) -> Result<Meta<f32>, LearnError> {
        let common = &self.common;
        let meta = common.shape.read(&learned.values);
        self.batch
            .each(|_, task| task.learner.adapt(&common.rule, &meta))?;
        Ok(meta)
    }

    /// What the loss of each task is made of.
    fn terms(&mut self, objective: Objective, penalty: f64) -> Result<Vec<Terms>, LearnError> {
        let steps = self.config.inner.steps;
        let of = self.config.objective;
        let terms = |exploration: f64| Terms {
            objective,
            penalty,
            exploration,
            of,
        };
        let Exploration::EMaml { coefficient } = self.config.exploration else {
            return Ok(vec![terms(0.0); self.config.tasks]);
        };
        let last = |_, task: &mut Task| {
            let rollout = &task.rollouts[steps];
            (rollout.earned, rollout.deviation)
        };
        let (earned, deviations): (Vec<f64>, Vec<f64>) = self.batch.each(last)?.into_iter().unzip();
        let scale = match self.config.normalize_advantages {
            true => common_scale(&deviations),
            false => 1.0,
        };
        let paid = beyond_others(&earned).into_iter();
        let terms = paid.map(|paid| terms(coefficient * scale * paid));
        Ok(terms.collect())
    }

    /// One clipped step of the optimizer; returns the gradient's norm.
    fn descend(&self, learned: &mut Learned, gradient: &[f64]) -> Result<f64, LearnError> {
        let mut gradient = to_f32(gradient);
        let most = self.config.max_gradient_norm;
        let layout = self.common.shape.layout();
        let failed = |source| self.failed(source);
        let norm = clip_gradient(layout, &mut gradient, most).map_err(failed)?;
        let rate = self.scheduled(self.config.learning_rate);
        let values = Arc::make_mut(&mut learned.values);
        learned
            .optimizer
            .update(values, &gradient, rate)
            .map_err(failed)?;
        self.hold(values);
        Ok(norm)
    }

    /// Meta-parameters some way along a direction.
    fn moved(&self, from: &[f32], length: f64, direction: &[f64]) -> Vec<f32> {
        let both = from.iter().zip(direction);
        let moved = both.map(|(value, d)| (f64::from(*value) + length * d) as f32);
        let mut values = moved.collect::<Vec<f32>>();
        self.hold(&mut values);
        values
    }

    /// Keeps standard deviations above their least value.
    fn hold(&self, values: &mut [f32]) {
        let (range, least) = &self.common.rule.floor;
        for value in &mut values[range.clone()] {
            *value = value.max(*least as f32);
        }
    }

    /// The norm of a gradient.
    ///
    /// # Errors
    /// If it is not finite.
    fn finite(&self, gradient: &[f64]) -> Result<f64, LearnError> {
        let layout = self.common.shape.layout();
        gradient_norm(layout, &to_f32(gradient)).map_err(|source| self.failed(source))
    }

    fn penalty(&self) -> KlPenalty {
        match self.config.outer {
            Outer::Ppo { penalty, .. } => penalty,
            Outer::Vpg | Outer::Trpo(_) | Outer::Reptile => KlPenalty::None,
        }
    }

    fn report(&self, loss: TaskLoss, gradient_norm: f64) -> Improvement {
        Improvement {
            policy_loss: loss.objective.policy,
            entropy: loss.entropy,
            approx_kl: loss.objective.approx_kl,
            gradient_norm,
            learning_rate: self.scheduled(self.config.learning_rate),
            ..Improvement::default()
        }
    }
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

#[cfg(test)]
#[path = "outer_tests.rs"]
mod tests;
