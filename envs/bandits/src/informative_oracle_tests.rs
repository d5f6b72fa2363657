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

#[test]
fn answers_are_read_exactly() {
    let plan = Plan {
        candidates: 50,
        asks: true,
    };
    for target in 0..50 {
        let mut search = Search::default();
        plan.learn(&mut search, 50, hint(target) as f32);
        assert_eq!(plan.choose(&search), target);
    }
}
