//! `eval`: a trained agent on fresh tasks.

use crate::cli::EvalArgs;
use crate::console::{Console, Event, fixed};
use crate::progress::Met;
use crate::results;
use lab::comparison::{Measured, estimate, measure, word};
use lab::deviation;
use lab::failure::Failure;
use lab::launch::{
    check_evaluation, config_in, config_of, passing_over, refuse_edited, restore, start_to_act,
};
use lab::observer::Progress as _;
use lab::panics::caught;
use lab::references::gap_closed;
use lab::registry::Registry;
use lab::session::{Session, device_of};
use record::schema::Comparison;
use record::{Document, Reader};
use serde_json::json;

pub(crate) fn run(registry: &Registry, args: &EvalArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let run = Reader::open(&args.run)?;
    let device = match &args.device {
        Some(device) => device.clone(),
        None => device_of(&args.run)?,
    };
    let session = Session::new(registry, &console, args.work.workers(), &device)?;
    let trained = config_of(&session, &run)?;
    let config = config_in(&session, &run, &args.settings)?;
    let mut training = start_to_act(&session, &config)?;
    let latest = run.latest_checkpoint()?;
    let path = args.run.display();
    let Some((update, checkpoint)) = latest.newest else {
        return Err(match latest.damaged.first() {
            None => Failure::usage(format!("{path} has no checkpoint yet; train it first")),
            Some(damage) => Failure::config(format!("{path} has no intact checkpoint: {damage}")),
        });
    };
    let passed_over: Vec<String> = latest.damaged.iter().map(passing_over).collect();
    passed_over.iter().for_each(|said| console.note(said));
    refuse_edited(&run, &trained, &checkpoint)?;
    let restored = restore(&run, &trained, training.as_mut(), (update, &checkpoint));
    restored.map_err(|failure| match args.settings.is_empty() {
        true => failure,
        false => failure.within(format!(
            "{}: the agent cannot act there, where its network would be another one; allowed: \
             settings with as many inputs and actions as it was trained on, and with \
             trunk.kind = \"transformer\" as many steps of a trial; or of any number of arms with \
             trunk.kind = \"index\" in a bandit",
            args.settings.join(" ")
        )),
    })?;
    let tasks = args.tasks.unwrap_or(config.evaluation.tasks.get());
    check_evaluation(&session, &config, training.as_ref(), tasks)?;
    let actions = config.evaluation.actions;
    let met = Met::new(&config.algorithm, tasks);
    let watch = |more| met.met(more);
    let measured = caught(&format!("algorithm '{}'", config.algorithm), || {
        measure(&session, &config, training.as_ref(), (tasks, watch))
    })?;
    drop(met);
    // A finished run knows its exact values, which may take minutes.
    let finished: Option<Comparison> = match args.settings.is_empty() {
        true => run.document(Document::Comparison)?,
        false => None,
    };
    let exact = finished.map(|comparison| comparison.exact);
    let exact = exact.unwrap_or_else(|| session.oracles.references(&config.built));
    let exact = measured.references(exact);
    let Measured {
        result, adaptation, ..
    } = measured;
    let deviations = match &adaptation {
        Some(_) => None,
        None => deviation::measure(&session, (&config, training.as_ref()), tasks)?,
    };
    let distinct = config.built.factory.tasks();
    let (mean, error) = (result.mean_return, result.standard_error);
    let gap = gap_closed(&exact, estimate(&result, tasks));
    let ends = gap.and_then(|gap| gap.interval());
    console.say(format!(
        "{} after update {update}, {} actions, {}{}: mean return {} ± {}{}",
        result.name,
        word(actions),
        args.settings
            .iter()
            .map(|set| format!("{set}, "))
            .collect::<String>(),
        results::fresh(tasks, distinct),
        console.good(&fixed(mean, 4)),
        fixed(error, 4),
        results::parts(result.split.as_ref())
    ))?;
    if let Some(adaptation) = &adaptation {
        results::print_adaptation(&console, adaptation, distinct)?;
    }
    if let Some(gap) = gap {
        let (share, interval) = results::closed(gap.mean, ends);
        console.say(format!("gap closed: {share} ({interval})"))?;
    }
    if let Some(deviations) = &deviations {
        results::print_deviations(&console, &exact, deviations)?;
    }
    let by_actions = deviations
        .as_ref()
        .and_then(|found| results::closed_by_actions(&exact, found));
    console.emit(
        Event::Evaluation,
        &json!({
            "learner": result.name,
            "update": update,
            "passed_over": passed_over,
            "actions": word(actions),
            "seed": config.seed,
            "settings": config.built.settings,
            "tasks": tasks,
            "mean_return": mean,
            "standard_error": error,
            "split": result.split,
            "gap_closed": gap.map(|gap| gap.mean),
            "gap_closed_interval": ends,
            "adaptation": adaptation,
            "deviations": deviations,
            "gap_closed_by_actions": by_actions.map(|gap| gap.mean),
            "gap_closed_by_actions_interval": by_actions.and_then(|gap| gap.interval()),
        }),
    )
}
