use super::*;
use crate::sweep::begin;
use std::fs;

/// Four settings of two seeds, of which two and one go on.
const SPEC: &str = r#"
preset = "rl2/bernoulli-bandit-5x10"
words = [
    "rl2.updates=4", "rl2.lanes=16", "rl2.tile=8", "rl2.outer.minibatches=2", "rl2.trunk.hidden=4",
    "evaluation.tasks=20", "evaluation.interval=2", "evaluation.interval_tasks=10",
    'evaluation.learners=[{name="random"}]', "checkpoint.interval=3",
]
seeds = [101, 102]
halving = { rungs = [1, 2], factor = 2, tasks = 20 }

[settings]
"rl2.learning_rate.from" = [1e-3, 2e-3, 3e-3, 4e-3]
"#;

fn plan() -> Plan {
    Plan::of(&Registry::standard(), "sweep.toml", SPEC).unwrap()
}

fn scored(mean_return: f64) -> Score {
    Score {
        update: 1,
        env_steps: 100,
        tasks: 20,
        mean_return,
        standard_error: 0.1,
        failure: mean_return.is_nan().then(|| "the loss is NaN".to_owned()),
    }
}

fn write(folder: &Path, line: &Line, rung: usize, score: &Score) {
    let path = folder.join(line.place());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_sealed(&score_path(&path, rung), score, &line.config).unwrap();
}

#[test]
fn a_share_of_the_settings_goes_on_rounded_up() {
    let halving = |factor| Halving {
        rungs: vec![10, 30],
        factor,
        tasks: 100,
    };
    assert_eq!(halving(3).sizes(27), [27, 9, 3]);
    assert_eq!(halving(2).sizes(5), [5, 3, 2]);
    assert_eq!(halving(4).sizes(1), [1, 1, 1]);
    let updates: Vec<Option<u64>> = halving(3).all().iter().map(|rung| rung.update).collect();
    assert_eq!(updates, [Some(10), Some(30), None]);
}

/// Whoever wrote them, and in whatever order.
#[test]
fn who_goes_on_follows_from_the_scores_alone() {
    let plan = plan();
    let mut order: Vec<&Line> = plan.lines.iter().collect();
    // Of setting 1 one seed failed; 0 and 3 are equal, and 2 is behind.
    let means = [5.0, f64::NAN, 4.0, 5.0];
    for turn in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let ladder = Ladder::of(&plan, folder.path()).unwrap();
        assert_eq!(ladder.lines(0).unwrap().len(), 8);
        for (count, line) in order.iter().enumerate() {
            let waiting = ladder.lines(1).unwrap_err();
            assert_eq!(waiting.exit, crate::failure::Exit::Stopped);
            let left = format!("{} of its 8 runs", 8 - count);
            assert!(waiting.message.contains(&left), "{waiting}");
            let failed = line.setting == 1 && line.seed == 101;
            let mean = match failed {
                true => f64::NAN,
                false if means[line.setting].is_nan() => 9.0,
                false => means[line.setting],
            };
            write(folder.path(), line, 0, &scored(mean));
        }
        let standings = ladder.standings(0).unwrap();
        let ranked: Vec<usize> = standings.iter().map(|one| one.setting).collect();
        assert_eq!(ranked, [0, 3, 2, 1], "turn {turn}");
        assert_eq!(standings[3].failure(), Some("the loss is NaN"));
        let next = ladder.lines(1).unwrap();
        let places: Vec<PathBuf> = next.iter().map(|line| line.place()).collect();
        let expected = [
            "0000/seed-101",
            "0000/seed-102",
            "0003/seed-101",
            "0003/seed-102",
        ];
        assert_eq!(places, expected.map(PathBuf::from));
        // What failed never goes on, even where there is room for it.
        for line in &plan.lines {
            let mean = if line.setting == 2 { 1.0 } else { f64::NAN };
            write(folder.path(), line, 0, &scored(mean));
        }
        assert_eq!(ladder.lines(1).unwrap().len(), 2);
        for rung in [1, 2] {
            for line in &plan.lines {
                write(folder.path(), line, rung, &scored(f64::NAN));
            }
        }
        let nobody = ladder.winner().unwrap_err();
        assert!(nobody.message.contains("the loss is NaN"), "{nobody}");
        order.reverse();
    }
}

#[test]
fn a_score_that_was_changed_or_is_of_another_run_is_no_score() {
    let (plan, folder) = (plan(), tempfile::tempdir().unwrap());
    let [one, other] = [&plan.lines[0], &plan.lines[2]];
    write(folder.path(), one, 0, &scored(5.0));
    let place = |line: &Line| score_path(&folder.path().join(line.place()), 0);
    fs::create_dir_all(place(other).parent().unwrap()).unwrap();
    fs::copy(place(one), place(other)).unwrap();
    let ladder = Ladder::of(&plan, folder.path()).unwrap();
    assert_eq!(ladder.score(one, 0).unwrap(), Some(scored(5.0)));
    let error = ladder.score(other, 0).unwrap_err();
    assert!(error.message.contains("another configuration"), "{error}");
    let text = fs::read_to_string(place(one)).unwrap();
    fs::write(place(one), text.replace("5.0", "6.0")).unwrap();
    assert!(ladder.score(one, 0).is_err());
}

/// A run that is taken up rung by rung is the run that it would have been, and is scored
/// on tasks that it meets nowhere else.
#[test]
fn rungs_leave_no_trace_in_a_run() {
    let (registry, folder) = (Registry::standard(), tempfile::tempdir().unwrap());
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let (plan, halving) = (plan(), plan().head.halving.unwrap());
    let line = &plan.lines[0];
    let config = line.config(&registry, line.seed).unwrap();
    let paths = ["rungs", "whole"].map(|name| folder.path().join(name).join("seed-101"));
    for path in &paths {
        assert!(begin(&session, path, &config).unwrap());
    }
    let mut means = Vec::new();
    for rung in halving.all() {
        let climbed = climb(&session, &paths[0], folder.path(), &rung).unwrap();
        assert_eq!(climbed.update, rung.update.unwrap_or(4));
        assert_eq!(climbed.env_steps, climbed.update * 16 * 10);
        // It is not done again: the file is the answer.
        let file = score_path(&paths[0], rung.index);
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        assert_eq!(
            climb(&session, &paths[0], folder.path(), &rung).unwrap(),
            climbed
        );
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written);
        means.push(climbed.mean_return);
    }
    runner::drive(&session, &paths[1], folder.path()).unwrap();
    for file in ["metrics.jsonl", "eval.jsonl", "comparison.json"] {
        let read = |path: &PathBuf| fs::read(path.join(file)).unwrap();
        assert_eq!(read(&paths[0]), read(&paths[1]), "{file}");
    }
    let checkpoints = |path: &PathBuf| Reader::open(path).unwrap().checkpoints().unwrap();
    assert_eq!(checkpoints(&paths[0]), checkpoints(&paths[1]));
    // Tasks to choose by are none of those that it is reported on.
    let report = runner::finished(&paths[1]).unwrap().comparison;
    let reported = report.trained().unwrap().mean_return;
    assert_ne!(means[2], reported);
    // What is further than a rung that it was not scored at cannot be scored there.
    fs::remove_file(score_path(&paths[0], 0)).unwrap();
    let error = climb(&session, &paths[0], folder.path(), &halving.all()[0]).unwrap_err();
    assert!(error.message.contains("not scored at rung 0"), "{error}");
}
