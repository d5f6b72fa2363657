//! What optimizers do, as drawings over many trials.

use crate::plot::{Band, DEVIATIONS, Plot, Scale};
use rl_core::{Analysis, Moments, Sight, Trajectory, Trials};

/// What can be drawn of who moves so many parameters.
pub(crate) fn analyses(parameters: usize) -> Vec<Analysis> {
    vec![
        Analysis::new("loss", |trials| loss(trials.trajectory)),
        Analysis::new("rule", move |trials| rule(&seen(trials, parameters)?)),
        Analysis::new("gates", move |trials| gates(&seen(trials, parameters)?)),
    ]
}

/// Minus what the rewards add up to, after each number of gradients.
fn loss(trajectory: &Trajectory) -> Option<rl_core::Picture> {
    let lanes = trajectory.lanes();
    let steps = trajectory.lengths().iter().copied().min()?;
    let rewards = trajectory.rewards();
    let mut worth = vec![0.0; lanes];
    let mut points = Vec::new();
    for t in 0..steps {
        let row = &rewards[t * lanes..(t + 1) * lanes];
        let after = worth.iter_mut().zip(row).map(|(worth, reward)| {
            *worth += f64::from(*reward);
            -*worth
        });
        let losses: Moments = after.collect();
        points.push((t as f64, losses.mean(), losses.standard_error()));
    }
    // An accuracy is no loss: it is drawn as it is, upwards.
    let accuracy = points
        .iter()
        .all(|(_, loss, _)| (-1.0..=0.0).contains(loss));
    let sign = if accuracy { -1.0 } else { 1.0 };
    let points = points
        .iter()
        .map(|(t, loss, error)| (*t, sign * loss, *error));
    let plot = Plot {
        bands: vec![Band {
            name: String::new(),
            points: points.collect(),
        }],
        x: "gradients",
        scale: match accuracy {
            true => Scale::Linear,
            false => Scale::Logarithmic,
        },
    };
    let what = if accuracy { "Accuracy" } else { "Loss" };
    let caption = format!(
        "{what} that counts after each number of gradients: mean over {lanes} tasks, \
         ± {DEVIATIONS} standard errors."
    );
    plot.picture(&format!("{what} by gradients"), &caption)
}

/// What was seen of a coordinate, and what was done: gradient, parameter, and the parameter
/// afterwards.
type Seen = [f64; 3];

/// All of that, step by step from the first gradient on. `[steps][…]`
fn seen(trials: &Trials<'_>, parameters: usize) -> Option<Vec<Vec<Seen>>> {
    let trajectory = trials.trajectory;
    let (lanes, width) = (trajectory.lanes(), trajectory.observation_width());
    let rl_core::Actions::Box { row: actions, .. } = trajectory.actions() else {
        return None;
    };
    if width != Sight::width(parameters) {
        return None;
    }
    // The first row shows no gradient.
    let steps = trajectory.lengths().iter().copied().min()?;
    let step = |t: usize| {
        let lane = |lane: usize| {
            let row = (t * lanes + lane) * width;
            let sight = Sight::of(&trajectory.observations()[row..row + width]);
            let at = (t * lanes + lane) * parameters;
            let to = &actions[at..at + parameters];
            let seen = (0..parameters)
                .map(|i| [sight.gradient[i], sight.parameters[i], to[i]].map(f64::from));
            seen.collect::<Vec<_>>()
        };
        // As many coordinates as tell, evenly from all lanes.
        let each = (MOST / parameters).clamp(1, lanes);
        (0..each).flat_map(lane).collect()
    };
    (steps > 1).then(|| (1..steps).map(step).collect())
}

/// Coordinates of a step that are looked at.
const MOST: usize = 20_000;

/// Parts that gradients are sorted into.
const PARTS: usize = 24;

/// What a coordinate is moved by where its gradient is such, early and late.
fn rule(steps: &[Vec<Seen>]) -> Option<rl_core::Picture> {
    let third = steps.len().div_ceil(3);
    let bands = [
        ("first third", &steps[..third]),
        ("last third", &steps[steps.len() - third..]),
    ];
    let bands = bands.into_iter().filter_map(|(name, steps)| {
        let mut moves: Vec<(f64, f64)> = steps
            .iter()
            .flatten()
            .map(|[gradient, before, after]| (*gradient, after - before))
            .collect();
        moves.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The outermost hundredth would leave no room for the rest.
        let cut = moves.len() / 200;
        let moves = &moves[cut..moves.len() - cut];
        let parts = moves.chunks(moves.len().div_ceil(PARTS).max(1));
        let points = parts.map(|part| {
            let x = part.iter().map(|(x, _)| x).sum::<f64>() / part.len() as f64;
            let moved: Moments = part.iter().map(|(_, y)| *y).collect();
            (x, moved.mean(), moved.standard_error())
        });
        let points: Vec<_> = points.collect();
        (points.len() > 1).then(|| Band {
            name: name.to_owned(),
            points,
        })
    });
    let plot = Plot {
        bands: bands.collect(),
        x: "gradient of a coordinate",
        scale: Scale::Linear,
    };
    let caption = format!(
        "What a coordinate is moved by, against its gradient: means over as many coordinates each, \
         ± {DEVIATIONS} standard errors as if all were independent; the outermost hundredth of the \
         gradients is left out. Gradient descent is a line through 0."
    );
    plot.picture("What a step does", &caption)
}

/// How much of a parameter is kept and of its gradient taken, step by step: the best fit of
/// f θ − i g to where coordinates go.
fn gates(steps: &[Vec<Seen>]) -> Option<rl_core::Picture> {
    let fits: Vec<_> = steps.iter().map(|step| fit(step)).collect();
    let band = |name: &str, number: usize| Band {
        name: name.to_owned(),
        points: fits
            .iter()
            .enumerate()
            .filter_map(|(t, fit)| Some((1.0 + t as f64, (*fit)?[number], 0.0)))
            .collect(),
    };
    let plot = Plot {
        bands: vec![band("kept: f", 0), band("taken: i", 1)],
        x: "gradients",
        scale: Scale::Linear,
    };
    let caption = "The f and i by which f θ − i g comes nearest to where coordinates are sent, \
                   over all of them in a step: what a forget gate and an input gate would be. \
                   Gradient descent keeps 1 and takes its rate.";
    plot.picture("Kept and taken", caption)
}

/// f and i of least squares; `None` where gradients or parameters do not tell.
fn fit(step: &[Seen]) -> Option<[f64; 2]> {
    let (mut gg, mut gp, mut pp, mut ga, mut pa) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for [g, p, after] in step {
        gg += g * g;
        gp += g * p;
        pp += p * p;
        ga += g * after;
        pa += p * after;
    }
    let determinant = gg * pp - gp * gp;
    let tells = determinant > 1e-9 * gg * pp;
    tells.then(|| {
        let kept = (pa * gg - ga * gp) / determinant;
        let taken = -(ga * pp - pa * gp) / determinant;
        [kept, taken]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_found_again() {
        let step: Vec<Seen> = (0..50)
            .map(|i| {
                let (g, p) = ((f64::from(i) * 0.7).sin(), (f64::from(i) * 1.3).cos());
                [g, p, 0.9 * p - 0.05 * g]
            })
            .collect();
        let [kept, taken] = fit(&step).unwrap();
        assert!((kept - 0.9).abs() < 1e-12 && (taken - 0.05).abs() < 1e-12);
        // Parameters that are 0 do not tell what is kept of them.
        assert_eq!(fit(&[[1.0, 0.0, 0.5], [2.0, 0.0, 1.0]]), None);
    }
}
