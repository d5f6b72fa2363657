//! Sentences that say what numbers show. They never claim more than was
//! measured.

use record::schema::LearnerKind;

use crate::measure::Measure;
use crate::references::Target;
use crate::setting::Setting;
use crate::standing::{Standing, Standings};
use crate::stats::Estimate;
use crate::text::{count, decimals, display_name, fixed, percent, rounded, thousands};

/// "10,000", or "9,000 to 10,000".
pub(crate) fn between(low: u64, high: u64) -> String {
    match low == high {
        true => thousands(low),
        false => format!("{} to {}", thousands(low), thousands(high)),
    }
}

/// "10,000 fresh tasks", or "200 fresh tasks of 21 different ones".
pub(crate) fn tasks(standings: &Standings) -> String {
    let (low, high) = standings.tasks;
    let fresh = format!("{} fresh tasks", between(low, high));
    match standings.distinct_tasks {
        Some(all) => format!("{fresh} of {} different ones", thousands(all)),
        None => fresh,
    }
}

/// What it means that there are so few tasks; `None` where they do not repeat.
pub(crate) fn repeated_note(standings: &Standings) -> Option<String> {
    standings.distinct_tasks.map(|all| {
        format!(
            "There are {} different tasks in all, and training draws from the same ones unless its \
             configuration splits them.",
            thousands(all)
        )
    })
}

/// "97.1 % [96.5, 97.7]", its brackets unbroken
pub(crate) fn share(share: Measure) -> String {
    match share {
        Measure::Exact(value) => percent(value),
        _ => {
            let estimate = share.estimate();
            format!(
                "{} {}",
                percent(estimate.mean),
                interval(estimate, 100.0, 1)
            )
        }
    }
}

/// "[6.601, 6.635]" in a unit, "[–]" where there is no interval.
pub(crate) fn interval(value: Estimate, unit: f64, places: usize) -> String {
    match value.interval() {
        Some(ends) => {
            let [low, high] = ends.map(|end| fixed(unit * end, places));
            format!("[{low},\u{a0}{high}]")
        }
        None => "[–]".to_string(),
    }
}

/// "6.618 ± 0.012", or "6.618 [6.601, 6.635]" over seeds.
pub(crate) fn measure(measure: Measure, places: usize) -> String {
    match measure {
        Measure::Exact(value) => fixed(value, places),
        Measure::Sampled(value) => {
            format!(
                "{}\u{a0}±\u{a0}{}",
                fixed(value.mean, places),
                fixed(value.standard_error, places)
            )
        }
        Measure::Seeds(value) => {
            format!(
                "{} {}",
                fixed(value.mean, places),
                interval(value, 1.0, places)
            )
        }
    }
}

/// "97.1 % [96.5, 97.7] of the gap between random and Bayes-optimal", and
/// what its interval leaves open.
fn of_the_gap(closed: Measure, to: Target) -> String {
    let verdict = match closed.estimate().interval() {
        Some([low, _]) if low >= 1.0 => ", that is, all of it,",
        Some([_, high]) if high < 0.0 => "",
        Some([low, _]) if low <= 0.0 => ", within its error none of it,",
        Some([_, high]) if high >= 1.0 => ", all of it within its error,",
        _ => "",
    };
    format!(
        "{} of the gap between random and {}{verdict}",
        share(closed),
        to.words()
    )
}

/// What a share above 100 % means; `None` where none is shown.
pub(crate) fn beyond_note(shares: impl IntoIterator<Item = Measure>, to: Target) -> Option<String> {
    let beyond = shares
        .into_iter()
        .any(|share| share.ends().any(|end| end > 1.0));
    beyond.then(|| {
        format!(
            "Shares above 100\u{202f}% are sampling error: no agent does better than {} on average.",
            to.words()
        )
    })
}

/// What the learning curve shows.
pub(crate) fn learning_title(
    setting: &Setting<'_>,
    standings: Option<&Standings>,
    (steps, end): (f64, f64),
) -> String {
    let agent = setting.agent();
    let gap = standings.and_then(|s| Some((s.trained()?.share?, s.gap?.to)));
    match gap {
        Some((closed, _)) if closed.mean() <= 0.0 => {
            format!("{agent} does no better than random")
        }
        Some((closed, to)) => {
            let closes = format!("{agent} closes {}", of_the_gap(closed, to));
            closes.trim_end_matches(',').to_string()
        }
        None => format!(
            "{agent} reaches a return of {} after {} steps",
            fixed(end, 2),
            rounded(steps)
        ),
    }
}

