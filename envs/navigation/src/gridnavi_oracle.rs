//! The exact solution of GridNavi.
//!
//! Moves are certain, and a cell that is not the goal tells nothing but that
//! it is not the goal. Until the goal is found an agent therefore sees nothing
//! that it could not have foreseen, and the best it can do is follow a path
//! fixed beforehand. Once the goal g is found, every step on it pays the most
//! that a step can pay, so that staying is best, and in later episodes a
//! shortest path from the start. A goal that the path first enters with step τ
//! (from 1) of episode e (from 1) out of E, T steps in all, thus earns, beyond
//! the −0.1 T of never finding it,
//!
//! ```text
//! gain(g, e, τ) = 0.1 (T − H (e − 1) − (τ − 1)) + (H − τ + 1) + (E − e) K(g)
//! K(g) = (H − d + 1) − 0.1 (d − 1)    for a goal d ≤ H moves from the start
//! ```
//!
//! and the value of a trial is the largest sum of gains over all paths,
//! divided by the number of goals, minus 0.1 T. With S the goals entered so
//! far, p the position and t the steps made, that sum is U₀(∅, start) of
//!
//! ```text
//! U_T(S, p) = 0
//! U_t(S, p) = max over moves p → q of
//!     U_{t+1}(S, q)                          if q is no goal, or in S
//!     gain(q, t) + U_{t+1}(S ∪ {q}, q)       otherwise
//! ```
//!
//! where a step that ends an episode continues from the start instead of q.
//! This is solved from the last step back over *all* S and p that a path can
//! reach; nothing is pruned. It is small enough since a walk that starts over
//! from one corner can only ever have entered a set that hangs together with
//! that corner: of the 2²¹ sets of the 5×5 grid, 275,744 do. Sums of gains are
//! whole numbers of tenths, so that nothing is rounded.

use crate::grid::{Cell, MOVES};
use rl_core::{Cost, Known};

/// Goals within reach, up to which the connected sets are counted, in at most
/// 2 MB of memory and a second. With one more, the table of their numbers
/// alone would take 128 MB, and what else is needed is far out of reach.
const COUNTED_GOALS: usize = 24;

/// Time per set, position and step, in seconds: 5 to 7 ns were measured on one
/// core of a server of 2023. Good for an order of magnitude anywhere.
const TIME_PER_STATE: f64 = 7e-9;

/// Number of a set that cannot be reached.
const NONE: u32 = u32::MAX;

/// The size of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trial {
    /// Cells along one side.
    pub(crate) size: u32,
    /// Steps of an episode.
    pub(crate) horizon: u32,
    /// Episodes.
    pub(crate) episodes: u32,
}

impl Trial {
    /// Goals there may be.
    pub(crate) fn goals(self) -> u64 {
        u64::from(self.size) * u64::from(self.size) - 4
    }

    pub(crate) fn steps(self) -> u64 {
        u64::from(self.horizon) * u64::from(self.episodes)
    }

    /// Cells within reach of an episode, and those among them that may be goals.
    fn within_reach(self) -> (f64, f64) {
        let (n, h) = (f64::from(self.size), f64::from(self.horizon));
        let triangle = |k: f64| if k > 0.0 { k * (k + 1.0) / 2.0 } else { 0.0 };
        let beyond = (2.0 * n - 2.0 - h).max(0.0);
        let cells = match h <= n - 1.0 {
            true => triangle(h + 1.0),
            false => n * n - triangle(beyond),
        };
        let never_goals = if self.horizon == 1 { 3.0 } else { 4.0 };
        (cells, cells - never_goals)
    }

    /// What an agent that knows its goal, `distance` moves away, earns in one
    /// episode, in tenths.
    pub(crate) fn known_tenths(self, distance: u32) -> i64 {
        known_tenths(distance, self.horizon)
    }

    /// `gain` of the module's introduction in tenths, where `step` counts the
    /// steps of the trial from 0.
    fn gain(self, distance: u32, step: u64) -> i64 {
        let (steps, step) = (self.steps() as i64, step as i64);
        let (horizon, episodes) = (i64::from(self.horizon), i64::from(self.episodes));
        let (episode, within) = (step / horizon, step % horizon);
        let later = (episodes - 1 - episode) * self.known_tenths(distance);
        (steps - step) + 10 * (horizon - within) + later
    }

