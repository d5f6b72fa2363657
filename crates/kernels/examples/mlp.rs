//! Times of the feed-forward kernels on this machine, one thread:
//! `cargo run --release -p kernels --example mlp [hidden] [samples]`.
//!
//! For a tanh policy 2 → hidden → hidden → 2 it prints, per call on a batch of
//! samples, the processor-independent work in products, and the best and median
//! time; and what a general matrix product reaches.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it measures, and prints what it found"
)]

use kernels::Sgemm;
use kernels::mlp::{Activation, Acts, Cache, Head, Mlp, Prepared, Tangent, Weights};
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_millis(700);

/// Best and median microseconds of a call.
fn time(mut call: impl FnMut()) -> (f64, f64) {
    call();
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < TIME {
        let call_start = Instant::now();
        call();
        times.push(call_start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 2])
}

fn report(name: &str, products: f64, flops: f64, (best, median): (f64, f64)) {
    let rate = products * flops / best / 1e3;
    println!("{name:18} {best:9.1} {median:9.1} {rate:9.0}");
}

fn numbers(count: usize, scale: f64) -> Vec<f32> {
    let wave = |i: usize| ((i as f64 * 0.7).sin() * 43_758.545_3).fract() * scale;
    (0..count).map(|i| wave(i) as f32).collect()
}

fn main() {
    let mut sizes = std::env::args().skip(1).map(|text| {
        text.parse().unwrap_or_else(|_| {
            eprintln!("`{text}` is not a size: must be a positive integer");
            std::process::exit(2);
        })
    });
    let hidden: usize = sizes.next().unwrap_or(64);
    let samples: usize = sizes.next().unwrap_or(2000);
    let mut gemm = Sgemm::new(512);
    let (best, _) = time(|| {
        gemm.run(1);
    });
    println!(
        "sgemm 512: {:.0} GFLOP/s",
        2.0 * 512f64.powi(3) / best / 1e3
    );
    println!("2 -> {hidden} -> {hidden} -> 2, tanh, {samples} samples; microseconds");
    println!("call                    best    median   GFLOP/s");
    for head in [Head::Gaussian, Head::Categorical] {
        println!("{head:?}");
        times(hidden, samples, head);
    }
}

fn times(hidden: usize, samples: usize, head: Head) {
    let mlp = match Mlp::new(2, &[hidden, hidden], 2, Activation::Tanh, head) {
        Ok(mlp) => mlp,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    };
    let params = numbers(mlp.parameters(), 0.2);
    let direction = numbers(mlp.parameters(), 0.1);
    let obs = numbers(2 * samples, 1.0);
    let weight = numbers(samples, 1.0 / samples as f64);
    let vectors = numbers(2 * samples, 1.0);
    let indices: Vec<u32> = (0..samples as u32).map(|i| i % 2).collect();
    let acts = match head {
        Head::Gaussian => Acts::Vector(&vectors),
        Head::Categorical | Head::None => Acts::Index(&indices),
    };
    let (mut cache, mut tangent) = (Cache::new(), Tangent::new());
    let mut grad = vec![0.0; params.len()];
    let mut log_probs = vec![0.0; samples];
    let inner = (hidden * hidden + 2 * hidden) as f64;
    let outer = (2 * hidden) as f64;
    let flops = 2.0 * samples as f64;
    let lanes = 20.min(samples);
    let (obs_20, obs) = (&obs[..2 * lanes], &obs[..]);
    let call = time(|| mlp.forward(&params, obs_20, lanes, &mut cache));
    report("forward of 20", inner + outer, 2.0 * lanes as f64, call);
    let call = time(|| mlp.forward(&params, obs, samples, &mut cache));
    report("forward", inner + outer, flops, call);
    let call = time(|| mlp.log_probs(&cache, acts, &mut log_probs));
    report("log_probs", 0.0, flops, call);
    let call = time(|| mlp.score(&mut cache, acts, &weight, &mut grad));
    report("score", 2.0 * inner + outer, flops, call);
    let call = time(|| mlp.tangent(&direction, &cache, &mut tangent));
    report("tangent", 2.0 * inner + outer, flops, call);
    let call = time(|| mlp.tangent_log_probs(&cache, &tangent, acts, &mut log_probs));
    report("tangent_log_probs", 0.0, flops, call);
    let call = time(|| mlp.score_tangent(&mut cache, &tangent, acts, &weight, None, &mut grad));
    report("score_tangent", 5.0 * inner + outer, flops, call);
    let call = time(|| {
        mlp.tangent(&direction, &cache, &mut tangent);
        mlp.score_tangent(&mut cache, &tangent, acts, &weight, None, &mut grad);
    });
    report("Hessian-vector", 7.0 * inner + 2.0 * outer, flops, call);
    let mut prepared = Prepared::new();
    let call = time(|| mlp.prepare_score(&mut cache, acts, &weight, &mut prepared));
    report("prepare_score", 5.0 * inner, flops, call);
    let given = (acts, &weight[..], Weights::Fixed);
    for (name, prepared, products) in [
        ("score_product", None, 7.0),
        ("prepared", Some(&prepared), 4.0),
    ] {
        let to = &mut grad;
        let call = time(|| mlp.score_product(&mut cache, &direction, given, prepared, to));
        report(name, products * inner + 2.0 * outer, flops, call);
    }
    let call = time(|| mlp.fisher_vector(&mut cache, &direction, &weight, &mut grad));
    report("fisher_vector", 4.0 * inner + 2.0 * outer, flops, call);
}
