//! The numbers of the table.

use crate::progress::Stages;
use agent::{Place, read};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::observer::Progress as _;
use lab::presets::{QUICKSTART, Source};
use lab::registry::Registry;
use lab::session::Session;
use rl_core::Moments;
use rl2::{GradientVariances, Rl2Config, Trainer};
use serde::Serialize;
use std::sync::Arc;

/// Arms of the bandits.
pub(super) const ARMS: usize = 5;

/// What is measured.
pub(super) struct Plan {
    /// Pulls of a trial.
    pub(super) pulls: &'static [usize],
    /// Updates of the agents before.
    pub(super) updates: [u64; 2],
    /// Trials whose gradients are compared.
    pub(super) trials: usize,
    pub(super) seeds: std::ops::Range<u64>,
}

impl Plan {
    pub(super) fn new(quick: bool, seed: u64) -> Self {
        match quick {
            true => Self {
                pulls: &[5, 10, 20],
                updates: [0, 10],
                trials: 200,
                seeds: seed..seed + 2,
            },
            false => Self {
                pulls: &[5, 10, 20, 50, 100],
                updates: [0, 100],
                trials: 1000,
                seeds: seed..seed + 5,
            },
        }
    }
}

/// One number of pulls at one stage of the training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    /// Arms and pulls of the bandits.
    pub(super) arms: usize,
    pub(super) pulls: usize,
    /// Updates done before.
    pub(super) updates: u64,
    /// tr Cov of a trial's gradient without a baseline, mean over seeds.
    pub(super) none: f64,
    /// With the constant baseline, as a share of that, mean over seeds.
    pub(super) constant: Share,
    /// The same with the value head's.
    pub(super) value: Share,
}

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Share {
    pub(super) mean: f64,
    pub(super) standard_error: f64,
}

impl Share {
    fn of(moments: &Moments) -> Self {
        Self {
            mean: moments.mean(),
            standard_error: moments.standard_error(),
        }
    }
}

/// All rows, stage by stage.
///
/// # Errors
/// If a training fails or is stopped.
pub(super) fn rows(
    registry: &Registry,
    session: &Session<'_>,
    (name, plan): (&str, &Plan),
) -> Result<Vec<Row>, Failure> {
    let stages = Stages::new(name, plan.pulls.len());
    let mut rows = Vec::new();
    for (index, pulls) in plan.pulls.iter().copied().enumerate() {
        stages.begins(index, &format!("{pulls} pulls"));
        let [begun, trained] = of_pulls(registry, session, (plan, pulls))?;
        rows.push((begun, trained));
    }
    let (begun, trained): (Vec<Row>, Vec<Row>) = rows.into_iter().unzip();
    Ok(begun.into_iter().chain(trained).collect())
}

/// The rows of both stages.
fn of_pulls(
    registry: &Registry,
    session: &Session<'_>,
    (plan, pulls): (&Plan, usize),
) -> Result<[Row; 2], Failure> {
    let source = Source::find(QUICKSTART.as_ref())?;
    let words = [
        format!("environment.arms={ARMS}"),
        format!("environment.pulls={pulls}"),
    ];
    let config = RunConfig::resolve(registry, &source.place, &source.text, &words)?;
    let settings: Rl2Config = read("rl2", &config.settings).map_err(Failure::config)?;
    let env = config.built.factory.as_ref();
    let place = Place {
        pool: Arc::clone(&session.pool),
        device: session.device,
    };
    // Without a baseline, and the shares of both others, at either stage.
    let mut moments = [[Moments::default(); 3]; 2];
    for seed in plan.seeds.clone() {
        let mut trainer = Trainer::new(env, settings.clone(), seed, place.clone())?;
        for (moments, updates) in moments.iter_mut().zip(plan.updates) {
            while trainer.learner().updates_done() < updates {
                trainer.update()?;
            }
            let checkpoint = trainer.learner().checkpoint()?;
            let GradientVariances {
                none,
                constant,
                value,
            } = GradientVariances::measure(
                env,
                (&settings, &checkpoint),
                plan.trials,
                (seed, &place),
            )?;
            for (moments, number) in moments
                .iter_mut()
                .zip([none, constant / none, value / none])
            {
                moments.push(number);
            }
        }
    }
    let mut stages = moments.into_iter().zip(plan.updates);
    Ok(std::array::from_fn(|_| {
        let ([none, constant, value], updates) = stages.next().unwrap_or_default();
        Row {
            arms: ARMS,
            pulls,
            updates,
            none: none.mean(),
            constant: Share::of(&constant),
            value: Share::of(&value),
        }
    }))
}
