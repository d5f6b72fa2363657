//! What an agent is shown of its task is all there is to know of it.

use crate::common::KEY;
use mdps::{Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, RiverSwim, TwoStep};
use proptest::prelude::*;
use rl_core::{Purpose, Revealed, TaskDistribution, Tasks};

/// Descriptions of 40 tasks, each written completely, with the tasks.
fn described<D: TaskDistribution>(distribution: &D) -> Vec<(Vec<f32>, D::Task)> {
    let one = |lane| {
        let mut task = D::Task::default();
        distribution.sample(&mut task, &mut KEY.lane(Purpose::Task, lane));
        let mut description = vec![f32::NAN; distribution.description_size()];
        distribution.describe(&task, &mut description);
        assert!(description.iter().all(|number| number.is_finite()));
        (description, task)
    };
    (0..40).map(one).collect()
}

/// Nothing but the described numbers differs from task to task.
#[test]
fn chains_are_told_by_one_number() {
    let chain = Chain::new(ChainSettings {
        states: 4,
        slip_low: 0.1,
        slip_high: 0.3,
        horizon: 5,
        episodes: 1,
    });
    let mut seen = [false; 2];
    for (description, task) in described(&chain.unwrap()) {
        let advances = f64::from(description[0]);
        let slip = advances.min(1.0 - advances);
        assert!((0.1 - 1e-6..0.3 + 1e-6).contains(&slip), "{slip}");
        for state in 0..4 {
            let next = (state + 1).min(3);
            assert!((task.model().row(state, 0)[next] - advances).abs() < 1e-6);
            assert!((task.model().row(state, 1)[0] - advances).abs() < 1e-6);
        }
        seen[usize::from(advances > 0.5)] = true;
    }
    assert_eq!(seen, [true; 2]);
}

#[test]
fn rivers_are_told_by_five_numbers() {
    for (description, task) in described(&RiverSwim::new(5, 5, 1).unwrap()) {
        let [up, down, small, large, swim] = description[..] else {
            panic!("five numbers");
        };
        let (swim, model) = (swim as usize, task.model());
        let wanted = [down, 1.0 - down - up, up, 0.0, 0.0];
        for (next, wanted) in wanted.into_iter().enumerate() {
            assert!((model.row(1, swim)[next] as f32 - wanted).abs() < 1e-6);
        }
        assert_eq!(model.row(1, 1 - swim), [1.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((model.mean_reward[1 - swim] as f32 - small).abs() < 1e-9);
        assert!((model.mean_reward[4 * 2 + swim] as f32 - large).abs() < 1e-6);
    }
}

#[test]
fn random_mdps_are_told_by_their_tables() {
    let settings = DirichletMdpSettings {
        states: 3,
        actions: 2,
        horizon: 5,
        episodes: 1,
    };
    for (description, task) in described(&DirichletMdp::new(settings).unwrap()) {
        let (rewards, transitions) = description.split_at(6);
        assert_eq!(rewards[3] as f64 as f32, task.model().mean_reward[3] as f32);
        assert_eq!(transitions[3 * 3 + 2], task.model().row(1, 1)[2] as f32);
        let sums = transitions.chunks(3).map(|row| row.iter().sum::<f32>());
        assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    }
}

#[test]
fn two_step_tasks_are_told_by_the_better_state() {
    for (description, task) in described(&TwoStep::new(3, 0.8, 0.9).unwrap()) {
        assert_eq!(description, [f32::from(task.better() - 1)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Shown tasks can be begun at any size.
    #[test]
    fn any_size_can_be_shown(states in 1..60_usize, actions in 1..20_usize) {
        let settings = DirichletMdpSettings { states, actions, horizon: 5, episodes: 2 };
        let shown = Revealed::new(DirichletMdp::new(settings).unwrap()).unwrap();
        let tasks = Tasks::new(shown).unwrap();
        let width = rl_core::EnvFactory::spec(&tasks).observation.width();
        prop_assert_eq!(width, states + states * actions * (1 + states));
        let mut row = vec![f32::NAN; width];
        rl_core::EnvFactory::make(&tasks, 1).begin(&KEY, 0, &mut row);
        prop_assert!(row.iter().all(|number| number.is_finite()));
        prop_assert_eq!(row[..states].iter().sum::<f32>(), 1.0);
    }
}
