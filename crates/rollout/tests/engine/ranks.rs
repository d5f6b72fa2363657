//! Ranks that share a batch: the same trajectories, and the same failures.

use crate::common::{Fault, KEY, SIZE, sums, walks};
use rl_core::Trajectory;
use rollout::{Batch, Pool, RankError, RankThread, Ranks, RolloutError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What every rank has of the batch: trajectories, and what is known of the tasks.
type Collected = Result<Vec<(Trajectory, Vec<Option<f64>>)>, RolloutError>;

fn collected(ranks: usize, fault: Fault) -> Vec<Collected> {
    let collect = |rank: RankThread| {
        let pool = Pool::new(2, || ()).unwrap().among(Arc::new(rank));
        let mut batch = Batch::new(walks(fault).as_ref(), SIZE).unwrap();
        // Twice, so that there is something to be written over.
        for round in [KEY.round + 1, KEY.round] {
            batch.collect_shared(&pool, &sums(), rl_core::StreamKey { round, ..KEY })?;
        }
        let tiles = batch.tiles().iter();
        let own = tiles.map(|tile| {
            (
                tile.trajectory().clone(),
                tile.known_task_optimum().to_vec(),
            )
        });
        Ok(own.collect())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = RankThread::all(ranks)
            .into_iter()
            .map(|rank| scope.spawn(move || collect(rank)))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.map(Result::unwrap).collect()
    })
}

#[test]
fn every_rank_has_what_one_alone_would_have() {
    let alone = collected(1, Fault::None).remove(0).unwrap();
    assert!(alone.len() > 4, "tiles to share");
    let ended =
        |tile: &(Trajectory, _)| (0..tile.0.lanes()).any(|lane| tile.0.truncations(lane) > 0);
    assert!(alone.iter().any(ended), "final observations to share");
    for ranks in [2, 3, 4] {
        for (rank, all) in collected(ranks, Fault::None).into_iter().enumerate() {
            assert!(all.unwrap() == alone, "rank {rank} of {ranks}");
        }
    }
}

#[test]
fn a_panic_in_an_environment_fails_all_ranks_in_its_words() {
    let alone = collected(1, Fault::Panic)
        .remove(0)
        .unwrap_err()
        .to_string();
    assert!(alone.contains("too far"), "{alone}");
    for ranks in [2, 3] {
        let said = collected(ranks, Fault::Panic).into_iter();
        let said: Vec<String> = said.map(|all| all.unwrap_err().to_string()).collect();
        assert_eq!(
            said.iter().filter(|said| **said == alone).count(),
            1,
            "its own rank"
        );
        let elsewhere = format!("{alone} (on rank ");
        for said in said.iter().filter(|said| **said != alone) {
            assert!(said.starts_with(&elsewhere), "{said}");
        }
    }
}

/// Counts the bytes that a rank receives, of messages that are the same for all.
struct Weighed {
    rank: RankThread,
    received: AtomicUsize,
}

impl Ranks for Weighed {
    fn rank(&self) -> usize {
        self.rank.rank()
    }

    fn size(&self) -> usize {
        self.rank.size()
    }

    fn exchange(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        let first = messages[0].as_ptr();
        assert!(messages.iter().all(|m| m.as_ptr() == first), "packed once");
        let received = self.rank.exchange(messages)?;
        let bytes: usize = received.iter().map(Vec::len).sum();
        self.received.fetch_add(bytes, Ordering::SeqCst);
        Ok(received)
    }

    fn broadcast(&self, message: &[u8]) -> Result<Vec<u8>, RankError> {
        self.rank.broadcast(message)
    }

    fn hear(&self, within: Duration) -> Result<Option<Vec<u8>>, RankError> {
        self.rank.hear(within)
    }
}

#[test]
fn what_messages_take_of_memory_is_counted() {
    let env = walks(Fault::None);
    let bytes = |ranks| {
        let sizes = (SIZE.lanes, SIZE.steps);
        Batch::shared_footprint(env.as_ref(), sizes, ranks).bytes()
    };
    assert_eq!(
        bytes(1),
        Batch::footprint(env.as_ref(), SIZE.lanes, SIZE.steps).bytes()
    );
    let received = |rank| {
        let received = AtomicUsize::new(0);
        let rank = Arc::new(Weighed { rank, received });
        let pool = Pool::new(1, || ()).unwrap();
        let pool = pool.among(Arc::<Weighed>::clone(&rank));
        let mut batch = Batch::new(walks(Fault::None).as_ref(), SIZE).unwrap();
        batch.collect_shared(&pool, &sums(), KEY).unwrap();
        rank.received.load(Ordering::SeqCst) as f64
    };
    thread::scope(|scope| {
        let threads: Vec<_> = RankThread::all(2)
            .into_iter()
            .map(|rank| scope.spawn(move || received(rank)))
            .collect();
        for received in threads.into_iter().map(|thread| thread.join().unwrap()) {
            // As they came, as they are taken apart, and this rank's own two times.
            let counted = bytes(2) - bytes(1);
            assert!(counted > 2.9 * received, "{counted} for {received}");
            assert!(counted < 6.0 * received, "{counted} for {received}");
        }
    });
}
