//! The whole network's gradient, encoder, belief and layers, against differences.

use super::*;
use crate::config::{Belief, Decodes, Prior, Queries, Repeats, Rewards, Transitions, Variational};
use agent::{Input, PolicyStart, Ppo};
use kernels::NO_ACTION;
use nets::{OptimizerConfig, Recurrent, Schedule, SequenceConfig, Shape};
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, Gae, ObservationSpace, Step, TaskDistribution,
    Tasks, Trial,
};

struct Still;

#[derive(Default)]
struct Nothing;

impl Environment for Nothing {
    type State = ();
    type Action = Discrete;

    fn reset(&self, (): &mut (), _: &mut Stream) {}

    fn step(&self, (): &mut (), _: &u32, _: &mut Stream) -> Step {
        Step::proceed(0.0)
    }

    fn observe(&self, (): &(), observation: &mut [f32]) {
        observation[0] = 0.0;
    }
}

impl TaskDistribution for Still {
    type Task = Nothing;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "still".into(),
            observation: ObservationSpace::Discrete { size: 3 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 4,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, _: &mut Nothing, _: &mut Stream) {}
}

pub(crate) fn config(reads: Reads, detached: bool) -> BeliefConfig {
    let constant = Schedule {
        from: 0.01,
        to: 0.01,
        shape: Shape::Linear,
    };
    let adam = OptimizerConfig::Sgd { momentum: 0.0 };
    BeliefConfig {
        updates: 1,
        lanes: 2,
        tile: 2,
        inputs: Input::USUAL.to_vec(),
        reward_scale: 1.0,
        normalize_advantages: false,
        value_coefficient: 0.5,
        max_gradient_norm: 1.0,
        entropy_coefficient: constant,
        learning_rate: constant,
        gae: Gae {
            gamma: 0.9,
            lambda: 0.9,
        },
        outer: Ppo {
            clip: 0.2,
            epochs: 1,
            minibatches: 1,
        },
        optimizer: adam,
        trunk: SequenceConfig::Gru(Recurrent::plain(5)),
        belief: Belief::Variational(Box::new(Variational {
            latent: 2,
            deterministic: false,
            prior: Prior::Chained,
            divergence_coefficient: 0.1,
            decodes: Decodes::Nothing,
            prefixes: 0,
            repeats: Repeats::All,
            rewards: Rewards::Gaussian { scale: 1.0 },
            queries: vec![Queries::Action],
            multi_head: false,
            transitions: Transitions::None,
            decoder: vec![4],
            buffer: 4,
            kept: 4,
            steps: 1,
            batch: 1,
            learning_rate: constant,
            max_gradient_norm: 1.0,
            optimizer: adam,
            averaging: 0.0,
        })),
        reads,
        detached,
        sample: Sampling::None,
        hidden: vec![6, 4],
        policy: PolicyStart {
            gain: 0.5,
            std: 1.0,
        },
    }
}

const STEPS: usize = 4;
const LANES: usize = 2;

/// Two lanes of four steps, the second trial of a lane beginning at its third.
fn trials() -> Trials<'static> {
    let inputs = Inputs {
        observations: Observations::OneHot(&[0, 1, 2, 0, 1, 1, 0, 2]),
        prev_action: &[NO_ACTION, NO_ACTION, 1, 0, NO_ACTION, 1, 0, 0],
        prev_reward: &[0.0, 0.0, 0.5, -0.3, 0.0, 1.0, 0.2, -1.0],
        boundary: &[1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        reset: &[true, true, false, false, true, false, false, false],
    };
    Trials {
        lanes: LANES,
        inputs,
    }
}

struct Case {
    network: Believing,
    params: Vec<f32>,
    /// What the features are weighed with: their gradient.
    weights: Vec<f32>,
}

impl Case {
    fn new(kind: Kind, reads: Reads, detached: bool) -> Self {
        Self::of(kind, &config(reads, detached))
    }

    fn of(kind: Kind, config: &BeliefConfig) -> Self {
        let env = Tasks::new(Still).unwrap();
        let predictor = Predictor::new(&env, config).unwrap();
        let model = model(&env, config, (kind, predictor.as_ref())).unwrap();
        let network = Believing::new(&model, config, (kind, predictor)).unwrap();
        let count = network.entries().last().unwrap().range().end;
        let mut state = 9_u64;
        let mut draw = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(11);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let params = (0..count).map(&mut draw).collect();
        let weights = (0..STEPS * LANES * network.features())
            .map(&mut draw)
            .collect();
        Self {
            network,
            params,
            weights,
        }
    }

