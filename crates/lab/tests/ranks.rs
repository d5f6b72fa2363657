//! Ranks that share a training come to the bits of one process, whatever their number and
//! that of their workers, and fail, stop and go on together. They are threads here, for
//! what ranks do is the same whatever carries their messages.

use agent::{ActMode, Algorithm, Fresh, LearnError, Setup, Training, Update};
use lab::config::RunConfig;
use lab::failure::{Exit, Failure};
use lab::folders::path_of;
use lab::launch;
use lab::presets::Preset;
use lab::ranks::{COMPARED, Lead, expect_same_words, follow};
use lab::registry::Registry;
use lab::runner;
use lab::session::Session;
use record::Existing;
use rl_core::{Pack as _, PolicyFactory, Tree};
use rollout::{Pool, RankError, RankThread, Ranks};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// Small, and of five or six pieces, which no number of ranks but one divides evenly.
const RL2: &[&str] = &[
    "rl2.lanes=24",
    "rl2.tile=4",
    "rl2.trunk={kind=\"gru\",hidden=8,input_gain=1.0,memory=2.0}",
];
const PPO: &str = "rl2.outer={kind=\"ppo\",clip=0.2,epochs=2,minibatches=2}";
const MAML: &[&str] = &[
    "maml.tasks=5",
    "maml.trajectories=3",
    "maml.policy.hidden=[8]",
    "environment.horizon=10",
];

fn config(registry: &Registry, preset: &str, words: &[&[&str]]) -> RunConfig {
    let text = Preset::find(preset).unwrap().text;
    let words: Vec<String> = words
        .concat()
        .iter()
        .map(|word| (*word).to_owned())
        .collect();
    RunConfig::resolve(registry, preset, text, &words).unwrap()
}

/// What every rank's part comes to, in the ranks' order.
fn on_ranks<R: Send>(size: usize, part: impl Fn(Arc<dyn Ranks>) -> R + Sync) -> Vec<R> {
    let part = &part;
    thread::scope(|scope| {
        let ranks = RankThread::all(size).into_iter();
        let threads: Vec<_> = ranks
            .map(|rank| scope.spawn(move || part(Arc::new(rank))))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.map(Result::unwrap).collect()
    })
}

fn session(registry: &Registry, workers: usize, ranks: Arc<dyn Ranks>) -> Session<'_> {
    Session::among(registry, &(), (workers, ranks), "cpu").unwrap()
}

/// Rows and states of a few updates, on every rank.
fn trained(preset: &str, words: &[&[&str]], ranks: usize, workers: usize) -> Vec<Vec<u8>> {
    on_ranks(ranks, |rank| {
        let registry = Registry::standard();
        let config = config(&registry, preset, words);
        let session = session(&registry, workers, rank);
        let mut training = launch::start(&session, &config).unwrap();
        let mut said = Vec::new();
        for _ in 0..3 {
            let update = training.update().unwrap();
            said.extend_from_slice(update.row.get().as_bytes());
            training.checkpoint().unwrap().pack(&mut said);
        }
        said
    })
}

fn expect_same_bits(preset: &str, words: &[&[&str]]) {
    let alone = trained(preset, words, 1, 1).remove(0);
    for ranks in 1..=4 {
        for workers in [1, 2] {
            for (rank, said) in trained(preset, words, ranks, workers).iter().enumerate() {
                let place = format!("{preset} {words:?}: {ranks} × {workers}, rank {rank}");
                assert!(*said == alone, "{place}");
            }
        }
    }
}

#[test]
fn rl2_has_the_same_bits() {
    expect_same_bits("rl2/bernoulli-bandit-5x10", &[RL2, &[PPO]]);
    expect_same_bits(
        "rl2/bernoulli-bandit-5x10",
        &[RL2, &["rl2.outer={kind=\"a2c\"}"]],
    );
    // Vectors that are acted with, and episodes that are cut off.
    expect_same_bits("rl2/point-navigation", &[RL2, &[PPO]]);
}

