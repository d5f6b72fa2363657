//! Expected returns that have no closed form, from sampled tasks.

use rl_core::rand::RngExt as _;
use rl_core::{ActionSpace, Actions, Domain, Exact, Lanes, Moments, Outcome, Purpose, StepRows};
use rl_core::{Stream, StreamKey, TaskDistribution, Tasks, VecEnv};

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
    let mut env = Lanes::new(&tasks, LANES);
    let steps = env.spec().trial_steps();
    if steps > STEPS / LANES {
        return Exact::unknown(format!(
            "a trial may take {steps} steps; random ones are simulated up to {} steps: take a \
             shorter horizon or fewer episodes",
            STEPS / LANES
        ));
    }
    let mut returns = Moments::default();
    for round in 0..(STEPS / LANES / steps).min(1_000) {
        for total in simulate(&mut env, (round * LANES) as u64) {
            returns.push(total);
        }
    }
    Exact::estimated(&returns)
}

/// The return of one trial in each lane.
fn simulate<D: TaskDistribution>(env: &mut Lanes<D>, first_lane: u64) -> [f64; LANES] {
    let space = env.spec().action.clone();
    let width = space.width();
    let mut indices = vec![0; LANES];
    let mut numbers = vec![0.0; LANES * width];
    let mut observation = vec![0.0; LANES * env.spec().observation.width()];
    let mut last = observation.clone();
    let (mut reward, mut outcome) = ([0.0; LANES], [Outcome::Continue; LANES]);
    let (mut start, mut done) = ([false; LANES], [false; LANES]);
    let numbered = (first_lane..).take(LANES);
    let mut streams: Vec<_> = numbered.map(|n| KEY.lane(Purpose::Action, n)).collect();
    let mut totals = [0.0; LANES];
    env.begin(&KEY, first_lane, &mut observation);
    while done.contains(&false) {
        let actions = draw(&space, &mut streams, &mut indices, &mut numbers);
        let rows = StepRows {
            observation: &mut observation,
            reward: &mut reward,
            outcome: &mut outcome,
            start: &mut start,
            final_observation: &mut last,
        };
        env.step(actions, rows);
        for lane in 0..LANES {
            if !done[lane] {
                totals[lane] += f64::from(reward[lane]);
                done[lane] = start[lane];
            }
        }
    }
    totals
}

/// Uniformly random actions, in the row of their kind.
fn draw<'a>(
    space: &ActionSpace,
    streams: &mut [Stream],
    indices: &'a mut [u32],
    numbers: &'a mut [f32],
) -> Actions<'a> {
    let width = space.width();
    match space {
        ActionSpace::Discrete { size } => {
            for (index, rng) in indices.iter_mut().zip(streams) {
                *index = rng.random_range(0..*size as u32);
            }
            Actions::Discrete(indices)
        }
        ActionSpace::Box { low, high } => {
            for (action, rng) in numbers.chunks_exact_mut(width).zip(streams) {
                for ((number, low), high) in action.iter_mut().zip(low).zip(high) {
                    *number = rng.random_range(*low..=*high);
                }
            }
            Actions::Box {
                width,
                row: numbers,
            }
        }
    }
}
