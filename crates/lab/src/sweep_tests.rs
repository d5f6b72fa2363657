use super::*;

const SPEC: &str = r#"
preset = "rl2/bernoulli-bandit-5x10"
words = ["rl2.updates=3"]
seeds = [101, 102]
confirm = [0, 1, 2]

[settings]
"rl2.learning_rate.from" = { from = 1e-4, to = 1e-2, points = 3, scale = "log" }
"rl2.trunk.hidden" = [8, 16]
"#;

fn plan(text: &str) -> Result<Plan, String> {
    let plan = Plan::of(&Registry::standard(), "sweep.toml", text);
    plan.map_err(|failure| failure.to_string())
}

#[test]
fn every_combination_is_planned_with_every_seed() {
    let plan = plan(SPEC).unwrap();
    assert_eq!(plan.lines.len(), 3 * 2 * 2);
    let said: Vec<String> = plan.settings().iter().map(|runs| runs[0].said()).collect();
    let expected = [
        "rl2.learning_rate.from=0.0001 rl2.trunk.hidden=8",
        "rl2.learning_rate.from=0.0001 rl2.trunk.hidden=16",
        "rl2.learning_rate.from=0.001 rl2.trunk.hidden=8",
        "rl2.learning_rate.from=0.001 rl2.trunk.hidden=16",
        "rl2.learning_rate.from=0.01 rl2.trunk.hidden=8",
        "rl2.learning_rate.from=0.01 rl2.trunk.hidden=16",
    ];
    assert_eq!(said, expected);
    let seeds: Vec<u64> = plan.settings()[4].iter().map(|line| line.seed).collect();
    assert_eq!(seeds, [101, 102]);
    let line = &plan.lines[9];
    assert_eq!(line.place(), Path::new("0004/seed-102"));
    let config: Table = line.config.parse().unwrap();
    assert_eq!(config["seed"].as_integer(), Some(102));
    assert_eq!(config["rl2"]["updates"].as_integer(), Some(3));
    assert_eq!(config["rl2"]["trunk"]["hidden"].as_integer(), Some(8));
    assert_eq!(
        config["rl2"]["learning_rate"]["from"].as_float(),
        Some(0.01)
    );
}

