//! Models of ONNX: `onnx.proto`, operators of set 17.
//!
//! Only what every runtime has is used: Add, Concat, Gemm, LayerNormalization, Mul, Neg,
//! Relu, Sigmoid, Slice, Squeeze, Sub, Tanh, and Identity for a Gaussian's deviations.

use crate::graph::{Expr, Function, Graph, STATE};
use crate::part::{Actions, Array, Network};
use crate::protobuf::Message;
use crate::python::manual;

const OPERATORS: u64 = 17;
/// The version of the format that came with those.
const FORMAT: u64 = 8;
const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// The file of a network.
pub(crate) fn model(network: &Network, graph: &Graph, about: &str) -> Vec<u8> {
    let manual = manual(network);
    let mut nodes = Nodes::default();
    for line in &graph.lines {
        nodes.line(&line.name, &line.value);
    }
    let dimension = |size: usize| Message::default().number(1, size as u64);
    let batch = || Message::default().bytes(2, "batch");
    let inputs = network.inputs.iter();
    let mut ins: Vec<Message> = inputs
        .map(|part| {
            let shape = [batch(), dimension(part.width)];
            value(part.name, shape, &part.meaning)
        })
        .collect();
    let state = || [batch(), dimension(network.trunk.state())];
    ins.push(value(STATE, state(), "zeros where a trial begins"));
    let [policy, expected, next] = graph.outputs;
    let outputs = network.actions.outputs();
    let mut outs = vec![
        value(policy, [batch(), dimension(outputs)], "of the policy"),
        value(expected, [batch()], "the return that is expected"),
        value(next, state(), "what is remembered"),
    ];
    if let Actions::Box(width) = network.actions {
        nodes.node("Identity", &["policy.std".to_owned()], "deviation", &[]);
        let meaning = "standard deviations of the policy";
        outs.push(value("deviation", [dimension(width)], meaning));
    }
    let used = |array: &&Array| nodes.arrays.contains(&array.name);
    let arrays = network.arrays.iter().filter(used).map(floats);
    let graph = Message::default()
        .messages(1, nodes.nodes)
        .bytes(2, "agent")
        .messages(5, arrays.chain(nodes.constants))
        .bytes(10, format!("{about}\n\n{manual}"))
        .messages(11, ins)
        .messages(12, outs);
    let entry = |key: &str, value: &str| Message::default().bytes(1, key).bytes(2, value);
    Message::default()
        .number(1, FORMAT)
        .bytes(2, "metarl")
        .bytes(3, env!("CARGO_PKG_VERSION"))
        .message(7, graph)
        .message(8, Message::default().bytes(1, "").number(2, OPERATORS))
        .message(14, entry("about", about))
        .message(14, entry("manual", &manual))
        .finish()
}

/// A name, and that it is of floats of a shape.
fn value(name: &str, shape: impl IntoIterator<Item = Message>, meaning: &str) -> Message {
    let shape = Message::default().messages(1, shape);
    let tensor = Message::default().number(1, FLOAT).message(2, shape);
    Message::default()
        .bytes(1, name)
        .message(2, Message::default().message(1, tensor))
        .bytes(3, meaning)
}

fn tensor(shape: &[usize], kind: u64, name: &str, raw: Vec<u8>) -> Message {
    let sides = |message: Message, side: &usize| message.number(1, *side as u64);
    let message = shape.iter().fold(Message::default(), sides);
    message.number(2, kind).bytes(8, name).bytes(9, raw)
}

fn floats(array: &Array) -> Message {
    let raw = array.values.iter().flat_map(|x| x.to_le_bytes()).collect();
    tensor(&array.shape, FLOAT, &array.name, raw)
}

