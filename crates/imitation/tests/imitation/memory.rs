//! What teachers are said to take of memory.

use crate::{BackendKind, ImitationConfig, Search, config, hidden, place};
use agent::teaching_footprint;
use nets::Device;
use rl_core::{EnvSpec, Policy, PolicyFactory};

/// Takes a thousand bytes a lane.
struct Heavy;

impl PolicyFactory for Heavy {
    fn name(&self) -> String {
        "heavy".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        Search.make(spec, lanes)
    }

    fn bytes(&self, _: &EnvSpec, lanes: usize) -> f64 {
        1000.0 * lanes as f64
    }
}

/// Of 64 lanes in tiles of 16, and minibatches of two tiles, on two workers: labels of six
/// steps and three arms.
#[test]
fn teachers_are_counted_as_they_are_run() {
    let labels = |lanes: f64| lanes * 6.0 * 3.0 * 4.0;
    let of = |backend, device, teacher: Option<&dyn PolicyFactory>| {
        let config: ImitationConfig = config(backend);
        let place = place(2, device);
        let (env, learner) = (hidden(), config.learner());
        let needed = teaching_footprint(env.as_ref(), &learner, (&place, teacher));
        needed.unwrap().bytes()
    };
    let native = of(BackendKind::Native, Device::Cpu, Some(&Heavy));
    assert_eq!(native, labels(64.0) + 2.0 * 16e3, "a tile on each worker");
    // Tensors of each tile and of the minibatch, which is one shard.
    let torch = of(BackendKind::Torch, Device::Cpu, Some(&Heavy));
    assert_eq!(torch, native + 2.0 * labels(32.0));
    let lockstep = of(BackendKind::Torch, Device::Cuda(0), Some(&Heavy));
    assert_eq!(
        lockstep,
        labels(64.0) + 2.0 * labels(32.0) + 64e3,
        "all lanes"
    );
    let known = of(BackendKind::Native, Device::Cpu, None);
    assert_eq!(known, labels(64.0) + 64.0 * 10.0, "of each task");
}
