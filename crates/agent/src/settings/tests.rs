use super::*;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(rename = "lanes")]
    _lanes: usize,
    #[serde(rename = "rate")]
    _rate: f64,
    #[serde(rename = "outer")]
    _outer: Outer,
    #[serde(rename = "hidden")]
    _hidden: Vec<usize>,
    #[serde(rename = "input")]
    _input: Input,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Outer {
    Ppo {
        #[serde(rename = "clip")]
        _clip: f64,
    },
    Trpo {
        #[serde(rename = "radius")]
        _radius: f64,
        #[serde(rename = "steps")]
        _steps: usize,
        #[serde(rename = "layers")]
        _layers: Vec<usize>,
        #[serde(rename = "penalty")]
        _penalty: Penalty,
    },
    A2c,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Penalty {
    None,
    Fixed {
        #[serde(rename = "radius")]
        _radius: f64,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Input {
    Reward,
    Action,
}

const GOOD: &str = "lanes = 4\nrate = 1\nouter = {kind = \"ppo\", clip = 0.2}\n\
                    hidden = [1, 2]\ninput = \"reward\"";

fn message(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    let value = Value::Table(GOOD.replace(from, to).parse().unwrap());
    read::<Config>("rl2", &value).unwrap_err()
}

#[test]
fn what_is_right_is_read() {
    let value = Value::Table(GOOD.parse().unwrap());
    read::<Config>("rl2", &value).unwrap();
}

#[test]
fn errors_say_where_and_what() {
    let cases = [
        (
            "lanes",
            "lans",
            "rl2.lans: no such key; did you mean 'lanes'?",
        ),
        ("lanes = 4\n", "", "rl2.lanes is missing"),
        (
            "lanes = 4",
            "lanes = -4",
            "rl2.lanes = -4; allowed: a whole number without a minus sign",
        ),
        (
            "lanes = 4",
            "lanes = 4.5",
            "rl2.lanes = 4.5; allowed: a whole number",
        ),
        (
            "rate = 1",
            "rate = true",
            "rl2.rate = true; allowed: a number",
        ),
        (
            "[1, 2]",
            "[1, \"x\"]",
            "rl2.hidden.1 = \"x\"; allowed: a whole number",
        ),
        ("[1, 2]", "3", "rl2.hidden = 3; allowed: a list"),
    ];
    for (from, to, wanted) in cases {
        let found = message(from, to);
        assert!(found.starts_with(wanted), "{found}\nis not\n{wanted}");
    }
}

/// Bounds are said by whoever knows them, and a table is a table everywhere.
#[test]
fn what_is_allowed_is_said_once_and_in_the_words_of_toml() {
    let found = message("lanes = 4", "lanes = 4.5");
    assert_eq!(found, "rl2.lanes = 4.5; allowed: a whole number");
    let found = read::<toml::Table>("evaluation.learners.0", &Value::Integer(3));
    let wanted = "evaluation.learners.0 = 3; allowed: a table, as in {key = value}";
    assert_eq!(found.unwrap_err(), wanted);
}

#[test]
fn errors_inside_of_enums_say_where_too() {
    let cases = [
        (
            "\"ppo\"",
            "\"pppo\"",
            "rl2.outer.kind = \"pppo\"; did you mean 'ppo'?",
        ),
        ("0.2", "\"x\"", "rl2.outer.clip = \"x\"; allowed: a number"),
        (
            "clip",
            "clp",
            "rl2.outer.clp: no such key; did you mean 'clip'?",
        ),
        (", clip = 0.2", "", "rl2.outer.clip is missing"),
        ("kind = \"ppo\", ", "", "rl2.outer.kind is missing"),
        (
            "\"reward\"",
            "\"rewards\"",
            "rl2.input = \"rewards\"; did you mean 'reward'?",
        ),
        (
            "\"reward\"",
            "7",
            "rl2.input = 7; allowed: one of reward, action",
        ),
        (
            "{kind = \"ppo\", clip = 0.2}",
            "3",
            "rl2.outer = 3; allowed: a table",
        ),
    ];
    for (from, to, wanted) in cases {
        let found = message(from, to);
        assert!(found.starts_with(wanted), "{found}\nis not\n{wanted}");
    }
}

/// `GOOD` with an enum that has an enum in it.
fn nested(outer: &str) -> Result<Config, String> {
    let whole = GOOD.replace("{kind = \"ppo\", clip = 0.2}", outer);
    assert_ne!(whole, GOOD);
    read("rl2", &Value::Table(whole.parse().unwrap()))
}

const TRPO: &str = "{radius = 0.2, steps = 2, layers = [2, 2], kind = \"trpo\", \
                    penalty = {kind = \"fixed\", radius = 0.2}}";

#[test]
fn the_key_at_fault_is_not_another_of_the_same_value() {
    nested(TRPO).unwrap();
    let cases = [
        (
            "steps = 2",
            "steps = 0.2",
            "rl2.outer.steps = 0.2; allowed: a whole number",
        ),
        (
            "[2, 2]",
            "[2, 0.2]",
            "rl2.outer.layers.1 = 0.2; allowed: a whole number",
        ),
        ("[2, 2]", "2", "rl2.outer.layers = 2; allowed: a list"),
        (
            "[2, 2]",
            "{x = 2}",
            "rl2.outer.layers = { x = 2 }; allowed: a list",
        ),
        (
            "d\", radius = 0.2",
            "d\", radius = true",
            "rl2.outer.penalty.radius = true; allowed: a num",
        ),
        (
            "d\", radius = 0.2",
            "d\"",
            "rl2.outer.penalty.radius is missing",
        ),
        (
            "kind = \"fixed\", ",
            "",
            "rl2.outer.penalty.kind is missing",
        ),
        ("{radius = 0.2, ", "{", "rl2.outer.radius is missing"),
        (
            "\"fixed\"",
            "\"trpo\"",
            "rl2.outer.penalty.kind = \"trpo\"; allowed: none, fixed",
        ),
        ("\"fixed\"", "2", "rl2.outer.penalty.kind = 2; allowed: "),
        (
            "d\", radius",
            "d\", steps",
            "rl2.outer.penalty.steps: no such key",
        ),
        (
            "\"trpo\"",
            "\"none\"",
            "rl2.outer.kind = \"none\"; allowed: ppo, trpo, a2c",
        ),
    ];
    for (from, to, wanted) in cases {
        assert!(TRPO.contains(from), "{from}");
        let found = nested(&TRPO.replace(from, to)).unwrap_err();
        assert!(found.starts_with(wanted), "{found}\nis not\n{wanted}");
    }
}

#[test]
fn a_list_is_no_table() {
    for outer in ["[\"a2c\"]", "[\"ppo\", 0.2]"] {
        let found = nested(outer).unwrap_err();
        let wanted = format!("rl2.outer = {outer}; allowed: a table, as in {{key = value}}");
        assert_eq!(found, wanted);
    }
    let found = nested(&TRPO.replace("{kind = \"fixed\", radius = 0.2}", "[\"none\"]"));
    assert!(
        found
            .unwrap_err()
            .starts_with("rl2.outer.penalty = [\"none\"]; allowed: a table")
    );
    let values = "[4, 1.0, {kind = \"a2c\"}, [1], \"reward\", \"nonsense\"]";
    let list: Value = format!("x = {values}").parse::<toml::Table>().unwrap()["x"].clone();
    let found = read::<Config>("rl2", &list).unwrap_err();
    assert!(
        found.starts_with("rl2 = [4,") && found.contains("a table"),
        "{found}"
    );
    // What is read as it stands is typed by whoever takes it.
    let untyped = "name = \"x\"\nlist = [1, [2]]".parse().unwrap();
    read::<toml::Table>("environment", &Value::Table(untyped)).unwrap();
}
