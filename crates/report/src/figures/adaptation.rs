//! Return against gradient steps on a task.

use record::schema::{Adaptation, Comparison};

use super::chart::Chart;
use super::frame::{Axis, Plate};
use super::labels::{self, Label};
use super::{AGENT, Figure, OTHERS, RANDOM, WIDTH};
use crate::Result;
use crate::canvas::{Canvas, Color, Stroke};
use crate::curve::{Band, Curve, Sample};
use crate::layout::Range;
use crate::read::after_each_step;
use crate::setting::Setting;
use crate::stats::Estimate;
use crate::text::{count, decimals, display_name, fixed};
use crate::words;

const HEIGHT: u32 = 430;

/// What one setting's agent comes to.
struct Line {
    name: String,
    curve: Curve,
    color: Color,
    strong: bool,
}

/// A setting whose agents were adapted.
struct Adapted<'a> {
    setting: &'a Setting<'a>,
    environment: &'a str,
    /// How many different tasks there are, where their number is finite.
    distinct: Option<u64>,
    /// One per seed.
    measured: Vec<&'a Adaptation>,
}

/// The settings of one environment side by side; `None` if none of them was
/// adapted. Settings of other environments than the first one's are left out.
pub(super) fn figure(settings: &[Setting<'_>]) -> Result<Option<Figure>> {
    let adapted = adapted(settings);
    let lines = lines(&adapted).unwrap_or_default();
    let (Some(first), Some(title)) = (adapted.first(), title(&lines)) else {
        return Ok(None);
    };
    let (measured, environment) = (&first.measured, first.environment);
    let steps = lines
        .iter()
        .map(|line| line.curve.end())
        .fold(0.0, f64::max);
    let values = lines
        .iter()
        .flat_map(|line| line.curve.values().chain(line.curve.band_ends()));
    let labels: Vec<Label> = lines
        .iter()
        .filter_map(|line| label(line, measured))
        .collect();
    let tasks = measured[0].tasks as u64;
    let tasks = words::fresh_tasks((tasks, tasks), first.distinct);
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let plate = Plate {
        title: &title,
        subtitle: &match adapted.len() {
            1 => first.setting.subtitle(),
            _ => format!("{} · {tasks}", display_name(environment)),
        },
        x_axis: Axis {
            name: "Gradient steps on the task",
            ticks: (steps as usize).clamp(1, 10),
            unit: 1.0,
            whole: true,
        },
        y_axis: Axis {
            name: "Return after adaptation (sum of rewards in a trial)",
            ticks: 6,
            unit: 1.0,
            whole: false,
        },
        x: Range {
            low: 0.0,
            high: steps.max(1.0),
        },
        y: Range::of(values).padded(0.06),
        room: labels::room(&labels),
    };
    let mut chart = plate.draw(&mut canvas)?;
    draw_lines(&mut chart, &lines)?;
    let numbers = chart.finish();
    let frame = numbers.frame;
    canvas.keep(numbers);
    labels::draw(&mut canvas, &frame, &labels);
    Ok(Some(Figure {
        name: "adaptation".into(),
        caption: caption(&lines, measured[0], &tasks),
        title,
        canvas,
    }))
}

/// The settings that were adapted, in the environment of the first of them.
fn adapted<'a>(settings: &'a [Setting<'a>]) -> Vec<Adapted<'a>> {
    let adapted = settings.iter().filter_map(|setting| {
        let measured: Vec<&Adaptation> = setting
            .comparisons()
            .filter_map(|comparison| comparison.adaptation.as_ref())
            .collect();
        let Comparison {
            environment,
            distinct_tasks,
            ..
        } = setting.comparisons().next()?;
        (!measured.is_empty()).then_some(Adapted {
            setting,
            environment,
            distinct: *distinct_tasks,
            measured,
        })
    });
    let mut adapted: Vec<Adapted<'a>> = adapted.collect();
    if let Some(environment) = adapted.first().map(|first| first.environment) {
        adapted.retain(|other| other.environment == environment);
    }
    adapted
}

fn lines(adapted: &[Adapted<'_>]) -> Option<Vec<Line>> {
    let line = |(index, of): (usize, &Adapted<'_>)| {
        let name = match adapted.len() {
            1 => of.setting.agent(),
            _ => display_name(of.setting.name.as_ref().unwrap_or(&of.setting.folder)),
        };
        Some(Line {
            name,
            curve: curve(&of.measured)?,
            color: color(index),
            strong: index == 0,
        })
    };
    adapted.iter().enumerate().map(line).collect()
}

/// The first line on top of the others.
fn draw_lines(chart: &mut Chart<'_>, lines: &[Line]) -> Result<()> {
    for line in lines.iter().rev() {
        let width = if line.strong { 2.6 } else { 1.8 };
        chart.curve(&line.name, &line.curve, Stroke::new(line.color, width))?;
        for mean in &line.curve.mean {
            chart.dot((mean.x, mean.y.mean), 3.5, line.color)?;
        }
    }
    Ok(())
}

/// Colors of lines: the agent's, then those that can be told apart from it.
fn color(index: usize) -> Color {
    match index {
        0 => AGENT,
        index if index <= OTHERS.len() => OTHERS[index - 1],
        _ => RANDOM,
    }
}

fn curve(measured: &[&Adaptation]) -> Option<Curve> {
    let samples: Vec<Vec<Sample>> = measured
        .iter()
        .map(|adaptation| {
            let sample = |(step, y): (usize, Estimate)| Sample {
                key: step as u64,
                x: step as f64,
                y,
            };
            after_each_step(adaptation)
                .enumerate()
                .map(sample)
                .collect()
        })
        .collect();
    Curve::of(&samples)
}

fn label(line: &Line, measured: &[&Adaptation]) -> Option<Label> {
    let (_, value) = line.curve.last()?;
    let errors = measured
        .iter()
        .flat_map(|m| m.standard_error.iter().copied());
    Some(Label {
        name: line.name.clone(),
        number: fixed(value, decimals(errors).min(2)),
        value,
        color: line.color,
        strong: line.strong,
    })
}

/// "MAML goes from −40.2 to −3.1 in 3 gradient steps".
fn title(lines: &[Line]) -> Option<String> {
    let line = lines.first()?;
    let ((_, before), (steps, after)) = (
        line.curve.mean.first().map(|m| (m.x, m.y.mean))?,
        line.curve.last()?,
    );
    Some(format!(
        "{} goes from {} to {} in {}",
        line.name,
        fixed(before, 1),
        fixed(after, 1),
        count(steps as usize, "gradient step")
    ))
}

fn caption(lines: &[Line], measured: &Adaptation, tasks: &str) -> String {
    let band = match lines[0].curve.band {
        Band::Seeds(seeds) => words::interval_note(seeds),
        Band::Evaluation | Band::None => words::interval_note(1),
    };
    format!(
        "Mean return of the policy after each gradient step on {tasks}, with {} per step and \
         task to learn from. {band}",
        count(measured.trajectories, "trial"),
    )
}
