//! A block's layers, and what a linear recurrence turns by.

use super::feed::Feed;
use super::join::Gate;
use super::linear::{Linear, Norm};
use super::shape::{BlocksShape, Join, Mixer};
use crate::buffer::Buffer;
use crate::trunk::Entry;

/// A block's layers.
#[derive(Clone)]
pub(super) struct Block {
    pub(super) mix: Linear,
    /// What the memory's reading goes through, but for minGRU.
    pub(super) out: Option<Linear>,
    /// The logarithm of the logarithm of an LRU's decay, and its angle.
    pub(super) turn: Option<[Entry; 2]>,
    /// `[re λ, im λ]`
    pub(super) turns: Buffer,
    /// The same of every unit, as exactly as they are known.
    pub(super) exact: Vec<Turn>,
    pub(super) feed: Feed,
    pub(super) gates: Option<[Gate; 2]>,
}

impl Block {
    /// Declares a block's parameters by `name`, which is told their names and shapes.
    pub(super) fn declare(
        shape: &BlocksShape,
        name: &mut dyn FnMut(&'static str, [usize; 2]) -> Entry,
    ) -> Block {
        let (hidden, units) = (shape.hidden, shape.units);
        let norm = |gain, bias, name: &mut dyn FnMut(&'static str, [usize; 2]) -> Entry| Norm {
            gain: name(gain, [hidden, 1]),
            bias: name(bias, [hidden, 1]),
        };
        let first = norm("norm1.gain", "norm1.bias", name);
        let mix = [
            name("mix.weight", [shape.mixed(), hidden]),
            name("mix.bias", [shape.mixed(), 1]),
        ];
        let turn = match shape.mixer {
            Mixer::Lru => Some([name("decay", [hidden, 1]), name("angle", [hidden, 1])]),
            Mixer::MinGru | Mixer::FastWeight { .. } | Mixer::Attention { .. } => None,
        };
        let mut out = |width| {
            let weight = name("out.weight", [hidden, width]);
            Linear::new(weight, name("out.bias", [hidden, 1]), None)
        };
        let out = match shape.mixer {
            Mixer::MinGru => None,
            Mixer::Lru => Some(out(2 * hidden)),
            Mixer::FastWeight { .. } | Mixer::Attention { .. } => Some(out(hidden)),
        };
        let second = norm("norm2.gain", "norm2.bias", name);
        let up = [
            name("up.weight", [shape.risen(), hidden]),
            name("up.bias", [shape.risen(), 1]),
        ];
        let down = [
            name("down.weight", [hidden, units]),
            name("down.bias", [hidden, 1]),
        ];
        let mut gate = |names: [&'static str; 4]| {
            let [gates, gate_bias, candidate, bias] = names;
            let gates = name(gates, [2 * hidden, 2 * hidden]);
            let gates = Linear::new(gates, name(gate_bias, [2 * hidden, 1]), None);
            let candidate = name(candidate, [hidden, 2 * hidden]);
            Gate {
                gates,
                candidate: Linear::new(candidate, name(bias, [hidden, 1]), None),
            }
        };
        let gates = match shape.join {
            Join::Sum => None,
            Join::Gru => Some([
                gate([
                    "join1.gates.weight",
                    "join1.gates.bias",
                    "join1.candidate.weight",
                    "join1.candidate.bias",
                ]),
                gate([
                    "join2.gates.weight",
                    "join2.gates.bias",
                    "join2.candidate.weight",
                    "join2.candidate.bias",
                ]),
            ]),
        };
        Block {
            mix: Linear::new(mix[0], mix[1], Some(first)),
            out,
            turn,
            turns: Buffer::default(),
            exact: Vec::new(),
            feed: Feed {
                up: Linear::new(up[0], up[1], Some(second)),
                down: Linear::new(down[0], down[1], None),
                gated: shape.gated,
            },
            gates,
        }
    }

    /// All layers.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Linear> {
        let gates = self.gates.iter().flatten();
        let gates = gates.flat_map(|gate| [&gate.gates, &gate.candidate]);
        let own = [&self.mix, &self.feed.up, &self.feed.down];
        own.into_iter().chain(&self.out).chain(gates)
    }

    pub(super) fn packed(&self) -> usize {
        let layers = self.layers().map(Linear::packed).sum::<usize>();
        let turned = match self.turn {
            // The numbers of a turn are four of twice the size.
            Some([decay, _]) => (2 + 2 + 8) * decay.count(),
            None => 0,
        };
        layers + turned
    }

    pub(super) fn pack(&mut self, params: &[f32]) {
        let mut factors = Vec::new();
        if let Some([decay, angle]) = self.turn {
            let units = decay.count();
            self.turns.grow(2 * units);
            self.exact.clear();
            factors.resize(2 * units, 0.0);
            let both = params[decay.range()].iter().zip(&params[angle.range()]);
            for (unit, (decay, angle)) in both.enumerate() {
                let turn = Turn::new(*decay, *angle);
                self.turns[unit] = (turn.radius * turn.cos) as f32;
                self.turns[units + unit] = (turn.radius * turn.sin) as f32;
                factors[unit] = turn.factor() as f32;
                factors[units + unit] = factors[unit];
                self.exact.push(turn);
            }
        }
        self.mix.pack(params, &factors);
        self.feed.up.pack(params, &[]);
        self.feed.down.pack(params, &[]);
        self.out.iter_mut().for_each(|out| out.pack(params, &[]));
        for gate in self.gates.iter_mut().flatten() {
            gate.gates.pack(params, &[]);
            gate.candidate.pack(params, &[]);
        }
    }
}

/// What a unit of a linear recurrence is multiplied by at every step.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// exp(decay), the rate at which it forgets.
    rate: f64,
    radius: f64,
    cos: f64,
    sin: f64,
}

impl Turn {
    fn new(decay: f32, angle: f32) -> Turn {
        let rate = f64::from(decay).exp();
        let (sin, cos) = f64::from(angle).sin_cos();
        Turn {
            rate,
            radius: (-rate).exp(),
            cos,
            sin,
        }
    }

    /// `√(1 - |λ|²)`, by which inputs are scaled so that what is remembered has the
    /// variance of the inputs.
    fn factor(&self) -> f64 {
        (-(-2.0 * self.rate).exp_m1()).sqrt()
    }

    /// Gradients of the decay and the angle, given those of λ and of the factor.
    pub(super) fn back(&self, [d_re, d_im]: [f64; 2], d_factor: f64) -> [f64; 2] {
        let d_radius = d_re * self.cos + d_im * self.sin - d_factor * self.radius / self.factor();
        let d_angle = self.radius * (d_im * self.cos - d_re * self.sin);
        [-d_radius * self.rate * self.radius, d_angle]
    }
}
