//! How the rules act, and what they refuse.

use crate::common::{bandit, combined, grid, made, play};
use bandits::{BernoulliBandit, Variant};
use combination::{ByPosterior, Combined, Rule, experts, rules};
use rl_core::{ActRow, Actions, ActionsMut, EnvFactory, EnvSpec, Outcome, Policy};
use rl_core::{Domain, Purpose};
use rl_core::{PolicyFactory, Revealed, Row, Settings, Stream, StreamKey, Tasks};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Takes each action with a fixed probability, and draws nothing.
struct Fixed(Vec<f32>);

struct FixedPolicy(Vec<f32>);

impl PolicyFactory for Fixed {
    fn name(&self) -> String {
        "fixed".into()
    }

    fn make(&self, spec: &EnvSpec, _lanes: usize) -> Result<Box<dyn Policy>, String> {
        match spec.name.as_str() {
            "gridnavi" => Err("it cannot walk".into()),
            _ => Ok(Box::new(FixedPolicy(self.0.clone()))),
        }
    }
}

impl Policy for FixedPolicy {
    fn act(&mut self, _row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let actions = out.action.discrete().unwrap();
        actions.fill(0);
    }

    fn advise(&mut self, _row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        for label in out.label.chunks_exact_mut(self.0.len()) {
            label.copy_from_slice(&self.0);
        }
    }
}

fn library(policies: &[&[f32]]) -> Vec<Arc<dyn PolicyFactory>> {
    let fixed = |policy: &&[f32]| Arc::new(Fixed(policy.to_vec())) as Arc<dyn PolicyFactory>;
    policies.iter().map(fixed).collect()
}

/// What a library's label is on the first row of a trial.
fn label(rule: Rule, policies: &[&[f32]]) -> Vec<f32> {
    let size = policies[0].len();
    let env = made(BernoulliBandit::new(size, 5).unwrap());
    let combined = Combined::new(rule, library(policies), env.as_ref()).unwrap();
    let mut policy = combined.make(env.spec(), 1).unwrap();
    let mut streams = [StreamKey::new(0, Domain::HeldOut, 0).lane(Purpose::Action, 0)];
    let mut label = vec![0.0; size];
    let out = ActRow {
        action: ActionsMut::Discrete(&mut [0]),
        log_prob: &mut [0.0],
        value: &mut [0.0],
        label: &mut label,
    };
    let row = Row {
        lanes: 1,
        observation: &[],
        start: &[true],
        previous_action: Actions::Discrete(&[0]),
        previous_reward: &[0.0],
        previous_outcome: &[Outcome::Continue],
        told: &[],
        final_observation: None,
    };
    policy.advise(&row, &mut streams, out);
    label
}

#[test]
fn the_majority_counts_votes_before_probabilities() {
    let of = |policies: &[&[f32]]| label(Rule::Majority, policies);
    // Two of three are for action 1, though the mean is for action 0.
    assert_eq!(of(&[&[1.0, 0.0], &[0.4, 0.6], &[0.45, 0.55]]), [0.0, 1.0]);
    // One vote each: the mean decides.
    assert_eq!(of(&[&[0.6, 0.4, 0.0], &[0.3, 0.7, 0.0]]), [0.0, 1.0, 0.0]);
    // Equal in both: the first.
    assert_eq!(of(&[&[0.6, 0.4], &[0.4, 0.6]]), [1.0, 0.0]);
    // Half a vote for each of two, and a whole one for the third action.
    assert_eq!(of(&[&[0.5, 0.5, 0.0], &[0.0, 0.4, 0.6]]), [0.0, 0.0, 1.0]);
}

#[test]
fn exp4_begins_with_the_mean_of_policies() {
    let label = label(Rule::Exp4 { rate: 1.0 }, &[&[1.0, 0.0], &[0.5, 0.5]]);
    assert_eq!(label, [0.75, 0.25]);
}

/// With a policy for every arm that always pulls it, Exp4 is Exp3: the same pulls under
/// the same streams, to the bit.
#[test]
fn exp4_over_arms_is_exp3() {
    let env = made(BernoulliBandit::new(3, 60).unwrap());
    for rate in [1.0, 0.3] {
        let arms = library(&[&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0], &[0.0, 0.0, 1.0]]);
        let exp4 = Combined::new(Rule::Exp4 { rate }, arms, env.as_ref()).unwrap();
        let exp4: Arc<dyn PolicyFactory> = Arc::new(exp4);
        let params = BTreeMap::from([("rate".to_owned(), rate)]);
        let exp3 = Arc::from(classical::learner("exp3", &params).unwrap());
        let returns = |policy| play(&env, policy, 100).trial_returns;
        assert_eq!(returns(&exp4), returns(&exp3));
    }
}

/// Where each policy is right in one of two tasks, Exp4 finds out which: in 100 pulls far
/// more than half of them pay, which is what its first pull is worth.
#[test]
fn exp4_learns_which_policy_to_follow() {
    let env = bandit(Variant::Easy, 100);
    let played = play(&env, &combined(Rule::Exp4 { rate: 1.0 }, &env), 500);
    let (mean, error) = (played.returns.mean(), played.returns.standard_error());
    assert!(mean - 5.0 * error > 60.0, "{mean} ± {error}");
}

#[test]
fn rules_are_made_by_their_names() {
    let env = bandit(Variant::Hard, 3);
    for info in rules() {
        let settings = Settings::new(info.settings, []).unwrap();
        let policy = combined(info.rule(&settings), &env);
        assert!(policy.name().starts_with(info.name), "{}", policy.name());
        assert_eq!(play(&env, &policy, 5).trial_returns.len(), 5);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |rule, library, env: &dyn EnvFactory| {
        let combined = Combined::new(rule, library, env);
        combined.err().unwrap()
    };
    let by = Rule::ByPosterior(ByPosterior::Mixture);
    let (grid, arms) = (grid(3, 4, 2), bandit(Variant::Easy, 4));
    let none = refused(Rule::Majority, Vec::new(), arms.as_ref());
    assert!(none.contains("no policy to combine"), "{none}");
    let one: &[&[f32]] = &[&[1.0, 0.0]];
    let unfit = refused(Rule::Majority, library(one), grid.as_ref());
    assert_eq!(unfit, "fixed: it cannot walk");
    let few = refused(by, library(one), arms.as_ref());
    assert!(few.contains("1 policies for 2 tasks"), "{few}");
    let other = made(BernoulliBandit::new(2, 4).unwrap());
    let unknown = refused(by, library(one), other.as_ref());
    assert!(unknown.contains("does not say"), "{unknown}");
    let grids = navigation::GridNavi::new(3, 4, 2).unwrap();
    let shown = Tasks::new(Revealed::new(grids).unwrap()).unwrap();
    let shown = experts(&shown).err().unwrap();
    assert!(shown.contains("task=hidden"), "{shown}");
    // Made for one environment, asked to act in another.
    let made = combined(by, &arms);
    let elsewhere = made.make(grid.spec(), 1).err().unwrap();
    assert!(elsewhere.contains("cannot act in"), "{elsewhere}");
    let expert = &experts(grid.as_ref()).unwrap()[0];
    assert!(expert.make(arms.spec(), 1).is_err());
}
