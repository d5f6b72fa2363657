//! The step of a network as text of Python's, with what its reader has to know.

use crate::graph::{Expr, Function, Graph, NEXT, STATE, VALUE};
use crate::part::{Actions, Network, Part, Scan, Trunk};

/// The words that a program of Python's is written in.
struct Dialect {
    concat: fn(&[String]) -> String,
    linear: fn(&str, [&str; 2]) -> String,
    array: fn(&str) -> String,
    norm: fn(&str, [&str; 2]) -> String,
    function: fn(Function) -> &'static str,
}

const NUMPY: Dialect = Dialect {
    concat: |parts| format!("np.concatenate([{}], axis=1)", parts.join(", ")),
    linear: |x, [weight, bias]| format!("{x} @ {weight}.T + {bias}"),
    array: |name| format!("w[\"{name}\"]"),
    norm: |x, [gain, bias]| format!("norm({x}, {gain}, {bias})"),
    function: |function| match function {
        Function::Sigmoid => "sigmoid",
        Function::Tanh => "np.tanh",
        Function::Relu => "relu",
    },
};

const TORCH: Dialect = Dialect {
    concat: |parts| format!("torch.cat([{}], dim=1)", parts.join(", ")),
    linear: |x, [weight, bias]| format!("F.linear({x}, {weight}, {bias})"),
    array: |name| format!("self.{}", attribute(name)),
    norm: |x, [gain, bias]| format!("F.layer_norm({x}, {gain}.shape, {gain}, {bias})"),
    function: |function| match function {
        Function::Sigmoid => "torch.sigmoid",
        Function::Tanh => "torch.tanh",
        Function::Relu => "torch.relu",
    },
};

/// An array's name as one of an attribute's.
fn attribute(name: &str) -> String {
    name.replace('.', "_")
}

/// How tightly a text binds.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binds {
    Sum,
    Product,
    Whole,
}

impl Dialect {
    fn text(&self, expr: &Expr) -> String {
        self.bound(expr).0
    }

    /// In brackets, where it binds less tightly than it has to.
    fn inside(&self, expr: &Expr, least: Binds) -> String {
        match self.bound(expr) {
            (text, binds) if binds >= least => text,
            (text, _) => format!("({text})"),
        }
    }

    fn bound(&self, expr: &Expr) -> (String, Binds) {
        match expr {
            Expr::Name(name) => (name.clone(), Binds::Whole),
            Expr::Array(name) => ((self.array)(name), Binds::Whole),
            Expr::Concat(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.text(part)).collect();
                ((self.concat)(&parts), Binds::Whole)
            }
            Expr::Linear(x, [weight, bias]) => {
                let [weight, bias] = [weight, bias].map(|name| (self.array)(name));
                let x = self.inside(x, Binds::Whole);
                ((self.linear)(&x, [&weight, &bias]), Binds::Sum)
            }
            Expr::Columns(x, range) => {
                let x = self.inside(x, Binds::Whole);
                let text = format!("{x}[:, {}:{}]", range.start, range.end);
                (text, Binds::Whole)
            }
            Expr::Squeezed(x) => {
                let x = self.inside(x, Binds::Whole);
                (format!("{x}[:, 0]"), Binds::Whole)
            }
            Expr::Sum(a, b) => {
                let text = match b.as_ref() {
                    Expr::Negative(b) => format!(
                        "{} - {}",
                        self.inside(a, Binds::Sum),
                        self.inside(b, Binds::Product)
                    ),
                    b => format!("{} + {}", self.text(a), self.text(b)),
                };
                (text, Binds::Sum)
            }
            Expr::Product(a, b) => {
                let [a, b] = [a, b].map(|factor| self.inside(factor, Binds::Product));
                (format!("{a} * {b}"), Binds::Product)
            }
            Expr::Complement(x) => {
                let x = self.inside(x, Binds::Product);
                (format!("1 - {x}"), Binds::Sum)
            }
            Expr::Negative(x) => {
                let x = self.inside(x, Binds::Product);
                (format!("-{x}"), Binds::Sum)
            }
            Expr::Apply(function, x) => {
                let text = format!("{}({})", (self.function)(*function), self.text(x));
                (text, Binds::Whole)
            }
            Expr::Norm(x, of) => {
                let [gain, bias] = ["gain", "bias"].map(|a| (self.array)(&format!("{of}.{a}")));
                ((self.norm)(&self.text(x), [&gain, &bias]), Binds::Whole)
            }
        }
    }

    /// All lines, each behind the indent.
    fn lines(&self, graph: &Graph, indent: &str) -> String {
        let line = |line: &crate::graph::Line| {
            format!("{indent}{} = {}\n", line.name, self.text(&line.value))
        };
        graph.lines.iter().map(line).collect()
    }
}

