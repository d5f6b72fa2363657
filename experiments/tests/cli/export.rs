//! Agents as files of other programs: the model of ONNX is read back, and computes what the
//! kernels gave.

use crate::lab::Lab;
use std::collections::BTreeMap;
use std::fs;

/// A field of a message: a whole number, four bytes, or as many as are said.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Fixed(u32),
    Bytes(&'a [u8]),
}

/// The fields of a message by their numbers.
struct Message<'a>(Vec<(u64, Field<'a>)>);

fn taken<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = taken(bytes, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}

impl<'a> Message<'a> {
    fn read(mut bytes: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let field = match key & 7 {
                0 => Field::Number(varint(&mut bytes)),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    Field::Bytes(taken(&mut bytes, length))
                }
                5 => Field::Fixed(u32::from_le_bytes(taken(&mut bytes, 4).try_into().unwrap())),
                wire => panic!("wire type {wire}"),
            };
            fields.push((key >> 3, field));
        }
        Self(fields)
    }

    fn all(&self, number: u64) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |(key, field)| match field {
            Field::Bytes(bytes) if *key == number => Some(*bytes),
            _ => None,
        })
    }

    fn messages(&self, number: u64) -> Vec<Message<'a>> {
        self.all(number).map(Self::read).collect()
    }

    fn message(&self, number: u64) -> Message<'a> {
        self.messages(number).remove(0)
    }

    fn texts(&self, number: u64) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        self.all(number).map(text).collect()
    }

    fn text(&self, number: u64) -> String {
        self.texts(number).remove(0)
    }

    fn numbers(&self, number: u64) -> Vec<u64> {
        let of = |(key, field): &(u64, Field<'_>)| match field {
            Field::Number(found) if *key == number => Some(*found),
            _ => None,
        };
        self.0.iter().filter_map(of).collect()
    }
}

/// Rows of numbers; of one dimension it is one row.
#[derive(Clone, Debug)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Tensor {
    fn width(&self) -> usize {
        *self.shape.last().unwrap_or(&1)
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.width())
    }

    /// Number by number, where one may have one row or one number for all.
    fn with(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        let larger = match self.values.len() >= other.values.len() {
            true => self,
            false => other,
        };
        let at = |tensor: &Self, index: usize| tensor.values[index % tensor.values.len()];
        let numbers = 0..larger.values.len();
        Self {
            shape: larger.shape.clone(),
            values: numbers.map(|i| of(at(self, i), at(other, i))).collect(),
        }
    }

    fn map(&self, of: impl Fn(f64) -> f64) -> Self {
        Self {
            shape: self.shape.clone(),
            values: self.values.iter().map(|x| of(*x)).collect(),
        }
    }

    /// An initializer.
    fn read(message: &Message<'_>) -> Self {
        let shape = message.numbers(1).into_iter().map(|side| side as usize);
        let raw = message.all(9).next().unwrap();
        let values = match message.numbers(2)[..] {
            [1] => floats(raw),
            [7] => {
                let number = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().unwrap()) as f64;
                raw.chunks_exact(8).map(number).collect()
            }
            ref kind => panic!("a tensor of kind {kind:?}"),
        };
        let shape: Vec<usize> = shape.collect();
        assert_eq!(shape.iter().product::<usize>(), values.len());
        Self { shape, values }
    }
}

fn floats(raw: &[u8]) -> Vec<f64> {
    let number = |bytes: &[u8]| f64::from(f32::from_le_bytes(bytes.try_into().unwrap()));
    raw.chunks_exact(4).map(number).collect()
}

/// The width that is declared of the last input, the state; its batch is free.
fn width(inputs: &[Message<'_>]) -> usize {
    let state = inputs.last().unwrap();
    assert_eq!(state.text(1), "state");
    let sides = state.message(2).message(1).message(2).messages(1);
    assert_eq!(sides[0].texts(2), ["batch"]);
    sides[1].numbers(1)[0] as usize
}

type Values = BTreeMap<String, Tensor>;

/// A model of ONNX, of the operators that it is allowed to have.
struct Model<'a> {
    nodes: Vec<Message<'a>>,
    constants: Values,
    inputs: Vec<String>,
    /// Numbers of the state.
    state: usize,
}

impl<'a> Model<'a> {
    fn read(file: &'a [u8]) -> Self {
        let model = Message::read(file);
        assert_eq!(model.message(8).numbers(2), [17], "the operators' version");
        let graph = model.message(7);
        let constants = graph.messages(5);
        let constant = |tensor: &Message<'_>| (tensor.text(8), Tensor::read(tensor));
        Self {
            nodes: graph.messages(1),
            constants: constants.iter().map(constant).collect(),
            state: width(&graph.messages(11)),
            inputs: graph
                .messages(11)
                .iter()
                .map(|input| input.text(1))
                .collect(),
        }
    }

