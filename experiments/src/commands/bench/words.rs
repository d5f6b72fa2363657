//! The plain words of a benchmark: `hidden=128`, `envs=64`.

use crate::cli::Work;
use lab::failure::Failure;
use lab::overrides::Override;
use rl_core::suggestion;
use toml::Value;

/// A benchmark that complete iterations are measured by, and its plain words.
pub(super) struct Subject {
    name: &'static str,
    keys: &'static [Key],
}

/// What may be set by a plain word.
struct Key(&'static str, Meaning, Allowed);

/// What a plain word means in the preset.
enum Meaning {
    /// The setting of this dotted key.
    Setting(&'static str),
    /// The units of each of two hidden layers, which this dotted key lists.
    TwoLayers(&'static str),
    /// What the table of this dotted key is to be; the second word stands for
    /// the preset's own.
    Table(&'static str, &'static str),
    /// How many workers, which is no setting of the preset.
    Workers,
}

enum Allowed {
    /// 1 to this.
    Count(usize),
    /// One of these.
    Word(&'static [&'static str]),
}

use Allowed::{Count, Word};
use Meaning::{Setting, Table, TwoLayers, Workers};

const WORKERS: Key = Key("workers", Workers, Count(rollout::MAX_WORKERS));

pub(super) const RL2: Subject = Subject {
    name: "bench rl2",
    keys: &[
        Key("cell", Setting("rl2.trunk.kind"), Word(&["gru", "lstm"])),
        // A network sees at most 65 536 numbers: the last action, its reward, and
        // whether an episode begins.
        Key("arms", Setting("environment.arms"), Count(65_534)),
        Key("hidden", Setting("rl2.trunk.hidden"), Count(4096)),
        Key("envs", Setting("rl2.lanes"), Count(1 << 20)),
        Key("steps", Setting("environment.pulls"), Count(1_000_000)),
        Key("epochs", Setting("rl2.outer.epochs"), Count(1000)),
        Key(
            "minibatches",
            Setting("rl2.outer.minibatches"),
            Count(65_536),
        ),
        Key(
            "backend",
            Setting("rl2.backend"),
            Word(&["native", "torch"]),
        ),
        WORKERS,
    ],
};

pub(super) const MAML: Subject = Subject {
    name: "bench maml",
    keys: &[
        Key("outer", Table("maml.outer", "trpo"), Word(&["trpo", "vpg"])),
        Key("order", Setting("maml.order"), Word(&["first", "second"])),
        Key("tasks", Setting("maml.tasks"), Count(65_536)),
        Key("trajectories", Setting("maml.trajectories"), Count(65_536)),
        Key("horizon", Setting("environment.horizon"), Count(1_000_000)),
        Key("hidden", TwoLayers("maml.policy.hidden"), Count(4096)),
        WORKERS,
    ],
};

/// Lanes of a tile at most: more save nothing, and leave the cache sooner.
const LARGEST_TILE: usize = 32;
/// Lanes are worked on in blocks of so many; a block that is not full costs as
/// much as a full one.
const BLOCK: usize = 8;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Words {
    /// Settings of the preset to change, by dotted key.
    pub(super) overrides: Vec<String>,
    workers: Option<usize>,
}

impl Words {
    /// Reads plain words, and settings of the preset by their dotted keys.
    ///
    /// # Errors
    /// Names the first key that does not exist, is set twice, or whose value is
    /// not allowed.
    pub(super) fn read(subject: &Subject, words: &[String]) -> Result<Self, Failure> {
        let given = Override::parse_all(words).map_err(Failure::usage)?;
        let (mut tables, mut settings, mut workers) = (Vec::new(), Vec::new(), None);
        for one in given {
            if one.key.contains('.') {
                settings.push(one.to_string());
                continue;
            }
            let (meaning, value) = subject.meaning(&one)?;
            match meaning {
                Setting(dotted) => settings.push(format!("{dotted}={value}")),
                TwoLayers(dotted) => settings.push(format!("{dotted}=[{value}, {value}]")),
                Table(_, own) if value.as_str() == Some(*own) => (),
                Table(dotted, _) => tables.push(format!("{dotted}={{ kind = {value} }}")),
                Workers => workers = value.as_integer().map(|workers| workers as usize),
            }
        }
        // Tables first, so that no setting of one is lost where it is replaced.
        tables.append(&mut settings);
        Ok(Self {
            overrides: tables,
            workers,
        })
    }

    /// Whether a setting of the preset is to be changed.
    pub(super) fn set(&self, dotted: &str) -> bool {
        let keys = self
            .overrides
            .iter()
            .filter_map(|word| word.split_once('='));
        keys.map(|(key, _)| key).any(|key| key == dotted)
    }

    /// How many workers, of the plain word or the option.
    ///
    /// # Errors
    /// If both are given.
    pub(super) fn workers(&self, option: &Work) -> Result<usize, Failure> {
        match self.workers {
            Some(word) if option.given() => Err(Failure::usage(format!(
                "workers={word}: workers is set twice, by --workers {} too; set it once",
                option.workers()
            ))),
            Some(workers) => Ok(workers),
            None => Ok(option.workers()),
        }
    }
}

impl Subject {
    /// What a plain word means, its value checked.
    fn meaning(&self, word: &Override) -> Result<(&'static Meaning, Value), Failure> {
        let key = &word.key;
        let Some(Key(_, meaning, allowed)) = self.keys.iter().find(|known| known.0 == key) else {
            let help = suggestion(key, self.keys.iter().map(|known| known.0));
            let message = format!("{}: {key}: no such key; {help}", self.name);
            return Err(Failure::usage(message));
        };
        let value = word.instead_of(&match allowed {
            Count(most) => Value::Integer(*most as i64),
            Word(_) => Value::String(String::new()),
        });
        let (fine, range) = match allowed {
            Count(most) => {
                let count = value.as_integer().and_then(|n| usize::try_from(n).ok());
                let fine = count.is_some_and(|count| (1..=*most).contains(&count));
                (fine, format!("a whole number, 1 to {most}"))
            }
            Word(words) => {
                let fine = value.as_str().is_some_and(|word| words.contains(&word));
                (fine, format!("one of {}", words.join(", ")))
            }
        };
        match fine {
            true => Ok((meaning, value)),
            false => Err(Failure::config(format!(
                "{}: {key} = {value}; allowed: {range}",
                self.name
            ))),
        }
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

    fn read(subject: &Subject, words: &[&str]) -> Result<Words, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Words::read(subject, &words).map_err(|failure| failure.message)
    }

    #[test]
    fn plain_words_are_settings_of_the_preset() {
        let words = read(
            &RL2,
            &["hidden=128", "cell=lstm", "workers=3", "rl2.tile=8"],
        )
        .unwrap();
        assert_eq!(
            words.overrides,
            [
                "rl2.trunk.hidden=128",
                "rl2.trunk.kind=\"lstm\"",
                "rl2.tile=8"
            ]
        );
        assert_eq!(words.workers, Some(3));
        assert!(words.set("rl2.tile") && !words.set("rl2.trunk"));
    }

    #[test]
    fn a_word_can_stand_for_layers_or_a_table() {
        let given = ["maml.outer.max_kl=0.1", "hidden=32", "outer=vpg"];
        let words = read(&MAML, &given).unwrap();
        assert_eq!(
            words.overrides,
            [
                "maml.outer={ kind = \"vpg\" }",
                "maml.outer.max_kl=0.1",
                "maml.policy.hidden=[32, 32]"
            ]
        );
        let own = read(&MAML, &["outer=trpo"]).unwrap();
        assert!(own.overrides.is_empty(), "{own:?}");
    }

    #[test]
    fn errors_name_the_benchmark_the_key_and_what_is_allowed() {
        let cases = [
            (
                &RL2,
                "hiden=64",
                "bench rl2: hiden: no such key; did you mean 'hidden'?",
            ),
            (
                &RL2,
                "hidden=0",
                "bench rl2: hidden = 0; allowed: a whole number, 1 to 4096",
            ),
            (
                &RL2,
                "cell=rnn",
                "bench rl2: cell = \"rnn\"; allowed: one of gru, lstm",
            ),
            (
                &MAML,
                "workers=0",
                "bench maml: workers = 0; allowed: a whole number, 1 to 1024",
            ),
            (
                &MAML,
                "tasks=1.5",
                "bench maml: tasks = 1.5; allowed: a whole number, 1 to 65536",
            ),
            (
                &MAML,
                "outer=ppo",
                "bench maml: outer = \"ppo\"; allowed: one of trpo, vpg",
            ),
        ];
        for (subject, word, message) in cases {
            assert_eq!(read(subject, &[word]).unwrap_err(), message);
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
