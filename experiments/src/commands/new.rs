//! `new`: a crate of one's own with an environment or an algorithm in it, made of the
//! examples, which are tested.

mod template;

use crate::cli::{NewArgs, NewKind};
use crate::console::{Console, Event};
use crate::tables::files::write_all;
use lab::failure::Failure;
use lab::registry::Registry;
use serde_json::json;
use std::path::{Path, PathBuf};
use template::{ALGORITHM, ENVIRONMENT, Form, Template};
use toml::{Table, Value};

/// Where this program was built from.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The manifest that the examples' versions stand in.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

pub(crate) fn run(registry: &Registry, args: &NewArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let template = template(args.kind);
    check(registry, args.kind, &args.name)?;
    let checkout = checkout()?;
    // The versions that metarl is tested with.
    let lock = checkout.join("Cargo.lock");
    let lock = std::fs::read(&lock).map_err(|error| missing(&lock, &error.to_string()))?;
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    if folder.symlink_metadata().is_ok() {
        return Err(Failure::usage(format!(
            "{} is there already; --out chooses another folder",
            folder.display()
        )));
    }
    for (file, text) in template.made(&args.name) {
        let text = match file.as_str() {
            "Cargo.toml" => manifest(&text, &checkout)?,
            _ => text,
        };
        let path = folder.join(&file);
        let (parent, name) = (path.parent().unwrap_or(&folder), path.file_name());
        let name = name.unwrap_or_default().to_owned();
        write_all(parent, [(name, text.into_bytes())])?;
    }
    write_all(
        &folder,
        [
            ("Cargo.lock", lock),
            (".gitignore", b"/target\n/runs\n".to_vec()),
        ],
    )?;
    let name = &args.name;
    console.say(format!(
        "{} holds a crate that trains. In it:\n  cargo test --release\n  cargo run --release -- train {name}.toml",
        folder.display()
    ))?;
    let row = json!({ "name": name, "folder": folder.to_string_lossy() });
    console.emit(Event::Item, &row)
}

fn template(kind: NewKind) -> &'static Template {
    match kind {
        NewKind::Env => &ENVIRONMENT,
        NewKind::Algorithm => &ALGORITHM,
    }
}

