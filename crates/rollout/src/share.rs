//! Work that ranks share. Each does its part of it, and all of them get all results, in
//! the order of the work: the bits of one process that does it alone.

use crate::error::RolloutError;
use crate::pool::{Pool, WorkError, WorkPanic};
use crate::ranks::RankError;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator};
use rl_core::Pack;
use std::fmt::Display;
use std::ops::Range;
use std::sync::atomic::Ordering;

/// Why a piece of work failed, as the other ranks are told.
pub trait Told: Display + From<RolloutError> + From<WorkError> + Send {
    /// Whether the same work comes to the same failure again, because nothing outside
    /// of its settings brought it about.
    fn repeats(&self) -> bool;
}

/// What came of work that was summed.
#[derive(Clone, Debug, PartialEq)]
pub struct Summed<H, R> {
    /// What each piece said beside its numbers, in the order of the pieces.
    pub said: Vec<H>,
    /// The sum.
    pub sum: Vec<R>,
    /// The numbers of the pieces that this rank did, to be used again.
    pub own: Vec<Vec<f32>>,
}

/// How a rank's part went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Done = 0,
    CalledOff = 1,
    Failed = 2,
    FailedForGood = 3,
}

impl Ending {
    fn of(message: &mut &[u8]) -> Option<Self> {
        let all = [
            Self::Done,
            Self::CalledOff,
            Self::Failed,
            Self::FailedForGood,
        ];
        all.get(usize::from(u8::unpack(message)?)).copied()
    }
}

/// The part of a rank: contiguous, and as many as the others have, or one more.
fn part(items: usize, rank: usize, size: usize) -> Range<usize> {
    rank * items / size..(rank + 1) * items / size
}

impl Pool {
    /// Which of so many pieces of work are this rank's: contiguous, and none is left by
    /// all ranks or done by two.
    pub fn own(&self, items: usize) -> Range<usize> {
        part(items, self.ranks().rank(), self.ranks().size())
    }

    /// How many of so many pieces the rank has at most that has most of them.
    pub fn most(&self, items: usize) -> usize {
        items.div_ceil(self.ranks().size())
    }

    /// Refuses work before any of it is done that would end with a message which is longer
    /// than ranks can pass: `what`, which the settings `lower` make shorter.
    ///
    /// # Errors
    /// Says how long it would be, what is allowed, and what makes it shorter.
    pub fn expect_message(&self, what: &str, bytes: f64, lower: &str) -> Result<(), String> {
        let (size, longest) = (self.ranks().size(), self.ranks().longest());
        if size == 1 || bytes <= longest as f64 {
            return Ok(());
        }
        Err(format!(
            "{what} would be messages of {bytes:.0} bytes between {size} ranks; allowed: up to \
             {longest}; lower {lower}, or start more ranks"
        ))
    }

    /// Whose one of so many pieces is.
    pub(crate) fn owner(&self, index: usize, items: usize) -> usize {
        let size = self.ranks().size();
        let has = |rank: &usize| part(items, *rank, size).contains(&index);
        (0..size).find(has).unwrap_or_default()
    }

