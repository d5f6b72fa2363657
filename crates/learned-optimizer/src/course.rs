//! A rule at work on some functions at once, a lane for each of their parameters, and the
//! gradient of what it led to.

use crate::rule::{Head, Rule};
use kernels::Isa;
use kernels::lanes::{
    LstmStep, Recording, Weights, affine, affine_inputs, affine_weights, lstm, lstm_backward,
    padded, preprocess, preprocess_backward, sigmoids,
};
use kernels::mlp::Real;
use rl_core::Objective;

/// What is differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Gradients and losses that a rule reads count as constants: no second derivatives,
    /// as published.
    First,
    /// Everything.
    Exact,
}

/// Where a rule is: parameters, and what it remembers of each.
#[derive(Clone, Debug)]
pub struct Course<F> {
    lanes: usize,
    /// `[lanes]`
    pub(crate) theta: Vec<F>,
    /// `[layers][hidden][lanes]`, of cells and outputs.
    cells: Vec<Vec<F>>,
    outputs: Vec<Vec<F>>,
    /// The gates' logits. `[2][lanes]`
    logits: Vec<F>,
    /// Gradients so far.
    pub(crate) step: usize,
}

impl<F: Real> Course<F> {
    /// Nothing remembered, at parameters that are written afterwards.
    pub(crate) fn new(rule: &Rule, coordinates: usize) -> Self {
        let lanes = padded(coordinates);
        let rows = vec![vec![F::ZERO; rule.hidden * lanes]; rule.layers.len()];
        Self {
            lanes,
            theta: vec![F::ZERO; lanes],
            cells: rows.clone(),
            outputs: rows,
            logits: vec![F::ZERO; 2 * lanes],
            step: 0,
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        self.cells.iter_mut().for_each(|row| row.fill(F::ZERO));
        self.outputs.iter_mut().for_each(|row| row.fill(F::ZERO));
        self.logits.fill(F::ZERO);
        self.step = 0;
    }
}

/// What was read and done in some steps in a row.
#[derive(Clone, Debug, Default)]
struct Tape<F> {
    lanes: usize,
    /// The step that it begins with.
    first: usize,
    steps: usize,
    gradient: Vec<F>,        // [steps][lanes]
    loss: Vec<F>,            // [steps][lanes]
    features: Vec<F>,        // [steps][features][lanes]
    gates: Vec<Vec<Vec<F>>>, // [layers][steps][4 × hidden][lanes]
    cells: Vec<Vec<F>>,      // [layers][steps + 1][hidden][lanes]
    outputs: Vec<Vec<F>>,    // likewise
    logits: Vec<F>,          // [steps + 1][2][lanes]
    opened: Vec<F>,          // [steps][2][lanes], the gates
    theta: Vec<F>,           // [steps + 1][lanes]
    /// Gradient of what counts after each step, weighted. `[steps][lanes]`
    counted: Vec<F>,
}

impl<F: Real> Tape<F> {
    /// Begins where the course is, with room for so many steps, and forgets what was before.
    fn begin(&mut self, rule: &Rule, course: &Course<F>, steps: usize) {
        (self.lanes, self.first, self.steps) = (course.lanes, course.step, 0);
        let layers = rule.layers.len();
        self.gates.resize_with(layers, Vec::new);
        let begin = |numbers: &mut Vec<F>, rows: usize| {
            numbers.clear();
            numbers.reserve_exact((steps + 1) * rows * course.lanes);
        };
        for rows in [&mut self.cells, &mut self.outputs] {
            rows.resize_with(layers, Vec::new);
            rows.iter_mut().for_each(|row| begin(row, rule.hidden));
        }
        begin(&mut self.features, rule.features());
        for pair in [&mut self.logits, &mut self.opened] {
            begin(pair, 2);
        }
        for row in [
            &mut self.gradient,
            &mut self.loss,
            &mut self.theta,
            &mut self.counted,
        ] {
            begin(row, 1);
        }
        for layer in 0..layers {
            self.cells[layer].extend_from_slice(&course.cells[layer]);
            self.outputs[layer].extend_from_slice(&course.outputs[layer]);
        }
        self.logits.extend_from_slice(&course.logits);
        self.theta.extend_from_slice(&course.theta);
    }
}

/// A recording of some steps, and room for what is made of it: for later ones too, of any
/// rule, since memory that is new each time takes longer to get than to fill.
#[derive(Clone, Debug, Default)]
pub struct Recorder<F> {
    tape: Tape<F>,
    back: Back<F>,
}

/// Room for one step.
#[derive(Clone, Debug)]
pub(crate) struct Room<F> {
    features: Vec<F>,
    gates: Vec<Vec<F>>,
    opened: Vec<F>,
    /// `[lanes]`
    pub(crate) gradient: Vec<F>,
    /// `[lanes]`
    pub(crate) loss: Vec<F>,
    moved: Vec<F>,
}

impl<F: Real> Room<F> {
    pub(crate) fn new(rule: &Rule, lanes: usize) -> Self {
        let row = |rows: usize| vec![F::ZERO; rows * lanes];
        Self {
            features: row(rule.features()),
            gates: vec![row(4 * rule.hidden); rule.layers.len()],
            opened: row(2),
            gradient: row(1),
            loss: row(1),
            moved: row(1),
        }
    }
}

impl Rule {
    /// The weights of a layer, of what it reads and of its own output before.
    fn both<'a, F>(&self, layer: usize, params: &'a [F]) -> Weights<'a, F> {
        let layer = &self.layers[layer];
        let inputs = layer.inputs + self.hidden;
        Weights {
            data: &params[layer.weight.clone()],
            outputs: 4 * self.hidden,
            inputs,
            stride: inputs,
        }
    }

    /// The same in two.
    fn weights<'a, F>(&self, layer: usize, params: &'a [F]) -> [Weights<'a, F>; 2] {
        let both = self.both(layer, params);
        let reads = self.layers[layer].inputs;
        let of = |from: usize, inputs: usize| Weights {
            data: &both.data[from..],
            inputs,
            ..both
        };
        [of(0, reads), of(reads, self.hidden)]
    }

    /// One step from what the room shows, within ±limit. `size` is that of a function.
    pub(crate) fn advance<F: Real>(
        &self,
        isa: Isa,
        params: &[F],
        course: &mut Course<F>,
        room: &mut Room<F>,
        (size, limit): (usize, F),
    ) {
        let lanes = course.lanes;
        let (scale, plain) = (F::from_f64(self.preprocess), self.preprocess == 0.0);
        if !self.layers.is_empty() {
            match plain {
                true => room.features[..lanes].copy_from_slice(&room.gradient),
                false => preprocess(isa, scale, &room.gradient, &mut room.features[..2 * lanes]),
            }
            if self.reads_loss {
                preprocess(isa, scale, &room.loss, &mut room.features[2 * lanes..]);
            }
        }
        for layer in 0..self.layers.len() {
            let bias = &params[self.layers[layer].bias.clone()];
            let (below, own) = course.outputs.split_at_mut(layer);
            let x = below.last().map_or(&room.features, |below| below);
            let gates = &mut room.gates[layer];
            let weights = self.both(layer, params);
            affine(isa, weights, Some(bias), [x, &own[0]], gates);
            lstm(isa, gates, &mut course.cells[layer], &mut own[0]);
        }
        match &self.head {
            Head::Added {
                weight,
                bias,
                scale,
            } => {
                let weights = row(&params[weight.clone()], self.hidden);
                let h = course.outputs.last().expect("a layer");
                let bias = &params[bias.clone()];
                affine(isa, weights, Some(bias), [h, &[]], &mut room.moved);
                let scale = F::from_f64(*scale);
                for (theta, out) in course.theta.iter_mut().zip(&room.moved) {
                    *theta += scale * *out;
                }
            }
            Head::Gated { weight, bias, rate } => {
                let weight = &params[weight.clone()];
                let width = self.hidden + 2;
                let h = course.outputs.last().expect("a layer");
                let weights = Weights {
                    data: weight,
                    outputs: 2,
                    inputs: self.hidden,
                    stride: width,
                };
                let bias = &params[bias.clone()];
                affine(isa, weights, Some(bias), [h, &[]], &mut room.opened);
                for gate in 0..2 {
                    let [own, recalled] = [0, 1].map(|i| weight[gate * width + self.hidden + i]);
                    let logits = &mut room.opened[gate * lanes..(gate + 1) * lanes];
                    let before = &course.logits[gate * lanes..(gate + 1) * lanes];
                    for lane in 0..lanes {
                        logits[lane] += own * course.theta[lane] + recalled * before[lane];
                    }
                }
                course.logits.copy_from_slice(&room.opened);
                sigmoids(isa, &mut room.opened);
                let (kept, taken) = room.opened.split_at(lanes);
                for lane in 0..lanes {
                    let rate = rate.of(params, (lane, size));
                    let theta = &mut course.theta[lane];
                    *theta = kept[lane] * *theta - taken[lane] * (rate * room.gradient[lane]);
                }
            }
            Head::Plain { rate } => {
                for lane in 0..lanes {
                    let rate = rate.of(params, (lane, size));
                    course.theta[lane] += -(rate * room.gradient[lane]);
                }
            }
        }
        for theta in &mut course.theta {
            // NaN goes to the limit too.
            *theta = match *theta {
                x if x > limit => limit,
                x if x >= -limit => x,
                _ => -limit,
            };
        }
        course.step += 1;
    }
}

