//! The numbers of the table.

use super::plan::{Begins, Depends, Family, Plan};
use crate::progress::Stages;
use crate::tables::ledger::{Identity, Ledger};
use crate::tables::runs::{self, Run, finished};
use agent::{ActMode, Place, Training};
use lab::config::RunConfig;
use lab::failure::{Exit, Failure};
use lab::folders::path_of;
use lab::launch;
use lab::learners::LearnerSpec;
use lab::observer::Progress as _;
use lab::session::Session;
use lab::transfer::{Arrival, Learns, NewTask, Target, by_adaptation, by_memory, by_updates};
use record::Reader;
use rl_core::{EnvFactory, PolicyFactory, Tree};
use rollout::RolloutError;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Raised whenever arrivals come to mean something else, so that older ones are worked out
/// anew.
const CELLS: u32 = 1;

/// What was found in one task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Learned {
    pub(super) target: Target,
    pub(super) arrival: Arrival,
}

/// A way to begin in the tasks of a family, all of them done.
pub(super) struct Cell {
    pub(super) family: usize,
    pub(super) way: usize,
    /// Environment steps that went before any new task.
    pub(super) spent: u64,
    /// Steps in a task after which it was given up.
    pub(super) budget: u64,
    /// `[tasks]`
    pub(super) tasks: Vec<Learned>,
}

impl Cell {
    /// How long each task took. What arrives in the update that exceeds the budget did not
    /// within it.
    pub(super) fn arrivals(&self) -> Vec<report::Arrival> {
        let budget = self.budget as f64;
        let arrival = |task: &Learned| match task.arrival.steps {
            Some(steps) => report::Arrival::After(steps),
            None => report::Arrival::NotIn(task.arrival.lived.min(budget)),
        };
        self.tasks.iter().map(arrival).collect()
    }
}

/// The work of filling the table.
pub(super) struct Work<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) plan: &'a Plan,
    /// Of the runs.
    pub(super) folder: PathBuf,
    pub(super) overwrite: bool,
    pub(super) ledger: Ledger<Learned>,
}

/// Who begins in the tasks of a cell, ready to.
enum Beginner {
    Memory(Arc<dyn PolicyFactory>, Arc<dyn EnvFactory>),
    Updates {
        config: Box<RunConfig>,
        from: Option<Tree>,
    },
    Adaptation {
        agent: Box<dyn Training>,
        env: Arc<dyn EnvFactory>,
        trajectories: usize,
        actions: ActMode,
    },
}

