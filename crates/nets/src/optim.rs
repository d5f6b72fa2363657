//! Optimizers on flat f32 vectors, with state that can be saved.
//!
//! libtorch's own optimizers cannot save their state through tch, and its
//! gradient clipping lets NaN through. These work on the host, in one thread
//! and in a fixed order, so the same numbers come out everywhere.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::NetsError;
use crate::layout::Layout;
use crate::schedule::Schedule;
use rl_core::{Bounds, SettingError, Tree};

/// Which optimizer to use, and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Adam (Kingma and Ba 2015); with a weight decay AdamW (Loshchilov and
    /// Hutter 2019). ε is added outside the root, after bias correction, as
    /// PyTorch does:
    ///
    /// ```text
    /// m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
    /// θ ← (1 − η λ) θ − η m̂ / (√v̂ + ε)
    /// m̂ = m / (1 − β₁ᵗ)              v̂ = v / (1 − β₂ᵗ)
    /// ```
    Adam {
        /// β₁, the decay of the gradient's mean.
        beta1: f64,
        /// β₂, the decay of the squared gradient's mean.
        beta2: f64,
        /// ε, which keeps the division finite.
        epsilon: f64,
        /// λ, decoupled from the gradient; 0 for plain Adam.
        weight_decay: f64,
    },
    /// Gradient descent with momentum in PyTorch's form: b ← μ b + g,
    /// θ ← θ − η b.
    Sgd {
        /// μ; 0 for plain gradient descent.
        momentum: f64,
    },
    /// RMSProp (Tieleman and Hinton 2012) in PyTorch's form:
    /// v ← α v + (1 − α) g², θ ← θ − η g / (√v + ε).
    RmsProp {
        /// α, the decay of the squared gradient's mean.
        decay: f64,
        /// ε, which keeps the division finite.
        epsilon: f64,
    },
}

impl OptimizerConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the first setting that is out of range.
    pub fn validate(&self) -> Result<(), SettingError> {
        match *self {
            Self::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => {
                Bounds::BELOW_ONE.check("beta1", beta1)?;
                Bounds::BELOW_ONE.check("beta2", beta2)?;
                Bounds::SCALE.check("epsilon", epsilon)?;
                WEIGHT_DECAY.check("weight_decay", weight_decay)
            }
            Self::Sgd { momentum } => Bounds::BELOW_ONE.check("momentum", momentum),
            Self::RmsProp { decay, epsilon } => {
                Bounds::BELOW_ONE.check("decay", decay)?;
                Bounds::SCALE.check("epsilon", epsilon)
            }
        }
    }

    /// The vectors that the optimizer keeps, one number per parameter each.
    fn memory(&self) -> &'static [&'static str] {
        match self {
            Self::Adam { .. } => &["first_moment", "second_moment"],
            Self::Sgd { .. } => &["momentum"],
            Self::RmsProp { .. } => &["square_average"],
        }
    }
}

/// More would turn parameters around at any step that learns.
const WEIGHT_DECAY: Bounds<f64> = Bounds::closed(0.0, 1e3);

/// What the norm of a gradient may be at most; infinity for no bound.
pub const MAX_GRADIENT_NORM: Bounds<f64> = Bounds::ABOVE_ZERO;

/// The number of steps, in the saved state.
const STEPS: &str = "steps";

/// An optimizer and what it remembers.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    layout: Arc<Layout>,
    steps: u64,
    memory: Vec<Vec<f32>>, // [config.memory()][layout.numel()]
}

