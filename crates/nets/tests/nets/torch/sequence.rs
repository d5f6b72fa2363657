//! Trunks.

use nets::tch::{Device, IndexOp as _, Kind, Tensor};
use nets::{
    Activation, Around, Blueprint, EpisodicConfig, FastWeights, Feed, Join, MannConfig, Memory,
    Params, Positions, Recurrent, Scanned, SequenceConfig, SequenceModel, SnailConfig, Transformer,
    Trunk, TrunkFootprint, TrunkInput,
};
use std::sync::Arc;

use super::common::{assert_close, drawn, gradcheck, normal, stream};

const INPUT: usize = 3;
const STEPS: i64 = 6;
const LANES: i64 = 4;

fn scanned(feed: Feed, join: Join) -> Scanned {
    Scanned {
        hidden: 16,
        layers: 2,
        units: 16,
        feed,
        join,
        input_gain: 2.0,
        memory: 5.0,
    }
}

fn attending(heads: usize, join: Join, positions: Positions) -> SequenceConfig {
    SequenceConfig::Transformer(Transformer {
        hidden: 16 * heads,
        layers: 1,
        heads,
        positions,
        units: 16,
        feed: Feed::Plain,
        join,
        input_gain: 2.0,
    })
}

/// A gated layer with things around it.
fn surrounded(around: Around) -> Recurrent {
    Recurrent {
        around,
        ..Recurrent::plain(5)
    }
}

fn configs() -> [SequenceConfig; 16] {
    let mann = MannConfig {
        hidden: 5,
        slots: 4,
        width: 3,
        heads: 2,
        decay: 0.9,
        sharpness: false,
        interpolation: false,
        input_gain: 2.0,
    };
    let nothing = Around::default();
    [
        SequenceConfig::Gru(Recurrent::plain(5)),
        SequenceConfig::Lstm(Recurrent::plain(5)),
        SequenceConfig::Mlp {
            hidden: vec![7, 5],
            activation: Activation::Tanh,
        },
        SequenceConfig::MinGru(scanned(Feed::Plain, Join::Sum)),
        SequenceConfig::Lru(scanned(Feed::Gated, Join::Gru)),
        attending(1, Join::Gru, Positions::Learned),
        attending(2, Join::Sum, Positions::Rotary),
        attending(1, Join::Sum, Positions::None),
        SequenceConfig::Gru(surrounded(Around {
            encoder: 4,
            layers: 2,
            maximum: true,
            skip: true,
            ..nothing
        })),
        SequenceConfig::Lstm(surrounded(Around {
            hypernetwork: 4,
            ..nothing
        })),
        SequenceConfig::FastWeight(FastWeights {
            hidden: 16,
            layers: 1,
            heads: 1,
            units: 16,
            feed: Feed::Plain,
            join: Join::Sum,
            input_gain: 2.0,
        }),
        SequenceConfig::Snail(SnailConfig {
            filters: 3,
            rounds: 2,
            keys: 3,
        }),
        SequenceConfig::Mann(mann),
        SequenceConfig::Mann(MannConfig {
            heads: 1,
            sharpness: true,
            interpolation: true,
            ..mann
        }),
        SequenceConfig::Episodic(EpisodicConfig {
            hidden: 5,
            slots: 2,
            cue: 2,
            mark: None,
            recall: true,
            input_gain: 2.0,
            memory: 5.0,
        }),
        SequenceConfig::Episodic(EpisodicConfig {
            hidden: 5,
            slots: 2,
            cue: 1,
            mark: Some(1),
            recall: false,
            input_gain: 2.0,
            memory: 5.0,
        }),
    ]
}

/// How far the same trial may be apart among others: sums over another number of places
/// round differently where a trunk attends.
fn rounding(config: &SequenceConfig) -> f64 {
    match config {
        SequenceConfig::Transformer(_) | SequenceConfig::Snail(_) => 1e-5,
        _ => 0.0,
    }
}

/// A trunk, parameters of it that are nowhere zero, and a sequence.
struct Case {
    trunk: Arc<dyn Trunk>,
    params: Params,
    inputs: Tensor,
}

