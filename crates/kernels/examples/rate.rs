//! Rates of the kernels on this machine:
//! `cargo run --release -p kernels --example rate [gru|lstm|min-gru|lru|transformer]`.
//!
//! For hidden sizes and tiles it prints samples per second acting (step and
//! sampling), forward, and in training (forward, loss, backward), what training
//! makes in matrix products, and the share of what a general matrix product
//! reaches on as many threads, measured just before and after.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it measures, and prints what it found"
)]

use kernels::*;
use std::time::{Duration, Instant};

const ARMS: usize = 10;
const STEPS: usize = 100;
const TIME: Duration = Duration::from_millis(300);
const SGEMM_SIZE: usize = 512;
const SPEC: LossSpec = LossSpec {
    objective: Objective::Clipped { clip: 0.2 },
    value_coef: 0.5,
    entropy_coef: 0.01,
};

/// What a bandit's tile recorded, `[STEPS][lanes]`.
struct Rollout {
    lanes: usize,
    action: Vec<u32>,
    reward: Vec<f32>,
    boundary: Vec<f32>,
    reset: Vec<bool>,
    uniform: Vec<f32>,
    log_prob: Vec<f32>,
    weight: Vec<f32>,
}

impl Rollout {
    fn new(lanes: usize, unit: &mut impl FnMut() -> f32) -> Rollout {
        let rows = lanes * STEPS;
        Rollout {
            lanes,
            action: (0..rows).map(|_| (unit() * ARMS as f32) as u32).collect(),
            reward: (0..rows).map(|_| unit().round()).collect(),
            boundary: (0..rows).map(|i| f32::from(i < lanes)).collect(),
            reset: (0..rows).map(|i| i < lanes).collect(),
            uniform: (0..rows).map(|_| unit()).collect(),
            log_prob: vec![-(ARMS as f32).ln(); rows],
            weight: vec![1.0 / rows as f32; rows],
        }
    }

    fn inputs(&self, steps: std::ops::Range<usize>) -> Inputs<'_> {
        let rows = steps.start * self.lanes..steps.end * self.lanes;
        Inputs {
            observations: Observations::None,
            prev_action: &self.action[rows.clone()],
            prev_reward: &self.reward[rows.clone()],
            boundary: &self.boundary[rows.clone()],
            reset: &self.reset[rows],
        }
    }

    fn trials(&self) -> Trials<'_> {
        Trials {
            lanes: self.lanes,
            inputs: self.inputs(0..STEPS),
        }
    }
}

/// One thread's tile with all its buffers.
struct Tile<T: Trunk> {
    network: Network<T>,
    work: NetworkWork<T::Work>,
    policy: Categorical,
    rollout: Rollout,
    memory: T::Memory,
    logits: Vec<f32>,
    values: Vec<f32>,
    d_logits: Vec<f32>,
    d_values: Vec<f32>,
    gradient: Vec<f32>,
    choices: (Vec<u32>, Vec<f32>),
}

impl<T: Trunk> Tile<T> {
    fn new(trunk: T, lanes: usize) -> Tile<T> {
        let hidden = trunk.features();
        let mut network =
            Network::new(trunk, Policy::Categorical(ARMS)).expect("the shape is valid");
        let mut state = 1u64;
        let mut unit = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let scale = 1.0 / (hidden as f32).sqrt();
        let params: Vec<f32> = (0..network.parameters())
            .map(|_| (2.0 * unit() - 1.0) * scale)
            .collect();
        network.pack(&params);
        let rows = lanes * STEPS;
        Tile {
            work: network.work(),
            policy: Categorical::new(ARMS, Isa::best()),
            memory: network.trunk().memory(lanes, STEPS),
            network,
            rollout: Rollout::new(lanes, &mut unit),
            logits: vec![0.0; rows * ARMS],
            values: vec![0.0; rows],
            d_logits: vec![0.0; rows * ARMS],
            d_values: vec![0.0; rows],
            gradient: vec![0.0; params.len()],
            choices: (vec![0; lanes], vec![0.0; lanes]),
        }
    }

    fn act(&mut self) {
        let lanes = self.rollout.lanes;
        for t in 0..STEPS {
            let inputs = self.rollout.inputs(t..t + 1);
            let logits = &mut self.logits[..lanes * ARMS];
            let outputs = Outputs {
                policy: &mut *logits,
                values: &mut self.values[..lanes],
            };
            self.network
                .step(&mut self.work, &inputs, &mut self.memory, outputs);
            let choices = Choices {
                actions: &mut self.choices.0,
                log_probs: &mut self.choices.1,
            };
            let uniforms = &self.rollout.uniform[t * lanes..(t + 1) * lanes];
            self.policy.sample(logits, uniforms, choices);
        }
    }

    fn forward(&mut self) {
        let outputs = Outputs {
            policy: &mut self.logits,
            values: &mut self.values,
        };
        let trials = self.rollout.trials();
        self.network.forward(&mut self.work, trials, outputs);
    }

