//! What must hold of a training, on every backend.

mod common;

use common::{config, constant, pool, seen_as, switches, trainer, trainer_in};
use nets::tch::Device;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionSpace, Actions, ActionsMut, Continuous, Domain, EnvFactory, EnvSpec, Environment,
    ObservationSpace, Outcome, PolicyFactory, Purpose, Row, Step, Stream, StreamKey,
    TaskDistribution, Tasks,
};
use rl2::{
    ActMode, ActorCritic, Backend, BackendKind, Execution, Gradient, Input, Minibatch,
    NativeBackend, Objective, Outer, Rl2Config, Rl2Error, Samples, Surrogate, TorchBackend,
    Trainer,
};
use rollout::{Batch, BatchSize, Evaluation, Held, Pool, evaluate};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const RANDOM: f64 = 3.0;
const OPTIMUM: f64 = 5.5;

fn held_out(trainer: &Trainer, mode: ActMode) -> Evaluation {
    let held = Held {
        tasks: 500,
        seed: 0,
        domain: Domain::HeldOut,
    };
    evaluate(&pool(2), &switches(), &trainer.policy(mode), held).unwrap()
}

/// Trains to the end and returns the mean return on held-out tasks.
fn learn(mut trainer: Trainer, updates: u64) -> f64 {
    for _ in 0..updates {
        trainer.update().unwrap();
    }
    held_out(&trainer, ActMode::Sample).returns.mean()
}

#[test]
fn ppo_learns_to_learn_and_fails_to_with_the_gradient_flipped() {
    for backend in BACKENDS {
        let updates = config(backend).updates;
        let learned = learn(trainer(config(backend), 0, 2), updates);
        assert!(learned > 0.9 * OPTIMUM, "{backend:?}: {learned}");
        assert!(learned < OPTIMUM + 0.1, "better than possible: {learned}");
        let flipped = learn(sabotaged(config(backend), Sabotage::Flip), updates);
        assert!(flipped < RANDOM + 0.5, "{backend:?}, flipped: {flipped}");
    }
}

#[test]
fn a2c_learns_to_learn() {
    for backend in BACKENDS {
        let a2c = Rl2Config {
            outer: Outer::A2c,
            updates: 200,
            ..config(backend)
        };
        let learned = learn(trainer(a2c.clone(), 0, 2), 200);
        assert!(learned > 0.85 * OPTIMUM, "{backend:?}: {learned}");
        let flipped = learn(sabotaged(a2c, Sabotage::Flip), 200);
        assert!(flipped < RANDOM + 0.5, "{backend:?}, flipped: {flipped}");
    }
}

#[test]
fn greedy_actions_are_the_likeliest() {
    let mut trainer = trainer(config(BackendKind::Torch), 1, 2);
    for _ in 0..10 {
        trainer.update().unwrap();
    }
    let sampled = held_out(&trainer, ActMode::Sample).returns.mean();
    let greedy = held_out(&trainer, ActMode::Greedy).returns.mean();
    assert!(greedy > sampled, "greedy {greedy}, sampled {sampled}");
}

#[test]
fn without_its_reward_an_agent_stays_at_chance() {
    for backend in BACKENDS {
        let blind = Rl2Config {
            withhold: vec![Input::Reward],
            ..config(backend)
        };
        let learned = learn(trainer(blind, 0, 2), 40);
        assert!((learned - RANDOM).abs() < 0.4, "{backend:?}: {learned}");
    }
}

#[test]
fn lived_again_the_log_probabilities_are_the_rollouts() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 2, 2);
        // Some updates first, so that the policy is far from uniform.
        for _ in 0..8 {
            trainer.update().unwrap();
        }
        trainer.collect().unwrap();
        let samples = trainer.samples();
        for (tile, collected) in samples.batch.tiles().iter().enumerate() {
            let values = trainer.parameters();
            let again = trainer.backend().log_probs(values, samples, tile).unwrap();
            let first = collected.trajectory().log_probs();
            assert_eq!(again.len(), first.len());
            for (again, first) in again.iter().zip(first) {
                assert!((again - first).abs() < 1e-5, "{again} and {first}");
            }
        }
    }
}

