//! A word about environments that do not come back.

use rollout::{Silence, Watcher};
use std::thread;
use std::time::Duration;

/// Time between two looks.
const TICK: Duration = Duration::from_secs(1);
/// Looks until the first word; each later one comes after twice as many.
const PATIENCE: u64 = 10;

/// Watches all environments of the process from now on, and says which of them has not
/// answered for long: from a thread of its own, which needs nothing that they may hold.
pub fn watch(say: impl Fn(&str) + Send + 'static) {
    // Nothing but the words is lost without the thread.
    let name = thread::Builder::new().name("watch".to_owned());
    let _ = name.spawn(move || {
        let mut watcher = Watcher::default();
        loop {
            thread::sleep(TICK);
            for silence in watcher
                .look()
                .iter()
                .filter(|silence| is_due(silence.looks))
            {
                say(&word(silence));
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
        lanes,
        looks,
    } = silence;
    let seconds = looks * TICK.as_secs();
    let lanes = match (lanes.start(), lanes.end()) {
        (first, last) if first == last => format!("lane {first}"),
        (first, last) => format!("lanes {first} to {last}"),
    };
    format!("environment '{env}' has not answered for {seconds} s, in `{method}` of {lanes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_rare() {
        let due: Vec<u64> = (1..100).filter(|looks| is_due(*looks)).collect();
        assert_eq!(due, [10, 20, 40, 80]);
    }

    #[test]
    fn lanes_are_named() {
        let of = |lanes| {
            word(&Silence {
                env: "mine".to_owned(),
                method: "step",
                lanes,
                looks: 10,
            })
        };
        let begin = "environment 'mine' has not answered for 10 s, in `step` of";
        assert_eq!(of(3..=3), format!("{begin} lane 3"));
        assert_eq!(of(16..=31), format!("{begin} lanes 16 to 31"));
    }
}
