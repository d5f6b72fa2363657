//! Names, shapes and places of parameters.

use std::sync::Arc;

use nets::{Blueprint, Init, Layout};
use rl_core::{Array, Tree};

pub(crate) fn layout() -> Arc<Layout> {
    let mut blueprint = Blueprint::new();
    blueprint.declare("trunk.weight", &[2, 3], Init::Zeros);
    blueprint.declare("trunk.bias", &[2], Init::Zeros);
    blueprint.declare("log_std", &[1], Init::Zeros);
    blueprint.layout()
}

pub(crate) fn flat() -> Vec<f32> {
    (1..=9).map(|x| x as f32).collect()
}

#[test]
fn a_layout_knows_every_place() {
    let layout = layout();
    assert_eq!(layout.numel(), 9);
    assert_eq!(layout.range(layout.find("trunk.bias").unwrap()), 6..8);
    assert_eq!(layout.find("bias"), None);
    let owners: Vec<&str> = (0..9)
        .map(|index| layout.owner(index).name.as_str())
        .collect();
    assert_eq!(
        owners[5..],
        ["trunk.weight", "trunk.bias", "trunk.bias", "log_std"]
    );
}

#[test]
fn arrays_that_do_not_fit_are_named() {
    let refuse = |name: &str, array: Option<Array>| {
        let whole = layout().split(&flat()).unwrap();
        let mut arrays = Tree::default();
        for (other, array) in whole.iter().filter(|(other, _)| *other != name) {
            arrays.insert(other, array.clone());
        }
        if let Some(array) = array {
            arrays.insert(name, array);
        }
        layout().join(&arrays).unwrap_err().to_string()
    };
    let missing = refuse("trunk.bias", None);
    assert!(missing.contains("'trunk.bias' is missing"), "{missing}");
    let unknown = refuse("log_sd", Some(Array::floats(vec![1], vec![9.0])));
    assert!(
        unknown.contains("'log_sd'") && unknown.contains("log_std"),
        "{unknown}"
    );
    let shape = refuse(
        "trunk.weight",
        Some(Array::floats(vec![3, 2], vec![0.0; 6])),
    );
    assert!(
        shape.contains("'trunk.weight'") && shape.contains("[3, 2]") && shape.contains("[2, 3]"),
        "{shape}"
    );
    let length = refuse("trunk.bias", Some(Array::floats(vec![2], vec![0.0; 3])));
    assert!(length.contains("'trunk.bias'"), "{length}");
}
