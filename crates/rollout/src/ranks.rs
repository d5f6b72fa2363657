//! Processes that work together.

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::time::Duration;

/// Another rank that does not take part any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rank {rank} {why}")]
pub struct RankError {
    /// Which.
    pub rank: usize,
    /// What is the matter with it.
    pub why: String,
}

/// One of several processes that do the same work, each of which is a rank: 0, 1, ….
/// All of them call these functions in the same order.
///
/// There is no sum here: whose order would depend on the number of ranks. Messages come
/// in the ranks' order, and whoever adds them up does so in the order of the work.
pub trait Ranks: Send + Sync {
    /// Which one this is.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// Bytes of the longest message that can be passed.
    fn longest(&self) -> usize {
        usize::MAX
    }

    /// Gives every rank its message, and gets theirs. `[ranks]`
    ///
    /// # Errors
    /// If one of them is gone, or says nothing for too long.
    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError>;

    /// What rank 0 has to say; the message of all others is of no interest. Waits for
    /// it however long it takes.
    ///
    /// # Errors
    /// If one of them is gone.
    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError>;

    /// [`Self::broadcast`] as it is heard, if rank 0 says something within so long.
    ///
    /// # Errors
    /// If rank 0 is gone.
    fn hear(&self, within: Duration) -> Result<Option<Vec<u8>>, RankError>;

    /// Gives every rank the same message, and gets theirs, however long it takes.
    /// `[ranks]`
    ///
    /// # Errors
    /// If one of them is gone.
    fn gather(&self, message: &[u8]) -> Result<Vec<Vec<u8>>, RankError> {
        self.exchange(&vec![message; self.size()])
    }
}

/// The only rank.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Ranks for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        Ok(messages.iter().map(|message| message.to_vec()).collect())
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        Ok(message.to_vec())
    }

    fn hear(&self, _: Duration) -> Result<Option<Vec<u8>>, RankError> {
        Ok(None)
    }
}

/// A rank that is a thread of this process: what is done by several processes, without
/// them.
#[derive(Debug)]
pub struct RankThread {
    rank: usize,
    to: Vec<Sender<Vec<u8>>>,     // [ranks]
    from: Vec<Receiver<Vec<u8>>>, // [ranks]
}

impl RankThread {
    /// How long a rank waits for another one.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// So many ranks, one for each thread.
    pub fn all(size: usize) -> Vec<Self> {
        let mut ranks: Vec<Self> = (0..size)
            .map(|rank| Self {
                rank,
                to: Vec::new(),
                from: Vec::new(),
            })
            .collect();
        for from in 0..size {
            for to in 0..size {
                let (sender, receiver) = unbounded();
                ranks[from].to.push(sender);
                ranks[to].from.push(receiver);
            }
        }
        ranks
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<(), RankError> {
        let sent = self.to[to].send(message.to_vec());
        sent.map_err(|_| gone(to))
    }
}

fn gone(rank: usize) -> RankError {
    let why = "is gone".to_owned();
    RankError { rank, why }
}

impl Ranks for RankThread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        for (to, message) in messages.iter().enumerate() {
            self.send(to, message)?;
        }
        let wait = |(rank, from): (usize, &Receiver<Vec<u8>>)| {
            from.recv_timeout(Self::PATIENCE).map_err(|why| match why {
                RecvTimeoutError::Disconnected => gone(rank),
                RecvTimeoutError::Timeout => {
                    let seconds = Self::PATIENCE.as_secs();
                    let why = format!("has said nothing for {seconds} s");
                    RankError { rank, why }
                }
            })
        };
        self.from.iter().enumerate().map(wait).collect()
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        if self.rank > 0 {
            return self.from[0].recv().map_err(|_| gone(0));
        }
        for to in 1..self.size() {
            self.send(to, message)?;
        }
        Ok(message.to_vec())
    }

    fn hear(&self, within: Duration) -> Result<Option<Vec<u8>>, RankError> {
        match self.from[0].recv_timeout(within) {
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(gone(0)),
        }
    }
}
