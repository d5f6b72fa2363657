//! Looking for key and door in the dark.

use crate::common::{KEY, alone, discrete, mean, returns, run};
use navigation::DarkKeyDoor;
use rl_core::{EnvFactory, PolicyFactory, Tasks, Trajectory};

fn tasks(size: usize, horizon: usize, episodes: usize) -> Tasks<DarkKeyDoor> {
    Tasks::new(DarkKeyDoor::new(size, horizon, episodes).unwrap()).unwrap()
}

fn learner(tasks: &Tasks<DarkKeyDoor>, name: &str) -> Box<dyn PolicyFactory> {
    let mut learners = tasks.learners().into_iter();
    learners.find(|policy| policy.name() == name).unwrap()
}

/// With time to look everywhere, every episode of exhaustive search finds both,
/// and later ones take shortest ways.
#[test]
fn exhaustive_search_finds_key_and_door() {
    let tasks = tasks(4, 80, 2);
    let search = learner(&tasks, "exhaustive-search");
    let trajectory = run(&tasks, search.as_ref(), 500);
    assert!(returns(&trajectory, None).iter().all(|total| *total == 4.0));
    let mut env = tasks.make(500);
    env.begin(&KEY, 0, &mut [0.0; 500]);
    for lane in 0..500 {
        let ends = trajectory.outcomes().iter().skip(lane).step_by(500);
        let ends: Vec<usize> = ends
            .enumerate()
            .filter(|(_, outcome)| **outcome != rl_core::Outcome::Continue)
            .map(|(t, _)| t + 1)
            .take(2)
            .collect();
        // At most 6 moves to the key, and as many to the door.
        assert!(ends[1] - ends[0] <= 12, "lane {lane}: {ends:?}");
    }
}

/// Knowing more never hurts: random, then sampling, then search, then the
/// known task; and sampling gets better from episode to episode.
#[test]
fn learners_are_in_order() {
    let tasks = tasks(9, 50, 10);
    let of = |name: &str| run(&tasks, learner(&tasks, name).as_ref(), 2_000);
    let (sampling, search) = (of("posterior-sampling"), of("exhaustive-search"));
    let total = |trajectory: &Trajectory| mean(trajectory, None).mean();
    let values = tasks.exact_values();
    let random = values.random.get().unwrap();
    let known = values.known_task_optimum.get().unwrap();
    let (sampled, searched) = (total(&sampling), total(&search));
    assert!(
        random < sampled && sampled < searched && searched < known,
        "{random} {sampled} {searched} {known}"
    );
    let episode = |number| mean(&sampling, Some(number)).mean();
    assert!(
        episode(9) > episode(0) + 0.05,
        "{} {}",
        episode(0),
        episode(9)
    );
    let episode = |number| mean(&search, Some(number)).mean();
    assert!(episode(9) > 1.9, "{}", episode(9));
}

/// Everything a lane knew is gone when its trial starts, and other lanes do
/// not matter.
#[test]
fn searchers_forget_and_keep_lanes_apart() {
    let tasks = tasks(3, 5, 2);
    for name in ["posterior-sampling", "exhaustive-search"] {
        let policy = learner(&tasks, name);
        let whole = run(&tasks, policy.as_ref(), 6);
        for lane in 0..6_u64 {
            let alone = alone(&tasks, policy.as_ref(), lane);
            let length = alone.lengths()[0];
            let together = discrete(&whole).iter().skip(lane as usize).step_by(6);
            assert!(
                discrete(&alone)[..length].iter().eq(together.take(length)),
                "{name}"
            );
        }
    }
}

/// Seeing more changes nothing for who knows the rules already.
#[test]
fn learners_act_alike_where_key_and_time_are_shown() {
    let dark = DarkKeyDoor::new(5, 20, 3).unwrap();
    let shown = Tasks::new(dark.clone().with_key_and_time()).unwrap();
    let hidden = Tasks::new(dark).unwrap();
    for name in ["posterior-sampling", "exhaustive-search"] {
        let actions = |tasks: &Tasks<DarkKeyDoor>| {
            let played = run(tasks, learner(tasks, name).as_ref(), 50);
            (discrete(&played).to_vec(), played.rewards().to_vec())
        };
        assert_eq!(actions(&shown), actions(&hidden), "{name}");
    }
}

/// In the step that begins anew nothing is looked for: whatever a move from there would
/// lead to is still to be searched, so that a key within reach is always found.
#[test]
fn a_reset_step_rules_nothing_out() {
    const LANES: usize = 1000;
    let dark = DarkKeyDoor::new(5, 3, 1).unwrap();
    let dark = dark.with_steps(400).unwrap().with_reset_steps();
    let tasks = Tasks::new(dark).unwrap();
    let search = learner(&tasks, "exhaustive-search");
    let trajectory = run(&tasks, search.as_ref(), LANES);
    let mut env = tasks.make(LANES);
    let mut starts = [0.0; LANES];
    env.begin(&KEY, 0, &mut starts);
    let mut reachable = 0;
    for (lane, (start, earned)) in starts.iter().zip(returns(&trajectory, None)).enumerate() {
        let key = &env.description(lane)[..2];
        let [x, y] = [start % 5.0, (start / 5.0).floor()];
        let away = (4.0 * key[0] - x).abs() + (4.0 * key[1] - y).abs();
        if away <= 3.0 {
            reachable += 1;
            assert!(
                earned > 0.0,
                "lane {lane}: a key {away} away was never found"
            );
        }
    }
    assert!(reachable > LANES / 2, "{reachable}");
}