/// Refuses names that could not be those of a crate and what it holds.
fn check(registry: &Registry, kind: NewKind, name: &str) -> Result<(), Failure> {
    let refuse = |allowed: &str| {
        Err(Failure::usage(format!(
            "'{name}' is no name for it; allowed: {allowed}"
        )))
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let parts_begin = name.split('-').all(|part| !part.is_empty());
    if !begins || !name.chars().all(plain) || !parts_begin || name.len() > 50 {
        return refuse("lower-case letters, digits and single hyphens, a letter first, at most 50");
    }
    if TAKEN.contains(&name) || KEYWORDS.contains(&name) || PRELUDE.contains(&name) {
        return refuse("what is no word of Rust's and nothing of Cargo's");
    }
    let known = match kind {
        NewKind::Env => registry.environment(name).is_ok(),
        NewKind::Algorithm => {
            let sections = [
                "algorithm",
                "checkpoint",
                "environment",
                "evaluation",
                "from",
                "seed",
            ];
            registry.algorithm(name).is_ok() || sections.contains(&name)
        }
    };
    if known {
        return refuse("what metarl does not call something of its own");
    }
    if is_crate(name)? {
        return refuse("what is no crate of metarl's, and none that it is built with");
    }
    if let Some(word) = word_of(template(kind), name) {
        return refuse(&format!(
            "what makes nothing that the crate has already, as {word}"
        ));
    }
    Ok(())
}

/// Whether the workspace has a crate of this name, or stands on one: two of a name are not
/// told apart.
fn is_crate(name: &str) -> Result<bool, Failure> {
    let root: Table = WORKSPACE.parse().map_err(Failure::internal)?;
    let mut known = root["workspace"]["dependencies"]
        .as_table()
        .into_iter()
        .flatten();
    Ok(known.any(|(known, _)| known.replace('_', "-") == name))
}

/// What the sources of an example call something else that would be called by the name: a
/// type, a trait or a constant. What the example itself is called is replaced, and comments
/// name nothing.
fn word_of(template: &Template, name: &str) -> Option<String> {
    let replaced = |word: &str| {
        let inside = |(pattern, _): &(&str, Form)| {
            pattern
                .split_once('<')
                .and_then(|(_, inside)| inside.split_once('>'))
                .is_some_and(|(old, _)| old == word)
        };
        template.names.iter().any(inside)
    };
    let mut forms = [Form::Camel, Form::Constant]
        .map(|form| form.of(name))
        .into_iter();
    let sources = || {
        template
            .files
            .iter()
            .filter(|(file, _)| file.ends_with(".rs"))
    };
    forms.find(|form| {
        !replaced(form)
            && sources().flat_map(|(_, text)| text.lines()).any(|line| {
                let code = line.split("//").next().unwrap_or_default();
                let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
                words.any(|word| word == form)
            })
    })
}

/// Crates that come with Rust, and what Cargo has in the folder that it builds in or makes of
/// a file itself.
const TAKEN: &[&str] = &[
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "lib",
    "metarl",
    "proc-macro",
    "python",
    "std",
    "test",
];

/// Types and traits that are there unasked, whose names a type of one's own would take, and
/// those that a module would.
const PRELUDE: &[&str] = &[
    "bool",
    "box",
    "char",
    "clone",
    "copy",
    "debug",
    "default",
    "drop",
    "eq",
    "err",
    "f32",
    "f64",
    "fn-mut",
    "fn-once",
    "from",
    "hash",
    "i128",
    "i16",
    "i32",
    "i64",
    "i8",
    "into",
    "isize",
    "iterator",
    "none",
    "ok",
    "option",
    "ord",
    "partial-eq",
    "partial-ord",
    "result",
    "send",
    "sized",
    "some",
    "str",
    "string",
    "sync",
    "to-owned",
    "to-string",
    "try-from",
    "try-into",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "unpin",
    "usize",
    "vec",
];

/// Words that no module can be called.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "main", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while",
];

/// The sources that this program was built from, which the crate stands on.
fn checkout() -> Result<PathBuf, Failure> {
    let path = Path::new(CHECKOUT);
    let found = path.canonicalize();
    found.map_err(|error| missing(path, &error.to_string()))
}

fn missing(path: &Path, why: &str) -> Failure {
    Failure::usage(format!(
        "cannot read {}, where this program was built from ({why}); build it in a checkout that \
         stays, which the crate is to stand on",
        path.display()
    ))
}

/// The manifest of a workspace of its own: what the example has from metarl's stands there
/// itself, and metarl's crates are where they are.
fn manifest(text: &str, checkout: &Path) -> Result<String, Failure> {
    let parse = |text: &str| text.parse::<Table>().map_err(Failure::internal);
    let (mut manifest, root) = (parse(text)?, parse(WORKSPACE)?);
    let workspace = &root["workspace"];
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        for (key, value) in package.iter_mut() {
            if value.get("workspace").is_some() {
                *value = workspace["package"][key].clone();
            }
        }
        // It finds libtorch, with the feature `torch`.
        let build = checkout.join(".cargo/link_libtorch.rs");
        package.insert("build".to_owned(), text_of(&build));
    }
    // Those of this workspace; a crate of one's own has its own.
    manifest.remove("lints");
    for section in ["dependencies", "dev-dependencies"] {
        let Some(dependencies) = manifest.get_mut(section).and_then(Value::as_table_mut) else {
            continue;
        };
        for (name, value) in dependencies.iter_mut() {
            *value = dependency(&workspace["dependencies"][name], value, checkout);
        }
    }
    // Without libtorch nothing but crates is needed.
    manifest["features"]["default"] = Value::Array(Vec::new());
    manifest.insert("profile".to_owned(), root["profile"].clone());
    manifest.insert("workspace".to_owned(), Value::Table(Table::new()));
    let comment = "# `--features torch` adds libtorch's backend; it needs LIBTORCH, or a link to metarl's\n\
                   # .libtorch beside this file and its .cargo/config.toml. Without it nothing but crates\n\
                   # is needed.\n";
    let text = toml::to_string(&manifest).map_err(Failure::internal)?;
    Ok(format!("{comment}{text}"))
}

