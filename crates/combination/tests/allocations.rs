//! A combination allocates when it is made, and never after.

use allocation_counter::measure;
use bandits::{DependentBandit, Variant};
use combination::{AnnealedNoise, ByPosterior, Combined, Rule, Weighted};
use navigation::GridNavi;
use rl_core::{Domain, EnvFactory, PolicyFactory, Rollout, StreamKey, Tasks};
use std::sync::Arc;

#[test]
fn nothing_is_allocated_while_rules_act() {
    let grid = Tasks::new(GridNavi::new(4, 5, 2).unwrap()).unwrap();
    let arms = Tasks::new(DependentBandit::new(Variant::Easy, 12).unwrap()).unwrap();
    let rules = [
        Rule::ByPosterior(ByPosterior::Sampling),
        Rule::ByPosterior(ByPosterior::Mixture),
        Rule::ByPosterior(ByPosterior::Qmdp),
        Rule::Exp4 { rate: 1.0 },
        Rule::Majority,
    ];
    for env in [&grid as &dyn EnvFactory, &arms] {
        for rule in rules {
            let combined = Combined::of_experts(rule, env).unwrap();
            assert_eq!(while_acting(&combined, env), 0, "{rule:?}");
        }
        let combined = || Arc::new(Combined::of_experts(Rule::Majority, env).unwrap());
        let mixture = Weighted::new(vec![(combined(), 0.5), (combined(), 0.5)]);
        assert_eq!(while_acting(&mixture, env), 0, "a mixture");
        let noisy = AnnealedNoise::new(combined());
        assert_eq!(while_acting(&noisy, env), 0, "noise");
    }
}

fn while_acting(policy: &dyn PolicyFactory, env: &dyn EnvFactory) -> u64 {
    let mut policy = policy.make(env.spec(), 3).unwrap();
    let mut rollout = Rollout::new(env.make(3), 2 * env.spec().trial_steps());
    rollout.begin(&StreamKey::new(1, Domain::HeldOut, 0), 0);
    let mut count = 0;
    while !rollout.is_full() {
        count += measure(|| rollout.act(policy.as_mut())).count_total;
        rollout.step();
    }
    count
}
