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
fn the_calling_thread_works_after_it_was_started() {
    let started = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&started);
    let own = std::thread::current().id();
    let pool = Pool::new(1, move || {
        log.lock().unwrap().push(std::thread::current().id())
    });
    let pool = pool.unwrap();
    let log = Arc::clone(&started);
    let all_started = move |_, _| {
        let here = std::thread::current().id();
        (here, log.lock().unwrap().contains(&here))
    };
    for _ in 0..3 {
        let places = pool.map(vec![(); 4], all_started.clone()).unwrap();
        assert_eq!(places, [(own, true); 4], "one worker is the caller");
    }
    assert_eq!(started.lock().unwrap().len(), 2, "each thread once");
    // Another pool's start is another one, and then so is the first's again.
    Pool::new(1, || ())
        .unwrap()
        .map(vec![()], |_, ()| ())
        .unwrap();
    pool.map(vec![()], all_started).unwrap();
    assert_eq!(started.lock().unwrap().len(), 3);
}

#[test]
fn no_more_threads_than_workers_work_at_once_and_all_of_them_can() {
    let pool = Pool::new(3, || ()).unwrap();
    // Nobody gets past the barrier unless three threads come.
    let barrier = Arc::new(std::sync::Barrier::new(3));
    pool.map(vec![(); 3], move |_, ()| barrier.wait().is_leader())
        .unwrap();
    let busy = Arc::new(AtomicU64::new(0));
    let most = pool.map(vec![(); 300], move |_, ()| {
        let now = 1 + busy.fetch_add(1, Ordering::SeqCst);
        std::thread::yield_now();
        busy.fetch_sub(1, Ordering::SeqCst);
        now
    });
    assert!(most.unwrap().into_iter().max() <= Some(3));
}

#[test]
fn work_is_done_while_all_workers_are_busy() {
    let pool = Pool::new(2, || ()).unwrap();
    let (go, gate) = bounded::<()>(0);
    let held = pool.submit(vec![0, 1], move |_, x| gate.recv().map(|()| x).unwrap());
    let shared = Arc::new(());
    let view = Arc::clone(&shared);
    let sums = pool.map(vec![1, 2, 3], move |index, x| {
        let _ = &view;
        index + x
    });
    assert_eq!(sums.unwrap(), [1, 3, 5]);
    // The jobs that no worker got to hold nothing.
    assert_eq!(Arc::strong_count(&shared), 1);
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert_eq!(held.wait().unwrap(), [0, 1]);
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
    let pool = Arc::new(Pool::new(2, || ()).unwrap());
    let own = Arc::clone(pool.call_off());
    let begun = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&begun);
    let result = pool.map(vec![(); 1000], move |index, ()| {
        count.fetch_add(1, Ordering::SeqCst);
        own.fetch_or(index == 3, Ordering::SeqCst);
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
    let work = |_, x: usize| {
        assert!(x % 7 != 5, "item {x} is bad");
        x
    };
    let panic = panic_of(pool.map((0..50).collect(), work));
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
    // On the calling thread likewise, again and again.
    let start = || {
        let thread = std::thread::current();
        let ours = thread
            .name()
            .is_some_and(|name| name.starts_with("worker-"));
        assert!(ours, "no such library");
    };
    let pool = Pool::new(2, start).unwrap();
    for _ in 0..3 {
        let panic = panic_of(pool.map(vec![Bomb, Bomb], |_, _| ()));
        assert_eq!(panic.index, 0);
        assert!(panic.message.contains("no such library"), "{panic}");
    }
    assert_eq!(pool.submit(vec![1], |_, x| x).wait().unwrap(), [1]);
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
fn a_destructor_that_panics_is_an_error_and_all_workers_live_on() {
    for workers in [1, 2, 3] {
        let pool = Pool::new(workers, || ()).unwrap();
        for round in 0..300 {
            let bomb = Bomb;
            let work = move |_, x: usize| {
                let _ = &bomb;
                // Whoever takes the last item is then often the last to leave.
                std::thread::sleep(std::time::Duration::from_micros((x * 20) as u64));
                assert!(round % 3 != 0 || x != 1, "item {x} is bad");
                x
            };
            let panic = match round % 2 {
                0 => panic_of(pool.map(vec![0, 1, 2], work)),
                _ => pool.submit(vec![0, 1, 2], work).wait().unwrap_err(),
            };
            match round % 3 {
                0 => assert_eq!((panic.index, &panic.message[..]), (1, "item 1 is bad")),
                _ => assert_eq!((panic.index, &panic.message[..]), (2, "the bomb went off")),
            }
        }
        // Nobody gets past the barrier unless all workers are there.
        let barrier = Arc::new(std::sync::Barrier::new(workers));
        let held = pool.submit(vec![(); workers], move |_, ()| barrier.wait().is_leader());
        assert_eq!(held.wait().unwrap().len(), workers);
    }
}

#[test]
fn whatever_else_panics_when_it_is_dropped_is_an_error_too() {
    let pool = Pool::new(2, || ()).unwrap();
    let bomb = Bomb;
    let nothing = move |_, x: u8| {
        let _ = &bomb;
        x
    };
    assert_eq!(panic_of(pool.map(vec![], nothing)).index, 0);
    let item = pool.map(vec![Bomb, Bomb], |_, bomb| drop(bomb));
    assert_eq!(panic_of(item).message, "the bomb went off");
    let results = pool.map(vec![0, 1, 2], |_, x| {
        assert!(x != 1, "item {x} is bad");
        Bomb
    });
    assert_eq!(panic_of(results).message, "item 1 is bad");
    let thrown = pool.map(vec![0], |_, _: u8| std::panic::panic_any(Bomb));
    assert_eq!(panic_of(thrown).message, "a panic without a message");
    assert_eq!(pool.map(vec![1], |_, x| x).unwrap(), [1]);
}

#[test]
fn work_may_itself_map_on_the_same_pool() {
    for workers in [1, 2, 3] {
        let starts = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&starts);
        let pool = Pool::new(workers, move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let pool = Arc::new(pool.unwrap());
        for _ in 0..50 {
            let inner = Arc::clone(&pool);
            let sums = pool.map(vec![10_u64, 20, 30, 40], move |_, x| {
                let parts = inner.map(vec![1, 2, 3], move |_, y| x + y).unwrap();
                parts.into_iter().sum::<u64>()
            });
            assert_eq!(sums.unwrap(), [36, 66, 96, 126]);
        }
        let inner = Arc::clone(&pool);
        let submitted = pool.submit(vec![1, 2, 3, 4], move |_, x| {
            inner.map(vec![x, x], |_, y| y).unwrap().len()
        });
        assert_eq!(submitted.wait().unwrap(), [2; 4]);
        let threads = workers as u64 + 1;
        assert_eq!(starts.load(Ordering::SeqCst), threads, "each thread once");
    }
}

#[test]
fn with_more_workers_than_cores_those_that_wait_sleep() {
    assert_eq!(patience(2, 2), PATIENCE);
    assert_eq!(patience(3, 2), 0);
    let cores = available_parallelism().map_or(1, usize::from);
    assert_eq!(Pool::new(cores + 1, || ()).unwrap().patience, 0);
    assert_eq!(Pool::new(cores, || ()).unwrap().patience, PATIENCE);
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
