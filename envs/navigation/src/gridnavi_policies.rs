//! Policies for GridNavi that know its rules and look for the goal.

use crate::grid::{Cell, MOVES};
use crate::gridnavi::{NAME, is_goal};
use crate::gridnavi_oracle::{Trial, Worths, known_tenths};
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, Actions, ActionsMut, EnvSpec, ObservationSpace, Outcome, Policy};
use rl_core::{PolicyFactory, Row, Stream, into_advantages};
use std::sync::Arc;

/// Posterior sampling in GridNavi, `posterior-sampling`: with every episode it
/// draws one of the goals that are still possible, goes there by single moves,
/// of those on a shortest path each equally likely, and stays for the rest of
/// the episode. Once it has found the goal it goes there and stays.
///
/// # Reference
/// Thompson 1933; as an agent for GridNavi, Zintgraf et al. 2020, figure 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct PosteriorSampling;

/// Exhaustive search in GridNavi, `exhaustive-search`: it goes to the nearest
/// cell that may still be the goal (of equally near ones the first, row by row
/// from the bottom), then to the nearest from there. Once it has found the
/// goal it goes there and stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExhaustiveSearch;

/// Makes Bayes-optimal policies for one environment.
pub(crate) struct BayesOptimal {
    path: Arc<[Cell]>,
    spec: EnvSpec,
    trial: Trial,
    /// What is left to gain, if its policies say what actions are worth.
    worths: Option<Arc<Worths>>,
}

impl BayesOptimal {
    /// Follows `path`, `[steps]`, until the goal is found.
    pub(crate) fn new(trial: Trial, path: &[Cell], spec: EnvSpec) -> Self {
        Self {
            path: path.into(),
            spec,
            trial,
            worths: None,
        }
    }
}

impl PolicyFactory for PosteriorSampling {
    fn name(&self) -> String {
        "posterior-sampling".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let size = size(&self.name(), spec)?;
        Ok(Box::new(Seeker::new(Rule::Sample, size, lanes)))
    }
    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        Seeker::bytes(spec, lanes)
    }
}

impl PolicyFactory for ExhaustiveSearch {
    fn name(&self) -> String {
        "exhaustive-search".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let size = size(&self.name(), spec)?;
        Ok(Box::new(Seeker::new(Rule::Nearest, size, lanes)))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        Seeker::bytes(spec, lanes)
    }
}

impl PolicyFactory for BayesOptimal {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let size = size(&self.name(), spec)?;
        self.spec.check_solved(spec)?;
        let rule = Rule::Path(Arc::clone(&self.path));
        let worths = self.worths.clone();
        let seeker = Seeker::new(rule, size, lanes);
        Ok(Box::new(Seeker {
            worths: worths.map(|worths| (self.trial, worths)),
            ..seeker
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        Seeker::bytes(spec, lanes)
    }

    fn with_advantages(&self) -> Option<Arc<dyn PolicyFactory>> {
        if self.worths.is_some() {
            return None;
        }
        let worths = self.trial.worths().ok()?;
        Some(Arc::new(Self {
            path: Arc::clone(&self.path),
            spec: self.spec.clone(),
            trial: self.trial,
            worths: Some(Arc::new(worths)),
        }))
    }

    fn advantages_bytes(&self) -> f64 {
        self.trial.worths_bytes()
    }
}

/// Cells along one side of a GridNavi.
fn size(policy: &str, spec: &EnvSpec) -> Result<u32, String> {
    match spec.observation {
        ObservationSpace::Discrete { size } if spec.name == NAME => Ok(size.isqrt() as u32),
        _ if spec.name == NAME => Err(format!(
            "{policy} looks for the goal and cannot act where it is shown: set task=hidden"
        )),
        _ => Err(format!(
            "{policy} knows the rules of '{NAME}' and cannot act in '{}'; it can act in '{NAME}'",
            spec.name
        )),
    }
}

/// Where to go while the goal is unknown.
enum Rule {
    /// To these cells, one after each step.
    Path(Arc<[Cell]>),
    /// To a goal drawn with every episode.
    Sample,
    /// To the nearest possible goal.
    Nearest,
}

/// Where one lane is in its trial, and what it knows.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    at: Cell,
    /// The goal, once it is found.
    found: Option<Cell>,
    /// What [`Rule::Sample`] and [`Rule::Nearest`] go to.
    target: Cell,
    /// Steps of the trial so far.
    step: usize,
    /// Goals that are still possible.
    possible: u32,
}

/// Goes to cells that may be the goal, and to the goal once it has been there.
struct Seeker {
    rule: Rule,
    size: u32,
    memory: Vec<Memory>, // [lanes]
    excluded: Vec<bool>, // [lanes][size * size]
    /// By which it says what actions are worth.
    worths: Option<(Trial, Arc<Worths>)>,
}

impl Seeker {
    /// Bytes of one that remembers cells: an observation is one of them.
    fn bytes(spec: &EnvSpec, lanes: usize) -> f64 {
        let ObservationSpace::Discrete { size } = spec.observation else {
            return 0.0;
        };
        lanes as f64 * (size_of::<Memory>() + size) as f64
    }

    fn new(rule: Rule, size: u32, lanes: usize) -> Self {
        Self {
            rule,
            size,
            memory: vec![Memory::default(); lanes],
            excluded: vec![false; lanes * size as usize * size as usize],
            worths: None,
        }
    }

