//! The rules that every environment has to keep, and whether one does.

mod beside;

use rl_core::{
    Domain, EnvFactory, Footprint, ObservationSpace, Outcome, Policy as _, Purpose, Random,
    Rollout, Stream, StreamKey, Trial, panic_text,
};
use rollout::Watched;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Lanes of the checks.
const LANES: usize = 12;
/// The most numbers of a history: more than two steps of the widest observations.
const HISTORY: usize = 1 << 26;
/// The highest return whose square, which value losses are made of, is finite in
/// single precision.
const MAX_RETURN: f64 = 1.8e19;

/// One rule, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rule.
    pub rule: &'static str,
    /// What broke it, if anything did.
    pub fault: Option<String>,
}

type Rule = fn(&dyn EnvFactory) -> Result<(), String>;

/// Checks an environment against all rules. A panic of the environment breaks
/// the rule that was being checked.
pub fn check(env: &dyn EnvFactory) -> Vec<Check> {
    let rules: [(&'static str, Rule); 10] = [
        ("the specification is valid", spec_is_valid),
        (
            "observations are finite and within their space",
            observations_are_finite,
        ),
        (
            "observations are written completely",
            observations_are_complete,
        ),
        (
            "rewards are finite, and returns not too large",
            rewards_are_finite,
        ),
        ("one seed gives one history", seeds_decide),
        ("a reset leaves nothing of what was before", resets_forget),
        (
            "how lanes are grouped changes nothing",
            groups_do_not_matter,
        ),
        (
            "tasks do not depend on what the policy does",
            tasks_do_not_depend_on_actions,
        ),
        (
            "episodes and trials end, and begin anew in the same step",
            ends_are_in_time,
        ),
        (
            "learners, exact solutions and drawings can be had",
            beside::can_be_had,
        ),
    ];
    let mut before = None;
    let outcome = |(rule, check): (&'static str, Rule)| Check {
        rule,
        fault: match catch_unwind(AssertUnwindSafe(|| check(env))) {
            Ok(checked) => checked.err(),
            Err(panic) => {
                let said = panic_text(panic.as_ref());
                let again = before.replace(said.clone()).as_ref() == Some(&said);
                Some(match again {
                    true => "the same panic".to_owned(),
                    false => said,
                })
            }
        },
    };
    rules.into_iter().map(outcome).collect()
}

/// What [`check`] takes of memory: the histories of up to three batches are
/// compared at a time.
pub fn footprint(env: &dyn EnvFactory) -> Footprint {
    let spec = env.spec();
    let (width, action) = (spec.observation.width() as f64, spec.action.width() as f64);
    let row = 4.0 * (2.0 * width + action + 1.0) + 2.0;
    let steps = Drive::steps(env) as f64;
    let lane = env.lane_bytes() + steps * row;
    let rows = 3.0 * LANES as f64 * lane;
    let histories = Footprint::new().with(
        "histories of batches",
        rows,
        "the environment's observations and size",
    );
    histories.or(beside::footprint(env))
}

fn key(seed: u64) -> StreamKey {
    StreamKey::new(seed, Domain::Tuning, 0)
}

/// Everything that a batch did, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
struct History {
    observation: Vec<Vec<f32>>,       // [steps + 1][lanes][width]
    reward: Vec<Vec<f32>>,            // [steps][lanes]
    outcome: Vec<Vec<Outcome>>,       // [steps][lanes]
    start: Vec<Vec<bool>>,            // [steps][lanes]
    final_observation: Vec<Vec<f32>>, // [steps][lanes][width]
    optimum: Vec<Vec<Option<f64>>>,   // [lanes][trials begun]
}

/// How to drive a batch.
#[derive(Clone, Copy)]
struct Drive {
    seed: u64,
    first_lane: usize,
    lanes: usize,
    steps: usize,
    /// What decides the actions.
    actions: u64,
    /// What observation rows hold before they are written.
    fill: f32,
}

impl Drive {
    /// Two trials and the start of a third, unless they are very long or a history
    /// of them would be large.
    fn steps(env: &dyn EnvFactory) -> usize {
        (2 * env.spec().trial_steps() + 1)
            .min(2_000)
            .min(HISTORY / (LANES * (2 * env.spec().observation.width() + 4)))
    }

    fn new(env: &dyn EnvFactory) -> Self {
        Self {
            seed: 1,
            first_lane: 0,
            lanes: LANES,
            steps: Self::steps(env),
            actions: 1,
            fill: f32::NAN,
        }
    }

    fn run(self, env: &dyn EnvFactory) -> History {
        self.run_in(&mut Rollout::new(env.make(self.lanes), 1))
    }

    /// The same in a batch that may have been used before.
    fn run_in(self, rollout: &mut Rollout) -> History {
        let spec = rollout.env().spec().clone();
        let (lanes, width) = (self.lanes, spec.observation.width());
        let first_lane = self.first_lane as u64;
        let watched = Watched::new(rollout.env(), first_lane);
        rollout.trajectory_mut().begin().fill(self.fill);
        watched.run(|| rollout.begin(&key(self.seed), first_lane));
        let optimum = |lane| vec![rollout.env().known_task_optimum(lane)];
        let mut history = History {
            observation: vec![rollout.row().observation.to_vec()],
            optimum: (0..lanes).map(optimum).collect(),
            ..History::default()
        };
        // Streams of their own, so that tasks can be met again under other actions.
        let numbers = first_lane..first_lane + lanes as u64;
        let streams = numbers.map(|lane| key(self.actions).lane(Purpose::Action, lane));
        let mut streams: Vec<Stream> = streams.collect();
        let mut policy = Random::policy(&spec);
        for step in 0..self.steps {
            if step > 0 {
                rollout.go_on();
            }
            let (row, _, out) = rollout.acting();
            policy.act(&row, &mut streams, out);
            let (_, rows) = rollout.trajectory_mut().stepping(0);
            rows.observation.fill(self.fill);
            rows.final_observation.fill(self.fill);
            rows.reward.fill(f32::NAN);
            watched.run(|| rollout.step());
            let mut last = vec![0.0; lanes * width];
            let ended = rollout.row().previous_outcome.to_vec();
            let (_, rows) = rollout.trajectory_mut().stepping(0);
            for lane in 0..lanes {
                // A final observation is written only where an episode ended.
                if ended[lane] != Outcome::Continue {
                    let own = lane * width..(lane + 1) * width;
                    last[own.clone()].copy_from_slice(&rows.final_observation[own]);
                }
            }
            for lane in 0..lanes {
                if rollout.row().start[lane] {
                    history.optimum[lane].push(rollout.env().known_task_optimum(lane));
                }
            }
            let row = rollout.row();
            history.observation.push(row.observation.to_vec());
            history.final_observation.push(last);
            history.reward.push(row.previous_reward.to_vec());
            history.outcome.push(row.previous_outcome.to_vec());
            history.start.push(row.start.to_vec());
        }
        history
    }
}

fn spec_is_valid(env: &dyn EnvFactory) -> Result<(), String> {
    env.spec().validate().map_err(|error| error.to_string())
}

/// The first place where a row has a value that is not right.
fn find<T: Copy>(
    rows: &[Vec<T>],
    per_lane: usize,
    wrong: impl Fn(T) -> bool,
) -> Option<(usize, usize, T)> {
    rows.iter().enumerate().find_map(|(step, row)| {
        let index = row.iter().position(|value| wrong(*value))?;
        Some((step, index / per_lane.max(1), row[index]))
    })
}

fn observations_are_finite(env: &dyn EnvFactory) -> Result<(), String> {
    let history = Drive {
        fill: 0.0,
        ..Drive::new(env)
    }
    .run(env);
    let width = env.spec().observation.width();
    let wrong = |value: f32| match env.spec().observation {
        ObservationSpace::Vector { .. } => !value.is_finite(),
        ObservationSpace::Discrete { size } => {
            !(value >= 0.0 && value < size as f32 && value.fract() == 0.0)
        }
    };
    for rows in [&history.observation, &history.final_observation] {
        if let Some((step, lane, value)) = find(rows, width, wrong) {
            let space = &env.spec().observation;
            return Err(format!(
                "{value} at step {step} of lane {lane}; the space is {space:?}"
            ));
        }
    }
    Ok(())
}

fn observations_are_complete(env: &dyn EnvFactory) -> Result<(), String> {
    let width = env.spec().observation.width();
    let drive = Drive::new(env);
    let [ones, twos] = [-1.0, -2.0].map(|fill| Drive { fill, ..drive }.run(env));
    let rows = |history: &History| {
        [
            history.observation.clone(),
            history.final_observation.clone(),
        ]
    };
    for (ones, twos) in rows(&ones).into_iter().zip(rows(&twos)) {
        for (step, (one, two)) in ones.iter().zip(&twos).enumerate() {
            if let Some(index) = one.iter().zip(two).position(|(one, two)| one != two) {
                let (lane, number) = (index / width, index % width);
                return Err(format!(
                    "number {number} at step {step} of lane {lane} is not written"
                ));
            }
        }
    }
    Ok(())
}

fn rewards_are_finite(env: &dyn EnvFactory) -> Result<(), String> {
    let history = Drive::new(env).run(env);
    if let Some((step, lane, reward)) = find(&history.reward, 1, |reward: f32| !reward.is_finite())
    {
        return Err(format!("{reward} at step {step} of lane {lane}"));
    }
    for lane in 0..LANES {
        let mut size = 0.0;
        for (step, rewards) in history.reward.iter().enumerate() {
            size += f64::from(rewards[lane].abs());
            if size > MAX_RETURN {
                return Err(format!(
                    "{} at step {step} of lane {lane}, where the trial's rewards come to {size:e}; \
                     the square of a return above {MAX_RETURN:e} is infinite in single precision: \
                     scale the rewards",
                    rewards[lane]
                ));
            }
            if history.start[step][lane] {
                size = 0.0;
            }
        }
    }
    Ok(())
}

/// A batch that has played begins anew as a fresh one does, be it in the middle
/// of an episode or after whole trials.
fn resets_forget(env: &dyn EnvFactory) -> Result<(), String> {
    let drive = Drive {
        fill: 0.0,
        ..Drive::new(env)
    };
    let fresh = drive.run(env);
    for steps in [1, drive.steps] {
        let mut rollout = Rollout::new(env.make(LANES), 1);
        let before = Drive {
            seed: 2,
            actions: 2,
            steps,
            ..drive
        };
        before.run_in(&mut rollout);
        if drive.run_in(&mut rollout) != fresh {
            return Err(format!(
                "after {steps} steps on other tasks a batch behaves otherwise than a fresh one \
                 under the same seed and actions; `sample` must write the whole task, and `reset` \
                 the whole state"
            ));
        }
    }
    Ok(())
}

fn seeds_decide(env: &dyn EnvFactory) -> Result<(), String> {
    let drive = Drive {
        fill: 0.0,
        ..Drive::new(env)
    };
    match drive.run(env) == drive.run(env) {
        true => Ok(()),
        false => Err("two batches under one seed and the same actions differ; \
                      randomness may come from the given streams only"
            .to_owned()),
    }
}

fn groups_do_not_matter(env: &dyn EnvFactory) -> Result<(), String> {
    let width = env.spec().observation.width();
    let drive = Drive {
        fill: 0.0,
        ..Drive::new(env)
    };
    let whole = drive.run(env);
    for (first_lane, lanes) in [(0, 1), (1, 4), (5, LANES - 5)] {
        let part = Drive {
            first_lane,
            lanes,
            ..drive
        }
        .run(env);
        let own = first_lane..first_lane + lanes;
        let wide = own.start * width..own.end * width;
        let same = whole
            .reward
            .iter()
            .zip(&part.reward)
            .all(|(w, p)| w[own.clone()] == p[..])
            && whole
                .outcome
                .iter()
                .zip(&part.outcome)
                .all(|(w, p)| w[own.clone()] == p[..])
            && whole
                .start
                .iter()
                .zip(&part.start)
                .all(|(w, p)| w[own.clone()] == p[..])
            && whole
                .observation
                .iter()
                .zip(&part.observation)
                .all(|(w, p)| w[wide.clone()] == p[..]);
        if !same {
            return Err(format!(
                "lanes {first_lane} to {} behave otherwise alone than in a batch of {LANES}; \
                 a lane must depend on its own state only",
                own.end - 1
            ));
        }
    }
    Ok(())
}

/// Tasks are compared by what shows them: the first observations, and the
/// optimum of each lane's trials.
fn tasks_do_not_depend_on_actions(env: &dyn EnvFactory) -> Result<(), String> {
    let drive = Drive {
        fill: 0.0,
        ..Drive::new(env)
    };
    let first = drive.run(env);
    let second = Drive {
        actions: 2,
        ..drive
    }
    .run(env);
    if first.observation[0] != second.observation[0] {
        return Err("the first observations differ under other actions".to_owned());
    }
    for (lane, (ours, theirs)) in first.optimum.iter().zip(&second.optimum).enumerate() {
        if let Some(trial) = ours.iter().zip(theirs).position(|(one, two)| one != two) {
            return Err(format!(
                "trial {trial} of lane {lane} is on another task under other actions; \
                 sample tasks from the given stream only"
            ));
        }
        if let Some(optimum) = ours.iter().flatten().find(|optimum| !optimum.is_finite()) {
            return Err(format!(
                "the known-task optimum of lane {lane} is {optimum}"
            ));
        }
    }
    Ok(())
}

fn ends_are_in_time(env: &dyn EnvFactory) -> Result<(), String> {
    let history = Drive::new(env).run(env);
    let (horizon, trial) = (env.spec().horizon, env.spec().trial);
    for lane in 0..LANES {
        let (mut step, mut episode, mut lived) = (0, 0, 0);
        for t in 0..history.outcome.len() {
            step += 1;
            lived += 1;
            let outcome = history.outcome[t][lane];
            let spent = trial == Trial::Steps(lived);
            let late = outcome == Outcome::Continue && (step >= horizon || spent);
            let early = outcome == Outcome::Truncated && step != horizon && !spent;
            if late || early {
                return Err(format!(
                    "lane {lane}: {outcome:?} after {step} steps of an episode; the horizon is {horizon}"
                ));
            }
            if outcome != Outcome::Continue {
                (step, episode) = (0, episode + 1);
            }
            let ended = spent || trial == Trial::Episodes(episode);
            if history.start[t][lane] != ended {
                return Err(format!(
                    "lane {lane}: after {lived} steps and {episode} episodes the trial {}; it is \
                     {trial:?}",
                    if ended { "goes on" } else { "ends" }
                ));
            }
            if ended {
                (episode, lived) = (0, 0);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "conformance_tests.rs"]
mod tests;
