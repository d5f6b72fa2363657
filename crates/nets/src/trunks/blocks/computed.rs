//! Stacks of blocks on libtorch tensors.

use super::{Block, Blocks, Feed, Gate, Memories, Positions};
use crate::torch::{Memory, Params, SequenceModel, Starts, check_step, check_unroll};
use crate::trunks::attention::{attend, put, seen, trials};
use tch::{Device, Kind, Tensor};

impl Gate {
    fn forward(&self, params: &Params, x: &Tensor, branch: &Tensor) -> Tensor {
        let y = branch.relu();
        let gates = self.gates.forward(params, &Tensor::cat(&[&y, x], -1));
        let gates = gates.sigmoid().chunk(2, -1);
        let given = Tensor::cat(&[y, &gates[0] * x], -1);
        let candidate = self.candidate.forward(params, &given).tanh();
        x.lerp_tensor(&candidate, &gates[1])
    }
}

/// What a linear recurrence multiplies by: the parts of λ, and the factor of inputs.
struct Turn {
    re: Tensor,
    im: Tensor,
    factor: Tensor,
}

impl Block {
    fn turn(&self, params: &Params) -> Turn {
        let [decay, angle] = self.turn.expect("a linear recurrence turns");
        let rate = params[decay].exp();
        let radius = (-&rate).exp();
        Turn {
            re: &radius * params[angle].cos(),
            im: &radius * params[angle].sin(),
            // √(1 − |λ|²) without cancellation where |λ| is nearly 1.
            factor: (-(rate * -2.0).expm1()).sqrt(),
        }
    }

    fn join(&self, params: &Params, at: usize, (x, branch): (&Tensor, &Tensor)) -> Tensor {
        match &self.joins {
            None => x + branch,
            Some(joins) => joins[at].forward(params, x, branch),
        }
    }

    /// What was read, through the last layer if there is one.
    fn read(&self, params: &Params, x: Tensor) -> Tensor {
        match &self.out {
            None => x,
            Some(out) => out.forward(params, &x),
        }
    }

    /// The rest of a block, once its memory's branch is there.
    fn rest(&self, params: &Params, feed: Feed, (y, mixed): (&Tensor, &Tensor)) -> Tensor {
        let y = self.join(params, 0, (y, mixed));
        let risen = self.second.forward(params, &y);
        let risen = self.up.forward(params, &risen);
        let units = match feed {
            Feed::Plain => risen.relu(),
            Feed::Gated => {
                let halves = risen.chunk(2, -1);
                halves[0].sigmoid() * &halves[1]
            }
        };
        self.join(params, 1, (&y, &self.down.forward(params, &units)))
    }
}

/// `h' = (1 − z) h + z c` of `[z, c]` before the logistic function.
fn average(made: &Tensor, h: &Tensor) -> Tensor {
    let halves = made.chunk(2, -1);
    h.lerp_tensor(&halves[1], &halves[0].sigmoid())
}

/// `s' = λ s + γ x` of `[re, im]`.
fn turned(turn: &Turn, made: &Tensor, s: &Tensor) -> Tensor {
    let (made, s) = (made.chunk(2, -1), s.chunk(2, -1));
    let re = &turn.re * &s[0] - &turn.im * &s[1] + &turn.factor * &made[0];
    let im = &turn.re * &s[1] + &turn.im * &s[0] + &turn.factor * &made[1];
    Tensor::cat(&[re, im], -1)
}

/// `x` over its length.
fn shortened(x: &Tensor) -> Tensor {
    let squares = x.square().sum_dim_intlist(-1, true, None);
    x * (squares + 1e-6).rsqrt()
}

/// The matrices `[lanes, heads, key, value]` corrected by one step's `[b, q, k, v]`, each
/// `[lanes, heads, width]`, and what is read of them.
fn corrected([b, q, k, v]: [&Tensor; 4], matrices: &Tensor) -> (Tensor, Tensor) {
    let (q, k) = (shortened(q).unsqueeze(-2), shortened(k).unsqueeze(-2));
    let known = k.matmul(matrices);
    let u = b.sigmoid().unsqueeze(-2) * (v.unsqueeze(-2) - known);
    let matrices = matrices + k.transpose(-2, -1).matmul(&u);
    let read = q.matmul(&matrices).squeeze_dim(-2);
    (matrices, read)
}

