//! How many samples per second one thread takes through a recurrent layer
//! forward and backward, ours beside libtorch's own layer.
//!
//! `cargo run --release -p nets --example unroll_rate`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it measures, and prints what it found"
)]

use std::time::Instant;

use nets::tch::{Kind, Tensor};
use nets::{Blueprint, NetsError, Params, Recurrent, SequenceConfig, single_threaded};
use rl_core::{Domain, Purpose, StreamKey};

const LANES: i64 = 256;
const STEPS: i64 = 100;
const INPUT: i64 = 12;
const REPEATS: usize = 5;

fn main() -> Result<(), NetsError> {
    single_threaded();
    println!("{LANES} lanes, {STEPS} steps, input {INPUT}: thousand samples per second");
    for hidden in [64, 128] {
        rate(SequenceConfig::Gru(Recurrent::plain(hidden)))?;
        rate(SequenceConfig::Lstm(Recurrent::plain(hidden)))?;
    }
    Ok(())
}

fn rate(config: SequenceConfig) -> Result<(), NetsError> {
    let mut blueprint = Blueprint::new();
    let trunk = config.build(&mut blueprint, "", INPUT as usize)?;
    let model = trunk.model().expect("computed with libtorch");
    let key = StreamKey::new(0, Domain::Training, 0);
    let drawn = blueprint.init(&mut key.lane(Purpose::Init, 0));
    let params = Params::from_flat(blueprint.layout(), &drawn)?.leaves();
    let options = (Kind::Float, params.device());
    let inputs = Tensor::ones([STEPS, LANES, INPUT], options);
    let starts = Tensor::zeros([STEPS, LANES], options);
    let ours = measure(&params, || model.unroll(&params, &inputs, &starts))?;

    let hidden = trunk.features() as i64;
    let zeros = || Tensor::zeros([1, LANES, hidden], options);
    let theirs = measure(&params, || match config {
        SequenceConfig::Lstm(_) => {
            let memory = [zeros(), zeros()];
            let tensors: Vec<Tensor> = params.tensors().iter().map(Tensor::shallow_clone).collect();
            inputs
                .lstm(&memory, &tensors, true, 1, 0.0, true, false, false)
                .0
        }
        _ => {
            inputs
                .gru(&zeros(), params.tensors(), true, 1, 0.0, true, false, false)
                .0
        }
    })?;
    println!("{config:?}: ours {ours:.0}, libtorch's layer {theirs:.0}");
    Ok(())
}

/// The best of several repeats, in thousand samples per second.
fn measure(params: &Params, forward: impl Fn() -> Tensor) -> Result<f64, NetsError> {
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        params.gradient(&forward().sum(None))?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok((LANES * STEPS) as f64 / best / 1000.0)
}
