//! What meeting a bandit again saves.

use crate::recurring_bandit::{RecurringBandit, RecurringSettings};
use rl_core::{Actions, Analysis, Bar, Bars, Ink, MOST_BARS, Moments, Trials};

/// The regret of each meeting, the agent's beside the exact one.
pub(crate) fn analysis(bandit: &RecurringBandit) -> Analysis {
    let bandit = bandit.clone();
    Analysis::new("regret-by-meeting", move |trials| {
        let size = &bandit.size;
        let found = bandit.regret_by_meeting(trials)?;
        let optimum = size.pulls as f64 * size.reward;
        let exact = bandit.bayes_optimal_meetings();
        let exact: Vec<f64> = exact.iter().map(|value| optimum - value).collect();
        let both = found.iter().zip(&exact).enumerate().take(MOST_BARS / 2);
        let groups = both.map(|(number, (found, exact))| {
            let optimal = Bar {
                label: "optimal".to_owned(),
                value: Some((*exact, None)),
                ink: Ink::Key,
            };
            let bars = vec![Bar::of("agent", found), optimal];
            (format!("meeting {}", number + 1), bars)
        });
        let bars = Bars {
            groups: groups.collect(),
            top: None,
        };
        let lanes = trials.trajectory.lanes();
        let mut caption = format!(
            "What is lost in each meeting with a bandit by arms that are not the good one, over \
             {lanes} trials, ± 1 standard error, beside what the Bayes-optimal agent loses."
        );
        if let ([first, second, ..], [exact_first, exact_second, ..]) = (&found[..], &exact[..]) {
            let both = |first: f64, second: f64| match first > 0.0 {
                true => format!(
                    "{first:.3}, second {second:.3}, which is {:.1} % of it",
                    100.0 * second / first
                ),
                false => format!("{first:.3}, second {second:.3}"),
            };
            caption += &format!(
                " First meeting {}; Bayes-optimal {}.",
                both(first.mean(), second.mean()),
                both(*exact_first, *exact_second),
            );
        }
        Some(bars.picture("Regret by meeting", caption))
    })
}

impl RecurringBandit {
    /// What agents lost in their first, second, … meeting with a bandit by arms that are
    /// not the good one, in expectation; `None` where trials are not of this environment.
    /// `[meetings]`
    pub fn regret_by_meeting(&self, trials: &Trials<'_>) -> Option<Vec<Moments>> {
        let RecurringSettings {
            contexts,
            meetings,
            pulls,
            reward,
            ..
        } = self.size;
        let lanes = trials.trajectory.lanes();
        let steps = contexts * meetings * pulls;
        let Actions::Discrete(actions) = trials.trajectory.actions() else {
            return None;
        };
        let sizes = [trials.descriptions.len(), actions.len()];
        if sizes[0] != 2 * lanes * contexts * meetings || sizes[1] < lanes * steps {
            return None;
        }
        let mut regret = vec![Moments::default(); meetings];
        for lane in 0..lanes {
            let mut met = vec![0; contexts];
            for (place, of_meeting) in trials.description(lane).chunks_exact(2).enumerate() {
                let (context, good) = (of_meeting[0] as usize, of_meeting[1] as u32);
                let own = place * pulls..(place + 1) * pulls;
                let wrong = own.filter(|t| actions[t * lanes + lane] != good).count();
                regret[met[context]].push(wrong as f64 * (2.0 * reward - 1.0));
                met[context] += 1;
            }
        }
        Some(regret)
    }
}
