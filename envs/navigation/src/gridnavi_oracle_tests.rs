use super::*;
use std::collections::{BTreeSet, HashMap};

fn trial(size: u32, horizon: u32, episodes: u32) -> Trial {
    Trial {
        size,
        horizon,
        episodes,
    }
}

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
}

/// The definition, over all that an agent can know: the goals that are still
/// possible, its position and the time. Nothing is assumed of what is best
/// once the goal is found. Values are of one trial for each possible goal.
struct Definition {
    trial: Trial,
    known: HashMap<(u64, u32, u32), f64>,
}

impl Definition {
    fn new(trial: Trial) -> Self {
        let known = HashMap::new();
        Self { trial, known }
    }

    /// All goals.
    fn prior(trial: Trial) -> u64 {
        let cells = (0..trial.size * trial.size).map(|index| Cell::of(index, trial.size));
        let goals = cells.filter(|cell| cell.x > 1 || cell.y > 1);
        goals.map(|cell| 1 << cell.index(trial.size)).sum()
    }

    fn value(trial: Trial) -> f64 {
        let belief = Self::prior(trial);
        let sum = Self::new(trial).sum(belief, Cell::default(), 0);
        sum / f64::from(belief.count_ones())
    }

    fn sum(&mut self, belief: u64, at: Cell, step: u32) -> f64 {
        if u64::from(step) == self.trial.steps() || belief == 0 {
            return 0.0;
        }
        if let Some(sum) = self.known.get(&(belief, at.index(self.trial.size), step)) {
            return *sum;
        }
        let sums = (0..MOVES as u32).map(|action| self.after(belief, at, step, action).0);
        let best = sums.fold(f64::NEG_INFINITY, f64::max);
        self.known
            .insert((belief, at.index(self.trial.size), step), best);
        best
    }

    /// The same of an action first; and what is known then and where one is, if that was not
    /// the goal.
    fn after(&mut self, belief: u64, at: Cell, step: u32, action: u32) -> (f64, (u64, Cell)) {
        let to = at.moved(action, self.trial.size);
        let here = belief & 1 << to.index(self.trial.size);
        let next = match (step + 1) % self.trial.horizon {
            0 => Cell::default(),
            _ => to,
        };
        let others = f64::from((belief ^ here).count_ones());
        let mut sum = f64::from(here.count_ones()) - 0.1 * others;
        for belief in [here, belief ^ here] {
            sum += self.sum(belief, next, step + 1);
        }
        (sum, (belief ^ here, next))
    }
}

/// What every action is worth after every history without the goal, beyond never finding it.
#[test]
fn worths_by_definition() {
    for (size, horizon, episodes) in [(3, 1, 3), (3, 2, 3), (3, 4, 2), (4, 5, 2), (5, 4, 2)] {
        let trial = trial(size, horizon, episodes);
        let worths = trial.worths().unwrap();
        let mut definition = Definition::new(trial);
        let mut states = BTreeSet::from([(Definition::prior(trial), 0)]);
        for step in 0..trial.steps() as u32 {
            let never = -0.1 * (trial.steps() as u32 - step) as f64;
            for (belief, at) in std::mem::take(&mut states) {
                let at = Cell::of(at, size);
                let entered: Vec<bool> = (0..size * size)
                    .map(|cell| belief >> cell & 1 == 0)
                    .collect();
                let mut found = [0.0; MOVES];
                worths.evaluate(at, step.into(), &entered, &mut found);
                for (action, found) in (0..).zip(found) {
                    let (sum, (left, next)) = definition.after(belief, at, step, action);
                    assert_close(never + found, sum / f64::from(belief.count_ones()));
                    if left > 0 {
                        states.insert((left, next.index(size)));
                    }
                }
            }
        }
    }
}