#[test]
fn imitation_has_the_same_bits() {
    let words: &[&str] = &[
        "imitation.lanes=24",
        "imitation.tile=4",
        "imitation.outer.minibatches=2",
    ];
    let gru: &[&str] = &["imitation.trunk={kind=\"gru\",hidden=8,input_gain=1.0,memory=2.0}"];
    expect_same_bits("imitation/bernoulli-bandit-5x10", &[words, gru]);
    // Plain layers, and an index that all arms share.
    expect_same_bits("imitation/gaussian-bandit", &[words]);
    let index: &[&str] = &[
        "imitation.trunk={kind=\"index\",hidden=8}",
        "imitation.inputs=[\"time-left\",\"statistics\"]",
    ];
    expect_same_bits("imitation/gaussian-bandit", &[words, index]);
}

#[test]
fn maml_has_the_same_bits() {
    let vpg = "maml.outer={kind=\"vpg\"}";
    expect_same_bits("maml/benchmark", &[MAML]);
    expect_same_bits("maml/benchmark", &[MAML, &[vpg]]);
    // What else is of all tasks: the value network's gradient, and what each earned.
    let value = &[
        "maml.outer={kind=\"ppo\",clip=0.2,epochs=2,penalty={kind=\"adaptive\",coefficient=0.1,target=0.01}}",
        "maml.baseline={kind=\"value\",hidden=[8],activation=\"tanh\",optimizer={kind=\"sgd\",momentum=0.0},learning_rate=1e-2,max_gradient_norm=1.0,epochs=2}",
    ];
    expect_same_bits("maml/benchmark", &[MAML, value]);
    let exploring = "maml.exploration={kind=\"e-maml\",coefficient=0.1}";
    expect_same_bits("maml/benchmark", &[MAML, &[vpg, exploring]]);
}

#[test]
fn who_does_not_share_its_work_is_refused() {
    let said = on_ranks(2, |rank| {
        let registry = Registry::standard();
        let config = config(&registry, "learned-optimizer/quadratics", &[]);
        let session = session(&registry, 1, rank);
        launch::start(&session, &config).map(drop).unwrap_err()
    });
    for failure in said {
        assert_eq!(failure.exit, Exit::Config);
        let share = "this algorithm does not share its work among ranks";
        assert!(failure.message.contains(share), "{failure}");
    }
}

/// RL² on whose second rank something happens after the third update.
struct Disturbed {
    training: Box<dyn Training>,
    pool: Arc<Pool>,
    disturb: fn(&mut dyn Training, &Pool),
    /// When its agent is to be drawn.
    drawn: fn(&Pool),
}

impl Training for Disturbed {
    fn updates(&self) -> u64 {
        self.training.updates()
    }

    fn updates_done(&self) -> u64 {
        self.training.updates_done()
    }

    fn env_steps(&self) -> u64 {
        self.training.env_steps()
    }

    fn update(&mut self) -> Result<Update, LearnError> {
        let update = self.training.update()?;
        if self.updates_done() == 3 && self.pool.ranks().rank() == 1 {
            (self.disturb)(self.training.as_mut(), &self.pool);
        }
        Ok(update)
    }

    fn expect_shared(&self) -> Result<(), LearnError> {
        self.training.expect_shared()
    }

    fn policy(&self, actions: ActMode) -> Arc<dyn PolicyFactory> {
        self.training.policy(actions)
    }

    fn policies(
        &self,
        fresh: &Fresh<'_>,
        task: usize,
    ) -> Result<Vec<Arc<dyn PolicyFactory>>, LearnError> {
        (self.drawn)(&self.pool);
        self.training.policies(fresh, task)
    }

    fn checkpoint(&self) -> Result<Tree, LearnError> {
        self.training.checkpoint()
    }

    fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.training.restore(checkpoint)
    }
}

fn disturbed(
    setup: Setup<'_>,
    disturb: fn(&mut dyn Training, &Pool),
) -> Result<Box<dyn Training>, LearnError> {
    let pool = Arc::clone(&setup.place.pool);
    Ok(Box::new(Disturbed {
        training: (rl2::ALGORITHM.start)(setup)?,
        pool,
        disturb,
        drawn: |_| {},
    }))
}

/// Flips a bit of the first parameter: one that no rounding makes alike again.
fn flip(training: &mut dyn Training, _: &Pool) {
    let mut state = training.checkpoint().unwrap();
    let is_parameter = |(name, _): &(&str, _)| name.starts_with("params/");
    let name = state.iter().find(is_parameter).unwrap().0.to_owned();
    let first = &mut state.floats_mut(&name).unwrap()[0];
    *first = f32::from_bits(first.to_bits() ^ (1 << 22));
    training.restore(&state).unwrap();
}

