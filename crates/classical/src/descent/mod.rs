//! Optimizers by hand, for environments whose tasks are functions of parameters.

mod rules;

use crate::registry::{Family, LearnerInfo};
use rl_core::{ActRow, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Setting, Sight, Stream};
use rules::{Adam, Momentum, RmsProp, Rule};

const RATE: Setting = Setting::number("rate", 0.01, 0.0..=1e3, "learning rate");

/// All of them.
pub(crate) static LEARNERS: [LearnerInfo; 4] = [
    descent(
        "sgd",
        "steps down the gradient of a function",
        &[RATE],
        |values| {
            optimizer(
                "sgd",
                values,
                Momentum {
                    rate: values[0] as f32,
                    keep: 0.0,
                },
            )
        },
    ),
    descent(
        "momentum",
        "as sgd, along a sum of gradients that fades (Polyak 1964)",
        &[
            RATE,
            Setting::number("momentum", 0.9, 0.0..=0.9999, "what is kept of the sum"),
        ],
        |values| {
            let [rate, keep] = [values[0] as f32, values[1] as f32];
            optimizer("momentum", values, Momentum { rate, keep })
        },
    ),
    descent(
        "rmsprop",
        "as sgd, over the root of the mean squared gradient (Tieleman and Hinton 2012)",
        &[
            RATE,
            Setting::number("decay", 0.9, 0.0..=0.9999, "what is kept of the mean"),
        ],
        |values| {
            let [rate, keep] = [values[0] as f32, values[1] as f32];
            optimizer("rmsprop", values, RmsProp { rate, keep })
        },
    ),
    descent(
        "adam",
        "momentum over the root of the mean squared gradient (Kingma and Ba 2015)",
        &[
            RATE,
            Setting::number("beta1", 0.9, 0.0..=0.9999, "what is kept of the mean"),
            Setting::number("beta2", 0.999, 0.0..=0.99999, "what is kept of the squares"),
        ],
        |values| {
            let [rate, keep1, keep2] = [0, 1, 2].map(|i| values[i] as f32);
            optimizer("adam", values, Adam { rate, keep1, keep2 })
        },
    ),
];

const fn descent(
    name: &'static str,
    summary: &'static str,
    settings: &'static [Setting],
    build: fn(&[f64]) -> Box<dyn PolicyFactory>,
) -> LearnerInfo {
    LearnerInfo {
        name,
        summary,
        family: Family::Descent,
        settings,
        build,
    }
}

fn optimizer(name: &str, values: &[f64], rule: impl Rule) -> Box<dyn PolicyFactory> {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    let name = format!("{name}({})", values.join(", "));
    Box::new(Optimizer { name, rule })
}

/// A rule under its name.
struct Optimizer<R> {
    name: String,
    rule: R,
}

impl<R: Rule> PolicyFactory for Optimizer<R> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let parameters = Sight::parameters(spec, &self.name)?;
        Ok(Box::new(Descending {
            rule: self.rule,
            parameters,
            memory: vec![Default::default(); lanes * parameters],
            steps: vec![0; lanes],
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        (lanes * (4 + size_of::<R::Memory>() * spec.action.width())) as f64
    }
}

/// One at work.
struct Descending<R: Rule> {
    rule: R,
    parameters: usize,
    memory: Vec<R::Memory>, // [lanes][parameters]
    /// Gradients so far. `[lanes]`
    steps: Vec<i32>,
}

impl<R: Rule> Policy for Descending<R> {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let ActionsMut::Box { row: actions, .. } = out.action else {
            return; // `make` has refused other actions.
        };
        let (size, width) = (self.parameters, Sight::width(self.parameters));
        for lane in 0..row.lanes {
            let sight = Sight::of(&row.observation[lane * width..(lane + 1) * width]);
            let own = lane * size..(lane + 1) * size;
            let (memory, to) = (&mut self.memory[own.clone()], &mut actions[own]);
            to.copy_from_slice(sight.parameters);
            if row.start[lane] {
                // No gradient is shown yet.
                memory.fill(Default::default());
                self.steps[lane] = 0;
                continue;
            }
            self.steps[lane] = self.steps[lane].saturating_add(1);
            let rule = self.rule.at(self.steps[lane]);
            for ((to, g), memory) in to.iter_mut().zip(sight.gradient).zip(memory) {
                *to -= R::step(&rule, *g, memory);
            }
        }
    }
}
