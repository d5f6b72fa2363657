//! What crates of one's own are made of: the examples, and how names are put in. The build
//! script has this too, so that a test compiles what is made.

/// How a name is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Kebab,
    Snake,
    Camel,
    Constant,
    /// With a letter too many.
    Mistyped,
}

/// An example crate, and what is called anew in it.
pub(super) struct Template {
    /// What each of its files is called, and what stands in it.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// What is replaced in them, the first that fits, and how the new name is written there
    /// between what stays.
    pub(super) names: &'static [(&'static str, Form)],
}

macro_rules! files {
    ($folder:literal: $($file:literal),*) => {
        &[$(($file, include_str!(concat!("../../../examples/", $folder, "/", $file)))),*]
    };
}

/// What a crate with an environment is made of.
pub(super) const ENVIRONMENT: Template = Template {
    files: files!("custom-env":
        "Cargo.toml", "custom-env.toml", "src/main.rs", "src/guess_the_number.rs",
        "tests/learns.rs"),
    names: &[
        ("<custom-env>", Form::Kebab),
        ("<guess-the-number>", Form::Kebab),
        ("<guess_the_number>", Form::Snake),
        ("<GuessTheNumber>", Form::Camel),
    ],
};

/// What one with an algorithm is made of. What the literature calls REINFORCE stays.
pub(super) const ALGORITHM: Template = Template {
    files: files!("custom-algorithm":
        "Cargo.toml", "custom-algorithm.toml", "src/main.rs", "src/reinforce.rs",
        "tests/works.rs"),
    names: &[
        ("<custom-algorithm>", Form::Kebab),
        ("mod <reinforce>;", Form::Snake),
        ("<reinforce>::", Form::Snake),
        ("::<REINFORCE>", Form::Constant),
        ("const <REINFORCE>", Form::Constant),
        ("<REINFORCE>.name", Form::Constant),
        ("<Reinforce>", Form::Camel),
        ("<reinforse>", Form::Mistyped),
        ("<reinforce>", Form::Kebab),
    ],
};

impl Form {
    pub(super) fn of(self, name: &str) -> String {
        match self {
            Self::Kebab => name.to_owned(),
            Self::Snake => name.replace('-', "_"),
            Self::Camel => name.split('-').map(capital).collect(),
            Self::Constant => name.replace('-', "_").to_uppercase(),
            Self::Mistyped => format!("{name}x"),
        }
    }
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

impl Template {
    /// Its files for a new name: what each is called, and what stands in it.
    pub(super) fn made(&self, name: &str) -> Vec<(String, String)> {
        let made = |(file, text): &(&str, &str)| {
            let file = match *file {
                "src/guess_the_number.rs" | "src/reinforce.rs" => {
                    format!("src/{}.rs", Form::Snake.of(name))
                }
                file => named(file, self, name),
            };
            (file, named(text, self, name))
        };
        self.files.iter().map(made).collect()
    }
}

/// The text under its new name. What was named is not looked at again.
fn named(text: &str, template: &Template, name: &str) -> String {
    let (mut named, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        let fits = template.names.iter().find_map(|(pattern, form)| {
            let (before, inside) = pattern.split_once('<')?;
            let (old, after) = inside.split_once('>')?;
            let rest = rest.strip_prefix(before)?.strip_prefix(old)?;
            // What follows may be a name itself.
            rest.starts_with(after)
                .then(|| (format!("{before}{}", form.of(name)), rest))
        });
        match fits {
            Some((new, after)) => {
                named.push_str(&new);
                rest = after;
            }
            None => {
                let next = rest.chars().next().map_or(0, char::len_utf8);
                named.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
    }
    named
}