/// A weight of one output.
fn row<F>(data: &[F], inputs: usize) -> Weights<'_, F> {
    Weights {
        data,
        outputs: 1,
        inputs,
        stride: inputs,
    }
}

/// Functions that a rule is at work on side by side, and room for it.
pub struct Tile<F = f32> {
    isa: Isa,
    problems: Vec<Box<dyn Objective<F>>>,
    size: usize,
    limit: F,
    room: Room<F>,
}

/// How losses count: after so many steps of an unroll, each by its weight.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    /// Steps of the whole unroll.
    pub steps: usize,
    /// Whether the last one counts alone, and not the mean over all of them.
    pub last: bool,
}

impl Counting {
    /// The weight of what is reached after a step, counted from 1.
    fn weight(&self, step: usize) -> f64 {
        match (self.last, step == self.steps) {
            (true, true) => 1.0,
            (true, false) => 0.0,
            (false, _) => 1.0 / self.steps as f64,
        }
    }
}

/// What some steps came to: means over the functions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What counts, weighted.
    pub loss: f64,
    /// What the place after the last step is worth ([`Objective::worth`]), if the unroll
    /// ends there.
    pub worth: f64,
}

impl<F: Real> Tile<F> {
    /// Some functions of as many parameters each, at least one of them.
    pub fn new(rule: &Rule, problems: Vec<Box<dyn Objective<F>>>) -> Self {
        let size = problems[0].parameters();
        let lanes = padded(problems.len() * size);
        Self {
            isa: Isa::best(),
            size,
            limit: problems[0].limit(),
            room: Room::new(rule, lanes),
            problems,
        }
    }

