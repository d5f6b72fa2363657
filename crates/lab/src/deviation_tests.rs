use crate::registry::{Built, Registry};
use rl_core::{Domain, PolicyFactory};
use rollout::{Deviations, Held, Pool, deviations};
use std::ops::ControlFlow;
use std::sync::Arc;

fn built(name: &str, settings: &str) -> Built {
    let registry = Registry::standard();
    let entry = registry.environment(name).unwrap();
    Built::new(entry, &settings.parse().unwrap()).unwrap()
}

fn learner(name: &str) -> Arc<dyn PolicyFactory> {
    Arc::from(classical::learner(name, &Default::default()).unwrap())
}

fn beside(built: &Built, policy: &Arc<dyn PolicyFactory>, tasks: usize) -> Option<Deviations> {
    let [one, two] = [1, 2].map(|workers| beside_on(workers, (built, policy), tasks));
    assert!(
        format!("{one:?}") == format!("{two:?}"),
        "the same for any workers"
    );
    two
}

fn beside_on(
    workers: usize,
    (built, policy): (&Built, &Arc<dyn PolicyFactory>),
    tasks: usize,
) -> Option<Deviations> {
    let optimal: Arc<dyn PolicyFactory> = Arc::from(built.factory.bayes_optimal_policy().unwrap());
    let optimal = optimal.with_advantages().unwrap_or(optimal);
    compared(workers, (built, policy), optimal, tasks)
}

fn compared(
    workers: usize,
    (built, policy): (&Built, &Arc<dyn PolicyFactory>),
    optimal: Arc<dyn PolicyFactory>,
    tasks: usize,
) -> Option<Deviations> {
    let pool = Pool::new(workers, || ()).unwrap();
    let held = Held {
        tasks,
        seed: 3,
        domain: Domain::HeldOut,
    };
    let unwatched = |_| ControlFlow::Continue(());
    let policies = [policy, &optimal];
    deviations(&pool, &built.factory, policies, (held, unwatched)).unwrap()
}

/// Environments whose optimal policies know what actions are worth.
const SOLVED: [(&str, &str); 15] = [
    ("bernoulli-bandit", "arms = 3\npulls = 8"),
    ("bernoulli-bandit", "arms = 6\npulls = 4"),
    ("dependent-bandit", "pulls = 12"),
    ("dependent-bandit", "variant = \"hard\"\npulls = 12"),
    ("informative-arm", "arms = 5\npulls = 4"),
    ("informative-arm", "arms = 7\npulls = 8"),
    ("restless-bandit", "pulls = 30"),
    ("two-step", "rounds = 8"),
    ("two-step", "rounds = 8\nswitch = 0.2"),
    ("chain", "horizon = 8\nepisodes = 2"),
    (
        "recurring-bandit",
        "contexts = 2\nmeetings = 2\npulls = 4\narms = 3\nbits = 3",
    ),
    ("t-maze", "length = 4"),
    ("empty-grid", "size = 5\nhorizon = 12\nepisodes = 2"),
    ("gridnavi", "size = 3\nhorizon = 4\nepisodes = 2"),
    // A goal that is out of reach.
    ("gridnavi", "size = 4\nhorizon = 5\nepisodes = 3"),
];

/// What the actions of a trial lose is what the policy earns less than the best one, by
/// the performance-difference lemma.
#[test]
fn what_actions_lose_is_what_is_earned_less() {
    for (name, settings) in SOLVED {
        let built = built(name, settings);
        let exact = built.factory.exact_values();
        let gap = exact.bayes_optimal.get().unwrap() - exact.random.get().unwrap();
        let found = beside(&built, &learner("random"), 20_000).unwrap();
        let lost = found.whole.cost;
        let error = exact.bayes_optimal.standard_error().unwrap();
        let error = lost.standard_error.hypot(error);
        assert!(error < 0.01 * gap, "{name}: {lost:?}");
        let off = (lost.mean - gap) / error;
        assert!(off.abs() < 4.0, "{name}, {settings}: {off} standard errors");
        let steps: f64 = found.steps.iter().map(|step| step.cost.mean).sum();
        let parts: f64 = found.parts.iter().map(|part| part.cost.mean).sum();
        assert!((steps - lost.mean).abs() < 1e-9 && (parts - lost.mean).abs() < 1e-9);
    }
}

#[test]
fn the_best_policy_deviates_in_nothing() {
    for (name, settings) in SOLVED {
        let built = built(name, settings);
        let optimal = built.factory.bayes_optimal_policy().unwrap();
        let found = beside(&built, &Arc::from(optimal), 300).unwrap();
        // In the empty grid all trials are over before their time.
        let lived = |found: &rollout::Deviation| !found.agreement.mean.is_nan();
        assert!(lived(&found.whole) && found.steps.iter().filter(|it| lived(it)).count() > 3);
        let all = [&found.steps[..], &found.parts, &[found.whole]].concat();
        for deviation in all.into_iter().filter(lived) {
            let means = [deviation.agreement, deviation.distance, deviation.cost];
            assert_eq!(means.map(|it| it.mean), [1.0, 0.0, 0.0], "{name}");
            assert_eq!(means.map(|it| it.standard_error), [0.0; 3], "{name}");
            assert!(deviation.single == 0.0 || deviation.decided.mean == 1.0);
        }
    }
}

/// A trial of 20 steps in quarters of five.
#[test]
fn parts_are_of_their_steps() {
    let built = built("dependent-bandit", "pulls = 20");
    let found = beside(&built, &learner("ucb1"), 500).unwrap();
    let ranges: Vec<_> = found.parts.iter().map(|part| part.steps.clone()).collect();
    assert_eq!(ranges, [0..5, 5..10, 10..15, 15..20]);
    assert_eq!((found.steps.len(), found.whole.steps.clone()), (20, 0..20));
    for part in &found.parts {
        let mean = |of: fn(&rollout::Deviation) -> f64| {
            let steps = found.steps[part.steps.clone()].iter();
            steps.map(of).sum::<f64>() / 5.0
        };
        assert!((part.agreement.mean - mean(|it| it.agreement.mean)).abs() < 1e-9);
        assert!((part.distance.mean - mean(|it| it.distance.mean)).abs() < 1e-9);
        assert!((part.single - mean(|it| it.single)).abs() < 1e-9);
        assert!((part.cost.mean / 5.0 - mean(|it| it.cost.mean)).abs() < 1e-9);
    }
    // Before anything is known both arms are the best ones.
    let first = &found.steps[0];
    assert_eq!((first.agreement.mean, first.single), (1.0, 0.0));
    assert!(first.decided.mean.is_nan());
}

/// As GridNavi's has to be given a table first.
#[test]
fn nothing_is_said_where_the_best_policy_does_not_know_what_actions_are_worth() {
    let built = built("gridnavi", "size = 3\nhorizon = 4\nepisodes = 2");
    let optimal: Arc<dyn PolicyFactory> = Arc::from(built.factory.bayes_optimal_policy().unwrap());
    let found = |optimal| compared(1, (&built, &learner("random")), optimal, 10);
    assert_eq!(found(Arc::clone(&optimal)), None);
    assert!(found(optimal.with_advantages().unwrap()).is_some());
}