    /// All values of a step.
    fn step(&self, inputs: Values) -> Values {
        let mut values = self.constants.clone();
        values.extend(inputs);
        for node in &self.nodes {
            let of = node.texts(1);
            let of: Vec<&Tensor> = of.iter().map(|name| &values[name]).collect();
            let output = computed(&node.text(4), &of, node);
            values.insert(node.text(2), output);
        }
        values
    }
}

fn computed(operator: &str, of: &[&Tensor], node: &Message<'_>) -> Tensor {
    match (operator, of) {
        ("Add", [a, b]) => a.with(b, |a, b| a + b),
        ("Sub", [a, b]) => a.with(b, |a, b| a - b),
        ("Mul", [a, b]) => a.with(b, |a, b| a * b),
        ("Neg", [x]) => x.map(|x| -x),
        ("Relu", [x]) => x.map(|x| x.max(0.0)),
        ("Tanh", [x]) => x.map(f64::tanh),
        ("Sigmoid", [x]) => x.map(|x| 1.0 / (1.0 + (-x).exp())),
        ("Identity", [x]) => (*x).clone(),
        ("Squeeze", [x, axes]) => {
            assert_eq!((axes.values[0], x.width()), (1.0, 1));
            Tensor {
                shape: x.shape[..1].to_vec(),
                values: x.values.clone(),
            }
        }
        ("Slice", [x, from, to, axis]) => {
            assert_eq!(axis.values, [1.0]);
            let columns = from.values[0] as usize..to.values[0] as usize;
            Tensor {
                shape: vec![x.shape[0], columns.len()],
                values: x
                    .rows()
                    .flat_map(|row| &row[columns.clone()])
                    .copied()
                    .collect(),
            }
        }
        ("Concat", parts) => {
            let rows = parts[0].shape[0];
            let row = |row| {
                parts
                    .iter()
                    .flat_map(move |part| part.rows().nth(row).unwrap())
            };
            Tensor {
                shape: vec![rows, parts.iter().map(|part| part.width()).sum()],
                values: (0..rows).flat_map(row).copied().collect(),
            }
        }
        ("Gemm", [x, weight, bias]) => {
            let transposed = node.message(5);
            assert_eq!(
                (transposed.text(1).as_str(), transposed.numbers(3)),
                ("transB", vec![1])
            );
            let product = |x: &[f64], (row, bias): (&[f64], &f64)| {
                let products = x.iter().zip(row).map(|(x, w)| x * w);
                products.sum::<f64>() + bias
            };
            let layer = |x| {
                let units = weight.rows().zip(&bias.values);
                units.map(move |unit| product(x, unit))
            };
            Tensor {
                shape: vec![x.shape[0], weight.shape[0]],
                values: x.rows().flat_map(layer).collect(),
            }
        }
        ("LayerNormalization", [x, gain, bias]) => {
            let Some((_, Field::Fixed(epsilon))) =
                node.message(5).0.iter().find(|(key, _)| *key == 2).copied()
            else {
                panic!("an epsilon");
            };
            let epsilon = f64::from(f32::from_bits(epsilon));
            let normal = |row: &[f64]| {
                let count = row.len() as f64;
                let mean = row.iter().sum::<f64>() / count;
                let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
                let scale = 1.0 / (variance + epsilon).sqrt();
                row.iter().map(|x| (x - mean) * scale).collect::<Vec<_>>()
            };
            let values = x.rows().flat_map(normal).collect();
            let shape = x.shape.clone();
            let normal = Tensor { shape, values };
            normal.with(gain, |x, g| x * g).with(bias, |x, b| x + b)
        }
        (operator, of) => panic!("{operator} of {} values", of.len()),
    }
}

