//! Two arms that drift.

use crate::common::{
    assert_earns_its_value, by_rule, description, mean, returns, run, standard_errors, tasks_of,
};
use bandits::RestlessBandit;
use rl_core::rand::RngExt as _;
use rl_core::{
    EnvFactory as _, Exact, Moments, Shape, TaskDistribution, Tasks, Trajectory, Trials,
};
use std::cell::{Cell, RefCell};

fn tasks(pulls: usize, low: f64, high: f64) -> Tasks<RestlessBandit> {
    Tasks::new(RestlessBandit::new(pulls, low, high).unwrap()).unwrap()
}

/// Arms pay along the path that the description shows, whatever is pulled.
#[test]
fn arms_pay_along_the_path() {
    let distribution = RestlessBandit::new(40, 0.05, 0.2).unwrap();
    let paths = tasks_of(&distribution, 3000);
    let paths: Vec<_> = paths
        .iter()
        .map(|task| description(&distribution, task))
        .collect();
    for arm in 0..2 {
        let trajectory = by_rule(&tasks(40, 0.05, 0.2), 3000, |_, _, _| arm);
        let mut surprise = Moments::default();
        let mut agreement = Moments::default();
        for (index, reward) in trajectory.rewards().iter().enumerate() {
            let first = f64::from(paths[index % 3000][index / 3000]);
            let chance = if arm == 0 { first } else { 1.0 - first };
            surprise.push(f64::from(*reward) - chance);
            agreement.push((f64::from(*reward) - 0.5) * (chance - 0.5));
        }
        assert!(standard_errors(&surprise, 0.0).abs() < 3.0);
        // The variance of U[0, 1], if it pays at the time that the path says.
        assert!((agreement.mean() - 1.0 / 12.0).abs() < 0.003);
    }
}

#[test]
fn half_of_the_tasks_drift_fast() {
    let distribution = RestlessBandit::new(200, 0.01, 0.1).unwrap();
    let paths = tasks_of(&distribution, 1000);
    let fast = paths.iter().map(|task| {
        let path = description(&distribution, task);
        let squares = path.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
        let step = (squares.sum::<f32>() / 199.0).sqrt();
        assert!(
            (step - 0.01).abs() < 0.003 || (step - 0.095).abs() < 0.025,
            "{step}"
        );
        f64::from(u8::from(step > 0.05))
    });
    assert!(standard_errors(&fast.collect(), 0.5).abs() < 3.0);
}

#[test]
fn exact_values() {
    let distribution = RestlessBandit::new(100, 0.02, 0.1).unwrap();
    let values = distribution.exact_values();
    assert_eq!(values.random.get(), Some(50.0));
    assert_eq!(values.known_task_optimum.get(), Some(75.0));
    let sampled: Moments = tasks_of(&distribution, 4000)
        .iter()
        .filter_map(|task| distribution.known_task_optimum(task))
        .collect();
    assert!(standard_errors(&sampled, 75.0).abs() < 3.0);
    // Where nothing drifts it is the dependent bandit under U[0, 1].
    let rest = RestlessBandit::new(30, 0.0, 0.0).unwrap().exact_values();
    let dependent = bandits::DependentBandit::new(bandits::Variant::Uniform, 30).unwrap();
    let wanted = dependent.exact_values().bayes_optimal.get().unwrap();
    let Exact::Estimated {
        value,
        standard_error,
        ..
    } = rest.bayes_optimal
    else {
        panic!("an estimate");
    };
    assert!((value - wanted).abs() < 3.0 * standard_error && standard_error > 0.0);
    let Exact::Unknown { why } = RestlessBandit::new(2001, 0.0, 0.1)
        .unwrap()
        .exact_values()
        .bayes_optimal
    else {
        panic!("a trial is too long");
    };
    assert!(why.contains("2000 pulls"), "{why}");
}

#[test]
fn the_optimal_policy_earns_the_optimal_value_and_rules_of_thumb_less() {
    let tasks = tasks(50, 0.02, 0.1);
    assert_earns_its_value(&tasks, 2000);
    let best = tasks.exact_values().bayes_optimal.get().unwrap();
    let win_stay = by_rule(&tasks, 4000, |_, before, _| match before {
        Some((arm, reward)) => u32::from((arm == 1) == (reward > 0.5)),
        None => 0,
    });
    let random = by_rule(&tasks, 4000, |_, _, rng| rng.random_range(0..2));
    assert!(standard_errors(&mean(&random), 25.0).abs() < 3.0);
    for rule in [&win_stay, &random] {
        let error = standard_errors(&mean(rule), best);
        assert!(error < -5.0, "{error} standard errors");
    }
    assert!(returns(&win_stay).iter().all(|earned| *earned <= 50.0));
}