/// What the network reads and gives, in lines.
pub(crate) fn manual(network: &Network) -> String {
    let mut text = String::from(
        "A step of a batch of lanes, each in a trial of its own. Everything is float32, the\n\
         inputs [batch, width] in this order:\n\n",
    );
    let all = network.inputs.iter();
    let name = all.clone().map(|part| part.name.len()).max();
    let name = name.unwrap_or(0).max(STATE.len());
    let mut row = |called: &str, width: usize, meaning: &str| {
        text.push_str(&format!("  {called:<name$}  {width:>4}  {meaning}\n"));
    };
    all.for_each(
        |Part {
             name,
             width,
             meaning,
         }| row(name, *width, meaning),
    );
    let state = network.trunk.state();
    let meaning = format!(
        "of {}: zeros where a trial begins, else as it came out",
        network.trunk.title()
    );
    row(STATE, state, &meaning);
    let outputs = network.actions.outputs();
    text.push_str(&match network.actions {
        Actions::Discrete(_) => format!(
            "\nIt gives `logits` [batch, {outputs}], of which the softmax are the actions'\n\
             probabilities, `{VALUE}` [batch], the return that is expected from here on in the\n\
             units that it was trained with (scaled and discounted), and `{NEXT}`.\n"
        ),
        Actions::Box(_) => format!(
            "\nIt gives `mean` [batch, {outputs}], of a normal distribution whose deviations are the\n\
             array `policy.std` [{outputs}], both in the units of actions, which are then clipped to their\n\
             box; `{VALUE}` [batch], the return that is expected from here on in the units that it was\n\
             trained with (scaled and discounted); and `{NEXT}`.\n"
        ),
    });
    text
}

/// Names of all inputs, the state's last.
fn arguments(network: &Network) -> String {
    let parts = network.inputs.iter().map(|part| part.name);
    parts.chain([STATE]).collect::<Vec<_>>().join(", ")
}

fn documented(network: &Network, about: &str, how: &str) -> String {
    // What people call their runs must not end the text.
    let about = about.replace('\\', "\\\\").replace('"', "'");
    format!("\"\"\"{about}\n\n{}\n{how}\n\"\"\"\n", manual(network))
}

/// What NumPy's file does that is run: it checks itself.
const NUMPY_CHECK: &str = r#"

INPUTS = <inputs>


def check():
    """The largest difference from what metarl gave in check.npz; of values, over 1 + their size."""
    seen, worst = np.load(HERE / "check.npz"), 0.0
    state = initial_state(seen["value"].shape[1])
    for t, begins in enumerate(seen["trial_begins"]):
        state = state * (1 - begins[:, None])
        told = [seen[name][t] for name in INPUTS]
        policy, value, state = step(*told, state)
        policy = <policy>
        worst = max(worst, abs(policy - seen["<given>"][t]).max())
        worst = max(worst, (abs(value - seen["value"][t]) / (1 + abs(seen["value"][t]))).max())
    return float(worst)
"#;

/// The same of PyTorch's.
const TORCH_CHECK: &str = r#"

INPUTS = <inputs>


@torch.no_grad()
def check():
    """The largest difference from what metarl gave in check.npz; of values, over 1 + their size."""
    agent, worst = Agent(), 0.0
    seen = {name: torch.from_numpy(array) for name, array in np.load(HERE / "check.npz").items()}
    state = agent.initial_state(seen["value"].shape[1])
    for t, begins in enumerate(seen["trial_begins"]):
        state = state * (1 - begins[:, None])
        told = [seen[name][t] for name in INPUTS]
        policy, value, state = agent(*told, state)
        policy = <policy>
        worst = max(worst, abs(policy - seen["<given>"][t]).max())
        worst = max(worst, (abs(value - seen["value"][t]) / (1 + abs(seen["value"][t]))).max())
    return float(worst)
"#;

/// What either says of it.
const MAIN: &str = r#"

if __name__ == "__main__":
    worst = check()
    print(f"largest difference from metarl: {worst:.1e}")
    assert worst < 1e-5, "these files do not give what metarl gave"
"#;

/// A check of a network, and what it says; how logits become probabilities, and how means
/// become actions.
fn checked(network: &Network, check: &str, [probabilities, action]: [&str; 2]) -> String {
    let parts = network.inputs.iter();
    let names: Vec<String> = parts.map(|part| format!("\"{}\"", part.name)).collect();
    let (given, policy) = match network.actions {
        Actions::Discrete(_) => ("probabilities", probabilities),
        Actions::Box(_) => ("mean", action),
    };
    let check = check
        .replace("<inputs>", &format!("[{}]", names.join(", ")))
        .replace("<policy>", policy)
        .replace("<given>", given);
    check + MAIN
}

