//! The figures of a setting.

mod adaptation;
mod arrivals;
mod beliefs;
mod chart;
mod deviation;
pub(crate) mod frame;
mod indices;
mod labels;
mod learning;
pub(crate) mod methods;
mod panel;
mod pen;
mod regret;
mod scaling;
mod scenes;
mod sweep;
mod training;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use record::schema::LearnerKind;

use crate::Result;
use crate::canvas::{Canvas, Color, Stroke};
use crate::setting::Setting;
use crate::standing::{Standing, Standings};

pub use arrivals::{ArrivalCurves, ArrivalLine, draw_arrivals};
pub use scaling::{Scaling, ScalingAxis, ScalingChart, ScalingLine, draw_scaling};
pub use sweep::{SweepFigure, SweepKey, draw_sweep};

/// A drawing with its words.
pub(crate) struct Figure {
    /// For file names: "learning-curve".
    pub(crate) name: Cow<'static, str>,
    /// What it shows, as a sentence.
    pub(crate) title: String,
    /// What was measured, and what line and band are.
    pub(crate) caption: String,
    pub(crate) canvas: Canvas,
}

/// All figures of a setting for which there are data.
pub(crate) fn all(setting: &Setting<'_>, standings: Option<&Standings>) -> Result<Vec<Figure>> {
    let regret = standings.map(|standings| regret::figure(setting, standings));
    let figures = [
        learning::figure(setting, standings)?,
        regret.transpose()?.flatten(),
        deviation::figure(setting)?,
        indices::figure(setting)?,
        beliefs::figure(setting)?,
        training::figure(setting)?,
        scenes::figure(setting),
    ];
    Ok(figures
        .into_iter()
        .flatten()
        .chain(scenes::analyses(setting))
        .collect())
}

/// The figure in which settings that adapt by gradient steps are compared, if
/// there are any.
pub(crate) fn adaptation(settings: &[Setting<'_>]) -> Result<Option<Figure>> {
    adaptation::figure(settings)
}

/// Width of every figure in pixels: at a page of 600 pixels its smallest text
/// still has 10.
pub(crate) const WIDTH: u32 = 720;

pub(crate) const INK: Color = Color(0x1b, 0x1f, 0x24);
pub(crate) const MUTED: Color = Color(0x57, 0x60, 0x6a);
const GRID: Color = Color(0xe7, 0xea, 0xee);
const AXIS: Color = Color(0x8c, 0x95, 0x9f);
pub(crate) const WHITE: Color = Color(255, 255, 255);

/// The trained agent, in Okabe and Ito's blue.
pub(crate) const AGENT: Color = Color(0x00, 0x72, 0xb2);
const ORACLE: Color = Color(0x00, 0x00, 0x00);
const RANDOM: Color = Color(0x6f, 0x76, 0x7f);

/// The hues of Okabe and Ito (2008) but for yellow, each as light as lines on white may
/// be (a contrast of 3), and as far apart as that leaves room for in the eyes of people
/// of all common kinds of color blindness.
const OTHERS: [Color; 5] = [
    Color(0xba, 0x77, 0x07),
    Color(0x00, 0xa0, 0x78),
    Color(0x7a, 0x35, 0x60),
    Color(0xb8, 0x43, 0x00),
    Color(0x6b, 0x94, 0xc5),
];

/// How a line of a chart looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) stroke: Stroke,
    pub(crate) dashed: bool,
}

impl Line {
    fn solid(stroke: Stroke) -> Self {
        Self {
            stroke,
            dashed: false,
        }
    }

    fn dashed(stroke: Stroke) -> Self {
        Self {
            stroke,
            dashed: true,
        }
    }

    pub(crate) fn color(&self) -> Color {
        self.stroke.color
    }
}

fn oracle_line() -> Line {
    Line::dashed(Stroke::new(ORACLE, 1.6))
}

/// How a learner is drawn, the same in every figure and table.
pub(crate) fn line(learner: &Standing, standings: &Standings) -> Line {
    let classical = || {
        let mut others = standings.classical().map(|other| &other.name);
        others.position(|name| *name == learner.name).unwrap_or(0)
    };
    match learner.kind {
        LearnerKind::Trained => Line::solid(Stroke::new(AGENT, 2.6)),
        LearnerKind::Oracle => oracle_line(),
        LearnerKind::Classical if learner.is_random() => Line::solid(Stroke::new(RANDOM, 1.6)),
        LearnerKind::Classical => Line {
            stroke: Stroke::new(OTHERS[classical() % OTHERS.len()], 1.6),
            // The colors come round again with dashes.
            dashed: classical() >= OTHERS.len(),
        },
    }
}
