//! Checks of the settings.

use crate::config::{
    Baseline, Exploration, Gated, InnerRule, KlPenalty, LearnedRates, MamlConfig, MetaObjective,
    Outer, Surrogate,
};
use agent::{CLIP, EPOCHS, LANES, LearnError};
use nets::{MAX_GRADIENT_NORM, Schedule};
use rl_core::{Bounds, SettingError};

/// Iterations of conjugate gradient, or steps of the line search.
const ROUNDS: Bounds<usize> = Bounds::closed(1, 1000);
/// Units of a hidden layer.
const UNITS: Bounds<usize> = Bounds::closed(1, 1 << 14);
/// Units of the LSTM that gates steps.
const GATE_UNITS: Bounds<usize> = Bounds::closed(1, 256);
/// p, such that an f32 holds e^p and e^−p.
const RANGE: Bounds<f64> = Bounds::closed(0.1, 80.0);

impl MamlConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        Ok(self.check().map_err(|fault| fault.below("maml"))?)
    }

    fn check(&self) -> Result<(), SettingError> {
        LANES.check("tasks", self.tasks)?;
        LANES.check("trajectories", self.trajectories)?;
        self.gae.validate().map_err(|fault| fault.below("gae"))?;
        MAX_GRADIENT_NORM.check("max_gradient_norm", self.max_gradient_norm)?;
        let rate = self.learning_rate.validate();
        rate.map_err(|fault| fault.below("learning_rate"))?;
        let optimizer = self.optimizer.validate();
        optimizer.map_err(|fault| fault.below("optimizer"))?;
        Bounds::closed(0, 100).check("inner.steps", self.inner.steps)?;
        rates("inner", self.inner.steps, &self.inner.rates)?;
        self.validate_outer()?;
        self.validate_exploration()?;
        self.validate_steps()?;
        self.validate_rule()?;
        self.validate_objective()?;
        self.validate_networks()?;
        Bounds::closed(0, 1000).check("evaluation.steps", self.evaluation.steps)?;
        let trajectories = self.evaluation.trajectories;
        LANES.check("evaluation.trajectories", trajectories)?;
        rates("evaluation", self.evaluation.steps, &self.evaluation.rates)
    }

    fn validate_outer(&self) -> Result<(), SettingError> {
        match self.outer {
            Outer::Vpg | Outer::Reptile => {}
            Outer::Ppo {
                clip,
                epochs,
                penalty,
            } => {
                CLIP.check("outer.clip", clip)?;
                EPOCHS.check("outer.epochs", epochs)?;
                match penalty {
                    KlPenalty::None => {}
                    KlPenalty::Fixed { coefficient } => {
                        Bounds::NOT_NEGATIVE.check("outer.penalty.coefficient", coefficient)?;
                    }
                    KlPenalty::Adaptive {
                        coefficient,
                        target,
                    } => {
                        Bounds::POSITIVE.check("outer.penalty.coefficient", coefficient)?;
                        Bounds::POSITIVE.check("outer.penalty.target", target)?;
                    }
                }
            }
            Outer::Trpo(region) => {
                Bounds::POSITIVE.check("outer.max_kl", region.max_kl)?;
                ROUNDS.check("outer.iterations", region.iterations)?;
                Bounds::NOT_NEGATIVE.check("outer.damping", region.damping)?;
                ROUNDS.check("outer.backtracks", region.backtracks)?;
                Bounds::INSIDE_UNIT.check("outer.shrink", region.shrink)?;
            }
        }
        Ok(())
    }

    /// E-MAML's term has to fit the losses that it is added to.
    fn validate_exploration(&self) -> Result<(), SettingError> {
        let Exploration::EMaml { coefficient } = self.exploration else {
            return Ok(());
        };
        Bounds::NOT_NEGATIVE.check("exploration.coefficient", coefficient)?;
        if self.tasks < 2 {
            let allowed = "at least 2 with maml.exploration.kind = e-maml, whose baseline is the \
                           mean over the other tasks";
            return Err(SettingError::refused("tasks", self.tasks, allowed));
        }
        if self.inner.surrogate != Surrogate::LogProb {
            let allowed = "log-prob with maml.exploration.kind = e-maml, whose term holds what the \
                           other surrogates add: how the sampling depends on the policy";
            let value = format!("{:?}", self.inner.surrogate).to_lowercase();
            return Err(SettingError::refused("inner.surrogate", value, allowed));
        }
        let refuse = |allowed| Err(SettingError::refused("exploration.kind", "e-maml", allowed));
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
    fn validate_steps(&self) -> Result<(), SettingError> {
        let (reptile, none) = (self.outer == Outer::Reptile, self.inner.steps == 0);
        if reptile && none {
            let allowed = "at least 1 with maml.outer.kind = reptile, which moves towards where \
                           the steps lead";
            return Err(SettingError::refused("inner.steps", 0, allowed));
        }
        let why = match (reptile, none) {
            (true, _) => "none with maml.outer.kind = reptile, which has no gradient for rates",
            (_, true) => "none with maml.inner.steps = 0, which has no rates to learn",
            (false, false) => return Ok(()),
        };
        let refuse = |name| Err(SettingError::refused("inner.learned", name, why));
        match self.inner.learned {
            LearnedRates::None => Ok(()),
            LearnedRates::PerStep => refuse("per-step"),
            LearnedRates::PerParameter => refuse("per-parameter"),
        }
    }

    /// What gates steps is learned by gradients through them.
    fn validate_rule(&self) -> Result<(), SettingError> {
        let InnerRule::Gated(gated) = &self.inner.rule else {
            return Ok(());
        };
        let refuse = |allowed| Err(SettingError::refused("inner.rule.kind", "gated", allowed));
        if self.outer == Outer::Reptile {
            return refuse(
                "gradient with maml.outer.kind = reptile, which has no gradient for an LSTM; \
                 gated goes with vpg, ppo or trpo",
            );
        }
        if self.inner.steps == 0 {
            return refuse("gradient with maml.inner.steps = 0, which has no steps to gate");
        }
        gated.validate().map_err(|fault| fault.below("inner.rule"))
    }

    /// An objective of every step fits what else is said of the last one.
    fn validate_objective(&self) -> Result<(), SettingError> {
        if self.objective == MetaObjective::LastStep {
            return Ok(());
        }
        let refuse = |allowed| Err(SettingError::refused("objective", "every-step", allowed));
        match self.outer {
            _ if self.inner.steps == 0 => {
                refuse("last-step with maml.inner.steps = 0, which has no step")
            }
            Outer::Trpo(_) => refuse(
                "last-step with maml.outer.kind = trpo, which bounds the divergence of the last \
                 policy alone; every-step goes with vpg or ppo",
            ),
            Outer::Reptile => refuse(
                "last-step with maml.outer.kind = reptile, which moves towards the last policy; \
                 every-step goes with vpg or ppo",
            ),
            Outer::Vpg | Outer::Ppo { .. } if self.exploration != Exploration::None => refuse(
                "last-step with maml.exploration.kind = e-maml, which pays for the last policy",
            ),
            Outer::Vpg | Outer::Ppo { .. } => Ok(()),
        }
    }

    fn validate_networks(&self) -> Result<(), SettingError> {
        layers("policy.hidden", &self.policy.hidden)?;
        Bounds::SCALE.check("policy.std", self.policy.std)?;
        Bounds::SCALE.check("policy.min_std", self.policy.min_std)?;
        if self.policy.min_std > self.policy.std {
            let allowed = format!("at most maml.policy.std = {}", self.policy.std);
            return Err(SettingError::refused(
                "policy.min_std",
                self.policy.min_std,
                allowed,
            ));
        }
        match &self.baseline {
            Baseline::None if self.bootstrap => Err(SettingError::refused(
                "bootstrap",
                true,
                "false with maml.baseline.kind = none, which has no values",
            )),
            Baseline::None => Ok(()),
            Baseline::Linear { ridge } => {
                if self.bootstrap && self.gae.gamma == 1.0 {
                    let allowed = "below 1 with maml.bootstrap = true and maml.baseline.kind = \
                                   linear, which sums up all that would follow";
                    return Err(SettingError::refused("gae.gamma", 1, allowed));
                }
                Bounds::POSITIVE.check("baseline.ridge", *ridge)
            }
            Baseline::Value {
                hidden,
                optimizer,
                learning_rate,
                max_gradient_norm,
                epochs,
                ..
            } => {
                layers("baseline.hidden", hidden)?;
                let optimizer = optimizer.validate();
                optimizer.map_err(|fault| fault.below("baseline.optimizer"))?;
                Bounds::POSITIVE.check("baseline.learning_rate", *learning_rate)?;
                MAX_GRADIENT_NORM.check("baseline.max_gradient_norm", *max_gradient_norm)?;
                EPOCHS.check("baseline.epochs", *epochs)
            }
        }
    }
}

