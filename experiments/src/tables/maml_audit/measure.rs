//! The numbers of the audit.

use crate::progress::Stages;
use lab::failure::Failure;
use lab::observer::Progress as _;
use lab::session::Session;
use maml::audit::{Audit, AuditConfig, Effort, Estimator};
use serde::Serialize;

/// What is measured.
pub(super) struct Plan {
    pub(super) problem: AuditConfig,
    /// Each takes the place of the problem's γ in turn.
    pub(super) discounts: Vec<f64>,
    /// Episodes of a task before the adaptation, and as many after it.
    pub(super) counts: Vec<usize>,
    pub(super) effort: Effort,
}

/// How many episodes an estimator gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Amount {
    Finite(usize),
    Infinite,
}

/// A share of the exact gradient's length, with its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Share {
    pub(super) value: f64,
    pub(super) standard_error: f64,
    /// Whether it was computed by enumeration.
    pub(super) exact: bool,
}

/// One estimator with one number of episodes, over all policies: gradients at
/// all of them count as one long vector.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) estimator: &'static str,
    /// γ
    pub(super) gamma: f64,
    pub(super) amount: Amount,
    /// ‖E ĝ − ∇J‖ / ‖∇J‖
    pub(super) bias: Share,
    /// Cosine of the angle between E ĝ and ∇J.
    pub(super) cosine: f64,
    /// ‖E ĝ − ∇Jₙ‖ / ‖∇Jₙ‖, where ∇Jₙ can be enumerated.
    pub(super) sampled_bias: Option<Share>,
    /// √(tr Var ĝ) / ‖∇J‖; 0 for infinitely many episodes.
    pub(super) standard_deviation: f64,
    /// Estimates that it was computed from.
    pub(super) estimates: usize,
}

/// Works out all rows, discount by discount and estimator by estimator; the
/// workers share the policies.
///
/// # Errors
/// If a number is out of range, or a worker fails.
pub(super) fn rows(session: &Session<'_>, name: &str, plan: &Plan) -> Result<Vec<Row>, Failure> {
    let cells = plan.discounts.len() * Estimator::ALL.len() * plan.counts.len();
    let stages = Stages::new(name, cells);
    let mut rows = Vec::new();
    let mut done = 0;
    for gamma in plan.discounts.iter().copied() {
        let subject = Subject::new(session, plan, gamma)?;
        for estimator in Estimator::ALL {
            for (index, count) in plan.counts.iter().copied().enumerate() {
                let label = format!("γ = {gamma}, {}, {count} episodes", estimator.name());
                stages.begins(done, &label);
                let cell = Cell {
                    estimator,
                    count,
                    effort: plan.effort,
                };
                let sampled = subject.sampled[index].as_deref();
                rows.push(cell.measure(session, &subject, sampled)?);
                done += 1;
            }
            rows.push(subject.limit(session, estimator)?);
        }
    }
    Ok(rows)
}

/// A problem at one discount, and its exact gradients.
struct Subject {
    audit: Audit,
    gamma: f64,
    /// ∇J at each point. `[points][parameters]`
    gradients: Vec<Vec<f64>>,
    /// ∇Jₙ for each count, where it exists and can be enumerated.
    /// `[counts][points][parameters]`
    sampled: Vec<Option<Vec<Vec<f64>>>>,
}

impl Subject {
    fn new(session: &Session<'_>, plan: &Plan, gamma: f64) -> Result<Self, Failure> {
        let problem = AuditConfig {
            gamma,
            ..plan.problem.clone()
        };
        let audit = Audit::new(&problem)?;
        let gradients = each(session, &audit, |audit, point| {
            audit.gradient(&audit.points()[point])
        })?;
        let mut sampled = Vec::new();
        for count in plan.counts.iter().copied() {
            let few = audit.data_sets(count) <= plan.effort.data_sets;
            sampled.push(match few && audit.plain() {
                false => None,
                true => Some(each(session, &audit, move |audit, point| {
                    audit.sampled_gradient(&audit.points()[point], count)
                })?),
            });
        }
        Ok(Self {
            audit,
            gamma,
            gradients,
            sampled,
        })
    }

    /// The row of infinitely many episodes.
    fn limit(&self, session: &Session<'_>, estimator: Estimator) -> Result<Row, Failure> {
        let limits = each(session, &self.audit, move |audit, point| {
            audit.limit(point, estimator)
        })?;
        let means: Vec<Mean> = limits.into_iter().map(Mean::exact).collect();
        Ok(Row {
            estimator: estimator.name(),
            gamma: self.gamma,
            amount: Amount::Infinite,
            bias: share(&means, &self.gradients),
            cosine: cosine(&means, &self.gradients),
            sampled_bias: None,
            standard_deviation: 0.0,
            estimates: 0,
        })
    }
}

