//! The plain words of `bench rl2`: `hidden=128`, `envs=64`.

use crate::failure::Failure;
use crate::names::suggestion;
use crate::overrides::Override;
use toml::Value;

/// What may be set by a plain word, and the setting of the preset that it is.
const KEYS: [(&str, &str, Allowed); 9] = [
    ("cell", "rl2.trunk.kind", Allowed::Word(&["gru", "lstm"])),
    ("arms", "environment.arms", Allowed::Count(65_536)),
    ("hidden", "rl2.trunk.hidden", Allowed::Count(4096)),
    ("envs", "rl2.lanes", Allowed::Count(1 << 20)),
    ("steps", "environment.pulls", Allowed::Count(1_000_000)),
    ("epochs", "rl2.outer.epochs", Allowed::Count(1000)),
    (
        "minibatches",
        "rl2.outer.minibatches",
        Allowed::Count(65_536),
    ),
    ("workers", WORKERS, Allowed::Count(rollout::MAX_WORKERS)),
    (
        "backend",
        "rl2.backend",
        Allowed::Word(&["native", "torch"]),
    ),
];

/// Not a setting of the preset.
const WORKERS: &str = "";

/// Lanes of a tile at most: more save nothing, and leave the cache sooner.
const LARGEST_TILE: usize = 32;
/// Lanes are worked on in blocks of so many; a block that is not full costs as
/// much as a full one.
const BLOCK: usize = 8;

enum Allowed {
    /// 1 to this.
    Count(usize),
    /// One of these.
    Word(&'static [&'static str]),
}

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Words {
    /// Settings of the preset to change, by dotted key.
    pub(super) overrides: Vec<String>,
    /// Whether `rl2.tile` is among them.
    pub(super) sets_tile: bool,
    /// How many workers.
    pub(super) workers: Option<usize>,
}

impl Words {
    /// Reads plain words, and settings of the preset by their dotted keys.
    ///
    /// # Errors
    /// Names the first key that does not exist, is set twice, or whose value is
    /// not allowed.
    pub(super) fn read(words: &[String]) -> Result<Self, Failure> {
        let given = Override::parse_all(words).map_err(Failure::usage)?;
        let mut read = Self {
            overrides: Vec::new(),
            sets_tile: false,
            workers: None,
        };
        for Override { key, value } in given {
            let (dotted, value) = match key.contains('.') {
                true => (key, value),
                false => plain(&key, value)?,
            };
            if dotted == WORKERS {
                read.workers = value.as_integer().map(|workers| workers as usize);
                continue;
            }
            read.sets_tile |= dotted == "rl2.tile";
            read.overrides.push(format!("{dotted}={value}"));
        }
        Ok(read)
    }
}

/// The dotted key and the value of a plain word.
fn plain(key: &str, value: Value) -> Result<(String, Value), Failure> {
    let Some((_, dotted, allowed)) = KEYS.iter().find(|(name, ..)| *name == key) else {
        let help = suggestion(key, KEYS.iter().map(|(name, ..)| *name));
        let message = format!("bench rl2: {key}: no such key; {help}");
        return Err(Failure::usage(message));
    };
    let (fine, range) = match allowed {
        Allowed::Count(most) => {
            let count = value.as_integer().and_then(|n| usize::try_from(n).ok());
            let fine = count.is_some_and(|count| (1..=*most).contains(&count));
            (fine, format!("a whole number, 1 to {most}"))
        }
        Allowed::Word(words) => {
            let fine = value.as_str().is_some_and(|word| words.contains(&word));
            (fine, format!("one of {}", words.join(", ")))
        }
    };
    match fine {
        true => Ok(((*dotted).to_owned(), value)),
        false => Err(Failure::config(format!(
            "bench rl2: {key} = {value}; allowed: {range}"
        ))),
    }
}

/// Lanes of a tile for `lanes` lanes in `minibatches` parts: the number that
/// leaves the fewest lanes of blocks empty and still gives four workers alike to
/// do; of those that are equal the largest. It must not depend on how many
/// workers there are, since results do not; for fewer than four, smaller tiles
/// also share the work better where another program takes some of the time.
///
/// # Errors
/// If the lanes do not split into as many equal parts.
pub(super) fn tile(lanes: usize, minibatches: usize) -> Result<usize, String> {
    if minibatches == 0 || lanes == 0 || !lanes.is_multiple_of(minibatches) {
        return Err(format!(
            "bench rl2: minibatches = {minibatches}; allowed: a divisor of envs = {lanes}"
        ));
    }
    let part = lanes / minibatches;
    let cost = |tile: usize| {
        let rounds = (part / tile).div_ceil(4);
        rounds * tile.next_multiple_of(BLOCK)
    };
    let tiles = (1..=LARGEST_TILE.min(part)).filter(|tile| part.is_multiple_of(*tile));
    let best = tiles.rev().min_by_key(|tile| cost(*tile));
    Ok(best.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Words, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Words::read(&words).map_err(|failure| failure.message)
    }

    #[test]
    fn plain_words_are_settings_of_the_preset() {
        let words = read(&["hidden=128", "cell=lstm", "workers=3", "rl2.tile=8"]).unwrap();
        assert_eq!(
            words.overrides,
            [
                "rl2.trunk.hidden=128",
                "rl2.trunk.kind=\"lstm\"",
                "rl2.tile=8"
            ]
        );
        assert_eq!(words.workers, Some(3));
        assert!(words.sets_tile);
    }

    #[test]
    fn errors_name_the_key_and_what_is_allowed() {
        let cases = [
            ("hiden=64", "hiden: no such key; did you mean 'hidden'?"),
            ("hidden=0", "hidden = 0; allowed: a whole number, 1 to 4096"),
            ("cell=rnn", "cell = \"rnn\"; allowed: one of gru, lstm"),
            (
                "workers=0",
                "workers = 0; allowed: a whole number, 1 to 1024",
            ),
            (
                "epochs=1.5",
                "epochs = 1.5; allowed: a whole number, 1 to 1000",
            ),
        ];
        for (word, message) in cases {
            let error = read(&[word]).unwrap_err();
            assert_eq!(error, format!("bench rl2: {message}"));
        }
    }

    #[test]
    fn tiles_fill_blocks_and_occupy_four_workers() {
        assert_eq!(tile(1024, 4), Ok(32));
        assert_eq!(tile(64, 1), Ok(16));
        assert_eq!(tile(16, 1), Ok(8));
        assert_eq!(tile(96, 1), Ok(24));
        assert_eq!(tile(1, 1), Ok(1));
        // 25 lanes of a minibatch in one tile would leave a worker idle.
        assert_eq!(tile(100, 4), Ok(5));
        let error = tile(100, 3).unwrap_err();
        assert!(
            error.contains("allowed: a divisor of envs = 100"),
            "{error}"
        );
    }
}
