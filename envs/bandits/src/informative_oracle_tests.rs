use super::*;
use std::collections::HashMap;

/// The definition: every arm in every state of knowledge, which is the set of
/// arms that can be the target, as bits, and the pulls to come.
struct Game {
    candidates: u32,
    values: HashMap<(u32, usize), f64>,
}

impl Game {
    fn value(candidates: u32, pulls: usize) -> f64 {
        let mut game = Self {
            candidates,
            values: HashMap::new(),
        };
        game.of((1 << candidates) - 1, pulls)
    }

    fn of(&mut self, open: u32, pulls: usize) -> f64 {
        if pulls == 0 {
            return 0.0;
        }
        let count = f64::from(open.count_ones());
        let rest = 5.0 * (pulls - 1) as f64;
        if open.count_ones() == 1 {
            return 5.0 + rest;
        }
        if let Some(value) = self.values.get(&(open, pulls)) {
            return *value;
        }
        let indices: u32 = (0..self.candidates).filter(|i| open & (1 << i) != 0).sum();
        let mut best = 0.1 * (f64::from(indices) / count + 1.0) + rest;
        for arm in 0..self.candidates {
            let left = open & !(1 << arm);
            let known = 1.0 + self.of(left, pulls - 1);
            let value = match left == open {
                true => known,
                false => (5.0 + rest) / count + known * (count - 1.0) / count,
            };
            best = best.max(value);
        }
        self.values.insert((open, pulls), best);
        best
    }
}

#[test]
fn values_by_definition() {
    let small = (1..=6).flat_map(|candidates| (1..=8).map(move |pulls| (candidates, pulls)));
    let published = [1, 2, 3, 5, 9].map(|pulls| (10, pulls));
    for (candidates, pulls) in small.chain(published) {
        let plan = Plan::best(candidates, pulls);
        let wanted = Game::value(candidates, pulls);
        let found: f64 = plan.rewards(pulls).iter().sum();
        assert!(
            (found - wanted).abs() < 1e-12,
            "{plan:?}, {pulls}: {found}, {wanted}"
        );
    }
}

#[test]
fn the_published_size_asks_at_once() {
    let plan = Plan::best(10, 5);
    assert!(plan.asks);
    // The mean of 0.1 to 1, and 5 four times.
    assert!((plan.value(5) - 20.55).abs() < 1e-12);
    // A single pull is better guessed: 1.4 on average instead of 0.55. Of two
    // candidates, one that is guessed tells all.
    assert!(!Plan::best(10, 1).asks && !Plan::best(2, 5).asks && !Plan::best(1, 3).asks);
}

fn searcher(candidates: u32, pulls: u32) -> Searcher {
    let plan = Plan::best(candidates, pulls as usize);
    Searcher { plan, pulls }
}

#[test]
fn answers_are_read_exactly() {
    let searcher = searcher(50, 100);
    assert!(searcher.plan.asks);
    for target in 0..50 {
        let mut search = Search::default();
        searcher.learn(&mut search, 50, hint(target) as f32);
        assert_eq!(searcher.choose(&search), target);
    }
}

/// Of every arm after every history: its pay, and the definition of what it leaves.
#[test]
fn arms_are_worth_what_they_lead_to() {
    const CANDIDATES: u32 = 5;
    for pulls in 1..=6_u32 {
        let searcher = searcher(CANDIDATES, pulls);
        let values = HashMap::new();
        let mut game = Game {
            candidates: CANDIDATES,
            values,
        };
        for left in 1..1_u64 << CANDIDATES {
            let others = ((1 << CANDIDATES) - 1) & !left;
            let search = Search {
                pulls: 0,
                target: None,
                others,
            };
            let mut found = [0.0; CANDIDATES as usize + 1];
            searcher.evaluate(&search, &mut found);
            let (count, rest) = (f64::from(left.count_ones()), pulls as usize - 1);
            let mut value = |open: u64| game.of(open as u32, rest);
            for (arm, found) in found[..CANDIDATES as usize].iter().enumerate() {
                let without = left & !(1 << arm);
                let wanted = match (without == left, without) {
                    (true, _) => 1.0 + value(left),
                    (_, 0) => 5.0 + value(left),
                    _ => {
                        let paid = 5.0 + value(1 << arm);
                        paid / count + (1.0 + value(without)) * (count - 1.0) / count
                    }
                };
                assert!((found - wanted).abs() < 1e-12, "{left:b}, {pulls}, {arm}");
            }
            let paid = (0..CANDIDATES).filter(|arm| left >> arm & 1 == 1);
            let paid = paid.map(|arm| 0.1 * f64::from(arm + 1)).sum::<f64>() / count;
            let wanted = paid + 5.0 * rest as f64;
            assert!(
                (found[CANDIDATES as usize] - wanted).abs() < 1e-12,
                "asking, {left:b}"
            );
        }
    }
}