fn case(config: &SequenceConfig, kind: Kind) -> Case {
    let mut blueprint = Blueprint::new();
    let told = TrunkInput {
        observation: 2,
        episodes: true,
        steps: STEPS as usize,
        ..INPUT.into()
    };
    let trunk = config.build(&mut blueprint, "trunk.", told).unwrap();
    let mut stream = stream(0);
    let drawn = drawn(&blueprint, &mut stream).to_kind(kind);
    let shake = |tensor: &Tensor| tensor + normal(&tensor.size(), &mut stream).to_kind(kind) * 0.3;
    let tensors = drawn.tensors().iter().map(shake).collect();
    let params = Params::from_tensors(blueprint.layout(), tensors).unwrap();
    let inputs = normal(&[STEPS, LANES, INPUT as i64], &mut stream).to_kind(kind);
    Case {
        trunk,
        params,
        inputs,
    }
}

impl Case {
    fn model(&self) -> &dyn SequenceModel {
        self.trunk.model().unwrap()
    }

    fn unroll(&self, starts: &Tensor) -> Tensor {
        self.model().unroll(&self.params, &self.inputs, starts)
    }

    /// The memory after the whole sequence, step by step and without a start.
    fn memory(&self) -> Memory {
        let options = (self.inputs.kind(), Device::Cpu);
        let mut memory = self.model().memory(LANES as usize, STEPS as usize, options);
        for input in self.inputs.unbind(0) {
            let _ = self.model().step(&self.params, &input, &mut memory);
        }
        memory
    }
}

fn no_starts() -> Tensor {
    Tensor::zeros([STEPS, LANES], (Kind::Float, Device::Cpu))
}

/// Lane 1 starts anew at step 3, lane 2 at steps 0 and 5.
fn some_starts() -> Tensor {
    let starts = no_starts();
    for (step, lane) in [(3, 1), (0, 2), (5, 2)] {
        let _ = starts.i((step, lane)).fill_(1.0);
    }
    starts
}

/// A trunk of which only `memory` and `step` are known, so that `unroll` is the
/// trait's own.
#[derive(Debug)]
struct ByStep<'a>(&'a dyn SequenceModel);

impl Trunk for ByStep<'_> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn features(&self) -> usize {
        self.0.features()
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        self.0.footprint(steps)
    }
}

impl SequenceModel for ByStep<'_> {
    fn memory(&self, lanes: usize, at_most: usize, options: (Kind, Device)) -> Memory {
        self.0.memory(lanes, at_most, options)
    }

    fn forget(&self, memory: &mut Memory, starts: &Tensor) {
        self.0.forget(memory, starts);
    }

    fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
        self.0.step(params, input, memory)
    }
}

#[test]
fn unrolling_equals_stepping() {
    for config in configs() {
        let case = case(&config, Kind::Float);
        let features = case.unroll(&some_starts());
        let steps = ByStep(case.model());
        let expected = steps.unroll(&case.params, &case.inputs, &some_starts());
        let size = [STEPS, LANES, case.model().features() as i64];
        assert_eq!(features.size(), size);
        assert_close(&features, &expected, rounding(&config).max(1e-6));
    }
}

#[test]
fn a_start_forgets_one_lane_and_nothing_else() {
    for config in configs() {
        let case = case(&config, Kind::Float);
        let plain = case.unroll(&no_starts());
        let features = case.unroll(&some_starts());
        for lane in [0, 3] {
            assert_eq!(
                features.i((.., lane)),
                plain.i((.., lane)),
                "{config:?} lane {lane}"
            );
        }
        assert_eq!(
            features.i((..3, 1)),
            plain.i((..3, 1)),
            "{config:?} before the start"
        );
        let (rest, starts) = (case.inputs.i(3..), no_starts().i(3..));
        let expected = case.model().unroll(&case.params, &rest, &starts);
        let after = (features.i((3.., 1)), expected.i((.., 1)));
        assert_close(&after.0, &after.1, rounding(&config));
        if !matches!(config, SequenceConfig::Mlp { .. }) {
            assert_ne!(
                features.i((3.., 1)),
                plain.i((3.., 1)),
                "{config:?} has a memory"
            );
        }
    }
}

