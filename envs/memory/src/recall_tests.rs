//! What holds of every script, over all that it may show.

use crate::deck::Cards;
use crate::{
    AssociativeRecall, Autoencode, Copying, CountRecall, MemoryChain, RepeatFirst, RepeatPrevious,
    Script,
};
use rl_core::rand::SeedableRng as _;
use std::collections::{BTreeMap, BTreeSet};

/// All orders of cards, each kind's cards being alike.
fn orders(cards: Cards) -> Vec<Vec<u64>> {
    let mut all: Vec<Vec<u64>> = vec![Vec::new()];
    for _ in 0..cards.count() {
        let longer = all.iter().flat_map(|order| {
            (0..cards.kinds as u64).map(move |kind| [&order[..], &[kind]].concat())
        });
        let of = |order: &[u64], kind| order.iter().filter(|card| **card == kind).count();
        let fits = |order: &Vec<u64>| (0..cards.kinds as u64).all(|k| of(order, k) <= cards.copies);
        all = longer.filter(fits).collect();
    }
    all
}

/// All that a script shows, found by drawing it very often; each is equally probable.
fn drawn<S: Script>(script: &S) -> Vec<Vec<u64>> {
    let mut rng = rl_core::Stream::seed_from_u64(1);
    let mut all: BTreeMap<Vec<u64>, u32> = BTreeMap::new();
    for _ in 0..20_000 {
        let mut shown = vec![0; script.steps()];
        script.deal(&mut shown, &mut rng);
        *all.entry(shown).or_default() += 1;
    }
    let mean = 20_000.0 / all.len() as f64;
    assert!(
        mean > 20.0,
        "{script:?} shows too many things: {}",
        all.len()
    );
    // The largest of up to a thousand deviations.
    let far = |count: &u32| (f64::from(*count) - mean).abs() / mean.sqrt();
    let farthest = all.values().map(far).fold(0.0, f64::max);
    assert!(farthest < 5.0, "{script:?}: {farthest} standard errors");
    all.into_keys().collect()
}

/// What is seen in a step.
fn seen<S: Script>(script: &S, shown: &[u64], step: usize) -> Vec<u32> {
    let mut row = vec![f32::NAN; script.observation().width()];
    script.show(step, shown[step], &mut row);
    assert_eq!(script.read(&row), shown[step], "{script:?}, step {step}");
    row.iter().map(|number| number.to_bits()).collect()
}

/// How many right answers the best policy without memory gives per episode: for each
/// observation the answer that is right most often.
fn searched<S: Script>(script: &S, all: &[Vec<u64>]) -> f64 {
    let mut right: BTreeMap<Vec<u32>, BTreeMap<u32, u32>> = BTreeMap::new();
    for shown in all {
        for step in (0..script.steps()).filter(|step| script.asks(*step)) {
            let answer = script.recall(&shown[..=step]);
            if (answer as usize) < script.answers() {
                let answers = right.entry(seen(script, shown, step)).or_default();
                *answers.entry(answer).or_default() += 1;
            }
        }
    }
    let best = right.values().filter_map(|answers| answers.values().max());
    f64::from(best.sum::<u32>()) / all.len() as f64
}

fn check<S: Script>(script: S) {
    let all = drawn(&script);
    let (found, wanted) = (searched(&script, &all), script.memoryless());
    assert!(
        (found - wanted).abs() < 1e-9,
        "{script:?}: {found}, not {wanted}"
    );
    for step in (0..script.steps()).filter(|step| script.asks(*step)) {
        let right =
            |shown: &&Vec<u64>| (script.recall(&shown[..=step]) as usize) < script.answers();
        let share = all.iter().filter(right).count() as f64 / all.len() as f64;
        let wanted = script.answerable(step);
        assert!(
            (share - wanted).abs() < 1e-9,
            "{script:?}, step {step}: {share}, not {wanted}"
        );
    }
}

fn cards(kinds: usize, copies: usize) -> Cards {
    Cards { kinds, copies }
}

#[test]
fn shuffled_cards_come_in_every_order() {
    let cards = cards(3, 2);
    let mut rng = rl_core::Stream::seed_from_u64(2);
    let drawn: BTreeSet<Vec<u64>> = (0..5_000)
        .map(|_| cards.shuffled(&mut rng).collect())
        .collect();
    let all: BTreeSet<Vec<u64>> = orders(cards).into_iter().collect();
    assert_eq!(all.len(), 90);
    assert_eq!(drawn, all);
}

/// The best answer to each observation, over all that may be shown, is right as often as
/// the formulas say.
#[test]
fn without_memory_no_policy_earns_more() {
    for (length, bits) in [(1, 3), (2, 1), (2, 4), (5, 2)] {
        check(MemoryChain { length, bits });
    }
    for cards in [cards(2, 3), cards(3, 2), cards(2, 1)] {
        check(RepeatFirst { cards });
        check(Autoencode { cards });
        for k in 1..cards.count() {
            check(RepeatPrevious { cards, k });
        }
    }
    for cards in [cards(2, 3), cards(2, 2)] {
        check(CountRecall { cards });
    }
    for (length, symbols) in [(1, 2), (3, 4), (4, 3)] {
        check(Copying { length, symbols });
    }
    for (pairs, keys, values) in [(1, 3, 2), (2, 3, 3), (2, 2, 4)] {
        check(AssociativeRecall {
            pairs,
            keys,
            values,
        });
    }
}