/// What a signal does to a rank.
fn ask_to_stop(_: &mut dyn Training, pool: &Pool) {
    pool.call_off().store(true, Ordering::SeqCst);
}

/// An algorithm, as RL² but for what happens.
fn registry(start: fn(Setup<'_>) -> Result<Box<dyn Training>, LearnError>) -> Registry {
    Registry::standard().with_algorithm(Algorithm {
        start,
        ..rl2::ALGORITHM
    })
}

/// Takes a run from wherever it is to its end on so many ranks, of which the first leads.
fn driven(
    registry: impl Fn() -> Registry + Sync,
    ranks: usize,
    path: &Path,
) -> Result<(), Failure> {
    let ended = ends(registry, ranks, path, usize::MAX);
    ended.into_iter().collect()
}

/// How each of them ends, whose second one gets a signal after so many exchanges.
fn ends(
    registry: impl Fn() -> Registry + Sync,
    ranks: usize,
    path: &Path,
    after: usize,
) -> Vec<Result<(), Failure>> {
    on_ranks(ranks, |rank| {
        let rank = Arc::new(Signalled {
            rank,
            after,
            passed: AtomicUsize::new(0),
            signal: OnceLock::new(),
        });
        let registry = registry();
        let joined = || {
            let session = session(&registry, 1, Arc::<Signalled>::clone(&rank));
            let _ = rank.signal.set(Arc::clone(session.pool.call_off()));
            session
        };
        if rank.rank() > 0 {
            return follow(rank.as_ref(), || Ok(joined())).map(drop);
        }
        let driven = runner::drive(&joined(), path, path).map(drop);
        let exit = driven
            .as_ref()
            .map_or_else(|failure| failure.exit, |()| Exit::Done);
        // Of a rank that is gone it has said so itself.
        let _ = Lead::end(rank.as_ref(), exit);
        driven
    })
}

/// A rank that may get a signal.
struct Signalled {
    rank: Arc<dyn Ranks>,
    after: usize,
    passed: AtomicUsize,
    signal: OnceLock<Arc<AtomicBool>>,
}

impl Ranks for Signalled {
    fn rank(&self) -> usize {
        self.rank.rank()
    }

    fn size(&self) -> usize {
        self.rank.size()
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        let passed = self.passed.fetch_add(1, Ordering::SeqCst);
        if self.rank() == 1 && passed == self.after {
            self.signal.get().unwrap().store(true, Ordering::SeqCst);
        }
        self.rank.exchange(messages)
    }

    fn gather(&self, message: &[u8]) -> Result<Vec<Vec<u8>>, RankError> {
        self.rank.gather(message)
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        self.rank.broadcast(message)
    }

    fn hear(&self, within: Duration) -> Result<Option<Vec<u8>>, RankError> {
        self.rank.hear(within)
    }
}

/// A rank whose messages are short.
struct Terse {
    rank: RankThread,
    longest: usize,
}

impl Ranks for Terse {
    fn rank(&self) -> usize {
        self.rank.rank()
    }

    fn size(&self) -> usize {
        self.rank.size()
    }

    fn longest(&self) -> usize {
        self.longest
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        let longest = messages.iter().map(|message| message.len()).max();
        assert!(longest.unwrap_or(0) <= self.longest, "{longest:?}");
        self.rank.exchange(messages)
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        self.rank.broadcast(message)
    }

    fn hear(&self, within: Duration) -> Result<Option<Vec<u8>>, RankError> {
        self.rank.hear(within)
    }
}

/// Or it would be found out at the first exchange, after hours of living trials.
#[test]
fn what_no_message_can_hold_is_refused_before_anything_is_done() {
    let registry = Registry::standard();
    let refused = |preset: &str, words: [&[&str]; 2], longest: usize| {
        let words = [words[0], words[1], &["evaluation.learners=[]"]];
        let config = config(&registry, preset, &words);
        // Nobody else is there to be told anything.
        let rank = RankThread::all(2).remove(0);
        let session = session(&registry, 1, Arc::new(Terse { rank, longest }));
        launch::rehearse(&session, &config).err()
    };
    let (rl2, maml) = ("rl2/bernoulli-bandit-5x10", "maml/benchmark");
    let parts = [
        (
            rl2,
            RL2,
            PPO,
            "trajectories would be messages of ",
            "lower rl2.lanes or ",
        ),
        (
            maml,
            MAML,
            "maml.updates=1",
            "gradients of tasks would be ",
            "lower maml.policy.hidden or ",
        ),
    ];
    for (preset, few, word, what, lower) in parts {
        let words = [few, &[word]];
        let failure = refused(preset, words, 100).unwrap();
        assert_eq!(failure.exit, Exit::Config, "{failure}");
        for part in [
            what,
            "between 2 ranks; allowed: up to 100",
            lower,
            "more ranks",
        ] {
            assert!(failure.message.contains(part), "{part}: {failure}");
        }
        assert!(refused(preset, words, usize::MAX).is_none());
    }
    // Between a rank's trajectories, 12 lanes, and its tiles' gradients.
    let wide = "rl2.trunk={kind=\"gru\",hidden=64,input_gain=1.0,memory=2.0}";
    let failure = refused(rl2, [&RL2[..2], &[PPO, wide]], 20_000).unwrap();
    assert!(failure.message.contains("gradients of tiles"), "{failure}");
}

/// What is counted beforehand is what is sent, up to what frames it.
#[test]
fn messages_are_as_long_as_was_counted() {
    // 12 lanes of 10 steps; 2 tiles of 3 a minibatch, and half of the parameters.
    for (longest, fits) in [(6_000, true), (2_000, false)] {
        let ended = on_ranks_of(2, longest, |rank| {
            let registry = Registry::standard();
            let words = [RL2, &[PPO, "evaluation.learners=[]"]];
            let config = config(&registry, "rl2/bernoulli-bandit-5x10", &words);
            let session = session(&registry, 1, rank);
            let mut training = launch::prepare(&session, &config)?.1;
            training.update().map(drop)?;
            Ok::<_, Failure>(())
        });
        assert_eq!(ended.iter().all(Result::is_ok), fits, "{ended:?}");
    }
}

/// As [`on_ranks`], where no message is longer than so many bytes.
fn on_ranks_of<R: Send>(
    size: usize,
    longest: usize,
    part: impl Fn(Arc<dyn Ranks>) -> R + Sync,
) -> Vec<R> {
    let part = &part;
    thread::scope(|scope| {
        let ranks = RankThread::all(size).into_iter();
        let threads: Vec<_> = ranks
            .map(|rank| scope.spawn(move || part(Arc::new(Terse { rank, longest }))))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.map(Result::unwrap).collect()
    })
}

const SHORT: &[&str] = &[
    "rl2.updates=60",
    "evaluation.interval=30",
    "evaluation.interval_tasks=8",
    "evaluation.tasks=8",
    "checkpoint.interval=60",
];

/// Begins a run in a folder.
fn begun(folder: &Path) -> std::path::PathBuf {
    begun_with(folder, "rl2/bernoulli-bandit-5x10", &[RL2, &[PPO], SHORT])
}

fn begun_with(folder: &Path, preset: &str, words: &[&[&str]]) -> std::path::PathBuf {
    let registry = Registry::standard();
    let config = config(&registry, preset, words);
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    let path = path_of(folder, 0);
    launch::create(&session, &path, &config, Existing::Refuse).unwrap();
    path
}

/// Everything of a run that no clock wrote.
fn contents(path: &Path) -> Vec<Vec<u8>> {
    let files = [
        "metrics.jsonl",
        "eval.jsonl",
        "comparison.json",
        "checkpoints/00000060/arrays.safetensors",
        "checkpoints/00000060/state.json",
    ];
    files.map(|file| fs::read(path.join(file)).unwrap()).into()
}

#[test]
fn a_run_is_the_same_on_any_ranks_and_stops_and_goes_on_with_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let alone = begun(&folder.path().join("alone"));
    driven(Registry::standard, 1, &alone).unwrap();
    let stopped = begun(&folder.path().join("stopped"));
    let asked = || registry(|setup| disturbed(setup, ask_to_stop));
    let failure = driven(asked, 3, &stopped).unwrap_err();
    assert_eq!(failure.exit, Exit::Stopped, "{failure}");
    let said = "stopped after update 3 of 60";
    assert!(failure.message.starts_with(said), "{failure}");
    assert!(stopped.join("checkpoints/00000003").exists());
    driven(Registry::standard, 2, &stopped).unwrap();
    assert!(contents(&stopped) == contents(&alone));
}

