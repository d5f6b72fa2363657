//! Expected returns that have no closed form, from sampled tasks.

use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionSpace, ActionsMut, Domain, EnvFactory as _, Exact, Moments, Policy, Purpose,
    Rollout, Row, Stream, StreamKey, TaskDistribution, Tasks,
};

/// The tasks that all estimates use, so that they are always the same.
const KEY: StreamKey = StreamKey::new(0, Domain::Tuning, 0);

/// Steps of an agent that acts at random: a second or two of one core.
const STEPS: usize = 10_000_000;

/// Trials are simulated so many at a time; it does not matter how many.
const LANES: usize = 100;

/// The mean of the known-task optimum over `samples` tasks.
pub(crate) fn known_task_optimum<D: TaskDistribution>(tasks: &D, samples: u64) -> Exact {
    let mut task = D::Task::default();
    let optimum = |number| {
        tasks.sample(&mut task, &mut KEY.lane(Purpose::Task, number));
        tasks.known_task_optimum(&task)
    };
    Exact::estimated(&(0..samples).filter_map(optimum).collect())
}

/// The mean return of trials of an agent that acts uniformly at random.
pub(crate) fn random<D: TaskDistribution + Clone>(tasks: &D) -> Exact {
    let tasks = match Tasks::new(tasks.clone()) {
        Ok(tasks) => tasks,
        Err(error) => return Exact::unknown(error.to_string()),
    };
    let steps = tasks.spec().trial_steps();
    if steps > STEPS / LANES {
        return Exact::unknown(format!(
            "a trial may take {steps} steps; random ones are simulated up to {} steps: take a \
             shorter horizon or fewer episodes",
            STEPS / LANES
        ));
    }
    let mut returns = Moments::default();
    let mut policy = Uniform(tasks.spec().action.clone());
    let mut rollout = Rollout::new(tasks.make(LANES), 1);
    for round in 0..(STEPS / LANES / steps).min(1_000) {
        rollout.begin(&KEY, (round * LANES) as u64);
        for total in simulate(&mut rollout, &mut policy) {
            returns.push(total);
        }
    }
    Exact::estimated(&returns)
}

/// The return of one trial in each lane.
fn simulate(rollout: &mut Rollout, policy: &mut dyn Policy) -> [f64; LANES] {
    let (mut totals, mut done) = ([0.0; LANES], [false; LANES]);
    while done.contains(&false) {
        if rollout.is_full() {
            rollout.go_on();
        }
        rollout.play(policy);
        let row = rollout.row();
        for lane in 0..LANES {
            if !done[lane] {
                totals[lane] += f64::from(row.previous_reward[lane]);
                done[lane] = row.start[lane];
            }
        }
    }
    totals
}

/// Acts uniformly at random, by the draws that all published estimates are of.
struct Uniform(ActionSpace);

impl Policy for Uniform {
    fn act(&mut self, _: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        match (&self.0, out.action) {
            (ActionSpace::Discrete { size }, ActionsMut::Discrete(actions)) => {
                for (action, rng) in actions.iter_mut().zip(streams) {
                    *action = rng.random_range(0..*size as u32);
                }
            }
            (ActionSpace::Box { low, high }, ActionsMut::Box { width, row }) => {
                for (action, rng) in row.chunks_exact_mut(width).zip(streams) {
                    for ((number, low), high) in action.iter_mut().zip(low).zip(high) {
                        *number = rng.random_range(*low..=*high);
                    }
                }
            }
            _ => panic!("actions of the other kind than the environment's"),
        }
    }
}
