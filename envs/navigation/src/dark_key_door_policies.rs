//! Policies for Dark Key-To-Door that know its rules and look for key and door.

use crate::dark_key_door::{NAME, cell_shown};
use crate::grid::Cell;
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, Actions, EnvSpec, ObservationSpace, Outcome, Policy, PolicyFactory};
use rl_core::{Row, Stream};

/// How to look for what has not been found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// Posterior sampling, `posterior-sampling`: with every episode it draws
    /// one of the cells in which the key may still be and one for the door,
    /// goes to the first, and, if the key was there, to the second; where it
    /// finds nothing it stays for the rest of the episode.
    Sample,
    /// Exhaustive search, `exhaustive-search`: it goes to the nearest cell in
    /// which what it looks for may still be (of equally near ones the first,
    /// row by row from the bottom), then to the nearest from there.
    Nearest,
}

/// Makes policies that search, for one environment.
pub(crate) struct Searching {
    pub(crate) search: Search,
    pub(crate) spec: EnvSpec,
    /// Cells along a side.
    pub(crate) size: u32,
    /// Whether the last step of an episode does nothing.
    pub(crate) reset_steps: bool,
}

impl PolicyFactory for Searching {
    fn name(&self) -> String {
        match self.search {
            Search::Sample => "posterior-sampling".into(),
            Search::Nearest => "exhaustive-search".into(),
        }
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let name = self.name();
        if *spec == self.spec {
            let cells = self.size.pow(2) as usize;
            let searcher = Searcher {
                size: self.size,
                reset_steps: self.reset_steps,
                excluded: [vec![false; cells], vec![false; cells]],
                ..Searcher::default()
            };
            return Ok(Box::new(Searchers {
                search: self.search,
                observation: self.spec.observation.clone(),
                lanes: vec![searcher; lanes],
            }));
        }
        let (ObservationSpace::Vector { size } | ObservationSpace::Discrete { size }) =
            self.spec.observation;
        let shown = ObservationSpace::Vector { size: size + 4 };
        Err(match spec.name == NAME && spec.observation == shown {
            true => format!(
                "{name} looks for key and door and cannot act where they are shown: set task=hidden"
            ),
            false => format!(
                "this {name} was made for {:?} and cannot act in {spec:?}; ask that environment \
                 for its own",
                self.spec
            ),
        })
    }

    /// Of every cell, whether the key and the door cannot be there.
    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        let ObservationSpace::Discrete { size } = spec.observation else {
            return 0.0;
        };
        lanes as f64 * (size_of::<Searcher>() + 2 * size) as f64
    }
}

/// What is looked for: first the key, then the door.
const KEY: usize = 0;
const DOOR: usize = 1;

/// What one lane knows.
#[derive(Clone, Debug, Default)]
struct Searcher {
    size: u32,
    reset_steps: bool,
    at: Cell,
    has_key: bool,
    /// Where key and door are, once that is known.
    found: [Option<Cell>; 2],
    /// Where they cannot be. `[cells]` each
    excluded: [Vec<bool>; 2],
    /// Where to go for each of them.
    targets: [Option<Cell>; 2],
}

impl Searcher {
    fn forget(&mut self) {
        self.has_key = false;
        self.found = [None; 2];
        self.targets = [None; 2];
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
        self.has_key |= reward > 0.0;
        if ends {
            self.has_key = false;
            self.targets = [None; 2];
        }
    }

    /// Where to go now.
    fn target(&mut self, search: Search, rng: &mut Stream) -> Cell {
        let sought = if self.has_key { DOOR } else { KEY };
        if let Some(found) = self.found[sought] {
            return found;
        }
        let target = self.targets[sought].filter(|target| match search {
            Search::Sample => true,
            Search::Nearest => !self.excluded[sought][target.index(self.size) as usize],
        });
        let target = target.unwrap_or_else(|| {
            let excluded = &self.excluded[sought];
            let cells = (0..self.size * self.size).filter(|cell| !excluded[*cell as usize]);
            let mut cells = cells.map(|index| Cell::of(index, self.size));
            let chosen = match search {
                Search::Sample => {
                    let possible = excluded.iter().filter(|excluded| !**excluded).count();
                    cells.nth(rng.random_range(0..possible.max(1)))
                }
                Search::Nearest => cells.min_by_key(|cell| cell.distance(self.at)),
            };
            chosen.unwrap_or(self.at)
        });
        self.targets[sought] = Some(target);
        target
    }
}

/// Searches in each lane.
struct Searchers {
    search: Search,
    observation: ObservationSpace,
    lanes: Vec<Searcher>,
}

impl Policy for Searchers {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let (Some(actions), Actions::Discrete(previous)) =
            (out.action.discrete(), row.previous_action)
        else {
            return; // `make` has refused continuous actions.
        };
        let width = self.observation.width();
        let observations = row.observation.chunks_exact(width);
        for (lane, (searcher, seen)) in self.lanes.iter_mut().zip(observations).enumerate() {
            match row.start[lane] {
                true => searcher.forget(),
                false => {
                    let reward = row.previous_reward[lane];
                    searcher.learn(previous[lane], reward, row.previous_outcome[lane]);
                }
            }
            searcher.at = match self.observation {
                ObservationSpace::Discrete { .. } => Cell::of(seen[0] as u32, searcher.size),
                ObservationSpace::Vector { .. } => cell_shown(seen, searcher.size),
            };
            let target = searcher.target(self.search, &mut streams[lane]);
            actions[lane] = searcher.at.move_to(target);
        }
    }
}
