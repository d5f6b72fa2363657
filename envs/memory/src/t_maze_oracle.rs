//! The exact solution of the T-maze.

use crate::t_maze::Corridor;
use rl_core::{
    ActRow, Actions, EnvSpec, Outcome, Policy, PolicyFactory, Row, Stream, into_advantages,
};

/// The expected return of an episode at random: forward over where the agent is.
pub(crate) fn random(corridor: &Corridor) -> f64 {
    let junction = corridor.junction() as usize;
    // In the corridor, and above or below the junction.
    let (mut chances, mut aside) = (vec![0.0; junction + 1], 0.0);
    chances[corridor.start as usize] = 1.0;
    let mut total = 0.0;
    for step in 1..=corridor.steps() {
        let mut next = vec![0.0; junction + 1];
        for (x, chance) in chances.iter().enumerate() {
            let quarter = 0.25 * chance;
            next[(x + 1).min(junction)] += quarter;
            next[x.saturating_sub(1)] += quarter;
            // Up and down.
            if x < junction {
                next[x] += 2.0 * quarter;
            }
        }
        next[junction] += 0.25 * aside;
        aside = 0.75 * aside + 0.5 * chances[junction];
        chances = next;
        let lost = chances.iter().enumerate();
        let lost = lost.map(|(x, chance)| chance * corridor.penalty(x as u32, step));
        total -= lost.sum::<f64>();
    }
    // Above or below are equally probable, and so is what the sign says.
    total + 0.5 * aside
}

/// What an agent knows of where it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    pub(crate) at: (u32, i8),
    pub(crate) step: u32,
    /// What the sign said, 0 if it was not read.
    pub(crate) sign: i8,
}

impl Known {
    /// The most that can be earned from here on in expectation.
    ///
    /// An agent that is behind stays so, since nobody makes up for a step that is lost,
    /// and comes too late to the junction. One that is not can still go there in time, and
    /// if it has not read the sign yet, it may have the time for that too.
    pub(crate) fn value(&self, corridor: &Corridor) -> f64 {
        let ((x, y), left) = (self.at, corridor.steps() - self.step);
        let ahead = i64::from(x + corridor.start) - i64::from(self.step);
        let right = |right: bool| f64::from(u8::from(right));
        match (left, self.sign) {
            (0, _) => 0.0,
            _ if ahead < 0 => -f64::from(left - 1) / f64::from(corridor.length),
            (_, 0) if y == 0 && ahead >= 2 * i64::from(x) => 1.0,
            (_, 0) => 0.5,
            (1, sign) => right(y == 0 || y == sign),
            _ => 1.0,
        }
    }

    /// What an action earns, and the best ones after it.
    pub(crate) fn action_value(&self, corridor: &Corridor, action: u32) -> f64 {
        let next = Self {
            at: corridor.go(self.at, action),
            step: self.step + 1,
            ..*self
        };
        let (x, y) = next.at;
        if next.step == corridor.steps() {
            return match (self.sign, y) {
                (_, 0) => 0.0,
                (0, _) => 0.5,
                (sign, _) => f64::from(u8::from(sign == y)),
            };
        }
        next.value(corridor) - corridor.penalty(x, next.step)
    }

    /// How much less than the best one each action earns.
    pub(crate) fn advantages(&self, corridor: &Corridor, values: &mut [f64]) {
        for (action, value) in (0..).zip(&mut *values) {
            *value = self.action_value(corridor, action);
        }
        into_advantages(values);
    }
}

/// Makes policies that read the sign and follow it.
pub(crate) struct Guided {
    pub(crate) spec: EnvSpec,
    pub(crate) corridor: Corridor,
}

impl PolicyFactory for Guided {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        Ok(Box::new(Following {
            corridor: self.corridor,
            known: vec![Known::default(); lanes],
        }))
    }
}

/// One of them at work: it counts its steps to know where it is.
struct Following {
    corridor: Corridor,
    known: Vec<Known>, // [lanes]
}

impl Policy for Following {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let (Actions::Discrete(previous), Some(actions)) =
            (row.previous_action, out.action.discrete())
        else {
            return; // `make` has refused continuous actions.
        };
        for (lane, known) in self.known.iter_mut().enumerate() {
            if row.start[lane] || row.previous_outcome[lane] != Outcome::Continue {
                *known = Known {
                    at: (self.corridor.start, 0),
                    ..Known::default()
                };
            } else {
                known.at = self.corridor.go(known.at, previous[lane]);
                known.step += 1;
            }
            let says = row.observation[2 * lane + 1];
            if known.at.0 == 0 && says != 0.0 {
                known.sign = if says > 0.0 { 1 } else { -1 };
            }
            let value = |action: &u32| known.action_value(&self.corridor, *action);
            let best = (0..4).rev().max_by(|a, b| value(a).total_cmp(&value(b)));
            actions[lane] = best.unwrap_or(0);
        }
    }

    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        for (known, values) in self.known.iter().zip(advantages.chunks_exact_mut(4)) {
            known.advantages(&self.corridor, values);
        }
        true
    }
}

#[cfg(test)]
#[path = "t_maze_oracle_tests.rs"]
mod tests;