    fn train(&mut self) {
        self.forward();
        let rollout = &self.rollout;
        let samples = Samples {
            actions: &rollout.action,
            old_log_probs: &rollout.log_prob,
            advantages: &rollout.reward,
            returns: &rollout.reward,
            weights: &rollout.weight,
        };
        let gradients = LossGradients {
            policy: &mut self.d_logits,
            values: &mut self.d_values,
        };
        let outputs = (&self.logits[..], &self.values[..]);
        self.policy.loss(&SPEC, &samples, outputs, gradients);
        let gradients = OutputGradients {
            policy: &self.d_logits,
            values: &self.d_values,
        };
        let trials = rollout.trials();
        self.network
            .backward(&mut self.work, trials, gradients, &mut self.gradient);
    }
}

/// Calls of `work` per second, summed over as many threads as there are items.
fn rate<T: Send>(items: &mut [T], work: impl Fn(&mut T) + Sync) -> f64 {
    std::thread::scope(|scope| {
        let work = &work;
        let start = |item| scope.spawn(move || rate_of_one(item, work));
        let threads: Vec<_> = items.iter_mut().map(start).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a worker panicked"))
            .sum()
    })
}

fn rate_of_one<T>(item: &mut T, work: impl Fn(&mut T)) -> f64 {
    work(item);
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < TIME {
        work(item);
        calls += 1;
    }
    f64::from(calls) / start.elapsed().as_secs_f64()
}

fn sgemm_gflops(gemms: &mut [Sgemm]) -> f64 {
    let flops = 2.0 * (SGEMM_SIZE as f64).powi(3);
    let products = rate(gemms, |g| {
        g.run(1);
    });
    products * flops / 1e9
}

/// Blocks as the peers have them: two, and twice or four times as many units as they are
/// wide.
fn blocks(mixer: Mixer, hidden: usize) -> Blocks {
    let times = match mixer {
        Mixer::MinGru | Mixer::Lru => 2,
        Mixer::FastWeight { .. } | Mixer::Attention { .. } => 4,
    };
    let shape = BlocksShape {
        observation: Observation::None,
        actions: ARMS,
        hidden,
        layers: 2,
        units: times * hidden,
        gated: false,
        mixer,
        join: Join::Sum,
    };
    Blocks::new(shape).expect("the shape is valid")
}

fn recurrent(cell: Cell, hidden: usize) -> Recurrent {
    let shape = Shape {
        cell,
        observation: Observation::None,
        hidden,
        actions: ARMS,
    };
    Recurrent::new(shape).expect("the shape is valid")
}

fn main() {
    let attention = Mixer::Attention {
        heads: 4,
        steps: STEPS,
        positions: Positions::Learned,
    };
    let name = std::env::args().nth(1).unwrap_or_else(|| "gru".to_owned());
    println!(
        "{name}, {}, {ARMS} arms, {STEPS} steps; millions of samples per second",
        Isa::best().name()
    );
    match name.as_str() {
        "gru" => table(|hidden| recurrent(Cell::Gru, hidden)),
        "lstm" => table(|hidden| recurrent(Cell::Lstm, hidden)),
        "min-gru" => table(|hidden| blocks(Mixer::MinGru, hidden)),
        "lru" => table(|hidden| blocks(Mixer::Lru, hidden)),
        "transformer" => table(|hidden| blocks(attention, hidden)),
        other => {
            eprintln!("unknown trunk `{other}`: must be gru, lstm, min-gru, lru or transformer");
            std::process::exit(2);
        }
    }
}

fn table<T: Trunk>(trunk: impl Fn(usize) -> T) {
    println!("threads hidden tile |    act forward  train | GFLOP/s  sgemm share");
    for threads in [1, 2] {
        let mut gemms: Vec<Sgemm> = (0..threads).map(|_| Sgemm::new(SGEMM_SIZE)).collect();
        for hidden in [64, 128, 256] {
            for lanes in [16, 32, 64, 128] {
                let tile = |_| Tile::new(trunk(hidden), lanes);
                let mut tiles: Vec<Tile<T>> = (0..threads).map(tile).collect();
                let millions = (lanes * STEPS) as f64 / 1e6;
                let act = rate(&mut tiles, Tile::act) * millions;
                let forward = rate(&mut tiles, Tile::forward) * millions;
                let before = sgemm_gflops(&mut gemms);
                let train = rate(&mut tiles, Tile::train) * millions;
                let sgemm = (before + sgemm_gflops(&mut gemms)) / 2.0;
                let flops = tiles[0].network.flops().training as f64;
                let gflops = train * flops / 1e3;
                println!(
                    "{threads:7} {hidden:6} {lanes:4} | {act:6.2} {forward:7.2} {train:6.3} \
                     | {gflops:7.0} {sgemm:6.0} {:5.2}",
                    gflops / sgemm
                );
            }
        }
    }
}
