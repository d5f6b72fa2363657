use super::*;
use crate::config::RunConfig;
use crate::learners::LearnerSpec;
use crate::oracles::Oracles;
use crate::presets::Preset;
use crate::registry::{Built, Registry};
use crate::room::Room;
use crate::stop::Stop;
use agent::{Place, Setup, Training};
use nets::Device;
use rl_core::{EnvFactory, PolicyFactory, Random};
use rollout::Pool;
use std::sync::Arc;

const RULES: Rules = Rules {
    unit: Unit::Episode,
    trials: 8,
    window: 120,
    budget: 600,
};

fn place(workers: usize) -> Place {
    Place {
        pool: Arc::new(Pool::new(workers, nets::single_threaded).unwrap()),
        device: Device::Cpu,
    }
}

fn built(name: &str, settings: &str) -> Built {
    let registry = Registry::standard();
    Built::new(
        registry.environment(name).unwrap(),
        &settings.parse().unwrap(),
    )
    .unwrap()
}

fn config(preset: &str, words: &[&str]) -> RunConfig {
    let text = Preset::find(preset).unwrap().text;
    let key = |word: &str| word.split('=').next().map(str::to_owned);
    let mut latest: Vec<String> = Vec::new();
    for word in words {
        latest.retain(|earlier| key(earlier) != key(word));
        latest.push((*word).to_owned());
    }
    let words = latest;
    RunConfig::resolve(&Registry::standard(), preset, text, &words).unwrap()
}

fn training(config: &RunConfig, place: &Place) -> Box<dyn Training> {
    let registry = Registry::standard();
    let algorithm = registry.algorithm(&config.algorithm).unwrap();
    let nobody = |_: &str| Ok(Arc::new(Random) as Arc<dyn PolicyFactory>);
    let setup = Setup {
        env: config.built.factory.as_ref(),
        settings: &config.settings,
        seed: 0,
        place: place.clone(),
        learner: &nobody,
    };
    (algorithm.start)(setup).unwrap()
}

#[test]
fn a_target_lies_on_the_way_to_what_knowing_the_task_earns() {
    assert_eq!(Target::new(10.0, 4.0, 0.9).value, 9.0);
    // Where random actions lose, a share of the optimum alone would be no bound.
    assert_eq!(Target::new(-1.0, -11.0, 0.9).value, -2.0);
    assert_eq!(Target::new(5.0, -5.0, 0.5).value, 0.0);
    assert!(!Target::new(1.0, 0.0, 0.9).is_reached_by(f64::NAN));
    let (grid, place) = (built("gridnavi", ""), place(1));
    let mut known = Vec::new();
    for number in 0..12 {
        let task = NewTask::new(&grid.factory, 3, number);
        let target = Target::measure(&place.pool, &task, &RULES, 0.9).unwrap();
        // A goal that is d steps away pays for 16 − d of them, and takes a tenth for d − 1.
        let fits = |d: usize| (target.known - (16.0 - d as f64 - 0.1 * (d as f64 - 1.0))).abs();
        assert!((2..=8).any(|d| fits(d) < 1e-9), "{target:?}");
        assert!(
            -1.51 < target.random && target.random < target.value,
            "{target:?}"
        );
        known.push(target.known.to_bits());
    }
    known.sort_unstable();
    known.dedup();
    assert!(known.len() > 2, "tasks differ");
    // Of a bandit, so many pulls.
    let bandit = built("bernoulli-bandit", "");
    let unit = Unit::Steps(5);
    let steps = unit.of_trial(bandit.factory.as_ref()).unwrap() * 5;
    assert_eq!(steps, bandit.factory.spec().trial_steps());
    assert!(
        Unit::Steps(7)
            .of_trial(grid.factory.as_ref())
            .unwrap_err()
            .contains("divisor")
    );
}

#[test]
fn who_remembers_arrives_within_a_trial_and_random_actions_do_not() {
    let (grid, place) = (built("gridnavi", "size = 3\nhorizon = 6"), place(2));
    let oracles = Oracles::new(&(), Room::now(), Stop::default());
    let table = "name = \"bayes-optimal\"".parse().unwrap();
    let spec = LearnerSpec::read("learner", &table, grid.factory.as_ref()).unwrap();
    let best = spec.make(&grid, &oracles).unwrap().policy;
    let random: Arc<dyn PolicyFactory> = Arc::new(Random);
    let mut steps = Vec::new();
    for number in 0..10 {
        let task = NewTask::new(&grid.factory, 0, number);
        let target = Target::measure(&place.pool, &task, &RULES, 0.9).unwrap();
        let live = |policy| by_memory(&place.pool, policy, &task, (&RULES, &target)).unwrap();
        let arrival = live(&best);
        steps.push(arrival.steps.unwrap());
        assert!((arrival.earned - target.known).abs() < 1e-6 || arrival.steps == Some(6.0));
        let never = live(&random);
        assert_eq!((never.steps, never.lived), (None, 24.0));
        // Steps that are beyond the budget do not count.
        let short = Rules { budget: 5, ..RULES };
        let found = by_memory(&place.pool, &best, &task, (&short, &target)).unwrap();
        assert_eq!((found.steps, found.lived), (None, 5.0));
    }
    // It looks for the goal in the first episode, and goes there in the second.
    assert!(
        steps.iter().all(|steps| [6.0, 12.0].contains(steps)),
        "{steps:?}"
    );
    assert!(steps.contains(&12.0), "{steps:?}");
}

