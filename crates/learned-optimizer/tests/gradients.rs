//! Gradients through whole unrolls against finite differences, in f64.

use learned_optimizer::{Counting, LearnedRate, Order, Recorder, Rule, RuleConfig, Tile};
use nets::Blueprint;
use rl_core::Objective;

/// ½ θᵀ M θ + Σ sin θᵢ is shown, and ½ ‖θ − 1‖² counts. What is shown may be held where it
/// was at the start, as if the rule read constants.
struct Wave {
    start: Vec<f64>,
    matrix: Vec<f64>,
    held: bool,
}

impl Wave {
    fn new(size: usize, held: bool) -> Self {
        let wave = |i: usize| (1.7 * i as f64 + 0.3).sin();
        let mut matrix = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..size {
                matrix[i * size + j] = 0.3 * (wave(i + 2 * j) + wave(j + 2 * i));
            }
            matrix[i * size + i] += 2.0;
        }
        Self {
            start: (0..size).map(|i| 0.4 * wave(i + 11)).collect(),
            matrix,
            held,
        }
    }
}

impl Objective<f64> for Wave {
    fn parameters(&self) -> usize {
        self.start.len()
    }

    fn start(&self) -> &[f64] {
        &self.start
    }

    fn limit(&self) -> f64 {
        1e6
    }

    fn shown(&mut self, step: usize, at: &[f64], gradient: &mut [f64]) -> f64 {
        let at = if self.held { &self.start } else { at };
        let n = at.len();
        let mut value = 0.0;
        for i in 0..n {
            let row: f64 = (0..n).map(|j| self.matrix[i * n + j] * at[j]).sum();
            // Another function at every step, as with minibatches.
            let scale = 1.0 + 0.1 * step as f64;
            gradient[i] = scale * (row + at[i].cos());
            value += scale * (0.5 * at[i] * row + at[i].sin());
        }
        value
    }

    fn curvature(&mut self, step: usize, at: &[f64], along: &[f64], product: &mut [f64]) {
        assert!(!self.held, "constants have no curvature");
        let n = at.len();
        for i in 0..n {
            let row: f64 = (0..n).map(|j| self.matrix[i * n + j] * along[j]).sum();
            let scale = 1.0 + 0.1 * step as f64;
            product[i] += scale * (row - at[i].sin() * along[i]);
        }
    }

    fn counted(&mut self, at: &[f64], gradient: &mut [f64]) -> f64 {
        let off = |x: &f64| x - 1.0;
        gradient.iter_mut().zip(at).for_each(|(g, x)| *g = off(x));
        at.iter().map(|x| 0.5 * off(x) * off(x)).sum()
    }

    fn worth(&mut self, at: &[f64]) -> f64 {
        -self.counted(at, &mut vec![0.0; at.len()])
    }
}

const SIZE: usize = 5;
const PROBLEMS: usize = 3;
const STEPS: usize = 7;

fn rules() -> Vec<RuleConfig> {
    let plain = |learned| RuleConfig::Plain { rate: 0.1, learned };
    let lstm = |preprocess, layers| RuleConfig::Lstm {
        hidden: 6,
        layers,
        preprocess,
        scale: 0.5,
    };
    let gated = |learned| RuleConfig::Gated {
        hidden: 5,
        preprocess: 5.0,
        forget: 2.0,
        input: -1.0,
        rate: 0.7,
        learned,
    };
    vec![
        lstm(0.0, 1),
        lstm(5.0, 2),
        gated(LearnedRate::None),
        gated(LearnedRate::One),
        gated(LearnedRate::PerParameter),
        plain(LearnedRate::One),
        plain(LearnedRate::PerParameter),
    ]
}

struct Case {
    rule: Rule,
    held: bool,
    counting: Counting,
}

impl Case {
    fn tile(&self) -> Tile<f64> {
        let problem = |_| Box::new(Wave::new(SIZE, self.held)) as Box<dyn Objective<f64>>;
        Tile::new(&self.rule, (0..PROBLEMS).map(problem).collect())
    }

    /// The loss of a rule's parameters and a start.
    fn loss(&self, params: &[f64], start: &[f64]) -> f64 {
        let mut tile = self.tile();
        let mut course = tile.begin(&self.rule, Some(start));
        let window = (STEPS, self.counting);
        tile.run(&self.rule, params, &mut course, window).loss
    }

    /// Its gradient with respect to both.
    fn gradient(&self, params: &[f64], start: &[f64], order: Order) -> Vec<f64> {
        let mut tile = self.tile();
        let mut course = tile.begin(&self.rule, Some(start));
        let window = (STEPS, self.counting);
        let mut recorder = Recorder::default();
        tile.record(&self.rule, params, &mut course, window, &mut recorder);
        let mut gradient = vec![0.0; params.len() + start.len()];
        let (of_rule, of_start) = gradient.split_at_mut(params.len());
        let recorded = (&mut recorder, order);
        tile.differentiate(&self.rule, params, recorded, of_rule, Some(of_start));
        gradient
    }
}

/// Every parameter, larger than rules begin with so that nothing is lost in rounding.
fn values(rule: &Rule, config: &RuleConfig) -> (Vec<f64>, Vec<f64>) {
    let wave = |i: usize| (2.3 * i as f64 + 0.7).sin();
    let plain = matches!(config, RuleConfig::Plain { .. });
    let scale = if plain { 0.1 } else { 0.5 };
    let params = (0..rule.parameters()).map(|i| scale * wave(i)).collect();
    (params, (0..SIZE).map(|i| 0.6 * wave(i + 40)).collect())
}

