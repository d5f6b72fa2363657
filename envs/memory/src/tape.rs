//! Drawings of what was to be done, and what was: actions as rows, steps as columns.

use rl_core::{Episode, Ink, Picture, Shape};

/// Actions and steps that are drawn, from the first on; the caption says where there are
/// more.
const MOST_ROWS: usize = 40;
const MOST_COLUMNS: usize = 500;
/// How high a done action is, in heights of a row.
const THICK: f32 = 0.5;

/// What there is to draw of a task.
pub(crate) struct Tape<'a> {
    /// The picture's title.
    pub(crate) title: &'a str,
    /// How many actions there are.
    pub(crate) rows: usize,
    /// Steps of an episode.
    pub(crate) columns: usize,
    /// What actions are called.
    pub(crate) meaning: &'a str,
}

impl Tape<'_> {
    /// Where a state is: its step, and the action that is the right one there, if one is.
    pub(crate) fn position(step: usize, right: Option<u32>) -> [f32; 2] {
        let row = right.map_or(-1.0, |action| action as f32);
        [step as f32 + 0.5, row + 0.5]
    }

    /// A column for each step, with the right action in the goal's colour and the one
    /// that was done by what it gave.
    pub(crate) fn draw(&self, episode: Option<&Episode>) -> Picture {
        let (rows, columns) = (self.rows.min(MOST_ROWS), self.columns.min(MOST_COLUMNS));
        // As wide as high, but for long and narrow ones.
        let cell = (2.0 * rows as f32 / columns as f32).max(0.1);
        let area = |column: usize, row: f32, thick: f32, ink| Shape::Area {
            corner: [
                column as f32 * cell,
                rows as f32 - 1.0 - row + (1.0 - thick) / 2.0,
            ],
            size: [cell, thick],
            ink,
        };
        let width = columns as f32 * cell;
        let mut shapes = vec![Shape::Area {
            corner: [0.0, 0.0],
            size: [width, rows as f32],
            ink: Ink::Ground,
        }];
        for (column, (right, done, reward)) in steps(episode).take(columns).enumerate() {
            let drawn = |row: f32| row >= 0.0 && row < rows as f32;
            if drawn(right) {
                shapes.push(area(column, right, 1.0, Ink::Goal));
            }
            if drawn(done) {
                let ink = match reward {
                    0.0 => Ink::Faint,
                    _ if reward > 0.0 => Ink::Agent,
                    _ => Ink::Wall,
                };
                shapes.push(area(column, done, THICK, ink));
            }
        }
        Picture {
            title: self.title.to_owned(),
            width,
            height: rows as f32,
            shapes,
            caption: self.caption(),
        }
    }

    fn caption(&self) -> String {
        let mut caption = format!(
            "Rows are {}, the first one at the top, and columns steps. Green: the right one, in \
             the steps that have one. Narrow: what was done, blue where it paid, dark where it \
             cost, faint where it did neither.",
            self.meaning
        );
        if self.rows > MOST_ROWS || self.columns > MOST_COLUMNS {
            caption +=
                &format!(" Only the first {MOST_ROWS} rows and {MOST_COLUMNS} steps are shown.");
        }
        caption
    }
}

/// The row of the right action before each step, that of the one done, and its reward.
fn steps(episode: Option<&Episode>) -> impl Iterator<Item = (f32, f32, f32)> {
    episode.into_iter().flat_map(|episode| {
        let way = episode.way();
        let moments = episode.moments.iter().zip(way);
        moments.map(|(moment, at)| {
            let done = moment.action.first().copied().unwrap_or(-1.0);
            (at[1] - 0.5, done, moment.reward)
        })
    })
}
