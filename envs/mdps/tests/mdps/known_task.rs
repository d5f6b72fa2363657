//! Who knows the task earns its optimum, and who acts at random what the
//! oracle says.

use crate::common::{KEY, Rule, Seen, returns, run, standard_errors};
use mdps::{Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, Mdp, Planner, RiverSwim};
use rl_core::{EnvFactory as _, Environment as _, Moments, Purpose, TaskDistribution, Tasks};

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
