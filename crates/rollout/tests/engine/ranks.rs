//! Ranks that share a batch: the same trajectories, and the same failures.

use crate::common::{Fault, KEY, SIZE, sums, walks};
use rl_core::Trajectory;
use rollout::{Batch, Pool, RankThread, RolloutError};
use std::sync::Arc;
use std::thread;

/// What every rank has of the batch: trajectories, and what is known of the tasks.
type Collected = Result<Vec<(Trajectory, Vec<Option<f64>>)>, RolloutError>;

fn collected(ranks: usize, fault: Fault) -> Vec<Collected> {
    let collect = |rank: RankThread| {
        let pool = Pool::new(2, || ()).unwrap().among(Arc::new(rank));
        let mut batch = Batch::new(walks(fault).as_ref(), SIZE).unwrap();
        // Twice, so that there is something to be written over.
        for round in [KEY.round + 1, KEY.round] {
            batch.collect(&pool, &sums(), rl_core::StreamKey { round, ..KEY })?;
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