    /// Takes in what the lane's last step gave; says whether an episode begins.
    fn update(&mut self, lane: usize, row: &Row<'_>) -> bool {
        let cells = self.excluded.len() / self.memory.len();
        let excluded = &mut self.excluded[lane * cells..(lane + 1) * cells];
        let memory = &mut self.memory[lane];
        if row.start[lane] {
            excluded.fill(false);
            *memory = Memory {
                possible: self.size * self.size - 4,
                ..Memory::default()
            };
            return true;
        }
        if let Actions::Discrete(actions) = row.previous_action {
            memory.at = memory.at.moved(actions[lane], self.size);
        }
        memory.step += 1;
        let index = memory.at.index(self.size) as usize;
        if row.previous_reward[lane] > 0.0 {
            memory.found = Some(memory.at);
        } else if is_goal(memory.at) && !excluded[index] {
            excluded[index] = true;
            memory.possible -= 1;
        }
        let begins = row.previous_outcome[lane] != Outcome::Continue;
        if begins {
            memory.at = Cell::default();
        }
        begins
    }

    /// The cell to go to.
    fn target(&mut self, lane: usize, begins: bool, rng: &mut Stream) -> Cell {
        let size = self.size;
        let cells = self.excluded.len() / self.memory.len();
        let excluded = &self.excluded[lane * cells..(lane + 1) * cells];
        let memory = &mut self.memory[lane];
        let possible = |index: &u32| !excluded[*index as usize] && is_goal(Cell::of(*index, size));
        let next = match &self.rule {
            _ if memory.found.is_some() => None,
            Rule::Path(path) => path.get(memory.step).copied(),
            Rule::Sample if begins => {
                let which = rng.random_range(0..memory.possible.max(1));
                let drawn = (0..size * size).filter(possible).nth(which as usize);
                drawn.map(|index| Cell::of(index, size))
            }
            Rule::Nearest if begins || memory.at == memory.target => {
                let cells = (0..size * size).filter(possible);
                let cells = cells.map(|index| Cell::of(index, size));
                cells.min_by_key(|cell| cell.distance(memory.at))
            }
            Rule::Sample | Rule::Nearest => None,
        };
        memory.target = memory.found.or(next).unwrap_or(memory.target);
        memory.target
    }
}

impl Policy for Seeker {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let ActionsMut::Discrete(actions) = out.action else {
            panic!("continuous actions given to a policy for '{NAME}'");
        };
        for (lane, action) in actions.iter_mut().enumerate() {
            let begins = self.update(lane, row);
            let target = self.target(lane, begins, &mut streams[lane]);
            *action = match self.memory[lane].at.moves_to(target) {
                [Some(across), Some(along)] => match self.rule {
                    Rule::Sample if streams[lane].random() => along,
                    _ => across,
                },
                [across, along] => across.or(along).unwrap_or(0),
            };
        }
    }

    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        let Some((trial, worths)) = &self.worths else {
            return false;
        };
        let cells = self.excluded.len() / self.memory.len();
        let lanes = self.memory.iter().zip(self.excluded.chunks_exact(cells));
        for ((memory, excluded), values) in lanes.zip(advantages.chunks_exact_mut(MOVES)) {
            match memory.found {
                Some(goal) => to_the_goal(*trial, memory, goal, values),
                None => worths.evaluate(memory.at, memory.step as u64, excluded, values),
            }
            into_advantages(values);
        }
        true
    }
}

/// What each move earns in the rest of the episode of who knows the goal; later ones are the
/// same whatever is done in this one. `[moves]`
fn to_the_goal(trial: Trial, memory: &Memory, goal: Cell, worths: &mut [f64]) {
    let left = trial.horizon - memory.step as u32 % trial.horizon;
    for (action, worth) in (0..).zip(worths) {
        let distance = memory.at.moved(action, trial.size).distance(goal);
        let reward = if distance == 0 { 10 } else { -1 };
        *worth = (reward + known_tenths(distance, left - 1)) as f64 / 10.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most, in tenths, that so many steps of an episode earn from a cell, by trying all moves.
    fn most(size: u32, at: Cell, goal: Cell, steps: u32) -> i64 {
        let after = |action| {
            let to = at.moved(action, size);
            let reward = if to == goal { 10 } else { -1 };
            reward + most(size, to, goal, steps - 1)
        };
        match steps {
            0 => 0,
            _ => (0..MOVES as u32).map(after).max().unwrap_or(0),
        }
    }

    #[test]
    fn who_knows_the_goal_knows_what_moves_are_worth() {
        let (size, horizon, episodes) = (3, 4, 2);
        let trial = Trial {
            size,
            horizon,
            episodes,
        };
        for (at, goal, step) in (0..9).flat_map(|at| (0..9 * 8).map(move |i| (at, i / 8, i % 8))) {
            let (at, goal) = (Cell::of(at, size), Cell::of(goal, size));
            let memory = Memory {
                at,
                step: step as usize,
                ..Memory::default()
            };
            let mut worths = [0.0; MOVES];
            to_the_goal(trial, &memory, goal, &mut worths);
            for (action, worth) in (0..).zip(worths) {
                let to = at.moved(action, size);
                let reward = if to == goal { 10 } else { -1 };
                let wanted = reward + most(size, to, goal, horizon - step % horizon - 1);
                assert!(
                    (10.0 * worth - wanted as f64).abs() < 1e-9,
                    "{worth}, {wanted}"
                );
            }
        }
    }
}
