use super::*;
use crate::ranks::RankThread;
use std::sync::Arc;
use std::thread;

/// What every rank's work comes to, in the ranks' order.
fn on_ranks<R: Send>(size: usize, workers: usize, work: impl Fn(&Pool) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = RankThread::all(size)
            .into_iter()
            .map(|rank| {
                scope.spawn(move || {
                    let pool = Pool::new(workers, || ()).unwrap();
                    work(&pool.among(Arc::new(rank)))
                })
            })
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.map(Result::unwrap).collect()
    })
}

#[test]
fn every_piece_is_done_by_one_rank() {
    for size in 1..6 {
        for items in 0..20 {
            let parts = (0..size).map(|rank| part(items, rank, size));
            let all: Vec<usize> = parts.clone().flatten().collect();
            assert_eq!(all, (0..items).collect::<Vec<_>>());
            let sizes: Vec<usize> = parts.map(|part| part.len()).collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }
}

#[test]
fn results_are_those_of_one_rank() {
    for (size, workers) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
        let shared = on_ranks(size, workers, |pool| {
            let mut items = [1_u64, 2, 3, 4, 5];
            let squares = pool.share(&mut items, |index, item: &mut u64| {
                *item = 100;
                Ok::<_, RolloutError>((index as u64, (index as u64 + 1).pow(2)))
            });
            let own = items.iter().filter(|item| **item == 100).count();
            assert_eq!(own, pool.own(5).len());
            squares.unwrap()
        });
        for squares in shared {
            assert_eq!(squares, [(0, 1), (1, 4), (2, 9), (3, 16), (4, 25)]);
        }
    }
}

/// Numbers whose sum depends on the order of additions.
fn numbers(index: usize) -> Vec<f32> {
    let number = |place: usize| ((index * 7 + place * 13) as f32).sin() * 10_f32.powi(index as i32);
    (0..11).map(number).collect()
}

fn in_order(parts: &[&[f32]]) -> Vec<f32> {
    let mut sum = parts[0].to_vec();
    for part in &parts[1..] {
        sum.iter_mut().zip(*part).for_each(|(sum, x)| *sum += x);
    }
    sum
}

#[test]
fn sums_have_the_same_bits_on_any_number_of_ranks() {
    let bits = |sum: &[f32]| sum.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let whole: Vec<Vec<f32>> = (0..6).map(numbers).collect();
    let whole: Vec<&[f32]> = whole.iter().map(|one| &one[..]).collect();
    let expected = bits(&in_order(&whole));
    let backwards: Vec<&[f32]> = whole.iter().rev().copied().collect();
    assert_ne!(bits(&in_order(&backwards)), expected, "the order matters");
    for (size, workers) in [(1, 2), (2, 1), (3, 2), (4, 1), (8, 1)] {
        let summed = on_ranks(size, workers, |pool| {
            let work = |index, _| Ok::<_, RolloutError>((index as u64, numbers(index)));
            pool.share_sum(vec![(); 6], work, in_order).unwrap()
        });
        for (rank, summed) in summed.iter().enumerate() {
            assert_eq!(summed.said, [0, 1, 2, 3, 4, 5]);
            assert_eq!(bits(&summed.sum), expected, "{size} ranks");
            assert_eq!(summed.own.len(), part(6, rank, size).len());
        }
    }
}

#[test]
fn all_fail_of_the_first_failure() {
    let fails = |index: usize, _| match index {
        2 | 4 => Err(RolloutError::Elsewhere {
            rank: 9,
            message: format!("piece {index}"),
            repeats: index == 2,
        }),
        _ => Ok(1_u64),
    };
    for size in [2, 3, 4] {
        let ended = on_ranks(size, 1, |pool| pool.share(vec![(); 6], fails));
        let owner = (0..size).find(|rank| part(6, *rank, size).contains(&2));
        for (rank, ended) in ended.into_iter().enumerate() {
            let error = ended.unwrap_err();
            let message = match Some(rank) == owner {
                true => "piece 2 (on rank 9)".to_owned(),
                false => format!("piece 2 (on rank 9) (on rank {})", owner.unwrap()),
            };
            assert_eq!(error.to_string(), message);
            assert!(error.repeats());
        }
    }
}

#[test]
fn who_is_asked_to_stop_stops_all() {
    let ended = on_ranks(3, 1, |pool| {
        if pool.ranks().rank() == 1 {
            pool.call_off().store(true, Ordering::SeqCst);
        }
        assert!(pool.go_on().is_ok(), "nobody leaves alone");
        let ended = pool.share(vec![(); 6], |_, _| Ok::<_, RolloutError>(()));
        (ended, pool.call_off().load(Ordering::SeqCst))
    });
    for (ended, asked) in ended {
        assert_eq!(ended, Err(RolloutError::CalledOff));
        assert!(asked);
    }
}

#[test]
fn who_is_gone_is_named() {
    // Whoever has found out stays, or it would be found gone itself.
    let found = std::sync::Barrier::new(2);
    let ended = on_ranks(3, 1, |pool| match pool.ranks().rank() {
        1 => Ok(Vec::new()),
        _ => {
            let shared = pool.share(vec![(); 3], |_, _| Ok::<_, RolloutError>(1_u64));
            found.wait();
            shared
        }
    });
    for rank in [0, 2] {
        let said = ended[rank].as_ref().unwrap_err().to_string();
        assert_eq!(said, "rank 1 is gone");
    }
}

#[test]
fn rank_zero_speaks_to_all() {
    let heard = on_ranks(3, 1, |pool| {
        let word = [pool.ranks().rank() as u8 + 7];
        pool.ranks().broadcast(&word).unwrap()
    });
    assert_eq!(heard, [[7], [7], [7]]);
}