/// An attribute of an operator.
#[derive(Clone, Copy)]
enum Attribute {
    Int(&'static str, i64),
    Float(&'static str, f32),
}

impl Attribute {
    fn message(self) -> Message {
        match self {
            Self::Int(name, number) => Message::default()
                .bytes(1, name)
                .number(3, number as u64)
                .number(20, 2),
            Self::Float(name, number) => Message::default()
                .bytes(1, name)
                .float(2, number)
                .number(20, 1),
        }
    }
}

#[derive(Default)]
struct Nodes {
    nodes: Vec<Message>,
    /// Arrays of the network's that are read.
    arrays: Vec<String>,
    constants: Vec<Message>,
    named: Vec<String>,
    count: usize,
}

impl Nodes {
    /// The value of a line, under its name.
    fn line(&mut self, name: &str, expr: &Expr) {
        self.value(expr, Some(name));
    }

    fn node(&mut self, operator: &str, inputs: &[String], output: &str, with: &[Attribute]) {
        if operator == "Identity" {
            self.read(&inputs[0]);
        }
        let add = |node: Message, input: &String| node.bytes(1, input);
        let node = inputs.iter().fold(Message::default(), add);
        let node = node.bytes(2, output).bytes(3, format!("to {output}"));
        let node = node.bytes(4, operator);
        let attributes = with.iter().map(|attribute| attribute.message());
        self.nodes.push(node.messages(5, attributes));
    }

    fn read(&mut self, array: &str) -> String {
        if !self.arrays.iter().any(|known| known == array) {
            self.arrays.push(array.to_owned());
        }
        array.to_owned()
    }

    /// A constant of the operators' own; one of each name.
    fn constant(&mut self, name: String, make: impl FnOnce(&str) -> Message) -> String {
        if !self.named.contains(&name) {
            self.constants.push(make(&name));
            self.named.push(name.clone());
        }
        name
    }

    fn integer(&mut self, number: usize) -> String {
        self.constant(format!("int.{number}"), |name| {
            tensor(&[1], INT64, name, (number as i64).to_le_bytes().to_vec())
        })
    }

    /// Writes what gives a value, and says what it is called.
    fn value(&mut self, expr: &Expr, called: Option<&str>) -> String {
        let (operator, inputs, with): (_, Vec<String>, Vec<Attribute>) = match expr {
            Expr::Name(name) => return name.clone(),
            Expr::Array(name) => return self.read(name),
            Expr::Concat(parts) => {
                let parts = parts.iter().map(|part| self.value(part, None));
                ("Concat", parts.collect(), vec![Attribute::Int("axis", 1)])
            }
            Expr::Linear(x, [weight, bias]) => {
                let inputs = vec![self.value(x, None), self.read(weight), self.read(bias)];
                ("Gemm", inputs, vec![Attribute::Int("transB", 1)])
            }
            Expr::Columns(x, range) => {
                let x = self.value(x, None);
                let ends = [range.start, range.end, 1].map(|number| self.integer(number));
                ("Slice", [vec![x], ends.to_vec()].concat(), vec![])
            }
            Expr::Squeezed(x) => {
                let inputs = vec![self.value(x, None), self.integer(1)];
                ("Squeeze", inputs, vec![])
            }
            Expr::Sum(a, b) => ("Add", self.values([a, b]), vec![]),
            Expr::Product(a, b) => ("Mul", self.values([a, b]), vec![]),
            Expr::Complement(x) => {
                let one = self.constant("one".to_owned(), |name| {
                    tensor(&[1], FLOAT, name, 1.0_f32.to_le_bytes().to_vec())
                });
                ("Sub", vec![one, self.value(x, None)], vec![])
            }
            Expr::Negative(x) => ("Neg", vec![self.value(x, None)], vec![]),
            Expr::Apply(function, x) => {
                let operator = match function {
                    Function::Sigmoid => "Sigmoid",
                    Function::Tanh => "Tanh",
                    Function::Relu => "Relu",
                };
                (operator, vec![self.value(x, None)], vec![])
            }
            Expr::Norm(x, of) => {
                let x = self.value(x, None);
                let arrays = ["gain", "bias"].map(|array| self.read(&format!("{of}.{array}")));
                let epsilon = Attribute::Float("epsilon", 1e-5);
                (
                    "LayerNormalization",
                    [vec![x], arrays.to_vec()].concat(),
                    vec![epsilon],
                )
            }
        };
        let output = called.map_or_else(|| format!("value.{}", self.count), str::to_owned);
        self.count += usize::from(called.is_none());
        self.node(operator, &inputs, &output, &with);
        output
    }

    fn values(&mut self, exprs: [&Expr; 2]) -> Vec<String> {
        exprs.map(|expr| self.value(expr, None)).to_vec()
    }
}
