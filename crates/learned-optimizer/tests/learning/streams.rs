//! Which functions a training meets.

use crate::functions::Functions;
use crate::{made, pool, trainings};
use learned_optimizer::Trainer;
use rl_core::Domain;
use rollout::{Held, evaluate};
use std::collections::HashSet;

#[test]
fn no_function_is_drawn_twice_or_as_in_an_evaluation() {
    for config in trainings() {
        let functions = Functions {
            steps: config.steps,
            ..Functions::default()
        };
        let env = made(&functions);
        let mut trainer = Trainer::new(env.as_ref(), config.clone(), 0, pool(2)).unwrap();
        // One tells where a start that is learned begins.
        functions.take();
        for _ in 0..3 {
            trainer.update().unwrap();
        }
        let drawn = functions.take();
        let trained: HashSet<u64> = drawn.iter().copied().collect();
        assert_eq!(trained.len(), 3 * config.problems, "{config:?}");
        assert_eq!(
            drawn.len(),
            trained.len(),
            "{config:?}: one was drawn twice"
        );
        for domain in [Domain::HeldOut, Domain::Tuning] {
            let held = Held {
                tasks: 64,
                seed: 0,
                domain,
            };
            evaluate(&pool(2), &env, &trainer.policy(), held).unwrap();
            let met: HashSet<u64> = functions.take().into_iter().collect();
            assert!(met.len() >= 64);
            assert!(trained.is_disjoint(&met), "{config:?}: {domain:?}");
        }
    }
}
