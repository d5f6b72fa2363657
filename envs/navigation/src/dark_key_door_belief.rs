//! The exact belief of where key and door are, and what it follows from.

use crate::dark_key_door::cell_shown;
use crate::grid::Cell;
use rl_core::{Actions, ObservationSpace, Outcome, Row, Statistics, StatisticsFactory};

/// What is looked for: first the key, then the door.
pub(crate) const KEY: usize = 0;
pub(crate) const DOOR: usize = 1;

/// What one lane's trial has shown. Key and door are drawn apart from each other, and
/// every step tells of one of them alone, so that they stay independent: each is equally
/// likely in all cells that are not excluded, or known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sought {
    pub(crate) size: u32,
    /// Whether the last step of an episode does nothing.
    pub(crate) reset_steps: bool,
    pub(crate) at: Cell,
    pub(crate) has_key: bool,
    /// Where key and door are, once that is known.
    pub(crate) found: [Option<Cell>; 2],
    /// Where they cannot be. `[cells]` each
    pub(crate) excluded: [Vec<bool>; 2],
}

impl Sought {
    pub(crate) fn new(size: u32, reset_steps: bool) -> Self {
        let cells = size.pow(2) as usize;
        Self {
            size,
            reset_steps,
            excluded: [vec![false; cells], vec![false; cells]],
            ..Self::default()
        }
    }

    /// Bytes of the heap, with so many cells along a side.
    pub(crate) fn bytes(size: u32) -> f64 {
        2.0 * f64::from(size).powi(2)
    }

    /// Takes in a lane of a row.
    pub(crate) fn see(&mut self, row: &Row<'_>, lane: usize, observation: &ObservationSpace) {
        let Actions::Discrete(previous) = row.previous_action else {
            return; // There are finitely many.
        };
        match row.start[lane] {
            true => self.forget(),
            false => self.learn(
                previous[lane],
                row.previous_reward[lane],
                row.previous_outcome[lane],
            ),
        }
        let width = observation.width();
        let seen = &row.observation[lane * width..(lane + 1) * width];
        self.at = match observation {
            ObservationSpace::Discrete { .. } => Cell::of(seen[0] as u32, self.size),
            ObservationSpace::Vector { .. } => cell_shown(seen, self.size),
        };
    }

    fn forget(&mut self) {
        self.has_key = false;
        self.found = [None; 2];
        self.excluded.iter_mut().for_each(|cells| cells.fill(false));
    }

    /// Takes in what the last step gave, `action` from where the agent was.
    fn learn(&mut self, action: u32, reward: f32, outcome: Outcome) {
        let cell = self.at.moved(action, self.size);
        let sought = usize::from(self.has_key);
        let ends = outcome != Outcome::Continue;
        match reward > 0.0 {
            true => self.found[sought] = Some(cell),
            // In a step that only begins anew nothing is looked for.
            false if ends && self.reset_steps => {}
            false => self.excluded[sought][cell.index(self.size) as usize] = true,
        }
        self.has_key = !ends && (self.has_key || reward > 0.0);
    }

    /// How probable it is that one of them is in each cell. `[cells]`
    fn belief(&self, sought: usize, probabilities: &mut [f32]) {
        if let Some(found) = self.found[sought] {
            probabilities.fill(0.0);
            probabilities[found.index(self.size) as usize] = 1.0;
            return;
        }
        let excluded = &self.excluded[sought];
        let open = excluded.iter().filter(|excluded| !**excluded).count();
        let share = 1.0 / open.max(1) as f32;
        for (probability, excluded) in probabilities.iter_mut().zip(excluded) {
            *probability = f32::from(u8::from(!*excluded)) * share;
        }
    }
}

/// The probability that each cell holds the key, then that each holds the door, given what
/// the trial has shown, and whether the agent has the key.
#[derive(Clone, Debug)]
pub(crate) struct KeyAndDoor {
    /// Cells along a side.
    pub(crate) size: u32,
    pub(crate) reset_steps: bool,
    pub(crate) observation: ObservationSpace,
}

impl KeyAndDoor {
    fn cells(&self) -> usize {
        self.size.pow(2) as usize
    }
}

impl StatisticsFactory for KeyAndDoor {
    fn size(&self) -> usize {
        2 * self.cells() + 1
    }

    fn make(&self, lanes: usize) -> Box<dyn Statistics> {
        Box::new(Beliefs {
            of: self.clone(),
            lanes: vec![Sought::new(self.size, self.reset_steps); lanes],
        })
    }

    fn lane_bytes(&self) -> f64 {
        size_of::<Sought>() as f64 + Sought::bytes(self.size)
    }
}

struct Beliefs {
    of: KeyAndDoor,
    lanes: Vec<Sought>,
}

impl Statistics for Beliefs {
    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        let (cells, size) = (self.of.cells(), StatisticsFactory::size(&self.of));
        let lanes = self.lanes.iter_mut().zip(told.chunks_exact_mut(size));
        for (lane, (sought, told)) in lanes.enumerate() {
            sought.see(row, lane, &self.of.observation);
            sought.belief(KEY, &mut told[..cells]);
            sought.belief(DOOR, &mut told[cells..2 * cells]);
            told[2 * cells] = f32::from(u8::from(sought.has_key));
        }
    }
}
