//! An environment from outside metarl.

use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, Exact, ExactValues, ObservationSpace, Trial,
};
use rl_core::{Step, Stream, TaskDistribution};

/// Guess the number: one of `numbers` numbers is hidden in every task, and
/// every guess is answered by "higher", "lower" or "right". What an agent has
/// to discover, and to run by its memory, is binary search.
///
/// # Observations
/// The answer to the guess before: 0 lower, 1 right (or no guess yet), 2 higher.
///
/// # Actions
/// The number to guess, `0..numbers`.
///
/// # Reward
/// 1 for every right guess, so that a number found is to be named again.
///
/// # Reference
/// None; the optimum is that of a balanced search tree.
#[derive(Clone)]
pub(crate) struct GuessTheNumber {
    pub(crate) numbers: usize,
    pub(crate) guesses: usize,
}

/// One task: the hidden number.
#[derive(Default)]
pub(crate) struct Hidden(u32);

impl Environment for Hidden {
    type State = f32; // The answer to the last guess.
    type Action = Discrete;

    fn reset(&self, answer: &mut f32, _rng: &mut Stream) {
        *answer = 1.0;
    }

    fn step(&self, answer: &mut f32, guess: &u32, _rng: &mut Stream) -> Step {
        *answer = f32::from(self.0.cmp(guess) as i8 + 1);
        Step::proceed(f32::from(self.0 == *guess))
    }

    fn observe(&self, answer: &f32, observation: &mut [f32]) {
        observation[0] = *answer;
    }
}

impl TaskDistribution for GuessTheNumber {
    type Task = Hidden;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "guess-the-number".into(),
            observation: ObservationSpace::Discrete { size: 3 },
            action: ActionSpace::Discrete { size: self.numbers },
            horizon: self.guesses,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Hidden, rng: &mut Stream) {
        task.0 = rng.random_range(0..self.numbers as u32);
    }

    fn known_task_optimum(&self, _task: &Hidden) -> Option<f64> {
        Some(self.guesses as f64)
    }

    /// Optional: exact values make results shares of what is possible. Guess t
    /// of the best search is the first right one for 2ᵗ of the numbers, as long
    /// as there are any left.
    fn exact_values(&self) -> ExactValues {
        let (mut left, mut total) = (self.numbers, 0);
        for t in 0..self.guesses {
            let found = left.min(1_usize.checked_shl(t as u32).unwrap_or(left));
            total += found * (self.guesses - t);
            left -= found;
        }
        ExactValues {
            bayes_optimal: Exact::value(total as f64 / self.numbers as f64),
            known_task_optimum: Exact::value(self.guesses as f64),
            random: Exact::value(self.guesses as f64 / self.numbers as f64),
            ..ExactValues::default()
        }
    }
}