#[test]
fn the_first_minibatch_is_on_policy() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 2, 2);
        trainer.collect().unwrap();
        trainer.advantages();
        let gradient = gradient_of(&trainer, trainer.parameters());
        assert!(
            gradient.losses.approx_kl.abs() < 1e-10,
            "{}",
            gradient.losses.approx_kl
        );
        assert_eq!(gradient.losses.clip_fraction, 0.0);
        // The mean of normalized advantages at ratio 1 is 0.
        assert!(gradient.losses.policy.abs() < 1e-5);
    }
}

#[test]
fn the_gradient_is_that_of_the_objective() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 3, 2);
        trainer.update().unwrap();
        trainer.collect().unwrap();
        trainer.advantages();
        let objective = objective();
        let at = |values: Vec<f32>| {
            let g = gradient_of(&trainer, &Arc::new(values));
            g.losses.policy + objective.value_coefficient * g.losses.value
                - objective.entropy_coefficient * g.losses.entropy
        };
        let values = trainer.parameters();
        let gradient = gradient_of(&trainer, values).values;
        // Along the gradient itself and along a direction that mixes all signs.
        let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        let along: Vec<f32> = gradient.iter().map(|g| g / norm).collect();
        let mixed = (0..gradient.len()).map(|i| ((i * 7919 % 13) as f32 - 6.0) * 0.01);
        for direction in [along, mixed.collect()] {
            let moved = |h: f32| {
                let both = values.iter().zip(&direction);
                at(both.map(|(v, d)| v + h * d).collect())
            };
            let step = 0.01;
            let numeric = (moved(step) - moved(-step)) / f64::from(2.0 * step);
            let both = gradient.iter().zip(&direction);
            let exact: f64 = both.map(|(g, d)| f64::from(g * d)).sum();
            let error = (numeric - exact).abs() / exact.abs().max(1e-3);
            assert!(error < 0.02, "{backend:?}: {numeric} and {exact}");
        }
    }
}

#[test]
fn any_number_of_workers_gives_the_same_bits() {
    for backend in BACKENDS {
        let run = |workers| {
            let mut trainer = trainer(config(backend), 4, workers);
            let metrics: Vec<_> = (0..4).map(|_| trainer.update().unwrap()).collect();
            let bits: Vec<u32> = trainer.parameters().iter().map(|v| v.to_bits()).collect();
            (metrics, bits)
        };
        let one = run(1);
        for workers in [2, 3, 8] {
            assert_eq!(one, run(workers), "{backend:?}, {workers} workers");
        }
    }
}

#[test]
fn a_restored_training_goes_on_with_the_same_bits() {
    for backend in BACKENDS {
        let mut whole = trainer(config(backend), 5, 2);
        for _ in 0..3 {
            whole.update().unwrap();
        }
        let mut resumed = trainer(config(backend), 5, 2);
        resumed.restore(&whole.snapshot().unwrap()).unwrap();
        for _ in 0..2 {
            assert_eq!(whole.update().unwrap(), resumed.update().unwrap());
        }
        assert_eq!(whole.snapshot().unwrap(), resumed.snapshot().unwrap());
    }
}

#[test]
fn another_networks_snapshot_is_refused() {
    let wide = Rl2Config {
        trunk: nets::SequenceConfig::Gru { hidden: 17 },
        ..config(BackendKind::Torch)
    };
    let other = trainer(wide, 0, 1).snapshot().unwrap();
    let mut trainer = trainer(config(BackendKind::Torch), 0, 1);
    let before = trainer.snapshot().unwrap();
    let error = trainer.restore(&other).unwrap_err().to_string();
    assert!(error.contains("trunk.weight_ih"), "{error}");
    assert_eq!(trainer.snapshot().unwrap(), before);
}

#[test]
fn every_trunk_runs_on_libtorch() {
    let mlp = nets::SequenceConfig::Mlp {
        hidden: vec![8, 8],
        activation: nets::Activation::Tanh,
    };
    for trunk in [nets::SequenceConfig::Lstm { hidden: 8 }, mlp] {
        let mut trainer = trainer(
            Rl2Config {
                trunk,
                ..config(BackendKind::Torch)
            },
            0,
            2,
        );
        trainer.update().unwrap();
    }
}