    /// The best path, and what it earns.
    ///
    /// # Errors
    /// Why it cannot be computed, as a clause.
    pub(crate) fn solve(self) -> Result<Solution, String> {
        let (map, reachable) = self.reachable()?;
        Ok(Tables::new(self, &map, &reachable).solve())
    }

    /// The cells and the sets that walks can have entered.
    ///
    /// # Errors
    /// If to solve all of these is more than can be afforded.
    fn reachable(self) -> Result<(Map, Vec<u64>), String> {
        let (cells, goals) = self.within_reach();
        let affordable = |sets: f64, known| {
            let advice = "take a smaller size, a shorter horizon or fewer episodes";
            let cost = self.cost(sets, cells, goals);
            Cost { known, ..cost }.affordable("the search over beliefs", advice)
        };
        if goals > COUNTED_GOALS as f64 {
            // Above what is affordable in any case.
            affordable(goals.exp2(), Known::AtMost)?;
        }
        let map = Map::new(self);
        let reachable = map.reachable_sets();
        let sets: u32 = reachable.iter().map(|word| word.count_ones()).sum();
        affordable(f64::from(sets), Known::About)?;
        Ok((map, reachable))
    }

    /// What is left to gain after any history in which the goal was not found.
    ///
    /// # Errors
    /// Why it cannot be computed, as a clause.
    pub(crate) fn worths(self) -> Result<Worths, String> {
        if !self.sums_fit() {
            return Err("its sums of gains are numbers that 16 bits do not hold".into());
        }
        let (map, reachable) = self.reachable()?;
        let tables = Tables::new(self, &map, &reachable);
        let layers = tables.layers();
        let number = tables.number;
        Ok(Worths {
            trial: self,
            map,
            number,
            layers,
        })
    }

    /// Whether 16 bits hold all sums of gains. Gains are positive, and no sum is above that of
    /// all goals within reach, each found by the first step.
    fn sums_fit(self) -> bool {
        let (_, goals) = self.within_reach();
        goals * self.gain(1, 0) as f64 <= f64::from(u16::MAX)
    }

    /// Bytes that [`Self::worths`] takes, 0 where it is not attempted: two for each state and
    /// step, of which [`Self::solve`] has one.
    pub(crate) fn worths_bytes(self) -> f64 {
        match self.attempted() {
            Some((cost, kept)) if self.sums_fit() => cost.bytes + kept,
            _ => 0.0,
        }
    }

    /// Bytes that [`Self::solve`] takes, 0 where it is not attempted.
    pub(crate) fn solution_bytes(self) -> f64 {
        self.attempted().map_or(0.0, |(cost, _)| cost.bytes)
    }

    /// What [`Self::solve`] takes if it is attempted, and its states of all steps.
    fn attempted(self) -> Option<(Cost, f64)> {
        let (cells, goals) = self.within_reach();
        let sets = match goals > COUNTED_GOALS as f64 {
            true => goals.exp2(),
            false => {
                let reachable = Map::new(self).reachable_sets();
                let sets: u32 = reachable.iter().map(|word| word.count_ones()).sum();
                f64::from(sets)
            }
        };
        let cost = self.cost(sets, cells, goals);
        cost.affordable("", "").ok()?;
        Some((cost, self.steps() as f64 * sets * cells))
    }

    /// Expected reward of each step, given the goals' distances from the start
    /// and the steps that find them: from then on the goal pays until the
    /// episode ends, and in later episodes from the end of a shortest path.
    /// Other goals are never found. `[steps]`
    fn rewards(self, found: &[(u32, u64)]) -> Vec<f64> {
        let horizon = u64::from(self.horizon);
        let goals = self.goals() as f64;
        let pays = |step: u64, &(distance, finds): &(u32, u64)| match step / horizon {
            episode if episode == finds / horizon => step >= finds,
            episode => episode > finds / horizon && step % horizon + 1 >= u64::from(distance),
        };
        let of_step = |step: u64| {
            let paying = found.iter().filter(|goal| pays(step, goal)).count() as f64;
            (11.0 * paying - goals) / (10.0 * goals)
        };
        (0..self.steps()).map(of_step).collect()
    }