/// The arrays of a `.npz`, which is not compressed.
fn arrays(archive: &[u8]) -> Values {
    let (mut rest, mut arrays) = (archive, Values::new());
    while rest.starts_with(b"PK\x03\x04") {
        let size = u32::from_le_bytes(rest[18..22].try_into().unwrap()) as usize;
        let name = u16::from_le_bytes(rest[26..28].try_into().unwrap()) as usize;
        let header = taken(&mut rest, 30 + name);
        let name = String::from_utf8(header[30..].to_vec()).unwrap();
        let file = taken(&mut rest, size);
        assert!(file.starts_with(b"\x93NUMPY\x01\x00"));
        let begin = 10 + u16::from_le_bytes(file[8..10].try_into().unwrap()) as usize;
        assert_eq!(begin % 64, 0);
        let header = String::from_utf8(file[10..begin].to_vec()).unwrap();
        assert!(header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': ("));
        let shape = &header[header.find('(').unwrap() + 1..header.find(')').unwrap()];
        let sides = shape.split(',').filter(|side| !side.trim().is_empty());
        let tensor = Tensor {
            shape: sides.map(|side| side.trim().parse().unwrap()).collect(),
            values: floats(&file[begin..]),
        };
        arrays.insert(name.trim_end_matches(".npy").to_owned(), tensor);
    }
    arrays
}

/// The largest difference of a model from what the agent itself gave.
fn difference(model: &Model<'_>, lived: &Values) -> f64 {
    let [steps, lanes] = lived["value"].shape[..] else {
        panic!("[steps][lanes]");
    };
    assert_eq!(steps, 100);
    let at = |name: &str, t: usize| {
        let tensor = &lived[name];
        let size = tensor.values.len() / steps;
        let shape = match tensor.shape[2..] {
            [] => vec![lanes, 1],
            [width] => vec![lanes, width],
            _ => panic!("{name}"),
        };
        Tensor {
            shape,
            values: tensor.values[t * size..(t + 1) * size].to_vec(),
        }
    };
    let mut state = None;
    let mut worst = 0.0_f64;
    for t in 0..steps {
        let told = model.inputs.iter().filter(|name| *name != "state");
        let mut inputs: Values = told.map(|name| (name.clone(), at(name, t))).collect();
        let begins = at("trial_begins", t);
        let before: Tensor = match state.take() {
            None => Tensor {
                shape: vec![lanes, model.state],
                values: vec![0.0; lanes * model.state],
            },
            Some(state) => forgotten(&state, &begins),
        };
        inputs.insert("state".to_owned(), before);
        let mut given = model.step(inputs);
        let policy = match lived.get("mean") {
            Some(_) => (given["mean"].clone(), at("mean", t)),
            None => (softmax(&given["logits"]), at("probabilities", t)),
        };
        let value = (given["value"].clone(), at("value", t));
        for (ours, theirs) in [policy, value] {
            assert_eq!(ours.values.len(), theirs.values.len());
            let apart = ours.values.iter().zip(&theirs.values);
            // As far as f32 can tell: values may be large.
            let apart = apart.map(|(a, b)| (a - b).abs() / (1.0 + b.abs()));
            worst = apart.fold(worst, f64::max);
        }
        state = given.remove("next_state");
    }
    worst
}

fn forgotten(state: &Tensor, begins: &Tensor) -> Tensor {
    let lanes = state.rows().zip(&begins.values);
    let lane = |(row, begins): (&[f64], &f64)| {
        let kept = 1.0 - begins;
        row.iter().map(|x| x * kept).collect::<Vec<_>>()
    };
    Tensor {
        shape: state.shape.clone(),
        values: lanes.flat_map(lane).collect(),
    }
}

fn softmax(logits: &Tensor) -> Tensor {
    let row = |row: &[f64]| {
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let odds: Vec<f64> = row.iter().map(|x| (x - most).exp()).collect();
        let sum: f64 = odds.iter().sum();
        odds.iter().map(|x| x / sum).collect::<Vec<_>>()
    };
    Tensor {
        shape: logits.shape.clone(),
        values: logits.rows().flat_map(row).collect(),
    }
}

/// Settings of short trainings in environments of every kind: symbols, vectors and nothing to
/// observe, trials of several episodes, actions of a box, and every trunk that has a form.
const TRAININGS: [&[&str]; 5] = [
    &[],
    &[
        "rl2.trunk.kind=lstm",
        "rl2.inputs=[\"action\",\"reward\",\"time-left\",\"statistics\"]",
    ],
    &[
        "environment.name=repeat-previous",
        "evaluation.learners=[]",
        "rl2.trunk={kind=\"min-gru\",hidden=16,layers=2,memory=9.0,units=16,feed=\"gated\",join=\"gru\",input_gain=1.0}",
    ],
    &[
        "environment.name=riverswim",
        "evaluation.learners=[]",
        "rl2.inputs=[\"action\",\"reward\"]",
        "rl2.trunk={kind=\"lru\",hidden=16,layers=2,memory=9.0,units=16,feed=\"plain\",join=\"sum\",input_gain=1.0}",
    ],
    &[
        "environment={name=\"point-navigation\",horizon=20}",
        "evaluation.learners=[]",
    ],
];

#[test]
fn models_of_onnx_compute_what_the_kernels_do() {
    let lab = Lab::new();
    for (index, settings) in TRAININGS.iter().enumerate() {
        let name = format!("agent-{index}");
        let few = [
            "rl2.updates=2",
            "evaluation.tasks=2",
            "evaluation.interval_tasks=2",
        ];
        let begin = ["train", "tiny.toml", "--name", &name];
        lab.done(&[&begin[..], &few, settings].concat());
        let run = format!("runs/{name}/seed-0");
        lab.done(&["export", &run, "--to=onnx"]);
        let read = |file: &str| fs::read(lab.path(&run).join(file)).unwrap();
        let (file, check) = (read("onnx/agent.onnx"), read("onnx/check.npz"));
        let mut model = Model::read(&file);
        let lived = arrays(&check);
        let worst = difference(&model, &lived);
        assert!(worst < 1e-5, "{settings:?}: {worst}");
        // It is this network that is compared, and not any.
        let bias = model.constants.get_mut("value.bias").unwrap();
        bias.values[0] += 1e-3;
        assert!(difference(&model, &lived) > 1e-4);
    }
    // NumPy's and PyTorch's arrays are those of the model.
    let run = "runs/agent-4/seed-0";
    for format in ["numpy", "torch"] {
        lab.done(&["export", run, "--to", format]);
    }
    let read = |file: &str| fs::read(lab.path(run).join(file)).unwrap();
    assert_eq!(read("numpy/agent.npz"), read("torch/agent.npz"));
    let file = read("onnx/agent.onnx");
    let model = Model::read(&file);
    for (name, array) in arrays(&read("numpy/agent.npz")) {
        assert_eq!(array.values, model.constants[&name].values, "{name}");
    }
}

#[test]
fn what_is_told_is_said_in_the_files_and_what_has_no_form_is_refused() {
    let lab = Lab::new();
    let few = [
        "rl2.updates=2",
        "evaluation.tasks=2",
        "evaluation.interval_tasks=2",
    ];
    lab.done(&[&["train", "tiny.toml", "--name=gru"][..], &few].concat());
    let done = lab.done(&["export", "runs/gru", "--to=numpy", "--out=files"]);
    assert_eq!(done.stdout.lines().count(), 3);
    // Another format is written beside it.
    lab.done(&["export", "runs/gru", "--to=onnx", "--out=files"]);
    assert!(lab.path("files/gru/seed-0/onnx/agent.onnx").exists());
    let text = fs::read_to_string(lab.path("files/gru/seed-0/numpy/agent.py")).unwrap();
    for line in [
        "  previous_action     2  what was done at the step before, one-hot; zeros where a trial begins",
        "  state               6  of a GRU of 6 units: zeros where a trial begins, else as it came out",
        "def step(previous_action, previous_reward, episode_begins, state):",
        "    r = sigmoid(told[:, 0:6] + kept[:, 0:6])",
        "    next_state = (1 - z) * n + z * state",
        "    return logits, value, next_state",
        "    name = 'bernoulli-bandit'",
        "    updates = 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let trunk = "rl2.trunk={kind=\"transformer\",hidden=16,layers=1,heads=1,units=16,feed=\"plain\",\
                 join=\"sum\",input_gain=1.0}";
    let train = ["train", "tiny.toml", "--name=attends", trunk];
    lab.done(&[&train[..], &few].concat());
    lab.refused(
        &["export", "runs/attends", "--to=onnx"],
        78,
        &[
            "runs/attends/seed-0",
            "rl2.trunk.kind = \"transformer\"",
            "\"gru\", \"lstm\"",
        ],
    );
    lab.done(&[
        "train",
        "maml/bernoulli-bandit-5x100",
        "environment.pulls=5",
        "maml.updates=1",
        "maml.tasks=4",
        "evaluation.tasks=2",
        "evaluation.interval_tasks=2",
        "--name=maml",
    ]);
    lab.refused(
        &["export", "runs/maml", "--to=torch"],
        78,
        &[
            "runs/maml/seed-0 cannot be exported",
            "those of `rl2` and of `imitation`",
        ],
    );
    fs::remove_dir_all(lab.path("runs/gru/seed-0/checkpoints")).unwrap();
    lab.refused(
        &["export", "runs/gru", "--to=onnx"],
        2,
        &["has no checkpoint yet; train it first"],
    );
}

/// Inside a run's folder no link is followed, wherever it leads.
#[test]
fn no_export_leads_out_of_its_run() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=1"]);
    let run = "runs/tiny/seed-0";
    fs::create_dir(lab.path("elsewhere")).unwrap();
    for format in ["onnx", "numpy"] {
        let inside = lab.path(run).join(format);
        std::os::unix::fs::symlink(lab.path("elsewhere"), &inside).unwrap();
        let parts = [format, "it is a link", "--out"];
        lab.refused(&["export", run, "--to", format], 78, &parts);
        // Where it is said to go, it may be one.
        lab.done(&["export", run, "--to", format, "--out", "elsewhere"]);
    }
    let made = fs::read_dir(lab.path("elsewhere")).unwrap();
    let names: Vec<_> = made.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["tiny"]);
}