#[test]
fn nothing_flows_through_a_start() {
    for (config, parts) in [(&configs()[0], &["h"][..]), (&configs()[1], &["h", "c"])] {
        let mut case = case(config, Kind::Float);
        case.inputs = case.inputs.set_requires_grad(true);
        let features = case.unroll(&some_starts());
        // Lane 1 starts anew at step 3; lane 0 does not.
        for (lane, independent) in [(1, true), (0, false)] {
            let loss = features.i((3.., lane)).sum(None);
            let found = Tensor::run_backward(&[loss], &[&case.inputs], true, false);
            let before = found[0].i((..3, lane)).abs().sum(None).double_value(&[]);
            assert_eq!(
                before == 0.0,
                independent,
                "{config:?} lane {lane}: {before}"
            );
            let after = found[0].i((3.., lane)).abs().sum(None).double_value(&[]);
            assert!(after > 0.0);
        }
        // What is forgotten may be anything.
        let mut memory = case.memory();
        for name in parts {
            memory[*name] = &memory[*name] * f64::NAN;
        }
        let all = Tensor::ones([LANES], (Kind::Bool, Device::Cpu));
        case.model().forget(&mut memory, &all);
        let first = case.inputs.i(0);
        let anew = case.model().step(&case.params, &first, &mut memory);
        assert_close(&anew, &case.unroll(&no_starts()).i(0), 1e-6);
    }
}

/// The mean of all inputs of the trial so far, out of a store of them and a count:
/// nothing of it is a row of as many numbers as there are features.
#[derive(Debug)]
struct Mean;

impl Trunk for Mean {
    fn inputs(&self) -> usize {
        INPUT
    }

    fn features(&self) -> usize {
        INPUT
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        let learning = (steps * steps * INPUT) as f64;
        let acting = (steps * INPUT + 1) as f64;
        TrunkFootprint { learning, acting }
    }
}

impl SequenceModel for Mean {
    fn memory(&self, lanes: usize, at_most: usize, (kind, device): (Kind, Device)) -> Memory {
        let (lanes, at_most) = (lanes as i64, at_most as i64);
        let store = Tensor::zeros([lanes, at_most, INPUT as i64], (kind, device));
        let count = Tensor::zeros([lanes], (Kind::Int64, device));
        Memory::new(device, [("store", store), ("count", count)])
    }

    fn step(&self, _: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
        let at = memory["count"]
            .view([-1, 1, 1])
            .expand([-1, 1, INPUT as i64], false);
        memory["store"] = memory["store"].scatter(1, &at, &input.unsqueeze(1));
        memory["count"] = &memory["count"] + 1;
        let sum = memory["store"].sum_dim_intlist(1, false, None);
        sum / memory["count"].unsqueeze(-1)
    }
}

#[test]
fn a_memory_holds_tensors_of_any_kind() {
    let case = case(&configs()[0], Kind::Double);
    let found = Mean.unroll(&case.params, &case.inputs, &some_starts());
    for (lane, start) in [(0, 0), (1, 3), (2, 0), (2, 5)] {
        for t in start..STEPS {
            let end = if (lane, start) == (2, 0) { 5 } else { STEPS };
            if t < end {
                let expected = case.inputs.i((start..=t, lane)).mean_dim(0, false, None);
                assert_close(&found.i((t, lane)), &expected, 1e-12);
            }
        }
    }
}

#[test]
#[should_panic(expected = "no 'cell' in this memory: [\"h\", \"c\"]")]
fn a_memory_says_what_it_does_not_hold() {
    let _ = &case(&configs()[1], Kind::Float).memory()["cell"];
}

#[test]
fn gradients_equal_finite_differences() {
    // What is recalled is a constant to the gradient; see below.
    let recalls = |of: &EpisodicConfig| of.recall;
    let whole =
        |config: &SequenceConfig| !matches!(config, SequenceConfig::Episodic(of) if recalls(of));
    for config in configs().into_iter().filter(whole) {
        let case = case(&config, Kind::Double);
        let coefficients = normal(
            &[STEPS, LANES, case.model().features() as i64],
            &mut stream(1),
        );
        let count = case.params.tensors().len();
        let layout = case.params.layout();
        let mut inputs: Vec<Tensor> = case.params.tensors().iter().map(Tensor::copy).collect();
        inputs.push(case.inputs.copy());
        gradcheck(&inputs, |at| {
            let tensors = at[..count].iter().map(Tensor::shallow_clone).collect();
            let params = Params::from_tensors(layout.clone(), tensors).unwrap();
            let features = case.model().unroll(&params, &at[count], &some_starts());
            (features * &coefficients).sum(None)
        });
    }
}