    fn cost(self, sets: f64, cells: f64, goals: f64) -> Cost {
        let steps = self.steps() as f64;
        let numbers = 4.0 * goals.exp2();
        let two_layers = 2.0 * 4.0 * sets * cells;
        let next_sets = (8.0 * goals + 12.0) * sets;
        Cost {
            bytes: numbers + two_layers + next_sets + steps * sets * cells,
            seconds: steps * sets * cells * TIME_PER_STATE,
            known: Known::About,
        }
    }
}

/// What so many steps of an agent that knows its goal, `distance` moves away, earn,
/// in tenths.
pub(crate) fn known_tenths(distance: u32, steps: u32) -> i64 {
    let (distance, steps) = (i64::from(distance), i64::from(steps));
    // The first step that ends on the goal is the one that gets there.
    let before = (distance - 1).max(0);
    match distance <= steps {
        true => 10 * (steps - before) - before,
        false => -steps,
    }
}

/// The best path, and what it earns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Solution {
    /// Where the agent is after each step until it has found the goal.
    /// `[steps]`
    pub(crate) path: Vec<Cell>,
    /// Expected reward of each step. Other best paths may divide the same sum
    /// otherwise. `[steps]`
    pub(crate) rewards: Vec<f64>,
    /// Expected return of the trial.
    pub(crate) value: f64,
}

/// What is left to gain in tenths after any history in which the goal was not found: U of
/// the module's introduction, in all states that an agent can be in.
pub(crate) struct Worths {
    trial: Trial,
    map: Map,
    /// Number of each set of goals. `[2^goals]`
    number: Vec<u32>,
    /// After so many steps, from one on. `[steps][sets][cells]`
    layers: Vec<Vec<u16>>,
}

impl Worths {
    /// What each move is worth, up to a number that all have in common, to who is somewhere
    /// before a step of the trial, counted from 0, and has entered the goals that `entered` is
    /// true of: none of them is the one. `entered` is by [`Cell::index`]. `[moves]`
    ///
    /// # Panics
    /// After the trial's last step.
    pub(crate) fn evaluate(&self, at: Cell, step: u64, entered: &[bool], worths: &mut [f64]) {
        let (trial, map) = (self.trial, &self.map);
        let been = |cell: &&Cell| entered[cell.index(trial.size) as usize];
        let set = map
            .cells
            .iter()
            .zip(&map.bit)
            .filter(|(cell, _)| been(cell));
        let set = set.fold(0, |set, (_, bit)| set | bit);
        // The goal is one of those, each equally often.
        let left = trial.goals() as f64 - f64::from(set.count_ones());
        let from = map.cells.iter().position(|cell| *cell == at);
        let moves = map.moves[from.expect("nobody is where no episode has time for")];
        let layer = &self.layers[step as usize];
        let ends_episode = (step + 1).is_multiple_of(u64::from(trial.horizon));
        for (to, worth) in moves.into_iter().zip(worths) {
            let new = map.bit[to] & !set;
            let distance = map.cells[to].distance(Cell::default());
            let gain = if new == 0 {
                0
            } else {
                trial.gain(distance, step)
            };
            let number = self.number[(set | new) as usize] as usize;
            let place = number * map.cells.len() + if ends_episode { 0 } else { to };
            *worth = (gain + i64::from(layer[place])) as f64 / (10.0 * left);
        }
    }
}

/// The cells within reach of an episode; the start is number 0.
struct Map {
    cells: Vec<Cell>,
    /// Where each move leads. `[cells]`
    moves: Vec<[usize; MOVES]>,
    /// The bit of a cell that may be the goal, 0 of the others. `[cells]`
    bit: Vec<u32>,
    goals: usize,
}

