//! Small fully connected networks, differentiated twice.

use crate::float::Float;
use std::ops::Range;

/// Activation of the hidden layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// max(0, z); its derivative at 0 is 0, its second derivative 0.
    #[default]
    Relu,
    /// Hyperbolic tangent.
    Tanh,
}

/// What a network is fitted by; a mean over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// Σ (output − target)².
    #[default]
    Square,
    /// −ln of the target's probability, of logits and one-hot targets.
    CrossEntropy,
}

/// A network's sizes. Parameters are, layer by layer, a weight `[inputs][outputs]` and a
/// bias `[outputs]`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Inputs, units of each hidden layer, outputs.
    pub sizes: Vec<usize>,
    /// Of the hidden layers.
    pub activation: Activation,
    /// What it is fitted by.
    pub loss: Loss,
}

impl Clone for Network {
    fn clone(&self) -> Self {
        Self {
            sizes: self.sizes.clone(),
            ..*self
        }
    }

    /// Into the room that there is: a task that is drawn anew allocates nothing.
    fn clone_from(&mut self, other: &Self) {
        self.sizes.clone_from(&other.sizes);
        (self.activation, self.loss) = (other.activation, other.loss);
    }
}

/// Rows that a network is fitted to.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, F> {
    /// `[rows][inputs]`
    pub inputs: &'a [F],
    /// `[rows][outputs]`
    pub targets: &'a [F],
}

/// What a pass leaves: activations, and their derivatives along a direction.
#[derive(Clone, Debug, Default)]
pub struct Scratch<F> {
    layers: Vec<Vec<F>>,   // [layers + 1][rows][units]
    tangents: Vec<Vec<F>>, // likewise
    delta: Vec<F>,         // [rows][units]
    delta_tangent: Vec<F>,
    below: Vec<F>,
}

/// `out[r][j] += Σₖ a[r][k] w[k][j]`
fn multiply<F: Float>(a: &[F], w: &[F], (inputs, outputs): (usize, usize), out: &mut [F]) {
    for (a, out) in a.chunks_exact(inputs).zip(out.chunks_exact_mut(outputs)) {
        for (a, w) in a.iter().zip(w.chunks_exact(outputs)) {
            if *a == F::ZERO {
                continue; // Half of what rectifiers give.
            }
            for (out, w) in out.iter_mut().zip(w) {
                *out += *a * *w;
            }
        }
    }
}

/// `dw[k][j] += Σᵣ a[r][k] d[r][j]`
fn outer<F: Float>(a: &[F], d: &[F], (inputs, outputs): (usize, usize), dw: &mut [F]) {
    for (a, d) in a.chunks_exact(inputs).zip(d.chunks_exact(outputs)) {
        for (a, dw) in a.iter().zip(dw.chunks_exact_mut(outputs)) {
            if *a == F::ZERO {
                continue;
            }
            for (dw, d) in dw.iter_mut().zip(d) {
                *dw += *a * *d;
            }
        }
    }
}

/// `below[r][k] += Σⱼ d[r][j] w[k][j]`
fn back<F: Float>(d: &[F], w: &[F], (inputs, outputs): (usize, usize), below: &mut [F]) {
    for (d, below) in d.chunks_exact(outputs).zip(below.chunks_exact_mut(inputs)) {
        for (below, w) in below.iter_mut().zip(w.chunks_exact(outputs)) {
            // Eight sums side by side, so that additions do not wait for each other.
            let mut sums = [F::ZERO; 8];
            let (ds, ws) = (d.chunks_exact(8), w.chunks_exact(8));
            let rest = ds.remainder().iter().zip(ws.remainder());
            let rest: F = rest.map(|(d, w)| *d * *w).sum();
            for (d, w) in ds.zip(ws) {
                for (sum, (d, w)) in sums.iter_mut().zip(d.iter().zip(w)) {
                    *sum += *d * *w;
                }
            }
            *below += rest + sums.into_iter().sum();
        }
    }
}

/// Adds the columns' sums.
fn columns<F: Float>(d: &[F], sums: &mut [F]) {
    for row in d.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, d)| *sum += *d);
    }
}

fn fill<F: Float>(vector: &mut Vec<F>, length: usize) {
    vector.clear();
    vector.resize(length, F::ZERO);
}

impl Network {
    /// Length of the parameters.
    pub fn parameters(&self) -> usize {
        self.places().last().map_or(0, |(_, bias)| bias.end)
    }

    fn layers(&self) -> usize {
        self.sizes.len() - 1
    }

    /// Weight and bias of each layer.
    fn places(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let mut at = 0;
        self.sizes.windows(2).map(move |size| {
            let weight = at..at + size[0] * size[1];
            let bias = weight.end..weight.end + size[1];
            at = bias.end;
            (weight, bias)
        })
    }

