//! Learners that pull the arm of the highest score.

use crate::common::{chosen, make, spec};
use rl_core::ActionSpace;

#[test]
fn greedy_by_hand() {
    // Estimates of arm 0: 1/2, 2/3, 2/4, 2/5; of arm 1: 1/2, 1/3; of arm 2:
    // 1/2, 2/3.
    let history = [(0, 1.0), (0, 0.0), (0, 0.0), (1, 0.0), (2, 1.0)];
    let wanted = [0, 0, 0, 1, 2, 2];
    assert_eq!(chosen(make("greedy", &[]).as_ref(), 3, &history), wanted);
    let never_random = make("epsilon-greedy", &[("epsilon", 0.0)]);
    assert_eq!(chosen(never_random.as_ref(), 3, &history), wanted);
    let unbounded = make("ucb1", &[("c", 0.0)]);
    assert_eq!(chosen(unbounded.as_ref(), 3, &history), wanted);
}

#[test]
fn ucb1_by_hand() {
    // After one success of arm 0, √(2 ln 2) = 1.1774: with c = 1
    // 2/3 + 1.1774/√3 = 1.3464 against 1/2 + 1.1774/√2 = 1.3326. After two,
    // √(2 ln 3) = 1.4823: 3/4 + 1.4823/2 = 1.4912 against 1.5481. After a
    // failure of arm 1, √(2 ln 4) = 1.6651: 1.5826 against 1.2947.
    let history = [(0, 1.0), (0, 1.0), (1, 0.0)];
    assert_eq!(
        chosen(make("ucb1", &[("c", 1.0)]).as_ref(), 2, &history),
        [0, 0, 1, 0]
    );
    // With c = 0.2 arm 0 stays ahead: 0.8982 against 0.7096 after two.
    assert_eq!(
        chosen(make("ucb1", &[("c", 0.2)]).as_ref(), 2, &history),
        [0, 0, 0, 0]
    );
}

#[test]
fn kl_ucb_by_hand() {
    let published = make("kl-ucb", &[("scale", 1.0)]);
    // Bounds at turn 2, where ln 2 = 0.693: kl(2/3, q) = 0.231 at 0.9107, and
    // kl(1/2, q) = 0.347 at 1/2 + √(1/8) = 0.8536. At turn 3: 0.9603 after two
    // successes, 0.9082 untried. At turn 4, after a failure: 3/4 of 4 has
    // 0.7824 or more, 0.9712, and 1/3 of 3 has 0.7824.
    let history = [(0, 1.0), (0, 1.0), (1, 0.0)];
    assert_eq!(chosen(published.as_ref(), 2, &history), [0, 0, 0, 0]);
    // After one failure kl(1/3, q) = 0.231 at 2/3, less than 0.8536.
    assert_eq!(chosen(published.as_ref(), 2, &[(0, 0.0)]), [0, 1]);
    // Without a rate it is greedy; a large second term explores instead.
    let history = [(0, 1.0), (0, 0.0), (0, 1.0), (0, 0.0), (0, 1.0)];
    let greedy = make("kl-ucb", &[("scale", 0.0)]);
    assert_eq!(chosen(greedy.as_ref(), 2, &history), [0; 6]);
    let explorer = make("kl-ucb", &[("c", 10.0), ("scale", 1.0)]);
    assert_eq!(chosen(explorer.as_ref(), 2, &history)[5], 1);
}

#[test]
fn ucb_v_by_hand() {
    // After a success, with ln 2 = 0.6931: 2/3 + √(2 · 2/9 · 0.2310) + 0.6931
    // = 1.6802 against 1/2 + √(2 · 1/4 · 0.3466) + 1.0397 = 1.9560; without
    // the last terms 0.9871 against 0.9163.
    for (c, wanted) in [(1.0, 1), (0.0, 0)] {
        let learner = make("ucb-v", &[("zeta", 1.0), ("c", c)]);
        assert_eq!(chosen(learner.as_ref(), 2, &[(0, 1.0)]), [0, wanted]);
    }
    // Rewards of 1/2 have the same mean as none at all, but vary less: after
    // two, 1/2 + √(2 · 1/8 · 0.2747) = 0.7621 against 1.0241.
    let learner = make("ucb-v", &[("zeta", 1.0), ("c", 0.0)]);
    assert_eq!(chosen(learner.as_ref(), 2, &[(0, 0.5), (0, 0.5)])[2], 1);
}

