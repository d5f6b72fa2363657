//! What there is, and what is known exactly: lists, exact values, learners without
//! networks.

use crate::attended::attended;
use crate::convert::{python, refused, table};
use crate::registry::registry;
use lab::comparison::{estimate, held_out, result_of, settings_of};
use lab::failure::Failure;
use lab::learners::{self, LearnerSpec, Player};
use lab::oracles::{Oracles, solutions};
use lab::panics::caught;
use lab::presets::PRESETS;
use lab::references::{fields, gap_closed, insert, named};
use lab::registry::Built;
use lab::room::Room;
use lab::session::Session;
use lab::settings::to_toml;
use lab::stop::Stop;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rl_core::Setting;
use rollout::{Evaluation, evaluate, evaluation_footprint};
use serde_json::{Map, Value, json};
use toml::Table;

/// The environment of a name with these settings.
fn built(name: &str, settings: &Table) -> Result<Built, Failure> {
    let registry = registry();
    let entry = registry.environment(name).map_err(Failure::usage)?;
    Built::new(entry, settings).map_err(Failure::config)
}

fn described(settings: &[Setting]) -> Vec<Value> {
    let describe = |setting: &Setting| {
        json!({
            "name": setting.name,
            "default": to_toml(&setting.default()),
            "allowed": setting.allowed(),
            "meaning": setting.meaning,
        })
    };
    settings.iter().map(describe).collect()
}

/// The environments: name, summary, settings.
#[pyfunction]
fn environments(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let registry = registry();
    let entries = registry.environments().iter().map(|entry| {
        json!({
            "name": entry.name(),
            "summary": entry.summary(),
            "settings": described(entry.settings()),
        })
    });
    python(py, &entries.collect::<Vec<_>>())
}

/// The learners without networks, those of single environments among them.
#[pyfunction]
fn all_learners(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let registry = registry();
    let own = learners::of_environments(&registry);
    let all = learners::all().into_iter().chain(own).map(|about| {
        json!({
            "name": about.name,
            "summary": about.summary,
            "settings": described(about.keys),
        })
    });
    python(py, &all.collect::<Vec<_>>())
}

/// The presets of trainings: name, summary, text.
#[pyfunction]
fn presets(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let presets = PRESETS.iter().map(
        |preset| json!({"name": preset.name, "summary": preset.summary(), "text": preset.text}),
    );
    python(py, &presets.collect::<Vec<_>>())
}

/// The exact values of an environment.
#[pyfunction]
fn oracle<'py>(
    py: Python<'py>,
    name: &str,
    settings: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let set = table(settings)?;
    let name = name.to_owned();
    let solved = attended(py, None, move |voice| {
        let built = built(&name, &set)?;
        let stop = Stop::default();
        voice.may_stop(&stop);
        let oracles = Oracles::new(&(), Room::now(), stop);
        oracles.check(&built)?;
        caught("the exact solution", || {
            let exact = oracles.references(&built);
            let mut found = fields(&exact);
            let mut why = Map::new();
            let further = built.factory.further_values();
            for (name, value) in &further {
                insert(&mut found, name, value);
            }
            let further = further.iter().map(|(name, value)| (*name, value));
            for (name, value) in named(&exact).into_iter().chain(further) {
                why.extend(value.why().map(|why| (name.to_owned(), json!(why))));
            }
            found.insert("why".to_owned(), Value::Object(why));
            found.insert("settings".to_owned(), Value::Object(settings_of(&built)?));
            Ok((found, exact.bayes_optimal_rewards))
        })
    });
    let (found, rewards) = solved?;
    let found = python(py, &found)?;
    let rewards = rewards.map(|rewards| PyArray1::from_vec(py, rewards));
    found.set_item("bayes_optimal_rewards", rewards)?;
    Ok(found)
}

/// A learner without a network on fresh tasks: what `experiments baseline` says.
#[pyfunction]
fn baseline<'py>(
    py: Python<'py>,
    env: (String, Bound<'py, PyDict>),
    learner: (String, Bound<'py, PyDict>),
    which: (usize, u64, usize, bool),
) -> PyResult<Bound<'py, PyAny>> {
    let (name, set) = (env.0, table(&env.1)?);
    let (learner, params) = (learner.0, table(&learner.1)?);
    let (tasks, seed, workers, exact) = which;
    if tasks == 0 {
        return Err(refused("tasks = 0; allowed: at least 1"));
    }
    let played = attended(py, None, move |voice| {
        let built = built(&name, &set)?;
        let env = &built.factory;
        let spec = LearnerSpec::new_in(&learner, &learner, &params, env.as_ref());
        let spec = spec.map_err(Failure::config)?;
        let registry = registry();
        let session = Session::new(&registry, &(), workers, "cpu")?;
        voice.may_stop(&session.stop);
        let player = caught("the learner", || {
            let made = spec.make(&built, &session.oracles);
            made.map_err(Failure::config)
        });
        let Player { kind, policy } = player?;
        let needed = evaluation_footprint(env.as_ref(), policy.as_ref(), (tasks, workers));
        let needed = needed.and(solutions(&built));
        session.room.check(&policy.name(), &needed)?;
        caught("the learner", || {
            let lived: Evaluation = evaluate(&session.pool, env, &policy, held_out(tasks, seed))?;
            let result = result_of(policy.name(), kind, &lived);
            let gap = match exact {
                true => {
                    let exact = session.oracles.references(&built);
                    gap_closed(&exact, estimate(&result, tasks))
                }
                false => None,
            };
            let regret = result.regret.as_ref().and_then(|row| row.last().copied());
            let said = json!({
                "learner": result.name,
                "environment": name,
                "settings": settings_of(&built)?,
                "seed": seed,
                "tasks": tasks,
                "mean_return": result.mean_return,
                "standard_error": result.standard_error,
                "regret": regret,
                "gap_closed": gap.map(|gap| gap.mean),
                "gap_closed_interval": gap.and_then(|gap| gap.interval()),
            });
            Ok((said, result.cumulative_reward, lived.trial_returns))
        })
    });
    let (said, course, returns) = played?;
    let said = python(py, &said)?;
    said.set_item("cumulative_reward", PyArray1::from_vec(py, course))?;
    said.set_item("trial_returns", PyArray1::from_vec(py, returns))?;
    Ok(said)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(environments, module)?)?;
    module.add_function(wrap_pyfunction!(all_learners, module)?)?;
    module.add_function(wrap_pyfunction!(presets, module)?)?;
    module.add_function(wrap_pyfunction!(oracle, module)?)?;
    module.add_function(wrap_pyfunction!(baseline, module)?)
}
