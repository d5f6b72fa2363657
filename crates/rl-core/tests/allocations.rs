//! A rollout, its going on and its starting over allocate nothing.

use allocation_counter::measure;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, ActionsMut, Continuous, Credit, Discrete, Domain, EnvFactory, EnvSpec,
    Environment, Gae, GaeInput, Link, ObservationSpace, Rollout, Step, Stream, StreamKey,
    TaskDistribution, Tasks, Trial, gae,
};

/// A walk on a line to a random goal, by whole or by real steps.
#[derive(Clone)]
struct Walk {
    action: ActionSpace,
}

#[derive(Default)]
struct Whole(f32);

#[derive(Default)]
struct Real(f32);

impl Environment for Whole {
    type State = f32;
    type Action = Discrete;

    fn reset(&self, state: &mut f32, _rng: &mut Stream) {
        *state = 0.0;
    }

    fn step(&self, state: &mut f32, action: &u32, _rng: &mut Stream) -> Step {
        *state += *action as f32 / 3.0;
        if *state >= self.0 {
            Step::terminal(1.0)
        } else {
            Step::proceed(0.0)
        }
    }

    fn observe(&self, state: &f32, observation: &mut [f32]) {
        observation[0] = *state;
    }
}

impl Environment for Real {
    type State = f32;
    type Action = Continuous;

    fn reset(&self, state: &mut f32, rng: &mut Stream) {
        *state = rng.random();
    }

    fn step(&self, state: &mut f32, action: &[f32], _rng: &mut Stream) -> Step {
        *state += action[0];
        Step::proceed(-(*state - self.0).abs())
    }

    fn observe(&self, state: &f32, observation: &mut [f32]) {
        observation[0] = *state;
    }
}

fn spec(action: ActionSpace) -> EnvSpec {
    EnvSpec {
        name: "walk".into(),
        observation: ObservationSpace::Vector { size: 1 },
        action,
        horizon: 5,
        trial: Trial::Episodes(3),
    }
}

#[derive(Clone)]
struct WholeWalk;

impl TaskDistribution for WholeWalk {
    type Task = Whole;

    fn spec(&self) -> EnvSpec {
        spec(ActionSpace::Discrete { size: 4 })
    }

    fn sample(&self, task: &mut Whole, rng: &mut Stream) {
        task.0 = 4.0 * rng.random::<f32>();
    }
}

impl TaskDistribution for Walk {
    type Task = Real;

    fn spec(&self) -> EnvSpec {
        spec(self.action.clone())
    }

    fn sample(&self, task: &mut Real, rng: &mut Stream) {
        task.0 = rng.random();
    }
}

/// Fills a rollout twice over.
fn collect(rollout: &mut Rollout) {
    rollout.begin(&StreamKey::new(1, Domain::Training, 0), 0);
    for round in 0..2 {
        if round > 0 {
            rollout.go_on();
        }
        while !rollout.is_full() {
            let t = rollout.t();
            match rollout.acting().2.action {
                ActionsMut::Discrete(row) => row.fill(t as u32 % 4),
                ActionsMut::Box { row, .. } => row.fill(t as f32 - 7.0),
            }
            rollout.step();
        }
    }
}

fn assert_no_allocation(factory: &dyn EnvFactory) {
    let (lanes, steps) = (6, 40);
    let mut rollout = Rollout::new(factory.make(lanes), steps);
    let mut advantages = vec![0.0; lanes * steps];
    let mut links = vec![Link::Flow; lanes * steps];
    let zeros = vec![0.0; lanes * steps];
    let made = measure(|| {
        for _ in 0..2 {
            collect(&mut rollout);
            let trajectory = rollout.trajectory();
            let ends = trajectory.outcomes().iter().zip(trajectory.trial_ends());
            for (link, (outcome, end)) in links.iter_mut().zip(ends) {
                *link = Link::of(Credit::Trial, *outcome, *end);
            }
            let returns = GaeInput {
                lanes,
                rewards: trajectory.rewards(),
                values: trajectory.values(),
                next_values: &zeros[..lanes],
                links: &links,
                bootstrap: &zeros,
            };
            let parameters = Gae {
                gamma: 0.9,
                lambda: 0.9,
            };
            gae(parameters, returns, &mut advantages);
        }
    });
    assert_eq!(made.count_total, 0);
    let trajectory = rollout.trajectory();
    assert!(trajectory.trial_ends().contains(&true));
    assert!((0..lanes).any(|lane| trajectory.truncations(lane) > 0));
}

#[test]
fn discrete_steps_allocate_nothing() {
    assert_no_allocation(&Tasks::new(WholeWalk).unwrap());
}

#[test]
fn continuous_steps_allocate_nothing() {
    let action = ActionSpace::Box {
        low: vec![-0.5],
        high: vec![0.5],
    };
    assert_no_allocation(&Tasks::new(Walk { action }).unwrap());
}
