use super::*;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

#[test]
fn results_come_in_order() {
    for workers in [1, 2, 5] {
        let pool = Pool::new(workers, || ()).unwrap();
        let squares = pool.map(0..100_i32, |_, x| x * x).unwrap();
        assert_eq!(squares, (0..100).map(|x| x * x).collect::<Vec<_>>());
        assert!(pool.map(Vec::<u8>::new(), |_, x| x).unwrap().is_empty());
    }
}

#[test]
fn work_borrows_what_it_reads_and_changes() {
    let pool = Pool::new(2, || ()).unwrap();
    let offsets = [10, 20, 30];
    let mut sums = vec![1, 2, 3];
    let before = pool.map(&mut sums, |index, sum: &mut i32| {
        *sum += offsets[index];
        *sum - offsets[index]
    });
    assert_eq!(before.unwrap(), [1, 2, 3]);
    assert_eq!(sums, [11, 22, 33]);
}

#[test]
fn every_worker_is_started_once_and_they_alone_work() {
    let started = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&started);
    let note = move || log.lock().unwrap().push(std::thread::current().id());
    let pool = Pool::new(3, note).unwrap();
    let places = pool.map(0..100, |_, _| std::thread::current().id());
    let started = started.lock().unwrap();
    assert_eq!(started.len(), 3);
    let works = |place: &_| started.contains(place) && *place != std::thread::current().id();
    assert!(places.unwrap().iter().all(works));
    assert!(works(&pool.install(|| std::thread::current().id())));
}

#[test]
fn no_more_threads_than_workers_work_at_once_and_all_of_them_can() {
    let pool = Pool::new(3, || ()).unwrap();
    // Nobody gets past the barrier unless three threads come.
    let barrier = std::sync::Barrier::new(3);
    pool.map(0..3, |_, _| barrier.wait().is_leader()).unwrap();
    let busy = AtomicU64::new(0);
    let most = pool.map(0..300, |_, _| {
        let now = 1 + busy.fetch_add(1, Ordering::SeqCst);
        std::thread::yield_now();
        busy.fetch_sub(1, Ordering::SeqCst);
        now
    });
    assert!(most.unwrap().into_iter().max() <= Some(3));
}

#[test]
fn the_calling_thread_does_something_else_beside() {
    for workers in [1, 2] {
        let pool = Pool::new(workers, || ()).unwrap();
        let own = std::thread::current().id();
        let (go, gate) = bounded::<()>(2);
        // The work waits for what is done beside it.
        let (worked, here) = pool.map_beside(
            vec![1, 2],
            |_, x| gate.recv().map(|()| x).unwrap(),
            || {
                go.send(()).unwrap();
                go.send(()).unwrap();
                std::thread::current().id()
            },
        );
        assert_eq!((worked.unwrap(), here), (vec![1, 2], own));
        let (worked, ()) = pool.map_beside(0..2, |_, x| assert_ne!(x, 1, "bad"), || ());
        assert_eq!(worked.unwrap_err().index, 1);
        // On a worker too, even if it is the only one.
        let beside = || pool.map_beside(0..9, |_, x| x, || 7);
        assert_eq!(pool.install(beside), (Ok((0..9).collect()), 7));
    }
}

/// The panic of a [`Pool::map`] that nobody called off.
fn panic_of<R>(result: Result<Vec<R>, WorkError>) -> WorkPanic {
    match result {
        Err(WorkError::Panicked(panic)) => panic,
        Err(WorkError::CalledOff) => panic!("called off"),
        Ok(_) => panic!("all went well"),
    }
}

#[test]
fn work_that_is_called_off_is_left() {
    let pool = Pool::new(2, || ()).unwrap();
    let begun = AtomicU64::new(0);
    let result = pool.map(0..1000, |_, _| {
        let before = begun.fetch_add(1, Ordering::SeqCst);
        pool.call_off().fetch_or(before == 3, Ordering::SeqCst);
        // Each of the two may have begun another piece by then.
        std::thread::sleep(std::time::Duration::from_millis(1));
    });
    assert_eq!(result, Err(WorkError::CalledOff));
    let begun = begun.load(Ordering::SeqCst);
    assert!((4..100).contains(&begun), "{begun}");
    assert_eq!(pool.go_on(), Err(WorkError::CalledOff));
}

#[test]
fn the_first_panic_is_reported_and_the_pool_goes_on() {
    let pool = Pool::new(3, || ()).unwrap();
    let work = |_, x: i32| {
        assert!(x % 7 != 5, "item {x} is bad");
        x
    };
    let panic = panic_of(pool.map(0..50, work));
    assert_eq!(panic.index, 5);
    assert!(panic.message.contains("item 5 is bad"), "{panic}");
    assert_eq!(pool.map(vec![1], work).unwrap(), [1]);
}

#[test]
fn a_panic_at_the_start_is_an_error() {
    let error = Pool::new(2, || panic!("no such library")).err().unwrap();
    assert!(error.to_string().contains("no such library"), "{error}");
}

#[test]
fn a_panic_of_installed_work_goes_on_and_hurts_nobody() {
    let pool = Pool::new(1, || ()).unwrap();
    let installed = || pool.install(|| std::panic::panic_any(7));
    let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(installed));
    assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&7));
    assert_eq!(pool.map(0..2, |_, x| x).unwrap(), [0, 1]);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        // Two panics at once would end the process.
        if !std::thread::panicking() {
            panic!("the bomb went off");
        }
    }
}

#[test]
fn what_panics_when_it_is_dropped_is_an_error_too() {
    let pool = Pool::new(2, || ()).unwrap();
    let item = pool.map(vec![Bomb, Bomb], |_, bomb| drop(bomb));
    assert_eq!(panic_of(item).message, "the bomb went off");
    let thrown = pool.map(0..1, |_, _| std::panic::panic_any(Bomb));
    assert_eq!(panic_of(thrown).message, "a panic without a message");
    assert_eq!(pool.map(0..1, |_, x| x).unwrap(), [0]);
}

#[test]
fn work_may_itself_map_on_the_same_pool() {
    for workers in [1, 2, 3] {
        let pool = Pool::new(workers, || ()).unwrap();
        for _ in 0..50 {
            let sums = pool.map(vec![10_u64, 20, 30, 40], |_, x| {
                let parts = pool.map(vec![1, 2, 3], |_, y| x + y).unwrap();
                parts.into_iter().sum::<u64>()
            });
            assert_eq!(sums.unwrap(), [36, 66, 96, 126]);
        }
    }
}

#[test]
fn threads_have_ended_when_the_pool_is_dropped() {
    struct Told(Arc<AtomicU64>);
    impl Drop for Told {
        fn drop(&mut self) {
            std::thread::sleep(std::time::Duration::from_millis(20));
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local! {
        static TOLD: RefCell<Option<Told>> = const { RefCell::new(None) };
    }
    let ended = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&ended);
    let pool = Pool::new(3, move || TOLD.set(Some(Told(Arc::clone(&count)))));
    drop(pool.unwrap());
    assert_eq!(ended.load(Ordering::SeqCst), 3);
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