    /// As [`Self::map`], where each rank works on its own items ([`Self::own`]), and all
    /// of them get the results of all. What work does to an item stays with its rank.
    ///
    /// # Errors
    /// Of the first item that failed, on whichever rank; on the others in words
    /// ([`RolloutError::Elsewhere`]).
    pub fn share<I, T, E>(
        &self,
        items: I,
        work: impl Fn(usize, I::Item) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E>
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        T: Pack + Send,
        E: Told,
    {
        let mine = self.work_on_own(items, work);
        if self.ranks().size() == 1 {
            return mine;
        }
        let (mine, messages) = self.agree(mine, 1, |mine, _, message| mine.pack(message))?;
        // It comes back with the others'.
        drop(mine);
        Ok(joined(messages)?)
    }

    /// As [`Self::share`], of work whose results are as many numbers each, which `fold`
    /// adds up, number by number and in the order of the items. Each rank does so for
    /// its part of the numbers, so that none of them receives all results.
    ///
    /// # Errors
    /// As [`Self::share`].
    pub fn share_sum<I, H, R, E>(
        &self,
        items: I,
        work: impl Fn(usize, I::Item) -> Result<(H, Vec<f32>), E> + Sync,
        fold: impl Fn(&[&[f32]]) -> Vec<R>,
    ) -> Result<Summed<H, R>, E>
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        H: Pack + Send,
        R: Pack,
        E: Told,
    {
        let mine = self.work_on_own(items, work);
        let size = self.ranks().size();
        if size == 1 {
            let (said, own): (Vec<H>, Vec<Vec<f32>>) = mine?.into_iter().unzip();
            let parts: Vec<&[f32]> = own.iter().map(|own| &own[..]).collect();
            let sum = fold(&parts);
            return Ok(Summed { said, sum, own });
        }
        let (mine, messages) = self.agree(mine, size, |mine, rank, message| {
            mine.len().pack(message);
            for (said, numbers) in mine {
                let slice = &numbers[part(numbers.len(), rank, size)];
                said.pack(message);
                slice.len().pack(message);
                f32::pack_all(slice, message);
            }
        })?;
        let pieces: Vec<(H, Vec<f32>)> = joined(messages)?;
        let (said, slices): (Vec<H>, Vec<Vec<f32>>) = pieces.into_iter().unzip();
        let slices: Vec<&[f32]> = slices.iter().map(|slice| &slice[..]).collect();
        let mut message = vec![Ending::Done as u8];
        fold(&slices).pack(&mut message);
        let messages = self.ranks().exchange(&vec![&message[..]; size]);
        let messages = messages.map_err(RolloutError::Rank)?;
        let sum = joined(messages)?;
        let own = mine.into_iter().map(|(_, numbers)| numbers).collect();
        Ok(Summed { said, sum, own })
    }

    /// What came of this rank's items; the first failure, if there is one.
    fn work_on_own<I, T, E>(
        &self,
        items: I,
        work: impl Fn(usize, I::Item) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E>
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        T: Send,
        E: Told,
    {
        let items = items.into_par_iter();
        let own = self.own(items.len());
        let items = items.skip(own.start).take(own.len());
        let worked = self.map(items, |index, item| work(own.start + index, item));
        let worked = worked.map_err(|error| match error {
            WorkError::Panicked(panic) => WorkError::Panicked(WorkPanic {
                index: own.start + panic.index,
                ..panic
            }),
            error => error,
        });
        worked?.into_iter().collect()
    }

    /// Gives every rank what `message` makes of what this one did, and gets theirs, behind
    /// how they ended, if all of them did their parts; else all of them fail alike. Of
    /// messages there are as many as ranks, or one that is for all of them.
    fn agree<T, E: Told>(
        &self,
        mine: Result<T, E>,
        messages: usize,
        message: impl Fn(&T, usize, &mut Vec<u8>),
    ) -> Result<(T, Vec<Vec<u8>>), E> {
        let ranks = self.ranks();
        let called_off = self.call_off().load(Ordering::Relaxed);
        let (ending, why) = match &mine {
            _ if called_off => (Ending::CalledOff, String::new()),
            Ok(_) => (Ending::Done, String::new()),
            Err(error) if error.repeats() => (Ending::FailedForGood, error.to_string()),
            Err(error) => (Ending::Failed, error.to_string()),
        };
        let to = |rank: usize| {
            let mut bytes = vec![ending as u8];
            match (&mine, ending) {
                (Ok(mine), Ending::Done) => message(mine, rank, &mut bytes),
                _ => why.pack(&mut bytes),
            }
            bytes
        };
        let packed: Vec<Vec<u8>> = (0..messages).map(to).collect();
        let sent = (0..ranks.size()).map(|rank| &packed[rank.min(messages - 1)][..]);
        let sent: Vec<&[u8]> = sent.collect();
        let messages = ranks.exchange(&sent).map_err(RolloutError::Rank)?;
        for (rank, message) in messages.iter().enumerate() {
            let mut rest = &message[..];
            match Ending::of(&mut rest).ok_or_else(|| garbled(rank))? {
                Ending::Done => {}
                Ending::CalledOff => {
                    // Whoever was not asked to stop is now.
                    self.call_off().store(true, Ordering::SeqCst);
                    return Err(RolloutError::CalledOff.into());
                }
                ending => {
                    let message = String::unpack(&mut rest).ok_or_else(|| garbled(rank))?;
                    let elsewhere = RolloutError::Elsewhere {
                        rank,
                        message,
                        repeats: ending == Ending::FailedForGood,
                    };
                    return match mine {
                        Err(own) if rank == ranks.rank() => Err(own),
                        _ => Err(elsewhere.into()),
                    };
                }
            }
        }
        Ok((mine?, messages))
    }
}

/// What ranks said of their parts, behind how these ended, in the order of the work. Each
/// message is gone once it is read, so that not all of it is there twice.
fn joined<T: Pack>(messages: Vec<Vec<u8>>) -> Result<Vec<T>, RolloutError> {
    let mut all = Vec::new();
    for (rank, message) in messages.into_iter().enumerate() {
        let theirs = message.get(1..).and_then(|mut rest| Vec::unpack(&mut rest));
        all.append(&mut theirs.ok_or_else(|| garbled(rank))?);
    }
    Ok(all)
}

/// A message that is none of this program's.
pub(crate) fn garbled(rank: usize) -> RolloutError {
    let why = "said what cannot be understood; all ranks must be of one build".to_owned();
    RolloutError::Rank(RankError { rank, why })
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
