//! Persistent worker threads that own nothing but work.

use crate::error::RolloutError;
use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use std::any::Any;
use std::cell::Cell;
use std::iter::Enumerate;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, Result as Caught};
use std::vec::IntoIter;

/// The most workers a pool takes.
pub const MAX_WORKERS: usize = 1024;

/// How often a thread that waits gives its core to others before it sleeps:
/// about 0.1 ms on an idle core, which is longer than the work between two
/// minibatches and what it can take to wake a thread.
const PATIENCE: usize = 500;

type Job = Box<dyn FnOnce() + Send>;

/// Worker threads that wait for work until the pool is dropped.
pub struct Pool {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    start: Arc<dyn Fn() + Send + Sync>,
    /// Unlike that of any other pool, and not 0.
    number: u64,
}

static POOLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The pool whose `start` this thread called last.
    static STARTED: Cell<u64> = const { Cell::new(0) };
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
    /// Starts `workers` threads, each of which first calls `start`. So does
    /// every thread that calls [`Self::map`], where it works too.
    ///
    /// # Errors
    /// If `workers` is not in 1 to [`MAX_WORKERS`], or a thread cannot be
    /// started.
    pub fn new(
        workers: usize,
        start: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, RolloutError> {
        if workers == 0 || workers > MAX_WORKERS {
            return Err(RolloutError::Workers { workers });
        }
        let (jobs, queue) = unbounded::<Job>();
        let start: Arc<dyn Fn() + Send + Sync> = Arc::new(start);
        let mut threads = Vec::with_capacity(workers);
        let (started, starts) = bounded(workers);
        for index in 0..workers {
            let (queue, start, started) = (queue.clone(), Arc::clone(&start), started.clone());
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || {
                    let result = catch_unwind(AssertUnwindSafe(|| start()));
                    let failed = result.map_err(|payload| panic_message(payload.as_ref()));
                    // `new` may have given up on the others already.
                    drop(started.send((index, failed)));
                    while let Some(job) = receive(&queue) {
                        job();
                    }
                })
                .map_err(|error| RolloutError::Thread {
                    index,
                    message: error.to_string(),
                })?;
            threads.push(thread);
        }
        let pool = Self {
            jobs: Some(jobs),
            threads,
            start,
            number: 1 + POOLS.fetch_add(1, Ordering::Relaxed),
        };
        for (index, result) in starts.iter().take(workers) {
            result.map_err(|message| RolloutError::Thread { index, message })?;
        }
        Ok(pool)
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.threads.len()
    }

    /// Applies `work` to every item and returns the results in the items' order.
    /// The calling thread is one of those that work, beside as many workers as
    /// make [`Self::workers`] with it: to wake a thread can take longer than a
    /// small piece of work does. All items are worked on even when one panics,
    /// and everything given to the workers has been dropped when this returns.
    ///
    /// # Errors
    /// The panic of the first item that panicked.
    ///
    /// # Panics
    /// If `start` panics on the calling thread.
    pub fn map<T, R>(
        &self,
        items: Vec<T>,
        work: impl Fn(usize, T) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, WorkPanic>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        if STARTED.get() != self.number {
            (self.start)();
            STARTED.set(self.number);
        }
        let count = items.len();
        let helpers = self.workers().min(count).saturating_sub(1);
        let (done, results) = bounded(helpers);
        let shared = Arc::new(Shared(Mutex::new(State {
            items: items.into_iter().enumerate(),
            work: Some(Arc::new(work)),
            helpers: 0,
        })));
        for _ in 0..helpers {
            let (shared, done) = (Arc::clone(&shared), done.clone());
            self.give(Box::new(move || {
                // One that comes too late finds nothing to do.
                if let Some(work) = shared.join() {
                    let results = shared.drain(work);
                    drop(done.send(results));
                }
            }));
        }
        let mut all = match shared.join() {
            Some(work) => shared.drain(work),
            None => Vec::new(),
        };
        for _ in 1..shared.close() {
            // Every helper sends, since panics of its work are caught.
            all.extend(receive(&results).into_iter().flatten());
        }
        sorted(count, all)
    }

    /// Like [`Self::map`], but comes back at once; [`Pending::wait`] gives the
    /// results.
    pub fn submit<T, R>(
        &self,
        items: Vec<T>,
        work: impl Fn(usize, T) -> R + Send + Sync + 'static,
    ) -> Pending<R>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let count = items.len();
        let work = Arc::new(work);
        let (done, results) = bounded(count);
        for (index, item) in items.into_iter().enumerate() {
            let (work, done) = (Arc::clone(&work), done.clone());
            let job: Job = Box::new(move || {
                let result = catch_unwind(AssertUnwindSafe(|| work(index, item)));
                // What `work` shares must be free again once the caller knows.
                drop(work);
                // The caller may have stopped waiting.
                drop(done.send((index, result)));
            });
            self.give(job);
        }
        Pending { count, results }
    }

    fn give(&self, job: Job) {
        let jobs = self.jobs.as_ref().expect("open until the pool is dropped");
        jobs.send(job)
            .expect("workers wait until the pool is dropped");
    }
}

