#[path = "../tests/support/mod.rs"]
mod support;
use support::*;
fn main() {
    let base = std::path::PathBuf::from("/tmp/reports");
    let _ = std::fs::remove_dir_all(&base);
    let many = base.join("many/quick");
    for seed in 0..5 {
        Synthetic::default().write(&many, seed);
    }
    let one = base.join("one/quick");
    Synthetic::default().write(&one, 0);
    let longer = base.join("long/bandit-100");
    for seed in 0..3 {
        long().write(&longer, seed);
    }
    let part = base.join("part/quick");
    for seed in 0..2 {
        Synthetic {
            compared: false,
            updates: 100 * (seed + 1),
            ..Synthetic::default()
        }
        .write(&part, seed);
    }
    let none = base.join("none/quick");
    Synthetic {
        compared: false,
        evaluated: false,
        ..Synthetic::default()
    }
    .write(&none, 0);
    for name in ["many", "one", "long", "part", "none"] {
        let t = std::time::Instant::now();
        let runs = report::load(&[base.join(name)]).unwrap();
        let w = report::write(&runs, &base.join(name)).unwrap();
        println!("{name} {:?} {:?} {:?}", t.elapsed(), w.headlines, w.notes);
    }
    let runs = report::load(&[base.join("many"), base.join("long"), base.join("part")]).unwrap();
    report::write(&runs, &base.join("all")).unwrap();
}
