//! The loss and gradient are those of the JAX program that the speed is
//! compared with. `golden/rl2_jax_fixture.py` made the numbers by that program.
//!
//! Its cells are flax's, with biases on one side only, where PyTorch's layout
//! has two for every gate. A GRU's r and z have theirs on the input's side and
//! n has one on each; an LSTM has all of them on the memory's side. Here the
//! others are 0, and the gradients of both sides are equal wherever the two are
//! only ever used as a sum.

use crate::common::{BACKENDS, config, constant, objective, pool};
use agent::{ActMode, Backend, BackendKind, Execution, Gradient, LearnError, Lesson, Samples};
use nets::{Device, Feed, Join, Positions, Recurrent, Scanned, SequenceConfig, Transformer};
use rl_core::{
    ActRow, ActionSpace, Array, Discrete, EnvFactory, EnvSpec, Environment, Gae, ObservationSpace,
    Policy, PolicyFactory, Row, Step, Stream, TaskDistribution, Tasks, Tree, Trial,
};
use rl2::{Rl2Config, Trainer};
use rollout::Pool;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

const GRU: &str = include_str!("../golden/rl2_jax_gru.json");
const LSTM: &str = include_str!("../golden/rl2_jax_lstm.json");
const MIN_GRU: &str = include_str!("../golden/rl2_jax_min-gru.json");
const TRANSFORMER: &str = include_str!("../golden/rl2_jax_transformer.json");

/// A fixture; rows are `[steps][envs]`.
#[derive(Clone, Deserialize)]
struct Fixture {
    arms: usize,
    hidden: usize,
    actions: Vec<Vec<u32>>,
    rewards: Vec<Vec<f32>>,
    log_probs: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    advantages: Vec<Vec<f32>>,
    parameters: HashMap<String, Value>,
    loss: f64,
    gradient: HashMap<String, Value>,
}

/// An action pays when it and the step's number sum to a multiple of 3, as in
/// the fixture.
#[derive(Clone)]
struct Script {
    arms: usize,
    steps: usize,
}

#[derive(Default)]
struct Scripted;

impl Environment for Scripted {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, step: &mut u32, _: &mut Stream) {
        *step = 0;
    }

    fn step(&self, step: &mut u32, action: &u32, _: &mut Stream) -> Step {
        let pays = (action + *step).is_multiple_of(3);
        *step += 1;
        Step::proceed(f32::from(u8::from(pays)))
    }

    fn observe(&self, _: &u32, _: &mut [f32]) {}
}

impl TaskDistribution for Script {
    type Task = Scripted;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "script".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: self.arms },
            horizon: self.steps,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, _: &mut Scripted, _: &mut Stream) {}
}

/// Does what was done in the fixture.
struct Replay(Arc<Fixture>);

impl PolicyFactory for Replay {
    fn name(&self) -> String {
        "replay".into()
    }

    fn make(&self, _: &EnvSpec, _: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Replaying(Arc::clone(&self.0), 0)))
    }
}

struct Replaying(Arc<Fixture>, usize);

impl Policy for Replaying {
    fn act(&mut self, _: &Row<'_>, _: &mut [Stream], out: ActRow<'_>) {
        let (fixture, t) = (&self.0, self.1);
        let actions = out.action.discrete().unwrap();
        actions.copy_from_slice(&fixture.actions[t]);
        out.log_prob.copy_from_slice(&fixture.log_probs[t]);
        out.value.copy_from_slice(&fixture.values[t]);
        self.1 += 1;
    }
}

/// Acts as in the fixture, and learns by a real backend.
struct Replayed(Arc<Fixture>, Box<dyn Backend>);

impl Backend for Replayed {
    fn policy(&self, _: &Arc<Vec<f32>>, _: ActMode) -> Arc<dyn PolicyFactory> {
        Arc::new(Replay(Arc::clone(&self.0)))
    }

    fn execution(&self) -> Execution {
        Execution::Tiles
    }

    fn log_probs(&self, values: &[f32], of: &Samples, tile: usize) -> Result<Vec<f32>, LearnError> {
        self.1.log_probs(values, of, tile)
    }

    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError> {
        self.1.gradient(pool, lesson)
    }
}

/// A matrix of flax, `[inputs][outputs]`, in PyTorch's orientation.
fn transposed(matrix: &Value) -> Vec<f32> {
    let rows: Vec<Vec<f32>> = serde_json::from_value(matrix.clone()).unwrap();
    let columns = 0..rows[0].len();
    columns
        .flat_map(|column| rows.iter().map(move |row| row[column]).collect::<Vec<_>>())
        .collect()
}