/// Where 16 bits do not hold the sums of gains there is no table, and none is counted.
#[test]
fn tables_are_as_large_as_they_are_counted() {
    let kept = |trial: Trial| {
        trial
            .worths()
            .map(|it| it.layers.iter().map(Vec::len).sum())
    };
    let published: usize = kept(trial(5, 15, 4)).unwrap();
    assert_eq!(published, 60 * 275_744 * 25);
    let counted = trial(5, 15, 4).worths_bytes();
    assert!(counted > 2.0 * published as f64 && counted < 2.4 * published as f64);
    let long = trial(3, 500, 8);
    assert!(long.solve().is_ok() && long.solution_bytes() > 0.0);
    assert!(kept(long).is_err());
    assert_eq!(long.worths_bytes(), 0.0);
}

#[test]
fn values_by_definition() {
    let trials = [
        (3, 1, 1),
        (3, 1, 3),
        (3, 2, 1),
        (3, 2, 3),
        (3, 3, 2),
        (3, 4, 1),
        (3, 4, 3),
        (3, 5, 2),
        (3, 9, 1),
        (4, 5, 2),
        (4, 9, 1),
        (5, 4, 2),
        (5, 8, 1),
        (7, 3, 2),
    ];
    for (size, horizon, episodes) in trials {
        let trial = trial(size, horizon, episodes);
        let found = trial.solve().unwrap().value;
        assert_close(found, Definition::value(trial));
    }
}

/// All paths, each worth what following it earns on average over all goals,
/// with a shortest path to the goal once it is found.
#[test]
fn values_by_all_paths() {
    for (horizon, episodes) in [(3, 2), (2, 3), (7, 1)] {
        let trial = trial(3, horizon, episodes);
        let steps = trial.steps() as u32;
        let mut best = f64::NEG_INFINITY;
        for code in 0..5_u32.pow(steps) {
            let actions: Vec<u32> = (0..steps).map(|t| code / 5_u32.pow(t) % 5).collect();
            let goals = (0..9).map(|index| Cell::of(index, 3));
            let goals = goals.filter(|cell| cell.x > 1 || cell.y > 1);
            let total: f64 = goals.map(|goal| follow(trial, &actions, goal)).sum();
            best = best.max(total / 5.0);
        }
        assert_close(trial.solve().unwrap().value, best);
    }
}

fn follow(trial: Trial, actions: &[u32], goal: Cell) -> f64 {
    let (mut found, mut at, mut total) = (false, Cell::default(), 0.0);
    for (step, action) in actions.iter().enumerate() {
        if step % trial.horizon as usize == 0 {
            at = Cell::default();
        }
        let [across, along] = at.moves_to(goal);
        let known = across.or(along).unwrap_or(0);
        at = at.moved(if found { known } else { *action }, trial.size);
        found |= at == goal;
        total += if at == goal { 1.0 } else { -0.1 };
    }
    total
}

/// At the published size the first episode alone is worth 4, and each later
/// one as much as if the goal were known, which no agent can beat: the search
/// meets an upper bound that it knows nothing of.
#[test]
fn the_published_size() {
    let solution = trial(5, 15, 4).solve().unwrap();
    assert_close(solution.value, 521.0 / 14.0);
    let known = 155.0 / 14.0;
    let first = trial(5, 15, 1).solve().unwrap();
    assert_close(first.value, 4.0);
    for (found, wanted) in solution.rewards.chunks(15).zip([4.0, known, known, known]) {
        assert_close(found.iter().sum(), wanted);
    }
    assert_eq!(solution.path.len(), 60);
}

#[test]
fn rewards_sum_to_the_trial() {
    for (size, horizon, episodes) in [(3, 4, 3), (4, 6, 2), (5, 4, 3), (4, 1, 2), (4, 15, 4)] {
        let solution = trial(size, horizon, episodes).solve().unwrap();
        assert_eq!(solution.rewards.len(), (horizon * episodes) as usize);
        assert_close(solution.rewards.iter().sum(), solution.value);
    }
}

