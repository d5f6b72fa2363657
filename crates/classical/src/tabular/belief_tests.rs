use super::*;
use crate::posterior::{Dirichlet, Normal};
use rl_core::{Domain, Moments, Purpose, StreamKey};

const SIZES: Sizes = Sizes {
    states: 3,
    actions: 2,
    horizon: 4,
};
const PRIOR: Prior = Prior {
    mean: 1.0,
    weight: 1.0,
};

fn stream() -> Stream {
    StreamKey::new(11, Domain::Tuning, 0).lane(Purpose::Action, 0)
}

/// The probability of a next state, or of the end, in a guess.
fn transition(guess: &Guess, pair: usize, next: usize) -> f64 {
    guess.transition[next * SIZES.pairs() + pair]
}

/// A pair's rewards and next states, with counts on both sides of [`FEW`].
fn seen(belief: &mut Belief, pair: usize) {
    for (reward, next) in [(2.0, 0), (-1.0, 0), (0.5, 2), (3.0, 3), (1.5, 0), (0.0, 0)] {
        belief.see_reward(pair, reward);
        belief.see_transition(pair, next);
    }
}

#[test]
fn means_are_those_of_the_conjugate_posteriors() {
    for (mean, weight) in [(1.0, 1.0), (-2.0, 0.5)] {
        let mut belief = Belief::new(SIZES, Prior { mean, weight });
        let mut rewards = vec![Normal::new(mean, weight).unwrap(); SIZES.pairs()];
        let mut transitions = vec![Dirichlet::flat(SIZES.states, weight).unwrap(); SIZES.pairs()];
        let mut rng = stream();
        for _ in 0..100 {
            let pair = rng.random_range(1..SIZES.pairs());
            let next = rng.random_range(0..SIZES.states);
            let reward: f64 = rng.sample(StandardNormal);
            belief.see_reward(pair, reward);
            belief.see_transition(pair, next);
            rewards[pair].observe(reward, 1.0);
            transitions[pair].observe(next);
        }
        let mut guess = Guess::new(SIZES);
        belief.mean(&mut guess);
        for pair in 0..SIZES.pairs() {
            assert!((guess.reward[pair] - rewards[pair].mean()).abs() < 1e-12);
            let mut row = [0.0; 3];
            transitions[pair].mean(&mut row);
            for (next, p) in row.into_iter().enumerate() {
                assert!((transition(&guess, pair, next) - p).abs() < 1e-12);
            }
            assert_eq!(transition(&guess, pair, SIZES.states), 0.0);
        }
        assert_eq!(belief.steps(), 100);
    }
}

/// N((1 + 6) / 7, 1/7) and Dirichlet(5, 1, 2; end 1), against 40,000 draws: 4
/// standard errors.
#[test]
fn draws_are_those_of_the_posterior() {
    let mut belief = Belief::new(SIZES, PRIOR);
    let pair = SIZES.pair(1, 1);
    seen(&mut belief, pair);
    let (mut guess, mut rng) = (Guess::new(SIZES), stream());
    let mut rewards = [Moments::default(); 2];
    let mut transitions = [[Moments::default(); 4]; 2];
    for _ in 0..40_000 {
        belief.sample(&mut guess, &mut rng);
        for (index, pair) in [pair, 0].into_iter().enumerate() {
            rewards[index].push(guess.reward[pair]);
            for (next, moments) in transitions[index].iter_mut().enumerate() {
                moments.push(transition(&guess, pair, next));
            }
        }
    }
    let near = |moments: &Moments, mean: f64, deviation: f64| {
        let error = (moments.mean() - mean).abs();
        assert!(error <= 4.0 * moments.standard_error(), "{moments:?}");
        assert!((moments.standard_deviation() - deviation).abs() <= 0.02 * deviation);
    };
    near(&rewards[0], 1.0, (1.0_f64 / 7.0).sqrt());
    near(&rewards[1], 1.0, 1.0);
    for (row, counts) in transitions
        .iter()
        .zip([[5.0, 1.0, 2.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
    {
        let sum: f64 = counts.iter().sum();
        for (moments, count) in row.iter().zip(counts) {
            let mean = count / sum;
            near(moments, mean, (mean * (1.0 - mean) / (sum + 1.0)).sqrt());
        }
    }
}

/// Whatever the weight of the prior, a draw is a distribution.
#[test]
fn draws_of_slight_priors_are_distributions() {
    let sizes = Sizes { states: 2, ..SIZES };
    for weight in [Prior::LEAST, 0.3, 2.5, 1e6] {
        let belief = Belief::new(sizes, Prior { mean: 0.0, weight });
        let (mut guess, mut rng) = (Guess::new(sizes), stream());
        for _ in 0..2_000 {
            belief.sample(&mut guess, &mut rng);
            for pair in 0..sizes.pairs() {
                let [first, second] = [0, 1].map(|next| guess.transition[next * 4 + pair]);
                assert!((first + second - 1.0).abs() < 1e-9, "{first} {second}");
            }
        }
    }
}

#[test]
fn a_cleared_belief_is_the_prior() {
    let mut belief = Belief::new(SIZES, PRIOR);
    seen(&mut belief, 2);
    belief.clear();
    let (mut found, mut wanted) = (Guess::new(SIZES), Guess::new(SIZES));
    belief.mean(&mut found);
    Belief::new(SIZES, PRIOR).mean(&mut wanted);
    assert_eq!(found.reward, wanted.reward);
    assert_eq!(found.transition, wanted.transition);
    assert_eq!(belief.steps(), 0);
}

#[test]
fn what_is_no_number_teaches_nothing() {
    let mut belief = Belief::new(SIZES, PRIOR);
    belief.see_reward(0, f64::NAN);
    belief.see_reward(0, f64::INFINITY);
    let mut guess = Guess::new(SIZES);
    belief.mean(&mut guess);
    assert_eq!((guess.reward[0], belief.visits()[0]), (1.0, 0.0));
}
