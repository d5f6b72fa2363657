//! What agents do over many trials, in environments that were made to show it.

use crate::env::Outcome;
use crate::picture::Picture;
use crate::stats::Moments;
use crate::trajectory::Trajectory;
use std::ops::Range;

/// A drawing of how agents behaved over many trials.
pub struct Analysis {
    name: &'static str,
    draw: Box<Draw>,
}

type Draw = dyn Fn(&Trials<'_>) -> Option<Picture> + Send + Sync;

impl Analysis {
    /// An analysis by a name for files, "stay-probability", and what draws it: `None`
    /// where the trials do not show it, few or short as they are.
    pub fn new(
        name: &'static str,
        draw: impl Fn(&Trials<'_>) -> Option<Picture> + Send + Sync + 'static,
    ) -> Self {
        let draw = Box::new(draw);
        Self { name, draw }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Draws what the trials show of it.
    pub fn draw(&self, trials: &Trials<'_>) -> Option<Picture> {
        (self.draw)(trials)
    }
}

impl std::fmt::Debug for Analysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Analysis {}", self.name)
    }
}

/// Trials to analyse: the first one of each lane, with which its rows begin.
#[derive(Clone, Copy, Debug)]
pub struct Trials<'a> {
    /// What was seen and done.
    pub trajectory: &'a Trajectory,
    /// What each task is, as
    /// [`TaskDistribution::describe`](crate::TaskDistribution::describe) says it;
    /// empty where tasks have no description. `[lanes][description_size]`
    pub descriptions: &'a [f32],
}

impl Trials<'_> {
    /// What describes the task of a lane.
    pub fn description(&self, lane: usize) -> &[f32] {
        let size = self.descriptions.len() / self.trajectory.lanes().max(1);
        &self.descriptions[lane * size..(lane + 1) * size]
    }

    /// The steps of each whole episode of a lane, from and to.
    pub fn episodes(&self, lane: usize) -> impl Iterator<Item = Range<usize>> {
        let (lanes, length) = (self.trajectory.lanes(), self.trajectory.lengths()[lane]);
        let outcomes = self.trajectory.outcomes();
        let mut first = 0;
        std::iter::from_fn(move || {
            let mut rest = first..length;
            let last = rest.find(|t| outcomes[t * lanes + lane] != Outcome::Continue)?;
            let episode = first..last + 1;
            first = last + 1;
            Some(episode)
        })
    }

    /// The sum of the rewards of some steps of a lane.
    pub fn earned(&self, lane: usize, steps: Range<usize>) -> f64 {
        let (lanes, rewards) = (self.trajectory.lanes(), self.trajectory.rewards());
        steps.map(|t| f64::from(rewards[t * lanes + lane])).sum()
    }

    /// A number of the first, second, … episode of a trial, over the lanes.
    pub fn by_episode(&self, number: impl Fn(usize, Range<usize>) -> f64) -> Vec<Moments> {
        let mut means: Vec<Moments> = Vec::new();
        for lane in 0..self.trajectory.lanes() {
            for (index, episode) in self.episodes(lane).enumerate() {
                means.resize(means.len().max(index + 1), Moments::default());
                means[index].push(number(lane, episode));
            }
        }
        means
    }
}