impl Map {
    fn new(trial: Trial) -> Self {
        let size = trial.size;
        let all = (0..size * size).map(|index| Cell::of(index, size));
        let cells: Vec<Cell> = all
            .filter(|cell| cell.x + cell.y <= trial.horizon)
            .collect();
        let moves = cells.iter().enumerate().map(|(index, cell)| {
            std::array::from_fn(|action| {
                let to = cell.moved(action as u32, size);
                // A move out of reach is one that no episode has time for.
                let found = cells.iter().position(|other| *other == to);
                found.unwrap_or(index)
            })
        });
        let moves = moves.collect();
        let mut goals = 0;
        let bits = cells.iter().map(|cell| match cell.x < 2 && cell.y < 2 {
            true => 0,
            false => {
                goals += 1;
                1 << (goals - 1)
            }
        });
        let bit = bits.collect();
        Self {
            cells,
            moves,
            bit,
            goals,
        }
    }

    /// A bit for each set of goals: whether walks from the start can have
    /// entered just these. Such a set is one that lacks its last goal, which
    /// is next to it or to a cell that is never the goal.
    fn reachable_sets(&self) -> Vec<u64> {
        let mut beside = vec![0_u32; self.goals];
        let mut beside_free = 0_u32;
        for (from, moves) in self.moves.iter().enumerate() {
            for &to in moves {
                match (self.bit[from], self.bit[to]) {
                    (_, 0) => {}
                    (0, to) => beside_free |= to,
                    (from, to) => beside[from.trailing_zeros() as usize] |= to,
                }
            }
        }
        let sets = 1_usize << self.goals;
        let mut valid = vec![0_u64; sets.div_ceil(64)];
        valid[0] = 1;
        for set in 1..sets as u32 {
            let mut left = set;
            while left != 0 {
                let bit = left & left.wrapping_neg();
                left ^= bit;
                let before = set ^ bit;
                let has = valid[before as usize / 64] >> (before % 64) & 1 == 1;
                let near =
                    bit & beside_free != 0 || beside[bit.trailing_zeros() as usize] & before != 0;
                if has && near {
                    valid[set as usize / 64] |= 1 << (set % 64);
                    break;
                }
            }
        }
        valid
    }
}

/// What the dynamic program works on.
struct Tables<'a> {
    trial: Trial,
    map: &'a Map,
    sets: Vec<u32>,
    /// Number of each set in `sets`. `[2^goals]`
    number: Vec<u32>,
    /// Goals that walks may enter next: the cell, and the number of the set
    /// with it, those of set i at `ends[i - 1]..ends[i]`.
    next: Vec<(u32, u32)>,
    ends: Vec<usize>, // [sets]
}

impl<'a> Tables<'a> {
    fn new(trial: Trial, map: &'a Map, reachable: &[u64]) -> Self {
        let all = 0..1_u32 << map.goals;
        let is_reachable = |set: &u32| reachable[*set as usize / 64] >> (set % 64) & 1 == 1;
        let sets: Vec<u32> = all.filter(is_reachable).collect();
        let mut number = vec![NONE; 1 << map.goals];
        for (index, set) in sets.iter().enumerate() {
            number[*set as usize] = index as u32;
        }
        let (mut next, mut ends) = (Vec::new(), Vec::with_capacity(sets.len()));
        for set in &sets {
            let new = (0..map.cells.len()).filter(|cell| map.bit[*cell] & !set != 0);
            let with = new.map(|cell| (cell as u32, number[(set | map.bit[cell]) as usize]));
            next.extend(with.filter(|(_, number)| *number != NONE));
            ends.push(next.len());
        }
        Self {
            trial,
            map,
            sets,
            number,
            next,
            ends,
        }
    }

    /// A sum of gains is at most 11 tenths per step and goal, and the memory
    /// that `best` may take bounds the steps: 32 bits hold it.
    fn solve(&self) -> Solution {
        let states = self.sets.len() * self.map.cells.len();
        let steps = self.trial.steps();
        let mut best = vec![0_u8; states * steps as usize]; // [steps][sets][cells]
        let mut later = vec![0_i32; states];
        let mut values = vec![0_i32; states];
        for step in (0..steps).rev() {
            let own = step as usize * states..(step as usize + 1) * states;
            self.sweep(step, &later, &mut values, &mut best[own]);
            std::mem::swap(&mut later, &mut values);
        }
        self.follow(&best, later[0])
    }

