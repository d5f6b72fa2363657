//! Several policies that act as one.

use crate::expert::experts;
use crate::rule::{Ready, Rule};
use classical::simplex::draw;
use rl_core::{ActRow, ActionSpace, ActionsMut, EnvFactory, EnvSpec, Policy};
use rl_core::{PolicyFactory, Row, Stream};
use std::sync::Arc;

/// A library of policies as one policy, by a rule.
pub struct Combined {
    name: String,
    rule: Ready,
    library: Vec<Arc<dyn PolicyFactory>>,
    /// Of the environment that it was made for.
    spec: EnvSpec,
}

impl Combined {
    /// Combines the policies of a library by a rule, for an environment.
    ///
    /// # Errors
    /// Names what does not fit: a library without policies, one of them that cannot act
    /// there, or, for a rule that infers the task, an environment without a posterior or
    /// with more or fewer tasks than there are policies.
    pub fn new(
        rule: Rule,
        library: Vec<Arc<dyn PolicyFactory>>,
        env: &dyn EnvFactory,
    ) -> Result<Self, String> {
        if library.is_empty() {
            return Err("there is no policy to combine; it takes one at least".into());
        }
        for policy in &library {
            let unfit = |why| format!("{}: {why}", policy.name());
            policy.make(env.spec(), 1).map_err(unfit)?;
        }
        let ready = match rule {
            Rule::ByPosterior(rule) => {
                let (tasks, policies) = (env.known_tasks()?, library.len());
                let count = tasks.count();
                if count != policies {
                    return Err(format!(
                        "{policies} policies for {count} tasks; it takes one of each task"
                    ));
                }
                Ready::ByPosterior(rule, tasks)
            }
            Rule::Exp4 { rate } => Ready::Exp4 { rate },
            Rule::Majority => Ready::Majority,
        };
        Ok(Self {
            name: rule.name(),
            rule: ready,
            library,
            spec: env.spec().clone(),
        })
    }

    /// Combines the [`experts`] of an environment.
    ///
    /// # Errors
    /// Why the environment does not know its tasks, as a clause.
    pub fn of_experts(rule: Rule, env: &dyn EnvFactory) -> Result<Self, String> {
        Self::new(rule, experts(env)?, env)
    }
}

impl PolicyFactory for Combined {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        if *spec != self.spec {
            let own = &self.spec;
            return Err(format!(
                "it was made for {own:?} and cannot act in {spec:?}"
            ));
        }
        let actions = actions(spec)?;
        let policies = self.library.iter().map(|policy| policy.make(spec, lanes));
        let size = Size {
            lanes,
            policies: self.library.len(),
            actions,
        };
        Ok(Box::new(CombinedPolicy {
            policies: policies.collect::<Result<_, _>>()?,
            labels: vec![0.0; size.policies * lanes * actions],
            chosen: vec![0; lanes],
            unread: vec![0.0; 2 * lanes],
            combining: self.rule.start(size),
            probabilities: vec![0.0; actions],
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        let policies = self.library.iter().map(|policy| policy.bytes(spec, lanes));
        let actions = actions(spec).unwrap_or(0) as f64;
        // Their labels, and at most as much again that a rule remembers of them.
        let labels = 8.0 * (self.library.len() * lanes) as f64 * (actions + 1.0);
        policies.sum::<f64>() + labels + 64.0 * lanes as f64
    }
}

/// What there is to combine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) lanes: usize,
    pub(crate) policies: usize,
    pub(crate) actions: usize,
}

/// The turn of one lane.
pub(crate) struct Turn<'a> {
    pub(crate) lane: usize,
    pub(crate) row: &'a Row<'a>,
    /// How probable each action is to each policy. `[policies][lanes][actions]`
    labels: &'a [f32],
    /// Actions there are.
    actions: usize,
    pub(crate) rng: &'a mut Stream,
}

impl<'a> Turn<'a> {
    /// How probable each action is to each policy: `[actions]` of one after the other.
    pub(crate) fn advice(&self) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        let (own, actions) = (self.lane * self.actions, self.actions);
        let rows = self.labels.chunks_exact(self.row.lanes * actions);
        rows.map(move |row| &row[own..own + actions])
    }
}

/// A rule at work in lanes.
pub(crate) trait Combining: Send {
    /// With what probability each action is to be taken. Called once for every lane of
    /// every row. `[actions]`
    fn probabilities(&mut self, turn: Turn<'_>, probabilities: &mut [f64]);
}

struct CombinedPolicy {
    policies: Vec<Box<dyn Policy>>,
    labels: Vec<f32>, // [policies][lanes][actions]
    chosen: Vec<u32>, // [lanes], what a policy alone would do
    unread: Vec<f32>, // [2][lanes], what nobody needs of a policy
    combining: Box<dyn Combining>,
    probabilities: Vec<f64>, // [actions]
}

impl CombinedPolicy {
    /// Acts, and tells `acted` of each lane's probabilities.
    fn act_and(
        &mut self,
        row: &Row<'_>,
        (streams, action): (&mut [Stream], ActionsMut<'_>),
        mut acted: impl FnMut(usize, &[f64]),
    ) {
        let actions = self.probabilities.len();
        let labels = self.labels.chunks_exact_mut(row.lanes * actions);
        for (policy, label) in self.policies.iter_mut().zip(labels) {
            let (log_prob, value) = self.unread.split_at_mut(row.lanes);
            let out = ActRow {
                action: ActionsMut::Discrete(&mut self.chosen),
                log_prob,
                value,
                label,
            };
            policy.advise(row, streams, out);
        }
        let Some(to_write) = action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        for (lane, (action, rng)) in to_write.iter_mut().zip(streams).enumerate() {
            let turn = Turn {
                lane,
                row,
                labels: &self.labels,
                actions,
                rng: &mut *rng,
            };
            self.combining.probabilities(turn, &mut self.probabilities);
            *action = draw(&self.probabilities, rng) as u32;
            acted(lane, &self.probabilities);
        }
    }
}

impl Policy for CombinedPolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.act_and(row, (streams, out.action), |_, _| {});
    }

    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let label = out.label;
        self.act_and(row, (streams, out.action), |lane, probabilities| {
            write_label(label, lane, probabilities);
        });
    }
}

/// Writes the label of a lane.
pub(crate) fn write_label(label: &mut [f32], lane: usize, probabilities: &[f64]) {
    let own = lane * probabilities.len()..(lane + 1) * probabilities.len();
    for (label, probability) in label[own].iter_mut().zip(probabilities) {
        *label = *probability as f32;
    }
}

/// How many actions an environment has.
///
/// # Errors
/// If they are not finitely many.
pub(crate) fn actions(spec: &EnvSpec) -> Result<usize, String> {
    match spec.action {
        ActionSpace::Discrete { size } => Ok(size),
        ActionSpace::Box { .. } => Err(format!(
            "actions of {} are vectors of real numbers, and those that are combined are \
             finitely many",
            spec.name
        )),
    }
}
