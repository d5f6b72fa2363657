//! Failures say where, and hang nobody.

use crate::common::{Fault, KEY, SIZE, sums, walks};
use rl_core::{
    ActRow, ActionSpace, Continuous, Domain, EnvFactory, EnvSpec, Environment, ObservationSpace,
    Policy, PolicyFactory, Row, Step, Stream, TaskDistribution, Tasks, Trial,
};
use rollout::{
    Batch, BatchSize, Held, Pool, RolloutError, evaluate, evaluate_watched, evaluation_footprint,
};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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

/// Cannot act on what is not a number.
struct Delicate;

impl Policy for Delicate {
    fn act(&mut self, row: &Row<'_>, _: &mut [Stream], out: ActRow<'_>) {
        assert!(row.observation.iter().all(|o| o.is_finite()), "no number");
        out.action.discrete().expect("discrete").fill(0);
    }
}

struct MakeDelicate;

impl PolicyFactory for MakeDelicate {
    fn name(&self) -> String {
        "delicate".into()
    }

    fn make(&self, _: &EnvSpec, _: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Delicate))
    }
}

#[test]
fn a_first_observation_that_is_not_finite_is_the_environments_fault() {
    let pool = Pool::new(2, || ()).unwrap();
    let env = walks(Fault::NanObservation);
    // One policy makes NaN of it, the other panics.
    let policies: [Arc<dyn PolicyFactory>; 2] = [sums(), Arc::new(MakeDelicate)];
    for policy in policies {
        let mut batch = Batch::new(env.as_ref(), SIZE).unwrap();
        let expected = "environment 'walk' gave observation NaN in task 0 of lane 0 (seed 11, \
                        Training batch 4), episode 0, step 0; allowed: finite numbers";
        let error = batch.collect(&pool, &policy, KEY).unwrap_err();
        assert_eq!(error.to_string(), expected);
        let error = batch.collect_in_lockstep(&pool, &policy, KEY).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_panic_names_the_method_that_it_was_in() {
    let pool = Pool::new(2, || ()).unwrap();
    let faults = [
        (Fault::PanicsInSample, "sample", "no task"),
        (Fault::PanicsInReset, "reset", "no reset"),
        (Fault::PanicsInObserve, "observe", "no sight"),
    ];
    for (fault, method, said) in faults {
        let mut batch = Batch::new(walks(fault).as_ref(), SIZE).unwrap();
        let error = batch.collect(&pool, &sums(), KEY).unwrap_err();
        let expected = format!(
            "environment 'walk' panicked in `{method}`, task 0 of lane 0 (seed 11, Training batch \
             4), episode 0, step 0: {said}"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_rollout_that_is_called_off_leaves_the_batch_usable() {
    let pool = Pool::new(2, || ()).unwrap();
    let env = walks(Fault::None);
    let mut batch = Batch::new(env.as_ref(), SIZE).unwrap();
    pool.call_off().store(true, Ordering::Relaxed);
    let called_off = Err(RolloutError::CalledOff);
    assert_eq!(batch.collect(&pool, &sums(), KEY), called_off);
    assert_eq!(batch.collect_in_lockstep(&pool, &sums(), KEY), called_off);
    pool.call_off().store(false, Ordering::Relaxed);
    batch.collect(&pool, &sums(), KEY).unwrap();
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
                trial: Trial::Episodes(1),
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

/// A lane and step holds two observed numbers, an action, a reward, a
/// log-probability and a value of four bytes, and two flags.
#[test]
fn what_a_batch_takes_is_counted_before_it_is_made() {
    let counted = Batch::footprint(walks(Fault::None).as_ref(), 1 << 20, 1 << 30);
    let least = 2.0_f64.powi(50) * (4.0 * 6.0 + 2.0);
    assert!(
        counted.bytes() > least && counted.bytes() < 1.3 * least,
        "{counted}"
    );
}

/// The tasks of an evaluation are not listed beforehand.
#[test]
fn an_evaluation_may_be_of_any_number_of_tasks() {
    let env = walks(Fault::None);
    let held = Held {
        tasks: usize::MAX,
        seed: 3,
        domain: Domain::HeldOut,
    };
    let counted = evaluation_footprint(env.as_ref(), sums().as_ref(), (held.tasks, 2));
    assert!(counted.bytes() < 2e7, "{counted}");
    let pool = Pool::new(1, || ()).unwrap();
    let watched = (held, |_| ControlFlow::Break(()));
    let error = evaluate_watched(&pool, &env, &sums(), watched).unwrap_err();
    assert_eq!(error, RolloutError::CalledOff);
}