impl Gated {
    fn validate(&self) -> Result<(), SettingError> {
        GATE_UNITS.check("hidden", self.hidden)?;
        RANGE.check("range", self.range)?;
        Bounds::NOT_NEGATIVE.check("weights", self.weights)?;
        let biases = [
            ("forget_bias", self.forget_bias),
            ("input_bias", self.input_bias),
        ];
        for (key, bias) in biases {
            Bounds::FINITE.check(format!("{key}.low"), bias.low)?;
            Bounds::FINITE.check(format!("{key}.high"), bias.high)?;
            if bias.low > bias.high {
                let allowed = format!("at least {key}.low = {}", bias.low);
                return Err(SettingError::refused(
                    format!("{key}.high"),
                    bias.high,
                    allowed,
                ));
            }
        }
        Ok(())
    }
}

/// Rates of so many steps.
pub(crate) fn rates(section: &str, steps: usize, rates: &[f64]) -> Result<(), SettingError> {
    let key = format!("{section}.rates");
    if steps > 0 && rates.is_empty() {
        let allowed = format!("at least one number with maml.{section}.steps = {steps}");
        return Err(SettingError::refused(key, "[]", allowed));
    }
    rates
        .iter()
        .try_for_each(|rate| Schedule::RATE.check(key.as_str(), *rate))
}

fn layers(key: &str, hidden: &[usize]) -> Result<(), SettingError> {
    hidden.iter().try_for_each(|units| UNITS.check(key, *units))
}
