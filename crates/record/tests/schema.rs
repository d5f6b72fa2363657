//! Files of a run as they were written by versions of before.

use record::schema::{
    AlgorithmInfo, Comparison, EvalRow, LearnerKind, MetricsRow, Pictures, Provenance, TimingRow,
};
use rl_core::Exact;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Reads a value, which must be written again as it was.
fn kept<T: Serialize + DeserializeOwned>(text: &str) -> T {
    let value: T = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), text);
    value
}

#[test]
fn rows_are_read_and_written_alike() {
    let row: MetricsRow = kept(r#"{"update":3,"env_steps":768,"entropy":1.5,"value_loss":null}"#);
    assert_eq!(row.values["entropy"], 1.5);
    let row: TimingRow = kept(r#"{"update":3,"seconds":0.25}"#);
    assert_eq!((row.update, row.seconds), (3, 0.25));
    let plain = r#"{"update":0,"env_steps":0,"tasks":16,"actions":"sampled","mean_return":1.25,"standard_error":0.5"#;
    let row: EvalRow = kept(&format!("{plain}}}"));
    assert_eq!((row.tasks, row.split, row.adaptation), (16, None, None));
    let part = r#"{"distinct":5,"tasks":16,"mean_return":1.0,"standard_error":null}"#;
    let row: EvalRow = kept(&format!(
        r#"{plain},"split":{{"trained":{part},"unseen":{part}}},"adaptation":[1.0,null]}}"#
    ));
    let unseen = row.split.unwrap().unseen;
    assert_eq!((unseen.distinct, unseen.mean_return), (5, 1.0));
    assert!(unseen.standard_error.is_nan() && row.adaptation.unwrap()[1].is_nan());
}

/// `algorithm`, `instructions`, `libc` and `ranks` came later than the file.
#[test]
fn a_run_tells_its_machine_and_may_tell_its_algorithm() {
    let before = r#""cores":2,"cpu":"a","cpu_features":"avx2","device":"cpu","libtorch":"none","metarl":"0.1.0","seed":7,"system":"linux x86_64","workers":1}"#;
    let read: Provenance = serde_json::from_str(&format!("{{{before}")).unwrap();
    assert_eq!(read.algorithm, AlgorithmInfo::default());
    assert_eq!((read.seed, &read.device[..]), (7, "cpu"));
    assert_eq!((&read.libc[..], &read.instructions[..]), ("", ""));
    assert_eq!(read.ranks, 0);
    let now = before.replace(
        r#""libtorch""#,
        r#""instructions":"avx512","libc":"glibc 2.41","libtorch""#,
    );
    let now = now.replace(r#""seed""#, r#""ranks":2,"seed""#);
    let metric = r#"{"key":"entropy","title":"Policy entropy","unit":"nats"}"#;
    let read: Provenance = kept(&format!(
        r#"{{"algorithm":{{"metrics":[{metric}],"name":"rl2","title":"RL²"}},{now}"#
    ));
    assert_eq!(read.algorithm.metrics[0].unit, "nats");
}

fn comparison() -> Value {
    json!({
        "algorithm": "rl2", "environment": "bernoulli-bandit", "settings": { "arms": 5 },
        "seed": 1, "tasks": 100, "distinct_tasks": null, "actions": "greedy",
        "env_steps": 4096, "steps_per_trial": 2, "optimum": [0.75, 1.5],
        "exact": {
            "bayes_optimal": { "value": 1.25, "standard_error": 0.0 },
            "known_task_optimum": { "value": 1.5, "standard_error": 0.25, "samples": 9 },
            "random": { "why": "too large" },
            "bayes_optimal_rewards": [0.5, null],
        },
        "learners": [{
            "name": "rl2", "kind": "trained", "mean_return": 1.0, "standard_error": null,
            "cumulative_reward": [0.5, 1.0], "cumulative_reward_se": [null, null],
            "regret": [0.25, 0.5], "regret_se": null,
        }],
    })
}

#[test]
fn a_comparison_has_its_learners_and_what_they_are_measured_against() {
    let read: Comparison = serde_json::from_value(comparison()).unwrap();
    assert_eq!(read.fault(), None);
    let trained = read.trained().unwrap();
    assert_eq!(trained.kind, LearnerKind::Trained);
    assert!(trained.standard_error.is_nan() && trained.cumulative_reward_se[1].is_nan());
    assert_eq!(read.exact.bayes_optimal, Exact::value(1.25));
    assert_eq!(read.exact.random.why(), Some("too large"));
    assert!(read.exact.bayes_optimal_rewards.as_ref().unwrap()[1].is_nan());
    let text = serde_json::to_string(&read).unwrap();
    let again: Comparison = kept(&text);
    assert_eq!(again.settings, read.settings);
    // What is not known has no key where it had none.
    assert!(!text.contains("distinct_tasks") && !text.contains("adaptation"));
}

#[test]
fn what_contradicts_itself_is_named() {
    let fault = |path: &str, value: Value| {
        let mut comparison = comparison();
        *comparison.pointer_mut(path).unwrap() = value;
        let read: Comparison = serde_json::from_value(comparison).unwrap();
        read.fault().unwrap_or_default()
    };
    assert!(fault("/steps_per_trial", json!(0)).contains("at least one step"));
    assert!(fault("/steps_per_trial", json!(3)).contains("the regret of rl2 has 2 numbers"));
    assert!(fault("/learners/0/regret_se", json!([1.0])).contains("regret_se of rl2"));
    assert!(fault("/optimum", json!([1.0])).contains("the optimum has 1"));
    assert!(fault("/exact/bayes_optimal_rewards", json!([])).contains("bayes_optimal_rewards"));
    assert!(fault("/learners/0/kind", json!("oracle")).contains("kind \"trained\""));
    let mut adapted = comparison();
    adapted["adaptation"] = json!({
        "tasks": 2, "trajectories": 20, "mean_return": [1.0, 2.0], "standard_error": [0.5],
    });
    let read: Comparison = serde_json::from_value(adapted).unwrap();
    assert!(read.fault().unwrap().contains("2 means and 1 standard"));
}

#[test]
fn pictures_need_places_that_are_numbers() {
    let pictures = |width: Value| {
        json!({ "actions": "sampled", "tasks": [{ "task": 0, "scenes": [{
            "episode": 1, "gradient_steps": null, "earned": [null, 1.5],
            "picture": { "title": "t", "width": width, "height": 1.0, "shapes": [], "caption": "" },
        }]}]})
    };
    let read: Pictures = serde_json::from_value(pictures(json!(2.0))).unwrap();
    let scene = &read.tasks[0].scenes[0];
    assert_eq!((scene.episode, scene.gradient_steps), (1, None));
    assert!(scene.earned[0].is_nan());
    assert!(serde_json::from_value::<Pictures>(pictures(Value::Null)).is_err());
}
