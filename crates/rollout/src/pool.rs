//! Persistent worker threads that own nothing but work.

use crate::error::RolloutError;
use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// The most workers a pool takes.
pub const MAX_WORKERS: usize = 1024;

type Job = Box<dyn FnOnce() + Send>;

/// Worker threads that wait for work until the pool is dropped.
pub struct Pool {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
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
        let start = Arc::new(start);
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
                    for job in queue {
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

    /// Applies `work` to every item on the workers and returns the results in
    /// the items' order. All items are worked on even when one panics, and
    /// everything given to the workers has been dropped when this returns.
    ///
    /// # Errors
    /// The panic of the first item that panicked.
    pub fn map<T, R>(
        &self,
        items: Vec<T>,
        work: impl Fn(usize, T) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, WorkPanic>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        self.submit(items, work).wait()
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
            let jobs = self.jobs.as_ref().expect("open until the pool is dropped");
            jobs.send(job)
                .expect("workers wait until the pool is dropped");
        }
        Pending { count, results }
    }
}

/// Work that was given to a [`Pool`]. It is done even if nobody waits for it.
#[must_use = "the results are lost unless they are waited for"]
pub struct Pending<R> {
    count: usize,
    results: Receiver<(usize, std::thread::Result<R>)>,
}

impl<R> Pending<R> {
    /// The results in the items' order, once all are there.
    ///
    /// # Errors
    /// The panic of the first item that panicked.
    pub fn wait(self) -> Result<Vec<R>, WorkPanic> {
        let mut sorted: Vec<Option<R>> = std::iter::repeat_with(|| None).take(self.count).collect();
        let mut panic: Option<WorkPanic> = None;
        for (index, result) in self.results {
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
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        for workers in [1, 2, 5] {
            let pool = Pool::new(workers, || ()).unwrap();
            let squares = pool.map((0..100_u64).collect(), |_, x| x * x).unwrap();
            assert_eq!(squares, (0..100_u64).map(|x| x * x).collect::<Vec<_>>());
            assert!(pool.map(Vec::<u8>::new(), |_, x| x).unwrap().is_empty());
        }
    }

    #[test]
    fn submitted_work_goes_on_while_nobody_waits() {
        let pool = Pool::new(2, || ()).unwrap();
        let (go, gate) = bounded::<()>(0);
        let first = pool.submit(vec![1, 2], move |_, x| gate.recv().map(|()| x).unwrap());
        // Comes back before the work is done, and other work can be given.
        let second = pool.submit(vec![10], |_, x| x);
        go.send(()).unwrap();
        go.send(()).unwrap();
        assert_eq!(second.wait().unwrap(), [10]);
        assert_eq!(first.wait().unwrap(), [1, 2]);
        drop(pool.submit(vec![0], |_, _: i32| panic!("nobody hears this")));
        assert_eq!(pool.map(vec![1], |_, x| x).unwrap(), [1]);
    }

    #[test]
    fn the_first_panic_is_reported_and_the_pool_goes_on() {
        let pool = Pool::new(3, || ()).unwrap();
        let work = |_, x: usize| {
            assert!(x % 7 != 5, "item {x} is bad");
            x
        };
        let panic = pool.map((0..50).collect(), work).unwrap_err();
        assert_eq!(panic.index, 5);
        assert!(panic.message.contains("item 5 is bad"), "{panic}");
        assert_eq!(pool.map(vec![1], work).unwrap(), [1]);
    }

    #[test]
    fn shared_data_is_free_again_after_map() {
        let pool = Pool::new(2, || ()).unwrap();
        let mut shared = Arc::new(vec![1_u64; 1000]);
        for _ in 0..200 {
            let view = Arc::clone(&shared);
            let sums = pool.map(vec![0, 1, 2], move |_, offset| {
                view.iter().sum::<u64>() + offset
            });
            assert_eq!(sums.unwrap(), [1000, 1001, 1002]);
            assert!(Arc::get_mut(&mut shared).is_some());
        }
    }

    #[test]
    fn a_panic_at_the_start_is_an_error() {
        let error = Pool::new(2, || panic!("no such library")).err().unwrap();
        assert!(error.to_string().contains("no such library"), "{error}");
    }

    #[test]
    fn the_number_of_workers_is_checked() {
        let error = Pool::new(0, || ()).err().unwrap().to_string();
        assert!(
            error.contains("0") && error.contains("1 to 1024"),
            "{error}"
        );
        assert!(Pool::new(MAX_WORKERS + 1, || ()).is_err());
    }
}
