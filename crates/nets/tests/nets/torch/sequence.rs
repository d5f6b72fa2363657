//! Sequence models.

use nets::tch::{Device, IndexOp as _, Kind, Tensor};
use nets::{
    Activation, Blueprint, Params, Recurrent, SequenceConfig, SequenceModel, SequenceSizes, Trunk,
};

use super::common::{assert_close, drawn, gradcheck, normal, stream};

const INPUT: usize = 3;
const STEPS: i64 = 6;
const LANES: i64 = 4;

fn configs() -> [SequenceConfig; 3] {
    [
        SequenceConfig::Gru(Recurrent::plain(5)),
        SequenceConfig::Lstm(Recurrent::plain(5)),
        SequenceConfig::Mlp {
            hidden: vec![7, 5],
            activation: Activation::Tanh,
        },
    ]
}

/// A model, parameters of it that are nowhere zero, and a sequence.
struct Case {
    trunk: Trunk,
    params: Params,
    inputs: Tensor,
    state: Tensor,
}

fn case(config: &SequenceConfig, kind: Kind) -> Case {
    let mut blueprint = Blueprint::new();
    let trunk = config.build(&mut blueprint, "trunk.", INPUT).unwrap();
    let mut stream = stream(0);
    let drawn = drawn(&blueprint, &mut stream).to_kind(kind);
    let shake = |tensor: &Tensor| tensor + normal(&tensor.size(), &mut stream).to_kind(kind) * 0.3;
    let tensors = drawn.tensors().iter().map(shake).collect();
    let params = Params::from_tensors(blueprint.layout(), tensors).unwrap();
    let inputs = normal(&[STEPS, LANES, INPUT as i64], &mut stream).to_kind(kind);
    let state = normal(&[LANES, trunk.sizes().state as i64], &mut stream).to_kind(kind);
    Case {
        trunk,
        params,
        inputs,
        state,
    }
}

impl Case {
    fn model(&self) -> &dyn SequenceModel {
        self.trunk.model()
    }

    fn unroll(&self, resets: &Tensor) -> (Tensor, Tensor) {
        self.model()
            .unroll(&self.params, &self.inputs, resets, &self.state)
    }
}

fn no_resets() -> Tensor {
    Tensor::zeros([STEPS, LANES], (Kind::Float, Device::Cpu))
}

/// Lane 1 is reset before step 3, lane 2 before steps 0 and 5.
fn some_resets() -> Tensor {
    let resets = no_resets();
    for (step, lane) in [(3, 1), (0, 2), (5, 2)] {
        let _ = resets.i((step, lane)).fill_(1.0);
    }
    resets
}

/// A model of which only `step` is known, so that `unroll` is the trait's own.
#[derive(Debug)]
struct ByStep<'a>(&'a dyn SequenceModel);

impl SequenceModel for ByStep<'_> {
    fn sizes(&self) -> SequenceSizes {
        self.0.sizes()
    }

    fn step(&self, params: &Params, input: &Tensor, state: &Tensor) -> (Tensor, Tensor) {
        self.0.step(params, input, state)
    }
}

#[test]
fn unrolling_equals_stepping() {
    for config in configs() {
        let case = case(&config, Kind::Float);
        let (outputs, last) = case.unroll(&some_resets());
        let steps = ByStep(case.model());
        let (expected, memory) =
            steps.unroll(&case.params, &case.inputs, &some_resets(), &case.state);
        assert_eq!(
            outputs.size(),
            [STEPS, LANES, case.model().sizes().output as i64]
        );
        assert_close(&outputs, &expected, 1e-6);
        if case.model().sizes().state > 0 {
            assert_close(&last, &memory, 1e-6);
        }
    }
}

#[test]
fn a_reset_zeroes_one_memory_and_nothing_else() {
    for config in configs() {
        let case = case(&config, Kind::Float);
        let (plain, _) = case.unroll(&no_resets());
        let (outputs, last) = case.unroll(&some_resets());
        for lane in [0, 3] {
            assert_eq!(
                outputs.i((.., lane)),
                plain.i((.., lane)),
                "{config:?} lane {lane}"
            );
        }
        assert_eq!(
            outputs.i((..3, 1)),
            plain.i((..3, 1)),
            "{config:?} before the reset"
        );
        let fresh = case
            .model()
            .initial_state(LANES as usize, (Kind::Float, Device::Cpu));
        let rest = case.inputs.i(3..);
        let resets = no_resets().i(3..);
        let (expected, memory) = case.model().unroll(&case.params, &rest, &resets, &fresh);
        assert_eq!(
            outputs.i((3.., 1)),
            expected.i((.., 1)),
            "{config:?} after the reset"
        );
        assert_eq!(last.i(1), memory.i(1), "{config:?} memory after the reset");
        if case.model().sizes().state > 0 {
            assert_ne!(
                outputs.i((3.., 1)),
                plain.i((3.., 1)),
                "{config:?} has a memory"
            );
        }
    }
}

#[test]
fn nothing_flows_through_a_reset() {
    for config in &configs()[..2] {
        let mut case = case(config, Kind::Float);
        case.inputs = case.inputs.set_requires_grad(true);
        case.state = case.state.set_requires_grad(true);
        let (outputs, _) = case.unroll(&some_resets());
        // Lane 1 was reset before step 3; lane 0 was not.
        for (lane, independent) in [(1, true), (0, false)] {
            let loss = outputs.i((3.., lane)).sum(None);
            let found = Tensor::run_backward(&[loss], &[&case.inputs, &case.state], true, false);
            let before = found[0].i((..3, lane)).abs().sum(None).double_value(&[]);
            let state = found[1].i(lane).abs().sum(None).double_value(&[]);
            assert_eq!(
                before == 0.0,
                independent,
                "{config:?} lane {lane}: {before}"
            );
            assert_eq!(state == 0.0, independent, "{config:?} lane {lane}: {state}");
            let after = found[0].i((3.., lane)).abs().sum(None).double_value(&[]);
            assert!(after > 0.0);
        }
        let _ = case.state.detach().i(2).fill_(f64::NAN); // Reset before its first step.
        let (outputs, _) = case.unroll(&some_resets());
        assert!(
            outputs.sum(None).double_value(&[]).is_finite(),
            "{config:?}"
        );
    }
}

