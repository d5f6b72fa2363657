//! What agents do in trials of these worlds, as bars.

use crate::drawing::{Sketch, middle};
use crate::grid::Cell;
use rl_core::{Analysis, Bar, Bars, Moments, Outcome, Picture, Trials};
use std::collections::BTreeMap;
use std::ops::Range;

/// Parts of a trial that is a budget of steps.
const PARTS: usize = 10;

/// How many doors are opened in each tenth of a budget of steps.
pub(crate) const DOORS_BY_TENTH: Analysis = Analysis {
    name: "doors",
    draw: |trials| {
        let trajectory = trials.trajectory;
        let (lanes, steps) = (trajectory.lanes(), trajectory.steps());
        let mut parts = [Moments::default(); PARTS];
        let mut whole = Moments::default();
        for lane in 0..lanes {
            let mut doors = [0.0; PARTS];
            for step in doors_opened(trials, lane) {
                doors[step * PARTS / steps] += 1.0;
            }
            for (part, doors) in parts.iter_mut().zip(doors) {
                part.push(doors);
            }
            whole.push(doors.iter().sum());
        }
        let label = |part: usize| format!("{}", (part + 1) * steps / PARTS);
        let bars = parts.iter().enumerate();
        let bars = bars.map(|(part, doors)| Bar::of(label(part), doors));
        let caption = format!(
            "Doors opened in each tenth of a trial of {steps} steps, over {lanes} trials, ± 1 \
             standard error; {} in a whole trial.",
            mean(&whole, 2)
        );
        let groups = vec![("up to step".to_owned(), bars.collect())];
        Ok(Bars { groups, top: None }.picture("Doors found", caption))
    },
};

/// How often the door is found, episode by episode.
pub(crate) const DOORS_BY_EPISODE: Analysis = Analysis {
    name: "doors",
    draw: |trials| {
        let found = |lane, episode: Range<usize>| {
            let opened = doors_opened(trials, lane).any(|step| episode.contains(&step));
            f64::from(u8::from(opened))
        };
        let bars = by_episode(trials, found);
        let bars = bars.iter().enumerate();
        let bars = bars.map(|(number, found)| Bar::of(format!("{}", number + 1), found));
        let (groups, top) = (vec![("episode".to_owned(), bars.collect())], Some(1.0));
        let caption = format!(
            "Share of {} trials in which the door is found, ± 1 standard error.",
            trials.trajectory.lanes()
        );
        Ok(Bars { groups, top }.picture("Doors found", caption))
    },
};

/// The steps with which doors are opened: the second reward of an episode.
fn doors_opened<'a>(trials: &'a Trials<'_>, lane: usize) -> impl Iterator<Item = usize> + 'a {
    let (lanes, rewards) = (trials.trajectory.lanes(), trials.trajectory.rewards());
    trials.episodes(lane).filter_map(move |episode| {
        let mut paid = episode.filter(|t| rewards[t * lanes + lane] > 0.0);
        paid.nth(1)
    })
}

/// How long it takes to the goal, episode by episode, and how often it is reached.
pub(crate) const STEPS_TO_THE_GOAL: Analysis = Analysis {
    name: "steps-to-the-goal",
    draw: |trials| Ok(steps_to_the_goal(trials)),
};

fn steps_to_the_goal(trials: &Trials<'_>) -> Picture {
    let (lanes, outcomes) = (trials.trajectory.lanes(), trials.trajectory.outcomes());
    let steps = by_episode(trials, |_, episode| episode.len() as f64);
    let reached = by_episode(trials, |lane, episode| {
        let last = outcomes[(episode.end - 1) * lanes + lane];
        100.0 * f64::from(u8::from(last == Outcome::Terminated))
    });
    let mut groups = Vec::new();
    for (number, (steps, reached)) in steps.iter().zip(&reached).enumerate() {
        let share = format!("reached in {} %", mean(reached, 1));
        let bar = Bar::of(format!("episode {}", number + 1), steps);
        groups.push((share, vec![bar]));
    }
    let caption = format!(
        "Steps of an episode until the goal is reached or time is up, over {lanes} trials, ± 1 \
         standard error, and how often it is reached in time."
    );
    Bars { groups, top: None }.picture("Steps to the goal", caption)
}

/// "31.24 ± 0.08".
fn mean(moments: &Moments, places: usize) -> String {
    let error = moments.standard_error();
    format!("{:.places$} ± {error:.places$}", moments.mean())
}

/// A number of each episode, over the trials.
fn by_episode(trials: &Trials<'_>, number: impl Fn(usize, Range<usize>) -> f64) -> Vec<Moments> {
    let mut means: Vec<Moments> = Vec::new();
    for lane in 0..trials.trajectory.lanes() {
        for (index, episode) in trials.episodes(lane).enumerate() {
            means.resize(means.len().max(index + 1), Moments::default());
            means[index].push(number(lane, episode));
        }
    }
    means
}

/// The most cells along a side of a grid whose goals have a number each.
pub(crate) const MOST_CELLS: u32 = 10;

/// What a trial earns by where the goal is, and what all goals counted alike give, which
/// the draw of goals has no part in.
pub(crate) const RETURN_BY_GOAL: Analysis = Analysis {
    name: "return-by-goal",
    draw: |trials| {
        let (lanes, rewards) = (trials.trajectory.lanes(), trials.trajectory.rewards());
        let shares = trials
            .descriptions
            .iter()
            .copied()
            .filter(|share| *share > 0.0);
        let nearest = shares.fold(1.0, f32::min);
        let size = (1.0 / nearest).round() as u32 + 1;
        let mut goals: BTreeMap<(u32, u32), Moments> = BTreeMap::new();
        for lane in 0..lanes {
            let [x, y] = trials.description(lane) else {
                return Err("goals are described by two numbers".into());
            };
            let goal = Cell::of_shares(&[*x, *y], size);
            let steps = 0..trials.trajectory.lengths()[lane];
            let earned = steps.map(|t| f64::from(rewards[t * lanes + lane])).sum();
            goals.entry((goal.x, goal.y)).or_default().push(earned);
        }
        let mut sketch = Sketch::grid(size);
        let (mut mean, mut square) = (0.0, 0.0);
        for ((x, y), moments) in &goals {
            let (of, count) = (Cell { x: *x, y: *y }, goals.len() as f64);
            sketch.words(middle(of), &format!("{:.1}", moments.mean()));
            mean += moments.mean() / count;
            square += (moments.standard_error() / count).powi(2);
        }
        let caption = format!(
            "Mean return of a trial whose goal is in the cell, over {lanes} trials. All {} goals \
             counted alike: {mean:.4} ± {:.4}.",
            goals.len(),
            square.sqrt()
        );
        Ok(sketch.finish("Return by goal", &caption, None))
    },
};
