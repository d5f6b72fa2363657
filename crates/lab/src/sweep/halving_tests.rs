use super::*;
use crate::failure::Exit;
use crate::observer::{Observer, Progress, Work};
use crate::sweep::{Sweep, begin};
use record::{Claim, Existing};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// What goes on with a run that was stopped.
const GO_ON: &str = "the same command";

fn plan() -> Plan {
    planned(SPEC)
}

fn planned(spec: &str) -> Plan {
    Plan::of(&Registry::standard(), "sweep.toml", spec).unwrap()
}

/// The same settings, all of them taken to their ends.
fn plain() -> String {
    SPEC.replace("halving = { rungs = [1, 2], factor = 2, tasks = 20 }\n", "")
}

fn scored(mean_return: f64) -> Score {
    Score {
        rung: plan().head.halving.unwrap().all().swap_remove(0),
        update: 1,
        env_steps: 100,
        tasks: 20,
        mean_return,
        standard_error: 0.1,
        failure: mean_return.is_nan().then(|| "the loss is NaN".to_owned()),
    }
}

fn write(folder: &Path, line: &Line, rung: usize, score: &Score) {
    let rungs = plan().head.halving.unwrap().all();
    write_at(folder, line, &rungs[rung], score);
}

fn write_at(folder: &Path, line: &Line, rung: &Rung, score: &Score) {
    let path = folder.join(line.place());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let rung = rung.clone();
    let (file, score) = (score_path(&path, rung.index), score.clone());
    write_sealed(&file, &Score { rung, ..score }, &line.config).unwrap();
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
            assert_eq!(waiting.exit, Exit::Stopped);
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

/// A run is scored once at a rung of a number, and what that number stands for may change.
#[test]
fn a_score_at_what_was_another_rung_is_no_score() {
    let (plan, folder) = (plan(), tempfile::tempdir().unwrap());
    let line = &plan.lines[0];
    write(folder.path(), line, 0, &scored(5.0));
    write(folder.path(), line, 2, &scored(f64::NAN));
    let registry = Registry::standard();
    let is = "rung 0 at 1 updates on 20 tasks, which is";
    let others = [
        (
            SPEC.replace("[1, 2]", "[2, 3]"),
            format!("{is} at 2 updates on 20 tasks now"),
        ),
        (
            SPEC.replace("tasks = 20", "tasks = 30"),
            format!("{is} at 1 updates on 30 tasks now"),
        ),
        (
            plain(),
            format!("{is} at the end of the training on 20 tasks now"),
        ),
    ];
    for (spec, expected) in others {
        let other = planned(&spec).in_rungs(&registry).unwrap();
        assert_eq!(other.lines[0].config, line.config);
        let ladder = Ladder::of(&other, folder.path()).unwrap();
        let error = ladder.score(&other.lines[0], 0).unwrap_err();
        assert!(error.message.contains(&expected), "{error}");
    }
    // Nor is one that failed: at a rung before that it may not have.
    let other = planned(&SPEC.replace("[1, 2]", "[1, 2, 3]"));
    let ladder = Ladder::of(&other, folder.path()).unwrap();
    let error = ladder.score(&other.lines[0], 2).unwrap_err();
    let expected = "rung 2 at the end of the training on 20 tasks, which is at 3 updates";
    assert!(error.message.contains(expected), "{error}");
}

/// Settings are told apart on tuning tasks then too, and what diverges is the last.
#[test]
fn without_halving_the_end_is_the_only_rung() {
    let registry = Registry::standard();
    let plan = planned(&plain());
    assert_eq!(plan.head.halving, None);
    let (plan, folder) = (
        plan.in_rungs(&registry).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let ladder = Ladder::of(&plan, folder.path()).unwrap();
    let rung = Rung {
        index: 0,
        update: None,
        tasks: 20,
    };
    assert_eq!(
        (ladder.rungs(), ladder.sizes()),
        (vec![rung.clone()], vec![4])
    );
    let sweep = Sweep::read("sweep.toml", &plain()).unwrap();
    let config = plan.lines[0].config(&registry, 101).unwrap();
    assert_eq!(sweep.rungs(&config), std::slice::from_ref(&rung));
    // Setting 0 comes to 5 and setting 2 to 6; of setting 3 one seed diverges.
    let means = [[5.0, 5.0], [4.0, 4.0], [7.0, 5.0], [9.0, f64::NAN]];
    for line in &plan.lines {
        let mean = means[line.setting][usize::from(line.seed == 102)];
        write_at(folder.path(), line, &rung, &scored(mean));
    }
    let standings = ladder.standings(0).unwrap();
    let ranked: Vec<usize> = standings.iter().map(|one| one.setting).collect();
    assert_eq!(ranked, [2, 0, 1, 3]);
    let (best, standing) = ladder.winner().unwrap();
    assert_eq!((best.setting, standing.mean.mean), (2, 6.0));
}

#[test]
fn a_rung_beyond_a_training_is_refused_before_it_begins() {
    let registry = Registry::standard();
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let check = |rungs: &str| {
        let spec = SPEC.replace("[1, 2]", rungs);
        let sweep = Sweep::read("sweep.toml", &spec).unwrap();
        let words = ["rl2.learning_rate.from=0.001".to_owned()];
        let attempt = sweep.attempt(&registry, &words).unwrap();
        sweep.check_rungs(&session, &attempt)
    };
    check("[1, 3]").unwrap();
    let error = check("[1, 4]").unwrap_err();
    let expected = "halving.rungs: 4; allowed: less than the 4 updates of \
                    rl2.learning_rate.from=0.001";
    assert!(error.message.contains(expected), "{error}");
}

/// Who tries to write a run whenever something of it is evaluated.
struct Intruder {
    path: PathBuf,
    refused: AtomicBool,
}

impl Observer for Intruder {
    fn note(&self, _text: &str) {}

    fn begin(&self, work: Work<'_>) -> Box<dyn Progress> {
        if let Work::Evaluation { .. } = work {
            let opened = RunDir::open(&self.path);
            let locked = matches!(opened, Err(RecordError::Locked { .. }));
            self.refused.store(locked, Ordering::SeqCst);
        }
        Box::new(())
    }
}

#[test]
fn a_run_is_held_while_it_is_scored() {
    let (registry, folder) = (Registry::standard(), tempfile::tempdir().unwrap());
    let (plan, path) = (plan(), folder.path().join("seed-101"));
    let intruder = Intruder {
        path: path.clone(),
        refused: AtomicBool::new(false),
    };
    let session = Session::new(&registry, &intruder, 1, "cpu").unwrap();
    let config = plan.lines[0].config(&registry, 101).unwrap();
    assert!(begin(&session, &path, &config).unwrap());
    // Before the first evaluation of the training itself, which holds it too.
    let rung = &plan.head.halving.as_ref().unwrap().all()[0];
    climb(&session, &path, rung, GO_ON).unwrap();
    assert!(intruder.refused.load(Ordering::SeqCst));
}

/// Where the checkpoint of a rung is damaged before the run is scored there, it is not the
/// training that is too short; it is trained on from the one before.
#[test]
fn a_damaged_checkpoint_is_said_to_be_why_a_rung_is_not_reached() {
    let (registry, folder) = (Registry::standard(), tempfile::tempdir().unwrap());
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let (plan, path) = (plan(), folder.path().join("seed-101"));
    let rung = &plan.head.halving.as_ref().unwrap().all()[0];
    let config = plan.lines[0].config(&registry, 101).unwrap();
    assert!(begin(&session, &path, &config).unwrap());
    let before = climb(&session, &path, rung, GO_ON).unwrap();
    fs::remove_file(score_path(&path, 0)).unwrap();
    let arrays = "arrays.safetensors";
    fs::write(path.join("checkpoints/00000001").join(arrays), "").unwrap();
    let failure = measured(&session, &path, rung).unwrap_err();
    for part in ["rung 0 is at 1 updates", "of update 0: ", arrays] {
        assert!(failure.message.contains(part), "{part}: {failure}");
    }
    assert!(!failure.message.contains("more updates"), "{failure}");
    assert_eq!(climb(&session, &path, rung, GO_ON).unwrap(), before);
}

/// As between two looks at whether somebody is at a run.
#[test]
fn a_run_that_another_process_is_at_is_left_to_it() {
    let (registry, folder) = (Registry::standard(), tempfile::tempdir().unwrap());
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let (plan, path) = (plan(), folder.path().join("seed-101"));
    let rung = &plan.head.halving.as_ref().unwrap().all()[0];
    let config = plan.lines[0].config(&registry, 101).unwrap();
    let busy = |failure: Failure| {
        assert_eq!(failure.exit, Exit::Stopped, "{failure}");
        assert!(failure.message.contains("it is done there"), "{failure}");
    };
    let claim = Claim::take(&path, Existing::Refuse).unwrap();
    busy(begin(&session, &path, &config).unwrap_err());
    drop(claim);
    assert!(begin(&session, &path, &config).unwrap());
    let held = RunDir::open(&path).unwrap();
    busy(begin(&session, &path, &config).unwrap_err());
    busy(climb(&session, &path, rung, GO_ON).unwrap_err());
    busy(complete(&session, &path, GO_ON).unwrap_err());
    // As if it were just being made.
    let next = path.join("next-config.toml");
    fs::write(&next, config.to_text().unwrap()).unwrap();
    busy(begin(&session, &path, &config).unwrap_err());
    drop(held);
    assert!(begin(&session, &path, &config).unwrap());
    assert!(!next.exists());
}

/// Who puts a file where a run's checkpoints go as soon as it is evaluated, so that nothing
/// can be saved any more.
struct Spoiler(PathBuf);

impl Observer for Spoiler {
    fn note(&self, _text: &str) {}

    fn begin(&self, work: Work<'_>) -> Box<dyn Progress> {
        if let Work::Evaluation { .. } = work {
            fs::rename(self.0.join("checkpoints"), self.0.join("aside")).unwrap();
            fs::write(self.0.join("checkpoints"), "").unwrap();
        }
        Box::new(())
    }
}

/// To resume it by itself would take it beyond its rung.
#[test]
fn a_run_that_cannot_be_saved_goes_on_with_its_sweep() {
    let (registry, folder) = (Registry::standard(), tempfile::tempdir().unwrap());
    let (plan, path) = (plan(), folder.path().join("seed-101"));
    let rung = &plan.head.halving.as_ref().unwrap().all()[0];
    let config = plan.lines[0].config(&registry, 101).unwrap();
    let spoiler = Spoiler(path.clone());
    let session = Session::new(&registry, &spoiler, 1, "cpu").unwrap();
    assert!(begin(&session, &path, &config).unwrap());
    let failure = climb(&session, &path, rung, GO_ON).unwrap_err();
    assert_eq!(failure.exit, Exit::Stopped, "{failure}");
    let said = format!("; go on with: {GO_ON}");
    assert!(failure.message.ends_with(&said), "{failure}");
    fs::remove_file(path.join("checkpoints")).unwrap();
    fs::rename(path.join("aside"), path.join("checkpoints")).unwrap();
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    assert_eq!(climb(&session, &path, rung, GO_ON).unwrap().update, 1);
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
        let climbed = climb(&session, &paths[0], &rung, GO_ON).unwrap();
        assert_eq!(climbed.update, rung.update.unwrap_or(4));
        assert_eq!(climbed.env_steps, climbed.update * 16 * 10);
        // It is not done again: the file is the answer.
        let file = score_path(&paths[0], rung.index);
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        assert_eq!(climb(&session, &paths[0], &rung, GO_ON).unwrap(), climbed);
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
    let error = climb(&session, &paths[0], &halving.all()[0], GO_ON).unwrap_err();
    assert!(error.message.contains("not scored at rung 0"), "{error}");
    // And one beyond its end is none that it could be trained to.
    let beyond = Rung {
        index: 1,
        update: Some(75),
        tasks: 20,
    };
    let error = climb(&session, &paths[1], &beyond, GO_ON).unwrap_err();
    let expected = "rung 1 is at 75 updates, and the training has 4";
    assert!(error.message.contains(expected), "{error}");
}