/// Does something at every point.
fn each<T: Send>(
    session: &Session<'_>,
    audit: &Audit,
    work: impl Fn(&Audit, usize) -> T + Sync,
) -> Result<Vec<T>, Failure> {
    let points = 0..audit.points().len();
    let done = session.pool.map(points, |_, point| work(audit, point));
    done.map_err(Failure::internal)
}

/// An estimator with a number of episodes.
#[derive(Clone, Copy)]
struct Cell {
    estimator: Estimator,
    count: usize,
    effort: Effort,
}

impl Cell {
    fn measure(
        self,
        session: &Session<'_>,
        subject: &Subject,
        sampled: Option<&[Vec<f64>]>,
    ) -> Result<Row, Failure> {
        let Self {
            estimator,
            count,
            effort,
        } = self;
        let gradients = &subject.gradients;
        let both = each(session, &subject.audit, move |audit, point| {
            let expectation = audit.expectation(point, estimator, count, effort);
            let spread = audit.spread(point, estimator, count, effort);
            let mean = Mean {
                mean: expectation.mean,
                standard_error: expectation.standard_error,
                exact: expectation.exact,
            };
            (mean, squares(&spread.standard_deviation))
        })?;
        let (means, variances): (Vec<Mean>, Vec<f64>) = both.into_iter().unzip();
        let variance: f64 = variances.iter().sum();
        Ok(Row {
            estimator: estimator.name(),
            gamma: subject.gamma,
            amount: Amount::Finite(count),
            bias: share(&means, gradients),
            cosine: cosine(&means, gradients),
            sampled_bias: sampled.map(|sampled| share(&means, sampled)),
            standard_deviation: (variance / all(gradients)).sqrt(),
            estimates: effort.estimates,
        })
    }
}

/// What an estimator gives on average at a point.
struct Mean {
    mean: Vec<f64>,
    standard_error: Vec<f64>,
    exact: bool,
}

impl Mean {
    fn exact(mean: Vec<f64>) -> Self {
        Self {
            standard_error: vec![0.0; mean.len()],
            mean,
            exact: true,
        }
    }
}

fn squares(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum()
}

/// Squared length of all vectors as one.
fn all(vectors: &[Vec<f64>]) -> f64 {
    vectors.iter().map(|vector| squares(vector)).sum()
}

/// How far expectations are from the truth. What the noise of the expectation
/// itself adds to the squared distance is taken out of it; the standard error
/// is that of a distance in the direction of all noise, so at most too large.
fn share(means: &[Mean], truth: &[Vec<f64>]) -> Share {
    let away = |(mean, truth): (&Mean, &Vec<f64>)| {
        let both = mean.mean.iter().zip(truth);
        both.map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
    };
    let distance: f64 = means.iter().zip(truth).map(away).sum();
    let noise: f64 = means.iter().map(|mean| squares(&mean.standard_error)).sum();
    let length = all(truth).sqrt();
    Share {
        value: (distance - noise).max(0.0).sqrt() / length,
        standard_error: noise.sqrt() / length,
        exact: means.iter().all(|mean| mean.exact),
    }
}

fn cosine(means: &[Mean], truth: &[Vec<f64>]) -> f64 {
    let dot = |(mean, truth): (&Mean, &Vec<f64>)| {
        let both = mean.mean.iter().zip(truth);
        both.map(|(a, b)| a * b).sum::<f64>()
    };
    let product: f64 = means.iter().zip(truth).map(dot).sum();
    let own: f64 = means.iter().map(|mean| squares(&mean.mean)).sum();
    product / (own * all(truth)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(mean: [f64; 2], error: f64) -> Mean {
        Mean {
            mean: mean.to_vec(),
            standard_error: vec![error; 2],
            exact: error == 0.0,
        }
    }

    #[test]
    fn shares_are_of_all_points_together_and_free_of_noise() {
        let truth = [vec![3.0, 0.0], vec![0.0, 4.0]];
        let means = [mean([3.0, 1.0], 0.0), mean([0.0, 4.0], 0.0)];
        let found = share(&means, &truth);
        assert!((found.value - 0.2).abs() < 1e-12 && found.exact);
        let means = [mean([3.0, 1.0], 0.3), mean([0.0, 4.0], 0.4)];
        let found = share(&means, &truth);
        let noise: f64 = 2.0 * (0.09 + 0.16);
        assert!((found.value - (1.0 - noise).sqrt() / 5.0).abs() < 1e-12);
        assert!((found.standard_error - noise.sqrt() / 5.0).abs() < 1e-12);
        assert!(!found.exact);
        // What is within the noise is no bias.
        assert_eq!(share(&[mean([3.0, 0.1], 0.3)], &truth[..1]).value, 0.0);
    }

    #[test]
    fn cosines_are_literal() {
        let truth = [vec![1.0, 0.0]];
        assert!((cosine(&[mean([2.0, 2.0], 0.0)], &truth) - 0.5_f64.sqrt()).abs() < 1e-12);
        assert!((cosine(&[mean([-3.0, 0.0], 0.0)], &truth) + 1.0).abs() < 1e-12);
    }
}
