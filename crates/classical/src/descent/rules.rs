//! The rules by which a gradient becomes a step.

/// A rule that treats every coordinate alike.
pub(crate) trait Rule: Copy + Send + Sync + 'static {
    /// What is remembered of a coordinate.
    type Memory: Copy + Default + Send;
    /// The constants of a step.
    type Step;

    /// The constants of a step of a number, from 1.
    fn at(&self, step: i32) -> Self::Step;

    /// What is subtracted from a coordinate whose gradient is this.
    fn step(step: &Self::Step, gradient: f32, memory: &mut Self::Memory) -> f32;
}

/// Keeps a division finite where gradients are 0.
const EPSILON: f32 = 1e-8;

/// b ← μ b + g, θ ← θ − η b.
#[derive(Clone, Copy)]
pub(crate) struct Momentum {
    pub(crate) rate: f32,
    pub(crate) keep: f32,
}

impl Rule for Momentum {
    type Memory = f32;
    type Step = Self;

    fn at(&self, _step: i32) -> Self {
        *self
    }

    fn step(rule: &Self, gradient: f32, memory: &mut f32) -> f32 {
        *memory = rule.keep * *memory + gradient;
        rule.rate * *memory
    }
}

/// v ← α v + (1 − α) g², θ ← θ − η g / (√v + ε).
#[derive(Clone, Copy)]
pub(crate) struct RmsProp {
    pub(crate) rate: f32,
    pub(crate) keep: f32,
}

impl Rule for RmsProp {
    type Memory = f32;
    type Step = Self;

    fn at(&self, _step: i32) -> Self {
        *self
    }

    fn step(rule: &Self, gradient: f32, memory: &mut f32) -> f32 {
        *memory = rule.keep * *memory + (1.0 - rule.keep) * gradient * gradient;
        rule.rate * gradient / (memory.sqrt() + EPSILON)
    }
}

/// m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − η m̂ / (√v̂ + ε).
#[derive(Clone, Copy)]
pub(crate) struct Adam {
    pub(crate) rate: f32,
    pub(crate) keep1: f32,
    pub(crate) keep2: f32,
}

impl Rule for Adam {
    type Memory = [f32; 2];
    /// The rule, and what both means are divided by.
    type Step = (Self, [f32; 2]);

    fn at(&self, step: i32) -> Self::Step {
        let correction = |keep: f32| (1.0 - f64::from(keep).powi(step)) as f32;
        (*self, [self.keep1, self.keep2].map(correction))
    }

    fn step((rule, [c1, c2]): &Self::Step, gradient: f32, [m, v]: &mut [f32; 2]) -> f32 {
        *m = rule.keep1 * *m + (1.0 - rule.keep1) * gradient;
        *v = rule.keep2 * *v + (1.0 - rule.keep2) * gradient * gradient;
        rule.rate * (*m / c1) / ((*v / c2).sqrt() + EPSILON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps<R: Rule>(rule: R, gradients: [f32; 2]) -> [f32; 2] {
        let mut memory = R::Memory::default();
        let mut number = 0;
        gradients.map(|gradient| {
            number += 1;
            R::step(&rule.at(number), gradient, &mut memory)
        })
    }

    #[test]
    fn steps_are_literal() {
        let near = |found: [f32; 2], wanted: [f32; 2]| {
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-6, "{found} and not {wanted}");
            }
        };
        near(
            steps(
                Momentum {
                    rate: 0.1,
                    keep: 0.5,
                },
                [2.0, -1.0],
            ),
            [0.2, 0.0],
        );
        let v = [0.4_f32, 0.9 * 0.4 + 0.1];
        near(
            steps(
                RmsProp {
                    rate: 0.1,
                    keep: 0.9,
                },
                [2.0, -1.0],
            ),
            [0.2 / v[0].sqrt(), -0.1 / v[1].sqrt()],
        );
        // The first step of Adam is the rate, whatever the gradient.
        let adam = Adam {
            rate: 0.1,
            keep1: 0.9,
            keep2: 0.999,
        };
        let (m, v) = (0.9 * 0.2 - 0.1, 0.999 * 0.004 + 0.001_f32);
        let second = 0.1 * (m / 0.19) / (v / (1.0 - 0.999_f32 * 0.999)).sqrt();
        near(steps(adam, [2.0, -1.0]), [0.1, second]);
    }
}
