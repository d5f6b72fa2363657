//! metarl with one more algorithm: its whole command line, for an algorithm of
//! your own.

mod reinforce;

use experiments::Registry;

fn main() -> std::process::ExitCode {
    experiments::run(&Registry::standard().with_algorithm(reinforce::REINFORCE))
}
