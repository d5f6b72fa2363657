//! Worker threads that all work shares.

use crate::caught::{Caught, caught};
use crate::error::RolloutError;
use crate::ranks::{Alone, Ranks};
use crossbeam::channel::bounded;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

/// The most workers a pool takes.
pub const MAX_WORKERS: usize = 1024;

/// Worker threads that wait for work until the pool is dropped.
pub struct Pool {
    // Dropped first, which ends the threads that are then waited for.
    workers: ThreadPool,
    _threads: Threads,
    called_off: Arc<AtomicBool>,
    ranks: Arc<dyn Ranks>,
}

thread_local! {
    /// Whether the work of the pool that this thread works for is called off.
    static CALLED_OFF: RefCell<Arc<AtomicBool>> = RefCell::default();
}

/// Whether the work of the pool that this thread works for is called off.
pub(crate) fn called_off() -> Arc<AtomicBool> {
    CALLED_OFF.with_borrow(Arc::clone)
}

/// Why work on a pool has no results.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// A piece of it panicked.
    #[error(transparent)]
    Panicked(#[from] WorkPanic),
    /// See [`Pool::call_off`].
    #[error("the work was called off")]
    CalledOff,
}

/// A piece of work panicked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("work item {index} panicked: {message}")]
pub struct WorkPanic {
    /// Which item.
    pub index: usize,
    /// What the panic said.
    pub message: String,
}

impl Pool {
    /// Starts `workers` threads, each of which first calls `start`.
    ///
    /// # Errors
    /// If `workers` is not in 1 to [`MAX_WORKERS`], a thread cannot be started,
    /// or `start` panics.
    pub fn new(
        workers: usize,
        start: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, RolloutError> {
        if workers == 0 || workers > MAX_WORKERS {
            return Err(RolloutError::Workers { workers });
        }
        let start = Arc::new(start);
        let called_off = Arc::<AtomicBool>::default();
        let mut threads = Threads(Vec::with_capacity(workers));
        let (started, starts) = bounded(workers);
        let pool = ThreadPoolBuilder::new()
            .num_threads(workers)
            .spawn_handler(|thread| {
                let index = thread.index();
                let (start, started) = (Arc::clone(&start), started.clone());
                let called_off = Arc::clone(&called_off);
                let builder = Builder::new().name(format!("worker-{index}"));
                threads.0.push(builder.spawn(move || {
                    CALLED_OFF.set(called_off);
                    // `new` may have given up on the others already.
                    drop(started.send((index, caught(|| start()))));
                    thread.run();
                })?);
                Ok(())
            })
            .build();
        let workers = pool.map_err(|error| RolloutError::Thread {
            index: threads.0.len(),
            message: error.to_string(),
        })?;
        for (index, result) in starts.iter().take(workers.current_num_threads()) {
            result.map_err(|message| RolloutError::Thread { index, message })?;
        }
        Ok(Self {
            workers,
            _threads: threads,
            called_off,
            ranks: Arc::new(Alone),
        })
    }

    /// The same pool, one of those that do the same work on several ranks: what they
    /// [share](Self::share).
    #[must_use]
    pub fn among(self, ranks: Arc<dyn Ranks>) -> Self {
        Self { ranks, ..self }
    }

    /// The ranks that share the work.
    pub fn ranks(&self) -> &dyn Ranks {
        self.ranks.as_ref()
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers.current_num_threads()
    }

    /// What calls off all work of this pool, now and from then on, as soon as it
    /// is set: pieces that are not begun are left, and rollouts end at their next
    /// step. Work that was called off leaves everything as it was before.
    pub fn call_off(&self) -> &Arc<AtomicBool> {
        &self.called_off
    }

    /// Whether to go on. Ranks do until one of them was asked to stop where they
    /// [share](Self::share) work, for none of them may leave alone.
    ///
    /// # Errors
    /// [`WorkError::CalledOff`].
    pub fn go_on(&self) -> Result<(), WorkError> {
        match self.is_called_off() && self.ranks.size() == 1 {
            true => Err(WorkError::CalledOff),
            false => Ok(()),
        }
    }

    fn is_called_off(&self) -> bool {
        self.called_off.load(Ordering::Relaxed)
    }

    /// Does work on a worker, from where [`Self::map`] is fastest: it begins at
    /// once, whereas a thread that is none of the workers wakes one and sleeps
    /// until it is done. A panic goes on in the calling thread.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.workers.install(work)
    }

    /// Applies `work` to every item on the workers and returns the results in
    /// the items' order. All items are worked on even when one panics. Work may
    /// itself call this on the same pool.
    ///
    /// # Errors
    /// The panic of the first item that panicked. [`WorkError::CalledOff`] if
    /// some items were left.
    pub fn map<I, R>(
        &self,
        items: I,
        work: impl Fn(usize, I::Item) -> R + Sync,
    ) -> Result<Vec<R>, WorkError>
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        R: Send,
    {
        let worked = self.map_all(items, |index, item| {
            (!self.is_called_off()).then(|| work(index, item))
        })?;
        let worked: Option<Vec<R>> = worked.into_iter().collect();
        worked.ok_or(WorkError::CalledOff)
    }

    /// As [`Self::map`], but no item is left: for work that sees for itself
    /// whether it is called off.
    pub(crate) fn map_all<I, R>(
        &self,
        items: I,
        work: impl Fn(usize, I::Item) -> R + Sync,
    ) -> Result<Vec<R>, WorkPanic>
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        R: Send,
    {
        // Items are few and long: each is a piece of its own.
        let items = items.into_par_iter().with_max_len(1).enumerate();
        let worked = items.map(|(index, item)| caught(|| work(index, item)));
        let worked: Vec<Caught<R>> = self.install(|| worked.collect());
        let numbered = worked.into_iter().enumerate();
        numbered
            .map(|(index, result)| result.map_err(|message| WorkPanic { index, message }))
            .collect()
    }

    /// As [`Self::map_all`], while the calling thread does something else, whose
    /// result comes second.
    pub(crate) fn map_beside<I, R, S>(
        &self,
        items: I,
        work: impl Fn(usize, I::Item) -> R + Sync + Send,
        meanwhile: impl FnOnce() -> S,
    ) -> (Result<Vec<R>, WorkPanic>, S)
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator> + Send,
        R: Send,
    {
        let mut worked = Ok(Vec::new());
        let done = self.workers.in_place_scope(|scope| {
            scope.spawn(|_| worked = self.map_all(items, work));
            meanwhile()
        });
        (worked, done)
    }
}

/// Threads that are waited for when this is dropped: one that ends may still run
/// destructors of libraries, which must not meet the end of the process.
struct Threads(Vec<JoinHandle<()>>);

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            // Panics of work and of `start` are caught, so that no worker fails.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