/// Of the last context, whose memory begins with what was stored before.
#[test]
fn the_gradient_of_what_is_recalled_is_that_of_its_own_context() {
    let config = SequenceConfig::Episodic(EpisodicConfig {
        hidden: 5,
        slots: 2,
        cue: 1,
        mark: Some(1),
        recall: true,
        input_gain: 2.0,
        memory: 5.0,
    });
    let case = case(&config, Kind::Double);
    let begins = STEPS - 2;
    let _ = case.inputs.i((.., .., 1)).fill_(0.0);
    for step in [0, 2, begins] {
        let _ = case.inputs.i((step, .., 1)).fill_(1.0);
    }
    let features = case.unroll(&no_starts());
    let loss = features.i(begins..).square().sum(None);
    let tensors: Vec<Tensor> = case.params.tensors().iter().map(Tensor::copy).collect();
    let layout = case.params.layout();
    let tail = |at: &[Tensor]| {
        let tensors = at.iter().map(Tensor::shallow_clone).collect();
        let params = Params::from_tensors(layout.clone(), tensors).unwrap();
        let mut memory = case
            .model()
            .memory(LANES as usize, 6, (Kind::Double, Device::Cpu));
        let mut sum = Tensor::zeros([1], (Kind::Double, Device::Cpu));
        for (step, input) in case.inputs.unbind(0).iter().enumerate() {
            let within = step as i64 >= begins;
            let of = if within { &params } else { &case.params };
            let features = case.model().step(of, input, &mut memory);
            if within {
                sum += features.square().sum(None);
            }
        }
        sum.squeeze()
    };
    assert_close(&tail(&tensors), &loss, 1e-12);
    gradcheck(&tensors, tail);
    // The store matters: without it the context gives something else.
    let mut memory = case
        .model()
        .memory(LANES as usize, 6, (Kind::Double, Device::Cpu));
    let alone = case
        .model()
        .step(&case.params, &case.inputs.i(begins), &mut memory);
    assert_ne!(alone, features.i(begins));
}

/// Every step before is seen by the convolutions alone, odd and even numbers of steps back.
#[test]
fn dilated_convolutions_see_every_step_before() {
    let (filters, keys) = (4, 3);
    let of = SnailConfig {
        filters,
        rounds: 1,
        keys,
    };
    let mut case = case(&SequenceConfig::Snail(of), Kind::Double);
    case.inputs = case.inputs.set_requires_grad(true);
    let features = case.unroll(&no_starts());
    let end = features.size()[2] - keys as i64;
    let last = features.i((STEPS - 1, .., end - filters as i64..end));
    let found = Tensor::run_backward(&[last.square().sum(None)], &[&case.inputs], false, false);
    for step in 0..STEPS {
        let share = found[0].i(step).abs().sum(None).double_value(&[]);
        assert!(share > 1e-9, "step {step}: {share}");
    }
}

/// Contexts A, B, A, B: what comes back is what was known of the same cue at last, and of a
/// context that is met again one cell is kept.
#[test]
fn a_cue_brings_back_the_latest_cell_of_its_context() {
    let of = EpisodicConfig {
        hidden: 4,
        slots: 3,
        cue: 1,
        mark: Some(1),
        recall: true,
        input_gain: 2.0,
        memory: 5.0,
    };
    let case = case(&SequenceConfig::Episodic(of), Kind::Double);
    let model = case.model();
    let mut memory = model.memory(1, 8, (Kind::Double, Device::Cpu));
    let params = |name: &str| case.params[case.params.layout().find(name).unwrap()].shallow_clone();
    let mut last = [None, None];
    for context in [0, 1, 0, 1] {
        let cue = [1.0, -1.0][context];
        for step in 0..2 {
            let begins = f64::from(u8::from(step == 0));
            let input = Tensor::from_slice(&[cue, begins, 0.3]).unsqueeze(0);
            let _ = model.step(&case.params, &input, &mut memory);
            if step == 0 {
                let x = input.linear(
                    &params("trunk.input.weight"),
                    Some(&params("trunk.input.bias")),
                );
                let gates = x.chunk(5, 1);
                let mut c = gates[0].sigmoid() * gates[2].tanh();
                // The nearest that there is, which at first is the other context.
                let known: Option<&Tensor> = last[context].as_ref().or(last[1 - context].as_ref());
                if let Some(known) = known {
                    c += gates[4].sigmoid() * known.tanh();
                }
                assert_close(&memory["c"], &c, 1e-12);
            }
        }
        last[context] = Some(memory["c"].copy());
    }
    assert_eq!(memory["count"].int64_value(&[0]), 2);
}

