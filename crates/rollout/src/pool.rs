//! Persistent worker threads that own nothing but work.

use crate::caught::{Caught, caught};
use crate::error::RolloutError;
use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use std::cell::{Cell, RefCell};
use std::iter::Enumerate;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, available_parallelism};
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
    /// How often a thread that waits looks before it sleeps.
    patience: usize,
    called_off: Arc<AtomicBool>,
}

static POOLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The pool whose `start` this thread called last.
    static STARTED: Cell<u64> = const { Cell::new(0) };
    /// Whether that pool's work is called off.
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
    /// Starts `workers` threads, each of which first calls `start`. So does a
    /// thread that calls [`Self::map`], where it works too, unless this pool's
    /// `start` is the one that it called last: once, and once more whenever it
    /// comes back from another pool.
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
        let number = 1 + POOLS.fetch_add(1, Ordering::Relaxed);
        let patience = patience(workers, available_parallelism().map_or(1, usize::from));
        let called_off = Arc::<AtomicBool>::default();
        for index in 0..workers {
            let (queue, start, started) = (queue.clone(), Arc::clone(&start), started.clone());
            let called_off = Arc::clone(&called_off);
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || {
                    // `new` may have given up on the others already.
                    CALLED_OFF.set(called_off);
                    drop(started.send((index, begin(number, start.as_ref()))));
                    while let Some(job) = receive(&queue, patience) {
                        // Whoever waits for it learns of a panic where results
                        // are collected; the thread lives on for other jobs.
                        drop(caught(job));
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
            number,
            patience,
            called_off,
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

    /// What calls off all work of this pool, now and from then on, as soon as it
    /// is set: pieces that are not begun are left, and rollouts end at their next
    /// step. Work that was called off leaves everything as it was before.
    pub fn call_off(&self) -> &Arc<AtomicBool> {
        &self.called_off
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`WorkError::CalledOff`].
    pub fn go_on(&self) -> Result<(), WorkError> {
        match self.called_off.load(Ordering::Relaxed) {
            true => Err(WorkError::CalledOff),
            false => Ok(()),
        }
    }

    /// Applies `work` to every item and returns the results in the items' order.
    /// The calling thread is one of those that work, beside as many workers as
    /// make [`Self::workers`] with it: to wake a thread can take longer than a
    /// small piece of work does. All items are worked on even when one panics,
    /// and everything given to the workers has been dropped when this returns.
    /// Work may itself call this on the same pool.
    ///
    /// # Errors
    /// The panic of the first item that panicked. A destructor of what `work`
    /// captured counts to the last item, `start` on the calling thread to the
    /// first. [`WorkError::CalledOff`] if some items were left.
    pub fn map<T, R>(
        &self,
        items: Vec<T>,
        work: impl Fn(usize, T) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, WorkError>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let called_off = Arc::clone(&self.called_off);
        let worked = self.map_all(items, move |index, item| {
            let go_on = !called_off.load(Ordering::Relaxed);
            go_on.then(|| work(index, item))
        })?;
        let worked: Option<Vec<R>> = worked.into_iter().collect();
        worked.ok_or(WorkError::CalledOff)
    }

    /// As [`Self::map`], but no item is left: for work that has to give its item
    /// back.
    pub(crate) fn map_all<T, R>(
        &self,
        items: Vec<T>,
        work: impl Fn(usize, T) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, WorkPanic>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        if STARTED.get() != self.number {
            CALLED_OFF.set(Arc::clone(&self.called_off));
        }
        if STARTED.get() != self.number
            && let Err(message) = begin(self.number, self.start.as_ref())
        {
            drop(caught(|| drop((items, work))));
            return Err(WorkPanic { index: 0, message });
        }
        let count = items.len();
        let helpers = self.workers().min(count).saturating_sub(1);
        let (done, results) = bounded(helpers);
        let shared = Arc::new(Shared(Mutex::new(State {
            items: items.into_iter().enumerate(),
            part: Some(Part {
                work: Arc::new(work),
                done,
                count,
            }),
            helpers: 0,
        })));
        for _ in 0..helpers {
            let shared = Arc::clone(&shared);
            self.give(Box::new(move || {
                // One that comes too late finds nothing to do.
                if let Some(part) = shared.join() {
                    let mut results = shared.drain(part.work.as_ref());
                    let (done, end) = part.leave();
                    results.extend(end);
                    drop(done.send(results));
                }
            }));
        }
        let mut all = Vec::new();
        if let Some(part) = shared.join() {
            all = shared.drain(part.work.as_ref());
            all.extend(part.leave().1);
        }
        let (part, helpers) = shared.close();
        if let Some(part) = part {
            all.extend(part.leave().1);
        }
        for _ in 1..helpers {
            // Every helper sends. Should one fail to, nobody could any more once
            // the others have, and what it worked on is missing.
            all.extend(receive(&results, self.patience).into_iter().flatten());
        }
        sorted(count, all)
    }

    /// Like [`Self::map`], but comes back at once, and the workers alone work;
    /// [`Pending::wait`] gives the results.
    ///
    /// Work on this pool must not wait for what it submits to it: with every
    /// worker waiting, nobody is left to do it, and all wait for ever.
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
        let (done, results) = bounded(count + 1);
        let part = Part {
            work: Arc::new(work),
            done,
            count,
        };
        for (index, item) in items.into_iter().enumerate() {
            let part = part.clone();
            self.give(Box::new(move || {
                let result = caught(|| (part.work)(index, item));
                // What `work` shares must be free again once the caller knows.
                let (done, end) = part.leave();
                for result in std::iter::once((index, result)).chain(end) {
                    // The caller may have stopped waiting.
                    drop(done.send(result));
                }
            }));
        }
        if let (done, Some(end)) = part.leave() {
            drop(done.send(end));
        }
        Pending { count, results }
    }

    fn give(&self, job: Job) {
        let jobs = self.jobs.as_ref().expect("open until the pool is dropped");
        jobs.send(job)
            .expect("workers wait until the pool is dropped");
    }
}

/// What a thread needs to take part in work.
struct Part<W, M> {
    work: Arc<W>,
    done: Sender<M>,
    /// How many items there are in all.
    count: usize,
}

impl<W, M> Clone for Part<W, M> {
    fn clone(&self) -> Self {
        Self {
            work: Arc::clone(&self.work),
            done: self.done.clone(),
            count: self.count,
        }
    }
}

impl<W, M> Part<W, M> {
    /// Gives back what `work` shares, which may run its destructors: a panic of
    /// one counts to the last item.
    fn leave<R>(self) -> (Sender<M>, Option<(usize, Caught<R>)>) {
        let Self { work, done, count } = self;
        let message = caught(|| drop(work)).err();
        (done, message.map(|m| (count.saturating_sub(1), Err(m))))
    }
}

/// A part in a [`Pool::map`], of which a thread sends all its results at once.
type MapPart<W, R> = Part<W, Vec<(usize, Caught<R>)>>;

/// The items of one [`Pool::map`], of which each thread takes one after the
/// other.
struct Shared<T, W, R>(Mutex<State<T, W, R>>);

struct State<T, W, R> {
    items: Enumerate<IntoIter<T>>,
    /// `None` once all is done.
    part: Option<MapPart<W, R>>,
    /// How many threads joined.
    helpers: usize,
}

impl<T, W, R> Shared<T, W, R> {
    fn lock(&self) -> MutexGuard<'_, State<T, W, R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes part; `None` if nothing is left to do.
    fn join(&self) -> Option<MapPart<W, R>> {
        let mut state = self.lock();
        let part = state.part.clone()?;
        state.helpers += 1;
        Some(part)
    }

    /// Lets nobody join any more; returns the last part, and how many joined.
    fn close(&self) -> (Option<MapPart<W, R>>, usize) {
        let mut state = self.lock();
        (state.part.take(), state.helpers)
    }

    /// Works until no item is left.
    fn drain(&self, work: &W) -> Vec<(usize, Caught<R>)>
    where
        W: Fn(usize, T) -> R,
    {
        let mut results = Vec::new();
        loop {
            let item = self.lock().items.next();
            let Some((index, item)) = item else {
                return results;
            };
            results.push((index, caught(|| work(index, item))));
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
    let mut panics: Vec<WorkPanic> = Vec::new();
    for (index, result) in results {
        match result {
            Ok(result) => sorted[index] = Some(result),
            Err(message) => panics.push(WorkPanic { index, message }),
        }
    }
    if panics.is_empty()
        && let Some(index) = sorted.iter().position(Option::is_none)
    {
        let message = "its result was lost".to_owned();
        panics.push(WorkPanic { index, message });
    }
    match panics.into_iter().min_by_key(|panic| panic.index) {
        Some(panic) => {
            for result in sorted {
                drop(caught(|| drop(result)));
            }
            Err(panic)
        }
        None => Ok(sorted.into_iter().flatten().collect()),
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

/// How often a thread of a pool looks before it sleeps: with more workers than
/// cores, one that only looks would keep another from its work.
fn patience(workers: usize, cores: usize) -> usize {
    if workers <= cores { PATIENCE } else { 0 }
}

/// Calls the `start` of the pool of this number on this thread.
fn begin(number: u64, start: &(dyn Fn() + Send + Sync)) -> Result<(), String> {
    caught(start)?;
    STARTED.set(number);
    Ok(())
}

/// What comes next, or `None` once nothing can come any more.
fn receive<T>(channel: &Receiver<T>, patience: usize) -> Option<T> {
    for _ in 0..patience {
        match channel.try_recv() {
            Ok(value) => return Some(value),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => std::thread::yield_now(),
        }
    }
    channel.recv().ok()
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
