use super::*;
use crate::presets::Preset;
use crate::registry::Registry;
use crate::room::Room;

fn clone_of(teacher: &str) -> RunConfig {
    let preset = Preset::find("imitation/bernoulli-bandit-5x10").unwrap();
    let settings = [
        "imitation.lanes=64",
        "imitation.tile=4",
        "evaluation.learners=[]",
    ];
    let mut settings = settings.map(str::to_owned).to_vec();
    settings.push("environment.pulls=18".to_owned());
    settings.push(format!("imitation.teacher={teacher}"));
    RunConfig::resolve(&Registry::standard(), "x", preset.text, &settings).unwrap()
}

/// Room that holds either a training or the exact solution that teaches it, and not both:
/// that is refused before anything is solved.
#[test]
fn an_exact_teacher_is_counted_beside_its_student() {
    let (registry, observer) = (Registry::standard(), ());
    let mut session = Session::new(&registry, &observer, 1, "cpu").unwrap();
    let exact = "{name=\"bayes-optimal\"}";
    for teacher in [
        exact.to_owned(),
        format!("{{name=\"annealed-noise\",teacher={exact}}}"),
        format!("{{name=\"mixture\",teachers=[{{name=\"ucb1\"}},{exact}]}}"),
    ] {
        let config = clone_of(&teacher);
        let alone = footprint_with(&session, &config, &nobody).unwrap().bytes();
        let solved = solutions(&config.built).bytes();
        assert!(
            solved > 0.2 * alone && alone > 0.2 * solved,
            "{alone}, {solved}"
        );
        session.give_room(Room::of_bytes(1.1 / 0.9 * alone.max(solved)));
        let refused = prepare(&session, &config).map(drop).unwrap_err();
        assert_eq!(refused.exit, Exit::Config, "{refused}");
        let parts = ["exact solutions", "copies of the network", " has left"];
        assert!(
            parts.iter().all(|part| refused.message.contains(part)),
            "{refused}"
        );
    }
    session.give_room(Room::of_bytes(1e11));
    assert!(prepare(&session, &clone_of("{name=\"ucb1\"}")).is_ok());
}

/// Three fit where there is room for three and a half, and one is tried where there is for
/// none: that is refused with what it lacks.
#[test]
fn no_more_are_trained_side_by_side_than_memory_holds() {
    let (registry, observer) = (Registry::standard(), ());
    let mut session = Session::new(&registry, &observer, 1, "cpu").unwrap();
    let config = clone_of("{name=\"ucb1\"}");
    let one = footprint(&session, &config).unwrap().bytes() / 0.9;
    for (room, most, fit) in [(3.5, 8, 3), (3.5, 2, 2), (0.5, 8, 1), (100.0, 8, 8)] {
        session.give_room(Room::of_bytes(room * one));
        let found = side_by_side(&session, &config, most).unwrap();
        assert_eq!(found, fit, "room for {room}, of {most}");
    }
}

/// What is wrong with a teacher is the configuration's fault, and what is wrong with the
/// program is not.
#[test]
fn teachers_fail_with_the_exit_code_of_the_failure() {
    let exit = |failure: Failure| Failure::from(not_taught(failure)).exit;
    assert_eq!(exit(Failure::config("x")), Exit::Config);
    assert_eq!(exit(Failure::usage("no such folder")), Exit::Config);
    assert_eq!(exit(Failure::internal("x")), Exit::Internal);
    assert_eq!(exit(Failure::stopped("x")), Exit::Stopped);
}

/// A new seed in the folder of the run that it begins from replaces none that it is made of.
#[test]
fn runs_that_are_not_replaced_may_be_begun_from() {
    let refused = |config: &RunConfig, seeds: &[u64]| {
        let runs = seeds.iter().map(|seed| path_of(Path::new("x"), *seed));
        let runs: Vec<PathBuf> = runs.collect();
        let refused = refuse_own_sources(&runs, config, ("--overwrite", "--name"));
        refused.err().map(|failure| failure.message)
    };
    let begun = clone_of("{name=\"ucb1\"}").begun_from(Path::new("x/seed-0"));
    assert_eq!(refused(&begun, &[1, 2]), None);
    let message = refused(&begun, &[1, 0]).unwrap();
    let expected = "--overwrite would replace x/seed-0, which this run is made of";
    assert!(message.starts_with(expected), "{message}");
    // All of them are voters.
    let taught = clone_of("{name=\"majority\",runs=\"x\"}");
    assert!(refused(&taught, &[7]).is_some());
}
