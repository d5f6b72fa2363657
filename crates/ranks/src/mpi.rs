//! MPI.

use crate::patience::Patience;
use mpi::Threading;
use mpi::datatype::Equivalence as _;
use mpi::point_to_point::{Destination as _, Message, Source as _, Status};
use mpi::request::{Request, Scope, scope};
use mpi::topology::{Communicator as _, SimpleCommunicator};
use rollout::{RankError, Ranks};
use std::mem::ManuallyDrop;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

/// What messages are about, so that none is taken for another.
const EXCHANGE: i32 = 1;
const BROADCAST: i32 = 2;
/// Bytes of a message, which MPI counts in an int.
const LONGEST: usize = i32::MAX as usize;
/// How long whoever waits for a message does nothing else: then others have the core,
/// and in the end nobody needs it.
const SPINNING: Duration = Duration::from_micros(50);
const YIELDING: Duration = Duration::from_millis(2);
const NAP: Duration = Duration::from_micros(200);
/// Those of who waits however long it takes.
const LONG_NAP: Duration = Duration::from_millis(2);

/// All processes that `mpirun` started. Messages are passed as point to point, and none
/// of MPI's own sums is used, whose order would depend on the number of ranks.
pub struct Mpi {
    rank: usize,
    size: usize,
    /// Who hears of a rank that is lost, before the program is ended.
    lost: fn(&RankError),
    /// One thread at a time talks to MPI, and knows how long it ever took.
    patience: Mutex<Patience>,
    /// Ended by [`Self::finalize`] alone: to do so while the others wait for a process
    /// that panics would never come to an end.
    universe: Mutex<Option<ManuallyDrop<mpi::environment::Universe>>>,
}

impl Mpi {
    /// Joins the others, to wait for any of them at least for so long.
    ///
    /// # Errors
    /// If MPI cannot be used by threads that take turns.
    pub fn connect(lost: fn(&RankError), least: Duration) -> Result<Self, String> {
        let joined = mpi::initialize_with_threading(Threading::Serialized);
        let (universe, threading) = joined.ok_or("MPI is in use already")?;
        if threading < Threading::Serialized {
            return Err(format!(
                "this MPI allows threads {threading:?} alone; one is needed that allows \
                 Serialized, as Open MPI does"
            ));
        }
        let world = universe.world();
        Ok(Self {
            rank: world.rank() as usize,
            size: world.size() as usize,
            lost,
            patience: Mutex::new(Patience::new(least)),
            universe: Mutex::new(Some(ManuallyDrop::new(universe))),
        })
    }

    /// Leaves the others, once all of them do.
    pub fn finalize(&self) {
        let _turn = self.turn();
        let universe = self.universe.lock();
        let universe = universe.unwrap_or_else(PoisonError::into_inner).take();
        drop(universe.map(ManuallyDrop::into_inner));
    }

    /// Ends all ranks, wherever they are.
    pub fn abort(&self, exit: i32) -> ! {
        SimpleCommunicator::world().abort(exit)
    }

