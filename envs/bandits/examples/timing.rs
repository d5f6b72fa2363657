//! t
use bandits::BernoulliBandit;
use rl_core::TaskDistribution;
fn main() {
    for (k, n) in [
        (5, 10),
        (10, 10),
        (50, 10),
        (2, 100),
        (5, 20),
        (5, 30),
        (3, 50),
        (10, 25),
        (30, 30),
        (5, 40),
        (3, 100),
        (2, 300),
        (5, 50),
        (2, 500),
        (5, 100),
        (50, 500),
        (3, 150),
        (3, 180),
        (6, 40),
        (7, 36),
        (8, 34),
        (34, 34),
        (2, 1000),
    ] {
        let b = BernoulliBandit::new(k, n).unwrap();
        let t = std::time::Instant::now();
        let v = b.exact_values();
        println!("k={k} n={n} {:?} {:?}", v.bayes_optimal, t.elapsed());
    }
}