#[test]
fn gradients_equal_finite_differences() {
    for config in configs() {
        let case = case(&config, Kind::Double);
        let memory = case.model().sizes().state > 0;
        let coefficients = normal(
            &[STEPS, LANES, case.model().sizes().output as i64],
            &mut stream(1),
        );
        let count = case.params.tensors().len();
        let layout = case.params.layout();
        let mut inputs: Vec<Tensor> = case.params.tensors().iter().map(Tensor::copy).collect();
        inputs.push(case.inputs.copy());
        inputs.extend(memory.then(|| case.state.copy()));
        gradcheck(&inputs, |at| {
            let tensors = at[..count].iter().map(Tensor::shallow_clone).collect();
            let params = Params::from_tensors(layout.clone(), tensors).unwrap();
            let state = at.get(count + 1).unwrap_or(&case.state);
            let (outputs, last) = case
                .model()
                .unroll(&params, &at[count], &some_resets(), state);
            (outputs * &coefficients).sum(None) + last.square().sum(None)
        });
    }
}

#[test]
fn second_derivatives_equal_finite_differences() {
    for config in configs() {
        let case = case(&config, Kind::Double);
        let layout = case.params.layout();
        gradcheck(case.params.tensors(), |at| {
            let tensors = at.iter().map(Tensor::shallow_clone).collect();
            let params = Params::from_tensors(layout.clone(), tensors).unwrap();
            let (outputs, _) =
                case.model()
                    .unroll(&params, &case.inputs, &some_resets(), &case.state);
            let gradient = params
                .differentiable_gradient(&outputs.square().mean(None))
                .unwrap();
            let square = |tensor: &Tensor| tensor.square().sum(None);
            gradient
                .tensors()
                .iter()
                .map(square)
                .reduce(|sum, term| sum + term)
                .unwrap()
        });
    }
}

#[test]
fn the_gru_is_libtorchs() {
    for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 1e-6)] {
        let case = case(&SequenceConfig::Gru(Recurrent::plain(5)), kind);
        let (outputs, last) = case.unroll(&no_resets());
        let tensors = case.params.tensors();
        let state = case.state.unsqueeze(0);
        let (expected, memory) = case
            .inputs
            .gru(&state, tensors, true, 1, 0.0, false, false, false);
        assert_close(&outputs, &expected, tolerance);
        assert_close(&last, &memory.squeeze_dim(0), tolerance);
    }
}

#[test]
fn the_lstm_is_libtorchs() {
    for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 1e-6)] {
        let case = case(&SequenceConfig::Lstm(Recurrent::plain(5)), kind);
        let (outputs, last) = case.unroll(&no_resets());
        let tensors: Vec<Tensor> = case
            .params
            .tensors()
            .iter()
            .map(Tensor::shallow_clone)
            .collect();
        let state: Vec<Tensor> = case
            .state
            .chunk(2, 1)
            .iter()
            .map(|part| part.unsqueeze(0).contiguous())
            .collect();
        let (expected, h, c) = case
            .inputs
            .lstm(&state, &tensors, true, 1, 0.0, false, false, false);
        assert_close(&outputs, &expected, tolerance);
        assert_close(&last, &Tensor::cat(&[h, c], 2).squeeze_dim(0), tolerance);
    }
}

#[test]
fn parameters_have_the_usual_names_and_shapes() {
    let names = |config: &SequenceConfig| -> Vec<(String, Vec<usize>)> {
        let layout = case(config, Kind::Float).params.layout().clone();
        layout
            .entries()
            .iter()
            .map(|entry| (entry.name.clone(), entry.shape.clone()))
            .collect()
    };
    let [gru, lstm, mlp] = configs();
    let recurrent = |rows: usize| {
        [
            ("trunk.weight_ih".to_owned(), vec![rows, 3]),
            ("trunk.weight_hh".to_owned(), vec![rows, 5]),
            ("trunk.bias_ih".to_owned(), vec![rows]),
            ("trunk.bias_hh".to_owned(), vec![rows]),
        ]
    };
    assert_eq!(names(&gru), recurrent(15));
    assert_eq!(names(&lstm), recurrent(20));
    let layers = [
        ("trunk.0.weight".to_owned(), vec![7, 3]),
        ("trunk.0.bias".to_owned(), vec![7]),
        ("trunk.1.weight".to_owned(), vec![5, 7]),
        ("trunk.1.bias".to_owned(), vec![5]),
    ];
    assert_eq!(names(&mlp), layers);
}

#[test]
#[should_panic(expected = "resets are [steps, lanes]")]
fn resets_of_another_shape_are_refused() {
    let case = case(&SequenceConfig::Gru(Recurrent::plain(5)), Kind::Float);
    let _ = case.unroll(&no_resets().i(..5));
}

#[test]
#[should_panic(expected = "a step's state is [lanes, state]")]
fn a_state_of_another_shape_is_refused() {
    let case = case(&SequenceConfig::Lstm(Recurrent::plain(5)), Kind::Float);
    let _ = case
        .model()
        .step(&case.params, &case.inputs.i(0), &case.state.i((.., ..5)));
}
