//! The chain and its Bayes-optimal policy, on the engine.

use crate::common::{Rule, Seen, farthest_step, returns, run, run_trials, standard_errors};
use mdps::{Chain, ChainSettings};
use rl_core::{EnvFactory as _, Tasks};

fn tasks(settings: ChainSettings) -> Tasks<Chain> {
    Tasks::new(Chain::new(settings).unwrap()).unwrap()
}

fn original() -> ChainSettings {
    ChainSettings {
        states: 5,
        slip_low: 0.0,
        slip_high: 0.4,
        horizon: 50,
        episodes: 1,
    }
}

#[test]
fn the_optimal_policy_earns_the_optimal_value() {
    let episodes = ChainSettings {
        states: 3,
        horizon: 4,
        episodes: 6,
        ..original()
    };
    let hard = ChainSettings {
        slip_low: 0.35,
        slip_high: 0.45,
        horizon: 100,
        ..original()
    };
    for settings in [original(), episodes, hard] {
        let tasks = tasks(settings);
        let values = tasks.exact_values();
        let wanted = values.bayes_optimal.get().unwrap();
        assert!(wanted < values.known_task_optimum.get().unwrap());
        assert!(wanted > values.random.get().unwrap());
        let policy = tasks.bayes_optimal_policy().unwrap();
        assert_eq!(policy.name(), "bayes-optimal");
        // The second trial starts without what the first one taught.
        for trials in [1, 2] {
            let trajectory = run_trials(&tasks, policy.as_ref(), 20_000, trials);
            let error = standard_errors(&returns(&trajectory), wanted);
            assert!(error.abs() < 3.0, "{settings:?}: {error} standard errors");
        }
        let trajectory = run(&tasks, policy.as_ref(), 20_000);
        let off = farthest_step(&trajectory, &values.bayes_optimal_rewards.unwrap());
        // The largest of up to 100 deviations.
        assert!(
            off < 4.2,
            "{settings:?}: a step is {off} standard errors off"
        );
    }
}

/// Rules of thumb stay clearly below the optimum.
#[test]
fn the_optimal_value_exceeds_rules_of_thumb() {
    let tasks = tasks(original());
    let best = tasks.exact_values().bayes_optimal.get().unwrap();
    // Takes 0 for the action to advance; or goes by the last effect alone.
    let believer = Rule(|_: Seen| 0);
    let last_effect = Rule(|seen: Seen| match seen.action {
        None => 0,
        Some(action) if seen.reward == 2.0 => 1 - action,
        Some(action) => action,
    });
    for returns in [
        returns(&run(&tasks, &believer, 20_000)),
        returns(&run(&tasks, &last_effect, 20_000)),
    ] {
        let error = standard_errors(&returns, best);
        assert!(error < -10.0, "{error} standard errors");
    }
}

#[test]
fn the_optimal_policy_refuses_other_environments() {
    let policy = tasks(original()).bayes_optimal_policy().unwrap();
    let other = tasks(ChainSettings {
        horizon: 51,
        ..original()
    });
    let error = policy.make(other.spec(), 1).err().unwrap();
    assert!(
        error.contains("51") && error.contains("cannot act"),
        "{error}"
    );
    let long = tasks(ChainSettings {
        horizon: 1_000_000,
        ..original()
    });
    let error = long.bayes_optimal_policy().err().unwrap();
    assert!(error.contains("fewer steps"), "{error}");
    assert!(long.exact_values().known_task_optimum.get().is_none());
}

#[test]
fn settings_out_of_range_are_refused() {
    let error = |settings| Chain::new(settings).unwrap_err().to_string();
    let states = ChainSettings {
        states: 1,
        ..original()
    };
    assert_eq!(
        error(states),
        "environment 'chain': states = 1; allowed: a whole number, 2 to 100"
    );
    let crossed = ChainSettings {
        slip_low: 0.3,
        slip_high: 0.2,
        ..original()
    };
    assert_eq!(
        error(crossed),
        "environment 'chain': slip_high = 0.2; allowed: at least slip_low = 0.3"
    );
    let nan = ChainSettings {
        slip_low: f64::NAN,
        ..original()
    };
    assert!(error(nan).contains("slip_low = nan"));
}
