//! The same bits for any number of workers and either way of collecting.

use crate::common::{Fault, KEY, SIZE, sums, walks};
use rl_core::{
    ActRow, Actions, Domain, EnvSpec, Outcome, Policy, PolicyFactory, Row, Stream, StreamKey,
};
use rollout::{Batch, BatchSize, Held, Pool, RolloutError, evaluate, evaluate_watched};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Everything that a batch holds of the trials that were asked for, by lane, as bits.
fn bits(batch: &Batch) -> Vec<Vec<u64>> {
    let mut lanes = Vec::new();
    for tile in batch.tiles() {
        let trajectory = tile.trajectory();
        let width = trajectory.lanes();
        let Actions::Discrete(actions) = trajectory.actions() else {
            panic!("discrete actions");
        };
        for lane in 0..width {
            let mut all = vec![trajectory.lengths()[lane] as u64];
            all.extend(tile.known_task_optimum()[lane].map(f64::to_bits));
            let steps = (lane..trajectory.rewards().len()).step_by(width);
            let mut truncations = 0;
            for index in steps.take(trajectory.lengths()[lane]) {
                truncations += usize::from(trajectory.outcomes()[index] == Outcome::Truncated);
                all.push(u64::from(trajectory.rewards()[index].to_bits()));
                all.push(u64::from(trajectory.values()[index].to_bits()));
                all.push(u64::from(trajectory.log_probs()[index].to_bits()));
                all.push(u64::from(actions[index]));
                all.push(trajectory.outcomes()[index] as u64);
                all.push(u64::from(trajectory.trial_ends()[index]));
                let observation = &trajectory.observations()[index * 2..index * 2 + 2];
                all.extend(observation.iter().map(|o| u64::from(o.to_bits())));
            }
            for index in 0..truncations {
                let last = trajectory.final_observation(lane, index);
                all.extend(last.iter().map(|o| u64::from(o.to_bits())));
            }
            lanes.push(all);
        }
    }
    lanes
}

#[test]
fn any_number_of_workers_and_either_way_give_the_same_bits() {
    let env = walks(Fault::None);
    let mut reference = None;
    for workers in [1, 2, 3, 8] {
        let pool = Pool::new(workers, || ()).unwrap();
        let mut batch = Batch::new(env.as_ref(), SIZE).unwrap();
        batch.collect(&pool, &sums(), KEY).unwrap();
        let tiled = bits(&batch);
        batch.collect_in_lockstep(&pool, &sums(), KEY).unwrap();
        assert_eq!(tiled, bits(&batch), "in lockstep, {workers} workers");
        assert_eq!(
            *reference.get_or_insert(tiled.clone()),
            tiled,
            "{workers} workers"
        );
    }
    let pool = Pool::new(2, || ()).unwrap();
    let mut other = Batch::new(env.as_ref(), BatchSize { tile: 29, ..SIZE }).unwrap();
    other.collect(&pool, &sums(), KEY).unwrap();
    assert_eq!(bits(&other), reference.unwrap(), "another size of tiles");
    let key = StreamKey { round: 5, ..KEY };
    let before = bits(&other);
    other.collect(&pool, &sums(), key).unwrap();
    assert_ne!(bits(&other), before, "the next round differs");
}

/// A tile ends with its longest trial, in either way of collecting.
#[test]
fn what_was_lived_is_looked_at_again_as_it_was() {
    let pool = Pool::new(2, || ()).unwrap();
    for fault in [Fault::None, Fault::Nan, Fault::NanObservation] {
        let mut batch = Batch::new(walks(fault).as_ref(), SIZE).unwrap();
        let collected = batch.collect(&pool, &sums(), KEY);
        assert_eq!(collected.is_ok(), fault == Fault::None);
        assert_eq!(batch.check_again(&pool, "sums"), collected);
    }
}

#[test]
fn nothing_is_lived_after_the_last_trial_of_a_tile() {
    let env = walks(Fault::None);
    let size = BatchSize { tile: 2, ..SIZE };
    let pool = Pool::new(2, || ()).unwrap();
    let mut batch = Batch::new(env.as_ref(), size).unwrap();
    let mut shorter = 0;
    for lockstep in [false, true] {
        match lockstep {
            true => batch.collect_in_lockstep(&pool, &sums(), KEY).unwrap(),
            false => batch.collect(&pool, &sums(), KEY).unwrap(),
        }
        for tile in batch.tiles() {
            let trajectory = tile.trajectory();
            assert_eq!(Some(&trajectory.steps()), trajectory.lengths().iter().max());
            let numbers = trajectory.lanes() * trajectory.steps();
            assert_eq!(trajectory.values().len(), numbers);
            shorter += usize::from(trajectory.steps() < trajectory.room());
        }
    }
    assert!(shorter > 0, "no tile was over before its time");
}

/// Acts as another policy does, and counts how often.
struct Counting(Arc<dyn PolicyFactory>, Arc<AtomicUsize>);

struct CountingPolicy(Box<dyn Policy>, Arc<AtomicUsize>);

impl PolicyFactory for Counting {
    fn name(&self) -> String {
        self.0.name()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let policy = CountingPolicy(self.0.make(spec, lanes)?, Arc::clone(&self.1));
        Ok(Box::new(policy))
    }
}

impl Policy for CountingPolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.act(row, streams, out);
    }
}

