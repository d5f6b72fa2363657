//! One cell's work: parameters chosen on tuning tasks, then the learner on
//! fresh tasks until the mean is as exact as it has to be.

use crate::tables::cell::{Tuned, Value};
use crate::tables::plan::{Choice, ExactValue, Measure, Row, Size};
use lab::failure::Failure;
use lab::learners::LearnerSpec;
use lab::learners::Player;
use lab::session::Session;
use rl_core::{Domain, Exact, Moments};
use rollout::{Evaluation, Held, RolloutError, evaluate, evaluation_footprint};
use std::collections::BTreeSet;

/// Tasks are added in whole lots of so many.
const LOT: usize = 1000;
/// No cell takes more tasks than this.
const MOST: usize = 2_000_000;
/// The first comparison of candidates takes this part of the tuning tasks.
const FIRST_SHARE: usize = 4;
/// Candidates that meet again on all tuning tasks, at least.
const FINALISTS: usize = 3;

/// Where a cell's work is done.
pub(crate) struct Bench<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) row: &'a Row,
    pub(crate) measure: Measure,
    pub(crate) seed: u64,
    /// Hears what is being done.
    pub(crate) hear: &'a dyn Fn(&str),
}

impl Bench<'_> {
    /// The best of some learners, chosen on tuning tasks, on fresh tasks.
    ///
    /// # Errors
    /// If one of them cannot act here, or the work was interrupted.
    pub(crate) fn learner(&self, choices: &[Choice]) -> Result<Value, Failure> {
        let players = choices.iter().map(|choice| self.player(choice));
        let players: Vec<Player> = players.collect::<Result<_, _>>()?;
        let size = self.row.size;
        let (best, tuned) = match players.len() {
            1 => (0, None),
            candidates => {
                let tasks = size.tuning;
                let tuned = Tuned {
                    candidates,
                    tasks,
                    keys: varied(choices),
                };
                (self.tune(&players)?, Some(tuned))
            }
        };
        let (
            Choice {
                learner,
                parameters,
            },
            player,
        ) = (&choices[best], &players[best]);
        (self.hear)(&player.policy.name());
        let (tasks, moments) = enough(&size, |tasks| self.score(player, tasks, Domain::HeldOut))?;
        Ok(Value::Measured {
            mean: moments.mean(),
            standard_error: moments.standard_error(),
            standard_deviation: moments.standard_deviation(),
            tasks,
            learner: learner.clone(),
            parameters: parameters.clone(),
            tuned,
        })
    }

    /// Finds out whether memory can hold the least of what some learners are measured on.
    ///
    /// # Errors
    /// How much it needs and how much there is.
    pub(crate) fn rehearse(&self, choices: &[Choice]) -> Result<(), Failure> {
        let tasks = self.row.size.tasks;
        let mut choices = choices.iter();
        choices.try_for_each(|choice| self.check(&self.player(choice)?, tasks))
    }

    /// What the environment itself gives.
    pub(crate) fn exact(&self, wanted: ExactValue) -> Value {
        let references = self.session.oracles.references(&self.row.built);
        let known = &references.known_task_optimum;
        let value = match wanted {
            ExactValue::BayesOptimal => &references.bayes_optimal,
            ExactValue::KnownTaskOptimum => known,
        };
        let pair = |reference: &Exact| match reference.get().zip(reference.standard_error()) {
            Some(pair) => Ok(pair),
            None => Err(reference.why().unwrap_or_default().to_owned()),
        };
        let sources = match self.measure {
            Measure::Return => vec![value],
            Measure::Regret => vec![value, known],
        };
        let pair = match self.measure {
            Measure::Return => pair(value),
            Measure::Regret => pair(value).and_then(|(value, error)| {
                let (optimum, other) = pair(known)?;
                Ok((optimum - value, error.hypot(other)))
            }),
        };
        let exact = sources.iter().all(|s| matches!(s, Exact::Known { .. }));
        match pair {
            Ok((mean, _)) if exact => Value::Exact { mean },
            Ok((mean, standard_error)) => Value::Estimated {
                mean,
                standard_error,
            },
            Err(why) => Value::Unknown { why },
        }
    }

    fn player(&self, choice: &Choice) -> Result<Player, Failure> {
        let Choice {
            learner,
            parameters,
        } = choice;
        let spec = LearnerSpec::new(learner, learner, parameters).map_err(Failure::internal)?;
        let made = spec.make(&self.row.built, &self.session.oracles);
        made.map_err(Failure::internal)
    }

    /// The index of the learner that does best on tuning tasks: all meet on a
    /// part of them, the best third on all of them.
    fn tune(&self, players: &[Player]) -> Result<usize, Failure> {
        let mut left: Vec<usize> = (0..players.len()).collect();
        let size = self.row.size;
        if left.len() > FINALISTS {
            let finalists = left.len().div_ceil(3).max(FINALISTS);
            left = self.ranked(players, left, size.tuning.div_ceil(FIRST_SHARE))?;
            left.truncate(finalists);
            // Of equals the first in the list wins, whatever came before.
            left.sort_unstable();
        }
        Ok(self.ranked(players, left, size.tuning)?[0])
    }

    /// Some players, the best on so many tuning tasks first.
    fn ranked(
        &self,
        players: &[Player],
        some: Vec<usize>,
        tasks: usize,
    ) -> Result<Vec<usize>, Failure> {
        let mut scores = Vec::with_capacity(some.len());
        for index in some {
            let player = &players[index];
            (self.hear)(&format!("tuning, {}", player.policy.name()));
            let score = self.score(player, tasks, Domain::Tuning)?.mean();
            scores.push(match self.measure {
                Measure::Return => (-score, index),
                Measure::Regret => (score, index),
            });
        }
        scores.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Ok(scores.into_iter().map(|(_, index)| index).collect())
    }

    /// A player on the first `tasks` tasks.
    fn score(&self, player: &Player, tasks: usize, domain: Domain) -> Result<Moments, Failure> {
        let held = Held {
            tasks,
            seed: self.seed,
            domain,
        };
        self.check(player, tasks)?;
        let (env, policy) = (&self.row.built.factory, &player.policy);
        match evaluate(&self.session.pool, env, policy, held) {
            Ok(evaluation) => self.pick(&evaluation),
            Err(RolloutError::CalledOff) => Err(Failure::stopped("stopped")),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses a player whose tasks memory cannot hold.
    fn check(&self, player: &Player, tasks: usize) -> Result<(), Failure> {
        let (env, policy) = (&self.row.built.factory, &player.policy);
        let work = (tasks, self.session.pool.workers());
        let needed = evaluation_footprint(env.as_ref(), policy.as_ref(), work);
        self.session.room.check(&policy.name(), &needed)
    }

    /// What the table is of.
    fn pick(&self, evaluation: &Evaluation) -> Result<Moments, Failure> {
        match self.measure {
            Measure::Return => Ok(evaluation.returns),
            Measure::Regret => evaluation.regret.last().copied().ok_or_else(|| {
                let name = &self.row.environment;
                Failure::internal(format!(
                    "environment '{name}' does not know the optimum of its tasks, so there is no \
                     regret"
                ))
            }),
        }
    }
}

/// The parameters that are not the same in all choices.
fn varied(choices: &[Choice]) -> Vec<String> {
    let differs = |key: &&String| {
        let value = |choice: &Choice| choice.parameters.get(key.as_str()).cloned();
        choices
            .iter()
            .any(|choice| value(choice) != value(&choices[0]))
    };
    let keys = choices.iter().flat_map(|choice| choice.parameters.keys());
    let keys: BTreeSet<&String> = keys.filter(differs).collect();
    keys.into_iter().cloned().collect()
}

/// Takes as many tasks as the size asks for; the number depends on the results
/// only, and so is the same every time.
fn enough(
    size: &Size,
    mut score: impl FnMut(usize) -> Result<Moments, Failure>,
) -> Result<(usize, Moments), Failure> {
    let mut tasks = size.tasks;
    loop {
        let moments = score(tasks)?;
        let Some(target) = size.relative_error else {
            return Ok((tasks, moments));
        };
        let excess = moments.standard_error() / (target * moments.mean().abs());
        if excess < 1.0 || tasks >= MOST {
            return Ok((tasks, moments));
        }
        // The error falls with the root of the tasks; a little more, so that
        // the next time is the last. What is not finite is not cast.
        let wanted = (tasks as f64 * excess * excess * 1.05).min(MOST as f64) as usize;
        tasks = wanted.max(tasks + LOT).next_multiple_of(LOT).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alternating samples: standard deviation 1 (almost), the given mean.
    fn moments(tasks: usize, mean: f64) -> Moments {
        let mut moments = Moments::default();
        moments.extend((0..tasks).map(|i| mean + if i % 2 == 0 { 1.0 } else { -1.0 }));
        moments
    }

    fn taken(size: Size, mean: f64) -> (usize, Vec<usize>) {
        let mut asked = Vec::new();
        let done = enough(&size, |tasks| {
            asked.push(tasks);
            Ok(moments(tasks, mean))
        });
        (done.unwrap().0, asked)
    }

    #[test]
    fn only_parameters_that_differ_were_tuned() {
        let choice = |text: &str| Choice {
            learner: "q-lambda".to_owned(),
            parameters: text.parse().unwrap(),
        };
        let choices = ["a = 1\nb = 1", "a = 1\nb = 2", "a = 1\nb = 2\nc = 3"].map(choice);
        assert_eq!(varied(&choices), ["b", "c"]);
        assert_eq!(varied(&choices[..1]), [] as [&str; 0]);
    }

    #[test]
    fn tasks_are_added_until_the_mean_is_exact_enough() {
        let size = |relative_error| Size {
            tuning: 0,
            tasks: 2000,
            relative_error,
        };
        assert_eq!(taken(size(None), 1.0), (2000, vec![2000]));
        // 1 / √2000 is 2.2 % of 1.
        assert_eq!(taken(size(Some(0.03)), 1.0), (2000, vec![2000]));
        let (tasks, asked) = taken(size(Some(0.01)), 1.0);
        assert_eq!((tasks, asked), (11_000, vec![2000, 11_000]));
        assert!(moments(tasks, 1.0).standard_error() < 0.01);
        // A mean of 0 is never known to a share of itself.
        assert_eq!(taken(size(Some(0.01)), 0.0).0, MOST);
    }
}
