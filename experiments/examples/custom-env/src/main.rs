//! metarl with one more environment: its whole command line, for an
//! environment of your own.

mod guess_the_number;

use experiments::{EnvironmentEntry, Registry};
use guess_the_number::GuessTheNumber;

fn main() -> std::process::ExitCode {
    let entry = EnvironmentEntry::new("guess-the-number", "higher or lower?", |settings| {
        let (numbers, guesses) = (settings.count("numbers")?, settings.count("guesses")?);
        Ok(GuessTheNumber { numbers, guesses })
    })
    .count("numbers", 7, 2..=1000, "numbers to choose from")
    .count("guesses", 6, 1..=1000, "guesses of a trial");
    experiments::run(&Registry::standard().with_environment(entry))
}