impl Work<'_> {
    /// Trains and measures what is wanted and not there yet.
    pub(super) fn fill(&mut self, wanted: &[(usize, usize)]) -> Result<(), Failure> {
        let begun = |place: &&(usize, usize)| self.plan.begins(**place).is_some();
        let wanted: Vec<(usize, usize)> = wanted.iter().filter(begun).copied().collect();
        // Whatever is trained in new tasks must be possible before anything is trained.
        for &place in &wanted {
            let family = &self.plan.families[place.0];
            if let Some(Begins::Learns { .. }) = self.plan.begins(place)
                && let Some(config) = self.there(family, place)?
            {
                launch::rehearse(self.session, &config)?;
            }
        }
        let runs = self.runs(&wanted)?;
        let (session, plan) = (self.session, self.plan);
        let name = |place: &(usize, usize)| {
            let (family, way) = (&plan.families[place.0], &plan.ways[place.1]);
            (&*family.name, &*way.name)
        };
        let names: Vec<(&str, &str)> = wanted.iter().map(name).collect();
        let (ledger, overwrite) = (&mut self.ledger, self.overwrite);
        let forget = || match overwrite {
            true => ledger.forget(|cell| names.contains(&(&cell.row, &cell.column))),
            false => Ok(()),
        };
        runs::train(session, (plan.name, &runs), overwrite, forget)?;
        let total = wanted.len();
        let stages = Stages::new(self.plan.name, total);
        for (index, place) in wanted.into_iter().enumerate() {
            let (family, way) = (&self.plan.families[place.0], &self.plan.ways[place.1]);
            let label = format!("{}, {}", family.title, way.title);
            stages.begins(index, &label);
            let done = self.measure(place);
            let done = done.map_err(|failure| match failure.exit {
                Exit::Stopped => {
                    Failure::stopped(format!("stopped after {index} of {total} cells"))
                }
                _ => failure.within(format!("table {}, {label}", self.plan.name)),
            })?;
            stages.done(&format!(
                "{} [{}/{total}] {label}: {done}",
                self.plan.name,
                index + 1
            ));
        }
        Ok(())
    }

    /// The runs that go before the wanted cells, each once.
    fn runs(&self, wanted: &[(usize, usize)]) -> Result<Vec<Run>, Failure> {
        let mut runs: Vec<Run> = Vec::new();
        for &place in wanted {
            let family = &self.plan.families[place.0];
            let Some(name) = self.plan.begins(place).and_then(Begins::training) else {
                continue;
            };
            let path = self.path(family, name);
            if runs.iter().all(|run| run.path != path) {
                runs.push(Run {
                    label: format!("{}: {name}", family.title),
                    config: self.plan.training(self.session.registry, (family, name))?,
                    anew: format!(
                        "--overwrite --only {}:{}",
                        family.name, self.plan.ways[place.1].name
                    ),
                    path,
                });
            }
        }
        Ok(runs)
    }

    fn path(&self, family: &Family, training: &str) -> PathBuf {
        let folder = self.folder.join(&family.name).join(training);
        path_of(&folder, self.plan.seed)
    }

    /// The configuration of what is trained in the new tasks of a cell, if anything is.
    fn there(&self, family: &Family, place: (usize, usize)) -> Result<Option<RunConfig>, Failure> {
        let Some(Begins::Learns {
            preset,
            words,
            quick,
            ..
        }) = self.plan.begins(place)
        else {
            return Ok(None);
        };
        let there = (preset.as_str(), &words[..], &quick[..]);
        let config = self.plan.config(self.session.registry, family, there)?;
        Ok(Some(config))
    }

    /// All that the results of a cell depend on, in short.
    fn depends(&self, place: (usize, usize)) -> Result<String, Failure> {
        let family = &self.plan.families[place.0];
        let begins = self.plan.begins(place);
        let registry = self.session.registry;
        let before = begins.and_then(Begins::training);
        let before = before.map(|name| self.plan.training(registry, (family, name)));
        let there = self.there(family, place)?;
        let configs = before.transpose()?.into_iter().chain(there);
        let configs: Result<Vec<String>, Failure> =
            configs.map(|config| config.to_text()).collect();
        let depends = Depends {
            share: self.plan.share,
            unit: family.rules.unit,
            trials: family.rules.trials,
            window: family.rules.window,
            budget: family.rules.budget,
            environment: family.built.settings.to_string(),
            configs: configs?,
            learner: match begins {
                Some(Begins::Plays { learner }) => Some(learner.to_string()),
                _ => None,
            },
        };
        let bytes = serde_json::to_vec(&depends).map_err(Failure::internal)?;
        Ok(blake3::hash(&bytes).to_string())
    }

    fn identity(&self, (family, way): (usize, usize), (depends, task): (&str, u64)) -> Identity {
        Identity {
            table: self.plan.name.to_owned(),
            row: self.plan.families[family].name.clone(),
            column: self.plan.ways[way].name.clone(),
            seed: self.plan.seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            inputs: json!({ "cells": CELLS, "depends": depends, "task": task }),
        }
    }

    /// Measures the tasks of a cell that are not in the ledger; what was done, in words.
    fn measure(&mut self, place: (usize, usize)) -> Result<String, Failure> {
        let depends = self.depends(place)?;
        let missing = |task: &u64| {
            let identity = self.identity(place, (&depends, *task));
            self.ledger.get(&identity).is_none()
        };
        let missing: Vec<u64> = (0..self.plan.tasks).filter(missing).collect();
        if missing.is_empty() {
            return Ok("finished before".to_owned());
        }
        let beginner = self.beginner(place)?;
        // As many side by side as there are workers and memory holds, and each kept once all
        // of these are done: more would be lost when it is stopped.
        let workers = self.session.pool.workers();
        let side_by_side = match &beginner {
            Beginner::Updates { config, .. } => {
                launch::side_by_side(self.session, config, workers)?
            }
            Beginner::Memory(..) | Beginner::Adaptation { .. } => workers,
        };
        for tasks in missing.chunks(side_by_side) {
            if self.session.stop.asked() {
                return Err(Failure::stopped("stopped"));
            }
            for (task, learned) in tasks.iter().zip(self.learned(place, &beginner, tasks)?) {
                let identity = self.identity(place, (&depends, *task));
                self.ledger.add(identity, learned)?;
            }
        }
        let cell = self.cell(place)?;
        let arrivals = cell.map_or_else(Vec::new, |cell| cell.arrivals());
        let reached = arrivals.iter().filter_map(|at| at.steps()).count();
        let median = match report::median(&arrivals) {
            report::Arrival::After(steps) => format!("{steps:.0}"),
            report::Arrival::NotIn(lived) => format!("> {lived:.0}"),
        };
        Ok(format!(
            "{reached} of {} tasks reached, median {median}",
            arrivals.len()
        ))
    }

    /// The agent of a training that went before.
    fn agent(
        &self,
        family: &Family,
        training: &str,
    ) -> Result<(RunConfig, Box<dyn Training>), Failure> {
        let run = Reader::open(self.path(family, training))?;
        let config = launch::config_of(self.session, &run)?;
        let agent = launch::agent(self.session, &run, &config.told)?;
        Ok((config, agent))
    }

    /// Who begins in the tasks of a cell.
    fn beginner(&self, place: (usize, usize)) -> Result<Beginner, Failure> {
        let family = &self.plan.families[place.0];
        let begins = self.plan.begins(place);
        let begins = begins.ok_or_else(|| Failure::internal("a cell without a way to begin"))?;
        Ok(match begins {
            Begins::Remembers { training } => {
                let (config, agent) = self.agent(family, training)?;
                let policy = agent.policy(config.evaluation.actions);
                Beginner::Memory(policy, config.built.factory)
            }
            Begins::Plays { learner } => {
                let env = &family.built.factory;
                let spec = LearnerSpec::read("learner", learner, env.as_ref());
                let made = spec.and_then(|spec| spec.make(&family.built, &self.session.oracles));
                let player = made.map_err(Failure::internal)?;
                Beginner::Memory(player.policy, Arc::clone(env))
            }
            Begins::Adapts { training } => {
                let (config, agent) = self.agent(family, training)?;
                let trajectories = agent.trials_per_step();
                Beginner::Adaptation {
                    trajectories: trajectories.ok_or_else(|| {
                        let name = &config.algorithm;
                        Failure::internal(format!("algorithm '{name}' does not adapt"))
                    })?,
                    agent,
                    env: Arc::clone(&config.built.factory),
                    actions: config.evaluation.actions,
                }
            }
            Begins::Learns { from, .. } => {
                let config = self.there(family, place)?;
                let config = config.ok_or_else(|| Failure::internal("nothing is trained"))?;
                let from = from.as_ref().map(|from| {
                    let (_, agent) = self.agent(family, from)?;
                    Ok::<_, Failure>(agent.checkpoint()?)
                });
                Beginner::Updates {
                    config: Box::new(config),
                    from: from.transpose()?,
                }
            }
        })
    }

    /// What is found in some tasks, in their order.
    fn learned(
        &self,
        place: (usize, usize),
        beginner: &Beginner,
        tasks: &[u64],
    ) -> Result<Vec<Learned>, Failure> {
        let family = &self.plan.families[place.0];
        let (pool, rules, share) = (&self.session.pool, &family.rules, self.plan.share);
        let target = |task: u64| {
            let task = NewTask::new(&family.built.factory, self.plan.seed, task);
            Target::measure(pool, &task, rules, share)
        };
        let task_in = |env: &Arc<dyn EnvFactory>, task| NewTask::new(env, self.plan.seed, task);
        let learned = |target: Target, arrival: Arrival| Learned { target, arrival };
        let called_off = |error| Failure::from(RolloutError::from(error));
        match beginner {
            Beginner::Memory(policy, env) => {
                let found = pool.map(tasks, |_, task| {
                    let target = target(*task)?;
                    let task = task_in(env, *task);
                    let arrival = by_memory(pool, policy, &task, (rules, &target))?;
                    Ok(learned(target, arrival))
                });
                found.map_err(called_off)?.into_iter().collect()
            }
            Beginner::Updates { config, from } => {
                let algorithm = self.session.registry.algorithm(&config.algorithm);
                let env = &config.built.factory;
                let settings = &config.settings;
                let place = Place {
                    pool: Arc::clone(pool),
                    device: self.session.device,
                };
                let learns = Learns {
                    algorithm: algorithm.map_err(Failure::config)?,
                    settings,
                    from: from.as_ref(),
                    actions: config.evaluation.actions,
                    place: &place,
                };
                let found = pool.map(tasks, |_, task| {
                    let target = target(*task)?;
                    let task = task_in(env, *task);
                    let arrival = by_updates(&learns, &task, (rules, &target))?;
                    Ok(learned(target, arrival))
                });
                found.map_err(called_off)?.into_iter().collect()
            }
            Beginner::Adaptation {
                agent,
                env,
                trajectories,
                actions,
            } => {
                let found = tasks.iter().map(|task| {
                    let target = target(*task)?;
                    let task = task_in(env, *task);
                    let of = (&task, *trajectories, *actions);
                    let arrival = by_adaptation(pool, (agent.as_ref(), env), of, (rules, &target))?;
                    Ok(learned(target, arrival))
                });
                found.collect()
            }
        }
    }

    /// All cells whose tasks are done, family by family.
    ///
    /// # Errors
    /// If the files of a run cannot be read.
    pub(super) fn cells(&self) -> Result<Vec<Cell>, Failure> {
        let all = self.plan.places();
        all.filter_map(|place| self.cell(place).transpose())
            .collect()
    }

    fn cell(&self, place: (usize, usize)) -> Result<Option<Cell>, Failure> {
        let Some(begins) = self.plan.begins(place) else {
            return Ok(None);
        };
        let depends = self.depends(place)?;
        let task = |task| {
            let identity = self.identity(place, (&depends, task));
            self.ledger.get(&identity).copied()
        };
        let Some(tasks) = (0..self.plan.tasks).map(task).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let family = &self.plan.families[place.0];
        let spent = match begins.training() {
            None => 0,
            Some(name) => match finished(&self.path(family, name))? {
                Some(run) => run.comparison.env_steps,
                None => return Ok(None),
            },
        };
        Ok(Some(Cell {
            family: place.0,
            way: place.1,
            spent,
            budget: family.rules.budget,
            tasks,
        }))
    }
}
