//! Influence balancing: a parameter whose influence turns its sign with time.

use super::problem::{Linear, Problem};

/// s ← A s + θ v with A = ½ I + ½ superdiagonal and v = (1, …, 1, −1, …, −1), and the loss
/// ½ (s₀ − 1)²: what is seen of θ in s₀ at first comes from the ones, and in the long run
/// from the minus ones, of which there are more. Whoever looks back a few steps goes the
/// wrong way.
///
/// # Reference
/// Tallec and Ollivier 2017, "Unbiased Online Recurrent Optimization"; with these numbers
/// Vicol et al. 2021: 23 states, 10 of them +1, θ at 0.5. The state begins at 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InfluenceBalancing {
    /// Steps of an unroll.
    pub horizon: usize,
}

const STATES: usize = 23;
const POSITIVE: usize = 10;

fn sign(state: usize) -> f64 {
    if state < POSITIVE { 1.0 } else { -1.0 }
}

impl InfluenceBalancing {
    /// s₀ after t steps is θ c + d, in closed form: A to the k has (k over j) 2⁻ᵏ in row 0.
    fn closed(steps: usize) -> (f64, f64) {
        // (k over j) 2⁻ᵏ for the first states, of k after k rounds.
        let mut row = [0.0; STATES];
        row[0] = 1.0;
        let mut influence = 0.0;
        for _ in 0..steps {
            influence += (0..STATES).map(|j| row[j] * sign(j)).sum::<f64>();
            for j in (0..STATES).rev() {
                let left = if j > 0 { row[j - 1] } else { 0.0 };
                row[j] = 0.5 * (row[j] + left);
            }
        }
        (influence, row.iter().sum())
    }

    /// ∇L(θ) in closed form.
    pub fn closed_gradient(&self, theta: f64) -> f64 {
        let of = |t: usize| {
            let (c, d) = Self::closed(t);
            (theta * c + d - 1.0) * c
        };
        (1..=self.horizon).map(of).sum::<f64>() / self.horizon as f64
    }
}

impl Problem for InfluenceBalancing {
    fn name(&self) -> &'static str {
        "influence balancing"
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn start(&self) -> (Vec<f64>, Vec<f64>) {
        (vec![1.0; STATES], vec![0.5])
    }

    fn step(&self, _t: usize, theta: &[f64], state: &mut [f64]) -> f64 {
        for i in 0..STATES {
            let next = if i + 1 < STATES { state[i + 1] } else { 0.0 };
            state[i] = 0.5 * (state[i] + next) + theta[0] * sign(i);
        }
        0.5 * (state[0] - 1.0).powi(2)
    }

    fn linear(&self, t: usize, theta: &[f64], state: &[f64]) -> Linear {
        let mut after = state.to_vec();
        self.step(t, theta, &mut after);
        let mut matrix = vec![0.0; STATES * STATES];
        for i in 0..STATES {
            matrix[i * STATES + i] = 0.5;
            if i + 1 < STATES {
                matrix[i * STATES + i + 1] = 0.5;
            }
        }
        let mut loss = vec![0.0; STATES];
        loss[0] = after[0] - 1.0;
        Linear {
            state: matrix,
            theta: (0..STATES).map(sign).collect(),
            loss,
        }
    }
}
