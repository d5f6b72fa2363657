//! Every command line of the book and of the README is one that there is.

use crate::book_lines::{commands, words};
use crate::cli::{CheckEnvArgs, Cli, Command, OracleArgs, ShowArgs, TrainArgs};
use clap::Parser as _;
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::keys;
use lab::presets::Source;
use lab::registry::{Built, Registry};
use std::fs;
use std::path::Path;

/// As much of a command as can be done without training, or writing anything.
fn understood(registry: &Registry, words: &[String]) -> Result<(), String> {
    let all = ["experiments".to_owned()]
        .into_iter()
        .chain(words.iter().cloned());
    let cli = Cli::try_parse_from(all).map_err(|error| error.to_string())?;
    let failed = |failure: Failure| failure.message;
    match cli.command {
        Some(Command::Train(TrainArgs {
            preset, overrides, ..
        }))
        | Some(Command::Show(ShowArgs {
            preset, overrides, ..
        })) => {
            let source = Source::find(&preset).map_err(failed)?;
            let resolved = RunConfig::resolve(registry, &source.place, &source.text, &overrides);
            resolved.map(drop).map_err(failed)
        }
        Some(Command::Help(args)) if args.words.len() == 1 => keys::find(registry, &args.words[0])
            .map(drop)
            .map_err(failed),
        Some(Command::Oracle(OracleArgs {
            environment,
            settings,
            ..
        }))
        | Some(Command::CheckEnv(CheckEnvArgs {
            environment,
            settings,
            ..
        })) => {
            let built = Built::from_words(registry, &environment, &settings);
            built.map(drop).map_err(failed)
        }
        _ => Ok(()),
    }
}

#[test]
fn command_lines_of_the_book_are_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    let listed = fs::read_to_string(root.join("book/src/SUMMARY.md")).unwrap();
    for page in fs::read_dir(root.join("book/src")).unwrap() {
        let page = page.unwrap().path();
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "SUMMARY.md" || listed.contains(&format!("({name})")),
            "{name}"
        );
        pages.push(page);
    }
    let registry = Registry::standard();
    let mut count = 0;
    for page in pages {
        for words in commands(&fs::read_to_string(&page).unwrap()) {
            let fault = understood(&registry, &words).err();
            assert_eq!(fault, None, "{}: {words:?}", page.display());
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
    for wrong in [
        "train quickstart --sed 7",
        "train quickstart rl2.lans=3",
        "help rl2.lans",
        "watch",
    ] {
        assert!(understood(&registry, &words(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn words_are_a_shells() {
    let found = words("train x 'a={b=\"c d\"}' --seed 7   # a comment");
    assert_eq!(found, ["train", "x", "a={b=\"c d\"}", "--seed", "7"]);
    assert_eq!(words("show x > y.toml"), ["show", "x"]);
}
