use super::*;
use crate::commands::table::sources;
use lab::learners::LearnerSpec;
use lab::oracles::Oracles;
use lab::room::Room;
use lab::stop::Stop;

/// Every table, in full and quick.
fn plans(registry: &Registry) -> Vec<Plan> {
    let read = |source, quick| Plan::read(registry, source, quick).unwrap();
    let both = |source| [read(source, false), read(source, true)];
    sources().into_iter().flat_map(both).collect()
}

#[test]
fn every_learner_and_setting_in_the_data_files_exists() {
    let registry = Registry::standard();
    let mut checked = 0;
    for plan in plans(&registry) {
        for column in &plan.columns {
            let place = format!("{} {}", plan.name, column.name);
            if let Some(algorithm) = &column.trained {
                registry.algorithm(algorithm).unwrap();
            }
            let choices = column.choices(plan.quick);
            assert_eq!(choices.is_empty(), column.candidates.is_empty(), "{place}");
            for Choice {
                learner,
                parameters,
            } in choices
            {
                let spec = LearnerSpec::new(&place, &learner, &parameters).unwrap();
                // Of a grid, a few values tell whether it can act there.
                if plan.quick {
                    let built = &plan.rows[0].built;
                    spec.make(built, &Oracles::new(&(), Room::now(), Stop::default()))
                        .unwrap();
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn every_row_takes_enough_tasks() {
    for plan in plans(&Registry::standard()) {
        for row in &plan.rows {
            let (size, place) = (row.size, format!("{} {}", plan.name, row.name));
            assert!(size.tuning >= 2 && size.tasks >= 2, "{place}");
            assert_eq!(size.relative_error.is_none(), plan.quick, "{place}");
            let steps = row.built.factory.spec().trial_steps();
            let bandit = row.environment.ends_with("bandit");
            if !plan.quick && bandit && steps <= 100 {
                assert!(size.tasks >= 20_000, "{place}");
            }
            let most = match plan.measure {
                Measure::Return => 0.003,
                Measure::Regret => 0.01,
            };
            assert!(
                size.relative_error.is_none_or(|share| share <= most),
                "{place}"
            );
        }
        // A row that is published is published for most learners.
        let learners = plan.columns.iter().filter(|c| !c.candidates.is_empty());
        let published = learners.filter(|column| column.paper.len() == plan.rows.len());
        assert!(
            plan.paper_tasks.is_none() || published.count() >= 6,
            "{}",
            plan.name
        );
    }
}

#[test]
fn names_that_do_not_exist_are_refused() {
    let registry = Registry::standard();
    let source = sources()[0];
    let message = |from: &str, to: &str| {
        let text = source.data.replacen(from, to, 1);
        assert_ne!(text, source.data);
        let changed = Source {
            data: Box::leak(text.into_boxed_str()),
            ..source
        };
        Plan::read(&registry, changed, false).err().unwrap().message
    };
    let told = |from: &str, to: &str, parts: &[&str]| {
        let message = message(from, to);
        for part in parts {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
    };
    told("arms = 5", "amrs = 5", &["rows.10x5.environment", "arms"]);
    told("10x5 = 5.0", "10x4 = 5.0", &["no row '10x4'", "10x5"]);
    told("full = {", "fall = {", &["fall", "full"]);
    told(
        "candidates = [{",
        "exact = \"bayes-optimal\"\ncandidates = [{",
        &["random", "one of"],
    );
}

#[test]
fn notes_explain_what_they_name() {
    let note = |rows: &[&str], columns: &[&str]| Note {
        rows: rows.iter().map(|name| (*name).to_owned()).collect(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        text: String::new(),
    };
    assert!(note(&[], &[]).explains("10", "ucb1"));
    assert!(note(&["10"], &[]).explains("10", "ucb1"));
    assert!(!note(&["25"], &[]).explains("10", "ucb1"));
    assert!(note(&["25", "10"], &["ucb1"]).explains("10", "ucb1"));
    assert!(!note(&["10"], &["beb"]).explains("10", "ucb1"));
}