    /// How many functions there are.
    pub fn problems(&self) -> usize {
        self.problems.len()
    }

    /// A course from `start`, or from where each function proposes.
    pub fn begin(&self, rule: &Rule, start: Option<&[F]>) -> Course<F> {
        let mut course = Course::new(rule, self.problems.len() * self.size);
        let own = course.theta.chunks_exact_mut(self.size);
        for (theta, problem) in own.zip(&self.problems) {
            theta.copy_from_slice(start.unwrap_or(problem.start()));
        }
        course
    }

    /// Goes on for some steps.
    pub fn run(
        &mut self,
        rule: &Rule,
        params: &[F],
        course: &mut Course<F>,
        (steps, counting): (usize, Counting),
    ) -> Outcome {
        self.follow(rule, params, course, (steps, counting), None)
    }

    /// Goes on for some steps, and keeps what it takes to differentiate them, in place of
    /// what was kept before.
    pub fn record(
        &mut self,
        rule: &Rule,
        params: &[F],
        course: &mut Course<F>,
        window: (usize, Counting),
        recorder: &mut Recorder<F>,
    ) -> Outcome {
        let tape = &mut recorder.tape;
        tape.begin(rule, course, window.0);
        self.follow(rule, params, course, window, Some(tape))
    }

    fn follow(
        &mut self,
        rule: &Rule,
        params: &[F],
        course: &mut Course<F>,
        (steps, counting): (usize, Counting),
        mut tape: Option<&mut Tape<F>>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut counted = vec![F::ZERO; course.lanes];
        for _ in 0..steps {
            self.show(course);
            rule.advance(
                self.isa,
                params,
                course,
                &mut self.room,
                (self.size, self.limit),
            );
            let weight = counting.weight(course.step);
            counted.fill(F::ZERO);
            if weight > 0.0 {
                outcome.loss += weight * self.count(course, &mut counted);
                // Of a mean over functions.
                let share = F::from_f64(weight / self.problems.len() as f64);
                counted.iter_mut().for_each(|g| *g = share * *g);
            }
            if course.step == counting.steps {
                outcome.worth = self.worth(course);
            }
            if let Some(tape) = &mut tape {
                tape.push(rule, course, &mut self.room, &counted);
            }
        }
        outcome
    }

