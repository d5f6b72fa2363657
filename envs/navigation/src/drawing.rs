//! Pictures of grids and planes, and of an agent's way in them.

use crate::grid::Cell;
use rl_core::{Episode, Ink, Picture, Shape};

/// Steps of a way that are drawn.
const DRAWN_STEPS: usize = 1_000;
/// Cells along a side up to which each has its outline.
const OUTLINED: u32 = 40;
/// How far the way is off the middle of its cells at both of its ends, so that
/// coming again can be told from having been there.
const DRIFT: f32 = 0.25;

/// A picture in the making.
pub(crate) struct Sketch {
    picture: Picture,
    /// See [`DRIFT`]; in units of the picture.
    drift: f32,
    /// How thick things that are points are.
    dot: f32,
}

/// The middle of a cell.
pub(crate) fn middle(cell: Cell) -> [f32; 2] {
    [cell.x as f32 + 0.5, cell.y as f32 + 0.5]
}

impl Sketch {
    /// A square grid.
    pub(crate) fn grid(size: u32) -> Self {
        let side = size as f32;
        let mut sketch = Self::square(side, Ink::Ground);
        (sketch.drift, sketch.dot) = (DRIFT, 0.14);
        if size <= OUTLINED {
            for line in 0..=size {
                let at = line as f32;
                sketch.line(vec![[at, 0.0], [at, side]], Ink::Faint);
                sketch.line(vec![[0.0, at], [side, at]], Ink::Faint);
            }
        }
        sketch
    }

    /// A square of walls.
    pub(crate) fn walls(side: f32) -> Self {
        let sketch = Self::square(side, Ink::Wall);
        Self {
            drift: DRIFT,
            dot: 0.14,
            ..sketch
        }
    }

    /// A plane from 0 to `side` along both axes, with a cross in its middle.
    pub(crate) fn plane(side: f32) -> Self {
        let mut sketch = Self::square(side, Ink::Ground);
        let half = side / 2.0;
        sketch.line(vec![[half, 0.0], [half, side]], Ink::Faint);
        sketch.line(vec![[0.0, half], [side, half]], Ink::Faint);
        sketch
    }

    fn square(side: f32, ink: Ink) -> Self {
        let picture = Picture {
            width: side,
            height: side,
            shapes: vec![Shape::Area {
                corner: [0.0; 2],
                size: [side; 2],
                ink,
            }],
            ..Picture::default()
        };
        Self {
            picture,
            drift: 0.0,
            dot: side / 60.0,
        }
    }

    /// Fills `across` cells side by side.
    pub(crate) fn cells(&mut self, first: Cell, across: u32, ink: Ink) {
        self.picture.shapes.push(Shape::Area {
            corner: [first.x as f32, first.y as f32],
            size: [across as f32, 1.0],
            ink,
        });
    }

    /// A circle that fills about half of a cell.
    pub(crate) fn disc(&mut self, centre: [f32; 2], radius: f32, ink: Ink) {
        self.picture.shapes.push(Shape::Disc {
            centre,
            radius,
            ink,
        });
    }

    /// Words around a point.
    pub(crate) fn words(&mut self, centre: [f32; 2], text: &str) {
        let (text, size) = (text.to_owned(), 0.28);
        self.picture
            .shapes
            .push(Shape::Label { centre, text, size });
    }

    pub(crate) fn line(&mut self, points: Vec<[f32; 2]>, ink: Ink) {
        let arrow = false;
        self.picture.shapes.push(Shape::Path { points, ink, arrow });
    }

    /// The picture of a task, or of an episode in it, under the environment's
    /// name; `caption` says what the task's colours mean.
    pub(crate) fn finish(
        mut self,
        name: &str,
        caption: &str,
        episode: Option<&Episode>,
    ) -> Picture {
        self.picture.title = name.into();
        self.picture.caption = caption.into();
        if let Some(episode) = episode {
            self.way(episode);
        }
        self.picture
    }

    fn way(&mut self, episode: &Episode) {
        let steps = episode.moments.len();
        let (number, total) = (episode.number + 1, episode.total_reward());
        self.picture.title = format!("{}, episode {number}", self.picture.title);
        let mut words = format!(
            " Blue: the agent's way, from the dot to the arrow's head, which earned {} in {steps} \
             steps.",
            format!("{total:.2}").replace('-', "−")
        );
        let mut points = episode.way();
        if steps > DRAWN_STEPS {
            points.truncate(DRAWN_STEPS + 1);
            words += &format!(" Only the first {DRAWN_STEPS} steps are drawn.");
        }
        let last = (points.len() - 1).max(1) as f32;
        for (step, point) in points.iter_mut().enumerate() {
            let off = self.drift * (2.0 * step as f32 / last - 1.0);
            *point = [point[0] + off, point[1] + off];
        }
        let (start, dot) = (points[0], self.dot);
        self.picture.shapes.push(Shape::Path {
            points,
            ink: Ink::Agent,
            arrow: true,
        });
        self.disc(start, dot, Ink::Agent);
        self.picture.caption += &words;
    }
}
