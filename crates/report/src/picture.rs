//! Drawings of tasks and episodes, which environments make in no file format.

use rl_core::{Ink, Picture, Shape};

use crate::canvas::{Align, Canvas, Color, Part, Point, Stroke, Text};
use crate::figures::frame::{LABEL, text, titles};
use crate::figures::{AGENT, INK, MUTED, WIDTH};
use crate::font::Face;
use crate::text::capitalized;
use crate::{PNG_SCALE, Result};

/// A drawing in both of its formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnPicture {
    /// The SVG file's text.
    pub svg: String,
    /// The PNG file's bytes, two pixels to a pixel of the SVG.
    pub png: Vec<u8>,
}

/// Left and right edge of what is drawn.
const EDGE: f64 = 14.0;
/// The most pixels that a picture is high, and that a unit of it is wide.
const HIGHEST: f64 = 560.0;
const LARGEST_UNIT: f64 = 400.0;
/// The least pixels of words: 10 on a page that is 600 wide.
const SMALLEST_TEXT: f64 = 12.0;

const GROUND: Color = Color(0xf3, 0xf5, 0xf7);
const WALL: Color = Color(0x4a, 0x52, 0x5b);
const FAINT: Color = Color(0xd3, 0xd8, 0xde);
const START: Color = Color(0x8a, 0x91, 0x99);
// Okabe and Ito's bluish green, and an orange that stands out from the ground.
const GOAL: Color = Color(0x00, 0x9e, 0x73);
const KEY: Color = Color(0xba, 0x77, 0x07);
/// Ends of the scale; lines need more contrast with the ground than areas, on which
/// words must be readable.
const AREAS: [Color; 2] = [Color(0xff, 0xf4, 0xe0), Color(0xe0, 0x6c, 0x10)];
const LINES: [Color; 2] = [Color(0xdb, 0xbd, 0x8f), Color(0xa8, 0x3e, 0x00)];

/// Draws a picture with its title above and its caption below. What lies
/// outside the picture's bounds is cut off.
///
/// # Errors
/// If the drawing cannot be encoded.
pub fn draw_picture(picture: &Picture) -> Result<DrawnPicture> {
    let canvas = canvas(picture);
    Ok(DrawnPicture {
        svg: canvas.svg(),
        png: canvas.png(PNG_SCALE)?,
    })
}

fn canvas(picture: &Picture) -> Canvas {
    let (width, height) = size(picture);
    let room = f64::from(WIDTH) - 2.0 * EDGE;
    let unit = (room / width).min(HIGHEST / height).min(LARGEST_UNIT);
    let caption = Face::Regular.wrap(&picture.caption, LABEL, room);
    let mut canvas = Canvas::new(WIDTH, 0);
    let top = titles(&mut canvas, &capitalized(&picture.title), "") + 8.0;
    let mut bottom = top + unit * height + 10.0;
    let left = (f64::from(WIDTH) - unit * width) / 2.0;
    draw_at(&mut canvas, picture, (left, top), unit);
    for line in caption.into_iter().filter(|line| !line.is_empty()) {
        bottom += 1.4 * LABEL;
        canvas.text(text((EDGE, bottom), line, LABEL, MUTED));
    }
    canvas.height = (bottom + 12.0).ceil() as u32;
    canvas
}

/// Width and height of a picture, which no file can make useless.
pub(crate) fn size(picture: &Picture) -> (f64, f64) {
    let side = |length: f32| match length.is_finite() {
        true => f64::from(length).max(1e-6),
        false => 1.0,
    };
    (side(picture.width), side(picture.height))
}

/// Draws the shapes of a picture from an upper left corner on, `unit` pixels to
/// each of its units.
pub(crate) fn draw_at(canvas: &mut Canvas, picture: &Picture, corner: Point, unit: f64) {
    let plate = Plate::of(picture, corner, unit);
    for shape in &picture.shapes {
        plate.draw(canvas, shape);
    }
    plate.draw_goals_again(canvas, picture);
}

/// The same of a picture of episodes, and keeps how they went: a point of the agent's way
/// for every step, or a column.
pub(crate) fn draw_episodes(canvas: &mut Canvas, picture: &Picture, corner: Point, unit: f64) {
    let plate = Plate::of(picture, corner, unit);
    let columns = columns(picture);
    let mut steps = columns.iter().flatten().max().map_or(0, |last| last + 1);
    for (shape, column) in picture.shapes.iter().zip(columns) {
        let way = match shape {
            Shape::Path { points, .. } if is_way(shape) => Some(points),
            _ => None,
        };
        canvas.belongs(match (way, column) {
            (Some(_), _) => Some(Part::Ways),
            (None, column) => column.map(Part::Step),
        });
        plate.draw(canvas, shape);
        if let Some(points) = way {
            let places = points.iter().map(|point| plate.pixels(wide(*point)));
            let places = places.filter(|(x, y)| x.is_finite() && y.is_finite());
            canvas.motion.ways.push(places.collect());
            steps = steps.max(points.len().saturating_sub(1));
        }
    }
    canvas.belongs(None);
    plate.draw_goals_again(canvas, picture);
    canvas.motion.steps = canvas.motion.steps.max(steps);
}