    fn turn(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `poll` gives something, for the rank `from`. If that takes more than
    /// `patience` the program ends, for what was sent cannot be called back.
    fn wait<T>(
        &self,
        from: usize,
        (patience, nap): (Option<Duration>, Option<Duration>),
        mut poll: impl FnMut() -> Option<T>,
    ) -> T {
        let since = Instant::now();
        loop {
            if let Some(done) = poll() {
                return done;
            }
            let waited = since.elapsed();
            match waited {
                waited if waited < SPINNING => std::hint::spin_loop(),
                waited if waited < YIELDING => yield_now(),
                _ => match nap {
                    Some(nap) => sleep(nap),
                    None => yield_now(),
                },
            }
            if patience.is_some_and(|patience| waited > patience) {
                let why = format!("has said nothing for {:.0} s", waited.as_secs_f64());
                (self.lost)(&RankError { rank: from, why });
                self.abort(70);
            }
        }
    }

    /// Waits for a message, and takes it.
    fn receive(&self, from: usize, tag: i32, patience: Option<Duration>) -> Vec<u8> {
        let world = SimpleCommunicator::world();
        let source = world.process_at_rank(from as i32);
        let nap = if patience.is_some() { NAP } else { LONG_NAP };
        let found = self.wait(from, (patience, Some(nap)), || {
            source.immediate_matched_probe_with_tag(tag)
        });
        self.take(from, patience, found)
    }

    /// Takes a message that is there.
    fn take(
        &self,
        from: usize,
        patience: Option<Duration>,
        (message, status): (Message, Status),
    ) -> Vec<u8> {
        let mut buffer = vec![0; status.count(u8::equivalent_datatype()) as usize];
        scope(|scope| {
            let receiving = message.immediate_matched_receive_into(scope, &mut buffer[..]);
            self.complete(from, patience, receiving);
        });
        buffer
    }

    /// Gives every rank its message and gets theirs, with so much patience.
    fn pass(&self, messages: &[&[u8]], patience: Option<Duration>) -> Vec<Vec<u8>> {
        let world = SimpleCommunicator::world();
        let mut received = vec![Vec::new(); self.size];
        received[self.rank] = messages[self.rank].to_vec();
        // Each begins with its neighbour, so that no rank is asked by all at once.
        let others = || (1..self.size).map(|away| (self.rank + away) % self.size);
        scope(|scope| {
            let send = |to: usize| {
                let process = world.process_at_rank(to as i32);
                let sending = process.immediate_send_with_tag(scope, messages[to], EXCHANGE);
                (to, sending)
            };
            let sending: Vec<_> = others().map(send).collect();
            for from in others() {
                received[from] = self.receive(from, EXCHANGE, patience);
            }
            for (to, request) in sending {
                self.complete(to, patience, request);
            }
        });
        received
    }

    fn complete<'a, S: Scope<'a>>(
        &self,
        with: usize,
        patience: Option<Duration>,
        request: Request<'a, [u8], S>,
    ) {
        let mut request = Some(request);
        // MPI passes a long message piece by piece, and only while it is asked.
        self.wait(with, (patience, None), || match request.take()?.test() {
            Ok(_) => Some(()),
            Err(still) => {
                request = Some(still);
                None
            }
        });
    }
}

/// Refuses what no single message can hold.
fn expect_sendable(rank: usize, messages: &[&[u8]]) -> Result<(), RankError> {
    match messages.iter().find(|message| message.len() > LONGEST) {
        None => Ok(()),
        Some(message) => Err(RankError {
            rank,
            why: format!(
                "would send a message of {} bytes, and MPI passes {} at most; use more ranks",
                message.len(),
                LONGEST
            ),
        }),
    }
}

impl Ranks for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn longest(&self) -> usize {
        LONGEST
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        expect_sendable(self.rank, messages)?;
        let mut patience = self.turn();
        let began = Instant::now();
        let received = self.pass(messages, Some(patience.begin(began)));
        patience.end(began, Instant::now());
        Ok(received)
    }

    fn gather(&self, message: &[u8]) -> Result<Vec<Vec<u8>>, RankError> {
        expect_sendable(self.rank, &[message])?;
        let mut patience = self.turn();
        let received = self.pass(&vec![message; self.size], None);
        patience.heard(Instant::now());
        Ok(received)
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        let mut patience = self.turn();
        if self.rank > 0 {
            let message = self.receive(0, BROADCAST, None);
            patience.heard(Instant::now());
            return Ok(message);
        }
        expect_sendable(self.rank, &[message])?;
        let world = SimpleCommunicator::world();
        scope(|scope| {
            let send = |to: usize| {
                let process = world.process_at_rank(to as i32);
                let sending = process.immediate_send_with_tag(scope, message, BROADCAST);
                (to, sending)
            };
            let sending: Vec<_> = (1..self.size).map(send).collect();
            for (to, request) in sending {
                self.complete(to, None, request);
            }
        });
        patience.heard(Instant::now());
        Ok(message.to_vec())
    }

    fn hear(&self, within: Duration) -> Result<Option<Vec<u8>>, RankError> {
        let mut patience = self.turn();
        let since = Instant::now();
        let world = SimpleCommunicator::world();
        let source = world.process_at_rank(0);
        while since.elapsed() < within {
            if let Some(found) = source.immediate_matched_probe_with_tag(BROADCAST) {
                let message = self.take(0, None, found);
                patience.heard(Instant::now());
                return Ok(Some(message));
            }
            sleep(LONG_NAP);
        }
        Ok(None)
    }
}
