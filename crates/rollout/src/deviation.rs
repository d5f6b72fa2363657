//! A policy beside the Bayes-optimal one, on the rows that it lives.

use crate::batch::Batch;
use crate::error::RolloutError;
use crate::evaluate::{Held, TILE, Tiles, WAVE};
use crate::pool::Pool;
use crate::tile::{Tile, make};
use rl_core::{
    ActRow, ActionSpace, ActionsMut, Bounds, EnvFactory, EnvSpec, Footprint, Moments, Policy,
    PolicyFactory, Row, Stream, StreamKey, Trajectory,
};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// Parts of a trial that are told apart: its quarters, or its steps if there are fewer.
pub const PARTS: usize = 4;

/// What a probability that is 0 in 32 bits counts as.
const LEAST: f64 = f32::MIN_POSITIVE as f64;

/// How a policy differs from the Bayes-optimal one over the steps of a trial, at the
/// histories that it lived itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviations {
    /// At each step. `[steps]`
    pub steps: Vec<Deviation>,
    /// In each of up to [`PARTS`] parts of the trial.
    pub parts: Vec<Deviation>,
    /// In the whole trial.
    pub whole: Deviation,
}

/// How a policy differs from the Bayes-optimal one in some steps of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// Which steps.
    pub steps: Range<usize>,
    /// The share of the steps whose action was one of the best.
    pub agreement: Mean,
    /// The same of those steps alone in which a single action was the best.
    pub decided: Mean,
    /// The share of the steps in which a single action was the best.
    pub single: f64,
    /// How far the policy's distribution over actions is from the nearest one that is
    /// optimal: the Kullback-Leibler divergence of it from that, in nats, which is −ln
    /// of the probability that the policy gives to all best actions together. One
    /// below the least positive number of 32 bits counts as that: 87.3 nats.
    pub distance: Mean,
    /// The value that the steps' actions lose in a trial: the sum of the negative
    /// advantages A*(h, a). That of the whole trial is expected to be exactly what the
    /// policy earns less than the Bayes-optimal one (Kakade and Langford 2002, lemma
    /// 6.1), and varies less than returns do.
    pub cost: Mean,
}

/// A mean over trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// NaN if there was nothing to take it over.
    pub mean: f64,
    /// NaN below two trials too.
    pub standard_error: f64,
}

impl From<Moments> for Mean {
    fn from(moments: Moments) -> Self {
        Self {
            mean: moments.mean(),
            standard_error: moments.standard_error(),
        }
    }
}

/// A share of steps: sums over trials of x, what was found in n steps of the trial.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    x: f64,
    n: f64,
    xx: f64,
    xn: f64,
    nn: f64,
}

impl Share {
    fn push(&mut self, [x, n]: [f64; 2]) {
        self.merge(&Self {
            x,
            n,
            xx: x * x,
            xn: x * n,
            nn: n * n,
        });
    }

    fn merge(&mut self, other: &Self) {
        self.x += other.x;
        self.n += other.n;
        self.xx += other.xx;
        self.xn += other.xn;
        self.nn += other.nn;
    }

    /// The mean over all steps, and its error over so many trials, whose steps are not
    /// independent: that of a ratio of means (Cochran 1977, section 6.3).
    fn mean(&self, trials: u64) -> Mean {
        if self.n == 0.0 {
            return Mean {
                mean: f64::NAN,
                standard_error: f64::NAN,
            };
        }
        let (mean, trials) = (self.x / self.n, trials as f64);
        let squares = self.xx - 2.0 * mean * self.xn + mean * mean * self.nn;
        Mean {
            mean,
            standard_error: (squares.max(0.0) * trials / (trials - 1.0)).sqrt() / self.n,
        }
    }
}

/// What was found in some steps, over trials.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    agreement: Share,
    decided: Share,
    distance: Share,
    cost: Moments,
}

