//! libtorch's own threads, which stay off.

/// Makes libtorch compute on the calling thread alone.
///
/// To be called first by every thread that touches libtorch: its results
/// change with its thread count, and the cores belong to our own workers.
pub fn single_threaded() {
    tch::set_num_threads(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_on_every_thread_that_calls_it() {
        let threads = || {
            single_threaded();
            tch::get_num_threads()
        };
        assert_eq!(threads(), 1);
        for _ in 0..2 {
            assert_eq!(std::thread::spawn(threads).join().unwrap(), 1);
        }
    }
}
