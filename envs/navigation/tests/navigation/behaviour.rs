//! What analyses say of agents whose behaviour is known.

use crate::common::{KEY, mean, run};
use navigation::{DarkKeyDoor, GridNavi, Maze};
use rl_core::{
    EnvFactory, Outcome, Picture, PolicyFactory, Random, Shape, TaskDistribution, Tasks,
    Trajectory, Trials,
};

const LANES: usize = 60;

/// The first analysis of an environment, of one trial of a policy in each lane.
fn analysed<D: TaskDistribution>(distribution: D, policy: &str) -> (Picture, Trajectory) {
    let tasks = Tasks::new(distribution).unwrap();
    let policy = named(&tasks, policy);
    let trajectory = run(&tasks, policy.as_ref(), LANES);
    let mut batch = tasks.make(LANES);
    batch.begin(
        &KEY,
        0,
        &mut vec![0.0; LANES * tasks.spec().observation.width()],
    );
    let descriptions: Vec<f32> = (0..LANES)
        .flat_map(|lane| batch.description(lane))
        .collect();
    let analyses = tasks.analyses();
    let trials = Trials {
        trajectory: &trajectory,
        descriptions: &descriptions,
    };
    (analyses[0].draw(&trials).unwrap(), trajectory)
}

fn named(tasks: &dyn EnvFactory, name: &str) -> Box<dyn PolicyFactory> {
    match name {
        "bayes-optimal" => return tasks.bayes_optimal_policy().unwrap(),
        "random" => return Box::new(Random),
        _ => {}
    }
    let mut learners = tasks.learners().into_iter();
    learners.find(|learner| learner.name() == name).unwrap()
}

/// All words of a picture that are numbers, in their order.
fn numbers(picture: &Picture) -> Vec<f64> {
    let words = picture.shapes.iter().filter_map(|shape| match shape {
        Shape::Label { text, .. } => text.parse().ok(),
        _ => None,
    });
    words.collect()
}

/// All goals counted alike give the optimum of who is optimal, whichever were drawn more
/// often.
#[test]
fn returns_by_goal_are_those_of_the_goals() {
    let tasks = || GridNavi::new(3, 6, 2).unwrap();
    let (picture, trajectory) = analysed(tasks(), "bayes-optimal");
    let exact = tasks().exact_values().bayes_optimal.get().unwrap();
    let said = format!("The 5 goals drawn, each counted alike: {exact:.4} ± 0.0000.");
    assert!(
        picture.caption.contains(&said),
        "{}, not {said}",
        picture.caption
    );
    assert_eq!(numbers(&picture).len(), 5);
    let drawn = mean(&trajectory, None).mean();
    assert!((drawn - exact).abs() > 1e-3, "drawn alike by chance");
}

/// Doors are second rewards: of all rewards of who looks for both, every other one but
/// for the keys of episodes without a door.
#[test]
fn doors_are_counted_where_they_are_opened() {
    let dark = DarkKeyDoor::new(3, 12, 1).unwrap();
    let dark = dark.with_steps(50).unwrap().with_reset_steps();
    let (picture, trajectory) = analysed(dark, "exhaustive-search");
    let mut doors = 0.0;
    for lane in 0..LANES {
        let mut keys = 0;
        for t in 0..trajectory.lengths()[lane] {
            keys += usize::from(trajectory.rewards()[t * LANES + lane] > 0.0);
            if trajectory.outcomes()[t * LANES + lane] != Outcome::Continue {
                doors += f64::from(u8::from(keys == 2));
                keys = 0;
            }
        }
    }
    let said = format!("; {:.2} ± ", doors / LANES as f64);
    assert!(
        doors > 0.0 && picture.caption.contains(&said),
        "{}, not {said}",
        picture.caption
    );
    let (episodes, _) = analysed(DarkKeyDoor::new(3, 12, 4).unwrap(), "exhaustive-search");
    let shares: Vec<f64> = numbers(&episodes).into_iter().skip(5).step_by(2).collect();
    assert_eq!(shares.len(), 4);
    assert!(
        shares.windows(2).all(|pair| pair[1] >= pair[0]),
        "{shares:?}"
    );
    assert!(
        shares[3] > shares[0],
        "what was found is found again: {shares:?}"
    );
}

/// Steps are those of the episodes, and the goal is reached where one is not cut off.
#[test]
fn steps_to_the_goal_are_lengths_of_episodes() {
    let (picture, trajectory) = analysed(Maze::new(5, 30, 2).unwrap(), "random");
    let (mut steps, mut reached) = ([0.0; 2], [0.0; 2]);
    for lane in 0..LANES {
        let mut number = 0;
        for t in 0..trajectory.lengths()[lane] {
            steps[number] += 1.0 / LANES as f64;
            let outcome = trajectory.outcomes()[t * LANES + lane];
            reached[number] += f64::from(u8::from(outcome == Outcome::Terminated));
            number += usize::from(outcome != Outcome::Continue);
        }
    }
    let said: Vec<f64> = numbers(&picture).into_iter().skip(5).collect();
    let labels = format!("{:?}", picture.shapes);
    for (number, (steps, reached)) in steps.into_iter().zip(reached).enumerate() {
        assert!(
            (said[2 * number] - steps).abs() < 0.06,
            "{said:?}, not {steps}"
        );
        let share = format!("{:.1} %", 100.0 * reached / LANES as f64);
        assert!(labels.contains(&share), "{share} is not in {labels}");
    }
    assert!(0.0 < reached[0] && reached[0] < LANES as f64);
}