impl Optimizer {
    /// An optimizer for parameters of the layout, before its first step.
    ///
    /// # Errors
    /// As [`OptimizerConfig::validate`].
    pub fn new(config: OptimizerConfig, layout: Arc<Layout>) -> Result<Self, NetsError> {
        config.validate()?;
        let memory = vec![vec![0.0; layout.numel()]; config.memory().len()];
        Ok(Self {
            config,
            layout,
            steps: 0,
            memory,
        })
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Takes one step down the gradient, on parameters given as a flat vector.
    ///
    /// # Errors
    /// If a length is not the layout's, if the learning rate is negative or
    /// not finite, or if the gradient, or a parameter or the optimizer's memory
    /// after the step, is not finite (the error names the first such parameter);
    /// then nothing is changed.
    pub fn update(
        &mut self,
        values: &mut [f32],
        gradient: &[f32],
        learning_rate: f64,
    ) -> Result<(), NetsError> {
        self.layout
            .expect_length("the parameter vector", values.len())?;
        Schedule::RATE.check("learning_rate", learning_rate)?;
        gradient_norm(&self.layout, gradient)?;
        let (mut next, mut memory) = (values.to_vec(), self.memory.clone());
        self.apply(&mut next, gradient, learning_rate, &mut memory);
        self.expect_sound(&next, &memory)?;
        values.copy_from_slice(&next);
        self.memory = memory;
        self.steps += 1;
        Ok(())
    }

    /// What [`Self::update`] does beside the step itself, so that a bad one changes
    /// nothing: looks at a gradient and at what a step leaves, which it makes apart from
    /// what was before. For whoever measures what that takes.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub fn guard(&self, values: &mut [f32], gradient: &[f32]) -> Result<(), NetsError> {
        gradient_norm(&self.layout, gradient)?;
        let (next, memory) = (values.to_vec(), self.memory.clone());
        self.expect_sound(&next, &memory)?;
        values.copy_from_slice(&next);
        std::hint::black_box(memory);
        Ok(())
    }

    /// Refuses parameters and a memory that nothing could go on from.
    fn expect_sound(&self, values: &[f32], memory: &[Vec<f32>]) -> Result<(), NetsError> {
        self.expect_finite("", values)?;
        for (name, remembered) in self.config.memory().iter().zip(memory) {
            self.expect_finite(&format!("{name} of "), remembered)?;
        }
        Ok(())
    }

    /// Applies the rule of the next step to parameters and memory.
    fn apply(
        &self,
        values: &mut [f32],
        gradient: &[f32],
        learning_rate: f64,
        memory: &mut [Vec<f32>],
    ) {
        match (self.config, memory) {
            (OptimizerConfig::Adam { .. }, [first, second]) => {
                let rule = Adam::new(&self.config, self.steps + 1, learning_rate);
                rule.apply(values, gradient, [first, second]);
            }
            (OptimizerConfig::Sgd { momentum }, [buffer]) => {
                let (momentum, rate) = (momentum as f32, learning_rate as f32);
                for ((value, g), b) in values.iter_mut().zip(gradient).zip(buffer) {
                    *b = momentum * *b + g;
                    *value -= rate * *b;
                }
            }
            (OptimizerConfig::RmsProp { decay, epsilon }, [average]) => {
                let (keep, take) = (decay as f32, (1.0 - decay) as f32);
                let (epsilon, rate) = (epsilon as f32, learning_rate as f32);
                for ((value, g), v) in values.iter_mut().zip(gradient).zip(average) {
                    *v = keep * *v + take * g * g;
                    *value -= rate * g / (v.sqrt() + epsilon);
                }
            }
            _ => unreachable!("the memory was made for this optimizer"),
        }
    }

    /// Refuses what a step would leave infinite or not a number.
    fn expect_finite(&self, whose: &str, numbers: &[f32]) -> Result<(), NetsError> {
        // x · 0 is 0 or NaN; sums side by side are quick, and there is no branch.
        let mut sums = [0.0_f32; 16];
        for chunk in numbers.chunks(16) {
            for (sum, x) in sums.iter_mut().zip(chunk) {
                *sum += x * 0.0;
            }
        }
        if sums.iter().all(|sum| *sum == 0.0) {
            return Ok(());
        }
        let bad = numbers.iter().position(|x| !x.is_finite());
        let index = bad.expect("a product with 0 that is not 0");
        let owner = self.layout.owner(index);
        Err(NetsError::NonFiniteStep {
            what: format!("{whose}'{}'", owner.name),
            index: index - owner.offset,
            value: numbers[index],
        })
    }