    /// Values and gradients where the course is, into the room.
    fn show(&mut self, course: &Course<F>) {
        let size = self.size;
        for (number, problem) in self.problems.iter_mut().enumerate() {
            let own = number * size..(number + 1) * size;
            let gradient = &mut self.room.gradient[own.clone()];
            let value = problem.shown(course.step, &course.theta[own.clone()], gradient);
            self.room.loss[own].fill(value);
        }
    }

    /// The mean of what counts, and the functions' gradients.
    fn count(&mut self, course: &Course<F>, counted: &mut [F]) -> f64 {
        let size = self.size;
        let mut sum = 0.0;
        for (number, problem) in self.problems.iter_mut().enumerate() {
            let own = number * size..(number + 1) * size;
            let value = problem.counted(&course.theta[own.clone()], &mut counted[own]);
            sum += value.to_f64();
        }
        sum / self.problems.len() as f64
    }

    /// The mean of what places are worth.
    fn worth(&mut self, course: &Course<F>) -> f64 {
        let places = course.theta.chunks_exact(self.size);
        let each = self.problems.iter_mut().zip(places);
        let sum: f64 = each.map(|(problem, at)| problem.worth(at)).sum();
        sum / self.problems.len() as f64
    }

    /// Adds the gradient of the mean loss of what was recorded to that of the rule's
    /// parameters, and to that of where the recording began, `[parameters]`, if it is asked
    /// for. What was before the recording counts as constant.
    ///
    /// # Panics
    /// If it is none of this rule and these functions.
    pub fn differentiate(
        &mut self,
        rule: &Rule,
        params: &[F],
        (recorder, order): (&mut Recorder<F>, Order),
        gradient: &mut [F],
        start: Option<&mut [F]>,
    ) {
        let Recorder { tape, back } = recorder;
        let lanes = tape.lanes;
        let own = (padded(self.problems.len() * self.size), rule.layers.len());
        assert_eq!((lanes, tape.gates.len()), own, "another's recording");
        back.begin(rule, (lanes, tape.steps));
        for t in (0..tape.steps).rev() {
            let after = &tape.theta[(t + 1) * lanes..(t + 2) * lanes];
            let counted = &tape.counted[t * lanes..(t + 1) * lanes];
            for lane in 0..lanes {
                back.theta[lane] += counted[lane];
                // What was put at the limit stays there.
                if !(after[lane] < self.limit && after[lane] > -self.limit) {
                    back.theta[lane] = F::ZERO;
                }
            }
            back.step(self.isa, rule, params, (tape, t, self.size), gradient);
            if order == Order::Exact {
                self.second(rule, (tape, t), back);
            }
        }
        back.weights(self.isa, rule, tape, gradient);
        if let Some(start) = start {
            for own in back.theta[..self.problems.len() * self.size].chunks_exact(self.size) {
                start.iter_mut().zip(own).for_each(|(s, g)| *s += *g);
            }
        }
    }