/// The one sentence of a report, with its numbers.
pub(crate) fn headline(setting: &Setting<'_>, standings: Option<&Standings>) -> String {
    let agent = setting.agent();
    let Some((standings, trained)) = standings.and_then(|s| Some((s, s.trained()?))) else {
        return progress(setting);
    };
    let tasks = tasks(standings);
    let seeds = match standings.seeds.len() {
        1 => "1 seed; the interval is over tasks".to_string(),
        n => format!("{n} seeds"),
    };
    match (trained.share, standings.gap) {
        (Some(closed), Some(gap)) => format!(
            "{agent} closed {} on {tasks} ({seeds}).",
            of_the_gap(closed, gap.to)
        ),
        _ => {
            let places = decimals([trained.mean_return.uncertainty()]);
            let reached = measure(trained.mean_return, places);
            format!("{agent} reached a return of {reached} on {tasks} ({seeds}).")
        }
    }
}

/// What there is to say before the comparison.
fn progress(setting: &Setting<'_>) -> String {
    let agent = setting.agent();
    let steps = setting
        .runs
        .iter()
        .map(|run| run.env_steps())
        .max()
        .unwrap_or(0);
    let trained = format!(
        "{agent} has been trained for {} environment steps",
        rounded(steps as f64)
    );
    let last = setting
        .runs
        .iter()
        .filter_map(|run| run.evaluations.last())
        .next_back();
    match last {
        Some(row) => {
            let reached = Measure::Sampled(Estimate::from(row));
            format!(
                "{trained}; its last evaluation gave a return of {} on {} fresh tasks.",
                measure(reached, decimals([row.standard_error])),
                thousands(row.tasks as u64)
            )
        }
        None => format!("{trained} and has not been evaluated yet."),
    }
}

/// What the regret figure shows.
pub(crate) fn regret_title(
    setting: &Setting<'_>,
    trained: &Standing,
    drawn: &[&Standing],
) -> String {
    let agent = setting.agent();
    let regret = |learner: &Standing| learner.final_regret().map_or(f64::NAN, Measure::mean);
    let best = drawn
        .iter()
        .filter(|learner| learner.is_classical() && regret(learner).is_finite())
        .min_by(|a, b| regret(a).total_cmp(&regret(b)));
    let own = regret(trained);
    match best {
        None => format!(
            "A trial with {agent} ends {} behind an agent that knows its task",
            fixed(own, 2)
        ),
        Some(best) => {
            let name = display_name(&best.name);
            if let Some((own, best)) = trained.final_regret().zip(best.final_regret())
                && own.estimate().is_level_with(&best.estimate())
            {
                return format!(
                    "{agent} and {name} are level within their errors: they lose {} and {} to an \
                     agent that knows its task",
                    fixed(own.mean(), 2),
                    fixed(best.mean(), 2)
                );
            }
            format!(
                "{agent} loses {} to an agent that knows its task; {name} loses {}",
                fixed(own, 2),
                fixed(regret(best), 2)
            )
        }
    }
}

/// What the lines and bands of the regret figure are, with so many exact values
/// of the Bayes-optimal agent.
pub(crate) fn regret_caption(standings: &Standings, exact: usize, cut: bool) -> String {
    let mut parts = vec![format!(
        "Reward that an agent which knows its task would have had more of, added up over the steps \
         of a trial; mean over {}, {} actions. Lower is better.",
        tasks(standings),
        standings.actions
    )];
    parts.push(match standings.seeds.len() {
        1 => "Bands: 95\u{a0}% intervals over tasks.".to_string(),
        n => format!(
            "Bands: 95\u{a0}% intervals, over {} for the trained agent and over tasks for the \
             others.",
            count(n, "seed")
        ),
    });
    let has_oracle = standings
        .learners
        .iter()
        .any(|learner| learner.kind == LearnerKind::Oracle);
    match exact {
        0 if !has_oracle => {}
        0 => parts.push("Dashed black: the Bayes-optimal agent.".to_string()),
        1 => parts.push("Dot: the exact Bayes-optimal value at the end of a trial.".to_string()),
        _ => parts.push("Dashed black: the Bayes-optimal agent, exactly.".to_string()),
    }
    if cut {
        parts.push(
            "Learners with an arrow leave the figure; their number is the regret of a whole trial."
                .to_string(),
        );
    }
    parts.join(" ")
}

