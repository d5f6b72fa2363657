//! The step of a network, written down once.

use crate::part::{Actions, Join, Network, Scan, Trunk};
use std::ops::{Add, Mul, Range};

/// What a value is made of. Values are `[batch, width]`.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    /// An input, or a line before.
    Name(String),
    /// An array of the network's, of one row that all lanes have.
    Array(String),
    /// One beside the other.
    Concat(Vec<Expr>),
    /// x Wᵀ + b, of the arrays `NAME.weight` and `NAME.bias`, or as they are called.
    Linear(Box<Expr>, [String; 2]),
    /// Some columns.
    Columns(Box<Expr>, Range<usize>),
    /// The only column, without its axis.
    Squeezed(Box<Expr>),
    /// Number by number.
    Sum(Box<Expr>, Box<Expr>),
    /// Number by number.
    Product(Box<Expr>, Box<Expr>),
    /// 1 − x.
    Complement(Box<Expr>),
    /// −x.
    Negative(Box<Expr>),
    /// A function of every number.
    Apply(Function, Box<Expr>),
    /// Layer normalization, ε = 1e-5, of the arrays `NAME.gain` and `NAME.bias`.
    Norm(Box<Expr>, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Sigmoid,
    Tanh,
    Relu,
}

/// A value that has a name.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) value: Expr,
}

/// The lines of a step, one after the other. The last are its outputs.
pub(crate) struct Graph {
    pub(crate) lines: Vec<Line>,
    /// `logits` or `mean`, `value` and `next_state`.
    pub(crate) outputs: [&'static str; 3],
}

/// The state that goes in, and the one that comes out.
pub(crate) const STATE: &str = "state";
pub(crate) const NEXT: &str = "next_state";
pub(crate) const VALUE: &str = "value";

impl Add for Expr {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::Sum(Box::new(self), Box::new(other))
    }
}

impl Mul for Expr {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::Product(Box::new(self), Box::new(other))
    }
}

impl Expr {
    fn columns(&self, range: Range<usize>) -> Self {
        Self::Columns(Box::new(self.clone()), range)
    }

    fn part(&self, index: usize, width: usize) -> Self {
        self.columns(index * width..(index + 1) * width)
    }

    fn complement(&self) -> Self {
        Self::Complement(Box::new(self.clone()))
    }

    fn negative(self) -> Self {
        Self::Negative(Box::new(self))
    }

    fn linear(&self, layer: &str) -> Self {
        let arrays = ["weight", "bias"].map(|array| format!("{layer}.{array}"));
        Self::Linear(Box::new(self.clone()), arrays)
    }

    /// A recurrent layer's part, of `trunk.weight_ih` and `trunk.bias_ih` say.
    fn gates(&self, suffix: &str) -> Self {
        let arrays = ["weight", "bias"].map(|array| format!("trunk.{array}_{suffix}"));
        Self::Linear(Box::new(self.clone()), arrays)
    }

    fn norm(&self, name: &str) -> Self {
        Self::Norm(Box::new(self.clone()), name.to_owned())
    }

    fn apply(self, function: Function) -> Self {
        Self::Apply(function, Box::new(self))
    }

    fn sigmoid(self) -> Self {
        self.apply(Function::Sigmoid)
    }

    fn tanh(self) -> Self {
        self.apply(Function::Tanh)
    }

    fn relu(self) -> Self {
        self.apply(Function::Relu)
    }
}

fn name(name: &str) -> Expr {
    Expr::Name(name.to_owned())
}

fn array(name: &str) -> Expr {
    Expr::Array(name.to_owned())
}

/// Lines that are under way.
#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    fn line(&mut self, called: &str, value: Expr) -> Expr {
        self.0.push(Line {
            name: called.to_owned(),
            value,
        });
        name(called)
    }
}

impl Graph {
    /// The step of a network.
    pub(crate) fn of(network: &Network) -> Self {
        let mut lines = Lines::default();
        let parts = network.inputs.iter().map(|part| name(part.name)).collect();
        let x = lines.line("x", Expr::Concat(parts));
        let features = match network.trunk {
            Trunk::Gru { hidden } => gru(&mut lines, &x, hidden),
            Trunk::Lstm { hidden } => lstm(&mut lines, &x, hidden),
            Trunk::Blocks { .. } => blocks(&mut lines, &x, network.trunk),
        };
        let policy = features.linear("policy");
        let output = network.actions.output();
        match network.actions {
            Actions::Discrete(_) => lines.line(output, policy),
            Actions::Box(_) => lines.line(
                output,
                policy * array("action.half_width") + array("action.middle"),
            ),
        };
        let value = Expr::Squeezed(Box::new(features.linear("value")));
        lines.line(VALUE, value);
        Self {
            lines: lines.0,
            outputs: [output, VALUE, NEXT],
        }
    }
}