#[test]
fn parameters_that_are_not_finite_are_found_at_the_first_step() {
    let mut trainer = trainer(config(BackendKind::Torch), 0, 2);
    let mut snapshot = trainer.snapshot().unwrap();
    let bias = snapshot.params.iter_mut().find(|p| p.name == "value.bias");
    bias.unwrap().data[0] = f32::NAN;
    trainer.restore(&snapshot).unwrap();
    let before = trainer.parameters().clone();
    let error = trainer.update().unwrap_err();
    assert!(matches!(error, Rl2Error::Rollout(_)));
    let text = error.to_string();
    assert!(text.contains("policy 'rl2' gave value NaN"), "{text}");
    let same = trainer.parameters().iter().zip(before.iter());
    assert!(same.into_iter().all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn settings_out_of_range_are_named() {
    let base = config(BackendKind::Torch);
    let ppo = |clip, epochs, minibatches| Outer::Ppo {
        clip,
        epochs,
        minibatches,
    };
    let cases = [
        (
            Rl2Config {
                updates: 0,
                ..base.clone()
            },
            "rl2.updates = 0",
        ),
        (
            Rl2Config {
                lanes: 0,
                ..base.clone()
            },
            "rl2.lanes = 0",
        ),
        (
            Rl2Config {
                tile: 48,
                ..base.clone()
            },
            "rl2.tile = 48",
        ),
        (
            Rl2Config {
                outer: ppo(0.0, 1, 1),
                ..base.clone()
            },
            "rl2.outer.clip = 0",
        ),
        (
            Rl2Config {
                outer: ppo(0.2, 0, 1),
                ..base.clone()
            },
            "rl2.outer.epochs = 0",
        ),
        (
            Rl2Config {
                outer: ppo(0.2, 1, 3),
                ..base.clone()
            },
            "rl2.outer.minibatches = 3",
        ),
        (
            Rl2Config {
                value_coefficient: f64::NAN,
                ..base.clone()
            },
            "rl2.value_coefficient",
        ),
        (
            Rl2Config {
                reward_scale: -1.0,
                ..base.clone()
            },
            "rl2.reward_scale = -1",
        ),
        (
            Rl2Config {
                max_gradient_norm: 0.0,
                ..base.clone()
            },
            "rl2.max_gradient_norm = 0",
        ),
        (
            Rl2Config {
                learning_rate: constant(-1.0),
                ..base.clone()
            },
            "rl2.learning_rate.from",
        ),
    ];
    for (config, expected) in cases {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains("allowed: "), "{error}");
    }
}

const BACKENDS: [BackendKind; 2] = [BackendKind::Native, BackendKind::Torch];

fn objective() -> Objective {
    Objective {
        surrogate: Surrogate::Clipped(0.2),
        value_coefficient: 0.5,
        entropy_coefficient: 0.01,
    }
}

fn gradient_of(trainer: &Trainer, values: &Arc<Vec<f32>>) -> Gradient {
    let minibatch = trainer.minibatch(&[0, 1, 2, 3]);
    trainer.gradient(values, &minibatch, objective()).unwrap()
}

/// How a backend is made to fail.
#[derive(Clone, Copy, PartialEq)]
enum Sabotage {
    /// Every gradient is turned around.
    Flip,
    /// The third gradient holds a NaN.
    ThirdIsNan,
}

struct Sabotaged {
    inner: Box<dyn Backend>,
    how: Sabotage,
    calls: AtomicUsize,
}

impl Backend for Sabotaged {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.inner.policy(values, mode)
    }

    fn execution(&self) -> Execution {
        self.inner.execution()
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, Rl2Error> {
        self.inner.log_probs(values, samples, tile)
    }

    fn gradient(
        &self,
        pool: &Pool,
        values: &Arc<Vec<f32>>,
        samples: &Arc<Samples>,
        minibatch: &Minibatch,
        objective: Objective,
    ) -> Result<Gradient, Rl2Error> {
        let mut gradient = self
            .inner
            .gradient(pool, values, samples, minibatch, objective)?;
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match self.how {
            Sabotage::Flip => gradient.values.iter_mut().for_each(|g| *g = -*g),
            Sabotage::ThirdIsNan if calls == 3 => gradient.values[0] = f32::NAN,
            Sabotage::ThirdIsNan => {}
        }
        Ok(gradient)
    }
}

fn sabotaged(config: Rl2Config, how: Sabotage) -> Trainer {
    let env = switches();
    let model = Arc::new(ActorCritic::new(env.spec(), &config).unwrap());
    let inner: Box<dyn Backend> = match config.backend {
        BackendKind::Native => Box::new(NativeBackend::new(&model, env.spec(), &config).unwrap()),
        BackendKind::Torch => Box::new(TorchBackend::new(Arc::clone(&model), Device::Cpu)),
    };
    let calls = AtomicUsize::new(0);
    let backend: Box<dyn Backend> = Box::new(Sabotaged { inner, how, calls });
    Trainer::with_backend(env.as_ref(), config, 0, pool(2), (model, backend)).unwrap()
}

#[test]
fn an_update_that_fails_half_way_is_undone() {
    let mut trainer = sabotaged(config(BackendKind::Native), Sabotage::ThirdIsNan);
    let before = trainer.snapshot().unwrap();
    let error = trainer.update().unwrap_err();
    assert!(matches!(error, Rl2Error::Update { update: 1, .. }));
    assert!(error.to_string().contains("update 1: "), "{error}");
    assert_eq!(trainer.snapshot().unwrap(), before);
    trainer.update().unwrap();
    assert_ne!(trainer.snapshot().unwrap(), before);
}

/// Everything that an agent can see, and everything it can be denied.
fn all_inputs() -> Vec<(ObservationSpace, Vec<Input>)> {
    let spaces = [
        ObservationSpace::Vector { size: 0 },
        ObservationSpace::Vector { size: 3 },
        ObservationSpace::Discrete { size: 4 },
    ];
    let all = [
        Input::Observation,
        Input::Action,
        Input::Reward,
        Input::Outcome,
    ];
    let mut cases = Vec::new();
    for space in spaces {
        cases.push((space.clone(), vec![]));
        cases.extend(all.map(|input| (space.clone(), vec![input])));
    }
    cases
}

#[test]
fn both_backends_read_every_input_alike() {
    for (sees, withhold) in all_inputs() {
        let env = seen_as(sees.clone(), true);
        let with = |backend| Rl2Config {
            withhold: withhold.clone(),
            ..config(backend)
        };
        let mut native = trainer_in(&env, with(BackendKind::Native), 8, 2);
        native.update().unwrap();
        native.collect().unwrap();
        let torch = trainer_in(&env, with(BackendKind::Torch), 8, 1);
        let (values, samples) = (native.parameters(), native.samples());
        let [a, b] =
            [&native, &torch].map(|of| of.backend().log_probs(values, samples, 0).unwrap());
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-5, "{sees:?} without {withhold:?}");
        }
    }
}