#[test]
fn a_flipped_bit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = begun(folder.path());
    let flipped = || registry(|setup| disturbed(setup, flip));
    let failure = driven(flipped, 2, &path).unwrap_err();
    assert_eq!(failure.exit, Exit::Internal);
    let found = format!("after update {COMPARED}: rank 1 has learned something else than rank 0");
    assert!(failure.message.starts_with(&found), "{failure}");
    // What was saved is from before.
    assert!(path.join("checkpoints/00000000").exists());
    assert_eq!(fs::read_dir(path.join("checkpoints")).unwrap().count(), 1);
}

#[test]
fn what_comes_after_the_training_rank_0_does_alone() {
    let folder = tempfile::tempdir().unwrap();
    let words: &[&[&str]] = &[
        RL2,
        &[PPO],
        &[
            "environment.size=3",
            "environment.horizon=5",
            "environment.episodes=2",
            "rl2.updates=2",
            "evaluation.interval_tasks=8",
            "evaluation.tasks=8",
            "evaluation.learners=[{name=\"random\"}]",
        ],
    ];
    // Whose tasks are known, and beliefs of them can be compared.
    let path = begun_with(folder.path(), "rl2/gridnavi", words);
    driven(Registry::standard, 2, &path).unwrap();
    assert!(path.join("comparison.json").exists());
}

