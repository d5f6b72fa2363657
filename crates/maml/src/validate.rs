//! Checks of the settings.

use crate::config::{Baseline, Exploration, KlPenalty, LearnedRates, MamlConfig, Outer, Surrogate};
use crate::fault::fault;
use agent::LearnError;

const MOST: usize = 1 << 20;

impl MamlConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        count("tasks", self.tasks, 1..=MOST)?;
        count("trajectories", self.trajectories, 1..=MOST)?;
        unit("gae.gamma", self.gae.gamma)?;
        unit("gae.lambda", self.gae.lambda)?;
        above_zero("max_gradient_norm", self.max_gradient_norm)?;
        if let Some((end, value)) = self.learning_rate.fault() {
            not_negative(&format!("learning_rate.{end}"), value)?;
        }
        count("inner.steps", self.inner.steps, 0..=100)?;
        rates("inner", self.inner.steps, &self.inner.rates)?;
        self.validate_outer()?;
        self.validate_exploration()?;
        self.validate_steps()?;
        self.validate_networks()?;
        count("evaluation.steps", self.evaluation.steps, 0..=1000)?;
        let trajectories = self.evaluation.trajectories;
        count("evaluation.trajectories", trajectories, 1..=MOST)?;
        rates("evaluation", self.evaluation.steps, &self.evaluation.rates)
    }

    fn validate_outer(&self) -> Result<(), LearnError> {
        match self.outer {
            Outer::Vpg | Outer::Reptile => {}
            Outer::Ppo {
                clip,
                epochs,
                penalty,
            } => {
                open_unit("outer.clip", clip)?;
                count("outer.epochs", epochs, 1..=1000)?;
                match penalty {
                    KlPenalty::None => {}
                    KlPenalty::Fixed { coefficient } => {
                        not_negative("outer.penalty.coefficient", coefficient)?;
                    }
                    KlPenalty::Adaptive {
                        coefficient,
                        target,
                    } => {
                        positive("outer.penalty.coefficient", coefficient)?;
                        positive("outer.penalty.target", target)?;
                    }
                }
            }
            Outer::Trpo(region) => {
                positive("outer.max_kl", region.max_kl)?;
                count("outer.iterations", region.iterations, 1..=1000)?;
                not_negative("outer.damping", region.damping)?;
                count("outer.backtracks", region.backtracks, 1..=1000)?;
                open_unit("outer.shrink", region.shrink)?;
            }
        }
        Ok(())
    }

    /// E-MAML's term has to fit the losses that it is added to.
    fn validate_exploration(&self) -> Result<(), LearnError> {
        let Exploration::EMaml { coefficient } = self.exploration else {
            return Ok(());
        };
        not_negative("exploration.coefficient", coefficient)?;
        if self.tasks < 2 {
            let allowed = "at least 2 with maml.exploration.kind = e-maml, whose baseline is the \
                           mean over the other tasks";
            return Err(fault("tasks", self.tasks, allowed));
        }
        if self.inner.surrogate != Surrogate::LogProb {
            let allowed = "log-prob with maml.exploration.kind = e-maml, whose term holds what the \
                           other surrogates add: how the sampling depends on the policy";
            let value = format!("{:?}", self.inner.surrogate).to_lowercase();
            return Err(fault("inner.surrogate", value, allowed));
        }
        let refuse = |allowed| Err(fault("exploration.kind", "e-maml", allowed));
        match self.outer {
            Outer::Reptile => refuse(
                "none with maml.outer.kind = reptile, which has no policy gradient to add to; \
                 e-maml goes with vpg or trpo",
            ),
            Outer::Ppo { .. } => refuse(
                "none with maml.outer.kind = ppo, whose later epochs are off-policy, where \
                 e-maml's term has no ratio to weigh or clip it; e-maml goes with vpg or trpo",
            ),
            Outer::Vpg | Outer::Trpo(_) if self.inner.steps == 0 => refuse(
                "none with maml.inner.steps = 0, which has no samples before an adaptation to pay",
            ),
            Outer::Vpg | Outer::Trpo(_) => Ok(()),
        }
    }

    /// What needs inner steps has them, and Reptile moves parameters alone.
    fn validate_steps(&self) -> Result<(), LearnError> {
        let (reptile, none) = (self.outer == Outer::Reptile, self.inner.steps == 0);
        if reptile && none {
            let allowed = "at least 1 with maml.outer.kind = reptile, which moves towards where \
                           the steps lead";
            return Err(fault("inner.steps", 0, allowed));
        }
        let why = match (reptile, none) {
            (true, _) => "none with maml.outer.kind = reptile, which has no gradient for rates",
            (_, true) => "none with maml.inner.steps = 0, which has no rates to learn",
            (false, false) => return Ok(()),
        };
        let refuse = |name| Err(fault("inner.learned", name, why));
        match self.inner.learned {
            LearnedRates::None => Ok(()),
            LearnedRates::PerStep => refuse("per-step"),
            LearnedRates::PerParameter => refuse("per-parameter"),
        }
    }

    fn validate_networks(&self) -> Result<(), LearnError> {
        layers("policy.hidden", &self.policy.hidden)?;
        let normal = |key: &str, value: f64| match (1e-30..=1e30).contains(&value) {
            true => Ok(()),
            false => Err(fault(key, value, "1e-30 to 1e30")),
        };
        normal("policy.std", self.policy.std)?;
        normal("policy.min_std", self.policy.min_std)?;
        if self.policy.min_std > self.policy.std {
            let allowed = format!("at most maml.policy.std = {}", self.policy.std);
            return Err(fault("policy.min_std", self.policy.min_std, allowed));
        }
        match &self.baseline {
            Baseline::None if self.bootstrap => Err(fault(
                "bootstrap",
                true,
                "false with maml.baseline.kind = none, which has no values",
            )),
            Baseline::None => Ok(()),
            Baseline::Linear { ridge } => {
                if self.bootstrap && self.gae.gamma == 1.0 {
                    let allowed = "below 1 with maml.bootstrap = true and maml.baseline.kind = \
                                   linear, which sums up all that would follow";
                    return Err(fault("gae.gamma", 1, allowed));
                }
                positive("baseline.ridge", *ridge)
            }
            Baseline::Value {
                hidden,
                learning_rate,
                max_gradient_norm,
                epochs,
                ..
            } => {
                layers("baseline.hidden", hidden)?;
                positive("baseline.learning_rate", *learning_rate)?;
                above_zero("baseline.max_gradient_norm", *max_gradient_norm)?;
                count("baseline.epochs", *epochs, 1..=1000)
            }
        }
    }
}