impl Sums {
    fn push(&mut self, trial: &Found) {
        self.agreement.push([trial.agreed, trial.steps]);
        self.decided.push([trial.decided, trial.single]);
        self.distance.push([trial.distance, trial.steps]);
        self.cost.push(trial.cost);
    }

    fn merge(&mut self, other: &Self) {
        self.agreement.merge(&other.agreement);
        self.decided.merge(&other.decided);
        self.distance.merge(&other.distance);
        self.cost.merge(&other.cost);
    }

    fn of(&self, steps: Range<usize>) -> Deviation {
        let trials = self.cost.count();
        Deviation {
            steps,
            agreement: self.agreement.mean(trials),
            decided: self.decided.mean(trials),
            single: self.decided.n / self.agreement.n,
            distance: self.distance.mean(trials),
            cost: self.cost.into(),
        }
    }
}

/// What was found in some steps of one trial.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// How many steps.
    steps: f64,
    /// Those whose action was one of the best.
    agreed: f64,
    /// Those in which a single action was the best.
    single: f64,
    /// Those of these whose action that was.
    decided: f64,
    /// Sums over the steps.
    distance: f64,
    cost: f64,
}

impl Found {
    /// In one step, given the advantage and the probability of each action and which one
    /// was taken.
    fn of(advantages: &[f64], probabilities: &[f32], taken: usize) -> Self {
        let best = advantages.iter().filter(|it| **it == 0.0).count();
        let pairs = advantages.iter().zip(probabilities);
        let right: f64 = pairs
            .filter(|(advantage, _)| **advantage == 0.0)
            .map(|(_, probability)| f64::from(*probability))
            .sum();
        let agreed = f64::from(u8::from(advantages[taken] == 0.0));
        let single = f64::from(u8::from(best == 1));
        Self {
            steps: 1.0,
            agreed,
            single,
            decided: single * agreed,
            distance: -right.clamp(LEAST, 1.0).ln(),
            cost: -advantages[taken],
        }
    }

    fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.agreed += other.agreed;
        self.single += other.single;
        self.decided += other.decided;
        self.distance += other.distance;
        self.cost += other.cost;
    }
}

/// Sums over trials of each step, each part and the whole.
struct Table {
    ranges: Vec<Range<usize>>,
    sums: Vec<Sums>,
}

impl Table {
    fn new(steps: usize) -> Self {
        let parts = PARTS.min(steps);
        let part = |part| part * steps / parts..(part + 1) * steps / parts;
        let mut ranges: Vec<Range<usize>> = (0..steps).map(|t| t..t + 1).collect();
        ranges.extend((0..parts).map(part));
        ranges.push(0..steps);
        Self {
            sums: vec![Sums::default(); ranges.len()],
            ranges,
        }
    }

