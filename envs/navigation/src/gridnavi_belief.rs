//! The exact belief of where GridNavi's goal is.

use crate::grid::Cell;
use crate::gridnavi::is_goal;
use rl_core::{Actions, Outcome, Row, Statistics, StatisticsFactory};

/// The probability that each cell is the goal, given what the trial has shown:
/// uniform over the goals that were not visited in vain, and all on one that paid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoalBelief {
    /// Cells along a side.
    pub(crate) size: u32,
}

impl StatisticsFactory for GoalBelief {
    fn size(&self) -> usize {
        (self.size * self.size) as usize
    }

    fn make(&self, lanes: usize) -> Box<dyn Statistics> {
        Box::new(Beliefs {
            size: self.size,
            at: vec![Cell::default(); lanes],
            possible: vec![false; lanes * StatisticsFactory::size(self)],
        })
    }

    fn lane_bytes(&self) -> f64 {
        size_of::<Cell>() as f64 + StatisticsFactory::size(self) as f64
    }
}

struct Beliefs {
    size: u32,
    at: Vec<Cell>,       // [lanes]
    possible: Vec<bool>, // [lanes][cells]
}

impl Statistics for Beliefs {
    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        let Actions::Discrete(actions) = row.previous_action else {
            return; // GridNavi has finitely many.
        };
        let (size, cells) = (self.size, (self.size * self.size) as usize);
        let lanes = self.possible.chunks_exact_mut(cells).zip(&mut self.at);
        for ((lane, (possible, at)), told) in lanes.enumerate().zip(told.chunks_exact_mut(cells)) {
            if row.start[lane] {
                let goals = (0..).zip(possible.iter_mut());
                goals.for_each(|(index, possible)| *possible = is_goal(Cell::of(index, size)));
                *at = Cell::default();
            } else {
                *at = at.moved(actions[lane], size);
                let here = at.index(size) as usize;
                match row.previous_reward[lane] > 0.0 {
                    true => {
                        possible.fill(false);
                        possible[here] = true;
                    }
                    false => possible[here] = false,
                }
                if row.previous_outcome[lane] != Outcome::Continue {
                    *at = Cell::default();
                }
            }
            let count = possible.iter().filter(|possible| **possible).count();
            let share = 1.0 / count.max(1) as f32;
            for (told, possible) in told.iter_mut().zip(possible.iter()) {
                *told = f32::from(u8::from(*possible)) * share;
            }
        }
    }
}
