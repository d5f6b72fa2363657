//! How far the trained agent's beliefs are from the exact posterior, step by step of a
//! trial.

use record::schema::{BeliefAt, Beliefs, OverTrials};

use super::frame::{Axis, titles};
use super::panel::{Panel, Panels};
use super::{AGENT, Figure, WIDTH, oracle_line};
use crate::Result;
use crate::canvas::{Canvas, Point, Stroke};
use crate::curve::{Band, Curve, Sample};
use crate::layout::Range;
use crate::numbers::Value;
use crate::setting::Setting;
use crate::stats::Estimate;
use crate::text::{capitalized, decimals, fixed};
use crate::words;

/// What is shown of a step.
type Pick = fn(&BeliefAt) -> OverTrials;

const DIVERGENCE: Pick = |step| step.divergence;
const ENTROPY: Pick = |step| step.entropy;

/// `None` if no run says what its agent believes.
pub(super) fn figure(setting: &Setting<'_>) -> Result<Option<Figure>> {
    let runs = setting.runs.iter();
    let seeds: Vec<&Beliefs> = runs.filter_map(|run| run.beliefs.as_ref()).collect();
    let steps = seeds.iter().map(|seed| seed.steps.len()).max().unwrap_or(0);
    let curves = [DIVERGENCE, ENTROPY].map(|pick| curve(&seeds, pick));
    let ([Some(divergence), Some(entropy)], Some(title)) =
        (curves, title(&setting.agent(), &seeds))
    else {
        return Ok(None);
    };
    let shown = [
        ("Divergence (nats)", &divergence, None),
        (
            "Beside what is unknown (nats, dashed)",
            &divergence,
            Some(&entropy),
        ),
    ];
    let places = Panels::below(&title, &setting.subtitle(), shown.len());
    let mut canvas = Canvas::new(WIDTH, places.height());
    titles(&mut canvas, &title, &setting.subtitle());
    for (index, (name, curve, beside)) in shown.into_iter().enumerate() {
        let panel = Panel {
            name,
            y: from_zero(
                curve
                    .values()
                    .chain(beside.into_iter().flat_map(Curve::values)),
            ),
            unit: 1.0,
            x_high: steps as f64,
            x_axis: Some(Axis {
                name: "Steps seen",
                ticks: 3,
                unit: 1.0,
                whole: true,
            }),
        };
        let mut chart = panel.draw(&mut canvas, places.place(index))?;
        chart.curve(&setting.agent(), curve, Stroke::new(AGENT, 1.8))?;
        if let Some(beside) = beside {
            let mean: Vec<Point> = beside.mean.iter().map(|m| (m.x, m.y.mean)).collect();
            let oracle = oracle_line();
            let values = Value::of_curve(beside);
            chart.series("Entropy of the exact posterior", oracle.color(), values);
            chart.line(&mean, oracle)?;
        }
        let numbers = chart.finish();
        canvas.keep(numbers);
    }
    Ok(Some(Figure {
        name: "beliefs".into(),
        title,
        caption: caption(&seeds, &divergence, kept_back(setting)),
        canvas,
    }))
}

/// A mean over the trials of a seed.
fn estimate(seed: &Beliefs, it: OverTrials) -> Estimate {
    Estimate::sampled(it.mean, it.standard_error, seed.tasks as u64)
}

fn curve(seeds: &[&Beliefs], pick: Pick) -> Option<Curve> {
    let samples = |seed: &&Beliefs| {
        let samples = seed.steps.iter().map(|step| Sample {
            key: step.seen as u64,
            x: step.seen as f64,
            y: estimate(seed, pick(step)),
        });
        samples.collect::<Vec<_>>()
    };
    let mut curve = Curve::of(&seeds.iter().map(samples).collect::<Vec<_>>())?;
    if curve.band == Band::Seeds(2) {
        // An interval from two seeds would fill the panel and say nothing.
        curve.band = Band::None;
    }
    Some(curve)
}

/// The y axis of what is never negative.
fn from_zero(values: impl Iterator<Item = f64>) -> Range {
    let most = values.fold(0.0, f64::max);
    Range {
        low: 0.0,
        high: if most > 0.0 { 1.2 * most } else { 1.0 },
    }
}