#[test]
fn a_plan_is_read_as_it_was_written_or_not_at_all() {
    let plan = plan(SPEC).unwrap();
    let text = plan.to_text().unwrap();
    assert_eq!(Plan::parse(&text), Ok(plan));
    for (from, to, expected) in [
        ("updates = 3", "updates = 4", "line 2 was changed"),
        ("\"runs\":12", "\"runs\":13", "has 12 of its 13 runs"),
        ("\"index\":5", "\"index\":6", "line 7 was changed"),
        (
            "\"rl2.trunk.hidden\":false",
            "\"rl2.lanes\":false",
            "line 2 sets other keys",
        ),
        ("{\"preset\"", "[\"preset\"", "line 1: "),
        (
            "\"confirm\":[0,1,2]",
            "\"confirm\":[101]",
            "line 1: confirm = [101]: 101 is among the seeds",
        ),
        (
            "\"confirm\":[0,1,2]",
            "\"confirm\":[0,1]",
            "was changed since",
        ),
        (
            "\"setting\":2",
            "\"setting\":7",
            "line 6 is of setting 7, where 2 is the next one",
        ),
        ("\"seed\":101", "\"seed\":103", "was changed since"),
        ("\"0.0001\"", "\"0.0002\"", "was changed since"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Plan::parse(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    let halving = "halving = { rungs = [1, 2], factor = 3, tasks = 9 }\n\n[settings]";
    let halved = self::plan(&SPEC.replace("[settings]", halving)).unwrap();
    let halved = halved.to_text().unwrap();
    for (from, to, expected) in [
        (
            "\"factor\":3",
            "\"factor\":0",
            "line 1: halving.factor = 0; allowed",
        ),
        ("\"factor\":3", "\"factor\":4", "was changed since"),
        ("[1,2]", "[1,3]", "was changed since"),
    ] {
        let error = Plan::parse(&halved.replacen(from, to, 1)).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    let cut = &text[..text.len() / 2];
    assert!(Plan::parse(cut).is_err());
    assert_eq!(Plan::parse(""), Err("is empty".to_owned()));
}

#[test]
fn draws_depend_on_their_seed_and_lie_within_their_ranges() {
    let text = SPEC.replace("[settings]", "draws = { count = 40, seed = 7 }\n[settings]");
    let text = text.replace("points = 3, ", "");
    let drawn = plan(&text).unwrap();
    assert_eq!(drawn.lines.len(), 80);
    assert_eq!(plan(&text).unwrap(), drawn);
    assert_ne!(plan(&text.replace("seed = 7", "seed = 8")).unwrap(), drawn);
    let rates: Vec<f64> = (drawn.settings().iter())
        .map(|runs| runs[0].values["rl2.learning_rate.from"].parse().unwrap())
        .collect();
    assert!(rates.iter().all(|rate| (1e-4..=1e-2).contains(rate)));
    // Half of them below the geometric mean, and not the arithmetic one.
    let below = rates.iter().filter(|rate| **rate < 1e-3).count();
    assert!((10..=30).contains(&below), "{below}");
}

/// However often a setting is drawn, it is trained with the same seeds.
#[test]
fn what_is_drawn_twice_is_planned_once() {
    let text = SPEC.replace("[settings]", "draws = { count = 64, seed = 0 }\n[settings]");
    let lists = "\"rl2.learning_rate.from\" = [1e-3, 1e-2]";
    let range = text.lines().find(|line| line.contains("points")).unwrap();
    let plan = plan(&text.replace(range, lists)).unwrap();
    let said: BTreeSet<String> = plan.lines.iter().map(Line::said).collect();
    assert_eq!((plan.lines.len(), said.len()), (4 * 2, 4));
    let settings = plan.lines.iter().map(|line| line.setting);
    assert!(settings.eq([0, 0, 1, 1, 2, 2, 3, 3]));
}

#[test]
fn whole_numbers_stay_whole_and_ends_are_kept() {
    let range = |text: &str| Axis::read("k", &text.parse::<Table>().unwrap()["k"]).unwrap();
    let of = |text: &str| range(text).values("k").unwrap();
    assert_eq!(
        of("k = { from = 8, to = 64, points = 4, scale = \"log\" }"),
        ["8", "16", "32", "64"]
    );
    assert_eq!(
        of("k = { from = 0.0, to = 0.3, points = 4 }"),
        ["0.0", "0.1", "0.2", "0.3"]
    );
    assert_eq!(of("k = { from = 1, to = 2, points = 5 }"), ["1", "2"]);
    let ends = of("k = { from = 0.9, to = 0.99999, points = 2 }");
    assert_eq!(ends, ["0.9", "0.99999"]);
    // Four digits would not tell these apart: a quarter of 0.00009 lies between two.
    let narrow = of("k = { from = 0.9999, to = 0.99999, points = 5 }");
    assert_eq!(
        narrow,
        ["0.9999", "0.9999225", "0.999945", "0.9999675", "0.99999"]
    );
    let whole = of("k = { from = 10000, to = 10004, points = 5 }");
    assert_eq!(whole, ["10000", "10001", "10002", "10003", "10004"]);
    let narrow = range("k = { from = 0.9999, to = 0.99999 }");
    let drawn: std::collections::BTreeSet<String> = (0..64)
        .map(|draw| narrow.drawn(f64::from(draw) / 64.0))
        .collect();
    assert_eq!(drawn.len(), 64);
    // Between two numbers that are neighbours there is none.
    let none = range("k = { from = 1.0, to = 1.0000000000000002, points = 3 }");
    let error = none.values("k").unwrap_err();
    assert!(
        error.contains("there are not 3 different numbers"),
        "{error}"
    );
    // Every whole number is as likely.
    let whole = range("k = { from = 1, to = 3 }");
    let thirds = [0.0, 0.33, 0.34, 0.66, 0.67, 0.999].map(|share| whole.drawn(share));
    assert_eq!(thirds, ["1", "1", "2", "2", "3", "3"]);
    assert_eq!(of("k = [\"gru\", 3, 0.5]"), ["\"gru\"", "3", "0.5"]);
}

#[test]
fn what_is_no_sweep_is_refused_before_anything_runs() {
    for (from, to, expected) in [
        (
            "seeds = [101, 102]",
            "seeds = []",
            "seeds = []; allowed: different seeds",
        ),
        (
            "seeds = [101, 102]",
            "seeds = [7, 7]",
            "seeds = [7, 7]; allowed",
        ),
        (
            "confirm = [0, 1, 2]",
            "confirm = [101]",
            "101 is among the seeds",
        ),
        (
            "[8, 16]",
            "[]",
            "\"rl2.trunk.hidden\" = []: allowed: a list",
        ),
        ("[8, 16]", "3", "\"rl2.trunk.hidden\" = 3: allowed: a list"),
        ("points = 3", "points = 1", "points is from 2 to 1000"),
        (
            "points = 3, ",
            "",
            "points is needed where values are not drawn",
        ),
        ("from = 1e-4", "from = 0.0", "above 0"),
        ("from = 1e-4", "from = 1.0", "from is less than to"),
        ("points = 3", "step = 3", "step is unknown"),
        ("\"log\"", "\"lg\"", "scale is \"linear\" or \"log\""),
        ("rl2.trunk.hidden", "rl2.trunk.hiden", "rl2.trunk.hiden"),
        ("rl2/bernoulli-bandit-5x10", "rl2/bandits", "rl2/bandits"),
        ("seeds =", "seed =", "unknown field `seed`"),
        (
            "rl2.trunk.hidden",
            "evaluation.tasks",
            "settings.\"evaluation.tasks\": all settings are compared in one environment",
        ),
        (
            "\"rl2.trunk.hidden\" = [8, 16]",
            "\"evaluation\" = [{ tasks = 10 }]",
            "settings.\"evaluation\": all settings are compared",
        ),
        (
            "rl2.trunk.hidden",
            "maml.evaluation.steps",
            "settings.\"maml.evaluation.steps\": all settings are compared in one environment",
        ),
        (
            "rl2.trunk.hidden",
            "maml.evaluation",
            "settings.\"maml.evaluation\": all settings are compared",
        ),
        (
            "\"rl2.trunk.hidden\" = [8, 16]",
            "environment.arms = [2, 10]",
            "settings.\"environment\": all settings are compared",
        ),
        (
            "rl2.trunk.hidden",
            "environment.arms",
            "words = [\"environment.arms=...\"]",
        ),
        (
            "[8, 16]",
            "[8, 16, 16]",
            "rl2.trunk.hidden=16: planned twice; allowed",
        ),
        (
            "[8, 16]",
            "[16, 16.0]",
            "rl2.trunk.hidden=16.0: planned twice; allowed",
        ),
        (
            "[8, 16]",
            "{ from = 1, to = 64, points = 20, scale = \"log\" }",
            "20 points from 1 to 64, rounded, are 17 different whole numbers",
        ),
        (
            "\"rl2.trunk.hidden\" = [8, 16]",
            "\"rl2.gae.lambda\" = { from = 0, to = 1, points = 5 }",
            "0 to 1 are whole numbers, and this key is a number; allowed: ends with a decimal \
             point, as in from = 0.0, to = 1.0",
        ),
        ("rl2.trunk.hidden", "seed", "seed: seeds = [...] sets it"),
        (
            "[settings]",
            "halving = { rungs = [2, 2], factor = 3, tasks = 9 }\n[settings]",
            "halving.rungs = [2, 2]; allowed: numbers of updates, each more",
        ),
        (
            "[settings]",
            "halving = { rungs = [0], factor = 3, tasks = 9 }\n[settings]",
            "halving.rungs = [0]; allowed",
        ),
        (
            "[settings]",
            "halving = { rungs = [1], factor = 1, tasks = 9 }\n[settings]",
            "halving.factor = 1; allowed: 2 to 100",
        ),
        (
            "[settings]",
            "halving = { rungs = [1], factor = 2, tasks = 1 }\n[settings]",
            "halving.tasks = 1; allowed: 2 or more",
        ),
        (
            "[settings]",
            "halving = { rungs = [1], tasks = 10 }\n[settings]",
            "missing field `factor`",
        ),
    ] {
        let text = SPEC.replacen(from, to, 1);
        assert_ne!(text, SPEC);
        let error = plan(&text).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
    }
    let none = SPEC.split("[settings]").next().unwrap().to_owned() + "[settings]\n";
    assert!(plan(&none).unwrap_err().contains("one key or more"));
    let many = SPEC
        .replace("points = 3", "points = 1000")
        .replace("[8, 16]", "{ from = 1, to = 1000, points = 1000 }");
    assert!(
        plan(&many)
            .unwrap_err()
            .contains("more than 100000 combinations")
    );
}

/// The settings of learners and teachers have no help: what they are is asked of the preset.
#[test]
fn whole_ranges_of_a_teachers_numbers_are_refused() {
    let spec = |ends: &str| {
        format!(
            "preset = \"imitation/bernoulli-bandit-5x10\"\n\
             words = ['imitation.teacher={{name=\"ucb1\",c=0.2}}']\nseeds = [101]\n[settings]\n\
             \"imitation.teacher.c\" = {{ {ends}, points = 5 }}\n"
        )
    };
    let error = plan(&spec("from = 0, to = 1")).unwrap_err();
    let expected = "settings.\"imitation.teacher.c\": 0 to 1 are whole numbers, and this key is";
    assert!(error.contains(expected), "{error}");
    let planned = plan(&spec("from = 0.0, to = 1.0")).unwrap();
    assert_eq!(planned.settings().len(), 5);
}

/// How much an agent is measured with is the same for all; how it adapts meanwhile is not.
#[test]
fn step_sizes_of_an_evaluation_are_settings() {
    let spec = "preset = \"maml/point-navigation\"\nseeds = [101]\n[settings]\n\
                \"maml.evaluation.rates\" = [[0.1], [0.2]]\n";
    assert_eq!(plan(spec).unwrap().lines.len(), 2);
}

#[test]
fn runs_lie_beside_what_they_are_runs_of() {
    assert_eq!(beside(Path::new("a/rates.toml")), Path::new("a/rates"));
    assert_eq!(beside(Path::new("a/rates")), Path::new("a/rates-runs"));
}

/// The words in which a search is told what it may choose, and what it chose.
#[test]
fn a_search_is_told_what_it_may_choose_and_held_to_it() {
    let text = SPEC.replace("[8, 16]", "[8, \"16\", { a = 1 }]") + "\"k\" = { from = 1, to = 9 }\n";
    let space = Sweep::read("sweep.toml", &text).unwrap().space();
    let float = serde_json::json!({
        "name": "FloatDistribution",
        "attributes": { "low": 1e-4, "high": 1e-2, "log": true, "step": null },
    });
    assert_eq!(space["rl2.learning_rate.from"], float);
    let choices = serde_json::json!([8, "16", "{ a = 1 }"]);
    assert_eq!(space["rl2.trunk.hidden"]["attributes"]["choices"], choices);
    let whole = serde_json::json!({
        "name": "IntDistribution",
        "attributes": { "low": 1, "high": 9, "log": false, "step": 1 },
    });
    assert_eq!(space["k"], whole);

    let registry = Registry::standard();
    let sweep = Sweep::read("sweep.toml", SPEC).unwrap();
    let attempt = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let attempt = sweep.attempt(&registry, &words);
        attempt.map_err(|failure| failure.to_string())
    };
    let rate = "rl2.learning_rate.from=0.0012345";
    let one = attempt(&[rate, "rl2.trunk.hidden=16"]).unwrap();
    assert_eq!(said(&one.values), format!("{rate} rl2.trunk.hidden=16"));
    assert_eq!(one.configs.len(), 2);
    let config = one.configs[1].to_text().unwrap();
    let config: Table = config.parse().unwrap();
    assert_eq!(config["rl2"]["trunk"]["hidden"].as_integer(), Some(16));
    assert_eq!(config["seed"].as_integer(), Some(102));
    // However it is written, one setting has one folder, and another one another.
    let again = attempt(&["rl2.trunk.hidden=16.0", "rl2.learning_rate.from=12.345e-4"]).unwrap();
    assert_eq!(again.name, one.name);
    assert_ne!(
        attempt(&[rate, "rl2.trunk.hidden=8"]).unwrap().name,
        one.name
    );
    for (words, expected) in [
        (&[rate][..], "rl2.trunk.hidden is not set"),
        (&[rate, "rl2.trunk.hidden=9"], "allowed: one of 8, 16"),
        (
            &["rl2.learning_rate.from=0.02", "rl2.trunk.hidden=8"],
            "rl2.learning_rate.from=0.02; allowed: a number, 0.0001 to 0.01",
        ),
        (
            &["rl2.learning_rate.from=x", "rl2.trunk.hidden=8"],
            "allowed: a number",
        ),
        (
            &[rate, "rl2.trunk.hiden=8"],
            "did you mean 'rl2.trunk.hidden'?",
        ),
    ] {
        let Err(error) = attempt(words) else {
            panic!("{words:?} was taken");
        };
        assert!(error.contains(expected), "{error}");
    }

    // What it is told as text it may say as text, or as what it is.
    let lists = "\"rl2.inputs\" = [[\"action\"], [\"action\", \"reward\"]]";
    let text = SPEC.replace("\"rl2.trunk.hidden\" = [8, 16]", lists);
    let sweep = Sweep::read("sweep.toml", &text).unwrap();
    let space = sweep.space();
    let told = space["rl2.inputs"]["attributes"]["choices"][1].as_str();
    let told = told.unwrap().to_owned();
    for value in [told.clone(), toml::Value::String(told).to_string()] {
        let words = [rate.to_owned(), format!("rl2.inputs={value}")];
        let attempt = sweep.attempt(&registry, &words).unwrap();
        let config: Table = attempt.configs[0].to_text().unwrap().parse().unwrap();
        assert_eq!(config["rl2"]["inputs"].as_array().map(Vec::len), Some(2));
    }
}
