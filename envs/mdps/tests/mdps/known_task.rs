//! Who knows the task earns its optimum, and who acts at random what the
//! oracle says.

use crate::common::{KEY, Rule, Seen, returns, run, standard_errors};
use mdps::{
    Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, Mdp, Planner, RiverSwim, TwoStep,
};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, EnvFactory as _, Environment as _, Moments, Purpose, Rollout, TaskDistribution,
    Tasks,
};

fn dirichlet() -> DirichletMdp {
    DirichletMdp::new(DirichletMdpSettings {
        states: 10,
        actions: 5,
        horizon: 10,
        episodes: 2,
    })
    .unwrap()
}

fn river() -> RiverSwim {
    RiverSwim::new(6, 20, 2).unwrap()
}

fn chain() -> Chain {
    Chain::new(ChainSettings {
        states: 5,
        slip_low: 0.0,
        slip_high: 0.4,
        horizon: 25,
        episodes: 2,
    })
    .unwrap()
}

/// What the optimal policy of each of many tasks earns in a trial, less the
/// task's optimum.
fn surplus<D: TaskDistribution<Task = Mdp>>(distribution: &D, tasks: u64) -> Moments {
    let spec = distribution.spec();
    let (mut task, mut planner) = (Mdp::default(), Planner::default());
    let trial = |lane| {
        distribution.sample(&mut task, &mut KEY.lane(Purpose::Task, lane));
        task.model().validate().unwrap();
        let optimum = distribution.known_task_optimum(&task).unwrap();
        let plan = planner.plan(task.model(), spec.horizon);
        let mut rng = KEY.lane(Purpose::Dynamics, lane);
        let (mut state, mut sum) = (0, 0.0);
        for _ in 0..spec.most_episodes() {
            task.reset(&mut state, &mut rng);
            for step in 0..spec.horizon {
                let action = plan.actions[step * task.model().states + state];
                sum += f64::from(task.step(&mut state, &action, &mut rng).reward);
            }
        }
        sum - optimum
    };
    (0..tasks).map(trial).collect()
}

#[test]
fn the_optimal_policy_of_a_known_task_earns_its_optimum() {
    for (name, surplus) in [
        ("dirichlet-mdp", surplus(&dirichlet(), 20_000)),
        ("riverswim", surplus(&river(), 20_000)),
        ("chain", surplus(&chain(), 20_000)),
    ] {
        let error = standard_errors(&surplus, 0.0);
        assert!(error.abs() < 3.0, "{name}: {error} standard errors");
    }
}

