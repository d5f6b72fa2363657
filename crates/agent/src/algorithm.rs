//! An algorithm as a value: what there is to know of it, and how a training
//! begins.

use crate::backend::ActMode;
use crate::error::LearnError;
use crate::learner::Place;
use crate::portable::Portable;
use crate::settings::read;
use rl_core::{EnvFactory, Footprint, KnownTasks, Moments, PolicyFactory, Trajectory, Tree};
use rollout::Held;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Map;
use serde_json::value::{RawValue, to_raw_value};
use std::ops::ControlFlow;
use std::sync::Arc;
use toml::Value;

/// A column of `metrics.jsonl` that a report draws beside the mean return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its key in the rows.
    pub key: &'static str,
    /// What it is called in figures.
    pub title: &'static str,
    /// In what it is measured; empty for a plain number.
    pub unit: &'static str,
}

impl Metric {
    /// Of learners that follow a gradient of their policy.
    pub const POLICY_GRADIENT: &'static [Self] = &[
        Self::new("entropy", "Policy entropy").in_unit("nats"),
        Self::new("approx_kl", "Approximate KL").in_unit("nats"),
        Self::new("value_loss", "Value loss"),
        Self::new("gradient_norm", "Gradient norm"),
        Self::new("clip_fraction", "Clipped fraction"),
        Self::new("policy_loss", "Policy loss"),
    ];

    /// A plain number.
    pub const fn new(key: &'static str, title: &'static str) -> Self {
        let unit = "";
        Self { key, title, unit }
    }

    /// The same metric, measured in a unit.
    #[must_use]
    pub const fn in_unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }
}

/// Makes the learner that a setting of the given key names.
pub type MakeLearner<'a> = dyn Fn(&str) -> Result<Arc<dyn PolicyFactory>, LearnError> + 'a;

/// What a training starts from.
pub struct Setup<'a> {
    /// The environment, with the tasks to train on.
    pub env: &'a dyn EnvFactory,
    /// The table of the algorithm's settings.
    pub settings: &'a Value,
    /// The run's seed.
    pub seed: u64,
    /// Where the work is done.
    pub place: Place,
    /// The learner that one of [`Algorithm::learners`] names, as a policy.
    pub learner: &'a MakeLearner<'a>,
}

impl Setup<'_> {
    /// The settings, typed; `algorithm` is the key of their table.
    ///
    /// # Errors
    /// Names the first key that is unknown, missing or of the wrong type.
    pub fn config<T: DeserializeOwned>(&self, algorithm: &str) -> Result<T, LearnError> {
        read(algorithm, self.settings).map_err(LearnError::Settings)
    }
}

