//! Every environment draws its task and an episode in it.

use crate::common::{KEY, env, made};
use rl_core::{Actions, Outcome};
use rl_core::{EnvFactory, Episode, Ink, Moment, Picture, Shape, StepRows, Value};

/// The first episode of a lane that acts by what is known to be right (or not), as a
/// drawing gets it.
fn lived(env: &dyn EnvFactory, act: impl Fn([f32; 2]) -> u32) -> [Picture; 2] {
    let mut batch = env.make(1);
    let width = env.spec().observation.width();
    let (mut observation, mut last) = (vec![0.0; width], vec![0.0; width]);
    batch.begin(&KEY, 0, &mut observation);
    let mut episode = Episode {
        start: batch.positions(0).now,
        ..Episode::default()
    };
    loop {
        let (mut reward, mut outcome, mut start) = ([0.0], [Outcome::Continue], [false]);
        let action = act(batch.positions(0).now);
        batch.step(
            Actions::Discrete(&[action]),
            StepRows {
                observation: &mut observation,
                reward: &mut reward,
                outcome: &mut outcome,
                start: &mut start,
                final_observation: &mut last,
            },
        );
        let ended = outcome[0] != Outcome::Continue;
        let positions = batch.positions(0);
        episode.moments.push(Moment {
            action: vec![action as f32],
            reward: reward[0],
            position: if ended {
                positions.ended
            } else {
                positions.now
            },
        });
        if ended {
            break;
        }
    }
    let mut still = env.make(1);
    still.begin(&KEY, 0, &mut observation);
    let pictures = [None, Some(&episode)].map(|episode| still.draw(0, episode).unwrap());
    for picture in &pictures {
        assert!(!picture.title.is_empty() && !picture.caption.is_empty());
        for shape in &picture.shapes {
            if let Shape::Area { corner, size, .. } = shape {
                let inside = |axis: usize, most: f32| {
                    corner[axis] > -1e-3 && corner[axis] + size[axis] < most + 1e-3
                };
                assert!(
                    inside(0, picture.width) && inside(1, picture.height),
                    "{shape:?}"
                );
            }
        }
    }
    pictures
}

/// Areas of an ink.
fn areas(picture: &Picture, wanted: Ink) -> usize {
    let has = |shape: &&Shape| matches!(shape, Shape::Area { ink, .. } if *ink == wanted);
    picture.shapes.iter().filter(has).count()
}

/// The row of a position, which is the right action where there is one.
fn right(position: [f32; 2]) -> u32 {
    (position[1] - 0.5).max(0.0) as u32
}

#[test]
fn steps_show_what_was_right_and_what_was_done() {
    let copy = env("copy", &[("length", 6)]);
    let [task, episode] = lived(copy.as_ref(), right);
    assert_eq!((areas(&task, Ink::Goal), areas(&task, Ink::Agent)), (0, 0));
    let inks = [Ink::Goal, Ink::Agent, Ink::Wall, Ink::Faint];
    assert_eq!(inks.map(|ink| areas(&episode, ink)), [6, 6, 0, 6]);
    // The wrong ones cost.
    let [_, episode] = lived(copy.as_ref(), |at| (right(at) + 1) % 8);
    assert_eq!(inks.map(|ink| areas(&episode, ink)), [6, 0, 6, 6]);
    // More steps than can be drawn.
    let long = env("repeat-first", &[("decks", 16)]);
    let [_, episode] = lived(long.as_ref(), right);
    assert_eq!(areas(&episode, Ink::Goal), 500);
    assert!(episode.caption.contains("first 40 rows and 500 steps"));
    // What cannot be said has no row.
    let counts = env("count-recall", &[]);
    let [_, episode] = lived(counts.as_ref(), |at| right(at).min(25));
    assert!(areas(&episode, Ink::Goal) <= 51 && areas(&episode, Ink::Agent) > 40);
    for name in [
        "memory-chain",
        "repeat-previous",
        "autoencode",
        "associative-recall",
    ] {
        let [_, episode] = lived(env(name, &[]).as_ref(), right);
        assert!(
            areas(&episode, Ink::Agent) > 0 && areas(&episode, Ink::Wall) == 0,
            "{name}"
        );
    }
}

#[test]
fn bandits_show_their_good_arms() {
    let bandits = env(
        "recurring-bandit",
        &[("contexts", 2), ("meetings", 2), ("pulls", 5)],
    );
    let [_, episode] = lived(bandits.as_ref(), right);
    assert_eq!(areas(&episode, Ink::Goal), 20);
    assert!(areas(&episode, Ink::Agent) > 12 && areas(&episode, Ink::Wall) == 0);
}

#[test]
fn glyphs_are_drawn_above_their_labels() {
    let glyphs = env("glyph-recall", &[]);
    let [task, episode] = lived(glyphs.as_ref(), right);
    let dark = |picture: &Picture| {
        let dark = |shape: &&Shape| {
            matches!(
                shape,
                Shape::Area {
                    ink: Ink::Scale(_),
                    ..
                }
            )
        };
        picture.shapes.iter().filter(dark).count()
    };
    assert_eq!((dark(&task), dark(&episode)), (5 * 64, 5 * 64));
    assert_eq!(
        (areas(&episode, Ink::Goal), areas(&episode, Ink::Agent)),
        (50, 50)
    );
}

#[test]
fn mazes_show_the_way_and_what_it_tells_of_the_sign() {
    let set = [("length", 3.into()), ("form", Value::from("passive"))];
    let maze = made("t-maze", &set).unwrap();
    // Right, and up where the corridor ends.
    let [task, episode] = lived(maze.as_ref(), |[x, _]| u32::from(x > 3.0));
    assert_eq!(
        (areas(&task, Ink::Goal), areas(&episode, Ink::Goal)),
        (0, 1)
    );
    let paths = episode.shapes.iter().filter_map(|shape| match shape {
        Shape::Path { points, .. } => Some(points),
        _ => None,
    });
    let paths: Vec<_> = paths.collect();
    assert_eq!(paths[0].last(), Some(&[3.5, 2.5]));
    let goal = episode.shapes.iter().find_map(|shape| match shape {
        Shape::Area {
            corner,
            ink: Ink::Goal,
            ..
        } => Some(*corner),
        _ => None,
    });
    let paid = episode.caption.contains("paid 1.00");
    assert_eq!(goal, Some([3.0, if paid { 2.0 } else { 0.0 }]));
    // Who stays in the corridor learns nothing of it.
    let [_, episode] = lived(maze.as_ref(), |_| 2);
    assert_eq!(areas(&episode, Ink::Goal), 0);
    assert!(episode.caption.contains("−1.00"), "{}", episode.caption);
}