/// The items of one [`Pool::map`], of which each thread takes one after the
/// other.
struct Shared<T, W>(Mutex<State<T, W>>);

struct State<T, W> {
    items: Enumerate<IntoIter<T>>,
    /// `None` once all is done.
    work: Option<Arc<W>>,
    /// How many threads joined.
    helpers: usize,
}

impl<T, W> Shared<T, W> {
    fn lock(&self) -> MutexGuard<'_, State<T, W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes part; `None` if nothing is left to do.
    fn join(&self) -> Option<Arc<W>> {
        let mut state = self.lock();
        let work = state.work.clone()?;
        state.helpers += 1;
        Some(work)
    }

    /// Lets nobody join any more; returns how many did.
    fn close(&self) -> usize {
        let mut state = self.lock();
        state.work = None;
        state.helpers
    }

    /// Works until no item is left. What `work` shares is free again when this
    /// returns.
    fn drain<R>(&self, work: Arc<W>) -> Vec<(usize, Caught<R>)>
    where
        W: Fn(usize, T) -> R,
    {
        let mut results = Vec::new();
        loop {
            let item = self.lock().items.next();
            let Some((index, item)) = item else {
                return results;
            };
            let result = catch_unwind(AssertUnwindSafe(|| work(index, item)));
            results.push((index, result));
        }
    }
}

/// Work that was given to a [`Pool`]. It is done even if nobody waits for it.
#[must_use = "the results are lost unless they are waited for"]
pub struct Pending<R> {
    count: usize,
    results: Receiver<(usize, Caught<R>)>,
}

impl<R> Pending<R> {
    /// The results in the items' order, once all are there.
    ///
    /// # Errors
    /// The panic of the first item that panicked.
    pub fn wait(self) -> Result<Vec<R>, WorkPanic> {
        sorted(self.count, self.results)
    }
}

/// Results in the items' order.
fn sorted<R>(
    count: usize,
    results: impl IntoIterator<Item = (usize, Caught<R>)>,
) -> Result<Vec<R>, WorkPanic> {
    let mut sorted: Vec<Option<R>> = std::iter::repeat_with(|| None).take(count).collect();
    let mut panic: Option<WorkPanic> = None;
    for (index, result) in results {
        match result {
            Ok(result) => sorted[index] = Some(result),
            Err(payload) => {
                if panic.as_ref().is_none_or(|first| index < first.index) {
                    let message = panic_message(payload.as_ref());
                    panic = Some(WorkPanic { index, message });
                }
            }
        }
    }
    match panic {
        Some(panic) => Err(panic),
        None => Ok(sorted
            .into_iter()
            .map(|result| result.expect("every item gives a result or a panic"))
            .collect()),
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None; // Closes the queue, which ends the workers.
        for thread in self.threads.drain(..) {
            // Panics of jobs and of `start` are caught, so that no worker fails.
            drop(thread.join());
        }
    }
}

/// What comes next, or `None` once nothing can come any more.
fn receive<T>(channel: &Receiver<T>) -> Option<T> {
    for _ in 0..PATIENCE {
        match channel.try_recv() {
            Ok(value) => return Some(value),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => std::thread::yield_now(),
        }
    }
    channel.recv().ok()
}

/// What a panic said, as text.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
