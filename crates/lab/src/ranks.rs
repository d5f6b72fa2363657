//! One training by several ranks: rank 0 leads it, with its folder, its evaluations and
//! all that is said of it, and the others follow, each with the same training in memory.

use crate::config::RunConfig;
use crate::failure::{Exit, Failure};
use crate::launch;
use crate::panics::caught;
use crate::session::Session;
use agent::Training;
use rl_core::{Pack, Tree};
use rollout::{RankError, Ranks};
use serde::{Deserialize, Serialize};

/// Updates between comparisons of what all ranks have learned; it is compared before
/// every checkpoint too.
pub const COMPARED: u64 = 50;

/// What rank 0 says, and all ranks then do.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// Start the training of a configuration, whose state comes next.
    Begin { place: String, config: String },
    /// The next update.
    Update,
    /// Say what you have learned.
    Compare,
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
        for (rank, theirs) in self.ranks.gather(own.as_bytes())?.iter().enumerate() {
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

fn pass(ranks: &dyn Ranks, bytes: usize, times: usize) -> Result<(), Failure> {
    let message = vec![0; bytes];
    for _ in 0..times {
        ranks.gather(&message)?;
    }
    Ok(())
}

/// BLAKE3 of all that was learned, in hexadecimal.
fn fingerprint(state: &Tree) -> String {
    let mut bytes = Vec::new();
    state.pack(&mut bytes);
    blake3::hash(&bytes).to_string()
}

/// Does what rank 0 says until it says how the program ends. What it trains is trained in
/// the session that `session` makes, once there is anything to train.
///
/// # Errors
/// If rank 0 is gone.
pub fn follow<'a>(
    ranks: &dyn Ranks,
    session: impl Fn() -> Result<Session<'a>, Failure>,
) -> Result<Exit, Failure> {
    let mut place: Option<Session<'a>> = None;
    let mut training: Option<Box<dyn Training>> = None;
    loop {
        let word = ranks.broadcast(&[])?;
        match serde_json::from_slice(&word).map_err(Failure::internal)? {
            Word::Begin {
                place: from,
                config,
            } => {
                let state = ranks.broadcast(&[])?;
                training = None;
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
                        training = Some(begun);
                        None
                    }
                    Err(failure) => Some(failure),
                };
                let failure = serde_json::to_vec(&failure).map_err(Failure::internal)?;
                ranks.gather(&failure)?;
            }
            Word::Update => {
                let training = begun(&mut training)?;
                // What one rank fails of all do, and rank 0 says so.
                let _ = caught("the update", || Ok(training.update().map(drop)?));
            }
            Word::Compare => {
                let training = begun(&mut training)?;
                let state = caught("the checkpoint", || Ok(training.checkpoint()?));
                let own = state.map_or_else(|why| why.message, |state| fingerprint(&state));
                ranks.gather(own.as_bytes())?;
            }
            Word::Pass { bytes, times } => pass(ranks, bytes, times)?,
            Word::End { exit } => return Ok(exit),
        }
    }
}

fn begin(
    session: &Session<'_>,
    config: &RunConfig,
    state: &[u8],
) -> Result<Box<dyn Training>, Failure> {
    let mut training = launch::start(session, config)?;
    let unread = || Failure::internal("the state of the training did not arrive whole");
    let state = Tree::unpack(&mut &state[..]).ok_or_else(unread)?;
    let by = format!("algorithm '{}'", config.algorithm);
    caught(&by, || Ok(training.restore(&state)?))?;
    Ok(training)
}

fn begun(training: &mut Option<Box<dyn Training>>) -> Result<&mut dyn Training, Failure> {
    match training {
        Some(training) => Ok(training.as_mut()),
        None => Err(Failure::internal(
            "rank 0 goes on with a training that was not begun",
        )),
    }
}