/// `[.., width]` turned by the steps that it is of, `[..]`.
fn turned_by(x: &Tensor, steps: &Tensor) -> Tensor {
    let half = x.size()[x.dim() - 1] / 2;
    let unit = Tensor::arange(half, (Kind::Double, x.device()));
    let rate = (unit * (-(10_000f64.ln()) / half as f64)).exp();
    let angle = steps.unsqueeze(-1) * rate;
    let (cos, sin) = (angle.cos().to_kind(x.kind()), angle.sin().to_kind(x.kind()));
    let halves = x.chunk(2, -1);
    let first = &halves[0] * &cos - &halves[1] * &sin;
    Tensor::cat(&[first, &halves[0] * sin + &halves[1] * cos], -1)
}

impl Blocks {
    /// Queries or keys, `[lanes, heads, places, width]`, of steps `[lanes, places]`.
    fn turn(&self, x: Tensor, steps: &Tensor) -> Tensor {
        match self.memories {
            Memories::Attention(of) if of.positions == Positions::Rotary => {
                turned_by(&x, &steps.unsqueeze(1))
            }
            _ => x,
        }
    }

    fn heads(&self) -> i64 {
        match self.memories {
            Memories::Attention(transformer) => transformer.heads as i64,
            Memories::FastWeight(of) => of.heads as i64,
            Memories::MinGru(_) | Memories::Lru(_) => 1,
        }
    }

    /// `[lanes, places, hidden]` → `[lanes, heads, places, width]`.
    fn split(&self, x: &Tensor) -> Tensor {
        x.unflatten(-1, [self.heads(), -1]).transpose(1, 2)
    }

    fn placed(&self, params: &Params, input: &Tensor, places: &Tensor) -> Tensor {
        let y = self.input.forward(params, input);
        match self.positions {
            None => y,
            Some(positions) => {
                let rows = params[positions].index_select(0, &places.flatten(0, -1));
                &y + rows.view_as(&y)
            }
        }
    }

    /// A block's memory of so many lanes that remember nothing, but for attention's.
    fn beginning(&self, lanes: i64, options: (Kind, Device)) -> Tensor {
        let hidden = self.stack.hidden as i64;
        match self.memories {
            Memories::Lru(_) => Tensor::zeros([lanes, 2 * hidden], options),
            Memories::MinGru(_) | Memories::Attention(_) => Tensor::zeros([lanes, hidden], options),
            Memories::FastWeight(_) => {
                let (heads, width) = (self.heads(), hidden / self.heads());
                Tensor::zeros([lanes, heads, width, width], options)
            }
        }
    }

    /// The memory after a step, and what is read of it.
    fn remember(&self, made: &Tensor, state: &Tensor, turn: Option<&Turn>) -> (Tensor, Tensor) {
        let state = match (&self.memories, turn) {
            (Memories::FastWeight(_), _) => {
                let parts = made.unflatten(-1, [4, self.heads(), -1]);
                let [b, q, k, v] = [0, 1, 2, 3].map(|part| parts.select(1, part));
                let (state, read) = corrected([&b, &q, &k, &v], state);
                return (state, read.flatten(1, 2));
            }
            (_, None) => average(made, state),
            (_, Some(turn)) => turned(turn, made, state),
        };
        let read = state.shallow_clone();
        (state, read)
    }

    /// A block's memory through whole trials, `[steps, lanes, ..]`.
    fn scan(&self, params: &Params, block: &Block, (made, starts): (&Tensor, &Starts)) -> Tensor {
        let options = (made.kind(), made.device());
        let mut state = self.beginning(made.size()[1], options);
        let turn = block.turn.map(|_| block.turn(params));
        let mut states = Vec::new();
        for (t, made) in made.unbind(0).iter().enumerate() {
            if let Some(starts) = starts.at(t) {
                let mut shape = vec![1; state.dim()];
                shape[0] = -1;
                state = state.masked_fill(&starts.view(&shape[..]), 0.0);
            }
            let (after, read) = self.remember(made, &state, turn.as_ref());
            state = after;
            states.push(read);
        }
        Tensor::stack(&states, 0)
    }
}