/// When three updates are done, and in the next one parameters have changed: an update
/// exchanges trajectories, and of each of four minibatches the gradients and their sum.
const AMID: usize = 3 * (1 + 4 * 2) + 2;

#[test]
fn a_signal_amid_an_update_saves_what_all_ranks_had_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let alone = begun(&folder.path().join("alone"));
    driven(Registry::standard, 1, &alone).unwrap();
    let stopped = begun(&folder.path().join("stopped"));
    let ended = ends(Registry::standard, 3, &stopped, AMID);
    let failure = ended[0].as_ref().unwrap_err();
    assert_eq!(failure.exit, Exit::Stopped, "{failure}");
    assert!(ended[1..].iter().all(Result::is_ok), "{ended:?}");
    assert!(stopped.join("checkpoints/00000003").exists());
    driven(Registry::standard, 2, &stopped).unwrap();
    assert!(contents(&stopped) == contents(&alone));
}

#[test]
fn a_signal_amid_an_update_saves_nothing_that_ranks_differ_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = begun(folder.path());
    let flipped = || registry(|setup| disturbed(setup, flip));
    let ended = ends(flipped, 2, &path, AMID);
    let failure = ended[0].as_ref().unwrap_err();
    let found = "after update 3: rank 1 has learned something else than rank 0";
    assert!(failure.message.starts_with(found), "{failure}");
    assert!(!path.join("checkpoints/00000003").exists());
}

#[test]
fn what_one_rank_alone_fails_of_it_says_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = begun(folder.path());
    let failing = || registry(|setup| disturbed(setup, |_, _| panic!("a bad day")));
    let ended = ends(failing, 2, &path, usize::MAX);
    let failure = ended[1].as_ref().unwrap_err();
    assert_eq!(failure.exit, Exit::Internal);
    assert!(failure.message.contains("a bad day"), "{failure}");
    assert!(ended[0].is_err());
}

/// A rank that waits no longer than so for a word, of whom rank 0 takes twice as long to say
/// the last one.
struct Slow {
    rank: Arc<dyn Ranks>,
    within: Duration,
}

impl Ranks for Slow {
    fn rank(&self) -> usize {
        self.rank.rank()
    }

    fn size(&self) -> usize {
        self.rank.size()
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        self.rank.exchange(messages)
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        if message.starts_with(b"{\"End\"") {
            thread::sleep(2 * self.within);
        }
        self.rank.broadcast(message)
    }

    fn hear(&self, _: Duration) -> Result<Option<Vec<u8>>, RankError> {
        self.rank.hear(self.within)
    }
}

