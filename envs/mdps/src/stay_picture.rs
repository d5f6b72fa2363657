//! The stay-probability analysis as bars.

use crate::stay_probability::{Stay, StayProbability};
use rl_core::{Analysis, Ink, Picture, Shape};

/// The figure of Daw et al. 2011 and Wang et al. 2016.
pub(crate) const ANALYSIS: Analysis = Analysis {
    name: "stay-probability",
    draw: |trials| Ok(StayProbability::of(trials)?.picture()),
};

/// Where the axes begin, and how high the vertical one is.
const LEFT: f32 = 1.2;
const BOTTOM: f32 = 1.5;
const HEIGHT: f32 = 5.0;
const WIDTH: f32 = 10.0;
/// Of a bar.
const BAR: f32 = 1.4;
const WORDS: f32 = 0.28;

impl StayProbability {
    /// A bar for each kind of rounds, with its standard error.
    pub fn picture(&self) -> Picture {
        let mut shapes = axis();
        for (index, (name, stay)) in self.cells().into_iter().enumerate() {
            let common = index % 2 == 0;
            let middle = LEFT + 1.4 + 1.8 * index as f32 + if index > 1 { 0.8 } else { 0.0 };
            bar(
                &mut shapes,
                middle,
                stay,
                if common { Ink::Agent } else { Ink::Key },
            );
            let (reward, transition) = name.split_once(", ").unwrap_or((name, ""));
            label(&mut shapes, [middle, BOTTOM - 0.4], transition);
            if common {
                label(&mut shapes, [middle + 0.9, BOTTOM - 0.95], reward);
            }
        }
        let rounds: u64 = self.cells().iter().map(|(_, stay)| stay.rounds).sum();
        Picture {
            title: "Probability of the same first choice again".into(),
            width: WIDTH,
            height: BOTTOM + HEIGHT + 0.6,
            shapes,
            caption: format!(
                "By what the round before gave, over {rounds} rounds, ± 1 standard error. Who \
                 credits states (model-based) stays after a rewarded common and an unrewarded \
                 rare transition; who credits actions (model-free) stays after any reward."
            ),
        }
    }
}

fn label(shapes: &mut Vec<Shape>, centre: [f32; 2], text: &str) {
    let (text, size) = (text.to_owned(), WORDS);
    shapes.push(Shape::Label { centre, text, size });
}

fn line(shapes: &mut Vec<Shape>, points: [[f32; 2]; 2], ink: Ink) {
    let (points, arrow) = (points.to_vec(), false);
    shapes.push(Shape::Path { points, ink, arrow });
}

/// Lines at every quarter, with their values.
fn axis() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for quarter in 0..=4_u8 {
        let share = f32::from(quarter) / 4.0;
        let y = BOTTOM + HEIGHT * share;
        let ink = if quarter == 0 { Ink::Wall } else { Ink::Faint };
        line(&mut shapes, [[LEFT, y], [WIDTH, y]], ink);
        label(&mut shapes, [LEFT - 0.6, y], &format!("{share:.2}"));
    }
    shapes
}

fn bar(shapes: &mut Vec<Shape>, middle: f32, stay: Stay, ink: Ink) {
    let Some(share) = stay.probability() else {
        return label(shapes, [middle, BOTTOM + 0.3], "none");
    };
    let height = |share: f64| HEIGHT * share.clamp(0.0, 1.0) as f32;
    shapes.push(Shape::Area {
        corner: [middle - BAR / 2.0, BOTTOM],
        size: [BAR, height(share)],
        ink,
    });
    let error = stay.standard_error();
    let ends = [share - error.unwrap_or(0.0), share + error.unwrap_or(0.0)];
    let [low, high] = ends.map(|end| BOTTOM + height(end));
    if error.is_some() {
        line(shapes, [[middle, low], [middle, high]], Ink::Wall);
        for end in [low, high] {
            let bar = [[middle - 0.15, end], [middle + 0.15, end]];
            line(shapes, bar, Ink::Wall);
        }
    }
    label(shapes, [middle, high + 0.3], &format!("{share:.3}"));
}
