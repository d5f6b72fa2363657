//! Rates of the kernels on this machine: `cargo run --release -p kernels
//! --example rate [gru|lstm]`.
//!
//! For hidden sizes and tiles, samples per second forward and forward + loss +
//! backward, GFLOP/s in matrix products, and the share of what a general matrix
//! product reaches on as many threads, measured beside.

use kernels::*;
use std::time::{Duration, Instant};

const ARMS: usize = 10;
const STEPS: usize = 100;
const SPEC: LossSpec = LossSpec {
    objective: Objective::Clipped { clip: 0.2 },
    value_coef: 0.5,
    entropy_coef: 0.01,
};

/// One tile of a bandit with all its buffers.
struct Tile {
    packed: Packed,
    work: Workspace,
    lanes: usize,
    action: Vec<u32>,
    reward: Vec<f32>,
    boundary: Vec<f32>,
    reset: Vec<bool>,
    ones: Vec<f32>,
    memory: Vec<f32>,
    logits: Vec<f32>,
    values: Vec<f32>,
    d_logits: Vec<f32>,
    d_values: Vec<f32>,
    gradient: Vec<f32>,
}

impl Tile {
    fn new(cell: Cell, hidden: usize, lanes: usize) -> Tile {
        let shape = Shape {
            cell,
            observation: Observation::None,
            hidden,
            actions: ARMS,
        };
        let mut packed = Packed::new(shape).expect("valid shape");
        let mut state = 1u64;
        let mut unit = move || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let scale = 1.0 / (hidden as f32).sqrt();
        let params: Vec<f32> = (0..packed.layout().len())
            .map(|_| (2.0 * unit() - 1.0) * scale)
            .collect();
        packed.pack(&params);
        let rows = lanes * STEPS;
        Tile {
            work: Workspace::new(&packed),
            lanes,
            action: (0..rows).map(|_| (unit() * ARMS as f32) as u32).collect(),
            reward: (0..rows).map(|_| unit().round()).collect(),
            boundary: (0..rows).map(|i| (i < lanes) as u32 as f32).collect(),
            reset: (0..rows).map(|i| i < lanes).collect(),
            ones: vec![1.0 / rows as f32; rows],
            memory: vec![0.0; lanes * shape.memory_width()],
            logits: vec![0.0; rows * ARMS],
            values: vec![0.0; rows],
            d_logits: vec![0.0; rows * ARMS],
            d_values: vec![0.0; rows],
            gradient: vec![0.0; params.len()],
            packed,
        }
    }

    fn inputs(&self, from: usize, to: usize) -> Inputs<'_> {
        let rows = from * self.lanes..to * self.lanes;
        Inputs {
            observations: Observations::None,
            prev_action: &self.action[rows.clone()],
            prev_reward: &self.reward[rows.clone()],
            boundary: &self.boundary[rows.clone()],
            reset: &self.reset[rows],
        }
    }

    /// A rollout without an environment: steps and sampling.
    fn act(&mut self) {
        let mut actions = vec![0; self.lanes];
        let mut log_probs = vec![0.0; self.lanes];
        for t in 0..STEPS {
            let rows = t * self.lanes..(t + 1) * self.lanes;
            let logits = &mut self.logits[rows.start * ARMS..rows.end * ARMS];
            let outputs = Outputs {
                logits,
                values: &mut self.values[rows.clone()],
            };
            let inputs = Inputs {
                observations: Observations::None,
                prev_action: &self.action[rows.clone()],
                prev_reward: &self.reward[rows.clone()],
                boundary: &self.boundary[rows.clone()],
                reset: &self.reset[rows.clone()],
            };
            self.packed
                .step(&mut self.work, &inputs, &mut self.memory, outputs);
            let choices = Choices {
                actions: &mut actions,
                log_probs: &mut log_probs,
            };
            let logits = &self.logits[rows.start * ARMS..rows.end * ARMS];
            sample(&mut self.work, logits, &self.values[rows], choices);
        }
    }

    /// One pass of the learner.
    fn train(&mut self) {
        let mut work = std::mem::replace(&mut self.work, Workspace::new(&self.packed));
        let (mut logits, mut values) = (
            std::mem::take(&mut self.logits),
            std::mem::take(&mut self.values),
        );
        let outputs = Outputs {
            logits: &mut logits,
            values: &mut values,
        };
        self.packed
            .forward(&mut work, &self.inputs(0, STEPS), &self.memory, outputs);
        let samples = Samples {
            actions: &self.action,
            old_log_probs: &self.boundary,
            advantages: &self.reward,
            returns: &self.reward,
            weights: &self.ones,
        };
        let gradients = LossGradients {
            logits: &mut self.d_logits,
            values: &mut self.d_values,
        };
        loss(&mut work, &SPEC, &samples, (&logits, &values), gradients);
        let gradients = OutputGradients {
            logits: &self.d_logits,
            values: &self.d_values,
        };
        let mut gradient = std::mem::take(&mut self.gradient);
        self.packed
            .backward(&mut work, &self.inputs(0, STEPS), gradients, &mut gradient);
        (self.work, self.logits, self.values, self.gradient) = (work, logits, values, gradient);
    }
}

/// Calls per second of `work`, on as many threads as there are elements.
fn rate<T: Send>(items: &mut [T], time: Duration, work: impl Fn(&mut T) + Sync) -> f64 {
    std::thread::scope(|scope| {
        let handles: Vec<_> = items
            .iter_mut()
            .map(|item| {
                let work = &work;
                scope.spawn(move || {
                    work(item);
                    let (start, mut calls) = (Instant::now(), 0);
                    while start.elapsed() < time {
                        work(item);
                        calls += 1;
                    }
                    f64::from(calls) / start.elapsed().as_secs_f64()
                })
            })
            .collect();
        handles.into_iter().map(|h| h.join().expect("worker")).sum()
    })
}

fn main() {
    let cell = match std::env::args().nth(1).as_deref() {
        Some("lstm") => Cell::Lstm,
        _ => Cell::Gru,
    };
    let time = Duration::from_millis(300);
    println!(
        "{cell:?} on {}, {ARMS} arms, {STEPS} steps",
        Isa::best().name()
    );
    println!("threads hidden tile | act Ms/s | train Ms/s GFLOP/s | sgemm GFLOP/s share");
    for threads in [1, 2] {
        for hidden in [64, 128, 256] {
            for lanes in [16, 32, 64, 128] {
                let mut tiles: Vec<Tile> = (0..threads)
                    .map(|_| Tile::new(cell, hidden, lanes))
                    .collect();
                let mut gemms: Vec<Sgemm> = (0..threads).map(|_| Sgemm::new(512)).collect();
                let samples = (lanes * STEPS) as f64;
                let act = rate(&mut tiles, time, Tile::act) * samples;
                let before = rate(&mut gemms, time / 3, |g| drop(g.run(1)));
                let train = rate(&mut tiles, time, Tile::train) * samples;
                let after = rate(&mut gemms, time / 3, |g| drop(g.run(1)));
                let sgemm = (before + after) / 2.0 * 2.0 * 512f64.powi(3) / 1e9;
                let flops = tiles[0].packed.shape().training_flops() as f64;
                let gflops = train * flops / 1e9;
                println!(
                    "{threads:7} {hidden:6} {lanes:4} | {:8.2} | {:10.3} {gflops:7.0} | {sgemm:13.0} {:5.2}",
                    act / 1e6,
                    train / 1e6,
                    gflops / sgemm
                );
            }
        }
    }
}
