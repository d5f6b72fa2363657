//! `bench`: speed, as JSON lines or a table. One file per subject.

mod envs;
mod maml;
mod rl2;
mod tile;
mod timing;
mod trunk;

use crate::cli::{BenchArgs, What};
use lab::failure::Failure;
use lab::registry::Registry;

pub(crate) fn run(registry: &Registry, args: &BenchArgs) -> Result<(), Failure> {
    match args.what {
        What::Envs => envs::run(registry, args),
        What::Rl2 => rl2::run(registry, args),
        What::Maml => maml::run(registry, args),
    }
}