/// Time that no trial takes is not spent: a policy acts once for each step that is left.
#[test]
fn policies_act_as_long_as_trials_last() {
    let env = walks(Fault::None);
    let pool = Pool::new(1, || ()).unwrap();
    let mut batch = Batch::new(env.as_ref(), BatchSize { tile: 2, ..SIZE }).unwrap();
    for lockstep in [false, true] {
        let acts = Arc::new(AtomicUsize::new(0));
        let policy: Arc<dyn PolicyFactory> = Arc::new(Counting(sums(), Arc::clone(&acts)));
        match lockstep {
            true => batch.collect_in_lockstep(&pool, &policy, KEY).unwrap(),
            false => batch.collect(&pool, &policy, KEY).unwrap(),
        }
        let steps = batch.tiles().iter().map(|tile| tile.trajectory().steps());
        let acts = acts.load(Ordering::Relaxed);
        match lockstep {
            // Two halves, each as long as the longest of all tiles, and a round in which
            // the second one learns that it is over.
            true => {
                let longest = 2 * steps.max().unwrap();
                assert!(
                    (longest..=longest + 2).contains(&acts),
                    "{acts}, not {longest}"
                );
            }
            false => assert_eq!(acts, steps.sum::<usize>()),
        }
    }
}

#[test]
fn evaluation_is_the_same_for_any_number_of_workers_and_adds_up() {
    let env = walks(Fault::None);
    let held = Held {
        tasks: 150,
        seed: 3,
        domain: Domain::HeldOut,
    };
    let one = Pool::new(1, || ()).unwrap();
    let first = evaluate(&one, &env, &sums(), held).unwrap();
    let three = Pool::new(3, || ()).unwrap();
    assert_eq!(first, evaluate(&three, &env, &sums(), held).unwrap());

    assert_eq!(first.returns.count(), 150);
    assert_eq!(first.known_task_optimum.count(), 150);
    let episodes: f64 = first.episode_returns.iter().map(|e| e.mean()).sum();
    assert!((episodes - first.returns.mean()).abs() < 1e-9);
    let last = first.cumulative_reward.last().unwrap().mean();
    assert!((last - first.returns.mean()).abs() < 1e-9);
    let trials: rl_core::Moments = first.trial_returns.iter().copied().collect();
    assert!((trials.mean() - first.returns.mean()).abs() < 1e-9);
    assert!(first.regret.is_empty(), "trials that end early have none");

    let endless = evaluate(&three, &walks(Fault::NeverEnds), &sums(), held).unwrap();
    let regret = endless.regret.last().unwrap().mean();
    let expected = endless.known_task_optimum.mean() - endless.returns.mean();
    assert!((regret - expected).abs() < 1e-9);

    let training = Held {
        domain: Domain::Training,
        ..held
    };
    let training = evaluate(&one, &env, &sums(), training).unwrap();
    assert_ne!(first.known_task_optimum, training.known_task_optimum);
}

/// Whoever watches is told of every task once, and changes nothing.
#[test]
fn who_watches_hears_of_every_task() {
    let env = walks(Fault::None);
    let held = Held {
        tasks: 150,
        seed: 3,
        domain: Domain::HeldOut,
    };
    for workers in [1, 3] {
        let pool = Pool::new(workers, || ()).unwrap();
        let heard = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let watch = {
            let heard = Arc::clone(&heard);
            move |tasks| {
                heard[0].fetch_add(tasks, Ordering::Relaxed);
                heard[1].fetch_add(1, Ordering::Relaxed);
                ControlFlow::Continue(())
            }
        };
        let watched = evaluate_watched(&pool, &env, &sums(), (held, watch)).unwrap();
        assert_eq!(watched, evaluate(&pool, &env, &sums(), held).unwrap());
        let [tasks, times] = heard.as_ref();
        assert_eq!(tasks.load(Ordering::Relaxed), 150);
        assert!(times.load(Ordering::Relaxed) > 1);
    }
}

#[test]
fn who_watches_may_call_off_the_rest() {
    let held = Held {
        tasks: 100_000,
        seed: 3,
        domain: Domain::HeldOut,
    };
    let heard = Arc::new(AtomicUsize::new(0));
    let watch = {
        let heard = Arc::clone(&heard);
        move |tasks| {
            heard.fetch_add(tasks, Ordering::Relaxed);
            ControlFlow::Break(())
        }
    };
    let pool = Pool::new(2, || ()).unwrap();
    let env = walks(Fault::None);
    let stopped = evaluate_watched(&pool, &env, &sums(), (held, watch));
    assert_eq!(stopped, Err(RolloutError::CalledOff));
    let met = heard.load(Ordering::Relaxed);
    assert!(met <= 3 * 64, "{met} tasks after the first was enough");
}

#[test]
fn another_rollout_meets_the_same_tasks_with_fresh_noise() {
    let pool = Pool::new(2, || ()).unwrap();
    let first = StreamKey {
        lanes_per_task: 4,
        ..KEY
    };
    let second = StreamKey {
        rollout: 1,
        ..first
    };
    let mut batch = Batch::new(walks(Fault::None).as_ref(), SIZE).unwrap();
    let mut collect = |key| {
        batch.collect(&pool, &sums(), key).unwrap();
        let optima = batch.tiles().iter().flat_map(|t| t.known_task_optimum());
        let optima: Vec<_> = optima.copied().collect();
        (optima, bits(&batch))
    };
    let ((tasks, one), (same_tasks, two)) = (collect(first), collect(second));
    assert_eq!(tasks, same_tasks);
    assert_ne!(one, two);
    for shared in tasks.chunks(4) {
        assert!(shared.iter().all(|task| *task == shared[0]));
    }
    assert_ne!(tasks[0], tasks[4]);
}