#[test]
fn bayes_ucb_by_hand() {
    // Turn 2, medians: √(1/2) = 0.707 of Beta(2, 1) against 1/2. Turn 3, two
    // thirds: 0.613 of Beta(2, 2) against 2/3.
    let history = [(0, 1.0), (0, 0.0)];
    let learner = make("bayes-ucb", &[]);
    assert_eq!(chosen(learner.as_ref(), 2, &history), [0, 0, 1]);
    // In trials of 100 pulls, with c = 1, the first quantile is that of
    // 1 − 1 / ln 100 = 0.783 and the second that of 0.891: √0.891 = 0.944
    // against 0.891 after a success, 0.670 against 0.891 after a failure.
    let wide = make("bayes-ucb", &[("c", 1.0)]);
    assert_eq!(chosen(wide.as_ref(), 2, &[(0, 1.0)]), [0, 0]);
    assert_eq!(chosen(wide.as_ref(), 2, &[(0, 0.0)]), [0, 1]);
}

/// With a prior N(0, 1) and noise 1, a reward r leaves N(r/2, 1/2), whose
/// median beats 0 as soon as r is positive. At turn 3 quantiles of 2/3 count,
/// 0.4307 deviations above the mean: 0.4307 for an untried arm; after two
/// rewards r, with the variance 1/3, 2r/3 + 0.2487, so that it takes r > 0.273.
#[test]
fn gaussian_bayes_ucb_by_hand() {
    let learner = make("bayes-ucb-gaussian", &[]);
    for (reward, wanted) in [(-0.1, 1), (0.1, 0)] {
        assert_eq!(chosen(learner.as_ref(), 2, &[(0, reward)]), [0, wanted]);
    }
    for (reward, wanted) in [(0.26, 1), (0.28, 0)] {
        let history = [(0, reward); 2];
        assert_eq!(chosen(learner.as_ref(), 2, &history), [0, 0, wanted]);
    }
}

/// With a prior (0, 1, 1, 1) two rewards r leave the mean 2r/3, κ = 3, α = 2
/// and β = 1 + r²/3. The quantile of 2/3 of Student's distribution is 1/2 with 2
/// degrees of freedom, for an untried arm, and 0.4642 with 4, for the other at
/// the scale √(β/6): it takes r > 0.4561.
#[test]
fn normal_gamma_bayes_ucb_by_hand() {
    let learner = make("bayes-ucb-normal-gamma", &[]);
    for (reward, wanted) in [(0.45, 1), (0.46, 0)] {
        let history = [(0, reward); 2];
        assert_eq!(chosen(learner.as_ref(), 2, &history), [0, 0, wanted]);
    }
}

/// By the published indices for a discount of 0.9: after one success 0.8001
/// against 0.7029, after one failure 0.5001, after one of each 0.6346. With
/// rewards of 1/2, a success or a failure by chance, one of the two happens.
#[test]
fn gittins_by_hand() {
    let learner = make("gittins", &[("discount", 0.9)]);
    let history = [(0, 1.0), (0, 0.0), (1, 0.0), (0, 1.0)];
    assert_eq!(chosen(learner.as_ref(), 2, &history), [0, 0, 1, 0, 0]);
    // A discount near 0 is greedy: 1/2 against 1/2 after one of each.
    let myopic = make("gittins", &[("discount", 0.01)]);
    let history = [(0, 1.0), (0, 0.0), (0, 1.0)];
    assert_eq!(chosen(myopic.as_ref(), 2, &history), [0, 0, 1, 0]);
}

/// The last pull of a trial of 100 is greedy, the first are not: after one of
/// each an untried arm is better, until there is one pull left.
#[test]
fn finite_gittins_by_hand() {
    let learner = make("gittins-finite", &[]);
    let mut history = vec![(0, 1.0), (0, 0.0)];
    assert_eq!(chosen(learner.as_ref(), 2, &history), [0, 0, 1]);
    // 49 of each leave arm 0 at 1/2, as likely as the untried one.
    history = [(0, 1.0), (0, 0.0)].repeat(49);
    assert_eq!(chosen(learner.as_ref(), 2, &history)[98], 1);
    history.push((0, 1.0));
    assert_eq!(chosen(learner.as_ref(), 2, &history)[99], 0);
}

#[test]
fn tables_too_large_are_refused_when_a_policy_is_made() {
    for (name, allowed) in [("gittins", 2000), ("gittins-finite", 600)] {
        let mut long = spec(ActionSpace::Discrete { size: 2 });
        long.horizon = 100_000;
        let Err(why) = make(name, &[]).make(&long, 1) else {
            panic!("a table of {name} for 100,000 pulls");
        };
        assert!(why.starts_with(name), "{why}");
        assert!(why.contains(&format!("allowed: up to {allowed}")), "{why}");
    }
}
