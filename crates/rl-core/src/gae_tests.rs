use super::*;
use proptest::prelude::*;

const HALVES: Gae = Gae {
    gamma: 0.5,
    lambda: 0.5,
};

/// One lane's input.
#[derive(Clone, Debug, Default)]
struct Lane {
    rewards: Vec<f32>,
    values: Vec<f32>,
    next_value: f32,
    links: Vec<Link>,
    bootstrap: Vec<f32>,
}

impl Lane {
    fn advantages(&self, parameters: Gae) -> Vec<f32> {
        let mut advantages = vec![f32::NAN; self.rewards.len()];
        let returns = GaeInput {
            lanes: 1,
            rewards: &self.rewards,
            values: &self.values,
            next_values: &[self.next_value],
            links: &self.links,
            bootstrap: &self.bootstrap,
        };
        gae(parameters, returns, &mut advantages);
        advantages
    }

    /// V of what follows step `t`, by the definition of the links.
    fn following_value(&self, t: usize) -> f64 {
        let next = self.values.get(t + 1).copied().unwrap_or(self.next_value);
        f64::from(match self.links[t] {
            Link::Flow => next,
            Link::End => 0.0,
            Link::Bootstrap => self.bootstrap[t],
        })
    }

    /// The definition: the sum of (γλ)^i δ[t+i] up to the first step whose
    /// link does not flow.
    fn by_definition(&self, parameters: Gae) -> Vec<f64> {
        let (gamma, lambda) = (f64::from(parameters.gamma), f64::from(parameters.lambda));
        let steps = self.rewards.len();
        let advantage = |t: usize| {
            let mut sum = 0.0;
            for s in t..steps {
                let value = f64::from(self.values[s]);
                let error = f64::from(self.rewards[s]) + gamma * self.following_value(s) - value;
                sum += (gamma * lambda).powi((s - t) as i32) * error;
                if self.links[s] != Link::Flow {
                    break;
                }
            }
            sum
        };
        (0..steps).map(advantage).collect()
    }
}

fn assert_close(found: &[f32], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        let error = (f64::from(*found) - wanted).abs();
        assert!(
            error <= 1e-4 * (1.0 + wanted.abs()),
            "{found}, not {wanted}"
        );
    }
}

#[test]
fn literal_values() {
    // δ = [1 + 2 − 2, 2 + 3 − 4, 3 + 4 − 6] = [1, 1, 1], γλ = 1/4.
    let mut lane = Lane {
        rewards: vec![1.0, 2.0, 3.0],
        values: vec![2.0, 4.0, 6.0],
        next_value: 8.0,
        links: vec![Link::Flow; 3],
        bootstrap: vec![100.0; 3],
    };
    assert_eq!(lane.advantages(HALVES), [1.3125, 1.25, 1.0]);
    // The end: δ[2] = 3 − 6 = −3.
    lane.links[2] = Link::End;
    assert_eq!(lane.advantages(HALVES), [1.0 + 0.0625, 0.25, -3.0]);
    // An estimate of 10 instead: δ[2] = 3 + 5 − 6 = 2.
    (lane.links[2], lane.bootstrap[2]) = (Link::Bootstrap, 10.0);
    assert_eq!(lane.advantages(HALVES), [1.375, 1.5, 2.0]);
    // In the middle: δ[1] = 2 + 5 − 4 = 3, and nothing flows over it.
    (lane.links[1], lane.bootstrap[1]) = (Link::Bootstrap, 10.0);
    assert_eq!(lane.advantages(HALVES), [1.75, 3.0, 2.0]);
    lane.links[1] = Link::End;
    assert_eq!(lane.advantages(HALVES), [0.5, -2.0, 2.0]);
}

#[test]
fn lanes_are_columns() {
    let returns = GaeInput {
        lanes: 2,
        rewards: &[1.0, 10.0, 2.0, 20.0],
        values: &[0.0, 0.0, 4.0, 40.0],
        next_values: &[2.0, 20.0],
        links: &[Link::Flow, Link::End, Link::Flow, Link::Flow],
        bootstrap: &[0.0; 4],
    };
    let mut advantages = [f32::NAN; 4];
    gae(HALVES, returns, &mut advantages);
    // Lane 0: δ = [1 + 2, 2 + 1 − 4]; lane 1: δ = [10, 20 + 10 − 40].
    assert_eq!(advantages, [2.75, 10.0, -1.0, -10.0]);
}

#[test]
#[should_panic]
fn rows_of_different_lengths_are_refused() {
    let lane = Lane {
        rewards: vec![0.0; 3],
        values: vec![0.0; 2],
        links: vec![Link::Flow; 3],
        bootstrap: vec![0.0; 3],
        ..Lane::default()
    };
    lane.advantages(HALVES);
}

#[test]
fn links_of_episodes_and_trials() {
    use Credit::{Episode, Trial};
    use Outcome::{Continue, Terminated, Truncated};
    for (credit, outcome, trial_end, wanted) in [
        (Episode, Continue, false, Link::Flow),
        (Episode, Terminated, false, Link::End),
        (Episode, Terminated, true, Link::End),
        (Episode, Truncated, false, Link::Bootstrap),
        (Episode, Truncated, true, Link::Bootstrap),
        (Trial, Continue, false, Link::Flow),
        (Trial, Terminated, false, Link::Flow),
        (Trial, Truncated, false, Link::Flow),
        (Trial, Terminated, true, Link::End),
        (Trial, Truncated, true, Link::End),
    ] {
        let found = Link::of(credit, outcome, trial_end);
        assert_eq!(found, wanted, "{credit:?}, {outcome:?}, {trial_end}");
    }
}