/// What the fixture holds for our parameters, by name. Where it has no bias on a
/// side, `elsewhere` says what ours is, given the one on the other side.
fn mapped(
    of: &HashMap<String, Value>,
    elsewhere: fn(&[f32]) -> Vec<f32>,
) -> Vec<(&'static str, Vec<f32>)> {
    if of.contains_key("trunk/input/kernel") {
        return mapped_blocks(of);
    }
    let vector = |name: &str| -> Vec<f32> { serde_json::from_value(of[name].clone()).unwrap() };
    let is_gru = of.contains_key("trunk/cell/ir/kernel");
    let gates = if is_gru { "rzn" } else { "ifgo" };
    let matrices = |side: char| {
        let one = |gate| transposed(&of[&format!("trunk/cell/{side}{gate}/kernel")]);
        gates.chars().flat_map(one).collect()
    };
    let biases = |side: char, other: char| {
        let one = |gate| {
            let name = |side| format!("trunk/cell/{side}{gate}/bias");
            match of.contains_key(&name(side)) {
                true => vector(&name(side)),
                false => elsewhere(&vector(&name(other))),
            }
        };
        gates.chars().flat_map(one).collect()
    };
    vec![
        ("trunk.weight_ih", matrices('i')),
        ("trunk.weight_hh", matrices('h')),
        ("trunk.bias_ih", biases('i', 'h')),
        ("trunk.bias_hh", biases('h', 'i')),
        ("policy.weight", transposed(&of["policy/kernel"])),
        ("policy.bias", vector("policy/bias")),
        ("value.weight", transposed(&of["value/kernel"])),
        ("value.bias", vector("value/bias")),
    ]
}

/// Likewise of a stack of one block.
fn mapped_blocks(of: &HashMap<String, Value>) -> Vec<(&'static str, Vec<f32>)> {
    let vector = |name: &str| -> Vec<f32> { serde_json::from_value(of[name].clone()).unwrap() };
    let linear = |name: &str| {
        let weight = transposed(&of[&format!("{name}/kernel")]);
        (weight, vector(&format!("{name}/bias")))
    };
    let norm = |name: &str| {
        let scale = vector(&format!("{name}/scale"));
        (scale, vector(&format!("{name}/bias")))
    };
    let both = |names: [&'static str; 2], parts: (Vec<f32>, Vec<f32>)| {
        [(names[0], parts.0), (names[1], parts.1)]
    };
    let (mix, out) = match of.get("trunk/0/mix/kernel") {
        Some(_) => (linear("trunk/0/mix"), Some(linear("trunk/0/out"))),
        None => {
            let (z, h) = (linear("trunk/0/z"), linear("trunk/0/h"));
            (([z.0, h.0].concat(), [z.1, h.1].concat()), None)
        }
    };
    let mut all = Vec::new();
    all.extend(both(
        ["trunk.input.weight", "trunk.input.bias"],
        linear("trunk/input"),
    ));
    if let Some(positions) = of.get("trunk/positions") {
        let rows: Vec<Vec<f32>> = serde_json::from_value(positions.clone()).unwrap();
        all.push(("trunk.positions", rows.concat()));
    }
    all.extend(both(
        ["trunk.0.norm1.gain", "trunk.0.norm1.bias"],
        norm("trunk/0/norm1"),
    ));
    all.extend(both(["trunk.0.mix.weight", "trunk.0.mix.bias"], mix));
    if let Some(out) = out {
        all.extend(both(["trunk.0.out.weight", "trunk.0.out.bias"], out));
    }
    all.extend(both(
        ["trunk.0.norm2.gain", "trunk.0.norm2.bias"],
        norm("trunk/0/norm2"),
    ));
    all.extend(both(
        ["trunk.0.up.weight", "trunk.0.up.bias"],
        linear("trunk/0/up"),
    ));
    all.extend(both(
        ["trunk.0.down.weight", "trunk.0.down.bias"],
        linear("trunk/0/down"),
    ));
    all.extend(both(
        ["trunk.norm.gain", "trunk.norm.bias"],
        norm("trunk/norm"),
    ));
    all.extend(both(["policy.weight", "policy.bias"], linear("policy")));
    all.extend(both(["value.weight", "value.bias"], linear("value")));
    all
}

fn settings(fixture: &Fixture, trunk: SequenceConfig, backend: BackendKind) -> Rl2Config {
    let lanes = fixture.actions[0].len();
    Rl2Config {
        lanes,
        tile: lanes,
        trunk,
        reward_scale: 1.0,
        gae: Gae {
            gamma: 0.99,
            lambda: 0.95,
        },
        learning_rate: constant(3e-4),
        outer: rl2::Outer::A2c,
        ..config(backend)
    }
}

