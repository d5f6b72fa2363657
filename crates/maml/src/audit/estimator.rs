//! The estimators under audit, run by the very code that trains.

use super::exact::{Exact, add, dot};
use super::problem::{Look, PAIRS, Task, empty};
use crate::adaptation::Rule;
use crate::config::{MetaObjective, Order, Surrogate};
use crate::learner::{Learner, Terms};
use crate::meta::Meta;
use crate::surrogate::Objective;
use kernels::mlp::Mlp;

/// A way to estimate meta-gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Estimator {
    /// Second order through the inner loss `log-prob`.
    LogProb,
    /// Second order through the inner loss `ratio`.
    Ratio,
    /// Second order through the inner loss `dice`.
    Dice,
    /// First order.
    FirstOrder,
    /// Second order through `log-prob`, and E-MAML's term of weight 1.
    EMaml,
}

impl Estimator {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::LogProb,
        Self::Ratio,
        Self::Dice,
        Self::FirstOrder,
        Self::EMaml,
    ];

    /// As settings call what makes it: "log-prob", "ratio", "dice",
    /// "first-order", "e-maml".
    pub fn name(self) -> &'static str {
        match self {
            Self::LogProb => "log-prob",
            Self::Ratio => "ratio",
            Self::Dice => "dice",
            Self::FirstOrder => "first-order",
            Self::EMaml => "e-maml",
        }
    }

    /// Whether the samples before the adaptation are paid.
    pub(super) fn pays(self) -> bool {
        self == Self::EMaml
    }

    /// How a network adapts.
    pub(super) fn rule(self, network: &Mlp) -> Rule {
        Rule {
            network: network.clone(),
            order: match self {
                Self::FirstOrder => Order::First,
                _ => Order::Second,
            },
            surrogate: match self {
                Self::Ratio => Surrogate::Ratio,
                Self::Dice => Surrogate::Dice,
                Self::LogProb | Self::FirstOrder | Self::EMaml => Surrogate::LogProb,
            },
            floor: (network.log_std(), f64::NEG_INFINITY),
            gated: None,
        }
    }
}