/// A small training in a task of GridNavi, and what it begins with.
fn learned(
    workers: usize,
    (target, from): (&Target, Option<&rl_core::Tree>),
    words: &[&str],
) -> Arrival {
    let small = [
        "rl2.lanes=2",
        "rl2.tile=1",
        "rl2.updates=200",
        "rl2.outer.minibatches=1",
        "rl2.trunk.hidden=8",
        "evaluation.actions=sample",
    ];
    let config = config("rl2/gridnavi", &[&small[..], words].concat());
    let registry = Registry::standard();
    let place = place(workers);
    let learns = Learns {
        algorithm: registry.algorithm("rl2").unwrap(),
        settings: &config.settings,
        from,
        actions: config.evaluation.actions,
        place: &place,
    };
    let task = NewTask::new(&config.built.factory, 1, 4);
    by_updates(&learns, &task, (&RULES, target)).unwrap()
}

#[test]
fn all_steps_of_a_training_count_until_the_target_and_no_further_than_the_budget() {
    let at = |value| Target {
        known: 10.0,
        random: -1.0,
        value,
    };
    // Reached by whatever is done: the first update that fills the window.
    let easy = learned(1, (&at(-2.0), None), &[]);
    assert_eq!((easy.steps, easy.lived), (Some(120.0), 120.0));
    assert_eq!(easy, learned(3, (&at(-2.0), None), &[]));
    let never = learned(1, (&at(100.0), None), &[]);
    assert_eq!((never.steps, never.lived), (None, 600.0));
    assert!(never.earned < 15.0);
    assert_eq!(never, learned(3, (&at(100.0), None), &[]));
    // Fewer updates than the budget has room for.
    let few = learned(1, (&at(100.0), None), &["rl2.updates=2"]);
    assert_eq!((few.steps, few.lived), (None, 240.0));
}

#[test]
fn a_training_begins_with_what_another_learned() {
    // Of strong preferences, where who begins from nothing has hardly any.
    let small = [
        "rl2.trunk.hidden=8",
        "rl2.lanes=2",
        "rl2.tile=1",
        "rl2.outer.minibatches=1",
        "rl2.policy.gain=5.0",
        // Where goals are met by chance.
        "environment.size=3",
    ];
    let before = training(&config("rl2/gridnavi", &small), &place(1));
    let tree = before.checkpoint().unwrap();
    let target = Target::new(100.0, 0.0, 0.9);
    // Seeds of the new task begin elsewhere.
    let words = ["rl2.updates=1", "environment.size=3"];
    let first = |from| learned(1, (&target, from), &words).earned;
    assert_ne!(first(Some(&tree)), first(None));
    let other = config("rl2/gridnavi", &["rl2.trunk.hidden=9"]);
    let registry = Registry::standard();
    let place = place(1);
    let learns = Learns {
        algorithm: registry.algorithm("rl2").unwrap(),
        settings: &other.settings,
        from: Some(&tree),
        actions: other.evaluation.actions,
        place: &place,
    };
    let task = NewTask::new(&other.built.factory, 1, 4);
    let refused = by_updates(&learns, &task, (&RULES, &target)).unwrap_err();
    assert!(!refused.message.is_empty(), "of another size");
}

#[test]
fn an_adaptation_counts_the_trials_of_its_steps() {
    let words = [
        "maml.updates=0",
        "maml.evaluation.steps=2",
        "maml.evaluation.trajectories=3",
        "maml.policy.hidden=[8]",
    ];
    let config = config("maml/gridnavi", &words);
    let place = place(2);
    let agent = training(&config, &place);
    let env: &Arc<dyn EnvFactory> = &config.built.factory;
    let task = NewTask::new(env, 1, 2);
    let found = |value, budget| {
        let target = Target {
            known: 10.0,
            random: -1.0,
            value,
        };
        let rules = Rules { budget, ..RULES };
        let of = (
            &task,
            agent.trials_per_step().unwrap(),
            config.evaluation.actions,
        );
        by_adaptation(&place.pool, (agent.as_ref(), env), of, (&rules, &target)).unwrap()
    };
    // Three trials of 60 steps show it.
    let easy = found(-2.0, 600);
    assert_eq!((easy.steps, easy.lived), (Some(180.0), 180.0));
    let never = found(100.0, 600);
    assert_eq!((never.steps, never.lived), (None, 540.0));
    assert_eq!(found(100.0, 400).lived, 400.0);
}