/// Rows are written where they were used least, the first of those that were used alike, and
/// are emptied before.
#[test]
fn a_controller_writes_where_its_memory_was_used_least() {
    let of = MannConfig {
        hidden: 5,
        slots: 4,
        width: 3,
        heads: 1,
        decay: 0.5,
        sharpness: false,
        interpolation: false,
        input_gain: 2.0,
    };
    let case = case(&SequenceConfig::Mann(of), Kind::Double);
    let model = case.model();
    let mut memory = model.memory(LANES as usize, 8, (Kind::Double, Device::Cpu));
    for input in case.inputs.unbind(0) {
        let (rows, usage) = (memory["rows"].copy(), memory["usage"].copy());
        let read = memory["weights"].copy();
        let _ = model.step(&case.params, &input, &mut memory);
        for lane in 0..LANES {
            let used: Vec<f64> = Vec::try_from(usage.i(lane)).unwrap();
            let least = (0..4).fold(
                0,
                |best, row| if used[row] < used[best] { row } else { best },
            );
            // What is added to a row is its share of one vector.
            let kept = rows.i(lane).copy();
            let _ = kept.i(least as i64).fill_(0.0);
            let added = memory["rows"].i(lane) - &kept;
            let share = |row: i64| added.i(row).abs().sum(None).double_value(&[]);
            let before = read.i((lane, 0));
            let own = share(least as i64);
            assert!(own > 0.0, "row {least} of {used:?}");
            for row in (0..4).filter(|row| *row != least as i64) {
                let [there, here] = [row, least as i64].map(|row| before.double_value(&[row]));
                let (found, most) = (share(row) / own, there / here.max(1e-300));
                assert!(
                    found <= most * (1.0 + 1e-6) + 1e-9,
                    "row {row}: {found} of {most}"
                );
            }
            // Reading and writing both use rows, by 1 in all.
            let used = memory["usage"].i(lane) - usage.i(lane) * 0.5;
            assert!((used.sum(None).double_value(&[]) - 2.0).abs() < 1e-12);
        }
    }
}

#[test]
fn second_derivatives_equal_finite_differences() {
    // Of the trunks that are small enough to try every number.
    for config in &configs()[..3] {
        let config = config.clone();
        let case = case(&config, Kind::Double);
        let layout = case.params.layout();
        gradcheck(case.params.tensors(), |at| {
            let tensors = at.iter().map(Tensor::shallow_clone).collect();
            let params = Params::from_tensors(layout.clone(), tensors).unwrap();
            let features = case.model().unroll(&params, &case.inputs, &some_starts());
            let gradient = params
                .differentiable_gradient(&features.square().mean(None))
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
        let features = case.unroll(&no_starts());
        let tensors = case.params.tensors();
        let state = Tensor::zeros([1, LANES, 5], (kind, Device::Cpu));
        let (expected, memory) = case
            .inputs
            .gru(&state, tensors, true, 1, 0.0, false, false, false);
        assert_close(&features, &expected, tolerance);
        assert_close(&case.memory()["h"], &memory.squeeze_dim(0), tolerance);
    }
}

#[test]
fn the_lstm_is_libtorchs() {
    for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 1e-6)] {
        let case = case(&SequenceConfig::Lstm(Recurrent::plain(5)), kind);
        let features = case.unroll(&no_starts());
        let tensors: Vec<Tensor> = case
            .params
            .tensors()
            .iter()
            .map(Tensor::shallow_clone)
            .collect();
        let zeros = || Tensor::zeros([1, LANES, 5], (kind, Device::Cpu));
        let state = [zeros(), zeros()];
        let (expected, h, c) = case
            .inputs
            .lstm(&state, &tensors, true, 1, 0.0, false, false, false);
        assert_close(&features, &expected, tolerance);
        let memory = case.memory();
        assert_close(&memory["h"], &h.squeeze_dim(0), tolerance);
        assert_close(&memory["c"], &c.squeeze_dim(0), tolerance);
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
    let [gru, lstm, mlp, ..] = configs();
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
#[should_panic(expected = "starts are [steps, lanes]")]
fn starts_of_another_shape_are_refused() {
    let case = case(&SequenceConfig::Gru(Recurrent::plain(5)), Kind::Float);
    let _ = case.unroll(&no_starts().i(..5));
}

#[test]
#[should_panic(expected = "a step's input is [lanes, 3], not [4, 2]")]
fn an_input_of_another_width_is_refused() {
    let case = case(&SequenceConfig::Lstm(Recurrent::plain(5)), Kind::Float);
    let mut memory = case.memory();
    let input = case.inputs.i((0, .., ..2));
    let _ = case.model().step(&case.params, &input, &mut memory);
}