/// What who follows the labels of each step earns in a trial, less the task's optimum.
fn followed<D: TaskDistribution>(distribution: D, lanes: usize) -> Moments {
    let tasks = Tasks::new(distribution).unwrap();
    let ActionSpace::Discrete { size } = tasks.spec().action else {
        panic!("finitely many actions");
    };
    let env = tasks.make(lanes);
    let steps = env.spec().trial_steps();
    let mut rollout = Rollout::new(env, steps).with_known_task_labels();
    rollout.begin(&KEY, 0);
    let optima: Vec<f64> = (0..lanes)
        .map(|lane| rollout.env().known_task_optimum(lane).unwrap())
        .collect();
    while !rollout.is_full() {
        let t = rollout.t();
        let labels =
            rollout.trajectory().labels()[t * lanes * size..(t + 1) * lanes * size].to_vec();
        let (_, streams, out) = rollout.acting();
        let actions = out.action.discrete().unwrap().iter_mut().zip(streams);
        for ((action, stream), label) in actions.zip(labels.chunks_exact(size)) {
            assert!((label.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{label:?}");
            // Whichever of the best ones.
            let best: Vec<u32> = (0..)
                .zip(label)
                .filter(|(_, p)| **p > 0.0)
                .map(|(a, _)| a)
                .collect();
            *action = best[stream.random_range(0..best.len())];
        }
        rollout.step();
    }
    let trajectory = rollout.into_trajectory();
    let rewards = |lane| trajectory.rewards().iter().skip(lane).step_by(lanes);
    let earned = |lane| rewards(lane).map(|reward| f64::from(*reward)).sum::<f64>();
    (0..lanes).map(|lane| earned(lane) - optima[lane]).collect()
}

#[test]
fn who_follows_the_labels_earns_the_known_task_optimum() {
    let two_step = || TwoStep::new(10, 0.8, 0.9).unwrap();
    for (name, surplus) in [
        ("dirichlet-mdp", followed(dirichlet(), 10_000)),
        ("riverswim", followed(river(), 10_000)),
        ("chain", followed(chain(), 10_000)),
        ("two-step", followed(two_step(), 10_000)),
        (
            "switching",
            followed(two_step().switching(0.2).unwrap(), 10_000),
        ),
    ] {
        let error = standard_errors(&surplus, 0.0);
        assert!(error.abs() < 3.0, "{name}: {error} standard errors");
    }
}

/// In every state and at every step the planner's action is among those of the label, and
/// all of these are worth as much.
#[test]
fn labels_are_the_known_task_planners() {
    fn check<D: TaskDistribution<Task = Mdp>>(distribution: &D) {
        let spec = distribution.spec();
        let (mut task, mut planner) = (Mdp::default(), Planner::default());
        let mut after = Planner::default();
        for lane in 0..20 {
            // In place: what was planned for the task before is forgotten.
            distribution.sample(&mut task, &mut KEY.lane(Purpose::Task, lane));
            let model = task.model().clone();
            let plan = planner.plan(&model, spec.horizon);
            let mut label = vec![0.0; model.actions];
            for left in 1..=spec.horizon {
                let later = after.plan(&model, left - 1).state_values.to_vec();
                for state in 0..model.states {
                    assert!(distribution.known_task_action(&task, (&state, left), &mut label));
                    let at = (spec.horizon - left) * model.states + state;
                    assert!(
                        label[plan.actions[at] as usize] > 0.0,
                        "{left}, {state}: {label:?}"
                    );
                    let value = |action: usize| -> f64 {
                        let next = model.row(state, action).iter().zip(&later);
                        let next: f64 = next.map(|(p, value)| p * value).sum();
                        model.expected_reward(state, action) + next
                    };
                    let highest = (0..model.actions).map(value).fold(f64::MIN, f64::max);
                    for (action, share) in label.iter().enumerate() {
                        let best = highest - value(action) < 1e-9 * highest.abs().max(1.0);
                        assert_eq!(*share > 0.0, best, "{left}, {state}, {action}: {label:?}");
                    }
                    let marked = label.iter().filter(|share| **share > 0.0);
                    assert!(
                        marked
                            .clone()
                            .all(|share| *share == 1.0 / marked.clone().count() as f32)
                    );
                }
            }
        }
    }
    check(&dirichlet());
    check(&river());
    check(&chain());
}

/// What would take minutes a task is refused rather than planned.
#[test]
fn tasks_too_large_to_plan_have_no_labels() {
    let large = DirichletMdp::new(DirichletMdpSettings {
        states: 1000,
        actions: 1,
        horizon: 100,
        episodes: 1,
    });
    let (mut task, large) = (Mdp::default(), large.unwrap());
    large.sample(&mut task, &mut KEY.lane(Purpose::Task, 0));
    assert!(!large.known_task_action(&task, (&0, 100), &mut [0.0]));
}

fn check_random<D: TaskDistribution>(distribution: D, lanes: usize) {
    let tasks = Tasks::new(distribution).unwrap();
    let wanted = tasks.exact_values().random.get().unwrap();
    let coin = Rule(|seen: Seen| (seen.chance * 2.0) as u32);
    let dice = Rule(|seen: Seen| (seen.chance * 5.0) as u32);
    let returns = match tasks.spec().action {
        rl_core::ActionSpace::Discrete { size: 2 } => returns(&run(&tasks, &coin, lanes)),
        _ => returns(&run(&tasks, &dice, lanes)),
    };
    let error = standard_errors(&returns, wanted);
    let name = &tasks.spec().name;
    assert!(
        error.abs() < 3.0,
        "{name}: {error} standard errors from {wanted}"
    );
}

#[test]
fn random_actions_earn_what_the_oracle_says() {
    check_random(dirichlet(), 20_000);
    check_random(river(), 20_000);
    check_random(chain(), 20_000);
}

/// The mean of the tasks' optima on other tasks than the oracle's own.
#[test]
fn the_oracles_optimum_is_the_mean_over_tasks() {
    fn check<D: TaskDistribution<Task = Mdp>>(distribution: &D) {
        let optimum = distribution.exact_values().known_task_optimum;
        let both = optimum.get().zip(optimum.standard_error());
        let (value, standard_error) = both.expect("a small size has a value");
        let mut task = Mdp::default();
        let optimum = |lane| {
            distribution.sample(&mut task, &mut KEY.lane(Purpose::Task, lane));
            distribution.known_task_optimum(&task).unwrap()
        };
        let optima: Moments = (0..20_000).map(optimum).collect();
        let error = optima.standard_error().hypot(standard_error);
        let name = distribution.spec().name;
        assert!(
            (optima.mean() - value).abs() < 3.0 * error,
            "{name}: {value}"
        );
    }
    check(&dirichlet());
    check(&river());
    check(&chain());
}
