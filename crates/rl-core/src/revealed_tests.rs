use super::*;
use crate::env::{Discrete, Outcome};
use crate::picture::{Episode, Ink, Moment, Picture, Shape};
use crate::spec::{ActionSpace, Trial};
use crate::streams::{Domain, StreamKey};
use crate::vec_env::{Actions, EnvFactory as _, StepRows};
use crate::{Exact, Tasks};
use rand::RngExt as _;

/// A line of cells, of which one is the goal; an action moves right.
#[derive(Clone)]
struct Line {
    described: usize,
}

#[derive(Default)]
struct Goal(u32);

impl Environment for Goal {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, state: &mut u32, _: &mut Stream) {
        *state = 0;
    }

    fn step(&self, state: &mut u32, action: &u32, rng: &mut Stream) -> Step {
        *state = (*state + action).min(4);
        let _: f32 = rng.random();
        Step {
            reward: f32::from(u8::from(*state == self.0)),
            terminated: *state == self.0,
        }
    }

    fn observe(&self, state: &u32, observation: &mut [f32]) {
        observation[0] = *state as f32;
    }

    fn position(&self, state: &u32) -> [f32; 2] {
        [*state as f32, 0.5]
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let goal = Shape::Disc {
            centre: [self.0 as f32, 0.5],
            radius: 0.5,
            ink: Ink::Goal,
        };
        let way = episode.map(|episode| Shape::Path {
            points: episode.way(),
            ink: Ink::Agent,
            arrow: true,
        });
        Some(Picture {
            shapes: [goal].into_iter().chain(way).collect(),
            ..Picture::default()
        })
    }
}

impl TaskDistribution for Line {
    type Task = Goal;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "line".into(),
            observation: ObservationSpace::Discrete { size: 5 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 6,
            trial: Trial::Episodes(2),
        }
    }

    fn sample(&self, task: &mut Goal, rng: &mut Stream) {
        task.0 = rng.random_range(1..5);
    }

    fn description_size(&self) -> usize {
        self.described
    }

    fn describe(&self, task: &Goal, description: &mut [f32]) {
        description[0] = task.0 as f32;
    }

    fn exact_values(&self) -> ExactValues {
        ExactValues {
            known_task_optimum: Exact::value(2.0),
            bayes_optimal: Exact::value(1.5),
            bayes_optimal_rewards: Some(vec![0.125; 12]),
            ..ExactValues::default()
        }
    }
}

/// Observations and positions of lane 1 of 2 while it moves right.
fn walk(factory: &dyn crate::EnvFactory) -> (Vec<Vec<f32>>, Vec<crate::Positions>) {
    let width = factory.spec().observation.width();
    let mut lanes = factory.make(2);
    let (mut observation, mut last) = (vec![f32::NAN; 2 * width], vec![0.0; 2 * width]);
    lanes.begin(&StreamKey::new(3, Domain::Training, 0), 0, &mut observation);
    let mut seen = vec![observation[width..].to_vec()];
    let mut positions = vec![lanes.positions(1)];
    for _ in 0..5 {
        lanes.step(
            Actions::Discrete(&[1, 1]),
            StepRows {
                observation: &mut observation,
                reward: &mut [0.0; 2],
                outcome: &mut [Outcome::Continue; 2],
                start: &mut [false; 2],
                final_observation: &mut last,
            },
        );
        seen.push(observation[width..].to_vec());
        positions.push(lanes.positions(1));
    }
    (seen, positions)
}

#[test]
fn a_revealed_task_is_the_same_task_with_its_description_shown() {
    let hidden = Tasks::new(Line { described: 1 }).unwrap();
    let shown = Tasks::new(Revealed::new(Line { described: 1 }).unwrap()).unwrap();
    assert_eq!(
        shown.spec().observation,
        ObservationSpace::Vector { size: 6 }
    );
    let ((hidden, ways), (shown, same_ways)) = (walk(&hidden), walk(&shown));
    assert_eq!(ways, same_ways);
    let goal = shown[0][5];
    assert!((1.0..5.0).contains(&goal), "{goal}");
    for (symbol, row) in hidden.iter().zip(&shown) {
        let mut wanted = [0.0; 5];
        wanted[symbol[0] as usize] = 1.0;
        assert_eq!(row[..5], wanted);
    }
    // Two episodes on one task, then another trial.
    assert_eq!(shown[1][5], goal);
}

#[test]
fn positions_tell_where_an_episode_ended() {
    let shown = Tasks::new(Revealed::new(Line { described: 1 }).unwrap()).unwrap();
    let (seen, positions) = walk(&shown);
    let goal = seen[0][5];
    let reached = goal as usize;
    assert_eq!(positions[0].now, [0.0, 0.5]);
    assert_eq!(positions[reached - 1].now, [goal - 1.0, 0.5]);
    assert_eq!(positions[reached].now, [0.0, 0.5], "reset at once");
    assert_eq!(positions[reached].ended, [goal, 0.5]);
}

#[test]
fn drawings_are_of_the_lanes_task() {
    let factory = Tasks::new(Line { described: 1 }).unwrap();
    let mut lanes = factory.make(1);
    lanes.begin(&StreamKey::new(3, Domain::Training, 0), 1, &mut [0.0]);
    let episode = Episode {
        number: 0,
        start: [0.0, 0.5],
        moments: vec![Moment {
            action: vec![1.0],
            reward: 0.25,
            position: [1.0, 0.5],
        }],
    };
    assert_eq!(episode.total_reward(), 0.25);
    assert_eq!(lanes.draw(0, None).unwrap().shapes.len(), 1);
    let picture = lanes.draw(0, Some(&episode)).unwrap();
    let way = Shape::Path {
        points: vec![[0.0, 0.5], [1.0, 0.5]],
        ink: Ink::Agent,
        arrow: true,
    };
    assert_eq!(picture.shapes[1], way);
}

#[test]
fn who_knows_the_task_is_compared_with_the_known_task_optimum() {
    let exact = Revealed::new(Line { described: 1 }).unwrap().exact_values();
    assert_eq!(exact.bayes_optimal.get(), Some(2.0));
    assert_eq!(exact.bayes_optimal_rewards, None);
}

#[test]
fn a_task_without_a_description_cannot_be_shown() {
    let error = Revealed::new(Line { described: 0 }).err().unwrap();
    assert!(error.contains("'line' has no description"), "{error}");
}
