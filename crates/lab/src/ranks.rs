//! One training by several ranks: rank 0 leads it, with its folder, its evaluations and
//! all that is said of it, and the others follow, each with the same training in memory.

use crate::config::RunConfig;
use crate::failure::{Exit, Failure};
use crate::host;
use crate::launch;
use crate::panics::caught;
use crate::runner::state_of;
use crate::session::Session;
use agent::Training;
use record::fingerprint;
use rl_core::{Pack, Tree};
use rollout::{RankError, Ranks};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Updates between comparisons of what all ranks have learned; it is compared before
/// every checkpoint too.
pub const COMPARED: u64 = 50;

/// How long rank 0 may take to say that it saves, where it failed as this rank did, before
/// it is held to know nothing of the failure.
const KNOWING: Duration = Duration::from_secs(30);

/// What rank 0 says, and all ranks then do.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// Start the training of a configuration, whose state comes next.
    Begin { place: String, config: String },
    /// The next update.
    Update,
    /// Say what you have learned.
    Compare,
    /// It failed; wait until the state before is saved, however long that takes.
    Saving,
    /// Pass messages of so many bytes, so many times.
    Pass { bytes: usize, times: usize },
    /// The end of the program.
    End { exit: Exit },
}

impl From<RankError> for Failure {
    fn from(error: RankError) -> Self {
        Self::internal(error)
    }
}

fn say(ranks: &dyn Ranks, word: &Word) -> Result<(), Failure> {
    let word = serde_json::to_vec(word).map_err(Failure::internal)?;
    ranks.broadcast(&word)?;
    Ok(())
}

/// Refuses ranks that were started with other words than rank 0, each of which would be
/// a training of its own. To be called by all ranks, of which all are told.
///
/// # Errors
/// Names the first of them, and its words.
pub fn expect_same_words(ranks: &dyn Ranks, words: &[String]) -> Result<(), Failure> {
    let own = serde_json::to_vec(words).map_err(Failure::internal)?;
    let all = ranks.gather(&own)?;
    let first: Vec<String> = serde_json::from_slice(&all[0]).map_err(Failure::internal)?;
    for (rank, theirs) in all.iter().enumerate() {
        let theirs: Vec<String> = serde_json::from_slice(theirs).map_err(Failure::internal)?;
        if theirs != first {
            return Err(Failure::usage(format!(
                "rank {rank} was started as {theirs:?}, and rank 0 as {first:?}; start all ranks \
                 of one build with the same words, for they share one command; for several \
                 seeds, use --seeds"
            )));
        }
    }
    Ok(())
}

/// How many ranks have the same cores of the same machine as this one, itself too: those
/// that were started in a part of a machine and not bound to their own, or two in each
/// half. `None` where the system does not say. To be called by all ranks.
///
/// # Errors
/// If one of them is gone.
pub fn sharing_cores(ranks: &dyn Ranks) -> Result<Option<usize>, Failure> {
    let place = host::allowed_cores().unwrap_or_default();
    let all = ranks.gather(place.as_bytes())?;
    let sharing = all.iter().filter(|theirs| **theirs == place.as_bytes());
    Ok((!place.is_empty()).then(|| sharing.count()))
}

/// Rank 0, as the others hear it. Where there are none, all of this is nothing.
#[derive(Clone, Copy)]
pub struct Lead<'a> {
    ranks: &'a dyn Ranks,
}

impl<'a> Lead<'a> {
    /// To lead the ranks that share a session's work.
    pub fn of(session: &'a Session<'_>) -> Self {
        let ranks = session.pool.ranks();
        Self { ranks }
    }

    fn is_alone(self) -> bool {
        self.ranks.size() == 1
    }

    /// Has all ranks begin a training where it stands.
    ///
    /// # Errors
    /// Of the first rank that cannot.
    pub fn begin(self, config: &RunConfig, state: &Tree) -> Result<(), Failure> {
        if self.is_alone() {
            return Ok(());
        }
        let place = config.origin.source.clone();
        let config = config.to_text()?;
        say(self.ranks, &Word::Begin { place, config })?;
        let mut bytes = Vec::new();
        state.pack(&mut bytes);
        self.ranks.broadcast(&bytes)?;
        for (rank, message) in self.ranks.gather(b"null")?.iter().enumerate() {
            let failure: Option<Failure> =
                serde_json::from_slice(message).map_err(Failure::internal)?;
            if let Some(failure) = failure {
                return Err(failure.within(format!("rank {rank}")));
            }
        }
        Ok(())
    }

    /// Has all other ranks do the next update too.
    ///
    /// # Errors
    /// If one of them is gone.
    pub fn update(self) -> Result<(), Failure> {
        match self.is_alone() {
            true => Ok(()),
            false => say(self.ranks, &Word::Update),
        }
    }

    /// Compares what all ranks have learned.
    ///
    /// # Errors
    /// Names the first rank that has learned something else.
    pub fn compare(self, state: &Tree) -> Result<(), Failure> {
        if self.is_alone() {
            return Ok(());
        }
        say(self.ranks, &Word::Compare)?;
        let own = fingerprint(state);
        for (rank, theirs) in fingerprints(self.ranks, &own)?.iter().enumerate() {
            if theirs != own.as_bytes() {
                let theirs = String::from_utf8_lossy(theirs);
                return Err(Failure::internal(format!(
                    "rank {rank} has learned something else than rank 0 (BLAKE3 {theirs}, and not \
                     {own}): its memory or processor is at fault, or it runs another build"
                )));
            }
        }
        Ok(())
    }

