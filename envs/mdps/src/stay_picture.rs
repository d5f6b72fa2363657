//! The stay-probability analysis as bars.

use crate::stay_probability::StayProbability;
use rl_core::{Analysis, Bar, Bars, Ink, Picture};

/// The figure of Daw et al. 2011 and Wang et al. 2016.
pub(crate) fn analysis() -> Analysis {
    Analysis::new("stay-probability", |trials| {
        let stays = StayProbability::of(trials.trajectory).ok()?;
        Some(stays.picture())
    })
}

impl StayProbability {
    /// A bar for each kind of rounds, with its standard error.
    pub fn picture(&self) -> Picture {
        let mut groups: Vec<(String, Vec<Bar>)> = Vec::new();
        for (name, stay) in self.cells() {
            let (reward, transition) = name.split_once(", ").unwrap_or((name, ""));
            if groups.last().is_none_or(|(group, _)| group != reward) {
                groups.push((reward.to_owned(), Vec::new()));
            }
            let bar = Bar {
                label: transition.to_owned(),
                value: stay.probability().map(|p| (p, stay.standard_error())),
                ink: match transition {
                    "common" => Ink::Agent,
                    _ => Ink::Key,
                },
            };
            if let Some((_, bars)) = groups.last_mut() {
                bars.push(bar);
            }
        }
        let rounds: u64 = self.cells().iter().map(|(_, stay)| stay.rounds).sum();
        let top = Some(1.0);
        Bars { groups, top }.picture(
            "Probability of the same first choice again",
            format!(
                "By what the round before gave, over {rounds} rounds, ± 1 standard error. Who \
                 credits states (model-based) stays after a rewarded common and an unrewarded \
                 rare transition; who credits actions (model-free) stays after any reward."
            ),
        )
    }
}