/// A training that has lived the fixture's rollout.
fn replayed(fixture: &Arc<Fixture>, config: Rl2Config) -> Trainer {
    let script = Script {
        arms: fixture.arms,
        steps: fixture.actions.len(),
    };
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(script).unwrap());
    let (model, inner) = config.learner().build(env.as_ref(), Device::Cpu).unwrap();
    let replayed: Box<dyn Backend> = Box::new(Replayed(Arc::clone(fixture), inner));
    let parts = (model, replayed);
    let mut trainer = Trainer::with_backend(env.as_ref(), config, 0, pool(2), parts).unwrap();
    trainer.collect().unwrap();
    trainer.advantages();
    trainer
}

/// Asserts that the rollout, the advantages, the loss and its gradient are the
/// fixture's.
fn check(text: &str, trunk: fn(usize) -> SequenceConfig, backend: BackendKind) {
    let fixture: Arc<Fixture> = Arc::new(serde_json::from_str(text).unwrap());
    let config = settings(&fixture, trunk(fixture.hidden), backend);
    let trainer = replayed(&fixture, config);
    let layout = trainer.learner().model().layout();
    let samples = trainer.learner().samples();
    let rewards = samples.batch.tiles()[0].trajectory().rewards();
    assert_eq!(rewards, fixture.rewards.concat());
    let both = samples.targets[0].advantages.iter();
    for (ours, theirs) in both.zip(fixture.advantages.concat()) {
        assert!((ours - theirs).abs() < 1e-5, "advantages {ours}, {theirs}");
    }

    let zeros = |other: &[f32]| vec![0.0; other.len()];
    let mut arrays = Tree::default();
    for (name, data) in mapped(&fixture.parameters, zeros) {
        let mut entries = layout.entries().iter();
        let entry = entries.find(|entry| entry.name == name).unwrap();
        arrays.insert(name, Array::floats(entry.shape.clone(), data));
    }
    let values = Arc::new(layout.join(&arrays).unwrap());
    let minibatch = trainer.minibatch(&[0]);
    let gradient = trainer
        .learner()
        .gradient(&values, &minibatch, objective())
        .unwrap();
    let losses = &gradient.losses;
    assert!(losses.clip_fraction > 0.05, "some ratios are clipped");
    let loss = losses.policy + 0.5 * losses.value - 0.01 * losses.entropy;
    assert!(
        (loss - fixture.loss).abs() < 1e-5,
        "{loss}, {}",
        fixture.loss
    );

    let ours = layout.split(&gradient.values).unwrap();
    for (name, theirs) in mapped(&fixture.gradient, <[f32]>::to_vec) {
        let ours = ours.floats(name, &ours.get(name).unwrap().shape).unwrap();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let norm = |of: &mut dyn Iterator<Item = f32>| of.map(|x| x * x).sum::<f32>().sqrt();
        let apart = norm(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b));
        let whole = norm(&mut theirs.iter().copied());
        assert!(apart < 1e-4 * whole, "{name}: {apart} of {whole}");
    }
}

#[test]
fn a_gru_learns_what_the_jax_program_learns() {
    for backend in BACKENDS {
        check(
            GRU,
            |hidden| SequenceConfig::Gru(Recurrent::plain(hidden)),
            backend,
        );
    }
}

#[test]
fn an_lstm_learns_what_the_jax_program_learns() {
    for backend in BACKENDS {
        check(
            LSTM,
            |hidden| SequenceConfig::Lstm(Recurrent::plain(hidden)),
            backend,
        );
    }
}

#[test]
fn a_stack_of_averages_learns_what_the_jax_program_learns() {
    let stack = |hidden| {
        SequenceConfig::MinGru(Scanned {
            hidden,
            layers: 1,
            units: 2 * hidden,
            feed: Feed::Plain,
            join: Join::Sum,
            input_gain: 1.0,
            memory: 2.0,
        })
    };
    for backend in BACKENDS {
        check(MIN_GRU, stack, backend);
    }
}

#[test]
fn attention_learns_what_the_jax_program_learns() {
    let stack = |hidden| {
        SequenceConfig::Transformer(Transformer {
            hidden,
            layers: 1,
            heads: 1,
            positions: Positions::Learned,
            units: 4 * hidden,
            feed: Feed::Plain,
            join: Join::Sum,
            input_gain: 1.0,
        })
    };
    for backend in BACKENDS {
        check(TRANSFORMER, stack, backend);
    }
}
