//! The configurations that come with metarl, embedded in the program.

use crate::failure::Failure;
use include_dir::{Dir, File, include_dir};
use rl_core::suggestion;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::LazyLock;

/// A configuration by name.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// What it is called.
    pub name: &'static str,
    /// The text of its TOML file.
    pub text: &'static str,
}

/// What the quickstart trains.
pub const QUICKSTART: &str = "rl2/bernoulli-bandit-5x10";
/// What `bench rl2` measures.
pub const BENCHMARK: &str = "rl2/benchmark";
/// What `bench maml` measures.
pub const MAML_BENCHMARK: &str = "maml/benchmark";

/// The files of the folder `presets`.
static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../experiments/presets");

/// All of them, in the order of their names.
pub static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let files = FILES.dirs().flat_map(Dir::files);
    let mut presets: Vec<Preset> = files.filter_map(preset).collect();
    presets.sort_by_key(|preset| preset.name);
    presets
});

/// The preset of a file, `rl2/gridnavi.toml` say.
fn preset(file: &'static File<'static>) -> Option<Preset> {
    let name = file.path().to_str()?.strip_suffix(".toml")?;
    let text = file.contents_utf8()?;
    Some(Preset { name, text })
}

impl Preset {
    /// What it is for: the first sentence of its comment.
    pub fn summary(&self) -> String {
        let comment = self.text.lines().map_while(|line| line.strip_prefix('#'));
        let mut words = comment.flat_map(str::split_whitespace);
        let mut sentence = Vec::new();
        for word in &mut words {
            sentence.push(word);
            // "al." and "al.)" are abbreviated; "5.1)." ends with its own point.
            if word.ends_with('.') && word != "al." {
                break;
            }
        }
        sentence.join(" ").trim_end_matches('.').to_owned()
    }

    /// The preset of a name; `quickstart` is the one that the quickstart trains.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = match name {
            "quickstart" => QUICKSTART,
            name => name,
        };
        PRESETS.iter().find(|preset| preset.name == name)
    }
}

/// The text of a configuration, and where it is from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The preset's name or the file's path, for messages.
    pub place: String,
    /// A name for the folder of its runs.
    pub folder: OsString,
    /// The text.
    pub text: String,
}

impl Source {
    /// The preset of a name, or the file of a path.
    ///
    /// # Errors
    /// If there is neither, or the file is no text that can be read.
    pub fn find(name: &OsStr) -> Result<Self, Failure> {
        let path = Path::new(name);
        if let Some(preset) = name.to_str().and_then(Preset::find) {
            return Ok(Self {
                place: format!("preset {}", preset.name),
                folder: preset.name.replace('/', "-").into(),
                text: preset.text.to_owned(),
            });
        }
        let name = name.to_string_lossy();
        if path.extension().is_none_or(|extension| extension != "toml") {
            let names = PRESETS.iter().map(|preset| preset.name);
            let help = suggestion(&name, names.chain(["quickstart"]));
            return Err(Failure::usage(format!(
                "no preset '{name}' (a file would end in .toml); {help}"
            )));
        }
        let text = record::read_text(path).map_err(|error| {
            let message = format!("cannot read {name}: {error}");
            match error.kind() {
                ErrorKind::NotFound => Failure::usage(message),
                _ => Failure::config(message),
            }
        })?;
        let stem = path.file_stem().unwrap_or_default();
        Ok(Self {
            place: name.into_owned(),
            folder: stem.to_owned(),
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;
    use crate::registry::{Built, Registry};
    use std::fs;

    #[test]
    fn a_file_is_a_preset_without_being_named() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/presets");
        let mut files = 0;
        for folder in fs::read_dir(root).unwrap() {
            for file in fs::read_dir(folder.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let text = fs::read_to_string(&path).unwrap();
                let found = PRESETS.iter().find(|preset| preset.text == text);
                let found = found.unwrap_or_else(|| panic!("{}", path.display()));
                assert!(path.with_extension("").ends_with(found.name));
                files += 1;
            }
        }
        assert_eq!(PRESETS.len(), files);
        assert!(PRESETS.iter().all(|preset| preset.text.starts_with("# ")));
        for name in [QUICKSTART, BENCHMARK, MAML_BENCHMARK] {
            assert!(Preset::find(name).is_some(), "{name}");
        }
    }

    /// `train rl2/ENV` trains in every environment that comes with metarl, and
    /// `train learned-optimizer/ENV` where tasks are functions to be minimized.
    #[test]
    fn every_environment_has_a_preset_of_its_name() {
        for entry in Registry::standard().environments() {
            let built = Built::new(entry, &toml::Table::new()).unwrap();
            let algorithm = match built.factory.objectives() {
                None => "rl2",
                Some(_) => "learned-optimizer",
            };
            let name = format!("{algorithm}/{}", entry.name());
            let preset = Preset::find(&name).unwrap_or_else(|| panic!("no {name}"));
            let config = resolved(preset);
            assert_eq!(config.environment, entry.name());
            assert_eq!(config.algorithm, algorithm);
        }
    }

    /// A minibatch of fewer tiles leaves cores idle while it is learned from.
    #[test]
    fn minibatches_keep_two_workers_busy() {
        for preset in PRESETS.iter().filter(|it| it.name.starts_with("rl2/")) {
            let settings: rl2::Rl2Config = agent::read("rl2", &resolved(preset).settings).unwrap();
            let tiles = settings.lanes / settings.tile / settings.outer.minibatches();
            assert!(tiles >= 2, "{}: minibatches of {tiles} tiles", preset.name);
        }
    }

    fn resolved(preset: &Preset) -> RunConfig {
        RunConfig::resolve(&Registry::standard(), preset.name, preset.text, &[]).unwrap()
    }

    #[test]
    fn summaries_are_whole_sentences() {
        let summary = |text| Preset { name: "", text }.summary();
        assert_eq!(
            summary("# One sentence of two\n# lines. More.\nseed = 1"),
            "One sentence of two lines"
        );
        assert_eq!(
            summary("# As in Duan et al. 2016 (5.1).\n\n# More."),
            "As in Duan et al. 2016 (5.1)"
        );
        assert_eq!(summary("#\n# No end\nseed = 1\n# More."), "No end");
        for preset in PRESETS.iter() {
            let summary = preset.summary();
            // The comment goes on behind a sentence alone.
            let comment: Vec<&str> = preset
                .text
                .lines()
                .map_while(|line| line.strip_prefix('#'))
                .collect();
            let comment = comment.concat();
            let rest = comment.trim().strip_prefix(&summary);
            assert!(rest.is_some_and(|rest| rest.starts_with('.')), "{summary}");
        }
    }
}
