//! Policies for GridNavi that know its rules and look for the goal.

use crate::grid::Cell;
use crate::gridnavi::{NAME, is_goal};
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, Actions, ActionsMut, EnvSpec, ObservationSpace, Outcome, Policy};
use rl_core::{PolicyFactory, Row, Stream};
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
}

impl BayesOptimal {
    /// Follows `path`, `[steps]`, until the goal is found.
    pub(crate) fn new(path: &[Cell], spec: EnvSpec) -> Self {
        Self {
            path: path.into(),
            spec,
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
        Ok(Box::new(Seeker::new(rule, size, lanes)))
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
        let cells = match rule {
            Rule::Path(_) => 0,
            _ => size as usize * size as usize,
        };
        Self {
            rule,
            size,
            memory: vec![Memory::default(); lanes],
            excluded: vec![false; lanes * cells],
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
        } else if is_goal(memory.at) && index < cells && !excluded[index] {
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
}
