//! Two dependent arms.

use crate::common::{
    assert_earns_its_value, by_rule, description, mean, standard_errors, tasks_of,
};
use bandits::{DependentBandit, Variant};
use rl_core::rand::RngExt as _;
use rl_core::{EnvFactory, Moments, TaskDistribution, Tasks};

const VARIANTS: [(Variant, f64); 4] = [
    (Variant::Uniform, 0.75),
    (Variant::Easy, 0.9),
    (Variant::Medium, 0.75),
    (Variant::Hard, 0.6),
];

fn tasks(variant: Variant, pulls: usize) -> Tasks<DependentBandit> {
    Tasks::new(DependentBandit::new(variant, pulls).unwrap()).unwrap()
}

#[test]
fn probabilities_add_up_and_have_their_distribution() {
    for (variant, better) in VARIANTS {
        let distribution = DependentBandit::new(variant, 10).unwrap();
        let (mut first, mut best) = (Moments::default(), Moments::default());
        for task in tasks_of(&distribution, 4000) {
            let chances = description(&distribution, &task);
            assert!((chances[0] + chances[1] - 1.0).abs() < 1e-6);
            let highest = f64::from(chances[0].max(chances[1]));
            let optimum = distribution.known_task_optimum(&task).unwrap();
            assert!((optimum - 10.0 * highest).abs() < 1e-5);
            first.push(f64::from(chances[0]));
            best.push(highest);
        }
        assert!(standard_errors(&first, 0.5).abs() < 3.0, "{variant:?}");
        // Of one number, f32 leaves only a rounding error.
        let bound = 3.0 * best.standard_error() + 1e-6;
        assert!((best.mean() - better).abs() < bound, "{variant:?}");
    }
}

#[test]
fn arms_pay_with_their_probabilities() {
    let distribution = DependentBandit::new(Variant::Easy, 50).unwrap();
    let chances = tasks_of(&distribution, 500).into_iter().map(|task| {
        let chances = description(&distribution, &task);
        [chances[0], chances[1]].map(f64::from)
    });
    let chances: Vec<_> = chances.collect();
    for arm in 0..2 {
        let trajectory = by_rule(&tasks(Variant::Easy, 50), 500, |_, _, _| arm);
        for better in [true, false] {
            let lanes = (0..500).filter(|lane| (chances[*lane][arm as usize] > 0.5) == better);
            let rewards =
                lanes.flat_map(|lane| trajectory.rewards().iter().skip(lane).step_by(500));
            let rewards: Moments = rewards.map(|reward| f64::from(*reward)).collect();
            let wanted = if better { 0.9 } else { 0.1 };
            assert!(standard_errors(&rewards, wanted).abs() < 3.0);
        }
    }
}

#[test]
fn the_published_regret() {
    for (variant, wanted) in [(Variant::Easy, 0.625), (Variant::Medium, 1.0)] {
        let values = tasks(variant, 100).exact_values();
        let known = values.known_task_optimum.get().unwrap();
        let regret = known - values.bayes_optimal.get().unwrap();
        assert!((regret - wanted).abs() < 5e-4, "{variant:?}: {regret}");
        assert_eq!(values.random.get(), Some(50.0));
    }
}

#[test]
fn the_optimal_policy_earns_the_optimal_value_and_rules_of_thumb_less() {
    for (variant, _) in VARIANTS {
        let tasks = tasks(variant, 40);
        assert_earns_its_value(&tasks, 20_000);
        let best = tasks.exact_values().bayes_optimal.get().unwrap();
        let win_stay = by_rule(&tasks, 20_000, |_, before, _| match before {
            Some((arm, reward)) => u32::from((arm == 1) == (reward > 0.5)),
            None => 0,
        });
        let random = by_rule(&tasks, 20_000, |_, _, rng| rng.random_range(0..2));
        for rule in [win_stay, random] {
            let error = standard_errors(&mean(&rule), best);
            assert!(error < -10.0, "{variant:?}: {error} standard errors");
        }
    }
}