    /// What reading gradient and loss adds to the gradient of the parameters there.
    fn second(&mut self, rule: &Rule, (tape, t): (&Tape<F>, usize), back: &mut Back<F>) {
        let lanes = back.theta.len();
        let here = t * lanes..(t + 1) * lanes;
        let (gradient, loss) = (&tape.gradient[here.clone()], &tape.loss[here.clone()]);
        let scale = F::from_f64(rule.preprocess);
        back.loss.fill(F::ZERO);
        if !rule.layers.is_empty() {
            match rule.preprocess == 0.0 {
                true => {
                    let features = &back.features[..lanes];
                    let both = back.gradient.iter_mut().zip(features);
                    both.for_each(|(g, x)| *g += *x);
                }
                false => {
                    let features = &back.features[..2 * lanes];
                    preprocess_backward(scale, gradient, features, &mut back.gradient);
                }
            }
            if rule.reads_loss {
                let features = &back.features[2 * lanes..];
                preprocess_backward(scale, loss, features, &mut back.loss);
            }
        }
        let size = self.size;
        let theta = &tape.theta[here];
        for (number, problem) in self.problems.iter_mut().enumerate() {
            let own = number * size..(number + 1) * size;
            let read: F = back.loss[own.clone()].iter().copied().sum();
            let to = &mut back.theta[own.clone()];
            for (to, g) in to.iter_mut().zip(&gradient[own.clone()]) {
                *to += read * *g;
            }
            let along = &back.gradient[own.clone()];
            problem.curvature(tape.first + t, &theta[own], along, to);
        }
    }
}

impl<F: Real> Tape<F> {
    /// Keeps a step. Its gates stay where they were computed, and the room goes on with
    /// others.
    fn push(&mut self, rule: &Rule, course: &Course<F>, room: &mut Room<F>, counted: &[F]) {
        self.gradient.extend_from_slice(&room.gradient);
        self.loss.extend_from_slice(&room.loss);
        self.features.extend_from_slice(&room.features);
        for layer in 0..rule.layers.len() {
            let (kept, own) = (&mut self.gates[layer], &mut room.gates[layer]);
            if kept.len() == self.steps {
                kept.push(Vec::new());
            }
            kept[self.steps].resize(own.len(), F::ZERO);
            std::mem::swap(&mut kept[self.steps], own);
            self.cells[layer].extend_from_slice(&course.cells[layer]);
            self.outputs[layer].extend_from_slice(&course.outputs[layer]);
        }
        self.logits.extend_from_slice(&course.logits);
        self.opened.extend_from_slice(&room.opened);
        self.theta.extend_from_slice(&course.theta);
        self.counted.extend_from_slice(counted);
        self.steps += 1;
    }
}

/// Gradients on their way back through a recording.
#[derive(Clone, Debug, Default)]
struct Back<F> {
    theta: Vec<F>,        // [lanes]
    outputs: Vec<Vec<F>>, // [layers][hidden][lanes]
    cells: Vec<Vec<F>>,   // likewise
    logits: Vec<F>,       // [2][lanes]
    features: Vec<F>,     // [features][lanes]
    gradient: Vec<F>,     // [lanes], of the gradient that was read
    loss: Vec<F>,         // [lanes], of the loss that was read
    pre: Vec<Vec<F>>,     // [layers][steps][4 × hidden][lanes], of pre-activations
    head: Vec<F>,         // [steps][rows][lanes], of the head's outputs
}

