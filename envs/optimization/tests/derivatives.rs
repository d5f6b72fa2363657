//! Gradients and Hessians against finite differences, in f64, and minima.

use optimization::{Activation, Differentiated, Fit, Loss, Network, Quadratic, Quadratics};
use rl_core::{Objective, TaskDistribution as _};

fn wave(i: usize) -> f64 {
    (1.3 * i as f64 + 0.4).sin()
}

/// The largest errors of the gradient of what is shown, of its curvature along a direction,
/// and of the gradient of what counts.
fn errors(objective: &mut dyn Objective<f64>, step: usize) -> [f64; 3] {
    let size = objective.parameters();
    let at: Vec<f64> = (0..size).map(|i| 0.5 * wave(i + 3)).collect();
    let along: Vec<f64> = (0..size).map(|i| wave(2 * i + 9)).collect();
    let moved = |by: f64| -> Vec<f64> { at.iter().zip(&along).map(|(x, v)| x + by * v).collect() };
    let h = 1e-5;
    let mut ends = [0.0; 2].map(|_: f64| (0.0, vec![0.0; size], 0.0));
    for ((shown, gradient, counted), by) in ends.iter_mut().zip([h, -h]) {
        *shown = objective.shown(step, &moved(by), gradient);
        *counted = objective.counted(&moved(by), &mut vec![0.0; size]);
    }
    let [plus, minus] = ends;
    let (mut gradient, mut counted) = (vec![0.0; size], vec![0.0; size]);
    objective.shown(step, &at, &mut gradient);
    objective.counted(&at, &mut counted);
    let mut product = vec![0.0; size];
    objective.curvature(step, &at, &along, &mut product);
    let dot = |g: &[f64]| -> f64 { g.iter().zip(&along).map(|(a, b)| a * b).sum() };
    let bend = (0..size).map(|i| ((plus.1[i] - minus.1[i]) / (2.0 * h) - product[i]).abs());
    [
        ((plus.0 - minus.0) / (2.0 * h) - dot(&gradient)).abs(),
        bend.fold(0.0, f64::max),
        ((plus.2 - minus.2) / (2.0 * h) - dot(&counted)).abs(),
    ]
}

fn check(objective: &mut dyn Objective<f64>) {
    for step in [0, 1, 5] {
        let errors = errors(objective, step);
        assert!(errors.iter().all(|error| *error < 1e-6), "{errors:?}");
    }
}

#[test]
fn quadratics_are_differentiated() {
    let (rows, size) = (6, 4);
    let matrix = (0..rows * size).map(wave).collect();
    let target = (0..rows).map(|i| wave(i + 50)).collect();
    check(&mut Differentiated::<_, f64>::new(Quadratic::new(
        matrix,
        target,
        vec![0.0; size],
    )));
}

#[test]
fn networks_are_differentiated() {
    for activation in [Activation::Tanh, Activation::Relu] {
        for (loss, outputs) in [(Loss::Square, 2), (Loss::CrossEntropy, 3)] {
            let network = Network {
                sizes: vec![3, 5, 9, outputs],
                activation,
                loss,
            };
            let rows = |count: usize, from: usize| {
                let inputs = (0..3 * count).map(|i| wave(7 * i + from)).collect();
                let target = |i: usize| match loss {
                    Loss::Square => wave(5 * i + from),
                    Loss::CrossEntropy => f64::from(u8::from(i % outputs == i / outputs % outputs)),
                };
                (inputs, (0..outputs * count).map(target).collect())
            };
            for batch in [0, 2] {
                check(&mut Differentiated::<_, f64>::new(Fit {
                    shown: rows(5, 1),
                    counted: rows(4, 2),
                    batch,
                    accuracy: false,
                    start: vec![0.0; network.parameters()],
                    network: network.clone(),
                }));
            }
        }
    }
}

/// At the least value the gradient is 0, and who knows the task has its value.
#[test]
fn minima_are_minima() {
    let (rows, size) = (9, 4);
    // Squares, so that columns do not depend on each other as those of one wave do.
    let matrix: Vec<f64> = (0..rows * size).map(|i| wave(i * i)).collect();
    let target: Vec<f64> = (0..rows).map(|i| wave(3 * i + 50)).collect();
    let quadratic = Quadratic::new(matrix, target, vec![0.0; size]);
    let (least, place) = quadratic.minimum();
    let place = place.unwrap();
    let mut objective = Differentiated::<_, f64>::new(quadratic);
    let mut gradient = vec![0.0; size];
    let value = objective.counted(&place, &mut gradient);
    assert!(
        (value - least).abs() < 1e-12 && least > 0.1,
        "{value}, {least}"
    );
    assert!(gradient.iter().all(|g| g.abs() < 1e-12), "{gradient:?}");
    // As many rows as parameters leave nothing.
    let quadratics = Quadratics::new(3, 3, false, 5).unwrap();
    assert_eq!(
        quadratics.known_task_optimum(&Default::default()),
        Some(0.0)
    );
}
