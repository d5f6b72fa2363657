use super::*;
use crate::config::{MultiTaskConfig, NetworkConfig, Sharing};
use agent::Ppo;
use nets::{Activation, OptimizerConfig, Schedule, Shape};
use rl_core::Gae;

pub(crate) fn config(sharing: Sharing) -> MultiTaskConfig {
    let constant = |value| Schedule {
        from: value,
        to: value,
        shape: Shape::Linear,
    };
    MultiTaskConfig {
        updates: 1,
        lanes: 4,
        tile: 4,
        sharing,
        network: NetworkConfig {
            hidden: vec![5, 4],
            activation: Activation::Tanh,
            gain: 1.0,
        },
        cosine_interval: 1,
        reward_scale: 1.0,
        normalize_advantages: false,
        value_coefficient: 0.5,
        max_gradient_norm: 1.0,
        entropy_coefficient: constant(0.0),
        learning_rate: constant(0.1),
        gae: Gae {
            gamma: 0.9,
            lambda: 0.9,
        },
        outer: Ppo {
            clip: 0.2,
            epochs: 1,
            minibatches: 1,
        },
        optimizer: OptimizerConfig::Sgd { momentum: 0.0 },
    }
}

const OBJECTIVE: Objective = Objective {
    clip: 0.2,
    value_coefficient: 0.7,
    entropy_coefficient: 0.3,
    pull: 0.6,
};
const TASKS: usize = 3;
const INPUTS: usize = 3;
const ACTIONS: usize = 4;

/// Numbers between −1 and 1 that look drawn.
fn numbers(seed: usize, count: usize) -> Vec<f64> {
    let number = |index: usize| ((seed * 7919 + index * 104_729) % 1999) as f64 / 999.5 - 1.0;
    (0..count).map(number).collect()
}

fn groups(networks: &Networks, values: &[f64]) -> Vec<Group<f64>> {
    let group = |task: usize| {
        let samples = 6;
        let inputs = numbers(task + 1, samples * INPUTS);
        let actions: Vec<u32> = (0..samples)
            .map(|i| ((i + task) % ACTIONS) as u32)
            .collect();
        // Of a policy nearby, so that some ratios are clipped and others are not.
        let own = networks.assemble(values, Role::Policy, task);
        let mut cache = Cache::new();
        let mlp = networks.mlp(Role::Policy);
        mlp.forward(&own, &inputs, samples, &mut cache);
        let away = numbers(task + 11, samples);
        let log_probs = actions.iter().enumerate().map(|(i, action)| {
            cache.log_probabilities()[i * ACTIONS + *action as usize] + 0.5 * away[i]
        });
        Group {
            task,
            log_probs: log_probs.collect(),
            inputs,
            actions,
            advantages: numbers(task + 21, samples),
            returns: numbers(task + 31, samples),
            weights: vec![0.1; samples],
        }
    };
    vec![group(0), group(2)]
}

fn loss(losses: &Losses) -> f64 {
    losses.policy + OBJECTIVE.value_coefficient * losses.value
        - OBJECTIVE.entropy_coefficient * losses.entropy
        + OBJECTIVE.pull * losses.divergence
}

/// The loss and its gradient at some parameters.
fn at(networks: &Networks, values: &[f64], groups: &[Group<f64>]) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; values.len()];
    let mut sum = Losses::default();
    for group in groups {
        sum.add(&OBJECTIVE.gradient(networks, values, (group, &mut gradient)));
    }
    (loss(&sum), gradient)
}

/// The gradient of every kind of sharing is that of finite differences of the loss, for
/// every parameter; turned round it is not.
#[test]
fn gradients_are_those_of_finite_differences() {
    for sharing in [
        Sharing::Blind {},
        Sharing::Input {},
        Sharing::Film {},
        Sharing::Heads {},
        Sharing::Separate {},
        Sharing::Distral { pull: 0.6 },
    ] {
        let networks = Networks::new(&config(sharing), (INPUTS, ACTIONS), TASKS).unwrap();
        let count = networks.layout().numel();
        let values: Vec<f64> = networks
            .init(3)
            .iter()
            .zip(numbers(5, count))
            .map(|(value, away)| f64::from(*value) + 0.3 * away)
            .collect();
        let groups = groups(&networks, &values);
        let (_, gradient) = at(&networks, &values, &groups);
        let (step, mut moved, mut turned) = (1e-6, 0, 0);
        for index in 0..count {
            let mut shifted = values.clone();
            shifted[index] += step;
            let above = at(&networks, &shifted, &groups).0;
            shifted[index] -= 2.0 * step;
            let below = at(&networks, &shifted, &groups).0;
            let wanted = (above - below) / (2.0 * step);
            let owner = &networks.layout().owner(index).name;
            let close = |found: f64| (found - wanted).abs() < 1e-7 * (1.0 + wanted.abs());
            assert!(
                close(gradient[index]),
                "{sharing:?} {owner}: {} is {wanted}",
                gradient[index]
            );
            moved += usize::from(wanted.abs() > 1e-4);
            turned += usize::from(!close(-gradient[index]));
        }
        assert!(
            moved > 20 && turned >= moved,
            "{sharing:?}: {moved}, {turned}"
        );
        // Of the task that no group is of, nothing is learned but what it shares.
        let mine = networks.layout().entries().iter();
        let apart = mine.filter(|entry| entry.name.starts_with("policy."));
        let apart: usize = apart
            .map(|entry| {
                gradient[entry.range()]
                    .iter()
                    .filter(|g| **g == 0.0)
                    .count()
            })
            .sum();
        let owns = !networks.is_one();
        assert_eq!(apart > 0, owns, "{sharing:?}");
    }
}

/// Both sides of the divergence follow it: what each is pulled to is the other.
#[test]
fn a_shared_policy_and_a_tasks_pull_each_other() {
    let sharing = Sharing::Distral { pull: 1.0 };
    let networks = Networks::new(&config(sharing), (INPUTS, ACTIONS), TASKS).unwrap();
    let count = networks.layout().numel();
    let drawn = numbers(9, count);
    let mut values: Vec<f64> = networks.init(1).iter().map(|v| f64::from(*v)).collect();
    values
        .iter_mut()
        .zip(drawn)
        .for_each(|(v, d)| *v += 0.5 * d);
    let groups = groups(&networks, &values);
    let pull = Objective {
        value_coefficient: 0.0,
        entropy_coefficient: 0.0,
        pull: 1.0,
        ..OBJECTIVE
    };
    let alone = |groups: &[Group<f64>], values: &[f64]| {
        let mut gradient = vec![0.0; values.len()];
        let mut sum = Losses::default();
        for group in groups {
            let still = Group {
                advantages: vec![0.0; group.actions.len()],
                ..group.clone()
            };
            sum.add(&pull.gradient(&networks, values, (&still, &mut gradient)));
        }
        (sum.divergence, gradient)
    };
    let (before, gradient) = alone(&groups, &values);
    for of in ["policy.", "shared."] {
        let mut moved = values.clone();
        for entry in networks.layout().entries() {
            if entry.name.starts_with(of) {
                let range = entry.range();
                let both = moved[range.clone()].iter_mut().zip(&gradient[range]);
                both.for_each(|(value, g)| *value -= 0.1 * g);
            }
        }
        let (after, _) = alone(&groups, &moved);
        assert!(after < before, "{of}: {after}, {before}");
    }
}