impl<F: Real> Back<F> {
    /// Begins after the last of so many steps, from where nothing comes.
    fn begin(&mut self, rule: &Rule, (lanes, steps): (usize, usize)) {
        let zeros = |row: &mut Vec<F>, rows: usize| {
            row.clear();
            row.resize(rows * lanes, F::ZERO);
        };
        for all in [&mut self.outputs, &mut self.cells, &mut self.pre] {
            all.resize_with(rule.layers.len(), Vec::new);
        }
        for layer in 0..rule.layers.len() {
            zeros(&mut self.outputs[layer], rule.hidden);
            zeros(&mut self.cells[layer], rule.hidden);
            // Written step by step, before it is read.
            self.pre[layer].resize(4 * rule.hidden * steps * lanes, F::ZERO);
        }
        zeros(&mut self.theta, 1);
        zeros(&mut self.logits, 2);
        zeros(&mut self.features, rule.features());
        zeros(&mut self.gradient, 1);
        zeros(&mut self.loss, 1);
        self.head.resize(steps * rule.head_rows() * lanes, F::ZERO);
    }

    /// Through one step: the head, then the layers from the last to the first.
    fn step(
        &mut self,
        isa: Isa,
        rule: &Rule,
        params: &[F],
        (tape, t, size): (&Tape<F>, usize, usize),
        gradient: &mut [F],
    ) {
        let lanes = self.theta.len();
        let here = t * lanes..(t + 1) * lanes;
        let read = &tape.gradient[here.clone()];
        self.gradient.fill(F::ZERO);
        match &rule.head {
            Head::Added { weight, scale, .. } => {
                let scale = F::from_f64(*scale);
                let out = &mut self.head[here];
                for (out, theta) in out.iter_mut().zip(&self.theta) {
                    *out = scale * *theta;
                }
                let weights = row(&params[weight.clone()], rule.hidden);
                let h = self.outputs.last_mut().expect("a layer");
                affine_inputs(isa, weights, out, h);
            }
            Head::Gated { weight, rate, .. } => {
                let weight = &params[weight.clone()];
                let width = rule.hidden + 2;
                let theta = &tape.theta[here];
                let opened = &tape.opened[2 * t * lanes..2 * (t + 1) * lanes];
                let logits = &mut self.head[2 * t * lanes..2 * (t + 1) * lanes];
                for lane in 0..lanes {
                    let (kept, taken) = (opened[lane], opened[lanes + lane]);
                    let to = self.theta[lane];
                    let alpha = rate.of(params, (lane, size));
                    let [kept_d, taken_d] = [to * theta[lane], -(to * (alpha * read[lane]))];
                    let slope = |gate: F| gate * (F::ONE - gate);
                    logits[lane] = kept_d * slope(kept) + self.logits[lane];
                    logits[lanes + lane] = taken_d * slope(taken) + self.logits[lanes + lane];
                    self.gradient[lane] = -(to * taken) * alpha;
                    rate.add(gradient, (lane, size), to * taken * read[lane]);
                    self.theta[lane] = to * kept;
                }
                for gate in 0..2 {
                    let [own, recalled] = [0, 1].map(|i| weight[gate * width + rule.hidden + i]);
                    for lane in 0..lanes {
                        let logit = logits[gate * lanes + lane];
                        self.theta[lane] += own * logit;
                        self.logits[gate * lanes + lane] = recalled * logit;
                    }
                }
                let weights = Weights {
                    data: weight,
                    outputs: 2,
                    inputs: rule.hidden,
                    stride: width,
                };
                let h = self.outputs.last_mut().expect("a layer");
                affine_inputs(isa, weights, logits, h);
            }
            Head::Plain { rate } => {
                for lane in 0..lanes {
                    let to = self.theta[lane];
                    self.gradient[lane] = -(rate.of(params, (lane, size)) * to);
                    rate.add(gradient, (lane, size), to * read[lane]);
                }
            }
        }
        for layer in (0..rule.layers.len()).rev() {
            let rows = rule.hidden * lanes;
            let step = LstmStep {
                gates: &tape.gates[layer][t],
                before: &tape.cells[layer][t * rows..(t + 1) * rows],
                after: &tape.cells[layer][(t + 1) * rows..(t + 2) * rows],
            };
            let pre = &mut self.pre[layer][4 * t * rows..4 * (t + 1) * rows];
            lstm_backward(isa, step, &self.outputs[layer], &mut self.cells[layer], pre);
            let [reads, recalls] = rule.weights(layer, params);
            let (below, own) = self.outputs.split_at_mut(layer);
            own[0].fill(F::ZERO);
            affine_inputs(isa, recalls, pre, &mut own[0]);
            match below.last_mut() {
                Some(below) => affine_inputs(isa, reads, pre, below),
                None => {
                    self.features.fill(F::ZERO);
                    affine_inputs(isa, reads, pre, &mut self.features);
                }
            }
        }
    }

