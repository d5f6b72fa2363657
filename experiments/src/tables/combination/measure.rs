//! The numbers of the table.

use crate::progress::Stages;
use combination::{ByPosterior, Combined, Rule, exact_rewards, rules};
use lab::comparison::on_held_out;
use lab::ensemble;
use lab::failure::Failure;
use lab::folders::runs_in;
use lab::launch::config_of;
use lab::observer::{Progress as _, Work};
use lab::registry::Built;
use lab::session::Session;
use record::Reader;
use rl_core::{EnvFactory, Exact, PolicyFactory, Random, Settings};
use rollout::Evaluation;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is measured.
pub(super) struct Plan {
    /// Names and settings, as typed.
    environments: Vec<(&'static str, Vec<String>)>,
    /// Fresh tasks that each policy plays in.
    pub(super) tasks: usize,
    seed: u64,
    trained: Trained,
}

/// Folders of trained agents that are combined too.
#[derive(Debug, Default)]
pub(super) struct Trained {
    /// Of the runs whose agents vote.
    pub(super) majority: Option<PathBuf>,
    /// Of the run whose agent has a policy of each of GridNavi's goals.
    pub(super) library: Option<PathBuf>,
}

impl Plan {
    pub(super) fn new(quick: bool, seed: u64, trained: Trained) -> Self {
        let typed = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (grid, tasks): (&[&str], _) = match quick {
            true => (&["size=4", "horizon=8", "episodes=3"], 1_000),
            false => (&[], 100_000),
        };
        let mut environments = vec![("gridnavi", typed(grid))];
        for variant in ["variant=easy", "variant=medium", "variant=hard"] {
            environments.push(("dependent-bandit", typed(&[variant])));
        }
        Self {
            environments,
            tasks,
            seed,
            trained,
        }
    }
}

/// A policy in an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    /// The environment with what was set of it.
    pub(super) environment: String,
    pub(super) policy: String,
    /// Expected return of a trial.
    pub(super) exact: Exact,
    /// Mean return on fresh tasks, where it was played.
    pub(super) simulated: Option<Simulated>,
}

/// A mean over tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Simulated {
    pub(super) mean: f64,
    pub(super) standard_error: f64,
}

impl Row {
    /// How far the simulation is from the exact value, in its standard errors.
    pub(super) fn distance(&self) -> Option<f64> {
        let Simulated {
            mean,
            standard_error,
        } = self.simulated?;
        let Exact::Known { value } = self.exact else {
            return None;
        };
        (standard_error > 0.0).then(|| (mean - value) / standard_error)
    }
}

/// All rows, environment by environment.
///
/// # Errors
/// If the ensemble does not fit, or the work is stopped.
pub(super) fn rows(
    session: &Session<'_>,
    (name, plan): (&str, &Plan),
) -> Result<Vec<Row>, Failure> {
    let built = plan.environments.iter().map(|(name, words)| {
        let built = Built::from_words(session.registry, name, words)?;
        let place = [&[(*name).to_owned()], &words[..]].concat().join(" ");
        Ok::<_, Failure>((place, built))
    });
    let built = built.collect::<Result<Vec<_>, _>>()?;
    let mut ensemble = match &plan.trained.majority {
        None => None,
        Some(folder) => Some(voting(session, folder, &built)?),
    };
    let mut library = match &plan.trained.library {
        None => None,
        Some(run) => {
            let within = |failure: Failure| failure.within(format!("library={}", run.display()));
            // The first environment is the grid.
            let env = built[0].1.factory.as_ref();
            Some(ensemble::library(session, run, env).map_err(within)?)
        }
    };
    let stages = Stages::new(name, built.len());
    let mut rows = Vec::new();
    for (index, (place, built)) in built.iter().enumerate() {
        stages.begins(index, place);
        let mut here = Measured {
            session,
            plan,
            built,
            place,
            rows: Vec::new(),
        };
        here.measure(ensemble.take_if(|ensemble| ensemble.environment == *place))?;
        if let Some(library) = library.take() {
            here.measure_trained(&library)?;
        }
        rows.append(&mut here.rows);
    }
    Ok(rows)
}

/// Agents that vote.
struct Ensemble {
    /// The environment of the table that they were trained in.
    environment: String,
    /// That, telling what they read.
    env: Arc<dyn EnvFactory>,
    policy: Arc<dyn PolicyFactory>,
    agents: usize,
}

