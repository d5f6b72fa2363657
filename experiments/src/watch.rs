//! A word about environments that do not come back.

use crate::output::remark;
use rollout::{Silence, Watcher};
use std::thread;
use std::time::Duration;

/// Time between two looks.
const TICK: Duration = Duration::from_secs(1);
/// Looks until the first word; each later one comes after twice as many.
const PATIENCE: u64 = 10;

/// Watches all environments of the process from now on.
pub(crate) fn start() {
    // Nothing but the words is lost without the thread.
    let name = thread::Builder::new().name("watch".to_owned());
    let _ = name.spawn(|| {
        let mut watcher = Watcher::default();
        loop {
            thread::sleep(TICK);
            for silence in watcher
                .look()
                .iter()
                .filter(|silence| is_due(silence.looks))
            {
                remark(word(silence));
            }
        }
    });
}

fn is_due(looks: u64) -> bool {
    looks.is_multiple_of(PATIENCE) && (looks / PATIENCE).is_power_of_two()
}

fn word(silence: &Silence) -> String {
    let Silence {
        env,
        method,
        lane,
        looks,
    } = silence;
    let seconds = looks * TICK.as_secs();
    format!("environment '{env}' has not answered for {seconds} s, in `{method}` of lane {lane}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_rare() {
        let due: Vec<u64> = (1..100).filter(|looks| is_due(*looks)).collect();
        assert_eq!(due, [10, 20, 40, 80]);
    }
}