/// An estimator at work on one task at one θ.
#[derive(Debug)]
pub(super) struct Probe<'a> {
    exact: Exact<'a>,
    estimator: Estimator,
    rule: Rule,
    meta: Meta<f64>,
    learner: Learner<f64>,
    /// ln π at θ.
    before: [f64; PAIRS],
    /// Of each episode at θ. `[episodes]`
    pub(super) chances: Vec<f64>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(exact: Exact<'a>, estimator: Estimator, theta: &[f64]) -> Self {
        let Exact {
            network,
            task,
            rate,
            ..
        } = exact;
        let before = Look::at(network, theta).log_probs;
        Self {
            rule: estimator.rule(network),
            meta: Meta {
                theta: theta.to_vec(),
                rates: vec![vec![rate; theta.len()]],
                gates: Vec::new(),
            },
            learner: Learner::new(network, vec![empty(), empty()]),
            chances: task.probabilities(&before),
            exact,
            estimator,
            before,
        }
    }

    fn task(&self) -> &'a Task {
        self.exact.task
    }

    /// Adapts to a data set.
    pub(super) fn adapt(&mut self, set: &[usize]) {
        self.adapt_weighted(set.iter().map(|episode| (*episode, 1.0)));
    }

    fn adapt_weighted(&mut self, chosen: impl Iterator<Item = (usize, f64)>) {
        let task = self.task();
        let samples = &mut self.learner.samples[0];
        task.fill(chosen, &self.before, self.exact.credit, samples);
        self.learner.begin(&self.rule, &self.meta.theta);
        self.learner.step(&self.rule, &self.meta);
    }

    /// Probability of each episode under the adapted policy. `[episodes]`
    pub(super) fn chances_after(&self) -> Vec<f64> {
        let look = Look::at(self.exact.network, self.learner.params());
        self.task().probabilities(&look.log_probs)
    }

    /// Gives the adapted policy the episodes of a data set.
    pub(super) fn look(&mut self, set: &[usize]) {
        self.look_weighted(set.iter().map(|episode| (*episode, 1.0)));
    }

    fn look_weighted(&mut self, chosen: impl Iterator<Item = (usize, f64)>) {
        let after = Look::at(self.exact.network, self.learner.params()).log_probs;
        let task = self.task();
        let samples = &mut self.learner.samples[1];
        task.fill(chosen, &after, self.exact.credit, samples);
        self.learner.anchor(&self.rule);
    }

    /// The estimate of the gradient of the return, the samples before the
    /// adaptation being paid so much. `[parameters]`
    pub(super) fn gradient(&mut self, paid: f64) -> Vec<f64> {
        let terms = Terms {
            objective: Objective::Ratio,
            penalty: 0.0,
            exploration: if self.estimator.pays() { paid } else { 0.0 },
            of: MetaObjective::LastStep,
        };
        let (_, gradient) = self.learner.gradient(&self.rule, &self.meta, &terms);
        // Losses fall where returns rise.
        gradient.theta.iter().map(|g| -g).collect()
    }

    /// The estimate's expectation over the episodes after the adaptation, which
    /// pays the samples before it the return above `baseline`. `[parameters]`
    pub(super) fn integrated(&mut self, baseline: f64) -> Vec<f64> {
        self.look_at_all();
        let earned = self.exact.value(self.learner.params());
        self.gradient(earned - baseline)
    }

    /// Gives the adapted policy all episodes, each as much as it is likely.
    fn look_at_all(&mut self) {
        let chances = self.chances_after();
        let count = chances.len() as f64;
        self.look_weighted(chances.iter().map(|p| p * count).enumerate());
    }

    /// The expectation for infinitely many episodes before and after the
    /// adaptation. `[parameters]`
    pub(super) fn limit(&mut self) -> Vec<f64> {
        let chances = self.chances.clone();
        let mut limit = self.unpaid(&chances);
        if self.estimator.pays() {
            add(&mut limit, 1.0, &self.link(&self.outlook()));
        }
        limit
    }

    /// What E-MAML's term tends to: the covariance of the scores S of all
    /// episodes with what they lead to, n Cov(S, R(θ′)) → α E[S (q · ∇R(θ′))]
    /// with q the inner gradient of one episode. `[parameters]`
    pub(super) fn link(&self, outlook: &Outlook) -> Vec<f64> {
        let mut look = Look::at(self.exact.network, &self.meta.theta);
        let (inner, scores) = (self.exact.inner(&mut look), self.exact.scores(&mut look));
        let mut link = vec![0.0; self.meta.theta.len()];
        for (e, chance) in self.chances.iter().enumerate() {
            let share = self.exact.rate * chance * dot(&inner[e], &outlook.gradient);
            add(&mut link, share, &scores[e]);
        }
        link
    }

    /// The expectation over the episodes after an adaptation to all episodes in
    /// these shares, without E-MAML's term.
    fn unpaid(&mut self, shares: &[f64]) -> Vec<f64> {
        let count = shares.len() as f64;
        self.adapt_weighted(shares.iter().map(|share| share * count).enumerate());
        self.look_at_all();
        self.gradient(0.0)
    }

    /// How the expectation over the episodes after the adaptation moves with
    /// the share of each episode before it, to first order around their
    /// probabilities: a control variate. `[episodes][parameters]`
    pub(super) fn slopes(&mut self) -> Vec<Vec<f64>> {
        const STEP: f64 = 1e-4;
        let chances = self.chances.clone();
        let mut at = |index: usize, step: f64| {
            let mut moved = chances.clone();
            moved[index] += step;
            self.unpaid(&moved)
        };
        let slope = |index| {
            let (up, down) = (at(index, STEP), at(index, -STEP));
            let both = up.iter().zip(&down);
            both.map(|(up, down)| (up - down) / (2.0 * STEP)).collect()
        };
        (0..chances.len()).map(slope).collect()
    }

    /// Where infinitely many episodes lead.
    pub(super) fn outlook(&self) -> Outlook {
        let params = self.exact.adapted(&self.meta.theta);
        Outlook {
            value: self.exact.value(&params),
            gradient: self.exact.gradient(&params),
            params,
        }
    }

    /// What the adapted policy is worth to first order around that.
    pub(super) fn expected(&self, outlook: &Outlook) -> f64 {
        let mut away = self.learner.params().to_vec();
        add(&mut away, -1.0, &outlook.params);
        outlook.value + dot(&away, &outlook.gradient)
    }
}

/// A policy adapted to infinitely many episodes.
#[derive(Clone, Debug)]
pub(super) struct Outlook {
    params: Vec<f64>,
    value: f64,
    /// Of the value. `[parameters]`
    gradient: Vec<f64>,
}
