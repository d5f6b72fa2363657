//! Σ aᵢ (θᵢ − bᵢ)², with curvatures that differ by a factor of ten.

use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Continuous, EnvSpec, Environment, Objective, ObservationSpace, Sight, Step,
    Stream, TaskDistribution, Trial,
};
use std::sync::{Arc, Mutex};

const SIZE: usize = 3;

/// What is odd about functions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Oddity {
    #[default]
    None,
    /// They are 1 everywhere.
    Flat,
    /// They are not finite once they were counted so often.
    Wild { after: usize },
    /// Nothing can be paid for where steps end.
    Worthless,
}

#[derive(Clone, Default)]
pub(crate) struct Functions {
    pub(crate) steps: usize,
    pub(crate) oddity: Oddity,
    /// A number of 64 bits of every function that was drawn.
    pub(crate) drawn: Arc<Mutex<Vec<u64>>>,
}

impl Functions {
    /// What was drawn since the last call.
    pub(crate) fn take(&self) -> Vec<u64> {
        std::mem::take(&mut self.drawn.lock().unwrap())
    }
}

#[derive(Clone, Default)]
pub(crate) struct Bowl {
    oddity: Oddity,
    counted: usize,
    curvature: [f32; SIZE],
    place: [f32; SIZE],
    start: [f32; SIZE],
}

#[derive(Default)]
pub(crate) struct Walk {
    at: [f32; SIZE],
    worth: f32,
    rows: usize,
}

impl Bowl {
    fn value(&self, at: &[f32]) -> f32 {
        if self.oddity == Oddity::Flat {
            return 1.0;
        }
        let each = |i: usize| self.curvature[i] * (at[i] - self.place[i]).powi(2);
        (0..SIZE).map(each).sum()
    }

    fn slope(&self, at: &[f32], gradient: &mut [f32]) {
        if self.oddity == Oddity::Flat {
            return gradient.fill(0.0);
        }
        for i in 0..SIZE {
            gradient[i] = 2.0 * self.curvature[i] * (at[i] - self.place[i]);
        }
    }
}

impl Environment for Bowl {
    type State = Walk;
    type Action = Continuous;

    fn reset(&self, state: &mut Walk, _rng: &mut Stream) {
        *state = Walk {
            at: self.start,
            ..Walk::default()
        };
    }

    fn step(&self, state: &mut Walk, action: &[f32], _rng: &mut Stream) -> Step {
        state.at.copy_from_slice(action);
        let worth = -self.value(&state.at);
        let reward = worth - state.worth;
        (state.worth, state.rows) = (worth, state.rows + 1);
        Step::proceed(reward)
    }

    fn observe(&self, state: &Walk, observation: &mut [f32]) {
        observation.fill(0.0);
        if state.rows > 0 {
            observation[0] = self.value(&state.at);
            self.slope(&state.at, &mut observation[1..=SIZE]);
        }
        observation[1 + SIZE..].copy_from_slice(&state.at);
    }
}

impl Objective for Bowl {
    fn parameters(&self) -> usize {
        SIZE
    }

    fn start(&self) -> &[f32] {
        &self.start
    }

    fn limit(&self) -> f32 {
        100.0
    }

    fn shown(&mut self, _step: usize, at: &[f32], gradient: &mut [f32]) -> f32 {
        self.slope(at, gradient);
        self.value(at)
    }

    fn curvature(&mut self, _step: usize, _at: &[f32], along: &[f32], product: &mut [f32]) {
        if self.oddity == Oddity::Flat {
            return;
        }
        for i in 0..SIZE {
            product[i] += 2.0 * self.curvature[i] * along[i];
        }
    }

    fn counted(&mut self, at: &[f32], gradient: &mut [f32]) -> f32 {
        self.counted += 1;
        if let Oddity::Wild { after } = self.oddity
            && self.counted > after
        {
            gradient.fill(f32::NAN);
            return f32::INFINITY;
        }
        self.slope(at, gradient);
        self.value(at)
    }

    fn worth(&mut self, at: &[f32]) -> f64 {
        if self.oddity == Oddity::Worthless {
            return f64::NAN;
        }
        f64::from(-self.value(at))
    }
}

impl TaskDistribution for Functions {
    type Task = Bowl;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "bowls".into(),
            observation: ObservationSpace::Vector {
                size: Sight::width(SIZE),
            },
            action: ActionSpace::Box {
                low: vec![-100.0; SIZE],
                high: vec![100.0; SIZE],
            },
            horizon: self.steps + 1,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Bowl, rng: &mut Stream) {
        for i in 0..SIZE {
            task.curvature[i] = rng.random_range(0.3..3.0);
            task.place[i] = rng.random_range(0.5..1.5);
            task.start[i] = rng.random_range(-0.5..0.5);
        }
        (task.oddity, task.counted) = (self.oddity, 0);
        self.drawn.lock().unwrap().push(rng.random());
    }

    fn objective(&self, task: &Bowl) -> Option<Box<dyn Objective>> {
        Some(Box::new(task.clone()))
    }
}