    fn value(&self, params: &[f32]) -> f64 {
        let mut network = self.network.clone();
        network.pack(params);
        let mut features = vec![0.0; self.weights.len()];
        network.forward(&mut network.work(), trials(), &mut features);
        let pairs = features.iter().zip(&self.weights);
        pairs.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
    }

    fn gradient(&self) -> Vec<f32> {
        let mut network = self.network.clone();
        network.pack(&self.params);
        let mut work = network.work();
        let mut features = vec![0.0; self.weights.len()];
        network.forward(&mut work, trials(), &mut features);
        let mut gradient = vec![0.0; self.params.len()];
        network.backward(&mut work, trials(), &self.weights, &mut gradient);
        gradient
    }
}

/// In f32, of everything that the policy may read; a difference counts beside the largest
/// element.
#[test]
fn the_gradient_goes_through_layers_belief_and_memory() {
    for (kind, reads) in [
        (Kind::Gaussian(2), Reads::Belief),
        (Kind::Gaussian(2), Reads::Memory),
        (Kind::Task(3), Reads::Belief),
        (Kind::Description(2), Reads::Belief),
    ] {
        let case = Case::new(kind, reads, false);
        let gradient = case.gradient();
        let step = 2e-3;
        let (mut worst, mut largest, mut flipped) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (index, own) in gradient.iter().enumerate() {
            let moved = |by: f32| {
                let mut params = case.params.clone();
                params[index] += by;
                case.value(&params)
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            worst = worst.max((f64::from(*own) - expected).abs());
            flipped = flipped.max((f64::from(*own) + expected).abs());
            largest = largest.max(expected.abs());
        }
        assert!(
            worst < 5e-3 * largest,
            "{kind:?} {reads:?}: {worst} of {largest}"
        );
        assert!(flipped > 0.1 * largest, "a flipped sign passes");
    }
}

/// Where it is detached, the layers have the same gradient and the encoder none.
#[test]
fn nothing_goes_further_than_what_is_read_where_it_is_detached() {
    for reads in [Reads::Belief, Reads::Memory] {
        let whole = Case::new(Kind::Gaussian(2), reads, false);
        let split = whole.network.encoder.parameters();
        let own = Case::new(Kind::Gaussian(2), reads, true).gradient();
        assert!(own[..split].iter().all(|d| *d == 0.0));
        assert_eq!(own[split..], whole.gradient()[split..]);
        assert!(whole.gradient()[..split].iter().any(|d| *d != 0.0));
    }
}

/// A policy that reads what its belief of two numbers is decoded into: of three symbols, by
/// heads.
fn predicting(rewards: Rewards) -> Case {
    let mut config = config(Reads::Predictions, true);
    if let Belief::Variational(of) = &mut config.belief {
        of.repeats = Repeats::Once;
        of.decodes = Decodes::All;
        of.multi_head = true;
        of.queries = vec![Queries::NextObservation];
        of.rewards = rewards;
    }
    Case::of(Kind::Gaussian(2), &config)
}

/// They are those of a network on the belief's mean, whatever its variance; the layers that
/// read them have their gradient, and nothing before them has one.
#[test]
fn predictions_are_those_of_the_mean() {
    for rewards in [
        Rewards::Bernoulli { above: 0.0 },
        Rewards::Exclusive { above: 0.0 },
        Rewards::Gaussian { scale: 1.0 },
    ] {
        let case = predicting(rewards);
        let mut network = case.network.clone();
        network.pack(&case.params);
        let mut work = network.work();
        let mut features = vec![0.0; case.weights.len()];
        network.forward(&mut work, trials(), &mut features);
        let (encoder, believing) = (network.encoder.parameters(), network.believing());
        let decoder = &case.params[encoder..believing];
        // Two numbers, four units and as many heads: one for a query of zeros.
        let (first, rest) = decoder.split_at(2 * 4);
        let (bias, rest) = rest.split_at(4);
        let (second, last) = rest.split_at(4 * 4);
        assert_eq!(last.len(), 4);
        let width = network.layers.inputs();
        for (row, belief) in work.encoder.belief.outputs().chunks_exact(4).enumerate() {
            let units: Vec<f32> = (0..4)
                .map(|u| (bias[u] + belief[0] * first[u] + belief[1] * first[4 + u]).max(0.0))
                .collect();
            let sum = |head: usize| -> f32 {
                let products = (0..4).map(|u| units[u] * second[4 * u + head]);
                products.sum::<f32>() + last[head]
            };
            let all: f32 = (0..4).map(|head| sum(head).exp()).sum();
            for head in 0..4 {
                let expected = match rewards {
                    Rewards::Bernoulli { .. } => 1.0 / (1.0 + (-sum(head)).exp()),
                    Rewards::Exclusive { .. } => sum(head).exp() / all,
                    Rewards::Gaussian { .. } => sum(head),
                };
                let own = work.read[(row + 1) * width - 4 + head];
                assert!((own - expected).abs() < 1e-5, "{own} {expected}");
            }
        }
        let gradient = case.gradient();
        assert!(gradient[..believing].iter().all(|d| *d == 0.0));
        let step = 2e-3;
        let own = gradient.iter().enumerate().skip(believing);
        let largest = own.clone().fold(0.0_f32, |most, (_, d)| most.max(d.abs()));
        for (index, d) in own {
            let moved = |by: f32| {
                let mut params = case.params.clone();
                params[index] += by;
                case.value(&params)
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            let off = (f64::from(*d) - expected).abs();
            assert!(off < 5e-3 * f64::from(largest), "{d} {expected}");
        }
    }
}

/// Steps with a memory give what whole trials give, to the bit.
#[test]
fn a_step_is_that_of_a_sequence() {
    expect_steps(&Case::new(Kind::Gaussian(2), Reads::Belief, true));
    expect_steps(&predicting(Rewards::Bernoulli { above: 0.0 }));
}

fn expect_steps(case: &Case) {
    let mut network = case.network.clone();
    network.pack(&case.params);
    let width = LANES * network.features();
    let mut whole = vec![0.0; STEPS * width];
    network.forward(&mut network.work(), trials(), &mut whole);
    let (mut memory, mut work) = (network.memory(LANES, STEPS), network.work());
    let all = trials().inputs;
    let Observations::OneHot(symbols) = all.observations else {
        unreachable!("symbols are observed")
    };
    for t in 0..STEPS {
        let rows = t * LANES..(t + 1) * LANES;
        let inputs = Inputs {
            observations: Observations::OneHot(&symbols[rows.clone()]),
            prev_action: &all.prev_action[rows.clone()],
            prev_reward: &all.prev_reward[rows.clone()],
            boundary: &all.boundary[rows.clone()],
            reset: &all.reset[rows],
        };
        let mut features = vec![0.0; width];
        network.step(&mut work, &inputs, &mut memory, &mut features);
        assert_eq!(features, whole[t * width..(t + 1) * width], "step {t}");
    }
}

/// Draws of tasks come as often as they are believed, and those of a Gaussian have its
/// mean and deviation.
#[test]
fn draws_are_those_of_the_belief() {
    let count = 4096;
    let noise = |index: usize| index as f32 / count as f32;
    let mut drawn = [0.0; 3];
    let mut often = [0.0_f32; 3];
    let belief = [0.0, 1.0, -1.0_f32];
    for index in 0..count {
        draw(Kind::Task(3), &belief, noise(index), &mut drawn);
        assert_eq!(drawn.iter().sum::<f32>(), 1.0);
        often
            .iter_mut()
            .zip(drawn)
            .for_each(|(sum, d)| *sum += d / count as f32);
    }
    let mut exact = [0.0; 3];
    softmax(&belief, &mut exact);
    for (often, exact) in often.iter().zip(exact) {
        assert!((often - exact).abs() < 1e-3, "{often} {exact}");
    }
    let mut moments = rl_core::Moments::default();
    for index in 0..count {
        draw(
            Kind::Gaussian(1),
            &[2.0, 9.0_f32.ln()],
            noise(index),
            &mut drawn[..1],
        );
        moments.push(f64::from(drawn[0]));
    }
    assert!((moments.mean() - 2.0).abs() < 0.2, "{}", moments.mean());
    assert!((moments.standard_deviation() - 3.0).abs() < 0.15);
}
