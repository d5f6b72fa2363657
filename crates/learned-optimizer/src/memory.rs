//! What a training takes of memory, found before it is made.

use crate::config::{Config, Start, TrainingConfig};
use crate::rule::Rule;
use kernels::lanes::padded;
use nets::Blueprint;
use rl_core::Footprint;

/// Vectors as long as what is learned that there are whatever the batch: the values and two
/// moments of the training, of the update in progress, and once more in a step of the
/// optimizer; and the gradient, as doubles and as it is followed.
const VECTORS: usize = 12;

/// What a training takes at its peak, evaluations aside: functions of so many parameters and
/// bytes each with where the rule is in them, a recording of a window on every worker, and
/// vectors as long as what is learned.
pub(crate) fn footprint(
    config: &Config,
    (size, function): (usize, f64),
    workers: usize,
) -> Footprint {
    let rule = Rule::new(&config.rule, size, &mut Blueprint::new());
    let group = config.group(size);
    let groups = config.problems.div_ceil(group);
    let at_once = workers.min(groups);
    let lanes = padded(group * size) as f64;
    let perturbed = match config.training {
        TrainingConfig::Es(_) | TrainingConfig::Pes(_) => 1,
        TrainingConfig::Gradient { .. } | TrainingConfig::Reptile => 0,
    };
    let persist = usize::from(matches!(config.training, TrainingConfig::Pes(_)));
    let learned = rule.parameters()
        + match config.start {
            Start::Learned => size,
            Start::Given => 0,
        };
    // Gradients of all groups, what persists in them, and on every worker a perturbation and
    // where it leads.
    let vectors = VECTORS + (1 + persist) * groups + 2 * perturbed * at_once;
    // A member of a pair goes from where the group is.
    let courses = (1 + persist) * groups + perturbed * at_once;
    let numbers = (courses * course(&rule) + groups * room(&rule)) as f64 * lanes;
    let window = config.window();
    let recorded = match config.training {
        TrainingConfig::Gradient { .. } => (at_once * recording(&rule, window)) as f64 * lanes,
        TrainingConfig::Es(_) | TrainingConfig::Pes(_) | TrainingConfig::Reptile => 0.0,
    };
    Footprint::new()
        .with(
            format!("{} functions", config.problems),
            config.problems as f64 * function + 4.0 * numbers,
            "learned-optimizer.problems, learned-optimizer.rule.hidden and the environment's size",
        )
        .with(
            format!("recordings of {window} steps"),
            4.0 * recorded,
            "learned-optimizer.training.truncation, learned-optimizer.rule.hidden, the \
             environment's size and --workers",
        )
        .with(
            format!("{vectors} copies of what is learned, its gradients and optimizer"),
            4.0 * vectors as f64 * learned as f64,
            "learned-optimizer.problems and learned-optimizer.rule.hidden",
        )
}

/// Cells of all layers.
fn cells(rule: &Rule) -> usize {
    rule.hidden * rule.layers.len()
}

/// Numbers of a coordinate where the rule is: the parameter, cells and outputs, and two
/// logits.
fn course(rule: &Rule) -> usize {
    3 + 2 * cells(rule)
}

/// Numbers of a coordinate that a step works on: features and gates of the layers, two of the
/// head, gradient, loss and move.
fn room(rule: &Rule) -> usize {
    rule.features() + 4 * cells(rule) + 5
}

/// Numbers of a coordinate in a recording of so many steps, with those of the way back.
fn recording(rule: &Rule, steps: usize) -> usize {
    let (cells, features) = (cells(rule), rule.features());
    // Gradient, loss, what counts, logits and the head's gates, and where the rule was.
    let kept = (steps + 1) * (features + 3 + 4 + 2 * cells + 1) + steps * 4 * cells;
    let back = features + 5 + 2 * cells + steps * (4 * cells + rule.head_rows());
    kept + back
}