#[test]
fn what_follows_a_trial_teaches_nothing() {
    for backend in BACKENDS {
        let env = seen_as(ObservationSpace::Discrete { size: 4 }, true);
        let mut trainer = trainer_in(&env, config(backend), 9, 2);
        trainer.collect().unwrap();
        trainer.advantages();
        let minibatch = trainer.minibatch(&[0, 1, 2, 3]);
        let tiles = trainer.samples().batch.tiles();
        let lived: usize = tiles.iter().flat_map(|t| t.trajectory().lengths()).sum();
        assert!(lived < 64 * 6, "some trials end early");
        assert_eq!(minibatch.weight, 1.0 / lived as f32);
        // Mean loss at ratio 1 of advantages that are normalized over what was
        // lived alone: 0. What follows would shift it.
        let values = trainer.parameters();
        let losses = trainer
            .gradient(values, &minibatch, objective())
            .unwrap()
            .losses;
        assert!(losses.policy.abs() < 1e-5, "{backend:?}: {}", losses.policy);
    }
}

#[test]
fn gradients_of_several_shards_add_up() {
    let wide = |tile| Rl2Config {
        lanes: 512,
        tile,
        outer: Outer::A2c,
        ..config(BackendKind::Torch)
    };
    let run = |tile, workers| {
        let mut trainer = trainer(wide(tile), 10, workers);
        trainer.update().unwrap();
        trainer.parameters().to_vec()
    };
    let reference = run(64, 1);
    for workers in [2, 3, 8] {
        assert_eq!(reference, run(64, workers), "{workers} workers");
    }
    let whole = run(512, 1);
    let close = reference
        .iter()
        .zip(&whole)
        .all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(close, "four shards and one give the same step");
}

/// The agent's first number is the reward's distance from a hidden target, which
/// it must find in a box far from 0.
#[derive(Clone)]
struct Targets;

