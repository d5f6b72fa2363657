//! Pictures of tasks given by tables: a graph where states and actions are few,
//! else a table of mean rewards.

use crate::graph::{self, Arrow, SIDE};
use rl_core::tabular::Model;
use rl_core::{Episode, Ink, Picture, Shape};

/// States and actions up to which a task is drawn as a graph.
const GRAPH_STATES: usize = 8;
const GRAPH_ACTIONS: usize = 2;
/// States and actions that a table shows.
const TABLE_STATES: usize = 40;
const TABLE_ACTIONS: usize = 20;
/// Room for headings at a table's left and top, in cells.
const HEADING: f32 = 1.0;

fn is_graph(model: &Model) -> bool {
    model.states <= GRAPH_STATES && model.actions <= GRAPH_ACTIONS
}

/// Where a state is in the picture.
pub(crate) fn place(model: &Model, state: usize) -> [f32; 2] {
    match is_graph(model) {
        true => graph::node(state, model.states),
        false => [HEADING + state as f32 + 0.5, 0.5],
    }
}

/// The task's picture, with an episode in it if one is given.
pub(crate) fn draw(model: &Model, episode: Option<&Episode>) -> Picture {
    let counts = episode.map(|episode| counts(model, episode));
    let mut picture = match is_graph(model) {
        true => draw_graph(model, counts.as_deref()),
        false => draw_table(model, counts.as_deref()),
    };
    picture.title = format!("{} states, {} actions", model.states, model.actions);
    if let Some(episode) = episode {
        picture.title += &format!(", episode {}", episode.number + 1);
        picture.caption += &format!(
            " The episode of {} steps earned {}.",
            episode.moments.len(),
            number(episode.total_reward())
        );
    }
    picture
}

/// How often each action was taken in each state. `[states][actions]`
fn counts(model: &Model, episode: &Episode) -> Vec<u32> {
    let mut counts = vec![0; model.states * model.actions];
    let places: Vec<_> = (0..model.states).map(|state| place(model, state)).collect();
    for (before, moment) in episode.way().iter().zip(&episode.moments) {
        let state = places.iter().position(|place| place == before);
        let action = moment.action.first().map(|action| *action as usize);
        if let (Some(state), Some(action)) = (state, action)
            && let Some(count) = counts.get_mut(state * model.actions + action)
        {
            *count += 1;
        }
    }
    counts
}

/// Expected rewards from 0 for the lowest one to 1 for the highest one, and
/// these two. `[states][actions]`
fn shades(model: &Model) -> (Vec<f32>, [f64; 2]) {
    let rows =
        (0..model.states * model.actions).map(|row| (row / model.actions, row % model.actions));
    let rewards: Vec<f64> = rows.map(|(s, a)| model.expected_reward(s, a)).collect();
    let low = rewards.iter().copied().fold(f64::INFINITY, f64::min);
    let high = rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = (high - low).max(f64::MIN_POSITIVE);
    let shade = |reward: &f64| ((reward - low) / range) as f32;
    (rewards.iter().map(shade).collect(), [low, high])
}

/// The most likely next state, and its probability.
fn likeliest(model: &Model, state: usize, action: usize) -> (usize, f64) {
    let mut best = (state, 0.0);
    for (next, chance) in model.row(state, action).iter().enumerate() {
        if *chance > best.1 {
            best = (next, *chance);
        }
    }
    best
}

/// With a true minus sign.
fn number(value: f64) -> String {
    format!("{value:.2}").replace('-', "−")
}

fn draw_graph(model: &Model, counts: Option<&[u32]>) -> Picture {
    let (shades, [low, high]) = shades(model);
    let mut shapes = Vec::new();
    for state in 0..model.states {
        for action in 0..model.actions {
            let (to, most) = likeliest(model, state, action);
            let same = (0..action).filter(|other| likeliest(model, state, *other).0 == to);
            let track = same.count();
            let cell = state * model.actions + action;
            let (ink, words) = match counts {
                None => {
                    let words = format!("{action}: {:.0} %", 100.0 * most);
                    (Ink::Scale(shades[cell]), words)
                }
                Some(counts) if counts[cell] > 0 => {
                    (Ink::Agent, format!("{action}: {}×", counts[cell]))
                }
                Some(_) => (Ink::Faint, String::new()),
            };
            let arrow = Arrow {
                from: state,
                to,
                track,
                ink,
                words,
            };
            graph::arrow(&mut shapes, model.states, arrow);
        }
    }
    for state in 0..model.states {
        let starts = model.start.get(state).is_some_and(|p| *p > 0.0);
        let ink = if starts { Ink::Start } else { Ink::Ground };
        graph::state(&mut shapes, (state, model.states), ink);
    }
    let caption = match counts {
        None => format!(
            "An arrow is the most likely transition of an action, with its probability; the \
             darker, the higher the action's expected reward, from {} to {}. Grey circles: where \
             episodes start.",
            number(low),
            number(high)
        ),
        Some(_) => "An arrow is the most likely transition of an action. Blue: actions that were \
                    taken, and how often."
            .into(),
    };
    Picture {
        width: SIDE,
        height: SIDE,
        shapes,
        caption,
        ..Picture::default()
    }
}

fn draw_table(model: &Model, counts: Option<&[u32]>) -> Picture {
    let (shades, [low, high]) = shades(model);
    let states = model.states.min(TABLE_STATES);
    let actions = model.actions.min(TABLE_ACTIONS);
    let most = counts.and_then(|counts| counts.iter().max().copied());
    let most = most.unwrap_or(1).max(1) as f32;
    let mut shapes = Vec::new();
    let mut label = |centre: [f32; 2], number: usize| {
        let text = number.to_string();
        let size = 0.36;
        shapes.push(Shape::Label { centre, text, size });
    };
    let x = |state: usize| HEADING + state as f32;
    let y = |action: usize| (actions - 1 - action) as f32;
    for state in 0..states {
        label([x(state) + 0.5, actions as f32 + 0.5], state);
    }
    for action in 0..actions {
        label([HEADING / 2.0, y(action) + 0.5], action);
    }
    for state in 0..states {
        for action in 0..actions {
            let cell = state * model.actions + action;
            shapes.push(Shape::Area {
                corner: [x(state) + 0.02, y(action) + 0.02],
                size: [0.96; 2],
                ink: Ink::Scale(shades[cell]),
            });
            let count = counts.map_or(0, |counts| counts[cell]) as f32;
            if count > 0.0 {
                shapes.push(Shape::Disc {
                    centre: [x(state) + 0.5, y(action) + 0.5],
                    radius: 0.36 * (count / most).sqrt().max(0.25),
                    ink: Ink::Agent,
                });
            }
        }
    }
    let mut caption = format!(
        "A column is a state, a row an action; the darker, the higher the expected reward, from \
         {} to {}.",
        number(low),
        number(high)
    );
    if (states, actions) != (model.states, model.actions) {
        caption += &format!(" Only the first {states} states and {actions} actions are drawn.");
    }
    if counts.is_some() {
        caption += " Blue: actions that were taken; the area of a dot grows with how often.";
    }
    Picture {
        width: HEADING + states as f32,
        height: actions as f32 + HEADING,
        shapes,
        caption,
        ..Picture::default()
    }
}