    fn place(&self, layer: usize) -> (Range<usize>, Range<usize>) {
        let mut places = self.places();
        places.nth(layer).expect("a layer of the network")
    }

    fn size(&self, layer: usize) -> (usize, usize) {
        (self.sizes[layer], self.sizes[layer + 1])
    }

    /// Draws parameters: weights N(0, 2 / inputs) (He et al. 2015), biases 0, from numbers
    /// that are N(0, 1).
    pub fn init<F: Float>(&self, mut normal: impl FnMut() -> f64, parameters: &mut Vec<F>) {
        parameters.clear();
        for size in self.sizes.windows(2) {
            let deviation = (2.0 / size[0] as f64).sqrt();
            parameters.extend((0..size[0] * size[1]).map(|_| F::of(deviation * normal())));
            parameters.resize(parameters.len() + size[1], F::ZERO);
        }
    }

    /// The outputs. `[rows][outputs]`
    pub fn outputs<'a, F: Float>(
        &self,
        parameters: &[F],
        inputs: &[F],
        room: &'a mut Scratch<F>,
    ) -> &'a [F] {
        let rows = inputs.len() / self.sizes[0];
        room.layers.resize(self.layers() + 1, Vec::new());
        room.layers[0].clear();
        room.layers[0].extend_from_slice(inputs);
        for layer in 0..self.layers() {
            let (weight, bias) = self.place(layer);
            let size = self.size(layer);
            let (before, after) = room.layers.split_at_mut(layer + 1);
            let out = &mut after[0];
            fill(out, rows * size.1);
            for row in out.chunks_exact_mut(size.1) {
                row.copy_from_slice(&parameters[bias.clone()]);
            }
            multiply(&before[layer], &parameters[weight], size, out);
            if layer + 1 < self.layers() {
                for z in out {
                    *z = match self.activation {
                        Activation::Relu if *z > F::ZERO => *z,
                        Activation::Relu => F::ZERO,
                        Activation::Tanh => z.tanh(),
                    };
                }
            }
        }
        &room.layers[self.layers()]
    }

    /// The loss; the outputs' gradient is left in the room.
    fn loss_of<F: Float>(&self, targets: &[F], room: &mut Scratch<F>) -> F {
        let outputs = &room.layers[self.layers()];
        let width = self.sizes[self.layers()];
        let share = F::of(width as f64 / outputs.len() as f64);
        fill(&mut room.delta, outputs.len());
        let rows = outputs.chunks_exact(width).zip(targets.chunks_exact(width));
        let mut loss = F::ZERO;
        for ((outputs, targets), delta) in rows.zip(room.delta.chunks_exact_mut(width)) {
            match self.loss {
                Loss::Square => {
                    for ((y, t), d) in outputs.iter().zip(targets).zip(delta) {
                        loss += share * (*y - *t) * (*y - *t);
                        *d = share * F::of(2.0) * (*y - *t);
                    }
                }
                Loss::CrossEntropy => {
                    let most = outputs.iter().copied();
                    let most = most.fold(outputs[0], |a, b| if b > a { b } else { a });
                    let sum: F = outputs.iter().map(|y| (*y - most).exp()).sum();
                    for ((y, t), d) in outputs.iter().zip(targets).zip(delta) {
                        let log = *y - most - sum.ln();
                        loss += -(share * *t * log);
                        *d = share * (log.exp() - *t);
                    }
                }
            }
        }
        loss
    }

    /// Adds the gradient of the loss, if it is asked for, and returns the loss.
    pub fn loss<F: Float>(
        &self,
        parameters: &[F],
        rows: Rows<'_, F>,
        room: &mut Scratch<F>,
        gradient: Option<&mut [F]>,
    ) -> F {
        self.outputs(parameters, rows.inputs, room);
        let loss = self.loss_of(rows.targets, room);
        let Some(gradient) = gradient else {
            return loss;
        };
        for layer in (0..self.layers()).rev() {
            let ((weight, bias), size) = (self.place(layer), self.size(layer));
            let below = &room.layers[layer];
            outer(below, &room.delta, size, &mut gradient[weight.clone()]);
            columns(&room.delta, &mut gradient[bias]);
            if layer > 0 {
                fill(&mut room.below, below.len());
                back(&room.delta, &parameters[weight], size, &mut room.below);
                for (d, a) in room.below.iter_mut().zip(below) {
                    *d = *d * self.slope(*a);
                }
                std::mem::swap(&mut room.delta, &mut room.below);
            }
        }
        loss
    }

    /// The activation's derivative where it has this value.
    fn slope<F: Float>(&self, a: F) -> F {
        match self.activation {
            Activation::Relu if a > F::ZERO => F::ONE,
            Activation::Relu => F::ZERO,
            Activation::Tanh => F::ONE - a * a,
        }
    }

    /// Adds the Hessian of the loss times a direction (Pearlmutter 1994).
    pub fn curvature<F: Float>(
        &self,
        parameters: &[F],
        rows: Rows<'_, F>,
        room: &mut Scratch<F>,
        (along, product): (&[F], &mut [F]),
    ) {
        self.outputs(parameters, rows.inputs, room);
        self.loss_of(rows.targets, room);
        self.tangents(parameters, along, room);
        let mut below_tangent = Vec::new();
        for layer in (0..self.layers()).rev() {
            let ((weight, bias), size) = (self.place(layer), self.size(layer));
            let (below, tangent) = (&room.layers[layer], &room.tangents[layer]);
            outer(
                below,
                &room.delta_tangent,
                size,
                &mut product[weight.clone()],
            );
            outer(tangent, &room.delta, size, &mut product[weight.clone()]);
            columns(&room.delta_tangent, &mut product[bias]);
            if layer == 0 {
                continue;
            }
            fill(&mut room.below, below.len());
            fill(&mut below_tangent, below.len());
            let (w, v) = (&parameters[weight.clone()], &along[weight]);
            back(&room.delta, w, size, &mut room.below);
            back(&room.delta_tangent, w, size, &mut below_tangent);
            back(&room.delta, v, size, &mut below_tangent);
            let both = room.below.iter_mut().zip(&mut below_tangent);
            for ((d, dt), (a, at)) in both.zip(below.iter().zip(tangent)) {
                let slope = self.slope(*a);
                let bend = match self.activation {
                    Activation::Relu => F::ZERO,
                    Activation::Tanh => F::of(-2.0) * *a * *at,
                };
                *dt = *dt * slope + *d * bend;
                *d = *d * slope;
            }
            std::mem::swap(&mut room.delta, &mut room.below);
            std::mem::swap(&mut room.delta_tangent, &mut below_tangent);
        }
    }

    /// The derivatives of all activations, and of the outputs' gradient, along a direction.
    fn tangents<F: Float>(&self, parameters: &[F], along: &[F], room: &mut Scratch<F>) {
        room.tangents.resize(self.layers() + 1, Vec::new());
        let inputs = room.layers[0].len();
        fill(&mut room.tangents[0], inputs);
        let rows = inputs / self.sizes[0];
        for layer in 0..self.layers() {
            let ((weight, bias), size) = (self.place(layer), self.size(layer));
            let (before, after) = room.tangents.split_at_mut(layer + 1);
            let out = &mut after[0];
            fill(out, rows * size.1);
            for row in out.chunks_exact_mut(size.1) {
                row.copy_from_slice(&along[bias.clone()]);
            }
            multiply(
                &room.layers[layer],
                &along[weight.clone()],
                size,
                &mut out[..],
            );
            multiply(&before[layer], &parameters[weight], size, &mut out[..]);
            if layer + 1 < self.layers() {
                for (t, a) in out.iter_mut().zip(&room.layers[layer + 1]) {
                    *t = *t * self.slope(*a);
                }
            }
        }
        let (outputs, tangents) = (&room.layers[self.layers()], &room.tangents[self.layers()]);
        let width = self.sizes[self.layers()];
        let share = F::of(width as f64 / outputs.len() as f64);
        fill(&mut room.delta_tangent, outputs.len());
        match self.loss {
            Loss::Square => {
                for (d, t) in room.delta_tangent.iter_mut().zip(tangents) {
                    *d = share * F::of(2.0) * *t;
                }
            }
            Loss::CrossEntropy => {
                let rows = outputs
                    .chunks_exact(width)
                    .zip(tangents.chunks_exact(width));
                for ((y, t), d) in rows.zip(room.delta_tangent.chunks_exact_mut(width)) {
                    let most = y.iter().copied();
                    let most = most.fold(y[0], |a, b| if b > a { b } else { a });
                    let sum: F = y.iter().map(|y| (*y - most).exp()).sum();
                    let p = |y: F| (y - most).exp() / sum;
                    let mean: F = y.iter().zip(t).map(|(y, t)| p(*y) * *t).sum();
                    for ((d, y), t) in d.iter_mut().zip(y).zip(t) {
                        *d = share * p(*y) * (*t - mean);
                    }
                }
            }
        }
    }

    /// The share of rows whose largest output is where the largest target is.
    pub fn accuracy<F: Float>(
        &self,
        parameters: &[F],
        rows: Rows<'_, F>,
        room: &mut Scratch<F>,
    ) -> f64 {
        let width = self.sizes[self.layers()];
        let outputs = self.outputs(parameters, rows.inputs, room);
        let largest =
            |row: &[F]| (1..width).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        let all = outputs
            .chunks_exact(width)
            .zip(rows.targets.chunks_exact(width));
        let right = all.filter(|(y, t)| largest(y) == largest(t)).count();
        right as f64 / (outputs.len() / width) as f64
    }
}
