//! Devices. On its own, because libtorch's CUDA part must be loaded before
//! anything else asks for it.

use nets::tch::{self, Kind, Tensor};
use nets::{
    Blueprint, CudaStatus, Device, NetsError, Params, Recurrent, SequenceConfig, device, libtorch,
    load_cuda, single_threaded,
};
use rl_core::{Domain, Purpose, StreamKey};

#[test]
fn devices_are_named() {
    assert_eq!(device("cpu"), Ok(Device::Cpu));
    let error = device("gpu").unwrap_err().to_string();
    assert!(
        error.contains("'gpu'") && error.contains("'cuda'"),
        "{error}"
    );
}

#[test]
fn the_libtorch_in_use_is_the_one_that_tch_needs() {
    let libtorch = libtorch().unwrap().unwrap();
    assert!(
        libtorch.folder.join("libtorch_cpu.so").exists(),
        "{libtorch:?}"
    );
    assert!(libtorch.version.starts_with("2.11.0"), "{libtorch:?}");
}

#[test]
fn cuda_gives_what_the_cpu_gives_or_says_why_not() {
    single_threaded();
    let place = match (load_cuda(), device("cuda")) {
        (CudaStatus::Available { .. }, place) => place.unwrap(),
        (CudaStatus::Unavailable { reason }, refused) => {
            let error = refused.unwrap_err();
            assert_eq!(
                error,
                NetsError::CudaUnavailable {
                    reason: reason.clone()
                }
            );
            assert!(
                error.to_string().contains(reason.as_str()) && reason.len() > 40,
                "{error}"
            );
            return;
        }
    };
    let key = StreamKey::new(0, Domain::Training, 0);
    let mut blueprint = Blueprint::new();
    let trunk = SequenceConfig::Gru(Recurrent::plain(8))
        .build(&mut blueprint, "", 3)
        .unwrap();
    let drawn = blueprint.init(&mut key.lane(Purpose::Init, 0));
    let params = Params::from_flat(blueprint.layout(), &drawn).unwrap();
    let model = trunk.model().unwrap();
    let run = |place: Device| {
        let place = tch::Device::from(place);
        let params = params.to_device(place).unwrap().leaves();
        let options = (Kind::Float, place);
        let inputs = Tensor::ones([5, 4, 3], options);
        let starts = Tensor::eye_m(5, 4, options);
        let features = model.unroll(&params, &inputs, &starts);
        params
            .gradient(&features.square().sum(Kind::Float))
            .unwrap()
    };
    for (gpu, cpu) in run(place).iter().zip(run(Device::Cpu)) {
        assert!(
            (gpu - cpu).abs() < 1e-4,
            "{gpu} on the GPU, {cpu} on the CPU"
        );
    }
}