/// Where the reference lines of the learning curve come from.
pub(crate) fn reference_caption(standings: &Standings) -> String {
    let exact = |measure: Option<Measure>, name: &str| match measure {
        Some(Measure::Exact(_)) => Some(name.to_string()),
        _ => None,
    };
    let known = &standings.references;
    let exact: Vec<String> = [
        exact(known.bayes_optimal, "Bayes-optimal"),
        exact(known.known_task, "known-task optimum"),
        exact(known.random, "random"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let tasks = tasks(standings);
    match exact.is_empty() {
        true => format!("Horizontal lines: measured on {tasks}."),
        false => format!(
            "Horizontal lines: {} exactly, others measured on {tasks}.",
            crate::text::listed(&exact)
        ),
    }
}

/// What the point at the end of the learning curve is; `None` where there is
/// none.
pub(crate) fn compared_caption(standings: &Standings) -> Option<String> {
    let trained = standings.trained()?;
    let finite = trained.mean_return.mean().is_finite();
    let tasks = tasks(standings);
    let interval = match trained.mean_return {
        Measure::Exact(_) => String::new(),
        Measure::Sampled(..) => " with its 95\u{a0}% interval over tasks".to_string(),
        Measure::Seeds(_) => format!(
            " with its 95\u{a0}% interval over {}",
            count(standings.seeds.len(), "seed")
        ),
    };
    let note = standings
        .gap
        .and_then(|gap| beyond_note(trained.share, gap.to));
    let note = note.map_or(String::new(), |note| format!(" {note}"));
    finite.then(|| {
        format!(
            "Point at the end{interval}: the comparison after training, on {tasks}; \
             title and label are its numbers.{note}"
        )
    })
}

/// What the column of shares is called.
pub(crate) fn share_heading(to: Target) -> String {
    format!("Share of the gap closed, random to {}", to.words())
}

/// What stands behind the numbers of the table.
pub(crate) fn interval_note(seeds: usize) -> &'static str {
    match seeds {
        1 => "± is one standard error over tasks.",
        _ => {
            "± is one standard error over tasks; [ ] is the 95\u{a0}% interval of the mean over seeds \
             (Student’s t), never narrower than that over the tasks alone."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(low: f64, mean: f64, high: f64) -> String {
        assert!((low + high - 2.0 * mean).abs() < 1e-12);
        let closed = Measure::Seeds(Estimate {
            mean,
            standard_error: f64::NAN,
            half_width: high - mean,
        });
        let text = of_the_gap(closed, Target::BayesOptimal);
        let (_, verdict) = text.split_once("Bayes-optimal").unwrap();
        verdict.to_string()
    }

    fn sampled(mean: f64, standard_error: f64) -> Measure {
        Measure::Sampled(Estimate::sampled(mean, standard_error, u64::MAX))
    }

    #[test]
    fn one_task_claims_nothing() {
        let one = Estimate::sampled(3.857, 0.0, 1);
        assert_eq!(measure(Measure::Sampled(one), 2), "3.86\u{a0}±\u{a0}–");
        let text = of_the_gap(Measure::Sampled(one), Target::BayesOptimal);
        assert_eq!(
            text,
            "385.7\u{202f}% [–] of the gap between random and Bayes-optimal"
        );
    }

    #[test]
    fn a_share_says_what_its_interval_leaves_open() {
        assert_eq!(verdict(0.9, 0.945, 0.99), "");
        assert_eq!(verdict(0.9, 0.955, 1.01), ", all of it within its error,");
        assert_eq!(verdict(0.98, 1.01, 1.04), ", all of it within its error,");
        assert_eq!(verdict(1.01, 1.02, 1.03), ", that is, all of it,");
        assert_eq!(verdict(-0.1, 0.1, 0.3), ", within its error none of it,");
        assert_eq!(verdict(-0.3, -0.2, -0.1), "");
        let text = of_the_gap(sampled(0.9, 0.01), Target::BayesOptimal);
        assert!(text.starts_with("90.0\u{202f}% [88.0,\u{a0}92.0] of the gap"));
    }

    #[test]
    fn shares_above_all_are_explained_only_where_they_are_shown() {
        let note = |share| beyond_note([share], Target::KnownTask);
        assert_eq!(note(sampled(0.9, 0.05)), None);
        let text = note(sampled(0.9, 0.06)).unwrap();
        assert!(text.contains("sampling error") && text.contains("the known-task optimum"));
    }
}
