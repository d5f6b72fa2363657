//! Small drawings of tasks and episodes, in no file format.

use serde::{Deserialize, Serialize};

/// A drawing in units of its own: x from 0 to `width` rightwards, y from 0 to
/// `height` upwards. Shapes lie over those before them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// What it shows, in a few words.
    pub title: String,
    /// How far x goes.
    pub width: f32,
    /// How far y goes.
    pub height: f32,
    /// What there is to see.
    pub shapes: Vec<Shape>,
    /// What the colours mean, and what is not drawn, in a sentence or two.
    pub caption: String,
}

/// A part of a [`Picture`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A filled rectangle.
    Area {
        /// Its lower left corner.
        corner: [f32; 2],
        /// Its width and height.
        size: [f32; 2],
        /// Its colour.
        ink: Ink,
    },
    /// A filled circle.
    Disc {
        /// Its centre.
        centre: [f32; 2],
        /// Its radius.
        radius: f32,
        /// Its colour.
        ink: Ink,
    },
    /// A line through points.
    Path {
        /// The points.
        points: Vec<[f32; 2]>,
        /// Its colour.
        ink: Ink,
        /// Whether its end has a head.
        arrow: bool,
    },
    /// Words around a point.
    Label {
        /// Their middle.
        centre: [f32; 2],
        /// The words.
        text: String,
        /// Their height.
        size: f32,
    },
}

/// What a colour stands for; whoever draws chooses the colour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ink {
    /// Where one can be.
    Ground,
    /// Where one cannot be, and outlines.
    Wall,
    /// Things of little weight: grid lines, what is unlikely.
    Faint,
    /// What is sought.
    Goal,
    /// What has to be fetched first.
    Key,
    /// Where an episode starts.
    Start,
    /// The agent and its way.
    Agent,
    /// A number from 0 to 1, light to dark.
    Scale(f32),
}

/// What happened in an episode, as far as a drawing needs it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// Which of its trial, from 0.
    pub number: usize,
    /// [`Environment::position`](crate::Environment::position) at its start.
    pub start: [f32; 2],
    /// Its steps.
    pub moments: Vec<Moment>,
}

/// A step of an [`Episode`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// What was done: the index alone where actions are discrete.
    pub action: Vec<f32>,
    /// What it gave.
    pub reward: f32,
    /// [`Environment::position`](crate::Environment::position) after it.
    pub position: [f32; 2],
}

impl Episode {
    /// The positions from the start to the end.
    pub fn way(&self) -> Vec<[f32; 2]> {
        let after = self.moments.iter().map(|moment| moment.position);
        [self.start].into_iter().chain(after).collect()
    }

    /// The sum of its rewards.
    pub fn total_reward(&self) -> f64 {
        let rewards = self.moments.iter().map(|moment| f64::from(moment.reward));
        rewards.sum()
    }
}