/// "Belief agent: what it believes is 0.06 nats from the exact posterior after the first
/// episode".
fn title(agent: &str, seeds: &[&Beliefs]) -> Option<String> {
    let after = |seed: &&Beliefs| {
        let at = seed.steps_per_episode.min(seed.steps.len().checked_sub(1)?);
        Some(estimate(seed, seed.steps[at].divergence))
    };
    let after: Option<Vec<Estimate>> = seeds.iter().map(after).collect();
    let mean = Estimate::over_seeds(&after?)?;
    let first = seeds.first()?;
    let when = match first.steps_per_episode < first.steps.len() {
        true => "after the first episode",
        false => "before the last step",
    };
    Some(format!(
        "{agent}: what it believes is {} nats from the exact posterior {when}",
        fixed(mean.mean, decimals([mean.standard_error]))
    ))
}

/// How many tasks were kept from the training.
fn kept_back(setting: &Setting<'_>) -> u64 {
    let mut runs = setting.runs.iter();
    let kept = runs.find_map(|run| run.settings.get("evaluation.split.unseen"));
    kept.and_then(|kept| kept.parse().ok()).unwrap_or(0)
}

fn caption(seeds: &[&Beliefs], curve: &Curve, kept: u64) -> String {
    let tasks = seeds.iter().map(|seed| seed.tasks as u64);
    let tasks = words::between(tasks.clone().min().unwrap_or(0), tasks.max().unwrap_or(0));
    let (actions, distinct) = seeds
        .first()
        .map_or(("", 0), |seed| (&seed.actions, seed.distinct_tasks));
    let mut parts = vec![format!(
        "KL(exact ‖ believed) of the probabilities of the {distinct} tasks, before each step of \
         trials that the agent lived itself, one for each of {tasks} draws of them per seed; {actions} \
         actions. Where a belief decodes into rewards, a task’s probability is that of being \
         paid where this task alone pays, beside the other tasks’. Dashed: the entropy of the \
         exact posterior, which is how much there is left to know."
    )];
    if kept > 0 {
        parts.push(format!(
            "The exact posterior is that of all {distinct} tasks, also of the {kept} that were \
             kept from the training: the agent could not know that there are these."
        ));
    }
    let held: Vec<f64> = seeds.iter().filter_map(|seed| seed.held).collect();
    if let (Some(low), Some(high)) = (
        held.iter().copied().reduce(f64::min),
        held.iter().copied().reduce(f64::max),
    ) {
        let range = match fixed(low, 4) == fixed(high, 4) {
            true => fixed(low, 4),
            false => format!("{} to {}", fixed(low, 4), fixed(high, 4)),
        };
        parts.push(format!(
            "The agent holds a draw throughout an episode. Draws from the exact posterior that are \
             held, on the same ways as its own, earn {range} exactly."
        ));
    }
    let bands = match curve.band {
        Band::Seeds(seeds) => format!("95\u{a0}% intervals over {seeds} seeds (Student’s t)"),
        Band::Evaluation => "95\u{a0}% intervals over tasks".to_string(),
        Band::None => String::new(),
    };
    if !bands.is_empty() {
        parts.push(capitalized(&format!("bands: {bands}.")));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::load;
    use crate::setting::group;
    use crate::support::Synthetic;
    use record::{Document, RunDir};
    use serde_json::json;

    /// What is said of beliefs in a run that kept so many of its tasks from the training.
    fn said(kept: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let run = Synthetic {
            kept,
            ..Synthetic::default()
        };
        let path = run.write(folder.path(), 0);
        let at = |seen: usize| {
            let mean = json!({ "mean": 0.5, "standard_error": 0.1 });
            json!({ "seen": seen, "divergence": mean, "entropy": mean })
        };
        let beliefs = json!({
            "actions": "sampled", "env_steps": 1, "tasks": 100, "distinct_tasks": 21,
            "steps_per_episode": 2, "steps": [at(0), at(1), at(2)],
        });
        let run = RunDir::open(&path).unwrap();
        run.write_document(Document::Beliefs, &beliefs).unwrap();
        drop(run);
        let runs = load(&[folder.path().to_path_buf()], &mut |_| ()).unwrap();
        figure(&group(&runs)[0]).unwrap().unwrap().caption
    }

    #[test]
    fn posteriors_over_tasks_that_were_kept_back_are_said_to_be() {
        let all = "of all 21 tasks, also of the 5 that were kept from the training";
        assert!(said(5).contains(all) && !said(0).contains("kept"));
    }
}