/// A dependency of the workspace's, with what the example says of it.
fn dependency(declared: &Value, here: &Value, checkout: &Path) -> Value {
    let mut whole = match declared {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    };
    if let Some(path) = whole.get("path").and_then(Value::as_str) {
        let path = text_of(&checkout.join(path));
        whole.insert("path".to_owned(), path);
    }
    let more = here.as_table().into_iter().flatten();
    for (key, value) in more.filter(|(key, _)| *key != "workspace") {
        whole.insert(key.clone(), value.clone());
    }
    Value::Table(whole)
}

fn text_of(path: &Path) -> Value {
    Value::String(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_not_be_are_refused() {
        let registry = Registry::standard();
        let refused = |name: &str| check(&registry, NewKind::Env, name).is_err();
        for name in [
            "",
            "Cave",
            "2-caves",
            "a--b",
            "-a",
            "a-",
            "a/b",
            "a_b",
            "ä",
            "type",
            "serde",
            "std",
            "bernoulli-bandit",
        ] {
            assert!(refused(name), "{name}");
        }
        for name in ["cave", "my-cave-2", "my-rl2", "x", "guess-the-number"] {
            assert!(!refused(name), "{name}");
        }
        assert!(check(&registry, NewKind::Algorithm, "reinforce").is_ok());
        assert!(check(&registry, NewKind::Algorithm, "greed").is_ok());
        for name in [
            "option",
            "result",
            "vec",
            "string",
            "box",
            "self",
            "incremental",
            "lib",
        ] {
            assert!(refused(name), "{name}");
            assert!(
                check(&registry, NewKind::Algorithm, name).is_err(),
                "{name}"
            );
        }
        // What the sources name already would be there twice.
        assert!(refused("step"));
        for name in [
            "update",
            "training",
            "config",
            "learner",
            "surrogate",
            "gae",
        ] {
            assert!(
                check(&registry, NewKind::Algorithm, name).is_err(),
                "{name}"
            );
        }
        assert!(check(&registry, NewKind::Algorithm, "rl2").is_err());
        assert!(check(&registry, NewKind::Algorithm, "evaluation").is_err());
    }

    /// A module that is not among them would be missing in every crate that is made.
    #[test]
    fn templates_have_all_files_of_their_examples() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        for (template, example) in [
            (&ENVIRONMENT, "custom-env"),
            (&ALGORITHM, "custom-algorithm"),
        ] {
            for folder in ["src", "tests"] {
                for file in std::fs::read_dir(examples.join(example).join(folder)).unwrap() {
                    let name = file.unwrap().file_name().into_string().unwrap();
                    let file = format!("{folder}/{name}");
                    let has = template.files.iter().any(|(known, _)| *known == file);
                    assert!(has, "{example}/{file}");
                }
            }
        }
    }

    #[test]
    fn no_crate_is_called_as_one_of_metarls() {
        let registry = Registry::standard();
        let mut crates = 0;
        for group in ["crates", "envs"] {
            for folder in std::fs::read_dir(Path::new(CHECKOUT).join(group)).unwrap() {
                let folder = folder.unwrap();
                if !folder.path().join("Cargo.toml").exists() {
                    continue;
                }
                let name = folder.file_name().into_string().unwrap();
                for kind in [NewKind::Env, NewKind::Algorithm] {
                    assert!(check(&registry, kind, &name).is_err(), "{name}");
                }
                crates += 1;
            }
        }
        assert!(crates > 20, "{crates}");
    }
}