    /// The sums of gains from each step on but the first, which nobody looks up, up to the
    /// end, where none are left.
    fn layers(&self) -> Vec<Vec<u16>> {
        let states = self.sets.len() * self.map.cells.len();
        let mut best = vec![0_u8; states];
        let mut later = vec![0_i32; states];
        let mut values = vec![0_i32; states];
        let kept = |values: &[i32]| values.iter().map(|value| *value as u16).collect();
        let mut layers: Vec<Vec<u16>> = vec![kept(&later)];
        for step in (1..self.trial.steps()).rev() {
            self.sweep(step, &later, &mut values, &mut best);
            std::mem::swap(&mut later, &mut values);
            layers.push(kept(&later));
        }
        layers.reverse();
        layers
    }

    /// Solves all states before one step.
    fn sweep(&self, step: u64, later: &[i32], values: &mut [i32], best: &mut [u8]) {
        let cells = self.map.cells.len();
        let within = (step % u64::from(self.trial.horizon)) as u32;
        let ends_episode = within + 1 == self.trial.horizon;
        let column = |cell: usize| if ends_episode { 0 } else { cell };
        let distances = self.map.cells.iter().map(|cell| cell.x + cell.y);
        let distances: Vec<u32> = distances.collect();
        let gains = distances.iter().map(|d| self.trial.gain(*d, step) as i32);
        let gains: Vec<i32> = gains.collect();
        let mut worth = vec![0; cells];
        let mut begin = 0;
        let rows = values
            .chunks_exact_mut(cells)
            .zip(best.chunks_exact_mut(cells));
        for ((index, set), (values, best)) in self.sets.iter().enumerate().zip(rows) {
            for (cell, worth) in worth.iter_mut().enumerate() {
                *worth = later[index * cells + column(cell)];
            }
            for &(cell, number) in &self.next[begin..self.ends[index]] {
                let cell = cell as usize;
                worth[cell] = gains[cell] + later[number as usize * cells + column(cell)];
            }
            begin = self.ends[index];
            for (cell, moves) in self.map.moves.iter().enumerate() {
                // The agent cannot be where it has not been, nor farther away
                // than it had time for.
                if self.map.bit[cell] & !set != 0 || distances[cell] > within {
                    continue;
                }
                let (mut value, mut action) = (worth[moves[0]], 0);
                for (index, to) in moves.iter().enumerate().skip(1) {
                    if worth[*to] > value {
                        (value, action) = (worth[*to], index as u8);
                    }
                }
                (values[cell], best[cell]) = (value, action);
            }
        }
    }

    /// The path that the best moves make.
    fn follow(&self, best: &[u8], gains: i32) -> Solution {
        let cells = self.map.cells.len();
        let states = self.sets.len() * cells;
        let (mut set, mut at) = (0_u32, 0);
        let mut path = Vec::with_capacity(self.trial.steps() as usize);
        let mut found = Vec::new();
        for (step, best) in best.chunks_exact(states).enumerate() {
            let state = self.number[set as usize] as usize * cells + at;
            at = self.map.moves[at][usize::from(best[state])];
            path.push(self.map.cells[at]);
            if self.map.bit[at] & !set != 0 {
                set |= self.map.bit[at];
                found.push((self.map.cells[at].distance(Cell::default()), step as u64));
            }
            if (step + 1) % self.trial.horizon as usize == 0 {
                at = 0;
            }
        }
        let goals = self.trial.goals() as f64;
        let never = -0.1 * self.trial.steps() as f64;
        Solution {
            path,
            rewards: self.trial.rewards(&found),
            value: never + f64::from(gains) / (10.0 * goals),
        }
    }
}

#[cfg(test)]
#[path = "gridnavi_oracle_tests.rs"]
mod tests;
