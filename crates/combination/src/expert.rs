//! The policies that are best in each of finitely many tasks.

use crate::combined::{actions, write_label};
use crate::informed::Informed;
use classical::simplex::draw;
use rl_core::{ActRow, ActionsMut, EnvFactory, EnvSpec, Information, KnownTasks, Policy};
use rl_core::{PolicyFactory, Row, Stream};
use std::sync::Arc;

/// The library of an environment that knows its tasks: of each the policy that is best
/// in it, and acts so in all of them.
///
/// # Errors
/// Why the environment does not know its tasks, as a clause.
pub fn experts(env: &dyn EnvFactory) -> Result<Vec<Arc<dyn PolicyFactory>>, String> {
    let tasks = env.known_tasks()?;
    let expert = |task| -> Arc<dyn PolicyFactory> {
        Arc::new(Expert {
            spec: env.spec().clone(),
            tasks: Arc::clone(&tasks),
            task,
        })
    };
    Ok((0..tasks.count()).map(expert).collect())
}

struct Expert {
    spec: EnvSpec,
    tasks: Arc<dyn KnownTasks>,
    task: usize,
}

impl PolicyFactory for Expert {
    fn name(&self) -> String {
        format!("the expert of task {}", self.task)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        if *spec != self.spec {
            let own = &self.spec;
            return Err(format!("it knows {own:?} and cannot act in {spec:?}"));
        }
        Ok(Box::new(ExpertPolicy {
            informed: Informed::new(Arc::clone(&self.tasks), lanes),
            task: self.task,
            probabilities: vec![0.0; actions(spec)?],
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        (lanes * size_of::<Information>()) as f64
    }
}

struct ExpertPolicy {
    informed: Informed,
    task: usize,
    probabilities: Vec<f64>, // [actions]
}

impl ExpertPolicy {
    /// Acts, and tells `acted` of each lane's probabilities.
    fn act_and(
        &mut self,
        row: &Row<'_>,
        (streams, action): (&mut [Stream], ActionsMut<'_>),
        mut acted: impl FnMut(usize, &[f64]),
    ) {
        let Some(actions) = action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        for (lane, (action, rng)) in actions.iter_mut().zip(streams).enumerate() {
            let known = self.informed.learn(lane, row);
            let tasks = &self.informed.tasks;
            tasks.act(known, self.task, &mut self.probabilities);
            *action = draw(&self.probabilities, rng) as u32;
            acted(lane, &self.probabilities);
        }
    }
}

impl Policy for ExpertPolicy {
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
