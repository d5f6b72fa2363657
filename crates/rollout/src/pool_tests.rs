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