/// Agents that learn by the delta rule have the learning rate that they have,
/// whatever the arms do; who follows the belief learns faster where arms drift faster.
#[test]
fn learning_rates_are_found_again() {
    const LANES: usize = 400;
    let distribution = RestlessBandit::new(100, 0.02, 0.1).unwrap();
    let tasks = tasks(100, 0.02, 0.1);
    let descriptions: Vec<f32> = tasks_of(&distribution, LANES)
        .iter()
        .flat_map(|task| description(&distribution, task))
        .collect();
    let rates = |trajectory: &Trajectory| -> Vec<Option<f32>> {
        let trials = Trials {
            trajectory,
            descriptions: &descriptions,
        };
        let picture = distribution.analyses()[0].draw(&trials).unwrap();
        let labels = picture.shapes.iter().filter_map(|shape| match shape {
            Shape::Label { text, .. } => Some(text.clone()),
            _ => None,
        });
        // A bar is followed by its number and its name.
        let labels: Vec<String> = labels.collect();
        let number = |name: &str| {
            let at = labels.iter().position(|label| label == name).unwrap();
            labels[at - 1].parse().ok()
        };
        vec![number("slow"), number("fast")]
    };
    for (rate, steepness) in [(0.2, 12.0), (0.6, 4.0)] {
        let values = RefCell::new(vec![0.5; LANES]);
        let lane = Cell::new(0);
        let agent = by_rule(&tasks, LANES, |_, before, rng| {
            let value = &mut values.borrow_mut()[lane.get() % LANES];
            lane.set(lane.get() + 1);
            if let Some((arm, reward)) = before {
                let spoke = f64::from(u8::from((arm == 0) == (reward > 0.5)));
                *value += rate * (spoke - *value);
            }
            let chance: f64 = 1.0 / (1.0 + (-steepness * (*value - 0.5)).exp());
            u32::from(rng.random::<f64>() >= chance)
        });
        for found in rates(&agent) {
            let found = f64::from(found.unwrap());
            assert!((found - rate).abs() < 0.06, "{found}, not {rate}");
        }
    }
    let random = by_rule(&tasks, LANES, |_, _, rng| rng.random_range(0..2));
    let none = rates(&random);
    assert_eq!(none, [None, None], "who learns nothing has no rate");
    let optimal = distribution.bayes_optimal_policy().unwrap();
    let optimal = rates(&run(&tasks, optimal.as_ref(), LANES));
    assert!(
        optimal[1].unwrap() > optimal[0].unwrap() + 0.02,
        "{optimal:?}"
    );
}

/// Trials that are too short or too few to tell show nothing, and one drift has one bar.
#[test]
fn what_cannot_be_told_is_not_drawn() {
    let drawn = |pulls, low, high, lanes| {
        let tasks = tasks(pulls, low, high);
        let trajectory = by_rule(&tasks, lanes, |_, _, _| 0);
        let paths = tasks_of(&RestlessBandit::new(pulls, low, high).unwrap(), lanes);
        let distribution = RestlessBandit::new(pulls, low, high).unwrap();
        let paths = paths
            .iter()
            .flat_map(|task| description(&distribution, task));
        let trials = Trials {
            trajectory: &trajectory,
            descriptions: &paths.collect::<Vec<f32>>(),
        };
        let picture = tasks.analyses()[0].draw(&trials)?;
        let labels = picture.shapes.iter().filter_map(|shape| match shape {
            Shape::Label { text, .. } => Some(text.clone()),
            _ => None,
        });
        Some(labels.collect::<Vec<String>>())
    };
    assert!(drawn(100, 0.02, 0.1, 40).is_none(), "few trials");
    assert!(drawn(1, 0.02, 0.1, 400).is_none(), "paths of one place");
    let labels = drawn(20, 0.1, 0.1, 200).unwrap();
    assert!(labels.contains(&"all".to_owned()) && !labels.contains(&"fast".to_owned()));
}
