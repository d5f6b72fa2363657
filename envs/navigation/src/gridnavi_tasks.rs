//! What is known of GridNavi's goals.

use crate::grid::{Cell, MOVES};
use crate::gridnavi::{goal, is_goal};
use crate::gridnavi_oracle::{Trial, known_tenths};
use rl_core::{Information, KnownTasks};

/// The goals of a grid. Those that are still possible are the bits of
/// [`Information::evidence`], all equally likely: a visit tells of its own cell alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownGoals {
    trial: Trial,
}

impl KnownGoals {
    /// Those of a trial's grid.
    ///
    /// # Errors
    /// If they are too many, as a clause.
    pub(crate) fn new(trial: Trial) -> Result<Self, String> {
        match trial.goals() {
            ..=64 => Ok(Self { trial }),
            goals => Err(format!(
                "it is known of up to 64 goals, and here are {goals}: set size=8 or less"
            )),
        }
    }

    /// The bit of a cell, 0 of one that is never the goal.
    fn bit(self, cell: Cell) -> u64 {
        let (index, size) = (cell.index(self.trial.size), self.trial.size);
        let before = if index < size { 2 } else { 4 };
        match is_goal(cell) {
            true => 1 << (index - before),
            false => 0,
        }
    }

    fn at(self, known: Information) -> Cell {
        Cell::of(known.state, self.trial.size)
    }
}

impl KnownTasks for KnownGoals {
    fn count(&self) -> usize {
        self.trial.goals() as usize
    }

    fn states(&self) -> usize {
        (self.trial.size * self.trial.size) as usize
    }

    /// The goal's cell.
    fn pays_at(&self, task: usize) -> Option<u32> {
        let size = self.trial.size;
        Some(goal(task as u32, size).index(size))
    }

    fn begin(&self) -> Information {
        let goals = (0..self.count() as u32).map(|number| goal(number, self.trial.size));
        Information {
            evidence: goals.map(|cell| self.bit(cell)).sum(),
            ..Information::default()
        }
    }

    fn after(&self, before: Information, action: u32, reward: f32) -> Information {
        let to = self.at(before).moved(action, self.trial.size);
        let step = before.step + 1;
        Information {
            step,
            state: match step.is_multiple_of(self.trial.horizon) {
                true => 0,
                false => to.index(self.trial.size),
            },
            evidence: match reward > 0.0 {
                true => self.bit(to),
                false => before.evidence & !self.bit(to),
            },
        }
    }

    fn posterior(&self, evidence: u64, probabilities: &mut [f64]) {
        let share = 1.0 / f64::from(evidence.count_ones());
        for (number, probability) in probabilities.iter_mut().enumerate() {
            let possible = evidence >> number & 1 == 1;
            *probability = if possible { share } else { 0.0 };
        }
    }

    fn rewards(&self, known: Information, action: u32, each: &mut dyn FnMut(f64, f64)) {
        let to = self.at(known).moved(action, self.trial.size);
        let share = 1.0 / f64::from(known.evidence.count_ones());
        match known.evidence & self.bit(to) {
            0 => each(1.0, -0.1),
            goal if goal == known.evidence => each(1.0, 1.0),
            _ => {
                each(share, 1.0);
                each(1.0 - share, -0.1);
            }
        }
    }

    /// Every move on a shortest path is as good as the other; at the goal it stays.
    fn act(&self, known: Information, task: usize, probabilities: &mut [f64]) {
        let goal = goal(task as u32, self.trial.size);
        self.at(known).shortest_ways(goal, probabilities);
    }

    fn action_values(&self, known: Information, task: usize, values: &mut [f64]) {
        let Trial {
            size,
            horizon,
            episodes,
        } = self.trial;
        let (at, goal) = (self.at(known), goal(task as u32, size));
        let left = horizon - 1 - known.step % horizon;
        let later = i64::from(episodes - 1 - known.step / horizon);
        let later = later * self.trial.known_tenths(goal.distance(Cell::default()));
        for (action, value) in (0..MOVES as u32).zip(values) {
            let distance = at.moved(action, size).distance(goal);
            let now = if distance == 0 { 10 } else { -1 };
            *value = (now + known_tenths(distance, left) + later) as f64 / 10.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of every cell, distance and time: the value of the best action is what remains of
    /// the known-task optimum, and the policy takes only best actions while it can still
    /// get there.
    #[test]
    fn values_are_those_of_the_best_policy() {
        let trial = Trial {
            size: 4,
            horizon: 5,
            episodes: 2,
        };
        let goals = KnownGoals::new(trial).unwrap();
        // What is left in tenths, by cell, worked out backwards.
        for task in 0..goals.count() {
            let goal = goal(task as u32, 4);
            let mut left = [0_i64; 16];
            for step in (0..10).rev() {
                let later = left;
                for state in 0..16 {
                    let known = Information {
                        step,
                        state,
                        evidence: goals.begin().evidence,
                    };
                    let earned = |action: u32| {
                        let to = Cell::of(state, 4).moved(action, 4);
                        let reward = if to == goal { 1.0 } else { -0.1 };
                        let next = goals.after(known, action, reward);
                        (10.0 * reward) as i64 + later[next.state as usize]
                    };
                    let earned: Vec<f64> = (0..5).map(|a| earned(a) as f64 / 10.0).collect();
                    let (mut values, mut policy) = ([0.0; 5], [0.0; 5]);
                    goals.action_values(known, task, &mut values);
                    // Episodes begin at the start, whence alone values of later ones count.
                    for (value, earned) in values.iter().zip(&earned) {
                        assert!(
                            (value - earned).abs() < 1e-9,
                            "{known:?} {values:?} {earned:?}"
                        );
                    }
                    let best = values.iter().copied().fold(f64::MIN, f64::max);
                    left[state as usize] = (10.0 * best).round() as i64;
                    goals.act(known, task, &mut policy);
                    assert!((policy.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                    for (value, probability) in values.iter().zip(policy) {
                        assert!(probability == 0.0 || (value - best).abs() < 1e-9);
                    }
                }
            }
        }
    }

    #[test]
    fn every_goal_has_a_bit_and_too_many_are_refused() {
        let trial = |size| Trial {
            size,
            horizon: 3,
            episodes: 2,
        };
        for size in 3..=8 {
            let goals = KnownGoals::new(trial(size)).unwrap();
            for number in 0..goals.count() {
                assert_eq!(goals.bit(goal(number as u32, size)), 1 << number);
            }
        }
        let why = KnownGoals::new(trial(9)).unwrap_err();
        assert!(why.contains("here are 77: set size=8"), "{why}");
    }
}