/// Every step of the path is one move, and it starts over with each episode.
#[test]
fn paths_can_be_walked() {
    for (size, horizon, episodes) in [(3, 4, 3), (4, 6, 2), (5, 5, 2)] {
        let solution = trial(size, horizon, episodes).solve().unwrap();
        for episode in solution.path.chunks(horizon as usize) {
            let mut at = Cell::default();
            for to in episode {
                assert!(at.distance(*to) <= 1 && to.x < size && to.y < size);
                at = *to;
            }
        }
    }
}

/// Sets that hang together with the cells that are never goals, by filling.
#[test]
fn reachable_sets_hang_together() {
    for (size, horizon) in [(3, 15), (4, 15), (5, 4), (9, 4)] {
        let map = Map::new(trial(size, horizon, 1));
        let (cells, goals) = trial(size, horizon, 1).within_reach();
        assert_eq!((map.cells.len() as f64, map.goals as f64), (cells, goals));
        let reachable = map.reachable_sets();
        for set in 0..1_u32 << map.goals {
            let has = |cell: usize| map.bit[cell] == 0 || set & map.bit[cell] != 0;
            let mut filled = vec![false; map.cells.len()];
            let mut open = vec![0];
            while let Some(cell) = open.pop() {
                if has(cell) && !std::mem::replace(&mut filled[cell], true) {
                    open.extend(map.moves[cell]);
                }
            }
            let wanted = (0..map.cells.len()).all(|cell| filled[cell] || !has(cell));
            let found = reachable[set as usize / 64] >> (set % 64) & 1 == 1;
            assert_eq!(found, wanted, "{set:b} of {size}, {horizon}");
        }
    }
    let sets = Map::new(trial(5, 15, 4)).reachable_sets();
    let sets: u32 = sets.iter().map(|word| word.count_ones()).sum();
    assert_eq!(sets, 275_744);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "it bounds a time")]
fn sizes_out_of_reach_are_refused_at_once() {
    let begin = std::time::Instant::now();
    for (size, horizon, episodes) in [
        (6, 15, 4),
        (1000, 1_000_000, 4_000),
        (5, 15, 4_000),
        (5, 1_000_000, 1),
        (3, 1_000_000, 4_000),
        (1000, 6, 100),
    ] {
        let why = trial(size, horizon, episodes).solve().unwrap_err();
        assert!(why.contains("B of memory and"), "{why}");
        assert!(!why.contains("NaN") && !why.contains("inf"), "{why}");
    }
    assert!(begin.elapsed().as_secs() < 20);
}

/// Every rule from cells to moves, played in every task.
#[test]
fn the_memoryless_optimum_is_the_best_of_all_rules() {
    const SIZE: u32 = 3;
    for (horizon, episodes) in [(1u32, 2u32), (3, 2), (6, 1)] {
        let cells = SIZE * SIZE;
        let returns = (0..(MOVES as u32).pow(cells)).map(|rule| {
            let mut at = Cell::default();
            let mut on_goals = 0u32;
            for _ in 0..horizon {
                let action = rule / (MOVES as u32).pow(at.index(SIZE)) % MOVES as u32;
                at = at.moved(action, SIZE);
                on_goals += u32::from(at.x > 1 || at.y > 1);
            }
            // In one task of five a step there is on the goal.
            let paid = f64::from(on_goals) / 5.0;
            f64::from(episodes) * (paid - 0.1 * (f64::from(horizon) - paid))
        });
        let best = returns.fold(f64::NEG_INFINITY, f64::max);
        let env = crate::GridNavi::new(SIZE as usize, horizon as usize, episodes as usize).unwrap();
        let (name, value) = rl_core::TaskDistribution::further_values(&env).swap_remove(0);
        assert_eq!(name, rl_core::MEMORYLESS_OPTIMUM);
        assert_close(value.get().unwrap(), best);
    }
}