    /// Has all other ranks wait until the state before a failure is saved.
    ///
    /// # Errors
    /// If one of them is gone.
    pub fn saving(self) -> Result<(), Failure> {
        match self.is_alone() {
            true => Ok(()),
            false => say(self.ranks, &Word::Saving),
        }
    }

    /// Passes messages of so many bytes from every rank to every rank, so many times.
    ///
    /// # Errors
    /// If one of them is gone.
    pub fn pass(self, bytes: usize, times: usize) -> Result<(), Failure> {
        say(self.ranks, &Word::Pass { bytes, times })?;
        pass(self.ranks, bytes, times)
    }

    /// Lets all other ranks end the program.
    ///
    /// # Errors
    /// If one of them is gone.
    pub fn end(ranks: &dyn Ranks, exit: Exit) -> Result<(), Failure> {
        say(ranks, &Word::End { exit })
    }
}

/// What all ranks have learned. It is short work, so that one that says nothing is found
/// out as in an update.
fn fingerprints(ranks: &dyn Ranks, own: &str) -> Result<Vec<Vec<u8>>, RankError> {
    ranks.exchange(&vec![own.as_bytes(); ranks.size()])
}

fn pass(ranks: &dyn Ranks, bytes: usize, times: usize) -> Result<(), Failure> {
    let message = vec![0; bytes];
    for _ in 0..times {
        ranks.gather(&message)?;
    }
    Ok(())
}

/// A training that this rank does as rank 0 says.
struct Following {
    training: Box<dyn Training>,
    /// The state after the last update that was whole: one that was called off, or
    /// failed, may leave something in between.
    state: Tree,
    /// Of the update that came last.
    failure: Option<Failure>,
}

impl Following {
    fn update(&mut self) {
        let updated = caught("the update", || {
            self.training.update()?;
            state_of(self.training.as_ref())
        });
        match updated {
            Ok(state) => self.state = state,
            // All ranks have agreed on it, and rank 0 goes on to save.
            Err(failure) if failure.exit == Exit::Stopped => {}
            Err(failure) => self.failure = Some(failure),
        }
    }
}

/// The next word. Most of what one rank fails of all do, and rank 0 says so; after a
/// failure that it goes on from as if there was none, or says nothing after, this rank
/// has to.
fn hear(ranks: &dyn Ranks, failure: Option<Failure>) -> Result<Word, Failure> {
    let next = || {
        let word = ranks.broadcast(&[])?;
        serde_json::from_slice(&word).map_err(Failure::internal)
    };
    let Some(failure) = failure else {
        return next();
    };
    // Whatever it is, it ends all ranks.
    let exit = Exit::Internal;
    let failure = Failure { exit, ..failure };
    let Some(word) = ranks.hear(KNOWING)? else {
        return Err(failure);
    };
    match serde_json::from_slice(&word).map_err(Failure::internal)? {
        Word::Saving => next(),
        word @ (Word::Begin { .. } | Word::End { .. }) => Ok(word),
        _ => Err(failure),
    }
}

/// Does what rank 0 says until it says how the program ends. What it trains is trained in
/// the session that `session` makes, once there is anything to train.
///
/// # Errors
/// If rank 0 is gone, or goes on with an update that failed here.
pub fn follow<'a>(
    ranks: &dyn Ranks,
    session: impl Fn() -> Result<Session<'a>, Failure>,
) -> Result<Exit, Failure> {
    let mut place: Option<Session<'a>> = None;
    let mut following: Option<Following> = None;
    loop {
        let failure = following.as_mut().and_then(|own| own.failure.take());
        match hear(ranks, failure)? {
            Word::Begin {
                place: from,
                config,
            } => {
                let state = ranks.broadcast(&[])?;
                following = None;
                let begun = (|| {
                    let session = match place.take() {
                        Some(session) => session,
                        None => session()?,
                    };
                    let session = place.insert(session);
                    let config = RunConfig::resolve(session.registry, &from, &config, &[])?;
                    begin(session, &config, &state)
                })();
                let failure = match begun {
                    Ok(begun) => {
                        following = Some(begun);
                        None
                    }
                    Err(failure) => Some(failure),
                };
                let failure = serde_json::to_vec(&failure).map_err(Failure::internal)?;
                ranks.gather(&failure)?;
            }
            Word::Update => begun(&mut following)?.update(),
            Word::Compare => {
                let own = fingerprint(&begun(&mut following)?.state);
                fingerprints(ranks, &own)?;
            }
            Word::Saving => {}
            Word::Pass { bytes, times } => pass(ranks, bytes, times)?,
            Word::End { exit } => return Ok(exit),
        }
    }
}

fn begin(session: &Session<'_>, config: &RunConfig, state: &[u8]) -> Result<Following, Failure> {
    let mut training = launch::start(session, config)?;
    let unread = || Failure::internal("the state of the training did not arrive whole");
    let state = Tree::unpack(&mut &state[..]).ok_or_else(unread)?;
    let by = format!("algorithm '{}'", config.algorithm);
    caught(&by, || Ok(training.restore(&state)?))?;
    Ok(Following {
        training,
        state,
        failure: None,
    })
}

fn begun(following: &mut Option<Following>) -> Result<&mut Following, Failure> {
    let unbegun = || Failure::internal("rank 0 goes on with a training that was not begun");
    following.as_mut().ok_or_else(unbegun)
}