#[derive(Default)]
struct Target(f32);

impl Environment for Target {
    type State = ();
    type Action = Continuous;

    fn reset(&self, _: &mut (), _: &mut Stream) {}

    fn step(&self, _: &mut (), action: &[f32], _: &mut Stream) -> Step {
        Step::proceed(-(action[0] - self.0).abs())
    }

    fn observe(&self, _: &(), observation: &mut [f32]) {
        observation[0] = if self.0 > 15.0 { 1.0 } else { -1.0 };
    }
}

impl TaskDistribution for Targets {
    type Task = Target;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "target".into(),
            observation: ObservationSpace::Vector { size: 1 },
            action: ActionSpace::Box {
                low: vec![10.0],
                high: vec![20.0],
            },
            horizon: 2,
            episodes: 1,
        }
    }

    fn sample(&self, task: &mut Target, rng: &mut Stream) {
        task.0 = if rng.random() { 12.0 } else { 18.0 };
    }
}

#[test]
fn continuous_actions_are_learned_in_any_box() {
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Targets).unwrap());
    let refused = Trainer::new(
        env.as_ref(),
        config(BackendKind::Native),
        0,
        pool(1),
        Device::Cpu,
    );
    let error = refused.err().unwrap().to_string();
    assert!(error.contains("allowed: torch") && error.contains("continuous"));

    let mut trainer = trainer_in(&env, config(BackendKind::Torch), 0, 2);
    trainer.collect().unwrap();
    trainer.advantages();
    let again = trainer.backend();
    let again = again.log_probs(trainer.parameters(), trainer.samples(), 0);
    let first = trainer.samples().batch.tiles()[0].trajectory().log_probs();
    for (again, first) in again.unwrap().iter().zip(first) {
        assert!((again - first).abs() < 1e-4, "{again} and {first}");
    }
    let before = trainer.update().unwrap().mean_return;
    let last = (0..60)
        .map(|_| trainer.update().unwrap().mean_return)
        .last();
    assert!(last.unwrap() > 0.5 * before, "{before} and then {last:?}");
}

#[test]
fn an_agent_refuses_another_environment() {
    let other = seen_as(ObservationSpace::Vector { size: 3 }, false);
    for backend in BACKENDS {
        let trainer = trainer(config(backend), 0, 1);
        let policy = trainer.policy(ActMode::Sample);
        let error = policy.make(other.spec(), 4).err().unwrap();
        assert!(error.contains("trained on observations"), "{error}");
    }
}

/// What a lane is told: start, previous action, previous reward, boundary.
type Told = (bool, u32, f32, Outcome);

/// Values of two lanes after a history each, from one policy of an untrained
/// network.
fn values_after(backend: BackendKind, history: &[[Told; 2]]) -> [f32; 2] {
    let trainer = trainer(config(backend), 0, 1);
    let policy = trainer.policy(ActMode::Sample);
    let mut policy = policy.make(switches().spec(), 2).unwrap();
    let key = StreamKey::new(0, Domain::HeldOut, 0);
    let mut streams = [0, 1].map(|lane| key.lane(Purpose::Action, lane));
    let mut values = [0.0; 2];
    for told in history {
        let row = Row {
            lanes: 2,
            observation: &[0.0; 2],
            start: &told.map(|t| t.0),
            previous_action: Actions::Discrete(&told.map(|t| t.1)),
            previous_reward: &told.map(|t| t.2),
            previous_outcome: &told.map(|t| t.3),
        };
        let out = ActRow {
            action: ActionsMut::Discrete(&mut [0; 2]),
            log_prob: &mut [0.0; 2],
            value: &mut values,
        };
        policy.act(&row, &mut streams, out);
    }
    values
}

