//! Cumulative regret over the steps of a trial.

use record::schema::LearnerKind;

use super::chart::Chart;
use super::frame::{Axis, Plate};
use super::labels::{self, Label};
use super::{Figure, Line, ORACLE, WIDTH, line, oracle_line};
use crate::Result;
use crate::canvas::{Canvas, Color};
use crate::layout::Range;
use crate::measure::Measure;
use crate::numbers::Value;
use crate::setting::Setting;
use crate::standing::{Standing, Standings};
use crate::stats::Estimate;
use crate::text::{decimals, display_name, fixed};
use crate::words;

const HEIGHT: u32 = 430;

/// `None` if there is no optimum to measure regret from.
pub(super) fn figure(setting: &Setting<'_>, standings: &Standings) -> Result<Option<Figure>> {
    let measured: Vec<&Standing> = standings
        .learners
        .iter()
        .filter(|learner| !learner.regret.is_empty())
        .collect();
    let mut trained = measured
        .iter()
        .filter(|one| one.kind == LearnerKind::Trained);
    let Some(&trained) = trained.next() else {
        return Ok(None);
    };
    let steps = trained.regret.len();
    let high = axis_end(&measured, trained);
    let curve = standings.references.bayes_regret_curve(steps);
    // An agent that knows its task has no regret: it is the axis itself. What
    // the Bayes-optimal agent was measured to lose says less than its curve.
    let told = |learner: &Standing| !curve.is_empty() && learner.name == "bayes-optimal";
    let drawn: Vec<&Standing> = measured
        .into_iter()
        .filter(|l| l.kind != LearnerKind::Oracle || !(is_flat(l, high) || told(l)))
        .collect();
    let exact = exact_bayes(standings, curve, &drawn);

    let mut order = drawn.clone();
    order.sort_by_key(|learner| learner.kind == LearnerKind::Classical);
    let end = exact.last().map(|(_, regret)| *regret);
    let labels = make_labels(&order, end, standings);
    let title = words::regret_title(setting, trained, &drawn);
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let plate = Plate {
        title: &title,
        subtitle: &setting.subtitle(),
        x_axis: Axis {
            name: "Steps into a trial",
            ticks: 8.min(steps),
            unit: 1.0,
            whole: true,
        },
        y_axis: Axis {
            name: "Cumulative regret (reward behind an agent that knows its task)",
            ticks: 6,
            unit: 1.0,
            whole: false,
        },
        x: Range {
            low: 0.0,
            high: steps as f64,
        },
        y: Range { low: 0.0, high },
        room: labels::room(&labels),
    };
    let mut chart = plate.draw(&mut canvas)?;
    // The trained agent on top of the others, and on it the dashed oracle,
    // which would vanish under its line.
    order.sort_by_key(|learner| match learner.kind {
        LearnerKind::Classical => 0,
        LearnerKind::Trained => 1,
        LearnerKind::Oracle => 2,
    });
    for learner in &order {
        draw_learner(&mut chart, learner, line(learner, standings))?;
    }
    draw_exact(&mut chart, &exact)?;
    let numbers = chart.finish();
    let frame = numbers.frame;
    canvas.keep(numbers);
    labels::draw(&mut canvas, &frame, &labels);
    let cut = labels.iter().any(|label| label.value > high);
    Ok(Some(Figure {
        name: "regret".into(),
        title,
        caption: words::regret_caption(standings, exact.len(), cut),
        canvas,
    }))
}

/// A label for every learner in the given order, and for the exact value.
fn make_labels(order: &[&Standing], exact: Option<f64>, standings: &Standings) -> Vec<Label> {
    let regrets = order.iter().filter_map(|learner| learner.final_regret());
    let places = decimals(regrets.map(Measure::uncertainty)).min(3);
    let label = |name: String, value: f64, color: Color, strong: bool| Label {
        name,
        number: fixed(value, places),
        value,
        color,
        strong,
    };
    let learners = order.iter().filter_map(|learner| {
        let value = learner.final_regret()?.mean();
        let color = line(learner, standings).color();
        let strong = learner.kind == LearnerKind::Trained;
        Some(label(display_name(&learner.name), value, color, strong))
    });
    let exact = exact.map(|value| label("Bayes-optimal".to_string(), value, ORACLE, false));
    let finite = |label: &Label| label.value.is_finite();
    learners.chain(exact).filter(finite).collect()
}

fn draw_learner(chart: &mut Chart<'_>, learner: &Standing, line: Line) -> Result<()> {
    let at = |(step, regret): (usize, &Measure)| (step as f64 + 1.0, regret.estimate());
    let points = learner.regret.iter().enumerate().map(at);
    let finite = points.filter(|(_, regret)| regret.mean.is_finite());
    let start = (0.0, Estimate::exact(0.0));
    let rows: Vec<_> = [start].into_iter().chain(finite).collect();
    let values = rows.iter().map(|(x, regret)| Value::of(*x, *regret));
    let name = display_name(&learner.name);
    chart.series(&name, line.color(), values.collect());
    // The band ends where the mean leaves the frame.
    let band: Vec<_> = rows
        .iter()
        .take_while(|(_, regret)| chart.holds(regret.mean))
        .copied()
        .collect();
    chart.band(&band, line.color())?;
    let mean: Vec<_> = rows.iter().map(|(x, regret)| (*x, regret.mean)).collect();
    chart.line(&mean, line)
}

/// A dashed line, or a dot where only the end is known.
fn draw_exact(chart: &mut Chart<'_>, exact: &[(f64, f64)]) -> Result<()> {
    if !exact.is_empty() {
        let values = exact.iter().map(|(x, y)| Value::exact(*x, *y));
        chart.series("Bayes-optimal", ORACLE, values.collect());
    }
    match exact {
        [end] => chart.dot(*end, 4.0, ORACLE),
        points => chart.line(points, oracle_line()),
    }
}

/// The upper end of the y axis. A learner that is far worse than the trained
/// agent, the oracle and the best of the rest may leave the figure.
fn axis_end(measured: &[&Standing], trained: &Standing) -> f64 {
    let most = |learner: &Standing| {
        let regrets = learner.regret.iter();
        Range::of(regrets.flat_map(|regret| regret.ends().chain([regret.mean()]))).high
    };
    let all = measured
        .iter()
        .map(|learner| most(learner))
        .fold(0.0, f64::max);
    let best = measured.iter().find(|learner| learner.is_classical());
    let shown = best.map_or(0.0, |learner| most(learner)).max(most(trained));
    // In half of the height, the curves that matter are still far enough apart.
    match all <= shown / 0.5 {
        true => 1.04 * all,
        false => shown / 0.6,
    }
    .max(1e-9)
}

fn is_flat(learner: &Standing, high: f64) -> bool {
    learner
        .regret
        .iter()
        .all(|regret| regret.mean().abs() < 0.01 * high)
}

/// The exact regret of the Bayes-optimal agent after each step, or only at the
/// end of a trial where no more is known and no oracle was run step by step.
fn exact_bayes(standings: &Standings, curve: Vec<f64>, drawn: &[&Standing]) -> Vec<(f64, f64)> {
    if !curve.is_empty() {
        let steps = (1_u32..)
            .zip(curve)
            .map(|(step, regret)| (f64::from(step), regret));
        return [(0.0, 0.0)].into_iter().chain(steps).collect();
    }
    let measured = drawn
        .iter()
        .any(|learner| learner.kind == LearnerKind::Oracle);
    let end = standings.references.bayes_regret().filter(|_| !measured);
    let steps = standings.steps_per_trial as f64;
    end.map(|regret| (steps, regret)).into_iter().collect()
}
