//! Every environment draws its task and an episode in it.

use crate::common::KEY;
use navigation::{DarkKeyDoor, EmptyGrid, GridNavi, Maze, PointCorners, PointNavigation};
use rl_core::{
    EnvFactory, Episode, Ink, Moment, Picture, Shape, SpecError, TaskDistribution, Tasks,
};

fn drawn<D: TaskDistribution>(made: Result<D, SpecError>, episode: Option<&Episode>) -> Picture {
    let tasks = Tasks::new(made.unwrap()).unwrap();
    let mut env = tasks.make(1);
    let width = tasks.spec().observation.width();
    env.begin(&KEY, 0, &mut vec![0.0; width]);
    let now = env.positions(0).now;
    let picture = env.draw(0, episode).unwrap();
    let within =
        |[x, y]: [f32; 2]| x >= 0.0 && y >= 0.0 && x <= picture.width && y <= picture.height;
    assert!(within(now), "{now:?} in {}", picture.title);
    assert_eq!(tasks.spec().name, picture.title.split(',').next().unwrap());
    picture
}

fn all(episode: Option<&Episode>) -> Vec<Picture> {
    vec![
        drawn(GridNavi::new(5, 15, 4), episode),
        drawn(DarkKeyDoor::new(9, 50, 1), episode),
        drawn(Maze::new(9, 100, 1), episode),
        drawn(EmptyGrid::new(8, 100, 1), episode),
        drawn(PointNavigation::new(100, 1), episode),
        drawn(PointCorners::new(100, 1), episode),
    ]
}

fn ways(picture: &Picture) -> Vec<&Vec<[f32; 2]>> {
    let points = picture.shapes.iter().filter_map(|shape| match shape {
        Shape::Path {
            points,
            ink: Ink::Agent,
            ..
        } => Some(points),
        _ => None,
    });
    points.collect()
}

#[test]
fn tasks_have_a_goal_and_no_way() {
    for picture in all(None) {
        let goal = picture.shapes.iter().any(|shape| match shape {
            Shape::Area { ink, .. } | Shape::Disc { ink, .. } => *ink == Ink::Goal,
            _ => false,
        });
        assert!(goal, "{}", picture.title);
        assert!(ways(&picture).is_empty());
        assert!(picture.shapes.len() < 200 && picture.caption.contains("Green"));
    }
}

#[test]
fn episodes_have_a_way_and_say_what_it_earned() {
    let moment = |x: f32| Moment {
        action: vec![2.0],
        reward: 0.25,
        position: [x, 0.5],
    };
    let episode = Episode {
        number: 1,
        start: [0.5, 0.5],
        moments: vec![moment(1.5), moment(2.5)],
    };
    for picture in all(Some(&episode)) {
        let [way] = ways(&picture)[..] else {
            panic!("one way in {}", picture.title);
        };
        assert_eq!(way.len(), 3);
        assert!(picture.title.ends_with(", episode 2"), "{}", picture.title);
        assert!(
            picture.caption.contains("0.50 in 2 steps"),
            "{}",
            picture.caption
        );
    }
}

/// A million steps are not drawn.
#[test]
fn long_ways_are_cut() {
    let episode = Episode {
        moments: vec![Moment::default(); 1_000_000],
        ..Episode::default()
    };
    for picture in all(Some(&episode)) {
        assert_eq!(ways(&picture)[0].len(), 1_001);
        assert!(picture.caption.contains("first 1000 steps"));
    }
}

/// Where a lane is follows its moves: up, right, up.
#[test]
fn positions_follow_the_agent() {
    let tasks = Tasks::new(GridNavi::new(5, 3, 2).unwrap()).unwrap();
    let played = crate::common::always(tasks.make(1), |t| [1, 2, 1][t % 3]);
    let positions = played.env().positions(0);
    assert_eq!(positions.now, [0.5, 0.5]);
    assert_eq!(positions.ended, [1.5, 2.5]);
}
