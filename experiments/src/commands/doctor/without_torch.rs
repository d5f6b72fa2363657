//! What there is to say of libtorch in a program that was built without.

use super::Finding;

pub(super) fn findings() -> Vec<Finding> {
    let none = "none: built without it (feature torch), and nothing but rl2.backend=torch needs it";
    vec![Finding::new("libtorch", Ok(none.to_owned()))]
}
