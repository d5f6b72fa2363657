//! Which environments are at work, for a thread that watches: code of an author
//! may never come back, and then nobody else can say so.

use rl_core::{AtWork, VecEnv, Working};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A batch of lanes that a [`Watcher`] sees.
#[derive(Debug)]
pub struct Watched {
    env: String,
    lanes: RangeInclusive<u64>,
    at_work: Arc<AtWork>,
    /// How often the batch was entered and left: odd while it is at work.
    turns: AtomicU64,
}

static ALL: Mutex<Vec<Weak<Watched>>> = Mutex::new(Vec::new());

impl Watched {
    /// Shows a batch, whose first lane has this number, until what is returned
    /// is dropped.
    pub fn new(env: &dyn VecEnv, first_lane: u64) -> Arc<Self> {
        let watched = Arc::new(Self {
            env: env.spec().name.clone(),
            lanes: first_lane..=first_lane + env.lanes().saturating_sub(1) as u64,
            at_work: Arc::clone(env.at_work()),
            turns: AtomicU64::new(0),
        });
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == all.capacity() {
            all.retain(|watched| watched.strong_count() > 0);
        }
        all.push(Arc::downgrade(&watched));
        watched
    }

    /// Runs the batch. One thread at a time may do so.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let turn = self.turns.load(Ordering::Relaxed);
        // One writer, so that plain stores do.
        self.turns.store(turn + 1, Ordering::Relaxed);
        let result = work();
        self.turns.store(turn + 2, Ordering::Relaxed);
        result
    }
}

/// A call of an author's code that was the same when it was looked at before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The environment's name.
    pub env: String,
    /// The method.
    pub method: &'static str,
    /// The lane's index in the whole batch, or those of all lanes that are stepped at once.
    pub lanes: RangeInclusive<u64>,
    /// How many looks ago the call was first seen.
    pub looks: u64,
}

/// What a look saw of a batch.
#[derive(Clone, Copy, PartialEq)]
struct Seen {
    turn: u64,
    working: Working,
}

/// Looks at all batches of the process.
#[derive(Default)]
pub struct Watcher {
    /// What was seen of each batch at the last look, and how many looks ago it
    /// was first seen.
    seen: HashMap<*const Watched, (Seen, u64)>,
}

impl Watcher {
    /// The calls that have not come back since the last look.
    pub fn look(&mut self) -> Vec<Silence> {
        let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<Arc<Watched>> = all.iter().filter_map(Weak::upgrade).collect();
        let before = std::mem::take(&mut self.seen);
        let mut silent = Vec::new();
        for watched in all {
            let turn = watched.turns.load(Ordering::Relaxed);
            if turn.is_multiple_of(2) {
                continue;
            }
            let Some(working) = watched.at_work.get() else {
                continue;
            };
            let (now, batch) = (Seen { turn, working }, Arc::as_ptr(&watched));
            let looks = match before.get(&batch) {
                Some((seen, looks)) if *seen == now => looks + 1,
                _ => 0,
            };
            self.seen.insert(batch, (now, looks));
            if looks > 0 {
                silent.push(Silence {
                    env: watched.env.clone(),
                    method: working.call.name(),
                    lanes: match working.lane {
                        Some(lane) => {
                            let lane = watched.lanes.start() + lane as u64;
                            lane..=lane
                        }
                        None => watched.lanes.clone(),
                    },
                    looks,
                });
            }
        }
        silent
    }
}
