//! The script that makes the repository's results again.

use crate::lab::{Lab, Outcome};
use std::fs;
use std::path::Path;
use std::process::Command;

/// In place of cargo: shows configurations, and says what else it was asked for.
const CARGO: &str = r#"() {
    while [ "$1" != -- ]; do shift; done
    shift
    case $1 in
        show) "$METARL" "$@" ;;
        *) echo "$@" ;;
    esac
}"#;

/// A folder with the script, and nothing that was made yet.
fn lab() -> Lab {
    let lab = Lab::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("reproduce.sh");
    fs::create_dir(lab.path("experiments")).unwrap();
    fs::copy(script, lab.path("experiments/reproduce.sh")).unwrap();
    lab
}

/// What it does to make a result.
fn reproduce(lab: &Lab, name: &str) -> Outcome {
    let mut command = Command::new("bash");
    command.arg(lab.path("experiments/reproduce.sh")).arg(name);
    // A function that bash takes over from its environment.
    command.env("BASH_FUNC_cargo%%", CARGO);
    Outcome::of(command.env("METARL", env!("CARGO_BIN_EXE_experiments")))
}

#[test]
fn a_folder_of_other_settings_is_not_taken_up() {
    let lab = lab();
    let made = || reproduce(&lab, "quickstart");
    let first = made();
    assert_eq!(
        (first.code, &*first.stdout),
        (Some(0), "train quickstart --seeds 5 --name quickstart\n"),
        "{first:?}"
    );
    let run = lab.path("runs/quickstart/seed-0");
    fs::create_dir_all(&run).unwrap();
    let begun = run.join("config.toml");
    let text = lab.done(&["show", "quickstart"]).stdout;
    // It may have begun with another run's parameters.
    fs::write(&begun, format!("from = \"runs/other\"\n{text}")).unwrap();
    let again = made();
    assert_eq!(
        (again.code, &*again.stdout),
        (Some(0), "resume runs/quickstart\n"),
        "{again:?}"
    );
    let older = text.replace("pulls = 10", "pulls = 20");
    assert_ne!(older, text);
    fs::write(&begun, older).unwrap();
    let refused = made();
    assert_eq!(
        (refused.code, &*refused.stdout),
        (Some(1), ""),
        "{refused:?}"
    );
    for words in ["< pulls = 20", "> pulls = 10", "begun with other settings"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
}

#[test]
fn a_table_takes_the_library_that_is_made() {
    let lab = lab();
    let folder = "multi-task-separate-60";
    let table = || reproduce(&lab, "tables").stdout;
    assert!(table().ends_with("\ntable combination\n"));
    let made = reproduce(&lab, "multi-task").stdout;
    assert!(made.contains(&format!(" --name {folder}\n")), "{made}");
    fs::create_dir_all(lab.path("runs").join(folder)).unwrap();
    let with = format!("\ntable combination library=runs/{folder}/seed-0\n");
    assert!(table().ends_with(&with));
}
