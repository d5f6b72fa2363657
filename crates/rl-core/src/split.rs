//! Finite sets of tasks, split into those to train on and those that no
//! training ever sees.

use crate::streams::{Domain, Purpose, Stream, StreamKey};
use rand::RngExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most tasks that can be kept from a training: their numbers are held in
/// memory, 8 MB of them.
const MOST_UNSEEN: u64 = 1_000_000;

/// A split of a finite set of tasks, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    tasks: u64,
    /// The kept ones, sorted.
    unseen: Vec<u64>,
    /// How many of the others come before each of them.
    before: Vec<u64>,
}

impl Split {
    /// Keeps `unseen` of `tasks` tasks from the training: the first ones of an
    /// order that `seed` draws uniformly from all orders. A larger number thus
    /// keeps back what a smaller one does, and some more.
    ///
    /// # Errors
    /// If one of the two parts would be empty, or the kept ones would be too
    /// many to count: what is allowed, as a clause.
    pub fn new(tasks: u64, unseen: u64, seed: u64) -> Result<Self, String> {
        let most = tasks.saturating_sub(1).min(MOST_UNSEEN);
        if unseen == 0 || unseen > most {
            return Err(match most {
                0 => format!("there is {tasks} task, and a split leaves at least one on each side"),
                most => format!("1 to {most} of the {tasks} tasks"),
            });
        }
        let mut rng = StreamKey::new(seed, Domain::HeldOut, 0).lane(Purpose::Split, 0);
        // The order is shuffled only where it is looked at.
        let mut moved = BTreeMap::new();
        let mut kept = Vec::with_capacity(unseen as usize);
        for place in 0..unseen {
            let other = rng.random_range(place..tasks);
            let here = moved.get(&place).copied().unwrap_or(place);
            kept.push(moved.insert(other, here).unwrap_or(other));
        }
        kept.sort_unstable();
        let before = (0..).zip(&kept).map(|(index, task)| task - index);
        Ok(Self {
            tasks,
            before: before.collect(),
            unseen: kept,
        })
    }

    /// How many tasks were split.
    pub fn tasks(&self) -> u64 {
        self.tasks
    }

    /// How many tasks a part has.
    pub fn count(&self, part: Part) -> u64 {
        let unseen = self.unseen.len() as u64;
        match part {
            Part::Trained => self.tasks - unseen,
            Part::Unseen => unseen,
        }
    }

    /// The number of a part's task, counted within the part from 0.
    fn nth(&self, part: Part, place: u64) -> u64 {
        match part {
            Part::Unseen => self.unseen[place as usize],
            Part::Trained => place + self.before.partition_point(|b| *b <= place) as u64,
        }
    }
}

/// One of the two parts of a [`Split`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Tasks that an agent is trained on.
    Trained,
    /// Tasks that it never meets in training.
    Unseen,
}

/// The tasks of one part, to draw from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset {
    /// Which tasks there are in each part.
    pub split: Arc<Split>,
    /// The part.
    pub part: Part,
}

impl Subset {
    /// How many tasks there are.
    pub fn count(&self) -> u64 {
        self.split.count(self.part)
    }

    /// The number of one of the tasks, all equally likely.
    pub(crate) fn draw(&self, rng: &mut Stream) -> u64 {
        let place = rng.random_range(0..self.count());
        self.split.nth(self.part, place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(split: &Split) -> [Vec<u64>; 2] {
        [Part::Trained, Part::Unseen].map(|part| {
            let places = 0..split.count(part);
            places.map(|place| split.nth(part, place)).collect()
        })
    }

    #[test]
    fn the_parts_are_the_whole_and_have_nothing_in_common() {
        for tasks in 2..12 {
            for unseen in 1..tasks {
                let split = Split::new(tasks, unseen, 3).unwrap();
                let [trained, kept] = parts(&split);
                assert_eq!(kept.len() as u64, unseen);
                assert!(trained.is_sorted() && kept.is_sorted());
                let mut all = [trained, kept].concat();
                all.sort_unstable();
                assert_eq!(all, (0..tasks).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn more_that_are_kept_are_those_before_and_some_more() {
        let kept = |unseen| parts(&Split::new(30, unseen, 0).unwrap())[1].clone();
        for unseen in 1..29 {
            let (fewer, more) = (kept(unseen), kept(unseen + 1));
            assert!(fewer.iter().all(|task| more.contains(task)));
        }
    }

    #[test]
    fn every_task_is_kept_equally_often() {
        let mut counts = [0_u32; 6];
        let seeds = 6000;
        for seed in 0..seeds {
            let [_, kept] = parts(&Split::new(6, 2, seed).unwrap());
            kept.iter().for_each(|task| counts[*task as usize] += 1);
        }
        // A third each; six standard deviations are 220.
        let third = seeds as u32 / 3;
        assert!(counts.iter().all(|count| count.abs_diff(third) < 220));
    }

    #[test]
    fn sets_beyond_memory_are_split_all_the_same() {
        let tasks = 1_000_000_000_000_000_000;
        let split = Split::new(tasks, 3, 0).unwrap();
        let [last, kept] = [tasks - 4, 0].map(|place| split.nth(Part::Trained, place));
        assert!(last >= tasks - 4 && kept <= 3);
        let refused = Split::new(tasks, 1_000_001, 0).unwrap_err();
        assert!(refused.starts_with("1 to 1000000 of"), "{refused}");
    }

    #[test]
    fn neither_part_may_be_empty() {
        assert_eq!(
            Split::new(21, 21, 0).unwrap_err(),
            "1 to 20 of the 21 tasks"
        );
        assert!(Split::new(21, 0, 0).is_err());
        let alone = Split::new(1, 1, 0).unwrap_err();
        assert!(alone.starts_with("there is 1 task"), "{alone}");
    }
}