    /// The gradient of all weights, over the whole recording at once.
    fn weights(&self, isa: Isa, rule: &Rule, tape: &Tape<F>, gradient: &mut [F]) {
        let lanes = self.theta.len();
        let recording = |data, rows| Recording { data, rows };
        let hidden = rule.hidden;
        let rows = hidden * lanes;
        let (first, last) = (tape.steps * rows, rows);
        for layer in 0..rule.layers.len() {
            let Layer {
                inputs,
                weight,
                bias,
            } = &rule.layers[layer];
            let stride = inputs + hidden;
            let pre = recording(&self.pre[layer][..], 4 * hidden);
            let x = match layer {
                0 => recording(&tape.features[..], *inputs),
                _ => recording(&tape.outputs[layer - 1][last..], hidden),
            };
            let (to, rest) = gradient.split_at_mut(bias.start);
            let bias = &mut rest[..bias.len()];
            let to = &mut to[weight.clone()];
            affine_weights(isa, lanes, (pre, x), (to, stride), Some(bias));
            let recalled = recording(&tape.outputs[layer][..first], hidden);
            let to = (&mut to[*inputs..], stride);
            affine_weights(isa, lanes, (pre, recalled), to, None);
        }
        match &rule.head {
            Head::Added { weight, bias, .. } => {
                let h = &tape.outputs[rule.layers.len() - 1][last..];
                let (to, rest) = gradient.split_at_mut(bias.start);
                let both = (recording(&self.head[..], 1), recording(h, hidden));
                let to = (&mut to[weight.clone()], hidden);
                affine_weights(isa, lanes, both, to, Some(&mut rest[..1]));
            }
            Head::Gated { weight, bias, .. } => {
                let h = &tape.outputs[rule.layers.len() - 1][last..];
                let (to, rest) = gradient.split_at_mut(bias.start);
                let to = &mut to[weight.clone()];
                let width = hidden + 2;
                let logits = recording(&self.head[..], 2);
                let both = (logits, recording(h, hidden));
                affine_weights(isa, lanes, both, (to, width), Some(&mut rest[..2]));
                let theta = recording(&tape.theta[..tape.steps * lanes], 1);
                let own = (&mut to[hidden..], width);
                affine_weights(isa, lanes, (logits, theta), own, None);
                // Each gate recalls its own logit alone.
                for t in 0..tape.steps {
                    for gate in 0..2 {
                        let at = (2 * t + gate) * lanes..(2 * t + gate + 1) * lanes;
                        let pairs = self.head[at.clone()].iter().zip(&tape.logits[at]);
                        let sum: F = pairs.map(|(d, logit)| *d * *logit).sum();
                        to[gate * width + hidden + 1] += sum;
                    }
                }
            }
            Head::Plain { .. } => {}
        }
    }
}

use crate::rule::Layer;

impl Rule {
    /// Rows of the head's output.
    pub(crate) fn head_rows(&self) -> usize {
        match self.head {
            Head::Added { .. } => 1,
            Head::Gated { .. } => 2,
            Head::Plain { .. } => 0,
        }
    }
}
