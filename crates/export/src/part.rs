//! What a network is.

/// A recurrent actor-critic with its arrays.
///
/// Arrays are called as in checkpoints and row-major, gates in PyTorch's order; columns of
/// what the agent is not told are left out of the first layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// What it is told at a step, in the order of the first layer's columns.
    pub inputs: Vec<Part>,
    /// What remembers.
    pub trunk: Trunk,
    /// What is chosen.
    pub actions: Actions,
    /// All arrays by name.
    pub arrays: Vec<Array>,
}

/// Numbers that are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What they are called, a word of Python's.
    pub name: &'static str,
    /// How many.
    pub width: usize,
    /// What they are, in a line.
    pub meaning: String,
}

/// What remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trunk {
    /// A gated recurrent unit: `trunk.weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`.
    Gru {
        /// Units.
        hidden: usize,
    },
    /// A long short-term memory, of the same arrays. The state is h, then c.
    Lstm {
        /// Units.
        hidden: usize,
    },
    /// Pre-norm residual blocks around a memory that is a sum along the trial. The state
    /// is that of one block after the other.
    Blocks {
        /// Units.
        hidden: usize,
        /// Blocks.
        layers: usize,
        /// What each remembers with.
        scan: Scan,
        /// Whether the feed-forward layers are gated, and of how many units they are.
        gated: Option<usize>,
        /// How branches join.
        join: Join,
    },
}

/// A memory that is a sum along the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// A gated average, minGRU.
    Average,
    /// A complex linear recurrence, of the arrays `trunk.N.re`, `im` and `factor`.
    Complex,
}

/// How a branch joins what passes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Their sum.
    Sum,
    /// Gated as in a GRU.
    Gated,
}

/// What is chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Actions {
    /// One of so many.
    Discrete(usize),
    /// Numbers of a box, by a mean and a standard deviation (`policy.std`), both in the
    /// box's units, which are `action.middle` and `action.half_width` of the network's.
    Box(usize),
}

/// Numbers with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The name.
    pub name: String,
    /// Its sides.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

impl Array {
    /// An array.
    pub fn new(name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Self {
        let (name, shape) = (name.into(), shape.to_vec());
        Self {
            name,
            shape,
            values,
        }
    }
}

impl Trunk {
    /// Numbers of the state of a lane.
    pub fn state(&self) -> usize {
        match *self {
            Self::Gru { hidden } => hidden,
            Self::Lstm { hidden } => 2 * hidden,
            Self::Blocks {
                hidden,
                layers,
                scan: Scan::Average,
                ..
            } => layers * hidden,
            Self::Blocks { hidden, layers, .. } => 2 * layers * hidden,
        }
    }

    /// What it is, in words.
    pub(crate) fn title(&self) -> String {
        match *self {
            Self::Gru { hidden } => format!("a GRU of {hidden} units"),
            Self::Lstm { hidden } => format!("an LSTM of {hidden} units"),
            Self::Blocks {
                hidden,
                layers,
                scan,
                ..
            } => {
                let memory = match scan {
                    Scan::Average => "minGRU",
                    Scan::Complex => "LRU",
                };
                format!("{layers} blocks of {memory}, {hidden} units wide")
            }
        }
    }
}

impl Actions {
    /// Numbers that the policy gives.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Discrete(outputs) | Self::Box(outputs) => *outputs,
        }
    }

    /// What those are called.
    pub(crate) fn output(&self) -> &'static str {
        match self {
            Self::Discrete(_) => "logits",
            Self::Box(_) => "mean",
        }
    }
}

/// Some steps of some lanes, and what the network gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// How many steps.
    pub steps: usize,
    /// How many lanes.
    pub lanes: usize,
    /// What was told, one of each of [`Network::inputs`]. `[steps][lanes][width]`
    pub inputs: Vec<Vec<f32>>,
    /// 1 where a trial begins, of which the state before is zeros. `[steps][lanes]`
    pub starts: Vec<f32>,
    /// Probabilities of actions, or means. `[steps][lanes][outputs]`
    pub policy: Vec<f32>,
    /// Expected returns. `[steps][lanes]`
    pub values: Vec<f32>,
}

impl Trace {
    /// As arrays: the inputs by their names, `trial_begins`, `probabilities` or `mean`, and
    /// `value`.
    pub(crate) fn arrays(&self, network: &Network) -> Vec<Array> {
        let shape = |width| [self.steps, self.lanes, width];
        let mut arrays: Vec<Array> = network
            .inputs
            .iter()
            .zip(&self.inputs)
            .map(|(part, told)| Array::new(part.name, &shape(part.width), told.clone()))
            .collect();
        let (name, outputs) = match network.actions {
            Actions::Discrete(actions) => ("probabilities", actions),
            Actions::Box(width) => ("mean", width),
        };
        let rows = &shape(1)[..2];
        arrays.extend([
            Array::new("trial_begins", rows, self.starts.clone()),
            Array::new(name, &shape(outputs), self.policy.clone()),
            Array::new("value", rows, self.values.clone()),
        ]);
        arrays
    }
}
