//! `bench`: speed, as JSON lines or a table. One file per subject.

mod envs;
mod learned_optimizer;
mod maml;
mod memories;
mod ranks;
mod rl2;
mod tile;
mod timing;
mod trunk;

use crate::cli::{BenchArgs, What};
use lab::failure::Failure;
use lab::registry::Registry;

pub(crate) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    if args.out.is_some() && args.what != What::Memories {
        return Err(Failure::usage("--out: allowed with `bench memories` alone"));
    }
    match args.what {
        What::Envs => envs::run(registry, args),
        What::Rl2 => rl2::run(registry, args),
        What::Memories => memories::run(registry, args),
        What::Maml => maml::run(registry, args),
        What::LearnedOptimizer => learned_optimizer::run(registry, args),
        What::Ranks => ranks::run(registry, args),
    }
}
