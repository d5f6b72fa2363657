//! The coordinate-wise LSTM against a plain implementation and finite differences.

use crate::common::uniform;
use kernels::Isa;
use kernels::gates::{Direction, Gates, GatesWork, Memory, Moved, Seen, Sums};
use kernels::mlp::Real;

const STEP: f64 = 1e-6;
/// p of the preprocessing, e^-4 = 0.018: gradients are on both sides of it.
const RANGE: f64 = 4.0;

/// Some steps of some coordinates, and how much the logits after each count.
struct Case {
    gates: Gates,
    own: Vec<f64>,
    gradients: Vec<Vec<f64>>, // [steps][coordinates]
    params: Vec<Vec<f64>>,    // likewise
    losses: Vec<f64>,         // [steps]
    weights: Vec<Vec<f64>>,   // [steps][coordinates][2]
}

fn case(hidden: usize, coordinates: usize) -> Case {
    let gates = Gates::new(hidden, RANGE);
    let mut state = 5 + (hidden * coordinates) as u64;
    let mut draw = |count: usize, scale: f64| -> Vec<f64> {
        (0..count).map(|_| scale * uniform(&mut state)).collect()
    };
    let own = draw(gates.parameters(), 0.8);
    let mut rows = |count, scale| (0..3).map(|_| draw(count, scale)).collect::<Vec<_>>();
    let (mut gradients, params) = (rows(coordinates, 0.08), rows(coordinates, 1.0));
    gradients[1][0] = 0.0;
    Case {
        gates,
        own,
        gradients,
        params,
        losses: vec![0.7, -0.002, -3.0],
        weights: rows(2 * coordinates, 1.0),
    }
}

fn cases() -> [Case; 3] {
    // A vector that is not full, several blocks, and units that fill no panel.
    [case(5, 3), case(16, 150), case(18, 67)]
}

impl Case {
    fn seen<'a, R: Real>(rows: &'a Rows<R>, step: usize) -> Seen<'a, R> {
        Seen {
            own: &rows.own,
            gradient: &rows.gradients[step],
            params: &rows.params[step],
            loss: rows.losses[step],
        }
    }

    /// The memories of all steps, the first of none.
    fn run<R: Real>(&self, rows: &Rows<R>, isa: Isa) -> Vec<Memory<R>> {
        let mut work = GatesWork::with_isa(isa);
        let mut memories = vec![Memory::default(); 4];
        self.gates.begin(self.coordinates(), &mut memories[0]);
        for step in 0..3 {
            let (before, after) = memories.split_at_mut(step + 1);
            let pair = (&before[step], &mut after[0]);
            let seen = Self::seen(rows, step);
            self.gates.step(&mut work, seen, pair);
        }
        memories
    }

    fn coordinates(&self) -> usize {
        self.params[0].len()
    }

    fn rows<R: Real>(&self) -> Rows<R> {
        let cast = |row: &Vec<f64>| row.iter().map(|x| R::from_f64(*x)).collect::<Vec<R>>();
        Rows {
            own: cast(&self.own),
            gradients: self.gradients.iter().map(cast).collect(),
            params: self.params.iter().map(cast).collect(),
            losses: cast(&self.losses),
            weights: self.weights.iter().map(cast).collect(),
        }
    }

    /// Derivatives of the weighted logits: own, then parameters and gradients step by
    /// step.
    fn gradient<R: Real>(&self, isa: Isa) -> Vec<R> {
        let rows = self.rows::<R>();
        let memories = self.run(&rows, isa);
        let (mut work, count) = (GatesWork::with_isa(isa), self.coordinates());
        let mut own = vec![R::ZERO; self.own.len()];
        let (mut moved, mut told) = (Moved::default(), Vec::new());
        self.gates.begin_moved(count, &mut moved);
        for step in (0..3).rev() {
            let weights = &rows.weights[step];
            moved
                .logits
                .iter_mut()
                .zip(weights)
                .for_each(|(l, w)| *l += *w);
            let mut params = vec![R::ZERO; count];
            let mut gradient = params.clone();
            let sums = Sums {
                own: &mut own,
                params: &mut params,
                gradient: Some(&mut gradient),
            };
            let (pair, seen) = (
                (&memories[step], &memories[step + 1]),
                Self::seen(&rows, step),
            );
            self.gates.backward(&mut work, seen, pair, &mut moved, sums);
            told.splice(0..0, params.into_iter().chain(gradient));
        }
        own.into_iter().chain(told).collect()
    }
}

