//! Means over tasks that have no closed form, and what solving tasks may cost.

use rl_core::{Domain, Exact, Moments, Purpose, StreamKey, TaskDistribution};

/// The most multiplications for one value, a few seconds.
const WORK: f64 = 4e9;
/// Of one multiplication, as measured.
const SECONDS: f64 = 0.5e-9;
/// The fewest tasks that a mean is taken over.
pub(crate) const PER_TASK: f64 = 100.0;
const MOST_TASKS: f64 = 100_000.0;

/// Multiplications of a value iteration, and the time to draw the task counted
/// as ten more for each of its probabilities.
pub(crate) fn work(states: usize, actions: usize, horizon: usize) -> f64 {
    states as f64 * states as f64 * actions as f64 * (horizon as f64 + 10.0)
}

/// Refuses to solve so many tasks of so much work where that takes long.
///
/// # Errors
/// How much it would take, as a clause.
pub(crate) fn affordable(work: f64, tasks: f64) -> Result<(), String> {
    if work * tasks <= WORK {
        return Ok(());
    }
    let (seconds, limit) = (work * SECONDS, WORK / tasks * SECONDS);
    Err(format!(
        "value iteration takes about {seconds:.2} seconds for one task, and is attempted up to \
         {limit:.3} seconds; its time grows with states² × actions × horizon: take fewer of them"
    ))
}

/// The mean of a value over tasks, with its standard error: over 100,000 tasks
/// where that takes few seconds, and over at least 100.
pub(crate) fn mean<D: TaskDistribution>(
    distribution: &D,
    work: f64,
    mut value: impl FnMut(&D::Task) -> f64,
) -> Exact {
    if let Err(why) = affordable(work, PER_TASK) {
        return Exact::unknown(why);
    }
    let key = StreamKey::new(0, Domain::Tuning, 0);
    let mut stream = key.lane(Purpose::Task, 0);
    let mut task = D::Task::default();
    let mut values = Moments::default();
    for _ in 0..(WORK / work).min(MOST_TASKS) as usize {
        distribution.sample(&mut task, &mut stream);
        values.push(value(&task));
    }
    Exact::estimated(&values)
}