/// An algorithm that can be asked for by name.
#[derive(Clone, Copy)]
pub struct Algorithm {
    /// What it is called, also the key of its settings.
    pub name: &'static str,
    /// What it is called in figures and tables.
    pub title: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// What a report draws of its rows.
    pub metrics: &'static [Metric],
    /// Settings that name a learner, as in `teacher = { name = "ucb1", c = 0.2 }`: who
    /// starts a training completes and checks them, and makes the learner.
    pub learners: &'static [&'static str],
    /// The setting that lists what the agent is told ([`Input`](crate::Input)), where
    /// there is one: who starts a training has the environment
    /// [tell](crate::telling) it.
    pub inputs: Option<&'static str>,
    /// All its settings, with what they mean ([`schema_of`]): what helps and editors say.
    pub settings: fn() -> Schema,
    /// Checks the settings for themselves, at no cost: [`Self::footprint`] and
    /// [`Self::start`] do too, before they make anything of them.
    pub check: fn(&Setup<'_>) -> Result<(), LearnError>,
    /// What a training takes of memory.
    pub footprint: fn(&Setup<'_>) -> Result<Footprint, LearnError>,
    /// A training at its start.
    pub start: fn(Setup<'_>) -> Result<Box<dyn Training>, LearnError>,
}

/// The settings of a type: names, kinds, and the comments on its fields as what they mean.
pub fn schema_of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

/// The schema of a setting that is a table of somebody else's, for
/// `#[schemars(schema_with = "agent::any_table")]`.
pub fn any_table(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// What one update did.
pub struct Update {
    /// Mean return of the trials it learned from; NaN where there were none.
    pub mean_return: f64,
    /// Its row in `metrics.jsonl`.
    pub row: Box<RawValue>,
}

impl Update {
    /// `row` begins with `update` and `env_steps`, both of them counts. A number that there is
    /// none of in this update is left out.
    ///
    /// # Errors
    /// If a number of the row is not finite: JSON says `null` for it, and so would the file.
    /// If the row cannot be written as JSON, which is a bug.
    pub fn new(mean_return: f64, row: &impl Serialize) -> Result<Self, LearnError> {
        let row = to_raw_value(row).map_err(|error| LearnError::Bug(error.to_string()))?;
        expect_numbers(&row)?;
        Ok(Self { mean_return, row })
    }
}

/// Refuses a row that says nothing at one of its keys. Lists may: that of what each task
/// earned has no number for one that was not met.
fn expect_numbers(row: &RawValue) -> Result<(), LearnError> {
    // Whoever takes the row refuses one that is no object.
    let Ok(row) = serde_json::from_str::<Map<String, serde_json::Value>>(row.get()) else {
        return Ok(());
    };
    match row.iter().find(|(_, value)| value.is_null()) {
        None => Ok(()),
        Some((key, _)) => Err(LearnError::Diverged(format!(
            "'{key}' in the row of the update is no finite number; where an update has none, \
             leave the key out, else lower the learning rate or the rewards' scale"
        ))),
    }
}

/// Who hears, on the workers, how many more fresh tasks are done, and may
/// call off the rest.
pub type Watch<'a> = dyn Fn(usize) -> ControlFlow<()> + Sync + 'a;

/// Tasks that an agent is measured on, and how it acts there.
pub struct Fresh<'a> {
    /// What they are tasks of.
    pub env: &'a Arc<dyn EnvFactory>,
    /// Which tasks.
    pub held: Held,
    /// How it acts where it is measured.
    pub actions: ActMode,
}

/// What gradient steps on fresh tasks led to.
#[derive(Clone, Debug, PartialEq)]
pub struct Adaptation {
    /// Trials of each task per gradient step, and after the last one.
    pub trajectories: usize,
    /// Returns of a trial over tasks, after 0, 1, 2, … gradient steps.
    pub returns: Vec<Moments>,
}

/// Arms of a bandit at one time, as its statistics tell of them.
#[derive(Clone, Copy, Debug)]
pub struct ToldArms<'a> {
    /// Steps of the trial that are left, at least 1.
    pub left: usize,
    /// Of each the posterior mean, −1 to 1, and the posterior's standard deviation beside
    /// the prior's. `[arms]`
    pub arms: &'a [[f32; 2]],
}

/// A policy of one task: it acts as in that wherever it is, and is not shown where.
pub struct TaskPolicy {
    /// How the environment describes the task.
    pub description: Vec<f32>,
    /// How it acts.
    pub policy: Arc<dyn PolicyFactory>,
}

/// A training in progress.
pub trait Training {
    /// How many updates there will be.
    fn updates(&self) -> u64;

    /// How many there have been.
    fn updates_done(&self) -> u64;

    /// Environment steps so far.
    fn env_steps(&self) -> u64;

    /// Does the next update.
    ///
    /// # Errors
    /// If the environment or the arithmetic fails; everything is then as before
    /// the update.
    fn update(&mut self) -> Result<Update, LearnError>;

    /// Refuses several ranks, whose training this is, where it does not share its work
    /// among them ([`Pool::share`](rollout::Pool::share)). One that does calls for the
    /// same shared work on every rank, and comes to the same numbers there.
    ///
    /// # Errors
    /// If it does not, which is so unless an algorithm says otherwise.
    fn expect_shared(&self) -> Result<(), LearnError> {
        Err(LearnError::Settings(
            "this algorithm does not share its work among ranks; start it without mpirun"
                .to_owned(),
        ))
    }

    /// The agent as it is now; one that adapts, before any adaptation.
    fn policy(&self, actions: ActMode) -> Arc<dyn PolicyFactory>;

    /// The index by which the agent prefers arms, of each of some, in the units of their
    /// means; `None` if it gives them none. `[arms]`
    fn indices(&self, _: ToldArms<'_>) -> Option<Vec<f32>> {
        None
    }

    /// How probable each of an environment's tasks is to the agent before every step of
    /// some trials that it lived, by what the trial showed until then; `None` if it does
    /// not say. `[steps][lanes][tasks]`
    fn task_beliefs(&self, _: &Trajectory, _: &dyn KnownTasks) -> Option<Vec<f32>> {
        None
    }

    /// With what probability the agent takes each action, by the task that it holds
    /// throughout an episode and by what it observes, a symbol; `None` if it holds none.
    /// `[tasks][states][actions]`
    fn held_actions(&self, _: &dyn KnownTasks) -> Option<Vec<f32>> {
        None
    }

    /// How the agent does on tasks that it adapts to by gradient steps; `None`
    /// if its policy is all there is.
    ///
    /// # Errors
    /// If the environment or the arithmetic fails, or it was called off.
    fn adaptation(&self, _: &Fresh<'_>, _: &Watch<'_>) -> Result<Option<Adaptation>, LearnError> {
        Ok(None)
    }

    /// The policies in the course of the adaptation to the task of a number; just
    /// the agent's, if it does not adapt.
    ///
    /// # Errors
    /// As [`Self::adaptation`].
    fn policies(
        &self,
        fresh: &Fresh<'_>,
        _task: usize,
    ) -> Result<Vec<Arc<dyn PolicyFactory>>, LearnError> {
        Ok(vec![self.policy(fresh.actions)])
    }

    /// Trials of a task that a gradient step of [`Self::policies`] is taken on; `None` if the
    /// agent does not adapt.
    fn trials_per_step(&self) -> Option<usize> {
        None
    }

    /// The agent's policies of single tasks; `None` if it has none.
    fn library(&self) -> Option<Vec<TaskPolicy>> {
        None
    }

    /// The agent as other programs compute it.
    ///
    /// # Errors
    /// If it cannot be written for them: what can.
    fn portable(&self) -> Result<Portable, LearnError> {
        Err(LearnError::Settings(
            "agents of this algorithm cannot be exported; allowed: those of `rl2` and of \
             `imitation`, and of other algorithms that say how"
                .to_owned(),
        ))
    }

    /// Takes over what the training that a checkpoint is of has learned, and begins
    /// with it.
    ///
    /// # Errors
    /// If that is no agent of this kind and size; nothing is changed then.
    fn begin_from(&mut self, _checkpoint: &Tree) -> Result<(), LearnError> {
        Err(LearnError::Settings(
            "this algorithm begins from nothing else; train it without --from".to_owned(),
        ))
    }

    /// All that a later process needs to go on with identical results.
    ///
    /// # Errors
    /// If a number in it is not finite: nothing could go on from there.
    fn checkpoint(&self) -> Result<Tree, LearnError>;

    /// Goes back to a checkpoint.
    ///
    /// # Errors
    /// If it does not fit; nothing is changed then.
    fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Serialize)]
    struct Row {
        update: u64,
        loss: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        rate: Option<f64>,
        each: Vec<Option<f64>>,
    }

    #[test]
    fn a_number_that_is_not_finite_gets_into_no_row() {
        let row = |loss: f64, rate| Row {
            update: 3,
            loss,
            rate,
            each: vec![Some(1.0), None],
        };
        let update = Update::new(f64::NAN, &row(0.5, None)).unwrap();
        let written = r#"{"update":3,"loss":0.5,"each":[1.0,null]}"#;
        assert_eq!(update.row.get(), written);
        assert!(Update::new(0.0, &row(0.5, Some(0.1))).is_ok());
        let refused = |row: &serde_json::Value| Update::new(0.0, row).err().unwrap().to_string();
        assert!(refused(&json!({ "update": 1, "x": f64::NAN })).starts_with("'x' in the row"));
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for (row, key) in [
                (row(number, None), "loss"),
                (row(0.5, Some(number)), "rate"),
            ] {
                let error = Update::new(0.0, &row).err().unwrap();
                assert!(matches!(error, LearnError::Diverged(_)), "{error}");
                assert!(
                    error.to_string().starts_with(&format!("'{key}' ")),
                    "{error}"
                );
            }
        }
    }
}
