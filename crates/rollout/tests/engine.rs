//! The engine's promises: the same bits for any number of workers and either
//! way of collecting, and failures that say where.

use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionSpace, Actions, Continuous, Discrete, Domain, EnvFactory, EnvSpec, Environment,
    ObservationSpace, Policy, PolicyFactory, Row, Step, Stream, StreamKey, TaskDistribution, Tasks,
};
use rollout::{Batch, BatchSize, Held, Pool, RolloutError, evaluate};
use std::sync::Arc;

/// A noisy walk that ends early when it gets far, with a fault on demand.
#[derive(Clone)]
struct Walks {
    fault: Fault,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Fault {
    #[default]
    None,
    Panic,
    Nan,
    NeverEnds,
}

#[derive(Default)]
struct Walk {
    drift: f32,
    fault: Fault,
}

impl Environment for Walk {
    type State = f32;
    type Action = Discrete;

    fn reset(&self, state: &mut f32, rng: &mut Stream) {
        *state = rng.random();
    }

    fn step(&self, state: &mut f32, action: &u32, rng: &mut Stream) -> Step {
        *state += *action as f32 - 0.5 + self.drift + rng.random::<f32>();
        if *state > 4.0 && self.fault == Fault::Panic {
            panic!("too far: {state}");
        }
        if *state > 4.0 && self.fault == Fault::Nan {
            return Step::proceed(f32::NAN);
        }
        if *state > 5.0 && self.fault != Fault::NeverEnds {
            Step::terminal(*state)
        } else {
            Step::proceed(*state)
        }
    }

    fn observe(&self, state: &f32, observation: &mut [f32]) {
        observation.copy_from_slice(&[*state, self.drift]);
    }
}

impl TaskDistribution for Walks {
    type Task = Walk;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "walk".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 7,
            episodes: 3,
        }
    }

    fn sample(&self, task: &mut Walk, rng: &mut Stream) {
        task.drift = rng.random::<f32>() - 0.5;
        task.fault = self.fault;
    }

    fn known_task_optimum(&self, task: &Walk) -> Option<f64> {
        Some(f64::from(task.drift))
    }
}

/// Remembers the sum of rewards per lane, and acts on it by chance.
struct Sums(Vec<f32>);

impl Policy for Sums {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let actions = out.action.discrete().expect("a discrete environment");
        for lane in 0..row.lanes {
            if row.start[lane] {
                self.0[lane] = 0.0;
            } else {
                self.0[lane] += row.previous_reward[lane];
            }
            let chance = streams[lane].random::<f32>() + 0.01 * self.0[lane];
            actions[lane] = u32::from(chance > 0.5 + row.observation[lane * 2] * 0.1);
            out.value[lane] = self.0[lane];
            out.log_prob[lane] = chance;
        }
    }
}

struct MakeSums;

impl PolicyFactory for MakeSums {
    fn name(&self) -> String {
        "sums".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        if !spec.is_discrete() {
            return Err("it needs discrete actions".into());
        }
        Ok(Box::new(Sums(vec![0.0; lanes])))
    }
}

/// Panics at its fourth step.
struct Faulty(usize);

impl Policy for Faulty {
    fn act(&mut self, _: &Row<'_>, _: &mut [Stream], _: ActRow<'_>) {
        self.0 += 1;
        assert!(self.0 < 4, "a faulty policy");
    }
}

struct MakeFaulty;

impl PolicyFactory for MakeFaulty {
    fn name(&self) -> String {
        "faulty".into()
    }

    fn make(&self, _: &EnvSpec, _: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Faulty(0)))
    }
}

fn walks(fault: Fault) -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(Walks { fault }).unwrap())
}

fn sums() -> Arc<dyn PolicyFactory> {
    Arc::new(MakeSums)
}

const KEY: StreamKey = StreamKey::new(11, Domain::Training, 4);

const SIZE: BatchSize = BatchSize {
    lanes: 29,
    tile: 4,
    steps: 40,
};

