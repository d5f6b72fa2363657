//! Sentences that say what numbers show. They never claim more than was
//! measured.

use record::schema::LearnerKind;

use crate::measure::Measure;
use crate::references::Target;
use crate::setting::Setting;
use crate::standing::{Standing, Standings};
use crate::stats::Estimate;
use crate::text::{count, decimals, display_name, fixed, percent, percent_to, rounded, thousands};

/// The most decimals that a percentage has.
const MOST_DECIMALS: usize = 4;
/// Shares are no farther apart than this by rounding alone.
const ROUNDING: f64 = 1e-9;

/// "10,000", or "9,000 to 10,000".
pub(crate) fn between(low: u64, high: u64) -> String {
    match low == high {
        true => thousands(low),
        false => format!("{} to {}", thousands(low), thousands(high)),
    }
}

/// "10,000 fresh tasks", "200 fresh tasks of 21 different ones", or "1,000 draws of a single
/// task": so many were drawn, of so many where their number is finite.
pub(crate) fn fresh_tasks((low, high): (u64, u64), distinct: Option<u64>) -> String {
    let drawn = between(low, high);
    let plural = if high == 1 { "" } else { "s" };
    match distinct {
        Some(1) => format!("{drawn} draw{plural} of a single task"),
        Some(all) => format!(
            "{drawn} fresh task{plural} of {} different ones",
            thousands(all)
        ),
        None => format!("{drawn} fresh task{plural}"),
    }
}

/// What a setting was compared on.
pub(crate) fn tasks(standings: &Standings) -> String {
    fresh_tasks(standings.tasks, standings.distinct_tasks)
}

/// What it means that there are so few tasks; `None` where they do not repeat.
pub(crate) fn repeated_note(standings: &Standings) -> Option<String> {
    standings.distinct_tasks.map(|all| match all {
        1 => "There is a single task, which training draws as well.".to_string(),
        all => format!(
            "There are {} different tasks in all, and training draws from the same ones unless its \
             configuration splits them.",
            thousands(all)
        ),
    })
}

/// "97.1 % [96.5, 97.7]", its brackets unbroken
pub(crate) fn share(share: Measure) -> String {
    match share {
        Measure::Exact(value) => percent(value),
        _ => {
            let estimate = share.estimate();
            let places = share_decimals(&estimate);
            format!(
                "{} {}",
                percent_to(estimate.mean, places),
                interval(estimate, 100.0, places)
            )
        }
    }
}

/// How many decimals a share of the gap has as a percentage: the digit that its half-width
/// begins with is the last one. More where an end of its interval would read as all of the
/// gap, or none of it, and is not.
pub fn share_decimals(share: &Estimate) -> usize {
    let least = match share.half_width {
        width if width > ROUNDING => decimals([100.0 * width]).saturating_sub(1).max(1),
        _ => 1,
    };
    let reads_as = |end: f64, whole: f64, places: usize| {
        let differs = (end - whole).abs() > ROUNDING;
        differs && fixed(100.0 * end, places) == fixed(100.0 * whole, places)
    };
    let misleads = |places: usize| {
        let mut ends = share.interval().into_iter().flatten();
        ends.any(|end| reads_as(end, 0.0, places) || reads_as(end, 1.0, places))
    };
    (least..MOST_DECIMALS)
        .find(|places| !misleads(*places))
        .unwrap_or(MOST_DECIMALS)
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
                "{trained}; its last evaluation gave a return of {} on {}.",
                measure(reached, decimals([row.standard_error])),
                count(row.tasks, "task")
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

    /// As of an agent that earns 20.5457 of 20.55, where chance earns 6.61.
    #[test]
    fn what_an_interval_leaves_out_is_not_shown_as_its_end() {
        let closed = |mean, half_width| {
            share(Measure::Seeds(Estimate {
                mean,
                standard_error: f64::NAN,
                half_width,
            }))
        };
        let all = "99.97\u{202f}% [99.96,\u{a0}99.98]";
        assert_eq!(closed(0.99969, 0.00012), all);
        // Here the half-width alone would round the end to 100.0.
        assert_eq!(closed(0.985, 0.0147), "98.50\u{202f}% [97.03,\u{a0}99.97]");
        assert_eq!(closed(0.3, 0.2997), "30.00\u{202f}% [0.03,\u{a0}59.97]");
        assert_eq!(closed(0.992, 0.004), "99.2\u{202f}% [98.8,\u{a0}99.6]");
        assert_eq!(closed(1.0, 0.0), "100.0\u{202f}% [100.0,\u{a0}100.0]");
        assert_eq!(closed(1.0 - 1e-15, 1e-17), closed(1.0, 0.0));
    }

    #[test]
    fn draws_of_few_tasks_are_counted() {
        let of = |distinct| fresh_tasks((1000, 1000), distinct);
        assert_eq!(of(None), "1,000 fresh tasks");
        assert_eq!(of(Some(21)), "1,000 fresh tasks of 21 different ones");
        assert_eq!(of(Some(1)), "1,000 draws of a single task");
        assert_eq!(fresh_tasks((1, 1), None), "1 fresh task");
        assert_eq!(fresh_tasks((1, 2), None), "1 to 2 fresh tasks");
    }

    #[test]
    fn shares_above_all_are_explained_only_where_they_are_shown() {
        let note = |share| beyond_note([share], Target::KnownTask);
        assert_eq!(note(sampled(0.9, 0.05)), None);
        let text = note(sampled(0.9, 0.06)).unwrap();
        assert!(text.contains("sampling error") && text.contains("the known-task optimum"));
    }
}