/// r = σ(·), z = σ(·), n = tanh(W x + b + r ∘ (U h + d)), h' = (1 − z) ∘ n + z ∘ h.
fn gru(lines: &mut Lines, x: &Expr, hidden: usize) -> Expr {
    let h = name(STATE);
    let told = lines.line("told", x.gates("ih"));
    let kept = lines.line("kept", h.gates("hh"));
    let both = |gate| told.part(gate, hidden) + kept.part(gate, hidden);
    let r = lines.line("r", both(0).sigmoid());
    let z = lines.line("z", both(1).sigmoid());
    let n = told.part(2, hidden) + r * kept.part(2, hidden);
    let n = lines.line("n", n.tanh());
    lines.line(NEXT, z.complement() * n + z * h)
}

/// i, f, g, o of W x + b + U h + d; c' = σ(f) ∘ c + σ(i) ∘ tanh(g), h' = σ(o) ∘ tanh(c').
fn lstm(lines: &mut Lines, x: &Expr, hidden: usize) -> Expr {
    let h = lines.line("h", name(STATE).part(0, hidden));
    let c = lines.line("c", name(STATE).part(1, hidden));
    let gates = lines.line("gates", x.gates("ih") + h.gates("hh"));
    let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates.part(gate, hidden));
    let c = lines.line("c_next", f.sigmoid() * c + i.sigmoid() * g.tanh());
    let h = lines.line("h_next", o.sigmoid() * c.clone().tanh());
    lines.line(NEXT, Expr::Concat(vec![h.clone(), c]));
    h
}

/// y = W x + b; in every block y += memory(norm(y)), y += feed(norm(y)); norm(y).
fn blocks(lines: &mut Lines, x: &Expr, trunk: Trunk) -> Expr {
    let Trunk::Blocks {
        hidden,
        layers,
        scan,
        gated,
        join,
    } = trunk
    else {
        unreachable!("the caller matched it");
    };
    let mut y = lines.line("y", x.linear("trunk.input"));
    let mut states = Vec::new();
    for block in 0..layers {
        let of = |part: &str| format!("trunk.{block}.{part}");
        let called = |what: &str| format!("{what}{block}");
        let made = y.norm(&of("norm1")).linear(&of("mix"));
        let made = lines.line(&called("made"), made);
        let (state, branch) = match scan {
            Scan::Average => {
                let h = name(STATE).part(block, hidden);
                let z = lines.line(&called("z"), made.part(0, hidden).sigmoid());
                let state = z.complement() * h + z * made.part(1, hidden);
                let state = lines.line(&called("h"), state);
                (state.clone(), state)
            }
            Scan::Complex => {
                let [re, im] = [0, 1].map(|part| name(STATE).part(2 * block + part, hidden));
                let [turn_re, turn_im, factor] = ["re", "im", "factor"].map(|a| array(&of(a)));
                let new_re = turn_re.clone() * re.clone()
                    + (turn_im.clone() * im.clone()).negative()
                    + factor.clone() * made.part(0, hidden);
                let new_im = turn_re * im + turn_im * re + factor * made.part(1, hidden);
                let state = Expr::Concat(vec![new_re, new_im]);
                let state = lines.line(&called("s"), state);
                let branch = state.linear(&of("out"));
                (state, branch)
            }
        };
        states.push(state);
        y = joined(
            lines,
            (&called("a"), &of("join1")),
            (&y, branch, hidden),
            join,
        );
        let risen = y.norm(&of("norm2")).linear(&of("up"));
        let units = match gated {
            None => risen.relu(),
            Some(units) => {
                let risen = lines.line(&called("up"), risen);
                risen.part(0, units).sigmoid() * risen.part(1, units)
            }
        };
        let branch = units.linear(&of("down"));
        y = joined(
            lines,
            (&called("y"), &of("join2")),
            (&y, branch, hidden),
            join,
        );
    }
    lines.line(NEXT, Expr::Concat(states));
    lines.line("features", y.norm("trunk.norm"))
}

/// The sum, or with y' = relu(branch), [r, z] = σ(W [y', y] + b) and
/// c = tanh(V [y', r ∘ y] + d): (1 − z) ∘ y + z ∘ c.
fn joined(
    lines: &mut Lines,
    (called, of): (&str, &str),
    (y, branch, hidden): (&Expr, Expr, usize),
    join: Join,
) -> Expr {
    if join == Join::Sum {
        return lines.line(called, y.clone() + branch);
    }
    let part = |what: &str| format!("{called}_{what}");
    let branch = lines.line(&part("branch"), branch.relu());
    let gates = Expr::Concat(vec![branch.clone(), y.clone()]).linear(&format!("{of}.gates"));
    let gates = lines.line(&part("gates"), gates.sigmoid());
    let given = Expr::Concat(vec![branch, gates.part(0, hidden) * y.clone()]);
    let candidate = given.linear(&format!("{of}.candidate"));
    let candidate = lines.line(&part("candidate"), candidate.tanh());
    let z = gates.part(1, hidden);
    lines.line(called, z.complement() * y.clone() + z * candidate)
}