/// Everything that a batch holds, by lane, as bits.
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
            for index in (lane..trajectory.rewards().len()).step_by(width) {
                all.push(u64::from(trajectory.rewards()[index].to_bits()));
                all.push(u64::from(trajectory.values()[index].to_bits()));
                all.push(u64::from(trajectory.log_probs()[index].to_bits()));
                all.push(u64::from(actions[index]));
                all.push(trajectory.outcomes()[index] as u64);
                all.push(u64::from(trajectory.trial_ends()[index]));
                let observation = &trajectory.observations()[index * 2..index * 2 + 2];
                all.extend(observation.iter().map(|o| u64::from(o.to_bits())));
            }
            for index in 0..trajectory.truncations(lane) {
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

#[test]
fn a_panic_in_an_environment_says_where_and_hangs_nobody() {
    for workers in [1, 3] {
        let pool = Pool::new(workers, || ()).unwrap();
        let env = walks(Fault::Panic);
        let mut batch = Batch::new(env.as_ref(), SIZE).unwrap();
        let error = batch.collect(&pool, &sums(), KEY).unwrap_err();
        let RolloutError::Environment { site, message, .. } = &error else {
            panic!("{error}");
        };
        assert!(message.contains("too far"), "{message}");
        let text = error.to_string();
        for part in ["'walk'", "seed 11", "lane", "episode", "step", "batch 4"] {
            assert!(text.contains(part), "'{part}' is not in: {text}");
        }
        let lockstep = batch.collect_in_lockstep(&pool, &sums(), KEY).unwrap_err();
        assert!(matches!(lockstep, RolloutError::Environment { .. }));
        // The engine goes on, and the place is where the fault is met again.
        let healthy = walks(Fault::None);
        let mut batch = Batch::new(healthy.as_ref(), SIZE).unwrap();
        batch.collect(&pool, &sums(), KEY).unwrap();
        let tile = &batch.tiles()[site.place.lane as usize / SIZE.tile];
        let lane = site.place.lane as usize % SIZE.tile;
        let trajectory = tile.trajectory();
        let far = (0..trajectory.steps())
            .map(|t| trajectory.rewards()[t * trajectory.lanes() + lane])
            .find(|reward| *reward > 4.0);
        assert!(message.ends_with(&far.unwrap().to_string()), "{message}");
    }
}

#[test]
fn a_reward_that_is_not_finite_is_refused() {
    let pool = Pool::new(2, || ()).unwrap();
    let env = walks(Fault::Nan);
    let mut batch = Batch::new(env.as_ref(), SIZE).unwrap();
    let error = batch.collect(&pool, &sums(), KEY).unwrap_err().to_string();
    assert!(
        error.starts_with("environment 'walk' gave reward NaN in") && error.contains("lane"),
        "{error}"
    );
    assert!(batch.collect_in_lockstep(&pool, &sums(), KEY).is_err());
}

#[test]
fn a_panic_in_a_policy_is_not_blamed_on_the_environment() {
    let pool = Pool::new(2, || ()).unwrap();
    let policy: Arc<dyn PolicyFactory> = Arc::new(MakeFaulty);
    let mut batch = Batch::new(walks(Fault::None).as_ref(), SIZE).unwrap();
    let error = batch.collect(&pool, &policy, KEY).unwrap_err().to_string();
    assert!(
        error.contains("policy 'faulty' panicked at step 3 of lanes 0 to 3"),
        "{error}"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    #[derive(Clone)]
    struct Boxes;
    #[derive(Default)]
    struct Nothing;
    impl Environment for Nothing {
        type State = ();
        type Action = Continuous;
        fn reset(&self, _: &mut (), _: &mut Stream) {}
        fn step(&self, _: &mut (), _: &[f32], _: &mut Stream) -> Step {
            Step::proceed(0.0)
        }
        fn observe(&self, _: &(), _: &mut [f32]) {}
    }
    impl TaskDistribution for Boxes {
        type Task = Nothing;
        fn spec(&self) -> EnvSpec {
            EnvSpec {
                name: "boxes".into(),
                observation: ObservationSpace::Vector { size: 0 },
                action: ActionSpace::Box {
                    low: vec![-1.0],
                    high: vec![1.0],
                },
                horizon: 3,
                episodes: 1,
            }
        }
        fn sample(&self, _: &mut Nothing, _: &mut Stream) {}
    }
    let pool = Pool::new(1, || ()).unwrap();
    let env = Tasks::new(Boxes).unwrap();
    let mut batch = Batch::new(&env, SIZE).unwrap();
    let error = batch.collect(&pool, &sums(), KEY).unwrap_err().to_string();
    assert_eq!(
        error,
        "'sums' cannot act in 'boxes': it needs discrete actions"
    );
    let error = Batch::new(&env, BatchSize { tile: 0, ..SIZE })
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "tile = 0; allowed: at least 1");
    let held = Held {
        tasks: 0,
        seed: 0,
        domain: Domain::HeldOut,
    };
    let env: Arc<dyn EnvFactory> = Arc::new(env);
    assert!(evaluate(&pool, &env, &sums(), held).is_err());
}

/// Always wants the third of two actions, or panics when it is made.
struct MakeWrong {
    panic: bool,
}

struct Wrong;

impl Policy for Wrong {
    fn act(&mut self, row: &Row<'_>, _: &mut [Stream], out: ActRow<'_>) {
        let actions = out.action.discrete().expect("a discrete environment");
        actions.fill(0);
        // Only once it has had some luck.
        for lane in 0..row.lanes {
            actions[lane] = if row.previous_reward[lane] > 2.0 {
                2
            } else {
                1
            };
        }
    }
}

impl PolicyFactory for MakeWrong {
    fn name(&self) -> String {
        "wrong".into()
    }

    fn make(&self, _: &EnvSpec, _: usize) -> Result<Box<dyn Policy>, String> {
        assert!(!self.panic, "no such weights");
        Ok(Box::new(Wrong))
    }
}

#[test]
fn an_action_that_does_not_exist_is_the_policys_fault() {
    let pool = Pool::new(2, || ()).unwrap();
    let policy: Arc<dyn PolicyFactory> = Arc::new(MakeWrong { panic: false });
    let mut batch = Batch::new(walks(Fault::None).as_ref(), SIZE).unwrap();
    let error = batch.collect(&pool, &policy, KEY).unwrap_err().to_string();
    assert!(
        error.starts_with("policy 'wrong' gave action 2 in"),
        "{error}"
    );
    assert!(error.ends_with("allowed: 0 to 1"), "{error}");
    let again = batch.collect_in_lockstep(&pool, &policy, KEY).unwrap_err();
    assert!(again.to_string().contains("action 2"), "{again}");
}

#[test]
fn a_failure_while_a_policy_is_made_keeps_the_batch_usable() {
    let pool = Pool::new(2, || ()).unwrap();
    let policy: Arc<dyn PolicyFactory> = Arc::new(MakeWrong { panic: true });
    let mut batch = Batch::new(walks(Fault::None).as_ref(), SIZE).unwrap();
    let tiles = batch.tiles().len();
    let error = batch.collect(&pool, &policy, KEY).unwrap_err().to_string();
    assert!(error.contains("'wrong' cannot act in 'walk'") && error.contains("no such weights"));
    assert_eq!(batch.tiles().len(), tiles);
    batch.collect(&pool, &sums(), KEY).unwrap();
}

#[test]
fn a_panic_in_lockstep_is_an_error_too() {
    let pool = Pool::new(2, || ()).unwrap();
    let policy: Arc<dyn PolicyFactory> = Arc::new(MakeFaulty);
    let mut batch = Batch::new(walks(Fault::None).as_ref(), SIZE).unwrap();
    let error = batch.collect_in_lockstep(&pool, &policy, KEY).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("policy 'faulty' panicked at step 3")
    );
}

#[test]
fn what_would_not_fit_into_memory_is_refused_before_it_is_made() {
    let size = BatchSize {
        lanes: 1 << 20,
        tile: 32,
        steps: 1 << 30,
    };
    let error = Batch::new(walks(Fault::None).as_ref(), size).err().unwrap();
    let error = error.to_string();
    assert!(
        error.contains("GiB") && error.contains("fewer lanes"),
        "{error}"
    );
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
