use super::*;
use crate::registry::{Built, Registry};
use agent::{ActMode, LearnError, Update};
use rl_core::{PolicyFactory, Random, Tree};
use std::sync::Arc;

/// Prefers arms by their means, and some number that it adds to all.
struct ByMean(Option<f32>);

impl Training for ByMean {
    fn updates(&self) -> u64 {
        0
    }

    fn updates_done(&self) -> u64 {
        0
    }

    fn env_steps(&self) -> u64 {
        7
    }

    fn update(&mut self) -> Result<Update, LearnError> {
        Err(LearnError::Bug("it does not learn".into()))
    }

    fn policy(&self, _: ActMode) -> Arc<dyn PolicyFactory> {
        Arc::new(Random)
    }

    fn indices(&self, told: ToldArms<'_>) -> Option<Vec<f32>> {
        let added = self.0?;
        Some(told.arms.iter().map(|[mean, _]| mean + added).collect())
    }

    fn checkpoint(&self) -> Result<Tree, LearnError> {
        Ok(Tree::default())
    }

    fn restore(&mut self, _: &Tree) -> Result<(), LearnError> {
        Ok(())
    }
}

fn found(env: &str, settings: &str, agent: &ByMean) -> Option<Indices> {
    let registry = Registry::standard();
    let entry = registry.environment(env).unwrap();
    let built = Built::new(entry, &settings.parse().unwrap()).unwrap();
    let pool = Pool::new(2, || ()).unwrap();
    measure(&pool, (built.factory.as_ref(), agent)).unwrap()
}

/// With one pull left an index is the mean, and nothing but what was added to all of
/// them lies between both; with more left it is worth more.
#[test]
fn indices_are_those_of_the_gittins_index_but_for_what_is_added_to_all() {
    let found = found(
        "bernoulli-bandit",
        "arms = 3\npulls = 10",
        &ByMean(Some(0.5)),
    )
    .unwrap();
    assert_eq!((found.env_steps, found.steps_per_trial), (7, 10));
    let shown = |at: &IndicesAt| (at.left, at.arms.iter().map(|arm| arm.pulls).collect());
    let shown: Vec<(usize, Vec<usize>)> = found.times.iter().map(shown).collect();
    assert_eq!(shown, [(8, vec![1]), (4, vec![1, 5]), (1, vec![1, 5])]);
    let [first, _, last] = &found.times[..] else {
        panic!("{found:?}");
    };
    assert!((last.shift + 0.25).abs() < 1e-5, "{last:?}");
    for arm in &last.arms {
        let successes = 0..=arm.pulls;
        for (s, mean) in successes.zip(&arm.mean) {
            assert_eq!(*mean, (s as f64 + 1.0) / (arm.pulls as f64 + 2.0));
            assert!((arm.learned[s] - mean).abs() < 1e-5, "{arm:?}");
            assert!((arm.exact[s] - mean).abs() < 1e-5, "{arm:?}");
        }
    }
    let arm = &first.arms[0];
    assert!(
        arm.exact
            .iter()
            .zip(&arm.mean)
            .all(|(exact, mean)| *exact > mean + 0.02)
    );
    assert!(first.shift > last.shift + 0.02);
}

#[test]
fn other_agents_and_arms_have_none() {
    let by_mean = ByMean(Some(0.0));
    assert!(found("bernoulli-bandit", "", &ByMean(None)).is_none());
    for env in ["gaussian-bandit", "dependent-bandit", "gridnavi"] {
        assert!(found(env, "", &by_mean).is_none(), "{env}");
    }
    // As long a trial as there may be.
    let longest = found("bernoulli-bandit", "pulls = 100000", &by_mean).unwrap();
    assert_eq!(longest.times[0].left, 800);
}
