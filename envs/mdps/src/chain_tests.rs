use super::*;

fn model(states: usize, slip: f64, advances: usize) -> Model {
    let mut model = Model::default();
    fill(&mut model, states, slip, advances);
    model.validate().unwrap();
    model
}

#[test]
fn a_chain_by_hand() {
    let chain = model(3, 0.25, 1);
    assert_eq!(chain.row(0, 1), [0.25, 0.75, 0.0]);
    assert_eq!(chain.row(1, 1), [0.25, 0.0, 0.75]);
    assert_eq!(chain.row(2, 1), [0.25, 0.0, 0.75]);
    assert_eq!(chain.row(0, 0), [0.75, 0.25, 0.0]);
    assert_eq!(chain.row(2, 0), [0.75, 0.0, 0.25]);
    assert_eq!(chain.expected_reward(0, 1), 0.25 * 2.0);
    assert_eq!(chain.expected_reward(2, 1), 0.25 * 2.0 + 0.75 * 10.0);
    assert_eq!(chain.expected_reward(2, 0), 0.75 * 2.0 + 0.25 * 10.0);
    let steps = chain.distances();
    assert_eq!(steps, [Some(0), Some(1), Some(2)]);
}

/// The original: 5 states and slips of 0.2. Advancing always is optimal in the
/// long run, with 3.68 per step (the published 1,000-step optimum is 3677).
#[test]
fn the_original_chain_earns_the_published_optimum() {
    let (mut planner, horizon) = (Planner::default(), 1000);
    let chain = model(5, 0.2, 0);
    let value = planner.optimum(&chain, horizon);
    // Stationary: the end is occupied a share 0.8⁴ of the time.
    let share = 0.8_f64.powi(4);
    let rate = share * 0.8 * 10.0 + 0.2 * 2.0;
    assert!((rate - 3.677).abs() < 5e-4, "{rate}");
    assert!((value / horizon as f64 - rate).abs() < 0.02, "{value}");
    // Which action advances does not matter to one who knows it.
    let other = planner.optimum(&model(5, 0.2, 1), horizon);
    assert!((value - other).abs() < 1e-9);
    // Without slips: four advances, then 10 each.
    assert_eq!(planner.optimum(&model(5, 0.0, 1), 10), 60.0);
}

/// The integral over slips agrees with a plain midpoint rule.
#[test]
fn the_known_task_optimum_is_the_mean_over_slips() {
    let chain = Chain::new(ChainSettings {
        states: 5,
        slip_low: 0.0,
        slip_high: 0.4,
        horizon: 30,
        episodes: 3,
    });
    let chain = chain.unwrap();
    let mut planner = Planner::default();
    let count = 20_000;
    let optimum = |i: usize| {
        let slip = 0.4 * (i as f64 + 0.5) / count as f64;
        planner.optimum(&model(5, slip, 0), 30)
    };
    let wanted = 3.0 * (0..count).map(optimum).sum::<f64>() / count as f64;
    let found = chain.exact_values().known_task_optimum.get().unwrap();
    assert!((found / wanted - 1.0).abs() < 1e-7, "{found}, not {wanted}");
}