fn count(
    key: &str,
    value: usize,
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<(), LearnError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let range = format!("{} to {}", allowed.start(), allowed.end());
    Err(fault(key, value, range))
}

fn unit(key: &str, value: f32) -> Result<(), LearnError> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(()),
        false => Err(fault(key, value, "0 to 1")),
    }
}

fn open_unit(key: &str, value: f64) -> Result<(), LearnError> {
    match value > 0.0 && value < 1.0 {
        true => Ok(()),
        false => Err(fault(key, value, "above 0 and below 1")),
    }
}

/// Infinity is allowed.
fn above_zero(key: &str, value: f64) -> Result<(), LearnError> {
    match value > 0.0 {
        true => Ok(()),
        false => Err(fault(key, value, "above 0")),
    }
}

fn positive(key: &str, value: f64) -> Result<(), LearnError> {
    match value > 0.0 && value.is_finite() {
        true => Ok(()),
        false => Err(fault(key, value, "finite numbers above 0")),
    }
}

fn not_negative(key: &str, value: f64) -> Result<(), LearnError> {
    match value >= 0.0 && value.is_finite() {
        true => Ok(()),
        false => Err(fault(key, value, "finite numbers, at least 0")),
    }
}

/// Rates of so many steps.
pub(crate) fn rates(section: &str, steps: usize, rates: &[f64]) -> Result<(), LearnError> {
    let key = format!("{section}.rates");
    if steps > 0 && rates.is_empty() {
        let allowed = format!("at least one number with maml.{section}.steps = {steps}");
        return Err(fault(key, "[]", allowed));
    }
    rates.iter().try_for_each(|rate| not_negative(&key, *rate))
}

fn layers(key: &str, hidden: &[usize]) -> Result<(), LearnError> {
    hidden
        .iter()
        .try_for_each(|units| count(key, *units, 1..=1 << 14))
}