/// The agents of a folder, which were trained in one of the environments.
fn voting(
    session: &Session<'_>,
    folder: &Path,
    built: &[(String, Built)],
) -> Result<Ensemble, Failure> {
    let within = |failure: Failure| failure.within(format!("majority={}", folder.display()));
    let runs = runs_in(folder).map_err(within)?;
    let run = Reader::open(&runs[0])?;
    let own = config_of(session, &run).map_err(within)?.built;
    let spec = own.factory.spec();
    let same = |(_, other): &&(String, Built)| {
        other.factory.spec() == spec && other.settings == own.settings
    };
    let Some((environment, _)) = built.iter().find(same) else {
        let places = built.iter().map(|(place, _)| place.as_str());
        let message = format!(
            "the agents are of another environment, '{}' with {}; the table has {}",
            spec.name,
            own.settings.to_string().trim().replace('\n', ", "),
            places.collect::<Vec<_>>().join(", ")
        );
        return Err(within(Failure::config(message)));
    };
    let (policy, agents) =
        ensemble::majority(session, folder, (own.factory.as_ref(), &[])).map_err(within)?;
    Ok(Ensemble {
        environment: environment.clone(),
        env: own.factory,
        policy,
        agents,
    })
}

/// One environment.
struct Measured<'a> {
    session: &'a Session<'a>,
    plan: &'a Plan,
    built: &'a Built,
    place: &'a str,
    rows: Vec<Row>,
}

impl Measured<'_> {
    fn measure(&mut self, ensemble: Option<Ensemble>) -> Result<(), Failure> {
        let env = &self.built.factory;
        let references = self.session.oracles.references(self.built);
        self.add(references.random, Some((env, Arc::new(Random))))?;
        for info in rules().iter().rev() {
            let settings = Settings::new(info.settings, []).map_err(Failure::internal)?;
            let rule = info.rule(&settings);
            let exact = match rule {
                Rule::ByPosterior(rule) => {
                    let label = format!("{}: {}", self.place, info.name);
                    let _waiting = self.session.observer.begin(Work::Waiting { label: &label });
                    let solve = || exact_rewards(rule, env.as_ref());
                    match self.session.stop.at_once(solve) {
                        Ok(rewards) => Exact::value(rewards.iter().sum()),
                        Err(why) => Exact::unknown(why),
                    }
                }
                Rule::Exp4 { .. } | Rule::Majority => Exact::unknown(
                    "its weights depend on all actions and rewards in their order, so that \
                     hardly two trials come to the same",
                ),
            };
            let combined = Combined::of_experts(rule, env.as_ref());
            let combined = Arc::new(combined.map_err(Failure::config)?);
            self.add(exact, Some((env, combined)))?;
        }
        if let Some(ensemble) = ensemble {
            let exact = Exact::unknown("its agents are networks");
            self.add(exact, Some((&ensemble.env, ensemble.policy)))?;
            if let Some(row) = self.rows.last_mut() {
                row.policy = format!("majority of {}", ensemble.agents);
            }
        }
        let optimal = self.session.oracles.policy(self.built);
        let optimal = optimal.map_err(Failure::config)?;
        self.add(references.bayes_optimal, Some((env, optimal)))?;
        self.add(references.known_task_optimum, None)
    }

    /// A trained library by every rule that needs no values of actions.
    fn measure_trained(&mut self, library: &[Arc<dyn PolicyFactory>]) -> Result<(), Failure> {
        let env = &self.built.factory;
        for info in rules() {
            let settings = Settings::new(info.settings, []).map_err(Failure::internal)?;
            let rule = info.rule(&settings);
            if rule == Rule::ByPosterior(ByPosterior::Qmdp) {
                continue;
            }
            let combined = Combined::new(rule, library.to_vec(), env.as_ref());
            let combined = Arc::new(combined.map_err(Failure::config)?);
            let exact = Exact::unknown("its policies are networks");
            self.add(exact, Some((env, combined)))?;
            if let Some(row) = self.rows.last_mut() {
                row.policy = format!("{} of trained policies", row.policy);
            }
        }
        Ok(())
    }

    /// Plays a policy, or for none writes what knowing the task is worth.
    fn add(&mut self, exact: Exact, player: Option<Player<'_>>) -> Result<(), Failure> {
        let held = (self.plan.tasks, self.plan.seed);
        let (policy, simulated) = match player {
            None => ("knowing the task".to_owned(), None),
            Some((env, policy)) => {
                let played = on_held_out(self.session, env, &policy, held)?;
                (policy.name(), Some(Simulated::of(&played)))
            }
        };
        self.rows.push(Row {
            environment: self.place.to_owned(),
            policy,
            exact,
            simulated,
        });
        Ok(())
    }
}

/// Who plays, and where.
type Player<'a> = (&'a Arc<dyn EnvFactory>, Arc<dyn PolicyFactory>);

impl Simulated {
    fn of(played: &Evaluation) -> Self {
        Self {
            mean: played.returns.mean(),
            standard_error: played.returns.standard_error(),
        }
    }
}