#[test]
fn memory_is_lost_between_trials_and_nowhere_else() {
    use Outcome::{Continue, Truncated};
    let first: Told = (true, 0, 0.0, Continue);
    let paid: Told = (false, 1, 1.0, Continue);
    let unpaid: Told = (false, 1, 0.0, Continue);
    let episode: Told = (false, 0, 0.0, Truncated);
    // What a trial's start says of the life before must not matter either.
    let trials: [Told; 2] = [(true, 1, 1.0, Truncated), (true, 0, 0.0, Continue)];
    for backend in BACKENDS {
        let lives = [[first; 2], [paid, unpaid]];
        let [rich, poor] = values_after(backend, &lives);
        assert_ne!(rich, poor);
        let [rich, poor] = values_after(backend, &[lives[0], lives[1], [episode; 2]]);
        assert_ne!(
            rich, poor,
            "{backend:?}: an episode's end is remembered over"
        );
        let [rich, poor] = values_after(backend, &[lives[0], lives[1], trials]);
        assert_eq!(rich, poor, "{backend:?}: a trial's end is not");
        let [fresh, _] = values_after(backend, &[[first; 2]]);
        assert_eq!(
            rich, fresh,
            "{backend:?}: a new trial begins as the first did"
        );
    }
}

/// Acts natively, and computes every gradient twice.
struct Both(NativeBackend, TorchBackend);

impl Backend for Both {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.0.policy(values, mode)
    }

    fn execution(&self) -> Execution {
        self.0.execution()
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, Rl2Error> {
        self.0.log_probs(values, samples, tile)
    }

    fn gradient(
        &self,
        pool: &Pool,
        values: &Arc<Vec<f32>>,
        samples: &Arc<Samples>,
        minibatch: &Minibatch,
        objective: Objective,
    ) -> Result<Gradient, Rl2Error> {
        let a = self
            .0
            .gradient(pool, values, samples, minibatch, objective)?;
        let b = self
            .1
            .gradient(pool, values, samples, minibatch, objective)?;
        let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let both = a.values.iter().zip(&b.values);
        let difference: Vec<f32> = both.map(|(a, b)| a - b).collect();
        let error = norm(&difference) / norm(&b.values);
        assert!(error < 1e-4, "relative error {error}");
        assert!((a.losses.policy - b.losses.policy).abs() < 1e-5);
        assert!((a.losses.value - b.losses.value).abs() < 1e-5);
        assert!((a.losses.entropy - b.losses.entropy).abs() < 1e-5);
        assert!((a.losses.approx_kl - b.losses.approx_kl).abs() < 1e-5);
        assert!((a.losses.clip_fraction - b.losses.clip_fraction).abs() < 0.01);
        Ok(a)
    }
}

#[test]
fn both_backends_compute_the_same_gradients() {
    for hidden in [5, 16, 33] {
        for trunk in [
            nets::SequenceConfig::Gru { hidden },
            nets::SequenceConfig::Lstm { hidden },
        ] {
            let config = Rl2Config {
                trunk,
                ..config(BackendKind::Native)
            };
            let mut inputs = all_inputs();
            inputs.truncate(if hidden == 5 { usize::MAX } else { 1 });
            for (sees, withhold) in inputs {
                let config = Rl2Config {
                    withhold,
                    ..config.clone()
                };
                let env = seen_as(sees, true);
                let model = Arc::new(ActorCritic::new(env.spec(), &config).unwrap());
                let native = NativeBackend::new(&model, env.spec(), &config).unwrap();
                let torch = TorchBackend::new(Arc::clone(&model), Device::Cpu);
                let parts: (_, Box<dyn Backend>) = (model, Box::new(Both(native, torch)));
                let mut trainer =
                    Trainer::with_backend(env.as_ref(), config, 6, pool(2), parts).unwrap();
                trainer.update().unwrap();
            }
        }
    }
}

#[test]
fn acting_in_lockstep_is_acting_in_tiles() {
    for backend in BACKENDS {
        let trainer = trainer(config(backend), 7, 2);
        let size = BatchSize {
            lanes: 24,
            tile: 8,
            steps: 6,
        };
        let key = StreamKey::new(7, Domain::Training, 0);
        let policy = trainer.policy(ActMode::Sample);
        let mut tiles = Batch::new(switches().as_ref(), size).unwrap();
        tiles.collect(&pool(2), &policy, key).unwrap();
        let mut lockstep = Batch::new(switches().as_ref(), size).unwrap();
        lockstep
            .collect_in_lockstep(&pool(2), &policy, key)
            .unwrap();
        for (a, b) in tiles.tiles().iter().zip(lockstep.tiles()) {
            let (a, b) = (a.trajectory(), b.trajectory());
            assert_eq!(a.rewards(), b.rewards());
            let close = a.log_probs().iter().zip(b.log_probs());
            assert!(close.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }
}
