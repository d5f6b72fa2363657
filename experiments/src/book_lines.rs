//! The command lines of a page of the book, for the tests that read and run them.

/// What stands in a command line before what the program is told.
const BEGINNINGS: [&str; 2] = [
    "cargo run --release -p experiments --no-default-features -- ",
    "cargo run --release -p experiments -- ",
];

/// Words as a shell has them: quoted by apostrophes, up to a comment or a pipe.
pub(crate) fn words(line: &str) -> Vec<String> {
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
pub(crate) fn commands(text: &str) -> Vec<Vec<String>> {
    let blocks = text.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let told = |line: &str| {
        BEGINNINGS
            .iter()
            .find_map(|begins| line.strip_prefix(begins).map(words))
    };
    lines.filter_map(told).collect()
}
