//! The words that say which trunk `bench rl2` measures.

use lab::failure::Failure;

/// What a trunk may be told, and what it is told where nothing is said.
const CELLS: [(&str, &[(&str, &str)]); 6] = [
    ("gru", RECURRENT),
    ("lstm", RECURRENT),
    ("min-gru", SCANNED),
    ("lru", SCANNED),
    ("fast-weight", FAST),
    ("transformer", ATTENDING),
];
const RECURRENT: &[(&str, &str)] = &[("hidden", "64"), ("input_gain", "1.0"), ("memory", "2.0")];
const SCANNED: &[(&str, &str)] = &[
    ("hidden", "64"),
    ("layers", "2"),
    ("units", ""),
    ("feed", "plain"),
    ("join", "sum"),
    ("input_gain", "1.0"),
    ("memory", "30.0"),
];
const FAST: &[(&str, &str)] = &[
    ("hidden", "64"),
    ("layers", "2"),
    ("heads", "4"),
    ("units", ""),
    ("feed", "plain"),
    ("join", "sum"),
    ("input_gain", "1.0"),
];
const ATTENDING: &[(&str, &str)] = &[
    ("hidden", "64"),
    ("layers", "2"),
    ("heads", "4"),
    ("positions", "learned"),
    ("units", ""),
    ("feed", "plain"),
    ("join", "sum"),
    ("input_gain", "1.0"),
];

/// Replaces `cell=NAME` and its settings, such as `hidden=128`, by the trunk that they
/// say; other words stay as they are.
pub(super) fn spelled_out(words: &[String]) -> Result<Vec<String>, Failure> {
    let mut cells = pairs(words).filter(|(key, _)| *key == "cell");
    let Some((_, cell)) = cells.next() else {
        return Ok(words.to_vec());
    };
    if let Some((_, other)) = cells.next() {
        return Err(Failure::usage(format!(
            "cell={cell} and cell={other}; name one"
        )));
    }
    let Some((_, settings)) = CELLS.iter().find(|(name, _)| *name == cell) else {
        let names: Vec<&str> = CELLS.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(Failure::usage(format!("cell={cell}; allowed: {names}")));
    };
    let mut rest = Vec::new();
    let mut trunk: Vec<(&str, String)> = settings
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    for word in words {
        match word.split_once('=') {
            Some(("cell", _)) => {}
            Some((key, value)) => match trunk.iter_mut().find(|(known, _)| *known == named(key)) {
                Some((_, told)) => value.clone_into(told),
                None => rest.push(word.clone()),
            },
            None => rest.push(word.clone()),
        }
    }
    let hidden = trunk[0].1.parse::<usize>();
    let times = if cell == "transformer" { 4 } else { 2 };
    let told = trunk.into_iter().map(|(key, value)| match (key, &hidden) {
        // A width without such a multiple is refused with the width.
        ("units", Ok(hidden)) if value.is_empty() => {
            format!("units = {}", hidden.checked_mul(times).unwrap_or(*hidden))
        }
        ("feed" | "join" | "positions", _) => format!("{key} = \"{value}\""),
        _ => format!("{key} = {value}"),
    });
    let told: Vec<String> = told.collect();
    rest.push(format!(
        "rl2.trunk={{ kind = \"{cell}\", {} }}",
        told.join(", ")
    ));
    Ok(rest)
}

/// The setting of a word: the join of a transformer is called its gate, too.
fn named(word: &str) -> &str {
    if word == "gate" { "join" } else { word }
}

fn pairs(words: &[String]) -> impl Iterator<Item = (&str, &str)> {
    words.iter().filter_map(|word| word.split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_spelled_out_and_other_words_stay() {
        let of = |words: &str| {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            spelled_out(&words).map_err(|failure| failure.to_string())
        };
        assert_eq!(of("rl2.lanes=64"), Ok(vec!["rl2.lanes=64".to_owned()]));
        let gru = "rl2.trunk={ kind = \"gru\", hidden = 128, input_gain = 1.0, memory = 2.0 }";
        let expected = vec!["rl2.lanes=64".to_owned(), gru.to_owned()];
        assert_eq!(of("cell=gru rl2.lanes=64 hidden=128"), Ok(expected));
        let attends = "rl2.trunk={ kind = \"transformer\", hidden = 32, layers = 2, heads = 2, \
                       positions = \"learned\", units = 128, feed = \"plain\", join = \"gru\", input_gain = 1.0 }";
        let found = of("heads=2 cell=transformer join=gru hidden=32");
        assert_eq!(found, Ok(vec![attends.to_owned()]));
        assert_eq!(of("heads=2 cell=transformer gate=gru hidden=32"), found);
        assert!(
            of("cell=lru hidden=9223372036854775808").is_ok(),
            "refused where it is read"
        );
        let error = of("cell=gru cell=lstm").unwrap_err();
        assert!(error.contains("cell=gru and cell=lstm"), "{error}");
        let error = of("cell=gro").unwrap_err();
        assert!(
            error.contains("cell=gro; allowed: gru, lstm, min-gru, lru, fast-weight, transformer"),
            "{error}"
        );
    }
}
