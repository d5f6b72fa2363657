use super::*;
use crate::config::{GradientOrder, LearnedRate, RuleConfig};
use nets::{OptimizerConfig, Schedule, Shape};
use rl_core::Objective;

const SIZE: usize = 3;
const STEPS: usize = 6;

/// Σ (θᵢ − 1)² from 0.
struct Bowl;

impl Objective for Bowl {
    fn parameters(&self) -> usize {
        SIZE
    }

    fn start(&self) -> &[f32] {
        &[0.0; SIZE]
    }

    fn limit(&self) -> f32 {
        100.0
    }

    fn shown(&mut self, _step: usize, at: &[f32], gradient: &mut [f32]) -> f32 {
        self.counted(at, gradient)
    }

    fn curvature(&mut self, _step: usize, _at: &[f32], along: &[f32], product: &mut [f32]) {
        let both = product.iter_mut().zip(along);
        both.for_each(|(product, along)| *product += 2.0 * along);
    }

    fn counted(&mut self, at: &[f32], gradient: &mut [f32]) -> f32 {
        let both = gradient.iter_mut().zip(at);
        both.for_each(|(g, x)| *g = 2.0 * (x - 1.0));
        at.iter().map(|x| (x - 1.0) * (x - 1.0)).sum()
    }

    fn worth(&mut self, at: &[f32]) -> f64 {
        // Another thing than minus the loss.
        f64::from(at[0] > 0.0)
    }
}

struct Bowls;

impl Objectives for Bowls {
    fn draw(&self, _key: &StreamKey, _lane: u64) -> Box<dyn Objective> {
        Box::new(Bowl)
    }
}

/// A plain rule with a learned rate and a learned start, and their values.
fn common(training: TrainingConfig) -> (Common, Vec<f32>) {
    let rate = 0.1;
    let config = Config {
        updates: 1,
        problems: 1,
        steps: STEPS,
        start: Start::Learned,
        loss: Counted::Every,
        rule: RuleConfig::Plain {
            rate,
            learned: LearnedRate::One,
        },
        training,
        max_gradient_norm: 1.0,
        learning_rate: Schedule {
            from: 0.1,
            to: 0.1,
            shape: Shape::Linear,
        },
        optimizer: OptimizerConfig::Sgd { momentum: 0.0 },
    };
    config.validate().unwrap();
    let mut blueprint = Blueprint::new();
    let rule = Arc::new(Rule::new(&config.rule, SIZE, &mut blueprint));
    blueprint.declare("start", &[SIZE], Init::Zeros);
    let common = Common {
        config,
        functions: Arc::new(Bowls),
        rule,
        layout: blueprint.layout(),
        size: SIZE,
        seed: 0,
        spare: Mutex::default(),
    };
    (common, vec![rate as f32, 0.0, 0.0, 0.0])
}

/// What the windows of an unroll say of the start, and of the rule.
fn said(training: TrainingConfig) -> Vec<(Vec<f32>, f32)> {
    let (common, values) = common(training);
    let tile = Tile::new(&common.rule, vec![Box::new(Bowl)]);
    let mut member = Member::new(&common, tile, &values);
    let windows = STEPS / common.config.window();
    let key = StreamKey::new(5, Domain::Training, 0);
    let windows = (0..windows as u64).map(|window| {
        let mut noise = key.lane(Purpose::Action, window);
        let said = member.window(&common, &values, &mut noise).gradient;
        (said[1..].to_vec(), said[0])
    });
    windows.collect()
}

const PERTURBED: Perturbation = Perturbation {
    truncation: 2,
    deviation: 0.1,
    pairs: 1,
};

/// Only the first window begins there: what the others said would be noise.
#[test]
fn evolution_strategies_say_nothing_of_a_start_that_a_window_does_not_read() {
    let said = said(TrainingConfig::Es(PERTURBED));
    assert!(said[0].0.iter().all(|g| *g != 0.0), "{said:?}");
    for (start, rule) in &said[1..] {
        assert_eq!(start, &[0.0; SIZE]);
        assert!(*rule != 0.0, "{said:?}");
    }
}

/// The start is perturbed once, where it is read; so all that later windows say of it is
/// along that perturbation.
#[test]
fn persistent_strategies_perturb_a_start_once() {
    let said = said(TrainingConfig::Pes(PERTURBED));
    let first = &said[0].0;
    for (start, _) in &said[1..] {
        let times = start[0] / first[0];
        assert!(times != 0.0, "{said:?}");
        for (g, first) in start.iter().zip(first) {
            let off = (g - times * first).abs();
            assert!(off < 1e-5 * g.abs(), "{said:?}");
        }
    }
}

/// What is reported is what the environment pays for, and not minus the loss.
#[test]
fn unrolls_report_what_their_ends_are_worth() {
    let (common, values) = common(TrainingConfig::Es(PERTURBED));
    let mut tile = Tile::new(&common.rule, vec![Box::new(Bowl) as _, Box::new(Bowl)]);
    let (rule, start) = common.parts(&values);
    let mut course = tile.begin(&common.rule, start);
    let mut go_on = || {
        let window = (STEPS / 2, common.counting());
        tile.run(&common.rule, rule, &mut course, window)
    };
    assert_eq!(go_on().worth, 0.0); // not at the end yet
    let end = go_on();
    assert_eq!(end.worth, 1.0);
    assert!(end.loss > 0.0);
}

/// A step of plain descent is as long as the rate times the gradient, where that is cut, and
/// the rate falls from the first of four updates to the last one.
#[test]
fn steps_become_shorter_as_is_scheduled() {
    let (mut common, values) = common(TrainingConfig::Gradient {
        truncation: STEPS,
        order: GradientOrder::Exact,
    });
    common.config.updates = 4;
    common.config.learning_rate.to = 0.0;
    let optimizer = Optimizer::new(common.config.optimizer, Arc::clone(&common.layout));
    let optimizer = optimizer.unwrap();
    let mut trainer = Trainer {
        common,
        pool: Arc::new(Pool::new(1, || ()).unwrap()),
        learned: Learned { values, optimizer },
        update: 0,
        env_steps: 0,
    };
    for share in [1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0] {
        let before = trainer.values().to_vec();
        let norm = trainer.update().unwrap().gradient_norm;
        let moved = trainer.values().iter().zip(&before);
        let squares: f64 = moved.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let expected = 0.1 * share * norm.min(1.0);
        assert!(norm > 0.0 && (squares.sqrt() - expected).abs() < 1e-6);
    }
}
