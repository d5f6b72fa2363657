//! Drawings of bandits: arms as rows, pulls as columns.

use rl_core::{Episode, Ink, Picture, Shape};

/// Arms and pulls that are drawn, from the first on; the caption says where
/// there are more.
pub(crate) const MOST_ARMS: usize = 40;
pub(crate) const MOST_PULLS: usize = 500;

/// How long the longest bar is, in heights of a row.
const BAR: f32 = 4.0;
/// Between the bars and the first pull.
const GAP: f32 = 0.5;
/// Height of a bar and of a pulled cell.
const THICK: f32 = 0.7;

/// What there is to draw of a task.
pub(crate) struct Board<'a> {
    /// The picture's title.
    pub(crate) title: &'a str,
    /// How good each arm is, from 0 to 1. `[arms]`
    pub(crate) bars: Vec<f32>,
    /// What a bar's length means, as a clause.
    pub(crate) meaning: &'a str,
    /// The best arm at each pull, as far as pulls are drawn. `[pulls]`
    pub(crate) best: Vec<u32>,
    /// The lowest and the highest reward that colours tell apart.
    pub(crate) rewards: [f32; 2],
}

impl<'a> Board<'a> {
    /// A task whose arms stay as they are: one column per pull of the episode.
    pub(crate) fn of_constant_arms(
        title: &'a str,
        meaning: &'a str,
        bars: Vec<f32>,
        episode: Option<&Episode>,
    ) -> Self {
        let order = |a: &(usize, &f32), b: &(usize, &f32)| a.1.total_cmp(b.1).then(b.0.cmp(&a.0));
        let best = bars.iter().enumerate().max_by(order);
        let best = best.map_or(0, |(arm, _)| arm as u32);
        let pulls = episode.map_or(0, |episode| episode.moments.len());
        Self {
            title,
            bars,
            meaning,
            best: vec![best; pulls.clamp(1, MOST_PULLS)],
            rewards: [0.0, 1.0],
        }
    }

    /// Bars at the left; then a column per pull, with the best arm's cell in
    /// the goal's colour and the pulled one's by what it paid.
    pub(crate) fn draw(self, episode: Option<&Episode>) -> Picture {
        let rows = self.bars.len().min(MOST_ARMS);
        let columns = self.best.len().min(MOST_PULLS);
        let width = (4.0 * rows as f32).max(0.25 * columns as f32);
        let cell = width / columns.max(1) as f32;
        let area = |arm: usize, x: f32, wide: f32, high: f32, ink| Shape::Area {
            corner: [x, (rows - 1 - arm) as f32 + (1.0 - high) / 2.0],
            size: [wide, high],
            ink,
        };
        let column = |pull: usize| BAR + GAP + pull as f32 * cell;
        let mut shapes = Vec::new();
        for (arm, bar) in self.bars.iter().take(rows).enumerate() {
            let length = BAR * bar.clamp(0.0, 1.0);
            shapes.push(area(arm, BAR - length, length, THICK, Ink::Wall));
            shapes.push(area(arm, BAR + GAP, width, 1.0, Ink::Ground));
        }
        let mut start = 0;
        for run in self.best[..columns].chunk_by(|one, other| one == other) {
            let arm = run[0] as usize;
            if arm < rows {
                let wide = run.len() as f32 * cell;
                shapes.push(area(arm, column(start), wide, 1.0, Ink::Goal));
            }
            start += run.len();
        }
        let moments = episode.map_or(&[][..], |episode| &episode.moments);
        let [low, high] = self.rewards;
        for (pull, moment) in moments.iter().take(columns).enumerate() {
            let arm = moment.action.first().map_or(0, |arm| *arm as usize);
            let share = ((moment.reward - low) / (high - low)).clamp(0.0, 1.0);
            if arm < rows {
                shapes.push(area(arm, column(pull), cell, THICK, Ink::Scale(share)));
            }
        }
        Picture {
            title: self.title.to_owned(),
            width: BAR + GAP + width,
            height: rows as f32,
            shapes,
            caption: self.caption(moments.len()),
        }
    }

    fn caption(&self, pulls: usize) -> String {
        let [low, high] = self.rewards;
        let mut caption = format!(
            "Rows are arms, the first one at the top, and columns pulls. Bars at the left: {}. A \
             pulled cell is the darker the more it paid, from {low} to {high}; the best arm's row \
             is in the colour of what is sought.",
            self.meaning
        );
        if self.bars.len() > MOST_ARMS || pulls > MOST_PULLS {
            caption +=
                &format!(" Only the first {MOST_ARMS} arms and {MOST_PULLS} pulls are shown.");
        }
        caption
    }
}