/// Two trials of two episodes of two steps: the first episode terminates, the
/// second is truncated. What the second trial gives changes nothing before it;
/// what the second episode gives changes the first only if credit flows over
/// the trial.
#[test]
fn credit_flows_across_episodes_and_never_across_trials() {
    let outcomes = [
        Outcome::Continue,
        Outcome::Terminated,
        Outcome::Continue,
        Outcome::Truncated,
    ];
    let gamma_lambda = Gae {
        gamma: 0.9,
        lambda: 0.8,
    };
    for (credit, flows) in [(Credit::Trial, true), (Credit::Episode, false)] {
        let link = |t: usize| Link::of(credit, outcomes[t % 4], t % 4 == 3);
        let lane = Lane {
            rewards: (0..8).map(|t| t as f32).collect(),
            values: (0..8).map(|t| 0.5 * t as f32).collect(),
            next_value: 3.0,
            links: (0..8).map(link).collect(),
            bootstrap: vec![2.0; 8],
        };
        let before = lane.advantages(gamma_lambda);

        let mut other = lane.clone();
        other.rewards[4..].fill(-50.0);
        other.values[4..].fill(70.0);
        other.next_value = -9.0;
        let after = other.advantages(gamma_lambda);
        assert_eq!(before[..4], after[..4], "{credit:?}");
        assert_ne!(before[4..], after[4..], "{credit:?}");

        let mut other = lane.clone();
        other.rewards[3] += 1.0;
        let after = other.advantages(gamma_lambda);
        assert_eq!(before[0] != after[0], flows, "{credit:?}");
        assert_eq!(before[1] != after[1], flows, "{credit:?}");
        assert_ne!(before[2], after[2], "{credit:?}");
        assert_eq!(before[4..], after[4..], "{credit:?}");
    }
}

fn link() -> impl Strategy<Value = Link> {
    prop_oneof![
        4 => Just(Link::Flow),
        1 => Just(Link::End),
        1 => Just(Link::Bootstrap),
    ]
}

fn lane() -> impl Strategy<Value = Lane> {
    let step = (-5.0_f32..5.0, -5.0_f32..5.0, link(), -5.0_f32..5.0);
    (prop::collection::vec(step, 1..20), -5.0_f32..5.0).prop_map(|(steps, next_value)| Lane {
        rewards: steps.iter().map(|step| step.0).collect(),
        values: steps.iter().map(|step| step.1).collect(),
        next_value,
        links: steps.iter().map(|step| step.2).collect(),
        bootstrap: steps.iter().map(|step| step.3).collect(),
    })
}

proptest! {
    #[test]
    fn the_recursion_is_the_sum(lane in lane(), gamma in 0.0_f32..=1.0, lambda in 0.0_f32..=1.0) {
        let parameters = Gae { gamma, lambda };
        assert_close(&lane.advantages(parameters), &lane.by_definition(parameters));
    }

    /// With λ = 1 and an end, the values of all later steps cancel.
    #[test]
    fn lambda_1_is_the_return_minus_the_value(mut lane in lane(), gamma in 0.0_f32..=1.0) {
        let steps = lane.rewards.len();
        lane.links.fill(Link::Flow);
        lane.links[steps - 1] = Link::End;
        let mut wanted = vec![0.0; steps];
        let mut discounted = 0.0;
        for t in (0..steps).rev() {
            discounted = f64::from(lane.rewards[t]) + f64::from(gamma) * discounted;
            wanted[t] = discounted - f64::from(lane.values[t]);
        }
        assert_close(&lane.advantages(Gae { gamma, lambda: 1.0 }), &wanted);
    }

    #[test]
    fn lambda_0_is_the_error_of_one_step(lane in lane(), gamma in 0.0_f32..=1.0) {
        let wanted: Vec<f64> = (0..lane.rewards.len())
            .map(|t| {
                let (reward, value) = (f64::from(lane.rewards[t]), f64::from(lane.values[t]));
                reward + f64::from(gamma) * lane.following_value(t) - value
            })
            .collect();
        assert_close(&lane.advantages(Gae { gamma, lambda: 0.0 }), &wanted);
    }

    /// Where the estimate of what follows is what follows, cutting an episode
    /// off there changes only how far credit flows: with λ = 0, nothing.
    #[test]
    fn a_truncation_with_the_true_value_changes_no_error(mut lane in lane(), gamma in 0.0_f32..=1.0) {
        let parameters = Gae { gamma, lambda: 0.0 };
        lane.links.fill(Link::Flow);
        let uncut = lane.advantages(parameters);
        for t in 0..lane.rewards.len() {
            lane.bootstrap[t] = lane.values.get(t + 1).copied().unwrap_or(lane.next_value);
        }
        lane.links.fill(Link::Bootstrap);
        prop_assert_eq!(lane.advantages(parameters), uncut);
    }
}