impl SequenceModel for Blocks {
    fn memory(&self, lanes: usize, at_most: usize, options: (Kind, Device)) -> Memory {
        let [lanes, hidden, layers] =
            [lanes, self.stack.hidden, self.blocks.len()].map(|size| size as i64);
        let zeros = |shape: &[i64]| Tensor::zeros(shape, options);
        match self.memories {
            Memories::MinGru(_) | Memories::Lru(_) | Memories::FastWeight(_) => {
                let one = self.beginning(lanes, options).unsqueeze(1);
                let all: Vec<Tensor> = (0..layers).map(|_| one.shallow_clone()).collect();
                Memory::new(options.1, [("state", Tensor::cat(&all, 1))])
            }
            Memories::Attention(_) => {
                let cache = || zeros(&[lanes, layers, at_most as i64, hidden]);
                let count = Tensor::zeros([lanes], (Kind::Int64, options.1));
                let parts = [("keys", cache()), ("values", cache()), ("count", count)];
                Memory::new(options.1, parts)
            }
        }
    }

    fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
        check_step(self, input);
        let attends = matches!(self.memories, Memories::Attention(_));
        let count = match attends {
            true => memory["count"].shallow_clone(),
            false => Tensor::new(),
        };
        let mut y = self.placed(params, input, &count);
        let mut states = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let made = block.first.forward(params, &y);
            let made = block.mix.forward(params, &made);
            let read = match self.memories {
                Memories::MinGru(_) | Memories::Lru(_) | Memories::FastWeight(_) => {
                    let before = memory["state"].select(1, index as i64);
                    let turn = block.turn.map(|_| block.turn(params));
                    let (after, read) = self.remember(&made, &before, turn.as_ref());
                    states.push(after);
                    read
                }
                Memories::Attention(_) => self.attend_one(index, &made, memory),
            };
            let mixed = block.read(params, read);
            y = block.rest(params, self.stack.feed, (&y, &mixed));
        }
        match attends {
            true => memory["count"] = count + 1,
            false => memory["state"] = Tensor::stack(&states, 1),
        }
        self.last.forward(params, &y)
    }

    fn unroll(&self, params: &Params, inputs: &Tensor, starts: &Tensor) -> Tensor {
        check_unroll(self, inputs, starts);
        let (places, seen) = trials(starts);
        let when = Starts::new(starts);
        let mut y = self.placed(params, inputs, &places);
        for block in &self.blocks {
            let made = block.first.forward(params, &y);
            let made = block.mix.forward(params, &made);
            let read = match self.memories {
                Memories::MinGru(_) | Memories::Lru(_) | Memories::FastWeight(_) => {
                    self.scan(params, block, (&made, &when))
                }
                Memories::Attention(_) => {
                    let parts = made.transpose(0, 1).chunk(3, -1);
                    let [q, k, v] = [0, 1, 2].map(|part| self.split(&parts[part]));
                    let steps = places.transpose(0, 1);
                    let [q, k] = [q, k].map(|x| self.turn(x, &steps));
                    let read = attend(&q, (&k, &v), &seen);
                    read.transpose(1, 2).flatten(2, 3).transpose(0, 1)
                }
            };
            let mixed = block.read(params, read);
            y = block.rest(params, self.stack.feed, (&y, &mixed));
        }
        self.last.forward(params, &y)
    }
}

impl Blocks {
    /// What one step reads, `[lanes, hidden]`, of a block's cache, which it adds its key
    /// and value to.
    fn attend_one(&self, index: usize, made: &Tensor, memory: &mut Memory) -> Tensor {
        let parts = made.chunk(3, -1);
        let count = memory["count"].shallow_clone();
        let own = |cache: &Tensor, row: &Tensor| {
            let own = put(&cache.select(1, index as i64), &count, row);
            let all = cache.slice_scatter(&own.unsqueeze(1), 1, index as i64, index as i64 + 1, 1);
            (own, all)
        };
        let now = count.unsqueeze(-1);
        let [q, key] = [0, 1].map(|part| self.turn(self.split(&parts[part].unsqueeze(1)), &now));
        let (keys, all_keys) = own(&memory["keys"], &key.transpose(1, 2).flatten(1, 3));
        let (values, all_values) = own(&memory["values"], &parts[2]);
        memory["keys"] = all_keys;
        memory["values"] = all_values;
        let seen = seen(&count, keys.size()[1]);
        let read = attend(&q, (&self.split(&keys), &self.split(&values)), &seen);
        read.transpose(1, 2).flatten(1, 3)
    }
}
