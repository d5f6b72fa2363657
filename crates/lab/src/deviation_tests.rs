use crate::registry::{Built, Registry};
use rl_core::{Domain, Exact, PolicyFactory};
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
    let pool = Pool::new(2, || ()).unwrap();
    let optimal: Arc<dyn PolicyFactory> = Arc::from(built.factory.bayes_optimal_policy().unwrap());
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
const SOLVED: [(&str, &str); 9] = [
    ("bernoulli-bandit", "arms = 3\npulls = 8"),
    ("bernoulli-bandit", "arms = 6\npulls = 4"),
    ("dependent-bandit", "pulls = 12"),
    ("dependent-bandit", "variant = \"hard\"\npulls = 12"),
    ("informative-arm", "arms = 5\npulls = 4"),
    ("informative-arm", "arms = 7\npulls = 8"),
    ("two-step", "rounds = 8"),
    ("two-step", "rounds = 8\nswitch = 0.2"),
    ("chain", "horizon = 8\nepisodes = 2"),
];

/// What the actions of a trial lose is what the policy earns less than the best one, by
/// the performance-difference lemma.
#[test]
fn what_actions_lose_is_what_is_earned_less() {
    for (name, settings) in SOLVED {
        let built = built(name, settings);
        let exact = built.factory.exact_values();
        let (Exact::Known { value: best }, Exact::Known { value: random }) =
            (exact.bayes_optimal, exact.random)
        else {
            panic!("{name}: no exact values");
        };
        let found = beside(&built, &learner("random"), 6000).unwrap();
        let lost = found.whole.cost;
        assert!(lost.mean > 0.0 && lost.standard_error < 0.1 * lost.mean, "{name}");
        let error = (lost.mean - (best - random)) / lost.standard_error;
        assert!(error.abs() < 4.0, "{name}, {settings}: {error} standard errors");
        let steps: f64 = found.steps.iter().map(|step| step.cost.mean).sum();
        let parts: f64 = found.parts.iter().map(|part| part.cost.mean).sum();
        assert!((steps - lost.mean).abs() < 1e-9 && (parts - lost.mean).abs() < 1e-9);
    }
}
