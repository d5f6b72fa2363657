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
    A2c,
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
            "rl2.lanes = -4; allowed: a whole number, at least 0",
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
