//! Build script: what every crate does that loads libtorch, and crates as `new` makes them,
//! which `tests/cli/made.rs` compiles.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads the environment"
)]

#[path = "../.cargo/link_libtorch.rs"]
mod link_libtorch;
#[path = "src/commands/new/template.rs"]
mod template;

use std::path::PathBuf;
use std::{env, fs};
use template::{ALGORITHM, ENVIRONMENT};

fn main() {
    link_libtorch::main();
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut modules = String::new();
    // Names of several words are written otherwise in every place.
    for (template, name, module) in [
        (&ENVIRONMENT, "my-own-cave", "environment"),
        (&ALGORITHM, "my-own-rule", "algorithm"),
    ] {
        let folder = out.join(name);
        fs::create_dir_all(folder.join("src")).expect("OUT_DIR is writable");
        let made = template.made(name).into_iter();
        for (file, text) in made.filter(|(file, _)| file.starts_with("src/")) {
            fs::write(folder.join(file), text).expect("OUT_DIR is writable");
        }
        let main = folder.join("src/main.rs");
        modules += &format!("#[allow(dead_code)]\n#[path = {main:?}]\nmod {module};\n");
    }
    fs::write(out.join("made.rs"), modules).expect("OUT_DIR is writable");
}