/// The gradients of all cases, one after the other.
pub(crate) fn of_all_cases<R: Real>(isa: Isa) -> Vec<R> {
    let cases = cases().into_iter();
    let quick = cases.filter(|case| !cfg!(miri) || case.coordinates() < 10);
    quick.flat_map(|case| case.gradient::<R>(isa)).collect()
}

/// A case in one kind of float.
#[derive(Clone)]
struct Rows<R> {
    own: Vec<R>,
    gradients: Vec<Vec<R>>,
    params: Vec<Vec<R>>,
    losses: Vec<R>,
    weights: Vec<Vec<R>>,
}

impl Rows<f64> {
    /// All numbers that [`Case::gradient`] is of, in its order.
    fn numbers(&mut self) -> Vec<&mut f64> {
        let told = self.params.iter_mut().zip(&mut self.gradients);
        let told = told.flat_map(|(params, gradients)| params.iter_mut().chain(gradients));
        self.own.iter_mut().chain(told).collect()
    }
}

/// Gates of all steps by their definition, one coordinate after the other.
fn plain(case: &Case) -> Vec<[f64; 2]> {
    let layout = case.gates.layout();
    let part = |name: &str| {
        let place = layout.iter().find(|place| place.0 == name).unwrap();
        &case.own[place.2.clone()]
    };
    let pre = |x: f64| match x.abs() >= (-RANGE).exp() {
        true => [x.abs().ln() / RANGE, x.signum()],
        false => [-1.0, RANGE.exp() * x],
    };
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let hidden = part("lstm.bias").len() / 4;
    let mut all = vec![[0.0; 2]; 3 * case.coordinates()];
    for coordinate in 0..case.coordinates() {
        let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
        let mut logits = [0.0; 2];
        for step in 0..3 {
            let gradient = pre(case.gradients[step][coordinate]);
            let told = [gradient, pre(case.losses[step])].concat();
            let enters = |unit: usize| {
                let from = |weights: &[f64], rows: &[f64]| -> f64 {
                    let row = |(k, x): (usize, &f64)| x * weights[k * 4 * hidden + unit];
                    rows.iter().enumerate().map(row).sum()
                };
                let (x, h) = (
                    from(part("lstm.input"), &told),
                    from(part("lstm.hidden"), &h),
                );
                part("lstm.bias")[unit] + x + h
            };
            let units: Vec<f64> = (0..4 * hidden).map(enters).collect();
            for unit in 0..hidden {
                let [i, f, g, o] = [0, 1, 2, 3].map(|group| units[group * hidden + unit]);
                c[unit] = sigmoid(f) * c[unit] + sigmoid(i) * g.tanh();
                h[unit] = sigmoid(o) * c[unit].tanh();
            }
            for (gate, bias) in ["gates.forget", "gates.input"].into_iter().enumerate() {
                let heads = part("gates.hidden").iter().skip(gate).step_by(2);
                let seen: f64 = h.iter().zip(heads).map(|(h, v)| h * v).sum();
                let beside = part("gates.parameter")[gate] * case.params[step][coordinate]
                    + part("gates.before")[gate] * logits[gate];
                logits[gate] = seen + beside + part(bias)[0];
            }
            all[step * case.coordinates() + coordinate] = logits.map(sigmoid);
        }
    }
    all
}

