//! Every command line of the book and of the README is one that there is.

use crate::lab::Lab;
use std::fs;
use std::path::Path;

/// What stands in a command line before what the program is told.
const BEGINNINGS: [&str; 2] = [
    "cargo run --release -p experiments --no-default-features -- ",
    "cargo run --release -p experiments -- ",
];

/// Words as a shell has them: quoted by apostrophes, up to a comment or a pipe.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for character in line.chars() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            '#' | '|' | '>' if !quoted && word.is_none() => break,
            character => word.get_or_insert_default().push(character),
        }
    }
    assert!(!quoted, "{line}");
    words.extend(word);
    words
}

/// The command lines in the blocks of a text that are a shell's.
fn commands(text: &str) -> Vec<Vec<String>> {
    let blocks = text.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let told = |line: &str| {
        BEGINNINGS
            .iter()
            .find_map(|begins| line.strip_prefix(begins).map(words))
    };
    lines.filter_map(told).collect()
}

#[test]
fn command_lines_of_the_book_are_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut pages = vec![root.join("README.md")];
    let listed = fs::read_to_string(root.join("book/src/SUMMARY.md")).unwrap();
    for page in fs::read_dir(root.join("book/src")).unwrap() {
        let page = page.unwrap().path();
        let name = page.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(
            name == "SUMMARY.md" || listed.contains(&format!("({name})")),
            "{name}"
        );
        pages.push(page);
    }
    let lab = Lab::new();
    let mut count = 0;
    for page in pages {
        for words in commands(&fs::read_to_string(&page).unwrap()) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            // What is parsed before the help is refused where it is none.
            lab.done(&[&words[..], &["--help"]].concat());
            if let ["train", rest @ ..] = &words[..] {
                let settings = rest.iter().take_while(|word| !word.starts_with("--"));
                let settings: Vec<&str> = settings.copied().collect();
                lab.done(&[&["show"], &settings[..]].concat());
            }
            if let ["help", key] = words[..] {
                lab.done(&["help", key]);
            }
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn words_are_a_shells() {
    let found = words("train x 'a={b=\"c d\"}' --seed 7   # a comment");
    assert_eq!(found, ["train", "x", "a={b=\"c d\"}", "--seed", "7"]);
    assert_eq!(words("show x > y.toml"), ["show", "x"]);
}
