//! Labels at the right edge, in the place of a legend.

use super::frame::{Frame, LABEL, text};
use super::{INK, MUTED};
use crate::canvas::{Canvas, Color, Part, Stroke, Text};
use crate::font::Face;
use crate::layout::spread;

/// From the frame to a label.
const LEADER: f64 = 16.0;
/// The widest name that is written in full.
const NAME: f64 = 210.0;
/// Between baselines.
const GAP: f64 = 18.0;

/// What is written beside the end of a line.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) number: String,
    /// The value that it belongs to. Outside the frame, the label goes to the
    /// edge that is nearer and points there.
    pub(super) value: f64,
    pub(super) color: Color,
    pub(super) strong: bool,
}

impl Label {
    fn face(&self) -> Face {
        match self.strong {
            true => Face::SemiBold,
            false => Face::Regular,
        }
    }

    fn name(&self) -> String {
        self.face().fit(&self.name, LABEL, NAME)
    }

    fn width(&self) -> f64 {
        let number = format!("  {} ↑", self.number);
        self.face().width(&self.name(), LABEL) + self.face().width(&number, LABEL)
    }
}

/// How much room the labels need beside the frame. A viewer without the
/// embedded font may have a wider one.
pub(super) fn room(labels: &[Label]) -> f64 {
    let widest = labels.iter().map(Label::width).fold(0.0, f64::max);
    LEADER + 1.04 * widest + 10.0
}

/// Writes labels beside a frame, the first ones first where there is no room
/// for all.
pub(super) fn draw(canvas: &mut Canvas, frame: &Frame, labels: &[Label]) {
    let (top, bottom) = (frame.top() + 2.0, frame.bottom() - 2.0);
    let most = ((bottom - top) / GAP) as usize + 1;
    let mut labels: Vec<&Label> = labels.iter().take(most).collect();
    labels.sort_by(|a, b| b.value.total_cmp(&a.value));
    let wanted: Vec<f64> = labels
        .iter()
        .map(|label| frame.y.at(label.value.clamp(frame.y.low, frame.y.high)))
        .collect();
    let places = spread(&wanted, GAP, (top, bottom));
    for ((label, wanted), y) in labels.into_iter().zip(wanted).zip(places) {
        let (right, x) = (frame.right(), frame.right() + LEADER);
        canvas.belongs(Some(Part::series(&label.name)));
        let arrow = match label.value {
            value if frame.y.holds(value) => "",
            value if value > frame.y.high => " ↑",
            _ => " ↓",
        };
        if arrow.is_empty() {
            let leader = vec![(right + 2.0, wanted), (x - 4.0, y)];
            canvas.line(
                leader,
                Stroke::new(label.color.mix(super::WHITE, 0.35), 1.0),
            );
        }
        let face = label.face();
        // Light colors are for lines; their names must be readable.
        let color = label.color.mix(INK, 0.3);
        let name = text((x, y + 0.36 * LABEL), label.name(), LABEL, color);
        canvas.text(Text { face, ..name });
        let after = x + face.width(&format!("{}  ", label.name()), LABEL);
        let number = format!("{}{arrow}", label.number);
        let color = if label.strong { color } else { MUTED };
        let number = text((after, y + 0.36 * LABEL), number, LABEL, color);
        canvas.text(Text { face, ..number });
    }
    canvas.belongs(None);
}