#[test]
fn gates_are_those_of_a_plain_lstm() {
    for case in cases() {
        for isa in Isa::available() {
            let memories = case.run(&case.rows::<f64>(), isa);
            let gates = memories[1..]
                .iter()
                .flat_map(|memory| memory.gates().take(case.coordinates()).collect::<Vec<_>>());
            for (gates, expected) in gates.zip(plain(&case)) {
                for (gate, expected) in gates.iter().zip(expected) {
                    assert!(
                        (gate - expected).abs() < 1e-14,
                        "{isa:?}: {gate} {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_way_back_is_that_of_finite_differences() {
    for case in cases() {
        let exact = case.gradient::<f64>(Isa::best());
        let mut rows = case.rows::<f64>();
        let value = |rows: &Rows<f64>| -> f64 {
            let memories = case.run(rows, Isa::best());
            let logit = |gate: f64| (gate / (1.0 - gate)).ln();
            let of = |(memory, weights): (&Memory<f64>, &Vec<f64>)| {
                let pairs = memory.gates().zip(weights.chunks(2));
                pairs
                    .map(|(g, w)| w[0] * logit(g[0]) + w[1] * logit(g[1]))
                    .sum::<f64>()
            };
            memories[1..].iter().zip(&rows.weights).map(of).sum()
        };
        // All numbers of the LSTM, and every seventh of what it is told.
        let own = case.own.len();
        let chosen = |index: &usize| *index < own.min(150) || index.is_multiple_of(7);
        for index in (0..exact.len()).filter(chosen) {
            let mut at = |shift: f64| {
                *rows.numbers()[index] += shift;
                let value = value(&rows);
                *rows.numbers()[index] -= shift;
                value
            };
            let numeric = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let error = (exact[index] - numeric).abs() / (1.0 + numeric.abs());
            assert!(error < 1e-6, "{index}: {} {numeric}", exact[index]);
        }
    }
}

/// w · (J d) and (Jᵀ w) · d are the same number.
#[test]
fn the_way_ahead_is_the_transpose_of_the_way_back() {
    for case in cases() {
        let (rows, count) = (case.rows::<f64>(), case.coordinates());
        let memories = case.run(&rows, Isa::best());
        let back = case.gradient::<f64>(Isa::best());
        let direction: Vec<f64> = (0..back.len()).map(|i| (1.7 * i as f64).sin()).collect();
        let transposed: f64 = back.iter().zip(&direction).map(|(b, d)| b * d).sum();
        let (own, told) = direction.split_at(case.own.len());
        let (mut moved, mut work) = (Moved::default(), GatesWork::new());
        case.gates.begin_moved(count, &mut moved);
        let mut ahead = 0.0;
        for step in 0..3 {
            let told = &told[2 * count * step..];
            let direction = Direction {
                own,
                params: &told[..count],
                gradient: Some(&told[count..2 * count]),
            };
            let (pair, seen) = (
                (&memories[step], &memories[step + 1]),
                Case::seen(&rows, step),
            );
            let gates = &case.gates;
            gates.tangent(&mut work, seen, pair, &mut moved, direction);
            let both = moved.logits.iter().zip(&rows.weights[step]);
            ahead += both.map(|(l, w)| l * w).sum::<f64>();
        }
        assert!(
            (ahead - transposed).abs() < 1e-10 * ahead.abs(),
            "{ahead} {transposed}"
        );
    }
}

#[test]
fn single_precision_is_near_and_the_same_on_every_fused_instruction_set() {
    for case in cases() {
        let exact = case.gradient::<f64>(Isa::best());
        let norm = exact.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut fused: Option<Vec<f32>> = None;
        for isa in Isa::available() {
            let single = case.gradient::<f32>(isa);
            let apart = single
                .iter()
                .zip(&exact)
                .map(|(s, e)| (f64::from(*s) - e).powi(2));
            let error = apart.sum::<f64>().sqrt() / norm;
            assert!(error < 2e-5, "{isa:?}: {error}");
            if isa.is_fused() {
                assert_eq!(&single, fused.get_or_insert(single.clone()), "{isa:?}");
            }
        }
    }
}

/// A gate held open is exactly 1 and lets no derivative through.
#[test]
fn biases_hold_gates() {
    let mut case = case(16, 20);
    let at = case.own.len() - 2;
    case.own[at..].fill(1000.0);
    let memories = case.run(&case.rows::<f32>(), Isa::best());
    for memory in &memories[1..] {
        assert!(memory.gates().take(20).all(|gates| gates == [1.0; 2]));
    }
}
