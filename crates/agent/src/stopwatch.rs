//! Where the time of an update goes, by the caller's clock.

use crate::execution::Execution;
use rl_core::{ActRow, EnvSpec, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds since a moment of the caller's choice. The library itself never
/// reads the clock.
pub type Clock = fn() -> u64;

/// What time is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Environments, and the rows and checks around their steps.
    Environment,
    /// The policy: network, sampling, log-probabilities.
    Inference,
    /// Advantages, returns and their moments.
    Advantages,
    /// Inputs, network and loss of the samples.
    Forward,
    /// From the loss to the gradient.
    Backward,
    /// Sums over tiles, clipping, the optimizer's step, packing the weights.
    Optimizer,
}

impl Phase {
    /// All of them, in the order of an update.
    pub const ALL: [Self; 6] = [
        Self::Environment,
        Self::Inference,
        Self::Advantages,
        Self::Forward,
        Self::Backward,
        Self::Optimizer,
    ];

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Inference => "inference",
            Self::Advantages => "advantages",
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Optimizer => "optimizer",
        }
    }
}

/// Adds up the time that threads spend on each [`Phase`]. One without a clock,
/// the default, does nothing and costs nothing. Clones add to the same sums.
#[derive(Clone, Debug, Default)]
pub struct Stopwatch(Option<Arc<Sums>>);

#[derive(Debug)]
struct Sums {
    clock: Clock,
    nanoseconds: [AtomicU64; Phase::ALL.len()],
}

impl Stopwatch {
    /// One that reads this clock, at 0.
    pub fn new(clock: Clock) -> Self {
        Self(Some(Arc::new(Sums {
            clock,
            nanoseconds: Default::default(),
        })))
    }

    /// Does a piece of work, and counts its time.
    pub fn time<R>(&self, phase: Phase, work: impl FnOnce() -> R) -> R {
        let Some(sums) = &self.0 else {
            return work();
        };
        let start = (sums.clock)();
        let result = work();
        sums.add(phase, (sums.clock)().saturating_sub(start));
        result
    }

    /// Seconds spent on a phase so far, summed over threads.
    pub fn seconds(&self, phase: Phase) -> f64 {
        self.0.as_ref().map_or(0.0, |sums| {
            sums.nanoseconds[phase as usize].load(Ordering::Relaxed) as f64 * 1e-9
        })
    }

    /// A rollout by policies that [`Self::watched`] gave for this execution.
    /// What they do counts as [`Phase::Inference`]; the rest is spent on
    /// environments and counts as [`Phase::Environment`].
    pub(crate) fn rollout<R>(&self, execution: Execution, collect: impl FnOnce() -> R) -> R {
        match execution {
            // Each worker's time counts, by its policies' lives.
            Execution::Tiles => collect(),
            // The calling thread's does, which waits for the workers.
            Execution::Lockstep => self.time(Phase::Environment, collect),
        }
    }

    /// The same policies, watched.
    pub(crate) fn watched(
        &self,
        policies: Arc<dyn PolicyFactory>,
        execution: Execution,
    ) -> Arc<dyn PolicyFactory> {
        match &self.0 {
            None => policies,
            Some(sums) => Arc::new(Watched {
                policies,
                execution,
                sums: Arc::clone(sums),
            }),
        }
    }
}

impl Sums {
    fn add(&self, phase: Phase, nanoseconds: u64) {
        self.nanoseconds[phase as usize].fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

struct Watched {
    policies: Arc<dyn PolicyFactory>,
    execution: Execution,
    sums: Arc<Sums>,
}

impl PolicyFactory for Watched {
    fn name(&self) -> String {
        self.policies.name()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let born = (self.sums.clock)();
        let policy = self.policies.make(spec, lanes)?;
        let acting = (self.sums.clock)().saturating_sub(born);
        Ok(Box::new(WatchedPolicy {
            policy,
            execution: self.execution,
            sums: Arc::clone(&self.sums),
            born,
            acting,
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        self.policies.bytes(spec, lanes)
    }
}

struct WatchedPolicy {
    policy: Box<dyn Policy>,
    execution: Execution,
    sums: Arc<Sums>,
    born: u64,
    acting: u64,
}

impl Policy for WatchedPolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let start = (self.sums.clock)();
        self.policy.act(row, streams, out);
        self.acting += (self.sums.clock)().saturating_sub(start);
    }
}

impl Drop for WatchedPolicy {
    fn drop(&mut self) {
        let life = match self.execution {
            Execution::Tiles => (self.sums.clock)().saturating_sub(self.born),
            // Within the whole rollout, which is added when it ends.
            Execution::Lockstep => 0,
        };
        self.sums.add(Phase::Inference, self.acting);
        // Sums wrap, so that the order of additions does not matter.
        self.sums
            .add(Phase::Environment, life.wrapping_sub(self.acting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that goes on by 1 µs whenever it is read.
    fn ticking() -> u64 {
        static READ: AtomicU64 = AtomicU64::new(0);
        1000 * READ.fetch_add(1, Ordering::Relaxed)
    }

    #[test]
    fn phases_are_summed_apart() {
        let watch = Stopwatch::new(ticking);
        let same = watch.clone();
        assert_eq!(watch.time(Phase::Forward, || 7), 7);
        same.time(Phase::Forward, || ());
        watch.time(Phase::Backward, || ());
        assert!((watch.seconds(Phase::Forward) - 2e-6).abs() < 1e-12);
        assert!((watch.seconds(Phase::Backward) - 1e-6).abs() < 1e-12);
        assert_eq!(watch.seconds(Phase::Optimizer), 0.0);
    }

    #[test]
    fn without_a_clock_nothing_is_counted() {
        let watch = Stopwatch::default();
        assert_eq!(watch.time(Phase::Forward, || 7), 7);
        assert_eq!(watch.seconds(Phase::Forward), 0.0);
    }
}
