//! Environments small enough to learn within seconds, and trainings for them.
use agent::ActMode;
use maml::{
    Adapt, Adapted, Baseline, EvaluationSettings, Exploration, GateInputs, Gated, Inner, InnerRule,
    KlPenalty, LearnedRates, MamlConfig, MetaObjective, Order, Outer, PolicyNetwork, Schedule,
    Shape, Surrogate, Trainer, TrustRegion, Uniform,
};
use nets::{Activation, OptimizerConfig};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Continuous, Discrete, Domain, EnvFactory, EnvSpec, Environment, Gae,
    ObservationSpace, Step, Stream, TaskDistribution, Tasks, Trial,
};
use rollout::{Held, Pool};
use std::sync::Arc;

/// Adam as everywhere.
pub(crate) fn adam() -> OptimizerConfig {
    OptimizerConfig::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
    }
}

/// A point that moves towards a goal it does not see, by at most 0.1 per
/// coordinate and step; the reward is minus the distance.
#[derive(Clone)]
pub(crate) struct Points {
    pub(crate) horizon: usize,
    pub(crate) episodes: usize,
    /// Whether an episode ends at the goal.
    pub(crate) ends: bool,
}

#[derive(Default)]
pub(crate) struct Point {
    goal: [f32; 2],
    ends: bool,
}

impl Environment for Point {
    type State = [f32; 2];
    type Action = Continuous;

    fn reset(&self, state: &mut [f32; 2], _: &mut Stream) {
        *state = [0.0; 2];
    }

    fn step(&self, state: &mut [f32; 2], action: &[f32], _: &mut Stream) -> Step {
        let mut near = true;
        let mut square = 0.0;
        for ((x, a), g) in state.iter_mut().zip(action).zip(self.goal) {
            *x += a;
            square += (*x - g) * (*x - g);
            near &= (*x - g).abs() < 0.05;
        }
        match near && self.ends {
            true => Step::terminal(-square.sqrt()),
            false => Step::proceed(-square.sqrt()),
        }
    }

    fn observe(&self, state: &[f32; 2], observation: &mut [f32]) {
        observation.copy_from_slice(state);
    }
}

impl TaskDistribution for Points {
    type Task = Point;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "points".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Box {
                low: vec![-0.1; 2],
                high: vec![0.1; 2],
            },
            horizon: self.horizon,
            trial: Trial::Episodes(self.episodes),
        }
    }

    fn sample(&self, task: &mut Point, rng: &mut Stream) {
        task.goal = [(); 2].map(|()| rng.random_range(-0.5..0.5));
        task.ends = self.ends;
    }
}

/// Arms of which one pays 1 and the others nothing, pulled 5 times; the agent
/// sees nothing.
#[derive(Clone)]
pub(crate) struct Arms {
    pub(crate) arms: u32,
}

#[derive(Default)]
pub(crate) struct Arm {
    good: u32,
}

impl Environment for Arm {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _: &mut (), _: &mut Stream) {}

    fn step(&self, _: &mut (), action: &u32, _: &mut Stream) -> Step {
        Step::proceed(f32::from(u8::from(*action == self.good)))
    }

    fn observe(&self, _: &(), _: &mut [f32]) {}
}

impl TaskDistribution for Arms {
    type Task = Arm;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "arms".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete {
                size: self.arms as usize,
            },
            horizon: 5,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Arm, rng: &mut Stream) {
        task.good = rng.random_range(0..self.arms);
    }
}

pub(crate) fn points() -> Arc<dyn EnvFactory> {
    let points = Points {
        horizon: 20,
        episodes: 1,
        ends: false,
    };
    Arc::new(Tasks::new(points).unwrap())
}

pub(crate) fn arms() -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(Arms { arms: 3 }).unwrap())
}

pub(crate) fn pool(workers: usize) -> Arc<Pool> {
    Arc::new(Pool::new(workers, || ()).unwrap())
}

pub(crate) fn constant(value: f64) -> Schedule {
    Schedule {
        from: value,
        to: value,
        shape: Shape::Linear,
    }
}

pub(crate) fn trpo() -> Outer {
    Outer::Trpo(TrustRegion {
        max_kl: 0.01,
        iterations: 10,
        damping: 1e-5,
        backtracks: 15,
        shrink: 0.8,
    })
}

pub(crate) fn promp() -> Outer {
    Outer::Ppo {
        clip: 0.3,
        epochs: 3,
        penalty: KlPenalty::Adaptive {
            coefficient: 5e-4,
            target: 0.01,
        },
    }
}

pub(crate) fn config(outer: Outer) -> MamlConfig {
    MamlConfig {
        updates: 60,
        tasks: 10,
        trajectories: 10,
        order: Order::Second,
        bootstrap: false,
        normalize_advantages: true,
        max_gradient_norm: 10.0,
        learning_rate: constant(0.01),
        gae: Gae {
            gamma: 0.99,
            lambda: 1.0,
        },
        inner: Inner {
            steps: 1,
            rates: vec![0.3],
            learned: LearnedRates::None,
            surrogate: Surrogate::LogProb,
            adapt: Adapt::All,
            rule: InnerRule::Gradient,
        },
        objective: MetaObjective::LastStep,
        outer,
        exploration: Exploration::None,
        baseline: Baseline::Linear { ridge: 1e-5 },
        policy: PolicyNetwork {
            hidden: vec![32],
            activation: Activation::Tanh,
            std: 1.0,
            min_std: 1e-3,
        },
        optimizer: adam(),
        evaluation: EvaluationSettings {
            steps: 1,
            rates: vec![0.1],
            trajectories: 10,
        },
    }
}

pub(crate) fn trainer(env: &Arc<dyn EnvFactory>, config: MamlConfig, workers: usize) -> Trainer {
    Trainer::new(env.as_ref(), config, 0, pool(workers)).unwrap()
}

/// Steps that a small LSTM gates, whose gates depend on all that it is told.
pub(crate) fn gated() -> InnerRule {
    InnerRule::Gated(Gated {
        hidden: 3,
        range: 2.9,
        weights: 0.5,
        forget_bias: Uniform {
            low: 3.0,
            high: 4.0,
        },
        input_bias: Uniform {
            low: 0.0,
            high: 0.5,
        },
        inputs: GateInputs::Differentiated,
    })
}

/// An adaptation to fresh tasks, by two steps.
pub(crate) fn evaluation(tasks: usize, rate: f64) -> Adapted {
    Adapted {
        held: Held {
            tasks,
            seed: 7,
            domain: Domain::HeldOut,
        },
        steps: 2,
        rates: vec![rate, rate / 2.0],
        trajectories: 10,
        actions: ActMode::Sample,
    }
}