    /// What it remembers, for a checkpoint: a branch of arrays like the parameters
    /// for each vector of its memory, and how many steps were taken.
    pub fn state(&self) -> Tree {
        let cut = |memory| self.layout.split(memory).expect("the layout is its own");
        let both = self.config.memory().iter().zip(&self.memory);
        let tree = both.fold(Tree::default(), |tree, (name, memory)| {
            tree.with_branch(name, cut(memory))
        });
        tree.with_count(STEPS, self.steps)
    }

    /// Goes back to a saved state; the steps that follow give the same bits.
    ///
    /// # Errors
    /// Names the first array that is missing, of another shape or unknown, as
    /// when the state is another optimizer's; then nothing is changed.
    pub fn restore(&mut self, state: &Tree) -> Result<(), NetsError> {
        let names = self.config.memory();
        state.expect_only(&[names, &[STEPS]].concat())?;
        let join = |name: &&str| self.layout.join(&state.branch(name));
        let memory = names.iter().map(join).collect::<Result<_, _>>()?;
        self.steps = state.count(STEPS)?;
        self.memory = memory;
        Ok(())
    }
}

/// The constants of one step of Adam.
struct Adam {
    shrink: f32,
    take1: f32,
    keep2: f32,
    take2: f32,
    rate: f32,
    root_correction2: f32,
    epsilon: f32,
}

impl Adam {
    fn new(config: &OptimizerConfig, steps: u64, learning_rate: f64) -> Self {
        let OptimizerConfig::Adam {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = *config
        else {
            unreachable!("the caller matched Adam")
        };
        let correction = |beta: f64| 1.0 - beta.powf(steps as f64);
        Self {
            shrink: (1.0 - learning_rate * weight_decay) as f32,
            take1: (1.0 - beta1) as f32,
            keep2: beta2 as f32,
            take2: (1.0 - beta2) as f32,
            rate: (learning_rate / correction(beta1)) as f32,
            root_correction2: correction(beta2).sqrt() as f32,
            epsilon: epsilon as f32,
        }
    }

    fn apply(&self, values: &mut [f32], gradient: &[f32], [first, second]: [&mut Vec<f32>; 2]) {
        let moments = first.iter_mut().zip(second);
        for ((value, g), (m, v)) in values.iter_mut().zip(gradient).zip(moments) {
            *m += self.take1 * (g - *m);
            *v = self.keep2 * *v + self.take2 * g * g;
            let scale = v.sqrt() / self.root_correction2 + self.epsilon;
            *value = self.shrink * *value - self.rate * *m / scale;
        }
    }
}

/// The Euclidean norm of a gradient, summed in f64 in a fixed order.
///
/// # Errors
/// If its length is not the layout's, or if it is not finite; the error names
/// the first such parameter.
pub fn gradient_norm(layout: &Layout, gradient: &[f32]) -> Result<f64, NetsError> {
    layout.expect_length("the gradient", gradient.len())?;
    // Eight sums side by side, so that the additions do not wait for each other.
    let mut sums = [0.0_f64; 8];
    for chunk in gradient.chunks(8) {
        for (sum, &g) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(g) * f64::from(g);
        }
    }
    let squares: f64 = sums.iter().sum();
    // Squares of finite f32 cannot overflow an f64, so this finds every bad one.
    if squares.is_finite() {
        return Ok(squares.sqrt());
    }
    let index = gradient
        .iter()
        .position(|g| !g.is_finite())
        .expect("a sum of finite squares");
    let owner = layout.owner(index);
    Err(NetsError::NonFiniteGradient {
        name: owner.name.clone(),
        index: index - owner.offset,
        value: gradient[index],
    })
}

/// Scales a gradient down to the norm `max_norm` if it is longer, and returns
/// the norm that it had (Pascanu et al. 2013).
///
/// # Errors
/// As [`gradient_norm`], or if `max_norm` is not above 0; then nothing is
/// changed.
pub fn clip_gradient(
    layout: &Layout,
    gradient: &mut [f32],
    max_norm: f64,
) -> Result<f64, NetsError> {
    MAX_GRADIENT_NORM.check("the largest gradient norm", max_norm)?;
    let norm = gradient_norm(layout, gradient)?;
    if norm > max_norm {
        let scale = (max_norm / norm) as f32;
        gradient.iter_mut().for_each(|g| *g *= scale);
    }
    Ok(norm)
}
