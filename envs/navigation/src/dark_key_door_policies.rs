//! Policies for Dark Key-To-Door that know its rules and look for key and door.

use crate::dark_key_door::NAME;
use crate::dark_key_door_belief::{DOOR, KEY, Sought};
use crate::grid::Cell;
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, EnvSpec, ObservationSpace, Outcome, Policy, PolicyFactory};
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
            let searcher = Searcher {
                known: Sought::new(self.size, self.reset_steps),
                targets: [None; 2],
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
    fn bytes(&self, _: &EnvSpec, lanes: usize) -> f64 {
        lanes as f64 * (size_of::<Searcher>() as f64 + Sought::bytes(self.size))
    }
}

/// What one lane knows, and where it is going.
#[derive(Clone, Debug)]
struct Searcher {
    known: Sought,
    /// Where to go for each of them.
    targets: [Option<Cell>; 2],
}

impl Searcher {
    /// Where to go now.
    fn target(&mut self, search: Search, rng: &mut Stream) -> Cell {
        let Sought {
            size,
            at,
            has_key,
            found,
            excluded,
            ..
        } = &self.known;
        let sought = if *has_key { DOOR } else { KEY };
        if let Some(found) = found[sought] {
            return found;
        }
        let target = self.targets[sought].filter(|target| match search {
            Search::Sample => true,
            Search::Nearest => !excluded[sought][target.index(*size) as usize],
        });
        let target = target.unwrap_or_else(|| {
            let excluded = &excluded[sought];
            let cells = (0..size * size).filter(|cell| !excluded[*cell as usize]);
            let mut cells = cells.map(|index| Cell::of(index, *size));
            let chosen = match search {
                Search::Sample => {
                    let possible = excluded.iter().filter(|excluded| !**excluded).count();
                    cells.nth(rng.random_range(0..possible.max(1)))
                }
                Search::Nearest => cells.min_by_key(|cell| cell.distance(*at)),
            };
            chosen.unwrap_or(*at)
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
        let Some(actions) = out.action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        for (lane, searcher) in self.lanes.iter_mut().enumerate() {
            searcher.known.see(row, lane, &self.observation);
            if row.start[lane] || row.previous_outcome[lane] != Outcome::Continue {
                searcher.targets = [None; 2];
            }
            let target = searcher.target(self.search, &mut streams[lane]);
            actions[lane] = searcher.known.at.move_to(target);
        }
    }
}