#[test]
fn who_failed_as_rank_0_did_waits_until_that_has_saved() {
    let folder = tempfile::tempdir().unwrap();
    // No number of the second update is finite, on any rank.
    let rates = &["rl2.learning_rate={from=1e30,to=1e30,shape=\"linear\"}"][..];
    let words = [RL2, &[PPO], SHORT, rates];
    let path = begun_with(folder.path(), "rl2/bernoulli-bandit-5x10", &words);
    let ended = on_ranks(2, |rank| {
        let within = Duration::from_secs(1);
        let rank: Arc<dyn Ranks> = Arc::new(Slow { rank, within });
        let registry = Registry::standard();
        let joined = || session(&registry, 1, Arc::clone(&rank));
        if rank.rank() > 0 {
            return follow(rank.as_ref(), || Ok(joined()));
        }
        let failure = runner::drive(&joined(), &path, &path)
            .map(drop)
            .unwrap_err();
        let _ = Lead::end(rank.as_ref(), failure.exit);
        Err(failure)
    });
    let failure = ended[0].as_ref().unwrap_err();
    assert_eq!(failure.exit, Exit::Internal);
    assert!(failure.message.contains("is saved"), "{failure}");
    // It hears how the program ends, and does not end it on its own.
    assert_eq!(ended[1], Ok(Exit::Internal));
}

/// A rank that is never waited for without end.
struct Watched(Arc<dyn Ranks>);

impl Ranks for Watched {
    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        self.0.exchange(messages)
    }

    fn gather(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, RankError> {
        panic!("it waits however long it takes");
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        self.0.broadcast(message)
    }

    fn hear(&self, within: Duration) -> Result<Option<Vec<u8>>, RankError> {
        self.0.hear(within)
    }
}

#[test]
fn who_says_nothing_in_a_comparison_is_found_out() {
    let state = Tree::default().with_count("update", 1);
    let compared = on_ranks(2, |rank| {
        let rank: Arc<dyn Ranks> = Arc::new(Watched(rank));
        if rank.rank() == 0 {
            let registry = Registry::standard();
            return Lead::of(&session(&registry, 1, rank)).compare(&state);
        }
        rank.broadcast(&[])?;
        let own = record::fingerprint(&state);
        rank.exchange(&[own.as_bytes(); 2])?;
        Ok(())
    });
    assert_eq!(compared, [Ok(()), Ok(())]);
}

#[test]
fn a_signal_while_the_agent_is_drawn_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let words: &[&[&str]] = &[
        RL2,
        &[PPO],
        &[
            "rl2.updates=2",
            "evaluation.interval_tasks=8",
            "evaluation.tasks=8",
            "evaluation.learners=[{name=\"random\"}]",
        ],
    ];
    let path = begun_with(folder.path(), "rl2/maze", words);
    let asked = || {
        registry(|setup| {
            let pool = Arc::clone(&setup.place.pool);
            Ok(Box::new(Disturbed {
                training: (rl2::ALGORITHM.start)(setup)?,
                pool,
                disturb: |_, _| {},
                drawn: |pool| pool.call_off().store(true, Ordering::SeqCst),
            }))
        })
    };
    let failure = driven(asked, 1, &path).unwrap_err();
    assert_eq!(failure.exit, Exit::Stopped, "{failure}");
    let said = "stopped after update 2 of 2";
    assert!(failure.message.starts_with(said), "{failure}");
    assert!(path.join("comparison.json").exists());
    assert!(!path.join("pictures.json").exists());
    driven(Registry::standard, 1, &path).unwrap();
    assert!(path.join("pictures.json").exists());
}

#[test]
fn ranks_that_were_started_with_different_words_are_refused() {
    let refused = |words: [&str; 2]| {
        let ended = on_ranks(3, |rank| {
            let own = words[usize::from(rank.rank() == 2)].to_owned();
            expect_same_words(rank.as_ref(), &["train".to_owned(), own])
        });
        ended.into_iter().map(Result::err).collect::<Vec<_>>()
    };
    assert_eq!(refused(["--seed=1"; 2]), [None, None, None]);
    for failure in refused(["--seed=1", "--seed=2"]) {
        let failure = failure.unwrap();
        assert_eq!(failure.exit, Exit::Usage);
        let named = r#"rank 2 was started as ["train", "--seed=2"], and rank 0"#;
        assert!(failure.message.starts_with(named), "{failure}");
    }
}
