//! What agents do in trials of these worlds, as pictures.

use crate::drawing::{Sketch, middle};
use crate::grid::Cell;
use rl_core::{Analysis, Bar, Bars, Moments, Outcome, Trial, Trials};
use std::collections::BTreeMap;

/// Parts of a trial that is a budget of steps.
const PARTS: usize = 10;

/// How often doors are found: in each tenth of a budget of steps, or episode by episode.
/// `None` where there are too many episodes for a bar each.
pub(crate) fn doors(trial: Trial) -> Option<Analysis> {
    match trial {
        Trial::Steps(steps) => Some(doors_by_part(steps)),
        Trial::Episodes(..=rl_core::MOST_BARS) => Some(doors_by_episode()),
        Trial::Episodes(_) => None,
    }
}

fn doors_by_part(steps: usize) -> Analysis {
    let count = PARTS.min(steps);
    Analysis::new("doors", move |trials| {
        let lanes = trials.trajectory.lanes();
        let mut parts = vec![Moments::default(); count];
        let mut whole = Moments::default();
        for lane in 0..lanes {
            let mut doors = vec![0.0; count];
            for step in doors_opened(trials, lane) {
                doors[step * count / steps] += 1.0;
            }
            for (part, doors) in parts.iter_mut().zip(&doors) {
                part.push(*doors);
            }
            whole.push(doors.iter().sum());
        }
        // The last step of a part, counted from 1.
        let label = |part: usize| ((part + 1) * steps).div_ceil(count).to_string();
        let bars = parts.iter().enumerate();
        let bars = bars.map(|(part, doors)| Bar::of(label(part), doors));
        let caption = format!(
            "Doors opened in each part of a trial of {steps} steps, over {lanes} trials, ± 1 \
             standard error; {} in a whole trial.",
            mean(&whole, 2)
        );
        let groups = vec![("up to step".to_owned(), bars.collect())];
        Some(Bars { groups, top: None }.picture("Doors found", caption))
    })
}

fn doors_by_episode() -> Analysis {
    Analysis::new("doors", |trials| {
        let lanes = trials.trajectory.lanes();
        let doors: Vec<Vec<usize>> = (0..lanes)
            .map(|lane| doors_opened(trials, lane).collect())
            .collect();
        let found = trials.by_episode(|lane, episode| {
            let opened = doors[lane].iter().any(|step| episode.contains(step));
            f64::from(u8::from(opened))
        });
        let bars = found.iter().enumerate();
        let bars = bars.map(|(number, found)| Bar::of((number + 1).to_string(), found));
        let (groups, top) = (vec![("episode".to_owned(), bars.collect())], Some(1.0));
        let caption =
            format!("Share of {lanes} trials in which the door is found, ± 1 standard error.");
        Some(Bars { groups, top }.picture("Doors found", caption))
    })
}

/// The steps with which doors are opened: the second reward of an episode, which the
/// end of the trial may cut off.
fn doors_opened<'a>(trials: &'a Trials<'_>, lane: usize) -> impl Iterator<Item = usize> + 'a {
    let (lanes, rewards) = (trials.trajectory.lanes(), trials.trajectory.rewards());
    trials.episodes(lane).filter_map(move |episode| {
        let mut paid = episode.filter(|t| rewards[t * lanes + lane] > 0.0);
        paid.nth(1)
    })
}

/// How long it takes to the goal, episode by episode, and how often it is reached.
/// `None` where there are too many episodes for a bar each.
pub(crate) fn steps_to_the_goal(episodes: usize) -> Option<Analysis> {
    let analysis = Analysis::new("steps-to-the-goal", |trials| {
        let (lanes, outcomes) = (trials.trajectory.lanes(), trials.trajectory.outcomes());
        let steps = trials.by_episode(|_, episode| episode.len() as f64);
        let reached = trials.by_episode(|lane, episode| {
            let last = outcomes[(episode.end - 1) * lanes + lane];
            100.0 * f64::from(u8::from(last == Outcome::Terminated))
        });
        let mut groups = Vec::new();
        for (number, (steps, reached)) in steps.iter().zip(&reached).enumerate() {
            let bar = Bar::of((number + 1).to_string(), steps);
            groups.push((format!("{:.1} %", reached.mean()), vec![bar]));
        }
        let caption = format!(
            "Steps of each episode until the goal is reached or time is up, over {lanes} trials, \
             ± 1 standard error; below, how often it is reached in time."
        );
        Some(Bars { groups, top: None }.picture("Steps to the goal by episode", caption))
    });
    (episodes <= rl_core::MOST_BARS).then_some(analysis)
}

/// The most cells along a side of a grid whose goals have a number each.
const MOST_CELLS: u32 = 10;

/// What a trial earns by where the goal is, and what all goals counted alike give, which
/// the draw of goals has no part in. `None` where there are too many goals.
pub(crate) fn return_by_goal(size: u32) -> Option<Analysis> {
    let analysis = Analysis::new("return-by-goal", move |trials| {
        let lanes = trials.trajectory.lanes();
        let mut goals: BTreeMap<(u32, u32), Moments> = BTreeMap::new();
        for lane in 0..lanes {
            let goal = Cell::of_shares(trials.description(lane), size);
            let whole = 0..trials.trajectory.lengths()[lane];
            let moments = goals.entry((goal.x, goal.y)).or_default();
            moments.push(trials.earned(lane, whole));
        }
        let mut sketch = Sketch::grid(size);
        let mut all = Moments::default();
        let mut square = 0.0;
        for ((x, y), moments) in &goals {
            let words = format!("{:.1}", moments.mean()).replace('-', "−");
            sketch.words(middle(Cell { x: *x, y: *y }), &words);
            all.push(moments.mean());
            square += (moments.standard_error() / goals.len() as f64).powi(2);
        }
        // Of a goal that was drawn once nobody knows how far its returns differ.
        let error = match square.sqrt() {
            error if error.is_finite() => format!(" ± {error:.4}"),
            _ => String::new(),
        };
        let caption = format!(
            "Mean return of a trial whose goal is in the cell, over {lanes} trials. The {} goals \
             drawn, each counted alike: {}{error}.",
            goals.len(),
            format!("{:.4}", all.mean()).replace('-', "−"),
        );
        Some(sketch.finish("Return by goal", &caption, None))
    });
    (size <= MOST_CELLS).then_some(analysis)
}

/// "31.24 ± 0.08", or the mean alone where one sample is all there is.
fn mean(moments: &Moments, places: usize) -> String {
    let (mean, error) = (moments.mean(), moments.standard_error());
    match error.is_finite() {
        true => format!("{mean:.places$} ± {error:.places$}"),
        false => format!("{mean:.places$}"),
    }
}
