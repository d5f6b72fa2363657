//! What holds of every environment, whatever its settings.

use crate::common::{KEY, trial};
use mdps::{Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, RiverSwim, TwoStep};
use proptest::prelude::*;
use rl_core::{ActionsMut, EnvFactory, ObservationSpace, Purpose, Random, Rollout, SpecError};
use rl_core::{StreamKey, TaskDistribution, Tasks};

/// Everything that can be asked of an environment, and what has to hold.
fn exercise<D: TaskDistribution + Clone>(made: Result<D, SpecError>) -> Result<(), TestCaseError> {
    let distribution = match made {
        Ok(distribution) => distribution,
        Err(error) => {
            prop_assert!(error.to_string().contains("allowed: "), "{error}");
            return Ok(());
        }
    };
    let tasks = Tasks::new(distribution.clone());
    let tasks = tasks.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let mut task = D::Task::default();
    distribution.sample(&mut task, &mut KEY.lane(Purpose::Task, 0));
    if let Some(optimum) = distribution.known_task_optimum(&task) {
        prop_assert!(optimum.is_finite(), "{optimum}");
    }
    walk(&tasks)
}

/// A hundred random steps of two lanes.
fn walk<D: TaskDistribution>(tasks: &Tasks<D>) -> Result<(), TestCaseError> {
    let ObservationSpace::Discrete { size } = tasks.spec().observation else {
        panic!("all environments of this crate show symbols");
    };
    assert!(tasks.spec().is_discrete());
    let mut rollout = Rollout::new(tasks.make(2), tasks.spec().trial_steps().min(100));
    rollout.begin(&KEY, 0);
    rollout.play(&mut Random::policy(tasks.spec()));
    let trajectory = rollout.trajectory();
    let symbol = |o: &f32| *o >= 0.0 && *o < size as f32 && o.fract() == 0.0;
    prop_assert!(trajectory.observations().iter().all(symbol));
    prop_assert!(trajectory.rewards().iter().all(|reward| reward.is_finite()));
    Ok(())
}

/// Mostly sizes in use, at times wild ones.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0..40_usize,
        1 => any::<usize>(),
        1 => 0..2_000_000_usize,
    ]
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![8 => 0.0..1.1_f64, 1 => any::<f64>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn dirichlet_mdp(states in size(), actions in size(), horizon in size(), episodes in size()) {
        exercise(DirichletMdp::new(DirichletMdpSettings {
            states,
            actions,
            horizon,
            episodes,
        }))?;
    }

    #[test]
    fn river_swim(states in size(), horizon in size(), episodes in size()) {
        exercise(RiverSwim::new(states, horizon, episodes))?;
    }

    #[test]
    fn chain(
        states in size(),
        slip_low in share(),
        slip_high in share(),
        horizon in size(),
        episodes in size(),
    ) {
        let made = Chain::new(ChainSettings {
            states,
            slip_low,
            slip_high,
            horizon,
            episodes,
        });
        if let Ok(chain) = &made
            && chain.spec().trial_steps() < 500
        {
            let values = chain.exact_values();
            let best = values.bayes_optimal.get().expect("small sizes are solved");
            let known = values.known_task_optimum.get().expect("small sizes are solved");
            prop_assert!(best <= known * (1.0 + 1e-9), "{best} > {known}");
            let random = values.random.get().expect("small sizes are solved");
            let rewards = values.bayes_optimal_rewards.expect("small sizes are solved");
            prop_assert_eq!(rewards.len(), chain.spec().trial_steps());
            let sum: f64 = rewards.iter().sum();
            prop_assert!((sum - best).abs() <= 1e-9 * best.max(1.0), "{sum}, not {best}");
            prop_assert!(best >= random * (1.0 - 1e-9), "{best} < {random}");
        }
        exercise(made)?;
    }

    #[test]
    fn two_step(rounds in size(), common in share(), reward in share()) {
        let made = TwoStep::new(rounds, common, reward);
        if let Ok(two_step) = &made
            && rounds < 1000
        {
            let values = two_step.exact_values();
            let best = values.bayes_optimal.get().expect("always solved");
            let known = values.known_task_optimum.get().expect("always solved");
            let sum: f64 = values.bayes_optimal_rewards.expect("always solved").iter().sum();
            prop_assert!((sum - best).abs() <= 1e-9 * best.max(1.0), "{sum}, not {best}");
            prop_assert!(best <= known * (1.0 + 1e-9) && best >= 0.5 * rounds as f64 * (1.0 - 1e-9));
        }
        exercise(made)?;
    }
}

fn environments() -> Vec<Box<dyn EnvFactory>> {
    let dirichlet = DirichletMdp::new(DirichletMdpSettings {
        states: 6,
        actions: 2,
        horizon: 5,
        episodes: 2,
    });
    let chain = Chain::new(ChainSettings {
        states: 5,
        slip_low: 0.1,
        slip_high: 0.3,
        horizon: 5,
        episodes: 2,
    });
    vec![
        Box::new(Tasks::new(dirichlet.unwrap()).unwrap()),
        Box::new(Tasks::new(RiverSwim::new(6, 5, 2).unwrap()).unwrap()),
        Box::new(Tasks::new(chain.unwrap()).unwrap()),
        Box::new(Tasks::new(TwoStep::new(5, 0.8, 0.9).unwrap()).unwrap()),
    ]
}

/// One seed gives one history, another seed another one.
#[test]
fn the_seed_decides() {
    for env in environments() {
        let history = |seed| {
            let key = StreamKey { seed, ..KEY };
            let mut optima = Vec::new();
            let trajectory = trial(env.make(20), &key, |rollout| {
                let t = rollout.t();
                if t == 0 {
                    let optimum = |lane| rollout.env().known_task_optimum(lane);
                    optima = (0..20).map(optimum).collect();
                }
                if let ActionsMut::Discrete(actions) = rollout.acting().2.action {
                    actions.fill(t as u32 / 3 % 2);
                }
            });
            let rewards = trajectory.rewards().to_vec();
            (optima, rewards, trajectory.observations().to_vec())
        };
        let name = &env.spec().name;
        assert_eq!(history(5), history(5), "{name}");
        assert!(history(5).0.iter().all(Option::is_some), "{name}");
        if name != "two-step" {
            assert_ne!(history(5).0, history(6).0, "{name}"); // Its optimum is one number.
        }
    }
}
