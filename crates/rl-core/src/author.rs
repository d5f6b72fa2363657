//! Calls of the code of an environment's author, which may panic, or never come
//! back.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// A method that an author writes and that a batch of lanes calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Call {
    /// [`Environment::step`](crate::Environment::step).
    #[default]
    Step,
    /// [`Environment::reset`](crate::Environment::reset).
    Reset,
    /// [`Environment::observe`](crate::Environment::observe).
    Observe,
    /// [`Environment::position`](crate::Environment::position).
    Position,
    /// [`Environment::draw`](crate::Environment::draw).
    Draw,
    /// [`TaskDistribution::sample`](crate::TaskDistribution::sample), with
    /// `describe` where the task is shown.
    Sample,
    /// [`TaskDistribution::known_task_optimum`](crate::TaskDistribution::known_task_optimum).
    KnownTaskOptimum,
    /// [`TaskDistribution::describe`](crate::TaskDistribution::describe).
    Describe,
    /// [`TaskDistribution::known_task_action`](crate::TaskDistribution::known_task_action).
    KnownTaskAction,
}

impl Call {
    const ALL: [Self; 9] = [
        Self::Step,
        Self::Reset,
        Self::Observe,
        Self::Position,
        Self::Draw,
        Self::Sample,
        Self::KnownTaskOptimum,
        Self::Describe,
        Self::KnownTaskAction,
    ];

    /// The method's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Reset => "reset",
            Self::Observe => "observe",
            Self::Position => "position",
            Self::Draw => "draw",
            Self::Sample => "sample",
            Self::KnownTaskOptimum => "known_task_optimum",
            Self::Describe => "describe",
            Self::KnownTaskAction => "known_task_action",
        }
    }
}

/// What a batch of lanes calls last, and in which of its lanes. Another thread
/// can read it while that call never comes back.
#[derive(Debug, Default)]
#[repr(align(128))] // Apart from what other threads write.
pub struct AtWork(AtomicU64);

/// A call that has not come back, as far as another thread can tell. Calls that differ are
/// different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Working {
    /// The lane's index within the batch; `None` where one call is for all lanes.
    pub lane: Option<usize>,
    /// The method.
    pub call: Call,
    /// Which call of all lanes it is.
    turn: u32,
}

impl AtWork {
    /// Of a packed call, where the lane is: above the method, below the turn.
    const LANE: u32 = 8;
    const TURN: u32 = 32;
    /// The lane of a call for all of them.
    const ALL: u64 = (1 << (Self::TURN - Self::LANE)) - 1;
    /// Whoever calls waits for nothing.
    const NOTHING: u64 = 0xff;

    /// `call` begins in the lane of this index. One plain store: it is done
    /// several times in each step of each lane.
    #[inline]
    pub(crate) fn set(&self, lane: usize, call: Call) {
        let packed = (lane as u64) << Self::LANE | u64::from(call as u8);
        self.0.store(packed, Ordering::Relaxed);
    }

    /// `call` begins, for all lanes of a batch that its author steps at once.
    pub fn enter(&self, call: Call) {
        // One writer, so that plain loads and stores do.
        let turn = (self.0.load(Ordering::Relaxed) >> Self::TURN) + 1;
        let packed = turn << Self::TURN | Self::ALL << Self::LANE | u64::from(call as u8);
        self.0.store(packed, Ordering::Relaxed);
    }

    /// What was entered has come back: until the next call nobody waits for the author.
    pub fn leave(&self) {
        self.0.fetch_or(Self::NOTHING, Ordering::Relaxed);
    }

    /// The call that began last, unless it is known that it came back.
    pub fn get(&self) -> Option<Working> {
        let packed = self.0.load(Ordering::Relaxed);
        let call = *Call::ALL.get((packed & Self::NOTHING) as usize)?;
        let lane = packed >> Self::LANE & Self::ALL;
        Some(Working {
            lane: (lane != Self::ALL).then_some(lane as usize),
            call,
            turn: (packed >> Self::TURN) as u32,
        })
    }

    /// The lane that was at work last, 0 where all are at once, and its call.
    pub(crate) fn last(&self) -> (usize, Call) {
        self.get().map_or((0, Call::Step), |working| {
            (working.lane.unwrap_or(0), working.call)
        })
    }
}

/// What a panic of an author's code goes on as: who panicked, in what, and what
/// the panic said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorPanic {
    /// The environment's name.
    pub env: String,
    /// The method.
    pub method: &'static str,
    /// What the panic said.
    pub message: String,
}

impl fmt::Display for AuthorPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            env,
            method,
            message,
        } = self;
        write!(f, "environment '{env}' panicked in `{method}`: {message}")
    }
}

/// Calls an author's method. A panic of it goes on as an [`AuthorPanic`].
pub(crate) fn guarded<R>(env: &str, method: &'static str, call: impl FnOnce() -> R) -> R {
    let caught = catch_unwind(AssertUnwindSafe(call));
    caught.unwrap_or_else(|payload| rethrow(env, method, payload))
}

/// Lets a panic of an author's method go on as an [`AuthorPanic`], without a
/// word of its own on the terminal.
pub(crate) fn rethrow(env: &str, method: &'static str, payload: Box<dyn Any + Send>) -> ! {
    let message = panic_text(payload.as_ref());
    drop_quietly(payload);
    resume_unwind(Box::new(AuthorPanic {
        env: env.to_owned(),
        method,
        message,
    }))
}

/// What a panic said, as text.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if let Some(panic) = payload.downcast_ref::<AuthorPanic>() {
        panic.to_string()
    } else {
        "a panic without a message".to_owned()
    }
}

/// Drops what a panic threw, which may panic in its destructor, and so may what
/// that throws, which is therefore never destroyed.
pub fn drop_quietly(payload: Box<dyn Any + Send>) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    dropped.unwrap_or_else(std::mem::forget);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart() {
        let at_work = AtWork::default();
        at_work.set(70_000, Call::KnownTaskAction);
        let of_one = at_work.get().unwrap();
        assert_eq!(
            (of_one.lane, of_one.call),
            (Some(70_000), Call::KnownTaskAction)
        );
        assert_eq!(at_work.last(), (70_000, Call::KnownTaskAction));
        at_work.enter(Call::Step);
        let first = at_work.get().unwrap();
        assert_eq!((first.lane, first.call), (None, Call::Step));
        assert_eq!(at_work.last(), (0, Call::Step));
        at_work.leave();
        assert_eq!(at_work.get(), None);
        at_work.enter(Call::Step);
        assert_ne!(at_work.get().unwrap(), first, "another step than before");
    }
}