fn check(held: bool, order: Order) {
    for config in rules() {
        for last in [false, true] {
            let rule = Rule::new(&config, SIZE, &mut Blueprint::new());
            let (params, start) = values(&rule, &config);
            let counting = Counting { steps: STEPS, last };
            let case = Case {
                rule,
                held,
                counting,
            };
            let exact = case.gradient(&params, &start, order);
            let length = exact.iter().map(|g| g * g).sum::<f64>().sqrt();
            assert!(length > 1e-3, "{config:?}: a gradient of {length}");
            let mut worst: f64 = 0.0;
            for index in 0..exact.len() {
                let by = |step: f64| {
                    let (mut params, mut start) = (params.clone(), start.clone());
                    match index < params.len() {
                        true => params[index] += step,
                        false => start[index - params.len()] += step,
                    }
                    case.loss(&params, &start)
                };
                let found = (by(1e-5) - by(-1e-5)) / 2e-5;
                // The start moves what is shown too, unless that is held.
                worst = worst.max((found - exact[index]).abs());
            }
            assert!(
                worst < 1e-7 * length.max(1.0),
                "{config:?}, {last}: off by {worst}"
            );
        }
    }
}

#[test]
fn exact_gradients_are_those_of_finite_differences() {
    check(false, Order::Exact);
}

/// Where what is read is constant, there is nothing that the first order leaves out.
#[test]
fn first_order_gradients_leave_out_what_is_read_and_nothing_else() {
    check(true, Order::First);
    for config in rules() {
        let rule = Rule::new(&config, SIZE, &mut Blueprint::new());
        let (params, start) = values(&rule, &config);
        let counting = Counting {
            steps: STEPS,
            last: true,
        };
        let case = Case {
            rule,
            held: false,
            counting,
        };
        let [first, exact] =
            [Order::First, Order::Exact].map(|order| case.gradient(&params, &start, order));
        assert!(first != exact, "{config:?}");
    }
}

/// What was before a window is constant: the last window's gradient is that of an unroll
/// that begins there.
#[test]
fn windows_know_nothing_of_what_was_before() {
    for config in rules() {
        let rule = Rule::new(&config, SIZE, &mut Blueprint::new());
        let (params, start) = values(&rule, &config);
        let counting = Counting {
            steps: 2 * STEPS,
            last: false,
        };
        let case = Case {
            rule,
            held: false,
            counting,
        };
        let mut tile = case.tile();
        let mut course = tile.begin(&case.rule, Some(&start));
        let window = (STEPS, counting);
        tile.run(&case.rule, &params, &mut course, window);
        let middle = course.clone();
        let mut recorder = Recorder::default();
        // What a longer recording left there is of no effect.
        let mut other = middle.clone();
        let longer = (STEPS + 1, counting);
        tile.record(&case.rule, &params, &mut other, longer, &mut recorder);
        let mut unused = vec![0.0; params.len()];
        let recorded = (&mut recorder, Order::Exact);
        tile.differentiate(&case.rule, &params, recorded, &mut unused, None);
        tile.record(&case.rule, &params, &mut course, window, &mut recorder);
        let mut gradient = vec![0.0; params.len()];
        let recorded = (&mut recorder, Order::Exact);
        tile.differentiate(&case.rule, &params, recorded, &mut gradient, None);
        let scale = gradient.iter().fold(1.0_f64, |most, g| most.max(g.abs()));
        for index in [0, params.len() / 2, params.len() - 1] {
            let by = |step: f64| {
                let mut params = params.clone();
                params[index] += step;
                let mut course = middle.clone();
                case.tile()
                    .run(&case.rule, &params, &mut course, window)
                    .loss
            };
            let found = (by(1e-5) - by(-1e-5)) / 2e-5;
            let off = (found - gradient[index]).abs();
            assert!(off < 1e-7 * scale, "{config:?}, {index}: off by {off}");
        }
    }
}

/// With gates held open, whatever they read, the gated rule is Meta-SGD to the bit.
#[test]
fn open_gates_leave_meta_sgd() {
    let gated = RuleConfig::Gated {
        hidden: 5,
        preprocess: 5.0,
        forget: 60.0,
        input: 60.0,
        rate: 0.1,
        learned: LearnedRate::PerParameter,
    };
    let plain = RuleConfig::Plain {
        rate: 0.1,
        learned: LearnedRate::PerParameter,
    };
    let of = |config: &RuleConfig| {
        let rule = Rule::new(config, SIZE, &mut Blueprint::new());
        let counting = Counting {
            steps: STEPS,
            last: false,
        };
        Case {
            rule,
            held: false,
            counting,
        }
    };
    let (gated, own) = (of(&gated), of(&plain));
    let (rates, start) = values(&own.rule, &plain);
    let plain = own;
    // Rates are the last parameters, and the biases of both gates those before them.
    let mut params = vec![0.1; gated.rule.parameters() - SIZE];
    let open = params.len() - 2;
    params[open..].fill(60.0);
    params.extend_from_slice(&rates);
    let loss = plain.loss(&rates, &start);
    assert_eq!(gated.loss(&params, &start), loss);
    let [all, own] = [(&gated, &params), (&plain, &rates)]
        .map(|(case, params)| case.gradient(params, &start, Order::Exact));
    assert_eq!(all[open + 2..], own[..]);
    assert!(own.iter().all(|g| g.abs() > 1e-6), "{own:?}");
}
