//! Gated steps, and the way of gradients and directions through them.

use super::{GatedSteps, Level, Rule, Way, Work};
use crate::config::Order;
use crate::meta::Meta;
use kernels::gates::{Direction, Seen, Sums};
use kernels::mlp::Real;

/// What the LSTM is told of a step, and derivatives of it. `[coordinates]` each.
#[derive(Debug, Default)]
pub(super) struct Told<R> {
    params: Vec<R>,
    gradient: Vec<R>,
    moved_params: Vec<R>,
    moved_gradient: Vec<R>,
}

impl<R: Real> Told<R> {
    fn gather(&mut self, gated: &GatedSteps, level: &Level<R>) {
        let pairs = [
            (&mut self.params, &level.params),
            (&mut self.gradient, &level.gradient),
        ];
        for (to, from) in pairs {
            gather(gated, from, to);
        }
    }

    fn seen<'a>(&'a self, own: &'a [R], loss: R) -> Seen<'a, R> {
        Seen {
            own,
            gradient: &self.gradient,
            params: &self.params,
            loss,
        }
    }
}

fn gather<R: Real>(gated: &GatedSteps, from: &[R], to: &mut Vec<R>) {
    to.clear();
    to.extend(gated.coordinates.iter().map(|index| from[*index]));
}

/// A step that was taken, on the way through an adaptation.
pub(super) struct Step<'a, R> {
    pub(super) way: &'a Way<'a, R>,
    pub(super) index: usize,
    /// Before and after.
    pub(super) levels: (&'a Level<R>, &'a Level<R>),
}

impl<R: Real> Step<'_, R> {
    /// Whether derivatives flow through what the LSTM is told of the gradient.
    fn through_inputs(&self, gated: &GatedSteps) -> bool {
        gated.differentiated && self.way.rule.order == Order::Second
    }
}

impl<R: Real> Work<R> {
    /// Makes derivatives of the LSTM's memory 0.
    pub(super) fn begin_moved(&mut self, rule: &Rule) {
        if let Some(gated) = &rule.gated {
            let count = gated.coordinates.len();
            gated.gates.begin_moved(count, &mut self.moved);
        }
    }

    /// Writes the parameters that a gated step of these rates leads to.
    pub(super) fn gate(
        &mut self,
        gated: &GatedSteps,
        (meta, rates): (&Meta<R>, &[R]),
        loss: R,
        (level, next): (&Level<R>, &mut Level<R>),
    ) {
        self.told.gather(gated, level);
        let memories = (&level.memory, &mut next.memory);
        let seen = self.told.seen(&meta.gates, loss);
        gated.gates.step(&mut self.gates, seen, memories);
        let gates = next.memory.gates();
        for (&index, [forget, input]) in gated.coordinates.iter().zip(gates) {
            let taken = rates[index] * input;
            next.params[index] = forget * level.params[index] - taken * level.gradient[index];
        }
    }

    /// Takes the gradient of θₖ₊₁, and of the memory after the step, to that of θₖ
    /// at a fixed inner gradient, of the memory before, the rates and the LSTM.
    /// `scaled`, αₖ ∘ g before, is afterwards minus the gradient of the inner
    /// gradient.
    pub(super) fn pull_gates(&mut self, at: Step<'_, R>, gradient: &mut Meta<R>) {
        let Way {
            rule,
            meta,
            samples,
        } = at.way;
        let Some(gated) = &rule.gated else {
            return;
        };
        let (level, next) = at.levels;
        self.told.gather(gated, level);
        let (theta, rates) = (&mut gradient.theta, &mut gradient.rates[at.index]);
        let logits = self.moved.logits.chunks_exact_mut(2);
        let parts = gated.coordinates.iter().zip(next.memory.gates());
        for (logits, (&index, [forget, input])) in logits.zip(parts) {
            let (g, slope) = (theta[index], input * (R::ONE - input));
            logits[0] += g * level.params[index] * (forget * (R::ONE - forget));
            logits[1] -= self.scaled[index] * level.gradient[index] * slope;
            rates[index] *= input;
            self.scaled[index] *= input;
            theta[index] = forget * g;
        }
        let count = gated.coordinates.len();
        for derivatives in [&mut self.told.moved_params, &mut self.told.moved_gradient] {
            derivatives.clear();
            derivatives.resize(count, R::ZERO);
        }
        let seen = Seen {
            own: &meta.gates,
            gradient: &self.told.gradient,
            params: &self.told.params,
            loss: samples[at.index].loss,
        };
        let through = at.through_inputs(gated);
        let sums = Sums {
            own: &mut gradient.gates,
            params: &mut self.told.moved_params,
            gradient: through.then_some(&mut self.told.moved_gradient[..]),
        };
        let (memories, moved) = ((&level.memory, &next.memory), &mut self.moved);
        let work = &mut self.gates;
        gated.gates.backward(work, seen, memories, moved, sums);
        for (row, &index) in gated.coordinates.iter().enumerate() {
            theta[index] += self.told.moved_params[row];
            self.scaled[index] -= self.told.moved_gradient[row];
        }
    }

    /// Turns a direction of θₖ, of the memory before, the rates and the LSTM into the
    /// one in which θₖ₊₁ and the memory after move, `product` being how the inner
    /// gradient does.
    pub(super) fn push_gates(&mut self, at: Step<'_, R>, direction: &mut Meta<R>) {
        let Way {
            rule,
            meta,
            samples,
        } = at.way;
        let Some(gated) = &rule.gated else {
            return;
        };
        let (level, next) = at.levels;
        self.told.gather(gated, level);
        gather(gated, &direction.theta, &mut self.told.moved_params);
        gather(gated, &self.product, &mut self.told.moved_gradient);
        let told = &self.told;
        let through = at.through_inputs(gated);
        let moves = Direction {
            own: &direction.gates,
            params: &told.moved_params,
            gradient: through.then_some(&told.moved_gradient[..]),
        };
        let seen = told.seen(&meta.gates, samples[at.index].loss);
        let (memories, moved) = ((&level.memory, &next.memory), &mut self.moved);
        let work = &mut self.gates;
        gated.gates.tangent(work, seen, memories, moved, moves);
        let (rates, turned) = (&meta.rates[at.index], &direction.rates[at.index]);
        let logits = self.moved.logits.chunks_exact(2);
        let parts = gated.coordinates.iter().zip(next.memory.gates());
        for (logits, (&index, [forget, input])) in logits.zip(parts) {
            let (kept, taken) = (
                forget * (R::ONE - forget) * logits[0],
                input * (R::ONE - input) * logits[1],
            );
            let (rate, g) = (rates[index], level.gradient[index]);
            let steps = rate * input * self.product[index] + turned[index] * input * g;
            let v = forget * direction.theta[index] + kept * level.params[index];
            direction.theta[index] = v - (steps + rate * taken * g);
        }
    }
}