/// Of each shape the step that it is the column of, where a picture ends with cells of one
/// width in columns from left to right, as pictures of what is done step by step do.
fn columns(picture: &Picture) -> Vec<Option<usize>> {
    let cell = |shape: &Shape| match shape {
        Shape::Area { corner, size, .. } => Some((f64::from(corner[0]), f64::from(size[0]))),
        _ => None,
    };
    let mut columns = vec![None; picture.shapes.len()];
    let Some((_, width)) = picture.shapes.last().and_then(cell) else {
        return columns;
    };
    let cells = picture.shapes.iter().rev().map_while(cell);
    let mut left: Vec<f64> = cells
        .take_while(|(_, own)| *own == width)
        .map(|(x, _)| x)
        .collect();
    left.reverse();
    let numbers: Vec<f64> = left.iter().map(|x| (x - left[0]) / width).collect();
    let onward = numbers.windows(2).all(|pair| pair[0] <= pair[1] + 0.01);
    let whole = numbers.iter().all(|it| (it - it.round()).abs() < 0.01);
    if onward && whole && numbers.last().is_some_and(|last| *last >= 1.0) {
        let first = columns.len() - numbers.len();
        for (column, number) in columns[first..].iter_mut().zip(numbers) {
            *column = Some(number.round() as usize);
        }
    }
    columns
}

impl Plate {
    fn of(picture: &Picture, (left, top): Point, unit: f64) -> Self {
        let size = size(picture);
        let ways = picture.shapes.iter().filter(|shape| is_way(shape)).count();
        Self {
            left,
            floor: top + unit * size.1,
            size,
            unit,
            way: match ways {
                0 | 1 => AgentWay {
                    width: 3.0,
                    alpha: 1.0,
                },
                _ => AgentWay {
                    width: 1.4,
                    alpha: 0.6,
                },
            },
        }
    }

    /// Several ways to a point cover it, and it is what they are judged by.
    fn draw_goals_again(&self, canvas: &mut Canvas, picture: &Picture) {
        let ways = picture.shapes.iter().filter(|shape| is_way(shape)).count();
        let goal = |shape: &&Shape| matches!(shape, Shape::Disc { ink: Ink::Goal, .. });
        for shape in picture.shapes.iter().filter(goal).filter(|_| ways > 1) {
            self.draw(canvas, shape);
        }
    }
}

fn is_way(shape: &Shape) -> bool {
    matches!(
        shape,
        Shape::Path {
            ink: Ink::Agent,
            ..
        }
    )
}

/// How the agent's ways are drawn.
struct AgentWay {
    width: f64,
    alpha: f64,
}

/// Where a picture is on a canvas.
struct Plate {
    left: f64,
    /// The picture's lower edge.
    floor: f64,
    /// Of the picture, in its units.
    size: (f64, f64),
    /// Pixels of a unit.
    unit: f64,
    /// Thinner where several lie over one another.
    way: AgentWay,
}

impl Plate {
    fn pixels(&self, (x, y): Point) -> Point {
        (self.left + self.unit * x, self.floor - self.unit * y)
    }

    fn holds(&self, (x, y): Point) -> bool {
        (0.0..=self.size.0).contains(&x) && (0.0..=self.size.1).contains(&y)
    }

    fn draw(&self, canvas: &mut Canvas, shape: &Shape) {
        match shape {
            Shape::Area { corner, size, ink } => {
                self.area(canvas, wide(*corner), wide(*size), *ink)
            }
            Shape::Disc {
                centre,
                radius,
                ink,
            } => {
                let centre = wide(*centre);
                if self.holds(centre) && radius.is_finite() {
                    let radius = self.unit * f64::from(*radius).min(self.size.0 + self.size.1);
                    canvas.dot(self.pixels(centre), radius, color(*ink, AREAS));
                }
            }
            Shape::Path { points, ink, arrow } => {
                let points: Vec<Point> = points.iter().map(|point| wide(*point)).collect();
                self.path(canvas, &points, *ink, *arrow);
            }
            Shape::Label {
                centre,
                text: words,
                size,
            } => {
                let centre = wide(*centre);
                if self.holds(centre) && size.is_finite() {
                    let size = (self.unit * f64::from(*size)).clamp(SMALLEST_TEXT, 40.0);
                    let (x, y) = self.pixels(centre);
                    let label = text((x, y + 0.36 * size), words.as_str(), size, INK);
                    let align = Align::Middle;
                    canvas.text(Text { align, ..label });
                }
            }
        }
    }

