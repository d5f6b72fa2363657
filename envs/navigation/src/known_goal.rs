//! Planners that are shown where they have to go.

use rl_core::{ActRow, ActionsMut, EnvSpec, ObservationSpace, Outcome, Policy, PolicyFactory};
use rl_core::{Row, Stream, TaskDistribution};

/// What a planner sees of its lane.
pub(crate) struct Seen<'a> {
    /// The environment's own observation, a symbol as a one-hot vector.
    pub(crate) own: &'a [f32],
    /// The task's description.
    pub(crate) task: &'a [f32],
    /// Whether the task is new.
    pub(crate) new_task: bool,
    /// Steps of the episode so far.
    pub(crate) step: usize,
    /// What the episode's last step gave; 0 at its start.
    pub(crate) reward: f32,
}

/// What to do.
pub(crate) enum Move {
    /// An action's index.
    Index(u32),
    /// Where to go from here, which the environment limits to its box.
    By([f32; 2]),
}

/// Goes the best way to a goal that it knows, in one lane.
pub(crate) trait Planner: Clone + Send + Sync + 'static {
    /// What to do now.
    fn act(&mut self, seen: &Seen<'_>) -> Move;
}

/// The planner of an environment, `known-goal`: reads the task where
/// observations end, which [`rl_core::Revealed`] makes them do, and goes the
/// best way.
pub(crate) fn known_goal<P: Planner>(
    tasks: &impl TaskDistribution,
    planner: P,
) -> Box<dyn PolicyFactory> {
    let description = tasks.description_size();
    Box::new(KnownGoal {
        spec: tasks.spec(),
        description,
        planner,
    })
}

struct KnownGoal<P> {
    /// Of the environment while tasks are hidden.
    spec: EnvSpec,
    description: usize,
    planner: P,
}

impl<P: Planner> PolicyFactory for KnownGoal<P> {
    fn name(&self) -> String {
        "known-goal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let (ObservationSpace::Vector { size } | ObservationSpace::Discrete { size }) =
            self.spec.observation;
        let width = size + self.description;
        let shown = EnvSpec {
            observation: ObservationSpace::Vector { size: width },
            ..self.spec.clone()
        };
        if *spec == self.spec {
            return Err(format!(
                "the task is hidden in this '{}', and known-goal has to be shown it: set \
                 task=shown",
                spec.name
            ));
        }
        if *spec != shown {
            return Err(format!(
                "this known-goal was made for {shown:?} and cannot act in {spec:?}; ask the \
                 environment itself for its own"
            ));
        }
        Ok(Box::new(Planners {
            own: size,
            width,
            lanes: vec![(self.planner.clone(), 0); lanes],
        }))
    }
}

/// A planner in each lane.
struct Planners<P> {
    /// Numbers of the environment's own observation.
    own: usize,
    /// Numbers of an observation.
    width: usize,
    /// With the steps of its episode so far. `[lanes]`
    lanes: Vec<(P, usize)>,
}

impl<P: Planner> Policy for Planners<P> {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], mut out: ActRow<'_>) {
        let observations = row.observation.chunks_exact(self.width);
        for (lane, ((planner, step), observation)) in
            self.lanes.iter_mut().zip(observations).enumerate()
        {
            let new_task = row.start[lane];
            let begins = new_task || row.previous_outcome[lane] != Outcome::Continue;
            *step = if begins { 0 } else { *step + 1 };
            let (own, task) = observation.split_at(self.own);
            let seen = Seen {
                own,
                task,
                new_task,
                step: *step,
                reward: if begins {
                    0.0
                } else {
                    row.previous_reward[lane]
                },
            };
            match (planner.act(&seen), &mut out.action) {
                (Move::Index(index), ActionsMut::Discrete(actions)) => actions[lane] = index,
                (Move::By(by), ActionsMut::Box { width, row }) => {
                    row[lane * *width..(lane + 1) * *width].copy_from_slice(&by);
                }
                // `make` has compared the spaces.
                _ => {}
            }
        }
    }
}

/// Which of the symbols a one-hot vector is.
pub(crate) fn symbol(one_hot: &[f32]) -> u32 {
    let place = one_hot.iter().position(|number| *number == 1.0);
    place.unwrap_or(0) as u32
}
