//! A task with fixed samples, in f64, for checks of the numerical core.

use crate::common::config;
use maml::{
    ActionRows, Learner, MamlConfig, Meta, MetaShape, Order, Outer, Rule, Samples, TaskLoss, Terms,
};
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{ActionSpace, Domain, Purpose, Stream, StreamKey};

/// Observations are pairs.
pub(crate) const INPUTS: usize = 2;

/// A task whose samples before and after the adaptation never change.
pub(crate) struct Fixed {
    pub(crate) shape: MetaShape,
    pub(crate) rule: Rule,
    pub(crate) learner: Learner<f64>,
    /// Where the samples came from. `[meta-parameters]`
    pub(crate) start: Vec<f64>,
}

pub(crate) fn small() -> MamlConfig {
    let mut small = config(Outer::Vpg);
    small.policy.hidden = vec![4];
    small.policy.std = 0.7;
    small.inner.rates = vec![0.1, 0.08, 0.05];
    small
}

pub(crate) fn discrete() -> ActionSpace {
    ActionSpace::Discrete { size: 3 }
}

pub(crate) fn continuous() -> ActionSpace {
    ActionSpace::Box {
        low: vec![-1.0; 2],
        high: vec![1.0; 2],
    }
}

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

fn samples(action: &ActionSpace, stream: &mut Stream) -> Samples<f64> {
    let episodes = vec![0..4, 4..7, 7..9];
    let count = 9;
    Samples {
        observations: (0..count * INPUTS).map(|_| normal(stream)).collect(),
        actions: match action {
            ActionSpace::Discrete { size } => {
                let draw = |_| stream.random_range(0..*size as u32);
                ActionRows::Index((0..count).map(draw).collect())
            }
            ActionSpace::Box { low, .. } => {
                let draw = |_| 0.7 * normal(stream);
                ActionRows::Vector((0..count * low.len()).map(draw).collect())
            }
        },
        log_probs: vec![0.0; count],
        advantages: (0..count).map(|_| normal(stream)).collect(),
        loss: 0.0,
        decay: 0.7,
        episodes,
    }
}

impl Fixed {
    /// A task under some settings, its samples taken at parameters of a seed.
    pub(crate) fn new(config: &MamlConfig, action: &ActionSpace) -> Self {
        let shape = MetaShape::new(INPUTS, action, config).unwrap();
        let rule = Rule {
            network: shape.network().clone(),
            order: config.order,
            surrogate: config.inner.surrogate,
            gated: shape.gated(),
            floor: (shape.network().log_std(), config.policy.min_std.ln()),
        };
        let mut stream = StreamKey::new(3, Domain::Training, 0).lane(Purpose::Dynamics, 0);
        let steps = config.inner.steps;
        let mut all: Vec<_> = (0..=steps).map(|_| samples(action, &mut stream)).collect();
        // On both sides of what is told by its logarithm.
        let losses = all.iter_mut().zip([-0.4, 0.01, 0.7, 0.0]);
        losses.for_each(|(samples, loss)| samples.loss = loss);
        let learner = Learner::new(&rule.network, all);
        let init = shape.init(1).into_iter().map(f64::from);
        // Learned rates that differ, and biases that are not 0.
        let start = init
            .map(|value| value + 0.1 * normal(&mut stream))
            .collect();
        let mut fixed = Self {
            shape,
            rule,
            learner,
            start,
        };
        let meta = fixed.meta(&fixed.start.clone());
        fixed.learner.adapt(&fixed.rule, &meta);
        for step in 0..=steps {
            let level = &fixed.learner.adaptation().levels()[step];
            let taken = level.log_probs.clone();
            fixed.learner.samples[step].log_probs = taken;
        }
        // The weights of the inner losses are those of the samples as they are.
        fixed.learner.adapt(&fixed.rule, &meta);
        fixed.learner.anchor(&fixed.rule);
        fixed
    }

    pub(crate) fn meta(&self, flat: &[f64]) -> Meta<f64> {
        self.shape.read(flat)
    }

    pub(crate) fn loss(&mut self, flat: &[f64], terms: &Terms) -> TaskLoss {
        let meta = self.meta(flat);
        self.learner.adapt(&self.rule, &meta);
        self.learner.loss(&self.rule, terms)
    }

    pub(crate) fn gradient(&mut self, flat: &[f64], terms: &Terms) -> Vec<f64> {
        let meta = self.meta(flat);
        self.learner.adapt(&self.rule, &meta);
        let (_, gradient) = self.learner.gradient(&self.rule, &meta, terms);
        self.shape.write(&gradient)
    }

    /// Central differences of the whole loss, coordinate by coordinate.
    pub(crate) fn differences(&mut self, flat: &[f64], terms: &Terms) -> Vec<f64> {
        let step = 1e-5;
        let mut moved = flat.to_vec();
        let mut differences = Vec::new();
        for index in 0..flat.len() {
            let mut at = |x: f64| {
                moved[index] = x;
                self.loss(&moved, terms).total
            };
            let (up, down) = (at(flat[index] + step), at(flat[index] - step));
            moved[index] = flat[index];
            differences.push((up - down) / (2.0 * step));
        }
        differences
    }

    /// JᵀFJ times a direction, where the samples were taken. Prepared for, it must
    /// be the same.
    pub(crate) fn curvature(&mut self, direction: &[f64]) -> Vec<f64> {
        let meta = self.meta(&self.start.clone());
        self.learner.adapt(&self.rule, &meta);
        let plain = self.product(&meta, direction);
        self.learner.prepare(&self.rule);
        let prepared = self.product(&meta, direction);
        assert!(relative_error(&prepared, &plain) < 1e-12);
        prepared
    }

    fn product(&mut self, meta: &Meta<f64>, direction: &[f64]) -> Vec<f64> {
        let direction = self.shape.read_direction(direction);
        let product = self.learner.curvature(&self.rule, meta, direction);
        self.shape.write(&product)
    }

    /// Meta-parameters some way from where the samples were taken.
    pub(crate) fn moved(&self) -> Vec<f64> {
        let shift = |(index, value): (usize, &f64)| value + 0.02 * ((index * 7) as f64).sin();
        self.start.iter().enumerate().map(shift).collect()
    }

    pub(crate) fn with_order(config: &MamlConfig, order: Order, action: &ActionSpace) -> Self {
        let config = MamlConfig {
            order,
            ..config.clone()
        };
        Self::new(&config, action)
    }
}

/// ‖a − b‖ / ‖b‖.
pub(crate) fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}