    fn area(&self, canvas: &mut Canvas, (x, y): Point, (width, height): Point, ink: Ink) {
        let ends = [x, y, x + width, y + height];
        if ends.iter().any(|end| !end.is_finite()) {
            return;
        }
        let across = |x: f64| x.clamp(0.0, self.size.0);
        let up = |y: f64| y.clamp(0.0, self.size.1);
        let [left, low, right, high] = ends;
        let (left, low, right, high) = (across(left), up(low), across(right), up(high));
        let corners = [(left, low), (right, low), (right, high), (left, high)];
        // On whole pixels, so that no seam shows between neighbours.
        let corners = corners.map(|corner| {
            let (x, y) = self.pixels(corner);
            (x.round(), y.round())
        });
        canvas.area(corners.to_vec(), color(ink, AREAS), 1.0);
    }

    fn path(&self, canvas: &mut Canvas, points: &[Point], ink: Ink, arrow: bool) {
        let width = match ink {
            Ink::Agent => self.way.width,
            Ink::Scale(_) => 2.4,
            Ink::Faint | Ink::Ground => 1.2,
            _ => 1.8,
        };
        let alpha = if ink == Ink::Agent {
            self.way.alpha
        } else {
            1.0
        };
        let stroke = Stroke {
            alpha,
            ..Stroke::new(color(ink, LINES), width)
        };
        let mut part: Vec<Point> = Vec::new();
        for pair in points.windows(2) {
            let Some((from, to)) = self.clip(pair[0], pair[1]) else {
                continue;
            };
            let (from, to) = (self.pixels(from), self.pixels(to));
            if part.last() != Some(&from) {
                canvas.line(std::mem::take(&mut part), stroke);
                part.push(from);
            }
            part.push(to);
        }
        canvas.line(part, stroke);
        if let Some(end) = points.last().filter(|end| arrow && self.holds(**end)) {
            let pixels: Vec<Point> = points.iter().map(|point| self.pixels(*point)).collect();
            head(canvas, &pixels, self.pixels(*end), stroke);
        }
    }

    /// The part of a segment within the picture's bounds.
    fn clip(&self, from: Point, to: Point) -> Option<(Point, Point)> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (start, step, most) in [(from.0, dx, self.size.0), (from.1, dy, self.size.1)] {
            if !(start.is_finite() && step.is_finite()) {
                return None;
            }
            if step == 0.0 {
                if !(0.0..=most).contains(&start) {
                    return None;
                }
                continue;
            }
            let (a, b) = (-start / step, (most - start) / step);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        let at = |part: f64| match part {
            0.0 => from,
            1.0 => to,
            _ => (from.0 + part * dx, from.1 + part * dy),
        };
        (enter <= leave).then(|| (at(enter), at(leave)))
    }
}

/// The head of an arrow, which looks away from the last point that is not too
/// near; none where all are.
fn head(canvas: &mut Canvas, points: &[Point], (x, y): Point, stroke: Stroke) {
    let length = 4.0 * stroke.width;
    let away = |&&(a, b): &&Point| (x - a).hypot(y - b) >= 0.8 * length;
    let Some(&(a, b)) = points.iter().rev().find(away) else {
        return;
    };
    let distance = (x - a).hypot(y - b);
    let (dx, dy) = ((x - a) / distance, (y - b) / distance);
    let corner = |back: f64, side: f64| (x - back * dx - side * dy, y - back * dy + side * dx);
    let half = 0.55 * length;
    let tip = corner(-0.35 * length, 0.0);
    let corners = vec![
        tip,
        corner(0.65 * length, half),
        corner(0.65 * length, -half),
    ];
    canvas.area(corners, stroke.color, 1.0);
}

fn wide([x, y]: [f32; 2]) -> Point {
    (f64::from(x), f64::from(y))
}

fn color(ink: Ink, [light, dark]: [Color; 2]) -> Color {
    match ink {
        Ink::Ground => GROUND,
        Ink::Wall => WALL,
        Ink::Faint => FAINT,
        Ink::Goal => GOAL,
        Ink::Key => KEY,
        Ink::Start => START,
        Ink::Agent => AGENT,
        Ink::Scale(part) => light.mix(dark, f64::from(part.clamp(0.0, 1.0))),
    }
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
