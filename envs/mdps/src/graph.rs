//! Graphs of states, as pictures.

use rl_core::{Ink, Shape};
use std::f32::consts::{FRAC_PI_2, TAU};

/// The side of a graph's picture.
pub(crate) const SIDE: f32 = 10.0;
/// The radius of a state's circle.
const NODE: f32 = 0.5;
/// How far arrows end from a state's middle.
const GAP: f32 = 0.6;
/// Points of an arrow.
const POINTS: usize = 40;
/// The height of words at arrows, and about half of their width.
const WORDS: f32 = 0.3;
const HALF_WIDTH: f32 = 0.6;

/// Where a state of so many is: clockwise on a circle, the first one on top.
pub(crate) fn node(state: usize, states: usize) -> [f32; 2] {
    let half = SIDE / 2.0;
    let (sine, cosine) = direction(state, states).sin_cos();
    [half + 3.3 * cosine, half + 3.3 * sine]
}

fn direction(state: usize, states: usize) -> f32 {
    FRAC_PI_2 - TAU * state as f32 / states as f32
}

/// A transition.
pub(crate) struct Arrow {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Tells apart arrows from one state to another one: 0, 1, ...
    pub(crate) track: usize,
    pub(crate) ink: Ink,
    pub(crate) words: String,
}

/// Draws an arrow in a graph of so many states.
pub(crate) fn arrow(shapes: &mut Vec<Shape>, states: usize, arrow: Arrow) {
    let (points, words) = match arrow.from == arrow.to {
        true => loop_at(arrow.from, states, arrow.track),
        false => bow(
            node(arrow.from, states),
            node(arrow.to, states),
            arrow.track,
        ),
    };
    shapes.push(Shape::Path {
        points,
        ink: arrow.ink,
        arrow: true,
    });
    if !arrow.words.is_empty() {
        shapes.push(Shape::Label {
            centre: words,
            text: arrow.words,
            size: WORDS,
        });
    }
}

/// Draws a state.
pub(crate) fn state(shapes: &mut Vec<Shape>, (index, states): (usize, usize), ink: Ink) {
    let centre = node(index, states);
    for (radius, ink) in [(NODE, Ink::Wall), (NODE - 0.05, ink)] {
        shapes.push(Shape::Disc {
            centre,
            radius,
            ink,
        });
    }
    shapes.push(Shape::Label {
        centre,
        text: index.to_string(),
        size: 0.42,
    });
}

/// A line from circle to circle that bends to its left, the more the higher
/// its track, and where its words are.
fn bow(from: [f32; 2], to: [f32; 2], track: usize) -> (Vec<[f32; 2]>, [f32; 2]) {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx.hypot(dy);
    let bend = (0.45 + 1.3 * track as f32) / length;
    let at = |part: f32| {
        let off = bend * 4.0 * part * (1.0 - part);
        let [x, y] = [from[0] + part * dx, from[1] + part * dy];
        [x - off * dy, y + off * dx]
    };
    let near = |[x, y]: [f32; 2], [a, b]: [f32; 2]| (x - a).hypot(y - b) < GAP;
    let points = (0..POINTS).map(|point| at(point as f32 / (POINTS - 1) as f32));
    let points = points.filter(|point| !near(*point, from) && !near(*point, to));
    // Beyond the line, so that neither hides the other.
    let middle = at(0.5);
    let beyond = clear(dy / length, dx / length) / length;
    let words = [middle[0] - beyond * dy, middle[1] + beyond * dx];
    (points.collect(), words)
}

/// How far words have to be from a line, in a direction, to clear it.
fn clear(across: f32, up: f32) -> f32 {
    0.08 + HALF_WIDTH * across.abs() + 0.6 * WORDS * up.abs()
}

/// A circle outside the graph, from a state to itself.
fn loop_at(state: usize, states: usize, track: usize) -> (Vec<[f32; 2]>, [f32; 2]) {
    let [x, y] = node(state, states);
    let outwards = direction(state, states) + 1.1 * track as f32;
    let (sine, cosine) = outwards.sin_cos();
    let (radius, away) = (0.38, NODE + 0.25);
    let centre = [x + away * cosine, y + away * sine];
    let at = |point: usize| {
        let turn = 0.32 + 0.36 * point as f32 / (POINTS - 1) as f32;
        let angle = outwards + std::f32::consts::PI + TAU * (turn - 0.5) * 2.0;
        [
            centre[0] + radius * angle.cos(),
            centre[1] + radius * angle.sin(),
        ]
    };
    let beyond = away + radius + clear(cosine, sine);
    let words = [x + beyond * cosine, y + beyond * sine];
    ((0..POINTS).map(at).collect(), words)
}