    /// Adds the first trial of each lane.
    fn add(&mut self, trajectory: &Trajectory, rows: &[Found]) {
        let lanes = trajectory.lanes();
        for (lane, length) in trajectory.lengths().iter().enumerate() {
            for (range, sums) in self.ranges.iter().zip(&mut self.sums) {
                let mut trial = Found::default();
                for t in range.start..range.end.min(*length) {
                    trial.add(&rows[t * lanes + lane]);
                }
                sums.push(&trial);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        let pairs = self.sums.iter_mut().zip(&other.sums);
        pairs.for_each(|(mine, others)| mine.merge(others));
    }

    fn summary(self) -> Deviations {
        let all = self.sums.iter().zip(self.ranges);
        let mut all: Vec<Deviation> = all.map(|(sums, range)| sums.of(range)).collect();
        let whole = all.remove(all.len() - 1);
        let parts = all.split_off(whole.steps.end);
        let steps = all;
        Deviations {
            steps,
            parts,
            whole,
        }
    }
}

/// A policy that acts, and the Bayes-optimal one that looks on.
struct Beside {
    acting: Box<dyn Policy>,
    optimal: Box<dyn Policy>,
    /// Streams of the lanes for the one that looks on, so that the other one acts as
    /// it does alone. `[lanes]`
    streams: Vec<Stream>,
    actions: Vec<u32>,       // [lanes], what the optimal one would do
    scratch: Vec<f32>,       // [2][lanes], what nobody needs of it
    probabilities: Vec<f32>, // [lanes][actions], of the one that acts
    advantages: Vec<f64>,    // [lanes][actions]
    rows: Vec<Found>,        // [steps][lanes]
    /// Whether the advantages of all rows are known.
    known: bool,
}

impl Beside {
    fn new(
        [acting, optimal]: [&dyn PolicyFactory; 2],
        spec: &EnvSpec,
        lanes: usize,
    ) -> Result<Self, RolloutError> {
        let actions = lanes * actions_of(spec).unwrap_or(0);
        Ok(Self {
            acting: make(acting, spec, lanes)?,
            optimal: make(optimal, spec, lanes)?,
            streams: Vec::with_capacity(lanes),
            actions: vec![0; lanes],
            scratch: vec![0.0; 2 * lanes],
            probabilities: vec![0.0; actions],
            advantages: vec![0.0; actions],
            rows: Vec::with_capacity(lanes * spec.trial_steps()),
            known: true,
        })
    }
}

/// How many actions there are, if they can be counted.
fn actions_of(spec: &EnvSpec) -> Option<usize> {
    match spec.action {
        ActionSpace::Discrete { size } => Some(size),
        ActionSpace::Box { .. } => None,
    }
}

impl Policy for Beside {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let ActionsMut::Discrete(taken) = out.action else {
            panic!("continuous actions beside the best of finitely many");
        };
        if self.streams.is_empty() {
            self.streams.extend_from_slice(streams);
        }
        let acting = ActRow {
            action: ActionsMut::Discrete(&mut *taken),
            log_prob: out.log_prob,
            value: out.value,
            label: &mut self.probabilities,
        };
        self.acting.advise(row, streams, acting);
        let (log_prob, value) = self.scratch.split_at_mut(row.lanes);
        let optimal = ActRow {
            action: ActionsMut::Discrete(&mut self.actions),
            log_prob,
            value,
            label: &mut [],
        };
        self.optimal.act(row, &mut self.streams, optimal);
        self.known &= self.optimal.advantages(&mut self.advantages);
        let size = self.advantages.len() / row.lanes;
        let lanes = self.advantages.chunks_exact(size);
        let lanes = lanes.zip(self.probabilities.chunks_exact(size)).zip(taken);
        self.rows
            .extend(lanes.map(|((advantages, probabilities), taken)| {
                Found::of(advantages, probabilities, *taken as usize)
            }));
    }
}

/// What [`deviations`] of so many tasks takes of memory on so many workers.
pub fn deviation_footprint(
    env: &dyn EnvFactory,
    [acting, optimal]: [&dyn PolicyFactory; 2],
    (tasks, workers): (usize, usize),
) -> Footprint {
    let (spec, tiles) = (env.spec(), tasks.div_ceil(TILE));
    let (steps, lanes) = (spec.trial_steps() as f64, TILE.min(tasks));
    let together = workers.min(tiles);
    let policies = acting.bytes(spec, lanes) + optimal.bytes(spec, lanes);
    let rows = size_of::<Found>() as f64 * steps;
    let actions = 12.0 * actions_of(spec).unwrap_or(0) as f64;
    let lane = rows + actions + 12.0 + size_of::<Stream>() as f64;
    let sums = (size_of::<Sums>() + size_of::<Range<usize>>()) as f64;
    let summaries = (WAVE.min(tiles) + 1) as f64 * (steps + 1.0 + PARTS as f64) * sums;
    Batch::footprint(env, together * lanes, spec.trial_steps())
        .with(
            format!("{} beside {}", acting.name(), optimal.name()),
            together as f64 * (policies + lanes as f64 * lane),
            "--workers and the environment's size",
        )
        .with(
            "a table of what actions are worth",
            optimal.advantages_bytes(),
            "the environment's size and steps per trial",
        )
        .with(
            "summaries of the comparison with the best policy",
            summaries,
            "the environment's steps per trial",
        )
}

/// Runs one trial of a policy in each task, as [`evaluate_watched`] does, and compares
/// what it does there with what is best. The result does not depend on the number of
/// workers. `None` where actions are continuous or the optimal policy does not say what
/// they are worth ([`Policy::advantages`]).
///
/// # Errors
/// As [`evaluate_watched`].
///
/// [`evaluate_watched`]: crate::evaluate_watched
pub fn deviations(
    pool: &Pool,
    env: &Arc<dyn EnvFactory>,
    [acting, optimal]: [&Arc<dyn PolicyFactory>; 2],
    (held, watch): (Held, impl Fn(usize) -> ControlFlow<()> + Sync),
) -> Result<Option<Deviations>, RolloutError> {
    Bounds::at_least(1).check("tasks", held.tasks)?;
    let (spec, policies) = (env.spec(), [acting.as_ref(), optimal.as_ref()]);
    if actions_of(spec).is_none() {
        return Ok(None);
    }
    let key = StreamKey::new(held.seed, held.domain, 0);
    let name = format!("{} beside {}", acting.name(), optimal.name());
    let part = |mut tile: Tile| {
        let mut both = Beside::new(policies, spec, tile.trajectory().lanes())?;
        tile.live((&mut both, &name), &key)?;
        let mut table = Table::new(spec.trial_steps());
        table.add(tile.trajectory(), &both.rows);
        Ok(both.known.then_some(table))
    };
    let tiles = |tasks| Tiles {
        pool,
        env: env.as_ref(),
        tasks,
    };
    // A single trial tells whether there is anything to say.
    let mut known = false;
    let unseen = |_| ControlFlow::Continue(());
    tiles(1).each((&part, unseen), |table| {
        known = table.is_some();
        ControlFlow::Continue(())
    })?;
    if !known {
        return Ok(None);
    }
    let mut whole = Table::new(spec.trial_steps());
    tiles(held.tasks).each((&part, watch), |table| match table {
        Some(table) => {
            whole.merge(&table);
            ControlFlow::Continue(())
        }
        None => {
            known = false;
            ControlFlow::Break(())
        }
    })?;
    Ok(known.then(|| whole.summary()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_by_hand() {
        let advantages = [0.0, -0.5, 0.0, -2.0];
        let probabilities = [0.25, 0.25, 0.125, 0.375];
        let wrong = Found::of(&advantages, &probabilities, 3);
        assert_eq!((wrong.agreed, wrong.single, wrong.cost), (0.0, 0.0, 2.0));
        assert!((wrong.distance + 0.375_f64.ln()).abs() < 1e-12);
        let right = Found::of(&advantages, &probabilities, 2);
        assert_eq!((right.agreed, right.single, right.decided), (1.0, 0.0, 0.0));
        assert_eq!(right.cost, 0.0);
        let alone = Found::of(&[-1.0, 0.0], &[1.0, 0.0], 1);
        assert_eq!((alone.single, alone.decided), (1.0, 1.0));
        assert!((alone.distance - 87.3).abs() < 0.1, "{}", alone.distance);
    }

    /// One of two steps in one trial and the only one of another: 2/3, and the trials are
    /// a third of a step away from that.
    #[test]
    fn shares_are_over_steps_and_their_errors_over_trials() {
        let mut share = Share::default();
        share.push([1.0, 2.0]);
        let mut other = Share::default();
        other.push([1.0, 1.0]);
        share.merge(&other);
        let Mean {
            mean,
            standard_error,
        } = share.mean(2);
        assert!((mean - 2.0 / 3.0).abs() < 1e-12);
        assert!(
            (standard_error - 2.0 / 9.0).abs() < 1e-12,
            "{standard_error}"
        );
        assert!(other.mean(1).standard_error.is_nan());
        assert!(Share::default().mean(5).mean.is_nan());
    }
}