/// A function of NumPy's.
pub(crate) fn numpy(network: &Network, graph: &Graph, about: &str) -> String {
    let how = "    from agent import initial_state, step\n\
               \n\
               The arrays are in agent.npz, called as in metarl's checkpoints. Run as a program, this\n\
               file checks itself by check.npz.";
    let mut text = documented(network, about, how);
    text.push_str(
        "from pathlib import Path\n\nimport numpy as np\n\nHERE = Path(__file__).parent\n\
         w = dict(np.load(HERE / \"agent.npz\"))\n\n\n\
         def sigmoid(x):\n    return 0.5 * (1 + np.tanh(0.5 * x))\n\n\n\
         def softmax(x):\n    x = np.exp(x - x.max(axis=1, keepdims=True))\n    \
         return x / x.sum(axis=1, keepdims=True)\n\n\n",
    );
    if matches!(network.trunk, crate::Trunk::Blocks { .. }) {
        text.push_str(
            "def relu(x):\n    return np.maximum(x, 0)\n\n\n\
             def norm(x, gain, bias):\n    x = x - x.mean(axis=1, keepdims=True)\n    \
             return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5) * gain + bias\n\n\n",
        );
    }
    text.push_str(&format!(
        "def initial_state(batch):\n    return np.zeros((batch, {}), np.float32)\n\n\n\
         def step({}):\n{}    return {}\n",
        network.trunk.state(),
        arguments(network),
        NUMPY.lines(graph, "    "),
        graph.outputs.join(", ")
    ));
    let policies = ["softmax(policy)", "policy"];
    text + &checked(network, NUMPY_CHECK, policies)
}

/// Conditions of names whose arrays are not learned: the units of actions, and what is
/// computed of a linear recurrence's parameters, which would lose what binds them if each
/// moved by itself.
fn held(network: &Network) -> Vec<&'static str> {
    let units = matches!(network.actions, Actions::Box(_));
    let turns = matches!(
        network.trunk,
        Trunk::Blocks {
            scan: Scan::Complex,
            ..
        }
    );
    let conditions = [
        (units, "name.startswith(\"action.\")"),
        (turns, "name.endswith((\".re\", \".im\", \".factor\"))"),
    ];
    let held = conditions.into_iter().filter(|(is, _)| *is);
    held.map(|(_, condition)| condition).collect()
}

/// A module of PyTorch's.
pub(crate) fn torch(network: &Network, graph: &Graph, about: &str) -> String {
    let [policy, value, next] = graph.outputs;
    let parts = network.inputs.iter().map(|part| part.name);
    let how = format!(
        "    from agent import Agent\n    agent = Agent()\n    \
         {policy}, {value}, {next} = agent({}, agent.initial_state(batch))\n\
         \n\
         The arrays are in agent.npz, called as in metarl's checkpoints; those that are learned\n\
         freely are parameters of the module, so that it can be trained on. Run as a program, this file checks itself by\n\
         check.npz.",
        parts.collect::<Vec<_>>().join(", ")
    );
    let mut text = documented(network, about, &how);
    let parameter = "self.register_parameter(called, torch.nn.Parameter(array))";
    let read = match held(network)[..] {
        [] => parameter.to_owned(),
        ref held => format!(
            "if {}:\n                \
             self.register_buffer(called, array)\n            \
             else:\n                {parameter}",
            held.join(" or ")
        ),
    };
    text.push_str(&format!(
        "from pathlib import Path\n\nimport numpy as np\nimport torch\nimport torch.nn.functional as F\n\n\
         HERE = Path(__file__).parent\n\n\n\
         class Agent(torch.nn.Module):\n    \
         def __init__(self, arrays=HERE / \"agent.npz\"):\n        \
         super().__init__()\n        \
         for name, array in np.load(arrays).items():\n            \
         called, array = name.replace(\".\", \"_\"), torch.from_numpy(array)\n            \
         {read}\n\n    \
         def initial_state(self, batch):\n        \
         return next(self.parameters()).new_zeros((batch, {}))\n\n    \
         def forward(self, {}):\n{}        return {}\n",
        network.trunk.state(),
        arguments(network),
        TORCH.lines(graph, "        "),
        graph.outputs.join(", ")
    ));
    let policies = ["torch.softmax(policy, dim=1)", "policy"];
    text + &checked(network, TORCH_CHECK, policies)
}
