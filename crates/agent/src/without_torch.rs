//! What stands in for the libtorch backend in a program that is built without: it is
//! refused.

use crate::backend::Backend;
use crate::error::LearnError;
use crate::learner::LearnerConfig;
use crate::model::ActorCritic;
use nets::Device;
use rl_core::Footprint;
use std::sync::Arc;

pub(crate) fn backend(
    model: &Arc<ActorCritic>,
    _device: Device,
) -> Result<Box<dyn Backend>, LearnError> {
    Err(refuse(model))
}

pub(crate) fn footprint(
    model: &ActorCritic,
    _config: &LearnerConfig<'_>,
    (_tiles, _workers): (usize, usize),
    (_steps, _device): (usize, Device),
) -> Result<Footprint, LearnError> {
    Err(refuse(model))
}

pub(crate) fn lanes_at_once(
    config: &LearnerConfig<'_>,
    (tiles, _workers): (usize, usize),
    _device: Device,
) -> usize {
    tiles * config.tile
}

fn refuse(model: &ActorCritic) -> LearnError {
    let allowed = "native, since this program was built without libtorch (feature torch)";
    LearnError::config(format!("{}.backend", model.of), "torch", allowed)
}
